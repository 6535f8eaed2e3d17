"""One trial: an edited solution, whether it behaves as the solution does, and what its check says."""

import ast
import contextlib
import hashlib
import inspect
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Literal

import torch

from benchmarks.mutants.cases import CASES
from benchmarks.mutants.differential import Solution
from benchmarks.mutants.edits import Place, edited
from benchmarks.mutants.exercises import Task, answer_from, every_task, judge, tasks
from benchmarks.mutants.operators import OPERATORS
from benchmarks.mutants.rewritings import REWRITINGS
from utils.feedback.exercises import Result

SECONDS = {"behaviour": 20, "check": 60}  # of the processor, the most that one trial may take
Kind = Literal["mutant", "rewriting"]
Judge = Callable[[Task, object], Result]

# What comes of a mutant: "killed" (refused), "survived", "equivalent" (it behaves as the solution does). Of a rewriting: "accepted",
# "refused", "broken" (it behaves otherwise, which is a bug of the benchmark). Of both: "no answer" (the cell itself stops), "too long".
VERDICTS = ("killed", "survived", "equivalent", "accepted", "refused", "broken", "no answer", "too long")


@dataclass(frozen=True)
class Trial:
    """An edited solution, still to be tried."""

    kind: Kind
    slug: str
    exercise: str
    operator: str
    source: str
    lines: str  # what the edit changed

    @property
    def key(self) -> tuple[str, str, str]:
        """What a trial is known by."""
        return f"{self.slug}.{self.exercise}", self.operator, self.lines


@dataclass(frozen=True)
class Outcome:
    """What came of a trial: `difference` is where it behaves otherwise than the solution, `sentence` what the check said."""

    trial: Trial
    verdict: str
    difference: str = ""
    sentence: str = ""

    @property
    def named(self) -> bool | None:
        """Does the refusal of a mutant name what was done? None where there is nothing to name."""
        says = OPERATORS[self.trial.operator].says if self.verdict == "killed" else None
        return None if says is None else bool(says.search(self.sentence))

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> "Outcome":
        """What `as_data` has kept, without the source."""
        trial = Trial(data["kind"], data["slug"], data["exercise"], data["operator"], "", data["lines"])
        return cls(trial, data["verdict"], data["difference"], data["sentence"])

    def as_data(self) -> dict[str, object]:
        """For a JSON file."""
        trial = asdict(self.trial)
        del trial["source"]
        return {**trial, "verdict": self.verdict, "named": self.named, "difference": self.difference, "sentence": self.sentence}  # fmt: skip


def first_case(task: Task) -> dict[str, object]:
    """The arguments of the first case, by their names; under "return", what the solution gives back."""
    answer = answer_from(task)
    call, again = (next(iter(CASES[task.key]())) for _ in range(2))
    arguments = inspect.signature(answer).bind(*call.arguments, **call.named).arguments
    return {**arguments, "return": answer(*again.arguments, **again.named)}


def trials_of(task: Task, operators: Iterable[str] | None = None) -> Iterator[Trial]:
    """All trials of an exercise, mutants first, no source twice."""
    seen, chosen = set(), set(operators or (*OPERATORS, *REWRITINGS))
    place = Place(ast.parse(task.source), task.written, first_case(task))
    kinds: tuple[tuple[Kind, dict], ...] = (("mutant", OPERATORS), ("rewriting", REWRITINGS))
    for kind, table in kinds:
        for name, entry in table.items():
            if name not in chosen:
                continue
            for each in edited(place, entry.edit):
                if each.source not in seen:
                    seen.add(each.source)
                    yield Trial(kind, task.slug, task.name, name, each.source, each.lines)


def plan(
    lessons: Iterable[str] | None = None, operators: Iterable[str] | None = None, only: str | None = None
) -> list[Trial]:
    """The trials of these lessons and operators, `only` of "exercises" or "assignments"; all of them if none is named."""
    return [
        trial
        for task in every_task()
        if task.key in CASES and (not lessons or task.slug in lessons)
        if only is None or (only == "assignments") == bool(task.tests)
        for trial in trials_of(task, operators)
    ]


def sampled(trials: Sequence[Trial], count: int, seed: int) -> list[Trial]:
    """So many of the trials. They are chosen by a hash of each, so that a new exercise leaves most of a sample as it was."""
    chosen = {trial.key for trial in sorted(trials, key=lambda trial: _hashed(trial, seed))[:count]}
    return [trial for trial in trials if trial.key in chosen]


def _hashed(trial: Trial, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {trial.key}".encode()).digest()


def tried(trial: Trial, judged: Judge = judge) -> Outcome:
    """Try one edited solution."""
    task = tasks(trial.slug)[trial.exercise]
    try:
        with limit(SECONDS["behaviour"]):
            try:
                answer = answer_from(task, trial.source)
            except Exception as error:
                return Outcome(trial, "no answer", sentence=f"{type(error).__name__}: {error}")
            difference = _solution(task).difference(answer)
    except TookTooLong:
        difference = "it takes too long"
    if trial.kind == "mutant" and not difference:
        return Outcome(trial, "equivalent")
    if trial.kind == "rewriting" and difference:
        return Outcome(trial, "broken", difference)
    try:
        with limit(SECONDS["check"]):
            result = judged(task, answer_from(task, trial.source))
    except TookTooLong:
        return Outcome(trial, "too long", difference)
    verdict = ("survived" if result else "killed") if trial.kind == "mutant" else ("accepted" if result else "refused")
    return Outcome(trial, verdict, difference, result.body if not result else "")


@cache
def _solution(task: Task) -> Solution:
    return Solution(answer_from(task), CASES[task.key])


class TookTooLong(BaseException):
    """No `Exception`, so that no answer and no check can catch it."""


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Stop what is inside after so many seconds of the processor, where the system has a timer for that."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def prepare_worker() -> None:
    """One thread, progress in a folder that is thrown away, Ctrl-C left to the parent."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["COURSE_WORK"] = tempfile.mkdtemp(prefix="mutants-")
