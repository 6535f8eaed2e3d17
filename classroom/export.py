"""A class's marks in the columns that course systems import: `export(folder, Path("marks.csv"), "moodle")`.

Where `students.csv` is the system's own list, its ids and names go back as it gave them.

Sources: Moodle, "Grade import" (docs.moodle.org): the columns of its own export; people are matched by ID number, user name
or e-mail address as chosen on import. Canvas, its importer of gradebooks (lib/gradebook_importer.rb): Student, ID, SIS User
ID, SIS Login ID, Section, and a row of Points Possible. Blackboard, "Uploading or Downloading Grade Center Items for Working
Offline": people are known by Username, every field is in quotes.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from classroom import course_folder
from classroom.assignments import nbgrader
from classroom.marking import settle_lateness
from classroom.notebooks import ClassroomError
from classroom.roster import SECTION


@dataclass
class Student:
    """A line of the table: who it is, and points by assignment; none where nothing was handed in.

    `given` is the student's line in `students.csv`, by its columns' names in lower case.
    """

    id: str
    first_name: str
    last_name: str
    email: str
    points: dict[str, float]
    given: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """ "Doe, Jane", or the id where the class has no names."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part) or self.id


@dataclass
class Marks:
    """What the gradebook says: students, the points to be had by assignment, and free answers that nobody has read."""

    students: list[Student]
    most: dict[str, float]
    unread: dict[str, int]


def read(folder: Path) -> Marks:
    """The marks of a class, penalties for lateness taken off.

    Raises:
        ClassroomError: it is no class, or nothing is marked yet.
    """
    course_folder.settings(folder)
    settle_lateness(folder)
    given = {one.id: one.given for one in course_folder.people(folder).students}
    with course_folder.gradebook(folder) as book:
        most = {each.name: each.max_score for each in book.assignments if each.num_submissions}
        if not most:
            raise ClassroomError("Nothing is marked yet: python -m lessons classroom autograde NAME")
        students, unread = [], dict.fromkeys(most, 0)
        for each in book.students:
            points = {}
            for submission in each.submissions:
                penalty = submission.late_submission_penalty or 0
                points[submission.assignment.name] = max(submission.score - penalty, 0)
                unread[submission.assignment.name] += bool(submission.needs_manual_grade)
            names = (each.first_name or "", each.last_name or "", each.email or "")
            students.append(Student(each.id, *names, points, given.get(each.id, {})))
    return Marks(sorted(students, key=lambda student: student.id), most, unread)


def moodle(marks: Marks) -> list[list[str]]:
    rows = [["First name", "Last name", "ID number", "Email address", *marks.most]]
    for one in marks.students:
        is_own = "email address" in one.given  # Moodle's list, where an ID number may be missing
        number = one.given.get("id number", "") if is_own else one.id
        rows.append([one.first_name, one.last_name, number, one.email, *_points(one, marks)])
    return rows


def canvas(marks: Marks) -> list[list[str]]:
    columns = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
    rows = [[*columns, *marks.most]]
    rows.append(["Points Possible", "", "", "", "", *(f"{most:g}" for most in marks.most.values())])
    for one in marks.students:
        is_own = "student" in one.given and "id" in one.given
        section = next((one.given[column] for column in SECTION if one.given.get(column)), "")
        who = [one.given.get(name.lower(), "") for name in columns] if is_own else [one.name, "", "", one.id, section]
        rows.append([*who, *_points(one, marks)])
    return rows


def blackboard(marks: Marks) -> list[list[str]]:
    rows = [["Last Name", "First Name", "Username", *marks.most]]
    for one in marks.students:
        rows.append([one.last_name, one.first_name, one.given.get("username", one.id), *_points(one, marks)])
    return rows


FORMATS: dict[str, Callable[[Marks], list[list[str]]]] = {"moodle": moodle, "canvas": canvas, "blackboard": blackboard}


def _points(student: Student, marks: Marks) -> list[str]:
    """Empty where nothing was handed in, which changes nothing in the system that reads it."""
    return [f"{student.points[name]:g}" if name in student.points else "" for name in marks.most]


def export(folder: Path, to: Path, system: str) -> Marks:
    """Write the marks as a table (CSV, UTF-8) for a course system: a line for each student, a column for each assignment.

    Args:
        system: a name in FORMATS.

    Raises:
        ValueError: there is no such system.
        ClassroomError: it is no class, or nothing is marked yet.
    """
    if system not in FORMATS:
        raise ValueError(f"There are columns for {', '.join(FORMATS)}, and not for {system!r}.")
    marks = read(folder)
    with to.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows(FORMATS[system](marks))
    return marks


def everything(folder: Path, to: Path) -> Path:
    """nbgrader's own table (CSV), a line for each student and assignment; no points where nothing was handed in."""
    course_folder.settings(folder)
    settle_lateness(folder)
    nbgrader("export", "--to", str(to.resolve()), folder=folder)
    with course_folder.gradebook(folder) as book:
        handed_in = {(each.student.id, name.name) for name in book.assignments for each in name.submissions}
    with to.open(encoding="utf-8", newline="") as made:
        rows = csv.DictReader(made)
        names, lines = list(rows.fieldnames or ()), list(rows)
    for line in lines:
        if (line["student_id"], line["assignment"]) not in handed_in:
            line |= {"raw_score": "", "late_submission_penalty": "", "score": ""}
    with to.open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, names, lineterminator="\n")
        table.writeheader()
        table.writerows(lines)
    return to
