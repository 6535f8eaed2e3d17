"""ResNet-50: table 1 and figure 5 of "Deep residual learning for image recognition" (arXiv 1512.03385).

A relative of the family, to compare with: one branch where Inception-ResNet has several, and a sum that is not scaled.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from networks.base import PAPER, Network, Options
from networks.layers import ConvBNAct, Layers, Outputs

EPS = 1e-5  # of the normalisations, in the authors' Caffe and in torchvision


class Bottleneck(nn.Module):
    """Figure 5, right: a 1 x 1 that narrows, a 3 x 3, a 1 x 1 that widens by four; the input is added, then a ReLU.

    (N, in_channels, H, W) -> (N, 4 width, H', W'), H' = ceil(H / stride). The skip is the identity where the shapes agree,
    else a 1 x 1 convolution with that stride ("projection", option B of section 3.3).

    Args:
        in_channels: channels in.
        width: of the 3 x 3.
        stride: 2 to halve the grid.
        stride_in_three: where the branch halves it: in its 3 x 3, or in its first 1 x 1, which then never looks at three
            of four places.
    """

    def __init__(self, in_channels: int, width: int, *, stride: int = 1, stride_in_three: bool = False):
        super().__init__()
        out_channels = 4 * width
        first, second = (1, stride) if stride_in_three else (stride, 1)
        self.body = Layers(
            ConvBNAct(in_channels, width, kernel_size=1, stride=first, eps=EPS),
            ConvBNAct(width, width, kernel_size=3, stride=second, eps=EPS),
            ConvBNAct(width, out_channels, kernel_size=1, eps=EPS, activation=None),
        )
        if stride == 1 and in_channels == out_channels:
            self.skip: nn.Module = nn.Identity()
        else:
            self.skip = ConvBNAct(in_channels, out_channels, kernel_size=1, stride=stride, eps=EPS, activation=None)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.body(x) + self.skip(x))
        return y


@dataclass(frozen=True)
class Row:
    """One row of table 1: so many blocks, and the width of their 3 x 3."""

    blocks: int
    width: int


STEM = 64
# Table 1, column "50-layer".
ROWS = {
    "conv2": Row(blocks=3, width=64),
    "conv3": Row(blocks=4, width=128),
    "conv4": Row(blocks=6, width=256),
    "conv5": Row(blocks=3, width=512),
}


class ResNet50(Network):
    """ResNet-50, table 1: (N, in_channels, 224, 224) -> (N, num_classes).

    variant="paper": the first 1 x 1 of a block halves the grid, as in the authors' Caffe ("v1").
    variant="released": its 3 x 3 does, as in torchvision ("v1.5"): no more parameters, a little more work.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        scale, released = self.scale, options.variant == "released"
        channels = scale.channels(STEM)
        kernel = scale.first_kernel(7)
        self.conv1 = ConvBNAct(options.in_channels, channels, kernel_size=kernel, stride=scale.stride(1), eps=EPS)
        self.pool1 = nn.Identity() if scale.mini else nn.MaxPool2d(3, stride=2, padding=1)
        for number, (name, row) in enumerate(ROWS.items(), start=2):  # the stem has halved the grid twice
            width = scale.channels(row.width)
            for place in range(scale.repeats(row.blocks)):
                stride = scale.stride(number) if place == 0 and number > 2 else 1
                block = Bottleneck(channels, width, stride=stride, stride_in_three=released)
                self.add_module(f"{name}_{place + 1}", block)
                channels = 4 * width
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, options.num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.conv1(images)  # 64, 112, 112
        x = self.pool1(x)  # 64, 56, 56
        for block in self.blocks("conv2_"):
            x = block(x)  # 256, 56, 56
        for block in self.blocks("conv3_"):
            x = block(x)  # 512, 28, 28
        for block in self.blocks("conv4_"):
            x = block(x)  # 1024, 14, 14
        for block in self.blocks("conv5_"):
            x = block(x)  # 2048, 7, 7
        x = self.global_pool(x).flatten(1)  # 2048
        logits = self.classifier(x)  # num_classes
        return Outputs(logits, ()) if with_aux is True else logits
