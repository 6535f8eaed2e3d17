"""The experiment of lesson 01: its arms are equal in cost, its recorded runs are those of the code that stands here."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lessons.inception_module import experiment
from utils.data import load
from utils.train import Recipe, compare, fit


def test_the_arms_cost_the_same():
    macs = []
    for build in experiment.ARMS.values():
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            build()(torch.zeros(1, *experiment.IMAGE))
        macs.append(counter.get_total_flops() // 2)
    assert max(macs) - min(macs) < 0.001 * min(macs)
    assert macs == [table.macs for table in experiment.costs().values()]


def test_the_arms_differ_in_their_blocks_only():
    for build in experiment.ARMS.values():
        net = build()
        assert net[0].conv.out_channels == experiment.STEM and net[-1].out_features == 10
        assert net(torch.zeros(2, *experiment.IMAGE)).shape == (2, 10)


SHORT = replace(experiment.RECIPE, epochs=1)


def test_each_arm_is_trained_with_each_seed():
    data, seen = load("scales", limit=128), []
    names = ("3×3 only", "several scales")
    runs = experiment.measure(
        data, names, recipe=SHORT, seeds=(3, 4), on_run=lambda so_far: seen.append(sum(map(len, so_far.values())))
    )
    assert seen == [1, 2, 3, 4]
    assert {name: [run.seed for run in each] for name, each in runs.items()} == {name: [3, 4] for name in names}
    assert "3×3 only" in repr(experiment.picture(runs, "A trial"))


def test_interrupted_it_keeps_the_whole_runs(monkeypatch):
    data, count = load("scales", limit=128), []

    def stopped(*arguments, **options):
        count.append(1)
        run = fit(*arguments, **options)
        run.completed = len(count) < 3
        return run

    monkeypatch.setattr(experiment, "fit", stopped)
    runs = experiment.measure(data, ("3×3 only", "several scales"), recipe=SHORT, seeds=(0, 1))
    assert [len(each) for each in runs.values()] == [1, 1]


def test_an_unknown_arm_is_named():
    with pytest.raises(ValueError, match=r"no arm '5×5 only'. There are: several scales"):
        experiment.measure(load("scales", limit=128), ["5×5 only"])


def test_recording_writes_a_file_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "RECORDED", tmp_path)
    experiment.record(load("scales", limit=128), seeds=(0,), recipe=SHORT)
    recorded = experiment.recorded("scales")
    assert list(recorded) == list(experiment.ARMS) and all(len(runs) == 1 for runs in recorded.values())
    with pytest.raises(ValueError, match=r"No runs are recorded on 'digits'. There are runs on: scales"):
        experiment.recorded("digits")


@pytest.mark.parametrize(("data", "seeds"), [("scales", 5), ("cifar10", 3)])
def test_the_recorded_runs_are_those_of_this_code(data, seeds):
    structure = {}
    for name, build in experiment.ARMS.items():
        probe = fit(build, load("scales", limit=64), Recipe(epochs=1, batch_size=64), show=False, name=name)
        structure[name] = (probe.network["class"], probe.network["structure"], probe.network["parameters"])
    recorded = experiment.recorded(data)
    assert list(recorded) == list(experiment.ARMS)
    for name, runs in recorded.items():
        assert [run.seed for run in runs] == list(range(seeds))
        for run in runs:
            assert (run.network["class"], run.network["structure"], run.network["parameters"]) == structure[name]
            assert run.recipe == experiment.RECORDED_RECIPE and run.completed and run.modified is False and run.commit
    if data == "scales":
        assert {run.data["content"] for runs in recorded.values() for run in runs} == {fingerprint(load("scales"))}


def fingerprint(data):
    """The hash of a data set's content, as a run records it."""
    return fit(experiment.one_scale, data, Recipe(epochs=1, batch_size=len(data.train)), show=False).data["content"]


def test_what_the_lesson_says_of_the_recorded_runs():
    def compared(data):
        comparison = compare(experiment.recorded(data))
        means = {name: sum(values) / len(values) for name, values in comparison.percentages.items()}
        clear = {difference.name: difference.low * difference.high > 0 for difference in comparison.differences}
        return means, clear

    means, clear = compared("scales")
    assert sorted(means, key=means.get)[0] == "several scales, naive" and max(means, key=means.get) == "several scales"
    assert clear["3×3 only"] and clear["several scales, naive"] and not clear["3×3 only, reduced"]
    accuracy = {name: [run.accuracy for run in runs] for name, runs in experiment.recorded("scales").items()}
    spread = {name: max(values) - min(values) for name, values in accuracy.items()}
    assert min(spread, key=spread.get) == "several scales"
    assert sum(means["several scales"] / 100 - value < 0.05 for value in accuracy["3×3 only, reduced"]) == 4
    means, clear = compared("cifar10")
    assert sorted(means, key=means.get)[0] == "3×3 only, reduced" and max(means, key=means.get) == "several scales"
    assert clear["3×3 only"] and means["several scales"] - means["3×3 only"] < 2
