"""Every block of every network of the course, as settings of `AnyBlock`, taken from the networks' tables.

What comes before the blocks (the plain layers of the stems, Xception's block1) and behind them (auxiliary heads,
classifiers) is not here: layers one after another, with nothing to choose between.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from course.syllabus import LESSONS
from labs.any_block import EACH
from networks import (
    bn_inception,
    deeplab_xception,
    googlenet,
    inception_resnet_v1,
    inception_resnet_v2,
    inception_v2,
    inception_v3,
    inception_v4,
    xception,
)


@dataclass(frozen=True)
class Preset:
    """A block as it stands in its network at full size.

    Attributes:
        name: for a menu, "GoogLeNet 3a".
        network: its name in the catalog.
        children: the children of the network that are this block, one after another.
        grid: side of the grid that comes in.
        settings: the arguments of `AnyBlock`.
    """

    name: str
    network: str
    children: tuple[str, ...]
    grid: int
    settings: dict[str, object]


@cache
def presets(through: str = "xception") -> tuple[Preset, ...]:
    """The blocks that the lessons through the one of this slug build, in the order of the course.

    Lesson 01 knows two rows of GoogLeNet's table.

    Raises:
        ValueError: there is no such lesson, or it comes before the first block.
    """
    slugs = [lesson.slug for lesson in LESSONS]
    if through not in slugs[1:]:
        raise ValueError(f"There are no blocks through {through!r}; it can be {', '.join(slugs[1:])}.")
    known = slugs[: slugs.index(through) + 1]
    found: list[Preset] = []
    if known[-1] == "inception_module":
        found += _first_modules()
    for slug, blocks in _BY_LESSON.items():
        if slug in known:
            found += blocks()
    return tuple(found)


def _first_modules() -> Iterator[Preset]:
    """The rows of lesson 01: 3a and 3b."""
    yield from islice(_googlenet(), 2)


def _googlenet() -> Iterator[Preset]:
    channels, grids = googlenet.STEM["conv2"], {"3": 28, "4": 14, "5": 7}
    for child, widths in googlenet.MODULES.items():
        name = child.removeprefix("inception_")
        yield Preset(f"GoogLeNet {name}", "googlenet", (child,), grids[name[0]], _v1(channels, widths))
        channels = widths.out_channels


def _bn_inception() -> Iterator[Preset]:
    channels, grids = bn_inception.STEM["conv2"], {"3": 28, "4": 14, "5": 7}
    for child, widths in bn_inception.MODULES.items():
        name = child.removeprefix("inception_")
        if isinstance(widths, bn_inception.ReductionWidths):
            settings, out = _reduction_a(channels, widths, padding="same"), widths.out_channels(channels)
        else:
            pool = "max" if child == bn_inception.MAX_POOLED else "average"
            settings, out = _a(channels, widths, pool=pool), widths.out_channels
        yield Preset(f"BN-Inception {name}", "bn_inception", (child,), grids[name[0]], settings)
        channels = out


def _factorized() -> Iterator[Preset]:
    forked = inception_v2.forked_out_channels
    for name, title, table in (
        ("inception_v2", "Inception-v2", inception_v2.TABLE_V2),
        ("inception_v3", "Inception-v3", inception_v3.TABLE_V3),
    ):
        channels = [row.width for row in table.stem if isinstance(row, inception_v2.Conv)][-1]
        rows: list[tuple[str, int, dict, int]] = []
        for letter, widths in zip("bcd", table.figure_5, strict=False):
            rows.append((f"mixed_5{letter}", 35, _a(channels, widths, window=table.single_kernel), widths.out_channels))
            channels = widths.out_channels
        out = table.to_17.out_channels(channels)
        rows.append(("mixed_6a", 35, _reduction_a(channels, table.to_17, padding="valid"), out))
        channels = out
        for letter, widths in zip("bcdef", table.figure_6, strict=False):
            rows.append((f"mixed_6{letter}", 17, _b(channels, widths), widths.out_channels))
            channels = widths.out_channels
        out = table.to_8.out_channels(channels)
        rows.append(("mixed_7a", 17, _reduction_b(channels, table.to_8), out))
        channels = out
        for letter, widths in zip("bc", table.figure_7, strict=False):
            rows.append((f"mixed_7{letter}", 8, _c(channels, widths, form="threes"), forked(widths)))
            channels = forked(widths)
        for child, grid, settings, _ in rows:
            yield Preset(f"{title} {child}", name, (child,), grid, settings)


def _v4() -> Iterator[Preset]:
    stem = {"norm": True}
    pool = {"pool_kind": "max", "padding": "valid"}

    def preset(name: str, grid: int, settings: dict, *children: str) -> Preset:
        return Preset(f"Inception-v4 {name}", "inception_v4", children, grid, settings)

    def repeated(name: str, count: int) -> list[str]:
        return [f"{name}_{number}" for number in range(count)]

    yield preset(
        "stem, fork 1", 147, stem | pool | {"in_channels": 64, "three": 96, "halving": "stride"}, "stem.fork_1"
    )
    fork_2 = {
        "in_channels": 160, "three_reduce": 64, "three": 96, "five_reduce": 64, "five": 96, "five_window": 7,
        "five_form": "factors, three", "five_between": (64, 64), "padding": "valid",
    }  # fmt: skip
    yield preset("stem, fork 2", 73, stem | fork_2, "stem.fork_2")
    yield preset(
        "stem, fork 3", 71, stem | pool | {"in_channels": 192, "three": 192, "halving": "stride"}, "stem.fork_3"
    )
    channels = inception_v4.FIGURE_4.out_channels
    yield preset("A", 35, _a(channels, inception_v4.FIGURE_4), *repeated("inception_a", inception_v4.REPEATS_A))
    yield preset("reduction A", 35, _reduction_a(channels, inception_v4.FIGURE_7, padding="valid"), "reduction_a")
    channels = inception_v4.FIGURE_7.out_channels(channels)
    yield preset("B", 17, _b(channels, inception_v4.FIGURE_5), *repeated("inception_b", inception_v4.REPEATS_B))
    yield preset("reduction B", 17, _reduction_b(channels, inception_v4.FIGURE_8), "reduction_b")
    channels = inception_v4.FIGURE_8.out_channels(channels)
    block = _c(channels, inception_v4.FIGURE_6, form="turned factors, three")
    yield preset("C", 8, block, *repeated("inception_c", inception_v4.REPEATS_C))


def _inception_resnet() -> Iterator[Preset]:
    for name, title, table, channels in (
        (
            "inception_resnet_v1",
            "Inception-ResNet-v1",
            inception_resnet_v1.V1["paper"],
            inception_resnet_v1.STEM_V1[-1].width,
        ),
        (
            "inception_resnet_v2",
            "Inception-ResNet-v2",
            inception_resnet_v2.V2["paper"],
            inception_v4.FIGURE_4.out_channels,
        ),
    ):
        a, b, c = (
            [f"inception_resnet_{letter}_{number}" for number in range(count)]
            for letter, count in zip("abc", table.repeats, strict=True)
        )
        yield Preset(f"{title} A", name, tuple(a), 35, _residual(channels, table.block_a, None, 0.17))
        reduction = _reduction_a(channels, table.reduction_a, padding="valid")
        yield Preset(f"{title} reduction A", name, ("reduction_a",), 35, reduction)
        channels = table.reduction_a.out_channels(channels)
        yield Preset(f"{title} B", name, tuple(b), 17, _residual(channels, table.block_b, 7, 0.10))
        yield Preset(
            f"{title} reduction B", name, ("reduction_b",), 17, _three_way_reduction(channels, table.reduction_b)
        )
        channels = table.reduction_b.out_channels(channels)
        yield Preset(f"{title} C", name, tuple(c), 8, _residual(channels, table.block_c, 3, 0.20))


def _xception() -> Iterator[Preset]:
    last = xception.MIDDLE_REPEATS + 5
    rows = [(name, (name,), row) for name, row in xception.ENTRY_FLOW.items()]
    rows.append(("middle flow", tuple(f"block{number}" for number in range(5, last)), xception.MIDDLE_FLOW))
    rows.append((f"block{last}", (f"block{last}",), xception.BLOCK_13))
    channels, grid = xception.STEM[-1], 147
    for name, children, row in rows:
        settings = _separable(channels, row, first=name == "block2", halving="pool")
        yield Preset(f"Xception {name}", "xception", children, grid, settings)
        channels, grid = row.widths[-1], -(-grid // 2) if row.halves else grid
    settings = _stack(channels, xception.BLOCK_14)
    yield Preset(f"Xception block{last + 1}", "xception", (f"block{last + 1}",), grid, settings)

    for name, title, entry in (
        ("xception_65", "Xception-65", deeplab_xception.ENTRY_65),
        ("xception_71", "Xception-71", deeplab_xception.ENTRY_71),
    ):
        rows = [(f"entry_{number}", (f"entry_{number}",), row) for number, row in enumerate(entry)]
        middle = tuple(f"middle_{number}" for number in range(deeplab_xception.MIDDLE_ALIGNED_REPEATS))
        rows += [
            ("middle flow", middle, deeplab_xception.MIDDLE_ALIGNED),
            ("exit_0", ("exit_0",), deeplab_xception.EXIT_1),
        ]
        channels, grid = xception.STEM[-1], 150
        for child, children, row in rows:
            settings = _separable(channels, row, first=False, halving="stride") | {"inside": "BN"}
            yield Preset(f"{title} {child}", name, children, grid, settings)
            channels, grid = row.widths[-1], -(-grid // 2) if row.halves else grid
        settings = _stack(channels, deeplab_xception.EXIT_2) | {"inside": "BN and ReLU"}
        yield Preset(f"{title} exit_1", name, ("exit_1",), grid, settings)


_BY_LESSON = {
    "googlenet": _googlenet,
    "batch_norm": _bn_inception,
    "factorization": _factorized,
    "inception_v4": _v4,
    "residual_scaling": _inception_resnet,
    "xception": _xception,
}


def _v1(channels: int, widths) -> dict[str, object]:
    """Figure 2(b) of "Going deeper"."""
    return {"in_channels": channels, "pool_kind": "max", **vars(widths)}


def _a(channels: int, widths, *, pool: str = "average", window: int = 3) -> dict[str, object]:
    """`InceptionA`: two 3 × 3 in place of the 5 × 5."""
    reduce, between, five = widths.stacked
    return {
        **_ends(channels, widths, pool), "three_reduce": widths.single[0], "three": widths.single[1],
        "three_window": window, "five_reduce": reduce, "five_between": (between,), "five": five, "five_form": "threes",
    }  # fmt: skip


def _b(channels: int, widths) -> dict[str, object]:
    """`InceptionB`: 7 × 7 windows in factors."""
    reduce, between, three = widths.single
    first, *others, five = widths.stacked
    return {
        **_ends(channels, widths, "average"), "three_reduce": reduce, "three_between": (between,), "three": three,
        "three_form": "factors", "three_window": 7, "five_reduce": first, "five_between": tuple(others), "five": five,
        "five_form": "factors twice", "five_window": 7,
    }  # fmt: skip


def _c(channels: int, widths, *, form: str) -> dict[str, object]:
    """`InceptionC`: branches that end in a fork."""
    reduce, *between, five = widths.stacked
    window = 5 if form == "threes" else 3
    return {
        **_ends(channels, widths, "average"), "three_reduce": widths.single[0], "three": widths.single[1],
        "five_reduce": reduce, "five_between": tuple(between), "five": five, "five_form": form, "five_window": window,
        "expanded": True,
    }  # fmt: skip


def _ends(channels: int, widths, pool: str) -> dict[str, object]:
    """What the modules since BN-Inception have in common."""
    return {
        "in_channels": channels, "norm": True, "pointwise": widths.pointwise, "pool_kind": pool, "pool": widths.pool,
    }  # fmt: skip


def _reduction_a(channels: int, widths, *, padding: str) -> dict[str, object]:
    """`ReductionA`: one 3 × 3, two 3 × 3 and a pool, each of stride 2."""
    *reduce, three = widths.single
    first, between, five = widths.stacked
    return {
        "in_channels": channels, "norm": True, "halving": "stride", "padding": padding, "three_reduce": sum(reduce),
        "three": three, "five_reduce": first, "five_between": (between,), "five": five, "five_form": "threes",
        "pool_kind": "max",
    }  # fmt: skip


def _reduction_b(channels: int, widths) -> dict[str, object]:
    """`ReductionB` of "Rethinking": a factorised 7 × 7 before one of the 3 × 3."""
    first, *between, five = widths.stacked
    return {
        "in_channels": channels, "norm": True, "halving": "stride", "padding": "valid", "three_reduce": widths.single[0],
        "three": widths.single[1], "five_reduce": first, "five_between": tuple(between), "five": five,
        "five_form": "factors, three", "five_window": 7, "pool_kind": "max",
    }  # fmt: skip


def _three_way_reduction(channels: int, widths) -> dict[str, object]:
    """`ReductionB` of Inception-ResNet: three branches of convolutions and a pool."""
    narrow_reduce, narrow = widths.narrow
    return _reduction_a(channels, widths, padding="valid") | {"narrow_reduce": narrow_reduce, "narrow": narrow}


def _residual(channels: int, widths, window: int | None, scale: float) -> dict[str, object]:
    """The residual blocks: A without a window to factorise, B with 7 × 7, C with 3 × 3."""
    settings = {
        "in_channels": channels, "norm": True, "pointwise": widths.pointwise, "three_reduce": widths.single[0],
        "three_between": widths.single[1:-1], "three": widths.single[-1], "join": "residual", "scale": scale,
    }  # fmt: skip
    if window:
        settings |= {"three_form": "factors", "three_window": window}
    if widths.stacked:
        reduce, between, five = widths.stacked
        settings |= {"five_reduce": reduce, "five_between": (between,), "five": five, "five_form": "threes"}
    return settings


def _separable(channels: int, row, *, first: bool, halving: str) -> dict[str, object]:
    """A residual block of separable convolutions; the very first one does not open with a ReLU."""
    return _stack(channels, row) | {
        "relu": "before all but the first" if first else "before each", "halving": halving if row.halves else "none",
        "join": "skip", "sum_relu": False,
    }  # fmt: skip


def _stack(channels: int, row) -> dict[str, object]:
    """Separable convolutions one after another, each with its ReLU behind it."""
    *between, five = row.widths
    return {
        "in_channels": channels, "norm": True, "five_between": tuple(between), "five": five, "five_form": "threes",
        "five_window": 2 * len(row.widths) + 1, "groups": EACH,
    }  # fmt: skip
