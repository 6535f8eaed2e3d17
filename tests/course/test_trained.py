"""Networks that come with the course trained: each is the network of its recorded run."""

import os
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from course import trained as module
from course.experiments import Experiment
from course.trained import SOURCES, Source, train_again, trained, weights_file
from lessons.__main__ import app
from utils.data.photo import photograph
from utils.data.sets import load
from utils.system.places import RUNS
from utils.train.runs import Run

HAS_PHOTOGRAPHS = pytest.mark.skipif(not os.environ.get("COURSE_DATA"), reason="needs CIFAR-10 in COURSE_DATA")


@pytest.mark.parametrize("name", SOURCES)
def test_a_network_is_that_of_its_run_and_ready_for_use(name):
    found = trained(name)
    record = found.run
    assert (record.network["name"], record.seed, record.data["name"]) == (
        SOURCES[name].arm,
        SOURCES[name].seed,
        "cifar10",
    )
    assert record.completed and record.changed_code == []
    assert sum(parameter.numel() for parameter in found.net.parameters()) == record.network["parameters"]
    assert not found.net.training and len(found.classes) == 10
    images = torch.tensor(photograph("flower", 32)).permute(2, 0, 1)[None]
    logits = found.net(found.normalise(images))
    assert logits.shape == (1, 10) and torch.isfinite(logits).all()
    torch.testing.assert_close(found.normalise(images.float() / 255), found.normalise(images))
    for words in (
        f"{record.network['parameters']:,} parameters",
        f"{record.history[-1].test_accuracy:.1%}",
        record.date[:10],
    ):
        assert words in found.sentence


@HAS_PHOTOGRAPHS
@pytest.mark.slow
@pytest.mark.parametrize("name", ["multi_scale", pytest.param("label_smoothing", marks=pytest.mark.whole)])
def test_it_is_right_as_often_as_its_record_says(name):
    found, data = trained(name), load("cifar10")
    assert (data.mean, data.std) == (module.MEAN, module.STD) and data.classes == found.classes
    with torch.no_grad():
        right = sum(
            int((found.net(found.normalise(images)).argmax(dim=1) == labels).sum())
            for images, labels in data.test.in_order(250)
        )
    assert right / len(data.test) == pytest.approx(found.run.history[-1].test_accuracy, abs=2e-4)


def test_what_is_not_there_or_was_changed_is_said(tmp_path, monkeypatch):
    with pytest.raises(
        ValueError, match=r"There is no trained network of 'residual'. There are networks of: multi_scale"
    ):
        trained("residual")
    with pytest.raises(ValueError, match="no trained network of 'residual'"):
        train_again("residual", tmp_path / "weights.pt")
    monkeypatch.setattr(Experiment, "folder", lambda entry, form: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"arm1_seed0.pt is not there.*python -m lessons weights multi_scale"):
        trained("multi_scale")
    weights_file("multi_scale").write_bytes(b"other weights")
    with pytest.raises(ValueError, match="is not the file that was recorded"):
        trained("multi_scale")


def on_little_data(monkeypatch):
    """Makes the recorded form one short epoch on 128 of the course's own images."""
    form = Experiment.form

    def small(entry, name):
        chosen = form(entry, name)
        return replace(chosen, data="scales", limit=128, recipe=replace(chosen.recipe, epochs=2, batch_size=64))

    monkeypatch.setattr(Experiment, "form", small)


def test_one_command_trains_it_again(tmp_path, monkeypatch):
    on_little_data(monkeypatch)
    out = tmp_path / "weights.pt"
    result = CliRunner().invoke(app, ["weights", "multi_scale", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "epoch 1 of 2: right on" in result.output and "the recorded run was on 75.8%" in result.output
    kept, told = torch.load(out, weights_only=True), trained("multi_scale").net.state_dict()
    assert {name: value.shape for name, value in kept.items()} == {name: value.shape for name, value in told.items()}
    result = CliRunner().invoke(app, ["weights", "multi_scale", "--out", str(out)])
    assert result.exit_code == 1 and "is there already" in result.output
    listed = CliRunner().invoke(app, ["weights"]).output
    assert all(f"{name}: " in listed for name in SOURCES) and "17,414 parameters" in listed


def test_stopped_it_goes_on_where_it_was(tmp_path, monkeypatch):
    on_little_data(monkeypatch)
    out, begun, said = tmp_path / "weights.pt", tmp_path / "weights.checkpoint", []

    def stop(line):
        raise KeyboardInterrupt

    run = train_again("multi_scale", out, say=stop)
    assert not run.completed and len(run.history) == 1 and begun.exists() and not out.exists()
    assert train_again("multi_scale", out, say=said.append).completed and out.exists() and not begun.exists()
    whole = train_again("multi_scale", tmp_path / "at once.pt", say=said.append)
    assert all(line.startswith("epoch 1 of 2: right on") for line in said)
    kept, at_once = (torch.load(tmp_path / name, weights_only=True) for name in ("weights.pt", "at once.pt"))
    assert whole.completed and all(torch.equal(kept[name], at_once[name]) for name in at_once)


def test_the_command_says_that_it_was_stopped(tmp_path, monkeypatch):
    def train(entry, form, arm, seed, **_):
        run = Run.load(weights_file("multi_scale").with_suffix(".json"))
        run.completed = False
        return run

    monkeypatch.setattr(Experiment, "train", train)
    result = CliRunner().invoke(app, ["weights", "multi_scale", "--out", str(tmp_path / "weights.pt")])
    assert result.exit_code == 130 and "goes on from its checkpoint" in result.output and not list(tmp_path.iterdir())


def test_each_file_of_weights_is_of_a_network_that_is_offered():
    offered = {weights_file(name) for name in SOURCES}
    assert set(RUNS.rglob("*.pt")) == offered
    assert all(isinstance(source, Source) and len(source.sha256) == 64 for source in SOURCES.values())
