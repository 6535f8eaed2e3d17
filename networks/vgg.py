"""VGG-16: table 1, column D, of "Very deep convolutional networks for large-scale image recognition" (arXiv 1409.1556).

A relative of the family, to compare with: nothing but 3 x 3 convolutions, one on the other, then AlexNet's dense layers.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from networks.alexnet import DENSE, DenseReLU
from networks.base import PAPER, Network, Options
from networks.layers import ConvReLU, Layers, Outputs


@dataclass(frozen=True)
class Block:
    """One block of the table, between two pools: so many 3 x 3 convolutions of one width."""

    convs: int
    width: int


# Column D, from its top to its bottom.
BLOCKS = {
    "block1": Block(convs=2, width=64),
    "block2": Block(convs=2, width=128),
    "block3": Block(convs=3, width=256),
    "block4": Block(convs=3, width=512),
    "block5": Block(convs=3, width=512),
}
GRID, MINI_GRID = 7, 4  # side of the grid that the dense layers see


class VGG16(Network):
    """VGG-16, table 1, column D: (N, in_channels, 224, 224) -> (N, num_classes). Nothing differs as released.

    The dense layers fit one grid, 7 x 7. `global_pool` leaves it as it is, and pools that of other images to it.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    RELEASED_DIFFERS = False

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        scale = self.scale
        channels = options.in_channels
        for number, (name, block) in enumerate(BLOCKS.items(), start=1):
            width = scale.channels(block.width)
            layers = Layers()
            for _ in range(scale.repeats(block.convs)):
                layers.append(ConvReLU(channels, width, kernel_size=3))
                channels = width
            self.add_module(name, layers)
            halves = scale.stride(number) == 2
            self.add_module(f"pool{number}", nn.MaxPool2d(2) if halves else nn.Identity())

        grid, dense = MINI_GRID if scale.mini else GRID, scale.channels(DENSE)
        self.global_pool = nn.AdaptiveAvgPool2d(grid)
        self.dense1 = DenseReLU(channels * grid**2, dense, dropout=0.5)
        self.dense2 = DenseReLU(dense, dense, dropout=0.5)
        self.classifier = nn.Linear(dense, options.num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.pool1(self.block1(images))  # 64, 112, 112
        x = self.pool2(self.block2(x))  # 128, 56, 56
        x = self.pool3(self.block3(x))  # 256, 28, 28
        x = self.pool4(self.block4(x))  # 512, 14, 14
        x = self.pool5(self.block5(x))  # 512, 7, 7
        x = self.global_pool(x).flatten(1)  # 25088
        x = self.dense2(self.dense1(x))  # 4096
        logits = self.classifier(x)  # num_classes
        return Outputs(logits, ()) if with_aux is True else logits
