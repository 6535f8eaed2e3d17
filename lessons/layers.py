"""The two convolution layers that every network of the family is made of.

`ConvReLU` is the layer of GoogLeNet (2014): a convolution with a bias, then a ReLU.
`ConvBNAct` is the layer of every network since batch normalisation (2015): a convolution without a bias,
batch normalisation, then an activation.
"""

from collections import OrderedDict

from torch import nn

Size = int | tuple[int, int]


def pair(size: Size) -> tuple[int, int]:
    """(height, width) of a kernel or stride given as one number or as two."""
    return (size, size) if isinstance(size, int) else tuple(size)


def padding_of(padding: str, kernel_size: Size) -> tuple[int, int]:
    """Zeros on each side, (vertical, horizontal), for "same" or "valid" padding of an odd kernel.

    "same" puts k // 2 zeros on every side: with stride 1 the grid keeps its size. "valid" puts none.

    Raises:
        ValueError: another word, or "same" with an even kernel (no equal number of zeros on both sides fits it).
    """
    height, width = pair(kernel_size)
    if padding == "valid":
        return 0, 0
    if padding != "same":
        raise ValueError(f'padding is {padding!r}; it can be "same" or "valid".')
    if height % 2 == 0 or width % 2 == 0:
        raise ValueError(
            f'"same" padding needs an odd kernel, and this one is {height} x {width}. '
            'Use an odd kernel, or padding="valid".'
        )
    return height // 2, width // 2


def require_positive(**values: int) -> None:
    """Raise a ValueError that names the first argument that is not a whole number above zero."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}; it must be a whole number, 1 or more.")


class ConvReLU(nn.Sequential):
    """Convolution with a bias, then ReLU: the layer of "Going deeper with convolutions", section 5.

    (N, in_channels, H, W) -> (N, out_channels, H', W'), with H' = H and W' = W for "same" padding and stride 1.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: Size,
        stride: Size = 1,
        padding: str = "same",
    ):
        require_positive(in_channels=in_channels, out_channels=out_channels)
        conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride=stride, padding=padding_of(padding, kernel_size)
        )
        super().__init__(OrderedDict(conv=conv, activation=nn.ReLU()))


class ConvBNAct(nn.Sequential):
    """Convolution without a bias, batch normalisation, activation: the layer of every network since BN-Inception.

    The bias would be subtracted again by the normalisation, so it is left out ("Batch Normalization", section 3.2).
    `activation=None` leaves the layer linear after the normalisation. `eps` is 1e-3 in all of Google's networks.

    (N, in_channels, H, W) -> (N, out_channels, H', W'), with H' = H and W' = W for "same" padding and stride 1.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: Size,
        stride: Size = 1,
        padding: str = "same",
        groups: int = 1,
        eps: float = 1e-3,
        activation: type[nn.Module] | None = nn.ReLU,
    ):
        require_positive(in_channels=in_channels, out_channels=out_channels, groups=groups)
        layers = OrderedDict(
            conv=nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride=stride,
                padding=padding_of(padding, kernel_size),
                groups=groups,
                bias=False,
            ),
            norm=nn.BatchNorm2d(out_channels, eps=eps),
        )
        if activation is not None:
            layers["activation"] = activation()
        super().__init__(layers)
