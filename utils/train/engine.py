"""What trains and tests a network: the loss, a step, an epoch's order, the scores.

`utils.train.loop.fit` calls this and looks after everything around it: what is shown, what is kept, what goes wrong.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.data.dataset import Data
from utils.train.augment import augment
from utils.train.optim import WeightAverage, optimizer_of
from utils.train.prepare import last_dropout
from utils.train.processes import ALONE, Team
from utils.train.recipe import ALTERNATED, Recipe
from utils.train.runs import Run, Score

TURNS = 2**31  # added to a run's seed, for draws beside those of its order


def loss_of(net: Callable[..., Any], images: Tensor, labels: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """(what a step makes smaller, the main logits): cross-entropy, and each auxiliary classifier's times its weight."""
    smoothing = recipe.label_smoothing
    if not recipe.aux_weight:
        logits: Tensor = net(images)
        return F.cross_entropy(logits, labels, label_smoothing=smoothing), logits
    outputs = net(images, with_aux=True)
    loss = F.cross_entropy(outputs.logits, labels, label_smoothing=smoothing)
    for logits in outputs.aux:
        loss = loss + recipe.aux_weight * F.cross_entropy(logits, labels, label_smoothing=smoothing)
    return loss, outputs.logits


class Training:
    """A run on its way: the network, and everything else that the next step depends on. `state` is all of it as data."""

    def __init__(self, run: Run, data: Data, device: torch.device, team: Team = ALONE):
        recipe = run.recipe
        assert run.net is not None  # a run that `prepare` has made has its network
        self.run, self.recipe, self.data, self.device = run, recipe, data.to(device), device
        self.net, self.team = run.net.to(device), team
        self.dropout = None if recipe.dropout is None else last_dropout(self.net)
        if self.dropout is not None and recipe.dropout is not None:
            self.own_dropout, self.dropout.p = self.dropout.p, recipe.dropout
        self.relaid = recipe.channels_last and all(each.is_contiguous() for each in self.net.parameters())
        if self.relaid:
            _lay_out(self.net, torch.channels_last)
        self.called: Callable[..., Any] = team.shared(self.net)
        if recipe.compile:
            self.called = torch.compile(self.called)
        self.optimizer = optimizer_of(self.net, recipe)
        self.average = WeightAverage(self.net, recipe.averaging) if recipe.averaging else None
        run.averaged = self.average.module if self.average else None
        self.draws = torch.Generator().manual_seed(run.seed)  # the order of the images, and their augmentation
        self.mirrored: Tensor | None = None  # which images the first epoch mirrors, where epochs take turns
        if recipe.flip == ALTERNATED:
            own = torch.Generator().manual_seed(TURNS + run.seed)  # order and shifts stay those of flips that are drawn
            self.mirrored = torch.rand(len(data.train), generator=own) < 0.5

        self.steps = len(data.train) // recipe.batch_size  # an epoch; what no full batch holds comes in another
        self.order: Tensor | None = None  # in which this epoch sees the images; None before its first step
        self.batches: Iterator[tuple[Tensor, Tensor]] = iter(())  # what is left of this epoch
        self.losses: list[Tensor] = []  # of this epoch's steps
        self.correct = torch.zeros((), dtype=torch.long, device=device)  # of this epoch's images, when they were seen
        self.began = time.perf_counter()  # this epoch

    @property
    def step(self) -> int:
        """How many steps of this epoch are done."""
        return len(self.losses)

    def take_step(self) -> None:
        """One step; the first of an epoch draws the order of its images."""
        recipe, data, team = self.recipe, self.data, self.team
        if self.order is None:
            self.begin_epoch()
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(len(self.run.history) + self.step / self.steps)
        if not self.net.training:
            self.net.train()

        images, labels = next(self.batches)
        mirrored = self._mirrored()
        images = augment(images, recipe, self.draws, mean=data.mean, share=team.place, mirrored=mirrored)
        images = data.normalise(images)
        team.seed(self.run.seed, len(self.run.history) * self.steps + self.step)
        loss, logits = self.forward(images, labels)
        self.optimizer.zero_grad()
        loss.backward()
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), recipe.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.net)

        self.correct += team.sum((logits.argmax(dim=1) == labels).sum())
        self.losses.append(team.mean(loss.detach()))

    def begin_epoch(self) -> None:
        """Draw the order of the images."""
        self.order = self.data.train.order(self.draws)
        self.batches = self._batches(self.order, start=0)
        self.began = time.perf_counter()

    def _batches(self, order: Tensor, *, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        return self.data.train.batches(order, self.recipe.batch_size, start=start, share=self.team.place)

    def _mirrored(self) -> Tensor | None:
        """Which images of the whole batch are mirrored in this epoch; None where that is drawn."""
        if self.mirrored is None or self.order is None:
            return None
        first = self.step * self.recipe.batch_size
        batch = self.mirrored[self.order[first : first + self.recipe.batch_size]]
        return ~batch if len(self.run.history) % 2 else batch

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(loss, logits), in the recipe's precision."""
        low = self.recipe.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=low):
            return loss_of(self.called, images, labels, self.recipe)

    def trained(self) -> Score:
        """Accuracy and loss over this epoch's steps so far, counted while the weights were changing."""
        count = self.step * self.recipe.batch_size
        return Score(accuracy=int(self.correct) / count, loss=torch.stack(self.losses).mean().item())

    def tested(self, net: nn.Module, on_batch: Callable[[], None]) -> Score:
        """Accuracy and loss on the test images, of the network or of its average."""
        # Without gradients to keep, four times the batch that fits in training fits.
        batch_size = min(250, 4 * self.recipe.batch_size)
        return _score(net, self.data, "test", batch_size, on_batch, self.team)

    def end_epoch(self) -> None:
        """Be before the first step of the next epoch."""
        self.order, self.losses = None, []
        self.correct.zero_()

    def put_back(self) -> None:
        """Give the network the layout and the dropout back that it came with."""
        if self.dropout is not None:
            self.dropout.p = self.own_dropout
        if self.relaid:
            for net in filter(None, (self.run.net, self.run.averaged)):
                _lay_out(net, torch.contiguous_format)

    def state(self) -> dict[str, Any]:
        """All that changes from step to step, but the run's record: tensors, numbers, and dicts of these."""
        return {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "draws": self.draws.get_state(),
            "torch": torch.get_rng_state(),
            "device": None if self.device.type == "cpu" else torch.get_device_module(self.device).get_rng_state(),
            "order": self.order,
            "losses": torch.stack(self.losses) if self.losses else None,
            "correct": self.correct,
            "seconds": time.perf_counter() - self.began,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Be where another `Training` of the same run was when it gave this state."""
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.draws.set_state(state["draws"])
        torch.set_rng_state(state["torch"])
        if state["device"] is not None and self.device.type != "cpu":
            torch.get_device_module(self.device).set_rng_state(state["device"])
        self.order = state["order"]
        self.losses = [] if state["losses"] is None else list(state["losses"].to(self.device))
        if self.order is not None:
            self.batches = self._batches(self.order, start=self.step)
        self.correct.copy_(state["correct"])
        self.began = time.perf_counter() - state["seconds"]


def _lay_out(net: nn.Module, layout: torch.memory_format) -> None:
    net.to(memory_format=layout)  # type: ignore[call-overload]  # torch does it, and its types do not know


# --- evaluation -------------------------------------------------------------------------------------------------------


def evaluate(
    net: nn.Module,
    data: Data,
    split: str = "test",
    *,
    batch_size: int = 250,
    on_batch: Callable[[], None] | None = None,
) -> Score:
    """Accuracy and plain cross-entropy on "test" or "train", in evaluation mode; the network's mode is put back.

    Computed in float32, whatever precision the network was trained in.

    Raises:
        ValueError: another split, or a batch size that is not a whole number, 1 or more.
    """
    return _score(net, data, split, batch_size, on_batch)


def _score(
    net: nn.Module, data: Data, split: str, batch_size: int, on_batch: Callable[[], None] | None, team: Team = ALONE
) -> Score:
    """`evaluate`, with the batches dealt out to the processes of a team."""
    device = next(net.parameters()).device
    correct, total = torch.zeros((), dtype=torch.long, device=device), torch.zeros((), device=device)
    with _evaluating(net):
        for logits, labels in _outputs(net, data, split, batch_size, team):
            correct += (logits.argmax(dim=1) == labels).sum()
            total += F.cross_entropy(logits, labels, reduction="sum")
            if on_batch is not None:
                on_batch()
    count = len(getattr(data, split))
    return Score(accuracy=int(team.sum(correct)) / count, loss=float(team.sum(total)) / count)


def logits_of(net: nn.Module, data: Data, split: str = "test", *, batch_size: int = 250) -> Tensor:
    """The network's logits for all images of "test" or "train", in their order: float32 (N, classes) on the CPU.

    Raises:
        ValueError: another split, or a batch size that is not a whole number, 1 or more.
    """
    with _evaluating(net):
        return torch.cat([logits for logits, _ in _outputs(net, data, split, batch_size)]).cpu()


@contextlib.contextmanager
def _evaluating(net: nn.Module) -> Iterator[None]:
    training = net.training
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        net.train(training)


def _outputs(
    net: nn.Module, data: Data, split: str, batch_size: int, team: Team = ALONE
) -> Iterator[tuple[Tensor, Tensor]]:
    """(logits, labels), batch by batch, on the network's device; one process of a team gets its part of the batches."""
    if split not in ("test", "train"):
        raise ValueError(f'split is {split!r}; it can be "test" or "train".')
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}; it must be a whole number, 1 or more.")
    chosen = getattr(data, split)
    device = next(net.parameters()).device
    for images, labels in itertools.islice(chosen.in_order(batch_size), team.rank, None, team.size):
        yield net(data.normalise(images.to(device))), labels.to(device)
