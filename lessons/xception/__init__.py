"""Lesson 8: Xception, and its relatives Xception-65 and Xception-71."""
