"""Pictures that are touched: one front in a notebook, as a still, and on a page without a kernel."""

import json
import re
import sys
from pathlib import Path

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from utils.show import touch
from utils.show.touch import Touch, code_of

STILL = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>still</text></svg>'


@pytest.fixture
def piece(tmp_path):
    """Makes a picture that is touched of a small front."""
    front = tmp_path / "count.js"
    front.write_text("export default {render({model, el}) { el.append(h('b', {}, model.get('data').name)); }};\n")
    front.with_suffix(".css").write_text(".count { color: red; }\n")

    def make(name="a </script> & more"):
        return Touch(front=front, data={"name": name}, state={"at": 1}, words=f"It shows {name}", picture=STILL)

    return make


@pytest.fixture
def shown(monkeypatch):
    """What is displayed: the data of each output."""
    publisher = CapturingDisplayPublisher()
    monkeypatch.setattr(InteractiveShell.instance(), "display_pub", publisher)
    yield lambda: [message["data"] for message in publisher.outputs]
    InteractiveShell.clear_instance()


@pytest.fixture(autouse=True)
def new_page(monkeypatch):
    monkeypatch.setattr(touch, "_written", set())
    monkeypatch.delenv("COURSE_PAGE", raising=False)


def displayed(thing, monkeypatch) -> list[dict]:
    """What a notebook gets of it, an output each."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    thing._ipython_display_()
    return shown


def test_in_a_notebook_it_is_a_widget_with_a_still_that_survives(piece, shown):
    piece("x < y")._ipython_display_()
    live, still = shown()
    assert "application/vnd.jupyter.widget-view+json" in live
    assert still["text/plain"] == "It shows x < y" and "course-still" in still["text/html"]
    assert '<img src="data:image/svg+xml;base64,' in still["text/html"] and "It shows x &lt; y" in still["text/html"]
    assert "<script" not in still["text/html"] and "<svg" not in still["text/html"]


def test_the_widget_has_data_state_and_the_front(piece):
    one = piece()
    assert one.widget is one.widget
    assert one.widget.data == {"name": "a </script> & more"} and one.widget.state == {"at": 1}
    assert "export default" in one.widget._esm and ".count" in one.widget._css and "--course-ink" in one.widget._css


def test_each_front_has_a_style_sheet_of_its_own_in_a_notebook(piece, tmp_path):
    other = tmp_path / "other.js"
    for ending in (".js", ".css"):
        other.with_suffix(ending).write_text(piece().front.with_suffix(ending).read_text())
    two = piece().widget, Touch(front=other, data={}, state={}, words="", picture="").widget
    assert two[0]._anywidget_id != two[1]._anywidget_id


def test_without_anywidget_the_still_is_shown(piece, shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    piece()._ipython_display_()
    (still,) = shown()
    assert set(still) == {"text/plain", "text/html"} and "data:image/svg+xml" in still["text/html"]


def test_on_a_page_the_code_comes_once(piece, shown, monkeypatch):
    monkeypatch.setenv("COURSE_PAGE", "1")
    for name in ("one", "two"):
        piece(name)._ipython_display_()
    first, second = shown()
    assert set(first) == set(second) == {"text/plain", "text/html"}
    assert "export default" in first["text/html"] and "<style>" in first["text/html"]
    assert "export default" not in second["text/html"] and "<style>" not in second["text/html"]
    assert "data:image/svg+xml" in first["text/html"] and "data:image/svg+xml" in second["text/html"]


def test_the_piece_of_a_page_stands_alone_and_asks_for_nothing(piece):
    html = piece().live_html()
    assert re.findall(r'(?:src|href)="(?!data:)', html) == []
    assert "url(" not in html and "@import" not in html and " id=" not in html
    traits = re.search(r'<script type="application/json">(.*?)</script>', html)[1]
    assert json.loads(traits) == {"data": {"name": "a </script> & more"}, "state": {"at": 1}}


def test_what_would_end_the_script_is_refused(tmp_path):
    front = tmp_path / "bad.js"
    front.write_text("const end = '</script>';")
    with pytest.raises(ValueError, match=r"bad\.js holds"):
        code_of(front)


def test_what_is_no_json_is_refused(piece):
    with pytest.raises(ValueError, match="not JSON compliant"):
        Touch(front=piece().front, data={"x": float("nan")}, state={}, words="", picture="")


def test_a_front_that_is_ready_late_is_not_given_up():
    """From 0.9.17 on anywidget gives up a front after two seconds, and on a busy machine the picture stays away for good."""
    import anywidget

    fronts = [path.read_text(encoding="utf-8") for path in Path(anywidget.__file__).parent.rglob("*.js")]
    assert any("initialize" in front for front in fronts)
    assert not any("Failed to initialize model" in front for front in fronts)
