"""How long modules take on this machine, measured in turns so that whatever slows the machine slows all of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn


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
    modes = {name: module.training for name, module in modules.items()}
    try:
        for module in modules.values():
            module.to(device).eval()
        jobs = {name: partial(module, images) for name, module in modules.items()}
        with torch.no_grad():
            return in_turns(jobs, rounds=rounds, device=device, threads=threads, on_run=on_run)
    finally:
        for name, module in modules.items():
            module.train(modes[name])


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
    with _threads(threads):
        for round_number in range(rounds + warm_up):
            for name, job in jobs.items():
                took = _once(job, torch.device(device))
                if round_number >= warm_up:
                    seconds[name].append(took)
                if on_run is not None:
                    on_run(name)
    return {name: Timing(tuple(each)) for name, each in seconds.items()}


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
def _threads(count: int | None) -> Iterator[None]:
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
