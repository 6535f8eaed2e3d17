"""Running a lesson's notebook from top to bottom in a fresh kernel, as a learner would."""

import ast
import os
import re
import time
from collections.abc import Iterator
from copy import deepcopy

import nbclient
import nbformat
from nbformat import NotebookNode

SHORTEN = "from tests.lessons.short import shorten\nshorten()"


def run(notebook: NotebookNode, *, allow_errors: bool = False, short: bool = False) -> tuple[NotebookNode, float]:
    """The notebook with its outputs, and the seconds that it took. With `short`, its trainings are cut short."""
    if short:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(SHORTEN))
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        iopub_timeout=120,  # by default it gives up a busy machine's last outputs after four seconds
        kernel_name="python3",
        allow_errors=allow_errors,
        store_widget_state=False,
    )
    began = time.monotonic()
    client.execute(env=dict(os.environ))
    seconds = time.monotonic() - began
    if short:
        del notebook.cells[0]
    return notebook, seconds


def both(student: NotebookNode, solved: NotebookNode) -> NotebookNode:
    """One notebook that a learner's and the solved one are both in. Cells of the learner's have `metadata["stubs"]`.

    Each cell that an exercise is written in, and each that names what is written there, runs twice: first with the stubs
    of all exercises that it names, then with their solutions. Every other cell is the same in both and runs once.
    """
    written: dict[str, tuple[NotebookNode, NotebookNode]] = {}  # a name, and the cell with its stub and its solution
    cells = []
    for stub, solution in zip(student.cells, solved.cells, strict=True):
        if stub.cell_type != "code":
            continue
        if stub.source != solution.source:
            written |= dict.fromkeys(_given(stub.source), (stub, solution))
            cells += _copies([stub], stubs=True) + _copies([solution])
            continue
        named = [written[name] for name in _read(stub.source) if name in written]
        earlier = [pair for number, pair in enumerate(named) if pair not in named[:number]]
        if earlier:
            cells += _copies([*(before for before, _ in earlier), stub], stubs=True)
            cells += _copies([after for _, after in earlier])
        cells += _copies([solution])
    notebook = nbformat.v4.new_notebook(metadata=solved.metadata)
    for number, cell in enumerate(cells):
        cell.id = f"both-{number:03d}"
    notebook.cells = cells
    return notebook


def _copies(cells: list[NotebookNode], *, stubs: bool = False) -> list[NotebookNode]:
    copies = deepcopy(cells)
    for cell in copies:
        cell.metadata["stubs"] = stubs
    return copies


def _given(source: str) -> Iterator[str]:
    """The names that a cell gives to functions, classes and values."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _read(source: str) -> list[str]:
    """The names that a cell reads, each once, in their order."""
    names = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    names = [node for node in names if isinstance(node.ctx, ast.Load)]
    return list(dict.fromkeys(node.id for node in sorted(names, key=lambda node: (node.lineno, node.col_offset))))


def numbers_used(source: str) -> list[str]:
    """The exercises of which a cell takes the learner's answer, or the course's own: `use("1.3", answer)`."""
    return re.findall(r'\buse\("([\d.]+)"', source)


def texts(cell: NotebookNode) -> str:
    """All that a cell shows as plain text."""
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append(f"{output.ename}: {output.evalue}")
        else:
            parts.append(output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)
