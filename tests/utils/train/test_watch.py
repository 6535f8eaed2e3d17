"""What is seen while training: in a notebook, in a terminal, in neither."""

import threading
import time
import types
from dataclasses import replace

import ipywidgets
import nbformat
import pytest
from nbclient import NotebookClient

from tests.utils.tiny import TinyNet, tiny_data
from tests.utils.train.test_loop import RECIPE, stop_at
from tests.utils.train.test_runs import make_run
from utils.train import watch
from utils.train.curves import Curves
from utils.train.loop import fit


def test_no_terminal_no_words(capfd):
    fit(TinyNet, tiny_data(), RECIPE)
    assert capfd.readouterr() == ("", "")


def test_a_bar_in_a_terminal(capfd, monkeypatch):
    monkeypatch.setattr(watch.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(watch, "EVERY", 0)
    fit(TinyNet, tiny_data(), RECIPE)
    out, bar = capfd.readouterr()
    assert out == ""
    assert "epoch 1 of 3" in bar
    assert "images/s" in bar
    assert "left" in bar
    assert "100 %" in bar
    fit(TinyNet, tiny_data(), RECIPE, on_step=stop_at(0.5))
    out, bar = capfd.readouterr()
    assert out == (
        "Stopped in epoch 2 of 3. The run so far is kept, with 1 finished epoch, "
        "and the network has the weights of this moment.\n"
    )


def test_a_narrow_terminal_gets_what_matters_most(capfd, monkeypatch):
    monkeypatch.setattr(watch.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(watch, "EVERY", 0)
    lines = {}
    for columns in (70, 200):
        monkeypatch.setattr("tqdm.std._screen_shape_wrapper", lambda: lambda _file: (columns, 24))  # noqa: B023
        fit(TinyNet, tiny_data(), RECIPE)
        lines[columns] = [line for line in capfd.readouterr().err.split("\r") if "images/s" in line]
    assert all("learning rate 0.1 · " in line and "memory" in line for line in lines[200])
    assert all("left" in line and "memory" not in line for line in lines[70])
    assert max(map(len, lines[70])) <= 70


def test_memory_is_said_with_whose_it_is():
    said = watch.memory_words(TinyNet())
    assert said.startswith("process memory ") and 0.05 < float(said.split()[2]) < 50


def test_the_averaged_weights_accuracy_is_said(notebook, monkeypatch):
    monkeypatch.setattr(watch, "EVERY", 0)
    run = make_run(0.25, 0.9)
    run.history[-1] = replace(run.history[-1], averaged_accuracy=0.931)
    run.net = TinyNet()
    with watch.watch(run, steps=4, show=True) as view:
        view.test()
        assert "test accuracy 90.0%" in view.words.value and "with averaged weights 93.1%" in view.words.value


class Handle:
    """Stands in for IPython's display handle."""

    def __init__(self):
        self.updates = []

    def update(self, content, raw=False):
        self.updates.append(content)


@pytest.fixture
def notebook(monkeypatch):
    """As in a notebook, with the outputs of `display` kept."""
    handle = Handle()
    monkeypatch.setattr(watch, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: handle)
    return handle


@pytest.mark.parametrize("how", ["to the end", "stopped", "diverged"])
def test_a_notebook_ends_with_pictures_and_no_widgets(notebook, how):
    before = set(ipywidgets.widgets.widget._instances)

    def on_step(run, done):
        assert len(ipywidgets.widgets.widget._instances) > len(before)
        if done > 0.5 and how != "to the end":
            raise KeyboardInterrupt if how == "stopped" else ArithmeticError

    if how == "diverged":
        with pytest.raises(ArithmeticError):
            fit(TinyNet, tiny_data(), RECIPE, on_step=on_step)
    else:
        fit(TinyNet, tiny_data(), RECIPE, on_step=on_step)
    assert set(ipywidgets.widgets.widget._instances) == before
    (final,) = notebook.updates
    assert "<img" in final["text/html"]
    assert final["text/html"].count("<img") == 3
    assert 'alt="Accuracy of TinyNet on halves by epoch.' in final["text/html"]
    if how == "stopped":
        assert "Stopped in epoch 2 of 3" in final["text/html"]


def test_drawing_keeps_to_its_share_of_the_time(notebook, monkeypatch):
    drawings = []
    pngs = Curves.pngs
    monkeypatch.setattr(Curves, "pngs", lambda self: (drawings.append(1), pngs(self))[1])
    fit(TinyNet, tiny_data(), RECIPE)
    assert len(drawings) == 2  # the empty one and the last one: three epochs take less than half a second


def click_in_another_thread(view) -> threading.Thread:
    """As JupyterLab does it: the click is heard in a thread of its own."""
    thread = threading.Thread(target=view.button.widget.click)
    thread.start()
    return thread


@pytest.fixture
def views(monkeypatch):
    """The views that `fit` makes."""
    made = []

    def make(*words, **options):
        made.append(watch.watch(*words, **options))
        return made[-1]

    monkeypatch.setattr("utils.train.loop.watch", make)
    return made


def test_a_click_on_stop_ends_the_run_after_the_step(notebook, views):
    def on_step(run, done):
        if done == 0.5:
            click_in_another_thread(views[0]).join()

    run = fit(TinyNet, tiny_data(), RECIPE, on_step=on_step)
    assert not run.completed and len(run.history) == 1
    assert "Stopped in epoch 2 of 3. The run so far is kept" in notebook.updates[-1]["text/html"]


def test_a_click_on_stop_ends_a_step_that_takes_long(notebook, views):
    clicked = []

    class Slow(TinyNet):
        def forward(self, images):
            if self.training and len(images) == 16 and not clicked:
                clicked.append(time.perf_counter())
                click_in_another_thread(views[0])
                for _ in range(1000):  # ten seconds in short pieces, as a network has layers
                    time.sleep(0.01)
            return super().forward(images)

    run = fit(Slow, tiny_data(), RECIPE)
    assert time.perf_counter() - clicked[0] < 1.5
    assert not run.completed


def test_a_click_that_comes_too_late_interrupts_nothing(notebook, views):
    run = fit(TinyNet, tiny_data(), RECIPE)
    assert run.completed
    click_in_another_thread(views[0]).join()
    time.sleep(0.2)


def test_the_stop_button_is_shown_where_clicks_are_heard(notebook, monkeypatch):
    run = make_run(0.5)
    run.net = TinyNet()
    kernel = types.SimpleNamespace()
    monkeypatch.setattr(watch, "_kernel", lambda: kernel)
    with watch.watch(run, steps=4, show=True) as view:
        layout, heard = view.button.widget.layout, []
        view.button.show_where_it_works()
        assert layout.visibility == "hidden"  # a kernel that knows no subshells
        kernel.shell_channel_thread = types.SimpleNamespace(manager=types.SimpleNamespace(list_subshell=lambda: heard))
        view.button.show_where_it_works()
        assert layout.visibility == "hidden"  # a front end that has made none
        heard.append("a subshell")
        view.button.show_where_it_works()
        assert layout.visibility == "visible"


def test_an_interrupted_kernel_keeps_the_run():
    """Kernel > Interrupt: a signal in the middle of a step."""
    source = """
import os, signal, threading
from tests.utils.tiny import TinyNet, tiny_data
from utils.train import Recipe, fit
interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
started = lambda run, done: interrupt.ident or interrupt.start()
run = fit(TinyNet, tiny_data(), Recipe(epochs=100_000, batch_size=16), on_step=started)
"""
    cells = [nbformat.v4.new_code_cell(source), nbformat.v4.new_code_cell("run.completed, run.net.training")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, iopub_timeout=60, kernel_name="python3").execute()
    assert "Stopped in epoch" in notebook.cells[0].outputs[0].data["text/html"]
    assert notebook.cells[1].outputs[0].data["text/plain"] == "(False, False)"


def test_in_a_notebook_without_a_front_end():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "from tests.utils.tiny import TinyNet, tiny_data\n"
                "from utils.train.loop import Recipe, fit\n"
                "run = fit(TinyNet, tiny_data(), Recipe(epochs=2, batch_size=16))"
            ),
            nbformat.v4.new_code_cell("run"),
            nbformat.v4.new_code_cell("import ipywidgets\nprint(len(ipywidgets.widgets.widget._instances))"),
        ]
    )
    NotebookClient(notebook, timeout=120, iopub_timeout=60, kernel_name="python3").execute()
    training, record, widgets = (cell.outputs for cell in notebook.cells)
    assert [output.output_type for output in training] == ["display_data"]
    assert "<img" in training[0].data["text/html"]
    assert "Test accuracy goes from" in training[0].data["text/plain"]
    assert "TinyNet on halves, seed 0: test accuracy" in record[0].data["text/html"]
    assert widgets[0].text == "0\n"
