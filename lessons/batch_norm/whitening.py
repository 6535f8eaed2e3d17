"""Full whitening, which "Batch Normalization" (arXiv 1502.03167, section 2) wants and section 3 gives up: too dear."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from lessons.batch_norm.by_hand import OVER, per_channel


def whiten(x: Tensor, eps: float = 1e-5) -> Tensor:
    """Channels with mean 0, variance 1 and no correlation with each other: (N, C, H, W) -> (N, C, H, W).

    Each value's C channels are multiplied by the inverse square root of the channels' covariance, Cov^(-1/2).
    """
    channels = x.shape[1]
    centred = x - per_channel(x.mean(dim=OVER))
    rows = centred.transpose(0, 1).reshape(channels, -1)  # (C, N H W)
    covariance = rows @ rows.T / rows.shape[1]
    values, vectors = torch.linalg.eigh(covariance)
    inverse_root = vectors * torch.rsqrt(values.clamp(min=0) + eps) @ vectors.T
    return torch.einsum("ij,njhw->nihw", inverse_root, centred)


def macs_of_whitening(channels: int, values: int) -> int:
    """Multiply-adds for `values` values in each channel; the covariance's inverse root is not counted.

    A covariance reads each pair of channels, and so does the product that follows.
    """
    return 2 * channels**2 * values


def macs_of_normalising(channels: int, values: int) -> int:
    """Multiply-adds for `values` values in each channel: one each for the mean, the variance and the result."""
    return 3 * channels * values


def milliseconds(work: Callable[[], object], repeats: int = 3) -> float:
    """The shortest of several tries, on the CPU, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * min(times)
