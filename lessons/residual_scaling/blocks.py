"""The residual blocks of "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261), figures 10 to 19."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lessons.batch_norm.blocks import halving_pool
from lessons.layers import Branches, ConvBNAct, Size, chain


@dataclass(frozen=True)
class ResidualWidths:
    """Output channels of the convolutions of a residual block, branch by branch; `stacked` is empty in B and C."""

    pointwise: int
    single: tuple[int, ...]
    stacked: tuple[int, ...] = ()

    @property
    def concatenated(self) -> int:
        """Channels after the concatenation, before the 1 x 1 that expands them again."""
        return self.pointwise + self.single[-1] + (self.stacked[-1] if self.stacked else 0)


@dataclass(frozen=True)
class ReductionWidths:
    """Output channels of figures 12 and 18, branch by branch; the pool passes its channels through."""

    single: tuple[int, int]
    narrow: tuple[int, int]
    stacked: tuple[int, int, int]

    def out_channels(self, in_channels: int) -> int:
        """Channels after the concatenation."""
        return self.single[-1] + self.narrow[-1] + self.stacked[-1] + in_channels


class ResidualBlock(nn.Module):
    """x + scale * up(branches of x), then ReLU: what the figures of A, B and C have in common.

    (N, in_channels, H, W) -> the same. `up` is the linear 1 x 1 that brings the concatenated branches back to as many
    channels as came in. It has a bias, and no normalisation: the paper normalises none of the sums, to save memory
    (section 3.2).

    Args:
        in_channels: channels in and out.
        widths: of the branches.
        kernels: those of branch `single` behind its 1 x 1, and of `stacked` if there is one.
        scale: the factor before the sum, 0.1 to 0.3 in the paper (section 3.3, figure 20).
        activation: whether a ReLU follows the sum.
    """

    def __init__(
        self,
        in_channels: int,
        widths: ResidualWidths,
        *,
        kernels: tuple[Size, ...],
        scale: float,
        activation: bool = True,
    ):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, widths.pointwise, kernel_size=1)
        self.single = chain(in_channels, *zip(widths.single, (1, *kernels), strict=True))
        if widths.stacked:
            self.stacked = chain(in_channels, *zip(widths.stacked, (1, *kernels, *kernels), strict=True))
        self.up = nn.Conv2d(widths.concatenated, in_channels, kernel_size=1)
        self.activation = nn.ReLU() if activation else nn.Identity()
        self.scale = scale

    def branches(self) -> Iterator[nn.Module]:
        """The children that see the input side by side."""
        return (child for name, child in self.named_children() if name not in ("up", "activation"))

    def forward(self, x: Tensor) -> Tensor:
        residual = self.up(torch.cat([branch(x) for branch in self.branches()], dim=1))
        return self.activation(x + self.scale * residual)


class InceptionResNetA(ResidualBlock):
    """Figures 10 (v1) and 16 (v2), for the 35 x 35 grid: 1 x 1; one 3 x 3; two 3 x 3."""

    def __init__(self, in_channels: int, widths: ResidualWidths, *, scale: float = 0.17):
        super().__init__(in_channels, widths, kernels=(3,), scale=scale)


class InceptionResNetB(ResidualBlock):
    """Figures 11 (v1) and 17 (v2), for the 17 x 17 grid: 1 x 1; a 7 x 7 as 1 x 7 and 7 x 1.

    Figure 17 prints 1154 for the expansion; the sum needs as many channels as come in, 1152.
    """

    def __init__(self, in_channels: int, widths: ResidualWidths, *, scale: float = 0.10):
        super().__init__(in_channels, widths, kernels=((1, 7), (7, 1)), scale=scale)


class InceptionResNetC(ResidualBlock):
    """Figures 13 (v1) and 19 (v2), for the 8 x 8 grid: 1 x 1; a 3 x 3 as 1 x 3 and 3 x 1.

    Figure 19 prints 2048 for the expansion; the sum needs as many channels as come in, 2144.
    """

    def __init__(self, in_channels: int, widths: ResidualWidths, *, scale: float = 0.20, activation: bool = True):
        super().__init__(in_channels, widths, kernels=((1, 3), (3, 1)), scale=scale, activation=activation)


class ReductionB(Branches):
    """Figures 12 (v1) and 18 (v2): from 17 x 17 to 8 x 8 with three branches of convolutions and a pool.

    (N, in_channels, 17, 17) -> (N, widths.out_channels(in_channels), 8, 8). Figure 18's caption says "wider
    Inception-ResNet-v1"; it is v2's.
    """

    def __init__(self, in_channels: int, widths: ReductionWidths, *, padding: str = "valid"):
        super().__init__()
        kernels = (1, 3)
        self.single = chain(in_channels, *zip(widths.single, kernels, strict=True), stride=2, padding=padding)
        self.narrow = chain(in_channels, *zip(widths.narrow, kernels, strict=True), stride=2, padding=padding)
        kernels = (1, 3, 3)
        self.stacked = chain(in_channels, *zip(widths.stacked, kernels, strict=True), stride=2, padding=padding)
        self.pool = halving_pool(padding)
