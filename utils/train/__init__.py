"""Training: `fit` trains a network by a `Recipe` and returns the `Run`.

What is named here is imported when it is first asked for: a process that only reads a recipe need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from utils.train.loop import compare, fit, logits_of
    from utils.train.recipe import Recipe
    from utils.train.runs import Run

__all__ = ["Recipe", "Run", "compare", "fit", "logits_of"]

_PLACES = {"Recipe": "recipe", "Run": "runs", "compare": "loop", "fit": "loop", "logits_of": "loop"}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
