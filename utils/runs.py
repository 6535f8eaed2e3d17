"""The record of a training run: what was trained on what, how, where, and what came out. And comparing several."""

import functools
import hashlib
import html
import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from utils.code import changed
from utils.recipe import Recipe

FORMAT = "inception-course run"
VERSION = 2  # 2 has measures, code and memory, and newer settings; files of version 1 are read too
NETWORKS = ("net", "averaged")  # what a run's file does not hold
SETTINGS = ("network", "recipe", "seed", "data")  # what a run's key is made of
# The settings that stand in every key. A later one counts where it is not at its default: then a run from before there
# was such a setting keeps its key.
FIRST_SETTINGS = (
    *("epochs", "batch_size", "optimizer", "learning_rate", "momentum", "epsilon", "weight_decay", "schedule", "decay"),
    *("decay_every", "label_smoothing", "aux_weight", "clip", "flip", "shift"),
)
_DEFAULTS = Recipe()


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

    network: dict  # name, class, parameters, structure (a hash), initial_weights ("seed", or a hash)
    recipe: Recipe
    seed: int
    data: dict  # name, source, train and test (numbers of images), classes, image_shape, content (a hash)
    machine: dict  # device, cpu, cores, threads, platform
    versions: dict  # python, torch, course
    commit: str | None = None  # of the course's code; None outside a git checkout
    modified: bool | None = None  # were there changes that no commit holds?
    date: str = ""  # when it began: ISO 8601, UTC
    history: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    completed: bool = False  # False: stopped before the recipe's last epoch
    memory: int | None = field(default=None, compare=False)  # peak bytes of the device's memory; None on a CPU
    measures: dict[str, float | list[float]] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)  # hashes of the course's files it was made with: utils.code
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
        return f"<div>{html.escape(repr(self))}</div>"

    def save(self, path: str | os.PathLike) -> Path:
        """Write the run to a small text file (JSON), whole or not at all, and make its folder where there is none."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_text(to_text(self), encoding="utf-8", newline="\n")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Run":
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


def _key(record: dict) -> str:
    """The hash of the settings in a run's record."""
    settings = {name: record[name] for name in SETTINGS}
    # A name and a sentence are for the reader: they change nothing.
    settings["network"] = {name: value for name, value in settings["network"].items() if name != "name"}
    settings["data"] = {name: value for name, value in settings["data"].items() if name != "source"}
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
        if record["key"] != _key(record):
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


def _require_types(record: dict) -> None:
    kinds = {dict: "network recipe data machine versions measures code", list: "history", int: "seed", str: "key date"}
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


def _build(kind: type, values: object, *, part: str):
    """A Recipe or an Epoch out of the file's entries."""
    if not isinstance(values, dict):
        raise _Unreadable(f"{part} holds {values!r}.")
    names = {item.name for item in fields(kind)}
    # What came later than the first files is at its default where a file does not have it.
    needed = set(FIRST_SETTINGS) if kind is Recipe else {item.name for item in fields(kind) if item.default is MISSING}
    for problem, found in (("is missing", needed - set(values)), ("is unknown here", set(values) - names)):
        if found:
            raise _Unreadable(f"{', '.join(sorted(found))} {problem} in {part}.")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    if kind is Epoch and not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values.values()):
        raise _Unreadable(f"{part} holds something that is not a number in epoch {values['epoch']!r}.")
    try:
        return kind(**values)
    except ValueError as problem:
        raise _Unreadable(f"in {part}, {problem}") from None


def find(folder: str | os.PathLike, key: str, *, other_code: bool = False) -> Run | None:
    """The whole run with this key among the `.json` files of a folder; None where there is none, or no folder.

    A run that was made with other code than today's, or whose file does not say with which, is no answer, unless
    `other_code` is True: then look at its `changed_code`.

    Raises:
        ValueError: a file there is cut off, altered, or not a run.
    """
    for path in sorted(Path(folder).glob("*.json")):
        run = Run.load(path)
        if run.key == key and run.completed and (other_code or run.changed_code == []):
            return run
    return None


# --- where a run was made ---------------------------------------------------------------------------------------------


def describe_machine(device: torch.device) -> dict:
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


def describe_versions() -> dict:
    """The versions that a result can depend on."""
    try:
        course = metadata.version("inception-course")
    except metadata.PackageNotFoundError:
        course = "unknown"
    return {"python": platform.python_version(), "torch": torch.__version__, "course": course}


def describe_commit() -> tuple[str | None, bool | None]:
    """(commit of the course's code, are there uncommitted changes to it), or (None, None) outside its git checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None, None

    def git(*words: str) -> str:
        command = ["git", "-C", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None


def now() -> str:
    """The time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


# --- comparing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arm:
    """Runs that differ in their seed alone: the mean of their final test accuracies, and how far they spread."""

    name: str
    accuracies: tuple[float, ...]  # 0 to 1, one a run, in the order given
    mean: float
    deviation: float | None  # sample standard deviation; None for a single run
    low: float | None  # 95 % interval of the mean (Student's t); None for a single run
    high: float | None
    seconds: float  # mean wall time of a run
    parameters: int


@dataclass(frozen=True)
class Difference:
    """How far an arm's mean lies above the first arm's, and the 95 % interval of that (Welch's)."""

    name: str
    reference: str
    mean: float  # 0.02 is two points
    low: float | None  # None where an arm has a single run
    high: float | None

    @property
    def sentence(self) -> str:
        """What can be concluded, and what cannot."""
        side = "above" if self.mean >= 0 else "below"
        found = f"{self.name} ends {abs(self.mean) * 100:.1f} points {side} {self.reference}"
        if self.low is None:
            return f"{found}, but a single run says nothing about the spread: repeat it with other seeds."
        interval = f"95 % interval {self.low * 100:+.1f} to {self.high * 100:+.1f}"
        if self.low > 0 or self.high < 0:
            return f"{found} ({interval}): more than the spread between seeds explains."
        return f"{found} ({interval}): the interval holds 0, so these seeds do not tell the two apart."


@dataclass(frozen=True)
class Comparison:
    """The arms of an experiment beside each other; shows itself as a table in a notebook, prints as one elsewhere."""

    arms: tuple[Arm, ...]
    differences: tuple[Difference, ...]  # every further arm against the first

    @property
    def sentence(self) -> str:
        """One sentence for each arm after the first."""
        return " ".join(difference.sentence for difference in self.differences)

    @property
    def percentages(self) -> dict[str, list[float]]:
        """Final test accuracies by arm, in per cent: what `utils.plot.arms` draws."""
        return {arm.name: [100 * accuracy for accuracy in arm.accuracies] for arm in self.arms}

    def _rows(self) -> list[list[str]]:
        head = ["arm", "runs", "parameters", "test accuracy, %", "deviation", "95 % interval", "seconds a run"]
        rows = [head]
        for arm in self.arms:
            alone = arm.deviation is None
            rows.append(
                [
                    arm.name,
                    str(len(arm.accuracies)),
                    f"{arm.parameters:,}",
                    f"{arm.mean * 100:.2f}",
                    "–" if alone else f"{arm.deviation * 100:.2f}",
                    "–" if alone else f"{arm.low * 100:.2f} to {arm.high * 100:.2f}",
                    f"{arm.seconds:.1f}",
                ]
            )
        return rows

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        return "\n".join([*lines, "", self.sentence]).rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = [[html.escape(cell) for cell in row] for row in self._rows()]
        top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
        body = "".join(
            f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table><p>{html.escape(self.sentence)}</p>"


def compare(arms: Mapping[str, Sequence[Run]]) -> Comparison:
    """Final test accuracies of several arms: mean, spread, and whether each arm differs from the first.

    Args:
        arms: runs by the arm's name; the first arm is the one that the others are held against.

    Raises:
        ValueError: an arm without runs, a run that was stopped early, one seed twice in an arm, or different data.
    """
    if not arms:
        raise ValueError("There is no arm to compare.")
    for name, runs in arms.items():
        _require_comparable(name, runs)
    contents = {run.data.get("content") for runs in arms.values() for run in runs}
    if len(contents) > 1:
        names = sorted({run.data["name"] for runs in arms.values() for run in runs})
        raise ValueError(f"The runs saw different data ({', '.join(names)}): their accuracies cannot be compared.")
    summaries = tuple(_arm(name, runs) for name, runs in arms.items())
    first, *others = summaries
    return Comparison(arms=summaries, differences=tuple(_difference(arm, first) for arm in others))


def _require_comparable(name: str, runs: Sequence[Run]) -> None:
    if not runs:
        raise ValueError(f"Arm {name!r} has no runs.")
    for run in runs:
        if not run.completed or not run.history:
            raise ValueError(f"Arm {name!r} holds a run that was stopped early ({run!r}). Train it to its end.")
    seeds = [run.seed for run in runs]
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise ValueError(f"Arm {name!r} has more than one run of seed {twice[0]}: they would count as one.")


def _arm(name: str, runs: Sequence[Run]) -> Arm:
    accuracies = tuple(run.accuracy for run in runs)
    mean, n = statistics.fmean(accuracies), len(accuracies)
    deviation = low = high = None
    if n > 1:
        deviation = statistics.stdev(accuracies)
        reach = _student(n - 1) * deviation / math.sqrt(n)
        low, high = mean - reach, mean + reach
    seconds = statistics.fmean(run.seconds for run in runs)
    return Arm(name, accuracies, mean, deviation, low, high, seconds, runs[0].network["parameters"])


def _difference(arm: Arm, reference: Arm) -> Difference:
    """Welch's interval: the arms may spread differently, and may have different numbers of runs."""
    mean, low, high = arm.mean - reference.mean, None, None
    if arm.deviation is not None and reference.deviation is not None:
        shares = [(a.deviation**2 / len(a.accuracies), len(a.accuracies) - 1) for a in (arm, reference)]
        variance = sum(share for share, _ in shares)
        reach = 0.0
        if variance > 0:
            freedom = variance**2 / sum(share**2 / degrees for share, degrees in shares)
            reach = _student(freedom) * math.sqrt(variance)
        low, high = mean - reach, mean + reach
    return Difference(name=arm.name, reference=reference.name, mean=mean, low=low, high=high)


def _student(freedom: float) -> float:
    """How many standard errors a 95 % interval reaches to each side."""
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))
