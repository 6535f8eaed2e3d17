"""Several networks whose answers are averaged: what that brings, and what it would bring if their errors were independent."""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import torch
from torch import Tensor
from torch.nn import functional as F


def ensemble(logits: Tensor) -> Tensor:
    """The mean of several networks' probabilities: (networks, N, K) logits -> (N, K)."""
    return logits.softmax(dim=2).mean(dim=0)


def error_left(similarity: float, networks: int) -> float:
    """The share of the members' mean squared error that is left when so many of them are averaged.

    `similarity` is the mean product of two members' errors over the mean square of one: 0 where they err independently, 1
    where all err alike.
    """
    return similarity + (1 - similarity) / networks


def errors_of(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Probabilities (..., N, K) minus the hard targets of the labels (N,)."""
    return probabilities - F.one_hot(labels, probabilities.shape[-1])


def squared_error(probabilities: Tensor, labels: Tensor) -> float:
    """The squared distance of (N, K) probabilities to the hard targets, averaged over the images: from 0 to 2."""
    return errors_of(probabilities, labels).square().sum(dim=1).mean().item()


def similarity_of(logits: Tensor, labels: Tensor) -> float:
    """How alike the errors of several networks are, for `error_left`: the mean over all pairs of (networks, N, K) logits.

    Raises:
        ValueError: fewer than two networks.
    """
    if len(logits) < 2:
        raise ValueError(f"There is {len(logits)} network; two or more can be compared.")
    errors = errors_of(logits.softmax(dim=2), labels).flatten(1)
    products = errors @ errors.T
    networks = len(logits)
    return ((products.sum() - products.trace()) / (networks - 1) / products.trace()).item()


def independent(logits: Tensor, labels: Tensor, seed: int = 0) -> Tensor:
    """The same networks, made to err independently: each one's answers change places among the images of one class.

    Every network stays as accurate as it was and takes the same classes for one another as often; only that two networks are wrong
    on the *same* image is now chance. (networks, N, K) -> the same
    """
    draws, shuffled = torch.Generator().manual_seed(seed), logits.clone()
    for label in labels.unique():
        members = (labels == label).nonzero()[:, 0]
        for network in range(len(logits)):
            shuffled[network, members] = logits[network, members[torch.randperm(len(members), generator=draws)]]
    return shuffled


@dataclass(frozen=True)
class BySize:
    """What all ensembles of one size are on average: their number, accuracy in per cent, and squared error."""

    networks: int
    ensembles: int
    accuracy: float
    error: float


def by_size(logits: Tensor, labels: Tensor) -> list[BySize]:
    """All ensembles of 1, 2, ... of the networks (networks, N, K)."""
    probabilities, found = logits.softmax(dim=2), []
    for networks in range(1, len(logits) + 1):
        means = [probabilities[list(chosen)].mean(dim=0) for chosen in combinations(range(len(logits)), networks)]
        right = [(mean.argmax(dim=1) == labels).double().mean().item() for mean in means]
        errors = [squared_error(mean, labels) for mean in means]
        count = comb(len(logits), networks)
        found.append(BySize(networks, count, 100 * sum(right) / count, sum(errors) / count))
    return found


@dataclass(frozen=True)
class Gain:
    """What averaging networks brings, in points of accuracy: as measured, and with errors made independent."""

    alone: float  # their mean accuracy in per cent
    measured: float
    independent: float

    @property
    def share(self) -> float:
        """The measured gain as a share of the one with independent errors; 0 where that is no gain."""
        return self.measured / self.independent if self.independent > 0 else 0.0


def gain(logits: Tensor, labels: Tensor) -> Gain:
    """What averaging all of the networks (networks, N, K) brings."""
    measured, apart = by_size(logits, labels), by_size(independent(logits, labels), labels)
    alone = measured[0].accuracy
    return Gain(alone, measured[-1].accuracy - alone, apart[-1].accuracy - alone)
