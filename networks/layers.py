"""The layers that every network of the family is made of.

`ConvReLU` is the layer of GoogLeNet (2014): a convolution with a bias, then a ReLU.
`ConvBNAct` is the layer of every network since batch normalisation (2015): a convolution without a bias,
batch normalisation, then an activation.
`chain` puts several of them one after another, `Branches` puts modules side by side.
`convolve` is how they call a convolution: the one place that knows where a 1 x 1 is faster as a matrix product.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch._jit_internal import is_scripting
from torch.jit._trace import is_tracing
from torch.nn import functional as F
from torch.nn.modules.module import _has_any_global_hook

Size = int | tuple[int, int]


class Outputs(NamedTuple):
    """What `net(images, with_aux=True)` returns: the logits, and those of the auxiliary heads in their order."""

    logits: Tensor
    aux: tuple[Tensor, ...]


def pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    """(height, width) of a kernel or stride given as one number or as two."""
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


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


# A 1 x 1 convolution in one product for the batch (`F.linear`), as a share of torch's time forward and backward, measured
# on a Zen 4 core and two, float32, channels-last, 2 ** 15 to 2 ** 19 weights. "Places" are those of the whole batch.
#     image by image, as torch multiplies with one thread and fewer than 16 images:
#         2 to 15 images, up to 2,300 places: 0.3 to 1.07, the less the smaller the grid; 6,000 places: 0.97 to 1.12
#     by oneDNN, with 16 images or more, or two threads:
#         up to 300 places: 0.2 to 1.1, rarely above 1; 500 places: 0.7 to 1.15; 1,000 places: 0.9 to 1.1; 6,000: 1.0 to 1.3
# One image (0.3 to 1.4) and fewer weights (0.4 to 1.25) lose as often as they gain. More threads were not measured.
ONE_PRODUCT_WEIGHTS = 2**15
ONE_PRODUCT_PLACES = {"image by image": 2**11, "oneDNN": 400}


def is_faster_as_one_product(layer: nn.Module, x: Tensor) -> bool:
    """Whether a layer is a 1 x 1 convolution that a CPU does faster as one matrix product, to the same numbers.

    Never where something looks at the layer or takes the network down: a hook, a forward that was put in its place,
    `torch.fx`, `torch.compile`, `torch.export`, `torch.jit`, autocast.
    """
    if type(layer) is not nn.Conv2d or layer.kernel_size != (1, 1):
        return False
    if torch.compiler.is_compiling() or is_tracing():
        return False
    return (
        type(x) is Tensor
        and x.ndim == 4
        and len(x) > 1
        and layer.weight.numel() >= ONE_PRODUCT_WEIGHTS
        and _is_small(x)
        and x.device.type == "cpu"
        and x.dtype == layer.weight.dtype == torch.float32
        and (layer.stride, layer.padding, layer.groups) == ((1, 1), (0, 0), 1)
        and x.shape[1] == layer.in_channels
        and not x.is_contiguous()
        and x.permute(0, 2, 3, 1).is_contiguous()  # channels-last, also where vmap keeps the batch to itself
        and not torch.is_autocast_enabled("cpu")
        and not _is_looked_at(layer)
    )


def _is_small(x: Tensor) -> bool:
    """Whether the batch has so few places that one product gains, by what torch would do with it."""
    threads = torch.get_num_threads()
    way = "image by image" if threads == 1 and len(x) < 16 else "oneDNN"
    return threads <= 2 and len(x) * x.shape[2] * x.shape[3] <= ONE_PRODUCT_PLACES[way]


def convolve(layer: nn.Module, x: Tensor) -> Tensor:
    """`layer(x)`, for any layer; a 1 x 1 convolution as one matrix product where that is faster."""
    if not is_faster_as_one_product(layer, x):
        y: Tensor = layer(x)
        return y
    assert isinstance(layer, nn.Conv2d)
    return F.linear(x.permute(0, 2, 3, 1), layer.weight.flatten(1), layer.bias).permute(0, 3, 1, 2)


def _is_looked_at(layer: nn.Module) -> bool:
    """Whether a hook, or a forward in place of its own, sees what goes into a layer and what comes out."""
    return bool(
        "forward" in vars(layer)
        or layer._forward_hooks
        or layer._forward_pre_hooks
        or layer._backward_hooks
        or layer._backward_pre_hooks
        or _has_any_global_hook()
    )


def may_overwrite(layer: nn.Module, before: nn.Module | None, x: Tensor) -> bool:
    """Whether a layer is a ReLU that may write into `x`: the layer before has just made it, and nobody else sees it.

    The numbers are the same, and a pass through the memory is saved: up to 3 % of a network's time.
    """
    return (
        type(layer) is nn.ReLU
        and type(before) in (nn.Conv2d, nn.BatchNorm2d)
        and type(x) is Tensor
        and x._base is None  # in a view, as a product gives, it costs more than it saves
        and not (torch.compiler.is_compiling() or is_tracing())
        and not (_is_looked_at(layer) or _is_looked_at(before))  # type: ignore[arg-type]  # it is a module by now
    )


class Layers(nn.Sequential):
    """Layers one after another, the convolutions among them through `convolve`, a ReLU in place where nobody sees it."""

    def forward(self, x: Tensor) -> Tensor:
        if is_scripting():
            for layer in self:
                x = layer(x)
        else:
            before = None
            for layer in self:
                x = F.relu_(x) if may_overwrite(layer, before, x) else convolve(layer, x)
                before = layer
        return x


class ConvReLU(Layers):
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
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride=stride, padding=padding_of(padding, kernel_size)
        )
        self.activation = nn.ReLU()


class ConvBNAct(Layers):
    """Convolution without a bias, batch normalisation, activation: the layer of every network since BN-Inception.

    The bias would be subtracted again by the normalisation, so it is left out ("Batch Normalization", section 3.2);
    `bias=True` is for public weights that have one. `activation=None` leaves the layer linear after the normalisation.
    `eps` is 1e-3 in all of Google's networks.

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
        bias: bool = False,
        eps: float = 1e-3,
        activation: type[nn.Module] | None = nn.ReLU,
    ):
        require_positive(in_channels=in_channels, out_channels=out_channels, groups=groups)
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding_of(padding, kernel_size),
            groups=groups,
            bias=bias,
        )
        self.norm = nn.BatchNorm2d(out_channels, eps=eps)
        if activation is not None:
            self.activation = activation()


def chain(
    in_channels: int,
    *convs: tuple[int, Size],
    stride: Size = 1,
    padding: str = "same",
    conv: Callable[..., nn.Module] = ConvBNAct,
) -> nn.Sequential:
    """Convolutions one after another: one branch of a figure, read from the bottom up.

    (N, in_channels, H, W) -> (N, C, H', W'), where C is the width of the last convolution.

    Args:
        in_channels: channels that come in.
        convs: (out_channels, kernel_size) of each convolution.
        stride, padding: those of the last convolution; the ones before it keep the grid, as in all of the figures.
        conv: the layer to use.
    """
    layers = []
    for position, (out_channels, kernel_size) in enumerate(convs, start=1):
        last = {"stride": stride, "padding": padding} if position == len(convs) else {}
        layers.append(conv(in_channels, out_channels, kernel_size=kernel_size, **last))
        in_channels = out_channels
    return nn.Sequential(*layers)


class Branches(nn.Module):
    """Several views of one grid, side by side: each child sees the input, and their outputs are concatenated.

    A subclass names its branches (`self.pointwise = ...`) in the order of its figure, from left to right.
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class HalvingMaxPool(nn.MaxPool2d):
    """3 x 3 max pooling with stride 2 and "same" padding as TensorFlow means it: a side of n becomes ceil(n / 2).

    On an odd side there is one row of padding at each end, on an even side one at the far end only. So the output
    always fits beside that of a 3 x 3 convolution with stride 2, and on an even grid it equals Caffe's pooling.
    """

    def __init__(self) -> None:
        super().__init__(kernel_size=3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return F.max_pool2d(x, self.kernel_size, self.stride, padding=(height % 2, width % 2), ceil_mode=True)


def average_pool(*, count_include_pad: bool = False) -> nn.AvgPool2d:
    """3 x 3 average pooling with stride 1 on the same grid: the pool of an Inception module's last branch.

    At the border a window hangs over. Google's code, and Keras, average the values that are there
    (`count_include_pad=False`); Caffe and torchvision count the zeros of the padding too, and so must their weights.
    """
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=count_include_pad)


class SeparableConv(Layers):
    """A depthwise convolution, each channel by itself, then a pointwise (1 x 1) one that mixes the channels.

    Neither has a bias, and nothing is between them ("Xception", section 4.7, finds that best); DeepLab puts a
    normalisation there. What follows is left to the caller.

    (N, in_channels, H, W) -> (N, out_channels, H', W'), with "same" padding.

    Args:
        in_channels, out_channels: channels in and out.
        kernel_size, stride: those of the depthwise convolution.
        depth_multiplier: how many filters look at each channel.
        between: what to put between the two, such as a normalisation; None for nothing.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: Size = 3,
        stride: Size = 1,
        depth_multiplier: int = 1,
        between: nn.Module | None = None,
    ):
        require_positive(in_channels=in_channels, out_channels=out_channels, depth_multiplier=depth_multiplier)
        depthwise_width = in_channels * depth_multiplier
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels,
            depthwise_width,
            kernel_size,
            stride=stride,
            padding=padding_of("same", kernel_size),
            groups=in_channels,
            bias=False,
        )
        if between is not None:
            self.between = between
        self.pointwise = nn.Conv2d(depthwise_width, out_channels, kernel_size=1, bias=False)
