"""What a learner hands over, as the thing that a check needs; where it is something else, a sentence (`Wrong`) says what."""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from utils.feedback.exercises import Wrong, article

Slips = Mapping[str, object]  # what a slip gives, by the sentence that names the slip


def require_function(answer: object, *, but: type | tuple[type, ...] = ()) -> None:
    """`but`: kinds of things that can be called and are no functions here, such as `type` or `nn.Module`.

    Raises:
        Wrong: the answer is something else.
    """
    if not callable(answer) or isinstance(answer, but):
        raise Wrong(f"Hand over the function itself, without calling it. This is {article(answer)}.")


def number_of(answer: object, case: str, *, whole: bool = False, what: str = "your function gives back") -> int | float:
    """A result as a number; a tensor that holds one counts as that number.

    Args:
        case: for which input.
        whole: a whole number is needed (12.0 is one).
        what: what it is, with a verb: the sentence goes on with the answer.

    Raises:
        Wrong: it is something else.
    """
    if answer is None:
        raise Wrong(f"For {case} {what} nothing. Is the `return` missing?")
    if isinstance(answer, Tensor) and answer.numel() != 1:
        raise Wrong(f"For {case} {what} a tensor of shape {tuple(answer.shape)}; one number is needed.")
    number = answer.item() if isinstance(answer, (Tensor, np.generic)) else answer
    if isinstance(number, bool) or not isinstance(number, Real):
        raise Wrong(f"For {case} {what} {answer!r}; {'a whole' if whole else 'one'} number is needed.")
    if not whole:
        return number
    if number != number or number in (float("inf"), float("-inf")) or number != int(number):
        raise Wrong(f"For {case} {what} {answer!r}; a whole number is needed: divide with `//`, which rounds down.")
    return int(number)


def tensor_of(answer: object, case: str, shape: Sequence[int]) -> Tensor:
    """A result as a tensor of this shape.

    Raises:
        Wrong: it is something else.
    """
    if answer is None:
        raise Wrong(f"For {case} your function gives back nothing. Is the `return` missing?")
    if not isinstance(answer, Tensor):
        raise Wrong(f"For {case} your function gives back {article(answer)}; a tensor is needed.")
    return shaped(answer, case, shape)


def shaped(tensor: Tensor, case: str, shape: Sequence[int]) -> Tensor:
    """The tensor, if it has this shape.

    Raises:
        Wrong: it has another.
    """
    if tuple(tensor.shape) != tuple(shape):
        raise Wrong(f"For {case} your tensor has shape {tuple(tensor.shape)}; {tuple(shape)} is expected.")
    return tensor


def close(mine: object, theirs: object, within: float = 1e-4) -> bool:
    """Are two numbers or tensors equal up to rounding? `within` is relative."""
    mine, theirs = torch.as_tensor(mine, dtype=torch.float64), torch.as_tensor(theirs, dtype=torch.float64)
    return mine.shape == theirs.shape and torch.allclose(mine, theirs, rtol=within, atol=1e-6)


def named_slip(got: object, want: object, slips: Slips) -> str:
    """The sentence of the slip that gives what the learner got, where one does and gives something else than is right."""
    return next((f" {text}" for text, value in slips.items() if close(got, value) and not close(value, want)), "")
