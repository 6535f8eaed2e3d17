"""Every experiment of the course by its name. Each is one file in the folder `experiments` of its lesson."""

import importlib

from lessons.syllabus import LESSONS
from utils.experiment import Experiment


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
    for lesson in LESSONS:
        for path in sorted((lesson.folder / "experiments").glob("*.py")):
            if path.stem != "__init__":
                found[path.stem] = lesson.slug
    return found
