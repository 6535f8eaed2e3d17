"""Inception-ResNet-v1: figures 10 to 15 of "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261).

The residual blocks and the class serve Inception-ResNet-v2 too, whose tables are in `networks.inception_resnet_v2`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from networks.base import PAPER, Network, Options
from networks.bn_inception import InceptionA, ReductionA, Widths, halving_pool
from networks.bn_inception import ReductionWidths as ReductionAWidths
from networks.inception_v2 import AuxiliaryHead, Conv, MaxPool
from networks.inception_v2 import Stem as PlainStem
from networks.inception_v4 import Stem as ForkedStem
from networks.layers import Branches, ConvBNAct, Outputs, Size, chain, convolve


@dataclass(frozen=True)
class ResidualWidths:
    """Output channels of the convolutions of a residual block, branch by branch; `stacked` is empty in B and C."""

    pointwise: int
    single: tuple[int, ...]
    stacked: tuple[int, ...] = ()

    @property
    def concatenated(self) -> int:
        """Channels after the concatenation, before the 1 x 1 that expands them again."""
        return self.pointwise + self.single[-1] + (self.stacked[-1] if self.stacked else 0)


@dataclass(frozen=True)
class ReductionWidths:
    """Output channels of figures 12 and 18, branch by branch; the pool passes its channels through."""

    single: tuple[int, int]
    narrow: tuple[int, int]
    stacked: tuple[int, int, int]

    def out_channels(self, in_channels: int) -> int:
        """Channels after the concatenation."""
        return self.single[-1] + self.narrow[-1] + self.stacked[-1] + in_channels


class ResidualBlock(nn.Module):
    """x + scale * up(branches of x), then ReLU: what the figures of A, B and C have in common.

    (N, in_channels, H, W) -> the same. `up` is the linear 1 x 1 that brings the concatenated branches back to as many
    channels as came in. It has a bias, and no normalisation: the paper normalises none of the sums, to save memory
    (section 3.2).

    Args:
        in_channels: channels in and out.
        widths: of the branches.
        kernels: those of branch `single` behind its 1 x 1, and of `stacked` if there is one.
        scale: the factor before the sum, 0.1 to 0.3 in the paper (section 3.3, figure 20).
        activation: whether a ReLU follows the sum.
    """

    def __init__(
        self,
        in_channels: int,
        widths: ResidualWidths,
        *,
        kernels: tuple[Size, ...],
        scale: float,
        activation: bool = True,
    ):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, widths.pointwise, kernel_size=1)
        self.single = chain(in_channels, *zip(widths.single, (1, *kernels), strict=True))
        if widths.stacked:
            self.stacked = chain(in_channels, *zip(widths.stacked, (1, *kernels, *kernels), strict=True))
        self.up = nn.Conv2d(widths.concatenated, in_channels, kernel_size=1)
        self.activation = nn.ReLU() if activation else nn.Identity()
        self.scale = scale

    def branches(self) -> Iterator[nn.Module]:
        """The children that see the input side by side."""
        return (child for name, child in self.named_children() if name not in ("up", "activation"))

    def forward(self, x: Tensor) -> Tensor:
        residual = convolve(self.up, torch.cat([branch(x) for branch in self.branches()], dim=1))
        y: Tensor = self.activation(x + self.scale * residual)
        return y


class InceptionResNetA(ResidualBlock):
    """Figures 10 (v1) and 16 (v2), for the 35 x 35 grid: 1 x 1; one 3 x 3; two 3 x 3."""

    def __init__(self, in_channels: int, widths: ResidualWidths, *, scale: float = 0.17):
        super().__init__(in_channels, widths, kernels=(3,), scale=scale)


class InceptionResNetB(ResidualBlock):
    """Figures 11 (v1) and 17 (v2), for the 17 x 17 grid: 1 x 1; a 7 x 7 as 1 x 7 and 7 x 1.

    Figure 17 prints 1154 for the expansion; the sum needs as many channels as come in, 1152.
    """

    def __init__(self, in_channels: int, widths: ResidualWidths, *, scale: float = 0.10):
        super().__init__(in_channels, widths, kernels=((1, 7), (7, 1)), scale=scale)


class InceptionResNetC(ResidualBlock):
    """Figures 13 (v1) and 19 (v2), for the 8 x 8 grid: 1 x 1; a 3 x 3 as 1 x 3 and 3 x 1.

    Figure 19 prints 2048 for the expansion; the sum needs as many channels as come in, 2144.
    """

    def __init__(self, in_channels: int, widths: ResidualWidths, *, scale: float = 0.20, activation: bool = True):
        super().__init__(in_channels, widths, kernels=((1, 3), (3, 1)), scale=scale, activation=activation)


class ReductionB(Branches):
    """Figures 12 (v1) and 18 (v2): from 17 x 17 to 8 x 8 with three branches of convolutions and a pool.

    (N, in_channels, 17, 17) -> (N, widths.out_channels(in_channels), 8, 8). Figure 18's caption says "wider
    Inception-ResNet-v1"; it is v2's.
    """

    def __init__(self, in_channels: int, widths: ReductionWidths, *, padding: str = "valid"):
        super().__init__()
        kernels = (1, 3)
        self.single = chain(in_channels, *zip(widths.single, kernels, strict=True), stride=2, padding=padding)
        self.narrow = chain(in_channels, *zip(widths.narrow, kernels, strict=True), stride=2, padding=padding)
        kernels = (1, 3, 3)
        self.stacked = chain(in_channels, *zip(widths.stacked, kernels, strict=True), stride=2, padding=padding)
        self.pool = halving_pool(padding)


@dataclass(frozen=True)
class Table:
    """What figure 15 leaves open: the stem, the widths of each figure, the repeats, the end."""

    stem: tuple[Conv | MaxPool, ...] | None  # None: the forked stem of Inception-v4, figure 3
    mixed_5b: Widths | None  # a module before the residual blocks, in the released v2 only
    block_a: ResidualWidths
    reduction_a: ReductionAWidths
    block_b: ResidualWidths
    reduction_b: ReductionWidths
    block_c: ResidualWidths
    repeats: tuple[int, int, int]  # of A, B and C
    last_c: bool  # one more C block, with scale 1.0 and no ReLU
    last_conv: int | None  # a 1 x 1 before the pool


# Figure 14, the stem of v1. The first six rows are Inception-v3's, too.
STEM_V1 = (
    Conv("conv_1a", 32, kernel_size=3, stride=2),
    Conv("conv_2a", 32, kernel_size=3),
    Conv("conv_2b", 64, kernel_size=3, padding="same"),
    MaxPool("pool_3a"),
    Conv("conv_3b", 80, kernel_size=1),
    Conv("conv_4a", 192, kernel_size=3),
    Conv("conv_4b", 256, kernel_size=3, stride=2),
)


V1 = {
    "paper": Table(
        stem=STEM_V1,
        mixed_5b=None,
        block_a=ResidualWidths(pointwise=32, single=(32, 32), stacked=(32, 32, 32)),  # figure 10
        reduction_a=ReductionAWidths(single=(384,), stacked=(192, 192, 256)),  # figure 7, Table 1: n; k, l, m
        block_b=ResidualWidths(pointwise=128, single=(128, 128, 128)),  # figure 11
        reduction_b=ReductionWidths(single=(256, 384), narrow=(256, 256), stacked=(256, 256, 256)),  # figure 12
        block_c=ResidualWidths(pointwise=192, single=(192, 192, 192)),  # figure 13
        repeats=(5, 10, 5),
        last_c=False,
        last_conv=None,
    ),
}


V1["released"] = replace(V1["paper"], last_c=True)


class InceptionResNet(Network):
    """Figure 15: stem, residual blocks on three grids with a reduction between, average pool, dropout, classifier.

    (N, in_channels, 299, 299) -> (N, num_classes). The scales of the residuals are the public code's: 0.17, 0.10, 0.20.
    """

    TABLES: dict[str, Table]

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        table, scale = self.TABLES[options.variant], self.scale
        padding = scale.padding("valid")
        repeats_a, repeats_b, repeats_c = map(scale.repeats, table.repeats)

        if table.stem is None:
            self.stem: ForkedStem | PlainStem = ForkedStem(options.in_channels, scale=scale)
        else:
            self.stem = PlainStem(options.in_channels, table.stem, scale=scale)
        channels = self.stem.out_channels
        if table.mixed_5b is not None:
            widths = scale.widths(table.mixed_5b)
            self.mixed_5b = InceptionA(channels, widths, single_kernel=5)
            channels = widths.out_channels

        for number in range(repeats_a):
            self.add_module(f"inception_resnet_a_{number}", InceptionResNetA(channels, scale.widths(table.block_a)))

        widths = scale.widths(table.reduction_a)
        self.reduction_a = ReductionA(channels, widths, padding=padding)
        channels = widths.out_channels(channels)
        for number in range(repeats_b):
            self.add_module(f"inception_resnet_b_{number}", InceptionResNetB(channels, scale.widths(table.block_b)))

        if options.aux_heads:
            self.aux1 = AuxiliaryHead(channels, options.num_classes, scale=scale)

        widths = scale.widths(table.reduction_b)
        self.reduction_b = ReductionB(channels, widths, padding=padding)
        channels = widths.out_channels(channels)
        for number in range(repeats_c):
            self.add_module(f"inception_resnet_c_{number}", InceptionResNetC(channels, scale.widths(table.block_c)))
        if table.last_c:
            last = InceptionResNetC(channels, scale.widths(table.block_c), scale=1.0, activation=False)
            self.add_module(f"inception_resnet_c_{repeats_c}", last)

        if table.last_conv is not None:
            self.conv_7b = ConvBNAct(channels, scale.channels(table.last_conv), kernel_size=1)
            channels = scale.channels(table.last_conv)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)  # figure 15: "keep 0.8"
        self.classifier = nn.Linear(channels, options.num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: v1; v2; v2 as released
        x = self.stem(images)  # 256, 35, 35; 384, 35, 35; 192, 35, 35
        for block in self.blocks("mixed_5b"):
            x = block(x)  # 320, 35, 35, v2 as released only
        for block in self.blocks("inception_resnet_a"):
            x = block(x)  # 256, 35, 35; 384, 35, 35; 320, 35, 35
        x = self.reduction_a(x)  # 896, 17, 17; 1152, 17, 17; 1088, 17, 17
        for block in self.blocks("inception_resnet_b"):
            x = block(x)  # the same
        after_b = x
        x = self.reduction_b(x)  # 1792, 8, 8; 2144, 8, 8; 2080, 8, 8
        for block in self.blocks("inception_resnet_c"):
            x = block(x)  # the same
        for block in self.blocks("conv_7b"):
            x = block(x)  # 1536, 8, 8, v2 as released only
        x = self.global_pool(x).flatten(1)  # 1792; 2144; 1536
        logits: Tensor = self.classifier(self.dropout(x))  # num_classes
        if with_aux is not True:
            return logits
        return Outputs(logits, (self.aux1(after_b),) if self.aux_heads else ())


class InceptionResNetV1(InceptionResNet):
    """Inception-ResNet-v1, as cheap as Inception-v3: (N, in_channels, 299, 299) -> (N, num_classes).

    variant="paper": 5, 10 and 5 blocks.
    variant="released": the trunk of the public face-recognition weights, with a sixth C block that has scale 1.0 and no
    ReLU. Those weights end in a 512-number embedding in place of the classifier; that end is not here.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    TABLES = V1
