"""Depth as the papers count it: with pools, and with a separable convolution as one layer."""

import torch
from torch import nn

from networks.layers import HalvingMaxPool, SeparableConv
from utils.cost.trace import trace


def test_pools_count_where_asked():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), HalvingMaxPool(), nn.LocalResponseNorm(5), nn.Conv2d(4, 4, 1), nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
    )  # fmt: skip
    record = trace(net, (3, 32, 32))
    assert record.depth() == 3
    assert record.depth(pools=True) == 6


def test_a_mean_over_the_grid_is_a_pool():
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.conv(x).mean((2, 3))

    assert trace(Mean(), (3, 8, 8)).depth(pools=True) == 2


def test_a_separable_convolution_counts_twice_or_once():
    net = nn.Sequential(SeparableConv(3, 8), nn.Conv2d(8, 8, 3, groups=2), SeparableConv(8, 4, depth_multiplier=2))
    record = trace(net, (3, 8, 8))
    assert record.depth() == 5
    assert record.depth(separable_once=True) == 3


def test_the_factor_of_a_product_is_noted():
    class Scaled(nn.Module):
        def forward(self, x):
            return 0.25 * x * torch.sigmoid(x)

    factors = [o.factor for o in trace(Scaled(), (1, 2, 2)).operations if o.name == "mul"]
    assert factors == [0.25, None]
