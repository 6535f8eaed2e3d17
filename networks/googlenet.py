"""GoogLeNet: figures 2 and 3 and table 1 of "Going deeper with convolutions" (arXiv 1409.4842).

First its blocks, the two modules of figure 2 and the auxiliary classifier of figure 3; then table 1; then the network.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks.base import PAPER, Network, Options
from networks.layers import ConvBNAct, ConvReLU, Outputs, require_positive


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

    def __post_init__(self) -> None:
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


class AuxiliaryHead(nn.Sequential):
    """The side branch of figure 3 ("softmax0", "softmax1"; section 5): a small classifier on an early grid.

    (N, in_channels, 14, 14) -> (N, num_classes)

    Args:
        in_channels: channels of the grid that it looks at.
        num_classes: number of logits.
        conv_width, dense_width: widths of the 1 x 1 convolution and of the dense layer: 128 and 1024 in the paper.
        grid: side of the pooled grid, 4 in the paper. Its 5 x 5 pool with stride 3 makes 4 x 4 of 14 x 14; for images
            of another size the result is pooled once more, to this grid, so that the dense layer fits.
        adaptive: leave out the 5 x 5 pool and divide the grid into 4 x 4 equal windows, as torchvision does.
        conv: the layer to use; `ConvReLU` is the paper's.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        conv_width: int = 128,
        dense_width: int = 1024,
        grid: int = 4,
        adaptive: bool = False,
        conv: Callable[..., nn.Module] = ConvReLU,
    ):
        super().__init__()
        if not adaptive:
            self.pool = nn.AvgPool2d(5, stride=3)
        self.grid = nn.AdaptiveAvgPool2d(grid)
        self.conv = conv(in_channels, conv_width, kernel_size=1)
        self.flatten = nn.Flatten()
        self.dense = nn.Linear(conv_width * grid * grid, dense_width)
        self.activation = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.classifier = nn.Linear(dense_width, num_classes)


# Table 1, from its first row to its last.
STEM = {"conv1": 64, "conv2_reduce": 64, "conv2": 192}


# fmt: off
MODULES = {
    "inception_3a": Widths(pointwise=64,  three_reduce=96,  three=128, five_reduce=16, five=32,  pool=32),
    "inception_3b": Widths(pointwise=128, three_reduce=128, three=192, five_reduce=32, five=96,  pool=64),
    "inception_4a": Widths(pointwise=192, three_reduce=96,  three=208, five_reduce=16, five=48,  pool=64),
    "inception_4b": Widths(pointwise=160, three_reduce=112, three=224, five_reduce=24, five=64,  pool=64),
    "inception_4c": Widths(pointwise=128, three_reduce=128, three=256, five_reduce=24, five=64,  pool=64),
    "inception_4d": Widths(pointwise=112, three_reduce=144, three=288, five_reduce=32, five=64,  pool=64),
    "inception_4e": Widths(pointwise=256, three_reduce=160, three=320, five_reduce=32, five=128, pool=128),
    "inception_5a": Widths(pointwise=256, three_reduce=160, three=320, five_reduce=32, five=128, pool=128),
    "inception_5b": Widths(pointwise=384, three_reduce=192, three=384, five_reduce=48, five=128, pool=128),
}


# fmt: on


class GoogLeNet(Network):
    """GoogLeNet, figure 3: (N, in_channels, 224, 224) -> (N, num_classes).

    variant="paper": table 1 with a plain 7 x 7 first layer, biases, two local response normalisations, no batch
    normalisation (it did not exist yet), dropout 0.4. Pools round their grids up, as in Caffe's GoogLeNet.
    variant="released": what torchvision's weights belong to: batch normalisation in place of biases and of the local
    response normalisations, 3 x 3 in the branch that the paper calls 5 x 5, a 2 x 2 fourth pool, dropout 0.2.

    The two auxiliary heads sit behind inception_4a and inception_4d.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    AUX_AFTER = ("inception_4a", "inception_4d")

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        paper = options.variant == "paper"
        conv = ConvReLU if paper else ConvBNAct
        scale = self.scale
        stem = {name: scale.channels(channels) for name, channels in STEM.items()}

        self.conv1 = conv(options.in_channels, stem["conv1"], kernel_size=scale.first_kernel(7), stride=scale.stride(1))
        self.pool1 = nn.Identity() if scale.mini else nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = local_response_norm() if paper else nn.Identity()
        self.conv2_reduce = conv(stem["conv1"], stem["conv2_reduce"], kernel_size=1)
        self.conv2 = conv(stem["conv2_reduce"], stem["conv2"], kernel_size=3)
        self.norm2 = local_response_norm() if paper else nn.Identity()
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)

        channels = stem["conv2"]
        for name, table_row in MODULES.items():
            if name == "inception_4a":
                self.pool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            if name == "inception_5a":
                self.pool4 = nn.MaxPool2d(3 if paper else 2, stride=2, ceil_mode=True)
            widths = scale.widths(table_row)
            self.add_module(name, InceptionModule(channels, widths, conv=conv, five_kernel=5 if paper else 3))
            channels = widths.out_channels

        if options.aux_heads:
            for number, tap in enumerate(self.AUX_AFTER, start=1):
                head = AuxiliaryHead(
                    scale.widths(MODULES[tap]).out_channels,
                    options.num_classes,
                    conv_width=scale.channels(128),
                    dense_width=scale.channels(1024),
                    grid=2 if scale.mini else 4,
                    adaptive=not paper,
                    conv=conv,
                )
                self.add_module(f"aux{number}", head)

        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4 if paper else 0.2)
        self.classifier = nn.Linear(channels, options.num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.conv1(images)  # 64, 112, 112
        x = self.norm1(self.pool1(x))  # 64, 56, 56
        x = self.conv2(self.conv2_reduce(x))  # 192, 56, 56
        x = self.pool2(self.norm2(x))  # 192, 28, 28
        x = self.inception_3a(x)  # 256, 28, 28
        x = self.inception_3b(x)  # 480, 28, 28
        x = self.pool3(x)  # 480, 14, 14
        x = after_4a = self.inception_4a(x)  # 512, 14, 14
        x = self.inception_4b(x)  # 512, 14, 14
        x = self.inception_4c(x)  # 512, 14, 14
        x = after_4d = self.inception_4d(x)  # 528, 14, 14
        x = self.inception_4e(x)  # 832, 14, 14
        x = self.pool4(x)  # 832, 7, 7
        x = self.inception_5a(x)  # 832, 7, 7
        x = self.inception_5b(x)  # 1024, 7, 7
        x = self.global_pool(x).flatten(1)  # 1024
        logits: Tensor = self.classifier(self.dropout(x))  # num_classes
        if with_aux is not True:
            return logits
        return Outputs(logits, (self.aux1(after_4a), self.aux2(after_4d)) if self.aux_heads else ())


class LocalResponseNorm(nn.LocalResponseNorm):
    """Torch's own, in operations that every number type has on every device, and at twice its speed on a CPU.

    x / (k + alpha * mean of x squared over `size` neighbouring channels) ** beta, with zeros beyond the first channel and
    the last. Torch takes that mean with a three-dimensional pool, which a CPU does not have in bfloat16 or half.

    (N, C, H, W) -> the same
    """

    def forward(self, x: Tensor) -> Tensor:
        squares = (x * (self.alpha / self.size) ** 0.5).square()
        divisor = self.k + squares
        for shift in range(-(self.size // 2), (self.size + 1) // 2):
            if shift:
                divisor = divisor + F.pad(squares, (0, 0, 0, 0, -shift, shift))
        y: Tensor = x * divisor**-self.beta
        return y


def local_response_norm() -> LocalResponseNorm:
    """Each value divided by a measure of its five neighbours among the channels; constants as in Caffe's GoogLeNet."""
    return LocalResponseNorm(5, alpha=1e-4, beta=0.75)
