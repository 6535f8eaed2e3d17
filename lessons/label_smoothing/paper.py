"""What "Rethinking the Inception architecture" (arXiv 1512.00567) says of smoothing and of training, and how to measure it.

What it says of cost and depth is in `lessons.factorization.paper`.
"""

import itertools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from course.ledger import Claim, Finding
from lessons.factorization.paper import TABLE_3 as BILLIONS
from lessons.factorization.paper import TITLE
from lessons.label_smoothing.small import trained
from lessons.label_smoothing.smoothing import best_lead, lead_found, smoothed_cross_entropy, target_values
from networks import measure

__all__ = ["CLAIMS", "CUMULATIVE", "TABLE_2", "TITLE"]

# Section 8.
EPOCHS = 100
RATE, RATE_DECAY, RATE_EVERY = 0.045, 0.94, 2
RMS_DECAY, RMS_EPSILON = 0.9, 1.0
CLIP = 2.0
# Section 7.
SMOOTHING, CLASSES = 0.1, 1000
PRINTED_GAIN = 0.2  # points of top-1 and of top-5 error that smoothing saves

TABLE_2 = {79: 75.2, 151: 76.4, 299: 76.6}  # top-1 accuracy in per cent by the image's side


@dataclass(frozen=True)
class Row:
    """One row of Table 3: top-1 and top-5 error in per cent, and what it changes of the row before."""

    name: str
    top1: float
    top5: float | None
    billions: float
    changes: str  # "start", "recipe" or "layers"


# Table 3, from Inception-v2 on; each row has what the rows before it have.
CUMULATIVE = (
    Row("Inception-v2", 23.4, None, BILLIONS["Inception-v2"], "start"),
    Row("+ RMSProp", 23.1, 6.3, BILLIONS["Inception-v2, RMSProp"], "recipe"),
    Row("+ label smoothing", 22.8, 6.1, BILLIONS["Inception-v2, label smoothing"], "recipe"),
    Row("+ factorised 7×7", 21.6, 5.8, BILLIONS["Inception-v2, factorized 7×7"], "layers"),
    Row("+ BN in the auxiliary head", 21.2, 5.6, BILLIONS["Inception-v3"], "layers"),
)


def _never_reached() -> Finding:
    steps = (10, 100, 1_000, 10_000)
    hard = [lead_found(0.0, 10, steps=count) for count in steps]
    smooth = [lead_found(SMOOTHING, 10, steps=count) for count in steps]
    best = best_lead(SMOOTHING, 10)
    grows = all(later > earlier + 1 for earlier, later in itertools.pairwise(hard))
    stops = abs(smooth[-1] - best) < 1e-3
    return Finding(
        f"10 classes: after {', '.join(f'{count}' for count in steps)} steps of gradient descent the right logit leads by "
        f"{', '.join(f'{lead:.2f}' for lead in hard)} with a hard target, and with smoothing {SMOOTHING} by "
        f"{', '.join(f'{lead:.2f}' for lead in smooth)}",
        measure.all_or_part(grows, stops),
        f"the loss is smallest where softmax and target are equal: at a lead of {best:.2f}, or at none",
    )


def _bounded_slope() -> Finding:
    draws = torch.Generator().manual_seed(0)
    lowest, highest, farthest = 0.0, 0.0, 0.0
    for scale in (1.0, 10.0, 1_000.0):
        logits = scale * torch.randn(64, CLASSES, generator=draws, dtype=torch.float64)
        labels = torch.randint(CLASSES, (64,), generator=draws)
        logits.requires_grad_()
        loss = F.cross_entropy(logits, labels, reduction="sum")
        (slope,) = torch.autograd.grad(loss, logits)
        lowest, highest = min(lowest, slope.min().item()), max(highest, slope.max().item())
        rule = logits.detach().softmax(dim=1) - F.one_hot(labels, CLASSES)
        farthest = max(farthest, (slope - rule).abs().max().item())
    return Finding(
        f"slopes from {lowest:.3f} to {highest:.3f} for logits up to thousands; they differ from softmax − target by "
        f"{farthest:.0e} at most",
        measure.all_or_part(lowest >= -1 and highest <= 1, farthest < 1e-9),
        "both are probabilities, so their difference cannot leave −1 to 1",
    )


def _two_losses() -> Finding:
    draws = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(64, CLASSES, generator=draws, dtype=torch.float64)
    labels = torch.randint(CLASSES, (64,), generator=draws)
    even = -logits.log_softmax(dim=1).mean(dim=1).mean()
    parts = (1 - SMOOTHING) * F.cross_entropy(logits, labels) + SMOOTHING * even
    away = (smoothed_cross_entropy(logits, labels, SMOOTHING) - parts).abs().item()
    return Finding(
        f"the two ways to compute it differ by {away:.0e} of {parts.item():.2f} nats, for {CLASSES} classes",
        "holds" if away < 1e-6 else "does not hold",
        f"the second part's weight beside the first is ε / (1 − ε) = {SMOOTHING / (1 - SMOOTHING):.3f}",
    )


def _gain() -> Finding:
    before, after = CUMULATIVE[1], CUMULATIVE[2]
    gains = before.top1 - after.top1, before.top5 - after.top5
    return Finding(
        f"Table 3: {gains[0]:.1f} points of top-1 error, {gains[1]:.1f} of top-5",
        measure.all_or_part(*(round(gain, 1) == PRINTED_GAIN for gain in gains)),
        f"arithmetic on the paper's own table: {before.top1} → {after.top1} and {before.top5} → {after.top5}; a single "
        "training each, and no spread is given",
    )


def _held_back() -> Finding:
    hard, smooth = (trained(epsilon).new for epsilon in (0.0, SMOOTHING))
    most = math.log(target_values(SMOOTHING, 10)[0] / target_values(SMOOTHING, 10)[1])
    return Finding(
        f"small networks on digits: the largest logit leads the others by {hard.lead:.1f} on average with hard targets, by "
        f"{smooth.lead:.1f} with smoothing {SMOOTHING}; mean confidence {hard.confidence:.2f} and {smooth.confidence:.2f} at "
        f"accuracies of {hard.accuracy:.3f} and {smooth.accuracy:.3f}",
        measure.all_or_part(smooth.lead < hard.lead / 2, smooth.confidence < hard.confidence),
        f"the smoothed loss pulls the lead to {most:.2f} on each image that it learns from; one training each, on new images",
    )


CLAIMS = (
    Claim(
        60,
        "With hard targets the loss is smallest for no finite logits, only as the right one runs away from all others.",
        "section 7",
        "no figure given",
        _never_reached,
    ),
    Claim(
        61,
        "The loss's slope along a logit is softmax minus target, and lies between −1 and 1.",
        "section 7",
        "−1 to 1",
        _bounded_slope,
    ),
    Claim(
        62,
        "Smoothing adds a second loss, the cross-entropy with the even distribution, with relative weight ε / (1 − ε).",
        "section 7",
        "equal",
        _two_losses,
    ),
    Claim(
        63,
        "Smoothing keeps the largest logit from growing much larger than all others.",
        "section 7",
        "no figure given",
        _held_back,
    ),
    Claim(
        64,
        "Smoothing saves about 0.2 points of top-1 and of top-5 error.",
        "section 7, Table 3",
        f"about {PRINTED_GAIN} points each",
        _gain,
    ),
)
