"""Lesson 3: batch normalisation, and BN-Inception."""
