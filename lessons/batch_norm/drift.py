"""Figure 1 of "Batch Normalization" (arXiv 1502.03167), made again on handwritten digits: what a unit gets while it learns.

The paper's network of section 4.1: three layers of 100 sigmoid units and a dense layer, batches of 60, small random
weights. The digits are scikit-learn's, 8 x 8 pixels, in place of MNIST's.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from utils.data.sets import load
from utils.show.display import passing_bar

UNITS, LAYERS, BATCH = 100, 3, 60  # section 4.1
SPREAD = 0.1  # standard deviation of the first weights
LEARNING_RATE = 0.5  # of plain gradient descent
PERCENTILES = (15, 50, 85)  # figure 1(b, c)
EVERY = 25  # steps between two looks
PROBE = 400  # training images on which the units' inputs are looked at


@dataclass(frozen=True, eq=False)
class Drift:
    """One training run: what the last hidden layer's sigmoids got, and how good the network was."""

    steps: list[int]
    inputs: Tensor  # (looks, 3, UNITS): the PERCENTILES of each unit's input
    accuracy: list[float]  # on the test images, in per cent

    @property
    def wandering(self) -> float:
        """How far a unit's median wandered from the second look to the last: highest less lowest, mean of all units."""
        medians = self.inputs[1:, 1]
        return (medians.amax(dim=0) - medians.amin(dim=0)).mean().item()

    @property
    def late_accuracy(self) -> float:
        """The mean of the last quarter of the looks: a single look jumps about."""
        late = self.accuracy[-(len(self.accuracy) // 4) :]
        return sum(late) / len(late)


def sigmoid_net(*, normalised: bool) -> nn.Sequential:
    """(N, 64) -> (N, 10): the network, with or without batch normalisation before each sigmoid."""
    layers, before = [], 64
    for _ in range(LAYERS):
        dense = nn.Linear(before, UNITS, bias=not normalised)
        nn.init.normal_(dense.weight, std=SPREAD)
        if not normalised:
            nn.init.zeros_(dense.bias)
        layers += [dense, *([nn.BatchNorm1d(UNITS)] if normalised else []), nn.Sigmoid()]
        before = UNITS
    return nn.Sequential(*layers, nn.Linear(before, 10))


def follow(*, normalised: bool, steps: int = 1000, seed: int = 0) -> Drift:
    """Train the network and look at its last hidden layer's inputs every so many steps."""
    digits = load("digits")
    images, labels = digits.normalise(digits.train.images).flatten(1), digits.train.labels
    test_images, test_labels = digits.normalise(digits.test.images).flatten(1), digits.test.labels
    draws = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = sigmoid_net(normalised=normalised)
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    looked_at, inputs, accuracy = [], [], []
    with passing_bar(total=steps, desc=f"training {'with' if normalised else 'without'} normalisation") as bar:
        for step in range(steps + 1):
            if step % EVERY == 0:
                looked_at.append(step)
                inputs.append(_percentiles(net, images[:PROBE]))
                accuracy.append(_accuracy(net, test_images, test_labels))
                bar.update(step - bar.n)
            chosen = torch.randint(len(labels), (BATCH,), generator=draws)
            loss = cross_entropy(net(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return Drift(looked_at, torch.stack(inputs), accuracy)


@torch.no_grad()
def _percentiles(net: nn.Sequential, images: Tensor) -> Tensor:
    """(3, UNITS): what the last hidden layer's sigmoids get. A copy looks, so that no running statistics change."""
    inputs = copy.deepcopy(net[:-2])(images)
    return inputs.quantile(torch.tensor(PERCENTILES) / 100, dim=0)


@torch.no_grad()
def _accuracy(net: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    right = net.eval()(images).argmax(dim=1) == labels
    net.train()
    return 100 * right.float().mean().item()
