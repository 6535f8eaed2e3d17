"""Network in Network: the ImageNet network that its authors published for Caffe, after arXiv 1312.4400.

A relative of the family, to compare with: from here come the Inception modules' 1 x 1 convolutions, and the average over
the whole grid in place of dense layers.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from networks.base import PAPER, Network, Options
from networks.layers import ConvReLU, Layers, Outputs


class MLPConv(Layers):
    """An "mlpconv" layer (figure 2 of the paper): a convolution, and two 1 x 1 that mix its channels at each place.

    (N, in_channels, H, W) -> (N, widths[-1], H', W')
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        *,
        kernel_size: int,
        stride: int = 1,
        padding: str = "same",
    ):
        super().__init__()
        first, second, third = widths  # of the convolution, and of the two behind it
        self.conv = ConvReLU(in_channels, first, kernel_size=kernel_size, stride=stride, padding=padding)
        self.mix1 = ConvReLU(first, second, kernel_size=1)
        self.mix2 = ConvReLU(second, third, kernel_size=1)


@dataclass(frozen=True)
class Row:
    """One mlpconv layer: its first window, and its three widths."""

    kernel_size: int
    widths: tuple[int, int, int]


ROWS = {
    "mlpconv1": Row(kernel_size=11, widths=(96, 96, 96)),
    "mlpconv2": Row(kernel_size=5, widths=(256, 256, 256)),
    "mlpconv3": Row(kernel_size=3, widths=(384, 384, 384)),
}
LAST = (1024, 1024)  # before one map a class


class NetworkInNetwork(Network):
    """Network in Network for ImageNet: (N, in_channels, 224, 224) -> (N, num_classes). Nothing differs as released.

    The paper itself trains on small images; this is what its authors published for ImageNet, as a Caffe model. There is
    no dense layer: `maps` puts out one grid a class, whose average is the class's logit. As in Caffe a ReLU ends it, so
    that no logit is below zero.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    RELEASED_DIFFERS = False

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        scale = self.scale
        channels = options.in_channels
        for number, (name, row) in enumerate(ROWS.items(), start=1):
            is_first = number == 1
            widths = tuple(map(scale.channels, row.widths))
            layer = MLPConv(
                channels,
                widths,
                kernel_size=scale.first_kernel(row.kernel_size) if is_first else row.kernel_size,
                stride=scale.stride(1) * scale.stride(2) if is_first else 1,
                padding=scale.padding("valid") if is_first else "same",
            )
            self.add_module(name, layer)
            self.add_module(f"pool{number}", nn.MaxPool2d(3, stride=2, ceil_mode=True))
            channels = widths[-1]
        self.dropout = nn.Dropout(0.5)
        widths = (*map(scale.channels, LAST), options.num_classes)
        self.maps = MLPConv(channels, widths, kernel_size=3)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.pool1(self.mlpconv1(images))  # 96, 54, 54; 96, 27, 27
        x = self.pool2(self.mlpconv2(x))  # 256, 27, 27; 256, 13, 13
        x = self.pool3(self.mlpconv3(x))  # 384, 13, 13; 384, 6, 6
        x = self.maps(self.dropout(x))  # num_classes, 6, 6
        logits = self.global_pool(x).flatten(1)  # num_classes
        return Outputs(logits, ()) if with_aux is True else logits
