"""Small networks that come with the course trained on photographs: their weights lie beside the recorded runs that they are of.

    small = trained("multi_scale")
    small.net                          # in evaluation mode; it wants `small.normalise(images)`
    small.sentence                     # what it is, how often it is right, when and where it was trained

`python -m lessons weights multi_scale` trains one of them again.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from course.experiments import experiment
from course.outputs import save_weights
from course.recording import FORM, Task
from utils.data.dataset import Data, Split
from utils.system.files import require_place
from utils.train.runs import Run

# Of CIFAR-10's training images (JPEG), by channel, pixels counted from 0 to 1.
MEAN = (0.4912503841145834, 0.482090271216299, 0.4465209360447303)
STD = (0.24523160744670253, 0.2427815502437434, 0.26062876810583285)


@dataclass(frozen=True)
class Source(Task):
    """A recorded run, and the SHA-256 of its weights' file."""

    sha256: str


SOURCES = {  # by experiment
    each.experiment: each
    for each in (
        Source("multi_scale", "several scales", 0, "21af21fbf3330fdf926cb221f038855d708bd59eadf4dc0fb08efe25499ae887"),
        Source(
            "label_smoothing", "smoothing 0.1", 0, "778636288610cf85dc123d212ced854d7620396258ff6c206ba2b4e65c2ab8b1"
        ),
    )
}


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that has learned, in evaluation mode, and the record of its training."""

    net: nn.Module
    run: Run

    @property
    def classes(self) -> tuple[str, ...]:
        """What it tells apart."""
        return tuple(self.run.data["classes"])

    def normalise(self, images: Tensor) -> Tensor:
        """Photographs as it wants them: uint8, or float from 0 to 1, (N, 3, H, W) -> float32 (N, 3, H, W).

        It was trained on 32 x 32 pixels; other sides work, and things in them should be of the size that they had there.
        """
        return _stand_in(self.run).normalise(images)

    @property
    def sentence(self) -> str:
        """What it is, how often it is right, when and on what it was trained."""
        run, last = self.run, self.run.history[-1]
        return (
            f"{run.network['parameters']:,} parameters, trained on {run.data['train']:,} photographs of CIFAR-10: right on "
            f"{last.test_accuracy:.1%} of the {run.data['test']:,} test photographs "
            f"({run.date[:10]}, {run.machine['device_name']}, {last.epoch} epochs)"
        )

    def __repr__(self) -> str:
        return self.sentence


def trained(name: str) -> Trained:
    """The network of one of an experiment's recorded runs.

    Args:
        name: the experiment's: one of `SOURCES`.

    Raises:
        ValueError: there is no such network, or its file is not the one that was recorded.
        FileNotFoundError: its file is not there; the message says how to train it again.
    """
    source, path = _source(name), weights_file(name)
    again = f"`python -m lessons weights {name} --out FILE` trains the network again."
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: it comes with the course's repository. {again}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != source.sha256:
        raise ValueError(f"{path} is not the file that was recorded. Take it from the course's repository. {again}")
    run = Run.load(path.with_suffix(".json"))
    entry = experiment(name)
    net = entry.network(entry.form(FORM), source.arm, _stand_in(run))()
    net.load_state_dict(torch.load(path, weights_only=True))
    return Trained(net.eval(), run)


def weights_file(name: str) -> Path:
    """Where the weights of a trained network are.

    Raises:
        ValueError: there is no such network.
    """
    return _source(name).path.with_suffix(".pt")


def train_again(name: str, out: Path, *, say: Callable[[str], None] = print) -> Run:
    """Train a network anew as its recorded run was, from the same seed, and write its weights.

    On another machine the last digits differ, and so may the accuracy. Stopped, it leaves a checkpoint beside the weights'
    place, from which the next call goes on.

    Args:
        name: the experiment's: one of `SOURCES`.
        out: the weights' file.
        say: gets a line after each epoch but the last, of which the run tells.

    Raises:
        ValueError: there is no such network.
        FileExistsError: the file is there already.
        OSError: it cannot be written, which is said before anything is trained; or CIFAR-10 is not at hand.
    """
    source, checkpoint = _source(name), out.with_suffix(".checkpoint")
    if out.exists():
        raise FileExistsError(f"{out} is there already. Name another file, or delete it.")
    require_place(out)
    told = 0

    def tell(run: Run, _: float) -> None:
        nonlocal told
        if len(run.history) > told:
            told = len(run.history)
            say(f"epoch {told} of {run.recipe.epochs}: right on {run.history[-1].test_accuracy:.1%} of the test images")

    run = experiment(name).train(FORM, source.arm, source.seed, on_step=tell, checkpoint=checkpoint)
    if run.completed and run.net is not None:
        save_weights(run.net, out)
        checkpoint.unlink(missing_ok=True)
    return run


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise ValueError(f"There is no trained network of {name!r}. There are networks of: {', '.join(SOURCES)}.")
    return SOURCES[name]


def _stand_in(run: Run) -> Data:
    """The run's data set without its images: what a network asks of it."""
    shape = tuple(run.data["image_shape"])
    none = Split(torch.zeros(0, *shape, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))
    return Data(
        name=run.data["name"],
        source=run.data["source"],
        train=none,
        test=none,
        classes=tuple(run.data["classes"]),
        mean=MEAN,
        std=STD,
    )
