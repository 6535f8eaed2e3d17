"""Marking a class: `autograde(folder, "inception_module")`, from what was handed in to points in nbgrader's gradebook.

All submissions run in the sandbox (`classroom.sandbox.workers`), in parallel; nbgrader then enters their points, one student after the
other. `feedback` makes the students' pages.
"""

import hashlib
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from nbformat import NotebookNode

from classroom import intake
from classroom.assignments import alembic_on_path
from classroom.course_folder import (
    alone,
    collected,
    database,
    gradebook,
    insist,
    nbgrader,
    outdated,
    people,
    reason,
    require_released,
    unreleased_changes,
)
from classroom.notebooks import ClassroomError, grade_id, grader_data_of, new_notebook, read, read_with_remarks
from classroom.report import Row, table
from classroom.roster import STUDENTS
from classroom.sandbox.jobs import Job, Outcome
from utils.system.files import write_whole


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
    with alone(folder):
        called = people(folder).called
        _compose_names(folder)
        told = collected(folder, slug)["students"]
        rows = {row.student: row for row in _roster(folder, slug, students)}
        for row in rows.values():
            row.name = called.get(row.student, "")
            row.remarks += told.get(row.student, [])
            if called and row.student not in called:
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
    with nbgrader(folder) as api:
        mark = autograding.Mark(parent=api)
    marks = folder / mark.folder
    known_cells = autograding.source_cells(slug, slug, database(folder), folder)
    names = autograding.answer_names(slug, slug, folder, known_cells)
    released = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in read(folder / "release" / slug / f"{slug}.ipynb").cells
        if grader_data_of(cell).get("locked")
    }
    jobs: dict[str, Job] = {}
    digests: dict[str, str] = {}
    texts: dict[str, str] = {}  # all that a student wrote, free answers too
    for row in rows.values():
        try:
            notebook = _intake(folder, slug, row)
            if notebook is None:
                continue
            row.remarks += _tampering(notebook, released)
            restored = new_notebook(autograding.restored(notebook, known_cells))
            texts[row.student] = json.dumps(
                [[each.cell_type, each.source, each.get("attachments")] for each in restored.cells]
            )
            job = mark.job(restored, names)
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
    say(f"{len(jobs)} can be marked, {len(to_run)} to run.")
    with Workers(min(workers, max(len(to_run), 1))) as pool:
        for count, (number, found) in enumerate(pool.mark([distinct[key] for key in to_run]), start=1):
            key = to_run[number]
            autograding.cache(marks, distinct[key], found)
            outcomes[key] = found
            say(f"{count:>3} of {len(to_run)}  {', '.join(student for student in jobs if digests[student] == key)}")
    for row in rows.values():
        row.remarks = list(dict.fromkeys(row.remarks))  # what was said when it was collected is not said twice
    for student, job in jobs.items():
        rows[student].remarks += _remarks_on(job, outcomes[digests[student]])
    # What is entered depends on the outcome, and on the points that the release gives for it.
    worth = json.dumps(
        [[grade_id(cell), grader_data_of(cell).get("points")] for cell in known_cells] + [_due(folder, slug)]
    )
    entered = {
        student: hashlib.sha256(f"{key}{texts[student]}{worth}{_stamp(folder, slug, student)}".encode()).hexdigest()
        for student, key in digests.items()
    }
    _enter(folder, slug, rows, entered, again=again, say=say)
    late = _late(folder, slug)
    for row in rows.values():
        row.points = points(folder, slug, row.student)
        if row.student in late:
            row.remarks.insert(0, f"late by {late[row.student]}")
    report = sorted(rows.values(), key=lambda row: row.student)
    (folder / "reports").mkdir(exist_ok=True)
    asked = [f"Asked about, and in no line above: {question}" for question in collected(folder, slug)["questions"]]
    (folder / "reports" / f"{slug}.txt").write_text("\n".join([table(report), *asked, ""]), encoding="utf-8")
    return report


def _due(folder: Path, slug: str) -> str:
    """What decides about lateness: when it is due, and the class's own configuration."""
    with gradebook(folder) as book:
        return f"{book.find_assignment(slug).duedate}{(folder / 'nbgrader_config.py').read_text(encoding='utf-8')}"


def _late(folder: Path, slug: str) -> dict[str, str]:
    """How late each student is who is."""
    with gradebook(folder) as book:
        seconds = {each.student.id: each.total_seconds_late for each in book.assignment_submissions(slug)}
    return {student: duration(much) for student, much in seconds.items() if much > 0}


def duration(seconds: float) -> str:
    """How long that is, in its two largest units: "2 d 3 h", "11 h 30 min", "under a minute"."""
    minutes = int(seconds // 60)
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    parts = parts[next((at for at, (count, _) in enumerate(parts) if count), 3) :]
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count) or "under a minute"


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
        row.remarks.append("nothing that can be marked" if row.remarks else "nothing handed in")
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
        elif outcome.error and cell.role == "student":
            name, text, _ = outcome.error
            remarks.append(f"{where}: stopped with {name}{f': {text.splitlines()[0]:.80}' if text.strip() else ''}")
        if outcome.remark:
            remarks.append(f"{where}: {outcome.remark}")
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
    with alembic_on_path(), nbgrader(folder) as api:
        for student, row in rows.items():
            graded = folder / "autograded" / student / slug / f"{slug}.ipynb"
            if student not in entered:
                if (folder / "submitted" / student / slug).is_dir():
                    _nothing(folder, slug, student)
                    if done.pop(student, None):  # the same notebook as before this one counts again when it comes again
                        write_whole(done_path, json.dumps(done))
                continue
            if done.get(student) == entered[student] and graded.exists() and not again:
                continue
            if not _stamp(folder, slug, student):
                _forget_when(folder, slug, student)
            result = api.autograde(slug, student, force=True, create=True)
            if not result["success"]:
                row.remarks.append(f"nbgrader could not enter the points: {reason(result)}")
                _nothing(folder, slug, student)
                done.pop(student, None)
                continue
            row.is_new = True
            done[student] = entered[student]
            write_whole(done_path, json.dumps(done))
    _name_the_nameless(folder)
    say("The points are in the gradebook.")


def _forget_when(folder: Path, slug: str, student: str) -> None:
    """nbgrader keeps the time of what was handed in before, where nothing says that of the new one."""
    from nbgrader.api import MissingEntry

    with gradebook(folder) as book:
        try:
            book.find_submission(slug, student).timestamp = None
        except MissingEntry:
            return
        book.db.commit()


def _name_the_nameless(folder: Path) -> None:
    """nbgrader's pages call a student without names "None, None"."""
    with gradebook(folder) as book:
        for each in book.students:
            if each.first_name is None and each.last_name is None:
                each.first_name, each.last_name = "", each.id
        book.db.commit()


def _nothing(folder: Path, slug: str, student: str) -> None:
    """A submission that cannot be read: no points, nothing left to mark, and no page of what was there before."""
    for made in ("autograded", "feedback"):
        shutil.rmtree(folder / made / student / slug, ignore_errors=True)
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
    with alone(folder), nbgrader(folder) as api:
        insist(api.generate_feedback(slug, force=True), f"make the feedback of {slug}")
        if exchange:
            insist(api.release_feedback(slug), f"hand out the feedback of {slug}")
    return sorted(folder.glob(f"feedback/*/{slug}/*.html"))


def without_page(folder: Path, slug: str) -> list[str]:
    """Who handed something in and gets no page, since it could not be marked."""
    handed_in = {path.parent.name for path in folder.glob(f"submitted/*/{slug}") if path.is_dir()}
    return sorted(handed_in - {path.parents[1].name for path in folder.glob(f"feedback/*/{slug}/*.html")})


def waiting(folder: Path, slug: str) -> list[str]:
    """Who has handed in something since their work was marked, by the files' times."""

    def when(place: str, student: str) -> float:
        path = folder / place / student / slug / f"{slug}.ipynb"
        return path.stat().st_mtime if path.exists() else 0.0

    students = sorted(path.parent.name for path in folder.glob(f"autograded/*/{slug}"))
    return [student for student in students if when("submitted", student) > when("autograded", student) > 0]


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
    with nbgrader(folder) as api:
        step = AssignLatePenalties(parent=api)
        step.log.setLevel("ERROR")
        for each in late:
            step.preprocess(new_notebook([]), {"nbgrader": each | {"db_url": database(folder)}})
