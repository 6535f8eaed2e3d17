"""The cumulative table of "Rethinking" (Table 3): what does each step from Inception-v2 to v3 add?

A small network with a 7 x 7 first layer or its three 3 x 3, modules with factorised windows, and an auxiliary head with or
without normalisation. As in the paper, each arm has all that the arms before it have.
"""

from collections import OrderedDict
from functools import partial

from torch import Tensor, nn

from course.experiments import Arm, Experiment, Form, photographs
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths, Widths
from networks.inception_v2 import InceptionB
from networks.layers import ConvBNAct, ConvReLU, Outputs, chain
from utils.data.dataset import Data
from utils.train.loop import Recipe

STEM = 24


class RecipeNet(nn.Module):
    """A stem, Inception-A on 16 x 16, a reduction, Inception-B on 8 x 8, a classifier; a head behind Inception-A.

    (N, C, 32, 32) -> (N, classes); with_aux=True gives `Outputs`
    """

    def __init__(self, data: Data, *, factorised_stem: bool = False, normalised_head: bool = False):
        super().__init__()
        channels, classes = data.image_shape[0], len(data.classes)
        if factorised_stem:
            self.stem = nn.Sequential(ConvBNAct(channels, 16, kernel_size=3, stride=2), chain(16, (16, 3), (STEM, 3)))
        else:
            self.stem = ConvBNAct(channels, STEM, kernel_size=7, stride=2)
        first = Widths(pointwise=12, single=(8, 12), stacked=(8, 12, 12), pool=8)
        halving = ReductionWidths(single=(12, 20), stacked=(8, 12, 12))
        second = Widths(pointwise=20, single=(12, 12, 20), stacked=(12, 12, 12, 12, 20), pool=20)
        self.first = InceptionA(STEM, first)
        self.reduction = ReductionA(first.out_channels, halving, padding="same")
        self.second = InceptionB(halving.out_channels(first.out_channels), second)
        self.classifier = self._head(second.out_channels, classes)
        conv = ConvBNAct if normalised_head else ConvReLU
        self.aux = nn.Sequential(
            OrderedDict(
                pool=nn.AvgPool2d(4), conv=conv(first.out_channels, 16, kernel_size=1), **self._head_parts(16, classes)
            )
        )

    @staticmethod
    def _head_parts(channels: int, classes: int) -> dict[str, nn.Module]:
        return {"mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "dense": nn.Linear(channels, classes)}

    def _head(self, channels: int, classes: int) -> nn.Sequential:
        return nn.Sequential(OrderedDict(self._head_parts(channels, classes)))

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        x = after_first = self.first(self.stem(images))
        logits = self.classifier(self.second(self.reduction(x)))
        return Outputs(logits, (self.aux(after_first),)) if with_aux else logits


# Learning rates of the two optimizers, each the best of three that were tried on other seeds.
MOMENTUM = Recipe(
    epochs=4, batch_size=32, learning_rate=0.05, schedule="exponential", decay=0.94, decay_every=2, aux_weight=0.4
)
RMSPROP = {
    "optimizer": "rmsprop",
    "learning_rate": 0.045,
    "epsilon": 1.0,
    "epsilon_inside": True,
    "clip": 2.0,
}

EXPERIMENT = Experiment(
    name="recipe",
    question="From Inception-v2 to v3 in four steps: what does each add?",
    equal="all that the arm before has but for one step; images and their order",
    arms={
        "momentum": Arm(build=RecipeNet),
        "+ RMSProp": Arm(build=RecipeNet, changes=RMSPROP),
        "+ label smoothing": Arm(build=RecipeNet, changes=RMSPROP | {"label_smoothing": 0.1}),
        "+ factorised 7×7": Arm(
            build=partial(RecipeNet, factorised_stem=True), changes=RMSPROP | {"label_smoothing": 0.1}
        ),
        "+ BN in the head": Arm(
            build=partial(RecipeNet, factorised_stem=True, normalised_head=True),
            changes=RMSPROP | {"label_smoothing": 0.1},
        ),
    },
    short=Form(data="scales", recipe=MOMENTUM, seeds=(0, 1, 2), limit=2500),
    full=photographs(MOMENTUM, batch_size=32),
    matters=1.5,
    limits="Each arm is held against the first, not the one before, and the paper's table has one run of each and no spread.",
)
