"""The network of the first run: three small Inception modules for images of 8 x 8."""

from collections import OrderedDict

from torch import nn

from networks.googlenet import InceptionModule, Widths
from networks.layers import ConvBNAct

FIRST = Widths(pointwise=8, three_reduce=8, three=16, five_reduce=4, five=4, pool=4)
NEXT = Widths(pointwise=16, three_reduce=16, three=32, five_reduce=8, five=8, pool=8)


class FirstNetwork(nn.Sequential):
    """A convolution and three Inception modules. Lesson 01 builds the module, lesson 03 the layer with normalisation.

    (N, 1, 8, 8) -> (N, num_classes)
    """

    def __init__(self, num_classes: int = 10):
        super().__init__(
            OrderedDict(
                stem=ConvBNAct(1, 16, kernel_size=3),  # 16, 8, 8
                inception_1=InceptionModule(16, FIRST, conv=ConvBNAct),  # 32, 8, 8
                inception_2=InceptionModule(FIRST.out_channels, NEXT, conv=ConvBNAct),  # 64, 8, 8
                pool=nn.MaxPool2d(2),  # 64, 4, 4
                inception_3=InceptionModule(NEXT.out_channels, NEXT, conv=ConvBNAct),  # 64, 4, 4
                global_pool=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
                classifier=nn.Linear(NEXT.out_channels, num_classes),
            )
        )
