"""Every notebook runs from top to bottom: with its solutions, and as a learner gets it."""

import re

import pytest

from course.build import feedback_of, solved, student
from course.syllabus import LESSONS
from tests.lessons.run import run, texts

BY_SLUG = {"argnames": "lesson", "argvalues": LESSONS, "ids": [lesson.slug for lesson in LESSONS]}


@pytest.fixture(autouse=True)
def _own_work(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(**BY_SLUG)
def test_a_lesson_runs_with_its_solutions(lesson):
    notebook, _ = run(solved(lesson))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    checks = [texts(cell) for cell in code if cell.source.startswith("check.")]
    exercises = feedback_of(lesson).exercises.values()
    assert len(checks) == len(exercises)
    for told, entry in zip(checks, exercises, strict=True):
        assert f"Exercise {entry.number}, {entry.title}: right" in told
    for cell in code:
        noise = [output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stderr"]
        left = [line for line in "".join(noise).splitlines() if line.strip() and not re.search(r"\d+%\|", line)]
        assert not left, f"{cell.source[:60]!r} writes to stderr: {left}"
    everything = "\n".join(texts(cell) for cell in code)
    assert "goes on with the course's own" not in everything, "a solution does not pass its check"
    if lesson.slug == "start_here":
        accuracy = re.search(r"The truth: ([\d.]+) per cent", everything)
        assert float(accuracy[1]) > 98, "the first run on digits"
    if lesson.slug == "inception_module":
        assert "The truth: 1,088 channels" in everything and "The truth: 3×3" in everything


@pytest.mark.slow
@pytest.mark.parametrize(**BY_SLUG)
def test_a_lesson_runs_as_a_learner_gets_it(lesson):
    notebook = student(lesson)
    for cell in notebook.cells:  # the trainings run in the other test
        cell.source = re.sub(r"epochs=\d+", "epochs=1", cell.source)
        cell.source = cell.source.replace("seeds=(0, 1, 2)", "seeds=(0, 1)").replace("limit=800", "limit=100")
        if "experiment(" in cell.source or re.search(r"\.run\($|\.run\((arms|seeds)=", cell.source, flags=re.M):
            cell.source = cell.source.replace(".run(", ".trial(")
    notebook, _ = run(notebook)  # no cell ends in a traceback
    told = {cell.source: texts(cell) for cell in notebook.cells if cell.cell_type == "code"}
    for name, entry in feedback_of(lesson).exercises.items():
        check = next(text for source, text in told.items() if source.startswith(f"check.{name}("))
        expected = "right" if entry.difficulty == "worked" else "not written yet"
        assert f"Exercise {entry.number}, {entry.title}: {expected}" in check
    assert "goes on with the course's own" in "\n".join(told.values())
