"""The block lab: every block of the course is there and right, and its handles, code and words are too."""

import itertools
import re
import sys
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course.syllabus import LESSONS, lesson
from labs.any_block import EACH, AnyBlock
from labs.block_lab import SINCE, TITLES, block_lab, cost_by_branch, design_of, settings_of, view
from labs.block_presets import presets
from labs.block_race import MOST_MACS, RaceDesigns, common_factor, small_blocks
from labs.design_costs import TimeDesigns, time_designs
from lessons.factorization.lab import factor_lab
from lessons.inception_module.paper import TABLE_1
from lessons.xception.lab import groups_lab
from lessons.xception.roofline import Limits
from networks.catalog import create, entry, names
from networks.googlenet import InceptionModule, NaiveInceptionModule
from networks.inception_resnet_v1 import ResidualBlock
from networks.layers import Branches
from networks.xception import SeparableStack, XceptionBlock
from utils.cost import trace
from utils.cost.table import profile, short
from utils.diagram import diagram_of
from utils.lab_frame.frame import OWN
from utils.lab_frame.paste import calls_in

ALL = presets()
BY_NAME = {preset.name: preset for preset in ALL}
LEVELS = ("inception_module", "batch_norm", "factorization", "inception_v4", "residual_scaling", "xception")
MODULE_BRANCHES = ("pointwise", "three", "five", "pool")
START = block_lab().settings
LIMITS = Limits(peak=50e9, memory=10e9, cache=40e9, where="here")


def blocks_of(name: str) -> tuple[nn.Module, dict[str, tuple[int, ...]]]:
    """A network at full size on `meta`, and the shapes that its modules read."""
    with torch.device("meta"):
        network = create(name)
        image = torch.empty(1, 3, entry(name).input_size, entry(name).input_size)
    reads = {}
    for child, module in network.named_modules():
        module.register_forward_pre_hook(lambda _, inputs, child=child: reads.update({child: inputs[0].shape[1:]}))
    with torch.no_grad():
        network.eval()(image)
    return network, {child: tuple(shape) for child, shape in reads.items()}


def counted(module: nn.Module, shape: tuple[int, ...]) -> tuple:
    table = profile(module, shape)
    return table.parameters, table.macs, table.activations, table.rows[-1].shape, table.receptive_field


@pytest.mark.parametrize("lab", [block_lab, factor_lab, partial(groups_lab, LIMITS)])
def test_a_design_that_is_new_is_traced_once(lab, monkeypatch):
    """What it costs and what it looks like are two ways to read one trace."""
    shown, traced = lab(), []
    real = trace.trace

    def noted(*arguments, **options):
        traced.append(arguments)
        return real(*arguments, **options)

    for place in list(sys.modules.values()):
        if getattr(place, "trace", None) is real:
            monkeypatch.setattr(place, "trace", noted)
    shown.set(grid=11)
    assert len(traced) == 1


@pytest.mark.parametrize("name", names())
def test_every_block_of_a_network_is_a_preset_and_costs_the_same(name):
    network, reads = blocks_of(name)
    for preset in (preset for preset in ALL if preset.network == name):
        with torch.device("meta"):
            block = AnyBlock(**preset.settings)
        shape = (preset.settings["in_channels"], preset.grid, preset.grid)
        for child in preset.children:
            assert reads[child] == shape, child
            assert counted(network.get_submodule(child), shape) == counted(block, shape), child
    kinds = (InceptionModule, NaiveInceptionModule, Branches, ResidualBlock, XceptionBlock, SeparableStack)
    found = {child for child, module in network.named_modules() if isinstance(module, kinds)}
    outermost = {child for child in found if not any(child.startswith(f"{other}.") for other in found)}
    if name == "inception_resnet_v2":  # its stem is that of Inception-v4, and not listed twice
        outermost -= {child for child in outermost if child.startswith("stem.")}
    assert outermost == {child for preset in ALL if preset.network == name for child in preset.children}


@pytest.mark.parametrize("name", ["vgg_16", "mobilenet_v1"])
def test_blocks_of_relatives_cost_the_same(name):
    network, reads = blocks_of(name)
    mine = [preset for preset in ALL if preset.network == name]
    prefix = {"vgg_16": "block", "mobilenet_v1": "separable_"}[name]
    known = [child for child, _ in network.named_children() if child.startswith(prefix) and child != "block1"]
    assert [child for preset in mine for child in preset.children] == known
    for preset in mine:
        with torch.device("meta"):
            block = AnyBlock(**preset.settings)
        shape = (preset.settings["in_channels"], preset.grid, preset.grid)
        for child in preset.children:
            assert reads[child] == shape, child
            assert counted(network.get_submodule(child), shape) == counted(block, shape), child


ALIKE = (  # one of each kind; the first fork of v4's stem has its pool on the left, and so other places
    "GoogLeNet 3a", "BN-Inception 3a", "BN-Inception 3c", "BN-Inception 5b", "Inception-v3 mixed_5b",
    "Inception-v3 mixed_6a", "Inception-v3 mixed_6b", "Inception-v3 mixed_7a", "Inception-v3 mixed_7b",
    "Inception-v4 stem, fork 2", "Inception-v4 stem, fork 3", "Inception-v4 C", "Inception-ResNet-v1 A",
    "Inception-ResNet-v1 B", "Inception-ResNet-v1 reduction B", "Inception-ResNet-v1 C", "Xception block2",
    "Xception block3", "Xception middle flow", "Xception block14", "Xception-65 entry_0", "Xception-65 exit_1",
    "VGG-16 block3", "MobileNet separable 2", "MobileNet separable 7 to 11",
)  # fmt: skip


@pytest.mark.parametrize("name", ALIKE)
def test_a_preset_computes_what_the_block_computes(name):
    preset = BY_NAME[name]
    with torch.device("meta"):
        theirs = create(preset.network).get_submodule(preset.children[0])
    theirs = theirs.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    state = {}
    for key, tensor in theirs.state_dict().items():
        low = 0.5 if key.endswith(("running_var", "norm.weight")) else -0.1
        state[key] = torch.empty(tensor.shape, dtype=tensor.dtype).float().uniform_(low, low + 0.2, generator=generator)
    theirs.load_state_dict(state)
    ours = AnyBlock(**preset.settings).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), state.values(), strict=True)))
    x = torch.rand(2, preset.settings["in_channels"], 8, 8, generator=generator)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("through", LEVELS)
def test_choosing_a_preset_shows_its_block_and_its_code_comes_back(through):
    lab = block_lab(through)
    start = lab.settings
    for preset in presets(through):
        lab.preset.value = preset.name
        assert lab.trouble == "" and lab.preset.value == preset.name
        design, _ = design_of(lab.settings)
        shape = (preset.settings["in_channels"], preset.grid, preset.grid)
        with torch.device("meta"):
            assert counted(design.build(), design.image_shape) == counted(AnyBlock(**preset.settings), shape)
        code = lab.code.field.value
        lab.set(**start)
        lab.use_code(code)
        assert design_of(lab.settings)[0] == design and lab.code.field.value == code


def test_lessons_know_the_blocks_so_far():
    assert [preset.name for preset in presets("inception_module")] == ["GoogLeNet 3a", "GoogLeNet 3b"]
    brings = {entry(name).lesson for name in names()}
    for earlier, later in itertools.pairwise(LESSONS[2:]):
        before, after = ([preset.name for preset in presets(each.slug)] for each in (earlier, later))
        assert after[: len(before)] == before and (len(after) > len(before)) == (later.slug in brings)
        assert all(lesson(entry(each.network).lesson).number <= later.number for each in presets(later.slug))
        first, second = (block_lab(each.slug).controls for each in (earlier, later))
        assert first.keys() <= second.keys()
    assert block_lab("xception").controls.keys() == SINCE.keys()
    with pytest.raises(ValueError, match="no blocks through 'start_here'"):
        block_lab("start_here")


@pytest.mark.parametrize(
    "name", ("GoogLeNet 3a", "Inception-v4 C", "Inception-ResNet-v2 reduction B", "Xception block3")
)
def test_a_handle_moves_the_block_or_is_greyed(name):
    lab = block_lab("xception")
    lab.preset.value = name
    here = lab.settings
    for key, control in lab.controls.items():
        code, picture, is_greyed = lab.code.field.value, lab.output.value, control.disabled
        if hasattr(control, "options"):
            control.set_state({"index": (control.index + 1) % len(control.options)})
        elif isinstance(control.value, bool):
            control.set_state({"value": not control.value})
        else:
            control.set_state({"value": control.value - 0.01 if key == "scale" else control.value + 1})
        if is_greyed:
            assert (lab.code.field.value, lab.output.value, lab.trouble) == (code, picture, ""), key
        else:
            assert lab.code.field.value != code or lab.trouble, key
        lab.set(**here)
        assert lab.output.value == picture, key


def test_every_handle_has_a_name_and_says_what_it_does():
    for through in LEVELS:
        lab = block_lab(through)
        for name, control in lab.controls.items():
            tips = getattr(control, "tooltips", None) or [control.tooltip]
            assert all(tips) and (control.description or len(tips) == len(control.options)), name
        descriptions = [control.description for control in lab.controls.values() if control.description != "its n"]
        assert len(set(descriptions)) == len(descriptions)
        if through != "inception_module":
            assert sum(len(section.content.children) for section in lab.sections.values()) == len(lab.controls)


# Counting by hand, in the lab of lesson 01


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
    on = dict(zip((f"has_{branch}" for branch in MODULE_BRANCHES), chosen, strict=True))
    settings = START | OTHER | {"reduced": kind} | on
    shown = view(settings, None)
    parameters, macs, channels = by_hand(settings)
    assert costs(shown.html) == {"now": (parameters, macs, channels)}
    assert f"{parameters:,} parameters, {macs:,} multiply-adds" in shown.text
    for name, is_on in zip(MODULE_BRANCHES, chosen, strict=True):
        assert (name in shown.disabled) == (not is_on or (name == "pool" and kind == "naive"))
    for name in ("three", "five"):
        assert (f"{name}_reduce" in shown.disabled) == (kind == "naive" or not settings[f"has_{name}"])
    # The Python that is shown builds the block, and says what it costs.
    space = {}
    exec(shown.code.replace("profile(block", "table = profile(block"), space)
    assert (space["table"].parameters, space["table"].macs) == (parameters, macs)


def test_the_words_compare_b_against_a():
    naive = START | {"reduced": "naive"}
    a, b = by_hand(START), by_hand(naive)
    words = view(naive, START).text
    assert f"{b[0] / a[0]:.3g} times the parameters ({b[0]:,} after {a[0]:,})" in words
    assert f"{b[1] / a[1]:.3g} times the multiply-adds ({b[1]:,} after {a[1]:,})" in words
    assert f"{100 * (b[2] - a[2]) / a[2]:.0f} % more output channels ({b[2]:,} after {a[2]:,})" in words
    assert "a receptive field of 5×5 either way" in words
    back = view(START, naive).text
    assert f"{100 * (b[1] - a[1]) / b[1]:.0f} % fewer multiply-adds ({a[1]:,} after {b[1]:,})" in back
    same = view(START, START).text
    assert f"as many parameters ({a[0]:,}), as many multiply-adds ({a[1]:,}), as many activations (" in same
    pool = naive | {"has_pointwise": False, "has_three": False, "has_five": False}
    assert f"{a[0]:,} parameters after none" in view(START, pool).text
    assert "a receptive field of 5×5 after 3×3" in view(START, pool).text


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
def test_each_preset_is_seen_whole_beside_the_handles(preset):
    """540 pixels are left of a window of 1280, beside JupyterLab's file browser and the handles. Measured in Chromium."""
    least = re.search(r"--least:(\d+)px", view(settings_of(preset.settings, preset.grid), None).html)
    assert int(least[1]) + 8 <= 540


def test_a_and_b_are_both_drawn_and_counted():
    other = START | {"three": 200}
    shown = view(other, START)
    assert costs(shown.html) == {"A": by_hand(START), "B": by_hand(other)}
    assert shown.html.count("<svg") == 2 and shown.html.count('role="img"') == 2
    assert all(f">{TITLES[branch]} {name}<" in shown.html for branch in MODULE_BRANCHES for name in "AB")
    for settings in (START, other):
        design, _ = design_of(settings)
        assert diagram_of(trace.trace(design.build(), design.image_shape), is_narrow=True).svg in shown.html


def test_the_bars_are_the_branches():
    lab = block_lab("xception")
    for name in ("Inception-v3 mixed_7b", "Inception-ResNet-v2 B", "Xception block3"):
        lab.preset.value = name
        design, _ = design_of(lab.settings)
        table = profile(design.build(), design.image_shape)
        shares = cost_by_branch(table)
        for key in ("macs", "parameters", "activations"):
            assert sum(getattr(cost, key) for cost in shares.values()) == getattr(table, key)
            assert all(f">{getattr(cost, key):,}</td>" in lab.output.value for cost in shares.values())
    assert ">to the sum<" in lab.output.value and "three 3×3" not in lab.output.value and "two 3×3" in lab.output.value


def test_a_branch_that_is_off_in_both_keeps_its_line():
    off = START | {"has_five": False}
    html = view(off, off).html
    assert ">5×5 A<" in html and ">5×5 B<" in html and html.count(">off<") == 6
    assert view(START, None).html.count("<tr>") == view(off, None).html.count("<tr>")


def test_all_branches_off_is_explained():
    lab = block_lab()
    lab.set(has_pointwise=False, has_three=False, has_five=False)
    last = lab.output.value
    lab.controls["has_pool"].set_state({"value": False})
    assert "needs at least one branch" in lab.trouble and lab.output.value == last
    lab.pin_button.click()
    lab.controls["has_five"].set_state({"value": True})
    assert lab.trouble == "" and costs(lab.output.value)["A"] == (192 * 32 + 32, 192 * 32 * 28**2, 32)


@pytest.mark.parametrize("name", TABLE_1)
def test_presets_are_the_paper_s_rows(name):
    lab = block_lab()
    lab.set(three=1, grid=3, in_channels=9, reduced="naive", has_pool=False)
    assert lab.preset.value == OWN
    lab.preset.set_state({"index": lab.preset.options.index(f"GoogLeNet {name}")})
    row = TABLE_1[name]
    assert lab.preset.value == f"GoogLeNet {name}"
    assert costs(lab.output.value)["now"] == by_hand(lab.settings)
    assert by_hand(lab.settings)[2] == row.widths.out_channels
    assert round(by_hand(lab.settings)[1] / 1e6) == row.printed_ops


@pytest.mark.parametrize("through", ("inception_module", "xception"))
def test_the_smallest_and_the_largest_settings_are_shown(through):
    lab = block_lab(through)
    sliders = {key: control for key, control in lab.controls.items() if hasattr(control, "min")}
    for end in ("min", "max"):
        lab.set(**{key: getattr(control, end) for key, control in sliders.items()})
        assert lab.trouble == ""
        if through == "inception_module":
            assert costs(lab.output.value)["now"] == by_hand(lab.settings)


# What cannot be


@pytest.mark.parametrize(
    ("preset", "moved", "why"),
    [
        ("GoogLeNet 3a", {"padding": "valid"}, "different grids cannot be concatenated"),
        ("GoogLeNet 3a", {"groups": 7}, "96 channels, which cannot be divided into 7 equal groups"),
        ("Inception-v3 mixed_6b", {"expanded": True}, "An expanded filter bank stands in the place of a square window"),
        ("Inception-v3 mixed_6a", {"join": "residual"}, "only to a grid of its own size"),
        ("Inception-v3 mixed_6a", {"join": "skip"}, '"valid" padding the branches lose their border'),
        ("Inception-v3 mixed_6a", {"grid": 1}, "A grid of 1×1 is too small"),
    ],
)
def test_what_cannot_be_is_said_in_the_lab(preset, moved, why):
    lab = block_lab("xception")
    lab.preset.value = preset
    picture, code = lab.output.value, lab.code.field.value
    lab.set(**moved)
    assert why in lab.trouble and (lab.output.value, lab.code.field.value) == (picture, code)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"in_channels": 0, "three": 3}, "in_channels is 0"),
        ({"three": -1}, "three is -1"),
        ({"three": True}, "three is True"),
        ({"three": 3, "three_form": "threes"}, "three_form is 'threes'; it can be 'whole', 'factors'"),
        ({"five": 3, "five_window": 4}, "five_window is 4; it can be 3, 5, 7"),
        ({"five": 3, "five_form": "threes"}, "between the 2 windows of this branch there must be 1 widths"),
        ({"five": 3, "five_between": (3,)}, "five_between is (3,)"),
        ({"three": 3, "norm": 1}, "norm is 1; it can be True or False"),
        ({"three": 3, "scale": 1.5}, "scale is 1.5; it must be a number from 0 to 1"),
        ({"three": 3, "groups": "many"}, "groups is 'many'"),
        ({"three": 3, "relu": []}, "relu is []"),
        ({}, "at least one branch"),
    ],
)
def test_any_block_says_what_it_cannot_be(settings, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        AnyBlock(**{"in_channels": 6} | settings)


def test_a_scale_of_zero_is_the_identity():
    block = AnyBlock(6, three=4, three_reduce=2, join="residual", scale=0.0, sum_relu=False)
    x = torch.randn(1, 6, 5, 5)
    assert torch.equal(block(x), x)
    lab = block_lab("residual_scaling")
    lab.preset.value = "Inception-ResNet-v1 A"
    lab.set(scale=0.0)
    assert "the branches count for nothing" in lab.text


@pytest.mark.parametrize("groups", (2, 3, EACH))
def test_a_window_with_groups_is_blind_to_the_others(groups):
    block = AnyBlock(6, three=6, groups=groups).get_submodule("three.0")[0]
    x = torch.zeros(1, 6, 5, 5)
    x[0, 0] = 1
    with torch.no_grad():
        reached = block(x).abs().sum((0, 2, 3)) > 0
    assert reached.sum() == (1 if groups == EACH else 6 // groups)


# Code that is pasted


def test_pasted_code_moves_the_handles():
    lab = block_lab("factorization")
    lab.code.field.value = "AnyBlock(320, norm=True, three_reduce=0, three=96, halving='stride', pool_kind='max')"
    lab.code.use_button.click()
    assert lab.code.said.value == "" and lab.settings["grid"] == 28 and lab.settings["reduced"] == "naive"
    block = AnyBlock(320, norm=True, three=96, halving="stride", pool_kind="max")
    assert costs(lab.output.value)["now"][:2] == counted(block, (320, 28, 28))[:2]


@pytest.mark.parametrize(
    ("through", "code", "why"),
    [
        ("inception_module", "AnyBlock(192, three=64, norm=True)", "it comes with lesson 03"),
        ("inception_module", "AnyBlock(192, three=600)", "three is 600; here it can be a whole number from 1 to 512"),
        ("inception_module", "AnyBlock(192)", "at least one branch"),
        ("xception", "AnyBlock(192, three=64, groups=5)", "192 channels, which cannot be divided into 5"),
        ("xception", "AnyBlock(190, three=64, groups=5)", "groups is 5; here it can be 1, 2, 3"),
        ("xception", "AnyBlock(three=64)", "in_channels is missing"),
        ("xception", "AnyBlock(3, 4)", "Only in_channels may stand without its name"),
        ("xception", "AnyBlock(3, four=4)", "AnyBlock has no four"),
        ("xception", "Conv2d(3, 4)", "There is no AnyBlock(...) here, only Conv2d"),
        ("xception", "AnyBlock(3, three=4)\nAnyBlock(3, three=4)", "Paste one AnyBlock"),
        ("xception", "AnyBlock(3, three=4)\nprint(3)", "Paste one AnyBlock"),
        ("xception", "b = AnyBlock(3, three=4)\nprofile(b, (3, 4, 5))", "of a square grid"),
        (
            "xception",
            "b = AnyBlock(3, three=4)\nprofile(b, (4, 5, 5))",
            "has in_channels=3, and the shape in profile has 4",
        ),
        ("xception", "b = AnyBlock(3, three=4)\nprofile(b, (3, 900, 900))", "grid is 900"),
        ("xception", "AnyBlock(3, three=__import__('os').getpid())", "nothing is computed here"),
    ],
)
def test_code_that_cannot_be_is_explained(through, code, why):
    lab = block_lab(through)
    before = lab.settings, lab.output.value
    lab.code.field.value = code
    lab.code.use_button.click()
    assert why in re.sub(r"&\w+;|&#x27;", "'", lab.code.said.value) and 'role="alert"' in lab.code.said.value
    assert (lab.settings, lab.output.value) == before and lab.code.field.value == code


def test_the_code_is_read_as_it_is_written():
    for preset in ALL:
        design, _ = design_of(settings_of(preset.settings, preset.grid))
        block, count = calls_in(design.code)
        assert block.keywords == dict(design.arguments) and count.arguments == (design.image_shape,)
        assert max(map(len, design.code.splitlines())) <= 90


# Timing


def test_designs_are_timed_on_a_button_and_forgotten_with_the_design():
    lab = block_lab()
    lab.set(in_channels=8, grid=7)
    (clock,) = [action for action in lab.actions if isinstance(action, TimeDesigns)]
    assert clock.said.value == ""
    clock.button.click()
    assert re.search(r"One image on a CPU with 1 thread, 25 rounds\. \d+\.\d\d ms \(middle half", clock.said.value)
    lab.pin()
    assert clock.said.value == ""
    lab.set(three=5)
    clock.button.click()
    assert re.search(
        r"A: [\d.]+ ms .*; B: [\d.]+ ms .* B against A: [+-]\d+ % of time, [+-]\d+ % of mult", clock.said.value
    )
    lab.set(three=6)
    assert clock.said.value == "" and not clock.button.disabled


def test_timing_needs_no_equal_inputs():
    small, other = design_of(START | OTHER)[0], design_of(START | OTHER | {"grid": 5})[0]
    assert "B against A" in time_designs({"A": small, "B": other})
    pool = START | OTHER | {f"has_{name}": False for name in MODULE_BRANCHES[:-1]} | {"reduced": "naive"}
    assert time_designs({"A": design_of(pool)[0], "B": small}).endswith("% of time.")


# The race


def test_a_race_needs_two_designs():
    lab = block_lab()
    race = next(action for action in lab.actions if isinstance(action, RaceDesigns))
    race.panel.race_button.click()
    assert "There is only one design" in race.panel.statement.value and race.panel.race is None
    lab.pin()
    race.panel.race_button.click()
    assert "A and B are the same design" in race.panel.statement.value and race.panel.race is None
    lab.set(three=200)
    assert list(race.entries()) == ["A", "B"]
    lab.reset()
    with pytest.raises(ValueError, match="only one design"):
        race.entries()


@pytest.mark.parametrize("name", ALIKE)
def test_designs_race_as_small_networks_of_their_own_kind(name):
    preset, other = BY_NAME[name], BY_NAME["GoogLeNet 4a"]
    race = RaceDesigns(lambda settings: dict(design_of(settings)[0].arguments))
    race.designs_changed(settings_of(preset.settings, preset.grid), settings_of(other.settings, other.grid))
    entries = race.entries()
    images = torch.rand(4, 3, 32, 32)
    data = SimpleNamespace(image_shape=(3, 32, 32), classes=tuple("abcdefg"))
    costs = []
    for build in entries.values():
        network = build(data)
        logits = network(images)
        logits.sum().backward()
        assert logits.shape == (4, 7) and all(weight.grad is not None for weight in network.parameters())
        blocks = [child for child in network if isinstance(child, AnyBlock)]
        assert len(blocks) == 3
        costs.append(profile(nn.Sequential(*list(network)[1:-3]), (16, 16, 16)).macs)
    assert 0.5 * MOST_MACS < max(costs) <= MOST_MACS
    assert (
        f"{short(costs[0])} multiply-adds" in race.what.value and f"{short(costs[1])} multiply-adds" in race.what.value
    )


def test_groups_stay_groups_in_a_race():
    settings = settings_of({"in_channels": 96, "three": 96, "groups": 8}, 14)
    block = small_blocks(dict(design_of(settings)[0].arguments), 0.2)[0][1]
    assert block.get_submodule("three.0")[0].groups == 8
    with pytest.raises(ValueError, match="With so many groups"):
        common_factor({"A": {"in_channels": 96, "three": 96, "groups": 96}, "B": {"in_channels": 3, "three": 3}})
