"""A class: an nbgrader course folder with the course's assignments in it, from the release to the marks.

    python -m lessons classroom init my-class
    cd my-class
    python -m lessons classroom release inception_module
    python -m lessons classroom collect inception_module --from downloads.zip
    python -m lessons classroom autograde inception_module
    python -m lessons classroom feedback inception_module
    python -m lessons classroom export

Everything lies where nbgrader puts it, so that its own commands and its pages in JupyterLab do the same.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from classroom import assignments as assign
from classroom.assignments import alembic_on_path
from classroom.notebooks import grade_id, new_notebook
from classroom.sandbox.jobs import Job, Outcome
from course.syllabus import lesson
from utils.system.files import write_whole

if TYPE_CHECKING:  # nbgrader takes seconds to load
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    from classroom.autograding import Mark

SETTINGS = "classroom.toml"
LARGEST = 50 * 2**20  # bytes of a notebook that is read at all
CLASSROOM = """# This class. Lines that begin with # are switched off.

# A word for this class and year. The numbers in the assignments follow from it: another word, other numbers, and last
# year's answers do not fit. Change it before the first release, and not after.
seed = {seed}

# When an assignment is due, in UTC. What comes later is marked as late in nbgrader's pages.
[due]
# inception_module = 2026-10-31T22:00:00
"""


class ClassroomError(RuntimeError):
    """It cannot be done; the message says why and what to do."""


@dataclass
class Settings:
    """What `classroom.toml` says."""

    seed: str = ""
    due: dict[str, datetime] = field(default_factory=dict)


@dataclass
class Row:
    """One student in the report: points by test, the sum that the tests gave, and what a teacher should know."""

    student: str
    points: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    is_new: bool = False

    @property
    def total(self) -> float:
        return sum(self.points.values())


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
            nbformat.write(assign.source(entry, seed=settings(folder).seed), path)
            written.append(path)
    return written


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
    """What the class's nbgrader_config.py says."""
    from traitlets.config import Config
    from traitlets.config.loader import PyFileConfigLoader

    config = Config()
    config.merge(PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config())
    return config


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
        ClassroomError: nbgrader refused; the message has its words.
    """
    _known(folder, slug)
    due = settings(folder).due.get(slug)
    with alembic_on_path(), _nbgrader(folder) as api:
        _insist(api.generate_assignment(slug, force=True, create=True), f"release {slug}")
        if exchange:
            _insist(api.release_assignment(slug), f"hand out {slug}")
    if due is not None:
        with gradebook(folder) as book:
            book.update_or_create_assignment(slug, duedate=due.isoformat())
    return folder / "release" / slug / f"{slug}.ipynb"


def _insist(result: dict[str, Any], what: str) -> None:
    if not result["success"]:
        said = (result.get("log") or "") + (result.get("error") or "")
        raise ClassroomError(f"nbgrader could not {what}:\n{said.strip()[-3000:]}")


# What was handed in


def collect(folder: Path, slug: str, source: Path | None = None) -> list[Row]:
    """Bring what students handed in to `submitted/STUDENT/ASSIGNMENT/`.

    Args:
        source: a folder or a zip as a learning platform gives it: one folder, one zip or one notebook for each student,
            named after the student. None takes them from nbgrader's exchange.

    Returns:
        The students, with remarks on what was not as it should be.
    """
    require_released(folder, slug)
    rows: dict[str, Row]
    if source is None:
        from classroom import exchange

        with _nbgrader(folder) as api:
            _insist(api.collect(slug, update=True), f"collect {slug}")
        rows = {path.parent.name: Row(path.parent.name) for path in folder.glob(f"submitted/*/{slug}")}
        config = _config(folder)
        inbound = Path(config.Exchange.root, config.CourseDirectory.course_id, "inbound")
        for student, owner, when in exchange.forged(inbound, slug):
            row = rows.setdefault(student, Row(student))
            row.remarks.append(f"{owner} left a submission in this name ({when}): not taken")
        return sorted(rows.values(), key=lambda row: row.student)
    if not source.exists():
        raise ClassroomError(f"There is no {source}.")
    with tempfile.TemporaryDirectory() as scratch:
        place = source
        if source.is_file():
            place = Path(scratch) / "all"
            _unpack(source, place)
            inside = [entry for entry in place.iterdir() if not entry.name.startswith((".", "__"))]
            if len(inside) == 1 and inside[0].is_dir() and any(each.is_dir() for each in inside[0].iterdir()):
                place = inside[0]  # the zip of a folder
        rows = {}
        for entry in sorted(place.iterdir()):
            if entry.name.startswith((".", "__")) or entry.is_symlink():
                continue
            student = student_of(entry.name if entry.is_dir() else entry.stem, slug)
            row = rows.setdefault(student, Row(student))
            found = entry
            if entry.suffix.lower() == ".zip" and entry.is_file():
                found = Path(scratch) / f"one-{len(rows)}"
                try:
                    _unpack(entry, found)
                except ClassroomError as error:
                    row.remarks.append(str(error))
            _take(found, folder, slug, row)
    if not rows:
        raise ClassroomError(f"There is nothing in {source}.")
    return sorted(rows.values(), key=lambda row: row.student)


def student_of(name: str, slug: str) -> str:
    """The student's name in the name of a file or folder, as learning platforms make them.

    `doejane_LATE_1234_5678_inception_module-2` and `Jane Doe_1234_assignsubmission_file_` say doejane and Jane_Doe.
    """
    name = re.sub(rf"[_ -]*{re.escape(slug)}([ _-]*\(?\d+\)?)?$", "", name)
    name = re.sub(r"_(LATE_)?\d{3,}(_.*)?$", "", name)
    return re.sub(r"[^\w.@-]+", "_", name).strip("._") or "unnamed"


def _unpack(archive: Path, place: Path) -> None:
    """The files of a zip, each in a folder below `place`, none anywhere else."""
    place.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                parts = [part for part in Path(member.filename).parts if part not in ("..", "/", "\\")]
                if member.is_dir() or not parts or member.file_size > LARGEST:
                    continue
                target = place.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as content, open(target, "wb") as out:
                    shutil.copyfileobj(content, out)
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError) as error:
        raise ClassroomError(f"{archive.name} is no zip that can be read ({error}).") from None


def _take(found: Path, folder: Path, slug: str, row: Row) -> None:
    """Copy a student's notebook into the class."""
    target = folder / "submitted" / row.student / slug
    files = [found] if found.is_file() else [path for path in sorted(found.rglob("*")) if path.is_file()]
    files = [path for path in files if not path.is_symlink() and path.stat().st_size <= LARGEST]
    target.mkdir(parents=True, exist_ok=True)
    chosen, remark = choose(files, folder, slug)
    if chosen is None:
        for path in files:
            shutil.copyfile(path, target / path.name)
    else:
        shutil.copyfile(chosen, target / f"{slug}.ipynb")
        when = datetime.fromtimestamp(chosen.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
        (target / "timestamp.txt").write_text(when, encoding="utf-8")
    if remark:
        row.remarks.append(remark)


def choose(files: Iterable[Path], folder: Path, slug: str) -> tuple[Path | None, str]:
    """Which of a student's files is the assignment's notebook, and a remark where that is not plain.

    It is known by its name, or else by the names that nbgrader gave its cells.
    """
    files = list(files)
    notebooks = [path for path in files if path.suffix.lower() == ".ipynb"]
    named = [path for path in notebooks if path.name == f"{slug}.ipynb"]
    if len(named) == 1:
        return named[0], ""
    names = _cell_names(read(folder / "release" / slug / f"{slug}.ipynb"))
    matches = []
    for path in notebooks:
        with contextlib.suppress(ClassroomError):
            common = len(names & _cell_names(read(path)))
            if common:
                matches.append((common, path.stat().st_mtime, path))
    if matches:
        best = max(matches, key=lambda match: match[:2])[2]
        if len(notebooks) == 1 and re.search(rf"{re.escape(slug)}([ _-]*\(?\d+\)?)?$", best.stem):
            return best, ""  # as learning platforms name them
        return best, f"handed in as {best.name}" + (
            f", one of {len(notebooks)} notebooks" if len(notebooks) > 1 else ""
        )
    if len(notebooks) == 1:
        return notebooks[0], f"handed in as {notebooks[0].name}, which has no cell of this assignment"
    if notebooks:
        return None, f"{len(notebooks)} notebooks, and none is named {slug}.ipynb or has a cell of this assignment"
    return None, "no notebook" + (f", but {', '.join(sorted(path.name for path in files)[:3])}" if files else "")


def _cell_names(notebook: NotebookNode) -> set[str]:
    return {grade_id(cell) for cell in notebook.cells} - {""}


def read(path: Path) -> NotebookNode:
    """A notebook that somebody else wrote.

    Raises:
        ClassroomError: it is none; the message says what it is.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ClassroomError(f"{path.name} is larger than {LARGEST // 2**20} MB")
        notebook: NotebookNode = nbformat.read(path, as_version=4)
        if any(cell.cell_type not in ("code", "markdown", "raw") for cell in notebook.cells):
            raise ClassroomError(f"{path.name} has a cell that is no cell")
    except ClassroomError:
        raise
    except Exception as error:  # whatever is in that file
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise ClassroomError(f"{path.name} is no notebook that can be read ({reason})") from None
    return notebook


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
    from classroom import autograding
    from classroom.sandbox.isolation import in_force
    from classroom.sandbox.workers import Workers

    rows = {row.student: row for row in _roster(folder, slug, students)}
    unknown = sorted(set(students) - set(rows))
    if unknown:
        raise ClassroomError(f"There is no student {unknown[0]!r} in submitted/ or the gradebook.")
    jobs: dict[str, Job] = {}
    digests: dict[str, str] = {}
    with _nbgrader(folder) as api:
        mark = autograding.Mark(parent=api)
    marks = folder / mark.folder
    for row in rows.values():
        try:
            notebook = _intake(folder, slug, row)
        except ClassroomError as error:
            row.remarks.append(f"{error}: no points")
            continue
        if notebook is None:
            continue
        jobs[row.student] = _job(folder, slug, notebook, mark, row)
        digests[row.student] = autograding.digest(jobs[row.student])
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
    _enter(folder, slug, rows, digests, again=again, say=say)
    for row in rows.values():
        row.points = points(folder, slug, row.student)
    report = sorted(rows.values(), key=lambda row: row.student)
    (folder / "reports").mkdir(exist_ok=True)
    (folder / "reports" / f"{slug}.txt").write_text(table(report, folder, slug) + "\n", encoding="utf-8")
    return report


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
    files = [path for path in sorted(place.rglob("*")) if path.is_file() and path.name != "timestamp.txt"]
    chosen, remark = choose(files, folder, slug)
    if chosen is None:
        raise ClassroomError(remark)
    if remark:
        row.remarks.append(remark)
    expected = place / f"{slug}.ipynb"
    notebook = read(chosen)
    if chosen != expected:
        shutil.copyfile(chosen, expected)
    spec = notebook.metadata.get("kernelspec", {})
    kernel = spec.get("name", "python3")
    if "python" not in str(kernel).lower() and str(spec.get("language", "python")).lower() != "python":
        row.remarks.append(f"made for the kernel {kernel!r}, run with Python")
    return notebook


def _job(folder: Path, slug: str, notebook: NotebookNode, mark: "Mark", row: Row) -> Job:
    """What will be run, as the steps in nbgrader's configuration make it. The row gets what was done to the teacher's cells."""
    from classroom import autograding

    cells = autograding.source_cells(slug, slug, _database(folder), folder)
    released = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in read(folder / "release" / slug / f"{slug}.ipynb").cells
        if cell.metadata.get("nbgrader", {}).get("locked")
    }
    submitted: dict[str, list[str]] = {}
    for cell in notebook.cells:
        if (name := grade_id(cell)) in released:
            submitted.setdefault(name, []).append(cell.source)
    for verb, names in (
        ("deleted", [name for name in released if name not in submitted]),
        ("copied", [name for name, sources in submitted.items() if len(sources) > 1]),
        ("changed", [name for name, sources in submitted.items() if any(each != released[name] for each in sources)]),
    ):
        if names:
            row.remarks.append(f"{verb} the teacher's {', '.join(names)} (put back)")
    clean = new_notebook(autograding.restored(notebook, cells))
    return mark.job(clean, autograding.answer_names(slug, slug, folder, cells))


def _remarks_on(job: Job, outcomes: list[Outcome]) -> list[str]:
    remarks = []
    for cell, outcome in zip(job.cells, outcomes, strict=True):
        where = cell.name or "an added cell"
        if outcome.undecided:
            remarks.append(f"{where}: no test could decide, please look ({outcome.undecided})")
        elif outcome.error and outcome.error[0] in ("ProcessEnded", "TimeoutError", "MemoryError"):
            remarks.append(f"{where}: {outcome.error[1] or outcome.error[0]}")
        if outcome.remark:
            remarks.append(f"{where}: {outcome.remark}")
    return remarks


def _enter(
    folder: Path, slug: str, rows: dict[str, Row], digests: dict[str, str], *, again: bool, say: Callable[[str], None]
) -> None:
    """Points into nbgrader's gradebook, one student after the other."""
    done_path = folder / ".marks" / f"{slug}.done.json"
    try:
        done = json.loads(done_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        done = {}
    with alembic_on_path(), _nbgrader(folder) as api:
        for student, row in rows.items():
            graded = folder / "autograded" / student / slug / f"{slug}.ipynb"
            if student not in digests:
                if (folder / "submitted" / student / slug).is_dir():
                    _nothing(folder, slug, student)
                continue
            if done.get(student) == digests[student] and graded.exists() and not again:
                continue
            result = api.autograde(slug, student, force=True, create=True)
            if not result["success"]:
                said = ((result.get("error") or "") + (result.get("log") or "")).strip() or "it gave no reason"
                row.remarks.append(f"nbgrader could not enter the points: {said.splitlines()[-1]}")
                _nothing(folder, slug, student)
                continue
            row.is_new = True
            done[student] = digests[student]
            write_whole(done_path, json.dumps(done))
    say("The points are in the gradebook.")


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


def table(rows: Sequence[Row], folder: Path, slug: str) -> str:
    """The report for a terminal: a line for each student, and remarks below it."""
    names = list(dict.fromkeys(name for row in rows for name in row.points))
    width = max([len(row.student) for row in rows] + [7])
    lines = ["  ".join([f"{'student':<{width}}", *names, "by tests"])]
    for row in rows:
        cells = [f"{row.points.get(name, 0):>{len(name)}g}" if row.points else f"{'-':>{len(name)}}" for name in names]
        total = f"{row.total:>8g}" if row.points else f"{'-':>8}"
        lines.append("  ".join([f"{row.student:<{width}}", *cells, total]))
        lines += [f"{'':<{width}}    {remark}" for remark in row.remarks]
    return "\n".join(lines)


def feedback(folder: Path, slug: str, *, exchange: bool = False) -> list[Path]:
    """A page for each student: their work, the points, and what the tests said. The pages that were written come back."""
    require_released(folder, slug)
    if not any(folder.glob(f"autograded/*/{slug}/*.ipynb")):
        raise ClassroomError(f"Nothing is marked yet: python -m lessons classroom autograde {slug}")
    with _nbgrader(folder) as api:
        _insist(api.generate_feedback(slug, force=True), f"make the feedback of {slug}")
        if exchange:
            _insist(api.release_feedback(slug), f"hand out the feedback of {slug}")
    return sorted(folder.glob(f"feedback/*/{slug}/*.html"))


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
    assign.nbgrader("export", "--to", str(to.resolve()), folder=folder)
    return to
