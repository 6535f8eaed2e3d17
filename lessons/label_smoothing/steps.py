"""What stands between a gradient and the weights in the recipe of "Rethinking" (arXiv 1512.00567, section 8).

RMSProp in its two forms, clipping, the moving average. Plain functions of tensors, to be read beside the formulas;
training uses torch's optimizers and those of `utils.train.loop`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def rmsprop_step(
    weight: Tensor,
    gradient: Tensor,
    mean_square: Tensor,
    step: Tensor,
    rate: float,
    epsilon: float,
    inside: bool,
    decay: float = 0.9,
    momentum: float = 0.9,
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of RMSProp with momentum: (new weight, new mean square, new step). All of one shape.

    `inside` adds epsilon under the root, as TensorFlow does, on which the papers were trained; else it is added to
    the root, as torch does. The learning rate is part of the step that momentum keeps, as in TensorFlow.
    """
    mean_square = decay * mean_square + (1 - decay) * gradient**2
    root = (mean_square + epsilon).sqrt() if inside else mean_square.sqrt() + epsilon
    step = momentum * step + rate * gradient / root
    return weight - step, mean_square, step


def moved_average(average: Sequence[Tensor], weights: Sequence[Tensor], decay: float) -> list[Tensor]:
    """The moving average of some tensors after one more step: `decay` of the old average, the rest of the weights."""
    return [decay * old + (1 - decay) * new for old, new in zip(average, weights, strict=True)]


def clip_together(gradients: Sequence[Tensor], longest: float) -> list[Tensor]:
    """The gradients, scaled down by one factor where all of them taken together are longer than `longest`."""
    length = torch.stack([gradient.norm() for gradient in gradients]).norm()
    factor = (longest / length).clamp(max=1) if length > 0 else 1.0
    return [gradient * factor for gradient in gradients]
