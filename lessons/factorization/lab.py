"""The labs of lesson 04: a window and what can stand in for it, and what one unit sees through either."""

from dataclasses import dataclass

import ipywidgets
import torch
from torch import nn

from labs.design_costs import TimeDesigns, compare, cost_bars, cost_mark, describe, heading
from labs.receptive_field import field_lab
from lessons.factorization.reductions import REDUCTIONS
from lessons.factorization.savings import Window
from networks import measure
from networks.layers import Branches, ConvReLU, chain, padding_of
from utils.cost import units
from utils.cost.table import Table, table_of
from utils.cost.trace import trace
from utils.diagram import Diagram, at_one_scale, diagram_of
from utils.lab_frame.frame import Lab, View, buttons, choice, slider
from utils.page.html import Html, side_by_side, text

WHOLE, THREES, CHAIN, FORK = "one n×n", "3×3, one on another", "1×n, then n×1", "1×n beside n×1"
FORMS = (WHOLE, THREES, CHAIN, FORK, *REDUCTIONS)
RELU, LINEAR = "ReLU", "linear"


@dataclass(frozen=True)
class Design:
    """The settings of the factor lab: one layer, or what stands in for it.

    Raises:
        ValueError: a fork with an odd number of output channels, which it cannot share out.
    """

    form: str
    window: int
    activation: str
    in_channels: int
    between: int
    out_channels: int
    grid: int

    def __post_init__(self):
        if self.form == FORK and self.out_channels % 2:
            raise ValueError(
                f"The 1×n and the n×1 each put out half of the channels, and {self.out_channels} cannot be halved. "
                "Choose an even number of output channels."
            )

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows one after another; none for a fork or a reduction."""
        n = self.window
        return {WHOLE: ((n, n),), THREES: ((3, 3),) * (n // 2), CHAIN: ((1, n), (n, 1))}.get(self.form, ())

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.in_channels, self.grid, self.grid

    def build(self) -> nn.Module:
        """The design as a module with a ReLU at its end."""
        if self.form in REDUCTIONS:
            return REDUCTIONS[self.form](self.in_channels, conv=ConvReLU)
        if self.form == FORK:
            return Fork(self.in_channels, self.out_channels // 2, self.window)
        return SomeLinear(self.in_channels, self.between, self.out_channels, self.windows, self.activation == LINEAR)


class SomeLinear(nn.Sequential):
    """Windows one after another that keep the grid; with `linear` only the last has a ReLU.

    (N, in_channels, H, W) -> (N, out_channels, H, W)
    """

    def __init__(self, in_channels: int, between: int, out_channels: int, windows: tuple[Window, ...], linear: bool):
        widths = [between] * (len(windows) - 1) + [out_channels]
        layers = []
        for position, (width, window) in enumerate(zip(widths, windows, strict=True), start=1):
            if linear and position < len(windows):
                layers.append(nn.Conv2d(in_channels, width, window, padding=padding_of("same", window)))
            else:
                layers.append(ConvReLU(in_channels, width, kernel_size=window))
            in_channels = width
        super().__init__(*layers)


class Fork(Branches):
    """1 x n and n x 1 side by side.

    (N, in_channels, H, W) -> (N, 2 width, H, W)
    """

    def __init__(self, in_channels: int, width: int, window: int):
        super().__init__()
        self.wide = ConvReLU(in_channels, width, kernel_size=(1, window))
        self.tall = ConvReLU(in_channels, width, kernel_size=(window, 1))


def design_of(settings: dict) -> Design:
    """The design that the lab's handles stand for."""
    return Design(**settings)


def unused(design: Design) -> frozenset[str]:
    """The handles that change nothing in this form."""
    if design.form in REDUCTIONS:
        return frozenset({"window", "activation", "between", "out_channels"})
    return frozenset() if len(design.windows) > 1 else frozenset({"activation", "between"})


def view(settings: dict, pinned: dict | None) -> View:
    """What the factor lab shows: cost and diagram of the design, beside those of the pinned one."""
    designs = {"B" if pinned else "": design_of(settings)}
    if pinned:
        designs = {"A": design_of(pinned), **designs}
    tables = {name: _seen(design)[0] for name, design in designs.items()}
    now = next(reversed(designs.values()))
    words = compare(tables["A"], tables["B"]) if pinned else describe(tables[""])
    if now.activation == LINEAR and len(now.windows) > 1:
        n = now.window
        words += (
            f" Without a ReLU between them the windows are one linear map: away from the border, one {n}×{n} of "
            f"{n * n * now.in_channels * now.out_channels:,} weights can compute whatever they do."
        )
    if now.form == FORK:
        words += " Each half of the channels sees a bar only: together a cross, without the corners."
    if now.form == THREES and now.window == 3:
        words += " For a window of 3 that is one 3×3."
    drawn, least = at_one_scale([_seen(each)[1] for each in designs.values()])
    diagrams = (
        text(_heading(name, designs[name], tables[name]), each) for name, each in zip(designs, drawn, strict=True)
    )
    measures = ("parameters", "macs", "activations")
    costs = {units.title(key): {name: units.of(table, key) for name, table in tables.items()} for key in measures}
    html = text(cost_bars(costs), side_by_side(*diagrams, least=least))
    return View(words=words, html=html, disabled=unused(now))


@units.cached(maxsize=32)
def _seen(design: Design) -> tuple[Table, Diagram]:
    """A design's cost, and its diagram."""
    with torch.device("meta"):
        module = design.build()
    record = trace(module, design.image_shape)
    return table_of(record), diagram_of(record, is_narrow=True)


def _heading(name: str, design: Design, table: Table) -> Html:
    figures = {"parameters": table.parameters, "macs": table.macs, "activations": table.activations}
    return heading(name, _form_text(design), cost_mark(name, **figures))


def _form_text(design: Design) -> str:
    n = design.window
    texts = {WHOLE: f"one {n}×{n}", CHAIN: f"1×{n}, then {n}×1", FORK: f"1×{n} beside {n}×1"}
    return texts.get(design.form, design.form)


def factor_lab() -> Lab:
    """The factor lab of lesson 04, set to a 5 x 5 on the 35 grid."""
    controls = {
        "form": choice(
            WHOLE, FORMS, "form", "One window, what can stand in for it, or one of the three ways to halve the grid"
        ),
        "window": ipywidgets.ToggleButtons(
            options=[("n = 3", 3), ("n = 5", 5), ("n = 7", 7)], value=5, style={"button_width": "70px"},
            tooltips=[f"What a window of {n}×{n} sees" for n in (3, 5, 7)],
        ),
        "activation": buttons(
            {RELU: "A ReLU behind every window", LINEAR: "A ReLU only behind the last window"}, width=70
        ),
        "in_channels": slider(64, 1, 384, "input", "Channels that come in"),
        "between": slider(64, 1, 384, "between", "Channels between two windows"),
        "out_channels": slider(64, 2, 384, "output", "Channels that go out", step=2),
        "grid": slider(35, 8, 73, "grid", "Height and width of the grid"),
    }  # fmt: skip
    equal = {"activation": RELU}

    def preset(form: str, window: int, channels: int, grid: int) -> dict:
        return {
            "form": form, "window": window, "in_channels": channels, "between": channels, "out_channels": channels,
            "grid": grid, **equal,
        }  # fmt: skip

    presets = {
        "35 grid: one 5×5": preset(WHOLE, 5, 64, 35),
        "35 grid: two 3×3": preset(THREES, 5, 64, 35),
        "17 grid: one 7×7": preset(WHOLE, 7, 192, 17),
        "17 grid: 1×7, then 7×1": preset(CHAIN, 7, 192, 17),
        "8 grid: 1×3 beside 3×1": preset(FORK, 3, 384, 8) | {"out_channels": 384},
        **{f"halve: {name}": {"form": name, "in_channels": 320, "grid": 34} for name in REDUCTIONS},
    }
    question = (
        "<b>Factor lab.</b> What does a window cost when it is taken apart, and what does it still see? "
        "Choose a form, pin it as A, and compare."
    )
    return Lab(question, controls, view, presets, actions=(TimeDesigns(design_of),))


def unit_lab() -> Lab:
    """The receptive field lab of lesson 04: windows behind Inception-v3's stem, and the longest way through it."""
    network = measure.network("inception_v3")

    def behind(*windows: Window) -> nn.Module:
        with torch.device("meta"):
            return nn.Sequential(network.stem, chain(192, *[(64, window) for window in windows]))

    names = ("mixed_5b", "mixed_5c", "mixed_5d", "mixed_6a", "mixed_6b")
    way = nn.Sequential(network.stem, *(network.get_submodule(name).stacked for name in names))
    stacks = {
        "stem, one 7×7": behind((7, 7)),
        "stem, three 3×3": behind((3, 3), (3, 3), (3, 3)),
        "stem, 1×7, then 7×1": behind((1, 7), (7, 1)),
        "the longest way to mixed_6b": way,
    }
    question = "<b>Receptive field lab.</b> What does one unit see, and from where do most ways lead to it?"
    return field_lab(stacks, size=299, question=question)
