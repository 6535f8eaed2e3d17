"""The Pareto lab of lesson 09: which networks are worth their cost, by which cost, and how sure is that?"""

from collections.abc import Mapping
from functools import partial

import ipywidgets

from lessons.family.figures import COLORS, title_of
from lessons.family.rows import PAPERS, PUBLIC_WEIGHTS, Row, dominators, pareto_of, relative_rows, rows
from lessons.family.speeds import Key
from networks import measure
from networks.catalog import NETWORKS, RELATIVES
from utils.cost import units
from utils.cost.table import short
from utils.cost.timing import Timing
from utils.lab_frame.frame import Lab, View, buttons, choice, slider
from utils.page import svg
from utils.page.html import Html
from utils.show.colors import GREY

PARAMETERS, MACS, ACTIVATIONS, SECONDS = "parameters", "multiply-adds", "activations", "seconds an image"
TOP1, TOP5 = "top-1", "top-5"
LOG, EVEN = "log", "even"
ALL = 100  # per cent of the dearest: no budget
WIDTH, HEIGHT, MARGINS = 512, 330, (44, 70, 26, 42)  # of the picture, in pixels


def points_of(
    settings: Mapping[str, object], times: Mapping[Key, Timing]
) -> tuple[dict[str, tuple[float, float]], list[Row]]:
    """(cost and error of the networks that are shown, those left out for want of a figure)."""
    points, lacking = {}, []
    for row in rows_of(settings):
        error = row.top1 if settings["error"] == TOP1 else row.top5
        cost = _cost(row, settings["cost"], times)
        if error is None or cost is None:
            lacking.append(row)
        elif settings.get(row.name, True):
            points[row.name] = (cost, error)
    return points, lacking


def rows_of(settings: Mapping[str, object]) -> tuple[Row, ...]:
    """The family's networks, and their relatives where they are asked for."""
    return (*rows(settings["source"]), *(relative_rows(settings["source"]) if settings["relatives"] else ()))


def _cost(row: Row, what: str, times: Mapping[Key, Timing]) -> float | None:
    if what == SECONDS:
        timing = times.get((row.name, row.variant)) or times.get((row.name, _other(row)))
        return None if timing is None else timing.median
    return {PARAMETERS: row.parameters, MACS: units.count(row.macs), ACTIVATIONS: row.activations}[what]


def _titled(what: str) -> str:
    """A cost as it is called in the unit that is counted in."""
    return units.words() if what == MACS else what


def _other(row: Row) -> str:
    """The variant under which a network of the same work may have been timed; its own where there is none."""
    return "paper" if measure.cost(row.name).macs == row.macs else row.variant


def view(times: Mapping[Key, Timing], settings: dict, pinned: dict | None) -> View:
    """The networks as points, the front as a staircase, and in words who is on it and who keeps the others off."""
    points, lacking = points_of(settings, times)
    names = {row.name: row.title for row in rows_of(settings)}
    absent = {each.name for each in NETWORKS} - set(names)
    disabled = frozenset(absent | {row.name for row in lacking})
    if not points:
        raise ValueError(
            f"No network is left that has a {settings['error']} error and a figure for {_titled(settings['cost'])}. Switch one on."
        )
    tolerance = settings["tolerance"] / 10
    front = pareto_of(points, tolerance)
    limit = settings["budget"] / 100 * max(cost for cost, _ in points.values())
    fits = {name: point for name, point in points.items() if point[0] <= limit * (1 + 1e-9)}
    words = f"On the front: <b>{', '.join(names[name] for name in front)}</b> ({len(front)} of {len(points)})."
    reasons = [
        f"{names[name]} (by {names[min(dominators(points, name, tolerance), key=points.get)]})"
        for name in points
        if name not in front
    ]
    if reasons:
        words += f"<br/>Dominated: {', '.join(reasons)}."
    if lacking:
        words += f"<br/>Not shown, for want of a figure: {', '.join(row.title for row in lacking)}."
    if settings["budget"] < ALL:
        best = min(fits, key=lambda name: (fits[name][1], fits[name][0])) if fits else None
        told = f"<b>{names[best]}</b> errs least, {fits[best][1]:.1f} %" if best else "no network fits"
        words += f"<br/>Within {amount(limit, settings['cost'])}: {told}."
    if pinned:
        words += f"<br/>{compare(times, pinned, points, front, names)}"
    return View(words, chart(points, front, names, settings, limit), disabled)


def compare(times: Mapping[Key, Timing], pinned: dict, points: Mapping, front: tuple, names: Mapping[str, str]) -> str:
    """Who is on the front now and was not at A, and the other way round."""
    before = pareto_of(points_of(pinned, times)[0], pinned["tolerance"] / 10)
    titles = {row.name: row.title for row in rows_of(pinned)} | dict(names)
    came = [titles[name] for name in front if name not in before]
    went = [titles[name] for name in before if name not in front]
    parts = [f"{', '.join(came)} came on"] if came else []
    parts += [f"{', '.join(went)} went off"] if went else []
    return f"Against A ({_titled(pinned['cost'])}, {pinned['error']}, {pinned['source']}): {'; '.join(parts) or 'the same front'}."


def amount(value: float, what: str) -> str:
    """A cost with its unit."""
    return f"{1000 * value:.3g} ms an image" if what == SECONDS else f"{short(value)} {_titled(what)}"


def chart(points: Mapping, front: tuple, names: Mapping[str, str], settings: Mapping, limit: float) -> Html:
    """Cost across, error upwards; filled points are on the front."""
    costs, errors = ([point[i] for point in points.values()] for i in (0, 1))
    is_log = settings["scale"] == LOG
    low, high = (min(costs) / 1.25, max(costs) * 1.25) if is_log else (0.0, max(costs) * 1.12)
    bottom, top = min(errors) - 0.6, max(errors) + 0.6
    drawn = svg.Chart(
        (low, high), (bottom, top), width=WIDTH, height=HEIGHT, margins=MARGINS, logs="x" if is_log else ""
    )
    step = 1 if top - bottom < 8 else 2 if top - bottom < 16 else 5
    up = [tick for tick in range(int(bottom) // step * step, int(top) + 1, step) if bottom <= tick <= top]
    ticks = [m * 10.0**e for e in range(-4, 12) for m in (1, 2, 5)]
    if not is_log:
        unit = next(each for each in ticks if high / each <= 6)
        ticks = [unit * number for number in range(1, 7)]
    in_seconds = settings["cost"] == SECONDS
    across = {tick: f"{1000 * tick:g} ms" if in_seconds else short(tick, 2) for tick in ticks if low <= tick <= high}
    what = _titled(settings["cost"]) + ("" if settings["cost"] in (PARAMETERS, SECONDS) else ", one image")
    title = f"{settings['error']} error, %, as {settings['source']} have it; filled: on the front"
    drawn.axes(across, svg.numbered(up), x=what, title=title)
    if settings["budget"] < ALL and limit >= low:
        x, y = drawn.place(limit, top)
        wide = max(0.0, drawn.right - x)
        drawn.parts.append(svg.rectangle(x, y, wide, drawn.bottom - y, cls="beyond", opacity=0.08))
    corners = [points[name] for name in front]
    stairs = [corners[0]]
    for cost, error in corners[1:]:
        stairs += [(cost, stairs[-1][1]), (cost, error)]
    drawn.line([*stairs, (high, stairs[-1][1])], GREY, width=1.5)
    said = []
    for name in sorted(points, key=lambda name: points[name]):
        kind = "front" if name in front else "dominated"
        fill = COLORS[name] if name in front else "none"
        look = {"cls": kind, "data-network": name, "stroke": COLORS[name], "stroke_width": 2}
        drawn.dot(*points[name], fill, radius=6, **look)
        said.append(f"{names[name]} {amount(points[name][0], settings['cost'])}, {points[name][1]:.1f} %, {kind}")
    drawn.parts += beside_points({names[name]: drawn.place(*point) for name, point in points.items()})
    return drawn.svg(f"Points. Cost across, error upwards. {'; '.join(said)}.")


LETTER, LINE = 6.2, 13  # how wide a letter of the picture's words is and how high a line, in pixels


def beside_points(places: Mapping[str, tuple[float, float]]) -> list[Html]:
    """A name for each point: above, below, right or left of it, or further off, where it lies on the fewest points and names."""
    rooms = [(x - 7, y - 7, x + 7, y + 7) for x, y in places.values()]
    written = []
    for name, (x, y) in sorted(places.items(), key=lambda each: each[1]):
        wide = LETTER * len(name)
        ways = [(x - wide / 2, y - 10), (x - wide / 2, y + 19), (x + 10, y + 4), (x - wide - 10, y + 4)]
        ways += [(left, y + up) for up in (-4, 12, -8, 16) for left in (x + 9, x - wide - 9)]
        ways += [(x - wide / 2 + aside, y + up) for up in (-24, 33, -38, 47) for aside in (0, wide / 2, -wide / 2)]

        def lost(way: tuple[float, float], wide: float = wide) -> float:
            left, bottom, right, top = way[0], way[1] + 2, way[0] + wide, way[1] - LINE + 2
            over = sum(
                max(0.0, min(right, b[2]) - max(left, b[0])) * max(0.0, min(bottom, b[3]) - max(top, b[1]))
                for b in rooms
            )
            outside = (
                max(0.0, -left)
                + max(0.0, right - WIDTH)
                + max(0.0, MARGINS[2] - top)
                + max(0.0, bottom - HEIGHT + MARGINS[3])
            )
            return over + LINE * outside

        left, line = min(ways, key=lost)
        rooms.append((left, line - LINE + 2, left + wide, line + 2))
        written.append(svg.text(left + wide / 2, line, name))
    return written


def pareto_lab(times: Mapping[Key, Timing] | None = None) -> Lab:
    """The Pareto lab, set to the papers' top-1 errors over multiply-adds.

    Args:
        times: seconds of networks of full size on this machine, one image at a time, from `lessons.family.speeds.full_times`.
            Without them time is no cost to choose.
    """
    times = dict(times or {})
    costs = (PARAMETERS, MACS, ACTIVATIONS, *((SECONDS,) if times else ()))
    controls = {
        "cost": choice(MACS, [(_titled(cost), cost) for cost in costs], "cost", "What a network is charged for"),
        "error": buttons(
            {TOP1: "The first guess is wrong", TOP5: "The right class is not among the first five guesses"}, width=70
        ),
        "source": choice(
            PAPERS,
            (PAPERS, PUBLIC_WEIGHTS),
            "errors of",
            "Who printed the errors: each paper of its own network, or those who published weights",
        ),
        "scale": buttons({LOG: "Cost on a logarithmic axis", EVEN: "Cost on an even axis from zero"}, width=70),
        "tolerance": slider(
            0, 0, 10, "tolerance", "Tenths of a point by which an error must be lower to count as lower"
        ),
        "budget": slider(ALL, 5, ALL, "budget, %", "How much of the dearest network's cost you can spend", step=5),
    }
    for each in NETWORKS:
        controls[each.name] = ipywidgets.Checkbox(
            value=True, description=title_of(each.name), indent=False, tooltip=f"Show {title_of(each.name)}"
        )
    controls["relatives"] = ipywidgets.Checkbox(
        value=False,
        description="relatives",
        indent=False,
        tooltip=f"Show what the family is compared with, in grey: {', '.join(each.title for each in RELATIVES)}",
    )
    everyone = {each.name: True for each in NETWORKS}
    start = {"error": TOP1, "source": PAPERS, "tolerance": 0, "budget": ALL, "relatives": False, **everyone}
    presets = {
        f"papers, by {_titled(cost)}": {"cost": cost, **start} for cost in (MACS, *(c for c in costs if c != MACS))
    }
    presets["public weights"] = {"cost": MACS, **start, "source": PUBLIC_WEIGHTS}
    question = (
        "<b>Pareto lab.</b> Which networks are worth what they cost? Change the cost and the error, take networks out, "
        "set a budget. Watch who comes on the front and who goes."
    )
    return Lab(question, controls, partial(view, times), presets)
