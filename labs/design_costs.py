"""What the designs of a lab cost, in words, and a button that times them on this machine."""

from collections.abc import Callable, Mapping
from typing import Protocol

import ipywidgets
import torch
from torch import nn

from utils.cost import units
from utils.cost.table import Table, field_text, profile, shape_text
from utils.cost.timing import Timing, machine, timed
from utils.lab_frame.frame import Settings
from utils.page.html import Html, bars, bold, tag, text
from utils.show import colors

THREADS = 1  # of the CPU while designs are timed, where times scatter least


class Design(Protocol):
    """What a lab's handles stand for."""

    image_shape: tuple[int, int, int]

    def build(self) -> nn.Module:
        """The design as a module."""


def describe(table: Table) -> str:
    """A design's cost in a sentence."""
    return (
        f"{shape_text(table.image_shape)} in, {shape_text(table.rows[-1].shape)} out: {table.parameters:,} parameters, "
        f"{units.count(table.macs):,} {units.words()}, {table.activations:,} activations, receptive field "
        f"{field_text(table.receptive_field)}."
    )


def compare(first: Table, second: Table, *, with_channels: bool = False) -> str:
    """What B costs against A, in words; where asked, with the channels that they put out."""
    parts = differences(first, second)
    if with_channels:
        parts.append(difference("output channels", first.rows[-1].shape[0], second.rows[-1].shape[0]))
    fields = [field_text(table.receptive_field) for table in (first, second)]
    field = f"{fields[0]} either way" if fields[0] == fields[1] else f"{fields[1]} after {fields[0]}"
    return f"B against A: {', '.join(parts)}, a receptive field of {field}."


def differences(first: Table, second: Table, *, with_numbers: bool = True) -> list[str]:
    """`difference` of parameters, multiply-adds and activations."""
    return [
        difference(units.title(key), units.of(first, key), units.of(second, key), with_numbers=with_numbers)
        for key in ("parameters", "macs", "activations")
    ]


def difference(what: str, first: int, second: int, *, with_numbers: bool = True) -> str:
    """How much more or less of something the second has: "28 % fewer parameters (72 after 100)"."""
    if first == second:
        return f"as many {what}" + (f" ({first:,})" if with_numbers else "")
    if not first:
        return f"{second:,} {what} after none"
    change = (second - first) / first
    numbers = f" ({second:,} after {first:,})" if with_numbers else ""
    if change >= 1:
        return f"{second / first:.3g} times the {what}{numbers}"
    share = f"{100 * abs(change):.0f} %" if abs(change) >= 0.01 else f"{100 * abs(change):.1g} %"
    return f"{share} {'more' if change > 0 else 'fewer'} {what}{numbers}"


def color_of(name: str) -> str:
    """The colour of A, and of B or what there is alone."""
    return colors.ARMS[0] if name == "A" else colors.ARMS[1]


def cost_mark(name: str, words: str = "", **figures: int) -> Html:
    """A design's figures, for those who read the page by a program, around words for all others."""
    data = {f"data_{key}": value for key, value in figures.items()}
    return tag("span", words, cls="course-cost", data_design=name or "now", **data)


def heading(name: str, words: str, mark: Html, *, alone: str = "") -> Html:
    """What stands over a design: which one it is, what it is in words, and its `cost_mark`."""
    which = {"A": "A, pinned", "B": "B, now", "": alone}[name]
    return text(bold(": ".join(filter(None, (which, words)))), " ", mark)


def cost_bars(values: Mapping[str, Mapping[str, int]], alone: str = "Cost") -> Html:
    """Bars of what each design costs: by measure, then by the design's name, each beside the larger of the two."""
    entries = [
        (f"{title} {name}", value / max(by_name.values()), color_of(name), f"{value:,}")
        for title, by_name in values.items()
        for name, value in by_name.items()
    ]
    pinned = any("A" in by_name for by_name in values.values())
    return bars(entries, "Cost of A and B, each beside the larger of the two" if pinned else alone)


class TimeDesigns:
    """A button that times the designs of a lab on this machine, in turns. Nothing is timed before it is pressed.

    `design_of` makes designs, which can be compared with each other, from the lab's settings.
    """

    def __init__(self, design_of: Callable[[Settings], Design]):
        self._design_of = design_of
        self.designs: dict[str, Design] = {}
        self.button = ipywidgets.Button(
            description="Time it", tooltip="Run what you see, and A if one is pinned, on this machine's CPU"
        )
        self.button.on_click(lambda _event: self.time())
        self.said = ipywidgets.HTML()
        self.widget = ipywidgets.HBox([self.button, self.said])

    def designs_changed(self, now: Settings, pinned: Settings | None) -> None:
        """Other designs are shown: what was timed is no longer theirs."""
        designs = {"A": self._design_of(pinned)} if pinned else {}
        designs["B" if pinned else ""] = self._design_of(now)
        if designs != self.designs:
            self.designs, self.said.value = designs, ""

    def time(self) -> str:
        """Time the designs; the sentence is shown and comes back."""
        self.button.disabled = True
        self.said.value = tag("div", "Timing …", role="status")
        said = ""
        try:
            said = time_designs(self.designs)
        finally:
            self.said.value = tag("div", said, role="status", cls="course-timing")
            self.button.disabled = False
        return said


def time_designs(designs: Mapping[str, Design]) -> str:
    """How long designs take on this machine, in a sentence; one image at a time, in turns."""
    macs = [_macs(design) for design in designs.values()]
    rounds = min(25, max(5, int(15e9 / max(sum(macs), 1))))  # a second or so on a CPU
    times: dict[str, Timing] = {}
    shapes = {design.image_shape for design in designs.values()}
    together = [designs] if len(shapes) == 1 else [{name: design} for name, design in designs.items()]
    for some in together:  # other inputs: one after another
        modules = {name: design.build() for name, design in some.items()}
        shape = next(iter(some.values())).image_shape
        times |= timed(modules, shape, batch_size=1, rounds=rounds, threads=THREADS)
    parts = []
    for name, timing in times.items():
        low, high = (1e3 * value for value in timing.middle_half)
        parts.append(f"{name + ': ' if name else ''}{1e3 * timing.median:.2f} ms (middle half {low:.2f} to {high:.2f})")
    text = f"One image on {machine(threads=THREADS)}, {rounds} rounds. {'; '.join(parts)}."
    if len(times) == 2:
        before, after = (timing.median for timing in times.values())
        text += f" B against A: {100 * (after / before - 1):+.0f} % of time"
        text += f", {100 * (macs[1] / macs[0] - 1):+.0f} % of {units.words()}." if macs[0] else "."
    return text


def _macs(design: Design) -> int:
    with torch.device("meta"):
        module = design.build()
    return profile(module, design.image_shape).macs
