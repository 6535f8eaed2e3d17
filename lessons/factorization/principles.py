"""The four design principles of "Rethinking" (arXiv 1512.00567), section 2, each with something that can be measured."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import measure
from networks.layers import ConvReLU, chain
from utils.cost.table import Table, profile
from utils.data.dataset import Data

WIDTHS = (4, 16, 64, 256)
DISTANCES = (1, 2, 3, 4, 6, 8)


# 1: the size of the representation should fall gently from the input to the output.


def representation(name: str = "inception_v3") -> dict[str, int]:
    """Values that each stage of a network hands on for one image, the image itself first, the logits last."""
    table = measure.cost(name)
    stages = {"image": int(np.prod(table.image_shape))}
    for row in table.rows:
        stage, *rest = row.name.split(".")
        if stage == "stem" and rest:
            stage = rest[0]
        if stage != "dropout":
            stages[stage] = int(np.prod(row.shape))
    return stages


# 2: a wider representation is easier to process locally.


def readout(data: Data, width: int, seed: int, *, linear: bool = False) -> float:
    """How well a linear classifier tells classes apart by the means of `width` random 3 x 3 filters, as a share.

    Nothing is trained but the classifier, which is solved in one step (least squares with a small ridge). With `linear`
    no ReLU follows the filters.
    """
    generator = torch.Generator().manual_seed(seed)
    channels = data.image_shape[0]
    weight = torch.randn(width, channels, 3, 3, generator=generator) * (2 / (9 * channels)) ** 0.5
    bias = torch.randn(width, generator=generator) * 0.5

    def features(images: Tensor) -> Tensor:
        views = F.conv2d(data.normalise(images), weight, bias, padding=1)
        means = (views if linear else views.relu()).mean(dim=(2, 3))
        return torch.cat([means, torch.ones(len(images), 1)], dim=1).double()

    seen, targets = features(data.train.images), F.one_hot(data.train.labels, len(data.classes)).double()
    ridge = 1e-2 * torch.eye(seen.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(seen.T @ seen + ridge, seen.T @ targets)
    guesses = (features(data.test.images) @ solved).argmax(dim=1)
    return (guesses == data.test.labels).double().mean().item()


# 3: neighbouring units are alike, so that channels can be made fewer before a window without much loss.


def activations(photo: np.ndarray, *, seed: int = 0) -> Tensor:
    """Activations (64, H', W') of a small stem with random filters on a photograph (H, W, 3)."""
    x = torch.tensor(photo).float().permute(2, 0, 1)[None] / 255
    x = (x - x.mean(dim=(2, 3), keepdim=True)) / x.std(dim=(2, 3), keepdim=True)
    generator = torch.Generator().manual_seed(seed)
    channels = x.shape[1]
    for width, stride in ((32, 2), (32, 1), (64, 1)):
        weight = torch.randn(width, channels, 3, 3, generator=generator) * (2 / (9 * channels)) ** 0.5
        x = F.conv2d(x, weight, stride=stride).relu()
        channels = width
    return F.max_pool2d(x, 3, stride=2)[0]


def shuffled(photo: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """The same pixels in random places: a photograph without neighbours."""
    order = np.random.default_rng(seed).permutation(photo.shape[0] * photo.shape[1])
    return photo.reshape(-1, photo.shape[2])[order].reshape(photo.shape)


def correlation(values: Tensor, distances: Sequence[int] = DISTANCES) -> list[float]:
    """The correlation of units so many places apart in a row, the median of the channels of (C, H, W)."""
    centred = values - values.mean(dim=(1, 2), keepdim=True)
    variance = centred.square().mean(dim=(1, 2)).clamp(min=1e-12)
    return [
        ((centred[:, :, step:] * centred[:, :, :-step]).mean(dim=(1, 2)) / variance).median().item()
        for step in distances
    ]


def kept(values: Tensor, channels: Sequence[int]) -> list[float]:
    """The share of the variance of (C, H, W) that the best 1 x 1 convolution to so many channels keeps."""
    flat = (values - values.mean(dim=(1, 2), keepdim=True)).flatten(1).double()
    strengths = torch.linalg.eigvalsh(flat @ flat.T).flip(0).clamp(min=0)
    return [(strengths[:count].sum() / strengths.sum()).item() for count in channels]


# 4: width and depth should grow together.


def grown(width: float, depth: int, *, channels: int = 64, grid: int = 35) -> Table:
    """The cost of a stack of 3 x 3 convolutions: 4 of 64 channels, made so many times as wide and as deep."""
    wide = round(channels * width)
    with torch.device("meta"):
        layers = chain(wide, *[(wide, 3)] * (4 * depth), conv=ConvReLU)
    return profile(layers, (wide, grid, grid))


def longest_path(module: nn.Module, *, pairs_as_one: bool = False) -> int:
    """Convolutions on the longest path; with `pairs_as_one`, a 1 x n and the n x 1 next to it count as one layer.

    A Sequential's children follow each other, those of any other module lie side by side.
    """
    if isinstance(module, nn.Conv2d):
        return 1
    children = list(module.children())
    if not isinstance(module, nn.Sequential):
        return max((longest_path(child, pairs_as_one=pairs_as_one) for child in children), default=0)
    length, open_window = 0, None
    for child in children:
        window = _asymmetric(child)
        if pairs_as_one and window and open_window == window[::-1]:
            open_window = None
            continue
        open_window = window
        length += longest_path(child, pairs_as_one=pairs_as_one)
    return length


def _asymmetric(layer: nn.Module) -> tuple[int, int] | None:
    """The window of a layer whose only convolution is 1 x n or n x 1."""
    windows = [part.kernel_size for part in layer.modules() if isinstance(part, nn.Conv2d)]
    return windows[0] if len(windows) == 1 and windows[0][0] != windows[0][1] else None
