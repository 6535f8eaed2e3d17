"""Is it covariate shift? What batch normalisation does to the loss along the gradient, and to the layers' inputs.

Santurkar and others, "How does batch normalization help optimization?" (arXiv 1805.11604): figure 4 (loss range, gradient
predictiveness, effective smoothness) and definition 2.1 (internal covariate shift), at small scale.
"""

from collections.abc import Callable
from dataclasses import replace

from course.experiments import Arm, Experiment, Form, photographs
from lessons.batch_norm.experiments.normalisation import RECIPE, normalised, plain
from lessons.batch_norm.landscape import covariate_shift, landscape
from utils.data.dataset import Data
from utils.train.comparison import Quantity
from utils.train.loop import Run

LOOKS = 12  # at the loss, spread over a run
BATCH = 128  # images to look at it with
RATE = 0.03  # at which the network without normalisation learns: where it only guesses, its loss is flat and so smooth
STEPS = tuple(RATE * factor for factor in (0.5, 1, 2, 4))  # step sizes along the gradient
LAYER = "3"  # the first module of the second half: what stands before it is the stem and the first module


def look(data: Data) -> Callable[[Run, float], None]:
    """A function that, so many times in a run, walks along the gradient and writes down what it meets."""

    def watch(run: Run, done: float) -> None:
        if done * LOOKS < len(run.measures.get("covariate_shift", [])) + 1:
            return
        device = next(run.net.parameters()).device
        images = data.normalise(data.train.images[:BATCH].to(device))
        labels = data.train.labels[:BATCH].to(device)
        walk = landscape(run.net, images, labels, step_sizes=STEPS)
        shift, cosine = covariate_shift(run.net, images, labels, learning_rate=RATE, layer=LAYER)
        figures = {name: getattr(walk, name) for name in walk.__dataclass_fields__}
        for name, value in (figures | {"covariate_shift": shift, "covariate_cosine": cosine}).items():
            run.measures.setdefault(name, []).append(float(f"{float(value):.5g}"))

    return watch


def mean_of(name: str, title: str, *, digits: int = 2) -> Quantity:
    """The mean over a run of what was written down under this name."""
    return Quantity(title, "", lambda run: sum(run.measures[name]) / len(run.measures[name]), digits=digits)


LOSS_RANGE = Quantity(
    "loss range along the gradient",
    "nats",
    lambda run: (
        sum(high - low for low, high in zip(run.measures["loss_low"], run.measures["loss_high"], strict=True))
        / len(run.measures["loss_low"])
    ),
    digits=3,
)

EXPERIMENT = Experiment(
    name="loss_landscape",
    question="Does batch normalisation make the loss smoother along the gradient?",
    equal="the network but for its normalisation, the learning rate, the images and their order, the step sizes looked at",
    arms={"no BN": Arm(build=plain), "BN": Arm(build=normalised)},
    short=Form(data="scales", recipe=replace(RECIPE, epochs=6, learning_rate=RATE), seeds=(0, 1, 2), limit=2000),
    full=photographs(RECIPE, batch_size=32, learning_rate=RATE),
    limits="The figures are means over one training, on one batch, for steps of a half to four times the learning rate.",
    quantity=mean_of("smoothness", "effective smoothness (largest)"),
    matters=1.0,
    more=(
        LOSS_RANGE,
        mean_of("covariate_shift", "shift of a layer's gradient (L2)", digits=3),
        mean_of("covariate_cosine", "cosine of a layer's gradients", digits=3),
    ),
    observe=look,
)
