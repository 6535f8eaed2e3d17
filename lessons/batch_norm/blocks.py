"""The modules of BN-Inception: the table in figure 5 of "Batch Normalization" (arXiv 1502.03167), and its text.

Every 5 x 5 convolution of GoogLeNet is now two of 3 x 3. Inception-v3 and v4 keep this module for their largest grid,
so that it carries here the name that the v4 paper gave it, Inception-A; the one that halves the grid is Reduction-A.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from lessons.layers import Branches, ConvBNAct, HalvingMaxPool, average_pool, chain


@dataclass(frozen=True)
class Widths:
    """Output channels of the convolutions of an Inception module, branch by branch, from its input to its output."""

    pointwise: int  # 1 x 1
    single: tuple[int, ...]  # 1 x 1, then one n x n (or its factors)
    stacked: tuple[int, ...]  # 1 x 1, then two n x n (or their factors)
    pool: int  # 1 x 1 behind the pool

    @property
    def out_channels(self) -> int:
        """Channels after the concatenation."""
        return self.pointwise + self.single[-1] + self.stacked[-1] + self.pool


@dataclass(frozen=True)
class ReductionWidths:
    """Output channels of the convolutions of a module that halves the grid; its pool passes its channels through."""

    single: tuple[int, ...]
    stacked: tuple[int, ...]

    def out_channels(self, in_channels: int) -> int:
        """Channels after the concatenation."""
        return self.single[-1] + self.stacked[-1] + in_channels


class InceptionA(Branches):
    """The module with two 3 x 3 in place of a 5 x 5: figure 5 of "Rethinking", figure 4 of "Inception-v4".

    (N, in_channels, H, W) -> (N, widths.out_channels, H, W)

    Args:
        in_channels: channels of the grid that comes in.
        widths: one width in `pointwise` and `pool`, two in `single`, three in `stacked`.
        pool: the pooling layer; average pooling unless given.
        single_kernel: 3 in the papers. The public code of Inception-v3 has 5 here.
        conv: the layer to use.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Widths,
        *,
        pool: nn.Module | None = None,
        single_kernel: int = 3,
        conv: Callable[..., nn.Module] = ConvBNAct,
    ):
        super().__init__()
        reduce, single = widths.single
        self.pointwise = conv(in_channels, widths.pointwise, kernel_size=1)
        self.single = chain(in_channels, (reduce, 1), (single, single_kernel), conv=conv)
        reduce, first, second = widths.stacked
        self.stacked = chain(in_channels, (reduce, 1), (first, 3), (second, 3), conv=conv)
        self.pool = nn.Sequential(pool or average_pool(), conv(in_channels, widths.pool, kernel_size=1))


class ReductionA(Branches):
    """Halves the grid without a bottleneck: convolutions and a pool of stride 2, side by side.

    Rows 3c and 4e of BN-Inception; figure 10 of "Rethinking"; figure 7 of "Inception-v4".

    (N, in_channels, H, W) -> (N, widths.out_channels(in_channels), H', W'), where H' = ceil(H / 2) for "same" padding
    and (H - 3) // 2 + 1 for "valid", as after a 3 x 3 convolution of stride 2.

    Args:
        in_channels: channels of the grid that comes in.
        widths: `single` is the 3 x 3, or a 1 x 1 and the 3 x 3; `stacked` has three widths.
        padding: "same" in BN-Inception, "valid" in all later networks.
        conv: the layer to use.
    """

    def __init__(
        self,
        in_channels: int,
        widths: ReductionWidths,
        *,
        padding: str = "valid",
        conv: Callable[..., nn.Module] = ConvBNAct,
    ):
        super().__init__()
        *reduce, single = widths.single
        self.single = chain(
            in_channels, *[(width, 1) for width in reduce], (single, 3), stride=2, padding=padding, conv=conv
        )
        reduce, first, second = widths.stacked
        self.stacked = chain(in_channels, (reduce, 1), (first, 3), (second, 3), stride=2, padding=padding, conv=conv)
        self.pool = halving_pool(padding)


def halving_pool(padding: str) -> nn.MaxPool2d:
    """3 x 3 max pooling with stride 2 whose output fits beside that of such a convolution with this padding."""
    return HalvingMaxPool() if padding == "same" else nn.MaxPool2d(3, stride=2)
