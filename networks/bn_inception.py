"""BN-Inception: the table in figure 5 of "Batch Normalization" (arXiv 1502.03167), and its text.

Every 5 x 5 convolution of GoogLeNet is now two of 3 x 3. Inception-v3 and v4 keep this module for their largest grid,
so that it carries here the name that the v4 paper gave it, Inception-A; the one that halves the grid is Reduction-A.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor, nn

from networks.base import PAPER, Network, Options
from networks.layers import Branches, ConvBNAct, HalvingMaxPool, Outputs, SeparableConv, average_pool, chain


@dataclass(frozen=True)
class Widths:
    """Output channels of the convolutions of an Inception module, branch by branch, from its input to its output."""

    pointwise: int  # 1 x 1
    single: tuple[int, ...]  # 1 x 1, then one n x n (or its factors)
    stacked: tuple[int, ...]  # 1 x 1, then two n x n (or their factors)
    pool: int  # 1 x 1 behind the pool

    @property
    def out_channels(self) -> int:
        """Channels after the concatenation."""
        return self.pointwise + self.single[-1] + self.stacked[-1] + self.pool


@dataclass(frozen=True)
class ReductionWidths:
    """Output channels of the convolutions of a module that halves the grid; its pool passes its channels through."""

    single: tuple[int, ...]
    stacked: tuple[int, ...]

    def out_channels(self, in_channels: int) -> int:
        """Channels after the concatenation."""
        return self.single[-1] + self.stacked[-1] + in_channels


class InceptionA(Branches):
    """The module with two 3 x 3 in place of a 5 x 5: figure 5 of "Rethinking", figure 4 of "Inception-v4".

    (N, in_channels, H, W) -> (N, widths.out_channels, H, W)

    Args:
        in_channels: channels of the grid that comes in.
        widths: one width in `pointwise` and `pool`, two in `single`, three in `stacked`.
        pool: the pooling layer; average pooling unless given.
        single_kernel: 3 in the papers. The public code of Inception-v3 has 5 here.
        conv: the layer to use.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Widths,
        *,
        pool: nn.Module | None = None,
        single_kernel: int = 3,
        conv: Callable[..., nn.Module] = ConvBNAct,
    ):
        super().__init__()
        reduce, single = widths.single
        self.pointwise = conv(in_channels, widths.pointwise, kernel_size=1)
        self.single = chain(in_channels, (reduce, 1), (single, single_kernel), conv=conv)
        reduce, first, second = widths.stacked
        self.stacked = chain(in_channels, (reduce, 1), (first, 3), (second, 3), conv=conv)
        self.pool = nn.Sequential(pool or average_pool(), conv(in_channels, widths.pool, kernel_size=1))


class ReductionA(Branches):
    """Halves the grid without a bottleneck: convolutions and a pool of stride 2, side by side.

    Rows 3c and 4e of BN-Inception; figure 10 of "Rethinking"; figure 7 of "Inception-v4".

    (N, in_channels, H, W) -> (N, widths.out_channels(in_channels), H', W'), where H' = ceil(H / 2) for "same" padding
    and (H - 3) // 2 + 1 for "valid", as after a 3 x 3 convolution of stride 2.

    Args:
        in_channels: channels of the grid that comes in.
        widths: `single` is the 3 x 3, or a 1 x 1 and the 3 x 3; `stacked` has three widths.
        padding: "same" in BN-Inception, "valid" in all later networks.
        conv: the layer to use.
    """

    def __init__(
        self,
        in_channels: int,
        widths: ReductionWidths,
        *,
        padding: str = "valid",
        conv: Callable[..., nn.Module] = ConvBNAct,
    ):
        super().__init__()
        *reduce, single = widths.single
        self.single = chain(
            in_channels, *[(width, 1) for width in reduce], (single, 3), stride=2, padding=padding, conv=conv
        )
        reduce, first, second = widths.stacked
        self.stacked = chain(in_channels, (reduce, 1), (first, 3), (second, 3), stride=2, padding=padding, conv=conv)
        self.pool = halving_pool(padding)


def halving_pool(padding: str) -> nn.MaxPool2d:
    """3 x 3 max pooling with stride 2 whose output fits beside that of such a convolution with this padding."""
    return HalvingMaxPool() if padding == "same" else nn.MaxPool2d(3, stride=2)


class SeparableConvBNReLU(nn.Sequential):
    """A separable convolution of depth multiplier 8, then normalisation and ReLU: the first layer.

    (N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride), rounded up
    """

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int, stride: int):
        super().__init__()
        self.conv = SeparableConv(in_channels, out_channels, kernel_size=kernel_size, stride=stride, depth_multiplier=8)
        self.norm = nn.BatchNorm2d(out_channels, eps=1e-3)
        self.activation = nn.ReLU()


STEM = {"conv1": 64, "conv2_reduce": 64, "conv2": 192}


# fmt: off
MODULES: dict[str, Widths | ReductionWidths] = {
    "inception_3a": Widths(pointwise=64,  single=(64, 64),   stacked=(64, 96, 96),    pool=32),
    "inception_3b": Widths(pointwise=64,  single=(64, 96),   stacked=(64, 96, 96),    pool=64),
    "inception_3c": ReductionWidths(      single=(128, 160), stacked=(64, 96, 96)),
    "inception_4a": Widths(pointwise=224, single=(64, 96),   stacked=(96, 128, 128),  pool=128),
    "inception_4b": Widths(pointwise=192, single=(96, 128),  stacked=(96, 128, 128),  pool=128),
    "inception_4c": Widths(pointwise=160, single=(128, 160), stacked=(128, 160, 160), pool=96),
    "inception_4d": Widths(pointwise=96,  single=(128, 192), stacked=(160, 192, 192), pool=96),
    "inception_4e": ReductionWidths(      single=(128, 192), stacked=(192, 256, 256)),
    "inception_5a": Widths(pointwise=352, single=(192, 320), stacked=(160, 224, 224), pool=128),
    "inception_5b": Widths(pointwise=352, single=(192, 320), stacked=(192, 224, 224), pool=128),
}


# fmt: on
MAX_POOLED = "inception_5b"  # all the other modules pool by averages


# The paper prints 128 for the pool projections of 4c and 4d, and 576 channels after them; only 96 makes 576.
PRINTED_POOL = {"inception_4c": 128, "inception_4d": 128}


class BNInception(Network):
    """BN-Inception, figure 5: (N, in_channels, 224, 224) -> (N, num_classes).

    variant="paper": the first layer is a separable 7 x 7 convolution of depth multiplier 8, normalised once, after its
    pointwise half; pool projections of 96 in 4c and 4d; average pools leave the padding out and epsilon is 1e-3, as in
    Google's code.
    variant="released": what the public PyTorch weights (converted from Caffe) belong to: a plain 7 x 7 first layer,
    pool projections of 128 in 4c and 4d, biases besides the normalisation, average pools that count the padding,
    epsilon 1e-5.

    Neither has dropout: the original Inception's 40 % is among what section 4.2.1 takes out to make BN-x5 and BN-x30, of
    which this is the network. (BN-Baseline still has it, and some members of the paper's ensemble have 5 or 10 %.)

    Figure 5 prints the grids of 3c and 4e before their stride: 14 and 7 are right.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        paper = options.variant == "paper"
        conv = ConvBNAct if paper else partial(ConvBNAct, bias=True, eps=1e-5)
        scale = self.scale
        stem = {name: scale.channels(channels) for name, channels in STEM.items()}

        first = SeparableConvBNReLU if paper else conv
        self.conv1 = first(
            options.in_channels, stem["conv1"], kernel_size=scale.first_kernel(7), stride=scale.stride(1)
        )
        self.pool1 = nn.Identity() if scale.mini else HalvingMaxPool()
        self.conv2_reduce = conv(stem["conv1"], stem["conv2_reduce"], kernel_size=1)
        self.conv2 = conv(stem["conv2_reduce"], stem["conv2"], kernel_size=3)
        self.pool2 = HalvingMaxPool()

        channels = stem["conv2"]
        for name, table_row in MODULES.items():
            if not paper and isinstance(table_row, Widths):
                table_row = replace(table_row, pool=PRINTED_POOL.get(name, table_row.pool))
            widths = scale.widths(table_row)
            if isinstance(widths, ReductionWidths):
                module = ReductionA(channels, widths, padding="same", conv=conv)
                channels = widths.out_channels(channels)
            else:
                average = average_pool(count_include_pad=not paper)
                pool = nn.MaxPool2d(3, stride=1, padding=1) if name == MAX_POOLED else average
                module = InceptionA(channels, widths, pool=pool, conv=conv)
                channels = widths.out_channels
            self.add_module(name, module)

        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, options.num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.conv1(images)  # 64, 112, 112
        x = self.pool1(x)  # 64, 56, 56
        x = self.conv2(self.conv2_reduce(x))  # 192, 56, 56
        x = self.pool2(x)  # 192, 28, 28
        x = self.inception_3a(x)  # 256, 28, 28
        x = self.inception_3b(x)  # 320, 28, 28
        x = self.inception_3c(x)  # 576, 14, 14
        x = self.inception_4a(x)  # 576, 14, 14
        x = self.inception_4b(x)  # 576, 14, 14
        x = self.inception_4c(x)  # 576, 14, 14; 608 as released
        x = self.inception_4d(x)  # 576, 14, 14; 608 as released
        x = self.inception_4e(x)  # 1024, 7, 7; 1056 as released
        x = self.inception_5a(x)  # 1024, 7, 7
        x = self.inception_5b(x)  # 1024, 7, 7
        x = self.global_pool(x).flatten(1)  # 1024
        logits = self.classifier(x)  # num_classes
        return Outputs(logits, ()) if with_aux is True else logits
