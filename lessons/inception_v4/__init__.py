"""Lesson 6: Inception-v4."""
