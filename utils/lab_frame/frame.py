"""The frame of an interactive lab: a question with handles, and a view that follows them at once.

A lab's computing is a plain function from its settings to a `View`; this module only carries values from the
controls to the function and its pictures back. Pictures are replaced in place, so nothing flickers or jumps.
Dragging a slider queues nothing: the front end sends a new value only when the last one has been answered.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Protocol

import ipywidgets
import traitlets
from ipywidgets import HTML, Box, Button, HBox, Layout, Textarea, ToggleButton, VBox

from utils.lab_frame.paste import Call, calls_in
from utils.page.html import SHEET, Html, bold, box, output, tag
from utils.show.display import Still, show_widget

Settings = dict[str, object]
OWN = "your own"  # the preset that is shown when the handles stand as in none


LABEL = {"description_width": "98px"}  # the style of handles, so that they begin below each other


def slider(value: int, least: int, most: int, name: str, tip: str, step: int = 1) -> ipywidgets.IntSlider:
    """A handle for whole numbers from `least` to `most`."""
    return ipywidgets.IntSlider(value=value, min=least, max=most, step=step, description=name, tooltip=tip, style=LABEL)


def share(value: float, name: str, tip: str, *, most: float = 1.0, step: float = 0.05) -> ipywidgets.FloatSlider:
    """A handle for numbers from 0 to `most`."""
    return ipywidgets.FloatSlider(value=value, min=0, max=most, step=step, description=name, tooltip=tip, style=LABEL)


def choice(value: object, options: Iterable[object], name: str, tip: str) -> ipywidgets.Dropdown:
    """A list to choose from; an option is a value, or a pair of words and a value."""
    return ipywidgets.Dropdown(options=list(options), value=value, description=name, tooltip=tip, style=LABEL)


def stops(value: object, options: Iterable[object], name: str, tip: str) -> ipywidgets.SelectionSlider:
    """A handle with a few places; options as for `choice`."""
    return ipywidgets.SelectionSlider(options=list(options), value=value, description=name, tooltip=tip, style=LABEL)


def buttons(tips: Mapping[str, str], *, width: int, **options: object) -> ipywidgets.ToggleButtons:
    """Buttons of which one is pressed, the first at the beginning: what is on each, and what it says when pointed at."""
    style = {"button_width": f"{width}px"}
    return ipywidgets.ToggleButtons(options=list(tips), tooltips=list(tips.values()), style=style, **options)


@dataclass(frozen=True)
class View:
    """What a lab shows for its settings.

    `words` says in a sentence or two what the settings come to, `html` is the picture under it; both are HTML.
    `disabled` names the controls that have no effect at these settings. `code` is the Python that builds the design;
    a lab whose view gives it can be copied as Python, and takes such code back.
    """

    words: str
    html: str
    disabled: frozenset[str] = frozenset()
    code: str = ""

    @property
    def text(self) -> str:
        """The words without their tags, for where no picture can be shown."""
        return unescape(re.sub(r"<[^>]+>", "", re.sub(r"<br ?/?>", "\n", self.words)))


class Hint(VBox):
    """A control whose tooltip is seen wherever the pointer is on it, whatever its kind.

    By themselves menus, checkboxes and text fields show theirs only if they have no description.
    """

    description = traitlets.Unicode("").tag(sync=True)  # a front end shows the tooltips of widgets without one

    def __init__(self, control: ipywidgets.Widget):
        super().__init__([control], tooltip=control.tooltip, layout=Layout(overflow="visible"))


class Walk:
    """A button that moves a slider through its values, one after another, and stops at the last.

    Nothing piles up: the next value comes some time after the answer to the one before.
    """

    def __init__(self, control: ipywidgets.IntSlider, *, seconds: float = 0.4):
        self.control, self.seconds = control, seconds
        self.widget = ToggleButton(
            description="Play",
            tooltip=f"Walk through {control.description}, to its end; press again to stop",
            layout=Layout(width="auto"),
        )
        self.widget.observe(lambda change: self._turn(is_on=change["new"]), names="value")

    def _turn(self, *, is_on: bool) -> None:
        self.widget.description = "Stop" if is_on else "Play"
        if is_on:
            if self.control.value >= self.control.max:
                self.control.value = self.control.min
            self._later()

    def _later(self) -> None:
        asyncio.get_running_loop().call_later(self.seconds, self._step)

    def _step(self) -> None:
        if not self.widget.value:
            return
        try:
            self.control.value += self.control.step  # it stays at its last value
        except Exception:
            self.widget.value = False
            raise
        if self.control.value >= self.control.max:
            self.widget.value = False
        else:
            self._later()


class Section:
    """A heading that opens and closes what stands under it.

    It is a button, which the keyboard reaches; the headings of ipywidgets' Accordion are not.
    """

    def __init__(self, title: str, content: ipywidgets.Widget, *, is_open: bool = False):
        self.content = content
        self.button = ToggleButton(
            value=is_open,
            description=title,
            tooltip=f"Open or close: {title}",
            layout=Layout(width="auto", margin="2px 0"),
        )
        self.button.add_class("course-section")
        self.button.observe(lambda _change: self._turn(), names="value")
        self.widget = VBox([self.button, content])
        self._turn()

    def _turn(self) -> None:
        is_open = self.button.value
        self.button.icon = "caret-down" if is_open else "caret-right"
        self.content.layout.display = "flex" if is_open else "none"


class Action(Protocol):
    """Something to do with the designs of a lab, such as timing them: a widget that stands under its picture."""

    widget: ipywidgets.Widget

    def designs_changed(self, now: Settings, pinned: Settings | None) -> None:
        """Another design is shown, or pinned."""


class Lab:
    """A question with handles.

    Args:
        question: what the learner finds out with it; HTML.
        controls: widgets by the name that their value has in the settings. Each needs a `tooltip`.
        view: from the settings, and the pinned settings or None, to what is shown. Settings that cannot be are
            explained by raising ValueError with a sentence.
        presets: settings by a name to choose them by; values not named stay as they are.
        groups: names of controls by the heading under which they stand. Those in no group stand above, always seen.
        beside: widgets that move a control in another way, by its name; each stands under its control.
        actions: what can be done with the designs.
        from_code: from the calls of pasted code to settings. Without one, the code is a single call whose keywords are
            named like the handles. It explains by a ValueError what it cannot take.
    """

    def __init__(
        self,
        question: str,
        controls: Mapping[str, ipywidgets.Widget],
        view: Callable[[Settings, Settings | None], View],
        presets: Mapping[str, Settings] | None = None,
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        beside: Mapping[str, ipywidgets.Widget] | None = None,
        actions: Sequence[Action] = (),
        from_code: Callable[[tuple[Call, ...]], Settings] | None = None,
    ):
        self.controls = dict(controls)
        self.actions = tuple(actions)
        self._from_code = from_code or settings_in
        self.view = view
        self.presets = dict(presets or {})
        self.pinned: Settings | None = None
        self.trouble = ""  # why the present settings cannot be, where they cannot
        self._start = self._shown = self.settings
        self._is_setting = False
        self._question = HTML(tag("div", Html(question)))
        # What cannot be is said where the words stand, so that the picture does not move.
        self.words = HTML(layout=Layout(width="auto", min_height="4em"))
        self.output = HTML(layout=Layout(width="auto"))
        self.pin_button = Button(
            description="Pin as A", tooltip="Keep what you see now as A, and compare all that follows with it"
        )
        self.reset_button = Button(description="Start again", tooltip="Put every handle back and unpin A")
        self.pin_button.on_click(lambda _event: self.pin())
        self.reset_button.on_click(lambda _event: self.reset())
        self.preset = ipywidgets.Dropdown(
            options=[*self.presets, OWN], description="Preset", tooltip="Set the handles to a design that has a name"
        )
        self.preset.observe(lambda change: self._choose(change["new"]), names="value")
        self.sections: dict[str, Section] = {}  # by the heading of each group
        for control in (*self.controls.values(), self.preset):
            control.layout.width = "auto"
        rows: list[ipywidgets.Widget] = [Hint(self.preset)] if self.presets else []
        handles = {name: Hint(control) for name, control in self.controls.items()}
        for name, other in (beside or {}).items():
            handles[name] = VBox([handles[name], other])
        groups = {title: [handles[name] for name in names] for title, names in (groups or {}).items()}
        grouped = {id(handle) for members in groups.values() for handle in members}
        rows += [handle for handle in handles.values() if id(handle) not in grouped]
        for number, (title, members) in enumerate(groups.items()):
            self.sections[title] = Section(title, VBox(members), is_open=number == 0)
            rows.append(self.sections[title].widget)
        rows.append(HBox([self.pin_button, self.reset_button]))
        for control in self.controls.values():
            control.observe(lambda _change: self.refresh(), names="value")
        rows.append(HTML(SHEET))
        width = "320px" if groups else "280px"
        side = VBox(rows, layout=Layout(width=width, flex=f"0 0 {width}"))
        main = VBox([self.words, self.output], layout=Layout(flex="1 1 400px", min_width="0"))
        for box_of, name in ((side, "side"), (main, "main")):
            box_of.add_class(f"course-{name}")
        body = Box([side, main], layout=Layout(flex_flow="row wrap", width="100%"))
        body.add_class("course-body")
        first = self.view(self.settings, None)
        self.code = _CodeField(self.use_code)
        below = [action.widget for action in self.actions] + ([self.code.widget] if first.code else [])
        self.widget = VBox([self._question, body, *below])
        self.widget.add_class("course-lab")
        self._still: Still | None = None  # once the lab is shown
        self._show(first)

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

    def use_code(self, text: str) -> None:
        """Move the handles to where pasted code puts them. It is read, and never run.

        Raises:
            ValueError: it cannot be read, or not all of it can be set with these handles.
        """
        settings = self._from_code(calls_in(text))
        for name, value in settings.items():
            if name not in self.controls:
                raise ValueError(f"This lab has no handle for {name}. It has: {', '.join(self.controls)}.")
            _require_fits(name, value, self.controls[name])
        self.set(**settings)
        if self.trouble:
            raise ValueError(self.trouble)

    def pin(self) -> None:
        """Keep the settings of the present picture as A."""
        self.pinned = self._shown
        self.refresh()

    def reset(self) -> None:
        """Every handle as at the start, nothing pinned."""
        self.pinned = None
        self.set(**self._start)

    def refresh(self) -> None:
        """Show the view of the present settings. What cannot be is explained; the last picture stays.

        A mistake in the lab's own code is said in the lab as well, and raised.
        """
        if self._is_setting:
            return
        try:
            self._refresh()
        except Exception as error:
            self._alert("This lab has a mistake.", f"{type(error).__name__}: {error}.")
            raise

    def _refresh(self) -> None:
        try:
            view = self.view(self.settings, self.pinned)
        except ValueError as error:
            self.trouble = str(error)
            self._alert("This cannot be.", f"{self.trouble} The picture shows the last design that can.")
            return
        self._show(view)

    def _alert(self, head: str, words: str) -> None:
        self.words.value = box("wrong", bold(head), f" {words}", role="alert", cls="course-trouble")

    def _show(self, view: View) -> None:
        self.trouble, self.text, self._shown = "", view.text, self.settings
        self.words.value = tag("div", Html(view.words), cls="course-words", role="status")
        self.output.value = tag("div", Html(view.html), cls="course-picture")
        self.code.show(view.code)
        for name, control in self.controls.items():
            control.disabled = name in view.disabled
        fitting = [name for name, preset in self.presets.items() if preset.items() <= self._shown.items()]
        if self.preset.value not in fitting:
            with self._at_once():
                self.preset.value = fitting[0] if fitting else OWN
        for action in self.actions:
            action.designs_changed(dict(self._shown), dict(self.pinned) if self.pinned else None)
        if self._still is not None:
            self._still.follow(self._forms)

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

    def _forms(self) -> dict[str, str]:
        """What stays of the lab where there is no kernel: its state as text and as HTML."""
        shown = Html(self._question.value + self.words.value + self.output.value)
        note = tag("p", "A still picture of this lab. Run its cell to move the handles.", cls="course-quiet")
        return {"text": self.text, "html": output(shown, note)}

    def _ipython_display_(self) -> None:
        self._still = show_widget(self.widget, **self._forms())


def settings_in(calls: tuple[Call, ...]) -> Settings:
    """The settings that stand as keywords in a single call.

    Raises:
        ValueError: several calls, or values without a name.
    """
    if len(calls) > 1 or calls[0].arguments:
        raise ValueError("Paste one call, with each of its values by name, as this lab shows it.")
    return calls[0].keywords


def _require_fits(name: str, value: object, control: ipywidgets.Widget) -> None:
    """Raise a ValueError where a handle cannot stand at a value: it would take another one, and say nothing."""
    if hasattr(control, "options"):
        options = [each[1] if isinstance(each, tuple) else each for each in control.options]
        if not any(type(each) is type(value) and each == value for each in options):
            raise ValueError(f"{name} is {value!r}; here it can be {', '.join(map(repr, options))}.")
    elif isinstance(control.value, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}; it can be True or False.")
    elif hasattr(control, "min"):
        kinds = int if isinstance(control.value, int) else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if not is_number or not control.min <= value <= control.max:
            kind = "whole number" if kinds is int else "number"
            raise ValueError(f"{name} is {value!r}; here it can be a {kind} from {control.min} to {control.max}.")


_COPY = (  # in the page, where the clipboard is; no kernel is needed
    "const text = this.closest('.course-lab').querySelector('.course-code textarea');"
    "const say = words => { this.nextElementSibling.textContent = words; };"
    "const by_hand = () => { text.select();"
    " say(document.execCommand('copy') ? 'Copied.' : 'It is selected now: copy it with your keyboard.'); };"
    "if (navigator.clipboard) navigator.clipboard.writeText(text.value).then(() => say('Copied.'), by_hand);"
    "else by_hand();"
)


class _CodeField:
    """The Python of what a lab shows: to copy, and to paste back."""

    def __init__(self, use: Callable[[str], None]):
        self.field = Textarea(
            description="Python",
            tooltip="The Python that builds what you see; paste such code here to see what it builds",
            layout=Layout(width="auto", height="150px"),
            style={"description_width": "60px"},
        )
        self.field.add_class("course-code")
        self.use_button = Button(
            description="Show this code", tooltip="Move the handles to where the code above puts them"
        )
        self.use_button.on_click(lambda _event: self.use())
        copy = tag(
            "button", "Copy as Python", type="button", cls="jupyter-button widget-button course-copy",
            title="Copy the code to the clipboard", onclick=_COPY,
        ) + Html(' <span role="status"></span>')  # fmt: skip
        self.said = HTML()
        row = HBox([HTML(copy), self.use_button, self.said], layout=Layout(flex_flow="row wrap"))
        self.widget = Section("As Python: copy it, or paste code back", VBox([Hint(self.field), row])).widget
        self._use = use

    def show(self, code: str) -> None:
        """Show the code of another design."""
        self.field.value, self.said.value = code, ""

    def use(self) -> None:
        """What a click on the button does."""
        try:
            self._use(self.field.value)
        except ValueError as error:
            self.said.value = box("wrong", error, role="alert", cls="course-code-trouble")
