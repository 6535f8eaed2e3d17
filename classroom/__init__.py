"""What a teacher uses: a class's folder, releasing, taking in, marking, marks."""
