"""Lesson 04: what its text states is what its modules give, and its pictures, labs and measures are right."""

import re
from dataclasses import replace
from math import prod
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchinfo
from torch import nn
from torch.nn import functional as F

from course.experiments import Result, experiment
from lessons.factorization import figures, lab, paper, principles, savings
from lessons.factorization.checks import TwoFactors, factor_saving_of, reduction_macs_of
from lessons.factorization.composition import compose
from lessons.factorization.paper import STEM_BY_SIDE, cost_with_stem
from lessons.factorization.reductions import REDUCTIONS
from networks import measure
from utils.cost.table import profile
from utils.data.photo import photograph
from utils.data.sets import load
from utils.show.plot import Picture

SOURCE = lab.__file__.replace("lab.py", "lesson.md")
with open(SOURCE, encoding="utf-8") as file:
    TEXT = re.sub(r"\s+", " ", file.read())


# The text


def design(form, **changes):
    settings = lab.factor_lab().settings | {"form": form} | changes
    return lab.design_of(settings)


def macs(form, **changes):
    settings = design(form, **changes)
    return profile(settings.build(), settings.image_shape).macs


def test_question_a():
    for in_channels, out_channels, least in ((64, 64, "up to 88"), (16, 32, "up to 29")):
        sizes = {"in_channels": in_channels, "out_channels": out_channels, "grid": 8, "window": 5}
        whole = macs(lab.WHOLE, **sizes)
        fits = [b for b in range(1, 120) if macs(lab.THREES, **sizes, between=b) <= whole]
        assert f"up to {fits[-1]}" == least and least in TEXT
        assert f"{whole // 64:,}" in TEXT
    assert f"b = {102400 / (9 * 128):.1f}" in TEXT


def test_question_b():
    for channels, grid in ((192, 17), (16, 8)):
        sizes = {"in_channels": channels, "between": channels, "out_channels": channels, "grid": grid, "window": 7}
        assert round(100 * (1 - macs(lab.CHAIN, **sizes) / macs(lab.WHOLE, **sizes))) == 71
    assert "is 71 % both times" in TEXT


def test_question_c():
    def ratio(name, channels, grid):
        return macs(name, in_channels=channels, grid=grid) / macs("convolution first", in_channels=channels, grid=grid)

    for channels in (4, 320):
        for grid in (8, 34):
            assert ratio("pool first", channels, grid) == 1 / 4 and ratio("parallel", channels, grid) == 1 / 8
    assert f"costs {100 * ratio('pool first', 320, 35):.1f} % of the dearest" in TEXT


def test_questions_f_and_g():
    shown = lab.unit_lab()
    for stack, middle in (("stem, one 7×7", 29), ("stem, three 3×3", 19)):
        shown.set(stack=stack, layer=99)
        assert "sees 79×79 pixels" in shown.text and f"from the middle {middle}×{middle}" in shown.text
        assert f"the middle {middle}" in TEXT
    shown.set(stack="the longest way to mixed_6b", layer=22)
    assert "sees 255×255 pixels" in shown.text
    shown.set(layer=23)
    assert "layer 23 (7×1 conv)" in shown.text and "sees 351×255 pixels" in shown.text
    shown.set(layer=24)
    assert "layer 24 (1×7 conv)" in shown.text and "sees 351×351 pixels, 27 % of them padding" in shown.text


def test_numbers_of_the_text():
    stages = principles.representation()
    fall = {name: 1 - stages[name] / stages[before] for before, name in (
        ("mixed_5d", "mixed_6a"), ("mixed_6e", "mixed_7a"), ("conv_2b", "pool_3a"), ("conv_4a", "pool_5a"))}  # fmt: skip
    assert f"take away {100 * fall['mixed_6a']:.0f} and {100 * fall['mixed_7a']:.0f} per cent" in TEXT
    assert 0.72 < fall["pool_3a"] < 0.78 and 0.72 < fall["pool_5a"] < 0.78
    assert round(100 * factor_saving_of((7, 7), [(1, 7), (7, 1)], [192] * 3)) == 71 and "71 per cent" in TEXT
    v3 = dict(measure.network("inception_v3").named_children())
    longest = [principles.longest_path(child) for name, child in v3.items() if name.startswith("mixed")]
    assert principles.longest_path(v3["stem"]) == 5 and len(longest) == 11 and (min(longest), max(longest)) == (3, 5)
    children = [child for _, child in measure.network("inception_v2").named_children()]
    assert sum(principles.longest_path(child, pairs_as_one=True) for child in children) == 42
    assert "its 42: Inception-v2, every factorised 7×7 as one layer, without the dense layer" in TEXT
    with open(SOURCE.replace("lesson.md", "assignment.md"), encoding="utf-8") as file:
        assert f"the {stages['pool_5a']:,} values that the stem hands on" in re.sub(r"\s+", " ", file.read())


def test_the_resolutions_of_the_text():
    costs = {side: cost_with_stem(stem, side).macs for side, stem in STEM_BY_SIDE.items()}
    assert costs[299] == costs[151] and abs(costs[79] / costs[299] - 1) > 0.01


# Composition


@pytest.mark.parametrize("windows", [((3, 3), (3, 3)), ((1, 7), (7, 1)), ((2, 5), (4, 1))])
def test_composed_weights_do_what_both_do(windows):
    generator = torch.Generator().manual_seed(3)
    first = torch.randn(4, 3, *windows[0], generator=generator, dtype=torch.float64)
    second = torch.randn(2, 4, *windows[1], generator=generator, dtype=torch.float64)
    images = torch.randn(2, 3, 12, 13, generator=generator, dtype=torch.float64)
    apart = F.conv2d(F.conv2d(images, first), second)
    assert torch.allclose(apart, F.conv2d(images, compose(first, second)), rtol=0, atol=1e-10)


def test_weights_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="with the same number between"):
        compose(torch.zeros(3, 2, 3, 3), torch.zeros(2, 4, 3, 3))


def test_a_linear_pair_differs_from_its_window_in_the_outermost_cells_only():
    pair = nn.Sequential(*[layer for layer in TwoFactors(2, 3, 2, ((3, 3), (3, 3)), linear=True) if isinstance(layer, nn.Conv2d)]).double()  # fmt: skip
    images = torch.randn(1, 2, 9, 11, dtype=torch.float64)
    with torch.no_grad():
        away = (pair(images) - F.conv2d(images, compose(pair[0].weight, pair[1].weight), padding=2)).abs()[0].amax(0)
    assert away[1:-1, 1:-1].max() < 1e-10
    assert torch.cat([away[0], away[-1], away[:, 0], away[:, -1]]).min() > 1e-6


# Savings and time


@pytest.mark.parametrize("replacement", savings.REPLACEMENTS, ids=lambda each: each.name.replace("\n", " "))
def test_formula_and_count_agree(replacement):
    tables = replacement.count()
    assert 1 - tables["factors"].macs / tables["whole"].macs == pytest.approx(replacement.predicted)
    assert tables["factors"].receptive_field == tables["whole"].receptive_field == replacement.window
    assert tables["factors"].activations == len(replacement.factors) * tables["whole"].activations


def test_a_replacement_is_timed():
    small = savings.Replacement((5, 5), ((3, 3), (3, 3)), channels=8, grid=9)
    found = savings.measure(small, batch_size=1, rounds=3)
    assert found.counted == pytest.approx(0.28) and found.timed < 1
    low, high = found.middle_half
    assert low <= found.timed <= high
    assert found.speed[1] / found.speed[0] == pytest.approx((1 - found.counted) / (1 - found.timed))
    words = savings.in_words([found])
    assert "5×5 → 3×3 + 3×3 (8 channels, 9×9): 28 % fewer multiply-adds" in words and "1 thread" in words
    assert isinstance(figures.clock([found]), Picture)


def test_the_fastest_of_each_group_counts():
    assert savings.fastest_of_groups([5, 3, 4, 2, 9, 8], 3) == [3, 2, 8]
    assert savings.fastest_of_groups([5, 3], 5) == [5, 3]


def test_words_about_a_loss_of_time():
    small = savings.Replacement((5, 5), ((3, 3), (3, 3)), channels=8, grid=9)
    lost = savings.Saving(small, 0.28, -0.5, (-0.6, -0.4), (2e9, 1e9), (648, 1296))
    assert "28 % fewer multiply-adds, 50 % more time; each second 0.50 times" in savings.in_words([lost])
    assert "In 1 of 1 the clock saves less than the count; in 1 of them the whole" in savings.in_words([lost])
    unsure = replace(lost, middle_half=(-0.6, 0.3))
    assert "In 1 of 1 the clock saves less than the count; in 0 of them" in savings.in_words([unsure])
    assert (
        "1 of 1 replacements save less time than multiply-adds, 0 of them with the whole line"
        in figures.clock([unsure]).alternative
    )


def test_the_whole_module_puts_out_what_the_factorised_one_does():
    block = measure.network("inception_v3").mixed_6b
    from networks.inception_v3 import TABLE_V3

    whole = profile(savings.WholeB(768, TABLE_V3.figure_6[0]), (768, 17, 17))
    factors = profile(block, (768, 17, 17))
    assert whole.rows[-1].shape == factors.rows[-1].shape and whole.receptive_field == factors.receptive_field


@pytest.mark.parametrize(
    ("accuracies", "words"),
    [
        ({"parallel": (0.5, 0.51, 0.52), "pool first": (0.6, 0.61, 0.62), "convolution first": (0.7, 0.71, 0.72)},
         "Last comes: parallel. The parallel way ends 20.0 points behind"),
        ({"parallel": (0.8, 0.81, 0.82), "pool first": (0.6, 0.61, 0.62), "convolution first": (0.7, 0.71, 0.72)},
         "Last comes: pool first. The parallel way ends 10.0 points ahead"),
        ({"parallel": (0.5, 0.6, 0.7), "pool first": (0.6, 0.61, 0.62), "convolution first": (0.45, 0.65, 0.72)},
         "These seeds cannot tell the parallel way from the dearest one"),
    ],
)  # fmt: skip
def test_what_the_reductions_paid(accuracies, words):
    def run(seed, accuracy):
        epoch = SimpleNamespace(epoch=1, test_accuracy=accuracy)
        return SimpleNamespace(
            accuracy=accuracy, seconds=1.0, seed=seed, completed=True, history=[epoch], data={"name": "none"},
            recipe={}, network={"parameters": 1000},
        )  # fmt: skip

    runs = {arm: [run(seed, each) for seed, each in enumerate(values)] for arm, values in accuracies.items()}
    entry = experiment("grid_reduction")
    result = Result(entry, "short", entry.form("short"), runs)
    said = savings.what_was_paid(result, reduction_macs_of(16, 16))
    assert words in said and "takes 12.5 % of the dearest one's multiply-adds (147,456)" in said
    best = max(accuracies, key=lambda arm: sum(accuracies[arm]))
    assert said.startswith(f"{best}: {100 * sum(accuracies[best]) / 3:.1f} % right, 1,000 parameters")


# Principles


def test_the_representation_is_followed_through_the_network():
    stages = principles.representation()
    assert stages["image"] == 3 * 299 * 299 and stages["mixed_5d"] == 288 * 35 * 35 and stages["mixed_7c"] == 2048 * 64


def test_wider_is_easier_to_read_with_a_relu_only():
    digits = load("digits")
    for seed in (0, 1):
        bent = [principles.readout(digits, width, seed) for width in (4, 64)]
        flat = [principles.readout(digits, width, seed, linear=True) for width in (16, 64)]
        assert bent[1] > bent[0] + 0.3 and abs(flat[1] - flat[0]) < 0.03


def test_neighbours_are_alike_on_a_photograph():
    photo = photograph("flower", 160)
    alike = principles.correlation(principles.activations(photo))
    apart = principles.correlation(principles.activations(principles.shuffled(photo)))
    assert alike == sorted(alike, reverse=True) and alike[0] > apart[0] + 0.2 and abs(apart[1]) < 0.05
    assert np.array_equal(np.sort(principles.shuffled(photo), axis=None), np.sort(photo, axis=None))


def test_correlation_and_kept_variance_of_known_values():
    ramp = torch.arange(64.0).repeat(2, 8, 1)
    assert principles.correlation(ramp, (1,))[0] > 0.9
    noise = torch.randn(4, 60, 60, generator=torch.Generator().manual_seed(0))
    assert abs(principles.correlation(noise, (1,))[0]) < 0.05
    two = torch.randn(2, 50, 50, generator=torch.Generator().manual_seed(1))
    mixed = torch.einsum("om,mhw->ohw", torch.randn(6, 2), two)
    assert principles.kept(mixed, (2, 6)) == pytest.approx([1, 1])


def test_width_costs_its_square_and_depth_costs_itself():
    base = principles.grown(1, 1).macs
    assert principles.grown(3, 1).macs == 9 * base and principles.grown(1, 3).macs == 3 * base


@pytest.mark.parametrize("name", ["inception_v2", "inception_v3"])
def test_the_longest_path_is_the_depth_without_the_dense_layer(name):
    children = [child for _, child in measure.network(name).named_children()]
    assert sum(map(principles.longest_path, children)) == measure.cost(name).depth - 1


# Pictures


def test_ways_are_those_of_torch():
    for windows in figures.WAYS.values():
        convs = nn.Sequential(
            *[nn.Conv2d(1, 1, window, padding=(window[0] // 2, window[1] // 2)) for window in windows]
        )
        for parameter in convs.parameters():
            nn.init.ones_(parameter)
        image = torch.ones(1, 1, 9, 9, requires_grad=True)
        convs(image)[0, 0, 4, 4].backward()
        assert np.array_equal(figures.ways_to_one_unit(windows), image.grad[0, 0].numpy().astype(int))


def test_the_nearest_product_of_a_row_and_a_column():
    patterns = figures.slanted_and_upright()
    shares = {name: figures.best_pair(pattern)[1] for name, pattern in patterns.items()}
    assert shares["blur"] > 0.999 and shares["upright edge"] > 0.999
    assert shares["slanted line"] < 0.6 and shares["ring"] < 0.6
    made, share = figures.best_pair(patterns["ring"])
    kept = 1 - ((patterns["ring"] - made) ** 2).sum() / (patterns["ring"] ** 2).sum()
    assert share == pytest.approx(kept) and np.linalg.matrix_rank(made) == 1


def test_pictures_say_their_point():
    shown = figures.taken_apart()
    assert "25 weights" in shown.alternative and "18 weights" in shown.alternative and "10 weights" in shown.alternative
    assert "in the outermost row and column" in figures.linear_pair(compose).alternative
    assert re.search(r"differ by \de-0[6-9]", figures.one_by_n_on_a_photograph(TwoFactors).alternative)
    assert "Twice the width costs 4 times, twice the depth 2 times" in figures.width_and_depth().alternative
    assert "Before the end, the 2 pools of the stem squeeze most: about 4 times each" in figures.narrowing().alternative
    assert "Neighbours are alike" in figures.neighbours(size=96).alternative
    assert "with a ReLU" in figures.wider(widths=(4, 16), seeds=(0,)).alternative
    assert "slanted" in figures.what_one_pair_can_be().alternative
    assert "49 cells" in figures.cells_seen({"one 7×7": ((7, 7),)}).alternative


def test_three_reductions_are_drawn_with_their_cost():
    drawn = figures.three_reductions(channels=16, grid=35)
    assert [name for name, _, _ in drawn.parts] == list(REDUCTIONS)
    assert "13.2 % of the dearest" in drawn.title and drawn._repr_html_().count("data:image/svg+xml") == 3
    assert "26.4 % of the dearest" in repr(drawn)
    assert "12.5 % of the dearest" in figures.three_reductions(channels=4).title


# Reductions


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("grid", [8, 9])
def test_reductions_halve_the_grid_and_double_the_channels(name, grid):
    out = REDUCTIONS[name](6)(torch.randn(2, 6, grid, grid))
    assert out.shape == (2, 12, 4 + grid % 2, 4 + grid % 2)


# The factor lab

OTHER = {"in_channels": 5, "between": 6, "out_channels": 8, "grid": 10}


@pytest.mark.parametrize("window", [3, 5, 7])
@pytest.mark.parametrize("form", [lab.WHOLE, lab.THREES, lab.CHAIN, lab.FORK])
def test_the_factor_lab_counts_right(form, window):
    settings = lab.factor_lab().settings | OTHER | {"form": form, "window": window}
    windows = {
        lab.WHOLE: [(window, window)],
        lab.THREES: [(3, 3)] * (window // 2),
        lab.CHAIN: [(1, window), (window, 1)],
    }
    if form == lab.FORK:
        pairs = [(5, 4, window), (5, 4, window)]
    else:
        widths = [5, *[6] * (len(windows[form]) - 1), 8]
        pairs = [(a, b, prod(each)) for a, b, each in zip(widths, widths[1:], windows[form], strict=False)]
    work = 100 * sum(a * b * size for a, b, size in pairs)
    parameters = sum(a * b * size + b for a, b, size in pairs)
    view = lab.view(settings, None)
    assert f'data-parameters="{parameters}" data-macs="{work}"' in view.html
    assert f"{parameters:,} parameters, {work:,} multiply-adds" in view.text
    field = f"receptive field {window}×{window}"
    assert field in view.text and ("a cross" in view.text) == (form == lab.FORK)
    assert ("between" in view.disabled) == (len(pairs) == 1 or form == lab.FORK)


@pytest.mark.parametrize("form", REDUCTIONS)
def test_the_factor_lab_shows_reductions(form):
    view = lab.view(lab.factor_lab().settings | OTHER | {"form": form}, None)
    assert "5×10×10 in, 10×5×5 out" in view.text
    assert view.disabled == {"window", "activation", "between", "out_channels"}


def test_linear_windows_are_told_to_be_one():
    settings = lab.factor_lab().settings | OTHER | {"form": lab.CHAIN, "activation": lab.LINEAR, "window": 7}
    assert f"one 7×7 of {49 * 5 * 8:,} weights" in lab.view(settings, None).text
    module = lab.design_of(settings).build()
    assert sum(isinstance(part, nn.ReLU) for part in module.modules()) == 1
    assert (
        sum(isinstance(part, nn.ReLU) for part in lab.design_of(settings | {"activation": lab.RELU}).build().modules())
        == 2
    )


def test_a_and_b_are_compared_in_words():
    start = lab.factor_lab().settings
    words = lab.view(start | {"form": lab.THREES}, start).text
    assert "28 % fewer parameters (73,856 after 102,464)" in words and "28 % fewer multiply-adds" in words
    assert "2 times the activations (156,800 after 78,400)" in words and "a receptive field of 5×5 either way" in words
    assert "as many activations" in lab.view(start, start).text
    assert "2.78 times the multiply-adds" in lab.view(start, start | {"window": 3}).text


def test_every_handle_of_the_factor_lab_changes_it_and_start_again_undoes_it():
    shown = lab.factor_lab()
    shown.set(form=lab.THREES)
    start = shown.output.value, shown.words.value
    before = shown.settings
    for key, control in shown.controls.items():
        assert getattr(control, "tooltips", None) or control.tooltip
        if key == "form":
            control.set_state({"index": 2})
        elif hasattr(control, "options"):
            control.set_state({"index": (control.index + 1) % len(control.options)})
        else:
            control.set_state({"value": control.value + 2})
        assert (shown.output.value, shown.words.value) != start, key
        shown.set(**before)
        assert (shown.output.value, shown.words.value) == start, key
    shown.reset_button.click()
    assert shown.settings["form"] == lab.WHOLE


def test_presets_are_branches_and_reductions_of_the_networks():
    shown = lab.factor_lab()
    for name in shown.presets:
        shown.set(grid=11, in_channels=7, between=9)
        shown.preset.set_state({"index": shown.preset.options.index(name)})
        assert shown.preset.value == name and shown.trouble == ""


def test_an_odd_fork_is_explained():
    with pytest.raises(ValueError, match="7 cannot be halved"):
        lab.design_of(lab.factor_lab().settings | {"form": lab.FORK, "out_channels": 7})


def test_the_button_times_what_is_shown_and_a_change_forgets_it():
    shown = lab.factor_lab()
    shown.set(in_channels=4, between=4, out_channels=4, grid=8)
    (clock,) = shown.actions
    clock.button.click()
    assert re.search(r"One image on a CPU with 1 thread, 25 rounds\. [\d.]+ ms", clock.said.value)
    shown.pin_button.click()
    assert clock.said.value == ""
    shown.set(form=lab.CHAIN)
    said = clock.time()
    assert "A: " in said and "B: " in said and "-60 % of multiply-adds" in said
    shown.set(grid=9)
    assert clock.said.value == "" and "% of time" in clock.time()


# The claims that this lesson adds to the paper's ledger


def test_claims_of_this_lesson():
    findings = {claim.number: claim.measure() for claim in paper.CLAIMS if claim.number >= 55}
    saved = [100 * factor_saving_of((n, n), [(1, n), (n, 1)], [8, 8, 8]) for n in (3, 5, 7, 9)]
    assert saved == sorted(saved) and findings[55].verdict == "holds"
    assert all(f"{n}×{n}: {share:.0f} %" in findings[55].measured for n, share in zip((3, 5, 7, 9), saved, strict=True))
    dear = 9 * 70 * 70 * 64 * 128
    assert f"{dear:,}" in findings[56].measured and f"{dear // 4:,}: 0.25" in findings[56].measured
    assert f"{dear // 8:,}: 0.125" in findings[56].measured and findings[56].verdict == "holds"
    assert "11 of the 11 sizes, in the order of the table" in findings[57].measured and findings[57].verdict == "holds"


def test_another_stem_fails_the_claim_on_table_1(monkeypatch):
    claim = next(claim for claim in paper.CLAIMS if claim.number == 57)
    monkeypatch.setattr(measure, "cost", lambda name: paper.cost_with_stem(paper.SEVEN, 299))
    assert claim.measure().verdict == "does not hold"


def test_what_the_text_says_of_a_relu_between_is_the_verdict_on_both():
    both = experiment("factor_activation").on_both()
    for result in (both.short, both.full):
        assert result.verdicts == {"linear between": "differs"} and result.compare().differences[0].high < 0


def test_what_the_text_says_of_asymmetric_windows_on_photographs():
    found = experiment("asymmetric_factors").recorded("full")
    early, late = found.compare().differences
    assert (early.verdict, late.verdict) == ("equal", "differs") and early.matters == 1.5 and 0 < late.mean < 1
    assert "equal to the square windows within the 1.5 points" in TEXT and "end ahead, by less than a point" in TEXT


def test_what_the_text_says_of_the_reductions_on_photographs():
    both = experiment("grid_reduction").on_both()
    for result in (both.short, both.full):
        assert min(result.runs, key=result.mean) == "parallel"
        assert result.verdicts["convolution first"] == "differs"
    points = [result.mean("convolution first") - result.mean("parallel") for result in (both.full, both.short)]
    assert 2 < points[0] < 4 < 3 * points[0] < points[1]
    assert "some three points on photographs, many more on the others" in TEXT


def test_what_a_unit_of_the_random_layers_sees():
    field, step = 1, 1
    for window, stride in ((3, 2), (3, 1), (3, 1), (3, 2)):
        field, step = field + (window - 1) * step, step * stride
    assert (field, step) == (15, 4) and "sees 15×15 pixels, and the next one's patch begins 4 pixels on" in TEXT
    assert 3 * step < field <= 4 * step and "overlap up to three places apart" in TEXT
    assert principles.activations(np.zeros((63, 63, 3), dtype=np.uint8) + np.arange(3, dtype=np.uint8)).shape == (
        64,
        13,
        13,
    )


def test_torchinfo_on_the_whole_network():
    """Its surplus is what the answer says: two numbers for each channel that is normalised, and the classifier's biases."""
    network, costs = measure.network("inception_v3"), measure.cost("inception_v3")
    shown = torchinfo.summary(network, (1, 3, 299, 299), device="meta", verbose=0)
    normalised = sum(layer.num_features for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    assert shown.total_params == costs.parameters
    assert shown.total_mult_adds - costs.macs == 2 * normalised + 1000
    assert f"the {normalised:,} channels that are normalised, and the 1,000 biases" in TEXT
    assert (shown.total_mult_adds - costs.macs) / costs.macs < 0.0002 / 2, "far less than GoogLeNet's 0.2 %"
