"""What a learner hands over, as what a check needs."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from utils.feedback.answers import close, named_slip, number_of, require_function, tensor_of
from utils.feedback.exercises import Wrong


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
    assert number_of(answer, "n=1") == number_of(answer, "n=1", whole=True) == 3
    assert isinstance(number_of(answer, "n=1", whole=True), int)


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


@pytest.mark.parametrize("answer", [2.5, math.nan, math.inf])
def test_what_is_no_whole_number_is_said(answer):
    with pytest.raises(Wrong, match=r"your width is .*; a whole number is needed: divide with `//`"):
        number_of(answer, "n=1", whole=True, what="your width is")


def test_tensors_have_the_shape_that_is_asked_for():
    x = torch.ones(2, 3, requires_grad=True)
    assert tensor_of(x, "x", (2, 3)) is x
    for answer, words in (
        (None, "nothing"),
        (3, "an int; a tensor is needed"),
        (x.T, r"\(3, 2\); \(2, 3\) is expected"),
    ):
        with pytest.raises(Wrong, match=words):
            tensor_of(answer, "x", (2, 3))


def test_a_slip_is_named_where_it_gives_another_result():
    slips = {"The mean.": 2.0, "The sum.": torch.tensor(6.0)}
    assert named_slip(6, 3, slips) == " The sum."
    assert named_slip(2.0, 2, slips) == named_slip(5, 3, slips) == ""
    assert close(1, 1.00005) and not close(1, 1.001) and not close(torch.ones(2), torch.ones(1))
