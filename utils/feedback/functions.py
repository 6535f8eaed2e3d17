"""Does the learner's function give what the course's gives? One table of cases and slips for each exercise.

    same_function(
        answer,
        size_after,                                                   # the course's own, (size, layers) -> int
        [(12, [(5, 1, 2, False)]), (30, [])],                         # cases: the arguments of each call
        result=number(whole=True),                                    # what is given back
        slips={"The first place counts as well.": size_without_first},  # what a function with that slip gives
    )

Each call gets arguments of its own, and a function that changes them is refused by the argument's name. A slip is named only
where the function with that slip gives what the learner's gave: for this case, and for more of the cases than other slips.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from utils.feedback.answers import close, number_of, require_function, returned, same, several_of, tensor_of
from utils.feedback.exercises import Wrong, article

Function = Callable[..., Any]
LONG = 60  # characters; an argument that is longer is called by its shape, or by its name


@dataclass(frozen=True)
class Case:
    """One call: its arguments, and how a sentence calls it where that is not by its arguments."""

    arguments: tuple[Any, ...]
    text: str = ""


@dataclass(frozen=True)
class Kind:
    """What a function gives back: how it is read, when two are equal, and how one is written in a sentence.

    `read(result, case, wanted)` raises `Wrong` where it is something else.
    """

    read: Callable[[object, str, Any], Any]
    equal: Callable[[Any, Any], bool]
    text: Callable[[Any], str]
    difference: Callable[[Any, Any], str] = lambda mine, wanted: ""  # where two differ, in words


def number(*, whole: bool = False, within: float = 1e-4, unit: str = "", digits: int = 6) -> Kind:
    """One number: of Python, of numpy, a fraction, or a tensor with one element.

    Args:
        whole: a whole number (12.0 is one), equal to the last digit.
        within: relative, where it is not whole.
        unit: in a sentence, behind the number.
        digits: in a sentence.
    """

    def text(value: float) -> str:
        shown = f"{value:,}" if whole else f"{float(value):,.{digits}g}"
        return f"{shown} {unit}".strip()

    def equal(mine: float, wanted: float) -> bool:
        return mine == wanted if whole else close(float(mine), float(wanted), within)

    return Kind(lambda result, case, wanted: number_of(result, case, whole=whole), equal, text)


def tensor(*, within: float = 1e-4) -> Kind:
    """A tensor of the shape that is wanted, equal up to rounding."""

    def difference(mine: Tensor, wanted: Tensor) -> str:
        gap = (mine.detach().double() - wanted.detach().double()).abs()
        place = tuple(int(each) for each in np.unravel_index(int(gap.argmax()), gap.shape)) if gap.dim() else ()
        at = f" at [{', '.join(map(str, place))}]" if place else ""
        return (
            f"The largest difference is {gap.max():.3g}{at}: {mine[place].item():.5g} for {wanted[place].item():.5g}."
        )

    return Kind(
        lambda result, case, wanted: tensor_of(result, case, wanted.shape),
        lambda mine, wanted: close(mine.detach(), wanted.detach(), within),
        lambda value: f"a tensor of shape {tuple(value.shape)}",
        difference,
    )


def pair(first: Kind, second: Kind, names: tuple[str, str]) -> Kind:
    """Two results in a row: a tuple, a list, an array or a tensor of two. `names` says what they are."""
    return several((first, second), names)


def several(kinds: Sequence[Kind], names: Sequence[str]) -> Kind:
    """So many results in a row."""
    needed = f"{'a pair is' if len(kinds) == 2 else f'{len(kinds)} results are'} needed, ({', '.join(names)})"

    def read(result: object, case: str, wanted: Sequence[Any]) -> tuple[Any, ...]:
        found = several_of(result, len(kinds), case, needed)
        return tuple(kind.read(mine, case, want) for kind, mine, want in zip(kinds, found, wanted, strict=True))

    def equal(mine: Sequence[Any], wanted: Sequence[Any]) -> bool:
        return all(kind.equal(one, other) for kind, one, other in zip(kinds, mine, wanted, strict=True))

    def text(value: Sequence[Any]) -> str:
        return f"({', '.join(kind.text(each) for kind, each in zip(kinds, value, strict=True))})"

    def difference(mine: Sequence[Any], wanted: Sequence[Any]) -> str:
        wrong = [
            f"{name} is {kind.text(one)}, and {kind.text(other)} is expected"
            for name, kind, one, other in zip(names, kinds, mine, wanted, strict=True)
            if not kind.equal(one, other)
        ]
        return f"Your {'; your '.join(wrong)}." if len(wrong) < len(kinds) else ""

    return Kind(read, equal, text, difference)


def listed(each: Kind, *, what: str = "numbers", of: str = "") -> Kind:
    """A list, of any length, of results of one kind. `of` says what the right length is, in words."""

    def read(result: object, case: str, wanted: Sequence[Any]) -> list[Any]:
        if isinstance(result, str | Mapping | set) or not hasattr(result, "__len__"):
            raise Wrong(f"For {case} your function gives back {article(result)}; a list of {what} is needed.")
        found = list(result)  # type: ignore[call-overload]
        if len(found) != len(wanted):
            raise Wrong(
                f"For {case} your list has {len(found)} {what}; {len(wanted)} are expected{f': {of}' if of else ''}."
            )
        return [each.read(mine, case, want) for mine, want in zip(found, wanted, strict=True)]

    def difference(mine: Sequence[Any], wanted: Sequence[Any]) -> str:
        place = next(i for i, pair in enumerate(zip(mine, wanted, strict=True)) if not each.equal(*pair))
        return f"The first that differs is number {place + 1}: {each.text(mine[place])} for {each.text(wanted[place])}."

    return Kind(
        read,
        lambda mine, wanted: all(each.equal(one, other) for one, other in zip(mine, wanted, strict=True)),
        lambda value: f"[{', '.join(map(each.text, value))}]",
        difference,
    )


def value() -> Kind:
    """Anything that is compared by ==: a name, a choice, True or False, None."""
    return Kind(lambda result, case, wanted: _plain(result), lambda mine, wanted: mine == wanted, repr)


def same_function(
    answer: object,
    reference: Function,
    cases: Iterable[Case | tuple[Any, ...]],
    *,
    result: Kind,
    slips: Mapping[str, Function] | None = None,
    gradient: bool = False,
    said: Callable[[str, str, str], str] = "For {} you find {}; {} is expected.".format,
    but: type | tuple[type, ...] = nn.Module,
) -> None:
    """Raise `Wrong` with a sentence at the first case where the learner's function is not the course's.

    Args:
        answer: what the learner handed over.
        reference: the course's own function; its arguments' names are those of the sentences.
        cases: the arguments of each call; among them odd, unequal, negative, empty ones and both ends, as far as they can be.
        result: what the function gives back.
        slips: by the sentence that names a slip, a function of the same arguments that has it. The sentence may name
            arguments in braces, as in "{grid} × {grid} places".
        gradient: the gradient must flow back into every floating-point argument, with the reference's values.
        said: the sentence before the slip's, from the case, what was found and what is expected.
        but: kinds of things that can be called and are no function here.

    Raises:
        Wrong: another result, a changed argument, a lost gradient, or another result at a second call.
        NotImplementedError: the stub is still in it.
    """
    require_function(answer, but=but)
    comparison = _Comparison(answer, reference, result, slips or {}, said)  # type: ignore[arg-type]
    comparison.cases = [case if isinstance(case, Case) else Case(tuple(case)) for case in cases]
    for case in comparison.cases:
        comparison.one(case)
    if gradient:
        for case in comparison.cases:
            comparison.gradients(case)
    comparison.again()


@dataclass
class _Comparison:
    answer: Function
    reference: Function
    result: Kind
    slips: Mapping[str, Function]
    said: Callable[[str, str, str], str]
    cases: list[Case] = None  # type: ignore[assignment]

    def one(self, case: Case) -> None:
        text, wanted = self.text(case), self.wanted(case)
        given = copies(case.arguments)
        found = returned(self.answer(*given), text) if wanted is not None else self.answer(*given)
        for name, mine, own in zip(self.names(case), given, case.arguments, strict=True):
            if not same(mine, own):
                raise Wrong(
                    f"For {text} your function changes `{name}`: whoever calls it needs that as it was. Work on a copy of it, "
                    "or make a new one."
                )
        found = self.result.read(found, text, wanted)
        if self.result.equal(found, wanted):
            return
        sentence = self.said(text, self.result.text(found), self.result.text(wanted))
        slip = self.slip(case, found, wanted)
        raise Wrong(" ".join(filter(None, (sentence, slip or self.result.difference(found, wanted)))))

    def slip(self, case: Case, found: Any, wanted: Any) -> str:
        """The sentence of the slip that gives what was found; of several, of the one that does so for the most cases."""
        fitting = [
            sentence
            for sentence, slipped in self.slips.items()
            if self.gives(slipped, case, found) and not self.gives(slipped, case, wanted)
        ]
        if len(fitting) > 1:
            results = [self.found(each) for each in self.cases]

            def explained(sentence: str) -> int:
                slipped = self.slips[sentence]
                pairs = zip(self.cases, results, strict=True)
                return sum(mine is not None and self.gives(slipped, each, mine[0]) for each, mine in pairs)

            fitting.sort(key=explained, reverse=True)
        return _filled(fitting[0], self.names(case), case.arguments) if fitting else ""

    def gives(self, function: Function, case: Case, value: Any) -> bool:
        """Does a function give this for a case? One that stops gives nothing."""
        try:
            slipped = function(*copies(case.arguments))
            return self.result.equal(self.result.read(slipped, "", value), value)
        except Exception:
            return False

    def found(self, case: Case) -> tuple[Any] | None:
        """What the learner's function gives, or None where it stops or gives something else."""
        try:
            return (self.result.read(self.answer(*copies(case.arguments)), "", self.wanted(case)),)
        except Exception:
            return None

    def gradients(self, case: Case) -> None:
        mine, own = (
            _gradients(function, copies(case.arguments, gradient=True)) for function in (self.answer, self.reference)
        )
        text = self.text(case)
        if mine is None and own is not None:
            raise Wrong(
                f"For {text} the values are right, and no gradient flows back through them: is there a `detach`, a `no_grad`, "
                "an `item` or a new tensor made from numbers?"
            )
        for name, got, want in zip(self.names(case), mine or (), own or (), strict=bool(mine) == bool(own)):
            if want is None:
                continue
            if got is None:
                raise Wrong(f"For {text} the values are right, and no gradient flows back into `{name}`.")
            if not close(got, want, 1e-3):
                raise Wrong(
                    f"For {text} the values are right, and the gradient that flows back into `{name}` is not: a part of the "
                    "way from it to the result is cut, or there are two."
                )

    def again(self) -> None:
        """The same calls once more, from the last to the first."""
        for case in reversed(self.cases):
            wanted, text = self.wanted(case), self.text(case)
            found = self.result.read(self.answer(*copies(case.arguments)), text, wanted)
            if not self.result.equal(found, wanted):
                raise Wrong(
                    f"For {text} the first call gives {self.result.text(wanted)}, which is right, and a later one "
                    f"{self.result.text(found)}: your function keeps something from one call to the next. A list as a default "
                    "argument, or a variable outside of the function, does that."
                )

    def wanted(self, case: Case) -> Any:
        return self.reference(*copies(case.arguments))

    def names(self, case: Case) -> list[str]:
        """The arguments' names, as the course's function has them."""
        found = list(inspect.signature(self.reference).parameters)
        return [*found, *(f"argument {i + 1}" for i in range(len(found), len(case.arguments)))][: len(case.arguments)]

    def text(self, case: Case) -> str:
        if case.text:
            return case.text
        return ", ".join(f"{name}={written(each)}" for name, each in zip(self.names(case), case.arguments, strict=True))


def written(argument: object) -> str:
    """An argument in a sentence: a tensor by its shape, what is long by its kind."""
    if isinstance(argument, Tensor | np.ndarray) and argument.ndim:
        return f"{article(argument)} of shape {tuple(argument.shape)}"
    text = repr(argument)
    return (
        text
        if len(text) <= LONG
        else f"{article(argument)} of {len(argument)}"
        if hasattr(argument, "__len__")
        else text
    )


def copies(arguments: Any, *, gradient: bool = False) -> Any:
    """Arguments of one's own: deep copies, tensors cut off from where they come from.

    With `gradient`, tensors of floating-point numbers ask for their gradient.
    """
    if isinstance(arguments, Tensor):
        copied = arguments.detach().clone()
        return copied.requires_grad_(copied.is_floating_point() and (gradient or arguments.requires_grad))
    if type(arguments) in (list, tuple):
        return type(arguments)(copies(each, gradient=gradient) for each in arguments)
    return copy.deepcopy(arguments)


def _gradients(function: Function, arguments: Sequence[Any]) -> list[Tensor | None] | None:
    """The gradient that each tensor gets from a fixed weighting of the results; None where none flows at all."""
    found = function(*arguments)
    results = [each for each in (found if isinstance(found, tuple | list) else (found,)) if isinstance(each, Tensor)]
    if not any(each.requires_grad for each in results):
        return None
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(())
    for each in results:
        weights = torch.randn(each.shape, generator=generator)
        if each.requires_grad:
            total = total + (each * weights.to(each)).sum()
    total.backward()
    return [each.grad if isinstance(each, Tensor) else None for each in arguments]


def _filled(sentence: str, names: Sequence[str], arguments: Sequence[Any]) -> str:
    """A slip's sentence with the arguments that it names in braces."""
    for name, each in zip(names, arguments, strict=True):
        sentence = sentence.replace(f"{{{name}}}", written(each))
    return sentence


def _plain(result: object) -> object:
    """A number of numpy or of torch as Python's; everything else as it is."""
    return (
        result.item() if isinstance(result, np.generic) or (isinstance(result, Tensor) and result.ndim == 0) else result
    )
