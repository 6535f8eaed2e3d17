"""Modules, and torch itself, that are as they were afterwards; and what is inside of a wrapped one."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin


@contextmanager
def same_modes(*modules: nn.Module) -> Iterator[None]:
    """Afterwards each part is in the mode that it was in: a network that trains may have parts that do not."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def restored(module: nn.Module) -> Iterator[None]:
    """Afterwards each part is in the mode that it was in, and every buffer has its values."""
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    with same_modes(module):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, values in buffers:
                    buffer.copy_(values)


@contextmanager
def unaltered(module: nn.Module) -> Iterator[None]:
    """Afterwards each part has the attributes that it had, and its lists, sets and dictionaries hold what they held.

    For a run whose tensors are worth nothing: a forward may keep positions, masks or counts for the next image. Torch's own layers keep
    nothing; those that are lazy become others.
    """
    parts = [
        (part, type(part), dict(part.__dict__))
        for part in module.modules()
        if not type(part).__module__.startswith("torch.nn.") or isinstance(part, LazyModuleMixin)
    ]
    held = [
        (value, value.copy())
        for _, _, attributes in parts
        for value in attributes.values()
        if type(value) in (dict, list, set)
    ]
    try:
        yield
    finally:
        for part, kind, attributes in parts:
            part.__class__ = kind
            part.__dict__.clear()
            part.__dict__.update(attributes)
        for value, before in held:
            value.clear()
            value.extend(before) if isinstance(value, list) else value.update(before)


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
