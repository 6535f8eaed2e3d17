"""Processes that begin with PyTorch imported: one process imports it, and divides itself for each that is asked for."""

from multiprocessing import get_context

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["torch._dynamo", "tests.utils.train.killed"])
