"""Which one thing in the learner's code, written otherwise, makes it right?

Each edit undoes one kind of slip at one place. A sentence comes of it only where the check says that the edited code is right; it
says where the slip stands and what kind it is, and leaves it to the learner what belongs there.
"""

import ast
import contextlib
import copy
import io
import itertools
import linecache
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, FunctionType
from typing import Any

LONGEST = 60  # characters of code in a sentence
SECONDS = 2.0  # of the processor, for all edits of one answer: what else the machine does changes no sentence
clock = time.thread_time  # by which they are counted
LONGEST_TRY = 0.5  # seconds of `while` loops, for an edit that is tried elsewhere
MOST_BITS = 4096  # of a whole number
MOST = 10**6  # things in a row
MOST_LINES = 150_000  # that an edited answer runs through; the longest right one, 60,000
EVERY = 4  # lines, a look at what has become of it
LONGEST_LINE = 10**6  # characters
_EDITED = "<an answer, edited>"
_MAKING = {"zeros", "ones", "full", "empty", "arange", "linspace", "eye", "randn", "rand", "repeat", "expand", "tile"}  # fmt: skip

_MODULES = ("nn", "torch", "math", "functional", "F")

_WORDS: dict[type[ast.operator], str] = {
    ast.Add: "you add",
    ast.Sub: "you subtract",
    ast.Mult: "you multiply",
    ast.Div: "you divide",
    ast.FloorDiv: "you divide with `//`",
    ast.Mod: "you take the rest of a division",
    ast.Pow: "you take a power",
}
_COMPARED: tuple[type[ast.cmpop], ...] = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_BORDERS = ({ast.Lt, ast.LtE}, {ast.Gt, ast.GtE})
_ALIKE = (  # functions that are taken for each other
    ("sum", "mean", "max", "min", "amax", "amin", "median", "prod"),
    ("argmax", "argmin"),
    ("any", "all"),
    ("softmax", "log_softmax"),
    ("sqrt", "square"),
    ("ceil", "floor"),
)
_WINDOWS = ("stride=1", "stride=2", "padding=1", "padding=2", "padding=3", "ceil_mode=True")
_SIDES = ("dim=0", "dim=1", "dim=2", "dim=-1", "dim=(2, 3)", "dim=(0, 2, 3)", "keepdim=True")
_OPTIONS = {  # what may be missing at a call; `_0` is its first argument
    "Conv2d": ("bias=False", "padding=1", "padding=2", "padding=3", "stride=2", "groups=_0"),
    "Linear": ("bias=False",),
    "MaxPool2d": _WINDOWS,
    "AvgPool2d": (*_WINDOWS, "count_include_pad=False"),
    "var": ("unbiased=False", *_SIDES),
    "std": ("unbiased=False", *_SIDES),
    "sorted": ("reverse=True",),
    "sort": ("reverse=True", "descending=True"),
} | dict.fromkeys(
    ("mean", "sum", "amax", "amin", "max", "min", "argmax", "argmin", "softmax", "log_softmax", "cat", "stack", "flatten", "any", "all"), _SIDES
)  # fmt: skip
_FIELDS = (  # of layers, that are taken for each other
    ("weight", "bias", "running_mean", "running_var", "eps", "momentum"),
    ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"),
    ("in_features", "out_features"),
)
_ROLES = {
    "Conv2d": ("in_channels", "out_channels", "kernel_size", "stride", "padding"),
    "Linear": ("in_features", "out_features"),
    "MaxPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "BatchNorm2d": ("num_features", "eps"),
}
_ROUNDED = {"ceil": "up", "floor": "down", "int": "down", "round": "to the nearest whole number"}


@dataclass(frozen=True)
class Edit:
    """Another node in the place of one, and what is wrong with the one, in words that follow where it stands."""

    node: ast.AST
    instead: ast.AST
    said: str


def undone(
    answer: object, is_right: Callable[[Any], bool], names: Sequence[str] = (), error: BaseException | None = None
) -> str:
    """A sentence about the one slip without which a function or class is right; "" where no one edit makes it so.

    Args:
        answer: the learner's function or class. One whose code is not to be had is left alone.
        is_right: says of an edited one whether it does what is expected; it raises nothing.
        names: of what the arguments hold, as the fields of a record: other names for an attribute.
        error: with which its code stops, if it does: what stands in that line is tried first.
    """
    definition = _definition(answer)
    if definition is None:
        return ""
    around, until = _globals_of(answer), clock() + SECONDS
    scope = {**around, **_BOUNDED}
    bounded = _Bounded(definition)
    places = _places_of(error, answer)

    def tried(around: list[ast.AST]) -> bool:
        candidate = _compiled(definition, scope, bounded, around)
        return candidate is not None and _tried(is_right, candidate, until)

    away = _Away(definition, places, str(error)) if places else None
    return _first(definition, names, tried, lambda: clock() > until, away)


def undone_in(
    source: str, name: str, is_right: Callable[[str], bool], seconds: float = SECONDS, lines: Sequence[int] = ()
) -> str:
    """The same for code that runs elsewhere, where whoever runs it has to stop what takes too long or too much.

    Args:
        source: of the cell that defines the learner's function or class.
        name: of the function or class.
        is_right: says of code that defines an edited one whether it does what is expected. Its `while` loops stop by themselves.
        seconds: after which no other edit is begun.
        lines: of the cell in which it stops, innermost last, if it does: what has to do with them is tried first.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    defined = [node for node in tree.body if isinstance(node, Definition) and node.name == name]
    if not defined or defined[-1].decorator_list:
        return ""
    definition = defined[-1]
    places = [
        _Place(line, 0, line, LONGEST_LINE)
        for line in lines
        if definition.lineno <= line <= (definition.end_lineno or 0)
    ]
    away = _Away(definition, places, "") if places else None
    until = time.monotonic() + seconds  # of the clock on the wall: it runs elsewhere
    return _first(definition, (), lambda _: is_right(_ending(definition)), lambda: time.monotonic() > until, away)


def _ending(definition: "Definition") -> str:
    """Code of the definition in which an edit makes nothing endless that an eye can be kept on."""
    tree = ast.parse(ast.unparse(_Bounded(definition).of(definition, set())))
    for node in ast.walk(tree):
        if isinstance(node, ast.While):
            node.test = ast.BoolOp(ast.And(), [_filled("goes_on()"), node.test])
    return f"from {__name__} import within_bounds\nglobals().update(within_bounds())\n" + ast.unparse(
        ast.fix_missing_locations(tree)
    )


def within_bounds() -> dict[str, Callable[..., Any]]:
    """What edited code takes for products, powers and ranges, and asks before each round of a `while`."""
    end, rounds = time.monotonic() + LONGEST_TRY, 0

    def goes_on() -> bool:
        nonlocal rounds
        rounds += 1
        if rounds > MOST_LINES or time.monotonic() > end:
            raise _TooMuchError
        return True

    return {**_BOUNDED, "goes_on": goes_on}


def _first(
    definition: "Definition",
    names: Sequence[str],
    is_right: Callable[[list[ast.AST]], bool],
    is_over: Callable[[], bool],
    away: Callable[["Edit"], Any] | None = None,
) -> str:
    """What the first edit undoes with which the definition, edited in place, is right; `is_right` gets the nodes around the edit."""
    # A forward stands behind what it needs, and there is less in it.
    functions = [definition] if isinstance(definition, ast.FunctionDef) else _methods_of(definition)[::-1]
    layers = _attributes(definition)
    of_each = [_Edits(each, names, layers) for each in functions]
    kinds = zip(*(zip(edits.kinds, itertools.repeat(edits), strict=False) for edits in of_each), strict=True)
    every: Iterator[tuple[_Edits, Edit]] = (
        (edits, edit) for same in kinds for kind, edits in same for edit in edits.of(kind)
    )
    if away is not None:
        every = iter(sorted(every, key=lambda each: away(each[1])))
    for edits, edit in every:
        if is_over():
            return ""
        with edits.made(edit):
            found = is_right(edits.around(edit))
        if found:
            return f"All else is right: in line {edit.node.lineno}, `{edits.excerpt(edit.node)}`, {edit.said}."  # type: ignore[attr-defined]  # as above
    return ""


def is_known(answer: object) -> bool:
    """Is the code of a function or class to be had?"""
    return _definition(answer) is not None


Definition = ast.FunctionDef | ast.ClassDef


def _functions_of(answer: object) -> list[FunctionType]:
    """A function, or the functions that a class has written itself."""
    each = list(vars(answer).values()) if isinstance(answer, type) else [answer]
    return [function for function in each if isinstance(function, FunctionType)]


def _globals_of(answer: object) -> dict[str, Any]:
    return _functions_of(answer)[0].__globals__


@dataclass(frozen=True)
class _Place:
    """A piece of code, from a line and a column to others."""

    line: int
    column: int
    end_line: int
    end_column: int

    def has(self, node: Any) -> bool:
        """Does it share a place with a node?"""
        begins, ends = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        return begins < (self.end_line, self.end_column) and (self.line, self.column) < ends


def _places_of(error: BaseException | None, answer: object) -> list[_Place]:
    """Where in the answer's cell an error happened, innermost last."""
    file = _functions_of(answer)[0].__code__.co_filename
    return [
        _Place(each.lineno, each.colno or 0, each.end_lineno or each.lineno, each.end_colno or LONGEST_LINE)
        for each in traceback.extract_tb(error.__traceback__ if error else None)
        if each.filename == file and each.lineno is not None
    ]


class _Away:
    """How far an edit is from where code stops: in what stops, in what that uses or is called by, or elsewhere.

    A layer that stops is made in another line than it is called in, and a variable is set in another line than it is read in.
    """

    def __init__(self, definition: Definition, places: Sequence[_Place], about: str):
        self.about, self.places = about, places
        nodes = [each for each in ast.walk(definition) if isinstance(each, ast.expr | ast.stmt)]
        stopping = [each for each in nodes if isinstance(each, ast.Name | ast.Attribute) and places[-1].has(each)]
        used = {_name_of(each) for each in stopping if isinstance(each.ctx, ast.Load)} - {"self"}
        self.makers = [each for each in nodes if isinstance(each, ast.Assign | ast.AugAssign) and used & _set_by(each)]

    def __call__(self, edit: Edit) -> tuple[int, bool]:
        node: Any = edit.node
        if self.places[-1].has(node):
            far = 0
        elif any(
            _Place(each.lineno, each.col_offset, each.end_lineno or 0, each.end_col_offset or 0).has(node)
            for each in self.makers
        ):
            far = 1
        else:
            far = 2 if any(place.has(node) for place in self.places) else 3
        return far, f"'{getattr(node, 'id', None)}'" not in self.about


def _set_by(node: ast.Assign | ast.AugAssign) -> set[str]:
    """The names of the variables and attributes that a line sets."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {
        _name_of(each)
        for target in targets
        for each in ast.walk(target)
        if isinstance(each, ast.Name | ast.Attribute) and isinstance(each.ctx, ast.Store)
    }


def _methods_of(definition: ast.ClassDef) -> list[ast.FunctionDef]:
    return [each for each in definition.body if isinstance(each, ast.FunctionDef)]


def _attributes(definition: Definition) -> list[str]:
    """What a class keeps under `self`."""
    found = [
        each for each in ast.walk(definition) if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
    ]
    return list(
        dict.fromkeys(each.attr for each in found if isinstance(each.value, ast.Name) and each.value.id == "self")
    )


def _definition(answer: object) -> Definition | None:
    """The code of a function or class, from the cell that defines it; None where that is not to be had."""
    functions = _functions_of(answer)
    if not functions or (functions[0].__closure__ and not isinstance(answer, type)):
        return None
    code = functions[0].__code__
    lines = linecache.getlines(code.co_filename, functions[0].__globals__)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return None
    kind = ast.ClassDef if isinstance(answer, type) else ast.FunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kind) and node.name == answer.__name__ and not node.decorator_list:  # type: ignore[attr-defined]  # a function or class
            inside = _methods_of(node) if isinstance(node, ast.ClassDef) else [node]
            if code.co_firstlineno in [each.lineno for each in inside]:
                return node
    return None


def _compiled(definition: Definition, scope: dict[str, Any], bounded: "_Bounded", around: list[ast.AST]) -> Any:
    """What the edited code defines, in a copy of the names around it; None where it is no code."""
    module = ast.Module(body=[bounded.of(definition, {id(each) for each in (definition, *around)})], type_ignores=[])
    try:
        with warnings.catch_warnings():  # of an edit that makes no sense the learner hears nothing
            warnings.simplefilter("ignore")
            exec(compile(module, _EDITED, "exec"), scope)
    except Exception:
        return None
    return scope[definition.name]  # it finds itself there, too


def _tried(is_right: Callable[[Any], bool], candidate: object, until: float) -> bool:
    """Is it right, with an end to its work?"""

    lines = 0

    def watched(frame: FrameType, event: str, _: object) -> Any:
        """Stop, before the next lines, what an edit has made endless, and numbers that outgrow all bounds."""
        nonlocal lines
        if frame.f_code.co_filename != _EDITED:
            return None
        lines += 1
        if lines % EVERY:
            return watched
        if clock() > until or lines > MOST_LINES or any(map(_is_huge, frame.f_locals.values())):
            raise _TooMuchError
        return watched

    before = sys.gettrace()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        sys.settrace(watched)
        _tries.append(candidate)
        try:
            return is_right(candidate)
        except _NotRight:
            return False
        finally:
            _tries.pop()
            sys.settrace(before)


_tries: list[object] = []  # what is being tried


class _NotRight(BaseException):
    """An edited answer is not right; nobody reads why."""


def before_reasons() -> None:
    """A check calls this where it has found a difference, before it looks for what that comes from, if looking takes time."""
    if _tries:
        raise _NotRight


class _TooMuchError(Exception):
    """An edit has made code that does not end, or takes all memory."""


def _is_huge(value: object) -> bool:
    if type(value) is int:
        return value.bit_length() > MOST_BITS
    return isinstance(value, list | tuple | str) and len(value) > MOST


def _times(one: Any, other: Any) -> Any:
    for row, number in ((one, other), (other, one)):
        if isinstance(row, list | tuple | str) and isinstance(number, int) and len(row) * number > MOST:
            raise _TooMuchError
    return one * other


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > MOST_BITS:
        raise _TooMuchError
    return base**exponent


def _range(*ends: int) -> range:
    numbers = range(*ends)
    if len(numbers) > MOST:
        raise _TooMuchError
    return numbers


_BOUNDED = {"times_within_bounds": _times, "power_within_bounds": _power, "range": _range}


class _Bounded:
    """The same code, with products and powers that stop where they would outgrow all bounds; the given nodes stay as they are."""

    def __init__(self, definition: Definition):
        self._made: dict[int, Any] = {}  # of each node of the code before its edits
        self._kept = list(ast.walk(definition))  # so that no id is used twice
        for node in reversed(self._kept):
            self._made[id(node)] = self._of(node, set())

    def of(self, node: Any, edited: set[int]) -> Any:
        """The code of a node; `edited` are those, by their ids, in which something has changed."""
        return self._made[id(node)] if id(node) in self._made and id(node) not in edited else self._of(node, edited)

    def _of(self, node: Any, edited: set[int]) -> Any:
        new = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                setattr(new, name, self.of(value, edited))
            elif isinstance(value, list):
                setattr(new, name, [self.of(each, edited) if isinstance(each, ast.AST) else each for each in value])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Pow):
            name = f"{'times' if isinstance(node.op, ast.Mult) else 'power'}_within_bounds"
            bounded = ast.Call(func=ast.Name(name, ast.Load()), args=[new.left, new.right], keywords=[])
            return ast.fix_missing_locations(ast.copy_location(bounded, node))
        return new


class _Edits:
    """Every edit of a function, first those of kinds that leave little to choose: of two that fit, the later is the likelier coincidence.

    A class's functions take turns, kind by kind.
    """

    def __init__(self, function: ast.FunctionDef, names: Sequence[str], layers: Sequence[str] = ()):
        self.function = function
        body = function.body
        head = body[0].value if isinstance(body[0], ast.Expr) else None
        docstring = head if isinstance(head, ast.Constant) else None
        self.nodes = [each for part in body for each in ast.walk(part) if each is not docstring]
        self.parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
        self.arguments = _arguments(function.args)
        self.known: dict[ast.AST, list[str]] = {
            function: list(dict.fromkeys([*self.arguments, *_stored(function)]))
        }  # variables, by where they live
        self.fields = list(dict.fromkeys([*names, *(e.attr for e in self.nodes if isinstance(e, ast.Attribute))]))
        self.layers = list(layers)
        self.has_fractions = any(isinstance(each, ast.Div) for each in self.nodes)

    @property
    def kinds(self) -> tuple[Callable[[ast.AST], Iterator[Edit]], ...]:
        """The kinds of edits, in the order in which they are tried."""
        return (
            self.truths, self.operations, self.overwritten, self.functions, self.wrapped, self.divisions, self.comparisons,
            self.conditions, self.returns, self.calls, self.numbers, self.orders, self.surplus, self.attributes, self.places,
            self.options, self.names, self.constants, self.absent, self.missing, self.others, self.terms,
        )  # fmt: skip

    def of(self, kind: Callable[[ast.AST], Iterator[Edit]]) -> Iterator[Edit]:
        """The edits of one kind."""
        for node in self.nodes:
            yield from kind(node) if not self._is_a_size(node) else ()

    def variables(self, node: ast.AST) -> list[str]:
        """The names that are to be had at a node: of the function, and of what it stands in there."""
        found: list[str] = []
        for each in self._above(node):
            if isinstance(
                each, ast.FunctionDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
            ):
                if each not in self.known:
                    own = _arguments(each.args) if isinstance(each, ast.FunctionDef | ast.Lambda) else []
                    self.known[each] = list(dict.fromkeys([*own, *_stored(each)]))
                found = [*self.known[each], *found]
        return list(dict.fromkeys([name for name in self.known[self.function] if name in found] + found))

    def _is_a_size(self, node: ast.AST) -> bool:
        """Does it say how large a tensor is that is made? With another number, it may take all memory."""
        makers = [each for each in self._above(node) if isinstance(each, ast.Call) and _name_of(each.func) in _MAKING]
        return any(node is not each.func for each in makers)

    @contextlib.contextmanager
    def made(self, edit: Edit) -> Iterator[None]:
        """The function with the edit in it, put back afterwards."""
        parent = self.parents[edit.node]
        if not hasattr(edit.instead, "lineno"):  # it is new, and no part of what was there
            ast.copy_location(edit.instead, edit.node)
        ast.fix_missing_locations(edit.instead)
        for name, value in ast.iter_fields(parent):
            if value is edit.node:
                setattr(parent, name, edit.instead)
                yield
                setattr(parent, name, value)
                return
            if isinstance(value, list) and any(each is edit.node for each in value):
                place = next(place for place, each in enumerate(value) if each is edit.node)
                value[place] = edit.instead
                yield
                value[place] = edit.node
                return

    def around(self, edit: Edit) -> list[ast.AST]:
        """The nodes in which an edit changes something."""
        return [edit.node, *self._above(edit.node)]

    def excerpt(self, node: ast.AST) -> str:
        """The code at a node: what it stands in, where it is a name or a number, and as much as goes into a sentence."""
        outer = self.parents[node]
        if isinstance(node, ast.Name | ast.Constant) and isinstance(outer, ast.keyword):
            outer = self.parents[outer]
        if isinstance(node, ast.Name | ast.Constant) and isinstance(outer, ast.expr | ast.Return | ast.AugAssign):
            node = outer if len(ast.unparse(outer)) <= LONGEST else node
        text = ast.unparse(node)
        if len(text) > LONGEST and isinstance(node, ast.BinOp):
            text = ast.unparse(_with(node, left=ast.Name("…", ast.Load())))
        text = text.splitlines()[0]
        return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"

    def _is_called(self, node: ast.AST) -> bool:
        parent = self.parents[node]
        return isinstance(parent, ast.Call) and parent.func is node

    # Each kind yields the edits of one node.

    def operations(self, node: ast.AST) -> Iterator[Edit]:
        """Another operation: plus for minus, times for divided."""
        if not (isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _WORDS):
            return
        for other in _WORDS:
            if type(node.op) is other or other is ast.Mod:
                continue
            if {type(node.op), other} == {ast.Div, ast.FloorDiv}:
                wrong = "/" if isinstance(node.op, ast.Div) else "//"
                said = f"you divide with `{wrong}`, where the other division belongs"
            else:
                said = f"{_WORDS[type(node.op)]}, where another operation belongs"
            yield Edit(node, _with(node, op=other()), said)

    def truths(self, node: ast.AST) -> Iterator[Edit]:
        """True for False."""
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield Edit(node, ast.Constant(not node.value), f"`{node.value}` is the wrong one of `True` and `False`")

    def overwritten(self, node: ast.AST) -> Iterator[Edit]:
        """Without a line: one that sets an argument anew, or does something to it; without a `with` around lines."""
        if isinstance(node, ast.With):
            lines = ast.If(test=ast.Constant(True), body=node.body, orelse=[])
            yield Edit(node, lines, "the `with` around what follows is too much")
        is_line = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and "super()" not in ast.unparse(node)
        if is_line or isinstance(node, ast.If | ast.For | ast.With | ast.Delete):
            used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            touched = [name for name in self.arguments if name in used and name != "self"]
            said = "there is a line too many" if is_line else "there are lines too many"
            yield Edit(
                node, ast.Pass(), said + (f": it does something to the argument `{touched[0]}`" if touched else "")
            )
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [
                each.id
                for target in targets
                for each in ast.walk(target)
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            ]
            lost = [name for name in names if name in self.arguments]
            said = f"the argument `{lost[0]}` is overwritten, so that it is not used as it was given" if lost else "there is a line too many"  # fmt: skip
            yield Edit(node, ast.Pass(), said)

    def names(self, node: ast.AST) -> Iterator[Edit]:
        """Another variable."""
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not self._is_called(node):
            for name in self.variables(node):
                if name != node.id:
                    kind = "argument" if name in self.arguments else "variable"
                    yield Edit(node, ast.Name(name, ast.Load()), f"you take `{node.id}` in place of another {kind}")

    def constants(self, node: ast.AST) -> Iterator[Edit]:
        """A variable for what is written down."""
        if not isinstance(node, ast.Constant) or node.value is None or isinstance(self.parents[node], ast.JoinedStr):
            return
        what = "text" if isinstance(node.value, str) else "number"
        what = f"`{node.value!r}`" if isinstance(node.value, bool) else f"the {what} {node.value!r}"
        for name in self.variables(node):
            kind = "an argument" if name in self.arguments else "a variable"
            yield Edit(node, ast.Name(name, ast.Load()), f"{what} stands where {kind} belongs")

    def numbers(self, node: ast.AST) -> Iterator[Edit]:
        """A number that is one more or one less."""
        if not isinstance(node, ast.Constant) or type(node.value) is not int:
            return
        parent = self.parents[node]
        if isinstance(parent, ast.Slice | ast.Subscript):
            return  # a place, of which another kind knows more
        is_power = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and node is parent.right
        is_window = self._role(node) == " (`kernel_size`)"
        for other in (node.value + 1, node.value - 1, *((node.value + 2, node.value - 2) if is_window else ())):
            what = f"the {'exponent' if is_power else 'number'} {node.value}{self._role(node)}"
            yield Edit(
                node, ast.Constant(other), f"{what} is off by {'one' if abs(other - node.value) == 1 else 'two'}"
            )

    def functions(self, node: ast.AST) -> Iterator[Edit]:
        """Another function: the sum for the mean, the smallest for the largest."""
        if not isinstance(node, ast.Call):
            return
        name = _name_of(node.func)
        for group in _ALIKE:
            for other in group if name in group else ():
                if other != name:
                    instead = _with(node.func, **{"attr" if isinstance(node.func, ast.Attribute) else "id": other})
                    how = f"you round {_ROUNDED[name]}, where another rounding" if name in _ROUNDED else f"you take `{name}`, where another function"  # fmt: skip
                    yield Edit(node, _with(node, func=instead), f"{how} belongs")

    def wrapped(self, node: ast.AST) -> Iterator[Edit]:
        """Without a function, a list, a minus or a `not` around a value."""
        is_made = isinstance(node, ast.Call) and (_name_of(node.func) in _MAKING or _name_of(node.func)[:1].isupper())
        if isinstance(node, ast.Call) and (node.keywords or len(node.args) != 1) and not is_made:
            held = node.func.value if isinstance(node.func, ast.Attribute) else None
            is_method = held is not None and _name_of(held) not in _MODULES
            inside = held if is_method else node.args[0] if node.args else None
            if inside is not None and not isinstance(inside, ast.Starred) and not self._is_line(node):
                yield Edit(node, inside, f"`{_name_of(node.func)}` changes it: without it the result is right")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not self._is_line(node):
            held = node.func.value
            if _name_of(held) not in (*_MODULES, "self"):
                yield Edit(node, held, f"`{node.func.attr}` changes it: without it the result is right")
        if isinstance(node, ast.Call) and not node.keywords and isinstance(node.func, ast.Name | ast.Attribute):
            name, inside = _name_of(node.func), node.args[0] if node.args else getattr(node.func, "value", None)
            is_rounding = name == "round" or len(node.args) < 2
            if inside is not None and is_rounding and not isinstance(inside, ast.Starred):
                what = "changes its type" if name in ("str", "list", "tuple", "float", "Fraction") else "changes it"
                what = "rounds it, and the number should stay as it is" if name in _ROUNDED else what
                yield Edit(node, inside, f"`{name}` {what}: without it the result is right")
        if isinstance(node, ast.List | ast.Tuple) and len(node.elts) == 1 and isinstance(node.ctx, ast.Load):
            kind = "list" if isinstance(node, ast.List) else "tuple"
            yield Edit(node, node.elts[0], f"the {kind} around it gives it another type: without that it is right")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
            what = "`not`" if isinstance(node.op, ast.Not) else "minus sign"
            yield Edit(node, node.operand, f"there is a {what} too many")

    def divisions(self, node: ast.AST) -> Iterator[Edit]:
        """Another rounding of a division, or of a number."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            up = _filled("-(-_0 // _1)", node.left, node.right)
            for instead in (up, _filled("round(_0 / _1)", node.left, node.right)):
                yield Edit(node, instead, "`//` rounds down, where another rounding belongs")
        name = _name_of(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in _ROUNDED and len(node.args) == 1:
            for text in ("round(_0)", "int(_0 // 1)", "int(-(-_0 // 1))"):
                yield Edit(
                    node,
                    _filled(text, node.args[0]),
                    f"`{name}` rounds {_ROUNDED[name]}, where another rounding belongs",
                )
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.BinOp):
            inside = node.operand.left
            if isinstance(node.operand.op, ast.FloorDiv) and isinstance(inside, ast.UnaryOp):
                for text in ("_0 // _1", "round(_0 / _1)"):
                    instead = _filled(text, inside.operand, node.operand.right)
                    yield Edit(node, instead, "you round up, where another rounding belongs")

    def comparisons(self, node: ast.AST) -> Iterator[Edit]:
        """Another comparison."""
        if not isinstance(node, ast.Compare):
            return
        for place, own in enumerate(node.ops):
            others = _COMPARED if type(own) in _COMPARED else (_OPPOSITE[type(own)],)
            for other in others:
                if other is type(own):
                    continue
                said = "the comparison is not the right one"
                if {type(own), other} in _BORDERS:
                    said = "the border itself, where both are equal, falls on the wrong side"
                yield Edit(node, _with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]]), said)

    def conditions(self, node: ast.AST) -> Iterator[Edit]:
        """`and` for `or`, a condition the other way round."""
        if isinstance(node, ast.BoolOp):
            own, other = ("and", ast.Or()) if isinstance(node.op, ast.And) else ("or", ast.And())
            yield Edit(node, _with(node, op=other), f"`{own}` is the wrong one of `and` and `or`")
        if isinstance(node, ast.If | ast.IfExp):
            turned = ast.UnaryOp(op=ast.Not(), operand=node.test)
            yield Edit(node.test, turned, "the condition is the wrong way round")
            for always in (True, False):
                yield Edit(node.test, ast.Constant(always), "the condition is not the right one")
        if isinstance(node, ast.BoolOp):
            for each in node.values:
                rest = [other for other in node.values if other is not each]
                instead = _with(node, values=rest) if len(rest) > 1 else rest[0]
                yield Edit(node, instead, f"`{_short(each)}` is a condition too many")
        if isinstance(node, ast.comprehension):
            for each in node.ifs:
                yield Edit(each, ast.Constant(True), "the condition is too much")

    def places(self, node: ast.AST) -> Iterator[Edit]:
        """Another place of a row or of a shape, another end of a slice or a range."""
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
            try:
                own = ast.literal_eval(node.slice)
            except ValueError:
                return
            if isinstance(own, int):
                for other in (0, 1, 2, 3, -1, -2):
                    if other != own:
                        what = "another side of the shape" if ast.unparse(node.value).endswith("shape") else "another place of the row"  # fmt: skip
                        yield Edit(node, _with(node, slice=_filled(repr(other))), f"{what} belongs")
        ends: Sequence[ast.expr] = ()
        if isinstance(node, ast.Slice):
            ends = [each for each in (node.lower, node.upper) if each is not None]
        elif isinstance(node, ast.Call) and _name_of(node.func) == "range":
            ends = node.args[:2]
            if len(node.args) == 2:
                yield Edit(node, _with(node, args=node.args[1:]), "the range starts at the wrong number: its first is missing")  # fmt: skip
        for end in ends:
            for text in ("_0 + 1", "_0 - 1"):
                what = "slice" if isinstance(node, ast.Slice) else "range"
                yield Edit(end, _filled(text, end), f"the {what} starts or ends one place off")

    def attributes(self, node: ast.AST) -> Iterator[Edit]:
        """Another attribute of the same thing."""
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and not self._is_called(node):
            base = ast.unparse(node.value)
            if base in _MODULES:
                return
            same = [e.attr for e in self.nodes if isinstance(e, ast.Attribute) and ast.unparse(e.value) == base]
            alike = [name for group in _FIELDS if node.attr in group for name in group]
            for name in dict.fromkeys([*same, *alike, *(self.layers if base == "self" else self.fields)]):
                if name != node.attr:
                    said = f"you take the attribute `{node.attr}` in place of another"
                    yield Edit(node, _with(node, attr=name), said)

    def orders(self, node: ast.AST) -> Iterator[Edit]:
        """Two neighbours in another order: arguments, or what is given back."""
        if isinstance(node, ast.Call):
            for turned in _swapped(node.args):
                yield Edit(node, _with(node, args=turned), f"two arguments of `{_name_of(node.func)}` are swapped")
        if isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
            for turned in _swapped(node.elts):
                yield Edit(node, _with(node, elts=turned), "two things stand in the wrong order: they are swapped")

    def returns(self, node: ast.AST) -> Iterator[Edit]:
        """A return, where none is; the return behind the loop, and not in it; a sum that goes on."""
        if node is self.function.body[-1] and isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            yield Edit(node, ast.Return(node.value), "a `return` is missing")
        if node is self.function.body[-1] and isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            lines = [node, ast.Return(ast.Name(node.targets[0].id, ast.Load()))]
            yield Edit(node, ast.If(test=ast.Constant(True), body=lines, orelse=[]), "a `return` is missing behind it")
        if isinstance(node, ast.For) and isinstance(node.body[-1], ast.Return) and len(node.body) > 1:
            body = getattr(self.parents[node], "body", [])
            if body and body[-1] is node:
                loop = _with(node, body=node.body[:-1])
                both = ast.If(test=ast.Constant(True), body=[loop, node.body[-1]], orelse=[])
                yield Edit(
                    node, both, "the `return` stands inside of the loop, which ends with its first round: it is indented too far"
                )  # fmt: skip
        in_a_loop = any(isinstance(each, ast.For) for each in self._above(node))
        if in_a_loop and isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            instead = ast.AugAssign(target=node.targets[0], op=ast.Add(), value=node.value)
            yield Edit(node, instead, f"each round sets `{name}` anew, so that the last alone counts: add to it")

    def options(self, node: ast.AST) -> Iterator[Edit]:
        """Another axis."""
        if not isinstance(node, ast.keyword) or node.arg not in ("dim", "axis"):
            return
        for text in ("0", "1", "2", "-1", "(0, 2, 3)", "(2, 3)", "(1, 2, 3)", "(2, 3, 4)", "(1, 2)"):
            value = _filled(text)
            own, other = ({ast.unparse(each) for each in getattr(axes, "elts", [axes])} for axes in (node.value, value))
            what = (
                "an axis is missing"
                if own < other
                else "there is an axis too many"
                if other < own
                else "another axis belongs"
            )
            yield Edit(node.value, value, f"{what}: `{_short(node)}` is not the right one")

    def missing(self, node: ast.AST) -> Iterator[Edit]:
        """A minus, a square or a root that was forgotten."""
        parent = self.parents[node]
        is_value = isinstance(parent, ast.BinOp | ast.Return | ast.Assign | ast.Call | ast.AugAssign)
        if not (is_value and isinstance(node, ast.Name | ast.Call | ast.BinOp | ast.Attribute)) or self._is_called(
            node
        ):
            return
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return
        text = ast.unparse(node)
        text = f"`{text}`" if len(text) <= LONGEST else "this"
        yield Edit(node, _filled("-_0", node), f"the sign of {text} is the wrong one: a minus is missing")
        for power, word in (("2", "square"), ("0.5", "root")):
            yield Edit(node, _filled(f"(_0) ** {power}", node), f"{text} is taken as it is, where its {word} belongs")

    def surplus(self, node: ast.AST) -> Iterator[Edit]:
        """Without an element of a row, an argument or an option."""
        for field in ("elts", "args") if isinstance(node, ast.List | ast.Tuple | ast.Call) else ():
            items = getattr(node, field, [])
            if len(items) > 1 and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                for item in items:
                    rest = [each for each in items if each is not item]
                    yield Edit(node, _with(node, **{field: rest}), f"`{_short(item)}` is one too many")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.FloorDiv):
            word = "term" if isinstance(node.op, ast.Add | ast.Sub) else "divisor" if isinstance(node.op, ast.Div | ast.FloorDiv) else "factor"  # fmt: skip
            for inside, other in ((node.left, node.right), (node.right, node.left)):
                if inside is node.left or isinstance(node.op, ast.Add | ast.Mult):
                    yield Edit(node, inside, f"`{_short(other)}` is a {word} too many")
        if isinstance(node, ast.Call):
            for option in node.keywords:
                kept = [each for each in node.keywords if each is not option]
                yield Edit(node, _with(node, keywords=kept), f"the option `{_short(option)}` is too much")

    def absent(self, node: ast.AST) -> Iterator[Edit]:
        """With one more element of a row, or one more option."""
        is_row = isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load) and node.elts
        is_chain = isinstance(node, ast.Call) and _name_of(node.func) == "Sequential"
        if is_row or is_chain:
            field = "elts" if is_row else "args"
            items = getattr(node, field)
            for new in self._more(node, items):
                for place in range(len(items) + 1):
                    where = f"behind `{_short(items[place - 1])}`" if place else f"in front of `{_short(items[0])}`"
                    longer = [*items[:place], new, *items[place:]]
                    yield Edit(node, _with(node, **{field: longer}), f"something is missing {where}")
        if isinstance(node, ast.Call):
            given = {each.arg for each in node.keywords}
            for text in _OPTIONS.get(_name_of(node.func), ()):
                name, _, value = text.partition("=")
                if name not in given and (node.args or "_0" not in value):
                    option = ast.keyword(name, _filled(value, *node.args[:1]))
                    more = _with(node, keywords=[*node.keywords, option])
                    own = f"`{_name_of(node.func)}`"
                    yield Edit(
                        node, more, f"{own} is told no axis" if name == "dim" else f"an option of {own} is missing"
                    )

    def _more(self, node: ast.AST, items: Sequence[ast.expr]) -> list[ast.expr]:
        """What could stand in a row, too: what does already, in it or in rows like it; a variable; another layer, called as its neighbour is."""
        rows = [e.elts for e in self.nodes if isinstance(e, type(node)) and isinstance(e, ast.List | ast.Tuple)]
        near = [each for row in rows for each in row if all(isinstance(one, type(each)) for one in items)]
        found = [*items, *near]
        for each in items:
            if isinstance(each, ast.Call) and self._is_layer(each.func):
                found += [_with(each, func=_with(each.func, attr=name)) for name in self.layers]
            if isinstance(each, ast.Name):
                found += [ast.Name(name, ast.Load()) for name in self.variables(each)]
        if isinstance(node, ast.Call):
            found.append(_filled("nn.ReLU()"))
        for each in items if len(items) < 3 else ():
            found += self._variants(each)
        return list({ast.unparse(each): each for each in found if not isinstance(each, ast.Starred)}.values())

    def _variants(self, item: ast.expr) -> list[ast.expr]:
        """The like of an element, with another variable, or another place of a row, in it."""
        found = []
        for number, part in enumerate(ast.walk(item)):
            others: list[ast.AST] = []
            if isinstance(part, ast.Name) and not self._is_called(part):
                others = [ast.Name(name, ast.Load()) for name in self.variables(part) if name != part.id]
            elif (
                isinstance(part, ast.Constant)
                and isinstance(self.parents[part], ast.Subscript)
                and part.value in (0, 1)
            ):
                others = [ast.Constant(1 - part.value)]
            for other in others if part is not item else ():
                fresh = copy.deepcopy(item)
                place = next(itertools.islice(ast.walk(fresh), number, None))
                place.__dict__.update(other.__dict__)
                found.append(fresh)
        return found

    def calls(self, node: ast.AST) -> Iterator[Edit]:
        """Another layer of the same module, one more or an activation behind a value."""
        if isinstance(node, ast.Call) and self._is_layer(node.func):
            own = _name_of(node.func)
            for name in self.layers:
                if name != own:
                    other = _with(node, func=_with(node.func, attr=name))
                    yield Edit(node, other, f"`{_short(node.func)}` is called where another of your layers belongs")
        parent = self.parents[node]
        is_value = isinstance(parent, ast.Tuple | ast.List | ast.Call | ast.Return | ast.Assign | ast.BinOp)
        is_value = is_value and self.function.name == "forward" and not self._is_called(node)
        is_read = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        if isinstance(node, ast.Call | ast.Name | ast.BinOp) and is_value and is_read:
            for name in self.layers:
                yield Edit(node, _filled(f"self.{name}(_0)", node), "one of your layers is missing behind it")
            yield Edit(node, _filled("(_0).relu()", node), "an activation is missing behind it")

    def others(self, node: ast.AST) -> Iterator[Edit]:
        """Another number or text of those that the function has; a number two more or less, ten times or a tenth."""
        if not isinstance(node, ast.Constant) or isinstance(self.parents[node], ast.Expr | ast.JoinedStr):
            return
        values = [each.value for each in self.nodes if isinstance(each, ast.Constant)]
        alike: list[object] = []
        if isinstance(node.value, str):
            alike = [*(each for each in values if type(each) is str), node.value.lower(), node.value.strip("_")]
        elif type(node.value) is int:
            small = (each for each in values if type(each) is int and each <= 16)
            alike = [node.value + 2, node.value - 2, *small]
        elif type(node.value) is float:
            alike = [
                *(each for each in values if type(each) is float),
                node.value * 10,
                node.value / 10,
                1 - node.value,
            ]
        what = "text" if isinstance(node.value, str) else "number"
        for other in dict.fromkeys(alike):
            if other not in (node.value, 0):
                said = f"the {what} {node.value!r}{self._role(node)} is not the right one"
                yield Edit(node, ast.parse(repr(other), mode="eval").body, said)

    def terms(self, node: ast.AST) -> Iterator[Edit]:
        """With one factor or term more."""
        is_value = isinstance(self.parents[node], ast.BinOp | ast.Return | ast.Assign | ast.AugAssign | ast.Compare)
        if self.function.name in ("__init__", "forward") or not is_value or not isinstance(node, ast.expr):
            return
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or isinstance(node, ast.Tuple | ast.List):
            return
        for text in (*self.variables(node), *(() if self.has_fractions else ("1",))):
            for sign, word in (("*", "a factor"), ("+", "a term"), ("-", "a term"), ("/", "a divisor")):
                if not (text == "1" and sign in "*/"):
                    yield Edit(node, _filled(f"(_0) {sign} {text}", node), f"{word} is missing at `{_short(node)}`")

    def _role(self, node: ast.AST) -> str:
        """Which argument of a layer a number is, in words that follow it."""
        call, name = self.parents[node], ""
        while isinstance(call, ast.Tuple | ast.keyword):
            name = call.arg or "" if isinstance(call, ast.keyword) else name
            node, call = call, self.parents[call]
        if isinstance(call, ast.Call):
            roles = _ROLES.get(_name_of(call.func), ())
            place = next((place for place, each in enumerate(call.args) if each is node), len(roles))
            name = name or (roles[place] if place < len(roles) else "")
        return f" (`{name}`)" if name else ""

    def _is_layer(self, function: ast.AST) -> bool:
        return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "self"

    def _is_line(self, node: ast.AST) -> bool:
        return isinstance(self.parents[node], ast.Expr)

    def _above(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node


def _arguments(given: ast.arguments) -> list[str]:
    return [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def _stored(place: ast.AST) -> list[str]:
    """The names that are set in a function or a comprehension, and not in what has names of its own in there."""
    found, waiting = [], list(ast.iter_child_nodes(place))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append(node.id)
        if not isinstance(
            node, ast.FunctionDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        ):
            waiting += ast.iter_child_nodes(node)
    return found


def _short(node: ast.AST) -> str:
    """The code of a node, as much as goes into a sentence."""
    text = ast.unparse(node).splitlines()[0]
    return text if len(text) <= LONGEST // 2 else f"{text[: LONGEST // 2]} …"


def _name_of(function: ast.AST) -> str:
    """The last part of a name that is called."""
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""  # fmt: skip


def _with(node: ast.AST, **changes: object) -> Any:
    """A shallow copy of a node with some of its fields changed."""
    new = copy.copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _filled(text: str, *parts: ast.expr) -> ast.expr:
    """An expression in which `_0` and `_1` stand for others."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return parts[int(node.id[1:])] if node.id in ("_0", "_1") else node

    filled: ast.expr = Put().visit(ast.parse(text, mode="eval").body)
    return filled


def _swapped(items: Sequence[ast.expr]) -> Iterator[list[ast.expr]]:
    """A row with two neighbours swapped, for each two."""
    for place in range(len(items) - 1):
        yield [*items[:place], items[place + 1], items[place], *items[place + 2 :]]
