"""A class's marks in other systems' columns."""

import csv
import shutil
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from classroom import course_folder, export
from classroom.notebooks import ClassroomError
from lessons.__main__ import app

ONE, TWO = "inception_module", "googlenet"


@pytest.fixture(scope="module")
def unmarked(tmp_path_factory):
    """A class with an empty gradebook, which takes seconds to make."""
    folder = tmp_path_factory.mktemp("classes") / "unmarked"
    course_folder.init(folder, slugs=[ONE], course="inception-2027")
    with course_folder.gradebook(folder):
        return folder


@pytest.fixture(scope="module")
def course(unmarked):
    """Jane has both assignments, one of them late and one with a free answer that nobody has read; Ali has one; Bo none."""
    folder = shutil.copytree(unmarked, unmarked.with_name("class"))
    with course_folder.gradebook(folder) as book:
        book.add_student("jdoe", first_name="Jane", last_name='Doe, "JD"', email="jane@example.org")
        book.add_student("ali", first_name="Ali", last_name="Öz", email="ali@example.org")
        book.add_student("bo")
        for slug in (ONE, TWO, "not_handed_in"):
            book.add_assignment(slug)
            book.add_notebook(slug, slug)
            book.add_grade_cell("test_a", slug, slug, max_score=9.5, cell_type="code")
            book.add_grade_cell("free", slug, slug, max_score=2, cell_type="markdown")
        for student, slug, points, free in (("jdoe", ONE, 7.25, 1), ("jdoe", TWO, 0, None), ("ali", TWO, 9.5, 2)):
            book.add_submission(slug, student, timestamp=datetime.now(UTC).replace(tzinfo=None))
            grade = book.find_grade("test_a", slug, slug, student)
            grade.auto_score, grade.needs_manual_grade = points, False
            grade = book.find_grade("free", slug, slug, student)
            grade.manual_score, grade.needs_manual_grade = free, free is None
        book.find_submission_notebook(ONE, ONE, "jdoe").late_submission_penalty = 0.5
        book.db.commit()
    return folder


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_for_moodle(course, tmp_path):
    export.export(course, tmp_path / "export.csv", "moodle")
    assert table(tmp_path / "export.csv") == [
        ["First name", "Last name", "ID number", "Email address", TWO, ONE],
        ["Ali", "Öz", "ali", "ali@example.org", "11.5", ""],
        ["", "", "bo", "", "", ""],
        ["Jane", 'Doe, "JD"', "jdoe", "jane@example.org", "0", "7.75"],
    ]


def test_for_canvas(course, tmp_path):
    export.export(course, tmp_path / "export.csv", "canvas")
    assert table(tmp_path / "export.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", TWO, ONE],
        ["Points Possible", "", "", "", "", "11.5", "11.5"],
        ["Öz, Ali", "", "", "ali", "", "11.5", ""],
        ["bo", "", "", "bo", "", "", ""],
        ['Doe, "JD", Jane', "", "", "jdoe", "", "0", "7.75"],
    ]


def test_sections_of_a_list_of_ones_own_go_to_canvas(course, tmp_path):
    folder = shutil.copytree(course, tmp_path / "class")
    (folder / "students.csv").write_text("id,first_name,last_name,email,section\njdoe,Jane,Doe,,Monday\nali,Ali,Öz,,\n")
    export.export(folder, tmp_path / "export.csv", "canvas")
    rows = {row[3]: row[4] for row in table(tmp_path / "export.csv")[2:]}
    assert rows == {"ali": "", "bo": "", "jdoe": "Monday"}


def test_for_blackboard_every_field_is_in_quotes(course, tmp_path):
    export.export(course, tmp_path / "export.csv", "blackboard")
    assert table(tmp_path / "export.csv")[:2] == [
        ["Last Name", "First Name", "Username", TWO, ONE],
        ["Öz", "Ali", "ali", "11.5", ""],
    ]
    assert '"Doe, ""JD""","Jane","jdoe","0","7.75"' in (tmp_path / "export.csv").read_text(encoding="utf-8")


def test_the_command_says_how_many_points_and_what_is_unread(course, tmp_path):
    said = CliRunner().invoke(
        app, ["classroom", "export", "--folder", str(course), "--to", str(tmp_path / "m.csv"), "--for", "canvas"]
    )
    assert said.exit_code == 0, said.output
    assert (
        "for canvas. Students: 3." in said.output and "googlenet: 11.5 points can be had; 1 still wait" in said.output
    )
    assert "inception_module: 11.5 points can be had." in said.output and "not_handed_in" not in said.output
    said = CliRunner().invoke(app, ["classroom", "export", "--folder", str(course), "--for", "ilias"])
    assert said.exit_code == 1 and "columns for moodle, canvas, blackboard" in said.output


def test_nothing_is_marked_yet(unmarked, tmp_path):
    with pytest.raises(ClassroomError, match="Nothing is marked yet"):
        export.export(unmarked, tmp_path / "export.csv", "moodle")
