"""The block lab: one Inception module with a handle for every choice, its cost and its diagram beside a pinned one."""

from dataclasses import dataclass, fields
from functools import lru_cache
from html import escape

import ipywidgets
import torch
from torch import Tensor, nn

from lessons.inception_module.blocks import InceptionModule, NaiveInceptionModule, Widths
from lessons.inception_module.paper import TABLE_1
from utils.colors import branch_color
from utils.cost import Table, field_text, profile, shape_text
from utils.diagram import draw
from utils.lab import Lab, View

BRANCHES = ("pointwise", "three", "five", "pool")
TITLES = {"pointwise": "1×1", "three": "3×3", "five": "5×5", "pool": "pool"}


@dataclass(frozen=True)
class Design:
    """The settings of the block lab: one module.

    Raises:
        ValueError: no branch is on.
    """

    in_channels: int
    grid: int
    reduced: bool
    pointwise: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool: int
    branches: tuple[str, ...] = BRANCHES

    def __post_init__(self):
        if not self.branches:
            raise ValueError("A module needs at least one branch: with all four off there is nothing to concatenate.")

    @property
    def widths(self) -> Widths:
        return Widths(**{field.name: getattr(self, field.name) for field in fields(Widths)})

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return self.in_channels, self.grid, self.grid

    @property
    def code(self) -> str:
        """The Python that builds this module."""
        if self.reduced:
            widths = ", ".join(f"{field.name}={getattr(self, field.name)}" for field in fields(Widths))
            text = f"InceptionModule({self.in_channels}, Widths({widths}))"
        else:
            text = (
                f"NaiveInceptionModule({self.in_channels}, pointwise={self.pointwise}, three={self.three}, "
                f"five={self.five})"
            )
        off = [TITLES[name] for name in BRANCHES if name not in self.branches]
        return text + (f"  # without its {' and '.join(off)} branch" if off else "")

    def build(self) -> nn.Module:
        """The module, on the `meta` device: shapes without numbers, which is all that counting and drawing need."""
        with torch.device("meta"):
            if self.reduced:
                whole = InceptionModule(self.in_channels, self.widths)
            else:
                whole = NaiveInceptionModule(
                    self.in_channels, pointwise=self.pointwise, three=self.three, five=self.five
                )
        return SomeBranches(whole, self.branches)


class SomeBranches(nn.Module):
    """Some of a module's branches, side by side.

    (N, C, H, W) -> (N, channels of those branches, H, W)
    """

    def __init__(self, whole: nn.Module, branches: tuple[str, ...]):
        super().__init__()
        for name in branches:
            self.add_module(name, getattr(whole, name))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], dim=1)


def design_of(settings: dict) -> Design:
    """The design that a lab's handles stand for."""
    values = {key: value for key, value in settings.items() if not key.startswith("has_")}
    branches = tuple(name for name in BRANCHES if settings[f"has_{name}"])
    return Design(**{**values, "reduced": settings["reduced"] == "reduced", "branches": branches})


def view(settings: dict, pinned: dict | None) -> View:
    """What the block lab shows: both diagrams, the cost by branch of both, and the difference in words."""
    designs = {"B" if pinned else "": design_of(settings)}
    if pinned:
        designs = {"A": design_of(pinned), **designs}
    tables = {name: _seen(design)[0] for name, design in designs.items()}
    diagrams = "".join(
        f'<div style="flex:1 1 400px;min-width:0">{_heading(name, tables[name])}'
        f"{_seen(design)[1]}<code>{escape(design.code)}</code></div>"
        for name, design in designs.items()
    )
    words = compare(tables["A"], tables["B"]) if pinned else describe(next(iter(tables.values())))
    html = f'{_bars(tables)}<div style="display:flex;flex-wrap:wrap;gap:12px;margin-top:8px">{diagrams}</div>'
    unused = set() if settings["reduced"] == "reduced" else {"three_reduce", "five_reduce", "pool"}
    for name in BRANCHES:
        if not settings[f"has_{name}"]:
            unused |= {name, f"{name}_reduce"}
    return View(words=words, html=html, disabled=frozenset(unused & settings.keys()))


@lru_cache(maxsize=32)  # a pinned design, and one that a handle comes back to, need no second drawing
def _seen(design: Design) -> tuple[Table, str]:
    """A design's cost, and its diagram as HTML."""
    module = design.build()
    return profile(module, design.input_shape), draw(module, design.input_shape)._repr_html_()


def describe(table: Table) -> str:
    """A module's cost in a sentence."""
    return (
        f"{shape_text(table.image_shape)} in, {shape_text(table.rows[-1].shape)} out: {table.parameters:,} parameters, "
        f"{table.macs:,} multiply-adds, receptive field {field_text(table.receptive_field)}."
    )


def compare(first: Table, second: Table) -> str:
    """What the second module costs against the first, in words."""
    parts = [
        _difference("parameters", first.parameters, second.parameters),
        _difference("multiply-adds", first.macs, second.macs),
        _difference("output channels", first.rows[-1].shape[0], second.rows[-1].shape[0]),
    ]
    if first.receptive_field == second.receptive_field:
        parts.append(f"a receptive field of {field_text(first.receptive_field)} either way")
    else:
        parts.append(
            f"a receptive field of {field_text(second.receptive_field)} after {field_text(first.receptive_field)}"
        )
    return f"B against A: {', '.join(parts)}."


def _difference(what: str, first: int, second: int) -> str:
    if first == second:
        return f"as many {what} ({first:,})"
    if not first:
        return f"{second:,} {what} after none"
    change = (second - first) / first
    if change > 1:
        return f"{second / first:.3g} times the {what} ({second:,} after {first:,})"
    return f"{abs(change):.0%} {'more' if change > 0 else 'fewer'} {what} ({second:,} after {first:,})"


def _heading(name: str, table: Table) -> str:
    title = {"A": "A, pinned", "B": "B, now", "": "Now"}[name]
    return (
        f'<b>{title}</b> <span class="course-cost" data-design="{name or "now"}" data-parameters="{table.parameters}" '
        f'data-macs="{table.macs}" data-channels="{table.rows[-1].shape[0]}">{table.parameters:,} parameters · '
        f"{table.macs:,} MACs</span>"
    )


def _bars(tables: dict[str, Table]) -> str:
    """Multiply-adds by branch as bars; with two designs, two bars a branch."""
    costs = {name: table.by_branch() for name, table in tables.items()}
    most = max([cost.macs for branches in costs.values() for cost in branches.values()] + [1])
    rows = []
    for branch in BRANCHES:
        for name, branches in costs.items():
            cost = branches.get(branch)
            macs, parameters = (cost.macs, cost.parameters) if cost else (0, 0)
            label = f"{TITLES[branch]} {name}".strip()
            text = f"{macs:,} MACs · {parameters:,} parameters" if cost else "off"
            hatch = "opacity:.6;" if name == "A" else ""
            rows.append(
                f'<tr><th scope="row" style="text-align:right;padding:0 8px;white-space:nowrap">{label}</th>'
                f'<td style="width:55%"><div style="{hatch}background:{branch_color(branch)};height:14px;'
                f'width:{100 * macs / most:.2f}%"></div></td>'
                f'<td style="padding:0 8px;white-space:nowrap;text-align:left">{text}</td></tr>'
            )
    return (
        '<table style="width:100%;max-width:820px"><caption style="text-align:left"><b>Multiply-adds by branch</b>'
        f"</caption><tbody>{''.join(rows)}</tbody></table>"
    )


def block_lab() -> Lab:
    """The block lab of lesson 01, set to module 3a."""
    start = TABLE_1["3a"]
    style = {"description_width": "92px"}

    def slider(name: str, label: str, tip: str, most: int) -> ipywidgets.IntSlider:
        return ipywidgets.IntSlider(
            value=getattr(start.widths, name), min=1, max=most, description=label, tooltip=tip, style=style
        )

    controls = {
        "reduced": ipywidgets.ToggleButtons(
            options=["naive", "reduced"],
            value="reduced",
            tooltips=[
                "Figure 2(a): no 1×1 before the 3×3 and 5×5",
                "Figure 2(b): a 1×1 before each, and after the pool",
            ],
            style={"button_width": "110px"},
        ),
        **{
            f"has_{name}": ipywidgets.Checkbox(
                value=True,
                description=f"{TITLES[name]} branch",
                indent=False,
                tooltip=f"The {TITLES[name]} branch on or off",
            )
            for name in BRANCHES
        },
        "pointwise": slider("pointwise", "1×1", "Output channels of the 1×1 branch", 512),
        "three_reduce": slider("three_reduce", "3×3 reduce", "Channels that the 3×3 convolution reads", 512),
        "three": slider("three", "3×3", "Output channels of the 3×3 branch", 512),
        "five_reduce": slider("five_reduce", "5×5 reduce", "Channels that the 5×5 convolution reads", 512),
        "five": slider("five", "5×5", "Output channels of the 5×5 branch", 512),
        "pool": slider("pool", "pool proj", "Output channels of the 1×1 after the pool", 512),
        "in_channels": ipywidgets.IntSlider(
            value=start.in_channels, min=1, max=1024, description="input", tooltip="Channels that come in", style=style
        ),
        "grid": ipywidgets.IntSlider(
            value=start.grid, min=1, max=112, description="grid", tooltip="Height and width of the grid", style=style
        ),
    }
    presets = {
        f"GoogLeNet {name}": {
            "reduced": "reduced",
            **{f"has_{branch}": True for branch in BRANCHES},
            **{field.name: getattr(row.widths, field.name) for field in fields(Widths)},
            "in_channels": row.in_channels,
            "grid": row.grid,
        }
        for name, row in TABLE_1.items()
    }
    question = (
        "<b>Block lab.</b> What does each part of the module cost, and which part makes it cheap? "
        "Move a handle, pin a design as A, and compare."
    )
    return Lab(question, controls, view, presets)
