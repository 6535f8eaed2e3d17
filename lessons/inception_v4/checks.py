"""What lesson 06 answers to its exercises."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise, permutations
from math import prod
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from lessons.inception_v4.grids import after, along, fork
from lessons.inception_v4.printed import FORK_1, FORK_2, FORK_3, POOL, WAY, Layer, Stage, Window
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths, Widths
from networks.inception_v2 import InceptionB, InceptionC, ReductionB, forked_out_channels
from networks.inception_v4 import ShortAndLong
from utils.cost.table import shape_text
from utils.cost.trace import INPUT, CannotRun, Operation
from utils.feedback.exercises import Feedback, Wrong
from utils.feedback.functions import Case, keyed, listed, number, optional, pair, same_function
from utils.feedback.modules import build, channels_of, followed, layers_of, operations_of, same_module, settle, traced

feedback = Feedback("inception_v4", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


# 6.1


@feedback.exercise(
    "6.1",
    title="the grid behind a layer",
    difficulty="worked",
    minutes=3,
    hints=(
        "Number the cells of a row from 0. Where can the window's left end stand if it has to lie inside, and where can its middle "
        "stand if there is padding?",
        "Valid: the left end can stand on cells 0 to `grid - window`. Same: the middle can stand on cells 0 to `grid - 1`. In "
        "steps of `stride`, the last place p is number `p // stride`, counted from 0.",
        '`return (grid - window) // stride + 1` where padding is "valid", and `return (grid - 1) // stride + 1` where it is "same"',
    ),
    reference=after,
)
def grid_after(answer: Any) -> str:
    def stepping(last_place: Callable[[int, int, str], int], behind: Callable[[int, int], float]) -> Callable:
        """`after` with a slip in it: another last place, or another number of places from it and the stride."""
        return lambda grid, window, stride, padding: behind(last_place(grid, window, padding), stride)

    def last(grid: int, window: int, padding: str) -> int:
        return grid - window if padding == "valid" else grid - 1

    def counted(place: int, stride: int) -> int:
        return place // stride + 1

    slips = {
        'That is the grid for "same" padding.': stepping(lambda grid, window, padding: grid - 1, counted),
        'That is the grid for "valid" padding.': stepping(lambda grid, window, padding: grid - window, counted),
        "That is the grid divided by the stride; the window counts, and the padding.": lambda grid, window, stride, padding: (
            grid // stride
        ),
        "The two kinds of padding have changed places.": lambda grid, window, stride, padding: after(
            grid, window, stride, "same" if padding == "valid" else "valid"
        ),
        "The first place counts as well: one more.": stepping(last, lambda place, stride: place // stride),
        "The window moves in steps of `stride`.": stepping(last, lambda place, stride: place + 1),
        "A window that hangs over the far edge has no place there: round down.": stepping(
            last, lambda place, stride: -(-place // stride) + 1
        ),
        "Rounding goes to the nearest whole number, up or down; a place that is not reached does not count: round down.": (
            stepping(last, lambda place, stride: round(place / stride) + 1)
        ),
        "The last place is one more: the window's left end can stand there, too, where `grid` and `window` are equal.": (
            stepping(lambda grid, window, padding: last(grid, window, padding) - 1, counted)
        ),
        "With same padding the middle stands on the first cell and then on every `stride`-th: of an odd grid one more than half.": (
            lambda grid, window, stride, padding: (
                grid // stride if padding == "same" else after(grid, window, stride, padding)
            )
        ),
    }
    cases = ((299, 3, 2, "valid"), (149, 3, 1, "valid"), (147, 3, 1, "same"), (36, 3, 2, "valid"), (35, 3, 2, "same"),
             (36, 3, 2, "same"), (17, 7, 1, "same"), (17, 5, 3, "valid"), (3, 7, 2, "same"), (7, 7, 2, "valid"),
             (10, 1, 4, "valid"), (10, 3, 2, "valid"), (1, 1, 3, "same"))  # fmt: skip
    same_function(answer, after, cases, result=number(whole=True), slips=slips)
    return "Each grid agrees with what a layer of torch puts out."


# 6.2


@feedback.exercise(
    "6.2",
    title="all grids on the way",
    difficulty="warm-up",
    minutes=5,
    hints=(
        "Each layer starts from the grid that the layer before it left. Where do you keep that?",
        "Start a list with `side`. For each layer, add `grid_after(...)` of the list's last number.",
        "`sides.append(grid_after(sides[-1], layer.window, layer.stride, layer.padding))`",
    ),
    reference=along,
)
def grids(answer: Any) -> str:
    def walking(step: Callable[[int, Layer], int]) -> Callable:
        """`along` with another step from a grid to the next."""

        def sides(side: int, layers: Sequence[Layer]) -> list[int]:
            found = [side]
            for layer in layers:
                found.append(step(found[-1], layer))
            return found

        return sides

    slips = {
        "Your list lacks the image: start it with `side`.": lambda side, layers: along(side, layers)[1:],
        "The list starts with the image: it starts with the image's side, {side}.": lambda side, layers: along(
            0, layers
        ),
        "You go through the layers from the last one to the first.": lambda side, layers: along(side, layers[::-1]),
        "The list is right, and the wrong way round.": lambda side, layers: along(side, layers)[::-1],
        "That is what each layer would make of the image: start from the grid before it.": lambda side, layers: [
            side,
            *(after(side, *layer[:3]) for layer in layers),
        ],
        "Hand the layer's own padding on.": (
            walking(lambda grid, layer: after(grid, layer.window, layer.stride, "same")),
            walking(lambda grid, layer: after(grid, layer.window, layer.stride, "valid")),
        ),
        "Hand the layer's own stride on.": walking(lambda grid, layer: after(grid, layer.window, 1, layer.padding)),
        "The first place of each window counts as well: one more.": walking(
            lambda grid, layer: after(grid, *layer[:3]) - 1
        ),
        "Same padding with stride 2 keeps the middle of an odd grid: (grid - 1) // stride + 1, as in 6.1.": walking(
            lambda grid, layer: grid // layer.stride if layer.padding == "same" else after(grid, *layer[:3])
        ),
        "Same padding keeps the grid only where the stride is 1.": walking(
            lambda grid, layer: grid if layer.padding == "same" else after(grid, *layer[:3])
        ),
        "The last layer is missing.": lambda side, layers: along(side, layers[:-1]),
        "The first layer is missing.": lambda side, layers: along(side, layers[1:]),
        "That is the list after the first layer: is the `return` inside of the loop?": lambda side, layers: along(
            side, layers[:1]
        ),
        "Those are the steps from a grid to the next; the grids are asked.": lambda side, layers: [
            before - behind for before, behind in pairwise(along(side, layers))
        ],
    }
    cases = (
        (299, WAY),
        (100, (Layer(5, 2, "valid"), Layer(3, 1, "same"), Layer(7, 1, "valid"), Layer(3, 2, "same"))),
        (50, (Layer(3, 3, "valid"),)),
        (7, (Layer(3, 2, "same"),)),
        (35, [Layer(5, 2, "same"), Layer(3, 2, "same"), Layer(1, 3, "valid", 4), Layer(3, 2, "same", 5)]),
        (5, (Layer(5, 1, "valid"), Layer(3, 2, "same"))),
        (9, ()),
    )
    result = listed(number(whole=True), of="the image's side, and one a layer")
    told = [Case(case, f"side={case[0]} and {_layers_text(case[1])}") for case in cases]
    same_function(answer, along, told, result=result, slips=slips)
    return "From 299 to 8 on the network's way, and right for other layers too."


def _layers_text(layers: Sequence[Layer]) -> str:
    """Layers in a sentence: a few by their fields, many by their number."""
    if not layers or len(layers) > 4:
        return f"{len(layers) or 'no'} layers"
    each = [f"({layer.window}, {layer.stride}, {layer.padding!r})" for layer in layers]
    return f"the layer{'s' if len(each) > 1 else ''} {', '.join(each)} of (window, stride, padding)"


# 6.3


_POOL_FIRST = ((Layer(3), Layer(1, width=5)), (Layer(1, width=7), Layer(3, width=6)))
_POOL_BEHIND = ((Layer(3, width=7),), (Layer(3),))
_POOL_LAST = ((Layer(1, width=4), POOL), (Layer(3, 2, "valid", 9),))
_THIRD = ((Layer(1, width=8),), (Layer(3, width=8),), (Layer(5, 1, "valid", 8),))
_FIRST = ((Layer(3, 2, width=8),), (Layer(3, width=5),), (Layer(1, width=4),))
_BY_ONE = ((Layer(3, 2, "valid", 8),), (Layer(3, 2, width=5),))
_OTHER_WAYS = (
    (Layer(3, 2, width=6), Layer(3), Layer(1, width=4), Layer(3)),
    (Layer(1, width=5), Layer(5, 2)),
    (Layer(1, 2),),
)
_FORKS = (
    ("fork 2 on 160 channels and a grid of 73", 160, 73, FORK_2),
    ("fork 1 on 64 channels and a grid of 147", 64, 147, FORK_1),
    ("a pool and a 1×1 (5) beside a 1×1 (7) and a 3×3 (6), on 10 channels and a grid of 9", 10, 9, _POOL_FIRST),
    ("a 3×3 (7) beside a pool, on 4 channels and a grid of 9", 4, 9, _POOL_BEHIND),
    ("a 1×1 (4) and a pool (stride 2 V) beside a 3×3 (9, stride 2 V), on 12 channels and a grid of 15", 12, 15, _POOL_LAST),
    ("two pools, on 6 channels and a grid of 11", 6, 11, ((POOL,), (POOL,))),
    ("fork 3 as it is printed, on 192 channels and a grid of 71", 192, 71, FORK_3),
    ("a 1×1 (8), a 3×3 (8) and a 5×5 (8 V), on 3 channels and a grid of 9", 3, 9, _THIRD),
    ("a 3×3 (8, stride 2), a 3×3 (5) and a 1×1 (4), on 3 channels and a grid of 8", 3, 8, _FIRST),
    ("a 3×3 (8, stride 2 V) beside a 3×3 (5, stride 2), on 3 channels and a grid of 8", 3, 8, _BY_ONE),
    ("three branches of stride 2 with pools in them, on 7 channels and a grid of 13", 7, 13, _OTHER_WAYS),
)  # fmt: skip


@feedback.exercise(
    "6.3",
    title="can a fork be concatenated?",
    difficulty="medium",
    minutes=8,
    hints=(
        "Two things to find for each branch: the grid at its end, and the channels at its end. Which of the two must agree, and "
        "which is added up?",
        "The grid at a branch's end is `grids(grid, branch)[-1]`. Its channels are the width of its last layer that has one; a "
        "pool has `width=None` and keeps what comes in, at first `channels`.",
        "Collect both: `ends.append(grids(grid, branch)[-1])` and `total += width`, where `width` starts as `channels` in each "
        "branch and becomes `layer.width` at each layer that has one. Then `return None` if `len(set(ends)) > 1`.",
    ),
    reference=fork,
)
def fork_shape(answer: Any) -> str:
    def slipped(
        width: Callable[[Sequence[int | None], int], int | None] | None = None,
        *,
        add: Callable[[list[int]], int] = sum,
        grid_of: Callable[[list[int]], int | None] | None = None,
        end: int = -1,
        more: bool = False,
    ) -> Callable:
        """`fork` with a slip in it.

        `width` makes a branch's channels of its layers' widths and the fork's channels, `add` the sum of the branches', `grid_of`
        the grid from all ends; `end` is the grid of a branch that counts. With `more`, what the fork reads is added.
        """

        def shape(channels: int, grid: int, branches: Sequence[Sequence[Layer]]) -> tuple[int, int] | None:
            widths = [(width or _width)([layer.width for layer in branch], channels) for branch in branches]
            ends = [along(grid, branch)[end] for branch in branches]
            found = (grid_of or _one_grid)(ends)
            return None if found is None else (add(widths) + more * channels, found)

        return shape

    def swapped(channels: int, grid: int, branches: Sequence[Sequence[Layer]]) -> tuple[int, int] | None:
        found = fork(channels, grid, branches)
        return found and (found[1], found[0])

    def alike(channels: int, grid: int, branches: Sequence[Sequence[Layer]]) -> tuple[int, int] | None:
        widths = {_width([layer.width for layer in branch], channels) for branch in branches}
        return fork(channels, grid, branches) if len(widths) == 1 else None

    slips = {
        "Only the grids have to be the same: channels may differ from branch to branch, and are added up.": alike,
        "Only the first branch is counted. Go through all of them before you give something back.": (
            lambda channels, grid, branches: fork(channels, grid, branches[:1])
        ),
        "It gives back `None`, as a function without `return` does.": lambda channels, grid, branches: None,
        "The branches end on different grids, so they cannot be concatenated and `None` is expected.": (
            slipped(grid_of=lambda ends: ends[0]),
            slipped(grid_of=lambda ends: ends[-1]),
            slipped(grid_of=min),
            slipped(grid_of=max),
        ),
        "Compare all branches, not the first two: they cannot be concatenated and `None` is expected.": slipped(
            grid_of=lambda ends: ends[0] if ends[0] == ends[1] else None
        ),
        "Compare all branches, not the first with the last: they cannot be concatenated and `None` is expected.": slipped(
            grid_of=lambda ends: ends[0] if ends[0] == ends[-1] else None
        ),
        "Compare all branches, not the last two: they cannot be concatenated and `None` is expected.": slipped(
            grid_of=lambda ends: ends[-1] if ends[-1] == ends[-2] else None
        ),
        "Each branch's end counts, not the grid behind its first layer.": slipped(end=1),
        "The branches put out the grid at their ends, not the one that they read.": (
            slipped(end=0),
            lambda channels, grid, branches: (found := fork(channels, grid, branches)) and (found[0], grid),
        ),
        "A pool's channels are concatenated too: as many as it reads.": (
            slipped(lambda widths, channels: widths[-1] or 0),
            slipped(lambda widths, channels: next((w for w in reversed(widths) if w is not None), 0)),
        ),
        "Only what a branch's end puts out is concatenated, not what flows inside of it.": (
            slipped(lambda widths, channels: sum(w or 0 for w in widths)),
            slipped(lambda widths, channels: sum(w or channels for w in widths)),
            slipped(lambda widths, channels: channels + sum(w or 0 for w in widths)),
        ),
        "A pool keeps the channels that reach it: behind a convolution these are the convolution's.": slipped(
            lambda widths, channels: widths[-1] or channels
        ),
        "The first layer of each branch is taken; what its last one puts out is concatenated.": slipped(
            lambda widths, channels: widths[0] or channels
        ),
        "The branches stand side by side: add their channels up.": (slipped(add=max), slipped(add=lambda all_: all_[-1])),
        "Two branches that put out as many channels count twice: a set keeps one of them.": slipped(
            add=lambda widths: sum(set(widths))
        ),
        "What the fork reads is not concatenated, only what its branches put out.": slipped(more=True),
        "Channels and grid stand the wrong way round: (channels, grid) is asked.": swapped,
        "Each branch begins with the fork's `channels` again. Yours goes on with those of the branch before it: keep a branch's "
        "channels in a variable of its own.": _one_after_another_channels,
    }  # fmt: skip
    cases = [Case((channels, grid, branches), text) for text, channels, grid, branches in _FORKS]
    result = optional(pair(number(whole=True), number(whole=True), ("channels", "grid")))
    same_function(answer, fork, cases, result=result, slips=slips, stops=_about_none)
    return "And it says None where the branches do not fit."


def _about_none(error: Exception, channels: int, grid: int, branches: Sequence[Sequence[Layer]]) -> str:
    counts_none = isinstance(error, TypeError) and "NoneType" in str(error) and "operand" in str(error)
    return "A pool's `width` is `None`: it puts out as many channels as it reads." if counts_none else ""


def _width(widths: Sequence[int | None], channels: int) -> int:
    """The channels at a branch's end."""
    return next((width for width in reversed(widths) if width is not None), channels)


def _one_grid(ends: Sequence[int]) -> int | None:
    return ends[0] if len(set(ends)) == 1 else None


def _one_after_another_channels(
    channels: int, grid: int, branches: Sequence[Sequence[Layer]]
) -> tuple[int, int] | None:
    """`fork` where a branch begins with the channels that the one before it ended with."""
    total = 0
    for branch in branches:
        channels = _width([layer.width for layer in branch], channels)
        total += channels
    found = _one_grid([along(grid, branch)[-1] for branch in branches])
    return None if found is None else (total, found)


# Modules: each layer's grid is looked at by itself, as the concatenation would only say that something differs.

Rule = Callable[[Operation], tuple[int, str] | None]


def _compare(module: nn.Module, reference: nn.Module, shape: tuple[int, int, int], rule: Rule) -> None:
    """`same_module` with the channels in order; where a grid is at fault, the layer that is to blame is named."""
    try:
        same_module(module, reference, shape, ordered=True)
    except Wrong as wrong:
        done = {operation.name for operation in operations_of(module, shape)}
        if "convolution" in done and "native_batch_norm" not in done:
            raise Wrong(
                "Your layers have no normalisation: a layer is a `ConvBNAct` here, a convolution without bias, its normalisation and a "
                "ReLU."
            ) from None
        channels, height, width = shape
        for grid in ((height, width), (height + 1, width + 1)):  # what is right for odd sides may not be for even ones
            _grids_as_asked(module, (channels, *grid), rule)
        if "branches cannot be concatenated" in str(wrong):
            _all_read_the_input(module, reference, shape)
        raise


def _grids_as_asked(module: nn.Module, shape: tuple[int, int, int], rule: Rule) -> None:
    """Raise `Wrong` at the first layer whose grid is not the one of its (stride, padding) by the rule."""
    for operation in operations_of(module, shape):
        asked = rule(operation) if operation.geometry and operation.input_shapes else None
        if asked is None or len(operation.shape) != 4:
            continue
        stride, padding = asked
        window = _window(operation)
        before, got = operation.input_shapes[0][2:], tuple(operation.shape[2:])
        want = tuple(after(side, size, stride, padding) for side, size in zip(before, window, strict=True))
        if got != want:
            is_conv = operation.name == "convolution"
            kind = (
                f"convolution ({operation.input_shapes[0][1]} → {operation.shape[1]} channels)" if is_conv else "pool"
            )
            zeros = "no padding" if padding == "valid" else f"padding ({window[0] // 2}, {window[1] // 2})"
            raise Wrong(
                f"The {shape_text(window)} {kind} makes a grid of {shape_text(got)} out of {shape_text(before)}; "
                f"{shape_text(want)} is expected, with stride {stride} and {zeros}.{_rounded_up(module, is_conv)}"
            )


def _rounded_up(module: nn.Module, is_conv: bool) -> str:
    has_ceil = not is_conv and any(pool.ceil_mode for pool in layers_of(module, nn.MaxPool2d))
    return " `ceil_mode=True` adds a place that hangs over the edge, which no V allows." if has_ceil else ""


def _all_read_the_input(module: nn.Module, reference: nn.Module, shape: tuple[int, int, int]) -> None:
    """Raise `Wrong` where fewer layers read the module's input than branches begin there."""
    mine, theirs = (_readers(each, shape) for each in (module, reference))
    if mine < theirs:
        raise Wrong(
            f"The branches cannot be concatenated, and every layer makes the grid that is asked: {theirs} layers should read the "
            f"module's input `x`, and in yours {'one does' if mine == 1 else f'{mine} do'}. Each branch begins with `x`."
        )
    raise Wrong(
        "The branches cannot be concatenated: they end on different grids. Look at each layer: what does it read, and which stride and "
        "padding has its box?"
    )


def _readers(module: nn.Module, shape: tuple[int, int, int]) -> int:
    """How many layers read the module's input; one that runs twice is one layer."""
    record = traced(module, shape)
    readers = [operation for operation in (record.operations if record else ()) if INPUT in operation.reads]
    return len({id(record.calls[each.call].module) if each.has_weights else each.index for each in readers})


def _window(operation: Operation) -> Window:
    return tuple(round(reach) + 1 for reach in operation.geometry[0])


# 6.4


def short_and_long_reference(in_channels: int, reduce: int, width: int) -> nn.Module:
    """The second fork of the stem."""
    return ShortAndLong(in_channels, reduce=reduce, width=width, padding="valid")


@feedback.exercise(
    "6.4",
    title="the stem's second fork",
    difficulty="medium",
    minutes=7,
    hints=(
        "Two branches. Which of their layers have a V, and what does that mean for `padding`?",
        '`ConvBNAct` pads by itself; `padding="valid"` switches that off. Only the last layer of each branch has a V.',
        "The long branch is `nn.Sequential(ConvBNAct(in_channels, reduce, kernel_size=1), ConvBNAct(reduce, reduce, "
        "kernel_size=(1, 7)), ConvBNAct(reduce, reduce, kernel_size=(7, 1)), ConvBNAct(reduce, width, kernel_size=3, "
        'padding="valid"))`.',
    ),
    reference=short_and_long_reference,
)
def short_and_long(answer: Any) -> str:
    def rule(operation: Operation) -> tuple[int, str] | None:
        return (1, "valid" if _window(operation) == (3, 3) else "same") if operation.name == "convolution" else None

    for case, grid in (((6, 4, 5), (9, 11)), ((10, 3, 7), (13, 9))):
        module = build(answer, *case)
        _one_by_seven_first(module, (case[0], *grid))
        _compare(module, short_and_long_reference(*case), (case[0], *grid), rule)
    return "It is the fork between the 73 and the 71 grid."


def _one_by_seven_first(module: nn.Module, shape: tuple[int, int, int]) -> None:
    """Raise `Wrong` where the two long windows stand as the figure has them."""
    try:
        record = followed(module, shape)
    except (CannotRun, TypeError, ValueError):
        return
    windows = [_window(operation) for operation in record.operations if operation.name == "convolution"]
    if (7, 1) in windows and (1, 7) in windows and windows.index((7, 1)) < windows.index((1, 7)):
        raise Wrong(
            "Your 7×1 stands before the 1×7, as the figure prints it. The code's order is asked: the 1×7 first."
        )


# 6.5


def reduction_reference(in_channels: int, k: int, l: int, m: int, n: int) -> nn.Module:
    """Figure 7."""
    return ReductionA(in_channels, ReductionWidths(single=(n,), stacked=(k, l, m)))


@feedback.exercise(
    "6.5",
    title="the reduction from four letters",
    difficulty="medium",
    minutes=7,
    hints=(
        "Three branches read the same grid. Which layer of each makes the grid smaller?",
        'The last layer of each branch has "stride 2 V": `stride=2, padding="valid"`. torch\'s pool has no padding, and wants its '
        "stride said.",
        "The long branch: `ConvBNAct(in_channels, k, kernel_size=1)`, `ConvBNAct(k, l, kernel_size=3)`, `ConvBNAct(l, m, "
        'kernel_size=3, stride=2, padding="valid")`. The pool: `nn.MaxPool2d(3, stride=2)`.',
    ),
    reference=reduction_reference,
)
def reduction_a(answer: Any) -> str:
    for case, grid in (((10, 3, 4, 5, 7), (9, 11)), ((12, 6, 2, 9, 4), (35, 16))):
        in_channels, k, l, m, n = case
        of_convs = {
            (1, in_channels, k): (1, "same"),
            (3, k, l): (1, "same"),
            (3, l, m): (2, "valid"),
            (3, in_channels, n): (2, "valid"),
        }

        def rule(operation: Operation, of_convs=of_convs) -> tuple[int, str] | None:
            if operation.name == "convolution":
                return of_convs.get((_window(operation)[0], operation.input_shapes[0][1], operation.shape[1]))
            return (2, "valid") if "pool" in operation.name else None

        module = build(answer, *case)
        try:
            _compare(module, reduction_reference(*case), (in_channels, *grid), rule)
        except Wrong:
            _letters_in_order(answer, case, grid)
            raise
    return "One class, and Table 1's letters make it the reduction of three networks."


def _letters_in_order(answer: Callable, case: Sequence[int], grid: tuple[int, int]) -> None:
    """Raise `Wrong` where the module is right once its letters are handed over in another order."""
    in_channels, *letters = case
    reference = reduction_reference(*case)
    wanted = sum(parameter.numel() for parameter in reference.parameters())
    for order in permutations(range(4)):
        if order == (0, 1, 2, 3):
            continue
        try:
            module = build(answer, in_channels, *(letters[place] for place in order))
            parameters = list(module.parameters())
            if not any(map(is_lazy, parameters)) and sum(each.numel() for each in parameters) != wanted:
                continue  # so it is another one, which to compare would take much longer
            same_module(module, reference, (in_channels, *grid), ordered=True)
        except Exception:  # whatever it is, the sentence for the letters as they are tells it better
            continue
        names = ", ".join("klmn"[place] for place in order)
        raise Wrong(
            f"Your module would be right if its letters came as {names}. They come as k, l, m, n: the long branch has k, l and m from "
            "its beginning to its end, and the single 3×3 has n."
        )


# 6.6


def facts_of(in_channels: int, widths: Sequence[int], windows: Sequence[Window], grid: int) -> dict[str, object]:
    """What a unit behind a chain of windows sees, and what the chain costs."""
    height = width = 1
    parameters = macs = 0
    for out_channels, (rows, columns) in zip(widths, windows, strict=True):
        height, width = height + rows - 1, width + columns - 1
        weights = in_channels * out_channels * rows * columns
        parameters += weights + 2 * out_channels
        macs += weights * grid * grid
        in_channels = out_channels
    return {"field": (height, width), "parameters": parameters, "macs": macs}


@feedback.exercise(
    "6.6",
    title="what a branch sees and costs",
    difficulty="medium",
    minutes=8,
    hints=(
        "Go through the branch layer by layer. What does one layer add to the field's height, to its width, to the parameters, to "
        "the multiply-adds? And how many channels does the next one read?",
        "With stride 1 a window of h × w adds h - 1 to the height and w - 1 to the width. It has `in * out * h * w` weights, used "
        "once at each of `grid * grid` places, and two numbers a channel for the normalisation.",
        "In a loop over `zip(widths, windows)`: `weights = in_channels * out * h * w`; add `weights + 2 * out` to the parameters, "
        "`weights * grid**2` to the multiply-adds, `h - 1` and `w - 1` to the field; then `in_channels = out`.",
    ),
    reference=facts_of,
)
def branch_facts(answer: Any) -> str:
    def of_field(field: Callable[[Sequence[int], Sequence[int], int], tuple[int, int]]) -> Callable:
        """`facts_of` with another field, from the windows' heights and widths and the grid."""

        def slipped(in_channels: int, widths: Sequence[int], windows: Sequence[Window], grid: int) -> dict[str, object]:
            heights, sides = zip(*windows, strict=True)
            return {**facts_of(in_channels, widths, windows, grid), "field": field(heights, sides, grid)}

        return slipped

    def of_costs(
        weights: Callable[[int, int, int, int, int], int] = lambda first, reads, out, rows, columns: (
            reads * out * rows * columns
        ),
        *,
        norm: Callable[[int, int], int] = lambda reads, out: 2 * out,
        places: Callable[[int], int] = lambda grid: grid * grid,
        norm_runs: bool = False,
        norm_once: bool = False,
    ) -> Callable:
        """`facts_of` with other costs: of one layer's weights, of its normalisation, of the places where a weight is used."""

        def slipped(in_channels: int, widths: Sequence[int], windows: Sequence[Window], grid: int) -> dict[str, object]:
            layers = list(zip((in_channels, *widths), widths, windows, strict=False))
            of_layers = [weights(in_channels, reads, out, *window) for reads, out, window in layers]
            of_norms = [norm(reads, out) for reads, out, _ in layers]
            used = sum(of_layers) + (sum(of_norms) if norm_runs else 0)
            return {
                **facts_of(in_channels, widths, windows, grid),
                "parameters": sum(of_layers) + (of_norms[-1] if norm_once else sum(of_norms)),
                "macs": used * places(grid),
            }

        return slipped

    slips = {
        "A window is (height, width), and so is the field.": of_field(
            lambda heights, sides, grid: (1 + sum(s - 1 for s in sides), 1 + sum(h - 1 for h in heights))
        ),
        "Places of a window overlap: it sees 1 cell at first, and a height of h adds h - 1 rows.": (
            of_field(lambda heights, sides, grid: (sum(heights), sum(sides))),
            of_field(lambda heights, sides, grid: (sum(heights) + 1, sum(sides) + 1)),
        ),
        "Without any layer a unit sees 1×1.": of_field(
            lambda heights, sides, grid: (sum(h - 1 for h in heights), sum(s - 1 for s in sides))
        ),
        "One behind the other, windows add up: a 1×7 behind a 1×7 sees further than 1×7.": of_field(
            lambda heights, sides, grid: (max(heights), max(sides))
        ),
        "That is the last window alone; the layers before it have looked around as well.": of_field(
            lambda heights, sides, grid: (heights[-1], sides[-1])
        ),
        "Windows do not multiply: a height of h adds h - 1 rows.": of_field(
            lambda heights, sides, grid: (prod(heights), prod(sides))
        ),
        "A field may reach beyond the edge of the grid: there it sees padding.": of_field(
            lambda heights, sides, grid: (
                min(1 + sum(h - 1 for h in heights), grid), min(1 + sum(s - 1 for s in sides), grid),
            )
        ),
        "That is half of it: a height of h adds h - 1 rows, half of them on each side.": of_field(
            lambda heights, sides, grid: (1 + sum(h // 2 for h in heights), 1 + sum(s // 2 for s in sides))
        ),
        "The normalisation is missing: a factor and a shift for each channel of each layer.": of_costs(norm=lambda reads, out: 0),
        "The normalisation has two numbers a channel, a factor and a shift.": of_costs(norm=lambda reads, out: out),
        "These layers have no bias; their normalisation has a factor and a shift.": of_costs(norm=lambda reads, out: 3 * out),
        "The running mean and variance are no parameters, and are not trained.": of_costs(norm=lambda reads, out: 4 * out),
        "Each filter has a window for each channel that it reads.": of_costs(
            lambda first, reads, out, rows, columns: out * rows * columns
        ),
        "A window of h × w has h · w weights for each pair of channels; yours has one.": of_costs(
            lambda first, reads, out, rows, columns: reads * out
        ),
        "All layers count; that is the last one alone.": lambda in_channels, widths, windows, grid: {
            **facts_of((in_channels, *widths)[-2], widths[-1:], windows[-1:], grid),
            "field": facts_of(in_channels, widths, windows, grid)["field"],
        },
        "Each layer is normalised, and not the last one alone.": of_costs(norm_once=True),
        "The normalisation has two numbers a channel, whatever the number of channels that come in.": of_costs(
            norm=lambda reads, out: 2
        ),
        "The normalisation stands behind its convolution: two numbers for each channel that comes out of it.": of_costs(
            norm=lambda reads, out: 2 * reads
        ),
        "Each layer reads what the one before it puts out, only the first one reads `in_channels`.": of_costs(
            lambda first, reads, out, rows, columns: first * out * rows * columns
        ),
        "A window of h × w has h · w weights for each pair of channels, not h + w.": of_costs(
            lambda first, reads, out, rows, columns: reads * out * (rows + columns)
        ),
        "A window of h × w has h · w weights; yours takes it for a square one.": (
            of_costs(lambda first, reads, out, rows, columns: reads * out * rows * rows),
            of_costs(lambda first, reads, out, rows, columns: reads * out * columns * columns),
            of_costs(lambda first, reads, out, rows, columns: reads * out * max(rows, columns) ** 2),
        ),
        "Parameters do not depend on the grid.": lambda in_channels, widths, windows, grid: {
            **(right := facts_of(in_channels, widths, windows, grid)),
            "parameters": right["macs"] + 2 * sum(widths),
        },
        "Each weight is used at every place of the grid: `grid * grid` times.": of_costs(places=lambda grid: 1),
        "The grid has two sides: `grid * grid` places.": of_costs(places=lambda grid: grid),
        "The grid has `grid * grid` places, not twice `grid`.": of_costs(places=lambda grid: 2 * grid),
        "The normalisation does not count as multiply-adds.": of_costs(norm_runs=True),
        "You count a multiplication and an addition as two; together they are one multiply-add.": of_costs(
            places=lambda grid: 2 * grid * grid
        ),
        "Same padding keeps the grid: nothing is to be taken off.": lambda in_channels, widths, windows, grid: {
            **facts_of(in_channels, widths, windows, grid),
            "macs": sum(
                reads * out * rows * columns * (grid - rows + 1) * (grid - columns + 1)
                for reads, out, (rows, columns) in zip((in_channels, *widths), widths, windows, strict=False)
            ),
        },
    }  # fmt: skip
    cases = (
        (1024, (192, 224, 256), ((1, 1), (1, 7), (7, 1)), 17),
        (5, (4,), ((3, 5),), 6),
        (6, (2, 9, 3), ((3, 1), (1, 3), (3, 3)), 8),
        (6, (4, 4), ((1, 7), (1, 7)), 1),
        (3, [7, 2], [(5, 1), (3, 7)], 9),
        (1, (1,), ((1, 1),), 1),
    )
    whole = number(whole=True)
    result = keyed({"field": pair(whole, whole, ("height", "width")), "parameters": whole, "macs": whole})
    same_function(answer, facts_of, cases, result=result, slips=slips)
    return "It counts what `profile` counts, and needs no module for it."


# 6.7

InceptionCOfV4 = partial(InceptionC, stacked_kernels=((3, 1), (1, 3)))


@feedback.exercise(
    "6.7",
    title="the module of the smallest grid",
    difficulty="hard",
    minutes=10,
    hints=(
        "Start from lesson 04's module of the smallest grid. Only the middle of its stacked branch changes: which two windows does "
        "a 3×3 become?",
        "`widths.stacked` has four numbers: the 1×1, the 3×1, the 1×3, and the width of each half of the fork. Both halves of a fork "
        "read the same grid, so keep it in a variable in `forward`.",
        "`first, second, third, fork = widths.stacked`, then `nn.Sequential(ConvBNAct(in_channels, first, kernel_size=1), "
        "ConvBNAct(first, second, kernel_size=(3, 1)), ConvBNAct(second, third, kernel_size=(1, 3)))`, and two layers from `third` "
        "to `fork`, (1, 3) and (3, 1). Concatenate six parts with dim=1.",
    ),
    reference=InceptionCOfV4,
)
def inception_c(answer: Any) -> str:
    def rule(operation: Operation) -> tuple[int, str] | None:
        return 1, "same"

    cases = (
        (8, Widths(3, (5, 4), (6, 7, 9, 2), 5), (8, 8)),
        (6, Widths(4, (3, 2), (2, 5, 4, 3), 2), (9, 7)),
    )
    for in_channels, widths, grid in cases:
        shape = (in_channels, *grid)
        module = build(answer, in_channels, widths)
        if channels_of(module, shape) == widths.out_channels:
            raise Wrong(
                f"For {widths} your module puts out {widths.out_channels} channels; {forked_out_channels(widths)} are expected. At "
                "the end of a branch the 1×3 and the 3×1 stand side by side, with the last width each, so that it counts twice."
            )
        try:
            _compare(module, InceptionCOfV4(in_channels, widths), shape, rule)
        except Wrong:
            _forks_and_stack(module, widths, shape)
            raise
    return "It computes what Inception-v4's modules of the 8×8 grid do."


def _forks_and_stack(module: nn.Module, widths: Widths, shape: tuple[int, int, int]) -> None:
    """Raise `Wrong` where the halves of a fork stand one behind the other, or the stack's two in the other order."""
    convs = {
        (_window(each), each.input_shapes[0][1], each.shape[1])
        for each in operations_of(module, shape)
        if each.name == "convolution" and each.input_shapes
    }
    half = {(window, width, width) for window in ((1, 3), (3, 1)) for width in (widths.single[-1], widths.stacked[-1])}
    if convs & half:
        raise Wrong(
            "At the end of a branch the 1×3 and the 3×1 read the same grid. One of yours reads what the other puts out: keep what comes "
            "before the fork in a variable, and hand it to both."
        )
    _, first, second = widths.stacked[:3]
    if ((3, 1), first, second) in convs and ((1, 3), widths.stacked[0], first) in convs:
        raise Wrong("In the stacked branch the 3×1 comes before the 1×3; yours stand the other way round.")


# 6.8


def assemble_reference(channels: int, stages: Sequence[Stage]) -> nn.Module:
    """The modules of several stages one after another."""
    modules = []
    for stage in stages:
        for _ in range(stage.repeats):
            modules.append(stage.block(channels, stage.widths))
            channels = stage.out_channels
    return nn.Sequential(*modules)


# Small, with other repeats than the paper's, and no two widths that could be mistaken for each other.
_SMALL = (
    (
        8,
        (
            Stage(InceptionA, Widths(2, (3, 4), (2, 3, 5), 3), 2, 14),
            Stage(ReductionA, ReductionWidths(single=(5,), stacked=(2, 4, 3)), 1, 22),
            Stage(InceptionB, Widths(3, (2, 4, 3), (2, 3, 4, 5, 2), 4), 3, 12),
            Stage(ReductionB, ReductionWidths(single=(3, 4), stacked=(2, 3, 4, 5)), 1, 21),
            Stage(InceptionCOfV4, Widths(4, (3, 2), (2, 4, 5, 3), 2), 2, 16),
        ),
    ),
    (5, (Stage(ReductionA, ReductionWidths(single=(4,), stacked=(3, 2, 6)), 1, 15), Stage(InceptionA, Widths(2, (4, 3), (3, 2, 4), 6), 1, 15))),
)  # fmt: skip


@feedback.exercise(
    "6.8",
    title="assemble the stages",
    difficulty="medium",
    minutes=6,
    hints=(
        "One loop over the lines, and one inside of it over the repeats. What does the first module of a line read, and what does the "
        "second one read?",
        "Make a *new* module in each round: one that stands in the list twice would have its weights twice as well. After each module "
        "`channels` is what it puts out.",
        "Inside: `modules.append(stage.block(channels, stage.widths))`, then `channels = stage.out_channels`.",
    ),
    reference=assemble_reference,
)
def assemble(answer: Any) -> str:
    for channels, stages in _SMALL:
        reference = assemble_reference(channels, stages)
        module = build(answer, channels, stages)
        settle(module, (channels, 25, 25))
        for part in module.modules():
            inside = [child for child in part._modules.values() if child is not None]
            if len(set(map(id, inside))) < len(inside):
                raise Wrong(
                    "A module stands in your network more than once: the repeats would share their weights. Make a new one in each "
                    "round of the loop."
                )
        _one_after_another(module, reference, channels)
        same_module(module, reference, (channels, 25, 25), ordered=True)
    return "Line for line it is what the plan says."


def _one_after_another(module: nn.Module, reference: nn.Module, channels: int) -> None:
    """Raise `Wrong` where a child is missing, of another kind, or made for other channels than those that reach it."""
    if not isinstance(module, nn.Sequential):
        return  # another way to write it; `same_module` has the words
    mine, theirs = list(module), list(reference.children())
    if len(mine) == 1 and len(list(mine[0].children())) == len(theirs):
        mine = list(mine[0].children())
    names = [type(each).__name__ for each in theirs]
    if all(isinstance(each, nn.Sequential) for each in mine):
        mine = [child for each in mine for child in each.children()]  # a Sequential for each line
    if len(mine) != len(theirs):
        raise Wrong(f"Your network has {len(mine)} modules; {len(theirs)} are expected: {', '.join(names)}.")
    for place, (own, other) in enumerate(zip(mine, theirs, strict=True), start=1):
        where = f"Module {place} of {len(theirs)}, {type(own).__name__},"
        if type(own) is not type(other):
            raise Wrong(f"{where} stands where {type(other).__name__} is expected.")
        convs = [layers_of(each, nn.Conv2d)[0] for each in (own, other)]
        if convs[0].in_channels != convs[1].in_channels:
            raise Wrong(
                f"{where} was made for {convs[0].in_channels} channels, and {convs[1].in_channels} reach it. Is `channels` brought "
                "up to date after each module?"
            )
