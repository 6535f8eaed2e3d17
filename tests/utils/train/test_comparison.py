"""Comparing runs: mean, spread, interval, and a sentence that is honest."""

import math

import pytest
from scipy import stats

from tests.utils.train.test_runs import make_run
from utils.train import comparison
from utils.train.comparison import Quantity, compare, epochs_to, measured, runs_needed
from utils.train.runs import Run


def arm(*accuracies: float) -> list[Run]:
    return [make_run(accuracy, seed=seed) for seed, accuracy in enumerate(accuracies)]


def test_mean_deviation_and_interval_are_those_of_the_textbook():
    comparison = compare({"single": arm(0.5, 0.6, 0.7), "multi": arm(0.9, 0.91)})
    (single, multi), (difference,) = comparison.arms, comparison.differences
    assert single.mean == pytest.approx(60)
    assert single.deviation == pytest.approx(10)
    assert single.high - 60 == pytest.approx(4.30265 * 10 / math.sqrt(3), rel=1e-5)  # t for 2 degrees of freedom
    welch = stats.ttest_ind([90, 91], [50, 60, 70], equal_var=False).confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((welch.low, welch.high))
    assert multi.parameters == 123


def test_the_sentence_is_honest():
    far = compare({"A": arm(0.50, 0.51, 0.52), "B": arm(0.80, 0.81, 0.82)}).sentence
    assert "B ends 30.0 points above A" in far
    assert "more than the spread between seeds explains" in far
    near = compare({"A": arm(0.50, 0.60, 0.70), "B": arm(0.52, 0.61, 0.65)}).sentence
    assert "B ends 0.7 points below A" in near
    assert "do not tell the two apart" in near
    assert "other seeds" in compare({"A": arm(0.5), "B": arm(0.6)}).sentence
    assert "do not tell" in compare({"A": arm(0.5, 0.5), "B": arm(0.5, 0.5)}).sentence


def test_the_tables():
    comparison = compare({"3 × 3 <only>": arm(0.5, 0.6), "all": arm(0.7)})
    lines = str(comparison).splitlines()
    assert len({len(line) for line in lines[:3]}) == 1
    assert "55.00" in lines[1]
    assert lines[2].count("–") == 2
    assert "3 × 3 &lt;only&gt;" in comparison._repr_html_()
    assert {arm.name: arm.values for arm in comparison.arms} == {"3 × 3 <only>": (50, 60), "all": (70,)}


def test_no_interval_is_shown_beyond_what_a_share_can_be():
    """Student's interval of few runs knows no bounds."""
    high, low = arm(0.98, 0.99, 0.9), arm(0.01, 0.02, 0.1)
    comparison = compare({"high": high, "low": low})
    assert comparison.arms[0].high > 100 and comparison.arms[1].low < 0
    lines = str(comparison).splitlines()
    assert "to 100.00" in lines[1] and " 0.00 to" in lines[2] and "-0.00" not in str(comparison)
    far = compare({"low": arm(0.0, 0.2), "high": arm(1.0, 0.8)}).differences[0]
    assert far.high > 100 and "to +100.0)" in far.sentence
    slow, quick = compare({"a": arm(0.1, 0.1, 0.6), "b": arm(0.6, 0.6, 0.6)}, epochs_to(0.5)).arms
    assert slow.low < 1 and quick.low == 1
    level = compare({"a": arm(0.1, 0.1, 0.1), "b": arm(0.6, 0.6, 0.6)}, epochs_to(0.5))
    assert "the same in all runs" in level.sentence and "interval" not in level.sentence and "no spread" in str(level)
    near = epochs_to(0.5).interval(-13.7, 0.04, digits=1, of_difference=True)
    assert near == "-13.70 to +0.04" and epochs_to(0.5).interval(-9.7, 4.7, digits=2) == "1.00 to 4.70"
    losses = Quantity("loss", "nats", lambda run: 120 * run.history[-1].test_accuracy)
    assert compare({"a": high}, losses).arms[
        0
    ].high > 120 and f"to {compare({'a': high}, losses).arms[0].high:.2f}" in str(compare({"a": high}, losses))


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ({}, "no arm"),
        ({"A": []}, "'A' has no runs"),
        ({"A": [make_run(0.5, completed=False)]}, "stopped early"),
        ({"A": [make_run(0.5), make_run(0.5)]}, "seed 0"),
        ({"A": [make_run(0.5)], "B": [make_run(0.5, data=make_run().data | {"content": "zz"})]}, "different data"),
    ],
)
def test_what_cannot_be_compared(arms, said):
    with pytest.raises(ValueError, match=said):
        compare(arms)


def test_pairs_of_the_same_seed_see_a_small_difference_that_arms_hide():
    arms = {"A": arm(0.50, 0.60, 0.70), "B": arm(0.51, 0.62, 0.71)}
    assert not compare(arms).differences[0].is_clear
    (difference,) = compare(arms, paired=True).differences
    test = stats.ttest_rel([51, 62, 71], [50, 60, 70]).confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((test.low, test.high))
    assert difference.pairs == 3 and "over 3 pairs of the same seed" in difference.sentence
    alone = compare({"A": arm(0.5), "B": arm(0.6)}, paired=True).differences[0]
    assert alone.low is None and alone.mean == pytest.approx(10)
    with pytest.raises(ValueError, match="no seed in common"):
        compare({"A": [make_run(0.5, seed=1)], "B": [make_run(0.5, seed=2)]}, paired=True)


LOSS = Quantity("test loss", "nats", lambda run: run.history[-1].test_loss, digits=3)


def test_another_figure_is_compared_in_its_own_unit():
    comparison = compare({"A": arm(0.5, 0.6), "B": arm(0.5, 0.6)}, LOSS)
    assert comparison.arms[0].values == tuple(run.history[-1].test_loss for run in arm(0.5, 0.6))
    assert "test loss, nats" in comparison.table and "in test loss" in comparison.sentence
    assert "0.000 nats above A" in comparison.sentence and not comparison.differences[0].is_clear


def test_epochs_to_an_accuracy_are_counted_and_one_more_where_it_is_never_reached():
    run = make_run(0.5)
    best = max(epoch.test_accuracy for epoch in run.history)
    first = next(epoch.epoch for epoch in run.history if epoch.test_accuracy == best)
    assert epochs_to(best).of(run) == first
    assert epochs_to(0.999).of(run) == len(run.history) + 1
    later = compare({"A": arm(0.6, 0.6), "B": arm(0.5, 0.5)}, epochs_to(0.75)).sentence
    assert "B reaches 75 % 0.0 epochs later than A" in later


def test_a_measure_of_a_run_is_a_quantity():
    run = make_run(0.5, measures={"calibration_error": 3.25})
    assert measured("calibration_error", "calibration error", "points").of(run) == 3.25


@pytest.mark.parametrize(
    ("values", "matters", "verdict", "words"),
    [
        ((0.60, 0.61, 0.62), 1, "differs", "more than the spread"),
        ((0.60, 0.61, 0.62), 30, "differs", "more than the spread"),
        ((0.50, 0.51, 0.52), 5, "equal", "equal within 5.0 points"),
        ((0.50, 0.51, 0.52), 1, "open", "the question is open; by this spread it takes"),
        ((0.50, 0.51, 0.52), None, "open", "do not tell the two apart."),
    ],
)
def test_a_verdict_by_what_was_said_to_matter(values, matters, verdict, words):
    arms = {"A": arm(0.50, 0.51, 0.52), "B": arm(*values)}
    (difference,) = compare(arms, matters=matters).differences
    assert difference.verdict == verdict and words in difference.sentence
    assert (difference.needed is None) is (matters is None)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize(("deviation", "matters"), [(0.6, 2.0), (1.0, 2.0), (3.0, 2.0), (0.1, 2.0)])
def test_so_many_runs_decide_whatever_the_difference_is(deviation, matters, paired):
    """With so many runs of just that spread, every difference has a verdict; with one fewer, some have none."""
    import statistics

    def verdicts(count):
        scatter = [((-1) ** i) * (1 + i // 2) for i in range(count)]
        middle = statistics.fmean(scatter)
        unit = deviation / statistics.stdev(scatter)
        noise = [(each - middle) * unit / 100 for each in scatter]
        first = arm(*([0.5] * count if paired else [0.5 + each for each in noise]))
        found = set()
        for share in (0, 0.25, *(0.47 + step / 1000 for step in range(61)), 0.75, 1, 2):
            shift = share * matters / 100
            arms = {"A": first, "B": arm(*(0.5 + shift + each for each in noise))}
            found.add(compare(arms, paired=paired, matters=matters).differences[0].verdict)
        return found

    needed = runs_needed(deviation, matters, paired=paired)
    assert "open" not in verdicts(needed)
    if needed > 2:
        assert "open" in verdicts(needed - 1)


def test_what_is_open_takes_more_runs_than_there_are():
    """Arms that spread unlike leave open what as many runs of like spread would decide."""
    arms = {"A": arm(0.7800, 0.7838, 0.7842, 0.7848), "B": arm(0.7875, 0.7883, 0.7948)}
    (difference,) = compare(arms, matters=1.5).differences
    assert difference.verdict == "open" and runs_needed(difference.deviation, 1.5) == 3
    assert difference.needed == 4 and "by this spread it takes 4 runs an arm" in difference.sentence


def test_what_cannot_be_needed_is_refused():
    for deviation, matters in ((-1, 2), (1, 0)):
        with pytest.raises(ValueError, match="the first is 0 or more, the second above 0"):
            runs_needed(deviation, matters)


@pytest.mark.parametrize("freedom", [1, 1.2, 2, 2.5, 3, 4, 7.31, 10, 29, 100, 1000, 30_000])
def test_students_quantile_is_scipys(freedom):
    assert comparison._student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


def learned(*runs: bool) -> list[Run]:
    return arm(*(0.9 if each else 0.1 for each in runs))


LEARNED = Quantity("runs that learn", "%", lambda run: 100.0 * (run.accuracy > 0.5), "points", digits=0, is_share=True)


@pytest.mark.parametrize(("count", "runs"), [(0, 3), (1, 3), (3, 3), (8, 20), (20, 20), (1, 1)])
def test_the_interval_of_a_share_is_the_exact_one(count, runs):
    (found,) = compare({"A": learned(*[True] * count, *[False] * (runs - count))}, LEARNED).arms
    exact = stats.binomtest(count, runs).proportion_ci(0.95)
    assert (found.low / 100, found.high / 100) == pytest.approx((exact.low, exact.high))


def test_shares_of_few_runs_decide_nothing_and_those_of_many_do():
    few = compare({"A": learned(True, True, True), "B": learned(False, False, False)}, LEARNED, matters=25)
    assert few.differences[0].verdict == "open" and few.differences[0].needed > 10, (
        "three runs that all agree are three"
    )
    assert "–" not in few.table.splitlines()[1]
    many = compare({"A": learned(*[True] * 16), "B": learned(*[True] * 6, *[False] * 10)}, LEARNED, matters=25)
    (difference,) = many.differences
    alone = [stats.binomtest(count, 16).proportion_ci(0.95) for count in (16, 6)]
    below = math.hypot(6 / 16 - alone[1].low, alone[0].high - 1)
    assert difference.mean == -62.5 and difference.low == pytest.approx(100 * (-0.625 - below))
    assert difference.verdict == "differs" and "B ends 62 points below A in runs that learn" in difference.sentence


def test_shares_are_not_compared_in_pairs():
    with pytest.raises(ValueError, match="runs that learn is a share of runs"):
        compare({"A": learned(True), "B": learned(True)}, LEARNED, paired=True)
