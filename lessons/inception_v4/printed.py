"""What the figures and Table 1 of "Inception-v4, Inception-ResNet ..." print, as data (arXiv 1602.07261)."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from torch import nn

from networks.bn_inception import ReductionWidths, Widths
from networks.inception_v4 import FIGURE_4, FIGURE_5, FIGURE_6, FIGURE_7, FIGURE_8, REPEATS_A, REPEATS_B, REPEATS_C

Window = tuple[int, int]


class Layer(NamedTuple):
    """One box of a figure, such as "3×3 Conv (96 stride 2 V)".

    `window` is its side, the longer one of 1 x 7 and 7 x 1. `padding` is "valid" where the box has a V. `width` are the
    output channels, None for a pool, which keeps those that come in.
    """

    window: int
    stride: int = 1
    padding: str = "same"
    width: int | None = None


# Figure 3 as it is printed, from the image on. Two of its boxes differ from the network; see the lesson.
POOL = Layer(3, 2, "valid")
LINE = (Layer(3, 2, "valid", 32), Layer(3, 1, "valid", 32), Layer(3, width=64))
FORK_1 = ((POOL,), (Layer(3, 2, "valid", 96),))
FORK_2 = (
    (Layer(1, width=64), Layer(3, 1, "valid", 96)),
    (Layer(1, width=64), Layer(7, width=64), Layer(7, width=64), Layer(3, 1, "valid", 96)),
)
FORK_3 = ((Layer(3, 1, "valid", 192),), (POOL,))

# The way through the pools of the stem and of both reductions (figures 7 and 8).
WAY = (*LINE, *FORK_1[0], *FORK_2[0], *FORK_3[1], POOL, POOL)


class Letters(NamedTuple):
    """Widths of figure 7: a 1 x 1, a 3 x 3 and a 3 x 3 of stride 2 in one branch, a 3 x 3 of stride 2 in the other."""

    k: int
    l: int
    m: int
    n: int


# Table 1, and the channels that reach the reduction in each network: figure 3, figure 14, figure 3.
TABLE_1 = {
    "Inception-v4": (384, Letters(k=192, l=224, m=256, n=384)),
    "Inception-ResNet-v1": (256, Letters(k=192, l=192, m=256, n=384)),
    "Inception-ResNet-v2": (384, Letters(k=256, l=256, m=384, n=384)),
}


class Stage(NamedTuple):
    """One line of figure 9: a module, how often it stands there, and the channels that each puts out."""

    block: Callable[..., nn.Module]  # block(in_channels, widths)
    widths: Widths | ReductionWidths
    repeats: int
    out_channels: int


class Branch(NamedTuple):
    """Convolutions one after another, as often as the network has them."""

    count: int
    in_channels: int
    widths: tuple[int, ...]
    windows: tuple[Window, ...]


POINT, THREE, WIDE, TALL = (1, 1), (3, 3), (1, 3), (3, 1)
ROW, COLUMN = (1, 7), (7, 1)


def branches() -> list[Branch]:
    """All convolutions of Inception-v4, branch by branch; each half of a fork is a branch of its own."""
    found = [
        Branch(1, 3, (32, 32, 64), (THREE,) * 3),
        Branch(1, 64, (96,), (THREE,)),
        Branch(1, 160, (64, 96), (POINT, THREE)),
        Branch(1, 160, (64, 64, 64, 96), (POINT, ROW, COLUMN, THREE)),
        Branch(1, 192, (192,), (THREE,)),
    ]
    found += _of_module(REPEATS_A, 384, FIGURE_4, (POINT, THREE), (POINT, THREE, THREE))
    found += _of_module(1, 384, FIGURE_7, (THREE,), (POINT, THREE, THREE))
    found += _of_module(REPEATS_B, 1024, FIGURE_5, (POINT, ROW, COLUMN), (POINT, COLUMN, ROW, COLUMN, ROW))
    found += _of_module(1, 1024, FIGURE_8, (POINT, THREE), (POINT, ROW, COLUMN, THREE))
    found += _forked(REPEATS_C, 1536, FIGURE_6, (POINT,), (POINT, TALL, WIDE))
    return found


def _of_module(
    count: int, channels: int, widths: Widths | ReductionWidths, single: Sequence[Window], stacked: Sequence[Window]
) -> Iterator[Branch]:
    yield Branch(count, channels, widths.single, tuple(single))
    yield Branch(count, channels, widths.stacked, tuple(stacked))
    if isinstance(widths, Widths):
        yield Branch(count, channels, (widths.pointwise,), (POINT,))
        yield Branch(count, channels, (widths.pool,), (POINT,))


def _forked(
    count: int, channels: int, widths: Widths, single: Sequence[Window], stacked: Sequence[Window]
) -> Iterator[Branch]:
    """Branches that end in a 1 x 3 beside a 3 x 1."""
    for before, windows in ((widths.single, single), (widths.stacked, stacked)):
        yield Branch(count, channels, before[:-1], tuple(windows))
        for half in (WIDE, TALL):
            yield Branch(count, before[-2], before[-1:], (half,))
    yield Branch(count, channels, (widths.pointwise,), (POINT,))
    yield Branch(count, channels, (widths.pool,), (POINT,))
