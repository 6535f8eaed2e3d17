"""What lesson 02 answers to its exercises."""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.googlenet.table import Line
from lessons.inception_module.blocks import InceptionModule, Widths
from lessons.layers import ConvReLU, Outputs
from utils.compare import build, same_module
from utils.crops import PAPERS_SIZE, crops_144
from utils.feedback import Feedback, Wrong, article

feedback = Feedback("googlenet", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


def _function(answer: object) -> None:
    if not callable(answer) or isinstance(answer, nn.Module):
        raise Wrong(f"Hand over the function itself, without calling it. This is {article(answer)}.")


def _tensor(got: object, shape: tuple[int, ...], case: str) -> Tensor:
    """The learner's result as a tensor of that shape, or a sentence about what it is instead."""
    if not isinstance(got, Tensor):
        hint = " Is the `return` missing?" if got is None else ""
        raise Wrong(f"For {case} your function gives back {article(got)} where a tensor is needed.{hint}")
    if tuple(got.shape) != shape:
        raise Wrong(f"For {case} your result has shape {tuple(got.shape)}; {shape} is expected.")
    return got


def _close(mine: Tensor, theirs: Tensor) -> bool:
    return mine.shape == theirs.shape and torch.allclose(mine.detach(), theirs.detach(), rtol=1e-4, atol=1e-6)


# 2.1


def size_after(size: int, layers: Sequence[tuple[int, int, int, bool]]) -> int:
    """Side of the grid after layers of (window, stride, padding, whether it rounds up)."""
    for window, stride, padding, rounds_up in layers:
        steps = (size + 2 * padding - window) / stride
        size = (math.ceil(steps) if rounds_up else math.floor(steps)) + 1
    return size


def _with(rounding: Callable, *, pads: int = 2, first: int = 1) -> Callable[[int, Sequence], int]:
    """`size_after` with a slip in it: another rounding, padding on one side, the first place forgotten."""

    def slipped(size: int, layers: Sequence[tuple[int, int, int, bool]]) -> int:
        for window, stride, padding, rounds_up in layers:
            size = rounding((size + pads * padding - window) / stride, rounds_up) + first
        return size

    return slipped


def _right_way(steps: float, rounds_up: bool) -> int:
    return math.ceil(steps) if rounds_up else math.floor(steps)


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
    _function(answer)
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
        text = f"For {case} you find {got}; {want} is expected."
        slips = {
            " The last element of a layer says whether it rounds up: this one does.": _with(
                lambda s, _up: math.floor(s)
            ),
            " The last element of a layer says whether it rounds up: this one rounds down.": _with(
                lambda s, _up: math.ceil(s)
            ),
            " Padding lies on both sides: `2 * padding`.": _with(_right_way, pads=1),
            " The first place of the window counts as well: 1 more than the steps.": _with(_right_way, first=0),
        }
        tail = next((words for words, slip in slips.items() if got == slip(size, layers)), "")
        raise Wrong(text + tail)
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
    _function(answer)
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
        got = _tensor(got, tuple(want.shape), case)
        if _close(got, want):
            if not got.requires_grad:
                raise Wrong(
                    "The values are right, and no gradient flows back through them: is there a `detach` or `no_grad`?"
                )
            continue
        text = f"For {case} the values are not those of an average over the grid."
        if _close(got, x.sum(dim=(2, 3))):
            text += f" You add up all {shape[2] * shape[3]} places; divide by their number."
        elif _close(got, x.amax(dim=(2, 3))):
            text += " You take the largest value of each channel; that is global max pooling."
        elif got.shape in (x.mean(dim=(1, 2)).shape, x.mean(dim=(0, 1)).shape) and (
            _close(got, x.mean(dim=(1, 2))) or _close(got, x.mean(dim=(0, 1))) or _close(got, x.mean(dim=(1, 3)))
        ):
            text += " You average over other axes: height and width are axes 2 and 3."
        raise Wrong(text)
    return "One number a channel is left, whatever the size of the grid."


# 2.3


def normalised(x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Local response normalisation over neighbouring channels: (N, C, H, W) -> the same."""
    return F.local_response_norm(x, size, alpha=alpha, beta=beta, k=k)


def _window_sums(values: Tensor, size: int, *, before: int | None = None) -> Tensor:
    """Sums over a window of `size` neighbours along axis 1, `before` of them on the left; zeros beyond the ends."""
    before = size // 2 if before is None else before
    padded = F.pad(values, (0, 0, 0, 0, before, size - 1 - before))
    return sum(padded[:, start : start + values.shape[1]] for start in range(size))


def _lrn_slips(x: Tensor, size: int, alpha: float, beta: float, k: float) -> dict[str, Tensor]:
    """What comes out of common slips, by the sentence about each."""
    squares = x.square()
    sums = _window_sums(squares, size)
    ones = _window_sums(torch.ones_like(x), size)
    half = size // 2
    # Over a window of `size` times `size` places of the same channel.
    over_space = F.avg_pool2d(squares, size, stride=1, padding=half) * size**2
    share = alpha / size
    return {
        "You leave `alpha` whole; the formula divides it by `size`.": x / (k + alpha * sums) ** beta,
        "You divide by the number of neighbours that are there; the formula divides by `size` at the ends too.": x
        / (k + alpha * sums / ones) ** beta,
        "Your window lies on height and width. The neighbours are channels: axis 1.": x
        / (k + share * over_space) ** beta,
        "You add the neighbours themselves; their squares are to be added.": x
        / (k + share * _window_sums(x, size)) ** beta,
        "`k` is missing from the sum.": x / (share * sums) ** beta,
        "The power `beta` is missing.": x / (k + share * sums),
        "You multiply; the formula divides.": x * (k + share * sums) ** beta,
        f"Your window reaches from the channel itself onwards; it has {half} neighbours on each side.": x
        / (k + share * _window_sums(squares, size, before=0)) ** beta,
        "Your window reaches backwards only; it has as many neighbours on each side.": x
        / (k + share * _window_sums(squares, size, before=size - 1)) ** beta,
        f"Your window is one channel short: `range(c - {half}, c + {half})` stops before `c + {half}`.": x
        / (k + share * _window_sums(squares, size - 1, before=half)) ** beta,
        f"Your window has {size} neighbours on each side; `size` counts the whole window.": x
        / (k + share * _window_sums(squares, 2 * size + 1)) ** beta,
        "You leave the channel itself out of its own window.": x / (k + share * (sums - squares)) ** beta,
        "The sum goes over all channels; the window has `size` of them.": x
        / (k + share * squares.sum(dim=1, keepdim=True)) ** beta,
        "The neighbours beyond the first and last channel are zeros; yours wrap around to the other end.": x
        / (k + share * sum(squares.roll(step, dims=1) for step in range(-half, half + 1))) ** beta,
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
    _function(answer)
    generator = torch.Generator().manual_seed(0)
    cases = (
        ((2, 9, 8, 7), {"size": 5, "alpha": 0.8, "beta": 0.75, "k": 2.0}),
        ((1, 6, 5, 9), {"size": 3, "alpha": 1.5, "beta": 0.5, "k": 1.0}),
        ((2, 3, 6, 6), {"size": 5, "alpha": 0.5, "beta": 0.75, "k": 1.0}),
    )
    for shape, constants in cases:
        x = torch.rand(shape, generator=generator) + 0.2
        given = x.clone()
        case = f"x of shape {shape} and {', '.join(f'{name}={value}' for name, value in constants.items())}"
        got = _tensor(answer(x, **constants), shape, case)
        if not torch.equal(x, given):
            raise Wrong(
                "Your function changes the `x` that it was given. Other layers read it too: write the result into a new tensor."
            )
        if _close(got, normalised(given, **constants)):
            continue
        slips = _lrn_slips(given, **constants)
        tail = next((words for words, values in slips.items() if _close(got, values)), "")
        far = (got - normalised(given, **constants)).abs().max().item()
        raise Wrong(f"For {case} the values differ by up to {far:.3g}. {tail}".strip())
    x = (60 * torch.rand(2, 8, 4, 4, generator=generator)).requires_grad_()
    got = _tensor(answer(x), (2, 8, 4, 4), "x of shape (2, 8, 4, 4) alone, with the constants of the first line")
    if not _close(got, normalised(x)):
        raise Wrong(
            "With the constants left out the values differ: keep size=5, alpha=1e-4, beta=0.75 and k=1.0 in the first line."
        )
    if not got.requires_grad:
        raise Wrong("The values are right, and no gradient flows back through them: is there a `detach` or `no_grad`?")
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
    """Raise `Wrong` where the pools are missing, misplaced or round down."""
    try:
        with torch.no_grad():
            out = made(torch.zeros(1, in_channels, *grid))
    except Exception:
        return  # what does not run is explained by the comparison
    pools = [layer for layer in made.modules() if isinstance(layer, nn.MaxPool2d) and layer.stride in (2, (2, 2))]
    if not isinstance(out, Tensor) or out.dim() != 4:
        return
    want = tuple(size_after(side, [(3, 2, 0, True)] * 2) for side in grid)
    if tuple(out.shape[2:]) == grid:
        raise Wrong(
            f"A grid of {grid[0]}×{grid[1]} comes out as it went in. A pool of stride 2 belongs before 4a and before 5a."
        )
    if tuple(out.shape[2:]) != want and pools and not all(pool.ceil_mode for pool in pools):
        raise Wrong(
            f"A grid of {grid[0]}×{grid[1]} comes out as {out.shape[2]}×{out.shape[3]}; {want[0]}×{want[1]} is expected. "
            "The pools round up: `ceil_mode=True`."
        )
    children = list(made.children()) if isinstance(made, nn.Sequential) else []
    kinds = ["pool" if isinstance(child, nn.MaxPool2d) else "module" for child in children]
    if kinds.count("module") == len(table) and kinds.count("pool") == 2 and len(kinds) == len(table) + 2:
        before = [kinds[:place].count("module") for place, kind in enumerate(kinds) if kind == "pool"]
        names = [name.removeprefix("inception_") for name in table]
        for count, wanted in zip(before, (names.index("4a"), names.index("5a")), strict=True):
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


def _slipped(kilo: float = 1024, million: float = 1e6, both: bool = False, size: Callable = abs) -> Callable:
    """`off` with a slip in it."""

    def names(lines: Sequence[Line], tolerance: float = 1.5) -> list[str]:
        join = all if both else any
        return [
            line.name
            for line in lines
            if join(
                size(value) > tolerance
                for value in (line.weights / kilo - line.printed_params, line.macs / million - line.printed_ops)
            )
        ]

    return names


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
    _function(answer)
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
    if sorted(map(str, got)) != sorted(want):
        slips = {
            "K is 1024 in this table, as lesson 01 found.": _slipped(kilo=1000),
            "An operation is one multiply-add, and a million of them is 1,000,000.": _slipped(million=1024**2),
            "One figure that is off is enough: `or`, not `and`.": _slipped(both=True),
            "A printed figure can be too large as well: compare `abs(...)`.": _slipped(size=lambda value: value),
            "A printed figure can be too small as well: compare `abs(...)`.": _slipped(size=lambda value: -value),
        }
        tail = next((words for words, slip in slips.items() if sorted(map(str, got)) == sorted(slip(_MADE_UP))), "")
        only_params = [line.name for line in _MADE_UP if abs(line.weights / 1024 - line.printed_params) > 1.5]
        only_ops = [line.name for line in _MADE_UP if abs(line.macs / 1e6 - line.printed_ops) > 1.5]
        if sorted(map(str, got)) == sorted(only_params):
            tail = "The operations are not looked at: a row can be off in them alone."
        elif sorted(map(str, got)) == sorted(only_ops):
            tail = "The parameters are not looked at: a row can be off in them alone."
        elif sorted(map(str, got)) == sorted({line.name for line in _MADE_UP} - set(want)):
            tail = "These are the rows that agree; the others are asked."
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
        if not _is_steady(made, in_channels):
            raise Wrong(
                "In evaluation mode the head gives another result each time: dropout must be off there. `nn.Dropout` sees "
                "to that by itself."
            )
        same_module(made, head(in_channels, num_classes), (in_channels, 14, 14))
    _dropout(made, in_channels, num_classes)
    return "It is the head of figure 3, with its dropout in front of the last layer."


def _is_steady(made: nn.Module, in_channels: int) -> bool:
    """Does the module give the same result each time in evaluation mode? One that does not run is not judged here."""
    x = torch.rand(4, in_channels, 14, 14, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            return torch.equal(made.eval()(x), made(x))
    except Exception:
        return True
    finally:
        made.train()


def _dropout(made: nn.Module, in_channels: int, num_classes: int) -> None:
    """Raise `Wrong` unless seven in ten of the last layer's inputs are dropped in training."""
    last = [layer for layer in made.modules() if isinstance(layer, nn.Linear) and layer.out_features == num_classes]
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
        "`outputs.aux` is a tuple of logits. It may be empty: then the main loss is all.",
        "`loss = F.cross_entropy(outputs.logits, labels)`, then `for logits in outputs.aux: loss = loss + aux_weight * F.cross_entropy(logits, labels)`",
    ),
    reference=loss,
)
def loss_with_aux(answer):
    _function(answer)
    generator = torch.Generator().manual_seed(0)
    for heads, weight in ((2, 0.3), (1, 0.5), (3, 0.1), (0, 0.3)):
        made = [torch.randn(6, 5, generator=generator).requires_grad_() for _ in range(heads + 1)]
        labels = torch.randint(5, (6,), generator=generator)
        outputs = Outputs(made[0], tuple(made[1:]))
        case = f"{heads} head{'' if heads == 1 else 's'} and aux_weight={weight}"
        got = answer(outputs, labels, weight)
        if got is None:
            raise Wrong(f"For {case} your function gives back nothing. Is the `return` missing?")
        if isinstance(got, float):
            raise Wrong(
                f"For {case} your function gives back a plain number: no gradient flows from it. Leave `.item()` out."
            )
        if isinstance(got, Tensor) and got.shape == (1,):
            got = got[0]
        got = _tensor(got, (), case)
        main, *side = (F.cross_entropy(each, labels) for each in made)
        want = main + weight * sum(side)
        if not _close(got, want):
            raise Wrong(
                f"For {case} you get {got.item():.4f}; {want.item():.4f} is expected.{_loss_slip(got, main, side, weight, made, labels)}"
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
    if not _close(answer(outputs, labels), loss(outputs, labels)):
        raise Wrong("With aux_weight left out the value differs: keep 0.3 in the first line.")
    return "Each head adds 0.3 of its own loss, and a network without heads its main loss alone."


def _loss_slip(got: Tensor, main: Tensor, side: list[Tensor], weight: float, made: list[Tensor], labels: Tensor) -> str:
    """The sentence about the slip that gives this loss, or nothing."""
    total = sum(side)
    slips = {" The heads are weighted: `aux_weight` times each.": main + total, " The heads are missing.": main}
    if side:
        slips |= {
            " The heads' losses are added, not averaged.": main + weight * total / len(side),
            " Only the heads are weighted: the main loss counts in full.": weight * (main + total),
            " Only one head is in it.": main + weight * side[0],
            " The main loss keeps its full weight: it is not `1 - aux_weight`.": (1 - weight) * main + weight * total,
            " The heads' losses are added, not taken away.": main - weight * total,
        }
    softmax = [F.cross_entropy(each.softmax(dim=1), labels) for each in made]
    slips[" `F.cross_entropy` applies the softmax itself: hand it the logits."] = softmax[0] + weight * sum(softmax[1:])
    sums = [F.cross_entropy(each, labels, reduction="sum") for each in made]
    slips[" The mean over the images is asked, not their sum."] = sums[0] + weight * sum(sums[1:])
    return next((words for words, value in slips.items() if _close(got, torch.as_tensor(value))), "")


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
    _function(answer)
    for height, width in ((400, 600), (500, 400), (300, 300), (160, 320)):
        case = f"height={height}, width={width}"
        got = answer(height, width)
        if got is None:
            raise Wrong(f"For {case} your function gives back nothing. Is the `return` missing?")
        try:
            mine = [(*map(int, (scale, left, top, side)), bool(mirrored)) for scale, left, top, side, mirrored in got]
        except (TypeError, ValueError):
            raise Wrong(
                f"For {case} a list of tuples (scale, left, top, side, mirrored) is needed, whole numbers and a yes or no."
            ) from None
        _compare_crops(mine, looks(height, width), height, width, case)
    return "144 looks, wide, tall and square photographs alike."


def _compare_crops(mine: list[tuple], want: list[tuple], height: int, width: int, case: str) -> None:
    have, need = Counter(mine), Counter(want)
    if have == need:
        return
    start = f"For {case}"
    if len(mine) != len(want):
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
    if scales != sorted({crop[0] for crop in want}):
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
    if sides != Counter(crop[3] for crop in want):
        tail = (
            " The sixth crop of a square is the whole square: its side is the scale."
            if set(sides) == {PAPERS_SIZE}
            else ""
        )
        raise Wrong(
            f"{start} your crops have sides {dict(sorted(sides.items()))}; five of six are {PAPERS_SIZE}, one is the scale.{tail}"
        )
    missing = next(iter(need - have))
    extra = next(iter(have - need))
    scale, left, top, side, mirrored = missing
    squares = "left, centre and right" if width >= height else "top, centre and bottom"
    raise Wrong(
        f"{start} this crop is missing: scale={scale}, left={left}, top={top}, side={side}, mirrored={mirrored}; and this one of "
        f"yours is none of the 144: scale={extra[0]}, left={extra[1]}, top={extra[2]}, side={extra[3]}. "
        f"The squares are {squares}; each crop's left and top are counted from the photograph's corner, not the square's."
    )
