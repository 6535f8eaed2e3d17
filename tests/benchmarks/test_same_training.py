"""The benchmark that asks whether changed code trains as before."""

import json

import pytest

from benchmarks import same_training
from course.experiments import Experiment


@pytest.fixture
def file(tmp_path, monkeypatch):
    """What the short forms of an experiment gave, in a file."""
    monkeypatch.setattr(Experiment, "forms", property(lambda entry: {"short": entry.short}))
    assert same_training.main([str(tmp_path / "before.json"), "--only", "uniform_blocks"]) == 0
    return tmp_path / "before.json"


def test_the_same_code_trains_the_same(file, capsys):
    assert list(json.loads(file.read_text())) == ["uniform_blocks, short, alike", "uniform_blocks, short, growing"]
    assert same_training.main([str(file), "--only", "uniform_blocks"]) == 0
    assert "Of 2 trainings that are in both, these differ: none." in capsys.readouterr().out


def test_a_step_of_another_size_is_named(file, capsys, monkeypatch):
    entry = same_training.experiment("uniform_blocks")
    of_arm = Experiment.recipe

    def recipe(entry, form, arm):
        found = of_arm(entry, form, arm)
        return found if arm == "alike" else same_training.replace(found, learning_rate=1.0001 * found.learning_rate)

    monkeypatch.setattr(Experiment, "recipe", recipe)
    assert same_training.main([str(file), "--only", entry.name]) == 1
    assert "these differ: uniform_blocks, short, growing." in capsys.readouterr().out


def test_files_without_a_training_in_common_show_nothing(file, capsys):
    file.write_text("{}")
    assert same_training.main([str(file), "--only", "uniform_blocks"]) == 1
    assert "Of 0 trainings" in capsys.readouterr().out
