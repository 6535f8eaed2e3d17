"""Files that are always whole: whoever reads one, and whatever breaks, finds the old content or the new."""

import errno
import glob
import os
import secrets
import shutil
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
    with _beside(path) as file:
        os.chmod(file.name, _mode(path))
        yield file
        _finish(file)
        os.replace(file.name, path)
        _sync_folder(path.parent)


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write text (UTF-8, line ends as they are) or bytes as a whole file; as `whole_file`."""
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return Path(path)


def require_place(path: str | os.PathLike[str], *, size: int = 0) -> None:
    """See, before the work that fills it, that a file can be written here; nothing is left of the attempt but its folder.

    Args:
        size: how many bytes it will take, as far as that is known.

    Raises:
        OSError: it cannot; the message says why and what to do.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path} is a folder. Name a file in it, such as {path / 'run'}{path.suffix}.")
    try:
        with _beside(path) as file:
            file.write(bytes(1024))
            _finish(file)
        free = shutil.disk_usage(path.parent).free
    except OSError as problem:
        raise OSError(
            f"{path} cannot be written: {reason(problem)}. Name another place, or make this one writable."
        ) from problem
    if free < size:
        raise OSError(
            f"{path} will take {size / 1e6:,.1f} MB, and its disk has {free / 1e6:,.1f} MB left. Make room there, or name "
            "another place."
        )


def reason(problem: OSError) -> str:
    """Why a file could not be written, in words."""
    words = {
        errno.ENOSPC: "its disk is full",
        errno.EDQUOT: "your share of its disk is used up",
        errno.EROFS: "its disk can only be read",
        errno.EACCES: "you may not write there",
        errno.EPERM: "you may not write there",
        errno.ENAMETOOLONG: "its name is too long",
        errno.ENOTDIR: "a part of its path is a file and no folder",
        errno.EEXIST: "a part of its path is a file and no folder",
        errno.ESTALE: "its disk is not there any more",
        errno.ENOTCONN: "its disk is not there any more",
        errno.EIO: "its disk cannot be reached",
    }
    return words.get(problem.errno or 0) or problem.strerror or str(problem)


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    """A file beside the path, taken away at the end of the block, unless it has another name then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_up_after_the_dead(path)
    # Named before it is made, and taken away by a call that no line of Python is part of: an interrupt comes before the
    # whole of the `finally` or after it.
    name = str(path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial"))
    try:
        with open(name, "xb") as file:
            yield file
    finally:
        try:  # noqa: SIM105
            os.unlink(name)
        except FileNotFoundError:
            pass


def _finish(file: IO[bytes]) -> None:
    """Wait until all of it is on the disk; Windows renames no file that is open."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


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
