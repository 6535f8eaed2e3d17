"""Table 1 of "Going deeper with convolutions" as lines to check: what is printed, and what the course's network has."""

from typing import NamedTuple

from lessons.googlenet.paper import table_1
from networks import measure


class Line(NamedTuple):
    """One row of Table 1: the printed figures, then those of the course's network, variant "paper"."""

    name: str
    printed_params: float  # in K
    printed_ops: float  # in millions
    weights: int  # without the biases
    macs: int
    grid: int  # side of the grid that the row puts out; 1 for the dense layer


def lines() -> list[Line]:
    """The twelve rows of Table 1 that have weights, from top to bottom."""
    shapes = {row.name.split(".")[0]: row.shape for row in measure.cost("googlenet").rows}
    return [
        Line(
            name=each.row.name.removeprefix("inception ").strip("()"),
            printed_params=each.row.printed_params,
            printed_ops=each.row.printed_ops,
            weights=each.weights,
            macs=each.macs,
            grid=shapes[each.row.modules[-1]][-1] if len(shapes[each.row.modules[-1]]) == 3 else 1,
        )
        for each in table_1()
    ]
