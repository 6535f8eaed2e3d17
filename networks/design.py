"""A network for small images, put together stage by stage from the course's blocks, as a value that can be read and written.

    design = Design(stages=(("googlenet", 1, 48), ("xception", 2, 64)), reductions=("max_pool",))
    net = design.build(data)
    design.table((3, 32, 32), 10)      # its cost; `by_part` sums it up stage by stage
    design.code                        # the Python that makes this design; `design_from` reads it without running it

Every convolution is normalised (`ConvBNAct`), in GoogLeNet's module too: lesson 03 says why that lets it learn sooner.
"""

import functools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from networks.bn_inception import InceptionA, ReductionA, ReductionWidths, Widths
from networks.googlenet import InceptionModule
from networks.googlenet import Widths as ModuleWidths
from networks.inception_resnet_v1 import InceptionResNetA, InceptionResNetB, ResidualWidths
from networks.inception_v2 import InceptionB, InceptionC, ReductionB
from networks.inception_v4 import PoolAndConv, ShortAndLong
from networks.layers import ConvBNAct, HalvingMaxPool, SeparableConv
from networks.xception import XceptionBlock
from utils.cost.table import Cost, Row, Table, profile, total
from utils.data.dataset import Data
from utils.lab_frame.paste import Call, calls_in

LEAST_WIDTH, MOST_WIDTH = 8, 512
MOST_BLOCKS = 8
STAGES = (2, 3, 4)  # how many stages a design can have

Made = tuple[nn.Module, int]  # a module, and the channels that it puts out


# --- blocks: each puts out exactly `width` channels, divided among its branches as a module of its paper divides them ---


def part(width: int, share: float) -> int:
    """A share of a width in whole channels, 1 at least."""
    return max(1, round(width * share))


def plain(in_channels: int, width: int, scale: float) -> nn.Module:
    """One 3 x 3."""
    return ConvBNAct(in_channels, width, kernel_size=3)


def googlenet(in_channels: int, width: int, scale: float) -> nn.Module:
    """The module of "Going deeper", figure 2(b), in the proportions of 3a."""
    pointwise, five, pool = part(width, 1 / 4), part(width, 1 / 8), part(width, 1 / 8)
    widths = ModuleWidths(
        pointwise=pointwise,
        three_reduce=part(width, 3 / 8),
        three=width - pointwise - five - pool,
        five_reduce=part(width, 1 / 16),
        five=five,
        pool=pool,
    )
    return InceptionModule(in_channels, widths, conv=ConvBNAct)


def bn_inception(in_channels: int, width: int, scale: float) -> nn.Module:
    """The module with two 3 x 3 for the 5 x 5, in the proportions of BN-Inception's 3a."""
    quarter, pool = part(width, 1 / 4), part(width, 1 / 8)
    last = width - 2 * quarter - pool
    widths = Widths(pointwise=quarter, single=(quarter, quarter), stacked=(quarter, last, last), pool=pool)
    return InceptionA(in_channels, widths)


def v3_b(in_channels: int, width: int, scale: float) -> nn.Module:
    """Figure 6 of "Rethinking", 7 x 7 as 1 x 7 and 7 x 1, in the proportions of Inception-v3's first one."""
    quarter, sixth = part(width, 1 / 4), part(width, 1 / 6)
    widths = Widths(
        pointwise=width - 3 * quarter,
        single=(sixth, sixth, quarter),
        stacked=(sixth, sixth, sixth, sixth, quarter),
        pool=quarter,
    )
    return InceptionB(in_channels, widths)


def v3_c(in_channels: int, width: int, scale: float) -> nn.Module:
    """Figure 7 of "Rethinking", whose branches end in forks, in the proportions of Inception-v3's last one."""
    fork, pool = 3 * width // 16, part(width, 3 / 32)  # rounded down: four forks must leave room
    widths = Widths(
        pointwise=width - 4 * fork - pool, single=(fork, fork), stacked=(part(width, 7 / 32), fork, fork), pool=pool
    )
    return InceptionC(in_channels, widths)


def _joined(in_channels: int, width: int, block: nn.Module) -> nn.Module:
    """A block that needs as many channels in as out, behind a 1 x 1 where there are others."""
    if in_channels == width:
        return block
    return nn.Sequential(OrderedDict(expand=ConvBNAct(in_channels, width, kernel_size=1), block=block))


def resnet_v1_a(in_channels: int, width: int, scale: float) -> nn.Module:
    """Figure 10 of "Inception-v4", the residual block A of v1: all branches an eighth of the sum's width."""
    each = part(width, 1 / 8)
    widths = ResidualWidths(pointwise=each, single=(each, each), stacked=(each, each, each))
    return _joined(in_channels, width, InceptionResNetA(width, widths, scale=scale))


def resnet_v2_a(in_channels: int, width: int, scale: float) -> nn.Module:
    """Figure 16 of "Inception-v4", the residual block A of v2."""
    twelfth = part(width, 1 / 12)
    widths = ResidualWidths(
        pointwise=twelfth, single=(twelfth, twelfth), stacked=(twelfth, part(width, 1 / 8), part(width, 1 / 6))
    )
    return _joined(in_channels, width, InceptionResNetA(width, widths, scale=scale))


def resnet_v2_b(in_channels: int, width: int, scale: float) -> nn.Module:
    """Figure 17 of "Inception-v4", the residual block B of v2, 7 x 7 as 1 x 7 and 7 x 1."""
    sixth = part(width, 1 / 6)
    widths = ResidualWidths(pointwise=sixth, single=(part(width, 1 / 9), part(width, 5 / 36), sixth))
    return _joined(in_channels, width, InceptionResNetB(width, widths, scale=scale))


def xception(in_channels: int, width: int, scale: float) -> nn.Module:
    """Two separable 3 x 3 and a skip: a block of Xception's figure 5 that keeps the grid."""
    return XceptionBlock(in_channels, (width, width))


@dataclass(frozen=True)
class Family:
    """A kind of block that a stage can be made of."""

    title: str
    build: Callable[[int, int, float], nn.Module]  # (in_channels, width, scale)
    has_scale: bool = False


FAMILIES = {
    "plain": Family("plain 3×3", plain),
    "googlenet": Family("GoogLeNet", googlenet),
    "bn_inception": Family("BN-Inception, double 3×3", bn_inception),
    "v3_b": Family("v3 factorised, 7×1", v3_b),
    "v3_c": Family("v3 with forks", v3_c),
    "resnet_v1_a": Family("residual v1", resnet_v1_a, has_scale=True),
    "resnet_v2_a": Family("residual v2", resnet_v2_a, has_scale=True),
    "resnet_v2_b": Family("residual v2, 7×1", resnet_v2_b, has_scale=True),
    "xception": Family("Xception, separable", xception),
}


# --- stems: from the image to half its height and width ------------------------------------------------------------------


def plain_stem(in_channels: int, width: int) -> nn.Module:
    """One 3 x 3 of stride 2, as in the course's other small networks."""
    return ConvBNAct(in_channels, width, kernel_size=3, stride=2)


def forked_stem(in_channels: int, width: int) -> nn.Module:
    """The forks of Inception-v4's stem (figure 3): a 3 x 3; a pool beside a 3 x 3 of stride 2; a short and a long branch."""
    quarter, rest = width // 4, width // 2
    return nn.Sequential(
        OrderedDict(
            conv=ConvBNAct(in_channels, quarter, kernel_size=3),
            fork_1=PoolAndConv(quarter, quarter, stride=2, padding="same"),
            fork_2=ShortAndLong(2 * quarter, reduce=quarter, width=rest, padding="same"),
        )
    )


def separable_stem(in_channels: int, width: int) -> nn.Module:
    """BN-Inception's first layer: a depthwise 3 x 3 of stride 2 with eight filters a channel, then a 1 x 1."""
    conv = SeparableConv(in_channels, width, stride=2, depth_multiplier=8)
    return nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(width, eps=1e-3), activation=nn.ReLU()))


STEMS = {
    "plain": ("plain 3×3", plain_stem),
    "forked": ("forks, as in v4", forked_stem),
    "separable": ("separable, as in BN-Inception", separable_stem),
}


# --- reductions: half the height and width between two stages ------------------------------------------------------------


def max_pool(channels: int) -> Made:
    """A 3 x 3 max pool of stride 2: no weights, as many channels."""
    return HalvingMaxPool(), channels


def strided_conv(channels: int) -> Made:
    """A 3 x 3 of stride 2, as many channels."""
    return ConvBNAct(channels, channels, kernel_size=3, stride=2), channels


def parallel(channels: int) -> Made:
    """Figure 10 of "Rethinking", convolutions beside a pool, in the proportions of BN-Inception's 3c: 1.8 times the channels."""
    wide = part(channels, 3 / 10)
    widths = ReductionWidths(
        single=(part(channels, 2 / 5), part(channels, 1 / 2)), stacked=(part(channels, 1 / 5), wide, wide)
    )
    return ReductionA(channels, widths, padding="same"), widths.out_channels(channels)


def v4_reduction(channels: int) -> Made:
    """Figure 8 of "Inception-v4", with a 1 x 7 and a 7 x 1 in one branch: 1.5 times the channels."""
    narrow, wide = part(channels, 3 / 16), part(channels, 5 / 16)
    quarter = part(channels, 1 / 4)
    widths = ReductionWidths(single=(narrow, narrow), stacked=(quarter, quarter, wide, wide))
    return ReductionB(channels, widths, padding="same"), widths.out_channels(channels)


REDUCTIONS = {
    "max_pool": ("max pool", max_pool),
    "strided_conv": ("3×3 of stride 2", strided_conv),
    "parallel": ("parallel, as in v2 and v3", parallel),
    "v4": ("v4's reduction B", v4_reduction),
}


# --- the design ----------------------------------------------------------------------------------------------------------


def _require(name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value!r}; it must be {allowed}.")


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _one_of(names: Iterable[str]) -> str:
    return "one of " + ", ".join(f'"{name}"' for name in names)


@dataclass(frozen=True)
class Stage:
    """Blocks of one kind on one grid.

    Raises:
        ValueError: a setting that cannot be.
    """

    family: str  # one of FAMILIES
    blocks: int = 1
    width: int = 32  # channels that each of its blocks puts out
    scale: float = 0.2  # of the residual, where the family has one

    def __post_init__(self) -> None:
        _require("family", self.family, self.family in tuple(FAMILIES), _one_of(FAMILIES))
        _require("blocks", self.blocks, _is_whole(self.blocks, 1, MOST_BLOCKS), f"a whole number, 1 to {MOST_BLOCKS}")
        allowed = f"a whole number of channels, {LEAST_WIDTH} to {MOST_WIDTH}"
        _require("width", self.width, _is_whole(self.width, LEAST_WIDTH, MOST_WIDTH), allowed)
        _require("scale", self.scale, _is_number(self.scale) and 0 <= self.scale <= 1, "a number from 0 to 1")
        # One network has one way to write it: a scale that nothing reads is the usual one.
        scale = float(self.scale) if FAMILIES[self.family].has_scale else Stage.scale
        object.__setattr__(self, "scale", scale)

    @property
    def code(self) -> str:
        """The tuple that stands for this stage in a design."""
        scale = f", {self.scale!r}" if FAMILIES[self.family].has_scale else ""
        return f'("{self.family}", {self.blocks}, {self.width}{scale})'


def _stage(value: Stage | Sequence[Any]) -> Stage:
    """A stage, or one written as a tuple."""
    if isinstance(value, Stage):
        return value
    allowed = 'a tuple (family, blocks, width), such as ("googlenet", 1, 32), or with a scale as its fourth'
    _require("a stage", value, isinstance(value, list | tuple) and 3 <= len(value) <= len(fields(Stage)), allowed)
    return Stage(*value)


@dataclass(frozen=True, kw_only=True)
class Design:
    """A network for small images: a stem, two to four stages with a reduction between each two, an average, a classifier.

    Each stage is a tuple (family, blocks, width), with the residual's scale as a fourth where there is one, or a `Stage`.

    Raises:
        ValueError: a setting that cannot be; the message names it, what was given and what is allowed.
    """

    stages: tuple[Stage, ...]  # or tuples
    reductions: tuple[str, ...]  # of REDUCTIONS, one fewer than stages
    stem: str = "plain"  # one of STEMS
    stem_width: int = 16  # channels that the stem puts out
    dropout: float = 0.0  # before the classifier

    def __post_init__(self) -> None:
        # Lists are as good as tuples to write, and a design must be a value that can be compared and remembered.
        for name in ("stages", "reductions"):
            value = getattr(self, name)
            _require(name, value, isinstance(value, list | tuple), "a tuple")
            object.__setattr__(self, name, tuple(value))
        object.__setattr__(self, "stages", tuple(map(_stage, self.stages)))
        _require("stages", self.stages, len(self.stages) in STAGES, "two, three or four stages")
        for reduction in self.reductions:
            _require("a reduction", reduction, reduction in tuple(REDUCTIONS), _one_of(REDUCTIONS))
        count = len(self.stages) - 1
        allowed = f"{count} of them, one between each two of the {count + 1} stages"
        _require("reductions", self.reductions, len(self.reductions) == count, allowed)
        _require("stem", self.stem, self.stem in tuple(STEMS), _one_of(STEMS))
        wide = _is_whole(self.stem_width, LEAST_WIDTH, MOST_WIDTH) and self.stem_width % 4 == 0
        _require("stem_width", self.stem_width, wide, f"a multiple of 4, {LEAST_WIDTH} to {MOST_WIDTH}")
        allowed = "a number from 0 to 1, without the 1"
        _require("dropout", self.dropout, _is_number(self.dropout) and 0 <= self.dropout < 1, allowed)
        object.__setattr__(self, "dropout", float(self.dropout))

    @property
    def code(self) -> str:
        """The Python that makes this design."""
        stages = "".join(f"        {stage.code},\n" for stage in self.stages)
        reductions = ", ".join(f'"{name}"' for name in self.reductions)
        comma = "," if len(self.reductions) == 1 else ""
        return (
            f'Design(\n    stem="{self.stem}",\n    stem_width={self.stem_width},\n    stages=(\n{stages}    ),\n'
            f"    reductions=({reductions}{comma}),\n    dropout={self.dropout!r},\n)"
        )

    def build(self, data: Data) -> "DesignedNet":
        """The network for a data set's images and classes."""
        return DesignedNet(self, in_channels=data.image_shape[0], classes=len(data.classes))

    def table(self, image_shape: Sequence[int] = (3, 32, 32), classes: int = 10) -> Table:
        """The network's cost, layer by layer. No weight is allocated, and what was asked before comes from memory."""
        return _table(self, tuple(image_shape), classes)

    def by_part(self, image_shape: Sequence[int] = (3, 32, 32), classes: int = 10) -> "tuple[Part, ...]":
        """The stage table: the network's cost summed up by stem, stages, reductions and classifier, in their order."""
        return _parts(self.table(image_shape, classes))


class DesignedNet(nn.Sequential):
    """The network of a design: (N, in_channels, H, W) -> (N, classes).

    Its children are the stem, each block (`stage_1_block_1`, ...), each reduction (`reduction_1`, ...) and the classifier.
    """

    def __init__(self, design: Design, *, in_channels: int, classes: int):
        layers = OrderedDict(stem=STEMS[design.stem][1](in_channels, design.stem_width))
        channels = design.stem_width
        for number, stage in enumerate(design.stages, start=1):
            for block in range(1, stage.blocks + 1):
                build = FAMILIES[stage.family].build
                layers[f"stage_{number}_block_{block}"] = build(channels, stage.width, stage.scale)
                channels = stage.width
            if number < len(design.stages):
                reduction = REDUCTIONS[design.reductions[number - 1]][1]
                layers[f"reduction_{number}"], channels = reduction(channels)
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        if design.dropout:
            layers["dropout"] = nn.Dropout(design.dropout)
        layers["classifier"] = nn.Linear(channels, classes)
        super().__init__(layers)


@dataclass(frozen=True)
class Part:
    """One row of the stage table.

    Attributes:
        name: "stem", "stage 1", "reduction 1", ..., "classifier" (with the average before it).
        shape: of its result, without the batch.
        cost: its parameters, multiply-adds and activations, for one image.
        receptive_field: (height, width) in pixels of what one unit of its result sees; None for the whole image.
    """

    name: str
    shape: tuple[int, ...]
    cost: Cost
    receptive_field: tuple[int, int] | None


@functools.lru_cache(maxsize=256)
def _table(design: Design, image_shape: tuple[int, ...], classes: int) -> Table:
    with torch.device("meta"):
        net = DesignedNet(design, in_channels=image_shape[0], classes=classes)
    return profile(net, image_shape)


def _parts(table: Table) -> tuple[Part, ...]:
    rows: dict[str, list[Row]] = {}
    for row in table.rows:
        rows.setdefault(_part_name(row.name.split(".")[0]), []).append(row)
    return tuple(
        Part(name=name, shape=own[-1].shape, cost=total(own), receptive_field=own[-1].receptive_field)
        for name, own in rows.items()
    )


def _part_name(child: str) -> str:
    if child.startswith("stage_"):
        return f"stage {child.split('_')[1]}"
    return child.replace("_", " ") if child.startswith(("stem", "reduction")) else "classifier"


# --- from code to a design, without running the code ---------------------------------------------------------------------


def design_from(code: str) -> Design:
    """The design that a text such as `Design.code` makes. The text is read and never run: only plain values can stand in it.

    Raises:
        ValueError: it is not the text of a design; the message says what is wrong with it.
    """
    return design_of_calls(calls_in(code))


def design_of_calls(calls: Sequence[Call]) -> Design:
    """The design that is the one call in a text, as `utils.lab_frame.paste.calls_in` reads it.

    Raises:
        ValueError: another call, several, or a setting that cannot be.
    """
    if len(calls) != 1 or calls[0].name != "Design" or calls[0].arguments:
        raise ValueError("One call is read here, Design(...), with each of its settings by name, as the lab shows it.")
    settings: dict[str, Any] = calls[0].keywords  # as written: `Design` says what it may be
    known = {each.name for each in fields(Design)}
    if unknown := sorted(set(settings) - known):
        raise ValueError(f"A design has no {', '.join(unknown)}. It has: {', '.join(sorted(known))}.")
    if missing := [name for name in ("stages", "reductions") if name not in settings]:
        raise ValueError(f"The design lacks {' and '.join(missing)}.")
    return Design(**settings)


# --- the project's budget, and each family within it ----------------------------------------------------------------------


@dataclass(frozen=True)
class Budget:
    """The most that a design may cost, for one image.

    Raises:
        ValueError: not two whole numbers above zero.
    """

    parameters: int
    macs: int

    def __post_init__(self) -> None:
        for name in ("parameters", "macs"):
            value = getattr(self, name)
            _require(name, value, _is_whole(value, 1, 10**12), "a whole number, 1 or more")

    def excess(self, cost: Cost | Table) -> str:
        """What is exceeded and by how much, in words; empty where nothing is."""
        found = []
        for what, used, limit in (
            ("parameters", cost.parameters, self.parameters),
            ("multiply-adds", cost.macs, self.macs),
        ):
            if used > limit:
                found.append(f"{used:,} {what} are {used - limit:,} more than the {limit:,} of the budget")
        return " and ".join(found)


BUDGET = Budget(parameters=40_000, macs=2_500_000)


def _preset(stem: str, families: tuple[str, str, str], reductions: tuple[str, str], width: int) -> Design:
    """1, 2 and 1 blocks on 16 x 16, 8 x 8 and 4 x 4, of `width`, 1.5 and 2 times `width`, in multiples of 4."""
    shape = zip(families, (1, 2, 1), (1, 1.5, 2), strict=True)
    stages = tuple(Stage(family, blocks, 4 * round(width * times / 4)) for family, blocks, times in shape)
    return Design(stem=stem, stages=stages, reductions=reductions)


# The same shape for all; the last number is the largest multiple of 4 that `BUDGET` allows.
PRESETS = {
    "plain 3×3": _preset("plain", ("plain",) * 3, ("max_pool",) * 2, 24),
    "GoogLeNet": _preset("plain", ("googlenet",) * 3, ("max_pool",) * 2, 40),
    "BN-Inception": _preset("separable", ("bn_inception",) * 3, ("parallel",) * 2, 28),
    "Inception-v3": _preset("plain", ("bn_inception", "v3_b", "v3_c"), ("parallel",) * 2, 32),
    "Inception-v4": _preset("forked", ("bn_inception", "v3_b", "v3_c"), ("parallel", "v4"), 28),
    "Inception-ResNet-v1": _preset("plain", ("resnet_v1_a",) * 3, ("parallel",) * 2, 32),
    "Inception-ResNet-v2": _preset("forked", ("resnet_v2_a", "resnet_v2_b", "resnet_v2_b"), ("parallel", "v4"), 36),
    "Xception": _preset("plain", ("xception",) * 3, ("max_pool",) * 2, 36),
}
