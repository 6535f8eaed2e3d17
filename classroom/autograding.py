"""nbgrader's autograding with the course's own marking in it: two steps that the class's configuration names.

`Restore` brings a submission back into the form of the assignment: its cells under their names, the teacher's cells in
their places, whatever was deleted, copied, moved or renamed. `Mark` runs it in the sandbox (`classroom.sandbox.submission`) and writes what came of
each cell where nbgrader looks for it; `SaveMarks` enters it in the gradebook. Everything else is nbgrader's.
"""

import atexit
import functools
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Float, Unicode

from classroom.notebooks import grade_id, grader_data, new_cell
from classroom.sandbox.isolation import Limits
from classroom.sandbox.jobs import Cell, Job, Outcome, Timeouts, defined_names
from classroom.sandbox.workers import Worker
from utils.system.files import write_whole
from utils.system.places import CHECKOUT

CODE = CHECKOUT / "classroom" / "sandbox"  # the code that marks
UNDECIDED = "course_undecided"
TO_A_PERSON = "No test could decide this. Your teacher looks at it.\n"
OF_NBGRADER = ("timestamp.txt", "submission_secret.txt")  # what nbgrader's exchange puts beside a notebook: plain text


def _cells_of_source(notebook: str, assignment: str, root: Path) -> list[NotebookNode]:
    """The cells of the file in `source/`; none where there is no such file."""
    path = root / "source" / assignment / f"{notebook}.ipynb"
    return list(nbformat.read(path, as_version=4).cells) if path.exists() else []


def source_cells(notebook: str, assignment: str, db_url: str, root: Path) -> list[NotebookNode]:
    """The assignment's cells that nbgrader knows, in their order, with its metadata.

    Their text is the gradebook's, as it was when the assignment was released. The order is that of the file in `source/`.
    """
    order = [name for cell in _cells_of_source(notebook, assignment, root) if (name := grade_id(cell))]
    with Gradebook(db_url) as book:
        known = book.find_notebook(notebook, assignment)
        points = {cell.name: cell.max_score for cell in known.grade_cells}
        answers = {cell.name for cell in known.solution_cells}
        cells = []
        for cell in known.source_cells:
            is_answer = cell.name in answers
            kind = {"grade": cell.name in points, "solution": is_answer, "locked": not is_answer}
            data = grader_data(cell.name, **kind, points=points.get(cell.name))
            data |= {"cell_type": cell.cell_type, "checksum": cell.checksum}
            cells.append(new_cell(cell.cell_type, cell.source, metadata={"nbgrader": data, "deletable": False}))
    place = {name: number for number, name in enumerate(order)}
    return sorted(cells, key=lambda cell: place.get(cell.metadata.nbgrader.grade_id, len(place)))


def answer_names(notebook: str, assignment: str, root: Path, cells: Iterable[NotebookNode]) -> list[str]:
    """The names that the assignment asks for: what its solutions define."""
    names: set[str] = set()
    for cell in (*cells, *_cells_of_source(notebook, assignment, root)):
        if cell.cell_type == "code" and utils.is_solution(cell):
            names |= defined_names(cell.source)
    return sorted(names)


def restored(submitted: NotebookNode, source: list[NotebookNode]) -> list[NotebookNode]:
    """The submission's cells, with the teacher's cells as they were released, each once and behind what it tests.

    The student's own cells keep their order. Of two cells under one name the last is the answer; the other one runs as an
    added cell. A cell under no name of the assignment is an added one, whatever it says of itself.
    """
    known = {cell.metadata.nbgrader.grade_id: cell for cell in source}
    rank = {name: number for number, name in enumerate(known)}
    last: dict[str, int] = {}
    for number, cell in enumerate(submitted.cells):
        if (name := grade_id(cell)) in known:
            last[name] = number
    placed: list[tuple[float, int, NotebookNode]] = []
    for number, cell in enumerate(submitted.cells):
        name = grade_id(cell)
        own = known.get(name)
        if own is None or (own.metadata.nbgrader.solution and last[name] != number):
            placed.append((number, -1, _with_text_of(cell, cell.cell_type, {})))
        elif own.metadata.nbgrader.solution:
            placed.append((number, -1, _with_text_of(cell, own.cell_type, dict(own.metadata))))
    answers = {name: last[name] for name, cell in known.items() if cell.metadata.nbgrader.solution and name in last}
    behind = -1.0
    for name, cell in known.items():
        data = cell.metadata.nbgrader
        before = [place for other, place in answers.items() if rank[other] < rank[name]]
        after = [place for other, place in answers.items() if rank[other] > rank[name]]
        if data.solution:
            if name not in last and data.grade:  # an answer that a person marks: there has to be a place for it
                placed.append((max(before, default=-1), rank[name], _copy(cell)))
            continue
        place = float(last.get(name, behind))
        place = max([place, *before]) if data.grade else min([place, *(each - 0.5 for each in after)])
        placed.append((place, rank[name], _copy(cell)))
        behind = place
    return [cell for *_, cell in sorted(placed, key=lambda entry: entry[:2])]


def _copy(cell: NotebookNode) -> NotebookNode:
    return new_cell(cell.cell_type, cell.source, metadata=dict(cell.metadata))


def _with_text_of(cell: NotebookNode, kind: str, metadata: dict[str, Any]) -> NotebookNode:
    """A new cell with what the student wrote, and the pictures in it."""
    fields = {"attachments": cell.attachments} if kind != "code" and "attachments" in cell else {}
    return new_cell(kind, cell.source, metadata=metadata, **fields)


def job_of(notebook: NotebookNode, names: list[str], times: Timeouts, limits: Limits) -> Job:
    """What there is to run of a restored submission."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        name = grade_id(cell)
        role = "student"
        if name and not utils.is_solution(cell):
            role = "test" if utils.is_grade(cell) else "given"
        cells.append(Cell(role, name, cell.source))
    return Job(cells, names, times, limits)


def digest(job: Job) -> str:
    """One text for everything on which the outcome depends: the cells, the limits, and the code that marks."""
    content = hashlib.sha256(json.dumps(asdict(job), sort_keys=True).encode())
    for path in sorted(CODE.glob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()


def cached(folder: Path, job: Job) -> list[Outcome] | None:
    """What came of this very job before; None where it has not been run."""
    try:
        return [Outcome(**each) for each in json.loads((folder / f"{digest(job)}.json").read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return None


def cache(folder: Path, job: Job, outcomes: list[Outcome]) -> None:
    write_whole(folder / f"{digest(job)}.json", json.dumps([asdict(outcome) for outcome in outcomes]))


class _OfAnAssignment(NbGraderPreprocessor):
    """A step that knows which submission it works on."""

    def look_up(self, resources: dict[str, Any]) -> tuple[list[NotebookNode], list[str]]:
        place = resources["nbgrader"]
        notebook, assignment = place["notebook"], place["assignment"]
        cells = source_cells(notebook, assignment, place["db_url"], Path.cwd())
        return cells, answer_names(notebook, assignment, Path.cwd(), cells)


class Restore(_OfAnAssignment):
    """The first step: a submission in the form of the assignment. nbgrader's `OverwriteCells` comes after it."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        cells, _ = self.look_up(resources)
        nb.cells = restored(nb, cells)
        nb.nbformat, nb.nbformat_minor = 4, 5
        nb.metadata = NotebookNode()
        _remove_other_files(resources["nbgrader"]["student"], resources["nbgrader"]["assignment"], Path.cwd())
        return nb, resources


def _remove_other_files(student: str, assignment: str, root: Path) -> None:
    """What was handed in beside the notebook stays in `submitted/`: the formgrader would serve a page of a student's as its own."""
    place, source = root / "autograded" / student / assignment, root / "source" / assignment
    for path in sorted(place.rglob("*")):
        other = path.relative_to(place)
        if (
            path.is_file()
            and path.suffix != ".ipynb"
            and str(other) not in OF_NBGRADER
            and not (source / other).exists()
        ):
            path.unlink()


class Mark(_OfAnAssignment):
    """The second step, in place of nbgrader's `Execute`: every cell runs in the sandbox, and its outputs are written down."""

    answer_seconds = Float(Timeouts.answer, help="Seconds for one cell, or for one answer to a test.").tag(config=True)
    test_seconds = Float(Timeouts.test, help="Seconds for one test.").tag(config=True)
    submission_seconds = Float(Timeouts.submission, help="Seconds for one submission.").tag(config=True)
    slip_seconds = Float(
        Timeouts.slips,
        help="Seconds to look for the one slip that fails a test, a third of them for one answer; 0: none.",
    ).tag(config=True)
    memory_gigabytes = Float(2.0, help="Memory of one submission, beside Python's and torch's own.").tag(config=True)
    folder = Unicode(".marks", help="Where outcomes are kept, in the course folder.").tag(config=True)

    def job(self, nb: NotebookNode, names: list[str]) -> Job:
        times = Timeouts(self.answer_seconds, self.test_seconds, self.submission_seconds, self.slip_seconds)
        limits = Limits(memory=int(self.memory_gigabytes * 2**30), processor=int(self.submission_seconds) + 30)
        return job_of(nb, names, times, limits)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        _, names = self.look_up(resources)
        job = self.job(nb, names)
        outcomes = cached(Path(self.folder), job)
        if outcomes is None:
            outcomes = _worker().mark(job)
            cache(Path(self.folder), job, outcomes)
        remaining = iter(outcomes)
        count = 0
        for cell in nb.cells:
            if cell.cell_type != "code":
                continue
            cell.outputs, cell.execution_count = [], None
            if cell.source.strip():
                count += 1
                cell.execution_count = count
                _write_outputs(cell, next(remaining))
        return nb, resources


def _write_outputs(cell: NotebookNode, outcome: Outcome) -> None:
    if outcome.text:
        cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=outcome.text))
    if outcome.error:
        name, text, lines = outcome.error
        last = f"{name}: {text}"
        shown = [*lines, *([] if any(line.endswith(last) for line in lines[-2:]) else [last])]
        cell.outputs.append(nbformat.v4.new_output("error", ename=name, evalue=text, traceback=shown))
    if outcome.undecided:
        cell.metadata[UNDECIDED] = outcome.undecided
        cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=TO_A_PERSON))


class SaveMarks(SaveAutoGrades):
    """The last step: points into the gradebook. What no test could decide is left to a person."""

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._add_score(cell, resources)
        if UNDECIDED in cell.metadata:
            grade = self.gradebook.find_grade(
                cell.metadata["nbgrader"]["grade_id"], self.notebook_id, self.assignment_id, self.student_id
            )
            grade.needs_manual_grade = True
            self.gradebook.db.commit()


@functools.cache
def _worker() -> Worker:
    """The worker of this process, for nbgrader's own commands and pages, which mark one submission after the other."""
    worker = Worker()
    atexit.register(worker.stop)
    return worker
