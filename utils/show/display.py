"""Showing things in a notebook: widgets with a still form for where there are none, and pictures replaced in place.

What only a notebook has is imported where something is shown in one: training from a command line does without.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from utils.page.html import SHEET, tag

if TYPE_CHECKING:
    import ipywidgets


def show_widget(widget: "ipywidgets.Widget", *, text: str, html: str = "") -> None:
    """Display a widget together with a still form of it.

    A front end that has no widgets (a grader, an export, a page that shows the notebook) shows `html`, or `text`.
    """
    from IPython.display import display

    bundle = dict(widget._repr_mimebundle_())
    bundle["text/plain"] = text
    bundle["text/html"] = html or tag("pre", SHEET, text, cls="course-text")
    display(bundle, raw=True)


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
