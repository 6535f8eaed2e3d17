"""The exercises as the benchmark takes them: a solution's source, which lines of it the learner writes, and what is in scope there."""

import ast
import functools
import itertools
import linecache
import re
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from classroom import assignments
from classroom.sandbox.jobs import used_names
from course.build import BEGIN, END, feedback_of, solved
from course.syllabus import LESSONS, lesson
from utils.feedback.exercises import Result, split_options, tells_why
from utils.feedback.undoing import undone

_MARKER = re.compile(rf"^[ \t]*({BEGIN}|{END})[ \t]*\n?", re.MULTILINE)
_numbers = itertools.count()


@dataclass(frozen=True)
class Task:
    """One exercise: `source` is its cell with the solution in, `written` the lines (from 1) that the learner writes."""

    slug: str
    name: str
    number: str
    source: str
    answer: str
    written: frozenset[int]
    before: str  # what stands above: imports, and the solutions of earlier exercises
    tests: tuple[str, ...] = ()  # of an assignment: the cells that mark it, hidden tests included

    @property
    def key(self) -> str:
        return f"{self.slug}.{self.name}"


@functools.cache
def tasks(slug: str) -> dict[str, Task]:
    """The exercises of a lesson by the names of their checks, and those of its assignment as "assignment.name"."""
    return {**_of_lesson(slug), **_of_assignment(slug)}


def _of_lesson(slug: str) -> dict[str, Task]:
    feedback = feedback_of(lesson(slug))
    cells = [cell for cell in solved(lesson(slug)).cells if cell.cell_type == "code"]
    exercises = [cell for cell in cells if "exercise" in cell.metadata]
    used = {node.id for cell in exercises for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
    before = "import torch\nfrom torch import nn\n" + "\n".join(_imports([cell.source for cell in cells], used))
    marked = _marked(lesson(slug).folder / "lesson.md")
    found = {}
    for cell in exercises:
        entry = feedback.numbered(cell.metadata["exercise"])
        tree = ast.parse(cell.source)
        answer = next(node.name for node in reversed(tree.body) if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
        written = _written(marked[entry.number])
        found[entry.name] = Task(slug, entry.name, entry.number, cell.source, answer, written, before)
        before = f"{before}\n\n{cell.source}"
    return found


def _of_assignment(slug: str) -> dict[str, Task]:
    if slug not in {each.slug for each in assignments.with_assignment()}:
        return {}
    cells = [cell for cell in assignments.source(lesson(slug)).cells if cell.cell_type == "code"]
    graded = [cell.source for cell in cells if cell.metadata.nbgrader.grade]
    before, found = "", {}
    for cell in cells:
        if cell.metadata.nbgrader.grade:
            continue
        source = _MARKER.sub("", cell.source)
        if cell.metadata.nbgrader.solution:
            name = f"assignment.{cell.metadata.nbgrader.grade_id}"
            answer = next(
                node.name for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            )
            tests = tuple(each for each in graded if answer in used_names(each))
            found[name] = Task(slug, name, name, source, answer, _written(cell.source), before, tests)
        before = f"{before}\n\n{source}"
    return found


def every_task() -> list[Task]:
    """All exercises of the course."""
    return [task for entry in LESSONS for task in tasks(entry.slug).values()]


def answer_from(task: Task, source: str | None = None) -> object:
    """What a source defines under the exercise's name, in a scope of its own; without a source, the solution.

    Raises:
        Exception: whatever the source raises when it is run.
    """
    scope: dict[str, object] = {}
    _run(task.before, scope)
    _run(task.source if source is None else source, scope)
    return scope[task.answer]


def judge(task: Task, answer: object) -> Result:
    """What the exercise's check, or the assignment's tests, say to an answer."""
    if task.tests:
        return _marked_by(task, answer)
    result: Result = getattr(feedback_of(lesson(task.slug)).check, task.name)(answer)
    return result


def _marked_by(task: Task, answer: object) -> Result:
    """What the first test says that an answer to an assignment fails, and the slip that marking names behind it."""
    above: dict[str, object] = {}
    _run(task.before, above)
    _run(task.source, above)
    codes = [compile(test, _kept(test), "exec") for test in task.tests]

    def failing(candidate: object, code: CodeType) -> Exception | None:
        above[task.answer] = candidate
        try:
            exec(code, above)  # with what earlier tests have left there, as in a notebook
        except Exception as error:
            return error
        return None

    def is_right(candidate: object) -> bool:
        return not any(failing(candidate, code) for code in (first, *codes))

    for first in codes:
        if error := failing(answer, first):
            said = f"{type(error).__name__}: {error}"
            slip = "" if tells_why(error) else undone(answer, is_right, error=error)
            return Result("wrong", f"{task.key}: points are lost", f"{said}\n{slip}" if slip else said)
    return Result("right", f"{task.key}: all points")


def _run(source: str, scope: dict[str, object]) -> None:
    exec(compile(source, _kept(source), "exec"), scope)


def _kept(source: str) -> str:
    """The name of a file that is not there, under which a source can be read."""
    name = f"<answer {next(_numbers)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return name


def _imports(sources: list[str], used: set[str]) -> list[str]:
    """The lines that import the names which the exercises use."""
    lines = []
    for node in itertools.chain.from_iterable(ast.parse(source).body for source in sources):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in used]
            if names:
                node.names = names
                lines.append(ast.unparse(node))
    return lines


def _marked(path: Path) -> dict[str, str]:
    """The cells of the exercises with their markers, by number."""
    cells = re.findall(r"^```\{code-cell\}.*?\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = {}
    for options, code in map(split_options, cells):
        number = re.search(r':exercise: "([\d.]+)"', options)
        if number:
            found[number[1]] = code.strip("\n")
    return found


def _written(marked: str) -> frozenset[int]:
    """The lines between the markers, numbered as they are without the markers; where there are none, all lines."""
    lines: set[int] = set()
    number, inside = 0, False
    for line in marked.splitlines():
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
            continue
        number += 1
        if inside:
            lines.add(number)
    return frozenset(lines or range(1, number + 1))
