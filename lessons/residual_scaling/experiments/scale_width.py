"""Does a wide residual network die unless its residuals are scaled down? ("Inception-v4, Inception-ResNet", section 3.3)

The paper saw networks with more than 1000 filters put out nothing but zeros after some tens of thousands of steps, and scaled the
residuals by 0.1 to 0.3. Here: blocks of figure 16's kind, narrow and wide, with scale 1 and 0.1, at a high learning rate and
without the normalisation's help at the sums, as in the paper.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from course.experiments import Arm, Experiment, Form, Measured, photographs
from networks.inception_resnet_v1 import InceptionResNetA, ResidualWidths
from networks.layers import ConvBNAct
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.comparison import ACCURACY, measured
from utils.train.loop import Recipe, Run

BLOCKS = 6
NARROW, WIDE = 32, 128  # channels on the sums
BATCH = 128  # images on which activations are looked at


def net(data: Data, *, channels: int, scale: float) -> SmallNet:
    """A 3 x 3 of stride 2 to 8 x 8, and six residual blocks."""
    widths = ResidualWidths(
        pointwise=channels // 4, single=(channels // 4,) * 2, stacked=(channels // 4, channels // 4, channels // 2)
    )
    blocks = [InceptionResNetA(channels, widths, scale=scale) for _ in range(BLOCKS)]
    return SmallNet(data, ConvBNAct(STEM, channels, kernel_size=3, stride=2), *blocks, out_channels=channels)


@torch.no_grad()
def activation_sizes(network: nn.Sequential, images: torch.Tensor) -> list[float]:
    """The standard deviation of what comes out of each residual block, from the first to the last.

    The network runs in evaluation mode; its mode is put back.
    """
    training, sizes = network.training, []
    network.eval()
    x = images
    for layer in network:
        x = layer(x)
        if isinstance(layer, InceptionResNetA):
            sizes.append(x.std().item())
    network.train(training)
    return sizes


@torch.no_grad()
def dead_share(network: nn.Sequential, images: torch.Tensor) -> float:
    """The share of the last block's channels that are zero everywhere, for all of these images."""
    training = network.training
    network.eval()
    x = images
    for layer in list(network)[:-3]:  # all but the pooling, the flattening and the dense layer
        x = layer(x)
    network.train(training)
    return (x.abs().amax(dim=(0, 2, 3)) == 0).float().mean().item()


def figures(run: Run, data: Data, before: Sequence[Run]) -> Measured:
    """Activation sizes by depth, and the share of dead channels in per cent."""
    images = data.normalise(data.test.images[:BATCH].to(next(run.net.parameters()).device))
    sizes = [float(f"{size:.5g}") for size in activation_sizes(run.net, images)]
    return {"activation_size": sizes, "dead": float(f"{100 * dead_share(run.net, images):.5g}")}


def arm(channels: int, scale: float) -> Arm:
    """One width and one scale."""
    build: Callable = partial(net, channels=channels, scale=scale)
    return Arm(build=build)


# A rate at which the narrow network with scale 1 just still learns: the paper's trouble is one of unstable training.
RECIPE = Recipe(epochs=4, batch_size=32, optimizer="sgd", momentum=0.9, learning_rate=0.1)

EXPERIMENT = Experiment(
    name="scale_width",
    question="Does a wide residual network die unless its residuals are scaled down?",
    equal="blocks, kernels, the recipe, the images and their order; the wide network costs more",
    arms={
        "narrow, scale 0.1": arm(NARROW, 0.1),
        "narrow, scale 1": arm(NARROW, 1.0),
        "wide, scale 0.1": arm(WIDE, 0.1),
        "wide, scale 1": arm(WIDE, 1.0),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=1000),
    full=photographs(RECIPE),
    quantity=measured("dead", "dead channels", "%", points="points"),
    matters=5.0,
    limits="The paper's trouble began beyond 1000 filters and after tens of thousands of steps, neither of which is reached here.",
    more=(ACCURACY,),
    measure=figures,
)
