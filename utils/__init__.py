"""Tools of the course that know no lesson."""
