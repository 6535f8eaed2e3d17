"""How the loss looks along its gradient, and how far a layer's gradient moves when the layers before it move.

The measures of "How does batch normalization help optimization?" (Santurkar and others, arXiv 1805.11604), at one point
of a training run and on one batch. All of them look at the network as it trains: batch normalisation uses the batch's
own statistics. Nothing of the network is changed: weights, running statistics, `.grad`, mode and torch's random numbers
are afterwards what they were.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Landscape:
    """What a walk from the present weights x along x - t g, with the gradient g at x, meets at several t.

    The figures of section 3.1 in arXiv 1805.11604. Where a step ends beyond what the numbers can hold, a figure is
    infinite or not a number.
    """

    loss_low: float  # the lowest loss on the walk; the start does not count
    loss_high: float  # the highest
    gradient_change_low: float  # the least distance of a gradient on the walk from g: L2, all parameters together
    gradient_change_high: float  # the greatest; small means that g foretells the gradients to come
    smoothness: float  # the greatest change of the gradient for the distance walked: "effective beta-smoothness"


def landscape(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    step_sizes: Sequence[float],
    loss: Loss = cross_entropy,
) -> Landscape:
    """Walk from the network's weights against the gradient, and look at loss and gradient after each step size.

    Every step starts from the present weights. `smoothness` is the greatest ||g(x) - g(x - t g)|| / (t ||g||).

    Args:
        net: the network, (N, ...) -> what `loss` takes.
        images, labels: one batch, on the network's device.
        step_sizes: how far to go, in units of the gradient, as a learning rate is.
        loss: from the network's output and the labels to one number.

    Raises:
        ValueError: no step size, or one that is not above zero; a network without parameters to train.
    """
    if not step_sizes or not all(math.isfinite(size) and size > 0 for size in step_sizes):
        raise ValueError(
            f"step_sizes is {list(step_sizes)!r}; give one or more numbers above zero, such as (0.1, 0.4)."
        )
    with _in_training(net):
        start = _trained(net)
        _, gradient = _gradient(net, start, images, labels, loss)
        length = _length(gradient.values())
        losses, changes = [], []
        for size in step_sizes:
            there = {name: start[name] - size * gradient[name] for name in start}
            value, slope = _gradient(net, there, images, labels, loss)
            losses.append(value)
            changes.append(_length(slope[name] - gradient[name] for name in start))
    # torch's least and greatest of several numbers keep one that is not a number; Python's lose it, or not.
    loss_low, loss_high = torch.stack(losses).aminmax()
    change_low, change_high = torch.stack(changes).aminmax()
    sizes = torch.tensor(step_sizes, dtype=length.dtype, device=length.device)
    smoothness = (torch.stack(changes) / (sizes * length)).amax()
    return Landscape(*(value.item() for value in (loss_low, loss_high, change_low, change_high, smoothness)))


def covariate_shift(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    learning_rate: float,
    layer: str,
    loss: Loss = cross_entropy,
) -> tuple[float, float]:
    """How one layer's gradient changes when the layers before it have made their step: (L2 distance, cosine).

    Definition 2.1 of arXiv 1805.11604: the gradient of the layer's parameters at the present weights, against the
    gradient with all parameters that run before the layer moved by one step of plain gradient descent, on the same
    batch. Without any internal covariate shift the distance is 0 and the cosine 1.

    Args:
        net, images, labels, loss: as for `landscape`.
        learning_rate: of that step.
        layer: the layer's name in the network, as in `net.get_submodule(layer)`.

    Raises:
        ValueError: no such layer, one without parameters, or one that no parameter runs before; a learning rate that is
            not above zero.
    """
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate is {learning_rate!r}; it must be a number above zero.")
    with _in_training(net):
        start = _trained(net)
        before, own = _split(net, start, images, layer)
        _, gradient = _gradient(net, start, images, labels, loss)
        moved = {
            name: start[name] - learning_rate * gradient[name] if name in before else start[name] for name in start
        }
        _, then = _gradient(net, moved, images, labels, loss)
    old = torch.cat([gradient[name].flatten() for name in own])
    new = torch.cat([then[name].flatten() for name in own])
    return _length([new - old]).item(), (old @ new / (_length([old]) * _length([new]))).item()


def _trained(net: nn.Module) -> dict[str, Tensor]:
    """The parameters that are trained, by name."""
    parameters = {name: parameter.detach() for name, parameter in net.named_parameters() if parameter.requires_grad}
    if not parameters:
        raise ValueError(f"{type(net).__name__} has no parameter that is trained (requires_grad): it has no gradient.")
    return parameters


def _gradient(
    net: nn.Module, parameters: Mapping[str, Tensor], images: Tensor, labels: Tensor, loss: Loss
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss, and its gradient by name, with these parameters in place of the network's own."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    # The running statistics that this pass updates are copies.
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    with torch.enable_grad(), _same_random_numbers(images.device):
        value = loss(functional_call(net, (leaves, buffers), (images,)), labels)
        slopes = torch.autograd.grad(value, list(leaves.values()), allow_unused=True, materialize_grads=True)
    return value.detach(), dict(zip(leaves, slopes, strict=True))


def _split(net: nn.Module, parameters: Mapping[str, Tensor], images: Tensor, layer: str) -> tuple[set[str], list[str]]:
    """Names of the parameters of the modules that run before a layer does, and of its own."""
    own = [name for name in parameters if name.startswith(f"{layer}.")]
    order: list[str] = []  # modules with parameters of their own, as they run
    owners = {name.rpartition(".")[0] for name in parameters}
    hooks = [
        module.register_forward_pre_hook(lambda _module, _args, name=name: order.append(name))
        for name, module in net.named_modules()
        if name in owners
    ]
    try:
        with torch.no_grad(), _same_random_numbers(images.device):
            functional_call(net, {name: buffer.clone() for name, buffer in net.named_buffers()}, (images,))
    finally:
        for hook in hooks:
            hook.remove()
    if not own:
        raise ValueError(f"layer is {layer!r}; it must be one with parameters, such as {', '.join(order)}.")
    first = next((place for place, name in enumerate(order) if name == layer or name.startswith(f"{layer}.")), 0)
    before = {name for name in parameters if name.rpartition(".")[0] in order[:first]} - set(own)
    if not before:
        raise ValueError(f"layer is {layer!r}, and no layer with parameters runs before it. Choose a later one.")
    return before, own


def _length(parts: Iterator[Tensor] | Sequence[Tensor]) -> Tensor:
    """The L2 length of several tensors taken as one vector."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(part) for part in parts]))


@contextmanager
def _in_training(net: nn.Module) -> Iterator[None]:
    """All of the network in training mode, and each part of it back in its own afterwards."""
    modes = {module: module.training for module in net.modules()}
    net.train()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _same_random_numbers(device: torch.device) -> Iterator[None]:
    """Dropout draws the same numbers every time, and torch's own go on afterwards as if nothing had happened."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield
