"""What moves the weights: the recipe's optimizer, RMSProp as the papers ran it, and the moving average of the weights."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from utils.train.recipe import Recipe


def optimizer_of(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer. Weight decay is for weights: biases and norms have one dimension, and are left alone."""
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate, momentum, eps = recipe.learning_rate, recipe.momentum, recipe.epsilon
    # One kernel for all weights: on two CPU cores a mini network's step of AdamW takes 0.8 ms, and 5 ms without.
    fused = all(parameter.device.type in ("cpu", "cuda") for parameter in trained)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=(momentum, 0.999), eps=eps, fused=fused)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=(momentum, 0.999), eps=eps, fused=fused)
    if recipe.optimizer == "rmsprop":
        kind = RMSPropTF if recipe.epsilon_inside else torch.optim.RMSprop
        return kind(groups, lr=rate, alpha=recipe.rms_decay, eps=eps, momentum=momentum)
    return torch.optim.SGD(groups, lr=rate, momentum=momentum, fused=fused)


class RMSPropTF(torch.optim.Optimizer):
    """RMSProp as TensorFlow computes it, which is how the Inception papers' was run.

    For each number of the gradient g, with the mean square s starting at 1 and the momentum's buffer m at 0:

        s = alpha * s + (1 - alpha) * g^2
        m = momentum * m + lr * g / sqrt(s + eps)
        w = w - m

    torch's own differs in three places: s starts at 0, eps is added after the root, and lr multiplies the buffer when it
    is used and not what goes into it. With the papers' eps of 1.0 these are not details: a gradient of 0.01 is divided by
    about 1.4 here at the first step, and by about 1.003 there.

    Source: TensorFlow's training operation ApplyRMSProp, and its optimizer's initial value for the mean square.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        *,
        alpha: float = 0.9,
        eps: float = 1e-10,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, dict(lr=lr, alpha=alpha, eps=eps, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; `closure`, where it is given, computes the loss and the gradients anew, as in torch's optimizers."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            for weight in weights:
                if not self.state[weight]:
                    self.state[weight] = {"square": torch.ones_like(weight), "buffer": torch.zeros_like(weight)}
            squares = [self.state[weight]["square"] for weight in weights]
            buffers = [self.state[weight]["buffer"] for weight in weights]
            # torch's foreach operations do the same to each tensor of a list, in few launches on a GPU.
            gradients: list[Any] | tuple[Tensor, ...] = [weight.grad for weight in weights]
            if group["weight_decay"]:
                gradients = torch._foreach_add(gradients, weights, alpha=group["weight_decay"])
            torch._foreach_mul_(squares, group["alpha"])
            torch._foreach_addcmul_(squares, gradients, gradients, value=1 - group["alpha"])
            roots = torch._foreach_add(squares, group["eps"])
            torch._foreach_sqrt_(roots)
            torch._foreach_mul_(buffers, group["momentum"])
            torch._foreach_addcdiv_(buffers, gradients, roots, value=group["lr"])
            torch._foreach_sub_(weights, buffers)
        return loss


class WeightAverage(AveragedModel):
    """A copy of a network whose weights follow the network's: each step they keep `decay` of what they were.

    At the first steps they keep less, (1 + t) / (10 + t) after t steps, as TensorFlow's moving average does when it is
    told the number of steps: otherwise a short run's average would still be its first weights.

    The buffers are averaged with the weights. They are batch norm's mean and variance, which belong to the weights under
    which they were collected; those of other weights, or of none, would put each layer's output in the wrong place.

    `module` is the network with the averaged weights.
    """

    def __init__(self, net: nn.Module, decay: float):
        super().__init__(net, multi_avg_fn=self._follow, use_buffers=True)
        self.decay = decay
        self.module.requires_grad_(False).eval()

    def decay_after(self, steps: int) -> float:
        """What is kept at the step after so many steps, 0 to 1."""
        return min(self.decay, (1 + steps) / (10 + steps))

    def _follow(
        self, averaged: list[Tensor] | tuple[Tensor, ...], current: list[Tensor] | tuple[Tensor, ...], _: Tensor | int
    ) -> None:
        if averaged[0].is_floating_point():
            get_ema_multi_avg_fn(self.decay_after(int(self.n_averaged)))(averaged, current, _)
        else:  # batch norm's count of batches: no average of it means anything
            torch._foreach_copy_(averaged, current)
