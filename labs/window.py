"""The window that slides: a convolution or a pool taken cell by cell, with all of its numbers.

The input is a handwritten digit of 8 x 8 grey values; where channels matter, 5 x 5 pixels of a photograph in red, green
and blue. The weights are small whole numbers, so that every product can be read. A k x k window of weights is a column
times a row, so a 1 x k and a k x 1 window one after the other give the same result. The front end computes everything
again when a handle moves; `results` is what it has to come to.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.cost import units
from utils.data.photo import photograph
from utils.page import svg
from utils.page.html import Html
from utils.show.colors import BLUE, ORANGE, VERMILION, tint
from utils.show.touch import Touch

# (column, row) of each window of weights.
WEIGHTS = {
    1: ((2,), (1,)),
    2: ((1, 1), (1, -1)),
    3: ((1, 2, 1), (1, 0, -1)),
    5: ((1, 1, 2, 1, 1), (1, 1, 0, -1, -1)),
    7: ((1, 1, 1, 1, 1, 1, 1), (1, 1, 1, 0, -1, -1, -1)),
}
DEPTHWISE = (  # one window for each of red, green and blue
    ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
)
POINTWISE = ((1, 1, 0), (0, -1, 1))  # two results, each a sum of the three
CHANNELS = ("red", "green", "blue")

STRIDES, PADDINGS = (1, 2, 3), (0, 1, 2, 3)
# Per mode: the sides of its window, and the most padding that each may have.
MODES = {
    "convolution": {k: 3 for k in WEIGHTS},
    "factorised": {k: k // 2 for k in (3, 5, 7)},
    "separable": {3: 1},
    "max": {2: 1, 3: 1},  # torch allows a pool half of its window
    "average": {2: 1, 3: 1},
}
DIGIT, SIDE = 3, 5  # which of the digits, a 3; pixels along a side of the photograph


def sliding_window(mode: str = "convolution", *, kernel: int = 3, stride: int = 1, padding: int = 1) -> Touch:
    """A window that slides over a grid: what it reads, the products, their sum, and the cell that it fills.

    Args:
        mode: "convolution" (k x k), "factorised" (1 x k, then k x 1), "separable" (depthwise, then pointwise), "max" or
            "average" (pools).
        kernel: side of the window, in cells.
        stride: cells from one place of the window to the next, 1 to 3.
        padding: rows and columns of zeros around the input (of minus infinity for "max").

    Raises:
        ValueError: a mode that there is not, or a number that it cannot take.
    """
    state = {"mode": mode, "kernel": kernel, "stride": stride, "padding": padding}
    _check(state)
    cells = sum(grid.numel() for grid in results(state))
    state["at"] = cells * 4 // 7
    words = (
        f"{TITLES[mode].format(k=kernel)}, stride {stride}, padding {padding}, slides over a grid of numbers. It reads "
        f"the cells under its window and writes {MAKES.get(mode, 'the sum of their products')} into one cell of the result."
    )
    unit = {"words": units.words(), "each": units.count(1)}
    return Touch(
        front=Path(__file__).with_suffix(".js"), data=data() | {"unit": unit}, state=state, words=words, picture=_still(state)
    )  # fmt: skip


TITLES = {
    "convolution": "A window of {k}×{k} weights",
    "factorised": "A window of 1×{k} weights, then one of {k}×1",
    "separable": "A window of {k}×{k} for each channel, then one of 1×1 over all of them",
    "max": "A max pool of {k}×{k}",
    "average": "An average pool of {k}×{k}",
}
MAKES = {"max": "the greatest of them", "average": "their mean"}


@cache
def data() -> dict[str, Any]:
    """What the front end shows: the numbers and what its handles may be."""
    return {
        "digit": _digit().int().tolist(),
        "photo": _photo().int().tolist(),
        "weights": {str(k): [list(column), list(row)] for k, (column, row) in WEIGHTS.items()},
        "depthwise": DEPTHWISE,
        "pointwise": POINTWISE,
        "channels": CHANNELS,
        "modes": {mode: {str(k): most for k, most in kernels.items()} for mode, kernels in MODES.items()},
        "strides": STRIDES,
        "paddings": PADDINGS,
    }


def results(state: Mapping[str, Any]) -> list[Tensor]:
    """The grids that the window fills, one after the other, computed by torch: (H, W) each, as whole as their numbers."""
    mode, k = state["mode"], state["kernel"]
    where = {"stride": state["stride"], "padding": state["padding"]}
    digit, photo = _digit()[None, None], _photo()[None]
    if mode == "max":
        return [F.max_pool2d(digit, k, **where)[0, 0]]
    if mode == "average":
        return [F.avg_pool2d(digit, k, **where)[0, 0]]
    if mode == "separable":
        between = F.conv2d(photo, torch.tensor(DEPTHWISE, dtype=torch.float64)[:, None], groups=3, **where)
        result = F.conv2d(between, torch.tensor(POINTWISE, dtype=torch.float64)[:, :, None, None])
        return [*between[0], *result[0]]
    column, row = (torch.tensor(side, dtype=torch.float64) for side in WEIGHTS[k])
    if mode == "factorised":
        step, around = where["stride"], where["padding"]
        between = F.conv2d(digit, row[None, None, None, :], stride=(1, step), padding=(0, around))
        result = F.conv2d(between, column[None, None, :, None], stride=(step, 1), padding=(around, 0))
        return [between[0, 0], result[0, 0]]
    return [F.conv2d(digit, torch.outer(column, row)[None, None], **where)[0, 0]]


def _check(state: Mapping[str, Any]) -> None:
    mode, k = state["mode"], state["kernel"]
    if mode not in MODES:
        raise ValueError(f"There is no mode {mode!r}. There are: {', '.join(MODES)}.")
    if k not in MODES[mode]:
        raise ValueError(f"kernel is {k!r}; for {mode!r} it can be {', '.join(map(str, MODES[mode]))}.")
    if state["stride"] not in STRIDES:
        raise ValueError(f"stride is {state['stride']!r}; it can be {', '.join(map(str, STRIDES))}.")
    if state["padding"] not in range(MODES[mode][k] + 1):
        raise ValueError(f"padding is {state['padding']!r}; for {mode!r} with {k}×{k} it can be 0 to {MODES[mode][k]}.")


@cache
def _digit() -> Tensor:
    """A handwritten digit, (8, 8): grey values from 0 to 16."""
    from sklearn.datasets import load_digits

    return torch.tensor(load_digits().images[DIGIT])


@cache
def _photo() -> Tensor:
    """Pixels of a photograph, (3, 5, 5): red, green and blue from 0 to 9."""
    pixels = torch.tensor(photograph("flower", SIDE).copy()).permute(2, 0, 1)
    return (pixels.double() * 9 / 255).round()


# --- the still ----------------------------------------------------------------------------------------------------------

_CELL = 28
_WIDEST = 820  # pixels: wider, it would be made smaller on a page, and its numbers could not be read


def _still(state: Mapping[str, Any]) -> str:
    """The input with the window at its first place, the weights, and the grids that it fills."""
    mode, k, filled = state["mode"], state["kernel"], results(state)
    inputs = list(_photo()) if mode == "separable" else [_digit()]
    columns = {"input": inputs, "weights": _weights(mode, k)}
    columns |= (
        {"between": filled[:-1]} if mode == "factorised" else {"filtered": filled[:3]} if mode == "separable" else {}
    )
    columns["result"] = filled[-1:] if mode != "separable" else filled[3:]
    parts: list[Html] = []
    left, above, right, bottom = 12.0, 0.0, 0.0, 0.0
    for name, grids in columns.items():
        if not grids:
            continue
        around = state["padding"] if name == "input" else 0
        down, across = (0 if mode == "factorised" else around), around
        room = max((max(grid.shape[1] for grid in grids) + 2 * across) * _CELL, 52)
        if left + room > _WIDEST:  # what has no room any more stands below
            left, above = 12.0, bottom
        top = above + 34
        parts.append(svg.text(left, above + 22, name, anchor="start", font_weight="bold", font_size=13))
        for grid in grids:
            parts += _grid(grid, left, top, (down, across))
            height, width = ((1, k) if mode == "factorised" else (k, k)) if name == "input" else (1, 1)
            if name == "input" or (grid is grids[0] and name in ("between", "filtered", "result")):
                size = {"width": width * _CELL, "height": height * _CELL}
                parts.append(svg.rectangle(left, top, **size, fill="none", stroke=VERMILION, stroke_width=3))
            top += (grid.shape[0] + 2 * down) * _CELL + 14
        left += room + 36
        right, bottom = max(right, left), max(bottom, top)
    return svg.sheet(*parts, words=TITLES[mode].format(k=k), width=right - 24, height=bottom)


def _weights(mode: str, k: int) -> list[Tensor]:
    """The windows of weights of a mode, (H, W) each; none for a pool."""
    if mode in ("max", "average"):
        return []
    if mode == "separable":
        return [torch.tensor(window) for window in DEPTHWISE]
    column, row = (torch.tensor(side) for side in WEIGHTS[k])
    return [row[None, :], column[:, None]] if mode == "factorised" else [torch.outer(column, row)]


def _grid(grid: Tensor, left: float, top: float, padding: tuple[int, int]) -> list[Html]:
    """A grid's cells with their numbers, and a dashed frame around what is padding."""
    parts: list[Html] = []
    rows, columns = grid.shape
    most = max(float(grid.abs().max()), 1)
    down, across = padding
    if down or across:
        size = {"width": (columns + 2 * across) * _CELL, "height": (rows + 2 * down) * _CELL}
        parts.append(svg.rectangle(left, top, **size, fill="none", stroke="#8C8C8C", stroke_dasharray="4 3"))
    for row in range(rows):
        for column in range(columns):
            value = float(grid[row, column])
            x, y = left + (column + across) * _CELL, top + (row + down) * _CELL
            color = tint(BLUE if value > 0 else ORANGE, 0.5 * abs(value) / most)
            parts.append(svg.rectangle(x, y, _CELL, _CELL, fill=color, stroke="#BBBBBB"))
            words = f"{value:g}" if value == round(value) else f"{value:.1f}"
            letters = 10 if len(words) > 3 else None
            parts.append(svg.text(x + _CELL / 2, y + 18, words.replace("-", "−"), font_size=letters))
    return parts
