"""Files that are always whole: whoever reads one, and whatever breaks, finds the old content or the new."""

import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write bytes into, which takes the name `path` when the block ends; on an error nothing is left of it.

    Its folder is made where there is none.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_up_after_the_dead(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{os.getpid()}.", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            os.chmod(name, _mode(path))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
        _sync_folder(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write text (UTF-8, line ends as they are) or bytes as a whole file; as `whole_file`."""
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return Path(path)


def _clear_up_after_the_dead(path: Path) -> None:
    """Delete what processes that were killed on their way left beside a file."""
    if os.name == "nt":  # there is no harmless way to ask whether a process lives
        return
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        owner = part.name.removeprefix(f".{path.name}.").partition(".")[0]
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            part.unlink(missing_ok=True)
        except (ValueError, OverflowError, PermissionError):  # not one of ours, or somebody else's who lives
            continue


def _sync_folder(folder: Path) -> None:
    """Wait until a new name is on the disk, where the system can say so (Windows cannot)."""
    if hasattr(os, "O_DIRECTORY"):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _mode(path: Path) -> int:
    """The rights that a file written in place would have: its own where it is there, else what the umask leaves."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
