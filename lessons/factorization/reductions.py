"""Three ways to halve a grid and double its channels: figures 9 and 10 of "Rethinking" (arXiv 1512.00567), section 5.

All three take (N, in_channels, H, W) to (N, 2 in_channels, ceil(H / 2), ceil(W / 2)), with one 3 x 3 convolution and one
3 x 3 max pool of stride 2, in another order each.
"""

from collections.abc import Callable

from torch import nn

from networks.bn_inception import halving_pool
from networks.layers import Branches, ConvBNAct, require_positive


class PoolFirst(nn.Sequential):
    """Figure 9, left: cheap, but all that the convolution gets has passed through half a grid: a bottleneck."""

    def __init__(self, in_channels: int, *, conv: Callable[..., nn.Module] = ConvBNAct):
        require_positive(in_channels=in_channels)
        super().__init__(halving_pool("same"), conv(in_channels, 2 * in_channels, kernel_size=3))


class ConvolutionFirst(nn.Sequential):
    """Figure 9, right: nothing is lost before the convolution, which works on the whole grid: dear."""

    def __init__(self, in_channels: int, *, conv: Callable[..., nn.Module] = ConvBNAct):
        require_positive(in_channels=in_channels)
        super().__init__(conv(in_channels, 2 * in_channels, kernel_size=3), halving_pool("same"))


class Parallel(Branches):
    """Figure 10, in its simplest form: a convolution of stride 2 beside the pool, each for half of the channels."""

    def __init__(self, in_channels: int, *, conv: Callable[..., nn.Module] = ConvBNAct):
        require_positive(in_channels=in_channels)
        super().__init__()
        self.single = conv(in_channels, in_channels, kernel_size=3, stride=2)
        self.pool = halving_pool("same")


REDUCTIONS = {"convolution first": ConvolutionFirst, "pool first": PoolFirst, "parallel": Parallel}
