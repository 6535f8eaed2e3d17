"""A module that is looked at, and afterwards is as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def restored(module: nn.Module) -> Iterator[None]:
    """Afterwards each part is in the mode that it was in, and every buffer has its values."""
    modes = [(part, part.training) for part in module.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
        with torch.no_grad():
            for buffer, values in buffers:
                buffer.copy_(values)
