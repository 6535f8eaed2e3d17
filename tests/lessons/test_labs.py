"""The lessons' labs without a browser: what they show is right, whatever is chosen."""

import copy
import itertools
import re

import pytest
import torch
from torch import nn

from lessons.inception_module import lab as block
from lessons.inception_module.paper import TABLE_1
from lessons.start_here import lab as window
from utils.cost import profile
from utils.lab import OWN

LABS = {"window": window.window_lab, "block": block.block_lab}
START = block.block_lab().settings


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


# The block lab


def costs(html: str) -> dict[str, tuple[int, int, int]]:
    found = re.findall(r'data-design="(\w+)" data-parameters="(\d+)" data-macs="(\d+)" data-channels="(\d+)"', html)
    return {name: (int(parameters), int(macs), int(channels)) for name, parameters, macs, channels in found}


def by_hand(settings: dict) -> tuple[int, int, int]:
    """Parameters, multiply-adds and output channels by arithmetic alone."""
    channels, places, is_reduced = settings["in_channels"], settings["grid"] ** 2, settings["reduced"] == "reduced"
    convs: list[tuple[int, int, int]] = []  # in, out, window
    out = 0
    if settings["has_pointwise"]:
        convs.append((channels, settings["pointwise"], 1))
        out += settings["pointwise"]
    for name, size in (("three", 3), ("five", 5)):
        if settings[f"has_{name}"]:
            before = channels
            if is_reduced:
                before = settings[f"{name}_reduce"]
                convs.append((channels, before, 1))
            convs.append((before, settings[name], size))
            out += settings[name]
    if settings["has_pool"]:
        if is_reduced:
            convs.append((channels, settings["pool"], 1))
        out += settings["pool"] if is_reduced else channels
    weights = [before * after * size**2 for before, after, size in convs]
    return sum(weights) + sum(after for _, after, _ in convs), sum(weights) * places, out


OTHER = {
    "pointwise": 7, "three_reduce": 5, "three": 11, "five_reduce": 3, "five": 4, "pool": 6, "in_channels": 20, "grid": 9,
}  # fmt: skip
BRANCH_SETS = [chosen for chosen in itertools.product((True, False), repeat=4) if any(chosen)]


@pytest.mark.parametrize("kind", ("naive", "reduced"))
@pytest.mark.parametrize("chosen", BRANCH_SETS)
def test_the_block_lab_counts_right(kind, chosen):
    settings = START | OTHER | {"reduced": kind} | dict(zip((f"has_{b}" for b in block.BRANCHES), chosen, strict=True))
    view = block.view(settings, None)
    assert costs(view.html) == {"now": by_hand(settings)}
    design = block.design_of(settings)
    table = profile(design.build(), design.input_shape)
    assert (table.parameters, table.macs) == by_hand(settings)[:2]
    assert f"{table.parameters:,} parameters, {table.macs:,} multiply-adds" in view.text
    for name, is_on in zip(block.BRANCHES, chosen, strict=True):
        assert (name in view.disabled) == (not is_on or (name == "pool" and kind == "naive"))
    for name in ("three", "five"):
        assert (f"{name}_reduce" in view.disabled) == (kind == "naive" or not settings[f"has_{name}"])


@pytest.mark.parametrize("chosen", [(True,) * 4, (True, False, True, False)])
@pytest.mark.parametrize("kind", ("naive", "reduced"))
def test_the_code_that_is_shown_builds_the_module(kind, chosen):
    settings = START | OTHER | {"reduced": kind} | dict(zip((f"has_{b}" for b in block.BRANCHES), chosen, strict=True))
    design = block.design_of(settings)
    module = eval(
        design.code,
        {
            "InceptionModule": block.InceptionModule,
            "NaiveInceptionModule": block.NaiveInceptionModule,
            "Widths": block.Widths,
        },
    )
    whole = profile(module, design.input_shape)
    assert (whole.parameters, whole.macs) == by_hand(settings | {f"has_{name}": True for name in block.BRANCHES})[:2]
    assert ("without its 3×3 and pool branch" in design.code) == (not all(chosen))


def test_the_words_compare_b_against_a():
    naive = START | {"reduced": "naive"}
    a, b = by_hand(START), by_hand(naive)
    words = block.view(naive, START).text
    assert f"{b[0] / a[0]:.3g} times the parameters ({b[0]:,} after {a[0]:,})" in words
    assert f"{b[1] / a[1]:.3g} times the multiply-adds ({b[1]:,} after {a[1]:,})" in words
    assert f"{(b[2] - a[2]) / a[2]:.0%} more output channels ({b[2]:,} after {a[2]:,})" in words
    assert "a receptive field of 5×5 either way" in words
    back = block.view(START, naive).text
    assert f"{(b[1] - a[1]) / b[1]:.0%} fewer multiply-adds ({a[1]:,} after {b[1]:,})" in back
    same = block.view(START, START).text
    assert f"as many parameters ({a[0]:,}), as many multiply-adds ({a[1]:,}), as many output channels (256)" in same
    pool = naive | {"has_pointwise": False, "has_three": False, "has_five": False}
    assert f"{a[0]:,} parameters after none" in block.view(START, pool).text
    assert "a receptive field of 5×5 after 3×3" in block.view(START, pool).text


def test_a_and_b_are_both_drawn_and_counted():
    other = START | {"three": 200}
    view = block.view(other, START)
    assert costs(view.html) == {"A": by_hand(START), "B": by_hand(other)}
    assert view.html.count("<svg") == 2 and view.html.count('role="img"') == 2
    assert all(f">{title} {name}<" in view.html for title in block.TITLES.values() for name in "AB")


def test_a_branch_that_is_off_in_both_keeps_its_line():
    off = START | {"has_five": False}
    html = block.view(off, off).html
    assert ">5×5 A<" in html and ">5×5 B<" in html and html.count(">off<") == 2
    assert block.view(START, None).html.count("<tr>") == block.view(off, None).html.count("<tr>")


def test_all_branches_off_is_explained():
    lab = block.block_lab()
    lab.set(has_pointwise=False, has_three=False, has_five=False)
    last = lab.output.value
    lab.controls["has_pool"].set_state({"value": False})
    assert "needs at least one branch" in lab.trouble and lab.output.value == last
    lab.pin_button.click()
    lab.controls["has_five"].set_state({"value": True})
    assert lab.trouble == "" and costs(lab.output.value)["A"] == (192 * 32 + 32, 192 * 32 * 28**2, 32)


@pytest.mark.parametrize("name", TABLE_1)
def test_presets_are_the_paper_s_rows(name):
    lab = block.block_lab()
    lab.set(three=1, grid=3, in_channels=9, reduced="naive", has_pool=False)
    assert lab.preset.value == OWN
    lab.preset.set_state({"index": lab.preset.options.index(f"GoogLeNet {name}")})
    row = TABLE_1[name]
    assert lab.preset.value == f"GoogLeNet {name}"
    assert costs(lab.output.value)["now"] == by_hand(lab.settings)
    assert by_hand(lab.settings)[2] == row.widths.out_channels
    assert round(by_hand(lab.settings)[1] / 1e6) == row.printed_ops


def test_the_smallest_and_the_largest_settings_are_shown():
    lab = block.block_lab()
    sliders = {key: control for key, control in lab.controls.items() if hasattr(control, "min")}
    for end in ("min", "max"):
        lab.set(**{key: getattr(control, end) for key, control in sliders.items()})
        assert lab.trouble == "" and costs(lab.output.value)["now"] == by_hand(lab.settings)
