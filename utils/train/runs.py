"""The record of a training run: what was trained on what, how, where, and what came out."""

import functools
import hashlib
import json
import os
import platform
import subprocess
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from utils.page.html import tag
from utils.system.files import write_whole
from utils.system.places import CHECKOUT
from utils.train.moved import first_name
from utils.train.provenance import changed
from utils.train.recipe import Recipe

FORMAT = "inception-course run"
VERSION = 2  # 2 has measures, code and memory, and newer settings; files of version 1 are read too
NETWORKS = ("net", "averaged")  # what a run's file does not hold
SETTINGS = ("network", "recipe", "seed", "data")  # what a run's key is made of
FOR_THE_READER = {"network": ("name",), "data": ("source",)}  # of these, what changes nothing: it is in no key
# What a command notes when a run has ended, for whoever uses its weights; it was in the key once.
NOTED_LATER = {"network": ("create",), "data": ("mean", "std")}
# The settings that stand in every key. A later one counts where it is not at its default: then a run from before there
# was such a setting keeps its key.
FIRST_SETTINGS = (
    *("epochs", "batch_size", "optimizer", "learning_rate", "momentum", "epsilon", "weight_decay", "schedule", "decay"),
    *("decay_every", "label_smoothing", "aux_weight", "clip", "flip", "shift"),
)
_DEFAULTS = Recipe()
Part = TypeVar("Part", Recipe, "Epoch")


class Score(NamedTuple):
    """How a network does on some images."""

    accuracy: float  # 0 to 1
    loss: float  # mean over the images


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training images gave. Times do not count when two epochs are compared."""

    epoch: int  # 1 is the first
    learning_rate: float  # at the epoch's last step
    train_loss: float  # what was minimised: label smoothing and auxiliary losses included
    train_accuracy: float  # 0 to 1, counted while the weights were changing
    test_loss: float  # plain cross-entropy
    test_accuracy: float  # 0 to 1
    seconds: float = field(compare=False)  # training and testing
    images_per_second: float = field(compare=False)  # training alone
    averaged_loss: float | None = None  # test_loss and test_accuracy with the moving average of the weights
    averaged_accuracy: float | None = None


@dataclass
class Run:
    """One training run. `save` writes all of it but the network's weights; the trained network itself is `net`.

    `measures` is for an experiment's own figures: numbers, or lists of numbers, by name.
    """

    network: dict[str, Any]  # name, class, parameters, structure (a hash), initial_weights ("seed", or a hash)
    recipe: Recipe
    seed: int
    data: dict[str, Any]  # name, source, train and test (numbers of images), classes, image_shape, content (a hash)
    machine: dict[str, Any]  # device, cpu, cores, threads, platform
    versions: dict[str, str]  # python, torch, course
    commit: str | None = None  # of the course's code; None outside a git checkout
    modified: bool | None = None  # were there changes that no commit holds?
    date: str = ""  # when it began: ISO 8601, UTC
    history: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    completed: bool = False  # False: stopped before the recipe's last epoch
    memory: int | None = field(default=None, compare=False)  # peak bytes of the device's memory; None on a CPU
    measures: dict[str, float | list[float]] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)  # hashes of the files it was made with: utils.train.provenance
    net: nn.Module | None = field(default=None, repr=False, compare=False)  # not saved
    averaged: nn.Module | None = field(default=None, repr=False, compare=False)  # with averaged weights; not saved

    @property
    def key(self) -> str:
        """A hash of all settings: network, recipe, seed and data. Runs that should give the same have the same key."""
        return _key({name: getattr(self, name) for name in SETTINGS} | {"recipe": asdict(self.recipe)})

    @property
    def changed_code(self) -> list[str] | None:
        """The course's files whose meaning is not what it was in this run; None where the run's file does not say."""
        return changed(self.code) if self.code else None

    def add_epoch(
        self,
        *,
        learning_rate: float,
        train: Score,
        test: Score,
        seconds: float,
        images_per_second: float,
        averaged: Score | None = None,
    ) -> None:
        """Put one more epoch at the end of the history, its figures rounded to what can be read."""
        figures = {"learning_rate": learning_rate, "train_loss": train.loss, "train_accuracy": train.accuracy}
        figures |= {"test_loss": test.loss, "test_accuracy": test.accuracy}
        if averaged is not None:
            figures |= {"averaged_loss": averaged.loss, "averaged_accuracy": averaged.accuracy}
        figures = {name: float(f"{value:.6g}") for name, value in figures.items()}
        times = {"seconds": round(seconds, 3), "images_per_second": round(images_per_second, 1)}
        self.history.append(Epoch(epoch=len(self.history) + 1, **figures, **times))

    @property
    def accuracy(self) -> float | None:
        """Test accuracy after the last epoch, 0 to 1; None before the first epoch has ended."""
        return self.history[-1].test_accuracy if self.history else None

    def column(self, name: str) -> list[float]:
        """One figure of every epoch: `run.column("test_accuracy")`."""
        return [getattr(epoch, name) for epoch in self.history]

    def __repr__(self) -> str:
        score = "no epoch finished" if self.accuracy is None else f"test accuracy {self.accuracy:.2%}"
        epochs = self.recipe.epochs
        length = f"{epochs} epochs" if self.completed else f"stopped in epoch {len(self.history) + 1} of {epochs}"
        place = self.machine.get("device_name") or self.machine.get("device", "?")
        return (
            f"{self.network['name']} on {self.data['name']}, seed {self.seed}: {score} "
            f"({length}, {self.seconds:.1f} s, {place})"
        )

    def _repr_html_(self) -> str:
        return tag("div", repr(self))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to a small text file (JSON), whole or not at all, and make its folder where there is none."""
        return write_whole(path, to_text(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Run":
        """Read a run that `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is cut off, altered, or not a run; the message names it and says what is wrong.
        """
        try:
            return from_text(Path(path).read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not a run's file: it is not text.") from None
        except _Unreadable as problem:
            raise ValueError(f"{path} cannot be read as a run: {problem}") from None


# --- the file ---------------------------------------------------------------------------------------------------------


class _Unreadable(Exception):
    """What is wrong with a run's file."""


def _key(record: dict[str, Any], *, as_once: bool = False) -> str:
    """The hash of the settings in a run's record; `as_once`: with what was noted later, as the first runs have it."""
    settings = {name: record[name] for name in SETTINGS}
    for part, words in FOR_THE_READER.items():
        left_out = words if as_once else (*words, *NOTED_LATER[part])
        settings[part] = {name: value for name, value in settings[part].items() if name not in left_out}
    if "class" in settings["network"]:
        settings["network"]["class"] = first_name(settings["network"]["class"])
    settings["recipe"] = {
        name: value
        for name, value in settings["recipe"].items()
        if name in FIRST_SETTINGS or _as_read(value) != _as_read(getattr(_DEFAULTS, name, None))
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _as_read(value: object) -> object:
    """A setting as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value


def to_text(run: Run) -> str:
    """JSON in the order of the dataclass's fields, one line an epoch."""
    record = {"format": FORMAT, "version": VERSION, "key": run.key}
    record |= {item.name: getattr(run, item.name) for item in fields(run) if item.name not in (*NETWORKS, "history")}
    epochs = [{name: value for name, value in asdict(epoch).items() if value is not None} for epoch in run.history]
    record |= {"recipe": asdict(run.recipe), "history": epochs}
    return "{\n" + ",\n".join(f'  "{name}": {_entry(value)}' for name, value in record.items()) + "\n}\n"


def _entry(value: object) -> str:
    """JSON with one line for each entry of a dict, or of a list of dicts."""
    if isinstance(value, dict) and value:
        lines = [f"{json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in value.items()]
        return "{\n    " + ",\n    ".join(lines) + "\n  }"
    if isinstance(value, list) and value:
        return "[\n    " + ",\n    ".join(json.dumps(entry) for entry in value) + "\n  ]"
    return json.dumps(value, ensure_ascii=False)


def from_text(text: str) -> Run:
    try:
        record = json.loads(text)
    except json.JSONDecodeError as problem:
        raise _Unreadable(f"it is not whole JSON ({problem}). It may have been cut off or edited.") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise _Unreadable(f'it does not say "format": "{FORMAT}".')
    version = record.get("version")
    if version == 1:
        record = {"memory": None, "measures": {}, "code": {}} | record
    elif version != VERSION:
        raise _Unreadable(f"it has version {version!r}, and this course reads 1 to {VERSION}. Update the course.")
    try:
        _require_types(record)
        if record["key"] not in (_key(record), _key(record, as_once=True)):
            raise _Unreadable("its settings do not belong to its key. It has been edited by hand.")
        recipe = _build(Recipe, record["recipe"], part="recipe")
        history = [_build(Epoch, epoch, part="history") for epoch in record["history"]]
    except KeyError as missing:
        raise _Unreadable(f"{missing} is missing.") from None
    if [epoch.epoch for epoch in history] != list(range(1, len(history) + 1)):
        raise _Unreadable("history does not count its epochs 1, 2, 3, ...")
    unknown = sorted(set(record) - {item.name for item in fields(Run)} - {"format", "version", "key"})
    if unknown:
        raise _Unreadable(f"{', '.join(unknown)}: not a part of a run.")
    taken = {item.name: record[item.name] for item in fields(Run) if item.name not in NETWORKS}
    return Run(**taken | {"recipe": recipe, "history": history})


def _require_types(record: dict[str, Any]) -> None:
    kinds: dict[Any, str] = {
        dict: "network recipe data machine versions measures code",
        list: "history",
        int: "seed",
        str: "key date",
    }
    kinds |= {bool: "completed", (int, float): "seconds", (str, type(None)): "commit", (bool, type(None)): "modified"}
    kinds |= {(int, type(None)): "memory"}
    for kind, names in kinds.items():
        for name in names.split():
            if not isinstance(record[name], kind):
                raise _Unreadable(f"{name} is {record[name]!r}.")
    for name, value in record["measures"].items():
        if not all(isinstance(each, int | float) for each in (value if isinstance(value, list) else [value])):
            raise _Unreadable(f"measures holds something that is not a number, {name}.")
    for part, names in {"network": "name class parameters", "data": "name train test classes"}.items():
        for name in names.split():
            record[part][name]


def _build(kind: type[Part], values: object, *, part: str) -> Part:
    """A Recipe or an Epoch out of the file's entries."""
    if not isinstance(values, dict):
        raise _Unreadable(f"{part} holds {values!r}.")
    names = {item.name for item in fields(kind)}
    # What came later than the first files is at its default where a file does not have it.
    needed = set(FIRST_SETTINGS) if kind is Recipe else {item.name for item in fields(kind) if item.default is MISSING}
    for problem, found in (("is missing", needed - set(values)), ("is unknown here", set(values) - names)):
        if found:
            raise _Unreadable(f"{', '.join(sorted(found))} {problem} in {part}.")
    settings: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in values.items()}
    if kind is Epoch and not all(isinstance(v, int | float) and not isinstance(v, bool) for v in settings.values()):
        raise _Unreadable(f"{part} holds something that is not a number in epoch {values['epoch']!r}.")
    try:
        return kind(**settings)
    except ValueError as problem:
        raise _Unreadable(f"in {part}, {problem}") from None


# --- where a run was made ---------------------------------------------------------------------------------------------


def describe_machine(device: torch.device) -> dict[str, Any]:
    """The device and the processor, without the machine's or the user's name."""
    machine = {"device": device.type, "device_name": _cpu_model()}
    if device.type == "cuda":
        machine["device_name"] = torch.cuda.get_device_name(device)
    elif device.type == "mps":
        machine["device_name"] = f"{machine['device_name']} GPU"
    return machine | {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


@functools.cache
def _cpu_model() -> str:
    try:
        if platform.system() == "Linux":
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
                if line.startswith("model name"):
                    return " ".join(line.partition(":")[2].split())
        elif platform.system() == "Darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return platform.processor() or platform.machine() or "unknown CPU"


def describe_versions() -> dict[str, str]:
    """The versions that a result can depend on."""
    try:
        course = metadata.version("inception-course")
    except metadata.PackageNotFoundError:
        course = "unknown"
    return {"python": platform.python_version(), "torch": torch.__version__, "course": course}


def describe_commit() -> tuple[str | None, bool | None]:
    """(commit of the course's code, are there uncommitted changes to it), or (None, None) outside its git checkout."""
    if not (CHECKOUT / ".git").exists():
        return None, None

    def git(*words: str) -> str:
        # Without optional locks: a lock that a killed `git status` leaves behind would stop the learner's own git.
        command = ["git", "--no-optional-locks", "-C", str(CHECKOUT), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        # A recording writes into runs/, where there is no code.
        changes = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)runs")
        return git("rev-parse", "HEAD"), bool(changes)
    except (OSError, subprocess.SubprocessError):
        return None, None


def now() -> str:
    """The time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
