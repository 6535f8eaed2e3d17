"""What lesson 04 answers to its exercises."""

from collections.abc import Callable, Iterable, Sequence
from math import prod
from operator import mul
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.factorization import composition
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths, Widths
from networks.inception_v2 import (
    InceptionB,
    InceptionC,
    ReductionB,
    Table,
    forked_out_channels,
)
from networks.layers import chain, padding_of
from utils.cost.table import shape_text
from utils.cost.trace import INPUT, CannotRun
from utils.feedback.answers import tensor_of, written
from utils.feedback.exercises import Feedback, Wrong
from utils.feedback.functions import Case, Kind, keyed, number, same_function
from utils.feedback.modules import build, channels_of, followed, layers_of, operations_of, same_module, settle

feedback = Feedback("factorization", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

Window = tuple[int, int]
_SHARE = number(within=1e-6, digits=4)  # up to rounding in float32


def _common_slips(share: Callable[..., float]) -> dict[str, Callable[..., float] | list[Callable[..., float]]]:
    """What is often made of a share that is saved."""
    return {
        "That is the share that is left. What is saved is the rest: one minus it.": lambda *given: 1 - share(*given),
        "That is in per cent; a share is asked, a hundredth of it.": lambda *given: 100 * share(*given),
        "The sign is turned round: what costs less saves more than zero.": lambda *given: -share(*given),
        "A loss is a saving below zero: let it stand.": [
            lambda *given: max(share(*given), 0),
            lambda *given: abs(share(*given)),
        ],
        "That is how many times as much the one window costs; the share of it that is saved is asked.": (
            lambda *given: 1 / (1 - share(*given))
        ),
        "`//` rounds down to a whole number, and a share lies between: divide with `/`.": [
            lambda *given: 1 - (1 - share(*given)) // 1,
            lambda *given: share(*given) // 1,
        ],
        "That is rounded. Give back the share as it comes out.": [
            lambda *given, digits=digits: round(share(*given), digits) for digits in (0, 1, 2, 3, 4, 5)
        ],
        "What is saved is measured against the chain's cost; measure it against the one window's.": (
            lambda *given: 1 / (1 - share(*given)) - 1
        ),
    }


def saving_of(kernel_size: int, factors: Sequence[int]) -> float:
    """The share of multiply-adds saved by square windows in place of a larger one, at equal channels."""
    return 1 - sum(factor**2 for factor in factors) / kernel_size**2


@feedback.exercise(
    "4.1",
    title="what smaller windows save",
    difficulty="worked",
    minutes=3,
    hints=(
        "With equal channels and grids only the windows differ: how many weights has each?",
        "A window of k has k × k weights for each pair of channels. Windows one after another add up.",
        "`return 1 - sum(factor**2 for factor in factors) / kernel_size**2`",
    ),
    reference=saving_of,
)
def saving(answer: Any) -> str:
    slips = {
        **_common_slips(saving_of),
        "A window of k has k × k weights: square each.": lambda kernel_size, factors: 1 - sum(factors) / kernel_size,
        "Windows one after another add up; they are not multiplied.": lambda kernel_size, factors: (
            1 - prod(factor**2 for factor in factors) / kernel_size**2
        ),
        "Square each window, then add them up; you square the sum.": lambda kernel_size, factors: (
            1 - sum(factors) ** 2 / kernel_size**2
        ),
        "All windows of {factors} count, not the first alone.": lambda kernel_size, factors: saving_of(
            kernel_size, factors[:1]
        ),
        "The windows differ: each has its own size.": lambda kernel_size, factors: saving_of(
            kernel_size, [factors[0]] * len(factors)
        ),
    }
    cases = ((5, (3, 3)), (7, (3, 3, 3)), (3, (2, 2)), (3, (3,)), (3, [2, 3]), (9, [5, 3, 1]), (2, [3, 3]))
    same_function(answer, saving_of, cases, result=_SHARE, slips=slips)
    return "28 % for a 5×5 and 45 % for a 7×7 as 3×3, 11 % for a 3×3 as two 2×2."


def factor_saving_of(plain: Window, factors: Sequence[Window], widths: Sequence[int]) -> float:
    """The share of multiply-adds saved by a chain of windows in place of one, with the chain's own widths."""
    before = prod(plain) * widths[0] * widths[-1]
    after = sum(prod(window) * a * b for window, a, b in zip(factors, widths, widths[1:], strict=False))
    return 1 - after / before


_FACTOR_CASES = (
    ((3, 3), [(3, 1), (1, 3)], [64, 64, 64]),
    ((7, 7), [(1, 7), (7, 1)], [128, 128, 192]),
    ((5, 5), [(3, 3), (3, 3)], [16, 32, 32]),
    ((7, 5), [(3, 3), (3, 3), (3, 1)], [10, 20, 30, 40]),
    ((2, 4), [(2, 4)], [3, 5]),
    ((3, 5), [(1, 2), (4, 1), (3, 3)], [7, 2, 9, 4]),
)


@feedback.exercise(
    "4.2",
    title="what a chain of windows saves",
    difficulty="warm-up",
    minutes=6,
    hints=(
        "Count the weights of the one window first: how many channels does it read, and how many does it put out?",
        "The factor number i reads `widths[i]` channels and puts out `widths[i + 1]`. The plain window goes from the first "
        "width to the last.",
        "`before = plain[0] * plain[1] * widths[0] * widths[-1]`; for `after`, add up `height * width * a * b` over "
        "`zip(factors, widths, widths[1:])`.",
    ),
    reference=factor_saving_of,
)
def factor_saving(answer: Any) -> str:
    def of(
        before: Callable[..., float] = lambda plain, widths: prod(plain) * widths[0] * widths[-1],
        cost: Callable[..., float] = lambda height, width, a, b: height * width * a * b,
        join: Callable[[Iterable[float]], float] = sum,
    ) -> Callable[..., float]:
        """`factor_saving_of` with a slip in it."""

        def share(plain: Window, factors: Sequence[Window], widths: Sequence[int]) -> float:
            costs = [cost(*window, a, b) for window, a, b in zip(factors, widths, widths[1:], strict=False)]
            return 1 - join(costs) / before(plain, widths)

        return share

    slips = {
        **_common_slips(factor_saving_of),
        "The channels are left out: each factor has its own widths, and they differ here.": (
            lambda plain, factors, widths: 1 - sum(map(prod, factors)) / prod(plain)
        ),
        "A window of h × w has h · w weights; you square one side.": [
            of(cost=lambda height, width, a, b: height * height * a * b),
            of(cost=lambda height, width, a, b: width * width * a * b),
        ],
        "A window of h × w has h · w weights; you add its sides.": of(
            cost=lambda height, width, a, b: (height + width) * a * b
        ),
        "The one window is {plain}: its sides may differ.": [
            of(before=lambda plain, widths: plain[0] ** 2 * widths[0] * widths[-1]),
            of(before=lambda plain, widths: plain[1] ** 2 * widths[0] * widths[-1]),
        ],
        "The one window reads the first width and puts out the last one, whatever lies between.": [
            of(before=lambda plain, widths: prod(plain) * widths[0] * widths[1]),
            of(before=lambda plain, widths: prod(plain) * widths[0] ** 2),
            of(before=lambda plain, widths: prod(plain) * widths[-1] ** 2),
            of(before=lambda plain, widths: prod(plain) * prod(widths)),
            of(before=lambda plain, widths: prod(plain) * sum(map(mul, widths, widths[1:]))),
        ],
        "Each factor reads what the one before puts out, and puts out a width of its own; you take one of the two twice.": [
            of(cost=lambda height, width, a, b: height * width * a * a),
            of(cost=lambda height, width, a, b: height * width * b * b),
        ],
        "Each factor reads what the one before puts out; yours all read the first width.": (
            lambda plain, factors, widths: (
                1
                - sum(prod(window) * widths[0] * b for window, b in zip(factors, widths[1:], strict=True))
                / (prod(plain) * widths[0] * widths[-1])
            )
        ),
        "Windows one after another add up; they are not multiplied.": of(join=prod),
        "The last window of the chain is missing.": lambda plain, factors, widths: (
            1
            - sum(prod(window) * a * b for window, a, b in zip(factors[:-1], widths, widths[1:], strict=False))
            / (prod(plain) * widths[0] * widths[-1])
        ),
    }
    same_function(answer, factor_saving_of, _FACTOR_CASES, result=_SHARE, slips=slips)
    return "A saving below zero is a loss, and you have met one: widths decide as much as windows."


class TwoFactors(nn.Sequential):
    """Two windows one after another that keep the grid, without biases; with `linear` no ReLU between them."""

    def __init__(
        self, in_channels: int, between: int, out_channels: int, windows: Sequence[Window], linear: bool = False
    ):
        first, second = windows
        layers = [nn.Conv2d(in_channels, between, first, padding=padding_of("same", first), bias=False)]
        layers += [] if linear else [nn.ReLU()]
        layers += [nn.Conv2d(between, out_channels, second, padding=padding_of("same", second), bias=False), nn.ReLU()]
        super().__init__(*layers)


@feedback.exercise(
    "4.3",
    title="two windows in place of one",
    difficulty="medium",
    minutes=8,
    hints=(
        "How many zeros on each side keep the grid's height under a window of height h? And its width under a width w?",
        "torch's padding is (above and below, left and right): (h // 2, w // 2) for a window (h, w).",
        "Make a list: the first convolution, `nn.ReLU()` unless `linear`, the second convolution, `nn.ReLU()`. Then "
        "`nn.Sequential(*layers)`. Each convolution has `bias=False`.",
    ),
    reference=TwoFactors,
)
def two_factors(answer: Any) -> str:
    cases = (
        ((6, 4, 5, ((3, 3), (3, 3))), False),
        ((3, 7, 4, ((1, 7), (7, 1))), False),
        ((4, 6, 6, ((3, 1), (1, 3))), False),
        ((5, 4, 3, ((3, 3), (3, 3))), True),
        ((5, 4, 3, ((1, 5), (5, 3))), True),
    )
    for place, (case, linear) in enumerate(cases):
        module = build(answer, *case, linear=linear)
        shape = (case[0], *((10, 9) if place % 2 else (9, 11)))
        _keeps_the_grid(module, shape)
        try:
            same_module(module, TwoFactors(*case, linear=linear), shape)
        except Wrong as wrong:
            raise Wrong(f"For windows {case[3][0]} and {case[3][1]}, linear={linear}: {wrong}") from None
    return "It keeps the grid for square, wide and tall windows, with and without a ReLU between."


def _keeps_the_grid(module: nn.Module, shape: tuple[int, int, int]) -> None:
    """Raise `Wrong` at the first convolution of stride 1 that changes the grid: a later one could hide it."""
    operations = operations_of(module, shape)
    for operation in operations:
        if operation.name != "convolution" or not operation.geometry or operation.geometry[1] != (1, 1):
            continue
        grid, after = operation.input_shapes[0][2:], operation.shape[2:]
        source = next((operations[index] for index in operation.reads if index != INPUT), None)
        if source is not None and "pad" in source.name:  # a layer of its own puts the zeros around
            grid = source.input_shapes[0][2:]
        if tuple(grid) != tuple(after):
            height, width = operation.geometry[0][0] + 1, operation.geometry[0][1] + 1
            raise Wrong(
                f"The {height}×{width} convolution makes a grid of {shape_text(after)} out of {shape_text(grid)}. It keeps the "
                f"grid with padding ({height // 2}, {width // 2}): the first number is zeros above and below, the second "
                "left and right."
            )


def _composed(first: Tensor, second: Tensor) -> Tensor:
    """The composed weights, found by running torch's convolutions on a grid with a single one in it."""
    in_channels, rows, columns = first.shape[1], *(a + b - 1 for a, b in zip(first.shape[2:], second.shape[2:]))  # fmt: skip # noqa: B905
    impulses = torch.zeros(in_channels, in_channels, 2 * rows - 1, 2 * columns - 1, dtype=first.dtype)
    for channel in range(in_channels):
        impulses[channel, channel, rows - 1, columns - 1] = 1
    return F.conv2d(F.conv2d(impulses, first), second).flip(-2, -1).transpose(0, 1)


@feedback.exercise(
    "4.4",
    title="two linear windows are one",
    difficulty="hard",
    minutes=14,
    hints=(
        "Take one channel first. The second window reads, at its cell q, what the first made there; and the first reads, at its "
        "own cell r, the input at q + r. Which cell of the 5×5 is that, and how much of it arrives?",
        "Cell (row, column) of the second window multiplies a whole copy of the first window, shifted by (row, column). Add up "
        "nine shifted copies. With channels, each copy is a product of matrices: out × between times between × in.",
        "Start with `composed = first.new_zeros(out_channels, in_channels, 5, 5)`. For each of the nine (row, column): "
        '`composed[:, :, row : row + 3, column : column + 3] += torch.einsum("ob,bihw->oihw", second[:, :, row, column], '
        "first)`.",
    ),
    reference=composition.compose,
)
def compose(answer: Any) -> str:
    def turned(weights: Tensor) -> Tensor:
        return weights.flip(-2, -1)

    def crossed(weights: Tensor) -> Tensor:
        return weights.transpose(-2, -1)

    def slid(padding: int, flip: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda first, second: F.conv2d(first.transpose(0, 1), flip(second), padding=padding).transpose(0, 1)

    def overlapping(first: Tensor, second: Tensor) -> Tensor:
        """The shifted copies, each written over those before it."""
        composed = first.new_zeros(second.shape[0], first.shape[1], 5, 5)
        for row in range(3):
            for column in range(3):
                copy = torch.einsum("ob,bihw->oihw", second[:, :, row, column], first)
                composed[:, :, row : row + 3, column : column + 3] = copy
        return composed

    slips = {
        "It is the right window turned by half a turn: flip neither the result nor both of the windows.": (
            lambda first, second: turned(_composed(first, second))
        ),
        "One of the two windows is turned by half a turn. torch's `conv2d` does not flip its window, a convolution in mathematics "
        "does: sliding one over the other needs `second.flip(-2, -1)`, shifting and adding needs none.": [
            lambda first, second: _composed(first, turned(second)),
            lambda first, second: _composed(turned(first), second),
        ],
        "Rows and columns are swapped in the result.": lambda first, second: crossed(_composed(first, second)),
        "Rows and columns are swapped in one of the two windows.": [
            lambda first, second: _composed(crossed(first), second),
            lambda first, second: _composed(first, crossed(second)),
        ],
        "Flip along both axes of the window, rows and columns.": [
            lambda first, second, axis=axis: _composed(first, second.flip(axis)) for axis in (-2, -1)
        ],
        "Only the first channel between arrives: sum over all of them.": lambda first, second: _composed(
            first[:1], second[:, :1]
        ),
        "Only the last channel between arrives: sum over all of them.": lambda first, second: _composed(
            first[-1:], second[:, -1:]
        ),
        "The channels between are averaged; they are added up.": lambda first, second: (
            _composed(first, second) / first.shape[0]
        ),
        "Where copies overlap they add up; yours are written over one another: `+=`.": overlapping,
        "In and out are swapped: torch keeps the output channels first.": lambda first, second: _composed(
            first, second
        ).transpose(0, 1),
        "One window lies over the other in a single place here: it must slide over it, with padding 2.": [
            slid(0, turned),
            slid(0, lambda second: second),
        ],
        "A window that slides over the other begins where they touch in a corner: with padding 2.": [
            slid(1, turned),
            slid(1, lambda second: second),
        ],
    }
    draws = torch.Generator().manual_seed(0)
    cases = []
    # No channels that a window of 3 or of 5 could be mistaken for.
    for channels, dtype in (
        ((1, 1, 1), torch.float64), ((1, 2, 1), torch.float64), ((4, 2, 6), torch.float64), ((2, 4, 1), torch.float32),
    ):  # fmt: skip
        in_channels, between, out_channels = channels
        first = torch.randn(between, in_channels, 3, 3, generator=draws, dtype=dtype)
        second = torch.randn(out_channels, between, 3, 3, generator=draws, dtype=dtype)
        cases.append(
            Case((first, second), f"first of shape {tuple(first.shape)} and second of shape {tuple(second.shape)}")
        )
    same_function(answer, _composed, cases, result=_WINDOW, slips=slips)
    images = torch.randn(2, 4, 9, 9, generator=draws, dtype=torch.float64)
    first, second = cases[2].arguments
    apart, together = F.conv2d(F.conv2d(images, first), second), F.conv2d(images, answer(first, second))
    away = (apart - together).abs().max().item()
    return f"Two linear 3×3 and your one 5×5 put out the same on random images: the largest difference is {away:.0e}."


def _read_window(result: object, case: str, wanted: Tensor) -> Tensor:
    got = tensor_of(result, case)
    if got.shape == wanted.shape and got.dtype != wanted.dtype:
        raise Wrong(
            f"For {case} numbers of {wanted.dtype} go in and {got.dtype} comes out. Make the result of the same kind: "
            "`first.new_zeros(...)`."
        )
    return got


def _window_precision(dtype: torch.dtype) -> float:
    return 1e-10 if dtype == torch.float64 else 1e-5


def _same_window(mine: Tensor, wanted: Tensor) -> bool:
    if mine.shape != wanted.shape or mine.dtype != wanted.dtype:
        return False
    return bool((mine - wanted).abs().max() <= _window_precision(wanted.dtype))


def _windows_apart(mine: Tensor, wanted: Tensor) -> str:
    if mine.shape != wanted.shape:
        expected = (
            f"It has shape {tuple(mine.shape)}; {tuple(wanted.shape)} is expected: (out_channels, in_channels, 5, 5)."
        )
        if mine.shape[2:] == (3, 3):
            return f"{expected} A unit behind two windows of 3 sees 5 cells: one more on each side."
        if mine.ndim == 4 and mine.shape[2:] == (5, 5) and mine.shape != wanted.transpose(0, 1).shape:
            return f"{expected} Sum over the channels between, and keep those in and out."
        return expected
    away = (mine - wanted).abs()
    if away.max() < 1e-5:
        return (
            f"It is right to about {away.max():.0e} only. Numbers of {wanted.dtype} come in: work in that precision from the "
            "first step to the last, as rounding on the way cannot be undone."
        )
    row, column = divmod(int(away.amax(dim=(0, 1)).argmax()), 5)
    return f"The largest difference is {away.max():.3g}, in row {row} and column {column} of the window."


_WINDOW = Kind(_read_window, _same_window, written, _windows_apart, said="For {} your window is not right.")


@feedback.exercise(
    "4.5",
    title="the module of the middle grid",
    difficulty="medium",
    minutes=8,
    hints=(
        "Read the drawing above from the input to the output along one branch: which windows does it meet?",
        "The stacked branch has five layers: 1×1, 7×1, 1×7, 7×1, 1×7. Each reads what the one before puts out.",
        "`a, b, c, d, e = widths.stacked`, then `nn.Sequential(ConvBNAct(in_channels, a, kernel_size=1), ConvBNAct(a, b, "
        "kernel_size=(7, 1)), ConvBNAct(b, c, kernel_size=(1, 7)), ...)`",
    ),
    reference=InceptionB,
)
def inception_b(answer: Any) -> str:
    cases = (
        (8, Widths(3, (2, 5, 4), (3, 2, 4, 5, 6), 7), (9, 11)),
        (6, Widths(4, (3, 2, 7), (2, 3, 5, 4, 3), 2), (17, 17)),
    )
    for in_channels, widths, grid in cases:
        module = build(answer, in_channels, widths)
        _keeps_the_grid(module, (in_channels, *grid))
        shape = (in_channels, *grid)
        try:
            same_module(module, InceptionB(in_channels, widths), shape, ordered=True)
        except Wrong:
            if not _is_same(module, _other_order(in_channels, widths), shape):
                raise
            raise Wrong(
                "In the stacked branch 1×7 and 7×1 stand in the other order: behind its 1×1 comes a 7×1, then a 1×7."
            ) from None
    return "It computes what Inception-v3's modules of the 17×17 grid do."


def _other_order(in_channels: int, widths: Widths) -> InceptionB:
    """The module with a stacked branch that begins with 1 x 7."""
    module = InceptionB(in_channels, widths)
    kernels = (1, (1, 7), (7, 1), (1, 7), (7, 1))
    module.stacked = chain(in_channels, *zip(widths.stacked, kernels, strict=True))
    return module


def _is_same(module: nn.Module, reference: nn.Module, shape: tuple[int, int, int]) -> bool:
    try:
        same_module(module, reference, shape, ordered=True)
    except Wrong:
        return False
    return True


@feedback.exercise(
    "4.6",
    title="the module of the smallest grid",
    difficulty="hard",
    minutes=12,
    hints=(
        "Both forks read the same grid: what comes out of the layer before. Their results are concatenated.",
        "A branch with a fork ends in two layers that read the same thing. Keep what comes before in a variable in `forward`, "
        "or write a small module for the fork that concatenates the two.",
        "`single = self.single(x)`, then the parts `self.single_wide(single), self.single_tall(single)`; the same for the "
        "stacked branch, behind its 1×1 and 3×3; then the pool. Concatenate all six parts with dim=1.",
    ),
    reference=InceptionC,
)
def inception_c(answer: Any) -> str:
    cases = (
        (8, Widths(3, (5, 4), (6, 7, 2), 5), (8, 8)),
        (6, Widths(4, (3, 2), (2, 5, 3), 2), (9, 7)),
    )
    for in_channels, widths, grid in cases:
        module = build(answer, in_channels, widths)
        _keeps_the_grid(module, (in_channels, *grid))
        channels = channels_of(module, (in_channels, *grid))
        bars = [conv for conv in layers_of(module, nn.Conv2d) if {*conv.kernel_size} == {1, 3}]
        if len(bars) == 4 and sum(conv.out_channels for conv in bars) == widths.single[-1] + widths.stacked[-1]:
            raise Wrong(
                f"For {widths} the 1×3 and 3×1 put out {', '.join(str(conv.out_channels) for conv in bars)} channels. Each half "
                f"of a fork has the full last width, {widths.single[-1]} in `single` and {widths.stacked[-1]} in `stacked`: do not "
                "share it out."
            )
        if channels == widths.out_channels:
            raise Wrong(
                f"For {widths} your module puts out {channels} channels; {forked_out_channels(widths)} are expected. At the end "
                "of a branch the 1×3 and the 3×1 stand side by side, with the last width each, so that it counts twice."
            )
        same_module(module, InceptionC(in_channels, widths), (in_channels, *grid), ordered=True)
    return "It computes what Inception-v3's modules of the 8×8 grid do."


def reduction_macs_of(channels: int, grid: int) -> dict[str, int]:
    """Multiply-adds of three ways to halve a grid with an even side and double its channels, by a 3 x 3 convolution."""
    half = (grid // 2) ** 2
    return {
        "convolution first": 9 * grid**2 * channels * 2 * channels,
        "pool first": 9 * half * channels * 2 * channels,
        "parallel": 9 * half * channels * channels,
    }


@feedback.exercise(
    "4.7",
    title="three ways to halve a grid",
    difficulty="medium",
    minutes=8,
    hints=(
        "For each way ask: on which grid does the convolution put out its values, and from how many channels to how many?",
        "Convolution first: the whole grid, channels → 2 channels. Pool first: half the side, channels → 2 channels. Parallel: "
        "half the side, channels → channels, as the pool brings the other half of the channels for nothing.",
        "`half = (grid // 2) ** 2`; the parallel one takes `9 * half * channels * channels`.",
    ),
    reference=reduction_macs_of,
)
def reduction_macs(answer: Any) -> str:
    def each(slipped: Callable[[int, int, int, int], float]) -> Callable[[int, int], dict[str, float]]:
        """All three as `slipped` counts them, from the places, the channels read and put out, and the grid."""

        def macs(channels: int, grid: int) -> dict[str, float]:
            half = (grid // 2) ** 2
            return {
                "convolution first": slipped(grid**2, channels, 2 * channels, grid),
                "pool first": slipped(half, channels, 2 * channels, grid // 2),
                "parallel": slipped(half, channels, channels, grid // 2),
            }

        return macs

    def one(way: str, slipped: Callable[[int, int], float]) -> Callable[[int, int], dict[str, float]]:
        return lambda channels, grid: reduction_macs_of(channels, grid) | {way: slipped(channels, grid)}

    first, behind, beside = "convolution first", "pool first", "parallel"
    slips = {
        "The convolution stands before the pool and works on the whole grid.": one(
            first, lambda channels, grid: reduction_macs_of(channels, grid)[behind]
        ),
        "The convolution stands behind the pool and works on half of the grid's side.": one(
            behind, lambda channels, grid: reduction_macs_of(channels, grid)[first]
        ),
        "The pool has halved both sides: a quarter of the places is left.": one(
            behind, lambda channels, grid: 9 * (grid**2 // 2) * 2 * channels**2
        ),
        "The convolution puts out twice as many channels as it reads.": [
            one(first, lambda channels, grid: 9 * grid**2 * channels**2),
            one(behind, lambda channels, grid: 9 * (grid // 2) ** 2 * channels**2),
        ],
        "It reads as many channels as come in, and puts out twice as many.": [
            one(first, lambda channels, grid: 9 * grid**2 * (2 * channels) ** 2),
            one(behind, lambda channels, grid: 9 * (grid // 2) ** 2 * (2 * channels) ** 2),
        ],
        "The pool beside it brings half of the channels; the convolution puts out the other half.": one(
            beside, lambda channels, grid: reduction_macs_of(channels, grid)[behind]
        ),
        "With stride 2 the convolution puts out values in a quarter of the places.": [
            one(beside, lambda channels, grid: 9 * grid**2 * channels**2),
            one(beside, lambda channels, grid: 9 * grid**2 * 2 * channels**2),
        ],
        "Both sides are halved: a quarter of the places is left.": one(
            beside, lambda channels, grid: 9 * (grid**2 // 2) * channels**2
        ),
        "The convolution reads all channels that come in: a pool beside it takes none away.": one(
            beside, lambda channels, grid: 9 * (grid // 2) ** 2 * channels * (channels // 2)
        ),
        "Each value of a 3×3 convolution takes nine multiply-adds for each channel that it reads.": [
            each(lambda places, reads, puts_out, side: places * reads * puts_out),
            each(lambda places, reads, puts_out, side: 3 * places * reads * puts_out),
        ],
        "The grid has two sides: a side squared is its number of places.": each(
            lambda places, reads, puts_out, side: 9 * side * reads * puts_out
        ),
        "Each value reads all channels: channels in times channels out.": each(
            lambda places, reads, puts_out, side: 9 * places * puts_out
        ),
        "A multiply-add counts as one, not as two.": each(
            lambda places, reads, puts_out, side: 18 * places * reads * puts_out
        ),
        "A bias is added and multiplies nothing: only the weights count.": each(
            lambda places, reads, puts_out, side: places * (9 * reads + 1) * puts_out
        ),
        "Biases do not count: they are added and multiply nothing.": each(
            lambda places, reads, puts_out, side: 9 * places * reads * puts_out + puts_out
        ),
        "A pool compares values and multiplies none: only the convolution counts.": lambda channels, grid: {
            way: macs + 9 * (grid // 2) ** 2 * channels * (2 if way == first else 1)
            for way, macs in reduction_macs_of(channels, grid).items()
        },
        "That belongs to another of the three ways.": [
            lambda channels, grid, order=order: dict(
                zip(
                    (first, behind, beside),
                    (list(reduction_macs_of(channels, grid).values())[place] for place in order),
                    strict=True,
                )
            )
            for order in ((1, 2, 0), (2, 0, 1), (2, 1, 0))
        ],
    }
    counted = number(whole=True, unit="multiply-adds")
    result = keyed({first: counted, behind: counted, beside: counted})
    said = "For {0} your dictionary is not right.".format
    cases = ((320, 34), (7, 10), (64, 2), (1, 6))
    same_function(answer, reduction_macs_of, cases, result=result, slips=slips, said=said)
    return "The parallel way takes an eighth of the dearest, and hands on as many values."


def assemble_reference(table: Table, channels: int) -> nn.Module:
    """The modules between the stem and the global pool of a network like Inception-v3."""
    modules: list[nn.Module] = []
    for widths in table.figure_5:
        modules.append(InceptionA(channels, widths, single_kernel=table.single_kernel))
        channels = widths.out_channels
    modules.append(ReductionA(channels, table.to_17))
    channels = table.to_17.out_channels(channels)
    for widths in table.figure_6:
        modules.append(InceptionB(channels, widths))
        channels = widths.out_channels
    modules.append(ReductionB(channels, table.to_8))
    channels = table.to_8.out_channels(channels)
    for widths in table.figure_7:
        modules.append(InceptionC(channels, widths))
        channels = forked_out_channels(widths)
    return nn.Sequential(*modules)


# Small, with other counts than the paper's, and no two widths that could be mistaken for each other.
_SMALL = (
    (
        Table(
            stem=(),
            figure_5=(Widths(2, (3, 4), (2, 3, 5), 3), Widths(3, (2, 3), (4, 2, 3), 2)),
            to_17=ReductionWidths(single=(5,), stacked=(2, 4, 3)),
            figure_6=(Widths(3, (2, 4, 3), (2, 3, 4, 5, 2), 4), Widths(2, (3, 2, 5), (4, 3, 2, 3, 3), 3)),
            to_8=ReductionWidths(single=(3, 4), stacked=(2, 3, 4, 5)),
            figure_7=(Widths(4, (3, 2), (2, 4, 3), 2), Widths(2, (4, 3), (3, 2, 5), 3)),
            single_kernel=3,
        ),
        6,
    ),
    (
        Table(
            stem=(),
            figure_5=(Widths(3, (2, 5), (3, 4, 2), 4),),
            to_17=ReductionWidths(single=(4,), stacked=(3, 2, 6)),
            figure_6=(Widths(2, (4, 3, 2), (3, 2, 5, 4, 3), 5),),
            to_8=ReductionWidths(single=(2, 3), stacked=(4, 3, 2, 4)),
            figure_7=(Widths(3, (2, 4), (4, 3, 2), 5), Widths(3, (4, 2), (2, 5, 4), 2)),
            single_kernel=5,
        ),
        4,
    ),
)


@feedback.exercise(
    "4.8",
    title="assemble the network",
    difficulty="medium",
    minutes=8,
    hints=(
        "What the loop above does for figure 5 is needed four more times, once for each row of the table. After each module, how "
        "many channels does the next one read?",
        "A reduction passes all channels of its pool on: `table.to_17.out_channels(channels)`. Behind figure 7 the forks count "
        "twice: `forked_out_channels(widths)`.",
        "`modules.append(ReductionA(channels, table.to_17)); channels = table.to_17.out_channels(channels)`, a loop over "
        "`table.figure_6` with `InceptionB`, then `ReductionB` with `table.to_8`, a loop over `table.figure_7` with `InceptionC`.",
    ),
    reference=assemble_reference,
)
def assemble(answer: Any) -> str:
    for table, channels in _SMALL:
        reference = assemble_reference(table, channels)
        try:
            module = build(answer, table, channels)
        except Wrong as wrong:
            said = _about_row(wrong.__cause__, table, reference)
            raise (Wrong(said) if said else wrong) from wrong.__cause__
        settle(module, (channels, 25, 25))
        inner = module
        if len(list(module.children())) == 1 and len(list(next(module.children()).children())) > 1:
            inner = next(module.children())
        _shapes_on_the_way(inner, reference, (channels, 25, 25))
        _single_kernels(inner, table)
        same_module(module, reference, (channels, 25, 25), ordered=True)
    return "Module for module it is what the course's Inception-v3 has between its stem and its global pool."


_FIGURES = ("figure_5", "to_17", "figure_6", "to_8", "figure_7")
_OF_V3 = (192, 256, 288, 768, 1280, 2048)  # channels between the modules of Inception-v3, which no small table has


def _about_row(error: BaseException | None, table: Table, reference: nn.Module) -> str:
    """Which row of the table a class was made from when it stopped, if it was one that it cannot read; "" otherwise."""
    step = error.__traceback__ if error else None
    expected = iter([(number, type(module).__name__) for number, module in enumerate(reference.children(), start=1)])
    places = {
        id(row): (name, *next(expected))
        for name in _FIGURES
        for row in (getattr(table, name) if name.startswith("figure") else [getattr(table, name)])
    }
    while step is not None:
        local, step = step.tb_frame.f_locals, step.tb_next
        if "self" not in local or "widths" not in local:
            continue
        made, widths = type(local["self"]).__name__, local["widths"]
        whole = next((name for name in _FIGURES if isinstance(widths, tuple) and getattr(table, name) is widths), None)
        if whole:
            return f"`{whole}` is a list of rows, and {made} takes one row: loop over `table.{whole}`, one module for each."
        name, number, wanted = places.get(id(widths), ("", 0, made))
        if made != wanted:
            return f"Module {number} should be {wanted}; you made {made} from `{name}`, whose rows have other widths."
    return ""


def _single_kernels(module: nn.Module, table: Table) -> None:
    """Raise `Wrong` where a module of figure 5 does not have the window that the table asks for."""
    want = table.single_kernel
    for place, own in enumerate(module.children(), start=1):
        if not isinstance(own, InceptionA):
            continue
        last = layers_of(own.single, nn.Conv2d)[-1]
        if last.kernel_size != (want, want):
            raise Wrong(
                f"Module {place}, InceptionA, has a {shape_text(last.kernel_size)} in its branch `single`, where a table with "
                f"single_kernel={want} asks for {want}×{want}: hand over `single_kernel=table.single_kernel`."
            )


def _shapes_on_the_way(module: nn.Module, reference: nn.Module, shape: tuple[int, int, int]) -> None:
    """Raise `Wrong` at the first child that puts out something else than the reference's at its place."""
    if not isinstance(module, nn.Sequential):
        return  # another way to write it; `same_module` has the words
    mine, theirs = list(module), list(reference.children())
    names = [type(each).__name__ for each in theirs]
    if len(mine) != len(theirs):
        raise Wrong(
            f"Your network has {len(mine)} modules one after another; {len(theirs)} are expected: {', '.join(names)}."
        )
    own_shape = shape
    for place, (own, other) in enumerate(zip(mine, theirs, strict=True), start=1):
        where = f"Module {place} of {len(theirs)}, {type(own).__name__},"
        if type(own).__name__ != type(other).__name__ and type(own).__name__ in names:
            raise Wrong(f"{where} stands where {type(other).__name__} is expected.")
        try:
            out = followed(own, own_shape).operations[-1].shape[1:]
        except CannotRun as error:
            first, *_ = *layers_of(own, nn.Conv2d), None
            if first is not None and first.in_channels != own_shape[0]:
                if first.in_channels in _OF_V3:
                    raise Wrong(
                        f"{where} was made for {first.in_channels} channels, as in Inception-v3, and {own_shape[0]} come in. The "
                        "check uses a smaller table: write no numbers, but work them out from the rows."
                    ) from None
                raise Wrong(
                    f"{where} was made for {first.in_channels} channels, and the one before puts out {own_shape[0]}. Is "
                    f"`channels` brought up to date after it?{_fork_words(theirs[place - 2], own_shape[0])}"
                ) from None
            raise Wrong(f"{where} does not run on {shape_text(own_shape)}: {error}") from None
        want = followed(other, shape).operations[-1].shape[1:]
        if tuple(out) != tuple(want):
            raise Wrong(f"{where} puts out {shape_text(out)} where {shape_text(want)} is expected.")
        own_shape = shape = tuple(want)


def _fork_words(before: nn.Module, channels: int) -> str:
    if isinstance(before, InceptionC):
        return f" Forks count twice: `forked_out_channels(widths)` is {channels}."
    if isinstance(before, ReductionA | ReductionB):
        return " A reduction's pool passes all its channels on: `out_channels(channels)` of its widths adds them."
    return ""
