"""What a race's process is given to do, and how it answers."""

from collections.abc import Callable
from dataclasses import dataclass

from utils.train.recipe import Recipe

Tell = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be trained."""

    entries: dict[str, bytes]  # pickled functions that build the networks
    recipe: Recipe
    data: str
    limit: int | None
    seeds: tuple[int, ...]
    seconds: float | None
    device: str | None
    parent: int  # the starting process's id
