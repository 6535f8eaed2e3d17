"""Cells of notebooks, and what nbgrader writes into them: `grade_id(cell)` is the name under which a cell is known.

What students hand in may hold anything in its metadata; what is asked here gives nothing then.
"""

from collections.abc import Callable
from typing import Any

import nbformat
from nbformat import NotebookNode


def new_cell(kind: str, source: str, **fields: object) -> NotebookNode:
    """A code cell, or else one in Markdown."""
    make: Callable[..., NotebookNode] = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    return make(source, **fields)


def new_notebook(cells: list[NotebookNode], metadata: dict[str, object] | None = None) -> NotebookNode:
    made: NotebookNode = nbformat.v4.new_notebook(cells=cells, metadata=metadata or {})
    return made


def grader_data(
    grade_id: str, *, grade: bool = False, solution: bool = False, locked: bool = False, points: float | None = None
) -> dict[str, object]:
    """A cell's metadata as nbgrader wants it."""
    data: dict[str, object] = {"schema_version": 3, "grade_id": grade_id, "grade": grade, "solution": solution}
    data |= {"locked": locked, "task": False}
    return data | ({} if points is None else {"points": points})


def grader_data_of(cell: NotebookNode) -> dict[str, Any]:
    """What nbgrader wrote into a cell; empty where there is nothing, or something else."""
    data = cell.get("metadata", {}).get("nbgrader", {})
    return data if isinstance(data, dict) else {}


def grade_id(cell: NotebookNode) -> str:
    """The cell's name in the assignment; empty where it has none."""
    name = grader_data_of(cell).get("grade_id")
    return name if isinstance(name, str) else ""
