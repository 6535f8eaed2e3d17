"""Lesson 2: GoogLeNet, the network of "Going deeper with convolutions"."""
