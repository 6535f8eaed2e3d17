"""Fine-tuning: a network that has learned some digits is to tell three others apart, from a folder with few images of each."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from networks.catalog import create
from utils.data.dataset import Data
from utils.data.sets import load
from utils.show.display import passing_bar
from utils.train.loop import fit
from utils.train.recipe import Recipe
from utils.train.runs import Run

NETWORK = "bn_inception"
OLD, NEW = tuple(range(7)), (7, 8, 9)  # digits that the trunk learns, and those that it is tuned to
FEW = 10  # training images of each new digit; the others test
SCRATCH, WHOLE, FROZEN = "from scratch", "whole network", "frozen trunk"
PRETRAINING = Recipe(
    epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01
)
TUNING = Recipe(
    epochs=12, batch_size=10, optimizer="adamw", learning_rate=0.005, schedule="one_cycle", weight_decay=0.01
)

Freeze = Callable[[nn.Module, int], nn.Module]


class FrozenTrunk(nn.Module):
    """A trained network of the course with a new classifier; all of it but the classifier stays as it is.

    Without gradients for the trunk its weights stay. Its batch normalisation would still collect new statistics in training
    mode, and use those of each batch: so the trunk is kept in evaluation mode. (N, C, H, W) -> (N, classes)

    Args:
        net: the trained network; it is changed.
        classes: how many classes the new classifier tells apart.
    """

    def __init__(self, net: nn.Module, classes: int):
        super().__init__()
        self.net = net.requires_grad_(False)
        self.net.classifier = nn.Linear(net.classifier.in_features, classes)
        self.train()

    def train(self, mode: bool = True) -> "FrozenTrunk":
        super().train(mode)
        self.net.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)


def write_digits(folder: Path) -> tuple[Path, Path]:
    """scikit-learn's handwritten digits as PNG files, one sub-folder a class: (folder of the old digits, of the new ones).

    The new ones lie in `train`, FEW a class, and `test`. Files that are there are written again.
    """
    data = load("digits")
    counts = [0] * 10
    for split in (data.train, data.test):
        for image, label in zip(split.images, split.labels.tolist(), strict=True):
            part = Path("new") / ("train" if counts[label] < FEW else "test") if label in NEW else Path("old")
            place = folder / part / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0].numpy()).save(place / f"{counts[label]:03d}.png")
            counts[label] += 1
    return folder / "old", folder / "new"


def pretrain(folder: Path, *, show: bool = True) -> Run:
    """A mini network that tells the digits of this folder apart: `run.net`."""
    data = load(folder)
    return fit(_new(len(data.classes)), data, PRETRAINING, seed=0, show=show, name=NETWORK)


def _new(classes: int) -> Callable[[], nn.Module]:
    return lambda: create(NETWORK, size="mini", num_classes=classes)


def arms(trained: nn.Module, classes: int, freeze: Freeze = FrozenTrunk) -> dict[str, Callable[[], nn.Module]]:
    """What is compared, by name: functions that build the network to train."""

    def whole() -> nn.Module:
        net = deepcopy(trained).requires_grad_(True)
        net.classifier = nn.Linear(net.classifier.in_features, classes)
        return net

    return {SCRATCH: _new(classes), WHOLE: whole, FROZEN: lambda: freeze(deepcopy(trained), classes)}


def tune(
    trained: nn.Module, folder: Path, freeze: Freeze = FrozenTrunk, *, seeds: Sequence[int] = (0, 1, 2),
    recipe: Recipe = TUNING, show: bool = True,
) -> dict[str, list[Run]]:  # fmt: skip
    """Every arm with every seed on a folder of images; the same recipe, images and order in all."""
    data = load(folder)
    found: dict[str, list[Run]] = {}
    built = arms(trained, len(data.classes), freeze)
    with passing_bar(total=len(seeds) * len(built) * recipe.epochs, desc="tuning", disable=not show) as bar:
        for name, build in built.items():
            found[name] = [_fit(build, data, recipe, seed, name, bar) for seed in seeds]
    return found


def _fit(build: Callable[[], nn.Module], data: Data, recipe: Recipe, seed: int, name: str, bar) -> Run:
    start = bar.n
    bar.set_description(f"{name}, seed {seed}")
    on_step = lambda _run, done: bar.update(start + done * recipe.epochs - bar.n)  # noqa: E731
    return fit(build, data, recipe, seed=seed, show=False, on_step=on_step, name=name)


def trained_share(runs: Mapping[str, Sequence[Run]]) -> dict[str, float]:
    """The share of each arm's parameters that its training changes."""
    shares = {}
    for name, each in runs.items():
        numbers = [(p.numel(), p.requires_grad) for p in each[0].net.parameters()]
        shares[name] = sum(n for n, is_trained in numbers if is_trained) / sum(n for n, _ in numbers)
    return shares


def seconds_a_step(runs: Mapping[str, Sequence[Run]]) -> dict[str, float]:
    """The median over all epochs of an arm's runs of the time that a step takes, from the record of the runs."""
    found = {}
    for name, each in runs.items():
        speeds = torch.tensor([speed for run in each for speed in run.column("images_per_second")])
        found[name] = each[0].recipe.batch_size / speeds.median().item()
    return found
