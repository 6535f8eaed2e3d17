"""The process of a race's own: it waits for its turn, and ends with the process that started it, however that one ends.

What it computes is in `labs.race.training`, which is imported only when no other race is on.
"""

import os
import pickle
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from labs.race.messages import Tell
from utils.system.quick_start import search_less

LOOK_EVERY = 0.25  # seconds between two looks: is the starting process still there, is it our turn?


def main() -> None:
    """Read a job from standard input, do it, and write pickled messages, tuples, to standard output."""
    search_less()
    messages = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a network prints is no message
    job = pickle.load(sys.stdin.buffer)
    for event in (_hung_up, partial(_orphaned, job.parent)):
        threading.Thread(target=_end_after, args=(event,), daemon=True).start()

    def tell(*message: object) -> None:
        pickle.dump(message, messages)
        messages.flush()

    with _alone(tell):
        began = time.perf_counter()
        from labs.race.training import run_race

        run_race(job, tell, began)
    tell("over")
    os._exit(0)  # there is nothing to tidy up, and torch takes its time


def _end_after(event: Callable[[], None]) -> None:
    event()
    os._exit(1)


def _hung_up() -> None:
    """Wait until the starting process has closed its end of the pipe; the system does that when it ends."""
    os.read(0, 1)


def _orphaned(parent: int) -> None:
    """Wait until the starting process is gone: a fork of it that lives on may hold the pipe open."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)


@contextmanager
def _alone(tell: Tell) -> Iterator[None]:
    """Within, no other race of this user computes. The system frees the lock of a process that ends."""
    user = os.getuid() if hasattr(os, "getuid") else "user"  # Windows has a folder for each
    lock = FileLock(Path(tempfile.gettempdir()) / f"inception-course-race-{user}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell("waits")
        lock.acquire(poll_interval=LOOK_EVERY)
    tell("begins")
    try:
        yield
    finally:
        lock.release()
