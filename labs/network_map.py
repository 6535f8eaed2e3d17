"""The map of a network: every stage in its place from left to right, to point at, to open and to lay beside another.

`plan` reads a live module: the numbers are `profile`'s, layer by layer, and what lies in a row and what side by side is
read off the tensors that flow. It is a tree of `Place`s; the front end opens it, level by level.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from labs.module_source import lines_of, source_of
from networks import create, entry
from utils.cost import Table, field_text, shape_text, units
from utils.cost.table import Row, layer_groups, short, table_of, total
from utils.cost.timing import Timing, machine, time_layers
from utils.cost.trace import INPUT, Trace, trace
from utils.page import svg
from utils.page.html import Html, number, tag
from utils.show.colors import BLUE, tint
from utils.show.display import is_for_a_page
from utils.show.touch import Touch

MEASURES = ("macs", "parameters", "activations")
_QUIET = {"norm", "activation", "dropout", "scale"}  # layers that are named with the one beside them

Series = list["Place | list[Series]"]  # in a row; a list of series stands side by side, and an empty one is a shortcut


@dataclass
class Place:
    """A module of a network, or one layer, with its cost and what is in it.

    Attributes:
        path: its name in the network.
        title: what it is, in a few words.
        kind: its class, or the kind of the one layer that it is.
        rows: the layers in it, in the order of execution.
        parts: what it opens into; empty for a single layer.
        module: what it is in the network, None for an operation that stands in a forward.
        said: the lines that make and call it, by the class in whose text they stand.
    """

    path: str
    title: str
    kind: str
    rows: list[Row]
    parts: "Series" = field(default_factory=list)
    module: nn.Module | None = None
    said: dict[type, list[int]] = field(default_factory=dict)


def plan(module: nn.Module, image_shape: Sequence[int]) -> tuple[Table, Series]:
    """The cost table of a module, and its layers as a tree of places.

    Raises:
        TypeError: not a module.
        ValueError: not a shape, or the module cannot take such an image.
    """
    record = trace(module, image_shape, with_lines=True)
    table = table_of(record)
    groups = [
        (call, [operation.index for operation in operations], row)
        for (_, call, operations), row in zip(layer_groups(record), table.rows, strict=True)
    ]
    return table, _inside(record, 0, groups)


_Group = tuple[int, list[int], Row]


def _inside(record: Trace, call: int, groups: list[_Group]) -> Series:
    """What a call does, as a series: its children's calls, and the operations of its own forward."""
    level = len(record.ancestors(call))
    members: dict[int, list[_Group]] = {}  # by the child call, or by the negative index of an operation of its own
    for group in groups:
        path = record.ancestors(group[0])
        key = path[level] if len(path) > level else -1 - group[1][0]
        members.setdefault(key, []).append(group)
    places = [_place(record, key, inside) for key, inside in members.items()]
    item_of = {
        operation: number
        for number, inside in enumerate(members.values())
        for group in inside
        for operation in group[1]
    }
    edges: set[tuple[int, int]] = set()
    for operation in record.operations:
        if operation.index in item_of:
            for source in operation.reads:
                edges |= {(item, item_of[operation.index]) for item in _items(record, source, item_of)}
    edges = {(source, target) for source, target in edges if source != target}
    read = {source for source, _ in edges}
    edges |= {(number, len(places)) for number in range(len(places)) if number not in read}
    return _quieted(_in_series(places, list(range(len(places))), -1, len(places), edges))


def _items(record: Trace, source: int, item_of: dict[int, int]) -> set[int]:
    """The items that an operation's result comes from: through reshapes to what made it; -1 from outside."""
    if source in item_of:
        return {item_of[source]}
    if source <= INPUT or not record.operations[source].is_view or not record.operations[source].reads:
        return {-1}
    return set().union(*(_items(record, earlier, item_of) for earlier in record.operations[source].reads))


def _place(record: Trace, key: int, groups: list[_Group]) -> Place:
    rows = [row for _, _, row in groups]
    main = max(rows, key=lambda row: row.macs) if any(row.macs for row in rows) else rows[0]
    module = record.calls[key].module if key >= 0 else None
    path = record.calls[key].name if key >= 0 else rows[0].name
    said = _said(record, key, groups)
    is_layer = sum(not _is_quiet(row) for row in rows) <= 1
    if module is None or is_layer:
        return Place(path, _layer_title(rows, main), main.kind, rows, module=module, said=said)
    parts = _inside(record, key, groups)
    if len(parts) == 1 and isinstance(parts[0], Place):  # a wrapper around one thing
        return Place(path, parts[0].title, parts[0].kind, rows, parts[0].parts, module, said)
    name = type(module).__name__
    is_separable = [row.label.partition(" ")[2] for row in rows if row.macs] == ["depthwise", "conv"]
    title = f"{rows[0].label.partition(' ')[0]} separable conv" if is_separable else name
    return Place(path, title, name, rows, parts, module, said)


def _said(record: Trace, key: int, groups: list[_Group]) -> dict[type, list[int]]:
    """Where a place is made and called: in its own right, or as a part of the nearest thing around it of which that is said."""
    if key < 0:
        operation = record.operations[groups[0][1][0]]
        around = record.calls[operation.call].module
        return lines_of(None, "", around, operation.lines) or _said(record, operation.call, groups)
    call = record.calls[key]
    if call.parent is None:
        return {}
    parent = record.calls[call.parent]
    name = call.name[len(parent.name) :].lstrip(".").partition(".")[0]
    return lines_of(call.module, name, parent.module, call.lines) or _said(record, call.parent, groups)


def _is_quiet(row: Row) -> bool:
    """Is a layer named with the one beside it? A local response normalisation is not: it takes its time."""
    return row.kind in _QUIET and row.label != "LRN"


def _layer_title(rows: list[Row], main: Row) -> str:
    if [row.label for row in rows] == ["LRN"]:
        return "local response normalisation (LRN)"
    return " + ".join([main.label, *(row.label for row in rows if row is not main)])


def _in_series(places: list[Place], numbers: list[int], start: int, end: int, edges: set[tuple[int, int]]) -> Series:
    """Items between two points in a row: those that nothing flows past, and what lies between two of them side by side."""
    numbers = sorted(numbers)
    inner = {(a, b) for a, b in edges if (a in numbers or a == start) and (b in numbers or b == end)}
    cuts = [number for number in numbers if not any(a < number < b for a, b in inner)]
    series: Series = []
    for before, after in itertools.pairwise([start, *cuts, end]):
        between = [number for number in numbers if before < number < after]
        if between:
            lanes = _components(between, inner)
            if len(lanes) == 1 and (before, after) not in inner:  # neither in a row nor side by side: as it runs
                series += [places[number] for number in between]
            else:
                flows = inner - {(before, after)}
                side_by_side = [_in_series(places, lane, before, after, flows) for lane in lanes]
                series.append([*side_by_side, *([[]] if (before, after) in inner else [])])
        if after != end:
            series.append(places[after])
    return series


def _components(numbers: list[int], edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Items in groups that nothing flows between, in the order of their first ones."""
    group = {number: number for number in numbers}
    for a, b in edges:
        if a in group and b in group and group[a] != group[b]:
            old, new = max(group[a], group[b]), min(group[a], group[b])
            group = {number: new if each == old else each for number, each in group.items()}
    return [[n for n in numbers if group[n] == first] for first in sorted(set(group.values()))]


def _quieted(series: Series) -> Series:
    """A normalisation, an activation or a factor joins the layer before it in its row, or the next one where it is first."""
    kept: Series = []
    for part in series:
        before = kept[-1] if kept else None
        if not isinstance(part, Place):
            kept.append([_quieted(lane) for lane in part])
        elif isinstance(before, Place) and all(map(_is_quiet, part.rows)) and _last(before):
            _join(before, part, _last)
        elif isinstance(before, Place) and all(map(_is_quiet, before.rows)) and _first(part):
            _join(part, before, _first)
            kept[-1] = part
        else:
            kept.append(part)
    return kept


def _first(place: Place) -> Place | None:
    """What comes first in it, or is all of it; None where several do."""
    return place if not place.parts else place.parts[0] if isinstance(place.parts[0], Place) else None


def _last(place: Place) -> Place | None:
    """What comes last in it, or is all of it; None where several do."""
    return place if not place.parts else place.parts[-1] if isinstance(place.parts[-1], Place) else None


def _join(place: Place, quiet: Place, end: Callable[[Place], Place | None]) -> None:
    """Put a quiet layer to the beginning or the end of another place, and of what it opens into."""
    inner = end(place)
    for each in [place] if inner is place or inner is None else [place, inner]:
        if end is _first:
            each.title, each.rows = f"{quiet.title} + {each.title}", quiet.rows + each.rows
        else:
            each.title, each.rows = f"{each.title} + {quiet.title}", each.rows + quiet.rows


# --- what the front end gets --------------------------------------------------------------------------------------------


def network_map(*networks: str | nn.Module, image_shape: Sequence[int] | None = None, variant: str = "paper") -> Touch:
    """One network as a map, or two above each other at one scale.

    The time that each layer takes is measured on this machine when it is asked for; for a page, when that is made.

    Args:
        networks: names of the course's networks, or live modules; a module on `meta` is fine.
        image_shape: (channels, height, width) of the image; each named network has its paper's.
        variant: "paper" or "released", for networks that are named.

    Raises:
        TypeError: neither a name nor a module.
        ValueError: none or more than two networks; a name, variant or shape that cannot be.
    """
    if not 1 <= len(networks) <= 2:
        raise ValueError(f"A map shows one network or two, and {len(networks)} are given.")
    live = [_live(network, image_shape, variant) for network in networks]
    plans = [plan(module, shape) for module, shape, _ in live]
    sources = {
        name: text
        for (module, *_), (_, series) in zip(live, plans, strict=True)
        for name, text in _texts(module, series)
    }

    def data(times: Sequence[Sequence[Timing]] = ()) -> dict[str, Any]:
        drawn = []
        for place, ((module, _, name), (table, series)) in enumerate(zip(live, plans, strict=True)):
            seconds = (
                {id(row): time.median for row, time in zip(table.rows, times[place], strict=True)} if times else {}
            )
            drawn.append(_network(name, table, series, seconds) | {"source": _name(type(module))})
        return {
            "networks": drawn,
            "measures": {each: units.title(each) for each in MEASURES} | {"time": "measured time"},
            "sources": sources,
            "timed": f"One image on {machine(threads=1)}, the median of {len(times[0][0].seconds)} runs"
            if times
            else "",
        }

    def timed(_message: object = None) -> dict[str, Any]:
        """The data with every layer's time on this machine."""
        whole = [create(each, variant=variant) if isinstance(each, str) else each for each in networks]
        times = time_layers(*((module, shape) for module, (_, shape, _) in zip(whole, live, strict=True)))
        if [len(each) for each in times] != [len(table.rows) for table, _ in plans]:
            raise ValueError("The network has been changed since it was drawn. Run the cell again.")
        return data(times)

    shown = data()
    if is_for_a_page():  # which has nobody to ask
        with suppress(ValueError):
            shown = timed()
    drawn = shown["networks"]
    return Touch(
        front=Path(__file__).with_suffix(".js"),
        data=shown,
        state={"measure": "macs", "open": [], "at": _dearest(drawn)},
        words=" Beside it: ".join(_in_words(network) for network in drawn),
        picture=_still(drawn),
        answer=timed,
    )


def _live(
    network: str | nn.Module, image_shape: Sequence[int] | None, variant: str
) -> tuple[nn.Module, Sequence[int], str]:
    """A live module, the shape of its image, and what it is called."""
    if isinstance(network, str):
        known = entry(network)
        with torch.device("meta"):
            module = create(network, variant=variant)
        name = network if variant == "paper" or not known.released_differs else f"{network}, {variant}"
        return module, image_shape or (3, known.input_size, known.input_size), name
    if not isinstance(network, nn.Module):
        raise TypeError(f"A name or a torch module is needed, and this is {type(network).__name__}: {network!r:.80}")
    if image_shape is None:
        raise ValueError("image_shape is missing: say what image the module takes, as in image_shape=(3, 299, 299).")
    return network, image_shape, type(network).__name__


def _network(name: str, table: Table, series: Series, seconds: Mapping[int, float]) -> dict[str, Any]:
    return {
        "name": name,
        "input": list(table.image_shape),
        **{measure: units.of(table, measure) for measure in MEASURES},
        **({"time": sum(seconds.values())} if seconds else {}),
        "unused": len(table.unused),
        "series": [_part(part, seconds) for part in series],
    }


def _part(part: "Place | list[Series]", seconds: Mapping[int, float]) -> dict[str, Any]:
    """A part as the front end gets it; with its time where there are `seconds`, by the identity of each layer's row."""
    if not isinstance(part, Place):
        return {"lanes": [[_part(each, seconds) for each in lane] for lane in part]}
    cost = total(part.rows)
    last = part.rows[-1]
    return {
        "path": part.path,
        "title": part.title,
        "kind": part.kind,
        "shape": list(last.shape),
        **{measure: units.of(cost, measure) for measure in MEASURES},
        **({"time": sum(seconds[id(row)] for row in part.rows)} if seconds else {}),
        "field": field_text(last.receptive_field),
        "own": _name(type(part.module)) if part.parts else "",
        "said": [[_name(of), lines] for of, lines in part.said.items()],
        "parts": [_part(each, seconds) for each in part.parts],
    }


def _texts(module: nn.Module, series: Series) -> Iterator[tuple[str, dict[str, Any]]]:
    """The text of the classes of these places, and of those that make and call them, by the class's name."""
    places = _places(series)
    classes = {
        type(module),
        *(type(place.module) for place in places if place.parts),
        *(of for place in places for of in place.said),
    }
    for each in classes:
        source = source_of(each)
        if source:
            yield _name(each), {"module": source.module, "line": source.first, "text": source.text}


def _name(of: type) -> str:
    return f"{of.__module__}.{of.__qualname__}"


def _places(series: Series) -> list[Place]:
    """All places of a series, those inside of others too."""
    places: list[Place] = []
    for part in series:
        if isinstance(part, Place):
            places += [part, *_places(part.parts)]
        else:
            places += [place for lane in part for place in _places(lane)]
    return places


def _dearest(networks: list[dict[str, Any]]) -> str:
    """The stage of the last network that takes most multiply-adds, by the front end's name for it."""
    stages = [part for part in networks[-1]["series"] if "path" in part]
    if not stages:
        return ""
    path: str = max(stages, key=lambda part: part["macs"])["path"]
    return f"{len(networks)}:{path}" if len(networks) > 1 else path


def _in_words(network: dict[str, Any]) -> str:
    stages = [part for part in network["series"] if "path" in part]
    most = max(stages, key=lambda part: part["macs"], default=None)
    words = (
        f"{network['name']} on {shape_text(network['input'])}: {short(network['parameters'])} parameters, "
        f"{short(network['macs'])} {units.words()}, {len(stages)} stages from left to right"
    )
    if most and network["macs"]:
        words += f"; {most['path']} takes most, {most['macs'] / network['macs']:.0%} of the {units.words()}"
    return f"{words}."


# --- the still ----------------------------------------------------------------------------------------------------------

_WIDTH, _TALL, _GAP = 1000, 150, 3
_LETTER = 6.5  # the width of one, of the names


def _still(networks: list[dict[str, Any]]) -> str:
    """Every network's stages as blocks: the square roots of grid and channels are its height and thickness."""
    tallest = max(math.sqrt(network["input"][1]) for network in networks)
    scale = min(
        (_WIDTH - 20 - _GAP * (len(network["series"]) + 1)) / sum(_thick(part) for part in _all(network))
        for network in networks
    )
    most = max(part["macs"] / max(network["macs"], 1) for network in networks for part in _all(network))
    parts: list[Html] = []
    top = 8.0
    for network in networks:
        counts = f"{short(network['parameters'])} parameters · {short(network['macs'])} {units.words()}"
        parts.append(
            svg.text(10, top + 14, f"{network['name']}: {counts}", anchor="start", font_weight="bold", font_size=14)
        )
        middle = top + 40 + _TALL / 2
        left, run = 10.0, (0, 10.0)  # the grid under way, and where it began
        free = 0.0  # where the name before ends
        grid = network["input"][1]
        for part in [*_all(network), None]:
            side = _side(part["shape"]) if part else -1
            if side != run[0]:
                if run[0] > 1 and left - run[1] > 34:
                    ends = [(run[1], middle + _TALL / 2 + 4), (left - _GAP, middle + _TALL / 2 + 4)]
                    parts.append(svg.line(ends, "#8C8C8C", width=1))
                    words = f"{run[0]}×{run[0]}"
                    parts.append(svg.text((run[1] + left - _GAP) / 2, middle + _TALL / 2 + 18, words))
                run = (side, left)
            if part:
                first, last = (_TALL * math.sqrt(each) / tallest / 2 for each in (grid, side))
                right = left + _thick(part) * scale
                share = part["macs"] / max(network["macs"], 1) / most if most else 0
                corners = (
                    (left, middle - first),
                    (right, middle - last),
                    (right, middle + last),
                    (left, middle + first),
                )
                points = " ".join(f"{number(x)},{number(y)}" for x, y in corners)
                color = tint(BLUE, 0.06 + 0.94 * share)
                parts.append(tag("polygon", points=points, fill=color, stroke="#555555"))
                words = re.sub(r"^.*_(?=[a-z]_?\d+$|\d+[a-z]?$)|^block", "", part["path"])
                room, around = _LETTER * len(words), (left + right) / 2
                if room < right - left + 4 * _GAP and around - room / 2 >= free + _GAP:
                    parts.append(svg.text(around, middle - max(first, last) - 6, words))
                    free = around + room / 2
                left, grid = right + _GAP, side
        top += _TALL + 74
    legend = (
        "Height: side of the grid. Thickness: channels. Both by their square roots. The bluer, the larger the share of "
        f"{'the' if len(networks) == 1 else 'its network’s'} {units.words()}, up to {most:.0%}."
    )
    parts.append(svg.text(10, top + 4, legend, anchor="start", fill="#595959", font_size=12))
    words = " Beside it: ".join(_in_words(network) for network in networks)
    return svg.sheet(*parts, words=words, width=_WIDTH, height=top + 14)


def _all(network: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a closed map: where a network forks at once, the parts of its lanes one after the other."""
    return [each for part in network["series"] for each in _closed(part)]


def _closed(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [part] if "path" in part else [each for lane in part["lanes"] for inner in lane for each in _closed(inner)]


def _side(shape: Sequence[int]) -> int:
    return shape[1] if len(shape) == 3 else 1


def _thick(part: dict[str, Any]) -> float:
    return math.sqrt(part["shape"][0])
