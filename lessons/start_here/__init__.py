"""Lesson 00: the machine, how a lesson works, a first run, and the family's map."""
