"""What lesson 10 answers to its exercises."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch

from course.leaderboard import margin as margin_of
from networks.design import BUDGET, PRESETS, Design, DesignedNet
from utils.feedback.answers import require_function, written
from utils.feedback.exercises import Feedback, Wrong, article
from utils.feedback.functions import Case, number, optional, pair, same_function, several, value

feedback = Feedback("capstone", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

LEAST_SHARE = 0.7  # of one of the budget's limits that a design in earnest spends


def stage_macs_of(in_channels: int, width: int, blocks: int, grid: int) -> int:
    """Multiply-adds of a stage of plain 3 x 3 blocks."""
    first = 9 * in_channels * width
    others = (blocks - 1) * 9 * width * width
    return (first + others) * grid**2


@feedback.exercise(
    "10.1",
    title="what a stage costs",
    difficulty="worked",
    minutes=3,
    hints=(
        "The first block reads what comes in; what do the others read?",
        "Each block has a 3×3 with `width` filters. The first one's filters read `in_channels`, the others' `width`.",
        "`(9 * in_channels * width + (blocks - 1) * 9 * width * width) * grid**2`",
    ),
    reference=stage_macs_of,
)
def stage_macs(answer: Any) -> str:
    def slipped(change: Callable[..., float]) -> Callable:
        """The right number, changed by the grid's side."""
        return lambda in_channels, width, blocks, grid: change(stage_macs_of(in_channels, width, blocks, grid), grid)

    slips = {
        "Only the first block reads what comes into the stage.": lambda in_channels, width, blocks, grid: (
            9 * in_channels * width * blocks * grid**2
        ),
        "The first block reads `in_channels`, not `width`.": lambda in_channels, width, blocks, grid: (
            9 * width * width * blocks * grid**2
        ),
        "The first block is one of the `blocks`: one less reads `width`.": lambda in_channels, width, blocks, grid: (
            stage_macs_of(in_channels, width, blocks + 1, grid)
        ),
        "That is the first block alone.": lambda in_channels, width, blocks, grid: stage_macs_of(in_channels, width, 1, grid),
        "The first block is missing.": lambda in_channels, width, blocks, grid: (
            stage_macs_of(in_channels, width, blocks, grid) - stage_macs_of(in_channels, width, 1, grid)
        ),
        "The grid has two sides.": slipped(lambda right, grid: right // grid),
        "The grid has two sides: `grid**2` places, not twice `grid`.": slipped(lambda right, grid: 2 * right // grid),
        "That is the cost at one place of the grid.": slipped(lambda right, grid: right // grid**2),
        "A 3×3 window has nine places.": slipped(lambda right, grid: right // 3),
        "A multiplication and an addition together are one multiply-add.": slipped(lambda right, grid: 2 * right),
    }  # fmt: skip
    cases = ((16, 24, 1, 16), (24, 36, 2, 8), (36, 48, 4, 4), (40, 10, 3, 7), (1, 1, 1, 1))
    said = "For {} you count {}; {} are expected.".format
    same_function(answer, stage_macs_of, cases, result=number(whole=True), slips=slips, said=said)
    return "Inside a stage each block reads what the one before it puts out, so its cost goes with the width squared."


def dearest_of(rows: Sequence[tuple[str, int, int]]) -> tuple[str, str]:
    """(the part with most parameters, the part with most multiply-adds) of a stage table."""
    return max(rows, key=lambda row: row[1])[0], max(rows, key=lambda row: row[2])[0]


@feedback.exercise(
    "10.2",
    title="the part that costs most",
    difficulty="warm-up",
    minutes=4,
    hints=(
        "The two answers can be two different parts. Look for each by itself.",
        "`max(rows, key=...)` gives a whole row; `key` is a function from a row to the number that counts.",
        "`max(rows, key=lambda row: row[1])[0]` is the name of the part with most parameters. Multiply-adds are `row[2]`.",
    ),
    reference=dearest_of,
)
def dearest(answer: Any) -> str:
    def by(*places: int, best: Callable = max, of: Callable[[Sequence], object] = lambda row: row[0]) -> Callable:
        """For each place of a row, what `of` takes of the row whose number there is the best."""
        return lambda rows: tuple(of(best(rows, key=lambda row: row[place])) for place in places)

    slips = {
        "The first name is that of the part with most parameters.": by(2, 1),
        "Give the names back, not the whole rows.": by(1, 2, of=lambda row: row),
        "Give the names back, not the numbers.": lambda rows: (
            max(row[1] for row in rows),
            max(row[2] for row in rows),
        ),
        "Give the names back, not their places in the table.": lambda rows: tuple(
            max(range(len(rows)), key=lambda place: rows[place][number]) for number in (1, 2)
        ),
        "Those are the cheapest.": by(1, 2, best=min),
        "`max(rows)` compares the names: say with `key=` which number counts.": lambda rows: (max(rows)[0],) * 2,
        "The part with most parameters need not be the one with most multiply-adds.": (by(1, 1), by(2, 2)),
        "Parameters and multiply-adds are no common unit: look for each by itself.": (
            lambda rows: (max(rows, key=lambda row: row[1] + row[2])[0],) * 2
        ),
        "That is the first row, whatever stands in it.": lambda rows: (rows[0][0],) * 2,
        "That is the last row, whatever stands in it.": lambda rows: (rows[-1][0],) * 2,
    }
    tables = [
        [
            ("stem", 4_464, 497_664),
            ("stage 1", 2_436, 600_064),
            ("stage 2", 7_626, 477_696),
            ("stage 3", 26_784, 417_024),
            ("classifier", 490, 480),
        ],
        [("stem", 900, 90), ("stage 1", 20, 80), ("classifier", 30, 100)],
        [("block 1", 1, 900), ("classifier", 70, 5)],
        [("stem", 7, 3)],
        [(part.name, part.cost.parameters, part.cost.macs) for part in PRESETS["Inception-v3"].by_part()],
    ]
    cases = [Case((rows,), f"the table {rows}") for rows in tables]
    name = replace(value(), text=written)
    # Of a few names one is soon met by chance: a slip has to give both.
    result = replace(pair(name, name, ("by parameters", "by multiply-adds")), order=())
    same_function(answer, dearest_of, cases, result=result, slips=slips)
    return "A weight counts once as a parameter, and as many times as the grid has places as a multiply-add."


Layer = tuple[int, int, int, int]  # channels in, channels out, window, grid


def widened_of(layers: Sequence[Layer], times: int) -> int:
    """Multiply-adds of a chain of layers with all widths multiplied; what comes in and the classes stay."""
    total = 0
    for place, (comes, goes, window, grid) in enumerate(layers):
        comes = comes if place == 0 else comes * times
        goes = goes if place == len(layers) - 1 else goes * times
        total += comes * goes * window**2 * grid**2
    return total


@feedback.exercise(
    "10.3",
    title="what doubling costs",
    difficulty="medium",
    minutes=8,
    hints=(
        "Which numbers of channels are not yours to choose? An image has three, whatever the network; and the last layer?",
        "The first layer's channels in and the last layer's channels out stay. Every other number of channels is multiplied.",
        "In a loop with `enumerate(layers)`: multiply `comes` unless it is the first layer, `goes` unless it is the last one, "
        "and add `comes * goes * window**2 * grid**2`.",
    ),
    reference=widened_of,
)
def widened(answer: Any) -> str:
    def counting(
        power: Callable[[int, int, int], int] | None = None, cost: Callable[[int, int, int, int], float] | None = None
    ) -> Callable:
        """`widened_of` with a slip.

        Args:
            power: of `times` in a layer's cost, from its place, the last place and its grid.
            cost: of a layer as it is.
        """

        def total(layers: Sequence[Layer], times: int) -> float:
            last = len(layers) - 1
            return sum(
                times ** (power or _power)(place, last, layer[3]) * (cost or _macs)(*layer)
                for place, layer in enumerate(layers)
            )

        return total

    slips = {
        "Channels in and channels out both grow, so that most layers cost times² as much.": counting(
            lambda place, last, grid: 1
        ),
        "The image's channels and the classes stay as they are: these two layers do not cost times² as much.": counting(
            lambda place, last, grid: 2
        ),
        "The classes stay as they are: the last layer puts out as many as before.": counting(
            lambda place, last, grid: 1 + (place > 0)
        ),
        "The image's channels stay as they are.": counting(lambda place, last, grid: 1 + (place < last)),
        "Nothing is widened in it.": counting(lambda place, last, grid: 0),
        "The layers in between are widened on one side; both their numbers of channels are multiplied.": (
            counting(lambda place, last, grid: int(place > 0)),
            counting(lambda place, last, grid: int(place < last)),
        ),
        "The two ends are widened on their inner side: the first one's channels out, the last one's channels in.": (
            counting(lambda place, last, grid: 2 * (0 < place < last)),
        ),
        "A single layer is the first and the last: nothing of it is widened.": (
            counting(lambda place, last, grid: 1 if last == 0 else _power(place, last, grid)),
            counting(lambda place, last, grid: 2 if last == 0 else _power(place, last, grid)),
        ),
        "Layers can be alike: ask for the place, whether it is the first or the last, and not for what stands there.": (
            lambda layers, times: sum(
                times ** ((layer != layers[0]) + (place < len(layers) - 1)) * _macs(*layer)
                for place, layer in enumerate(layers)
            ),
            lambda layers, times: sum(
                times ** ((place > 0) + (layer != layers[-1])) * _macs(*layer) for place, layer in enumerate(layers)
            ),
            lambda layers, times: sum(
                times ** ((layer != layers[0]) + (layer != layers[-1])) * _macs(*layer) for layer in layers
            ),
            lambda layers, times: sum(  # the place of the first that is like it
                times ** ((layers.index(layer) > 0) + (layers.index(layer) < len(layers) - 1)) * _macs(*layer)
                for layer in layers
            ),
        ),
        "The grid has two sides.": counting(cost=lambda comes, goes, window, grid: comes * goes * window**2 * grid),
        "The window has two sides.": counting(cost=lambda comes, goes, window, grid: comes * goes * window * grid**2),
        "That is the cost at one place: multiply by the places of the grid.": counting(
            cost=lambda comes, goes, window, grid: comes * goes * window**2
        ),
        "The last layer is the classifier, whatever the grids in front of it.": counting(
            lambda place, last, grid: (place > 0) + (grid > 1)
        ),
        "That is the last layer alone: add all of them.": lambda layers, times: (
            times ** _power(len(layers) - 1, len(layers) - 1, 1) * _macs(*layers[-1])
        ),
        "The windows and the grids stay as they are.": counting(
            lambda place, last, grid: 2 + _power(place, last, grid)
        ),
        "A multiplication and an addition together are one multiply-add.": counting(
            cost=lambda *layer: 2 * _macs(*layer)
        ),
    }
    chains = (
        [(3, 16, 3, 16), (16, 24, 3, 16), (24, 48, 3, 8), (48, 10, 1, 1)],
        [(1, 8, 5, 8), (8, 2, 1, 1)],
        [(3, 12, 3, 9), (12, 12, 1, 9), (12, 20, 3, 4), (20, 20, 1, 1), (20, 7, 1, 1)],
        [(3, 5, 3, 6), (5, 5, 3, 6), (5, 5, 3, 6), (5, 4, 1, 6)],
        [(5, 4, 3, 2)],
        [(4, 4, 1, 3), (4, 4, 1, 3), (4, 4, 1, 3)],
    )
    cases = [(layers, times) for layers in chains for times in (2, 1, 3)]
    told = [Case(case, f"layers={case[0]}, times={case[1]}") for case in cases]
    said = "For {} you count {}; {} are expected.".format
    same_function(answer, widened_of, told, result=number(whole=True), slips=slips, said=said)
    return "Nearly everything costs four times as much when widths double; only the two ends cost twice as much."


def _power(place: int, last: int, grid: int) -> int:
    """How often `times` stands in the cost of a layer."""
    return (place > 0) + (place < last)


def _macs(comes: int, goes: int, window: int, grid: int) -> int:
    return comes * goes * window**2 * grid**2


def tighter_of(parameters: int, macs: int, max_parameters: int, max_macs: int) -> tuple[str, float]:
    """(the limit of which least is left, as a share of itself; below 0 where it is exceeded)."""
    left = {"parameters": 1 - parameters / max_parameters, "macs": 1 - macs / max_macs}
    name = min(left, key=left.get)
    return name, left[name]


@feedback.exercise(
    "10.4",
    title="the limit that binds",
    difficulty="medium",
    minutes=6,
    hints=(
        "Parameters and multiply-adds cannot be subtracted from each other. What makes them comparable?",
        "What is left of a limit, as a share of that limit: `(limit - used) / limit`. Below 0 means exceeded.",
        'Put both shares into a dict, `{"parameters": ..., "macs": ...}`, take the name with the smaller share, and give back '
        "the pair.",
    ),
    reference=tighter_of,
)
def tighter(answer: Any) -> str:
    def slipped(
        share: Callable[[int, int], float],
        best: Callable[..., str] = min,
        given: Callable[[float, int, int], float] = lambda found, used, limit: found,
    ) -> Callable:
        """`tighter_of` from another share of what is used and the limit; `given` makes of the share what is given back."""

        def found(parameters: int, macs: int, max_parameters: int, max_macs: int) -> tuple[str, float]:
            used = {"parameters": (parameters, max_parameters), "macs": (macs, max_macs)}
            name = best(used, key=lambda each: share(*used[each]))
            return name, given(share(*used[name]), *used[name])

        return found

    def left(used: int, limit: int) -> float:
        return 1 - used / limit

    def by_number(used: int, limit: int) -> float:
        return limit - used

    slips = {
        "That is the limit of which more is left.": slipped(left, max),
        "The share is right, and the name is that of the other limit.": lambda *case: (
            {"parameters": "macs", "macs": "parameters"}[tighter_of(*case)[0]],
            tighter_of(*case)[1],
        ),
        "Compare shares of the limits: a parameter and a multiply-add are no common unit.": slipped(
            by_number, given=lambda found, used, limit: left(used, limit)
        ),
        "That is a number, not a share of the limit.": (
            slipped(left, given=lambda found, used, limit: limit - used),
            slipped(by_number),
        ),
        "That is the share that is used; what is left is asked.": (
            slipped(left, given=lambda found, used, limit: used / limit),
            slipped(lambda used, limit: used / limit),
        ),
        "What is exceeded has less than nothing left: keep the sign.": slipped(
            lambda used, limit: abs(left(used, limit))
        ),
        "Below 0 is right where a limit is exceeded: it says by how much.": (
            slipped(left, given=lambda found, used, limit: max(0.0, found)),
            slipped(left, given=lambda found, used, limit: abs(found)),
            slipped(lambda used, limit: max(0.0, left(used, limit))),
        ),
        "That is in per cent; a share of 1 is asked.": slipped(left, given=lambda found, used, limit: 100 * found),
        "The sign: what is left is above 0 within the budget.": (
            slipped(left, given=lambda found, used, limit: -found),
            slipped(lambda used, limit: -left(used, limit)),
        ),
        "`//` rounds down to whole numbers; a share needs `/`.": (
            slipped(lambda used, limit: (limit - used) // limit),
            slipped(left, given=lambda found, used, limit: (limit - used) // limit),
            slipped(lambda used, limit: 1 - used // limit),
        ),
        "That is a share of what is used; a share of the limit is asked.": slipped(
            lambda used, limit: limit / used - 1
        ),
        "Do not round.": [
            slipped(left, given=lambda found, used, limit, digits=digits: round(found, digits))
            for digits in (0, 1, 2, 3)
        ],
    }
    cases = (
        (35_554, 2_111_024, 40_000, 2_500_000),
        (24_285, 2_078_640, 40_000, 2_500_000),
        (50_000, 2_600_000, 40_000, 2_500_000),
        (30_000, 3_000_000, 40_000, 2_500_000),
        (40_000, 1_000_000, 40_000, 2_500_000),
        (30, 90, 50, 100),
        (900, 20, 1000, 90),
        (7, 5, 8, 5),
        (12, 400, 9, 1000),
        (0, 1, 10, 20),
    )
    told = [
        Case(case, f"{case[0]:,} of {case[2]:,} parameters and {case[1]:,} of {case[3]:,} multiply-adds")
        for case in cases
    ]

    def read(result: object, case: str, wanted: object) -> object:
        if result not in ("parameters", "macs"):
            raise Wrong(
                f'For {case.removesuffix(", name,")} the first of the pair is {result!r}; it is "parameters" or "macs".'
            )
        return result

    result = several((replace(value(), read=read), number(digits=4)), ("name", "share left"), order=(1, 0))
    same_function(answer, tighter_of, told, result=result, slips=slips)
    return "A design is within the budget as long as this share is not below 0."


CostOf = Callable[[int], tuple[int, int]]


def widest_of(cost_of: CostOf, widths: Sequence[int], max_parameters: int, max_macs: int) -> int | None:
    """The largest width within both limits, or None."""
    fitting = []
    for width in widths:
        parameters, macs = cost_of(width)
        if parameters <= max_parameters and macs <= max_macs:
            fitting.append(width)
    return max(fitting, default=None)


def _halving(cost_of: CostOf, widths: Sequence[int], max_parameters: int, max_macs: int) -> int | None:
    """`widest_of` by bisection, which costs that always grow would allow."""
    rows, first, last = sorted(widths), 0, len(widths)
    while first < last:
        middle = (first + last) // 2
        parameters, macs = cost_of(rows[middle])
        if parameters <= max_parameters and macs <= max_macs:
            first = middle + 1
        else:
            last = middle
    return rows[first - 1] if first else None


@feedback.exercise(
    "10.5",
    title="as wide as the budget allows",
    difficulty="medium",
    minutes=7,
    hints=(
        "Two conditions must hold for a width. Which of the widths that meet both is asked, and what if none does?",
        "Go through `widths`, ask `parameters, macs = cost_of(width)`, and keep the width if both are at most their limits.",
        "`fitting = [...]`, then `return max(fitting, default=None)`. A design that meets a limit exactly is within it.",
    ),
    reference=widest_of,
)
def widest(answer: Any) -> str:
    def chosen(
        fits: Callable[[int, int, int, int], bool] = lambda parameters, macs, max_parameters, max_macs: (
            parameters <= max_parameters and macs <= max_macs
        ),
        best: Callable[[Sequence[int], CostOf], int] = lambda fitting, cost_of: max(fitting),
        *,
        stops_early: bool = False,
        none: int | None = None,
    ) -> Callable:
        """`widest_of` with a slip: what fits, which is best, whether the first that does not fit ends it, or what None is."""

        def found(cost_of: CostOf, widths: Sequence[int], max_parameters: int, max_macs: int) -> int | None:
            asked = [(width, fits(*cost_of(width), max_parameters, max_macs)) for width in widths]
            if stops_early:
                asked = list(takewhile(lambda each: each[1], asked))
            fitting = [width for width, is_within in asked if is_within]
            return best(fitting, cost_of) if fitting else none

        return found

    slips = {
        "It gives back `None`, as a function without `return` does.": lambda cost_of, widths, max_parameters, max_macs: None,
        "With that width there are too many multiply-adds.": chosen(lambda p, m, max_p, max_m: p <= max_p),
        "With that width there are too many parameters.": chosen(lambda p, m, max_p, max_m: m <= max_m),
        "With that width there are too many of one of the two: both limits hold at once.": chosen(
            lambda p, m, max_p, max_m: p <= max_p or m <= max_m
        ),
        "That is the widest of all, whatever it costs: there are too many of both.": chosen(lambda p, m, max_p, max_m: True),
        "A design that meets a limit exactly is within it.": (
            chosen(lambda p, m, max_p, max_m: p < max_p and m < max_m),
            chosen(lambda p, m, max_p, max_m: p < max_p and m <= max_m),
            chosen(lambda p, m, max_p, max_m: p <= max_p and m < max_m),
        ),
        "That is the smallest.": chosen(best=lambda fitting, cost_of: min(fitting)),
        "It fits, and a wider one fits too: yours is the first that fits.": chosen(best=lambda fitting, cost_of: fitting[0]),
        "It fits, and a wider one fits too: yours is the last that fits.": chosen(best=lambda fitting, cost_of: fitting[-1]),
        "The widest is asked, not the dearest.": (
            chosen(best=lambda fitting, cost_of: max(fitting, key=cost_of)),
            chosen(best=lambda fitting, cost_of: max(fitting, key=lambda width: sum(cost_of(width)))),
            chosen(best=lambda fitting, cost_of: max(fitting, key=lambda width: cost_of(width)[1])),
        ),
        "Do not stop at the first width that does not fit: a wider one may.": (
            chosen(stops_early=True),
            chosen(stops_early=True, best=lambda fitting, cost_of: fitting[-1]),
            lambda cost_of, widths, *limits: chosen(stops_early=True)(cost_of, sorted(widths), *limits),
        ),
        "You halve the choice at each look, and that takes for granted that what is wider costs more.": _halving,
        "Where no width fits, give back None.": (chosen(none=0), chosen(none=-1), lambda cost_of, widths, *limits: chosen(none=min(widths))(cost_of, widths, *limits)),
        "Its costs are asked of nobody: the width itself is.": lambda *case: (
            None if (width := widest_of(*case)) is None else case[0](width)
        ),
    }  # fmt: skip

    def square(width: int) -> tuple[int, int]:
        return 10 * width**2, 100 * width**2

    def uneven(width: int) -> tuple[int, int]:  # rounding makes costs jump: 24 and 26 are dearer than 28
        return {24: (900, 500), 26: (590, 290)}.get(width, (20 * width, 10 * width))

    cases = (
        ("both limits are far away", square, [8, 12, 16], 10_000, 100_000),
        ("the limit of parameters decides", square, (8, 12, 16, 20), 1_500, 1_000_000),
        ("the limit of multiply-adds decides", square, [8, 12, 16, 20], 1_000_000, 15_000),
        ("a limit is met exactly", square, (8, 12, 16), 1_440, 14_400),
        ("the widths are in no order", square, [20, 8, 16, 12], 2_600, 1_000_000),
        ("no width fits", square, (8, 12), 100, 100),
        ("the cost does not always grow with the width", uneven, (20, 24, 28, 32), 600, 1_000),
        ("only a look at each width finds the widest", uneven, (20, 22, 24, 28, 40), 600, 1_000),
        ("a wider one is cheaper", uneven, (20, 26, 28), 600, 1_000),
        ("the widest of all is beyond both limits", square, (12, 8, 20), 1_600, 15_000),
        ("one width is asked", square, [7], 490, 4_900),
        ("there is no width to choose from", square, (), 100, 100),
    )
    told = []
    for words, cost_of, widths, *limits in cases:
        costs = {width: cost_of(width) for width in widths}
        text = f"the case where {words}: (parameters, multiply-adds) by width {costs}, limits {limits[0]:,} and {limits[1]:,},"
        told.append(Case((cost_of, widths, *limits), text))

    def about(error: Exception, cost_of: CostOf, widths: Sequence[int], max_parameters: int, max_macs: int) -> str:
        is_none = widest_of(cost_of, widths, max_parameters, max_macs) is None
        return "There it should give back None." if is_none else ""

    def difference(mine: int | None, wanted: int | None) -> str:
        """What is no width that is asked is seen without its costs."""
        known = {width for _, _, widths, *_ in cases for width in widths}
        return "" if mine is None or wanted is None or mine in known else "One of the widths is asked."

    result = replace(optional(number(whole=True)), difference=difference)
    same_function(answer, widest_of, told, result=result, slips=slips, stops=about)
    return "Both limits hold at once, and rounding is no matter: every width was asked."


def example_design() -> Design:
    """The course's own answer to exercise 10.6; one of many."""
    return Design(
        stages=(("googlenet", 1, 36), ("xception", 2, 56), ("xception", 1, 80)), reductions=("max_pool", "max_pool")
    )


@feedback.exercise(
    "10.6",
    title="a design of your own",
    difficulty="hard",
    minutes=20,
    hints=(
        "Begin with a preset in the lab above, exchange the blocks of one stage, and watch both bars.",
        "`PRESETS['Xception']` is a design within the budget; `print(PRESETS['Xception'].code)` shows how it is written.",
        "Copy the code from the lab's field and write `return` before it. It must be none of the presets, within both limits, "
        f"and spend at least {LEAST_SHARE:.0%} of one of them.",
    ),
    reference=example_design,
)
def my_design(answer: Any) -> str:
    if isinstance(answer, Design):
        raise Wrong("That is a design, not the function. Hand over the function itself, without calling it.")
    require_function(answer)
    design = answer()
    if design is None:
        raise Wrong("Your function gives back nothing. Is the `return` missing?")
    if isinstance(design, str):
        raise Wrong("Your function gives back a text. Take the quotes away: `return Design(...)`.")
    if not isinstance(design, Design):
        raise Wrong(f"Your function gives back {article(design)}; a Design is needed.")
    if design != answer():
        raise Wrong("Called twice, your function gives two different designs. Write one down.")
    for name, preset in PRESETS.items():
        if design == preset:
            raise Wrong(f"That is the preset {name}. Change something that you expect to help.")
    table = design.table()
    if excess := BUDGET.excess(table):
        raise Wrong(f"It is over the budget: {excess}.")
    shares = {"parameters": table.parameters / BUDGET.parameters, "multiply-adds": table.macs / BUDGET.macs}
    if max(shares.values()) < LEAST_SHARE:
        used = " and ".join(f"{share:.0%} of the {what}" for what, share in shares.items())
        raise Wrong(
            f"It uses only {used}. Spend at least {LEAST_SHARE:.0%} of one limit: a wider network is a better rival."
        )
    _every_gradient(design)
    name, left = tighter_of(table.parameters, table.macs, BUDGET.parameters, BUDGET.macs)
    what = {"parameters": "parameters", "macs": "multiply-adds"}[name]
    return (
        f"{table.parameters:,} parameters, {table.macs:,} multiply-adds; the limit that binds is that of {what}, of which "
        f"{left:.1%} are left."
    )


def _every_gradient(design: Design) -> None:
    """Raise `Wrong` where a parameter of the network would never be trained."""
    net = DesignedNet(design, in_channels=3, classes=10)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    net(images).square().sum().backward()
    for name, parameter in net.named_parameters():
        if parameter.grad is None or not bool(parameter.grad.any()):
            scale = " A scale of 0 shuts the residual off." if any(stage.scale == 0 for stage in design.stages) else ""
            raise Wrong(f"No gradient reaches `{name}`, so that it would never be trained.{scale}")


@feedback.exercise(
    "10.7",
    title="how far luck reaches",
    difficulty="medium",
    minutes=7,
    hints=(
        "Each test image is right or wrong: a coin that falls on the right side with a chance of `accuracy`.",
        "The deviation of a mean of `images` such coins is the root of `accuracy * (1 - accuracy) / images`.",
        "`1.96 * math.sqrt(accuracy * (1 - accuracy) / images)`",
    ),
    reference=margin_of,
)
def margin(answer: Any) -> str:
    def from_right(change: Callable[[float, float, int], float]) -> Callable:
        """What is made of the right margin."""
        return lambda accuracy, images: change(margin_of(accuracy, images), accuracy, images)

    slips = {
        "That is one deviation; 95 % of all draws lie within 1.96 of them.": from_right(lambda right, p, n: right / 1.96),
        "Those are 2 deviations; 95 % of all draws lie within 1.96 of them.": from_right(lambda right, p, n: right / 1.96 * 2),
        "Those are 1.645 deviations, within which 90 % of all draws lie.": from_right(lambda right, p, n: right / 1.96 * 1.645),
        "Those are 2.576 deviations, within which 99 % of all draws lie.": from_right(lambda right, p, n: right / 1.96 * 2.576),
        "That is the width of the whole interval; half of it is asked.": from_right(lambda right, p, n: 2 * right),
        "That is the variance; its root is asked.": from_right(lambda right, p, n: (right / 1.96) ** 2),
        "That is 1.96 times the variance; its root is asked.": from_right(lambda right, p, n: 1.96 * (right / 1.96) ** 2),
        "1.96 stands in front of the root.": from_right(lambda right, p, n: right / 1.96**0.5),
        "That is in percentage points; accuracy goes from 0 to 1 here.": from_right(lambda right, p, n: 100 * right),
        "The mean of many images scatters less than one image: divide by `images` inside the root.": from_right(
            lambda right, p, n: right * math.sqrt(n)
        ),
        "`images` stands inside the root: four times as many halve the margin.": from_right(
            lambda right, p, n: right / math.sqrt(n)
        ),
        "Both right and wrong count: accuracy * (1 - accuracy).": (
            from_right(lambda right, p, n: 1.96 * math.sqrt(p / n)),
            from_right(lambda right, p, n: 1.96 * math.sqrt((1 - p) / n)),
            from_right(lambda right, p, n: 1.96 * math.sqrt(p**2 / n)),
        ),
        "That is for an accuracy of a half, where the margin is widest; `accuracy` says what it is.": from_right(
            lambda right, p, n: 0.98 / math.sqrt(n)
        ),
        "Divide by `images`, not by one less.": from_right(lambda right, p, n: right * math.sqrt(n / (n - 1))),
        "Do not round: the figures that you need are gone.": [
            from_right(lambda right, p, n, digits=digits: round(right, digits)) for digits in (1, 2, 3)
        ],
        "That is an end of the interval; half of its width is asked.": (
            from_right(lambda right, p, n: p + right),
            from_right(lambda right, p, n: p - right),
        ),
    }  # fmt: skip
    cases = ((0.89, 2000), (0.5, 100), (0.97, 10_000), (1.0, 50), (0.0, 7), (0.3, 1))
    # 1.96, rounded or not
    same_function(answer, margin_of, cases, result=number(within=5e-3, digits=4), slips=slips)
    return "Of many such sets of test images, 95 % give an accuracy within this distance of p. The seed's luck is not in it."
