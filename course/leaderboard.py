"""The class leader board of the project: designs under one budget, ranked from the files of their runs.

    run = train(design, seed=0)                 # by the project's recipe; run.save("ada.json")
    board = board_of("runs of the class")       # every file checked; what is broken or forged is refused with its reason
    print(board)

A file is text, and whoever writes it can write any number. What is recomputed here (settings, cost, how an epoch's figures
hang together) catches mistakes, files of another course or recipe, and careless forgeries. A careful one can only be found
by training again with the same seed: `verify`.
"""

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from course.experiments import plural
from networks.design import BUDGET, Budget, Design, design_from
from utils.data.dataset import Data
from utils.data.sets import load
from utils.page.html import Html, bold, output, table, tag
from utils.train.loop import fit
from utils.train.prepare import prepare
from utils.train.provenance import differences
from utils.train.recipe import Recipe
from utils.train.runs import Epoch, Run

LARGEST = 1_000_000  # bytes of a run's file; a true one has a few thousand
LONGEST = 300  # characters of a reason
NEAR = 0.02  # two runs of one design and seed on different machines; on one machine they are the same


@dataclass(frozen=True)
class Rules:
    """What all runs of a board have in common. `limit`: only so many training images."""

    data: str
    recipe: Recipe
    budget: Budget = BUDGET
    limit: int | None = None

    def load(self) -> Data:
        """The data set that everybody trains on."""
        return load(self.data, limit=self.limit)


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01)
RULES = {
    "short": Rules("scales", RECIPE),
    "full": Rules("cifar10", replace(RECIPE, epochs=20, batch_size=128, flip=True, shift=4)),
}


def rules_of(form: str) -> Rules:
    """The rules of a form, "short" or "full".

    Raises:
        ValueError: another form.
    """
    if form not in RULES:
        raise ValueError(f"form is {form!r}; it can be {' or '.join(RULES)}.")
    return RULES[form]


def read_design(path: Path) -> Design:
    """The design in a text file, which is read and never run.

    Raises:
        ValueError: it holds no design; the message names the file.
        OSError: it cannot be opened.
    """
    try:
        return design_from(Path(path).read_text(encoding="utf-8"))
    except ValueError as problem:  # a file that is no text is one too
        raise ValueError(f"{path}: {problem}") from None


def train(
    design: Design,
    rules: Rules = RULES["short"],
    *,
    seed: int = 0,
    name: str = "my design",
    show: bool = True,
    device: str | None = None,
    on_step: Callable[[Run, float], None] | None = None,
) -> Run:
    """Train a design by the project's rules; the record of the run holds the design.

    Raises:
        ValueError: not a design, or over the budget.
    """
    if not isinstance(design, Design):
        raise ValueError(f"design is {design!r}; it must be a Design.")
    data = rules.load()
    if excess := rules.budget.excess(design.table(data.image_shape, len(data.classes))):
        raise ValueError(f"The design is over the budget: {excess}.")
    run = fit(
        lambda: design.build(data), data, rules.recipe, seed=seed, name=name, show=show, device=device, on_step=on_step
    )
    note_design(run, design)
    return run


def note_design(run: Run, design: Design) -> None:
    """Put the design into the record of its run."""
    run.network["design"] = design.code


# --- one file ------------------------------------------------------------------------------------------------------------


class Refused(Exception):
    """Why a run's file is not on the board."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One file: whose it is, and the reason why it is refused, where it is."""

    student: str
    path: Path
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry(Submission):
    """One file that counts, with its run and its design."""

    run: Run
    design: Design
    macs: int
    remarks: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """Test accuracy after the last epoch, 0 to 1."""
        return self.run.history[-1].test_accuracy

    @property
    def margin(self) -> float:
        """Half the width of the 95 % interval that comes from the number of test images alone."""
        return margin(self.accuracy, self.run.data["test"])


def margin(accuracy: float, images: int) -> float:
    """Half the width of a 95 % interval for an accuracy (0 to 1) measured on so many images."""
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)


def examine(path: Path, rules: Rules, data: Data, *, student: str = "") -> Submission:
    """Check one file: an `Entry`, or else what is wrong with it as the `reason`."""
    student = student or _student(path, path.parent)
    try:
        run, design = sound(path, rules, data)
    except Refused as problem:
        return Submission(student=student, path=path, reason=_printable(str(problem)))
    macs = design.table(data.image_shape, len(data.classes)).macs
    return Entry(student=student, path=path, run=run, design=design, macs=macs)


def sound(path: Path, rules: Rules, data: Data) -> tuple[Run, Design]:
    """The run in a file, and its design, where everything about it that can be recomputed is right.

    Raises:
        Refused: something is not; the message says what.
    """
    run = _read(path)
    if not run.completed or len(run.history) != run.recipe.epochs:
        raise Refused(f"it has {len(run.history)} of {run.recipe.epochs} epochs: the run was stopped.")
    _same_recipe(run.recipe, rules.recipe)
    code = run.network.get("design")
    if not isinstance(code, str):
        raise Refused("it holds no design: was it trained with course.leaderboard.train?")
    try:
        design = design_from(code)
    except ValueError as problem:
        raise Refused(f"its design cannot be read. {problem}") from None
    _same_settings(run, design, rules, data)
    if excess := rules.budget.excess(design.table(data.image_shape, len(data.classes))):
        raise Refused(f"its design is over the budget: {excess}.")
    for epoch in run.history:
        _consistent(epoch, run)
    total = sum(epoch.seconds for epoch in run.history)
    if not math.isfinite(run.seconds) or total > run.seconds * 1.01 + 0.1:
        raise Refused(f"its epochs took {total:.1f} s together, and the whole run {run.seconds:.1f} s.")
    return run, design


def _read(path: Path) -> Run:
    try:
        if path.is_symlink() or not path.is_file():
            raise Refused("it is not a plain file.")
        if path.stat().st_size > LARGEST:
            raise Refused(f"it has {path.stat().st_size:,} bytes; a run has a few thousand.")
        return Run.load(path)
    except ValueError as problem:
        raise Refused(str(problem).removeprefix(f"{path} ")) from None
    except (OSError, RecursionError, TypeError, AttributeError, OverflowError) as problem:
        raise Refused(f"it cannot be read as a run ({type(problem).__name__}).") from None


def _same_recipe(recipe: Recipe, wanted: Recipe) -> None:
    names = [each.name for each in fields(Recipe) if getattr(recipe, each.name) != getattr(wanted, each.name)]
    if names:
        differences = ", ".join(f"{name} {getattr(recipe, name)!r} and not {getattr(wanted, name)!r}" for name in names)
        raise Refused(f"it was trained by another recipe: {differences}.")


def _same_settings(run: Run, design: Design, rules: Rules, data: Data) -> None:
    """Hold the run's settings against those that this design has here, now."""
    if isinstance(run.seed, bool) or run.seed < 0:
        raise Refused(f"its seed is {run.seed!r}; a seed is a whole number, 0 or more.")
    planned, _ = prepare(lambda: design.build(data), data, rules.recipe, seed=run.seed, device="cpu", name=None)
    planned.network["design"] = run.network["design"]
    for name, found in (("train", "training images"), ("test", "test images"), ("content", "images")):
        if run.data.get(name) != planned.data[name]:
            raise Refused(f"it was trained or tested on other {found} than {rules.data!r} has here.")
    if run.network.get("initial_weights") != planned.network["initial_weights"]:
        raise Refused("its network was not drawn from the seed, so that the run cannot be repeated.")
    if run.network["parameters"] != planned.network["parameters"]:
        raise Refused(
            f"it says {run.network['parameters']!r} parameters, and its design has {planned.network['parameters']:,}."
        )
    # Code first: with other code the same design may well be another network.
    if not run.code:
        raise Refused("it does not say with which code it was made.")
    if different := differences(run.code, planned.code):
        raise Refused(f"it was made with other code ({', '.join(different)}): train it again with this course.")
    if run.key != planned.key:
        raise Refused("its settings are not those of its design: network, data or seed do not belong together.")


def _consistent(epoch: Epoch, run: Run) -> None:
    """Whether an epoch's figures can have come from a training: all that hangs together, without training.

    Accuracies are counts over a known number of images. An image that is taken for another class gives its own class at
    most half of the probability, and so a loss of ln 2 at least: that bounds the mean loss from below. The learning rate
    is the recipe's at the epoch's last step.
    """
    recipe, where = run.recipe, f"epoch {epoch.epoch}"
    steps = run.data["train"] // recipe.batch_size
    values = {each.name: getattr(epoch, each.name) for each in fields(Epoch)}
    for name, value in values.items():
        if value is not None and not math.isfinite(value):
            raise Refused(f"{where}: {name} is {value!r}.")
    for part, images in (("train", steps * recipe.batch_size), ("test", run.data["test"])):
        accuracy, loss = values[f"{part}_accuracy"], values[f"{part}_loss"]
        # As `Run.add_epoch` rounds it.
        if not 0 <= accuracy <= 1 or float(f"{round(accuracy * images) / images:.6g}") != accuracy:
            raise Refused(f"{where}: no count of {images:,} {part} images gives an accuracy of {accuracy!r}.")
        least = (1 - accuracy) * math.log(2)
        if loss < 0 or (recipe.label_smoothing == 0 and loss < least * (1 - 1e-3)):
            raise Refused(
                f"{where}: {part} loss {loss!r} is too small for an accuracy of {accuracy!r}; with so many images wrong it is "
                f"at least {least:.4g}."
            )
    rate = recipe.learning_rate_at(epoch.epoch - 1 + (steps - 1) / steps)
    if not math.isclose(epoch.learning_rate, rate, rel_tol=1e-4, abs_tol=1e-12):
        raise Refused(f"{where}: the learning rate is {epoch.learning_rate!r}, and the recipe's is {rate:.6g}.")
    speed = epoch.images_per_second
    if epoch.seconds <= 0 or speed <= 0 or steps * recipe.batch_size / speed > epoch.seconds * 1.01 + 0.1:
        raise Refused(f"{where}: {speed!r} images a second and {epoch.seconds!r} s do not fit together.")


# --- the board -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Board:
    """The ranked entries, one for each student; their other runs; and what was refused."""

    rules: Rules
    ranked: tuple[Entry, ...]
    others: tuple[Entry, ...]
    refused: tuple[Submission, ...]

    @property
    def ranks(self) -> tuple[int, ...]:
        """The rank of each entry: those with the same accuracy share one."""
        scores = [entry.accuracy for entry in self.ranked]
        return tuple(1 + sum(other > score for other in scores) for score in scores)

    @property
    def rows(self) -> list[dict[str, str]]:
        """The table, as text."""
        return [
            {
                "rank": str(rank),
                "student": entry.student,
                "accuracy, %": f"{100 * entry.accuracy:.2f}",
                "±": f"{100 * entry.margin:.2f}",
                "parameters": f"{entry.run.network['parameters']:,}",
                "MACs": f"{entry.macs:,}",
                "blocks": " · ".join(f"{stage.blocks} {stage.family}" for stage in entry.design.stages),
                "seed": str(entry.run.seed),
                "remarks": "; ".join(entry.remarks),
            }
            for rank, entry in zip(self.ranks, self.ranked, strict=True)
        ]

    @property
    def notes(self) -> list[str]:
        """What is to be said under the table, a sentence or two each."""
        notes = []
        if self.ranked:
            first = self.ranked[0]
            count = sum(
                first.accuracy - entry.accuracy <= math.hypot(first.margin, entry.margin) for entry in self.ranked[1:]
            )
            if count:
                notes.append(
                    f"{count} other{plural(count)} cannot be told from the first by {first.run.data['test']:,} test images alone."
                )
            notes.append(
                "±: the 95 % interval that comes from the number of test images. Another seed moves a network as well, and "
                "everybody was free to choose one."
            )
        notes += [
            f"{entry.student}: {entry.path.name} does not count, another run of theirs is better."
            for entry in self.others
        ]
        notes += [f"Refused: {entry.student}, {entry.path.name}: {entry.reason}" for entry in self.refused]
        notes.append(
            "The files are checked for what can be recomputed without training. Only training again with the same seed, "
            "--verify, finds a figure that was made up with care."
        )
        return notes

    def __str__(self) -> str:
        rows = self.rows
        head = list(rows[0]) if rows else []
        if rows and not any(row["remarks"] for row in rows):
            head.remove("remarks")
        widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in head}
        left = ("student", "blocks", "remarks")
        lines = [
            "  ".join(f"{row[name]:{'<' if name in left else '>'}{widths[name]}}" for name in head).rstrip()
            for row in ({name: name for name in head}, *rows)
        ]
        return "\n".join([self.title, "", *(lines if rows else ["No run is on the board."]), "", *self.notes])

    __repr__ = __str__

    @property
    def title(self) -> str:
        """What was asked of everybody."""
        budget, recipe = self.rules.budget, self.rules.recipe
        return (
            f"Designs with at most {budget.parameters:,} parameters and {budget.macs:,} multiply-adds, "
            f"{recipe.epochs} epoch{plural(recipe.epochs)} on {self.rules.data}"
        )

    def _repr_html_(self) -> str:
        rows = [list(row.values()) for row in self.rows]
        head = list(self.rows[0]) if rows else ()
        notes = tag("ul", *(tag("li", note) for note in self.notes))
        return output(table(rows, head=head, caption=bold(self.title)), notes)

    @property
    def html(self) -> str:
        """A page by itself."""
        top = Html('<meta charset="utf-8"><title>Leader board</title>')
        body = tag("body", Html(self._repr_html_()), cls="course-page")
        return f"<!doctype html>{tag('html', tag('head', top), body, lang='en')}\n"

    @property
    def csv(self) -> str:
        """The table with the refused files below, as CSV. No cell begins as a spreadsheet's formula would."""
        file = io.StringIO()
        head = [*(self.rows[0] if self.rows else ("rank", "student", "remarks")), "file"]
        writer = csv.DictWriter(file, head, restval="", lineterminator="\n")
        writer.writeheader()
        rows = [row | {"file": entry.path.name} for row, entry in zip(self.rows, self.ranked, strict=True)]
        rows += [
            {"student": entry.student, "remarks": f"refused: {entry.reason}", "file": entry.path.name}
            for entry in self.refused
        ]
        for row in rows:
            writer.writerow({name: f"'{text}" if text[:1] in "=+-@\t" and text else text for name, text in row.items()})
        return file.getvalue()


def board_of(folder: str | Path, rules: Rules = RULES["short"], *, data: Data | None = None) -> Board:
    """The leader board of all run files (`*.json`) in a folder.

    Whose a file is, its place says, which its writer does not choose: the folder's sub-folder in which it lies, or else its
    name, up to the first `--` (`ada.json`, `ada--second.json`).

    Raises:
        ValueError: no such folder, or no file in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder. Give the one in which the run files of the class lie.")
    paths = sorted(path for path in folder.rglob("*.json") if not path.name.startswith("."))
    if not paths:
        raise ValueError(f"There is no run file (*.json) in {folder}.")
    data = data or rules.load()
    entries = [examine(path, rules, data, student=_student(path, folder)) for path in paths]
    refused = tuple(entry for entry in entries if not isinstance(entry, Entry))
    accepted = [entry for entry in entries if isinstance(entry, Entry)]
    ranked: dict[str, Entry] = {}  # by student
    others: list[Entry] = []
    # Best first; of equal accuracy the cheaper one first, which changes no rank.
    for entry in sorted(accepted, key=lambda each: (-each.accuracy, each.macs, each.student)):
        if ranked.setdefault(entry.student, entry) is not entry:
            others.append(entry)
    return Board(rules, tuple(_with_remarks(list(ranked.values()))), tuple(others), refused)


def _with_remarks(entries: list[Entry]) -> list[Entry]:
    """Say of each entry whose figures it shares, times and all, or whose design."""
    found = []
    for entry in entries:
        remarks = []
        for other in entries:
            if other is entry:
                continue
            if _times(other.run) == _times(entry.run) and other.run.history == entry.run.history:
                remarks.append(f"the very run of {other.student}")
            elif other.design == entry.design:
                remarks.append(f"the design of {other.student}")
        found.append(replace(entry, remarks=tuple(remarks)))
    return found


def _times(run: Run) -> tuple[object, ...]:
    return (run.date, run.seconds, *((epoch.seconds, epoch.images_per_second) for epoch in run.history))


def _student(path: Path, folder: Path) -> str:
    inside = path.relative_to(folder)
    name = inside.parts[0] if len(inside.parts) > 1 else path.stem.split("--")[0]
    return _printable(name)


def _printable(text: str) -> str:
    """Text from a file that somebody else wrote, for a terminal or a page: one line, without control characters."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


# --- training again ------------------------------------------------------------------------------------------------------


def verify(board: Board, count: int, *, data: Data | None = None, show: bool = True) -> Board:
    """Train the best again, each with its seed, and say of each whether its figures come out.

    On one kind of machine with the same torch and as many threads, a CPU gives the same figures to the last digit. Elsewhere
    the last digits differ, and a training amplifies them: then an accuracy within `NEAR` is called near, and a larger
    difference is for a person to judge.
    """
    data = data or board.rules.load()
    again = []
    for entry in board.ranked[:count]:
        told = _confirmed(entry.run, train_again(entry, board.rules, data, show=show))
        again.append(replace(entry, remarks=(told, *entry.remarks)))
    return replace(board, ranked=(*again, *board.ranked[count:]))


def train_again(entry: Entry, rules: Rules, data: Data, *, show: bool = False) -> Run:
    """The same run once more."""
    return fit(lambda: entry.design.build(data), data, rules.recipe, seed=entry.run.seed, name=entry.student, show=show)


def _confirmed(run: Run, again: Run) -> str:
    if again.history == run.history:
        return "confirmed: trained again, the same to the last digit"
    accuracy = again.history[-1].test_accuracy
    away = abs(accuracy - run.history[-1].test_accuracy)
    same_place = all(
        run.machine.get(name) == again.machine.get(name) for name in ("device", "cpu", "threads", "platform")
    ) and run.versions.get("torch") == again.versions.get("torch")
    told = f"trained again: {100 * accuracy:.2f} %, {100 * away:.2f} points away"
    if same_place:
        return f"NOT CONFIRMED, {told}, on the same kind of machine with the same torch, where figures repeat"
    if away <= NEAR:
        return f"near, {told}, on another machine or torch"
    return f"NOT CONFIRMED, {told}; on another machine or torch, so look at it yourself"
