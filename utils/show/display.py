"""Showing things in a notebook: widgets with a still form for where there are none, and pictures replaced in place.

What only a notebook has is imported where something is shown in one: training from a command line does without.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from utils.page.html import SHEET, Html, tag
from utils.page.html import text as text_of
from utils.system.bars import tqdm

if TYPE_CHECKING:
    import ipywidgets

REST = 1.0  # seconds that a widget has to be left alone before its still form follows it

NEEDS_A_KERNEL = tag(
    "p",
    "This has handles, and stands here as at its start. ",
    tag("a", "Open the lesson", href="#open"),
    " to move them.",
    cls="course-needs-kernel",
)


def is_for_a_page() -> bool:
    """Whether what is shown goes into the course's web pages, which have no kernel: COURSE_PAGE is set."""
    return bool(os.environ.get("COURSE_PAGE"))


@cache
def _heard() -> type:
    import anywidget

    class Heard(anywidget.AnyWidget):
        _esm = Path(__file__).with_name("heard.js").read_text(encoding="utf-8")

    return Heard


def heard() -> "list[ipywidgets.Widget]":
    """What gives the handles beside it their names and states for a screen reader; nothing without anywidget."""
    try:
        return [_heard()(layout={"display": "none"})]
    except ModuleNotFoundError:
        return []


class Still:
    """The still form of a widget that is shown: what is there without a kernel, in an export, on paper.

    It is an output of its own under the widget, which hides it for as long as a kernel answers: a front end that
    finds no kernel behind a widget shows an error in its place, and nothing else of that output.
    """

    def __init__(self, widget: "ipywidgets.Widget", text: str, html: str, page: str):
        from IPython.display import display
        from ipywidgets import HTML, VBox

        self._name = f"course-still-{widget.model_id}"
        self._waiting: asyncio.TimerHandle | None = None
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._page = Html(page)
        if not is_for_a_page():
            # Where there is no kernel any more, the widget says so, and its still form comes back.
            alive = f"body:not(:has(.{self._name}-live.jupyter-widgets-disconnected))"
            hide = f"{alive} :is(.{self._name},.jp-OutputArea-child:has(.{self._name})){{display:none}}"
            live = VBox([widget, HTML(f"<style>{hide}</style>"), *heard()])
            live.add_class("course-live").add_class(f"{self._name}-live")
            display(dict(live._repr_mimebundle_()) | {"text/plain": ""}, raw=True)
        self._place = display(self._bundle(text, html), raw=True, display_id=True)

    def _bundle(self, text: str, html: str = "") -> dict[str, str]:
        shown = Html(html) if html else tag("pre", SHEET, text, cls="course-text")
        still = tag("div", shown, cls=f"course-still {self._name}")
        if is_for_a_page():
            still = self._page or text_of(still, NEEDS_A_KERNEL)
        return {"text/plain": text, "text/html": still}

    def follow(self, forms: Callable[[], dict[str, str]]) -> None:
        """The widget shows something else: soon after it has come to rest, its still form does, too.

        Args:
            forms: gives the `text` and the `html` of what the widget shows then. May be called from any thread.
        """

        def show() -> None:
            self._place.update(self._bundle(**forms()), raw=True)

        if self._loop is None:
            show()
        else:
            self._loop.call_soon_threadsafe(self._wait, self._loop, show)

    def _wait(self, loop: asyncio.AbstractEventLoop, show: Callable[[], None]) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = loop.call_later(REST, show)


def show_widget(widget: "ipywidgets.Widget", *, text: str, html: str = "", page: str = "") -> Still:
    """Display a widget together with a still form of it: `html`, or `text`; the course's own web pages show `page`, if given."""
    return Still(widget, text, html, page)


@contextmanager
def passing_bar(**options: object) -> Iterator[tqdm]:
    """A progress bar of tqdm that leaves nothing behind: in a notebook that is saved and opened again neither."""
    if options.get("disable") or not any("notebook" in base.__module__ for base in tqdm.__mro__):
        with tqdm(leave=False, **options) as bar:
            yield bar
        return
    from IPython.display import display

    bar = tqdm(leave=False, display=False, **options)
    place = display(bar.container, display_id=True)
    try:
        yield bar
    finally:
        bar.close()
        place.update({"text/plain": "", "text/html": ""}, raw=True)


class Live:
    """A place in a notebook where one thing is shown and replaced by the next, without flicker or growth."""

    def __init__(self) -> None:
        self._place = None

    def show(self, thing: object) -> None:
        """Show something that has a text and an HTML form in place of what was there."""
        forms = {"text/plain": repr(thing), "text/html": thing._repr_html_()}
        if self._place is None:
            from IPython.display import display

            self._place = display(forms, raw=True, display_id=True)
        else:
            self._place.update(forms, raw=True)

    def __enter__(self) -> "Live":
        return self

    def __exit__(self, *error: object) -> None:
        """Take away what is shown: used in a `with`, it leaves nothing behind."""
        if self._place is not None:
            self._place.update({"text/plain": "", "text/html": ""}, raw=True)
