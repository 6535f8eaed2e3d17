"""The groups lab of lesson 08: the dial from one group to one group a channel, its cost, and its place on the roofline."""

from dataclasses import dataclass
from functools import lru_cache, partial
from html import escape
from math import log10

import ipywidgets
import torch
from torch import nn

from course.experiments import plural
from labs.design_costs import difference
from lessons.xception.roofline import Limits, Work, works_of
from utils.cost.table import Table, profile, shape_text, short
from utils.diagram import draw
from utils.lab.frame import Lab, View, buttons, choice, slider, stops
from utils.show import colors

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
        diagram: as HTML.
    """

    design: Design
    table: Table
    works: tuple[Work, ...]
    diagram: str

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


@lru_cache(maxsize=32)
def _seen(design: Design) -> Seen:
    module, shape = design.build(), design.image_shape
    return Seen(design, profile(module, shape), works_of(module, shape), draw(module, shape)._repr_html_())


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
    diagrams = "".join(
        f'<div style="flex:1 1 240px;min-width:0">{_heading(name, each)}{each.diagram}</div>'
        for name, each in shown.items()
    )
    html = (
        f'{_bars(shown)}<div style="display:flex;flex-wrap:wrap;gap:12px;margin-top:8px">'
        f'<div style="flex:1 1 380px;min-width:0">{roof_svg(limits, shown)}</div>{diagrams}</div>'
    )
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
        f"group{plural(design.count)}: {table.parameters:,} parameters, {table.macs:,} multiply-adds, {seen.bytes:,} "
        f"bytes, <b>{seen.intensity:.3g}</b> multiply-adds a byte. At best {time_text(seen.seconds(limits))} an image, by what "
        f"limits each: {', '.join(parts)}."
    )


def time_text(seconds: float) -> str:
    """A short time to three digits: "2.42 ms"."""
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def compare(first: Seen, second: Seen, limits: Limits) -> str:
    """What the second design costs against the first, in words."""
    parts = [
        difference("parameters", first.table.parameters, second.table.parameters, with_numbers=False),
        difference("multiply-adds", first.table.macs, second.table.macs, with_numbers=False),
        difference("bytes", first.bytes, second.bytes, with_numbers=False),
    ]
    times = second.seconds(limits) / first.seconds(limits)
    return f"B against A: {', '.join(parts)}; {times:.3g} times the least time."


def _heading(name: str, seen: Seen) -> str:
    title = {"A": "A, pinned: ", "B": "B, now: ", "": ""}[name]
    return (
        f'<b>{title}{escape(seen.design.order)}</b> <span class="course-cost" data-design="{name or "now"}" '
        f'data-parameters="{seen.table.parameters}" data-macs="{seen.table.macs}" data-bytes="{seen.bytes}"></span>'
    )


def _bars(shown: dict[str, Seen]) -> str:
    """Parameters, multiply-adds and bytes as bars; with two designs, two bars each."""
    rows = []
    values = {
        "parameters": {name: each.table.parameters for name, each in shown.items()},
        "multiply-adds": {name: each.table.macs for name, each in shown.items()},
        "bytes": {name: each.bytes for name, each in shown.items()},
    }
    for title, by_name in values.items():
        for name, value in by_name.items():
            rows.append(
                f'<tr><th scope="row" style="text-align:right;padding:0 8px;white-space:nowrap">{title} {name}</th>'
                f'<td style="width:55%"><div style="background:{_color(name)};height:14px;'
                f'width:{100 * value / max(by_name.values()):.2f}%"></div></td>'
                f'<td style="padding:0 8px;white-space:nowrap;text-align:left">{value:,}</td></tr>'
            )
    caption = "Cost of A and B, each beside the larger of the two" if len(shown) > 1 else "Cost for one image"
    return (
        f'<table style="width:100%;max-width:820px"><caption style="text-align:left"><b>{caption}</b></caption>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _color(name: str) -> str:
    return colors.ARMS[0] if name == "A" else colors.ARMS[1]


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 430, 240, 52, 12, 28, 40  # of the roofline, in pixels
LEAST, MOST = 0.1, 1000  # multiply-adds a byte, from the left to the right end


def roof_svg(limits: Limits, shown: dict[str, Seen]) -> str:
    """The roofline as an SVG with a point for each design, where it is in the least time."""
    high = limits.peak * 2
    low = limits.attainable(LEAST) / 2

    def place(intensity: float, speed: float) -> tuple[float, float]:
        across = (log10(intensity) - log10(LEAST)) / (log10(MOST) - log10(LEAST))
        up = (log10(speed) - log10(low)) / (log10(high) - log10(low))
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    corners = [place(each, limits.attainable(each)) for each in (LEAST, min(limits.ridge, MOST), MOST)]
    parts = [
        f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}" fill="none" stroke="#000" stroke-width="2"/>'
    ]
    for tick in (0.1, 1, 10, 100, 1000):
        x, _ = place(tick, low)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle" font-size="11">{tick:g}</text>'
        )
    for speed in (10**power for power in range(6, 16)):
        if low < speed < high:
            _, y = place(1, speed)
            parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
            parts.append(
                f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end" font-size="11">{short(speed, 1)}</text>'
            )
    said = []
    for name, each in shown.items():
        speed = each.table.macs / each.seconds(limits)
        x, y = place(min(max(each.intensity, LEAST), MOST), speed)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{_color(name)}" stroke="#fff" stroke-width="1.5"/>'
        )
        if name:
            beside = y + (-11 if name == "B" else 20)  # B above its point, A below, wherever the two lie
            parts.append(
                f'<text x="{x:.1f}" y="{beside:.1f}" text-anchor="middle" font-size="13" font-weight="bold">{name}</text>'
            )
        said.append(
            f"{name + ': ' if name else ''}{each.intensity:.3g} multiply-adds a byte, at most {speed / 1e9:.3g} billion a second"
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle" font-size="11">multiply-adds a byte</text>'
        f'<text x="{LEFT}" y="14" font-size="12" font-weight="bold">At most so many multiply-adds a second (bytes from memory)</text>'
    )
    return (
        f'<svg role="img" aria-label="{escape("The roofline. " + "; ".join(said), quote=True)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'style="width:100%;max-width:{WIDTH}px;background:#fff;font-family:sans-serif">{"".join(parts)}</svg>'
    )


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
