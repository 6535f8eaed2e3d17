"""The pictures of lesson 05. Those that show a learner's function take it as their argument."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.patches import Arc, Patch
from torch import Tensor

from lessons.catalog import create
from lessons.label_smoothing import paper
from lessons.label_smoothing.small import Trained, on_plane
from lessons.label_smoothing.steps import rmsprop_step
from utils import colors
from utils.calibration import reliability
from utils.data import load
from utils.plot import Picture, label, panels
from utils.recipe import Recipe
from utils.train import loss_of, seeded

SMALL = 8.5  # letters beside a line or a bar
HARD, SMOOTH = colors.BLUE, colors.VERMILION


def what_each_step_brought() -> Picture:
    """The paper's Table 3 from Inception-v2 on: the top-1 error after each further step, and what the step changes."""
    figure, (axis,) = panels(1, "From Inception-v2 to v3: two steps of four change no layer", width=8.4, height=3.6)
    kinds = {"start": colors.GREY, "recipe": colors.ORANGE, "layers": colors.BLUE}
    words, before = [], None
    for place, row in enumerate(paper.CUMULATIVE):
        error = row.top1
        axis.barh(-place, error, color=kinds[row.changes], height=0.7)
        gain = "" if before is None else f", {before - error:.1f} points less"
        axis.annotate(
            f" {error:.1f} %{gain} · {row.billions:.1f} billion operations",
            (error, -place),
            va="center",
            fontsize=SMALL,
        )
        words.append(f"{row.name} {error:.1f} %, {row.billions:.1f} billion operations")
        before = error
    axis.set_yticks([-place for place in range(len(paper.CUMULATIVE))], [row.name for row in paper.CUMULATIVE])
    axis.set_xlim(18, 26.8)
    label(axis, x="top-1 error on ImageNet as the paper prints it, % (the axis begins at 18)")
    handles = [Patch(color=color) for color in kinds.values()]
    names = ["where it starts", "changes the recipe", "changes layers"]
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=SMALL)
    return Picture(figure, f"Bars, the paper's Table 3. {'. '.join(words)}.")


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
            losses.append(float(loss(logits, label_0, smoothing)))
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
        for others_only, style in ((False, "-"), (True, "--")):
            form = "over the others" if others_only else "over all"
            leads = np.array([float(best_lead(float(epsilon), count, others_only)) for epsilon in epsilons])
            color = colors.ARMS[number]
            axes[0].plot(epsilons, leads, style, color=color, linewidth=2, label=f"{count} classes, {form}")
            axes[1].plot(epsilons, 1 / (1 + (count - 1) * np.exp(-leads)), style, color=color, linewidth=2)
            at = float(best_lead(0.1, count, others_only))
            words.append(f"{count} classes, {form}: a lead of {at:.2f} at epsilon 0.1")
    for axis in axes:
        axis.axvline(0.1, color=colors.GREY, linewidth=1, linestyle=":")
        axis.grid(alpha=0.3)
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False, fontsize=SMALL)
    label(axes[0], x="ε (dotted: the paper's 0.1)", y="best lead of the right logit")
    label(axes[1], x="ε", y="probability of the right class there")
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
    zero, rate, decay, momentum = torch.zeros_like(gradient), 1.0, 0.9, 0.0
    return step(zero, gradient, gradient**2, zero, rate, epsilon, inside, decay, momentum)[2]


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
        2, "With ε = 1.0 small gradients move weights as plain SGD would, and a network's are small", height=3.5
    )
    gradients = torch.logspace(-5, 1.5, 200, dtype=torch.float64)
    for epsilon, color in ((1.0, SMOOTH), (1e-3, colors.GREEN), (1e-8, HARD)):
        for inside, style in ((True, "-"), (False, "--")):
            name = f"ε = {epsilon:g}, {'inside' if inside else 'outside'}"
            axes[0].plot(
                gradients, settled_step(step, gradients, epsilon, inside), style, color=color, linewidth=1.8, label=name
            )
    axes[0].plot(gradients, gradients, ":", color=colors.BLACK, linewidth=1.5, label="plain SGD")
    axes[0].set(xscale="log", yscale="log", ylim=(1e-5, 5))
    axes[0].grid(alpha=0.3)
    axes[0].legend(frameon=False, fontsize=7.5)
    label(axes[0], x="size of the gradient", y="step ÷ learning rate")
    axes[1].hist(found[found > 0].log10().clamp(min=-7).numpy(), bins=60, color=colors.tint(colors.SKY, 0.9))
    axes[1].axvline(math.log10(middle), color=colors.BLACK, linestyle=":")
    axes[1].annotate(
        f" median {middle:.1g}", (math.log10(middle), 0), xytext=(0, 8), textcoords="offset points", fontsize=SMALL
    )
    axes[1].xaxis.set_major_formatter(lambda value, _position: f"$10^{{{value:.0f}}}$")
    label(axes[1], x="size of the gradient, mini Inception-v3, first batch", y="weights")
    return Picture(
        figure,
        "Left, RMSProp's step against the gradient: with epsilon 1.0 both forms follow plain SGD's line until gradients of "
        "about 0.1; with smaller epsilons most steps are of one size. Right, a histogram of the gradients of a network's "
        f"weights: the median is {middle:.1g}, the largest {found.max():.1g}.",
    )


def valley(step: Callable = rmsprop_step, *, rate: float = 0.1, steps: int = 80) -> Picture:
    """RMSProp on the valley w²/2, step by step, with epsilon inside and outside, at 1.0 and at 0.001."""
    figure, axes = panels(
        2, "The same settings, two libraries: where ε stands changes the way into the valley", height=3.3
    )
    words = []
    for axis, epsilon in zip(axes, (1.0, 1e-3), strict=True):
        for inside, name, color in (
            (True, "inside, mean square starts at 1 (TensorFlow)", SMOOTH),
            (False, "outside, mean square starts at 0 (torch)", HARD),
        ):
            path = descent(step, rate=rate, epsilon=epsilon, inside=inside, steps=steps)
            axis.plot(range(steps + 1), path, "-o", ms=2.5, color=color, linewidth=1.4, label=name)
            words.append(f"epsilon {epsilon:g} {name}: {', '.join(f'{w:.2f}' for w in path[:4])}, ..., {path[-1]:.3f}")
        axis.axhline(0, color=colors.GREY, linewidth=1, linestyle=":")
        axis.grid(alpha=0.3)
        label(axis, x="step", y="weight", title=f"ε = {epsilon:g}")
    axes[0].legend(frameon=False, fontsize=SMALL)
    return Picture(figure, f"Paths into a valley whose bottom is at 0. {'; '.join(words)}.")


def descent(step: Callable, *, rate: float, epsilon: float, inside: bool, steps: int) -> list[float]:
    """The weight before the first step and after each one, on the valley w²/2 from w = 3."""
    weight, last = torch.tensor([3.0], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    mean_square = torch.ones_like(weight) if inside else torch.zeros_like(weight)
    path = [weight.item()]
    for _ in range(steps):
        # The slope of w²/2 is w.
        weight, mean_square, last = step(weight, weight, mean_square, last, rate, epsilon, inside)
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
            current = average(current, [weight], decay(step))
            line.append(current[0].item())
        followed[name] = line
    values = [weight.item() for weight in path]
    figure, axes = panels(2, "The average trembles less than the weight, and depends on how it begins", height=3.3)
    for axis, last in zip(axes, (400, 60), strict=True):
        axis.plot(values[:last], color=colors.GREY, linewidth=1, alpha=0.8, label="the weight")
        axis.grid(alpha=0.3)
        for (name, line), color in zip(followed.items(), (colors.PURPLE, colors.BLUE, colors.VERMILION), strict=True):
            if last == 60 or name.endswith("rising"):
                axis.plot(line[:last], color=color, linewidth=2, label=name)
        axis.legend(frameon=False, fontsize=SMALL)
        label(axis, x="step", y="weight", title="the whole way" if last == 400 else f"the first {last} steps")
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
        "together, to 2": clip(gradient, 2.0),
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
    """What three classes' images are in front of the classifier, on the plane through the classes' templates."""
    names = list(networks)
    figure, axes = panels(
        len(names), f"In front of the classifier: the digits {', '.join(map(str, digits))} on the plane of their templates",
        rows=2, height=6.2,
    )  # fmt: skip
    words = []
    for row, part in enumerate(("seen", "new")):
        for axis, name in zip(axes[row], names, strict=True):
            network = networks[name]
            answers = getattr(network, part)
            for digit, color, marker in zip(
                digits, (colors.BLUE, colors.VERMILION, colors.GREEN), _MARKERS, strict=True
            ):
                points = on_plane(answers.features[answers.labels == digit], network.templates[list(digits)])
                axis.scatter(*points.T, s=14, color=color, marker=marker, alpha=0.6, linewidth=0, label=f"{digit}")
            images = "learned from" if part == "seen" else "never seen"
            axis.set_aspect("equal", adjustable="datalim")
            axis.grid(alpha=0.3)
            label(axis, title=f"{name}: images {images}. Spread {answers.tightness:.3f}")
            words.append(f"{name}, images {images}: spread {answers.tightness:.3f}")
    axes[0][0].legend(frameon=False, fontsize=SMALL, title="digit", title_fontsize=SMALL)
    for axis in axes[1]:
        label(axis, x="from the first template to the second", title=axis.get_title())
    return Picture(figure, f"Clouds of points, one for each digit. {'; '.join(words)}.")


def reliability_diagrams(networks: Mapping[str, Trained], bins: int = 10) -> Picture:
    """Accuracy against confidence on new images, bin by bin, for several networks."""
    figure, axes = panels(
        len(networks), "Below the diagonal a network is too sure of itself, above it not sure enough",
        width=2.3 * len(networks) + 0.4, height=3.1,
    )  # fmt: skip
    words = []
    for axis, (name, network) in zip(axes, networks.items(), strict=True):
        found = reliability(network.new.probabilities, network.new.labels, bins)
        shares = (found.count / found.count.sum()).numpy()
        axis.bar(
            found.low.numpy(), found.accuracy.nan_to_num().numpy(), width=1 / bins, align="edge", edgecolor="white",
            color=[colors.tint(colors.BLUE, 0.25 + 0.75 * min(1, 3 * share)) for share in shares],
        )  # fmt: skip
        axis.plot([0, 1], [0, 1], color=colors.BLACK, linewidth=1, linestyle=":")
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        error = found.expected_error
        label(axis, x="confidence", title=f"{name}\ncalibration error {error:.3f}")
        words.append(
            f"{name}: calibration error {error:.3f}, accuracy {network.new.accuracy:.3f}, confidence {network.new.confidence:.3f}"
        )
    label(axes[0], x="confidence", y="share that is right", title=axes[0].get_title())
    return Picture(figure, f"Bars against the diagonal; darker bars hold more images. {'; '.join(words)}.")
