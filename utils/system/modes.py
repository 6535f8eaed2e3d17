"""Modules, and torch itself, that are as they were afterwards; and what is inside of a wrapped one."""

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


@contextmanager
def as_torch_starts() -> Iterator[list[str]]:
    """Inside, gradients are on and new tensors are float32; afterwards both are as they were, and random numbers that were seeded.

    The list holds, behind the block, a sentence about each that what ran inside left otherwise.
    """
    gradients, kind, seed, drawn = (
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.initial_seed(),
        torch.get_rng_state(),
    )
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)
    left: list[str] = []
    try:
        yield left
    finally:
        if not torch.is_grad_enabled():
            left.append(
                "It switches gradients off for all that follows, in other cells too, so that nothing could be trained. "
                "`with torch.no_grad():` switches them off for the lines inside of it."
            )
        if (now := torch.get_default_dtype()) != torch.float32:
            left.append(
                f"It makes {now} the kind of all tensors that are made from now on, in other cells too. Name the kind where you make a "
                "tensor, as in `torch.zeros(3, dtype=torch.float64)`."
            )
        if torch.initial_seed() != seed:
            left.append(
                "It seeds torch's random numbers anew, for other cells too: whoever draws next gets the same numbers after each "
                "call. A `torch.Generator` of your own disturbs nobody."
            )
            torch.set_rng_state(drawn)
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(kind)


def inside_of(module: nn.Module) -> nn.Module:
    """The network in what torch.compile, DataParallel and their kin have put around it."""
    for wrapper in ("_orig_mod", "module"):
        inside = getattr(module, wrapper, None)
        if isinstance(inside, nn.Module) and type(module).__module__.startswith("torch."):
            module = inside
    return module
