"""A class: an nbgrader course folder with the course's assignments in it, from the release to the marks.

    python -m lessons classroom init my-class
    cd my-class
    python -m lessons classroom release inception_module
    python -m lessons classroom autograde inception_module --from downloads.zip
    python -m lessons classroom feedback inception_module --export marks.csv --for moodle

Everything lies where nbgrader puts it, so that its own commands and its pages in JupyterLab do the same.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from filelock import FileLock, Timeout
from nbformat import NotebookNode

from classroom import assignments as assign
from classroom import intake
from classroom.assignments import alembic_on_path
from classroom.notebooks import ClassroomError, grade_id, grader_data_of, new_notebook, read, read_with_remarks
from classroom.report import Collected, Row, table
from classroom.roster import STUDENTS, Roster, Student
from classroom.sandbox.jobs import Job, Outcome
from course.syllabus import lesson
from utils.system.files import write_whole

if TYPE_CHECKING:  # nbgrader takes seconds to load
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config


SETTINGS = "classroom.toml"
TEXTS = ".course.json"  # which text of each assignment the class was given
CLEANING = "classroom.cleaning.Clean"
CLASSROOM = """# This class. Lines that begin with # are switched off.

# A word for this class and year. The numbers in the assignments follow from it: another word, other numbers, and last
# year's answers do not fit. Change it before the first release, and not after.
seed = {seed}

# When an assignment is due, in UTC. What comes later is marked as late in nbgrader's pages.
[due]
# inception_module = 2026-10-31T22:00:00
"""


@dataclass
class Settings:
    """What `classroom.toml` says."""

    seed: str = ""
    due: dict[str, datetime] = field(default_factory=dict)


# Making a class


def init(
    folder: Path, *, seed: str = "", slugs: Sequence[str] = (), exchange: Path | None = None, course: str = "inception"
) -> list[Path]:
    """Make a course folder, or bring into one what is missing. What is there already is left alone.

    Args:
        seed: the word that the assignments' numbers follow from; empty for the numbers of the course's text.
        slugs: lessons by name; all that have an assignment, where none is named.
        exchange: nbgrader's exchange on a server that students share; None makes one of the class's own.
        course: the class's name in the exchange.

    Returns:
        The assignments' sources that were written.

    Raises:
        ValueError: a lesson that does not exist or has no assignment.
        ClassroomError: the folder holds a class with another seed, or something that is no class.
    """
    if not re.fullmatch(r"[\w.-]+", course):
        raise ValueError(
            f"A course's name has letters, digits, '_', '.' and '-', as in inception-2027, not {course!r}."
        )
    if exchange is not None and not exchange.is_dir():
        raise ClassroomError(
            f"There is no exchange {exchange}. Whoever looks after the server makes it (docs/hub.md); without one, leave it out."
        )
    chosen = [lesson(slug) for slug in slugs] if slugs else assign.with_assignment()
    if not chosen:
        raise ClassroomError(assign.STUDENTS_COPY)
    for entry in chosen:
        assign.source(entry)
    if folder.exists() and not folder.is_dir():
        raise ClassroomError(f"{folder} is a file. Name a folder that does not exist yet.")
    is_class = (folder / SETTINGS).exists()
    if folder.exists() and any(folder.iterdir()) and not is_class and not (folder / "nbgrader_config.py").exists():
        raise ClassroomError(f"{folder} is not empty and is no class. Name a folder that does not exist yet.")
    folder.mkdir(parents=True, exist_ok=True)
    if not is_class:
        (folder / SETTINGS).write_text(CLASSROOM.format(seed=json.dumps(seed)), encoding="utf-8")
    elif seed and settings(folder).seed != seed:
        raise ClassroomError(
            f"This class has the seed {settings(folder).seed!r}. Change it in {folder / SETTINGS}, delete source/ and "
            "init again; do not, once an assignment is released."
        )
    if not (folder / "nbgrader_config.py").exists():
        text = assign.CONFIG.replace('course_id = "inception"', f"course_id = {json.dumps(course)}")
        if exchange is None:
            (folder / "exchange").mkdir(exist_ok=True)
        else:
            text = text.replace('str(Path(__file__).parent / "exchange")', json.dumps(str(exchange.resolve())))
        (folder / "nbgrader_config.py").write_text(text, encoding="utf-8")
    written = []
    for entry in chosen:
        path = folder / "source" / entry.slug / f"{entry.slug}.ipynb"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            notebook = assign.source(entry, seed=settings(folder).seed)
            nbformat.write(notebook, path)
            _note_text(folder, entry.slug, notebook)
            written.append(path)
    return written


def _text_of(notebook: NotebookNode) -> str:
    """One text for what an assignment asks and gives points for."""
    cells = [
        [cell.cell_type, cell.source, grade_id(cell), grader_data_of(cell).get("points")] for cell in notebook.cells
    ]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _texts(folder: Path) -> dict[str, str]:
    try:
        noted = json.loads((folder / TEXTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _note_text(folder: Path, slug: str, notebook: NotebookNode) -> None:
    write_whole(folder / TEXTS, json.dumps(_texts(folder) | {slug: _text_of(notebook)}, indent=1))


def newer_texts(folder: Path, slugs: Sequence[str] = ()) -> list[str]:
    """A sentence for each assignment whose text in the course is not the one that the class was given."""
    noted, seed = _texts(folder), settings(folder).seed
    own = {entry.slug: entry for entry in assign.with_assignment()}
    told = []
    for slug in slugs or assignments(folder):
        if slug not in own:
            continue
        today = assign.source(own[slug], seed=seed)
        path = folder / "source" / slug / f"{slug}.ipynb"
        if slug in noted:
            is_other, what = noted[slug] != _text_of(today), "The course has a newer text of"
        else:  # a class that was made before this was noted
            is_other, what = (
                _text_of(read(path)) != _text_of(today),
                "You have edited, or the course has a newer text of,",
            )
        if is_other:
            told.append(
                f"{what} {slug}. Your class keeps its own. To take the course's, before anything is marked: delete "
                f"{path.parent} and call `init` again."
            )
    return told


def settings(folder: Path) -> Settings:
    """What the class's file says.

    Raises:
        ClassroomError: there is none, or it cannot be read.
    """
    path = folder / SETTINGS
    if not path.exists():
        raise ClassroomError(
            f"{folder.resolve()} is no class: there is no {SETTINGS} in it. Go to your class's folder, name it with "
            "--folder, or make one: python -m lessons classroom init FOLDER"
        )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ClassroomError(f"{path} cannot be read: {error}.") from None
    due = data.get("due", {})
    wrong = [name for name, when in due.items() if not isinstance(when, datetime)]
    if wrong:
        raise ClassroomError(f"{path}: write the date of {wrong[0]} as 2026-10-31T22:00:00, without quotes.")
    return Settings(str(data.get("seed", "")), due)


def assignments(folder: Path) -> list[str]:
    """The assignments that the class has."""
    return sorted(path.parent.name for path in folder.glob("source/*/*.ipynb") if path.stem == path.parent.name)


def _known(folder: Path, slug: str) -> None:
    settings(folder)
    if slug not in assignments(folder):
        known = ", ".join(assignments(folder)) or "none yet"
        raise ClassroomError(f"This class has no assignment {slug!r}. It has: {known}.")


def require_released(folder: Path, slug: str) -> None:
    _known(folder, slug)
    if not (folder / "release" / slug / f"{slug}.ipynb").exists():
        raise ClassroomError(f"{slug} is not released yet: python -m lessons classroom release {slug}")


@contextlib.contextmanager
def _nbgrader(folder: Path) -> Iterator["NbGraderAPI"]:
    """nbgrader's own interface, with the class's configuration."""
    from nbgrader.apps import NbGraderAPI

    config = _config(folder)
    config.CourseDirectory.root = str(folder.resolve())
    config.NbGraderAPI.log_level = "WARN"
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbgrader about its own database, and of nbformat about cells' ids
        yield NbGraderAPI(config=config)


def _config(folder: Path) -> "Config":
    """What the class's nbgrader_config.py says; submissions are read and cleaned in the course's way in any case."""
    from traitlets.config import Config
    from traitlets.config.loader import PyFileConfigLoader

    config = Config()
    config.Autograde.exporter_class = "classroom.notebooks.SubmissionExporter"
    try:
        config.merge(PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config())
    except Exception as error:  # a teacher's own lines
        raise ClassroomError(
            f"{folder / 'nbgrader_config.py'} cannot be read: {type(error).__name__}: {error}."
        ) from None
    steps = config.Autograde.get("autograde_preprocessors")
    if isinstance(steps, list) and CLEANING not in steps:
        steps.append(CLEANING)
    return config


def outdated(folder: Path) -> str:
    """What to do about a configuration from before pages were cleaned, which the formgrader's buttons go by; else empty."""
    path = folder / "nbgrader_config.py"
    if not path.exists() or CLEANING in path.read_text(encoding="utf-8"):
        return ""
    return (
        f"{path} was made by an earlier version of the course. What the formgrader's own buttons mark is not cleaned, and a "
        "student's script could run in its pages. Rename the file, call `init` again, and put your own lines into the new one."
    )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two at a time would write over each other's notes.

    Raises:
        ClassroomError: another command is at work in this class.
    """
    settings(folder)
    (folder / ".marks").mkdir(exist_ok=True)
    lock = FileLock(folder / ".marks" / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ClassroomError(
            "Another command is at work in this class, yours or a colleague's. Wait until it is done, and try again."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _database(folder: Path) -> str:
    return f"sqlite:///{folder.resolve() / 'gradebook.db'}"


@contextlib.contextmanager
def gradebook(folder: Path) -> Iterator["Gradebook"]:
    """nbgrader's gradebook of the class; a new one where it has none."""
    from nbgrader.api import Gradebook

    with alembic_on_path(), Gradebook(_database(folder), str(_config(folder).CourseDirectory.course_id)) as book:
        yield book


def release(folder: Path, slug: str, *, exchange: bool = False) -> Path:
    """Make the students' version of an assignment from `source/`, and enter it and its date in the gradebook.

    Args:
        exchange: also hand it out through nbgrader's exchange, where students and teacher share a server.

    Returns:
        The notebook for the students.

    Raises:
        ClassroomError: it cannot be released; the release that there was is still there.
    """
    _known(folder, slug)
    due = settings(folder).due.get(slug)
    with _alone(folder):
        _check_questions(folder, slug)
        with _kept_on_failure(folder / "release" / slug), alembic_on_path(), _nbgrader(folder) as api:
            _insist(api.generate_assignment(slug, force=True, create=True), f"release {slug}")
        if exchange:
            with alembic_on_path(), _nbgrader(folder) as api:
                _insist(api.release_assignment(slug), f"hand out {slug}")
        if due is not None:
            with gradebook(folder) as book:
                book.update_or_create_assignment(slug, duedate=due.isoformat())
    return folder / "release" / slug / f"{slug}.ipynb"


@contextlib.contextmanager
def _kept_on_failure(place: Path) -> Iterator[None]:
    """A folder that nbgrader makes anew, and deletes first: where it fails, the old one comes back."""
    aside = place.with_name(f".{place.name}.before")
    if aside.exists():  # of a command that was killed
        shutil.rmtree(place, ignore_errors=True)
        aside.rename(place)
    if place.exists():
        shutil.copytree(place, aside)
    try:
        yield
    except BaseException:
        if aside.exists():
            shutil.rmtree(place, ignore_errors=True)
            aside.rename(place)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _check_questions(folder: Path, slug: str) -> None:
    """nbgrader adds and removes no questions once there are submissions.

    Raises:
        ClassroomError: that is what this release would need.
    """
    from nbgrader.api import MissingEntry

    with gradebook(folder) as book:
        try:
            known = book.find_notebook(slug, slug)
        except MissingEntry:
            return
        before, count = {cell.name for cell in known.source_cells}, len(known.submissions)
    now = {name for cell in read(folder / "source" / slug / f"{slug}.ipynb").cells if (name := grade_id(cell))}
    changes = [
        f"{what} {', '.join(sorted(names))}"
        for what, names in (("adds", now - before), ("lacks", before - now))
        if names
    ]
    if count and changes:
        raise ClassroomError(
            f"{slug} is not released anew, and the release that there was stays: source/ {' and '.join(changes)}, and "
            f"{count} submissions are in the gradebook, after which nbgrader keeps the questions as they are. Take that "
            "back, or put the new question into an assignment of its own. Texts, tests and points can still change."
        )


def unreleased_changes(folder: Path, slug: str) -> str:
    """What has changed in `source/` since the release, in a sentence; empty where nothing has that counts for marks."""
    with gradebook(folder) as book:
        known = book.find_notebook(slug, slug)
        points = {cell.name: cell.max_score for cell in known.grade_cells}
        locked = {cell.name: cell.source for cell in known.source_cells if cell.locked}
    changed = []
    for cell in read(folder / "source" / slug / f"{slug}.ipynb").cells:
        name, worth = grade_id(cell), grader_data_of(cell).get("points")
        if name in points and isinstance(worth, int | float) and float(worth) != points[name]:
            changed.append(f"the points of {name}")
        elif name in locked and cell.source.strip() != (locked[name] or "").strip():
            changed.append(f"the text of {name}")
    if not changed:
        return ""
    return (
        f"source/ is not what was released ({', '.join(changed)}); marks follow the release. To have them follow source/: "
        f"python -m lessons classroom release {slug}, and mark again."
    )


def _insist(result: dict[str, Any], what: str) -> None:
    if not result["success"]:
        raise ClassroomError(f"nbgrader could not {what}: {_reason(result)}")


def _reason(result: dict[str, Any]) -> str:
    """Why nbgrader failed, in its own words and in one line."""
    lines = [line.strip() for line in ((result.get("error") or "") + "\n" + (result.get("log") or "")).splitlines()]
    said = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Warning|Entry)\b: ?\S", line)]
    told = [line for line in lines if re.match(r"\[.*(ERROR|CRITICAL)\] ?\S", line)]
    line = (said or told or [line for line in lines if line] or ["it gave no reason"])[-1]
    return re.sub(r"^([\w.]+: |\[.*?\] )", "", line)[:400]


# What was handed in


def people(folder: Path, who: Path | None = None) -> Roster:
    """Who is in the class: `students.csv`, else those whom the gradebook has with their names.

    Args:
        who: Moodle's grading worksheet, which tells the numbers in its downloads.

    Raises:
        ClassroomError: the list cannot be read.
    """
    known = Roster.of(folder)
    if not known:
        with gradebook(folder) as book:
            named = [each for each in book.students if each.first_name or each.email]
            known = Roster([Student(o.id, o.first_name or "", o.last_name or "", o.email or "") for o in named])
    else:
        _enter_people(folder, known)
    if who is not None and not known:
        raise ClassroomError(f"{who.name} says whose a number is, and the class has no {STUDENTS} yet: make it first.")
    return known if who is None else known.knowing(who)


def _enter_people(folder: Path, known: Roster) -> None:
    """The list's students into nbgrader's gradebook."""
    with gradebook(folder) as book:
        there = {each.id: (each.first_name, each.last_name, each.email) for each in book.students}
        for one in known.students:
            names = (one.first_name or None, one.last_name or None, one.email or None)
            if there.get(one.id) != names:
                book.update_or_create_student(one.id, first_name=names[0], last_name=names[1], email=names[2])


def collect(folder: Path, slug: str, source: Path | None = None, *, who: Path | None = None) -> Collected:
    """Bring what students handed in to `submitted/STUDENT/ASSIGNMENT/`.

    Args:
        source: a folder or a zip as a learning platform gives it (`classroom.intake`). None takes what is in nbgrader's
            exchange.
        who: Moodle's grading worksheet, which tells apart students of one name.

    Returns:
        The students, what is asked about, and what became of each file.
    """
    require_released(folder, slug)
    with _alone(folder):
        known = people(folder, who)
        if source is not None:
            names = intake.cell_names(folder / "release" / slug / f"{slug}.ipynb")
            return intake.collect(source, folder, slug, known, names)
        return _from_exchange(folder, slug, known)


def _from_exchange(folder: Path, slug: str, known: Roster) -> Collected:
    from classroom import exchange

    with _nbgrader(folder) as api:
        _insist(api.collect(slug, update=True), f"collect {slug}")
    rows = {path.parent.name: Row(path.parent.name) for path in folder.glob(f"submitted/*/{slug}")}
    for row in rows.values():
        if known and row.student not in {one.id for one in known.students}:
            row.remarks.append(f"an account that is not in {STUDENTS}")
    found = Collected(taken=len(rows))
    config = _config(folder)
    inbound = Path(config.Exchange.root, config.CourseDirectory.course_id, "inbound")
    for student, owner, when in exchange.forged(inbound, slug):
        row = rows.setdefault(student, Row(student))
        row.remarks.append(f"{owner} left a submission in this name ({when}): not taken")
    found.rows = sorted(rows.values(), key=lambda row: row.student)
    return found


# Marking


def autograde(
    folder: Path,
    slug: str,
    *,
    students: Sequence[str] = (),
    again: bool = False,
    workers: int = 2,
    say: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Mark what was handed in: all submissions in parallel, then their points into the gradebook.

    What was marked before and has not changed is left as it is, so that an interrupted run goes on where it was.

    Args:
        students: only these.
        again: mark anew what is marked already. Points that a person gave stay.
        workers: submissions at a time.
        say: is told how far it is.

    Returns:
        One row for each student of the class.
    """
    require_released(folder, slug)
    if os.name == "nt":
        raise ClassroomError(
            "Marking needs Linux or macOS. On Windows, do it in WSL: the same commands, the same folder."
        )
    with _alone(folder):
        ids = {one.id for one in people(folder).students}
        _compose_names(folder)
        rows = {row.student: row for row in _roster(folder, slug, students)}
        for row in rows.values():
            if ids and row.student not in ids:
                row.remarks.append(f"not in {STUDENTS}")
        unknown = sorted(set(students) - set(rows))
        if unknown:
            raise ClassroomError(f"There is no student {unknown[0]!r} in submitted/ or the gradebook.")
        return _autograde(folder, slug, rows, again=again, workers=workers, say=say)


def _compose_names(folder: Path) -> None:
    """A folder that was put there by hand, with decomposed letters in its name as macOS has them, is the same student's.

    Raises:
        ClassroomError: two folders are one student's, or a name is what no page may show.
    """
    for path in folder.glob("submitted/*"):
        composed = path.with_name(unicodedata.normalize("NFC", path.name))
        if re.search(r'[<>"]', path.name) and path.is_dir():
            raise ClassroomError(
                f"submitted/{path.name} has a sign in its name that stands for HTML in pages. Rename it."
            )
        if composed.name != path.name and composed.exists() and not composed.samefile(path):
            raise ClassroomError(
                f"submitted/ has two folders named {composed.name}: put together what is one student's."
            )
        if composed.name != path.name:
            path.rename(composed)


def _autograde(
    folder: Path, slug: str, rows: dict[str, Row], *, again: bool, workers: int, say: Callable[[str], None]
) -> list[Row]:
    from classroom import autograding
    from classroom.sandbox.isolation import in_force
    from classroom.sandbox.workers import Workers

    for sentence in (outdated(folder), unreleased_changes(folder, slug)):
        if sentence:
            say(sentence)
    with _nbgrader(folder) as api:
        mark = autograding.Mark(parent=api)
    marks = folder / mark.folder
    known_cells = autograding.source_cells(slug, slug, _database(folder), folder)
    names = autograding.answer_names(slug, slug, folder, known_cells)
    released = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in read(folder / "release" / slug / f"{slug}.ipynb").cells
        if grader_data_of(cell).get("locked")
    }
    jobs: dict[str, Job] = {}
    digests: dict[str, str] = {}
    for row in rows.values():
        try:
            notebook = _intake(folder, slug, row)
            if notebook is None:
                continue
            row.remarks += _tampering(notebook, released)
            job = mark.job(new_notebook(autograding.restored(notebook, known_cells)), names)
            digests[row.student] = autograding.digest(job)
            jobs[row.student] = job
        except ClassroomError as error:
            row.remarks.append(f"{error}: no points")
        except Exception as error:  # whatever is in that file, the class goes on
            row.remarks.append(f"cannot be marked ({type(error).__name__}: {str(error)[:200]}): no points")
    distinct = {digests[student]: job for student, job in jobs.items()}  # what many hand in alike runs once
    known = {} if again else {key: autograding.cached(marks, job) for key, job in distinct.items()}
    outcomes = {key: cached for key, cached in known.items() if cached is not None}
    to_run = [key for key in distinct if key not in outcomes]
    if to_run:
        say(in_force().sentence)
    say(f"{len(jobs)} handed in, {len(to_run)} to run.")
    with Workers(min(workers, max(len(to_run), 1))) as pool:
        for count, (number, found) in enumerate(pool.mark([distinct[key] for key in to_run]), start=1):
            key = to_run[number]
            autograding.cache(marks, distinct[key], found)
            outcomes[key] = found
            say(f"{count:>3} of {len(to_run)}  {', '.join(student for student in jobs if digests[student] == key)}")
    for student, job in jobs.items():
        rows[student].remarks += _remarks_on(job, outcomes[digests[student]])
    # What is entered depends on the outcome, and on the points that the release gives for it.
    worth = json.dumps(
        [[grade_id(cell), grader_data_of(cell).get("points")] for cell in known_cells] + [_due(folder, slug)]
    )
    entered = {
        student: hashlib.sha256(f"{key}{worth}{_stamp(folder, slug, student)}".encode()).hexdigest()
        for student, key in digests.items()
    }
    _enter(folder, slug, rows, entered, again=again, say=say)
    for row in rows.values():
        row.points = points(folder, slug, row.student)
    report = sorted(rows.values(), key=lambda row: row.student)
    (folder / "reports").mkdir(exist_ok=True)
    (folder / "reports" / f"{slug}.txt").write_text(table(report) + "\n", encoding="utf-8")
    return report


def _due(folder: Path, slug: str) -> str:
    """What decides about lateness: when it is due, and the class's own configuration."""
    with gradebook(folder) as book:
        return f"{book.find_assignment(slug).duedate}{(folder / 'nbgrader_config.py').read_text(encoding='utf-8')}"


def _stamp(folder: Path, slug: str, student: str) -> str:
    path = folder / "submitted" / student / slug / intake.TIMESTAMP
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _roster(folder: Path, slug: str, students: Sequence[str]) -> list[Row]:
    names = {path.parent.name for path in folder.glob(f"submitted/*/{slug}") if path.is_dir()}
    with gradebook(folder) as book:
        names |= {student.id for student in book.students}
    return [Row(name) for name in sorted(names) if not students or name in students]


def _intake(folder: Path, slug: str, row: Row) -> NotebookNode | None:
    """The student's notebook under its right name; None where nothing was handed in.

    Raises:
        ClassroomError: what was handed in is no notebook.
    """
    place = folder / "submitted" / row.student / slug
    if not place.is_dir():
        row.remarks.append("nothing handed in")
        return None
    files = [path for path in sorted(place.rglob("*")) if path.is_file() and path.name != intake.TIMESTAMP]
    chosen, remark = intake.choose(files, intake.cell_names(folder / "release" / slug / f"{slug}.ipynb"), slug)
    if chosen is None:
        raise ClassroomError(remark)
    if remark:
        row.remarks.append(remark)
    expected = place / f"{slug}.ipynb"
    notebook, damages = read_with_remarks(chosen)
    row.remarks += damages[:3] + ([f"and {len(damages) - 3} more of the kind"] if len(damages) > 3 else [])
    if chosen != expected:
        shutil.copyfile(chosen, expected)
    spec = notebook.metadata.get("kernelspec", {})
    kernel = spec.get("name", "python3")
    if "python" not in kernel.lower() and str(spec.get("language", "python")).lower() != "python":
        row.remarks.append(f"made for the kernel {kernel!r}, run with Python")
    return notebook


def _tampering(notebook: NotebookNode, released: dict[str, str]) -> list[str]:
    """What was done to the teacher's cells, by the text in which each was released."""
    submitted: dict[str, list[str]] = {}
    for cell in notebook.cells:
        if (name := grade_id(cell)) in released:
            submitted.setdefault(name, []).append(cell.source)
    found = []
    for verb, names in (
        ("deleted", [name for name in released if name not in submitted]),
        ("copied", [name for name, sources in submitted.items() if len(sources) > 1]),
        ("changed", [name for name, sources in submitted.items() if any(each != released[name] for each in sources)]),
    ):
        if names:
            found.append(f"{verb} the teacher's {', '.join(names)} (put back)")
    return found


def _remarks_on(job: Job, outcomes: list[Outcome]) -> list[str]:
    remarks = []
    for cell, outcome in zip(job.cells, outcomes, strict=True):
        where = cell.name or "an added cell"
        if outcome.undecided:
            remarks.append(f"{where}: no test could decide, please look ({outcome.undecided})")
        elif outcome.error and outcome.error[0] in ("ProcessEnded", "TimeoutError", "MemoryError"):
            remarks.append(f"{where}: {outcome.error[1] or outcome.error[0]}")
        elif outcome.error and "allocate" in outcome.error[1] and "memory" in outcome.error[1]:  # torch's own words
            remarks.append(f"{where}: needed more memory than a submission may have")
    return remarks


def _enter(
    folder: Path, slug: str, rows: dict[str, Row], entered: dict[str, str], *, again: bool, say: Callable[[str], None]
) -> None:
    """Points into nbgrader's gradebook, one student after the other. `entered` is what each one's entry depends on."""
    done_path = folder / ".marks" / f"{slug}.done.json"
    try:
        done = json.loads(done_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        done = {}
    with alembic_on_path(), _nbgrader(folder) as api:
        for student, row in rows.items():
            graded = folder / "autograded" / student / slug / f"{slug}.ipynb"
            if student not in entered:
                if (folder / "submitted" / student / slug).is_dir():
                    _nothing(folder, slug, student)
                continue
            if done.get(student) == entered[student] and graded.exists() and not again:
                continue
            result = api.autograde(slug, student, force=True, create=True)
            if not result["success"]:
                row.remarks.append(f"nbgrader could not enter the points: {_reason(result)}")
                _nothing(folder, slug, student)
                continue
            row.is_new = True
            done[student] = entered[student]
            write_whole(done_path, json.dumps(done))
    _name_the_nameless(folder)
    say("The points are in the gradebook.")


def _name_the_nameless(folder: Path) -> None:
    """nbgrader's pages call a student without names "None, None"."""
    with gradebook(folder) as book:
        for each in book.students:
            if each.first_name is None and each.last_name is None:
                each.first_name, each.last_name = "", each.id
        book.db.commit()


def _nothing(folder: Path, slug: str, student: str) -> None:
    """A submission that cannot be read: no points, and nothing left to mark."""
    with gradebook(folder) as book:
        book.update_or_create_student(student)
        book.update_or_create_submission(slug, student)
        for grade in book.find_submission_notebook(slug, slug, student).grades:
            grade.auto_score, grade.needs_manual_grade = 0, False
        book.db.commit()


def points(folder: Path, slug: str, student: str) -> dict[str, float]:
    """The points that the tests gave a student, by test; empty where there is no submission."""
    from nbgrader.api import MissingEntry

    with gradebook(folder) as book:
        try:
            notebook = book.find_submission_notebook(slug, slug, student)
        except MissingEntry:
            return {}
        return {
            grade.name.removeprefix("test_"): grade.auto_score or 0
            for grade in notebook.grades
            if grade.name.startswith("test_")
        }


def feedback(folder: Path, slug: str, *, exchange: bool = False) -> list[Path]:
    """A page for each student: their work, the points, and what the tests said. The pages that were written come back."""
    require_released(folder, slug)
    if not any(folder.glob(f"autograded/*/{slug}/*.ipynb")):
        raise ClassroomError(f"Nothing is marked yet: python -m lessons classroom autograde {slug}")
    settle_lateness(folder)
    with _alone(folder), _nbgrader(folder) as api:
        _insist(api.generate_feedback(slug, force=True), f"make the feedback of {slug}")
        if exchange:
            _insist(api.release_feedback(slug), f"hand out the feedback of {slug}")
    return sorted(folder.glob(f"feedback/*/{slug}/*.html"))


def settle_lateness(folder: Path) -> None:
    """What is taken off who was late, from all points that there are now: nbgrader does it before a person has marked."""
    from nbgrader.preprocessors import AssignLatePenalties

    with gradebook(folder) as book:
        late = [
            {"student": each.student.id, "assignment": assignment.name, "notebook": notebook.name}
            for assignment in book.assignments
            for each in assignment.submissions
            for notebook in each.notebooks
            if each.total_seconds_late > 0
        ]
    if not late:
        return
    with _nbgrader(folder) as api:
        step = AssignLatePenalties(parent=api)
        step.log.setLevel("ERROR")
        for each in late:
            step.preprocess(new_notebook([]), {"nbgrader": each | {"db_url": _database(folder)}})


def open_in_jupyter(folder: Path, extra: Sequence[str] = ()) -> None:
    """Run JupyterLab on the class until it is stopped. nbgrader's pages are in its menu *Nbgrader*, *Formgrader*."""
    settings(folder)
    words = [sys.executable, "-m", "jupyterlab", *extra]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    with alembic_on_path(), contextlib.suppress(KeyboardInterrupt):
        subprocess.run(words, cwd=folder, check=False)


def export(folder: Path, to: Path) -> Path:
    """All marks as a table (CSV), a line for each student and assignment."""
    settings(folder)
    settle_lateness(folder)
    assign.nbgrader("export", "--to", str(to.resolve()), folder=folder)
    return to
