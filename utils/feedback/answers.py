"""What a learner hands over, as the thing that a check needs; where it is something else, a sentence (`Wrong`) says what."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from utils.feedback.exercises import Wrong, article

Slips = Mapping[str, object]  # what a slip gives, by the sentence that names the slip
LONG = 60  # characters; what is longer is called by its shape, or by its kind


def require_function(answer: object, *, but: type | tuple[type, ...] = ()) -> None:
    """`but`: kinds of things that can be called and are no functions here, such as `type` or `nn.Module`.

    Raises:
        Wrong: the answer is something else.
    """
    if not callable(answer) or isinstance(answer, but):
        raise Wrong(f"Hand over the function itself, without calling it. This is {article(answer)}.")


def returned(answer: object, case: str) -> object:
    """A result, whatever it is.

    Raises:
        Wrong: there is none.
    """
    if answer is None:
        raise Wrong(f"For {case} your function gives back nothing. Is the `return` missing?")
    return answer


def several_of(answer: object, count: int, case: str, needed: str) -> Sequence[object]:
    """A result of so many things in a row: a tuple, a list, an array or a tensor. `needed` says what is needed, with a verb.

    Raises:
        Wrong: it is something else.
    """
    answer = returned(answer, case)
    in_a_row = isinstance(answer, tuple | list) or (isinstance(answer, Tensor | np.ndarray) and answer.ndim > 0)
    if not in_a_row or len(answer) != count:
        has = f"has {len(answer)}: " if in_a_row and hasattr(answer, "__len__") else "is "
        raise Wrong(f"For {case} {needed}; yours {has}{written(answer)}.")
    return list(answer)


def written(value: object) -> str:
    """A value in a sentence: a tensor by its shape, what is long by its kind."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim:
        return f"{article(value)} of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple | dict | set) and len(value) > LONG:
        return f"{article(value)} of {len(value)}"
    text = repr(value)
    return text if len(text) <= LONG else f"{article(value)} of {len(value)}" if hasattr(value, "__len__") else text


def number_of(answer: object, case: str) -> Real:
    """A result as a number; a tensor or an array that holds one counts as that number.

    Raises:
        Wrong: it is something else.
    """
    if isinstance(answer := returned(answer, case), Tensor | np.ndarray) and np.prod(answer.shape, dtype=int) != 1:
        kind = "a tensor" if isinstance(answer, Tensor) else "an array"
        raise Wrong(f"For {case} your function gives back {kind} of shape {tuple(answer.shape)}; one number is needed.")
    number = answer.item() if isinstance(answer, Tensor | np.generic | np.ndarray) else answer
    if isinstance(number, bool) or not isinstance(number, Real):
        raise Wrong(f"For {case} your function gives back {written(answer)}; one number is needed.")
    return number


def tensor_of(answer: object, case: str) -> Tensor:
    """A result as a tensor.

    Raises:
        Wrong: it is something else.
    """
    if not isinstance(answer := returned(answer, case), Tensor):
        raise Wrong(f"For {case} your function gives back {article(answer)}; a tensor is needed.")
    return answer


def close(mine: object, theirs: object, within: float = 1e-4) -> bool:
    """Are two numbers or tensors equal up to rounding? `within` is relative."""
    mine, theirs = torch.as_tensor(mine, dtype=torch.float64), torch.as_tensor(theirs, dtype=torch.float64)
    return mine.shape == theirs.shape and torch.allclose(mine, theirs, rtol=within, atol=1e-6)


def same(mine: Any, theirs: Any) -> bool:
    """Are two things equal to the last bit, tensors in lists, dictionaries and modules too?

    Two modules are where their tensors are, their modes, and which parameters are trained.
    """
    if isinstance(theirs, Tensor):
        alike = isinstance(mine, Tensor) and mine.dtype == theirs.dtype and mine.shape == theirs.shape
        return alike and (theirs.is_meta or torch.equal(mine, theirs))
    if isinstance(theirs, np.ndarray):
        return isinstance(mine, np.ndarray) and np.array_equal(mine, theirs, equal_nan=theirs.dtype.kind == "f")
    if isinstance(theirs, Mapping):
        return mine.keys() == theirs.keys() and all(same(mine[name], each) for name, each in theirs.items())
    if isinstance(theirs, nn.Module):
        return isinstance(mine, nn.Module) and same(_state_of(mine), _state_of(theirs))
    if isinstance(theirs, (list, tuple)):
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    return mine == theirs


def _state_of(module: nn.Module) -> tuple[object, ...]:
    modes = [(name, part.training) for name, part in module.named_modules()]
    trained = [(name, parameter.requires_grad) for name, parameter in module.named_parameters()]
    return dict(module.state_dict()), modes, trained


def expect(got: object, want: object, said: str, slips: Slips, within: float = 1e-4) -> None:
    """Raise `Wrong` with what is said and the sentence of the slip, unless the two are equal up to rounding."""
    if not close(got, want, within):
        raise Wrong(f"{said}{named_slip(got, want, slips, within)}")


def named_slip(got: object, want: object, slips: Slips, within: float = 1e-4) -> str:
    """The sentence of the slip that gives what the learner got, where one does and gives something else than is right."""
    for text, value in slips.items():
        if close(got, value, within) and not close(value, want, within):
            return f" {text}"
    return ""
