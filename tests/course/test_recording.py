"""Recording: what is wanted next, what is kept, and how it stops."""

import errno
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from course import experiments, recording
from course.bundle import Bundle
from course.experiments import Form, experiment
from lessons.__main__ import app
from utils.system.places import RUNS
from utils.train import checkpoint
from utils.train.recipe import Recipe
from utils.train.runs import from_text

TINY = Form(data="scales", recipe=Recipe(epochs=2, batch_size=32, learning_rate=0.02), seeds=(0, 1, 2, 3), limit=128)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Runs, checkpoints and weights in folders of their own."""
    monkeypatch.setattr(experiments, "RUNS", tmp_path / "runs")
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    return tmp_path


def test_every_run_of_every_experiment_is_wanted_once_the_pilots_first():
    tasks = recording.wanted()
    assert (
        len(tasks)
        == len(set(tasks))
        == sum(len(experiment(name).arms) * len(experiment(name).full.seeds) for name in experiments.names())
    )
    assert tasks[0] == recording.Task("separable_activation", "nothing", 0)
    seeds = [task.seed for task in tasks]
    assert max(seeds[: seeds.index(3)]) == 2 and min(seeds[seeds.index(3) :]) == 3
    assert {task.experiment for task in recording.wanted(only=("groups",))} == {"groups"}
    with pytest.raises(ValueError, match="no experiment 'grups'"):
        recording.wanted(only=("grups",))


def test_the_full_forms_are_all_photographs_ten_epochs_at_least():
    for name in experiments.names():
        form = experiment(name).full
        assert form.data == "cifar10" and form.limit is None and form.recipe.epochs >= 10 and len(form.seeds) >= 3


def test_a_recorded_run_is_not_made_again_and_one_by_other_settings_is(place, monkeypatch):
    entry = replace(experiment("factor_activation"), full=TINY)
    monkeypatch.setattr(recording, "experiment", lambda name: entry)
    task = recording.Task(entry.name, "ReLU between", 0)
    entry.train(TINY, task.arm, task.seed).save(task.path)
    said = []
    assert recording.missing([task], said.append) == [] and said == []
    entry = replace(entry, full=replace(TINY, recipe=replace(TINY.recipe, epochs=3)))
    assert recording.missing([task], said.append) == [task]
    assert "made by other code or settings" in said[0]


@pytest.mark.parametrize("options", [{"hours": 0}, {"hours": 1, "processes": 0}, {"hours": 1, "threads": 0}])
def test_what_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="hours must be above 0, the others 1 or more"):
        recording.record(**options)


def test_code_that_no_commit_holds_is_refused(monkeypatch):
    monkeypatch.setattr(recording, "describe_commit", lambda: ("0" * 40, True))
    answer = CliRunner().invoke(app, ["record", "--hours", "0.001"])
    assert answer.exit_code == 1 and "Files here differ from their last commit" in answer.stderr
    monkeypatch.setattr(recording, "describe_commit", lambda: (None, None))
    with pytest.raises(RuntimeError, match=r"This is no git checkout.*Record from a clean checkout"):
        recording.record(hours=1)


SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from course import experiments, recording
from course.experiments import Form, experiment
from utils.train.recipe import Recipe

experiments.RUNS = Path(sys.argv[1])
names = {"factor_activation"}
real = experiment
FORM = Form(data="scales", recipe=Recipe(epochs=int(sys.argv[2]), batch_size=32, learning_rate=0.02), seeds=(0,), limit=128)
recording.experiment = lambda name: replace(real(name), full=FORM)

if __name__ == "__main__":
    options = {"bundle": Path(sys.argv[3]), "commit": "0" * 40} if len(sys.argv) > 3 else {}
    recording.describe_commit = lambda: (None, None)
    recording.record(hours=0.5, processes=2, only=("factor_activation",), anyway=not options, say=lambda text: print(text, flush=True), **options)
"""


MISSING = (
    "kornia",
    "datasets",
    "ipywidgets",
    "IPython",
    "jupytext",
    "graphviz",
    "pygraphviz",
    "torchinfo",
    "cloudpickle",
)
WITHOUT = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {(*MISSING, "nbgrader")}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""


def _recorder(place, epochs, *more):
    (place / "recorder.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, str(place / "recorder.py"), str(place / "runs"), str(epochs), *more]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(place), os.getcwd()])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def test_runs_are_recorded_in_processes_and_a_stopped_one_goes_on(place):
    """Ctrl-C in the middle keeps both runs; the next call begins them again where they were, and makes them whole."""
    first = _recorder(place, epochs=40)
    for line in first.stdout:
        if "epoch 2 of 40" in line:
            break
    first.send_signal(signal.SIGINT)
    rest, began = first.communicate(timeout=90)[0], time.monotonic()
    assert "Stopped." in rest and not list(place.glob("runs/*/*/*.json"))
    kept = sorted(place.glob("work/recording/factor_activation/*.checkpoint"))
    assert kept, rest
    second = _recorder(place, epochs=40).communicate(timeout=200)[0]
    assert second.count("begins again.") == len(kept) and second.count("recorded,") == 2, second
    runs = sorted(place.glob("runs/factor_activation/full/*.json"))
    assert [path.name for path in runs] == ["arm1_seed0.json", "arm2_seed0.json"]
    assert not list(place.glob("work/recording/*/*.checkpoint")) and len(list(place.glob("work/recording/*/*.pt"))) == 2
    assert time.monotonic() - began < 200


def test_a_bundle_is_made_where_a_notebooks_packages_are_missing(place):
    """And where there is no git: the runs say of which commit the code is a copy."""
    (place / "sitecustomize.py").write_text(WITHOUT, encoding="utf-8")
    out = _recorder(place, 2, str(place / "gpu.zip")).communicate(timeout=200)[0]
    assert out.count("recorded,") == 2, out
    with zipfile.ZipFile(place / "gpu.zip") as archive:
        names = archive.namelist()
        runs = [from_text(archive.read(name).decode("utf-8")) for name in names]
    assert sorted(names) == ["factor_activation/full/arm1_seed0.json", "factor_activation/full/arm2_seed0.json"]
    assert all(run.completed and run.commit == "0" * 40 and run.modified is False for run in runs)


@pytest.fixture
def one_task(place, monkeypatch):
    """A task of a few steps, its images, and what its worker said."""
    entry = replace(experiment("factor_activation"), full=TINY)
    monkeypatch.setattr(recording, "experiment", lambda name: entry)
    return recording.Task(entry.name, "ReLU between", 0)


class Said(list):
    """A worker's end of the connection."""

    def send(self, words):
        self.append(words)


def train(task, said):
    recording._train(task, said, threads=1, device="cpu", commit=None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_ended_keeps_its_run(one_task, number):
    class Ends(Said):
        def send(self, words):
            super().send(words)
            signal.raise_signal(number)

    said = Ends()
    train(one_task, said)
    assert len(said) == 1 and not one_task.path.exists() and one_task.checkpoint.exists()
    train(one_task, Said())
    assert from_text(one_task.path.read_text(encoding="utf-8")).completed and not one_task.checkpoint.exists()


def test_weights_that_cannot_be_written_leave_the_run_to_the_next_call(one_task, monkeypatch):
    said = Said()
    with monkeypatch.context() as full:

        def refuse(net, path):
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(recording, "save_weights", refuse)
        train(one_task, said)
    assert "could not be written: its disk is full. The next call goes on from its checkpoint" in said[-1]
    assert not one_task.path.exists() and not one_task.weights.exists()
    said = Said()
    train(one_task, said)
    assert one_task.path.exists() and one_task.weights.exists() and len(said) == 1  # nothing was trained twice


def test_a_run_that_another_process_makes_is_left_to_it(one_task):
    said = Said()
    with checkpoint.reserved(one_task.checkpoint):
        train(one_task, said)
    assert len(said) == 1 and "is in use by another run" in said[0] and not one_task.path.exists()


def test_a_checkpoint_by_other_settings_does_not_stand_in_the_way(one_task, place):
    one_task.checkpoint.parent.mkdir(parents=True)
    one_task.checkpoint.write_bytes(b"of another time")
    train(one_task, Said())
    assert one_task.path.exists()


def test_a_bundle_that_cannot_be_written_stops_nothing(place, monkeypatch):
    monkeypatch.setattr(recording, "time", FakeClock())
    text = (RUNS / "groups/short/arm1_seed0.json").read_text(encoding="utf-8")
    tasks = [recording.Task("groups", "1 group", seed) for seed in range(3)]
    for task in tasks:
        task.path.parent.mkdir(parents=True, exist_ok=True)
        task.path.write_text(text, encoding="utf-8")
    bundle, said = Bundle(place / "there" / "gpu.zip"), []
    workers = FakeWorkers(tasks, recording.time, 50, bundle, place)
    workers.say = said.append
    (place / "there").write_text("a file")
    workers.work(120)
    assert sum("gpu.zip could not be written: a part of its path is a file" in words for words in said) == 2
    (place / "there").unlink()
    bundle.write()
    with zipfile.ZipFile(bundle.path) as archive:
        assert len(archive.namelist()) == 2


def test_places_are_tried_before_anything_is_trained(place, monkeypatch):
    monkeypatch.setattr(recording, "_Workers", lambda *words: pytest.fail("it trained"))
    (place / "file").write_text("a file")
    options = {"hours": 1, "anyway": True, "only": ("groups",), "say": lambda words: None}
    with pytest.raises(OSError, match=r"gpu.zip cannot be written"):
        recording.record(**options, bundle=place / "file" / "gpu.zip")
    monkeypatch.setenv("COURSE_WORK", str(place / "file"))
    with pytest.raises(OSError, match=r"checkpoint cannot be written"):
        recording.record(**options)
    with pytest.raises(ValueError, match="no bundle"):
        monkeypatch.setenv("COURSE_WORK", str(place / "work"))
        recording.record(**options, bundle=place / "file")


class FakeClock:
    """A clock that a worker's message moves on."""

    now = 0.0

    def monotonic(self):
        return self.now


class FakeWorkers(recording._Workers):
    """Workers that train nothing: each run takes so many seconds of a fake clock."""

    def __init__(self, waiting, clock, seconds, bundle, place):
        super().__init__(waiting, 1, bundle, {}, lambda text: None)
        self.clock, self.seconds, self.place, self.begun = clock, seconds, place, []

    def _start(self, task):
        self.begun.append(task)
        self.running.append(recording._Worker(task, None, None, self.clock.now))

    def _listen(self, seconds):
        (worker,) = self.running
        if self.seconds > seconds:
            self.clock.now += seconds
            return
        self.clock.now += self.seconds
        self.running.clear()
        self._ended(worker)

    def _stop(self):
        self.stopped = [worker.task for worker in self.running]


@pytest.mark.parametrize(("minutes", "whole", "cut"), [(2, 2, 0), (1.9, 2, 0), (1.6, 1, 0), (0.4, 0, 1), (100, 5, 0)])
def test_a_bundle_begins_no_run_that_would_not_end_in_time(place, monkeypatch, minutes, whole, cut):
    """Fifty seconds a run: two minutes hold two, and the third is not begun. Only the first is begun without knowing."""
    clock = FakeClock()
    monkeypatch.setattr(recording, "time", clock)
    tasks = [recording.Task("groups", "1 group", seed) for seed in range(5)]
    text = (RUNS / "groups/short/arm1_seed0.json").read_text(encoding="utf-8")
    for task in tasks:
        task.path.parent.mkdir(parents=True, exist_ok=True)
        task.path.write_text(text, encoding="utf-8")
    workers = FakeWorkers(tasks, clock, 50, Bundle(place / "gpu.zip"), place)
    runs = workers.work(60 * minutes)
    assert len(runs) == whole and len(workers.stopped) == cut and clock.now <= 60 * minutes
    assert len(workers.begun) == whole + cut
    if whole:
        with zipfile.ZipFile(place / "gpu.zip") as archive:
            assert len(archive.namelist()) == whole


def test_the_command_unpacks(place, monkeypatch):
    from course import bundle

    monkeypatch.setattr(bundle, "RUNS", place / "runs")
    made = Bundle(place / "gpu.zip")
    name = "groups/short/arm1_seed0.json"
    made.add(name, (RUNS / name).read_text(encoding="utf-8"))
    answer = CliRunner().invoke(app, ["record", "--unpack", str(made.path)])
    assert answer.exit_code == 0 and "Runs put among the recorded ones: 1." in answer.stdout
    answer = CliRunner().invoke(app, ["record", "--unpack", str(place / "gone.zip")])
    assert answer.exit_code == 1 and "There is no file" in answer.stderr
