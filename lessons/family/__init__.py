"""Lesson 09: the networks of the family beside each other, and how to choose one of them."""
