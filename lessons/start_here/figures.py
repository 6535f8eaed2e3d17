"""The pictures of lesson 00."""

import graphviz
import numpy as np
import torch
from torch import nn

from networks.catalog import NETWORKS, create
from utils.cost.table import Table, profile, short
from utils.data.photo import photograph
from utils.diagram import Diagram
from utils.show import colors
from utils.show.display import passing_bar
from utils.show.plot import Picture, label, panels


def family() -> dict[str, Table]:
    """The cost of every network of the course at its paper's input size, counted now on the `meta` device."""
    tables = {}
    with passing_bar(total=len(NETWORKS), desc="counting networks") as bar:
        for entry in NETWORKS:
            with torch.device("meta"):
                net = create(entry.name)
            tables[entry.name] = profile(net, (3, entry.input_size, entry.input_size))
            bar.update()
    return tables


def family_tree() -> Diagram:
    """The networks of the course by year: what each brought, its size, counted now, and its paper's error."""
    tables = family()
    graph = graphviz.Digraph(
        graph_attr={"rankdir": "TB", "nodesep": "0.25", "ranksep": "0.35", "bgcolor": "white"},
        node_attr={
            "shape": "box", "style": "filled,rounded", "fontname": "Helvetica", "fontsize": "11",
            "color": "#555555", "margin": "0.12,0.06",
        },
        edge_attr={"color": "#555555", "arrowsize": "0.6"},
    )  # fmt: skip
    words = []
    for entry in NETWORKS:
        table = tables[entry.name]
        size = (
            f"{short(table.parameters)} parameters · {short(table.macs)} MACs at {entry.input_size}×{entry.input_size}"
        )
        errors = [
            f"{kind} {value:g} %"
            for kind, value in (("top-1", entry.top1_error), ("top-5", entry.top5_error))
            if value is not None
        ]
        error = f"error in its paper: {', '.join(errors)}" if errors else "no ImageNet error like the others' printed"
        lines = (entry.new, size, error)
        small = "".join(f'<br/><font point-size="9">{_safe(line)}</font>' for line in lines)
        graph.node(
            entry.name,
            label=f"<<b>{_safe(entry.title)}, {entry.year}</b>{small}>",
            fillcolor=colors.tint(colors.SKY if not entry.grew_from else colors.YELLOW),
        )
        for parent in entry.grew_from:
            graph.edge(parent, entry.name)
        words.append(f"{entry.title}, {entry.year}, {', '.join(lines)}")
    return Diagram(title="The Inception family", source=graph.source, alternative=". ".join(words))


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def first_filters(net: nn.Module, count: int = 6) -> Picture:
    """The first convolution's filters of a trained network for grey images, and what they do to a photograph."""
    conv = next(module for module in net.modules() if isinstance(module, nn.Conv2d))
    photo = torch.tensor(photograph("china", 200)).float().mean(dim=2)
    scaled = (photo - photo.mean()) / photo.std()
    with torch.no_grad():
        views = nn.functional.conv2d(scaled[None, None], conv.weight[:count].cpu(), padding=conv.padding)[0]
    figure, axes = panels(
        count + 1, "Each first filter answers to something else in the photograph",
        width=1.4 * (count + 1), height=3.3, rows=2,
    )  # fmt: skip
    reach = conv.weight.abs().max().item()
    axes[0][0].axis("off")
    axes[1][0].imshow(photo, cmap="gray")
    label(axes[1][0], title="photograph")
    for number in range(count):
        weights = conv.weight[number, 0].detach().cpu().numpy()
        axes[0][number + 1].imshow(weights, cmap="PuOr", vmin=-reach, vmax=reach)
        label(axes[0][number + 1], title=f"filter {number + 1}")
        axes[1][number + 1].imshow(np.maximum(views[number].numpy(), 0), cmap="gray")
        label(axes[1][number + 1], title="after ReLU")
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    return Picture(
        figure, f"{count} learned filters of {weights.shape[0]} by {weights.shape[1]} and a photograph after each."
    )
