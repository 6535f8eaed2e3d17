"""Ctrl-C and the stop button, at the right moment; and a machine that is taken back (SIGTERM, SIGHUP)."""

import _thread
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from utils.train.processes import ALONE, Team

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))  # Windows lacks one
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

    With `ends`, a signal that would end the process (SIGTERM, SIGHUP) is an interrupt first, and ends it at the end of the block.
    """

    def __init__(self, team: Team = ALONE, *, ends: bool = False):
        self.team, self.ends = team, ends
        self.ending: dict[int, Any] = {}  # signals that end the process, with their handlers from before
        self.ended_by: int | None = None
        self.deaf = False  # what is done now is short and has to be done: interrupts are too late
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
            for number in ENDING if self.ends else ():
                if (
                    signal.getsignal(number) is signal.SIG_DFL
                ):  # nobody else looks after it, and nohup has not put it off
                    self.ending[number] = signal.signal(number, self._end)
        self.within = True
        return self

    def __exit__(self, *error: object) -> None:
        self.within = False
        for number, before in self.ending.items():
            signal.signal(number, before)
        if self.before is not None and not self._may_hear_an_echo():
            signal.signal(signal.SIGINT, self.before)
        if self.ended_by is not None:
            os.kill(os.getpid(), self.ended_by)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.ended_by = self.ended_by or number
        self._handle(signal.SIGINT, frame)

    @contextlib.contextmanager
    def put_off(self) -> Iterator[None]:
        """Do what is within whatever comes: the last checkpoint of a run that was interrupted."""
        self.deaf = True
        try:
            yield
        finally:
            self.deaf = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.deaf or self._may_hear_an_echo():
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


class Ending:
    """Within, SIGTERM and SIGHUP do what Ctrl-C does; `number` is the signal that came first. For a command, not for a library.

        with Ending() as ending:
            run = fit(...)        # stops as at Ctrl-C
            ending.keep()         # from here on nothing interrupts: what is there is written
            run.save(...)

    A KeyboardInterrupt that leaves the block becomes the exit status that a shell gives to a process that a signal ended. A
    signal that is ignored (`nohup` does that to SIGHUP) stays so.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.keeping = False
        self.before: dict[int, Any] = {}

    @property
    def status(self) -> int:
        """The exit status that says by which signal a command ended: Ctrl-C's, where it was no signal."""
        return 128 + (self.number or signal.SIGINT)

    def __enter__(self) -> "Ending":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *ENDING):
                if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                    self.before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        for number, before in self.before.items():
            signal.signal(number, before)
        if kind is KeyboardInterrupt:
            raise SystemExit(self.status)

    def keep(self) -> None:
        """What comes now has to be done: nothing interrupts it any more."""
        self.keeping = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        if self.keeping:
            return
        inner = signal.getsignal(signal.SIGINT)  # of a run that is under way
        if number != signal.SIGINT and callable(inner) and inner != self._handle:
            inner(signal.SIGINT, frame)
        else:
            raise KeyboardInterrupt
