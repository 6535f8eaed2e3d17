"""Which of the course's files a run depends on, and whether they mean what they meant then.

    code_of(net)       # {"lessons/googlenet/blocks.py": "5f0c…", ..., "utils/engine.py": "09ab…"}
    changed(code)      # ["utils/engine.py"]: the files whose meaning is another one today

A file's hash is that of its syntax tree, without what changes no result: comments, layout, docstrings, and what an error
says. A reworded sentence leaves it as it is.
"""

import ast
import functools
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from torch import nn

ROOT = Path(__file__).resolve().parents[1]
ENGINE = ("utils/augment.py", "utils/data.py", "utils/engine.py", "utils/optim.py", "utils/recipe.py")


def code_of(net: nn.Module) -> dict[str, str]:
    """Hashes by file: what trains, the files in which the network's classes stand, and the lessons' that these import.

    A class from elsewhere, such as a notebook's cell, has no file in the course and is not among them.
    """
    waiting = {base.__module__ for layer in net.modules() for base in type(layer).__mro__}
    waiting = {module for module in waiting if module.startswith(("lessons.", "utils."))}
    names = set(ENGINE)
    while waiting:
        name = _file(waiting.pop())
        if name is not None and name not in names:
            names.add(name)
            waiting |= {module for module in _imports(name) if module.startswith("lessons.")}
    return {name: meaning((ROOT / name).read_text(encoding="utf-8")) for name in sorted(names)}


def changed(code: dict[str, str]) -> list[str]:
    """The files among these whose meaning has changed, or that are there no more."""
    return [name for name, known in code.items() if _meaning_now(name) != known]


@functools.lru_cache(maxsize=256)
def meaning(source: str) -> str:
    """The hash of a source text's meaning; the same in every version of Python that the course runs on."""
    return hashlib.sha256("\n".join(_words(ast.parse(source))).encode()).hexdigest()[:16]


def _meaning_now(name: str) -> str | None:
    path = ROOT / name
    return meaning(path.read_text(encoding="utf-8")) if path.is_file() else None


def _words(node: ast.AST) -> Iterator[str]:
    """A tree as lines of text. `ast.dump` would do, did it not write what is empty, and that differs by version."""
    yield f"({type(node).__name__}"
    if isinstance(node, ast.Raise):  # which error, and not what it says
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        yield from _words(raised) if raised is not None else ()
    else:
        for name, value in ast.iter_fields(node):
            values = value if isinstance(value, list) else [value]
            values = [each for each in values if each is not None and not _is_sentence(each)]
            if isinstance(node, ast.JoinedStr):  # Python 3.12 has empty pieces in f-strings
                values = [each for each in values if not (isinstance(each, ast.Constant) and each.value == "")]
            if values:
                yield name
            for each in values:
                yield from _words(each) if isinstance(each, ast.AST) else [repr(each)]
    yield ")"


def _is_sentence(node: object) -> bool:
    """A docstring, or another string that stands by itself."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _file(module: str) -> str | None:
    """The path of a module of the course, counted from its root; None where it has no file there."""
    path = getattr(sys.modules.get(module), "__file__", None)
    path = Path(path).resolve() if path else ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path.relative_to(ROOT).as_posix() if path.is_file() and path.is_relative_to(ROOT) else None


def _imports(name: str) -> set[str]:
    """The modules that a file of the course imports by name, at its top or within."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found
