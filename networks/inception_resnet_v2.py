"""Inception-ResNet-v2: figures 15 to 19 of "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261)."""

from dataclasses import replace

from networks.bn_inception import ReductionWidths as ReductionAWidths
from networks.bn_inception import Widths
from networks.inception_resnet_v1 import STEM_V1, InceptionResNet, ReductionWidths, ResidualWidths, Table
from networks.inception_v2 import MaxPool

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
