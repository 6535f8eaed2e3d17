"""A `Job` is a submission that is to be marked, and an `Outcome` what came of one of its cells: what workers get and give."""

import ast
from dataclasses import dataclass, field

from classroom.sandbox.isolation import Limits


@dataclass(frozen=True)
class Timeouts:
    """Seconds: for one cell of the student's or one answer to a test, for one test, and for the whole submission.

    Once it is marked, the one slip that makes a test fail is looked for in `slips` seconds, a third of them for one answer;
    0 leaves that out.
    """

    answer: float = 20
    test: float = 40
    submission: float = 120
    slips: float = 6


@dataclass
class Cell:
    """One code cell of what is run.

    Attributes:
        role: "student", "given" (the teacher's, run on both sides) or "test".
        name: nbgrader's id; empty for a cell that the student added.
        source: its code.
    """

    role: str
    name: str
    source: str


@dataclass
class Job:
    """A submission that is to be marked: its cells in the order in which they run, and the names that the answers define."""

    cells: list[Cell]
    names: list[str]
    times: Timeouts = field(default_factory=Timeouts)
    limits: Limits = field(default_factory=Limits)


@dataclass
class Outcome:
    """What came of a cell.

    Attributes:
        text: what it printed.
        error: name, message and lines of what stopped it; None where it came to its end.
        undecided: why no test could say whether the answer is right; a person has to look. Empty where one could.
        remark: what the teacher should know of it otherwise.
    """

    text: str = ""
    error: tuple[str, str, list[str]] | None = None
    undecided: str = ""
    remark: str = ""


def defined_names(source: str) -> set[str]:
    """The names that a cell's code defines at its top."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    names = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        else:
            names |= {
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
    return names


def used_names(source: str) -> set[str]:
    """All names that a cell's code mentions."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
