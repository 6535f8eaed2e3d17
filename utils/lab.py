"""The frame of an interactive lab: a question with handles, and a view that follows them at once.

A lab's computing is a plain function from its settings to a `View`; this module only carries values from the
controls to the function and its pictures back. Pictures are replaced in place, so nothing flickers or jumps.
Dragging a slider queues nothing: the front end sends a new value only when the last one has been answered.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape, unescape

import ipywidgets
from ipywidgets import HTML, Box, Button, HBox, Layout, VBox

from utils.show import show_widget

Settings = dict[str, object]
OWN = "your own"  # the preset that is shown when the handles stand as in none
_LINES = "line-height:1.5"  # a widget's own lines are far apart


LABEL = {"description_width": "92px"}  # the style of handles, so that they begin below each other


def slider(value: int, least: int, most: int, name: str, tip: str, step: int = 1) -> ipywidgets.IntSlider:
    """A handle for whole numbers from `least` to `most`."""
    return ipywidgets.IntSlider(value=value, min=least, max=most, step=step, description=name, tooltip=tip, style=LABEL)


@dataclass(frozen=True)
class View:
    """What a lab shows for its settings.

    `words` says in a sentence or two what the settings come to, `html` is the picture under it; both are HTML.
    `disabled` names the controls that have no effect at these settings.
    """

    words: str
    html: str
    disabled: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The words without their tags, for where no picture can be shown."""
        return unescape(re.sub(r"<[^>]+>", "", re.sub(r"<br ?/?>", "\n", self.words)))


class Lab:
    """A question with handles.

    Args:
        question: what the learner finds out with it; HTML.
        controls: widgets by the name that their value has in the settings. Each needs a `tooltip`.
        view: from the settings, and the pinned settings or None, to what is shown. Settings that cannot be are
            explained by raising ValueError with a sentence.
        presets: settings by a name to choose them by; values not named stay as they are.
    """

    def __init__(
        self,
        question: str,
        controls: Mapping[str, ipywidgets.Widget],
        view: Callable[[Settings, Settings | None], View],
        presets: Mapping[str, Settings] | None = None,
    ):
        self.controls = dict(controls)
        self.view = view
        self.presets = dict(presets or {})
        self.pinned: Settings | None = None
        self.trouble = ""  # why the present settings cannot be, where they cannot
        self._start = self._shown = self.settings
        self._is_setting = False
        self._question = HTML(f"<div style='{_LINES}'>{question}</div>")
        # What cannot be is said where the words stand, so that the picture does not move.
        self.words = HTML(layout=Layout(width="auto", min_height="4em"))
        self.output = HTML(layout=Layout(width="auto"))
        self.pin_button = Button(
            description="Pin as A", tooltip="Keep what you see now as A, and compare all that follows with it"
        )
        self.reset_button = Button(description="Start again", tooltip="Put every handle back and unpin A")
        self.pin_button.on_click(lambda _event: self.pin())
        self.reset_button.on_click(lambda _event: self.reset())
        rows: list[ipywidgets.Widget] = []
        self.preset = ipywidgets.Dropdown(
            options=[*self.presets, OWN], description="Preset", tooltip="Set all handles to a block of the paper"
        )
        self.preset.observe(lambda change: self._choose(change["new"]), names="value")
        if self.presets:
            rows.append(self.preset)
        rows += [*self.controls.values(), HBox([self.pin_button, self.reset_button])]
        for row in rows[:-1]:
            row.layout.width = "auto"
        for control in self.controls.values():
            control.observe(lambda _change: self.refresh(), names="value")
        # A notebook that is opened again shows its labs as they were, without a kernel behind them.
        rows.append(HTML(f'<div style="{_LINES};opacity:.75">If the handles do not answer, run this cell again.</div>'))
        side = VBox(rows, layout=Layout(width="280px", flex="0 0 280px"))
        main = VBox([self.words, self.output], layout=Layout(flex="1 1 400px", min_width="0"))
        self.widget = VBox([self._question, Box([side, main], layout=Layout(flex_flow="row wrap", width="100%"))])
        self.widget.add_class("course-lab")
        self._show(self.view(self.settings, None))

    @property
    def settings(self) -> Settings:
        """The handles' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **settings: object) -> None:
        """Move several handles at once, with one refresh.

        Raises:
            ValueError: there is no such handle.
        """
        for name in settings:
            if name not in self.controls:
                raise ValueError(f"There is no handle {name!r}. There are: {', '.join(self.controls)}.")
        with self._at_once():
            for name, value in settings.items():
                self.controls[name].value = value
        self.refresh()

    def pin(self) -> None:
        """Keep the settings of the present picture as A."""
        self.pinned = self._shown
        self.refresh()

    def reset(self) -> None:
        """Every handle as at the start, nothing pinned."""
        self.pinned = None
        self.set(**self._start)

    def refresh(self) -> None:
        """Show the view of the present settings. What cannot be is explained; the last picture stays."""
        if self._is_setting:
            return
        try:
            view = self.view(self.settings, self.pinned)
        except ValueError as error:
            self.trouble = str(error)
            self.words.value = (
                f'<div role="alert" class="course-trouble" style="border-left:5px solid #D55E00;padding:4px 10px;{_LINES}">'
                f"<b>This cannot be.</b> {escape(self.trouble)} The picture shows the last design that can.</div>"
            )
            return
        self._show(view)

    def _show(self, view: View) -> None:
        self.trouble, self.text, self._shown = "", view.text, self.settings
        self.words.value = f'<div class="course-words" role="status" style="{_LINES}">{view.words}</div>'
        self.output.value = f'<div class="course-picture" style="{_LINES}">{view.html}</div>'
        for name, control in self.controls.items():
            control.disabled = name in view.disabled
        fitting = [name for name, preset in self.presets.items() if preset.items() <= self._shown.items()]
        if self.preset.value not in fitting:
            with self._at_once():
                self.preset.value = fitting[0] if fitting else OWN

    def _choose(self, preset: str) -> None:
        if not self._is_setting:
            self.set(**self.presets.get(preset, {}))

    @contextmanager
    def _at_once(self):
        """Handles that are moved in here are answered together, afterwards."""
        self._is_setting = True
        try:
            yield
        finally:
            self._is_setting = False

    def __repr__(self) -> str:
        return self.text

    def _ipython_display_(self) -> None:
        show_widget(self.widget, text=self.text, html=f"{self._question.value}{self.words.value}{self.output.value}")
