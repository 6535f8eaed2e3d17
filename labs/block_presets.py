"""Every block of every network of the course, as settings of `AnyBlock`, taken from the networks' tables.

Of the relatives those whose blocks are made of the same parts are here, each with the lesson that is nearest: VGG-16's 3 × 3
one on the other, MobileNet's separable convolutions.

What comes before the blocks (the plain layers of the stems, Xception's block1) and behind them (auxiliary heads,
classifiers) is not here: layers one after another, with nothing to choose between.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
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
    mobilenet,
    vgg,
    xception,
)

GRIDS = {"3": 28, "4": 14, "5": 7}  # sides, by the number in the name of a module of the first two networks


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
    if through == "inception_module":
        return tuple(islice(_googlenet(), 2))  # 3a and 3b
    return tuple(
        preset for slug, all_of in _BY_LESSON.items() if slug in known for blocks in all_of for preset in blocks()
    )


# Name, children, grid, and a function from the channels that come in to the arguments of `AnyBlock`.
Step = tuple[str, tuple[str, ...], int, Callable[[int], dict[str, object]]]


def _chained(network: str, title: str, channels: int, steps: Iterable[Step]) -> Iterator[Preset]:
    """Blocks one after another, each of which reads as many channels as the one before puts out."""
    for name, children, grid, settings_of in steps:
        settings = settings_of(channels)
        yield Preset(f"{title} {name}", network, children, grid, settings)
        channels = _out_channels(**settings)


def _out_channels(
    in_channels, *, pointwise=0, three=0, narrow=0, five=0, pool_kind="none", pool=0, expanded=False, join="", **_others
) -> int:
    """Channels that `AnyBlock` puts out with these arguments."""
    if join == "residual":
        return in_channels
    passed_on = (pool or in_channels) if pool_kind != "none" else 0
    return pointwise + narrow + passed_on + (three + five) * (2 if expanded else 1)


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{number}" for number in range(count))


def _googlenet() -> Iterator[Preset]:
    steps: list[Step] = []
    for child, widths in googlenet.MODULES.items():
        name = child.removeprefix("inception_")
        steps.append((name, (child,), GRIDS[name[0]], partial(_v1, widths=widths)))
    return _chained("googlenet", "GoogLeNet", googlenet.STEM["conv2"], steps)


def _bn_inception() -> Iterator[Preset]:
    steps: list[Step] = []
    for child, widths in bn_inception.MODULES.items():
        name = child.removeprefix("inception_")
        if isinstance(widths, bn_inception.ReductionWidths):
            settings_of = partial(_reduction_a, widths=widths, padding="same")
        else:
            settings_of = partial(_a, widths=widths, pool="max" if child == bn_inception.MAX_POOLED else "average")
        steps.append((name, (child,), GRIDS[name[0]], settings_of))
    return _chained("bn_inception", "BN-Inception", bn_inception.STEM["conv2"], steps)


def _factorized() -> Iterator[Preset]:
    for network, title, table in (
        ("inception_v2", "Inception-v2", inception_v2.TABLE_V2),
        ("inception_v3", "Inception-v3", inception_v3.TABLE_V3),
    ):
        figure_5 = partial(_a, window=table.single_kernel)
        steps = [
            *((f"mixed_5{letter}", 35, figure_5, row) for letter, row in zip("bcd", table.figure_5, strict=False)),
            ("mixed_6a", 35, partial(_reduction_a, padding="valid"), table.to_17),
            *((f"mixed_6{letter}", 17, _b, row) for letter, row in zip("bcdef", table.figure_6, strict=False)),
            ("mixed_7a", 17, _reduction_b, table.to_8),
            *(
                (f"mixed_7{letter}", 8, partial(_c, form="threes"), row)
                for letter, row in zip("bc", table.figure_7, strict=False)
            ),
        ]
        channels = [row.width for row in table.stem if isinstance(row, inception_v2.Conv)][-1]
        whole = ((name, (name,), grid, partial(block, widths=widths)) for name, grid, block, widths in steps)
        yield from _chained(network, title, channels, whole)


def _vgg() -> Iterator[Preset]:
    """From its second block on: the first one reads the image itself."""
    steps: list[Step] = []
    (_, first), *others = vgg.BLOCKS.items()
    grid = 112
    for name, block in others:
        steps.append((name, (name,), grid, partial(_threes, convs=block.convs, width=block.width)))
        grid //= 2
    return _chained("vgg_16", "VGG-16", first.width, steps)


def _v4() -> Iterator[Preset]:
    pool = {"norm": True, "pool_kind": "max", "padding": "valid", "halving": "stride"}
    fork_2 = {
        "norm": True, "three_reduce": 64, "three": 96, "five_reduce": 64, "five": 96, "five_window": 7,
        "five_form": "factors, three", "five_between": (64, 64), "padding": "valid",
    }  # fmt: skip
    a, b, c = inception_v4.FIGURE_4, inception_v4.FIGURE_5, inception_v4.FIGURE_6
    steps: list[Step] = [
        ("stem, fork 1", ("stem.fork_1",), 147, lambda channels: pool | {"in_channels": channels, "three": 96}),
        ("stem, fork 2", ("stem.fork_2",), 73, lambda channels: fork_2 | {"in_channels": channels}),
        ("stem, fork 3", ("stem.fork_3",), 71, lambda channels: pool | {"in_channels": channels, "three": 192}),
        ("A", _numbered("inception_a", inception_v4.REPEATS_A), 35, partial(_a, widths=a)),
        ("reduction A", ("reduction_a",), 35, partial(_reduction_a, widths=inception_v4.FIGURE_7, padding="valid")),
        ("B", _numbered("inception_b", inception_v4.REPEATS_B), 17, partial(_b, widths=b)),
        ("reduction B", ("reduction_b",), 17, partial(_reduction_b, widths=inception_v4.FIGURE_8)),
        ("C", _numbered("inception_c", inception_v4.REPEATS_C), 8, partial(_c, widths=c, form="turned factors, three")),
    ]
    return _chained("inception_v4", "Inception-v4", 64, steps)


def _inception_resnet() -> Iterator[Preset]:
    for number, table, channels in (
        (1, inception_resnet_v1.V1["paper"], inception_resnet_v1.STEM_V1[-1].width),
        (2, inception_resnet_v2.V2["paper"], inception_v4.FIGURE_4.out_channels),
    ):
        a, b, c = (
            _numbered(f"inception_resnet_{letter}", count) for letter, count in zip("abc", table.repeats, strict=True)
        )
        steps: list[Step] = [
            ("A", a, 35, partial(_residual, widths=table.block_a, window=None, scale=0.17)),
            ("reduction A", ("reduction_a",), 35, partial(_reduction_a, widths=table.reduction_a, padding="valid")),
            ("B", b, 17, partial(_residual, widths=table.block_b, window=7, scale=0.10)),
            ("reduction B", ("reduction_b",), 17, partial(_three_way_reduction, widths=table.reduction_b)),
            ("C", c, 8, partial(_residual, widths=table.block_c, window=3, scale=0.20)),
        ]
        yield from _chained(f"inception_resnet_v{number}", f"Inception-ResNet-v{number}", channels, steps)


def _xception() -> Iterator[Preset]:
    last = xception.MIDDLE_REPEATS + 5
    rows = [(name, (name,), row) for name, row in xception.ENTRY_FLOW.items()]
    rows.append(("middle flow", tuple(f"block{number}" for number in range(5, last)), xception.MIDDLE_FLOW))
    rows.append((f"block{last}", (f"block{last}",), xception.BLOCK_13))
    end = f"block{last + 1}", xception.BLOCK_14
    yield from _flow("xception", "Xception", 147, rows, end, halving="pool", inside=("nothing", "nothing"))

    for layers, entry in (("65", deeplab_xception.ENTRY_65), ("71", deeplab_xception.ENTRY_71)):
        rows = [(f"entry_{number}", (f"entry_{number}",), row) for number, row in enumerate(entry)]
        middle = _numbered("middle", deeplab_xception.MIDDLE_ALIGNED_REPEATS)
        rows.append(("middle flow", middle, deeplab_xception.MIDDLE_ALIGNED))
        rows.append(("exit_0", ("exit_0",), deeplab_xception.EXIT_1))
        name, end, inside = f"xception_{layers}", ("exit_1", deeplab_xception.EXIT_2), ("BN", "BN and ReLU")
        yield from _flow(name, f"Xception-{layers}", 150, rows, end, halving="stride", inside=inside)


def _flow(
    network: str, title: str, grid: int, rows: Iterable[tuple], end: tuple, *, halving: str, inside: tuple[str, str]
) -> Iterator[Preset]:
    """Residual blocks (name, children, row of the table), and the one at the end (name, row) with no way around it.

    `inside` is what stands between the two halves of a separable convolution: in the blocks, and at the end.
    """
    steps: list[Step] = []
    for name, children, row in rows:
        settings_of = partial(_separable, row=row, first=name == "block2", halving=halving, inside=inside[0])
        steps.append((name, children, grid, settings_of))
        grid = -(-grid // 2) if row.halves else grid
    name, row = end
    steps.append((name, (name,), grid, partial(_stack, row=row, inside=inside[1])))
    return _chained(network, title, xception.STEM[-1], steps)


def _mobilenet() -> Iterator[Preset]:
    steps: list[Step] = []
    number, grid = 0, 112
    for row in mobilenet.ROWS:
        children = tuple(f"separable_{number + place}" for place in range(1, row.repeats + 1))
        number += row.repeats
        name = f"separable {number}" if row.repeats == 1 else f"separable {number - row.repeats + 1} to {number}"
        steps.append((name, children, grid, partial(_separable_alone, row=row)))
        grid = grid // 2 if row.halves else grid
    return _chained("mobilenet_v1", "MobileNet", mobilenet.STEM, steps)


_BY_LESSON: dict[str, tuple[Callable[[], Iterator[Preset]], ...]] = {
    "googlenet": (_googlenet,),
    "batch_norm": (_bn_inception,),
    "factorization": (_factorized, _vgg),
    "inception_v4": (_v4,),
    "residual_scaling": (_inception_resnet,),
    "xception": (_xception, _mobilenet),
}


def _threes(channels: int, *, convs: int, width: int) -> dict[str, object]:
    """3 × 3 convolutions one on the other, without normalisation."""
    return {
        "in_channels": channels, "five": width, "five_between": (width,) * (convs - 1), "five_form": "threes",
        "five_window": 2 * convs + 1,
    }  # fmt: skip


def _separable_alone(channels: int, row) -> dict[str, object]:
    """One separable convolution with a normalisation and a ReLU behind both halves."""
    return {
        "in_channels": channels, "norm": True, "three": row.width, "groups": EACH, "inside": "BN and ReLU",
        "halving": "stride" if row.halves else "none",
    }  # fmt: skip


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


def _separable(channels: int, row, *, first: bool, halving: str, inside: str) -> dict[str, object]:
    """A residual block of separable convolutions; the very first one does not open with a ReLU."""
    return _stack(channels, row, inside=inside) | {
        "relu": "before all but the first" if first else "before each", "halving": halving if row.halves else "none",
        "join": "skip", "sum_relu": False,
    }  # fmt: skip


def _stack(channels: int, row, *, inside: str) -> dict[str, object]:
    """Separable convolutions one after another, each with its ReLU behind it."""
    *between, five = row.widths
    return {
        "in_channels": channels, "norm": True, "five_between": tuple(between), "five": five, "five_form": "threes",
        "five_window": 2 * len(row.widths) + 1, "groups": EACH, "inside": inside,
    }  # fmt: skip
