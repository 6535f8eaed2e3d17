"""Checkpoints: whole at any moment, going on at the very step, refused where they do not belong."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest
import torch

from tests.utils.data.test_stream import write
from tests.utils.forks import FORKS
from tests.utils.tiny import TinyNet, tiny_data, tiny_split
from tests.utils.train import killed
from tests.utils.train.killed import RECIPE, SGD
from utils.data.stream import streamed
from utils.train import checkpoint, loop
from utils.train.loop import Diverged, OutOfMemory, fit


@pytest.fixture(scope="module")
def data():
    return tiny_data()


def train_to(path, data, **changes):
    arguments = {"recipe": SGD, "seed": 3, "device": "cpu", "show": False, "checkpoint": path} | changes
    return fit(arguments.pop("net", TinyNet), data, **arguments)


def require_equal(one, other):
    """Two runs that ended alike, to the last bit."""
    assert one.history == other.history
    assert one.completed and other.completed
    for net, twin in ((one.net, other.net), (one.averaged, other.averaged)):
        assert (net is None) == (twin is None)
        for name in net.state_dict() if net is not None else ():
            assert torch.equal(net.state_dict()[name], twin.state_dict()[name]), name


# --- killed -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(data):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run = fit(TinyNet, data, RECIPE, seed=3, device="cpu", show=False)
    torch.set_num_threads(threads)
    return run


# With a checkpoint after each of four steps and at each epoch's end, the sixth is after the first step of epoch 2.
@pytest.mark.parametrize(
    ("where", "number", "epochs", "steps"),
    [
        ("step", 1, None, None),  # before there is a checkpoint
        ("step", 7, 1, 2),
        ("step", 9, 2, 0),
        ("writing", 6, 1, 0),
        ("writing", 5, 0, 4),
        ("written", 12, 2, 1),
    ],
)
def test_killed_at_any_moment_it_goes_on_as_if_nothing_had_been(
    tmp_path, data, undisturbed, where, number, epochs, steps
):
    path = tmp_path / "new folder" / "run.checkpoint"
    dying = FORKS.Process(target=killed.train_until_killed, args=(str(path), where, number), daemon=True)
    dying.start()
    dying.join(120)
    assert dying.exitcode == -signal.SIGKILL
    if epochs is None:
        assert not path.exists()
    else:
        saved, state = checkpoint.load(path)
        assert len(saved.history) == epochs
        assert (0 if state["losses"] is None else len(state["losses"])) == steps
    seen = []
    run = train_to(path, data, recipe=RECIPE, resume=True, on_step=lambda _, done: seen.append(done))
    assert len(seen) == 12 - 4 * (epochs or 0) - (steps or 0)
    assert seen == sorted(seen) and seen[-1] == 1.0
    require_equal(run, undisturbed)
    assert [file.name for file in path.parent.iterdir()] == ["run.checkpoint"]  # nothing is left of the write


# --- stopped ----------------------------------------------------------------------------------------------------------


def press_at(step: int):
    """The stop button, after so many steps."""
    count = 0

    def on_step(run, done):
        nonlocal count
        count += 1
        if count == step:
            raise KeyboardInterrupt

    return on_step


@pytest.mark.parametrize("step", [1, 4, 6, 12])
@pytest.mark.parametrize(
    "recipe", [RECIPE, SGD, replace(SGD, optimizer="adamw", clip=1.0)], ids=["rmsprop", "sgd", "adamw"]
)
def test_stopped_and_gone_on_with_it_ends_as_if_undisturbed(tmp_path, data, step, recipe):
    whole = fit(TinyNet, data, recipe, seed=3, device="cpu", show=False)
    path = tmp_path / "run.checkpoint"
    stopped = train_to(path, data, recipe=recipe, on_step=press_at(step))
    assert not stopped.completed
    spent = checkpoint.load(path)[0].seconds
    run = train_to(path, data, recipe=recipe, resume=True)
    require_equal(run, whole)
    assert run.date == stopped.date
    assert 0 < spent <= run.seconds
    assert run.key == whole.key


def test_stopped_again_and_again(tmp_path, data):
    path = tmp_path / "run.checkpoint"
    for _ in range(12):
        run = train_to(path, data, resume=True, on_step=press_at(1))
    assert not run.completed
    seen = []
    run = train_to(path, data, resume=True, on_step=lambda *_: seen.append(1))
    assert not seen  # all steps were done; what was left is the test of the last epoch
    require_equal(run, fit(TinyNet, data, SGD, seed=3, device="cpu", show=False))


def test_stopped_while_testing(tmp_path, data):
    class Slow(TinyNet):
        stop = True

        def forward(self, images):
            if not self.training and len(images) > 2 and Slow.stop:
                raise KeyboardInterrupt
            return super().forward(images)

    path = tmp_path / "run.checkpoint"
    assert train_to(path, data, net=Slow).history == []
    Slow.stop = False
    require_equal(train_to(path, data, net=Slow, resume=True), fit(Slow, data, SGD, seed=3, device="cpu", show=False))


def test_a_whole_run_is_there_at_once(tmp_path, data):
    path = tmp_path / "run.checkpoint"
    whole = train_to(path, data)
    spent = checkpoint.load(path)[0].seconds
    again = train_to(path, data, resume=True, on_step=press_at(1))
    require_equal(again, whole)
    assert again.seconds >= spent


def test_an_experiments_measures_are_kept(tmp_path, data):
    path = tmp_path / "run.checkpoint"
    press = press_at(6)

    def note(run, done):
        run.measures.setdefault("done", []).append(done)

    def on_step(run, done):
        note(run, done)
        press(run, done)

    train_to(path, data, on_step=on_step)
    run = train_to(path, data, resume=True, on_step=note)
    assert run.measures["done"] == [pytest.approx(step / 12) for step in range(1, 13)]


def test_a_network_that_is_given_goes_on_with_its_first_weights(tmp_path, data):
    path = tmp_path / "run.checkpoint"
    torch.manual_seed(0)
    net = TinyNet()
    first = {name: value.clone() for name, value in net.state_dict().items()}
    train_to(path, data, net=net, on_step=press_at(6))
    with pytest.raises(ValueError, match="must have the weights that it began with"):
        train_to(path, data, net=net, resume=True)
    net.load_state_dict(first)
    resumed = train_to(path, data, net=net, resume=True)
    other = TinyNet()
    other.load_state_dict(first)
    require_equal(resumed, fit(other, data, SGD, seed=3, device="cpu", show=False))


def test_a_stream_goes_on_too(tmp_path):
    for part in range(2):
        write(tmp_path / f"train-{part}.parquet", range(32 * part, 32 * part + 32))
    write(tmp_path / "test-0.parquet", range(100, 120))
    data = streamed(tmp_path / "train-*.parquet", tmp_path / "test-0.parquet", image_shape=(3, 6, 6), buffer=8)

    def net():
        return TinyNet(in_channels=3, num_classes=2)

    recipe = replace(RECIPE, flip=True)
    whole = fit(net, data, recipe, seed=3, device="cpu", show=False)
    assert whole.data["train"] == 64
    path = tmp_path / "run.checkpoint"
    train_to(path, data, net=net, recipe=recipe, on_step=press_at(6))
    require_equal(train_to(path, data, net=net, recipe=recipe, resume=True), whole)
    with pytest.raises(ValueError, match=r"data\.content is"):
        write(tmp_path / "train-1.parquet", range(40, 72))
        train_to(path, data, net=net, recipe=recipe, resume=True)


class ViewSentence:
    """What the view says at the end."""

    def __init__(self, monkeypatch):
        make = loop.watch

        def watch(*words, **options):
            self.view = make(*words, **options)
            return self.view

        monkeypatch.setattr(loop, "watch", watch)

    @property
    def text(self) -> str:
        return self.view.sentence


def test_the_sentence_says_how_to_go_on(tmp_path, data, monkeypatch):
    said, path = ViewSentence(monkeypatch), tmp_path / "run.checkpoint"
    train_to(None, data, on_step=press_at(6))
    assert said.text.endswith("and the network has the weights of this moment.")
    train_to(path, data, on_step=press_at(6))
    assert said.text.startswith("Stopped in epoch 2 of 3. The run so far is kept, with 1 finished epoch")
    assert said.text.endswith(f"This moment is in {path} too: the same call with resume=True goes on from there.")


def test_half_a_step_is_never_written(tmp_path, data, monkeypatch):
    """Interrupted within a step, the checkpoint is the one from before it."""

    class Breaks(TinyNet):
        steps = 0

        def forward(self, images):
            Breaks.steps += self.training
            if self.training and Breaks.steps == 7:
                raise KeyboardInterrupt
            return super().forward(images)

    said, path = ViewSentence(monkeypatch), tmp_path / "run.checkpoint"
    run = train_to(path, data, net=Breaks)
    assert len(run.history) == 1
    assert f"A moment before is in {path} too" in said.text
    saved, state = checkpoint.load(path)
    assert len(saved.history) == 1 and state["losses"] is None  # the end of epoch 1
    require_equal(
        train_to(path, data, net=Breaks, resume=True), fit(Breaks, data, SGD, seed=3, device="cpu", show=False)
    )


@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise on Windows")
def test_ctrl_c_waits_for_the_end_of_the_step(tmp_path, data):
    class Interrupted(TinyNet):
        steps = 0

        def forward(self, images):
            Interrupted.steps += self.training
            if Interrupted.steps == 6 and self.training:
                signal.raise_signal(signal.SIGINT)
                time.sleep(0.05)  # a step goes on for a while
            return super().forward(images)

    path = tmp_path / "run.checkpoint"
    run = train_to(path, data, net=Interrupted)
    assert not run.completed
    _, state = checkpoint.load(path)
    assert len(state["losses"]) == 2  # steps 5 and 6, the one that was under way too
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    require_equal(
        train_to(path, data, net=Interrupted, resume=True),
        fit(Interrupted, data, SGD, seed=3, device="cpu", show=False),
    )


@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise on Windows")
@pytest.mark.parametrize("presses", [1, 2])
def test_a_long_step_is_interrupted_all_the_same(data, presses):
    """After a third of a second, or at the second Ctrl-C at once."""

    class Slow(TinyNet):
        def forward(self, images):
            if self.training:
                for _ in range(presses):
                    signal.raise_signal(signal.SIGINT)
                for _ in range(1000):
                    time.sleep(0.01)
            return super().forward(images)

    began = time.perf_counter()
    run = train_to(None, data, net=Slow)
    assert not run.completed
    assert time.perf_counter() - began < (5 if presses == 1 else 0.3)


def test_in_another_thread_it_trains_too(tmp_path, data):
    runs = []
    thread = threading.Thread(target=lambda: runs.append(train_to(tmp_path / "run.checkpoint", data)))
    thread.start()
    thread.join(timeout=60)
    assert runs[0].completed


# --- gone wrong -------------------------------------------------------------------------------------------------------


class BreaksLater(TinyNet):
    """It gives no numbers any more from the seventh step on."""

    steps = 0

    def forward(self, images):
        self.steps += self.training
        return super().forward(images) * (float("nan") if self.steps > 6 else 1)


def test_diverged_says_where_the_last_good_one_is(tmp_path, data, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    path = tmp_path / "run.checkpoint"
    with pytest.raises(Diverged) as caught:
        train_to(path, data, net=BreaksLater)
    assert str(caught.value).endswith(f"The last checkpoint, from before, is {path}.")
    saved, state = checkpoint.load(path)
    assert len(saved.history) == 1
    assert state["losses"].isfinite().all() and len(state["losses"]) == 2  # step 6 was the last with a number
    assert all(value.isfinite().all() for value in state["net"].values())
    with pytest.raises(Diverged) as caught:
        train_to(None, data, net=BreaksLater)
    assert "checkpoint" not in str(caught.value)


def test_out_of_memory_says_where_the_last_one_is(tmp_path, data):
    class Grows(TinyNet):
        steps = 0

        def forward(self, images):
            self.steps += self.training
            if self.steps > 5:
                raise MemoryError
            return super().forward(images)

    path = tmp_path / "run.checkpoint"
    with pytest.raises(OutOfMemory) as caught:
        train_to(path, data, net=Grows)
    assert str(caught.value).endswith(f"The last checkpoint, from before, is {path}.")


# --- what does not belong ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("begun") / "run.checkpoint"
    train_to(path, data, on_step=press_at(6))
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipe": replace(SGD, learning_rate=0.2)}, "recipe.learning_rate is 0.05 there and 0.2 here"),
        ({"recipe": replace(SGD, epochs=4, averaging=0.9)}, "recipe.averaging is None there and 0.9 here"),
        ({"seed": 4}, "seed is 3 there and 4 here"),
        ({"net": lambda: TinyNet(dropout=0.2)}, "network.structure is"),
        ({"data": replace(tiny_data(), train=tiny_split(64, seed=9))}, "data.content is"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(begun, data, changes, said):
    before = begun.read_bytes()
    with pytest.raises(ValueError) as caught:
        train_to(begun, changes.get("data", data), resume=True, **{k: v for k, v in changes.items() if k != "data"})
    assert str(begun) in str(caught.value)
    assert said in str(caught.value)
    assert "without `resume` in Python, with --overwrite for --resume on the command line" in str(caught.value)
    assert begun.read_bytes() == before


def test_a_checkpoint_of_other_code_is_refused(tmp_path, begun, data):
    run, state = checkpoint.load(begun)
    run.code["utils/train/engine.py"] = "0" * 16
    run.code["utils/train/no_more.py"] = "0" * 16
    path = checkpoint.save(tmp_path / "run.checkpoint", run, state)
    with pytest.raises(ValueError, match=r"the code of utils/train/engine\.py, utils/train/no_more\.py has changed"):
        train_to(path, data, resume=True)


def test_the_name_alone_is_no_other_run(begun, tmp_path, data):
    path = tmp_path / "run.checkpoint"
    path.write_bytes(begun.read_bytes())
    assert train_to(path, data, resume=True, name="another name").completed


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[: len(content) // 2], "cut off or altered"),
        (lambda content: content[:-1], "cut off or altered"),
        (lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:], "cut off or altered"),
        (lambda content: b"", "not a checkpoint"),
        (lambda content: content[10:], "not a checkpoint"),
        (lambda content: b"\x89PNG\r\n\x1a\n\xff\xfe", "not a checkpoint"),
    ],
)
def test_a_damaged_file_is_named_and_what_to_do(begun, tmp_path, data, damage, said):
    path = tmp_path / "run.checkpoint"
    path.write_bytes(damage(begun.read_bytes()))
    with pytest.raises(ValueError) as caught:
        train_to(path, data, resume=True)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert "older copy" in str(caught.value) and "delete it" in str(caught.value)


def test_what_a_file_holds_is_data_and_never_run(tmp_path):
    import hashlib
    import pickle

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    content = pickle.dumps(Bomb(), protocol=2)
    path = tmp_path / "run.checkpoint"
    path.write_bytes(f"{checkpoint.MARK} {hashlib.sha256(content).hexdigest()}\n".encode() + content)
    with pytest.raises(ValueError, match="not a checkpoint"):
        checkpoint.load(path)
    assert not (tmp_path / "exploded").exists()


def test_resume_needs_a_file_to_go_on_from(tmp_path, data):
    with pytest.raises(ValueError, match="resume is True, and there is no checkpoint"):
        train_to(None, data, resume=True)
    assert train_to(tmp_path / "none.checkpoint", data, resume=True).completed
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "nothing.checkpoint")


def test_without_resume_a_new_run_takes_the_files_place(begun, tmp_path, data):
    path = tmp_path / "run.checkpoint"
    path.write_bytes(begun.read_bytes())
    run = train_to(path, data)
    require_equal(run, fit(TinyNet, data, SGD, seed=3, device="cpu", show=False))
    assert len(checkpoint.load(path)[0].history) == 3


def test_a_write_that_fails_leaves_the_old_file(begun, tmp_path, monkeypatch):
    path = tmp_path / "run.checkpoint"
    path.write_bytes(begun.read_bytes())
    run, state = checkpoint.load(path)
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(path, run, state)
    assert path.read_bytes() == begun.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["run.checkpoint"]
