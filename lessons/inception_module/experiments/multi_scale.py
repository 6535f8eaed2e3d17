"""What do several scales bring at equal cost, and what do reductions?

Four networks with the same frame and the same multiply-adds, to a thousandth. Only the block differs. `ConvBNAct` in place
of the paper's `ConvReLU` lets them learn within a few epochs; lesson 03 says why.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from course.experiments import Arm, Experiment, Form, photographs
from networks.googlenet import InceptionModule, Widths
from networks.layers import ConvBNAct
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.loop import Recipe


class NaiveBlock(nn.Module):
    """Figure 2(a) with normalised layers: `InceptionModule` without its reductions and its pool projection.

    (N, in_channels, H, W) -> (N, in_channels + pointwise + three + five, H, W)
    """

    def __init__(self, in_channels: int, pointwise: int, three: int, five: int):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, pointwise, kernel_size=1)
        self.three = ConvBNAct(in_channels, three, kernel_size=3)
        self.five = ConvBNAct(in_channels, five, kernel_size=5)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.out_channels = in_channels + pointwise + three + five

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.pointwise(x), self.three(x), self.five(x), self.pool(x)], dim=1)


def frame(data: Data, first: nn.Module, second: nn.Module, third: nn.Module, out_channels: int) -> SmallNet:
    """A block on 16 x 16, a pool, two blocks on 8 x 8."""
    return SmallNet(data, first, nn.MaxPool2d(2), second, third, out_channels=out_channels)


def several_scales(data: Data) -> SmallNet:
    """The module of figure 2(b), reductions and pool projection included."""
    widths = (Widths(8, 8, 12, 4, 8, 4), Widths(12, 12, 18, 6, 12, 6), Widths(16, 16, 24, 8, 16, 8))
    channels = (STEM, *(each.out_channels for each in widths))
    blocks = [InceptionModule(before, each, conv=ConvBNAct) for before, each in zip(channels, widths, strict=False)]
    return frame(data, *blocks, out_channels=channels[-1])


def naive(data: Data) -> SmallNet:
    """The module of figure 2(a). What reductions would save, it has to save in width."""
    first = NaiveBlock(STEM, pointwise=5, three=5, five=3)
    second = NaiveBlock(first.out_channels, pointwise=8, three=8, five=4)
    third = NaiveBlock(second.out_channels, pointwise=8, three=8, five=4)
    return frame(data, first, second, third, out_channels=third.out_channels)


def one_scale(data: Data) -> SmallNet:
    """One 3x3 convolution for each block."""
    widths = (18, 22, 41)
    blocks = [ConvBNAct(before, after, kernel_size=3) for before, after in zip((STEM, *widths), widths, strict=False)]
    return frame(data, *blocks, out_channels=widths[-1])


def one_scale_reduced(data: Data) -> SmallNet:
    """The 3x3 branch alone, with a reduction before it, as wide as the cost allows."""
    blocks, before = [], STEM
    for reduce, after in ((7, 32), (9, 48), (15, 64)):
        blocks.append(nn.Sequential(ConvBNAct(before, reduce, kernel_size=1), ConvBNAct(reduce, after, kernel_size=3)))
        before = after
    return frame(data, *blocks, out_channels=before)


RECIPE = Recipe(epochs=3, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="multi_scale",
    question="What do several scales bring at equal cost, and what do reductions?",
    equal="the frame, the multiply-adds (to a thousandth), the recipe, the images and their order",
    arms={
        "several scales": Arm(build=several_scales),
        "several scales, naive": Arm(build=naive),
        "3×3 only": Arm(build=one_scale),
        "3×3 only, reduced": Arm(build=one_scale_reduced),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2)),
    full=photographs(RECIPE),
    others={
        "longer": Form(data="scales", recipe=replace(RECIPE, epochs=8), seeds=(0, 1, 2, 3, 4)),
    },
    matters=1.5,
    limits="These are networks of some ten thousand parameters: large ones may behave otherwise.",
)
