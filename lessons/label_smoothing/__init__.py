"""Lesson 5: label smoothing and the training recipe."""
