"""The stem and modules of Inception-v4 (arXiv 1602.07261), figures 3 to 8.

Figures 4, 5, 6, 7 and 8 are the modules A, B, C and the reductions A and B of the lessons before, with the widths of
`lessons.inception_v4.network`. Here is what is new: the stem that forks three times.
"""

from collections import OrderedDict

from torch import nn

from lessons.layers import Branches, ConvBNAct, HalvingMaxPool, chain
from lessons.network import Scale


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
        layers = OrderedDict()
        layers["conv_1"] = ConvBNAct(in_channels, w32, kernel_size=3, stride=scale.stride(1), padding=valid)
        layers["conv_2"] = ConvBNAct(w32, w32, kernel_size=3, padding=valid)
        layers["conv_3"] = ConvBNAct(w32, w64, kernel_size=3)
        layers["fork_1"] = PoolAndConv(w64, w96, stride=scale.stride(2), padding=valid)
        layers["fork_2"] = ShortAndLong(w64 + w96, reduce=w64, width=w96, padding=valid)
        layers["fork_3"] = PoolAndConv(2 * w96, w192, stride=scale.stride(3), padding=valid, conv_first=True)
        super().__init__(layers)
        self.out_channels = 2 * w96 + w192
