"""Xception-65 and Xception-71, as DeepLab aligned Xception (figure 4 of arXiv 1802.02611)."""

from torch import Tensor, nn

from networks.base import PAPER, Network, Options
from networks.layers import ConvBNAct, Outputs
from networks.xception import STEM, Block, SeparableStack, XceptionBlock

ENTRY_65 = (
    Block(widths=(128, 128, 128), halves=True),
    Block(widths=(256, 256, 256), halves=True),
    Block(widths=(728, 728, 728), halves=True),
)


ENTRY_71 = (
    Block(widths=(128, 128, 128), halves=True),
    Block(widths=(256, 256, 256)),
    Block(widths=(256, 256, 256), halves=True),
    Block(widths=(728, 728, 728)),
    Block(widths=(728, 728, 728), halves=True),
)


MIDDLE_ALIGNED = Block(widths=(728, 728, 728))


MIDDLE_ALIGNED_REPEATS = 16


EXIT_1 = Block(widths=(728, 1024, 1024), halves=True)


EXIT_2 = Block(widths=(1536, 1536, 2048))


class AlignedXception(Network):
    """Xception as DeepLabv3+ changed it (figure 4): (N, in_channels, 299, 299) -> (N, num_classes).

    Strided separable convolutions in place of the pools, three convolutions in every block, normalisation after the
    depthwise half too, twice as many middle blocks. "same" padding throughout, one row at both ends.
    """

    ENTRY: tuple[Block, ...]
    RELEASED_DIFFERS = False

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        scale = self.scale
        first, second = map(scale.channels, STEM)
        self.conv1 = ConvBNAct(options.in_channels, first, kernel_size=3, stride=scale.stride(1))
        self.conv2 = ConvBNAct(first, second, kernel_size=3)

        rows = {f"entry_{number}": row for number, row in enumerate(self.ENTRY)}
        rows |= {f"middle_{number}": MIDDLE_ALIGNED for number in range(scale.repeats(MIDDLE_ALIGNED_REPEATS))}
        rows["exit_0"] = EXIT_1
        channels, halvings = second, 1
        for name, row in rows.items():
            halvings += row.halves
            stride = scale.stride(halvings) if row.halves else 1
            widths = tuple(map(scale.channels, row.widths))
            self.add_module(name, XceptionBlock(channels, widths, stride=stride, aligned=True))
            channels = widths[-1]

        widths = tuple(map(scale.channels, EXIT_2.widths))
        self.exit_1 = SeparableStack(channels, widths, aligned=True)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(widths[-1], options.num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.conv1(images)  # 32, 150, 150
        x = self.conv2(x)  # 64, 150, 150
        for block in self.blocks("entry"):
            x = block(x)  # 128, 75, 75; 256, 38, 38; 728, 19, 19 (71 has two more, before the halvings)
        for block in self.blocks("middle"):
            x = block(x)  # 728, 19, 19
        x = self.exit_0(x)  # 1024, 10, 10
        x = self.exit_1(x)  # 2048, 10, 10
        x = self.global_pool(x).flatten(1)  # 2048
        logits = self.classifier(self.dropout(x))  # num_classes
        return Outputs(logits, ()) if with_aux is True else logits


class Xception65(AlignedXception):
    """Xception-65: 2 ordinary convolutions and 21 blocks of three separable ones. Nothing differs as released."""

    ENTRY = ENTRY_65


class Xception71(AlignedXception):
    """Xception-71: two blocks more in the entry flow, 23 in all. Nothing differs as released."""

    ENTRY = ENTRY_71
