"""Lesson 02: what its text states, its pictures, its lab, and the functions behind them."""

import itertools
import re

import numpy as np
import pytest
import torch
import torchinfo
from torch import nn
from torch.nn import functional as F

from course.experiments import experiment
from lessons.googlenet import checks, crops, figures, gradients, lab
from lessons.googlenet.crops import crops_144
from lessons.googlenet.paper import CLAIMS, separable_first_layer
from lessons.googlenet.table import lines
from networks import measure
from networks.catalog import create
from networks.googlenet import MODULES, InceptionModule, local_response_norm
from utils.cost.table import profile
from utils.data.photo import photograph
from utils.data.sets import load
from utils.show.plot import Picture
from utils.train.comparison import ACCURACY, Quantity
from utils.train.recipe import Recipe

TEXT = re.sub(r"\s+", " ", (checks.feedback.source).read_text(encoding="utf-8"))
TABLE = {line.name: line for line in lines()}


def implied(line, ops=None):
    """K that a row's operations stand for."""
    return (line.printed_ops if ops is None else ops) * 1e6 / line.grid**2 / 1024


# What the text states


def test_what_the_text_says_of_the_recorded_heads():
    found = experiment("auxiliary_heads").recorded()
    learned = {arm: sum(values) / 100 for arm, values in found.values().items()}
    assert {len(runs) for runs in found.runs.values()} == {16}
    words = "Of sixteen runs each, {with heads:.0f} learn something with heads and {without heads:.0f} without"
    assert words.format(**learned) in TEXT and set(found.verdicts.values()) == {"differs"}
    assert found.compare(ACCURACY).differences[0].verdict == "open" and "Mean accuracies cannot tell the two" in TEXT


def test_what_the_text_says_of_heads_on_photographs():
    found = experiment("auxiliary_heads").recorded("full")
    (late,) = found.compare().differences  # without heads, against with heads
    assert {len(runs) for runs in found.runs.values()} == {5} and found.quantity is ACCURACY
    assert late.verdict == "differs" and f"with heads end {-late.mean:.1f} points higher" in TEXT
    assert (
        set(found.values(experiment("auxiliary_heads").quantity)["without heads"]) == {100.0}
        and "none is stuck" in TEXT
    )
    after_three = Quantity("accuracy", "%", lambda run: 100 * run.history[2].test_accuracy)
    assert found.compare(after_three).differences[0].low < 0 < found.compare(after_three).differences[0].high
    assert "after three epochs these runs cannot tell the arms apart" in TEXT


def test_grids():
    assert checks.size_after(224, [(7, 2, 3, False)] + [(3, 2, 0, True)] * 4) == 7
    assert checks.size_after(224, [(7, 2, 3, False)] + [(3, 2, 0, False)] * 4) == 6
    assert "6 × 6 cells in place of the 7 × 7" in TEXT


def test_the_rows_that_are_off():
    suspects = checks.off(list(TABLE.values()))
    assert (len(TABLE), len(suspects)) == (12, 7) and "Of the twelve rows of its table, five are within 1.5" in TEXT
    other = [name for name in suspects if not name.startswith("convolution")]
    assert other == ["4a", "4c", "4d", "4e", "5a", "5b"]
    for name in ("4c", "4d", "4e", "5b"):  # the operations stand for the network's parameters
        line = TABLE[name]
        low, high = (implied(line, line.printed_ops + half) for half in (-0.5, 0.5))
        assert low <= line.weights / 1024 <= high and not low - 0.5 <= line.printed_params <= high + 0.5
    for name in ("convolution 7×7/2", "4a", "5a"):  # the row agrees with itself, and not with the network
        line = TABLE[name]
        low, high = (implied(line, line.printed_ops + half) for half in (-0.5, 0.5))
        assert low <= line.printed_params + 0.05 and line.printed_params - 0.05 <= high
        assert abs(line.weights / 1024 - line.printed_params) > 1.5


def test_5a_with_928_channels_gives_both_printed_figures():
    with torch.device("meta"):
        module = InceptionModule(928, MODULES["inception_5a"])
    weights = sum(parameter.numel() for parameter in module.parameters() if parameter.dim() > 1)
    assert weights == 1024 * TABLE["5a"].printed_params
    assert round(profile(module, (928, 7, 7)).macs / 1e6) == TABLE["5a"].printed_ops
    assert "one with 928 input channels in place of 832" in TEXT


def test_4a_cut_to_whole_millions_gives_both_printed_figures():
    line = TABLE["4a"]
    assert f"the network's {line.macs / 1e6:.1f} million to {int(line.macs / 1e6)}" in TEXT
    cut = int(line.macs / 1e6) * 1e6 / line.grid**2 / 1024
    assert int(line.macs / 1e6) == line.printed_ops and round(cut) == line.printed_params
    assert f"73 million / 14² / 1024 = {cut:.1f} K" in TEXT


def test_the_separable_first_layer():
    layer = separable_first_layer()
    assert layer.weights == 3 * 8 * 7 * 7 + 3 * 8 * 64
    assert (
        f"{layer.weights / 1000:.1f} K weights, if K is 1000" in TEXT
        and f"{layer.macs / 1e6:.0f} million operations" in TEXT
    )
    plain = measure.cost("googlenet").macs
    assert plain > 1.5e9 > plain - TABLE["convolution 7×7/2"].macs + layer.macs


def test_costs_in_the_text():
    table = measure.cost("googlenet")
    stem = sum(cost.macs for name, cost in table.by_stage().items() if name.startswith("conv"))
    assert 0.28 < stem / table.macs < 1 / 3 and "take almost a third" in TEXT
    assert round(table.parameters / 1e6) == 7 and "seven million parameters" in TEXT
    heads = sum(p.numel() for width in (512, 528) for p in checks.head(width, 1000).parameters())
    with torch.device("meta"):
        assert table.parameters + heads == sum(p.numel() for p in create("googlenet", aux_heads=True).parameters())
    assert 0.9 < heads / table.parameters < 1


def test_the_constants_of_the_recap():
    norm = local_response_norm()
    assert norm.alpha / norm.size == pytest.approx(0.00002) and "α/n = 0.00002" in TEXT
    assert (norm.size, norm.alpha, norm.beta, norm.k) == (5, 1e-4, 0.75, 1)
    assert "$n = 5$, $\\alpha = 10^{-4}$ and $\\beta = 0.75$; with $k = 1$" in TEXT


def test_more_facts_of_the_text():
    assert round((427 / 48) ** 2) == 79 and "one pixel stands for 79" in TEXT
    spreads = [[spread(fan_in) for spread in gradients.STARTS.values()] for fan_in in (27, 147, 1200, 2048)]
    assert all(each == sorted(each) for each in spreads)  # small, medium, large, as the prediction says
    released, plain = measure.cost("googlenet", "released"), measure.cost("googlenet")
    saved = plain.macs - TABLE["convolution 7×7/2"].macs + separable_first_layer().macs
    assert released.macs == pytest.approx(saved, rel=0.001) and "takes almost as many MACs as yours" in TEXT
    images = len(load("scales", limit=1500).test.labels)
    assert images == 500 and 10 + 100 * 3 * (0.1 * 0.9 / images) ** 0.5 == pytest.approx(14, abs=0.1)
    assert "on the 500 test images seldom more than 14 times" in TEXT


def test_the_schedule():
    recipe = Recipe(epochs=200, schedule="exponential", decay=0.96, decay_every=8)
    assert "half is reached after 136 epochs" in figures.learning_rate(recipe).alternative
    assert 0.96**17 <= 0.5 < 0.96**16


# The questions under the lab


def unseen(scales, squares, places, mirrors=1):
    return (lab.seen(scales, squares, places, mirrors) == 0).mean()


def test_question_a():
    assert f"{unseen(1, 1, 5, 2):.0%}".replace("%", " %") + " are never seen" in TEXT
    assert unseen(1, 3, 5, 2) == 0 and "for 30 forward passes in place of 10" in TEXT
    assert f"with all four of them it is still {unseen(4, 1, 5, 2):.0%}".replace("%", " %") in TEXT
    assert unseen(1, 1, 6, 2) > 0  # the whole square does not do it either: one handle does


def test_question_b():
    every = itertools.product((1, 2, 3, 4), (1, 3), (1, 5, 6), (1, 2))
    complete = {setting: np.prod(setting) for setting in every if unseen(*setting) == 0}
    assert min(complete, key=complete.get) == (1, 3, 5, 1) and complete[1, 3, 5, 1] == 15
    assert "15 forward passes: one scale, three squares" in TEXT
    assert f"With the three centres alone, 3 passes, {unseen(1, 3, 1):.0%} stay unseen".replace("%", " %") in TEXT


def test_question_c():
    start = lab.crop_lab().settings
    found = {}
    for smallest in (8, 1, 50):
        boxes, _ = lab.training_boxes(smallest, start["widest"], start["interpolation"], start["seed"])
        shortest = min(min(right - left, bottom - top) for left, top, right, bottom in boxes)
        x, y = lab.MIDDLE
        found[smallest] = shortest, sum(le <= x < r and t <= y < b for le, t, r, b in boxes)
    assert f"From 8 % on the shortest side is {found[8][0]} pixels, and {found[8][1]} crops have the middle" in TEXT
    assert (
        f"From 1 % on it is {found[1][0]} pixels, enlarged {224 / found[1][0]:.1f} times, and still {found[1][1]}"
        in TEXT
    )
    assert (
        f"From 50 % on it is {found[50][0]} pixels and all {found[50][1]} have it" in TEXT and found[50][1] == lab.COUNT
    )


# Crops


LANDSCAPE, PORTRAIT, SQUARE = (300, 400), (500, 320), (256, 256)


@pytest.mark.parametrize("image", [LANDSCAPE, PORTRAIT, SQUARE, (33, 32)])
def test_the_papers_144_looks(image):
    crops = crops_144(*image)
    assert len(crops) == len({(c.scale, c.square, c.place, c.mirrored) for c in crops}) == 144
    assert {c.scale for c in crops} == {256, 288, 320, 352}
    assert {c.square for c in crops} == set(
        ("left", "centre", "right") if image[1] >= image[0] else ("top", "centre", "bottom")
    )
    assert len({c.place for c in crops}) == 6
    for crop in crops:
        assert min(crop.resized) == crop.scale
        assert crop.resized[0] / crop.resized[1] == pytest.approx(image[0] / image[1], rel=0.01)
        left, top, side = crop.window
        assert 0 <= left <= left + side <= crop.resized[1]
        assert 0 <= top <= top + side <= crop.resized[0]
        assert side == (crop.scale if crop.place == "whole" else 224)
        left, top, right, bottom = crop.box
        assert 0 <= left < right <= image[1]
        assert 0 <= top < bottom <= image[0]


def test_boxes_by_hand():
    """A 300 x 400 image at the scale of 256 is 256 x 341: the right square begins at 85, its crops at 85 and 117."""
    boxes = {(c.square, c.place): (c.window, c.box) for c in crops_144(*LANDSCAPE) if c.scale == 256}
    assert {c.resized for c in crops_144(*LANDSCAPE)} == {(256, 341), (288, 384), (320, 427), (352, 469)}
    assert boxes["left", "whole"] == ((0, 0, 256), (0, 0, pytest.approx(256 * 400 / 341), 300))
    assert boxes["centre", "whole"][0] == (42, 0, 256)
    assert boxes["right", "top left"][0] == (85, 0, 224)
    assert boxes["right", "bottom right"][0] == (117, 32, 224)
    assert boxes["right", "bottom right"][1] == pytest.approx((117 * 400 / 341, 37.5, 400, 300))
    assert boxes["left", "centre"][0] == (16, 16, 224)
    portrait = {(c.square, c.place): c.window for c in crops_144(*PORTRAIT) if c.scale == 256}
    assert portrait["top", "top left"] == (0, 0, 224)
    assert portrait["bottom", "bottom left"] == (0, 400 - 224, 224)


def test_the_exercise_s_crops_are_those_of_utils():
    for size in ((427, 640), (500, 333), (300, 300)):
        boxes = {(look.scale, *look.window, look.mirrored) for look in crops_144(*size)}
        assert set(checks.looks(*size)) == boxes and len(checks.looks(*size)) == 144


def test_some_crops():
    assert crops.some_crops(427, 640, scales=4, squares=3, places=6, mirrors=2) == crops_144(427, 640)
    ten = crops.some_crops(640, 427, scales=1, squares=1, places=5, mirrors=2)
    assert len(ten) == 10 and {(look.scale, look.square) for look in ten} == {(256, "centre")}
    assert "whole" not in {look.place for look in ten}
    (one,) = crops.some_crops(427, 640, scales=1, squares=1, places=1, mirrors=1)
    assert (one.scale, one.square, one.place, one.mirrored) == (256, "centre", "centre", False)
    with pytest.raises(ValueError, match="height is 0; it must be a whole number, 1 or more"):
        crops_144(0, 5)
    with pytest.raises(ValueError, match="there can be 1 or 3 squares and 1, 5, 6 places"):
        crops.some_crops(427, 640, scales=1, squares=2, places=1, mirrors=1)


def test_times_seen_counts_by_hand():
    looks = crops_144(60, 90)
    seen = crops.times_seen(looks, 60, 90)
    for row, column in ((0, 0), (30, 45), (59, 89), (10, 80)):
        inside = 0
        for look in looks:
            left, top, right, bottom = (round(edge) for edge in look.box)
            inside += left <= column < right and top <= row < bottom
        assert seen[row, column] == inside


# What the checks add to a right answer


@pytest.mark.filterwarnings("ignore:dropout2d")
def test_a_head_in_another_order_is_told_what_that_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))

    def said(change=lambda layers: None):
        def aux_head(in_channels, num_classes):
            layers = [nn.AvgPool2d(5, 3), nn.Conv2d(in_channels, 128, 1), nn.ReLU(), nn.Flatten()]
            layers += [nn.Linear(2048, 1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, num_classes)]
            change(layers)
            return nn.Sequential(*layers)

        result = checks.check.aux_head(aux_head)
        assert result, result
        return result.body

    def swap(first, second):
        def change(layers):
            layers[first], layers[second] = layers[second], layers[first]

        return change

    plain = said()
    assert said(swap(0, 1)).removeprefix(plain).startswith(" Your 1×1 convolution stands before the pool")
    assert "12 times the work" in said(swap(0, 1))
    assert said(swap(5, 6)).removeprefix(plain).startswith(" Your dropout stands before the ReLU")
    assert "`nn.Dropout` does the same" in said(lambda layers: layers.__setitem__(6, nn.Dropout2d(0.7)))


# Gradients


def test_gradient_norms_are_autograd_s():
    torch.manual_seed(0)
    net = create("googlenet", size="mini", num_classes=4, aux_heads=True)
    images, labels = torch.randn(3, 3, 32, 32), torch.tensor([0, 1, 3])
    found = gradients.gradient_norms(net, images, labels, aux_weight=0.3)
    assert net.training
    logits, aux = net.eval()(images, with_aux=True)
    loss = F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)
    loss.backward()
    for name in ("conv1", "inception_4a", "classifier"):
        weights = [p.grad.flatten() for p in net.get_submodule(name).parameters() if p.dim() > 1]
        assert found[name] == pytest.approx(torch.cat(weights).norm().item(), rel=1e-4)
    assert next(iter(found)) == "conv1" and list(found)[-1] == "classifier" and "aux1" not in found


def test_a_head_changes_the_gradient_of_the_stages_below_it_only():
    torch.manual_seed(0)
    net = create("googlenet", size="mini", num_classes=4, aux_heads=True)
    gradients.start(net, "normal, 0.01")
    images, labels = torch.randn(3, 3, 32, 32), torch.tensor([0, 1, 3])
    without = gradients.gradient_norms(net, images, labels)
    with_heads = gradients.gradient_norms(net, images, labels, aux_weight=0.3)
    names = list(without)
    for name in names:
        is_above = names.index(name) > names.index("inception_4d")
        assert (with_heads[name] == pytest.approx(without[name], rel=1e-5, abs=0)) == is_above, name


def test_starts():
    net = nn.Sequential(nn.Conv2d(64, 128, 3), nn.ReLU(), nn.Conv2d(128, 128, 1), nn.Flatten(), nn.Linear(512, 300))
    for name, spreads in (("normal, 0.01", [0.01] * 3), ("Xavier", [576**-0.5, 128**-0.5, 512**-0.5])):
        gradients.start(net, name)
        layers = [layer for layer in net if hasattr(layer, "weight")]
        assert [layer.weight.std().item() for layer in layers] == pytest.approx(spreads, rel=0.02)
        assert all(layer.bias.abs().max() == 0 for layer in layers)
    with pytest.raises(ValueError, match="no start 'he'"):
        gradients.start(net, "he")


def test_a_head_s_weight_needs_heads():
    net = create("googlenet", size="mini", num_classes=4)
    with pytest.raises(ValueError, match="this network has no heads"):
        gradients.gradient_norms(net, torch.randn(1, 3, 32, 32), torch.tensor([0]), aux_weight=0.3)


def test_the_claim_about_gradients_follows_from_what_is_measured(monkeypatch):
    claim = next(claim for claim in CLAIMS if claim.number == 44)
    made = {"holds": 2.0, "does not hold": 1.0}
    for verdict, factor in made.items():
        monkeypatch.setattr(
            "lessons.googlenet.paper.before_training",
            lambda name, aux_weight, factor=factor: {"conv1": factor if aux_weight else 1.0},
        )
        assert claim.measure().verdict == verdict


@pytest.mark.slow
def test_the_smaller_the_start_the_more_the_heads_bring():
    factors = [
        gradients.before_training(name, aux_weight=0.3)["conv1"]
        / gradients.before_training(name, aux_weight=0.0)["conv1"]
        for name in ("normal, 0.01", "Xavier", "Kaiming")
    ]
    assert factors[0] > 100 * factors[1] and factors[1] > factors[2] > 1


# Pictures


@pytest.mark.parametrize(
    "make",
    [
        figures.shrinking,
        lambda: figures.louder_and_quieter(local_response_norm()),
        lambda: figures.cost_by_stage(measure.cost("googlenet")),
        lambda: figures.printed_against_counted(list(TABLE.values())),
        lambda: figures.training_crops((0.08, 1.0), (3 / 4, 4 / 3)),
        figures.interpolations,
        lambda: figures.looks(checks.looks(427, 640)),
        figures.ensembles,
        lambda: figures.gradients({"Xavier": {a: {"conv1": 2.0, "classifier": 1.0} for a in figures.GRADIENT}}),
    ],
)
def test_pictures_have_a_title_and_an_alternative(make):
    picture = make()
    assert isinstance(picture, Picture) and len(picture.alternative) > 40
    assert picture.figure.get_suptitle() and picture.png[:4] == b"\x89PNG"


def test_the_picture_of_the_looks_draws_the_list_it_gets():
    every = checks.looks(427, 640)
    assert (
        figures.looks(every)
        .figure.get_suptitle()
        .startswith("144 looks at one photograph: 4 scales × 3 squares × 6 crops × 2")
    )
    times = crops.times_seen(crops_144(427, 640), 427, 640)
    assert f"from {times.min()} in the corners to {times.max()}" in figures.looks(every).alternative
    shifted = [(scale, left, top, side, False) for scale, left, top, side, _ in every]
    assert "× 1 mirror" in figures.looks(shifted).figure.get_suptitle()
    fewer = figures.looks([box for box in every if box[3] == 224]).alternative
    assert "0 squares of scale 256, with the 5 crops" in fewer


def test_the_costs_picture_s_title_is_computed():
    table = measure.cost("googlenet")
    stem = [cost for name, cost in table.by_stage().items() if name.startswith("conv")]
    share = f"{sum(cost.macs for cost in stem) / table.macs:.0%}"
    assert f"3 layers take {share}" in figures.cost_by_stage(table).figure.get_suptitle()


def test_the_table_s_picture_counts_the_rows_that_are_off():
    title = figures.printed_against_counted(list(TABLE.values())).figure.get_suptitle()
    assert title.startswith(f"{len(checks.off(list(TABLE.values())))} of 12 rows")


def test_normalisation_matters_only_for_large_pixels():
    words = figures.louder_and_quieter(local_response_norm()).alternative
    large, small = (int(share) for share in re.findall(r"(\d+)% of the activations", words))
    assert large < 60 and small == 100


def test_one_grid_a_stage_leaves_the_network_as_it_was():
    net = create("googlenet", num_classes=3)
    assert "3a: 256 of 28×28" in figures.one_grid_a_stage(net, ["conv1", "inception_3a"]).alternative
    assert net.training and not net.conv1._forward_hooks


# The lab


def test_every_handle_says_what_it_does_and_changes_the_picture():
    made = lab.crop_lab()
    start = made.output.value
    for key, control in made.controls.items():
        assert control.description and control.tooltip
        if hasattr(control, "options"):
            control.set_state({"index": (control.index + 1) % len(control.options)})
        else:
            control.set_state({"value": control.value + 1})
        assert made.output.value != start, key
        made.reset_button.click()
        assert made.output.value == start, key


def test_the_lab_counts_right():
    made = lab.crop_lab()
    macs = measure.cost("googlenet").macs
    for name, factors in {
        "1 look": (1, 1),
        "10 looks": (10, 1),
        "144 looks": (144, 1),
        "144 looks, 7 models": (144, 7),
    }.items():
        made.preset.set_state({"index": made.preset.options.index(name)})
        passes = factors[0] * factors[1]
        assert f'data-passes="{passes}" data-macs="{passes * macs}"' in made.output.value
        assert f"= {factors[0]} look" in made.text and "The paper's error with these" in made.text
    assert "6.67 % top-5" in made.text and "1,008 forward passes" in made.text
    made.set(scales=2)
    assert "The paper's error" not in made.text
    made.set(scales=3, squares=3, places=6, mirrors=1, models=7)  # 54 looks, as no row has
    assert "The paper's error" not in made.text


def test_the_lab_s_boxes_are_those_that_are_drawn():
    settings = lab.crop_lab().settings
    boxes, methods = lab.training_boxes(*(settings[name] for name in ("smallest", "widest", "interpolation", "seed")))
    assert len(boxes) == len(methods) == lab.COUNT and len(set(methods)) > 1
    height, width = photograph(lab.PHOTO).shape[:2]
    area = [(right - left) * (bottom - top) / (height * width) for left, top, right, bottom in boxes]
    assert f"{min(area):.0%} to {max(area):.0%} of the area" in lab.crop_lab().text
    assert lab.view(settings, None).html.count("<rect") == lab.COUNT
    assert set(lab.training_boxes(8, 1.0, "area", 0)[1]) == {"area"}
    assert all(right - left == bottom - top for left, top, right, bottom in lab.training_boxes(8, 1.0, "area", 0)[0])


def test_a_pinned_design_stands_beside_the_present_one():
    settings = lab.crop_lab().settings
    view = lab.view(settings | {"squares": 3}, settings)
    assert view.text.startswith("A Training") and "\nB Training" in view.text
    assert re.findall(r'data-passes="(\d+)"', view.html) == ["10", "30"]
    assert lab.view(settings, settings) == lab.view(settings, settings)


def test_torchinfo_counts_one_operation_more_for_each_value_that_is_put_out():
    """The biases; and what its lines mean."""
    net, costs = create("googlenet").eval(), measure.cost("googlenet")
    shown = torchinfo.summary(net, (1, 3, 224, 224), depth=1, verbose=0)
    assert shown.total_params == costs.parameters
    assert shown.total_mult_adds - costs.macs == costs.activations
    assert f"{costs.activations / costs.macs:.1%}".replace("%", " %") in TEXT
    assert shown.total_output_bytes == 2 * 4 * costs.activations and "put out, twice, for the gradients" in TEXT
    (eighth,) = [layer for layer in shown.summary_list if (layer.depth, layer.depth_index) == (1, 8)]
    assert eighth.module is net.inception_3a and "`1-8` is the eighth child" in TEXT
    norm = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
    extra = torchinfo.summary(norm, (1, 3, 9, 9), verbose=0).total_mult_adds - profile(norm, (3, 9, 9)).macs
    assert extra == 2 * 8 and "counts the normalisation's two numbers a channel, once" in TEXT


def test_torchinfos_rule_is_that_of_exercise_2_9():
    """The lesson's eight layers, and others: what torchinfo says of each, by the class's name, the parameters, the output."""

    class Window(nn.Conv2d):
        pass

    class MyConv(nn.Conv2d):
        pass

    class SeparableConv(nn.Conv2d):
        pass

    class Deconvolution(nn.Conv2d):
        pass

    grid = (16, 14, 14)
    layers = [
        (nn.Conv2d(16, 16, 3, padding=1), grid, 454_720, 451_584),
        (Window(16, 16, 3, padding=1), grid, 2_320, 451_584),
        (MyConv(16, 16, 3, padding=1), grid, 454_720, 451_584),
        (nn.Conv1d(16, 16, 3, padding=1), (16, 14), 784 * 14, None),
        (nn.ConvTranspose2d(16, 16, 2, stride=2, bias=False), grid, 802_816, 200_704),
        (nn.Linear(3136, 10), (1, 1, 3136), 31_370, 31_360),
        (nn.Linear(16, 16), (14, 14, 16), 272, 50_176),
        (nn.BatchNorm2d(16), grid, 32, 0),
        (SeparableConv(16, 16, 3, groups=16, bias=False), grid, 9 * 16 * 12 * 12, None),
        (Deconvolution(16, 16, 1, bias=False), grid, 256, None),
        (nn.MaxPool2d(2), grid, 0, None),
    ]
    for layer, shape, told, true in layers:
        (line,) = torchinfo.summary(layer, (1, *shape), verbose=0).summary_list
        rule = checks.counted_elsewhere(line.class_name, line.num_params, line.output_size[1:])
        assert rule == line.macs == told, layer
        if true is not None:
            assert profile(layer, shape).macs == true
    assert 802_816 == 4 * 200_704 and "with a stride of 2 four times as many" in TEXT
    assert 451_584 + 14 * 14 * 16 == 454_720 and 196 * 256 == 50_176 and "196 times too" in TEXT


def test_the_text_on_the_networks_before_it():
    costs = {name: measure.cost(name) for name in ("alexnet", "network_in_network", "vgg_16", "googlenet")}
    shares = {
        name: sum(row.parameters for row in cost.rows if row.kind == "linear") / cost.parameters
        for name, cost in costs.items()
    }
    assert (
        min(shares["alexnet"], shares["vgg_16"]) > 0.85
        and shares["network_in_network"] == 0 < shares["googlenet"] < 0.2
    )
    assert "AlexNet and VGG-16 have nearly all of their parameters" in TEXT
    times = costs["vgg_16"].macs / costs["googlenet"].macs
    assert 9.5 < times < 10 and "nearly ten times GoogLeNet's" in TEXT
