"""1 x n and n x 1 in place of square windows: on an early grid, or on a late one? ("Rethinking", section 3.2)

All windows reach five pixels. The reference has two 3 x 3 everywhere; the other arms put 1 x 5 and 5 x 1 on the 16 x 16 grid
or on the 8 x 8 and 4 x 4 grids, and are as much wider there as the saving pays for.
"""

from functools import partial

from torch import nn

from course.experiments import Arm, Experiment, Form, photographs
from networks.layers import chain
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.loop import Recipe

SQUARE, ASYMMETRIC = ((3, 3), (3, 3)), ((1, 5), (5, 1))


def net(data: Data, *, early: int, middle: int, late: int, kernels: tuple) -> SmallNet:
    """A window of five on 16 x 16, 8 x 8 and 4 x 4; `kernels` says for each what it is made of."""
    stages, channels = [], STEM
    for width, pair in zip((early, middle, late), kernels, strict=True):
        stages.append(chain(channels, *((width, kernel) for kernel in pair)))
        channels = width
    first, second, third = stages
    return SmallNet(data, first, nn.MaxPool2d(2), second, nn.MaxPool2d(2), third, out_channels=channels)


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="asymmetric_factors",
    question="1×n and n×1 in place of square windows: on an early grid, or on late ones?",
    equal="the reach of every window, the multiply-adds of each stage (within 4 %), the recipe, the images and their order",
    arms={
        "two 3×3 everywhere": Arm(build=partial(net, early=20, middle=40, late=64, kernels=(SQUARE, SQUARE, SQUARE))),
        "1×5, 5×1 early": Arm(build=partial(net, early=28, middle=38, late=64, kernels=(ASYMMETRIC, SQUARE, SQUARE))),
        "1×5, 5×1 late": Arm(
            build=partial(net, early=20, middle=56, late=86, kernels=(SQUARE, ASYMMETRIC, ASYMMETRIC))
        ),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=4000),
    full=photographs(RECIPE),
    matters=1.5,
    limits="The grids are 16, 8 and 4 wide, the paper's 35, 17 and 8: its advice is for grids between 12 and 20.",
)
