"""A first claim to test: GoogLeNet against AlexNet ("Going deeper with convolutions", arXiv 1409.4842, section 1)."""

import torch
from torch import nn

from course.ledger import Claim, Finding
from networks.catalog import create
from utils.cost.table import profile

WHERE = "Going deeper with convolutions, section 1"
PRINTED_FACTOR = 12  # "12 times fewer parameters", section 1
PRINTED_BUDGET = 1.5e9  # multiply-adds at inference, section 1


def alexnet() -> nn.Sequential:
    """AlexNet (Krizhevsky and others, 2012, figure 2), with its second, fourth and fifth layer in two groups.

    (N, 3, 227, 227) -> (N, 1000)
    """
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, stride=4),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 1000),
    )


def _fewer_than_alexnet() -> Finding:
    with torch.device("meta"):
        before, after = profile(alexnet(), (3, 227, 227)), profile(create("googlenet"), (3, 224, 224))
    factor = before.parameters / after.parameters
    holds = abs(factor - PRINTED_FACTOR) < 0.5
    return Finding(
        f"AlexNet {before.parameters:,}, GoogLeNet (paper) {after.parameters:,} parameters: {factor:.1f} times fewer",
        "holds" if holds else "holds in part" if factor > 2 else "does not hold",
        "far fewer, but not by that factor: a later paper counts 5 million for GoogLeNet, and 60 / 5 = 12",
    )


def _budget() -> Finding:
    with torch.device("meta"):
        macs = profile(create("googlenet"), (3, 224, 224)).macs
    return Finding(
        f"{macs:,} multiply-adds (variant paper, 224 × 224)",
        "holds" if macs <= PRINTED_BUDGET else "holds in part",
        "a little over with the 7×7 first layer of the text; lesson 02 finds the layer that fits the table",
    )


CLAIMS = (
    Claim(1, "GoogLeNet has 12 times fewer parameters than AlexNet.", WHERE, "12×", _fewer_than_alexnet),
    Claim(4, "GoogLeNet stays within 1.5 billion multiply-adds at inference.", WHERE, "1.5 billion", _budget),
)
