"""What lesson 02 answers to its exercises."""

import math
import operator
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

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
from utils.feedback.answers import Slips, called, close, named_slip, require_function, returned, tensor_of
from utils.feedback.exercises import Feedback, Wrong, article
from utils.feedback.modules import build, layers_of, same_module

feedback = Feedback("googlenet", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

_NO_GRADIENT = "The values are right, and no gradient flows back through them: is there a `detach` or `no_grad`?"

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
def grid_after(answer):
    require_function(answer, but=nn.Module)
    cases = (
        (12, [(5, 1, 2, False)]),  # a whole number of steps: what is wrong here is no matter of rounding
        (224, [(7, 2, 3, False)]),
        (112, [(3, 2, 0, True)]),
        (12, [(3, 2, 0, True), (3, 2, 0, False)]),
        (9, [(5, 1, 2, False), (3, 3, 1, True)]),
        (30, []),
    )
    for size, layers in cases:
        case = f"size={size}, layers={layers}"
        got, want = answer(size, layers), size_after(size, layers)
        if got is None:
            raise Wrong(f"For {case} your function gives back nothing. Is the `return` missing, or inside of the loop?")
        if got == want:
            continue
        down = _slipped_size(size, layers, lambda steps, _up: math.floor(steps))
        up = _slipped_size(size, layers, lambda steps, _up: math.ceil(steps))
        without_first = _slipped_size(size, layers, first=0)
        slips = {
            "That is the grid after the first layer: is the `return` inside of the loop?": size_after(size, layers[:1]),
            "The last element of a layer says whether it rounds up: this one does.": down,
            "The last element of a layer says whether it rounds up: this one rounds down.": up,
            "Padding lies on both sides: `2 * padding`.": _slipped_size(size, layers, pads=1),
            "The first place of the window counts as well: 1 more than the steps.": without_first,
        }
        raise Wrong(f"For {case} you find {got}; {want} is expected.{named_slip(got, want, slips)}")
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
def global_average(answer):
    require_function(answer)
    generator = torch.Generator().manual_seed(0)
    for shape in ((2, 5, 7, 7), (3, 4, 6, 9), (1, 3, 1, 1), (5, 5, 5, 5)):
        x = torch.rand(shape, generator=generator, requires_grad=True)
        case = f"x of shape {shape}"
        got, want = answer(x), average(x)
        if isinstance(got, Tensor) and got.shape == (*shape[:2], 1, 1) and want.shape != got.shape:
            raise Wrong(
                f"For {case} your result has shape {tuple(got.shape)}: the axes of the grid are still there, with one cell. "
                "A dense layer needs them gone: (N, C)."
            )
        if isinstance(got, Tensor) and got.shape == (shape[0], math.prod(shape[1:])) and got.shape != want.shape:
            raise Wrong(
                f"For {case} your result has {got.shape[1]} numbers an image: flattening keeps them all. One a channel is needed."
            )
        got = tensor_of(got, case, want.shape)
        if close(got, want):
            if not got.requires_grad:
                raise Wrong(_NO_GRADIENT)
            continue
        places, divisor = shape[2] * shape[3], (x.sum() / got.sum()).item()
        sums = x.sum(dim=(2, 3))
        slips = {
            f"You add up all {places} places; divide by their number.": sums,
            f"You divide the sum by {divisor:.4g}, and here are {places} places: take their number from the shape of `x`.": (
                sums / divisor
            ),
            "You take the largest value of each channel; that is global max pooling.": x.amax(dim=(2, 3)),
        }
        found = named_slip(got, want, slips)
        if not found and any(close(got, x.mean(dim=axes)) for axes in ((1, 2), (0, 1), (1, 3))):
            found = " You average over other axes: height and width are axes 2 and 3."
        raise Wrong(f"For {case} the values are not those of an average over the grid.{found}")
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


def _lrn_slips(x: Tensor, size: int, alpha: float, beta: float, k: float) -> dict[str, Tensor]:
    """What comes out of common slips, by the sentence about each."""
    squares = x.square()
    sums = _window_sums(squares, size)
    ones = _window_sums(torch.ones_like(x), size)
    half = size // 2
    share = alpha / size

    def over(axes: tuple[int, ...]) -> Tensor:
        """The sum of squares over a window along the grid's axes."""
        window = [size if axis in axes else 1 for axis in (2, 3)]
        pads = [half if axis in axes else 0 for axis in (2, 3)]
        return F.avg_pool2d(squares, window, stride=1, padding=pads) * math.prod(window)

    def by(summed: Tensor, factor: float = share) -> Tensor:
        """The formula with these sums."""
        return x / (k + factor * summed) ** beta

    from_the_end = torch.stack([squares[:, c - half : c + half + 1].sum(dim=1) for c in range(x.shape[1])], dim=1)
    wrapped = torch.stack([squares.roll(step, dims=1) for step in range(-half, half + 1)]).sum(dim=0)
    own = {"size": size, "alpha": alpha, "beta": beta, "k": k}
    fixed = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0}
    unread = {
        f"You write {value:g} for `{name}`; take the argument `{name}`.": normalised(x, **own | {name: value})
        for name, value in fixed.items()
    }
    on_grid = {
        f"Your window lies on {where}. The neighbours are channels: axis 1.": by(over(axes))
        for where, axes in (("height and width", (2, 3)), ("the width", (3,)), ("the height", (2,)))
    }
    windows = {
        f"Your window reaches from the channel itself onwards; it has {half} neighbours on each side.": (size, 0),
        f"Your window begins at the channel itself; it has {half} neighbours before it as well.": (half + 1, 0),
        "Your window reaches backwards only; it has as many neighbours on each side.": (size, size - 1),
        f"Your window is one channel short: `range(c - {half}, c + {half})` stops before `c + {half}`.": (
            size - 1,
            half,
        ),
        f"Your window has {size} neighbours on each side; `size` counts the whole window.": (2 * size + 1, size),
    }
    of_windows = {words: by(_window_sums(squares, many, before=before)) for words, (many, before) in windows.items()}
    return unread | {
        "You write the constants as numbers; take the arguments `size`, `alpha`, `beta` and `k`.": normalised(x),
        f"For the first channels your slice starts below 0, which Python counts from the end: `max(c - {half}, 0)`.": (
            by(from_the_end)
        ),
        "You square the sum; the squares are to be added: first the square, then the sum.": by(
            _window_sums(x, size).square()
        ),
        "You leave `alpha` whole; the formula divides it by `size`.": by(sums, factor=alpha),
        "You divide by the number of neighbours that are there; the formula divides by `size` at the ends too.": (
            by(sums / ones, factor=alpha)
        ),
        **on_grid,
        "You add the neighbours themselves; their squares are to be added.": by(_window_sums(x, size)),
        "`k` is missing from the sum.": x / (share * sums) ** beta,
        "The power `beta` is missing.": x / (k + share * sums),
        "You multiply; the formula divides.": x * (k + share * sums) ** beta,
        **of_windows,
        "You leave the channel itself out of its own window.": by(sums - squares),
        "The sum goes over all channels; the window has `size` of them.": by(squares.sum(dim=1, keepdim=True)),
        "The neighbours beyond the first and last channel are zeros; yours wrap around to the other end.": by(wrapped),
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
def local_response_norm(answer):
    require_function(answer, but=nn.Module)
    generator = torch.Generator().manual_seed(0)
    cases = (
        ((2, 9, 8, 7), {"size": 5, "alpha": 0.8, "beta": 0.75, "k": 2.0}),
        ((1, 6, 5, 9), {"size": 3, "alpha": 1.5, "beta": 0.5, "k": 1.0}),
        ((2, 3, 6, 6), {"size": 5, "alpha": 0.5, "beta": 0.75, "k": 1.0}),
    )
    changed = (
        "Your function changes the `x` that it was given. Other layers read it too: write the result into a new tensor."
    )
    for shape, constants in cases:
        x = torch.rand(shape, generator=generator) + 0.2
        case = f"x of shape {shape} and {', '.join(f'{name}={value}' for name, value in constants.items())}"
        try:
            with _Calls() as calls:
                got = called(partial(answer, **constants), (x,), changed)
        except RuntimeError as error:
            if "must match" not in str(error):
                raise
            raise Wrong(
                f"For {case} two tensors do not fit: {error}. Each sum must have as many channels as `x`. `F.pad` counts from "
                "the last axis, so the channels are its third pair: `F.pad(x**2, (0, 0, 0, 0, before, after))`."
            ) from error
        if "local_response_norm" in calls.names:
            raise Wrong(
                "`F.local_response_norm` is torch's own, with which this check compares. Here write the sum over the window "
                "yourself, from the formula."
            )
        got = tensor_of(got, case, shape)
        want = normalised(x, **constants)
        if close(got, want):
            continue
        slips = _lrn_slips(x, **constants)
        far = (got - want).abs().max().item()
        raise Wrong(f"For {case} the values differ by up to {far:.3g}.{named_slip(got, want, slips)}")
    x = (60 * torch.rand(2, 8, 4, 4, generator=generator)).requires_grad_()
    got = tensor_of(answer(x), "x of shape (2, 8, 4, 4) alone, with the constants of the first line", (2, 8, 4, 4))
    if not close(got, normalised(x)):
        raise Wrong(
            "With the constants left out the values differ: keep size=5, alpha=1e-4, beta=0.75 and k=1.0 in the first line."
        )
    if not got.requires_grad:
        raise Wrong(_NO_GRADIENT)
    return "It agrees with `nn.LocalResponseNorm`."


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
def modules_from_table(answer):
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
    Line("small and right", 4, 90, 4 * 1024, 90_000_000, 56),
    Line("both wrong", 80, 70, 100 * 1024, 50_000_000, 14),
    Line("large and right", 1000, 300, 1_024_000, 301_000_000, 28),
)


def _slipped(
    kilo: float = 1024,
    million: float = 1e6,
    join: Callable = any,
    size: Callable = abs,
    columns: Sequence[int] = (0, 1),
) -> list[str]:
    """What `off` finds in the made-up table with a slip in it."""
    found = []
    for line in _MADE_UP:
        away = line.weights / kilo - line.printed_params, line.macs / million - line.printed_ops
        if join(size(away[column]) > 1.5 for column in columns):
            found.append(line.name)
    return sorted(found)


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
def rows_off(answer):
    require_function(answer, but=nn.Module)
    got = answer(_MADE_UP)
    if got is None:
        raise Wrong("Your function gives back nothing. Is the `return` missing?")
    try:
        got = list(got)
    except TypeError:
        raise Wrong(f"A list of names is needed; your function gives back {article(got)}.") from None
    if got and all(isinstance(each, Line) for each in got):
        raise Wrong("Your list holds whole rows. Names are asked: `line.name`.")
    if got and all(isinstance(each, bool) for each in got):
        raise Wrong("Your list holds a yes or no for each row. Names of those that are off are asked.")
    want = off(_MADE_UP)
    papers = {row.name.removeprefix("inception ").strip("()") for row in TABLE_1}
    if got and set(map(str, got)) <= papers:
        raise Wrong(
            "Your list names rows of Table 1, and the check hands over a made-up table: loop over the argument `lines`, not "
            "over `table`."
        )
    if sorted(map(str, got)) != sorted(want):
        slips = {
            "The parameters are not looked at: a row can be off in them alone.": _slipped(columns=[1]),
            "The operations are not looked at: a row can be off in them alone.": _slipped(columns=[0]),
            "These are the rows that agree; the others are asked.": sorted(
                {line.name for line in _MADE_UP} - set(want)
            ),
            "K is 1024 in this table, as lesson 01 found.": _slipped(kilo=1000),
            "An operation is one multiply-add, and a million of them is 1,000,000.": _slipped(million=1024**2),
            "One figure that is off is enough: `or`, not `and`.": _slipped(join=all),
            "A printed figure can be too large as well: compare `abs(...)`.": _slipped(size=lambda value: value),
            "A printed figure can be too small as well: compare `abs(...)`.": _slipped(size=lambda value: -value),
        }
        tail = next((words for words, names in slips.items() if sorted(map(str, got)) == names), "")
        missing = [name for name in want if name not in got]
        extra = [name for name in got if name not in want]
        parts = []
        if missing:
            parts.append(f"{_quoted(missing)} {'is' if len(missing) == 1 else 'are'} missing")
        if extra:
            parts.append(f"{_quoted(extra)} {'does' if len(extra) == 1 else 'do'} not belong in it")
        if not parts:
            parts.append("a name stands in it more than once")
        raise Wrong(f"On a made-up table your list is not right: {' and '.join(parts)}. {tail}".strip())
    for tolerance in (12, 25):
        if sorted(answer(_MADE_UP, tolerance)) != sorted(off(_MADE_UP, tolerance)):
            raise Wrong(
                f"With tolerance={tolerance} the list is not right: compare with `tolerance`, not with a number of its own."
            )
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
def aux_head(answer):
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
    shape, told = (in_channels, 14, 14), []
    mine, theirs = (
        max(row.macs for row in profile(net, shape).rows if row.kind == "conv")
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
        made.eval()(torch.randn(2, *shape, generator=torch.Generator().manual_seed(0)))
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
def loss_with_aux(answer):
    require_function(answer, but=nn.Module)
    generator = torch.Generator().manual_seed(0)
    for heads, weight in ((2, 0.3), (1, 0.5), (3, 0.1), (0, 0.3)):
        made = [torch.randn(6, 5, generator=generator).requires_grad_() for _ in range(heads + 1)]
        labels = torch.randint(5, (6,), generator=generator)
        outputs = Outputs(made[0], tuple(made[1:]))
        case = f"{heads} head{'' if heads == 1 else 's'} and aux_weight={weight}"
        try:
            got = answer(outputs, labels, weight)
        except (IndexError, RuntimeError) as error:
            lead = _why_the_loss_stops(error, heads)
            if not lead:
                raise
            raise Wrong(f"For {case} your code stops: {error}. {lead}") from error
        if isinstance(returned(got, case), float):
            raise Wrong(
                f"For {case} your function gives back a plain number: no gradient flows from it. Leave `.item()` out."
            )
        if isinstance(got, Tensor) and got.shape == (1,):
            got = got[0]
        got = tensor_of(got, case, ())
        main, *side = (F.cross_entropy(each, labels) for each in made)
        want = main + weight * sum(side)
        if not close(got, want):
            raise Wrong(
                f"For {case} you get {got.item():.4f}; {want.item():.4f} is expected."
                f"{named_slip(got, want, _loss_slips(main, side, weight, made, labels))}"
            )
        if not got.requires_grad:
            raise Wrong(
                "The value is right, and no gradient flows from it: is there a `detach`, `no_grad` or `.item()`?"
            )
        got.backward()
        for position, logits in enumerate(made):
            if logits.grad is None:
                name = "the main logits" if position == 0 else f"head {position}"
                raise Wrong(f"The value is right, and no gradient reaches {name}: is there a `detach` or `.item()`?")
    outputs, labels = Outputs(torch.randn(4, 3), (torch.randn(4, 3),)), torch.tensor([0, 1, 2, 0])
    if not close(answer(outputs, labels), loss(outputs, labels)):
        raise Wrong("With aux_weight left out the value differs: keep 0.3 in the first line.")
    return "Each head adds 0.3 of its own loss, and a network without heads its main loss alone."


def _why_the_loss_stops(error: Exception, heads: int) -> str:
    """The sentence about an error that comes from the number of heads or from the order of arguments, or nothing."""
    if isinstance(error, IndexError):
        return f"`outputs.aux` holds {heads} here: go through it with a loop, which runs once for each head."
    if not heads and "non-empty" in str(error):
        return "`outputs.aux` is empty here, and there is nothing to stack: a sum that starts at the main loss needs no head."
    if "not implemented for 'Long'" in str(error) or ("Long" in str(error) and "target" in str(error)):
        return "`F.cross_entropy` takes the logits first, then the labels."
    return ""


def _loss_slips(main: Tensor, side: list[Tensor], weight: float, made: list[Tensor], labels: Tensor) -> Slips:
    """What slips make of the loss."""
    total = sum(side)
    softmax, *softmaxes = (F.cross_entropy(each.softmax(dim=1), labels) for each in made)
    summed, *sums = (F.cross_entropy(each, labels, reduction="sum") for each in made)
    slips = {"The heads are weighted: `aux_weight` times each.": main + total, "The heads are missing.": main}
    if side:
        slips |= {
            "The heads' losses are added, not averaged.": main + weight * total / len(side),
            "Only the heads are weighted: the main loss counts in full.": weight * (main + total),
            "Only one head is in it: the first.": main + weight * side[0],
            "Only one head is in it: the last.": main + weight * side[-1],
            "The main loss is missing.": weight * total,
            "You write 0.3 for the weight; take the argument `aux_weight`.": main + 0.3 * total,
            "The main loss keeps its full weight: it is not `1 - aux_weight`.": (1 - weight) * main + weight * total,
            "The heads' losses are added, not taken away.": main - weight * total,
        }
    return slips | {
        "`F.cross_entropy` applies the softmax itself: hand it the logits.": softmax + weight * sum(softmaxes),
        "The mean over the images is asked, not their sum.": summed + weight * sum(sums),
    }


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
def test_crops(answer):
    require_function(answer, but=nn.Module)
    for height, width in ((400, 600), (500, 400), (300, 300), (160, 320), (375, 500), (640, 427)):
        case = f"height={height}, width={width}"
        got = returned(answer(height, width), case)
        try:
            mine = [_box(crop) for crop in got]
        except TypeError:
            raise Wrong(
                f"For {case} a list of tuples (scale, left, top, side, mirrored) is needed; your function gives back {article(got)}."
            ) from None
        _compare_crops(mine, crops_144(height, width), height, width, case)
    return "144 looks, wide, tall and square photographs alike."


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
        raise Wrong(
            f"{start} your list has {len(mine)} crops; 4 × 3 × 6 × 2 = 144 are expected. {reasons.get(len(mine), '')}".strip()
        )
    scales = sorted({crop[0] for crop in mine})
    if scales != sorted(SCALES):
        raise Wrong(f"{start} your scales are {scales}; 256, 288, 320 and 352 are expected.")
    for scale, left, top, side, _ in mine:
        high, wide = (round(length * scale / min(height, width)) for length in (height, width))
        if top < 0 or left < 0 or top + side > high or left + side > wide:
            tail = ""
            if (left + side <= high) and (top + side <= wide) and height != width:
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
