"""What lesson 08 answers to its exercises."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from lessons.xception.roofline import FLOAT32, roofline_of
from lessons.xception.towers import DEPTHWISE_FIRST, ORDERS, POINTWISE_FIRST, Separable, Towers, as_grouped
from networks import measure
from networks.layers import HalvingMaxPool
from networks.xception import XceptionBlock
from utils.cost.trace import INPUT, trace
from utils.feedback.answers import called, close, expect, named_slip, number_of, require_function, several_of, tensor_of
from utils.feedback.exercises import Feedback, Wrong, article, explain
from utils.feedback.modules import build, same_module

feedback = Feedback("xception", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

EXACT = 1e-6  # up to rounding in float64 or float32


def _pair(answer: object, case: str, what: str) -> tuple[float, float]:
    """The learner's two numbers."""
    first, second = several_of(answer, 2, case, f"a pair is needed, ({what})")
    return number_of(first, case), number_of(second, case)


def _near(got: float, want: float) -> bool:
    return close(got, want, EXACT)


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
def grouped_cost(answer):
    require_function(answer)
    for case in ((12, 8, 3, 4, 7), (48, 48, 3, 48, 16), (6, 10, 5, 1, 3), (728, 728, 1, 1, 19)):
        in_channels, out_channels, kernel_size, groups, grid = case
        text = f"in_channels={in_channels}, out_channels={out_channels}, kernel_size={kernel_size}, groups={groups}, grid={grid}"
        weights, macs = grouped_cost_of(*case)
        got = _pair(answer(*case), text, "weights, multiply-adds")
        slips = {
            "Only the channels that a filter reads are divided; there are as many filters as before.": weights / groups,
            "Each filter reads the channels of its own group only.": weights * groups,
            "There are no biases here.": weights + out_channels,
            "The window is square: `kernel_size**2`.": weights / kernel_size,
            "The pair is the other way round: the weights come first.": macs,
        }
        expect(got[0], weights, f"For {text} you count {got[0]:,} weights; {weights:,} are expected.", slips, EXACT)
        slips = {
            "The grid has two sides.": weights * grid,
            "That is the cost at one place of the grid.": weights,
            "A multiplication and an addition together are one multiply-add.": 2 * macs,
        }
        expect(got[1], macs, f"For {text} you count {got[1]:,} multiply-adds; {macs:,} are expected.", slips, EXACT)
    return "With g groups a convolution costs 1/g of the dense one."


def ratio_of(in_channels: int, out_channels: int, kernel_size: int) -> float:
    """The multiply-adds of a separable convolution as a share of those of the dense one."""
    separable = in_channels * kernel_size**2 + in_channels * out_channels
    return separable / (in_channels * out_channels * kernel_size**2)


@feedback.exercise(
    "8.2",
    title="a separable convolution against a dense one",
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
def separable_ratio(answer):
    require_function(answer)
    for case in ((728, 728, 3), (64, 128, 3), (3, 7, 5), (16, 4, 1)):
        in_channels, out_channels, kernel_size = case
        want = ratio_of(*case)
        text = f"in_channels={in_channels}, out_channels={out_channels}, kernel_size={kernel_size}"
        got = number_of(answer(*case), text)
        if _near(got, want):
            continue
        slips = {
            "That is how many times cheaper it is; the share is asked, one over that.": 1 / want,
            "That is the depthwise half alone.": 1 / out_channels,
            "That is the pointwise half alone.": 1 / kernel_size**2,
            "That is the share that is saved; the share that is left is asked.": 1 - want,
            "The depthwise half has a window for each channel that comes *in*.": 1 / in_channels + 1 / kernel_size**2,
            "The two halves follow one another, so their costs add up.": 1 / (out_channels * kernel_size**2),
            "The window is square: `kernel_size**2`.": 1 / out_channels + 1 / kernel_size,
            "The window has kernel_size² cells; 9 are those of a 3×3.": 1 / out_channels + 1 / 9,
            "That is in per cent; a share of a half is 0.5.": 100 * want,
            "`//` rounds down to a whole number: divide with `/`.": float(want // 1),
        }
        told = f"For {text} you find {got:.5g}; {want:.5g} is expected."
        if any(_near(got, round(want, digits)) for digits in (2, 3, 4)):
            raise Wrong(f"{told} Give the share back as it is, without rounding it.")
        expect(got, want, told, slips, EXACT)
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
def depthwise(answer):
    require_function(answer)
    draws = torch.Generator().manual_seed(0)
    for shape, kernel_size in (((2, 3, 6, 7), 3), ((1, 4, 9, 8), 5), ((3, 2, 4, 4), 1)):
        x = torch.randn(shape, generator=draws)
        windows = torch.randn(shape[1], kernel_size, kernel_size, generator=draws)
        case = f"x of shape {shape} and windows of shape {tuple(windows.shape)}"
        changed = "Your function changes what it gets. Write the result into a tensor of its own."
        with _Groups() as convolutions:
            got = tensor_of(called(answer, (x, windows), changed), case)
        want = depthwise_of(x, windows)
        if got.shape != want.shape:
            raise Wrong(
                f"For {case} your result has shape {tuple(got.shape)}; {shape} is expected. {_about_shape(got, want, kernel_size)}"
            )
        if not _close(got, want):
            raise Wrong(f"For {case} {_about_depthwise(got, x, windows, want)}")
        if any(groups > 1 for groups in convolutions.seen):
            raise Wrong(
                "The numbers are right. They come from torch's own convolution with groups, though: here you write what it does, "
                "without `groups`."
            )
    return "Each channel went through its own window, and none saw another."


def _close(got: Tensor, want: Tensor) -> bool:
    return got.shape == want.shape and bool((got - want).abs().max() <= 1e-4 * want.abs().max())


def _about_shape(got: Tensor, want: Tensor, kernel_size: int) -> str:
    if got.ndim == 4 and got.shape[:2] == want.shape[:2]:
        return f"The grid keeps its size with `kernel_size // 2` zeros on every side, here {kernel_size // 2}."
    if got.ndim == 4 and got.shape[1] == 1:
        return "The channels are added up; in a depthwise convolution each of them comes out again."
    if got.ndim == 4 and got.shape[1] == want.shape[1] ** 2:
        return "Each channel meets its own window only, not those of the others."
    if got.ndim == 3:
        return "A batch of images comes in, and a batch goes out."
    return ""


def _about_depthwise(got: Tensor, x: Tensor, windows: Tensor, want: Tensor) -> str:
    others = {
        "the channels are added up, so that all come out alike. Each channel has a result of its own.": want.sum(
            dim=1, keepdim=True
        ).expand_as(want),
        "the windows are turned by half a turn. torch's convolution does not turn them: the cell in the upper left corner "
        "multiplies what lies up and to the left.": depthwise_of(x, windows.flip(-2, -1)),
        "rows and columns of the windows are swapped.": depthwise_of(x, windows.transpose(-2, -1)),
        "all channels go through the first window; each has its own.": depthwise_of(x, windows[:1].expand_as(windows)),
        "the channels meet the windows in the opposite order.": depthwise_of(x, windows.flip(0)),
        "the values are averaged over the window; they are added up.": want / windows[0].numel(),
    }
    for words, other in others.items():
        if _close(got, other):
            return words
    alike = [_close(*images) for images in zip(got, want, strict=True)]
    if any(alike) and not all(alike):
        return (
            f"image {alike.index(True)} of the batch is right, and image {alike.index(False)} is not: each image has a result "
            "of its own."
        )
    half = windows.shape[-1] // 2
    if part := next((size for size in range(1, 2 * half, 2) if _close_to_part(got, x, windows, size)), 0):
        return (
            f"only {part}×{part} cells of each window are used; here a window has {2 * half + 1}×{2 * half + 1}: "
            "`windows.shape[-1]` says how many."
        )
    steps = range(-half, half + 1)
    if moved := next(((down, right) for down in steps for right in steps if _is_moved(got, want, down, right)), None):
        return (
            f"the image comes out moved, {abs(moved[0])} up or down and {abs(moved[1])} to the side: on all four sides belong "
            "`kernel_size // 2` zeros."
        )
    inside = (..., slice(half, -half or None), slice(half, -half or None))
    if half and _close(got[inside], want[inside]):
        return (
            "only the outermost cells differ: what lies beyond the border counts as zero there, and does not come from the "
            "other side or from the nearest cell."
        )
    away = (got - want).abs()
    place = [int(each) for each in torch.unravel_index(away.argmax(), away.shape)]
    return (
        f"the largest difference is {away.max():.3g}, in channel {place[1]}, row {place[2]} and column {place[3]}. Try a window "
        "that is zero but for a single one: where does the image move?"
    )


def _close_to_part(got: Tensor, x: Tensor, windows: Tensor, size: int) -> bool:
    """Is it what so many rows and columns of the windows give, those in the middle or the first ones?"""
    start = (windows.shape[-1] - size) // 2
    parts = (windows[:, first : first + size, first : first + size] for first in {start, 0})
    return any(_close(got, depthwise_of(x, part)) for part in parts)


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
def separable(answer):
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
def merge_towers(answer):
    require_function(answer)
    for number, (in_channels, count, reduce, out_channels) in enumerate(
        ((5, 3, 2, 2), (4, 2, 3, 6), (6, 4, 1, 1), (3, 1, 4, 2))
    ):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number)
            towers = Towers(in_channels, count=count, reduce=reduce, out_channels=out_channels)
        each = list(towers.children())
        kept = copy.deepcopy(towers.state_dict())
        case = f"{count} tower{'s' if count > 1 else ''} of {in_channels} → {reduce} → {out_channels} channels"
        try:
            merged = answer(each)
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
        if any(not torch.equal(kept[name], value) for name, value in towers.state_dict().items()):
            raise Wrong("Your function changes the towers. Copy their weights into convolutions of their own.")
        _two_convolutions(merged, case, each)
        if any(not parameter.requires_grad for parameter in merged.parameters()):
            raise Wrong(
                f"For {case} the weights have requires_grad=False: the towers could be trained, and this could not."
            )
        x = torch.randn(2, in_channels, 7, 8, generator=torch.Generator().manual_seed(number))
        with torch.no_grad():
            want = towers(x)
            try:
                got = merged(x)
            except RuntimeError as error:
                raise Wrong(f"For {case} the module that you give back does not run. torch says: {error}") from None
        if got.shape != want.shape:
            raise Wrong(
                f"For {case} it puts out {tuple(got.shape)}; the towers together put out {tuple(want.shape)}."
                + (" A 3×3 keeps the grid with `padding=1`." if got.shape[:2] == want.shape[:2] else "")
            )
        if not _close(got, want):
            raise Wrong(f"For {case} {_about_merged(merged, each, got, want, x)}")
    return "One 1×1 and one 3×3 with a group for each tower compute what all towers compute, to rounding."


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


def _about_merged(merged: nn.Module, towers: Sequence[nn.Sequential], got: Tensor, want: Tensor, x: Tensor) -> str:
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
    return "the values differ, although the weights are right: nothing stands between the two convolutions."


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
def xception_block(answer):
    cases = (
        ((6, (6, 6, 6), 1, True), (7, 8)),
        ((4, (6, 6), 2, False), (8, 9)),
        ((5, (5, 7), 2, True), (9, 10)),
        ((4, (6, 5, 8), 1, True), (6, 6)),
        ((6, (4, 6), 2, True), (8, 8)),
        ((6, (6, 8), 1, True), (6, 7)),
        ((6, (4, 6), 1, True), (7, 6)),
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
            raise Wrong(f"For {case}: {_with(said, _about_fit(module, reference, said))}") from None
    return "Blocks that keep the grid, that halve it, and that change the channels, each with the skip that it needs."


def _about_the_sum(module: nn.Module, shape: tuple[int, int, int]) -> str:
    """A sentence where a block runs and nothing is added to its convolutions, or something else than its input."""
    try:
        operations = trace(module, shape).operations
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
def layers_and_modules(answer):
    require_function(answer)
    networks = {
        "Xception": measure.network("xception"),
        "the mini Xception": measure.network("xception", size="mini"),
    }
    for name, network in networks.items():
        want = layers_and_modules_of(network)
        got = _pair(answer(network), name, "layers, modules")
        convs = {key: part for key, part in network.named_modules() if isinstance(part, nn.Conv2d)}
        skips = sum("skip" in key for key in convs)
        halves = sum(conv.groups > 1 for conv in convs.values())
        slips = {
            f"The {skips} convolutions on the skips are counted too.": want[0] + skips,
            "Both halves of each separable convolution are counted.": want[0] + halves,
            f"Both halves of each separable convolution are counted, and the {skips} convolutions on the skips.": len(
                convs
            ),
            "The dense layer is no convolution.": want[0] + 1,
            "Only the separable convolutions are counted; two ordinary ones stand before them.": halves,
            "That holds for Xception as the paper has it; count on the network that you get.": 36,
        }
        expect(got[0], want[0], f"In {name} you count {got[0]} layers; {want[0]} are expected.", slips, EXACT)
        children, all_blocks = (
            len(list(network.children())),
            sum(key.startswith("block") for key, _ in network.named_modules()),
        )
        slips = {
            "The pool, the dropout and the classifier are children of the network, and no blocks.": children,
            "`named_modules()` also gives what is inside the blocks; count the children, `named_children()`.": all_blocks,
            "Blocks without a skip are modules, too: the first and the last.": want[1] - 2,
            "That holds for Xception as the paper has it; count on the network that you get.": 14,
        }
        expect(got[1], want[1], f"In {name} you count {got[1]} modules; {want[1]} are expected.", slips, EXACT)
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
def roofline(answer):
    require_function(answer)
    wanted, found = [], []
    for case in _ROOFLINE_CASES:
        in_channels, out_channels, kernel_size, groups, grid, _, _ = case
        text = _roofline_text(case)
        want = roofline_of(*case)
        got = _pair(answer(*case), text, "intensity, attainable")
        wanted.append(want[1])
        found.append(got[1])
        weights, macs = grouped_cost_of(in_channels, out_channels, kernel_size, groups, grid)
        reads, writes = grid**2 * in_channels, grid**2 * out_channels
        if _near(got[0], want[0]):
            continue

        def per_byte(work: float, *moved: float) -> float:
            return work / (FLOAT32 * sum(moved))

        of_sides = grid * (in_channels + out_channels) + weights
        all_weights = reads, writes, weights * groups
        slips = {
            "Each number in float32 has four bytes.": FLOAT32 * want[0],
            "The weights have to be read, too.": per_byte(macs, reads, writes),
            "The output has to be written, too.": per_byte(macs, reads, weights),
            "The input has to be read, too.": per_byte(macs, writes, weights),
            "The grid has two sides.": per_byte(macs, of_sides),
            "The grid has two sides, for the multiply-adds as for the bytes.": per_byte(weights * grid, of_sides),
            "The weights are moved once, not at each place of the grid.": per_byte(macs, reads, writes, macs),
            "Each value of the input is moved once, not once for each cell of the window.": (
                per_byte(macs, kernel_size**2 * reads, writes, weights)
            ),
            "`float32` has 32 bits, and that is four bytes.": want[0] / 8,
            "`//` rounds down to a whole number: divide with `/`.": float(want[0] // 1),
            "The pair is the other way round: the intensity comes first.": want[1],
            "You count a multiplication and an addition as two; here a multiply-add counts as one.": 2 * want[0],
            "The weights are fewer with groups: each filter reads the channels of its group.": per_byte(
                macs, *all_weights
            ),
            "The multiply-adds are fewer with groups: each filter reads the channels of its group.": groups * want[0],
            "Each filter reads the channels of its own group only: `in_channels // groups`.": (
                per_byte(groups * macs, *all_weights)
            ),
            "There are as many filters as before; only the channels that each reads are divided.": (
                per_byte(macs / groups, reads, writes, weights / groups)
            ),
            "Multiply-adds for each byte are asked, not bytes for each multiply-add.": 1 / want[0],
        }
        told = f"For {text} your intensity is {got[0]:.5g}; {want[0]:.5g} is expected."
        raise Wrong(told + named_slip(got[0], want[0], slips, EXACT))
    wrong = [number for number, pair in enumerate(zip(found, wanted, strict=True)) if not _near(*pair)]
    if wrong:
        raise Wrong(_about_attainable(wrong[0], found, wanted))
    return "The smaller of two limits: how fast the machine computes, and how fast bytes come."


# Two of them below the ridge, two above; nowhere as many channels in as out.
_ROOFLINE_CASES = (
    (12, 9, 5, 3, 7, 3e9, 5e8),
    (728, 1024, 3, 1, 19, 3e10, 1e10),
    (16, 32, 3, 16, 10, 1e12, 2e10),
    (64, 128, 1, 1, 8, 1e11, 2e10),
)


def _roofline_text(case: Sequence[float]) -> str:
    names = ("in_channels", "out_channels", "kernel_size", "groups", "grid")
    sizes = ", ".join(f"{name}={value}" for name, value in zip(names, case, strict=False))
    return f"{sizes}, peak={case[5]:.0e}, bandwidth={case[6]:.0e}"


def _about_attainable(first: int, found: Sequence[float], wanted: Sequence[float]) -> str:
    """What is wrong with the attainable speeds: the slip that gives all of them, if there is one."""
    text = (
        f"For {_roofline_text(_ROOFLINE_CASES[first])} you find {found[first]:.4g} multiply-adds a second; "
        f"{wanted[first]:.4g} are expected."
    )
    intensities = [roofline_of(*case)[0] for case in _ROOFLINE_CASES]
    limits = [case[5:] for case in _ROOFLINE_CASES]
    slips: dict[str, Callable[[float, float, float], float]] = {
        "The larger of the two limits is no limit: the smaller one holds.": lambda p, b, i: max(p, b * i),
        "More than the peak it cannot be.": lambda p, b, i: b * i,
        "With few multiply-adds a byte, the bytes cannot come fast enough for the peak.": lambda p, b, i: p,
        "Bytes a second times multiply-adds a byte gives multiply-adds a second.": lambda p, b, i: min(p, b / i),
    }
    for words, slip in slips.items():
        values = [slip(*limit, intensity) for limit, intensity in zip(limits, intensities, strict=True)]
        if all(_near(mine, other) for mine, other in zip(found, values, strict=True)):
            return f"{text} {words}"
    return text
