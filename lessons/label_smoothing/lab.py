"""The smoothing lab: what epsilon, the number of classes and the form of smoothing ask of a network, and what it becomes."""

import math
from functools import lru_cache

import torch

from labs.design_costs import color_of
from lessons.label_smoothing.figures import DIGITS
from lessons.label_smoothing.small import WRONG, Trained, on_plane, train_all, trained
from lessons.label_smoothing.smoothing import best_lead, loss_at, target_values
from utils.lab_frame.frame import Lab, View, buttons, share, stops
from utils.page import svg
from utils.page.html import BREAK, Html, bars, bold, side_by_side, text
from utils.show import colors
from utils.train.calibration import reliability

EPSILONS = (0.0, 0.05, 0.1, 0.2, 0.4)  # those that the small networks are trained with
ALL, OTHERS = "over all K", "over the K − 1 others"
RIGHT, SOME_WRONG = "all right", "3 in 10 wrong"
LEADS = (-3.0, 13.0)  # from left to right in the picture of the loss
HIGHEST = 4.0  # nats, at its top
BINS = 10
QUESTION = (
    "<b>Smoothing lab.</b> What does a target ask of the logits, and what becomes of a network that is trained with it? "
    f"Above, arithmetic for any number of classes; below, small networks on ten digits, trained with ε = "
    f"{', '.join(f'{epsilon:g}' for epsilon in EPSILONS)}: you see the one closest to your ε. These all "
    "have ten classes and are smoothed over all K: for the other form, the ε that gives ten classes the same target."
)


def view(settings: dict, pinned: dict | None) -> View:
    """What the smoothing lab shows: targets, the loss by the lead, and a network trained so on digits."""
    shown = {"A": pinned, "B": settings} if pinned else {"": settings}
    words = "<br/>".join(f"<b>{name}</b> {_words(each)}".removeprefix("<b></b> ") for name, each in shown.items())
    networks = (_network(name, each) for name, each in shown.items())
    html = text(side_by_side(_targets(shown), _losses(shown)), side_by_side(*networks))
    return View(words=words, html=html)


def nearest(settings: dict) -> Trained:
    """The small network trained with the smoothing that comes closest to the handles', on its ten classes."""
    epsilon = settings["epsilon"] * (10 / 9 if settings["form"] == OTHERS else 1)
    closest = min(EPSILONS, key=lambda known: abs(known - epsilon))
    return trained(closest, WRONG if settings["labels"] == SOME_WRONG else 0.0)


def _of(settings: dict) -> tuple[float, int, bool]:
    return settings["epsilon"], settings["classes"], settings["form"] == OTHERS


def _words(settings: dict) -> str:
    epsilon, classes, others_only = _of(settings)
    right, other = target_values(epsilon, classes, others_only)
    others = "the other" if classes == 2 else f"each of the {classes - 1} others"
    lead = best_lead(epsilon, classes, others_only)
    if math.isinf(lead):
        best = "The loss is smallest at no finite lead: more is always better."
    else:
        least = loss_at(torch.tensor(lead), epsilon, classes, others_only).item()
        best = f'The loss is smallest at a lead of <b class="course-lead">{lead + 0.0:.2f}</b>: {least:.3f} nats.'
    return f"ε = {epsilon:.2f} {settings['form']}: the target is {right:.4g} for the right class, {other:.4g} for {others}. {best}"


def _targets(shown: dict[str, dict]) -> Html:
    entries = [
        (f"{what} {name}", value, color_of(name), f"{value:.4g}")
        for name, settings in shown.items()
        for what, value in zip(("right class", "each other"), target_values(*_of(settings)), strict=True)
    ]
    return bars(entries, "The target")


def _losses(shown: dict[str, dict]) -> Html:
    """The loss of one image against the right logit's lead, with its smallest point; dotted, with a hard target."""
    leads = torch.linspace(*LEADS, 97)
    chart = svg.Chart(LEADS, (0, HIGHEST), width=372, height=212, margins=(34, 8, 8, 34))
    up = svg.numbered(range(int(HIGHEST) + 1))
    chart.axes(svg.numbered(range(-2, 13, 2)), up, x="lead of the right logit", grid="")

    def curve(epsilon: float, classes: int, others_only: bool, color: str, dashes: str = "") -> None:
        losses = loss_at(leads, epsilon, classes, others_only)
        # What lies above the picture's top is left out, not drawn along it.
        points = [(x, y) for x, y in zip(leads.tolist(), losses.tolist(), strict=True) if y <= HIGHEST]
        chart.line(points, color, dashes=dashes)

    said = []
    for name, settings in shown.items():
        epsilon, classes, others_only = _of(settings)
        curve(0.0, classes, False, colors.GREY, "2 3")
        curve(epsilon, classes, others_only, color_of(name))
        lead = best_lead(epsilon, classes, others_only)
        if LEADS[0] <= lead <= LEADS[1]:
            least = loss_at(torch.tensor(lead), epsilon, classes, others_only).item()
            chart.dot(lead, min(least, HIGHEST), color_of(name), radius=5)
        said.append(f"{name} smallest at a lead of {lead:.2f}".strip())
    picture = chart.svg(f"The loss against the lead: {'; '.join(said)}.")
    return text(bold("The loss of one image, nats"), " (dotted: hard target)", BREAK, picture)


def _network(name: str, settings: dict) -> Html:
    network = nearest(settings)
    return _drawn(name, network.epsilon, network.wrong)


@lru_cache(maxsize=64)  # a handle that comes back needs no second drawing
def _drawn(name: str, epsilon: float, wrong: float) -> Html:
    """A small network's three classes on their plane and its reliability diagram."""
    network = trained(epsilon, wrong)
    found = reliability(network.new.probabilities, network.new.labels, BINS)
    labels = "3 in 10 labels wrong" if wrong else "labels right"
    text_of_it = (
        f"accuracy {network.new.accuracy:.3f}, mean confidence {network.new.confidence:.3f}, "
        f'calibration error <span class="course-error">{found.expected_error:.3f}</span>, spread {network.new.tightness:.3f}'
    )
    title = f"{name}: a" if name else "A"
    return text(
        bold(f"{title} network on digits, ε = {epsilon:g}, {labels}"), BREAK, Html(f"New images: {text_of_it}."), BREAK,
        _clusters(network), " ", _diagram(found),
    )  # fmt: skip


def _clusters(network: Trained, side: int = 190) -> Html:
    templates = network.templates[list(DIGITS)]
    clouds = [on_plane(network.new.features[network.new.labels == digit], templates) for digit in DIGITS]
    every = torch.cat(clouds)
    middle, reach = (every.amax(dim=0) + every.amin(dim=0)) / 2, (every.amax(dim=0) - every.amin(dim=0)).max() / 2
    parts = [svg.rectangle(0, 0, side - 1, side - 1, fill="none", stroke=colors.GREY)]
    for cloud, digit, color in zip(clouds, DIGITS, (colors.BLUE, colors.VERMILION, colors.GREEN), strict=True):
        at = ((cloud - middle) / reach * torch.tensor([1.0, -1.0]) + 1) * (side - 24) / 2 + 12
        parts += (svg.dot(x, y, color, radius=3, fill_opacity=0.6) for x, y in at.tolist())
        parts.append(svg.text(*at.mean(dim=0).tolist(), digit, font_size=16, font_weight="bold"))
    digits = ", ".join(map(str, DIGITS))
    words = f"The digits {digits} in front of the classifier, on the plane of their templates"
    return svg.picture(*parts, words=words, width=side, height=side)


def _diagram(found, side: int = 190) -> Html:
    chart = svg.Chart((0, 1), (0, 1), width=side + 4, height=side, margins=(24, 4, 4, 24))
    for low, count, accuracy in zip(found.low.tolist(), found.count.tolist(), found.accuracy.tolist(), strict=True):
        if count:
            shade = 0.25 + 0.75 * min(1, 3 * count / found.count.sum().item())
            chart.bar(low, low + 1 / BINS, accuracy, colors.BLUE, opacity=shade)
    chart.line([(0, 0), (1, 1)], width=1, dashes="2 3")
    chart.axes({}, {}, x="confidence, 0 to 1", y="share right")
    error = f"{found.expected_error:.3f}"
    return chart.svg(f"Reliability diagram: the share that is right against confidence, calibration error {error}")


def smoothing_lab() -> Lab:
    """The smoothing lab of lesson 05. The first time it trains its small networks, which takes seconds."""
    train_all(EPSILONS, (0.0, WRONG))
    controls = {
        "epsilon": share(0.1, "ε", "Share of the target that is spread", most=0.9, step=0.01),
        "classes": stops(10, [2, 10, 100, 1000], "classes K", "Number of classes"),
        "form": buttons(
            {
                ALL: "Every class gets ε / K, the right one too",
                OTHERS: "Every class but the right one gets ε / (K − 1)",
            },
            width=190,
        ),
        "labels": buttons(
            {
                RIGHT: "The network learns from right labels",
                SOME_WRONG: "Three in ten labels that it learns from are wrong",
            },
            width=130,
            description="labels",
        ),
    }
    presets = {
        "the paper's": {"epsilon": 0.1, "classes": 1000, "form": ALL},
        "hard targets": {"epsilon": 0.0},
    }
    return Lab(QUESTION, controls, view, presets)
