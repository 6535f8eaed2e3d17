"""The lessons' labs without a browser: what they show is right, whatever is chosen."""

import copy
import itertools
import re

import pytest
import torch
from torch import nn

from lessons.block_lab import block_lab
from lessons.start_here import lab as window

LABS = {"window": window.window_lab, "block": block_lab}


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
            control.set_state({"value": control.value + 1})
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
