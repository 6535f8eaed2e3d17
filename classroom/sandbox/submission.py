"""Marking one submission: the student's cells in a process of their own, the tests in another, and what each test says.

    python -m classroom.sandbox.submission      # a worker: jobs come in, one after the other, and outcomes go out (`classroom.sandbox.workers`)

A worker forks for every job, once for the tests and once for the student's code, and again where that has ended. Each is
confined (`classroom.sandbox.isolation`) before it sees a line of either. So torch is imported once, and nothing goes from one submission to the
next.
"""

import builtins
import contextlib
import hashlib
import json
import linecache
import os
import re
import signal
import socket
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList

from classroom.sandbox.channel import NO_SENSE, Channel, Disconnected, ResponseTimeout
from classroom.sandbox.isolation import (
    GIGABYTE,
    Limits,
    Sandbox,
    adopt,
    end_all_below,
    forbid_ptrace,
    jail_works,
    limit_memory,
)
from classroom.sandbox.jobs import Cell, Job, Outcome, Timeouts, defined_names, used_names
from classroom.sandbox.stand_in import Student, is_out_of_memory
from classroom.sandbox.student_process import MOST_TEXT, CappedOutput, serve
from classroom.sandbox.wire import NotSerializable
from utils.feedback import undoing
from utils.feedback.exercises import tells_why
from utils.system.quick_start import search_less

NO_MORE_JOBS = 77  # the exit status of a process that waited for one
OF_TESTS = Limits(memory=64 * GIGABYTE, processor=3600)  # until the job says its own
_NO_SLIP = ("TimeoutError", "MemoryError", "ProcessEnded")  # what no sentence of a test has ended
INSTALLERS = ("pip", "conda", "mamba", "micromamba", "uv")
SCRIPTS = ("bash", "sh", "script", "perl", "ruby", "system", "sx", "!")  # cells that are another program's
EVERY = 0.1  # seconds between two looks at what a submission uses
Scope = dict[str, Any]  # the names that the tests see


class Students:
    """The process of a student's code, and another in its place when it has ended. Of the worker, which has read no test."""

    def __init__(self, shell: InteractiveShell):
        self.shell = shell
        self.sandbox: Sandbox | None = None
        self.reason = ""

    def open(self, limits: Limits) -> tuple[socket.socket, str]:
        """A new process: the way to it, and over which limit the last one went, if that is why it ended."""
        self.watch()
        reason = self.reason
        self.close()
        self.sandbox = Sandbox(lambda end: serve(Channel(end), self.shell), limits)
        return self.sandbox.end, reason

    def watch(self) -> None:
        """End the process where all that it started is over a limit."""
        if self.sandbox is not None and (reason := self.sandbox.exceeded()):
            self.close()
            self.reason = reason

    def close(self) -> None:
        if self.sandbox is not None:
            self.sandbox.kill()
        self.sandbox, self.reason = None, ""


class Session:
    """The student's process, as the tests' process has it. When its code ends it, another takes its place.

    Args:
        open: starts a student's process (`Students.open`).
    """

    def __init__(self, job: Job, open: Callable[[Limits], tuple[socket.socket, str]]) -> None:
        self.job, self.open = job, open
        self.done: list[str] = []
        self.began = time.monotonic()
        self._open()

    def _open(self) -> str:
        end, reason = self.open(self.job.limits)
        self.channel = Channel(end)
        self.student = Student(self.channel, self.job.times.answer, seed=_seed(self.job))
        self.student.sources = [cell.source for cell in self.job.cells if cell.role != "test"]
        self.student.visible = ["\n".join(_visible(cell)) for cell in self.job.cells if cell.role == "test"]
        return reason

    @property
    def left(self) -> float:
        """Seconds that the submission still has."""
        return self.began + self.job.times.submission - time.monotonic()

    def run(self, source: str) -> Outcome:
        try:
            outcome = self._run(source)
        except (Disconnected, ResponseTimeout) as error:
            return Outcome(error=_ended(error, self.job.times.answer, self.renew()))
        if outcome.error and outcome.error[0] == "MemoryError":
            self.renew()  # what it holds would leave the cells behind it none
        else:
            self.done.append(source)
        return outcome

    def run_edited(self, source: str, seconds: float) -> bool:
        """Run an edited answer: does it stop?

        Raises:
            ResponseTimeout, Disconnected: it did not end in time, or ended the process.
        """
        return self._run(source, seconds).error is not None

    def _run(self, source: str, most: float = float("inf")) -> Outcome:
        seconds = max(min(self.job.times.answer, self.left, most), 0.1)
        self.channel.send({"kind": "cell", "source": source}, timeout=seconds)
        said, _ = self.channel.receive(seconds)
        try:
            error, dropped = said.get("error"), int(said["dropped"])
            outcome = Outcome(str(said["text"])[:MOST_TEXT])
            if error is not None:
                name, text, lines = error
                outcome.error = (
                    str(name)[:MOST_TEXT],
                    str(text)[:MOST_TEXT],
                    [str(line)[:MOST_TEXT] for line in lines[:100]],
                )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Disconnected(NO_SENSE) from error
        if outcome.error and is_out_of_memory(*outcome.error[:2]):
            outcome.error = "MemoryError", _too_much_memory(self.job.limits), outcome.error[2]
        if dropped > 0:
            outcome.text += f"\n... {dropped:,} more characters are left out ..."
            outcome.remark = f"It prints too much: {dropped:,} characters beyond the first {MOST_TEXT:,} are left out."
        return outcome

    def renew(self) -> str:
        """Start over, after the process has ended or hangs; without a cell that ends or hangs it this time. Why it ended comes back."""
        reason = self._open()
        while not all(self._repeats(source) for source in list(self.done)) and self.left > 0:
            self._open()
        return reason

    def repeat(self, source: str) -> None:
        """Run a cell again, or leave it out where it ends or hangs the process this time."""
        if self._repeats(source):
            self.done.append(source)
        else:
            self.renew()

    def _repeats(self, source: str) -> bool:
        try:
            self._run(source)
        except (Disconnected, ResponseTimeout):
            if source in self.done:
                self.done.remove(source)
            return False
        return True

    def begin_again(self) -> None:
        """A new process that has run nothing, and the whole time once more."""
        self.done, self.began = [], time.monotonic()
        self._open()


def mark(job: Job, session: Session) -> list[Outcome]:
    """Run all cells: what came of each, in their order.

    They run twice. What a cell prints is taken from a process that no test has asked anything; the tests ask another one,
    whose output nobody sees.
    """
    outcomes = {
        number: session.run(cell.source) if session.left > 0 else _late(job)
        for number, cell in enumerate(job.cells)
        if cell.role != "test"
    }
    if len(outcomes) == len(job.cells):
        return list(outcomes.values())
    finished = list(session.done)
    session.begin_again()
    scope = {"__name__": "__main__", "__builtins__": builtins}
    told: set[int] = set()
    for number, cell in enumerate(job.cells):
        if session.left <= 0:
            outcomes.setdefault(number, _late(job))
        elif cell.role == "test":
            outcomes[number], is_told = _test(cell, job, session, scope)
            told |= {number} if is_told else set()
        elif cell.source in finished:
            session.repeat(cell.source)
        if cell.role == "given":
            with contextlib.suppress(Exception):  # it may lean on an answer that is not there
                _execute(cell, scope)
    _name_slips(job, session, scope, outcomes, told)
    return [outcomes[number] for number in range(len(job.cells))]


def _name_slips(job: Job, session: Session, scope: Scope, outcomes: dict[int, Outcome], told: set[int]) -> None:
    """Where one slip alone makes a test fail, the test's sentence is told which. All marks are made by now, and stay as they are.

    `told` are the cells whose sentence says it already.
    """
    until = time.monotonic() + min(job.times.slips, session.left)
    for number, cell in enumerate(job.cells):
        error = outcomes[number].error
        if cell.role != "test" or error is None or error[0] in _NO_SLIP or outcomes[number].undecided or number in told:
            continue
        for source, name in _answers(job, cell):
            tests = [
                cell,
                *(each for each in job.cells if each is not cell and _asks_only_for(each, job, source, name)),
            ]
            seconds = min(job.times.slips / 3, until - time.monotonic())
            slip = (
                _slip(tests, session, scope, source, name, seconds, _stops_in(source, error[2])) if seconds > 0 else ""
            )
            if slip and (error := outcomes[number].error):
                outcomes[number].error = (error[0], f"{error[1]}\n{slip}", error[2])
                break


def _answers(job: Job, cell: Cell) -> list[tuple[str, str]]:
    """The student's definitions that a test asks for: each with its cell's code."""
    defined = {name: each.source for each in job.cells if each.role == "student" for name in defined_names(each.source)}
    return [(defined[name], name) for name in sorted(used_names(cell.source) & set(job.names) & set(defined))]


def _asks_only_for(cell: Cell, job: Job, source: str, name: str) -> bool:
    """Is it a test of this answer, and of no other cell's?"""
    if cell.role != "test":
        return False
    used = used_names(cell.source) & set(job.names)
    return name in used and used <= defined_names(source)


def _stops_in(source: str, told: list[str]) -> list[int]:
    """The lines of an answer's cell in which it stopped, as the notes of an outcome tell them."""
    lines = [line.strip() for line in source.splitlines()]
    found = [(int(each[1]), each[2]) for each in map(re.compile(r"line (\d+): (.*)").fullmatch, told) if each]
    return [number for number, text in found if lines[number - 1 : number] == [text]]


def _slip(
    tests: list[Cell], session: Session, scope: Scope, source: str, name: str, seconds: float, lines: list[int]
) -> str:
    """A sentence about the one slip in an answer without which its tests pass; "" where no one edit makes it so.

    `tests` begins with the one that fails; `lines` are those in which the answer stops.
    """
    until = time.monotonic() + seconds

    def passes(code: str) -> bool:
        if session.run_edited(code, max(until - time.monotonic(), 0.1)):
            return False
        session.student.deadline = until
        try:
            for cell in tests:
                _ask(cell, session, scope)
        except (Disconnected, ResponseTimeout):
            raise
        except BaseException:
            return False
        return True

    try:
        said = undoing.undone_in(source, name, passes, seconds, lines)
        session.repeat(source)
    except (Disconnected, ResponseTimeout):  # an edit that never ends, or ends the process
        session.renew()
        return ""
    return said


def _late(job: Job) -> Outcome:
    return Outcome(error=("TimeoutError", _too_long(job.times.submission, "The notebook"), []))


def _seed(job: Job) -> bytes:
    """What the tests' random numbers follow from: the same for the same job, and not known where the student's code runs."""
    return hashlib.sha256(json.dumps([cell.source for cell in job.cells]).encode()).digest()


def _test(cell: Cell, job: Job, session: Session, scope: Scope) -> tuple[Outcome, bool]:
    """What comes of a test, and whether its sentence tells what it comes from."""
    stream = CappedOutput()
    student = session.student
    student.undecided = ""
    student.deadline = time.monotonic() + min(job.times.test, session.left)
    try:
        _ask(cell, session, scope, stream)
    except (Disconnected, ResponseTimeout) as error:
        return Outcome(
            student.without_its_words(stream.text()), _ended(error, job.times.answer, session.renew())
        ), False
    except BaseException as error:
        undecided = student.undecided
        if isinstance(error, NotSerializable):
            undecided = undecided or str(error)
        if undecided:
            undecided = f"It cannot be brought from the student's code to the test or back: {undecided}"
        name, text = type(error).__name__, undecided or student.without_its_words(str(error))
        if getattr(error, "of_student", False):
            text = "Your code stopped with this where the test asked it. Its own words are not shown here: the test may be hidden."
            if name == "NotImplementedError" and any(
                "raise NotImplementedError" in each for each, _ in _answers(job, cell)
            ):
                text = "This task is open: its cell still raises NotImplementedError, as it came."
            if is_out_of_memory(name, str(error)):
                name, text = "MemoryError", _too_much_memory(job.limits)
        if reason := _stopped(session):
            name, text = "ProcessEnded", reason
        said = (name, text, _lines(error, cell))
        return Outcome(student.without_its_words(stream.text()), said, undecided=undecided), tells_why(error)
    return Outcome(student.without_its_words(stream.text())), False


def _ask(cell: Cell, session: Session, scope: Scope, stream: CappedOutput | None = None) -> None:
    """Run a test, with what the student's process has under the names of the answers; what stops it is raised."""
    stream = stream or CappedOutput()
    for name in used_names(cell.source) & set(session.job.names):
        scope.pop(name, None)
        with contextlib.suppress(KeyError):
            scope[name] = session.student.name(name)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        _execute(cell, scope)


def _execute(cell: Cell, scope: Scope) -> None:
    name = f"<{cell.name}>"
    linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(cell.source, name, "exec"), scope)


def _stopped(session: Session) -> str:
    """Has the test hidden that the process is gone? Then it is there again, and the limit that it went over comes back."""
    try:
        session.student.has("__name__")
    except (Disconnected, ResponseTimeout):
        return session.renew()
    return ""


def _ended(error: Exception, seconds: float, reason: str) -> tuple[str, str, list[str]]:
    if reason:
        return "MemoryError" if "memory" in reason else "ProcessEnded", reason, []
    if isinstance(error, ResponseTimeout):
        return "TimeoutError", _too_long(seconds, "Your code"), []
    if str(error) == NO_SENSE:
        return "ProcessEnded", "What came from the process in which your code ran makes no sense, or is too large.", []
    return "ProcessEnded", "Your code ended the process in which it ran.", []


def _too_much_memory(limits: Limits) -> str:
    return f"Your code needs more memory than the {limits.memory / GIGABYTE:g} GB that there are."


def _too_long(seconds: float, what: str) -> str:
    return f"{what} took longer than {seconds:g} seconds and was stopped."


def _lines(error: BaseException, cell: Cell) -> list[str]:
    """Where a visible test stopped, and where in the student's code. Of a hidden test only its sentence is told."""
    hidden = len(_visible(cell))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == f"<{cell.name}>" and (frame.lineno or 0) <= hidden
    ]
    notes = [line for note in getattr(error, "__notes__", []) for line in note.splitlines()]
    return [line.rstrip("\n") for line in traceback.format_list(frames)] + notes


def _visible(cell: Cell) -> list[str]:
    """The lines of a test that students see."""
    lines = cell.source.splitlines()
    return lines[: next((number for number, line in enumerate(lines) if "BEGIN HIDDEN TESTS" in line), len(lines))]


# The worker


def work() -> None:
    """Take jobs and give outcomes through the socket that is the standard input, until nobody is at its other end."""
    shell = new_shell()
    channel = Channel(socket.socket(fileno=os.dup(0)))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    adopt()
    jail_works()
    channel.send({"ready": True})
    status = 0
    while status != NO_MORE_JOBS:
        status = _one_job(shell, channel)
        if status not in (0, NO_MORE_JOBS):
            channel.send({"died": status})


def _one_job(shell: InteractiveShell, channel: Channel) -> int:
    """Start the tests' process, which takes a job, and as many students' processes as it asks for. Its exit status comes back.

    This process reads no job: what it forks has seen no test.
    """
    students = Students(shell)
    tests = Sandbox(lambda end: _job(channel, end), OF_TESTS, keep=[channel.end.fileno()])
    try:
        while True:
            tests.end.settimeout(EVERY)
            try:
                asked = tests.end.recv(4096)
            except TimeoutError:
                students.watch()
                continue
            if not asked:
                return tests.wait()
            end, reason = students.open(Limits(**json.loads(asked)))
            socket.send_fds(tests.end, [json.dumps(reason).encode()], [end.fileno()])
            end.close()
    except (OSError, ValueError, TypeError):
        return tests.kill()
    finally:
        students.close()
        end_all_below()


def _job(channel: Channel, worker: socket.socket) -> int:
    """One submission, in the process of its tests."""
    forbid_ptrace()
    try:
        data, _ = channel.receive()
    except Disconnected:
        return NO_MORE_JOBS
    job = Job(
        [Cell(**each) for each in data["cells"]], data["names"], Timeouts(**data["times"]), Limits(**data["limits"])
    )
    signal.setitimer(signal.ITIMER_REAL, 2 * job.times.submission + job.times.test + 10)
    limit_memory(2 * job.limits.memory)  # what the tests carry out is what the student's process says

    def open(limits: Limits) -> tuple[socket.socket, str]:
        worker.sendall(json.dumps(asdict(limits)).encode())
        reason, (number, *_), *_ = socket.recv_fds(worker, 4096, 1)
        return socket.socket(fileno=number), json.loads(reason)

    outcomes = mark(job, Session(job, open))
    channel.send({"outcomes": [asdict(outcome) for outcome in outcomes]})
    return 0


class Shell(InteractiveShell):
    """IPython, in which what asks for a screen, another program or an extension is left out, says so, and stops no cell."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Nothing: there is no screen."""

    def enable_matplotlib(self, gui: str | None = None) -> tuple[None, str]:
        """Nothing, as `%matplotlib inline` asks for it: figures are drawn, and nobody sees them."""
        return None, "agg"

    def system(self, cmd: str) -> None:
        """What `!` and `%pip` call."""
        print("What starts with ! or %pip is left out when work is marked: no other program runs there.")
        self.user_ns["_exit_code"] = 0

    system_raw = system_piped = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> list[str] | str:
        """What `lines = !...` calls."""
        self.system(cmd)
        return SList() if split else ""

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> object:
        """As IPython, but for magics that are not there."""
        if magic_name in INSTALLERS or magic_name not in self.magics_manager.magics["line"]:
            print(f"%{magic_name} is left out when work is marked.")
            return None
        try:
            return super().run_line_magic(magic_name, line, _stack_depth + 1)
        except ModuleNotFoundError:
            if magic_name not in ("load_ext", "reload_ext"):
                raise
            print(f"%{magic_name} {line.strip():.40} is left out when work is marked: it is not installed there.")
            return None


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
    shell = Shell.instance(config=config)
    for name in SCRIPTS:
        shell.magics_manager.register_function(lambda line, cell: shell.system(""), "cell", name)
    return shell


if __name__ == "__main__":
    search_less()
    work()
