"""The pictures of lesson 04."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from matplotlib.patches import Polygon
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.factorization import principles
from lessons.factorization.reductions import REDUCTIONS
from lessons.factorization.savings import Saving, percent, window_text
from utils.cost import units
from utils.cost.table import profile, short
from utils.data.photo import photograph
from utils.data.sets import load
from utils.diagram import Diagram, at_one_scale, draw
from utils.page.html import bold, output, side_by_side, tag, text
from utils.show import colors
from utils.show.plot import Picture, label, panels

WAYS = {
    "one 5×5": ((5, 5),),
    "two 3×3": ((3, 3), (3, 3)),
    "1×5 and 5×1": ((1, 5), (5, 1)),
}


def taken_apart() -> Picture:
    """One unit that sees 5 x 5 cells, by one window, by two of 3 x 3, and by 1 x 5 and 5 x 1."""
    weights = {name: sum(height * width for height, width in windows) for name, windows in WAYS.items()}
    counts = ", ".join(map(str, list(weights.values())[:-1])) + f" or {list(weights.values())[-1]}"
    figure, axes = panels(3, f"One unit that sees 5×5 cells needs {counts} weights", width=9, height=3.6)
    for axis, (name, windows) in zip(axes, WAYS.items(), strict=True):
        _draw_planes(axis, windows)
        label(axis, title=f"{name}: {' + '.join(f'{h * w}' for h, w in windows)} weights a pair of channels")
        axis.title.set_fontsize(8.5)
    return Picture(
        figure,
        "Three ways from a grid of 5 by 5 cells to one unit. "
        + " ".join(f"{name}: {count} weights for each pair of channels." for name, count in weights.items()),
    )


def _draw_planes(axis, windows: Sequence[tuple[int, int]]) -> None:
    """Grids one above another in a slanted view, the input at the bottom, with the window that each unit reads."""
    grids = [(5, 5)]
    for height, width in windows:
        grids.append((grids[-1][0] - height + 1, grids[-1][1] - width + 1))
    rise = 7.4 / len(windows)

    def place(row: float, column: float, level: int, grid: tuple[int, int]) -> tuple[float, float]:
        y, x = row - grid[0] / 2, column - grid[1] / 2
        return x - 0.45 * y, -0.42 * y + level * rise

    def cell(corner: tuple[int, int], size: tuple[int, int], level: int, grid: tuple[int, int], **style) -> list:
        ends = ((0, 0), (0, size[1]), (size[0], size[1]), (size[0], 0))
        points = [place(corner[0] + row, corner[1] + column, level, grid) for row, column in ends]
        axis.add_patch(Polygon(points, closed=True, **style))
        return points

    tints = (colors.SKY, *[colors.GREEN] * (len(grids) - 2), colors.ORANGE)  # the input, what is between, the unit
    for level, grid in enumerate(grids):
        for row in range(grid[0]):
            for column in range(grid[1]):
                fill = colors.tint(tints[level], 0.45)
                cell((row, column), (1, 1), level, grid, facecolor=fill, edgecolor="#555555", linewidth=0.7)
    for level, window in enumerate(windows):
        below, above = grids[level], grids[level + 1]
        corner = (above[0] - 1, above[1] - 1)  # the unit in front, on the right
        points = cell(corner, window, level, below, fill=False, edgecolor=colors.VERMILION, linewidth=2, zorder=4)
        unit = cell(corner, (1, 1), level + 1, above, fill=False, edgecolor=colors.VERMILION, linewidth=2, zorder=5)
        for low, high in zip(points, unit, strict=True):
            axis.plot(*zip(low, high, strict=True), color=colors.VERMILION, linewidth=0.9, zorder=3)
        middle = (level + 0.5) * rise
        axis.annotate(window_text(window), (2.9, middle), fontsize=9.5, color="#333333", va="center")
    axis.set_xlim(-4.2, 4.4)
    axis.set_ylim(-1.6, 8.8)
    axis.axis("off")


def linear_pair(compose: Callable[[Tensor, Tensor], Tensor], seed: int = 1) -> Picture:
    """Two linear 3 x 3 and the 5 x 5 that `compose` makes of them, and where the two differ on a photograph."""
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randn(1, 1, 3, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    whole = compose(first, second)
    gray = torch.tensor(photograph("china", 16)).double().mean(dim=2)[None, None] / 255
    with torch.no_grad():
        stacked = F.conv2d(F.conv2d(gray, first, padding=1), second, padding=1)
        away = (stacked - F.conv2d(gray, whole, padding=2)).abs()[0, 0].numpy()
    inside, border = away[1:-1, 1:-1].max(), away.max()
    usual = float(np.median(np.concatenate([away[0], away[-1], away[:, 0], away[:, -1]])))
    title = "Two linear 3×3 are one 5×5: only the outermost cells differ, where padding cuts"
    figure, axes = panels(4, title, width=9.4, height=3.1)
    most = max(weight.abs().max().item() for weight in (first, second, whole))
    for axis, (name, weight) in zip(
        axes, {"first 3×3": first, "second 3×3": second, "composed 5×5": whole}.items(), strict=False
    ):
        grid = weight[0, 0].numpy()
        axis.imshow(grid, cmap="PuOr", vmin=-most, vmax=most)
        for (row, column), value in np.ndenumerate(grid):
            dark = abs(value) > 0.6 * most
            size = 8 if len(grid) == 3 else 6.5
            axis.annotate(
                f"{round(value, 1) + 0.0:.1f}",  # no minus in front of a zero
                (column, row),
                ha="center",
                va="center",
                fontsize=size,
                color="w" if dark else "k",
            )
        label(axis, title=name)
    shown = axes[3].imshow(away, cmap="Reds", vmin=0, vmax=usual)
    figure.colorbar(shown, ax=axes[3], shrink=0.7, extend="max", ticks=[0, usual], format="%.1f")
    label(axes[3], title=f"difference on a photograph:\nat most {inside:.0e} inside, {border:.1f} at the border")
    for axis in axes:
        _bare(axis)
    return Picture(
        figure,
        "The weights of two random 3 by 3 windows, of the 5 by 5 window composed of them, and the absolute difference of "
        f"their outputs on a photograph: at most {inside:.0e} inside, up to {border:.1f} in the outermost row and column.",
    )


def one_by_n_on_a_photograph(two_factors: Callable[..., nn.Module]) -> Picture:
    """The learner's 1 x 7 and 7 x 1 as running means on a photograph, beside the mean over 7 x 7."""
    gray = torch.tensor(photograph("china", 160)).float().mean(dim=2)[None, None] / 255
    pair = two_factors(1, 1, 1, ((1, 7), (7, 1)), linear=True)
    convs = [module for module in pair.modules() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        for conv in convs:
            conv.weight.fill_(1 / 7)
        across = convs[0](gray)
        both = pair(gray)
        whole = F.avg_pool2d(gray, 7, stride=1, padding=3)
    away = (both - whole).abs().max().item()
    images = {"input": gray, "1×7": across, "1×7, then 7×1": both, "mean of 7×7": whole}
    figure, axes = panels(4, "A 1×7 and a 7×1 make the mean of 7×7 with 14 weights in place of 49", width=9, height=2.8)
    for axis, (name, image) in zip(axes, images.items(), strict=True):
        axis.imshow(image[0, 0].numpy(), cmap="gray", vmin=0, vmax=1)
        _bare(axis)
        label(axis, title=name)
    return Picture(
        figure,
        "A photograph, its running mean across seven cells, that followed by a mean down seven cells, and the mean of seven "
        f"by seven cells. The last two differ by {away:.0e} at most.",
    )


def what_one_pair_can_be(size: int = 7) -> Picture:
    """Patterns of 7 x 7, and the nearest that one 1 x 7 followed by one 7 x 1 can make of each."""
    patterns = slanted_and_upright(size)
    nearest = {name: best_pair(pattern) for name, pattern in patterns.items()}
    title = "One 1×7 and one 7×1 make upright patterns exactly, and slanted or round ones badly"
    figure, axes = panels(len(patterns), title, width=9, height=4.2, rows=2)
    words = []
    for column, (name, pattern) in enumerate(patterns.items()):
        made, share = nearest[name]
        most = np.abs(pattern).max()
        for axis, grid in zip(axes[:, column], (pattern, made), strict=True):
            axis.imshow(grid, cmap="PuOr", vmin=-most, vmax=most)
            _bare(axis)
        label(axes[0, column], title=name)
        label(axes[1, column], title=f"nearest: {percent(share)} of it")
        words.append(f"{name} {percent(share)}")
    return Picture(
        figure,
        f"Patterns above, the nearest product of a row and a column below. {title}. Share of the squares that it keeps: "
        f"{', '.join(words)}.",
    )


def slanted_and_upright(size: int = 7) -> dict[str, np.ndarray]:
    """Four patterns that a window may look for, (size, size) each."""
    rows, columns = np.mgrid[:size, :size] - size // 2
    radius = np.hypot(rows, columns)
    return {
        "blur": np.exp(-(radius**2) / 6),
        "upright edge": np.sign(columns) * np.exp(-(rows**2) / 9.0),
        "slanted line": np.exp(-((rows - columns) ** 2) / 2.0),
        "ring": np.exp(-((radius - size / 3) ** 2)) - 0.4,
    }


def best_pair(pattern: np.ndarray) -> tuple[np.ndarray, float]:
    """The nearest product of one column and one row, and the share of the pattern's squares that it keeps."""
    left, strengths, right = np.linalg.svd(pattern)
    return strengths[0] * np.outer(left[:, 0], right[0]), float(strengths[0] ** 2 / (strengths**2).sum())


def narrowing(name: str = "inception_v3") -> Picture:
    """Principle 1: the values that a network hands on from stage to stage."""
    stages = principles.representation(name)
    order = list(stages)
    pools = {name: stages[before] / stages[name] for before, name in pairwise(order) if name.startswith("pool")}
    times = sorted({f"{fall:.0f}" for fall in pools.values()})
    title = f"Before the end, the {len(pools)} pools of the stem squeeze most: about {' to '.join(times)} times each"
    figure, (axis,) = panels(1, title, width=9, height=3.4)
    names, values = list(stages), list(stages.values())
    shade = [colors.VERMILION if name in pools else colors.BLUE for name in names]
    axis.bar(names, values, color=shade)
    axis.set_yscale("log")
    axis.tick_params(axis="x", labelrotation=60)
    label(axis, y="values for one image")
    axis.grid(axis="y", alpha=0.3)
    axis.set_axisbelow(True)
    words = ", ".join(f"{name} {value:,}" for name, value in stages.items())
    return Picture(figure, f"Bars. {title}. {_falls(pools)} Values after each stage: {words}.")


def _falls(pools: Mapping[str, float]) -> str:
    return "; ".join(f"{name} divides the values by {fall:.2f}" for name, fall in pools.items()) + "."


def wider(widths: Sequence[int] = principles.WIDTHS, seeds: Sequence[int] = (0, 1, 2)) -> Picture:
    """Principle 2: a linear classifier on the means of random 3 x 3 filters, with a ReLU and without."""
    data = load("digits")
    figure, (axis,) = panels(1, "Wider and not linear is easier to read", width=7, height=3.2)
    words = []
    for color, marker, linear in ((colors.BLUE, "o", False), (colors.VERMILION, "s", True)):
        name = "no ReLU" if linear else "with a ReLU"
        runs = np.array(
            [[100 * principles.readout(data, width, seed, linear=linear) for width in widths] for seed in seeds]
        )
        axis.plot(widths, runs.mean(axis=0), marker=marker, color=color, label=name)
        axis.fill_between(widths, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.2)
        words.append(f"{name}: {', '.join(f'{width} filters {mean:.1f} %' for width, mean in zip(widths, runs.mean(axis=0), strict=True))}")  # fmt: skip
        if not linear:
            gained = runs.mean(axis=0)
        else:
            flat = runs.mean(axis=0)
    title = (
        f"From {widths[0]} to {widths[-1]} random filters: {gained[0]:.0f} to {gained[-1]:.0f} % with a ReLU, "
        f"{flat[0]:.0f} to {flat[-1]:.0f} % without"
    )
    figure.suptitle(title, fontsize=11, fontweight="bold")
    axis.set_xscale("log", base=4)
    axis.set_xticks(list(widths), [str(width) for width in widths])
    axis.set_ylim(0, 100)
    label(axis, x=f"random 3×3 filters (band: {len(seeds)} seeds)", y="digits told apart, % of test")
    axis.legend(frameon=False, fontsize=9)
    return Picture(figure, f"Lines. {title}. {'; '.join(words)}.")


def neighbours(photo: str = "flower", size: int = 224) -> Picture:
    """Principle 3: how alike neighbouring units are on a photograph, and what that is good for."""
    image = photograph(photo, size)
    counts = (1, 2, 4, 8, 16, 32, 64)
    found = {
        "the photograph": principles.activations(image),
        "its pixels shuffled": principles.activations(principles.shuffled(image)),
    }
    alike = {name: principles.correlation(values) for name, values in found.items()}
    kept = {name: [100 * share for share in principles.kept(values, counts)] for name, values in found.items()}
    eight = kept["the photograph"][counts.index(8)]
    title = f"Neighbours are alike (correlation {alike['the photograph'][0]:.2f}), and 8 of 64 channels keep {eight:.0f} % of the variance"
    figure, axes = panels(2, title, width=9, height=3.2)
    for color, marker, name in zip((colors.BLUE, colors.VERMILION), "os", found, strict=True):
        axes[0].plot(principles.DISTANCES, alike[name], marker=marker, color=color, label=name)
        axes[1].plot(counts, kept[name], marker=marker, color=color, label=name)
    axes[0].axhline(0, color=colors.GREY, linewidth=0.8)
    axes[1].set_xscale("log", base=2)
    axes[1].set_xticks(counts, [str(count) for count in counts])
    axes[1].set_ylim(0, 104)
    label(axes[0], x="places apart", y="correlation of two units")
    label(axes[1], x="channels after the best 1×1 reduction, of 64", y="variance kept, %")
    axes[0].legend(frameon=False, fontsize=9)
    words = [
        f"{name}: {', '.join(f'{value:.2f} at {step}' for step, value in zip(principles.DISTANCES, values, strict=True))}"
        for name, values in alike.items()
    ]
    return Picture(figure, f"Lines. {title}. Correlation by distance, {'; '.join(words)}.")


def width_and_depth(steps: Sequence[int] = (1, 2, 3, 4)) -> Picture:
    """Principle 4: what it costs to make a stack wider, deeper, or both for the same sum."""
    base = principles.grown(1, 1).macs
    lines = {
        "wider": [principles.grown(step, 1).macs / base for step in steps],
        "deeper": [principles.grown(1, step).macs / base for step in steps],
    }
    double = steps.index(2)
    title = (
        f"Twice the width costs {lines['wider'][double]:.0f} times, twice the depth {lines['deeper'][double]:.0f} times"
    )
    figure, (axis,) = panels(1, title, width=6.5, height=3)
    for color, marker, (name, values) in zip((colors.BLUE, colors.VERMILION), "os", lines.items(), strict=True):
        axis.plot(steps, values, marker=marker, color=color, label=name)
    axis.set_xticks(list(steps))
    label(axis, x="times the width, or times the depth", y=f"times the {units.words()}")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False, fontsize=9)
    words = "; ".join(f"{name}: {', '.join(f'{value:.0f}' for value in values)}" for name, values in lines.items())
    return Picture(figure, f"Lines. {title}. Times the cost for {', '.join(map(str, steps))} times the size, {words}.")


def clock(savings: Sequence[Saving]) -> Picture:
    """What was saved by count and by the clock, and how fast the multiply-adds were done."""
    less = sum(each.timed < each.counted for each in savings)
    sure = sum(each.middle_half[1] < each.counted for each in savings)
    title = (
        f"On this machine {less} of {len(savings)} replacements save less time than {units.words()}, {sure} of them with "
        "the whole line"
    )
    figure, axes = panels(2, title, width=9.4, height=0.9 + 0.8 * len(savings))
    words = []
    for position, each in enumerate(savings):
        rows = (
            ("by formula", each.replacement.predicted, colors.GREY),
            ("counted", each.counted, colors.BLUE),
            ("timed", each.timed, colors.VERMILION),
        )
        for offset, (name, share, color) in enumerate(rows):
            place = -position - 0.26 * (offset - 1)
            axes[0].barh(place, 100 * share, height=0.24, color=color, label=name if position == 0 else None)
        low, high = each.middle_half
        axes[0].plot([100 * low, 100 * high], [-position - 0.26] * 2, color="black", linewidth=1.4)
        for offset, (name, speed, color) in enumerate(
            zip(("whole window", "its factors"), each.speed, (colors.SKY, colors.GREEN), strict=True)
        ):
            place = -position - 0.3 * (offset - 0.5)
            axes[1].barh(
                place, units.count(speed) / 1e9, height=0.28, color=color, label=name if position == 0 else None
            )
        name = each.replacement.name.replace("\n", ", ")
        words.append(f"{name}: counted {percent(each.counted)}, timed {percent(each.timed)}")
    axes[0].axvline(0, color="black", linewidth=0.8)
    axes[0].set_yticks([-position for position in range(len(savings))], [each.replacement.name for each in savings])
    axes[0].tick_params(axis="y", labelsize=8.5)
    axes[1].set_yticks([])
    label(axes[0], x="saved, % (line: middle half of five groups)")
    label(axes[1], x=f"billion {units.words()} a second")
    for axis, place in zip(axes, ("left", "right"), strict=True):
        figure.legend(
            *axis.get_legend_handles_labels(),
            loc=f"outside lower {place}",
            ncols=3,
            frameon=False,
            fontsize=8.5,
        )
    return Picture(figure, f"Bars. {title}. {'; '.join(words)}.")


def cells_seen(windows: Mapping[str, Sequence[tuple[int, int]]], size: int = 9) -> Picture:
    """How many ways lead from each cell to one unit through stacks of windows: the middle counts most in a stack."""
    title = "Equal fields, unequal weight: in a stack the middle cells reach the unit by more ways"
    figure, axes = panels(len(windows), title, width=2.6 * len(windows), height=2.9)
    words = []
    for axis, (name, factors) in zip(axes, windows.items(), strict=True):
        ways = ways_to_one_unit(factors, size)
        axis.imshow(ways / ways.max(), cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(ways):
            if count:
                dark = count > 0.6 * ways.max()
                axis.annotate(
                    str(count), (column, row), ha="center", va="center", fontsize=8.5, color="w" if dark else "k"
                )
        _bare(axis)
        label(axis, title=name)
        words.append(f"{name}: up to {ways.max()} ways, {np.count_nonzero(ways)} cells")
    return Picture(figure, f"Grids of {size} by {size} cells. {title}. {'; '.join(words)}.")


def _bare(axis) -> None:
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)


def ways_to_one_unit(windows: Sequence[tuple[int, int]], size: int = 9) -> np.ndarray:
    """How many ways lead from each cell of a (size, size) grid to its middle unit, through windows one after another."""
    ways = np.ones((1, 1), dtype=int)
    for height, width in windows:
        grown = np.zeros((ways.shape[0] + height - 1, ways.shape[1] + width - 1), dtype=int)
        for row in range(height):
            for column in range(width):
                grown[row : row + ways.shape[0], column : column + ways.shape[1]] += ways
        ways = grown
    top, left = (size - ways.shape[0]) // 2, (size - ways.shape[1]) // 2
    out = np.zeros((size, size), dtype=int)
    out[top : top + ways.shape[0], left : left + ways.shape[1]] = ways
    return out


@dataclass(frozen=True)
class SideBySide:
    """Several diagrams in a row, each under a heading and over a line of text. It shows itself in a notebook."""

    title: str
    parts: tuple[tuple[str, Diagram, str], ...]

    def __repr__(self) -> str:
        return "\n".join([self.title, *(f"{name}: {drawn.alternative} {note}" for name, drawn, note in self.parts)])

    def _repr_html_(self) -> str:
        pictures, least = at_one_scale([drawn for _, drawn, _ in self.parts])
        each = (text(bold(name), drawn, note) for (name, _, note), drawn in zip(self.parts, pictures, strict=True))
        return output(tag("p", bold(self.title)), side_by_side(*each, least=least))


def three_reductions(channels: int = 320, grid: int = 34) -> SideBySide:
    """The three ways from one grid to half of it, drawn with what they cost."""
    shape = (channels, grid, grid)
    modules = {}
    with torch.device("meta"):
        for name, reduction in REDUCTIONS.items():
            modules[name] = reduction(channels)
    tables = {name: profile(module, shape) for name, module in modules.items()}
    dearest = tables["convolution first"].macs
    parts = tuple(
        (
            name,
            draw(module, shape),
            f"{short(units.count(tables[name].macs))} {units.words()}, {100 * tables[name].macs / dearest:.3g} % of the dearest",
        )
        for name, module in modules.items()
    )
    share = f"{100 * tables['parallel'].macs / dearest:.3g} %"
    return SideBySide(f"Three ways to halve the grid; the parallel one costs {share} of the dearest", parts)
