"""With residual connections or without, at equal cost: who learns faster? ("Inception-v4, Inception-ResNet", figures 21 to 24)

Six blocks of figure 16's kind. The plain network has the same branches and the same 1 x 1 behind them, with normalisation and
ReLU; only the sum is missing. So both have the same multiply-adds, to the last one.
"""

from functools import partial

from course.experiments import Arm, Experiment, Form, photographs
from lessons.residual_scaling.stacks import PlainBlock
from networks.inception_resnet_v1 import InceptionResNetA, ResidualWidths
from networks.layers import ConvBNAct
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.comparison import epochs_to
from utils.train.loop import Recipe

WIDTHS = ResidualWidths(pointwise=8, single=(8, 8), stacked=(8, 12, 16))
CHANNELS, BLOCKS = 32, 6
REACHED = 0.25  # test accuracy that both are to reach


def net(data: Data, *, is_residual: bool, scale: float = 0.17) -> SmallNet:
    """A 3 x 3 of stride 2 to 8 x 8, and six blocks."""
    blocks = [
        InceptionResNetA(CHANNELS, WIDTHS, scale=scale) if is_residual else PlainBlock(CHANNELS, WIDTHS)
        for _ in range(BLOCKS)
    ]
    return SmallNet(data, ConvBNAct(STEM, CHANNELS, kernel_size=3, stride=2), *blocks, out_channels=CHANNELS)


RECIPE = Recipe(epochs=5, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="residual",
    question="With residual connections or without, at equal cost: who learns faster?",
    equal="branches, widths, multiply-adds, the recipe, the images and their order",
    arms={
        "residual": Arm(build=partial(net, is_residual=True)),
        "plain": Arm(build=partial(net, is_residual=False)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=4000),
    full=photographs(RECIPE, more=(epochs_to(0.65),)),  # all pass the short form's mark in their first epoch
    matters=1.5,
    limits="Six blocks are few: what residual connections do in a deep network, these runs do not say.",
    more=(epochs_to(REACHED),),
)
