"""Lesson 07: its stacks, memory and ensembles against torch, its pictures and lab, and the numbers in its text."""

import copy
import itertools
import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from course.build import solved
from course.experiments import Result, experiment
from course.syllabus import lesson
from lessons.residual_scaling import checks, ensemble_gain, figures, lab, memory, paper, stacks, tiny
from networks import measure
from networks.inception_resnet_v1 import V1, InceptionResNetA, ResidualBlock, ResidualWidths
from networks.resnet import Bottleneck
from utils.cost.table import profile
from utils.lab_frame.frame import OWN
from utils.train.comparison import ACCURACY, compare
from utils.train.loop import seeded

TEXT = re.sub(r"\s+", " ", Path(paper.__file__).with_name("lesson.md").read_text(encoding="utf-8"))
ANSWERS = re.findall(r"<details><summary>(.*?)</summary>(.*?)</details>", TEXT)


def answer(start: str) -> str:
    """The folded answer whose text begins so."""
    return next(text for _, text in ANSWERS if text.strip().startswith(start))


# Stacks


@pytest.mark.parametrize("normalised", (True, False))
@pytest.mark.parametrize("scale", stacks.SCALES)
def test_independent_residuals_follow_the_formula(scale, normalised):
    for blocks, found in enumerate(stacks.independent(10, scale, normalised, channels=1024)):
        assert found == pytest.approx(checks.size_after_of(blocks, scale, normalised), rel=0.04)


def test_a_normalised_residual_has_a_mean_square_of_about_one():
    with seeded(0):
        (block,) = stacks.stack(64, 1, 1.0)
        x = 5 * torch.randn(32, 64, 4, 4).relu()
        residual = block.up(torch.cat([branch(x) for branch in block.branches()], dim=1))
    assert stacks.size(residual.detach()) == pytest.approx(1, rel=0.15)
    assert block.up.bias.abs().sum() == 0


def test_a_stack_without_normalisation_has_none():
    kinds = [type(module) for module in stacks.stack(16, 2, 0.5, is_normalised=False).modules()]
    assert nn.BatchNorm2d not in kinds and nn.BatchNorm2d in [type(m) for m in stacks.stack(16, 2, 0.5).modules()]


@pytest.mark.parametrize("channels", (2, 30))
def test_widths_that_cannot_be_are_explained(channels):
    with pytest.raises(ValueError, match="it must divide by 4"):
        stacks.widths_of(channels)


def test_a_scale_of_zero_lets_everything_pass():
    found = stacks.passage(16, 0.0)
    assert found.sizes == pytest.approx([1.0] * (stacks.BLOCKS + 1), rel=1e-5) and found.dead == 0
    image = torch.rand(3, 8, 8)
    left, alike = stacks.through(
        image, lambda channels: InceptionResNetA(channels, stacks.widths_of(channels), scale=0.0), 3
    )
    assert alike == pytest.approx(1, abs=1e-5) and torch.allclose(left, image, atol=1e-4)


def test_passages_do_not_depend_on_what_was_asked_before():
    first = stacks.passage(16, 0.3)
    stacks.passage(16, 1.0)
    assert stacks.passage(16, 0.3) == first


def test_gradients_are_autograds():
    found = stacks.gradients(16, 0.5, blocks=3)
    assert len(found) == 4 and found[-1] == 1 and all(length > 0 for length in found)
    # With scale 0 nothing is left but ReLUs, which stop what belongs to zeros.
    first, *between, last = stacks.gradients(16, 0.0, blocks=3)
    assert between == pytest.approx([first] * 2) and first < last == 1


# What the text says of the pictures


def test_what_the_pictures_show():
    plain, turned_down = stacks.gradients(64, None), stacks.gradients(64, 0.1)
    assert plain[0] > 10_000 and "more than ten thousandfold" in TEXT
    assert turned_down[0] < 1.5
    a_layer = math.sqrt(math.pi / (math.pi - 1))  # with normalisation and ReLU, in wide layers
    values = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0)).relu()
    assert math.sqrt(0.5 / values.var().item()) == pytest.approx(a_layer, rel=0.01)
    assert f"its root, {a_layer:.2f}, at each layer" in TEXT
    assert a_layer**2 < plain[0] ** (1 / stacks.BLOCKS) < a_layer**4 and "a block is two to four layers deep" in TEXT
    pictures = figures.through_blocks()
    likeness = [float(found) for found in re.findall(r"likeness (\d\.\d+)", pictures.alternative)]
    assert likeness == sorted(likeness) and likeness[0] < 0.5 < 0.9 < likeness[-1]
    own = figures.through_blocks(InceptionResNetA)
    alike = [float(found) for found in re.findall(r"likeness (\d\.\d+)", own.alternative)]
    assert alike == sorted(alike), "the title of this picture"
    assert (
        "780" in figures.sizes_in_blocks().alternative or stacks.passage(64, 1.0, is_normalised=False).sizes[-1] > 100
    )


def test_pictures_say_their_point_with_computed_numbers():
    paper_macs, released = (sum(figures.macs_by_grid("inception_resnet_v2", v).values()) for v in ("paper", "released"))
    assert (paper_macs, released) == (9_257_953_632, 13_155_794_016)
    v4 = sum(figures.macs_by_grid("inception_v4").values())
    title = " ".join(figures.costs_by_grid().alternative.split())
    assert f"{100 * (1 - paper_macs / v4):.0f} % fewer" in title and f"{100 * (released / v4 - 1):.0f} % more" in title
    assert "The figures' network is much cheaper" in TEXT and paper_macs < 0.8 * v4
    assert "is true of the released network" in TEXT and released / v4 < 1.1
    assert "1024.00 by formula" in figures.sizes_by_depth(checks.size_after_of).alternative
    assert "26 more" in figures.memory_kept().alternative.replace("25.7", "26")


class Grouped(nn.Module):
    """A residual block whose branches stand in one list, as a learner may write it."""

    def __init__(self, channels: int, widths: ResidualWidths):
        super().__init__()
        self.parts = nn.ModuleList(InceptionResNetA(channels, widths).branches())
        self.last = nn.Conv2d(widths.concatenated, channels, 1)

    def forward(self, x):
        return (x + self.last(torch.cat([part(x) for part in self.parts], 1))).relu()


def test_a_block_is_drawn_by_its_parts_however_it_is_written():
    widths = ResidualWidths(pointwise=32, single=(32, 32), stacked=(32, 48, 64))
    words = figures.block_beside_module(InceptionResNetA(384, widths)).alternative
    assert figures.block_beside_module(Grouped(384, widths)).alternative == words
    # 384 to 128 and back to 384 channels; 1 x 1 of three branches; on 35 x 35 places
    assert f"residual block, expansion: {128 * 384 * 35**2 / 1e6:.1f} million MACs" in words
    assert f"residual block, 1×1 of the branches: {96 * 384 * 35**2 / 1e6:.1f} million MACs" in words
    assert "takes 167 M multiply-adds" in words and "module 388 M" in words


# Memory


@pytest.mark.parametrize("blocks", (1, 3))
def test_a_normalised_sum_keeps_what_the_exercise_says(blocks):
    images, channels, side = 2, 12, 5

    def stack() -> nn.Module:
        widths = ResidualWidths(pointwise=4, single=(4, 4))
        return nn.Sequential(*(ResidualBlock(channels, widths, kernels=(3,), scale=0.3) for _ in range(blocks)))

    shape = (images, channels, side, side)
    more = memory.kept_bytes(memory.normalise_sums(stack()), shape) - memory.kept_bytes(stack(), shape)
    statistics = blocks * 2 * channels * 4
    assert more == checks.kept_for_norms_of([(blocks, channels, side)], images) + statistics


def test_what_is_kept_on_meta_is_what_is_kept():
    def net() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))

    with torch.device("meta"):
        empty = net()
    assert memory.kept_bytes(empty, (2, 3, 9, 9)) == memory.kept_bytes(net(), (2, 3, 9, 9))
    # input; the convolution's result, two statistics; the ReLU's result; the pool's indices
    expected = 4 * (2 * 3 * 81 + 2 * 4 * 49 + 2 * 4 + 2 * 4 * 49) + 8 * 2 * 4 * 9
    assert memory.kept_bytes(net(), (2, 3, 9, 9)) == expected


def test_memory_of_the_networks():
    assert memory.sums("inception_resnet_v2") == [(5, 384, 35), (10, 1152, 17), (5, 2144, 8)]
    assert [count for count, *_ in memory.sums("inception_resnet_v2", "released")] == [10, 20, 10]
    plain = memory.network_bytes("inception_resnet_v2")
    more = memory.network_bytes("inception_resnet_v2", normalised=True) - plain
    predicted = checks.kept_for_norms_of(memory.sums("inception_resnet_v2"), 1)
    assert more - predicted == sum(count * channels * 8 for count, channels, _ in memory.sums("inception_resnet_v2"))
    assert 0 < more - predicted < 0.01 * predicted and "larger by a little" in TEXT


def test_a_block_keeps_its_mode_and_does_not_count_its_input():
    block = InceptionResNetA(8, stacks.widths_of(8), scale=0.1).eval()
    kept = memory.block_bytes(block, 6)
    assert not block.training
    assert kept == memory.kept_bytes(copy.deepcopy(block).train(), (1, 8, 6, 6)) - 4 * 8 * 36


# Ensembles


def random_networks(networks=4, images=200, classes=5):
    draws = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (images,), generator=draws)
    shared = torch.randn(images, classes, generator=draws) + nn.functional.one_hot(labels, classes)
    return torch.stack([shared + torch.randn(images, classes, generator=draws) for _ in range(networks)]), labels


def test_the_formula_is_exact_for_the_squared_error():
    logits, labels = random_networks()
    similarity = ensemble_gain.similarity_of(logits, labels)
    measured = ensemble_gain.by_size(logits, labels)
    assert [each.ensembles for each in measured] == [4, 6, 4, 1]
    for each in measured:
        assert each.error == pytest.approx(
            measured[0].error * ensemble_gain.error_left(similarity, each.networks), rel=1e-4
        )


def test_independent_errors_keep_what_each_network_does():
    logits, labels = random_networks()
    apart = ensemble_gain.independent(logits, labels)
    for before, after in zip(logits, apart, strict=True):
        for label in labels.unique():
            of_class = labels == label
            assert torch.equal(
                torch.bincount(before[of_class].argmax(1), minlength=5),
                torch.bincount(after[of_class].argmax(1), minlength=5),
            )
    # What a network gets wrong for a whole class stays; what it gets wrong on one image is shared no more.
    assert ensemble_gain.similarity_of(apart, labels) < ensemble_gain.similarity_of(logits, labels) - 0.05
    found = ensemble_gain.gain(logits, labels)
    assert found.independent > found.measured > 0 and 0 < found.share < 1


def test_one_network_has_no_similarity():
    logits, labels = random_networks(networks=1)
    with pytest.raises(ValueError, match="There is 1 network"):
        ensemble_gain.similarity_of(logits, labels)


def test_the_ensembles_picture_tells_its_numbers():
    logits, labels = random_networks()
    picture = figures.what_averaging_brings(logits, labels)
    found = ensemble_gain.gain(logits, labels)
    assert (
        f"{found.measured:+.1f} points" in picture.alternative
        and f"{found.independent:+.1f} points" in picture.alternative
    )


def test_networks_that_are_averaged_learn_as_they_would_alone():
    runs = experiment("ensemble").trial().runs
    alone, both = (runs[arm][0].net.eval() for arm in ("one network", "two averaged"))
    first, second = both.members
    for mine, theirs in zip(alone.state_dict().values(), first.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    assert not torch.equal(first[0].conv.weight, second[0].conv.weight)
    images = torch.randn(5, 3, 32, 32)
    mean = torch.stack([net(images).softmax(dim=1) for net in (first, second)]).mean(dim=0)
    torch.testing.assert_close(both(images).exp(), mean)


def test_a_training_that_was_stopped_stops_no_cell_about_ensembles(capsys):
    cells = [cell.source for cell in solved(lesson("residual_scaling")).cells if "len(trained) > 1" in cell.source]
    assert len(cells) == 3
    scope = {
        "torch": torch,
        "residual": experiment("residual"),
        "ensemble": ensemble_gain.ensemble,
        "use": lambda _, mine: mine,
    }
    scope |= {
        "result": Result(experiment("residual"), "short", experiment("residual").short, {"residual": [], "plain": []})
    }
    for cell in cells:
        exec(cell, scope)
    assert "Two networks are needed" in scope["picture"] and "logits" not in scope and not capsys.readouterr().out


# Tiny networks and the lab


@pytest.fixture(scope="module")
def networks():
    return {(each.channels, each.scale, each.rate): each for each in tiny.train_all()}


def test_fates():
    kept = dict(channels=16, scale=1.0, rate=3.0, accuracy=0.1)
    assert tiny.Tiny(sizes=(1.0, 0.0), dead=1.0, **kept).fate == tiny.DEAD
    assert tiny.Tiny(sizes=(1.0, math.nan), dead=0.0, **kept).fate == tiny.NUMBERS_LOST
    assert tiny.Tiny(sizes=(1.0, 2.0), dead=0.9, **kept).fate == ""


@pytest.mark.trains
def test_what_the_text_says_of_how_a_network_dies():
    dead, alive = (tiny.trained(16, scale, 3.0, watched=True) for scale in (1.0, 0.1))
    plain = tiny.trained(16, 1.0, 3.0)
    assert plain == dead and plain.kept is None, "a look changes nothing"
    record, other = dead.kept.record(), alive.kept.record()
    *before, last, _ = record["layers"]
    died = last["dead"].index(16)
    assert 0 < record["steps"][died] < 10 and set(last["size"][died:]) == {0.0}
    for layer in before:
        assert set(layer["gradient"][died:]) == {0.0} and layer["gradient"][died - 1] > 0
    assert before[0]["size"][died] != before[0]["size"][died + 1], "momentum still moves it"
    for layer in other["layers"]:
        assert max(layer["dead"]) < 16 and min(layer["gradient"]) > 0
    assert any(max(layer["dead"]) > layer["dead"][-1] for layer in other["layers"]), "some come back"
    assert max(record["accuracy"][-1], other["accuracy"][-1]) < 0.15


@pytest.mark.trains
def test_what_the_text_says_of_the_tiny_networks(networks):
    safe = [each for each in networks.values() if each.rate == 0.1]
    assert not any(each.fate or each.dead for each in safe)
    for channels in tiny.WIDTHS:
        assert networks[channels, 1.0, 0.1].accuracy > networks[channels, 0.1, 0.1].accuracy
        assert networks[channels, 1.0, 3.0].fate == tiny.DEAD
    assert min(networks[channels, 0.1, 3.0].dead for channels in tiny.WIDTHS) < 1
    text = answer("At 0.1 both learn")
    assert "scale 1 learned more in forty steps" in text and "dead with scale 1, in both widths" in text
    assert "here the rate breaks them, not the width" in TEXT
    picture = figures.where_it_breaks(list(networks.values()))
    broken = sum(bool(each.fate) for each in networks.values() if each.scale == 1.0)
    assert f"{broken} of 6 with scale 1" in picture.alternative
    assert f"Scale 1: {broken} of 6 broke" in tiny.in_words(list(networks.values()))


def first_too_large(normalised: bool) -> float:
    scales = [step / 20 for step in range(21)]
    return max(scale for scale in scales if stacks.passage(64, scale, is_normalised=normalised).sizes[-1] < 1.3)


def test_question_a():
    text = answer("0.20 with normalised branches")
    assert first_too_large(True) == 0.2 and first_too_large(False) == 0.15 and "0.15 without" in text
    assert f"{stacks.passage(64, 1.0).sizes[-1]:.1f} times against nearly 800" in text
    assert 750 < stacks.passage(64, 1.0, is_normalised=False).sizes[-1] < 800


def test_what_v2_spends_more_than_v1():
    text = answer("The ten blocks B on 17×17")
    first, second = ({}, {})
    for found, name in ((first, "inception_resnet_v1"), (second, "inception_resnet_v2")):
        for row in measure.cost(name).rows:
            part = row.name.split(".")[0].rstrip("_0123456789")
            found[part] = found.get(part, 0) + row.macs
    more = {part: second[part] - first[part] for part in first}
    each, together = more["inception_resnet_b"] / 10, more["inception_resnet_b"]
    assert f"{each / 1e6:.0f} million more each, {together / 1e9:.2f} thousand million together" in text
    assert 0.45e9 < more["inception_resnet_a"] + more["inception_resnet_c"] < 0.55e9
    assert f"the first reduction {more['reduction_a'] / 1e9:.2f}, the stem {more['stem'] / 1e9:.2f}" in text


def test_what_the_short_runs_of_residual_and_plain_networks_say_is_recorded():
    short = experiment("residual").recorded("short")
    assert {len(runs) for runs in short.runs.values()} == {3} and "six such runs that are recorded cannot tell" in TEXT
    assert short.verdicts == {"plain": "open"} and round(short.mean("plain") - short.mean("residual")) == 6
    columns = {arm: [run.column("test_accuracy") for run in runs] for arm, runs in short.runs.items()}
    residual, plain = ([sum(scores) for scores in zip(*columns[arm], strict=True)] for arm in ("residual", "plain"))
    assert [p > r for p, r in zip(plain, residual, strict=True)] == [False, False, True, True, True]
    assert (
        "plain is ahead there from the third pass on, by 6 points in the end, and the interval of that holds 0" in TEXT
    )


def test_question_b():
    text = answer("At 0 the activations pass")
    assert f"{stacks.passage(64, 0.0, is_normalised=False).sizes[-1]:.2f}" == "1.00" and "stays 1.00" in text
    assert stacks.passage(64, 1.0, is_normalised=False).dead == pytest.approx(0.1, abs=0.03) and "about a tenth" in text


def test_the_lab_trains_nothing_again(networks, monkeypatch):
    monkeypatch.setattr(tiny, "network", lambda *_: pytest.fail("a network is trained twice"))
    shown = lab.scale_lab()
    for scale, rate in itertools.product((0.1, 0.3, 1.0), tiny.RATES):
        shown.set(scale=scale, rate=rate)


def test_the_lab(networks):
    shown = lab.scale_lab()
    start = copy.deepcopy(shown.settings)
    assert lab.view(start, start) == lab.view(start, start) and lab.view(start, None) != lab.view(start, start)
    begun = shown.output.value, shown.words.value
    for key, control in shown.controls.items():
        assert all(getattr(control, "tooltips", None) or [control.tooltip]), key
        if hasattr(control, "options"):
            control.set_state({"index": (control.index + 1) % len(control.options)})
        else:
            control.set_state({"value": 0.4})
        assert (shown.output.value, shown.words.value) != begun, key
        shown.reset_button.click()
        assert (shown.output.value, shown.words.value) == begun, key
    shown.set(scale=0.3, rate=3.0)
    assert shown.preset.value == OWN
    network = networks[64, 0.3, 3.0]
    assert f'class="course-dead">{100 * network.dead:.0f}<' in shown.output.value
    assert (network.fate in shown.output.value) == bool(network.fate)
    assert f"{stacks.passage(64, 0.3).sizes[-1]:.2f}" in shown.text


@pytest.mark.parametrize(
    ("scale", "known"), [(0.0, 0.1), (0.1, 0.1), (0.15, 0.1), (0.2, 0.3), (0.5, 0.3), (0.6, 1.0), (1.0, 1.0)]
)
def test_the_nearest_scale(scale, known):
    assert lab.nearest(scale) == known


# Recorded runs


def test_pictures_of_recorded_runs():
    class Run:
        def __init__(self, **measures):
            self.measures = measures

    class Fake:
        source = "made up"
        form = experiment("ensemble").short

        def __init__(self, runs):
            self.runs = runs

    fake = Fake(
        {"narrow": [Run(activation_size=[1.0, 2.0], dead=0.0)], "wide": [Run(activation_size=[1.0, 9.0], dead=100.0)]}
    )
    words = figures.sizes_after_training(fake).alternative
    assert "4.5 times apart: 2 with narrow, 9 with wide" in words
    assert tiny.deaths(fake).splitlines()[1].startswith("wide: 1 of 1 networks died")
    fake = Fake({"arm": [Run(ensemble_accuracy=[50.0]), Run(ensemble_accuracy=[50.0, 52.5])]})
    words = figures.recorded_ensembles(fake).alternative
    assert "2 networks averaged are 2.5 points better" in words and "4 epochs on scales, 2,000 images" in words


def test_what_the_text_says_of_two_networks_averaged_is_their_verdict():
    found = experiment("ensemble").recorded()
    (difference,) = found.compare().differences
    assert (difference.verdict, difference.pairs, difference.matters) == ("equal", 12, 1.5)
    low, high = f"{difference.low:+.1f}".replace("-", "−"), f"{difference.high:+.1f}"
    words = answer("Twelve pairs")
    assert f"between {low} and {high} points: less than the 1.5 points" in words
    assert 20 < found.compare().arms[0].mean < 28 and "right on about one image in four" in words


def test_what_the_text_says_of_channels_that_die_is_recorded():
    width, words = experiment("scale_width").recorded(), answer("With scale 1 the wide network")
    dead = {arm.name: arm.mean for arm in width.compare().arms}
    assert f"loses {dead['wide, scale 1']:.0f} channels in 100, the narrow one {dead['narrow, scale 1']:.0f}" in words
    assert dead["narrow, scale 0.1"] == dead["wide, scale 0.1"] == 0 and "with scale 0.1 neither loses any" in words
    assert width.verdicts == {"narrow, scale 1": "differs", "wide, scale 0.1": "equal", "wide, scale 1": "differs"}
    pair = {arm: width.runs[arm] for arm in ("narrow, scale 1", "wide, scale 1")}
    assert compare(pair, width.experiment.quantity).differences[0].verdict == "differs", "it is the width"
    assert max(map(max, width.values().values())) < 100, "no network has died"
    warm, words = experiment("warm_up").recorded(), answer("The warm-up saves about half")
    assert set(warm.verdicts.values()) == {"differs"}
    whole, warmed, scaled = (arm.mean for arm in warm.compare().arms)
    assert 0.4 < 1 - warmed / whole < 0.6 and scaled == 0
    assert [each.verdict for each in warm.compare(ACCURACY).differences] == ["open", "differs"]
    assert "Only the scale makes the network clearly more accurate" in words


def test_what_the_text_says_of_averaged_weights():
    found = experiment("averaged_weights").recorded("full")
    (difference,) = found.compare().differences
    assert found.verdicts == {"averaged": "differs"} and len(found.runs["raw"]) == 3
    low, high = difference.low, difference.high
    assert f"the average is {difference.mean:.1f} points more accurate (95 % interval {low:.1f} to {high:.1f})" in TEXT
    assert found.runs["raw"][0].history[-1].learning_rate > 0.5 * found.runs["raw"][0].history[0].learning_rate
    fast = experiment("fast_training").recorded("fifth")
    (other,) = (each for each in fast.compare().differences if each.name == "averaged weights")
    assert (
        other.verdict == "equal"
        and f"({abs(other.mean):.1f} points, {other.low:.1f} to {other.high:.1f})" in TEXT.replace("\n", " ")
    )
    assert (
        fast.runs["averaged weights"][0].history[-1].learning_rate
        < 0.01 * fast.runs["averaged weights"][0].history[0].learning_rate
    )


def test_experiments_of_the_lesson_are_there():
    for name in ("residual", "scale_width", "warm_up", "averaged_weights", "ensemble"):
        assert f'experiment("{name}")' in TEXT and isinstance(experiment(name).recorded(), Result | None)


# Numbers in the text and the claims


def test_numbers_of_the_text():
    released = memory.sums("inception_resnet_v2", "released")
    assert [channels for _, channels, _ in released] == [320, 1088, 2080] and "320, 1088 and 2080 channels" in TEXT
    assert "10, 20 and 10 blocks" in TEXT and "5 blocks A, 10 B and 5 C" in TEXT
    assert checks.channels_after_of(1152, [[256, 384], [256, 288], [256, 288, 320]]) == 2144
    assert "384 + 288 + 320" in TEXT
    assert "it is 1,024" in TEXT and checks.size_after_of(20, 1.0, False) == pytest.approx(1024)
    assert "With a scale of 0.1 a residual adds a hundredth" in TEXT
    widths = ResidualWidths(pointwise=32, single=(32, 32), stacked=(32, 48, 64))
    assert f"{widths.concatenated} in A of v2, where 384 come in" in TEXT
    text = answer("0.8 + 0.2 / 4")
    assert f"{100 * ensemble_gain.error_left(0.8, 4):.0f} % with four" in text
    assert f"{100 * ensemble_gain.error_left(0.8, 100):.1f} % with a hundred" in text
    residual = experiment("residual")
    assert residual.full.recipe.epochs == 10 and "after ten epochs" in TEXT.replace('" "', "")
    costs = residual.costs()
    assert costs["residual"].macs == costs["plain"].macs
    blocks = [m for m in residual.arms["residual"].build(_some_data()).modules() if isinstance(m, ResidualBlock)]
    assert len(blocks) == 6 and {block.scale for block in blocks} == {0.17} and "the public code, 0.17." in TEXT
    assert f"{tiny.STEPS}" == "40" and "learn for forty steps" in TEXT


def _some_data():
    from utils.data.sets import load

    return load("scales", limit=1)


def test_the_scale_folds_into_the_expansion():
    block = InceptionResNetA(8, stacks.widths_of(8), scale=0.25).eval()
    folded = copy.deepcopy(block)
    with torch.no_grad():
        for parameter in folded.up.parameters():
            parameter.mul_(block.scale)
    folded.scale = 1.0
    x = torch.randn(2, 8, 5, 5)
    assert torch.allclose(block(x), folded(x), atol=1e-5)
    grads = []
    for each in (block, folded):
        each(x).square().sum().backward()
        grads.append(each.up.weight.grad)
    assert torch.allclose(grads[1], grads[0] / 0.25, rtol=1e-3, atol=1e-4) and "larger by 1 / scale" in TEXT


def test_verdicts():
    found = {claim.number: claim.measure() for claim in paper.CLAIMS}
    verdicts = {number: each.verdict for number, each in found.items() if number > 70}
    assert verdicts == {71: "holds", 72: "holds in part", 73: "holds", 74: "holds in part", 75: "holds", 82: "holds"}
    assert "25.7 MB" in found[71].measured and "39 of 40 blocks" in found[74].measured
    assert "1.1 points better alone, 0.9 together" in found[72].measured


def test_claims_that_are_false_would_be_found(monkeypatch):
    def verdict(number: int) -> str:
        return next(claim for claim in paper.CLAIMS if claim.number == number).measure().verdict

    monkeypatch.setattr(paper, "SUBSTANTIALLY", 0.9)
    assert verdict(71) == "does not hold"
    monkeypatch.setattr(paper, "SCALES", (0.5, 0.6))
    assert verdict(74) == "does not hold"
    monkeypatch.setitem(paper.CROPS_144, "Inception-ResNet-v2", paper.Errors(16.0, 2.0))
    assert verdict(72) == "holds"
    monkeypatch.setitem(paper.SINGLE_CROP, "Inception-ResNet-v1", paper.Errors(25.0, 5.5))
    assert verdict(73) != "holds"


def test_the_text_on_the_bottleneck():
    with torch.device("meta"):
        plain = profile(Bottleneck(256, 64), (256, 35, 35))
        several = profile(InceptionResNetA(256, V1["paper"].block_a), (256, 35, 35))
    assert abs(several.macs / plain.macs - 1) < 0.15 and "The two blocks cost about the same" in TEXT
    assert (several.receptive_field, plain.receptive_field) == ((5, 5), (3, 3))
    assert "its longest branch sees 5×5, the bottleneck 3×3" in TEXT


def test_what_the_text_says_of_residuals_on_photographs():
    both = experiment("residual").on_both()
    assert both.short.verdicts == {"plain": "open"} and both.full.verdicts == {"plain": "differs"}
    assert both.full.form.recipe.epochs == 10
    assert {run.data["train"] for runs in both.full.runs.values() for run in runs} == {50_000}
    residual, plain = (
        torch.tensor([[100 * seen.test_accuracy for seen in run.history] for run in runs]).mean(dim=0)
        for runs in both.full.runs.values()
    )
    ahead = residual - plain
    assert 7 < ahead[0] < 8.5 and "ahead by more than seven points" in TEXT
    assert 3.5 < ahead[-1] < 4 and "after the last one by nearly four" in TEXT
    assert ahead.min() > 0 and "in no pass behind" in TEXT


@pytest.mark.parametrize(
    "sizes", [(1000.0, 1000.0), (0.01, 0.01), (1000.0, 0.01), (3.9, 4.1), (1e9, 900.0), (0.0, 0.02)]
)
def test_the_letters_at_the_lines_ends_stand_apart_and_inside_the_axes(sizes):
    """At the least size a letter below its line would lie on the axis's numbers, at the largest one above it outside."""
    picture = lab._chart("sizes", {"A": (1.0, sizes[0]), "B": (1.0, sizes[1])}, 1)
    letters = dict(re.findall(r'<text[^>]* y="([-\d.]+)"[^>]*font-weight="bold"[^>]*>([AB])<', picture))
    places = sorted(map(float, letters))
    assert sorted(letters.values()) == ["A", "B"] and places[1] - places[0] >= 13
    assert places[0] >= 11 and places[1] <= 224 - 36  # of a picture of 224 pixels, 36 of which are below the axis
