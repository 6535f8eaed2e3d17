"""What operations are counted in: one switch for every table, diagram, chart, lab and map of the course.

A MAC is one multiply and one add, two floating-point operations: a count of FLOPs is twice the count of MACs. The papers
of this course count MACs, whatever they call them. `use` is kept with the learner's progress.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

from utils.system.progress_file import change_progress, progress_file, read_progress

Result = TypeVar("Result")


@dataclass(frozen=True)
class Unit:
    """What is counted: in a word, in letters for narrow places, and how many of them one MAC is."""

    words: str
    letters: str
    each: int


UNITS = {"macs": Unit("multiply-adds", "MACs", 1), "flops": Unit("FLOPs", "FLOPs", 2)}
KEY = "unit"  # in the progress file


def use(name: str) -> None:
    """Count in "macs" or in "flops" from here on, in every lesson; what is shown already turns when its cell is run again.

    Raises:
        ValueError: another name.
    """
    if name not in UNITS:
        raise ValueError(f"The unit is {name!r}; it can be {' or '.join(map(repr, UNITS))}.")
    note = change_progress(lambda data: data.__setitem__(KEY, name))
    print(f"Costs are counted in {UNITS[name].words} from here on. Run a cell again to see it so. {note}".strip())


def current() -> Unit:
    """The unit that the learner has chosen; MACs where none is."""
    path = progress_file()
    try:
        return _kept(str(path), path.stat().st_mtime_ns)
    except OSError:
        return UNITS["macs"]


@lru_cache(maxsize=1)  # a lab asks for it many times a second; the file is read when it has changed
def _kept(_path: str, _changed: int) -> Unit:
    return UNITS.get(str(read_progress()[0].get(KEY)), UNITS["macs"])


def words() -> str:
    """ "multiply-adds" or "FLOPs"."""
    return current().words


def letters() -> str:
    """ "MACs" or "FLOPs"."""
    return current().letters


def count(macs: Any) -> Any:
    """A number of MACs, or an array of such, in the unit."""
    return macs * current().each


def of(cost: object, what: str) -> int:
    """What a cost or table has of "parameters", "macs" or "activations"; MACs in the unit."""
    value: int = getattr(cost, what)
    return count(value) if what == "macs" else value


def title(what: str) -> str:
    """What stands over a column or an axis of "parameters", "macs" or "activations"."""
    return words() if what == "macs" else what


def cached(maxsize: int) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """`functools.lru_cache` for what shows counts: kept for each unit by itself."""

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        kept = lru_cache(maxsize)(lambda _unit, *arguments: function(*arguments))
        return wraps(function)(lambda *arguments: kept(current(), *arguments))

    return decorate
