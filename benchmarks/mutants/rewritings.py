"""Ways to write a solution otherwise that keep what it does. A check must accept each of them.

Some need a helper, such as a convolution that calls torch's function: those are in `helpers`, and the cell imports them.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from benchmarks.mutants.edits import (
    Edit,
    Place,
    Replacement,
    called,
    constant,
    expression,
    filled,
    is_square,
    keyword,
    returns_of,
    statements,
    with_,
    with_keyword,
    without_keyword,
)

Found = Iterator[Replacement]


@dataclass(frozen=True)
class Rewriting:
    """One way of writing."""

    name: str
    edit: Edit


REWRITINGS: dict[str, Rewriting] = {}


def rewriting(edit: Edit) -> Edit:
    """Make an edit a rewriting, under the function's name."""
    REWRITINGS[edit.__name__] = Rewriting(edit.__name__, edit)
    return edit


def _is_whole(node: ast.AST, place: Place) -> bool:
    """The answer's own function or class."""
    return isinstance(place.parents.get(node), ast.Module) and isinstance(node, (ast.FunctionDef, ast.ClassDef))


def _importing(*helpers: str) -> list[ast.stmt]:
    return statements(f"from benchmarks.mutants.helpers import {', '.join(helpers)}") if helpers else []


def _replaced(place: Place, change: Callable[[ast.Call], ast.expr | None], *helpers: str) -> Found:
    """The cell with all its calls changed for which `change` has something else, which may need helpers."""
    count = 0

    class Change(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.expr:
            nonlocal count
            self.generic_visit(node)
            new = change(node)
            count += new is not None
            return node if new is None else new

    tree = Change().visit(copy.deepcopy(place.tree))
    if count:
        yield with_(tree, body=[*_importing(*helpers), *tree.body])


def _by_our_own(place: Place, names: dict[str, str], *helpers: str) -> Found:
    """The cell with layers made by classes of one's own: (a layer's name: the class's). These are what is imported."""

    def change(call: ast.Call) -> ast.expr | None:
        return with_(call, func=expression(names[called(call)])) if called(call) in names else None

    yield from _replaced(place, change, *(helpers or names.values()))


def _weights_are_read(place: Place) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "weight" for node in ast.walk(place.tree))


def _must_be_sequential(place: Place) -> bool:
    """The text asks for an `nn.Sequential`."""
    texts = [node.value for node in ast.walk(place.tree) if constant(node, str)]
    return any("nn.Sequential" in text for text in texts) or any(
        isinstance(node, ast.FunctionDef) and node.name == "merge_towers" for node in place.tree.body
    )


# Layers.


@rewriting
def functional_relu(node: ast.AST, place: Place) -> Found:
    """torch's function in a module of one's own."""
    if _is_whole(node, place):
        yield from _replaced(place, lambda call: expression("OwnReLU()") if called(call) == "ReLU" else None, "OwnReLU")


@rewriting
def clamped(node: ast.AST, place: Place) -> Found:
    """`clamp` for a ReLU."""
    if called(node) == "relu" and node.args:
        yield filled("(_0).clamp(min=0)", node.args[0])
        yield filled("torch.maximum(_0, torch.zeros(()))", node.args[0])


@rewriting
def functional_convolution(node: ast.AST, place: Place) -> Found:
    """Parameters of one's own, and `F.conv2d`."""
    if _is_whole(node, place) and not _weights_are_read(place):
        yield from _by_our_own(place, {"Conv2d": "OwnConv"})


@rewriting
def einsum_for_pointwise(node: ast.AST, place: Place) -> Found:
    """A 1×1 convolution is a product of matrices."""

    def change(call: ast.Call) -> ast.expr | None:
        window = call.args[2] if len(call.args) == 3 else getattr(keyword(call, "kernel_size"), "value", None)
        if (
            called(call) != "Conv2d"
            or window is None
            or not constant(window)
            or window.value != 1
            or keyword(call, "stride")
        ):
            return None
        rest = [each for each in call.keywords if each.arg != "kernel_size"]
        return with_(call, func=expression("Mix"), args=call.args[:2], keywords=rest)

    if _is_whole(node, place) and not _weights_are_read(place):
        yield from _replaced(place, change, "Mix")


@rewriting
def product_for_dense(node: ast.AST, place: Place) -> Found:
    """`x @ weight.T + bias` for `nn.Linear`."""
    if _is_whole(node, place):
        yield from _by_our_own(place, {"Linear": "Dense"})


@rewriting
def functional_pool(node: ast.AST, place: Place) -> Found:
    """torch's function in a module of one's own."""
    names = {"MaxPool2d": "OwnMaxPool", "AvgPool2d": "OwnAvgPool"}
    if _is_whole(node, place):
        yield from _by_our_own(place, names, "pools")


@rewriting
def lazy_layers(node: ast.AST, place: Place) -> Found:
    """Layers that find out how many channels come in, one kind at a time."""
    if _is_whole(node, place) and not _weights_are_read(place):
        for kind in ("Conv2d", "Linear", "BatchNorm2d"):

            def change(call: ast.Call, kind: str = kind) -> ast.expr | None:
                if called(call) != kind or not call.args or (kind == "Conv2d" and keyword(call, "groups")):
                    return None
                return with_(call, func=expression(f"nn.Lazy{kind}"), args=call.args[1:])

            yield from _replaced(place, change)


@rewriting
def explicit_padding(node: ast.AST, place: Place) -> Found:
    """A layer of its own that puts the zeros around."""

    def change(call: ast.Call) -> ast.expr | None:
        padding = keyword(call, "padding")
        if called(call) != "Conv2d" or padding is None or constant(padding.value, str):
            return None
        return filled("nn.Sequential(zeros_around(_0), _1)", padding.value, without_keyword(call, "padding"))

    if _is_whole(node, place) and not _weights_are_read(place):
        yield from _replaced(place, change, "zeros_around")


@rewriting
def same_padding(node: ast.AST, place: Place) -> Found:
    """`padding="same"`."""

    def change(call: ast.Call) -> ast.expr | None:
        if called(call) != "Conv2d" or not keyword(call, "padding") or keyword(call, "stride"):
            return None
        return with_keyword(call, "padding", expression("'same'"))

    if _is_whole(node, place):
        yield from _replaced(place, change)


@rewriting
def windows_as_pairs(node: ast.AST, place: Place) -> Found:
    """(3, 3) for 3, and the same for padding and stride."""

    def change(call: ast.Call) -> ast.expr | None:
        if called(call) not in ("Conv2d", "MaxPool2d", "AvgPool2d", "ConvBNAct"):
            return None
        at = 2 if called(call) == "Conv2d" else 0 if "Pool" in called(call) else 9
        args = [
            filled("(_0, _0)", each) if number == at and constant(each, int) else each
            for number, each in enumerate(call.args)
        ]
        keywords = [
            with_(each, value=filled("(_0, _0)", each.value))
            if each.arg in ("kernel_size", "padding", "stride") and constant(each.value, int)
            else each
            for each in call.keywords
        ]
        return with_(call, args=args, keywords=keywords)

    if _is_whole(node, place):
        yield from _replaced(place, change)


_NAMES = {
    "Conv2d": ("in_channels", "out_channels", "kernel_size", "stride", "padding"),
    "ConvBNAct": ("in_channels", "out_channels"),
    "Linear": ("in_features", "out_features", "bias"),
    "MaxPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "BatchNorm2d": ("num_features", "eps"),
    "Dropout": ("p",),
    "ReLU": ("inplace",),
}


@rewriting
def keyword_calls(node: ast.AST, place: Place) -> Found:
    """Every argument of a layer by its name."""

    def change(call: ast.Call) -> ast.expr | None:
        names = _NAMES.get(called(call), ())
        if not call.args or len(call.args) > len(names) or any(isinstance(each, ast.Starred) for each in call.args):
            return None
        named = [ast.keyword(arg=name, value=each) for name, each in zip(names, call.args, strict=False)]
        return with_(call, args=[], keywords=[*named, *call.keywords])

    if _is_whole(node, place):
        yield from _replaced(place, change)


@rewriting
def positional_calls(node: ast.AST, place: Place) -> Found:
    """Every argument of a layer by its place, as far as that goes."""
    defaults = {"stride": "1", "padding": "0"}

    def change(call: ast.Call) -> ast.expr | None:
        names = _NAMES.get(called(call), ())
        if called(call) == "ConvBNAct":
            return None
        left = {each.arg: each for each in call.keywords if each.arg in names}
        if not left:
            return None
        args, keywords = list(call.args), list(call.keywords)
        for name in names[len(args) :]:
            if not left:
                break
            if name not in left and ("Pool" in called(call) or name not in defaults):
                break
            found = left.pop(name, None)
            args.append(expression(defaults[name]) if found is None else found.value)
            keywords = [each for each in keywords if each is not found]
        return with_(call, args=args, keywords=keywords)

    if _is_whole(node, place):
        yield from _replaced(place, change)


@rewriting
def inplace_relu(node: ast.AST, place: Place) -> Found:
    """A ReLU that writes into what a layer has just made."""
    if called(node) == "Sequential":
        args = [
            expression("nn.ReLU(inplace=True)")
            if called(each) == "ReLU" and at and called(node.args[at - 1]) in ("Conv2d", "Linear", "BatchNorm2d")
            else each
            for at, each in enumerate(node.args)
        ]
        yield with_(node, args=args)


# Containers.


@rewriting
def module_list(node: ast.AST, place: Place) -> Found:
    """An `nn.ModuleList` and a loop for `nn.Sequential`."""
    if _is_whole(node, place) and not _must_be_sequential(place):
        yield from _by_our_own(place, {"Sequential": "Chain"})


@rewriting
def named_sequential(node: ast.AST, place: Place) -> Found:
    """An `nn.Sequential` whose layers have names."""

    def change(call: ast.Call) -> ast.expr | None:
        if called(call) != "Sequential" or not call.args or any(isinstance(each, ast.Starred) for each in call.args):
            return None
        pairs = [filled(f"('layer_{at}', _0)", each) for at, each in enumerate(call.args)]
        return with_(call, args=[filled("OrderedDict(_0)", ast.List(elts=pairs, ctx=ast.Load()))])

    if _is_whole(node, place):
        yield from _replaced(place, change, "OrderedDict")


@rewriting
def grown_sequential(node: ast.AST, place: Place) -> Found:
    """An empty `nn.Sequential` to which a list's layers are added."""
    if called(node) == "Sequential" and len(node.args) == 1 and isinstance(node.args[0], ast.Starred):
        yield filled("nn.Sequential().extend(_0)", node.args[0].value)


@rewriting
def nested_module(node: ast.AST, place: Place) -> Found:
    """The answer inside of another module."""
    if _is_whole(node, place) and isinstance(node, ast.ClassDef):
        yield from _behind(
            node, place,
            f"class {node.name}(nn.Module):\n    def __init__(self, *arguments, **options):\n        super().__init__()\n"
            "        self.inner = Own(*arguments, **options)\n\n    def forward(self, x):\n        return self.inner(x)\n",
        )  # fmt: skip


@rewriting
def inherited(node: ast.AST, place: Place) -> Found:
    """A class that has everything from another."""
    if _is_whole(node, place) and isinstance(node, ast.ClassDef):
        yield from _behind(node, place, f"class {node.name}(Own):\n    pass")


@rewriting
def factory(node: ast.AST, place: Place) -> Found:
    """A function that makes the module, where a class is asked."""
    if _is_whole(node, place) and isinstance(node, ast.ClassDef):
        yield from _behind(
            node, place, f"def {node.name}(*arguments, **options):\n    return Own(*arguments, **options)"
        )


def _behind(node: ast.FunctionDef | ast.ClassDef, place: Place, lines: str, *helpers: str) -> Found:
    """The answer under the name `Own`, and in its place something that uses it."""
    body = [with_(each, name="Own") if each is node else each for each in place.tree.body]
    yield ast.Module(body=[*_importing(*helpers), *body, *statements(lines)], type_ignores=[])


@rewriting
def renamed_attributes(node: ast.AST, place: Place) -> Found:
    """Other names for the layers."""
    if not (_is_whole(node, place) and isinstance(node, ast.ClassDef)):
        return
    own = {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and place.is_written(each)
        if isinstance(place.parents[each], (ast.Assign, ast.Tuple))
    }

    class Rename(ast.NodeTransformer):
        def visit_Attribute(self, each: ast.Attribute) -> ast.Attribute:
            self.generic_visit(each)
            if each.attr in own and isinstance(each.value, ast.Name) and each.value.id == "self":
                return with_(each, attr=f"my_{each.attr}")
            return each

    if own:
        yield Rename().visit(copy.deepcopy(place.tree))


@rewriting
def renamed_variables(node: ast.AST, place: Place) -> Found:
    """Other names for what is inside."""
    if not _is_whole(node, place):
        return
    arguments = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    own = {
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    } - arguments

    class Rename(ast.NodeTransformer):
        def visit_Name(self, each: ast.Name) -> ast.Name:
            return with_(each, id=f"my_{each.id}") if each.id in own else each

    if own:
        yield Rename().visit(copy.deepcopy(place.tree))


# Joining.


def _joins_channels(node: ast.AST) -> bool:
    if called(node) != "cat" or not isinstance(node, ast.Call):
        return False
    dim = keyword(node, "dim")
    return dim is not None and constant(dim.value) and dim.value.value == 1


@rewriting
def buffer_for_cat(node: ast.AST, place: Place) -> Found:
    """An empty tensor, filled part by part."""
    if _is_whole(node, place):
        yield from _replaced(
            place,
            lambda call: filled("into_one_buffer(_0)", call.args[0]) if _joins_channels(call) else None,
            "into_one_buffer",
        )


@rewriting
def other_cat(node: ast.AST, place: Place) -> Found:
    """The other names that torch has for it."""
    if _joins_channels(node):
        yield filled("torch.concatenate(_0, axis=1)", node.args[0])
        yield filled("torch.hstack(_0)", node.args[0])
        yield filled("torch.cat(tuple(_0), -3)", node.args[0])


@rewriting
def pairwise_cat(node: ast.AST, place: Place) -> Found:
    """Two parts first, then the others."""
    if _joins_channels(node) and isinstance(node.args[0], ast.List) and len(node.args[0].elts) > 2:
        first, second, *rest = node.args[0].elts
        pair = filled("torch.cat([_0, _1], dim=1)", first, second)
        yield with_(node, args=[with_(node.args[0], elts=[pair, *rest])])


# Statements and expressions.


@rewriting
def statements_swapped(node: ast.AST, place: Place) -> Found:
    """Two lines that do not need each other, the other way round."""
    if not isinstance(node, ast.FunctionDef):
        return
    for at in range(len(node.body) - 1):
        pair = node.body[at : at + 2]
        if all(isinstance(each, ast.Assign) and place.is_written(each) for each in pair) and _is_independent(*pair):
            yield with_(node, body=[*node.body[:at], *pair[::-1], *node.body[at + 2 :]])


def _is_independent(first: ast.stmt, second: ast.stmt) -> bool:
    def texts(node: ast.stmt, kind: type) -> set[str]:
        return {
            ast.unparse(each)
            for each in ast.walk(node)
            if isinstance(each, (ast.Name, ast.Attribute)) and isinstance(each.ctx, kind)
        }

    stored = texts(first, ast.Store), texts(second, ast.Store)
    loaded = texts(first, ast.Load), texts(second, ast.Load)
    return stored[0].isdisjoint(stored[1] | loaded[1]) and stored[1].isdisjoint(loaded[0])


@rewriting
def loop_for_comprehension(node: ast.AST, place: Place) -> Found:
    """A list and a loop."""
    if not isinstance(node, (ast.Return, ast.Assign)):
        return
    for each in ast.walk(node):
        above = list(place.above(each))
        inside = above[: above.index(node)] if node in above else []
        if (
            isinstance(each, (ast.ListComp, ast.GeneratorExp))
            and len(each.generators) == 1
            and not any(
                isinstance(one, (ast.ListComp, ast.GeneratorExp, ast.Lambda, ast.IfExp, ast.DictComp)) for one in inside
            )
        ):
            comprehension = each.generators[0]
            body: list[ast.stmt] = [ast.Expr(filled("found_.append(_0)", each.elt))]
            if comprehension.ifs:
                body = [
                    ast.If(
                        test=ast.BoolOp(op=ast.And(), values=comprehension.ifs)
                        if len(comprehension.ifs) > 1
                        else comprehension.ifs[0],
                        body=body,
                        orelse=[],
                    )
                ]
            loop = ast.For(target=comprehension.target, iter=comprehension.iter, body=body, orelse=[], lineno=1)

            class Put(ast.NodeTransformer):
                def __init__(self, gone: ast.expr):
                    self.gone = ast.dump(gone)

                def generic_visit(self, one: ast.AST) -> ast.AST:
                    if ast.dump(one) == self.gone:
                        return expression("found_")
                    return super().generic_visit(one)

                visit = generic_visit

            yield [*statements("found_ = []"), loop, Put(each).visit(copy.deepcopy(node))]


@rewriting
def temporary_variable(node: ast.AST, place: Place) -> Found:
    """A name for the result."""
    if isinstance(node, ast.Return) and node.value is not None:
        (assigned,) = statements("result = None")
        yield [with_(assigned, value=node.value), *statements("return result")]


@rewriting
def helper_function(node: ast.AST, place: Place) -> Found:
    """The result worked out in a function inside of the function."""
    if isinstance(node, ast.Return) and node.value is not None and "super()" not in ast.unparse(node):
        (helper,) = statements("def work_out():\n    pass")
        yield [with_(helper, body=[node]), *statements("return work_out()")]


@rewriting
def if_for_conditional(node: ast.AST, place: Place) -> Found:
    """`if` and `else` as statements."""
    if isinstance(node, (ast.Assign, ast.Return)) and isinstance(node.value, ast.IfExp):
        value = node.value
        yield ast.If(test=value.test, body=[with_(node, value=value.body)], orelse=[with_(node, value=value.orelse)])


@rewriting
def spelled_out(node: ast.AST, place: Place) -> Found:
    """`x = x + y` for `x += y`."""
    if isinstance(node, ast.AugAssign):
        left = expression(ast.unparse(node.target))
        yield ast.Assign(targets=[node.target], value=ast.BinOp(left=left, op=node.op, right=node.value), lineno=1)


@rewriting
def product_for_square(node: ast.AST, place: Place) -> Found:
    """`x * x` for `x**2`."""
    if is_square(node) and isinstance(node.left, (ast.Name, ast.Attribute, ast.BinOp)):
        yield ast.BinOp(left=node.left, op=ast.Mult(), right=node.left)
        yield filled("pow(_0, 2)", node.left)


@rewriting
def turned_sum(node: ast.AST, place: Place) -> Found:
    """`b + a` for `a + b`, `b * a` for `a * b`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mult)):
        is_joined = any(
            isinstance(each, (ast.List, ast.Tuple)) or constant(each, str) for each in (node.left, node.right)
        )
        if not is_joined:
            yield with_(node, left=node.right, right=node.left)


@rewriting
def axis_for_dim(node: ast.AST, place: Place) -> Found:
    """NumPy's word."""
    if called(node) in ("mean", "sum", "cat", "argmax", "any", "all") and keyword(node, "dim"):
        value = keyword(node, "dim").value
        yield with_keyword(without_keyword(node, "dim"), "axis", value)


@rewriting
def function_for_method(node: ast.AST, place: Place) -> Found:
    """`torch.mean(x)` for `x.mean()`, and back."""
    names = ("mean", "sum", "var", "softmax", "log_softmax", "argmax", "exp", "log", "abs", "sqrt", "max")
    if called(node) not in names or not isinstance(node.func, ast.Attribute):
        return
    receiver = ast.unparse(node.func.value)
    if receiver == "torch":
        yield with_(
            node, func=ast.Attribute(value=node.args[0], attr=node.func.attr, ctx=ast.Load()), args=node.args[1:]
        )
    elif receiver not in ("F", "math", "nn.functional", "np"):
        yield with_(node, func=expression(f"torch.{node.func.attr}"), args=[node.func.value, *node.args])


@rewriting
def torch_for_operators(node: ast.AST, place: Place) -> Found:
    """`torch.add` and `torch.mul` in a forward."""
    function = place.function(node)
    names = {ast.Add: "torch.add(_0, _1)", ast.Mult: "torch.mul(_1, _0)"}
    if function is not None and function.name == "forward" and isinstance(node, ast.BinOp) and type(node.op) in names:
        yield filled(names[type(node.op)], node.left, node.right)


@rewriting
def decorated(node: ast.AST, place: Place) -> Found:
    """A function behind another that hands everything on."""
    if _is_whole(node, place) and isinstance(node, ast.FunctionDef):
        lines = f"import functools\n\n@functools.wraps(Own)\ndef {node.name}(*arguments, **options):\n    return Own(*arguments, **options)"
        yield from _behind(node, place, lines)


@rewriting
def method(node: ast.AST, place: Place) -> Found:
    """A method of some object."""
    if _is_whole(node, place) and isinstance(node, ast.FunctionDef):
        lines = f"class Holder:\n    def own(self, *arguments, **options):\n        return Own(*arguments, **options)\n\n{node.name} = Holder().own"
        yield from _behind(node, place, lines)


@rewriting
def one_expression(node: ast.AST, place: Place) -> Found:
    """A lambda, where one line is all."""
    if not (_is_whole(node, place) and isinstance(node, ast.FunctionDef)):
        return
    body = [each for each in node.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
    if len(body) == 1 and isinstance(body[0], ast.Return) and len(returns_of(node)) == 1:
        own = ast.Assign(
            targets=[ast.Name(node.name, ast.Store())], value=ast.Lambda(args=node.args, body=body[0].value), lineno=1
        )
        yield ast.Module(body=[own if each is node else each for each in place.tree.body], type_ignores=[])


# Kinds of results.


def _result_as(node: ast.AST, place: Place, kinds: type | tuple[type, ...], helper: str) -> Found:
    """The answer with its result, and what is inside of it, handed through a helper; only if it has such things."""
    if _is_whole(node, place) and isinstance(node, ast.FunctionDef) and _has(place.first.get("return"), kinds):
        lines = f"def {node.name}(*arguments, **options):\n    return {helper}(Own(*arguments, **options))"
        yield from _behind(node, place, lines, helper)


def _has(value: object, kinds: type | tuple[type, ...]) -> bool:
    if isinstance(value, kinds) and not isinstance(value, bool):
        return True
    if isinstance(value, dict):
        return any(_has(each, kinds) for each in value.values())
    return type(value) in (list, tuple) and any(_has(each, kinds) for each in value)


@rewriting
def numpy_numbers(node: ast.AST, place: Place) -> Found:
    """np.int64 and np.float64."""
    yield from _result_as(node, place, (int, float), "in_numpy")


@rewriting
def tensor_numbers(node: ast.AST, place: Place) -> Found:
    """Tensors that hold one number."""
    yield from _result_as(node, place, (int, float), "in_tensors")


@rewriting
def fractions(node: ast.AST, place: Place) -> Found:
    """Exact fractions for shares."""
    yield from _result_as(node, place, float, "in_fractions")


@rewriting
def whole_floats(node: ast.AST, place: Place) -> Found:
    """12.0 for 12; not where the solution divides with `//`, since a float is the slip there."""
    if "//" not in place.text:
        yield from _result_as(node, place, int, "in_floats")


@rewriting
def tuple_for_list(node: ast.AST, place: Place) -> Found:
    """A tuple for a list."""
    yield from _result_as(node, place, list, "in_tuples")


@rewriting
def list_for_tuple(node: ast.AST, place: Place) -> Found:
    """A list for a tuple."""
    yield from _result_as(node, place, tuple, "in_lists")


@rewriting
def numpy_row(node: ast.AST, place: Place) -> Found:
    """A row of numpy's for several numbers."""
    result = place.first.get("return")
    if type(result) in (list, tuple) and {type(each) for each in result} in ({int}, {float}):
        yield from _result_as(node, place, (list, tuple), "in_a_row")


@rewriting
def double_tensors(node: ast.AST, place: Place) -> Found:
    """Results in double precision, where the text does not ask for the precision of what goes in."""
    if getattr(node, "name", "") not in {"compose", "compose_three", "as_one"}:
        yield from _result_as(node, place, Tensor, "in_double")
