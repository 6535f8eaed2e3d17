"""How often GoogLeNet sees each part of a photograph when it is tested (section 7), for the pictures and the lab."""

from collections.abc import Sequence

import numpy as np

from utils.data.crops import PLACES, Crop, crops_144

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
