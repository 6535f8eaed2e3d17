"""Lesson 08: what its text states is what its modules give, and its roofline, towers, pictures and lab are right."""

import copy
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torchinfo
from torch import nn
from torch.nn import functional as F

from course.experiments import experiment
from lessons.xception import figures, lab, paper, roofline
from lessons.xception.checks import depthwise_of, grouped_cost_of, layers_and_modules_of, ratio_of
from lessons.xception.roofline import DENSE, SEPARABLE, Layer, Limits, Place, Work, work_of, works_of
from lessons.xception.towers import ORDERS, Separable, Towers, as_dense, as_grouped, difference_of_orders
from networks import measure
from networks.mobilenet import SeparableBlock
from networks.xception import SeparableConvBN
from utils.cost.table import profile
from utils.cost.timing import Timing
from utils.show.plot import Picture

TEXT = re.sub(r"\s+", " ", Path(paper.__file__).with_name("lesson.md").read_text(encoding="utf-8"))
LIMITS = Limits(peak=40e9, memory=10e9, cache=80e9, where="a CPU with 1 thread")  # a ridge at 4


# The text


def settings(**changes):
    return lab.groups_lab(LIMITS).settings | changes


def preset(name, **changes):
    return settings(**lab.groups_lab(LIMITS).presets[name]) | changes


def seen(values):
    return lab._seen(lab.design_of(values))


def macs_of_each(values):
    return [work.macs for work in seen(values).works]


def test_question_a():
    start = preset("experiment: 12 groups")
    assert start["in_channels"] == start["out_channels"] == 48
    for kernel_size, first in ((3, 12), (5, 48)):
        for grid in (8, 21):
            cheaper = []
            for groups in (each for each in (*lab.GROUPS[:-1], 48) if 48 % each == 0):
                window, mix = macs_of_each(start | {"groups": groups, "kernel_size": kernel_size, "grid": grid})
                cheaper += [groups] if window < mix else []
            assert min(cheaper) == first
    assert "it is less from g = 12 on" in TEXT and "it takes more than 25 groups: 48" in TEXT
    assert not {28, 32} & {g for g in range(1, 49) if 48 % g == 0}


def test_question_b():
    start = preset("block2: separable")
    each = {
        order: sum(macs_of_each(start | {"order": order})) // start["grid"] ** 2
        for order in (lab.WINDOW_FIRST, lab.MIX_FIRST)
    }
    assert f"9·64 + 64·128 = {each[lab.WINDOW_FIRST]:,}" in TEXT
    assert f"64·128 + 9·128 = {each[lab.MIX_FIRST]:,}" in TEXT
    middle = preset("middle flow: separable")
    assert sum(macs_of_each(middle)) == sum(macs_of_each(middle | {"order": lab.MIX_FIRST}))


def test_question_c():
    three, five = (seen(preset("middle flow: depthwise alone", kernel_size=size)) for size in (3, 5))
    assert f"{five.table.macs / three.table.macs:.2f} times the multiply-adds" in TEXT
    assert f"{100 * (five.bytes / three.bytes - 1):.0f} % more bytes" in TEXT
    for design in (three, five):
        assert design.intensity < LIMITS.ridge
    assert five.seconds(LIMITS) / three.seconds(LIMITS) == pytest.approx(five.bytes / three.bytes)


def test_question_d():
    without, with_one = (seen(preset("middle flow: separable", between=between)) for between in (lab.NOTHING, lab.RELU))
    assert without.table.parameters == with_one.table.parameters and without.works == with_one.works
    words = [
        lab.view(LIMITS, preset("middle flow: separable", between=each), None).text for each in (lab.NOTHING, lab.RELU)
    ]
    assert "one linear map" in words[0] and "one linear map" not in words[1]
    assert words[0].splitlines()[0] == words[1].splitlines()[0]


def test_numbers_of_the_text():
    xception, v3 = measure.cost("xception"), measure.cost("inception_v3")
    gaps = [100 * (larger / smaller - 1) for larger, smaller in (
        (paper.TABLE_3["Inception V3"], xception.parameters), (v3.parameters, xception.parameters))]  # fmt: skip
    assert f"With the printed number it is {gaps[0]:.1f}, with Inception-v3 as it was released {gaps[1]:.1f}." in TEXT
    assert f"within {paper.PRINTED_WITHIN} per cent of each other" in TEXT
    assert paper.early_parameters() == paper.TABLE_3["Inception V3"]
    stages = {name: figures.by_grid(measure.cost(name)) for name in ("xception", "inception_v3")}
    assert stages["xception"]["17 to 19"][0] > xception.parameters / 2
    assert stages["inception_v3"]["8 to 10"][0] == pytest.approx(v3.parameters / 2, rel=0.02)
    assert "361 places" in TEXT and 19**2 == 361 and measure.network("inception_v3") and 8**2 == 64
    assert xception.parameters < v3.parameters and xception.macs > 1.1 * v3.macs
    assert layers_and_modules_of(measure.network("xception")) == (36, 14)
    middle = profile(measure.network("xception").block12, (728, 19, 19))
    share = sum(row.macs for row in middle.rows if "depthwise" in row.label) / middle.macs
    assert 0.010 < share < 0.015 and "little more than a hundredth" in TEXT
    assert [len(list(measure.network(name).blocks("middle"))) for name in ("xception_65", "xception_71")] == [16, 16]


def test_the_free_answer_of_the_assignment():
    text = Path(paper.__file__).with_name("assignment.md").read_text(encoding="utf-8")
    assert f"expects the network to be {1 / ratio_of(256, 256, 3):.1f} times faster" in text
    intensity, _ = roofline.roofline_of(256, 256, 3, 256, 30, 1, 1)
    assert intensity == pytest.approx(9 / 8, rel=0.01) and "about 9/8" in text


# Towers and orders


@pytest.mark.parametrize(("count", "reduce", "out"), [(1, 4, 4), (3, 2, 5), (6, 1, None)])
def test_towers_are_groups(count, reduce, out):
    towers = Towers(6, count=count, reduce=reduce, out_channels=out).double()
    grouped = as_grouped(list(towers.children())).double()
    x = torch.randn(2, 6, 7, 9, dtype=torch.float64)
    assert torch.allclose(towers(x), grouped(x), rtol=0, atol=1e-12)
    assert grouped[1].groups == count
    shapes = profile(towers, (6, 7, 9)), profile(grouped, (6, 7, 9))
    assert shapes[0].macs == shapes[1].macs and shapes[0].parameters == shapes[1].parameters


def test_a_tower_that_cannot_be_is_named():
    with pytest.raises(ValueError, match="reduce is 0"):
        Towers(6, count=2, reduce=0)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [3, 5])
def test_a_linear_separable_convolution_is_one_dense_one(order, size):
    module = Separable(4, 7, size, order).double()
    halves = {conv.groups > 1: conv.weight for conv in module}
    dense = as_dense(halves[False], halves[True], order)
    assert dense.shape == (7, 4, size, size)
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    assert torch.allclose(module(x), F.conv2d(x, dense, padding=size // 2), rtol=0, atol=1e-12)
    assert figures.shared_by(dense.detach()) == ("input" if order == ORDERS[0] else "output")


def test_orders_agree_where_all_windows_are_alike_only():
    assert difference_of_orders(Separable, 6) > 0.1 and difference_of_orders(Separable, 1) < 1e-6
    assert difference_of_orders(partial(Separable, activation=True), 1) > 0.1


def test_an_order_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="order is 'sideways'; it can be 'depthwise first' or 'pointwise first'"):
        Separable(3, 4, order="sideways")


def test_no_rank_no_sharing():
    assert figures.shared_by(torch.randn(3, 4, 3, 3, generator=torch.Generator().manual_seed(0))) == "no"


# The roofline


@pytest.mark.parametrize("case", [(728, 728, 3, 728, 19), (12, 9, 5, 3, 7), (64, 128, 1, 1, 8)])
def test_work_is_counted_on_the_module(case):
    in_channels, out_channels, kernel_size, groups, grid = case
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, groups=groups, bias=False)
    work = work_of(conv, (in_channels, grid, grid))
    weights, macs = grouped_cost_of(*case)
    assert work == Work(macs, 4 * (weights + grid**2 * (in_channels + out_channels)))
    intensity, most = roofline.roofline_of(*case, 40e9, 10e9)
    assert work.intensity == pytest.approx(intensity)
    assert LIMITS.attainable(intensity) == most == min(40e9, 10e9 * intensity)
    batch = work_of(conv, (in_channels, grid, grid), batch_size=5)
    assert batch == Work(5 * macs, 4 * (weights + 5 * grid**2 * (in_channels + out_channels)))


def test_work_adds_up_layer_by_layer():
    module = Separable(6, 8, activation=True)
    each = works_of(module, (6, 5, 5))
    assert len(each) == 2 and work_of(module, (6, 5, 5)) == Work(sum(w.macs for w in each), sum(w.bytes for w in each))
    assert sum(LIMITS.least_seconds(work) for work in each) >= LIMITS.least_seconds(work_of(module, (6, 5, 5)))
    net = measure.network("xception")
    assert work_of(net, (3, 299, 299)).macs == measure.cost("xception").macs


def test_the_least_time_is_that_of_the_tighter_limit():
    assert LIMITS.ridge == 4
    assert LIMITS.least_seconds(Work(macs=40, bytes=1)) == pytest.approx(1e-9)
    assert LIMITS.least_seconds(Work(macs=1, bytes=10)) == pytest.approx(1e-9)
    assert LIMITS.attainable(1) == 10e9 and LIMITS.attainable(100) == 40e9
    assert LIMITS.attainable(0.25, from_cache=True) == 20e9


def test_limits_are_measured(monkeypatch):
    monkeypatch.setitem(roofline._SIZES, "cpu", (64, (1, 256, 256), (1, 16, 16)))
    limits = roofline.measure_limits(rounds=2)
    assert limits.peak > 1e6 and limits.memory > 1e6 and limits.cache > 1e6 and "1 thread" in limits.where
    assert "is the limit." in str(limits)


def test_limits_leave_torch_s_precision_as_it_was(monkeypatch):
    monkeypatch.setitem(roofline._SIZES, "cpu", (8, (1, 8, 8), (1, 8, 8)))
    before = torch.backends.cudnn.allow_tf32
    roofline.measure_limits(rounds=1)
    assert torch.backends.cudnn.allow_tf32 == before


def test_layers_are_placed():
    small = [
        Layer("one", (4, 8, 8), partial(nn.Conv2d, 4, 4, 3, padding=1, bias=False)),
        Layer("two", (3, 6, 6), partial(nn.Conv2d, 3, 5, 1, bias=False)),
        Layer("three", (4, 8, 8), partial(Separable, 4, 4)),
    ]
    found = list(roofline.places(small, rounds=2))
    assert [place.name for place in found] == ["one", "three", "two"]
    for place in found:
        layer = next(layer for layer in small if layer.name == place.name)
        assert (
            place.work == work_of(layer.build(), layer.image_shape) and place.speed == place.work.macs / place.seconds
        )
    words = roofline.in_words(found, LIMITS)
    assert words.count("multiply-adds a byte") == 3 and "from a cache" in words


def test_the_roofline_says_what_the_bytes_allow():
    slow = Place("depthwise 3×3", Work(macs=10**9, bytes=10**9), seconds=0.5)  # 1 multiply-add a byte, of a ridge at 4
    assert (
        "depthwise 3×3 reaches 5 % of the peak; its bytes, from memory, allow 25 %"
        in figures.roofline(LIMITS, [slow]).alternative
    )
    dense = replace(slow, work=Work(macs=10**9, bytes=10**8))
    assert "its bytes allow all of it" in figures.roofline(LIMITS, [dense]).alternative


def test_a_dense_layer_that_was_disturbed_is_doubted():
    work = Work(macs=100, bytes=1)
    found = [Place("1×1", work, 1.0), Place("dense 3×3", work, 2.0), Place("depthwise 3×3", work, 9.0)]
    assert roofline.doubt(found) == ""
    assert "the dense 3×3 was only 25 % as fast as the 1×1" in roofline.doubt(
        [found[0], replace(found[1], seconds=4.0)]
    )


def test_the_layers_of_the_lesson():
    layers = {layer.name: layer for layer in roofline.LAYERS}
    works = {name: work_of(layer.build(), layer.image_shape) for name, layer in layers.items()}
    assert works[DENSE].macs / works[SEPARABLE].macs == pytest.approx(1 / ratio_of(728, 728, 3))
    assert works["depthwise 3×3"].intensity == pytest.approx(9 / 8, rel=0.02) and "near 9/8" in TEXT
    assert works["depthwise 3×3, 74 grid"].intensity == pytest.approx(9 / 8, rel=0.02)
    assert "Six layers" in TEXT and len(layers) == 6


def test_networks_of_different_sizes_are_not_timed_together():
    with pytest.raises(ValueError, match="images of 2 sizes"):
        roofline.time_networks({"a": "googlenet", "b": "xception"})


# Pictures


def test_the_dial_s_connections():
    for groups in (1, 2, 4):
        conv = nn.Conv2d(4, 8, 3, groups=groups, bias=False)
        expected = np.kron(np.eye(groups), np.ones((8 // groups, 4 // groups))).astype(bool)
        assert (figures.connections(conv) == expected).all()


def test_pictures_say_their_point():
    assert "1,296 weights become 108" in figures.dial().alternative
    cost = figures.cost_of_the_dial(grouped_cost_of).alternative
    assert "From 13 groups on the 3×3 costs less than its 1×1; at 728, 1.2 % of it" in cost
    assert isinstance(figures.depthwise_on_a_photograph(depthwise_of, size=40), Picture)
    assert "depthwise first, one window for each input channel" in figures.two_orders().alternative
    assert "pointwise first, one window for each output channel" in figures.two_orders().alternative
    assert "4 % fewer parameters than Inception-v3, and takes 46 % more" in figures.beside_inception_v3().alternative
    assert "3 towers have 576 weights, as 3 groups 576; with a group for each channel 252" in repr(
        figures.towers_as_groups(as_grouped)
    )


@pytest.mark.parametrize("name", ["xception", "inception_v3"])
def test_stages_by_grid_hold_the_whole_network(name):
    table = measure.cost(name)
    stages = figures.by_grid(table)
    assert sum(parameters for parameters, _ in stages.values()) == table.parameters
    assert sum(macs for _, macs in stages.values()) == table.macs


def test_two_networks_are_compared_in_per_cent():
    times = {"Inception-v3": Timing((0.2, 0.3)), "Xception": Timing((0.5, 0.26))}
    shown = figures.two_networks(times, {"Inception-v3": 200, "Xception": 300}, "a CPU").alternative
    assert "130 % of Inception-v3's time" in shown and "bytes moved 150 %" in shown and "multiply-adds 146 %" in shown


class _Shown:
    def values(self):
        return {"1 group": [80.0, 82.0], "3 groups": [], "48 groups": [83.0, 84.0]}


def test_accuracy_is_drawn_over_cost():
    costs = experiment("groups").costs()
    shown = figures.accuracy_over_cost(_Shown(), costs).alternative
    share = round(100 * costs["48 groups"].macs / costs["1 group"].macs)
    assert f"48 groups: {share} % of the multiply-adds of 1 group, +2.5 points" in shown and "3 groups" not in shown


# The lab


@pytest.mark.parametrize("order", lab.ORDERS)
@pytest.mark.parametrize("groups", [1, 3, lab.EACH])
@pytest.mark.parametrize("size", [3, 7])
def test_the_lab_counts_right(order, groups, size):
    values = settings(order=order, groups=groups, kernel_size=size, in_channels=12, out_channels=24, grid=9)
    if order == lab.ALONE and groups == lab.EACH:
        count = 12
    else:
        count = {lab.MIX_FIRST: 24}.get(order, 12) if groups == lab.EACH else groups
    window = {
        lab.WINDOW_FIRST: (12, 12, size, count, 9), lab.MIX_FIRST: (24, 24, size, count, 9), lab.ALONE: (12, 24, size, count, 9),
    }[order]  # fmt: skip
    parts = [window] if order == lab.ALONE else [window, (12, 24, 1, 1, 9)]
    parameters, macs = (sum(each) for each in zip(*(grouped_cost_of(*part) for part in parts), strict=True))
    moved = 4 * sum(grouped_cost_of(*part)[0] + 81 * (part[0] + part[1]) for part in parts)
    view = lab.view(LIMITS, values, None)
    assert f'data-parameters="{parameters}" data-macs="{macs}" data-bytes="{moved}"' in view.html
    assert f"{parameters:,} parameters, {macs:,} multiply-adds, {moved:,} bytes" in view.text
    assert f"{count} group{'s' if count > 1 else ''}:" in view.text
    assert view.disabled == ({"between"} if order == lab.ALONE else set())
    seconds = sum(
        LIMITS.least_seconds(Work(grouped_cost_of(*p)[1], 4 * (grouped_cost_of(*p)[0] + 81 * (p[0] + p[1]))))
        for p in parts
    )
    assert f"At best {lab.time_text(seconds)} an image" in view.text


def test_groups_that_do_not_divide_are_explained():
    shown = lab.groups_lab(LIMITS)
    shown.set(groups=6)
    assert "728 channels cannot be divided into 6 equal groups" in shown.trouble
    for groups in re.findall(r"\d+", shown.trouble.split("can be here:")[1]):
        shown.set(groups=int(groups))
        assert shown.trouble == ""


def test_every_handle_changes_the_lab_and_start_again_undoes_it():
    shown = lab.groups_lab(LIMITS)
    shown.set(in_channels=48, out_channels=48)
    start, before = (shown.output.value, shown.words.value), shown.settings
    changes = {
        "order": lab.MIX_FIRST,
        "groups": 4,
        "kernel_size": 5,
        "between": lab.RELU,
        "in_channels": 24,
        "out_channels": 96,
        "grid": 8,
    }
    assert changes.keys() == shown.controls.keys()
    for key, value in changes.items():
        control = shown.controls[key]
        assert getattr(control, "tooltips", None) or control.tooltip
        shown.set(**{key: value})
        assert (shown.output.value, shown.words.value) != start and shown.trouble == "", key
        shown.set(**before)
        assert (shown.output.value, shown.words.value) == start, key
    shown.reset_button.click()
    assert shown.settings["in_channels"] == 728


def test_a_and_b_are_compared_and_both_on_the_roof():
    dense = preset("middle flow: dense 3×3")
    view = lab.view(LIMITS, preset("middle flow: separable"), dense)
    assert "B against A: 89 % fewer parameters, 89 % fewer multiply-adds, 70 % fewer bytes; 0." in view.text
    assert view.html.count("<circle") == 2 and 'data-design="A"' in view.html and 'data-design="B"' in view.html
    back = lab.view(LIMITS, dense, preset("middle flow: separable")).text
    assert "8.89 times the multiply-adds" in back
    assert "as many bytes; 1 times the least time" in lab.view(LIMITS, dense, dense).text
    assert copy.deepcopy(dense) == dense


def test_presets_can_be_chosen():
    shown = lab.groups_lab(LIMITS)
    for name in shown.presets:
        shown.set(grid=11, in_channels=8, out_channels=8)
        shown.preset.set_state({"index": shown.preset.options.index(name)})
        assert shown.preset.value == name and shown.trouble == ""
    block3 = seen(preset("block3: separable"))
    net = profile(measure.network("xception").block3.body[1].conv, (128, 74, 74))
    assert (block3.table.parameters, block3.table.macs) == (net.parameters, net.macs)


def test_points_of_the_roof_lie_under_it():
    for name in lab.groups_lab(LIMITS).presets:
        design = seen(preset(name))
        assert design.table.macs / design.seconds(LIMITS) <= LIMITS.attainable(design.intensity) * (1 + 1e-9)


# The claims that this lesson adds


def test_claims_of_this_lesson(monkeypatch):
    claims = {claim.number: claim for claim in paper.CLAIMS}
    for number in (77, 78, 79):
        assert claims[number].measure().verdict == "holds"
    assert "12 of 14 blocks" in claims[78].measure().measured
    monkeypatch.setattr(paper, "as_grouped", lambda towers: as_grouped(towers[::-1]))
    assert claims[77].measure().verdict == "does not hold"
    monkeypatch.setattr(paper, "PRINTED_GRID", (728, 18, 18))
    assert claims[79].measure().verdict == "holds in part"


def test_a_place_knows_its_speed():
    assert Place("it", Work(10, 5), 2.0).speed == 5 and Work(10, 5).intensity == 2


def test_what_the_text_says_of_the_dial_on_photographs():
    groups = experiment("groups")
    both = groups.on_both()
    assert both.short.verdicts["48 groups"] == both.full.verdicts["48 groups"] == "differs"
    short, full = (form.compare().differences[-1] for form in (both.short, both.full))
    assert 18 < short.mean < 26 and "which led by some twenty points on the course's images" in TEXT
    assert -3 < full.mean < -2 and "ends about two and a half points behind it" in TEXT
    assert all(each.mean < 0 for each in both.full.compare().differences)  # "the network with one group ends first"
    by_arm = {
        arm: np.mean([[seen.test_accuracy for seen in run.history] for run in runs], 0)
        for arm, runs in both.full.runs.items()
    }
    behind = by_arm["1 group"] - by_arm["48 groups"]
    assert {*np.sign(behind[:5])} == {-1, 1} and "over the first five passes now the one leads, now the other" in TEXT
    assert (
        all(behind[5:] > 0.01) and "from the sixth on, while the learning rate falls, the one group stays ahead" in TEXT
    )
    rates = [seen.learning_rate for seen in both.full.runs["1 group"][0].history]
    assert rates[4:] == sorted(rates[4:], reverse=True)
    costs = groups.costs()
    assert 0.2 < costs["48 groups"].macs / costs["1 group"].macs < 0.23 and "about a fifth of the multiply-adds" in TEXT
    assert {run.data["train"] for runs in both.full.runs.values() for run in runs} == {50_000}
    assert both.full.form.recipe.epochs == 10 and "saw all 50,000 photographs, ten times" in TEXT


def test_what_the_text_says_of_an_activation_between_on_photographs():
    both = experiment("separable_activation").on_both()
    assert both.short.verdicts == {"ReLU": "differs", "ELU": "differs"}
    assert all(each.mean > 10 for each in both.short.compare().differences)
    relu, elu = (each.mean for each in both.short.compare().differences)
    assert relu > 20 and elu > 10 and "brings more than twenty points and an ELU more than ten" in TEXT
    assert both.short.form.recipe.epochs == 5 and both.short.form.limit == 3000
    assert both.full.verdicts == {"ReLU": "equal", "ELU": "equal"} and experiment("separable_activation").matters == 1.5
    assert all(each.low < 0 < each.high and each.mean < 0 for each in both.full.compare().differences)
    assert "by their means a little below it, with intervals that hold 0" in TEXT
    assert "both end within 1.5 points" in TEXT and [row[3] for row in both.rows] == ["they disagree"] * 2
    images = {run.data["train"] for runs in both.full.runs.values() for run in runs}
    assert images == {50_000} and both.full.form.recipe.epochs == 10


def test_what_the_text_says_of_skips_on_photographs():
    both = experiment("separable_residual").on_both()
    assert both.short.verdicts == both.full.verdicts == {"not residual": "differs"}
    short, full = (form.compare().differences[0] for form in (both.short, both.full))
    assert -23 < short.mean < -17 and "about twenty points after five passes over 3,000" in TEXT
    assert -1 < full.mean < 0 and "less than one after ten passes over 50,000 photographs" in TEXT
    assert (both.short.form.recipe.epochs, both.short.form.limit) == (5, 3000)
    images = {run.data["train"] for runs in both.full.runs.values() for run in runs}
    assert images == {50_000} and both.full.form.recipe.epochs == 10
    means = [
        np.mean([[seen.test_accuracy for seen in run.history] for run in runs], 0) for runs in both.full.runs.values()
    ]
    behind = means[0] - means[1]
    assert behind[0] > 0.06 and "by more than six points after the first pass" in TEXT
    assert 0 < behind[2] < 0.01 and "by less than one after the third" in TEXT
    assert all(0.035 < each < 0.045 for each in behind[3:5]) and "by four again after the fourth and fifth" in TEXT
    assert "and by about one from the seventh on" in TEXT
    assert all(0.005 < each < 0.0125 for each in behind[6:])


def test_torchinfo_sees_no_function():
    """What the lesson prints: torchinfo 0, `profile` and the count by hand the same."""

    class Depthwise(nn.Module):
        def forward(self, x):
            return F.conv2d(x, torch.ones(32, 1, 3, 3, device=x.device), padding=1, groups=32)

    assert torchinfo.summary(Depthwise(), (1, 32, 28, 28), verbose=0).total_mult_adds == 0
    assert profile(Depthwise(), (32, 28, 28)).macs == 32 * 9 * 28 * 28


def test_the_text_on_mobilenet():
    """Beside Xception's separable convolution: as much work, and the normalisation between the halves."""
    with torch.device("meta"):
        mobile, own = (profile(block(728, 728), (728, 19, 19)) for block in (SeparableBlock, SeparableConvBN))
    assert mobile.macs == own.macs and "Both do the same multiply-adds" in TEXT
    assert f"MobileNet has {mobile.parameters - own.parameters:,} parameters more" in TEXT
    assert {80, 81} <= {claim.number for claim in paper.CLAIMS} and "Claims 80 and 81 above" in TEXT


def test_torchinfo_on_the_whole_network():
    """Groups are right by its rule, and what is added is that of normalisations and biases, each once."""
    network, costs = measure.network("xception"), measure.cost("xception")
    shown = torchinfo.summary(network, (1, 3, 299, 299), device="meta", verbose=0)
    of_norms = sum(2 * each.num_features for each in network.modules() if isinstance(each, nn.BatchNorm2d))
    assert shown.total_params == costs.parameters and shown.total_mult_adds - costs.macs == of_norms + 1000
    depthwise = [each for each in shown.summary_list if isinstance(each.module, nn.Conv2d) and each.module.groups > 1]
    assert depthwise and all(each.num_params == 9 * each.output_size[1] for each in depthwise)
