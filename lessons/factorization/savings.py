"""What factorised windows save: as the formula predicts it, as it is counted, and as this machine's clock shows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import nn

from course.experiments import Result
from networks.bn_inception import Widths
from networks.layers import Branches, ConvBNAct, ConvReLU, average_pool, chain
from utils.cost import units
from utils.cost.table import Table, profile
from utils.cost.timing import machine, timed

Window = tuple[int, int]
THREADS = 1  # of a CPU while it is timed: with more, the threads wait for each other, and the times scatter


@dataclass(frozen=True)
class Replacement:
    """A window and the smaller ones that stand in for it, between as many channels in as out, on a square grid."""

    window: Window
    factors: tuple[Window, ...]
    channels: int
    grid: int

    @property
    def name(self) -> str:
        factors = " + ".join(window_text(each) for each in self.factors)
        return f"{window_text(self.window)} → {factors}\n{self.channels} channels, {self.grid}×{self.grid}"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.channels, self.grid, self.grid

    @property
    def predicted(self) -> float:
        """The share of multiply-adds saved, by the weights of the windows alone."""
        return 1 - sum(map(prod, self.factors)) / prod(self.window)

    def build(self) -> dict[str, nn.Module]:
        """Both as modules with a ReLU behind every convolution: {"whole": ..., "factors": ...}."""
        return {name: stack(self.channels, windows) for name, windows in self._windows().items()}

    def count(self) -> dict[str, Table]:
        """What both cost, counted on the modules."""
        with torch.device("meta"):
            return {name: profile(module, self.image_shape) for name, module in self.build().items()}

    def _windows(self) -> dict[str, tuple[Window, ...]]:
        return {"whole": (self.window,), "factors": self.factors}


# Branches of Inception-v3's three grids, at widths that they have there.
REPLACEMENTS = (
    Replacement((5, 5), ((3, 3), (3, 3)), channels=64, grid=35),
    Replacement((5, 5), ((3, 3), (3, 3)), channels=192, grid=17),
    Replacement((3, 3), ((1, 3), (3, 1)), channels=64, grid=35),
    Replacement((7, 7), ((1, 7), (7, 1)), channels=192, grid=17),
    Replacement((7, 7), ((1, 7), (7, 1)), channels=384, grid=8),
)


def window_text(window: Window) -> str:
    """(1, 7) as "1×7": height, then width."""
    return "×".join(map(str, window))


def stack(channels: int, windows: Iterable[Window]) -> nn.Sequential:
    """Convolutions one after another that keep the channels and the grid, a ReLU behind each."""
    return chain(channels, *[(channels, window) for window in windows], conv=ConvReLU)


class WholeB(Branches):
    """Figure 6 before its windows are taken apart: one 7 x 7 in the second branch, two in the third.

    (N, in_channels, H, W) -> (N, widths.out_channels, H, W). Of `widths` it reads those that end at a whole 7 x 7.
    """

    def __init__(self, in_channels: int, widths: Widths):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, widths.pointwise, kernel_size=1)
        reduce, _, single = widths.single
        self.single = chain(in_channels, (reduce, 1), (single, 7))
        reduce, _, first, _, second = widths.stacked
        self.stacked = chain(in_channels, (reduce, 1), (first, 7), (second, 7))
        self.pool = nn.Sequential(average_pool(), ConvBNAct(in_channels, widths.pool, kernel_size=1))


@dataclass(frozen=True)
class Saving:
    """What one replacement saves, each as a share of the whole window's cost; a saving below zero is a loss.

    Attributes:
        replacement: what was replaced by what.
        counted: of the multiply-adds, counted on the modules.
        timed: of the time: the median of five groups of rounds.
        middle_half: in which the middle half of the groups lies.
        speed: multiply-adds a second, of the whole window and of its factors.
        written: values that the convolutions put out for one image, of both.
    """

    replacement: Replacement
    counted: float
    timed: float
    middle_half: tuple[float, float]
    speed: tuple[float, float]
    written: tuple[int, int]


def measure(
    replacement: Replacement, *, batch_size: int = 4, rounds: int = 25, device: str | torch.device = "cpu"
) -> Saving:
    """Count and time one replacement.

    Both modules run in turns. What else the machine does can only add time, so of each group of rounds (a fifth of them)
    the fastest counts, for both modules; the groups show how far the result can be trusted.
    """
    tables = replacement.count()
    whole, factors = tables["whole"], tables["factors"]
    times = timed(
        replacement.build(),
        replacement.image_shape,
        batch_size=batch_size,
        rounds=rounds,
        device=device,
        threads=THREADS,
    )
    before, after = (fastest_of_groups(times[name].seconds, 5) for name in ("whole", "factors"))
    each = [1 - short / long for short, long in zip(after, before, strict=True)]
    low, high = np.percentile(each, (25, 75))
    counted, saved = 1 - factors.macs / whole.macs, float(np.median(each))
    speed = batch_size * whole.macs / float(np.median(before))
    return Saving(
        replacement=replacement,
        counted=counted,
        timed=saved,
        middle_half=(float(low), float(high)),
        speed=(speed, speed * (1 - counted) / (1 - saved)),
        written=(whole.activations, factors.activations),
    )


def fastest_of_groups(seconds: Sequence[float], groups: int) -> list[float]:
    """The least of each of so many groups of consecutive times; of fewer groups where there are fewer times."""
    return [min(part) for part in np.array_split(seconds, min(groups, len(seconds)))]


def in_words(savings: Sequence[Saving], device: str | torch.device = "cpu") -> str:
    """What the clock of this machine says, one sentence for each replacement and one for all."""
    lines = [f"Measured on {machine(device, THREADS)}:"]
    for each in savings:
        what, where = each.replacement.name.split("\n")
        time = f"{percent(each.timed)} less time" if each.timed >= 0 else f"{percent(-each.timed)} more time"
        lines.append(
            f"{what} ({where}): {percent(each.counted)} fewer {units.words()}, {time}; "
            f"each second {each.speed[1] / each.speed[0]:.2f} times the {units.words()} of the whole window."
        )
    less = sum(each.timed < each.counted for each in savings)
    sure = sum(each.middle_half[1] < each.counted for each in savings)
    lines.append(
        f"In {less} of {len(savings)} the clock saves less than the count; in {sure} of them the whole middle half of the five "
        "groups of rounds does."
    )
    return "\n".join(lines)


def what_was_paid(result: Result, macs: Mapping[str, int]) -> str:
    """The arms of the experiment on reductions, best first, with what each pays, and what may be said of the parallel one.

    Args:
        result: runs of `grid_reduction`.
        macs: multiply-adds of each way to halve a grid, by the arm's name.
    """
    dearest = max(macs.values())
    ways = {arm.name: arm for arm in result.compare().arms}
    order = sorted(ways, key=result.mean, reverse=True)
    lines = [
        f"{name}: {result.mean(name):.1f} % right, {ways[name].parameters:,} parameters in the network; each reduction takes "
        f"{100 * macs[name] / dearest:.3g} % of the dearest one's {units.words()} ({units.count(macs[name]):,})"
        for name in order
    ]
    against = next(each for each in result.compare().differences if each.name == "convolution first")
    if not against.is_clear:
        said = "These seeds cannot tell the parallel way from the dearest one, which does not show that they are level."
    elif against.mean > 0:
        said = (
            f"The parallel way ends {against.mean:.1f} points behind the dearest one, more than the spread between seeds "
            "explains: these runs do not confirm that it loses nothing."
        )
    else:
        said = (
            f"The parallel way ends {-against.mean:.1f} points ahead of the dearest one, more than the spread between seeds "
            "explains: here it loses nothing."
        )
    return "\n".join([*lines, f"Last comes: {order[-1]}. {said}"])


def percent(share: float) -> str:
    """0.28 as "28 %"."""
    return f"{100 * share:.0f} %"
