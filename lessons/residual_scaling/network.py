"""Inception-ResNet-v1 and v2: figure 15 of "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261)."""

from dataclasses import dataclass, replace

from torch import Tensor, nn

from lessons.batch_norm.blocks import InceptionA, ReductionA, Widths
from lessons.batch_norm.blocks import ReductionWidths as ReductionAWidths
from lessons.factorization.blocks import AuxiliaryHead, Conv, MaxPool
from lessons.factorization.blocks import Stem as PlainStem
from lessons.inception_v4.blocks import Stem as ForkedStem
from lessons.layers import ConvBNAct, Outputs
from lessons.network import Network
from lessons.residual_scaling.blocks import (
    InceptionResNetA,
    InceptionResNetB,
    InceptionResNetC,
    ReductionB,
    ReductionWidths,
    ResidualWidths,
)


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

V2 = {
    "paper": Table(
        stem=None,
        mixed_5b=None,
        block_a=ResidualWidths(pointwise=32, single=(32, 32), stacked=(32, 48, 64)),  # figure 16
        reduction_a=ReductionAWidths(single=(384,), stacked=(256, 256, 384)),  # figure 7, Table 1: n; k, l, m
        block_b=ResidualWidths(pointwise=192, single=(128, 160, 192)),  # figure 17
        reduction_b=ReductionWidths(single=(256, 384), narrow=(256, 288), stacked=(256, 288, 320)),  # figure 18
        block_c=ResidualWidths(pointwise=192, single=(192, 224, 256)),  # figure 19
        repeats=(5, 10, 5),
        last_c=False,
        last_conv=None,
    ),
}
V2["released"] = replace(
    V2["paper"],
    stem=(*STEM_V1[:-1], MaxPool("pool_5a")),
    mixed_5b=Widths(pointwise=96, single=(48, 64), stacked=(64, 96, 96), pool=64),
    repeats=(10, 20, 9),
    last_c=True,
    last_conv=1536,
)


class InceptionResNet(Network):
    """Figure 15: stem, residual blocks on three grids with a reduction between, average pool, dropout, classifier.

    (N, in_channels, 299, 299) -> (N, num_classes). The scales of the residuals are the public code's: 0.17, 0.10, 0.20.
    """

    TABLES: dict[str, Table]

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
        table, scale = self.TABLES[variant], self.scale
        padding = scale.padding("valid")
        repeats_a, repeats_b, repeats_c = map(scale.repeats, table.repeats)

        if table.stem is None:
            self.stem = ForkedStem(in_channels, scale=scale)
        else:
            self.stem = PlainStem(in_channels, table.stem, scale=scale)
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

        if aux_heads:
            self.aux1 = AuxiliaryHead(
                channels,
                num_classes,
                conv_width=scale.channels(128),
                spread_width=scale.channels(768),
                padding=padding,
            )

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
        self.classifier = nn.Linear(channels, num_classes)
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
        logits = self.classifier(self.dropout(x))  # num_classes
        if not with_aux:
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


class InceptionResNetV2(InceptionResNet):
    """Inception-ResNet-v2: (N, in_channels, 299, 299) -> (N, num_classes).

    variant="paper": the figures, with their two impossible sums repaired (1152 for 1154, 2144 for 2048): the forked
    stem of Inception-v4; 5, 10 and 5 blocks.
    variant="released": Google's code, Keras and timm: the stem of Inception-v3 and one of its modules, 10, 20 and 10
    blocks, the last with scale 1.0 and no ReLU, and a 1 x 1 convolution to 1536 channels before the pool.

    The auxiliary head behind the last B block is Google's code's; the paper has none.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    TABLES = V2
    AUX_AFTER = ("inception_resnet_b",)
