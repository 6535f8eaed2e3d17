"""A race: computed in another process as `fit` computes it, stopped at once, alone at a time, and never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
import types
from dataclasses import replace
from xml.etree import ElementTree

import cloudpickle
import psutil
import pytest
import torch
from IPython.core.events import EventManager
from torch import nn

from labs.race import runner, training
from labs.race.drawing import Track, describe, means, picture
from labs.race.messages import Job
from labs.race.runner import Race, RacePanel, race
from labs.race.training import run_race
from tests.utils.tiny import TinyNet
from utils.data.sets import load
from utils.page.svg import ticks
from utils.train.loop import fit
from utils.train.recipe import Recipe
from utils.train.runs import Run

RECIPE = Recipe(epochs=2, batch_size=32, optimizer="adamw", learning_rate=0.02)
CELL = """
class Mine(nn.Sequential):
    def __init__(self, data, channels=4):
        print("not a message")
        super().__init__(nn.Conv2d(data.image_shape[0], channels, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
        self(data.normalise(data.test.images[:1]))

entries = {"narrow": Mine, "wide": lambda data: Mine(data, channels=8)}
"""


@pytest.fixture(autouse=True)
def own_queue(tmp_path, monkeypatch):
    """Races of other processes on this machine are none of a test's."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def tiny(data) -> TinyNet:
    return TinyNet(in_channels=1, num_classes=10)


class Endless(TinyNet):
    """Its first step of training never ends."""

    def forward(self, x):
        while self.training:
            pass
        return super().forward(x)


def endless(data) -> Endless:
    return Endless(in_channels=1, num_classes=10)


def wait_until(holds, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- the whole of it --------------------------------------------------------------------------------------------------


def test_a_race_computes_what_fit_computes(tmp_path, capfd):
    cell = {"__name__": "__main__", "nn": nn}
    exec(CELL, cell)
    heard = []
    one = Race(
        cell["entries"],
        data="digits",
        recipe=RECIPE,
        seeds=(0, 3),
        limit=128,
        on_change=lambda of: heard.append((of.state, of.words, of.done)),
    )
    assert one.state == "ready" and "not started" in one.statement and one.result is None
    with pytest.raises(RuntimeError, match=r"call start\(\) first"):
        one.wait()
    one.start()
    with pytest.raises(RuntimeError, match="started before"):
        one.start()
    assert one.is_on and not one.wait(0)
    assert one.wait(60) and one.state == "over" and one.trouble == ""
    assert capfd.readouterr() == ("", "")

    data = load("digits", limit=128)
    for name, build in cell["entries"].items():
        assert [run.seed for run in one.runs[name]] == [0, 3]
        for run in one.runs[name]:
            here = fit(lambda: build(data), data, RECIPE, seed=run.seed, show=False, name=name)  # noqa: B023
            assert run.history == here.history and run.key == here.key and run.completed and run.net is None
            assert (run.network, run.versions, run.recipe) == (here.network, here.versions, RECIPE)
    assert list(one.tracks) == [("narrow", 0), ("wide", 0), ("narrow", 3), ("wide", 3)]  # a stop would be fair
    assert all(track.whole and track.epochs and track.losses for track in one.tracks.values())
    assert one.result.sentence in one.statement and "2 epochs of digits, 128 training images" in one.statement
    assert one.result.table in repr(one) and "data:image/svg+xml" in one._repr_html_()

    paths = one.save(tmp_path / "kept")
    assert [path.name for path in paths] == [f"entry{n}_seed{seed}.json" for n in (1, 2) for seed in (0, 3)]
    assert Run.load(paths[3]) == one.runs["wide"][1]

    dones = [done for _, _, done in heard]
    assert dones == sorted(dones) and dones[-1] == 1 and heard[-1][0] == "over"
    assert any("wide, seed 3 · epoch 2 of 2 · loss " in words and words.endswith(" left") for _, words, _ in heard)
    one.stop()  # too late, and no harm
    assert not one.was_stopped


def test_a_stop_is_one_and_the_next_race_waits_for_it():
    first = Race({"quick": tiny, "endless": endless}, data="digits", recipe=RECIPE, seeds=(0, 1), limit=64)
    second = Race({"first": tiny, "second": tiny}, data="digits", recipe=RECIPE, seeds=(0,), limit=64)
    first.start()
    wait_until(lambda: first.runs["quick"])
    second.start()
    wait_until(lambda: second.state == "waiting")
    assert second.words == "waits for the other race" and "waits for the other race" in second.statement
    time.sleep(0.5)
    assert second.state == "waiting" and first.state == "running"

    clicked = time.perf_counter()
    first.stop()
    assert time.perf_counter() - clicked < 1
    assert first.state == "over" and first._process.returncode is not None
    assert first.was_stopped and first.trouble == "" and first.result is None
    assert {name: len(runs) for name, runs in first.runs.items()} == {"quick": 1, "endless": 0}
    assert first.statement == "Stopped. Of 2 seeds, 0 came to the end. There is nothing to compare."

    assert second.wait(60) and second.trouble == ""
    assert "second ends 0.0 points above first, but a single run says nothing about the spread" in second.statement


def test_what_is_whole_in_all_is_compared():
    one = Race({"A": tiny, "B": tiny}, data="digits", recipe=RECIPE, seeds=(4, 2, 0), limit=64)
    data = load("digits", limit=64)
    for name, seed in (("A", 4), ("B", 4), ("A", 2), ("B", 2), ("A", 0)):
        one._hear_run(name, fit(lambda: tiny(data), data, RECIPE, seed=seed, show=False, name=name))
    one.was_stopped, one.state = True, "over"
    assert [len(arm.values) for arm in one.result.arms] == [2, 2]
    assert one.statement.startswith(
        "Stopped. Of 3 seeds, 2 came to the end. B ends 0.0 points above A, the same in all runs: these seeds"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("forks", [False, True], ids=["alone", "with a fork that holds its pipes"])
def test_a_killed_process_takes_its_race_with_it(forks):
    script = (
        "import os, time\n"
        "from tests.labs.test_race import RECIPE, Race, endless, tiny, wait_until\n"
        "one = Race({'A': endless, 'B': tiny}, data='digits', recipe=RECIPE, limit=64)\n"
        "one.start()\n"
        "wait_until(lambda: one.state == 'running')\n"
        f"fork = os.fork() if {forks} else -1\n"
        "if fork != 0:\n"
        "    print(one._process.pid, fork, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        computing, fork = map(int, parent.stdout.readline().split())
        assert psutil.Process(computing).is_running()
        parent.send_signal(signal.SIGKILL)
        try:
            wait_until(lambda: has_ended(computing), seconds=5)
        finally:
            if fork > 0:
                os.kill(fork, signal.SIGKILL)


def has_ended(process: int) -> bool:
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_process_that_dies_is_said_and_the_lock_is_free():
    one = Race({"A": tiny, "B": lambda data: os._exit(7)}, data="digits", recipe=RECIPE, limit=64)
    one.start()
    assert one.wait(60) and not one.was_stopped
    assert one.trouble == "The race's process ended by itself (exit status 7)." and one.trouble in one.statement


def test_a_callback_that_raises_is_seen_and_ends_the_race(monkeypatch):
    raised = []
    monkeypatch.setattr(threading, "excepthook", lambda about: raised.append(about.exc_type))
    one = Race({"A": tiny, "B": tiny}, data="digits", recipe=RECIPE, on_change=lambda _race: 1 / 0)
    one.start()
    assert one.wait(20) and one.trouble == ""
    one._thread.join(5)
    assert raised == [ZeroDivisionError] and one._process.returncode is not None


# --- what is computed, here -------------------------------------------------------------------------------------------


def told(entries: dict, recipe: Recipe = RECIPE, **settings: object) -> list[tuple]:
    """The news of a race that is computed in this process."""
    pickled = {name: cloudpickle.dumps(build) for name, build in entries.items()}
    settings = {"data": "digits", "limit": 64, "seeds": (0,), "seconds": None, "device": "cpu"} | settings
    messages = []
    job = Job(entries=pickled, recipe=recipe, parent=os.getpid(), **settings)
    run_race(job, lambda *message: messages.append(message), training.time.perf_counter())
    return messages


def wrong_shape(data):
    return TinyNet(in_channels=1, num_classes=7)


def no_network(data):
    return {}["no network"]


class Infinite(TinyNet):
    def forward(self, x):
        return super().forward(x) * (torch.inf if self.training else 1)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (no_network, "“wrong” cannot go on. It raised KeyError: 'no network'"),
        (wrong_shape, "“wrong” cannot go on. For 2 images TinyNet returned logits (2, 7), and (2, 10) was expected"),
        (lambda data: "net", "“wrong” cannot go on. net was called to build the network, and returned 'net'"),
        (lambda: None, "“wrong” cannot go on. It raised TypeError: "),
        (
            lambda data: Infinite(in_channels=1, num_classes=10),
            "“wrong” cannot go on. The loss is nan in epoch 1, step 1",
        ),
    ],
)
def test_an_entry_that_is_wrong_is_named(build, sentence):
    messages = told({"right": tiny, "wrong": build})
    kind, said = messages[-1]
    assert kind == "trouble" and said.startswith(sentence) and "exception" not in said
    trained = [message[1] for message in messages if message[0] == "run"]
    assert trained == (["right"] if "The loss" in said else [])  # all are looked at before the first one is trained


def test_data_that_is_not_there_is_explained(tmp_path, monkeypatch):
    assert told({"A": tiny, "B": tiny}, data="nonsense")[-1][1].startswith("There is no data set 'nonsense'")
    assert told({"A": tiny, "B": tiny}, data=str(tmp_path / "none"))[-1][1].startswith("There is no folder")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert told({"A": tiny, "B": tiny}, data="cifar10")[-1][1].startswith("CIFAR-10 is not on this machine. Get it")


def test_a_budget_chooses_epochs_and_images(monkeypatch):
    costs = {"seconds": 0.001}
    monkeypatch.setattr("labs.race.training._cost", lambda *_: costs["seconds"])
    monkeypatch.setattr("labs.race.training.time", types.SimpleNamespace(perf_counter=lambda: 0.0))
    entries, settings = {"A": tiny, "B": tiny}, {"seconds": 10.0, "limit": None, "seeds": (0, 1)}

    def planned(seconds_an_image: float) -> tuple[int, int]:
        costs["seconds"] = seconds_an_image
        plan = next(message for message in told(entries, **settings) if message[0] == "plan")
        return plan[1].epochs, plan[2]

    # 0.9 * 10 s / 2 seeds / 2 entries are 2.25 s for each run
    assert planned(0.0005) == (3, 1438)  # 4,500 images: more epochs than the recipe's
    assert planned(0.003) == (2, 375)  # 750: its epochs, with fewer images
    assert planned(1.0) == (2, 8 * 32)  # fewer teach nothing

    one = Race(entries, seconds=10.0)
    one.state = "running"
    one._hear_plan(RECIPE, 256, 1024.0)
    assert "takes about 1024 s. That is more than asked for, but fewer images would teach nothing." in one.statement
    one._hear_plan(RECIPE, 256, 9.0)
    assert one.statement.endswith("2 epochs of scales, 256 training images. That takes about 9 s.")


def test_a_budget_is_kept():
    began = time.process_time()
    messages = told({"A": tiny, "B": tiny}, seconds=3.0, limit=None, seeds=(0, 1), recipe=replace(RECIPE, warm_up=0.5))
    assert time.process_time() - began < 4.5  # of this process, whatever others do on the machine
    assert [message[0] for message in messages].count("run") == 4
    plan = next(message for message in messages if message[0] == "plan")
    assert all(message[2].recipe == plan[1] for message in messages if message[0] == "run")


# --- what is wrong before it starts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "settings", "sentence"),
    [
        ({"A": tiny}, {}, "entries has 1 entries; a race has 2 to 8"),
        ({"A": tiny, "": tiny}, {}, "An entry's name is ''"),
        ({"A": tiny, "B": TinyNet()}, {}, "“B” is a network; it must be a function that builds a new network"),
        ({"A": tiny, "B": 3}, {}, "“B” is 3; it must be a function"),
        ({"A": tiny, "B": lambda data, lock=threading.Lock(): lock}, {}, "“B” cannot be handed to another process: "),  # noqa: B008
        ({"A": tiny, "B": tiny}, {"seeds": ()}, "seeds is ()"),
        ({"A": tiny, "B": tiny}, {"seeds": (1, 1)}, r"seeds is (1, 1); it must be .* each of them once"),
        ({"A": tiny, "B": tiny}, {"seeds": (0.5,)}, "seeds is (0.5,)"),
        ({"A": tiny, "B": tiny}, {"limit": 0}, "limit is 0"),
        ({"A": tiny, "B": tiny}, {"seconds": -1}, "seconds is -1"),
        ({"A": tiny, "B": tiny}, {"recipe": {}}, "recipe is {}; it must be a Recipe"),
    ],
)
def test_what_cannot_be_is_said(entries, settings, sentence):
    with pytest.raises(ValueError) as raised:
        Race(entries, **settings)
    assert all(part in str(raised.value) for part in sentence.split(" .* "))


# --- the picture ------------------------------------------------------------------------------------------------------


def test_the_picture_grows_with_the_runs():
    data = load("digits", limit=64)
    history = fit(lambda: tiny(data), data, RECIPE, show=False).history
    names, tracks = ["A & co", "B"], [Track("A & co", 0, [(0.5, 2.3)], []), Track("B", 0)]
    assert picture(names, [], 2).count("<polyline") == 2  # the legend
    assert "A & co: no epoch is finished yet" in describe(names, tracks) and means("B", tracks) == []

    tracks[0].losses += [(1.0, 2.1), (1.5, float("nan"))]  # what is not finite is not drawn
    tracks[0].epochs += history
    tracks[0].whole = True
    assert means("A & co", tracks) == []
    tracks.append(Track("A & co", 1, [], list(history), whole=True))
    assert means("A & co", tracks) == pytest.approx([100 * epoch.test_accuracy for epoch in history])
    drawn = picture(names, tracks, 2)
    assert "A &amp; co" in drawn and "nan" not in drawn
    root = ElementTree.fromstring(drawn)
    lines = [line for line in root.iter("polyline") if "30" not in line.get("points")]
    assert len(list(root.iter("polyline"))) == 2 + 1 + 2 + 1 and lines  # legend, loss, two runs, their mean
    assert {svg.get("role") for svg in root.iter("svg")} == {"img", None}
    last = f"{100 * history[-1].test_accuracy:.1f} %"
    assert f"A & co: test accuracy {last}, {last}; B: no epoch" in root.findall(".//svg[@role]")[0].get("aria-label")


@pytest.mark.parametrize(("low", "high"), [(0, 3), (0, 1), (0, 100), (0, 40), (50, 70), (0, 2.37), (0, 0.03), (0, 250)])
def test_ticks_are_few_and_round(low, high):
    found = ticks(low, high)
    assert 3 <= len(found) <= 7 and low <= found[0] and found[-1] <= high
    assert all(len(f"{value:g}") <= 5 for value in found)


# --- the panel --------------------------------------------------------------------------------------------------------


def test_a_panel_races_and_stops():
    entries = {"A": tiny, "B": endless}
    panel = RacePanel(lambda: entries, recipe=RECIPE, data="digits", seeds=2, minutes=0.5)
    assert "Press Race" in panel.statement.value and "Press Race" in repr(panel) and panel.stop_button.disabled
    for control in (panel.race_button, panel.stop_button, *panel.controls):
        assert control.tooltip and (control.description)
    empty = panel.picture.value
    panel.race_button.click()
    race_of_first_click = panel.race
    panel.race_button.click()  # once is enough
    assert panel.race is race_of_first_click and panel.race.is_on
    assert panel.race.seeds == (0, 1) and panel.race._job.seconds == 30
    assert panel.race_button.disabled and panel.seeds.disabled and not panel.stop_button.disabled
    assert 'role="status"' in panel.statement.value and "The race is on: A against B." in panel.statement.value
    wait_until(lambda: "measuring" in panel.words.value)

    panel.stop_button.click()
    panel.race._thread.join(5)
    assert "Stopped. Of 2 seeds, 0 came to the end." in panel.statement.value and panel.words.value.count("measur") == 0
    assert panel.stop_button.disabled and not panel.race_button.disabled and not panel.data.disabled
    assert panel.picture.value != empty  # the legend has names now

    entries["B"] = TinyNet()
    panel.race_button.click()
    assert "“B” is a network; it must be a function" in panel.statement.value and not panel.race_button.disabled
    panel.widget.close()
    panel.start()
    assert panel.race is race_of_first_click


def test_a_panel_shows_live_news_and_the_end(monkeypatch):
    """The news of a race, heard here one by one."""
    monkeypatch.setattr(Race, "start", lambda race: None)
    monkeypatch.setattr(runner, "SAY_EVERY", 0)
    monkeypatch.setattr(runner, "DRAW_EVERY", 0)
    panel = race({"A": tiny, "B": tiny}, recipe=RECIPE, data="digits", seeds=2)
    panel.start()
    one, pictures, statements = panel.race, set(), set()
    for kind, *news in [("waits",), ("begins",), *told(one.entries, seeds=one.seeds)]:
        getattr(one, f"_hear_{kind}")(*news)
        one._changed()
        pictures.add(panel.picture.value)
        statements.add(panel.statement.value)
        assert panel.bar.value == one.done
    assert len(pictures) > 8  # each epoch is seen
    assert len(statements) == 3  # waits, on, on with the plan: a screen reader is left in peace
    one.state = "over"
    one._changed()
    assert one.result.sentence.partition(" (")[0] in panel.statement.value and one.result.html in panel.picture.value


@pytest.mark.parametrize("how", ["the cell is run again", "the widget is closed"])
def test_a_panel_that_is_gone_ends_its_race(how, monkeypatch):
    parent = {"metadata": {"cellId": "cell-1"}}
    kernel = types.SimpleNamespace(get_parent=lambda: parent)
    shell = types.SimpleNamespace(kernel=kernel, events=EventManager(None, {"pre_run_cell": lambda info: None}))
    monkeypatch.setattr(runner, "_shell", lambda: shell)
    panel = race({"A": endless, "B": tiny}, recipe=RECIPE, data="digits")
    parent["metadata"] = {}  # a click is no cell
    panel.start()
    wait_until(lambda: panel.race.state == "running")
    shell.events.trigger("pre_run_cell", types.SimpleNamespace(cell_id="cell-2"))
    shell.events.trigger("pre_run_cell", types.SimpleNamespace(cell_id=None))
    assert panel.race.is_on
    if how == "the widget is closed":
        panel.widget.close()
    else:
        shell.events.trigger("pre_run_cell", types.SimpleNamespace(cell_id="cell-1"))
    assert not panel.race.is_on and panel.race._process.returncode is not None
    assert shell.events.callbacks["pre_run_cell"] == []


def test_without_a_front_end_there_are_a_picture_and_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw, display_id=None: shown.append(bundle))
    race({"A": tiny, "B": tiny})._ipython_display_()
    _, still = shown
    assert "data:image/svg+xml" in still["text/html"] and "Press Race" in still["text/html"]
    assert "Press Race" in still["text/plain"]
    with pytest.raises(ValueError, match="“B” is 3"):
        race({"A": tiny, "B": 3})
