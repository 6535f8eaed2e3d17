"""Marking one submission: the student's cells in a process of their own, the tests in another, and what each test says.

    python -m classroom.sandbox.submission      # a worker: jobs come in, one after the other, and outcomes go out (`classroom.sandbox.workers`)

A worker forks for every job, once for the tests and, out of that process, once more for the student's code, which is then
confined (`classroom.sandbox.isolation`) before it sees a line of it. Neither has read a test at that time. So torch is imported once,
and nothing goes from one submission to the next.
"""

import builtins
import contextlib
import linecache
import os
import signal
import socket
import time
import traceback
import warnings
from dataclasses import asdict
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from classroom.sandbox.channel import Channel, Disconnected, ResponseTimeout
from classroom.sandbox.isolation import Limits, Sandbox, die_with_parent, forbid_ptrace, fork, in_force, limit_memory
from classroom.sandbox.jobs import Cell, Job, Outcome, Timeouts, used_names
from classroom.sandbox.stand_in import Student
from classroom.sandbox.student_process import CappedOutput, serve
from classroom.sandbox.wire import NotSerializable

NO_MORE_JOBS = 2  # the exit status of a process that waited for one
Scope = dict[str, Any]  # the names that the tests see


class Session:
    """The student's process. When its code ends it, another takes its place, with all cells run again but the one that did."""

    def __init__(self, job: Job, shell: InteractiveShell) -> None:
        self.job, self.shell = job, shell
        self.done: list[str] = []
        self.began = time.monotonic()
        self._open()

    def _open(self) -> None:
        self.sandbox = Sandbox(lambda end: serve(Channel(end), self.shell), self.job.limits)
        self.channel = Channel(self.sandbox.end)
        self.student = Student(self.channel, self.job.times.answer)

    @property
    def left(self) -> float:
        """Seconds that the submission still has."""
        return self.began + self.job.times.submission - time.monotonic()

    def run(self, source: str) -> Outcome:
        try:
            outcome = self._run(source)
        except (Disconnected, ResponseTimeout) as error:
            self.renew()
            return Outcome(error=_ended(error, self.job.times.answer))
        if outcome.error and outcome.error[0] == "MemoryError":
            self.renew()  # what it holds would leave the cells behind it none
        else:
            self.done.append(source)
        return outcome

    def _run(self, source: str) -> Outcome:
        self.channel.send({"kind": "cell", "source": source})
        said, _ = self.channel.receive(max(min(self.job.times.answer, self.left), 0.1))
        error = said.get("error")
        return Outcome(
            str(said["text"]), None if error is None else (str(error[0]), str(error[1]), list(map(str, error[2])))
        )

    def renew(self) -> None:
        """Start over, after the process has ended or hangs; without a cell that ends or hangs it this time."""
        finished = False
        while not finished:
            self.sandbox.kill()
            self._open()
            finished = all(self._repeats(source) for source in list(self.done)) or self.left <= 0

    def _repeats(self, source: str) -> bool:
        try:
            self._run(source)
        except (Disconnected, ResponseTimeout):
            self.done.remove(source)
            return False
        return True

    def close(self) -> None:
        self.sandbox.kill()


def mark(job: Job, session: Session) -> list[Outcome]:
    """Run all cells: what came of each, in their order."""
    scope = {"__name__": "__main__", "__builtins__": builtins}
    outcomes = []
    for cell in job.cells:
        if session.left <= 0:
            outcomes.append(Outcome(error=("TimeoutError", _too_long(job.times.submission, "The notebook"), [])))
        elif cell.role == "test":
            outcomes.append(_test(cell, job, session, scope))
        else:
            outcome = session.run(cell.source)
            if cell.role == "given":
                with contextlib.suppress(Exception):  # it may lean on an answer that is not there
                    _execute(cell, scope)
            outcomes.append(outcome)
    return outcomes


def _test(cell: Cell, job: Job, session: Session, scope: Scope) -> Outcome:
    stream = CappedOutput()
    session.student.undecided = ""
    session.student.deadline = time.monotonic() + min(job.times.test, session.left)
    try:
        for name in used_names(cell.source) & set(job.names):
            scope.pop(name, None)
            with contextlib.suppress(KeyError):
                scope[name] = session.student.name(name)
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            _execute(cell, scope)
    except (Disconnected, ResponseTimeout) as error:
        session.renew()
        return Outcome(stream.text(), _ended(error, job.times.answer))
    except BaseException as error:
        undecided = session.student.undecided
        if isinstance(error, NotSerializable):
            undecided = undecided or str(error)
        if undecided:
            undecided = f"It cannot be brought from the student's code to the test or back: {undecided}"
        if _stopped(session):
            session.renew()
        return Outcome(
            stream.text(), (type(error).__name__, undecided or str(error), _lines(error, cell)), undecided=undecided
        )
    return Outcome(stream.text())


def _execute(cell: Cell, scope: Scope) -> None:
    name = f"<{cell.name}>"
    linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(cell.source, name, "exec"), scope)


def _stopped(session: Session) -> bool:
    """Has the test hidden that the process is gone?"""
    try:
        session.student.has("__name__")
    except (Disconnected, ResponseTimeout):
        return True
    return False


def _ended(error: Exception, seconds: float) -> tuple[str, str, list[str]]:
    if isinstance(error, ResponseTimeout):
        return "TimeoutError", _too_long(seconds, "Your code"), []
    text = "Your code ended the process in which it ran, or used more memory than there is."
    return "ProcessEnded", f"{text} ({error})" if "sense" in str(error) else text, []


def _too_long(seconds: float, what: str) -> str:
    return f"{what} took longer than {seconds:g} seconds and was stopped."


def _lines(error: BaseException, cell: Cell) -> list[str]:
    """Where a visible test stopped, and where in the student's code. Of a hidden test only its sentence is told."""
    lines = cell.source.splitlines()
    hidden = next((number for number, line in enumerate(lines) if "BEGIN HIDDEN TESTS" in line), len(lines))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == f"<{cell.name}>" and (frame.lineno or 0) <= hidden
    ]
    notes = [line for note in getattr(error, "__notes__", []) for line in note.splitlines()]
    return [line.rstrip("\n") for line in traceback.format_list(frames)] + notes


# The worker


def work() -> None:
    """Take jobs and give outcomes through the socket that is the standard input, until nobody is at its other end."""
    shell = new_shell()
    channel = Channel(socket.socket(fileno=os.dup(0)))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    in_force()
    status = 0
    while status != NO_MORE_JOBS:
        process = fork(lambda: _job(shell, channel))
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if status not in (0, NO_MORE_JOBS):
            channel.send({"died": status})


def _job(shell: InteractiveShell, channel: Channel) -> int:
    """One submission, in the process of its tests."""
    parent = os.getppid()
    forbid_ptrace()
    die_with_parent(parent)
    empty = Job([], [])
    # The student's process is forked before the job, with its tests, is read: with the usual limits, known beforehand.
    session = Session(empty, shell)
    try:
        try:
            data, _ = channel.receive()
        except Disconnected:
            return NO_MORE_JOBS
        job = Job(
            [Cell(**each) for each in data["cells"]], data["names"], Timeouts(**data["times"]), Limits(**data["limits"])
        )
        session.job, session.began = job, time.monotonic()
        session.student.seconds = job.times.answer
        signal.setitimer(signal.ITIMER_REAL, job.times.submission + job.times.test + 10)
        limit_memory(2 * job.limits.memory)  # what the tests carry out is what the student's process says
        outcomes = mark(job, session)
        channel.send({"outcomes": [asdict(outcome) for outcome in outcomes]})
        return 0
    finally:
        session.close()


def new_shell() -> InteractiveShell:
    """An IPython shell without history, colours or files of its own."""
    import matplotlib
    import torch
    from torch import nn
    from traitlets.config import Config

    import course.leaderboard  # noqa: F401  (a fork finds it loaded)
    from utils.feedback.modules import same_module

    net, other = (nn.Sequential(nn.Conv2d(2, 2, 1), nn.PReLU()) for _ in range(2))
    same_module(net, other, (2, 3, 3))  # what torch loads when asked
    torch.distributions.Categorical(logits=torch.zeros(1, 2)).entropy()
    matplotlib.use("Agg")
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return InteractiveShell.instance(config=config)


if __name__ == "__main__":
    work()
