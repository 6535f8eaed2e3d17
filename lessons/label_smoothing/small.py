"""A small network on a few handwritten digits: what smoothing does to its last layer and to its confidence.

It learns in less than a second, from few images, so that it knows them by heart. Some of their labels can be made wrong:
then it knows wrong labels by heart, and is sure of itself where it should not be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from lessons.label_smoothing.smoothing import smoothed_cross_entropy
from utils.data.sets import load
from utils.show.display import passing_bar
from utils.train.loop import seeded
from utils.train.snapshots import Snapshots, spread, steps_to_keep

IMAGES = 200  # to learn from, equally many of each digit
WRONG = 0.3  # the share of wrong labels, where there are any
STEPS, BATCH, RATE = 400, 40, 0.01
FEATURES = 64
WATCHED = {"convolution": "features.1", "hidden layer": "features.5"}  # each with its ReLU
Loss = Callable[[Tensor, Tensor, float], Tensor]  # of (N, K) logits, (N,) labels and epsilon


class SmallNetwork(nn.Module):
    """One convolution, one hidden layer, a classifier. (N, 1, 8, 8) -> (N, 10)"""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),  # 32, 8, 8
            nn.ReLU(),
            nn.MaxPool2d(2),  # 32, 4, 4
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, FEATURES),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(FEATURES, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of some images: `features` (N, 64) before the classifier, `logits` (N, 10), `labels` (N,)."""

    features: Tensor
    logits: Tensor
    labels: Tensor

    @property
    def probabilities(self) -> Tensor:
        """(N, 10)"""
        return self.logits.softmax(dim=1)

    @property
    def accuracy(self) -> float:
        """0 to 1."""
        return (self.logits.argmax(dim=1) == self.labels).float().mean().item()

    @property
    def confidence(self) -> float:
        """Mean probability of the predicted class."""
        return self.probabilities.max(dim=1).values.mean().item()

    @property
    def lead(self) -> float:
        """By how much the largest logit exceeds the mean of the others, on average."""
        largest = self.logits.max(dim=1).values
        others = (self.logits.sum(dim=1) - largest) / (self.logits.shape[1] - 1)
        return (largest - others).mean().item()

    @property
    def tightness(self) -> float:
        """Mean squared distance of an image's features to its class's mean, over that between two classes' means."""
        return spread(self.features, self.labels)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network's answers on the images it was trained on and on new ones, and its classifier's weights (10, 64).

    `kept` is what it was like on the way, where that was asked for.
    """

    epsilon: float
    wrong: float  # the share of wrong labels among those it learned from
    seen: Answers
    new: Answers
    templates: Tensor
    kept: Snapshots | None = None


def digits(wrong: float = 0.0) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(images, labels) to learn from, with this share of wrong labels, and of the test images, whose labels are right.

    Images are float32 (N, 1, 8, 8), labels int64 (N,).
    """
    data = load("digits")
    members = [(data.train.labels == digit).nonzero()[: IMAGES // 10, 0] for digit in range(10)]
    chosen = torch.cat(members)
    labels = data.train.labels[chosen]
    draws = torch.Generator().manual_seed(1)
    is_wrong = torch.rand(len(labels), generator=draws) < wrong
    others = (labels + torch.randint(1, 10, labels.shape, generator=draws)) % 10
    labels = torch.where(is_wrong, others, labels)
    return (data.normalise(data.train.images[chosen]), labels), (data.normalise(data.test.images), data.test.labels)


def trained(
    epsilon: float,
    wrong: float = 0.0,
    *,
    seed: int = 0,
    loss: Loss = smoothed_cross_entropy,
    watched: bool = False,
) -> Trained:
    """Train the small network, by Adam, with this smoothing, and keep some steps of it. The same call again takes no time."""
    return _trained(epsilon, wrong, seed, loss, watched)


@lru_cache(maxsize=64)
def _trained(epsilon: float, wrong: float, seed: int, loss: Loss, watched: bool = False) -> Trained:
    (x, labels), (new_x, new_labels) = digits(wrong)
    kept = Snapshots(load("digits"), layers=WATCHED) if watched else None
    steps = steps_to_keep(STEPS, 1) if watched else []
    with seeded(seed):  # on a CPU: a network of this size is no faster on a GPU
        net = SmallNetwork()
        optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
        for step in range(STEPS + 1):
            if kept is not None and step in steps:
                kept.look(net, step)
            if step == STEPS:
                break
            batch = torch.randperm(len(x))[:BATCH]
            value = loss(net(x[batch]), labels[batch], epsilon)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()

    @torch.no_grad()
    def answers(images: Tensor, labels: Tensor) -> Answers:
        features = net.features(images)
        return Answers(features, net.classifier(features), labels)

    return Trained(epsilon, wrong, answers(x, labels), answers(new_x, new_labels), net.classifier.weight.detach(), kept)


def train_all(
    epsilons: Sequence[float],
    wrong: Sequence[float] = (0.0,),
    *,
    loss: Loss = smoothed_cross_entropy,
    watched: bool = False,
) -> dict[tuple[float, float], Trained]:
    """One network for each epsilon and each share of wrong labels, by the pair of them, with a progress bar."""
    pairs = [(epsilon, share) for share in wrong for epsilon in epsilons]
    networks = {}
    with passing_bar(total=len(pairs), desc="small networks") as bar:
        for epsilon, share in pairs:
            networks[epsilon, share] = trained(epsilon, share, loss=loss, watched=watched)
            bar.update()
    return networks


def on_plane(features: Tensor, templates: Tensor) -> Tensor:
    """(N, F) features -> (N, 2): projected on the plane through three classes' templates (3, F).

    As Müller, Kornblith and Hinton do it ("When does label smoothing help?", section 2). The first axis points from
    the first template to the second; the third lies on the side of larger second coordinates.
    """
    origin, second, third = templates
    first_axis = (second - origin) / (second - origin).norm()
    aside = (third - origin) - ((third - origin) @ first_axis) * first_axis
    axes = torch.stack([first_axis, aside / aside.norm()], dim=1)  # F, 2
    return (features - origin) @ axes
