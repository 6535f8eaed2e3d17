"""The looks of "Going deeper with convolutions", section 7: where they are, and how often each part of a photograph is seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from utils.data.splits import require_whole

SCALES = (256, 288, 320, 352)  # lengths of the shorter side
PAPERS_SIZE = 224
PLACES = ("top left", "top right", "bottom left", "bottom right", "centre", "whole")


@dataclass(frozen=True, kw_only=True)
class Crop:
    """One look at an image of `image` = (height, width) pixels: part of a square of the resized image.

    The image is resized to `resized` = (height, width), whose shorter side is `scale`. Of that the look takes `window` =
    (left, top, side), brought to 224 x 224 pixels where it is larger, and mirrored left to right if it says so.
    """

    image: tuple[int, int]
    scale: int
    square: str  # "left", "centre" or "right"; of a portrait "top", "centre" or "bottom"
    place: str  # one of PLACES: where in the square; "whole" is all of it
    mirrored: bool
    resized: tuple[int, int]
    window: tuple[int, int, int]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in the original image's pixels."""
        left, top, side = self.window
        down, across = self.image[0] / self.resized[0], self.image[1] / self.resized[1]
        return left * across, top * down, (left + side) * across, (top + side) * down


def crops_144(height: int, width: int) -> list[Crop]:
    """Section 7's looks: 4 scales x 3 squares x (4 corners, centre, whole) x (as it is, mirrored), in this order.

    Raises:
        ValueError: a height or width that is not a whole number of pixels, 1 or more.
    """
    for name, value in (("height", height), ("width", width)):
        require_whole(name, value, lowest=1)
    names = ("left", "centre", "right") if width >= height else ("top", "centre", "bottom")
    shorter, crops = min(height, width), []
    for scale in SCALES:
        resized = (round(height * scale / shorter), round(width * scale / shorter))
        room = max(resized) - scale
        for square, place, mirrored in product(range(3), PLACES, (False, True)):
            along = (0, room // 2, room)[square]
            left, top = (along, 0) if width >= height else (0, along)
            right, down, side = _within(place, scale)
            crops.append(
                Crop(
                    image=(height, width),
                    scale=scale,
                    square=names[square],
                    place=place,
                    mirrored=mirrored,
                    resized=resized,
                    window=(left + right, top + down, side),
                )
            )
    return crops


def _within(place: str, side: int) -> tuple[int, int, int]:
    """(left, top, side) of a place in a square of that side."""
    room = side - PAPERS_SIZE
    if place == "whole":
        return 0, 0, side
    if place == "centre":
        return room // 2, room // 2, PAPERS_SIZE
    return room * place.endswith("right"), room * place.startswith("bottom"), PAPERS_SIZE


# What each factor of 4 x 3 x 6 x 2 counts, by the number of its values that a test can use.
SQUARES = {1: ("centre",), 3: ("left", "top", "centre", "right", "bottom")}
POSITIONS = {
    1: ("centre",),
    5: tuple(place for place in PLACES if place != "whole"),
    6: PLACES,
}


def some_crops(height: int, width: int, *, scales: int, squares: int, places: int, mirrors: int) -> list[Crop]:
    """A part of the 144 looks at a photograph: scales * squares * places * mirrors of them.

    Args:
        height, width: of the photograph in pixels.
        scales: 1 to 4, the smallest first.
        squares: 1 for the one in the centre, or 3.
        places: in each square: 1 for its centre, 5 with its corners, 6 with the whole square resized.
        mirrors: 1, or 2 with the mirror images.

    Raises:
        ValueError: a number of squares or places other than these.
    """
    if squares not in SQUARES or places not in POSITIONS:
        raise ValueError(
            f"There are {squares} squares and {places} places; there can be {' or '.join(map(str, SQUARES))} squares and "
            f"{', '.join(map(str, POSITIONS))} places."
        )
    every = crops_144(height, width)
    sides = sorted({crop.scale for crop in every})[:scales]
    return [
        crop
        for crop in every
        if crop.scale in sides
        and crop.square in SQUARES[squares]
        and crop.place in POSITIONS[places]
        and (mirrors == 2 or not crop.mirrored)
    ]


def times_seen(looks: Sequence[Crop], height: int, width: int) -> np.ndarray:
    """How many of the looks contain each pixel of a photograph: int (height, width)."""
    seen = np.zeros((height, width), dtype=int)
    for look in looks:
        left, top, right, bottom = (round(edge) for edge in look.box)
        seen[top:bottom, left:right] += 1
    return seen
