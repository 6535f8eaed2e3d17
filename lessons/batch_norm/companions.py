"""What an image's company in its batch does to it: a trained network in both modes, and what its first norm gets."""

import copy

import torch
from torch import Tensor, nn

from utils.data.dataset import Data


@torch.no_grad()
def accuracy_in(net: nn.Module, data: Data, batch: int, *, training: bool, images: int | None = None) -> float:
    """Accuracy in per cent on the first so many test images, or on all, in batches, in training or in evaluation mode.

    In training mode every batch is normalised by its own statistics. A copy is asked, so that the network's running
    statistics stay as they are. Images left over by the last full batch are not counted then.

    Raises:
        ValueError: batch is not a whole number from 1 to the number of test images.
    """
    count = len(data.test) if images is None else min(images, len(data.test))
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= count:
        raise ValueError(f"batch is {batch!r}; it must be a whole number from 1 to {count}.")
    net = copy.deepcopy(net).train(training)
    if training:
        count -= count % batch
    pictures, labels = data.normalise(data.test.images[:count]), data.test.labels[:count]
    answers = torch.cat([net(part).argmax(dim=1) for part in pictures.split(batch)])
    return 100 * (answers == labels).float().mean().item()


@torch.no_grad()
def first_norm_gets(net: nn.Module, data: Data, images: int = 1000) -> Tensor:
    """(N, C, H, W): what the network's first batch normalisation gets from the first test images.

    Raises:
        ValueError: the network has no `nn.BatchNorm2d`.
    """
    norm = next((module for module in net.modules() if isinstance(module, nn.BatchNorm2d)), None)
    if norm is None:
        raise ValueError(f"{type(net).__name__} has no nn.BatchNorm2d: there is nothing to look at.")
    seen: list[Tensor] = []
    was_training = net.training
    hook = norm.register_forward_pre_hook(lambda _norm, given: seen.append(given[0]))
    try:
        net.eval()(data.normalise(data.test.images[:images]))
    finally:
        hook.remove()
        net.train(was_training)
    return seen[0]
