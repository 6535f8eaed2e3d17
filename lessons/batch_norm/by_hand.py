"""Batch normalisation written out: algorithms 1 and 2 and the gradients of section 3 of arXiv 1502.03167.

For images: every channel is normalised over the batch and all places of its grid (section 3.2). torch's own layer,
`nn.BatchNorm2d`, computes the same, faster; the course's networks use that one.
"""

import torch
from torch import Tensor, nn

OVER = (0, 2, 3)  # of (N, C, H, W): all but the channels


def per_channel(values: Tensor) -> Tensor:
    """(C,) -> (1, C, 1, 1), which fits beside (N, C, H, W)."""
    return values.view(1, -1, 1, 1)


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel: (N, C, H, W) -> (C,), (C,)."""
    return x.mean(dim=OVER), x.var(dim=OVER, unbiased=False)


def normalise(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """Algorithm 1, in training: (N, C, H, W) -> (N, C, H, W); gamma and beta are (C,)."""
    mean, variance = statistics(x)
    normalised = (x - per_channel(mean)) / torch.sqrt(per_channel(variance) + eps)
    return per_channel(gamma) * normalised + per_channel(beta)


def normalise_backward(dy: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    """The loss's gradients with respect to x, gamma and beta of `normalise`, from that for its result.

    The six lines of section 3 in three.

    dy and x are (N, C, H, W), gamma is (C,). Returns (dx, dgamma, dbeta) of the shapes of x, gamma and beta.
    """
    mean, variance = statistics(x)
    deviation = torch.sqrt(per_channel(variance) + eps)
    normalised = (x - per_channel(mean)) / deviation
    dgamma, dbeta = (dy * normalised).sum(dim=OVER), dy.sum(dim=OVER)
    values = x.numel() / x.shape[1]  # that each mean is taken over
    dx = per_channel(gamma) / deviation * (dy - per_channel(dbeta / values) - normalised * per_channel(dgamma / values))
    return dx, dgamma, dbeta


class BatchNorm2d(nn.Module):
    """Both modes of batch normalisation, as `nn.BatchNorm2d` has them: (N, C, H, W) -> (N, C, H, W).

    In training, the batch's own statistics, and the running ones follow them by a share of `momentum`. torch keeps the
    unbiased variance in the running statistics while it normalises by the biased one; so does this. In evaluation, the
    running statistics (section 3.1 takes averages over batches for them, with the unbiased variance as well).

    Raises:
        ValueError: in training, a single value a channel, as torch: it has no variance.
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))  # gamma
        self.bias = nn.Parameter(torch.zeros(channels))  # beta
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self.running_mean, self.running_var
        if self.training:
            if x.numel() == x.shape[1]:
                raise ValueError(
                    f"x is {tuple(x.shape)}: one value a channel, and statistics of one value normalise it to 0. "
                    "In training, use two images or more, or a larger grid."
                )
            mean, variance = statistics(x)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(dim=OVER), self.momentum)
        normalised = (x - per_channel(mean)) / torch.sqrt(per_channel(variance) + self.eps)
        return per_channel(self.weight) * normalised + per_channel(self.bias)
