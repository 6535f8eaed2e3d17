"""The race of the block lab: its designs as small networks of three blocks, trained against each other."""

from functools import partial

import ipywidgets
import torch
from torch import nn

from labs.any_block import EACH, AnyBlock
from labs.race.runner import RacePanel
from networks.layers import ConvBNAct
from networks.small import STEM, SmallNet
from utils.cost import units
from utils.cost.table import profile, short
from utils.data.dataset import Data
from utils.lab_frame.frame import Section

BLOCKS = 3
MOST_MACS = 3_000_000  # of the dearer network, for an image of 32 x 32: several epochs in a minute on two cores
WIDTHS = (
    "in_channels", "pointwise", "three_reduce", "three", "three_between", "narrow_reduce", "narrow", "five_reduce", "five",
    "five_between", "pool",
)  # fmt: skip
FACTORS = tuple(2 ** (-step / 4) for step in range(33))  # 1 to 1/256
GRID = 16  # behind the first layer


def small_blocks(arguments: dict[str, object], factor: float) -> tuple[list[nn.Module], int]:
    """Three of a block one after another behind a 1 × 1 that gives the first its channels, and the channels at the end.

    Every width is multiplied by the factor and rounded, to a multiple of the groups where there are any. The second and
    third block read as many channels as the one before puts out.
    """
    groups = arguments.get("groups", 1)
    step = 1 if groups == EACH else groups

    def scaled(width: int) -> int:
        return max(1, round(width * factor / step)) * step if width else 0

    small = dict(arguments)
    for name in WIDTHS:
        if isinstance(small.get(name), tuple):
            small[name] = tuple(map(scaled, small[name]))
        elif name in small:
            small[name] = scaled(small[name])
    channels = small.pop("in_channels")
    layers: list[nn.Module] = [ConvBNAct(STEM, channels, kernel_size=1)]
    for _ in range(BLOCKS):
        block = AnyBlock(channels, **small)
        layers.append(block)
        channels = block.out_channels
    return layers, channels


def network(arguments: dict[str, object], factor: float, data: Data) -> SmallNet:
    """The small network of a block, (N, C, 32, 32) -> (N, classes)."""
    stages, channels = small_blocks(arguments, factor)
    return SmallNet(data, *stages, out_channels=channels)


def common_factor(designs: dict[str, dict[str, object]]) -> float:
    """The largest factor at which no network takes more than `MOST_MACS`, so that the designs keep their proportions.

    Raises:
        ValueError: there is none, or a block cannot stand three times behind itself on a grid of 16 × 16.
    """

    def most(factor: float) -> int:
        return max(_table(arguments, factor).macs for arguments in designs.values())

    low, high = 0, len(FACTORS) - 1
    if most(FACTORS[high]) > MOST_MACS:
        raise ValueError("With so many groups no network is small enough to be trained in a minute: take fewer.")
    while low < high:  # the first factor that is small enough
        middle = (low + high) // 2
        low, high = (low, middle) if most(FACTORS[middle]) <= MOST_MACS else (middle + 1, high)
    return FACTORS[low]


def _table(arguments: dict[str, object], factor: float):
    with torch.device("meta"):
        stages, _ = small_blocks(arguments, factor)
    return profile(nn.Sequential(*stages), (STEM, GRID, GRID))


class RaceDesigns:
    """A panel that races A against B. It stands under a heading that is closed at first."""

    def __init__(self, arguments_of):
        self._arguments_of = arguments_of
        self.designs: dict[str, dict[str, object]] = {}
        self.said = ipywidgets.HTML(
            "Each design becomes a network for images of 32×32: a 3×3 layer of stride 2, a 1×1, "
            f"{BLOCKS} of its blocks one behind the other, average pooling, a dense layer. All widths of both are multiplied by "
            "one factor, so that the dearer one is small enough for a minute. It is those that race, not the networks of the "
            "papers."
        )
        self.what = ipywidgets.HTML()
        self.panel = RacePanel(self.entries)
        inside = ipywidgets.VBox([self.said, self.what, self.panel.widget])
        self.widget = Section("Race A against B", inside).widget

    def designs_changed(self, now: dict, pinned: dict | None) -> None:
        """What would race at the next start; a race that is on goes on."""
        self.designs = {"A": self._arguments_of(pinned), "B": self._arguments_of(now)} if pinned else {}

    def entries(self) -> dict[str, partial]:
        """The networks to race, as functions of the data.

        Raises:
            ValueError: nothing is pinned, A and B are the same, or they cannot be made small.
        """
        if not self.designs:
            raise ValueError("There is only one design. Pin it as A, change something, and race the two.")
        if self.designs["A"] == self.designs["B"]:
            raise ValueError("A and B are the same design. Change something first.")
        factor = common_factor(self.designs)
        tables = {name: _table(arguments, factor) for name, arguments in self.designs.items()}
        costs = "; ".join(
            f"{name}: {short(table.parameters)} parameters, {short(units.count(table.macs))} {units.words()} in its blocks"
            for name, table in tables.items()
        )
        self.what.value = f'<div class="course-raced">Raced with widths times {factor:.3g}. {costs}.</div>'
        return {name: partial(network, arguments, factor) for name, arguments in self.designs.items()}
