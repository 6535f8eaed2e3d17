"""A process that trains with checkpoints until it is killed: `python -m tests.utils.killed FILE WHERE NUMBER`.

WHERE is "step" (after so many steps), "writing" (half-way through the so-manieth checkpoint) or "written" (before it is
put in its place).
"""

import os
import signal
import sys
from dataclasses import replace

import torch

from tests.utils.tiny import TinyNet, tiny_data
from utils import checkpoint, train
from utils.recipe import Recipe

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
    flip=True,
    shift=1,
    precision="bfloat16",
)
SGD = replace(RECIPE, optimizer="sgd", precision="float32", averaging=None)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(path: str, where: str, number: int) -> None:
    torch.set_num_threads(1)
    train.CHECKPOINT_EVERY = 0.0  # a checkpoint after every step
    done = written = 0
    write, put = checkpoint._write, os.replace

    def on_step(run, _):
        nonlocal done
        done += 1
        if where == "step" and done == number:
            die()

    def write_half(file, *parts):
        nonlocal written
        written += 1
        if where == "writing" and written == number:
            content = b"".join(parts)
            file.write(content[: len(content) // 2])
            file.flush()
            die()
        write(file, *parts)

    def put_or_die(*paths):
        if where == "written" and written == number:
            die()
        put(*paths)

    checkpoint._write, os.replace = write_half, put_or_die
    train.fit(TinyNet, tiny_data(), RECIPE, seed=3, device="cpu", show=False, on_step=on_step, checkpoint=path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
