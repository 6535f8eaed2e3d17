"""Xception: figure 5 of "Xception: deep learning with depthwise separable convolutions" (arXiv 1610.02357).

Its blocks can be aligned as DeepLab did (arXiv 1802.02611): `networks.deeplab_xception`.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from networks.base import PAPER, Network, Options
from networks.layers import ConvBNAct, HalvingMaxPool, Outputs, SeparableConv


class SeparableConvBN(nn.Sequential):
    """A 3 x 3 separable convolution and its normalisation ("SeparableConv" in figure 5).

    (N, in_channels, H, W) -> (N, out_channels, H', W'), H' = ceil(H / stride)

    Args:
        in_channels, out_channels: channels in and out.
        stride: of the depthwise half.
        aligned: normalise between the two halves, too, as DeepLab does. Xception has nothing there.
        activation: end in a ReLU; with `aligned` there is one between the halves as well.
        eps: of the normalisation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        aligned: bool = False,
        activation: bool = False,
        eps: float = 1e-3,
    ):
        super().__init__()
        between = None
        if aligned:
            between = nn.Sequential(nn.BatchNorm2d(in_channels, eps=eps), *([nn.ReLU()] if activation else []))
        self.conv = SeparableConv(in_channels, out_channels, stride=stride, between=between)
        self.norm = nn.BatchNorm2d(out_channels, eps=eps)
        if activation:
            self.activation = nn.ReLU()


class XceptionBlock(nn.Module):
    """One residual block of figure 5: a ReLU before each separable convolution, and a skip around them.

    (N, in_channels, H, W) -> (N, widths[-1], H', W'), H' = ceil(H / stride). The skip is the identity where the shapes
    agree, else a 1 x 1 convolution with that stride.

    Args:
        in_channels: channels in.
        widths: those of the separable convolutions.
        stride: 2 to halve the grid.
        pool: the pool that halves it. Without one the last separable convolution has the stride, as in DeepLab.
        opens_with_relu: False in the first block of figure 5, where the layer before has just had its ReLU.
        aligned, eps: as in `SeparableConvBN`.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        *,
        stride: int = 1,
        pool: nn.Module | None = None,
        opens_with_relu: bool = True,
        aligned: bool = False,
        eps: float = 1e-3,
    ):
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        for position, width in enumerate(widths, start=1):
            if opens_with_relu or position > 1:
                layers.append(nn.ReLU())
            last_stride = stride if pool is None and position == len(widths) else 1
            layers.append(SeparableConvBN(channels, width, stride=last_stride, aligned=aligned, eps=eps))
            channels = width
        if pool is not None:
            layers.append(pool)
        self.body = nn.Sequential(*layers)
        if stride == 1 and channels == in_channels:
            self.skip: nn.Module = nn.Identity()
        else:
            conv = nn.Conv2d(in_channels, channels, kernel_size=1, stride=stride, bias=False)
            self.skip = nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(channels, eps=eps)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x) + self.skip(x)
        return y


class SeparableStack(nn.Sequential):
    """The end of the exit flow: separable convolutions, each with its ReLU behind it, and no skip.

    (N, in_channels, H, W) -> (N, widths[-1], H, W)
    """

    def __init__(self, in_channels: int, widths: tuple[int, ...], *, aligned: bool = False, eps: float = 1e-3):
        layers = []
        for width in widths:
            layers.append(SeparableConvBN(in_channels, width, aligned=aligned, activation=True, eps=eps))
            in_channels = width
        super().__init__(*layers)


@dataclass(frozen=True)
class Block:
    """One row of a flow: the widths of its separable convolutions, and whether it halves the grid."""

    widths: tuple[int, ...]
    halves: bool = False


STEM = (32, 64)  # block1: two ordinary 3 x 3 convolutions


# Figure 5.
ENTRY_FLOW = {
    "block2": Block(widths=(128, 128), halves=True),
    "block3": Block(widths=(256, 256), halves=True),
    "block4": Block(widths=(728, 728), halves=True),
}


MIDDLE_FLOW = Block(widths=(728, 728, 728))


MIDDLE_REPEATS = 8  # block5 to block12


BLOCK_13 = Block(widths=(728, 1024), halves=True)


BLOCK_14 = Block(widths=(1536, 2048))


class Xception(Network):
    """Xception, figure 5: (N, in_channels, 299, 299) -> (N, num_classes).

    36 convolutions in 14 blocks, where a separable one counts once.

    variant="paper": the author's own code, Keras. Pools are padded as TensorFlow pads them, which on the even grid of
    74 is one row at the far end only; epsilon is 1e-3.
    variant="released": the same network for the weights' PyTorch copies (timm, Cadene), with one row of padding at both
    ends of every pool, and epsilon 1e-5.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    def __init__(self, options: Options = PAPER):
        super().__init__(options)
        scale = self.scale
        eps = 1e-3 if options.variant == "paper" else 1e-5
        padding = scale.padding("valid")

        first, second = map(scale.channels, STEM)
        conv1 = ConvBNAct(options.in_channels, first, kernel_size=3, stride=scale.stride(1), padding=padding, eps=eps)
        conv2 = ConvBNAct(first, second, kernel_size=3, padding=padding, eps=eps)
        self.block1 = nn.Sequential(OrderedDict(conv1=conv1, conv2=conv2))

        rows = dict(ENTRY_FLOW)
        rows |= {f"block{5 + number}": MIDDLE_FLOW for number in range(scale.repeats(MIDDLE_REPEATS))}
        rows["block13"] = BLOCK_13
        channels, halvings = second, 1
        for name, row in rows.items():
            halvings += row.halves
            stride = scale.stride(halvings) if row.halves else 1
            pool = None
            if stride == 2:
                pool = HalvingMaxPool() if options.variant == "paper" else nn.MaxPool2d(3, stride=2, padding=1)
            widths = tuple(map(scale.channels, row.widths))
            opens_with_relu = name != "block2"
            block = XceptionBlock(channels, widths, stride=stride, pool=pool, opens_with_relu=opens_with_relu, eps=eps)
            self.add_module(name, block)
            channels = widths[-1]

        widths = tuple(map(scale.channels, BLOCK_14.widths))
        self.block14 = SeparableStack(channels, widths, eps=eps)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(widths[-1], options.num_classes)
        self.finish()

    def middle_flow(self) -> Iterator[nn.Module]:
        """block5 to block12; block5 and block6 at mini size."""
        return (self.get_submodule(f"block{5 + number}") for number in range(self.scale.repeats(MIDDLE_REPEATS)))

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.block1(images)  # 64, 147, 147
        x = self.block2(x)  # 128, 74, 74
        x = self.block3(x)  # 256, 37, 37
        x = self.block4(x)  # 728, 19, 19
        for block in self.middle_flow():
            x = block(x)  # 728, 19, 19
        x = self.block13(x)  # 1024, 10, 10
        x = self.block14(x)  # 2048, 10, 10
        x = self.global_pool(x).flatten(1)  # 2048
        logits = self.classifier(self.dropout(x))  # num_classes
        return Outputs(logits, ()) if with_aux is True else logits
