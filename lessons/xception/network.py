"""Xception: figure 5 of "Xception" (arXiv 1610.02357); Xception-65 and 71, as DeepLab made them (arXiv 1802.02611)."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from lessons.layers import ConvBNAct, HalvingMaxPool, Outputs
from lessons.network import Network
from lessons.xception.blocks import SeparableStack, XceptionBlock


@dataclass(frozen=True)
class Block:
    """One row of a flow: the widths of its separable convolutions, and whether it halves the grid."""

    widths: tuple[int, ...]
    halves: bool = False


STEM = (32, 64)  # block1: two ordinary 3 x 3 convolutions

# Figure 5.
ENTRY_FLOW = {
    "block2": Block(widths=(128, 128), halves=True),
    "block3": Block(widths=(256, 256), halves=True),
    "block4": Block(widths=(728, 728), halves=True),
}
MIDDLE_FLOW = Block(widths=(728, 728, 728))
MIDDLE_REPEATS = 8  # block5 to block12
BLOCK_13 = Block(widths=(728, 1024), halves=True)
BLOCK_14 = Block(widths=(1536, 2048))


class Xception(Network):
    """Xception, figure 5: (N, in_channels, 299, 299) -> (N, num_classes).

    36 convolutions in 14 blocks, where a separable one counts once.

    variant="paper": the author's own code, Keras. Pools are padded as TensorFlow pads them, which on the even grid of
    74 is one row at the far end only; epsilon is 1e-3.
    variant="released": the same network for the weights' PyTorch copies (timm, Cadene), with one row of padding at both
    ends of every pool, and epsilon 1e-5.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    def __init__(
        self,
        *,
        variant: str = "paper",
        num_classes: int = 1000,
        in_channels: int = 3,
        size: str = "full",
        width: float = 1.0,
        aux_heads: bool = False,
    ):
        super().__init__(
            variant=variant,
            num_classes=num_classes,
            in_channels=in_channels,
            size=size,
            width=width,
            aux_heads=aux_heads,
        )
        scale = self.scale
        eps = 1e-3 if variant == "paper" else 1e-5
        padding = scale.padding("valid")

        first, second = map(scale.channels, STEM)
        conv1 = ConvBNAct(in_channels, first, kernel_size=3, stride=scale.stride(1), padding=padding, eps=eps)
        conv2 = ConvBNAct(first, second, kernel_size=3, padding=padding, eps=eps)
        self.block1 = nn.Sequential(OrderedDict(conv1=conv1, conv2=conv2))

        rows = dict(ENTRY_FLOW)
        rows |= {f"block{5 + number}": MIDDLE_FLOW for number in range(scale.repeats(MIDDLE_REPEATS))}
        rows["block13"] = BLOCK_13
        channels, halvings = second, 1
        for name, row in rows.items():
            halvings += row.halves
            stride = scale.stride(halvings) if row.halves else 1
            pool = None
            if stride == 2:
                pool = HalvingMaxPool() if variant == "paper" else nn.MaxPool2d(3, stride=2, padding=1)
            widths = scale.widths(row.widths)
            opens_with_relu = name != "block2"
            block = XceptionBlock(channels, widths, stride=stride, pool=pool, opens_with_relu=opens_with_relu, eps=eps)
            self.add_module(name, block)
            channels = widths[-1]

        widths = scale.widths(BLOCK_14.widths)
        self.block14 = SeparableStack(channels, widths, eps=eps)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(widths[-1], num_classes)
        self.finish()

    def middle_flow(self) -> Iterator[nn.Module]:
        """block5 to block12; block5 and block6 at mini size."""
        return (self.get_submodule(f"block{5 + number}") for number in range(self.scale.repeats(MIDDLE_REPEATS)))

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.block1(images)  # 64, 147, 147
        x = self.block2(x)  # 128, 74, 74
        x = self.block3(x)  # 256, 37, 37
        x = self.block4(x)  # 728, 19, 19
        for block in self.middle_flow():
            x = block(x)  # 728, 19, 19
        x = self.block13(x)  # 1024, 10, 10
        x = self.block14(x)  # 2048, 10, 10
        x = self.global_pool(x).flatten(1)  # 2048
        logits = self.classifier(self.dropout(x))  # num_classes
        return Outputs(logits, ()) if with_aux else logits


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

    def __init__(
        self,
        *,
        variant: str = "paper",
        num_classes: int = 1000,
        in_channels: int = 3,
        size: str = "full",
        width: float = 1.0,
        aux_heads: bool = False,
    ):
        super().__init__(
            variant=variant,
            num_classes=num_classes,
            in_channels=in_channels,
            size=size,
            width=width,
            aux_heads=aux_heads,
        )
        scale = self.scale
        first, second = map(scale.channels, STEM)
        self.conv1 = ConvBNAct(in_channels, first, kernel_size=3, stride=scale.stride(1))
        self.conv2 = ConvBNAct(first, second, kernel_size=3)

        rows = {f"entry_{number}": row for number, row in enumerate(self.ENTRY)}
        rows |= {f"middle_{number}": MIDDLE_ALIGNED for number in range(scale.repeats(MIDDLE_ALIGNED_REPEATS))}
        rows["exit_0"] = EXIT_1
        channels, halvings = second, 1
        for name, row in rows.items():
            halvings += row.halves
            stride = scale.stride(halvings) if row.halves else 1
            widths = scale.widths(row.widths)
            self.add_module(name, XceptionBlock(channels, widths, stride=stride, aligned=True))
            channels = widths[-1]

        widths = scale.widths(EXIT_2.widths)
        self.exit_1 = SeparableStack(channels, widths, aligned=True)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(widths[-1], num_classes)
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
        return Outputs(logits, ()) if with_aux else logits


class Xception65(AlignedXception):
    """Xception-65: 2 ordinary convolutions and 21 blocks of three separable ones. Nothing differs as released."""

    ENTRY = ENTRY_65


class Xception71(AlignedXception):
    """Xception-71: two blocks more in the entry flow, 23 in all. Nothing differs as released."""

    ENTRY = ENTRY_71
