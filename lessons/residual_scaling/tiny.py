"""Tiny residual networks on handwritten digits that are trained for forty steps: which of them break, by width, scale and rate.

Four blocks as in figure 16, on a grid of 4 x 4. Their learning rates are far higher than one would choose: the paper's
trouble, a last layer that puts out nothing but zeros, comes within seconds here, and in narrow networks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import update_bn

from course.experiments import Result
from lessons.residual_scaling.stacks import dead_share, size, widths_of
from networks.inception_resnet_v1 import InceptionResNetA
from networks.layers import ConvBNAct
from utils.data.sets import load
from utils.show.display import passing_bar
from utils.train.loop import seeded
from utils.train.snapshots import Snapshots, steps_to_keep

BLOCKS, STEPS, BATCH, MOMENTUM = 4, 40, 32, 0.9
WIDTHS, SCALES, RATES = (16, 64), (0.1, 0.3, 1.0), (0.1, 1.0, 3.0)
WATCHED = {"first layer": "0"} | {f"block {number}": f"{number}" for number in range(1, BLOCKS + 1)}
NUMBERS_LOST, DEAD = "left the numbers", "dead"


@dataclass(frozen=True)
class Tiny:
    """One trained network: `sizes` behind the first layer and each block on the test images, `dead` the share of the last block's
    channels that are zero everywhere, `accuracy` from 0 to 1. `fate` is a word for how it broke, or empty. `kept` is what it was
    like on the way, where that was asked for."""

    channels: int
    scale: float
    rate: float
    sizes: tuple[float, ...]
    dead: float
    accuracy: float
    kept: Snapshots | None = field(default=None, repr=False, compare=False)

    @property
    def fate(self) -> str:
        if not all(math.isfinite(each) for each in self.sizes):
            return NUMBERS_LOST
        return DEAD if self.dead == 1 else ""


def network(channels: int, scale: float) -> nn.Sequential:
    """(N, 1, 8, 8) -> (N, 10)"""
    blocks = [InceptionResNetA(channels, widths_of(channels), scale=scale) for _ in range(BLOCKS)]
    return nn.Sequential(
        ConvBNAct(1, channels, kernel_size=3, stride=2),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, 10),
    )


def trained(channels: int, scale: float, rate: float, seed: int = 0, watched: bool = False) -> Tiny:
    """Train a tiny network by SGD with momentum; `watched` keeps some steps of it. The same network again takes no time."""
    return _trained(channels, scale, rate, seed, watched)


@lru_cache(maxsize=128)
def _trained(channels: int, scale: float, rate: float, seed: int, watched: bool) -> Tiny:
    data = load("digits")
    kept = Snapshots(data, layers=WATCHED) if watched else None
    steps = steps_to_keep(STEPS, 1) if watched else []
    images, labels = data.normalise(data.train.images), data.train.labels
    with seeded(seed):  # on a CPU: networks of this size are no faster on a GPU
        net = network(channels, scale)
        optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=MOMENTUM)
        for step in range(STEPS + 1):
            if kept is not None and step in steps:
                kept.look(net, step)
            if step == STEPS:
                break
            batch = torch.randint(len(images), (BATCH,))
            loss = F.cross_entropy(net(images[batch]), labels[batch])
            if not loss.isfinite():
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        # Running statistics lag behind weights that jump: they are taken anew, with the weights as they are.
        update_bn([images[:512]], net)
    net.eval()
    with torch.no_grad():
        x, sizes = data.normalise(data.test.images), []
        for layer in net[: BLOCKS + 1]:
            x = layer(x)
            sizes.append(size(x))
        accuracy = (net[BLOCKS + 1 :](x).argmax(dim=1) == data.test.labels).float().mean().item()
    return Tiny(channels, scale, rate, tuple(sizes), dead_share(x), accuracy, kept)


def train_all(
    widths: Sequence[int] = WIDTHS, scales: Sequence[float] = SCALES, rates: Sequence[float] = RATES, seed: int = 0
) -> list[Tiny]:
    """One network for each width, rate and scale, with a progress bar."""
    settings = [(channels, scale, rate) for channels in widths for rate in rates for scale in scales]
    networks = []
    with passing_bar(total=len(settings), desc="tiny networks") as bar:
        for channels, scale, rate in settings:
            networks.append(trained(channels, scale, rate, seed))
            bar.update()
    return networks


def in_words(networks: Sequence[Tiny]) -> str:
    """How many of the networks broke at each scale, and which widths those were."""
    sentences = []
    for scale in sorted({each.scale for each in networks}):
        of_scale = [each for each in networks if each.scale == scale]
        broken = [each for each in of_scale if each.fate]
        which = ", ".join(f"{each.channels} channels at rate {each.rate:g} ({each.fate})" for each in broken)
        sentences.append(f"Scale {scale:g}: {len(broken)} of {len(of_scale)} broke{f': {which}' if broken else ''}.")
    return "\n".join(sentences)


def deaths(result: Result) -> str:
    """How many networks of an experiment that measures `dead`, in per cent, died, arm by arm, and how many channels did."""
    lines = []
    for arm, runs in result.runs.items():
        if runs:
            shares = [run.measures["dead"] for run in runs]
            died = sum(share == 100 for share in shares)
            lines.append(
                f"{arm}: {died} of {len(runs)} networks died; at most {max(shares):.1f} % of the channels are dead"
            )
    return "\n".join(lines)
