"""What lesson 08 answers to its exercises."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from lessons.xception.roofline import FLOAT32, roofline_of
from lessons.xception.towers import DEPTHWISE_FIRST, ORDERS, POINTWISE_FIRST, Separable, Towers, as_grouped
from networks import measure
from networks.layers import HalvingMaxPool
from networks.xception import XceptionBlock
from utils.cost.trace import INPUT
from utils.feedback.answers import require_function, same
from utils.feedback.exercises import Feedback, Wrong, article, explain
from utils.feedback.functions import Case, number, pair, same_function, tensor
from utils.feedback.modules import build, followed, same_module

feedback = Feedback("xception", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

EXACT = 1e-6  # up to rounding in float64 or float32


def grouped_cost_of(in_channels: int, out_channels: int, kernel_size: int, groups: int, grid: int) -> tuple[int, int]:
    """(weights, multiply-adds) of a convolution with groups, without biases, that puts out a square grid."""
    weights = out_channels * (in_channels // groups) * kernel_size**2
    return weights, weights * grid**2


@feedback.exercise(
    "8.1",
    title="what a convolution with groups costs",
    difficulty="worked",
    minutes=3,
    hints=(
        "How many of the input's channels does one filter read, if they are divided into groups?",
        "A filter reads `in_channels // groups` channels through its window. There are still `out_channels` filters.",
        "`weights = out_channels * (in_channels // groups) * kernel_size**2`, and `weights * grid**2` multiply-adds",
    ),
    reference=grouped_cost_of,
)
def grouped_cost(answer: Any) -> str:
    def slipped(
        weights: Callable[[int, int, int, int], int] = lambda reads, out, kernel_size, groups: (
            out * (reads // groups) * kernel_size**2
        ),
        macs: Callable[[int, int], int] = lambda weights, grid: weights * grid**2,
        biases: Callable[[int], int] = lambda out: 0,
    ) -> Callable:
        """`grouped_cost_of` with other weights, other multiply-adds of them, or biases that are counted as weights."""

        def cost(in_channels: int, out_channels: int, kernel_size: int, groups: int, grid: int) -> tuple[int, int]:
            found = weights(in_channels, out_channels, kernel_size, groups)
            return found + biases(out_channels), macs(found, grid)

        return cost

    slips = {
        "Only the channels that a filter reads are divided; there are as many filters as before.": slipped(
            lambda reads, out, kernel_size, groups: (out // groups) * (reads // groups) * kernel_size**2
        ),
        "Each filter reads the channels of its own group only.": slipped(
            lambda reads, out, kernel_size, groups: out * reads * kernel_size**2
        ),
        "Each filter reads the channels of its own group: `in_channels // groups` of them, not `groups`.": slipped(
            lambda reads, out, kernel_size, groups: out * groups * kernel_size**2
        ),
        "There are no biases here.": (
            slipped(biases=lambda out: out),
            slipped(lambda reads, out, kernel_size, groups: out * (reads // groups * kernel_size**2 + 1)),
        ),
        "The window is square: `kernel_size**2`.": slipped(
            lambda reads, out, kernel_size, groups: out * (reads // groups) * kernel_size
        ),
        "The window is square: `kernel_size**2`, not twice its side.": slipped(
            lambda reads, out, kernel_size, groups: out * (reads // groups) * 2 * kernel_size
        ),
        "There are `out_channels` filters, not one.": slipped(
            lambda reads, out, kernel_size, groups: (reads // groups) * kernel_size**2
        ),
        "The pair is the other way round: the weights come first.": lambda *case: grouped_cost_of(*case)[::-1],
        "The grid has two sides.": slipped(macs=lambda weights, grid: weights * grid),
        "The grid has two sides: `grid**2` places, not twice `grid`.": slipped(macs=lambda weights, grid: weights * 2 * grid),
        "That is the cost at one place of the grid.": slipped(macs=lambda weights, grid: weights),
        "A multiplication and an addition together are one multiply-add.": slipped(
            macs=lambda weights, grid: 2 * weights * grid**2
        ),
    }  # fmt: skip
    cases = (
        (12, 8, 3, 4, 7),
        (48, 48, 3, 48, 16),
        (6, 10, 5, 1, 3),
        (728, 728, 1, 1, 19),
        (6, 9, 7, 3, 2),
        (1, 1, 1, 1, 1),
    )
    whole = number(whole=True)
    same_function(answer, grouped_cost_of, cases, result=pair(whole, whole, ("weights", "multiply-adds")), slips=slips)
    return "With g groups a convolution costs 1/g of the dense one."


def ratio_of(in_channels: int, out_channels: int, kernel_size: int) -> float:
    """The multiply-adds of a separable convolution as a share of those of the dense one."""
    separable = in_channels * kernel_size**2 + in_channels * out_channels
    return separable / (in_channels * out_channels * kernel_size**2)


@feedback.exercise(
    "8.2",
    title="separable against dense convolution",
    difficulty="warm-up",
    minutes=5,
    hints=(
        "Count at one place of the grid. How many weights has the depthwise half, how many the pointwise half?",
        "Depthwise: `in_channels * kernel_size**2`. Pointwise: `in_channels * out_channels`. Dense: both products at once.",
        "`(in_channels * kernel_size**2 + in_channels * out_channels) / (in_channels * out_channels * kernel_size**2)`; it "
        "shortens to `1 / out_channels + 1 / kernel_size**2`.",
    ),
    reference=ratio_of,
)
def separable_ratio(answer: Any) -> str:
    def shared(
        depthwise: Callable[[int, int, int], float] = lambda reads, out, kernel_size: reads * kernel_size**2,
        pointwise: Callable[[int, int, int], float] = lambda reads, out, kernel_size: reads * out,
        dense: Callable[[int, int, int], float] = lambda reads, out, kernel_size: reads * out * kernel_size**2,
    ) -> Callable:
        """`ratio_of` with another cost of a half, or of the dense convolution."""

        def ratio(in_channels: int, out_channels: int, kernel_size: int) -> float:
            case = in_channels, out_channels, kernel_size
            return (depthwise(*case) + pointwise(*case)) / dense(*case)

        return ratio

    slips = {
        "That is how many times cheaper it is; the share is asked, one over that.": lambda *case: 1 / ratio_of(*case),
        "That is the depthwise half alone.": shared(pointwise=lambda *case: 0),
        "That is the pointwise half alone.": shared(depthwise=lambda *case: 0),
        "That is the share that is saved; the share that is left is asked.": lambda *case: 1 - ratio_of(*case),
        "The depthwise half has a window for each channel that comes *in*.": shared(
            lambda reads, out, kernel_size: out * kernel_size**2
        ),
        "The depthwise half has a window for each channel that comes in, not one in all.": shared(
            lambda reads, out, kernel_size: kernel_size**2
        ),
        "In the depthwise half a channel meets its own window only, not one for each channel that comes in.": shared(
            lambda reads, out, kernel_size: reads * reads * kernel_size**2
        ),
        "The depthwise half puts out the channels that come in; the pointwise half makes others of them.": shared(
            lambda reads, out, kernel_size: reads * out * kernel_size**2
        ),
        "The pointwise half mixes: each channel that goes out reads each that comes in.": (
            shared(pointwise=lambda reads, out, kernel_size: out),
            shared(pointwise=lambda reads, out, kernel_size: reads),
            shared(pointwise=lambda reads, out, kernel_size: reads + out),
        ),
        "The two halves follow one another, so their costs add up.": lambda in_channels, out_channels, kernel_size: (
            1 / (out_channels * kernel_size**2)
        ),
        "The window is square: `kernel_size**2`.": shared(
            lambda reads, out, kernel_size: reads * kernel_size,
            dense=lambda reads, out, kernel_size: reads * out * kernel_size,
        ),
        "The window is square in both: `kernel_size**2` in the depthwise half as in the dense convolution.": (
            shared(lambda reads, out, kernel_size: reads * kernel_size),
            shared(dense=lambda reads, out, kernel_size: reads * out * kernel_size),
        ),
        "The window has kernel_size² cells; 9 are those of a 3×3.": shared(
            lambda reads, out, kernel_size: reads * 9, dense=lambda reads, out, kernel_size: reads * out * 9
        ),
        "The dense convolution has a window for each pair of channels.": (
            shared(dense=lambda reads, out, kernel_size: out * kernel_size**2),
            shared(dense=lambda reads, out, kernel_size: reads * kernel_size**2),
            shared(dense=lambda reads, out, kernel_size: reads * out),
        ),
        "A share of the dense convolution's costs is asked, not the costs themselves.": shared(dense=lambda *case: 1),
        "That is in per cent; a share of a half is 0.5.": lambda *case: 100 * ratio_of(*case),
        "`//` rounds down to a whole number: divide with `/`.": (
            lambda *case: ratio_of(*case) // 1,
            lambda in_channels, out_channels, kernel_size: 1 // out_channels + 1 // kernel_size**2,
        ),
        "With one channel that goes out, or a window of 1, it is dearer than the dense one: a share above 1.": lambda *case: (
            min(1, ratio_of(*case))
        ),
        "Give the share back as it is, without rounding it.": [
            lambda *case, digits=digits: round(ratio_of(*case), digits) for digits in (1, 2, 3, 4, 5)
        ],
    }
    cases = ((64, 128, 3), (728, 728, 3), (3, 7, 5), (16, 4, 1), (9, 1, 3), (1, 1, 1))
    same_function(answer, ratio_of, cases, result=number(within=EXACT), slips=slips)
    return "It is 1 / out_channels + 1 / kernel_size²: with many channels a 3×3 costs little more than a ninth."


def depthwise_of(x: Tensor, windows: Tensor) -> Tensor:
    """Each channel through its own window (C, k, k), with zeros around it: (N, C, H, W) -> the same."""
    return F.conv2d(x, windows.unsqueeze(1), padding=windows.shape[-1] // 2, groups=len(windows))


class _Groups(TorchDispatchMode):
    """Notes the groups of the convolutions that torch computes."""

    def __init__(self):
        super().__init__()
        self.seen: list[int] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ == "convolution":
            self.seen.append(args[8])
        return func(*args, **(kwargs or {}))


@feedback.exercise(
    "8.3",
    title="a depthwise convolution",
    difficulty="medium",
    minutes=9,
    hints=(
        "Take one cell of the window, the same for all channels. Which part of the padded image does it multiply?",
        "Put `kernel_size // 2` zeros around: `F.pad(x, (half, half, half, half))`. The cell (row, column) of the window "
        "multiplies `padded[:, :, row : row + height, column : column + width]`, each channel by its own number.",
        "Start with `out = torch.zeros_like(x)`; in two loops over row and column: `out += padded[:, :, row : row + height, "
        "column : column + width] * windows[:, row, column].view(1, -1, 1, 1)`.",
    ),
    reference=depthwise_of,
)
def depthwise(answer: Any) -> str:
    def padded(mode: str) -> Callable[[Tensor, Tensor], Tensor]:
        """What lies beyond the border comes from the image, in one of torch's ways."""

        def convolved(x: Tensor, windows: Tensor) -> Tensor:
            half = windows.shape[-1] // 2
            return F.conv2d(F.pad(x, (half,) * 4, mode=mode), windows.unsqueeze(1), groups=len(windows))

        return convolved

    def part(size: int, first: int | None = None) -> Callable[[Tensor, Tensor], Tensor]:
        """So many rows and columns of each window, those in the middle or from `first` on."""

        def convolved(x: Tensor, windows: Tensor) -> Tensor:
            start = (windows.shape[-1] - size) // 2 if first is None else first
            cells = slice(start, start + size)
            return depthwise_of(x, windows[:, cells, cells]) if windows.shape[-1] > size else torch.empty(0)

        return convolved

    def only_last_cell(x: Tensor, windows: Tensor) -> Tensor:
        kept = torch.zeros_like(windows)
        kept[:, -1, -1] = windows[:, -1, -1]
        return depthwise_of(x, kept)

    def every_pair(x: Tensor, windows: Tensor, channels_first: bool = True) -> Tensor:
        pairs = torch.stack([depthwise_of(x, each.expand_as(windows)) for each in windows], dim=2)
        return (pairs if channels_first else pairs.transpose(1, 2)).flatten(1, 2)

    slips = {
        "The channels are added up, so that all come out alike. Each channel has a result of its own.": (
            lambda x, windows: depthwise_of(x, windows).sum(dim=1, keepdim=True).expand_as(x)
        ),
        "The channels are added up; in a depthwise convolution each of them comes out again.": lambda x, windows: (
            depthwise_of(x, windows).sum(dim=1, keepdim=True)
        ),
        "Each result is the sum over all channels; here a channel comes from its own alone.": lambda x, windows: (
            depthwise_of(x.sum(dim=1, keepdim=True).expand_as(x), windows)
        ),
        "Each channel meets its own window only, not those of the others.": (
            every_pair,
            partial(every_pair, channels_first=False),
        ),
        "The windows are turned by half a turn. torch's convolution does not turn them: the cell in the upper left corner "
        "multiplies what lies up and to the left.": lambda x, windows: depthwise_of(x, windows.flip(-2, -1)),
        "Rows and columns of the windows are swapped.": lambda x, windows: depthwise_of(x, windows.transpose(-2, -1)),
        "All channels go through the first window; each has its own.": lambda x, windows: depthwise_of(
            x, windows[:1].expand_as(windows)
        ),
        "All channels go through the last window; each has its own.": lambda x, windows: depthwise_of(
            x, windows[-1:].expand_as(windows)
        ),
        "The windows are mirrored: their first column multiplies what lies to the left, their first row what lies above.": (
            lambda x, windows: depthwise_of(x, windows.flip(-1)),
            lambda x, windows: depthwise_of(x, windows.flip(-2)),
        ),
        "The channels meet the windows in the opposite order.": lambda x, windows: depthwise_of(x, windows.flip(0)),
        "The values are averaged over the window; they are added up.": lambda x, windows: (
            depthwise_of(x, windows) / windows[0].numel()
        ),
        "The last cell of the window alone is left in it: each cell adds to what is there, `out + ...`.": only_last_cell,
        "The middle cell of each window alone is used.": part(1),
        "Only 3×3 cells of each window are used: `windows.shape[-1]` says how many it has.": (
            part(3),
            part(3, first=0),
        ),
        "The grid keeps its size with `kernel_size // 2` zeros on every side.": lambda x, windows: F.conv2d(
            x, windows.unsqueeze(1), groups=len(windows)
        ),
        "One zero on every side is right for a 3×3; in general there are `kernel_size // 2`.": lambda x, windows: (
            F.conv2d(x, windows.unsqueeze(1), padding=1, groups=len(windows))
        ),
        "A batch of images comes in, and a batch goes out: that is the first image alone.": lambda x, windows: (
            depthwise_of(x, windows)[0]
        ),
        "Each image has a result of its own; the first one's is given to all.": lambda x, windows: depthwise_of(
            x, windows
        )[:1].expand_as(x),
        "What lies beyond the border counts as zero, and does not come from the other side.": padded("circular"),
        "What lies beyond the border counts as zero, and does not come from the nearest cell.": padded("replicate"),
        "What lies beyond the border counts as zero, and is no mirror image.": padded("reflect"),
    }
    draws = torch.Generator().manual_seed(0)
    cases = []
    for shape, size in (((2, 3, 6, 7), 3), ((1, 4, 9, 8), 5), ((3, 2, 4, 4), 1), ((2, 3, 3, 2), 5), ((1, 1, 5, 4), 3)):
        x, windows = torch.randn(shape, generator=draws), torch.randn(shape[1], size, size, generator=draws)
        cases.append(Case((x, windows), f"x of shape {shape} and windows of shape {tuple(windows.shape)}"))
    convolutions = _Groups()
    require_function(answer, but=nn.Module)

    def watched(*arguments: Tensor) -> object:
        with convolutions:
            return answer(*arguments)

    result = replace(tensor(), difference=_about_values)
    same_function(watched, depthwise_of, cases, result=result, slips=slips, gradient=True)
    if any(groups > 1 for groups in convolutions.seen):
        raise Wrong(
            "The numbers are right. They come from torch's own convolution with groups, though: here you write what it does, "
            "without `groups`."
        )
    return "Each channel went through its own window, and none saw another."


def _close(got: Tensor, want: Tensor) -> bool:
    return got.shape == want.shape and bool((got - want).abs().max() <= 1e-4 * want.abs().max())


def _about_values(got: Tensor, want: Tensor) -> str:
    """Where two results differ: in some images, by a move, at the border, or at a place."""
    if got.shape != want.shape:
        return tensor().difference(got, want)
    alike = [_close(*images) for images in zip(got, want, strict=True)]
    if any(alike) and not all(alike):
        return f"Image {alike.index(True)} of the batch is right, and image {alike.index(False)} is not."
    steps = range(-2, 3)
    if moved := next(((down, right) for down in steps for right in steps if _is_moved(got, want, down, right)), None):
        return (
            f"The image comes out moved, {abs(moved[0])} up or down and {abs(moved[1])} to the side: on all four sides belong "
            "`kernel_size // 2` zeros."
        )
    for rim in (1, 2):
        inside = (..., slice(rim, -rim), slice(rim, -rim))
        if want[inside].numel() and _close(got[inside], want[inside]):
            return "Only the outermost cells differ."
    return f"{tensor().difference(got, want).removesuffix('.')} (a window that is zero but for a single one shows where the image moves)."


def _is_moved(got: Tensor, want: Tensor, down: int, right: int) -> bool:
    """Is the result the right one, so many places further down and to the right?"""
    height, width = want.shape[-2:]
    if (down, right) == (0, 0) or abs(down) >= height or abs(right) >= width:
        return False
    mine = got[..., max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    return _close(mine, want[..., max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)])


@feedback.exercise(
    "8.4",
    title="a separable convolution, in both orders",
    difficulty="medium",
    minutes=9,
    hints=(
        "Which of the two halves changes the number of channels? How many channels does the depthwise half see if it comes "
        "first, and how many if it comes last?",
        "The depthwise half has as many channels out as in, and as many groups: `in_channels` if it comes first, "
        "`out_channels` if it comes last. The pointwise half is a 1×1 from `in_channels` to `out_channels` either way.",
        "`nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False)`. Put the halves "
        "into a list in the order that is asked, `nn.ReLU()` between them if `activation`, and `nn.Sequential(*parts)`.",
    ),
    reference=Separable,
)
def separable(answer: Any) -> str:
    for in_channels, out_channels, kernel_size in ((4, 6, 3), (5, 3, 5)):
        for order in ORDERS:
            for activation in (False, True):
                named = {"kernel_size": kernel_size, "order": order, "activation": activation}
                module = build(answer, in_channels, out_channels, **named)
                reference = Separable(in_channels, out_channels, **named)
                case = f"in_channels={in_channels}, out_channels={out_channels}, {', '.join(f'{k}={v!r}' for k, v in named.items())}"
                try:
                    _order(module, order)
                    same_module(module, reference, (in_channels, 8 + activation, 9), ordered=True)
                except Wrong as wrong:
                    raise Wrong(f"For {case}: {wrong}") from None
    return "Both orders, with and without a ReLU between the halves."


def _order(module: nn.Module, order: str) -> None:
    """Raise `Wrong` where the two halves are right and stand the other way round."""
    convs = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    if len(convs) != 2 or not isinstance(module, nn.Sequential):
        return
    is_depthwise = [conv.groups > 1 for conv in convs]
    if is_depthwise == [order == POINTWISE_FIRST, order == DEPTHWISE_FIRST]:
        raise Wrong("your halves stand in the other order.")


@feedback.exercise(
    "8.5",
    title="towers are groups",
    difficulty="medium",
    minutes=10,
    hints=(
        "All towers read the same input. What does one 1×1 put out that has the filters of all their 1×1s, one tower's after "
        "another's? And which part of that may the 3×3 of tower 2 read?",
        "A convolution's weights lie as (out_channels, channels that a filter reads, height, width). The filters of several "
        "towers, one after another, are `torch.cat([...])` along the first axis, for the 1×1 and for the 3×3 alike.",
        "`pointwise = nn.Conv2d(in, n * reduce, 1, bias=False)` and `spatial = nn.Conv2d(n * reduce, n * out, 3, padding=1, "
        "groups=n, bias=False)`; then, in `with torch.no_grad():`, `pointwise.weight.copy_(torch.cat([tower[0].weight for "
        "tower in towers]))`, and the same with `tower[1]`.",
    ),
    reference=as_grouped,
)
def merge_towers(answer: Any) -> str:
    require_function(answer, but=nn.Module)
    for seed, (in_channels, count, reduce, out_channels) in enumerate(
        ((5, 3, 2, 2), (4, 2, 3, 6), (6, 4, 1, 1), (3, 1, 4, 2))
    ):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            towers = Towers(in_channels, count=count, reduce=reduce, out_channels=out_channels)
        each = list(towers.children())
        given, kept = list(each), copy.deepcopy(towers)
        case = f"{count} tower{'s' if count > 1 else ''} of {in_channels} → {reduce} → {out_channels} channels"
        try:
            merged = answer(given)
        except (NotImplementedError, Wrong):
            raise
        except Exception as error:
            why = " Write into weights in `with torch.no_grad():`." if "requires grad" in str(error) else ""
            raise Wrong(f"For {case} your function stopped with {explain(error)}{why}") from error
        if not isinstance(merged, nn.Module):
            raise Wrong(
                f"For {case} your function gives back {article(merged)} where a torch module is needed"
                + (". Is the `return` missing?" if merged is None else ".")
            )
        if len(given) != count or any(mine is not own for mine, own in zip(given, each, strict=True)):
            raise Wrong(f"For {case} your function changes the list `towers`: read from it, and leave it as it is.")
        if not same(towers, kept):
            raise Wrong("Your function changes the towers. Copy their weights into convolutions of their own.")
        _two_convolutions(merged, case, each)
        x = torch.randn(2, in_channels, 7, 8, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            want = towers(x)
            try:
                got = merged.train()(x)
            except RuntimeError as error:
                raise Wrong(f"For {case} the module that you give back does not run. torch says: {error}") from None
        if got.shape != want.shape:
            raise Wrong(
                f"For {case} it puts out {tuple(got.shape)}; the towers together put out {tuple(want.shape)}."
                + (" A 3×3 keeps the grid with `padding=1`." if got.shape[:2] == want.shape[:2] else "")
            )
        if not _close(got, want):
            raise Wrong(f"For {case} {_about_merged(merged, each, x, want)}")
        _learns(merged, towers, x, case)
        _of_its_own(merged, towers, kept, case)
    return "One 1×1 and one 3×3 with a group for each tower compute what all towers compute, to rounding."


def _learns(merged: nn.Module, towers: nn.Module, x: Tensor, case: str) -> None:
    """Raise `Wrong` where there is more to learn than two convolutions, or the gradient that reaches the images is another one."""
    convs = [id(each) for part in merged.modules() if isinstance(part, nn.Conv2d) for each in part.parameters()]
    more = [name for name, each in merged.named_parameters() if id(each) not in convs]
    if more:
        raise Wrong(f"For {case} `{more[0]}` is learned besides the weights of the two convolutions.")
    reached = []
    for net in (merged, towers):
        images = x.clone().requires_grad_()
        out = net(images)
        total = (out * torch.arange(out.numel()).view_as(out).cos()).sum()
        found = torch.autograd.grad(total, images, allow_unused=True)[0] if out.requires_grad else None
        reached.append(torch.zeros_like(x) if found is None else found)
    if not _close(*reached):
        raise Wrong(
            f"For {case} the values are right, and the gradient that reaches the images is not that of the towers: layers before them "
            "would be trained otherwise."
        )


def _of_its_own(merged: nn.Module, towers: nn.Module, kept: nn.Module, case: str) -> None:
    """Raise `Wrong` where the merged module cannot be trained, or shares its numbers with the towers."""
    if any(not parameter.requires_grad for parameter in merged.parameters()):
        raise Wrong(
            f"For {case} the values are right, and a weight of your module is frozen, so that it could not be trained as the towers "
            "can."
        )
    with torch.no_grad():
        for parameter in merged.parameters():
            parameter.add_(1)
    if not same(towers, kept):
        raise Wrong(
            f"For {case} your module has the towers' weights themselves, and training it would change the towers: copy them, with "
            "`copy_` or `clone`."
        )


def _two_convolutions(merged: nn.Module, case: str, towers: Sequence[nn.Sequential]) -> None:
    count = len(towers)
    convs = [part for part in merged.modules() if isinstance(part, nn.Conv2d)]
    if len(convs) != 2:
        raise Wrong(f"For {case} two convolutions are asked, one 1×1 and one 3×3; yours has {len(convs)}.")
    windows = [conv.kernel_size for conv in convs]
    if sorted(windows) != [(1, 1), (3, 3)]:
        raise Wrong(
            f"For {case} one 1×1 and one 3×3 are asked; yours are {' and '.join('×'.join(map(str, w)) for w in windows)}."
        )
    if any(conv.bias is not None for conv in convs):
        raise Wrong(f"For {case} there is a bias too many: the towers have none, so write `bias=False`.")
    spatial = convs[windows.index((3, 3))]
    if spatial.groups != count:
        raise Wrong(f"For {case} your 3×3 has groups={spatial.groups}; with a group for each tower it has {count}.")
    for conv in convs:
        expected = torch.cat([tower[int(conv is spatial)].weight for tower in towers]).shape
        if conv.weight.shape != expected:
            raise Wrong(
                f"For {case} the weights of your {'×'.join(map(str, conv.kernel_size))} have the shape {tuple(conv.weight.shape)}; "
                f"{tuple(expected)} is expected: the filters of all towers, one after another along the first axis."
            )


def _about_merged(merged: nn.Module, towers: Sequence[nn.Sequential], x: Tensor, want: Tensor) -> str:
    convs = [part for part in merged.modules() if isinstance(part, nn.Conv2d)]
    weights = {conv.kernel_size: conv.weight for conv in convs}
    for window, place in (((1, 1), 0), ((3, 3), 1)):
        expected = torch.cat([tower[place].weight for tower in towers])
        name = "×".join(map(str, window))
        if weights[window].shape == expected.shape and not torch.equal(weights[window], expected):
            mine, theirs = (each.flatten().sort().values for each in (weights[window], expected))
            if _close(mine, theirs):
                return f"the {name} has the towers' weights in another order than their outputs: tower after tower."
            return f"the {name} does not have the towers' weights: copy them."
    with torch.no_grad():
        alone = nn.Sequential(*sorted(convs, key=lambda conv: conv.kernel_size))(x)
    if _close(alone, want):
        return (
            "the values differ, although your two convolutions alone are right: nothing stands between the two convolutions, nor "
            "before or behind them."
        )
    modes = {conv.padding_mode for conv in convs} - {"zeros"}
    return f"the values differ, although the weights are right{f': the 3×3 pads with {modes.pop()!r}, not with zeros' if modes else ''}."


def block_reference(
    in_channels: int, widths: Sequence[int], stride: int = 1, opens_with_relu: bool = True
) -> nn.Module:
    """A block of figure 5, as the exercise builds it: with a pool where the grid is halved."""
    pool = HalvingMaxPool() if stride == 2 else None
    return XceptionBlock(in_channels, tuple(widths), stride=stride, pool=pool, opens_with_relu=opens_with_relu)


@feedback.exercise(
    "8.6",
    title="a block of Xception",
    difficulty="hard",
    minutes=14,
    hints=(
        "Draw both blocks on paper: the way through the separable convolutions, and the skip around them. Where does a ReLU "
        "stand, before or behind a convolution? And what must the skip change, so that the two can be added?",
        "In a loop over `widths`: a ReLU (not before the first if `opens_with_relu` is False), then `SeparableConvBN(channels, "
        "width)`. With stride 2 a `HalvingMaxPool()` comes last, and the skip is a 1×1 convolution with stride 2 and its batch "
        "normalisation. Where shapes agree already the skip is the input itself.",
        "`self.skip = nn.Identity()` if `stride == 1 and widths[-1] == in_channels`, else `nn.Sequential(nn.Conv2d(in_channels, "
        "widths[-1], 1, stride=stride, bias=False), nn.BatchNorm2d(widths[-1], eps=1e-3))`; in `forward`: `return "
        "self.body(x) + self.skip(x)`.",
    ),
    reference=block_reference,
)
def xception_block(answer: Any) -> str:
    cases = (
        ((6, (6, 6, 6), 1, True), (7, 8)),
        ((4, (6, 6), 2, False), (8, 9)),
        ((5, (5, 7), 2, True), (9, 10)),
        ((4, (6, 5, 8), 1, True), (6, 6)),
        ((6, (4, 6), 2, True), (8, 8)),
        ((6, (6, 8), 1, True), (6, 7)),
        ((6, (4, 6), 1, True), (7, 6)),
        ((5, (4, 5), 1, False), (6, 5)),
        ((7, (6,), 1, True), (5, 6)),
    )
    for (in_channels, widths, stride, opens), grid in cases:
        named = {"stride": stride, "opens_with_relu": opens}
        module = build(answer, in_channels, widths, **named)
        reference = block_reference(in_channels, widths, **named)
        case = f"in_channels={in_channels}, widths={widths}, stride={stride}, opens_with_relu={opens}"
        try:
            same_module(module, reference, (in_channels, *grid), ordered=True)
        except Wrong as wrong:
            said = str(wrong)
            if "changes its input" not in said and "In evaluation mode all is right" not in said:
                said = _about_the_sum(module, (in_channels, *grid)) or said
            raise type(wrong)(f"For {case}: {_with(said, _about_fit(module, reference, said))}") from None
    return "Blocks that keep the grid, that halve it, and that change the channels, each with the skip that it needs."


def _about_the_sum(module: nn.Module, shape: tuple[int, int, int]) -> str:
    """A sentence where a block runs and nothing is added to its convolutions, or something else than its input."""
    try:
        operations = followed(module, shape).operations
    except (TypeError, ValueError):
        return ""  # `same_module` has the words
    sums = [operation for operation in operations if operation.name.rstrip("_") in ("add", "sum", "cat")]
    if not sums:
        return "the skip is missing: the block gives back what its convolutions put out, and nothing is added to it."
    for place in sums[-1].reads:
        names = []
        while place != INPUT and len(operations[place].reads) == 1:
            names.append(operations[place].name.rstrip("_"))
            place = operations[place].reads[0]
        if place == INPUT and names.count("convolution") <= 1 and "relu" in names:
            return "the skip starts behind the first ReLU; it leads past that, too: what is added is the block's input."
    return ""


def _about_fit(module: nn.Module, reference: nn.Module, said: str) -> str:
    """More words where the two ways do not fit together, or differ with the same layers in them."""
    pools = [part for part in module.modules() if isinstance(part, nn.MaxPool2d)]
    if any(type(pool) is nn.MaxPool2d for pool in pools) and ("does not run" in said or "difference" in said):
        return "`HalvingMaxPool()` is asked: `nn.MaxPool2d` lays its windows otherwise."
    if "does not run" in said and _mixing(module) < _mixing(reference):
        return "Input and output differ in shape here, so the skip needs its 1×1 convolution."
    return ""


def _with(said: str, more: str) -> str:
    """Two sentences in a row; torch's own have no full stop."""
    return f"{said.removesuffix('.')}. {more}" if more else said


def _mixing(module: nn.Module) -> int:
    """How many of its convolutions are 1 x 1."""
    return sum(isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1) for part in module.modules())


def layers_and_modules_of(network: nn.Module) -> tuple[int, int]:
    """(convolutions on the main path with a separable one counted once, blocks) of Xception."""
    layers = 0
    for name, module in network.named_modules():
        is_depthwise = isinstance(module, nn.Conv2d) and module.groups > 1
        layers += isinstance(module, nn.Conv2d) and not is_depthwise and ".skip" not in name
    return layers, sum(name.startswith("block") for name, _ in network.named_children())


@feedback.exercise(
    "8.7",
    title="36 layers in 14 modules",
    difficulty="medium",
    minutes=8,
    hints=(
        "Print the names of all convolutions of the network: `for name, module in network.named_modules(): ...`. By what do "
        "you know the depthwise ones, and those on a skip?",
        "A depthwise convolution has `groups` above 1: leave it out, and its pointwise half stands for both. The convolutions on "
        'the skips have "skip" in their names. The modules are the children, `network.named_children()`, whose names start '
        'with "block".',
        '`layers = sum(isinstance(module, nn.Conv2d) and module.groups == 1 and "skip" not in name for name, module in '
        'network.named_modules())`; `modules = sum(name.startswith("block") for name, _ in network.named_children())`',
    ),
    reference=layers_and_modules_of,
)
def layers_and_modules(answer: Any) -> str:
    def counting(
        layers: Callable[[str, nn.Module], bool] | None = None, modules: Callable[[nn.Module], int] | None = None
    ) -> Callable[[nn.Module], tuple[int, int]]:
        """`layers_and_modules_of` that counts other layers, by name and module, or other modules."""

        def counted(network: nn.Module) -> tuple[int, int]:
            right = layers_and_modules_of(network)
            mine = sum(layers(*each) for each in network.named_modules()) if layers else right[0]
            return mine, modules(network) if modules else right[1]

        return counted

    def is_conv(module: nn.Module) -> bool:
        return isinstance(module, nn.Conv2d)

    slips = {
        "The convolutions on the skips are counted too.": counting(
            lambda name, module: is_conv(module) and module.groups == 1
        ),
        "Both halves of each separable convolution are counted.": counting(
            lambda name, module: is_conv(module) and "skip" not in name
        ),
        "Both halves of each separable convolution are counted, and the convolutions on the skips.": counting(
            lambda name, module: is_conv(module)
        ),
        "The dense layer is no convolution.": counting(
            lambda name, module: (
                isinstance(module, nn.Conv2d | nn.Linear) and getattr(module, "groups", 1) == 1 and "skip" not in name
            )
        ),
        "Only the separable convolutions are counted; two ordinary ones stand before them.": counting(
            lambda name, module: is_conv(module) and module.groups > 1
        ),
        "That holds for Xception as the paper has it; count on the network that you get.": (
            lambda network: (36, 14),
            counting(modules=lambda network: 14),
            lambda network: (36, layers_and_modules_of(network)[1]),
        ),
        "The pool, the dropout and the classifier are children of the network, and no blocks.": counting(
            modules=lambda network: len(list(network.children()))
        ),
        "`named_modules()` also gives what is inside the blocks; count the children, `named_children()`.": counting(
            modules=lambda network: sum(name.startswith("block") for name, _ in network.named_modules())
        ),
        "Blocks without a skip are modules, too.": counting(
            modules=lambda network: sum(any("skip" in name for name, _ in child.named_children()) for child in network.children())
        ),
        "The pair is the other way round: the layers come first.": lambda network: layers_and_modules_of(network)[::-1],
    }  # fmt: skip
    cases = [
        Case((measure.network("xception"),), "Xception"),
        Case((measure.network("xception", size="mini"),), "the mini Xception"),
    ]  # fmt: skip
    whole = number(whole=True)
    result = pair(whole, whole, ("layers", "modules"))
    same_function(answer, layers_and_modules_of, cases, result=result, slips=slips)
    return "36 layers in 14 modules, counted as the paper counts."


@feedback.exercise(
    "8.8",
    title="the roofline",
    difficulty="medium",
    minutes=10,
    hints=(
        "Which numbers must be in the processor at least once: how many come in, how many weights are there, how many go out? "
        "How many bytes has each?",
        "Bytes: `4 * (input + weights + output)`, where the input has `in_channels * grid**2` values. The weights are those of "
        "8.1, and so are the multiply-adds. The intensity is one over the other.",
        "`intensity = macs / (4 * (grid**2 * (in_channels + out_channels) + weights))`, and `return intensity, min(peak, "
        "bandwidth * intensity)`",
    ),
    reference=roofline_of,
)
def roofline(answer: Any) -> str:
    def slipped(
        intensity: Callable[[float, float, float, float], float] | None = None,
        *,
        weights: Callable[[int, int, int, int], int] = lambda reads, out, kernel_size, groups: (
            out * (reads // groups) * kernel_size**2
        ),
        macs: Callable[[int, int, int], float] = lambda weights, grid, groups: weights * grid**2,
        speed: Callable[[float, float, float], float] = lambda peak, bandwidth, intensity: min(
            peak, bandwidth * intensity
        ),
    ) -> Callable:
        """`roofline_of` with a slip: another intensity from (multiply-adds, input, output, weights), or another speed from it."""

        def found(
            in_channels: int, out_channels: int, kernel_size: int, groups: int, grid: int, peak: float, bandwidth: float
        ):
            count = weights(in_channels, out_channels, kernel_size, groups)
            sizes = macs(count, grid, groups), grid**2 * in_channels, grid**2 * out_channels, count
            mine = (intensity or _per_byte)(*sizes)
            return mine, speed(peak, bandwidth, mine)

        return found

    def by_case(change: Callable[..., float]) -> Callable:
        """Another intensity, from the exercise's own arguments."""

        def found(*case: float) -> tuple[float, float]:
            mine = change(*case[:5])
            return mine, min(case[5], case[6] * mine)

        return found

    def parts_of(
        in_channels: int, out_channels: int, kernel_size: int, groups: int, grid: int
    ) -> tuple[int, int, int, int]:
        """(multiply-adds, values that come in, values that go out, weights)"""
        count, work = grouped_cost_of(in_channels, out_channels, kernel_size, groups, grid)
        return work, grid**2 * in_channels, grid**2 * out_channels, count

    def row_by_row(i: int, o: int, k: int, g: int, grid: int, *, grid_once: bool) -> float:
        work, reads, writes, count = parts_of(i, o, k, g, grid)
        return _per_byte(work / grid if grid_once else work, reads / grid, writes / grid, count)

    def window_by_window(i: int, o: int, k: int, g: int, grid: int) -> float:
        work, reads, writes, count = parts_of(i, o, k, g, grid)
        return _per_byte(work, k**2 * reads, writes, count)

    def all_weights_moved(i: int, o: int, k: int, g: int, grid: int) -> float:
        work, reads, writes, count = parts_of(i, o, k, g, grid)
        return _per_byte(work, reads, writes, g * count)

    slips = {
        "Each number in float32 has four bytes.": slipped(lambda *sizes: FLOAT32 * _per_byte(*sizes)),
        "Each number in float32 has four bytes; yours have eight.": slipped(lambda *sizes: _per_byte(*sizes) / 2),
        "`float32` has 32 bits, and that is four bytes.": slipped(lambda *sizes: _per_byte(*sizes) / 8),
        "The weights have to be read, too.": slipped(lambda work, reads, writes, count: _per_byte(work, reads, writes, 0)),
        "The weights have four bytes each, too.": slipped(
            lambda work, reads, writes, count: work / (FLOAT32 * (reads + writes) + count)
        ),
        "The multiply-adds are done at `grid**2` places.": slipped(macs=lambda weights, grid, groups: weights * grid),
        "Do not round.": [
            change
            for digits in (0, 1, 2, 3)
            for change in (
                slipped(lambda *sizes, digits=digits: round(_per_byte(*sizes), digits)),
                slipped(
                    speed=lambda peak, bandwidth, intensity, digits=digits: min(peak, bandwidth * round(intensity, digits))
                ),
            )
        ],
        "Multiply-adds a second are asked, in no larger unit.": [
            slipped(speed=lambda peak, bandwidth, intensity, unit=unit: min(peak, bandwidth * intensity) / unit)
            for unit in (1e6, 1e9, 1e12)
        ],
        "The output has to be written, too.": slipped(lambda work, reads, writes, count: _per_byte(work, reads, 0, count)),
        "The input has to be read, too.": slipped(lambda work, reads, writes, count: _per_byte(work, 0, writes, count)),
        "Input and output are moved, too, and not the weights alone.": slipped(
            lambda work, reads, writes, count: _per_byte(work, 0, 0, count)
        ),
        "The grid has two sides.": by_case(partial(row_by_row, grid_once=False)),
        "The grid has two sides, for the multiply-adds as for the bytes.": by_case(partial(row_by_row, grid_once=True)),
        "The multiply-adds are done at every place of the grid.": slipped(macs=lambda weights, grid, groups: weights),
        "The weights are moved once, not at each place of the grid.": slipped(
            lambda work, reads, writes, count: _per_byte(work, reads, writes, work)
        ),
        "Each value of the input is moved once, not once for each cell of the window.": by_case(window_by_window),
        "`//` rounds down to a whole number: divide with `/`.": slipped(lambda *sizes: _per_byte(*sizes) // 1),
        "The pair is the other way round: the intensity comes first.": lambda *case: roofline_of(*case)[::-1],
        "You count a multiplication and an addition as two; here a multiply-add counts as one.": slipped(
            macs=lambda weights, grid, groups: 2 * weights * grid**2
        ),
        "The weights are fewer with groups: each filter reads the channels of its group.": by_case(all_weights_moved),
        "The multiply-adds are fewer with groups: each filter reads the channels of its group.": slipped(
            macs=lambda weights, grid, groups: groups * weights * grid**2
        ),
        "Each filter reads the channels of its own group only: `in_channels // groups`.": slipped(
            weights=lambda reads, out, kernel_size, groups: out * reads * kernel_size**2
        ),
        "There are as many filters as before; only the channels that each reads are divided.": slipped(
            weights=lambda reads, out, kernel_size, groups: (out // groups) * (reads // groups) * kernel_size**2
        ),
        "The window is square: `kernel_size**2` weights a channel.": slipped(
            weights=lambda reads, out, kernel_size, groups: out * (reads // groups) * kernel_size
        ),
        "Multiply-adds for each byte are asked, not bytes for each multiply-add.": slipped(lambda *sizes: 1 / _per_byte(*sizes)),
        "The larger of the two limits is no limit: the smaller one holds.": slipped(
            speed=lambda peak, bandwidth, intensity: max(peak, bandwidth * intensity)
        ),
        "More than the peak it cannot be.": slipped(speed=lambda peak, bandwidth, intensity: bandwidth * intensity),
        "With few multiply-adds a byte, the bytes cannot come fast enough for the peak.": slipped(
            speed=lambda peak, bandwidth, intensity: peak
        ),
        "Bytes a second times multiply-adds a byte gives multiply-adds a second.": (
            slipped(speed=lambda peak, bandwidth, intensity: min(peak, bandwidth / intensity)),
            slipped(speed=lambda peak, bandwidth, intensity: min(peak, intensity / bandwidth)),
        ),
        "The peak is in multiply-adds a second already: it is not multiplied by the intensity.": (
            slipped(speed=lambda peak, bandwidth, intensity: min(peak * intensity, bandwidth)),
            slipped(speed=lambda peak, bandwidth, intensity: min(peak * intensity, bandwidth * intensity)),
        ),
        "Bytes a second are no multiply-adds a second: the bandwidth allows `bandwidth * intensity` of them.": slipped(
            speed=lambda peak, bandwidth, intensity: min(peak, bandwidth)
        ),
        "A share of the peak is not asked, but the multiply-adds a second.": slipped(
            speed=lambda peak, bandwidth, intensity: min(1, bandwidth * intensity / peak)
        ),
    }  # fmt: skip
    rate = number(within=EXACT)
    cases = [Case(case, _roofline_text(case)) for case in _ROOFLINE_CASES]
    same_function(answer, roofline_of, cases, result=pair(rate, rate, ("intensity", "attainable")), slips=slips)
    return "The smaller of two limits: how fast the machine computes, and how fast bytes come."


def _per_byte(work: float, reads: float, writes: float, weights: float) -> float:
    """Multiply-adds for each byte, where so many numbers are moved."""
    return work / (FLOAT32 * (reads + writes + weights))


# Below the ridge and above it; nowhere but at the end as many channels in as out.
_ROOFLINE_CASES = (
    (12, 9, 5, 3, 7, 3e9, 5e8),
    (728, 1024, 3, 1, 19, 3e10, 1e10),
    (16, 32, 3, 16, 10, 1e12, 2e10),
    (64, 128, 1, 1, 8, 1e11, 2e10),
    (6, 4, 3, 2, 5, 4e11, 1e11),
    (1, 1, 1, 1, 1, 1e9, 6e9),
)


def _roofline_text(case: Sequence[float]) -> str:
    names = ("in_channels", "out_channels", "kernel_size", "groups", "grid")
    sizes = ", ".join(f"{name}={value}" for name, value in zip(names, case, strict=False))
    return f"{sizes}, peak={case[5]:.0e}, bandwidth={case[6]:.0e}"
