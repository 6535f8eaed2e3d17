"""What do several networks bring whose answers are averaged? (section 5 of "Inception-v4", section 7 of GoogLeNet's paper)

One arm, one network for each seed. After each run the answers of all networks so far are averaged, as probabilities.
"""

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import torch

from course.experiments import Arm, Experiment, Form, Measured, photographs
from lessons.residual_scaling.experiments.residual import net
from utils.data.dataset import Data
from utils.train.loop import Recipe, Run, logits_of


def ensembles(run: Run, data: Data, before: Sequence[Run]) -> Measured:
    """Mean test accuracy, in per cent, of all ensembles of 1, 2, ... of the networks so far; this one's first.

    Empty where the earlier networks are not at hand: their runs were taken from files.
    """
    runs = [*before, run]
    if any(each.net is None for each in runs):
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
        f"One network alone has {means[0]:.1f} % on average; {by_size}. The first step up brings "
        f"{means[1] - means[0]:+.1f} points, the last {means[-1] - means[-2]:+.1f}."
    )


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="ensemble",
    question="What do several networks bring whose answers are averaged?",
    equal="everything but the seed",
    arms={"one network a seed": Arm(build=partial(net, is_residual=True))},
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2, 3, 4, 5), limit=2000),
    full=photographs(RECIPE, seeds=(0, 1, 2, 3, 4, 5)),
    limits="The ensembles share their members, so their accuracies are not independent.",
    measure=ensembles,
    conclude=together,
)
