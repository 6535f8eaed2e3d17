"""What the catalog's networks cost, counted on the device "meta": for the ledger, the family's table and the lessons.

Each network is built and run through once; what is asked of it again comes from memory.
"""

import functools
from collections.abc import Iterable

import torch

from networks.base import SIZES, Network
from networks.catalog import create, entry, names, relatives
from utils.cost.table import Table, profile
from utils.cost.trace import Trace, trace

MINI_SIDE, MINI_CLASSES = 32, 10

# A printed figure that says "about", or is a rounded factor, holds if the measured one is at most a tenth away from
# it, and in part if it is at most a quarter away.
ABOUT, ROUGHLY = 0.10, 0.25


@functools.cache
def network(
    name: str, variant: str = "paper", *, size: str = "full", width: float = 1.0, aux_heads: bool = False
) -> Network:
    """A network without numbers, with 1000 classes at full size and 10 at mini size. Do not change it: it is shared."""
    with torch.device("meta"):
        classes = 1000 if size == "full" else MINI_CLASSES
        return create(name, variant=variant, size=size, width=width, aux_heads=aux_heads, num_classes=classes).eval()


def image_shape(name: str, size: str = "full") -> tuple[int, int, int]:
    """(channels, height, width) of the images that a network is for."""
    side = entry(name).input_size if size == "full" else MINI_SIDE
    return (3, side, side)


@functools.cache
def cost(
    name: str, variant: str = "paper", *, size: str = "full", width: float = 1.0, aux_heads: bool = False
) -> Table:
    """A network's cost, layer by layer, on one image of its paper's size."""
    return profile(network(name, variant, size=size, width=width, aux_heads=aux_heads), image_shape(name, size))


@functools.cache
def graph(name: str, variant: str = "paper", *, size: str = "full") -> Trace:
    """Every operation of a network on one image of its paper's size."""
    return trace(network(name, variant, size=size), image_shape(name, size))


def forget() -> None:
    """Build and count everything anew, after a change of a network."""
    for remembered in (network, cost, graph):
        remembered.cache_clear()


def about(measured: float, printed: float) -> str:
    """The verdict on a rounded or approximate figure."""
    away = abs(measured - printed) / abs(printed)
    return "holds" if away <= ABOUT else "holds in part" if away <= ROUGHLY else "does not hold"


def all_or_part(*parts: bool) -> str:
    """The verdict on a claim of several parts."""
    return "holds" if all(parts) else "holds in part" if any(parts) else "does not hold"


def family(size: str = "full") -> str:
    """The table of all networks of the family and their variants as text, as `side_by_side` has it.

    Raises:
        ValueError: a size that does not exist.
    """
    return side_by_side(names(), size)


def side_by_side(chosen: Iterable[str], size: str = "full") -> str:
    """A table of networks and their variants as text: parameters, MACs, activations, depth, input, the printed error.

    Args:
        chosen: names of the catalog, of the family or of its relatives.
        size: "full" or "mini".

    Raises:
        ValueError: a name or a size that does not exist.
    """
    chosen = tuple(chosen)
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; it can be {' or '.join(map(repr, SIZES))}.")
    head = ("network", "variant", "parameters", "MACs", "activations", "depth", "input", "error, %")
    rows = [head]
    for each in map(entry, chosen):
        seen = set()
        for variant in each.variants:
            table = cost(each.name, variant, size=size)
            record = graph(each.name, variant, size=size)
            depth, once = record.depth(), record.depth(separable_once=True)
            counts = f"{table.parameters:,}", f"{table.macs:,}", f"{table.activations:,}"
            line = (*counts, f"{depth}" if depth == once else f"{depth} ({once})", f"{table.image_shape[-1]}")
            if line in seen:  # the variants differ in nothing that is counted here
                rows[-1] = (rows[-1][0], "both", *rows[-1][2:])
                continue
            seen.add(line)
            errors = [_error_text(error) for error in (each.top1_error, each.top5_error)]
            printed = " / ".join(errors) if variant == "paper" and each.error_source else ""
            rows.append((each.name, variant, *line, printed))
    columns = range(len(head) if size == "full" else len(head) - 1)
    widths = [max(len(row[column]) for row in rows) for column in columns]
    lines = [
        "  ".join(
            row[column].ljust(width) if column < 2 else row[column].rjust(width)
            for column, width in zip(columns, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    notes = [
        "MACs: multiply-adds of convolutions and dense layers for one image.",
        "Depth: convolutions and dense layers on the longest path; in brackets with a separable",
        "convolution counted once.",
    ]
    if size == "full":
        notes += (
            "Error: top-1 / top-5 on ImageNet's validation images, one network, one crop, as its paper",
            "prints it.",
        )
        if any(each in relatives() for each in chosen):
            notes += (
                "That of a relative is from a paper that compares with it, or from its authors' list of",
                "models.",
            )
    else:
        notes.append(f"Mini size: images of {MINI_SIDE} × {MINI_SIDE} in {MINI_CLASSES} classes.")
    return "\n".join([*lines, "", *notes])


def _error_text(error: float | None) -> str:
    """With one decimal, or two where the paper prints two; a dash where it prints none."""
    return "–" if error is None else f"{error:.2f}".removesuffix("0")
