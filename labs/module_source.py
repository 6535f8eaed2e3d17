"""The text of modules' classes, and which of its lines make and call a module that stands in another."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from torch import nn

from utils.cost.trace import Lines


@dataclass(frozen=True)
class Source:
    """The text of a class.

    Attributes:
        module: the Python module that it stands in.
        first: the number of its first line there.
        text: its lines.
        file: where that is.
    """

    module: str
    first: int
    text: str
    file: str

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements in it, outer ones before those inside of them."""
        tree = ast.parse(textwrap.dedent(self.text))
        return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


@lru_cache(maxsize=256)
def source_of(cls: type) -> Source | None:
    """The text of a class; None of one of torch's, or where there is no text, as at a prompt."""
    if cls.__module__.partition(".")[0] in ("torch", "builtins"):
        return None
    try:
        lines, first = inspect.getsourcelines(cls)
        file = inspect.getsourcefile(cls) or ""
    except (OSError, TypeError):
        return None
    return Source(cls.__module__, first, "".join(lines).rstrip(), file)


def lines_of(part: nn.Module | None, name: str, around: nn.Module, called: Lines) -> dict[type, list[int]]:
    """The lines that make and call a part, counted from 0, by the class in whose text they stand.

    Nothing where no line makes it: then it came in from outside, as into an `nn.Sequential`.

    Args:
        part: the module, None for an operation that stands in a forward.
        name: what the module around it calls it.
        around: that module, whose class and those it derives from are looked through.
        called: where it is called, as `utils.cost.trace` notes it.
    """
    found: dict[type, set[int]] = {}
    classes = [(cls, source) for cls in type(around).__mro__ if (source := source_of(cls))]
    if part is not None:
        found = next(
            ({cls: {*lines}} for cls, source in classes if (lines := _making(source, type(part).__name__, name))), {}
        )
        if not found:
            return {}
    for code, number in called:
        for cls, source in classes:
            if code.co_filename == source.file and code.co_qualname.startswith(f"{cls.__qualname__}."):
                found.setdefault(cls, set()).update(_calling(source, number - source.first))
                break
    return {cls: sorted(lines) for cls, lines in found.items() if lines}


def _making(source: Source, kind: str, name: str) -> list[int]:
    """The lines that put a module of a kind under a name: by the name itself, by a pattern that it fits, or by a variable."""
    by_name, by_pattern, by_variable, by_function = [], [], [], []
    for statement in source.statements:
        if f"self.{name}" in _targets(statement):
            by_name.append(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            key, value = _registered(statement.value)
            if isinstance(key, ast.Constant):
                by_name += [statement] if key.value == name else []
            elif isinstance(key, ast.JoinedStr):
                by_pattern += [statement] if re.fullmatch(_pattern(key), name) else []
            elif value is not None:
                given = _assigned(source, statement, kind)
                words = _names(given[0] if given else value)
                by_variable += [statement] if kind in words else []
                by_function += [statement] if not any(word[0].isupper() for word in words) else []
            elif kind in _names(statement):
                by_function.append(statement)  # into a list
    found = by_name or by_pattern or by_variable or by_function
    given = [each for statement in found for each in _assigned(source, statement, kind)]
    return [line for statement in (*found, *given) for line in _reach(statement)]


@lru_cache(maxsize=8192)
def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


@lru_cache(maxsize=8192)
def _targets(statement: ast.stmt) -> set[str]:
    """What an assignment gives a value to, as it is written."""
    if isinstance(statement, ast.AnnAssign):
        return {ast.unparse(statement.target)}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {ast.unparse(each) for target in targets for each in getattr(target, "elts", [target])}


@lru_cache(maxsize=8192)
def _registered(call: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    """The name that a call registers a module under, and the module, as they are written; None twice of another call."""
    if not isinstance(call, ast.Call):
        return None, None
    word = ast.unparse(call.func)
    if word in ("self.add_module", "self.register_module") and len(call.args) == 2:
        return call.args[0], call.args[1]
    if word == "setattr" and len(call.args) == 3 and ast.unparse(call.args[0]) == "self":
        return call.args[1], call.args[2]
    return None, None


def _pattern(key: ast.JoinedStr) -> str:
    """What fits a name that is put together: "block{number}" as block, then anything."""
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in key.values)


def _assigned(source: Source, statement: ast.stmt, kind: str) -> list[ast.stmt]:
    """Where the variable that a statement registers got its value: before that, a module of the kind where there is one."""
    value = _registered(statement.value)[1] if isinstance(statement, ast.Expr) else None
    if not isinstance(value, ast.Name):
        return []
    before = [each for each in source.statements if each.lineno < statement.lineno and value.id in _targets(each)]
    return sorted(before, key=lambda each: (kind in _names(each), each.lineno))[-1:]


def _calling(source: Source, line: int) -> Iterator[int]:
    """The lines of the statement at a line, and of the loops' heads around it: they say what it is done to."""
    around = [each for each in source.statements if each.lineno - 1 <= line <= (each.end_lineno or each.lineno) - 1]
    for statement in around:
        if isinstance(statement, ast.For | ast.While) or statement is around[-1]:
            yield from _reach(statement)


def _reach(statement: ast.stmt) -> range:
    """The lines of a statement, counted from 0; of one that holds others, those before them."""
    body = getattr(statement, "body", None)
    end = max(body[0].lineno - 1, statement.lineno) if body else statement.end_lineno or statement.lineno
    return range(statement.lineno - 1, end)
