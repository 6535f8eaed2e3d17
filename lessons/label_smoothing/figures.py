"""The pictures of lesson 05. Those that show a learner's function take it as their argument."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.patches import Arc, Patch, Rectangle
from torch import Tensor

from lessons.label_smoothing import paper
from lessons.label_smoothing.small import Trained, on_plane
from lessons.label_smoothing.steps import rmsprop_step
from networks.catalog import create
from utils.data.sets import load
from utils.show import colors
from utils.show.plot import Picture, label, panels
from utils.train.calibration import reliability
from utils.train.loop import loss_of, seeded
from utils.train.recipe import Recipe

SMALL = 8.5  # letters beside a line or a bar
HARD, SMOOTH = colors.BLUE, colors.VERMILION


def what_each_step_brought() -> Picture:
    """The paper's Table 3 from Inception-v2 on: the top-1 error after each further step, and what the step changes."""
    figure, (axis,) = panels(1, "From Inception-v2 to v3: two steps of four change no layer", width=8.4, height=3.6)
    kinds = {"start": colors.GREY, "recipe": colors.ORANGE, "layers": colors.BLUE}
    words, before = [], paper.CUMULATIVE[0].top1
    for place, row in enumerate(paper.CUMULATIVE):
        error, color = row.top1, kinds[row.changes]
        gain = f", {before - error:.1f} points less" if place else ""
        axis.plot([before, before], [-place, min(1 - place, 0)], color=colors.GREY, linewidth=1)
        axis.barh(-place, before - error, left=error, color=color, height=0.7)
        if not place:
            axis.plot(error, 0, "o", color=color, markersize=8)
        axis.annotate(
            f"{error:.1f} %{gain} · {row.billions:.1f} billion operations",
            (before, -place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
        )
        words.append(f"{row.name} {error:.1f} %{gain}, {row.billions:.1f} billion operations")
        before = error
    axis.set_yticks([-place for place in range(len(paper.CUMULATIVE))], [row.name for row in paper.CUMULATIVE])
    axis.set_xlim(min(row.top1 for row in paper.CUMULATIVE) - 0.2, paper.CUMULATIVE[0].top1 + 1.4)
    label(axis, x="top-1 error on ImageNet as the paper prints it, %: a bar is as long as the step")
    handles = [Patch(color=color) for color in kinds.values()]
    names = ["where it starts", "changes the recipe", "changes layers"]
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=SMALL)
    return Picture(figure, f"A staircase, the paper's Table 3. {'. '.join(words)}.")


def loss_by_lead(loss: Callable[[Tensor, Tensor, float], Tensor], classes: int = 10, epsilon: float = 0.1) -> Picture:
    """A loss against the right logit's lead over all others, with hard and with smoothed targets."""
    leads = torch.linspace(-2, 12, 281)
    label_0 = torch.tensor([0])
    figure, (axis,) = panels(
        1, "With a smoothed target there is a best lead; with a hard one more is always better", height=3.4
    )
    words = []
    for smoothing, name, color in ((0.0, "hard target", HARD), (epsilon, f"smoothing {epsilon:g}", SMOOTH)):
        losses = []
        for lead in leads:
            logits = torch.zeros(1, classes)
            logits[0, 0] = lead
            losses.append(float(loss(logits, label_0.clone(), smoothing)))
        axis.plot(leads, losses, color=color, linewidth=2, label=name)
        least = int(np.argmin(losses))
        words.append(
            f"{name}: {losses[least]:.3f} at a lead of {leads[least]:.1f}, {losses[-1]:.3f} at {leads[-1]:.0f}"
        )
        if least < len(losses) - 1:
            axis.plot(leads[least], losses[least], "o", color=color)
            axis.annotate(
                f"smallest at {leads[least]:.1f}", (leads[least], losses[least]), xytext=(0, 10),
                textcoords="offset points", ha="center", fontsize=SMALL, color=color,
            )  # fmt: skip
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=SMALL)
    label(axis, x=f"the right logit's lead over the {classes - 1} others", y="loss of one image, nats")
    return Picture(figure, f"Two curves of the loss. {'; '.join(words)}.")


def leads_by_epsilon(best_lead: Callable[..., float], classes: Sequence[int] = (10, 1000)) -> Picture:
    """The best lead, and the probability that it gives the right class, against epsilon, for both forms of smoothing."""
    epsilons = np.linspace(0.002, 0.98, 200)
    figure, axes = panels(2, "The best lead depends on the number of classes; the confidence hardly does", height=3.4)
    words = []
    for number, count in enumerate(classes):
        curves = {}
        for others_only in (False, True):
            leads = np.array([float(best_lead(float(epsilon), count, others_only)) for epsilon in epsilons])
            curves[others_only] = leads, 1 / (1 + (count - 1) * np.exp(-leads))
            at = float(best_lead(0.1, count, others_only))
            form = "over the others" if others_only else "over all"
            words.append(f"{count} classes, {form}: a lead of {at:.2f} at epsilon 0.1")
        # Curves closer than their own width would hide each other: one is drawn, and named for both.
        one_line = np.abs(curves[True][1] - curves[False][1]).max() < 0.005
        names = ("either form",) if one_line else ("over all", "over the others")
        for (others_only, values), name in zip(curves.items(), names, strict=False):
            for axis, line in zip(axes, values, strict=True):
                style = {"linestyle": "--" if others_only else "-", "color": colors.ARMS[number]}
                axis.plot(epsilons, line, linewidth=2, label=f"{count} classes, {name}", **style)
    for axis in axes:
        axis.axvline(0.1, color=colors.GREY, linewidth=1, linestyle=":")
        axis.grid(alpha=0.3)
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False, fontsize=SMALL)
    label(axes[0], x="ε (dotted: the paper's 0.1)", y="best lead of the right logit")
    label(axes[1], x="ε (dotted: the paper's 0.1)", y="probability of the right class there")
    return Picture(figure, f"Curves against epsilon. {'; '.join(words)}.")


def staircases() -> Picture:
    """The learning rate by epoch, as a share of the first: the schedules of three papers, and a cosine."""
    epochs = paper.EPOCHS
    schedules = {
        f"Inception-v3 and v4: ×{paper.RATE_DECAY} every {paper.RATE_EVERY} epochs": Recipe(
            epochs=epochs,
            schedule="exponential",
            decay=paper.RATE_DECAY,
            decay_every=paper.RATE_EVERY,
            learning_rate=1.0,
        ),
        "GoogLeNet: ×0.96 every 8 epochs": Recipe(
            epochs=epochs, schedule="exponential", decay=0.96, decay_every=8, learning_rate=1.0
        ),
        "half a cosine, common today": Recipe(epochs=epochs, schedule="cosine", learning_rate=1.0),
    }
    times = np.linspace(0, epochs, 2001)[:-1]
    values = {name: [recipe.learning_rate_at(float(time)) for time in times] for name, recipe in schedules.items()}
    left = [rates[-1] for rates in values.values()]
    figure, (axis,) = panels(
        1,
        f"After {epochs} epochs v3's rate is at {100 * left[0]:.0f} % of its start, GoogLeNet's at {100 * left[1]:.0f} %",
        height=3.4,
    )
    for (name, rates), color in zip(values.items(), colors.ARMS, strict=False):
        axis.plot(times, rates, color=color, linewidth=1.8, label=name)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=SMALL)
    label(axis, x="epoch", y="learning rate ÷ the first")
    words = "; ".join(f"{name}: {end:.3f} of the first at the end" for name, end in zip(values, left, strict=True))
    return Picture(figure, f"Staircases that fall with the epochs. {words}.")


def settled_step(step: Callable, gradient: Tensor, epsilon: float, inside: bool) -> Tensor:
    """RMSProp's step over the learning rate for a gradient that has long been the same, without momentum."""
    weight, last, rate, decay, momentum = torch.zeros_like(gradient), torch.zeros_like(gradient), 1.0, 0.9, 0.0
    return step(weight, gradient.clone(), gradient**2, last, rate, epsilon, inside, decay, momentum)[2]


def gradients_at_the_start() -> Tensor:
    """The gradient of each weight of a mini Inception-v3 on its first batch, 64 images of `scales`. (weights,)"""
    data = load("scales", limit=64)
    with seeded(0):
        net = create("inception_v3", size="mini", num_classes=len(data.classes))
        loss, _ = loss_of(net, data.normalise(data.train.images), data.train.labels, Recipe())
        loss.backward()
    return torch.cat([weight.grad.flatten() for weight in net.parameters() if weight.grad is not None])


def steps_by_gradient(step: Callable = rmsprop_step) -> Picture:
    """What RMSProp makes of a gradient, by its epsilon and where that stands, over the gradients of a real network."""
    found = gradients_at_the_start().abs()
    middle = found.median().item()
    figure, axes = panels(
        1, "With ε = 1.0 small gradients move weights as plain SGD would, and a network's are small",
        rows=2, width=8, height=6,
    )  # fmt: skip
    above, below = axes[0, 0], axes[1, 0]
    below.sharex(above)
    gradients = torch.logspace(-7, 1.5, 250, dtype=torch.float64)
    for epsilon, color in ((1.0, SMOOTH), (1e-3, colors.GREEN), (1e-8, HARD)):
        for inside, style in ((True, "-"), (False, "--")):
            name = f"ε = {epsilon:g}, {'inside' if inside else 'outside'}"
            above.plot(
                gradients, settled_step(step, gradients, epsilon, inside), style, color=color, linewidth=1.8, label=name
            )
    above.plot(gradients, gradients, ":", color=colors.BLACK, linewidth=1.5, label="plain SGD")
    above.set(xscale="log", yscale="log", xlim=(1e-7, 30), ylim=(1e-7, 50))
    above.grid(alpha=0.3)
    above.legend(frameon=False, fontsize=SMALL, loc="center left", bbox_to_anchor=(1, 0.5))
    label(above, y="step ÷ learning rate")
    below.hist(found.clamp(min=1e-7).numpy(), bins=np.logspace(-7, 1.5, 86), color=colors.tint(colors.SKY, 0.9))
    for axis in (above, below):
        axis.axvline(middle, color=colors.BLACK, linestyle=":", linewidth=1)
    below.set_ylim(top=1.2 * below.get_ylim()[1])
    below.annotate(
        f"median {middle:.1g}", (middle, below.get_ylim()[1]), xytext=(-5, -4), textcoords="offset points",
        ha="right", va="top", fontsize=SMALL,
    )  # fmt: skip
    label(
        below,
        x="size of the gradient (smaller ones at the left edge)",
        y="weights of a mini Inception-v3,\nfirst batch",
    )
    return Picture(
        figure,
        "Above, RMSProp's step against the gradient: with epsilon 1.0 both forms follow plain SGD's line until gradients of "
        "about 0.1; with smaller epsilons most steps are of one size. Below, on the same axis, a histogram of the gradients "
        f"of a network's weights: the median is {middle:.1g}, the largest {found.max():.1g}.",
    )


def valley(step: Callable = rmsprop_step, *, rate: float = 0.1, steps: int = 80) -> Picture:
    """RMSProp on the valley w²/2: from TensorFlow's way to torch's in two changes, of place and of start, by epsilon."""
    figure, axes = panels(
        2,
        "ε = 1 parts the two ways mostly by its place; at ε = 0.001 only the start of the mean square does",
        height=3.7,
    )
    ways = (
        (True, 1.0, "TensorFlow's: ε inside, mean square from 1", SMOOTH, "-"),
        (False, 1.0, "only the place changed: ε outside, from 1", colors.BLACK, ":"),
        (False, 0.0, "torch's: ε outside, mean square from 0", HARD, "-"),
    )
    words = []
    for axis, epsilon in zip(axes, (1.0, 1e-3), strict=True):
        place, start = differences_in_the_valley(step, epsilon, rate=rate, steps=steps)
        for inside, square, name, color, style in ways:
            path = descent(step, rate=rate, epsilon=epsilon, inside=inside, steps=steps, square=square)
            axis.plot(range(steps + 1), path, style, color=color, linewidth=1.8, label=name)
            words.append(f"epsilon {epsilon:g}, {name}: {', '.join(f'{w:.2f}' for w in path[:4])}, ..., {path[-1]:.3f}")
        axis.axhline(0, color=colors.GREY, linewidth=1)
        axis.grid(alpha=0.3)
        moved = f"the place moves the way by up to {place:.2g}, the start by {start:.2g}"
        words.append(f"epsilon {epsilon:g}: {moved}")
        label(
            axis, x="step", y="weight", title=f"ε = {epsilon:g}: place up to {place:.2g}, start up to {start:.2g} apart"
        )
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=SMALL)
    return Picture(figure, f"Paths into a valley whose bottom is at 0. {'; '.join(words)}.")


def differences_in_the_valley(
    step: Callable, epsilon: float, *, rate: float = 0.1, steps: int = 80
) -> tuple[float, float]:
    """How far the weight's way moves, at most, when epsilon goes outside, and when the mean square then starts at 0."""
    tensorflow, outside, torch_s = (
        np.array(descent(step, rate=rate, epsilon=epsilon, inside=inside, steps=steps, square=square))
        for inside, square in ((True, 1.0), (False, 1.0), (False, 0.0))
    )
    return float(np.abs(tensorflow - outside).max()), float(np.abs(outside - torch_s).max())


def descent(
    step: Callable, *, rate: float, epsilon: float, inside: bool, steps: int, square: float | None = None
) -> list[float]:
    """The weight before the first step and after each one, on the valley w²/2 from w = 3.

    The mean square starts at `square`: where nothing is said, as the library does that has epsilon there.
    """
    weight, last = torch.tensor([3.0], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    begin = float(inside) if square is None else square
    mean_square = torch.full_like(weight, begin)
    path = [weight.item()]
    for _ in range(steps):
        # The slope of w²/2 is w.
        weight, mean_square, last = step(weight, weight.clone(), mean_square, last, rate, epsilon, inside)
        path.append(weight.item())
    return path


def averages(average: Callable) -> Picture:
    """A weight that trembles on its way down, with its moving average; and three ways to begin the average."""
    draws = torch.Generator().manual_seed(0)
    weight, path = torch.tensor([3.0]), []
    for _ in range(400):
        weight = weight - 0.03 * (weight + 4 * torch.randn(1, generator=draws))
        path.append(weight)
    begun = {
        "from zero": (torch.zeros(1), lambda _step: 0.98),
        "from the first weight": (path[0], lambda _step: 0.98),
        "from the first weight, decay rising": (path[0], lambda step: min(0.98, (1 + step) / (10 + step))),
    }
    followed = {}
    for name, (start, decay) in begun.items():
        line, current = [], [start]
        for step, weight in enumerate(path):
            current = average([each.clone() for each in current], [weight.clone()], decay(step))
            line.append(current[0].item())
        followed[name] = line
    values = [weight.item() for weight in path]
    figure, axes = panels(2, "The average trembles less than the weight, and depends on how it begins", height=3.6)
    for axis, last in zip(axes, (400, 60), strict=True):
        axis.plot(values[:last], color=colors.GREY, linewidth=1, alpha=0.8, label="the weight")
        axis.grid(alpha=0.3)
        for (name, line), color in zip(followed.items(), (colors.PURPLE, colors.BLUE, colors.VERMILION), strict=True):
            if last == 60 or name.endswith("rising"):
                axis.plot(line[:last], color=color, linewidth=2, label=name)
        label(axis, x="step", y="weight", title="the whole way" if last == 400 else f"the first {last} steps")
    handles, names = axes[1].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=SMALL)
    scatter = [float(np.std(line[200:])) for line in (values, followed["from the first weight, decay rising"])]
    return Picture(
        figure,
        "A trembling weight and its moving average, decay 0.98. In the last 200 steps the weight scatters by "
        f"{scatter[0]:.2f}, the average by {scatter[1]:.2f}. At step 10 the average begun from zero is at "
        f"{followed['from zero'][9]:.2f}, from the first weight at {followed['from the first weight'][9]:.2f}, the weight at "
        f"{values[9]:.2f}.",
    )


def clipped(clip: Callable) -> Picture:
    """A long gradient of two layers, cut to length 2 in three ways: only one of them keeps its direction."""
    gradient = [torch.tensor([4.0]), torch.tensor([1.5])]
    ways = {
        "as it came": gradient,
        "together, to 2": clip([each.clone() for each in gradient], 2.0),
        "each layer, to 2": [each.clamp(-2, 2) for each in gradient],
    }
    figure, (axis,) = panels(1, "Clipped together, the gradient keeps its direction", width=6.4, height=3.2)
    words = []
    for (name, (first, second)), color in zip(ways.items(), (colors.GREY, colors.VERMILION, colors.BLUE), strict=True):
        point = first.item(), second.item()
        axis.annotate("", point, (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 2.2})
        angle = math.degrees(math.atan2(point[1], point[0]))
        axis.annotate(
            f"{name}\nlength {math.hypot(*point):.2f}, {angle:.0f}°", point, xytext=(6, -12), textcoords="offset points",
            color=color if color != colors.GREY else "#555555", fontsize=SMALL, va="center",
        )  # fmt: skip
        words.append(f"{name}: length {math.hypot(*point):.2f}, {angle:.0f} degrees")
    axis.add_patch(Arc((0, 0), 4, 4, theta1=0, theta2=90, color=colors.GREY, linestyle=":"))
    axis.set(xlim=(0, 5.6), ylim=(-0.2, 2.3), aspect="equal")
    label(axis, x="gradient of one layer", y="gradient of another")
    return Picture(figure, f"Three arrows from one point, and a quarter of a circle of radius 2. {'; '.join(words)}.")


DIGITS = (3, 5, 8)  # the three classes that are drawn: they are the ones most alike
_MARKERS = "osD"


def clusters(networks: Mapping[str, Trained], digits: Sequence[int] = DIGITS) -> Picture:
    """What three classes' images are in front of the classifier, on the plane through the classes' templates.

    Images learned from above, new ones below. A network's two panels share their axes; the last network's frame is drawn,
    in its true size, into the others.
    """
    names, chosen = list(networks), list(digits)
    clouds = {
        (name, part): [
            on_plane(answers.features[answers.labels == digit], network.templates[chosen]).numpy() for digit in chosen
        ]
        for name, network in networks.items()
        for part, answers in (("seen", network.seen), ("new", network.new))
    }
    frames = {name: _frame([*clouds[name, "seen"], *clouds[name, "new"]]) for name in names}
    spread = {name: network.seen.tightness for name, network in networks.items()}
    tightest = min(spread, key=spread.get)
    figure, axes = panels(
        len(names), f"Of the images that they learned from, {tightest} draws each class to the tighter cloud",
        rows=2, height=7.6, width=8,
    )  # fmt: skip
    words = []
    first, second, third = chosen
    for row, part in enumerate(("seen", "new")):
        for axis, name in zip(axes[row], names, strict=True):
            answers = getattr(networks[name], part)
            for cloud, digit, color, marker in zip(
                clouds[name, part], chosen, (colors.BLUE, colors.VERMILION, colors.GREEN), _MARKERS, strict=True
            ):
                axis.scatter(*cloud.T, s=14, color=color, marker=marker, alpha=0.6, linewidth=0, label=f"{digit}")
            x, y, side = frames[name]
            axis.set(xlim=(x, x + side), ylim=(y, y + side), aspect="equal")
            axis.grid(alpha=0.3)
            if name != names[-1]:
                x, y, side = frames[names[-1]]
                axis.add_patch(Rectangle((x, y), side, side, fill=False, linestyle="--", color=colors.BLACK))
                if part == "seen":
                    middle = x + side / 2, y + side / 2
                    words_in = names[-1].replace(" ", "\n")  # in one line they are wider than the square
                    axis.annotate(f"{words_in}:\nall in here", middle, ha="center", va="center", fontsize=8.5)
            images = "learned from" if part == "seen" else "never seen"
            side_of = f"across, towards {third}" if axis is axes[row][0] else ""
            label(
                axis, x=f"along {first} → {second}" if row else "", y=side_of,
                title=f"{name}: images {images}. Spread {answers.tightness:.3f}",
            )  # fmt: skip
            words.append(f"{name}, images {images}: spread {answers.tightness:.3f}")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, [f"digit {each}" for each in labels], loc="outside lower center", ncols=3, frameon=False)
    sizes = "; ".join(f"{name} fills a square of side {frames[name][2]:.0f}" for name in names)
    return Picture(figure, f"Clouds of points, one for each digit. {'; '.join(words)}. {sizes}.")


def _frame(clouds: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Left, bottom and side of a square around all points, with a margin."""
    points = np.concatenate(clouds)
    low, high = points.min(axis=0), points.max(axis=0)
    side = 1.1 * (high - low).max()
    x, y = (low + high) / 2 - side / 2
    return float(x), float(y), float(side)


def reliability_diagrams(networks: Mapping[str, Trained], bins: int = 10) -> Picture:
    """Accuracy against confidence on new images, bin by bin, with each bin's number of images, for several networks."""
    figure, axes = panels(
        2, "Below the diagonal a network is too sure of itself, above it not sure enough", rows=math.ceil(len(networks) / 2),
        width=8.4, height=0.6 + 3.1 * math.ceil(len(networks) / 2),
    )  # fmt: skip
    words = []
    flat = np.ravel(axes)
    for axis in flat[len(networks) :]:
        axis.set_visible(False)
    for axis, (name, network) in zip(flat, networks.items(), strict=False):
        found = reliability(network.new.probabilities, network.new.labels, bins)
        shares = (found.count / found.count.sum()).numpy()
        heights = found.accuracy.nan_to_num().numpy()
        axis.bar(
            found.low.numpy(), heights, width=1 / bins, align="edge", edgecolor="white",
            color=[colors.tint(colors.BLUE, 0.25 + 0.6 * min(1, 3 * share)) for share in shares],
        )  # fmt: skip
        for low, height, count in zip(found.low.tolist(), heights, found.count.int().tolist(), strict=True):
            if count:
                axis.annotate(
                    f"{count}", (low + 0.5 / bins, height), xytext=(0, 1), textcoords="offset points", ha="center",
                    va="bottom", fontsize=8.5,
                    bbox={"facecolor": "white", "linewidth": 0, "pad": 0, "alpha": 0.8},
                )  # fmt: skip
        axis.plot([0, 1], [0, 1], color=colors.BLACK, linewidth=1, linestyle=":")
        axis.set(xlim=(0, 1), ylim=(0, 1.09), yticks=[0, 0.2, 0.4, 0.6, 0.8, 1])
        label(
            axis, x="confidence, 0 to 1", y="share that is right",
            title=f"{name}: calibration error {found.expected_error:.3f}",
        )  # fmt: skip
        words.append(
            f"{name}: calibration error {found.expected_error:.3f}, accuracy {network.new.accuracy:.3f}, confidence "
            f"{network.new.confidence:.3f}"
        )
    return Picture(figure, f"Bars against the diagonal, on each the number of its images. {'; '.join(words)}.")


def logits_of_one_image(networks: Mapping[str, Trained], digit: int = 3) -> Picture:
    """The ten logits of one image that the networks learned from, each network's as bars."""
    chosen = {name: network.seen.logits[network.seen.labels == digit][0].tolist() for name, network in networks.items()}
    others = {name: [value for k, value in enumerate(logits) if k != digit] for name, logits in chosen.items()}
    # How far the others scatter, for the lead of the right one: the scales of the networks' logits differ.
    scatter = {name: np.std(others[name]) / (logits[digit] - np.mean(others[name])) for name, logits in chosen.items()}
    most_even = min(scatter, key=scatter.get)
    figure, axes = panels(
        len(networks), f"One image of a {digit}: {most_even} leaves the nine others most alike", height=3.1
    )
    words = []
    for axis, (name, logits) in zip(axes, chosen.items(), strict=True):
        axis.bar(range(len(logits)), logits, color=[colors.VERMILION if k == digit else colors.GREY for k in range(10)])
        for place, value in enumerate(logits):
            side = 1 if value >= 0 else -1
            axis.annotate(
                f"{value:.1f}", (place, value), xytext=(0, 2 * side), textcoords="offset points", ha="center",
                va="bottom" if side > 0 else "top", fontsize=8.5,
            )  # fmt: skip
        axis.axhline(0, color=colors.BLACK, linewidth=0.8)
        axis.margins(y=0.12)
        axis.set_xticks(range(len(logits)))
        label(axis, x="class", y="logit", title=name)
        words.append(f"{name}: {', '.join(f'{value:.1f}' for value in logits)}")
    return Picture(figure, f"Ten bars for each network, the logits of the classes 0 to 9. {'; '.join(words)}.")
