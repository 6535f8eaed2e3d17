"""Data sets: `load` takes a name or a folder."""

from utils.data.dataset import Data, Split
from utils.data.sets import load, show

__all__ = ["Data", "Split", "load", "show"]
