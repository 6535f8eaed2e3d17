"""Inception-v2: figures 5 to 8 and 10 and Table 1 of "Rethinking the Inception architecture" (arXiv 1512.00567).

Figure 5, and the reduction of figure 10, are BN-Inception's `InceptionA` and `ReductionA`. The letters are the v4 paper's.
Inception-v3 is the same class with another table: `networks.inception_v3`.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from networks.base import PAPER, Network, Options, Scale
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths, Widths, halving_pool
from networks.layers import Branches, ConvBNAct, Outputs, Size, average_pool, chain


class InceptionB(Branches):
    """Figure 6, for the middle grid: 7 x 7 convolutions factorised into 1 x 7 and 7 x 1.

    (N, in_channels, 17, 17) -> (N, widths.out_channels, 17, 17)

    Args:
        in_channels: channels of the grid that comes in.
        widths: three widths in `single` (1 x 1, 1 x 7, 7 x 1), five in `stacked` (1 x 1, 7 x 1, 1 x 7, 7 x 1, 1 x 7).
        pool: the pooling layer; average pooling unless given.
    """

    def __init__(self, in_channels: int, widths: Widths, *, pool: nn.Module | None = None):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, widths.pointwise, kernel_size=1)
        wide, tall = (1, 7), (7, 1)
        single: tuple[Size, ...] = (1, wide, tall)
        self.single = chain(in_channels, *zip(widths.single, single, strict=True))
        stacked: tuple[Size, ...] = (1, tall, wide, tall, wide)
        self.stacked = chain(in_channels, *zip(widths.stacked, stacked, strict=True))
        self.pool = nn.Sequential(pool or average_pool(), ConvBNAct(in_channels, widths.pool, kernel_size=1))


class Fork(Branches):
    """The end of a branch of figure 7: 1 x 3 and 3 x 1 side by side, which makes the grid's representation wider.

    (N, in_channels, H, W) -> (N, 2 width, H, W)
    """

    def __init__(self, in_channels: int, width: int):
        super().__init__()
        self.wide = ConvBNAct(in_channels, width, kernel_size=(1, 3))
        self.tall = ConvBNAct(in_channels, width, kernel_size=(3, 1))


class InceptionC(Branches):
    """Figure 7, for the smallest grid: branches that end in a fork.

    (N, in_channels, 8, 8) -> (N, widths.pointwise + 2 widths.single[-1] + 2 widths.stacked[-1] + widths.pool, 8, 8)

    Args:
        in_channels: channels of the grid that comes in.
        widths: the last width of `single` and `stacked` is that of each half of the fork.
        stacked_kernels: what `stacked` has between its 1 x 1 and its fork: one 3 x 3 in v3, its two factors in v4.
        pool: the pooling layer; average pooling unless given.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Widths,
        *,
        stacked_kernels: tuple[Size, ...] = (3,),
        pool: nn.Module | None = None,
    ):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, widths.pointwise, kernel_size=1)
        reduce, fork = widths.single
        self.single = chain(in_channels, (reduce, 1)).append(Fork(reduce, fork))
        *before, fork = widths.stacked
        kernels = (1, *stacked_kernels)
        self.stacked = chain(in_channels, *zip(before, kernels, strict=True)).append(Fork(before[-1], fork))
        self.pool = nn.Sequential(pool or average_pool(), ConvBNAct(in_channels, widths.pool, kernel_size=1))


def forked_out_channels(widths: Widths) -> int:
    """Channels that an `InceptionC` puts out: its forks count twice."""
    return widths.out_channels + widths.single[-1] + widths.stacked[-1]


class ReductionB(Branches):
    """From the middle grid to the smallest: figure 10's parallel stride 2, behind a factorised 7 x 7 in one branch.

    Figure 8 of "Inception-v4" is the same with other widths.

    (N, in_channels, 17, 17) -> (N, widths.out_channels(in_channels), 8, 8)

    Args:
        in_channels: channels of the grid that comes in.
        widths: `single` is a 1 x 1 and a 3 x 3, `stacked` a 1 x 1, 1 x 7, 7 x 1 and 3 x 3.
        padding: "valid" in the papers.
    """

    def __init__(self, in_channels: int, widths: ReductionWidths, *, padding: str = "valid"):
        super().__init__()
        reduce, single = widths.single
        self.single = chain(in_channels, (reduce, 1), (single, 3), stride=2, padding=padding)
        kernels: tuple[Size, ...] = (1, (1, 7), (7, 1), 3)
        self.stacked = chain(in_channels, *zip(widths.stacked, kernels, strict=True), stride=2, padding=padding)
        self.pool = halving_pool(padding)


class AuxiliaryHead(nn.Sequential):
    """The side branch of figure 8, on the last 17 x 17 grid, as Google's code has it (its 5 x 5 puts out 768 channels).

    (N, in_channels, 17, 17) -> (N, num_classes). Where the 5 x 5 leaves more than one place, they are averaged.
    """

    def __init__(self, in_channels: int, num_classes: int, *, scale: Scale):
        super().__init__()
        conv_width, spread_width = scale.channels(128), scale.channels(768)
        self.pool = nn.AvgPool2d(5, stride=3)
        self.reduce = ConvBNAct(in_channels, conv_width, kernel_size=1)
        self.conv = ConvBNAct(conv_width, spread_width, kernel_size=5, padding=scale.padding("valid"))
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(spread_width, num_classes)


@dataclass(frozen=True)
class Conv:
    """One convolution of a stem: a row of the paper's table."""

    name: str
    width: int
    kernel_size: int
    stride: int = 1
    padding: str = "valid"


@dataclass(frozen=True)
class MaxPool:
    """One 3 x 3 pool of a stem, with stride 2 and valid padding."""

    name: str


class Stem(nn.Sequential):
    """The layers before the first module, one after another: the first rows of Table 1.

    (N, in_channels, 299, 299) -> (N, out_channels, 35, 35), with `out_channels` that of the last convolution

    Args:
        in_channels: channels of the images.
        rows: the layers, in order.
        scale: the network's size. At mini size the first halvings are left out: a convolution keeps the grid, a pool is
            dropped (`Scale` has the rule).
    """

    def __init__(self, in_channels: int, rows: tuple[Conv | MaxPool, ...], *, scale: Scale):
        super().__init__()
        halving = 0
        channels = in_channels
        for row in rows:
            halves = isinstance(row, MaxPool) or row.stride == 2
            halving += halves
            stride = scale.stride(halving) if halves else 1
            if isinstance(row, Conv):
                width = scale.channels(row.width)
                padding = scale.padding(row.padding)
                conv = ConvBNAct(channels, width, kernel_size=row.kernel_size, stride=stride, padding=padding)
                self.add_module(row.name, conv)
                channels = width
            elif stride == 2:
                self.add_module(row.name, halving_pool(scale.padding("valid")))
        self.out_channels = channels


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


# fmt: on


class FactorizedNetwork(Network):
    """What Inception-v2 and v3 have in common: three kinds of module on grids of 35, 17 and 8, halved twice between.

    (N, in_channels, 299, 299) -> (N, num_classes). The auxiliary head sits behind the last module of the 17 x 17 grid.
    """

    TABLE: Table
    AUX_AFTER = ("mixed_6",)

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        table, scale = self.TABLE, self.scale
        padding = scale.padding("valid")
        count_include_pad = options.variant == "released" and self.RELEASED_DIFFERS

        self.stem = Stem(options.in_channels, table.stem, scale=scale)
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

        if options.aux_heads:
            self.aux1 = AuxiliaryHead(channels, options.num_classes, scale=scale)

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
        self.classifier = nn.Linear(channels, options.num_classes)
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
        logits: Tensor = self.classifier(self.dropout(x))  # num_classes
        if with_aux is not True:
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
