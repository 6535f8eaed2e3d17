"""What a race computes, in its own process: every entry trained with every seed, and the news of it."""

import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from labs.race.messages import Job, Tell
from utils.data.dataset import Data
from utils.data.sets import load
from utils.train.loop import Diverged, OutOfMemory, fit
from utils.train.prepare import prepare
from utils.train.recipe import Recipe
from utils.train.runs import Run
from utils.train.watch import Watch

TELL_EVERY = 0.2  # seconds between two words of the loss
TRIED = 512  # images with which a network's speed is measured
SHARE = 0.9  # of a budget is for training; the rest goes into building networks and looking at them
FEWEST = 8  # batches of training images that a budget leaves, at least


class Trouble(Exception):
    """Why the race cannot go on, in a sentence."""


def run_race(job: Job, tell: Tell, began: float) -> None:
    """Train the first seed of all entries, then the second of all, so that a stop leaves a fair comparison.

    It tells ("says", words), ("plan", recipe, training images, seconds or None), ("loss", entry, seed, epochs passed, loss, part done),
    ("epoch", entry, seed, Epoch), ("run", entry, Run), and ("trouble", sentence) where it has to end. Its budget counts
    from `began`, by `time.perf_counter`.
    """
    try:
        tell("says", f"loading {job.data}")
        recipe, data, needed = job.recipe, _load(job, _tried(job) if job.seconds else None), None
        entries = {}
        for name, pickled in job.entries.items():
            with _named(name):
                entries[name] = pickle.loads(pickled)
                factory = partial(entries[name], data)
                prepare(factory, data, recipe, seed=job.seeds[0], device=job.device, name=name)
        if job.seconds:
            tell("says", "measuring how fast the networks learn")
            costs = [_cost(name, build, data, recipe, job.device) for name, build in entries.items()]
            left = job.seconds - (time.perf_counter() - began)
            recipe, data = _within(left / len(job.seeds), costs, job)
            needed = len(job.seeds) * sum(costs) * recipe.epochs * len(data.train)
        tell("plan", recipe, len(data.train), needed)
        runs = [(name, build, seed) for seed in job.seeds for name, build in entries.items()]
        for number, (name, build, seed) in enumerate(runs):
            view = partial(Telling, tell=tell, entry=name, share=(number, len(runs)))
            with _named(name):
                run = fit(partial(build, data), data, recipe, seed=seed, device=job.device, show=view, name=name)
            tell("run", name, replace(run, net=None, averaged=None))
    except Trouble as trouble:
        tell("trouble", str(trouble))


class Telling(Watch):
    """The view of a run that tells of it elsewhere. `share`: this run's number, from 0, and how many there are."""

    def __init__(
        self,
        run: Run,
        steps: int,
        on_step: Callable[[Run, float], None] | None,
        *,
        tell: Tell,
        entry: str,
        share: tuple[int, int],
    ):
        super().__init__(run, steps, on_step)
        self.tell, self.entry, self.share = tell, entry, share
        self.told = time.perf_counter()
        self.losses: list[Tensor] = []  # of the steps since it was last told

    def step(self, epoch: int, step: int, loss: Tensor) -> None:
        super().step(epoch, step, loss)
        self.losses.append(loss)
        if time.perf_counter() - self.told >= TELL_EVERY or self.done == 1:
            mean = torch.stack(self.losses).mean().item()
            number, total = self.share
            self.tell("loss", self.entry, self.run.seed, self.done * self.epochs, mean, (number + self.done) / total)
            self.losses.clear()
            self.told = time.perf_counter()

    def epoch(self) -> None:
        self.tell("epoch", self.entry, self.run.seed, self.run.history[-1])


# --- a budget of seconds ----------------------------------------------------------------------------------------------


def _tried(job: Job) -> int:
    """How many images show what an image costs."""
    return max(TRIED, 2 * job.recipe.batch_size)


def _cost(name: str, build: Callable[[Data], nn.Module], data: Data, recipe: Recipe, device: str | None) -> float:
    """Seconds that a training image takes, its part of the testing included: from a second epoch, when all is warm."""
    short = replace(recipe, epochs=2, warm_up=0.0)
    with _named(name):
        run = fit(partial(build, data), data, short, device=device, show=False, name=name)
    return run.history[-1].seconds / len(data.train)


def _within(seconds: float, costs: Sequence[float], job: Job) -> tuple[Recipe, Data]:
    """The recipe and the data with which all entries, trained once, take so many seconds.

    Where there is time, all images and more epochs than the recipe's; where there is not, fewer images, and no fewer than
    `FEWEST` batches of them, even if that takes longer.
    """
    images = int(SHARE * max(seconds, 0) / sum(costs))  # that each network can see in its run
    data = _load(job, max(images // job.recipe.epochs, FEWEST * job.recipe.batch_size))
    return replace(job.recipe, epochs=max(job.recipe.epochs, images // len(data.train))), data


# --- what can be wrong ------------------------------------------------------------------------------------------------


def _load(job: Job, most: int | None) -> Data:
    """The data, no more images of it than the job's limit and `most`; what `load` has to say ends the race."""
    limits = [limit for limit in (job.limit, most) if limit is not None]
    try:
        return load(job.data, limit=min(limits, default=None))
    except FileNotFoundError as error:
        if job.data == "cifar10":  # a race downloads nothing
            sentence = 'CIFAR-10 is not on this machine. Get it once with load("cifar10") in a cell, or race on scales.'
            raise Trouble(sentence) from error
        raise Trouble(str(error)) from error
    except ValueError as error:
        raise Trouble(str(error)) from error


@contextmanager
def _named(entry: str) -> Iterator[None]:
    """Whatever an entry raises becomes a sentence that names it."""
    try:
        yield
    except Exception as error:
        words = str(error).strip()
        if isinstance(error, Diverged | OutOfMemory):  # the exception's `run` is not within reach of who reads this
            words = words.partition(" In Python the run so far")[0]
        elif not isinstance(error, ValueError):
            words = f"It raised {type(error).__name__}: {words or 'without a word.'}"
        raise Trouble(f"“{entry}” cannot go on. {words}") from error
