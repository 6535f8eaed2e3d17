"""Which of the course's files a run depends on, and whether they mean what they meant then.

    code_of(net)       # {"networks/googlenet.py": "5f0c…", ..., "utils/train/engine.py": "09ab…"}
    changed(code)      # ["utils/train/engine.py"]: the files whose meaning is another one today

A file's hash is that of its syntax tree, without what changes no result: comments, layout, docstrings, what an error says,
and the types that a function's arguments and result are said to have. A reworded sentence leaves it as it is. So does what an
experiment's file says of its arms and forms: what a run had of them stands in the run. Runs from
before a file moved stay valid: `utils.train.moved` knows what it was called, and what it meant.
"""

import ast
import functools
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from torch import nn

from utils.system.places import CHECKOUT, PACKAGES
from utils.train.moved import FILES

ENGINE = (
    "utils/data/dataset.py",
    "utils/data/sets.py",
    "utils/train/augment.py",
    "utils/train/engine.py",
    "utils/train/optim.py",
    "utils/train/recipe.py",
)
BUILT_FROM = tuple(f"{package}." for package in PACKAGES if package not in ("utils", "course"))
IN_THE_RUN = (
    "EXPERIMENT",
    "RECIPE",
)  # names that a file gives to what stands in a run itself: recipe, data, network, seed


def code_of(net: nn.Module) -> dict[str, str]:
    """Hashes by file: what trains, the files in which the network's classes stand, and those that these import.

    A class from elsewhere, such as a notebook's cell, has no file in the course and is not among them.
    """
    waiting = {base.__module__ for layer in net.modules() for base in type(layer).__mro__}
    waiting = {module for module in waiting if module.startswith((*BUILT_FROM, "utils."))}
    names = set(ENGINE)
    while waiting:
        name = _file(waiting.pop())
        if name is not None and name not in names:
            names.add(name)
            waiting |= {module for module in _imports(name) if module.startswith(BUILT_FROM)}
    return {name: meaning((CHECKOUT / name).read_text(encoding="utf-8")) for name in sorted(names)}


def changed(code: dict[str, str]) -> list[str]:
    """The files among these whose meaning has changed, or that are there no more."""
    return [name for name, known in code.items() if any(_meaning_now(place) != now for place, now in _now(name, known))]


def differences(code: dict[str, str], other: dict[str, str]) -> list[str]:
    """The files, by their present names, that two runs do not have in common, or that did not mean the same in both."""
    first, second = (dict(pair for entry in each.items() for pair in _now(*entry)) for each in (code, other))
    return sorted(name for name in {*first, *second} if first.get(name) != second.get(name))


def _now(name: str, known: str) -> list[tuple[str, str]]:
    """A file of a run and its meaning, under the names and by the meanings that it has since it moved."""
    moved = FILES.get(name)
    if moved is not None and known in (moved.meaning, *moved.also):
        return list(moved.now.items())
    return [(name, known)]


@functools.lru_cache(maxsize=256)
def meaning(source: str) -> str:
    """The hash of a source text's meaning; the same in every version of Python that the course runs on."""
    return hashlib.sha256("\n".join(_words(ast.parse(source))).encode()).hexdigest()[:16]


def _meaning_now(name: str) -> str | None:
    path = CHECKOUT / name
    return meaning(path.read_text(encoding="utf-8")) if path.is_file() else None


def _words(node: ast.AST) -> Iterator[str]:
    """A tree as lines of text. `ast.dump` would do, did it not write what is empty, and that differs by version."""
    yield f"({type(node).__name__}"
    skipped: tuple[str, ...] = ()
    if isinstance(node, ast.arg | ast.FunctionDef | ast.AsyncFunctionDef):
        skipped = ("annotation", "returns", "type_comment")
    if isinstance(node, ast.Raise):  # which error, and not what it says
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        yield from _words(raised) if raised is not None else ()
    else:
        for name, value in ast.iter_fields(node):
            if name in skipped:
                continue
            values = value if isinstance(value, list) else [value]
            values = [each for each in values if not (each is None or _is_sentence(each) or _is_in_the_run(each))]
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


def _is_in_the_run(node: object) -> bool:
    """`EXPERIMENT = ...` or `RECIPE = ...`."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in IN_THE_RUN for target in targets)


def _file(module: str) -> str | None:
    """The path of a module of the course, counted from its root; None where it has no file there."""
    path = getattr(sys.modules.get(module), "__file__", None)
    path = Path(path).resolve() if path else CHECKOUT.joinpath(*module.split(".")).with_suffix(".py")
    return path.relative_to(CHECKOUT).as_posix() if path.is_file() and path.is_relative_to(CHECKOUT) else None


def _imports(name: str) -> set[str]:
    """The modules that a file of the course imports by name, at its top or within."""
    found = set()
    for node in ast.walk(ast.parse((CHECKOUT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found
