"""An Inception module's towers as one grouped convolution, and separable convolutions as dense ones.

Figures 2 to 4 of "Xception" (arXiv 1610.02357), and what the order of the two halves changes.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from networks.layers import Branches, padding_of, require_positive


class Towers(Branches):
    """Figure 2: an Inception module with one kind of tower only, a 1 x 1 and then a 3 x 3, so many side by side.

    (N, in_channels, H, W) -> (N, count * out_channels, H, W). No biases, and nothing between the two.

    Args:
        in_channels: channels in.
        count: how many towers.
        reduce: channels between the 1 x 1 and the 3 x 3 of each tower.
        out_channels: channels that each tower puts out; as many as `reduce` where no number is given.
    """

    def __init__(self, in_channels: int, *, count: int, reduce: int, out_channels: int | None = None):
        require_positive(in_channels=in_channels, count=count, reduce=reduce)
        super().__init__()
        for number in range(count):
            tower = nn.Sequential(
                nn.Conv2d(in_channels, reduce, 1, bias=False),
                nn.Conv2d(reduce, out_channels or reduce, 3, padding=1, bias=False),
            )
            self.add_module(f"tower_{number}", tower)


def as_grouped(towers: Sequence[nn.Sequential]) -> nn.Sequential:
    """Figures 3 and 4: one 1 x 1 for all towers, and one 3 x 3 with a group for each; weights copied.

    (N, C, H, W) -> what the towers put out, concatenated

    Args:
        towers: each a 1 x 1 and a 3 x 3 convolution without biases, of the same widths in all of them.
    """
    towers = list(towers)
    first, second = towers[0]
    count = len(towers)
    pointwise = nn.Conv2d(first.in_channels, count * first.out_channels, 1, bias=False)
    spatial = nn.Conv2d(count * first.out_channels, count * second.out_channels, 3, padding=1, groups=count, bias=False)
    with torch.no_grad():
        pointwise.weight.copy_(torch.cat([tower[0].weight for tower in towers]))
        spatial.weight.copy_(torch.cat([tower[1].weight for tower in towers]))
    return nn.Sequential(pointwise, spatial)


DEPTHWISE_FIRST, POINTWISE_FIRST = "depthwise first", "pointwise first"
ORDERS = (DEPTHWISE_FIRST, POINTWISE_FIRST)


class Separable(nn.Sequential):
    """A separable convolution in either order; with `activation` a ReLU between the halves. No biases.

    (N, in_channels, H, W) -> (N, out_channels, H, W)

    Raises:
        ValueError: another order than those of `ORDERS`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        order: str = DEPTHWISE_FIRST,
        activation: bool = False,
    ):
        if order not in ORDERS:
            raise ValueError(f"order is {order!r}; it can be {' or '.join(map(repr, ORDERS))}.")
        channels = in_channels if order == DEPTHWISE_FIRST else out_channels
        padding = padding_of("same", kernel_size)
        depthwise = nn.Conv2d(channels, channels, kernel_size, padding=padding, groups=channels, bias=False)
        pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        halves = [depthwise, pointwise] if order == DEPTHWISE_FIRST else [pointwise, depthwise]
        super().__init__(halves[0], *([nn.ReLU()] if activation else []), halves[1])


def as_dense(pointwise: Tensor, depthwise: Tensor, order: str) -> Tensor:
    """The weights of the one dense convolution that a separable one without an activation is.

    Depthwise first, output o reads input i through P[o, i] D[i]; pointwise first, through P[o, i] D[o].

    Args:
        pointwise: (out_channels, in_channels, 1, 1).
        depthwise: (C, 1, k, k), with C the input's channels if it comes first, else the output's.
        order: one of `ORDERS`.

    Returns:
        (out_channels, in_channels, k, k).
    """
    windows = depthwise.transpose(0, 1) if order == DEPTHWISE_FIRST else depthwise  # (1, in, k, k) or (out, 1, k, k)
    return pointwise * windows


def difference_of_orders(build: Callable[..., nn.Module], windows: int, *, channels: int = 6) -> float:
    """The largest difference between both orders on random values, with the same weights in both, as a share of the largest output.

    Args:
        build: makes a separable convolution from `in_channels`, `out_channels` and `order`, as `Separable` does.
        windows: how many different ones the channels have: `channels` for one each, 1 for one that all share.
        channels: channels in and out.
    """
    draws = torch.Generator().manual_seed(0)
    mix = torch.randn(channels, channels, 1, 1, generator=draws)
    window = torch.randn(windows, 1, 3, 3, generator=draws).expand(channels, 1, 3, 3)
    x = torch.randn(1, channels, 9, 9, generator=draws)
    results = []
    with torch.no_grad():
        for order in ORDERS:
            module = build(channels, channels, order=order)
            for conv in (part for part in module.modules() if isinstance(part, nn.Conv2d)):
                conv.weight.copy_(mix if conv.kernel_size == (1, 1) else window)
            results.append(module(x))
    return ((results[0] - results[1]).abs().max() / results[0].abs().max()).item()
