"""What a training step keeps for its way back, and how much more it would keep with the sums normalised."""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef

from networks.catalog import create
from networks.inception_resnet_v1 import ResidualBlock


def kept_bytes(module: nn.Module, shape: Sequence[int]) -> int:
    """Bytes that autograd keeps during a step on images of this shape (N, C, H, W), besides the weights.

    The module runs once, in the mode that it is in, on the device of its parameters. On the device "meta" nothing is computed, and
    the bytes are those that would be kept.
    """
    device = next(module.parameters()).device
    own = {StorageWeakRef(each.untyped_storage()) for each in (*module.parameters(), *module.buffers())}
    kept: dict[StorageWeakRef, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()  # counted once, however many layers keep it
        if StorageWeakRef(storage) not in own:
            kept[StorageWeakRef(storage)] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        # The result holds the graph, and the graph what is kept: without it storages would be freed and used again.
        result = module(torch.empty(*shape, device=device))
        total = sum(kept.values())
        del result
    return total


def normalise_sums(network: nn.Module) -> nn.Module:
    """Put batch normalisation between each residual block's sum and its ReLU, which the paper leaves out; the same network."""
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            module.activation = nn.Sequential(
                nn.BatchNorm2d(module.up.out_channels, device=module.up.weight.device), module.activation
            )
    return network


def sums(name: str, variant: str = "paper") -> list[tuple[int, int, int]]:
    """(how many, channels, side of the grid) of a network's residual sums on each of its grids, on an image of 299 pixels."""
    network, found = _training(name, variant), {}

    def note(module: ResidualBlock, _inputs: tuple, output: torch.Tensor) -> None:
        key = tuple(output.shape[1:3])
        found[key] = found.get(key, 0) + 1

    handles = [module.register_forward_hook(note) for module in network.modules() if isinstance(module, ResidualBlock)]
    with torch.no_grad():
        network(torch.empty(2, 3, 299, 299, device="meta"))
    for handle in handles:
        handle.remove()
    return [(count, *key) for key, count in found.items()]


@lru_cache(maxsize=32)
def network_bytes(name: str, variant: str = "paper", *, images: int = 1, normalised: bool = False) -> int:
    """Bytes that a training step of a network of the catalog keeps on images of 299 x 299, in single precision."""
    network = _training(name, variant)
    if normalised:
        normalise_sums(network)
    return kept_bytes(network, (images, 3, 299, 299))


def block_bytes(block: ResidualBlock, side: int) -> int:
    """Bytes that a block keeps for one image on a grid of side x side, in single precision. Its mode is put back.

    What it is given is left out: the ReLU of the block before keeps that.
    """
    training, given = block.training, (1, block.up.out_channels, side, side)
    try:
        return kept_bytes(block.train(), given) - 4 * math.prod(given)
    finally:
        block.train(training)


def _training(name: str, variant: str) -> nn.Module:
    with torch.device("meta"):
        return create(name, variant=variant).train()
