"""This machine, for everything above: the course's folders, files that are always whole, the NVIDIA driver, the network."""
