"""Widgets with a still form, and pictures replaced in place."""

import asyncio
import threading

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
    """In an output of its own: of one that has a widget, a front end without its kernel shows nothing but an error."""
    slider = ipywidgets.IntSlider()
    show_widget(slider, text="a slider", html="<i>a slider</i>")
    live, still = (message["data"] for message in shown)
    assert "model_id" in live["application/vnd.jupyter.widget-view+json"]
    assert live["text/plain"] == "" and "text/html" not in live
    assert still == {
        "text/plain": "a slider",
        "text/html": f'<div class="course-still course-still-{slider.model_id}"><i>a slider</i></div>',
    }


def test_without_html_the_text_is_shown_as_it_is(shown):
    show_widget(ipywidgets.IntSlider(), text="a < b & c")
    html = shown[1]["data"]["text/html"]
    assert "<pre" in html and html.endswith(">a &lt; b &amp; c</pre></div>")


def test_the_still_form_follows_where_nothing_runs_beside(shown):
    still = show_widget(ipywidgets.IntSlider(), text="a slider")
    still.follow(lambda: {"text": "at 1"})
    assert shown[-1]["update"] and shown[-1]["data"]["text/plain"] == "at 1"
    assert shown[-1]["transient"] == shown[1]["transient"]


def test_the_still_form_follows_once_when_the_handles_rest(shown, monkeypatch):
    monkeypatch.setattr(display, "REST", 0.05)
    made = []

    def forms(value: int) -> dict[str, str]:
        made.append(value)
        return {"text": f"at {value}"}

    async def drag() -> None:
        still = show_widget(ipywidgets.IntSlider(), text="a slider")
        for value in range(20):
            still.follow(lambda value=value: forms(value))
        thread = threading.Thread(target=still.follow, args=(lambda: forms(20),))
        thread.start()
        thread.join()
        assert len(shown) == 2
        await asyncio.sleep(0.3)

    asyncio.run(drag())
    assert made == [20] and [message["data"]["text/plain"] for message in shown] == ["", "a slider", "at 20"]


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
