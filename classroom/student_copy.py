"""What a class gets: the course without the assignments' sources, solutions and hidden tests.

    python -m lessons student-copy FOLDER

What is left out is what only a teacher may hold: `lessons/*/assignment.md`, the tests with their kept answers, and the history, which
has all of them. The lessons' own exercises are practice and are not graded: their solutions stay, for `solution()` shows them, and so
do the modules that their checks compare with.

Needs nothing but Python: an image of the course is built with it before there is an environment (deploy/kubernetes/Dockerfile).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from utils.system.files import write_whole
from utils.system.places import CHECKOUT, PACKAGES

SECRET = ("lessons/*/assignment.md", "tests", ".git")  # closed to students by deploy/hub/setup.sh, too
COPIED = (
    *(*PACKAGES, "notebooks", "runs", "docs"),
    *("bootstrap.py", "environment.yml", "Makefile", "pylock.toml", "pyproject.toml"),
    *("README.md", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "LICENSE-text", "SECURITY.md"),
)
LIST = ".student-copy.json"  # what the copy got from the course, so that the next one can take it back


def files(course: Path = CHECKOUT) -> Iterator[Path]:
    """What students get, by its path in the course."""
    secret = {path for pattern in SECRET for path in course.glob(pattern)}
    for name in COPIED:
        for path in sorted((course / name).rglob("*")) if (course / name).is_dir() else [course / name]:
            inside = path.relative_to(course)
            hidden = any(
                part.startswith(".") or part == "__pycache__" or part.endswith(".egg-info") for part in inside.parts
            )
            if path.is_file() and not path.is_symlink() and not hidden and path not in secret:
                yield inside


def make(folder: Path, course: Path = CHECKOUT) -> int:
    """Write the students' copy into a folder, or bring one up to date; how many files it has.

    What students have there besides (their environment, their work) stays.

    Raises:
        ValueError: the folder is the course itself, holds it, lies in it where the course's own files are, or holds something else.
    """
    folder = folder.resolve()
    if folder == course or any(folder.is_relative_to(course / name) for name in COPIED):
        raise ValueError(f"{folder} is the course itself, or a part of it. Name a folder beside it.")
    if course.is_relative_to(folder):
        raise ValueError(f"{folder} holds the course itself. Name a folder beside the course.")
    noted = folder / LIST
    if folder.exists() and not noted.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty and no earlier copy. Name a folder that does not exist yet.")
    before = set(json.loads(noted.read_text(encoding="utf-8"))) if noted.exists() else set()
    now = [path.as_posix() for path in files(course)]
    write_whole(noted, json.dumps(sorted({*before, *now})))  # of a copy that is interrupted, nothing is forgotten
    for name in now:
        content = (course / name).read_bytes()
        if not (folder / name).exists() or (folder / name).read_bytes() != content:
            write_whole(folder / name, content)
    for name in before - set(now):
        (folder / name).unlink(missing_ok=True)
    write_whole(noted, json.dumps(now))
    return len(now)


if __name__ == "__main__":
    print(f"{make(Path(sys.argv[1]))} files are in {sys.argv[1]}: the course for students.")
