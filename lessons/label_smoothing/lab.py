"""The smoothing lab: what epsilon, the number of classes and the form of smoothing ask of a network, and what it becomes."""

import math
from functools import lru_cache

import torch

from lessons.label_smoothing.figures import DIGITS
from lessons.label_smoothing.small import WRONG, Trained, on_plane, train_all, trained
from lessons.label_smoothing.smoothing import best_lead, loss_at, target_values
from utils.lab.frame import Lab, View, buttons, share, stops
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
_ONE, _TWO = colors.VERMILION, colors.BLUE  # B, or what there is; A


def view(settings: dict, pinned: dict | None) -> View:
    """What the smoothing lab shows: targets, the loss by the lead, and a network trained so on digits."""
    shown = {"A": pinned, "B": settings} if pinned else {"": settings}
    words = "<br/>".join(f"<b>{name}</b> {_words(each)}".removeprefix("<b></b> ") for name, each in shown.items())
    networks = "".join(_network(name, each) for name, each in shown.items())
    html = (
        f'<div style="display:flex;flex-wrap:wrap;gap:20px"><div>{_targets(shown)}</div><div>{_losses(shown)}</div></div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:20px;margin-top:8px">{networks}</div>'
    )
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


def _targets(shown: dict[str, dict]) -> str:
    rows = []
    for name, settings in shown.items():
        epsilon, classes, others_only = _of(settings)
        color = _TWO if name == "A" else _ONE
        for what, value in zip(
            ("right class", "each other"), target_values(epsilon, classes, others_only), strict=True
        ):
            rows.append(
                f'<tr><th scope="row" style="text-align:right;padding:0 8px;white-space:nowrap">{what} {name}</th>'
                f'<td style="width:150px"><div style="background:{color};height:14px;width:{100 * value:.2f}%"></div></td>'
                f'<td style="padding:0 8px">{value:.4g}</td></tr>'
            )
    return f'<table><caption style="text-align:left"><b>The target</b></caption><tbody>{"".join(rows)}</tbody></table>'


def _losses(shown: dict[str, dict]) -> str:
    """The loss of one image against the right logit's lead, with its smallest point; dotted, with a hard target."""
    width, height, left, bottom = 330, 170, 34, 34
    leads = torch.linspace(*LEADS, 97)

    def place(lead: float, loss: float) -> tuple[float, float]:
        x = left + (lead - LEADS[0]) / (LEADS[1] - LEADS[0]) * width
        return x, 8 + (1 - min(loss, HIGHEST) / HIGHEST) * height

    def curve(epsilon: float, classes: int, others_only: bool, color: str, dashes: str = "") -> str:
        losses = loss_at(leads, epsilon, classes, others_only)
        # What lies above the picture's top is left out, not drawn along it.
        points = [
            place(lead, loss) for lead, loss in zip(leads.tolist(), losses.tolist(), strict=True) if loss <= HIGHEST
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        return f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes}"/>'

    parts, said = [], []
    for name, settings in shown.items():
        epsilon, classes, others_only = _of(settings)
        color = _TWO if name == "A" else _ONE
        parts.append(curve(0.0, classes, False, colors.GREY, "2 3"))
        parts.append(curve(epsilon, classes, others_only, color))
        lead = best_lead(epsilon, classes, others_only)
        if LEADS[0] <= lead <= LEADS[1]:
            x, y = place(lead, loss_at(torch.tensor(lead), epsilon, classes, others_only).item())
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{color}"/>')
        said.append(f"{name} smallest at a lead of {lead:.2f}".strip())
    ticks = "".join(
        f'<text x="{place(lead, 0)[0]:.1f}" y="{height + 24}" text-anchor="middle" font-size="11">{lead}</text>'
        for lead in range(-2, 13, 2)
    )
    ticks += "".join(
        f'<text x="{left - 6}" y="{place(0, loss)[1] + 4:.1f}" text-anchor="end" font-size="11">{loss}</text>'
        for loss in range(int(HIGHEST) + 1)
    )
    frame = f'<path d="M{left} 8 V{height + 8} H{left + width}" fill="none" stroke="#8C8C8C"/>'
    names = f'<text x="{left + width / 2}" y="{height + 38}" text-anchor="middle" font-size="11">lead of the right logit</text>'
    return (
        "<b>The loss of one image, nats</b> (dotted: hard target)<br/>"
        f'<svg role="img" aria-label="The loss against the lead: {"; ".join(said)}." width="{left + width + 8}" '
        f'height="{height + 8 + bottom}">{frame}{"".join(parts)}{ticks}{names}</svg>'
    )


def _network(name: str, settings: dict) -> str:
    network = nearest(settings)
    return _drawn(name, network.epsilon, network.wrong)


@lru_cache(maxsize=64)  # a handle that comes back needs no second drawing
def _drawn(name: str, epsilon: float, wrong: float) -> str:
    """A small network's three classes on their plane and its reliability diagram."""
    network = trained(epsilon, wrong)
    found = reliability(network.new.probabilities, network.new.labels, BINS)
    labels = "3 in 10 labels wrong" if wrong else "labels right"
    text = (
        f"accuracy {network.new.accuracy:.3f}, mean confidence {network.new.confidence:.3f}, "
        f'calibration error <span class="course-error">{found.expected_error:.3f}</span>, spread {network.new.tightness:.3f}'
    )
    title = f"{name}: a" if name else "A"
    return (
        f'<div style="max-width:420px"><b>{title} network on digits, ε = {epsilon:g}, {labels}</b><br/>'
        f"New images: {text}.<br/>{_clusters(network)} {_diagram(found)}</div>"
    )


def _clusters(network: Trained, side: int = 190) -> str:
    templates = network.templates[list(DIGITS)]
    clouds = [on_plane(network.new.features[network.new.labels == digit], templates) for digit in DIGITS]
    every = torch.cat(clouds)
    middle, reach = (every.amax(dim=0) + every.amin(dim=0)) / 2, (every.amax(dim=0) - every.amin(dim=0)).max() / 2
    dots = ""
    for cloud, digit, color in zip(clouds, DIGITS, (colors.BLUE, colors.VERMILION, colors.GREEN), strict=True):
        at = ((cloud - middle) / reach * torch.tensor([1.0, -1.0]) + 1) * (side - 24) / 2 + 12
        dots += "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}" fill-opacity=".6"/>' for x, y in at.tolist()
        )
        x, y = at.mean(dim=0).tolist()
        dots += f'<text x="{x:.1f}" y="{y:.1f}" font-size="16" font-weight="bold" text-anchor="middle">{digit}</text>'
    return (
        f'<svg role="img" aria-label="The digits {", ".join(map(str, DIGITS))} in front of the classifier, on the plane of '
        f'their templates" width="{side}" height="{side}"><rect width="{side - 1}" height="{side - 1}" fill="none" '
        f'stroke="#8C8C8C"/>{dots}</svg>'
    )


def _diagram(found, side: int = 190) -> str:
    bars, edge = "", 24
    scale = side - edge
    for low, count, accuracy in zip(found.low.tolist(), found.count.tolist(), found.accuracy.tolist(), strict=True):
        if count:
            shade = colors.tint(colors.BLUE, 0.25 + 0.75 * min(1, 3 * count / found.count.sum().item()))
            bars += (
                f'<rect x="{edge + low * scale:.1f}" y="{(1 - accuracy) * scale:.1f}" width="{scale / BINS - 1:.1f}" '
                f'height="{accuracy * scale:.1f}" fill="{shade}"/>'
            )
    return (
        f'<svg role="img" aria-label="Reliability diagram: the share that is right against confidence, calibration error '
        f'{found.expected_error:.3f}" width="{side + 4}" height="{side}">{bars}'
        f'<path d="M{edge} {scale} L{edge + scale} 0" stroke="#000" stroke-dasharray="2 3"/>'
        f'<path d="M{edge} 0 V{scale} H{edge + scale}" fill="none" stroke="#8C8C8C"/>'
        f'<text x="{edge + scale / 2}" y="{side - 8}" font-size="11" text-anchor="middle">confidence, 0 to 1</text>'
        f'<text x="12" y="{scale / 2}" font-size="11" text-anchor="middle" transform="rotate(-90 12 {scale / 2})">share right'
        "</text></svg>"
    )


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
            width=100,
            description="labels",
        ),
    }
    presets = {
        "the paper's": {"epsilon": 0.1, "classes": 1000, "form": ALL},
        "hard targets": {"epsilon": 0.0},
    }
    return Lab(QUESTION, controls, view, presets)
