"""Lesson 4: factorised convolutions; Inception-v2 and Inception-v3."""
