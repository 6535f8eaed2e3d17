"""Take in what students left in nbgrader's exchange: a class's configuration names `classroom.exchange.Collect`.

On such a server anybody may leave anything.
nbgrader goes by a submission's name and copies what it finds, as the teacher. A student could leave a notebook in another's
name, or a link to the solutions, which the teacher's own copy would then fetch.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from logging import Logger
from pathlib import Path

from nbgrader.exchange.default import ExchangeCollect

LARGEST = 50 * 2**20  # bytes of a file that is taken in at all
ASIDE = "not-"


class Collect(ExchangeCollect):
    """nbgrader's collecting, which takes from each student what is theirs, and files alone."""

    def init_src(self) -> None:
        set_aside(Path(self.root, self.coursedir.course_id, "inbound"), self.coursedir.assignment_id)
        super().init_src()

    def do_copy(self, src: str, dest: str, log: Logger | None = None) -> None:
        """Copy the regular files of a submission. Links, devices and what cannot be read stay behind."""
        copy_files(Path(src), Path(dest))


def copy_files(src: Path, dest: Path) -> None:
    """Copy what are files below `src`, and follow no link, even where it takes a file's place meanwhile.

    What is larger than LARGEST or may not be read is left out.
    """
    dest.mkdir(parents=True)
    try:
        for folder, _, names, descriptor in os.fwalk(src):
            place = dest / os.path.relpath(folder, src)
            place.mkdir(exist_ok=True)
            for name in names:
                try:
                    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
                except OSError:
                    continue
                with open(opened, "rb") as content:
                    kind = os.fstat(opened)
                    if stat.S_ISREG(kind.st_mode) and kind.st_size <= LARGEST:
                        with open(place / name, "wb") as copy:
                            shutil.copyfileobj(content, copy)
    except PermissionError:
        return  # a folder that its student closed


def set_aside(inbound: Path, slug: str) -> None:
    """Rename what somebody left in another's name, so that nothing takes it for theirs."""
    for place in sorted(inbound.glob(f"*+{slug}+*")):
        if owner(place) != place.name.rsplit("+", 3)[0] or place.is_symlink():
            place.rename(place.with_name(ASIDE + place.name.replace("+", "~")))


def forged(inbound: Path, slug: str) -> Iterator[tuple[str, str, str]]:
    """What `set_aside` renamed: in whose name it was left, who left it, and when by their own account."""
    for place in sorted(inbound.glob(f"{ASIDE}*~{slug}~*")):
        student, _, when = place.name.removeprefix(ASIDE).split("~")[:3]
        yield student, owner(place), when


def owner(path: Path) -> str:
    """The account that a file or link belongs to."""
    import pwd  # not on Windows, which has no exchange

    number = path.lstat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"account number {number}"
