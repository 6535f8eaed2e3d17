"""The pictures of lesson 06."""

from collections.abc import Callable, Sequence

import torch
from matplotlib.patches import Rectangle
from torch import nn

from lessons.inception_v4.grids import cells_left, positions
from lessons.inception_v4.paper import designs
from lessons.inception_v4.printed import WAY, Layer
from lessons.inception_v4.stages import NETWORKS, STAGES, by_stage, fields, stage_of
from networks import measure
from networks.bn_inception import InceptionA
from networks.inception_v2 import InceptionB, InceptionC
from utils.cost import units
from utils.cost.table import short
from utils.data.photo import photograph
from utils.show import colors
from utils.show.plot import Picture, image_row, label, panels

KINDS = {InceptionA.__name__: ("A", colors.SKY), InceptionB.__name__: ("B", colors.ORANGE), InceptionC.__name__: ("C", colors.GREEN)}  # fmt: skip
NETWORK_COLORS = dict(zip(NETWORKS, colors.ARMS, strict=False))
MARKERS = dict(zip(NETWORKS, "os", strict=True))
PARTS = {"stem": "white", "reduction": colors.GREY} | {letter: color for letter, color in KINDS.values()}
HEIGHTS = {"A": 1.5, "B": 1.1, "C": 0.75}  # as the grid grows smaller


def two_plans() -> Picture:
    """The modules of Inception-v3 and of v4 in their order, each marked with its design."""
    found = {title: designs(name) for title, name in NETWORKS.items()}
    counts = {title: sum(map(len, kinds.values())) for title, kinds in found.items()}
    kinds_of = {title: sum(len(set(widths)) for widths in kinds.values()) for title, kinds in found.items()}
    title = "; ".join(f"{title}: {counts[title]} modules of {kinds_of[title]} designs" for title in NETWORKS)
    figure, (axis,) = panels(1, title, width=9.4, height=3.2)
    words = []
    for row, (network, kinds) in enumerate(found.items()):
        place, line = 0.0, -2.1 * row
        place = _box(axis, place, line, 1.5, "stem", colors.tint(colors.GREY), 1.8)
        said = ["stem"]
        for kind, every in kinds.items():
            letter, color = KINDS[kind]
            seen = list(dict.fromkeys(every))
            if letter != "A":
                place = _box(axis, place, line, 0.45, "", colors.tint(colors.GREY), HEIGHTS[letter])
                said.append("reduction")
            for widths in every:
                name = letter if len(seen) == 1 else f"{letter}{seen.index(widths) + 1}"
                strength = 0.75 - 0.25 * seen.index(widths)
                place = _box(axis, place, line, 0.95, name, colors.tint(color, strength), HEIGHTS[letter])
                said.append(name)
        axis.annotate(network, (-0.3, line), ha="right", va="center", fontsize=10)
        words.append(f"{network}: {', '.join(said)}")
    axis.set_xlim(-3.2, 19.4)
    axis.set_ylim(-3.3, 1.3)
    axis.axis("off")
    return Picture(
        figure,
        f"Two rows of boxes, one for each module; boxes with the same name have the same widths. {title}. {'. '.join(words)}.",
    )


def _box(axis, place: float, line: float, width: float, name: str, color: str, height: float) -> float:
    """Draw one box in a row; where the next one begins."""
    axis.add_patch(
        Rectangle((place, line - height / 2), width - 0.12, height, facecolor=color, edgecolor="#555555", linewidth=0.8)
    )
    axis.annotate(name, (place + (width - 0.12) / 2, line), ha="center", va="center", fontsize=9)
    return place + width


def places(cells: int = 9, window: int = 3) -> Picture:
    """Where a window can stand over a row of cells: valid and same padding, stride 1 and 2."""
    ways = {(padding, stride): positions(cells, window, stride, padding) for padding in ("same", "valid") for stride in (1, 2)}  # fmt: skip
    counts = [str(len(starts)) for starts in ways.values()]
    title = (
        f"One window of {window} over {cells} cells stands in {', '.join(counts[:-1])} or {counts[-1]} places: so many cells "
        "come out"
    )
    figure, axes = panels(2, title, width=9, height=4.2, rows=2)
    words = []
    for axis, ((padding, stride), starts) in zip(axes.flat, ways.items(), strict=True):
        for cell in range(-(window // 2), cells + window // 2):
            inside = 0 <= cell < cells
            if not inside and padding == "valid":
                continue
            axis.add_patch(
                Rectangle(
                    (cell, 0),
                    1,
                    1,
                    facecolor=colors.tint(colors.SKY, 0.45) if inside else "white",
                    edgecolor="#555555" if inside else colors.GREY,
                    linestyle="-" if inside else ":",
                    linewidth=1,
                )
            )
            text, color = (str(cell), "black") if inside else ("zero", "#555555")
            axis.annotate(text, (cell + 0.5, 0.5), ha="center", va="center", fontsize=9, color=color)
        for number, start in enumerate(starts):
            height = -0.35 - 0.32 * (number % 3)
            axis.plot([start + 0.1, start + window - 0.1], [height] * 2, color=colors.VERMILION, linewidth=3)
            axis.plot(start + window / 2, height, "o", color=colors.BLUE, markersize=4)
        axis.set_xlim(-1.2, cells + 1.2)
        axis.set_ylim(-1.3, 1.1)
        axis.axis("off")
        mark = " (V)" if padding == "valid" else ""
        label(axis, title=f"{padding}{mark}, stride {stride}: {cells} → {len(starts)}")
        words.append(f"{padding} padding, stride {stride}: {len(starts)} places")
    return Picture(
        figure,
        f"A row of {cells} cells, numbered from 0, with dotted zeros at the ends for same padding, and a bar with a dot in its middle for each place "
        f"of the window. {title}. {'; '.join(words)}.",
    )


def left_over(
    grids: Callable[[int, Sequence[Layer]], Sequence[int]], sides: Sequence[int] = range(267, 332), way: Sequence[Layer] = WAY
) -> Picture:  # fmt: skip
    """For images of several sizes: at which halvings of the grid a row and a column of cells are left over."""
    halvings = [number for number, layer in enumerate(way) if layer.stride > 1]
    left = {side: [cells_left(grids(side, way)[number], way[number]) for number in halvings] for side in sides}
    whole = [side for side, each in left.items() if not any(each)]
    title = f"Of {len(left)} image sizes {len(whole)} leave nothing over: {', '.join(map(str, whole))}"
    figure, (axis,) = panels(1, title, width=9.4, height=2.9)
    for side, each in left.items():
        for line, count in enumerate(each):
            color = colors.VERMILION if count else colors.tint(colors.SKY, 0.45)
            axis.add_patch(
                Rectangle((side - 0.5, -line - 0.5), 1, 1, facecolor=color, edgecolor="white", linewidth=0.6)
            )
    for side in whole:
        axis.annotate(str(side), (side, 0.6), ha="center", va="bottom", fontsize=9, fontweight="bold")
    axis.set_xlim(min(sides) - 2.5, max(sides) + 2.5)
    axis.set_ylim(-len(halvings) + 0.3, 1.5)
    names = ("first layer", "fork 1", "fork 3", "reduction A", "reduction B")
    axis.set_yticks([-line for line in range(len(halvings))], names[: len(halvings)])
    axis.spines[["left", "bottom"]].set_visible(False)
    label(
        axis,
        x="side of the image, pixels (orange: the last row and column of the grid that is read are under no window)",
    )
    return Picture(figure, f"A table of image sizes by the five halvings of the grid. {title}.")


def stage_costs() -> Picture:
    """Parameters, multiply-adds and activations of Inception-v3 and v4, stage by stage."""
    costs = {title: by_stage(name) for title, name in NETWORKS.items()}
    v3, v4 = costs.values()
    share = v4["B, 17 grid"].macs / sum(cost.macs for cost in v4.values())
    ratio = sum(cost.macs for cost in v4.values()) / sum(cost.macs for cost in v3.values())
    title = f"v4 takes {ratio:.1f} times v3's {units.words()}, and {100 * share:.0f} % of its own on the 17 grid"
    figure, axes = panels(3, title, width=9.4, height=3.8)
    words = []
    for axis, what in zip(axes, ("parameters", "macs", "activations"), strict=True):
        unit = units.title(what)
        for offset, (network, stages) in enumerate(costs.items()):
            values = [units.of(stages[stage], what) for stage in STAGES]
            spots = [-line - 0.4 * (offset - 0.5) for line in range(len(STAGES))]
            axis.barh(spots, values, height=0.38, color=NETWORK_COLORS[network], label=network)
            for spot, value in zip(spots, values, strict=True):
                axis.annotate(f" {short(value)}", (value, spot), va="center", fontsize=8.5)
            words.append(
                f"{network}, {unit}: "
                + ", ".join(f"{stage} {short(value)}" for stage, value in zip(STAGES, values, strict=True))
            )
        axis.set_yticks([-line for line in range(len(STAGES))], STAGES)
        axis.set_xlim(0, axis.get_xlim()[1] * 1.3)
        axis.set_xticks([])
        axis.spines["bottom"].set_visible(False)
        label(axis, x=f"{unit}, one image" if what != "parameters" else unit)
    for axis in axes[1:]:
        axis.tick_params(labelleft=False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return Picture(figure, f"Bars. {title}. {'; '.join(words)}.")


def fields_by_stage(side: int = 299) -> Picture:
    """How far a unit sees behind each module of Inception-v3 and v4; the marker's colour says which module it is."""
    figure, (axis,) = panels(1, "", width=8.6, height=3.8)
    words, first_whole = [], {}
    for network, name in NETWORKS.items():
        seen = module_fields(name)
        kinds = [_kind(stage_of(child)) for child in seen]
        axis.plot(range(len(seen)), list(seen.values()), color=NETWORK_COLORS[network], label=network, zorder=1)
        for number, (kind, width) in enumerate(zip(kinds, seen.values(), strict=True)):
            axis.plot(number, width, MARKERS[network], ms=8, color=PARTS[kind], markeredgecolor=NETWORK_COLORS[network])
        number = next(number for number, width in enumerate(seen.values()) if width >= side)
        first_whole[network] = kinds[number], kinds[: number + 1].count(kinds[number])
        ends = ", ".join(f"{stage} {width}" for stage, width in fields(name).items())
        words.append(f"{network}: {ends} pixels")
    axis.axhline(side, color=colors.GREY, linestyle=":")
    axis.annotate(f"the image, {side} pixels", (16.2, side), ha="right", va="bottom", fontsize=9, color="#555555")
    axis.set_yscale("log")
    axis.set_yticks([31, 55, 127, 299, 600, 1200, 2400], ["31", "55", "127", "299", "600", "1,200", "2,400"])
    axis.minorticks_off()
    axis.set_xticks(range(0, 18, 2))
    axis.grid(axis="y", alpha=0.3)
    lines = [axis.plot([], [], MARKERS[each], ls="-", color=NETWORK_COLORS[each], label=each)[0] for each in NETWORKS]
    dots = [
        axis.plot([], [], "o", color=color, markeredgecolor="#555555", label=kind)[0] for kind, color in PARTS.items()
    ]
    axis.add_artist(axis.legend(handles=lines, frameon=False, fontsize=9, loc="upper left"))
    axis.legend(handles=dots, frameon=False, fontsize=9, loc="lower right", ncols=len(dots))
    label(axis, x="part of the network: 0 is the stem, modules and reductions follow", y="width of the field, pixels")
    title = "A unit's field is wider than the image " + " and ".join(
        f"from module {kind} number {count} of {each} on" for each, (kind, count) in first_whole.items()
    )
    kind, count = first_whole[next(iter(NETWORKS))]
    if count == 1 and set(first_whole.values()) == {(kind, count)}:
        title = f"From the first module {kind} on, a unit's field is wider than the image in both networks"
    figure.suptitle(title, fontsize=11, fontweight="bold")
    return Picture(figure, f"Lines on a logarithmic axis. {title}. Behind each stage: {'; '.join(words)}.")


def _kind(stage: str) -> str:
    """The letter of a stage of modules; else "stem" or "reduction"."""
    return stage.split(" ")[0].rstrip(",")


def module_fields(name: str) -> dict[str, int]:
    """Width in pixels of what one unit sees behind the stem and behind each module and reduction."""
    last = {}
    for row in measure.cost(name).rows:
        child = row.name.split(".")[0]
        if row.receptive_field is not None and stage_of(child) != "classifier":
            last[child] = row.receptive_field[1]
    return last


EDGES = ((-1.0, -2.0, -1.0), (0.0, 0.0, 0.0), (1.0, 2.0, 1.0))


def reduction_on_a_photograph(reduction: Callable[..., nn.Module], size: int = 223) -> Picture:
    """The three branches of a reduction with one channel each on a photograph: edges, blurred edges, the brightest."""
    gray = torch.tensor(photograph("china", size)).float().mean(dim=2)[None, None] / 255
    module = reduction(1, 1, 1, 1, 1).eval()
    convs = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    with torch.no_grad():
        for conv in convs:
            if conv.stride[0] == 2:
                conv.weight.copy_(torch.tensor(EDGES))
            else:
                conv.weight.fill_(1 / conv.weight[0].numel())
        views = module(gray)[0].numpy()
    names = ("3×3, set to edges", "1×1, 3×3 mean, 3×3 edges", "max pool")
    images = {f"input, {size}×{size}": gray[0, 0].numpy()} | {
        f"{name}": view for name, view in zip(names, views, strict=True)
    }
    half = views.shape[-1]
    return image_row(images, f"Three views of {half}×{half} from one of {size}×{size}, to be concatenated", gray=True)
