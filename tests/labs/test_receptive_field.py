"""The receptive field lab agrees with torch's own gradient, and says what lies outside of the photograph."""

import re

import ipywidgets
import numpy as np
import pytest
import torch
from torch import nn

from labs.receptive_field import Layer, along, field_lab, layers_of, middle_of, ways_to

STACKS = {
    "plain": nn.Sequential(nn.Conv2d(3, 2, 5, padding=2), nn.Conv2d(2, 2, 3, stride=2)),
    "factors": nn.Sequential(
        nn.Conv2d(3, 2, 3, stride=2), nn.Sequential(nn.Conv2d(2, 2, (1, 7), padding=(0, 3)), nn.ReLU()),
        nn.AvgPool2d(2), nn.Conv2d(2, 1, (5, 1), padding=(2, 0)),
    ),
    "rounded up": nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.AvgPool2d(3, stride=2, ceil_mode=True, divisor_override=9), nn.AvgPool2d(2, ceil_mode=True, divisor_override=4),
        nn.AvgPool2d(2, stride=3, padding=1, ceil_mode=True, divisor_override=4),
    ),
    "one": nn.Sequential(nn.Conv2d(3, 1, 1)),
}  # fmt: skip
SIZE = 40


def test_layers_are_read_off_the_module():
    assert layers_of(STACKS["factors"]) == (
        Layer("3×3 conv /2", (3, 3), (2, 2), (0, 0)),
        Layer("1×7 conv", (1, 7), (1, 1), (0, 3)),
        Layer("2×2 avg pool /2", (2, 2), (2, 2), (0, 0)),
        Layer("5×1 conv", (5, 1), (1, 1), (2, 0)),
    )


def test_branches_are_refused():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 1, 1), nn.Conv2d(3, 1, 3)

    with pytest.raises(ValueError, match=r"A Both is in it.*Hand over one branch"):
        layers_of(nn.Sequential(Both()))


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("share", [0, 50, 100])
def test_fields_and_ways_are_those_of_torch(name, share):
    module = STACKS[name].double()
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    images = torch.ones(1, 3, SIZE, SIZE, dtype=torch.float64, requires_grad=True)
    out = module(images)
    rows, columns = (along(layers_of(module), SIZE, side) for side in (0, 1))
    assert (rows.units, columns.units) == out.shape[2:]
    row, column = (round((axis.units - 1) * share / 100) for axis in (rows, columns))
    out[0, 0, row, column].backward()
    seen = images.grad[0, 0].numpy()
    expected = np.zeros((SIZE, SIZE))
    layers = layers_of(module)
    ways = np.outer(ways_to(layers, SIZE, 0, row), ways_to(layers, SIZE, 1, column)).astype(float)
    assert ways.shape == (rows.field, columns.field)
    for i in range(rows.field):
        for j in range(columns.field):
            y, x = rows.first(row) + i, columns.first(column) + j
            if 0 <= y < SIZE and 0 <= x < SIZE:
                expected[y, x] = ways[i, j]
            else:
                assert ways[i, j] == 0
    assert np.allclose(seen / seen.max(), expected / expected.max())


def test_the_middle_holds_half_of_the_ways():
    assert middle_of((1,) * 7) == 5
    assert middle_of((1, 3, 6, 7, 6, 3, 1)) == 3
    assert middle_of((1,)) == 1


def test_a_window_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match="9×9 conv does not fit: its window is 9, and 7 units are left"):
        along((Layer("3×3 conv", (3, 3), (1, 1), (0, 0)), Layer("9×9 conv", (9, 9), (1, 1), (0, 0))), 9, 0)


def test_the_lab_says_what_a_unit_sees():
    lab = field_lab(STACKS, size=SIZE)
    assert lab.settings["layer"] == 2 and lab.settings["stack"] == "plain"
    assert "plain, layer 2 (3×3 conv /2): the unit in row 10 and column 10 of 19×19 sees 7×7 pixels" in lab.text
    assert "0 % of them padding" in lab.text
    lab.set(row=0, column=0)
    outside = 1 - (5 / 7) ** 2
    assert f"{100 * outside:.0f} % of them padding" in lab.text and "row 1 and column 1 of 19×19" in lab.text
    assert re.search(r'<rect x="-2" y="-2" width="7" height="7" fill="none"', lab.output.value)
    lab.pin()
    lab.set(stack="one", layer=1)
    assert lab.text.startswith("A: plain, layer 2") and "B: one, layer 1 (1×1 conv)" in lab.text
    assert lab.output.value.count('role="img"') == 4, "of A and of B the photograph, and the field by itself"


def test_every_handle_says_what_it_does_and_changes_the_picture():
    lab = field_lab(STACKS, size=SIZE)
    start = lab.output.value
    for key, control in lab.controls.items():
        assert getattr(control, "tooltips", None) or control.tooltip
        if hasattr(control, "options"):
            control.set_state({"index": control.index + 1})
        else:
            control.set_state({"value": 1 if key == "layer" else 10})
        assert lab.output.value != start, key
        lab.reset_button.click()
        assert lab.output.value == start, key


def test_the_layers_are_those_of_the_stack():
    lab = field_lab(STACKS, size=SIZE)
    layer, last = lab.controls["layer"], {name: len(layers_of(module)) for name, module in STACKS.items()}
    assert len(set(last.values())) > 1
    for name in [*STACKS, *reversed(STACKS)]:
        lab.controls["stack"].value = name
        assert layer.value == layer.max == last[name] and f"layer {last[name]} " in lab.text
    lab.set(stack="factors", layer=3)
    lab.controls["stack"].value = "rounded up"
    assert layer.value == 3, "who stands elsewhere stays there"
    lab.controls["stack"].value = "one"
    assert layer.value == layer.max == 1
    lab.reset_button.click()
    assert lab.settings["stack"] == "plain" and layer.value == layer.max == last["plain"]


def test_no_stack_is_named():
    with pytest.raises(ValueError, match="stacks is empty"):
        field_lab({})


def test_a_click_on_a_unit_moves_the_handles_and_marks_it():
    lab = field_lab(STACKS, size=SIZE)
    buttons = {
        button.tooltip: button
        for button in all_of(lab.widget)
        if isinstance(button, ipywidgets.Button) and "The unit" in button.tooltip
    }
    assert len(buttons) == 49
    assert marked(buttons) == ["The unit 50 % down and 50 % across"]
    refreshed = []
    lab.output.observe(refreshed.append, names="value")
    buttons["The unit 100 % down and 17 % across"].click()
    assert (lab.settings["row"], lab.settings["column"]) == (100, 17) and len(refreshed) == 1
    assert marked(buttons) == ["The unit 100 % down and 17 % across"]
    assert "row 19 and column 4 of 19×19" in lab.text
    lab.controls["row"].set_state({"value": 60})
    assert marked(buttons) == ["The unit 67 % down and 17 % across"]
    lab.reset_button.click()
    assert marked(buttons) == ["The unit 50 % down and 50 % across"]


def marked(buttons) -> list[str]:
    return [tip for tip, button in buttons.items() if "course-chosen" in button._dom_classes]


def all_of(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from all_of(child)
