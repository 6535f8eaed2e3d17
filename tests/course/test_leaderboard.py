"""The leader board: sound runs are ranked, broken and forged files are refused with their reason, and training again tells."""

import copy
import csv
import io
import json
import math
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from course import leaderboard
from course.leaderboard import Rules, board_of, examine, margin, train, verify
from lessons.__main__ import app
from networks.design import Budget, Design
from utils.train.loop import fit
from utils.train.recipe import Recipe

RULES = Rules(
    "scales", Recipe(epochs=2, batch_size=32, optimizer="adamw", learning_rate=0.02, schedule="one_cycle"), limit=192
)
SMALL = Design(stages=(("plain", 1, 8), ("googlenet", 1, 16)), reductions=("max_pool",))


@pytest.fixture(scope="module")
def data():
    return RULES.load()


@pytest.fixture(scope="module")
def trained():
    """Two sound runs by their seed."""
    return {seed: train(SMALL, RULES, seed=seed, show=False, device="cpu") for seed in (0, 1)}


@pytest.fixture
def run(trained):
    run = copy.copy(trained[0])
    run.network, run.data, run.code, run.machine = (
        dict(each) for each in (run.network, run.data, run.code, run.machine)
    )
    run.history = list(run.history)
    return run


def reason(run, folder, data, rules=RULES):
    return examine(run.save(folder / "ada.json"), rules, data).reason


def changed(run, epoch=-1, **figures):
    run.history[epoch] = replace(run.history[epoch], **figures)
    return run


# One file


def test_a_sound_run(run, tmp_path, data):
    entry = examine(run.save(tmp_path / "ada.json"), RULES, data)
    table = SMALL.table()
    assert not entry.reason and entry.design == SMALL and entry.macs == table.macs
    assert entry.student == "ada" and entry.accuracy == run.accuracy
    assert run.network["parameters"] == table.parameters and run.network["design"] == SMALL.code
    assert entry.margin == margin(run.accuracy, 64)


def test_the_project_s_own_rules():
    assert {name: (rules.data, rules.recipe.epochs, rules.limit) for name, rules in leaderboard.RULES.items()} == {
        "short": ("scales", 4, None),
        "full": ("cifar10", 20, None),
    }
    with pytest.raises(ValueError, match="short or full"):
        leaderboard.rules_of("long")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not whole JSON"),
        ("[" * 100_000, "cannot be read as a run"),
        ("{}", "it does not say"),
        ("null", "it does not say"),
        (" " * 1_000_001, "bytes"),
    ],
)
def test_what_is_no_run_is_refused(text, words, tmp_path, data):
    path = tmp_path / "eve.json"
    path.write_text(text, encoding="utf-8")
    assert words in examine(path, RULES, data).reason


def test_other_broken_files_are_refused(run, tmp_path, data):
    path = run.save(tmp_path / "ada.json")
    text = path.read_text(encoding="utf-8")
    link = tmp_path / "link.json"
    link.symlink_to(path)
    assert "not a plain file" in examine(link, RULES, data).reason
    assert "not a plain file" in examine(tmp_path / "nobody.json", RULES, data).reason
    path.write_bytes(b"\xff\xfe" + text.encode())
    assert "not text" in examine(path, RULES, data).reason
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    assert "cut off or edited" in examine(path, RULES, data).reason
    path.write_text(text.replace('"seed": 0', '"seed": 3'), encoding="utf-8")
    assert "do not belong to its key" in examine(path, RULES, data).reason
    path.write_text(text.replace('"version": 2', '"version": 9'), encoding="utf-8")
    assert "version 9" in examine(path, RULES, data).reason


def forgeries():
    """Changes of a sound run, each with its key made to fit, and words of the reason."""
    least = math.log(2)
    return {
        "stopped": (lambda run: run.history.pop(), "1 of 2 epochs"),
        "not completed": (lambda run: setattr(run, "completed", False), "was stopped"),
        "other recipe": (
            lambda run: setattr(run, "recipe", replace(run.recipe, weight_decay=0.1)),
            "weight_decay 0.1 and not 0.0",
        ),
        "no design": (lambda run: run.network.pop("design"), "holds no design"),
        "strange design": (lambda run: run.network.update(design="__import__('os')"), "its design cannot be read"),
        "wider design": (
            lambda run: run.network.update(design=SMALL.code.replace("16)", "24)")),
            "parameters, and its design has",
        ),
        "design of equal size": (
            lambda run: run.network.update(
                design=Design(stages=SMALL.stages, reductions=("max_pool",), dropout=0.5).code
            ),
            "settings are not those of its design",
        ),
        "fewer parameters": (
            lambda run: run.network.update(parameters=SMALL.table().parameters - 1),
            "parameters, and its design has",
        ),
        "own weights": (lambda run: run.network.update(initial_weights="0123456789abcdef"), "not drawn from the seed"),
        "other images": (lambda run: run.data.update(content="0" * 16), "other images"),
        "more images": (lambda run: run.data.update(train=6000), "other training images"),
        "fewer test images": (lambda run: run.data.update(test=10), "other test images"),
        "other class names": (lambda run: run.data.update(classes=["a"] * 10), "do not belong together"),
        "negative seed": (lambda run: setattr(run, "seed", -1), "seed is -1"),
        "no code": (lambda run: run.code.clear(), "with which code"),
        "other code": (
            lambda run: run.code.update({"networks/design.py": "0" * 16}),
            "other code (networks/design.py)",
        ),
        "less code": (lambda run: run.code.pop("utils/train/engine.py"), "other code (utils/train/engine.py)"),
        "no such share": (lambda run: changed(run, test_accuracy=0.9), "no count of 64 test images"),
        "above one": (lambda run: changed(run, test_accuracy=1.5), "no count of 64 test images"),
        "no such training share": (
            lambda run: changed(run, 0, train_accuracy=0.3),
            "epoch 1: no count of 192 train images",
        ),
        "infinite loss": (lambda run: changed(run, train_loss=math.inf), "train_loss is inf"),
        "no loss": (lambda run: changed(run, test_loss=math.nan), "test_loss is nan"),
        "loss below what errors cost": (
            lambda run: changed(run, test_accuracy=0.5, test_loss=0.99 * 0.5 * least),
            f"at least {0.5 * least:.4g}",
        ),
        "negative loss": (lambda run: changed(run, train_accuracy=1.0, train_loss=-0.1), "train loss -0.1"),
        "other learning rate": (lambda run: changed(run, 0, learning_rate=0.01), "the learning rate is 0.01"),
        "no time": (lambda run: changed(run, seconds=0.0), "do not fit together"),
        "too slow for its time": (lambda run: changed(run, images_per_second=1.0, seconds=1.0), "do not fit together"),
        "longer than the run": (lambda run: changed(run, seconds=1e6), "epochs took"),
        "endless": (lambda run: setattr(run, "seconds", math.nan), "epochs took"),
    }


@pytest.mark.parametrize("name", forgeries())
def test_forged_runs_are_refused(name, run, tmp_path, data):
    forge, words = forgeries()[name]
    forge(run)
    assert words in reason(run, tmp_path, data)


def test_a_run_over_the_budget_is_refused(run, tmp_path, data):
    table = SMALL.table()
    rules = replace(RULES, budget=Budget(table.parameters, table.macs - 1))
    assert f"over the budget: {table.macs:,} multiply-adds" in reason(run, tmp_path, data, rules)
    assert not reason(run, tmp_path, data, replace(RULES, budget=Budget(table.parameters, table.macs)))


def test_a_network_that_is_not_the_design_s_is_refused(tmp_path, data):
    other = Design(stages=(("plain", 1, 8), ("googlenet", 1, 16)), reductions=("max_pool",), dropout=0.5)
    run = fit(lambda: other.build(data), data, RULES.recipe, seed=0, show=False, device="cpu")
    run.network["design"] = SMALL.code
    assert "not those of its design" in reason(run, tmp_path, data)


def test_what_train_refuses():
    with pytest.raises(ValueError, match=r"over the budget: .* parameters"):
        train(replace(SMALL, stages=(("plain", 4, 64), ("plain", 4, 64))), RULES)
    with pytest.raises(ValueError, match="it must be a Design"):
        train("Design()", RULES)


# The board


@pytest.fixture
def folder(trained, tmp_path):
    """A class: two students, one of them with a second run; two with one file; a forger; a broken file."""
    trained[0].save(tmp_path / "ada.json")
    trained[1].save(tmp_path / "bob" / "capstone" / "run.json")
    trained[0].save(tmp_path / "bob" / "capstone" / "again.json")
    trained[0].save(tmp_path / "cleo--first.json")
    forged = copy.copy(trained[0])
    forged.history = [*forged.history[:-1], replace(forged.history[-1], test_accuracy=0.99)]
    forged.save(tmp_path / "mallory.json")
    (tmp_path / "=HYPERLINK(1).json").write_text("{", encoding="utf-8")
    (tmp_path / ".hidden.json").write_text("{", encoding="utf-8")
    return tmp_path


def test_the_board(folder, trained, data):
    board = board_of(folder, RULES, data=data)
    best = max(trained.values(), key=lambda run: run.accuracy)
    bobs = next(entry for entry in board.ranked if entry.student == "bob")
    assert bobs.accuracy == best.accuracy  # the better one of two counts
    assert [entry.student for entry in board.others] == ["bob"]
    assert sorted(entry.student for entry in board.ranked) == ["ada", "bob", "cleo"]
    assert {entry.student for entry in board.refused} == {"mallory", "=HYPERLINK(1)"}
    scores = [entry.accuracy for entry in board.ranked]
    assert scores == sorted(scores, reverse=True)
    by_name = dict(zip((entry.student for entry in board.ranked), board.ranks, strict=True))
    assert by_name["ada"] == by_name["cleo"]  # equal accuracy, equal rank
    remarks = {entry.student: entry.remarks for entry in board.ranked}
    assert "the very run of cleo" in remarks["ada"] and "the very run of ada" in remarks["cleo"]
    text = str(board)
    assert "Refused: mallory, mallory.json: epoch 2: no count of 64 test images gives an accuracy of 0.99." in text
    assert "does not count, another run of theirs is better" in text and "--verify" in text
    assert "cannot be told from the first by 64 test images alone" in text


def test_ranks_after_a_tie(trained, tmp_path, data):
    low, high = sorted(trained.values(), key=lambda run: run.accuracy)
    assert low.accuracy < high.accuracy
    for name, run in (("ada", high), ("bob", high), ("cleo", low)):
        run.save(tmp_path / f"{name}.json")
    assert board_of(tmp_path, RULES, data=data).ranks == (1, 1, 3)


def test_the_same_design_is_no_copy(trained, tmp_path, data):
    for name, run in (("ada", trained[0]), ("bob", trained[1])):
        run.save(tmp_path / f"{name}.json")
    remarks = [entry.remarks for entry in board_of(tmp_path, RULES, data=data).ranked]
    assert {text for each in remarks for text in each} == {"the design of ada", "the design of bob"}


def test_the_board_as_a_page_and_as_a_table(folder, data):
    (folder / "<script>.json").write_text("{", encoding="utf-8")
    board = board_of(folder, RULES, data=data)
    assert "<script>" not in board.html and "&lt;script&gt;" in board.html and board.html.startswith("<!doctype html>")
    rows = list(csv.DictReader(io.StringIO(board.csv)))
    assert [row["student"] for row in rows if row["rank"]] == [entry.student for entry in board.ranked]
    refused = {row["student"]: row["remarks"] for row in rows if not row["rank"]}
    assert refused["mallory"].startswith("refused: ") and "'=HYPERLINK(1)" in refused


def test_text_from_others_comes_on_one_line_without_control_characters(run, tmp_path, data):
    run.network["design"] = "Design(\x1b[31m" + "x" * 5000
    said = reason(run, tmp_path, data)
    assert said.isprintable() and len(said) < 320


def test_folders_without_runs_are_named(tmp_path):
    with pytest.raises(ValueError, match="no run file"):
        board_of(tmp_path, RULES)
    with pytest.raises(ValueError, match="is not a folder"):
        board_of(tmp_path / "none", RULES)


def test_a_board_without_a_sound_run(tmp_path, data):
    (tmp_path / "eve.json").write_text("{", encoding="utf-8")
    board = board_of(tmp_path, RULES, data=data)
    assert "No run is on the board." in str(board) and "eve" in board.html and "refused" in board.csv


# Training again


def test_training_again_finds_a_careful_forgery(trained, tmp_path, data):
    """Every figure possible, and none of them true: nothing but training again tells."""
    forged = copy.copy(trained[1])
    last = forged.history[-1]
    forged.history = [*forged.history[:-1], replace(last, test_accuracy=60 / 64, test_loss=0.2)]
    forged.save(tmp_path / "mallory.json")
    trained[0].save(tmp_path / "ada.json")
    board = board_of(tmp_path, RULES, data=data)
    assert not board.refused and board.ranked[0].student == "mallory"
    checked = verify(board, 2, data=data, show=False)
    first, second = (entry.remarks[0] for entry in checked.ranked)
    assert first.startswith("NOT CONFIRMED") and f"trained again: {100 * trained[1].accuracy:.2f} %" in first
    assert second == "confirmed: trained again, the same to the last digit"
    assert "NOT CONFIRMED" in str(checked) and "NOT CONFIRMED" in checked.csv
    only_first = verify(board, 1, data=data, show=False)
    assert only_first.ranked[1].remarks == board.ranked[1].remarks


def test_another_machine_may_differ_a_little(run):
    again = copy.copy(run)
    again.history = [*run.history[:-1], replace(run.history[-1], test_loss=9.9)]
    assert leaderboard._confirmed(run, again).startswith("NOT CONFIRMED")
    again.machine = run.machine | {"cpu": "another"}
    assert leaderboard._confirmed(run, again).startswith("near")
    again.history = [*run.history[:-1], replace(run.history[-1], test_accuracy=run.accuracy + 0.5)]
    assert "look at it yourself" in leaderboard._confirmed(run, again)


# The command line


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setitem(leaderboard.RULES, "short", RULES)
    return lambda *words: CliRunner().invoke(app, [*map(str, words)])


def test_the_command_for_the_board(command, folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    result = command("leaderboard", folder, "--html", out / "board.html", "--csv", out / "board.csv")
    assert result.exit_code == 0 and "ada" in result.stdout and "Refused: mallory" in result.stdout
    assert "mallory" in (out / "board.html").read_text(encoding="utf-8")
    assert "mallory" in (out / "board.csv").read_text(encoding="utf-8")
    result = command("leaderboard", folder / "nowhere")
    assert result.exit_code == 1 and "is not a folder" in result.stderr
    assert command("leaderboard", folder, "--form", "long").exit_code == 1


def test_the_command_that_trains_a_design(command, tmp_path, data):
    text = tmp_path / "my_design.txt"
    text.write_text(SMALL.code, encoding="utf-8")
    result = command("train-design", text, "--seed", 1, "--out", tmp_path / "ada.json", "--device", "cpu")
    assert result.exit_code == 0 and "my_design on scales, seed 1" in result.stdout
    assert not examine(tmp_path / "ada.json", RULES, data).reason
    assert json.loads((tmp_path / "ada.json").read_text(encoding="utf-8"))["network"]["design"] == SMALL.code
    text.write_text("import os", encoding="utf-8")
    result = command("train-design", text)
    assert result.exit_code == 1 and "my_design.txt: " in result.stderr
    result = command("train-design", tmp_path / "none.txt")
    assert result.exit_code == 1 and result.stderr.strip() == f"{tmp_path / 'none.txt'}: No such file or directory."
