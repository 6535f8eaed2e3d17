"""Widgets with a still form, and pictures replaced in place."""

import ipywidgets
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from tqdm.notebook import tqdm_notebook

from utils.show import display
from utils.show.display import Live, show_widget


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, as a list of messages."""
    publisher = CapturingDisplayPublisher()
    monkeypatch.setattr(InteractiveShell.instance(), "display_pub", publisher)
    yield publisher.outputs
    InteractiveShell.clear_instance()


class Thing:
    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"a {self.name}"

    def _repr_html_(self) -> str:
        return f"<b>{self.name}</b>"


def test_a_widget_has_its_still_form_beside_it(shown):
    show_widget(ipywidgets.IntSlider(), text="a slider", html="<i>a slider</i>")
    (message,) = shown
    assert message["data"]["text/plain"] == "a slider"
    assert message["data"]["text/html"] == "<i>a slider</i>"
    assert "model_id" in message["data"]["application/vnd.jupyter.widget-view+json"]


def test_without_html_the_text_is_shown_as_it_is(shown):
    show_widget(ipywidgets.IntSlider(), text="a < b & c")
    html = shown[0]["data"]["text/html"]
    assert html.startswith("<pre") and html.endswith(">a &lt; b &amp; c</pre>")


def test_live_replaces_what_it_showed(shown):
    live = Live()
    for name in ("first", "second", "third"):
        live.show(Thing(name))
    places = {message["transient"]["display_id"] for message in shown}
    assert len(places) == 1
    assert [message.get("update", False) for message in shown] == [False, True, True]
    assert shown[-1]["data"] == {"text/plain": "a third", "text/html": "<b>third</b>"}


def test_two_live_places_do_not_disturb_each_other(shown):
    Live().show(Thing("one"))
    Live().show(Thing("other"))
    assert len({message["transient"]["display_id"] for message in shown}) == 2
    assert not any(message.get("update") for message in shown)


def test_a_passing_bar_leaves_nothing_in_a_saved_notebook(shown, monkeypatch):
    monkeypatch.setattr(display, "tqdm", tqdm_notebook)
    with display.passing_bar(total=2, desc="counting") as bar:
        bar.update()
    assert "application/vnd.jupyter.widget-view+json" in shown[0]["data"]
    assert shown[-1]["update"] and not any(shown[-1]["data"].values())


def test_a_passing_bar_in_a_terminal(shown, capsys):
    with display.passing_bar(total=2, desc="counting") as bar:
        bar.update()
    assert shown == [] and "counting" in capsys.readouterr().err
