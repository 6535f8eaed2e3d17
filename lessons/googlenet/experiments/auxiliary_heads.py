"""Do auxiliary heads help a deep network without batch normalisation to learn? (section 5 of "Going deeper with convolutions")

As deep as GoogLeNet, and very narrow: nine modules of plain ReLU layers, with a head behind the third and the sixth. Some of
these networks never learn more than guessing. How many do is what is compared first, by a bound that was fixed after five runs of
each arm had been seen. On photographs all of them learn, so there accuracy is compared: this was chosen when one run of each arm had
been seen.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from course.experiments import Arm, Experiment, Form, Measured, photographs
from lessons.googlenet.gradients import gradient_norms
from networks.base import initialise
from networks.googlenet import InceptionModule, Widths
from networks.layers import ConvReLU, Outputs
from utils.data.dataset import Data
from utils.train.comparison import ACCURACY, Quantity
from utils.train.loop import Recipe, Run, seeded

WEIGHT = 0.3  # of each head's loss, section 5
WIDTHS = Widths(pointwise=6, three_reduce=6, three=12, five_reduce=3, five=6, pool=4)
CHANNELS = WIDTHS.out_channels
HALVED = 6  # modules before the last halving of the grid
HEADS = (3, 6)  # numbers of the modules that have a head behind them
MODULES = 9
BATCH = 64  # images on which the gradients are measured


def head(classes: int) -> nn.Sequential:
    """A small classifier on an early grid. (N, CHANNELS, H, W) -> (N, classes)"""
    layers = OrderedDict(conv=ConvReLU(CHANNELS, 2 * CHANNELS, kernel_size=1), pool=nn.AdaptiveAvgPool2d(1))
    return nn.Sequential(OrderedDict(**layers, flatten=nn.Flatten(), classifier=nn.Linear(2 * CHANNELS, classes)))


class DeepNet(nn.Module):
    """Two layers to 8 x 8, six modules, a pool, three modules, a classifier: 21 layers deep.

    (N, C, 32, 32) -> (N, classes); with_aux=True gives `Outputs`
    """

    def __init__(self, data: Data, *, aux_heads: bool):
        super().__init__()
        self.aux_heads = aux_heads
        self.conv1 = ConvReLU(data.image_shape[0], 16, kernel_size=3, stride=2)
        self.conv2 = ConvReLU(16, CHANNELS, kernel_size=3, stride=2)
        for number in range(1, MODULES + 1):
            self.add_module(f"module{number}", InceptionModule(CHANNELS, WIDTHS))
        self.classifier = nn.Linear(CHANNELS, len(data.classes))
        if aux_heads:
            self.aux1, self.aux2 = head(len(data.classes)), head(len(data.classes))
        initialise(self)

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        x, seen = self.conv2(self.conv1(images)), []
        for number in range(1, MODULES + 1):
            x = self.get_submodule(f"module{number}")(x)
            if number in HEADS:
                seen.append(x)
            if number == HALVED:
                x = nn.functional.max_pool2d(x, 2)
        logits = self.classifier(x.mean(dim=(2, 3)))
        if not with_aux:
            return logits
        return Outputs(logits, (self.aux1(seen[0]), self.aux2(seen[1])) if self.aux_heads else ())


def gradients(run: Run, data: Data, before: Sequence[Run]) -> Measured:
    """The length of the loss's gradient at each stage, with the weights that the run began and ended with."""
    images, labels = data.normalise(data.train.images[:BATCH]), data.train.labels[:BATCH]
    with seeded(run.seed):
        first = DeepNet(data, aux_heads=bool(run.recipe.aux_weight))
    found = {}
    for when, net in (("start", first), ("end", run.net)):
        device = next(net.parameters()).device
        norms = gradient_norms(net, images.to(device), labels.to(device), aux_weight=run.recipe.aux_weight)
        found |= {f"gradient at the {when}: {stage}": float(f"{value:.5g}") for stage, value in norms.items()}
    return found


def learned(run: Run) -> float:
    """100 where the best epoch's test accuracy lies more than three standard deviations above guessing's, else 0."""
    guess = 1 / len(run.data["classes"])
    deviation = math.sqrt(guess * (1 - guess) / run.data["test"])
    return 100.0 * (max(run.column("test_accuracy")) > guess + 3 * deviation)


RECIPE = Recipe(
    epochs=6, batch_size=64, optimizer="adamw", learning_rate=0.005, schedule="one_cycle", weight_decay=0.01
)

EXPERIMENT = Experiment(
    name="auxiliary_heads",
    question="Do auxiliary heads help a deep network without normalisation to learn?",
    equal="the network but for the heads, the recipe, the images and their order",
    arms={
        "with heads": Arm(build=partial(DeepNet, aux_heads=True), changes={"aux_weight": WEIGHT}),
        "without heads": Arm(build=partial(DeepNet, aux_heads=False)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=1500),
    full=photographs(RECIPE, quantity=ACCURACY, matters=1.5, more=()),
    quantity=Quantity("runs that learn", "%", learned, points="points", digits=0, is_share=True),
    matters=25.0,
    more=(ACCURACY,),
    limits="This network is as deep as GoogLeNet and some thirty times narrower, and begins with weights made for ReLUs.",
    measure=gradients,
)
