"""A network drawn as a graph, from the live module: branches side by side, shapes on the arrows, cost in the boxes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import graphviz
from torch import nn

from utils import colors
from utils.cost import kind_of, label_of, layer_groups, shape_text, short
from utils.trace import INPUT, Operation, Trace, trace

FORMATS = (".svg", ".png", ".pdf")


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
    last_name: str = ""
    count: int = 1
    inside: tuple[int, ...] = ()  # the opened modules around it, outermost first


@dataclass(frozen=True)
class Diagram:
    """A drawn network. It shows itself in a notebook.

    Attributes:
        title: the module's class and the shape that it was drawn for.
        source: the graph in Graphviz's language.
        alternative: the same in words, for those who cannot see the picture.
    """

    title: str
    source: str
    alternative: str

    @property
    def svg(self) -> str:
        """The picture as SVG text, with its description inside."""
        text = _lay_out(self.source, "svg").decode()
        text = text[text.index("<svg") :]
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

    def _repr_html_(self) -> str:
        # Wide drawings shrink to the cell; a white ground keeps the black text readable in a dark theme.
        svg = re.sub(
            r'width="(\d+)pt" height="\d+pt"', r'style="width:\1pt;max-width:100%;height:auto"', self.svg, count=1
        )
        return f'<div style="background:#fff;padding:4px;overflow-x:auto">{svg}</div>'


def draw(module: nn.Module, image_shape: Sequence[int], depth: int = 1, direction: str = "TB") -> Diagram:
    """Draw a module for an image of shape (channels, height, width).

    Args:
        module: any torch module, on `meta` too.
        image_shape: (channels, height, width), without the batch.
        depth: how many levels of modules are opened. At 1 each child is one box: for a block that is the paper's
            figure of the block, for a network its overview. `nn.Sequential` counts as no level.
        direction: "TB" draws from top to bottom, "LR" from left to right.

    Raises:
        TypeError: not a module.
        ValueError: a shape, depth or direction that cannot be, or the module cannot take such an image.
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"depth is {depth!r}; it must be a whole number, 1 or more.")
    if direction not in ("TB", "LR"):
        raise ValueError(f'direction is {direction!r}; it can be "TB" (top to bottom) or "LR" (left to right).')
    record = trace(module, image_shape)
    nodes, edges = _graph(record, depth)
    _fold_layers(nodes, edges)
    _fold_repeats(nodes, edges)
    return Diagram(
        title=f"{type(module).__name__} on {shape_text(record.image_shape)}",
        source=_source(record, nodes, edges, direction),
        alternative=_in_words(record, nodes, edges),
    )


Edges = dict[tuple[int, int], tuple[int, ...]]  # (from, to) -> shape of what flows


def _graph(record: Trace, depth: int) -> tuple[dict[int, _Node], Edges]:
    drawn_as: dict[int, int] = {INPUT: INPUT}  # operation -> its box
    shapes: dict[int, tuple[int, ...]] = {INPUT: record.image_shape}
    boxes: dict[int, int] = {}  # closed module call -> its box
    members: dict[int, list[Operation]] = {}
    nodes: dict[int, _Node] = {}
    edges: Edges = {}
    group_of = {o.index: group for group in layer_groups(record) for o in group[2]}
    for operation in record.operations:
        shapes[operation.index] = operation.shape[1:]
        name, call, operations = group_of.get(operation.index, ("", operation.call, [operation]))
        closed, inside = _closed_at(record, call, depth)
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
        target = drawn_as[operation.index]
        for source in operation.reads:
            origin = drawn_as[source]
            if origin != target:
                edges[origin, target] = shapes[source]
    for key, node in nodes.items():
        _describe(record, node, members[key])
    last = drawn_as[record.operations[-1].index] if record.operations else INPUT
    result = len(record.operations)
    nodes[INPUT] = _Node(INPUT, "end", "input", record.image_shape)
    nodes[result] = _Node(result, "end", "output", shapes.get(result - 1, record.image_shape))
    edges[last, result] = nodes[result].shape
    return nodes, edges


def _closed_at(record: Trace, call: int, depth: int) -> tuple[int | None, tuple[int, ...]]:
    """The call whose box hides this one (None: it is drawn itself), and the opened calls around that box."""
    level, inside = 0, []
    for index in record.ancestors(call)[1:]:
        module = record.calls[index].module
        is_leaf = next(module.children(), None) is None
        if type(module) in (nn.Sequential, nn.ModuleList):
            continue
        level += 1
        if level >= depth or is_leaf:
            return (None if is_leaf else index), tuple(inside)
        inside.append(index)
    return None, tuple(inside)


def _describe(record: Trace, node: _Node, operations: list[Operation]) -> None:
    node.shape = operations[-1].shape[1:]
    node.parameters = sum(record.parameters[weight] for o in operations for weight in o.weights)
    node.macs = sum(operation.macs for operation in operations)
    shown = [operation for operation in operations if not operation.is_view] or operations
    weighted = [operation for operation in shown if operation.macs]
    if node.call is not None and len(weighted) != 1:
        call = record.calls[node.call]
        node.title = node.last_name = call.name.split(".")[-1] or type(call.module).__name__
        node.notes = [type(call.module).__name__]
        return
    main = weighted[0] if weighted else shown[-1]
    leaf = record.calls[main.call].module
    leaf = leaf if next(leaf.children(), None) is None else None
    node.kind = kind_of(leaf, main)
    node.title = label_of(node.kind, leaf, main)
    if node.kind in ("conv", "linear"):
        node.title += f", {main.shape[1]}"
    if main.geometry:
        node.window = tuple(reach + 1 for reach in main.geometry[0])
    for operation in shown:
        if operation is not main and node.call is not None:
            module = record.calls[operation.call].module
            module = module if next(module.children(), None) is None else None
            node.notes.append(label_of(kind_of(module, operation), module, operation))


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


def _fold_repeats(nodes: dict[int, _Node], edges: Edges) -> None:
    """Draw equal modules that follow each other as one box with their number."""
    for key in sorted(nodes):
        node = nodes.get(key)
        while node is not None and node.kind == "module":
            readers = [target for source, target in edges if source == key]
            follower = nodes[readers[0]] if len(readers) == 1 else None
            each = (node.parameters // node.count, node.macs // node.count)
            if (
                follower is None
                or follower.kind != "module"
                or follower.notes != node.notes
                or (follower.parameters, follower.macs, follower.shape) != (*each, node.shape)
                or len([source for source, target in edges if target == follower.key]) != 1
            ):
                break
            node.count += 1
            node.parameters += follower.parameters
            node.macs += follower.macs
            node.last_name = follower.title
            _absorb(nodes, edges, key, follower.key)


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
        return colors.tint(colors.VERMILION)
    return "#FFFFFF" if node.kind == "end" else colors.tint(colors.GREY, 0.3)


def _lines(node: _Node) -> list[str]:
    title = node.title if node.count == 1 else f"{node.title} … {node.last_name} (×{node.count})"
    lines = [title]
    if node.kind == "end":
        lines.append(shape_text(node.shape))
    if node.notes:
        lines.append(" + ".join(node.notes))
    if node.parameters or node.macs:
        lines.append(f"{short(node.parameters)} params · {short(node.macs)} MACs")
    return lines


def _source(record: Trace, nodes: dict[int, _Node], edges: Edges, direction: str) -> str:
    graph = graphviz.Digraph(
        graph_attr={"rankdir": direction, "nodesep": "0.18", "ranksep": "0.32", "bgcolor": "white", "ordering": "out"},
        node_attr={
            "shape": "box", "style": "filled,rounded", "fontname": "Helvetica", "fontsize": "11",
            "color": "#555555", "margin": "0.12,0.06", "height": "0.3",
        },
        edge_attr={"fontname": "Helvetica", "fontsize": "9", "color": "#555555", "arrowsize": "0.6"},
    )  # fmt: skip
    _fill(graph, record, [nodes[key] for key in sorted(nodes)], ())
    labelled: set[tuple[int, tuple[int, ...]]] = set()
    for (source, target), shape in sorted(edges.items()):
        # One tensor that several boxes read carries its shape once; an end's box holds it already.
        is_new = (source, shape) not in labelled and nodes[source].kind != "end" and nodes[target].kind != "end"
        labelled.add((source, shape))
        graph.edge(_id(source), _id(target), label=f" {shape_text(shape)} " if is_new else "")
    return graph.source


def _fill(graph: graphviz.Digraph, record: Trace, nodes: list[_Node], around: tuple[int, ...]) -> None:
    """Write the boxes that stand directly inside the opened modules `around`, and a frame for each opened below."""
    opened: dict[int, list[_Node]] = {}
    for node in nodes:
        if len(node.inside) > len(around):
            opened.setdefault(node.inside[len(around)], []).append(node)
            continue
        first, *rest = (escape(line) for line in _lines(node))
        body = f"<b>{first}</b>" if node.kind != "end" else first
        body += "".join(f'<br/><font point-size="9">{line}</font>' for line in rest)
        graph.node(_id(node.key), label=f"<{body}>", fillcolor=_color(node))
    for call, members in opened.items():
        with graph.subgraph(name=f"cluster_{call}") as frame:
            frame.attr(
                label=record.calls[call].name, fontname="Helvetica", fontsize="11", labeljust="l",
                style="rounded", color="#BBBBBB",
            )  # fmt: skip
            _fill(frame, record, members, (*around, call))


def _id(key: int) -> str:
    return "input" if key == INPUT else f"n{key}"


def _in_words(record: Trace, nodes: dict[int, _Node], edges: Edges) -> str:
    names = {key: _lines(node)[0] for key, node in nodes.items()}
    sentences = []
    for key in sorted(nodes):
        sources = [names[source] for source, target in sorted(edges) if target == key]
        if sources:
            sentences.append(f"{'; '.join(_lines(nodes[key]))} takes {', '.join(sources)}")
    return f"From an input of {shape_text(record.image_shape)}: " + ". ".join(sentences) + "."


def _lay_out(source: str, form: str) -> bytes:
    import pygraphviz  # here, so that counting works where it cannot be installed

    return pygraphviz.AGraph(string=source).draw(format=form, prog="dot")
