"""The learner's progress file: one small JSON file of their own. Deleting it loses nothing but ticks and choices."""

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from utils.system.files import write_whole
from utils.system.places import work_folder


def progress_file() -> Path:
    """Where the learner's progress is kept."""
    return work_folder() / "progress.json"


def read_progress() -> tuple[dict[str, Any], str]:
    """The progress so far, and a sentence for the learner where something was wrong with the file."""
    path = progress_file()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not isinstance(data.get("lessons", {}), dict):
            raise ValueError("not a table of lessons")
        return data, ""
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"Your progress cannot be read ({error.strerror}: {path.name}), so it shows as empty."
    except ValueError:
        names = (path.with_name(f"{path.stem}.broken-{number}{path.suffix}") for number in itertools.count(1))
        aside = next(name for name in names if not name.exists())
        try:
            os.replace(path, aside)
        except OSError:
            return {}, f"{path.name} is broken and could not be set aside; progress starts anew."
        return {}, f"{path.name} was broken. It is set aside as {aside.name}, and progress starts anew."


def change_progress(change: Callable[[dict[str, Any]], object]) -> str:
    """Change the progress file, whole or not at all; a sentence comes back where the learner should know something."""
    path = progress_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=5):
            data, note = read_progress()
            change(data)
            write_whole(path, json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        return note
    except (OSError, Timeout) as error:
        return f"(Your progress could not be kept: {getattr(error, 'strerror', None) or 'the file is locked'}.)"
