"""Three ways to halve a grid: pool first, convolution first, or both side by side ("Rethinking", section 4, figures 9 and 10)

The arms do not cost the same: that is the question. From 32 channels on 16 x 16 all of them make 64 on 8 x 8.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import nn

from lessons.batch_norm.blocks import halving_pool
from lessons.layers import Branches, ConvBNAct
from lessons.small import STEM, SmallNet
from utils.data import Data
from utils.experiment import Arm, Experiment, Form
from utils.train import Recipe


class Parallel(Branches):
    """Figure 10 in its simplest form. (N, C, H, W) -> (N, 2 C, H / 2, W / 2)"""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = ConvBNAct(channels, channels, kernel_size=3, stride=2)
        self.pool = halving_pool("same")


def pool_first(channels: int) -> nn.Sequential:
    """Figure 9, left: the grid is halved before the channels are doubled: a bottleneck. Shapes as `Parallel`."""
    return nn.Sequential(halving_pool("same"), ConvBNAct(channels, 2 * channels, kernel_size=3))


def convolution_first(channels: int) -> nn.Sequential:
    """Figure 9, right: the channels are doubled on the large grid: dear. Shapes as `Parallel`."""
    return nn.Sequential(ConvBNAct(channels, 2 * channels, kernel_size=3), halving_pool("same"))


def net(data: Data, *, reduction: Callable[[int], nn.Module]) -> SmallNet:
    """A convolution, a reduction from 16 x 16, a convolution, a reduction from 8 x 8."""
    return SmallNet(
        data,
        ConvBNAct(STEM, STEM, kernel_size=3),
        reduction(STEM),
        ConvBNAct(2 * STEM, 2 * STEM, kernel_size=3),
        reduction(2 * STEM),
        out_channels=4 * STEM,
    )


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="grid_reduction",
    question="Three ways to halve a grid: is the cheap one a bottleneck, and the dear one worth its price?",
    equal="what goes in and comes out of each reduction, all other layers, the recipe, the images and their order; not the cost",
    arms={
        "side by side": Arm(build=partial(net, reduction=Parallel)),
        "pool first": Arm(build=partial(net, reduction=pool_first)),
        "convolution first": Arm(build=partial(net, reduction=convolution_first)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=4000),
    full=Form(
        data="cifar10", recipe=replace(RECIPE, epochs=20, batch_size=128, flip=True, shift=4), seeds=(0, 1, 2, 3, 4)
    ),
    limits="The reductions differ in cost, so a better one may owe it to its multiply-adds.",
)
