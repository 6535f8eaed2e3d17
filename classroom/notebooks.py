"""Notebooks that somebody else wrote, and what nbgrader writes into their cells: `read(path)` opens every one of them.

What students hand in may be anything. `read` gives a notebook that the rest of the classroom can work with, whatever stood in
the file, and says what it had to put right; or it says in one sentence why the file is none.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines

LARGEST = 50 * 2**20  # bytes of a notebook that is read at all
DEEPEST = 60  # lists and objects within each other; JupyterLab's own outputs have about ten
MOST_CELLS = 10_000


class ClassroomError(RuntimeError):
    """It cannot be done; the message says why and what to do."""


class NotANotebook(ClassroomError):
    """A file that cannot be read as a notebook; the message says why."""


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


# Reading


def read(path: Path) -> NotebookNode:
    """A notebook that somebody else wrote, in today's format, each cell with all that a cell has.

    Raises:
        NotANotebook: it is none; the message says what it is.
    """
    return read_with_remarks(path)[0]


def read_with_remarks(path: Path) -> tuple[NotebookNode, list[str]]:
    """The same, and a sentence about each thing that had to be put right.

    Raises:
        NotANotebook: it is none; the message says what it is.
    """
    try:
        content = _as_format_4(_parsed(path), path)
        remarks = list(_put_right(content))
        notebook: NotebookNode = rejoin_lines(nbformat.from_dict(content))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nbformat.validate(notebook)
    except NotANotebook:
        raise
    except Exception as error:  # whatever is in that file
        raise _unreadable(path, _first_line(error)) from None
    return notebook, remarks


def _unreadable(path: Path, reason: str) -> NotANotebook:
    return NotANotebook(f"{path.name} is no notebook that can be read ({reason})")


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:120] if text else type(error).__name__


def _parsed(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > LARGEST:
        raise NotANotebook(f"{path.name} has {size / 2**20:.0f} MB; more than {LARGEST // 2**20} MB is not read")
    if not size:
        raise _unreadable(path, "it is empty")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable(path, "it is no text in UTF-8") from None
    try:
        found = json.loads(text, parse_constant=lambda name: None)  # NaN and Infinity, which JSON does not know
    except RecursionError:
        raise _unreadable(path, "it is nested too deeply") from None
    except ValueError as error:
        raise _unreadable(path, f"it is no JSON: {_first_line(error)}") from None
    if not isinstance(found, dict):
        raise _unreadable(path, "it is JSON, but no notebook")
    return _sound(found, path)


def _sound(found: dict[str, Any], path: Path) -> dict[str, Any]:
    """The same content without what cannot be written again: halves of characters. Not deeper than DEEPEST."""
    places: list[tuple[Any, int]] = [(found, 1)]
    while places:
        place, depth = places.pop()
        if depth > DEEPEST:
            raise _unreadable(path, "it is nested too deeply")
        items = list(place.items()) if isinstance(place, dict) else list(enumerate(place))
        for key, value in items:
            if isinstance(value, str) and not _is_whole(value):
                place[key] = value.encode("utf-8", "replace").decode()
            elif isinstance(value, (dict, list)):
                places.append((value, depth + 1))
            if isinstance(key, str) and not _is_whole(key):
                del place[key]
    return found


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_format_4(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Formats 1 to 3 are brought up to date."""
    number = content.get("nbformat")
    if isinstance(number, bool) or not isinstance(number, int):
        raise _unreadable(path, "it does not say which format it has")
    if number > 4:
        raise _unreadable(path, f"its format is {number}, and the newest there is is 4")
    if number == 4:
        return content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minor = content.get("nbformat_minor")
        content["nbformat_minor"] = minor if isinstance(minor, int) else 0
        upgraded: dict[str, Any] = nbformat.convert(nbformat.versions[number].to_notebook_json(content), 4)
    return upgraded


def _put_right(content: dict[str, Any]) -> Iterator[str]:
    """Make a notebook of format 4 what it should be, in place; a sentence about each thing that was not."""
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise ValueError("it has no list of cells")
    if len(cells) > MOST_CELLS:
        raise ValueError(f"it has {len(cells)} cells; more than {MOST_CELLS} are not read")
    content["nbformat_minor"] = 5
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        yield "its metadata is damaged (left out)"
        metadata = {}
    content["metadata"] = metadata
    for name, required in (("kernelspec", ("name", "display_name")), ("language_info", ("name",))):
        entry = metadata.get(name)
        if name in metadata and not (isinstance(entry, dict) and all(isinstance(entry.get(k), str) for k in required)):
            yield f"its {name} is damaged (left out)"
            del metadata[name]
    for name, kind in (("title", str), ("authors", list), ("orig_nbformat", int)):
        if not isinstance(metadata.get(name, kind()), kind):
            del metadata[name]
    for name in content.keys() - {"cells", "metadata", "nbformat", "nbformat_minor"}:
        del content[name]
    used: set[str] = set()
    for number, cell in enumerate(cells):
        cells[number] = made = _whole_cell(cell, number)
        yield from (f"cell {number + 1}: {remark}" for remark in _damages(cell))
        if made["id"] in used:
            made["id"] = _free_id(number, used)
        used.add(made["id"])


def _free_id(number: int, used: set[str]) -> str:
    return next(name for count in range(len(used) + 1) if (name := f"cell-{number}-{count}") not in used)


def _damages(cell: dict[str, Any]) -> Iterator[str]:
    """What is not as it should be in a cell that can be read."""
    if not _is_text(cell.get("source")):
        yield "no source (taken as empty)"
    metadata = cell.get("metadata")
    if not isinstance(metadata, dict):
        yield "damaged metadata (left out)"
    elif "nbgrader" in metadata:
        data = metadata["nbgrader"]
        if not isinstance(data, dict) or not isinstance(data.get("grade_id", ""), str):
            yield "damaged data of nbgrader's (left out)"


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _whole_cell(cell: object, number: int) -> dict[str, Any]:
    """A cell with everything that its kind has, and nothing else."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        raise ValueError(f"its cell {number + 1} is no cell")
    source, metadata, name = cell.get("source"), cell.get("metadata"), cell.get("id")
    metadata = dict(metadata) if isinstance(metadata, dict) else {}
    data = metadata.get("nbgrader")
    if "nbgrader" in metadata and not (isinstance(data, dict) and isinstance(data.get("grade_id", ""), str)):
        del metadata["nbgrader"]
    for key, kind in (("tags", list), ("name", str), ("format", str), ("jupyter", dict), ("collapsed", bool)):
        if not isinstance(metadata.get(key, kind()), kind):
            del metadata[key]
    whole: dict[str, Any] = {
        "cell_type": cell["cell_type"],
        "id": name if isinstance(name, str) and name.isascii() and name.replace("-", "").replace("_", "").isalnum() and len(name) <= 64
        else f"cell-{number}",
        "metadata": metadata,
        "source": ("".join(source) if isinstance(source, list) else source) if _is_text(source) else "",
    }  # fmt: skip
    if whole["cell_type"] == "code":
        count = cell.get("execution_count")
        whole["execution_count"] = (
            count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None
        )
        outputs = cell.get("outputs")
        whole["outputs"] = outputs if _is_valid({**whole, "outputs": outputs}) else []
    elif "attachments" in cell and _is_valid({**whole, "attachments": cell["attachments"]}):
        whole["attachments"] = cell["attachments"]
    if not _is_valid(whole):  # what is left can only be its metadata
        whole["metadata"] = {key: metadata[key] for key in ("nbgrader",) if key in metadata}
    return whole


def _is_valid(cell: dict[str, Any]) -> bool:
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    try:
        nbformat.validate(nbformat.from_dict(content))
    except nbformat.ValidationError:
        return False
    return True


class SubmissionExporter(NotebookExporter):
    """nbgrader's marking opens its files with this one: by `read`, so that a damaged one is put right or named."""

    def from_file(self, file_stream: Any, resources: dict[str, Any] | None = None, **kw: Any) -> Any:
        return super().from_notebook_node(read(Path(file_stream.name)), resources=resources, **kw)  # type: ignore[no-untyped-call]  # nbconvert has no types
