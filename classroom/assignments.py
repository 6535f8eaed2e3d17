"""From `lessons/<slug>/assignment.md` to a release in an nbgrader course folder.

The source marks a cell with `:answer: name` (the student writes it), `:test: name` with `:points:` (it is graded), or, for
a free answer in Markdown, `answer` and `points`. These become nbgrader's own cell metadata; releasing, collecting, grading
and feedback are nbgrader's (`classroom.course_folder`).

A cell with `:vary: true` chooses the assignment's numbers, and is in no student's notebook:

    window = choose(5, 7)                   # the first, where the class has no seed; else the seed decides
    padding = window // 2                   # whatever follows from it

Wherever the assignment says `{{window}}`, in text, solutions and tests alike, that number stands instead.
"""

import os
import random
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from classroom.notebooks import grader_data, new_cell, new_notebook
from course.syllabus import LESSONS, Lesson

CONFIG = '''"""nbgrader's settings for this class. See https://nbgrader.readthedocs.io for all of them."""

from pathlib import Path

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "inception"
# Where nbgrader hands out and collects. On a server that students share with you, put its exchange here, as in
# "/srv/nbgrader/exchange"; without one, hand out and collect as you do other files.
c.Exchange.root = str(Path(__file__).parent / "exchange")
# Nothing is taken that one student left in another's name, and no link to a file that is not theirs.
c.ExchangeFactory.collect = "classroom.exchange.Collect"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\\nraise NotImplementedError()"}

# Autograding: a submission is read, whatever state its file is in, and brought back into the assignment's form; then its code
# runs apart from the tests. What your pages show of it is cleaned last: without that line a student's script runs in them.
c.Autograde.exporter_class = "classroom.notebooks.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "classroom.autograding.Restore",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "classroom.autograding.Mark",
    "nbgrader.preprocessors.LimitOutput",
    "classroom.autograding.SaveMarks",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
    "classroom.cleaning.Clean",
]
# What one submission may take: seconds for a cell or an answer, for a test, for all; gigabytes of memory.
c.Mark.answer_seconds = 20
c.Mark.test_seconds = 40
c.Mark.submission_seconds = 120
c.Mark.slip_seconds = 6  # to look for the one slip that fails a test, when all is marked; 60 names more of them; 0: none
c.Mark.memory_gigabytes = 2

# Feedback: what the tests said, and not the hidden tests themselves.
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
'''


STUDENTS_COPY = "This copy of the course is a student's: the assignments' sources are not in it."


class AssignError(RuntimeError):
    """nbgrader could not make the release; the message has its words."""


def with_assignment() -> list[Lesson]:
    """The lessons that have an assignment."""
    return [lesson for lesson in LESSONS if (lesson.folder / "assignment.md").exists()]


def source(lesson: Lesson, *, seed: str = "") -> NotebookNode:
    """The assignment's notebook with solutions and hidden tests, as nbgrader wants it.

    Args:
        seed: what the numbers that vary follow from; empty for those of the text.

    Raises:
        ValueError: the lesson has no assignment, or its source marks a cell in a way that cannot be.
    """
    path = lesson.folder / "assignment.md"
    if not path.exists():
        known = ", ".join(entry.slug for entry in with_assignment())
        more = f"Those that have one: {known}." if known else STUDENTS_COPY
        raise ValueError(f"Lesson {lesson.slug} has no assignment. {more}")
    read = jupytext.reads(path.read_text(encoding="utf-8"), fmt="md:myst")
    values = numbers(lesson, seed=seed)
    cells: list[NotebookNode] = []
    names: set[str] = set()
    for number, cell in enumerate([cell for cell in read.cells if "vary" not in cell.metadata]):
        cell.source = filled_in(cell.source, values)
        metadata: dict[str, object] = {}
        name = cell.metadata.get("answer") or cell.metadata.get("test")
        if name:
            is_code, is_test = cell.cell_type == "code", "test" in cell.metadata
            points = cell.metadata.get("points")
            if is_test and (not is_code or not points):
                raise ValueError(f"{path.name}: test {name!r} must be a code cell with :points:.")
            grade_id = f"test_{name}" if is_test else name
            if grade_id in names:
                raise ValueError(f"{path.name}: there are two cells named {grade_id!r}.")
            names.add(grade_id)
            metadata["nbgrader"] = grader_data(
                grade_id,
                grade=is_test or bool(points),
                solution=not is_test,
                locked=is_test,
                points=int(points) if points else None,
            )
            metadata["deletable"] = False
        elif cell.cell_type == "code" or number == 0:
            metadata["nbgrader"] = grader_data(f"given_{number}", locked=True)
        cells.append(new_cell(cell.cell_type, cell.source, id=f"assignment-{number:03d}", metadata=metadata))
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return new_notebook(cells, {"kernelspec": kernel})


def numbers(lesson: Lesson, *, seed: str = "") -> dict[str, object]:
    """What stands for each `{{name}}` in a lesson's assignment."""
    read = jupytext.reads((lesson.folder / "assignment.md").read_text(encoding="utf-8"), fmt="md:myst")
    draws = random.Random(f"{seed}/{lesson.slug}")

    def choose(*options: object) -> object:
        return draws.choice(options) if seed else options[0]

    scope: dict[str, object] = {"choose": choose}
    for cell in read.cells:
        if "vary" in cell.metadata:
            exec(cell.source, scope)
    return {name: value for name, value in scope.items() if name not in ("choose", "__builtins__") and name[0] != "_"}


def filled_in(text: str, values: dict[str, object]) -> str:
    """A cell's text with the values in their places; other braces are left alone."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: str(values[found[1]]) if found[1] in values else found[0], text)


def release(lessons: Iterable[Lesson], folder: Path) -> list[Path]:
    """Write the assignments' sources into a course folder and let nbgrader make the students' versions.

    An existing `nbgrader_config.py` is left alone.

    Returns:
        The students' notebooks, in `release/`.

    Raises:
        ValueError: a lesson without an assignment.
        AssignError: nbgrader refused; the message has what it said.
    """
    sources = {lesson: source(lesson) for lesson in lessons}
    if not sources:
        raise ValueError(STUDENTS_COPY)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nbgrader_config.py"
    if not config.exists():
        config.write_text(CONFIG, encoding="utf-8")
    released = []
    for lesson, notebook in sources.items():
        place = folder / "source" / lesson.slug
        place.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, place / f"{lesson.slug}.ipynb")
        nbgrader("generate_assignment", lesson.slug, "--force", "--create", folder=folder)
        released.append(folder / "release" / lesson.slug / f"{lesson.slug}.ipynb")
    return released


@contextmanager
def alembic_on_path() -> Iterator[None]:
    """nbgrader calls `alembic` by its name, which stands beside this Python whether or not the environment is activated."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def nbgrader(*words: str, folder: Path) -> str:
    """Run one nbgrader command in a course folder; what it said comes back.

    Raises:
        AssignError: it failed.
    """
    command = [sys.executable, "-m", "nbgrader", *words]
    with alembic_on_path():
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    said = (ran.stdout + ran.stderr).strip()
    if ran.returncode:
        raise AssignError(f"nbgrader {' '.join(words)} failed in {folder}:\n{said}")
    return said
