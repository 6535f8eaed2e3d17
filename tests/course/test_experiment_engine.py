"""An experiment trains each arm with each seed, keeps what is whole, and never takes a run for another."""

import shutil
import signal
from dataclasses import replace

import pytest
from torch import nn

from course import experiments
from course.experiments import Arm, Experiment, Form, OnBoth, Result, photographs
from tests.utils.train.test_runs import make_run
from utils.train.checkpoint import NotKept
from utils.train.comparison import ACCURACY, Quantity, measured
from utils.train.loop import Diverged, Recipe
from utils.train.runs import Run


def build(data):
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(3 * 8 * 8, len(data.classes)))


def wider(data):
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(3 * 8 * 8, 16), nn.Linear(16, len(data.classes)))


FORM = Form(data="scales", recipe=Recipe(epochs=1, batch_size=64, learning_rate=0.01), seeds=(3, 4), limit=128)
LOOKS = []


def observe(data):
    return lambda run, done: LOOKS.append((run.seed, done))


def measure(run, data, before):
    return {"seed twice": 2.0 * run.seed, "runs before": float(len(before))}


EXPERIMENT = Experiment(
    name="trial_of_two",
    question="Is a second layer of any use?",
    equal="all else",
    arms={"one": Arm(build=build), "two": Arm(build=wider, changes={"learning_rate": 0.02})},
    short=FORM,
    full=replace(FORM, seeds=(0, 1, 2)),
    others={"tiny": replace(FORM, limit=64)},
    limits="It is a trial.",
    more=(measured("seed twice", "seed, doubled"),),
    observe=observe,
    measure=measure,
)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "RUNS", tmp_path / "runs")
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    LOOKS.clear()


def test_each_arm_is_trained_with_each_seed():
    result = EXPERIMENT.run(show=False)
    assert {arm: [run.seed for run in runs] for arm, runs in result.runs.items()} == {"one": [3, 4], "two": [3, 4]}
    assert [run.recipe.learning_rate for run in result.runs["two"]] == [0.02, 0.02]
    assert [run.measures for run in result.runs["one"]] == [
        {"seed twice": 6.0, "runs before": 0.0},
        {"seed twice": 8.0, "runs before": 1.0},
    ]
    assert LOOKS[:2] == [(3, 0.5), (3, 1.0)] and len(LOOKS) == 8
    assert result.mean("one") == pytest.approx(sum(result.percentages["one"]) / 2)
    assert "two ends" in result.sentence and "in seed, doubled" in result.sentence
    assert result.sentence.endswith("It is a trial.")
    assert "made 20" in result.source and "recorded" not in result.source
    assert "Is a second layer" in result.picture.alternative and "epoch" in str(
        result.curves.figure.axes[0].get_xlabel()
    )


def test_some_arms_and_other_seeds():
    result = EXPERIMENT.run("tiny", arms=["two"], seeds=[7], show=False)
    assert list(result.runs) == ["two"] and [run.seed for run in result.runs["two"]] == [7]
    assert result.runs["two"][0].data["train"] == 64
    assert result.compare().differences == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"form": "long"}, "form is 'long'; trial_of_two has: short, full, tiny"),
        ({"arms": ["three"]}, "There is no arm 'three' in trial_of_two. There are: one, two"),
        ({"seeds": []}, "it must be one or more whole numbers"),
        ({"seeds": [1, 1]}, "each of them once"),
    ],
)
def test_what_does_not_exist_is_named(options, said):
    with pytest.raises(ValueError, match=said):
        EXPERIMENT.run(show=False, **options)


def test_interrupted_it_keeps_the_whole_runs(monkeypatch):
    count, fit = [], experiments.fit

    def stopped(*arguments, **options):
        count.append(1)
        run = fit(*arguments, **options)
        run.completed = len(count) < 4
        return run

    monkeypatch.setattr(experiments, "fit", stopped)
    result = EXPERIMENT.run(show=False)
    assert [len(runs) for runs in result.runs.values()] == [2, 1]
    assert "one" in str(result)


def test_with_no_whole_run_nothing_is_concluded(monkeypatch):
    fit = experiments.fit

    def stopped(*arguments, **options):
        run = fit(*arguments, **options)
        run.completed = False
        return run

    monkeypatch.setattr(experiments, "fit", stopped)
    result = EXPERIMENT.run(show=False)
    assert result.sentence == "No run is whole, so nothing can be concluded."
    assert "nothing can be concluded" in str(result) and "nothing" in result._repr_html_()
    with pytest.raises(ValueError, match="There is no run of 'one'"):
        result.mean("one")


def test_kept_runs_are_not_repeated_and_never_taken_for_others(tmp_path, monkeypatch):
    trained, fit = [], experiments.fit

    def counted(*arguments, **options):
        trained.append((options["name"], options["seed"]))
        return fit(*arguments, **options)

    monkeypatch.setattr(experiments, "fit", counted)
    first = EXPERIMENT.run(keep=tmp_path / "kept", show=False)
    assert len(trained) == 4 and len(list((tmp_path / "kept").glob("*.json"))) == 4
    again = EXPERIMENT.run(keep=tmp_path / "kept", show=False)
    assert len(trained) == 4 and again.percentages == first.percentages
    other = replace(EXPERIMENT, short=replace(FORM, recipe=replace(FORM.recipe, momentum=0.5)))
    other.run(keep=tmp_path / "kept", show=False)
    assert len(trained) == 8
    monkeypatch.setattr("utils.train.runs.changed", lambda code: ["utils/train/engine.py"])
    other.run(keep=tmp_path / "kept", show=False)
    assert len(trained) == 12


def test_a_run_that_was_stopped_goes_on_and_ends_as_if_undisturbed(tmp_path, monkeypatch):
    whole = EXPERIMENT.run(show=False)
    arms = ["one"]

    def stop(data):
        return lambda run, done: signal.raise_signal(signal.SIGINT) if run.seed == 4 and done == 0.5 else None

    stopped = replace(EXPERIMENT, observe=stop).run(arms=arms, show=False, keep=tmp_path / "kept")
    assert len(stopped.runs["one"]) == 1
    (begun,) = (tmp_path / "work").rglob("*.checkpoint")
    assert begun.name == "arm1_seed4.checkpoint"
    LOOKS.clear()
    result = EXPERIMENT.run(arms=arms, show=False, keep=tmp_path / "kept")
    assert LOOKS == [(4, 1.0)]  # the second of its two steps
    assert [run.history for run in result.runs["one"]] == [run.history for run in whole.runs["one"]]
    assert not list((tmp_path / "work").rglob("*.checkpoint"))


def test_a_checkpoint_of_other_settings_is_replaced(tmp_path):
    path = tmp_path / "run.checkpoint"
    path.write_bytes(b"damaged")
    run = EXPERIMENT.train("short", "one", 3, checkpoint=path)
    assert run.completed
    again = EXPERIMENT.train("short", "one", 4, checkpoint=path)
    assert again.completed and again.seed == 4


def test_again_keeps_what_there_is_until_the_new_run_is_whole(tmp_path, monkeypatch):
    keep = tmp_path / "kept"
    EXPERIMENT.run(arms=["one"], show=False, keep=keep)
    before = {path.name: path.read_bytes() for path in keep.iterdir()}

    def stop(data):
        return lambda run, done: signal.raise_signal(signal.SIGINT)

    replace(EXPERIMENT, observe=stop).run(arms=["one"], show=False, keep=keep, again=True)
    assert {path.name: path.read_bytes() for path in keep.iterdir()} == before
    EXPERIMENT.run(arms=["one"], show=False, keep=keep, again=True)
    assert set(before) == {path.name for path in keep.iterdir()}
    assert all(path.read_bytes() != before[path.name] for path in keep.iterdir())  # dates and seconds


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_trained(tmp_path):
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(OSError, match="a part of its path is a file and no folder"):
        EXPERIMENT.run(show=False, keep=tmp_path / "kept")
    assert LOOKS == []


def test_a_folder_that_cannot_be_written_any_more_costs_no_run(tmp_path):
    keep = tmp_path / "kept"

    def take_away(data):
        def look(run, done):
            shutil.rmtree(keep, ignore_errors=True)
            keep.write_text("a file") if not keep.exists() else None

        return look

    with pytest.warns(NotKept, match=r"arm1_seed\d.json could not be written: a part of its path is a file"):
        result = replace(EXPERIMENT, observe=take_away).run(arms=["one"], show=False, keep=keep)
    assert [run.completed for run in result.runs["one"]] == [True, True]
    rescued = sorted(path.name for path in (tmp_path / "work" / "runs" / "rescued").iterdir())
    assert rescued == ["trial_of_two-arm1_seed3.json", "trial_of_two-arm1_seed4.json"]


def test_a_diverged_run_leaves_its_record(tmp_path):
    wild = replace(EXPERIMENT, arms={"one": Arm(build=wider, changes={"learning_rate": 1e30, "epochs": 2})})
    with pytest.raises(Diverged) as caught:
        wild.run(show=False, keep=tmp_path / "kept")
    path = tmp_path / "work" / "runs" / "rescued" / "trial_of_two-arm1_seed3.json"
    assert caught.value.__notes__ == [f"The run so far is in {path}."]
    assert not Run.load(path).completed


def test_recorded_runs_say_where_they_are_from_and_what_has_changed(monkeypatch):
    assert EXPERIMENT.recorded("short") is None
    EXPERIMENT.run("short", keep=EXPERIMENT.folder("short"), show=False)
    result = EXPERIMENT.recorded("short")
    assert [len(runs) for runs in result.runs.values()] == [2, 2] and result.changes == []
    assert result.source.startswith("recorded 20") and result.source in result.picture.alternative
    assert result._repr_html_().count(result.source) == 1, "as text, and not in the picture above it as well"
    assert EXPERIMENT.recorded().form_name == "short"
    EXPERIMENT.run("tiny", keep=EXPERIMENT.folder("tiny"), show=False)
    assert EXPERIMENT.recorded().form_name == "tiny" and EXPERIMENT.recorded("full") is None
    changed = replace(EXPERIMENT, short=replace(FORM, recipe=replace(FORM.recipe, epochs=2)))
    assert changed.recorded("short").changes == ["all arms were trained by another recipe than today's"]
    one = replace(EXPERIMENT.arms["one"], changes={"epochs": 2})
    changed = replace(EXPERIMENT, arms=EXPERIMENT.arms | {"one": one})
    assert changed.recorded("short").changes == ["one was trained by another recipe than today's"]
    monkeypatch.setattr("utils.train.runs.changed", lambda code: ["utils/train/engine.py"])
    assert "since then utils/train/engine.py changed" in EXPERIMENT.recorded("short").source


def test_an_experiment_may_say_more():
    entry = replace(EXPERIMENT, conclude=lambda runs: f"There are {sum(map(len, runs.values()))} runs.")
    result = entry.run(show=False)
    assert (
        "There are 4 runs. It is a trial." in result.sentence and "<li>There are 4 runs.</li>" in result._repr_html_()
    )


def test_a_quantity_of_its_own():
    entry = replace(EXPERIMENT, quantity=Quantity("seed", "", lambda run: float(run.seed), digits=0), more=())
    result = entry.run(show=False)
    assert result.values() == {"one": [3.0, 4.0], "two": [3.0, 4.0]} and result.mean("two") == 3.5


def test_it_shows_itself():
    assert "Is a second layer of any use?" in repr(EXPERIMENT) and "one, two" in repr(EXPERIMENT)
    assert "scales, 128 of its training images, 1 epoch of batches of 64, 2 seeds an arm" in EXPERIMENT._repr_html_()
    assert {name: table.parameters for name, table in EXPERIMENT.costs().items()} == {"one": 1930, "two": 3258}


def made(form, values, *, matters=None):
    """A recorded result whose runs have these accuracies, by arm."""
    entry = replace(EXPERIMENT, matters=matters)
    runs = {
        arm: [make_run(accuracy, seed=seed) for seed, accuracy in enumerate(accuracies)]
        for arm, accuracies in values.items()
    }
    return Result(entry, form, entry.form(form), runs, recorded=True)


HIGH, SAME, LOW = (0.7, 0.71, 0.72), (0.5, 0.51, 0.52), (0.3, 0.31, 0.32)


@pytest.mark.parametrize(
    ("short", "full", "matters", "words"),
    [
        (HIGH, HIGH, 5, "they agree"),
        (HIGH, LOW, 5, "they say the opposite"),
        (HIGH, SAME, 5, "they disagree"),
        (SAME, SAME, 5, "they agree"),
        (SAME, SAME, 0.1, "one of them is open"),
        (HIGH, SAME, 0.1, "one of them is open"),
    ],
)
def test_the_two_kinds_of_images_side_by_side(short, full, matters, words):
    both = OnBoth(
        *(
            made(form, {"one": SAME, "two": values}, matters=matters)
            for form, values in (("short", short), ("full", full))
        )
    )
    ((name, first, second, together),) = both.rows
    assert name == "two" and together == words and words in str(both) and words in both._repr_html_()
    assert first.endswith((", differs", ", equal", ", open")) and "points (" in second


def test_side_by_side_needs_both_and_enough_of_them():
    whole = made("full", {"one": SAME, "two": HIGH})
    few = made("full", {"one": SAME, "two": HIGH[:2]})
    assert whole.is_enough and not few.is_enough
    for both in (OnBoth(None, whole), OnBoth(whole, None), OnBoth(whole, few)):
        assert both.rows == [] and "not recorded yet" in str(both) and "not recorded yet" in both._repr_html_()


def test_a_form_may_be_compared_by_another_quantity():
    learns = Quantity("runs that learn", "%", lambda run: 100.0, points="points", is_share=True)
    entry = replace(
        EXPERIMENT,
        quantity=learns,
        matters=25.0,
        more=(ACCURACY,),
        full=photographs(FORM.recipe, quantity=ACCURACY, matters=5.0, more=()),
    )
    runs = {"one": [make_run(each, seed=seed) for seed, each in enumerate(SAME)]}
    runs["two"] = [make_run(each, seed=seed) for seed, each in enumerate(HIGH)]
    short, full = (Result(entry, form, entry.form(form), runs, recorded=True) for form in ("short", "full"))
    assert short.quantities == (learns, ACCURACY) and full.quantities == (ACCURACY,)
    assert full.verdicts == {"two": "differs"} and full.mean("two") == pytest.approx(71)
    assert full.compare().differences[0].matters == 5.0 and full.compare(learns).differences[0].matters is None
    assert short.compare().differences[0].matters == 25.0 and short.compare(ACCURACY).differences[0].matters is None
    assert "mean 71.0" in full.picture.alternative and "mean 100.0" in short.picture.alternative
    assert OnBoth(short, full).rows[0][-1] == "runs that learn on the one, test accuracy on the other"


def test_a_form_of_which_too_little_is_recorded_is_not_taken_unasked():
    EXPERIMENT.run("short", keep=EXPERIMENT.folder("short"), show=False)
    EXPERIMENT.run("full", seeds=(0, 1), keep=EXPERIMENT.folder("full"), show=False)
    assert EXPERIMENT.recorded().form_name == "short" and EXPERIMENT.recorded("full") is not None
    EXPERIMENT.run("full", seeds=(0, 1, 2), keep=EXPERIMENT.folder("full"), show=False)
    assert EXPERIMENT.recorded().form_name == "full"
    by_another = replace(EXPERIMENT, full=replace(EXPERIMENT.full, quantity=ACCURACY))
    assert by_another.recorded().form_name == "short" and by_another.recorded("full") is not None
