"""Runs: the file, the key, the comparison."""

import json
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from utils.system.places import CHECKOUT
from utils.train import runs
from utils.train.provenance import meaning
from utils.train.recipe import Recipe
from utils.train.runs import Epoch, Run, Score, describe_commit, describe_versions

VERSIONS = describe_versions()


def make_run(*accuracies: float, seed: int = 0, **changes) -> Run:
    """A run with one epoch for each accuracy."""
    run = Run(
        network={"name": "Net", "class": "lessons.Net", "parameters": 123, "structure": "ab", "initial_weights": "x"},
        recipe=Recipe(epochs=max(1, len(accuracies)), clip=2.0),
        seed=seed,
        data={"name": "scales", "source": "Made.", "train": 6, "test": 2, "classes": ["a", "é"], "content": "cd"},
        machine={"device": "cpu", "device_name": "A CPU", "cpu": "A CPU", "cores": 2, "threads": 2, "platform": "x"},
        versions=VERSIONS,
        commit="0" * 40,
        modified=False,
        date="2026-01-02T03:04:05+00:00",
        seconds=1.25,
        completed=True,
    )
    for accuracy in accuracies:
        score = Score(accuracy=accuracy, loss=1 - accuracy)
        run.add_epoch(learning_rate=0.1, train=score, test=score, seconds=1 / 3, images_per_second=1000 / 3)
    return replace(run, **changes)


def test_a_run_comes_back_from_its_file_whole(tmp_path):
    run = make_run(0.5, 2 / 3)
    path = run.save(tmp_path / "new folder" / "run.json")
    loaded = Run.load(path)
    assert loaded == run
    assert loaded.key == run.key
    assert loaded.save(tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["run.json"]


def test_the_file_is_text_with_a_line_for_each_epoch(tmp_path):
    text = make_run(0.5, 2 / 3).save(tmp_path / "run.json").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if '"epoch":' in line]
    assert len(lines) == 2
    assert '"test_accuracy": 0.666667' in lines[1]
    assert '"classes": ["a", "é"]' in text
    assert text.endswith("}\n")


def test_a_run_without_an_epoch_can_be_saved(tmp_path):
    run = make_run(completed=False)
    assert Run.load(run.save(tmp_path / "run.json")) == run
    assert repr(run) == "Net on scales, seed 0: no epoch finished (stopped in epoch 1 of 1, 1.2 s, A CPU)"


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = make_run(0.5).save(tmp_path / "run.json")
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        make_run(0.9).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def edited(text: str, **changes) -> str:
    return json.dumps(json.loads(text) | changes)


def without(text: str, name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(text).items() if key != name})


def with_epoch(text: str, **changes) -> str:
    record = json.loads(text)
    record["history"][0] |= changes
    return json.dumps(record)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:200], "cut off"),
        (lambda text: "", "cut off"),
        (lambda text: "[1, 2]", '"format"'),
        (lambda text: '{"nbformat": 4}', '"format"'),
        (lambda text: edited(text, version=3), "Update the course"),
        (lambda text: edited(text, seed=7), "edited by hand"),
        (lambda text: edited(text, seed="7"), "seed is '7'"),
        (lambda text: edited(text, extra=1), "extra"),
        (lambda text: without(text, "machine"), "'machine' is missing"),
        (lambda text: without(text, "key"), "'key' is missing"),
        (lambda text: edited(text, network={"name": "Net"}), "is missing"),
        (lambda text: edited(text, history=[{"epoch": 1}]), "is missing in history"),
        (lambda text: edited(text, history=[3]), "history holds 3"),
        (lambda text: with_epoch(text, test_loss="low"), "not a number"),
        (lambda text: with_epoch(text, epoch=2), "1, 2, 3"),
        (lambda text: with_epoch(text, speed=2), "speed is unknown"),
    ],
)
def test_a_broken_or_foreign_file_is_named(tmp_path, damage, said):
    path = make_run(0.5).save(tmp_path / "run.json")
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        Run.load(path)
    assert "run.json" in str(caught.value)
    assert said in str(caught.value)


def test_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match=r"picture\.png.*not text"):
        Run.load(path)
    with pytest.raises(FileNotFoundError):
        Run.load(tmp_path / "none.json")


def test_the_key_changes_with_every_setting_and_with_nothing_else():
    run = make_run(0.5)
    same = [
        make_run(0.9, 0.9, recipe=run.recipe),
        replace(run, machine={}, versions={}, commit=None, date="", seconds=9.0, completed=False),
        replace(run, network=run.network | {"name": "Other name"}),
        replace(run, data=run.data | {"source": "Another sentence."}),
    ]
    other = [
        replace(run, seed=1),
        replace(run, recipe=replace(run.recipe, clip=None)),
        replace(run, network=run.network | {"structure": "ac"}),
        replace(run, network=run.network | {"initial_weights": "y"}),
        replace(run, data=run.data | {"content": "ce"}),
    ]
    assert {each.key for each in same} == {run.key}
    assert len({each.key for each in other} | {run.key}) == len(other) + 1


# A file as the first version of the format had it, with the key that it was given then.
FIRST_FILE = """{"format": "inception-course run", "version": 1, "key": "4f421ac2d2b0a829",
"network": {"name": "Net", "class": "lessons.Net", "parameters": 1, "structure": "ab", "initial_weights": "x"},
"recipe": {"epochs": 1, "batch_size": 128, "optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "epsilon": 1e-08,
"weight_decay": 0.0, "schedule": "constant", "decay": 0.96, "decay_every": 8, "label_smoothing": 0.0, "aux_weight": 0.0,
"clip": null, "flip": false, "shift": 0},
"seed": 0, "data": {"name": "scales", "train": 6, "test": 2, "classes": ["a"], "content": "cd"}, "machine": {},
"versions": {}, "commit": null, "modified": null, "date": "", "history": [{"epoch": 1, "learning_rate": 0.1,
"train_loss": 1, "train_accuracy": 0.5, "test_loss": 1, "test_accuracy": 0.5, "seconds": 1, "images_per_second": 9}],
"seconds": 1.0, "completed": true}"""


def test_files_of_version_1_are_read_and_keep_their_key(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(FIRST_FILE, encoding="utf-8")
    run = Run.load(path)
    assert run.recipe == Recipe(epochs=1)
    assert run.measures == run.code == {}
    assert run.memory is run.history[0].averaged_accuracy is run.changed_code is None
    again = run.save(tmp_path / "new.json")
    assert '"version": 2' in again.read_text()
    assert Run.load(again) == run
    path.write_text(FIRST_FILE.replace('"clip": null, ', ""), encoding="utf-8")
    with pytest.raises(ValueError, match="edited by hand"):
        Run.load(path)


def test_a_setting_that_came_later_counts_where_it_is_not_at_its_default():
    run = make_run(0.5)
    changes = [{"averaging": 0.9}, {"dropout": 0.0}, {"precision": "bfloat16"}, {"channels_last": False}]
    changes += [{"crop": (0.1, 1.0)}, {"aspect": (0.5, 2.0)}, {"warm_up": 0.5}, {"epsilon_inside": True}]
    keys = {replace(run, recipe=replace(run.recipe, **change)).key for change in changes}
    assert len(keys | {run.key}) == len(changes) + 1
    assert replace(run, recipe=replace(run.recipe, color=0, aspect=(0.75, 4 / 3))).key == run.key


def test_averages_measures_and_tuples_come_back(tmp_path):
    run = make_run(0.5, recipe=Recipe(epochs=2, crop=(0.08, 1.0), averaging=0.99), memory=2**31)
    run.measures |= {"gradient": [0.5, 0.25], "calibration error": 0.125}
    score = Score(accuracy=0.75, loss=0.5)
    run.add_epoch(learning_rate=0.1, train=score, test=score, averaged=score, seconds=1, images_per_second=1)
    loaded = Run.load(run.save(tmp_path / "run.json"))
    assert loaded == run
    assert loaded.memory == 2**31
    assert loaded.column("averaged_accuracy") == [None, 0.75]
    assert loaded.recipe.crop == (0.08, 1.0)


def test_a_run_says_which_of_the_code_it_was_made_with_has_changed():
    run = make_run(
        0.5, code={"utils/train/recipe.py": meaning((CHECKOUT / "utils/train/recipe.py").read_text(encoding="utf-8"))}
    )
    assert run.changed_code == []
    for code, files in (
        ({"utils/train/recipe.py": "0" * 16}, ["utils/train/recipe.py"]),
        ({}, None),
        ({"no.py": "0"}, ["no.py"]),
    ):
        assert replace(run, code=code).changed_code == files


def test_a_run_says_itself_in_one_line():
    run = make_run(0.5, 0.987)
    assert repr(run) == "Net on scales, seed 0: test accuracy 98.70% (2 epochs, 1.2 s, A CPU)"
    assert run._repr_html_() == f"<div>{run!r}</div>"
    assert run.column("test_accuracy") == [0.5, 0.987]


def test_epochs_that_took_different_times_are_equal():
    epoch = Epoch(1, 0.1, 1.0, 0.5, 1.0, 0.5, seconds=1.0, images_per_second=5.0)
    assert epoch == replace(epoch, seconds=2.0, images_per_second=4.0)
    assert epoch != replace(epoch, test_accuracy=0.6)


def test_no_names_and_no_places_in_the_record(tmp_path):
    text = make_run(0.5, machine=_machine()).save(tmp_path / "run.json").read_text()
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text
    assert socket.gethostname() not in text


def _machine() -> dict:
    import torch

    from utils.train.runs import describe_machine

    return describe_machine(torch.device("cpu"))


def test_the_commit_is_one_or_unknown():
    commit, modified = describe_commit()
    assert (commit is None) == (modified is None)
    assert commit is None or len(commit) == 40


def test_asking_for_the_commit_writes_nothing_into_the_repository(tmp_path, monkeypatch):
    """A `git status` that is killed in the middle would leave its lock behind, and git would refuse the learner's next command."""

    def git(*words):
        names = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", tmp_path, *names, *words], check=True, capture_output=True)

    git("init")
    file = tmp_path / "code.py"
    file.write_text("1")
    git("add", "code.py")
    git("commit", "-m", "one")
    os.utime(file, (1, 1))  # so that status would refresh the index
    index = tmp_path / ".git" / "index"
    before = index.read_bytes()
    monkeypatch.setattr(runs, "CHECKOUT", tmp_path)
    commit, modified = describe_commit()
    assert len(commit) == 40 and modified is False and index.read_bytes() == before
    git("status")
    assert index.read_bytes() != before, "there was nothing to refresh"
    record = tmp_path / "runs" / "one.json"
    record.parent.mkdir()
    record.write_text("{}")
    git("add", "runs")
    git("commit", "-m", "two")
    record.write_text("{ }")
    assert describe_commit()[1] is False, "a recording writes runs; they are no code"
    file.write_text("2")
    assert describe_commit()[1] is True


def test_what_a_command_notes_afterwards_is_in_no_key_and_was_once():
    """How to build the network, and how its images were normalised: a checkpoint and `planned_key` do not know of them."""
    run = make_run(0.5)
    before = run.key
    run.network["create"] = {"name": "googlenet"}
    run.data |= {"mean": [0.5], "std": [0.25]}
    assert run.key == before and runs.from_text(runs.to_text(run)).key == before
    record = json.loads(runs.to_text(run))
    record["key"] = runs._key(record, as_once=True)
    assert record["key"] != before and runs.from_text(json.dumps(record)).key == before
