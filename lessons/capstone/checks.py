"""What lesson 10 answers to its exercises."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from course.leaderboard import margin as margin_of
from networks.design import BUDGET, PRESETS, Design, DesignedNet
from utils.feedback.answers import called, close, expect, number_of, require_function, several_of
from utils.feedback.exercises import Feedback, Wrong, article

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
def stage_macs(answer):
    require_function(answer)
    for case in ((16, 24, 1, 16), (24, 36, 2, 8), (36, 48, 4, 4)):
        in_channels, width, blocks, grid = case
        text = f"in_channels={in_channels}, width={width}, blocks={blocks}, grid={grid}"
        got, want = number_of(answer(*case), text), stage_macs_of(*case)
        slips = {
            "Only the first block reads what comes into the stage.": 9 * in_channels * width * blocks * grid**2,
            "The first block reads `in_channels`, not `width`.": 9 * width * width * blocks * grid**2,
            "The grid has two sides.": want / grid,
            "That is the cost at one place of the grid.": want / grid**2,
            "A 3×3 window has nine places.": want / 3,
        }
        expect(got, want, f"For {text} you count {got:,}; {want:,} are expected.", slips)
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
def dearest(answer):
    require_function(answer)
    tables = [
        [
            ("stem", 4_464, 497_664),
            ("stage 1", 2_436, 600_064),
            ("stage 2", 7_626, 477_696),
            ("stage 3", 26_784, 417_024),
            ("classifier", 490, 480),
        ],
        [("stem", 900, 90), ("stage 1", 20, 80), ("classifier", 30, 100)],
        [(part.name, part.cost.parameters, part.cost.macs) for part in PRESETS["Inception-v3"].by_part()],
    ]
    for rows in tables:
        changed = "Your function changes the table that it gets. `sorted` makes a new list, `rows.sort()` does not."
        got, want = called(answer, (rows,), changed), dearest_of(rows)
        if got is None:
            raise Wrong("Your function gives back nothing. Is the `return` missing?")
        if not isinstance(got, (tuple, list)) or len(got) != 2:
            raise Wrong(f"A pair of names is needed, (by parameters, by multiply-adds); yours is {got!r}.")
        got = tuple(got)
        if got == want:
            continue
        said = f"For the table {rows} you find {got!r}; {want!r} is expected."
        if any(isinstance(each, (tuple, list)) for each in got):
            raise Wrong(f"{said} Give the names back, not the whole rows.")
        if not any(isinstance(each, str) for each in got):
            raise Wrong(f"{said} Give the names back, not the numbers.")
        if got == (max(rows)[0],) * 2:
            raise Wrong(f"{said} `max(rows)` compares the names: say with `key=` which number counts.")
        if got == want[::-1]:
            raise Wrong(f"{said} The first name is that of the part with most parameters.")
        if got == tuple(min(rows, key=lambda row: row[place])[0] for place in (1, 2)):
            raise Wrong(f"{said} Those are the cheapest.")
        if got[0] == got[1]:
            raise Wrong(f"{said} The part with most parameters need not be the one with most multiply-adds.")
        raise Wrong(said)
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
def widened(answer):
    require_function(answer)
    chains = (
        [(3, 16, 3, 16), (16, 24, 3, 16), (24, 48, 3, 8), (48, 10, 1, 1)],
        [(1, 8, 5, 8), (8, 2, 1, 1)],
        [(3, 12, 3, 9), (12, 12, 1, 9), (12, 20, 3, 4), (20, 20, 1, 1), (20, 7, 1, 1)],
    )
    for layers in chains:
        for times in (2, 1, 3):
            want, plain = widened_of(layers, times), widened_of(layers, 1)
            case = f"layers={layers}, times={times}"
            changed = "Your function changes the list that it gets. Compute with numbers of your own."
            got = number_of(called(answer, (layers, times), changed), case)
            last = len(layers) - 1
            all_out = sum(i * times ** (n > 0) * o * times * w**2 * g**2 for n, (i, o, w, g) in enumerate(layers))
            all_in = sum(i * times * o * times ** (n < last) * w**2 * g**2 for n, (i, o, w, g) in enumerate(layers))
            # Each layer at one place of its grid, as if its window had one cell.
            places = [(i * o * times ** ((n > 0) + (n < last)), w, g) for n, (i, o, w, g) in enumerate(layers)]
            slips = {
                "Channels in and channels out both grow, so that most layers cost times² as much.": plain * times,
                "The image's channels and the classes stay as they are: these two layers do not cost times² as much.": plain
                * times**2,
                "The classes stay as they are: the last layer puts out as many as before.": all_out,
                "The image's channels stay as they are.": all_in,
                "Nothing is widened in it.": plain,
                "The grid has two sides.": sum(each * w**2 * g for each, w, g in places),
                "The window has two sides.": sum(each * w * g**2 for each, w, g in places),
                "That is the cost at one place: multiply by the places of the grid.": sum(
                    each * w**2 for each, w, _ in places
                ),
                "The last layer is the classifier, whatever the grids in front of it.": sum(
                    i * times ** (n > 0) * o * times ** (g > 1) * w**2 * g**2 for n, (i, o, w, g) in enumerate(layers)
                ),
            }
            expect(got, want, f"For {case} you count {got:,}; {want:,} are expected.", slips)
    return "Nearly everything costs four times as much when widths double; only the two ends cost twice as much."


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
def tighter(answer):
    require_function(answer)
    for case in (
        (35_554, 2_111_024, 40_000, 2_500_000),
        (24_285, 2_078_640, 40_000, 2_500_000),
        (50_000, 2_600_000, 40_000, 2_500_000),
        (30_000, 3_000_000, 40_000, 2_500_000),
        (40_000, 1_000_000, 40_000, 2_500_000),
    ):
        parameters, macs, max_parameters, max_macs = case
        text = f"{parameters:,} of {max_parameters:,} parameters and {macs:,} of {max_macs:,} multiply-adds"
        got, want = answer(*case), tighter_of(*case)
        name, share = several_of(got, 2, text, "a pair is needed, (name, share left)")
        if name not in ("parameters", "macs"):
            raise Wrong(f'For {text} the first of the pair is {name!r}; it is "parameters" or "macs".')
        share = number_of(share, text, what="the share in your pair is")
        said = f"For {text} you find {name!r} with {share:.4g} left; {want[0]!r} with {want[1]:.4g} is expected."
        used = {"parameters": parameters / max_parameters, "macs": macs / max_macs}[name]
        if share == math.floor(1 - used) and not close(used, round(used)):
            raise Wrong(f"{said} `//` rounds down to whole numbers; a share needs `/`.")
        if close(share, used) and not close(used, 1 - used):
            raise Wrong(f"{said} That is the share that is used; what is left is asked.")
        if want[1] < 0 and close(share, abs(1 - used)):
            raise Wrong(f"{said} What is exceeded has less than nothing left: keep the sign.")
        by_number = "parameters" if max_parameters - parameters < max_macs - macs else "macs"
        other = 1 - macs / max_macs if want[0] == "parameters" else 1 - parameters / max_parameters
        if name != want[0]:
            if name == by_number:
                raise Wrong(f"{said} Compare shares of the limits: a parameter and a multiply-add are no common unit.")
            if close(share, other):
                raise Wrong(f"{said} That is the limit of which more is left.")
            raise Wrong(said)
        slips = {
            "Below 0 is right where a limit is exceeded: it says by how much.": max(0.0, want[1]),
            "That is in per cent; a share of 1 is asked.": 100 * want[1],
            "The sign: what is left is above 0 within the budget.": -want[1],
            "That is a share of what is used; a share of the limit is asked.": want[1] / (1 - want[1]),
            "That is a number, not a share of the limit.": want[1]
            * (max_parameters if name == "parameters" else max_macs),
        }
        expect(share, want[1], said, slips)
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
def widest(answer):
    require_function(answer)

    def square(width: int) -> tuple[int, int]:
        return 10 * width**2, 100 * width**2

    def uneven(width: int) -> tuple[int, int]:  # rounding makes costs jump: 24 and 26 are dearer than 28
        return {24: (900, 500), 26: (590, 290)}.get(width, (20 * width, 10 * width))

    cases = (
        ("both limits are far away", square, (8, 12, 16), 10_000, 100_000),
        ("the limit of parameters decides", square, (8, 12, 16, 20), 1_500, 1_000_000),
        ("the limit of multiply-adds decides", square, (8, 12, 16, 20), 1_000_000, 15_000),
        ("a limit is met exactly", square, (8, 12, 16), 1_440, 14_400),
        ("the widths are in no order", square, (20, 8, 16, 12), 2_600, 1_000_000),
        ("no width fits", square, (8, 12), 100, 100),
        ("the cost does not always grow with the width", uneven, (20, 24, 28, 32), 600, 1_000),
        ("a wider one is cheaper", uneven, (20, 26, 28), 600, 1_000),
    )
    for words, cost_of, widths, max_parameters, max_macs in cases:
        want = widest_of(cost_of, widths, max_parameters, max_macs)
        try:
            got = answer(cost_of, widths, max_parameters, max_macs)
        except (ValueError, UnboundLocalError, IndexError) as error:
            if want is not None:
                raise
            raise Wrong(f"Where {words}, your code stops: {error}. There it should give back None.") from error
        costs = {width: cost_of(width) for width in widths}
        said = (
            f"Where {words}: (parameters, multiply-adds) by width {costs}, limits {max_parameters:,} and {max_macs:,}. "
            f"Your function gives back {got!r}; {want!r} is expected."
        )
        if want is None and got is not None:
            raise Wrong(f"{said} Where no width fits, give back None.")
        if want is not None and got is None:
            slip = "Is the `return` missing?"
            if words.endswith("exactly"):
                slip = "A design that meets a limit exactly is within it."
            elif words.endswith("no order"):
                slip = "Do not stop at the first width that does not fit: a wider one may, or a later one."
            raise Wrong(f"{said} {slip}")
        if want is None:
            continue
        got = number_of(got, f"the case where {words}")
        if got == want:
            continue
        if got not in widths:
            raise Wrong(f"{said} One of the widths is asked.")
        parameters, macs = costs[got]
        if parameters > max_parameters:
            raise Wrong(f"{said} With that width there are too many parameters.")
        if macs > max_macs:
            raise Wrong(f"{said} With that width there are too many multiply-adds.")
        slip = ""
        if words.endswith("exactly"):
            slip = " A design that meets a limit exactly is within it."
        elif words == "a wider one is cheaper":
            slip = " The widest is asked, not the dearest."
        elif cost_of is uneven:
            slip = " Do not stop at the first width that does not fit: a wider one may."
        elif got == min(widths):
            slip = " That is the smallest."
        raise Wrong(f"{said} It fits, and a wider one fits too.{slip}")
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
def my_design(answer):
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
def margin(answer):
    require_function(answer)
    for case in ((0.89, 2000), (0.5, 100), (0.97, 10_000), (1.0, 50)):
        accuracy, images = case
        text = f"accuracy={accuracy}, images={images}"
        got, want = number_of(answer(*case), text), margin_of(*case)
        deviation = want / 1.96
        slips = {
            "That is one deviation; 95 % of all draws lie within 1.96 of them.": deviation,
            "That is the width of the whole interval; half of it is asked.": 2 * want,
            "That is the variance; its root is asked.": deviation**2,
            "That is 1.96 times the variance; its root is asked.": 1.96 * deviation**2,
            "That is in percentage points; accuracy goes from 0 to 1 here.": 100 * want,
            "The mean of many images scatters less than one image: divide by `images` inside the root.": want
            * math.sqrt(images),
            "`images` stands inside the root: four times as many halve the margin.": want / math.sqrt(images),
            "Both right and wrong count: accuracy * (1 - accuracy).": 1.96 * math.sqrt(accuracy / images),
            "Those are 2 deviations; 95 % of all draws lie within 1.96 of them.": 2 * deviation,
            "Divide by `images`, not by one less.": want * math.sqrt(images / (images - 1)),
            "Do not round: the figures that you need are gone.": round(want, 2),
        }
        told = f"For {text} you find {got:.4g}; {want:.4g} is expected."
        expect(got, want, told, slips, within=5e-3)  # 1.96, rounded or not
    return "Of many such sets of test images, 95 % give an accuracy within this distance of p. The seed's luck is not in it."
