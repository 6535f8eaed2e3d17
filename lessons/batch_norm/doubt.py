"""Two explanations of batch normalisation put to the test on digits: less covariate shift, or a smoother loss?

After "How does batch normalization help optimization?" (Santurkar and others, arXiv 1805.11604), sections 2 and 3: the
network of the BN lab without normalisation, with it, and with it and noise behind every norm, whose mean and scale are
others at every step. The noise brings back the shifting inputs that the normalisation is said to remove.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lessons.batch_norm.lab import PROBE, DigitNet, digits
from lessons.batch_norm.landscape import covariate_shift, landscape
from utils.show.display import passing_bar
from utils.train.loop import seeded

ARMS = ("no BN", "BN", "BN and noise")
STEPS, EVERY, BATCH = 200, 10, 64
LEARNING_RATE = 0.25
STEP_SIZES = tuple(LEARNING_RATE * factor for factor in (0.5, 1, 2, 4))
LAYER = 4  # the fifth of the six: what runs before it has something to shift
EARLY = 3  # the look at which learning is compared: the fourth, after 30 steps
SHIFT, SCALE = 0.5, (1.0, 1.25)  # of the noise: its mean from -SHIFT to SHIFT, its scale between those two


@dataclass
class Study:
    """One training run, looked at every EVERY steps; lists over training.

    `measures`: the fields of `landscape.Landscape`; `covariate_shift` and `covariate_cosine` of layer LAYER; and
    `inputs_move`, how far the mean of what a unit of that layer gets moves in one step, in standard deviations.
    """

    steps: list[int] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)  # on the test digits, in per cent
    measures: dict[str, list[float]] = field(default_factory=dict)

    def mean(self, name: str) -> float:
        """The mean of a measure over training."""
        return sum(self.measures[name]) / len(self.measures[name])


class Noise(nn.Module):
    """In training, scales and shifts each unit by random numbers, new ones at every step: (N, units) -> (N, units)."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        scale = torch.empty_like(x[0]).uniform_(*SCALE)
        return x * scale + torch.empty_like(x[0]).uniform_(-SHIFT, SHIFT)


def network(arm: str) -> DigitNet:
    """(N, 64) -> (N, 10): an arm's network before training.

    Raises:
        ValueError: there is no such arm.
    """
    if arm not in ARMS:
        raise ValueError(f"There is no arm {arm!r}. There are: {', '.join(ARMS)}.")
    net = DigitNet(normalised=arm != "no BN", gain=1.0)
    if arm == "BN and noise":
        for layer in list(net)[:-1]:
            layer.insert(2, Noise())
    return net


def study(seeds: Sequence[int] = (0, 1, 2), arms: Sequence[str] = ARMS) -> dict[str, list[Study]]:
    """Train each arm with each seed from the same first weights, and look at it on the way."""
    studies: dict[str, list[Study]] = {arm: [] for arm in arms}
    with passing_bar(total=len(seeds) * len(arms) * STEPS, bar_format="{l_bar}{bar}| {remaining} left") as bar:
        for seed in seeds:
            for arm in arms:
                bar.set_description(f"{arm}, seed {seed}")
                studies[arm].append(_follow(arm, seed, bar))
    return studies


def _follow(arm: str, seed: int, bar) -> Study:
    images, labels, test_images, test_labels = digits()
    found = Study()
    draws = torch.Generator().manual_seed(seed)
    with seeded(seed):
        net = network(arm)
        for step in range(STEPS):
            chosen = torch.randint(len(labels), (BATCH,), generator=draws)
            batch = images[chosen], labels[chosen]
            if step % EVERY == 0:
                found.steps.append(step)
                found.accuracy.append(_accuracy(net, test_images, test_labels))
                _look(net, *batch, found.measures)
                before = _means(net, images[:PROBE])
            _step(net, *batch)
            if step % EVERY == 0:
                after = _means(net, images[:PROBE])
                moved = (after[0] - before[0]).abs().mean() / before[1].mean()
                found.measures.setdefault("inputs_move", []).append(moved.item())
                bar.update(EVERY)
    return found


def _step(net: nn.Module, images: Tensor, labels: Tensor) -> None:
    parameters = list(net.parameters())
    slopes = torch.autograd.grad(cross_entropy(net(images), labels), parameters)
    with torch.no_grad():
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter -= LEARNING_RATE * slope


def _look(net: nn.Module, images: Tensor, labels: Tensor, measures: dict[str, list[float]]) -> None:
    walk = landscape(net, images, labels, step_sizes=STEP_SIZES)
    distance, cosine = covariate_shift(net, images, labels, learning_rate=LEARNING_RATE, layer=f"{LAYER}")
    for name, value in {**vars(walk), "covariate_shift": distance, "covariate_cosine": cosine}.items():
        measures.setdefault(name, []).append(value)


@torch.no_grad()
def _means(net: DigitNet, images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of what each unit of layer LAYER gets, in training mode."""
    statistics = {name: buffer.clone() for name, buffer in net.named_buffers()}
    x = images
    for layer in list(net)[:LAYER]:
        x = layer(x)
    for name, buffer in net.named_buffers():
        buffer.copy_(statistics[name])
    return x.mean(dim=0), x.std(dim=0)


@torch.no_grad()
def _accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    right = net.eval()(images).argmax(dim=1) == labels
    net.train()
    return 100 * right.float().mean().item()


def mean_of(runs: Sequence[Study], name: str) -> float:
    """The mean of a measure over training and over the runs of an arm."""
    return sum(run.mean(name) for run in runs) / len(runs)


def early_accuracy(runs: Sequence[Study]) -> float:
    """The accuracy at the look EARLY, in per cent, mean of the runs of an arm."""
    return sum(run.accuracy[EARLY] for run in runs) / len(runs)


def conclusions(studies: Mapping[str, Sequence[Study]]) -> list[str]:
    """What the three arms say about the two explanations, and what they leave open, in sentences."""
    plain, normalised, noisy = (studies[arm] for arm in ARMS)
    speed = [early_accuracy(runs) for runs in (plain, normalised, noisy)]
    moves, distance, cosine, smoothness = (
        [mean_of(runs, name) for runs in (plain, normalised, noisy)]
        for name in ("inputs_move", "covariate_shift", "covariate_cosine", "smoothness")
    )
    is_calm, is_alike = moves[1] < 0.5 * moves[0], distance[1] < 0.8 * distance[0]
    is_fast = speed[2] - speed[0] > 0.75 * (speed[1] - speed[0]) > 0
    is_restless, is_smooth = moves[2] > moves[0], max(smoothness[1:]) < 0.8 * smoothness[0]
    is_back = abs(cosine[2] - cosine[0]) < abs(cosine[2] - cosine[1])
    fits = {
        2: "Both are as the paper says",
        1: "One of the two is as the paper says",
        0: "Neither is as the paper says",
    }
    return [
        f"With BN a layer's inputs move {moves[1]:.2g} standard deviations a step, without BN {moves[0]:.2g}; its gradient moves "
        f"{distance[1] / distance[0]:.2g} times as far. {fits[is_calm + is_alike]}.",
        f"With the noise the inputs move {moves[2]:.2g} a step, and after {EARLY * EVERY} steps the accuracy is {speed[2]:.0f} % "
        f"(BN {speed[1]:.0f} %, no BN {speed[0]:.0f} %). "
        + (
            "So inputs that stay where they are cannot be what makes the network fast."
            if is_fast and is_restless
            else "So this does not speak against the paper."
        ),
        f"The cosine of the layer's gradients is {cosine[2]:.2f} with the noise, {cosine[1]:.2f} with BN and {cosine[0]:.2f} without. "
        + (
            "The noise brought the shift back by Santurkar's definition, too."
            if is_back
            else "By Santurkar's definition the noise did not bring the shift back, so the test says nothing about the shift in that "
            "sense: it may still be the reason."
        ),
        f"The effective smoothness is {smoothness[0]:.2g} without BN, {smoothness[1]:.2g} with it and {smoothness[2]:.2g} with the "
        "noise. "
        + (
            "This fits the second explanation; that speed and smoothness go together does not show that one makes the other."
            if is_smooth and is_fast
            else "This does not fit the second explanation."
        ),
    ]
