"""Three ways to halve a grid: pool first, convolution first, or both side by side ("Rethinking", section 5, figures 9 and 10)

The arms do not cost the same: that is the question. From 16 channels on 16 x 16 each of them makes 32 on 8 x 8.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from course.experiments import Arm, Experiment, Form, photographs
from lessons.factorization.reductions import REDUCTIONS
from networks.layers import ConvBNAct
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.loop import Recipe


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
        name: Arm(build=partial(net, reduction=REDUCTIONS[name]))
        for name in ("parallel", "pool first", "convolution first")
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=4000),
    full=photographs(RECIPE),
    matters=1.5,
    limits="The reductions differ in cost, so a better one may owe it to its multiply-adds.",
)
