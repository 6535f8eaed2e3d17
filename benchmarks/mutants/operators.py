"""The slips that learners make, as edits of a solution's syntax tree.

Each `Operator` has a name, the edit, and `says`: words of which one should be in a refusal, because they name what was done.
"""

import ast
import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.mutants.edits import (
    DELETED,
    Edit,
    Place,
    Replacement,
    called,
    constant,
    expression,
    filled,
    is_square,
    keyword,
    names_in,
    returns_of,
    statements,
    with_,
    with_keyword,
    without_keyword,
)

CONVOLUTIONS = ("Conv2d", "ConvBNAct", "ConvReLU")
POOLS = ("MaxPool2d", "AvgPool2d")
Found = Iterator[Replacement]


@dataclass(frozen=True)
class Operator:
    """One kind of slip."""

    name: str
    says: re.Pattern | None  # None where the slips of this kind have no name in common
    edit: Edit


OPERATORS: dict[str, Operator] = {}


def slip(says: str = "") -> Callable[[Edit], Edit]:
    """Make an edit an operator, under the function's name."""

    def register(edit: Edit) -> Edit:
        name = edit.__name__
        OPERATORS[name] = Operator(name, re.compile(says, re.IGNORECASE) if says else None, edit)
        return edit

    return register


def _literal(value: object) -> ast.expr:
    return expression(repr(value))


def _swapped(items: list, at: int) -> list:
    return [*items[:at], items[at + 1], items[at], *items[at + 2 :]]


def _is_module(function: ast.FunctionDef, place: Place) -> bool:
    return any(isinstance(each, ast.ClassDef) for each in place.above(function))


def _is_answer(function: ast.AST, place: Place) -> bool:
    """A function that is the answer itself, or a method of it."""
    return isinstance(function, ast.FunctionDef) and isinstance(place.parents[function], (ast.Module, ast.ClassDef))


def _arguments(function: ast.FunctionDef) -> list[str]:
    return [each.arg for each in function.args.args if each.arg != "self"]


def _returned(function: ast.FunctionDef, place: Place, change: Callable[[ast.expr], ast.expr]) -> Found:
    """The function with its returned values changed, all at once."""
    if not _is_answer(function, place) or function.name == "__init__":
        return
    found = [each for each in returns_of(function) if each.value is not None]
    if not found or not all(place.is_written(each) for each in found):
        return

    class Change(ast.NodeTransformer):
        def visit_Return(self, node: ast.Return) -> ast.Return:
            return with_(node, value=change(node.value)) if any(node is each for each in found) else node

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
            return node

    yield with_(function, body=[_copied(Change(), each) for each in function.body])


def _copied(change: ast.NodeTransformer, node: ast.stmt) -> ast.stmt:
    """What a transformer makes of a statement, with the statement left as it is."""
    fresh = copy.deepcopy(node)
    originals = dict(zip(map(id, ast.walk(fresh)), ast.walk(node), strict=True))

    class Through(ast.NodeTransformer):
        def visit_Return(self, each: ast.Return) -> ast.AST:
            return change.visit_Return(originals[id(each)])  # type: ignore[attr-defined]

        def visit_FunctionDef(self, each: ast.FunctionDef) -> ast.AST:
            return each

    return Through().visit(fresh)


def _at_start(function: ast.FunctionDef, lines: str) -> ast.FunctionDef:
    body = function.body
    head = 1 if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else 0
    if function.name == "__init__":
        head += 1  # behind super().__init__()
    return with_(function, body=[*body[:head], *statements(lines), *body[head:]])


# Layers: windows, padding, stride.


@slip(r"padding|grid|height|width|size|border|does not run|fit")
def padding_changed(node: ast.AST, place: Place) -> Found:
    """Forgotten, or one too many."""
    found = keyword(node, "padding") if isinstance(node, ast.Call) else None
    if found is not None:
        yield without_keyword(node, "padding")
        if isinstance(found.value, ast.Constant) and isinstance(found.value.value, int):
            yield with_keyword(node, "padding", _literal(found.value.value + 1))
        elif not isinstance(found.value, ast.Constant):
            yield with_keyword(node, "padding", _literal(1))


@slip(r"padding|valid|same|grid|height")
def padding_kind(node: ast.AST, place: Place) -> Found:
    """Valid for same and back."""
    if called(node) == "ConvBNAct":
        found = keyword(node, "padding")
        yield without_keyword(node, "padding") if found else with_keyword(node, "padding", _literal("valid"))


@slip(r"strid|grid|size|steps?\b|does not run|concatenat")
def stride_changed(node: ast.AST, place: Place) -> Found:
    """Forgotten, or two for one."""
    if called(node) in (*CONVOLUTIONS, *POOLS, "SeparableConvBN"):
        found = keyword(node, "stride")
        if found is None:
            yield with_keyword(node, "stride", _literal(2))
        else:
            yield without_keyword(node, "stride")
            if constant(found.value):
                yield with_keyword(node, "stride", _literal(3 - found.value.value if found.value.value < 3 else 2))


def _window(node: ast.Call) -> tuple[ast.expr | None, Callable[[ast.expr], ast.Call]]:
    """A layer's window, and how to put another in its place."""
    found = keyword(node, "kernel_size")
    if found is not None:
        return found.value, lambda new: with_keyword(node, "kernel_size", new)
    at = 2 if called(node) in CONVOLUTIONS else 0
    if len(node.args) > at:
        return node.args[at], lambda new: with_(node, args=[*node.args[:at], new, *node.args[at + 1 :]])
    return None, lambda new: node


@slip(r"\d ?×|kernel|window|convolution|pool|grid")
def kernel_changed(node: ast.AST, place: Place) -> Found:
    """Another window: 1 for 3, 3 for 1, 5 for 3."""
    if called(node) in (*CONVOLUTIONS, *POOLS):
        window, put = _window(node)
        if window is not None and constant(window):
            yield put(_literal({1: 3, 3: 5}.get(window.value, 3)))
            if window.value > 1:
                yield put(_literal(1))
        elif isinstance(window, ast.Tuple):
            yield put(_literal(3))


@slip(r"\d ?×|kernel|window|swapped|rows|columns|height|width|wide|tall|order")
def window_turned(node: ast.AST, place: Place) -> Found:
    """1×7 where 7×1 should be, and every other pair turned round."""
    if isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.ctx, ast.Load):
        yield with_(node, elts=node.elts[::-1])


@slip(r"group|convolution|weights|parameters|channels|shape")
def groups_dropped(node: ast.AST, place: Place) -> Found:
    """Groups forgotten."""
    if isinstance(node, ast.Call) and keyword(node, "groups"):
        yield without_keyword(node, "groups")


@slip(r"bias")
def bias_flipped(node: ast.AST, place: Place) -> Found:
    """A bias where none should be, or none where one should."""
    if called(node) in ("Conv2d", "Linear"):
        yield without_keyword(node, "bias") if keyword(node, "bias") else with_keyword(node, "bias", _literal(False))


@slip(r"pool|average|max")
def pool_kind(node: ast.AST, place: Place) -> Found:
    """Maximum for mean and back."""
    if called(node) in POOLS:
        other = POOLS[1 - POOLS.index(called(node))]
        keywords = [each for each in node.keywords if each.arg not in ("ceil_mode", "count_include_pad")]
        yield with_(node, func=with_(node.func, attr=other), keywords=keywords)


@slip(r"zeros|padding|round|ceil|pool|grid")
def pool_option(node: ast.AST, place: Place) -> Found:
    """`ceil_mode` or `count_include_pad` forgotten."""
    if called(node) in POOLS:
        for name in ("ceil_mode", "count_include_pad"):
            if keyword(node, name):
                yield without_keyword(node, name)
        if called(node) == "MaxPool2d" and not keyword(node, "ceil_mode"):
            yield with_keyword(node, "ceil_mode", _literal(True))


@slip(r"pool|missing|layers?\b")
def pool_forgotten(node: ast.AST, place: Place) -> Found:
    """No pool."""
    if called(node) in (*POOLS, "HalvingMaxPool"):
        yield expression("nn.Identity()")


# Activations, normalisation, dropout.


@slip(r"relu|activation|below zero|negative")
def relu_forgotten(node: ast.AST, place: Place) -> Found:
    """A ReLU left out."""
    if called(node) == "ReLU":
        yield expression("nn.Identity()")
    if called(node) == "relu" and isinstance(node, ast.Call) and node.args:
        yield node.args[0]


@slip(r"relu|activation|nothing should|below zero|negative|cut")
def relu_added(node: ast.AST, place: Place) -> Found:
    """A ReLU where none should be."""
    if called(node) in ("Conv2d", "Linear", "ConvBNAct", *POOLS):
        yield filled("nn.Sequential(_0, nn.ReLU())", node)
    if isinstance(node, ast.Return) and node.value is not None:
        function = place.function(node)
        if function and function.name == "forward":
            yield with_(node, value=filled("torch.relu(_0)", node.value))


@slip(r"relu|activation|sigmoid|leaky|\belu\b")
def other_activation(node: ast.AST, place: Place) -> Found:
    """Another activation."""
    if called(node) == "ReLU":
        yield expression("nn.LeakyReLU(0.1)")
        yield expression("nn.ELU()")
    if called(node) == "relu" and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield with_(node, func=expression("nn.functional.leaky_relu"))


@slip(r"norm")
def norm_forgotten(node: ast.AST, place: Place) -> Found:
    """No batch normalisation behind a convolution."""
    if called(node) == "BatchNorm2d":
        yield expression("nn.Identity()")
    if called(node) == "ConvBNAct" and not keyword(node, "stride", "padding"):
        window, _ = _window(node)
        if window is not None and constant(window, int) and len(node.args) >= 2:
            text = (
                f"nn.Sequential(nn.Conv2d(_0, _1, {window.value}, padding={window.value // 2}, bias=False), nn.ReLU())"
            )
            yield filled(text, *node.args[:2])


@slip(r"norm")
def norm_added(node: ast.AST, place: Place) -> Found:
    """A batch normalisation where none should be."""
    if called(node) == "Conv2d" and len(node.args) >= 2:
        yield filled("nn.Sequential(_0, nn.BatchNorm2d(_1))", node, node.args[1])


@slip(r"norm|relu|order|follows")
def norm_misplaced(node: ast.AST, place: Place) -> Found:
    """The normalisation behind the ReLU, or before the convolution."""
    if called(node) == "ConvBNAct" and not keyword(node, "stride", "padding") and len(node.args) >= 2:
        window, _ = _window(node)
        if window is not None and constant(window, int):
            conv = f"nn.Conv2d(_0, _1, {window.value}, padding={window.value // 2}, bias=False)"
            yield filled(f"nn.Sequential({conv}, nn.ReLU(), nn.BatchNorm2d(_1, eps=1e-3))", *node.args[:2])
            yield filled(f"nn.Sequential(nn.BatchNorm2d(_0, eps=1e-3), {conv}, nn.ReLU())", *node.args[:2])


@slip(r"mode|train|eval|running|statistic|frozen|freez")
def wrong_mode(node: ast.AST, place: Place) -> Found:
    """Training for evaluation, `eval()` forgotten, the mode not put back."""
    if isinstance(node, ast.Attribute) and node.attr == "training" and isinstance(node.ctx, ast.Load):
        yield ast.UnaryOp(op=ast.Not(), operand=node)
        yield _literal(True)
        yield _literal(False)
    if isinstance(node, ast.Expr) and called(node.value) in ("eval", "train"):
        yield DELETED
        receiver = ast.unparse(node.value.func.value)
        if not receiver.startswith("super"):
            yield statements(f"{receiver}.{'train' if called(node.value) == 'eval' else 'eval'}()")


@slip(r"eps|epsilon|largest difference|small|1e-|0\.0")
def eps_changed(node: ast.AST, place: Place) -> Found:
    """Another epsilon, or none."""
    if isinstance(node, ast.Call) and keyword(node, "eps"):
        yield without_keyword(node, "eps")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        text = ast.unparse(node.right)
        if text.split(".")[-1] in ("eps", "epsilon", "k"):
            yield node.left
            yield with_(node, right=filled("10 * _0", node.right))


@slip(r"biased|unbiased|m ?[−-] ?1|n ?[−-] ?1|one less|variance")
def unbiased_flipped(node: ast.AST, place: Place) -> Found:
    """The other of the two variances."""
    if called(node) == "var":
        yield (
            without_keyword(node, "unbiased")
            if keyword(node, "unbiased")
            else with_keyword(node, "unbiased", _literal(False))
        )


@slip(r"dropout|random|another result each time|in training|by chance")
def dropout_added(node: ast.AST, place: Place) -> Found:
    """A dropout where none should be: it shows in training only."""
    if called(node) in ("Conv2d", "ConvBNAct", "ReLU"):
        yield filled("nn.Sequential(_0, nn.Dropout(0.2))", node)
    if isinstance(node, ast.FunctionDef) and node.name == "forward":
        yield from _returned(node, place, lambda value: filled("nn.functional.dropout(_0, 0.5, self.training)", value))


@slip(r"dropout|dropped|drop")
def dropout_changed(node: ast.AST, place: Place) -> Found:
    """Dropout forgotten, or the share that is kept for the share that is dropped."""
    if called(node) == "Dropout":
        yield expression("nn.Identity()")
        if node.args and constant(node.args[0]):
            yield with_(node, args=[_literal(round(1 - node.args[0].value, 3))])


@slip(r"train|mode|in training|dropout")
def other_in_training(node: ast.AST, place: Place) -> Found:
    """Right in evaluation, wrong in training."""
    if isinstance(node, ast.FunctionDef) and node.name == "forward":
        (name, *_) = _arguments(node)
        yield _at_start(node, f"if self.training:\n    {name} = {name} * 0.5")


# Gradients, and what else is changed.


@slip(r"gradient|detach|no_grad|graph")
def detached(node: ast.AST, place: Place) -> Found:
    """A value cut off from the gradient: the result, or one that is added or multiplied."""
    if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Tuple):
        yield with_(node, value=filled("(_0).detach()", node.value))
    function = place.function(node)
    if function is None or not _is_answer(function, place) or function.name == "__init__":
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _arguments(function):
        yield filled("_0.detach()", node)
    if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
        own = (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "self"
        )
        if own or (isinstance(node.func, ast.Name) and node.func.id in _arguments(function)):
            yield filled("_0.detach()", node)


@slip(r"gradient|detach|no_grad|graph")
def under_no_grad(node: ast.AST, place: Place) -> Found:
    """Everything under `no_grad`."""
    if _is_answer(node, place) and node.name != "__init__" and returns_of(node):
        body = [each for each in node.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
        (block,) = statements("with torch.no_grad():\n    pass")
        block.body = body
        yield with_(node, body=[block])


@slip(r"no_grad|gradient|graph|in-place|inplace|leaf")
def no_grad_forgotten(node: ast.AST, place: Place) -> Found:
    """`no_grad` or `detach` left out."""
    if isinstance(node, ast.With) and "no_grad" in ast.unparse(node.items[0]):
        yield list(node.body)
    if called(node) == "detach":
        yield node.func.value


@slip(r"chang\w+|in.place|inplace|input|given|own tensor|overwrit")
def input_changed(node: ast.AST, place: Place) -> Found:
    """The tensor that came in is written to: at the start, and when all is done."""
    if not _is_answer(node, place) or node.name in ("__init__", "train"):
        return
    names = [name for name in _arguments(node) if _is_tensor(name, node, place)]
    for name in names[:2]:
        yield _at_start(node, f"with torch.no_grad():\n    {name}.relu_()")
        yield _at_start(node, f"with torch.no_grad():\n    {name}.mul_(2)")

        def late(value: ast.expr, name: str = name) -> ast.expr:
            return filled(f"[_0, {name}.data.zero_()][0]", value)

        yield from _returned(node, place, late)


def _is_tensor(name: str, function: ast.FunctionDef, place: Place) -> bool:
    if function.name == "forward":
        return True
    return type(place.first.get(name)).__name__ == "Tensor" and place.first[name].is_floating_point()


@slip(r"inplace|in.place|chang\w+|input|overwrit")
def inplace_first(node: ast.AST, place: Place) -> Found:
    """`nn.ReLU(inplace=True)` before the first layer: it writes into the input."""
    if called(node) == "Sequential" and node.args:
        yield with_(node, args=[expression("nn.ReLU(inplace=True)"), *node.args])


@slip(r"chang\w+|argument|list|given|modif|leave|copy")
def argument_changed(node: ast.AST, place: Place) -> Found:
    """A list or table that came in is changed: after use, so that the result stays right, and before."""
    if not _is_answer(node, place) or node.name in ("forward", "train"):
        return
    for name in _arguments(node):
        value = place.first.get(name)
        if isinstance(value, list):
            changes = [f"{name}.reverse()", f"{name}.append({name}[-1]) if {name} else None", f"{name}.clear()"]
        elif isinstance(value, dict):
            changes = [f"{name}.clear()", f"{name}.popitem() if {name} else None"]
        else:
            continue
        if isinstance(value, list):
            yield _at_start(node, f"{name}.reverse()")
            yield _at_start(node, f"if {name}:\n    {name}.pop()")
            if value and isinstance(value[0], (int, float, str, tuple)):
                yield _at_start(node, f"{name}.sort()")
        for change in changes:
            yield from _returned(node, place, lambda result, change=change: filled(f"[_0, {change}][0]", result))


@slip(r"requires_grad|train|frozen|freez|gradient")
def frozen(node: ast.AST, place: Place) -> Found:
    """Parameters that are never trained."""
    if isinstance(node, ast.FunctionDef) and node.name == "__init__":
        yield with_(
            node, body=[*node.body, *statements("for each in self.parameters():\n    each.requires_grad_(False)")]
        )
    if called(node) in ("Sequential", "Conv2d", "ConvBNAct", "Linear"):
        yield filled("_0.requires_grad_(False)", node)


@slip(r"list|does not see|ModuleList|not trained|parameters|attributes")
def plain_list(node: ast.AST, place: Place) -> Found:
    """Layers in a list of Python, which torch does not see."""
    if isinstance(node, ast.Assign) and called(node.value) in (*CONVOLUTIONS, "Linear", "Sequential", "BatchNorm2d"):
        target = node.targets[0]
        if isinstance(target, ast.Attribute):
            yield with_(node, value=filled("(lambda hidden: lambda x: hidden[0](x))([_0])", node.value))
    if called(node) == "ModuleList" and node.args:
        yield node.args[0]


# Branches, order, wiring.


@slip(r"missing|channels|fewer|not in|is gone|length|has \d+|in the concatenation|shape")
def element_dropped(node: ast.AST, place: Place) -> Found:
    """One element of a list, of a concatenation or of the layers left out."""
    if isinstance(node, (ast.List, ast.Tuple)) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        if isinstance(place.parents[node], ast.Subscript):
            return
        for at in range(len(node.elts)):
            yield with_(node, elts=node.elts[:at] + node.elts[at + 1 :])
    if called(node) == "Sequential" and len(node.args) > 1:
        for at in range(len(node.args)):
            yield with_(node, args=node.args[:at] + node.args[at + 1 :])


@slip(r"too many|twice|channels|more|double|length|shape")
def element_doubled(node: ast.AST, place: Place) -> Found:
    """One element twice."""
    if isinstance(node, ast.List) and isinstance(node.ctx, ast.Load) and node.elts:
        yield with_(node, elts=[node.elts[0], *node.elts])
        yield with_(node, elts=[*node.elts, node.elts[-1]])
    if called(node) == "Sequential" and len(node.args) > 1:
        yield with_(node, args=[*node.args, node.args[-1]])


@slip(r"order|belong|swapped|first|before|behind|channels|reads|follows")
def order_changed(node: ast.AST, place: Place) -> Found:
    """Two neighbours swapped, in a list or among the layers."""
    if isinstance(node, (ast.List, ast.Tuple)) and isinstance(node.ctx, ast.Load) and len(node.elts) > 2:
        for at in range(len(node.elts) - 1):
            yield with_(node, elts=_swapped(node.elts, at))
    elif isinstance(node, ast.List) and isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        yield with_(node, elts=node.elts[::-1])
    if called(node) == "Sequential" and len(node.args) > 1:
        for at in range(len(node.args) - 1):
            yield with_(node, args=_swapped(node.args, at))


@slip(r"swapped|order|channels|first|argument|from \d|reads")
def arguments_swapped(node: ast.AST, place: Place) -> Found:
    """Two arguments of a call in the wrong order."""
    if isinstance(node, ast.Call) and called(node) not in ("Sequential", "zip", "max", "min"):
        for at in range(len(node.args) - 1):
            if not any(isinstance(each, ast.Starred) for each in node.args):
                yield with_(node, args=_swapped(node.args, at))


@slip(r"branch|reads|wired|channels|input|missing|never used|belong|follows|sum|skip")
def wrong_branch(node: ast.AST, place: Place) -> Found:
    """A layer called twice where another should be, or fed with the wrong thing."""
    function = place.function(node)
    if function is None or function.name != "forward" or not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "self":
        names = sorted(
            {
                each.func.attr
                for each in ast.walk(function)
                if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)
                and isinstance(each.func.value, ast.Name) and each.func.value.id == "self"
            }
            - {node.func.attr}
        )  # fmt: skip
        for name in names[:2]:
            yield with_(node, func=with_(node.func, attr=name))
        if len(node.args) == 1 and ast.unparse(node.args[0]) != "x":
            yield with_(node, args=[expression("x")])
        yield node.args[0]


@slip(r"width|channels|swapped|from \d|attribute|wrong")
def other_attribute(node: ast.AST, place: Place) -> Found:
    """`widths.three` for `widths.three_reduce`: another attribute of the same thing."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.value.id in ("self", "nn", "torch", "math", "F"):
            return
        others = {
            each.attr
            for each in ast.walk(place.tree)
            if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == node.value.id
        } - {node.attr}
        parent = place.parents[node]
        if not (isinstance(parent, ast.Call) and parent.func is node):
            for other in sorted(others)[:2]:
                yield with_(node, attr=other)


@slip(r"channels|width|swapped|from \d|argument|brought up|instead|take")
def other_variable(node: ast.AST, place: Place) -> Found:
    """Another variable of the same function."""
    if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
        return
    function = place.function(node)
    if function is None:
        return
    parent = place.parents[node]
    if (isinstance(parent, ast.Call) and parent.func is node) or isinstance(parent, ast.Attribute):
        return
    assigned = [
        each.id
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.lineno <= node.lineno
    ]
    known = list(dict.fromkeys([*_arguments(function), *assigned]))
    if node.id in known:
        at = known.index(node.id)
        for other in [*known[at + 1 : at + 2], *known[max(at - 1, 0) : at]]:
            yield with_(node, id=other)


# Tensors' sides.


@slip(r"\bdim\b|dim=|ax[ei]s|channels|shape|images|classes|height|width|dimension")
def dim_changed(node: ast.AST, place: Place) -> Found:
    """Another axis."""
    found = keyword(node, "dim", "axis") if isinstance(node, ast.Call) else None
    if found is None:
        return
    if constant(found.value, int):
        for other in (0, 1, 2, -1):
            if other != found.value.value:
                yield with_keyword(node, found.arg, _literal(other))
    elif isinstance(found.value, ast.Tuple):
        for at in range(len(found.value.elts)):
            yield with_keyword(
                node, found.arg, with_(found.value, elts=found.value.elts[:at] + found.value.elts[at + 1 :])
            )
        yield with_keyword(node, found.arg, _literal((1, 2)))
    yield without_keyword(node, found.arg)


@slip(r"shape|ax[ei]s|keepdim|dimension|fit|size|view|broadcast")
def keepdim_flipped(node: ast.AST, place: Place) -> Found:
    """`keepdim` forgotten, or too much."""
    if isinstance(node, ast.Call) and keyword(node, "dim"):
        if keyword(node, "keepdim"):
            yield without_keyword(node, "keepdim")
        else:
            yield with_keyword(node, "keepdim", _literal(True))


_SIDES = {"height": "width", "row": "column", "rows": "columns"}
_SIDES |= {other: one for one, other in _SIDES.items()}


@slip(r"square|height|width|row|column|shape|both sides|odd|wide|tall|grid")
def square_assumed(node: ast.AST, place: Place) -> Found:
    """Height for width: right on a square only."""
    known = names_in(place.tree) | {each.arg for each in ast.walk(place.tree) if isinstance(each, ast.arg)}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and _SIDES.get(node.id) in known:
        yield with_(node, id=_SIDES[node.id])
    if isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Constant, ast.UnaryOp)):
        text = ast.unparse(node.slice)
        other = {"0": "1", "1": "0", "2": "3", "3": "2", "-1": "-2", "-2": "-1"}.get(text)
        if other:
            yield with_(node, slice=expression(other))


@slip(r"batch|images|shape|\bN\b|one image|first")
def batch_of_one(node: ast.AST, place: Place) -> Found:
    """Only the first image is looked at."""
    if isinstance(node, ast.FunctionDef) and _is_answer(node, place):
        names = [name for name in _arguments(node) if _is_tensor(name, node, place)]
        if node.name == "forward":
            names = names[:1]
        for name in names[:1]:
            yield _at_start(node, f"{name} = {name}[:1]")


# Numbers.


@slip()
def off_by_one(node: ast.AST, place: Place) -> Found:
    """One too many, one too few: in a sum with a number, or in a number alone."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        if constant(node.right) and node.right.value == 1:
            yield node.left
        if constant(node.left) and node.left.value == 1 and isinstance(node.op, ast.Add):
            yield node.right
    if constant(node, int) and not isinstance(place.parents[node], (ast.Subscript, ast.keyword)):
        inside = [called(each) for each in place.above(node)]
        if not any(name in (*CONVOLUTIONS, *POOLS, "Sequential") for name in inside):
            yield _literal(node.value + 1)
            if node.value > 0:
                yield _literal(node.value - 1)


@slip()
def constant_changed(node: ast.AST, place: Place) -> Found:
    """Another number: ten times, a tenth, 1000 for 1024."""
    if constant(node, float) or (constant(node, int) and node.value > 16):
        yield _literal({1024: 1000, 1e6: 1024**2}.get(node.value, node.value * 10))
        yield _literal(node.value / 10 if isinstance(node.value, float) else node.value // 2)


@slip(r"//|whole|round|int|float|number|rest|division|divide")
def division_swapped(node: ast.AST, place: Place) -> Found:
    """`/` for `//` and back."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.FloorDiv)):
        yield with_(node, op=ast.FloorDiv() if isinstance(node.op, ast.Div) else ast.Div())


@slip(r"round|ceil|floor|whole|up|down|cut off|nearest")
def rounding_changed(node: ast.AST, place: Place) -> Found:
    """Up for down, nearest for down, and back."""
    if called(node) in ("ceil", "floor"):
        yield with_(node, func=with_(node.func, attr="floor" if called(node) == "ceil" else "ceil"))
        yield with_(node, func=expression("round"))
    if called(node) == "round":
        yield with_(node, func=expression("int"))
        yield with_(node, func=expression("math.ceil"))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
        yield filled("-(-_0 // _1)", node.left, node.right)
        yield filled("round(_0 / _1)", node.left, node.right)


@slip(r"sign|add|subtract|minus|plus|taken away|below|more|less|instead|not \w+ed|turned")
def sign_flipped(node: ast.AST, place: Place) -> Found:
    """Plus for minus and back, a minus forgotten."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield with_(node, op=ast.Sub() if isinstance(node.op, ast.Add) else ast.Add())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield with_(node, op=ast.Sub() if isinstance(node.op, ast.Add) else ast.Add())


@slip(r"multipl|add|sum|power|times|instead|product|divide")
def operation_swapped(node: ast.AST, place: Place) -> Found:
    """Times for plus, times for divided, and back."""
    swaps = {ast.Mult: (ast.Add, ast.Div), ast.Add: (ast.Mult,), ast.Div: (ast.Mult,), ast.Pow: (ast.Mult,)}
    if isinstance(node, ast.BinOp):
        for other in swaps.get(type(node.op), ()):
            yield with_(node, op=other())
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Mult)):
        yield with_(node, op=ast.Mult() if isinstance(node.op, ast.Add) else ast.Add())


@slip()
def operand_dropped(node: ast.AST, place: Place) -> Found:
    """A factor, a term or a power left out."""
    if isinstance(node, ast.BinOp):
        yield node.left
        if not isinstance(node.op, ast.Pow):
            yield node.right


@slip(r"root|square|power|exponent|sides")
def power_changed(node: ast.AST, place: Place) -> Found:
    """A square for a cube, a root forgotten."""
    if is_square(node):
        yield with_(node, right=_literal(3))
    if called(node) in ("sqrt", "square", "exp", "log", "abs"):
        method = isinstance(node.func, ast.Attribute) and not node.args
        yield node.func.value if method else node.args[0]


@slip(r"mean|sum|average|add|divide|max|min|largest|smallest|median|any|all|every|class|list|place|total")
def reduction_changed(node: ast.AST, place: Place) -> Found:
    """Sum for mean, minimum for maximum, all for any."""
    swaps = {
        "mean": ("sum",), "sum": ("mean",), "max": ("min",), "min": ("max",), "argmax": ("argmin", "max"), "any": ("all",),
        "all": ("any",), "median": ("max",), "log_softmax": ("softmax",), "softmax": ("log_softmax", "sigmoid"),
    }  # fmt: skip
    name = called(node)
    if name not in swaps:
        return
    for other in swaps[name]:
        if isinstance(node.func, ast.Attribute):
            yield with_(node, func=with_(node.func, attr=other))
        elif name == "sum":
            yield with_(node, func=expression("max"))
        elif name == "median":
            yield filled("sum(_0) / len(_0)", node.args[0])
        else:
            yield with_(node, func=expression(other))
    if name == "mean" and isinstance(node.func, ast.Attribute):
        yield with_(node, func=with_(node.func, attr="amax")) if keyword(node, "dim") else node.func.value
    if name in ("sum", "mean") and isinstance(node.func, ast.Attribute):
        yield node.func.value


@slip(r"whole|round|int|float|cut|number|type|tensor")
def kind_of_number(node: ast.AST, place: Place) -> Found:
    """`int` around the result, a text for a number, a tensor's item, a rounded result."""
    if isinstance(node, ast.FunctionDef) and not _is_module(node, place):
        for text in ("int(_0)", "str(_0)", "round(_0, 2)", "[_0]"):
            yield from _returned(node, place, lambda value, text=text: filled(text, value))
    if called(node) in ("float", "item", "double"):
        yield node.func.value if isinstance(node.func, ast.Attribute) else node.args[0]


# Control.


@slip(r"end|at most|exactly|limit|equal|border|bound|either|belong|more than|includ|budget|<|above")
def boundary_moved(node: ast.AST, place: Place) -> Found:
    """`<` for `<=` and back."""
    swaps = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
    if isinstance(node, ast.Compare):
        for at, each in enumerate(node.ops):
            if type(each) in swaps:
                yield with_(node, ops=[*node.ops[:at], swaps[type(each)](), *node.ops[at + 1 :]])


@slip()
def comparison_flipped(node: ast.AST, place: Place) -> Found:
    """The comparison the other way round."""
    swaps = {
        ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
        ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    }  # fmt: skip
    if isinstance(node, ast.Compare):
        for at, each in enumerate(node.ops):
            yield with_(node, ops=[*node.ops[:at], swaps[type(each)](), *node.ops[at + 1 :]])


@slip()
def condition_changed(node: ast.AST, place: Place) -> Found:
    """A condition forgotten, negated, or one half of it left out; `and` for `or`."""
    if isinstance(node, (ast.If, ast.IfExp)):
        yield with_(node, test=_literal(True))
        yield with_(node, test=_literal(False))
        yield with_(node, test=ast.UnaryOp(op=ast.Not(), operand=node.test))
    if isinstance(node, ast.BoolOp):
        yield with_(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for at in range(len(node.values)):
            rest = node.values[:at] + node.values[at + 1 :]
            yield with_(node, values=rest) if len(rest) > 1 else rest[0]
    if isinstance(node, ast.comprehension) and node.ifs:
        yield with_(node, ifs=[])


@slip(r"return|loop|first|nothing|length|has \d|missing|only")
def early_return(node: ast.AST, place: Place) -> Found:
    """The return inside of the loop."""
    if isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Return):
        for at, each in enumerate(node.body[:-1]):
            if isinstance(each, ast.For) and place.is_written(each):
                loop = with_(each, body=[*each.body, node.body[-1]])
                yield with_(node, body=[*node.body[:at], loop, *node.body[at + 1 : -1]])


@slip(r"return|nothing|None")
def return_forgotten(node: ast.AST, place: Place) -> Found:
    """No return."""
    if isinstance(node, ast.Return) and node.value is not None:
        yield ast.Expr(node.value)


@slip()
def statement_forgotten(node: ast.AST, place: Place) -> Found:
    """A line left out: a state that is not brought up to date."""
    if isinstance(node, (ast.AugAssign, ast.Assign, ast.If)) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant) and "super()" not in ast.unparse(node)
    ):
        yield DELETED


@slip(r"add|sum|last|only|multipl|total|grow|step")
def not_accumulated(node: ast.AST, place: Place) -> Found:
    """`=` for `+=`."""
    if isinstance(node, ast.AugAssign):
        yield ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno)


@slip(r"range|one short|first|last|missing|short|more|window|start|end|fit|shape")
def range_changed(node: ast.AST, place: Place) -> Found:
    """A range or a slice that starts or stops one place off."""
    if called(node) == "range":
        last = len(node.args) - 1 if len(node.args) < 3 else 1
        for text in ("_0 - 1", "_0 + 1"):
            yield with_(node, args=[*node.args[:last], filled(text, node.args[last]), *node.args[last + 1 :]])
        if len(node.args) == 1:
            yield with_(node, args=[_literal(1), *node.args])
    if isinstance(node, ast.Slice):
        for name in ("lower", "upper"):
            value = getattr(node, name)
            if value is not None:
                yield with_(node, **{name: None})
                yield with_(node, **{name: filled("_0 + 1", value)})


@slip(r"argument|write|number|take|hard|fixed|constant|check uses|smaller|other|instead|with `?\w+`?=|left out|given")
def visible_case(node: ast.AST, place: Place) -> Found:
    """The number of the case in view in place of the argument: it is computed for that one case."""
    function = place.function(node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and function and _is_answer(function, place):
        value = place.first.get(node.id)
        if isinstance(value, (bool, int, float, str)) and node.id in _arguments(function):
            yield _literal(value)
    if isinstance(node, ast.FunctionDef) and _is_answer(node, place):
        for name in _arguments(node):
            if isinstance(place.first.get(name), (bool, int, float, str)):
                yield _at_start(node, f"{name} = {place.first[name]!r}")


@slip(r"argument|ignore|left out|always|default|keep|first line|look|count|other|none of")
def argument_ignored(node: ast.AST, place: Place) -> Found:
    """An argument that makes no difference: one for every number."""
    function = place.function(node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and function and _is_answer(function, place):
        value = place.first.get(node.id)
        if node.id in _arguments(function) and type(value) in (int, float) and value != 1:
            yield _literal(1)
    if isinstance(node, ast.FunctionDef) and node.args.defaults and _is_answer(node, place):
        names = _arguments(node)[-len(node.args.defaults) :]
        for name, default in zip(names, node.args.defaults, strict=True):
            yield _at_start(node, f"{name} = {ast.unparse(default)}")


@slip(r"True|False|mode|option|rounds?|zeros|bias|linear|mirror|half")
def truth_flipped(node: ast.AST, place: Place) -> Found:
    """True for False and back."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield _literal(not node.value)
    if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        yield with_(node, value=_literal(not node.value.value))


@slip(r"name|key|text|called|spell|word|no \w+ named|attribute|belong|pool|before")
def text_changed(node: ast.AST, place: Place) -> Found:
    """A name misspelt, or another of the names."""
    if constant(node, str) and not isinstance(place.parents[node], (ast.Expr, ast.JoinedStr)):
        yield _literal(node.value.upper() if node.value.upper() != node.value else node.value + "_")
