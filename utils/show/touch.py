"""Pictures that are touched: one front-end module each, the same in a notebook and on a page without a kernel.

A `Touch` has a front (an ES module `NAME.js` and its looks `NAME.css`), data that Python computed from live modules, a small
state that a hand may change, and a still picture for wherever no script runs. The front exports `render({model, el})` as
anywidget asks. It may use the few helpers of `touch.js`, which are put in front of it, and asks no address for anything. Its
outermost element is a `ground`, which has the class `touch`. JupyterLab's shortcuts are kept from its keys by `heard.js`.

| where | what is shown |
| --- | --- |
| a notebook with its kernel | a widget; `state` comes back as the learner leaves it |
| a notebook without one, GitHub, an export, print | the still, as an image that no sanitiser takes away |
| a page of the site: `COURSE_PAGE=1` where the notebook runs | `live_html()`: works from a file, makes no request |
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.page.html import SHEET, Html, output, tag
from utils.page.sheet import CSS
from utils.show.display import is_for_a_page, show_widget

if TYPE_CHECKING:
    import anywidget

_HERE = Path(__file__).with_suffix("")
_written: set[str] = set()  # the fronts whose code stands on the page already

# Runs where it stands: takes the data beside it, and the code beside it or from the first of its kind on the page.
_LOADER = """{
  const root = document.currentScript.parentElement, name = root.dataset.touch, fronts = window.courseTouch ??= {};
  const start = () => {
    const code = document.querySelector(`script[data-front="${name}"]`);
    fronts[name] ??= import(URL.createObjectURL(new Blob([code.textContent], {type: "text/javascript"})));
    fronts[name].then(({default: front}) => {
      const traits = JSON.parse(root.querySelector('script[type="application/json"]').textContent), heard = {};
      const model = {
        get: key => traits[key],
        set: (key, value) => { traits[key] = value; (heard["change:" + key] ?? []).forEach(hear => hear()); },
        on: (event, hear) => (heard[event] ??= []).push(hear),
        off: (event, hear) => { heard[event] = (heard[event] ?? []).filter(each => hear && each !== hear); },
        save_changes: () => {},
      };
      const el = document.createElement("div");
      front.render({model, el});
      root.querySelector(".touch-still").replaceWith(el);
    }).catch(error => console.error(error));
  };
  if (document.querySelector(`script[data-front="${name}"]`)) start();
  else addEventListener("DOMContentLoaded", start);
}"""


@dataclass(frozen=True)
class Touch:
    """A picture that is touched.

    Attributes:
        front: the path of its ES module; a style sheet of the same name lies beside it.
        data: what it shows, as JSON; nothing changes it.
        state: where it stands when it is first shown, as JSON.
        words: what it shows, in words: its text form, and the still's alternative.
        picture: the still, as SVG text.
        answer: what a front that asks something, with `model.send`, is told: it gets the message and gives new data. What it
            raises as a ValueError reaches the front as `{"refused": words}`. A page without a kernel has no `model.send`.
    """

    front: Path
    data: dict[str, Any] = field(repr=False)
    state: dict[str, Any]
    words: str
    picture: str = field(repr=False)
    answer: Callable[[Any], dict[str, Any]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        json.dumps([self.data, self.state], allow_nan=False)  # what no page could read is told here

    def __repr__(self) -> str:
        return self.words

    def still(self) -> str:
        """The picture for where no script runs, as SVG text."""
        return self.picture

    @property
    def still_html(self) -> Html:
        """The still as an image: all of it stands in the address, so that it survives where inline SVG does not."""
        address = f"data:image/svg+xml;base64,{base64.b64encode(self.still().encode()).decode()}"
        return tag("img", src=address, alt=self.words)

    @cached_property
    def widget(self) -> "anywidget.AnyWidget":
        """The live widget, made when it is first asked for: `widget.state` follows the learner's hand.

        Raises:
            ModuleNotFoundError: anywidget is not installed.
        """
        import anywidget
        import traitlets

        class Widget(anywidget.AnyWidget):
            _esm, _css = code_of(self.front), CSS + looks_of(self.front)
            data = traitlets.Dict().tag(sync=True)
            state = traitlets.Dict().tag(sync=True)

        Widget.__name__ = name_of(self.front)  # by which the front end keeps one style sheet of each kind
        widget = Widget(data=self.data, state=self.state)
        if self.answer is not None:
            widget.on_msg(self._hear)
        return widget

    def _hear(self, widget: "anywidget.AnyWidget", message: Any, _buffers: object) -> None:
        assert self.answer is not None
        try:
            widget.data = self.answer(message)
        except ValueError as error:
            widget.send({"refused": str(error)})

    def live_html(self, *, with_code: bool = True) -> str:
        """All of it as a piece of a page, which works without a kernel, without a network, and from a file.

        Args:
            with_code: bring the front's code and the style sheet. One piece of each kind on a page has to; the others
                find its code there.
        """
        name, code = name_of(self.front), code_of(self.front)
        traits = json.dumps({"data": self.data, "state": self.state}, separators=(",", ":")).replace("<", "\\u003c")
        parts = [
            tag("div", self.still_html, cls="touch-still"),
            tag("script", Html(traits), type="application/json"),
            *([tag("script", Html(code), type="text/plain", data_front=name)] if with_code else []),
            tag("script", Html(_LOADER)),
        ]
        looks = [SHEET, Html(f"<style>{looks_of(self.front)}</style>")] if with_code else []
        return tag("div", *looks, *parts, cls="course", data_touch=name)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if is_for_a_page():
            name = name_of(self.front)
            with_code = name not in _written
            _written.add(name)
            display({"text/plain": self.words, "text/html": self.live_html(with_code=with_code)}, raw=True)
            return
        still = output(self.still_html)
        try:
            widget = self.widget
        except ModuleNotFoundError:  # the still says what there is to see
            display({"text/plain": self.words, "text/html": still}, raw=True)
        else:
            show_widget(widget, text=self.words, html=still)


@cache
def code_of(front: Path) -> str:
    """The text of a front's module, the shared helpers first.

    Raises:
        ValueError: it holds what would end a script in a page.
    """
    text = _HERE.with_suffix(".js").read_text(encoding="utf-8") + front.read_text(encoding="utf-8")
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError(
            f"{front.name} holds `</script` or `<!--`, which would end the script that brings it on a page."
        )
    return text


@cache
def looks_of(front: Path) -> str:
    """The text of a front's style sheet, the shared looks first."""
    sheets = (_HERE.with_suffix(".css"), front.with_suffix(".css"))
    return "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


@cache
def name_of(front: Path) -> str:
    """A front's name on a page: another text of the module has another."""
    return f"{front.stem}-{hashlib.sha256((code_of(front) + looks_of(front)).encode()).hexdigest()[:8]}"
