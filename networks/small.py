"""The frame of the small networks that the experiments compare: only what stands inside of it differs."""

from collections.abc import Callable

from torch import nn

from networks.layers import ConvBNAct
from utils.data.dataset import Data

STEM = 16  # channels that the first stage gets, on a grid of 16 x 16


class SmallNet(nn.Sequential):
    """A first 3 x 3 layer of stride 2, the stages, global average pooling and a dense layer.

    (N, C, 32, 32) -> (N, classes)

    Args:
        data: the images and classes that it is for.
        stages: what is compared; the first one gets (N, STEM, 16, 16).
        out_channels: channels of the last stage.
        conv: the first layer's kind.
    """

    def __init__(self, data: Data, *stages: nn.Module, out_channels: int, conv: Callable[..., nn.Module] = ConvBNAct):
        super().__init__(
            conv(data.image_shape[0], STEM, kernel_size=3, stride=2),
            *stages,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(out_channels, len(data.classes)),
        )
