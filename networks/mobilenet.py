"""MobileNet: table 1 of "MobileNets: efficient convolutional neural networks for mobile vision applications" (arXiv 1704.04861).

A relative of the family, to compare with: Xception's separable convolutions with a normalisation and a ReLU behind *both*
halves, one on the other, with no way around them.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from networks.base import PAPER, Network, Options
from networks.layers import ConvBNAct, Layers, Outputs


class SeparableBlock(Layers):
    """Figure 3, right: a 3 x 3 depthwise convolution, a 1 x 1, each with its normalisation and activation.

    (N, in_channels, H, W) -> (N, out_channels, H', W'), H' = ceil(H / stride), or floor with `far_end`.

    Args:
        in_channels, out_channels: channels in and out.
        stride: 2 to halve the grid.
        far_end: where the grid is halved, lay one row of zeros at the far end only, as Keras does.
        activation: of both halves.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        far_end: bool = False,
        activation: type[nn.Module] = nn.ReLU,
    ):
        super().__init__()
        cut = far_end and stride == 2
        if cut:
            self.zeros = nn.ZeroPad2d((0, 1, 0, 1))
        self.depthwise = ConvBNAct(
            in_channels,
            in_channels,
            kernel_size=3,
            stride=stride,
            padding="valid" if cut else "same",
            groups=in_channels,
            activation=activation,
        )
        self.pointwise = ConvBNAct(in_channels, out_channels, kernel_size=1, activation=activation)


@dataclass(frozen=True)
class Row:
    """One separable convolution of table 1, and how often it stands there."""

    width: int
    halves: bool = False
    repeats: int = 1


STEM = 32
ROWS = (
    Row(64),
    Row(128, halves=True),
    Row(128),
    Row(256, halves=True),
    Row(256),
    Row(512, halves=True),
    Row(512, repeats=5),
    Row(1024, halves=True),
    Row(1024),  # printed with stride 2, which would make 4 x 4 of 7 x 7; the table goes on with 7 x 7
)


class MobileNetV1(Network):
    """MobileNet, table 1: (N, in_channels, 224, 224) -> (N, num_classes). `width` is its width multiplier.

    variant="paper": ReLUs, "same" padding.
    variant="released": Keras's: ReLUs that stop at 6, and zeros at the far end only wherever the grid halves, as
    TensorFlow pads an even one.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        scale, released = self.scale, options.variant == "released"
        activation = nn.ReLU6 if released else nn.ReLU
        channels = scale.channels(STEM)
        stride = scale.stride(1)
        stem = ConvBNAct(
            options.in_channels,
            channels,
            kernel_size=3,
            stride=stride,
            padding="valid" if released and stride == 2 else "same",
            activation=activation,
        )
        self.conv1 = Layers(nn.ZeroPad2d((0, 1, 0, 1)), stem) if released and stride == 2 else stem
        self.halvings = int(stride == 2)
        number, halving = 0, 1
        for row in ROWS:
            halving += row.halves
            stride = scale.stride(halving) if row.halves else 1
            self.halvings += stride == 2
            width = scale.channels(row.width)
            for _ in range(scale.repeats(row.repeats)):
                number += 1
                block = SeparableBlock(channels, width, stride=stride, far_end=released, activation=activation)
                self.add_module(f"separable_{number}", block)
                channels = width
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.001)
        self.classifier = nn.Linear(channels, options.num_classes)
        self.finish()

    def smallest_image(self, *, with_aux: bool, norms_need: int = 1) -> int:
        """The side of the smallest square image that fits; padded at the far end only, n becomes n // 2 at each halving."""
        if self.variant == "released":
            return int(norms_need * 2**self.halvings)
        return super().smallest_image(with_aux=with_aux, norms_need=norms_need)

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.conv1(images)  # 32, 112, 112
        for block in self.blocks("separable_"):
            x = block(x)  # 64, 112, 112; 128, 56, 56; 256, 28, 28; 512, 14, 14; 1024, 7, 7
        x = self.global_pool(x).flatten(1)  # 1024
        logits = self.classifier(self.dropout(x))  # num_classes
        return Outputs(logits, ()) if with_aux is True else logits
