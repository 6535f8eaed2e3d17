"""Is the learner's module the same function as the reference, however it is written? If not: where does it differ?

The comparison looks in the order in which a person would: does it run, channels, height and width, its input left alone,
the layers and their parameters, values with the reference's weights copied in, then one step of training: values,
gradients, statistics, modes. It stops at the first difference.

A sentence names a cause only where the check has undone it and the rest was right, or has computed what that slip gives.
Otherwise it says what was seen: which layer, which mode, what was expected.
"""

import copy
import inspect
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from types import CodeType, FunctionType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from utils.cost.table import shape_text
from utils.cost.trace import INPUT, CannotRun, Operation, Trace, trace
from utils.feedback.exercises import Wrong, article, explain
from utils.feedback.pairing import Pairing, missing_and_extra, pair, randomize, rewritten, rows_of
from utils.feedback.undoing import before_reasons
from utils.feedback.wording import (
    activations,
    counted,
    describe,
    ends_of_branches,
    follows,
    grid_at_fault,
    is_pool,
    listed,
    names,
    nearest,
    only_behind_a_sum,
    passed_on,
    pool_text,
    settings_of,
    way_to,
    weighted,
    without_biases,
)
from utils.system.modes import restored

UNSEEN = (
    "torch does not see all of your layers: those in a plain Python list, or made in `forward`, are not trained. Make them in "
    "`__init__`, as attributes or in an `nn.ModuleList`."
)
SCRIPTED = (
    "Your module is one of `torch.jit`, scripted or traced. The check looks into a module that Python runs: hand over the class as it is "
    "written."
)
_CHANGES_INPUT = "Your forward changes its input, which others read, too: "
_IN_PLACE = "`+=`, `inplace=True` and names that end in `_`, as `add_`, write into the tensor."
SIDES = {0: "images", 1: "channels", 2: "height", 3: "width"}  # of (N, C, H, W)
_Layer = TypeVar("_Layer", bound=nn.Module)
LONG = 100  # characters; an argument that is longer is called by its name
ORDINARY = 4  # images of ordinary values in a batch; one of large values stands behind them
TRAINED = 3  # images in a batch of training
OTHER_SEED = 2**20  # with which what draws random numbers draws others


def build(answer: Callable, *arguments: object, **named: object) -> nn.Module:
    """Make the learner's module, or say in a sentence why it cannot be made.

    Raises:
        Wrong: not something that builds a module from these arguments.
        NotImplementedError: the stub is still in it.
    """
    if isinstance(answer, nn.Module):
        raise Wrong(
            f"You handed over one {type(answer).__name__} that is already built. Hand over the class or function "
            "itself, without parentheses: the check builds several from it, in sizes of its own."
        )
    if not callable(answer):
        raise Wrong(f"A class or function that makes a module is needed, and this is {article(answer)}.")
    name = getattr(answer, "__name__", "your function")
    given = _given(answer, arguments, named)
    rows = [each for each in (*arguments, *named.values()) if isinstance(each, list | dict)]
    before = [list(each.items() if isinstance(each, dict) else each) for each in rows]
    try:
        module = answer(*arguments, **named)
    except (NotImplementedError, Wrong):
        raise
    except Exception as error:
        if "is not a Module subclass" in str(error):
            raise Wrong(_no_layer(error)) from error
        raise Wrong(f"{name}({given}) stopped with {explain(error)}") from error
    for row, kept in zip(rows, before, strict=True):
        if list(row.items() if isinstance(row, dict) else row) != kept:
            raise Wrong(
                f"{name} changes the {type(row).__name__} that it is given: whoever calls it needs that as it was. Work on a copy of it, "
                "or make a new one."
            )
    if isinstance(module, torch.jit.ScriptModule):
        raise Wrong(SCRIPTED)
    if not isinstance(module, nn.Module):
        raise Wrong(
            f"{name}({given}) gave back {article(module)} where a torch module is needed"
            + (". Is the `return` missing?" if module is None else ".")
        )
    if not any(isinstance(each, nn.Module) for row in (*arguments, *named.values()) for each in _in_a_row(row)):
        with torch.random.fork_rng(devices=[]):
            other = answer(*copy.deepcopy(arguments), **copy.deepcopy(named))
        _shares_nothing(name, module, other)
    return module


def _in_a_row(argument: object) -> Sequence[object]:
    return argument if isinstance(argument, list | tuple) else [argument]


def _shares_nothing(name: str, module: nn.Module, other: nn.Module) -> None:
    """Raise `Wrong` where two modules that were built one after the other have a weight in common."""
    known = {id(parameter) for parameter in module.parameters()}
    shared = [key for key, parameter in other.named_parameters() if id(parameter) in known]
    if shared:
        raise Wrong(
            f"{name} was called twice, and both modules have one and the same `{shared[0]}`: what trains the one changes the other. Make "
            "the layers anew at each call."
        )


def settle(module: nn.Module, image_shape: Sequence[int]) -> None:
    """Run layers that find out their sizes from their first input, as `nn.LazyConv2d`; what does not run stays as it is."""
    if any(is_lazy(each) for each in (*module.parameters(), *module.buffers())):
        with torch.no_grad(), suppress(Exception):
            module(torch.zeros(2, *image_shape))


def followed(module: nn.Module, image_shape: Sequence[int]) -> Trace:
    """What `utils.cost.trace.trace` says of a module; on an image with numbers where its forward looks at one, as to print it.

    Raises:
        TypeError, ValueError: as `trace`.
    """
    try:
        return trace(module, image_shape)
    except CannotRun as error:
        image = torch.randn(1, *image_shape, generator=torch.Generator().manual_seed(0))
        with suppress(CannotRun):
            return trace(module, image)
        raise error


def traced(module: nn.Module, image_shape: Sequence[int]) -> Trace | None:
    """What a module does with an image, as far as it runs; None where not even that can be said."""
    try:
        settle(module, image_shape)
        return followed(module, image_shape)
    except CannotRun as error:
        return error.before
    except (TypeError, ValueError):
        return None


def operations_of(module: nn.Module, image_shape: Sequence[int]) -> list[Operation]:
    """A module's operations on an image, as far as it runs."""
    record = traced(module, image_shape)
    return record.operations if record else []


def channels_of(module: nn.Module, image_shape: Sequence[int]) -> int | None:
    """How many channels come out of a module; None where it does not run."""
    try:
        settle(module, image_shape)
        with torch.no_grad():
            return tested(module, torch.zeros(2, *image_shape)).shape[1]
    except Exception:
        return None


def layers_of(module: nn.Module, kind: type[_Layer]) -> list[_Layer]:
    """All layers of a kind in a module, those inside of others too."""
    return [layer for layer in module.modules() if isinstance(layer, kind)]


def _given(answer: Callable, arguments: Sequence[object], named: Mapping[str, object]) -> str:
    """The arguments of a call as they are written: one that is long by its name, or the sentence would drown in it."""
    try:
        names = [
            name for name, each in inspect.signature(answer).parameters.items() if each.kind != each.VAR_POSITIONAL
        ]
    except (TypeError, ValueError):
        names = []
    names += [f"a {type(argument).__name__}" for argument in arguments[len(names) :]]
    texts = [_or(name, argument) for name, argument in zip(names, arguments, strict=False)]
    return ", ".join([*texts, *(f"{key}={_or(f'a {type(value).__name__}', value)}" for key, value in named.items())])


def _or(name: str, value: object) -> str:
    return text if len(text := repr(value)) <= LONG else name


def _no_layer(error: Exception) -> str:
    """What to say of something that torch does not take for a layer."""
    found = str(error)
    kind = "generator" if "<genexpr>" in found else found.split()[0]
    if kind in ("list", "tuple", "generator"):
        frame, holder = error.__traceback__, "Sequential"
        while frame:  # both of torch's containers say the same
            if isinstance(frame.tb_frame.f_locals.get("self"), nn.ModuleList):
                holder = "ModuleList"
            frame = frame.tb_next
        text = f"`nn.{holder}` takes layers, not a {kind}: `nn.Sequential(*layers)`, with the star"
        return f"{text}{'' if holder == 'Sequential' else ', makes one layer of several'}."
    return f"{found}: a layer stands there without its parentheses. Write `nn.ReLU()`, not `nn.ReLU`."


def same_module(
    answer: nn.Module, reference: nn.Module, image_shape: Sequence[int], *, seed: int = 0, ordered: bool = False
) -> str:
    """Raise `Wrong` at the first difference between two modules on images of shape (channels, height, width).

    Channels may come out in another order than the reference's unless `ordered`; the sentence that comes back says so.
    The reference gets random weights, and the answer the same.
    """
    if any(isinstance(part, torch.jit.ScriptModule) for part in answer.modules()):
        raise Wrong(SCRIPTED)
    settle(answer, image_shape)
    expected = trace(reference, image_shape)
    found, out = _run(answer, expected)
    _compare_shapes(found, expected, out.shape[1:], tested(reference, torch.zeros(2, *image_shape)).shape[1:])
    generator = torch.Generator().manual_seed(seed)
    randomize(reference, generator)
    images = torch.randn(ORDINARY + 1, *image_shape, generator=generator)
    images[-1] *= 100
    _leaves_its_input(found, images)
    pairing = _compare_layers(found, expected, images)
    orders = _compare_values(found, expected, pairing, images, ordered)
    _compare_training(found, expected, pairing, images[:TRAINED], orders, seed)
    _compare_grids(found, expected, orders, generator)
    if orders is None:
        return ""
    return (
        "Your branches stand in another order than in the paper's figure. That computes the same; public weights "
        "would need the figure's order."
    )


# Does it run?


def _run(answer: nn.Module, expected: Trace) -> tuple[Trace, Tensor]:
    """What it does, and what it gives for two images without values."""
    shape = expected.image_shape
    images = torch.zeros(2, *shape)
    try:
        found = followed(answer, shape)
    except CannotRun as error:
        raise Wrong(_why_it_stops(answer, error, expected)) from error
    except NotImplementedError as error:
        without = re.match(r"Module \[(\w+)\] is missing the required .forward.", str(error))
        if not without:
            raise
        if without[1] in ("ModuleList", "ModuleDict"):
            raise Wrong(
                f"An `nn.{without[1]}` only holds layers and cannot be run. `nn.Sequential(*layers)` runs them one after another."
            ) from error
        raise Wrong(f"`{without[1]}` has no `forward`{_instead_of_forward(answer, without[1])}.") from error
    except TypeError as error:
        for part in answer.modules():
            for setting in ("stride", "padding"):
                value = getattr(part, setting, 0)
                if any(isinstance(each, float) for each in (value if isinstance(value, (tuple, list)) else [value])):
                    raise Wrong(
                        f"A padding or a stride is no whole number: a {type(part).__name__} has {setting}={value}: divide with "
                        "`//`, as in `kernel_size // 2`."
                    ) from error
        raise
    except ValueError as error:
        raise Wrong(f"It does not run on an input of {shape_text(shape)}: {error}") from error
    try:
        out = tested(answer, images)
    except Exception as error:
        raise Wrong(f"It runs on one image, and stops on a batch of two. {explain(error)}") from error
    if not isinstance(out, Tensor):
        raise Wrong(f"Its forward gives back {article(out)} where one tensor is needed.")
    if not found.operations:
        raise Wrong("Its forward gives back the input as it came: nothing is computed.")
    return found, out


def _instead_of_forward(answer: nn.Module, name: str) -> str:
    """What a class without a forward has in its place, where that can be seen."""
    kind = next((type(part) for part in answer.modules() if type(part).__name__ == name), type(answer))
    near = get_close_matches("forward", vars(kind))
    if near:
        return f", but a `{near[0]}`: the name is misspelt"
    for method, function in vars(kind).items():
        constants = function.__code__.co_consts if isinstance(function, FunctionType) else ()
        if any(isinstance(each, CodeType) and each.co_name == "forward" for each in constants):
            return f" of its own: yours stands inside of `{method}`, indented too far"
    return ""


def _why_it_stops(answer: nn.Module, error: CannotRun, expected: Trace) -> str:
    before_reasons()
    shape, before = expected.image_shape, error.before
    images, cause = torch.zeros(2, *shape), str(error.__cause__)
    size = shape_text(shape)
    try:  # on real numbers torch says more
        answer(images)
    except Exception as real:
        cause = str(real)
    else:
        if _runs_unseen(answer, images):
            return UNSEEN
        try:
            tested(answer, images[:1])
        except Exception as real:
            return f"It runs on a batch of two images, and stops on a batch of one. torch says: {real}"
        return (
            f"The check follows your forward with tensors that have shapes and no numbers, and it stops there on an input of {size}. "
            f"torch says: {cause}"
        )
    if "Sizes of tensors must match" in cause:
        side = re.search(r"except in dimension (\d)", cause)
        if side and int(side[1]) in SIDES and side[1] != "1" and all(len(o.shape) == 4 for o in before.operations):
            return _joined_along(int(side[1]))
        read = {source for operation in before.operations for source in operation.reads}
        grids = dict.fromkeys(o.shape[2:] for o in before.operations if o.index not in read and len(o.shape) == 4)
        why = grid_at_fault(before, expected)
        ends = f" They end on grids of {listed(map(shape_text, grids))}." if len(grids) > 1 else ""
        return f"The branches cannot be concatenated: {why or f'they end on different grids.{ends}'}"
    added = re.search(
        r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension ([1-3])", cause
    )
    if added:
        why = grid_at_fault(before, expected)
        more = f" {why[0].upper()}{why[1:]}" if why else ""
        return (
            f"It does not run on an input of {size}: two things that are added, or multiplied, differ in their "
            f"{SIDES[int(added[3])]}: {added[1]} and {added[2]}.{more} torch says: {cause}"
        )
    if "expected input" in cause and "channels" in cause:
        return (
            f"A convolution gets another number of channels than it was made for, on an input of {size} (channels×height×width). "
            f"torch says: {cause}"
        )
    products = re.search(r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x\d+\)", cause)
    if products:
        return _dense_does_not_fit(before, expected, *map(int, products.groups()))
    return f"It does not run on an input of {size}. torch says: {cause}"


def _runs_unseen(answer: nn.Module, images: Tensor) -> bool:
    """Does a layer with weights run that is no part of the module for torch?"""
    known, unseen = set(answer.modules()), []

    def note(module: nn.Module, _inputs: object) -> None:
        if module not in known and next(module.parameters(), None) is not None:
            unseen.append(module)

    hook = nn.modules.module.register_module_forward_pre_hook(note)
    try:
        with suppress(Exception):
            tested(answer, images)
    finally:
        hook.remove()
    return bool(unseen)


def _dense_does_not_fit(before: Trace, expected: Trace, rows: int, numbers: int, made_for: int) -> str:
    """A dense layer reads another number of values than it was made for: `rows` times `numbers` for two images."""
    grid = next((o.shape[1:] for o in reversed(before.operations) if len(o.shape) == 4), before.image_shape)
    values = math.prod(grid)
    is_flat = any(o.has_weights and o.input_shapes and len(o.input_shapes[0]) == 2 for o in expected.operations)
    if rows != 2 and rows * numbers == 2 * values and is_flat:  # rows of the grid, taken for images
        return (
            f"A dense layer gets a grid of {shape_text(grid)} (channels×height×width): flatten it first, so that {values} "
            f"numbers an image reach it{'' if made_for == values else f'. It is made for {made_for}'}."
        )
    which = f", a grid of {shape_text(grid)}," if numbers == values and min(grid[1:]) > 1 else ""
    return f"{numbers} numbers an image{which} reach your dense layer, which is made for {made_for}."


def _joined_along(side: int) -> str:
    return (
        f"You concatenate along dimension {side}, the {SIDES[side]}. Concatenate along dim=1: the branches stand beside each other in "
        "their channels."
    )


def _joined_otherwise(found: Trace, expected: Trace) -> str:
    """What to say where branches are joined along another side than the channels, or added; "" where they are not."""
    joins = [o for o in found.operations if o.name == "cat" and len(o.shape) == 4 and o.input_shapes]
    for join in joins[-1:]:
        grown = [side for side in SIDES if side != 1 and join.shape[side] != join.input_shapes[0][side]]
        if join.shape[1] == join.input_shapes[0][1] and grown:
            return _joined_along(grown[0])
    mine, theirs = ([o.name.rstrip("_") for o in record.operations] for record in (found, expected))
    if "cat" in theirs and "cat" not in mine and mine.count("add") > theirs.count("add"):
        return "You add what the branches give. Concatenate along dim=1: the branches stand beside each other in their channels."
    return ""


# Its shape, and its input.


def _compare_shapes(found: Trace, expected: Trace, out: Sequence[int], want: Sequence[int]) -> None:
    """`out` and `want`: what comes out for one image."""
    if len(out) != len(want):
        raise Wrong(
            f"Your result has {len(out) + 1} dimensions where {len(want) + 1} are expected: for two images its shape is {(2, *out)}."
        )
    if tuple(out) != tuple(want) and (otherwise := _joined_otherwise(found, expected)):
        raise Wrong(otherwise)
    if out[0] != want[0]:
        difference = want[0] - out[0]
        more = f"{difference} are missing." if difference > 0 else f"{-difference} too many."
        raise Wrong(
            f"Your block returned {out[0]} channels where {want[0]} were expected: {more}{_about_channels(found, expected, out[0], want[0])}"
        )
    if tuple(out[1:]) != tuple(want[1:]):
        why = grid_at_fault(found, expected)
        raise Wrong(
            f"Your block returned a grid of {shape_text(out[1:])} where {shape_text(want[1:])} was expected."
            + (f" {why[0].upper()}{why[1:]}" if why else "")
        )


def _about_channels(found: Trace, expected: Trace, out: int, want: int) -> str:
    """What the channels show, where there are too few or too many."""
    mine, theirs = ends_of_branches(found), ends_of_branches(expected)
    if not theirs:
        inner = next((o for o in expected.operations if o.macs and o.shape[1] == out), None)
        has_other = any(o.macs and o.shape[1] == want for o in found.operations[:-1])
        if inner is not None and has_other:
            return f" {out} is what the {describe(expected, inner)} gives: the two numbers have changed places."
        return ""
    of_pool = [width for text, width in theirs if text == "the pool branch"]
    came_in, passed = found.image_shape[0], passed_on(found) - passed_on(expected)
    if "pool" in passed and of_pool and out - came_in + of_pool[0] == want:
        return f" The pool passes on all {came_in} channels of the input: its 1×1 convolution is missing."
    if "input" in passed and out - came_in == want:
        return " The input itself goes into the concatenation."
    less = Counter(width for _, width in theirs) - Counter(width for _, width in mine)
    if mine and len(mine) == len(theirs) - 1 and less.total() == 1:
        absent = " or ".join(sorted({text for text, width in theirs if width in less}))
        return f" That is as many as {absent} gives, and what is concatenated has {listed(width for _, width in mine)} channels."
    if len(mine) > 1:
        have, need = (listed(width for _, width in ends) for ends in (mine, theirs))
        return f" You concatenate {have} channels; {need} are expected."
    return ""


def _leaves_its_input(found: Trace, images: Tensor) -> None:
    """Raise `Wrong` where the module writes into what it is given."""
    given = images.clone()
    try:
        tested(found.root, given, copied=False)
    except Exception as error:
        raise Wrong(_stops_on(len(images), error)) from error
    if torch.equal(given, images):
        return
    views = {INPUT}
    for operation in found.operations:
        if operation.is_view and set(operation.reads) <= views:
            views.add(operation.index)
        if operation.name.endswith("_") and operation.reads[:1] and operation.reads[0] in views:
            module = found.calls[operation.call].module
            name = (
                f"`nn.{type(module).__name__}(inplace=True)`"
                if getattr(module, "inplace", False)
                else f"`{operation.name}`"
            )
            other = {"add_": ", or `+=`,", "sub_": ", or `-=`,", "mul_": ", or `*=`,", "div_": ", or `/=`,"}
            raise Wrong(f"{_CHANGES_INPUT}{name}{other.get(operation.name, '')} writes into it.")
    raise Wrong(f"{_CHANGES_INPUT}{_IN_PLACE}")


def _stops_on(count: int, error: Exception) -> str:
    return f"It runs on a batch of two images, and stops on a batch of {count}. {explain(error)}"


# Its layers.


def _compare_layers(found: Trace, expected: Trace, images: Tensor) -> Pairing:
    again = [operation for operation in found.operations if operation.has_weights and not operation.weights]
    if again and not any(operation.has_weights and not operation.weights for operation in expected.operations):
        raise Wrong(_runs_twice(found, again[0]))
    if found.unread:
        in_training: Mapping[str, object] = {}
        with suppress(Exception):
            in_training = _watched(found.root, images, _in_training)
        unread = [name for name in found.unread if name not in in_training]
        layers = sorted({name.rpartition(".")[0] or name for name in unread or found.unread})
        texts = listed(f"`{layer}`" for layer in layers)
        where = "never used in `forward`" if unread else "used in training mode alone"
        raise Wrong(f"{texts} {'is' if len(layers) == 1 else 'are'} made in `__init__` but {where}.")
    missing, extra = missing_and_extra(found, expected)
    if not missing and not extra:
        return pair(found, expected)
    theirs = tested(expected.root, images)
    work = [sum(operation.macs for operation in record.operations) for record in (found, expected)]
    kinds = [Counter(operation.name for operation in weighted(record)) for record in (found, expected)]
    is_tried = False
    for pairing in rewritten(found, expected) if work[0] == work[1] else ():  # a stride in another layer costs more
        is_tried = kinds[0] != kinds[1]
        pairing.copy()
        mine = tested(found.root, images)
        if _close(mine, theirs) or _close(_sorted_channels(mine), _sorted_channels(theirs)):
            return pairing
    have, need = sum(found.parameters.values()), sum(expected.parameters.values())
    if not extra:
        sentence = UNSEEN if _runs_unseen(found.root, images) else f"Missing: {counted(missing)}."
    elif not missing:
        sentence = f"Too many: {counted(extra)}."
    elif without_biases(missing) == without_biases(extra):
        count = extra.total()
        sentence = (
            f"{'A bias is missing' if have < need else 'There is a bias too many'}"
            f"{f' in each of {count} layers' if count > 1 else ''}: yours has {counted(extra)}."
        )
    else:
        sentence = f"Expected {counted(missing)}; yours has {counted(extra)} instead."
    if have != need:
        sentence += f" That makes {have:,} parameters where {need:,} are expected."
    if is_tried:
        sentence += (
            " Layers may be written so; with the same weights in them, the values are not those that are expected."
        )
    raise Wrong(sentence)


def _runs_twice(found: Trace, again: Operation) -> str:
    call = found.calls[again.call]
    runs = [o for o in found.operations if o.has_weights and found.calls[o.call].module is call.module]
    name = f"`{call.name}`" if call.name else "a layer"
    if len(runs) < 2 or call.module is found.root:
        return "The weights of one layer are used at two places in `forward`. Each place has weights of its own."
    if runs[0].reads == again.reads:
        return f"{name} runs twice in `forward`, on the same thing. Run it once, and keep its result in a variable."
    return f"{name} runs twice in `forward`, and its weights are shared so. Make a layer of its own for each place."


# Its values.


def tested(module: nn.Module, images: Tensor, *, copied: bool = True) -> Any:
    """Its result in evaluation mode for a copy of the images, with the mode put back."""
    with restored(module), torch.no_grad():
        module.eval()
        return module(images.clone() if copied else images)


def _in_training(module: nn.Module, images: Tensor, seed: int = 0) -> Any:
    """Its result in training mode, with modes and buffers put back."""
    with restored(module), torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module.train()
        return module(images.clone())


Orders = tuple[Tensor, Tensor]  # of the channels: the learner's, the reference's


def _compare_values(found: Trace, expected: Trace, pairing: Pairing, images: Tensor, ordered: bool) -> Orders | None:
    """The orders in which the channels are equal, where they are not equal as they stand."""
    for mine, theirs in pairing.weights:
        if (kind := mine[0].dtype) != theirs[0].dtype:
            raise Wrong(f"Your weights are {kind}; {theirs[0].dtype} is expected, as torch makes them.")
    pairing.copy()
    mine, theirs = tested(found.root, images), tested(expected.root, images)
    if mine.dtype != theirs.dtype:
        raise Wrong(f"What it gives back is {mine.dtype}; {theirs.dtype} is expected, the kind that goes in.")
    if not torch.equal(mine, again := tested(found.root, images)) and not _close(mine, again):
        raise Wrong(
            "In evaluation mode it gives another result each time on the same images. What is random, as a dropout, must be off there: "
            "`nn.Dropout` sees to that by itself."
        )
    orders = None
    if not _close(mine, theirs):
        if _close(_sorted_channels(mine), _sorted_channels(theirs)):
            if ordered:
                joins = any(operation.name == "cat" for operation in expected.operations)
                raise Wrong(
                    "All channels are right, and they stand in another order than asked"
                    + (": concatenate the branches in the order of the text." if joins else ".")
                )
            orders = _order(mine), _order(theirs)
        else:
            raise Wrong(_why_values_differ(found, expected, pairing, images, mine, theirs))
    try:
        alone = tested(found.root, images[:1])
    except Exception as error:
        raise Wrong(_stops_on(1, error)) from error
    if not _close(alone, mine[:1]):
        raise Wrong(
            f"It is right for a batch of {len(images)} images and not for a batch of one: the same image alone gives other values: "
            f"{_away(alone, mine[:1])}."
        )
    return orders


def _compare_grids(found: Trace, expected: Trace, orders: Orders | None, generator: torch.Generator) -> None:
    """Raise `Wrong` where it is right on one grid only, or not for an image of zeros."""
    channels, height, width = expected.image_shape
    images = torch.randn(2, channels, height + 1, width + 3, generator=generator)
    images[1] = 0
    try:
        theirs = tested(expected.root, images)
    except Exception:  # a dense layer is made for one grid
        return
    grids = f"a grid of {height}×{width}", f"one of {height + 1}×{width + 3}"
    try:
        mine = tested(found.root, images)
    except Exception as error:
        _run(found.root, trace(expected.root, images.shape[1:]))  # which says more
        raise Wrong(f"It runs on {grids[0]}, and stops on {grids[1]}. {explain(error)}") from error
    if mine.shape != theirs.shape:
        there, wanted = (followed(each.root, images.shape[1:]) for each in (found, expected))
        _compare_shapes(there, wanted, mine.shape[1:], theirs.shape[1:])
    if orders is not None and mine.shape == theirs.shape:
        mine, theirs = mine[:, orders[0]], theirs[:, orders[1]]
    if mine.shape == theirs.shape and _close(mine[:1], theirs[:1]) and not _close(mine[1:], theirs[1:]):
        raise Wrong(f"It is right for other images, and not for an image of zeros: {_away(mine[1:], theirs[1:])}.")
    if not _close(mine, theirs):
        raise Wrong(f"It is right on {grids[0]}, and not on {grids[1]}: {_away(mine, theirs)}.")


def _away(mine: Tensor, theirs: Tensor) -> str:
    if mine.shape != theirs.shape:
        return f"its shape is {tuple(mine.shape)}, and {tuple(theirs.shape)} is expected"
    return f"the largest difference is {(mine - theirs).abs().max():.3g}"


_RIGHT = "Shapes and parameters are right, the values are not: "


def _why_values_differ(
    found: Trace, expected: Trace, pairing: Pairing, images: Tensor, mine: Tensor, theirs: Tensor
) -> str:
    before_reasons()
    if mine.shape != theirs.shape:
        return f"For {len(images)} images the result has shape {tuple(mine.shape)}; {tuple(theirs.shape)} is expected."
    if _close(mine[:ORDINARY], theirs[:ORDINARY]):
        images, mine, theirs = (each[ORDINARY:] for each in (images, mine, theirs))
    elif all(_close(tested(found.root, images[two]), theirs[two]) for two in (slice(0, 2), slice(2, 4))):
        return f"{_RIGHT}they are right for a batch of two images, and others for a batch of {len(images)}."
    elif _is_right_without_zeros(found.root, images, theirs):
        return (
            f"{_RIGHT}the pool counts the zeros of its padding, so that its means are too small at the border. "
            "`count_include_pad=False` leaves them out."
        )
    return _RIGHT + _why_different(found, expected, pairing, images, mine, theirs, tested)


Run = Callable[[nn.Module, Tensor], Tensor]


def _why_different(
    found: Trace, expected: Trace, pairing: Pairing, images: Tensor, mine: Tensor, theirs: Tensor, run: Run
) -> str:
    """Where the values first differ: what reaches a layer, what a layer makes of it, or what is done behind the last one."""
    seen = [_watched(module, images, run) for module in (found.root, expected.root)]
    for own, other in pairing.layers:
        at, should = seen[0].get(own.weights[0]), seen[1].get(other.weights[0])
        if at is None or should is None:
            return f"{_away(mine, theirs)}."
        (given, made), (right, wanted) = at, should
        if not _close(given, right):
            if given.shape != right.shape and (said := _about_settings(found, expected, own, other)):
                return said  # torch pads in front of the convolution where the padding is no zeros
            return _about_way(found, expected, own, other, pairing, given, right)
        if not _close(made, wanted):
            return _about_layer(found, expected, own, other, given, made, wanted)
    if len(pairing.layers) < len(weighted(found)):  # some of them are written in another way, and were not compared
        return f"{_away(mine, theirs)}."
    return _about_way(found, expected, None, None, pairing, mine, theirs)


class _Watch(TorchDispatchMode):
    """What goes into each layer with weights and what comes out of it, by the names of its weights."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.names = {id(parameter): name for name, parameter in module.named_parameters()}
        self.seen: dict[str, tuple[Tensor, Tensor]] = {}
        self.views: list[Tensor] = []  # so that no id is used twice

    def __torch_dispatch__(self, func: Any, types: object, args: Sequence[Any] = (), kwargs: dict | None = None) -> Any:
        tensors = [each for each in args if isinstance(each, Tensor)]
        read = [self.names[id(each)] for each in tensors if id(each) in self.names]
        given = [each.clone() for each in tensors if id(each) not in self.names] if read else []
        out = func(*args, **(kwargs or {}))
        first = out[0] if isinstance(out, (tuple, list)) else out
        if read and isinstance(first, Tensor):
            if given:
                for name in read:
                    self.seen.setdefault(name, (given[0], first.clone()))
            else:  # a transposed weight is that weight
                self.names[id(first)] = read[0]
                self.views.append(first)
        return out


def _watched(module: nn.Module, images: Tensor, run: Run) -> dict[str, tuple[Tensor, Tensor]]:
    watch = _Watch(module)
    with watch:
        run(module, images)
    return watch.seen


def _about_settings(found: Trace, expected: Trace, own: Operation, other: Operation) -> str:
    """The first setting in which a layer differs from the reference's; "" for none that is known."""
    mine, theirs = settings_of(found, own), settings_of(expected, other)
    for setting in ("eps", "stride", "padding", "dilation", "groups", "padding_mode"):
        if setting in mine and setting in theirs and mine[setting] != theirs[setting]:
            have, need = (f"{v:g}" if isinstance(v, float) else repr(v) for v in (mine[setting], theirs[setting]))
            return f"the {describe(found, own)} has {setting}={have}; {setting}={need} is expected."
    return ""


def _about_layer(
    found: Trace, expected: Trace, own: Operation, other: Operation, given: Tensor, made: Tensor, wanted: Tensor
) -> str:
    """A layer that gets the right values, has the right weights, and gives others."""
    name = f"the {describe(found, own)}"
    if said := _about_settings(found, expected, own, other):
        return said
    norm = expected.calls[other.call].module
    if isinstance(norm, nn.BatchNorm2d):
        by_batch = functional.batch_norm(given, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
        kept = norm.running_mean, norm.running_var
        by_kept = functional.batch_norm(given, *kept, norm.weight, norm.bias, training=False, eps=norm.eps)
        if _close(made, by_batch) and _close(wanted, by_kept):
            return f"{name} normalises by the batch's statistics, in evaluation mode too."
        if _close(made, by_kept) and _close(wanted, by_batch):
            return f"{name} normalises by its running statistics, in training mode too."
    return f"{name} gets the values that are expected and gives others; {_away(made, wanted)}."


def _about_way(
    found: Trace,
    expected: Trace,
    own: Operation | None,
    other: Operation | None,
    pairing: Pairing,
    given: Tensor,
    right: Tensor,
) -> str:
    """What differs between layers that are right and the next one (None: the result), where `right` should arrive."""
    between, before = way_to(found, own)
    needed, _ = way_to(expected, other)
    where = f"what reaches the {describe(found, own)}" if own else "the result"
    own_pools, need_pools = (Counter(pool_text(o) for o in way if is_pool(o)) for way in (between, needed))
    all_pools = [Counter(pool_text(o) for o in record.operations if is_pool(o)) for record in (found, expected)]
    if own_pools != need_pools and all_pools[0] != all_pools[1]:
        if not own_pools:
            made = [name for name, child in found.root.named_modules() if "Pool" in type(child).__name__]
            if made and not all_pools[0]:
                return f"`{made[0]}` is made in `__init__` but never used in `forward`."
            return f"there is no pooling in {where}, and {counted(need_pools)} is expected."
        if not need_pools:
            return f"in {where}, {counted(own_pools)} stands where none should."
        return f"in {where}, expected {counted(need_pools)}; yours has {counted(own_pools)}."
    if given.shape == right.shape:
        positive = right.clamp(min=0)
        if _close(given, right.clamp(max=(top := given.max()))) and 0 < top < right.max():
            return (
                f"in {where}, what is above {top:.3g} is cut off. A ReLU cuts off what is below zero only: that is another function, or "
                "a `clamp` with a `max`."
            )
    for layer, partner in pairing.layers:
        if all(layer is not each for each in before):
            continue
        have, need = follows(found, layer), follows(expected, partner)
        if have == need:
            continue
        name = describe(found, layer)
        if need - have == {"relu"} and not have and given.min() >= 0:
            continue  # something else does a ReLU's work
        if need - have and not have - need:
            return f"no {names(need - have)} follows the {name}."
        if have - need and not need - have:
            loss = " The loss applies the softmax itself." if any("softmax" in each for each in have - need) else ""
            name = "sum" if only_behind_a_sum(found, layer, have - need) else name
            return f"{names(have - need)} follows the {name}, where nothing should.{loss}"
        name = "sum" if only_behind_a_sum(found, layer, have) else name
        return f"{names(have)} follows the {name} where {names(need)} should."
    if own and other:
        reads, should_read = nearest(found, own), nearest(expected, other)
        if Counter(reads) != Counter(should_read):
            return f"the {describe(found, own)} reads {listed(reads)} where it should read {listed(should_read)}."
    if given.shape == right.shape:
        place = f"in front of the {describe(found, own)}" if own else "at the end"
        if _close(given.relu(), right):
            acts = activations(between)
            return f"{names(acts)} stands {place} where a ReLU should." if acts else f"a ReLU is missing {place}."
        if _close(given, positive):
            return f"a ReLU stands {place}, where nothing should."
        if given.dim() > 1 and _close(_sorted_channels(given), _sorted_channels(right)):
            return f"in {where} all channels are right, and they stand in another order than expected."
        end = 0
        joins = [operation for operation in needed if operation.name == "cat"][-1:]
        is_joined = own is None and bool(joins) and right.dim() == 4 and joins[0].shape[1] == right.shape[1]
        for text, width in ends_of_branches(expected) if is_joined else []:
            start, end = end, end + width
            if not _close(given[:, start:end], right[:, start:end]):
                return f"the first channels that differ ({start} to {end - 1}) belong to {text}."
    return f"what all layers before it put out is right, and {where} is not: {_away(given, right)}."


def _is_right_without_zeros(answer: nn.Module, images: Tensor, theirs: Tensor) -> bool:
    """Would it give the right values if its average pools did not count the zeros of their padding?"""
    pools = [part for part in answer.modules() if isinstance(part, nn.AvgPool2d) and part.count_include_pad]
    try:
        for pool in pools:
            pool.count_include_pad = False
        return bool(pools) and _close(tested(answer, images), theirs)
    finally:
        for pool in pools:
            pool.count_include_pad = True


# One step of training.


@dataclass
class _Step:
    """What came out of one step in training mode, and what it left behind."""

    result: Tensor
    to_input: Tensor | None  # gradients
    to_weights: dict[int, Tensor | None]  # by the parameter's id
    statistics: list[Tensor]  # in the order of the pairing
    at_rest: list[str]  # modules that are in evaluation mode after `train()`
    switched: list[str]  # modules that `forward` puts into another mode
    changed: list[str]  # parameters that `forward` writes into
    is_touched: bool  # is the input another one afterwards?


def _step(
    module: nn.Module, images: Tensor, statistics: Sequence[Sequence[Tensor]], order: Tensor | None, seed: int
) -> _Step:
    parameters = dict(module.named_parameters())
    values = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    with restored(module), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if module.train() is not module:
            raise Wrong(
                "Your `train` gives back something else than the module. As in torch, it ends with `return self`."
            )
        at_rest = {name for name, part in module.named_modules() if not part.training}
        leaf = images.clone().requires_grad_()
        given = leaf.clone()
        result = module(given)
        if not isinstance(result, Tensor):
            raise Wrong(f"In training mode its forward gives back {article(result)} where one tensor is needed.")
        off = {name for name, part in module.named_modules() if not part.training}
        left = [rows_of(buffers).clone() for buffers in statistics]
        if order is not None:
            result = result[:, order]
        wanted = {id(parameter): parameter for parameter in parameters.values() if parameter.requires_grad}
        gradients: Sequence[Tensor | None] = [None] * (1 + len(wanted))
        if result.requires_grad:
            with torch.enable_grad():
                noise = torch.randn(result.shape, generator=torch.Generator().manual_seed(seed + 1))
                gradients = torch.autograd.grad((result * noise).sum(), [leaf, *wanted.values()], allow_unused=True)
    return _Step(
        result=result.detach(),
        to_input=gradients[0],
        to_weights=dict(zip(wanted, gradients[1:], strict=True)),
        statistics=left,
        at_rest=sorted(at_rest),
        switched=sorted(off ^ at_rest),
        changed=[name for name, parameter in parameters.items() if not torch.equal(parameter, values[name])],
        is_touched=not torch.equal(given, images),
    )


def _compare_training(
    found: Trace, expected: Trace, pairing: Pairing, images: Tensor, orders: Orders | None, seed: int
) -> None:
    answer, reference = found.root, expected.root
    own_order, other_order = orders or (None, None)

    def learner(seed: int = seed) -> _Step:
        return _step(answer, images, [mine for mine, _ in pairing.statistics], own_order, seed)

    theirs = _step(reference, images, [each for _, each in pairing.statistics], other_order, seed)
    try:
        mine = learner()
    except (NotImplementedError, Wrong):
        raise
    except Exception as error:
        raise Wrong(f"It runs in evaluation mode, and stops in a step of training. {explain(error)}") from error
    if mine.is_touched:
        raise Wrong(f"{_CHANGES_INPUT}it does so in training mode. {_IN_PLACE}")
    for left, text in (
        (mine.changed, "Your forward writes into `{}`. Weights are changed by the optimiser alone."),
        ([] if theirs.at_rest else mine.at_rest, "After `train()` {} is in evaluation mode still."),
        (
            [] if theirs.switched else mine.switched,
            "Your forward puts {} into another mode. Modes are set from outside.",
        ),
    ):
        if left:
            raise Wrong(text.format(left[0] if "`{}`" in text else f"`{left[0]}`" if left[0] else "the module"))
    if not _close(mine.result, theirs.result, within=1e-3):
        raise Wrong(_why_training_differs(found, expected, pairing, images, mine, theirs, learner))
    _compare_gradients(pairing, answer, mine, theirs, learner)
    for (_, other), have, need in zip(pairing.statistics, mine.statistics, theirs.statistics, strict=True):
        if not _close(have[:, 0], need[:, 0], within=1e-3):
            raise Wrong(_about_statistics(pairing, found, expected, other[0]))
    again, wanted = (_in_training(module, images, OTHER_SEED) for module in (answer, reference))
    if orders is not None:
        again, wanted = again[:, own_order], wanted[:, other_order]
    if not _close(again, wanted, within=1e-3):
        if _close(again, mine.result) and not _close(wanted, theirs.result):
            raise Wrong(
                "In training mode it draws the same random numbers each time: others are expected at each call."
            )
        raise Wrong(
            f"The first call in training mode is right, and a later one on the same images is not: {_away(again, wanted)}. Your module keeps "
            "something from one call to the next."
        )


def _about_statistics(pairing: Pairing, found: Trace, expected: Trace, buffer: Tensor) -> str:
    for own, other in pairing.layers:
        norm, mine = expected.calls[other.call].module, found.calls[own.call].module
        if any(buffer is each for each in norm.buffers(recurse=False)):
            name, have, need = (
                f"the {describe(found, own)}",
                getattr(mine, "momentum", None),
                getattr(norm, "momentum", None),
            )
            if have != need:
                return f"{name[0].upper()}{name[1:]} has momentum={have}; momentum={need} is expected."
            return f"After a step in training mode, the running statistics of {name} are not those that are expected."
    return "After a step in training mode, the running statistics are not those that are expected."


def _why_training_differs(
    found: Trace,
    expected: Trace,
    pairing: Pairing,
    images: Tensor,
    mine: _Step,
    theirs: _Step,
    learner: Callable[..., _Step],
) -> str:
    before_reasons()
    right = "In evaluation mode all is right, in training mode the values are not: "
    other = _step(expected.root, images, [], None, OTHER_SEED).result
    is_random = not _close(learner(OTHER_SEED).result, mine.result)
    should_be = not _close(other, theirs.result) and not _close(
        _sorted_channels(other), _sorted_channels(theirs.result)
    )
    if is_random and not should_be:
        drops = {name: part for name, part in found.root.named_modules() if getattr(part, "p", 0) and "Dropout" in type(part).__name__}  # fmt: skip
        shares = {part: part.p for part in drops.values()}
        try:
            for part in shares:
                part.p = 0.0
            if drops and _close(learner().result, theirs.result, within=1e-3):
                texts = listed(f"`{name}`" for name in drops)
                return f"{right}{texts} drops values at random. Without dropout they are right."
        finally:
            for part, share in shares.items():
                part.p = share
        return f"{right}on the same images they are others each time. Something draws random numbers, as a dropout does; nothing should."
    if should_be and not is_random:
        return f"{right}a dropout is expected, and on the same images yours are the same each time."
    if should_be:
        return f"{right}with the same random numbers {_away(mine.result, theirs.result)}."

    return right + _why_different(found, expected, pairing, images, mine.result, theirs.result, _in_training)


def _compare_gradients(
    pairing: Pairing, answer: nn.Module, mine: _Step, theirs: _Step, learner: Callable[..., _Step]
) -> None:
    said = _about_gradients(pairing, answer, mine, theirs)
    if not said:
        return
    for cut, text in _CUTS.items():
        with suppress(Exception), _Uncut(cut):
            if not _about_gradients(pairing, answer, learner(), theirs):
                said += f" {text}"
                break
    raise Wrong(said)


def _about_gradients(pairing: Pairing, answer: nn.Module, mine: _Step, theirs: _Step) -> str:
    """A sentence about the first gradient that is missing or another; "" where all are as expected."""
    named = {id(parameter): name for name, parameter in answer.named_parameters()}
    for own, other in pairing.weights:
        for each in own:
            if not each.requires_grad and all(source.requires_grad for source in other):
                return f"`{named[id(each)]}` has requires_grad=False: training would never change it."
            if each.requires_grad and not any(source.requires_grad for source in other):
                return f"`{named[id(each)]}` is trained, and it should stay as it is: requires_grad=False is expected."
    if all(gradient is None for gradient in (mine.to_input, *mine.to_weights.values())):
        return "No gradient reaches the weights."
    scale = max(float(each.abs().max()) for each in (theirs.to_input, *theirs.to_weights.values()) if each is not None)
    for own, other in pairing.weights:
        found = [mine.to_weights.get(id(each)) for each in own]
        wanted = [theirs.to_weights.get(id(each)) for each in other]
        for each, gradient in zip(own, found, strict=True):
            if gradient is None and all(source is not None for source in wanted):
                return f"No gradient reaches `{named[id(each)]}`: training would never change it."
        have, need = ([each for each in gradients if each is not None] for gradients in (found, wanted))
        if len(have) == len(found) and len(need) == len(wanted) and not _alike(rows_of(have), rows_of(need), scale):
            return f"The values are right, and the gradient that reaches `{named[id(own[0])]}` is not the one that is expected."
    if theirs.to_input is not None:
        if mine.to_input is None or (not mine.to_input.any() and theirs.to_input.any()):
            return "No gradient reaches the input: layers before this module would never be trained."
        if not _alike(mine.to_input, theirs.to_input, scale):
            return (
                "The values are right, and the gradient that reaches the input is not the one that is expected: its size is "
                f"{mine.to_input.norm():.3g}, and {theirs.to_input.norm():.3g} is expected. Layers before this module would be trained by it."
            )
    return ""


def _alike(mine: Tensor, theirs: Tensor, scale: float) -> bool:
    """Are two gradients equal up to rounding? `scale` is the largest of all of them."""
    return bool((mine - theirs).norm() <= 1e-2 * theirs.norm() + 1e-4 * scale * theirs.numel() ** 0.5)


_DATA = vars(torch._C.TensorBase)["data"].__get__
_CUTS = {
    "detach": "A `detach` in your forward cuts it off.",
    "__get__": "A `.data` in your forward cuts it off.",
    "_set_grad_enabled": "A `no_grad` in your forward cuts it off.",
}


class _Uncut(TorchFunctionMode):
    """One of the ways to cut a gradient off does nothing."""

    def __init__(self, cut: str):
        super().__init__()
        self.cut = cut

    def __torch_function__(self, func: Any, types: object, args: Sequence[Any] = (), kwargs: dict | None = None) -> Any:
        if getattr(func, "__name__", "") == self.cut and (self.cut != "__get__" or func == _DATA):
            return args[0] if isinstance(args[0], Tensor) else None
        return func(*args, **(kwargs or {}))


def _close(mine: Tensor, theirs: Tensor, within: float = 1e-4) -> bool:
    """Are all images equal up to rounding, each measured by its own largest value?"""
    if not isinstance(mine, Tensor) or mine.shape != theirs.shape:
        return False
    if not mine.numel():
        return True
    away, size = (
        (each.abs().flatten(1) if each.dim() > 1 else each.abs()[None]).amax(1) for each in (mine - theirs, theirs)
    )
    return bool((away <= within * size.clamp(min=1e-6)).all())


def _order(values: Tensor) -> Tensor:
    return values.transpose(0, 1).flatten(1).double().sum(dim=1).argsort()


def _sorted_channels(values: Tensor) -> Tensor:
    return values[:, _order(values)]
