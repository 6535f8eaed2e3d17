"""The names that notebooks, assignments and the README import are public: they are listed, they exist, and they stay."""

import ast
import re
from importlib import import_module

import jupytext
import pytest

from utils.system.places import CHECKOUT, LESSONS, PACKAGES

LIST = CHECKOUT / "docs" / "public_names.txt"
PUBLIC = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
IMPORT = re.compile(r"^\s*(?:from [\w.]+ import (?:\([^)]*\)|[^\n(]+)|import [^\n]+)", re.M)
SOURCES = [*sorted(LESSONS.glob("*/lesson.md")), *sorted(LESSONS.glob("*/assignment.md"))]


def cells(path):
    """The code cells of a lesson or assignment, or the Python blocks of another text."""
    text = path.read_text(encoding="utf-8")
    if path.parent.parent == LESSONS:
        return [cell.source for cell in jupytext.reads(text, fmt="md:myst").cells if cell.cell_type == "code"]
    return [block.partition("```")[0] for block in text.split("```python\n")[1:]]


def imported(path):
    """The course's names that a text imports, dotted."""
    found = set()
    for source in cells(path):
        for statement in IMPORT.findall(source):  # an assignment's cell may hold what is no Python before it is varied
            node = ast.parse(statement.strip()).body[0]
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
                found |= {f"{node.module}.{each.name}" for each in node.names}
            elif isinstance(node, ast.Import):
                found |= {each.name for each in node.names if each.name.split(".")[0] in PACKAGES}
    return found


@pytest.mark.parametrize("path", [*SOURCES, CHECKOUT / "README.md"], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_imported_is_on_the_list(path):
    missing = sorted(imported(path) - set(PUBLIC))
    assert not missing, (
        f"{path.name} imports what is not public yet. Add to {LIST.name}, or import something else: {missing}"
    )


def test_the_list_is_in_order():
    assert sorted(set(PUBLIC)) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_exists(name):
    module, _, last = name.rpartition(".")
    try:
        import_module(name)
    except ModuleNotFoundError:
        assert hasattr(import_module(module), last)
