"""A data set in memory: images and their classes, divided into a training and a test split."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from utils.data.stream import Stream


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their classes, in the same order: `images` uint8 (N, C, H, W), `labels` int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: str | torch.device) -> "Split":
        """The same split on another device."""
        return Split(images=self.images.to(device), labels=self.labels.to(device))

    # What training reads, and what a `utils.data.stream.Stream` has too.

    def order(self, generator: torch.Generator) -> Tensor:
        """The order of one epoch, drawn from the generator: int64 (N,)."""
        return torch.randperm(len(self), generator=generator)

    def batches(
        self, order: Tensor, batch_size: int, *, start: int = 0, share: tuple[int, int] = (0, 1)
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch's full batches, (images, labels), from number `start` on; what the last one leaves over stays out.

        With `share` = (rank, processes) each process gets its own part of every batch, in turns.
        """
        rank, processes = share
        order = order.to(self.labels.device)
        for first in range(start * batch_size, len(self) // batch_size * batch_size, batch_size):
            chosen = order[first : first + batch_size][rank::processes]
            yield self.images[chosen], self.labels[chosen]

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All images, (images, labels), as they stand; the last batch may be smaller."""
        yield from zip(self.images.split(batch_size), self.labels.split(batch_size), strict=True)

    def content(self) -> tuple[Tensor, ...]:
        """What tells this split from others."""
        return self.images, self.labels


@dataclass(frozen=True, eq=False)
class Data:
    """A data set: a training and a test split of images of one size.

    `train` is a `utils.data.stream.Stream` where the training images do not fit into memory.
    `mean` and `std` are the training images', one number a channel, with pixels counted from 0 to 1.
    `source` says in one sentence what the images are and where they come from.
    """

    name: str
    train: "Split | Stream"
    test: Split
    classes: tuple[str, ...]
    source: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every image."""
        channels, height, width = self.test.images.shape[1:]
        return channels, height, width

    def to(self, device: str | torch.device) -> "Data":
        """The same data set with both splits on another device."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))

    def normalise(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> float32 (N, C, H, W): minus the training images' mean, over their deviation.

        Images are uint8 from 0 to 255, or float from 0 to 1.
        """
        pixels = images if images.is_floating_point() else images.float() / 255
        mean = _per_channel(self.mean, images.device)
        std = _per_channel(self.std, images.device)
        return (pixels - mean) / std


def channel_statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, pixels counted from 0 to 1. A constant channel's deviation is 1."""
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in images.swapaxes(0, 1):
        parts = [np.bincount(image.ravel(), minlength=256) for image in np.array_split(channel, 16)]
        counts = np.sum(parts, axis=0)
        mean = float(counts @ values / counts.sum())
        variance = float(counts @ (values - mean) ** 2 / counts.sum())
        means.append(mean)
        deviations.append(variance**0.5 if variance > 1e-12 else 1.0)
    return tuple(means), tuple(deviations)


@lru_cache(maxsize=64)
def _per_channel(values: tuple[float, ...], device: torch.device) -> Tensor:
    """One number a channel as (C, 1, 1), put on the device once and not for every batch."""
    return torch.tensor(values, device=device).view(-1, 1, 1)
