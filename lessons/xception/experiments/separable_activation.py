"""Between the depthwise and the pointwise half: nothing, a ReLU or an ELU? ("Xception", section 4.7 and figure 10)"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from course.experiments import Arm, Experiment, Form, photographs
from networks.layers import ConvBNAct, SeparableConv
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.loop import Recipe

CHANNELS, BLOCKS = 48, 4


class Block(nn.Module):
    """ReLU, separable 3 x 3, normalisation, and a sum with the input: one step of the middle flow.

    (N, channels, H, W) -> the same
    """

    def __init__(self, channels: int, *, between: Callable[[], nn.Module] | None, is_residual: bool = True):
        super().__init__()
        between = None if between is None else between()
        conv = SeparableConv(channels, channels, between=between)
        self.body = nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(channels, eps=1e-3))
        self.is_residual = is_residual

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x if self.is_residual else self.body(x)


def net(
    data: Data, *, between: Callable[[], nn.Module] | None = None, is_residual: bool = True, blocks: int = BLOCKS
) -> SmallNet:
    """A 3 x 3 of stride 2 to 8 x 8, and separable blocks."""
    stages = [Block(CHANNELS, between=between, is_residual=is_residual) for _ in range(blocks)]
    return SmallNet(data, ConvBNAct(STEM, CHANNELS, kernel_size=3, stride=2), *stages, nn.ReLU(), out_channels=CHANNELS)


RECIPE = Recipe(epochs=5, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="separable_activation",
    question="Between the depthwise and the pointwise half: nothing, a ReLU or an ELU?",
    equal="layers, widths, multiply-adds, the recipe, the images and their order",
    arms={
        "nothing": Arm(build=net),
        "ReLU": Arm(build=partial(net, between=nn.ReLU)),
        "ELU": Arm(build=partial(net, between=nn.ELU)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=3000),
    full=photographs(RECIPE),
    matters=1.5,
    limits="Four separable layers with 48 channels are not thirty-four with 728.",
)
