"""What a learner hands over, as what a check needs."""

import numpy as np
import pytest
import torch
from torch import nn

from utils.feedback.answers import (
    close,
    expect,
    named_slip,
    number_of,
    require_function,
    returned,
    same,
    several_of,
    tensor_of,
)
from utils.feedback.exercises import Wrong
from utils.feedback.functions import number


def test_a_function_is_handed_over_itself():
    require_function(len)
    require_function(lambda: 1)
    for answer in (3, None, "code"):
        with pytest.raises(Wrong, match="without calling it"):
            require_function(answer)
    for answer, kind in ((int, type), (nn.Identity(), nn.Module)):
        require_function(answer)
        with pytest.raises(Wrong, match="Hand over the function"):
            require_function(answer, but=kind)


@pytest.mark.parametrize("answer", [3, 3.0, np.float32(3), np.int64(3), torch.tensor(3), torch.tensor([[3.0]])])
def test_whatever_holds_one_number_is_that_number(answer):
    whole = number(whole=True).read(answer, "n=1", 3)
    assert number_of(answer, "n=1") == whole == 3 and isinstance(whole, int)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "For n=1 your function gives back nothing"),
        ("3", "gives back '3'; one number is needed"),
        (True, "gives back True; one number is needed"),
        ([3], r"gives back \[3\]; one number"),
        (torch.ones(2), r"a tensor of shape \(2,\)"),
    ],
)
def test_what_is_no_number_is_said(answer, words):
    with pytest.raises(Wrong, match=words):
        number_of(answer, "n=1")


def test_what_is_no_tensor_is_said():
    x = torch.ones(2, 3, requires_grad=True)
    assert tensor_of(x, "x") is x
    for answer, words in ((None, "nothing"), (3, "an int; a tensor is needed")):
        with pytest.raises(Wrong, match=words):
            tensor_of(answer, "x")


def test_a_slip_is_named_where_it_gives_another_result():
    slips = {"The mean.": 2.0, "The sum.": torch.tensor(6.0)}
    assert named_slip(6, 3, slips) == " The sum."
    assert named_slip(2.0, 2, slips) == named_slip(5, 3, slips) == ""
    assert close(1, 1.00005) and not close(1, 1.001) and not close(torch.ones(2), torch.ones(1))


def test_a_result_is_there_and_has_as_many_parts_as_needed():
    assert returned(0, "n=1") == 0
    assert several_of([1, 2], 2, "n=1", "a pair is needed") == [1, 2]
    with pytest.raises(Wrong, match="For n=1 your function gives back nothing"):
        returned(None, "n=1")
    for answer, words in ((None, "nothing"), (3, "a pair is needed; yours is 3"), ((1, 2, 3), "a pair is needed")):
        with pytest.raises(Wrong, match=words):
            several_of(answer, 2, "n=1", "a pair is needed")


def test_the_same_is_the_same_to_the_last_bit():
    things = {"a": [torch.ones(2), 1], "b": "text"}
    assert same({"a": [torch.ones(2), 1], "b": "text"}, things)
    assert not same({"a": [torch.ones(2) + 1e-6, 1], "b": "text"}, things)
    assert not same({"a": [torch.ones(2)], "b": "text"}, things)
    assert not same([1], [torch.ones(1)])


def test_what_is_expected_is_said_with_the_slip():
    expect(2.0, 2.00001, "You find 2.", {})
    with pytest.raises(Wrong, match=r"You find 4\. It is doubled\."):
        expect(4, 2, "You find 4.", {"It is doubled.": 4})
    with pytest.raises(Wrong, match=r"You find 5\.$"):
        expect(5, 2, "You find 5.", {"It is doubled.": 4})
