"""The experiments of this lesson, one file each."""
