"""Packages that only some uses need. Where one is missing, it is named when it is needed, with what to install.

    with needed("A picture"):
        from matplotlib.figure import Figure

Training, counting and the command line need torch and numpy; typer reads the command line.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

from utils.system.places import PACKAGES

DISTRIBUTIONS = {  # what is installed under another name than it is imported by
    "PIL": "pillow",
    "IPython": "ipython",
    "huggingface_hub": "huggingface-hub",
    "sklearn": "scikit-learn",
}


class Missing(ModuleNotFoundError):
    """A package is not installed; the message names it, what needs it, and what to install."""


@contextmanager
def needed(use: str) -> Iterator[None]:
    """Within, packages are imported; `use` is the beginning of the sentence that says what needs them.

    Raises:
        Missing: one is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as problem:
        words = sentence(problem, use)
        if words is None or isinstance(problem, Missing):
            raise
        raise Missing(words, name=problem.name, path=problem.path) from None


def require(package: str, use: str) -> None:
    """See, before the work that needs it, that a package is there; as `needed`."""
    with needed(use):
        importlib.import_module(package)


def sentence(problem: ModuleNotFoundError, use: str = "This") -> str | None:
    """What to say of a package that is missing; None where it is a module of the course's own, or has no name."""
    package = (problem.name or "").partition(".")[0]
    if not package or package in PACKAGES:
        return None
    if isinstance(problem, Missing):
        return str(problem)
    name = DISTRIBUTIONS.get(package, package)
    return f"{use} needs {name}, which is not installed here. Install it: pip install {name}"
