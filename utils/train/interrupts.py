"""Ctrl-C and the stop button, at the right moment."""

import _thread
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from utils.train.processes import ALONE, Team

PATIENCE = 0.35  # seconds that an interrupt waits for the end of a step
ECHO = 2.0  # seconds: what started several processes passes an interrupt on that the terminal has sent to all of them


class Interrupts:
    """Within, an interrupt waits a moment for the end of what is `held`; a second one does not wait.

        with Interrupts() as interrupts:
            for batch in batches:
                with interrupts.held():
                    step(batch)  # is done wholly, and then KeyboardInterrupt is raised

    Half a step of training would leave weights that no whole number of steps leads to. Python interrupts its main thread
    and no other, so that in another thread there is nothing to hold.

    The processes of a team stop after the same step: an interrupt in one of them waits until all hear of it at the end of
    what is held.
    """

    def __init__(self, team: Team = ALONE):
        self.team = team
        self.calls = 0  # of `held`
        self.asked_at = -ECHO
        self.within = self.holding = self.asked = False
        self.lock = threading.Lock()
        self.before: Callable[[int, FrameType | None], Any] | None = None  # who was told of interrupts

    def __enter__(self) -> "Interrupts":
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(before):
            self.before = before
            signal.signal(signal.SIGINT, self._handle)
        self.within = True
        return self

    def __exit__(self, *error: object) -> None:
        self.within = False
        if self.before is not None and not self._may_hear_an_echo():
            signal.signal(signal.SIGINT, self.before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._may_hear_an_echo():
            return
        if self.team.size > 1 and self.within and not self.asked:
            self.asked, self.asked_at = True, time.monotonic()
        elif self.holding and not self.asked:
            self.asked = True
            timer = threading.Timer(PATIENCE, self._wait_no_longer)
            timer.daemon = True
            timer.start()
        elif self.before is not None:
            self.asked = False
            self.before(number, frame)

    def _may_hear_an_echo(self) -> bool:
        return self.team.size > 1 and time.monotonic() - self.asked_at < ECHO

    def _wait_no_longer(self) -> None:
        with self.lock:
            if self.holding and self.asked:
                _thread.interrupt_main()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep an interrupt back until what is done within is done, or it has waited long enough."""
        self.holding = True
        try:
            yield
        except KeyboardInterrupt:
            if self.team.size == 1 or self.asked:
                raise
            self.asked = True
        finally:
            with self.lock:
                self.holding = False
        self.calls += 1
        if self.calls % self.team.listens_every == 0 and self.team.any(self.asked):
            self.asked = False
            raise KeyboardInterrupt
