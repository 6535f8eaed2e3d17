"""The receptive field lab: choose a unit of a stack of layers, and see what it sees on a photograph."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import ipywidgets
import numpy as np
from PIL import Image
from torch import nn

from utils.data.photo import NAMES, photograph
from utils.lab_frame.frame import Lab, View
from utils.page import html, svg
from utils.show import colors

CROP = 224  # pixels, the longer side of the enlarged part
PLACES = 7  # along each side of the grid of units to click


@dataclass(frozen=True)
class Layer:
    """One layer with a window: (height, width) of its window, of its stride and of its padding.

    One that `rounds_up` takes a last place that begins on the grid and hangs over its end.
    """

    name: str
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    rounds_up: bool = False

    def places(self, units: int, side: int) -> int:
        """How many places its window takes along one side of so many units.

        Raises:
            ValueError: it does not fit.
        """
        window, stride, padding = self.window[side], self.stride[side], self.padding[side]
        left = units + 2 * padding - window
        if left < 0:
            raise ValueError(f"{self.name} does not fit: its window is {window}, and {units} units are left.")
        count = left // stride + 1
        if self.rounds_up and left % stride and count * stride < units + padding:
            count += 1
        return count


@dataclass(frozen=True)
class Axis:
    """What one unit sees along one side of the image.

    Attributes:
        units: how many units there are.
        field: pixels that one unit sees.
        step: pixels between neighbouring units.
        start: the first pixel of the first unit's field; below zero where it begins in the padding.
    """

    units: int
    field: int
    step: int
    start: int

    def first(self, unit: int) -> int:
        """The first pixel that a unit sees."""
        return self.start + unit * self.step


def layers_of(module: nn.Module) -> tuple[Layer, ...]:
    """The convolutions and pools of a module that applies them one after another, read off the live module.

    Raises:
        ValueError: a part of it is no Sequential, so that its layers need not follow one after another.
    """
    found = []
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            window, stride, padding = (_two(size) for size in (part.kernel_size, part.stride, part.padding))
            kind = "max pool" if isinstance(part, nn.MaxPool2d) else "avg pool"
            if isinstance(part, nn.Conv2d):
                kind = "depthwise conv" if part.groups == part.in_channels > 1 else "conv"
            step = "" if stride == (1, 1) else f" /{stride[0]}"
            rounds_up = getattr(part, "ceil_mode", False)
            found.append(Layer(f"{window[0]}×{window[1]} {kind}{step}", window, stride, padding, rounds_up))
        elif not isinstance(part, nn.Sequential) and next(part.children(), None) is not None:
            raise ValueError(
                f"A {type(part).__name__} is in it, whose parts need not follow one another. Hand over one branch of it."
            )
    return tuple(found)


def along(layers: Sequence[Layer], size: int, side: int) -> Axis:
    """What a unit after these layers sees along one side (0: rows, 1: columns) of an image so many pixels long.

    Raises:
        ValueError: a window does not fit on what the layers before it left.
    """
    units, field, step, start = size, 1, 1, 0
    for layer in layers:
        window, stride, padding = layer.window[side], layer.stride[side], layer.padding[side]
        units = layer.places(units, side)
        field += (window - 1) * step
        start -= padding * step
        step *= stride
    return Axis(units, field, step, start)


def ways_to(layers: Sequence[Layer], size: int, side: int, unit: int) -> tuple[int, ...]:
    """By how many ways each pixel of a unit's field reaches it along one side; none from the padding of any layer."""
    below = [size, *(along(layers[:number], size, side).units for number in range(1, len(layers)))]
    ways = {unit: 1}
    for layer, units in zip(reversed(layers), reversed(below), strict=True):
        before: dict[int, int] = {}
        for place, count in ways.items():
            first = place * layer.stride[side] - layer.padding[side]
            for cell in range(max(first, 0), min(first + layer.window[side], units)):
                before[cell] = before.get(cell, 0) + count
        ways = before
    axis = along(layers, size, side)
    return tuple(ways.get(axis.first(unit) + pixel, 0) for pixel in range(axis.field))


def middle_of(ways: Sequence[int]) -> int:
    """The least odd or even number of pixels around the middle from which half of all ways start."""
    whole = sum(ways)
    for cut in range(len(ways) // 2, -1, -1):
        part = sum(ways[cut : len(ways) - cut])
        if 2 * part >= whole:
            return len(ways) - 2 * cut
    return len(ways)


@dataclass(frozen=True)
class Sight:
    """The chosen unit of a stack, and what it sees. Everything is for rows, then for columns.

    Attributes:
        layers: those below the unit.
        axes: the grid that it stands on.
        units: its number on each axis, from 0.
        ways: by how many ways each pixel of its field reaches it.
    """

    layers: tuple[Layer, ...]
    axes: tuple[Axis, ...]
    units: tuple[int, ...]
    ways: tuple[tuple[int, ...], ...]

    @property
    def first(self) -> tuple[int, ...]:
        """The first pixel that it sees."""
        return tuple(axis.first(unit) for axis, unit in zip(self.axes, self.units, strict=True))


def sight(stacks: Mapping[str, Sequence[Layer]], size: int, settings: dict) -> Sight:
    """What the unit sees that the lab's handles choose."""
    layers = tuple(stacks[settings["stack"]][: settings["layer"]])
    axes = tuple(along(layers, size, side) for side in (0, 1))
    shares = settings["row"], settings["column"]
    units = tuple(round((axis.units - 1) * share / 100) for axis, share in zip(axes, shares, strict=True))
    ways = tuple(ways_to(layers, size, side, unit) for side, unit in enumerate(units))
    return Sight(layers, axes, units, ways)


def view(stacks: Mapping[str, Sequence[Layer]], size: int, settings: dict, pinned: dict | None) -> View:
    """What the receptive field lab shows: the field on the photograph, what lies in it, and the layers below."""
    designs = {"A, pinned": pinned, "B, now": settings} if pinned else {"": settings}
    seen = {name: sight(stacks, size, each) for name, each in designs.items()}
    words = "<br/>".join(
        f"{name[:1]}{': ' if name else ''}{_words(designs[name]['stack'], size, each)}" for name, each in seen.items()
    )
    pictures = (
        html.text(html.bold(name), html.side_by_side(*_pictures(designs[name]["photo"], size, each)))
        for name, each in seen.items()
    )
    legend = (
        "The frame is what the unit sees; grey is padding. On the right it is enlarged, and the brighter a pixel, the more ways "
        "lead from it to the unit."
    )
    *_, now = seen.values()
    below = _table(stacks[settings["stack"]], size, chosen=len(now.layers) - 1)
    return View(words=words, html=html.text(html.side_by_side(*pictures), html.tag("p", legend), below))


def _words(stack: str, size: int, seen: Sight) -> str:
    (rows, columns), (row, column), (down, across) = seen.axes, seen.units, map(middle_of, seen.ways)
    inside = [
        max(min(first + axis.field, size) - max(first, 0), 0) / axis.field
        for first, axis in zip(seen.first, seen.axes, strict=True)
    ]
    outside = 1 - inside[0] * inside[1]
    return (
        f"{html.text(stack)}, layer {len(seen.layers)} ({html.text(seen.layers[-1].name)}): the unit in row {row + 1} and column "
        f"{column + 1} of {rows.units}×{columns.units} sees <b>{rows.field}×{columns.field}</b> pixels, {100 * outside:.0f} % of them "
        f"padding; half of the ways down, and half of those across, start from the middle {down}×{across}."
    )


def _pictures(photograph_of: str, size: int, seen: Sight) -> tuple[html.Html, html.Html]:
    """The photograph with the unit's field in a frame, and that field by itself. Each fills its picture: no ground is seen."""
    (top, left), (height, width) = seen.first, (axis.field for axis in seen.axes)
    photo = html.tag("image", href=_photo(photograph_of, size), width=size, height=size)
    place = {"x": left, "y": top, "width": width, "height": height}
    shade = _shade(*seen.ways)
    scale = CROP / max(height, width)
    enlarged = (
        svg.rectangle(**place, fill=colors.GREY),
        photo,
        html.tag("image", href=shade, **place, preserveAspectRatio="none"),
    )
    crop = html.tag(
        "svg", *enlarged, width=width * scale, height=height * scale, viewBox=f"{left} {top} {width} {height}"
    )
    parts = [photo, svg.rectangle(**place, fill="none", stroke=colors.VERMILION, stroke_width=3)]
    if 0 <= left + width / 2 <= size:
        parts.append(svg.dot(left + width / 2, top + height / 2, colors.VERMILION, radius=3.5, stroke="#fff"))
    whole = html.tag("svg", *parts, width=size, height=size, viewBox=f"0 0 {size} {size}")
    words = f"A photograph with a frame of {height} by {width} pixels."
    return (
        svg.picture(whole, words=words, width=size, height=size),
        svg.picture(crop, words="The part inside of the frame, enlarged.", width=width * scale, height=height * scale),
    )


def _table(layers: Sequence[Layer], size: int, chosen: int) -> html.Html:
    cells = []
    for number, layer in enumerate(layers, start=1):
        rows, columns = along(layers[:number], size, 0), along(layers[:number], size, 1)
        sizes = ((axis.units, axis.field, axis.step) for axis in (rows, columns))
        cells.append((number, layer.name, *(f"{down}×{across}" for down, across in zip(*sizes, strict=True))))
    head = ("layer", "what", "units", "sees, pixels", "step, pixels")
    return html.table(cells, head=head, align="rlrrr", chosen=chosen)


@lru_cache
def _photo(name: str, size: int) -> str:
    return _address(photograph(name, size), "jpeg", quality=85)


@lru_cache(maxsize=64)
def _shade(rows: tuple[int, ...], columns: tuple[int, ...]) -> str:
    """A dark sheet as a PNG, the more transparent the more ways lead from there."""
    down, across = (np.array([way / max(ways) for way in ways]) for ways in (rows, columns))
    share = np.sqrt(np.outer(down, across))  # ways fall off so fast that nothing but the middle would be seen
    sheet = np.zeros((*share.shape, 4), dtype=np.uint8)
    sheet[..., 3] = (170 * (1 - share)).round()
    return _address(sheet, "png", compress_level=1)


def _address(pixels: np.ndarray, form: str, **options: int) -> str:
    """An image as an address that holds all of it."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"


def _two(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


class UnitGrid:
    """Places on a layer's grid, from its first to its last row and column; a click on one chooses the unit there.

    Args:
        row, column: the handles that it moves, from 0 to 100 per cent.
        choose: moves both at once.
    """

    def __init__(self, row: ipywidgets.IntSlider, column: ipywidgets.IntSlider, choose: Callable[[int, int], None]):
        self.row, self.column = row, column
        shares = [round(100 * place / (PLACES - 1)) for place in range(PLACES)]
        layout = ipywidgets.Layout(width="26px", height="26px", margin="0", padding="0")
        names = {
            (down, across): f"The unit {down} % down and {across} % across" for down in shares for across in shares
        }
        self.buttons = {
            at: ipywidgets.Button(description=name, tooltip=name, layout=layout) for at, name in names.items()
        }
        for (down, across), button in self.buttons.items():
            button.add_class("course-unit")  # its name is there to be heard, and too small to be seen
            button.on_click(lambda _event, down=down, across=across: choose(down, across))
        grid = ipywidgets.GridBox(
            [*self.buttons.values()],
            layout=ipywidgets.Layout(
                grid_template_columns=f"repeat({PLACES}, 26px)", grid_gap="2px", margin="4px 0 8px 78px"
            ),
        )
        grid.add_class("course-units")
        words = ipywidgets.HTML("<div>Or click a unit; the round one is nearest to yours.</div>")
        self.widget = ipywidgets.VBox([words, grid])
        self._marked: ipywidgets.Button | None = None
        for handle in (row, column):
            handle.observe(lambda _change: self._mark(), names="value")
        self._mark()

    def _mark(self) -> None:
        down, across = (min(sorted({at[side] for at in self.buttons}), key=lambda share: abs(share - handle.value))
                        for side, handle in enumerate((self.row, self.column)))  # fmt: skip
        nearest = self.buttons[down, across]
        if nearest is not self._marked:
            if self._marked:
                self._marked.remove_class("course-chosen")
            nearest.add_class("course-chosen")
            self._marked = nearest


def field_lab(stacks: Mapping[str, nn.Module], *, size: int = 224, question: str = "") -> Lab:
    """The receptive field lab over some stacks of layers, on photographs of `size` x `size` pixels.

    Args:
        stacks: modules whose layers follow one after another, by name; `meta` modules are fine.
        size: side of the photograph.
        question: what the learner finds out with it; HTML.

    Raises:
        ValueError: no stack, or one with branches, or with a window that does not fit on such a photograph.
    """
    if not stacks:
        raise ValueError("stacks is empty; name at least one stack of layers.")
    layers = {name: layers_of(module) for name, module in stacks.items()}
    first, *_ = layers.values()
    style = {"description_width": "72px"}
    controls = {
        "stack": ipywidgets.Dropdown(
            options=list(layers), description="stack", tooltip="The layers, one after another", style=style
        ),
        "layer": ipywidgets.IntSlider(
            value=len(first), min=1, max=len(first), description="layer", style=style,
            tooltip="After which layer of the stack the unit stands",
        ),
        "row": ipywidgets.IntSlider(
            value=50, min=0, max=100, description="row, %", tooltip="How far down the grid the unit stands", style=style
        ),
        "column": ipywidgets.IntSlider(
            value=50, min=0, max=100, description="column, %", tooltip="How far across the grid the unit stands",
            style=style,
        ),
        "photo": ipywidgets.ToggleButtons(
            options=list(NAMES), tooltips=[f"The photograph of a {name}" for name in ("dahlia", "pagoda")],
            style={"button_width": "90px"},
        ),
    }  # fmt: skip

    def follow(change: dict[str, str]) -> None:
        """Another stack has other layers; who stood behind the last one stands behind the last one again."""
        handle, last = controls["layer"], len(layers[change["new"]])
        stood_last, handle.max = handle.value == handle.max, last
        if stood_last:
            handle.value = last

    controls["stack"].observe(follow, names="value")
    text = question or "<b>Receptive field lab.</b> What does one unit see, and what counts most in it?"
    units = UnitGrid(controls["row"], controls["column"], lambda down, across: lab.set(row=down, column=across))
    lab = Lab(
        text, controls, lambda settings, pinned: view(layers, size, settings, pinned), beside={"column": units.widget}
    )
    return lab
