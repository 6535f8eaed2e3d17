"""The picture of a race: loss and test accuracy of all its networks, as text (SVG) that is made in a few milliseconds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from utils.show.colors import ARMS, GREY
from utils.train.runs import Epoch

WIDTH, HEIGHT = 400, 250  # pixels of one of the two panels, where there is room
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 28, 42  # around its axes
DOTTED = 20  # epochs; of more, the dots would hide the lines
GRID = "repeat(auto-fit,minmax(280px,1fr))"  # the panels stand below each other where they would become too small
DASHES = ("", "7 3", "2 2", "9 3 2 3", "4 4", "12 3", "2 5", "6 2 2 2")  # colours are not all that tells entries apart


@dataclass
class Track:
    """What is known of one run while it goes on."""

    entry: str
    seed: int
    losses: list[tuple[float, float]] = field(default_factory=list)  # (epochs passed, mean loss since the last entry)
    epochs: list[Epoch] = field(default_factory=list)
    whole: bool = False


def picture(entries: Sequence[str], tracks: Sequence[Track], epochs: int) -> str:
    """Loss while training and test accuracy by epoch, one line a run, as HTML; of finished runs their mean besides."""
    looks = {entry: (ARMS[number], DASHES[number]) for number, entry in enumerate(entries)}
    legend = "".join(
        f'<span style="margin-right:18px;white-space:nowrap"><svg width="34" height="10" aria-hidden="true">'
        f"{_line([(1, 5), (33, 5)], *looks[entry], width=3)}</svg> {escape(entry)}</span>"
        for entry in entries
    )
    return (
        f'<figure style="margin:0;max-width:{2 * WIDTH + 10}px;background:#fff;color:#000">'
        f'<figcaption style="padding:4px 8px">{legend}</figcaption>'
        f'<div style="display:grid;grid-template-columns:{GRID};gap:10px">'
        f"{_losses(looks, tracks, epochs)}{_accuracies(looks, tracks, epochs)}</div></figure>"
    )


def describe(entries: Sequence[str], tracks: Sequence[Track]) -> str:
    """The picture in words."""
    parts = []
    for entry in entries:
        last = [100 * track.epochs[-1].test_accuracy for track in tracks if track.entry == entry and track.epochs]
        found = ", ".join(f"{value:.1f} %" for value in last)
        parts.append(f"{entry}: {f'test accuracy {found}' if last else 'no epoch is finished yet'}")
    return f"Loss and test accuracy by epoch. {'; '.join(parts)}."


def means(entry: str, tracks: Sequence[Track]) -> list[float]:
    """Mean test accuracy of an entry's whole runs after each epoch, in per cent; empty where there are fewer than two."""
    whole = [track.epochs for track in tracks if track.entry == entry and track.whole]
    if len(whole) < 2:
        return []
    return [100 * statistics.fmean(epoch.test_accuracy for epoch in same) for same in zip(*whole, strict=True)]


# --- the panels -------------------------------------------------------------------------------------------------------


def _losses(looks: dict[str, tuple[str, str]], tracks: Sequence[Track], epochs: int) -> str:
    shown = [(track, [point for point in track.losses if math.isfinite(point[1])]) for track in tracks]
    most = max((loss for _, points in shown for _, loss in points), default=1.0)
    axes = _Axes("Loss while training", "nats", (0, epochs), (0, most or 1.0))
    for number, (track, points) in enumerate(shown, start=1):
        faint = number < len(shown)  # the last one is being drawn
        axes.line(points, looks[track.entry], width=1 if faint else 2, opacity=0.5 if faint else 1)
    return axes.svg(describe(list(looks), tracks))


def _accuracies(looks: dict[str, tuple[str, str]], tracks: Sequence[Track], epochs: int) -> str:
    shown = [(track.entry, [(epoch.epoch, 100 * epoch.test_accuracy) for epoch in track.epochs]) for track in tracks]
    values = [value for _, points in shown for _, value in points] or [0, 100]
    low, high = 10 * math.floor(min(values) / 10), 10 * math.floor(max(values) / 10 + 1)
    axes = _Axes("Accuracy on the test images (thick: mean of the runs)", "%", (0, epochs), (low, min(high, 100)))
    for entry, points in shown:
        axes.line(points, looks[entry], width=1.2, opacity=0.6, dots=epochs <= DOTTED)
    for entry, look in looks.items():
        axes.line(list(enumerate(means(entry, tracks), start=1)), look, width=3)
    return axes.svg(describe(list(looks), tracks))


class _Axes:
    """A pair of axes, and lines in it."""

    def __init__(self, title: str, unit: str, across: tuple[float, float], up: tuple[float, float]):
        self.across, self.up = across, up
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        self.parts = [_text(LEFT, 16, title, anchor="start", weight="bold")]
        for value in ticks(*up):
            y = self._place(0, value)[1]
            self.parts.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="{GREY}" stroke-opacity=".3"/>')
            self.parts.append(_text(LEFT - 5, y + 4, f"{value:g}", anchor="end"))
        for value in ticks(*across):
            if value == int(value):
                self.parts.append(_text(self._place(value, 0)[0], bottom + 15, f"{value:g}"))
        self.parts.append(f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#000"/>')
        self.parts.append(_text((LEFT + right) / 2, HEIGHT - 8, "epochs"))
        self.parts.append(_text(0, 0, unit, transform=f"translate(12 {(TOP + bottom) / 2:g}) rotate(-90)"))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the data stands in the picture."""
        (left, right), (low, high) = self.across, self.up
        return (
            LEFT + (x - left) / (right - left) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM),
        )

    def line(
        self,
        points: Sequence[tuple[float, float]],
        look: tuple[str, str],
        *,
        width: float,
        opacity: float = 1,
        dots: bool = False,
    ) -> None:
        """A line through points of the data; `look` is its colour and its dashes."""
        color, dashes = look
        placed = [self._place(*point) for point in points]
        if len(placed) > 1:
            self.parts.append(_line(placed, color, dashes, width=width, opacity=opacity))
        for x, y in placed if dots else ():
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{color}" opacity="{opacity:g}"/>')

    def svg(self, words: str) -> str:
        return (
            f'<svg role="img" aria-label="{escape(words, quote=True)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'style="width:100%;height:auto;font:12px sans-serif">{"".join(self.parts)}</svg>'
        )


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers from low to high."""
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (factor * step) < 6.5)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _line(
    points: Sequence[tuple[float, float]], color: str, dashes: str, *, width: float = 1, opacity: float = 1
) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width:g}" stroke-opacity="{opacity:g}" '
        f'stroke-dasharray="{dashes or "none"}"/>'
    )


def _text(
    x: float, y: float, words: str, *, anchor: str = "middle", weight: str = "normal", transform: str = ""
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
        f"{f' transform={chr(34)}{transform}{chr(34)}' if transform else ''}>{escape(words)}</text>"
    )
