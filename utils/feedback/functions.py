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

import contextlib
import copy
import inspect
import math
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from utils.feedback.answers import close, number_of, require_function, returned, same, several_of, tensor_of, written
from utils.feedback.exercises import Wrong, article, explain
from utils.feedback.undoing import before_reasons, is_known, undone

Function = Callable[..., Any]
MANY = 8  # numbers of a list that a sentence shows


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
    said: str = "For {} you find {}; {} is expected."  # the case, and the texts of what was found and is expected
    parts: tuple["Kind", ...] = ()  # of a result in parts: the kind of each
    order: tuple[int, ...] = ()  # of a result in parts: the one on which no other depends comes first
    none: bool = False  # None may be right


def number(*, whole: bool = False, within: float = 1e-4, unit: str = "", digits: int = 6) -> Kind:
    """One number: of Python, of numpy, a fraction, or a tensor with one element.

    Args:
        whole: a whole number (12.0 is one), equal to the last digit.
        within: relative, where it is not whole.
        unit: in a sentence, behind the number.
        digits: in a sentence.
    """

    def read(result: object, case: str, wanted: Any) -> Any:
        """A tensor of several numbers stays what it is: a slip may give it."""
        if isinstance(result, Tensor) and result.numel() != 1:
            return result.detach()
        found = number_of(result, case)
        return int(found) if whole and _is_whole(found) else found

    def text(value: Any) -> str:
        if isinstance(value, Tensor):
            return written(value)
        shown = f"{value:,}" if whole and isinstance(value, int) else f"{float(value):,.{digits}g}"
        return f"{shown} {unit}".strip()

    def equal(mine: Any, wanted: Any) -> bool:
        if isinstance(mine, Tensor) or isinstance(wanted, Tensor):
            return isinstance(mine, Tensor) and isinstance(wanted, Tensor) and _near(mine, wanted, within)
        if mine != mine or wanted != wanted:
            return mine != mine and wanted != wanted
        return mine == wanted if whole else close(float(mine), float(wanted), within)

    def difference(mine: Any, wanted: Any) -> str:
        if isinstance(mine, Tensor):
            return "One number is needed."
        if not whole or _is_whole(mine):
            return ""
        down = "; rounded down, yours is right: divide with `//`" if mine // 1 == wanted else ""
        return f"A whole number is needed{down}."

    return Kind(read, equal, text, difference)


def _is_whole(value: float) -> bool:
    return math.isfinite(value) and value == int(value)


def tensor(*, within: float = 1e-4) -> Kind:
    """A tensor, equal in shape, and in its values up to rounding."""

    def read(result: object, case: str, wanted: Tensor) -> Tensor:
        found = tensor_of(result, case)
        if found.is_complex() and not wanted.is_complex():
            raise Wrong(f"For {case} your tensor holds complex numbers; real ones are expected.")
        return found

    def difference(mine: Tensor, wanted: Tensor) -> str:
        if mine.shape != wanted.shape:
            return f"It has shape {tuple(mine.shape)}; {tuple(wanted.shape)} is expected."
        gap = (mine.detach().double() - wanted.detach().double()).abs()
        place = tuple(int(each) for each in np.unravel_index(int(gap.argmax()), gap.shape)) if gap.dim() else ()
        at = f" at [{', '.join(map(str, place))}]" if place else ""
        found, right = mine[place].item(), wanted[place].item()
        if not np.isfinite(found):
            return f"It is {found}{at}, where {right:.5g} is expected."
        return f"The largest difference is {gap.max():.3g}{at}: {found:.5g} for {right:.5g}."

    return Kind(
        read,
        lambda mine, wanted: _near(mine, wanted, within),
        lambda value: f"a tensor of shape {tuple(value.shape)}",
        difference,
        said="For {} your result is not right.",
    )


def _near(mine: Tensor, wanted: Tensor, within: float) -> bool:
    """Equal in shape, and up to rounding; what is no number is equal to what is none.

    A number near 0 is rounded as coarsely as the largest beside it.
    """
    mine, wanted = mine.detach().double(), wanted.detach().double()
    largest = wanted[wanted.isfinite()].abs().amax().item() if wanted.isfinite().any() else 0.0
    rounding = 1e-6 * max(1.0, largest)
    return mine.shape == wanted.shape and torch.allclose(mine, wanted, rtol=within, atol=rounding, equal_nan=True)


def optional(kind: Kind) -> Kind:
    """A result of that kind, or None where nothing else is right."""

    def read(result: object, case: str, wanted: Any) -> Any:
        return result if result is None or wanted is None else kind.read(result, case, wanted)

    def text(value: Any) -> str:
        try:
            return written(value) if value is None else kind.text(value)
        except Exception:  # a result of no kind, where None is right
            return written(value)

    return replace(
        kind,
        read=read,
        equal=lambda mine, wanted: mine is wanted if mine is None or wanted is None else kind.equal(mine, wanted),
        text=text,
        difference=lambda mine, wanted: "" if mine is None or wanted is None else kind.difference(mine, wanted),
        none=True,
    )


def pair(first: Kind, second: Kind, names: tuple[str, str]) -> Kind:
    """Two results in a row: a tuple, a list, an array or a tensor of two. `names` says what they are."""
    return several((first, second), names)


def several(kinds: Sequence[Kind], names: Sequence[str], *, order: Sequence[int] = ()) -> Kind:
    """So many results in a row.

    `order` has their places, first that of the result on which no other depends: where several are wrong, that one is
    told, and the slip in it.
    """
    needed = f"{'a pair is' if len(kinds) == 2 else f'{len(kinds)} results are'} needed, ({', '.join(names)})"

    def rows(result: object, case: str) -> Sequence[object]:
        return several_of(result, len(kinds), case, needed)

    return _in_parts(rows, needed, kinds, names, order)


def keyed(kinds: Mapping[str, Kind], *, order: Sequence[int] = ()) -> Kind:
    """A dictionary with these keys; it may have more. `order` as in `several`."""
    needed = f"a dictionary with the keys {', '.join(map(repr, kinds))} is needed"

    def rows(result: object, case: str) -> Sequence[object]:
        if not isinstance(returned(result, case), Mapping):
            raise Wrong(f"For {case} {needed}; your function gives back {article(result)}.")
        missing = [name for name in kinds if name not in result]  # type: ignore[operator]  # a mapping, as looked at above
        if missing:
            raise Wrong(f"For {case} {needed}; {', '.join(map(repr, missing))} {_is(missing)} missing in yours.")
        return [result[name] for name in kinds]  # type: ignore[index]  # a mapping, as looked at above

    return _in_parts(rows, needed, list(kinds.values()), [repr(name) for name in kinds], order)


def _in_parts(
    rows: Callable[[object, str], Sequence[object]],
    needed: str,
    kinds: Sequence[Kind],
    names: Sequence[str],
    order: Sequence[int],
) -> Kind:
    """Results in parts, from what takes them apart. What is read is a tuple, of the dictionary too."""
    places = tuple(order) or tuple(range(len(kinds)))

    def read(result: object, case: str, wanted: Any) -> tuple[Any, ...]:
        right = wanted if isinstance(wanted, tuple) else rows(wanted, case)
        if _is_one_tensor(result, right):
            raise Wrong(f"For {case} {needed}; yours is {written(result)}.")
        found = rows(result, case)
        about = [f"{case}, {name}," if case else "" for name in names]
        for name, mine, kind in zip(names, found, kinds, strict=True):
            if mine is None and not kind.none:
                raise Wrong(f"For {case} your {name} is None.")
        return tuple(
            kind.read(mine, what, want) for kind, mine, what, want in zip(kinds, found, about, right, strict=True)
        )

    def equal(mine: Sequence[Any], wanted: Sequence[Any]) -> bool:
        return all(kind.equal(one, other) for kind, one, other in zip(kinds, mine, wanted, strict=True))

    def text(value: Sequence[Any]) -> str:
        return f"({', '.join(kind.text(each) for kind, each in zip(kinds, value, strict=True))})"

    def difference(mine: Sequence[Any], wanted: Sequence[Any]) -> str:
        wrong = [place for place in places if not kinds[place].equal(mine[place], wanted[place])]
        if (
            len(wrong) == len(kinds)
            and not order
            and not any(kind.difference(*each) for kind, *each in zip(kinds, mine, wanted, strict=True))
        ):
            return ""
        return _apart(kinds[wrong[0]], names[wrong[0]], mine[wrong[0]], wanted[wrong[0]])

    plain = all(kind.said == Kind.said for kind in kinds)
    return Kind(
        read,
        equal,
        text,
        difference,
        said=Kind.said if plain else "For {} your result is not right.",
        parts=tuple(kinds),
        order=places,
    )


def _apart(kind: Kind, name: str, mine: Any, wanted: Any) -> str:
    """One part of a result that is wrong, in words."""
    where = kind.difference(mine, wanted)
    if where:
        return f"Your {name} is wrong. {where}"
    return f"For {name} you find {kind.text(mine)}; {kind.text(wanted)} is expected."


def _is(several: Sequence[object]) -> str:
    return "is" if len(several) == 1 else "are"


def _is_one_tensor(result: object, wanted: Sequence[Any]) -> bool:
    """Is it one tensor, whose rows are no such tensors as are wanted?"""
    if not isinstance(result, Tensor) or not result.ndim:
        return False
    return any(isinstance(each, Tensor) and each.shape != result.shape[1:] for each in wanted)


def listed(each: Kind, *, what: str = "numbers", of: str = "") -> Kind:
    """A list, of any length, of results of one kind. `of` says what the right length is, in words."""

    def read(result: object, case: str, wanted: Sequence[Any]) -> list[Any]:
        if isinstance(result, str | Mapping | set) or not hasattr(result, "__len__"):
            raise Wrong(f"For {case} your function gives back {article(result)}; a list of {what} is needed.")
        if _is_one_tensor(result, wanted):
            raise Wrong(f"For {case} your function gives back one tensor; a list of {what} is needed.")
        found = list(result)  # type: ignore[call-overload]  # it has a length, as looked at above
        likes = [*wanted[: len(found)], *[wanted[-1]] * (len(found) - len(wanted))] if len(wanted) else found
        about = [f"{case}, number {place + 1}," if case else "" for place in range(len(found))]
        return [each.read(mine, text, like) for mine, text, like in zip(found, about, likes, strict=True)]

    def equal(mine: Sequence[Any], wanted: Sequence[Any]) -> bool:
        return len(mine) == len(wanted) and all(map(each.equal, mine, wanted))

    def text(value: Sequence[Any]) -> str:
        shown = [each.text(one) for one in value]
        return f"[{', '.join(shown if len(shown) <= MANY else [*shown[: MANY - 1], '…'])}]"

    def difference(mine: Sequence[Any], wanted: Sequence[Any]) -> str:
        if len(mine) != len(wanted):
            count = f"{len(mine)} {what}" if len(mine) != 1 else f"one of the {what}"
            return f"Your list has {count}; {len(wanted)} are expected{f': {of}' if of else ''}."
        place = next(i for i, pair in enumerate(zip(mine, wanted, strict=True)) if not each.equal(*pair))
        inside = each.difference(mine[place], wanted[place])
        if inside:
            return f"The first that differs is number {place + 1}. {inside}"
        return f"The first that differs is number {place + 1}: {each.text(mine[place])} for {each.text(wanted[place])}."

    return Kind(read, equal, text, difference, said=each.said)


def value() -> Kind:
    """Anything that is compared by ==: a name, a choice, True or False, None."""
    return Kind(lambda result, case, wanted: _plain(result), lambda mine, wanted: mine == wanted, repr)


def same_function(
    answer: object,
    reference: Function,
    cases: Iterable[Case | tuple[Any, ...]],
    *,
    result: Kind,
    slips: Mapping[str, Any] | None = None,
    gradient: bool = False,
    said: Callable[[str, str, str], str] | None = None,
    stops: Callable[..., str] | None = None,
    but: type | tuple[type, ...] = nn.Module,
) -> None:
    """Raise `Wrong` with a sentence at the first case where the learner's function is not the course's.

    Args:
        answer: what the learner handed over.
        reference: the course's own function; its arguments' names are those of the sentences. Where it raises a ValueError,
            the learner's has to.
        cases: the arguments of each call; among them odd, unequal, negative, empty ones and both ends, as far as they can be.
        result: what the function gives back.
        slips: by the sentence that names a slip, a function of the same arguments that has it, or several that do. The
            sentence may name arguments in braces, as in "{grid} × {grid} places".
        gradient: the gradient must flow back into every floating-point argument, with the reference's values.
        said: the sentence before the slip's, from the case, what was found and what is expected; else the kind's own.
        stops: a sentence about an error of the learner's code, from the error and the arguments, or "".
        but: kinds of things that can be called and are no function here.

    Raises:
        Wrong: code that stops, another result, a changed argument, a lost gradient, or another result at a second call.
        NotImplementedError: the stub is still in it.
    """
    require_function(answer, but=but)
    kept = [case if isinstance(case, Case) else Case(tuple(case)) for case in cases]
    told = {text: tuple(slip) if isinstance(slip, Sequence) else (slip,) for text, slip in (slips or {}).items()}
    comparison = _Comparison(answer, reference, result, told, said or result.said.format, stops, kept)  # type: ignore[arg-type]  # a function, as looked at above
    for case in kept:
        try:
            comparison.one(case)
        except Wrong as wrong:
            slip = "" if comparison.is_named else comparison.undone(case, wrong.__cause__)
            refused = Wrong(f"{wrong} {slip}") if slip else wrong
            refused.is_searched = comparison.is_named or is_known(answer)
            raise refused from wrong.__cause__
    for case in kept if gradient else ():
        comparison.gradients(case)
    comparison.again()


class _Refusal:
    """A ValueError that the learner's function raises, as opposed to one that it gives back."""


@dataclass
class _Comparison:
    answer: Function
    reference: Function
    result: Kind
    slips: Mapping[str, Sequence[Function]]
    said: Callable[[str, str, str], str]
    stops: Callable[..., str] | None
    cases: Sequence[Case]
    is_named: bool = False  # what is wrong is told already

    def one(self, case: Case) -> None:
        text, wanted = self.text(case), self.wanted(case)
        given = copies(case.arguments)
        found = self.run(case, given, refuses=isinstance(wanted, ValueError))
        if not (wanted is None or self.result.none or isinstance(wanted, ValueError)):
            found = returned(found, text)
        for name, mine, own in zip(self.names(case), given, case.arguments, strict=True):
            if not same(mine, own):
                self.is_named = True
                raise Wrong(
                    f"For {text} your function changes `{name}`: whoever calls it needs that as it was. Work on a copy of it, "
                    "or make a new one."
                )
        if isinstance(wanted, ValueError):
            if isinstance(found, _Refusal):
                return
            raise Wrong(f"For {text} your function gives back {written(found)}; a ValueError is expected: {wanted}")
        found = self.result.read(found, text, wanted)
        if self.result.equal(found, wanted):
            return
        before_reasons()
        sentence = self.said(text, self.result.text(found), self.result.text(wanted))
        difference, slip = self.result.difference(found, wanted), self.slip(case, found, wanted)
        if slip:
            # A slip that explains some of the cases gives way to one that explains all of them.
            place = "" if self.is_named else self.undone(case)
            slip = place or slip
            self.is_named = self.is_named or bool(place) or is_known(self.answer)
        raise Wrong(" ".join(filter(None, (sentence, difference, slip))))

    def run(self, case: Case, given: Any, *, refuses: bool = False) -> Any:
        """What the learner's function gives back; where it stops, a sentence that says for what.

        Where it rightly `refuses`, a `_Refusal`.
        """
        try:
            return self.answer(*given)
        except Wrong:
            raise
        except Exception as error:
            if refuses and isinstance(error, ValueError):
                return _Refusal()
            about = self.stops(error, *case.arguments) if self.stops else ""
            if isinstance(error, NotImplementedError) and not about:  # a stub
                raise
            wanted = ", and a ValueError is expected" if refuses else ""
            if self.result.none:
                wanted = f", and {self.result.text(self.wanted(case))} is expected"
            stopped = f"For {self.text(case)} your code stops{wanted}. {explain(error)}"
            raise Wrong(" ".join(filter(None, (stopped, about)))) from error

    def slip(self, case: Case, found: Any, wanted: Any) -> str:
        """The sentence of the slip that gives what was found; of several, of the one that does so for the most cases.

        It has to give what was found for at least half of the cases that are wrong.

        Where none gives the whole of a result in parts, the slip in the first part that is wrong.
        """
        sentences = self.fitting(case, found, wanted, self.result, lambda whole: whole)
        for place in self.result.order if not (sentences or found is None or wanted is None) else ():
            kind = self.result.parts[place]
            if not kind.equal(found[place], wanted[place]):
                sentences = self.fitting(case, found, wanted, kind, itemgetter(place))
                break
        return _filled(sentences[0], self.names(case), case.arguments) if sentences else ""

    def fitting(self, case: Case, found: Any, wanted: Any, kind: Kind, part: Callable[[Any], Any]) -> list[str]:
        """The sentences of the slips that give this part of what was found, the one that explains most first."""
        fitting = [
            sentence
            for sentence, slipped in self.slips.items()
            if any(
                self.gives(each, case, found, kind, part) and not self.gives(each, case, wanted, kind, part)
                for each in slipped
            )
        ]
        if not fitting:
            return []
        results = [(each, mine[0]) for each in self.cases if (mine := self.found(each)) is not None]
        if kind is not self.result:  # `None` has no parts
            results = [(each, mine) for each, mine in results if mine is not None and self.wanted(each) is not None]
        wrong = [(each, mine) for each, mine in results if not kind.equal(part(mine), part(self.wanted(each)))]

        def explained(sentence: str, among: Sequence[tuple[Case, Any]]) -> int:
            return max(
                sum(self.gives(slipped, each, mine, kind, part) for each, mine in among)
                for slipped in self.slips[sentence]
            )

        # One case, or a few of many, may be a coincidence.
        fitting = [sentence for sentence in fitting if 2 * explained(sentence, wrong) >= len(wrong)]
        self.is_named = any(explained(sentence, results) == len(self.cases) for sentence in fitting)
        return sorted(fitting, key=lambda sentence: explained(sentence, results), reverse=True)

    def gives(self, function: Function, case: Case, value: Any, kind: Kind, part: Callable[[Any], Any]) -> bool:
        """Does a function give this part of a value for a case? One that stops gives nothing."""
        try:
            slipped = self.result.read(function(*copies(case.arguments)), "", value)
            return kind.equal(part(slipped), part(value))
        except Exception:
            return False

    def undone(self, first: Case, error: BaseException | None = None) -> str:
        """A sentence about the one slip without which all cases, beginning with this one, are right; "" for none."""
        order = [first, *(each for each in self.cases if each is not first)]
        wanted = [self.wanted(each) for each in order]
        fields = dict.fromkeys(name for each in self.cases for name in _fields_in(each.arguments))

        def is_right(function: Function) -> bool:
            return all(self.is_right(function, case, right) for case, right in zip(order, wanted, strict=True))

        return undone(self.answer, is_right, list(fields), error)

    def is_right(self, function: Function, case: Case, wanted: Any) -> bool:
        """Does a function give for a case what is wanted, with its arguments left as they were?"""
        given = copies(case.arguments)
        try:
            found = function(*given)
        except Exception as error:
            return isinstance(wanted, ValueError) and isinstance(error, ValueError)
        try:
            found = self.result.read(found, "", wanted)
            return (
                not isinstance(wanted, ValueError) and self.result.equal(found, wanted) and same(given, case.arguments)
            )
        except Exception:
            return False

    def found(self, case: Case) -> tuple[Any] | None:
        """What the learner's function gives, or None where it stops or gives something else."""
        try:
            return (self.result.read(self.answer(*copies(case.arguments)), "", self.wanted(case)),)
        except Exception:
            return None

    def gradients(self, case: Case) -> None:
        text = self.text(case)
        own = _gradients(self.reference, copies(case.arguments, gradient=True))
        try:
            mine = _gradients(self.answer, copies(case.arguments, gradient=True))
        except RuntimeError as error:
            raise Wrong(
                f"For {text} the values are right, and the way back to the arguments stops. {explain(error)}"
            ) from error
        if mine is None and own is not None:
            raise Wrong(
                f"For {text} the values are right, and no gradient flows back through them: is there a `detach`, a `no_grad`, "
                "an `item` or a new tensor made from numbers?"
            )
        names = [name for name, _ in _tensors_in(case.arguments, self.names(case))]
        for name, got, want in zip(names, mine or (), own or (), strict=bool(mine) == bool(own)):
            if want is None:
                continue
            if got is None:
                raise Wrong(f"For {text} the values are right, and no gradient flows back into `{name}`.")
            if not _near(got, want, 1e-3):
                raise Wrong(
                    f"For {text} the values are right, and the gradient that flows back into `{name}` is not. A `detach` on a "
                    "part of the way from it to the result would do that, or a way that is gone twice."
                )

    def again(self) -> None:
        """The same calls once more, from the last to the first."""
        for case in reversed(self.cases):
            wanted, text = self.wanted(case), self.text(case)
            if isinstance(wanted, ValueError):
                continue
            found = self.result.read(self.run(case, copies(case.arguments)), text, wanted)
            if not self.result.equal(found, wanted):
                raise Wrong(
                    f"For {text} the first call gives {self.result.text(wanted)}, which is right, and a later one "
                    f"{self.result.text(found)}: your function keeps something from one call to the next. A list as a default "
                    "argument, or a variable outside of the function, does that."
                )

    def wanted(self, case: Case) -> Any:
        """What the course's function gives, or the ValueError that it raises."""
        try:
            right = self.reference(*copies(case.arguments))
        except ValueError as error:
            return error
        return self.result.read(right, "", right)

    def names(self, case: Case) -> list[str]:
        """The arguments' names, as the course's function has them."""
        found = list(inspect.signature(self.reference).parameters)
        return [*found, *(f"argument {i + 1}" for i in range(len(found), len(case.arguments)))][: len(case.arguments)]

    def text(self, case: Case) -> str:
        if case.text:
            return case.text
        return ", ".join(f"{name}={written(each)}" for name, each in zip(self.names(case), case.arguments, strict=True))


def copies(arguments: Any, *, gradient: bool = False) -> Any:
    """Arguments of one's own: deep copies, tensors cut off from where they come from.

    With `gradient`, tensors of floating-point numbers ask for their gradient.
    """
    if isinstance(arguments, Tensor):
        copied = arguments.detach().clone()
        return copied.requires_grad_(copied.is_floating_point() and (gradient or arguments.requires_grad))
    if type(arguments) in (list, tuple):
        return type(arguments)(copies(each, gradient=gradient) for each in arguments)
    if isinstance(arguments, tuple) and hasattr(arguments, "_fields"):
        return type(arguments)(*(copies(each, gradient=gradient) for each in arguments))
    if isinstance(arguments, nn.Module):
        with contextlib.suppress(Exception):  # what cannot be pickled; a network is copied three times as fast this way
            return pickle.loads(pickle.dumps(arguments, pickle.HIGHEST_PROTOCOL))
    return copy.deepcopy(arguments)


CHANGES = "your function changes its argument {}: whoever calls it needs that as it was"


def on_copies(function: Function) -> Function:
    """The same function, for the tests of an assignment: each call gets copies, and a function that changes them is refused.

    Tensors are cloned, so that gradients flow through; lists, tuples and dictionaries are made anew; all else is handed on as it is.

    Raises:
        AssertionError: when it is called, and an argument is another one afterwards.
    """

    def called(*arguments: Any) -> Any:
        given = [_copied(each) for each in arguments]
        result = function(*given)
        for place, (mine, own) in enumerate(zip(given, arguments, strict=True), start=1):
            if isinstance(own, Tensor | list | tuple | dict | set) and not same(mine, own):
                raise AssertionError(CHANGES.format(place))
        return result

    return called


def _copied(given: Any) -> Any:
    if isinstance(given, Tensor):
        return given.clone()
    if type(given) in (list, tuple):
        return type(given)(map(_copied, given))
    if type(given) is dict:
        return {name: _copied(each) for name, each in given.items()}
    return set(given) if type(given) is set else given


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
    return [each.grad for _, each in _tensors_in(arguments, [""] * len(arguments))]


def _tensors_in(arguments: Iterable[Any], names: Iterable[str]) -> list[tuple[str, Tensor]]:
    """The tensors among arguments, those in rows and records too, each by the name that a learner would write."""
    found: list[tuple[str, Tensor]] = []
    for name, each in zip(names, arguments, strict=True):
        if isinstance(each, Tensor):
            found.append((name, each))
        elif isinstance(each, tuple) and hasattr(each, "_fields"):
            found += _tensors_in(each, [f"{name}.{field}" for field in each._fields])
        elif isinstance(each, list | tuple):
            found += _tensors_in(each, [f"{name}[{place}]" for place in range(len(each))])
    return found


def _fields_in(arguments: Any) -> list[str]:
    """The fields of the records among arguments, those in rows too."""
    if isinstance(arguments, list | tuple) and not hasattr(arguments, "_fields"):
        return [name for each in arguments for name in _fields_in(each)]
    if is_dataclass(arguments):
        return [each.name for each in fields(arguments)]
    return list(getattr(arguments, "_fields", ()))


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
