"""Edits of a solution's syntax tree, and the sources that come of them: what `operators` and `rewritings` have in common."""

import ast
import copy
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

DELETED: list[ast.stmt] = []  # a statement's replacement by nothing

Replacement = ast.AST | list[ast.stmt]
Edit = Callable[[ast.AST, "Place"], Iterator[Replacement]]


@dataclass
class Place:
    """What an edit may look at besides its node.

    Attributes:
        tree: the whole cell.
        text: the cell, written as every edited one is.
        nodes: what the learner writes.
        parents: of each node, the one that holds it.
        written: the lines that the learner writes.
        first: of each of the function's arguments, its value in the first case; of "return", what the solution gives for it.
    """

    tree: ast.Module
    written: frozenset[int]
    first: Mapping[str, object] = field(default_factory=dict)
    text: str = field(init=False)
    nodes: list[ast.AST] = field(init=False)
    parents: dict[ast.AST, ast.AST] = field(init=False)

    def __post_init__(self) -> None:
        self.text = ast.unparse(self.tree)
        self.nodes = [node for node in ast.walk(self.tree) if self.is_written(node)]
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, the nearest first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def function(self, node: ast.AST) -> ast.FunctionDef | None:
        """The function that a node stands in."""
        return next((each for each in self.above(node) if isinstance(each, ast.FunctionDef)), None)

    def is_written(self, node: ast.AST) -> bool:
        """Does the learner write this? A function or class counts if some of it is theirs."""
        if not hasattr(node, "lineno"):
            return False
        lines = range(node.lineno, node.end_lineno + 1)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            return not self.written.isdisjoint(lines)
        return self.written.issuperset(lines)


@dataclass(frozen=True)
class Edited:
    """A source with one edit in it."""

    source: str
    lines: str  # the lines that changed: "- before", "+ after"


def edited(place: Place, edit: Edit) -> list[Edited]:
    """Every source that an edit makes of this one, each with the edit in one place; none of them twice."""
    found: dict[str, Edited] = {}
    for node in place.nodes:
        for replacement in edit(node, place):
            after = _unparsed(place.tree, place, node, replacement)
            if after is not None and after != place.text and after not in found:
                found[after] = Edited(after, _changed(place.text, after))
    return list(found.values())


def _unparsed(tree: ast.Module, place: Place, node: ast.AST, replacement: Replacement) -> str | None:
    """The source with a node replaced; the tree is put back as it was."""
    if isinstance(replacement, ast.Module):  # the whole
        return _source(replacement)
    parent = place.parents.get(node)
    if parent is None:
        return None
    for name, value in ast.iter_fields(parent):
        if value is node:
            setattr(parent, name, replacement)
            try:
                return _source(tree)
            finally:
                setattr(parent, name, node)
        if isinstance(value, list) and any(each is node for each in value):
            at = next(number for number, each in enumerate(value) if each is node)
            kept = list(value)
            value[at : at + 1] = replacement if isinstance(replacement, list) else [replacement]
            if not value and name == "body":
                value.append(ast.Pass())
            try:
                return _source(tree)
            finally:
                value[:] = kept
    return None


def _source(tree: ast.Module) -> str | None:
    try:
        text = ast.unparse(tree)
        compile(text, "<edited>", "exec")
    except (SyntaxError, ValueError, AttributeError):
        return None
    return text


def _changed(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("---", "+++")]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in changed)


# Small tools for edits.


def expression(text: str) -> ast.expr:
    """An expression's tree."""
    return ast.parse(text, mode="eval").body


def filled(text: str, *parts: ast.expr) -> ast.expr:
    """An expression in which `_0`, `_1` ... stand for other trees."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return parts[int(node.id[1:])] if re.fullmatch(r"_\d", node.id) else node

    return Put().visit(expression(text))


def statements(text: str) -> list[ast.stmt]:
    """The trees of some lines."""
    return ast.parse(text).body


def with_(node: ast.AST, **changes: object) -> ast.AST:
    """A shallow copy of a node with some of its fields changed."""
    new = copy.copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def called(node: ast.AST) -> str:
    """The last part of the name that a call calls: "Conv2d" of `nn.Conv2d(...)`; "" of what is no call."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def keyword(node: ast.Call, *names: str) -> ast.keyword | None:
    """A call's keyword of one of these names."""
    return next((each for each in node.keywords if each.arg in names), None)


def without_keyword(node: ast.Call, name: str) -> ast.Call:
    """The call without a keyword."""
    return with_(node, keywords=[each for each in node.keywords if each.arg != name])


def with_keyword(node: ast.Call, name: str, value: ast.expr) -> ast.Call:
    """The call with a keyword of that value."""
    rest = [each for each in node.keywords if each.arg != name]
    return with_(node, keywords=[*rest, ast.keyword(arg=name, value=value)])


def constant(node: ast.AST, kind: type | tuple[type, ...] = (int, float)) -> bool:
    """Is it a literal number (or another `kind`), and no truth value?"""
    return isinstance(node, ast.Constant) and isinstance(node.value, kind) and not isinstance(node.value, bool)


def is_square(node: ast.AST) -> bool:
    """Is it `x**2`?"""
    return (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and constant(node.right) and node.right.value == 2
    )


def names_in(node: ast.AST) -> set[str]:
    """The names that stand in a tree."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def returns_of(function: ast.FunctionDef) -> list[ast.Return]:
    """The returns of a function itself, not those of functions inside of it."""
    found, front = [], list(function.body)
    while front:
        node = front.pop(0)
        if isinstance(node, ast.Return):
            found.append(node)
        elif not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            front += ast.iter_child_nodes(node)
    return found
