"""What published fast trainings of CIFAR-10 do: which of it helps a small network of Inception modules in a few epochs?

Each arm changes one thing in the same training, whose learning rate rises and falls once: with a constant rate the runs
of one arm scatter by more than four points, and no step shows. The things are those of Page's "How to train your ResNet" (2018) and of
Jordan's "94 % on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv 2404.00498): a first layer that whitens, half precision,
large batches with a one-cycle learning rate, label smoothing, averaged weights, and tests that see each image mirrored, too.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from course.experiments import Arm, Experiment, Form, photographs
from lessons.residual_scaling.experiments.averaged_weights import tested
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths, Widths
from utils.data.dataset import Data
from utils.train.comparison import Quantity
from utils.train.loop import Recipe

WINDOW = 2  # pixels, the side of the first layer's window
SOME = 5000  # images from which the whitening is computed
EPSILON = 1e-4  # added to the patches' variances: what hardly varies is not blown up


def whitening(data: Data) -> Tensor:
    """Filters whose answers to the training images' patches are uncorrelated and vary alike, and the same ones negated.

    (2 * C * WINDOW**2, C, WINDOW, WINDOW) for images of C channels. They are the eigenvectors of the patches' covariance, each
    over the root of its eigenvalue (section 3.2 of arXiv 2404.00498).
    """
    images = data.normalise(next(iter(data.train.in_order(SOME)))[0])
    patches = nn.functional.unfold(images, WINDOW).transpose(1, 2).flatten(0, 1)  # (patches, C * WINDOW**2)
    centred = patches - patches.mean(dim=0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    filters = (vectors / (values.clamp(min=0) + EPSILON).sqrt()).T
    filters = filters.unflatten(1, (images.shape[1], WINDOW, WINDOW))
    return torch.cat([filters, -filters])


class FastNet(nn.Module):
    """A first layer of 2 x 2, Inception-A on 16 x 16, a reduction, Inception-A on 8 x 8, a classifier.

    (N, C, 32, 32) -> (N, classes)

    Args:
        data: the images and classes that it is for.
        whitened: the first layer's weights are `whitening(data)` and stay so; only its bias learns.
    """

    def __init__(self, data: Data, *, whitened: bool = False):
        super().__init__()
        channels = data.image_shape[0]
        width = 2 * channels * WINDOW**2
        first = Widths(pointwise=24, single=(16, 24), stacked=(8, 16, 16), pool=16)
        halving = ReductionWidths(single=(24, 40), stacked=(16, 24, 24))
        second = Widths(pointwise=40, single=(24, 40), stacked=(16, 24, 24), pool=24)
        self.whitened = whitened
        self.conv = nn.Conv2d(channels, width, WINDOW)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.first = InceptionA(width, first)
        self.reduction = ReductionA(first.out_channels, halving, padding="same")
        self.second = InceptionA(halving.out_channels(first.out_channels), second)
        self.classifier = nn.Linear(second.out_channels, len(data.classes))
        if whitened:
            self.conv.weight = nn.Parameter(whitening(data), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.conv(images).relu())
        x = self.second(self.reduction(self.first(x)))
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


class Mirrored(nn.Module):
    """A network that learns as it would alone; in evaluation mode it answers with the mean for the image and its mirror image."""

    def __init__(self, build: Callable[[Data], nn.Module], data: Data):
        super().__init__()
        self.net = build(data)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.net(images)
        return logits if self.training else (logits + self.net(images.flip(-1))) / 2


# Learning rates, each the best of three or four that were tried with other seeds on a fifth of the photographs.
RECIPE = Recipe(epochs=4, batch_size=64, learning_rate=0.1, schedule="one_cycle")

EXPERIMENT = Experiment(
    name="fast_training",
    question="What does each step of published fast trainings change in a short one?",
    equal="the network's shape, and but for one step the recipe; first weights, images and their order",
    arms={
        "one cycle": Arm(build=FastNet),
        "constant rate": Arm(build=FastNet, changes={"schedule": "constant"}),
        "one cycle, large batch": Arm(build=FastNet, changes={"batch_size": 256, "learning_rate": 0.4}),
        "whitened first layer": Arm(build=partial(FastNet, whitened=True)),
        "half precision": Arm(build=FastNet, changes={"precision": "bfloat16"}),
        "label smoothing": Arm(build=FastNet, changes={"label_smoothing": 0.2}),
        "averaged weights": Arm(build=FastNet, changes={"averaging": 0.99}),
        "mirrored in tests": Arm(build=partial(Mirrored, FastNet)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=2000),
    full=photographs(RECIPE, batch_size=64),
    others={
        "fifth": Form(
            data="cifar10", recipe=replace(RECIPE, epochs=5, flip=True, shift=4), seeds=(0, 1, 2), limit=10_000
        )
    },
    quantity=Quantity("test accuracy as it is used", "%", tested, points="points"),
    paired=True,
    matters=1.5,
    limits="Each step stands alone here; published trainings take them together, and with larger networks.",
)
