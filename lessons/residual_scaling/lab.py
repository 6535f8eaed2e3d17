"""The scale lab: what a residual's scale does to activations by depth, untrained and after forty steps."""

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter

from labs.design_costs import color_of
from lessons.residual_scaling import tiny
from lessons.residual_scaling.stacks import BLOCKS, Passage, passage
from utils.lab_frame.frame import Lab, View, buttons, share, stops
from utils.page import svg
from utils.page.html import BREAK, Html, bold, side_by_side, text

NORMALISED, NOT_NORMALISED = "normalised", "not normalised"
TOP = 1000.0  # the largest size in the pictures; the least is one hundredth
LEAST = 0.01


def view(settings: dict, pinned: dict | None) -> View:
    """What the scale lab shows: sizes by depth in an untrained stack, and in the tiny trained network that comes closest."""
    shown = {"A": pinned, "B": settings} if pinned else {"": settings}
    words = "<br/>".join(f"<b>{name}</b> {_words(each)}".removeprefix("<b></b> ") for name, each in shown.items())
    untrained = {name: _passage(each).sizes for name, each in shown.items()}
    trained = {name: _tiny(each).sizes for name, each in shown.items()}
    charts = (
        _chart("Untrained: size behind each block", untrained, BLOCKS),
        _chart("Tiny networks, trained: size behind each block", trained, tiny.BLOCKS),
    )
    html = text(side_by_side(*charts), *(_said_of(name, each) for name, each in shown.items()))
    return View(words=words, html=html)


def nearest(scale: float) -> float:
    """The scale among those of the tiny networks that comes closest by factor; the smallest for 0."""
    if scale <= 0:
        return min(tiny.SCALES)
    return min(tiny.SCALES, key=lambda known: abs(math.log(known / scale)))


def _passage(settings: dict) -> Passage:
    return _kept(settings["channels"], settings["scale"], settings["branches"] == NORMALISED)


@lru_cache(maxsize=512)  # a handle that comes back needs no second computation
def _kept(channels: int, scale: float, is_normalised: bool) -> Passage:
    return passage(channels, scale, is_normalised=is_normalised)


def _tiny(settings: dict) -> tiny.Tiny:
    return tiny.trained(settings["channels"], nearest(settings["scale"]), settings["rate"])


def _words(settings: dict) -> str:
    found = _passage(settings)
    return (
        f"{settings['channels']} channels, scale {settings['scale']:.2f}, branches {settings['branches']}: behind {BLOCKS} untrained "
        f'blocks activations are <b class="course-size">{found.sizes[-1]:,.2f}</b> times as large as in front of them, and '
        f"{100 * found.dead:.0f} % of the channels are dead."
    )


def _said_of(name: str, settings: dict) -> Html:
    network = _tiny(settings)
    broken = f" It has broken: <b>{network.fate}</b>." if network.fate else ""
    return Html(
        f"<div><b>{f'{name}: a' if name else 'A'} tiny network</b> with {network.channels} channels and scale {network.scale:g}, "
        f"trained for {tiny.STEPS} steps at rate {network.rate:g}: "
        f'<span class="course-dead">{100 * network.dead:.0f}</span> % of the last channels dead, '
        f'<span class="course-right">{100 * network.accuracy:.0f}</span> % of new digits right.{broken}</div>'
    )


def _chart(title: str, lines: dict[str, tuple[float, ...]], blocks: int) -> Html:
    """Sizes by depth on a logarithmic axis. What is larger or smaller than the axis lies at its edge."""
    chart = svg.Chart((0, blocks), (LEAST, TOP), width=356, height=224, margins=(44, 12, 8, 36), logs="y")
    powers = [10.0**power for power in range(round(math.log10(LEAST)), round(math.log10(TOP)) + 1)]
    steps = range(0, blocks + 1, max(1, blocks // 4))
    chart.axes(svg.numbered(steps), svg.numbered(powers), x="blocks", grid="y")
    said = []
    ends: list[tuple[float, float, str]] = []
    for name, values in lines.items():
        shown = [min(max(value, LEAST), TOP) if math.isfinite(value) else TOP for value in values]
        chart.line(enumerate(shown), color_of(name))
        chart.dot(len(shown) - 1, shown[-1], color_of(name))
        ends.append((*chart.place(len(shown) - 1, shown[-1]), name))
        said.append(f"{name} {values[0]:.3g} to {values[-1]:.3g}".strip())
    ends.sort(key=itemgetter(1))
    floor, ceiling = chart.place(0, LEAST)[1], chart.place(0, TOP)[1]
    for (x, _, name), y in zip(ends, _beside([y for _, y, _ in ends], ceiling, floor), strict=True):
        if name:
            chart.parts.append(svg.text(x, y, name, font_size=13, font_weight="bold"))
    return text(bold(title), BREAK, chart.svg(f"{title}: {'; '.join(said)}."))


def _beside(ends: Sequence[float], ceiling: float, floor: float) -> list[float]:
    """Where the letters at the lines' ends stand, in pixels from the top, as the ends do: those first that are higher.

    The upper one stands above its line, the other below; where that would be outside of the axes, both on the inner side.
    """
    above, below, apart = -9.0, 19.0, 15.0
    places = [y + side for y, side in zip(ends, (above, below), strict=False)]
    if ends[-1] + below > floor:
        places[-1] = ends[-1] + above
        places[:-1] = [min(y, places[-1] - apart) for y in places[:-1]]
    if ends[0] + above - apart < ceiling:
        places[0] = ends[0] + below
        places[1:] = [max(y, places[0] + apart) for y in places[1:]]
    return places


def scale_lab() -> Lab:
    """The scale lab of lesson 07. The first time it trains its tiny networks, which takes seconds."""
    tiny.train_all()
    controls = {
        "scale": share(1.0, "scale", "What each residual is multiplied by before the sum"),
        "channels": stops(tiny.WIDTHS[-1], tiny.WIDTHS, "channels", "Channels on the sums"),
        "branches": buttons(
            {
                NORMALISED: "Batch normalisation behind each convolution of the branches",
                NOT_NORMALISED: "No normalisation anywhere, weights of He's size; for the untrained blocks",
            },
            width=120,
        ),
        "rate": stops(tiny.RATES[1], tiny.RATES, "rate", "The tiny networks' learning rate"),
    }
    presets = {
        "as it is": {"scale": 1.0},
        "turned down": {"scale": 0.1},
    }
    question = (
        "<b>Scale lab.</b> How does a residual's scale decide how large activations become, and when a network breaks? Untrained are "
        f"{BLOCKS} blocks at your scale; trained are networks of {tiny.BLOCKS} blocks on handwritten digits, with scales "
        f"{', '.join(f'{scale:g}' for scale in tiny.SCALES)}: you see the one closest to yours. Their branches are normalised."
    )
    return Lab(question, controls, view, presets)
