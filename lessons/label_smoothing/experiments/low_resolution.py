"""Is a low resolution much worse, if the network costs the same? ("Rethinking", section 9 and Table 2)

The paper's networks see 299, 151 or 79 pixels; the smaller the image, the fewer halvings at the network's beginning, so that
all later grids, and nearly all costs, are equal. Here the images are 32, 16 or 8 pixels wide.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from course.experiments import Arm, Experiment, Form, photographs
from networks.googlenet import InceptionModule, Widths
from networks.layers import ConvBNAct
from utils.data.dataset import Data
from utils.train.loop import Recipe

FIRST = 32  # channels of the first layer
WIDTHS = (Widths(12, 8, 12, 4, 8, 8), Widths(16, 16, 24, 8, 16, 8), Widths(16, 16, 24, 8, 16, 8))


class Shrink(nn.Module):
    """Images at a lower resolution: means of k x k pixels. (N, C, H, W) -> (N, C, H / k, W / k)"""

    def __init__(self, factor: int):
        super().__init__()
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        return F.avg_pool2d(images, self.factor)

    def extra_repr(self) -> str:
        return f"factor={self.factor}"


def net(data: Data, *, shrink: int, stride: int, pool: Callable[[], nn.Module]) -> nn.Sequential:
    """A first layer with this stride and a pool, or none; from there on 8 x 8, three modules."""
    layers: list[nn.Module] = [Shrink(shrink)] if shrink > 1 else []
    layers += [ConvBNAct(data.image_shape[0], FIRST, kernel_size=3, stride=stride), pool()]
    channels = FIRST
    for widths in WIDTHS:
        layers.append(InceptionModule(channels, widths, conv=ConvBNAct))
        channels = widths.out_channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, len(data.classes)))


def halving() -> nn.MaxPool2d:
    """The pool of the two larger sizes."""
    return nn.MaxPool2d(3, stride=2, padding=1)


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="low_resolution",
    question="At nearly equal cost, how much worse is a low resolution?",
    equal="all weights' shapes, the grids from the first module on, the recipe, the images' order; the first layer's cost differs",
    arms={
        "32 pixels": Arm(build=partial(net, shrink=1, stride=2, pool=halving)),
        "16 pixels": Arm(build=partial(net, shrink=2, stride=1, pool=halving)),
        "8 pixels": Arm(build=partial(net, shrink=4, stride=1, pool=nn.Identity)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=4000),
    full=photographs(RECIPE),
    matters=1.5,
    limits="These images have few pixels to lose: a photograph of 79 pixels still shows what one of 299 does.",
)
