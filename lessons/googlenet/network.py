"""GoogLeNet: table 1 and figure 3 of "Going deeper with convolutions" (arXiv 1409.4842)."""

from torch import Tensor, nn

from lessons.googlenet.blocks import AuxiliaryHead
from lessons.inception_module.blocks import InceptionModule, Widths
from lessons.layers import ConvBNAct, ConvReLU, Outputs
from lessons.network import Network

# Table 1, from its first row to its last.
STEM = {"conv1": 64, "conv2_reduce": 64, "conv2": 192}

# fmt: off
MODULES = {
    "inception_3a": Widths(pointwise=64,  three_reduce=96,  three=128, five_reduce=16, five=32,  pool=32),
    "inception_3b": Widths(pointwise=128, three_reduce=128, three=192, five_reduce=32, five=96,  pool=64),
    "inception_4a": Widths(pointwise=192, three_reduce=96,  three=208, five_reduce=16, five=48,  pool=64),
    "inception_4b": Widths(pointwise=160, three_reduce=112, three=224, five_reduce=24, five=64,  pool=64),
    "inception_4c": Widths(pointwise=128, three_reduce=128, three=256, five_reduce=24, five=64,  pool=64),
    "inception_4d": Widths(pointwise=112, three_reduce=144, three=288, five_reduce=32, five=64,  pool=64),
    "inception_4e": Widths(pointwise=256, three_reduce=160, three=320, five_reduce=32, five=128, pool=128),
    "inception_5a": Widths(pointwise=256, three_reduce=160, three=320, five_reduce=32, five=128, pool=128),
    "inception_5b": Widths(pointwise=384, three_reduce=192, three=384, five_reduce=48, five=128, pool=128),
}
# fmt: on


class GoogLeNet(Network):
    """GoogLeNet, figure 3: (N, in_channels, 224, 224) -> (N, num_classes).

    variant="paper": table 1 with a plain 7 x 7 first layer, biases, two local response normalisations, no batch
    normalisation (it did not exist yet), dropout 0.4. Pools round their grids up, as in Caffe's GoogLeNet.
    variant="released": what torchvision's weights belong to: batch normalisation in place of biases and of the local
    response normalisations, 3 x 3 in the branch that the paper calls 5 x 5, a 2 x 2 fourth pool, dropout 0.2.

    The two auxiliary heads sit behind inception_4a and inception_4d.

    Raises:
        ValueError: an argument, or later an image, that does not fit; the message says what is allowed.
    """

    AUX_AFTER = ("inception_4a", "inception_4d")

    def __init__(
        self,
        *,
        variant: str = "paper",
        num_classes: int = 1000,
        in_channels: int = 3,
        size: str = "full",
        width: float = 1.0,
        aux_heads: bool = False,
    ):
        super().__init__(
            variant=variant,
            num_classes=num_classes,
            in_channels=in_channels,
            size=size,
            width=width,
            aux_heads=aux_heads,
        )
        paper = variant == "paper"
        conv = ConvReLU if paper else ConvBNAct
        scale = self.scale
        stem = {name: scale.channels(channels) for name, channels in STEM.items()}

        self.conv1 = conv(in_channels, stem["conv1"], kernel_size=scale.first_kernel(7), stride=scale.stride(1))
        self.pool1 = nn.Identity() if scale.mini else nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = local_response_norm() if paper else nn.Identity()
        self.conv2_reduce = conv(stem["conv1"], stem["conv2_reduce"], kernel_size=1)
        self.conv2 = conv(stem["conv2_reduce"], stem["conv2"], kernel_size=3)
        self.norm2 = local_response_norm() if paper else nn.Identity()
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)

        channels = stem["conv2"]
        for name, table_row in MODULES.items():
            if name == "inception_4a":
                self.pool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            if name == "inception_5a":
                self.pool4 = nn.MaxPool2d(3 if paper else 2, stride=2, ceil_mode=True)
            widths = scale.widths(table_row)
            self.add_module(name, InceptionModule(channels, widths, conv=conv, five_kernel=5 if paper else 3))
            channels = widths.out_channels

        if aux_heads:
            for number, tap in enumerate(self.AUX_AFTER, start=1):
                head = AuxiliaryHead(
                    scale.widths(MODULES[tap]).out_channels,
                    num_classes,
                    conv_width=scale.channels(128),
                    dense_width=scale.channels(1024),
                    grid=2 if scale.mini else 4,
                    adaptive=not paper,
                    conv=conv,
                )
                self.add_module(f"aux{number}", head)

        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4 if paper else 0.2)
        self.classifier = nn.Linear(channels, num_classes)
        self.finish()

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        self.check(images, with_aux=with_aux)  # shapes: (channels, height, width) of the full size
        x = self.conv1(images)  # 64, 112, 112
        x = self.norm1(self.pool1(x))  # 64, 56, 56
        x = self.conv2(self.conv2_reduce(x))  # 192, 56, 56
        x = self.pool2(self.norm2(x))  # 192, 28, 28
        x = self.inception_3a(x)  # 256, 28, 28
        x = self.inception_3b(x)  # 480, 28, 28
        x = self.pool3(x)  # 480, 14, 14
        x = after_4a = self.inception_4a(x)  # 512, 14, 14
        x = self.inception_4b(x)  # 512, 14, 14
        x = self.inception_4c(x)  # 512, 14, 14
        x = after_4d = self.inception_4d(x)  # 528, 14, 14
        x = self.inception_4e(x)  # 832, 14, 14
        x = self.pool4(x)  # 832, 7, 7
        x = self.inception_5a(x)  # 832, 7, 7
        x = self.inception_5b(x)  # 1024, 7, 7
        x = self.global_pool(x).flatten(1)  # 1024
        logits = self.classifier(self.dropout(x))  # num_classes
        if not with_aux:
            return logits
        return Outputs(logits, (self.aux1(after_4a), self.aux2(after_4d)) if self.aux_heads else ())


def local_response_norm() -> nn.LocalResponseNorm:
    """Each value divided by a measure of its five neighbours among the channels; constants as in Caffe's GoogLeNet."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
