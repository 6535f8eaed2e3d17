"""What lesson 02 answers to its exercises."""

import contextlib
import math
import operator
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from lessons.googlenet.crops import PAPERS_SIZE, SCALES, Crop, crops_144
from lessons.googlenet.paper import TABLE_1
from lessons.googlenet.table import Line
from networks.googlenet import MODULES, InceptionModule, Widths
from networks.layers import ConvReLU, Outputs
from utils.cost.table import profile
from utils.feedback.answers import require_function, returned
from utils.feedback.exercises import Feedback, Wrong, article
from utils.feedback.functions import Case, Kind, number, same_function, tensor
from utils.feedback.modules import build, layers_of, same_module
from utils.feedback.undoing import before_reasons

feedback = Feedback("googlenet", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

# 2.1


def size_after(size: int, layers: Sequence[tuple[int, int, int, bool]]) -> int:
    """Side of the grid after layers of (window, stride, padding, whether it rounds up)."""
    for window, stride, padding, rounds_up in layers:
        steps = (size + 2 * padding - window) / stride
        size = (math.ceil(steps) if rounds_up else math.floor(steps)) + 1
    return size


def _right_way(steps: float, rounds_up: bool) -> int:
    return math.ceil(steps) if rounds_up else math.floor(steps)


def _slipped_size(
    size: int,
    layers: Sequence[tuple[int, int, int, bool]],
    rounding: Callable = _right_way,
    *,
    pads: int = 2,
    first: int = 1,
) -> int:
    """`size_after` with a slip in it: another rounding, padding on one side, the first place forgotten."""
    for window, stride, padding, rounds_up in layers:
        size = rounding((size + pads * padding - window) / stride, rounds_up) + first
    return size


@feedback.exercise(
    "2.1",
    title="the grid after some layers",
    difficulty="worked",
    minutes=3,
    hints=(
        "How far can the window move on the padded grid, and how many steps is that?",
        "The window can move by `size + 2 * padding - window` cells. Each step is `stride` cells. The first place counts too.",
        "`steps = (size + 2 * padding - window) / stride`, rounded up or down, and 1 more for the first place.",
    ),
    reference=size_after,
)
def grid_after(answer: Any) -> str:
    slips = {
        "That is the grid after the first layer: is the `return` inside of the loop?": lambda size, layers: size_after(
            size, layers[:1]
        ),
        "The last element of a layer says whether it rounds up: this one does, and yours round down.": partial(
            _slipped_size, rounding=lambda steps, _up: math.floor(steps)
        ),
        "The last element of a layer says whether it rounds up: this one rounds down, and yours up.": partial(
            _slipped_size, rounding=lambda steps, _up: math.ceil(steps)
        ),
        "The last element of a layer says whether it rounds up: here it is the other way round.": partial(
            _slipped_size, rounding=lambda steps, up: _right_way(steps, not up)
        ),
        "`round` goes to the nearest whole number, up or down.": partial(
            _slipped_size, rounding=lambda steps, _up: round(steps)
        ),
        "Padding lies on both sides: `2 * padding`.": partial(_slipped_size, pads=1),
        "The padding is left out.": partial(_slipped_size, pads=0),
        "The first place of the window counts as well: 1 more than the steps.": partial(_slipped_size, first=0),
        "The window moves in steps of `stride`.": lambda size, layers: size_after(
            size, [(window, 1, padding, up) for window, _, padding, up in layers]
        ),
        "Each layer starts from the grid that the layer before it left; here all start from `size`.": (
            lambda size, layers: size_after(size, layers[-1:])
        ),
        "That goes through the layers from the last one to the first.": lambda size, layers: size_after(
            size, layers[::-1]
        ),
    }
    cases = (
        (12, [(5, 1, 2, False)]),  # a whole number of steps: what is wrong here is no matter of rounding
        (224, [(7, 2, 3, False)]),
        (112, [(3, 2, 0, True)]),
        (12, [(3, 2, 0, True), (3, 2, 0, False)]),
        (9, [(5, 1, 2, False), (3, 3, 1, True)]),
        (31, [(2, 2, 0, False), (4, 3, 1, True), (3, 1, 0, True)]),
        (5, [(5, 2, 0, True)]),
        (10, [(3, 3, 0, True)]),
        (30, []),
    )
    same_function(answer, size_after, cases, result=number(whole=True), slips=slips)
    return "GoogLeNet's five halvings make 7 of 224: rounding up keeps every one of them whole."


# 2.2


def average(x: Tensor) -> Tensor:
    """Global average pooling: (N, C, H, W) -> (N, C)."""
    return x.mean(dim=(2, 3))


@feedback.exercise(
    "2.2",
    title="global average pooling",
    difficulty="warm-up",
    minutes=4,
    hints=(
        "Which axes of (N, C, H, W) have to go, and which must stay?",
        "`mean` takes several axes at once: `dim=(...)`. Height and width are axes 2 and 3.",
        "`return x.mean(dim=(2, 3))`",
    ),
    reference=average,
)
def global_average(answer: Any) -> str:
    slips = {
        "The axes of the grid are still there, with one cell. A dense layer needs them gone: (N, C).": (
            lambda x: x.mean(dim=(2, 3), keepdim=True)
        ),
        "Flattening keeps all numbers of an image. One a channel is needed.": lambda x: x.flatten(1),
        "You add up all places; divide by their number.": lambda x: x.sum(dim=(2, 3)),
        "You divide by the same number whatever the grid: take the number of places from the shape of `x`.": [
            lambda x, places=places: x.sum(dim=(2, 3)) / places for places in range(2, 257)
        ],
        "A grid has height times width places, and its sides may differ.": [
            lambda x: x.sum(dim=(2, 3)) / x.shape[2] ** 2,
            lambda x: x.sum(dim=(2, 3)) / x.shape[3] ** 2,
        ],
        "You take the largest value of each channel; that is global max pooling.": lambda x: x.amax(dim=(2, 3)),
        "You average over one of the grid's axes alone: height and width both go.": [
            lambda x: x.mean(dim=2),
            lambda x: x.mean(dim=3),
        ],
        "You average over other axes: height and width are axes 2 and 3.": [
            lambda x, axes=axes: x.mean(dim=axes) for axes in (0, 1, (0, 1), (1, 2), (1, 3), (0, 2), (0, 3))
        ],
        "You average over the batch as well: each image keeps its own numbers.": lambda x: x.mean(dim=(0, 2, 3)),
        "That is one number for everything: each channel of each image has its own.": lambda x: x.mean(),
        "`squeeze()` takes away each axis of length 1, and so the batch's where there is one image: name the axes, or `.flatten(1)`.": (
            lambda x: x.mean(dim=(2, 3)).squeeze()
        ),
        "Channels and images are swapped: (N, C) has an image a row.": lambda x: x.mean(dim=(2, 3)).T,
    }
    draws = torch.Generator().manual_seed(0)
    shapes = ((2, 5, 7, 7), (3, 4, 6, 9), (1, 3, 1, 1), (5, 5, 5, 5), (1, 1, 3, 2))
    cases = [Case((torch.randn(shape, generator=draws),), f"x of shape {shape}") for shape in shapes]
    same_function(answer, average, cases, result=tensor(), slips=slips, gradient=True, but=())
    return "One number a channel is left, whatever the size of the grid."


# 2.3


def normalised(x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Local response normalisation over neighbouring channels: (N, C, H, W) -> the same."""
    return F.local_response_norm(x, size, alpha=alpha, beta=beta, k=k)


class _Calls(TorchFunctionMode):
    """Notes which of torch's functions are called within its `with`."""

    def __init__(self):
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.names.add(getattr(function, "__name__", ""))
        return function(*args, **(kwargs or {}))


def _window_sums(values: Tensor, size: int, *, before: int | None = None) -> Tensor:
    """Sums over a window of `size` neighbours along axis 1, `before` of them on the left; zeros beyond the ends."""
    before = size // 2 if before is None else before
    padded = F.pad(values, (0, 0, 0, 0, before, size - 1 - before))
    return torch.stack([padded[:, start : start + values.shape[1]] for start in range(size)]).sum(dim=0)


def _lrn_slips() -> dict[str, Callable[..., Tensor] | list[Callable[..., Tensor]]]:
    """Local response normalisation with common slips, by the sentence about each."""

    def slipped(
        sums: Callable[[Tensor, int], Tensor] = lambda x, size: _window_sums(x.square(), size),
        formula: Callable[..., Tensor] = lambda x, sums, size, alpha, beta, k: x / (k + alpha / size * sums) ** beta,
    ) -> Callable[..., Tensor]:
        """The function with other sums, or with another formula."""

        def norm(x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
            return formula(x, sums(x, size), size, alpha, beta, k)

        return norm

    def fixed(**values: float) -> Callable[..., Tensor]:
        """The function with constants of its own."""

        def norm(x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
            return normalised(x, **{"size": size, "alpha": alpha, "beta": beta, "k": k} | values)

        return norm

    def on_grid(axes: tuple[int, ...]) -> Callable[..., Tensor]:
        def sums(x: Tensor, size: int) -> Tensor:
            window = [size if axis in axes else 1 for axis in (2, 3)]
            pads = [size // 2 if axis in axes else 0 for axis in (2, 3)]
            return F.avg_pool2d(x.square(), window, stride=1, padding=pads) * math.prod(window)

        return slipped(sums)

    def from_the_end(x: Tensor, size: int) -> Tensor:
        half, squares = size // 2, x.square()
        return torch.stack([squares[:, c - half : c + half + 1].sum(dim=1) for c in range(x.shape[1])], dim=1)

    def wrapped(x: Tensor, size: int) -> Tensor:
        return torch.stack([x.square().roll(step, dims=1) for step in range(-(size // 2), size // 2 + 1)]).sum(dim=0)

    def window(count: Callable[[int], int], before: Callable[[int], int]) -> Callable[..., Tensor]:
        return slipped(lambda x, size: _window_sums(x.square(), count(size), before=before(size)))

    constants = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0}
    return {
        **{
            f"You write {value:g} for `{name}`; take the argument `{name}`.": fixed(**{name: value})
            for name, value in constants.items()
        },
        "You write the constants as numbers; take the arguments `size`, `alpha`, `beta` and `k`.": fixed(**constants),
        "For the first channels your slice starts below 0, which Python counts from the end: `max(c - size // 2, 0)`.": (
            slipped(from_the_end)
        ),
        "You square the sum; the squares are to be added: first the square, then the sum.": slipped(
            lambda x, size: _window_sums(x, size).square()
        ),
        "You leave `alpha` whole; the formula divides it by `size`.": slipped(
            formula=lambda x, sums, size, alpha, beta, k: x / (k + alpha * sums) ** beta
        ),
        "You divide by the number of neighbours that are there; the formula divides by `size` at the ends too.": slipped(
            lambda x, size: _window_sums(x.square(), size) / _window_sums(torch.ones_like(x), size),
            lambda x, sums, size, alpha, beta, k: x / (k + alpha * sums) ** beta,
        ),
        "Your window lies on height and width. The neighbours are channels: axis 1.": on_grid((2, 3)),
        "Your window lies on the width. The neighbours are channels: axis 1.": on_grid((3,)),
        "Your window lies on the height. The neighbours are channels: axis 1.": on_grid((2,)),
        "You add the neighbours themselves; their squares are to be added.": slipped(_window_sums),
        "You add the neighbours' magnitudes; their squares are to be added.": slipped(
            lambda x, size: _window_sums(x.abs(), size)
        ),
        "`k` is missing from the sum.": slipped(
            formula=lambda x, sums, size, alpha, beta, k: x / (alpha / size * sums) ** beta
        ),
        "`k` is added behind the power; it belongs into the sum.": slipped(
            formula=lambda x, sums, size, alpha, beta, k: x / (k + (alpha / size * sums) ** beta)
        ),
        "The power `beta` is missing.": slipped(
            formula=lambda x, sums, size, alpha, beta, k: x / (k + alpha / size * sums)
        ),
        "You multiply; the formula divides.": slipped(
            formula=lambda x, sums, size, alpha, beta, k: x * (k + alpha / size * sums) ** beta
        ),
        "You give back the divisor; `x` is to be divided by it.": slipped(
            formula=lambda x, sums, size, alpha, beta, k: (k + alpha / size * sums) ** beta
        ),
        "Your window reaches from the channel itself onwards; it has `size // 2` neighbours on each side.": window(
            lambda size: size, lambda size: 0
        ),
        "Your window begins at the channel itself; it has `size // 2` neighbours before it as well.": window(
            lambda size: size // 2 + 1, lambda size: 0
        ),
        "Your window reaches backwards only; it has as many neighbours on each side.": window(
            lambda size: size, lambda size: size - 1
        ),
        "Your window is one channel short: `range(c - size // 2, c + size // 2)` stops before its end.": window(
            lambda size: size - 1, lambda size: size // 2
        ),
        "Your window has `size` neighbours on each side; `size` counts the whole window.": window(
            lambda size: 2 * size + 1, lambda size: size
        ),
        "You leave the channel itself out of its own window.": slipped(
            lambda x, size: _window_sums(x.square(), size) - x.square()
        ),
        "The sum goes over all channels; the window has `size` of them.": slipped(
            lambda x, size: x.square().sum(dim=1, keepdim=True)
        ),
        "The neighbours beyond the first and last channel are zeros; yours wrap around to the other end.": slipped(
            wrapped
        ),
    }


@feedback.exercise(
    "2.3",
    title="local response normalisation",
    difficulty="medium",
    minutes=9,
    hints=(
        "Take it in two steps: first the sum of squares over the window of channels, for all places at once; then the formula.",
        "Put `size // 2` channels of zeros before the first and after the last: `F.pad(x**2, (0, 0, 0, 0, half, half))`. "
        "The window is then the sum of `size` slices along axis 1, each `x.shape[1]` channels long.",
        "`sums = sum(padded[:, i : i + x.shape[1]] for i in range(size))`, and "
        "`return x / (k + alpha / size * sums) ** beta`.",
    ),
    reference=normalised,
)
def local_response_norm(answer: Any) -> str:
    require_function(answer, but=nn.Module)
    draws = torch.Generator().manual_seed(0)
    with _Calls() as calls, contextlib.suppress(Exception):
        answer(torch.rand((1, 6, 2, 2), generator=draws))
    if "local_response_norm" in calls.names:
        raise Wrong(
            "`F.local_response_norm` is torch's own, with which this check compares. Here write the sum over the window "
            "yourself, from the formula."
        )
    cases = []
    for shape, constants in (
        ((2, 9, 8, 7), {"size": 5, "alpha": 0.8, "beta": 0.75, "k": 2.0}),
        ((1, 6, 5, 9), {"size": 3, "alpha": 1.5, "beta": 0.5, "k": 1.0}),
        ((2, 3, 6, 6), {"size": 5, "alpha": 0.5, "beta": 0.75, "k": 1.0}),
        ((1, 4, 3, 2), {"size": 1, "alpha": 0.7, "beta": 1.5, "k": 0.5}),
        ((1, 1, 2, 3), {"size": 7, "alpha": 0.6, "beta": 0.25, "k": 3.0}),
    ):
        x = torch.randn(shape, generator=draws)
        x = x + 0.2 * x.sign()  # of both signs, and far enough from 0
        text = f"x of shape {shape} and {', '.join(f'{name}={value}' for name, value in constants.items())}"
        cases.append(Case((x, *constants.values()), text))
    x = 60 * torch.rand(2, 8, 4, 4, generator=draws)
    text = "x of shape (2, 8, 4, 4), with the constants left out (size=5, alpha=1e-4, beta=0.75 and k=1.0),"
    cases.append(Case((x,), text))
    same_function(
        answer, normalised, cases, result=tensor(), slips=_lrn_slips(), gradient=True, stops=_why_the_norm_stops
    )
    return "It agrees with `nn.LocalResponseNorm`."


def _why_the_norm_stops(error: Exception, x: Tensor, *constants: float) -> str:
    if "must match" not in str(error):
        return ""
    return (
        "Each sum must have as many channels as `x`. `F.pad` counts from the last axis, so the channels are its third pair: "
        "`F.pad(x**2, (0, 0, 0, 0, before, after))`."
    )


# 2.4


def trunk(in_channels: int, table: dict[str, Widths]) -> nn.Sequential:
    """GoogLeNet's modules from a table, with a pool before inception_4a and inception_5a."""
    layers = OrderedDict()
    for name, widths in table.items():
        if name in ("inception_4a", "inception_5a"):
            layers[f"pool_before_{name}"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        layers[name] = InceptionModule(in_channels, widths)
        in_channels = widths.out_channels
    return nn.Sequential(layers)


def _small_table(shift: int) -> dict[str, Widths]:
    """The nine names with small widths, no two modules alike."""
    names = [f"inception_{name}" for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")]
    return {
        name: Widths(2 + number, 1 + (number + shift) % 3, 3 + number, 1, 2 + (number + shift) % 2, 1 + number % 4)
        for number, name in enumerate(names)
    }


@feedback.exercise(
    "2.4",
    title="nine modules from a table",
    difficulty="medium",
    minutes=8,
    hints=(
        "One loop over `table.items()`. What has to be remembered from one module to the next?",
        "The input channels of a module are the `out_channels` of the widths before it. Put the pool into the list before the module.",
        'In the loop: `if name in ("inception_4a", "inception_5a"): layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))`, '
        "then `layers.append(InceptionModule(in_channels, widths))` and `in_channels = widths.out_channels`.",
    ),
    reference=trunk,
)
def modules_from_table(answer: Any) -> str:
    for shift, in_channels, grid in ((0, 6, (12, 8)), (1, 5, (9, 10))):
        table = _small_table(shift)
        made = build(answer, in_channels, dict(table))
        _trunk_grid(made, in_channels, grid, table)
        same_module(made, trunk(in_channels, table), (in_channels, *grid), ordered=True)
    return "Nine rows of a table have become a network of 18 layers."


def _trunk_grid(made: nn.Module, in_channels: int, grid: tuple[int, int], table: dict[str, Widths]) -> None:
    """Raise `Wrong` where the pools are missing, misplaced or round down, or where it is another table's network."""
    inside = layers_of(made, InceptionModule)
    firsts = [layers_of(module, nn.Conv2d)[0] for module in inside]
    if firsts and [conv.out_channels for conv in firsts] == [widths.pointwise for widths in MODULES.values()]:
        raise Wrong(
            "Your modules have the widths of GoogLeNet's own table, and the check hands over a smaller one: loop over the "
            "argument `table`, not over `MODULES`."
        )
    halving = [pool for pool in layers_of(made, nn.MaxPool2d) if pool.stride in (2, (2, 2))]
    padded = next((layer.padding for layer in halving if layer.padding not in (0, (0, 0))), None)
    if padded is not None:
        raise Wrong(f"Your pool has padding {padded}; the lesson's rounds up instead: `ceil_mode=True`, and padding 0.")
    try:
        with torch.no_grad():
            out = made(torch.zeros(1, in_channels, *grid))
    except Exception:
        return  # what does not run is explained by the comparison
    if not isinstance(out, Tensor) or out.dim() != 4:
        return
    want = tuple(size_after(side, [(3, 2, 0, True)] * 2) for side in grid)
    if tuple(out.shape[2:]) == grid:
        raise Wrong(
            f"A grid of {grid[0]}×{grid[1]} comes out as it went in. A pool of stride 2 belongs before 4a and before 5a."
        )
    if tuple(out.shape[2:]) != want and halving and not all(pool.ceil_mode for pool in halving):
        raise Wrong(
            f"A grid of {grid[0]}×{grid[1]} comes out as {out.shape[2]}×{out.shape[3]}; {want[0]}×{want[1]} is expected. "
            "The pools round up: `ceil_mode=True`."
        )
    children = list(made) if isinstance(made, nn.Sequential) else []
    kinds = ["pool" if isinstance(child, nn.MaxPool2d) else "module" for child in children]
    names = [name.removeprefix("inception_") for name in table]
    before = [kinds[:place].count("module") for place, kind in enumerate(kinds) if kind == "pool"]
    places = [names.index("4a"), names.index("5a")]
    if kinds.count("module") == len(table) and len(before) == 1 and before[0] in places:
        places.remove(before[0])
        raise Wrong(f"A pool is missing before {names[places[0]]}.")
    if kinds.count("module") == len(table) and len(before) == 2:
        for count, wanted in zip(before, places, strict=True):
            if count != wanted:
                found = f"before {names[count]}" if count < len(names) else "at the end"
                raise Wrong(f"A pool stands {found}; it belongs before {names[wanted]}.")


# 2.5


def off(lines: Sequence[Line], tolerance: float = 1.5) -> list[str]:
    """Names of the lines whose printed figures are further than the tolerance from the network's."""
    return [
        line.name
        for line in lines
        if abs(line.weights / 1024 - line.printed_params) > tolerance
        or abs(line.macs / 1e6 - line.printed_ops) > tolerance
    ]


_MADE_UP = (
    # name, printed K, printed millions, weights, multiply-adds, grid
    Line("both right", 100, 50, 100 * 1024 + 300, 50_400_000, 14),
    Line("too many K printed", 120, 50, 100 * 1024, 50_000_000, 14),
    Line("too few K printed", 90, 50, 100 * 1024, 50_000_000, 14),
    Line("too many millions printed", 100, 54, 100 * 1024, 50_000_000, 14),
    Line("too few millions printed", 100, 40, 100 * 1024, 50_000_000, 14),
    Line("a little too few K printed", 100, 50, 100 * 1024 + 1700, 50_000_000, 14),
    Line("a little too few millions printed", 100, 50, 100 * 1024, 51_600_000, 14),
    Line("small and right", 4, 90, 4 * 1024, 90_000_000, 56),
    Line("little and right", 20, 20, 21 * 1024, 21_000_000, 14),
    Line("both wrong", 80, 70, 100 * 1024, 50_000_000, 14),
    Line("large and right", 1000, 300, 1_024_000, 301_000_000, 28),
    Line("too many in one, too few in the other", 112, 38, 100 * 1024, 50_000_000, 14),
    Line("as far as the tolerance", 100, 50, 100 * 1024 + 1536, 50_000_000, 14),
)


def _slipped(
    kilo: float = 1024,
    million: float = 1e6,
    join: Callable = any,
    size: Callable = abs,
    columns: Sequence[int] = (0, 1),
    wrong: Callable[[float, float], bool] = operator.gt,
    total: Callable[[Sequence[float]], Sequence[float]] = lambda away: away,
) -> Callable[..., list[str]]:
    """`off` with a slip in it."""

    def found(lines: Sequence[Line], tolerance: float = 1.5) -> list[str]:
        names = []
        for line in lines:
            away = line.weights / kilo - line.printed_params, line.macs / million - line.printed_ops
            if join(wrong(size(each), tolerance) for each in total([away[column] for column in columns])):
                names.append(line.name)
        return names

    return found


def _read_names(got: object, case: str, wanted: object) -> list[str]:
    """The learner's names in any order, or a sentence about what else stands there."""
    try:
        names = [] if isinstance(got, str) else list(got)  # type: ignore[call-overload]  # what cannot be listed is told
    except TypeError:
        names = None
    if isinstance(got, str) or names is None:
        raise Wrong(f"A list of names is needed; your function gives back {article(got)}.")
    if names and all(isinstance(each, Line) for each in names):
        raise Wrong("Your list holds whole rows. Names are asked: `line.name`.")
    if names and all(isinstance(each, bool) for each in names):
        raise Wrong("Your list holds a yes or no for each row. Names of those that are off are asked.")
    return sorted(map(str, names))


def _names_apart(got: Sequence[str], want: Sequence[str]) -> str:
    missing = [name for name in want if name not in got]
    extra = [name for name in dict.fromkeys(got) if name not in want]
    parts = []
    if missing:
        parts.append(f"{_quoted(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    if extra:
        parts.append(f"{_quoted(extra)} {'does' if len(extra) == 1 else 'do'} not belong in it")
    if not parts:
        parts.append("a name stands in it more than once")
    return f"{' and '.join(parts)}."


_NAMES = Kind(_read_names, operator.eq, lambda names: _quoted(names) or "no name", _names_apart)


@feedback.exercise(
    "2.5",
    title="the rows that do not add up",
    difficulty="medium",
    minutes=7,
    hints=(
        "Bring both pairs of figures to the same unit first: `weights` into K, `macs` into millions.",
        "A row is off if *either* figure is further away than the tolerance, in *either* direction: `abs(...)`, and `or`.",
        "`abs(line.weights / 1024 - line.printed_params) > tolerance or abs(line.macs / 1e6 - line.printed_ops) > tolerance`",
    ),
    reference=off,
)
def rows_off(answer: Any) -> str:
    papers = {row.name.removeprefix("inception ").strip("()") for row in TABLE_1}
    slips = {
        "The parameters are not looked at: a row can be off in them alone.": _slipped(columns=[1]),
        "The operations are not looked at: a row can be off in them alone.": _slipped(columns=[0]),
        "These are the rows that agree; the others are asked.": lambda lines, tolerance=1.5: [
            line.name for line in lines if line.name not in off(lines, tolerance)
        ],
        "K is 1024 in this table, as lesson 01 found.": _slipped(kilo=1000),
        "An operation is one multiply-add, and a million of them is 1,000,000.": _slipped(million=1024**2),
        "One figure that is off is enough: `or`, not `and`.": _slipped(join=all),
        "A printed figure can be too large as well: compare `abs(...)`.": _slipped(size=lambda value: value),
        "A printed figure can be too small as well: compare `abs(...)`.": _slipped(size=lambda value: -value),
        "A row that is as far off as the tolerance is not further: `>`, not `>=`.": _slipped(wrong=operator.ge),
        "Each figure is compared by itself; you add the two distances up.": [
            _slipped(total=lambda away: [sum(away)]),
            _slipped(total=lambda away: [sum(map(abs, away))]),
        ],
        "You write 1.5 for the tolerance: take the argument `tolerance`.": lambda lines, tolerance=1.5: off(lines),
        "You drop what is less than a whole K or a whole million: divide with `/`.": [
            lambda lines, tolerance=1.5, kilo=kilo, million=million: [
                line.name
                for line in lines
                if abs(line.weights / 1024 // kilo * kilo - line.printed_params) > tolerance
                or abs(line.macs / 1e6 // million * million - line.printed_ops) > tolerance
            ]
            for kilo, million in ((1, 1), (1, 1e-9), (1e-9, 1))
        ],
        "The tolerance is a distance, in K and in millions, and no per cent.": [
            lambda lines, tolerance=1.5, per_cent=per_cent: [
                line.name
                for line in lines
                if abs(line.weights / 1024 - line.printed_params) * (100 / line.printed_params if per_cent[0] else 1)
                > tolerance
                or abs(line.macs / 1e6 - line.printed_ops) * (100 / line.printed_ops if per_cent[1] else 1) > tolerance
            ]
            for per_cent in ((True, True), (True, False), (False, True))
        ],
        "A row that is off in both figures stands in your list twice.": lambda lines, tolerance=1.5: [
            *_slipped(columns=[0])(lines, tolerance),
            *_slipped(columns=[1])(lines, tolerance),
        ],
    }

    def rows(lines, tolerance=1.5):
        names = answer(lines, tolerance) if tolerance != 1.5 else answer(lines)
        if isinstance(names, list | tuple | set) and names and set(map(str, names)) <= papers:
            raise Wrong(
                "Your list names rows of Table 1, and the check hands over a made-up table: loop over the argument `lines`, not "
                "over `table`."
            )
        return names

    require_function(answer, but=nn.Module)
    cases = [
        Case((list(_MADE_UP),), "a made-up table"),
        *(
            Case((list(_MADE_UP), tolerance), f"a made-up table and tolerance={tolerance}")
            for tolerance in (12, 25, 0.25)
        ),
        Case(([_MADE_UP[0]],), "a table of one row, which is right,"),
    ]
    said = "For {0} your list is not right:".format
    same_function(rows, off, cases, result=_NAMES, slips=slips, said=said)
    return "Your function finds rows that are off in either column and in either direction."


def _quoted(names: Sequence[object]) -> str:
    return ", ".join(f'"{name}"' for name in names)


# 2.6


def head(in_channels: int, num_classes: int) -> nn.Sequential:
    """Figure 3's auxiliary classifier on a grid of 14 x 14."""
    return nn.Sequential(
        nn.AvgPool2d(5, stride=3),
        ConvReLU(in_channels, 128, kernel_size=1),
        nn.Flatten(),
        nn.Linear(2048, 1024),
        nn.ReLU(),
        nn.Dropout(0.7),
        nn.Linear(1024, num_classes),
    )


@feedback.exercise(
    "2.6",
    title="an auxiliary head",
    difficulty="medium",
    minutes=7,
    hints=(
        "Write down the shape after each of the steps of the list, starting from (in_channels, 14, 14). How many numbers reach the dense layer?",
        "A 5×5 pool with stride 3 makes 4×4 of 14×14. With 128 channels that is 128 · 4 · 4 = 2048 numbers.",
        "`nn.Sequential(nn.AvgPool2d(5, stride=3), nn.Conv2d(in_channels, 128, 1), nn.ReLU(), nn.Flatten(), "
        "nn.Linear(2048, 1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, num_classes))`",
    ),
    reference=head,
)
def aux_head(answer: Any) -> str:
    for in_channels, num_classes in ((12, 7), (20, 10)):
        made = build(answer, in_channels, num_classes)
        try:
            same_module(made, head(in_channels, num_classes), (in_channels, 14, 14))
        except Wrong as wrong:
            if "in training mode the values are not" in str(wrong):
                _dropout(made, in_channels, num_classes)
            raise
    _dropout(made, in_channels, num_classes)
    return " ".join(
        [
            "It is the head of figure 3, with its dropout in front of the last layer.",
            *_other_order(made, in_channels, num_classes),
        ]
    )


def _other_order(made: nn.Module, in_channels: int, num_classes: int) -> list[str]:
    """Sentences about what a right head does in another order than the list's, with the same values."""
    images, told = torch.randn(2, in_channels, 14, 14, generator=torch.Generator().manual_seed(0)), []
    mine, theirs = (
        max((row.macs for row in profile(net, images).rows if row.kind == "conv"), default=0)
        for net in (made, head(in_channels, num_classes))
    )
    if mine > theirs:
        told.append(
            f"Your 1×1 convolution stands before the pool. The values are the same, since both only add and multiply, and the "
            f"convolution does {mine / theirs:.0f} times the work: the pool leaves 16 places of 196."
        )
    if layers_of(made, nn.Dropout2d):
        told.append(
            "`nn.Dropout2d` is made for grids, and torch is going to refuse it here: `nn.Dropout` does the same."
        )
    early: list[bool] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _layer, given: early.append(bool((given[0] < 0).any())))
        for layer in layers_of(made, nn.Dropout)
    ]
    with torch.no_grad():
        made.eval()
        made(images)
    made.train()
    for hook in hooks:
        hook.remove()
    if any(early):
        told.append(
            "Your dropout stands before the ReLU, the list's behind it: a zero stays a zero, so the values are the same."
        )
    return told


def _dropout(made: nn.Module, in_channels: int, num_classes: int) -> None:
    """Raise `Wrong` unless seven in ten of the last layer's inputs are dropped in training."""
    last = [layer for layer in layers_of(made, nn.Linear) if layer.out_features == num_classes]
    if not last:
        return  # the comparison has found the layer, written in another way: nothing more can be said
    inputs: list[Tensor] = []
    hook = last[-1].register_forward_pre_hook(lambda _layer, given: inputs.append(given[0].detach()))
    x = torch.rand(16, in_channels, 14, 14, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made.eval()(x)
            made.train()(x)
    finally:
        hook.remove()
    quiet, noisy = inputs
    if torch.equal(quiet, noisy):
        raise Wrong(
            "No dropout: seven in ten of the values that reach the last dense layer are to be dropped in training."
        )
    active = quiet.abs() > 1e-4
    kept = active & (noisy != 0)
    gains = noisy[kept] / quiet[kept]  # dropout makes all that it keeps larger by one factor
    if not kept.any() or gains.max() - gains.min() > 0.01 * gains.abs().max() or torch.equal(kept, active):
        raise Wrong("Dropout stands in another place: it belongs directly before the last dense layer.")
    dropped = 1 - kept.sum().item() / active.sum().item()
    if abs(dropped - 0.7) > 0.05:
        tail = ""
        if abs(dropped - 0.3) < 0.05:
            tail = " The number that `nn.Dropout` takes is the share that is dropped, not the share that is kept."
        raise Wrong(
            f"In training {dropped:.0%} of the values that reach the last dense layer are dropped; 70 % are to be.{tail}"
        )


# 2.7


def loss(outputs: Outputs, labels: Tensor, aux_weight: float = 0.3) -> Tensor:
    """Cross-entropy of the main logits, plus each head's times its weight."""
    return F.cross_entropy(outputs.logits, labels) + sum(
        aux_weight * F.cross_entropy(each, labels) for each in outputs.aux
    )


@feedback.exercise(
    "2.7",
    title="the loss with heads",
    difficulty="medium",
    minutes=5,
    hints=(
        "Three classifiers, the same labels: three cross-entropies. Which of them are weighted?",
        "`outputs.aux` is a tuple of logits, one for each head. It may be empty: then the main loss is all.",
        "`loss = F.cross_entropy(outputs.logits, labels)`, then `for logits in outputs.aux: loss = loss + aux_weight * F.cross_entropy(logits, labels)`",
    ),
    reference=loss,
)
def loss_with_aux(answer: Any) -> str:
    def of(
        main: Callable[[Tensor], Tensor | float] = lambda loss: loss,
        side: Callable[[list[Tensor]], Tensor | float] = sum,
        weight: Callable[[float], float] = lambda weight: weight,
        entropy: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    ) -> Callable[..., Tensor | float]:
        """`loss` with a slip in it."""

        def slipped(outputs: Outputs, labels: Tensor, aux_weight: float = 0.3) -> Tensor | float:
            sides = [entropy(each, labels) for each in outputs.aux]
            return main(entropy(outputs.logits, labels)) + weight(aux_weight) * side(sides)

        return slipped

    slips = {
        "The heads are weighted: `aux_weight` times each.": of(weight=lambda weight: 1),
        "The heads are missing.": of(weight=lambda weight: 0),
        "The heads' losses are added, not averaged.": of(side=lambda sides: sum(sides) / max(len(sides), 1)),
        "Only the heads are weighted: the main loss counts in full.": lambda outputs, labels, aux_weight=0.3: (
            aux_weight * loss(outputs, labels, 1.0)
        ),
        "Only one head is in it: the first.": of(side=lambda sides: sum(sides[:1])),
        "Only one head is in it: the last.": [
            of(side=lambda sides: sum(sides[-1:])),
            lambda outputs, labels, aux_weight=0.3: loss(Outputs(outputs.logits, outputs.aux[-1:]), labels, aux_weight),
        ],
        "The main loss is missing.": of(main=lambda loss: 0),
        "The main loss is in it once for each head: it counts once.": lambda outputs, labels, aux_weight=0.3: sum(
            F.cross_entropy(outputs.logits, labels) + aux_weight * F.cross_entropy(each, labels) for each in outputs.aux
        ),
        "You write 0.3 for the weight; take the argument `aux_weight`.": of(weight=lambda weight: 0.3),
        "The main loss keeps its full weight: it is not `1 - aux_weight`.": lambda outputs, labels, aux_weight=0.3: (
            loss(outputs, labels, aux_weight) - aux_weight * F.cross_entropy(outputs.logits, labels)
        ),
        "The heads' losses are added, not taken away.": of(weight=lambda weight: -weight),
        "Each head has the same weight: yours are `aux_weight` to a growing power.": [
            lambda outputs, labels, aux_weight=0.3: (
                F.cross_entropy(outputs.logits, labels)
                + sum(
                    aux_weight ** (place + 1) * F.cross_entropy(each, labels) for place, each in enumerate(outputs.aux)
                )
            )
        ],
        "The mean of all losses is not asked: the main loss counts in full, and the heads are added to it.": (
            lambda outputs, labels, aux_weight=0.3: loss(outputs, labels, aux_weight) / (1 + len(outputs.aux))
        ),
        "`F.cross_entropy` applies the softmax itself: hand it the logits.": [
            of(entropy=lambda logits, labels: F.cross_entropy(logits.softmax(dim=1), labels)),
            of(entropy=lambda logits, labels: F.cross_entropy(logits.log_softmax(dim=1).exp(), labels)),
        ],
        "The mean over the images is asked, not their sum.": of(
            entropy=lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum")
        ),
        "One loss for all images is asked: their mean.": of(
            entropy=lambda logits, labels: F.cross_entropy(logits, labels, reduction="none")
        ),
        "The logits are averaged before the loss is taken: each head has a loss of its own.": (
            lambda outputs, labels, aux_weight=0.3: (
                F.cross_entropy(outputs.logits, labels)
                + aux_weight * F.cross_entropy(torch.stack(outputs.aux).mean(dim=0), labels)
            )
        ),
        "The logits are added up before the loss is taken: each head has a loss of its own.": [
            lambda outputs, labels, aux_weight=0.3: F.cross_entropy(
                outputs.logits + aux_weight * sum(outputs.aux), labels
            ),
            lambda outputs, labels, aux_weight=0.3: (
                F.cross_entropy(outputs.logits, labels) + aux_weight * F.cross_entropy(sum(outputs.aux), labels)
            ),
        ],
    }
    draws = torch.Generator().manual_seed(0)
    cases = []
    for heads, weight, images in ((2, 0.3, 6), (1, 0.5, 5), (3, 0.1, 6), (0, 0.3, 4), (1, None, 4)):
        made = [2 * torch.randn(images, 5, generator=draws) for _ in range(heads + 1)]
        labels = torch.randint(5, (images,), generator=draws)
        words = f"{heads} head{'' if heads == 1 else 's'}"
        given = () if weight is None else (weight,)
        text = f"{words} and aux_weight={weight}" if given else f"{words} and aux_weight left out (0.3)"
        cases.append(Case((Outputs(made[0], tuple(made[1:])), labels, *given), text))
    same_function(answer, loss, cases, result=number(), slips=slips, gradient=True, stops=_why_the_loss_stops)
    return "Each head adds 0.3 of its own loss, and a network without heads its main loss alone."


def _why_the_loss_stops(error: Exception, outputs: Outputs, *others: object) -> str:
    """The sentence about an error that comes from the number of heads or from the order of arguments, or nothing."""
    heads = len(outputs.aux)
    if isinstance(error, IndexError):
        return f"`outputs.aux` holds {heads} here: go through it with a loop, which runs once for each head."
    if not heads and "non-empty" in str(error):
        return "`outputs.aux` is empty here, and there is nothing to stack: a sum that starts at the main loss needs no head."
    if "not implemented for 'Long'" in str(error) or ("Long" in str(error) and "target" in str(error)):
        return "`F.cross_entropy` takes the logits first, then the labels."
    return ""


# 2.8


def looks(height: int, width: int) -> list[tuple[int, int, int, int, bool]]:
    """The 144 crops as (scale, left, top, side, mirrored), in pixels of the resized photograph."""
    return [(look.scale, *look.window, look.mirrored) for look in crops_144(height, width)]


@feedback.exercise(
    "2.8",
    title="the 144 crops",
    difficulty="hard",
    minutes=12,
    hints=(
        "Four loops, one in the other: scales, squares, the six crops of a square, mirrored or not. What does each know from the one around it?",
        "`longer = round(max(height, width) * scale / min(height, width))`. A square starts at 0, `(longer - scale) // 2` or `longer - scale` along "
        "the longer side. In it the five crops of 224 start at 0 or `scale - 224` down and across, the centre at `(scale - 224) // 2`.",
        "Innermost: `boxes.append((scale, left + across, top + down, side, mirrored))`, where (left, top) is the square's corner: "
        "`(offset, 0)` if the photograph is wide, `(0, offset)` if it is tall, and (across, down, side) one of the five crops or `(0, 0, scale)`.",
    ),
    reference=looks,
)
def test_crops(answer: Any) -> str:
    require_function(answer, but=nn.Module)
    sizes = ((400, 600), (500, 400), (300, 300), (160, 320), (375, 500), (640, 427), (333, 333), (257, 256))
    for height, width in sizes:
        case = f"height={height}, width={width}"
        _compare_crops(_boxes(answer(height, width), case), crops_144(height, width), height, width, case)
    boxes = Kind(lambda got, case, wanted: sorted(_boxes(got, case)), operator.eq, lambda boxes: f"{len(boxes)} crops")
    same_function(answer, looks, sizes, result=boxes)
    return "144 looks, wide, tall and square photographs alike."


def _boxes(got: object, case: str) -> "list[Box]":
    if isinstance(got, set | frozenset):
        raise Wrong(
            f"For {case} your function gives back a set. Where a square is as large as its crop some of the 144 are equal, and a set "
            "keeps one of them: give a list."
        )
    try:
        len(returned(got, case))  # type: ignore[arg-type]  # a generator has no length
        return [_box(crop) for crop in got]  # type: ignore[attr-defined]  # what cannot be listed is told
    except TypeError:
        raise Wrong(
            f"For {case} a list of tuples (scale, left, top, side, mirrored) is needed; your function gives back {article(got)}."
        ) from None


Box = tuple[int, int, int, int, bool]


def _box(crop: object) -> Box:
    """One crop of the learner's list, four whole numbers and whether it is mirrored, or a sentence about what it is."""
    try:
        *numbers, mirrored = crop
    except TypeError:
        numbers = ()
    if len(numbers) != 4:
        raise Wrong(
            f"Your list holds {crop!r:.60}; a tuple (scale, left, top, side, mirrored) is needed for each crop."
        )
    for name, value in zip(("scale", "left", "top", "side"), numbers, strict=True):
        try:
            operator.index(value)
        except TypeError:
            raise Wrong(
                f"In your crop {tuple(crop)} `{name}` is {value!r}, {article(value)}. Pixels are counted in whole numbers: divide with `//`."
            ) from None
    if isinstance(mirrored, str) or mirrored not in (0, 1):
        raise Wrong(f"In your crop {tuple(crop)} `mirrored` is {mirrored!r}. Say True or False, without quotes.")
    return (*map(operator.index, numbers), bool(mirrored))


def _slipped_crops(
    height: int,
    width: int,
    *,
    longer: Callable[[float], int] = round,
    centre: Callable[[int, int], int] = lambda length, scale: (length - scale) // 2,
    far: int = 0,
    middle: Callable[[int], tuple[int, int]] = lambda scale: ((scale - PAPERS_SIZE) // 2,) * 2,
    in_photo: bool = True,
) -> Counter:
    """The 144 crops with a slip in them; as they stand, the arguments make none."""
    boxes: Counter = Counter()
    for scale in SCALES:
        length = longer(max(height, width) * scale / min(height, width))
        free = scale - PAPERS_SIZE + far
        five = [(0, 0), (free, 0), (0, free), (free, free), middle(scale)]
        six = [(across, down, PAPERS_SIZE) for across, down in five] + [(0, 0, scale)]
        for offset in (0, centre(length, scale), length - scale):
            left, top = (offset * in_photo, 0) if width >= height else (0, offset * in_photo)
            for across, down, side in six:
                for mirrored in (False, True):
                    boxes[scale, left + across, top + down, side, mirrored] += 1
    return boxes


_CENTRED = "What lies in the centre starts at half of the free space, rounded down"
_CROP_SLIPS: dict[str, tuple[dict[str, object], ...]] = {
    "The longer side is rounded to the nearest whole number: `round(...)`. Yours is cut off.": ({"longer": int},),
    "The longer side is rounded to the nearest whole number: `round(...)`. Yours is rounded up.": (
        {"longer": math.ceil},
    ),
    f"{_CENTRED}: `(longer - scale) // 2` for the square. Yours is rounded up.": (
        {"centre": lambda length, scale: math.ceil((length - scale) / 2)},
    ),
    f"{_CENTRED}: `(longer - scale) // 2` for the square. `round` goes to the even number.": (
        {"centre": lambda length, scale: round((length - scale) / 2)},
    ),
    f"{_CENTRED}: `(longer - scale) // 2` for the square. Yours starts in the middle of the photograph.": (
        {"centre": lambda length, scale: length // 2},
    ),
    "A crop at the far side of a square starts at `scale - 224`. Yours starts a pixel before it.": (
        {"far": -1},
        {"far": -1, "middle": lambda scale: ((scale - PAPERS_SIZE - 1) // 2,) * 2},
    ),
    "The centre crop of each square lies in the middle across, and yours at the top: it is in the middle downwards too.": (
        {"middle": lambda scale: ((scale - PAPERS_SIZE) // 2, 0)},
    ),
    "The centre crop of each square lies in the middle downwards, and yours at the left: it is in the middle across too.": (
        {"middle": lambda scale: (0, (scale - PAPERS_SIZE) // 2)},
    ),
    f"{_CENTRED}: `(scale - 224) // 2` for the crop. Yours starts in the middle of the square.": (
        {"middle": lambda scale: (scale // 2, scale // 2)},
    ),
    "Each crop's left and top are counted from the photograph's corner; yours are counted from the square's.": (
        {"in_photo": False},
    ),
}


def _compare_crops(mine: list[Box], crops: list[Crop], height: int, width: int, case: str) -> None:
    want = {(crop.scale, *crop.window, crop.mirrored): crop for crop in crops}
    have, need = Counter(mine), Counter((crop.scale, *crop.window, crop.mirrored) for crop in crops)
    if have == need:
        return
    before_reasons()
    start = f"For {case}"
    for words, slips in _CROP_SLIPS.items():
        if any(have == _slipped_crops(height, width, **slip) for slip in slips):
            missing = next(iter(need - have))
            raise Wrong(
                f"{start} {sum((need - have).values())} of the 144 crops are missing, {_placed(want[missing])}. {words}"
            )
    if len(mine) != len(crops):
        reasons = {
            72: "Half are missing: each crop counts twice, as it is and mirrored, or one of the scales' pairs is left out."
            if len({crop[4] for crop in mine}) == 2
            else "Half are missing: each crop is taken as it is and mirrored.",
            120: "The whole square, resized, is missing: six crops a square, not five."
            if not any(crop[3] == crop[0] for crop in mine)
            else "Five crops a square are there; six are needed.",
            48: "One square of three is there." if len({crop[0] for crop in mine}) == 4 else "",
            36: "One scale of four is there." if len({crop[0] for crop in mine}) == 1 else "",
        }
        needed = "4 × 3 × 6 × 2 = 144"
        more = (
            f", {len(mine) - len(crops)} more than {needed}." if len(mine) > len(crops) else f"; {needed} are expected."
        )
        raise Wrong(f"{start} your list has {len(mine)} crops{more} {reasons.get(len(mine), '')}".strip())
    scales = sorted({crop[0] for crop in mine})
    if scales != sorted(SCALES):
        raise Wrong(f"{start} your scales are {scales}; 256, 288, 320 and 352 are expected.")
    for scale, left, top, side, _ in mine:
        high, wide = (round(length * scale / min(height, width)) for length in (height, width))
        if top < 0 or left < 0 or top + side > high or left + side > wide:
            tail = ""
            if Counter((scale, top, left, side, mirrored) for scale, left, top, side, mirrored in mine) == need:
                tail = " Are top and left swapped? In a tall photograph the squares lie one below the other."
            raise Wrong(
                f"{start} at scale {scale} the photograph is {high} high and {wide} wide, and a crop at left={left}, top={top} "
                f"of side {side} reaches out of it.{tail}"
            )
    sides = Counter(crop[3] for crop in mine)
    if sides != Counter(crop.window[2] for crop in crops):
        tail = (
            " The sixth crop of a square is the whole square: its side is the scale."
            if set(sides) == {PAPERS_SIZE}
            else ""
        )
        raise Wrong(
            f"{start} your crops have sides {dict(sorted(sides.items()))}; five of six are {PAPERS_SIZE}, one is the scale.{tail}"
        )
    missing = next(iter(need - have))
    extra = min(have - need, key=lambda box: sum(abs(one - other) for one, other in zip(box, missing, strict=True)))
    raise Wrong(
        f"{start} {sum((need - have).values())} of the 144 crops are missing, {_placed(want[missing])}. The nearest of yours that "
        f"is none of the 144: scale={extra[0]}, left={extra[1]}, top={extra[2]}, side={extra[3]}, mirrored={extra[4]}."
    )


def _placed(crop: Crop) -> str:
    """A crop in words, with its numbers."""
    left, top, side = crop.window
    place = "the whole" if crop.place == "whole" else f"the {crop.place} crop"
    mirrored = ", mirrored" if crop.mirrored else ""
    return f"one of them {place} of the {crop.square} square at scale {crop.scale}{mirrored}: left={left}, top={top}, side={side}"


# 2.9


def counted_elsewhere(kind: str, parameters: int, shape: Sequence[int]) -> int:
    """What torchinfo takes the multiply-adds of a layer to be, for one image.

    Args:
        kind: the name of the layer's class.
        parameters: how many it has, weights and biases.
        shape: what it puts out for one image, the first being the channels.
    """
    return parameters * (math.prod(shape[1:]) if "Conv" in kind else 1)


@feedback.exercise(
    "2.9",
    title="torchinfo's rule",
    difficulty="medium",
    minutes=7,
    hints=(
        "Divide what torchinfo says by the layer's parameters. For which layers is that 1, and what is it for the others?",
        "It is 1, or the places of the grid that comes out: all sizes but the channels. Two lines are the same layer, and differ in one thing only: the name of the class.",
        '`return parameters * (math.prod(shape[1:]) if "Conv" in kind else 1)`',
    ),
    reference=counted_elsewhere,
)
def by_torchinfo(answer: Any) -> str:
    def convolutions(
        places: Callable[[Sequence[int]], int], known: Callable[[str], bool] = lambda kind: "Conv" in kind
    ) -> Callable[[str, int, Sequence[int]], int]:
        return lambda kind, parameters, shape: parameters * (places(shape) if known(kind) else 1)

    def all_places(shape: Sequence[int]) -> int:
        return math.prod(shape[1:])

    slips = {
        "A layer without `Conv` in the name of its class is counted once, whatever the grid.": convolutions(
            all_places, lambda kind: True
        ),
        "A layer with `Conv` in its name works at each place of the grid: each parameter is counted there.": (
            lambda kind, parameters, shape: parameters
        ),
        "The channels are no places: they are in the parameters already.": convolutions(math.prod),
        "A grid has height times width places, and more or fewer sides in other dimensions: take all but the channels.": [
            convolutions(lambda shape: shape[1] ** 2),
            convolutions(lambda shape: shape[-1] ** 2),
            convolutions(lambda shape: shape[1]),
            convolutions(lambda shape: shape[-1]),
            convolutions(lambda shape: shape[1] * shape[-1]),
        ],
        "A layer is taken for a convolution wherever `Conv` stands in the name of its class.": [
            convolutions(all_places, lambda kind: kind == "Conv2d"),
            convolutions(all_places, lambda kind: kind.startswith("Conv")),
            convolutions(all_places, lambda kind: kind.startswith("Conv2d")),
            convolutions(all_places, lambda kind: kind.endswith("Conv2d")),
            convolutions(all_places, lambda kind: kind in ("Conv2d", "ConvTranspose2d")),
            convolutions(all_places, lambda kind: kind != "Linear"),
            convolutions(all_places, lambda kind: kind not in ("Linear", "Window", "BatchNorm2d")),
            convolutions(all_places, lambda kind: "conv" in kind.lower()),
        ],
        "The biases are counted as well, at each place.": (
            lambda kind, parameters, shape: (
                (parameters - shape[0]) * math.prod(shape[1:]) if "Conv" in kind else parameters
            )
        ),
    }
    cases = (
        ("Conv2d", 2320, (16, 14, 14)),
        ("Conv2d", 456, (8, 5, 9)),
        ("Linear", 272, (14, 14, 16)),
        ("Window", 2320, (16, 14, 14)),
        ("ConvTranspose2d", 1024, (16, 28, 28)),
        ("BatchNorm2d", 32, (16, 12, 14)),
        ("SeparableConv", 144, (16, 6, 7)),
        ("Deconvolution", 90, (5, 6, 7)),
        ("Conv1d", 100, (4, 30)),
        ("Conv3d", 60, (2, 3, 5, 7)),
        ("MaxPool2d", 0, (16, 7, 7)),
        ("Linear", 10250, (10,)),
    )
    same_function(answer, counted_elsewhere, cases, result=number(whole=True), slips=slips)
    return "That is all that torchinfo looks at: a name, a number, a shape."
