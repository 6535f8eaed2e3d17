"""Does an answer behave as the solution does? Decided without the checks: both are run on the same arguments, and all is compared
that a user of the answer could see: values, gradients, both modes of a module, what it leaves behind, its arguments afterwards.

`behaviour` turns an answer into plain data; two answers are the same if their data are (`first_difference`).
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Plain = Any  # nested lists, dictionaries, numbers, texts and tensors of float64

WITHIN = {"value": 1e-4, "gradient": 1e-3}  # of the largest value, in float32
EXACT = 1e-5  # of single numbers


@dataclass
class Call:
    """One call of an answer.

    Args:
        arguments, named: what it gets. They are made anew for every answer.
        images: shapes of inputs, where a module comes back.
        keeps_weights: the module's own weights matter; else they are replaced, by the order and shapes of the parameters.
        gradients: gradients are asked to flow from the result into the arguments, or from a module's result into its input.
        ordered: the order of a list, or of a module's channels, matters.
        arguments_stay: the arguments are to stay as they were.
        seen: turns a result into what the exercise asks of it, where that is less than everything.
    """

    arguments: tuple
    named: dict[str, object] = field(default_factory=dict)
    images: Sequence[tuple[int, ...]] = ()
    keeps_weights: bool = False
    gradients: bool = True
    ordered: bool = True
    arguments_stay: bool = True
    seen: Callable[[Any], Any] = lambda result: result


Cases = Callable[[], Iterator[Call]]  # the same calls, with fresh arguments, each time


@dataclass(frozen=True)
class Seen:
    """What came of one call."""

    facts: dict[str, Plain]
    ordered: bool


def behaviour(answer: Callable, cases: Cases, *, by_name: bool = False) -> list[Seen]:
    """What an answer does in all cases. `by_name`: weights are told apart by their names, not by their order."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in cases():
            found.append(Seen(_facts(answer, call, by_name, with_gradients=False), call.ordered))
        for call in cases():
            if call.gradients and _leaves((call.arguments, call.named)):
                found.append(Seen(_facts(answer, call, by_name, with_gradients=True), call.ordered))
    return found


def first_difference(mine: Sequence[Seen], theirs: Sequence[Seen]) -> str:
    """Where two behaviours differ first, or "" where they do not."""
    for number, (own, other) in enumerate(zip(mine, theirs, strict=True)):
        if own.facts.keys() != other.facts.keys():
            return f"case {number}: {_said(own.facts)} instead of {_said(other.facts)}"
        for name, value in other.facts.items():
            if not alike(own.facts[name], value, ordered=own.ordered, within=_within(name)):
                return f"case {number}: {name}"
    return ""


class Solution:
    """How the solution of an exercise behaves, found out once."""

    def __init__(self, answer: Callable, cases: Cases):
        self.cases = cases
        self._seen = {by_name: behaviour(answer, cases, by_name=by_name) for by_name in (False, True)}

    def difference(self, answer: Callable) -> str:
        """Where an answer behaves otherwise, or "" where it does the same.

        Weights are matched by their order, and where that does not fit by their names: one that fits is enough.
        """
        found = []
        for by_name, theirs in self._seen.items():
            found.append(first_difference(behaviour(answer, self.cases, by_name=by_name), theirs))
            if not found[-1]:
                return ""
        return found[0]


def _within(name: str) -> float:
    return WITHIN["gradient" if "gradient" in name else "value"]


def _said(facts: dict[str, Plain]) -> str:
    return str(facts.get("stopped") or "a result")


def _facts(answer: Callable, call: Call, by_name: bool, with_gradients: bool) -> dict[str, Plain]:
    arguments, named = call.arguments, call.named
    leaves: list[Tensor] = []
    if with_gradients:
        leaves = [leaf.requires_grad_() for leaf in _leaves((arguments, named))]
        arguments, named = _replaced((arguments, named), {id(leaf): leaf * 1 for leaf in leaves})
    torch.manual_seed(0)
    try:
        result = answer(*arguments, **named)
        facts = {"value": plain(call.seen(result), call)} if not isinstance(result, nn.Module) else {}
        if isinstance(result, nn.Module) and not with_gradients:
            facts |= _module_facts(result, call, by_name)
        if with_gradients:
            return facts | _gradients(result, leaves)
    except (Exception, RecursionError) as error:
        return {"stopped": type(error).__name__}
    return facts | ({"arguments afterwards": plain((arguments, named), call)} if call.arguments_stay else {})


def _gradients(result: object, leaves: list[Tensor]) -> dict[str, Plain]:
    outs = [each for each in _tensors(result) if each.is_floating_point()]
    facts: dict[str, Plain] = {"gradient flows": [each.requires_grad for each in outs]}
    outs = [each for each in outs if each.requires_grad]
    if outs:
        found = torch.autograd.grad(sum(each.cos().sum() for each in outs), leaves, allow_unused=True)
        facts["gradients into the arguments"] = [None if each is None else _still(each) for each in found]
    return facts


def _module_facts(module: nn.Module, call: Call, by_name: bool) -> dict[str, Plain]:
    """What a module does with images in both modes, and what that leaves behind."""
    if any(isinstance(each, nn.modules.lazy.LazyModuleMixin) for each in module.modules()):
        with torch.no_grad():
            module.eval()(_images(call.images[0], 1.0))
        module.train()
    if not call.keeps_weights:
        _fill(module, by_name)
    names = _keys(module, by_name)
    facts: dict[str, Plain] = {
        "parameters": Counter(tuple(each.shape) for each in module.parameters()),
        "trained": sorted((names[id(each)], each.requires_grad) for each in module.parameters()),
        "mode": module.training,
    }
    for number, shape in enumerate(call.images):
        for training in (False, True):
            module.train(training)
            for scale in (1.0, 0.03):
                where = f"image {number} of {shape} x {scale}, {'training' if training else 'evaluation'}"
                images = _images(shape, scale)
                leaf = images.clone().requires_grad_()
                given = leaf * 1
                before = [_still(each) for each in given]
                torch.manual_seed(1)
                try:
                    result = module(given)
                    facts[f"{where}: value"] = plain(result, call)
                    facts[f"{where}: images afterwards"] = alike(before, [_still(each) for each in given])
                    outs = [each for each in _tensors(result) if each.requires_grad]
                    facts[f"{where}: gradient flows"] = bool(outs)
                    if outs and scale == 1.0:
                        module.zero_grad()
                        parameters = [each for each in module.parameters() if each.requires_grad]
                        into = torch.autograd.grad(
                            sum(each.cos().sum() for each in outs), [leaf, *parameters], allow_unused=True
                        )
                        if call.gradients:
                            facts[f"{where}: gradient into the images"] = None if into[0] is None else _still(into[0])
                        # A bias in front of a batch norm has none but rounding, another one on each processor.
                        largest = max((grad.abs().max().item() for grad in into[1:] if grad is not None), default=0.0)
                        facts[f"{where}: gradients into the parameters"] = {
                            names[id(each)]: None
                            if grad is None
                            else _still(grad * float(grad.abs().max() > ROUNDING * largest))
                            for each, grad in zip(parameters, into[1:], strict=True)
                        }
                except (Exception, RecursionError) as error:
                    facts[f"{where}: stopped"] = type(error).__name__
        names |= _keys(module, by_name)  # an answer may have put others in their places
        facts[f"image {number}: statistics"] = {
            names[id(each)]: _still(each) for each in module.buffers() if each.is_floating_point()
        }
    module.eval()
    facts["norms and dropouts still in training"] = [
        each.training for each in module.modules() if isinstance(each, (nn.modules.batchnorm._NormBase, nn.Dropout))
    ]
    facts["train() gives back the module"] = module.train() is module
    facts["norms and dropouts in training"] = [
        each.training for each in module.modules() if isinstance(each, (nn.modules.batchnorm._NormBase, nn.Dropout))
    ]
    return facts


def _images(shape: tuple[int, ...], scale: float) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape))) * scale


def _keys(module: nn.Module, by_name: bool) -> dict[int, str]:
    """A key for each parameter and buffer: its name, or what it is, its shape and its place among those of that shape."""
    keys: dict[int, str] = {}
    counts: Counter = Counter()
    for name, each in [*module.named_parameters(), *module.named_buffers()]:
        kind = "variance" if name.endswith("var") else "weights" if isinstance(each, nn.Parameter) else "statistics"
        key = f"{kind} of {tuple(each.shape)}"
        keys[id(each)] = f"{kind} {name}" if by_name else f"{key} no. {counts[key]}"
        counts[key] += 1
    return keys


def _fill(module: nn.Module, by_name: bool) -> None:
    """Weights and statistics that follow from their keys alone, nowhere zero or one."""
    keys = _keys(module, by_name)
    with torch.no_grad():
        for each in [*module.parameters(), *module.buffers()]:
            if not each.is_floating_point():
                continue
            key = keys[id(each)]
            seed = sum(place * ord(letter) for place, letter in enumerate(key, start=1))
            values = torch.randn(each.shape, generator=torch.Generator().manual_seed(seed))
            if key.startswith("variance"):
                each.copy_(values.abs() + 0.5)
            elif key.startswith("statistics"):
                each.copy_(values / 2)
            else:
                each.copy_(values * (2 / (each[0].numel() if each.dim() > 1 else 4)) ** 0.5)


# Plain data.


def plain(value: object, call: Call | None = None) -> Plain:
    """A value as plain data. Numbers of all kinds are the same if they are equal; so are lists and tuples."""
    if isinstance(value, Tensor):
        return float(value) if value.dim() == 0 and not value.is_meta else _still(value)
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), call)
    if isinstance(value, (Real, Fraction, np.generic)):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each, call) for key, each in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [plain(each, call) for each in value]
    if isinstance(value, nn.Module):
        return {
            "state": {name: _still(each) for name, each in value.state_dict().items()},
            "modes": [each.training for each in value.modules()],
            "trained": [each.requires_grad for each in value.parameters()],
            "gradients": [each.grad is None for each in value.parameters()],
        }
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name), call) for each in fields(value)}
    if hasattr(value, "_fields"):
        return [plain(each, call) for each in value]
    if isinstance(value, Sequence):
        return [plain(each, call) for each in value]
    return repr(type(value))


def _still(tensor: Tensor) -> Plain:
    if tensor.is_meta:  # it has no values
        return str(tuple(tensor.shape))
    return tensor.detach().to(torch.float64, copy=True)


ROUNDING = 1e-5  # of the largest gradient: what is below is none


def alike(mine: Plain, theirs: Plain, *, ordered: bool = True, within: float = WITHIN["value"]) -> bool:
    """Are two plain things the same up to rounding? Unless `ordered`, lists and channels may stand in another order."""
    if isinstance(theirs, Tensor) and isinstance(mine, Tensor):
        if _close(mine, theirs, within):
            return True
        return not ordered and mine.shape == theirs.shape and mine.dim() == 4 and _close(
            _sorted(mine), _sorted(theirs), within
        )  # fmt: skip
    if isinstance(theirs, Tensor) or isinstance(mine, Tensor):
        tensor, other = (theirs, mine) if isinstance(theirs, Tensor) else (mine, theirs)
        return tensor.dim() == 0 and isinstance(other, (float, bool)) and alike(float(tensor), float(other))
    if isinstance(theirs, (float, bool)) and isinstance(mine, (float, bool)):
        return mine == theirs or abs(mine - theirs) <= EXACT * abs(theirs) or (mine != mine and theirs != theirs)
    if isinstance(theirs, dict) and isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(
            alike(mine[name], each, ordered=ordered, within=within) for name, each in theirs.items()
        )
    if isinstance(theirs, list) and isinstance(mine, list):
        if len(mine) != len(theirs):
            return False
        if not ordered:
            mine, theirs = sorted(mine, key=repr), sorted(theirs, key=repr)
        return all(alike(own, other, ordered=ordered, within=within) for own, other in zip(mine, theirs, strict=True))
    return type(mine) is type(theirs) and mine == theirs


def _close(mine: Tensor, theirs: Tensor, within: float) -> bool:
    if mine.shape != theirs.shape:
        return False
    if not torch.equal(mine.isfinite(), theirs.isfinite()):
        return False
    mine, theirs = mine.nan_to_num(0, 1, -1), theirs.nan_to_num(0, 1, -1)
    return theirs.numel() == 0 or bool((mine - theirs).abs().max() <= within * theirs.abs().max().clamp(min=1e-9))


def _sorted(values: Tensor) -> Tensor:
    return values[:, values.transpose(0, 1).flatten(1).sum(dim=1).argsort()]


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [found for each in value.values() for found in _tensors(each)]
    if isinstance(value, (list, tuple)):
        return [found for each in value for found in _tensors(each)]
    if is_dataclass(value) and not isinstance(value, type):
        return [found for each in fields(value) for found in _tensors(getattr(value, each.name))]
    return []


def _leaves(value: object) -> list[Tensor]:
    return [each for each in _tensors(value) if each.is_floating_point()]


def _replaced(value: Any, by: dict[int, Tensor]) -> Any:
    if isinstance(value, Tensor):
        return by.get(id(value), value)
    if isinstance(value, dict):
        return {name: _replaced(each, by) for name, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_replaced(each, by) for each in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_replaced(each, by) for each in value)
    if is_dataclass(value) and not isinstance(value, type) and _tensors(value):
        return type(value)(**{each.name: _replaced(getattr(value, each.name), by) for each in fields(value)})
    return value
