"""Numbers that stand in the answers to the block lab's questions, and in lesson 01's text, are those that the blocks give."""

import re

from course.syllabus import lesson
from labs.any_block import AnyBlock
from labs.block_lab import Design, block_lab, cost_by_branch, design_of
from lessons.inception_module.paper import TABLE_1
from utils.cost.table import Table, profile

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


# The block lab of the later lessons: each answer is found as its question says, with the handles of that lesson.


def text_of(slug: str) -> str:
    return re.sub(r"\s+", " ", (lesson(slug).folder / "lesson.md").read_text(encoding="utf-8"))


def toggled(through: str, preset: str, **moved: object) -> tuple[Table, Table, str]:
    """The costs of a preset and of what it becomes when handles are moved, and the lab's words about the two."""
    lab = block_lab(through)
    lab.preset.value = preset
    before = counted(design_of(lab.settings)[0])
    lab.pin()
    for name, value in moved.items():
        assert name in lab.controls
        lab.set(**{name: value})
        assert lab.trouble == ""
    return before, counted(design_of(lab.settings)[0]), lab.text


def counted(design: Design) -> Table:
    return profile(design.build(), design.image_shape)


def test_lesson_04():
    text = text_of("factorization")
    a, b, words = toggled("factorization", "Inception-v3 mixed_6b", three_form="whole")
    before, after = cost_by_branch(a)["three"].macs, cost_by_branch(b)["three"].macs
    assert f"{after / before:.2f} times as much, {after:,} multiply-adds after {before:,}" in text
    assert f"The block costs {100 * (b.macs / a.macs - 1):.0f} % more." in text and "71 % more multiply-adds" in words
    assert a.receptive_field == b.receptive_field == (13, 13)
    a, b, words = toggled("factorization", "Inception-v3 mixed_7b", expanded=False)
    more, fewer = b.macs / a.macs - 1, 1 - b.rows[-1].shape[0] / a.rows[-1].shape[0]
    assert f"{100 * more:.0f} % more multiply-adds for {100 * fewer:.0f} % fewer channels, 1,280 after 2,048" in text
    assert "1,280 after 2,048" in words


def test_lesson_06():
    text = text_of("inception_v4")
    a, b, _ = toggled("inception_v4", "Inception-v4 reduction A", halving="none", padding="same")
    assert f"{b.macs / a.macs:.2f} times, {b.macs:,} after {a.macs:,}" in text
    assert (
        b.rows[-1].shape[1] == 35 and a.rows[-1].shape[1] == 17 and f"{35**2 / 17**2:.2f} times as many places" in text
    )
    a, b, words = toggled("inception_v4", "Inception-v4 B", three_window=3, five_window=3)
    assert f"takes {100 * (1 - b.macs / a.macs):.0f} % fewer multiply-adds, and sees 5×5 after 13×13" in text
    assert "a receptive field of 5×5 after 13×13" in words


def test_lesson_07():
    text = text_of("residual_scaling")
    shares = []
    for letter in "ABC":
        table, _, _ = toggled("residual_scaling", f"Inception-ResNet-v2 {letter}")
        shares.append(f"{100 * cost_by_branch(table)['sum'].macs / table.macs:.0f} %")
    assert f"{shares[0]}, {shares[1]} and {shares[2]}. The sum needs" in text
    joined = table.rows[[row.kind for row in table.rows].index("concat")].shape[0]
    assert f"in C {joined} for {table.rows[-1].shape[0]:,}" in text
    a, b, _ = toggled("residual_scaling", "Inception-ResNet-v2 B", scale=0.9)
    assert (a.parameters, a.macs, a.activations, a.receptive_field) == (
        b.parameters,
        b.macs,
        b.activations,
        b.receptive_field,
    )
    _, b, _ = toggled("residual_scaling", "Inception-ResNet-v2 B", join="concatenation")
    assert f"takes {100 * (1 - b.macs / a.macs):.0f} % fewer multiply-adds" in text
    assert f"{b.rows[-1].shape[0]} channels after {a.rows[-1].shape[0]:,}" in text


def test_lesson_08():
    text = text_of("xception")
    a, b, _ = toggled("xception", "Inception-v3 mixed_5c", groups="one a channel")
    for key in ("macs", "parameters"):
        assert f"{100 * (1 - getattr(b, key) / getattr(a, key)):.0f} %" == "70 %"
    assert (
        f"70 % fewer multiply-adds and parameters, and {100 * (b.activations / a.activations - 1):.0f} % more" in text
    )
    assert sum(row.macs for row in b.rows if row.label == "1×1 conv") > 0.95 * b.macs
    a, b, words = toggled("xception", "Xception block3", halving="stride")
    assert f"{100 * (1 - b.macs / a.macs):.0f} % of the multiply-adds: the last separable convolution" in text
    assert "a receptive field of 5×5 after 7×7" in words and "It sees 5×5 after 7×7" in text
