"""The experiment of lesson 01: what do several scales, and what do reductions, bring at equal cost?

Four networks with the same frame and the same multiply-adds, to a thousandth. Only the block differs.
`ConvBNAct` in place of the paper's `ConvReLU` lets them learn within a few epochs; lesson 03 says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from lessons.inception_module.blocks import InceptionModule, Widths
from lessons.layers import ConvBNAct
from utils.cost import Table, profile
from utils.data import Data
from utils.plot import Picture, arms
from utils.show import passing_bar
from utils.train import Recipe, Run, fit

IMAGE = (3, 32, 32)
STEM = 16  # channels that the first block gets, on a grid of 16 x 16

RECIPE = Recipe(epochs=3, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01)
RECORDED_RECIPE = replace(RECIPE, epochs=8)
RECORDED = Path(__file__).resolve().parents[2] / "runs" / "inception_module"


class NaiveBlock(nn.Module):
    """Figure 2(a) with normalised layers: `InceptionModule` without its reductions and its pool projection."""

    def __init__(self, in_channels: int, pointwise: int, three: int, five: int):
        super().__init__()
        self.pointwise = ConvBNAct(in_channels, pointwise, kernel_size=1)
        self.three = ConvBNAct(in_channels, three, kernel_size=3)
        self.five = ConvBNAct(in_channels, five, kernel_size=5)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.out_channels = in_channels + pointwise + three + five

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.pointwise(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class Frame(nn.Sequential):
    """What all arms share: a stem, a block, a pool, two blocks, global average pooling, a dense layer.

    (N, 3, 32, 32) -> (N, 10)
    """

    def __init__(self, first: nn.Module, second: nn.Module, third: nn.Module, out_channels: int):
        super().__init__(
            ConvBNAct(3, STEM, kernel_size=3, stride=2),  # 16, 16, 16
            first,
            nn.MaxPool2d(2),  # ..., 8, 8
            second,
            third,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(out_channels, 10),
        )


def several_scales() -> Frame:
    """Arm 1: the module of figure 2(b), reductions and pool projection included."""
    widths = (Widths(8, 8, 12, 4, 8, 4), Widths(12, 12, 18, 6, 12, 6), Widths(16, 16, 24, 8, 16, 8))
    channels = (STEM, *(each.out_channels for each in widths))
    blocks = [InceptionModule(before, each, conv=ConvBNAct) for before, each in zip(channels, widths, strict=False)]
    return Frame(*blocks, out_channels=channels[-1])


def naive() -> Frame:
    """Arm 2: the module of figure 2(a). What reductions would save, it has to save in width."""
    first = NaiveBlock(STEM, pointwise=5, three=5, five=3)
    second = NaiveBlock(first.out_channels, pointwise=8, three=8, five=4)
    third = NaiveBlock(second.out_channels, pointwise=8, three=8, five=4)
    return Frame(first, second, third, out_channels=third.out_channels)


def one_scale() -> Frame:
    """Arm 3: one 3x3 convolution for each block."""
    widths = (18, 22, 41)
    blocks = [ConvBNAct(before, after, kernel_size=3) for before, after in zip((STEM, *widths), widths, strict=False)]
    return Frame(*blocks, out_channels=widths[-1])


def one_scale_reduced() -> Frame:
    """Arm 4: the 3x3 branch alone, with a reduction before it, as wide as the cost allows."""
    blocks, before = [], STEM
    for reduce, after in ((7, 32), (9, 48), (15, 64)):
        blocks.append(nn.Sequential(ConvBNAct(before, reduce, kernel_size=1), ConvBNAct(reduce, after, kernel_size=3)))
        before = after
    return Frame(*blocks, out_channels=before)


ARMS: dict[str, Callable[[], Frame]] = {
    "several scales": several_scales,
    "several scales, naive": naive,
    "3×3 only": one_scale,
    "3×3 only, reduced": one_scale_reduced,
}
SHORT = ("several scales", "several scales, naive", "3×3 only")


def costs() -> dict[str, Table]:
    """The cost of each arm, to see that they are equal."""
    return {name: profile(build(), IMAGE) for name, build in ARMS.items()}


def measure(
    data: Data,
    names: Sequence[str] = SHORT,
    *,
    recipe: Recipe = RECIPE,
    seeds: Sequence[int] = (0, 1, 2),
    on_run: Callable[[dict[str, list[Run]]], None] | None = None,
) -> dict[str, list[Run]]:
    """Train each arm once with each seed; interrupted, the runs that are whole come back.

    `on_run` gets the runs so far after each one.

    Raises:
        ValueError: there is no such arm.
    """
    for name in names:
        if name not in ARMS:
            raise ValueError(f"There is no arm {name!r}. There are: {', '.join(ARMS)}.")
    runs: dict[str, list[Run]] = {name: [] for name in names}
    total = len(seeds) * len(names) * recipe.epochs
    with passing_bar(total=total, bar_format="{l_bar}{bar}| {elapsed}, {remaining} left") as bar:
        for seed in seeds:
            for name in names:
                bar.set_description(f"{name}, seed {seed}")

                def step(_run: Run, done: float, start: float = bar.n) -> None:
                    bar.update(start + done * recipe.epochs - bar.n)

                run = fit(_on_fast_layout(ARMS[name]), data, recipe, seed=seed, show=False, on_step=step, name=name)
                if not run.completed:
                    return runs
                runs[name].append(run)
                if on_run is not None:
                    on_run(runs)
    return runs


def picture(runs: dict[str, list[Run]], title: str) -> Picture:
    """The test accuracy of each run, arm by arm."""
    return arms({name: [100 * run.accuracy for run in each] for name, each in runs.items() if each}, title, chance=10)


def _on_fast_layout(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    # Channels last: the same numbers in another order in memory, with which convolutions and pools run faster.
    return lambda: build().to(memory_format=torch.channels_last)


def recorded(data: str) -> dict[str, list[Run]]:
    """The longer runs that were recorded with this experiment on "scales" or "cifar10", by arm.

    Raises:
        ValueError: nothing is recorded for such data.
    """
    folder = RECORDED / data
    if not folder.is_dir():
        known = ", ".join(sorted(path.name for path in RECORDED.iterdir())) if RECORDED.is_dir() else "nothing"
        raise ValueError(f"No runs are recorded on {data!r}. There are runs on: {known}.")
    runs: dict[str, list[Run]] = {name: [] for name in ARMS}
    for path in sorted(folder.glob("*.json")):
        run = Run.load(path)
        runs[run.network["name"]].append(run)
    return {name: arm for name, arm in runs.items() if arm}


def record(data: Data, seeds: Sequence[int], recipe: Recipe = RECORDED_RECIPE) -> None:
    """Make the recorded runs anew: every arm, every seed, one file a run."""
    folder = RECORDED / data.name
    folder.mkdir(parents=True, exist_ok=True)

    def save(so_far: dict[str, list[Run]]) -> None:
        for number, name in enumerate(ARMS, start=1):
            for run in so_far[name][-1:]:
                run.save(folder / f"arm{number}_seed{run.seed}.json")

    measure(data, tuple(ARMS), recipe=recipe, seeds=seeds, on_run=save)
