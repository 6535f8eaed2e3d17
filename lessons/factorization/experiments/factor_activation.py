"""Between the two 3 x 3 that replace a 5 x 5: a ReLU, or nothing? ("Rethinking", section 3.1 and figure 2)

Both networks have the same layers and normalisations, and differ in three activations. Without them each pair of
convolutions is one linear map, as in a plain 5 x 5.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from course.experiments import Arm, Experiment, Form, photographs
from networks.layers import ConvBNAct
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.loop import Recipe

WIDTHS = (20, 28, 40)


def net(data: Data, *, window: Callable[[int, int], nn.Module]) -> SmallNet:
    """Three windows of five pixels, made in one way or another, with a pool after the first."""
    stages, channels = [], STEM
    for width in WIDTHS:
        stages.append(window(channels, width))
        channels = width
    return SmallNet(data, stages[0], nn.MaxPool2d(2), *stages[1:], out_channels=channels)


def two(in_channels: int, width: int, *, between: type[nn.Module] | None) -> nn.Sequential:
    """Two 3 x 3. (N, in_channels, H, W) -> (N, width, H, W)"""
    return nn.Sequential(
        ConvBNAct(in_channels, width, kernel_size=3, activation=between),
        ConvBNAct(width, width, kernel_size=3),
    )


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="factor_activation",
    question="Between two 3×3 that replace a 5×5: a ReLU, or nothing?",
    equal="layers, widths, normalisations, multiply-adds, the recipe, the images and their order",
    arms={
        "ReLU between": Arm(build=partial(net, window=partial(two, between=nn.ReLU))),
        "linear between": Arm(build=partial(net, window=partial(two, between=None))),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=4000),
    full=photographs(RECIPE),
    matters=1.5,
    limits="Without its ReLUs a network is also less deep in activations, so the comparison is of both at once.",
)
