"""Lesson 06: what its text states is what its modules give, and its arithmetic, pictures and lab are right."""

import re
from dataclasses import asdict, replace
from math import prod
from pathlib import Path

import pytest
import torch
import torchinfo
from torch import nn

from course.experiments import experiment
from lessons.inception_v4 import figures, lab, paper, printed
from lessons.inception_v4.checks import facts_of, reduction_reference
from lessons.inception_v4.grids import after, along, cells_left, fork, positions
from lessons.inception_v4.printed import FORK_1, FORK_2, FORK_3, TABLE_1, WAY, Layer
from lessons.inception_v4.stages import NETWORKS, STAGES, by_stage, fields, followed, stage_of
from networks import measure
from networks.base import Scale
from networks.bn_inception import ReductionA, ReductionWidths
from networks.inception_v4 import FIGURE_7, InceptionV4, Stem
from utils.cost.table import profile, total

FOLDER = Path(lab.__file__).parent
TEXT = re.sub(r"\s+", " ", (FOLDER / "lesson.md").read_text(encoding="utf-8"))
ASSIGNMENT = re.sub(r"\s+", " ", (FOLDER / "assignment.md").read_text(encoding="utf-8"))
START = lab.stage_lab().settings


def cost(**changes):
    return total(part.cost for part in lab.parts(lab.Design(**START | changes)))


def grids_of(**changes):
    return {part.name: part.grid for part in lab.parts(lab.Design(**START | changes))}


# The text


def test_question_a():
    for stem in lab.PADDINGS:
        with pytest.raises(ValueError, match="cannot be concatenated"):
            lab.parts(lab.Design(**START | {"last_stride": 1, "stem": stem}))
    shown = lab.stage_lab()
    shown.set(last_stride=1)
    assert "the convolution ends on 69×69, the pool on 35×35" in shown.trouble
    assert "the convolution ends on 69×69 and the pool on 35×35" in TEXT
    shown.set(stem=lab.SAME)
    assert "the convolution ends on 75×75, the pool on 38×38" in shown.trouble and "it is 75×75 and 38×38" in TEXT
    for stem in (lab.SAME_CONVS, lab.SAME_POOLS):
        shown.set(stem=stem)
        assert shown.trouble.startswith("Fork 1")


def test_question_b():
    before = cost()
    more = {letter: cost(**{letter: START[letter] + 1}) for letter in "abc"}
    for letter, each in more.items():
        assert f"{each.parameters - before.parameters:,}" in TEXT and f"{each.macs - before.macs:,}" in TEXT, letter
    assert max(more, key=lambda letter: more[letter].parameters) == "c"
    assert max(more, key=lambda letter: more[letter].macs) == "b"
    assert min(more, key=lambda letter: more[letter].macs) == "c"


def test_question_c():
    same = {"stem": lab.SAME, "reductions": lab.SAME}
    assert f"grow by {100 * (cost(**same).macs / cost().macs - 1):.1f} %, to {cost(**same).macs:,}" in TEXT
    assert grids_of(**same)["Inception-B"] == 19 and "work on 19×19" in TEXT
    sides = [side for side in range(200, 300) if grids_of(**same, side=side)["Inception-C"] == 8]
    assert f"{sides[0]} to {sides[-1]} pixels end on 8×8" in TEXT and len(sides) == 32


def test_question_d():
    start = {part.name: part for part in lab.parts(lab.Design(**START))}
    changed = {}
    for letter in "klmn":
        now = {part.name: part for part in lab.parts(lab.Design(**START | {letter: START[letter] - 32}))}
        changed[letter] = {name for name in start if now[name] != start[name]}
    assert changed["k"] == changed["l"] == {"reduction A"}
    assert changed["m"] == changed["n"] == {"reduction A", "Inception-B"}


def test_numbers_of_the_text():
    v3, v4 = (by_stage(name) for name in NETWORKS.values())
    rise = v4["C, 8 grid"].parameters / v3["C, 8 grid"].parameters - 1
    assert f"only {100 * rise:.0f} % more parameters" in TEXT
    seen = {name: fields(name) for name in NETWORKS.values()}
    assert f"already sees {seen['inception_v4']['stem']} pixels, where v3's sees {seen['inception_v3']['stem']}" in TEXT
    plain = 1
    for window, step in ((3, 1), (3, 2), (3, 2), (3, 2), (3, 4), (3, 4)):  # the stem by its short branch
        plain += (window - 1) * step
    assert plain == seen["inception_v3"]["stem"]
    for name, prefix in (("inception_v3", "mixed_6"), ("inception_v4", "inception_b_")):
        widths = list(figures.module_fields(name).values())
        names = list(figures.module_fields(name))
        grown = {
            widths[i] - widths[i - 1] for i, each in enumerate(names) if each.startswith(prefix) and each != "mixed_6a"
        }
        assert grown == {192} and "adds 192 pixels" in TEXT
    assert f"has 9 modules and {measure.cost('inception_v3').parameters / 1e6:.1f} million parameters" in TEXT
    assert 2 < measure.cost("inception_v4").macs / measure.cost("inception_v3").macs < 2.2


def test_every_module_between_the_reductions_puts_out_what_it_reads():
    network = measure.network("inception_v4")
    for letter, shape in (("a", (384, 35, 35)), ("b", (1024, 17, 17)), ("c", (1536, 8, 8))):
        assert profile(network.get_submodule(f"inception_{letter}_1"), shape).rows[-1].shape == shape


def test_the_recap():
    grids = {(side, padding): after(side, 3, 2, padding) for side in (35, 36) for padding in ("valid", "same")}
    assert grids == {(35, "valid"): 17, (35, "same"): 18, (36, "valid"): 17, (36, "same"): 18}
    assert cells_left(36, Layer(3, 2, "valid")) == 1 and cells_left(35, Layer(3, 2, "valid")) == 0


def test_the_free_answer_of_the_assignment():
    larger = lab.parts(lab.Design(**START | {"side": 320}))
    grids = [
        part.grid for part in larger if part.name not in ("Inception-A", "Inception-B", "Inception-C", "classifier")
    ]
    assert f"320, {', '.join(map(str, grids[:-1]))} and {grids[-1]}" in ASSIGNMENT
    assert [part.name for part in larger if part.left] == ["conv 1", "fork 3", "reduction B"]
    assert f"by about {100 * (cost(side=320).macs / cost().macs - 1):.0f} %" in ASSIGNMENT
    assert not any(part.left for part in lab.parts(lab.Design(**START | {"side": 331})))


# Arithmetic


@pytest.mark.parametrize("window", [1, 3, 5, 7])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_grids_are_those_of_torch(window, padding, stride):
    zeros = window // 2 if padding == "same" else 0
    pool = nn.Conv2d(1, 1, window, stride=stride, padding=zeros, device="meta")
    for grid in (7, 8, 9, 12):
        out = pool(torch.empty(1, 1, grid, grid, device="meta")).shape[-1]
        assert after(grid, window, stride, padding) == out
        starts = positions(grid, window, stride, padding)
        assert len(starts) == out
        if padding == "valid":
            assert cells_left(grid, Layer(window, stride, padding)) == grid - window - starts[-1]


def test_the_way_is_the_networks():
    assert [shape[1] for _, shape in followed()] == along(299, WAY)[1:]


def test_forks_are_the_stems():
    rows = {row.name: row.shape for row in measure.cost("inception_v4").rows if row.kind == "concat"}
    assert (
        fork(64, 147, FORK_1) == rows["stem.fork_1.concat"][:2]
        and fork(160, 73, FORK_2) == rows["stem.fork_2.concat"][:2]
    )
    (conv,), pool = FORK_3
    assert fork(192, 71, FORK_3) is None
    assert fork(192, 71, ((conv._replace(stride=2),), pool)) == rows["stem.fork_3.concat"][:2]


def test_branches_are_all_of_the_network():
    found = [facts_of(each.in_channels, each.widths, each.windows, 1) for each in printed.branches()]
    counted = sum(each.count * one["parameters"] for each, one in zip(printed.branches(), found, strict=True))
    table = measure.cost("inception_v4")
    dense = by_stage("inception_v4")["classifier"].parameters
    assert counted + dense == table.parameters
    convs = sum(each.count * len(each.windows) for each in printed.branches())
    assert convs == sum(row.kind == "conv" for row in table.rows)


def test_the_printed_branch_costs_what_the_real_one_does():
    real, misprinted = (facts_of(1024, (192, 224, 256), ((1, 1), (1, 7), last), 17) for last in ((7, 1), (1, 7)))
    block = measure.network("inception_v4").inception_b_0.single
    counted = profile(block, (1024, 17, 17))
    assert real == {"field": counted.receptive_field, "parameters": counted.parameters, "macs": counted.macs}
    assert misprinted["field"] == (1, 13) and "a bar of 1×13 cells, or a square of 7×7" in TEXT
    assert (misprinted["parameters"], misprinted["macs"]) == (real["parameters"], real["macs"])
    assert "×".join(map(str, block[2].conv.weight.shape)) in TEXT


def test_table_1():
    assert TABLE_1["Inception-v4"][1] == (*FIGURE_7.stacked, *FIGURE_7.single)
    assert [paper.reduced(name) for name in TABLE_1] == [1024, 896, 1152]


# Stages


def test_stages_are_the_whole_network():
    for name in NETWORKS.values():
        table = measure.cost(name)
        assert total(by_stage(name).values()) == total([table]) and list(by_stage(name)) == list(STAGES)
    with pytest.raises(ValueError, match="'block1' is no part of Inception-v3 or v4"):
        stage_of("block1")


# Pictures


def test_pictures_say_their_point():
    plans = figures.two_plans().alternative
    assert "Inception-v3: 9 modules of 6 designs; Inception-v4: 14 modules of 3 designs" in plans
    assert "A1, A2, A2, reduction, B1, B2, B2, B3, reduction, C, C." in plans
    assert "stands in 9, 5, 7 or 4 places" in figures.places().alternative
    assert "Of 65 image sizes 3 leave nothing over: 267, 299, 331" in figures.left_over(along).alternative
    assert "2.1 times v3's multiply-adds, and 48 % of its own on the 17 grid" in figures.stage_costs().alternative
    seen = figures.fields_by_stage().alternative
    assert (
        "From the first module B on, a unit's field is wider than the image in both" in seen
        and "8 grid 2071 pixels" in seen
    )
    assert (
        "Three views of 47×47 from one of 95×95"
        in figures.reduction_on_a_photograph(reduction_reference, 95).alternative
    )


def test_the_sizes_that_leave_nothing_over():
    whole = [
        side for side in range(3, 340) if min(along(side, WAY)) >= 1 and not any(map(cells_left, along(side, WAY), WAY))
    ]
    assert whole == list(range(75, 340, 32)) and measure.network("inception_v4").minimum_size == whole[0]


# The stage lab


def test_the_lab_starts_as_inception_v4():
    table = measure.cost("inception_v4")
    shown = lab.stage_lab()
    words = f"{table.parameters:,} parameters, {table.macs:,} multiply-adds, {table.activations:,} activations."
    assert shown.text.startswith(words) and "No cell is left over" in shown.text
    assert f'data-parameters="{table.parameters}" data-macs="{table.macs}"' in shown.output.value


@pytest.mark.parametrize("changes", [
    {"side": 160}, {"k": 96, "l": 160, "m": 224, "n": 320}, {"a": 2, "b": 0, "c": 1}, {"a": 0, "c": 0}, {"side": 131, "b": 2},
])  # fmt: skip
def test_the_lab_counts_what_the_live_network_costs(changes, monkeypatch):
    settings = START | changes
    for letter in "abc":
        monkeypatch.setattr(f"networks.inception_v4.REPEATS_{letter.upper()}", settings[letter])
    widths = ReductionWidths(single=(settings["n"],), stacked=(settings["k"], settings["l"], settings["m"]))
    monkeypatch.setattr("networks.inception_v4.FIGURE_7", widths)
    with torch.device("meta"):
        network = InceptionV4()
    table = profile(network, (3, settings["side"], settings["side"]))
    assert cost(**changes) == total([table])


def test_the_lab_counts_same_padding(side=61):
    parts = lab.parts(lab.Design(**START | {"side": side, "stem": lab.SAME, "reductions": lab.SAME}))
    with torch.device("meta"):
        stem = Stem(3, scale=Scale())
        for conv in (part for part in stem.modules() if isinstance(part, nn.Conv2d)):
            conv.padding = (conv.kernel_size[0] // 2, conv.kernel_size[1] // 2)
        for fork_ in (stem.fork_1, stem.fork_3):
            fork_.pool.padding = 1
        reduction = ReductionA(384, FIGURE_7, padding="same")
    table = profile(stem, (3, side, side))
    assert total(part.cost for part in parts[:6]) == total([table])
    assert (parts[5].channels, parts[5].grid) == table.rows[-1].shape[:2]
    assert parts[7].cost == total([profile(reduction, (384, parts[5].grid, parts[5].grid))])
    assert not any(part.left for part in parts)


@pytest.mark.parametrize(("changes", "words"), [
    ({"stem": lab.SAME_POOLS}, "Fork 1 on a grid of 147×147: the convolution ends on 73×73, the pool on 74×74"),
    ({"stem": lab.SAME_CONVS, "side": 300}, "The convolution has padding, and so one place more in each row"),
    ({"reductions": lab.SAME_POOLS}, "Reduction A on a grid of 35×35"),
    ({"last_stride": 1}, "The convolution keeps its stride of 1, and the pool has a stride of 2"),
])  # fmt: skip
def test_what_cannot_be_concatenated_is_explained(changes, words):
    shown = lab.stage_lab()
    shown.set(**changes)
    assert words in shown.trouble and "cannot be concatenated" in shown.trouble
    shown.reset()
    assert shown.trouble == ""


def test_an_image_too_small_is_named():
    with pytest.raises(ValueError, match=r"window of 3, and a grid of 2×2 is left"):
        lab.parts(lab.Design(**START | {"side": 74}))


def test_cells_left_over_are_told():
    shown = lab.stage_lab()
    shown.set(side=300)
    assert "The grid in front of conv 1 is even: the last row and column" in shown.text
    shown.set(side=298)
    assert "conv 1, fork 1, fork 3, reduction A and reduction B are even" in shown.text
    assert shown.output.value.count("last row") == 5


def test_a_and_b_are_compared_in_words():
    shown = lab.stage_lab()
    shown.pin()
    assert "as many parameters (42,679,816)" in shown.text
    shown.set(c=4)
    assert "4,553,088 parameters more (+10.7 %" in shown.text and "290,979,840 multiply-adds more" in shown.text
    assert shown.output.value.count("<table") == 2 and 'data-design="A"' in shown.output.value
    shown.set(c=2)
    assert "4,553,088 parameters fewer (-10.7 %" in shown.text


def test_every_handle_changes_the_lab_and_start_again_undoes_it():
    shown = lab.stage_lab()
    start = shown.output.value, shown.words.value
    for key, control in shown.controls.items():
        assert getattr(control, "tooltips", None) or control.tooltip
        if key in ("stem", "reductions"):
            control.set_state({"index": list(lab.PADDINGS).index(lab.SAME)})
        elif hasattr(control, "options"):
            control.set_state({"index": 1})
        else:
            control.set_state(
                {"value": control.value + (control.step if control.value < control.max else -control.step)}
            )
        assert (shown.output.value, shown.words.value) != start, key
        shown.reset_button.click()
        assert (shown.output.value, shown.words.value) == start, key


def test_presets_can_be():
    shown = lab.stage_lab()
    for name in shown.presets:
        shown.reset()
        shown.preset.set_state({"index": shown.preset.options.index(name)})
        assert shown.preset.value == name and shown.trouble == ""
    assert shown.presets["Inception-v4"] == asdict(lab.Design(**START))


# The claims that this lesson adds to the paper's ledger


def test_claims_of_this_lesson(monkeypatch):
    findings = {claim.number: claim.measure() for claim in paper.CLAIMS}
    assert [findings[number].verdict for number in (27, 67, 68, 69)] == ["holds", "holds in part", "holds", "holds"]
    assert "5 of the 6 sizes" in findings[67].measured and "69 and 35" in findings[67].measured
    assert "7 of 7 sizes" in findings[68].measured and "Inception-ResNet-v2 1152" in findings[69].measured
    claims = {claim.number: claim for claim in paper.CLAIMS}
    monkeypatch.setattr(paper, "FORK_3", ((FORK_3[0][0]._replace(stride=2),), FORK_3[1]))
    assert claims[67].measure().verdict == "holds"
    channels, letters = TABLE_1["Inception-v4"]
    monkeypatch.setitem(paper.TABLE_1, "Inception-v4", (channels, letters._replace(n=letters.n + 1)))
    assert claims[69].measure().verdict == "holds in part"


def test_another_network_fails_the_claim_on_figure_9(monkeypatch):
    claim = next(claim for claim in paper.CLAIMS if claim.number == 68)
    table = measure.cost("inception_v4")
    rows = tuple(row for row in table.rows if not row.name.startswith("inception_b_6"))
    monkeypatch.setattr(measure, "cost", lambda name: replace(table, rows=rows))
    found = claim.measure()
    assert found.verdict == "holds in part" and "6 of 7" in found.measured


def test_the_designs_of_a_module_count_its_widths():
    found = paper.designs("inception_v4")
    assert {kind: len(every) for kind, every in found.items()} == {"InceptionA": 4, "InceptionB": 7, "InceptionC": 3}
    assert all(len(set(every)) == 1 for every in found.values())
    assert prod(len(set(every)) for every in paper.designs("inception_v3").values()) == 6


@pytest.mark.parametrize("name", ["inception_v3", "inception_v4"])
def test_torchinfo_on_the_whole_networks(name):
    """What its last figure holds, as the text says: what layers with weights put out, twice."""
    network, costs = measure.network(name), measure.cost(name)
    shown = torchinfo.summary(network, (1, 3, 299, 299), device="meta", verbose=0)
    rows = [each for each in shown.summary_list if each.is_leaf_layer and each.num_params]
    assert {type(each.module) for each in rows} == {nn.Conv2d, nn.BatchNorm2d, nn.Linear}
    assert shown.total_output_bytes == 2 * 4 * sum(prod(each.output_size) for each in rows)
    assert shown.total_params == costs.parameters
    of_norms = sum(2 * each.num_features for each in network.modules() if isinstance(each, nn.BatchNorm2d))
    assert shown.total_mult_adds - costs.macs == of_norms + 1000


def test_what_the_text_says_of_the_recorded_runs_is_their_verdict():
    found = experiment("uniform_blocks").on_both()
    assert found.full.verdicts == {"growing": "equal"} and found.full.experiment.matters == 1.5
    assert experiment("uniform_blocks").recorded().form_name == "full"
    short, full = (result.compare().differences[0] for result in (found.short, found.full))
    assert short.verdict == "open" and short.high - short.low > 5 * (full.high - full.low), "its runs scatter far more"
    assert "0.75 points to either side, half of what would matter" in TEXT
    assert f"asks for more, {short.needed:,}: with so many" in TEXT and "equal within 1.5 points" in TEXT
    assert {len(runs) for runs in found.full.runs.values()} == {3}


def test_which_branches_of_a_module_take_more_in_v4():
    shares = []
    for name, module in (("inception_v3", "mixed_5b"), ("inception_v4", "inception_a_0")):
        rows = [(row.name.split("."), row.macs) for row in measure.cost(name).rows]
        whole = sum(macs for path, macs in rows if path[0] == module)
        branches = ("pointwise", "single", "stacked", "pool")
        shares.append([sum(macs for path, macs in rows if path[:2] == [module, each]) / whole for each in branches])
    (p3, s3, t3, pool3), (p4, s4, t4, pool4) = shares
    assert f"The 1×1 has {100 * p4:.0f} % of the multiply-adds in v4's module and {100 * p3:.0f} % in v3's" in TEXT
    assert f"the pool's branch {100 * pool4:.0f} % and {100 * pool3:.0f} %" in TEXT and s4 < s3 and t4 < t3
