"""Training: one loop for every network, every data set and every recipe of the course.

    run = fit(net, data, Recipe(epochs=10, learning_rate=0.05), seed=0)
    run.accuracy                # test accuracy after the last epoch
    run.save("runs/first.json")
    compare({"3 x 3": [run, ...], "inception": [...]})

The parts: `utils.train.recipe` (settings), `utils.train.prepare` (does it all fit?), `utils.train.engine` (what a step is), `utils.train.augment`
(what happens to the images), `utils.train.optim` (what moves the weights), `utils.train.checkpoint` (going on after a stop),
`utils.train.runs` (the record), `utils.train.comparison` (comparing records), `utils.train.watch` (what is seen).
"""

import contextlib
import gc
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from utils.data.dataset import Data
from utils.system.files import reason
from utils.train import checkpoint as checkpoints
from utils.train.checkpoint import InUse
from utils.train.comparison import compare
from utils.train.engine import Training, evaluate, logits_of, loss_of
from utils.train.interrupts import Interrupts
from utils.train.prepare import prepare, seeded
from utils.train.processes import join, synchronised
from utils.train.recipe import Recipe
from utils.train.runs import Epoch, Run, Score
from utils.train.watch import Watch, watch

__all__ = [
    "Diverged",
    "Epoch",
    "InUse",
    "OutOfMemory",
    "Recipe",
    "Run",
    "Score",
    "compare",
    "evaluate",
    "fit",
    "logits_of",
    "loss_of",
    "planned_key",
    "seeded",
]

CHECK_EVERY = 20  # steps between two looks at whether the loss is still a number
CHECKPOINT_EVERY = 30.0  # seconds between two checkpoints within an epoch


@torch.enable_grad()  # an interrupt in the middle of `no_grad` can leave them off; afterwards they are as they were
def fit(
    net: nn.Module | Callable[[], nn.Module],
    data: Data,
    recipe: Recipe,
    *,
    seed: int = 0,
    device: str | torch.device | None = None,
    show: bool | Callable[..., Watch] = True,
    on_step: Callable[[Run, float], None] | None = None,
    name: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> Run:
    """Train a network and return the record of the run; the trained network is `run.net`, in evaluation mode.

    The seed decides the order of the images, their augmentation, and dropout. Where `net` is a function that builds the
    network (`fit(lambda: Net(10), ...)`), it decides the first weights too. On a CPU the same seed gives the same run,
    bit for bit; a GPU may add up in another order, and then the last digits differ.

    Stop it (the stop button, Ctrl-C) and you get the run so far, with `completed` False. A step under way is
    finished first, unless it goes on for more than a third of a second; a second Ctrl-C does not wait at all.

    Started by torchrun or by `accelerate launch`, all processes train this one network: the batch size is that of all
    together, each returns the run, and the first one alone shows, calls `on_step` and writes.

    With `recipe.averaging`, `run.averaged` is the network with the averaged weights, and each epoch tests both.

    Args:
        net: a network, which is trained in place, or a function without arguments that builds one.
        data: training and test images; from `utils.data.sets.load`.
        recipe: how to train.
        seed: a whole number.
        device: "cpu", "cuda", "mps"; the best that the machine has, where nothing is said.
        show: a progress bar and a live curve. With False nothing is shown or printed. A `utils.train.watch.Watch` of one's own
            is shown instead.
        on_step: called after each step with the run so far and the part of it that is done, 0 to 1. A KeyboardInterrupt
            raised in it stops the run as the stop button does.
        name: what to call the network in the record; its class where nothing is said.
        checkpoint: a file that holds, at any moment, all that is needed to go on: written at the end of each epoch,
            every 30 seconds within one, and when the run is stopped, also by SIGTERM or SIGHUP. Without `resume`, one
            that is there is replaced. Where one cannot be written any more, a warning says so and the run goes on.
        resume: go on from the checkpoint at the very step, where there is one; the run ends as it would have ended
            undisturbed. Called with the same network, data, recipe and seed as at first.

    Raises:
        ValueError: the network, the data and the recipe do not fit together, or the checkpoint is of another run or
            damaged; said before training starts.
        OSError: the checkpoint cannot be written there; said before training starts.
        InUse: another run that is under way keeps its checkpoints in this file.
        Diverged: the loss is no longer a finite number.
        OutOfMemory: the device's memory does not hold a step; the message says which batch it does hold.
    """
    if resume and checkpoint is None:
        raise ValueError(
            'resume is True, and there is no checkpoint to go on from. Name it: checkpoint="run.checkpoint".'
        )
    team = join(device)
    run, device = prepare(net, data, recipe, seed=seed, device=team.device, name=name)
    run.machine["processes"] = team.size
    if run.net is not None and run.net.training:
        run.net.train()  # all of it, from the first step on
    team.require_divisible(recipe.batch_size)
    if not team.is_first:  # one process shows and writes
        show, on_step = False, None
    place = checkpoint if team.is_first else None
    with checkpoints.reserved(place, size=checkpoints.least_size(run)):
        saved = team.from_first(lambda: checkpoints.load_same(checkpoint, run) if resume and checkpoint else None)
        training = Training(run, data, device, team)
        keeper = _Keeper(training, place)
        with seeded(seed), synchronised(training.net, team):
            if saved is not None:
                keeper.go_on_from(*saved)
            with watch(run, steps=training.steps, show=show, on_step=on_step) as view, keeper.kept(view):
                while len(run.history) < recipe.epochs:
                    while training.step < training.steps:
                        keeper.step(view)
                        keeper.keep_in_time()
                    keeper.end_epoch(view)
                    view.epoch()
                    keeper.keep()
    return run


def planned_key(net: nn.Module | Callable[[], nn.Module], data: Data, recipe: Recipe, seed: int = 0) -> str:
    """The key of the run that `fit` would make of these: what to look for before training."""
    run, _ = prepare(net, data, recipe, seed=seed, device="cpu", name=None)
    return run.key


# --- around the steps -------------------------------------------------------------------------------------------------


class _Keeper:
    """Looks after a training: whole steps, checkpoints, and what to say when it stops or goes wrong."""

    def __init__(self, training: Training, checkpoint: str | os.PathLike[str] | None):
        self.training, self.run, self.recipe = training, training.run, training.recipe
        self.checkpoint = checkpoint
        self.has_kept = False  # whether what is in the checkpoint's file is of this run
        self.kept_at = self.began = time.perf_counter()
        self.interrupts = Interrupts(training.team, ends=checkpoint is not None)
        # False while a step is under way: then the state is neither the last step's nor the next one's.
        self.whole = True

    def step(self, view: Watch) -> None:
        """One whole step, and the word of it.

        Raises:
            Diverged, OutOfMemory: it went wrong.
        """
        training = self.training
        with self.interrupts.held():
            self.whole = False
            problem = _memory_problem(training.take_step)
            if problem is not None:
                raise self._out_of_memory(problem)
            self.whole = True
            if training.step % CHECK_EVERY == 0 or training.step == training.steps:
                self._stop_if_diverged()
            view.step(len(self.run.history), training.step - 1, training.losses[-1])

    def end_epoch(self, view: Watch) -> None:
        """Test, and write the epoch into the run's history."""
        training = self.training
        train = training.trained()
        trained_seconds = time.perf_counter() - training.began
        test = training.tested(training.net, view.test)
        averaged = None if training.average is None else training.tested(training.average.module, view.test)
        self._stop_if_diverged(test)
        with self.interrupts.held():
            self.run.add_epoch(
                learning_rate=training.optimizer.param_groups[0]["lr"],
                train=train,
                test=test,
                averaged=averaged,
                seconds=time.perf_counter() - training.began,
                images_per_second=training.steps * self.recipe.batch_size / trained_seconds,
            )
            training.end_epoch()

    @contextlib.contextmanager
    def kept(self, view: Watch) -> Iterator[None]:
        """Times the run, and keeps it when it is interrupted: the loop ends, and what follows it goes on."""
        run, device = self.run, self.training.device
        self.began = time.perf_counter() - run.seconds
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        with self.interrupts:
            try:
                with _fastest_convolutions(device):
                    yield
            except KeyboardInterrupt:
                with self.interrupts.put_off():
                    on_disk = self._kept_on_disk()
                if len(run.history) < run.recipe.epochs:
                    view.sentence = (
                        f"Stopped in epoch {len(run.history) + 1} of {run.recipe.epochs}. The run so far is kept, "
                        f"{_finished(run)}, and the network has the weights of this moment.{on_disk}"
                    )
            finally:
                self._close()
                self.training.net.eval()
                self.training.put_back()

    def _close(self) -> None:
        """What the record says of the run as a whole, as of now."""
        run, device = self.run, self.training.device
        run.seconds = round(time.perf_counter() - self.began, 3)
        run.completed = len(run.history) == run.recipe.epochs
        run.memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None

    # --- checkpoints ---

    def go_on_from(self, saved: Run, state: dict[str, Any]) -> None:
        """Be where a checkpoint was."""
        run = self.run
        run.history, run.measures, run.seconds, run.date = saved.history, saved.measures, saved.seconds, saved.date
        self.training.restore(state)
        self.has_kept = True

    def keep_in_time(self) -> None:
        """Write a checkpoint if the last one is old."""
        if time.perf_counter() - self.kept_at >= CHECKPOINT_EVERY:
            self.keep()

    def keep(self) -> bool:
        """Write a checkpoint, where the run has one and all of it is sound: a whole step, and finite numbers.

        Where it cannot be written, that is said, and the run goes on: the next one may succeed.
        """
        if self.checkpoint is None or not self.whole or not self._is_finite():
            return False
        self._close()
        self.kept_at = time.perf_counter()
        try:
            checkpoints.save(self.checkpoint, self.run, self.training.state())
        except OSError as problem:
            before = "The one from before is still there." if self.has_kept else "There is none yet."
            words = f"The checkpoint {self.checkpoint} cannot be written: {reason(problem)}. {before} The run goes on."
            warnings.warn(words, checkpoints.NotKept, stacklevel=2)
            return False
        self.kept_at, self.has_kept = time.perf_counter(), True
        return True

    def _is_finite(self) -> bool:
        numbers = [*self.training.net.parameters(), *self.training.losses[-CHECK_EVERY:]]
        return bool(torch.stack([number.isfinite().all() for number in numbers]).all())

    def _kept_on_disk(self) -> str:
        """Write a last checkpoint, and say how to go on from it."""
        place = "This moment is" if self.keep() else "A moment before is"
        if not self.has_kept:
            return ""
        return f" {place} in {self.checkpoint} too: the same call with resume=True goes on from there."

    # --- when it goes wrong ---

    def _stop_if_diverged(self, test: Score | None = None) -> None:
        """Look at the losses of the last steps, and at the test loss where there is one already."""
        losses, epoch = self.training.losses, len(self.run.history) + 1
        first = (len(losses) - 1) // CHECK_EVERY * CHECK_EVERY
        finite = torch.stack(losses[first:]).isfinite()
        if not finite.all():
            step = first + int(finite.int().argmin())
            found = f"The loss is {losses[step].item()} in epoch {epoch}, step {step + 1}."
        elif test is not None and not math.isfinite(test.loss):
            found = f"The test loss is {test.loss} after epoch {epoch}, step {len(losses)}."
        else:
            return
        recipe = self.recipe
        advice = "Try a tenth of that" + (", or clip=1.0." if recipe.clip is None else ".")
        raise Diverged(
            f"{found} The recipe's learning_rate, {recipe.learning_rate:g} with {recipe.optimizer}, is probably too high. "
            f"{advice} In Python the run so far, {_finished(self.run)}, is the `run` of this exception.{self._last_good()}",
            self.run,
        )

    def _out_of_memory(self, problem: str) -> "OutOfMemory":
        """Find out which batch does fit, and say so."""
        recipe, device = self.recipe, self.training.device
        sizes = [recipe.batch_size >> halvings for halvings in range(1, recipe.batch_size.bit_length())]
        alone = self.training.team.size == 1  # a pass takes all processes, and the others are in a step
        fits = next((size for size in sizes if self._fits(size)), None) if alone else None
        advice = "No smaller batch fits either. Take a narrower network or smaller images."
        if not alone:
            advice = "Make batch_size smaller, or take more processes: each holds its part of a batch."
        elif fits is not None:
            advice = f"A batch of {fits} fits (forward and backward pass, tried just now): set batch_size={fits}."
        if recipe.precision == "float32" and device.type == "cuda":
            advice += ' With precision="bfloat16" a step needs less memory.'
        return OutOfMemory(
            f"The memory of {self.run.machine['device_name']} does not hold a step with batch_size {recipe.batch_size} "
            f"({problem}). {advice} In Python the run so far, {_finished(self.run)}, is the `run` of this exception."
            f"{self._last_good()}",
            self.run,
            fits,
        )

    def _fits(self, size: int) -> bool:
        """Do the forward and the backward pass of so many images go through? Nothing of the run is changed by it."""
        training, net = self.training, self.training.net
        buffers = [buffer.clone() for buffer in net.buffers()]

        def passes() -> None:
            assert training.order is not None  # the step that did not fit has drawn it
            images, labels = next(training.data.train.batches(training.order, size))
            training.forward(training.data.normalise(images), labels)[0].backward()

        try:
            training.optimizer.zero_grad()
            with seeded(0):
                return _memory_problem(passes) is None
        except ValueError:  # batch norm refuses a single value a channel
            return False
        finally:
            training.optimizer.zero_grad()
            for buffer, before in zip(net.buffers(), buffers, strict=True):
                buffer.copy_(before)

    def _last_good(self) -> str:
        """Where the last checkpoint is: it was written while all numbers were finite."""
        if not self.has_kept:
            return ""
        return f" The last checkpoint, from before, is {self.checkpoint}."


@contextlib.contextmanager
def _fastest_convolutions(device: torch.device) -> Iterator[None]:
    """On a GPU, cuDNN tries its algorithms once for each shape and takes the fastest, unless they must be repeatable."""
    before = torch.backends.cudnn.benchmark
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.deterministic
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


# --- how a run can end ------------------------------------------------------------------------------------------------


class Diverged(RuntimeError):
    """The loss is no longer a finite number. `run` is the run so far: its history holds the epochs before."""

    def __init__(self, message: str, run: Run):
        super().__init__(message)
        self.run = run


class OutOfMemory(RuntimeError):
    """A step did not fit into the device's memory. `run` is the run so far; `fits` is a batch size that does, or None."""

    def __init__(self, message: str, run: Run, fits: int | None):
        super().__init__(message)
        self.run, self.fits = run, fits


def _memory_problem(work: Callable[[], None]) -> str | None:
    """Do it; what the system says where memory runs out, and None where it does not.

    Text and not the error, which would hold on to the tensors that filled the memory.
    """
    try:
        work()
    except (RuntimeError, MemoryError) as error:
        # Torch has a class for this on a GPU; elsewhere, and inside its libraries, it is in the words.
        words = ("not enough memory", "out of memory", "can't allocate memory", "alloc_failed")
        known = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not known and not any(each in str(error).lower() for each in words):
            raise
        problem = str(error).strip().partition("\n")[0] or type(error).__name__
    else:
        return None
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return problem


def _finished(run: Run) -> str:
    count = len(run.history)
    return "without a finished epoch" if not count else f"with {count} finished epoch{'s' if count > 1 else ''}"
