"""Grids behind layers, by arithmetic alone: what exercises 6.1 to 6.3 ask for."""

from collections.abc import Sequence

from lessons.inception_v4.printed import Layer


def after(grid: int, window: int, stride: int = 1, padding: str = "same") -> int:
    """Side of the grid behind a layer with an odd window, on a grid that the window fits on."""
    if padding == "valid":
        return (grid - window) // stride + 1
    return (grid - 1) // stride + 1


def along(side: int, layers: Sequence[Layer]) -> list[int]:
    """The side of the image, and of the grid behind each layer."""
    sides = [side]
    for layer in layers:
        sides.append(after(sides[-1], layer.window, layer.stride, layer.padding))
    return sides


def fork(channels: int, grid: int, branches: Sequence[Sequence[Layer]]) -> tuple[int, int] | None:
    """Channels and grid behind a concatenation of branches; None where their grids differ."""
    total, ends = 0, set()
    for branch in branches:
        width = channels
        for layer in branch:
            width = width if layer.width is None else layer.width
        total += width
        ends.add(along(grid, branch)[-1])
    return (total, ends.pop()) if len(ends) == 1 else None


def positions(cells: int, window: int, stride: int, padding: str) -> list[int]:
    """The first cell under the window at each of its places; below zero where it begins in the padding."""
    zeros = window // 2 if padding == "same" else 0
    return list(range(-zeros, cells + zeros - window + 1, stride))


def cells_left(grid: int, layer: Layer) -> int:
    """How many cells at the far end of each row no window of a layer with valid padding reaches."""
    return (grid - layer.window) % layer.stride if layer.padding == "valid" else 0
