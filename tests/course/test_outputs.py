"""Runs are never lost: places are tried first, files are whole or not there, nothing is overwritten unasked, signals keep."""

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from course import outputs, train_command
from course.outputs import Output, checkpoints_told
from lessons.__main__ import app
from tests.utils.tiny import TinyNet, tiny_data
from tests.utils.train.killed import SGD
from utils.system import files
from utils.system.places import CHECKOUT
from utils.train import checkpoint, loop
from utils.train.interrupts import Ending
from utils.train.loop import Diverged, InUse, fit
from utils.train.runs import Run, to_text

SMALL = ("train", "googlenet", "--data", "digits", "--limit", 64, "--width", 0.25, "--epochs", 1, "--batch-size", 32)


pytestmark = pytest.mark.usefixtures("own_work")


@pytest.fixture(scope="module")
def data():
    return tiny_data()


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def fitted(data, **options):
    arguments = {"seed": 3, "device": "cpu", "show": False} | options
    return partial(fit, arguments.pop("net", TinyNet), data, arguments.pop("recipe", SGD), **arguments)


def keep(work, place, **options):
    """(exit status, what was said) of a command that trains and keeps."""
    said = []
    with contextlib.ExitStack() as within:
        if place is not None:
            within.enter_context(place.reserved())
        within.enter_context(checkpoints_told(said.append))
        ending = within.enter_context(Ending())
        status = train_command.kept(work, place, ending, name="tiny-seed3", say=said.append, **options)
    return status, "\n".join(said)


def within(folder):
    """All files under a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "weights"),
    [
        ("run.json", "run.pt"),
        ("run.JSON", "run.pt"),
        ("run", "run.pt"),
        ("lr0.1", "lr0.1.pt"),
        ("lr0.1.json", "lr0.1.pt"),
        ("v1.2.3", "v1.2.3.pt"),
        ("a.pt.json", "a.pt.pt"),
    ],
)
def test_names_are_kept_whole(record, weights):
    assert Output(Path(record)).files == (Path(record), Path(weights))


def test_two_runs_with_a_point_in_their_names_have_weights_of_their_own(tmp_path, data):
    for rate in ("0.1", "0.2"):
        recipe = replace(SGD, learning_rate=float(rate), epochs=1)
        assert keep(fitted(data, recipe=recipe), Output(tmp_path / f"lr{rate}"))[0] == 0
    first, second = (torch.load(tmp_path / f"lr{rate}.pt") for rate in ("0.1", "0.2"))
    assert any(not torch.equal(first[name], second[name]) for name in first)
    assert Run.load(tmp_path / "lr0.1").recipe.learning_rate == 0.1


@pytest.mark.parametrize("name", ["run.pt", "run.PTH", "run.safetensors"])
def test_a_name_for_weights_is_no_name_for_a_record(tmp_path, name):
    result = run(*SMALL, "--out", tmp_path / name)
    assert result.exit_code == 1 and "is a name for weights" in result.stderr and "run.json" in result.stderr
    assert within(tmp_path) == []


# --- places are tried first -------------------------------------------------------------------------------------------


def untrained(monkeypatch):
    """Training is a failure of the test."""
    monkeypatch.setattr(train_command, "fit", lambda *words, **options: pytest.fail("it trained"))
    monkeypatch.setattr(train_command, "_images", lambda *words, **options: pytest.fail("it loaded the images"))


@pytest.mark.parametrize("option", ["--out", "--checkpoint"])
def test_a_folder_is_no_place(tmp_path, monkeypatch, option):
    untrained(monkeypatch)
    result = run(*SMALL, option, tmp_path)
    assert result.exit_code == 1 and f"{tmp_path} is a folder. Name a file in it" in result.stderr
    assert within(tmp_path) == []


@pytest.mark.parametrize("option", ["--out", "--checkpoint"])
def test_a_path_through_a_file_is_no_place(tmp_path, monkeypatch, option):
    untrained(monkeypatch)
    (tmp_path / "file").write_text("mine")
    result = run(*SMALL, option, tmp_path / "file" / "run.json")
    assert result.exit_code == 1 and "a part of its path is a file" in result.stderr
    assert within(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("option", ["--out", "--checkpoint"])
def test_a_place_where_one_may_not_write(tmp_path, monkeypatch, option):
    untrained(monkeypatch)
    place = tmp_path / "closed"
    place.mkdir(mode=0o555)
    result = run(*SMALL, option, place / "run.json")
    assert result.exit_code == 1 and "you may not write there" in result.stderr


@pytest.mark.parametrize("option", ["--out", "--checkpoint"])
def test_a_name_that_is_too_long(tmp_path, monkeypatch, option):
    untrained(monkeypatch)
    result = run(*SMALL, option, tmp_path / ("x" * 300 + ".json"))
    assert result.exit_code == 1 and "its name is too long" in result.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "its disk is full"),
        (errno.EROFS, "its disk can only be read"),
        (errno.EDQUOT, "your share of its disk is used up"),
        (errno.ESTALE, "its disk is not there any more"),
        (errno.EACCES, "you may not write there"),
    ],
)
@pytest.mark.parametrize("option", ["--out", "--checkpoint"])
def test_a_disk_that_takes_nothing_is_told_before_the_first_step(tmp_path, monkeypatch, option, code, words):
    untrained(monkeypatch)

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", refuse)
    result = run(*SMALL, option, tmp_path / "run.json")
    assert result.exit_code == 1 and f"run.json cannot be written: {words}" in result.stderr
    assert within(tmp_path) == []


def test_too_little_room_for_the_weights_is_told_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr(train_command, "fit", lambda *words, **options: pytest.fail("it trained"))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    result = run(*SMALL, "--out", tmp_path / "run.json")
    assert result.exit_code == 1 and "run.pt will take" in result.stderr and "0.0 MB left" in result.stderr


def test_a_checkpoint_is_not_what_out_names(tmp_path, monkeypatch):
    untrained(monkeypatch)
    (tmp_path / "o").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "o", target_is_directory=True)
    for name in ("o/run.json", "o/run.pt", "link/run.pt", "o/../o/run.json"):
        result = run(*SMALL, "--out", tmp_path / "o" / "run.json", "--checkpoint", tmp_path / name)
        assert result.exit_code == 1 and "is to be both the checkpoint and what --out names" in result.stderr, name


# --- nothing is overwritten unasked -----------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["run.json", "run.pt"])
def test_what_is_there_stays_unless_it_may_be_replaced(tmp_path, there):
    (tmp_path / there).write_text("mine")
    refused = run(*SMALL, "--out", tmp_path / "run.json")
    assert refused.exit_code == 1 and f"{tmp_path / there} is there already" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert within(tmp_path) == [there] and (tmp_path / there).read_text() == "mine"
    assert run(*SMALL, "--out", tmp_path / "run.json", "--overwrite").exit_code == 0
    assert Run.load(tmp_path / "run.json").completed and torch.load(tmp_path / "run.pt")


def test_a_checkpoint_that_is_there_stays_unless_it_may_be_replaced(tmp_path):
    path = tmp_path / "run.checkpoint"
    assert run(*SMALL, "--checkpoint", path).exit_code == 0
    before = path.read_bytes()
    refused = run(*SMALL, "--seed", 1, "--checkpoint", path)
    assert refused.exit_code == 1 and f"{path} is there already. --resume goes on from it" in refused.stderr
    assert path.read_bytes() == before
    assert run(*SMALL, "--seed", 1, "--checkpoint", path, "--overwrite").exit_code == 0
    assert checkpoint.load(path)[0].seed == 1


def test_what_comes_there_while_it_trains_stays(tmp_path, data):
    place = Output(tmp_path / "run.json")

    def others(run, done):
        place.record.write_text("somebody else's")

    def work(on_step):
        return fitted(data, on_step=lambda *words: (others(*words), on_step(*words)))()

    status, said = keep(work, place)
    assert status == 1 and "is there already" in said
    assert place.record.read_text() == "somebody else's" and not place.weights.exists()
    assert Run.load(tmp_path / "work" / "runs" / "rescued" / "run.json").completed


def test_two_commands_cannot_have_one_place(tmp_path, data):
    place = Output(tmp_path / "run.json")
    with place.reserved():
        result = run(*SMALL, "--out", place.record)
    assert result.exit_code == 1 and f"{place.record} is in use by another run" in result.stderr
    assert within(tmp_path) == []


# --- what breaks while it trains --------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("nothing can be mounted here")
    yield disk
    while disk.is_mount():
        subprocess.run(["umount", "-l", str(disk)], capture_output=True, check=True)


def full_after_a_step(place):
    """A step after which the disk is full."""

    def on_step(run, done):
        with contextlib.suppress(OSError), (place / "filling").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    return on_step


def beside(work, more):
    """Training with something else done after each step."""
    return lambda on_step: work(on_step=lambda *words: (on_step(*words), more(*words)))


@pytest.mark.skipif(os.name == "nt", reason="mounts")
def test_a_disk_that_fills_up_costs_the_file_and_not_the_run(small_disk, tmp_path, data, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    place, path = Output(small_disk / "run.json"), small_disk / "run.checkpoint"
    work = fitted(data, checkpoint=path)
    undisturbed = fitted(data)()
    status, said = keep(beside(work, full_after_a_step(small_disk)), place)
    assert status == 1
    assert f"The checkpoint {path} cannot be written: its disk is full." in said and "The run goes on." in said
    assert f"{place.record} could not be written: its disk is full. The run is in " in said
    assert within(small_disk) == ["filling"]
    rescued = tmp_path / "work" / "runs" / "rescued"
    assert within(rescued) == ["run.json", "run.pt"]
    assert Run.load(rescued / "run.json").history == undisturbed.history
    kept = torch.load(rescued / "run.pt")
    assert all(torch.equal(kept[name], value) for name, value in undisturbed.net.state_dict().items())


@pytest.mark.skipif(os.name == "nt", reason="mounts")
def test_a_disk_that_fills_up_leaves_the_last_checkpoint(small_disk, data, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    path = small_disk / "run.checkpoint"
    steps = []

    def fill_after_five(run, done):
        steps.append(done)
        if len(steps) > 5:
            full_after_a_step(small_disk)(run, done)

    status, _ = keep(beside(fitted(data, checkpoint=path), fill_after_five), None)
    assert status == 0
    saved, state = checkpoint.load(path)
    assert len(saved.history) == 1 and len(state["losses"]) == 1
    (small_disk / "filling").unlink()
    again = fitted(data, checkpoint=path, resume=True)()
    assert again.history == fitted(data)().history


@pytest.mark.skipif(os.name == "nt", reason="mounts")
def test_a_disk_that_is_made_read_only_costs_the_file_and_not_the_run(small_disk, tmp_path, data, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    place, path = Output(small_disk / "run.json"), small_disk / "run.checkpoint"

    def close(run, done):
        if not os.statvfs(small_disk).f_flag & os.ST_RDONLY:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(small_disk)], check=True)

    status, text = keep(beside(fitted(data, checkpoint=path), close), place)
    assert status == 1 and "its disk can only be read" in text and "The run is in" in text
    assert Run.load(tmp_path / "work" / "runs" / "rescued" / "run.json").completed


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.ESTALE, errno.EIO])
def test_writes_that_fail_cost_the_file_and_not_the_run(tmp_path, data, monkeypatch, code):
    """As above, where nothing can be mounted: the file's last step fails, within one folder."""
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    place, path, put = Output(tmp_path / "there" / "run.json"), tmp_path / "there" / "run.checkpoint", os.replace

    def put_or_fail(source, target):
        if Path(target).parent.name == "there" and len(written) > 2:
            raise OSError(code, os.strerror(code))
        written.append(target)
        put(source, target)

    written = []
    monkeypatch.setattr(files.os, "replace", put_or_fail)
    status, said = keep(fitted(data, checkpoint=path), place)
    assert status == 1 and "The run goes on" in said and "could not be written" in said
    assert "The one from before is still there." in said
    assert within(tmp_path / "there") == ["run.checkpoint"] and len(checkpoint.load(path)[1]["losses"]) == 3
    assert Run.load(tmp_path / "work" / "runs" / "rescued" / "run.json").completed


def test_weights_that_cannot_be_written_leave_no_record_beside_an_old_one(tmp_path, data, monkeypatch):
    """With --overwrite too, the old pair stays or the new one is there, never one of each."""
    place = Output(tmp_path / "run.json", overwrite=True)
    assert keep(fitted(data), place)[0] == 0
    before = {path: path.read_bytes() for path in place.files}

    def no_weights(net):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(outputs, "_weights", no_weights)
    with pytest.raises(OSError, match="its disk is full"):  # there is no weights' place at all
        keep(fitted(data, seed=4), place)
    assert {path: path.read_bytes() for path in place.files} == before
    assert within(tmp_path) == ["run.json", "run.pt"]


def test_where_the_work_folder_fails_too_the_systems_one_takes_it(tmp_path, data, monkeypatch):
    (tmp_path / "work").write_text("a file")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    place = Output(tmp_path / "there" / "run.json")

    def gone(run, done):
        shutil.rmtree(place.record.parent, ignore_errors=True)
        place.record.parent.write_text("a file")

    status, said = keep(beside(fitted(data), gone), place)
    assert status == 1 and str(tmp_path / "temporary" / "run.json") in said
    assert Run.load(tmp_path / "temporary" / "run.json").completed


def test_what_was_rescued_before_is_not_overwritten(tmp_path, data):
    one = fitted(data)()
    for number in ("", "-2", "-3"):
        assert f"tiny{number}.json" in outputs.rescue(one, "tiny")
    assert within(tmp_path / "work") == [f"runs/rescued/tiny{number}.json" for number in ("-2", "-3", "")]


# --- a run that goes wrong --------------------------------------------------------------------------------------------


class Breaks(TinyNet):
    """It gives no numbers any more from the seventh step on."""

    steps = 0

    def forward(self, images):
        self.steps += self.training
        return super().forward(images) * (float("nan") if self.steps > 6 else 1)


class Fails(Breaks):
    """The world breaks in the seventh step."""

    def forward(self, images):
        if self.steps > 6:
            raise ZeroDivisionError("of another's")
        return super().forward(images)


@pytest.mark.parametrize(("net", "error"), [(Breaks, Diverged), (Fails, ZeroDivisionError)])
@pytest.mark.parametrize("named", [True, False])
def test_a_run_that_goes_wrong_leaves_its_record(tmp_path, data, net, error, named):
    place = Output(tmp_path / "run.json") if named else None
    with pytest.raises(error) as caught:
        keep(fitted(data, net=net), place)
    path = tmp_path / "run.json" if named else tmp_path / "work" / "runs" / "rescued" / "tiny-seed3.json"
    assert caught.value.__notes__ == [f"The run so far is in {path}."]
    record = Run.load(path)
    assert len(record.history) == 1 and not record.completed
    assert within(tmp_path) == [path.relative_to(tmp_path).as_posix()]  # weights without numbers are worth nothing


def test_the_command_says_where_a_diverged_run_is(tmp_path, monkeypatch):
    monkeypatch.setattr(train_command, "named_recipe", lambda name: replace(SGD, learning_rate=1e20))
    result = run(*SMALL, "--out", tmp_path / "run.json")
    assert result.exit_code == 1 and "The recipe's learning_rate" in result.stderr
    assert f"The run so far is in {tmp_path / 'run.json'}." in result.stderr
    assert not Run.load(tmp_path / "run.json").completed


# --- one checkpoint, two runs -----------------------------------------------------------------------------------------


def test_a_checkpoint_in_use_is_said(tmp_path, data):
    path = tmp_path / "run.checkpoint"
    seen = []

    def another(run, done):
        if not seen:
            with pytest.raises(InUse) as caught:
                fitted(data, checkpoint=path)()
            seen.append(str(caught.value))

    one = fitted(data, checkpoint=path, on_step=another)()
    assert one.completed and seen == [
        f"{path} is in use by another run, which keeps its checkpoints there. Wait for its end, or name another file."
    ]
    assert within(tmp_path) == ["run.checkpoint"]
    assert fitted(data, checkpoint=path, resume=True)().completed  # it is free again


SCRIPT = """
import sys
from tests.utils.tiny import TinyNet, tiny_data
from tests.utils.train.killed import SGD
from dataclasses import replace
from utils.train.loop import fit
said = []
def on_step(run, done):
    if not said:
        said.append(print("begun", flush=True))
fit(TinyNet, tiny_data(), replace(SGD, epochs=100000), seed=3, device="cpu", show=False, checkpoint=sys.argv[1], on_step=on_step)
print("went on", flush=True)
"""


@pytest.fixture
def other_process(tmp_path):
    """A process that trains for ever, with a checkpoint."""
    path = tmp_path / "run.checkpoint"
    command = [sys.executable, "-c", SCRIPT, str(path)]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    yield process, path
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_second_process_is_refused_and_leaves_the_first_alone(other_process, tmp_path, data):
    process, path = other_process
    with pytest.raises(InUse):
        fitted(data, checkpoint=path)()
    assert process.poll() is None
    process.kill()
    process.wait()
    assert fitted(data, checkpoint=path)().completed  # a process that is dead holds nothing
    assert within(tmp_path) == ["run.checkpoint"]


# --- signals ----------------------------------------------------------------------------------------------------------

UNIX = pytest.mark.skipif(os.name == "nt", reason="signals work otherwise on Windows")


@pytest.mark.slow
@UNIX
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_process_that_is_ended_keeps_its_last_step_and_ends(other_process, name):
    """A script of one's own: it ends by the signal, as it would have, and what was trained is there."""
    process, path = other_process
    time.sleep(0.3)
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=30) == -getattr(signal, name) and "went on" not in process.stdout.read()
    saved, _ = checkpoint.load(path)
    assert saved.seconds > 0.2 and not saved.completed


@pytest.mark.slow
@UNIX
def test_the_command_keeps_what_there_is_and_says_by_what_it_ended(tmp_path):
    names = {"out": tmp_path / "run.json", "checkpoint": tmp_path / "run.checkpoint"}
    small = [str(word) for word in SMALL if word not in ("--epochs", 1)]
    command = [sys.executable, "-m", "lessons", *small, "--epochs", "100000"]
    command += [word for option, path in names.items() for word in (f"--{option}", str(path))]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while not names["checkpoint"].exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 143, said
    assert f"The run so far is in {names['out']}, its weights in {tmp_path / 'run.pt'}." in said
    record, saved = Run.load(names["out"]), checkpoint.load(names["checkpoint"])
    assert record.history == saved[0].history and record.history and not record.completed
    weights = torch.load(tmp_path / "run.pt")
    assert all(torch.equal(weights[key], value) for key, value in saved[1]["net"].items())
    assert within(tmp_path) == ["run.checkpoint", "run.json", "run.pt"]
    # The same call goes on, and may replace what this very run has left; another run may not.
    assert (record.key, record.date) == (saved[0].key, saved[0].date)
    with Output(names["out"], checkpoint=names["checkpoint"]).reserved():
        pass
    other = run(*small, "--epochs", 100000, "--seed", 1, "--out", names["out"])
    assert other.exit_code == 1 and "is there already" in other.stderr


@UNIX
def test_a_signal_that_is_ignored_stays_ignored():
    """nohup does that to SIGHUP."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Ending() as ending:
            signal.raise_signal(signal.SIGHUP)
        assert ending.number is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@UNIX
def test_before_the_first_step_there_is_nothing_to_keep(tmp_path, monkeypatch):
    monkeypatch.setattr(train_command, "_images", lambda *words, **options: signal.raise_signal(signal.SIGTERM))
    result = run(*SMALL, "--out", tmp_path / "run.json")
    assert result.exit_code == 143 and within(tmp_path) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_a_run_left_that_was_stopped_before_its_first_checkpoint_may_be_replaced(tmp_path, data):
    """A machine that is taken back at once, twice, and calls the same command anew each time."""

    def stopped_in_its_second_step(run, done):
        place.keep(run)
        raise KeyboardInterrupt

    place = Output(tmp_path / "run.json", checkpoint=tmp_path / "run.checkpoint")
    fitted(data)(on_step=stopped_in_its_second_step)
    assert within(tmp_path) == ["run.json", "run.pt"]
    with place.reserved():
        pass
    run = Run.load(place.record)
    run.seconds = outputs.FIRST_CHECKPOINT + 1  # then its checkpoint was moved away, and these weights are all there is
    place.record.write_text(to_text(run))
    with pytest.raises(FileExistsError, match="nothing is overwritten unasked"), place.reserved():
        pass


@pytest.mark.slow
@UNIX
def test_signals_at_random_moments_never_lose_a_run(tmp_path, data, monkeypatch):
    """Thirty runs, each stopped at a moment of its own by one signal or two; gone on with, each ends as if undisturbed."""
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.01)
    whole = fitted(data)()
    began = time.process_time()  # moments are of the process's own time: others on the machine do not move them
    keep(fitted(data, checkpoint=tmp_path / "timed"), Output(tmp_path / "timed.json"))
    length = time.process_time() - began
    draw, stopped = random.Random(0), 0
    for number in range(30):
        place, path = Output(tmp_path / f"{number}.json", checkpoint=tmp_path / f"{number}"), tmp_path / f"{number}"
        chosen = [draw.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]) for _ in range(draw.choice([1, 1, 2]))]
        moment = time.process_time() + length * draw.random()
        done = threading.Event()

        def send(chosen=tuple(chosen), until=moment, done=done):
            while time.process_time() < until and not done.wait(0.0005):
                pass
            for each in chosen:
                os.kill(os.getpid(), each)
                time.sleep(0.002)

        sender, status = threading.Thread(target=send), None
        with contextlib.suppress(SystemExit), place.reserved(), Ending() as ending:
            sender.start()
            try:
                status = train_command.kept(fitted(data, checkpoint=path), place, ending, name="x", say=lambda _: None)
            finally:
                done.set()
                ending.keep()  # what comes after the command's end is for nobody
                sender.join()
        if status is not None:
            record, weights = Run.load(place.record), torch.load(place.weights)
            assert set(weights) == set(whole.net.state_dict())
            assert status == 0 if record.completed else status in {128 + each for each in chosen}
            stopped += not record.completed
        with place.reserved():  # what this very run has left may be replaced
            pass
        again = fitted(data, checkpoint=path, resume=True)()
        assert again.history == whole.history
        for name, value in whole.net.state_dict().items():
            assert torch.equal(again.net.state_dict()[name], value), (number, name)
        assert not list(tmp_path.glob(".*"))
    assert stopped >= 10


# --- warnings ---------------------------------------------------------------------------------------------------------


def test_other_warnings_are_left_as_they_are():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with checkpoints_told(lambda words: pytest.fail(words)):
            warnings.warn("of another kind", UserWarning, stacklevel=1)
        assert [str(each.message) for each in caught] == ["of another kind"]
