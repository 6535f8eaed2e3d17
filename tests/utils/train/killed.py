"""A process that trains with checkpoints until it is killed."""

import os
import signal
from contextlib import contextmanager
from dataclasses import replace

import torch

from tests.utils.tiny import TinyNet, tiny_data
from utils.train import checkpoint, loop
from utils.train.recipe import Recipe

RECIPE = Recipe(
    epochs=3,
    batch_size=16,
    optimizer="rmsprop",
    epsilon=1.0,
    epsilon_inside=True,
    learning_rate=0.05,
    schedule="cosine",
    averaging=0.9,
    dropout=0.3,
    flip="alternated",
    shift=1,
    precision="bfloat16",
)
SGD = replace(RECIPE, optimizer="sgd", precision="float32", averaging=None)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def train_until_killed(path: str, where: str, number: int) -> None:
    """What a process does. `where` is "step" (after so many steps), "writing" (half-way through the so-manieth checkpoint) or
    "written" (before it is put in its place)."""
    torch.set_num_threads(1)
    loop.CHECKPOINT_EVERY = 0.0  # a checkpoint after every step
    done = written = 0
    put, whole_file = os.replace, checkpoint.whole_file

    def on_step(run, _):
        nonlocal done
        done += 1
        if where == "step" and done == number:
            die()

    class HalfWay:
        """A file whose last write dies half-way through."""

        def __init__(self, file):
            self.file = file

        def write(self, part):
            if where == "writing" and written == number and len(part) > 1000:
                self.file.write(part[: len(part) // 2])
                self.file.flush()
                die()
            self.file.write(part)

    @contextmanager
    def dying_file(path):
        nonlocal written
        written += 1
        with whole_file(path) as file:
            yield HalfWay(file)

    def put_or_die(*paths):
        if where == "written" and written == number:
            die()
        put(*paths)

    checkpoint.whole_file, os.replace = dying_file, put_or_die
    loop.fit(TinyNet, tiny_data(), RECIPE, seed=3, device="cpu", show=False, on_step=on_step, checkpoint=path)
