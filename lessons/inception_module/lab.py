"""The receptive field lab of lesson 01: what a unit of each branch of module 3a sees on a photograph."""

import torch
from torch import nn

from labs.receptive_field import field_lab
from lessons.inception_module.paper import TABLE_1
from networks.googlenet import InceptionModule
from networks.layers import ConvReLU
from utils.lab_frame.frame import Lab


def stacks() -> dict[str, nn.Sequential]:
    """GoogLeNet's five layers in front of module 3a (paper, table 1), with each of the module's branches behind them.

    Modules without numbers: (N, 3, 224, 224) -> (N, C, 28, 28), where C is 32, 128, 64 and 32.
    """
    with torch.device("meta"):
        stem = nn.Sequential(
            ConvReLU(3, 64, kernel_size=7, stride=2),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            ConvReLU(64, 64, kernel_size=1),
            ConvReLU(64, 192, kernel_size=3),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
        module = InceptionModule(192, TABLE_1["3a"].widths)
    branches = {"5×5": module.five, "3×3": module.three, "1×1": module.pointwise, "pool": module.pool}
    return {f"the {name} branch of 3a": nn.Sequential(stem, branch) for name, branch in branches.items()}


def unit_lab() -> Lab:
    """The receptive field lab of lesson 01, set to the middle unit of the 5×5 branch."""
    return field_lab(
        stacks(),
        question="<b>Receptive field lab.</b> What does one unit of each branch see of the photograph, and how much of it is padding?",
    )
