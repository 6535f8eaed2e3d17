"""AlexNet: figure 2 of "ImageNet classification with deep convolutional neural networks" (Krizhevsky, Sutskever and Hinton, 2012).

A relative of the family, to compare with: five convolutions, then dense layers that hold nearly all of its parameters.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from networks.base import PAPER, Network, Options
from networks.googlenet import LocalResponseNorm
from networks.layers import Layers, Outputs


class PlainConv(Layers):
    """A convolution with a bias, in groups that do not see each other, then a ReLU.

    (N, in_channels, H, W) -> (N, out_channels, H', W')
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel_size: int, padding: int, stride: int = 1, groups: int = 1
    ):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, groups=groups)
        self.activation = nn.ReLU()


class DenseReLU(nn.Sequential):
    """A dense layer, a ReLU, and dropout where there is any.

    (N, in_features) -> (N, out_features)
    """

    def __init__(self, in_features: int, out_features: int, *, dropout: float = 0.0):
        super().__init__()
        self.dense = nn.Linear(in_features, out_features)
        self.activation = nn.ReLU()
        if dropout:
            self.dropout = nn.Dropout(dropout)


@dataclass(frozen=True)
class Widths:
    """Channels of the five convolutions; in how many towers the second, the fourth and the fifth of them stand."""

    conv1: int
    conv2: int
    conv3: int
    conv4: int
    conv5: int


TABLES = {
    "paper": Widths(conv1=96, conv2=256, conv3=384, conv4=384, conv5=256),  # section 3.5
    "released": Widths(conv1=64, conv2=192, conv3=384, conv4=256, conv5=256),  # arXiv 1404.5997, footnote 1
}
TOWERS = {"paper": 2, "released": 1}  # one a GPU
DENSE = 4096
GRID, MINI_GRID = 6, 4  # side of the grid that the dense layers see


class AlexNet(Network):
    """AlexNet, figure 2: (N, in_channels, 224, 224) -> (N, num_classes).

    variant="paper": two towers, one for each of two GPUs, which see each other in the third convolution and in the
    dense layers: here the groups of the second, fourth and fifth. Two local response normalisations with the constants
    of section 3.3, dropout behind both dense layers. 55 x 55 places of an 11 x 11 window with stride 4 do not fit into
    224 x 224; the paper does not say how they were made to. Here two rows of zeros lie on each side, as in torchvision;
    Caffe's takes 227 x 227. Neither changes what is counted.
    variant="released": torchvision's, which is the later one of "One weird trick" (arXiv 1404.5997): one tower with other
    widths, no normalisation, dropout before both dense layers.

    The dense layers fit one grid, 6 x 6. `global_pool` leaves it as it is, and pools that of other images to it.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        paper = options.variant == "paper"
        scale, towers = self.scale, TOWERS[options.variant]
        widths = scale.widths(TABLES[options.variant])
        kernel, padding, stride = (3, 1, 1) if scale.mini else (11, 2, 4)
        grid, dense = MINI_GRID if scale.mini else GRID, scale.channels(DENSE)

        self.conv1 = PlainConv(options.in_channels, widths.conv1, kernel_size=kernel, padding=padding, stride=stride)
        self.norm1 = response_norm() if paper else nn.Identity()
        self.pool1 = overlapping_pool(mini=scale.mini)
        self.conv2 = PlainConv(widths.conv1, widths.conv2, kernel_size=5, padding=2, groups=towers)
        self.norm2 = response_norm() if paper else nn.Identity()
        self.pool2 = overlapping_pool(mini=scale.mini)
        self.conv3 = PlainConv(widths.conv2, widths.conv3, kernel_size=3, padding=1)
        self.conv4 = PlainConv(widths.conv3, widths.conv4, kernel_size=3, padding=1, groups=towers)
        self.conv5 = PlainConv(widths.conv4, widths.conv5, kernel_size=3, padding=1, groups=towers)
        self.pool5 = overlapping_pool(mini=scale.mini)
        self.global_pool = nn.AdaptiveAvgPool2d(grid)
        self.dropout = nn.Identity() if paper else nn.Dropout(0.5)
        self.dense1 = DenseReLU(widths.conv5 * grid**2, dense, dropout=0.5)
        self.dense2 = DenseReLU(dense, dense, dropout=0.5 if paper else 0.0)
        self.classifier = nn.Linear(dense, options.num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the paper's variant, full size
        x = self.norm1(self.conv1(images))  # 96, 55, 55
        x = self.pool1(x)  # 96, 27, 27
        x = self.norm2(self.conv2(x))  # 256, 27, 27
        x = self.pool2(x)  # 256, 13, 13
        x = self.conv3(x)  # 384, 13, 13
        x = self.conv4(x)  # 384, 13, 13
        x = self.conv5(x)  # 256, 13, 13
        x = self.pool5(x)  # 256, 6, 6
        x = self.global_pool(x).flatten(1)  # 9216
        x = self.dense1(self.dropout(x))  # 4096
        x = self.dense2(x)  # 4096
        logits = self.classifier(x)  # num_classes
        return Outputs(logits, ()) if with_aux is True else logits


def overlapping_pool(*, mini: bool) -> nn.MaxPool2d:
    """3 x 3 with stride 2 (section 3.4). A mini network keeps the border, so that 32 becomes 16, 8 and 4."""
    return nn.MaxPool2d(3, stride=2, padding=1 if mini else 0)


def response_norm() -> LocalResponseNorm:
    """Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75. There alpha goes with the sum, in torch with the mean of n."""
    return LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)
