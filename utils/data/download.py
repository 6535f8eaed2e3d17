"""A file from the web, whole and unaltered or not at all, kept for the next time."""

import errno
import hashlib
import os
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from utils.system.files import whole_file

SECONDS_OF_SILENCE = 30  # after which a connection counts as broken
CHUNK = 1 << 20


def fetch(url: str, *, sha256: str = "", md5: str = "", folder: Path, also: Iterable[Path] = ()) -> Path:
    """The path of the file that `url` names, from a folder of this machine where it is there, else downloaded.

    A file found in `folder` that is not the one wanted is deleted with a word, and downloaded again.

    Args:
        url: where it is.
        sha256: the beginning of its checksum, at least eight hexadecimal digits.
        md5: in place of it, where nothing but that is published.
        folder: where to keep it.
        also: other folders where it may lie already; nothing is written there.

    Raises:
        FileNotFoundError: it is not on this machine, and cannot be reached.
        ValueError: what came is cut off or altered. Nothing is kept.
        OSError: the folder cannot be written.
    """
    kind, wanted = ("sha256", sha256) if sha256 else ("md5", md5)
    if len(wanted) < 8:
        raise ValueError(
            f"sha256 is {sha256!r} and md5 {md5!r}; one of them must have eight hexadecimal digits at least."
        )
    path = Path(folder) / Path(urlsplit(url).path).name
    for place in (path, *(Path(other) / path.name for other in also)):
        if place.is_file():
            if _checksum(place, kind).startswith(wanted):
                return place
            if place == path:
                print(f"{path} is cut off or altered; it is deleted and downloaded again.", flush=True)
                path.unlink()
    with whole_file(path) as file:
        digest = _download(url, file, kind, kept_in=path)
        if not digest.startswith(wanted):
            raise ValueError(
                f"What came from {url} is not the file that was published: its {'SHA-256' if kind == 'sha256' else 'MD5'} begins {digest[:8]}, and "
                f"should begin {wanted}. It was altered on the way or at its source, and is not kept. Try again "
                "later, from another network if you can."
            )
    return path


def _download(url: str, file: IO[bytes], kind: str, *, kept_in: Path) -> str:
    """Copy what the address gives into an open file, with a bar, and return its checksum."""
    from utils.system.bars import tqdm

    digest = hashlib.new(kind, usedforsecurity=False)
    try:
        with urlopen(Request(url, headers={"User-Agent": "inception-course"}), timeout=SECONDS_OF_SILENCE) as answer:
            size = int(answer.headers.get("Content-Length") or 0)
            amount = f" ({size / 1e6:.0f} MB)" if size else ""
            print(f"Downloading {url}{amount}; it is kept in {kept_in.parent}.", flush=True)
            received = 0
            with tqdm(total=size or None, desc=kept_in.name, unit="B", unit_scale=True, miniters=1) as bar:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    received += len(chunk)
                    bar.update(len(chunk))
    except (HTTPException, ConnectionError, TimeoutError) as error:
        raise _unreachable(url, kept_in, error) from error
    except OSError as error:  # urllib's URLError and HTTPError are some; a full disk is not
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(f"{kept_in.parent} cannot take the file: {error.strerror}. Make room there.") from error
        raise _unreachable(url, kept_in, error) from error
    if size and received < size:
        raise ValueError(
            f"The download of {url} broke off after {received:,} of {size:,} bytes, and is not kept. Try again."
        )
    return digest.hexdigest()


def _unreachable(url: str, kept_in: Path, error: Exception) -> FileNotFoundError:
    return FileNotFoundError(
        f"{kept_in.name} is not on this machine, and {url} cannot be reached ({type(error).__name__}: {error}). "
        f"Connect to a network; or download it elsewhere and put it in {os.fspath(kept_in.parent)}."
    )


def _checksum(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
