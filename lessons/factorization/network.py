"""Inception-v2 and v3: Table 1 and section 6 of "Rethinking the Inception architecture" (arXiv 1512.00567)."""

from dataclasses import dataclass

from torch import Tensor, nn

from lessons.batch_norm.blocks import InceptionA, ReductionA, ReductionWidths, Widths
from lessons.factorization.blocks import (
    AuxiliaryHead,
    Conv,
    InceptionB,
    InceptionC,
    MaxPool,
    ReductionB,
    Stem,
    forked_out_channels,
)
from lessons.layers import Outputs, average_pool
from lessons.network import Network


@dataclass(frozen=True)
class Table:
    """The rows of a network like the paper's Table 1, which says which figure each module follows."""

    stem: tuple[Conv | MaxPool, ...]
    figure_5: tuple[Widths, ...]
    to_17: ReductionWidths
    figure_6: tuple[Widths, ...]
    to_8: ReductionWidths
    figure_7: tuple[Widths, ...]
    single_kernel: int  # of the branch of figure 5 with one convolution


# Table 1. It gives no widths for the modules: these are v3's, and make the 288, 768, 1280 and 2048 that it prints.
# fmt: off
TABLE_V2 = Table(
    stem=(
        Conv("conv1", 32, kernel_size=3, stride=2),
        Conv("conv2", 32, kernel_size=3),
        Conv("conv3_padded", 64, kernel_size=3, padding="same"),
        MaxPool("pool"),
        Conv("conv4", 80, kernel_size=3),
        Conv("conv5", 192, kernel_size=3, stride=2),
        Conv("conv6", 288, kernel_size=3, padding="same"),
    ),
    figure_5=(
        Widths(pointwise=64,  single=(48, 64),        stacked=(64, 96, 96),              pool=64),   # mixed_5b
        Widths(pointwise=64,  single=(48, 64),        stacked=(64, 96, 96),              pool=64),   # mixed_5c
        Widths(pointwise=64,  single=(48, 64),        stacked=(64, 96, 96),              pool=64),   # mixed_5d
    ),
    to_17=ReductionWidths(    single=(384,),          stacked=(64, 96, 96)),                         # mixed_6a
    figure_6=(
        Widths(pointwise=192, single=(128, 128, 192), stacked=(128, 128, 128, 128, 192), pool=192),  # mixed_6b
        Widths(pointwise=192, single=(160, 160, 192), stacked=(160, 160, 160, 160, 192), pool=192),  # mixed_6c
        Widths(pointwise=192, single=(160, 160, 192), stacked=(160, 160, 160, 160, 192), pool=192),  # mixed_6d
        Widths(pointwise=192, single=(160, 160, 192), stacked=(160, 160, 160, 160, 192), pool=192),  # mixed_6e
        Widths(pointwise=192, single=(192, 192, 192), stacked=(192, 192, 192, 192, 192), pool=192),  # mixed_6f
    ),
    to_8=ReductionWidths(     single=(192, 320),      stacked=(192, 192, 192, 192)),                 # mixed_7a
    figure_7=(
        Widths(pointwise=320, single=(384, 384),      stacked=(448, 384, 384),           pool=192),  # mixed_7b
        Widths(pointwise=320, single=(384, 384),      stacked=(448, 384, 384),           pool=192),  # mixed_7c
    ),
    single_kernel=3,
)

# Google's code, whose names every public copy follows.
TABLE_V3 = Table(
    stem=(
        Conv("conv_1a", 32, kernel_size=3, stride=2),
        Conv("conv_2a", 32, kernel_size=3),
        Conv("conv_2b", 64, kernel_size=3, padding="same"),
        MaxPool("pool_3a"),
        Conv("conv_3b", 80, kernel_size=1),
        Conv("conv_4a", 192, kernel_size=3),
        MaxPool("pool_5a"),
    ),
    figure_5=(
        Widths(pointwise=64,  single=(48, 64),        stacked=(64, 96, 96),              pool=32),   # mixed_5b
        Widths(pointwise=64,  single=(48, 64),        stacked=(64, 96, 96),              pool=64),   # mixed_5c
        Widths(pointwise=64,  single=(48, 64),        stacked=(64, 96, 96),              pool=64),   # mixed_5d
    ),
    to_17=ReductionWidths(    single=(384,),          stacked=(64, 96, 96)),                         # mixed_6a
    figure_6=(
        Widths(pointwise=192, single=(128, 128, 192), stacked=(128, 128, 128, 128, 192), pool=192),  # mixed_6b
        Widths(pointwise=192, single=(160, 160, 192), stacked=(160, 160, 160, 160, 192), pool=192),  # mixed_6c
        Widths(pointwise=192, single=(160, 160, 192), stacked=(160, 160, 160, 160, 192), pool=192),  # mixed_6d
        Widths(pointwise=192, single=(192, 192, 192), stacked=(192, 192, 192, 192, 192), pool=192),  # mixed_6e
    ),
    to_8=ReductionWidths(     single=(192, 320),      stacked=(192, 192, 192, 192)),                 # mixed_7a
    figure_7=(
        Widths(pointwise=320, single=(384, 384),      stacked=(448, 384, 384),           pool=192),  # mixed_7b
        Widths(pointwise=320, single=(384, 384),      stacked=(448, 384, 384),           pool=192),  # mixed_7c
    ),
    single_kernel=5,
)
# fmt: on


class FactorizedNetwork(Network):
    """What Inception-v2 and v3 have in common: three kinds of module on grids of 35, 17 and 8, halved twice between.

    (N, in_channels, 299, 299) -> (N, num_classes). The auxiliary head sits behind the last module of the 17 x 17 grid.
    """

    TABLE: Table
    AUX_AFTER = ("mixed_6",)

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
        table, scale = self.TABLE, self.scale
        padding = scale.padding("valid")
        count_include_pad = variant == "released" and self.RELEASED_DIFFERS

        self.stem = Stem(in_channels, table.stem, scale=scale)
        channels = self.stem.out_channels

        for letter, row in zip("bcd", self.first_of(table.figure_5), strict=False):
            widths = scale.widths(row)
            pool = average_pool(count_include_pad=count_include_pad)
            block = InceptionA(channels, widths, pool=pool, single_kernel=table.single_kernel)
            self.add_module(f"mixed_5{letter}", block)
            channels = widths.out_channels

        widths = scale.widths(table.to_17)
        self.mixed_6a = ReductionA(channels, widths, padding=padding)
        channels = widths.out_channels(channels)
        for letter, row in zip("bcdef", self.first_of(table.figure_6), strict=False):
            widths = scale.widths(row)
            pool = average_pool(count_include_pad=count_include_pad)
            self.add_module(f"mixed_6{letter}", InceptionB(channels, widths, pool=pool))
            channels = widths.out_channels

        if aux_heads:
            self.aux1 = AuxiliaryHead(
                channels,
                num_classes,
                conv_width=scale.channels(128),
                spread_width=scale.channels(768),
                padding=padding,
            )

        widths = scale.widths(table.to_8)
        self.mixed_7a = ReductionB(channels, widths, padding=padding)
        channels = widths.out_channels(channels)
        for letter, row in zip("bc", self.first_of(table.figure_7), strict=False):
            widths = scale.widths(row)
            pool = average_pool(count_include_pad=count_include_pad)
            self.add_module(f"mixed_7{letter}", InceptionC(channels, widths, pool=pool))
            channels = forked_out_channels(widths)

        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(channels, num_classes)
        self.finish()

    def first_of(self, rows: tuple[Widths, ...]) -> tuple[Widths, ...]:
        """The rows of one grid that this size keeps: all of them, or the first two at mini size."""
        return rows[: self.scale.repeats(len(rows))]

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.stem(images)  # 192, 35, 35; in v2 288, 35, 35
        for block in self.blocks("mixed_5"):
            x = block(x)  # 288, 35, 35; only v3's first 256, 35, 35
        for block in self.blocks("mixed_6"):
            x = block(x)  # 768, 17, 17
        after_6 = x
        for block in self.blocks("mixed_7"):
            x = block(x)  # 1280, 8, 8, then 2048, 8, 8
        x = self.global_pool(x).flatten(1)  # 2048
        logits = self.classifier(self.dropout(x))  # num_classes
        if not with_aux:
            return logits
        return Outputs(logits, (self.aux1(after_6),) if self.aux_heads else ())


class InceptionV2(FactorizedNetwork):
    """Inception-v2 as Table 1 of "Rethinking" lays it out: (N, in_channels, 299, 299) -> (N, num_classes).

    Not the network that the v4 paper and Google's code call by this name: that is BN-Inception.

    The paper has no widths for its modules. Here figure 5's are v3's with a 3 x 3; figure 6's five go from 128 to 192,
    a guess. Average pools leave the padding out. There are no public weights: variant="released" is the same network.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    TABLE = TABLE_V2
    RELEASED_DIFFERS = False


class InceptionV3(FactorizedNetwork):
    """Inception-v3 as in Google's code, and all its copies: (N, in_channels, 299, 299) -> (N, num_classes).

    It differs from the paper's Table 1 in the stem (a 1 x 1 and two pools), in the 5 x 5 of the first three modules, in
    the 192 and 256 channels that the first two of them see, and in having four modules with 7 x 7, not five.

    variant="paper": average pools leave the padding out, as Google's code and Keras do.
    variant="released": the same network, but average pools count the padding, as torchvision and timm do.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    TABLE = TABLE_V3
