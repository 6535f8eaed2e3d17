"""Who is who: a class's list of students, and what learning platforms call them in their downloads.

    people = Roster.of(folder)
    label = read_label("doejane_LATE_4321_8765_inception_module-1.ipynb", "inception_module")
    people.find(label)

The list is `students.csv` in the class's folder: nbgrader's columns (`id,first_name,last_name,email`), or the list of
participants or grades that Moodle, Canvas or Blackboard export. Nobody is guessed: who is found twice or not at all is asked about.

Sources: Moodle, mod/assign/locallib.php (download_submissions: group, full name and a number that a student has in this
assignment alone, which the grading worksheet calls `Participant NUMBER`); Canvas, lib/content_zipper.rb (the name to sort by,
without signs and accents, LATE, the user's number, the attachment's); Blackboard, "Download Assignments" (assignment, user name,
attempt with its time).
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from classroom.notebooks import ClassroomError

STUDENTS = "students.csv"
# What platforms call the columns, in lower case. The first that a list has is taken.
ID = ("id", "sis login id", "username", "user name", "id number", "sis user id", "student id", "email address", "email")
FIRST, LAST = ("first_name", "first name", "firstname"), ("last_name", "last name", "lastname", "surname")
EMAIL = ("email", "email address", "e-mail")
FULL = ("student", "full name", "fullname", "name")
SECTION = ("section", "group", "groups")
WORDS = (
    "sis user id",
    "sis login id",
    "username",
    "user name",
    "id number",
    "student id",
)  # that stand for one student
_UNACCENTED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})


def plain(text: str) -> str:
    """A name for comparison: one spelling of composed and decomposed letters, no case, no signs, no spaces."""
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(letter for letter in composed if letter.isalnum())


def unaccented(text: str) -> str:
    """The same without accents, as Canvas writes names."""
    letters = unicodedata.normalize("NFD", plain(text).translate(_UNACCENTED))
    return "".join(letter for letter in letters if letter.isalnum())


def folder_name(text: str) -> str:
    """A student's name as the name of a folder: the same for composed and decomposed letters."""
    composed = unicodedata.normalize("NFC", text)
    return re.sub(r"[^\w.@-]+", "_", composed).strip("._") or "unnamed"


def as_written(text: str) -> str:
    """A word for comparison: one spelling of composed and decomposed letters, no case."""
    return unicodedata.normalize("NFC", text.strip()).casefold()


@dataclass(frozen=True)
class Student:
    """A line of the list.

    Attributes:
        id: what the class and nbgrader call the student.
        given: the line as the platform's own list has it, by its column's name in lower case; `export` gives it back.
        words: user names and the like that the platform's list has.
        also: further words that the class has written down: names, user names, numbers.
        numbers: the platform's numbers of the student, and `also`.
        of_moodle: the numbers of one assignment, by Moodle's grading worksheet.
    """

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    given: dict[str, str] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    of_moodle: frozenset[str] = frozenset()

    @property
    def section(self) -> str:
        return _first(self.given, SECTION)

    @property
    def names(self) -> set[str]:
        """The student's name as platforms write it: given name first, or last."""
        both = {f"{self.first_name} {self.last_name}".strip(), f"{self.last_name} {self.first_name}".strip()}
        return both - {""}


@dataclass(frozen=True)
class Label:
    """What a platform wrote on something that was handed in.

    Attributes:
        who: the student, in the platform's words: a name, a user name.
        number: the platform's number of the student; empty where it gave none.
        platform: moodle, canvas or blackboard; empty for a plain name.
        file: the name that the student gave the file, where it is known.
        attempt: when it was handed in, where the label says so.
        late: the platform says that it came late.
    """

    who: str
    number: str = ""
    platform: str = ""
    file: str = ""
    attempt: datetime | None = None
    late: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """The same for all that one student handed in, and for nothing else in the same download."""
        return self.platform, self.who, self.number

    def __str__(self) -> str:
        return f"{self.who} ({self.number})" if self.number else self.who


def read_label(name: str, slug: str) -> Label:
    """What the name of a file or folder in a platform's download says; a plain name is the student's."""
    name = unicodedata.normalize("NFC", name)
    if found := re.fullmatch(r"(?P<who>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+_?(?P<file>.*)", name):
        return Label(found["who"], found["number"], "moodle", found["file"])
    if found := re.fullmatch(r"(?P<before>.+)_attempt_(?P<at>\d{4}(?:-\d\d){5})(?:_(?P<file>.*)|\.txt)?", name):
        try:
            attempt = datetime.strptime(found["at"], "%Y-%m-%d-%H-%M-%S")
        except ValueError:
            attempt = None
        return Label(found["before"], "", "blackboard", found["file"] or "", attempt)
    if found := re.fullmatch(r"(?P<who>[^_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_(?P<file>.+)", name):
        return Label(found["who"], found["number"], "canvas", found["file"], late=bool(found["late"]))
    stem, end = re.fullmatch(r"(.*?)(\.ipynb|\.zip)?", name, re.IGNORECASE | re.DOTALL).groups()  # type: ignore[union-attr]  # every name fits
    who = re.sub(rf"[_ -]*{re.escape(slug)}([ _-]*\(?\d+\)?)?$", "", stem)
    return Label(who, "", "", name if end else "")


@dataclass(frozen=True)
class Question:
    """Why something could not be given to one student, and what to do."""

    text: str


class Roster:
    """The students of a class; empty where it has no list."""

    def __init__(self, students: Sequence[Student] = ()):
        self.students = list(students)
        groups = [each for student in self.students for each in re.split("[,;]", student.section)]
        self.sections = {plain(group) for group in groups} - {""}
        # Ways of reading a label, by platform: the surest comes first.
        ids = self._by(as_written, lambda one: {one.id, one.email, *one.words, *one.also, *one.numbers})
        loose = self._by(plain, lambda one: {one.id, one.email, *one.words, *one.also, *one.names})
        names = self._by(plain, lambda one: one.names | one.also)
        letters = self._by(unaccented, lambda one: one.names | one.also)
        self._ways = {"": (ids, loose), "moodle": (names,), "canvas": (letters,), "blackboard": (ids,)}

    def _by(self, change: Callable[[str], str], wanted: Callable[[Student], set[str]]) -> "_Way":
        known: dict[str, list[Student]] = {}
        for student in self.students:
            for word in {change(each) for each in wanted(student)} - {""}:
                known.setdefault(word, []).append(student)
        return change, known

    def __bool__(self) -> bool:
        return bool(self.students)

    @property
    def called(self) -> dict[str, str]:
        """The students' names by id; an empty one where it says no more than the id."""
        names = {one.id: f"{one.first_name} {one.last_name}".strip() for one in self.students}
        return {student: name if name != student else "" for student, name in names.items()}

    @classmethod
    def of(cls, folder: Path) -> "Roster":
        """The class's list.

        Raises:
            ClassroomError: there is one, and it cannot be read as a list of students.
        """
        path = folder / STUDENTS
        return cls(read_students(path) if path.exists() else ())

    def knowing(self, path: Path) -> "Roster":
        """The same class with the numbers of a list that Moodle made for one assignment: its grading worksheet.

        Raises:
            ClassroomError: it cannot be read, or has no column Identifier.
        """
        numbers: dict[str, set[str]] = {}
        lines = _table(path)
        if not any("identifier" in line for line in lines):
            raise ClassroomError(f"{path.name} has no column Identifier: it is not Moodle's grading worksheet.")
        for line in lines:
            for words in (_first(line, EMAIL), _first(line, FULL)):
                found = self.find(Label(words)) if words else None
                if isinstance(found, Student):
                    numbers.setdefault(found.id, set()).update(re.findall(r"\d+$", line["identifier"]))
                    break
        return Roster([replace(one, of_moodle=frozenset(numbers.get(one.id, set()))) for one in self.students])

    def find(self, label: Label) -> Student | Question:
        """The one student whom a label means; a question where it is none, or could be two."""
        words = self._words(label)
        named = self._named(label.platform, words)
        is_moodle = label.platform == "moodle"  # whose numbers are those of one assignment alone
        numbered = [one for one in self.students if label.number in (one.of_moodle if is_moodle else one.numbers)]
        if len(numbered) == 1:
            if named and numbered[0] not in named:
                return Question(
                    f"{label}: the number is {numbered[0].id}'s, the name {_all(named)}'s. Put right which in {STUDENTS}."
                )
            return numbered[0]
        if len(named) == 1:
            return named[0]
        if not named:
            return Question(
                f"{label}: nobody in {STUDENTS} is called so. If it is one of yours, write {words[-1]!r} in the column `also`, in "
                f"the student's line."
            )
        more = (
            "Give Moodle's grading worksheet with --who: it says whose that number is."
            if label.platform == "moodle"
            else f"Write the number or user name that the platform has for each in the column `also` of {STUDENTS}."
        )
        return Question(f"{label}: could be {_all(named)}. {more}")

    def _words(self, label: Label) -> list[str]:
        """What in a label could be a name, the likeliest last."""
        words = [label.who]
        if label.platform == "moodle":  # a group's name may stand before it
            for sign in re.finditer("-", label.who):
                if plain(label.who[: sign.start()]) in self.sections:
                    words.append(label.who[sign.end() :])
        if (
            label.platform == "blackboard"
        ):  # the assignment's name stands before the user's, which may have such signs too
            words = [label.who[sign.end() :] for sign in re.finditer("_", label.who)] or words
        return words

    def _named(self, platform: str, words: list[str]) -> list[Student]:
        """Who could be meant by these words, in the surest way of reading them that finds somebody."""
        for word in words:
            for change, known in self._ways[platform]:
                if found := known.get(change(word)):
                    return found
        return []


_Way = tuple[Callable[[str], str], dict[str, list[Student]]]


def _all(students: Iterable[Student]) -> str:
    return " or ".join(sorted(student.id for student in students))


# Reading lists


def read_students(path: Path) -> list[Student]:
    """A list of students: nbgrader's columns, or those of Moodle, Canvas or Blackboard.

    Raises:
        ClassroomError: it has no column that says who is who, or two lines for one student.
    """
    students: dict[str, Student] = {}
    for number, line in enumerate(_table(path), start=2):
        full = _first(line, FULL)
        if full.startswith(("Points Possible", "Student, Test")):  # two lines of Canvas's that are nobody
            continue
        first, last = _first(line, FIRST), _first(line, LAST)
        if full and not (first or last):  # "Doe, Jane", or "Jane Doe"
            last, _, first = full.partition(",") if "," in full else full.rpartition(" ")[::-1]
        is_canvas = "student" in line and "id" in line
        name = _first(line, ID[1:] + ID[:1] if is_canvas else ID)
        if not name:
            raise ClassroomError(
                f"{path.name}, line {number}: no id. A list has a column {', '.join(ID[:5])} or email."
            )
        one = folder_name(name)
        if twin := next((known for known in students if as_written(known) == as_written(one)), None):
            raise ClassroomError(
                f"{path.name}, line {number}: there are two students {twin!r}. Each needs an id of their own."
            )
        also = {word.strip() for word in line.get("also", "").split(";")} - {""}
        students[one] = Student(
            id=one,
            first_name=_name(first),
            last_name=_name(last),
            email=_first(line, EMAIL),
            given={column: value for column, value in line.items() if value},
            words=frozenset({name} | {line[column] for column in WORDS if line.get(column)}),
            also=frozenset(also),
            numbers=frozenset(also | ({line["id"]} if is_canvas and line["id"] else set())),
        )
    if not students:
        raise ClassroomError(f"{path.name} has no students. Its columns are id,first_name,last_name,email.")
    return list(students.values())


def _first(line: dict[str, str], columns: Iterable[str]) -> str:
    return next((line[column] for column in columns if line.get(column)), "")


def _name(text: str) -> str:
    """A person's name as pages may show it: without what HTML is written with."""
    return "".join(letter for letter in text if letter.isprintable() and letter not in '<>"').strip()


def _table(path: Path) -> list[dict[str, str]]:
    """The lines of a table by their columns' names in lower case: CSV in UTF-8 or UTF-16, with commas, semicolons or tabs."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ClassroomError(f"{path} cannot be read as a table (CSV, UTF-8): {error}.") from None
    head = text.partition("\n")[0]
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count)))
    except csv.Error as error:
        raise ClassroomError(f"{path} cannot be read as a table (CSV): {error}.") from None
    if not rows:
        raise ClassroomError(f"{path} is empty. A list of students has the columns id,first_name,last_name,email.")
    columns = [unicodedata.normalize("NFC", name).strip().lower() for name in rows[0]]
    lines = [dict(zip(columns, (value.strip() for value in row), strict=False)) for row in rows[1:]]
    return [line for line in lines if any(line.values())]
