"""A network drawn as a graph, from the live module: branches side by side, shapes on the arrows, cost in the boxes."""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from utils.cost import units
from utils.cost.table import kind_of, label_of, layer_groups, shape_text, short
from utils.cost.trace import INPUT, Input, Operation, Trace, trace
from utils.page.html import Html, on_paper, output
from utils.show import colors
from utils.system.packages import needed

if TYPE_CHECKING:
    import graphviz

FORMATS = (".svg", ".png", ".pdf")
MANY = 8  # as many equal boxes, or groups of boxes, are drawn as one
BESIDE = " · "  # between parameters and cost
LONGEST = 12  # boxes in such a group
LEGIBLE = 0.84  # of its own size: there the small letters of 9 pt, 12 px, are 10 px high
COLUMN = 812  # pixels that a diagram has beside JupyterLab's file browser in a window of 1280
LEADING = 2.0  # points more from line to line in a box than Graphviz gives: its margins have room for them
_PLAIN = (nn.Sequential, nn.ModuleList)  # modules that are no level of their own


@dataclass
class _Node:
    """One box. `key` is its first operation's index; `shape` is that of its result."""

    key: int
    kind: str
    title: str
    shape: tuple[int, ...]
    call: int | None = None
    parameters: int = 0
    macs: int = 0
    notes: list[str] = field(default_factory=list)
    window: tuple[int, int] | None = None
    inside: tuple[int, ...] = ()  # the opened modules around it, outermost first


@dataclass(frozen=True)
class Diagram:
    """A drawn network. It shows itself in a notebook.

    Attributes:
        title: the module's class and the shape that it was drawn for.
        forms: the graph in Graphviz's language, the widest first: what is drawn is the first that fits beside JupyterLab's
            file browser, or the last.
        alternative: the same in words, for those who cannot see the picture.
    """

    title: str
    forms: tuple[str, ...]
    alternative: str

    @property
    def source(self) -> str:
        """The graph that is drawn."""
        return self._drawn[0]

    @cached_property
    def _drawn(self) -> tuple[str, str]:
        """The graph that is drawn, and its picture as Graphviz gives it."""
        *wider, last = self.forms
        for source in wider:
            picture = _lay_out(source, "svg").decode()
            if LEGIBLE * _width(picture) <= COLUMN:
                return source, picture
        return last, _lay_out(last, "svg").decode()

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text, with its description inside."""
        text = self._drawn[1]
        text = re.sub(r'<g id="[^"]+" class="node">.*?</g>', _centred, text[text.index("<svg") :], flags=re.DOTALL)
        label = escape(f"{self.title}. {self.alternative}", quote=True)
        return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file and return its path; the name's ending (.svg, .png or .pdf) says in which form.

        Raises:
            ValueError: another ending.
        """
        path = Path(path)
        if path.suffix not in FORMATS:
            raise ValueError(f"A diagram is saved as {', '.join(FORMATS)}; {path.name!r} ends in {path.suffix!r}.")
        if path.suffix == ".svg":
            path.write_text(self.svg, encoding="utf-8")
        else:
            path.write_bytes(_lay_out(self.source, path.suffix[1:]))
        return path

    def __repr__(self) -> str:
        return f"{self.title}. {self.alternative}"

    @property
    def html(self) -> Html:
        """The picture as a part of something larger; a white ground keeps the black text readable in a dark theme."""
        return self.beside(self.width)

    @property
    def width(self) -> float:
        """Of the picture at its own size, in pixels of a page."""
        return _width(self._drawn[1])

    def beside(self, widest: float) -> Html:
        """The picture as `html`, at one scale with others of which the widest is so many pixels wide.

        It shrinks with the room there is until its small letters are 10 px high; from there on it is scrolled.
        """
        return on_paper(Html(self.svg), self.title, full=self.width, share=self.width / widest, least=LEGIBLE)

    def _repr_html_(self) -> str:
        return output(self.html)

    def _repr_svg_(self) -> str:
        return self.svg


def _width(picture: str) -> float:
    """Of a picture that Graphviz gave, in pixels of a page."""
    found = re.search(r'width="([\d.]+)pt"', picture)
    return float(found[1]) * 4 / 3 if found else 0.0


def at_one_scale(diagrams: Sequence[Diagram]) -> tuple[list[Html], int]:
    """Several diagrams as parts of something larger, and how many pixels each needs at least to be legible."""
    widest = max(diagram.width for diagram in diagrams)
    return [diagram.beside(widest) for diagram in diagrams], round(LEGIBLE * widest) + 8


def draw(module: nn.Module, image_shape: Input | Sequence[Input], depth: int = 1, direction: str = "TB") -> Diagram:
    """Draw a module for an image of shape (channels, height, width).

    Args:
        module: any torch module but a scripted one, on `meta` too.
        image_shape: (channels, height, width), without the batch; for several inputs a sequence of shapes, or images, as in
            `utils.cost.profile`.
        depth: how many levels of modules are opened. At 1 each child is one box: for a block that is the paper's
            figure of the block, for a network its overview. `nn.Sequential` counts as no level.
        direction: "TB" draws from top to bottom, "LR" from left to right.

    Raises:
        TypeError: not a module.
        ValueError: a shape, depth or direction that cannot be, a scripted module, or one that cannot take such an image.
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"depth is {depth!r}; it must be a whole number, 1 or more.")
    if direction not in ("TB", "LR"):
        raise ValueError(f'direction is {direction!r}; it can be "TB" (top to bottom) or "LR" (left to right).')
    return diagram_of(trace(module, image_shape), depth, direction)


def diagram_of(record: Trace, depth: int = 1, direction: str = "TB", is_narrow: bool = False) -> Diagram:
    """`draw` of a module that is traced already; `is_narrow`, for a place beside handles, in narrow boxes however much room it has."""
    repeats = _repeats(record)
    nodes, edges = _graph(record, depth, repeats)
    _fold_layers(nodes, edges)
    _fold_sums(nodes, edges)
    _fold_equals(nodes, edges)
    lines = {key: _lines(node) for key, node in nodes.items()}
    narrow = {key: [part for line in each for part in line.split(BESIDE)] for key, each in lines.items()}
    wide, tight = (lines, "0.12,0.06", "0.18"), (narrow, "0.09,0.09", "0.1")
    forms = [tight] if is_narrow else [wide, tight]
    return Diagram(
        title=f"{type(record.root).__name__} on {' and '.join(map(shape_text, record.inputs))}",
        forms=tuple(_source(record, nodes, edges, *form, direction, repeats) for form in forms),
        alternative=_in_words(record, edges, lines),
    )


Edges = dict[tuple[int, int], tuple[int, ...]]  # (from, to) -> shape of what flows
Lines = dict[int, list[str]]  # what stands in each box
Form = tuple[object, ...]  # what a module is and does, the same for equal ones


@dataclass(frozen=True)
class _Repeats:
    """Equal modules that follow each other: `runs` has the calls of each run by its first, `instead` a first operation
    for each operation of a later one."""

    runs: dict[int, list[int]]
    instead: dict[int, int]


def _repeats(record: Trace) -> _Repeats:
    """The runs of equal modules, each of which reads nothing but what the one before puts out."""
    inside: dict[int, list[Operation]] = {call.index: [] for call in record.calls}
    readers: dict[int, set[int]] = {}
    for operation in record.operations:
        for call in record.ancestors(operation.call):
            inside[call].append(operation)
        for source in operation.reads:
            readers.setdefault(source, set()).add(operation.index)

    def form(call: int) -> Form | None:
        """What a module does, the same for equal ones; None where it can be in no run."""
        operations = inside[call]
        if sum(operation.macs > 0 for operation in operations) < 2:
            return None
        first, last = operations[0].index, operations[-1].index
        outside = {source for operation in operations for source in operation.reads if not first <= source <= last}
        leaving = [
            o.index for o in operations if any(not first <= reader <= last for reader in readers.get(o.index, ()))
        ]
        if len(outside) != 1 or leaving not in ([], [last]):
            return None
        steps = (
            (
                o.name, o.shape, o.geometry, o.factor, o.macs, tuple(record.parameters[name] for name in o.weights),
                tuple(source - first if source >= first else "in" for source in o.reads),
            )
            for o in operations
        )  # fmt: skip
        return type(record.calls[call].module), *steps

    runs: dict[int, list[int]] = {}
    instead: dict[int, int] = {}
    before: dict[int | None, tuple[int, Form | None]] = {}  # parent -> first call of its last run, and what it does
    for call in record.calls:
        # A plain Sequential is no box and has no frame: nothing would say how often it is there.
        is_shown = type(call.module) not in _PLAIN and next(call.module.children(), None) is not None
        shape = form(call.index) if is_shown else None
        operations = inside[call.index]
        first, shape_before = before.get(call.parent, (call.index, None))
        if shape is not None and shape == shape_before:
            last = inside[runs.get(first, [first])[-1]][-1].index
            outside = {s for o in operations for s in o.reads if s < operations[0].index}
            if outside == {last}:
                runs.setdefault(first, [first]).append(call.index)
                instead |= dict(zip((o.index for o in operations), (o.index for o in inside[first]), strict=True))
                continue
        before[call.parent] = (call.index, shape)
    return _Repeats(runs, instead)


def _graph(record: Trace, depth: int, repeats: _Repeats) -> tuple[dict[int, _Node], Edges]:
    entrances = {-1 - number: shape for number, shape in enumerate(record.inputs)}
    drawn_as: dict[int, int] = {key: key for key in entrances}  # operation -> its box
    shapes: dict[int, tuple[int, ...]] = dict(entrances)
    boxes: dict[int, int] = {}  # closed module call -> its box
    members: dict[int, list[Operation]] = {}
    nodes: dict[int, _Node] = {}
    edges: Edges = {}
    group_of = {o.index: group for group in layer_groups(record) for o in group[2]}
    forks = _forks(record)
    for operation in record.operations:
        shapes[operation.index] = operation.shape[1:]
        if operation.index in repeats.instead:
            drawn_as[operation.index] = drawn_as[repeats.instead[operation.index]]
            continue
        name, call, operations = group_of.get(operation.index, ("", operation.call, [operation]))
        closed, inside = _closed_at(record, call, depth, forks)
        if closed is None and all(member.is_view for member in operations):
            # A reshape: whoever reads it reads what it reads.
            drawn_as[operation.index] = drawn_as[operation.reads[0]] if operation.reads else INPUT
            continue
        key = operations[0].index if closed is None else boxes.setdefault(closed, operation.index)
        if key not in nodes:
            nodes[key] = _Node(key, "module", name, (), call=closed, inside=inside)
            members[key] = []
        members[key].append(operation)
        drawn_as[operation.index] = key
    for operation in record.operations:
        if operation.index in repeats.instead:
            continue
        target = drawn_as[operation.index]
        for source in operation.reads:
            origin = drawn_as[source]
            if origin != target:
                edges[origin, target] = shapes[source]
    for key, node in nodes.items():
        _describe(record, node, members[key])
        if node.call in repeats.runs:
            run = repeats.runs[node.call]
            is_layer = node.kind != "module"  # "3×3 separable conv, 728" says more than its place
            node.title = f"{node.title} (×{len(run)})" if is_layer else _run_title(record, run)
            node.parameters *= len(run)
            node.macs *= len(run)
    for number, (key, shape) in enumerate(entrances.items(), start=1):
        nodes[key] = _Node(key, "end", "input" if len(entrances) == 1 else f"input {number}", shape)
    outputs = record.outputs or (record.operations[-1].index if record.operations else INPUT,)
    for number, source in enumerate(outputs, start=1):
        result = len(record.operations) - 1 + number
        title = "output" if len(outputs) == 1 else f"output {number}"
        nodes[result] = _Node(result, "end", title, shapes[source])
        edges[drawn_as[source], result] = nodes[result].shape
    return nodes, edges


def _forks(record: Trace) -> dict[int, int]:
    """How many branches each module joins that ends in a concatenation of its own."""
    last = {}
    for operation in record.operations:
        for call in record.ancestors(operation.call):
            last[call] = operation
    return {call: len(o.reads) for call, o in last.items() if o.name == "cat" and o.call == call}


def _closed_at(record: Trace, call: int, depth: int, forks: dict[int, int]) -> tuple[int | None, tuple[int, ...]]:
    """The call whose box hides this one (None: it is drawn itself), and the opened calls around that box.

    A fork into two branches inside an opened module is drawn open, as in the papers' figures of such modules.
    """
    path = record.ancestors(call)
    level = 0
    inside: list[int] = []
    is_in_branch = path[0] in forks
    for index in path[1:]:
        module = record.calls[index].module
        is_leaf = next(module.children(), None) is None
        if type(module) in _PLAIN:
            continue
        if forks.get(index) == 2 and (level or is_in_branch):
            continue
        level += 1
        if level >= depth or is_leaf:
            return (None if is_leaf else index), tuple(inside)
        inside.append(index)
        is_in_branch = is_in_branch or index in forks
    return None, tuple(inside)


def _run_title(record: Trace, run: list[int]) -> str:
    """ "inception_a_0 … 3 (×4)": the first module's name, what differs in the last one's, and how many they are."""
    first, last = (record.calls[index].name.split(".")[-1] for index in (run[0], run[-1]))
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    while same and first[same - 1].isalnum() and not (first[same - 1].isalpha() and last[same:].isdigit()):
        same -= 1
    return f"{first} … {last[same:]} (×{len(run)})"


def _describe(record: Trace, node: _Node, operations: list[Operation]) -> None:
    node.shape = operations[-1].shape[1:]
    node.parameters = sum(record.parameters[weight] for o in operations for weight in o.weights)
    node.macs = sum(operation.macs for operation in operations)
    shown = [operation for operation in operations if not operation.is_view] or operations
    weighted = [operation for operation in shown if operation.macs]
    is_separable = len(weighted) == 2 and _is_separable(record, *weighted)
    joins = any(len(operation.reads) > 1 for operation in shown)
    if node.call is not None and (len(weighted) != 1 or joins) and not is_separable:
        call = record.calls[node.call]
        name = call.name.split(".")[-1]
        node.title = type(call.module).__name__
        if name and not name.isdigit():  # a place in a Sequential is no name
            node.title, node.notes = name, [node.title]
        return
    main = weighted[0] if weighted else shown[-1]
    leaf = record.calls[main.call].module
    leaf = leaf if next(leaf.children(), None) is None else None
    node.kind = kind_of(leaf, main, operations)
    node.title = label_of(node.kind, leaf, main)
    if is_separable:
        node.title = node.title.replace("depthwise", "separable conv")
    if node.kind in ("conv", "linear"):
        node.title += f", {weighted[-1].shape[1]}"
    if main.geometry is not None:
        (down, across), _ = main.geometry
        node.window = (down + 1, across + 1)
    for operation in shown:
        if operation not in weighted and operation is not main and node.call is not None:
            module = record.calls[operation.call].module
            module = module if next(module.children(), None) is None else None
            note = label_of(kind_of(module, operation), module, operation)
            is_between = is_separable and operation.index < weighted[-1].index
            node.notes.append(f"{note} between" if is_between else note)


def _is_separable(record: Trace, depthwise: Operation, pointwise: Operation) -> bool:
    """Is it a convolution of each channel by itself, then a 1 × 1 over all of them?"""
    first, second = (record.calls[operation.call].module for operation in (depthwise, pointwise))
    if not isinstance(first, nn.Conv2d) or not isinstance(second, nn.Conv2d):
        return False
    return first.groups == first.in_channels > 1 and second.kernel_size == (1, 1)


def _fold_layers(nodes: dict[int, _Node], edges: Edges) -> None:
    """Draw a normalisation or an activation in the box of the layer that it follows, where nothing else reads that."""
    for key in sorted(nodes):
        node = nodes[key]
        sources = [source for source, target in edges if target == key]
        if node.kind not in ("norm", "activation") or len(sources) != 1:
            continue
        before = nodes[sources[0]]
        readers = [target for source, target in edges if source == before.key]
        if before.kind in ("conv", "linear", "sum") and len(readers) == 1 and before.inside == node.inside:
            before.notes += [node.title, *node.notes]
            before.parameters += node.parameters
            before.shape = node.shape
            _absorb(nodes, edges, before.key, key)


def _fold_sums(nodes: dict[int, _Node], edges: Edges) -> None:
    """A long chain of sums, each of which nothing reads but the next, is one sum of all that they take."""
    chains: dict[int, list[int]] = {}  # by the sum that is last so far
    for key in sorted(nodes):
        if nodes[key].kind == "sum" and not nodes[key].notes:
            before = [
                source
                for source, target in edges
                if target == key and source in chains and nodes[source].inside == nodes[key].inside
                and sum(each == source for each, _ in edges) == 1
            ]  # fmt: skip
            chains[key] = [*(chains.pop(before[0]) if before else []), key]
    for last, chain in chains.items():
        for gone in chain[:-1] if len(chain) >= MANY else ():
            for source, target in list(edges):
                if gone in (source, target):
                    shape = edges.pop((source, target))
                    if target == gone and source not in chain:
                        edges[source, last] = shape
            del nodes[gone]


def _fold_equals(nodes: dict[int, _Node], edges: Edges) -> None:
    """Draw once, with "×200", what is there many times over: branches side by side, or passes one after the other."""
    order = [key for key in sorted(nodes) if nodes[key].kind != "end"]
    place = {key: index for index, key in enumerate(order)}
    sources: dict[int, list[int]] = {key: [] for key in nodes}
    readers: dict[int, list[int]] = {key: [] for key in nodes}
    for source, target in sorted(edges):
        sources[target].append(source)
        readers[source].append(target)

    def looks(key: int) -> tuple[object, ...]:
        node = nodes[key]
        return (
            node.kind,
            node.title.partition(" (×")[0] if node.call is None else "",
            node.shape,
            node.macs,
            node.window,
            tuple(node.notes),
            len(node.inside),
            bool(readers[key]),
        )

    def follows(before: int, after: int, unit: int, first: int) -> bool:
        """Is what a box reads what the box one unit before reads, or one unit further on? Of the first unit only what is in it."""
        if looks(before) != looks(after) or len(sources[before]) != len(sources[after]):
            return False
        for one, other in zip(sources[before], sources[after], strict=True):
            steps = place.get(other, -1) - place.get(one, -1)
            is_first = place[before] < first + unit and place.get(one, -1) < first
            if one != other and steps != unit and not (is_first and first <= place.get(other, -1) < first + unit):
                return False
        return True

    def times(first: int, unit: int) -> int:
        """How often the boxes of a unit are there, from a place on."""
        count = 1
        while first + (count + 1) * unit <= len(order):
            start = first + count * unit
            if not all(follows(order[at - unit], order[at], unit, first) for at in range(start, start + unit)):
                break
            count += 1
        return count

    def leaves_as_one(first: int, unit: int, count: int) -> bool:
        """Do all units, or the last alone, give what is read outside?"""
        inside = set(order[first : first + unit * count])
        for at in range(first, first + unit):
            outside = [{r for r in readers[order[at + unit * n]] if r not in inside} for n in range(count)]
            if any(each != outside[-1] for each in outside) and any(outside[:-1]):
                return False
        return True

    first = 0
    while first < len(order):
        found = ((times(first, unit), unit) for unit in range(1, LONGEST + 1))
        count, unit = next(((n, unit) for n, unit in found if n >= MANY), (1, 1))
        if count >= MANY and leaves_as_one(first, unit, count):
            kept = order[first : first + unit]
            in_turn = any(
                place[order[first]] <= place.get(s, -1) < first + unit
                for k in order[first + unit : first + 2 * unit]
                for s in sources[k]
            )
            for at, key in enumerate(order[first + unit : first + unit * count]):
                into = kept[at % unit]
                nodes[into].parameters += nodes[key].parameters
                nodes[into].macs += nodes[key].macs
                for source, target in list(edges):
                    if key in (source, target):
                        shape = edges.pop((source, target))
                        if source == key and place.get(target, len(order)) >= first + unit * count:
                            edges[into, target] = shape
                del nodes[key]
            for key in kept:
                nodes[key].title += f" (×{count})"
                if in_turn and unit > 1:
                    nodes[key].notes.append(f"these {unit} in turn")
            first += unit * count
        else:
            first += 1


def _absorb(nodes: dict[int, _Node], edges: Edges, into: int, gone: int) -> None:
    del nodes[gone]
    for (source, target), shape in list(edges.items()):
        if gone in (source, target):
            del edges[source, target]
            if source == gone:
                edges[into, target] = shape


def _color(node: _Node) -> str:
    if node.kind == "conv" and node.window is not None:
        height, width = node.window
        if height != width:
            return colors.tint(colors.ASYMMETRIC)
        known = {1: colors.POINTWISE, 3: colors.THREE, 5: colors.FIVE}
        return colors.tint(known.get(height, colors.VERMILION))
    if node.kind == "pool":
        return colors.tint(colors.POOL)
    if node.kind == "module":
        return colors.tint(colors.YELLOW)
    if node.kind == "linear":
        return colors.tint(colors.BLACK, 0.25)
    return "#FFFFFF" if node.kind == "end" else colors.tint(colors.GREY, 0.3)


def _lines(node: _Node) -> list[str]:
    lines = [node.title]
    if node.kind == "end":
        lines.append(shape_text(node.shape))
    if node.notes:
        lines.append(" + ".join(node.notes))
    if node.parameters or node.macs:
        lines.append(f"{short(node.parameters)} params{BESIDE}{short(units.count(node.macs))} {units.letters()}")
    return lines


def _source(
    record: Trace,
    nodes: dict[int, _Node],
    edges: Edges,
    lines: Lines,
    margin: str,
    apart: str,
    direction: str,
    repeats: _Repeats,
) -> str:
    with needed("A drawing"):
        import graphviz
    graph = graphviz.Digraph(
        graph_attr={"rankdir": direction, "nodesep": apart, "ranksep": "0.32", "bgcolor": "white", "ordering": "out"},
        node_attr={
            "shape": "box", "style": "filled,rounded", "fontname": "Helvetica", "fontsize": "11",
            "color": "#555555", "margin": margin, "height": "0.3",
        },
        edge_attr={"fontname": "Helvetica", "fontsize": "9", "color": "#555555", "arrowsize": "0.6", "weight": "4"},
    )  # fmt: skip
    entrance = _entrances(nodes, edges)
    points: dict[int, set[str]] = {}
    for point in entrance.values():
        points.setdefault(int(point.rsplit("_", 1)[1]), set()).add(point)
    _fill(graph, record, [nodes[key] for key in sorted(nodes)], lines, (), repeats, points)
    labelled: set[tuple[int, tuple[int, ...]]] = set()
    entered: set[str] = set()
    parting: list[tuple[str, str]] = []
    for (source, target), shape in sorted(edges.items()):
        # One tensor that several boxes read carries its shape once; an end's box holds it already.
        is_new = (source, shape) not in labelled and nodes[source].kind != "end" and nodes[target].kind != "end"
        labelled.add((source, shape))
        words = f" {shape_text(shape)} " if is_new else ""
        point = entrance.get((source, target))
        if point is None:
            graph.edge(_id(source), _id(target), label=words)
            continue
        if point not in entered:
            entered.add(point)
            graph.edge(_id(source), point, label=words, arrowhead="none")
        parting.append((point, _id(target)))
    if direction == "LR":  # where Graphviz stacks what parts inside a frame from the bottom up
        parting.reverse()
    for point, target in parting:
        # The first arrows to be stretched, so that the branches' ends stand side by side.
        graph.edge(point, target, label=" ", weight="1")
    return str(graph.source)


def _entrances(nodes: dict[int, _Node], edges: Edges) -> dict[tuple[int, int], str]:
    """The arrows into a frame that come from one box outside share a point on its upper edge: its id for each arrow.

    So the branches part inside of the frame, where Graphviz keeps them in their order from left to right.
    """
    entering: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for source, target in sorted(edges):
        outside, inside = nodes[source].inside, nodes[target].inside
        shared = 0
        while shared < min(len(outside), len(inside)) and outside[shared] == inside[shared]:
            shared += 1
        if shared < len(inside):
            entering.setdefault((source, inside[shared]), []).append((source, target))
    return {
        edge: f"entrance_{source}_{frame}".replace("-", "_")
        for (source, frame), group in entering.items()
        if len(group) > 1
        for edge in group
    }


def _fill(
    graph: "graphviz.Digraph",
    record: Trace,
    nodes: list[_Node],
    lines: Lines,
    around: tuple[int, ...],
    repeats: _Repeats,
    entrances: dict[int, set[str]],
) -> None:
    """Write the boxes that stand directly inside the opened modules `around`, and a frame for each opened below."""
    opened: dict[int, list[_Node]] = {}
    for node in nodes:
        if len(node.inside) > len(around):
            opened.setdefault(node.inside[len(around)], []).append(node)
            continue
        first, *rest = (escape(line) for line in lines[node.key])
        body = f"<b>{first}</b>" if node.kind != "end" else first
        body += "".join(f'<br/><font point-size="9">{line}</font>' for line in rest)
        graph.node(_id(node.key), label=f"<{body}>", fillcolor=_color(node))
    for call, members in opened.items():
        with graph.subgraph(name=f"cluster_{call}") as frame:
            run = repeats.runs.get(call)
            if len(members) > 1 or run:  # a frame around a single box would say nothing
                title = _run_title(record, run) + ", each" if run else record.calls[call].name
                frame.attr(
                    label=title, fontname="Helvetica", fontsize="11", labeljust="l", style="rounded", color="#BBBBBB"
                )
            else:
                frame.attr(label="", style="invis")
            for point in sorted(entrances.get(call, ())):
                frame.node(point, shape="point", width="0.05", height="0.05", style="filled", fillcolor="#555555")
            _fill(frame, record, members, lines, (*around, call), repeats, entrances)


def _id(key: int) -> str:
    return f"n{key}" if key >= 0 else "input" if key == INPUT else f"input{-key}"


def _in_words(record: Trace, edges: Edges, lines: Lines) -> str:
    reads: dict[int, list[str]] = {}
    for source, target in sorted(edges):
        reads.setdefault(target, []).append(lines[source][0])
    sentences = [f"{'; '.join(lines[key])} takes {', '.join(reads[key])}" for key in sorted(reads)]
    given = " and ".join(shape_text(shape) for shape in record.inputs)
    return f"From {'an input' if len(record.inputs) == 1 else 'inputs'} of {given}: " + ". ".join(sentences) + "."


_LAYOUT = threading.Lock()
_quiet_from_now_on = False


def _centred(box: re.Match[str]) -> str:
    """A box of the picture with its lines anchored at its middle, where they stay whatever font the reader has, and led apart."""
    outline = re.search(r' d="([^"]+)"', box[0])
    if outline is None:
        return box[0]
    across = [float(x) for x in re.findall(r"(-?[\d.]+),-?[\d.]+", outline[1])]
    middle = (min(across) + max(across)) / 2
    text = re.sub(r'text-anchor="start" x="[^"]+"', f'text-anchor="middle" x="{middle:.2f}"', box[0])
    heights = sorted({float(y) for y in re.findall(r'<text[^>]* y="([-\d.]+)"', text)})
    shifts = {height: LEADING * (place - (len(heights) - 1) / 2) for place, height in enumerate(heights)}
    return re.sub(r'(<text[^>]* y=")([-\d.]+)"', lambda at: f'{at[1]}{float(at[2]) + shifts[float(at[2])]:.2f}"', text)


def _lay_out(source: str, form: str) -> bytes:
    global _quiet_from_now_on
    with needed("A drawing"):  # here, so that counting works where it cannot be installed
        import pygraphviz

    with _LAYOUT, nullcontext() if _quiet_from_now_on else _without_font_warnings():
        picture: bytes = pygraphviz.AGraph(string=source).draw(format=form, prog="dot")
        _quiet_from_now_on = True
        return picture


@contextmanager
def _without_font_warnings() -> Iterator[None]:
    """Keep back what the font library writes to the process's standard error; all else is handed on afterwards.

    At its first use in a process it reads the system's list of fonts, and on some systems complains of words in it
    that are newer than itself. It does so below Python, so that only the file descriptor can be caught.
    """
    try:
        sys.stderr.flush()
        original = os.dup(2)
    except (AttributeError, OSError, ValueError):  # there is no standard error, or it is closed
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            kept.seek(0)
            for line in kept:
                if not line.startswith(b"Fontconfig "):
                    os.write(2, line)
