"""The family as a table: a row a network, with what it costs and the errors that are printed of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from lessons.family.paper import PUBLIC, PUBLIC_RELATIVES, Accuracy
from networks import measure
from networks.catalog import NETWORKS, RELATIVES, Entry, entry

PAPERS, PUBLIC_WEIGHTS = "the papers", "public weights"
SOURCES = (PAPERS, PUBLIC_WEIGHTS)
NAMES = tuple(each.name for each in NETWORKS if each.error_source)  # those whose papers print an ImageNet error


@dataclass(frozen=True)
class Row:
    """One network at its paper's size: what it costs, and its errors on ImageNet's validation images.

    Attributes:
        name: as in the catalog.
        title: as it is written under a picture.
        variant: "paper" or "released".
        side: of its images, in pixels.
        parameters, macs, activations: counted; `macs` and `activations` for one image.
        depth: convolutions and dense layers on the longest path.
        top1, top5: errors in per cent, one network, one crop; None where none is printed.
        source: where the errors are printed.
    """

    name: str
    title: str
    variant: str
    side: int
    parameters: int
    macs: int
    activations: int
    depth: int
    top1: float | None
    top5: float | None
    source: str


@cache
def rows(source: str = PAPERS) -> tuple[Row, ...]:
    """The networks whose errors a source prints: in the papers' form with the papers' errors, or as their weights were published.

    Raises:
        ValueError: another source.
    """
    return _rows(source, NETWORKS, PUBLIC)


@cache
def relative_rows(source: str = PAPERS) -> tuple[Row, ...]:
    """The same of the networks that the family is compared with. Not all of these errors are from their own papers."""
    return _rows(source, RELATIVES, PUBLIC_RELATIVES)


def _rows(source: str, entries: Sequence[Entry], public: Mapping[str, Accuracy]) -> tuple[Row, ...]:
    if source not in SOURCES:
        raise ValueError(f"source is {source!r}; it can be {' or '.join(map(repr, SOURCES))}.")
    if source == PAPERS:
        printed = (each for each in entries if each.error_source)
        return tuple(_row(each.name, "paper", each.top1_error, each.top5_error, each.error_source) for each in printed)
    return tuple(_row(name, "released", 100 - each.top1, 100 - each.top5, each.source) for name, each in public.items())


def _row(name: str, variant: str, top1: float | None, top5: float | None, source: str) -> Row:
    found, table = entry(name), measure.cost(name, variant)
    return Row(
        name=name,
        title=found.title.removesuffix(" (Inception-v1)"),
        variant=variant,
        side=table.image_shape[-1],
        parameters=table.parameters,
        macs=table.macs,
        activations=table.activations,
        depth=measure.graph(name, variant).depth(),
        top1=None if top1 is None else round(top1, 3),
        top5=None if top5 is None else round(top5, 3),
        source=source,
    )


Points = Mapping[str, tuple[float, float]]
ROUNDING = 1e-9  # of two errors' difference


def dominators(points: Points, name: str, tolerance: float = 0.0) -> tuple[str, ...]:
    """Who makes this network pointless: no dearer, no worse, and better in one of the two.

    Args:
        points: (cost, error) by name; of both, less is better.
        name: whose dominators are asked.
        tolerance: an error that is lower by no more than this does not count as lower.
    """
    cost, error = points[name]
    found = []
    for other, (its_cost, its_error) in points.items():
        lower = error - its_error  # in points
        no_worse = its_cost <= cost and lower >= -tolerance - ROUNDING
        if no_worse and (its_cost < cost or lower > tolerance + ROUNDING):
            found.append(other)
    return tuple(found)


def pareto_of(points: Points, tolerance: float = 0.0) -> tuple[str, ...]:
    """The names that no other one dominates, in the order of their costs."""
    front = [name for name in points if not dominators(points, name, tolerance)]
    return tuple(sorted(front, key=lambda name: points[name]))


def choose_of(networks: Sequence[Row], max_parameters: float, max_macs: float) -> str | None:
    """The name of the network with the lowest printed top-1 error within both budgets; of equals, the one with fewer MACs."""
    fits = [
        each
        for each in networks
        if each.top1 is not None and each.parameters <= max_parameters and each.macs <= max_macs
    ]
    return min(fits, key=lambda each: (each.top1, each.macs)).name if fits else None
