"""The pictures of lesson 02."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from lessons.googlenet.paper import NEAR, TABLE_3
from lessons.googlenet.table import Line
from networks import measure
from utils.cost import units
from utils.cost.table import Table, short
from utils.data.photo import photograph
from utils.show import colors
from utils.show.plot import Picture, image_row, label, panels
from utils.train.augment import INTERPOLATIONS, crop_boxes, resize_boxes
from utils.train.recipe import Recipe

IMAGE = colors.GREY
GRADIENT = {"without heads": colors.BLUE, "with heads": colors.VERMILION}


def shrinking() -> Picture:
    """Grid and channels after every stage of GoogLeNet, from the live network."""
    shapes = {"image": (3, 224, 224)}
    for row in measure.cost("googlenet").rows:
        if len(row.shape) == 3:
            shapes[row.name.split(".")[0]] = row.shape
    shapes = {name: shape for name, shape in shapes.items() if name not in ("dropout", "norm1", "norm2")}
    names = [name.removeprefix("inception_").replace("_", " ") for name in shapes]
    figure, axes = panels(2, "The grid shrinks from 224 to 1 while the channels grow from 3 to 1024", height=3.4)
    for axis, (what, values) in zip(
        axes,
        (("side of the grid", [shape[1] for shape in shapes.values()]), ("channels", [s[0] for s in shapes.values()])),
        strict=True,
    ):
        axis.step(range(len(names)), values, where="mid", color=colors.BLUE, linewidth=1.2)
        for place, (name, value) in enumerate(zip(shapes, values, strict=True)):
            color = colors.POOL if "pool" in name else colors.GREEN if "inception" in name else colors.ORANGE
            axis.plot(place, value, "o", color=IMAGE if name == "image" else color, ms=6)
        axis.set_yscale("log", base=2)
        axis.yaxis.set_major_formatter(lambda value, _position: f"{value:g}")
        axis.set_xticks(range(len(names)), names, rotation=75)
        axis.grid(axis="y", alpha=0.3)
        label(axis, x="stage, from the image to the classifier", y=what)
    handles = [
        axes[0].plot([], [], "o", color=color, label=name)[0]
        for name, color in (("convolution", colors.ORANGE), ("pool", colors.POOL), ("Inception module", colors.GREEN))
    ]
    axes[0].legend(handles=handles, frameon=False, fontsize=9)
    words = "; ".join(f"{name} {shape[0]} channels of {shape[1]} by {shape[2]}" for name, shape in shapes.items())
    return Picture(figure, f"Steps. The grid shrinks while the channels grow. {words}.")


def first_layer() -> nn.Module:
    """GoogLeNet's first convolution and pool, with fresh weights from a seed of their own: (N, 3, H, W) -> (N, 64, ...)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = measure.create("googlenet")
    return nn.Sequential(net.conv1, net.pool1)


def louder_and_quieter(normalise: Callable[[Tensor], Tensor]) -> Picture:
    """Local response normalisation at one place of GoogLeNet's grid, with pixels up to 255 and with pixels up to 1."""
    pixels = torch.tensor(photograph("flower", 224)).permute(2, 0, 1).float()
    pixels = pixels - pixels.mean(dim=(1, 2), keepdim=True)
    stem, words = first_layer(), []
    figure, axes = panels(2, "Where activations are in the hundreds, loud neighbours turn each other down", height=3.1)
    ranges = {"pixels from 0 to 255, as in 2014": 1.0, "the same pixels from 0 to 1": 1 / 255}
    for axis, (name, scale) in zip(axes, ranges.items(), strict=True):
        with torch.no_grad():
            before = stem(pixels[None] * scale)
            after = normalise(before)
        place = before[0].square().sum(dim=0).flatten().argmax()  # where the most is going on
        loud, quiet = before[0].flatten(1)[:24, place].numpy(), after[0].flatten(1)[:24, place].numpy()
        axis.bar(range(24), loud, color=colors.tint(colors.GREY, 0.5), label="before")
        axis.bar(range(24), quiet, color=colors.BLUE, width=0.5, label="after")
        label(axis, title=name, x="channel (the first 24 of 64, at one place)", y="activation")
        axis.legend(frameon=False, fontsize=9)
        kept = quiet.sum() / loud.sum()
        words.append(f"with {name} {kept:.0%} of the activations' sum is left")
    return Picture(figure, f"Bars before and after local response normalisation. {'; '.join(words)}.")


def one_grid_a_stage(net: nn.Module, stages: Sequence[str]) -> Picture:
    """A photograph after several stages of a network: of each the channel that varies most over the photograph."""
    photo = photograph("flower", 224)
    x = torch.tensor(photo).permute(2, 0, 1)[None].float() / 255
    x, seen = (x - x.mean()) / x.std(), {}
    hooks = [
        net.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out[0]))
        for name in stages
    ]
    was_training = net.training
    try:
        with torch.no_grad():
            net.eval()(x)
    finally:
        net.train(was_training)
        for hook in hooks:
            hook.remove()
    views = {"photograph": photo}
    for name, grids in seen.items():
        loudest = grids.flatten(1).std(dim=1).argmax()
        title = f"{name.removeprefix('inception_')}: {grids.shape[0]} of {grids.shape[1]}×{grids.shape[2]}"
        views[title] = grids[loudest].numpy()
    return image_row(views, "Stage by stage the grid says less about where: of each, the channel that varies most")


def cost_by_stage(table: Table) -> Picture:
    """Multiply-adds and parameters of every stage that has weights."""
    stages = {name: cost for name, cost in table.by_stage().items() if cost.macs}
    stem = [cost for name, cost in stages.items() if name.startswith("conv")]
    macs, parameters = sum(cost.macs for cost in stem), sum(cost.parameters for cost in stem)
    title = (
        f"The stem's {len(stem)} layers take {macs / table.macs:.0%} of the {units.words()} and hold "
        f"{parameters / table.parameters:.0%} of the parameters"
    )
    figure, axes = panels(2, title, height=4.2)
    kinds = {"convolution of the stem": colors.ORANGE, "Inception module": colors.GREEN, "dense layer": colors.GREY}

    def kind_of(name: str) -> str:
        return list(kinds)[1 if "inception" in name else 2 if name == "classifier" else 0]

    places = [-place for place in range(len(stages))]
    words = []
    for axis, what in zip(axes, ("macs", "parameters"), strict=True):
        unit, values = units.title(what), [units.of(cost, what) for cost in stages.values()]
        axis.barh(places, values, color=[kinds[kind_of(name)] for name in stages])
        for place, value in zip(places, values, strict=True):
            axis.annotate(f" {short(value)}", (value, place), va="center", fontsize=9)
        axis.set_xlim(0, max(values) * 1.2)
        axis.set_yticks(places, [name.removeprefix("inception_").replace("_", " ") for name in stages])
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.xaxis.set_major_formatter(lambda value, _position: short(value))
        label(axis, x=f"{unit}, {short(sum(values))} in all")
        words.append(", ".join(f"{name} {value:,}" for name, value in zip(stages, values, strict=True)) + f" {unit}")
    axes[1].tick_params(labelleft=False)
    handles = [Patch(color=color, label=kind) for kind, color in kinds.items()]
    axes[1].legend(handles=handles, frameon=False, fontsize=9, loc="upper right")
    return Picture(figure, f"Bars by stage. {title}. {'; '.join(words)}.")


def printed_against_counted(lines: Sequence[Line]) -> Picture:
    """By how much the network's figures differ from those printed in Table 1, row by row, in the table's units."""
    differences = {
        "parameters, K": [line.weights / 1024 - line.printed_params for line in lines],
        "operations, millions": [line.macs / 1e6 - line.printed_ops for line in lines],
    }
    off_rows = sum(any(abs(value) > NEAR for value in pair) for pair in zip(*differences.values(), strict=True))
    title = f"{off_rows} of {len(lines)} rows of Table 1 are off their own widths' figures by more than {NEAR}"
    figure, axes = panels(2, title, height=4)
    places, words = [-place for place in range(len(lines))], []
    for axis, (what, values) in zip(axes, differences.items(), strict=True):
        axis.axvspan(-NEAR, NEAR, color=colors.tint(colors.GREY, 0.35))
        bars = [colors.VERMILION if abs(value) > NEAR else colors.BLUE for value in values]
        axis.barh(places, values, color=bars, height=0.6)
        for place, value in zip(places, values, strict=True):
            text, side = f" {round(value, 1) + 0:+.1f} ", "left" if value >= 0 else "right"
            axis.annotate(text, (value, place), va="center", ha=side, fontsize=9)
        reach = max(map(abs, values)) * 1.35
        axis.set_xlim(-reach, reach)
        axis.set_yticks(places, [line.name for line in lines])
        label(axis, x=f"{what} (grey: within {NEAR})", title="network minus print")
        each = (f"{line.name} {value:+.1f}" for line, value in zip(lines, values, strict=True))
        words.append(f"{what}: {', '.join(each)}")
    axes[1].tick_params(labelleft=False)
    return Picture(figure, f"Bars. {title}. {'; '.join(words)}.")


def gradients(measured: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Picture:
    """Gradient by stage, with and without heads, for several starts: {start: {"with heads": {stage: length}}}."""
    figure, axes = panels(
        len(measured), "The smaller the initial weights, the more the heads help the early stages", height=3.6
    )
    words = []
    for axis, (name, lines) in zip(axes, measured.items(), strict=True):
        for marker, (arm, norms) in zip("os", lines.items(), strict=True):
            stages = [stage.removeprefix("inception_").replace("_", " ") for stage in norms]
            axis.plot(stages, norms.values(), marker=marker, ms=4, color=GRADIENT[arm], label=arm)
        first = {arm: next(iter(norms.values())) for arm, norms in lines.items()}
        factor = first["with heads"] / first["without heads"]
        axis.set_yscale("log")
        axis.tick_params(axis="x", rotation=75)
        axis.grid(axis="y", alpha=0.3)
        times = f"×{factor:,.0f}" if factor > 10 else f"×{factor:.1f}"
        label(axis, title=f"{name}: {times} at conv1", y="" if words else "length of the gradient")
        axis.tick_params(labelleft=not words)
        words.append(f"{name}: {times} at the first layer")
    every = [length for lines in measured.values() for norms in lines.values() for length in norms.values()]
    for axis in axes:
        axis.set_ylim(min(every) / 3, max(every) * 3)
    axes[0].legend(frameon=False, fontsize=9)
    return Picture(figure, f"Lines by stage, logarithmic. The heads lengthen the early gradient. {'; '.join(words)}.")


def learning_rate(recipe: Recipe) -> Picture:
    """A recipe's learning rate by epoch, as a share of the initial one."""
    epochs = np.arange(0, recipe.epochs, 0.25)
    rates = [recipe.learning_rate_at(epoch) / recipe.learning_rate for epoch in epochs]
    half = next((epoch for epoch, rate in zip(epochs, rates, strict=True) if rate <= 0.5), None)
    title = "Four per cent less every eight epochs is slow"
    title += f": half is reached after {half:g} epochs" if half is not None else ""
    figure, (axis,) = panels(1, title, width=7.5, height=3)
    axis.plot(epochs, rates, color=colors.BLUE)
    axis.axhline(0.5, color=colors.GREY, linestyle=":")
    axis.set_ylim(0, 1.05)
    label(axis, x="epoch", y="share of the initial rate")
    return Picture(figure, f"A staircase. {title}. After {recipe.epochs} epochs {rates[-1]:.2f} of it are left.")


def training_crops(
    area: tuple[float, float], aspect: tuple[float, float], *, count: int = 12, seed: int = 8
) -> Picture:
    """Random crops of a photograph: their frames, and what the network gets, each resized by a method of its own."""
    photo = photograph("flower")
    image = torch.tensor(photo).permute(2, 0, 1).float() / 255
    generator = torch.Generator().manual_seed(seed)
    boxes = crop_boxes(count, *photo.shape[:2], area, aspect, generator)
    methods = [INTERPOLATIONS[number] for number in torch.randint(4, (count,), generator=generator)]
    shares = [(r - l) * (b - t) / (photo.shape[0] * photo.shape[1]) for l, t, r, b in boxes.tolist()]
    columns = count // 2
    figure, axes = panels(columns + 2, "One photograph, twelve training images", width=9.4, height=3.2, rows=2)
    grid = axes[0][0].get_gridspec()
    for axis in axes[:, :2].flat:
        axis.remove()
    whole = figure.add_subplot(grid[:, :2])
    whole.imshow(photo)
    for position, ((left, top, right, bottom), method) in enumerate(zip(boxes.tolist(), methods, strict=True)):
        color = colors.ARMS[position % len(colors.ARMS)]
        frame = {"fill": False, "edgecolor": color, "linewidth": 1.6}
        whole.add_patch(Rectangle((left, top), right - left, bottom - top, **frame))
        along = left + (right - left) * (position + 0.5) / count  # so that no two numbers lie on each other
        number = {"ha": "center", "va": "center", "fontsize": 8.5, "color": "white", "fontweight": "bold"}
        badge = {"boxstyle": "round,pad=0.15", "facecolor": color, "edgecolor": "none"}
        whole.text(along, bottom if position % 2 else top, str(position + 1), bbox=badge, **number)
        axis = axes[:, 2:].flat[position]
        taken = resize_boxes(image[None], boxes[position : position + 1], size=(224, 224), interpolation=method)
        axis.imshow(taken[0].permute(1, 2, 0).clamp(0, 1).numpy())
        for spine in axis.spines.values():
            spine.set(edgecolor=color, linewidth=2.5, visible=True)
        axis.set_title(f"{position + 1}: {shares[position]:.0%}, {method}", fontsize=8.5)
    for axis in [whole, *axes[:, 2:].flat]:
        axis.set(xticks=[], yticks=[])
    label(
        whole,
        title=f"{photo.shape[1]}×{photo.shape[0]} pixels",
        x="over each crop: its number, its\nshare of the area, its method",
    )
    return Picture(
        figure,
        f"A photograph with {count} frames, and the crops. Shares of the area from {min(shares):.0%} to {max(shares):.0%}.",
    )


def interpolations(corner: tuple[int, int] = (302, 201), side: int = 8) -> Picture:
    """A few pixels of a photograph enlarged, and a larger part made smaller, by each of the four methods."""
    image = torch.tensor(photograph("flower")).permute(2, 0, 1)[None].float() / 255
    title = "Enlarging, two methods make blocks; reducing, only area looks at every pixel"
    figure, axes = panels(4, title, width=8, height=4.4, rows=2)
    left, top = corner
    parts = {
        f"{side} pixels enlarged": ((left, top, left + side, top + side), 60),
        "427 pixels reduced to 48": ((106, 0, 533, 427), 48),
    }
    for number, (name, (box, size)) in enumerate(parts.items()):
        for axis, method in zip(axes[number], ("nearest", "area", "bilinear", "cubic"), strict=True):
            made = resize_boxes(image, torch.tensor([box]), size=(size, size), interpolation=method)[0]
            axis.imshow(made.permute(1, 2, 0).clamp(0, 1).numpy(), interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            label(axis, title="" if number else method, y=name if method == "nearest" else "")
    return Picture(figure, f"Parts of a photograph by nearest, area, bilinear and cubic. {title}.")


def looks(boxes: Sequence[tuple[int, int, int, int, bool]]) -> Picture:
    """What a list of crops shows: its whole squares at scale 256, its crops of one square, how often it sees each pixel.

    Args:
        boxes: (scale, left, top, side, mirrored) for the photograph of a flower, 427 pixels high and 640 wide, in pixels
            of the photograph whose shorter side is resized to `scale`.
    """
    photo = photograph("flower")
    height, width = photo.shape[:2]
    scales, mirrors = len({box[0] for box in boxes}), len({box[4] for box in boxes})
    squares = sorted({box[1:3] for box in boxes if box[0] == box[3] == 256})
    lefts = (0, (352 - 224) // 2, 352 - 224)  # within the left square; those of the other squares lie elsewhere
    six = sorted({box[1:4] for box in boxes if box[0] == 352 and box[1] in lefts}, key=lambda box: box[2])
    title = f"{len(boxes)} looks at one photograph: {scales} scales × {len(squares)} squares × {len(six)} crops × {mirrors} mirror images"
    figure, axes = panels(3, title, width=9.4, height=3)
    for axis in axes:
        axis.imshow(photo)
        axis.set(xticks=[], yticks=[])
    for color, (left, top) in zip((colors.BLUE, colors.ORANGE, colors.GREEN), squares, strict=False):
        _frame(axes[0], (256, left, top, 256), (height, width), color)
    label(axes[0], title=f"{len(squares)} squares (scale 256)")
    for color, box in zip(colors.ARMS, six, strict=False):
        _frame(axes[1], (352, *box), (height, width), color)
    label(axes[1], title=f"{len(six)} crops of the left square (scale 352)")
    for axis in axes[:2]:
        axis.set(xlim=(-12, width + 12), ylim=(height + 12, -12))
    seen = np.zeros((height, width), dtype=int)
    for box in boxes:
        left, top, right, bottom = (round(edge) for edge in _in_photo(box, (height, width)))
        seen[top:bottom, left:right] += 1
    drawn = axes[2].imshow(seen, cmap="viridis", vmin=0)
    figure.colorbar(drawn, ax=axes[2], shrink=0.7)
    label(axes[2], title=f"crops that see a pixel: {seen.min()} to {seen.max()}")
    return Picture(
        figure,
        f"A photograph with {len(squares)} squares of scale 256, with the {len(six)} crops of one square, and a map of how many of "
        f"the {len(boxes)} crops see each pixel: from {seen.min()} in the corners to {seen.max()}.",
    )


def _in_photo(box: Sequence[int], shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) in the pixels of a photograph of (height, width), of a box (scale, left, top, side, ...)."""
    scale, left, top, side = box[:4]
    down, across = (length / round(length * scale / min(shape)) for length in shape)
    return left * across, top * down, (left + side) * across, (top + side) * down


def _frame(axis, box: Sequence[int], shape: tuple[int, int], color: str) -> None:
    left, top, right, bottom = _in_photo(box, shape)
    axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, linewidth=2))


def ensembles() -> Picture:
    """Table 3: the error of one or seven models on one, ten or 144 crops, by how often a network runs."""
    figure, (axis,) = panels(1, "A thousand times the work takes away a third of the error", width=7, height=3.2)
    words = []
    for models, color, marker in ((1, colors.BLUE, "o"), (7, colors.VERMILION, "s")):
        rows = [row for row in TABLE_3 if row.models == models]
        passes = [row.models * row.crops for row in rows]
        name = f"{models} model{'s' if models > 1 else ''}"
        axis.plot(passes, [row.top5_error for row in rows], marker=marker, color=color, label=name)
        for row, count in zip(rows, passes, strict=True):
            where = {"va": "bottom"} if models == 1 else {"va": "top", "ha": "right"}
            text = f"  {row.crops} crop{'s' if row.crops > 1 else ''}  "
            axis.annotate(text, (count, row.top5_error), fontsize=9, **where)
            words.append(f"{name},{text.rstrip()[1:]}: {row.top5_error} %")
    axis.set_xscale("log")
    axis.set_ylim(6, 10.6)
    axis.set_xlim(0.8, 3000)
    axis.legend(frameon=False, fontsize=9)
    label(axis, x="forward passes for one photograph: models × crops", y="top-5 error, % (paper)")
    return Picture(figure, f"Lines. Table 3 of the paper. {'; '.join(words)}.")
