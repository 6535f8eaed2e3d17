"""The same recipe in one process and in several: what torchrun starts, and how far the results lie apart."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from course.paper_recipes import recipe as named_recipe
from networks.catalog import create
from utils.data.sets import load
from utils.show.display import passing_bar
from utils.system.places import CHECKOUT
from utils.train.loop import fit
from utils.train.prepare import seeded
from utils.train.runs import Run

NETWORK = RECIPE = "bn_inception"
EPOCHS, BATCH, IMAGES = 1, 64, 320  # five steps
SECONDS = 240  # after which a start counts as failed


def command(processes: int, out: str = "two.json") -> list[str]:
    """The words of the command that trains with so many processes on this machine's CPU."""
    return [
        "torchrun", f"--nproc_per_node={processes}", "-m", "lessons", "train", NETWORK, "--data", "digits", "--recipe", RECIPE,
        "--epochs", str(EPOCHS), "--batch-size", str(BATCH), "--limit", str(IMAGES), "--device", "cpu", "--out", out,
    ]  # fmt: skip


@dataclass(frozen=True)
class Together:
    """A run of one process, the same of several, and how far apart their weights end.

    `apart` is a share of the way that the single process's weights went.
    """

    alone: Run
    several: Run
    apart: float
    seconds: float  # from the start of the processes to their end

    @property
    def sentence(self) -> str:
        """What is alike, and what differs."""
        count = self.several.machine["processes"]
        one, more = self.alone.history[-1], self.several.history[-1]
        return (
            f"The recipe {RECIPE}, {EPOCHS * (IMAGES // BATCH)} steps of {BATCH} images: training loss {one.train_loss:.4f} in one process "
            f"and {more.train_loss:.4f} in {count}; the weights end apart by {100 * self.apart:.2g} % of the way that they went. One process trains "
            f"{one.images_per_second:,.0f} images a second on this machine's CPU, {count} processes together {more.images_per_second:,.0f}. "
            f"The {count} processes ran for {self.seconds:.0f} s in all, {self.several.seconds:.0f} s of them to train; the rest is starting."
        )

    __str__ = __repr__ = lambda self: self.sentence

    def _repr_html_(self) -> str:
        return f"<p>{self.sentence}</p>"


def together(processes: int = 2, *, show: bool = True) -> Together:
    """Train in this process, then with `torchrun` in several, and compare.

    Raises:
        RuntimeError: the processes failed; the message has the end of what they said.
    """
    net = lambda: create(NETWORK, size="mini", num_classes=10, in_channels=1)  # noqa: E731
    recipe = replace(named_recipe(RECIPE), epochs=EPOCHS, batch_size=BATCH)
    alone = fit(net, load("digits", limit=IMAGES), recipe, seed=0, device="cpu", show=False)
    with seeded(0):
        start = _weights(net().state_dict())
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "several.json"
        seconds = _run(command(processes, str(out)), show=show)
        several, ends = Run.load(out), torch.load(out.with_suffix(".pt"), weights_only=True)
    end = _weights(alone.net.state_dict())
    apart = (_weights(ends) - end).norm() / (end - start).norm()
    return Together(alone, several, apart.item(), seconds)


def _weights(state: dict[str, Tensor]) -> Tensor:
    """All weights in a row, without the counts and statistics of batch normalisation."""
    return torch.cat(
        [each.flatten().double().cpu() for name, each in state.items() if "running" not in name and each.ndim]
    )


def _run(words: list[str], *, show: bool) -> float:
    """Run a command of torchrun, with a bar that shows the seconds; how many it took comes back."""
    python = [sys.executable, "-m", "torch.distributed.run", *words[1:]]
    # Both processes are on this machine, whatever its network; each gets one thread.
    given = {"OMP_NUM_THREADS": "1", **({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {})}
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(python, cwd=CHECKOUT, stdout=said, stderr=subprocess.STDOUT, env=os.environ | given)
        try:
            with passing_bar(bar_format="{desc} {elapsed}", desc="torchrun", disable=not show) as bar:
                while process.poll() is None:
                    if time.monotonic() - began > SECONDS:
                        raise RuntimeError(f"The processes did not end within {SECONDS} s, and were stopped.")
                    time.sleep(0.2)
                    bar.update()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"torchrun failed:\n{said.read()[-2000:]}")
    return time.monotonic() - began
