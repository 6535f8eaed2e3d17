"""Assignments through nbgrader itself: the solution earns every point, the stub none, a wrong answer loses its own."""

import re

import nbformat
import pytest

from lessons import assign
from lessons.syllabus import lesson

POINTS = {"five_branches": 3, "largest_reduction": 2, "choose_widths": 2, "repaired_runs": 1, "repaired_computes": 2}

# For each wrong student: (answer, its right part, what they wrote, the tests that it fails).
WRONG = {
    "forgets_a_relu": (
        "five_branches",
        "return nn.Sequential(nn.Conv2d(channels, width, window, padding=window // 2), nn.ReLU())",
        "return nn.Sequential(nn.Conv2d(channels, width, window, padding=window // 2))",
        {"five_branches"},
    ),
    "rounds_the_wrong_way": ("largest_reduction", "return (plain - 1) // each", "return plain // each", {"largest_reduction"}),
    "spends_too_little": ("choose_widths", "return places * (ones", "return 2 * places * (ones", {"choose_widths"}),
    "leaves_a_bug": ("repaired", "nn.ReLU(), nn.Conv2d(three_reduce, three, 3", "nn.Conv2d(three_reduce, three, 3", {"repaired_computes"}),
    "leaves_the_stride": (
        "repaired", "nn.MaxPool2d(3, stride=1, padding=1)", "nn.MaxPool2d(3, padding=1)", {"repaired_runs", "repaired_computes"},
    ),
}  # fmt: skip


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


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder with a release and seven submissions, autograded."""
    folder = tmp_path_factory.mktemp("class")
    (folder / "nbgrader_config.py").write_text(assign.CONFIG + "\n# mine\n")
    entry = lesson("inception_module")
    (released,) = assign.release([entry], folder)
    solutions = {
        cell.metadata["nbgrader"]["grade_id"]: without_markers(cell.source)
        for cell in assign.source(entry).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    students = {"solves_all": (solutions, None), "writes_nothing": ({}, None)}
    students |= {name: (solutions, wrong) for name, wrong in WRONG.items()}
    for name, (answers, wrong) in students.items():
        place = folder / "submitted" / name / entry.slug
        place.mkdir(parents=True)
        notebook = submission(nbformat.read(released, as_version=4), answers, wrong)
        nbformat.write(notebook, place / f"{entry.slug}.ipynb")
    assign.nbgrader("autograde", entry.slug, "--create", folder=folder)
    assign.nbgrader("generate_feedback", entry.slug, folder=folder)
    return folder


def scores(folder, student):
    """The points that the tests gave, by test."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "inception") as book:
        graded = book.find_submission_notebook("inception_module", "inception_module", student)
        by_test = {grade.name: grade.auto_score for grade in graded.grades if grade.name.startswith("test_")}
    return {name.removeprefix("test_"): score for name, score in by_test.items()}


@pytest.mark.slow
def test_the_solution_earns_every_point(course):
    assert scores(course, "solves_all") == POINTS


@pytest.mark.slow
def test_the_stub_earns_none(course):
    assert scores(course, "writes_nothing") == dict.fromkeys(POINTS, 0)


@pytest.mark.slow
@pytest.mark.parametrize("student", WRONG)
def test_a_wrong_answer_loses_exactly_its_points(course, student):
    lost = WRONG[student][3]
    assert scores(course, student) == {name: 0 if name in lost else points for name, points in POINTS.items()}


@pytest.mark.slow
def test_feedback_comes_out_as_html(course):
    page = (course / "feedback" / "leaves_a_bug" / "inception_module" / "inception_module.html").read_text(
        encoding="utf-8"
    )
    assert "no ReLU follows the" in page and re.search(r"Score: [\d.]+ / 12", page)


@pytest.mark.slow
def test_the_release_has_no_solutions_and_no_hidden_tests(course):
    released = course / "release" / "inception_module" / "inception_module.ipynb"
    text = released.read_text(encoding="utf-8")
    for secret in ("SOLUTION", "HIDDEN", "_Reference", "same_module", "A full answer"):
        assert secret not in text
    total = sum(
        cell.metadata.get("nbgrader", {}).get("points", 0) for cell in nbformat.read(released, as_version=4).cells
    )
    assert total == 12 and "| points | 12:" in text


@pytest.mark.slow
def test_a_release_leaves_a_teachers_settings_alone(course):
    assert (course / "nbgrader_config.py").read_text().endswith("# mine\n")


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
