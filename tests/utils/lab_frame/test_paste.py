"""Pasted Python is read as values and never run."""

import re

import pytest

from utils.lab_frame.paste import LONGEST, Call, calls_in


def test_calls_are_read_with_their_values():
    text = """
from lessons.any_block import AnyBlock  # an import is passed over
import utils.cost.table

block = AnyBlock(192, three=-1, scale=0.5, widths=(1, [2], {"a": None}), name="×", norm=True,)
utils.cost.table.profile(block, (192, 28, 28))
"""
    assert calls_in(text) == (
        Call(
            "AnyBlock",
            (192,),
            {"three": -1, "scale": 0.5, "widths": (1, [2], {"a": None}), "name": "×", "norm": True},
            line=5,
        ),
        Call("profile", ((192, 28, 28),), {}, line=6),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "There is no code here"),
        ("# AnyBlock(3)\nimport os", "There is no code here"),
        ("AnyBlock(", "Line 1 is no Python: '(' was never closed"),
        ("AnyBlock(3)\n  x", "Line 2 is no Python: unexpected indent"),
        ("AnyBlock(3)\x00", "no Python"),
        ("(" * 500, "no Python"),
        ("-" * 15_000 + "1", "no"),
        ("x" * (LONGEST + 1), "20,001 characters; code for a lab has at most 20,000"),
        ("width = 3", "Line 1 is no call with plain values"),
        ("for i in range(3):\n    AnyBlock(i)", "Line 1 is no call with plain values"),
        ("AnyBlock(3)\ndel x", "Line 2 is no call with plain values"),
        ("AnyBlock(3, three=2 * 64)", "what is given for three is no plain value"),
        ("AnyBlock(3, three=width)", "what is given for three is no plain value"),
        ("AnyBlock(3, three=f'{1}')", "what is given for three is no plain value"),
        ("AnyBlock([].append(3))", "what is given for AnyBlock is no plain value"),
        ("AnyBlock(*[1, 2])", "what is given for AnyBlock is no plain value"),
        ("AnyBlock(3, **{'three': 4})", "has **; name each value once"),
        ("AnyBlock(3, three=4, three=5)", "three twice; name each value once"),
    ],
)
def test_what_is_no_call_with_values_is_explained(text, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        calls_in(text)


def test_nothing_is_run(tmp_path):
    victim = tmp_path / "victim"
    for text in (f"open({str(victim)!r}, 'w')", f"AnyBlock(3, three=open({str(victim)!r}, 'w'))"):
        try:
            calls_in(text)
        except ValueError:
            continue
    assert not victim.exists()
