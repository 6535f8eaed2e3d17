"""Hard targets or smoothed ones: accuracy, calibration, and how tight the classes lie ("Rethinking", section 7)

Calibration and clusters are what Müller, Kornblith and Hinton looked at ("When does label smoothing help?", arXiv 1906.02629).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course.experiments import Arm, Experiment, Form, Measured, photographs
from lessons.batch_norm.experiments.normalisation import normalised
from networks.googlenet import InceptionModule, Widths
from networks.layers import ConvBNAct
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.calibration import expected_calibration_error
from utils.train.comparison import measured
from utils.train.loop import Recipe, Run


@torch.no_grad()
def features(net: nn.Sequential, data: Data) -> Tensor:
    """What the dense layer of a `SmallNet` sees of the test images: (N, channels)."""
    body, device = nn.Sequential(*list(net)[:-1]), next(net.parameters()).device
    return torch.cat([body(data.normalise(batch.to(device))).cpu() for batch in data.test.images.split(250)])


def tightness(points: Tensor, labels: Tensor) -> float:
    """Mean distance of the points to their class's middle, over the mean distance between two classes' middles."""
    classes = labels.unique()
    middles = torch.stack([points[labels == each].mean(dim=0) for each in classes])
    within = torch.cat(
        [(points[labels == each] - middle).norm(dim=1) for each, middle in zip(classes, middles, strict=True)]
    )
    return (within.mean() / torch.pdist(middles).mean()).item()


def figures(run: Run, data: Data, before: Sequence[Run]) -> Measured:
    """Calibration error in points, and how far the classes spread."""
    labels = data.test.labels.cpu()
    points = features(run.net, data)
    with torch.no_grad():
        logits = run.net[-1].cpu()(points)
    error = expected_calibration_error(logits.softmax(dim=1), labels)
    return {
        "calibration_error": float(f"{100 * error:.5g}"),
        "cluster_tightness": float(f"{tightness(points, labels):.5g}"),
        "test_loss": run.history[-1].test_loss,
    }


WIDTHS = (Widths(16, 16, 24, 4, 8, 8), Widths(32, 32, 64, 8, 16, 16), Widths(48, 48, 96, 12, 24, 24))
LAST = Widths(64, 64, 160, 16, 32, 32)


def memorising(data: Data) -> SmallNet:
    """Four modules of 240,000 parameters: enough to learn nine in ten of the training photographs by heart in ten epochs."""
    first, second, third = (
        InceptionModule(before, each, conv=ConvBNAct)
        for before, each in zip((STEM, *(each.out_channels for each in WIDTHS)), WIDTHS, strict=False)
    )
    last = InceptionModule(WIDTHS[-1].out_channels, LAST, conv=ConvBNAct)
    stages = (first, nn.MaxPool2d(2), second, third, nn.MaxPool2d(2), last)
    return SmallNet(data, *stages, out_channels=LAST.out_channels)


RECIPE = Recipe(epochs=6, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="label_smoothing",
    question="Hard targets or smoothed ones: what happens to accuracy, calibration and clusters?",
    equal="the network, the first weights, the recipe but for the smoothing, the images and their order",
    arms={
        "hard targets": Arm(build=normalised),
        "smoothing 0.1": Arm(build=normalised, changes={"label_smoothing": 0.1}),
        "smoothing 0.3": Arm(build=normalised, changes={"label_smoothing": 0.3}),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=2500),
    full=photographs(RECIPE, build=memorising, learning_rate=0.01, flip=False, shift=0),
    paired=True,
    matters=1.5,
    limits="With ten classes smoothing has less to do than with a thousand.",
    more=(
        measured("calibration_error", "calibration error", "points", points="points"),
        measured("cluster_tightness", "spread of a class for the distance between classes", digits=2),
    ),
    measure=figures,
)
