"""The pictures of lesson 07."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from matplotlib.patches import Patch
from torch import nn

from course.experiments import Result
from lessons.residual_scaling import memory, stacks
from lessons.residual_scaling.ensemble_gain import by_size, error_left, independent, similarity_of
from lessons.residual_scaling.stacks import BLOCKS, SCALES, PlainBlock, widths_of
from lessons.residual_scaling.tiny import Tiny
from networks import measure
from networks.inception_resnet_v1 import InceptionResNetA
from utils.cost import units
from utils.cost.table import Cost, profile, total
from utils.data.photo import photograph
from utils.show import colors
from utils.show.plot import Picture, curves, label, panels

SMALL = 8.5
# One colour for each scale, everywhere in this lesson; plain blocks are grey.
SCALE_COLORS = {0.1: colors.BLUE, 0.3: colors.GREEN, 1.0: colors.VERMILION}
MARKERS = {0.1: "o", 0.3: "s", 1.0: "D"}
PHOTO_BLOCKS = 10
TICKS = range(0, BLOCKS + 1, 5)


def through_blocks(block: Callable | None = None, side: int = 72) -> Picture:
    """A photograph behind ten untrained blocks: plain ones, and residual ones with three scales.

    `block(channels, widths, scale=...)` makes a residual block; the course's where none is given.
    """
    photo = torch.tensor(photograph("flower", side)).permute(2, 0, 1) / 255
    ways = {"plain blocks": lambda channels: PlainBlock(channels, widths_of(channels))} if block is None else {}
    for scale in reversed(SCALES):
        make = partial(block or InceptionResNetA, scale=scale)
        ways[f"residual, scale {scale:g}"] = lambda channels, make=make: make(channels, widths_of(channels))
    left = {name: stacks.through(photo, way, PHOTO_BLOCKS) for name, way in ways.items()}
    title = f"{PHOTO_BLOCKS} untrained blocks: "
    title += (
        "plain ones lose the photograph, residuals turned down let it pass"
        if block is None
        else "the smaller the scale, the more of the photograph passes"
    )
    figure, axes = panels(1 + len(left), title, width=9.4, height=2.7)
    axes[0].imshow(photo.permute(1, 2, 0).numpy())
    label(axes[0], title="what goes in")
    words = []
    for axis, (name, (image, alike)) in zip(axes[1:], left.items(), strict=True):
        axis.imshow(image.permute(1, 2, 0).numpy())
        label(axis, title=f"{name}\nlikeness {alike:.2f}")
        words.append(f"{name}: likeness {alike:.2f}")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    return Picture(
        figure, f"A photograph, and what is left of it behind {PHOTO_BLOCKS} untrained blocks. {'; '.join(words)}."
    )


def gradients_by_depth(channels: int = 64) -> Picture:
    """How long the gradient is at each block of an untrained stack, plain and residual, against that at its end."""
    lines = {None: stacks.gradients(channels, None)} | {scale: stacks.gradients(channels, scale) for scale in SCALES}
    title = (
        f"On the way back through {BLOCKS} untrained blocks the gradient grows {lines[None][0]:,.0f} times in plain ones,\n"
        f"{lines[1.0][0]:.0f} times with residuals, {lines[0.1][0]:.1f} times with residuals turned down to 0.1"
    )
    figure, (axis,) = panels(1, title, width=7.5, height=3.6)
    for scale, line in lines.items():
        name = "plain" if scale is None else f"residual, scale {scale:g}"
        axis.plot(
            range(BLOCKS + 1),
            line,
            color=SCALE_COLORS.get(scale, colors.GREY),
            marker=MARKERS.get(scale, "^"),
            ms=4,
            label=name,
        )
    axis.set_yscale("log")
    axis.set_xticks(TICKS)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=SMALL)
    label(axis, x="blocks in front of it", y="gradient ÷ gradient at the end")
    words = "; ".join(
        f"{'plain' if scale is None else f'scale {scale:g}'}: {line[0]:,.1f} times at the first block"
        for scale, line in lines.items()
    )
    return Picture(figure, f"Lines on a logarithmic axis. {' '.join(title.split())}. {words}.")


NETWORKS = {
    "Inception-v3": ("inception_v3", "paper"),
    "Inception-ResNet-v1": ("inception_resnet_v1", "paper"),
    "Inception-v4": ("inception_v4", "paper"),
    "Inception-ResNet-v2, paper": ("inception_resnet_v2", "paper"),
    "Inception-ResNet-v2, released": ("inception_resnet_v2", "released"),
}
GRIDS = {"larger": colors.GREY, "35×35": colors.SKY, "17×17": colors.ORANGE, "8×8": colors.PURPLE}


def macs_by_grid(name: str, variant: str = "paper") -> dict[str, int]:
    """A network's multiply-adds by the grid that they put out: those larger than 35 x 35 in one."""
    found = dict.fromkeys(GRIDS, 0)
    for row in measure.cost(name, variant).rows:
        side = row.shape[1] if len(row.shape) == 3 else 1
        found[next(grid for grid, least in zip(GRIDS, (36, 18, 9, 0), strict=True) if side >= least)] += row.macs
    return found


def _more(ratio: float) -> str:
    return f"{100 * abs(ratio - 1):.0f} % {'more' if ratio >= 1 else 'fewer'}"


def costs_by_grid() -> Picture:
    """The networks of the paper and the one that was released, by what each grid costs."""
    table = {
        title: {grid: units.count(macs) for grid, macs in macs_by_grid(*network).items()}
        for title, network in NETWORKS.items()
    }
    total = {title: sum(parts.values()) for title, parts in table.items()}
    paper, released, v4 = (
        total[each] for each in ("Inception-ResNet-v2, paper", "Inception-ResNet-v2, released", "Inception-v4")
    )
    title = (
        f"Inception-ResNet-v2 takes {_more(paper / v4)} {units.words()} than Inception-v4 as drawn,\n"
        f"{_more(released / v4)} as released"
    )
    figure, (axis,) = panels(1, title, width=8.5, height=3)
    for place, parts in enumerate(table.values()):
        left = 0.0
        for grid, macs in parts.items():
            axis.barh(-place, macs / 1e9, left=left, color=GRIDS[grid], label=grid if not place else None)
            left += macs / 1e9
        axis.annotate(f" {left:.2f}", (left, -place), va="center", fontsize=9)
    axis.set_yticks([-place for place in range(len(table))], list(table))
    axis.set_xlim(0, max(total.values()) / 1e9 * 1.3)
    axis.legend(frameon=False, fontsize=SMALL, title="put out on", title_fontsize=SMALL, loc="lower right")
    label(axis, x=f"thousand million {units.words()} for one image of 299×299")
    words = "; ".join(
        f"{name} {sum(parts.values()):,}: " + ", ".join(f"{grid} {macs:,}" for grid, macs in parts.items())
        for name, parts in table.items()
    )
    return Picture(figure, f"Stacked bars. {' '.join(title.split())}. {words}.")


def sizes_by_depth(size_after: Callable[[int, float, bool], float]) -> Picture:
    """The learner's formula, as lines, and independent random residuals, as dots, by depth and scale."""
    figure, axes = panels(2, "Your formula (lines) and random residuals (dots)", height=3.5)
    words = []
    for axis, normalised in zip(axes, (True, False), strict=True):
        for scale in SCALES:
            color = SCALE_COLORS[scale]
            axis.plot(
                range(BLOCKS + 1),
                [float(size_after(blocks, scale, normalised)) for blocks in range(BLOCKS + 1)],
                color=color,
                label=f"scale {scale:g}",
            )
            measured = stacks.independent(BLOCKS, scale, normalised)
            axis.plot(range(BLOCKS + 1), measured, MARKERS[scale], ms=4, color=color)
            kind = "normalised" if normalised else "not normalised"
            words.append(
                f"{kind}, scale {scale:g}: {float(size_after(BLOCKS, scale, normalised)):.2f} by formula, {measured[-1]:.2f} measured"
            )
        axis.set_xticks(TICKS)
        axis.grid(alpha=0.3)
        label(axis, x="blocks", y="size", title="normalised residuals" if normalised else "residuals not normalised")
    axes[1].set_yscale("log")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False, fontsize=SMALL)
    return Picture(figure, f"Lines and dots. Size after {BLOCKS} blocks. {'; '.join(words)}.")


def sizes_in_blocks(channels: int = 64) -> Picture:
    """The same in real blocks, with their ReLUs: with normalised branches and without."""
    figure, axes = panels(2, "In real blocks, untrained: scaling keeps the activations' size", height=3.5)
    words, last = [], {}
    for axis, normalised in zip(axes, (True, False), strict=True):
        for scale in SCALES:
            sizes = stacks.passage(channels, scale, is_normalised=normalised).sizes
            axis.plot(
                range(BLOCKS + 1),
                sizes,
                marker=MARKERS[scale],
                ms=4,
                color=SCALE_COLORS[scale],
                label=f"scale {scale:g}",
            )
            last[normalised, scale] = sizes[-1]
            words.append(f"{'with' if normalised else 'without'} normalisation, scale {scale:g}: {sizes[-1]:.2f}")
        axis.set_xticks(TICKS)
        axis.grid(alpha=0.3)
        label(axis, x="blocks", y="size", title=f"branches {'' if normalised else 'not '}normalised")
    axes[1].set_yscale("log")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False, fontsize=SMALL)
    figure.suptitle(
        f"In {BLOCKS} real blocks, untrained, scale 1 makes activations {last[True, 1.0]:.1f} times as large with normalised "
        f"branches,\n{last[False, 1.0]:,.0f} times without; scale 0.1 at most {max(last[True, 0.1], last[False, 0.1]):.2f} times",
        fontsize=11,
        fontweight="bold",
    )
    return Picture(figure, f"Lines. Size after {BLOCKS} blocks: {'; '.join(words)}.")


def memory_kept() -> Picture:
    """What a training step keeps for one image, and what normalised sums would add."""
    networks = {name: NETWORKS[name] for name in list(NETWORKS)[2:]}  # Inception-v4 and both of v2
    plain = {name: memory.network_bytes(*network) / 1e6 for name, network in networks.items()}
    more = {
        name: memory.network_bytes(*network, normalised="resnet" in network[0]) / 1e6 - plain[name]
        for name, network in networks.items()
    }
    drawn = "Inception-ResNet-v2, paper"
    title = f"Normalised sums would make v2's steps keep {more[drawn] / plain[drawn]:.0%} more as drawn".replace(
        "%", " %"
    )
    figure, (axis,) = panels(1, title, width=8.5, height=2.6)
    for place, name in enumerate(networks):
        axis.barh(-place, plain[name], color=colors.BLUE, label=None if place else "as it is")
        axis.barh(
            -place,
            more[name],
            left=plain[name],
            color=colors.tint(colors.VERMILION, 0.7),
            label=None if place else "more, with normalised sums",
        )
        text = f" {plain[name]:.0f}" + (f" + {more[name]:.0f}" if more[name] else "")
        axis.annotate(text, (plain[name] + more[name], -place), va="center", fontsize=9)
    axis.set_yticks([-place for place in range(len(networks))], list(networks))
    axis.set_xlim(0, max(plain[name] + more[name] for name in networks) * 1.35)
    axis.legend(frameon=False, fontsize=SMALL, loc="upper right")
    label(axis, x="megabytes that a training step keeps for one image of 299×299")
    words = "; ".join(f"{name}: {plain[name]:.1f}, and {more[name]:.1f} more" for name in networks)
    return Picture(figure, f"Bars. {title}. Megabytes for one image: {words}.")


def where_it_breaks(networks: Sequence[Tiny]) -> Picture:
    """Tiny networks by width, rate and scale: the share of dead channels as shade, the accuracy as a number."""
    widths = sorted({each.channels for each in networks})
    rates, scales = sorted({each.rate for each in networks}), sorted({each.scale for each in networks})
    broken = {scale: sum(each.scale == scale and bool(each.fate) for each in networks) for scale in scales}
    of = len(widths) * len(rates)
    title = "Broken after forty steps: " + ", ".join(
        f"{count} of {of} with scale {scale:g}" for scale, count in broken.items()
    )
    figure, axes = panels(len(widths), title, width=8.4, height=3.2)
    words = []
    for axis, channels in zip(axes, widths, strict=True):
        grid = np.full((len(rates), len(scales)), np.nan)
        for each in networks:
            if each.channels != channels:
                continue
            place = rates.index(each.rate), scales.index(each.scale)
            grid[place] = 1.0 if each.fate else each.dead
            state = each.fate or f"{100 * each.dead:.0f} % dead"
            axis.annotate(
                f"{state}\n{100 * each.accuracy:.0f} % right",
                place[::-1],
                ha="center",
                va="center",
                fontsize=SMALL,
                color="white" if grid[place] > 0.6 else "black",
            )
            words.append(
                f"{channels} channels, rate {each.rate:g}, scale {each.scale:g}: {state}, {100 * each.accuracy:.0f} % right"
            )
        axis.imshow(grid, cmap="Reds", vmin=0, vmax=1, aspect="auto")
        axis.set_xticks(range(len(scales)), [f"{scale:g}" for scale in scales])
        axis.set_yticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        label(axis, x="scale", y="learning rate", title=f"{channels} channels on the sums")
    return Picture(figure, f"Tables of shaded cells. {title}. {'; '.join(words)}.")


def sizes_after_training(result: Result) -> Picture:
    """How large the activations are behind each block of an experiment's trained networks."""
    sizes = {arm: [run.measures["activation_size"] for run in runs] for arm, runs in result.runs.items() if runs}
    ends = {arm: np.mean([run[-1] for run in runs]) for arm, runs in sizes.items()}
    largest, least = max(ends, key=ends.get), min(ends, key=ends.get)
    title = (
        f"After training, the arms' activations behind the last block are {ends[largest] / ends[least]:.1f} times apart:\n"
        f"{ends[least]:.2g} with {least}, {ends[largest]:.2g} with {largest}"
    )
    return curves(sizes, title, x="block", y="standard deviation of the activations", log=True, note=result.source)


def what_averaging_brings(logits: torch.Tensor, labels: torch.Tensor) -> Picture:
    """Squared error and accuracy of ensembles by size, measured, by formula, and with errors made independent.

    `logits` are (networks, N, K), at least two networks; `labels` (N,).
    """
    measured, apart = by_size(logits, labels), by_size(independent(logits, labels), labels)
    similarity = similarity_of(logits, labels)
    count = [each.networks for each in measured]
    alone = measured[0]
    gained, possible = measured[-1].accuracy - alone.accuracy, apart[-1].accuracy - alone.accuracy
    title = (
        f"{len(logits)} networks together: {gained:+.1f} points; if they erred independently: {possible:+.1f} points\n"
        f"(similarity of their errors: {similarity:.2f})"
    )
    figure, axes = panels(2, title, height=3.5)
    axes[0].plot(count, [each.error for each in measured], "o", color=colors.BLUE, label="measured")
    axes[0].plot(
        count,
        [alone.error * error_left(similarity, each) for each in count],
        color=colors.BLUE,
        label=f"formula, similarity {similarity:.2f}",
    )
    axes[0].plot(
        count,
        [alone.error * error_left(0, each) for each in count],
        "--",
        color=colors.GREY,
        label="formula, similarity 0",
    )
    axes[0].set_ylim(bottom=0)
    axes[1].plot(count, [each.accuracy for each in measured], "-o", color=colors.BLUE, label="measured")
    axes[1].plot(
        count,
        [each.accuracy for each in apart],
        "--s",
        color=colors.GREY,
        label="errors made independent in each class",
    )
    for axis, name in zip(axes, ("squared error, sum over the classes", "test accuracy, %"), strict=True):
        axis.set_xticks(count)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=SMALL)
        label(axis, x="networks averaged", y=name)
    words = "; ".join(
        f"{one.networks}: squared error {one.error:.3f}, accuracy {one.accuracy:.1f} %, with independent errors {other.accuracy:.1f} %"
        for one, other in zip(measured, apart, strict=True)
    )
    return Picture(figure, f"Lines. {' '.join(title.split())}. By number of networks: {words}.")


def recorded_ensembles(result: Result) -> Picture:
    """The mean accuracy of all ensembles of 1, 2, ... networks of a recorded experiment."""
    found: Iterable[Any] = (run.measures.get("ensemble_accuracy", []) for runs in result.runs.values() for run in runs)
    means, form = max(found, key=len), result.form
    images = "" if form.limit is None else f", {form.limit:,} images"
    title = (
        f"{len(means)} networks averaged are {means[-1] - means[0]:.1f} points better than one; two are {means[1] - means[0]:.1f}\n"
        f"(each trained for {form.recipe.epochs} epochs on {form.data}{images})"
    )
    return curves(
        {"all ensembles of this size, their mean": [means]},
        title,
        x="networks averaged",
        y="test accuracy, %",
        note=result.source,
    )


PARTS = {"1×1 of the branches": colors.SKY, "3×3": colors.GREEN, "expansion": colors.VERMILION}


def _by_part(module: nn.Module) -> dict[str, Cost]:
    """What the convolutions cost that stand in front of the concatenation, by window, and what the expansion behind it costs."""
    found, part, is_joined = {}, "", False
    for row in profile(module, (384, 35, 35)).rows:
        is_joined = is_joined or row.kind == "concat"
        if row.kind == "conv":
            part = "expansion" if is_joined else "3×3" if row.label.startswith("3×3") else "1×1 of the branches"
        if row.parameters:  # a normalisation belongs to the convolution in front of it
            found[part] = total((found.get(part, Cost()), row))
    return found


def block_beside_module(block: nn.Module) -> Picture:
    """A residual block of Inception-ResNet-v2's first grid and Inception-v4's module of the same grid, by what their parts cost."""
    v4 = measure.network("inception_v4")
    plain = next(child for child in v4.children() if type(child).__name__ == "InceptionA")
    costs = {"residual block": _by_part(block), "Inception-v4's module": _by_part(plain)}
    whole = {name: units.count(sum(cost.macs for cost in parts.values())) / 1e6 for name, parts in costs.items()}
    ours, theirs = whole.values()
    title = f"With its expansion the residual block takes {ours:.0f} M {units.words()},\nInception-v4's module {theirs:.0f} M"
    figure, axes = panels(2, title, height=2.6)
    words = []
    for axis, what, unit in zip(
        axes, ("parameters", "macs"), ("thousand parameters", f"million {units.letters()}"), strict=True
    ):
        per = 1e3 if what == "parameters" else 1e6
        for place, (name, parts) in enumerate(costs.items()):
            left = 0.0
            for part, color in PARTS.items():
                if part not in parts:
                    continue
                value = units.of(parts[part], what) / per
                axis.barh(-place, value, left=left, color=color)
                axis.annotate(f"{value:.0f}", (left + value / 2, -place), ha="center", va="center", fontsize=SMALL)
                left += value
                words.append(f"{name}, {part}: {value:.1f} {unit}")
            axis.annotate(f" {left:.0f}", (left, -place), va="center", fontsize=9)
        axis.set_yticks([-place for place in range(len(costs))], list(costs))
        axis.set_xlim(0, axis.get_xlim()[1] * 1.12)
        label(axis, x=unit)
    axes[1].tick_params(labelleft=False)
    handles = [Patch(color=color, label=part) for part, color in PARTS.items()]
    axes[1].legend(handles=handles, frameon=False, fontsize=SMALL, loc="upper right")
    return Picture(figure, f"Stacked bars. {' '.join(title.split())}. {'; '.join(words)}.")
