"""Assignments through nbgrader itself: the solution earns every point, the stub none, a wrong answer loses its own."""

import re
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import nbformat
import pytest

from lessons import assign
from lessons.syllabus import Lesson, lesson
from tests.lessons.assignment_answers import of_lesson

SLUGS = [entry.slug for entry in assign.with_assignment()]
WRONG = [(slug, student) for slug in SLUGS for student in of_lesson(slug).WRONG]


class Course(NamedTuple):
    """A course folder in which one lesson's assignment has been released, handed in and graded."""

    folder: Path
    lesson: Lesson
    kept: ModuleType

    @property
    def released(self) -> Path:
        return self.folder / "release" / self.lesson.slug / f"{self.lesson.slug}.ipynb"


def without_markers(code):
    return "\n".join(
        line for line in code.splitlines() if "### BEGIN SOLUTION" not in line and "### END SOLUTION" not in line
    )


def submission(released, solutions, wrong=None):
    """A student's notebook: the release with answers written in."""
    for cell in released.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.metadata.get("nbgrader", {}).get("solution") and name in solutions:
            cell.source = solutions[name]
            if wrong and wrong[0] == name:
                assert wrong[1] in cell.source
                cell.source = cell.source.replace(wrong[1], wrong[2])
    return released


@pytest.fixture(scope="module", params=SLUGS)
def course(request, tmp_path_factory):
    """A course folder with a release and a submission of each kept student, autograded."""
    folder = tmp_path_factory.mktemp("class")
    (folder / "nbgrader_config.py").write_text(assign.CONFIG + "\n# mine\n")
    entry, kept = lesson(request.param), of_lesson(request.param)
    (released,) = assign.release([entry], folder)
    solutions = {
        cell.metadata["nbgrader"]["grade_id"]: without_markers(cell.source)
        for cell in assign.source(entry).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    students = {"solves_all": (solutions, None), "writes_nothing": ({}, None)}
    students |= {name: (solutions, wrong) for name, wrong in kept.WRONG.items()}
    for name, (answers, wrong) in students.items():
        place = folder / "submitted" / name / entry.slug
        place.mkdir(parents=True)
        notebook = submission(nbformat.read(released, as_version=4), answers, wrong)
        nbformat.write(notebook, place / f"{entry.slug}.ipynb")
    assign.nbgrader("autograde", entry.slug, "--create", folder=folder)
    assign.nbgrader("generate_feedback", entry.slug, folder=folder)
    return Course(folder, entry, kept)


def scores(course, student):
    """The points that the tests gave, by test."""
    from nbgrader.api import Gradebook

    slug = course.lesson.slug
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}", "inception") as book:
        graded = book.find_submission_notebook(slug, slug, student)
        by_test = {grade.name: grade.auto_score for grade in graded.grades if grade.name.startswith("test_")}
    return {name.removeprefix("test_"): score for name, score in by_test.items()}


@pytest.mark.slow
def test_the_solution_earns_every_point(course):
    assert scores(course, "solves_all") == course.kept.POINTS


@pytest.mark.slow
def test_the_stub_earns_none(course):
    assert scores(course, "writes_nothing") == dict.fromkeys(course.kept.POINTS, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("course", "student"), WRONG, indirect=["course"])
def test_a_wrong_answer_loses_exactly_its_points(course, student):
    points, lost = course.kept.POINTS, course.kept.WRONG[student][3]
    assert scores(course, student) == {name: 0 if name in lost else worth for name, worth in points.items()}


@pytest.mark.slow
def test_feedback_comes_out_as_html(course):
    student, words = course.kept.TOLD
    slug, total = course.lesson.slug, sum(course.kept.POINTS.values()) + course.kept.BY_TEACHER
    page = (course.folder / "feedback" / student / slug / f"{slug}.html").read_text(encoding="utf-8")
    assert words in page and re.search(rf"Score: [\d.]+ / {total}", page)


@pytest.mark.slow
def test_the_release_has_no_solutions_and_no_hidden_tests(course):
    text = course.released.read_text(encoding="utf-8")
    for secret in ("SOLUTION", "HIDDEN", *course.kept.SECRETS):
        assert secret not in text
    cells = nbformat.read(course.released, as_version=4).cells
    total = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells)
    assert total == sum(course.kept.POINTS.values()) + course.kept.BY_TEACHER and f"| points | {total}:" in text


@pytest.mark.slow
def test_a_release_leaves_a_teachers_settings_alone(course):
    assert (course.folder / "nbgrader_config.py").read_text().endswith("# mine\n")


def test_a_lesson_without_an_assignment_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"start_here has no assignment\. Those that have one: inception_module"):
        assign.release([lesson("start_here")], tmp_path / "class")
    assert not (tmp_path / "class").exists()


def test_a_refusal_of_nbgrader_is_told(tmp_path):
    with pytest.raises(assign.AssignError, match="failed in"):
        assign.nbgrader("autograde", "nothing", folder=tmp_path)


@pytest.mark.parametrize("entry", assign.with_assignment(), ids=lambda entry: entry.slug)
def test_the_solutions_pass_their_tests_in_process(entry):
    scope = {}
    for cell in assign.source(entry).cells:
        if cell.cell_type == "code":
            exec(compile(without_markers(cell.source), cell.id, "exec"), scope)
