"""The learner's own folder, `work/`: copies of the course's notebooks that no update overwrites.

`notebooks/` is the course's and is tracked by git; nobody needs to write in it. `work/` is the learner's and is not
tracked, so `git pull` neither touches it nor is held up by it. `update` brings new versions over from the first to the
second: an unedited copy is replaced, an edited one is kept and the new version is put beside it.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from utils.system.files import write_whole
from utils.system.places import NOTEBOOKS, work_folder


def digest(notebook: Mapping[str, Any]) -> str:
    """A digest of what a notebook says: the types and sources of its cells, in order.

    Outputs, execution counts, cell ids and metadata do not count, and neither do empty cells: JupyterLab adds one when
    the last cell is run.
    """
    cells = []
    for cell in notebook["cells"]:
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        if source.strip():
            cells.append([cell["cell_type"], source])
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


@dataclass(frozen=True)
class Version:
    """Which version of the course's notebook a file is: the digest it was built with, and the digest of what it says.

    `built` is None where the file does not tell, as when it is no notebook of the course or is broken.
    """

    built: str | None
    says: str | None

    @property
    def edited(self) -> bool:
        return self.built is None or self.built != self.says


def version(path: Path) -> Version:
    """Reads the version of a notebook file, whatever state the file is in."""
    try:
        notebook = json.loads(path.read_bytes())
        built = notebook["metadata"]["course"]["digest"]
        return Version(built=built if isinstance(built, str) else None, says=digest(notebook))
    except (ValueError, KeyError, TypeError):
        return Version(built=None, says=None)


def is_edited(path: Path) -> bool:
    """Whether someone has changed the notebook since it was built. One that cannot be read counts as edited."""
    return version(path).edited


@dataclass(frozen=True)
class Change:
    """What `update` did about one notebook, and the sentence that tells the learner; an empty one needs no telling."""

    kind: str  # made · replaced · beside · unchanged · edited in place · unreadable
    path: Path
    sentence: str = ""


def update(notebooks: Path = NOTEBOOKS, work: Path | None = None) -> list[Change]:
    """Brings the learner's copies of the course's notebooks up to date; returns what it did, notebook by notebook.

    - A copy that is missing is made.
    - A copy that is not edited is replaced when the course has a newer version.
    - An edited copy stays as it is, byte for byte. When the course has a version newer than the one that it was made
      from, that version is put beside it as `NN_slug.new.ipynb`, once.
    """
    target = (work_folder() if work is None else work) / "notebooks"
    target.mkdir(parents=True, exist_ok=True)
    changes = []
    with FileLock(target.parent / ".update.lock"):
        for source in sorted(notebooks.glob("*.ipynb")):
            changes += bring_over(source, target / source.name)
    return changes


def bring_over(source: Path, copy: Path) -> list[Change]:
    course = version(source)
    if course.built is None:
        return [
            Change(
                "unreadable",
                source,
                f"{shown(source)} cannot be read as a notebook of the course, so it was left out; "
                f"`git checkout {shown(source)}` brings it back.",
            )
        ]
    if not copy.exists():
        write_whole(copy, source.read_bytes())
        changes = [Change("made", copy)]
    else:
        changes = [refresh(source, course, copy)]
    if course.edited:
        changes.append(
            Change(
                "edited in place",
                source,
                f"{shown(source)} is the course's copy, and it has been changed; it was left as it is. Your own copy, "
                f"which no update overwrites, is {shown(copy)}: work there. When nothing in the other is worth "
                f"keeping, `git checkout {shown(source)}` brings the course's version back.",
            )
        )
    return changes


def refresh(source: Path, course: Version, copy: Path) -> Change:
    mine = version(copy)
    if mine.built == course.built or course.edited:
        return Change("unchanged", copy)
    if not mine.edited:
        write_whole(copy, source.read_bytes())
        return Change("replaced", copy, f"{shown(copy)} was brought up to the course's new version.")
    beside = place_beside(copy, course)
    if beside is None:
        return Change("unchanged", copy)
    write_whole(beside, source.read_bytes())
    return Change(
        "beside",
        copy,
        f"The course has a new version of {copy.name}. Yours is edited and stays as it is: {shown(copy)}. "
        f"The new one is beside it: {shown(beside)}.",
    )


def place_beside(copy: Path, course: Version) -> Path | None:
    """Where the course's version may be put beside an edited copy; None where it already is."""
    places = [copy.with_name(f"{copy.stem}.new.ipynb")]
    while places[-1].exists():
        places.append(copy.with_name(f"{copy.stem}.new{len(places) + 1}.ipynb"))
    versions = {place: version(place) for place in places[:-1]}
    if any(there.built == course.built for there in versions.values()):
        return None
    return next((place for place, there in versions.items() if not there.edited), places[-1])


def shown(path: Path) -> str:
    """A path as short as it can be said: from the current folder where it lies in it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
