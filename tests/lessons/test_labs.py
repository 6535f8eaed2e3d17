"""The lessons' labs without a browser: what they show is right, whatever is chosen."""

import asyncio
import copy
import itertools
import re

import ipywidgets
import pytest
import torch
from torch import nn

from course.syllabus import lesson
from labs.block_lab import block_lab
from labs.receptive_field import layers_of
from lessons.batch_norm import lab as bn
from lessons.inception_module import lab as unit
from lessons.start_here import lab as window
from networks import measure
from utils.cost.table import profile

LABS = {"window": window.window_lab, "block": block_lab, "unit": unit.unit_lab, "bn": bn.bn_lab}


@pytest.mark.parametrize("name", LABS)
def test_every_handle_says_what_it_does(name):
    for control in LABS[name]().controls.values():
        tips = getattr(control, "tooltips", None) or [control.tooltip]
        assert all(tips), control
        assert control.description or len(tips) == len(control.options)


@pytest.mark.parametrize("name", LABS)
def test_views_are_pure(name):
    lab = LABS[name]()
    settings, pinned = lab.settings, lab.settings
    before = copy.deepcopy((settings, pinned))
    assert lab.view(settings, pinned) == lab.view(settings, pinned)
    assert (settings, pinned) == before
    assert lab.view(settings, None) != lab.view(settings, pinned)


@pytest.mark.parametrize("name", LABS)
def test_every_handle_changes_the_view_and_start_again_undoes_it(name):
    lab = LABS[name]()
    start = lab.output.value
    for key, control in lab.controls.items():
        # What the front end sends: a value, or the place of a choice.
        if hasattr(control, "options"):
            control.set_state({"index": (control.index + 1) % len(control.options)})
        elif isinstance(control.value, bool):
            control.set_state({"value": not control.value})
        else:
            control.set_state({"value": control.min if control.value == control.max else control.max})
        assert lab.output.value != start, key
        lab.reset_button.click()
        assert lab.output.value == start, key


# The window lab


def settings_of_window(size: int, window: int, stride: int, padding: int) -> dict:
    return {"size": size, "window": window, "stride": stride, "padding": padding}


@pytest.mark.parametrize("case", [*itertools.product((1, 2, 5, 8), (1, 2, 3, 7), (1, 2, 4), (0, 1, 3))])
def test_the_window_lab_agrees_with_torch(case):
    size, window_size, stride, padding = case
    try:
        view = window.view(settings_of_window(*case), None)
    except ValueError as error:
        assert window_size > size + 2 * padding
        assert f"window of {window_size} does not fit on a grid of {size}" in str(error)
        return
    conv = nn.Conv2d(1, 1, window_size, stride, padding, device="meta")
    result = conv(torch.empty(1, 1, size, size, device="meta")).shape[-1]
    assert f'<b class="course-size">{result}×{result}</b>' in view.words
    assert view.html.count("<circle") == result**2
    assert view.html.count("<rect") == (size + 2 * padding) ** 2 + 1
    assert f"{result} by {result} places" in re.search('aria-label="([^"]+)"', view.html)[1]
    side = range(-padding, size + padding)
    unread = set(side) - {start + cell for start in window.places(*case) for cell in range(window_size)}
    last = [cell for cell in unread if all(later in unread for later in range(cell, size + padding))]
    between = (len(unread) - len(last)) // (result - 1) if result > 1 else 0
    ground = " (padding)" if all(cell >= size for cell in last) else ""
    gap = "a row and a column are" if between == 1 else f"{between} rows and columns are"
    rows = "row and column" if len(last) == 1 else f"{len(last)} rows and columns"
    assert (f"Between two places {gap} never read." in view.text) == (between > 0)
    assert ("Between" in view.text) == (between > 0)
    assert (f"The last {rows}{ground} are never read." in view.text) == (len(last) > 0)
    assert ("The last" in view.text) == (len(last) > 0)


def test_the_window_lab_names_both_when_one_is_pinned():
    view = window.view(settings_of_window(8, 3, 1, 0), settings_of_window(8, 3, 2, 0))
    assert (
        view.text.startswith("A: grid 8×8, window 3×3, stride 2") and "\nB: grid 8×8, window 3×3, stride 1" in view.text
    )
    assert re.findall(r"(\d+×\d+), as", view.text) == ["3×3", "6×6"]


# The receptive field lab of lesson 01


def test_the_stacks_are_those_of_googlenet():
    net = measure.network("googlenet")
    in_front = [net.conv1, net.pool1, net.conv2_reduce, net.conv2, net.pool2]
    expected = layers_of(nn.Sequential(*in_front))
    for (name, stack), field in zip(unit.stacks().items(), (59, 43, 27, 43), strict=True):
        assert layers_of(stack)[:5] == expected and layers_of(stack[0]) == expected
        table = profile(stack, (3, 224, 224))
        assert table.rows[-1].shape[1:] == (28, 28) and table.receptive_field == (field, field), name
    module = net.inception_3a
    by_branch = [
        layers_of(branch) for branch in (module.five, module.three, nn.Sequential(module.pointwise), module.pool)
    ]
    assert [layers_of(nn.Sequential(stack[1])) for stack in unit.stacks().values()] == by_branch


def test_the_question_about_the_corner():
    text = re.sub(r"\s+", " ", (lesson("inception_module").folder / "lesson.md").read_text(encoding="utf-8"))
    lab = unit.unit_lab()
    lab.set(stack="the 5×5 branch of 3a", row=0, column=0)
    assert "row 1 and column 1 of 28×28 sees 59×59 pixels, 63 % of them padding" in lab.text
    assert "63 % of its 59×59 pixels lie outside." in text
    first = layers_of(unit.stacks()["the 5×5 branch of 3a"])[0]
    assert first.name == "7×7 conv /2" and first.padding == (3, 3) and "hangs over the edge by 3 pixels" in text
    fields = []
    for layer in range(1, 8):
        lab.set(layer=layer)
        fields.append(re.search(r"layer \d+ \((.+?) (?:conv|max).*?sees (\d+)×", lab.text).groups())
    assert [window for (window, now), (_, before) in zip(fields[1:], fields, strict=False) if now == before] == [
        "1×1",
        "1×1",
    ]


# The BN lab


def test_play_walks_through_the_steps_of_the_bn_lab():
    lab = bn.bn_lab()
    seen = []
    lab.output.observe(lambda _change: seen.append(lab.settings["step"]), names="value")
    (play,) = [
        each for each in all_of(lab.widget) if isinstance(each, ipywidgets.ToggleButton) and each.description == "Play"
    ]

    async def press():
        play.set_state({"value": True})
        while play.value:
            await asyncio.sleep(0.05)

    asyncio.run(press())
    assert seen == list(range(0, bn.STEPS + 1, bn.EVERY)) and play.description == "Play"


def all_of(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from all_of(child)
