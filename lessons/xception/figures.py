"""The pictures of lesson 08."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator
from torch import Tensor, nn

from course.experiments import Result, plural
from lessons.factorization.figures import SideBySide
from lessons.factorization.savings import percent
from lessons.xception.roofline import DENSE, SEPARABLE, Limits, Place
from lessons.xception.towers import ORDERS, Towers, as_dense
from networks import measure
from networks.xception import MIDDLE_FLOW
from utils.cost import units
from utils.cost.table import Table, profile, short
from utils.cost.timing import Timing
from utils.data.photo import photograph
from utils.diagram import draw
from utils.show import colors
from utils.show.plot import Picture, label, panels

CHANNELS, GRID = MIDDLE_FLOW.widths[0], 19  # of the middle flow
PARTS = (colors.SKY, colors.GREEN, colors.ORANGE, colors.PURPLE, colors.BLUE, colors.VERMILION)


def dial(channels: int = 12, groups: Sequence[int] = (1, 3, 6, 12)) -> Picture:
    """Which input channels each output channel of a 3 x 3 convolution reads, for more and more groups."""
    convs = {count: nn.Conv2d(channels, channels, 3, groups=count, bias=False) for count in groups}
    weights = {count: conv.weight.numel() for count, conv in convs.items()}
    title = f"From one group to one group a channel: {weights[groups[0]]:,} weights become {weights[groups[-1]]:,}"
    figure, axes = panels(len(groups), title, width=9.2, height=3.2)
    for axis, (count, conv) in zip(axes, convs.items(), strict=True):
        size = channels // count
        for row, column in np.argwhere(connections(conv)):
            axis.add_patch(Rectangle((column, row), 1, 1, facecolor=PARTS[row // size % len(PARTS)], edgecolor="white"))
        axis.set(xlim=(0, channels), ylim=(channels, 0), xticks=[], yticks=[], aspect="equal")
        axis.spines[["top", "right"]].set_visible(True)
        label(axis, x="input channels", title=f"{count} group{plural(count)}: {weights[count]:,} weights")
    axes[0].set_ylabel("output channels", fontsize=9.5)
    words = "; ".join(
        f"{conv.groups} group{plural(count)}: {channels // count} inputs each" for count, conv in convs.items()
    )
    return Picture(figure, f"Squares that mark which of {channels} input channels each output reads. {title}. {words}.")


def connections(conv: nn.Conv2d) -> np.ndarray:
    """(out_channels, in_channels), True where a change of the input channel changes the output channel."""
    with torch.no_grad():
        size = conv.kernel_size[0]
        images = torch.zeros(conv.in_channels, conv.in_channels, size, size)
        for channel in range(conv.in_channels):
            images[channel, channel] = 1 + torch.rand(size, size, generator=torch.Generator().manual_seed(channel))
        return (conv(images)[:, :, 0, 0].T != 0).numpy()


def cost_of_the_dial(grouped_cost: Callable[..., tuple[float, float]]) -> Picture:
    """What a 3 x 3 of the middle flow costs for every number of groups, beside the 1 x 1 that follows it."""
    groups = [count for count in range(1, CHANNELS + 1) if CHANNELS % count == 0]
    spatial = [units.count(grouped_cost(CHANNELS, CHANNELS, 3, count, GRID)[1]) for count in groups]
    mixing = units.count(grouped_cost(CHANNELS, CHANNELS, 1, 1, GRID)[1])
    first = next(count for count, macs in zip(groups, spatial, strict=True) if macs < mixing)
    share = f"{100 * spatial[-1] / mixing:.1f} %"
    title = f"From {first} groups on the 3×3 costs less than its 1×1; at {CHANNELS}, {share} of it"
    figure, (axis,) = panels(1, title, width=7.5, height=3.4)
    axis.plot(groups, spatial, marker="o", color=colors.THREE, label="3×3 with groups")
    axis.axhline(mixing, color=colors.POINTWISE, linewidth=2, label="1×1 behind it")
    axis.plot(groups, [macs + mixing for macs in spatial], marker="s", color=colors.BLACK, label="both")
    axis.set(xscale="log", yscale="log")
    ticks = (1, 2, 4, first, 28, 104, 364, CHANNELS)
    axis.set_xticks(ticks, [f"{tick}" for tick in ticks])
    axis.axvline(first, color=colors.GREY, linestyle=":", linewidth=1)
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(lambda value, _position: short(value))
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=9)
    label(axis, x=f"groups of the {CHANNELS} channels", y=f"{units.words()} for one image")
    words = ", ".join(f"{count} group{plural(count)} {macs:,}" for count, macs in zip(groups, spatial, strict=True))
    return Picture(figure, f"Lines. {title}. 3×3: {words}. 1×1: {mixing:,}.")


def towers_as_groups(merge_towers: Callable[[Sequence[nn.Sequential]], nn.Module], count: int = 3) -> SideBySide:
    """Towers as one grouped convolution, made by the learner's function, and the extreme form with a group a channel."""
    channels, shape = 12, (12, GRID, GRID)
    towers = Towers(channels, count=count, reduce=channels // count)
    grouped = merge_towers(list(towers.children()))
    extreme = merge_towers(list(Towers(channels, count=channels, reduce=1).children()))
    costs = [profile(module, shape) for module in (towers, grouped, extreme)]
    parts = tuple(
        (name, draw(module, shape), f"{cost.parameters:,} weights, {units.count(cost.macs):,} {units.words()}")
        for (name, module), cost in zip(
            {
                f"{count} towers as {count} groups (figure 3)": grouped,
                "one group a channel (figure 4)": extreme,
            }.items(),
            costs[1:],
            strict=True,
        )
    )
    return SideBySide(
        f"{count} towers have {costs[0].parameters:,} weights, as {count} groups {costs[1].parameters:,}; with a group for each "
        f"channel {costs[2].parameters:,}",
        parts,
    )


FILTERS = {
    "red": torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "green": torch.tensor([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "blue": torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
}


def depthwise_on_a_photograph(depthwise: Callable[[Tensor, Tensor], Tensor], size: int = 160) -> Picture:
    """The learner's depthwise convolution with one filter by hand for each colour, and a 1 x 1 that adds the three up."""
    image = torch.tensor(photograph("china", size)).float().permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        views = depthwise(image, torch.stack(list(FILTERS.values())))[0]
        mixed = torch.einsum("c,chw->hw", torch.tensor([0.5, 0.5, 1.0]), views.abs())
    title = "Depthwise: each channel through its own window. Pointwise: the channels of one place, mixed"
    figure, axes = panels(5, title, width=9.4, height=2.6)
    axes[0].imshow(photograph("china", size))
    label(axes[0], title="input: 3 channels")
    for axis, name, view in zip(axes[1:4], FILTERS, views, strict=True):
        most = float(view.abs().quantile(0.99))
        axis.imshow(view.numpy(), cmap="gray", vmin=-most, vmax=most)
        label(axis, title=f"{name}, its own 3×3")
    axes[4].imshow(mixed.numpy(), cmap="gray", vmin=0, vmax=float(mixed.quantile(0.99)))
    label(axes[4], title="1×1 over absolute values")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    return Picture(
        figure,
        "A photograph; its red channel through a filter for upright edges, its green one through a filter for level edges, its "
        "blue one through a filter for spots; and a mixture of the absolute values of the three.",
    )


def two_orders(channels: int = 4, out_channels: int = 3, seed: int = 4) -> Picture:
    """The dense windows that a separable convolution without an activation stands for, in both orders."""
    draws = torch.Generator().manual_seed(seed)
    pointwise = torch.randn(out_channels, channels, 1, 1, generator=draws)
    windows = {
        order: as_dense(pointwise, torch.randn(width, 1, 3, 3, generator=draws), order)
        for order, width in zip(ORDERS, (channels, out_channels), strict=True)
    }
    alike = {order: shared_by(dense) for order, dense in windows.items()}
    title = "As one dense convolution: depthwise first, a column shares a window; pointwise first, a row does"
    figure, axes = panels(2, title, width=9, height=3.5)
    for axis, (order, dense) in zip(axes, windows.items(), strict=True):
        grid = np.full((4 * out_channels - 1, 4 * channels - 1), np.nan)
        for row in range(out_channels):
            for column in range(channels):
                cell = dense[row, column]
                grid[4 * row : 4 * row + 3, 4 * column : 4 * column + 3] = (cell / cell.abs().max()).numpy()
        axis.imshow(grid, cmap="PuOr", vmin=-1, vmax=1)
        axis.set_xticks([4 * column + 1 for column in range(channels)], range(1, channels + 1))
        axis.set_yticks([4 * row + 1 for row in range(out_channels)], range(1, out_channels + 1))
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        label(axis, x="input channel", y="output channel", title=f"{order}: one window for each {alike[order]} channel")
    return Picture(
        figure,
        f"Two arrays of {out_channels} by {channels} windows of 3 by 3, each scaled to its largest value. {title}, up to a factor "
        f"that can be negative. Checked on the weights: {'; '.join(f'{order}, one window for each {side} channel' for order, side in alike.items())}.",
    )


def shared_by(dense: Tensor) -> str:
    """Along which side windows (out, in, k, k) are multiples of one another: those that read one "input" channel, or make
    one "output" channel; "no" where neither holds."""
    flat = dense.flatten(2)
    for side, stacks in (("input", flat.transpose(0, 1)), ("output", flat)):
        if all(torch.linalg.matrix_rank(stack) <= 1 for stack in stacks):
            return side
    return "no"


# Sides of a grid, from and to: the stages of both networks, whose grids differ by a pixel or two.
STAGES = {"147 to 149": (100, 299), "71 to 74": (60, 99), "35 to 37": (30, 59), "17 to 19": (15, 29), "8 to 10": (2, 14), "1": (0, 1)}  # fmt: skip


def by_grid(table: Table) -> dict[str, tuple[int, int]]:
    """(parameters, multiply-adds) of a network's layers by the side of the grid that they put out."""
    found = dict.fromkeys(STAGES, (0, 0))
    for row in table.rows:
        side = row.shape[-1] if len(row.shape) == 3 else 1
        name = next(name for name, (low, high) in STAGES.items() if low <= side <= high)
        parameters, macs = found[name]
        found[name] = (parameters + row.parameters, macs + row.macs)
    return found


NETWORKS = {"Inception-v3": "inception_v3", "Xception": "xception"}


def beside_inception_v3() -> Picture:
    """Where Xception and Inception-v3 have their parameters and spend their multiply-adds, grid by grid."""
    costs = {title: measure.cost(name) for title, name in NETWORKS.items()}
    stages = {title: by_grid(table) for title, table in costs.items()}
    parameters, macs = ([getattr(table, key) for table in costs.values()] for key in ("parameters", "macs"))
    title = (
        f"Xception has {_against(parameters)} parameters than Inception-v3, and takes {_against(macs)} {units.words()}"
    )
    figure, axes = panels(2, title, width=9.2, height=3.6)
    words = []
    for axis, (place, unit) in zip(axes, ((0, "parameters"), (1, f"{units.words()} for one image")), strict=True):
        for offset, (name, counted) in enumerate(stages.items()):
            values = [units.count(each[1]) if place else each[0] for each in counted.values()]
            places = [position + 0.4 * (offset - 0.5) for position in range(len(values))]
            axis.bar(places, values, width=0.38, color=colors.ARMS[offset], label=name)
            words.append(
                f"{name}, {unit}: {', '.join(f'{side} {value:,}' for side, value in zip(counted, values, strict=True))}"
            )
        axis.set_xticks(range(len(STAGES)), list(STAGES))
        axis.tick_params(axis="x", labelrotation=35)
        axis.yaxis.set_major_formatter(lambda value, _position: short(value))
        label(axis, x="side of the grid that the layer puts out", y=unit)
    axes[1].legend(frameon=False, fontsize=9, loc="upper left")
    return Picture(figure, f"Bars. {title}. {'; '.join(words)}.")


def _against(values: Sequence[int]) -> str:
    """The second against the first: "4 % fewer"."""
    change = values[1] / values[0] - 1
    return f"{percent(abs(change))} {'more' if change > 0 else 'fewer'}"


_LAYERS = {
    "7×7 stem": colors.VERMILION, "1×1": colors.POINTWISE, DENSE: colors.THREE, SEPARABLE: colors.ORANGE,
    "depthwise 3×3": colors.BLUE, "depthwise 3×3, 74 grid": colors.PURPLE,
}  # fmt: skip


def roofline(limits: Limits, places: Sequence[Place]) -> Picture:
    """The roofline of a machine, and measured layers under it."""
    low = min([place.work.intensity for place in places] + [limits.ridge]) / 3
    high = max([place.work.intensity for place in places] + [limits.ridge]) * 3
    across = np.geomspace(low, high, 200)
    slow = min(places, key=lambda place: place.speed)
    allowed = limits.attainable(slow.work.intensity) / limits.peak
    title = f"{slow.name} reaches {percent(slow.speed / limits.peak)} of the peak; {_allowed(allowed)}"
    figure, (axis,) = panels(1, title, width=8.6, height=4.6)
    for near, style, name in ((False, "-", "bytes from memory"), (True, "--", "bytes from a cache")):
        roof = [units.count(limits.attainable(each, from_cache=near)) / 1e9 for each in across]
        axis.plot(units.count(across), roof, style, color=colors.BLACK, linewidth=1.8, label=f"roof, {name}")
    axis.axvline(units.count(limits.ridge), color=colors.GREY, linestyle=":", linewidth=1)
    words = []
    for position, place in enumerate(places):
        intensity, speed = units.count(place.work.intensity), units.count(place.speed) / 1e9
        color = _LAYERS.get(place.name, colors.GREY)
        axis.scatter([intensity], [speed], s=64, color=color, marker="osD^vP"[position % 6], zorder=3, label=place.name)
        words.append(f"{place.name} {intensity:.3g} {units.words()} a byte, {speed:.3g} billion a second")
    axis.set(xscale="log", yscale="log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # all points may lie in one decade
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(lambda value, _position: f"{value:g}")
        side.set_minor_formatter("")
    axis.grid(alpha=0.3)
    bottom = min(units.count(place.speed) / 1e9 for place in places)
    axis.set_ylim(bottom=bottom / 2.5)
    axis.annotate(
        f" ridge {units.count(limits.ridge):.2g}",
        (units.count(limits.ridge), bottom / 2.3),
        fontsize=8.5,
        color="#555555",
        va="bottom",
    )
    label(axis, x=f"{units.words()} for each byte that has to be moved", y=f"billion {units.words()} a second")
    axis.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return Picture(
        figure,
        f"Points under two slanted lines that end in a level one, on {limits.where}. {title}. {limits} {'; '.join(words)}.",
    )


def _allowed(share: float) -> str:
    """What the bytes of a layer allow it: this share of the peak, or all of it."""
    return f"its bytes, from memory, allow {percent(share)}" if share < 1 else "its bytes allow all of it"


def two_networks(times: Mapping[str, Timing], bytes_moved: Mapping[str, int], where: str) -> Picture:
    """Xception in per cent of Inception-v3: what can be counted, and the time of one image."""
    names = list(NETWORKS)
    costs = {title: measure.cost(name) for title, name in NETWORKS.items()}
    rows = {
        "parameters": [costs[name].parameters for name in names],
        units.words(): [costs[name].macs for name in names],
        "bytes moved": [bytes_moved[name] for name in names],
        "time (fastest round)": [min(times[name].seconds) for name in names],
    }
    shares = {what: 100 * values[1] / values[0] for what, values in rows.items()}
    title = f"Xception takes {shares['time (fastest round)']:.0f} % of Inception-v3's time for an image, and {shares[units.words()]:.0f} % of its {units.words()}"
    figure, (axis,) = panels(1, title, width=7.5, height=2.6)
    colored = (colors.GREY, colors.BLUE, colors.ORANGE, colors.VERMILION)
    for position, (share, color) in enumerate(zip(shares.values(), colored, strict=True)):
        axis.barh(-position, share, color=color, height=0.6)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axis.annotate(f"{share:.0f} %", (share + 1.5, -position), va="center", fontsize=9, bbox=box, zorder=3)
    axis.axvline(100, color=colors.BLACK, linewidth=1)
    axis.set_yticks([-position for position in range(len(shares))], list(shares))
    axis.set_xlim(0, 1.15 * max(*shares.values(), 100))
    label(axis, x=f"Xception in per cent of Inception-v3, one image of 299×299 on {where}")
    words = "; ".join(f"{what} {share:.0f} %" for what, share in shares.items())
    return Picture(figure, f"Bars. {title}. {words}.")


def accuracy_over_cost(result: Result, costs: Mapping[str, Table]) -> Picture:
    """Each arm's accuracy, run by run, over the multiply-adds of its network."""
    values = {arm: runs for arm, runs in result.values().items() if runs}
    means = {arm: float(np.mean(runs)) for arm, runs in values.items()}
    first, last = next(iter(values)), list(values)[-1]
    title = (
        f"{last}: {percent(costs[last].macs / costs[first].macs)} of the {units.words()} of {first}, "
        f"{means[last] - means[first]:+.1f} points of accuracy"
    )
    figure, (axis,) = panels(1, title, width=7.5, height=3.6)
    words = []
    for position, (arm, runs) in enumerate(values.items()):
        macs, color = units.count(costs[arm].macs), colors.ARMS[position % len(colors.ARMS)]
        axis.scatter([macs] * len(runs), runs, color=color, s=26, edgecolor="white", linewidth=0.6, zorder=3)
        axis.scatter([macs], [means[arm]], color=color, s=420, marker="_", linewidth=2.5, label=arm)
        words.append(f"{arm}: {macs:,} {units.words()}, mean {means[arm]:.1f}")
    axis.set_xscale("log")
    axis.minorticks_off()
    macs = [units.count(costs[arm].macs) for arm in values]
    axis.set_xticks(macs, [short(each) for each in macs])
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=9, markerscale=0.4)
    label(axis, x=f"{units.words()} of the whole network for one image", y="test accuracy, % (dots: runs; bar: mean)")
    return Picture(figure, f"Dots over the cost. {title}. {'; '.join(words)}.")
