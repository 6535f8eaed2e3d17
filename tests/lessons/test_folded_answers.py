"""Numbers that stand in the text of lesson 01 are those that its modules give."""

import re

from lessons.any_block import AnyBlock
from lessons.inception_module.paper import TABLE_1
from lessons.syllabus import lesson
from utils.cost import profile

TEXT = re.sub(r"\s+", " ", (lesson("inception_module").folder / "lesson.md").read_text(encoding="utf-8"))
ROW = TABLE_1["3a"]


BRANCHES = ("pointwise", "three", "five", "pool")


def macs(*, reduced=True, branches=BRANCHES, grid=28, **widths):
    """Multiply-adds of module 3a with some of its handles moved."""
    settings = {**vars(ROW.widths), **widths}
    given = {name: settings[name] for name in branches if name != "pool"}
    if reduced:
        given |= {f"{name}_reduce": settings[f"{name}_reduce"] for name in branches if name in ("three", "five")}
    if "pool" in branches:
        given |= {"pool_kind": "max", "pool": settings["pool"] if reduced else 0}
    return profile(AnyBlock(192, **given), (192, grid, grid)).macs


def test_question_a():
    naive, without_five = macs(reduced=False), macs(reduced=False, branches=("pointwise", "three", "pool"))
    assert f"takes {naive / macs():.2f} times the multiply-adds" in TEXT
    assert f"it takes {without_five:,}, still {without_five / macs() - 1:.0%}".replace("%", " %") in TEXT
    assert f"reduced module with {macs():,}" in TEXT


def test_question_b():
    def of_three(**settings):
        return macs(branches=("three",), **settings)

    plain = of_three(reduced=False)
    first = next(reduce for reduce in range(1, 193) if of_three(three_reduce=reduce) > plain)
    each = of_three(three_reduce=2, grid=1) - of_three(three_reduce=1, grid=1)
    assert f"from {first} on the reduction is dearer" in TEXT
    assert f"{plain // 28**2:,} / {each:,} = {plain / 28**2 / each:.1f}" in TEXT


def test_question_c():
    even = dict(pointwise=64, three=64, five=64, pool=64, grid=1)
    step = {
        name: macs(**even | {name: (even | vars(ROW.widths) | even)[name] + 1}) - macs(**even)
        for name in vars(ROW.widths)
    }
    assert max(step, key=step.get) == "five_reduce"
    for name in ("five_reduce", "three_reduce"):
        assert f"= {step[name]:,}" in TEXT
    assert f"25·16 = {step['five']}" in TEXT and f"9·96 = {step['three']}" in TEXT


def test_recap():
    projected = macs(reduced=False) + 192 * ROW.widths.pool * 28**2
    assert f"about {projected / 1e6:.0f} million multiply-adds in place of {macs() / 1e6:.0f}" in TEXT
