"""Two convolutions with nothing between them are one: its weights, computed."""

import torch
from torch import Tensor


def compose(first: Tensor, second: Tensor) -> Tensor:
    """Weights of the one convolution that does what two without bias, stride and activation do one after another.

    torch's convolution adds up `weight[q] * x[p + q]`. So the second one reads at p + q what the first one made of
    x[p + q + r], and x[p + s] is met by every pair with q + r = s.

    With padding the two agree wherever the windows lie inside the grid; near the border the first convolution's own
    padding cuts off what it would have put out beyond.

    Args:
        first: (between, in_channels, h, w).
        second: (out_channels, between, h', w').

    Returns:
        (out_channels, in_channels, h + h' - 1, w + w' - 1)

    Raises:
        ValueError: not two such tensors, or the second does not read as many channels as the first puts out.
    """
    if first.ndim != 4 or second.ndim != 4 or first.shape[0] != second.shape[1]:
        raise ValueError(
            f"first is {tuple(first.shape)} and second is {tuple(second.shape)}; they must be (between, in, h, w) and "
            "(out, between, h', w'), with the same number between."
        )
    rows, columns = first.shape[2:]
    more_rows, more_columns = second.shape[2:]
    composed = first.new_zeros(second.shape[0], first.shape[1], rows + more_rows - 1, columns + more_columns - 1)
    for row in range(more_rows):
        for column in range(more_columns):
            part = torch.einsum("ob,bihw->oihw", second[:, :, row, column], first)
            composed[:, :, row : row + rows, column : column + columns] += part
    return composed
