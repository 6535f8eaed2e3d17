"""The benchmark that asks whether live experiments come to the recorded verdicts."""

from dataclasses import replace

import pytest
import torch

from benchmarks import agreement
from benchmarks.agreement import WAYS, Group, Live, agrees, calls_of_run, kept, live, planned, rows, tried
from course.experiments import experiment, names
from tests.course.test_experiment_engine import EXPERIMENT

TRIAL = replace(EXPERIMENT, matters=5.0)


@pytest.mark.parametrize("way", WAYS)
def test_a_group_is_run_in_each_way_and_leaves_the_process_as_it_was(way):
    before = torch.get_num_threads(), torch.backends.mkldnn.enabled
    group = tried(Group("trial_of_two", way, ["one", "two"], [11, 12]), entry=TRIAL)
    assert (torch.get_num_threads(), torch.backends.mkldnn.enabled) == before
    assert list(group.verdicts) == list(group.means) == ["two"]
    assert group.verdicts["two"] in ("differs", "equal", "open")
    threads = "2 threads" if way == "two threads" else "1 thread,"
    assert group.source.startswith("made 20") and threads in group.source and "commit" in group.source
    assert group.code and group.torch == torch.__version__ and group.seconds > 0


def test_another_way_is_another_computation():
    """The first weights differ in the last digit, and in nothing else."""
    build = TRIAL.arms["one"].build
    images = type("Images", (), {"classes": range(4)})()
    torch.manual_seed(3)
    plain = build(images)
    torch.manual_seed(3)
    other = agreement.with_nudges(TRIAL).arms["one"].build(images)
    for before, after in zip(plain.parameters(), other.parameters(), strict=True):
        assert not torch.equal(before, after)
        torch.testing.assert_close(before, after, rtol=1.2e-6, atol=0)


def test_groups_share_no_seed_with_each_other_nor_with_the_recorded_runs():
    for name, trained in live().items():
        recorded = {run.seed for runs in experiment(name).recorded("short").runs.values() for run in runs}
        groups = planned(name, ["as it is"])
        seeds = [seed for group in groups for seed in group.seeds]
        assert len(groups) == 10 and len(seeds) == len(set(seeds)) and recorded.isdisjoint(seeds)
        assert {len(group.seeds) for group in groups} == {trained.seeds}
        assert {tuple(group.arms) for group in groups} == {trained.arms}


def test_what_lessons_train_is_read_from_their_cells():
    text = """# A lesson

```{code-cell}
one = experiment("residual")
```

```{code-cell}
found = one.run(seeds=(0, 1, 2), arms=["plain"])
other.run(seeds=(4,))
```

```{code-cell}
print(experiment("groups").run())
```
"""
    assert list(calls_of_run(text)) == [("residual", {"seeds": (0, 1, 2), "arms": ["plain"]}), ("groups", {})]
    assert set(live()) <= set(names()) and live()["multi_scale"] == Live(("several scales", "3×3 only"), 4)


def test_what_short_trainings_leave_open_is_shown_recorded():
    """No lesson draws a verdict from trainings that are too few for one. Lesson 07 trains its six to average them."""
    undecided = {
        name
        for name, trained in live().items()
        for arm, verdict in experiment(name).recorded("short").verdicts.items()
        if arm in trained.arms and verdict == "open"
    }
    assert undecided == {"residual"}


def test_what_no_lesson_trains_is_not_tried():
    assert planned("low_resolution") == []
    (row, *_) = [row for row in rows([]) if row[0] == "low_resolution"]
    assert row[-5:] == ["recorded", "–", "–", "–", "–"]


def test_what_agrees():
    recorded = experiment("residual").recorded("short").compare().differences[0]
    one = replace(recorded, mean=-3.0, low=-4.0, high=-2.0, matters=1.5)
    assert one.verdict == "differs"
    assert agrees("differs", -1.0, one) and not agrees("differs", 1.0, one)
    assert not agrees("open", -1.0, one) and not agrees("equal", -1.0, one)
    none = replace(recorded, mean=0.1, low=-1.0, high=1.0, matters=1.5)
    assert none.verdict == "equal" and agrees("equal", -0.4, none) and not agrees("differs", 0.4, none)


def test_the_table_counts_the_groups_by_their_way(tmp_path):
    difference = experiment("residual").recorded("short").compare().differences[0]
    verdict, mean = difference.verdict, difference.mean
    against = {"differs": "equal", "equal": "differs", "open": "equal"}[verdict]
    groups = [
        Group("residual", "as it is", ["residual", "plain"], [number], {"plain": verdict}, {"plain": mean})
        for number in range(3)
    ]
    groups += [Group("residual", "nudged", ["residual", "plain"], [9], {"plain": against}, {"plain": mean})]
    table = rows(groups)
    (row,) = [row for row in table if row[0] == "residual"]
    assert row[-4:] == ["3 of 3", "–", "–", "0 of 1"] and row[5] == "plain"
    assert {row[0] for row in table if row[0]} == set(names())


def test_what_was_tried_is_kept_and_given_up_where_the_code_changed(tmp_path):
    group = tried(Group("trial_of_two", "as it is", ["one", "two"], [11, 12]), entry=TRIAL)
    file = tmp_path / "kept.json"
    agreement.keep([group], file)
    assert kept(file) == [group]
    agreement.keep([replace(group, code=dict.fromkeys(group.code, "another"))], file)
    assert kept(file) == [] and kept(tmp_path / "none.json") == []


def test_a_group_that_is_stopped_is_no_group(monkeypatch):
    run = type(TRIAL).run
    monkeypatch.setattr(
        type(TRIAL), "run", lambda entry, **given: run(entry, **given | {"arms": ["one"], "seeds": [11]})
    )
    with pytest.raises(KeyboardInterrupt):
        tried(Group("trial_of_two", "as it is", ["one", "two"], [11, 12]), entry=TRIAL)


def test_an_unknown_experiment_is_named(capsys):
    with pytest.raises(SystemExit):
        agreement.main(["residuals"])
    assert "There is no experiment 'residuals'" in capsys.readouterr().err
