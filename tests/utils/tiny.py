"""A data set and networks so small that a test trains in well under a second."""

import torch
from torch import nn

from utils.data.dataset import Data, Split

CLASSES = ("top", "bottom", "left", "right")


def tiny_split(n: int, *, seed: int) -> Split:
    """Noise with one bright half: the class says which. uint8 (n, 2, 6, 6)."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 120, (n, 2, 6, 6), generator=generator)
    labels = torch.arange(n) % len(CLASSES)
    for image, label in zip(images, labels.tolist(), strict=True):
        half = (slice(None), slice(0, 3), slice(None)) if label == 0 else (slice(None), slice(3, 6), slice(None))
        if label >= 2:
            half = (slice(None), slice(None), slice(0, 3) if label == 2 else slice(3, 6))
        image[half] += 100
    return Split(images=images.to(torch.uint8), labels=labels)


def tiny_data() -> Data:
    """64 training and 24 test images."""
    train, test = tiny_split(64, seed=1), tiny_split(24, seed=2)
    return Data(
        name="halves",
        train=train,
        test=test,
        classes=CLASSES,
        source="Noise with one bright half, made by the tests.",
        mean=(0.4, 0.4),
        std=(0.25, 0.25),
    )


class TinyNet(nn.Sequential):
    """One convolution, dropout, a linear layer."""

    def __init__(self, in_channels: int = 2, num_classes: int = 4, dropout: float = 0.1):
        super().__init__(
            nn.Conv2d(in_channels, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.AvgPool2d(3),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(24, num_classes),
        )
