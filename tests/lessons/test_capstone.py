"""Lesson 10: designs, the network lab, its pictures, and the numbers in its text."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from course.experiments import experiment
from course.leaderboard import margin
from labs import network_lab
from labs.network_lab import design_of, settings_of
from lessons import capstone
from lessons.capstone import figures
from lessons.capstone.checks import example_design, stage_macs_of, tighter_of, widened_of
from lessons.capstone.claims import own_ledger
from lessons.capstone.experiments.fast_training import FastNet, Mirrored, whitening
from lessons.capstone.experiments.small_family import EXPERIMENT
from networks.design import (
    BUDGET,
    FAMILIES,
    PRESETS,
    REDUCTIONS,
    STEMS,
    Budget,
    Design,
    DesignedNet,
    Stage,
    _preset,
    design_from,
)
from utils.cost import table as table_module
from utils.cost.table import total
from utils.cost.trace import trace
from utils.data.sets import load
from utils.diagram import draw
from utils.lab_frame.frame import OWN
from utils.page.html import SHEET
from utils.show.plot import Picture
from utils.train.loop import seeded
from utils.train.runs import Epoch, Run

TEXT = re.sub(r"\s+", " ", Path(capstone.__file__).with_name("lesson.md").read_text(encoding="utf-8"))
TWO = {"stages": (("plain", 1, 16), ("plain", 2, 24)), "reductions": ("max_pool",)}
MIXED = Design(
    stem="forked",
    stem_width=24,
    stages=(("resnet_v2_a", 1, 24, 0.3), ("v3_b", 2, 40), ("v3_c", 1, 48), ("xception", 1, 32)),
    reductions=("parallel", "v4", "strided_conv"),
    dropout=0.25,
)


@pytest.fixture(scope="module")
def data():
    return load("scales", limit=60)


# Designs


@pytest.mark.parametrize("family", FAMILIES)
def test_every_block_puts_out_its_width_whatever_comes_in(family):
    for width in (*range(8, 21), 33, 511):
        with torch.device("meta"):
            for comes in (5, width):
                block = FAMILIES[family].build(comes, width, 0.2)
                assert block(torch.empty(2, comes, 6, 6)).shape == (2, width, 6, 6)


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_stems_and_reductions_halve_the_grid(stem, reduction):
    design = Design(stem=stem, stem_width=20, stages=TWO["stages"], reductions=(reduction,))
    shapes = {part.name: part.shape for part in design.by_part()}
    assert shapes["stem"] == (20, 16, 16) and shapes["stage 1"] == (16, 16, 16)
    assert shapes["reduction 1"][1:] == (8, 8) and shapes["stage 2"] == (24, 8, 8) and shapes["classifier"] == (10,)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_as_wide_as_the_budget_allows(name):
    design = PRESETS[name]
    assert not BUDGET.excess(design.table())
    kinds = tuple(stage.family for stage in design.stages)
    wider = _preset(design.stem, kinds, design.reductions, design.stages[0].width + 4)
    assert _preset(design.stem, kinds, design.reductions, design.stages[0].width) == design
    assert BUDGET.excess(wider.table())


@pytest.mark.parametrize("design", [*PRESETS.values(), MIXED, example_design()])
def test_a_network_runs_trains_and_costs_what_its_table_says(design, data):
    net = design.build(data)
    result = net(data.normalise(data.test.images[:4]))
    assert result.shape == (4, 10)
    result.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())
    table, parts = design.table(), design.by_part()
    assert sum(parameter.numel() for parameter in net.parameters()) == table.parameters
    assert total(part.cost for part in parts) == total([table])
    assert parts[0].name == "stem" and parts[-1].name == "classifier" and len(parts) == 2 * len(design.stages) + 1


def test_other_images_and_classes():
    digits = load("digits", limit=20)
    net = Design(**TWO).build(digits)
    assert net(digits.normalise(digits.test.images[:2])).shape == (2, 10)
    assert DesignedNet(Design(**TWO), in_channels=4, classes=7)(torch.randn(2, 4, 40, 24)).shape == (2, 7)


@pytest.mark.parametrize("design", [*PRESETS.values(), MIXED, Design(**TWO)])
def test_code_is_read_back_and_run_to_the_same(design):
    assert design_from(design.code) == design
    assert design_from(f"from networks.design import Design\nmine = {design.code}") == design
    assert eval(design.code, {"Design": Design}) == design


def test_one_network_has_one_way_to_write_it():
    assert Stage("plain", 1, 16, 0.9) == Stage("plain", 1, 16)
    assert Stage("resnet_v1_a", 1, 16, 1) == Stage("resnet_v1_a", 1, 16, 1.0)
    assert repr(Stage("resnet_v1_a", 1, 16, 1).scale) == "1.0"
    assert Design(**TWO) == Design(stages=[list(stage) for stage in TWO["stages"]], reductions=["max_pool"], dropout=0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stages": (("plain", 1, 16),)}, "two, three or four stages"),
        ({"stages": (("plain", 1, 16), ("mobilenet", 1, 16))}, "family is 'mobilenet'; it must be one of \"plain\""),
        ({"stages": (("plain", 0, 16), ("plain", 1, 16))}, "blocks is 0"),
        ({"stages": (("plain", 1, 7), ("plain", 1, 16))}, "width is 7"),
        ({"stages": (("plain", 1, True), ("plain", 1, 16))}, "width is True"),
        ({"stages": (("resnet_v1_a", 1, 16, 1.5), ("plain", 1, 16))}, "scale is 1.5"),
        ({"stages": (("plain", 1), ("plain", 1, 16))}, r"a stage is \('plain', 1\)"),
        ({"stages": "plain"}, "stages is 'plain'"),
        ({"reductions": ()}, "1 of them"),
        ({"reductions": ("average",)}, "a reduction is 'average'"),
        ({"stem": "round"}, "stem is 'round'"),
        ({"stem_width": 18}, "a multiple of 4"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"dropout": math.nan}, "dropout is nan"),
    ],
)
def test_what_cannot_be_is_explained(changes, words):
    with pytest.raises(ValueError, match=words):
        Design(**TWO | changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no code"),
        ("Design()", "lacks stages and reductions"),
        ('__import__("os").system("true")', "Design"),
        ("Design(stages=open('x'), reductions=())", "no plain value"),
        ("Stage('plain', 1, 8)", "One call is read here"),
        (Design(**TWO).code.replace("stem=", "colour="), "A design has no colour"),
        (Design(**TWO).code + "\n" + Design(**TWO).code, "One call is read here"),
    ],
)
def test_code_that_is_no_design_is_explained(text, words):
    with pytest.raises(ValueError, match=words):
        design_from(text)


def test_a_budget_says_what_is_exceeded():
    table = Design(**TWO).table()
    assert not Budget(table.parameters, table.macs).excess(table)
    said = Budget(table.parameters - 1, table.macs).excess(table)
    assert f"{table.parameters:,} parameters are 1 more than" in said and "multiply-adds" not in said
    said = Budget(1000, 2000).excess(table)
    assert "parameters" in said and f"{table.macs - 2000:,} more than the 2,000" in said
    with pytest.raises(ValueError, match="macs is 0"):
        Budget(1, 0)


# The network lab


@pytest.fixture(scope="module")
def lab():
    lab = network_lab.network_lab()
    yield lab
    lab.actions[0].panel.close()


@pytest.fixture(autouse=True)
def _as_at_first(request):
    yield
    if "lab" in request.fixturenames:
        request.getfixturevalue("lab").reset_button.click()


def numbers(html: str) -> dict[str, tuple[int, int]]:
    found = re.findall(r'class="course-cost" data-design="(\w+)" data-parameters="(\d+)" data-macs="(\d+)"', html)
    return {name: (int(parameters), int(macs)) for name, parameters, macs in found}


def over(html: str) -> dict[tuple[str, str], bool]:
    found = re.findall(
        r'data-design="(\w+)" data-what="(\w+)" data-used="\d+" data-limit="\d+" data-over="(\w+)"', html
    )
    return {(name, what): state == "true" for name, what, state in found}


def test_every_handle_says_what_it_does(lab):
    for control in lab.controls.values():
        tips = getattr(control, "tooltips", None) or [control.tooltip]
        assert all(tips) and control.description, control


def test_every_handle_that_has_an_effect_changes_the_view(lab):
    lab.set(stages=4, family_1="resnet_v1_a", family_2="resnet_v2_a", family_3="resnet_v2_b", family_4="resnet_v1_a")
    start, settings = lab.output.value, lab.settings
    assert not lab.view(settings, None).disabled
    for name, control in lab.controls.items():
        if hasattr(control, "options"):  # what the front end sends
            control.set_state({"index": (control.index + 1) % len(control.options)})
        else:
            control.set_state({"value": control.value + control.step})
        assert design_of(lab.settings) != design_of(settings) or name.startswith("max_")
        assert lab.output.value != start or name in ("dropout", *(f"scale_{n}" for n in range(1, 5))), name
        lab.set(**settings)
        assert lab.output.value == start


@pytest.mark.parametrize("name", PRESETS)
def test_presets_stand_in_the_lab(lab, name):
    lab.preset.value = name
    assert design_of(lab.settings) == PRESETS[name] and lab.preset.value == name
    table = PRESETS[name].table()
    assert numbers(lab.output.value) == {"now": (table.parameters, table.macs)}
    assert "within the budget" in lab.text and not any(over(lab.output.value).values())
    for part in PRESETS[name].by_part():
        assert f">{part.name}</th>" in lab.output.value and f">{part.cost.macs:,}</td>" in lab.output.value
    lab.set(stem_width=lab.settings["stem_width"] + 4)
    assert lab.preset.value == OWN


def test_the_bars_turn_in_colour_and_in_words(lab):
    lab.set(width_3=lab.settings["width_3"] + 4)
    assert over(lab.output.value) == {("now", "parameters"): True, ("now", "macs"): False}
    assert "over the budget" in lab.text and "within the budget" not in lab.text
    assert lab.output.value.count('data-over="true"') == 1
    assert "[data-over=true] .course-bar{background:repeating-linear-gradient(" in SHEET
    assert "over by 1,174, 3 %" in lab.output.value and "within, 67,896 left, 3 %" in lab.output.value
    lab.set(max_parameters=100)
    assert "within the budget" in lab.text and not any(over(lab.output.value).values())
    lab.set(max_macs=100)
    assert over(lab.output.value) == {("now", "parameters"): False, ("now", "macs"): True}


def test_a_beside_b(lab):
    lab.pin_button.click()
    lab.set(family_1="xception")
    a, b = PRESETS["GoogLeNet"].table(), design_of(lab.settings).table()
    assert numbers(lab.output.value) == {"A": (a.parameters, a.macs), "B": (b.parameters, b.macs)}
    assert "B against A: 0.1 % more parameters, 0.8 % fewer multiply-adds" in lab.text
    assert lab.output.value.count("<svg") == 2


def test_idle_handles_are_greyed_out(lab):
    lab.set(stages=2)
    idle = {name for name, control in lab.controls.items() if control.disabled}
    assert {"family_3", "width_4", "reduction_2", "reduction_3", "scale_1"} <= idle
    assert not {"reduction_1", "family_2", "width_2", "stem", "dropout"} & idle
    lab.set(family_2="resnet_v1_a")
    assert not lab.controls["scale_2"].disabled


def test_code_in_the_lab_comes_back(lab):
    lab.use_code(MIXED.code)
    assert design_of(lab.settings) == MIXED and lab.code.field.value == MIXED.code
    before = lab.settings
    for text, words in (
        ("Design(", "no Python"),
        (MIXED.code.replace("24", "26"), "multiple of 4"),
        ("x = 3", "no call"),
    ):
        lab.code.field.value = text
        lab.code.use_button.click()
        assert words in lab.code.said.value and lab.settings == before
    with pytest.raises(ValueError, match="width_1 is 500"):
        lab.use_code(Design(**TWO | {"stages": (("plain", 1, 500), ("plain", 1, 16))}).code)


def test_what_races(lab):
    race = lab.actions[0]
    with pytest.raises(ValueError, match="Pin a design"):
        race.entries()
    lab.pin_button.click()
    with pytest.raises(ValueError, match="the same design"):
        race.entries()
    lab.set(stem="separable")
    entries = race.entries()
    tiny = load("scales", limit=20)
    assert list(entries) == ["A", "B"]
    assert sum(p.numel() for p in entries["B"](tiny).parameters()) == design_of(lab.settings).table().parameters
    assert race.panel.widget in race.widget.children


@pytest.mark.parametrize("name", PRESETS)
def test_a_move_traces_a_network_once(name, monkeypatch):
    """Its table, its stages and its drawing come from one trace, and are those that the design and `draw` have."""
    design = replace(PRESETS[name], dropout=0.37)  # one that was not asked for before
    traced = []
    for module in (network_lab, table_module):
        monkeypatch.setattr(module, "trace", lambda *given: traced.append(given) or trace(*given))
    settings = network_lab_settings() | settings_of(design)
    html = network_lab.view(settings | {"max_parameters": 40, "max_macs": 4000}, None).html
    assert len(traced) == 1
    assert network_lab.stage_table(design.by_part()) in html
    with torch.device("meta"):
        net = DesignedNet(design, in_channels=3, classes=10)
    assert draw(net, (3, 32, 32)).html in html


def test_a_design_that_no_handle_reaches_is_named():
    with pytest.raises(ValueError, match="width_1 is 130"):
        network_lab.network_lab(Design(**TWO | {"stages": (("plain", 1, 130), ("plain", 1, 16))}))
    shown = network_lab.network_lab(MIXED)
    assert design_of(shown.settings) == MIXED


# The text


def lab_table(**changes):
    return design_of(network_lab_settings() | changes).table()


def network_lab_settings():
    settings = {
        f"{what}_4": value for what, value in (("family", "plain"), ("blocks", 1), ("width", 32), ("scale", 0.2))
    }
    settings |= {f"scale_{n}": 0.2 for n in (1, 2, 3)} | {"reduction_3": "max_pool"}
    return settings | settings_of(PRESETS["GoogLeNet"])


def test_question_a():
    start = network_lab_settings()
    for stage, exceeded in ((1, ("parameters", "macs")), (2, ("parameters", "macs")), (3, ("parameters",))):
        table = lab_table(**{f"width_{stage}": start[f"width_{stage}"] + 4})
        found = [what for what in ("parameters", "macs") if getattr(table, what) > getattr(BUDGET, what)]
        assert tuple(found) == exceeded
    assert f"{table.parameters:,} of 40,000, with {table.macs:,} multiply-adds" in TEXT


def test_question_b():
    first, second = lab_table(), lab_table(**{f"family_{n}": "xception" for n in (1, 2, 3)})
    more, fewer = second.parameters / first.parameters - 1, 1 - second.macs / first.macs
    assert f"{100 * more:.1f} % more, {second.parameters:,}, and so over the budget" in TEXT
    assert f"Of the multiply-adds {100 * fewer:.1f} %" in TEXT
    module = PRESETS["GoogLeNet"].build(load("scales", limit=1)).stage_1_block_1
    reduce, conv = module.three
    assert reduce.conv.out_channels == 3 * 40 // 8 and conv.conv.out_channels == 40 // 2


def test_question_c():
    design = PRESETS["Inception-v4"]
    table, parts = design.table(), {part.name: part.cost for part in design.by_part()}
    assert 0.35 < 1 - table.parameters / BUDGET.parameters < 0.45
    stages = [(stage.family, stage.blocks, width) for stage, width in zip(design.stages, (32, 48, 64), strict=True)]
    wider = Design(stem=design.stem, stages=stages, reductions=design.reductions).table()
    assert wider.parameters <= BUDGET.parameters and wider.macs > BUDGET.macs
    assert f"Multiply-adds: {wider.macs:,} with those widths" in TEXT
    assert f"The preset takes {table.macs:,}" in TEXT
    share = (parts["stem"].macs + parts["stage 1"].macs) / table.macs
    assert f"Stem and stage 1 take {100 * share:.0f} %" in TEXT
    plain = Design(stem="plain", stages=design.stages, reductions=design.reductions).table()
    assert f"The plain stem sets {100 * (1 - plain.macs / table.macs):.1f} % of the multiply-adds free" in TEXT


def test_what_the_text_states():
    assert f"**What do you build with {BUDGET.parameters:,} parameters and {BUDGET.macs:,} multiply-adds" in TEXT
    assert EXPERIMENT.short.recipe.epochs == 4 and EXPERIMENT.full.recipe.epochs == 20 and len(PRESETS) == 8
    googlenet = {part.name: part.cost for part in PRESETS["GoogLeNet"].by_part()}
    for what in ("parameters", "macs"):
        assert max(googlenet, key=lambda name: getattr(googlenet[name], what)) == "stage 2"
    assert math.sqrt(2 / 3) == pytest.approx(0.8, abs=0.02)  # a budget a third smaller
    for accuracy in (0.891, 0.899):  # two accuracies in a folded answer
        assert 100 * margin(accuracy, 2000) == pytest.approx(1.4, abs=0.1)
    assert "is 1,869.4 images" in TEXT and round(0.9347 * 2000, 1) == 1869.4


def test_what_the_recorded_family_shows():
    recorded = experiment("small_family").recorded("short").percentages
    assert {len(scores) for scores in recorded.values()} == {3}
    far_below = {arm: sorted(scores) for arm, scores in recorded.items() if sorted(scores)[1] - min(scores) > 10}
    said = [f"{arm}, {low:.1f} % beside {a:.1f} and {b:.1f} %" for arm, (low, a, b) in far_below.items()]
    assert len(said) == 2 and ", and ".join(said) in TEXT
    assert math.sqrt(10) == pytest.approx(3, abs=0.2)  # the margin of a tenth of the images


def test_what_the_text_says_of_fast_training_is_recorded():
    recorded = experiment("fast_training").recorded()
    assert recorded.form_name == "fifth" and recorded.form.recipe.epochs == 5 and recorded.experiment.matters == 1.5
    found = {each.name: each for each in recorded.compare().differences}
    assert {len(runs) for runs in recorded.runs.values()} == {6} and "Six seeds a way" in TEXT
    equal = {"half precision", "label smoothing", "averaged weights"}
    assert {name for name, each in found.items() if each.verdict == "equal"} == equal
    assert "Half precision, label smoothing and averaged weights are equal to plain one cycle within 1.5 points" in TEXT
    large, white, constant, mirrored = (
        found[name] for name in ("one cycle, large batch", "whitened first layer", "constant rate", "mirrored in tests")
    )
    assert {each.verdict for each in (large, white, constant, mirrored)} == {"differs"}
    assert (
        f"and end {-large.mean:.1f} points lower" in TEXT
        and f"A constant rate ends {-constant.mean:.1f} points lower" in TEXT
    )
    assert f"ends {white.mean:.1f} points higher" in TEXT and 0 < white.low < 0.05
    assert f"({white.low:.2f} to {white.high:.2f}; the sixth seed" in TEXT
    assert f"Mirrored tests add {mirrored.mean:.1f} points ({mirrored.low:.1f} to {mirrored.high:.1f})" in TEXT
    deviations = {arm.name: arm.deviation for arm in recorded.compare().arms}
    assert f"(a deviation of {deviations['constant rate']:.1f} points)" in TEXT
    assert max(deviations, key=deviations.get) == "constant rate"


def test_what_the_text_says_of_flips_in_turns_is_recorded():
    found = experiment("alternated_flips").recorded()
    form, turns, none = found.form, *found.compare().differences
    assert (found.form_name, form.recipe.epochs, form.limit) == ("fifth", 10, 10_000)
    assert "Ten epochs of 10,000 photographs, six seeds of either way and four without flips" in TEXT
    assert [len(runs) for runs in found.runs.values()] == [6, 6, 4] and found.experiment.matters == 1.5
    assert [turns.verdict, none.verdict] == ["equal", "equal"]
    assert (
        f"Turns end {-turns.mean:.1f} points lower (−{-turns.low:.1f} to +{turns.high:.1f}): equal within 1.5" in TEXT
    )
    assert (
        f"{-none.mean:.1f} points lower in the four pairs of equal seeds, by an interval that just holds 0 (−{-none.low:.2f} to +{none.high:.2f})"
        in TEXT
    )
    first = replace(found, runs={arm: runs[:3] for arm, runs in found.runs.items()})
    assert (
        first.verdicts["flips in turns"] == "open" and "three of each had left turns against drawn flips open" in TEXT
    )


def test_a_network_that_whitens():
    """Its filters' answers are uncorrelated and vary alike, and only its first layer's bias learns."""
    data = load("scales", limit=400)
    filters = whitening(data)
    pixels = data.normalise(data.train.images)
    answers = functional.conv2d(pixels, filters[: len(filters) // 2]).transpose(0, 1).flatten(1)
    covariance = torch.cov(answers)
    assert (covariance - torch.diag(covariance.diagonal())).abs().max() < 0.02
    assert (
        torch.equal(filters[: len(filters) // 2], -filters[len(filters) // 2 :]) and covariance.diagonal().max() < 1.01
    )
    first = FastNet(data, whitened=True).conv
    assert torch.equal(first.weight, filters) and not first.weight.requires_grad and first.bias.requires_grad


def test_mirrored_tests_change_no_training():
    data, images = load("scales", limit=40), torch.randn(4, 3, 32, 32)
    with seeded(0):
        plain = FastNet(data)
    with seeded(0):
        mirrored = Mirrored(FastNet, data)
    assert torch.equal(plain.train()(images), mirrored.train()(images))
    both = (plain.eval()(images) + plain(images.flip(-1))) / 2
    assert torch.allclose(mirrored.eval()(images), both) and not torch.allclose(both, plain(images))


def test_the_plain_preset_is_a_chain():
    layers = figures.chain_of(PRESETS["plain 3×3"])
    assert widened_of(layers, 1) == PRESETS["plain 3×3"].table().macs
    wide = Design(
        stem_width=32,
        stages=[(s.family, s.blocks, 2 * s.width) for s in PRESETS["plain 3×3"].stages],
        reductions=["max_pool"] * 2,
    )
    assert widened_of(layers, 2) == wide.table().macs
    with pytest.raises(ValueError, match="Only a design of plain stem"):
        figures.chain_of(MIXED)


@pytest.mark.parametrize("blocks", (1, 2, 3))
def test_a_stage_by_hand(blocks):
    design = Design(stages=(("plain", blocks, 20), ("plain", 1, 16)), reductions=("max_pool",))
    assert stage_macs_of(16, 20, blocks, 16) == {part.name: part.cost.macs for part in design.by_part()}["stage 1"]


def test_the_limit_that_binds():
    assert tighter_of(30, 90, 40, 100) == ("macs", pytest.approx(0.1))
    assert tighter_of(50, 90, 40, 100) == ("parameters", pytest.approx(-0.25))


# Pictures


def a_run(accuracy=0.5, seed=0):
    epoch = Epoch(1, 0.1, 1.0, 0.5, 1.0, accuracy, 1.0, 100.0)
    data = {"name": "scales", "train": 100, "test": 200, "classes": list("0123456789")}
    return Run(
        {"name": "x", "class": "y", "parameters": 1}, EXPERIMENT.short.recipe, seed, data, {}, {}, history=[epoch]
    )


class Recorded:
    """What of a result the pictures read."""

    percentages = {"GoogLeNet": [40.0, 44.0], "Xception": [60.0, 62.0]}  # noqa: RUF012


def test_pictures_say_their_point(data):
    picture = figures.designs_under_budget()
    assert isinstance(picture, Picture) and "parameters bind in 4, multiply-adds in 4" in picture.alternative
    picture = figures.where_it_goes(example_design())
    assert "most parameters are in stage 3, most multiply-adds in stage 2" in picture.alternative
    assert "3.91 times the multiply-adds" in figures.widening(widened_of).alternative
    beside = figures.among_the_family(a_run(), 2_000_000, Recorded()).alternative
    assert (
        "50.0 %" in beside
        and "above the mean of 1 of 2" in beside
        and "Xception: 2,065,872 multiply-adds, mean 61.0 %" in beside
    )
    by_class = figures.by_class(example_design().build(data), data).alternative
    assert "Hardest for this network" in by_class and "± " in by_class
    assert all(f"{data.classes[each]}: " in by_class for each in set(data.test.labels.tolist()))


def test_own_claims_are_judged():
    rows = own_ledger(example_design(), a_run(0.5), Recorded()).rows
    assert [row.verdict for row in rows] == ["holds", "holds", "one run cannot tell", "does not hold for this run"]
    assert own_ledger(example_design(), a_run(0.9), Recorded()).rows[-1].verdict == "holds for this run"
    assert own_ledger(example_design(), a_run(0.1), Recorded()).rows[1].verdict == "does not hold"
    stopped = a_run()
    stopped.history.clear()
    assert own_ledger(example_design(), stopped, Recorded()).rows[-1].verdict == "not measured"


def test_what_the_text_says_of_the_intervals_beyond_100():
    runs = EXPERIMENT.recorded("short").runs
    accuracies = {arm: sorted(100 * run.history[-1].test_accuracy for run in each) for arm, each in runs.items()}
    beyond = {
        arm: each for arm, each in accuracies.items() if np.mean(each) + 4.303 * np.std(each, ddof=1) / 3**0.5 > 100
    }
    assert beyond == {arm: each for arm, each in accuracies.items() if each[1] - each[0] > 20}  # "one in three fails"
    assert list(beyond) == ["Inception-v4", "Inception-ResNet-v2"]
    for arm, (failed, *others) in beyond.items():
        assert f"{arm}, {failed:.1f} % beside {others[0]:.1f} and {others[1]:.1f} %" in TEXT
