"""Experiments: networks that differ in one thing, trained with several seeds, and what can be concluded from that.

    heads = Experiment(name="auxiliary_heads", question="...", arms={"with heads": Arm(...), "without": Arm(...)}, ...)
    result = heads.run()           # the short form: minutes on a CPU
    result                         # a table, a picture, and a sentence
    heads.recorded("full")         # the runs that the course has recorded, or None

The experiments themselves lie in the lessons, one file each; `course.experiments` finds them by name.
"""

import importlib
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from course.outputs import rescue
from course.syllabus import LESSONS
from utils.cost.table import Table, profile
from utils.data.dataset import Data
from utils.data.sets import load
from utils.page.html import bold, output, table, tag
from utils.show.display import Live, passing_bar
from utils.system.files import reason, require_place
from utils.system.places import RUNS, work_folder
from utils.train.checkpoint import NotKept, OtherRun
from utils.train.comparison import ACCURACY, Comparison, Difference, Quantity, compare
from utils.train.loop import Diverged, fit, planned_key
from utils.train.recipe import Recipe
from utils.train.runs import Run
from utils.train.watch import in_notebook

if TYPE_CHECKING:
    from utils.show.plot import Picture

Measured = dict[str, float | list[float]]
PILOT = 3  # the first seeds of a form: from their spread follows how many it takes


@dataclass(frozen=True, kw_only=True)
class Form:
    """One size of an experiment: on which data, how long, how often."""

    data: str  # a name that `utils.data.sets.load` knows
    recipe: Recipe  # what all arms share
    seeds: tuple[int, ...]
    limit: int | None = None  # so many of the training images; all of them where there is None
    build: Callable[[Data], nn.Module] | None = None  # the network of all arms, where only their recipes differ
    # Where these images ask for others than the experiment's:
    quantity: Quantity | None = None  # what the arms are compared by
    matters: float | None = None  # the smallest difference of it that would matter, stated before the runs, in its unit
    more: tuple[Quantity, ...] | None = None  # further quantities


def photographs(
    recipe: Recipe,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    build: Callable[[Data], nn.Module] | None = None,
    quantity: Quantity | None = None,
    matters: float | None = None,
    more: tuple[Quantity, ...] | None = None,
    **changes: Any,
) -> Form:
    """All of CIFAR-10's training images, ten epochs: the form in which every experiment is recorded.

    Args:
        recipe: the short form's; its batches become larger, and the images are mirrored and moved.
        seeds: of each arm.
        build: a network in place of the arms' own, where these are all one.
        quantity, matters, more: what is compared in place of the experiment's quantity, and which difference of it would matter.
        changes: other settings of the recipe.
    """
    settings = {"epochs": 10, "batch_size": 128, "flip": True, "shift": 4} | changes
    return Form(
        data="cifar10", recipe=replace(recipe, **settings), seeds=tuple(seeds), build=build,
        quantity=quantity, matters=matters, more=more,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One of the things compared: a network, and where it is the recipe that differs, the settings that do."""

    build: Callable[[Data], nn.Module]  # a new network for such images and classes
    changes: Mapping[str, Any] = field(default_factory=dict)  # settings of the recipe


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A question, and what is trained to answer it. The first arm is the one that the others are held against.

    `observe(data)` gives a function that is called after each step with the run so far and the part of it that is done; it
    may write into `run.measures`. `measure(run, data, before)` gives further figures of a finished run, where `before`
    holds the arm's runs before it, with their networks.
    """

    name: str
    question: str
    equal: str  # what is the same in all arms, in words
    arms: Mapping[str, Arm]
    short: Form
    full: Form
    limits: str  # what the answer does not say, in a sentence
    others: Mapping[str, Form] = field(default_factory=dict)  # further forms, by name
    quantity: Quantity = ACCURACY  # what the arms are compared by
    more: tuple[Quantity, ...] = ()  # compared as well
    matters: float | None = (
        None  # the smallest difference that would matter, stated before the runs, in the quantity's unit
    )
    paired: bool = False  # arms share first weights and images: runs of the same seed are compared with each other
    observe: Callable[[Data], Callable[[Run, float], None]] | None = None
    measure: Callable[[Run, Data, Sequence[Run]], Measured] | None = None
    conclude: Callable[[dict[str, list[Run]]], str] | None = None  # a sentence more, from all whole runs by their arm

    def form(self, name: str) -> Form:
        """A form by its name: "short", "full", or one that only this experiment has.

        Raises:
            ValueError: another name.
        """
        if name not in self.forms:
            raise ValueError(f"form is {name!r}; {self.name} has: {', '.join(self.forms)}.")
        return self.forms[name]

    @property
    def forms(self) -> dict[str, Form]:
        """All forms by name."""
        return {"short": self.short, "full": self.full, **self.others}

    def costs(self, form: str = "short") -> dict[str, Table]:
        """What each arm's network costs, on an image of the form's data."""
        chosen = self.form(form)
        data = load(chosen.data, limit=1)
        return {name: profile(self.network(chosen, name, data)(), data.image_shape) for name in self.arms}

    def run(
        self,
        form: str = "short",
        *,
        seeds: Sequence[int] | None = None,
        arms: Sequence[str] | None = None,
        show: bool = True,
        keep: str | os.PathLike[str] | None = None,
        again: bool = False,
    ) -> "Result":
        """Train every arm once with every seed, and compare. Interrupted, it gives the result of the whole runs so far.

        Args:
            form: "short", "full", or another that the experiment has.
            seeds: others than the form's.
            arms: only these, by name.
            show: a bar, and in a notebook a picture that grows as runs end.
            keep: a folder. Each run is written there as it ends, and one that is there already, made with the same
                settings by the same code, is taken and not repeated. One that was stopped goes on where it was.
            again: repeat also what is there already; the new run takes the old one's place when it is whole.

        Raises:
            ValueError: no such form or arm, or no seed.
            OSError: the folder cannot be written; said before anything is trained.
            Diverged: as in `train`; a note says where the record of that run is.
        """
        return self._run(form, self.form(form), seeds=seeds, names=arms, show=show, keep=keep, again=again)

    def trial(self, *, arms: Sequence[str] | None = None, seeds: Sequence[int] = (0,)) -> "Result":
        """Two short epochs on 256 images, one seed: whether all arms run. It says nothing about the question."""
        form = replace(self.short, recipe=replace(self.short.recipe, epochs=2, batch_size=64), limit=256)
        return self._run("trial", form, seeds=tuple(seeds)[:1], names=arms, show=False, keep=None)

    def recorded(self, form: str = "") -> "Result | None":
        """The recorded runs of a form, or None where there are none.

        Where no form is named: of the longest that is compared by the experiment's own quantity, and of which every arm has the
        first three seeds at least.

        Raises:
            ValueError: another form, or a file that cannot be read.
        """
        if not form:
            longest_first = ("full", *self.others, "short")
            found = (self.recorded(each) for each in longest_first if self.form(each).quantity is None)
            return next((result for result in found if result is not None and result.is_enough), None)
        settings = self.form(form)
        runs: dict[str, list[Run]] = {name: [] for name in self.arms}
        for path in sorted(self.folder(form).glob("*.json")):
            run = Run.load(path)
            runs.setdefault(run.network["name"], []).append(run)
        runs = {name: sorted(of_arm, key=lambda run: run.seed) for name, of_arm in runs.items() if of_arm}
        return Result(self, form, settings, runs, recorded=True) if runs else None

    def on_both(self) -> "OnBoth":
        """What the recorded short form says beside what the recorded full form says, arm by arm."""
        return OnBoth(self.recorded("short"), self.recorded("full"))

    def folder(self, form: str) -> Path:
        """Where the runs of a form are recorded."""
        return RUNS / self.name / form

    def file(self, arm: str, seed: int) -> str:
        """The name of a run's file: the arm's place among the arms, and the seed."""
        return f"arm{list(self.arms).index(arm) + 1}_seed{seed}.json"

    def _run(
        self,
        name: str,
        form: Form,
        *,
        seeds: Sequence[int] | None,
        names: Sequence[str] | None,
        show: bool,
        keep: str | os.PathLike[str] | None,
        again: bool = False,
    ) -> "Result":
        names, seeds = self._chosen(names), self._seeds(form, seeds)
        if keep is not None:
            require_place(Path(keep) / self.file(names[0], seeds[0]))
        data = load(form.data, limit=form.limit)
        result = Result(self, name, replace(form, seeds=seeds), {arm: [] for arm in names})
        epochs = {arm: self.recipe(form, arm).epochs for arm in names}
        total = len(seeds) * sum(epochs.values())
        options = {"bar_format": "{l_bar}{bar}| {elapsed}, {remaining} left", "disable": not show}
        with Live() as live, passing_bar(total=total, **options) as bar:
            for seed in seeds:
                for arm in names:
                    bar.set_description(f"{arm}, seed {seed}")
                    start = bar.n

                    def moved(run: Run, done: float, *, start: float = start, epochs: int = epochs[arm]) -> None:
                        bar.update(start + done * epochs - bar.n)

                    path = None if keep is None else Path(keep) / self.file(arm, seed)
                    run = None if path is None or again else self.finished(form, arm, seed, path, data)
                    if run is None:
                        begun = None if path is None else self._under_way(name, path)
                        run = self.train(
                            form, arm, seed, data=data, before=result.runs[arm], on_step=moved, checkpoint=begun
                        )
                        if not run.completed:
                            return result
                        if path is not None:
                            _keep(run, path, begun, name=f"{self.name}-{path.stem}")
                    result.runs[arm].append(run)
                    bar.update(start + epochs[arm] - bar.n)
                    if show and in_notebook():
                        live.show(result.picture)
        return result

    def _under_way(self, form: str, path: Path) -> Path:
        """The checkpoint of a run that will be in this file."""
        return work_folder() / "runs" / "under way" / self.name / form / path.with_suffix(".checkpoint").name

    def train(
        self,
        form: str | Form,
        arm: str,
        seed: int,
        *,
        data: Data | None = None,
        before: Sequence[Run] = (),
        on_step: Callable[[Run, float], None] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | None = None,
    ) -> Run:
        """One run: an arm's network with one seed, and the experiment's own figures of it.

        Args:
            form: a form or its name.
            arm: the arm's name.
            seed: decides first weights, order, augmentation and dropout.
            data: the form's images, where they are loaded already.
            before: the arm's runs before this one, with their networks.
            on_step: called after each step with the run so far and the part of it that is done.
            checkpoint: a file from which the run goes on where it is there, and which keeps it at any moment. One that is
                damaged, or of other settings or code, is replaced.
            device: as in `utils.train.loop.fit`.

        Raises:
            ValueError: no such form or arm.
            Diverged: the loss is no longer a finite number; a note says where the record of the run so far is.
        """
        form = self.form(form) if isinstance(form, str) else form
        self._chosen([arm])
        data = data or load(form.data, limit=form.limit)
        observer = self.observe(data) if self.observe is not None else None

        def after_step(run: Run, done: float) -> None:
            for each in (on_step, observer):
                if each is not None:
                    each(run, done)

        train = partial(
            fit,
            self.network(form, arm, data),
            data,
            self.recipe(form, arm),
            seed=seed,
            device=device,
            show=False,
            on_step=after_step,
            name=arm,
            checkpoint=checkpoint,
        )
        try:
            try:
                run = train(resume=checkpoint is not None)
            except OtherRun:
                run = train()
        except Diverged as problem:
            if checkpoint is not None:
                problem.add_note(rescue(problem.run, f"{self.name}-{Path(checkpoint).stem}"))
            raise
        if run.completed and self.measure is not None:
            run.measures.update(self.measure(run, data, before))
        return run

    def network(self, form: Form, arm: str, data: Data) -> Callable[[], nn.Module]:
        """What builds an arm's network for these images."""
        return partial(form.build or self.arms[arm].build, data)

    def recipe(self, form: Form, arm: str) -> Recipe:
        """What an arm is trained by: the form's recipe with the arm's own changes."""
        return replace(form.recipe, **self.arms[arm].changes)

    def finished(self, form: Form, arm: str, seed: int, path: Path, data: Data) -> Run | None:
        """The run in this file, if it is the one that would be trained now."""
        if not path.exists():
            return None
        run = Run.load(path)
        planned = planned_key(self.network(form, arm, data), data, self.recipe(form, arm), seed=seed)
        return run if run.completed and run.key == planned and run.changed_code == [] else None

    def _chosen(self, names: Sequence[str] | None) -> tuple[str, ...]:
        for name in names or ():
            if name not in self.arms:
                raise ValueError(f"There is no arm {name!r} in {self.name}. There are: {', '.join(self.arms)}.")
        return tuple(names or self.arms)

    def _seeds(self, form: Form, seeds: Sequence[int] | None) -> tuple[int, ...]:
        chosen = tuple(form.seeds if seeds is None else seeds)
        if not chosen or len(set(chosen)) != len(chosen):
            raise ValueError(f"seeds is {seeds!r}; it must be one or more whole numbers, each of them once.")
        return chosen

    def __repr__(self) -> str:
        forms = "\n".join(f"  {name}: {self._form_text(name)}" for name in self.forms)
        return f"{self.question}\n  arms: {', '.join(self.arms)}\n  the same in all: {self.equal}\n{forms}"

    def _repr_html_(self) -> str:
        rows = [("arms", ", ".join(self.arms)), ("the same in all", self.equal)]
        rows += [(f"{name} form", self._form_text(name)) for name in self.forms]
        return output(tag("p", bold(self.question)), table(rows, row_heads=True))

    def _form_text(self, name: str) -> str:
        """A form in words, and how many of its seeds are recorded where some are."""
        form = self.form(name)
        images = "" if form.limit is None else f", {form.limit:,} of its training images"
        recorded = [len(list(self.folder(name).glob(f"arm{place}_*.json"))) for place in range(1, len(self.arms) + 1)]
        few, many = min(recorded), max(recorded)
        told = f" ({few} recorded)" if few == many else f" ({few} to {many} recorded)"
        return (
            f"{form.data}{images}, {form.recipe.epochs} epoch{plural(form.recipe.epochs)} of batches of {form.recipe.batch_size}, "
            f"{len(form.seeds)} seed{plural(len(form.seeds))} an arm{told if many else ''}"
        )


def _keep(run: Run, path: Path, checkpoint: Path | None, *, name: str) -> None:
    """Write a run where it belongs; where that fails, into the work folder, with a warning: the others go on."""
    try:
        run.save(path)
    except OSError as problem:
        words = f"{path} could not be written: {reason(problem)}. {rescue(run, name)}"
        warnings.warn(words, NotKept, stacklevel=2)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)


def plural(count: int) -> str:
    """The ending of a noun that is counted."""
    return "" if count == 1 else "s"


@dataclass(frozen=True, eq=False)
class Result:
    """What came out of an experiment: a table, a picture and a sentence; `runs` holds every run by its arm."""

    experiment: Experiment
    form_name: str
    form: Form
    runs: dict[str, list[Run]]
    recorded: bool = False

    @property
    def quantity(self) -> Quantity:
        """What the arms are compared by: the form's, where it has its own, else the experiment's."""
        return self.form.quantity or self.experiment.quantity

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """All that the arms are compared by: what decides first."""
        more = self.experiment.more if self.form.more is None else self.form.more
        return (self.quantity, *more)

    def compare(self, quantity: Quantity | None = None) -> Comparison | None:
        """The arms beside each other, by their quantity or by another; None where no arm has a run."""
        return self._compared(quantity or self.quantity) if self.whole else None

    @property
    def whole(self) -> dict[str, list[Run]]:
        """The runs of those arms that have any."""
        return {arm: runs for arm, runs in self.runs.items() if runs}

    @property
    def is_enough(self) -> bool:
        """Has every arm a run of each of the form's first seeds?"""
        pilot = set(self.form.seeds[:PILOT])
        return all(pilot <= {run.seed for run in self.runs.get(arm, ())} for arm in self.experiment.arms)

    def _compared(self, quantity: Quantity) -> Comparison:
        own = self.experiment.matters if self.form.quantity is None else self.form.matters
        matters = own if quantity == self.quantity else None
        return compare(self.whole, quantity, paired=self.experiment.paired, matters=matters)

    @property
    def verdicts(self) -> dict[str, str]:
        """ "differs", "equal" or "open", for each arm after the first."""
        comparison = self.compare()
        return {each.name: each.verdict for each in comparison.differences} if comparison else {}

    @property
    def percentages(self) -> dict[str, list[float]]:
        """Final test accuracies by arm, in per cent."""
        return self.values(ACCURACY)

    def values(self, quantity: Quantity | None = None) -> dict[str, list[float]]:
        """The quantity of every run, by arm."""
        quantity = quantity or self.quantity
        return {arm: [quantity.of(run) for run in runs] for arm, runs in self.whole.items()}

    def mean(self, arm: str) -> float:
        """An arm's mean of what the arms are compared by, in its unit.

        Raises:
            ValueError: no such arm, or no run of it.
        """
        values = self.values().get(arm)
        if not values:
            raise ValueError(f"There is no run of {arm!r}. There are runs of: {', '.join(self.values()) or 'no arm'}.")
        return sum(values) / len(values)

    @property
    def sentence(self) -> str:
        """What can be concluded, and what cannot."""
        if not self.whole:
            return "No run is whole, so nothing can be concluded."
        return " ".join([*self._found(), self.experiment.limits])

    def _found(self) -> list[str]:
        """A sentence for each figure and each arm after the first, and what the experiment says itself."""
        entry = self.experiment
        found = [
            difference.sentence for quantity in self.quantities for difference in self._compared(quantity).differences
        ]
        return found if entry.conclude is None else [*found, entry.conclude(self.runs)]

    @property
    def source(self) -> str:
        """Where and when the runs were made, and whether the code has changed since."""
        every = [run for runs in self.runs.values() for run in runs]
        if not every:
            return "no run"
        machines = sorted({_machine(run) for run in every})
        dates = sorted({run.date[:10] for run in every})
        commits = sorted({(run.commit or "no commit")[:7] + ("+" if run.modified else "") for run in every})
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        text = f"{'recorded' if self.recorded else 'made'} {when} on {'; '.join(machines)}, commit {', '.join(commits)}"
        return text + "".join(f"; {change}" for change in self.changes)

    @property
    def changes(self) -> list[str]:
        """In what the recorded runs differ from what the code would do now, in words; empty where in nothing."""
        if not self.recorded:
            return []
        found, others = [], []
        for arm, runs in self.runs.items():
            if arm not in self.experiment.arms:
                found.append(f"the experiment has no arm {arm!r} any more")
                continue
            recipe = self.experiment.recipe(self.form, arm)
            if any(run.recipe != recipe for run in runs):
                others.append(arm)
        if others:
            named = "all arms" if len(others) == len(self.runs) > 1 else ", ".join(others)
            found.append(f"{named} {'was' if others == [named] else 'were'} trained by another recipe than today's")
        files = sorted({name for runs in self.runs.values() for run in runs for name in run.changed_code or ()})
        if files:
            found.append(f"since then {', '.join(files)} changed")
        return found

    @property
    def picture(self) -> "Picture":
        """A dot for each run, arm by arm, with mean and 95 % interval; recorded runs say where they are from."""
        return self._picture(self._note())

    def _picture(self, note: str) -> "Picture":
        from utils.show.plot import arms  # here, so that training needs no matplotlib

        quantity = self.quantity
        chance = 10 if quantity is ACCURACY else None
        found = self.compare()
        intervals = {arm.name: (arm.low, arm.high) for arm in found.arms} if found else {}
        return arms(self.values(), self._title(), unit=quantity.label, chance=chance, note=note, intervals=intervals)

    @property
    def curves(self) -> "Picture":
        """Test accuracy by epoch, arm by arm: the mean of the seeds and how far they reach."""
        from utils.show.plot import curves

        by_epoch = {
            arm: [[100 * value for value in run.column("test_accuracy")] for run in runs]
            for arm, runs in self.whole.items()
        }
        return curves(by_epoch, self._title(), x="epoch", y="test accuracy, %", note=self._note())

    def _title(self) -> str:
        images = "" if self.form.limit is None else f", {self.form.limit:,} images"
        return f"{self.experiment.question}\n{self.form.recipe.epochs} epoch{plural(self.form.recipe.epochs)} on {self.form.data}{images}"

    def _note(self) -> str:
        return self.source if self.recorded else ""

    def __str__(self) -> str:
        parts = [self.experiment.question, self.experiment.equal]
        if self.whole:
            parts += [self._compared(each).table for each in self.quantities]
        return "\n\n".join([*parts, self.sentence, f"({self.source})"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.whole:
            return output(tag("p", self.sentence))
        return output(
            self._picture(note="").html,  # the source stands below, as text
            *(self._compared(each).html for each in self.quantities),
            tag("ul", *(tag("li", line) for line in self._found())),
            tag("p", self.experiment.limits),
            tag("p", self.source, cls="course-quiet"),
        )


@dataclass(frozen=True, eq=False)
class OnBoth:
    """An experiment on the course's own images and on photographs: do the two say the same?

    Either is None where nothing, or not enough, is recorded.
    """

    short: Result | None
    full: Result | None

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """For each arm after the first: its name, its difference on either, and what follows from the two."""
        if self.short is None or self.full is None or not self.full.is_enough:
            return []
        pairs = [{each.name: each for each in (result.compare() or _NOTHING).differences} for result in self._both()]
        first, second = pairs
        return [
            (name, _difference_text(first[name]), _difference_text(second[name]), _agreement(first[name], second[name]))
            for name in first
            if name in second
        ]

    def _both(self) -> tuple[Result, ...]:
        return tuple(result for result in (self.short, self.full) if result is not None)

    @property
    def head(self) -> tuple[str, ...]:
        """What stands above the columns."""
        places = [f"on {result.form.data}, {result.form.recipe.epochs} epochs" for result in self._both()]
        first = self._both()[0].experiment.arms if self._both() else ("",)
        return (f"against {next(iter(first))}", *places, "together")

    def __str__(self) -> str:
        if not self.rows:
            return "One of the two is not recorded yet, so there is nothing to put side by side."
        return "\n".join(
            f"{name}: {self.head[1]}: {short}; {self.head[2]}: {full}: {together}"
            for name, short, full, together in self.rows
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.rows:
            return output(tag("p", str(self)))
        return output(table(self.rows, head=self.head, align="llll", row_heads=True))


_NOTHING = Comparison((), ())


def _difference_text(difference: Difference) -> str:
    """A difference with its interval and its verdict."""
    quantity = difference.quantity
    unit = quantity.points or quantity.unit
    interval = ""
    if difference.low is not None and difference.high is not None:
        shown = quantity.interval(difference.low, difference.high, digits=quantity.digits, of_difference=True)
        interval = f" ({shown})"
    return f"{difference.mean:+.{quantity.digits}f} {unit}".strip() + f"{interval}, {difference.verdict}"


def _agreement(short: Difference, full: Difference) -> str:
    """What two verdicts on the same question say together."""
    if short.quantity != full.quantity:
        return f"{short.quantity.name} on the one, {full.quantity.name} on the other"
    if "open" in (short.verdict, full.verdict):
        return "one of them is open"
    if short.verdict == full.verdict:
        if short.verdict == "differs" and short.mean * full.mean < 0:
            return "they say the opposite"
        return "they agree"
    return "they disagree"


def _machine(run: Run) -> str:
    device: str = run.machine.get("device_name") or run.machine.get("device", "?")
    threads = run.machine.get("threads")
    return f"{device}, {threads} thread{'' if threads == 1 else 's'}" if run.machine.get("device") == "cpu" else device


def names() -> tuple[str, ...]:
    """The names of all experiments, lesson by lesson."""
    return tuple(_files())


def experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    files = _files()
    if name not in files:
        raise ValueError(f"There is no experiment {name!r}. There are: {', '.join(files)}.")
    found: Experiment = importlib.import_module(f"lessons.{files[name]}.experiments.{name}").EXPERIMENT
    return found


def lesson_of(name: str) -> str:
    """The slug of the lesson that an experiment belongs to."""
    return _files()[name]


def _files() -> dict[str, str]:
    """The lesson's slug of each experiment, by the experiment's name."""
    return {
        path.stem: lesson.slug
        for lesson in LESSONS
        for path in sorted((lesson.folder / "experiments").glob("*.py"))
        if path.stem != "__init__"
    }
