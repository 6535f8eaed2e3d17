"""From `lessons/<slug>/lesson.md` to `notebooks/NN_slug.ipynb`: solutions out, stubs in, the same bytes each time."""

import ast
import base64
import importlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from course.links import configured, links
from course.syllabus import LESSONS, Lesson
from course.workspace import digest, is_edited, shown
from utils.feedback.exercises import PREDICT, Feedback, predict_call
from utils.system.files import write_whole
from utils.system.places import NOTEBOOKS

GET_IT = "The course is not installed here. Get its folder, run `make lab` in it, and open this lesson there"
NOT_FETCHED = "The course could not be fetched, as git says above. Is the network on (on Kaggle: Settings, Internet)?"
SERVICES = {
    "colab": "Colab",
    "kaggle": "Kaggle",
    "binder": "Binder",
    "codespaces": "Codespaces",
    "nbgitpuller": "the class's hub",
}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
_REFERENCES = {
    "check": re.compile(r"\bcheck\.(\w+)\("),
    "exercise": re.compile(r"\b(?:hint|solution|use)\(\"([\d.]+)\""),
    "truth": re.compile(r"\btruth\(\s*\"(\w+)\""),
    "link": re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|#|mailto:)([^)\s]+)\)"),
}


class SourceError(ValueError):
    """A lesson's source is broken; the message begins with the file and the line."""

    def __init__(self, path: Path, line: int, message: str):
        super().__init__(f"{shown(path)}:{line}: {message}")


@dataclass(frozen=True)
class Built:
    """What `build` did about one notebook, and the sentence that tells of it."""

    path: Path
    changed: bool
    sentence: str


def feedback_of(lesson: Lesson) -> Feedback:
    """The feedback object of a lesson, which knows its exercises."""
    feedback: Feedback = importlib.import_module(f"lessons.{lesson.slug}.checks").feedback
    return feedback


def build(lessons: Iterable[Lesson] = LESSONS, into: Path = NOTEBOOKS) -> list[Built]:
    """Write the learners' notebooks. One that somebody has edited is kept under another name, which is told.

    Raises:
        SourceError: a lesson's source is broken: file, line and reason.
    """
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in lessons:
        path = into / lesson.notebook
        content = nbformat.writes(alone(lesson)).encode() + b"\n"
        if path.exists() and path.read_bytes() == content:
            written.append(Built(path, False, f"{shown(path)} is up to date."))
            continue
        kept = ""
        if path.exists() and is_edited(path):
            aside = _free_name(path)
            path.rename(aside)
            kept = f" It had been edited: that version is kept as {shown(aside)}."
        write_whole(path, content)
        written.append(Built(path, True, f"{shown(path)} is written.{kept}"))
    return written


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.stem}.edited-{number}.ipynb")).exists():
        number += 1
    return aside


def student(lesson: Lesson) -> NotebookNode:
    """The notebook that a learner gets: every solution is a stub that names its exercise."""
    return _notebook(lesson, solved=False)


def alone(lesson: Lesson, repository: str | None = None) -> NotebookNode:
    """The learner's notebook as a file: it can be opened by itself, and has buttons that do so where the course is published.

    repository: in place of the configured one.
    """
    repository = configured("repository") if repository is None else repository
    notebook = student(lesson)
    first = next(number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    metadata = {"jupyter": {"source_hidden": True}, "tags": ["alone"]}
    added = [nbformat.v4.new_code_cell(_first_cell(repository), id="alone", metadata=metadata)]
    there = links(lesson, repository)
    if there:
        text = "Open it in " + " · ".join(f"[{SERVICES[name]}]({address})" for name, address in there.items())
        added.insert(0, nbformat.v4.new_markdown_cell(text, id="links"))
    notebook.cells[first:first] = added
    notebook.metadata["course"]["digest"] = digest(notebook)
    nbformat.validate(notebook)
    return notebook


def _first_cell(repository: str) -> str:
    if repository:
        fetch = [
            "import os, sys",
            f"if not os.path.isdir('inception-course/utils') and os.system('git clone --depth=1 \"{repository}\" inception-course'):",
            f'    raise ModuleNotFoundError("{NOT_FETCHED}") from None',
            'sys.path.insert(0, "inception-course")',
            'sys.modules.pop("utils", None)  # another one of this name, which was found first',
            "from utils.setup.alone import prepare",
        ]
        says = (
            "Alone, as on Colab or Kaggle (switch its Internet on), this fetches the course and installs what it needs."
        )
    else:
        fetch = [
            "import sys",
            'other = getattr(sys.modules.get("utils"), "__file__", None)',
            f'raise ModuleNotFoundError("{GET_IT}" + (f"; in the way is {{other}}." if other else ".")) from None',
        ]
        says = "On a machine without the course, this says how to get it."
    lines = ["try:", "    from utils.setup.alone import prepare", "except ModuleNotFoundError:"]
    return "\n".join([f"# {says}", *lines, *(f"    {line}" for line in fetch), "prepare()"])


def solved(lesson: Lesson) -> NotebookNode:
    """The same notebook with the solutions in, for tests."""
    return _notebook(lesson, solved=True)


def _notebook(lesson: Lesson, *, solved: bool) -> NotebookNode:
    path = lesson.folder / "lesson.md"
    text = path.read_text(encoding="utf-8")
    feedback = feedback_of(lesson)
    examine(text, path, feedback)
    source = jupytext.reads(text, fmt="md:myst")
    cells = []
    for number, cell in enumerate(source.cells):
        exercise = cell.metadata.get("exercise")
        if exercise is not None:
            entry = feedback.numbered(exercise)
            stub = f'raise NotImplementedError("Exercise {exercise}, {entry.title}: write this part.")'
            cell.source = _without_markers(cell.source) if solved else _with_stub(cell.source, stub)
        if number == 0:
            cell.source = re.sub(r"\A# .*", lambda head: f"{head[0]}\n\n{here(lesson)}", cell.source)
        metadata = {key: cell.metadata[key] for key in ("exercise", "tags") if key in cell.metadata}
        new: Callable[..., NotebookNode] = (
            nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        )
        made = new(cell.source, id=f"{lesson.slug.replace('_', '-')}-{number:03d}", metadata=metadata)
        if cell.cell_type == "markdown":
            _attach(made, lesson.folder)
        elif cell.source.startswith(PREDICT):
            question, made.source = _asked(cell.source)
            cells.append(nbformat.v4.new_markdown_cell(question, id=f"{made.id}-asked"))
        cells.append(made)
    notebook: NotebookNode = nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    notebook.metadata["course"] = {"slug": lesson.slug, "digest": digest(notebook)}
    nbformat.validate(notebook)
    return notebook


def here(lesson: Lesson) -> str:
    """Where a lesson stands in the course, in a line: the one before, this one, the one after, and how long it takes."""
    at = LESSONS.index(lesson)
    around = LESSONS[max(at - 1, 0) : at + 2]
    names = (f"{each.number:02d} {each.title}" for each in around)
    way = " → ".join(
        f"**{name}**" if each is lesson else f"[{name}]({each.notebook})"
        for each, name in zip(around, names, strict=True)
    )
    return f"*You are here:* {way} · lesson {at + 1} of {len(LESSONS)}, about {lesson.minutes} minutes"


def _attach(cell: NotebookNode, folder: Path) -> None:
    """Put the pictures that lie beside a lesson's source into the cell that shows them: a notebook is then one file."""
    names = re.findall(r"!\[[^\]]*\]\(([\w-]+\.png)\)", cell.source)
    for name in names:
        cell.source = cell.source.replace(f"]({name})", f"](attachment:{name})")
    if names:
        cell.attachments = {
            name: {"image/png": base64.b64encode((folder / name).read_bytes()).decode()} for name in names
        }


def _with_stub(code: str, stub: str) -> str:
    lines, inside = [], False
    for line in code.splitlines():
        if line.strip() == BEGIN:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [f"{indent}# YOUR CODE HERE", f"{indent}{stub}"]
            inside = True
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def _asked(code: str) -> tuple[str, str]:
    """A prediction's question as text, which is there before anything runs, and the call that takes the answer below it."""
    call = predict_call(code)
    name, question = call.args
    segments = [ast.get_source_segment(code, each) for each in (name, *(keyword.value for keyword in call.keywords))]
    names = ["", *(f"{keyword.arg}=" for keyword in call.keywords)]
    arguments = [f"{key}{segment}" for key, segment in zip(names, segments, strict=True)]
    line = f"{PREDICT}{', '.join(arguments)})"
    if len(line) > 88 or "\n" in line:
        line = "\n".join([PREDICT, *(f"    {argument}," for argument in arguments), ")"])
    return f"**Predict.** {ast.literal_eval(question)}", line


def _without_markers(code: str) -> str:
    return "\n".join(line for line in code.splitlines() if line.strip() not in (BEGIN, END))


def examine(text: str, path: Path, feedback: Feedback) -> None:
    """Look for what would break a lesson: markers, exercises and references that do not fit together.

    Raises:
        SourceError: the first of them, with its line.
    """
    opened: int | None = None  # the line of the last BEGIN that has no END yet
    cell: int | None = None  # the line at which the present code cell starts
    exercise: str | None = None
    has_solution = False
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.strip()
        if word.startswith("```"):
            if cell is not None:
                if opened is not None:
                    raise SourceError(path, opened, f"{BEGIN} has no {END} in its cell.")
                if exercise and not has_solution and feedback.numbered(exercise).difficulty != "worked":
                    raise SourceError(path, cell, f"Exercise {exercise} has no {BEGIN} … {END} in its cell.")
            cell = number if word.startswith("```{code-cell}") else None
            exercise, has_solution = None, False
        if (found := re.match(r':exercise:\s*"?([^"\s]+)"?', word)) and cell is not None:
            exercise = found[1]
            if exercise in seen:
                raise SourceError(path, number, f"Exercise {exercise} stands in line {seen[exercise]} already.")
            seen[exercise] = number
            if exercise not in {entry.number for entry in feedback.exercises.values()}:
                raise SourceError(path, number, f"Exercise {exercise} has no check in checks.py.")
        if word == BEGIN:
            if opened is not None or exercise is None:
                reason = "stands inside another" if opened is not None else "is in a cell without an :exercise: line"
                raise SourceError(path, number, f"{BEGIN} {reason}.")
            opened, has_solution = number, True
        elif word == END:
            if opened is None:
                raise SourceError(path, number, f"{END} has no {BEGIN} before it in its cell.")
            opened = None
    _examine_references(text, path, feedback)
    for entry in feedback.exercises.values():
        if entry.number not in seen:
            raise SourceError(
                path, 1, f"checks.py has exercise {entry.number} ({entry.name}), and no cell here has it."
            )


def _examine_references(text: str, path: Path, feedback: Feedback) -> None:
    known = {
        "check": (set(feedback.exercises), "check.{} is no check of this lesson."),
        "exercise": ({e.number for e in feedback.exercises.values()}, "There is no exercise {} in this lesson."),
        "truth": (
            set(re.findall(r'\bpredict\(\s*"(\w+)"', text)),
            'truth("{0}") has no predict("{0}", …) in this lesson.',
        ),
        "link": (
            {lesson.notebook for lesson in LESSONS},
            "The link to {} leads nowhere: link to a lesson's notebook or the web.",
        ),
    }
    for kind, pattern in _REFERENCES.items():
        names, sentence = known[kind]
        for found in pattern.finditer(text):
            if found[1] not in names:
                raise SourceError(path, text.count("\n", 0, found.start(1)) + 1, sentence.format(found[1]))
