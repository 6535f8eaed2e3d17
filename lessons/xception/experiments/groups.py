"""From one group to one group a channel: what does each step of the dial cost and bring? ("Xception", section 1.2)

A convolution with g groups divides its channels into g parts that do not see each other; the 1 x 1 behind it mixes them. One
group is a plain convolution, one group a channel a depthwise one. All widths stay, so that the cost falls.
"""

from functools import partial

from torch import nn

from course.experiments import Arm, Experiment, Form, photographs
from networks.layers import ConvBNAct
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.loop import Recipe

CHANNELS, BLOCKS = 48, 3


def net(data: Data, *, groups: int) -> SmallNet:
    """A 3 x 3 of stride 2 to 8 x 8, and pairs of a 3 x 3 with groups and a 1 x 1."""
    pairs = [
        nn.Sequential(
            ConvBNAct(CHANNELS, CHANNELS, kernel_size=3, groups=groups, activation=None),
            ConvBNAct(CHANNELS, CHANNELS, kernel_size=1),
        )
        for _ in range(BLOCKS)
    ]
    return SmallNet(data, ConvBNAct(STEM, CHANNELS, kernel_size=3, stride=2), *pairs, out_channels=CHANNELS)


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="groups",
    question="From one group to one group a channel: what does each step of the dial bring?",
    equal="widths and depth, the recipe, the images and their order; the multiply-adds fall with the groups",
    arms={
        f"{groups} group{'s' if groups > 1 else ''}": Arm(build=partial(net, groups=groups))
        for groups in (1, 3, 12, 48)
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=3000),
    full=photographs(RECIPE),
    matters=1.5,
    limits="The arms differ in cost: at equal cost the one with many groups could be wider.",
)
