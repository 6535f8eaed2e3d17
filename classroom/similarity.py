"""Submissions that are alike, a list for a teacher to look at and no verdict: `report(folder, "inception_module")`.

Code is compared by its structure: names, comments, layout and docstrings do not count, nor does what the assignment gave.
Free answers are compared by their words. Short answers are left out: those are alike by themselves.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from classroom.course_folder import require_released
from classroom.notebooks import ClassroomError, grade_id, grader_data_of, read
from classroom.report import Row
from classroom.roster import Roster

RUN = 6  # so many tokens in a row are one thing that two answers can share
FEWEST = 40  # tokens beyond what was given; an answer of fewer is not compared


@dataclass(frozen=True)
class Pair:
    """Two students' answers to one task. `share` is 1 where their structure is the same; `is_same_text`: to the letter."""

    first: str
    second: str
    answer: str
    share: float
    is_same_text: bool


def tokens(source: str) -> list[str]:
    """The structure of a cell's code, one word for each node, without names and docstrings; its words where it is no code."""
    try:
        return list(_structure(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # no Python, or made to be too much for it
        return re.findall(r"\w+|[^\w\s]", source)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _structure(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return
    if isinstance(node, (ast.expr_context, ast.alias)):
        return
    yield type(node).__name__
    if isinstance(node, ast.Attribute):  # what is asked of torch stays; names of one's own do not
        yield node.attr if not isinstance(node.value, ast.Name) or node.value.id != "self" else "own"
    elif isinstance(node, ast.Constant):
        yield repr(node.value)
    for child in ast.iter_child_nodes(node):
        yield from _structure(child)


def runs(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)}


def share(first: set[tuple[str, ...]], second: set[tuple[str, ...]]) -> float:
    """How much of what two answers say both say, from 0 to 1."""
    return len(first & second) / len(first | second) if first | second else 0.0


def pairs(folder: Path, slug: str, *, least: float = 0.9) -> list[Pair]:
    """Pairs of submissions of which an answer is alike, the most alike first.

    Raises:
        ClassroomError: the assignment is not released, or nothing is handed in.
    """
    require_released(folder, slug)
    given = _answers(read(folder / "release" / slug / f"{slug}.ipynb"))
    handed_in: dict[str, dict[str, tuple[str, str]]] = {}
    for path in sorted(folder.glob(f"submitted/*/{slug}/{slug}.ipynb")):
        try:
            handed_in[path.parents[1].name] = _answers(read(path))
        except ClassroomError:
            continue  # `autograde` reports it
    if not handed_in:
        raise ClassroomError(f"Nothing of {slug} is handed in.")
    found = []
    for name, (kind, stub) in given.items():
        words = tokens if kind == "code" else _words
        known = runs(words(stub))
        own = {}
        for student, answers in handed_in.items():
            text = answers.get(name, ("", ""))[1]
            kept = runs(words(text)) - known
            if len(kept) >= FEWEST:
                own[student] = (kept, text.strip())
        for first, second in itertools.combinations(own, 2):
            alike = share(own[first][0], own[second][0])
            if alike >= least:
                found.append(Pair(first, second, name, alike, own[first][1] == own[second][1]))
    return sorted(found, key=lambda pair: (-pair.is_same_text, -pair.share, pair.first, pair.second, pair.answer))


def _answers(notebook: NotebookNode) -> dict[str, tuple[str, str]]:
    solutions = [cell for cell in notebook.cells if grader_data_of(cell).get("solution") and grade_id(cell)]
    return {grade_id(cell): (cell.cell_type, cell.source) for cell in solutions}


def report(folder: Path, slug: str, *, least: float = 0.9) -> str:
    """The list, for a terminal."""
    found = pairs(folder, slug, least=least)
    if not found:
        return f"No two submissions of {slug} have an answer that is {least:.0%} alike."
    called = Roster.of(folder).called
    lines = ["Answers that are alike, for you to look at. Right answers to a narrow task can be alike by themselves."]
    for pair in found:
        how = "the same to the letter" if pair.is_same_text else f"{pair.share:.0%} of their structure is the same"
        first, second = (Row(student, name=called.get(student, "")).who for student in (pair.first, pair.second))
        lines.append(f"{first} and {second}: {pair.answer}, {how}")
    return "\n".join(lines)
