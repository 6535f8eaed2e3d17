"""Inception-v3 and v4 cut into the same stages, to lay them side by side."""

from networks import measure
from utils.cost.table import Cost, total

STAGES = ("stem", "A, 35 grid", "reduction A", "B, 17 grid", "reduction B", "C, 8 grid", "classifier")
NETWORKS = {"Inception-v3": "inception_v3", "Inception-v4": "inception_v4"}

_BY_PREFIX = {
    "stem": "stem",
    "mixed_5": "A, 35 grid",
    "inception_a": "A, 35 grid",
    "mixed_6a": "reduction A",
    "reduction_a": "reduction A",
    "mixed_6": "B, 17 grid",
    "inception_b": "B, 17 grid",
    "mixed_7a": "reduction B",
    "reduction_b": "reduction B",
    "mixed_7": "C, 8 grid",
    "inception_c": "C, 8 grid",
    "global_pool": "classifier",
    "classifier": "classifier",
}


def stage_of(child: str) -> str:
    """The stage that a direct child of Inception-v3 or v4 belongs to, by the child's name.

    Raises:
        ValueError: it is no child of either.
    """
    for prefix, stage in _BY_PREFIX.items():
        if child.startswith(prefix):
            return stage
    raise ValueError(f"{child!r} is no part of Inception-v3 or v4; parts begin with {', '.join(_BY_PREFIX)}.")


def by_stage(name: str) -> dict[str, Cost]:
    """Parameters, multiply-adds and activations of each stage of a network of the catalog."""
    costs: dict[str, list[Cost]] = {stage: [] for stage in STAGES}
    for child, cost in measure.cost(name).by_stage().items():
        costs[stage_of(child)].append(cost)
    return {stage: total(parts) for stage, parts in costs.items()}


def fields(name: str) -> dict[str, int]:
    """Width in pixels of what one unit sees behind each stage but the last, which sees the whole image."""
    last = {}
    for row in measure.cost(name).rows:
        if row.receptive_field is not None:
            last[stage_of(row.name.split(".")[0])] = row.receptive_field[1]
    return last


# Where the layers of `lessons.inception_v4.printed.WAY` end in the course's network.
PLACES = (
    "stem.conv_1", "stem.conv_2", "stem.conv_3", "stem.fork_1.pool", "stem.fork_2.short.0", "stem.fork_2.short.1",
    "stem.fork_3.pool", "reduction_a.pool", "reduction_b.pool",
)  # fmt: skip


def followed() -> list[tuple[str, tuple[int, int, int]]]:
    """(place, shape) behind each layer on Inception-v4's way through its pools, as they flow in the network."""
    last = {}
    for row in measure.cost("inception_v4").rows:
        for place in PLACES:
            if row.name == place or row.name.startswith(f"{place}."):
                last[place] = row.shape
    return [(place, last[place]) for place in PLACES]
