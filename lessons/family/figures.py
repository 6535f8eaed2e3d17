"""The pictures of lesson 09."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from textwrap import wrap

import numpy as np
import torch
from matplotlib.ticker import MaxNLocator
from torch import nn

from lessons.family.looking import Looker, top
from lessons.family.rows import PAPERS, Row, rows
from lessons.family.speeds import Key, quickest
from networks import measure
from networks.catalog import NETWORKS, entry, relatives
from utils.cost import units
from utils.cost.table import short
from utils.cost.timing import Timing
from utils.show import colors
from utils.show.plot import Picture, apart, label, panels
from utils.train.runs import Run

# One colour a network, in all pictures of this lesson.
BROWN = "#7A4F2A"
COLORS = dict(zip((each.name for each in NETWORKS), cycle((*colors.ARMS[:-1], BROWN, colors.YELLOW, "#555555"))))
MARKERS = dict(zip((each.name for each in NETWORKS), cycle("osD^vPX*<>")))  # an eleventh network begins anew
# The relatives are no part of the family: grey, each with a form of its own.
COLORS |= dict.fromkeys(relatives(), colors.GREY)
MARKERS |= dict(zip(relatives(), "hHdp8", strict=True))
SMALL = 8.5


def title_of(name: str, variant: str = "paper") -> str:
    """A network's name as pictures show it."""
    title = entry(name).title.removesuffix(" (Inception-v1)")
    return title if variant == "paper" else f"{title}, released"


def side_by_side(source: str = PAPERS) -> Picture:
    """Parameters, multiply-adds, activations and the printed errors of every network, a row each."""
    table = rows(source)
    columns: tuple[tuple[str, Callable[[Row], float | None]], ...] = (
        ("parameters", lambda row: row.parameters),
        (units.words(), lambda row: units.count(row.macs)),
        ("activations", lambda row: row.activations),
        ("top-1 error, %", lambda row: row.top1),
        ("top-5 error, %", lambda row: row.top5),
    )
    best = min((row for row in table if row.top1 is not None), key=lambda row: row.top1)
    least = min(table, key=lambda row: row.macs)
    title = f"{best.title} errs least ({best.top1:.1f} %), {least.title} takes {best.macs / least.macs:.1f} times fewer {units.words()}"
    figure, axes = panels(len(columns), title, width=9.5, height=0.9 + 0.32 * len(table))
    words = []
    for axis, (name, value_of) in zip(axes, columns, strict=True):
        for place, row in enumerate(table):
            value = value_of(row)
            if value is None:
                axis.annotate(
                    "not in its paper", (0, -place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=SMALL, color="#555555"
                )  # fmt: skip
                continue
            text = f"{value:.1f}" if "error" in name else short(value)
            axis.barh(-place, value, color=COLORS[row.name], height=0.7)
            axis.annotate(f" {text}", (value, -place), va="center", fontsize=SMALL)
            words.append(f"{row.title} {text} {name}")
        axis.set_xlim(0, axis.get_xlim()[1] * 1.35)
        axis.set_ylim(-len(table) + 0.4, 0.6)
        axis.set_yticks([-place for place in range(len(table))], [row.title for row in table])
        axis.tick_params(labelleft=axis is axes[0])
        axis.xaxis.set_major_locator(MaxNLocator(2))
        axis.xaxis.set_major_formatter(lambda value, _position: short(value, 2) if value >= 1000 else f"{value:g}")
        label(axis, x=name)
    figure.supxlabel(
        f"{units.words()} and activations: for one image of the paper's size", fontsize=8.5, color="#595959"
    )
    return Picture(figure, f"Bars in {len(columns)} columns. {title}. {'; '.join(words)}.")


def scatter(
    points: Mapping[str, tuple[float, float]],
    front: Iterable[str],
    *,
    x: str,
    y: str,
    title: str = "",
    log: bool = True,
    names: Mapping[str, str] | None = None,
    height: float = 4.2,
) -> Picture:
    """Cost and error of each network; those on the front are filled and joined by a staircase.

    Args:
        points: (cost, error) by the network's name in the catalog.
        front: the names on the Pareto front, in any order.
        x, y: what the axes are, with units.
        names: other titles than the catalog's.
        height: in inches; more of it keeps the names of many networks apart.
    """
    named = {name: (names or {}).get(name, title_of(name)) for name in points}
    chosen = sorted(set(front), key=lambda name: points[name])
    left_out = [named[name] for name in points if name not in chosen]
    title = (
        title
        or f"{len(chosen)} of {len(points)} are on the front; {', '.join(left_out) or 'none'} {'is' if len(left_out) == 1 else 'are'} not"
    )
    figure, (axis,) = panels(1, title, width=8, height=height)
    if log:
        axis.set_xscale("log")
    corners = [points[name] for name in chosen]
    if corners:
        # What costs more than all of the front is dominated by its last one: the staircase goes on.
        corners.append((1.5 * max(cost for cost, _ in points.values()), corners[-1][1]))
        axis.step(*zip(*corners, strict=True), where="post", color=colors.GREY, linewidth=1.2, zorder=1)
    for name in sorted(points, key=lambda name: points[name]):
        (cost, error), on_front = points[name], name in chosen
        axis.scatter(
            [cost], [error], s=75, marker=MARKERS[name], zorder=3, linewidth=1.6, edgecolor=COLORS[name],
            facecolor=COLORS[name] if on_front else "white",
        )  # fmt: skip
        # below the staircase what is on it, above it what is not
        away, side = ((6, -17), "right") if on_front else ((0, 8), "center")
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # so that no line goes through a name
        axis.annotate(
            named[name],
            (cost, error),
            xytext=away,
            textcoords="offset points",
            ha=side,
            fontsize=SMALL,
            bbox=behind,
            zorder=2,
        )
    low, high = min(cost for cost, _ in points.values()), max(cost for cost, _ in points.values())
    axis.set_xlim((low / 1.5, high * 1.5) if log else (0, 1.12 * high))
    axis.xaxis.set_major_formatter(lambda value, _position: short(value, 2) if value >= 1 else f"{value:g}")
    axis.xaxis.set_minor_formatter(lambda value, _position: "")
    if log:
        ticks = [
            each for each in (m * 10**e for e in range(-4, 12) for m in (1, 2, 5)) if low / 1.5 <= each <= high * 1.5
        ]
        axis.set_xticks(ticks)
    axis.margins(y=0.12)
    axis.grid(alpha=0.3)
    label(axis, x=x, y=y)
    words = "; ".join(f"{named[name]} {short(cost)}, {error:.1f}" for name, (cost, error) in points.items())
    return Picture(figure, f"Points. {title}. On the front: {', '.join(named[name] for name in chosen)}. {words}.")


def speeds_picture(times: Mapping[Key, Timing], batch_size: int, where: str, size: str) -> Picture:
    """Images a second of each network beside its multiply-adds; a line for the middle half of the rounds.

    The title ranks two networks only where these lines do not overlap.
    """
    ordered = sorted(times, key=lambda key: times[key].median)
    macs = {key: units.count(measure.cost(*key, size=size).macs) for key in times}
    fewest = min(macs, key=macs.get)
    first, rival = quickest(times, fewest)
    verdict = {
        True: "is the quickest",
        False: f"is not the quickest: {title_of(*rival)} is",
        None: f"and {title_of(*rival)} are about as quick",
    }[first]
    title = f"{title_of(*fewest)}, with the fewest {units.words()}, {verdict}"
    figure, axes = panels(2, title, width=9.5, height=0.9 + 0.32 * len(times))
    words = []
    for place, key in enumerate(ordered):
        timing, color = times[key], COLORS[key[0]]
        speed = batch_size / timing.median
        slow, fast = (batch_size / seconds for seconds in reversed(timing.middle_half))
        axes[0].barh(-place, speed, color=color, height=0.7)
        axes[0].plot([slow, fast], [-place, -place], color=colors.BLACK, linewidth=2)
        axes[0].annotate(f"  {speed:.3g}", (max(speed, fast), -place), va="center", fontsize=SMALL)
        rate = macs[key] * speed / 1e9
        axes[1].barh(-place, rate, color=color, height=0.7)
        axes[1].annotate(f" {rate:.3g}", (rate, -place), va="center", fontsize=SMALL)
        words.append(f"{title_of(*key)} {speed:.3g} images a second, {rate:.3g} billion {units.words()} a second")
    names = [title_of(*key) for key in ordered]
    for axis, text in zip(
        axes,
        ("images a second (line: middle half of rounds)", f"billion {units.words()} done in a second"),
        strict=True,
    ):
        axis.set_yticks([-place for place in range(len(ordered))], names)
        axis.set_xlim(0, axis.get_xlim()[1] * 1.18)
        label(axis, x=text)
    axes[1].tick_params(labelleft=False)
    note = f"{size} size, {batch_size} image{'s' if batch_size > 1 else ''} at a time, on {where}"
    figure.supxlabel(note, fontsize=8.5, color="#595959")
    return Picture(figure, f"Bars. {title}. {note}. {'; '.join(words)}.")


def with_relatives(
    family: Mapping[str, tuple[float, float]], others: Mapping[str, tuple[float, float]], front: Iterable[str]
) -> Picture:
    """Multiply-adds and top-1 error of the family and, in grey, of what it is compared with.

    Args:
        family, others: (multiply-adds, error) by the network's name in the catalog.
        front: the names on the Pareto front of both together.
    """
    came = [title_of(name) for name in others if name in set(front)]
    title = f"On the front of all {len(family) + len(others)}: {' and '.join(came) or 'none'} of the {len(others)} relatives (grey)"
    points = {name: (units.count(macs), error) for name, (macs, error) in (*family.items(), *others.items())}
    return scatter(points, front, x=f"{units.words()} for one image", y="top-1 error, %", title=title, height=6.5)


def race_picture(runs: Mapping[str, Sequence[Run]]) -> Picture:
    """Test accuracy of each mini network over its multiply-adds: a dot a run, a bar for the mean."""
    costs = {name: measure.cost(name, size="mini") for name in runs}
    means = {name: 100 * float(np.mean([run.accuracy for run in each])) for name, each in runs.items()}
    first = max(means, key=means.get)
    widest = max(100 * (max(r.accuracy for r in each) - min(r.accuracy for r in each)) for each in runs.values())
    apart = f"; runs of one network lie up to {widest:.1f} points apart" if max(map(len, runs.values())) > 1 else ""
    title = f"Highest mean: {title_of(first)}, {means[first]:.1f} %{apart}"
    figure, (axis,) = panels(1, title, width=8, height=3.9)
    words = []
    for name, each in runs.items():
        macs = units.count(costs[name].macs)
        axis.scatter(
            [macs] * len(each), [100 * run.accuracy for run in each], color=COLORS[name], marker=MARKERS[name], s=45, zorder=3
        )  # fmt: skip
        axis.scatter([macs], [means[name]], color=COLORS[name], marker="_", s=380, linewidth=2, label=title_of(name))
        words.append(f"{title_of(name)} {', '.join(f'{100 * run.accuracy:.1f}' for run in each)}")
    axis.set_ylim(0, 102)
    axis.grid(alpha=0.3)
    axis.xaxis.set_major_formatter(lambda value, _position: short(value, 2))
    axis.legend(frameon=False, fontsize=SMALL, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=0.5)
    label(axis, x=f"{units.words()} of the mini network for an image of 32×32", y="test accuracy, %")
    return Picture(figure, f"Dots over the cost. {title}. {'; '.join(words)}.")


def seen_by(looker: Looker, photograph: np.ndarray) -> Picture:
    """A photograph and the five classes that a network finds likeliest."""
    found = top(looker.probabilities(photograph))
    name, value = found[0]
    title = f"{name}: {100 * value:.3g} %" if looker.is_published else "Random weights: all classes are about as likely"
    figure, axes = panels(2, title, width=8, height=2.9)
    axes[0].imshow(photograph)
    axes[0].set(xticks=[], yticks=[])
    for place, (_, share) in enumerate(found):
        axes[1].barh(-place, 100 * share, color=colors.BLUE, height=0.6)
        axes[1].annotate(f" {100 * share:.3g} %", (100 * share, -place), va="center", fontsize=SMALL)
    axes[1].set_yticks([-place for place in range(len(found))], [each for each, _ in found])
    axes[1].set_xlim(0, 1.3 * 100 * found[0][1])
    label(axes[1], x="probability, %")
    figure.supxlabel("\n".join(wrap(looker.sentence, 120)), fontsize=8.5, color="#595959")
    words = "; ".join(f"{each} {100 * share:.3g} %" for each, share in found)
    return Picture(figure, f"A photograph and bars. {title}. {words}. {looker.sentence}")


def first_filters(looker: Looker, photograph: np.ndarray, count: int = 6) -> Picture:
    """The first filters of a network for colour images, and what they find in a photograph."""
    conv = next(module for module in looker.net.modules() if isinstance(module, nn.Conv2d))
    weights = conv.weight.detach()
    # Those that change most from place to place: filters that hardly differ from zero say nothing.
    chosen = weights.flatten(1).std(dim=1).argsort(descending=True)[:count].tolist()
    with torch.no_grad():
        image = looker.preprocessing(torch.tensor(photograph).permute(2, 0, 1)[None])
        views = conv(image)[0].relu()
    title = (
        "The first filters find edges and colours"
        if looker.is_published
        else "Random filters: the windows are noise, yet edges come through"
    )
    figure, axes = panels(count + 1, title, width=1.35 * (count + 1), height=3.2, rows=2)
    axes[0][0].axis("off")
    axes[1][0].imshow(photograph)
    label(axes[1][0], title="photograph")
    for place, number in enumerate(chosen, start=1):
        window = weights[number].permute(1, 2, 0)
        axes[0][place].imshow((0.5 + 0.5 * window / window.abs().max()).numpy(), interpolation="nearest")
        label(axes[0][place], title=f"filter {number}")
        view = views[number].numpy()
        axes[1][place].imshow(view, cmap="gray", vmax=np.percentile(view, 99.5) or None)
        label(axes[1][place], title="after ReLU")
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    size = "by".join(map(str, weights.shape[-2:])).replace("by", " by ")
    return Picture(figure, f"{count} first filters of {size} and a photograph after each. {title}. {looker.sentence}")


def tuning_picture(runs: Mapping[str, Sequence[Run]], seconds: Mapping[str, float]) -> Picture:
    """What each way of tuning reaches, and what a step of it costs."""
    means = {name: 100 * float(np.mean([run.accuracy for run in each])) for name, each in runs.items()}
    best = max(means, key=means.get)
    quickest = min(seconds, key=seconds.get)
    title = f"Highest mean: {best}, {means[best]:.1f} %; shortest steps: {quickest}"
    figure, axes = panels(2, title, width=9, height=2.3)
    words = []
    for place, (name, each) in enumerate(runs.items()):
        color = colors.ARMS[place]
        values = [100 * run.accuracy for run in each]
        axes[0].scatter(values, apart(values) - place, color=color, s=40, zorder=3)
        axes[0].plot([means[name]] * 2, [-place - 0.3, -place + 0.3], color=color, linewidth=2.5)
        axes[1].barh(-place, 1000 * seconds[name], color=color, height=0.6)
        axes[1].annotate(f" {1000 * seconds[name]:.3g} ms", (1000 * seconds[name], -place), va="center", fontsize=SMALL)
        words.append(f"{name} {', '.join(f'{value:.1f}' for value in values)} %, {1000 * seconds[name]:.3g} ms a step")
    for axis in axes:
        axis.set_yticks([-place for place in range(len(runs))], list(runs))
        axis.set_ylim(-len(runs) + 0.4, 0.6)
    axes[1].tick_params(labelleft=False)
    axes[1].set_xlim(0, 1.25 * 1000 * max(seconds.values()))
    axes[0].grid(axis="x", alpha=0.3)
    label(axes[0], x="test accuracy, % (dots: runs; line: mean)")
    label(axes[1], x="milliseconds a step")
    return Picture(figure, f"Dots and bars. {title}. {'; '.join(words)}.")


def folder_picture(images: torch.Tensor, labels: torch.Tensor, classes: Sequence[str]) -> Picture:
    """All training images of a small folder: a row a class."""
    counts = torch.bincount(labels)
    title = f"{len(labels)} images to learn {len(classes)} classes from"
    figure, axes = panels(int(counts.max()), title, width=0.62 * int(counts.max()) + 0.5, height=0.7 * len(classes) + 0.5, rows=len(classes))  # fmt: skip
    for row, name in enumerate(classes):
        mine = images[labels == row]
        for axis, image in zip(axes[row], mine, strict=False):
            axis.imshow(image.permute(1, 2, 0).numpy())
        axes[row][0].set_ylabel(name, rotation=0, labelpad=10, va="center")
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    return Picture(figure, f"{title}: handwritten digits {', '.join(classes)}.")
