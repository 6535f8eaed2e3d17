"""Comparing a learner's function with the course's: values, arguments, gradients, slips."""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from utils.feedback.exercises import Wrong
from utils.feedback.functions import (
    Case,
    copies,
    keyed,
    listed,
    number,
    on_copies,
    optional,
    pair,
    same_function,
    several,
    tensor,
    value,
    written,
)


def total(values, times):
    """The course's own."""
    return sum(values) * times


SLIPS = {
    "`times` is left out.": lambda values, times: sum(values),
    "The last of {values} is missing.": lambda values, times: sum(values[:-1]) * times,
}
WHOLE = number(whole=True)
CASES = (([1, 2, 3], 1), ([1, 2, 3], 4), ([], 2), ([-5, 0], 3))


def verdict(answer, reference=total, cases=CASES, *, result=WHOLE, **options):
    """The sentence, or nothing where the answer is taken."""
    try:
        same_function(answer, reference, cases, result=result, **{"slips": SLIPS, **options})
    except Wrong as wrong:
        return str(wrong)
    return ""


@pytest.mark.parametrize("kind", [int, np.int64, float, Fraction, np.float32, torch.tensor, lambda n: np.array([n])])
def test_a_number_of_every_kind_is_taken(kind):
    assert verdict(lambda values, times: kind(sum(values) * times)) == ""


def test_what_was_found_and_expected_stands_before_the_slip():
    said = verdict(lambda values, times: sum(values))
    assert said == "For values=[1, 2, 3], times=4 you find 6; 24 is expected. `times` is left out."


def test_a_slip_names_the_arguments_that_it_mentions():
    assert "The last of [1, 2, 3] is missing." in verdict(lambda values, times: sum(values[:-1]) * times)


def test_a_slip_that_gives_something_else_is_not_named():
    assert (
        verdict(lambda values, times: sum(values) * times + 1)
        == "For values=[1, 2, 3], times=1 you find 7; 6 is expected."
    )


def test_of_two_slips_that_give_the_same_here_the_one_is_named_that_explains_more_cases():
    slips = {"Always 3.": lambda values, times: 3, "The last is missing.": SLIPS["The last of {values} is missing."]}
    assert "The last is missing." in verdict(SLIPS["The last of {values} is missing."], slips=slips)
    assert "Always 3." in verdict(lambda values, times: 3, slips=slips)


def test_a_slip_that_is_right_for_this_case_is_not_named():
    """Both add up to 0 where the values are none, and so neither is what is wrong there."""
    assert "left out" not in verdict(lambda values, times: sum(values) * times or None)


@pytest.mark.parametrize(
    "change", ["values.pop() if values else 0", "values.sort(reverse=True)", "values.append(0)", "values.clear()"]
)
def test_an_argument_that_is_changed_is_named(change):
    def answer(values, times):
        result = sum(values) * times
        eval(change)
        return result

    assert "your function changes `values`" in verdict(answer)


def test_a_tensor_that_is_changed_is_named_and_the_next_case_has_its_own():
    cases = ((torch.ones(2, 3),), (torch.zeros(1),))
    said = verdict(lambda x: x.mul_(2), lambda x: x * 2, cases, result=tensor(), slips={})
    assert said.startswith("For x=a Tensor of shape (2, 3) your function changes `x`")
    assert cases[0][0].eq(1).all()


def test_nothing_given_back():
    assert "gives back nothing. Is the `return` missing?" in verdict(lambda values, times: None)
    assert verdict(lambda x: None, lambda x: None if x == 0 else x, ((0,), (1,)), result=value(), slips={}).startswith(
        "For x=1"
    )


def test_what_is_no_function_is_refused():
    assert "Hand over the function itself" in verdict(3)
    assert "Hand over the function itself" in verdict(torch.nn.ReLU())


def test_something_kept_from_call_to_call():
    def answer(values, times, kept=[]):  # noqa: B006 (it is what is tested)
        kept.append(1)
        return sum(values) * times + (len(kept) > 4)

    assert "keeps something from one call to the next" in verdict(answer)


X = (Case((torch.arange(6.0).view(2, 3), torch.tensor([1.0, -1.0, 2.0])), "two rows"),)


def scaled(x, scale):
    return x * scale + x.mean()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (scaled, ""),
        (lambda x, scale: scaled(x.detach(), scale.detach()), "no gradient flows back through them"),
        (lambda x, scale: scaled(x, scale.detach()), "no gradient flows back into `scale`"),
        (lambda x, scale: x * scale + x.detach().mean(), "the gradient that flows back into `x` is not"),
        (lambda x, scale: torch.tensor(scaled(x, scale).tolist()), "no gradient flows back through them"),
        (lambda x, scale: torch.no_grad()(scaled)(x, scale), "no gradient flows back through them"),
    ],
)
def test_gradients(answer, words):
    said = verdict(answer, scaled, X, result=tensor(), slips={}, gradient=True)
    assert words in said and bool(words) == bool(said)
    assert X[0].arguments[0].grad is None


def test_an_argument_that_the_course_does_not_use_needs_no_gradient():
    cases = ((torch.ones(3), torch.ones(3)),)
    assert verdict(lambda x, y: x + 1, lambda x, y: x + 1, cases, result=tensor(), slips={}, gradient=True) == ""


def test_a_tensor_says_its_shape_or_where_it_differs_most():
    def moved(x):
        out = x.clone()
        out[1, 2] += 3
        return out

    case = ((torch.arange(6.0).view(2, 3),),)
    assert "shape (3, 2); (2, 3) is expected" in verdict(lambda x: x.T, lambda x: x, case, result=tensor(), slips={})
    said = verdict(moved, lambda x: x, case, result=tensor(), slips={})
    assert "The largest difference is 3 at [1, 2]: 8 for 5." in said


PAIR = pair(value(), number(), ("name", "share"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda a, b: ["a", a / b], ""),
        (lambda a, b: np.array(["a", a / b], dtype=object), ""),
        (lambda a, b: "a", "a pair is needed, (name, share)"),
        (lambda a, b: ("a", a / b, 1), "a pair is needed, (name, share)"),
        (lambda a, b: ("a", a // b), "For share you find 0; 0.5 is expected."),
        (lambda a, b: ("b", a / b), "For name you find 'b'; 'a' is expected."),
        (lambda a, b: ("a", "half"), "one number is needed"),
    ],
)
def test_a_pair(answer, words):
    said = verdict(answer, lambda a, b: ("a", a / b), ((1, 2), (3, 5)), result=PAIR, slips={})
    assert words in said and bool(words) == bool(said)


def test_three_results_and_lists():
    kind = several((number(), number(), number()), ("a", "b", "c"))
    assert verdict(lambda x: torch.tensor([x, x, x]), lambda x: (x, x, x), ((2,),), result=kind, slips={}) == ""
    assert "3 results are needed, (a, b, c)" in verdict(
        lambda x: x, lambda x: (x, x, x), ((2,),), result=kind, slips={}
    )
    kind = listed(number(whole=True), of="one a layer")
    each = lambda n: list(range(n))  # noqa: E731
    assert verdict(np.arange, each, ((0,), (4,)), result=kind, slips={}) == ""
    assert "has 3 numbers; 4 are expected: one a layer" in verdict(
        lambda n: each(n)[1:], each, ((4,),), result=kind, slips={}
    )
    assert "a list of numbers is needed" in verdict(lambda n: iter(each(n)), each, ((4,),), result=kind, slips={})
    assert "number 2: 2 for 1" in verdict(lambda n: [0, 2], each, ((2,),), result=kind, slips={})


def test_arguments_in_a_sentence():
    assert written(3) == "3" and written(np.zeros((2, 2))) == "a ndarray of shape (2, 2)"
    assert written(list(range(100))) == "a list of 100"


def test_a_stub_is_told_as_a_stub():
    def stub(values, times):
        raise NotImplementedError("Exercise 9.9")

    with pytest.raises(NotImplementedError):
        same_function(stub, total, CASES, result=number())


def test_code_that_stops_says_for_which_case():
    said = verdict(lambda values, times: values[0] * times)
    assert said.startswith("For values=[1, 2, 3], times=1 you find 1; 6 is expected.")
    said = verdict(lambda values, times: sum(values) * times + 0 * values[0])
    assert said.startswith("For values=[], times=2 your code stops. IndexError: list index out of range.")


def test_a_sentence_about_an_error_follows_it():
    def about(error, values, times):
        return f"{len(values)} values here." if isinstance(error, IndexError) else ""

    said = verdict(lambda values, times: sum(values) * times + 0 * values[0], stops=about)
    assert said.endswith("0 values here.")
    said = verdict(lambda values, times: sum(values) * times + 0 // len(values), stops=about)
    assert "ZeroDivisionError" in said and "here" not in said


def spread(x):
    return x.mean(), x.square().mean(), x.square().mean() - x.mean() ** 2


THREE = several((tensor(), tensor(), tensor()), ("mean", "square", "variance"), order=(1, 0, 2))
SPREADS = {
    "The square is missing.": lambda x: (x.mean(), x.mean(), x.mean() - x.mean() ** 2),
    "It is a sum.": lambda x: (x.mean(), x.square().sum(), x.square().sum() - x.mean() ** 2),
}


def test_of_a_result_in_parts_the_first_wrong_one_is_told_and_the_slip_in_it():
    def answer(x):  # right but for one part, from which nothing else is made
        mean, square, variance = spread(x)
        return mean, square * len(x), variance

    said = verdict(answer, spread, ((torch.arange(4.0),),), result=THREE, slips=SPREADS)
    assert "Your square is wrong. The largest difference is 10.5: 14 for 3.5. It is a sum." in said
    said = verdict(SPREADS["The square is missing."], spread, ((torch.arange(4.0),),), result=THREE, slips=SPREADS)
    assert said.endswith("The square is missing.")
    said = verdict(
        lambda x: (x.mean() + 1, *spread(x)[1:]), spread, ((torch.arange(4.0),),), result=THREE, slips=SPREADS
    )
    assert said.endswith("Your mean is wrong. The largest difference is 1: 2.5 for 1.5.")


def test_a_dictionary():
    kind = keyed({"one": number(whole=True), "two": number()})
    right = lambda x: {"one": x, "two": x / 2}  # noqa: E731
    slips = {"Halve it.": lambda x: {"one": x, "two": x}}
    assert (
        verdict(lambda x: {"two": np.float64(x / 2), "one": x, "more": 0}, right, ((3,),), result=kind, slips={}) == ""
    )
    assert "'two' is missing in yours" in verdict(lambda x: {"one": x}, right, ((3,),), result=kind, slips={})
    assert "gives back a list" in verdict(lambda x: [x, x / 2], right, ((3,),), result=kind, slips={})
    said = verdict(slips["Halve it."], right, ((3,),), result=kind, slips=slips)
    assert "For 'two' you find 3; 1.5 is expected. Halve it." in said
    assert "Your 'one' is wrong. A whole number is needed" in verdict(
        lambda x: {"one": x + 0.5, "two": x}, right, ((3,),), result=kind, slips={}
    )


def test_a_slip_that_gives_no_number_is_named():
    slips = {"Nothing is divided by 0.": lambda x: x / x.sum()}
    said = verdict(lambda x: x / x.sum(), lambda x: x, ((torch.zeros(2),),), result=tensor(), slips=slips)
    assert said.endswith("It is nan at [0], where 0 is expected. Nothing is divided by 0.")
    slips = {"Nothing is divided by 0.": lambda x: float("nan")}
    assert "divided by 0" in verdict(lambda x: float("nan"), lambda x: x, ((1.0,),), result=number(), slips=slips)


def test_complex_numbers_are_no_real_ones():
    said = verdict(torch.fft.fft, lambda x: x, ((torch.zeros(2),),), result=tensor(), slips={})
    assert "complex numbers" in said


def test_a_list_of_tensors():
    kind = listed(tensor(), what="tensors")
    double = lambda rows: [2 * each for each in rows]  # noqa: E731
    rows = ([torch.ones(2), torch.ones(3)],)
    assert verdict(double, double, (rows,), result=kind, slips={}) == ""
    said = verdict(lambda rows: [2 * rows[0], rows[1]], double, (rows,), result=kind, slips={})
    assert "number 2. The largest difference is 1 at [0]: 1 for 2." in said
    assert "Your list has one of the tensors; 2 are expected" in verdict(
        lambda rows: rows[:1], double, (rows,), result=kind, slips={}
    )


class Pair(NamedTuple):
    one: torch.Tensor
    more: tuple


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda given: given.one.sum() + given.more[1].sum(), ""),
        (lambda given: given.one.sum() + given.more[1].detach().sum(), "back into `given.more[1]`"),
        (lambda given: given.one.detach().sum() + given.more[1].sum(), "back into `given.one`"),
    ],
)
def test_gradients_of_tensors_in_a_record(answer, words):
    case = Case((Pair(torch.ones(2), (torch.ones(1), torch.ones(3))),), "a pair")
    right = lambda given: given.one.sum() + given.more[1].sum()  # noqa: E731
    said = verdict(answer, right, (case,), result=tensor(), slips={}, gradient=True)
    assert words in said and bool(words) == bool(said)


def test_a_way_back_that_stops():
    def answer(x):
        y = x.exp()
        z = y * y
        y.add_(1)
        return z

    said = verdict(answer, lambda x: (2 * x).exp(), ((torch.ones(2),),), result=tensor(), slips={}, gradient=True)
    assert "the way back to the arguments stops. RuntimeError" in said


def test_a_slip_may_give_another_shape_or_another_length():
    slips = {"Leave `keepdim` away.": lambda x: x.mean(dim=1, keepdim=True), "Flat.": lambda x: x.flatten()}
    case = ((torch.arange(6.0).view(2, 3),),)
    said = verdict(lambda x: x.mean(1, keepdim=True), lambda x: x.mean(1), case, result=tensor(), slips=slips)
    assert said.endswith("It has shape (2, 1); (2,) is expected. Leave `keepdim` away.")
    slips = {"One an image: take their mean.": lambda x: x.sum(1)}
    said = verdict(lambda x: x.sum(1), lambda x: x.sum(1).mean(), case, result=number(), slips=slips)
    assert said.endswith("shape (2,); 7.5 is expected. One number is needed. One an image: take their mean.")
    slips = {"It starts with 0.": lambda n: list(range(n + 1))}
    kind = listed(number(whole=True))
    said = verdict(lambda n: range(n + 1), lambda n: list(range(1, n + 1)), ((3,),), result=kind, slips=slips)
    assert said.endswith("Your list has 4 numbers; 3 are expected. It starts with 0.")


def test_several_functions_may_have_a_slip():
    slips = {"Rounded.": [lambda x, digits=digits: round(x, digits) for digits in (1, 2)]}
    for digits in (1, 2):
        said = verdict(lambda x: round(x, digits), lambda x: x, ((1.2345,),), result=number(), slips=slips)  # noqa: B023
        assert said.endswith("Rounded.")


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.train(),
        lambda net: net.weight.requires_grad_(False),
        lambda net: net.weight.data.mul_(2),
    ],
)
def test_a_module_that_is_changed_is_named(change):
    cases = ((torch.nn.Linear(2, 1).eval(),),)
    number_of_weights = lambda net: net.weight.numel()  # noqa: E731
    assert verdict(number_of_weights, number_of_weights, cases, result=number(), slips={}) == ""
    said = verdict(
        lambda net: (change(net), number_of_weights(net))[1], number_of_weights, cases, result=number(), slips={}
    )
    assert "your function changes `net`" in said


def test_a_number_that_is_not_whole_has_its_slip_and_rounding_is_named_where_it_helps():
    slips = {"Halve the sum, not its double.": lambda n: n / 3}
    half = lambda n: n // 2  # noqa: E731
    said = verdict(lambda n: n / 3, half, ((4,),), result=WHOLE, slips=slips)
    assert said.startswith("For n=4 you find 1.33333; 2 is expected.") and said.endswith("not its double.")
    assert "rounded down, yours is right: divide with `//`" in verdict(
        lambda n: n / 2, half, ((5,),), result=WHOLE, slips={}
    )
    assert "//" not in verdict(lambda n: n / 2 + 1, half, ((5,),), result=WHOLE, slips={})
    assert "you find inf; 2 is expected. A whole number is needed." in verdict(
        lambda n: float("inf"), half, ((5,),), result=WHOLE, slips={}
    )


def first_and_count(values):
    return (values[0], len(values)) if values else None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda v: [v[0], len(v)] if v else None, ""),
        (lambda v: None, "you find None; (3, 2) is expected. Is the `return` missing?"),
        (lambda v: (v[0], len(v)) if len(v) > 1 else None, "For v=[3] you find None; (3, 1) is expected."),
        (lambda v: (v[0], len(v)) if v else (0, 0), "For v=[] you find (0, 0); None is expected."),
        (lambda v: (v[0], len(v)) if v else "none", "For v=[] you find 'none'; None is expected."),
        (lambda v: len(v), "a pair is needed"),
        (lambda v: (None, len(v)) if v else None, "For v=[3, 4] your first is None."),
        (lambda v: (v[0], len(v)), "For v=[] your code stops, and None is expected. IndexError"),
    ],
)
def test_a_result_that_may_be_none(answer, words):
    kind = optional(pair(number(), number(), ("first", "count")))
    slips = {"Is the `return` missing?": lambda v: None}
    cases = (([3, 4],), ([3],), ([],))
    said = verdict(answer, lambda v: first_and_count(v), cases, result=kind, slips=slips)
    assert words in said and bool(words) == bool(said)


def shares(total, parts):
    if total % parts:
        raise ValueError(f"{total} is no multiple of {parts}.")
    return total // parts


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (shares, ""),
        (lambda total, parts: total // parts, "gives back 2; a ValueError is expected: 5 is no multiple of 2."),
        (lambda total, parts: total // parts if total % parts == 0 else None, "gives back None; a ValueError"),
        (
            lambda total, parts: ValueError("uneven") if total % parts else total // parts,
            "gives back ValueError('uneven'); a ValueError is expected",
        ),
        (
            lambda total, parts: [total // parts][total % parts],
            "For total=5, parts=2 your code stops, and a ValueError is expected. IndexError",
        ),
    ],
)
def test_where_the_course_refuses_the_learner_has_to(answer, words):
    said = verdict(answer, shares, ((4, 2), (5, 2)), result=WHOLE, slips={})
    assert words in said and bool(words) == bool(said)


def test_numbers_near_zero_are_rounded_as_those_beside_them():
    right = torch.tensor([1000.0, 0.0])
    assert verdict(lambda: right + 1e-4, lambda: right, ((),), result=tensor(), slips={}) == ""
    assert verdict(lambda: right + 1e-2, lambda: right, ((),), result=tensor(), slips={})
    assert verdict(lambda: torch.zeros(0), lambda: torch.zeros(0), ((),), result=tensor(), slips={}) == ""


def test_a_module_without_numbers_is_compared_by_all_else():
    with torch.device("meta"):
        net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()).eval()
    count = lambda net: len(net)  # noqa: E731
    assert verdict(len, count, ((net,),), result=WHOLE, slips={}) == ""
    assert "changes `net`" in verdict(lambda net: len(net.train()), count, ((net,),), result=WHOLE, slips={})


def test_one_tensor_is_no_list_of_tensors():
    both = lambda x: [x, 2 * x]  # noqa: E731
    case = ((torch.ones(2),),)
    kinds = (listed(tensor(), what="tensors"), several((tensor(), tensor()), ("one", "two")))
    for kind, words in zip(
        kinds, ("gives back one tensor; a list of tensors is needed", "a pair is needed"), strict=True
    ):
        assert words in verdict(lambda x: x, both, case, result=kind, slips={})
        assert verdict(lambda x: torch.stack(both(x)), both, case, result=kind, slips={}) == ""


def test_a_slip_that_explains_a_few_of_many_wrong_cases_is_no_finding():
    """Two of seven may be a coincidence; half of them is not."""
    cases = tuple((x,) for x in range(1, 9))
    slips = {"Doubled.": lambda x: 2 * x}
    few = {1: 2, 2: 4}
    assert "Doubled." not in verdict(lambda x: few.get(x, 0), lambda x: x, cases, slips=slips)
    half = {x: 2 * x for x in range(1, 5)}
    assert "Doubled." in verdict(lambda x: half.get(x, 0), lambda x: x, cases, slips=slips)


@pytest.mark.parametrize("found", [2.5, math.nan, math.inf])
def test_what_is_no_whole_number_is_said(found):
    assert "A whole number is needed" in verdict(lambda x: found, lambda x: x, ((2,),), slips={})


def test_a_tensor_of_another_shape_is_said():
    x = torch.ones(2, 3)
    said = verdict(lambda x: x.T, lambda x: x, ((x,),), result=tensor(), slips={})
    assert "shape (3, 2); (2, 3) is expected" in said


def test_a_network_is_copied_whole_also_one_that_cannot_be_pickled():
    class Local(nn.Module):  # pickle finds no class of a function
        def __init__(self):
            super().__init__()
            self.one = self.again = nn.Linear(2, 2)

    for network in (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU()).eval(), Local()):
        next(network.parameters()).requires_grad_(False)
        copied = copies(network)
        assert type(copied) is type(network) and copied.training == network.training
        for (name, mine), (same_name, theirs) in zip(
            copied.named_parameters(), network.named_parameters(), strict=True
        ):
            assert name == same_name and mine is not theirs and torch.equal(mine, theirs)
            assert mine.requires_grad == theirs.requires_grad
        assert not isinstance(network, Local) or copied.one is copied.again


def test_on_copies_keeps_what_is_given_and_refuses_who_changes_it():
    numbers, named, values = [3, 1, [2]], {"a": [1]}, torch.ones(2, requires_grad=True)
    on_copies(lambda *given: given[0] and None)(numbers, named, values)

    def empties(row, table, tensor):
        row[2].clear()

    def pops(row, table, tensor):
        table.popitem()

    def doubles(row, table, tensor):
        tensor.data.mul_(2)

    for place, changing in enumerate((empties, pops, doubles), start=1):
        with pytest.raises(AssertionError, match=f"changes its argument {place}"):
            on_copies(changing)(numbers, named, values)
    assert (numbers, named) == ([3, 1, [2]], {"a": [1]}) and values.tolist() == [1, 1]
    on_copies(lambda given: given * 3)(values).sum().backward()
    assert values.grad.tolist() == [3, 3], "gradients flow through the copies"
