"""The blocks of Xception: figure 5 of "Xception" (arXiv 1610.02357), and as DeepLab aligned them (arXiv 1802.02611)."""

from collections import OrderedDict

from torch import Tensor, nn

from lessons.layers import SeparableConv


class SeparableConvBN(nn.Sequential):
    """A 3 x 3 separable convolution and its normalisation ("SeparableConv" in figure 5).

    (N, in_channels, H, W) -> (N, out_channels, H', W'), H' = ceil(H / stride)

    Args:
        in_channels, out_channels: channels in and out.
        stride: of the depthwise half.
        aligned: normalise between the two halves, too, as DeepLab does. Xception has nothing there.
        activation: end in a ReLU; with `aligned` there is one between the halves as well.
        eps: of the normalisation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        aligned: bool = False,
        activation: bool = False,
        eps: float = 1e-3,
    ):
        between = None
        if aligned:
            between = nn.Sequential(nn.BatchNorm2d(in_channels, eps=eps), *([nn.ReLU()] if activation else []))
        layers = OrderedDict()
        layers["conv"] = SeparableConv(in_channels, out_channels, stride=stride, between=between)
        layers["norm"] = nn.BatchNorm2d(out_channels, eps=eps)
        if activation:
            layers["activation"] = nn.ReLU()
        super().__init__(layers)


class XceptionBlock(nn.Module):
    """One residual block of figure 5: a ReLU before each separable convolution, and a skip around them.

    (N, in_channels, H, W) -> (N, widths[-1], H', W'), H' = ceil(H / stride). The skip is the identity where the shapes
    agree, else a 1 x 1 convolution with that stride.

    Args:
        in_channels: channels in.
        widths: those of the separable convolutions.
        stride: 2 to halve the grid.
        pool: the pool that halves it. Without one the last separable convolution has the stride, as in DeepLab.
        opens_with_relu: False in the first block of figure 5, where the layer before has just had its ReLU.
        aligned, eps: as in `SeparableConvBN`.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        *,
        stride: int = 1,
        pool: nn.Module | None = None,
        opens_with_relu: bool = True,
        aligned: bool = False,
        eps: float = 1e-3,
    ):
        super().__init__()
        layers = []
        channels = in_channels
        for position, width in enumerate(widths, start=1):
            if opens_with_relu or position > 1:
                layers.append(nn.ReLU())
            last_stride = stride if pool is None and position == len(widths) else 1
            layers.append(SeparableConvBN(channels, width, stride=last_stride, aligned=aligned, eps=eps))
            channels = width
        if pool is not None:
            layers.append(pool)
        self.body = nn.Sequential(*layers)
        if stride == 1 and channels == in_channels:
            self.skip = nn.Identity()
        else:
            conv = nn.Conv2d(in_channels, channels, kernel_size=1, stride=stride, bias=False)
            self.skip = nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(channels, eps=eps)))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.skip(x)


class SeparableStack(nn.Sequential):
    """The end of the exit flow: separable convolutions, each with its ReLU behind it, and no skip.

    (N, in_channels, H, W) -> (N, widths[-1], H, W)
    """

    def __init__(self, in_channels: int, widths: tuple[int, ...], *, aligned: bool = False, eps: float = 1e-3):
        layers = []
        for width in widths:
            layers.append(SeparableConvBN(in_channels, width, aligned=aligned, activation=True, eps=eps))
            in_channels = width
        super().__init__(*layers)
