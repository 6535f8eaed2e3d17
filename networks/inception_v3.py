"""Inception-v3: "Rethinking the Inception architecture" (arXiv 1512.00567), section 6, as Google's code has it."""

from networks.bn_inception import ReductionWidths, Widths
from networks.inception_v2 import Conv, FactorizedNetwork, MaxPool, Table

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
        Widths(pointwise=64, single=(48, 64), stacked=(64, 96, 96), pool=32),  # mixed_5b
        Widths(pointwise=64, single=(48, 64), stacked=(64, 96, 96), pool=64),  # mixed_5c
        Widths(pointwise=64, single=(48, 64), stacked=(64, 96, 96), pool=64),  # mixed_5d
    ),
    to_17=ReductionWidths(single=(384,), stacked=(64, 96, 96)),  # mixed_6a
    figure_6=(
        Widths(pointwise=192, single=(128, 128, 192), stacked=(128, 128, 128, 128, 192), pool=192),  # mixed_6b
        Widths(pointwise=192, single=(160, 160, 192), stacked=(160, 160, 160, 160, 192), pool=192),  # mixed_6c
        Widths(pointwise=192, single=(160, 160, 192), stacked=(160, 160, 160, 160, 192), pool=192),  # mixed_6d
        Widths(pointwise=192, single=(192, 192, 192), stacked=(192, 192, 192, 192, 192), pool=192),  # mixed_6e
    ),
    to_8=ReductionWidths(single=(192, 320), stacked=(192, 192, 192, 192)),  # mixed_7a
    figure_7=(
        Widths(pointwise=320, single=(384, 384), stacked=(448, 384, 384), pool=192),  # mixed_7b
        Widths(pointwise=320, single=(384, 384), stacked=(448, 384, 384), pool=192),  # mixed_7c
    ),
    single_kernel=5,
)


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
