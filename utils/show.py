"""Showing a widget where there is a front end for it, and its text where there is none."""

from html import escape

import ipywidgets
from IPython.display import display


def show_widget(widget: ipywidgets.Widget, *, text: str, html: str = "") -> None:
    """Display a widget together with a still form of it.

    A front end that has no widgets (a grader, an export, a page that shows the notebook) shows `html`, or `text`.
    """
    bundle = dict(widget._repr_mimebundle_())
    bundle["text/plain"] = text
    bundle["text/html"] = html or f"<pre>{escape(text)}</pre>"
    display(bundle, raw=True)
