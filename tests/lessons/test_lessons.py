"""Every notebook runs from top to bottom: with its solutions, and as a learner gets it.

One run a lesson serves both, with short trainings. The whole notebooks, each as it is, run with `--whole`, once a week.
"""

import itertools
import re

import pytest
from nbformat import NotebookNode

from course.build import feedback_of, solved, student
from course.syllabus import LESSONS, Lesson
from tests.lessons.run import both, numbers_used, run, texts

BY_SLUG = {"argnames": "lesson", "argvalues": LESSONS, "ids": [lesson.slug for lesson in LESSONS]}


@pytest.fixture(autouse=True)
def _own_work(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))


def is_right_with_solutions(lesson: Lesson, code: list[NotebookNode]) -> None:
    """What is to be seen in the code cells of a lesson that ran with its solutions."""
    checks = [texts(cell) for cell in code if cell.source.startswith("check.")]
    exercises = feedback_of(lesson).exercises.values()
    assert len(checks) == len(exercises)
    for told, entry in zip(checks, exercises, strict=True):
        assert f"Exercise {entry.number}, {entry.title}: right" in told
    is_quiet(code)
    everything = "\n".join(texts(cell) for cell in code)
    assert "goes on with the course's own" not in everything, "a solution does not pass its check"
    if lesson.slug == "start_here":
        accuracy = re.search(r"The truth: ([\d.]+) per cent", everything)
        assert float(accuracy[1]) > 98, "the first run on digits"
    if lesson.slug == "inception_module":
        assert "The truth: 1,088 channels" in everything and "The truth: 3×3" in everything


def is_quiet(code: list[NotebookNode]) -> None:
    for cell in code:
        noise = [output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stderr"]
        left = [line for line in "".join(noise).splitlines() if line.strip() and not re.search(r"\d+%\|", line)]
        assert not left, f"{cell.source[:60]!r} writes to stderr: {left}"
        said = [texts(NotebookNode(outputs=[output])).strip() for output in cell.outputs if "data" in output]
        twice = [one for one, other in itertools.permutations(said, 2) if len(one) > 30 and one in other]
        assert not twice, f"{cell.source[:60]!r} says twice: {twice}"


def lasts(code: list[NotebookNode]) -> None:
    """Each output is there without a kernel, not trusted and exported: pictures are images, widgets have a still form."""
    for cell in code:
        shown = [output.data for output in cell.outputs if "data" in output]
        for number, data in enumerate(shown):
            assert "<svg" not in data.get("text/html", ""), f"{cell.source[:60]!r} shows SVG that stands in HTML"
            if "application/vnd.jupyter.widget-view+json" in data:
                still = shown[number + 1]["text/html"] if number + 1 < len(shown) else ""
                assert 'class="course-still' in still, f"{cell.source[:60]!r} shows a widget alone"


def is_kind_to_a_learner(lesson: Lesson, code: list[NotebookNode]) -> None:
    """What is to be seen in the code cells of a lesson that ran with its stubs."""
    told = {cell.source: texts(cell) for cell in code}
    for name, entry in feedback_of(lesson).exercises.items():
        check = next(text for source, text in told.items() if source.startswith(f"check.{name}("))
        expected = "right" if entry.difficulty == "worked" else "not written yet"
        assert f"Exercise {entry.number}, {entry.title}: {expected}" in check
    assert "goes on with the course's own" in "\n".join(told.values())


@pytest.mark.slow
@pytest.mark.parametrize(**BY_SLUG)
def test_a_lesson_runs(lesson):
    """Each cell with its solutions, and each cell that an exercise is in or named in with the stubs before that."""
    notebook, _ = run(both(student(lesson), solved(lesson)), short=True)  # no cell ends in a traceback
    with_solutions = [cell for cell in notebook.cells if not cell.metadata["stubs"]]
    last = {cell.source: cell for cell in with_solutions}  # a solution runs again before each cell that names it
    is_right_with_solutions(lesson, list(last.values()))
    is_quiet(notebook.cells)
    lasts(notebook.cells)
    with_stubs = [cell for cell in notebook.cells if cell.metadata["stubs"]]
    twice = {cell.source for cell in with_stubs}
    is_kind_to_a_learner(lesson, with_stubs + [cell for cell in last.values() if cell.source not in twice])
    open_ones = {e.number: e for e in feedback_of(lesson).exercises.values() if e.difficulty != "worked"}
    for cell in with_stubs:
        for number in set(numbers_used(cell.source)) & set(open_ones):
            assert f"Exercise {number} does not pass its check yet, so this cell goes on" in texts(cell)
    stubs = {cell.metadata["exercise"] for cell in with_stubs if "exercise" in cell.metadata}
    assert stubs == set(open_ones), "each exercise but the worked ones is open in the learner's notebook"


@pytest.mark.whole
@pytest.mark.parametrize(**BY_SLUG)
def test_a_whole_lesson_runs_with_its_solutions(lesson):
    notebook, _ = run(solved(lesson))
    is_right_with_solutions(lesson, [cell for cell in notebook.cells if cell.cell_type == "code"])


@pytest.mark.whole
@pytest.mark.parametrize(**BY_SLUG)
def test_a_lesson_runs_as_a_learner_gets_it(lesson):
    notebook, _ = run(student(lesson), short=True)  # the whole trainings run in the other test
    is_kind_to_a_learner(lesson, [cell for cell in notebook.cells if cell.cell_type == "code"])
