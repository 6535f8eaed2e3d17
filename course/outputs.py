"""Where a command puts the run that it makes: tried before the first step, whole or not there, and never lost.

place = Output(Path("run.json"))
with place.reserved():            # refuses what is there already, or cannot be written
    run = fit(...)
    place.keep(run)               # run.json and run.pt; in the work folder, where these cannot be written any more
"""

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import torch
from torch import nn

from utils.system.files import reason, require_place, whole_file
from utils.system.places import work_folder
from utils.train import checkpoint as checkpoints
from utils.train.loop import CHECKPOINT_EVERY
from utils.train.runs import Run, to_text

RECORD, WEIGHTS = ".json", (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
FIRST_CHECKPOINT = CHECKPOINT_EVERY  # seconds after which a run has one


class Output:
    """The files of one run: its record, and its weights beside it.

    Names are kept whole: "run.json" has its weights in "run.pt", and "lr0.1" in "lr0.1.pt".

    Args:
        record: the record's file.
        with_weights: whether the weights are kept too.
        overwrite: whether files that are there may be replaced.
        checkpoint: a checkpoint from which the run goes on: what the same run has left when it was stopped is replaced.

    Raises:
        ValueError: the record's name is one for weights.
    """

    def __init__(
        self, record: Path, *, with_weights: bool = True, overwrite: bool = False, checkpoint: Path | None = None
    ):
        if record.suffix.lower() in WEIGHTS:
            raise ValueError(
                f"{record} is a name for weights, and what is named is the record of the run, which is text (JSON): with "
                f"{record.with_suffix(RECORD)} the record goes there, and the weights into {record.with_suffix('.pt')}."
            )
        is_json = record.suffix.lower() == RECORD
        self.record = record
        self.weights = (record.with_suffix(".pt") if is_json else Path(f"{record}.pt")) if with_weights else None
        self.overwrite, self.checkpoint = overwrite, checkpoint

    @property
    def files(self) -> tuple[Path, ...]:
        """The record's file, and that of the weights where there is one."""
        return (self.record,) if self.weights is None else (self.record, self.weights)

    @contextlib.contextmanager
    def reserved(self) -> Iterator[None]:
        """Within, no other command writes there; before, it is seen that this one can.

        Raises:
            FileExistsError: something is there already.
            OSError: a file cannot be written there; the message says why.
            utils.train.checkpoint.InUse: a run that is under way will be written there.
        """
        with checkpoints.reserved(self.record):
            for path in self.files:
                require_place(path)
            self._require_free()
            yield

    def require_room(self, net: nn.Module) -> None:
        """See that there is room for this network's weights.

        Raises:
            OSError: there is not.
        """
        if self.weights is not None:
            require_place(self.weights, size=sum(tensor.nbytes for tensor in net.state_dict().values()))

    def keep(self, run: Run, *, sound: bool = True) -> tuple[str, bool]:
        """Write the run; what to say of it, and whether it is where it was wanted.

        Where it cannot be written there any more, or something has come there in the meantime, it goes elsewhere (`rescue`).

        Args:
            sound: False where the weights are worth nothing: then the record alone is written.

        Raises:
            OSError: it cannot be written elsewhere either.
        """
        try:
            self._require_free()
            _write(run, self.record, self.weights if sound else None)
        except OSError as problem:
            why = f"{self.record} could not be written: {reason(problem).rstrip('.')}. "
        else:
            return _sentence(run, self.record, self.weights if sound else None), True
        return why + rescue(run, self.record.name, with_weights=self.weights is not None and sound), False

    def _require_free(self) -> None:
        if self.overwrite or not any(path.exists() for path in self.files) or self._is_of_the_same_run():
            return
        there = next(path for path in self.files if path.exists())
        words = f"{there} is there already, and nothing is overwritten unasked. Name another file, or add --overwrite."
        raise FileExistsError(words)

    def _is_of_the_same_run(self) -> bool:
        """Is what is there what this very run left when it was stopped, or a run that was stopped before its first checkpoint?"""
        if self.checkpoint is None or not self.record.exists():
            return False
        try:
            there = Run.load(self.record)
            if not self.checkpoint.exists():
                return not there.completed and not there.history and there.seconds < FIRST_CHECKPOINT
            begun = checkpoints.load(self.checkpoint)[0]
        except (ValueError, OSError):
            return False
        return (there.key, there.date) == (begun.key, begun.date)


def require_own(checkpoint: Path, *, resume: bool, overwrite: bool, beside: tuple[Path, ...] = ()) -> None:
    """See that a checkpoint may be written here, and that nothing is lost by it.

    Raises:
        ValueError: it is one of the files beside it.
        FileExistsError: there is one, and neither is gone on from it nor may it be replaced.
        OSError: it cannot be written.
    """
    if checkpoint.resolve() in [path.resolve() for path in beside]:
        raise ValueError(f"{checkpoint} is to be both the checkpoint and what --out names. Give them different names.")
    require_place(checkpoint)
    if checkpoint.exists() and not (resume or overwrite):
        raise FileExistsError(
            f"{checkpoint} is there already. --resume goes on from it; --overwrite begins anew and takes its place; or name "
            "another file."
        )


@contextlib.contextmanager
def checkpoints_told(say: Callable[[str], None]) -> Iterator[None]:
    """Within, a checkpoint that cannot be written is told in a sentence, and each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", checkpoints.NotKept)
        show = warnings.showwarning

        def told(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, checkpoints.NotKept):
                say(str(message))
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = told
        yield


def save_weights(net: nn.Module, path: Path) -> None:
    """Write a network's weights, whole or not at all.

    Raises:
        OSError: they cannot be written.
    """
    with whole_file(path) as file:
        file.write(_weights(net))


def rescue(run: Run, name: str, *, with_weights: bool = False) -> str:
    """Write a run into the work folder, or where that fails into the system's temporary one; a sentence that says where.

    Raises:
        OSError: it cannot be written there either.
    """
    for folder in (work_folder() / "runs" / "rescued", Path(tempfile.gettempdir())):
        record = folder / (name if name.endswith(RECORD) else name + RECORD)
        other = Output(_free_name(record), with_weights=with_weights)
        try:
            _write(run, other.record, other.weights)
        except OSError as problem:
            why = f"Nor could {other.record} be written: {reason(problem).rstrip('.')}."
        else:
            return _sentence(run, other.record, other.weights)
    raise OSError(why)


def _write(run: Run, record: Path, weights: Path | None) -> None:
    """Both files or none: each takes its name when all is written."""
    with contextlib.ExitStack() as files:
        files.enter_context(whole_file(record)).write(to_text(run).encode())
        if weights is not None:
            trained = run.averaged or run.net
            assert trained is not None  # a run that was just made has its network
            file = files.enter_context(whole_file(weights))
            file.write(_weights(trained))
            file.flush()


def _weights(net: nn.Module) -> memoryview:
    # Into memory first: torch tells of a full disk in words of its own.
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer)
    return buffer.getbuffer()


def _sentence(run: Run, record: Path, weights: Path | None) -> str:
    so_far = "" if run.completed else " so far"
    return f"The run{so_far} is in {record}" + ("." if weights is None else f", its weights in {weights}.")


def _free_name(path: Path) -> Path:
    """The path, with a number where files of that name are there."""
    number, tried = 1, path
    while any(file.exists() for file in Output(tried).files):
        number += 1
        tried = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return tried
