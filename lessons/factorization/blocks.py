"""The blocks of "Rethinking the Inception architecture" (arXiv 1512.00567), in the order of its figures.

Figure 5, and the reduction of figure 10, are lesson 3's `InceptionA` and `ReductionA`. The letters are the v4 paper's.
"""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from lessons.batch_norm.blocks import ReductionWidths, Widths, halving_pool
from lessons.layers import Branches, ConvBNAct, Size, average_pool, chain
from lessons.network import Scale


class InceptionB(Branches):
    """Figure 6, for the middle grid: 7 x 7 convolutions factorised into 1 x 7 and 7 x 1.

    (N, in_channels, 17, 17) -> (N, widths.out_channels, 17, 17)

    Args:
        in_channels: channels of the grid that comes in.
        widths: three widths in `single` (1 x 1, 1 x 7, 7 x 1), five in `stacked` (1 x 1, 7 x 1, 1 x 7, 7 x 1, 1 x 7).
        pool: the pooling layer; average pooling unless given.
    """

    def __init__(self, in_channels: int, widths: Widths, *, pool: nn.Module | None = None):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, widths.pointwise, kernel_size=1)
        kernels = (1, (1, 7), (7, 1))
        self.single = chain(in_channels, *zip(widths.single, kernels, strict=True))
        kernels = (1, (7, 1), (1, 7), (7, 1), (1, 7))
        self.stacked = chain(in_channels, *zip(widths.stacked, kernels, strict=True))
        self.pool = nn.Sequential(pool or average_pool(), ConvBNAct(in_channels, widths.pool, kernel_size=1))


class Fork(Branches):
    """The end of a branch of figure 7: 1 x 3 and 3 x 1 side by side, which makes the grid's representation wider.

    (N, in_channels, H, W) -> (N, 2 width, H, W)
    """

    def __init__(self, in_channels: int, width: int):
        super().__init__()
        self.wide = ConvBNAct(in_channels, width, kernel_size=(1, 3))
        self.tall = ConvBNAct(in_channels, width, kernel_size=(3, 1))


class InceptionC(Branches):
    """Figure 7, for the smallest grid: branches that end in a fork.

    (N, in_channels, 8, 8) -> (N, widths.pointwise + 2 widths.single[-1] + 2 widths.stacked[-1] + widths.pool, 8, 8)

    Args:
        in_channels: channels of the grid that comes in.
        widths: the last width of `single` and `stacked` is that of each half of the fork.
        stacked_kernels: what `stacked` has between its 1 x 1 and its fork: one 3 x 3 in v3, its two factors in v4.
        pool: the pooling layer; average pooling unless given.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Widths,
        *,
        stacked_kernels: tuple[Size, ...] = (3,),
        pool: nn.Module | None = None,
    ):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, widths.pointwise, kernel_size=1)
        reduce, fork = widths.single
        self.single = chain(in_channels, (reduce, 1)).append(Fork(reduce, fork))
        *before, fork = widths.stacked
        kernels = (1, *stacked_kernels)
        self.stacked = chain(in_channels, *zip(before, kernels, strict=True)).append(Fork(before[-1], fork))
        self.pool = nn.Sequential(pool or average_pool(), ConvBNAct(in_channels, widths.pool, kernel_size=1))


def forked_out_channels(widths: Widths) -> int:
    """Channels that an `InceptionC` puts out: its forks count twice."""
    return widths.out_channels + widths.single[-1] + widths.stacked[-1]


class ReductionB(Branches):
    """From the middle grid to the smallest: figure 10's parallel stride 2, behind a factorised 7 x 7 in one branch.

    Figure 8 of "Inception-v4" is the same with other widths.

    (N, in_channels, 17, 17) -> (N, widths.out_channels(in_channels), 8, 8)

    Args:
        in_channels: channels of the grid that comes in.
        widths: `single` is a 1 x 1 and a 3 x 3, `stacked` a 1 x 1, 1 x 7, 7 x 1 and 3 x 3.
        padding: "valid" in the papers.
    """

    def __init__(self, in_channels: int, widths: ReductionWidths, *, padding: str = "valid"):
        super().__init__()
        kernels = (1, 3)
        self.single = chain(in_channels, *zip(widths.single, kernels, strict=True), stride=2, padding=padding)
        kernels = (1, (1, 7), (7, 1), 3)
        self.stacked = chain(in_channels, *zip(widths.stacked, kernels, strict=True), stride=2, padding=padding)
        self.pool = halving_pool(padding)


class AuxiliaryHead(nn.Sequential):
    """The side branch of figure 8, on the last 17 x 17 grid, as Google's code has it (its 5 x 5 puts out 768 channels).

    (N, in_channels, 17, 17) -> (N, num_classes). Where the 5 x 5 leaves more than one place, they are averaged.
    """

    def __init__(
        self, in_channels: int, num_classes: int, *, conv_width: int, spread_width: int, padding: str = "valid"
    ):
        layers = OrderedDict()
        layers["pool"] = nn.AvgPool2d(5, stride=3)
        layers["reduce"] = ConvBNAct(in_channels, conv_width, kernel_size=1)
        layers["conv"] = ConvBNAct(conv_width, spread_width, kernel_size=5, padding=padding)
        layers["global_pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["classifier"] = nn.Linear(spread_width, num_classes)
        super().__init__(layers)


@dataclass(frozen=True)
class Conv:
    """One convolution of a stem: a row of the paper's table."""

    name: str
    width: int
    kernel_size: int
    stride: int = 1
    padding: str = "valid"


@dataclass(frozen=True)
class MaxPool:
    """One 3 x 3 pool of a stem, with stride 2 and valid padding."""

    name: str


class Stem(nn.Sequential):
    """The layers before the first module, one after another: the first rows of Table 1.

    (N, in_channels, 299, 299) -> (N, out_channels, 35, 35), with `out_channels` that of the last convolution

    Args:
        in_channels: channels of the images.
        rows: the layers, in order.
        scale: the network's size. At mini size the first halvings are left out: a convolution keeps the grid, a pool is
            dropped (`Scale` has the rule).
    """

    def __init__(self, in_channels: int, rows: tuple[Conv | MaxPool, ...], *, scale: Scale):
        layers = OrderedDict()
        halving = 0
        channels = in_channels
        for row in rows:
            halves = isinstance(row, MaxPool) or row.stride == 2
            halving += halves
            stride = scale.stride(halving) if halves else 1
            if isinstance(row, Conv):
                width = scale.channels(row.width)
                padding = scale.padding(row.padding)
                layers[row.name] = ConvBNAct(
                    channels, width, kernel_size=row.kernel_size, stride=stride, padding=padding
                )
                channels = width
            elif stride == 2:
                layers[row.name] = halving_pool(scale.padding("valid"))
        super().__init__(layers)
        self.out_channels = channels
