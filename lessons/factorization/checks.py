"""What lesson 04 answers to its exercises."""

from collections.abc import Sequence
from math import prod
from pathlib import Path

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
from utils.cost.trace import INPUT, CannotRun, trace
from utils.feedback.answers import called, close, named_slip, number_of, require_function, returned, tensor_of
from utils.feedback.exercises import Feedback, Wrong, explain
from utils.feedback.modules import build, channels_of, layers_of, operations_of, same_module, settle

feedback = Feedback("factorization", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

Window = tuple[int, int]
EXACT = 1e-6  # up to rounding in float32


def _compare_share(got: float, want: float, case: str, slips: dict[str, float]) -> None:
    """Raise `Wrong` unless the share is right, with the first of the slips that gives it."""
    if close(got, want, EXACT):
        return
    text = f"For {case} you find {got:.4g}; {want:.4g} is expected."
    common = {
        "That is the share that is left. What is saved is the rest: one minus it.": 1 - want,
        "That is in per cent; a share is asked, a hundredth of it.": 100 * want,
        "The sign is turned round: what costs less saves more than zero.": -want,
    }
    found = named_slip(got, want, common | slips, EXACT)
    if not found and any(abs(got - round(want, digits)) < 1e-12 for digits in (2, 3, 4, 5)):
        text = f"For {case} you find {got:g}, which is {want:.6g} rounded. Give back the share as it comes out."
    raise Wrong(text + found)


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
def saving(answer):
    require_function(answer)
    for case in ((5, (3, 3)), (7, (3, 3, 3)), (3, (2, 2)), (3, (3,))):
        want = saving_of(*case)
        text = f"kernel_size={case[0]}, factors={case[1]}"
        slips = {
            "A window of k has k × k weights: square each.": 1 - sum(case[1]) / case[0],
            "Windows one after another add up; they are not multiplied.": 1
            - prod(f * f for f in case[1]) / case[0] ** 2,
        }
        _compare_share(number_of(answer(*case), text), want, text, slips)
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
def factor_saving(answer):
    require_function(answer)
    for plain, factors, widths in _FACTOR_CASES:
        text = f"plain={plain}, factors={factors}, widths={widths}"
        want = factor_saving_of(plain, factors, widths)
        before = prod(plain) * widths[0] * widths[-1]
        costs = [prod(window) * a * b for window, a, b in zip(factors, widths, widths[1:], strict=False)]
        squared = [h * h * a * b for (h, _), a, b in zip(factors, widths, widths[1:], strict=False)]
        slips = {
            "The channels are left out: each factor has its own widths, and they differ here.": (
                1 - sum(map(prod, factors)) / prod(plain)
            ),
            "A window of h × w has h · w weights; you square one side.": 1 - sum(squared) / before,
            "The one window reads the first width and puts out the last one, whatever lies between.": (
                1 - sum(costs) / (prod(plain) * widths[0] * widths[1])
            ),
            "A loss is a saving below zero: let it stand.": max(want, 0),
            "Windows one after another add up; they are not multiplied.": 1 - prod(costs) / before,
        }
        own_factors, own_widths = list(factors), list(widths)  # an answer that changes them must not change the case
        got = answer(plain, own_factors, own_widths)
        for name, given, kept in (("factors", own_factors, factors), ("widths", own_widths, widths)):
            if given != kept:
                raise Wrong(
                    f"Your function changes the list `{name}` that it was given: it was {kept} and is {given} afterwards. "
                    "Whoever calls it may still need the list. Read it, or work on a copy."
                )
        _compare_share(number_of(got, text), want, text, slips)
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
def two_factors(answer):
    cases = (
        ((6, 4, 5, ((3, 3), (3, 3))), False),
        ((3, 7, 4, ((1, 7), (7, 1))), False),
        ((4, 6, 6, ((3, 1), (1, 3))), False),
        ((5, 4, 3, ((3, 3), (3, 3))), True),
        ((5, 4, 3, ((1, 5), (5, 3))), True),
    )
    for number, (case, linear) in enumerate(cases):
        module = build(answer, *case, linear=linear)
        shape = (case[0], *((10, 9) if number % 2 else (9, 11)))
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
def compose(answer):
    require_function(answer)
    generator = torch.Generator().manual_seed(0)
    # No channels that a window of 3 or of 5 could be mistaken for.
    for in_channels, between, out_channels in ((1, 1, 1), (1, 2, 1), (4, 2, 6)):
        first = torch.randn(between, in_channels, 3, 3, generator=generator, dtype=torch.float64)
        second = torch.randn(out_channels, between, 3, 3, generator=generator, dtype=torch.float64)
        changed = "Your function changes the weights that it gets. Write the result into a tensor of its own."
        case = f"first of shape {tuple(first.shape)} and second of shape {tuple(second.shape)}"
        try:
            got = called(answer, (first, second), changed)
        except NotImplementedError:
            raise
        except RuntimeError as error:  # torch's words about sizes say nothing of what went in
            raise Wrong(f"For {case} your code stopped. {explain(error)}") from error
        got = tensor_of(got, case)
        want = _composed(first, second)
        if got.shape != want.shape:
            raise Wrong(f"For {case} your result has shape {tuple(got.shape)}. {_about_shape(got, want)}")
        if got.dtype != want.dtype:
            raise Wrong(
                f"Numbers of {want.dtype} go in and {got.dtype} comes out, with fewer digits. Make the result of the same "
                "kind: `first.new_zeros(...)`."
            )
        if (got - want).abs().max() > 1e-10:
            raise Wrong(f"For {case} {_about_composed(got, first, second, want)}")
    images = torch.randn(2, 4, 9, 9, generator=generator, dtype=torch.float64)
    apart = F.conv2d(F.conv2d(images, first), second)
    together = F.conv2d(images, got)
    away = (apart - together).abs().max().item()
    return f"Two linear 3×3 and your one 5×5 put out the same on random images: the largest difference is {away:.0e}."


def _about_shape(got: Tensor, want: Tensor) -> str:
    expected = f"{tuple(want.shape)} is expected: (out_channels, in_channels, 5, 5)."
    if got.ndim == 4 and got.shape == want.transpose(0, 1).shape:
        return f"{expected} Yours has in and out swapped: torch keeps the output channels first."
    if got.ndim == 4 and got.shape[2:] == (3, 3):
        return f"{expected} A unit behind two windows of 3 sees 5 cells: one more on each side."
    if got.ndim == 4 and got.shape[2:] == (1, 1):
        return (
            f"{expected} One window lies over the other in a single place here: it must slide over it, with padding 2."
        )
    if got.ndim == 4 and got.shape[2:] == (5, 5) and want.shape[2:] == (5, 5):
        return f"{expected} Sum over the channels between, and keep those in and out."
    return expected


def _about_composed(got: Tensor, first: Tensor, second: Tensor, want: Tensor) -> str:
    def near(other: Tensor) -> bool:
        return got.shape == other.shape and bool((got - other).abs().max() < 1e-10)

    if (got - want).abs().max() < 1e-5:
        return (
            f"your window is right to about {(got - want).abs().max():.0e} only. Numbers of {first.dtype} come in: work in that "
            "precision from the first step to the last, as rounding on the way cannot be undone."
        )
    flipped = [-2, -1]
    if near(want.flip(flipped)):
        return "your window is the right one turned by half a turn: flip neither the result nor both of the windows."
    if near(_composed(first, second.flip(flipped))) or near(_composed(first.flip(flipped), second)):
        return (
            "one of the two windows is turned by half a turn. torch's `conv2d` does not flip its window, a convolution in "
            "mathematics does: sliding one over the other needs `second.flip(-2, -1)`, shifting and adding needs none."
        )
    if near(want.transpose(-2, -1)):
        return "rows and columns are swapped in the result."
    shifted = (_composed(first.transpose(-2, -1), second), _composed(first, second.transpose(-2, -1)))
    if any(near(other) for other in shifted):
        return "rows and columns are swapped in one of the two windows."
    if first.shape[0] > 1 and near(_composed(first[:1], second[:, :1])):
        return "only the first channel between arrives: sum over all of them."
    if first.shape[0] > 1 and near(want / first.shape[0]):
        return "the channels between are averaged; they are added up."
    away = (got - want).abs()
    worst = tuple(int(place) for place in divmod(int(away.amax(dim=(0, 1)).argmax()), 5))
    return (
        f"the largest difference is {away.max():.3g}, in row {worst[0]} and column {worst[1]} of the window. Try it with windows "
        "that are zero but for a single one: where must the one of the 5×5 be?"
    )


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
def inception_b(answer):
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
def inception_c(answer):
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
def reduction_macs(answer):
    require_function(answer)
    for channels, grid in ((320, 34), (7, 10), (64, 2)):
        case = f"channels={channels}, grid={grid}"
        got, want = answer(channels, grid), reduction_macs_of(channels, grid)
        if not isinstance(returned(got, case), dict) or set(got) != set(want):
            raise Wrong(
                f"For {case} a dictionary with the keys {', '.join(map(repr, want))} is needed; yours is {got!r}."
            )
        half, whole = (grid // 2) ** 2, grid**2
        of_conv, of_pool = want["convolution first"], want["pool first"]
        slips = {
            "convolution first": {
                "The convolution stands before the pool and works on the whole grid.": of_pool,
                "It puts out twice as many channels as it reads.": of_conv // 2,
            },
            "pool first": {
                "The pool has halved both sides: a quarter of the places is left.": 9 * (whole // 2) * 2 * channels**2,
                "The convolution stands behind the pool and works on half of the grid's side.": of_conv,
                "It puts out twice as many channels as it reads.": of_pool // 2,
            },
            "parallel": {
                "The pool beside it brings half of the channels; the convolution puts out the other half.": of_pool,
                "With stride 2 the convolution puts out values in a quarter of the places.": 9 * whole * channels**2,
                "Both sides are halved: a quarter of the places is left.": 9 * (whole // 2) * channels**2,
                "The convolution reads all channels that come in: a pool beside it takes none away.": (
                    9 * half * channels * (channels // 2)
                ),
            },
        }
        for way, right in want.items():
            number = got[way]
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise Wrong(f"For {case} your {way!r} is {number!r}; a number is needed.")
            if number == right:
                continue
            text = f"For {case} your {way!r} takes {number:,} multiply-adds; {right:,} are expected."
            if number * 9 == right:
                text += " Each value of a 3×3 convolution takes nine multiply-adds for each channel that it reads."
            places, width = (whole if way == "convolution first" else half), (1 if way == "parallel" else 2) * channels
            pooled = 9 * half * (2 * channels if way == "convolution first" else channels)
            more = {
                "A pool compares values and multiplies none: only the convolution counts.": right + pooled,
                "A bias is added and multiplies nothing: only the weights count.": right + places * width,
                "Biases do not count: they are added and multiply nothing.": right + width,
            }
            raise Wrong(text + named_slip(number, right, slips[way] | more, within=1e-9))
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
def assemble(answer):
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
    for number, own in enumerate(module.children(), start=1):
        if not isinstance(own, InceptionA):
            continue
        last = layers_of(own.single, nn.Conv2d)[-1]
        if last.kernel_size != (want, want):
            raise Wrong(
                f"Module {number}, InceptionA, has a {shape_text(last.kernel_size)} in its branch `single`, where a table with "
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
    for number, (own, other) in enumerate(zip(mine, theirs, strict=True), start=1):
        where = f"Module {number} of {len(theirs)}, {type(own).__name__},"
        if type(own).__name__ != type(other).__name__ and type(own).__name__ in names:
            raise Wrong(f"{where} stands where {type(other).__name__} is expected.")
        try:
            out = trace(own, own_shape).operations[-1].shape[1:]
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
                    f"`channels` brought up to date after it?{_fork_words(theirs[number - 2], own_shape[0])}"
                ) from None
            raise Wrong(f"{where} does not run on {shape_text(own_shape)}: {error}") from None
        want = trace(other, shape).operations[-1].shape[1:]
        if tuple(out) != tuple(want):
            raise Wrong(f"{where} puts out {shape_text(out)} where {shape_text(want)} is expected.")
        own_shape = shape = tuple(want)


def _fork_words(before: nn.Module, channels: int) -> str:
    if isinstance(before, InceptionC):
        return f" Forks count twice: `forked_out_channels(widths)` is {channels}."
    if isinstance(before, ReductionA | ReductionB):
        return " A reduction's pool passes all its channels on: `out_channels(channels)` of its widths adds them."
    return ""
