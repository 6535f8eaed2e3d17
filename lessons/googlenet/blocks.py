"""The auxiliary classifier of figure 3 of "Going deeper with convolutions" (arXiv 1409.4842)."""

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from lessons.layers import ConvReLU


class AuxiliaryHead(nn.Sequential):
    """The side branch of figure 3 ("softmax0", "softmax1"; section 5): a small classifier on an early grid.

    (N, in_channels, 14, 14) -> (N, num_classes)

    Args:
        in_channels: channels of the grid that it looks at.
        num_classes: number of logits.
        conv_width, dense_width: widths of the 1 x 1 convolution and of the dense layer: 128 and 1024 in the paper.
        grid: side of the pooled grid, 4 in the paper. Its 5 x 5 pool with stride 3 makes 4 x 4 of 14 x 14; for images
            of another size the result is pooled once more, to this grid, so that the dense layer fits.
        adaptive: leave out the 5 x 5 pool and divide the grid into 4 x 4 equal windows, as torchvision does.
        conv: the layer to use; `ConvReLU` is the paper's.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        conv_width: int = 128,
        dense_width: int = 1024,
        grid: int = 4,
        adaptive: bool = False,
        conv: Callable[..., nn.Module] = ConvReLU,
    ):
        layers = OrderedDict()
        if not adaptive:
            layers["pool"] = nn.AvgPool2d(5, stride=3)
        layers["grid"] = nn.AdaptiveAvgPool2d(grid)
        layers["conv"] = conv(in_channels, conv_width, kernel_size=1)
        layers["flatten"] = nn.Flatten()
        layers["dense"] = nn.Linear(conv_width * grid * grid, dense_width)
        layers["activation"] = nn.ReLU()
        layers["dropout"] = nn.Dropout(0.7)
        layers["classifier"] = nn.Linear(dense_width, num_classes)
        super().__init__(layers)
