"""The experiments of the course: their arms differ in what they say, every one runs, and the recorded ones are this code's."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from course.experiments import experiment, lesson_of, names
from utils.data.sets import load
from utils.system.places import LESSONS
from utils.train.comparison import compare
from utils.train.loop import planned_key
from utils.train.moved import CLASSES
from utils.train.prepare import prepare

# How far the multiply-adds of the arms may lie apart, as a share; the others are not equal in cost, and say so.
EQUAL_COST = {
    "multi_scale": 0.001,
    "auxiliary_heads": 0.0,  # the heads are left out at the end
    "normalisation": 0.0,
    "loss_landscape": 0.0,
    "factor_activation": 0.0,
    "asymmetric_factors": 0.04,
    "label_smoothing": 0.0,
    "uniform_blocks": 0.01,
    "residual": 0.0,
    "averaged_weights": 0.0,
    "alternated_flips": 0.0,
    "warm_up": 0.0,
    "separable_activation": 0.0,
    "separable_residual": 0.0,
}


@pytest.fixture(scope="module")
def scales():
    return load("scales", limit=8)


def macs(net):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.zeros(1, 3, 32, 32))
    return counter.get_total_flops() // 2


def test_all_questions_of_the_syllabus_are_asked():
    assert len(names()) == len(set(names())) == 22
    for name in names():
        entry = experiment(name)
        assert entry.name == name and entry.question.endswith("?") and entry.limits.endswith(".")
        assert (LESSONS / lesson_of(name) / "experiments" / f"{name}.py").exists()
        assert entry.short.data == "scales" and len(entry.short.seeds) >= 3
        assert entry.full.data == "cifar10" and len(entry.full.seeds) >= 5 and entry.full.limit is None


def test_an_unknown_experiment_is_named():
    with pytest.raises(ValueError, match=r"There is no experiment 'scales'. There are: multi_scale, "):
        experiment("scales")


@pytest.mark.parametrize("name", names())
def test_every_arm_runs_and_says_what_follows(name):
    result = experiment(name).trial()
    assert [len(runs) for runs in result.runs.values()] == [1] * len(experiment(name).arms)
    for runs in result.runs.values():
        assert runs[0].completed and runs[0].recipe.epochs == 2
    assert result.sentence and "guess" not in result.sentence
    assert result.picture.png and result.curves.png and result._repr_html_()
    for quantity in (result.experiment.quantity, *result.experiment.more):
        assert quantity.label in str(result)


@pytest.mark.parametrize("name", names())
def test_arms_cost_what_they_say(name, scales):
    counted = [macs(arm.build(scales)) for arm in experiment(name).arms.values()]
    if name in EQUAL_COST:
        assert max(counted) - min(counted) <= EQUAL_COST[name] * min(counted)
    else:
        assert max(counted) > 1.02 * min(counted)
    assert [table.macs for table in experiment(name).costs().values()] == counted


@pytest.mark.parametrize("name", names())
def test_arms_differ(name):
    """Each arm is another network or another recipe; where the recipe says it all, the networks are the same."""
    entry = experiment(name)
    data = load("scales", limit=256)
    recipe = replace(entry.short.recipe, batch_size=8)
    keys = {
        planned_key(lambda arm=arm: arm.build(data), data, replace(recipe, **arm.changes))
        for arm in entry.arms.values()
    }
    assert len(keys) == len(entry.arms)


RECORDED = [
    (name, form) for name in names() for form in experiment(name).forms if experiment(name).folder(form).is_dir()
]


@pytest.mark.parametrize("name", names())
def test_something_is_recorded_of_every_experiment(name):
    assert any(recorded == name for recorded, _ in RECORDED)


@pytest.mark.parametrize(("name", "form"), RECORDED)
def test_recorded_runs_are_those_of_these_settings(name, form):
    entry, result = experiment(name), experiment(name).recorded(form)
    settings = entry.form(form)
    data = load("scales", limit=64)
    assert list(result.runs) == [arm for arm in entry.arms if arm in result.runs]
    assert result.is_enough or form == "full"  # full forms come run by run, and are shown once there are enough
    for arm, runs in result.runs.items():
        seeds = [run.seed for run in runs]
        if form == "full":
            assert set(seeds) <= set(settings.seeds)
        else:
            assert seeds[: len(settings.seeds)] == list(settings.seeds)
        planned, _ = prepare(
            entry.network(settings, arm, data),
            data,
            replace(settings.recipe, **{**entry.arms[arm].changes, "batch_size": 8}),
            seed=0,
            device="cpu",
            name=arm,
        )
        for run in runs:
            assert run.recipe == replace(settings.recipe, **entry.arms[arm].changes)
            assert run.completed and run.modified is False and run.commit
            for figure in ("structure", "parameters"):
                assert run.network[figure] == planned.network[figure]
            assert CLASSES.get(run.network["class"], run.network["class"]) == planned.network["class"]
            assert run.data["name"] == settings.data
            if settings.limit is not None:
                assert run.data["train"] == settings.limit
    assert not [change for change in result.changes if "recipe" in change or "no arm" in change]


def test_what_lesson_01_says_of_its_recorded_runs():
    def compared(form):
        comparison = experiment("multi_scale").recorded(form).compare()
        means = {arm.name: arm.mean for arm in comparison.arms}
        return means, {difference.name: difference.is_clear for difference in comparison.differences}

    means, clear = compared("longer")
    assert sorted(means, key=means.get)[0] == "several scales, naive" and max(means, key=means.get) == "several scales"
    assert all(clear.values())
    assert means["3×3 only"] < means["3×3 only, reduced"] < means["several scales"]
    runs = experiment("multi_scale").recorded("longer").runs
    reductions = {name: runs[name] for name in ("3×3 only", "3×3 only, reduced")}
    assert not compare(reductions).differences[0].is_clear
    spread = {
        name: max(values) - min(values)
        for name, values in experiment("multi_scale").recorded("longer").values().items()
    }
    assert min(spread, key=spread.get) == "several scales"
    found = experiment("multi_scale").recorded("full")
    means = {arm.name: arm.mean for arm in found.compare().arms}
    assert max(means, key=means.get) == "several scales" and min(means, key=means.get) == "several scales, naive"
    assert set(found.verdicts.values()) == {"differs"}
    assert 3.5 < means["several scales"] - means["3×3 only"] < 4
    alone = compare({name: found.runs[name] for name in reductions}, matters=found.experiment.matters)
    assert alone.differences[0].verdict == "equal"  # "the reductions alone bring nothing that would matter"
    assert {len(runs) for runs in found.runs.values()} == {3}
    assert {run.data["train"] for runs in found.runs.values() for run in runs} == {50_000}
