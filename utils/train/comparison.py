"""Comparing runs: mean, spread, and whether arms differ by more than their seeds scatter.

A comparison that states beforehand which difference would matter ends in a verdict: "differs", "equal" or "open".
"""

import bisect
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from utils.page.html import Html, output, table, tag
from utils.train.runs import Run

# From where to where a figure can go, by its unit; a run reaches something after one epoch or later.
BOUNDS = {"%": (0.0, 100.0), "points": (0.0, 100.0), "epochs": (1.0, math.inf)}


@dataclass(frozen=True)
class Quantity:
    """One figure of a run, in the unit in which it is shown."""

    name: str  # "test accuracy"
    unit: str  # "%"; "" for a bare number
    of: Callable[[Run], float]
    points: str = ""  # the unit of a difference, where it is another: "points" between two percentages
    digits: int = 1  # behind the point, in a sentence; a table has one more
    words: tuple[str, str] | None = None  # how to say that a value is above, and below, another: ("later", "earlier")
    is_share: bool = False  # each value is 100 or 0, so that a mean is a share of runs, with a proportion's interval

    @property
    def label(self) -> str:
        """Name and unit, as on an axis."""
        return f"{self.name}, {self.unit}" if self.unit else self.name

    def interval(self, low: float, high: float, *, digits: int, of_difference: bool = False) -> str:
        """From where to where an interval goes, as far as values can be.

        Student's interval of few runs knows no bounds: that of a share can reach below 0 % and above 100 %, that of two shares'
        difference beyond 100 points. What is shown ends there; a verdict is the same for either. An end that would be
        rounded to 0 and is none gets more digits: on which side of 0 it lies decides.
        """
        least, most = BOUNDS.get(self.unit, (-math.inf, math.inf))
        if of_difference:
            least, most = least - most, most - least
        low, high = max(low, least), min(high, most)
        while of_difference and digits < 4 and any(end and not round(end, digits) for end in (low, high)):
            digits += 1
        sign = "+" if of_difference else ""
        return f"{low:{sign}.{digits}f} to {high:{sign}.{digits}f}"

    def difference(self, value: float) -> str:
        """A difference of two, without its sign, with its unit."""
        unit = self.points or self.unit
        return f"{abs(value):.{self.digits}f}{' ' + unit if unit else ''}"


ACCURACY = Quantity("test accuracy", "%", lambda run: 100 * run.history[-1].test_accuracy, points="points")


def measured(name: str, title: str, unit: str = "", *, points: str = "", digits: int = 1) -> Quantity:
    """A quantity out of a run's `measures`, under this name."""

    def value(run: Run) -> float:
        found = run.measures[name]
        if isinstance(found, list):
            raise ValueError(f"{name} is a list of {len(found)} numbers in this run; a quantity is one number.")
        return found

    return Quantity(title, unit, value, points=points, digits=digits)


def epochs_to(accuracy: float) -> Quantity:
    """Epochs until the test accuracy, 0 to 1, is reached for the first time; one more than a run has where it never is."""

    def first(run: Run) -> int:
        reached = (epoch.epoch for epoch in run.history if epoch.test_accuracy >= accuracy)
        return next(reached, len(run.history) + 1)

    name = f"reaches {accuracy:.0%}".replace("%", " %")
    return Quantity(name, "epochs", first, words=("later", "earlier"))


@dataclass(frozen=True)
class Summary:
    """One arm: the values of its runs, their mean, and how far they scatter."""

    name: str
    values: tuple[float, ...]
    mean: float
    deviation: float | None  # None for a single run
    low: float | None  # 95 % interval of the mean (Student's t)
    high: float | None
    parameters: int


@dataclass(frozen=True)
class Difference:
    """How far an arm's mean lies above the first arm's, and the 95 % interval of that (Welch's, or of pairs)."""

    name: str
    reference: str
    mean: float
    low: float | None  # None where an arm has a single run
    high: float | None
    quantity: Quantity = ACCURACY
    pairs: int = 0  # of runs of the same seed, where these are compared; 0 where the arms are compared as they are
    matters: float | None = None  # the smallest difference that would matter, stated before the runs; None: nobody said
    deviation: float | None = None  # of one pair's difference, or of one run (both arms' variances, averaged)
    runs: int = 0  # the fewest of the two arms

    @property
    def is_clear(self) -> bool:
        """Is the difference larger than the spread between seeds explains?"""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def is_equal(self) -> bool:
        """Does the whole interval lie within what does not matter?"""
        if self.low is None or self.high is None or self.matters is None:
            return False
        return not self.is_clear and -self.matters < self.low and self.high < self.matters

    @property
    def verdict(self) -> str:
        """ "differs": the interval excludes 0. "equal": it lies within what does not matter. "open": neither."""
        return "differs" if self.is_clear else "equal" if self.is_equal else "open"

    @property
    def needed(self) -> int | None:
        """How many runs an arm would decide, by the spread so far; None where that is not known.

        It is for arms that spread alike and have equally many runs. Where they do not, so many may leave the question open; then
        it takes one more than there are, at least.
        """
        if self.matters is None or self.deviation is None:
            return None
        enough = runs_needed(self.deviation, self.matters, paired=bool(self.pairs))
        return max(enough, self.runs + 1) if self.verdict == "open" else enough

    @property
    def sentence(self) -> str:
        """What can be concluded, and what cannot."""
        amount = self.quantity.difference(self.mean)
        if self.quantity.words:
            found = (
                f"{self.name} {self.quantity.name} {amount} {self.quantity.words[self.mean < 0]} than {self.reference}"
            )
        else:
            side = "above" if self.mean >= 0 else "below"
            of = "" if self.quantity is ACCURACY else f" in {self.quantity.name}"
            found = f"{self.name} ends {amount} {side} {self.reference}{of}"
        if self.low is None or self.high is None:
            return f"{found}, but a single run says nothing about the spread: repeat it with other seeds."
        if self.low == self.high:
            so = (
                ": there is no spread that could explain it"
                if self.is_clear
                else ": these seeds do not tell the two apart"
            )
            return f"{found}, the same in all runs{so}."
        by = f" over {self.pairs} pairs of the same seed" if self.pairs else ""
        shown = self.quantity.interval(self.low, self.high, digits=self.quantity.digits, of_difference=True)
        interval = f"95 % interval{by} {shown}"
        if self.is_clear:
            return f"{found} ({interval}): more than the spread between seeds explains."
        if self.is_equal and self.matters is not None:
            return (
                f"{found} ({interval}): equal within {self.quantity.difference(self.matters)}, and this experiment "
                "holds that a smaller difference does not matter."
            )
        told = f"{found} ({interval}): the interval holds 0, so these seeds do not tell the two apart."
        if self.matters is None:
            return told
        more = f"; by this spread it takes {self.needed} runs an arm" if self.needed is not None else ""
        return f"{told} Nor are they equal within {self.quantity.difference(self.matters)}: the question is open{more}."


@dataclass(frozen=True)
class Comparison:
    """The arms of an experiment beside each other; shows itself as a table in a notebook, prints as one elsewhere."""

    arms: tuple[Summary, ...]
    differences: tuple[Difference, ...]  # every further arm against the first
    quantity: Quantity = ACCURACY

    @property
    def sentence(self) -> str:
        """One sentence for each arm after the first."""
        return " ".join(difference.sentence for difference in self.differences)

    def _rows(self) -> list[list[str]]:
        digits = self.quantity.digits + 1
        rows = [["arm", "runs", "parameters", self.quantity.label, "deviation", "95 % interval"]]
        for arm in self.arms:
            interval = "–"
            if arm.low is not None and arm.high is not None:
                interval = "no spread"
                if arm.low < arm.high:
                    interval = self.quantity.interval(arm.low, arm.high, digits=digits)
            rows.append(
                [
                    arm.name,
                    str(len(arm.values)),
                    f"{arm.parameters:,}",
                    f"{arm.mean:.{digits}f}",
                    "–" if arm.deviation is None else f"{arm.deviation:.{digits}f}",
                    interval,
                ]
            )
        return rows

    @property
    def table(self) -> str:
        """The arms as plain text."""
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        return "\n".join(lines)

    @property
    def html(self) -> Html:
        """The arms as an HTML table."""
        head, *rows = self._rows()
        whole = [[tag("span", name, cls="course-whole"), *figures] for name, *figures in rows]
        return table(whole, head=head, align="lrrrrr", row_heads=True)

    def __str__(self) -> str:
        return f"{self.table}\n\n{self.sentence}".rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return output(self.html, tag("ul", *(tag("li", difference.sentence) for difference in self.differences)))


def compare(
    arms: Mapping[str, Sequence[Run]],
    quantity: Quantity = ACCURACY,
    *,
    paired: bool = False,
    matters: float | None = None,
) -> Comparison:
    """One figure of several arms: mean, spread, and whether each arm differs from the first.

    Args:
        arms: runs by the arm's name; the first arm is the one that the others are held against.
        quantity: what is compared; the final test accuracy, in per cent, where nothing is said.
        paired: compare runs of the same seed with each other: for arms that begin with the same weights and see the same
            images in the same order, so that chance is the same for both of a pair.
        matters: the smallest difference that would matter, in the quantity's unit. With it, each difference has a verdict.

    Raises:
        ValueError: an arm without runs, a run that was stopped early, one seed twice in an arm, different data, or shares in pairs.
    """
    if not arms:
        raise ValueError("There is no arm to compare.")
    if paired and quantity.is_share:
        raise ValueError(f"{quantity.name} is a share of runs; it is compared between arms, not in pairs.")
    for name, runs in arms.items():
        _require_comparable(name, runs)
    contents = {run.data.get("content") for runs in arms.values() for run in runs}
    if len(contents) > 1:
        names = sorted({run.data["name"] for runs in arms.values() for run in runs})
        raise ValueError(f"The runs saw different data ({', '.join(names)}): their results cannot be compared.")
    summaries = tuple(_summary(name, runs, quantity) for name, runs in arms.items())
    first, *others = summaries
    if not paired:
        differences = tuple(_difference(arm, first, quantity, matters) for arm in others)
        return Comparison(summaries, differences, quantity)
    (reference, of_reference), *further = arms.items()
    differences = tuple(
        _paired_difference(name, runs, reference, of_reference, quantity, matters) for name, runs in further
    )
    return Comparison(summaries, differences, quantity)


def runs_needed(deviation: float, matters: float, *, paired: bool = False) -> int:
    """How many runs an arm it takes to decide, from the spread that a pilot of a few runs has.

    Once a difference's 95 % interval reaches no further than half of what matters to each side, every outcome is decided: a
    difference beyond that half excludes 0, and the interval of a smaller one lies within what does not matter.

    Args:
        deviation: the standard deviation of one run in each arm; with `paired`, of one pair's difference.
        matters: the smallest difference that would matter, in the same unit.
        paired: runs of the same seed are compared with each other.

    Raises:
        ValueError: a deviation below 0, or nothing that matters.
    """
    if deviation < 0 or matters <= 0:
        raise ValueError(f"deviation is {deviation} and matters {matters}; the first is 0 or more, the second above 0.")
    sides = 1 if paired else 2

    def is_enough(count: int) -> bool:
        return _student((count - 1) * sides) * deviation * math.sqrt(sides / count) <= matters / 2

    enough = 2
    while not is_enough(enough):
        enough *= 2
    # The interval only shrinks with more runs, so that half of the rest can be left out at each step.
    return bisect.bisect_left(range(enough), True, lo=2, key=is_enough)


def _require_comparable(name: str, runs: Sequence[Run]) -> None:
    if not runs:
        raise ValueError(f"Arm {name!r} has no runs.")
    for run in runs:
        if not run.completed or not run.history:
            raise ValueError(f"Arm {name!r} holds a run that was stopped early ({run!r}). Train it to its end.")
    seeds = [run.seed for run in runs]
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise ValueError(f"Arm {name!r} has more than one run of seed {twice[0]}: they would count as one.")


def _summary(name: str, runs: Sequence[Run], quantity: Quantity) -> Summary:
    values = tuple(float(quantity.of(run)) for run in runs)
    mean, low, high = _proportion(values) if quantity.is_share else _interval(values)
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Summary(name, values, mean, deviation, low, high, runs[0].network["parameters"])


def _difference(arm: Summary, reference: Summary, quantity: Quantity, matters: float | None) -> Difference:
    """Welch's interval: the arms may spread differently, and may have different numbers of runs. That of two shares is Newcombe's."""
    mean = arm.mean - reference.mean
    low: float | None = None
    high: float | None = None
    deviation: float | None = None
    if quantity.is_share:
        low, high = _between_shares(arm, reference)
        having = [(sum(each.values) / 100 + 2) / (len(each.values) + 4) for each in (arm, reference)]
        deviation = 100 * math.sqrt(statistics.fmean(share * (1 - share) for share in having))
    elif arm.deviation is not None and reference.deviation is not None:
        spreads = ((arm.deviation, len(arm.values)), (reference.deviation, len(reference.values)))
        shares = [(deviation**2 / count, count - 1) for deviation, count in spreads]
        variance = sum(share for share, _ in shares)
        deviation = math.sqrt(statistics.fmean(spread**2 for spread, _ in spreads))
        reach = 0.0
        if variance > 0:
            freedom = variance**2 / sum(share**2 / degrees for share, degrees in shares)
            reach = _student(freedom) * math.sqrt(variance)
        low, high = mean - reach, mean + reach
    runs = min(len(arm.values), len(reference.values))
    return Difference(
        arm.name, reference.name, mean, low, high, quantity, matters=matters, deviation=deviation, runs=runs
    )


def _paired_difference(
    name: str,
    runs: Sequence[Run],
    reference: str,
    of_reference: Sequence[Run],
    quantity: Quantity,
    matters: float | None,
) -> Difference:
    """Student's interval of the differences between runs of the same seed."""
    before = {run.seed: quantity.of(run) for run in of_reference}
    found = [float(quantity.of(run) - before[run.seed]) for run in runs if run.seed in before]
    if not found:
        raise ValueError(f"Arms {name!r} and {reference!r} have no seed in common: there are no pairs to compare.")
    deviation = statistics.stdev(found) if len(found) > 1 else None
    interval = _interval(found)
    pairs = len(found)
    return Difference(name, reference, *interval, quantity, pairs, matters=matters, deviation=deviation, runs=pairs)


def _interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """The mean, and from where to where its 95 % interval goes (Student's); a single value has none."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return mean, None, None
    reach = _student(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - reach, mean + reach


def _proportion(values: Sequence[float]) -> tuple[float, float, float]:
    """A share in per cent, of runs that are 100 or 0 each, and its exact 95 % interval (Clopper and Pearson, 1934)."""
    count, runs = round(sum(values) / 100), len(values)

    def at_most(most: int, share: float) -> float:
        return sum(math.comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(most + 1))

    def where(most: int, wanted: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):  # halvings: at_most falls as the share grows
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(most, middle) > wanted else (low, middle)
        return 100 * low

    return statistics.fmean(values), where(count - 1, 0.975) if count else 0.0, where(count, 0.025)


def _between_shares(arm: Summary, reference: Summary) -> tuple[float, float]:
    """The interval of a difference of two shares, from those of each (Newcombe, 1998, method 10, here from exact intervals)."""
    assert arm.low is not None and arm.high is not None and reference.low is not None and reference.high is not None
    mean = arm.mean - reference.mean
    return (
        mean - math.hypot(arm.mean - arm.low, reference.high - reference.mean),
        mean + math.hypot(arm.high - arm.mean, reference.mean - reference.low),
    )


def _student(freedom: float) -> float:
    """How many standard errors a 95 % interval reaches to each side: the 0.975 quantile of Student's t, `freedom` 1 or more.

    With t = sqrt(freedom) * tan(angle), the density of the angle is cos(angle) ** (freedom - 1), up to a factor.
    """
    whole = math.sqrt(math.pi) / 2 * math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2))
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # halvings: to the last digit
        angle = (low + high) / 2
        part = angle * float(_WEIGHTS @ np.cos(angle * _NODES) ** (freedom - 1))
        low, high = (angle, high) if part < 0.95 * whole else (low, angle)
    return math.sqrt(freedom) * math.tan(angle)


_NODES, _WEIGHTS = (
    (values + shift) / 2 for values, shift in zip(np.polynomial.legendre.leggauss(64), (1, 0), strict=True)
)
