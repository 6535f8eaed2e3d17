"""The stage lab of lesson 06: Inception-v4 with its padding, its repeats and its letters as handles."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import ipywidgets
import torch
from torch import nn

from labs.design_costs import color_of
from lessons.inception_v4.grids import along, cells_left
from lessons.inception_v4.printed import TABLE_1, Layer
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths
from networks.inception_v2 import InceptionB, InceptionC, ReductionB, forked_out_channels
from networks.inception_v4 import (
    FIGURE_4,
    FIGURE_5,
    FIGURE_6,
    FIGURE_8,
    REPEATS_A,
    REPEATS_B,
    REPEATS_C,
    PoolAndConv,
    ShortAndLong,
)
from networks.layers import ConvBNAct
from utils.cost import units
from utils.cost.table import Cost, profile, short, total
from utils.lab_frame.frame import Lab, View, choice, slider
from utils.page.html import Html, bold, side_by_side, spark, table, text

PRINTED, SAME, SAME_POOLS, SAME_CONVS = "as printed", "all same", "pools same, convs V", "convs same, pools V"
PADDINGS = {  # of convolutions and of pools, where the figures have a V
    PRINTED: ("valid", "valid"),
    SAME: ("same", "same"),
    SAME_POOLS: ("valid", "same"),
    SAME_CONVS: ("same", "valid"),
}
CLASSES = 1000


@dataclass(frozen=True)
class Design:
    """The settings of the stage lab. `side` is the image's; `a`, `b` and `c` are repeats; `k` to `n` are figure 7's."""

    side: int
    stem: str
    last_stride: int
    reductions: str
    a: int
    b: int
    c: int
    k: int
    l: int
    m: int
    n: int


@dataclass(frozen=True)
class Part:
    """One line of the lab's table: what stands there, what it puts out, what it leaves over and what it costs."""

    name: str
    repeats: int
    channels: int
    grid: int
    left: int
    cost: Cost


def parts(design: Design) -> list[Part]:
    """The parts of the network from the image to the classifier.

    Raises:
        ValueError: a fork or a reduction whose branches end on different grids, or a grid with no cell left.
    """
    return list(_walk(design))


def _walk(design: Design) -> Iterator[Part]:
    convs, pools = PADDINGS[design.stem]
    channels, grid = 3, design.side
    for number, (width, stride, padding) in enumerate(((32, 2, convs), (32, 1, convs), (64, 1, "same")), start=1):
        layer = Layer(3, stride, padding, width)
        make = partial(ConvBNAct, channels, width, kernel_size=3, stride=stride, padding=padding)
        yield Part(f"conv {number}", 1, width, _behind(grid, layer, f"conv {number}"), cells_left(grid, layer), _cost(make, channels, grid))  # fmt: skip
        channels, grid = width, along(grid, (layer,))[-1]

    ends = _ends("Fork 1", grid, Layer(3, 2, convs), Layer(3, 2, pools))
    make = partial(PoolAndConv, channels, 96, stride=2, padding=convs)
    yield Part("fork 1", 1, channels + 96, ends, cells_left(grid, Layer(3, 2, convs)), _cost(make, channels, grid))
    channels, grid = channels + 96, ends

    layer = Layer(3, 1, convs, 96)
    make = partial(ShortAndLong, channels, reduce=64, width=96, padding=convs)
    yield Part("fork 2", 1, 192, _behind(grid, layer, "Fork 2"), 0, _cost(make, channels, grid))
    channels, grid = 192, along(grid, (layer,))[-1]

    ends = _ends("Fork 3", grid, Layer(3, design.last_stride, convs), Layer(3, 2, pools))
    make = partial(PoolAndConv, channels, 192, stride=2, padding=convs)
    yield Part("fork 3", 1, 384, ends, cells_left(grid, Layer(3, 2, convs)), _cost(make, channels, grid))
    channels, grid = 384, ends

    if design.a:
        yield _repeated("A", InceptionA, FIGURE_4, design.a, channels, FIGURE_4.out_channels, grid)
        channels = FIGURE_4.out_channels
    widths = ReductionWidths(single=(design.n,), stacked=(design.k, design.l, design.m))
    yield (part := _reduction("reduction A", ReductionA, widths, design, channels, grid))
    channels, grid = part.channels, part.grid
    if design.b:
        yield _repeated("B", InceptionB, FIGURE_5, design.b, channels, FIGURE_5.out_channels, grid)
        channels = FIGURE_5.out_channels
    yield (part := _reduction("reduction B", ReductionB, FIGURE_8, design, channels, grid))
    channels, grid = part.channels, part.grid
    if design.c:
        block = partial(InceptionC, stacked_kernels=((3, 1), (1, 3)))
        yield _repeated("C", block, FIGURE_6, design.c, channels, forked_out_channels(FIGURE_6), grid)
        channels = forked_out_channels(FIGURE_6)
    dense = channels * CLASSES
    yield Part("classifier", 1, CLASSES, 1, 0, Cost(dense + CLASSES, dense, CLASSES))


def _behind(grid: int, layer: Layer, name: str) -> int:
    """The grid behind a layer, if a window fits on it.

    Raises:
        ValueError: it does not.
    """
    if layer.padding == "valid" and grid < layer.window:
        raise ValueError(
            f"{name} has a window of {layer.window}, and a grid of {grid}×{grid} is left: take a larger image."
        )
    return along(grid, (layer,))[-1]


def _ends(name: str, grid: int, conv: Layer, pool: Layer) -> int:
    """The grid behind a convolution beside a pool.

    Raises:
        ValueError: they end on different grids.
    """
    ends = [_behind(grid, layer, name) for layer in (conv, pool)]
    if ends[0] != ends[1]:
        if conv.stride != pool.stride:
            why = f"The convolution keeps its stride of {conv.stride}, and the pool has a stride of {pool.stride}."
        else:
            padded = "pool" if pool.padding == "same" else "convolution"
            why = f"The {padded} has padding, and so one place more in each row."
        raise ValueError(
            f"{name} on a grid of {grid}×{grid}: the convolution ends on {ends[0]}×{ends[0]}, the pool on {ends[1]}×{ends[1]}, and "
            f"different grids cannot be concatenated. {why}"
        )
    return ends[0]


def _repeated(
    name: str, block: Callable[..., nn.Module], widths, repeats: int, channels: int, out: int, grid: int
) -> Part:
    """Equal modules one after another; the first one may read another number of channels."""
    first = _cost(partial(block, channels, widths), channels, grid)
    others = [_cost(partial(block, out, widths), out, grid)] * (repeats - 1)
    return Part(f"Inception-{name}", repeats, out, grid, 0, total([first, *others]))


def _reduction(name: str, block: Callable[..., nn.Module], widths: ReductionWidths, design: Design, channels: int, grid: int) -> Part:  # fmt: skip
    convs, pools = PADDINGS[design.reductions]
    conv = Layer(3, 2, convs)
    end = _ends(name[0].upper() + name[1:], grid, conv, Layer(3, 2, pools))
    make = partial(block, channels, widths, padding=convs)
    return Part(name, 1, widths.out_channels(channels), end, cells_left(grid, conv), _cost(make, channels, grid))


def _cost(make: partial, channels: int, grid: int) -> Cost:
    return _counted(make.func, make.args, tuple(make.keywords.items()), channels, grid)


@lru_cache(maxsize=512)
def _counted(block: Callable[..., nn.Module], args: tuple, options: tuple, channels: int, grid: int) -> Cost:
    """What `profile` counts for one module."""
    with torch.device("meta"):
        module = block(*args, **dict(options))
    return total([profile(module, (channels, grid, grid))])


def view(settings: dict, pinned: dict | None) -> View:
    """What the stage lab shows: the parts with grids, channels and cost, beside those of the pinned design."""
    designs = {"A": Design(**pinned), "B": Design(**settings)} if pinned else {"": Design(**settings)}
    shown = {name: parts(design) for name, design in designs.items()}
    costs = {name: total(part.cost for part in each) for name, each in shown.items()}
    now = next(reversed(shown.values()))
    words = _compare(costs["A"], costs["B"]) if pinned else f"{_sum(costs[''])}."
    left = [part.name for part in now if part.left]
    if left:
        grids = "grid in front of {} is" if len(left) == 1 else "grids in front of {} are"
        words += f" The {grids.format(_list(left))} even: the last row and column are under no window."
    else:
        words += " No cell is left over at any halving."
    tables = (_table(name, each, _most(shown)) for name, each in shown.items())
    return View(words=words, html=side_by_side(*tables))


def _sum(cost: Cost) -> str:
    return (
        f"{cost.parameters:,} parameters, {units.count(cost.macs):,} {units.words()}, {cost.activations:,} activations"
    )


def _compare(first: Cost, second: Cost) -> str:
    """What B costs against A, in words."""
    said = []
    for key in ("parameters", "macs", "activations"):
        name, a, b = units.title(key), units.of(first, key), units.of(second, key)
        if a == b:
            said.append(f"as many {name} ({a:,})")
        else:
            said.append(
                f"{abs(b - a):,} {name} {'more' if b > a else 'fewer'} ({100 * (b / a - 1):+.1f} %: {b:,} after {a:,})"
            )
    return f"B against A: {'; '.join(said)}."


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _most(shown: dict[str, list[Part]]) -> dict[str, int]:
    """The largest cost of any part, for the length of the bars."""
    every = [part.cost for each in shown.values() for part in each]
    return {key: max(units.of(cost, key) for cost in every) for key in ("parameters", "macs")}


def _table(name: str, each: list[Part], most: dict[str, int]) -> Html:
    rows = []
    for part in each:
        values = {key: units.of(part.cost, key) for key in ("parameters", "macs")}
        rows.append(
            (
                f"{part.name} × {part.repeats}" if part.repeats > 1 else part.name,
                f"{part.grid}×{part.grid}×{part.channels}",
                "last row" if part.left else "",
                *(text(spark(value / most[key], color_of(name)), f" {short(value)}") for key, value in values.items()),
            )
        )
    cost = total(part.cost for part in each)
    head = ("part", "puts out", "left over", "parameters", units.words())
    caption = bold({"A": "A, pinned", "B": "B, now", "": "Part by part"}[name])
    return table(
        rows, head=head, caption=caption, align="lrcll", row_heads=True, cls="tight small course-cost",
        data_design=name or "now", data_parameters=cost.parameters, data_macs=cost.macs, data_activations=cost.activations,
    )  # fmt: skip


def stage_lab() -> Lab:
    """The stage lab of lesson 06, set to Inception-v4."""

    letters = {name: values for name, (_, values) in TABLE_1.items()}
    says = {
        "k": "Width of the 1×1 in reduction A's long branch",
        "l": "Width of the 3×3 behind it",
        "m": "Width of the 3×3 of stride 2 at that branch's end",
        "n": "Width of the 3×3 of stride 2 that is a branch by itself",
    }
    controls = {
        "side": slider(299, 75, 400, "image", "Height and width of the image, pixels"),
        "stem": choice(PRINTED, PADDINGS, "stem", "Padding of the stem's layers that have a V in figure 3"),
        "last_stride": ipywidgets.ToggleButtons(
            options=[("last stride 2", 2), ("last stride 1", 1)], value=2, style={"button_width": "110px"},
            tooltips=["The stem's last convolution with the stride of the code", "The stem's last convolution as it is printed"],
        ),
        "reductions": choice(PRINTED, PADDINGS, "reductions", "Padding of the reductions' layers that have a V in figures 7 and 8"),
        "a": slider(REPEATS_A, 0, 12, "Inception-A", "How many modules on the first grid"),
        "b": slider(REPEATS_B, 0, 12, "Inception-B", "How many modules on the second grid"),
        "c": slider(REPEATS_C, 0, 12, "Inception-C", "How many modules on the last grid"),
        **{
            letter: slider(value, 32, 512, letter, says[letter], step=32)
            for letter, value in letters["Inception-v4"]._asdict().items()
        },
    }  # fmt: skip
    start = {name: control.value for name, control in controls.items()}
    presets = {
        "Inception-v4": start,
        **{f"letters of {name}": values._asdict() for name, values in letters.items() if name != "Inception-v4"},
        "one module a grid": {"a": 1, "b": 1, "c": 1},
        "same padding everywhere": {"stem": SAME, "reductions": SAME},
    }
    question = (
        "<b>Stage lab.</b> Which grids can a network of this plan have, and where does its cost go? Move a handle, and read down the "
        "table."
    )
    return Lab(question, controls, view, presets)
