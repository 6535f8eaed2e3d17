"""What do several networks bring whose answers are averaged? (section 5 of "Inception-v4", section 7 of GoogLeNet's paper)

One network, and two whose probabilities are averaged. They learn side by side, each from its own loss, on the same images in
the same order, and differ in their first weights alone; the first of them is the one network of the same seed. After each run of
the first arm the answers of all its networks so far are averaged, too.
"""

import math
from collections.abc import Sequence
from functools import partial
from itertools import combinations

import torch
from torch import Tensor, nn

from course.experiments import Arm, Experiment, Form, Measured, photographs
from lessons.residual_scaling.experiments.residual import net
from networks.layers import Outputs
from utils.data.dataset import Data
from utils.train.loop import Recipe, Run, logits_of


class Averaged(nn.Module):
    """Networks that learn side by side; the mean of their probabilities answers.

    (N, C, 32, 32) -> (N, classes), the logarithms of the mean probabilities; with_aux=True gives each network's own logits as
    `Outputs`, so that with an aux_weight of 1 the loss is the sum of theirs.
    """

    def __init__(self, data: Data, *, members: int):
        super().__init__()
        self.members = nn.ModuleList(net(data, is_residual=True) for _ in range(members))

    def forward(self, images: Tensor, *, with_aux: bool = False) -> Tensor | Outputs:
        logits = [member(images) for member in self.members]
        if with_aux:
            return Outputs(logits[0], tuple(logits[1:]))
        return torch.stack(logits).log_softmax(dim=2).logsumexp(dim=0) - math.log(len(logits))


def ensembles(run: Run, data: Data, before: Sequence[Run]) -> Measured:
    """Mean test accuracy, in per cent, of all ensembles of 1, 2, ... of the networks so far; this one's first.

    Empty where the earlier networks are not at hand, as their runs were taken from files, and for networks averaged already.
    """
    runs = [*before, run]
    if any(each.net is None or isinstance(each.net, Averaged) for each in runs):
        return {}
    labels = data.test.labels.cpu()
    answers = torch.stack([logits_of(each.net, data).cpu().softmax(dim=1) for each in runs])
    means = []
    for size in range(1, len(runs) + 1):
        right = [
            (answers[list(chosen)].mean(dim=0).argmax(dim=1) == labels).float().mean().item()
            for chosen in combinations(range(len(runs)), size)
        ]
        means.append(float(f"{100 * sum(right) / len(right):.6g}"))
    return {"ensemble_accuracy": means}


def together(runs: dict[str, list[Run]]) -> str:
    """What the largest ensemble brings, in a sentence."""
    means = max((run.measures.get("ensemble_accuracy", []) for of_arm in runs.values() for run in of_arm), key=len)
    if len(means) < 2:
        return "A single network makes no ensemble."
    by_size = ", ".join(f"{size} together {mean:.1f} %" for size, mean in enumerate(means[1:], start=2))
    return (
        f"The first arm's networks in all possible ensembles: one alone has {means[0]:.1f} % on average; {by_size}. "
        f"The first step up brings {means[1] - means[0]:+.1f} points, the last {means[-1] - means[-2]:+.1f}."
    )


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="ensemble",
    question="What do several networks bring whose answers are averaged?",
    equal="each network, the recipe, the images and their order",
    arms={
        "one network": Arm(build=partial(net, is_residual=True)),
        "two averaged": Arm(build=partial(Averaged, members=2), changes={"aux_weight": 1.0}),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2, 3, 4, 5), limit=2000),
    full=photographs(RECIPE, seeds=(0, 1, 2, 3, 4, 5)),
    paired=True,
    matters=1.5,
    limits="Two networks cost twice as much as one. The ensembles of all sizes share their members, so their accuracies are not independent.",
    measure=ensembles,
    conclude=together,
)
