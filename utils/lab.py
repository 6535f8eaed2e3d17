"""The frame of an interactive lab: a question with handles, and a view that follows them at once.

A lab's computing is a plain function from its settings to a `View`; this module only carries values from the
controls to the function and its pictures back. Pictures are replaced in place, so nothing flickers or jumps.
Dragging a slider queues nothing: the front end sends a new value only when the last one has been answered.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ipywidgets
from ipywidgets import HTML, Box, Button, HBox, Layout, VBox

from utils.show import show_widget

Settings = dict[str, object]


@dataclass(frozen=True)
class View:
    """What a lab shows for its settings.

    `html` is the whole view, `text` the same in words for where no picture can be shown (tags in it are taken out). `disabled` names the controls
    that have no effect at these settings.
    """

    html: str
    text: str
    disabled: frozenset[str] = frozenset()


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
        self._start = self.settings
        self._is_setting = False
        self.output = HTML(layout=Layout(width="100%"))
        self.trouble = HTML()
        self._question = HTML(question)
        self.pin_button = Button(
            description="Pin as A", tooltip="Keep what you see now as A, and compare all that follows with it"
        )
        self.reset_button = Button(description="Start again", tooltip="Put every handle back and unpin A")
        self.pin_button.on_click(lambda _event: self.pin())
        self.reset_button.on_click(lambda _event: self.reset())
        rows: list[ipywidgets.Widget] = []
        if self.presets:
            self.preset = ipywidgets.Dropdown(
                options=list(self.presets), description="Preset", tooltip="Set all handles to a block of the paper"
            )
            self.preset.observe(lambda change: self.set(**self.presets[change["new"]]), names="value")
            rows.append(self.preset)
        rows += [*self.controls.values(), HBox([self.pin_button, self.reset_button])]
        for row in rows[:-1]:
            row.layout.width = "auto"
        for control in self.controls.values():
            control.observe(lambda _change: self.refresh(), names="value")
        side = VBox(rows, layout=Layout(width="300px", flex="0 0 300px"))
        main = VBox([self.trouble, self.output], layout=Layout(flex="1 1 560px", min_width="0"))
        self.widget = VBox([self._question, Box([side, main], layout=Layout(flex_flow="row wrap", width="100%"))])
        self.widget.add_class("course-lab")
        self.refresh()

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
        self._is_setting = True
        try:
            for name, value in settings.items():
                self.controls[name].value = value
        finally:
            self._is_setting = False
        self.refresh()

    def pin(self) -> None:
        """Keep the present settings as A."""
        self.pinned = self.settings
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
            self.trouble.value = (
                f'<div role="alert" class="course-trouble" style="border-left:5px solid #D55E00;padding:4px 10px">'
                f"<b>This cannot be.</b> {error} The picture shows the last design that can.</div>"
            )
            return
        self.trouble.value = ""
        self.output.value = view.html
        self.text = re.sub(r"<br/?>", "\n", view.text)
        self.text = re.sub(r"<[^>]+>", "", self.text)
        for name, control in self.controls.items():
            control.disabled = name in view.disabled

    def __repr__(self) -> str:
        return self.text

    def _ipython_display_(self) -> None:
        show_widget(self.widget, text=self.text, html=f"{self._question.value}{self.output.value}")
