"""A bundle: recorded runs in one small file, to be carried from the machine that made them to the course's `runs/`.

bundle = Bundle("gpu.zip")
bundle.add(Path("runs/groups/full/arm1_seed0.json"), "groups/full/arm1_seed0.json")
unpack("gpu.zip")      # on the machine with the course
"""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

from course.experiments import experiment
from utils.system.files import write_whole
from utils.system.places import RUNS
from utils.train.runs import Run, from_text

MOST = 20_000  # files in a bundle
LARGEST = 4_000_000  # bytes of one of them, unpacked


class Bundle:
    """The file, whole at every moment: it is written anew with each run that comes in. What it holds already stays in it.

    Raises:
        ValueError: there is a file of that name, and it is no bundle.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self.texts: dict[str, str] = _texts(self.path) if self.path.exists() else {}

    def add(self, name: str, text: str) -> None:
        """Put a run in, under its place in `runs/`, and write the file.

        Raises:
            OSError: the file cannot be written; what it held before is still there.
        """
        self.texts[name] = text
        self.write()

    def write(self) -> None:
        """Write the file, empty where no run is in it yet; as `add`."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.texts.items():
                archive.writestr(name, text)
        write_whole(self.path, packed.getvalue())


def unpack(path: str | os.PathLike[str], say: Callable[[str], None] = print) -> list[Path]:
    """Put a bundle's runs into `runs/`; the files that were written.

    A run that is there already stays as it is, and one that other code than this made stays out; both are said.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no bundle, or something in it is no run of an experiment of the course; then nothing is written.
    """
    found: dict[Path, str] = {}
    for name, text in _texts(Path(path)).items():
        place = _place(name, text, Path(path))
        changed = from_text(text).changed_code
        if changed:
            say(f"{name} was made by other code than this ({', '.join(changed)} changed) and stays out.")
        elif place.exists():
            say(f"{name} is there already and stays as it is.")
        else:
            found[place] = text
    for place, text in found.items():
        write_whole(place, text)
    return list(found)


def _texts(path: Path) -> dict[str, str]:
    """The files in a bundle, by name."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. A bundle is what `record --bundle FILE` writes.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            large = next((entry.filename for entry in entries if entry.file_size > LARGEST), None)
            if large is not None or len(entries) > MOST:
                raise ValueError(
                    f"{path} holds {f'{large}, which is too large for a run' if large else f'{len(entries)} files'}: it is no "
                    "bundle of this course."
                )
            return {entry.filename: archive.read(entry).decode("utf-8") for entry in entries}
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(
            f"{path} is cut off, altered, or no bundle ({error}). Copy it again, or name another file."
        ) from error


def _place(name: str, text: str, path: Path) -> Path:
    """Where a run of a bundle belongs, after looking at both its name and itself."""
    parts = name.split("/")
    try:
        run: Run = from_text(text)
        slug, form, file = parts
        entry = experiment(slug)
        entry.form(form)
        right = entry.file(run.network["name"], run.seed)
    except Exception as error:
        raise ValueError(
            f"{path} holds {name!r}, which is no run of the course ({error}). Nothing was unpacked."
        ) from error
    if file != right or not run.completed:
        raise ValueError(
            f"{path} holds {name!r}, and in it is {run!r}, which belongs into {right}. Nothing was unpacked."
        )
    return RUNS / slug / form / file
