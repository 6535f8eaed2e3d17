"""Comparing a learner's function with the course's: values, arguments, gradients, slips."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from utils.feedback.exercises import Wrong
from utils.feedback.functions import Case, listed, number, pair, same_function, several, tensor, value, written


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
        (lambda a, b: ("a", a // b), "Your share is 0, and 0.5 is expected."),
        (lambda a, b: ("b", a / b), "Your name is 'b', and 'a' is expected."),
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
