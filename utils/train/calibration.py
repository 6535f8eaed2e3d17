"""How far a classifier's confidence can be believed: of the answers given at 80 %, are 80 % right?

From Guo and others, "On calibration of modern neural networks" (2017), section 2.

    probabilities = logits.softmax(dim=1)
    expected_calibration_error(probabilities, labels)     # 0 where confidence and accuracy agree
    reliability(probabilities, labels)                    # the bars of a reliability diagram
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from utils.data.splits import require_whole


@dataclass(frozen=True, eq=False)
class Reliability:
    """Answers by their confidence, in bins of equal width from 0 to 1. Every tensor is float64 (bins,), on the CPU.

    `accuracy` and `confidence` are means over the answers of a bin, and nan where it holds none.
    """

    low: Tensor  # a bin holds what is above `low` ...
    high: Tensor  # ... and at most `high`
    count: Tensor
    accuracy: Tensor
    confidence: Tensor

    @property
    def expected_error(self) -> float:
        """The gap between confidence and accuracy, averaged over all answers."""
        gap = (self.accuracy - self.confidence).abs()
        return float((self.count * gap).nansum() / self.count.sum())


def reliability(probabilities: Tensor, labels: Tensor, bins: int = 15) -> Reliability:
    """Accuracy and mean confidence of the likeliest class, by confidence.

    Args:
        probabilities: (N, classes), rows that sum to 1: a softmax, or a mean of several.
        labels: (N,), whole numbers from 0 to classes - 1.
        bins: how many bins.

    Raises:
        ValueError: shapes that do not fit, rows that are no probabilities, labels that are no classes, no answers.
    """
    require_whole("bins", bins, lowest=1)
    probabilities, labels = probabilities.detach().double().cpu(), labels.detach().cpu()
    _require(probabilities, labels)
    confidence, answer = probabilities.max(dim=1)
    right = (answer == labels).double()
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    number = (torch.bucketize(confidence, edges) - 1).clamp(0, bins - 1)  # low < confidence <= high
    count = torch.bincount(number, minlength=bins).double()
    return Reliability(
        low=edges[:-1],
        high=edges[1:],
        count=count,
        accuracy=torch.bincount(number, weights=right, minlength=bins) / count,
        confidence=torch.bincount(number, weights=confidence, minlength=bins) / count,
    )


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """The mean gap between confidence and accuracy, from 0 to 1; arguments and errors as `reliability`."""
    return reliability(probabilities, labels, bins).expected_error


def _require(probabilities: Tensor, labels: Tensor) -> None:
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ValueError(
            f"probabilities are {tuple(probabilities.shape)} and labels {tuple(labels.shape)}; "
            "they must be (N, classes) and (N,), with one image or more."
        )
    sums = probabilities.sum(dim=1)
    if not (probabilities.min() >= 0 and (sums - 1).abs().max() < 1e-2):  # bfloat16 knows a sum to two places
        raise ValueError(
            f"The rows of probabilities have values from {float(probabilities.min()):g} and sums from "
            f"{float(sums.min()):g} to {float(sums.max()):g}; they must be 0 or more, and sum to 1. "
            "Are they logits? Then pass logits.softmax(dim=1)."
        )
    if labels.is_floating_point() or labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise ValueError(
            f"labels are {labels.dtype} from {labels.min()} to {labels.max()}; they must be whole numbers from 0 to "
            f"{probabilities.shape[1] - 1}, for {probabilities.shape[1]} classes."
        )
