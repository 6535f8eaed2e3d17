"""Inception-v4: figures 3 to 9 of "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261).

Figures 4, 5, 6, 7 and 8 are the modules A, B, C and the reductions A and B of the networks before, with other widths.
What is new is the stem, which forks three times.
"""

from torch import Tensor, nn

from networks.base import PAPER, Network, Options, Scale
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths, Widths
from networks.inception_v2 import AuxiliaryHead, InceptionB, InceptionC, ReductionB, forked_out_channels
from networks.layers import Branches, ConvBNAct, HalvingMaxPool, Outputs, chain


class PoolAndConv(Branches):
    """A fork of figure 3 that halves the grid with a pool and a 3 x 3 convolution, side by side.

    (N, in_channels, H, W) -> (N, in_channels + width, H', W'), H' = (H - 3) // 2 + 1 for stride 2 and "valid" padding
    """

    def __init__(self, in_channels: int, width: int, *, stride: int, padding: str, conv_first: bool = False):
        super().__init__()
        conv = ConvBNAct(in_channels, width, kernel_size=3, stride=stride, padding=padding)
        if stride == 2 and padding == "same":
            pool = HalvingMaxPool()
        else:
            pool = nn.MaxPool2d(3, stride=stride, padding=1 if padding == "same" else 0)
        if conv_first:
            self.conv, self.pool = conv, pool
        else:
            self.pool, self.conv = pool, conv


class ShortAndLong(Branches):
    """The second fork of figure 3: one 3 x 3, or a factorised 7 x 7 and a 3 x 3, each behind a 1 x 1.

    (N, in_channels, 73, 73) -> (N, 2 width, 71, 71). Google's code and all its copies have 1 x 7 before 7 x 1, as here;
    the figure prints them the other way about. The cost is the same.
    """

    def __init__(self, in_channels: int, *, reduce: int, width: int, padding: str):
        super().__init__()
        self.short = chain(in_channels, (reduce, 1), (width, 3), padding=padding)
        self.long = chain(in_channels, (reduce, 1), (reduce, (1, 7)), (reduce, (7, 1)), (width, 3), padding=padding)


class Stem(nn.Sequential):
    """Figure 3: (N, in_channels, 299, 299) -> (N, 384, 35, 35).

    The figure's last convolution is printed without its stride of 2; the grid halves there.
    """

    def __init__(self, in_channels: int, *, scale: Scale):
        w32, w64, w96, w192 = (scale.channels(width) for width in (32, 64, 96, 192))
        valid = scale.padding("valid")
        super().__init__()
        self.conv_1 = ConvBNAct(in_channels, w32, kernel_size=3, stride=scale.stride(1), padding=valid)
        self.conv_2 = ConvBNAct(w32, w32, kernel_size=3, padding=valid)
        self.conv_3 = ConvBNAct(w32, w64, kernel_size=3)
        self.fork_1 = PoolAndConv(w64, w96, stride=scale.stride(2), padding=valid)
        self.fork_2 = ShortAndLong(w64 + w96, reduce=w64, width=w96, padding=valid)
        self.fork_3 = PoolAndConv(2 * w96, w192, stride=scale.stride(3), padding=valid, conv_first=True)
        self.out_channels = 2 * w96 + w192


# fmt: off
FIGURE_4 = Widths(pointwise=96,  single=(64, 96),        stacked=(64, 96, 96),              pool=96)   # inception_a


FIGURE_7 = ReductionWidths(      single=(384,),          stacked=(192, 224, 256))                      # reduction_a


FIGURE_5 = Widths(pointwise=384, single=(192, 224, 256), stacked=(192, 192, 224, 224, 256), pool=128)  # inception_b


FIGURE_8 = ReductionWidths(      single=(192, 192),      stacked=(256, 256, 320, 320))                 # reduction_b


FIGURE_6 = Widths(pointwise=256, single=(384, 256),      stacked=(384, 448, 512, 256),      pool=256)  # inception_c


# fmt: on
# Figure 7 has letters for its widths; their table (Table 1) gives for Inception-v4 k, l, m, n = 192, 224, 256, 384.
REPEATS_A, REPEATS_B, REPEATS_C = 4, 7, 3  # figure 9


class InceptionV4(Network):
    """Inception-v4, figure 9: (N, in_channels, 299, 299) -> (N, num_classes).

    Average pools leave the padding out, as in Google's code and its copies. In figure 5 one branch is printed with two
    1 x 7 in a row; it is 1 x 7, then 7 x 1, as in the code. variant="released" is the same network.

    The auxiliary head behind the last Inception-B is Google's code's; the paper has none.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    AUX_AFTER = ("inception_b",)
    RELEASED_DIFFERS = False

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        scale = self.scale
        padding = scale.padding("valid")

        self.stem = Stem(options.in_channels, scale=scale)
        channels = self.stem.out_channels

        widths = scale.widths(FIGURE_4)
        for number in range(scale.repeats(REPEATS_A)):
            self.add_module(f"inception_a_{number}", InceptionA(channels, widths))
            channels = widths.out_channels

        widths = scale.widths(FIGURE_7)
        self.reduction_a = ReductionA(channels, widths, padding=padding)
        channels = widths.out_channels(channels)

        widths = scale.widths(FIGURE_5)
        for number in range(scale.repeats(REPEATS_B)):
            self.add_module(f"inception_b_{number}", InceptionB(channels, widths))
            channels = widths.out_channels

        if options.aux_heads:
            self.aux1 = AuxiliaryHead(channels, options.num_classes, scale=scale)

        widths = scale.widths(FIGURE_8)
        self.reduction_b = ReductionB(channels, widths, padding=padding)
        channels = widths.out_channels(channels)

        widths = scale.widths(FIGURE_6)
        for number in range(scale.repeats(REPEATS_C)):
            self.add_module(f"inception_c_{number}", InceptionC(channels, widths, stacked_kernels=((3, 1), (1, 3))))
            channels = forked_out_channels(widths)

        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)  # figure 9: "keep 0.8"
        self.classifier = nn.Linear(channels, options.num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.stem(images)  # 384, 35, 35
        for block in self.blocks("inception_a"):
            x = block(x)  # 384, 35, 35
        x = self.reduction_a(x)  # 1024, 17, 17
        for block in self.blocks("inception_b"):
            x = block(x)  # 1024, 17, 17
        after_b = x
        x = self.reduction_b(x)  # 1536, 8, 8
        for block in self.blocks("inception_c"):
            x = block(x)  # 1536, 8, 8
        x = self.global_pool(x).flatten(1)  # 1536
        logits: Tensor = self.classifier(self.dropout(x))  # num_classes
        if with_aux is not True:
            return logits
        return Outputs(logits, (self.aux1(after_b),) if self.aux_heads else ())
