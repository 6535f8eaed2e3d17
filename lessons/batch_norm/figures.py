"""The pictures of lesson 03."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lessons.batch_norm import drift, whitening
from lessons.batch_norm.companions import accuracy_in
from lessons.batch_norm.doubt import EARLY, Study, early_accuracy, mean_of
from networks import measure
from utils.cost import units
from utils.cost.table import Cost, Table, total
from utils.data.dataset import Data
from utils.data.photo import photograph
from utils.show import colors
from utils.show.plot import Picture, label, panels
from utils.train.loop import Run, seeded

# As in the experiments, whose first arm is the one without.
WITHOUT, WITH = colors.ARMS[:2]
NAMES = {True: "with normalisation", False: "without"}
COLORS = {True: WITH, False: WITHOUT}
DEPTH, WIDTH = 10, 16  # of the network that is looked at before it learns anything


def drifting_inputs() -> Picture:
    """Figure 1 of the paper, on digits: what one sigmoid of the last hidden layer gets while the network learns."""
    runs = {normalised: drift.follow(normalised=normalised) for normalised in (False, True)}
    figure, axes = panels(
        3, "While a network learns, what a unit gets wanders; normalised, it stays where it is", width=9.5, height=3.1
    )
    for axis, (normalised, run) in zip(axes, runs.items(), strict=False):
        low, median, high = run.inputs[:, :, 0].T  # of the first unit
        axis.fill_between(run.steps, low, high, color=colors.tint(COLORS[normalised]), linewidth=0)
        axis.plot(run.steps, median, color=COLORS[normalised], linewidth=2)
        label(axis, x="steps of training", y="what the unit gets", title=NAMES[normalised])
        axes[2].plot(run.steps, run.accuracy, color=COLORS[normalised], label=NAMES[normalised])
    axes[0].sharey(axes[1])
    axes[0].autoscale()
    axes[2].legend(frameon=False, fontsize=9, loc="lower right")
    label(axes[2], x="steps of training", y="test accuracy, %")
    words = "; ".join(
        f"{NAMES[normalised]}: the unit's median goes from {run.inputs[0, 1, 0]:.1f} to {run.inputs[-1, 1, 0]:.1f}, "
        f"lowest {run.inputs[:, 1, 0].min():.1f}, highest {run.inputs[:, 1, 0].max():.1f}, and the accuracy ends at "
        f"{run.accuracy[-1]:.1f} per cent"
        for normalised, run in runs.items()
    )
    return Picture(figure, f"Bands from the 15th to the 85th percentile, with the median, over 1,000 steps. {words}.")


def whitening_cost(channels: Sequence[int] = (16, 32, 64, 128, 192), *, images: int = 16, side: int = 28) -> Picture:
    """Whitening beside batch normalisation, counted, and timed on this machine's CPU without gradients."""
    values = images * side**2
    counted = {
        False: [units.count(whitening.macs_of_whitening(each, values)) for each in channels],
        True: [units.count(whitening.macs_of_normalising(each, values)) for each in channels],
    }
    batches = [torch.randn(images, each, side, side) for each in channels]
    timed = {
        False: [whitening.milliseconds(lambda x=x: whitening.whiten(x)) for x in batches],
        True: [
            whitening.milliseconds(lambda x=x: nn.functional.batch_norm(x, None, None, training=True)) for x in batches
        ],
    }
    names = {False: "whitening", True: "batch normalisation"}
    ratio = counted[False][-1] / counted[True][-1], timed[False][-1] / timed[True][-1]
    figure, axes = panels(
        2,
        f"At {channels[-1]} channels, whitening needs {ratio[0]:.0f} times the {units.words()} and takes {ratio[1]:.1f} "
        "times as long",
        width=8.4,
    )
    words = []
    for axis, what, unit in ((axes[0], counted, units.words()), (axes[1], timed, "milliseconds")):
        for is_batch_norm, numbers in what.items():
            axis.plot(channels, numbers, marker="o", color=COLORS[is_batch_norm], label=names[is_batch_norm])
            words.append(f"{names[is_batch_norm]}, {unit}: {', '.join(f'{number:.3g}' for number in numbers)}")
        axis.set(xscale="log", yscale="log")
        axis.set_xticks(channels, channels)
        axis.minorticks_off()
        label(axis, x=f"channels, each with {images} grids of {side} × {side}", y=unit)
    axes[0].legend(frameon=False, fontsize=9)
    return Picture(figure, f"Lines over {', '.join(map(str, channels))} channels. {'; '.join(words)}.")


def new_network(gain: float, norm: Callable[[int], nn.Module] | None, *, seed: int = 0) -> nn.Sequential:
    """(N, 3, H, W) -> (N, WIDTH, H, W): DEPTH layers as they are before training, convolution, `norm` if any, ReLU.

    `gain` 1 is Kaiming initialisation, under which ReLU layers keep their size on average; other gains multiply it.
    """
    layers = []
    with seeded(seed):
        for number in range(DEPTH):
            conv = nn.Conv2d(3 if number == 0 else WIDTH, WIDTH, 3, padding=1, bias=False, padding_mode="reflect")
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            conv.weight.data *= gain
            layers.append(nn.Sequential(conv, *([norm(WIDTH)] if norm else []), nn.ReLU()))
    return nn.Sequential(*layers)


def crops(side: int = 64) -> Tensor:
    """(8, 3, side, side): parts of the two photographs, centred and scaled; the first has the pagoda in it."""
    images = []
    for name in ("china", "flower"):
        photo = torch.tensor(photograph(name, 2 * side)).float().permute(2, 0, 1)
        corners = [(top, left) for top in (0, side) for left in (0, side)]
        images += [photo[:, top : top + side, left : left + side] for top, left in corners]
    batch = torch.stack(images)
    return (batch - batch.mean(dim=(0, 2, 3), keepdim=True)) / batch.std(dim=(0, 2, 3), keepdim=True)


@torch.no_grad()
def before_relu(net: nn.Sequential, x: Tensor) -> list[Tensor]:
    """What each layer's ReLU gets."""
    inputs = []
    for layer in net:
        inputs.append(layer[:-1](x))
        x = layer[-1](inputs[-1])
    return inputs


def activations_by_depth(norm: Callable[[int], nn.Module], *, gain: float = 0.5) -> Picture:
    """Histograms of what the ReLUs get, from the first layer to the last, without and with normalisation."""
    shown = (1, 2, 4, 7, 10)
    figure, axes = panels(
        len(shown), f"First weights {gain:g} times Kaiming's: without normalisation the values fade, with it they stay",
        width=9.5, height=3.9, rows=2,
    )  # fmt: skip
    words = []
    for row, normalised in zip(axes, (False, True), strict=True):
        layers = before_relu(new_network(gain, norm if normalised else None), crops())
        for axis, number in zip(row, shown, strict=True):
            values = layers[number - 1].flatten()
            axis.hist(values.numpy(), bins=60, range=(-4, 4), color=COLORS[normalised])
            axis.set(yticks=[], xlim=(-4, 4))
            axis.spines["left"].set_visible(False)
            label(
                axis,
                title=f"layer {number}\ndeviation {values.std():.2g}",
                y=NAMES[normalised] if number == shown[0] else "",
                x="what the ReLU gets" if normalised else "",
            )
            words.append(f"{NAMES[normalised]}, layer {number}: standard deviation {values.std():.2g}")
    return Picture(figure, f"Histograms in two rows. {'; '.join(words)}.")


def spread_by_depth(norm: Callable[[int], nn.Module], *, gains: Sequence[float] = (0.5, 1.0, 2.0)) -> Picture:
    """The standard deviation of what the ReLUs get, layer by layer, for several sizes of the first weights."""
    figure, axes = panels(2, "Without normalisation the first weights decide the size; with it they do not", width=8.4)
    words = []
    for axis, normalised in zip(axes, (False, True), strict=True):
        for gain, line in zip(gains, ("--", "-", ":"), strict=True):
            layers = before_relu(new_network(gain, norm if normalised else None), crops())
            spread = [values.std().item() for values in layers]
            axis.plot(range(1, DEPTH + 1), spread, line, marker="o", markersize=4, color=COLORS[normalised],
                      label=f"weights × {gain:g}")  # fmt: skip
            words.append(
                f"{NAMES[normalised]}, weights times {gain:g}: {spread[0]:.2g} at first, {spread[-1]:.2g} at last"
            )
        axis.set(yscale="log", ylim=(1e-4, 1e4))
        axis.legend(frameon=False, fontsize=9)
        label(axis, x="layer", y="standard deviation", title=NAMES[normalised])
    axes[1].annotate("all three lines on one another", (5.5, 0.06), ha="center", fontsize=9)
    return Picture(figure, f"Lines over {DEPTH} layers, on a logarithmic scale. {'; '.join(words)}.")


def photograph_by_depth(norm: Callable[[int], nn.Module], *, gain: float = 0.5) -> Picture:
    """One channel after each of several layers of a network that has learned nothing, all on one scale of grey."""
    shown = (1, 2, 3, 4, 6)
    figure, axes = panels(
        len(shown) + 1, "One channel, layer by layer: without normalisation the photograph goes dark",
        width=9.5, height=3.5, rows=2,
    )  # fmt: skip
    photo = crops(96)
    for row, normalised in zip(axes, (False, True), strict=True):
        layers = before_relu(new_network(gain, norm if normalised else None), photo)
        brightest = layers[0][0].clamp(min=0).quantile(0.99).item()
        picture = photo[0].permute(1, 2, 0).numpy()
        row[0].imshow(np.clip((picture + 2) / 4, 0, 1))
        label(row[0], title="input", y=NAMES[normalised])
        for axis, number in zip(row[1:], shown, strict=True):
            values = layers[number - 1][0].clamp(min=0)
            channel = values.mean(dim=(1, 2)).argmax()
            axis.imshow(values[channel].numpy(), cmap="gray", vmin=0, vmax=brightest)
            label(axis, title=f"layer {number}")
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    return Picture(
        figure,
        "A photograph of a pagoda and one channel after layers 1, 2, 3, 4 and 6, all on the same scale of grey, in two "
        "rows. Without normalisation it is black after a few layers; with it the outlines stay visible.",
    )


def two_networks() -> Picture:
    """GoogLeNet and BN-Inception, stage by stage: parameters and multiply-adds (variants "paper")."""
    tables = {"GoogLeNet": measure.cost("googlenet"), "BN-Inception": measure.cost("bn_inception")}
    stages = {name: _by_grid(table) for name, table in tables.items()}
    grids = list(next(iter(stages.values())))
    old, new = stages.values()
    most = max(grids, key=lambda grid: new[grid].macs - old[grid].macs)
    more = tables["BN-Inception"].macs / tables["GoogLeNet"].macs - 1
    figure, axes = panels(
        2, f"BN-Inception takes {more:.0%} more {units.words()}, above all in its modules {most}", width=9
    )
    words = []
    for axis, what, unit in (
        (axes[0], "parameters", "parameters, millions"),
        (axes[1], "macs", f"{units.words()}, millions"),
    ):
        for position, (name, by_grid) in enumerate(stages.items()):
            numbers = [units.of(by_grid[grid], what) / 1e6 for grid in grids]
            places = np.arange(len(grids)) + (position - 0.5) * 0.38
            axis.bar(places, numbers, width=0.36, color=(WITHOUT, WITH)[position], label=name)
            for place, number in zip(places, numbers, strict=True):
                text = f"{number:.2g}" if number < 10 else f"{number:.0f}"
                axis.annotate(text, (place, number), ha="center", va="bottom", fontsize=8.5)
            words.append(f"{name}, {unit}: " + ", ".join(f"{g} {n:.3g}" for g, n in zip(grids, numbers, strict=True)))
        axis.set_xticks(range(len(grids)), grids)
        label(axis, x="stages", y=unit)
    axes[0].legend(frameon=False, fontsize=9)
    return Picture(figure, f"Bars. {'; '.join(words)}.")


def _by_grid(table: Table) -> dict[str, Cost]:
    """A network's cost before the modules, in those of each grid, and behind them."""
    groups = {"stem": ("conv", "pool"), "3": ("inception_3",), "4": ("inception_4",), "5": ("inception_5",), "end": ()}
    found: dict[str, list[Cost]] = {name: [] for name in groups}
    for stage, cost in table.by_stage().items():
        group = next((name for name, starts in groups.items() if starts and stage.startswith(starts)), "end")
        found[group].append(cost)
    return {name: total(costs) for name, costs in found.items()}


def batch_noise(values: Tensor, sizes: Sequence[int] = (2, 4, 8, 16, 32, 64, 128), *, draws: int = 200) -> Picture:
    """How far the mean of a batch lies from the mean of all images, for batches of several sizes.

    values: (N, C, H, W), what a normalisation gets from many images; of each channel's distances the root of the mean
    square is taken, in units of the channel's standard deviation, and the mean of all channels is drawn.
    """
    generator = torch.Generator().manual_seed(0)
    means = values.mean(dim=(2, 3))  # of each image
    everything, spread = means.mean(dim=0), values.std(dim=(0, 2, 3))
    found = []
    for size in sizes:
        chosen = torch.randint(len(values), (draws, size), generator=generator)
        distance = means[chosen].mean(dim=1) - everything
        found.append((distance.square().mean(dim=0).sqrt() / spread).mean().item())
    independent = [found[0] * (sizes[0] / size) ** 0.5 for size in sizes]
    figure, (axis,) = panels(
        1, f"A batch of {sizes[0]} misses the mean by {found[0]:.2f} standard deviations, one of {sizes[-1]} by "
        f"{found[-1]:.2f}", width=6.5, height=3.4,
    )  # fmt: skip
    axis.plot(sizes, found, "o", color=WITH, label="measured")
    axis.plot(sizes, independent, color=colors.GREY, linewidth=1, label="falling with the root of the size")
    axis.set(xscale="log", yscale="log")
    axis.set_xticks(sizes, sizes)
    low, high = 0.7 * min(found), 1.5 * max(found)
    marks = [mark for mark in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1) if low <= mark <= high]
    axis.set_ylim(low, high)
    for place in (0, -1):
        axis.annotate(
            f"{found[place]:.2f}", (sizes[place], found[place]), (0, 6), textcoords="offset points", ha="center"
        )
    axis.set_yticks(marks, marks)
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=9)
    label(axis, x="images in a batch", y="error of the mean, standard deviations")
    points = ", ".join(f"{size}: {error:.3g}" for size, error in zip(sizes, found, strict=True))
    return Picture(
        figure, f"Dots on a falling line, both scales logarithmic. Error of the mean by batch size: {points}."
    )


def two_modes(net: nn.Module, data: Data, sizes: Sequence[int] = (2, 4, 8, 16, 32)) -> Picture:
    """A trained network's accuracy with each batch's own statistics, by the batch's size, and with the running ones."""
    own = [accuracy_in(net, data, size, training=True) for size in sizes]
    running = accuracy_in(net, data, sizes[-1], training=False)
    figure, (axis,) = panels(
        1, f"In training mode the answers depend on the batch: {own[0]:.0f} % at {sizes[0]} images, {own[-1]:.0f} % at "
        f"{sizes[-1]}", width=6.5, height=3.4,
    )  # fmt: skip
    axis.plot(sizes, own, "o-", color=colors.PURPLE, label="training mode: the batch's own statistics")
    axis.axhline(running, color=colors.GREEN, label="evaluation mode: the running statistics")
    axis.set(xscale="log", ylim=(0, 100))
    axis.set_xticks(sizes, sizes)
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=9, loc="upper left")
    label(axis, x="images in a batch", y="test accuracy, %")
    points = ", ".join(f"{size}: {value:.1f}" for size, value in zip(sizes, own, strict=True))
    return Picture(
        figure, f"A line and a level. Test accuracy in per cent by batch size in training mode, {points}; in evaluation "
        f"mode {running:.1f} at any size."
    )  # fmt: skip


def three_networks(studies: Mapping[str, Sequence[Study]]) -> Picture:
    """The arms of `doubt`: accuracy by step, how far a layer's inputs move in a step, how smooth the loss is."""
    moves = {arm: mean_of(runs, "inputs_move") for arm, runs in studies.items()}
    smoothness = {arm: mean_of(runs, "smoothness") for arm, runs in studies.items()}
    early = {arm: early_accuracy(runs) for arm, runs in studies.items()}
    step = next(iter(studies.values()))[0].steps[EARLY]
    said = ", ".join(f"{arm} {value:.0f} %" for arm, value in early.items())
    figure, axes = panels(3, f"Accuracy after {step} steps: {said}", width=9.5, height=3.2)
    places = range(len(studies))
    for position, (arm, runs) in enumerate(studies.items()):
        accuracy = np.array([run.accuracy for run in runs])
        color = colors.ARMS[position]
        axes[0].fill_between(
            runs[0].steps, accuracy.min(axis=0), accuracy.max(axis=0), color=color, alpha=0.25, linewidth=0
        )
        axes[0].plot(runs[0].steps, accuracy.mean(axis=0), color=color, label=arm)
        for axis, values in ((axes[1], moves), (axes[2], smoothness)):
            axis.bar(position, values[arm], color=color, width=0.6)
            axis.annotate(f"{values[arm]:.2g}", (position, values[arm]), ha="center", va="bottom", fontsize=9)
    for axis in axes[1:]:
        axis.set_xticks(places, list(studies))
    axes[0].legend(frameon=False, fontsize=9, loc="lower right")
    label(axes[0], x="steps of training", y="test accuracy, %")
    label(axes[1], y="standard deviations a step", title="how far a layer's inputs move")
    label(axes[2], y="gradient's change / distance", title="effective smoothness, low is smooth")
    words = "; ".join(
        f"{arm}: accuracy {early[arm]:.0f} per cent after {step} steps, inputs move {moves[arm]:.2g} standard deviations a "
        f"step, effective smoothness {smoothness[arm]:.2g}"
        for arm in studies
    )
    return Picture(figure, f"Lines and bars for three networks. {words}.")


def walks(runs: Mapping[str, Sequence[Study | Run]]) -> Picture:
    """Along the gradient, over training: loss range, gradient change and smoothness of each arm, the median of its runs.

    The runs' measures are those of `lessons.batch_norm.landscape`, lists over training.
    """

    def middle(arm: str, name: str) -> np.ndarray:
        return np.median([np.asarray(run.measures[name], dtype=float) for run in runs[arm]], axis=0)

    spans = {arm: np.median(middle(arm, "loss_high") / np.maximum(middle(arm, "loss_low"), 1e-9)) for arm in runs}
    said = ", ".join(f"{arm} {span:.2g}" for arm, span in spans.items())
    figure, axes = panels(3, f"Highest loss over lowest on a walk along the gradient: {said}", width=9.5, height=3.5)
    words = []
    drawn = (
        (axes[0], "loss_low", "loss_high", "loss after the steps"),
        (axes[1], "gradient_change_low", "gradient_change_high", "change of the gradient"),
        (axes[2], None, "smoothness", "effective smoothness"),
    )
    for axis, low, high, what in drawn:
        for position, arm in enumerate(runs):
            top, color = middle(arm, high), colors.ARMS[position]
            looks = np.linspace(0, 1, len(top) + 1)[1:] * 100
            if low:
                axis.fill_between(looks, middle(arm, low), top, color=color, alpha=0.45, linewidth=0)
            else:
                axis.plot(looks, top, color=color, label=arm)
            words.append(f"{what}, {arm}: highest {np.nanmax(top):.3g}, median {np.nanmedian(top):.3g}")
        if low:
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(lambda value, _position: f"{value:g}")
        else:
            axis.set_ylim(bottom=0)
        label(axis, x="% of training", y="" if low else "gradient's change / distance", title=what)
    figure.legend(
        *axes[2].get_legend_handles_labels(), loc="outside lower center", ncols=len(runs), frameon=False, fontsize=9
    )
    number = len(next(iter(runs.values())))
    of = "one run" if number == 1 else f"the median of {number} runs"
    return Picture(
        figure,
        f"Two bands and a line for each network over training, {of}, the bands on logarithmic scales. Median of highest loss over "
        f"lowest: {said}. {'; '.join(words)}.",
    )
