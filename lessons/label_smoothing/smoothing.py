"""Targets that are less than certain, the loss that goes with them, and where that loss is smallest.

"Rethinking the Inception architecture" (arXiv 1512.00567), section 7. With K classes and smoothing ε a target is the
label's one-hot vector times 1 − ε, plus ε spread evenly: over all K classes, as the paper and torch do, or over the
K − 1 other classes, as some libraries do.
"""

import math

import torch
from torch import Tensor


def smoothed_targets(labels: Tensor, classes: int, epsilon: float, others_only: bool = False) -> Tensor:
    """(N,) labels -> (N, classes) targets, each of which sums to 1. float32.

    Raises:
        ValueError: epsilon is not from 0 to 1, or there are fewer than two classes.
    """
    right, other = target_values(epsilon, classes, others_only)
    targets = torch.full((len(labels), classes), other, device=labels.device)
    return targets.scatter(1, labels[:, None], right)


def target_values(epsilon: float, classes: int, others_only: bool = False) -> tuple[float, float]:
    """What a target holds for the right class, and for each of the others.

    Raises:
        ValueError: epsilon is not from 0 to 1, or there are fewer than two classes.
    """
    if not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon is {epsilon!r}; it must be a number from 0 to 1.")
    if classes < 2:
        raise ValueError(f"classes is {classes!r}; it must be a whole number, 2 or more.")
    other = epsilon / (classes - 1 if others_only else classes)
    return 1 - (classes - 1) * other, other


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, epsilon: float, others_only: bool = False) -> Tensor:
    """Mean cross-entropy of (N, K) logits with the smoothed targets of (N,) labels: a tensor with one number.

    Over all K classes it is `torch.nn.functional.cross_entropy(logits, labels, label_smoothing=epsilon)`.
    """
    targets = smoothed_targets(labels, logits.shape[1], epsilon, others_only)
    return -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()


def best_lead(epsilon: float, classes: int, others_only: bool = False) -> float:
    """By how much the right logit exceeds each other one where the loss is smallest; infinite for epsilon 0.

    The loss's slope along a logit is softmax − target, so it is smallest where the two are equal; and the
    logarithm of a ratio of two softmax values is the difference of their logits.
    """
    right, other = target_values(epsilon, classes, others_only)
    if other == 0:
        return math.inf
    return math.log(right / other) if right > 0 else -math.inf


def loss_at(lead: Tensor, epsilon: float, classes: int, others_only: bool = False) -> Tensor:
    """The loss of one image whose right logit exceeds all others, which are equal, by `lead`. Any shape, kept."""
    right, _ = target_values(epsilon, classes, others_only)
    # With the right logit at 0 and the others at -lead: log of the softmax's denominator.
    denominator = torch.logaddexp(torch.zeros_like(lead), math.log(classes - 1) - lead)
    return denominator + (1 - right) * lead


def lead_found(epsilon: float, classes: int, *, steps: int = 1000, rate: float = 1.0) -> float:
    """The right logit's lead after so many steps of gradient descent from equal logits, in float64."""
    logits = torch.zeros(1, classes, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([0])
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(logits, label, label_smoothing=epsilon)
        (slope,) = torch.autograd.grad(loss, logits)
        with torch.no_grad():
            logits -= rate * slope
    return (logits[0, 0] - logits[0, 1]).item()
