"""The pictures of lesson 10."""

from collections.abc import Callable, Mapping

from torch import nn

from course.experiments import Result
from course.leaderboard import margin
from lessons.capstone.checks import Layer
from networks.design import BUDGET, PRESETS, Budget, Design
from utils.cost import units
from utils.cost.table import short
from utils.data.dataset import Data
from utils.show import colors
from utils.show.plot import Picture, label, panels
from utils.train.engine import logits_of
from utils.train.runs import Run

PARAMETERS, MACS = colors.ORANGE, colors.SKY


def designs_under_budget(designs: Mapping[str, Design] = PRESETS, budget: Budget = BUDGET) -> Picture:
    """What each design spends of both limits."""
    shares = {}
    for name, design in designs.items():
        table = design.table()
        shares[name] = (100 * table.parameters / budget.parameters, 100 * table.macs / budget.macs)
    by_weights = sum(weights > macs for weights, macs in shares.values())
    title = f"One budget, {len(designs)} designs: parameters bind in {by_weights}, {units.words()} in {len(designs) - by_weights}"
    figure, (axis,) = panels(1, title, width=8.5, height=0.55 + 0.42 * len(designs))
    for place, (weights, macs) in enumerate(shares.values()):
        axis.barh(place - 0.19, weights, height=0.36, color=PARAMETERS, label="parameters" if not place else None)
        axis.barh(place + 0.19, macs, height=0.36, color=MACS, label=units.words() if not place else None)
    axis.axvline(100, color="black", linewidth=1.5)
    axis.set_yticks(range(len(shares)), list(shares))
    axis.invert_yaxis()
    axis.set_xlim(0, max(118, 1.1 * max(max(each) for each in shares.values())))
    axis.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    label(
        axis,
        x=f"per cent of {budget.parameters:,} parameters, and of {units.count(budget.macs):,} {units.words()} (line: the limits)",
    )
    words = "; ".join(f"{name}: {weights:.0f} % and {macs:.0f} %" for name, (weights, macs) in shares.items())
    return Picture(figure, f"Bars, parameters and {units.words()} in per cent of their limits. {title}. {words}.")


def where_it_goes(design: Design, name: str = "Your design") -> Picture:
    """The parts of a design and their shares of its parameters and multiply-adds."""
    parts, table = design.by_part(), design.table()
    most_weights = max(parts, key=lambda part: part.cost.parameters).name
    most_macs = max(parts, key=lambda part: part.cost.macs).name
    same = most_weights == most_macs
    title = f"{name}: " + (
        f"{most_macs} has most of both"
        if same
        else f"most parameters are in {most_weights}, most {units.words()} in {most_macs}"
    )
    figure, (axis,) = panels(1, title, width=8.5, height=0.9 + 0.38 * len(parts))
    words = []
    for place, part in enumerate(parts):
        weights, macs = 100 * part.cost.parameters / table.parameters, 100 * part.cost.macs / table.macs
        axis.barh(place - 0.19, weights, height=0.36, color=PARAMETERS, label="parameters" if not place else None)
        axis.barh(place + 0.19, macs, height=0.36, color=MACS, label=units.words() if not place else None)
        words.append(f"{part.name}: {weights:.0f} % and {macs:.0f} %")
    axis.set_yticks(range(len(parts)), [f"{part.name}, {'×'.join(map(str, part.shape))}" for part in parts])
    axis.invert_yaxis()
    axis.legend(frameon=False, fontsize=9)
    label(axis, x=f"per cent of {table.parameters:,} parameters, and of {units.count(table.macs):,} {units.words()}")
    return Picture(figure, f"Bars, parameters and {units.words()} by part. {title}. {'; '.join(words)}.")


def chain_of(design: Design, image_channels: int = 3) -> list[Layer]:
    """A design of plain 3 x 3 blocks and max pools as its layers: (channels in, channels out, window, grid).

    Raises:
        ValueError: the design has other parts.
    """
    plain = all(stage.family == "plain" for stage in design.stages)
    if not plain or design.stem != "plain" or set(design.reductions) != {"max_pool"}:
        raise ValueError("Only a design of plain stem, plain 3×3 blocks and max pools is a chain of convolutions.")
    rows = [row for row in design.table((image_channels, 32, 32)).rows if row.kind in ("conv", "linear")]
    layers, comes = [], image_channels
    for row in rows:
        is_conv = row.kind == "conv"
        layers.append((comes, row.shape[0], 3 if is_conv else 1, row.shape[-1] if is_conv else 1))
        comes = row.shape[0]
    return layers


def widening(widened: Callable[[list[Layer], int], int], most: int = 4) -> Picture:
    """Multiply-adds over the factor by which all widths grow, by the learner's function, for the plain preset."""
    layers = chain_of(PRESETS["plain 3×3"])
    times = list(range(1, most + 1))
    costs = [units.count(widened(list(layers), each)) for each in times]
    title = f"Twice the widths, {costs[1] / costs[0]:.2f} times the {units.words()}"
    figure, (axis,) = panels(1, title, width=7, height=3.2)
    between = [0.5 + 0.05 * step for step in range(20 * most - 9)]  # half as wide, to `most` times
    for power, line in ((2, "--"), (1, ":")):
        values = [each**power * costs[0] / 1e6 for each in between]
        axis.plot(between, values, color=colors.GREY, linestyle=line, label="times²" if power == 2 else "times")
    axis.scatter(times, [cost / 1e6 for cost in costs], color=MACS, s=42, zorder=3, label="plain 3×3, counted")
    axis.axhline(units.count(BUDGET.macs) / 1e6, color="black", linewidth=1.5)
    axis.annotate("budget", (most, units.count(BUDGET.macs) / 1e6), ha="right", va="bottom", fontsize=9)
    axis.set_xticks([0.5, *times], ["½", *times])
    axis.legend(frameon=False, fontsize=9)
    label(axis, x="all widths, times", y=f"million {units.words()}")
    words = "; ".join(f"{each} times: {cost:,}" for each, cost in zip(times, costs, strict=True))
    return Picture(figure, f"Dots beside two curves. {title}. {words}.")


def among_the_family(run: Run, macs: int, recorded: Result) -> Picture:
    """The learner's run over its cost, among the recorded runs of the small family, in that experiment's colours."""
    score = 100 * run.accuracy
    reach = 100 * margin(run.accuracy, run.data["test"])
    values = recorded.percentages
    means = {arm: sum(scores) / len(scores) for arm, scores in values.items()}
    better = sum(score > mean for mean in means.values())
    title = (
        f"Your design: {score:.1f} % with {short(units.count(macs))} {units.words()}, above the mean of {better} of {len(means)} in "
        "the family"
    )
    figure, (axis,) = panels(1, title, width=8.5, height=3.8)
    costs = {arm: units.count(PRESETS[arm].table().macs) for arm in values}
    for place, (arm, scores) in enumerate(values.items()):
        color = colors.ARMS[place % len(colors.ARMS)]
        axis.scatter([costs[arm] / 1e6] * len(scores), scores, color=color, s=26, zorder=3)
        axis.scatter([costs[arm] / 1e6], [means[arm]], color=color, s=360, marker="_", linewidth=2.5, label=arm)
    axis.errorbar(
        [units.count(macs) / 1e6],
        [score],
        yerr=[reach],
        color="black",
        marker="D",
        markersize=9,
        markerfacecolor="white",
        capsize=4,
        zorder=4,
        label="your design",
    )
    axis.axvline(units.count(BUDGET.macs) / 1e6, color="black", linewidth=1, linestyle=":", zorder=1)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=0.5)
    label(
        axis,
        x=f"million {units.words()} for one image (dotted: the budget)",
        y=f"test accuracy, %\n(± of {run.data['test']:,} images)",
    )
    words = "; ".join(f"{arm}: {costs[arm]:,} {units.words()}, mean {means[arm]:.1f} %" for arm in means)
    return Picture(figure, f"Dots over the cost. {title}. {words}.")


def by_class(net: nn.Module, data: Data) -> Picture:
    """In how many of each class's test images the network is right, with the margin of so many images."""
    chosen = logits_of(net, data).argmax(dim=1)
    labels = data.test.labels.cpu()
    shares, reach = {}, {}
    for number, name in enumerate(data.classes):
        right = (chosen[labels == number] == number).float()
        if len(right):
            shares[name], reach[name] = 100 * right.mean().item(), 100 * margin(right.mean().item(), len(right))
    worst = min(shares, key=shares.get)
    title = f"Hardest for this network: {worst}, {shares[worst]:.0f} ± {reach[worst]:.0f} % right"
    figure, (axis,) = panels(1, title, width=8.5, height=0.9 + 0.3 * len(shares))
    looks = [colors.VERMILION if name == worst else colors.SKY for name in shares]
    axis.barh(list(shares), list(shares.values()), xerr=list(reach.values()), color=looks, capsize=3)
    axis.invert_yaxis()
    axis.set_xlim(0, 100)
    label(axis, x="right, per cent of the class's test images (whiskers: their margin)")
    words = "; ".join(f"{name}: {share:.0f} ± {reach[name]:.0f} %" for name, share in shares.items())
    return Picture(figure, f"Bars by class. {title}. {words}.")
