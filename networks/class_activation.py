"""What in an image speaks for a class: the class activation map of a network that ends in a mean and a linear layer.

Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning deep features for discriminative localization" (arXiv 1512.04150,
2016), section 2. All networks of the family end so, and for them the map is exact: its mean and the class's bias are the
logit.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils.system.modes import restored


@dataclass(frozen=True)
class End:
    """The end of a network for some images: a grid, its mean over the places, a linear layer.

    Attributes:
        grid: what the mean is taken of, (N, channels, H, W).
        classifier: the linear layer behind it.
        logits: what comes out, (N, classes).
    """

    grid: Tensor
    classifier: nn.Linear
    logits: Tensor

    def maps(self, classes: Tensor) -> Tensor:
        """One map for each image, (N, H, W), of its class, (N,): the grid's channels weighed as the class weighs them."""
        return torch.einsum("nchw,nc->nhw", self.grid, self.classifier.weight[classes])


def class_activation_map(net: nn.Module, images: Tensor, classes: int | Tensor | None = None) -> Tensor:
    """Where in each image its class's logit comes from: (N, C, H, W) -> (N, h, w), on the network's last grid.

    With `x` the last grid and `w`, `b` the class's weights and bias, the map is the sum over the channels of `w x`, place by
    place. Mean and sum can change places, so its mean over the grid, plus `b`, is the class's logit. What is above zero
    speaks for the class, what is below zero against it.

    The network runs once, in evaluation mode; afterwards it is in the mode that it was in. Gradients reach the map.

    Args:
        net: a network that ends in a mean over its last grid (however it is written) and one linear layer.
        images: as the network reads them.
        classes: one class for all images, or one for each, (N,); by default each image's class with the highest logit.

    Raises:
        ValueError: a network that ends in another way, or a class that it does not have.
    """
    end = end_of(net, images)
    count = end.logits.shape[1]
    if classes is None:
        return end.maps(end.logits.argmax(dim=1))
    chosen = torch.as_tensor(classes, device=end.logits.device)
    if chosen.dtype == torch.bool or chosen.is_floating_point() or chosen.ndim > 1:
        raise ValueError(f"classes is {classes!r}; it must be a class's number, or one for each image.")
    if chosen.ndim and len(chosen) != len(images):
        raise ValueError(f"classes holds {len(chosen)} classes for {len(images)} images; it must hold one for each.")
    if chosen.numel() and not 0 <= int(chosen.min()) <= int(chosen.max()) < count:
        raise ValueError(f"classes is {classes!r}; this network has classes 0 to {count - 1}.")
    return end.maps(chosen.expand(len(images)))


def end_of(net: nn.Module, images: Tensor) -> End:
    """The last grid of a network for some images, the linear layer that reads its mean, and the logits.

    Raises:
        ValueError: a network that does not end in a mean over a grid and one linear layer.
    """
    widths = {module.in_features for module in net.modules() if isinstance(module, nn.Linear)}
    grids: list[Tensor] = []
    dense: list[tuple[nn.Linear, Tensor, Tensor]] = []

    def look(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if isinstance(module, nn.Linear) and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            dense.append((module, inputs[0], output))
        elif isinstance(output, Tensor) and output.ndim == 4 and output.shape[1] in widths:
            is_pooled = output.shape[2:].numel() == 1 and next(module.parameters(), None) is None
            if not is_pooled:  # one number a channel is its own mean, whatever made it
                grids.append(output)

    hooks = [module.register_forward_hook(look) for module in net.modules()]
    try:
        with restored(net):
            logits = net.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()

    name = type(net).__name__
    if not dense or not isinstance(logits, Tensor) or logits.ndim != 2:
        raise ValueError(_REFUSED.format(name=name, what="no linear layer gives its logits"))
    classifier, read, put_out = dense[-1]
    if put_out.shape != logits.shape or not torch.equal(put_out, logits):
        raise ValueError(_REFUSED.format(name=name, what="its last linear layer does not give the logits themselves"))
    for grid in grids:
        mean = grid.mean(dim=(2, 3))
        room = 1e-4 * float(read.detach().abs().max()) if read.numel() else 0.0
        if mean.shape == read.shape and torch.allclose(mean, read, rtol=1e-3, atol=room):
            return End(grid, classifier, logits)
    raise ValueError(
        _REFUSED.format(name=name, what="what its last linear layer reads is not the mean of a grid of places")
    )


_REFUSED = (
    "{name} has no class activation map: {what}. The map needs a network that ends in a mean over its last grid "
    "(global average pooling) and one linear layer, whose output is the logits."
)
