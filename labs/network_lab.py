"""The network lab: a network for small images with a handle for every choice of the course, under a budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import ipywidgets
import torch
from torch import nn

from labs.design_costs import cost_mark, differences, heading
from labs.race.runner import RacePanel
from networks.design import (
    BUDGET,
    FAMILIES,
    LEAST_WIDTH,
    MOST_BLOCKS,
    PRESETS,
    REDUCTIONS,
    STAGES,
    STEMS,
    Budget,
    Design,
    DesignedNet,
    Part,
    Stage,
    design_of_calls,
)
from utils.cost import units
from utils.cost.table import Table, field_text, shape_text, short, table_of
from utils.cost.trace import trace
from utils.data.dataset import Data
from utils.diagram import diagram_of
from utils.lab_frame.frame import LABEL, Lab, Section, View, share, slider
from utils.page.html import Html, bar, bold, shaded, side_by_side, table, tag, text
from utils.show import colors

WIDEST = 128  # channels that a handle reaches
START = "GoogLeNet"
IMAGE_SHAPE, CLASSES = (3, 32, 32), 10  # of `scales` and CIFAR-10
QUESTION = (
    "<b>Network lab.</b> What would you spend a budget on? Choose stem, blocks, widths and reductions stage by stage; the bars "
    f"turn when a limit is exceeded. Everything is counted for one image of {shape_text(IMAGE_SHAPE)} in {CLASSES} classes."
)
_WITHIN, _OVER = colors.BLUE, colors.VERMILION


def design_of(settings: dict) -> Design:
    """The design that the lab's handles stand for."""
    count = settings["stages"]
    stages = tuple(
        Stage(
            family=settings[f"family_{n}"],
            blocks=settings[f"blocks_{n}"],
            width=settings[f"width_{n}"],
            scale=settings[f"scale_{n}"] if FAMILIES[settings[f"family_{n}"]].has_scale else Stage.scale,
        )
        for n in range(1, count + 1)
    )
    return Design(
        stem=settings["stem"],
        stem_width=settings["stem_width"],
        stages=stages,
        reductions=tuple(settings[f"reduction_{n}"] for n in range(1, count)),
        dropout=settings["dropout"],
    )


def settings_of(design: Design) -> dict:
    """The handles that stand for a design; those of stages that it has not are left as they are."""
    settings = {
        "stem": design.stem,
        "stem_width": design.stem_width,
        "stages": len(design.stages),
        "dropout": design.dropout,
    }
    for n, stage in enumerate(design.stages, start=1):
        settings |= {f"family_{n}": stage.family, f"blocks_{n}": stage.blocks, f"width_{n}": stage.width}
        if FAMILIES[stage.family].has_scale:
            settings[f"scale_{n}"] = stage.scale
    return settings | {f"reduction_{n}": name for n, name in enumerate(design.reductions, start=1)}


def budget_of(settings: dict) -> Budget:
    """The budget that the lab's handles stand for."""
    return Budget(parameters=settings["max_parameters"] * 1000, macs=settings["max_macs"] * 1000)


def view(settings: dict, pinned: dict | None) -> View:
    """What the network lab shows: the budget's bars, the stage table and the diagram of one design, or of A and B."""
    budget = budget_of(settings)
    designs = {"A": design_of(pinned)} if pinned else {}
    designs["B" if pinned else ""] = design_of(settings)
    tables = {name: _seen(design).table for name, design in designs.items()}
    words = [verdict(table, budget, name) for name, table in tables.items()]
    if pinned:
        words.append(compare(tables["A"], tables["B"]))
    shown = (_shown(name, _seen(design)) for name, design in designs.items())
    html = text(budget_bars(tables, budget), side_by_side(*shown, least=480))
    code = designs["B" if pinned else ""].code
    return View(words="<br/>".join(words), html=html, disabled=without_effect(settings), code=code)


def without_effect(settings: dict) -> frozenset[str]:
    """The handles that change nothing: those of stages that are not there, and the scale of what is not residual."""
    idle = set()
    for n in range(1, max(STAGES) + 1):
        if n > settings["stages"]:
            idle |= {f"family_{n}", f"blocks_{n}", f"width_{n}", f"scale_{n}"}
        elif not FAMILIES[settings[f"family_{n}"]].has_scale:
            idle.add(f"scale_{n}")
        if settings["stages"] <= n < max(STAGES):
            idle.add(f"reduction_{n}")
    return frozenset(idle)


def verdict(table: Table, budget: Budget, name: str = "") -> str:
    """Whether a design is within the budget, in a sentence with its cost; HTML."""
    over = [key for key in ("parameters", "macs") if getattr(table, key) > getattr(budget, key)]
    excess = " and ".join(
        f"{units.of(table, key):,} {units.title(key)} are {units.of(table, key) - units.of(budget, key):,} more than the "
        f"{units.of(budget, key):,} of the budget"
        for key in over
    )
    whose = f"<b>{name}</b> is" if name else "This design is"
    if excess:
        return f'{whose} <b class="course-bad">over the budget</b>: {excess}.'
    left = f"{budget.parameters - table.parameters:,} parameters and {units.count(budget.macs - table.macs):,} {units.words()} are left"
    return f'{whose} <b class="course-good">within the budget</b>: {left}.'


def compare(first: Table, second: Table) -> str:
    """What B costs against A, in words; the numbers stand in the bars."""
    return f"B against A: {', '.join(differences(first, second, with_numbers=False))}."


def budget_bars(tables: dict[str, Table], budget: Budget) -> Html:
    """A bar for each limit and each design: how much of it is used. Colour, hatching and words turn when it is exceeded."""
    rows = []
    for key in ("parameters", "macs"):
        limit = getattr(budget, key)
        for name, of_design in tables.items():
            used = getattr(of_design, key)
            shown, most = units.of(of_design, key), units.of(budget, key)
            share = used / limit
            is_over = used > limit
            state = (
                f"over by {shown - most:,}, {_per_cent(share - 1)}"
                if is_over
                else f"within, {most - shown:,} left, {_per_cent(1 - share)}"
            )
            # The track is the budget; a bar that is over it runs out to half as much again at most, with a mark at the limit.
            track = (bar(min(share, 1.5) / 1.5, _OVER if is_over else _WITHIN), tag("div", cls="limit"))
            rows.append(
                tag(
                    "div",
                    bold(f"{units.title(key)} {name}"),
                    tag("div", *track, cls="track"),
                    tag("div", f"{shown:,} of {most:,}: ", bold(state), cls="state"),
                    cls="course-budget",
                    **{"data-design": name or "now", "data-what": key, "data-used": used, "data-limit": limit},
                    data_over=str(is_over).lower(),
                )
            )
    return tag("div", bold("The budget"), " (mark: the limit)", *rows, cls="course-budgets")


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "under 1 %"


def stage_table(parts: tuple[Part, ...]) -> Html:
    """The stage table as HTML, with a bar for each part's share of the multiply-adds."""
    whole = sum(part.cost.macs for part in parts) or 1
    rows = (
        (
            part.name,
            shape_text(part.shape),
            f"{part.cost.parameters:,}",
            shaded(f"{units.count(part.cost.macs):,}", part.cost.macs / whole, colors.SKY, cls="r"),
            f"{part.cost.activations:,}",
            field_text(part.receptive_field).removesuffix(" image"),
        )
        for part in parts
    )
    head = ("part", "output", "parameters", units.letters(), "activations", "sees")
    caption = text(f"Blue: share of the {units.letters()}; ", bold("sees"), ": receptive field, pixels")
    return table(rows, head=head, caption=caption, align="lrrrrr", row_heads=True, cls="tight small")


@dataclass(frozen=True)
class _Counted(Design):
    """A design whose table is there already: its parts are summed up from that, without another trace."""

    counted: Table = field(kw_only=True)

    def table(self, image_shape: Sequence[int] = IMAGE_SHAPE, classes: int = CLASSES) -> Table:
        """That table."""
        return self.counted


class _Seen(NamedTuple):
    """What the lab shows of a design."""

    table: Table
    stages: Html
    diagram: Html


def _shown(name: str, seen: _Seen) -> Html:
    parameters, macs = seen.table.parameters, seen.table.macs
    words = f"{short(parameters)} parameters · {short(units.count(macs))} {units.letters()}"
    mark = cost_mark(name, words, parameters=parameters, macs=macs)
    return text(heading(name, "", mark, alone="Now"), side_by_side(seen.stages, seen.diagram))


@units.cached(maxsize=64)  # a pinned design, and one that a handle comes back to, need no second drawing
def _seen(design: Design) -> _Seen:
    """A design's cost, and as HTML its stage table and its diagram: all from one trace, on `meta`."""
    with torch.device("meta"):
        net = DesignedNet(design, in_channels=IMAGE_SHAPE[0], classes=CLASSES)
    record = trace(net, IMAGE_SHAPE)
    counted = _Counted(**vars(design), counted=table_of(record))
    return _Seen(counted.table(), stage_table(counted.by_part()), diagram_of(record).html)


def network_lab(design: Design | None = None, budget: Budget = BUDGET) -> Lab:
    """The network lab of lessons 09 and 10, set to a design; to GoogLeNet's preset where none is given."""
    design = design or PRESETS[START]

    def choice(name: str, options: dict[str, str], tip: str) -> ipywidgets.Dropdown:
        pairs = [(title, key) for key, title in options.items()]
        return ipywidgets.Dropdown(options=pairs, description=name, tooltip=tip, style=LABEL)

    controls: dict[str, ipywidgets.Widget] = {
        "max_parameters": slider(
            budget.parameters // 1000, 5, 200, "parameters, k", "The budget's limit for parameters, in thousands"
        ),
        "max_macs": slider(
            budget.macs // 1000, 100, 10_000, "MACs, k", "The budget's limit for multiply-adds, in thousands", step=100
        ),
        "stem": choice("stem", {key: title for key, (title, _) in STEMS.items()}, "From the image to a grid of 16×16"),
        "stem_width": slider(16, LEAST_WIDTH, 64, "stem width", "Channels that the stem puts out", step=4),
        "stages": ipywidgets.ToggleButtons(
            options=list(STAGES),
            description="stages",
            tooltips=[f"{count} stages, each on a grid of half the side" for count in STAGES],
            style={"button_width": "50px", **LABEL},
        ),
    }
    families = {key: family.title for key, family in FAMILIES.items()}
    reductions = {key: title for key, (title, _) in REDUCTIONS.items()}
    for n in range(1, max(STAGES) + 1):
        controls |= {
            f"family_{n}": choice(f"{n}: block", families, f"What the blocks of stage {n} are"),
            f"blocks_{n}": slider(1, 1, MOST_BLOCKS, f"{n}: blocks", f"How many blocks stage {n} has"),
            f"width_{n}": slider(
                32, LEAST_WIDTH, WIDEST, f"{n}: width", f"Channels that each block of stage {n} puts out", step=4
            ),
            f"scale_{n}": share(
                0.2,
                f"{n}: scale",
                f"What each residual of stage {n} is multiplied by, where its blocks have one",
            ),
        }
        if n < max(STAGES):
            tip = f"How the grid is halved between stages {n} and {n + 1}"
            controls[f"reduction_{n}"] = choice(f"{n} to {n + 1}", reductions, tip)
    controls["dropout"] = share(0.0, "dropout", "Before the classifier", most=0.9)
    for name, value in settings_of(design).items():
        controls[name].value = value
        if controls[name].value != value:
            raise ValueError(
                f"{name} is {value!r}; the lab's handle cannot stand there. It is at {controls[name].value!r}."
            )
    groups = {"Stem and classifier": ["stem", "stem_width", "dropout"]}
    for n in range(1, max(STAGES) + 1):
        names = [f"family_{n}", f"blocks_{n}", f"width_{n}", f"scale_{n}", f"reduction_{n}"]
        groups[f"Stage {n}"] = [name for name in names if name in controls]
    return Lab(
        QUESTION,
        controls,
        view,
        {name: settings_of(preset) for name, preset in PRESETS.items()},
        groups=groups,
        actions=(RaceOfDesigns(),),
        from_code=lambda calls: settings_of(design_of_calls(calls)),
    )


class RaceOfDesigns:
    """The lab's race: the pinned design against the one that is shown."""

    def __init__(self):
        self._designs: dict[str, Design] = {}
        self.panel = RacePanel(self.entries)
        self.widget = Section("Race: train A against B", self.panel.widget).widget

    def designs_changed(self, now: dict, pinned: dict | None) -> None:
        """Another design is shown, or pinned."""
        self._designs = {"A": design_of(pinned), "B": design_of(now)} if pinned else {}

    def entries(self) -> dict[str, Callable[[Data], nn.Module]]:
        """What races.

        Raises:
            ValueError: nothing is pinned, or both are the same.
        """
        if not self._designs:
            raise ValueError("Pin a design as A first; then it races against the one that you see.")
        if self._designs["A"] == self._designs["B"]:
            raise ValueError("A and B are the same design. Move a handle first.")
        return {name: design.build for name, design in self._designs.items()}
