"""Public weights in the course's own networks, looking at a photograph; and what stands in for them where they are not at hand."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import torch
from torch import Tensor

from networks.base import Network
from networks.catalog import create
from networks.pretrained import CHECKPOINTS, Preprocessing, weights_folder
from networks.weights import as_published, load_weights
from utils.train.prepare import seeded


@dataclass(frozen=True)
class Looker:
    """A network with weights in a public format, and how it wants its images.

    Attributes:
        net: in evaluation mode.
        preprocessing: from photographs to what the network reads.
        is_published: False where the weights are random numbers in the format of the published ones.
        sentence: which weights these are.
    """

    net: Network
    preprocessing: Preprocessing
    is_published: bool
    sentence: str

    @torch.no_grad()
    def probabilities(self, photograph: np.ndarray) -> Tensor:
        """Of the 1000 classes, for one photograph, uint8 (H, W, 3): (1000,)."""
        images = torch.tensor(photograph).permute(2, 0, 1)[None]
        return self.net(self.preprocessing(images)).softmax(dim=1)[0]


def file_on_this_machine(name: str) -> Path | None:
    """The published file of a network's weights, in the course's cache or in torch's; None where it is in neither."""
    file = Path(urlsplit(CHECKPOINTS[name].url).path).name
    for folder in (weights_folder(), Path(torch.hub.get_dir()) / "checkpoints"):
        if (folder / file).is_file():
            return folder / file
    return None


def looker(name: str = "googlenet", *, download: bool = False) -> Looker:
    """A network of the course with its public weights: from this machine, or downloaded if that is asked for.

    Where the file is not here and `download` is False, random weights are written to a file under the publisher's names and
    read back by the same code. Then the logits mean nothing, and `sentence` says so.

    Raises:
        ValueError: there are no published weights of that name; the message lists those there are.
        FileNotFoundError: `download` is True, and there is no network.
    """
    if name not in CHECKPOINTS:
        raise ValueError(f"There are no published weights of {name!r}. There are of: {', '.join(CHECKPOINTS)}.")
    checkpoint = CHECKPOINTS[name]
    if download or file_on_this_machine(name):
        net = create(name, variant="released", pretrained=True).eval()
        sentence = f"{name} with the weights that {checkpoint.source} published."
        return Looker(net, checkpoint.preprocessing, True, sentence)
    with seeded(0):
        made, net = (create(name, variant="released") for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        torch.save(as_published(made, checkpoint.source), path)
        loaded = load_weights(net, torch.load(path, weights_only=True), checkpoint.source)
    sentence = (
        f"The published weights of {name} are not on this machine. In their place stand random ones in {checkpoint.source}'s "
        f"format, {len(loaded.placed)} tensors: the code is the same, what the network says means nothing."
    )
    return Looker(net.eval(), checkpoint.preprocessing, False, sentence)


def class_names() -> tuple[str, ...]:
    """What ImageNet's 1000 classes are called: from torchvision where it is installed, else their numbers."""
    try:
        from torchvision.models._meta import _IMAGENET_CATEGORIES
    except ImportError:
        return tuple(f"class {number}" for number in range(1000))
    return tuple(_IMAGENET_CATEGORIES)


def top(probabilities: Tensor, count: int = 5) -> tuple[tuple[str, float], ...]:
    """The likeliest classes by name, with their probabilities."""
    names = class_names()
    values, classes = probabilities.topk(count)
    return tuple((names[number], value) for number, value in zip(classes.tolist(), values.tolist(), strict=True))
