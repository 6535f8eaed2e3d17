"""Many processes that train one network together: several GPUs, several machines, or the cores of one CPU.

    torchrun --nproc_per_node=2 my_training.py          # `fit` in it finds out by itself that it is one of two
    accelerate launch --multi_gpu my_training.py        # the same, and so does accelerate's notebook_launcher
    runs = launch(train, processes=2)                   # from a notebook or a test, on this machine

A recipe's batch size is that of all processes together. Every process draws the same order of images and the same
augmentation, and takes its own part of each batch. Gradients are averaged over the processes, and batch normalisation
takes its statistics over all of them, so that as many steps lead to the same weights as in a single process, up to the
order in which numbers are added. Dropout cannot be the same: each process draws masks of its own.
"""

import contextlib
import os
import pickle
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch.multiprocessing import ProcessContext
    from tqdm import tqdm

TIMEOUT = timedelta(minutes=10)  # a process that waits for another for longer than this gives up, with an error
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

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of something that has one entry for each image of the batch."""
        return batch[self.rank :: self.size]

    def shared(self, net: nn.Module) -> nn.Module:
        """The network to call in training: calling it backward leaves gradients that are averaged over the processes.

        All processes begin with the first one's weights.
        """
        return net if self.size == 1 else self.accelerator.prepare_model(net)

    def seed(self, seed: int, step: int) -> None:
        """Before a step: let each process draw its own dropout, a process of several anew by the step's number.

        So none of it needs to be kept in a checkpoint, which the first process alone writes.
        """
        if self.size > 1:
            torch.manual_seed(seed + SHARED_SEED * (self.rank + self.size * step))

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the processes."""
        if self.size == 1:
            return tensor
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean over the processes."""
        return self.sum(tensor) / self.size

    def any(self, flag: bool) -> bool:
        """Is it so in one of the processes?"""
        return flag if self.size == 1 else bool(self.sum(torch.tensor(float(flag), device=self.device)))

    @property
    def listens_every(self) -> int:
        """Steps between two questions of whether one was asked to stop. On a GPU the answer is waited for."""
        return 1 if self.size == 1 or torch.device(self.device).type == "cpu" else 20

    def from_first(self, work: Callable[[], object]) -> object:
        """What the first process gets from doing this; the others only hear of it."""
        if self.size == 1:
            return work()
        things = [work() if self.is_first else None]
        dist.broadcast_object_list(things, src=0, device=self.device)
        return things[0]


ALONE = Team()


def is_first() -> bool:
    """Is this the process that speaks and writes: the first of several, or one alone? Said before they join, too."""
    return int(os.environ.get("RANK", "0")) == 0


def join(device: str | torch.device | None = None) -> Team:
    """The team of the processes that torchrun, accelerate or `launch` has started; where none has, this process alone.

    Args:
        device: what was asked for. None: the GPU of this process's number, or the CPU where there is none.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team(device=device)
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
    def forward(context, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
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
            return super().forward(images)
        self._check_input_dim(images)
        values = images.float()
        others = [0, *range(2, images.ndim)]  # all dimensions but the channels'
        shape = [1, -1, *[1] * (images.ndim - 2)]
        count = _Total.apply(values.new_tensor(values.numel() / values.shape[1]))
        mean = _Total.apply(values.sum(others)) / count
        centred = values - mean.view(shape)
        variance = _Total.apply(centred.square().sum(others)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        out = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(images.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards these; the variance is the unbiased one, as in torch."""
        if not self.track_running_stats:
            return
        self.num_batches_tracked += 1
        weight = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, weight)
        self.running_var.lerp_(variance, weight)


@contextlib.contextmanager
def synchronised(net: nn.Module, team: Team) -> Iterator[None]:
    """Within, the network's batch normalisation takes its statistics over all processes of the team.

    The layers are exchanged for others that hold the very same weights and running statistics, and put back at the end.
    """
    kind = nn.SyncBatchNorm if team.size > 1 and torch.device(team.device).type == "cuda" else SyncBatchNorm
    places = [
        (parent, name, layer)
        for parent in net.modules()
        for name, layer in parent.named_children()
        if team.size > 1 and isinstance(layer, _BatchNorm) and not isinstance(layer, (nn.SyncBatchNorm, SyncBatchNorm))
    ]
    for parent, name, layer in places:
        setattr(parent, name, _exchanged(layer, kind))
    try:
        yield
    finally:
        for parent, name, layer in places:
            setattr(parent, name, layer.train(getattr(parent, name).training))


def _exchanged(layer: _BatchNorm, kind: type[_BatchNorm]) -> _BatchNorm:
    """A layer of another kind with the same tensors."""
    settings = (layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    new = kind(*settings).train(layer.training)
    new._parameters, new._buffers = layer._parameters, layer._buffers
    return new


# --- starting processes -----------------------------------------------------------------------------------------------


class WorkerFailed(RuntimeError):
    """One of the processes that `launch` started ended early; the others were stopped."""


_reports: Connection | None = None  # in the first process of a launch that is watched: where its news goes


def report(done: float, words: str) -> None:
    """Tell the process that launched this one how much is done, 0 to 1, and what is going on."""
    if _reports is not None:
        _reports.send((done, words))


def is_watched_elsewhere() -> bool:
    """Does the process that launched this one show how it goes on?"""
    return _reports is not None


def launch(
    function: Callable, *arguments: object, processes: int = 2, device: str | None = None, show: bool = True
) -> list:
    """Call a function in several new processes at once, and return what it returned in each, in the order of their ranks.

    `fit` in the function trains one network in all of them. The function may be written in a notebook; what it uses has
    to be its arguments or importable. Each process gets its share of the CPU's cores, and on a machine with as many GPUs
    a GPU of its own. A Ctrl-C, or the kernel's interrupt, reaches all of them.

    A script that calls this needs `if __name__ == "__main__":` around it, because the new processes read it too;
    better start it with torchrun.

    Args:
        processes: how many, 1 or more.
        device: "cpu" keeps to the CPU on a machine with GPUs.
        show: a bar that says what the first process says of itself.

    Raises:
        ValueError: fewer than one process, or more than there are GPUs.
        WorkerFailed: a process raised an error, or was killed; the message says which and why.
    """
    import cloudpickle
    import torch.multiprocessing as multiprocessing

    from utils.show.notebook import passing_bar

    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        raise ValueError(f"processes is {processes!r}; it must be a whole number, 1 or more.")
    on_cpu = device == "cpu" or not torch.cuda.is_available()
    if not on_cpu and processes > torch.cuda.device_count():
        raise ValueError(
            f"processes is {processes}, and this machine has {torch.cuda.device_count()} GPUs. Take as many at most, or "
            'train on the CPU: launch(..., device="cpu").'
        )
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    news, reports = multiprocessing.get_context("spawn").Pipe(duplex=False)
    job = cloudpickle.dumps((function, arguments))
    with tempfile.TemporaryDirectory() as folder:
        results = [Path(folder) / str(rank) for rank in range(processes)]
        given = (processes, store.port, on_cpu, job, folder, reports if show else None)
        workers = multiprocessing.start_processes(_work, given, nprocs=processes, join=False, start_method="spawn")
        reports.close()
        try:
            with passing_bar(total=1.0, bar_format="{percentage:3.0f} % {bar} {desc}", disable=not show) as bar:
                bar.set_description_str(f"starting {processes} processes")
                _follow(workers, results, news, bar)
        finally:
            for process in workers.processes:
                process.kill()
        return [cloudpickle.loads(result.read_bytes()) for result in results]


def _follow(workers: "ProcessContext", results: list[Path], news: Connection, bar: "tqdm") -> None:
    """Wait until all processes have ended, show what the first one says, and pass an interrupt on to them.

    Raises:
        WorkerFailed: one ended with an error.
        KeyboardInterrupt: one had to stop before it came to a result, or this is the second interrupt.
    """
    interrupts, over = 0, False
    while not over:
        try:
            _show(news, bar)
            over = _have_ended(workers)
        except KeyboardInterrupt:
            interrupts += 1
            if interrupts > 1:
                raise
            # A terminal tells them too, a kernel may not; that they hear it twice is taken into account.
            for process in filter(lambda each: each.is_alive(), workers.processes):
                os.kill(process.pid, signal.SIGINT)
        except WorkerFailed as failed:
            if interrupts:  # before it was at work
                raise KeyboardInterrupt from failed
            raise
        # One that was interrupted before it began ends well and has nothing to show; the others would wait for it.
        ended = (result for process, result in zip(workers.processes, results, strict=True) if process.exitcode == 0)
        if not all(result.exists() for result in ended):
            raise KeyboardInterrupt


def _show(news: Connection, bar: "tqdm") -> None:
    """The latest that the first process has said of itself."""
    try:
        while not news.closed and news.poll():
            bar.n, words = news.recv()
            bar.set_description_str(words)
    except EOFError:  # it has nothing more to say
        news.close()


def _have_ended(workers: "ProcessContext") -> bool:
    """Wait for a moment; have all processes ended well?"""
    count = len(workers.processes)
    try:
        return workers.join(timeout=0.1, grace_period=1)
    except torch.multiprocessing.ProcessRaisedException as problem:
        reason = str(problem).strip().splitlines()[-1]
        raise WorkerFailed(f"Process {problem.error_index} of {count} ended with {reason}") from problem
    except torch.multiprocessing.ProcessExitedException as problem:
        how = problem.signal_name or f"exit status {problem.exit_code}"
        hint = " The system does that when memory runs out." if how == "SIGKILL" else ""
        raise WorkerFailed(
            f"Process {problem.error_index} of {count} was ended by {how}, and the others were stopped.{hint}"
        ) from None


def _work(rank: int, size: int, port: int, on_cpu: bool, job: bytes, folder: str, reports: Connection | None) -> None:
    """One of the processes: what torchrun would tell it, and then the function."""
    global _reports
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    # The launching process holds the meeting place, as torchrun's does.
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}
    if on_cpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # they all are on this machine, whatever its network
    threads = max(1, torch.get_num_threads() // size)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
    _reports = reports if rank == 0 else None
    function, arguments = pickle.loads(job)
    result = function(*arguments)
    import cloudpickle

    (Path(folder) / str(rank)).write_bytes(cloudpickle.dumps(result))
    if dist.is_initialized():
        dist.destroy_process_group()


# --- what synchronising is for ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SyncDifference:
    """How far two processes' weights end from a single process's, as a share of the way that the single one's went."""

    processes: int
    steps: int
    batch_size: int  # of all processes together
    synchronised: float  # batch normalisation over the whole batch
    unsynchronised: float  # batch normalisation over each process's own images

    @property
    def sentence(self) -> str:
        """What was measured."""
        own = self.batch_size // self.processes
        return (
            f"{self.steps} steps with {self.batch_size} images each, in {self.processes} processes: with batch statistics "
            f"over all {self.batch_size} images the weights end {self.synchronised:.1e} of the way apart from those of a "
            f"single process, with the statistics of each process's own {own} images {self.unsynchronised:.1e}."
        )

    __str__ = __repr__ = lambda self: self.sentence

    def _repr_html_(self) -> str:
        return f"<p>{self.sentence}</p>"


def sync_difference(
    *, processes: int = 2, steps: int = 10, batch_size: int = 16, device: str | None = "cpu", show: bool = True
) -> SyncDifference:
    """Train the same small network in one process, and in several with and without synchronised batch normalisation.

    The images are handwritten digits; each step takes the next ones.

    Raises:
        ValueError: a batch that cannot be dealt out evenly, or more GPUs asked for than there are.
    """
    Team(size=processes).require_divisible(batch_size)
    alone, start = _small_training(steps, batch_size, device)
    team = launch(_small_trainings, steps, batch_size, device, processes=processes, device=device, show=show)[0]
    way = (alone - start).norm()
    apart = {name: float((weights - alone).norm() / way) for name, weights in team.items()}
    return SyncDifference(processes=processes, steps=steps, batch_size=batch_size, **apart)


def _small_trainings(steps: int, batch_size: int, device: str | None) -> dict[str, Tensor]:
    """In one of several processes: the weights after training in both ways."""
    team = join(device)
    return {
        "synchronised": _small_training(steps, batch_size, team.device, team)[0],
        "unsynchronised": _small_training(steps, batch_size, team.device, team, synchronise=False)[0],
    }


def _small_training(
    steps: int, batch_size: int, device: str | torch.device | None, team: Team = ALONE, *, synchronise: bool = True
) -> tuple[Tensor, Tensor]:
    """A few steps of plain gradient descent: (weights at the end, weights at the start)."""
    from utils.data.sets import load

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    data = load("digits").to(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
        net(data.normalise(data.train.images[:2].cpu()))
    net.to(device)
    start = nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    called, optimizer = team.shared(net), torch.optim.SGD(net.parameters(), lr=0.1)
    with synchronised(net, team if synchronise else ALONE):
        for step in range(steps):
            batch = team.share(torch.arange(step * batch_size, (step + 1) * batch_size) % len(data.train))
            logits = called(data.normalise(data.train.images[batch]))
            optimizer.zero_grad()
            nn.functional.cross_entropy(logits, data.train.labels[batch]).backward()
            optimizer.step()
    return nn.utils.parameters_to_vector(net.parameters()).detach().cpu(), start.cpu()
