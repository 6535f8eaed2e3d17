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
import warnings
from collections.abc import Iterator, Sequence
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
from classroom.notebooks import ClassroomError, grade_id, grader_data_of, read
from classroom.report import Collected, Row
from classroom.roster import STUDENTS, Roster, Student
from course.syllabus import lesson
from utils.system.files import write_whole

if TYPE_CHECKING:  # nbgrader takes seconds to load
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config


SETTINGS = "classroom.toml"
TEXTS = ".course.json"  # which text of each assignment the class was given
COLLECTED = ".marks/{}.collected.json"  # what was odd when an assignment was last collected
CLEANING = "classroom.cleaning.Clean"
CLASSROOM = """# This class. Lines that begin with # are switched off.

# A word for this class and year. The numbers in the assignments follow from it: another word, other numbers, and last
# year's answers do not fit. To change it, before the first release and not after: delete source/ too, and init again.
seed = {seed}

# When an assignment is due, in UTC. Who comes later is named by `autograde`. After a change: `release` again.
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
        slugs: lessons by name; where none is named all that have an assignment, or in a class that has some already those.
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
    if not slugs and any(folder.glob("source/*/*.ipynb")):  # a class that has chosen
        chosen = [entry for entry in chosen if (folder / "source" / entry.slug).is_dir()]
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
def nbgrader(folder: Path) -> Iterator["NbGraderAPI"]:
    """nbgrader's own interface, with the class's configuration."""
    from nbgrader.apps import NbGraderAPI

    config = config_of(folder)
    config.CourseDirectory.root = str(folder.resolve())
    config.NbGraderAPI.log_level = "WARN"
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbgrader about its own database, and of nbformat about cells' ids
        yield NbGraderAPI(config=config)


def config_of(folder: Path) -> "Config":
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
def alone(folder: Path) -> Iterator[None]:
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


def database(folder: Path) -> str:
    return f"sqlite:///{folder.resolve() / 'gradebook.db'}"


@contextlib.contextmanager
def gradebook(folder: Path) -> Iterator["Gradebook"]:
    """nbgrader's gradebook of the class; a new one where it has none."""
    from nbgrader.api import Gradebook

    with alembic_on_path(), Gradebook(database(folder), str(config_of(folder).CourseDirectory.course_id)) as book:
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
    with alone(folder):
        _check_questions(folder, slug)
        with _kept_on_failure(folder / "release" / slug), alembic_on_path(), nbgrader(folder) as api:
            insist(api.generate_assignment(slug, force=True, create=True), f"release {slug}")
        if exchange:
            with alembic_on_path(), nbgrader(folder) as api:
                insist(api.release_assignment(slug), f"hand out {slug}")
        if due is not None:
            with gradebook(folder) as book:
                book.update_or_create_assignment(slug, duedate=due.isoformat())
    return folder / "release" / slug / f"{slug}.ipynb"


def due_sentences(folder: Path, slug: str) -> list[str]:
    """When a released assignment is due, and dates that belong to none."""
    with gradebook(folder) as book:
        due = book.find_assignment(slug).duedate
    others = sorted(set(settings(folder).due) - set(assignments(folder)))
    return [
        f"Due {due:%Y-%m-%d %H:%M} UTC." if due else f"No date in {SETTINGS}: nobody is late.",
        *(f"{SETTINGS} has a date for {name}, and the class has no such assignment." for name in others),
    ]


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
        questions = {*points, *(cell.name for cell in known.solution_cells)}
    changed = []
    try:
        cells = read(folder / "source" / slug / f"{slug}.ipynb").cells
    except ClassroomError as error:
        raise ClassroomError(
            f"In source/, {error}. Put it right or back: marks follow the release, and its order follows this file."
        ) from None
    names = {
        grade_id(cell) for cell in cells if grader_data_of(cell).get("grade") or grader_data_of(cell).get("solution")
    }
    changed += [f"the new question {name}" for name in sorted(names - questions - {""})]
    changed += [f"the question {name}, which is gone" for name in sorted(questions - names)]
    for cell in cells:
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


def insist(result: dict[str, Any], what: str) -> None:
    if not result["success"]:
        raise ClassroomError(f"nbgrader could not {what}: {reason(result)}")


def reason(result: dict[str, Any]) -> str:
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
    with alone(folder):
        known = people(folder, who)
        if source is not None:
            names = intake.cell_names(folder / "release" / slug / f"{slug}.ipynb")
            found = intake.collect(source, folder, slug, known, names)
        else:
            found = _from_exchange(folder, slug, known)
        told = collected(folder, slug)
        told["students"] |= {row.student: row.remarks for row in found.rows}
        told["questions"] = found.questions
        write_whole(folder / COLLECTED.format(slug), json.dumps(told))
    for row in found.rows:
        row.name = known.called.get(row.student, "")
    return found


def collected(folder: Path, slug: str) -> dict[str, Any]:
    """What was odd when the assignment was last collected: remarks by `students`, and the `questions`."""
    try:
        told: dict[str, Any] = json.loads((folder / COLLECTED.format(slug)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = {}
    return {"students": {}, "questions": []} | told


def _from_exchange(folder: Path, slug: str, known: Roster) -> Collected:
    from classroom import exchange

    with nbgrader(folder) as api:
        done = api.collect(slug, update=True)
        if not done["success"]:
            raise ClassroomError(
                f"nbgrader could not collect {slug}: {reason(done)}. That is for a server that students share; a learning platform's "
                f"download is taken in with --from: python -m lessons classroom autograde {slug} --from DOWNLOAD"
            )
    rows = {path.parent.name: Row(path.parent.name) for path in folder.glob(f"submitted/*/{slug}")}
    for row in rows.values():
        if known and row.student not in {one.id for one in known.students}:
            row.remarks.append(f"an account that is not in {STUDENTS}")
    found = Collected(taken=len(rows))
    config = config_of(folder)
    inbound = Path(config.Exchange.root, config.CourseDirectory.course_id, "inbound")
    for student, owner, when in exchange.forged(inbound, slug):
        row = rows.setdefault(student, Row(student))
        row.remarks.append(f"{owner} left a submission in this name ({when}): not taken")
    found.rows = sorted(rows.values(), key=lambda row: row.student)
    return found


def open_in_jupyter(folder: Path, extra: Sequence[str] = ()) -> None:
    """Run JupyterLab on the class until it is stopped. nbgrader's pages are in its menu *Nbgrader*, *Formgrader*."""
    settings(folder)
    words = [sys.executable, "-m", "jupyterlab", *extra]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    with alembic_on_path(), contextlib.suppress(KeyboardInterrupt):
        subprocess.run(words, cwd=folder, check=False)
