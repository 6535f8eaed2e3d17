"""Checkpoints: all that a run needs to go on where it was, in one file that is always whole.

The file is a line that says what it is, with a hash of what follows, and then what `torch.save` wrote. It is written
beside its place and then put there in one step, so that a process that is killed leaves the last whole one.
"""

import contextlib
import hashlib
import io
import os
import pickle
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from utils.system.files import require_place, whole_file
from utils.train.provenance import differences
from utils.train.runs import Run, from_text, to_text

MARK = "inception-course checkpoint 1"


class InUse(RuntimeError):
    """Another run that is under way keeps its checkpoints in this file."""


class OtherRun(ValueError):
    """A checkpoint is of another run than the one that is to go on, or damaged."""


class NotKept(RuntimeWarning):
    """A file of a run could not be written where it was wanted; what is trained goes on."""


@contextlib.contextmanager
def reserved(path: str | os.PathLike[str] | None, *, size: int = 0) -> Iterator[None]:
    """Within, the file is this run's alone; before anything is trained it is seen that it can be written.

    Args:
        path: None where a run has no checkpoint.
        size: bytes that a checkpoint takes at least.

    Raises:
        InUse: another run has it.
        OSError: it cannot be written; the message says why.
    """
    if path is None:
        yield
        return
    path = Path(path)
    require_place(path, size=size)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InUse(
            f"{path} is in use by another run, which keeps its checkpoints there. Wait for its end, or name another file."
        ) from None
    except OSError:  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # while it is held: nobody can hold a file that has lost its name
            os.unlink(lock.lock_file)
        with contextlib.suppress(OSError):
            lock.release()


def save(path: str | os.PathLike[str], run: Run, state: dict[str, Any]) -> Path:
    """Write a run and the state of its training, whole or not at all, and make the folder where there is none.

    Args:
        state: tensors, numbers, text, and lists and dicts of these.
    """
    buffer = io.BytesIO()
    torch.save({"run": to_text(run)} | state, buffer)
    content = buffer.getbuffer()
    first_line = f"{MARK} {hashlib.sha256(content).hexdigest()}\n".encode()
    with whole_file(path) as file:
        file.write(first_line)
        file.write(content)
    return Path(path)


def least_size(run: Run) -> int:
    """Bytes that a checkpoint of the run takes at least: its weights."""
    return 0 if run.net is None else sum(tensor.nbytes for tensor in run.net.state_dict().values())


def load(path: str | os.PathLike[str], device: str | torch.device = "cpu") -> tuple[Run, dict[str, Any]]:
    """(the run so far, the state of its training) from a file that `save` wrote, tensors on the device.

    Raises:
        FileNotFoundError: there is no such file.
        OtherRun: the file is cut off, altered, or not a checkpoint; the message names it and says what to do.
    """
    first_line, _, content = Path(path).read_bytes().partition(b"\n")
    mark, _, known = first_line.decode("ascii", errors="replace").rpartition(" ")
    advice = "Take an older copy of it, or delete it and train from the beginning."
    if mark != MARK:
        raise OtherRun(f'{path} is not a checkpoint of this course: it does not begin with "{MARK}". {advice}')
    if hashlib.sha256(content).hexdigest() != known:
        raise OtherRun(f"{path} is cut off or altered: its content does not have the hash in its first line. {advice}")
    # weights_only: what is read are tensors and plain values, and no code of the file's is ever run.
    try:
        state = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as problem:
        raise OtherRun(f"{path} is not a checkpoint of this course: {problem}. {advice}") from None
    return from_text(state.pop("run")), state


def load_same(path: str | os.PathLike[str], planned: Run) -> tuple[Run, dict[str, Any]] | None:
    """What `load` gives, if it is of the run that is planned; None where there is no file yet.

    Raises:
        OtherRun: other settings or other code, and the message says which; or a damaged file.
    """
    if not os.path.exists(path):
        return None
    saved, state = load(path)
    differences = _differences(saved, planned)
    if differences:
        raise OtherRun(
            f"{path} holds another run than this one: {'; '.join(differences)}. Go on with what it was begun with, or "
            "begin anew and let the new checkpoints take this file's place: without `resume` in Python, with --overwrite for "
            "--resume on the command line."
        )
    return saved, state


def _differences(saved: Run, planned: Run) -> list[str]:
    if saved.key == planned.key:
        found = []
    else:
        found = [
            f"{name} is {before} there and {now} here"
            for name, before, now in _settings(saved, planned)
            if before != now and not (name.startswith(("network.name", "data.source")))
        ]
    if any(line.startswith("network.initial_weights") for line in found):
        found.append("the network must have the weights that it began with, or be a function that builds it")
    is_same_network = saved.network["class"] == planned.network["class"]
    other = differences(saved.code, planned.code) if is_same_network else []  # another network has other files
    return found + ([f"the code of {', '.join(other)} has changed"] if other else [])


def _settings(saved: Run, planned: Run) -> Iterator[tuple[str, object, object]]:
    """(name, value there, value here) of every setting."""
    yield "seed", saved.seed, planned.seed
    for part, there, here in (
        ("recipe", asdict(saved.recipe), asdict(planned.recipe)),
        ("network", saved.network, planned.network),
        ("data", saved.data, planned.data),
    ):
        for name in {**there, **here}:
            yield f"{part}.{name}", there.get(name), here.get(name)
