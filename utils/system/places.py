"""The course's folders: where it lies, and where a learner's work, decoded images and data are kept.

Every other module asks here. Needs nothing but Python, so that set-up can ask too.
"""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LESSONS = CHECKOUT / "lessons"
NOTEBOOKS = CHECKOUT / "notebooks"
RUNS = CHECKOUT / "runs"
PACKAGES = ("lessons", "labs", "classroom", "course", "networks", "utils")  # the course's code, from the top floor down


def work_folder() -> Path:
    """The learner's own folder: `work/` in the checkout, or where the environment variable COURSE_WORK says."""
    return Path(os.environ.get("COURSE_WORK") or CHECKOUT / "work").expanduser().absolute()


def cache_folder() -> Path:
    """Where decoded images and downloaded weights are kept: $COURSE_CACHE, or a folder in the user's cache."""
    if os.environ.get("COURSE_CACHE"):
        return Path(os.environ["COURSE_CACHE"]).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "inception-course"


def data_folder() -> Path | None:
    """$COURSE_DATA, which may be relative to the working folder or to the course's root; None where it is not set."""
    given = os.environ.get("COURSE_DATA")
    if not given:
        return None
    folder = Path(given).expanduser()
    return folder if folder.is_absolute() or folder.is_dir() else CHECKOUT / folder
