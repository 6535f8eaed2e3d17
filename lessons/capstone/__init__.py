"""Lesson 10: a network of your own under a budget, its run, and the class leader board."""
