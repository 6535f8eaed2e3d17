"""The parts of a photograph that GoogLeNet looks at when it is tested: section 7 of "Going deeper with convolutions".

The photograph is resized until its shorter side has one of four lengths. Three squares of that side are taken: left,
centre and right, or top, centre and bottom. Of each square the network sees the four corners and the centre, 224 x 224
each, and the whole square resized to 224 x 224; and of all these the mirror images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lessons.layers import require_positive

SCALES = (256, 288, 320, 352)
SQUARES = ("first", "centre", "last")  # left to right, or top to bottom
POSITIONS = ("centre", "top left", "top right", "bottom left", "bottom right", "whole square")
SIDE = 224


@dataclass(frozen=True)
class Crop:
    """One look at a photograph. `top`, `left` and `side` are in pixels of the photograph resized to `scale`."""

    scale: int
    square: str
    position: str
    mirrored: bool
    top: int
    left: int
    side: int

    def box(self, height: int, width: int) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels of the photograph itself, which is height x width."""
        factor = min(height, width) / self.scale
        left, top = self.left * factor, self.top * factor
        return left, top, left + self.side * factor, top + self.side * factor


def crops(
    height: int,
    width: int,
    *,
    scales: Sequence[int] = SCALES,
    squares: Sequence[str] = SQUARES,
    positions: Sequence[str] = POSITIONS,
    mirrored: Sequence[bool] = (False, True),
) -> list[Crop]:
    """Every look at a photograph of height x width, 144 unless fewer scales, squares, positions or mirrors are named.

    Raises:
        ValueError: a size that is not a whole number above zero, or a square or position that does not exist.
    """
    require_positive(height=height, width=width)
    for name, given, known in (("squares", squares, SQUARES), ("positions", positions, POSITIONS)):
        for word in given:
            if word not in known:
                raise ValueError(f"{name} has {word!r}; there are {', '.join(known)}.")
    found = []
    for scale in scales:
        longer = round(max(height, width) * scale / min(height, width))
        for square in squares:
            offset = {"first": 0, "centre": (longer - scale) // 2, "last": longer - scale}[square]
            top, left = (0, offset) if width >= height else (offset, 0)
            for position in positions:
                down, right, side = _within(position, scale)
                for is_mirrored in mirrored:
                    found.append(Crop(scale, square, position, is_mirrored, top + down, left + right, side))
    return found


def _within(position: str, scale: int) -> tuple[int, int, int]:
    """(top, left, side) of a position in a square of side `scale`."""
    if position == "whole square":
        return 0, 0, scale
    free = scale - SIDE
    if position == "centre":
        return free // 2, free // 2, SIDE
    down, right = position.split()
    return free * (down == "bottom"), free * (right == "right"), SIDE


def times_seen(looks: Sequence[Crop], height: int, width: int) -> np.ndarray:
    """How many of the looks contain each pixel of a photograph: int (height, width)."""
    seen = np.zeros((height, width), dtype=int)
    for look in looks:
        left, top, right, bottom = (round(edge) for edge in look.box(height, width))
        seen[top:bottom, left:right] += 1
    return seen
