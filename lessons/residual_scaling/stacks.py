"""Stacks of untrained blocks: what becomes of a signal on its way through them, and of its gradient on the way back.

The blocks have the branches of figure 16 of "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261), with a quarter, a quarter and
half of the sum's channels. Nothing here is trained.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from networks.inception_resnet_v1 import InceptionResNetA, ResidualWidths
from networks.layers import ConvBNAct
from utils.train.loop import seeded

BLOCKS = 20
SCALES = (0.1, 0.3, 1.0)


class PlainBlock(InceptionResNetA):
    """The residual block without its sum: branches, 1 x 1, normalisation, ReLU. (N, C, H, W) -> the same"""

    def __init__(self, in_channels: int, widths: ResidualWidths):
        super().__init__(in_channels, widths)
        self.up = ConvBNAct(widths.concatenated, in_channels, kernel_size=1, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.up(torch.cat([branch(x) for branch in self.branches()], dim=1)))


def widths_of(channels: int) -> ResidualWidths:
    """Branches in figure 16's proportions for a sum of so many channels.

    Raises:
        ValueError: a number that does not divide by four.
    """
    if channels < 4 or channels % 4:
        raise ValueError(f"channels is {channels}; it must divide by 4, since the branches get quarters of it.")
    quarter = channels // 4
    return ResidualWidths(pointwise=quarter, single=(quarter,) * 2, stacked=(quarter, quarter, 2 * quarter))


def stack(channels: int, blocks: int, scale: float | None, *, is_normalised: bool = True) -> nn.Sequential:
    """Untrained blocks, one on the other: residual ones, or plain ones where `scale` is None. (N, C, H, W) -> the same

    The 1 x 1 in front of each sum gets weights of He's size and no bias, so that a residual's mean square is about 1. Without
    normalisation all convolutions get such weights, and a residual is about as large as what its block was given.
    """
    layers = []
    for _ in range(blocks):
        if scale is None:
            layers.append(PlainBlock(channels, widths_of(channels)))
            continue
        block = InceptionResNetA(channels, widths_of(channels), scale=scale)
        nn.init.kaiming_normal_(block.up.weight)
        nn.init.zeros_(block.up.bias)
        if not is_normalised:
            _take_normalisation_out(block)
        layers.append(block)
    return nn.Sequential(*layers)


def _take_normalisation_out(block: nn.Module) -> None:
    for module in list(block.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.Conv2d):
                nn.init.kaiming_normal_(child.weight)


def size(x: Tensor) -> float:
    """Root of the mean square: how large the activations are. 0 for zeros only."""
    return x.square().mean().sqrt().item()


def dead_share(x: Tensor) -> float:
    """The share of channels of (N, C, H, W) that are zero everywhere, on every image."""
    return (x.abs().amax(dim=(0, 2, 3)) == 0).float().mean().item()


@dataclass(frozen=True)
class Passage:
    """What happened in a stack: the size of what went in and came out of each block, and the share of dead channels behind it."""

    sizes: tuple[float, ...]  # one more than there are blocks
    dead: float


@lru_cache(maxsize=8)
def _prepared(channels: int, blocks: int, is_normalised: bool) -> tuple[Tensor, nn.Sequential]:
    """What goes into a stack, and the stack; its weights are the same for every scale."""
    with seeded(0):
        given = torch.randn(32, channels, 4, 4).relu()
        return given / size(given), stack(channels, blocks, 1.0, is_normalised=is_normalised)


@torch.no_grad()
def passage(channels: int, scale: float, *, is_normalised: bool = True, blocks: int = BLOCKS) -> Passage:
    """Random images of 4 x 4 through an untrained stack that normalises with their own statistics, as in training."""
    x, layers = _prepared(channels, blocks, is_normalised)
    sizes = [size(x)]
    for block in layers:
        block.scale = scale
        x = block(x)
        sizes.append(size(x))
    return Passage(tuple(sizes), dead_share(x))


@torch.no_grad()
def independent(blocks: int, scale: float, normalised: bool, channels: int = 256) -> list[float]:
    """The size after 0, 1, 2, ... blocks that add independent residuals of one random linear layer, without a ReLU.

    Normalised residuals have a mean square of 1, others that of what the block was given.
    """
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(64, channels, generator=draws)
    sizes = [size(x)]
    for _ in range(blocks):
        residual = x @ torch.randn(channels, channels, generator=draws) / channels**0.5
        x = x + scale * (residual / size(residual) if normalised else residual)
        sizes.append(size(x))
    return sizes


def gradients(channels: int, scale: float | None, blocks: int = BLOCKS) -> list[float]:
    """The length of the gradient at what each block was given, as a multiple of that at the end of the stack."""
    with seeded(0):
        x = torch.randn(32, channels, 4, 4).relu().requires_grad_()
        values = [x]
        for block in stack(channels, blocks, scale):
            values.append(block(values[-1]))
        lengths = [grad.norm() for grad in torch.autograd.grad(values[-1], values, torch.randn(values[-1].shape))]
    return [(length / lengths[-1]).item() for length in lengths]


@torch.no_grad()
def through(photo: Tensor, block, blocks: int, copies: int = 12) -> tuple[Tensor, float]:
    """A photograph (3, H, W), from 0 to 1, behind so many untrained blocks: what is left of it, and how alike the two are.

    `block(channels)` makes a block. Each colour goes in `copies` times, and comes out as the mean of the channels that began as
    it. What is left is brought to the photograph's own brightness and contrast. Likeness is a correlation: 1 is the same.
    """
    with seeded(0):
        layers = nn.Sequential(*(block(3 * copies) for _ in range(blocks))).train()
        left = layers(photo.repeat(copies, 1, 1)[None])[0].unflatten(0, (copies, 3)).mean(dim=0)
    alike = torch.corrcoef(torch.stack([left.flatten(), photo.flatten()]))[0, 1].item()
    centred, own = (image - image.mean(dim=(1, 2), keepdim=True) for image in (left, photo))
    shown = centred / centred.std() * own.std() + photo.mean(dim=(1, 2), keepdim=True)
    return shown.clamp(0, 1), alike
