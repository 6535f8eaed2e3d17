"""Do the auxiliary heads help a GoogLeNet to learn? ("Going deeper with convolutions", section 5 and figure 3)

The mini GoogLeNet of the course without batch normalisation, as in 2014: 13 modules and layers deep, plain ReLUs.
"""

from collections.abc import Sequence
from dataclasses import replace

from lessons.catalog import create
from lessons.googlenet.gradients import gradient_norms
from lessons.googlenet.network import GoogLeNet
from utils.data import Data
from utils.experiment import Arm, Experiment, Form, Measured
from utils.train import Recipe, Run, seeded

WEIGHT = 0.3  # of each head's loss, section 5
BATCH = 64  # images on which the gradients are measured


def with_heads(data: Data) -> GoogLeNet:
    """The mini network with both heads."""
    return create(
        "googlenet", size="mini", num_classes=len(data.classes), in_channels=data.image_shape[0], aux_heads=True
    )


def without_heads(data: Data) -> GoogLeNet:
    """The mini network alone."""
    return create("googlenet", size="mini", num_classes=len(data.classes), in_channels=data.image_shape[0])


def gradients(run: Run, data: Data, before: Sequence[Run]) -> Measured:
    """The length of the gradient at each stage, with the weights that the run began and ended with."""
    images, labels = data.train.images[:BATCH], data.train.labels[:BATCH]
    images = data.normalise(images)
    with seeded(run.seed):
        first = (with_heads if run.recipe.aux_weight else without_heads)(data)
    found = {}
    for when, net in (("start", first), ("end", run.net)):
        device = next(net.parameters()).device
        norms = gradient_norms(net, images.to(device), labels.to(device), aux_weight=run.recipe.aux_weight)
        found |= {f"gradient at the {when}: {stage}": value for stage, value in norms.items()}
    return found


RECIPE = Recipe(
    epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.003, schedule="one_cycle", weight_decay=0.01
)

EXPERIMENT = Experiment(
    name="auxiliary_heads",
    question="Do auxiliary heads help a small GoogLeNet to learn?",
    equal="the network but for the heads, its first weights' distribution, the recipe, the images and their order",
    arms={
        "with heads": Arm(build=with_heads, changes={"aux_weight": WEIGHT}),
        "without heads": Arm(build=without_heads),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=2000),
    full=Form(data="cifar10", recipe=replace(RECIPE, epochs=30, flip=True, shift=4), seeds=(0, 1, 2, 3, 4)),
    limits="This network is a tenth as wide as the paper's and sees 32 × 32 pixels: a wider and longer training may differ.",
    measure=gradients,
)
