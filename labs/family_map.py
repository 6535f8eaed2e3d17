"""The map of the family: its networks by time and by error, to point at, each a way into its lesson.

Numbers are the catalog's and what is counted now; a network is filled as far as the learner has passed its lesson's exercises.
The places of all marks, arrows and words are computed here, in two forms: wide, time from left to right, and tall for narrow
pages, time from top to bottom. The front end draws one of them, the still the wide one.
"""

import calendar
import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any

from course.build import feedback_of
from course.syllabus import Lesson, lesson
from labs.network_map import Place, Series, plan
from networks import measure
from networks.catalog import NETWORKS, Entry
from utils.cost import Table, units
from utils.cost.table import short
from utils.page import svg
from utils.page.html import Html, number, tag
from utils.show import colors
from utils.show.display import is_for_a_page, passing_bar
from utils.show.touch import Touch
from utils.system.progress_file import read_progress

Point = tuple[float, float]
Circle = tuple[float, float, float]  # x, y, radius
Room = tuple[float, float, float, float]
Line = tuple[float, float, float, float, str]  # from x, y to x, y; class
Words = tuple[float, float, str, str, str]  # x, y, what, anchor, class

# What the small pictures are painted in, by the window of a layer.
KEY = {"1×1": colors.POINTWISE, "3×3": colors.THREE, "5×5": colors.FIVE, "1×n, n×1": colors.ASYMMETRIC, "pool": colors.POOL}  # fmt: skip


def family_map(*, folder: str = "", progress: bool | None = None) -> Touch:
    """The Inception family, drawn from the live networks and the learner's progress.

    Args:
        folder: where the lessons lie, seen from what shows the map; "" where it stands in a lesson itself.
        progress: fill each network as far as the learner is with its lesson; without it all are full. None says: in a
            notebook, and not on a page of the site.
    """
    has_progress = not is_for_a_page() if progress is None else progress
    networks = [_network(entry, folder, has_progress=has_progress) for entry in NETWORKS]
    words = "The Inception family, by the time of each paper and its error; higher is better. " + " ".join(
        each["words"] for each in networks
    )
    layouts = {"wide": _wide(networks), "tall": _tall(networks)}
    data = {
        "networks": networks,
        "layouts": layouts,
        "key": KEY,
        "later": LATER,
        "unit": units.words(),
        "hasProgress": has_progress,
    }
    return Touch(
        front=Path(__file__).with_suffix(".js"),
        data=data,
        state={"at": networks[0]["name"]},
        words=words,
        picture=still(networks, layouts["wide"]),
    )


# --- what is known of each network --------------------------------------------------------------------------------------


def _network(entry: Entry, folder: str, *, has_progress: bool) -> dict[str, Any]:
    """One network: its numbers, its place in time, its lesson, and all of it in words."""
    found = _counted()[entry.name]
    table = found[0]
    taught = lesson(entry.lesson)
    passed, exercises = _passed(taught) if has_progress else (1, 1)
    when = f"{calendar.month_abbr[int(entry.arxiv[2:4])]} 20{entry.arxiv[:2]}"
    title = entry.title.removesuffix(" (Inception-v1)")
    side = table.image_shape[-1]
    printed = [
        f"{kind} {_percent(value)}"
        for kind, value in (("top-1", entry.top1_error), ("top-5", entry.top5_error))
        if value is not None
    ]
    source = f" ({entry.error_source})" if printed else ""
    top1, is_later = entry.top1_error, entry.top1_error is None and entry.later_top1_error is not None
    if is_later:
        top1 = entry.later_top1_error
        later = f"a later paper has top-1 {top1:g} % ({entry.later_source})"
    else:
        later = "" if top1 is not None else "the course has no printed top-1 error of one crop"
    facts = {
        "brought": entry.new,
        "error": "; ".join(filter(None, (", ".join(printed) + source, later))),
        "size": f"{short(table.parameters)} parameters",
        "cost": f"{short(units.count(table.macs))} {units.words()} for one image of {side}×{side}",
    }
    taught_in = f"Lesson {taught.number:02d} {taught.title}"
    progress = f"{passed} of {exercises} exercises passed" if has_progress else ""
    page = taught.notebook.replace(".ipynb", ".html") if is_for_a_page() else taught.notebook
    return {
        "name": entry.name,
        "title": title,
        "when": when,
        "paper": entry.arxiv,
        "top1": top1,
        "error": "" if top1 is None else f"{top1:g} %{LATER}" if is_later else _percent(top1),
        "parameters": table.parameters,
        "short": short(table.parameters),
        "from": list(entry.grew_from),
        "module": found[1],
        "boxes": found[2],
        "filled": passed / exercises,
        "facts": facts,
        "lesson": taught_in,
        "progress": progress,
        "href": folder + page,
        "words": f"{title}, {when}: {'; '.join(facts.values())}. {', '.join(filter(None, (taught_in, progress)))}.",
    }


LATER = "*"  # behind an error that a later paper prints


def _percent(error: float) -> str:
    """An error with one digit behind the point, or with as many as are printed."""
    return f"{error:.1f} %" if error == round(error, 1) else f"{error:g} %"


def _passed(taught: Lesson) -> tuple[int, int]:
    """How many exercises of a lesson the learner has passed, and of how many. A lesson not begun is not loaded."""
    begun = read_progress()[0].get("lessons", {}).get(taught.slug, {}).get("passed")
    if not begun:
        text = (taught.folder / "lesson.md").read_text(encoding="utf-8")
        return 0, len(set(re.findall(r"^:exercise: (.+)$", text, flags=re.MULTILINE)))
    feedback = feedback_of(taught)
    return len(feedback.done()), len(feedback.exercises)


@cache
def _counted() -> dict[str, tuple[Table, str, list["Box"]]]:
    """Of every network its cost, and the module that does most of its work: its kind and its small picture."""
    counted = {}
    with passing_bar(total=len(NETWORKS), desc="counting networks") as bar:
        for entry in NETWORKS:
            table, series = plan(measure.network(entry.name), measure.image_shape(entry.name))
            counted[entry.name] = table, *main_module(series)
            bar.update()
    return counted


# --- a module as a small picture ----------------------------------------------------------------------------------------

Box = tuple[float, float, float, float, str]  # left, top, width, height as shares of the picture, and a colour


def main_module(series: Series) -> tuple[str, list[Box]]:
    """The module that stands in a network more than once and takes most of its multiply-adds: its class and its picture."""
    alike: dict[tuple[str, tuple[Box, ...]], list[int]] = defaultdict(list)
    for part in series:
        if isinstance(part, Place) and part.parts:
            alike[part.kind, tuple(_picture(part.parts))].append(sum(row.macs for row in part.rows))
    repeated = {key: sum(macs) for key, macs in alike.items() if len(macs) > 1}
    kind, boxes = max(repeated, key=lambda key: repeated[key])
    return kind, list(boxes)


def _picture(series: Series) -> list[Box]:
    """A module's layers as boxes, from top to bottom; branches side by side; a grey line is a shortcut."""
    width, height = _extent(series)
    wide, high = max(width, 3.2), max(height, 5)  # so that a small module is not blown up
    left, top = (wide - width) / 2, (high - height) / 2
    return [
        (round(x / wide, 3), round(y / high, 3), round(w / wide, 3), round(h / high, 3), color)
        for x, y, w, h, color in _boxes(series, left, top, width, height)
    ]


def _extent(series: Series) -> Point:
    """Columns and rows that a series takes."""
    sizes = [_size(part) for part in series]
    return max((width for width, _ in sizes), default=0.5), sum(height for _, height in sizes)


def _size(part: "Place | list[Series]") -> Point:
    if isinstance(part, Place):
        return _extent(part.parts) if part.parts else (1, 1 if _color(part) else 0)
    sizes = [_extent(lane) for lane in part]
    return sum(width for width, _ in sizes), max(height for _, height in sizes)


def _boxes(series: Series, left: float, top: float, width: float, height: float) -> Iterator[Box]:
    """The boxes of a series in the middle of the room it gets."""
    own = _extent(series)[1]
    if not series:
        yield left + width / 2 - 0.05, top, 0.1, height, colors.GREY
    top += (height - own) / 2
    for part in series:
        high = _size(part)[1]
        if not isinstance(part, Place):
            x = left + (width - _size(part)[0]) / 2
            for lane in part:
                wide = _extent(lane)[0]
                yield from _boxes(lane, x, top, wide, high)
                x += wide
        elif part.parts:
            yield from _boxes(part.parts, left, top, width, high)
        elif color := _color(part):
            middle = left + width / 2
            if "depthwise" in part.title:  # channel by channel
                yield from ((middle + at, top + 0.1, 0.18, 0.8, color) for at in (-0.38, -0.09, 0.2))
            else:
                yield middle - 0.42, top + 0.1, 0.84, 0.8, color
        top += high


def _color(layer: Place) -> str | None:
    """The colour of a layer's window, None for what has no window."""
    if layer.kind == "pool":
        return colors.POOL
    window = re.search(r"(\d+)×(\d+)", layer.title)
    if layer.kind != "conv" or window is None:
        return None
    return KEY.get(window[0], colors.ASYMMETRIC if window[1] != window[2] else colors.GREY)


# --- where everything stands --------------------------------------------------------------------------------------------


def _axis(networks: Iterable[Mapping[str, Any]]) -> tuple[float, float, range]:
    """The ends of the axis of errors, the better one first, with room for the marks at both; and its lines. In per cent."""
    errors = [each["top1"] for each in networks if each["top1"] is not None]
    best, worst = math.floor(2 * min(errors) - 0.5) / 2, math.ceil(2 * max(errors) + 0.5) / 2
    return best, worst, range(math.ceil(best), math.floor(worst) + 1)


def _wide(networks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Time from left to right, a column for each network; the better, the higher. Words stand in rows below the marks."""
    left, slot, between, top, bottom, strip = 92.0, 88.5, 4.0, 52.0, 318.0, 354.0
    lines: list[Line] = []
    words: list[Words] = []
    cells: dict[str, Any] = {}
    marks: dict[str, Circle] = {}
    bands: list[Room] = []
    best, worst, ticks = _axis(networks)
    for error in ticks:
        y = top + (bottom - top) * (error - best) / (worst - best)
        lines.append((left, y, 1000.0, y, "tick"))
        words.append((left - 8, y + 4.5, f"{error} %", "end", "quiet"))
    for y in (bottom + 4, 391.0):
        lines.append((left, y, 1000.0, y, "edge"))
    words += [(left - 8, 20.0, "paper", "end", "quiet"), (left - 8, strip - 4, "not", "end", "quiet"),
              (left - 8, strip + 12, "given", "end", "quiet"), (left - 8, 424.0, "a module", "end", "quiet"),
              (left - 8, 499.0, "top-1", "end", "quiet"), (left - 8, 517.0, "parameters", "end", "quiet")]  # fmt: skip
    x = left
    for _, paper in itertools.groupby(networks, key=lambda each: each["paper"]):
        members = list(paper)
        bands.append((x, 0.0, slot * len(members), 528.0))
        words.append((x + slot * len(members) / 2, 20.0, members[0]["when"], "middle", "when"))
        for each in members:
            middle = x + slot / 2
            y = strip if each["top1"] is None else top + (bottom - top) * (each["top1"] - best) / (worst - best)
            marks[each["name"]] = (middle, y, _radius(each, networks, 24))
            names = wrap(each["title"], 10)
            cells[each["name"]] = {
                "hit": (x - between / 2, 0.0, slot + between, 528.0),
                "frame": (x + 2, 394.0, slot - 4, 130.0),
                "module": (middle - 29, 398.0, 58.0, 44.0),
                "words": [
                    *((middle, 462 + 16 * at + 8 * (len(names) == 1), name, "middle", "name") for at, name in enumerate(names)),
                    (middle, 499.0, each["error"] or "–", "middle", "value"),
                    (middle, 517.0, each["short"], "middle", "value"),
                ],
            }  # fmt: skip
            x += slot
        x += between
    turned = (15.0, (top + bottom) / 2, "top-1 error, one crop: higher is better", "middle", "quiet turned")
    room = (left, 28.0, 1000.0, 391.0)
    return _layout((1000.0, 528.0), bands, lines, [*words, turned], marks, cells, networks, room)


def _tall(networks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Time from top to bottom, a row for each network; the better, the further to the right. Words stand to the left."""
    width, row, head, left, right, strip = 360.0, 46.0, 22.0, 252.0, 350.0, 219.0
    lines: list[Line] = []
    words: list[Words] = []
    cells: dict[str, Any] = {}
    marks: dict[str, Circle] = {}
    bands: list[Room] = []
    y = 48.0
    papers = [list(paper) for _, paper in itertools.groupby(networks, key=lambda each: each["paper"])]
    height = y + head * len(papers) + row * len(networks) + 4
    best, worst, ticks = _axis(networks)
    for error in ticks:
        x = right - (right - left) * (error - best) / (worst - best)
        lines.append((x, 40.0, x, height, "tick"))
        if error in ticks[::5]:
            words.append((x, 34.0, f"{error} %", "middle", "quiet"))
    lines.append((left - 8, 40.0, left - 8, height, "edge"))
    words += [(width - 2, 14.0, "top-1 error, one crop: right is better", "end", "quiet"), (strip, 34.0, "not given", "middle", "quiet")]  # fmt: skip
    for members in papers:
        bands.append((0.0, y, width, head + row * len(members) - 3))
        words.append((6.0, y + 15, members[0]["when"], "start", "when"))
        y += head
        for each in members:
            middle = y + row / 2 - 3
            x = strip if each["top1"] is None else right - (right - left) * (each["top1"] - best) / (worst - best)
            marks[each["name"]] = (x, middle, _radius(each, networks, 15))
            top1 = each["error"] and f"{each['error']} · "
            cells[each["name"]] = {
                "hit": (0.0, y - 3, width, row + 0.0),
                "frame": (2.0, y, 196.0, row - 5),
                "module": (6.0, middle - 16, 40.0, 32.0),
                "words": [
                    (51.0, middle - 3, each["title"], "start", "name"),
                    (51.0, middle + 13, f"{top1}{each['short']}", "start", "value"),
                ],
            }
            y += row
    return _layout((width, height), bands, lines, words, marks, cells, networks, (200.0, 40.0, width, height))


def _radius(network: Mapping[str, Any], networks: Iterable[Mapping[str, Any]], most: float) -> float:
    """Of a circle whose area stands for the parameters."""
    return most * math.sqrt(network["parameters"] / max(each["parameters"] for each in networks))


def _layout(
    size: Point,
    bands: list[Room],
    lines: list[Line],
    words: list[Words],
    marks: Mapping[str, Circle],
    cells: Mapping[str, Any],
    networks: Sequence[Mapping[str, Any]],
    room: Room,
) -> dict[str, Any]:
    arrows: list[dict[str, Any]] = []
    taken: list[list[Point]] = []
    for each in networks:
        for parent in each["from"]:
            points = _free_curve(parent, each["name"], marks, taken, room)
            taken.append(points[::6])
            arrows.append({"from": parent, "to": each["name"], "path": _path(points), "head": _head(points)})
    filled = {each["name"]: _filled(*marks[each["name"]], each["filled"]) for each in networks if each["filled"] > 0}
    return {
        "size": size, "bands": bands, "lines": lines, "words": words, "marks": marks, "filled": filled, "cells": cells,
        "arrows": arrows,
    }  # fmt: skip


BENDS = sorted((at / 20 for at in range(-14, 15)), key=abs)
STEPS = 40  # points of a curve


def _free_curve(
    start: str, end: str, marks: Mapping[str, Circle], taken: Sequence[Sequence[Point]], room: Room
) -> list[Point]:
    """The least bent curve from one mark to another that keeps away from other marks and arrows; where none does, the freest."""

    def trouble(points: list[Point]) -> float:
        """Zero where it is free: pixels too near to marks, and points too near to arrows or outside of the room."""
        others = (mark for name, mark in marks.items() if name not in (start, end))
        near = sum(max(0.0, 9 + radius - min(math.dist(each, (x, y)) for each in points)) for x, y, radius in others)
        beside = sum(min(math.dist(each, one) for one in other) < 7 for other in taken for each in points[4:-4])
        outside = sum(not (room[0] <= x <= room[2] and room[1] <= y <= room[3]) for x, y in points)
        return near + beside + 10 * outside

    freest, least = 0.0, math.inf
    for bend in BENDS:
        if (found := trouble(_curve(marks[start], marks[end], bend))) < least:
            freest, least = bend, found
        if not least:
            break
    return _curve(marks[start], marks[end], freest, steps=6 * STEPS)


def _curve(start: Circle, end: Circle, bend: float, steps: int = STEPS) -> list[Point]:
    """A quadratic curve between the edges of two circles; `bend` is how far it swings out, as a share of its length."""
    (x1, y1, r1), (x2, y2, r2) = start, end
    control = (x1 + x2) / 2 - bend * 2 * (y2 - y1), (y1 + y2) / 2 + bend * 2 * (x2 - x1)

    def at(t: float) -> Point:
        x, y = (
            (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t * t * last
            for first, middle, last in zip((x1, y1), control, (x2, y2), strict=True)
        )
        return x, y

    every = (at(step / steps) for step in range(steps + 1))
    return [each for each in every if math.dist(each, (x1, y1)) > r1 + 3 and math.dist(each, (x2, y2)) > r2 + 3]


def _path(points: Sequence[Point]) -> str:
    """A line through every sixth point, into the arrow's head."""
    shaft = [each for each in points if math.dist(each, points[-1]) > 5]
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in [*shaft[:-1:6], shaft[-1]])


def _head(points: Sequence[Point]) -> str:
    """The corners of an arrow's head at the end of a line."""
    x, y = points[-1]
    from_x, from_y = next(point for point in reversed(points) if math.dist(point, points[-1]) > 7)
    length = math.dist((x, y), (from_x, from_y))
    across, along = (x - from_x) / length, (y - from_y) / length
    corners = [(x, y), *((x - 9 * across + side * along, y - 9 * along - side * across) for side in (4.5, -4.5))]
    return " ".join(f"{number(a)},{number(b)}" for a, b in corners)


# --- the still ----------------------------------------------------------------------------------------------------------

_LOOKS: dict[str, dict[str, object]] = {
    "quiet": {"fill": "#595959", "font_size": 13},
    "when": {"font_weight": "bold", "font_size": 14},
    "name": {"font_weight": "bold", "font_size": 13},
    "value": {"font_size": 13},
}


def still(networks: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], title: str = "") -> str:
    """The map as SVG text, with a title over it where one is given."""
    above = 44.0 if title else 8.0
    width, height = layout["size"]
    parts = [svg.rectangle(x, y, w, h, fill="#F4F4F4", rx=6) for x, y, w, h in layout["bands"]]
    for x1, y1, x2, y2, kind in layout["lines"]:
        color, dashes = ("#8C8C8C", "4 3") if kind == "edge" else ("#D9D9D9", "")
        parts.append(svg.line([(x1, y1), (x2, y2)], color, dashes=dashes, width=1))
    for arrow in layout["arrows"]:
        parts.append(tag("path", d=arrow["path"], fill="none", stroke="#737373", stroke_width=1.6))
        parts.append(tag("polygon", points=arrow["head"], fill="#737373"))
    for each in networks:
        x, y, radius = layout["marks"][each["name"]]
        parts.append(svg.dot(x, y, "#fff", radius=radius, stroke=colors.BLUE, stroke_width=2))
        if each["name"] in layout["filled"]:
            parts.append(tag("path", d=layout["filled"][each["name"]], fill=colors.BLUE))
        cell = layout["cells"][each["name"]]
        left, top, wide, high = cell["module"]
        for a, b, w, h, color in each["boxes"]:
            parts.append(svg.rectangle(left + a * wide, top + b * high, w * wide, h * high, fill=color))
        parts += [_text(words) for words in cell["words"]]
    parts += [_text(words) for words in layout["words"]]
    parts += _legend(height + 20)
    moved = tag("g", *parts, transform=f"translate(8 {number(above)})")
    head = [svg.text(width / 2 + 8, 28, title, font_weight="bold", font_size=19)] if title else []
    words = "The Inception family by time and error"
    return svg.sheet(*head, moved, words=words, width=width + 16, height=height + above + 36)


def _text(words: Words) -> Html:
    x, y, said, anchor, kind = words
    look = _LOOKS[kind.split()[0]]
    if "turned" in kind:
        return svg.text(0, 0, said, anchor=anchor, transform=f"translate({number(x)} {number(y)}) rotate(-90)", **look)
    return svg.text(x, y, said, anchor=anchor, **look)


def _filled(x: float, y: float, radius: float, share: float) -> str:
    """A circle filled from below, up to a share of its height."""
    if share >= 1:
        return f"M{number(x - radius)} {number(y)}a{number(radius)} {number(radius)} 0 1 0 {number(2 * radius)} 0a{number(radius)} {number(radius)} 0 1 0 {number(-2 * radius)} 0"
    level = y + radius - 2 * radius * share
    half = math.sqrt(max(radius**2 - (level - y) ** 2, 0))
    return f"M{number(x - half)} {number(level)}A{number(radius)} {number(radius)} 0 {int(share > 0.5)} 0 {number(x + half)} {number(level)}Z"


def _legend(y: float) -> list[Html]:
    """What areas, arrows and colours mean, in one line."""
    parts = [svg.text(0, y, f"Area: parameters. Arrow: what grew from what. {LATER} a later paper's figure. Layers by their window:", anchor="start", **_LOOKS["quiet"])]  # fmt: skip
    x = 634.0
    for words, color in KEY.items():
        parts.append(svg.rectangle(x, y - 10, 12, 12, fill=color))
        parts.append(svg.text(x + 17, y, words, anchor="start", **_LOOKS["quiet"]))
        x += 36 + 7.6 * len(words)
    return parts
