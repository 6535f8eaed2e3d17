"""How much faster does a network learn with batch normalisation, and with the learning rates that it allows?

The paper's figures 2 and 3: Inception, BN-Baseline, BN-x5, BN-x30 and BN-x5-Sigmoid, at small scale. One network of three
Inception modules; the learning rate of the network without normalisation is the unit.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from course.experiments import Arm, Experiment, Form, photographs
from networks.base import initialise
from networks.googlenet import InceptionModule, Widths
from networks.layers import ConvBNAct, ConvReLU
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.comparison import epochs_to
from utils.train.loop import Recipe

WIDTHS = (Widths(8, 8, 12, 4, 8, 4), Widths(12, 12, 18, 6, 12, 6), Widths(16, 16, 24, 8, 16, 8))
BASE = (
    0.02  # learning rate of the network without normalisation: between 0.01, where it hardly moves, and 0.03, its best
)
REACHED = 0.2  # test accuracy, about where the network without normalisation ends in the short form


class ConvSigmoid(nn.Sequential):
    """A convolution with a bias, then a sigmoid. (N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride)"""

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int, stride: int = 1):
        conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2)
        super().__init__(conv, nn.Sigmoid())


def net(data: Data, *, conv: Callable[..., nn.Module]) -> SmallNet:
    """Three Inception modules of such layers."""
    channels = (STEM, *(each.out_channels for each in WIDTHS))
    first, second, third = (
        InceptionModule(before, each, conv=conv) for before, each in zip(channels, WIDTHS, strict=False)
    )
    network = SmallNet(data, first, nn.MaxPool2d(2), second, third, out_channels=channels[-1], conv=conv)
    initialise(network)  # first weights made for ReLUs: torch's own would let a signal fade without normalisation
    return network


plain = partial(net, conv=ConvReLU)
normalised = partial(net, conv=ConvBNAct)
plain_sigmoid = partial(net, conv=ConvSigmoid)
normalised_sigmoid = partial(net, conv=partial(ConvBNAct, activation=nn.Sigmoid))

RECIPE = Recipe(epochs=4, batch_size=32, optimizer="sgd", momentum=0.9, learning_rate=BASE)

EXPERIMENT = Experiment(
    name="normalisation",
    question="How much faster does a network learn with batch normalisation?",
    equal="the network but for its normalisation, the first weights' distribution, the images and their order",
    arms={
        "no BN": Arm(build=plain),
        "BN": Arm(build=normalised),
        "BN x5": Arm(build=normalised, changes={"learning_rate": 5 * BASE}),
        "BN x30": Arm(build=normalised, changes={"learning_rate": 30 * BASE}),
        "BN x5, sigmoid": Arm(build=normalised_sigmoid, changes={"learning_rate": 5 * BASE}),
        "no BN, sigmoid": Arm(build=plain_sigmoid),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2, 3), limit=3000),
    full=photographs(RECIPE, batch_size=32, schedule="cosine", more=(epochs_to(0.65),)),
    matters=1.5,
    limits="The factors of time belong to this network and these images; the paper's are of ImageNet.",
    more=(epochs_to(REACHED),),
)
