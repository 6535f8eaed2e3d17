"""Scrubbing through a training: one slider over its kept steps moves the curves, the layers, the filters and the clouds.

The kept steps are those of `utils.train.snapshots`: of a training that was watched, or read from a file. Two trainings stand
under one slider. The front end only draws what was kept; the still shows three of the steps.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from utils.page import svg
from utils.page.html import Html, tag
from utils.show.colors import ARMS
from utils.show.touch import Touch
from utils.train.snapshots import Snapshots

CLASSES = ("#0072B2", "#D98E00", "#009E73", "#D55E00", "#C4639A", "#3FA3DD", "#8C8C8C", "#7A5FC0", "#A6761D", "#8FA300")


def scrubber(kept: Snapshots | Mapping[str, Any]) -> Touch:
    """The kept steps of a training, or of two by their names, under one slider.

    Args:
        kept: what was kept of one training, as watched or as `Snapshots.record` gives it; or {name: what was kept} of two
            that have the same layers and kept steps, of which one may have ended before the other.

    Raises:
        ValueError: nothing was kept, more than two trainings, or two that do not go together.
    """
    named: Mapping[str, Any] = {"": kept} if isinstance(kept, Snapshots) or "steps" in kept else kept
    if not 1 <= len(named) <= 2:
        raise ValueError(f"There are {len(named)} trainings; one or two stand under a slider.")
    runs = [
        {**(each.record() if isinstance(each, Snapshots) else each), "name": name, "color": color}
        for (name, each), color in zip(named.items(), ARMS, strict=False)
    ]
    steps = max((run["steps"] for run in runs), key=len)
    for run in runs:
        if run["steps"] != steps[: len(run["steps"])] or _layers(run) != _layers(runs[0]):
            raise ValueError(
                f"The trainings {' and '.join(map(repr, named))} do not have the same kept steps and the same layers."
            )
    data = {"runs": runs, "steps": steps, "colors": CLASSES}
    words = f"A training of {runs[0]['total']} steps, at {len(steps)} of them. " + " ".join(
        _in_words(run) for run in runs
    )
    return Touch(
        front=Path(__file__).with_suffix(".js"), data=data, state={"at": len(steps) - 1}, words=words, picture=_still(data, words)
    )  # fmt: skip


def _layers(run: Mapping[str, Any]) -> list[str]:
    return [layer["name"] for layer in run["layers"]]


def _in_words(run: Mapping[str, Any]) -> str:
    """Where a training begins, and where it ends."""
    name = f"{run['name']}: " if run["name"] else ""
    accuracy, spread = (
        " to ".join(_short(run[key][at], "undefined") for at in (0, -1)) for key in ("accuracy", "spread")
    )
    sizes = ", ".join(
        f"{layer['name']} {_short(layer['size'][0])} to {_short(layer['size'][-1])}" for layer in run["layers"]
    )
    ended = f" Kept up to step {run['steps'][-1]}." if run["steps"][-1] < run["total"] else ""
    return f"{name}accuracy {accuracy}, spread of the classes {spread}; sizes by layer: {sizes}.{ended}"


def _short(value: float | None, none: str = "not finite") -> str:
    return none if value is None else f"{value:.3g}"


# --- the still ----------------------------------------------------------------------------------------------------------

_CLOUD, _TILE = 210, 24


def _still(data: Mapping[str, Any], words: str) -> str:
    """The curves, and for each training its clouds and its first filters at the first kept step, one between, and the last."""
    steps, runs = data["steps"], data["runs"]
    parts: list[Html] = []
    width = 3 * (_CLOUD + 20) + 30
    for number, (key, name) in enumerate((("accuracy", "accuracy"), ("loss", "loss"))):
        values = [value for run in runs for value in run[key] if value is not None]
        most = max([1.0 if key == "accuracy" else 0.0, *values]) or 1.0
        chart = svg.Chart((0, max(len(steps) - 1, 1)), (0, most), width=width / 2, height=150, margins=(44, 14, 24, 38))
        marks: dict[float, object] = {
            place: f"{steps[place]}" for place in sorted({0, len(steps) // 3, 2 * len(steps) // 3, len(steps) - 1})
        }
        chart.axes(marks, svg.numbered(svg.ticks(0, most)), x="step (kept ones, equally far apart)", title=name)
        for run in runs:
            chart.line([(place, value) for place, value in enumerate(run[key]) if value is not None], run["color"])
        parts.append(tag("g", *chart.parts, transform=f"translate({width / 2 * number} 0)"))
    top = 166.0
    for run in runs:
        if run["name"]:
            parts.append(svg.rectangle(12, top - 2, 12, 12, fill=run["color"]))
            parts.append(svg.text(30, top + 9, run["name"], anchor="start", font_weight="bold", font_size=13))
            top += 22
        last = len(run["steps"]) - 1
        bottom = top
        for column, at in enumerate(sorted({0, last // 2, last})):
            left = 12 + column * (_CLOUD + 20)
            caption = f"step {run['steps'][at]}: spread {_short(run['spread'][at], 'undefined')}"
            parts.append(svg.text(left, top + 10, caption, anchor="start", font_size=12))
            parts += _cloud(run, at, left, top + 18)
            bottom = top + 18 + _CLOUD
            if run["filters"]:
                address, height = _filters(run["filters"], at)
                parts.append(tag("image", href=address, x=left, y=bottom + 8, width=_CLOUD, height=height))
                bottom += 8 + height
        top = bottom + 18
    return svg.sheet(*parts, words=words, width=width, height=top)


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8)


def _cloud(run: Mapping[str, Any], at: int, left: float, top: float) -> Sequence[Html]:
    """The images of a kept step on their plane, with each class's name at its middle."""
    labels = _bytes(run["labels"])
    points = _bytes(run["cloud"]["points"]).reshape(-1, len(labels), 2)[at] * ((_CLOUD - 8) / 255)
    places = np.stack([left + 4 + points[:, 0], top + _CLOUD - 4 - points[:, 1]], axis=1)
    parts = [svg.rectangle(left, top, _CLOUD, _CLOUD, fill="none", stroke="#BBBBBB")]
    groups = {number: places[labels == number] for number in range(len(run["classes"])) if (labels == number).any()}
    middles = np.stack([own.mean(axis=0) for own in groups.values()])
    apart = np.linalg.norm(middles[:, None] - middles, axis=2) + 1e6 * np.eye(len(middles))
    names = []
    for (number, own), (x, y), nearest in zip(groups.items(), middles, apart.min(axis=1), strict=True):
        path = "".join(f"M{place[0]:.0f} {place[1]:.0f}h0" for place in own)
        look: dict[str, Any] = {
            "stroke": CLASSES[number % len(CLASSES)],
            "stroke_width": 5,
            "stroke_linecap": "round",
            "opacity": 0.7,
        }
        parts.append(tag("path", d=path, fill="none", **look))
        if nearest > 9:  # names that would lie on each other are left out
            halo: dict[str, Any] = {
                "stroke": "#fff",
                "stroke_width": 3,
                "paint_order": "stroke",
                "font_weight": "bold",
                "font_size": 13,
            }
            names.append(svg.text(float(x), float(y) + 4, run["classes"][number], **halo))
    return [*parts, *names]


def _filters(filters: Mapping[str, Any], at: int) -> tuple[str, float]:
    """The first filters of a kept step in rows of eight, as the address of one PNG, and how high that is."""
    count, channels, height, width = filters["shape"]
    stack = _bytes(filters["values"]).reshape(-1, count, channels, height, width)[at]
    enlarged = max(1, 3 * _TILE // max(height, width))
    rows, gap = -(-count // 8), 3 * _TILE // 4
    sheet = np.full((rows * (height * enlarged + gap), 8 * (width * enlarged + gap), 3), 255, dtype=np.uint8)
    for number, one in enumerate(stack):
        pixels = _toned((one[0].astype(float) - 128) / 127) if channels == 1 else one.transpose(1, 2, 0)
        top, left = (number // 8) * (height * enlarged + gap), (number % 8) * (width * enlarged + gap)
        tile = pixels.repeat(enlarged, axis=0).repeat(enlarged, axis=1)
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "png", optimize=True)
    address = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return address, _CLOUD * sheet.shape[0] / sheet.shape[1]


def _toned(weights: np.ndarray) -> np.ndarray:
    """Weights from -1 to 1 as pixels: orange below zero, near white at it, purple above. As in the front end."""
    ends = np.where(weights[..., None] < 0, (179, 88, 6), (84, 39, 136))
    pixels: np.ndarray = (247 + (ends - 247) * np.abs(weights[..., None])).round().clip(0, 255).astype(np.uint8)
    return pixels
