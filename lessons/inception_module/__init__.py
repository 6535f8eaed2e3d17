"""Lesson 01: the Inception module ("Going deeper with convolutions", sections 1 to 4)."""
