"""Every experiment of the course by its name. Each is one file in the folder `experiments` of its lesson."""

import importlib
from pathlib import Path

from utils.experiment import Experiment

HERE = Path(__file__).parent
# The lessons in the order in which experiments are listed; a folder without experiments takes no part.
FOLDERS = (
    "inception_module",
    "googlenet",
    "batch_norm",
    "factorization",
    "label_smoothing",
    "inception_v4",
    "residual_scaling",
    "xception",
)


def names() -> tuple[str, ...]:
    """The names of all experiments, lesson by lesson."""
    return tuple(_files())


def experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    files = _files()
    if name not in files:
        raise ValueError(f"There is no experiment {name!r}. There are: {', '.join(files)}.")
    return importlib.import_module(f"lessons.{files[name]}.experiments.{name}").EXPERIMENT


def lesson_of(name: str) -> str:
    """The slug of the lesson that an experiment belongs to."""
    return _files()[name]


def _files() -> dict[str, str]:
    """The lesson's slug of each experiment, by the experiment's name."""
    found = {}
    for slug in FOLDERS:
        for path in sorted((HERE / slug / "experiments").glob("*.py")):
            if path.stem != "__init__":
                found[path.stem] = slug
    return found
