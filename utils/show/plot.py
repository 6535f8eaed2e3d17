"""The course's figures. Each says its point in its title, has units on its axes, and a text alternative."""

import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from utils.cost import units
from utils.cost.table import Table, short
from utils.page.html import Html, embedded, output
from utils.show import colors
from utils.system.packages import needed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110
WIDEST = 9.5  # inches: a wider figure would shrink to the cell, and its letters with it
_STYLE = {"title": 11, "label": 9.5, "tick": 9}


class Picture:
    """A finished figure with a text alternative. It shows itself in a notebook; `save` writes it to a file."""

    def __init__(self, figure: "Figure", alternative: str):
        self.figure = figure
        self.alternative = alternative

    @cached_property
    def png(self) -> bytes:
        """The picture as a PNG file's bytes."""
        file = io.BytesIO()
        self.figure.savefig(file, format="png", dpi=DPI, bbox_inches="tight", facecolor="white")
        return file.getvalue()

    def save(self, path) -> None:
        """Write the picture to a file; the name's ending says in which form."""
        self.figure.savefig(path, dpi=DPI, bbox_inches="tight", facecolor="white")

    def __repr__(self) -> str:
        return f"[picture: {self.alternative}]"

    @property
    def html(self) -> Html:
        """The picture as a part of something larger."""
        return embedded(self.png, self.alternative)

    def _repr_html_(self) -> str:
        return output(self.html)

    def _repr_png_(self) -> bytes:
        return self.png


def panels(columns: int, title: str, *, width: float = 9, height: float = 3.2, rows: int = 1):
    """A figure with its title and `rows` times `columns` empty axes, in the course's style: (figure, array of axes)."""
    with needed("A picture"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=_STYLE["title"], fontweight="bold")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.tick_params(labelsize=_STYLE["tick"])
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes[0] if rows == 1 else axes


def label(axis, *, x: str = "", y: str = "", title: str = "") -> None:
    """Name an axis pair in the course's letter sizes."""
    axis.set_xlabel(x, fontsize=_STYLE["label"])
    axis.set_ylabel(y, fontsize=_STYLE["label"])
    axis.set_title(title, fontsize=_STYLE["label"])


def branch_title(name: str) -> str:
    """A branch's name as the papers' figures write it: "1×1" for "pointwise"."""
    return {"pointwise": "1×1", "three": "3×3", "five": "5×5"}.get(name, name.replace("_", " "))


def bars_by_branch(tables: Mapping[str, Table], title: str) -> Picture:
    """Parameters and multiply-adds of each branch, for one or several modules side by side."""
    with needed("A picture"):
        from matplotlib.ticker import MaxNLocator
    names = list(dict.fromkeys(branch for table in tables.values() for branch in table.by_branch()))
    figure, axes = panels(2, title, height=0.9 + 0.32 * len(names) * len(tables))
    words = []
    for axis, (what, unit) in zip(
        axes, (("parameters", "parameters"), ("macs", f"{units.words()} for one image")), strict=True
    ):
        places, labels = [], []
        for position, name in enumerate(names):
            for offset, (design, table) in enumerate(tables.items()):
                cost = table.by_branch().get(name)
                value = units.of(cost, what) if cost else 0
                place = -(position * (len(tables) + 0.6) + offset)
                axis.barh(place, value, color=colors.branch_color(name, position), alpha=1 if offset == 0 else 0.55)
                axis.annotate(f" {short(value)}", (value, place), va="center", fontsize=_STYLE["tick"])
                places.append(place)
                labels.append(f"{branch_title(name)}, {design}" if len(tables) > 1 else branch_title(name))
                words.append(f"{design} {branch_title(name)} {value:,} {units.title(what)}")
        axis.set_yticks(places, labels)
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.xaxis.set_major_formatter(lambda value, _position: short(value))
        axis.set_xlim(0, axis.get_xlim()[1] * 1.18)
        label(axis, x=unit)
    axes[1].tick_params(labelleft=False)
    return Picture(figure, f"Bars. {title}. {'; '.join(words)}.")


def growth(stacks: Mapping[str, Sequence[Table]], title: str) -> Picture:
    """Output channels, parameters and multiply-adds of each of several modules that stand one on the other."""
    figure, axes = panels(3, title)
    words = []
    measures = (
        ("output channels", lambda table: table.rows[-1].shape[0]),
        ("parameters of the module", lambda table: table.parameters),
        (f"{units.words()} of the module", lambda table: units.count(table.macs)),
    )
    for axis, (what, measure) in zip(axes, measures, strict=True):
        for position, (name, tables) in enumerate(stacks.items()):
            values = [measure(table) for table in tables]
            steps = range(1, len(values) + 1)
            axis.plot(steps, values, marker="os^D"[position], color=colors.ARMS[position], label=name)
            words.append(f"{name}, {what}: {', '.join(f'{value:,}' for value in values)}")
        axis.set_xticks(list(steps))
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_formatter(lambda value, _position: short(value))
        label(axis, x="module in the stack", y=what)
    axes[0].legend(frameon=False, fontsize=_STYLE["tick"])
    return Picture(figure, f"Lines. {title}. {'; '.join(words)}.")


def fields_on_photo(
    photo: np.ndarray, fields: Mapping[str, tuple[int, int]], centre: tuple[int, int], title: str
) -> Picture:
    """Receptive fields drawn on a photograph (H, W, 3) around a unit's centre (row, column), and what each one sees.

    `fields` are (height, width) in pixels by name. Parts outside of the photograph are the zeros of the padding.
    """
    with needed("A picture"):
        from matplotlib.patches import Rectangle
    figure, axes = panels(1 + len(fields), title, width=1.9 * (1 + len(fields)), height=2.5)
    axes[0].imshow(photo)
    words = []
    for position, (axis, (name, field)) in enumerate(zip(axes[1:], fields.items(), strict=True)):
        color = colors.branch_color(name, position)
        top, left = centre[0] - field[0] // 2, centre[1] - field[1] // 2
        axes[0].add_patch(Rectangle((left, top), field[1], field[0], fill=False, edgecolor=color, linewidth=2.5))
        seen = np.zeros((*field, 3), dtype=photo.dtype)
        rows = slice(max(top, 0), min(top + field[0], photo.shape[0]))
        columns = slice(max(left, 0), min(left + field[1], photo.shape[1]))
        seen[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = photo[rows, columns]
        axis.imshow(seen, interpolation="nearest")
        for spine in axis.spines.values():
            spine.set(edgecolor=color, linewidth=3, visible=True)
        label(axis, title=f"{branch_title(name)}: {field[0]}×{field[1]} pixels")
        words.append(f"{branch_title(name)} {field[0]} by {field[1]} pixels")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    label(axes[0], title=f"{photo.shape[0]}×{photo.shape[1]} pixels")
    return Picture(figure, f"A photograph with a rectangle for each branch. {title}. {'; '.join(words)}.")


AFAR = 4  # times as wide as the runs scatter: from there on guessing is left out of the picture, which would show little else


def arms(
    results: Mapping[str, Sequence[float]],
    title: str,
    *,
    unit: str = "test accuracy, %",
    chance: float | None = None,
    note: str = "",
    intervals: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> Picture:
    """Results of several arms: a dot for each seed, the mean as a line, the 95 % interval of the mean as a band.

    `chance` is what guessing gives: marked where the axis reaches near it. `note` stands small under the picture: where
    recorded runs are from. `intervals` by arm, where they are known; else Student's.
    """
    with needed("A picture"):
        from scipy import stats
    figure, (axis,) = panels(1, title, width=7.5, height=1 + 0.5 * len(results))
    words = []
    for position, (name, values) in enumerate(results.items()):
        values, color = np.asarray(values, dtype=float), colors.ARMS[position % len(colors.ARMS)]
        mean = values.mean()
        if len(values) > 1:
            half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
            low, high = (intervals or {}).get(name, (mean - half, mean + half))
            axis.barh(-position, high - low, left=low, height=0.5, color=colors.tint(color), zorder=1)
            axis.plot([mean, mean], [-position - 0.3, -position + 0.3], color=color, linewidth=2.5, zorder=2)
        heights = apart(list(values))
        dots = {"color": color, "s": 26, "edgecolor": "white", "linewidth": 0.6}
        axis.scatter(values, heights - position, zorder=3, clip_on=False, **dots)  # whole at 0 and 100 % too
        words.append(f"{name}: {', '.join(f'{value:.1f}' for value in values)}, mean {mean:.1f}")
    axis.set_yticks([-position for position in range(len(results))], list(results))
    axis.set_ylim(-len(results) + 0.4, 0.6)
    axis.grid(axis="x", alpha=0.3)
    axis.use_sticky_edges = False  # else a band would begin at the frame, as if it were cut off
    axis.autoscale_view(scaley=False)
    if "%" in unit:
        least, most = axis.get_xlim()
        if chance is not None and least - chance < AFAR * (
            most - least
        ):  # near enough: a run that only guesses is seen whole
            least = min(least, chance - 2)
            axis.axvline(chance, color=colors.GREY, linestyle=":", linewidth=1)
            axis.annotate(" guessing", (chance, 0.5), va="top", color="#555555", fontsize=_STYLE["tick"])
        axis.set_xlim(
            max(least, 0), min(most, 100)
        )  # an interval of few runs can reach beyond what a percentage can be
    several = any(len(values) > 1 for values in results.values())
    marks = "dots: one run each; line: mean; band: 95 % interval of the mean" if several else "a dot: the one run"
    label(axis, x=f"{unit} ({marks})")
    _foot(figure, note)
    return Picture(figure, f"Dots in rows. {_said(title, note)} {'; '.join(words)}.")


def apart(values: Sequence[float]) -> np.ndarray:
    """Heights at which dots of the same value do not hide each other: 0 for a value that is there once."""
    heights = [
        0.4 * (values[:place].count(value) / (values.count(value) - 1) - 0.5) if values.count(value) > 1 else 0.0
        for place, value in enumerate(values)
    ]
    return np.asarray(heights)


def curves(
    results: Mapping[str, Sequence[Sequence[float]]], title: str, *, x: str, y: str, log: bool = False, note: str = ""
) -> Picture:
    """How a figure goes on in several arms: the mean of the arm's runs as a line, all that they reach as a band.

    `results` holds, for each arm, one list a run; the runs of an arm are as long as each other.
    """
    with needed("A picture"):
        from matplotlib.ticker import MaxNLocator
    figure, (axis,) = panels(1, title, width=7.5, height=3.6)
    words = []
    for position, (name, runs) in enumerate(results.items()):
        values, color = np.asarray(runs, dtype=float), colors.ARMS[position % len(colors.ARMS)]
        steps, mean = np.arange(1, values.shape[1] + 1), values.mean(axis=0)
        axis.plot(steps, mean, color=color, linewidth=2, marker=_MARKERS[position % len(_MARKERS)], ms=4, label=name)
        if len(values) > 1:
            axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=color, alpha=0.15, linewidth=0)
        words.append(f"{name}: from {mean[0]:.3g} to {mean[-1]:.3g}")
    if log:
        axis.set_yscale("log")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=_STYLE["tick"], frameon=False)
    has_bands = any(len(runs) > 1 for runs in results.values())
    label(axis, x=f"{x} (line: mean of the runs; band: from the lowest to the highest)" if has_bands else x, y=y)
    _foot(figure, note)
    return Picture(figure, f"Curves. {_said(title, note)} {'; '.join(words)}.")


_MARKERS = "osD^vP"  # one for each arm: colours are not all that tells them apart


def _foot(figure: "Figure", note: str) -> None:
    """Small print under a picture."""
    if note:
        figure.supxlabel("\n".join(wrap(note, 110)), fontsize=8.5, color="#595959")


def _said(title: str, note: str) -> str:
    """Title and note as sentences of the text alternative."""
    return " ".join(f"{part.rstrip('.')}." for part in (" ".join(title.split()), note) if part)


def image_row(images: Mapping[str, np.ndarray], title: str, *, gray: bool = False) -> Picture:
    """Images (H, W, 3) or (H, W) side by side under their names. Grey ones are stretched from their least to most."""
    side = min(1.9, WIDEST / len(images))
    figure, axes = panels(len(images), title, width=side * len(images) + 0.4, height=side + 0.7)
    for axis, (name, image) in zip(axes, images.items(), strict=True):
        is_gray = gray or image.ndim == 2
        # A few pixels brighter than all others would leave the rest in the dark.
        top = np.percentile(image, 99.5) if is_gray else None
        axis.imshow(image, cmap="gray" if is_gray else None, vmax=top or None, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set_visible(False)
        label(axis, title=name)
    return Picture(figure, f"Images side by side. {title}. {', '.join(images)}.")
