"""The picture of a race: loss and test accuracy of all its networks, as text (SVG) that is made in a few milliseconds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from utils.page import svg
from utils.page.html import Html, panels, tag
from utils.show.colors import ARMS
from utils.train.runs import Epoch

WIDTH, HEIGHT = 400, 250  # pixels of one of the two panels, where there is room
DOTTED = 20  # epochs; of more, the dots would hide the lines
# There the letters of 11 px are 10 px high; where they would become narrower, the panels stand below each other.
NARROWEST = 364
DASHES = ("", "7 3", "2 2", "9 3 2 3", "4 4", "12 3", "2 5", "6 2 2 2")  # colours are not all that tells entries apart


Looks = dict[str, dict[str, Any]]  # colour and dashes of each entry's lines


@dataclass
class Track:
    """What is known of one run while it goes on."""

    entry: str
    seed: int
    losses: list[tuple[float, float]] = field(default_factory=list)  # (epochs passed, mean loss since the last entry)
    epochs: list[Epoch] = field(default_factory=list)
    whole: bool = False


def picture(entries: Sequence[str], tracks: Sequence[Track], epochs: int) -> Html:
    """Loss while training and test accuracy by epoch, one line a run, as HTML; of finished runs their mean besides."""
    looks: Looks = {entry: {"color": ARMS[number], "dashes": DASHES[number]} for number, entry in enumerate(entries)}
    legend = (
        tag(
            "span",
            tag("svg", svg.line([(1, 5), (33, 5)], **looks[entry], width=3), width=34, height=10, aria_hidden="true"),
            f" {entry}",
            cls="entry",
        )
        for entry in entries
    )
    drawn = (_losses(looks, tracks, epochs), _accuracies(looks, tracks, epochs))
    pictures = panels(*drawn, least=NARROWEST, most=2 * WIDTH + 10)
    return tag("figure", tag("figcaption", *legend), pictures, cls="course-figure course-paper")


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


def _losses(looks: Looks, tracks: Sequence[Track], epochs: int) -> Html:
    shown = [(track, [point for point in track.losses if math.isfinite(point[1])]) for track in tracks]
    most = max((loss for _, points in shown for _, loss in points), default=1.0)
    chart = _chart("Loss while training", "nats", epochs, (0, most or 1.0))
    for number, (track, points) in enumerate(shown, start=1):
        faint = number < len(shown)  # the last one is being drawn
        chart.line(points, **looks[track.entry], width=1 if faint else 2, opacity=0.5 if faint else 1)
    return chart.svg(describe(list(looks), tracks))


def _accuracies(looks: Looks, tracks: Sequence[Track], epochs: int) -> Html:
    shown = [(track.entry, [(epoch.epoch, 100 * epoch.test_accuracy) for epoch in track.epochs]) for track in tracks]
    values = [value for _, points in shown for _, value in points] or [0, 100]
    low, high = 10 * math.floor(min(values) / 10), 10 * math.floor(max(values) / 10 + 1)
    chart = _chart("Accuracy on the test images (thick: mean of the runs)", "%", epochs, (low, min(high, 100)))
    for entry, points in shown:
        chart.line(points, **looks[entry], width=1.2, opacity=0.6)
        for x, y in points if epochs <= DOTTED else ():
            chart.dot(x, y, looks[entry]["color"], radius=2.5, opacity=0.6)
    for entry, look in looks.items():
        chart.line(list(enumerate(means(entry, tracks), start=1)), **look, width=3)
    return chart.svg(describe(list(looks), tracks))


def _chart(title: str, unit: str, epochs: int, up: tuple[float, float]) -> svg.Chart:
    """Empty axes over the epochs of the race."""
    chart = svg.Chart((0, epochs), up, width=WIDTH, height=HEIGHT)
    whole = [value for value in svg.ticks(0, epochs) if value == int(value)]
    chart.axes(svg.numbered(whole), svg.numbered(svg.ticks(*up)), x="epochs", y=unit, title=title, grid="y")
    return chart
