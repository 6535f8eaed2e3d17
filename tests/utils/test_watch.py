"""What is seen while training: in a notebook, in a terminal, in neither."""

import ipywidgets
import nbformat
import pytest
from nbclient import NotebookClient

from tests.utils.test_runs import make_run
from tests.utils.test_train import RECIPE, one_thread, stop_at  # noqa: F401
from tests.utils.tiny import TinyNet, tiny_data
from utils import watch
from utils.train import fit


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


def test_the_curve_in_words_and_as_a_picture():
    run = make_run()
    curve = watch.Curve(run)
    assert curve.text().endswith("No epoch is finished yet.")
    before = curve.png()
    run = make_run(0.25, 0.9)
    curve = watch.Curve(run)
    assert curve.png().startswith(b"\x89PNG")
    assert curve.png() != before
    assert "from 25.0% after epoch 1 to 90.0% after epoch 2, test loss from 0.750 to 0.100" in curve.text()
    assert f'alt="{curve.text()}"' in curve.html("<done>")
    assert "&lt;done&gt;" in curve.html("<done>")


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
    monkeypatch.setattr(watch, "_in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: handle)
    return handle


@pytest.mark.parametrize("how", ["to the end", "stopped", "diverged"])
def test_a_notebook_ends_with_one_picture_and_no_widgets(notebook, how):
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
    assert 'alt="Curves of accuracy' in final["text/html"]
    if how == "stopped":
        assert "Stopped in epoch 2 of 3" in final["text/html"]


def test_drawing_keeps_to_its_share_of_the_time(notebook, monkeypatch):
    drawings = []
    png = watch.Curve.png
    monkeypatch.setattr(watch.Curve, "png", lambda self: (drawings.append(1), png(self))[1])
    fit(TinyNet, tiny_data(), RECIPE)
    assert len(drawings) == 2  # the empty one and the last one: three epochs take less than half a second


def test_in_a_notebook_without_a_front_end(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "from tests.utils.tiny import TinyNet, tiny_data\n"
                "from utils.train import Recipe, fit\n"
                "run = fit(TinyNet, tiny_data(), Recipe(epochs=2, batch_size=16))"
            ),
            nbformat.v4.new_code_cell("run"),
            nbformat.v4.new_code_cell("import ipywidgets\nprint(len(ipywidgets.widgets.widget._instances))"),
        ]
    )
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    training, record, widgets = (cell.outputs for cell in notebook.cells)
    assert [output.output_type for output in training] == ["display_data"]
    assert "<img" in training[0].data["text/html"]
    assert "Curves of accuracy" in training[0].data["text/plain"]
    assert "TinyNet on halves, seed 0: test accuracy" in record[0].data["text/html"]
    assert widgets[0].text == "0\n"
