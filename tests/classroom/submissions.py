"""Submissions to the assignments, made from their sources, as the marking gets them."""

import functools

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from classroom import assignments
from classroom.sandbox.jobs import Cell, Job, Timeouts, defined_names
from course.syllabus import lesson


def without_markers(code: str) -> str:
    return "\n".join(line for line in code.splitlines() if "SOLUTION" not in line)


def answers_of(slug: str, seed: str = "") -> dict[str, str]:
    """The code cells that a student writes, solved, by name."""
    return {
        cell.metadata.nbgrader.grade_id: without_markers(cell.source)
        for cell in code_cells(slug, seed)
        if cell.metadata.nbgrader.solution
    }


@functools.cache
def code_cells(slug: str, seed: str = "") -> list[NotebookNode]:
    return [cell for cell in assignments.source(lesson(slug), seed=seed).cells if cell.cell_type == "code"]


def stub(cell: NotebookNode) -> str:
    """The cell as it is released."""
    clear = ClearSolutions(code_stub={"python": "# YOUR CODE HERE\nraise NotImplementedError()"})
    copy = NotebookNode(cell)
    clear._replace_solution_region(copy, "python")
    return copy.source


def job(
    slug: str, answers: dict[str, str], *, seed: str = "", added: tuple[str, ...] = (), times: Timeouts | None = None
) -> Job:
    """A submission with these answers, and with the stub where there is none. Cells that are added come first."""
    cells = [Cell("student", "", code) for code in added]
    names: set[str] = set()
    for cell in code_cells(slug, seed):
        data = cell.metadata.nbgrader
        if data.solution:
            names |= defined_names(without_markers(cell.source))
            cells.append(Cell("student", data.grade_id, answers.get(data.grade_id, stub(NotebookNode(cell)))))
        else:
            cells.append(Cell("test" if data.grade else "given", data.grade_id, cell.source))
    return Job(cells, sorted(names), times or Timeouts())


def failed(job: Job, outcomes: list) -> set[str]:
    """The tests that did not pass."""
    return {
        cell.name.removeprefix("test_")
        for cell, outcome in zip(job.cells, outcomes, strict=True)
        if cell.role == "test" and outcome.error
    }


def said(job: Job, outcomes: list, test: str) -> str:
    """What a test said."""
    for cell, outcome in zip(job.cells, outcomes, strict=True):
        if cell.name == f"test_{test}":
            return "" if outcome.error is None else ": ".join(outcome.error[:2])
    raise ValueError(test)
