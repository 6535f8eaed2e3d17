"""Recording: the runs that the lessons show, made one after the other in the order in which they are wanted.

    record(hours=2.5, processes=1)    # goes on where the last call stood
    record(hours=1 / 6, device="cuda", processes=4, bundle="gpu.zip")    # on a machine that is lent for ten minutes

A run is written into `runs/` when it is whole. One that was stopped goes on from its checkpoint, which is kept in the work
folder; nothing that was trained is trained twice.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import connection, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.bundle import Bundle
from course.experiments import PILOT, Form, experiment, names
from course.outputs import checkpoints_told, save_weights
from utils.data.dataset import Data
from utils.data.sets import load
from utils.system.files import reason, require_place
from utils.system.places import work_folder
from utils.train.interrupts import Ending
from utils.train.loop import Diverged, InUse
from utils.train.runs import Run, describe_commit

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

FORM = "full"
WANTED = (  # first what goes against a paper, or what a lesson rests on; experiments that are not named come behind these
    *("separable_activation", "grid_reduction", "normalisation", "separable_residual", "residual", "groups"),
    *("multi_scale", "label_smoothing", "asymmetric_factors", "factor_activation", "low_resolution", "auxiliary_heads"),
)
GRACE = 60  # seconds that a run has for its checkpoint when it is told to stop


@dataclass(frozen=True)
class Task:
    """One run that is wanted."""

    experiment: str
    arm: str
    seed: int

    @property
    def path(self) -> Path:
        """Where the run will be."""
        entry = experiment(self.experiment)
        return entry.folder(FORM) / entry.file(self.arm, self.seed)

    @property
    def checkpoint(self) -> Path:
        """Where the run is kept until it is whole."""
        return work_folder() / "recording" / self.experiment / self.path.with_suffix(".checkpoint").name

    @property
    def weights(self) -> Path:
        """Where the trained weights are: an ensemble needs them."""
        return self.checkpoint.with_suffix(".pt")

    def __str__(self) -> str:
        return f"{self.experiment}, {self.arm}, seed {self.seed}"


def wanted(*, only: tuple[str, ...] = ()) -> list[Task]:
    """All runs of the recorded forms, the most wanted first; of these experiments alone where some are named.

    Each experiment's first seeds, arm by arm, come before any experiment's further ones.

    Raises:
        ValueError: there is no such experiment.
    """
    chosen = [each for each in (*WANTED, *sorted(set(names()) - set(WANTED))) if not only or each in only]
    for name in only:
        experiment(name)
    return [
        Task(name, arm, seed)
        for further in (False, True)
        for name in chosen
        for seed in experiment(name).form(FORM).seeds
        if (seed >= PILOT) is further
        for arm in experiment(name).arms
    ]


def missing(tasks: list[Task], say: Callable[[str], None] = print) -> list[Task]:
    """Those of the tasks that have no run yet, or one that other code or another recipe made; that is said."""
    found = []
    for task in tasks:
        if task.path.exists():
            entry = experiment(task.experiment)
            form = entry.form(FORM)
            if entry.finished(form, task.arm, task.seed, task.path, _images(form)) is not None:
                continue
            say(f"{task}: the recorded run was made by other code or settings; it is made anew.")
        found.append(task)
    return found


def record(
    *,
    hours: float,
    processes: int = 1,
    threads: int = 1,
    device: str | None = None,
    only: tuple[str, ...] = (),
    anyway: bool = False,
    bundle: Path | None = None,
    commit: str | None = None,
    say: Callable[[str], None] = print,
) -> list[Run]:
    """Make the runs that are wanted most, for so many hours; the runs that became whole.

    Ctrl-C, or the end of the time, stops it: what is whole is in `runs/`, what is not goes on at the next call.

    Args:
        hours: how long; a run under way is stopped when they are over, and kept.
        processes: runs at a time.
        threads: of each run.
        device: as in `utils.train.loop.fit`.
        only: the experiments' names; all where none is named.
        anyway: record although the code is not what a commit holds.
        bundle: a file for the new runs as well (`course.bundle`), whole after each of them: for a machine from which nothing
            but that file comes back. No run is begun then that would not end in time, by what others of its experiment took.
        commit: of which commit these files are a copy, where they are no git checkout; the runs say so.
        say: gets a line whenever a run begins, ends an epoch, or is whole.

    Raises:
        ValueError: an argument that cannot be, or an experiment that does not exist.
        RuntimeError: the code is not what a commit holds, and `anyway` is not set.
        OSError: the bundle, the runs or their checkpoints cannot be written; said before anything is trained.
    """
    if hours <= 0 or processes < 1 or threads < 1:
        raise ValueError(
            f"hours is {hours}, processes {processes}, threads {threads}; hours must be above 0, the others 1 or more."
        )
    here, modified = describe_commit()
    if here is not None:
        commit = None
    if not anyway and (modified or (here is None and commit is None)):
        state = "This is no git checkout" if here is None else "Files here differ from their last commit"
        raise RuntimeError(
            f"{state}, so nobody could say later with what code the runs were made. Record from a clean checkout "
            "(git clone, or git stash); name the commit that a copy without git is of (--commit); or add --anyway."
        )
    end = time.monotonic() + 3600 * hours
    waiting = missing(wanted(only=only), say)
    say(f"{len(waiting)} runs are wanted.")
    for task in waiting[:1]:
        require_place(task.path)
        require_place(task.checkpoint)
    if bundle is not None:
        require_place(bundle)
    packed = None if bundle is None else Bundle(bundle)
    if packed is not None:
        packed.write()
    settings = {"threads": threads, "device": device, "commit": commit}
    return _Workers(waiting, processes, packed, settings, say).work(end)


@dataclass
class _Worker:
    task: Task
    process: Any
    messages: "Connection"
    began: float


class _Workers:
    """So many processes, each with a run; the next run goes to whoever is free."""

    def __init__(
        self,
        waiting: list[Task],
        processes: int,
        bundle: Bundle | None,
        settings: dict[str, Any],
        say: Callable[[str], None],
    ):
        self.waiting, self.processes, self.bundle, self.say = list(waiting), processes, bundle, say
        self.settings = settings
        self.running: list[_Worker] = []
        self.runs: list[Run] = []
        self.longest: dict[str, float] = {}  # seconds of a run, by experiment

    def work(self, end: float) -> list[Run]:
        try:
            while time.monotonic() < end and (self.waiting or self.running):
                while len(self.running) < self.processes and (task := self._next(end - time.monotonic())):
                    self._start(task)
                if not self.running:
                    break
                self._listen(end - time.monotonic())
        except KeyboardInterrupt:
            self.say("Stopped.")
        finally:
            self._stop()
        return self.runs

    def _next(self, seconds: float) -> Task | None:
        """The most wanted run; where a bundle is all that is kept, one that should end in so many seconds."""
        fitting = (
            task for task in self.waiting if self.bundle is None or self.longest.get(task.experiment, 0) < seconds
        )
        task = next(fitting, None)
        if task is not None:
            self.waiting.remove(task)
        return task

    def _start(self, task: Task) -> None:
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_train, args=(task, theirs), kwargs=self.settings)
        process.start()
        theirs.close()
        self.running.append(_Worker(task, process, ours, time.monotonic()))
        self.say(f"{task}: begins{' again' if task.checkpoint.exists() else ''}.")

    def _listen(self, seconds: float) -> None:
        ready = connection.wait([worker.messages for worker in self.running], timeout=max(0.0, seconds))
        for worker in [each for each in self.running if each.messages in ready]:
            try:
                message = worker.messages.recv()
            except EOFError:
                worker.process.join()
                self.running.remove(worker)
                self._ended(worker)
            else:
                self.say(f"{worker.task}: {message}")

    def _ended(self, worker: _Worker) -> None:
        if worker.task.path.exists() and not worker.task.checkpoint.exists():
            task, seconds = worker.task, time.monotonic() - worker.began
            self.runs.append(Run.load(task.path))
            self.longest[task.experiment] = max(seconds, self.longest.get(task.experiment, 0))
            if self.bundle is not None:
                name = f"{task.experiment}/{FORM}/{task.path.name}"
                try:
                    self.bundle.add(name, task.path.read_text(encoding="utf-8"))
                except OSError as problem:  # it is in `runs/`, and in the bundle as soon as that can be written again
                    self.say(f"{self.bundle.path} could not be written: {reason(problem)}. {task.path} has the run.")
            self.say(f"{task}: recorded, {seconds / 60:.1f} min; {len(self.waiting)} are waiting.")
        elif worker.process.exitcode:
            self.say(f"{worker.task}: failed with exit status {worker.process.exitcode}; it is left out this time.")

    def _stop(self) -> None:
        for worker in self.running:
            if worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGINT)
        end = time.monotonic() + GRACE
        while self.running and time.monotonic() < end:
            self._listen(end - time.monotonic())
        for worker in self.running:
            worker.process.kill()
            self.say(f"{worker.task}: did not stop in {GRACE} s and was ended; its last checkpoint is kept.")


def _train(task: Task, messages: "Connection", *, threads: int, device: str | None, commit: str | None) -> None:
    """In a process of its own: one run, from its checkpoint where there is one."""
    import torch

    torch.set_num_threads(threads)
    entry = experiment(task.experiment)
    form = entry.form(FORM)
    data = _images(form)
    told = 0

    def tell(run: Run, done: float) -> None:
        nonlocal told
        if len(run.history) > told:
            told = len(run.history)
            messages.send(f"epoch {told} of {run.recipe.epochs}, {100 * run.history[-1].test_accuracy:.1f} %")

    try:
        with checkpoints_told(messages.send), Ending() as ending:
            run = entry.train(
                form,
                task.arm,
                task.seed,
                data=data,
                before=tuple(_before(task)) if entry.measure is not None else (),
                on_step=tell,
                checkpoint=task.checkpoint,
                device=device,
            )
            ending.keep()
            if not run.completed:
                return
            assert run.net is not None
            if commit is not None:
                run.commit, run.modified = commit, False
            save_weights(run.net, task.weights)
            run.save(task.path)
            task.checkpoint.unlink(missing_ok=True)
    except (Diverged, InUse) as problem:
        messages.send("\n".join([str(problem), *getattr(problem, "__notes__", ())]))
        return
    except OSError as problem:
        messages.send(
            f"could not be written: {reason(problem)}. The next call goes on from its checkpoint, where there is one."
        )
        return
    except SystemExit:
        return
    messages.send(f"{100 * run.history[-1].test_accuracy:.2f} % after {run.seconds:.0f} s")


def _before(task: Task) -> Iterator[Run]:
    """The arm's recorded runs of lower seeds, with their networks where their weights are kept here."""
    import torch

    entry = experiment(task.experiment)
    form = entry.form(FORM)
    build = entry.network(form, task.arm, _images(form))
    for seed in form.seeds:
        earlier = Task(task.experiment, task.arm, seed)
        if seed < task.seed and earlier.path.exists():
            run = Run.load(earlier.path)
            if earlier.weights.exists():
                run.net = build()
                run.net.load_state_dict(torch.load(earlier.weights, weights_only=True))
                run.net.eval()
            yield run


@lru_cache(maxsize=1)
def _images(form: Form) -> Data:
    """The form's images, loaded once."""
    return load(form.data, limit=form.limit)
