"""The BN lab: a small network on real digits, with or without normalisation, and what its layers get as it learns."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from utils.data.sets import load
from utils.lab_frame.frame import Lab, View, Walk, buttons, slider, stops
from utils.page import svg
from utils.page.html import BREAK, Html, bold, number, side_by_side, tag, text
from utils.show import colors
from utils.train.loop import Recipe, fit, seeded
from utils.train.snapshots import Snapshots

LAYERS, UNITS = 6, 64
STEPS, EVERY = 100, 10  # steps of training, and between two looks
PROBE = 256  # training digits on which the layers are looked at
RATES = (0.01, 0.05, 0.25, 0.5, 1.5, 5.0)
BATCHES = (2, 4, 8, 16, 32, 64, 128)
GAINS = (0.25, 0.5, 1.0, 2.0, 4.0)
BINS, REACH = 41, 4.0  # of a histogram, from -REACH to REACH; what lies beyond is counted in its last bars


@dataclass(frozen=True)
class Look:
    """The network after some steps of training."""

    step: int
    loss: float  # on the probe, with the batch's statistics
    accuracy: float  # on the test digits, in per cent, as evaluated: with the running statistics
    deviations: tuple[float, ...]  # of what each layer's ReLU gets
    histograms: tuple[tuple[float, ...], ...]  # shares of the values, layer by layer


class DigitNet(nn.Sequential):
    """(N, 64) -> (N, 10): six dense layers of 64 units with ReLU, and a dense layer; normalised or not.

    `gain` multiplies first weights that are drawn by Kaiming initialisation.
    """

    def __init__(self, *, normalised: bool, gain: float):
        layers = []
        for _ in range(LAYERS):
            dense = nn.Linear(UNITS, UNITS, bias=not normalised)
            nn.init.kaiming_normal_(dense.weight, nonlinearity="relu")
            if not normalised:
                nn.init.zeros_(dense.bias)
            with torch.no_grad():
                dense.weight *= gain
            layers.append(nn.Sequential(dense, *([nn.BatchNorm1d(UNITS)] if normalised else []), nn.ReLU()))
        super().__init__(*layers, nn.Linear(UNITS, 10))


@lru_cache(maxsize=1)
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images (N, 64) and labels, to train on and to test on."""
    data = load("digits")
    return (
        data.normalise(data.train.images).flatten(1), data.train.labels,
        data.normalise(data.test.images).flatten(1), data.test.labels,
    )  # fmt: skip


@lru_cache(maxsize=2)
def watched(normalised: bool, gain: float = 0.5) -> Snapshots:
    """What the network is like at some steps of six epochs of plain gradient descent, with what each layer's ReLU gets."""
    data = load("digits")
    recipe = Recipe(epochs=6, batch_size=64, learning_rate=0.25, momentum=0.0)

    def build() -> nn.Module:
        return nn.Sequential(nn.Flatten(), DigitNet(normalised=normalised, gain=gain))

    gets = {f"into ReLU {number + 1}": f"1.{number}.{int(normalised)}" for number in range(LAYERS)}
    kept = Snapshots(data, build=build, layers=gets)
    fit(build, data, recipe, seed=0, show=False, on_step=kept, device="cpu")  # no faster on a GPU
    return kept


@lru_cache(maxsize=64)  # a pinned run, and one that a handle comes back to, are not trained again
def train(normalised: bool, learning_rate: float, batch: int, gain: float) -> tuple[Look, ...]:
    """STEPS steps of plain gradient descent from the same first weights, and a look at the network every EVERY steps."""
    images, labels, test_images, test_labels = digits()
    with seeded(0):
        net = DigitNet(normalised=normalised, gain=gain)
    draws = torch.Generator().manual_seed(0)
    parameters = list(net.parameters())
    looks = []
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            looks.append(_look(net, step, images[:PROBE], labels[:PROBE], test_images, test_labels))
        chosen = torch.randint(len(labels), (batch,), generator=draws)
        slopes = torch.autograd.grad(cross_entropy(net(images[chosen]), labels[chosen]), parameters)
        with torch.no_grad():
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter -= learning_rate * slope
    return tuple(looks)


@torch.no_grad()
def _look(net: DigitNet, step: int, images: Tensor, labels: Tensor, test_images: Tensor, test_labels: Tensor) -> Look:
    statistics = {name: buffer.clone() for name, buffer in net.named_buffers()}
    deviations, histograms, x = [], [], images
    for layer in list(net)[:-1]:
        values = layer[:-1](x)
        x = layer[-1](values)
        deviations.append(values.std().item())
        counts = torch.histc(
            values.clamp(-REACH, REACH), bins=BINS, min=-REACH, max=REACH
        )  # leaves out what is no number
        histograms.append(tuple((counts / counts.sum().clamp(min=1)).tolist()))
    loss = cross_entropy(net[-1](x), labels).item()
    for name, buffer in net.named_buffers():
        buffer.copy_(statistics[name])
    right = net.eval()(test_images).argmax(dim=1) == test_labels
    net.train()
    return Look(step, loss, 100 * right.float().mean().item(), tuple(deviations), tuple(histograms))


def look_at(settings: dict) -> Look:
    """The network of these settings after their number of steps."""
    run = train(settings["normalised"] == "with BN", settings["rate"], settings["batch"], settings["gain"])
    return run[settings["step"] // EVERY]


def view(settings: dict, pinned: dict | None) -> View:
    """What the BN lab shows: a histogram for each layer, beside those of a pinned run, and how good the network is."""
    runs = {"A, pinned": pinned, "B, now": settings} if pinned else {"": settings}
    words = "<br/>".join(f"{_head(name)}{_words(each)}" for name, each in runs.items())
    pictures = (text(bold(name or "Now"), BREAK, _svg(each)) for name, each in runs.items())
    legend = (
        f"What each layer's ReLU gets from {PROBE} digits, from −{REACH:g} to {REACH:g}; values beyond stand in the first and the "
        "last bar. The accuracy is that of evaluation mode on 359 other digits."
    )
    html = text(side_by_side(*pictures), tag("p", legend))
    return View(words=words, html=html)


def _head(name: str) -> str:
    return f"<b>{name[0]}:</b> " if name else ""


def _words(settings: dict) -> str:
    look = look_at(settings)
    loss = f"{look.loss:.2f}" if look.loss < 1e4 else "beyond all bounds"
    return (
        f"{settings['normalised']}, learning rate {settings['rate']:g}, batches of {settings['batch']}, first weights × "
        f"{settings['gain']:g}: after {look.step} steps the loss is {loss} and the test accuracy "
        f'<b class="course-accuracy">{look.accuracy:.1f} %</b>.'
    )


def _svg(settings: dict) -> Html:
    """Six histograms, one under the other."""
    look, color = look_at(settings), colors.ARMS[settings["normalised"] == "with BN"]
    width, height, left, right = 205, 34, 56, 100
    parts = []
    for layer, (deviation, shares) in enumerate(zip(look.deviations, look.histograms, strict=True), start=1):
        floor, bar, most = layer * (height + 6), width / BINS, max(shares) or 1
        outline = "".join(f"V{number(floor - height * share / most)}h{number(bar)}" for share in shares)
        parts.append(tag("path", d=f"M{left} {floor}{outline}V{floor}z", fill=color))
        parts.append(svg.line([(left, floor), (left + width, floor)], colors.GREY, width=1))
        parts.append(svg.text(0, floor - 10, f"layer {layer}", anchor="start"))
        parts.append(svg.text(left + width + 8, floor - 10, _deviation(deviation), anchor="start"))
    spoken = ", ".join(f"layer {layer}: {_deviation(each)}" for layer, each in enumerate(look.deviations, start=1))
    words = f"Histograms of what each layer gets. {spoken}."
    return svg.picture(*parts, words=words, width=left + width + right, height=LAYERS * (height + 6) + 4)


def _deviation(value: float) -> str:
    return f"deviation {value:.2g}" if math.isfinite(value) else "not finite"


def bn_lab() -> Lab:
    """The BN lab of lesson 03, set to a run without normalisation at the lowest learning rate but one."""

    def numbers(values: tuple[float, ...]) -> list[tuple[str, float]]:
        return [(f"{each:g}", each) for each in values]

    controls = {
        "normalised": buttons(
            {
                "no BN": "Six dense layers with ReLU",
                "with BN": "The same, with batch normalisation before each ReLU",
            },
            width=110,
        ),
        "rate": stops(0.05, numbers(RATES), "learning rate", "How far each step goes along the gradient"),
        "batch": stops(64, numbers(BATCHES), "batch", "Images that each step looks at"),
        "gain": stops(1.0, numbers(GAINS), "first weights ×", "Multiplies the weights that training starts from"),
        "step": slider(STEPS, 0, STEPS, "step", "Look at the run after so many steps", step=EVERY),
    }
    base = {"batch": 64, "gain": 1.0, "step": STEPS}
    presets = {
        "no BN": {"normalised": "no BN", "rate": 0.05, **base},
        "BN": {"normalised": "with BN", "rate": 0.05, **base},
        "BN x5": {"normalised": "with BN", "rate": 0.25, **base},
        "BN x30": {"normalised": "with BN", "rate": 1.5, **base},
    }
    question = (
        "<b>BN lab.</b> What does normalisation let you do that you could not do without it? Each setting trains a small "
        "network on real digits, 100 steps from the same first weights; Play shows them in turn."
    )
    return Lab(question, controls, view, presets, beside={"step": Walk(controls["step"]).widget})
