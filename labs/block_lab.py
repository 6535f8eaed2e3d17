"""The block lab: one block of any network of the course, with a handle for every choice, beside a pinned one.

It grows with the course: `block_lab("xception")` has all handles and presets, `block_lab()` those of lesson 01.
"""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import ipywidgets
import torch

from course.syllabus import lesson
from labs.any_block import BRANCHES, EACH, INSIDES, THREE_FORMS, WINDOWS, AnyBlock, windows
from labs.block_presets import presets
from labs.block_race import RaceDesigns
from labs.design_costs import TimeDesigns, compare, cost_mark, describe, heading
from utils.cost import units
from utils.cost.table import Cost, Table, table_of, total
from utils.cost.trace import CannotRun, trace
from utils.diagram import Diagram, at_one_scale, diagram_of
from utils.lab_frame.frame import LABEL, Lab, Settings, View, buttons, share, slider, stops
from utils.lab_frame.paste import Call
from utils.page.html import Html, bold, shaded, side_by_side, table, text
from utils.show import colors

TITLES = {"pointwise": "1×1", "three": "3×3", "narrow": "second 3×3", "five": "5×5", "pool": "pool"}
ALWAYS = ("pointwise", "three", "five", "pool")  # branches that keep their line in the table where they are off
NAIVE, REDUCED = "naive", "reduced"
REDUCES = ("three_reduce", "narrow_reduce", "five_reduce", "pool")  # what the naive module is without
DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(AnyBlock).parameters.items()
    if parameter.default is not inspect.Parameter.empty
}
GROUPS = (1, 2, 3, 4, 6, 7, 8, 12, 14, 16, 24, 28, 32, 48, 64, 96, EACH)
FORM_TITLES = {
    "whole": "n×n",
    "threes": "3×3, one on another",
    "factors": "1×n, n×1",
    "factors, three": "1×n, n×1, 3×3",
    "turned factors, three": "n×1, 1×n, 3×3",
    "factors twice": "n×1, 1×n, twice",
}


@dataclass(frozen=True)
class Design:
    """A block with the grid that it stands on: the arguments of `AnyBlock` that have an effect, and the grid's side."""

    arguments: tuple[tuple[str, object], ...]
    grid: int

    @property
    def options(self) -> dict[str, object]:
        """All arguments of `AnyBlock`."""
        return DEFAULTS | dict(self.arguments)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return dict(self.arguments)["in_channels"], self.grid, self.grid

    @property
    def code(self) -> str:
        """The Python that builds this block and counts it."""
        lines = [""]
        for name, value in self.arguments:
            text = f"{name}={_literal(value)},"
            if lines[-1] and len(lines[-1]) + len(text) > 84:
                lines.append("")
            lines[-1] += f" {text}" if lines[-1] else text
        body = "\n".join(f"    {line}" for line in lines)
        return (
            "from labs.any_block import AnyBlock\nfrom utils.cost.table import profile\n\n"
            f"block = AnyBlock(\n{body}\n)\nprofile(block, {self.image_shape})"
        )

    def build(self) -> AnyBlock:
        """The block."""
        return AnyBlock(**dict(self.arguments))

    def title(self, branch: str) -> str:
        """What stands in a branch, in a few signs: "two 3×3"; empty where it is left out."""
        options = self.options
        if branch == "pool":
            return "" if options["pool_kind"] == "none" else "pool"
        if not options[branch]:
            return ""
        if branch in ("pointwise", "narrow"):
            return TITLES[branch]
        steps = [f"{high}×{wide}" for high, wide in windows(options[f"{branch}_form"], options[f"{branch}_window"])]
        if options["expanded"]:
            n = steps[-1].split("×")[0]
            steps[-1] = f"fork {n}"
        if len(set(steps)) == 1:
            return {1: "", 2: "two ", 3: "three "}[len(steps)] + steps[0]
        return f"{steps[0]}, {steps[1]}, twice" if len(steps) == 4 else ", ".join(steps)


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def design_of(settings: Settings) -> tuple[Design, frozenset[str]]:
    """The design that a lab's handles stand for, and the names of the handles that have an effect on it.

    A handle that a lab does not have yet stands at the value that `AnyBlock` has for it.
    """
    now = NEUTRAL | settings
    used = {"reduced", "in_channels", "grid", "halving", "padding", "join", *(f"has_{name}" for name in BRANCHES)}
    arguments: dict[str, object] = {"in_channels": now["in_channels"]}

    def take(*names: str) -> None:
        """Handles that are named like arguments."""
        used.update(names)
        arguments.update({name: now[name] for name in names})

    is_reduced = now["reduced"] == REDUCED
    if now["has_pointwise"]:
        take("pointwise")
    for branch in ("three", "narrow", "five"):
        if not now[f"has_{branch}"]:
            continue
        if is_reduced:
            take(f"{branch}_reduce")
        take(branch)
        if branch != "narrow":
            take(f"{branch}_form", f"{branch}_window")
            count = len(windows(now[f"{branch}_form"], now[f"{branch}_window"])) - 1
            names = [f"{branch}_between_{number}" for number in range(1, count + 1)]
            used.update(names)
            arguments[f"{branch}_between"] = tuple(now[name] for name in names)
            take("expanded")
    has_windows = any(now[f"has_{name}"] for name in ("three", "narrow", "five"))
    if now["has_pool"]:
        take("pool_kind", *(["pool"] if is_reduced else []))
    if has_windows or now["has_pointwise"] or (now["has_pool"] and is_reduced and now["pool"]):
        take("norm", "relu")
    if has_windows:
        take("groups", *(["inside"] if now["groups"] != 1 else []))
    take("halving", "padding", "join")
    if now["join"] != "concatenation":
        take("scale", "sum_relu")
    given = tuple((name, value) for name, value in arguments.items() if DEFAULTS.get(name) != value)
    return Design(given, now["grid"]), frozenset(used)


def settings_of(arguments: dict[str, object], grid: int) -> Settings:
    """Where the handles stand for these arguments of `AnyBlock`. Handles without an effect are not named."""
    full = DEFAULTS | arguments
    settings: Settings = {"in_channels": full["in_channels"], "grid": grid}
    settings |= {
        f"has_{name}": full["pool_kind"] != "none" if name == "pool" else bool(full[name]) for name in BRANCHES
    }
    settings["reduced"] = REDUCED if any(full[name] for name in REDUCES) else NAIVE
    settings |= full
    for branch in ("three", "five"):
        between = enumerate(full[f"{branch}_between"], start=1)
        settings |= {f"{branch}_between_{number}": width for number, width in between}
    _, used = design_of(settings)
    return {name: value for name, value in settings.items() if name in used}


def view(settings: Settings, pinned: Settings | None) -> View:
    """What the block lab shows: cost by branch and diagram of the block, beside the pinned one's, and both in words."""
    now, used = design_of(settings)
    designs = {"A": design_of(pinned)[0], "B": now} if pinned else {"": now}
    tables = {name: _seen(design)[0] for name, design in designs.items()}
    drawn, least = at_one_scale([_seen(design)[1] for design in designs.values()])
    diagrams = (text(_heading(name, tables[name]), each) for name, each in zip(designs, drawn, strict=True))
    words = compare(tables["A"], tables["B"], with_channels=True) if pinned else describe(tables[""])
    options = now.options
    if options["join"] != "concatenation" and options["scale"] == 0:
        words += " With a scale of 0 the branches count for nothing: what comes in goes out."
    html = text(_bars(designs, tables), side_by_side(*diagrams, least=least))
    return View(words=words, html=html, disabled=frozenset(settings) - used, code=now.code)


@units.cached(maxsize=64)  # a pinned design, and one that a handle comes back to, need no second drawing
def _seen(design: Design) -> tuple[Table, Diagram]:
    """A design's cost, and its diagram; on `meta`, where shapes need no numbers."""
    with torch.device("meta"):
        block = design.build()
    try:
        record = trace(block, design.image_shape)
    except CannotRun:
        raise ValueError(f"A grid of {design.grid}×{design.grid} is too small for this block.") from None
    return table_of(record), diagram_of(record, is_narrow=True)


def _heading(name: str, table: Table) -> Html:
    figures = {"parameters": table.parameters, "macs": table.macs, "channels": table.rows[-1].shape[0]}
    words = f"{table.parameters:,} parameters · {units.count(table.macs):,} {units.letters()}"
    return heading(name, "", cost_mark(name, words, **figures, activations=table.activations), alone="Now")


def cost_by_branch(table: Table) -> dict[str, Cost]:
    """Cost of each branch, and under "sum" of what stands outside of them: the 1 × 1 before or around a sum."""
    costs = table.by_stage()
    rest = total(cost for name, cost in costs.items() if name not in BRANCHES)
    return {name: costs[name] for name in BRANCHES if name in costs} | ({"sum": rest} if rest.parameters else {})


MEASURES = ("macs", "parameters", "activations")


def _bars(designs: dict[str, Design], tables: dict[str, Table]) -> Html:
    """Multiply-adds, parameters and activations by branch, each number on a bar; with two designs, two rows a branch."""
    costs = {name: cost_by_branch(table) for name, table in tables.items()}
    every = [cost for branches in costs.values() for cost in branches.values()]
    most = {key: max([getattr(cost, key) for cost in every] + [1]) for key in MEASURES}
    seldom = [name for name in ("narrow", "sum") if any(name in branches for branches in costs.values())]
    rows = []
    for branch in [name for name in (*BRANCHES, "sum") if name in seldom or name in ALWAYS]:
        for name, branches in costs.items():
            cost = branches.get(branch)
            title = designs[name].title(branch) if branch != "sum" else "to the sum"
            label = f"{title or TITLES.get(branch, '')} {name}".strip()
            color, weak = colors.branch_color(branch), "weak" if name == "A" else ""
            values = [(units.of(cost, key), getattr(cost, key) / most[key]) for key in MEASURES] if cost else []
            cells = (shaded(f"{value:,}", share, color, cls=weak) for value, share in values)
            rows.append((label, *(cells if cost else ["off"] * len(MEASURES))))
    head = ("branch", *map(units.title, MEASURES))
    return table(rows, head=head, caption=bold("Cost by branch"), row_heads=True, cls="wide")


def block_lab(through: str = "inception_module") -> Lab:
    """The block lab with the handles and presets of the lessons through the one of this slug, set to module 3a.

    Raises:
        ValueError: there is no such lesson, or it comes before the first block.
    """
    known = presets(through)
    number = lesson(through).number
    controls = {name: make() for name, make in _handles(number).items() if lesson(SINCE[name]).number <= number}
    groups = {title: [name for name in names if name in controls] for title, names in HEADINGS.items()}
    menu = {preset.name: _known(settings_of(preset.settings, preset.grid), controls) for preset in known}
    for name, value in menu["GoogLeNet 3a"].items():
        controls[name].value = value
    question = (
        "<b>Block lab.</b> What does each part of a block cost, and which part makes it cheap? "
        "Move a handle, pin a design as A, and compare."
    )
    if number > 1:
        question += (
            " The presets are all blocks of the networks so far. Stems, auxiliary heads and classifiers are not among them: "
            "their layers follow one after another, with no branches to choose from."
        )
    return Lab(
        question, controls, view, menu, groups=groups if number > 1 else None,
        actions=(TimeDesigns(lambda settings: design_of(settings)[0]), RaceDesigns(lambda settings: dict(design_of(settings)[0].arguments))),
        from_code=lambda calls: _from_code(calls, controls),
    )  # fmt: skip


def _from_code(calls: tuple[Call, ...], controls: dict[str, ipywidgets.Widget]) -> Settings:
    """The settings in pasted code: a call of `AnyBlock`, and one of `profile` where the grid is not to stay.

    Raises:
        ValueError: other calls, arguments that do not exist or cannot be, or a block beyond the handles of this lab.
    """
    by_name = {call.name: call for call in calls}
    if "AnyBlock" not in by_name:
        raise ValueError(f"There is no AnyBlock(...) here, only {', '.join(by_name)}. Paste what the lab has shown.")
    unknown = sorted(by_name.keys() - {"AnyBlock", "profile"})
    if unknown or len(calls) > len(by_name):
        raise ValueError("Paste one AnyBlock(...) and at most one profile(block, ...); nothing else is read here.")
    call = by_name["AnyBlock"]
    names = ("in_channels", *DEFAULTS)
    if len(call.arguments) > 1:
        raise ValueError("Only in_channels may stand without its name; write the others as name=value.")
    arguments = dict(zip(names, call.arguments, strict=False)) | call.keywords
    for name in arguments:
        if name not in names:
            raise ValueError(f"AnyBlock has no {name}. It has: {', '.join(names)}.")
    if "in_channels" not in arguments:
        raise ValueError("in_channels is missing: how many channels come in?")
    with torch.device("meta"):
        AnyBlock(**arguments)  # explains what cannot be
    grid = controls["grid"].value
    if "profile" in by_name:
        shape = by_name["profile"].arguments[-1:]
        if not shape or not isinstance(shape[0], tuple) or len(shape[0]) != 3 or shape[0][1] != shape[0][2]:
            raise ValueError("The shape in profile(block, ...) must be (channels, height, width), of a square grid.")
        if shape[0][0] != arguments["in_channels"]:
            raise ValueError(
                f"AnyBlock has in_channels={arguments['in_channels']}, and the shape in profile has {shape[0][0]} channels."
            )
        grid = shape[0][1]
    return _known(settings_of(arguments, grid), controls)


def _known(settings: Settings, controls: dict[str, ipywidgets.Widget]) -> Settings:
    """Settings without those of handles that come in later lessons.

    Raises:
        ValueError: such a handle would have to be moved.
    """
    for name, value in settings.items():
        if name not in controls and value != NEUTRAL[name]:
            raise ValueError(
                f"{name} is {value!r} here, and this lab has no handle for it yet: it comes with lesson "
                f"{lesson(SINCE[name]).number:02d}."
            )
    return {name: value for name, value in settings.items() if name in controls}


HEADINGS = {
    "Branches": ["reduced", *(f"has_{name}" for name in BRANCHES)],
    "Windows and pool": ["three_form", "three_window", "five_form", "five_window", "expanded", "pool_kind"],
    "Widths": [
        "pointwise", "three_reduce", "three_between_1", "three", "narrow_reduce", "narrow", "five_reduce",
        "five_between_1", "five_between_2", "five_between_3", "five", "pool",
    ],
    "Layers": ["norm", "relu", "groups", "inside"],
    "Input and grid": ["in_channels", "grid", "halving", "padding"],
    "Sum": ["join", "scale", "sum_relu"],
}  # fmt: skip


# The lesson that brings a handle, by its slug.
SINCE = {
    **dict.fromkeys(
        (
            "reduced", "has_pointwise", "has_three", "has_five", "has_pool", "pointwise", "three_reduce", "three",
            "five_reduce", "five", "pool", "in_channels", "grid",
        ),
        "inception_module",
    ),
    **dict.fromkeys(("norm", "five_form", "five_window", "five_between_1", "pool_kind", "halving"), "batch_norm"),
    **dict.fromkeys(
        (
            "three_form", "three_window", "three_between_1", "five_between_2", "five_between_3", "expanded", "relu",
            "padding",
        ),
        "factorization",
    ),
    **dict.fromkeys(("has_narrow", "narrow_reduce", "narrow", "join", "scale", "sum_relu"), "residual_scaling"),
    **dict.fromkeys(("groups", "inside"), "xception"),
}  # fmt: skip
# Where a handle stands that a lab does not have: as in GoogLeNet.
NEUTRAL: Settings = DEFAULTS | {"has_narrow": False, "pool_kind": "max"}


def _handles(number: int) -> dict[str, Callable[[], ipywidgets.Widget]]:
    """How to make each handle, by its name in the settings, for the lab of the lesson of this number."""
    most = 512 if number == 1 else 2048
    least = 1 if number == 1 else 0  # 0: no such 1×1, which the reductions need
    knows_groups = number >= lesson("xception").number

    def check(name: str, tip: str, value: bool = False) -> partial:
        return partial(ipywidgets.Checkbox, value=value, description=name, indent=False, tooltip=tip)

    def menu(options: list, name: str, tip: str) -> partial:
        return partial(ipywidgets.Dropdown, options=options, description=name, tooltip=tip, style=LABEL)

    def width(value: int, name: str, tip: str, low: int = 1) -> partial:
        return partial(slider, value, low, most, name, tip + (" (0: there is none)" if low == 0 else ""))

    forms = [(title, form) for form, title in FORM_TITLES.items()]
    sizes = [(f"n = {n}", n) for n in WINDOWS]
    relus = [
        ("after each conv", "after each"),
        ("linear between factors", "linear between windows"),
        ("before each conv", "before each"),
        ("before all but the 1st", "before all but the first"),
    ]
    halvings = [("keep it", "none"), ("halve by strides", "stride"), ("halve by a pool behind", "pool")]
    joins = [("concatenation", "concatenation"), ("x + 1×1 of them", "residual"), ("x + the branches", "skip")]
    handles = {
        "reduced": partial(
            buttons,
            {
                NAIVE: "No 1×1 before a window or after the pool",
                REDUCED: "A 1×1 before each window, and after the pool",
            },
            value=REDUCED,
            width=110,
        ),
    }
    for branch, title in TITLES.items():
        tip = f"The {title} branch on or off"
        if branch in ("three", "five") and number > 1:
            tip = f"The branch that is {title} in GoogLeNet, on or off; the next heading says what stands in it"
        handles[f"has_{branch}"] = check(f"{title} branch", tip, value=branch != "narrow")
    return handles | {
        "three_form": menu(
            [form for form in forms if form[1] in THREE_FORMS], "3×3 as", "The 3×3 branch: one window, or its factors"
        ),
        "three_window": menu(sizes, "its n", "How far the window of the 3×3 branch looks"),
        "five_form": menu(
            forms if number >= lesson("factorization").number else forms[:2],
            "5×5 as",
            "The 5×5 branch: one window, several, or factors",
        ),
        "five_window": menu(
            sizes, "its n", "How far the windows of the 5×5 branch look: together, or each where it says n"
        ),
        "expanded": check(
            "expanded filter banks", "The last window of both branches as 1×n beside n×1, each of the full width"
        ),
        "pool_kind": menu(["max", "average"], "pool", "What the 3×3 pool takes of its nine places"),
        "pointwise": width(64, "1×1", "Output channels of the 1×1 branch"),
        "three_reduce": width(96, "3×3 reduce", "Channels that the 3×3 convolution reads", least),
        "three_between_1": width(128, "3×3 between", "Channels between the windows of the 3×3 branch"),
        "three": width(128, "3×3", "Output channels of the 3×3 branch"),
        "narrow_reduce": width(256, "2nd reduce", "Channels that the second 3×3 reads", 0),
        "narrow": width(256, "2nd 3×3", "Output channels of the second 3×3 branch"),
        "five_reduce": width(16, "5×5 reduce", "Channels that the 5×5 convolution reads", least),
        **{
            f"five_between_{place}": width(
                32, f"5×5 betw. {place}", f"Channels behind window {place} of the 5×5 branch, before the next"
            )
            for place in (1, 2, 3)
        },
        "five": width(32, "5×5", "Output channels of the 5×5 branch"),
        "pool": width(32, "pool proj", "Output channels of the 1×1 after the pool", least),
        "norm": check("batch normalisation", "Batch normalisation behind each convolution, in place of its bias"),
        "relu": menu(relus if knows_groups else relus[:2], "ReLU", "Where the activations stand"),
        "groups": partial(
            stops, 1, GROUPS, "groups",
            "Into how many parts, blind to each other, a window's channels are divided; from 2 on a 1×1 mixes them",
        ),
        "inside": menu(list(INSIDES), "then", "What stands between a window with groups and its 1×1"),
        "in_channels": partial(slider, 192, 1, 1024 if number == 1 else 2560, "input", "Channels that come in"),
        "grid": partial(slider, 28, 1, 112 if number == 1 else 160, "grid", "Height and width of the grid"),
        "halving": menu(
            halvings if knows_groups else halvings[:2], "grid size", "Whether the block halves the grid, and by what"
        ),
        "padding": menu(["same", "valid"], "padding", "Of the last window in each branch, and of the pool"),
        "join": menu(
            joins if knows_groups else joins[:2], "join", "Concatenated only, or added to what came in (residual)"
        ),
        "scale": partial(
            share, 1.0, "scale", "The factor of the branches before they are added to what came in", step=0.01
        ),
        "sum_relu": check("ReLU after the sum", "A ReLU behind the sum", value=True),
    }  # fmt: skip
