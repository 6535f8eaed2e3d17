"""What lesson 09 answers to its exercises."""

import copy
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import torch
from torch import nn

from lessons.family.rows import Row, choose_of, pareto_of
from lessons.family.tuning import FrozenTrunk
from networks.catalog import create
from utils.feedback.answers import close, written
from utils.feedback.exercises import Feedback, Wrong, article
from utils.feedback.functions import Case, Kind, number, optional, pair, same_function, several, value

feedback = Feedback("family", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


def read_row_of(parameters: int, macs: int, activations: int) -> tuple[float, float, float]:
    """(megabytes of the weights, megabytes of one image's activations, multiply-adds done with each weight), float32."""
    return 4 * parameters / 1e6, 4 * activations / 1e6, macs / parameters


@feedback.exercise(
    "9.1",
    title="reading a row",
    difficulty="worked",
    minutes=4,
    hints=(
        "How many bytes has a number in float32?",
        "Four. A megabyte is a million bytes.",
        "`4 * parameters / 1e6`, `4 * activations / 1e6`, and `macs / parameters`.",
    ),
    reference=read_row_of,
)
def read_row(answer: Any) -> str:
    def slipped(
        weights: Callable[[int], float] = lambda parameters: 4 * parameters / 1e6,
        kept: Callable[[int], float] = lambda activations: 4 * activations / 1e6,
        uses: Callable[[int, int], float] = lambda parameters, macs: macs / parameters,
    ) -> Callable:
        """`read_row_of` with a slip in one of its three numbers."""
        return lambda parameters, macs, activations: (weights(parameters), kept(activations), uses(parameters, macs))

    def both(megabytes: Callable[[int], float]) -> tuple[Callable, ...]:
        return slipped(megabytes, megabytes), slipped(megabytes), slipped(kept=megabytes)

    slips = {
        "Each number takes four bytes.": both(lambda count: count / 1e6),
        "A byte has eight bits; megabytes are asked.": both(lambda count: 32 * count / 1e6),
        "A megabyte is a million bytes here.": both(lambda count: 4 * count / 2**20),
        "A megabyte is a million bytes; yours has a thousand.": both(lambda count: 4 * count / 1e3),
        "Those are bytes; megabytes are asked.": both(lambda count: 4 * count),
        "What is behind the point counts, and rounding or a division with `//` cuts off that part: divide with `/`, and do not round.": (
            *both(lambda count: 4 * count // 1e6),
            slipped(uses=lambda parameters, macs: macs // parameters),
        ),
        "The weights come first.": lambda parameters, macs, activations: (
            *read_row_of(activations, macs, parameters)[:2],
            macs / parameters,
        ),
        "It is the other way round.": slipped(uses=lambda parameters, macs: parameters / macs),
        "Per weight, not per byte.": slipped(uses=lambda parameters, macs: macs / (4 * parameters)),
        "Per weight, not per number of the activations.": lambda parameters, macs, activations: (
            *read_row_of(parameters, macs, activations)[:2],
            macs / activations,
        ),
    }
    names = ("megabytes of weights", "megabytes of activations", "uses of a weight")
    cases = ((6_998_552, 1_582_671_872, 3_227_160), (1000, 50_000, 250), (3_000_000, 7_000_000, 1), (7, 3, 0))
    same_function(answer, read_row_of, cases, result=several((number(digits=5),) * 3, names), slips=slips)
    return "Weights have to be stored once. Activations come anew with each image, and training keeps them all."


def improvement_of(before: float, after: float) -> tuple[float, float]:
    """(points, per cent of what was there) by which an error in per cent falls."""
    return before - after, 100 * (before - after) / before


@feedback.exercise(
    "9.2",
    title="points and per cent",
    difficulty="warm-up",
    minutes=5,
    hints=(
        "By how many points does an error fall from 10 % to 9 %? And which share of the errors is gone?",
        "The points are the difference. The share is the difference over what was there *before*.",
        "`before - after, 100 * (before - after) / before`",
    ),
    reference=improvement_of,
)
def improvement(answer: Any) -> str:
    def slipped(share: Callable[[float, float], float]) -> Callable:
        return lambda before, after: (before - after, share(before, after))

    slips = {
        "An error that falls is an improvement, and positive.": (
            lambda before, after: (after - before, 100 * (before - after) / before),
            lambda before, after: (after - before, 100 * (after - before) / before),
            slipped(lambda before, after: 100 * (after - before) / before),
        ),
        "Here the error rises: that is an improvement below zero.": (
            lambda before, after: (abs(before - after), 100 * abs(before - after) / before),
            lambda before, after: (max(before - after, 0), 100 * max(before - after, 0) / before),
        ),
        "That is the relative improvement; the points come first.": lambda before, after: improvement_of(before, after)[::-1],
        "That is a share; per cent are asked, 100 times as much.": slipped(lambda before, after: (before - after) / before),
        "The share is of the error *before*.": slipped(lambda before, after: 100 * (before - after) / after),
        "The share is of the error before, not of the mean of both.": slipped(
            lambda before, after: 200 * (before - after) / (before + after)
        ),
        "That are the points again. Which share of the error is gone?": slipped(lambda before, after: before - after),
        "That is what is left; what is gone is asked.": slipped(lambda before, after: 100 * after / before),
        "That is the gain of the accuracy over the accuracy before; errors are compared here.": slipped(
            lambda before, after: 100 * (before - after) / (100 - before)
        ),
        "Of what was there before, a share is asked: divide by it.": slipped(lambda before, after: 100 * (before - after)),
        "The errors are in per cent already: a difference of points is not multiplied by 100.": (
            lambda before, after: (100 * (before - after), 100 * (before - after) / before),
            lambda before, after: (100 * (before - after), 100 * 100 * (before - after) / before),
        ),
        "Do not round.": [
            lambda before, after, digits=digits: tuple(round(each, digits) for each in improvement_of(before, after))
            for digits in (0, 1, 2)
        ],
        "What is behind the point counts, and rounding or a division with `//` cuts off that part: divide with `/`, and do not round.": (
            slipped(lambda before, after: 100 * (before - after) // before),
            slipped(lambda before, after: 100 * ((before - after) // before)),
        ),
    }  # fmt: skip
    cases = ((10.0, 9.0), (15.3, 6.67), (5.6, 4.9), (4.0, 5.0), (8.0, 0.0), (6.0, 6.0), (2, 7))
    result = pair(number(digits=5, unit="points"), number(digits=5, unit="%"), ("points", "per cent"))
    same_function(answer, improvement_of, cases, result=result, slips=slips)
    return "Both are true, and they sound different: say which one you mean."


PARETO_CASES = (
    ("three in a chain", {"a": (1, 30), "b": (2, 20), "c": (3, 10)}),
    ("one that is dearer and worse", {"a": (1, 30), "b": (2, 20), "c": (3, 25)}),
    ("one as dear as another, and worse", {"a": (2, 20), "b": (2, 25), "c": (1, 40)}),
    ("one as good as another, and dearer", {"a": (1, 20), "b": (4, 20), "c": (5, 10)}),
    ("two that are equal in both", {"a": (1, 20), "b": (1, 20), "c": (2, 30)}),
    ("a single one", {"a": (5, 5)}),
    ("costs that are all alike", {"a": (2, 7), "b": (2, 5), "c": (2, 6)}),
    ("errors that are all alike", {"a": (4, 5), "b": (3, 5), "c": (6, 5)}),
    ("three that are equal in both", {"c": (2, 2), "a": (2, 2), "d": (1, 3), "b": (2, 2)}),
    ("points below zero", {"a": (-1, 2), "b": (0, -3), "c": (-1, -4)}),
    ("nobody", {}),
    ("the order turned round", {"d": (9, 1), "c": (4, 4), "b": (3, 8), "a": (2, 3), "e": (2.5, 3.5)}),
)


@feedback.exercise(
    "9.3",
    title="who is on the front",
    difficulty="medium",
    minutes=10,
    hints=(
        "Take one network, and go through the others. What has to be true of another one, so that nobody would take the first?",
        "The other is no dearer *and* errs no more, and in one of the two it is better. A network is on the front if that is true of "
        "no other.",
        "`is_beaten = any(c <= cost and e <= error and (c < cost or e < error) for c, e in points.values())`; compared with itself "
        "a network is better in neither, so it can stay in the loop.",
    ),
    reference=lambda points: list(pareto_of(points)),
)
def pareto(answer: Any) -> str:
    def read(result: object, case: str, wanted: Front) -> Front:
        if isinstance(result, Front):
            return result
        if isinstance(result, str | Mapping) or not isinstance(result, Collection):  # a generator can be read only once
            raise Wrong(f"For {case} your function gives back {article(result)}; a list of names is needed.")
        names = list(result)
        unknown = [each for each in names if not isinstance(each, str) or each not in wanted.points]
        if unknown:
            needed = f"names are needed: {', '.join(wanted.points)}" if wanted.points else "nobody is on the front"
            raise Wrong(f"For {case} your function gives back {unknown[0]!r}; {needed}.")
        if len(set(names)) != len(names):
            raise Wrong(f"For {case} a name comes twice: {', '.join(names)}.")
        return Front(set(names), wanted.points)

    def lowest(points: Mapping[str, tuple[float, float]], place: int) -> list[str]:
        """The one that is lowest; where several are, leaving one out is another slip."""
        found = [name for name, each in points.items() if each[place] == min(both[place] for both in points.values())]
        if len(found) != 1:
            raise ValueError(found)
        return found

    slips = {
        "Of both, less is better.": lambda points: pareto_of({name: (-c, -e) for name, (c, e) in points.items()}),
        "Those are the ones that others dominate; the others are asked.": lambda points: (
            set(points) - set(pareto_of(points))
        ),
        "That is the one that errs least alone.": lambda points: lowest(points, 1),
        "That is the cheapest alone.": lambda points: lowest(points, 0),
    }
    result = Kind(
        read,
        lambda mine, right: mine.names == right.names,
        lambda front: ", ".join(sorted(front.names)) or "empty",
        lambda mine, right: _about_front(mine.names, right.names, right.points),
        said="For {}, your front is {}; {} is right.",
    )
    cases = [Case((points,), f"{title}, {points}") for title, points in PARETO_CASES]
    same_function(answer, lambda points: Front(set(pareto_of(points)), points), cases, result=result, slips=slips)
    return "Dearer and no better, or worse and no cheaper: such a network is taken by nobody. All others are a matter of taste."


class Front(NamedTuple):
    """The names on a front, and the (cost, error) of all by name."""

    names: set[str]
    points: Mapping[str, tuple[float, float]]


def _about_front(mine: set[str], want: set[str], points: Mapping[str, tuple[float, float]]) -> str:
    """Why one that is missing belongs to the front, or one that is there does not."""
    missing, extra = sorted(want - mine), sorted(mine - want)
    if missing:
        name = missing[0]
        same = [other for other in points if other != name and points[other] == points[name]]
        if same:
            return f"{name} and {same[0]} are equal in both. Neither is better than the other, so neither takes the other's place."
        better = [other for other in points if points[other][1] < points[name][1]]
        if better:
            return f"{name} errs more than {better[0]} and is cheaper. One that is better on one axis only does not dominate."
        return f"No other is better than {name} without being worse on the other axis."
    name = extra[0]
    cost, error = points[name]
    by = next(o for o, (c, e) in points.items() if c <= cost and e <= error and (c, e) != (cost, error))
    kind = "as dear" if points[by][0] == cost else "as good" if points[by][1] == error else "cheaper and better"
    other = "errs less" if points[by][0] == cost else "costs less" if points[by][1] == error else ""
    text = f"{by} is {kind}{f' and {other}' if other else ''}, so nobody would take {name}."
    return text + (" Better in one of the two is enough, if it is not worse in the other." if other else "")


def throughput_of(seconds: Sequence[float], batch_size: int, warm_up: int) -> float:
    """Images a second by the median of the rounds behind the first `warm_up` ones."""
    return batch_size / torch.tensor(seconds[warm_up:], dtype=torch.float64).quantile(0.5).item()


@feedback.exercise(
    "9.4",
    title="images a second",
    difficulty="warm-up",
    minutes=6,
    hints=(
        "Which rounds count? What is the middle one of them, once they are sorted?",
        "Leave out the first `warm_up`: `seconds[warm_up:]`. `statistics.median` takes the middle, and the mean of the two middle ones "
        "of an even number.",
        "`batch_size / statistics.median(seconds[warm_up:])`",
    ),
    reference=throughput_of,
)
def throughput(answer: Any) -> str:
    def by_time(time: Callable[[Sequence[float]], float]) -> Callable:
        """Images a second by another time than the median of the rounds that count."""
        return lambda seconds, batch_size, warm_up: batch_size / time(seconds[warm_up:])

    def by_rounds(kept: Callable[[Sequence[float], int], Sequence[float]]) -> Callable:
        """Images a second by the median of other rounds."""
        return lambda seconds, batch_size, warm_up: batch_size / median(kept(seconds, warm_up))

    slips = {
        "The rounds that warm up are in it. Leave the first ones out.": by_rounds(lambda seconds, warm_up: seconds),
        "That is the mean: one slow round, in which something else ran, moves it. Take the median.": by_time(mean),
        "That is the mean of all rounds. Leave the first ones out, and take the median.": lambda seconds, batch_size, warm_up: (
            batch_size / mean(seconds)
        ),
        "That is the mean of the rounds' speeds. Take the median of the times, then divide.": (
            lambda seconds, batch_size, warm_up: mean([batch_size / each for each in seconds[warm_up:]])
        ),
        "That is the median of the rounds' speeds. Take the median of the times, then divide.": (
            lambda seconds, batch_size, warm_up: median([batch_size / each for each in seconds[warm_up:]])
        ),
        "That is by the fastest round; the median is asked.": by_time(min),
        "That is by the slowest round; the median is asked.": by_time(max),
        "That is by the last round; the median is asked.": by_time(lambda kept: kept[-1]),
        "That is by the time of all rounds together; that of one batch is asked.": by_time(sum),
        "That is seconds an image; images a second are asked.": lambda *case: 1 / throughput_of(*case),
        "That is batches a second. Each batch has `batch_size` images.": lambda seconds, batch_size, warm_up: (
            1 / median(seconds[warm_up:])
        ),
        "That is the median time of a batch.": lambda seconds, batch_size, warm_up: median(seconds[warm_up:]),
        "The time divides the images: `batch_size / time`, not `batch_size * time`.": lambda seconds, batch_size, warm_up: (
            batch_size * median(seconds[warm_up:])
        ),
        "The first rounds warm up, not the last ones.": by_rounds(
            lambda seconds, warm_up: seconds[: len(seconds) - warm_up]
        ),
        "The list has to be sorted before its middle is taken, or use `statistics.median`.": (
            by_time(lambda kept: kept[len(kept) // 2]),
            by_time(lambda kept: (kept[(len(kept) - 1) // 2] + kept[len(kept) // 2]) / 2),
        ),
        "With an even number of rounds the median is the mean of the two middle ones.": (
            by_time(lambda kept: sorted(kept)[len(kept) // 2]),
            by_time(lambda kept: sorted(kept)[(len(kept) - 1) // 2]),
        ),
        "Leave the first rounds out before you sort, not the quickest ones after it.": by_rounds(
            lambda seconds, warm_up: sorted(seconds)[warm_up:]
        ),
        "`seconds[warm_up:]` leaves out the first `warm_up` rounds, no more and no less.": (
            by_rounds(lambda seconds, warm_up: seconds[warm_up + 1 :]),
            by_rounds(lambda seconds, warm_up: seconds[max(warm_up - 1, 0) :]),
            by_rounds(lambda seconds, warm_up: seconds[1:]),
        ),
        "Those are the rounds that warm up; the others count.": by_rounds(lambda seconds, warm_up: seconds[:warm_up]),
        "What is behind the point counts, and rounding or a division with `//` cuts off that part: divide with `/`, and do not round.": lambda seconds, batch_size, warm_up: (
            batch_size // median(seconds[warm_up:])
        ),
        "Do not round.": [lambda *case, digits=digits: round(throughput_of(*case), digits) for digits in (0, 1, 2)],
    }
    cases = (
        ([0.9, 0.3, 0.2, 0.7, 0.4, 0.25], 32, 1),
        ([3.0, 1.0, 0.4, 0.1, 0.6, 0.2], 8, 2),
        ([0.5, 0.25, 0.8], 1, 0),
        ([0.7, 0.1, 0.3, 0.2, 0.9], 10, 3),
        ([2.0, 4.0, 1.0, 7.0], 3, 3),
        ([0.1, 0.3, 0.3, 0.3, 0.6, 0.2], 5, 0),
        ((0.05,), 6, 0),
    )
    same_function(answer, throughput_of, cases, result=number(digits=5), slips=slips)
    return "Nothing that else runs on the machine can make a round quicker; the median does not care about the few that it made slower."


def _row(name: str, parameters: int, macs: int, top1: float | None) -> Row:
    return Row(name, name, "paper", 299, parameters, macs, 0, 0, top1, None, "made for the check")


CHOICES = (
    ("both budgets count", (("a", 10, 100, 20.0), ("b", 20, 50, 18.0), ("c", 5, 200, 15.0)), (15, 150)),
    ("one is beyond both budgets", (("a", 20, 200, 5.0), ("b", 10, 100, 20.0), ("c", 20, 50, 10.0)), (15, 150)),
    ("a network that just fits", (("a", 10, 100, 20.0), ("b", 9, 90, 25.0)), (10, 100)),
    ("an error that is not printed", (("a", 1, 1, None), ("b", 2, 2, 40.0), ("c", 3, 3, None)), (5, 5)),
    ("two that err alike", (("a", 4, 80, 20.0), ("b", 6, 60, 20.0), ("c", 1, 1, 30.0)), (10, 100)),
    ("nothing fits", (("a", 10, 100, 20.0), ("b", 20, 50, 18.0)), (5, 60)),
    ("only one that fits has no error", (("a", 1, 1, None), ("b", 20, 50, 18.0)), (5, 60)),
    ("the dearest that fits is not the best", (("a", 9, 90, 20.0), ("b", 2, 20, 15.0), ("c", 1, 10, 30.0)), (10, 100)),
    ("three that err alike", (("a", 2, 70, 20.0), ("b", 9, 50, 20.0), ("c", 3, 60, 20.0)), (10, 100)),
    (
        "the cheapest that fits is not the worst",
        (("a", 1, 10, 20.0), ("b", 2, 20, 15.0), ("c", 3, 30, 30.0)),
        (10, 100),
    ),
    ("an error of 0", (("a", 3, 3, 0.0), ("b", 2, 2, 10.0)), (5, 5)),
    ("no network at all", (), (5, 5)),
)


@feedback.exercise(
    "9.5",
    title="a backbone for a budget",
    difficulty="medium",
    minutes=10,
    hints=(
        "First who fits: which three things have to be true of a network? Then who of these errs least?",
        "It has a printed error (`top1 is not None`), and parameters and MACs are at most the budget. `min` with `key=` takes the best; a pair "
        "as the key decides between equals.",
        "`fits = [n for n in networks if n.top1 is not None and n.parameters <= max_parameters and n.macs <= max_macs]`; then "
        "`min(fits, key=lambda n: (n.top1, n.macs)).name if fits else None`.",
    ),
    reference=choose_of,
)
def choose(answer: Any) -> str:
    def chosen(
        fits: Callable[[Row, float, float], bool] = lambda row, parameters, macs: (
            row.parameters <= parameters and row.macs <= macs
        ),
        key: Callable[[Row], Any] = lambda row: (row.top1, row.macs),
        *,
        known: Callable[[Row], bool] = lambda row: row.top1 is not None,
        given: Callable[[Row], Any] = lambda row: row.name,
    ) -> Callable:
        """`choose_of` with a slip: who fits, who of them is best, whose error is known, or what of it is given back."""

        def found(networks: Sequence[Row], max_parameters: float, max_macs: float) -> Any:
            fitting = [row for row in networks if known(row) and fits(row, max_parameters, max_macs)]
            return given(min(fitting, key=key)) if fitting else None

        return found

    def backwards(networks: Sequence[Row], max_parameters: float, max_macs: float) -> Any:
        """The last of those that err least."""
        return chosen(key=lambda row: row.top1)(networks[::-1], max_parameters, max_macs)

    slips = {
        "It gives back `None`, as a function without `return` does.": lambda networks, max_parameters, max_macs: None,
        "It takes more multiply-adds than the budget allows.": chosen(lambda row, parameters, macs: row.parameters <= parameters),
        "It has more parameters than the budget allows.": chosen(lambda row, parameters, macs: row.macs <= macs),
        "It exceeds the budgets: no network that does can be chosen.": chosen(lambda row, parameters, macs: True),
        "Both budgets have to be kept, not one of them.": chosen(
            lambda row, parameters, macs: row.parameters <= parameters or row.macs <= macs
        ),
        "What costs exactly the budget still fits.": (
            chosen(lambda row, parameters, macs: row.parameters < parameters and row.macs < macs),
            chosen(lambda row, parameters, macs: row.parameters < parameters and row.macs <= macs),
            chosen(lambda row, parameters, macs: row.parameters <= parameters and row.macs < macs),
        ),
        "Both err alike; the one with fewer multiply-adds is asked.": (
            chosen(key=lambda row: row.top1),
            backwards,
            chosen(key=lambda row: (row.top1, row.parameters)),
            chosen(key=lambda row: (row.top1, -row.macs)),
            chosen(key=lambda row: (row.top1, row.name)),
        ),
        "Nothing is known of its error.": (
            chosen(known=lambda row: True, key=lambda row: (row.top1 or 0, row.macs)),
            chosen(known=lambda row: True, key=lambda row: (row.top1 is not None, row.top1, row.macs)),
            chosen(known=lambda row: True, key=lambda row: (100 if row.top1 is None else row.top1, row.macs)),
        ),
        "An error of 0 is known, too: ask whether it `is not None`.": chosen(known=lambda row: bool(row.top1)),
        "The least error is asked, not the largest.": chosen(key=lambda row: (-row.top1, row.macs)),
        "The least error is asked; yours takes fewest multiply-adds.": chosen(key=lambda row: row.macs),
        "The least error is asked; yours has fewest parameters.": chosen(key=lambda row: row.parameters),
        "The least error is asked; yours spends most of a budget.": (
            chosen(key=lambda row: -row.parameters),
            chosen(key=lambda row: -row.macs),
        ),
        "The least error is asked; yours is the first that fits.": chosen(key=lambda row: 0),
        "That is the network itself; its name is asked: `.name`.": chosen(given=lambda row: row),
        "That is its error; its name is asked: `.name`.": chosen(given=lambda row: row.top1),
    }  # fmt: skip
    cases = []
    for title, given, budgets in CHOICES:
        networks = tuple(_row(*each) for each in given)
        for turned in (networks, networks[::-1]):
            listed = "; ".join(f"{n.name}: {n.parameters} parameters, {n.macs} MACs, error {n.top1}" for n in turned)
            text = f"{title} ({listed}; budgets {budgets[0]} and {budgets[1]})"
            cases.append(Case((turned, *budgets), text))
    said = "For {} you choose {}; {} is right.".format

    def text(choice: object) -> str:
        return f"the whole row of {choice.name!r}" if isinstance(choice, Row) else written(choice)

    result = replace(optional(value()), text=text)
    same_function(answer, choose_of, cases, result=result, slips=slips, said=said, stops=_about_choosing)
    return "Budget first, error next, cost last. The front shows all such choices at once."


def _about_choosing(error: Exception, networks: Sequence[Row], max_parameters: float, max_macs: float) -> str:
    if isinstance(error, TypeError) and "NoneType" in str(error) and any(n.top1 is None for n in networks):
        return "Your code compares None with a number. Leave out who has no printed error."
    if choose_of(networks, max_parameters, max_macs) is None and isinstance(error, ValueError | IndexError):
        return "There is nothing to choose from: give back None where no network fits."
    return ""


@feedback.exercise(
    "9.6",
    title="a frozen trunk",
    difficulty="hard",
    minutes=14,
    hints=(
        "Three things: no gradients for what was trained, a new classifier, and a trunk whose batch normalisation stays as it is. Which "
        "calls of `train` would undo the third?",
        "`net.requires_grad_(False)` before the new `nn.Linear(net.classifier.in_features, classes)`, whose parameters are trained. Before each step "
        "the training calls `train()`, which puts every layer into training mode: write a `train` that puts the trunk back.",
        "`def train(self, mode=True): super().train(mode); self.net.eval(); return self`",
    ),
    reference=FrozenTrunk,
)
def frozen_trunk(answer: Any) -> str:
    if isinstance(answer, nn.Module):
        raise Wrong("Hand over the class, without building it: `check.frozen_trunk(MyFrozen)`.")
    if not callable(answer):
        raise Wrong(f"Hand over the class itself. This is {article(answer)}.")
    for name, classes in (("bn_inception", 3), ("xception", 5)):  # the second has dropout
        _examine(answer, name, classes)
    return "Only the classifier learns, and the trunk sees each image as it did before."


def _trunk(name: str) -> nn.Module:
    """A small trained network: statistics that differ from those of the next batch."""
    torch.manual_seed(1)
    net = create(name, size="mini", num_classes=7, width=0.5)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return net


def _examine(answer: object, name: str, classes: int) -> None:
    with torch.random.fork_rng(devices=[]):
        original = _trunk(name)
        draws = torch.Generator().manual_seed(2)
        images = 2 * torch.randn(6, 3, 16, 16, generator=draws) + 1
        given = copy.deepcopy(original).train()
        mine = answer(given, classes)
        if not isinstance(mine, nn.Module):
            raise Wrong(f"Your class gives {article(mine)}; an nn.Module is needed.")
        if list(inspect.signature(mine.train).parameters) == []:
            raise Wrong("torch calls `train(mode)`, with True or False: write `def train(self, mode=True)`.")
        if mine.train() is not mine:
            raise Wrong(
                "Your `train` gives back something else than the module. As in torch, it ends with `return self`."
            )
        on = [each for each, part in mine.eval().named_modules() if part.training]
        mine.train()
        if on:
            which = f"`{on[0]}`" if on[0] else "the module itself"
            raise Wrong(f"After `eval()`, which calls `train(False)`, {which} is in training mode: hand `mode` on.")
        _scores(mine, original, images, classes)
        _trained_parameters(mine, original, classes)
        before = _trunk_state(mine, classes)
        _statistics(mine, images, before, classes)
        _outputs(mine, original, images, classes)
        _step(mine, images, classes)


def _scores(mine: nn.Module, original: nn.Module, images: torch.Tensor, classes: int) -> None:
    """Raise `Wrong` where the module does not run, or puts out something else than a score for each class."""
    features, old = original.classifier.in_features, original.classifier.out_features
    given = images.clone()
    try:
        out = mine(given)
    except RuntimeError as error:
        reads = {layer.in_features for layer in mine.modules() if isinstance(layer, nn.Linear)}
        if "mat1 and mat2" in str(error) and features not in reads:
            raise Wrong(
                f"Your new classifier is made for {min(reads, default=0)} numbers an image, and {features} reach it: "
                "`net.classifier.in_features` of the old one."
            ) from error
        raise
    if not torch.equal(given, images):
        raise Wrong("Your forward changes its input, the images, which others read, too.")
    if isinstance(out, torch.Tensor) and tuple(out.shape) == (len(images), classes):
        return
    shape = tuple(out.shape) if isinstance(out, torch.Tensor) else article(out)
    said = f"For {len(images)} images and classes={classes} your module gives {shape}; ({len(images)}, {classes}) is expected."
    is_old = shape == (len(images), old) and any(
        isinstance(layer, nn.Linear) and torch.equal(layer.weight, original.classifier.weight)
        for layer in mine.modules()
        if getattr(layer, "out_features", None) == old
    )
    if is_old:
        raise Wrong(f"{said} Is the classifier new? The given one, of {old} classes, is in it.")
    raise Wrong(f"{said} A new classifier puts out `classes` numbers an image.")


def _trained_parameters(mine: nn.Module, original: nn.Module, classes: int) -> None:
    features = original.classifier.in_features
    trained = [tuple(each.shape) for each in mine.parameters() if each.requires_grad]
    if not trained:
        raise Wrong(
            "No parameter is trained. The new classifier has to be made *after* the gradients are switched off."
        )
    if sorted(trained) == sorted([(classes, features), (classes,)]):
        return
    if trained == [(classes, features)]:
        raise Wrong("The new classifier has no bias: leave `bias=False` out.")
    frozen = {tuple(each.shape) for each in mine.parameters() if not each.requires_grad}
    if not frozen:
        raise Wrong(
            "Every parameter is trained. Switch the gradients of the given network off: `net.requires_grad_(False)`."
        )
    if all(len(shape) == 1 for shape in set(trained) - {(classes, features)}):
        raise Wrong(
            f"{len(trained)} tensors are trained; only the classifier's weight and bias should be. Batch normalisation has a weight and a bias, "
            "too."
        )
    raise Wrong(
        f"{len(trained)} tensors are trained; only the classifier's weight, {(classes, features)}, and its bias should be."
    )


def _trunk_state(mine: nn.Module, classes: int) -> dict[str, torch.Tensor]:
    trained = {name for name, each in mine.named_parameters() if each.requires_grad}
    return {name: each.clone() for name, each in mine.state_dict().items() if name not in trained}


def _changed(mine: nn.Module, before: Mapping[str, torch.Tensor]) -> list[str]:
    now = mine.state_dict()
    return [name for name, each in before.items() if not torch.equal(now[name], each)]


def _statistics(mine: nn.Module, images: torch.Tensor, before: Mapping[str, torch.Tensor], classes: int) -> None:
    for round_number in (1, 2):
        mine.eval()
        mine.train()
        mine(images)
        changed = _changed(mine, before)
        if changed:
            again = " the second time" if round_number == 2 else ""
            raise Wrong(
                f"After `train()` and one batch{again} {changed[0]} has changed: batch normalisation collects new statistics although no "
                "parameter of it is trained. Put the trunk into evaluation mode, and see that `train()` leaves it there."
            )


def _outputs(mine: nn.Module, original: nn.Module, images: torch.Tensor, classes: int) -> None:
    mine.train()
    reference = copy.deepcopy(original).eval()
    bias, weight = sorted((each for each in mine.parameters() if each.requires_grad), key=torch.Tensor.dim)
    classifier = nn.Linear(weight.shape[1], classes)
    classifier.load_state_dict({"weight": weight, "bias": bias})
    reference.classifier = classifier
    with torch.no_grad():
        want, in_training = reference(images), mine(images)
        in_evaluation = mine.eval()(images)
    mine.train()
    if not close(in_evaluation, want):
        if close(in_evaluation, want.relu()):
            raise Wrong("A ReLU follows the classifier, where nothing should: scores can be negative.")
        raise Wrong(
            "In evaluation mode your module computes something else than the given network with your classifier. Are its weights "
            "new, or is something done to its outputs? It puts out scores, before any softmax."
        )
    if not close(in_training, want) and not any(m.training for m in mine.modules() if isinstance(m, nn.BatchNorm2d)):
        raise Wrong(
            "In a network with dropout your module computes something else in training mode than in evaluation mode: its batch normalisation is in evaluation "
            "mode, but dropout is on. Put the whole trunk into evaluation mode."
        )
    if not close(in_training, want):
        raise Wrong(
            "In training mode your module computes something else than in evaluation mode: the trunk's batch normalisation uses the statistics "
            "of each batch. Put the trunk into evaluation mode, and see that `train()` leaves it there."
        )


def _step(mine: nn.Module, images: torch.Tensor, classes: int) -> None:
    mine.train()
    before = _trunk_state(mine, classes)
    optimizer = torch.optim.SGD(mine.parameters(), lr=0.1)
    loss = nn.functional.cross_entropy(mine(images), torch.arange(len(images)) % classes)
    if not loss.requires_grad:
        raise Wrong("No gradient comes out of your module. Only the trunk does without; the classifier has to learn.")
    loss.backward()
    if any(each.grad is None or not each.grad.abs().sum() for each in mine.parameters() if each.requires_grad):
        raise Wrong("The new classifier gets no gradient.")
    optimizer.step()
    if changed := _changed(mine, before):
        raise Wrong(f"After a step of training {changed[0]} has changed; only the classifier should.")


def for_processes_of(batch_size: int, learning_rate: float, processes: int, grows: bool) -> tuple[int, float]:
    """(images a step in each process, learning rate).

    Raises:
        ValueError: a batch that stays as large cannot be dealt out evenly.
    """
    if grows:
        return batch_size, learning_rate * processes
    if batch_size % processes:
        raise ValueError(f"{batch_size} images cannot be dealt out evenly to {processes} processes.")
    return batch_size // processes, learning_rate


@feedback.exercise(
    "9.7",
    title="one recipe, several processes",
    difficulty="medium",
    minutes=7,
    hints=(
        "How many images does one step see in all, if the batch stays as large? And if each process keeps a whole batch?",
        "As large: each process takes `batch_size // processes`, and the step is the same step, with the same rate. If it grows: each process has "
        "`batch_size`, a step sees `processes` times as many, and there are fewer steps, so the rate grows with them.",
        "`if grows: return batch_size, learning_rate * processes`; else raise a ValueError if `batch_size % processes`, and "
        "`return batch_size // processes, learning_rate`.",
    ),
    reference=for_processes_of,
)
def for_processes(answer: Any) -> str:
    def slipped(
        images: Callable[[int, int, bool], float] | None = None, rate: Callable[[float, int, bool], float] | None = None
    ) -> Callable:
        """`for_processes_of` with another number of images, or another rate; it refuses nothing."""

        def found(batch_size: int, learning_rate: float, processes: int, grows: bool) -> tuple[float, float]:
            own = batch_size if grows else batch_size / processes
            scale = processes if grows else 1
            return (
                images(batch_size, processes, grows) if images else own,
                rate(learning_rate, processes, grows) if rate else learning_rate * scale,
            )

        return found

    slips = {
        "With `grows` each process keeps a whole batch.": slipped(lambda batch, processes, grows: batch / processes),
        "Each process takes its part of the batch.": slipped(lambda batch, processes, grows: batch),
        "That is what all processes see together; the images of one are asked.": slipped(
            lambda batch, processes, grows: batch * processes if grows else batch
        ),
        "The two cases have changed places.": lambda batch_size, learning_rate, processes, grows: slipped()(
            batch_size, learning_rate, processes, not grows
        ),
        "`grows` is not looked at: one of the two ways is taken always.": (
            lambda batch_size, learning_rate, processes, grows: slipped()(batch_size, learning_rate, processes, True),
            lambda batch_size, learning_rate, processes, grows: slipped()(batch_size, learning_rate, processes, False),
        ),
        "A step sees `processes` times as many images, and the linear rule lets the rate grow as much.": slipped(
            rate=lambda rate, processes, grows: rate
        ),
        "The step is the same as in one process, so its rate is the same.": slipped(
            rate=lambda rate, processes, grows: rate * processes
        ),
        "The rate grows with the batch; it does not fall.": slipped(
            rate=lambda rate, processes, grows: rate / processes if grows else rate
        ),
        "The batch of a step stays as large as it was, and so does the rate.": slipped(
            rate=lambda rate, processes, grows: rate * processes if grows else rate / processes
        ),
        "That is the square root rule; the linear one is asked.": slipped(
            rate=lambda rate, processes, grows: rate * processes**0.5 if grows else rate
        ),
        "The pair is the other way round: the images come first.": lambda *case: slipped()(*case)[::-1],
    }
    cases = (
        (64, 0.1, 2, False),
        (64, 0.1, 2, True),
        (96, 0.045, 8, False),
        (32, 0.045, 50, True),
        (32, 0.5, 1, False),
        (7, 0.3, 7, False),
        (64, 0.1, 3, False),
        (10, 0.1, 4, False),
        (3, 0.2, 6, False),
        (9, 0.2, 1, True),
        (60, 0.1, 4, True),
    )
    result = pair(number(whole=True), number(digits=5), ("images in each process", "learning rate"))
    same_function(answer, for_processes_of, cases, result=result, slips=slips, stops=_about_refusing)
    return (
        "This course's recipes count all processes together: the first way. Papers with many GPUs often go the second."
    )


def _about_refusing(error: Exception, batch_size: int, learning_rate: float, processes: int, grows: bool) -> str:
    if isinstance(error, AssertionError):
        return "Your function stops with an `assert`. Raise a ValueError, as `raise ValueError(...)`: asserts can be switched off."
    if isinstance(error, ValueError) and grows:
        return "With `grows` nothing is dealt out, so any number of processes fits."
    return ""
