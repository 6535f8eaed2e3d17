"""Many processes that train one network together: several GPUs, several machines, or the cores of one CPU.

    torchrun --nproc_per_node=2 my_training.py          # `fit` in it finds out by itself that it is one of two
    accelerate launch --multi_gpu my_training.py        # the same, and so does accelerate's notebook_launcher

A recipe's batch size is that of all processes together. Every process draws the same order of images and the same
augmentation, and takes its own part of each batch. Gradients are averaged over the processes, and batch normalisation
takes its statistics over all of them, so that as many steps lead to the same weights as in a single process, up to the
order in which numbers are added. Dropout cannot be the same: each process draws masks of its own.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from utils.system.packages import needed

if TYPE_CHECKING:
    from accelerate import Accelerator

TIMEOUT = timedelta(minutes=10)  # a process that waits for another for longer than this gives up, with an error
Result = TypeVar("Result")

SHARED_SEED = 1_000_003  # distance between the seeds of two processes, for what each draws for itself


# --- the processes, seen from one of them -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Team:
    """The processes that train together, seen from one of them. A process alone is a team of one: nothing is done for it."""

    rank: int = 0
    size: int = 1
    device: str | torch.device | None = None
    accelerator: "Accelerator | None" = None

    @property
    def is_first(self) -> bool:
        """Is this the process that shows and writes?"""
        return self.rank == 0

    def require_divisible(self, batch_size: int) -> None:
        """See that a batch can be dealt out evenly, so that every image counts the same.

        Raises:
            ValueError: it cannot.
        """
        if batch_size % self.size:
            raise ValueError(
                f"batch_size is {batch_size}, and there are {self.size} processes: a batch of all of them together must "
                f"be a multiple of that, {max(1, batch_size // self.size) * self.size} for example."
            )

    @property
    def place(self) -> tuple[int, int]:
        """(rank, processes): of a batch, this process takes the images number rank, rank + processes and so on."""
        return self.rank, self.size

    def shared(self, net: nn.Module) -> nn.Module:
        """The network to call in training: calling it backward leaves gradients that are averaged over the processes.

        All processes begin with the first one's weights.
        """
        return net if self.accelerator is None else self.accelerator.prepare_model(net)

    def seed(self, seed: int, step: int) -> None:
        """Before a step: let each process draw its own dropout, a process of several anew by the step's number.

        So none of it needs to be kept in a checkpoint, which the first process alone writes.
        """
        if self.size > 1:
            torch.manual_seed(seed + SHARED_SEED * (self.rank + self.size * step))

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the processes."""
        return tensor if self.size == 1 else _summed(tensor)

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean over the processes."""
        return self.sum(tensor) / self.size

    def any(self, flag: bool) -> bool:
        """Is it so in one of the processes?"""
        return flag if self.size == 1 else bool(self.sum(torch.tensor(float(flag), device=self.device)))

    @property
    def on(self) -> str:
        """The kind of device, "cpu" or "cuda"; the first where none was asked for."""
        return torch.device(self.device or "cpu").type

    @property
    def listens_every(self) -> int:
        """Steps between two questions of whether one was asked to stop. On a GPU the answer is waited for."""
        return 1 if self.size == 1 or self.on == "cpu" else 20

    def from_first(self, work: Callable[[], Result]) -> Result:
        """What the first process gets from doing this; the others only hear of it."""
        if self.size == 1:
            return work()
        things: list[Any] = [work() if self.is_first else None]
        dist.broadcast_object_list(things, src=0, device=torch.device(self.device or "cpu"))
        received: Result = things[0]
        return received


def _summed(tensor: Tensor) -> Tensor:
    total = tensor.clone()
    dist.all_reduce(total)
    return total


ALONE = Team()


def is_first() -> bool:
    """Is this the process that speaks and writes: the first of several, or one alone? Said before they join, too."""
    return int(os.environ.get("RANK", "0")) == 0


def join(device: str | torch.device | None = None) -> Team:
    """The team of the processes that torchrun or accelerate has started; where none has, this process alone.

    Args:
        device: what was asked for. None: the GPU of this process's number, or the CPU where there is none.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team(device=device)
    with needed("Training with several processes"):
        from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs

    # Said of gradients whose layouts differ in a dimension of size 1, which is no difference.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    on_cpu = not torch.cuda.is_available() or (device is not None and torch.device(device).type == "cpu")
    # A static graph may have parameters that get no gradient: auxiliary classifiers that the recipe does not train.
    options = [InitProcessGroupKwargs(timeout=TIMEOUT), DistributedDataParallelKwargs(static_graph=True)]
    accelerator = Accelerator(cpu=on_cpu, mixed_precision="no", kwargs_handlers=options)
    return Team(accelerator.process_index, accelerator.num_processes, accelerator.device, accelerator)


# --- batch normalisation over all processes ---------------------------------------------------------------------------


class _Total(torch.autograd.Function):
    """The sum over all processes. What each process makes of it counts: so is its gradient."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        return _summed(tensor)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _total(tensor: Tensor) -> Tensor:
    total: Tensor = _Total.apply(tensor)  # type: ignore[no-untyped-call]  # torch's
    return total


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation with the mean and variance of all processes' images, for the CPU.

    `torch.nn.SyncBatchNorm` does this on GPUs and refuses tensors of the CPU. (N, C, ...) -> (N, C, ...)
    """

    def _check_input_dim(self, images: Tensor) -> None:
        if images.ndim < 2:
            raise ValueError(f"The input has {images.ndim} dimensions; it must have at least 2, (N, C, ...).")

    def forward(self, images: Tensor) -> Tensor:
        if not self.training:
            normalised: Tensor = super().forward(images)
            return normalised
        self._check_input_dim(images)
        values = images.float()
        others = [0, *range(2, images.ndim)]  # all dimensions but the channels'
        shape = [1, -1, *[1] * (images.ndim - 2)]
        count = _total(values.new_tensor(values.numel() / values.shape[1]))
        mean = _total(values.sum(others)) / count
        centred = values - mean.view(shape)
        variance = _total(centred.square().sum(others)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        out = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        result: Tensor = out.to(images.dtype)
        return result

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards these; the variance is the unbiased one, as in torch."""
        if self.num_batches_tracked is None or self.running_mean is None or self.running_var is None:
            return  # track_running_stats is off
        self.num_batches_tracked += 1
        weight = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, weight)
        self.running_var.lerp_(variance, weight)


@contextlib.contextmanager
def synchronised(net: nn.Module, team: Team) -> Iterator[None]:
    """Within, the network's batch normalisation takes its statistics over all processes of the team.

    The layers are exchanged for others that hold the very same weights and running statistics, and put back at the end.
    """
    kind: type[_BatchNorm] = nn.SyncBatchNorm if team.size > 1 and team.on == "cuda" else SyncBatchNorm
    places = [
        (parent, name, layer)
        for parent in net.modules()
        for name, layer in parent.named_children()
        if team.size > 1 and isinstance(layer, _BatchNorm) and not isinstance(layer, (nn.SyncBatchNorm, SyncBatchNorm))
    ]
    for parent, name, layer in places:
        new = kind(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
        new._parameters, new._buffers = layer._parameters, layer._buffers
        setattr(parent, name, new.train(layer.training))
    try:
        yield
    finally:
        for parent, name, layer in places:
            setattr(parent, name, layer.train(getattr(parent, name).training))
