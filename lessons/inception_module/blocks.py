"""The two modules of figure 2 of "Going deeper with convolutions" (arXiv 1409.4842)."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from lessons.layers import ConvReLU, require_positive


@dataclass(frozen=True)
class Widths:
    """Output channels of each convolution of one Inception module: one row of the paper's Table 1.

    Raises:
        ValueError: a width that is not a whole number above zero.
    """

    pointwise: int  # "#1x1"
    three_reduce: int  # "#3x3 reduce"
    three: int  # "#3x3"
    five_reduce: int  # "#5x5 reduce"
    five: int  # "#5x5"
    pool: int  # "pool proj"

    def __post_init__(self):
        require_positive(**{field.name: getattr(self, field.name) for field in fields(self)})

    @property
    def out_channels(self) -> int:
        """Channels after the concatenation: only the last convolution of each branch counts."""
        return self.pointwise + self.three + self.five + self.pool


class InceptionModule(nn.Module):
    """Figure 2(b), the module with dimension reduction: four views of one grid, side by side.

    (N, in_channels, H, W) -> (N, widths.out_channels, H, W)

    Args:
        in_channels: channels of the grid that comes in.
        widths: output channels of each of the six convolutions.
        conv: the layer to use; `ConvReLU` is the paper's, later networks put `ConvBNAct` here.
        five_kernel: 5 is the paper's. Two public implementations have 3 in this branch.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Widths,
        *,
        conv: type[nn.Module] = ConvReLU,
        five_kernel: int = 5,
    ):
        super().__init__()
        self.pointwise = conv(in_channels, widths.pointwise, kernel_size=1)
        self.three = nn.Sequential(
            conv(in_channels, widths.three_reduce, kernel_size=1),
            conv(widths.three_reduce, widths.three, kernel_size=3),
        )
        self.five = nn.Sequential(
            conv(in_channels, widths.five_reduce, kernel_size=1),
            conv(widths.five_reduce, widths.five, kernel_size=five_kernel),
        )
        self.pool = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            conv(in_channels, widths.pool, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.pointwise(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class NaiveInceptionModule(nn.Module):
    """Figure 2(a), the naive version: no reductions, and the pool passes its input's channels through.

    (N, in_channels, H, W) -> (N, pointwise + three + five + in_channels, H, W)
    """

    def __init__(self, in_channels: int, *, pointwise: int, three: int, five: int):
        super().__init__()
        self.pointwise = ConvReLU(in_channels, pointwise, kernel_size=1)
        self.three = ConvReLU(in_channels, three, kernel_size=3)
        self.five = ConvReLU(in_channels, five, kernel_size=5)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.pointwise(x), self.three(x), self.five(x), self.pool(x)], dim=1)
