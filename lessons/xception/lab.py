"""The groups lab of lesson 08: the dial from one group to one group a channel, its cost, and its place on the roofline."""

from dataclasses import dataclass
from functools import partial

import ipywidgets
import torch
from torch import nn

from course.experiments import plural
from labs.design_costs import color_of, cost_bars, cost_mark, difference, heading
from lessons.xception.roofline import Limits, Work, works_in
from utils.cost import units
from utils.cost.table import Table, shape_text, short, table_of
from utils.cost.trace import trace
from utils.diagram import Diagram, at_one_scale, diagram_of
from utils.lab_frame.frame import Lab, View, buttons, choice, slider, stops
from utils.page import svg
from utils.page.html import Html, side_by_side, text

ALONE, WINDOW_FIRST, MIX_FIRST = "window alone", "window, then 1×1", "1×1, then window"
ORDERS = (WINDOW_FIRST, MIX_FIRST, ALONE)
EACH = "one a channel"
GROUPS = (1, 2, 3, 4, 6, 7, 8, 12, 14, 16, 24, 28, 32, 48, 64, 96, EACH)
NOTHING, RELU = "nothing", "ReLU"


@dataclass(frozen=True)
class Design:
    """The settings of the groups lab: a window with groups, and a 1 x 1 behind it, before it, or none.

    Raises:
        ValueError: the groups do not divide the channels.
    """

    order: str
    groups: int | str
    kernel_size: int
    between: str
    in_channels: int
    out_channels: int
    grid: int

    def __post_init__(self):
        for channels in {self.window_in, self.window_out}:
            if channels % self.count:
                fitting = [
                    str(each)
                    for each in GROUPS
                    if each != EACH and not (self.window_in % each or self.window_out % each)
                ]
                raise ValueError(
                    f"{channels} channels cannot be divided into {self.count} equal groups. These numbers of groups can be here: "
                    f"{', '.join(fitting)}."
                )

    @property
    def window_in(self) -> int:
        """Channels that the window reads."""
        return self.out_channels if self.order == MIX_FIRST else self.in_channels

    @property
    def window_out(self) -> int:
        """Channels that the window puts out."""
        return self.in_channels if self.order == WINDOW_FIRST else self.out_channels

    @property
    def count(self) -> int:
        """How many groups the window has."""
        return self.window_in if self.groups == EACH else int(self.groups)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.in_channels, self.grid, self.grid

    @property
    def is_linear(self) -> bool:
        """Whether two convolutions follow one another with nothing between them."""
        return self.order != ALONE and self.between == NOTHING

    def build(self) -> nn.Sequential:
        """The design as a module, on the device `meta`: shapes without numbers."""
        k = self.kernel_size
        with torch.device("meta"):
            window = nn.Conv2d(self.window_in, self.window_out, k, padding=k // 2, groups=self.count, bias=False)
            mix = nn.Conv2d(self.in_channels, self.out_channels, 1, bias=False)
        middle = [nn.ReLU()] if self.between == RELU else []
        parts = {ALONE: [window], WINDOW_FIRST: [window, *middle, mix], MIX_FIRST: [mix, *middle, window]}
        return nn.Sequential(*parts[self.order])


def design_of(settings: dict) -> Design:
    """The design that the lab's handles stand for."""
    return Design(**settings)


@dataclass(frozen=True)
class Seen:
    """A design with what it costs.

    Attributes:
        table: parameters, multiply-adds, shapes.
        works: multiply-adds and bytes of each convolution, in the order of execution.
        diagram: of its layers.
    """

    design: Design
    table: Table
    works: tuple[Work, ...]
    diagram: Diagram

    @property
    def bytes(self) -> int:
        return sum(work.bytes for work in self.works)

    @property
    def intensity(self) -> float:
        """Multiply-adds a byte of the whole."""
        return self.table.macs / self.bytes

    def seconds(self, limits: Limits) -> float:
        """The least time for one image: that of one convolution after the other."""
        return sum(map(limits.least_seconds, self.works))


@units.cached(maxsize=32)
def _seen(design: Design) -> Seen:
    record = trace(design.build(), design.image_shape)
    return Seen(design, table_of(record), works_in(record), diagram_of(record, is_narrow=True))


def view(limits: Limits, settings: dict, pinned: dict | None) -> View:
    """What the groups lab shows: cost, place on the roofline and diagram of the design, beside those of the pinned one."""
    now = _seen(design_of(settings))
    shown = {"A": _seen(design_of(pinned)), "B": now} if pinned else {"": now}
    words = "<br/>".join(f"{name + ': ' if name else ''}{describe(each, limits)}" for name, each in shown.items())
    if pinned:
        words += f"<br/>{compare(shown['A'], now, limits)}"
    if now.design.is_linear:
        design = now.design
        dense = design.in_channels * design.out_channels * design.kernel_size**2
        words += (
            f"<br/>With nothing between them the two are one linear map: a dense {design.kernel_size}×{design.kernel_size} of "
            f"{dense:,} weights, given by {now.table.parameters:,}."
        )
    drawn, least = at_one_scale([each.diagram for each in shown.values()])
    diagrams = (text(_heading(*pair), each) for pair, each in zip(shown.items(), drawn, strict=True))
    values = {
        "parameters": {name: each.table.parameters for name, each in shown.items()},
        units.words(): {name: units.count(each.table.macs) for name, each in shown.items()},
        "bytes": {name: each.bytes for name, each in shown.items()},
    }
    bars = cost_bars(values, alone="Cost for one image")
    html = text(bars, roof_svg(limits, shown), side_by_side(*diagrams, least=least))
    return View(words=words, html=html, disabled=frozenset({"between"} if now.design.order == ALONE else ()))


def describe(seen: Seen, limits: Limits) -> str:
    """A design's cost and the least time that it takes, in words."""
    table, design = seen.table, seen.design
    names = {ALONE: ("the window",), WINDOW_FIRST: ("the window", "the 1×1"), MIX_FIRST: ("the 1×1", "the window")}
    parts = [
        f"{name} {time_text(limits.least_seconds(work))} ({'bytes' if work.intensity < limits.ridge else 'arithmetic'})"
        for name, work in zip(names[design.order], seen.works, strict=True)
    ]
    return (
        f"{shape_text(table.image_shape)} in, {shape_text(table.rows[-1].shape)} out, {design.count} "
        f"group{plural(design.count)}: {table.parameters:,} parameters, {units.count(table.macs):,} {units.words()}, {seen.bytes:,} "
        f"bytes, <b>{units.count(seen.intensity):.3g}</b> {units.words()} a byte. At best {time_text(seen.seconds(limits))} an image, by what "
        f"limits each: {', '.join(parts)}."
    )


def time_text(seconds: float) -> str:
    """A short time to three digits: "2.42 ms"."""
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def compare(first: Seen, second: Seen, limits: Limits) -> str:
    """What the second design costs against the first, in words."""
    parts = [
        difference("parameters", first.table.parameters, second.table.parameters, with_numbers=False),
        difference(units.words(), first.table.macs, second.table.macs, with_numbers=False),
        difference("bytes", first.bytes, second.bytes, with_numbers=False),
    ]
    times = second.seconds(limits) / first.seconds(limits)
    return f"B against A: {', '.join(parts)}; {times:.3g} times the least time."


def _heading(name: str, seen: Seen) -> Html:
    figures = {"parameters": seen.table.parameters, "macs": seen.table.macs, "bytes": seen.bytes}
    return heading(name, seen.design.order, cost_mark(name, **figures))


WIDTH, HEIGHT = 430, 240  # of the roofline, in pixels
LEAST, MOST = 0.1, 1000  # multiply-adds a byte, from the left to the right end


def roof_svg(limits: Limits, shown: dict[str, Seen]) -> Html:
    """The roofline as an SVG with a point for each design, where it is in the least time."""
    high, low = units.count(limits.peak) * 2, units.count(limits.attainable(LEAST)) / 2
    chart = svg.Chart(
        (units.count(LEAST), units.count(MOST)),
        (low, high),
        width=WIDTH,
        height=HEIGHT,
        margins=(52, 20, 28, 40),
        logs="xy",
    )
    speeds = {10**power: short(10**power, 1) for power in range(6, 16) if low < 10**power < high}
    title = f"At most so many {units.words()} a second (bytes from memory)"
    chart.axes(svg.numbered((0.1, 1, 10, 100, 1000)), speeds, x=f"{units.words()} a byte", title=title)
    chart.line(
        (units.count(each), units.count(limits.attainable(each))) for each in (LEAST, min(limits.ridge, MOST), MOST)
    )
    said = []
    for name, each in shown.items():
        speed = units.count(each.table.macs) / each.seconds(limits)
        at = units.count(min(max(each.intensity, LEAST), MOST)), speed
        chart.dot(*at, color_of(name), radius=7, stroke="#fff", stroke_width=1.5)
        if name:
            x, y = chart.place(*at)
            beside = y + (-11 if name == "B" else 20)  # B above its point, A below, wherever the two lie
            chart.parts.append(svg.text(x, beside, name, font_size=13, font_weight="bold"))
        said.append(
            f"{name + ': ' if name else ''}{units.count(each.intensity):.3g} {units.words()} a byte, at most {speed / 1e9:.3g} billion a second"
        )
    return chart.svg("The roofline. " + "; ".join(said))


def groups_lab(limits: Limits) -> Lab:
    """The groups lab, set to a separable convolution of the middle flow.

    Args:
        limits: of the machine whose roofline is drawn, from `lessons.xception.roofline.measure_limits`.
    """

    controls = {
        "order": choice(
            WINDOW_FIRST, ORDERS, "order", "The window with groups, and a 1×1 behind it, before it, or none"
        ),
        "groups": stops(
            EACH, GROUPS, "groups", "Into how many parts, blind to each other, the window's channels are divided"
        ),
        "kernel_size": ipywidgets.ToggleButtons(
            options=[("3×3", 3), ("5×5", 5), ("7×7", 7)], value=3, style={"button_width": "70px"},
            tooltips=[f"A window of {size}×{size}" for size in (3, 5, 7)],
        ),
        "between": buttons(
            {NOTHING: "Nothing between the window and the 1×1", RELU: "A ReLU between the window and the 1×1"}, width=70
        ),
        "in_channels": slider(728, 4, 1536, "input", "Channels that come in", step=4),
        "out_channels": slider(728, 4, 1536, "output", "Channels that go out", step=4),
        "grid": slider(19, 4, 149, "grid", "Height and width of the grid"),
    }  # fmt: skip

    def preset(order: str, groups: int | str, in_channels: int, out_channels: int, grid: int) -> dict:
        return {
            "order": order, "groups": groups, "kernel_size": 3, "between": NOTHING,
            "in_channels": in_channels, "out_channels": out_channels, "grid": grid,
        }  # fmt: skip

    presets = {
        "middle flow: separable": preset(WINDOW_FIRST, EACH, 728, 728, 19),
        "middle flow: dense 3×3": preset(ALONE, 1, 728, 728, 19),
        "middle flow: depthwise alone": preset(ALONE, EACH, 728, 728, 19),
        "block3: separable": preset(WINDOW_FIRST, EACH, 128, 256, 74),
        "block2: separable": preset(WINDOW_FIRST, EACH, 64, 128, 147),
        "experiment: 12 groups": preset(WINDOW_FIRST, 12, 48, 48, 8),
    }
    question = (
        "<b>Groups lab.</b> How far can channels and space be looked at apart, and is the limit then arithmetic or memory? "
        "Turn the dial, pin a design as A, and compare."
    )
    return Lab(question, controls, partial(view, limits), presets)
