"""How large the gradient is that reaches each stage of GoogLeNet, with and without its auxiliary heads.

Section 5 of "Going deeper with convolutions" gives the heads two tasks: to carry gradient back to the early layers, and to
regularise. The first can be measured on one batch, before any training. It depends on the initial weights.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks.base import Network, Options
from networks.googlenet import GoogLeNet
from utils.data.photo import NAMES, photograph

# The standard deviation of a layer's initial weights, from the number of values that one of its outputs reads ("fan-in").
STARTS: dict[str, Callable[[int], float]] = {
    "normal, 0.01": lambda fan_in: 0.01,  # AlexNet (Krizhevsky and others, 2012, section 5)
    "Xavier": lambda fan_in: fan_in**-0.5,  # Glorot and Bengio, 2010, in the form that Caffe used for GoogLeNet
    "Kaiming": lambda fan_in: (2 / fan_in) ** 0.5,  # He and others, 2015: for layers with a ReLU behind them
}


def start(net: nn.Module, name: str, *, seed: int = 0) -> None:
    """Give every convolution and dense layer new initial weights, normally distributed, and biases of zero.

    Raises:
        ValueError: there is no such start.
    """
    if name not in STARTS:
        raise ValueError(f"There is no start {name!r}. There are: {', '.join(STARTS)}.")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                deviation = STARTS[name](layer.weight[0].numel())
                layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * deviation)
                if layer.bias is not None:
                    layer.bias.zero_()


def gradient_norms(net: Network, images: Tensor, labels: Tensor, *, aux_weight: float = 0.0) -> dict[str, float]:
    """The length of the loss's gradient with respect to each stage's weights, on one batch, from the image upwards.

    The network keeps its weights and its mode. Dropout is off, so that it adds no chance.

    Args:
        net: a GoogLeNet, with auxiliary heads where `aux_weight` is not 0.
        images, labels: (N, C, H, W) as the network wants them, and (N,) classes.
        aux_weight: of each head's loss; 0 leaves the heads out.

    Raises:
        ValueError: a weight other than 0 for a network without heads.
    """
    if aux_weight and not net.aux_heads:
        raise ValueError(f"aux_weight is {aux_weight}, and this network has no heads. Build it with aux_heads=True.")
    stages = {
        name: [layer.weight for layer in stage.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        for name, stage in net.named_children()
        if not name.startswith("aux")
    }
    stages = {name: weights for name, weights in stages.items() if weights}
    was_training = net.training
    net.eval()
    try:
        outputs = net(images, with_aux=bool(aux_weight))
        logits, aux = outputs if aux_weight else (outputs, ())
        loss = F.cross_entropy(logits, labels) + sum(aux_weight * F.cross_entropy(head, labels) for head in aux)
        gradients = iter(torch.autograd.grad(loss, [weight for weights in stages.values() for weight in weights]))
    finally:
        net.train(was_training)
    # In float64: the squares of very small gradients are zero in float32.
    return {
        name: sum(next(gradients).double().square().sum().item() for _ in weights) ** 0.5
        for name, weights in stages.items()
    }


@functools.cache
def _with_heads() -> GoogLeNet:
    """One network for all starts, which set all of its weights."""
    return GoogLeNet(Options(aux_heads=True))


@functools.cache
def before_training(name: str, *, aux_weight: float, seed: int = 0) -> dict[str, float]:
    """`gradient_norms` of the full GoogLeNet (variant paper) at one of `STARTS`, on the course's two photographs.

    The photographs are two classes of a thousand. Measured once for the same arguments, then kept.

    Raises:
        ValueError: there is no such start.
    """
    net = _with_heads()
    start(net, name, seed=seed)
    images = torch.stack([torch.tensor(photograph(each, 224)).permute(2, 0, 1).float() for each in NAMES])
    images = (images - images.mean(dim=(0, 2, 3), keepdim=True)) / images.std(dim=(0, 2, 3), keepdim=True)
    return gradient_norms(net, images, torch.arange(len(NAMES)), aux_weight=aux_weight)
