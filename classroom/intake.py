"""What a learning platform's download holds, student by student: `collect(source, folder, slug, people, names)`.

Every file of the download is accounted for: taken in, or named with the reason. Nothing is merged and nothing of one student
overwritten by another's; what cannot be given to exactly one student is asked about (`classroom.roster`).
"""

import contextlib
import os
import re
import shutil
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from classroom.notebooks import LARGEST, ClassroomError, NotANotebook, grade_id, read, read_with_remarks
from classroom.report import Collected, Row
from classroom.roster import STUDENTS, Label, Question, Roster, Student, as_written, folder_name, read_label

MOST_FILES, MOST_BYTES = 20_000, 4 * 2**30  # of a download, unpacked
OWN_FILES, OWN_BYTES = 500, 200 * 2**20  # of one student's zip
TIMESTAMP = "timestamp.txt"
ONE_DOWNLOAD = 60  # seconds: files of several students within these have the time of the download
_AS_SAVED = (".txt", ".json", "")  # how browsers save a notebook that they take for something else
_OF_THE_SYSTEM = ("Thumbs.db", "desktop.ini")


@dataclass
class File:
    """A file of the download: where it is now, what the download calls it, and its time there (of a student's zip, the zip's)."""

    path: Path
    name: str
    time: float


@dataclass
class Group:
    """What one student handed in, as far as the labels say. `is_dated`: the files' times say when."""

    label: Label
    files: list[File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_dated: bool = True


def collect(source: Path, folder: Path, slug: str, people: Roster, names: set[str]) -> Collected:
    """Bring what students handed in to `submitted/STUDENT/ASSIGNMENT/`.

    Args:
        source: a folder or a zip as a learning platform gives it.
        people: who is in the class; where it is empty, students are called what the download calls them.
        names: what nbgrader calls the assignment's cells.

    Raises:
        ClassroomError: there is nothing, or the zip cannot be read.
    """
    found = Collected()
    with tempfile.TemporaryDirectory() as scratch:
        place, refused = source, []
        if source.is_file():
            place = Path(scratch) / "all"
            refused = _unpack(source, place, files=MOST_FILES, size=MOST_BYTES)
        elif not source.is_dir():
            raise ClassroomError(f"There is no {source}.")
        outer, place = place, _unwrapped(place, slug, people)
        if outer != place:
            found.left += [
                (file.name, _nobodys(file.path))
                for entry in outer.iterdir()
                if entry != place
                for file in _files(entry, outer)
            ]
        groups = _grouped(place, slug, found, Path(scratch))
        for name, reason in refused:
            found.left.append((name, reason))
            _note(name.removeprefix(f"{place.name}/"), reason, slug, groups)
        if not groups and not found.left:
            raise ClassroomError(f"There is nothing in {source}.")
        _tell_dates(groups, found)
        for student, group in _assigned(groups, people, folder, found):
            found.rows.append(_take(student, group, folder / "submitted" / student / slug, slug, names, found))
    if not people:
        found.notes.append(
            f"There is no {STUDENTS}: students are called what the download calls them, and two of one name in different "
            "assignments would be one."
        )
    found.rows.sort(key=lambda row: row.student)
    found.left.sort()
    return found


# Whose it is


def _unwrapped(place: Path, slug: str, people: Roster) -> Path:
    """The folder in which each entry is a student's: where all lies in one that is nobody's, that one."""
    inside = [entry for entry in place.iterdir() if not _of_the_system(entry.name)]
    if len(inside) != 1 or not inside[0].is_dir() or inside[0].is_symlink():
        return place
    label = read_label(inside[0].name, slug)
    if label.platform or isinstance(people.find(label), Student):
        return place
    within = [entry for entry in inside[0].iterdir() if not _of_the_system(entry.name)]
    files = [entry for entry in within if entry.suffix.lower() in (".ipynb", ".zip")]
    is_wrapper = any(entry.is_dir() or read_label(entry.name, slug).platform for entry in within) or len(files) > 1
    return inside[0] if people or is_wrapper else place


def _grouped(place: Path, slug: str, found: Collected, scratch: Path) -> list[Group]:
    """The download's files by student; what is nobody's is left."""
    groups: dict[tuple[str, str, str], Group] = {}
    for number, entry in enumerate(sorted(place.iterdir())):
        if entry.is_symlink() or _of_the_system(entry.name) or not (entry.is_dir() or entry.is_file()):
            found.left += [(file.name, _nobodys(file.path)) for file in _files(entry, place)]
            continue
        label = read_label(entry.name, slug)
        if not label.platform and entry.is_file() and entry.suffix.lower() not in (".ipynb", ".zip"):
            found.left.append((entry.name, "neither a notebook nor in a student's folder"))
            continue
        group = groups.setdefault(label.key if label.platform else ("", entry.name, ""), Group(label))
        if label.attempt and group.label.attempt and label.attempt != group.label.attempt:
            earlier = label if label.attempt < group.label.attempt else group.label
            when = f"an earlier attempt ({earlier.attempt:%Y-%m-%d %H:%M})"
            if earlier is label:
                found.left += [(file.name, when) for file in _files(entry, place)]
                continue
            found.left += [(file.name, when) for file in group.files]
            group.label, group.files = label, []
        for file in _files(entry, place):
            if file.path.is_symlink() or _of_the_system(file.path.name) or "__MACOSX" in file.name:
                found.left.append((file.name, _nobodys(file.path)))
            elif file.path.suffix.lower() == ".zip":
                group.files += _of_a_zip(file, scratch / f"one-{number}-{len(group.files)}", found, group)
            else:
                group.files.append(file)
    return list(groups.values())


def _note(name: str, reason: str, slug: str, groups: list[Group]) -> None:
    """Say at its student that a notebook was refused."""
    if not name.lower().endswith(".ipynb") or ".." in name:
        return
    label = read_label(PurePosixPath(name).parts[0], slug)
    group = next((group for group in groups if group.label.key == label.key), None)
    if group is None:
        groups.append(group := Group(label))
    group.notes.append(f"{PurePosixPath(name).name}: {reason}")


def _of_a_zip(file: File, place: Path, found: Collected, group: Group) -> Iterator[File]:
    try:
        refused = _unpack(file.path, place, files=OWN_FILES, size=OWN_BYTES)
    except ClassroomError as error:
        found.left.append((file.name, str(error)))
        group.notes.append(str(error))
        return
    found.left += [(f"{file.name}/{name}", reason) for name, reason in refused]
    group.notes += [f"{name}: {reason}" for name, reason in refused if name.lower().endswith(".ipynb")]
    for inner in _files(place, place):
        name = f"{file.name}/{inner.name}"
        if "__MACOSX" in inner.name or _of_the_system(inner.path.name):
            found.left.append((name, _nobodys(inner.path)))
        else:
            yield File(inner.path, name, file.time)


def _files(entry: Path, place: Path) -> list[File]:
    """All files of an entry, itself where it is one. Links are not followed."""
    if entry.is_symlink() or not entry.is_dir():
        return [_file(entry, place)]
    found = []
    for top, folders, names in os.walk(entry):
        links = [name for name in folders if Path(top, name).is_symlink()]
        found += [_file(Path(top, name), place) for name in (*names, *links)]
    return sorted(found, key=lambda file: file.name)


def _file(path: Path, place: Path) -> File:
    return File(path, path.relative_to(place).as_posix(), path.lstat().st_mtime)


def _of_the_system(name: str) -> bool:
    return name.startswith((".", "__MACOSX")) or name in _OF_THE_SYSTEM


def _nobodys(path: Path) -> str:
    return "a link" if path.is_symlink() else "the system's own, nothing of a student's"


def _assigned(groups: list[Group], people: Roster, folder: Path, found: Collected) -> Iterator[tuple[str, Group]]:
    """Each student's id and group; what has none, or shares one, is asked about and left."""
    owners: dict[str, list[tuple[str, Group]]] = {}
    for group in groups:
        student = people.find(group.label) if people else _called(group.label)
        if isinstance(student, Question):
            _ask(student.text, [group], found)
        else:
            name = student.id if isinstance(student, Student) else student
            owners.setdefault(as_written(name), []).append((name, group))
    there = {as_written(path.name): path.name for path in folder.glob("submitted/*")}
    for key, same in owners.items():
        if len(same) == 1:
            yield there.get(key, same[0][0]), same[0][1]
        elif not people and all(group.label.number for _, group in same):
            for name, group in same:
                group.notes.append(
                    f"{len(same)} are called {group.label.who}; this is the one with the number {group.label.number}. "
                    "A students.csv keeps them apart from one assignment to the next"
                )
                yield f"{name}_{group.label.number}", group
        else:
            labels = ", ".join(sorted(group.files[0].name if group.files else str(group.label) for _, group in same))
            _ask(
                f"{same[0][0]}: {len(same)} submissions ({labels}). Leave the one that counts.",
                [g for _, g in same],
                found,
            )


def _called(label: Label) -> str | Question:
    """What a class without a list calls a student."""
    if label.platform != "blackboard":
        return folder_name(label.who)
    if label.who.count("_") != 1:
        return Question(f"{label}: where does the user name begin? Save Blackboard's list as {STUDENTS}.")
    return folder_name(label.who.partition("_")[2])


def _ask(question: str, groups: Iterable[Group], found: Collected) -> None:
    found.questions.append(question)
    found.left += [(file.name, "whose it is, is asked below") for group in groups for file in group.files]


def _tell_dates(groups: list[Group], found: Collected) -> None:
    """Believe the files' times, unless those of all students are one: then it is the download's, as Moodle writes it.

    Source: Moodle, mod/assign/classes/downloader.php and files/classes/local/archive_writer/zip_writer.php, which writes the
    current time where it is given none.
    """
    dated = [group for group in groups if group.label.platform != "canvas" and not group.label.attempt]
    times = [file.time for group in dated for file in group.files]
    if sum(bool(group.files) for group in dated) < 2 or max(times) - min(times) > ONE_DOWNLOAD:
        return
    for group in dated:
        group.is_dated = False
    found.notes.append(
        "All files have the same time, that of the download: when each was handed in is not known, and nobody of these is "
        "late here. Your platform says who was."
    )


# Taking in


def _take(student: str, group: Group, target: Path, slug: str, names: set[str], found: Collected) -> Row:
    """Copy a student's notebook into the class."""
    row = Row(student, remarks=list(group.notes))
    if group.label.late:
        row.remarks.append("late, says Canvas")
    chosen, remark = choose([file.path for file in group.files], names, slug)
    for file in group.files:
        if chosen is not None and file.path != chosen:
            found.left.append((file.name, f"beside {chosen.name}"))
        elif file.path.stat().st_size > LARGEST and file.path != chosen:
            found.left.append((file.name, f"more than {LARGEST // 2**20} MB"))
        elif chosen is None:
            place = target / Path(*PurePosixPath(file.name).parts[-2:])
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path, place)
            found.taken += 1
    if remark:
        row.remarks.append(remark)
    if chosen is None:
        if (target / f"{slug}.ipynb").exists():
            row.remarks.append("what was handed in before stays")
        return row
    file = next(file for file in group.files if file.path == chosen)
    when = _handed_in(file, group)
    before = _time(target / TIMESTAMP)
    if when and before and when < before and chosen.read_bytes() != _content(target / f"{slug}.ipynb"):
        found.left.append((file.name, f"older than what is there ({when:%Y-%m-%d %H:%M} UTC)"))
        return row
    there = target / f"{slug}.ipynb"
    try:
        row.remarks += read_with_remarks(chosen)[1]
        is_ours = bool(names & cell_names(chosen))
    except NotANotebook as error:
        row.remarks.append(str(error))
        is_ours = False
    if not is_ours and _is_of(there, names):
        row.remarks.append("what was handed in before stays")
        found.left.append((file.name, "it would replace a notebook of this assignment"))
        return row
    if there.exists() and chosen.read_bytes() != _content(there):
        row.remarks.append(f"replaces another notebook{f' of {before:%Y-%m-%d %H:%M} UTC' if before else ''}")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(chosen, there)
    (target / TIMESTAMP).unlink(missing_ok=True)
    if when:
        (target / TIMESTAMP).write_text(when.strftime("%Y-%m-%d %H:%M:%S.%f UTC"), encoding="utf-8")
    found.taken += 1
    return row


def _is_of(path: Path, names: set[str]) -> bool:
    """Is there a notebook with a cell of these names?"""
    try:
        return path.exists() and bool(names & cell_names(path))
    except ClassroomError:
        return False


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _handed_in(file: File, group: Group) -> datetime | None:
    """When a file was handed in. Canvas's downloads do not say: its files have the time of the download."""
    if group.label.attempt:
        return group.label.attempt.astimezone(UTC)
    if group.label.platform == "canvas" or not group.is_dated:
        return None
    return datetime.fromtimestamp(file.time, UTC)


def _time(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.read_text(encoding="utf-8").strip(), "%Y-%m-%d %H:%M:%S.%f UTC").replace(
            tzinfo=UTC
        )
    except (OSError, ValueError):
        return None


def choose(files: Iterable[Path], names: set[str], slug: str) -> tuple[Path | None, str]:
    """Which of a student's files is the assignment's notebook, and a remark where that is not plain.

    It is known by its name, or else by the names that nbgrader gave its cells.
    """
    files = list(files)
    notebooks = [path for path in files if path.suffix.lower() == ".ipynb"] or [
        path for path in files if path.suffix.lower() in _AS_SAVED and _is_of(path, names)
    ]
    named = [path for path in notebooks if path.name == f"{slug}.ipynb"]
    if len(named) == len(notebooks) == 1:
        return named[0], _stranger(named[0], names)
    matches = []
    for path in notebooks:
        try:
            common = len(names & cell_names(path))
        except ClassroomError:
            continue
        if common:
            matches.append((common, path.stat().st_mtime, path))
    if len(named) == 1:
        return named[0], _rivals(named[0], [path for _, _, path in matches])
    if matches:
        best = max(matches, key=lambda match: match[:2])[2]
        if len(notebooks) == 1 and re.search(rf"{re.escape(slug)}([ _-]*\(?\d+\)?)?$", best.stem):
            return best, ""  # as learning platforms name them
        return best, f"handed in as {best.name}" + (
            f", one of {len(notebooks)} notebooks" if len(notebooks) > 1 else ""
        )
    if len(notebooks) == 1:
        return notebooks[0], _stranger(notebooks[0], names)
    if notebooks:
        return None, f"{len(notebooks)} notebooks, and none is named {slug}.ipynb or has a cell of this assignment"
    return None, "no notebook" + (f", but {', '.join(sorted(path.name for path in files)[:3])}" if files else "")


def _rivals(chosen: Path, matches: Iterable[Path]) -> str:
    """A remark on further notebooks of the assignment beside the one that has its name; empty where all are the same."""
    content, when = chosen.read_bytes(), chosen.stat().st_mtime
    others = [path for path in matches if path != chosen and path.read_bytes() != content]
    if not others:
        return ""
    told = ", ".join(
        path.name + (" (newer)" if path.stat().st_mtime > when + ONE_DOWNLOAD else "") for path in others[:3]
    )
    return (
        f"{len(others) + 1} different notebooks of this assignment: {chosen.name} is taken, and not {told}. If another one "
        "counts, take the rest out of the download, and call this again"
    )


def _stranger(path: Path, names: set[str]) -> str:
    """A remark on the only notebook, where nothing in it is the assignment's."""
    try:
        found = cell_names(path)
    except ClassroomError:
        return ""  # whoever reads it says why
    if found & names:
        return ""
    other = f": it has {', '.join(sorted(found)[:3])}" if found else ""
    return f"handed in as {path.name}, which has no cell of this assignment{other}"


def cell_names(path: Path) -> set[str]:
    """What nbgrader calls the cells of a notebook.

    Raises:
        NotANotebook: it cannot be read.
    """
    return {grade_id(cell) for cell in read(path).cells} - {""}


# Zips


def _unpack(archive: Path, place: Path, *, files: int, size: int) -> list[tuple[str, str]]:
    """The files of a zip, below `place` and nowhere else. Those that are refused come back, with the reason.

    Raises:
        ClassroomError: it is no zip, or one that would fill the disk.
    """
    place.mkdir(parents=True, exist_ok=True)
    refused = []
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            declared = sum(member.file_size for member in members if member.file_size <= LARGEST)
            if len(members) > files or declared > size:
                raise ClassroomError(
                    f"{archive.name} would unpack to {len(members)} files of {declared / 2**20:.0f} MB: nothing of it is "
                    f"read ({files} files and {size // 2**20} MB are the most)."
                )
            for member in members:
                name = _name_of(member)
                if reason := _refused(member, name):
                    refused.append((name, reason))
                    continue
                target = place.joinpath(*PurePosixPath(name).parts)
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if target.exists():
                        refused.append((name, "there are two of this name"))
                        continue
                    with opened.open(member) as content, open(target, "wb") as out:
                        shutil.copyfileobj(content, out)
                    when = datetime(*member.date_time).timestamp()
                    os.utime(target, (when, when))
                except Exception as error:  # whatever is in that file
                    refused.append((name, f"cannot be unpacked ({error})"))
                    target.unlink(missing_ok=True)
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, ClassroomError):
            raise
        raise ClassroomError(f"{archive.name} is no zip that can be read ({error}).") from None
    return refused


def _name_of(member: zipfile.ZipInfo) -> str:
    """A member's name, composed, also where UTF-8 is not declared as such (as in zips made on macOS)."""
    name = member.filename.replace("\\", "/")
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def _refused(member: zipfile.ZipInfo, name: str) -> str:
    """Why a member is not unpacked; empty where it is."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        return "its path leads out of the zip"
    if (member.external_attr >> 16) & 0o170000 == 0o120000:
        return "a link"
    if member.file_size > LARGEST:
        return f"has {member.file_size / 2**20:.0f} MB; more than {LARGEST // 2**20} MB is not read"
    return ""
