"""Training and experiments from the command line, and the recipes of the papers."""

from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from course import paper_recipes
from course.experiments import experiment, names
from course.paper_recipes import RECIPES
from lessons.__main__ import app
from networks.catalog import create, load_weights
from tests.utils.data.test_stream import write
from utils.data.sets import load
from utils.train.runs import Run

pytestmark = pytest.mark.usefixtures("own_work")


def run(*arguments: str):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# What the papers state: a recipe and some of its settings.
STATED = [
    (
        "googlenet",
        {"optimizer": "sgd", "momentum": 0.9, "decay": 0.96, "decay_every": 8, "aux_weight": 0.3, "dropout": 0.4},
    ),
    ("googlenet", {"crop": (0.08, 1.0), "aspect": (3 / 4, 4 / 3), "random_interpolation": True, "flip": True}),
    ("bn_inception", {"learning_rate": 0.0015, "batch_size": 32, "optimizer": "sgd"}),
    ("bn_x5", {"learning_rate": 0.0075, "decay_every": RECIPES["bn_inception"].recipe.decay_every // 6}),
    ("bn_x30", {"learning_rate": 0.045, "decay_every": RECIPES["bn_inception"].recipe.decay_every // 6}),
    ("inception_v3", {"optimizer": "rmsprop", "rms_decay": 0.9, "epsilon": 1.0, "epsilon_inside": True, "clip": 2.0}),
    ("inception_v3", {"learning_rate": 0.045, "decay": 0.94, "decay_every": 2, "label_smoothing": 0.1, "epochs": 100}),
    ("inception_v4", {"optimizer": "rmsprop", "epsilon": 1.0, "learning_rate": 0.045, "decay": 0.94, "dropout": 0.2}),
    ("xception", {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.045, "weight_decay": 1e-5, "dropout": 0.5}),
]


@pytest.mark.parametrize(("name", "settings"), STATED)
def test_recipes_say_what_the_papers_state(name, settings):
    recipe = paper_recipes.recipe(name)
    assert {setting: getattr(recipe, setting) for setting in settings} == settings


def test_an_unknown_recipe_is_named():
    with pytest.raises(ValueError, match=r"There is no recipe 'v3'. There are: googlenet, bn_inception, "):
        paper_recipes.recipe("v3")


def test_the_list_of_recipes_gives_settings_and_sources():
    result = run("recipes")
    assert result.exit_code == 0
    for name, entry in RECIPES.items():
        assert f"\n{name}\n" in "\n" + result.stdout
        assert f"epochs={entry.recipe.epochs}" in result.stdout
    assert "arXiv 1512.00567" in result.stdout and max(map(len, result.stdout.splitlines())) <= 100


def test_a_network_is_trained_and_kept(tmp_path):
    out = tmp_path / "kept" / "run.json"
    arguments = (
        "train",
        "googlenet",
        "--recipe",
        "inception_v3",
        "--limit",
        64,
        "--epochs",
        1,
        "--seed",
        3,
        "--out",
        out,
    )
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert "googlenet, mini on scales, seed 3: test accuracy" in result.stdout and "averaged weights" in result.stdout
    record = Run.load(out)
    assert record.recipe == replace(paper_recipes.recipe("inception_v3"), epochs=1) and record.data["train"] == 64
    net = create("googlenet", size="mini", num_classes=10, aux_heads=True)
    net.load_state_dict(
        {k.removeprefix("module."): v for k, v in torch.load(out.with_suffix(".pt")).items() if k != "n_averaged"}
    )


def test_of_several_processes_one_speaks_and_writes(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    result = run("train", "googlenet", "--limit", 64, "--epochs", 1, "--batch-size", 32, "--out", tmp_path / "run.json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "" and list(tmp_path.glob("run*")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seeds", "-1"), "seeds is -1; it must be 1 or more"),
        (("--seeds", "1", "--picture", "pic.bmp"), "picture is pic.bmp; its name can end in ."),
    ],
)
def test_an_experiment_says_what_is_wrong_before_it_trains(arguments, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("course.experiments.fit", lambda *given, **options: pytest.fail("it trains"))
    result = run("experiment", "factor_activation", *arguments)
    assert result.exit_code == 1 and said in result.stderr and "Traceback" not in result.stderr


def test_a_checkpoint_that_is_not_there_yet_is_said(tmp_path):
    result = run("train", "googlenet", "--limit", 64, "--epochs", 1, "--batch-size", 32, "--width", 0.5,
                 "--checkpoint", tmp_path / "new.ck", "--resume")  # fmt: skip
    assert result.exit_code == 0 and "new.ck is not there yet: training begins at its first step." in result.stdout


def test_an_installation_without_the_recorded_runs_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("course.experiments.RUNS", tmp_path / "no")
    monkeypatch.setattr("course.train_command.RUNS", tmp_path / "no")
    assert "recorded: in the course's repository, and not installed" in run("experiment").stdout
    result = run("experiment", "residual", "--recorded")
    assert result.exit_code == 1 and "are in its repository, and not installed" in result.stderr


def test_what_a_network_lacks_is_left_out_and_said(tmp_path):
    result = run("train", "bn_inception", "--recipe", "inception_v3", "--limit", 64, "--epochs", 1, "--width", 0.5)
    assert result.exit_code == 0, result.stderr
    assert "bn_inception has no auxiliary heads" in result.stdout and "bn_inception has no dropout" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bninception",), "There is no network 'bninception'. The networks are: googlenet"),
        (("googlenet", "--recipe", "slow"), "There is no recipe 'slow'. There are: googlenet"),
        (("googlenet", "--data", "imagenet"), "imagenet"),
        (("googlenet", "--size", "huge"), "size is 'huge'; it can be 'full' or 'mini'"),
        (("googlenet", "--variant", "old"), "variant is 'old'"),
        (("googlenet", "--seed", "-1"), "seed is -1"),
        (("googlenet", "--device", "tpu", "--limit", "64"), "device is 'tpu'"),
        (
            ("googlenet", "--resume", "--limit", "64"),
            "--resume goes on from a checkpoint, and none is named. Add --checkpoint",
        ),
        (("googlenet", "--data", "digits", "--test-data", "x.parquet"), "'digits' has its own. Leave --test-data out"),
        (("googlenet", "--data", "train-*.parquet"), "no test images are named. Add --test-data"),
        (("googlenet", "--data", "train-*.parquet", "--test-data", "x.parquet"), "There is no file train-*.parquet"),
    ],
)
def test_what_does_not_exist_is_named(arguments, said):
    result = run("train", *arguments)
    assert result.exit_code == 1 and said in result.stderr and "Traceback" not in result.stderr


def test_images_stream_from_parquet_files(tmp_path):
    for part, values in (("train-0", range(64)), ("train-1", range(64, 128)), ("test", range(32))):
        write(tmp_path / f"{part}.parquet", values)
    files = ("--data", tmp_path / "train-*.parquet", "--test-data", tmp_path / "test.parquet", "--image-size", 32)
    result = run("train", "googlenet", *files, "--width", 0.5, "--epochs", 1, "--out", tmp_path / "run.json")
    assert result.exit_code == 0, result.stderr
    record = Run.load(tmp_path / "run.json")
    assert record.data["train"] == 128 and record.data["test"] == 32 and record.data["classes"] == ["even", "odd"]


def test_what_a_training_leaves_is_enough_to_use_it(tmp_path):
    """The documentation's lines: the record says how the network is built and what its images have to be."""
    words = ("train", "inception_v3", "--data", "digits", "--width", 0.5, "--epochs", 1, "--limit", 200)
    assert run(*words, "--batch-size", 50, "--out", tmp_path / "run.json").exit_code == 0
    record = Run.load(tmp_path / "run.json")
    net = create(**record.network["create"]).eval()
    assert load_weights(net, tmp_path / "run.pt").complete
    images = load("digits", limit=200).test
    mean, std = (torch.tensor(record.data[each]).view(-1, 1, 1) for each in ("mean", "std"))
    with torch.no_grad():
        logits = net((images.images.float() / 255 - mean) / std)
    assert (logits.argmax(dim=1) == images.labels).float().mean().item() == pytest.approx(record.accuracy, abs=0.006)


def test_help_explains_every_option():
    import typer

    for name, command in typer.main.get_command(app).commands.items():
        for option in command.params:
            assert name == "lab" or getattr(option, "help", None) or option.name == "help", f"{name} {option.name}"


def test_an_experiment_is_kept_and_goes_on(tmp_path, monkeypatch):
    from course import train_command
    from course.experiments import experiment

    entry = experiment("uniform_blocks")
    recipe = replace(entry.short.recipe, epochs=1, batch_size=32)
    small = replace(entry, short=replace(entry.short, recipe=recipe, limit=64))
    monkeypatch.setattr(train_command, "experiment", lambda name: small)
    picture = tmp_path / "picture.png"
    result = run("experiment", "uniform_blocks", "--seeds", 2, "--picture", picture)
    assert result.exit_code == 0, result.stderr
    assert "growing ends" in result.stdout and picture.read_bytes().startswith(b"\x89PNG")
    folder = tmp_path / "work" / "runs" / "uniform_blocks" / "short"
    written = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert sorted(written) == ["arm1_seed0.json", "arm1_seed1.json", "arm2_seed0.json", "arm2_seed1.json"]
    again = run("experiment", "uniform_blocks", "--seeds", 2)
    assert "4 runs are kept" in again.stdout
    assert written == {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    run("experiment", "uniform_blocks", "--seeds", 2, "--again")
    assert written != {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}


def test_the_list_of_experiments():
    from course.experiments import names

    result = run("experiment")
    assert result.exit_code == 0 and all(name in result.stdout for name in names())


def test_an_unknown_experiment_and_form():
    assert "There is no experiment 'scale'" in run("experiment", "scale").stderr
    assert "form is 'long'; multi_scale has: short, full" in run("experiment", "multi_scale", "--form", "long").stderr


def test_recorded_runs_are_shown_without_training():
    result = run("experiment", "multi_scale", "--recorded", "--form", "longer")
    assert result.exit_code == 0 and "recorded 20" in result.stdout and "several scales, naive ends" in result.stdout


def test_the_overview_says_what_every_experiment_decides():
    from course.train_command import overview_of_experiments, verdict_text

    text = overview_of_experiments()
    for name in names():
        result = experiment(name).recorded()
        assert f"{name}  (" in text and verdict_text(result) in text
        for verdict in result.verdicts.values():
            assert f": {verdict}" in verdict_text(result)
    assert verdict_text(None) == "recorded: nothing yet"


def test_every_experiment_with_several_arms_says_beforehand_what_matters():
    for name in names():
        entry = experiment(name)
        assert (entry.matters is not None) is (len(entry.arms) > 1)
