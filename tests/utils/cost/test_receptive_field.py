"""Receptive fields of networks that are put together by chance, against what their gradients reach."""

import contextlib
import itertools
import random

import pytest
import torch
from torch import nn

from tests.utils.cost.test_inputs import seen
from utils.cost import profile

SIDE = 48


class Do(nn.Module):
    def __init__(self, do):
        super().__init__()
        self.do = do

    def forward(self, x):
        return self.do(x)


class Joined(nn.Module):
    """Two ways, cut to the smaller grid, and added or put beside each other."""

    def __init__(self, first, second, as_sum):
        super().__init__()
        self.first, self.second, self.as_sum, self.mix = first, second, as_sum, nn.Conv2d(6, 3, 1)

    def forward(self, x):
        ways = self.first(x), self.second(x)
        height, width = (min(way.shape[axis] for way in ways) for axis in (2, 3))
        one, other = (way[:, :, :height, :width] for way in ways)
        return one + other if self.as_sum else self.mix(torch.cat([one, other], 1))


def part(draw: random.Random, depth: int = 0) -> nn.Module:
    amount = draw.choice([1, 2])
    kinds = [
        lambda: nn.Conv2d(3, 3, draw.choice([2, 3, (1, 3), (3, 1), 5]), amount, draw.choice([0, 1])),
        lambda: nn.Conv2d(3, 3, 3, dilation=2),
        lambda: nn.AvgPool2d(draw.choice([2, 3]), amount),
        lambda: nn.Upsample(scale_factor=2, mode=draw.choice(["nearest", "bilinear"])),
        lambda: nn.ConvTranspose2d(3, 3, draw.choice([2, 3, 4]), 2, draw.choice([0, 1])),
        lambda: Do(lambda x: x[:, :, amount:]),
        lambda: Do(lambda x: x[..., :-amount]),
        lambda: Do(lambda x: nn.functional.pad(x, (amount, 0, 0, amount))),
        lambda: Do(lambda x: x[:, :, ::2, 1::2]),
        lambda: nn.Sequential(nn.Conv2d(3, 12, 1), nn.PixelShuffle(2)),
        lambda: nn.BatchNorm2d(3),
    ]
    if depth < 2 and draw.random() < 0.2:
        ways = (nn.Sequential(*(part(draw, depth + 1) for _ in range(draw.randrange(3)))) for _ in range(2))
        return Joined(*ways, as_sum=draw.random() < 0.5)
    return draw.choice(kinds)()


def network(number: int) -> nn.Module:
    """The first drawn one whose layers fit each other, with a grid at the end that is neither too small nor too large."""
    torch.manual_seed(number)
    for attempt in itertools.count():
        draw = random.Random(1000 * number + attempt)
        net = nn.Sequential(*(part(draw) for _ in range(draw.randrange(1, 6)))).eval()
        with contextlib.suppress(RuntimeError), torch.no_grad():
            sides = net(torch.rand(1, 3, SIDE, SIDE)).shape[2:]
            if min(sides) >= 5 and max(sides) <= 4 * SIDE:
                return net


@pytest.mark.parametrize("number", range(50))
def test_it_is_right_or_not_known(number):
    net = network(number)
    field = profile(net, (3, SIDE, SIDE)).receptive_field
    assert field == (0, 0) or max(field) > SIDE or field == seen(net, (3, SIDE, SIDE))


def test_many_are_known():
    found = [profile(network(number), (3, SIDE, SIDE)).receptive_field for number in range(50)]
    assert found.count((0, 0)) < 0.6 * len(found)  # of networks that are odder than those that people build
