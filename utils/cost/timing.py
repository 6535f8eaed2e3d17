"""How long modules take on this machine, measured in turns so that whatever slows the machine slows all of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from utils.cost.table import layer_groups
from utils.cost.trace import Trace, trace
from utils.system.modes import restored, same_modes


@dataclass(frozen=True)
class Timing:
    """The seconds that one module took, round by round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Half of the rounds took less."""
        return float(np.median(self.seconds))

    @property
    def middle_half(self) -> tuple[float, float]:
        """The range in which the middle half of the rounds lies."""
        low, high = np.percentile(self.seconds, (25, 75))
        return float(low), float(high)


def timed(
    modules: Mapping[str, nn.Module],
    image_shape: Sequence[int],
    *,
    batch_size: int = 4,
    rounds: int = 15,
    device: str | torch.device = "cpu",
    threads: int | None = None,
    on_run: Callable[[str], object] | None = None,
) -> dict[str, Timing]:
    """Time the forward of several modules in evaluation mode, without gradients, on the same random images.

    In each round every module runs once, one after another; two rounds before that are not counted. On a GPU the clock
    waits until it has finished.

    Args:
        modules: what is compared, by name. They are moved to the device and stay there.
        image_shape: (channels, height, width) of one image.
        batch_size: images at a time.
        rounds: measurements of each module.
        device: "cpu" or a GPU.
        threads: how many threads of the CPU torch may use meanwhile; as many as before where there is no number. With
            one, nobody waits for another, and the times scatter least.
        on_run: called with a module's name after each of its runs, for a bar.

    Raises:
        ValueError: no module, or a number that is not 1 or more.
    """
    if not modules:
        raise ValueError("modules is empty; name at least one module to time.")
    given = {"batch_size": batch_size, "rounds": rounds, **({} if threads is None else {"threads": threads})}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}; it must be a whole number, 1 or more.")
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch_size, *image_shape, generator=generator).to(device)
    with same_modes(*modules.values()), torch.no_grad():
        for module in modules.values():
            module.to(device).eval()
        jobs = {name: partial(module, images) for name, module in modules.items()}
        return in_turns(jobs, rounds=rounds, device=device, threads=threads, on_run=on_run)


def in_turns(
    jobs: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 15,
    warm_up: int = 2,
    device: str | torch.device = "cpu",
    threads: int | None = None,
    on_run: Callable[[str], object] | None = None,
) -> dict[str, Timing]:
    """Time several functions: in each round every one is called once, one after another.

    Args:
        jobs: what is timed, by name.
        rounds: measurements of each.
        warm_up: rounds before them that are not counted.
        device: where they compute; on a GPU the clock waits until it has finished.
        threads: as for `timed`.
        on_run: called with a job's name after each of its runs, outside of the time that is measured: for a bar.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    with on_threads(threads):
        for round_number in range(rounds + warm_up):
            for name, job in jobs.items():
                took = _once(job, torch.device(device))
                if round_number >= warm_up:
                    seconds[name].append(took)
                if on_run is not None:
                    on_run(name)
    return {name: Timing(tuple(each)) for name, each in seconds.items()}


def time_layers(
    *modules: tuple[nn.Module, Sequence[int]],
    seconds: float = 1.0,
    rounds: tuple[int, int] = (3, 15),
    threads: int | None = 1,
) -> list[tuple[Timing, ...]]:
    """Time every layer of several modules, one image at a time in evaluation mode, without gradients: one for each row of `profile`.

    The modules take turns, as in `timed`, each on its own device; one round before is not counted. A layer's time is that of its
    operations: what Python does between them is in none.

    Args:
        modules: each with the shape of its image, (channels, height, width).
        seconds: after so many no further round begins.
        rounds: at least, and at most.
        threads: as for `timed`.

    Raises:
        ValueError: a module without weights, on `meta`; one that cannot take such an image, or that runs otherwise on it than
            without numbers.
    """
    with ExitStack() as stack:
        clocks = [stack.enter_context(_clock(module, shape)) for module, shape in modules]
        stack.enter_context(on_threads(threads))
        stack.enter_context(torch.no_grad())
        found: list[list[list[float]]] = [[] for _ in clocks]
        least, most = rounds
        for number in range(1 + most):
            for clock, each in zip(clocks, found, strict=True):
                each.append(clock.run())
            if number == 0:
                began = time.perf_counter()
            elif number >= least and time.perf_counter() - began > seconds:
                break
    return [tuple(Timing(each) for each in zip(*some[1:], strict=True)) for some in found]


@contextmanager
def _clock(module: nn.Module, shape: Sequence[int]) -> "Iterator[_Clock]":
    """A clock on a module, which is afterwards as it was."""
    record = trace(module, shape)
    weight = next(record.root.parameters(), torch.empty(0))
    if weight.is_meta:
        raise ValueError(f"{type(record.root).__name__} has no weights to compute with: it is on the device meta.")
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn(1, *each, generator=generator).to(weight.device, weight.dtype) for each in record.inputs]
    clock = _Clock(record, images)
    handles = []
    with restored(record.root):
        try:
            record.root.eval()
            for part in record.root.modules():
                handles += [part.register_forward_pre_hook(clock.enter), part.register_forward_hook(clock.leave)]
            yield clock
        finally:
            for handle in handles:
                handle.remove()


class _Clock(TorchDispatchMode):
    """Times every operation of a module, and knows through hooks in which of the calls of its trace it stands."""

    def __init__(self, record: Trace, images: list[Tensor]):
        super().__init__()  # type: ignore[no-untyped-call]  # torch: a dispatch mode has no types
        self.record, self.images = record, images
        self.groups = layer_groups(record)
        self.count = 0
        self.stack: list[int] = []
        self.spent: list[list[tuple[str, float]]] = []  # of each call: its own operations, in their order

    def run(self) -> list[float]:
        """The seconds of each layer in one run.

        Raises:
            ValueError: it runs otherwise than its trace.
        """
        self.count, self.stack, self.spent = 0, [], [[] for _ in self.record.calls]
        with self:
            self.record.root(*self.images)
        seconds = []
        for _, call, operations in self.groups:
            own = self.spent[call]
            if next(self.record.calls[call].module.children(), None) is None:
                seconds.append(sum(took for _, took in own))
            else:
                place = next((at for at, (name, _) in enumerate(own) if name == operations[0].name), None)
                if place is None:
                    raise self._otherwise()
                seconds.append(own.pop(place)[1])
        return seconds

    def _otherwise(self) -> ValueError:
        name = type(self.record.root).__name__
        return ValueError(
            f"{name} runs otherwise on an image than without numbers: its layers cannot be timed one by one."
        )

    def enter(self, module: nn.Module, _inputs: object) -> None:
        if self.count == len(self.spent) or self.record.calls[self.count].module is not module:
            raise self._otherwise()
        self.stack.append(self.count)
        self.count += 1

    def leave(self, _module: nn.Module, _inputs: object, _outputs: object) -> None:
        self.stack.pop()

    def __torch_dispatch__(
        self, func: OpOverload[..., Any], types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        results = []
        took = _once(lambda: results.append(func(*args, **(kwargs or {}))), self.images[0].device)
        if self.stack:
            self.spent[self.stack[-1]].append((func._schema.name.split("::")[-1], took))
        return results[0]


def _once(job: Callable[[], object], device: torch.device) -> float:
    _wait(device)
    began = time.perf_counter()
    job()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def on_threads(count: int | None) -> Iterator[None]:
    """Within, torch computes with so many threads; None leaves their number as it is."""
    before = torch.get_num_threads()
    try:
        if count is not None:
            torch.set_num_threads(count)
        yield
    finally:
        torch.set_num_threads(before)


def machine(device: str | torch.device = "cpu", threads: int | None = None) -> str:
    """Where a time was measured, in words: "a CPU with 2 threads", or the GPU by its name."""
    device = torch.device(device)
    if device.type == "cuda":
        return f"the GPU {torch.cuda.get_device_name(device)}"
    threads = threads or torch.get_num_threads()
    return f"a {device.type.upper()} with {threads} thread{'s' if threads != 1 else ''}"
