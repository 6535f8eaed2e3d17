"""What a lesson answers its learner: checks, hints, solutions, predictions and progress.

Each lesson makes one `Feedback`, adds its exercises to it, and hands `check`, `hint`, `solution`, `predict` and
`progress` to its notebook. Everything shows as HTML in a notebook and as plain text elsewhere.
"""

import ast
import linecache
import math
import os
import re
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from IPython.display import DisplayHandle, display

from utils.feedback.undoing import undone
from utils.page import html
from utils.show.display import Still, is_for_a_page, show_widget
from utils.system.modes import as_torch_starts
from utils.system.places import CHECKOUT
from utils.system.progress_file import change_progress, read_progress

DIFFICULTIES = ("worked", "warm-up", "medium", "hard")
KEPT = "Kept"  # the head of the box that says that a prediction is


class Wrong(Exception):
    """An answer is not right yet; the message says in the learner's terms what to look at."""

    is_searched = False  # has its one slip been looked for?


class Unexplained(Wrong):
    """An answer is not right yet; the message says what was seen, and not yet what it comes from."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: its number in the course ("1.3"), its name, and what is said about it."""

    number: str
    name: str
    title: str
    difficulty: str
    minutes: int
    hints: tuple[str, ...]
    verify: Callable[..., str | None] = field(repr=False)
    reference: object = field(default=None, repr=False)


@dataclass(frozen=True)
class Message:
    """A box in a notebook, a paragraph elsewhere. `tone` is "right", "wrong", "hint" or "note"."""

    tone: str
    head: str
    body: str = ""
    code: str = ""

    _MARKS = {"right": "✔", "wrong": "✘", "hint": "➜", "note": "●"}  # noqa: RUF012 (a constant, not a field)

    def __repr__(self) -> str:
        return "\n".join(filter(None, (f"{self._MARKS[self.tone]} {self.head}", self.body, self.code)))

    @property
    def html(self) -> html.Html:
        """The box as a part of something larger."""
        head = html.bold(f"{self._MARKS[self.tone]} {self.head}")
        body = html.tag("div", html.with_code(self.body)) if self.body else ""
        code = html.tag("pre", self.code) if self.code else ""
        return html.box(self.tone, head, body, code)

    def _repr_html_(self) -> str:
        return html.output(self.html)


@dataclass(frozen=True, repr=False)
class Result(Message):
    """What a check found. It is true when the answer is right."""

    exercise: str = ""

    @property
    def passed(self) -> bool:
        return self.tone == "right"

    def __bool__(self) -> bool:
        return self.passed


class Feedback:
    """The feedback of one lesson.

    Args:
        slug: the lesson's folder name; progress is kept under it.
        source: the lesson's `lesson.md`, from which `solution` reads.
    """

    def __init__(self, slug: str, source: Path):
        self.slug = slug
        self.source = source
        self.exercises: dict[str, Exercise] = {}
        self.predictions: dict[str, Prediction] = {}
        self.check = Checks(self)
        self._bar: DisplayHandle | None = None  # where the progress bar is shown

    def exercise(
        self,
        number: str,
        *,
        title: str,
        difficulty: str,
        minutes: int,
        hints: Sequence[str],
        reference: object = None,
    ) -> Callable[[Callable], Callable]:
        """Make a function the check of an exercise, under the function's name.

        The function takes the learner's answer, raises `Wrong` with a sentence at the first difference, and may
        return a sentence that is shown when the answer is right. `reference` is the course's own answer, which `use`
        puts in the place of one that is not right yet.

        Raises:
            ValueError: the number or the name is taken, or the difficulty is not one of `DIFFICULTIES`.
        """
        if difficulty not in DIFFICULTIES:
            raise ValueError(f"difficulty is {difficulty!r}; it can be {', '.join(DIFFICULTIES)}.")

        def register(verify: Callable) -> Callable:
            name = verify.__name__
            taken = [e for e in self.exercises.values() if e.number == number or e.name == name]
            if taken:
                raise ValueError(f"Exercise {number} ({name}): that number or name is taken by {taken[0]}.")
            self.exercises[name] = Exercise(number, name, title, difficulty, minutes, tuple(hints), verify, reference)
            return verify

        return register

    def numbered(self, number: str) -> Exercise:
        """The exercise of that number.

        Raises:
            ValueError: there is none; the message lists those there are.
        """
        for entry in self.exercises.values():
            if entry.number == str(number):
                return entry
        known = ", ".join(f"{entry.number} ({entry.title})" for entry in self.exercises.values())
        raise ValueError(f"There is no exercise {number!r} in this lesson. There are: {known}.")

    def judge(self, entry: Exercise, answer: tuple, options: dict) -> Result:
        """Run one check, keep a pass in the progress file, and put the outcome in words."""
        name = f"Exercise {entry.number}, {entry.title}"
        try:
            said = _verified(entry, *answer, **options)
        except Wrong as wrong:
            said = self._with_earlier(entry, answer, options)
            if not said:
                is_open = (_is_open(wrong) or _has_arguments(answer)) and not wrong.is_searched
                slip = self._undone(entry, answer, options, wrong.__cause__) if is_open else ""
                said = " ".join(filter(None, (str(wrong), slip)))
            return Result("wrong", f"{name}: not yet", said, exercise=entry.name)
        except Exception as error:
            if isinstance(error, NotImplementedError) and (not str(error) or _STUB.match(str(error))):
                said = self._about_stub(entry, answer, str(error))
                return Result("wrong", f"{name}: not written yet", said, exercise=entry.name)
            said = self._with_earlier(entry, answer, options)
            if not said:
                said = " ".join(filter(None, (explain(error), self._undone(entry, answer, options, error))))
            return Result("wrong", f"{name}: your code stopped", said, exercise=entry.name)
        note = self._note(lambda lesson: lesson.setdefault("passed", {}).setdefault(entry.name, _now()))
        if self._bar is not None:
            self._bar.update(ProgressBar(self)._forms(), raw=True)
        said = said or "It gives what the course's own answer gives."
        return Result("right", f"{name}: right", " ".join(filter(None, (said, note))), exercise=entry.name)

    def _about_stub(self, entry: Exercise, answer: tuple, message: str) -> str:
        """What to say of a stub that is left: this exercise's, or that of another one which the answer calls."""
        other = _STUB.match(message)
        if other and other[1] != entry.number:
            return (
                f"It calls what you write in exercise {other[1]}, and that is still empty. Write exercise {other[1]} "
                "first, or do without it here."
            )
        # What is no plain function is a class, or something made of one.
        is_function = all(isinstance(each, FunctionType) for each in answer)
        where = "" if is_function else "; a class can have one in `__init__` and one in `forward`"
        return f'Replace each line that raises NotImplementedError{where}. `hint("{entry.number}")` helps you to start.'

    def _with_earlier(self, entry: Exercise, answer: tuple, options: dict) -> str:
        """What to say where the answer calls earlier exercises of this lesson that are not right; "" where it does not.

        The check runs once more with the course's own answers in their places.
        """
        called = [_names_called(each) for each in answer]
        places: list[tuple[dict, str, object, Exercise]] = []
        for other in self.exercises.values():
            name = _defined(self.source, other.number) if other.reference is not None else ""
            for scope, names in called if name and _order(other.number) < _order(entry.number) else ():
                if name in names and name in scope:
                    try:
                        _verified(other, scope[name])
                    except Exception:
                        places.append((scope, name, scope[name], other))
        if not places:
            return ""
        _, name, _, first = places[0]
        try:
            for scope, own, _, other in places:
                scope[own] = other.reference
            _verified(entry, *answer, **options)
        except Wrong as wrong:
            return f"{wrong} (Tried with the course's own exercise {first.number}, as your `{name}` is not right yet.)"
        except Exception as error:
            return explain(error)
        finally:
            for scope, own, mine, _ in places:
                scope[own] = mine
        return (
            f"What you write here is right, and it calls your `{name}` of exercise {first.number}, which is not: with the course's own "
            f"in its place this check passes. `check.{first.name}({name})` says what is wrong there."
        )

    def _undone(
        self, entry: Exercise, answer: tuple[Any, ...], options: dict[str, Any], error: BaseException | None
    ) -> str:
        """A sentence about the one slip in the answer without which its check passes; "" for none."""

        def is_right(edited: object) -> bool:
            try:
                _verified(entry, edited, *answer[1:], **options)
            except Exception:
                return False
            return True

        return undone(answer[0], is_right, error=error) if answer else ""

    def use(self, number: str, answer: object) -> object:
        """The learner's answer if it passes its check, else the course's own, with a sentence that says so.

        Cells further down work with what this returns, so that an exercise left open stops nobody.
        """
        entry = self.numbered(number)
        if self.judge(entry, (answer,), {}):
            return answer
        text = f"Exercise {number} does not pass its check yet, so this cell goes on with the course's own answer."
        display(Message("note", "The course's own is used", text))
        return entry.reference

    def hint(self, number: str) -> Message:
        """The next hint for an exercise: from a direction to look in to nearly the answer."""
        try:
            entry = self.numbered(number)
        except ValueError as error:
            return Message("wrong", "No hint", str(error))
        given = self._lesson().get("hints", {}).get(entry.name, 0)
        step = min(given + 1, len(entry.hints))
        self._note(lambda lesson: lesson.setdefault("hints", {}).__setitem__(entry.name, step))
        more = (
            f'Ask again for the next: `hint("{entry.number}")`.'
            if step < len(entry.hints)
            else f'That was the last hint. `solution("{entry.number}")` shows the whole.'
        )
        head = f"Hint {step} of {len(entry.hints)} for exercise {entry.number}"
        return Message("hint", head, f"{entry.hints[step - 1]} {more}")

    def solution(self, number: str) -> Message:
        """The worked solution of an exercise, as the lesson's source has it."""
        try:
            entry = self.numbered(number)
        except ValueError as error:
            return Message("wrong", "No solution", str(error))
        self._note(lambda lesson: lesson.setdefault("solutions", {}).setdefault(entry.name, _now()))
        head = f"A solution of exercise {entry.number}, {entry.title}"
        body = "One way among several. Close it, and write yours from memory."
        return Message("hint", head, body, solution_of(self.source, entry.number))

    def predict(
        self,
        name: str,
        question: str = "",
        *,
        choices: Sequence[str] | None = None,
        unit: str = "",
        answer: object = None,
    ) -> "Prediction":
        """Ask the learner for a guess, a number or one of `choices`; kept, and shown when `truth` is called.

        A lesson's notebook has the question as text above the cell: there it is not given, and known from the lesson's source.
        Without a front end, or to answer in code, pass `answer=`.

        Raises:
            ValueError: no question is given, and the lesson asks none of this name.
        """
        prediction = Prediction(
            self, name, question or self._question(name), tuple(choices or ()), unit, stands_above=not question
        )
        self.predictions[name] = prediction
        if answer is not None:
            try:
                said = prediction.commit(answer)
            except ValueError as error:
                said = Message("wrong", "Not kept", str(error))
            if said.head != KEPT:
                display(said)
        return prediction

    def _question(self, name: str) -> str:
        known = questions_of(self.source)
        if name not in known:
            raise ValueError(
                f"This lesson asks no question {name!r}; it has {', '.join(known)}. Give your own as the second argument."
            )
        return known[name]

    def truth(self, name: str, value: object, explanation: str = "", *, within: float = 0.0) -> None:
        """Show the learner's prediction beside what came out, wherever the call stands, and close the prediction.

        A count is right or wrong. Where the question asks for an estimate, `within` says how far off it may be, as a
        share of the truth.
        """
        if name in self.predictions:
            display(self.predictions[name].compare(value, explanation, within=within))
            return
        asked = f" Asked so far: {', '.join(self.predictions)}." if self.predictions else ""
        text = f'Run the cell with `predict("{name}", ...)` further up first, and then this one once more.{asked}'
        display(Message("wrong", f'The prediction "{name}" was not asked yet', text))

    def progress(self) -> "ProgressBar":
        """The bar of this lesson. It grows by itself when a check passes further down."""
        return ProgressBar(self)

    def done(self) -> list[Exercise]:
        """The exercises that the learner has passed."""
        passed = self._lesson().get("passed", {})
        return [entry for entry in self.exercises.values() if entry.name in passed]

    def _lesson(self) -> dict:
        return read_progress()[0].get("lessons", {}).get(self.slug, {})

    def _note(self, change: Callable[[dict], object]) -> str:
        """Change this lesson's part of the progress file; what the learner should know about it comes back."""
        return change_progress(lambda data: change(data.setdefault("lessons", {}).setdefault(self.slug, {})))


class Checks:
    """`check.<exercise>(answer)`: one call for each exercise of the lesson."""

    def __init__(self, feedback: Feedback):
        self._feedback = feedback

    def __getattr__(self, name: str) -> Callable[..., Result]:
        entry = self._feedback.exercises.get(name)
        if entry is None:
            known = ", ".join(self._feedback.exercises)
            raise AttributeError(f"There is no check {name!r} in this lesson. There are: {known}.")

        def check(*answer: object, **options: object) -> Result:
            return self._feedback.judge(entry, answer, options)

        check.__name__ = name
        check.__doc__ = f"Check exercise {entry.number}, {entry.title}."
        return check

    def __dir__(self) -> list[str]:
        return list(self._feedback.exercises)


class Prediction:
    """A question that the learner answers before anything runs. One that stands above as text is not shown once more."""

    def __init__(
        self,
        feedback: Feedback,
        name: str,
        question: str,
        choices: tuple[str, ...],
        unit: str,
        *,
        stands_above: bool = False,
    ):
        self.feedback, self.name, self.question, self.stands_above = feedback, name, question, stands_above
        self.choices, self.unit = choices, unit
        self._widget = None
        self._still: Still | None = None  # once the question is shown

    @property
    def answer(self) -> object:
        """The learner's guess, or None."""
        return self._kept().get("answer")

    def commit(self, answer: object) -> Message:
        """Keep a guess. It can be changed until the truth has been shown.

        Raises:
            ValueError: not one of the choices, or not a number where a number is asked.
        """
        if self.choices:
            answer = {_plain(choice): choice for choice in self.choices}.get(_plain(answer), answer)
            if answer not in self.choices:
                raise ValueError(f"The answer is {answer!r}; choose one of: {', '.join(map(repr, self.choices))}.")
        else:
            try:
                answer = _as_number(answer)
            except (TypeError, ValueError):
                unit = f", in {self.unit}" if self.unit else ""
                raise ValueError(f"The answer is {answer!r}; a number is asked{unit}.") from None
        if self._kept().get("truth") is not None:
            return Message("note", "The truth is out", f"Your prediction stays as it was: {self._text(self.answer)}.")
        note = self.feedback._note(
            lambda lesson: lesson.setdefault("predictions", {}).__setitem__(self.name, {"answer": answer, "at": _now()})
        )
        if self._still is not None:
            self._still.follow(self._forms)
        kept = f"You predict {self._text(answer)}. It will stand beside the truth further down. {note}".strip()
        return Message("note", KEPT, kept)

    def compare(self, value: object, explanation: str = "", *, within: float = 0.0) -> "Message | _Revealed":
        """The guess beside the truth; one that is off by no more than this share of it is right."""
        answer = self.answer
        if answer is None:
            if is_for_a_page():
                return _Revealed(self, value, explanation, within)
            head = f"The truth: {self._text(value)}"
            return Message("note", head, f"You made no prediction for this one. {explanation}".strip())
        self.feedback._note(lambda lesson: lesson["predictions"][self.name].__setitem__("truth", value))
        head = f"You predicted {self._text(answer)}. The truth: {self._text(value)}"
        is_right = _near(answer, value, within)
        if is_right and answer != value:
            explanation = (
                f"It is an estimate: what is off by {100 * within:g} % or less counts as right. {explanation}".strip()
            )
        return Message("right" if is_right else "note", head, explanation)

    def _kept(self) -> dict:
        return self.feedback._lesson().get("predictions", {}).get(self.name, {})

    def _text(self, value: object) -> str:
        if isinstance(value, float):
            value = int(value) if value.is_integer() else round(value, 4)
        text = f"{value:,}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
        return f"{text} {self.unit}".strip()

    def __repr__(self) -> str:
        choices = f" Choose one of: {', '.join(self.choices)}." if self.choices else ""
        example = repr(self.choices[0]) if self.choices else "12"
        end = f"To answer here, add `answer={example}` to the call."
        if self.answer is not None:
            end = f"You said: {self._text(self.answer)}."
        return f"● {self.question}{choices} {end}"

    def _forms(self) -> dict[str, str]:
        """What stays of the question where there is no kernel: the choices, and what was answered."""
        choices = html.tag("ul", *(html.tag("li", choice) for choice in self.choices)) if self.choices else ""
        answer = (
            html.tag("p", "Run this cell to answer.", cls="course-quiet") if self.answer is None else self.kept.html
        )
        return {"text": repr(self), "html": html.output(self.asked, choices, answer)}

    def _ipython_display_(self) -> None:
        self._still = show_widget(self.widget(), **self._forms(), page=self.page())

    @property
    def asked(self) -> html.Html:
        """The question as HTML; nothing where it stands above."""
        if self.stands_above:
            return html.Html("")
        return html.tag("div", html.bold("Predict."), " ", html.with_code(self.question))

    @property
    def kept(self) -> Message:
        """The box that says which guess is kept."""
        return Message("note", KEPT, f"You predict {self._text(self.answer)}.")

    def page(self) -> str:
        """The question as a form for a page without a kernel: the page keeps the guess, and shows it with the truth."""
        name = f"{self.feedback.slug}.{self.name}"
        if self.choices:
            entries = [
                html.tag("label", html.tag("input", type="radio", name=name, value=choice), " ", choice)
                for choice in self.choices
            ]
        else:
            field_ = html.tag("input", type="text", inputmode="decimal", name=name, size=12)
            entries = [html.tag("label", "Your guess: ", field_, " ", self.unit)]
        legend, label = html.tag("legend", html.bold("Predict."), " ", html.with_code(self.question)), None
        if self.stands_above:
            legend, label = html.Html(""), self.question
        said = html.tag("output", "")
        fields = html.tag("fieldset", legend, *entries, said, aria_label=label)
        return html.tag("form", fields, cls="course-predict", data_name=name)

    def widget(self):
        """The question with its choices or its number field, as a widget."""
        if self._widget is None:
            self._widget = _prediction_widget(self)
        return self._widget


@dataclass(frozen=True)
class _Revealed:
    """The truth of a prediction for a page without a kernel: folded, until the reader opens it."""

    prediction: Prediction
    value: object
    explanation: str
    within: float

    def __repr__(self) -> str:
        return f"● The truth: {self.prediction._text(self.value)}"

    def _repr_html_(self) -> str:
        prediction = self.prediction
        return html.tag(
            "details",
            html.tag("summary", "The truth about: ", html.with_code(prediction.question)),
            html.tag("output", ""),
            html.bold(f"The truth: {prediction._text(self.value)}"),
            html.tag("div", html.with_code(self.explanation)),
            cls="course-truth",
            data_name=f"{prediction.feedback.slug}.{prediction.name}",
            data_value=self.value,
            data_within=str(self.within),
        )


def _prediction_widget(prediction: Prediction):
    import ipywidgets

    question = ipywidgets.HTML(html.SHEET + prediction.asked)
    said = ipywidgets.HTML()
    kept = prediction.answer
    if prediction.choices:
        entry = ipywidgets.RadioButtons(
            options=prediction.choices, value=kept, description="", layout={"width": "max-content"}
        )
    else:
        entry = ipywidgets.Text(
            value="" if kept is None else prediction._text(kept).removesuffix(prediction.unit).strip(),
            placeholder="a number",
            description="Your guess:",
            continuous_update=False,  # a click on the button comes behind the whole number, however fast it was typed
            layout={"width": "220px"},
        )
    entry.tooltip = prediction.question
    button = ipywidgets.Button(description="Keep my prediction", tooltip="Keep this guess until the truth appears")

    def say(message: Message) -> None:
        said.value = message.html

    def keep() -> None:
        if entry.value in (None, ""):
            say(Message("wrong", "Not kept", "Choose one first." if prediction.choices else "Write a number first."))
            return
        try:
            say(prediction.commit(entry.value))
        except ValueError as error:
            say(Message("wrong", "Not kept", str(error)))

    entered = -math.inf  # when the Enter key was heard of in the number's field, or a click on the button behind it

    def enter(_entry: object, content: dict[str, object], _buffers: object) -> None:
        nonlocal entered
        if content.get("event") == "submit":
            entered = time.monotonic()
            keep()

    def changed(_change: object) -> None:
        """The front sends the key before the number that it ends: what was kept at the key was the number before.

        So it is with a click, where the front still waits for the answer to an earlier number.
        """
        nonlocal entered
        if time.monotonic() - entered < 2:
            entered = -math.inf
            keep()

    def click(_button: object) -> None:
        nonlocal entered
        if not prediction.choices:
            entered = time.monotonic()
        keep()

    button.on_click(click)
    entry.on_msg(enter)
    entry.observe(changed, "value")
    if kept is not None:
        say(prediction.kept)
    if prediction.choices:
        handles = [entry, button]
    else:
        unit = ipywidgets.HTML(html.text(prediction.unit))
        handles = [ipywidgets.HBox([entry, unit, button], layout={"align_items": "center"})]
    box = ipywidgets.VBox([question, *handles, said])
    box.add_class("course-predict")
    box.add_class("course-widget")
    return box


@dataclass(frozen=True)
class ProgressBar:
    """The exercises of a lesson, done and still to do."""

    feedback: Feedback

    def __repr__(self) -> str:
        done, every = len(self.feedback.done()), len(self.feedback.exercises)
        return f"[{'#' * done}{'.' * (every - done)}] {done} of {every} exercises passed"

    def _repr_html_(self) -> str:
        done = {entry.name for entry in self.feedback.done()}
        cells = (
            html.badge(
                f"✔ {entry.number}" if entry.name in done else entry.number,
                "passed" if entry.name in done else "",
                title=f"{entry.number} {entry.title}: {'passed' if entry.name in done else 'to do'}",
            )
            for entry in self.feedback.exercises.values()
        )
        every = len(self.feedback.exercises)
        said = {"aria-label": "Exercises passed", "aria-valuetext": f"{len(done)} of {every}"}
        values = {"aria-valuemin": 0, "aria-valuemax": every, "aria-valuenow": len(done)}
        words = f" {len(done)} of {every} exercises passed"
        return html.output(html.tag("div", *cells, words, role="progressbar", cls="course-progress", **values, **said))

    def _ipython_display_(self) -> None:
        self.feedback._bar = display(self._forms(), raw=True, display_id=True)

    def _forms(self) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


@dataclass(frozen=True)
class Overview:
    """Progress through several lessons, as a table."""

    lessons: tuple[tuple[str, Feedback], ...]

    def _lines(self) -> list[tuple[str, int, int]]:
        return [(title, len(feedback.done()), len(feedback.exercises)) for title, feedback in self.lessons]

    def __repr__(self) -> str:
        width = max(len(title) for title, _ in self.lessons)
        return "\n".join(f"{title:<{width}}  {done:>2} of {every}" for title, done, every in self._lines())

    def _repr_html_(self) -> str:
        rows = (
            (title, html.tag("progress", max=every, value=done), f"{done} of {every}")
            for title, done, every in self._lines()
        )
        head = ("lesson", "progress", "passed")
        return html.output(html.table(rows, head=head, caption="Exercises passed"))


# Solutions are read from the lesson's source, so that they cannot differ from what the tests run.

_CELL = re.compile(r"^```\{code-cell\}.*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n", re.MULTILINE)


def solution_of(source: Path, number: str) -> str:
    """The code of the cell of that exercise in a lesson's source, with its solution in and the markers out.

    Raises:
        ValueError: the source has no such exercise.
    """
    for match in _CELL.finditer(source.read_text(encoding="utf-8")):
        options, code = split_options(match[1])
        if f'exercise: "{number}"' in options:
            return _MARKER.sub("", code).strip()
    raise ValueError(f"{source.name} has no cell for exercise {number}.")


def questions_of(source: Path) -> dict[str, str]:
    """The questions that a lesson's source asks with `predict("name", "question", ...)`, by their names."""
    calls = (split_options(match[1])[1].strip() for match in _CELL.finditer(source.read_text(encoding="utf-8")))
    asked = (predict_call(code).args for code in calls if code.startswith(PREDICT))
    return {ast.literal_eval(name): ast.literal_eval(question) for name, question in asked}


PREDICT = "predict("  # a cell that asks for a prediction is this one call


def predict_call(code: str) -> ast.Call:
    """The call that such a cell is."""
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    return call


def _defined(source: Path, number: str) -> str:
    """The name under which a lesson's cell defines its answer to an exercise; "" where it has no such cell."""
    try:
        found = re.search(r"^(?:def|class) (\w+)", solution_of(source, number), re.MULTILINE)
    except (OSError, ValueError):
        return ""
    return found[1] if found else ""


# In a sentence that says what was seen, and not what it comes from.
_SEEN_ALONE = re.compile(r"largest difference|infinite or no number|torch says|stopped with \w+Error")


def _verified(entry: Exercise, *answer: Any, **options: Any) -> str | None:
    """What its check says.

    Raises:
        Wrong: the answer is not right yet, or it leaves torch another one than it was.
        Exception: what the learner's code raises.
    """
    said: str | None = None
    error: Exception | None = None
    with as_torch_starts() as left:
        try:
            said = entry.verify(*answer, **options)
        except Exception as raised:
            error = raised
    if left:  # what else is wrong may come of it
        wrong = Wrong(left[0])
        wrong.is_searched = True
        raise wrong from error
    if error is not None:
        raise error
    return said


def _is_open(wrong: Wrong) -> bool:
    """Does a sentence leave the cause open?"""
    return isinstance(wrong, Unexplained) or bool(_SEEN_ALONE.search(str(wrong)))


def tells_why(error: BaseException) -> bool:
    """Has a check in an assignment's test, whose sentence the test passes on, told what a difference comes from?"""
    return isinstance(error.__context__, Wrong) and not _is_open(error.__context__)


def _has_arguments(answer: tuple[Any, ...]) -> bool:
    """Is it a function of something? In one of nothing, what is written down is chosen, and no slip."""
    return bool(answer) and isinstance(answer[0], FunctionType) and answer[0].__code__.co_argcount > 0


def _order(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))


def _names_called(answer: object) -> tuple[dict, set[str]]:
    """(its global names, those of them that a function or class uses, through the functions that it calls too)."""
    functions = [answer] if isinstance(answer, FunctionType) else []
    if isinstance(answer, type):
        functions = [each for each in vars(answer).values() if isinstance(each, FunctionType)]
    scope = functions[0].__globals__ if functions else {}
    names: set[str] = set()
    codes = [function.__code__ for function in functions]
    while codes:
        code = codes.pop()
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        for name in set(code.co_names) - names:
            names.add(name)
            parts = vars(scope[name]).values() if isinstance(scope.get(name), type) else [scope.get(name)]
            codes += [part.__code__ for part in parts if isinstance(part, FunctionType) and part.__globals__ is scope]
    return scope, names


def split_options(cell: str) -> tuple[str, str]:
    """A MyST code cell's option lines (":key: value") and its code."""
    lines = cell.splitlines(keepends=True)
    start = next((i for i, line in enumerate(lines) if not line.startswith(":")), len(lines))
    return "".join(lines[:start]), "".join(lines[start:])


# What a stub raises, as `course.build` writes it. torch raises NotImplementedError as well, for reasons of its own.
_STUB = re.compile(r"Exercise ([\d.]+),")


def explain(error: BaseException) -> str:
    """An exception from the learner's code in words, with the line that it came from."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(str(CHECKOUT)) and "site-packages" not in frame.filename
        and not frame.filename.startswith(os.path.dirname(os.__file__))
        and (frame.filename, frame.name) != ("<string>", "__init__")  # which @dataclass has written
    ]  # fmt: skip
    place = ""
    if own:
        line = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip()
        place = f" It happened in line {own[-1].lineno} of your code" + (f": `{line}`." if line else ".")
    unpacked = re.fullmatch(r"not enough values to unpack \(expected (\d+), got (\d+)\)", str(error))
    missing = int(unpacked[1]) - int(unpacked[2]) if unpacked else 0
    more = (
        f" Of {unpacked[1]} things that are taken apart, {missing} {'is' if missing == 1 else 'are'} missing."
        if unpacked
        else ""
    )
    return f"{type(error).__name__}: {str(error).removesuffix('.')}.{place}{more}"


def article(thing: object) -> str:
    """What a thing is, with its article: "an int", "a Tensor", "nothing (None)"."""
    name = type(thing).__name__
    if thing is None:
        return "nothing (None)"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _near(answer: object, value: object, within: float) -> bool:
    if isinstance(answer, (int, float)) and isinstance(value, (int, float)):
        return abs(answer - value) <= (within + 1e-9) * abs(value)  # 1e-9: to rounding
    return answer == value


def _as_number(answer: object) -> float:
    """A number as people write it: "1,088" and "1.5", and "97,5" with a decimal comma.

    Raises:
        ValueError, TypeError: it is no number, or not a finite one.
    """
    if isinstance(answer, str):
        text = answer.strip()
        has_thousands = re.fullmatch(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", text)
        answer = text.replace(",", "" if has_thousands else ".")
    number = float(answer)
    if not math.isfinite(number):
        raise ValueError(f"{answer} is not finite")
    return number


def _plain(choice: object) -> str:
    """A choice as a keyboard has it: "3x3" stands for "3×3"."""
    return str(choice).strip().lower().replace("×", "x")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
