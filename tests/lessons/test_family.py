"""Lesson 09: rows, fronts, times, weights, tuning and the ledger are what its text says of them."""

import copy
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from course.ledger import Claim, Finding
from course.paper_recipes import recipe as named_recipe
from course.trained import trained
from lessons.family import book, figures, lab, looking, paper, race, several, speeds, tuning
from lessons.family.checks import for_processes_of, improvement_of, throughput_of
from lessons.family.rows import PAPERS, PUBLIC_WEIGHTS, choose_of, dominators, pareto_of, relative_rows, rows
from networks import measure
from networks.catalog import NETWORKS, RELATIVES, create, entry
from networks.pretrained import CHECKPOINTS
from utils.cost.timing import Timing
from utils.data.photo import photograph
from utils.data.sets import load
from utils.train.loop import fit
from utils.train.prepare import seeded
from utils.train.recipe import Recipe

TEXT = re.sub(r"\s+", " ", Path(paper.__file__).with_name("lesson.md").read_text(encoding="utf-8"))
BY_MACS = ("bn_inception", "inception_v3", "xception", "inception_resnet_v2")
TIMES = {("googlenet", "paper"): Timing((0.1, 0.3, 0.2)), ("inception_v3", "paper"): Timing((0.4, 0.4, 0.6))}


def points(source=PAPERS, cost="macs", error="top1"):
    return {r.name: (getattr(r, cost), getattr(r, error)) for r in rows(source) if getattr(r, error) is not None}


# Rows and fronts


def test_rows_are_the_live_networks_and_the_printed_errors():
    printed = {each.name: each for each in NETWORKS if each.error_source}
    assert [row.name for row in rows()] == list(printed) and len(rows()) == 8
    for row in rows():
        table = measure.cost(row.name)
        assert (row.parameters, row.macs, row.activations) == (table.parameters, table.macs, table.activations)
        assert (row.top1, row.top5) == (printed[row.name].top1_error, printed[row.name].top5_error)
    public = {row.name: row for row in rows(PUBLIC_WEIGHTS)}
    assert public["inception_resnet_v2"].macs == measure.cost("inception_resnet_v2", "released").macs
    assert public["googlenet"].top1 == pytest.approx(30.222) and set(CHECKPOINTS) <= set(public)
    with pytest.raises(ValueError, match="it can be 'the papers' or 'public weights'"):
        rows("my own")


def test_relatives_have_rows_of_their_own():
    assert not {row.name for row in relative_rows()} & {row.name for row in rows()}
    for row, each in zip(relative_rows(), RELATIVES, strict=True):
        assert (row.name, row.parameters, row.macs) == (
            each.name, measure.cost(each.name).parameters, measure.cost(each.name).macs
        )  # fmt: skip
        assert (row.top1, row.top5, row.source) == (each.top1_error, each.top5_error, each.error_source)
    public = {row.name: row for row in relative_rows(PUBLIC_WEIGHTS)}
    assert public["resnet_50"].macs == measure.cost("resnet_50", "released").macs > measure.cost("resnet_50").macs
    assert public["alexnet"].parameters == 61_100_840 and public["alexnet"].top1 == pytest.approx(43.478)
    with pytest.raises(ValueError, match="it can be 'the papers' or 'public weights'"):
        relative_rows("my own")


def test_relatives_on_the_family_s_front():
    """What the text says of them: who comes on, and who goes off for whom."""
    together = points() | {row.name: (row.macs, row.top1) for row in relative_rows()}
    assert pareto_of(together) == ("mobilenet_v1", "bn_inception", "resnet_50", *BY_MACS[1:])
    for name in ("vgg_16", "network_in_network", "alexnet"):
        assert dominators(together, name)
    macs, errors = ({name: point[place] for name, point in together.items()} for place in (0, 1))
    assert set(points()) <= {
        name for name in together if macs[name] < macs["vgg_16"] and errors[name] < errors["vgg_16"]
    }
    assert "ResNet-50 between BN-Inception and Inception-v3" in TEXT
    outside = {name: point for name, point in together.items() if name not in points()}
    shown = figures.with_relatives(points(), outside, pareto_of(together)).alternative
    assert "On the front of all 12: ResNet-50 and MobileNet of the 5 relatives" in shown and "VGG-16" in shown


def test_the_lab_shows_relatives_where_they_are_asked_for():
    alone, beside = (lab.view(TIMES, settings(relatives=each), None) for each in (False, True))
    assert "VGG-16" not in alone.text and 'data-network="vgg_16"' not in alone.html
    assert "VGG-16 (by " in beside.text and 'data-network="vgg_16"' in beside.html and "(6 of 12)" in beside.text
    assert "MobileNet, ResNet-50 came on" in lab.view(TIMES, settings(relatives=True), settings()).text
    assert "Network in Network" not in lab.view(TIMES, settings(relatives=True, source=PUBLIC_WEIGHTS), None).text
    shown = lab.pareto_lab()
    shown.set(relatives=True)
    assert "VGG-16" in shown.words.value


def test_question_f():
    for cost, on_front in ((lab.ACTIVATIONS, True), (lab.PARAMETERS, False), (lab.MACS, False)):
        assert ("alexnet" in front(cost=cost, relatives=True)) == on_front
    by_parameters = points(cost="parameters") | {row.name: (row.parameters, row.top1) for row in relative_rows()}
    assert len(dominators(by_parameters, "alexnet")) == 10 and "By parameters ten networks dominate it" in TEXT
    counted = measure.cost("alexnet")
    dense = sum(row.parameters for row in counted.rows if row.kind == "linear")
    assert (
        f"{dense / counted.parameters:.0%}".replace("%", " %")
        + f" of its {counted.parameters / 1e6:.0f} M are in dense layers"
        in TEXT
    )
    assert min((*rows(), *relative_rows()), key=lambda row: row.activations).name == "alexnet"


def test_relatives_race():
    raced = race.race(("googlenet", "vgg_16"), seeds=(0,), limit=64, recipe=replace(race.RECIPE, epochs=1), show=False)
    assert list(raced) == ["googlenet", "vgg_16"]
    assert "VGG-16" in figures.race_picture(raced).alternative


def test_the_front_of_the_text():
    assert pareto_of(points()) == BY_MACS and len(points()) == 7
    assert "Seven of the eight networks have a top-1 error in their own paper" in TEXT
    assert dominators(points(), "inception_v4") == ("inception_resnet_v2",)


def test_equal_networks_do_not_dominate_each_other_and_tolerance_forgives_tenths():
    assert pareto_of({"a": (1, 20), "b": (1, 20), "c": (2, 20)}) == ("a", "b")
    close = {"a": (1, 20.0), "b": (2, 19.9), "c": (2, 20.0)}
    assert pareto_of(close) == ("a", "b") and pareto_of(close, 0.1) == ("a",)


def test_choices_of_the_text():
    assert choose_of(rows(), 12e6, 2e9) == "bn_inception" and choose_of(rows(PUBLIC_WEIGHTS), 12e6, 2e9) == "googlenet"
    assert choose_of(rows(), 1, 1) is None


def test_numbers_of_the_text():
    assert "leave out 1,762 of the 50,000 images" in TEXT and 50_000 - 48_238 == 1762
    points_, share = improvement_of(5.6, 4.9)
    assert f"{points_:.1f} points, and {share:.1f} per cent of the errors are gone" in TEXT
    assert for_processes_of(32, 0.045, 50, True) == (32, 2.25)
    assert throughput_of([9, 1, 3, 2], 6, 1) == 3
    v4, resnet = points()["inception_v4"], points()["inception_resnet_v2"]
    assert v4[1] - resnet[1] == pytest.approx(0.1) and "which is some fifty images of the validation set" in TEXT


# The lab's questions


def settings(**changes):
    return lab.pareto_lab(TIMES).settings | changes


def front(**changes):
    chosen = settings(**changes)
    return pareto_of(lab.points_of(chosen, TIMES)[0], chosen["tolerance"] / 10)


def test_question_a():
    fronts = [set(front(cost=cost)) for cost in (lab.MACS, lab.PARAMETERS, lab.ACTIVATIONS)]
    assert set.intersection(*fronts) == {"bn_inception", "inception_resnet_v2"}
    assert fronts[0] & fronts[1] - fronts[2] == {"xception"}
    by_activations = points(cost="activations")
    assert max(by_activations, key=by_activations.get) == "xception"
    assert by_activations["xception"][0] > 2 * by_activations["inception_resnet_v2"][0]


def test_question_b():
    exact, tolerant = (front(cost=lab.ACTIVATIONS, tolerance=each) for each in (0, 1))
    assert set(exact) - set(tolerant) == {"inception_resnet_v2"} and "inception_v4" in tolerant


def test_question_c():
    assert "inception_v4" in front(source=PUBLIC_WEIGHTS) and "inception_v4" not in front()


def test_question_d():
    def fitting(cost, budget):
        shown, _ = lab.points_of(settings(cost=cost), TIMES)
        limit = budget / 100 * max(each for each, _ in shown.values())
        return {name for name, (each, error) in shown.items() if each <= limit and error < 21.5}

    assert fitting(lab.PARAMETERS, 55) == {"xception", "inception_resnet_v1"} and not fitting(lab.PARAMETERS, 50)
    assert fitting(lab.MACS, 50) == {"inception_v3"} and not fitting(lab.MACS, 45)
    assert "55 % of Inception-v4's 42.7 M parameters, 23.5 M" in TEXT and "By multiply-adds 50 % of its 12.3 G" in TEXT


def test_the_lab_says_and_draws_the_front():
    view = lab.view(TIMES, settings(), None)
    titles = {row.name: row.title for row in rows()}
    assert f"On the front: {', '.join(titles[name] for name in BY_MACS)} (4 of 7)." in view.text
    assert "Inception-v4 (by Inception-ResNet-v2)" in view.text and "want of a figure: GoogLeNet" in view.text
    assert re.findall(r'class="front" data-network="(\w+)"', view.html) == list(BY_MACS)
    assert len(re.findall(r'class="dominated"', view.html)) == 3 and 'role="img"' in view.html
    assert {"googlenet", "xception_65", "xception_71"} == view.disabled


def test_the_lab_s_budget_comparison_and_times():
    view = lab.view(TIMES, settings(cost=lab.PARAMETERS, budget=55), settings())
    assert "Within 23.5 M parameters: Xception errs least, 21.0 %." in view.text and 'class="beyond"' in view.html
    assert (
        "Against A (multiply-adds, top-1, the papers): Inception-ResNet-v1 came on; Inception-v3 went off." in view.text
    )
    assert "the same front" in lab.view(TIMES, settings(), settings()).text
    timed = lab.view(TIMES, settings(cost=lab.SECONDS, error=lab.TOP5), None)
    assert "On the front: GoogLeNet, Inception-v3 (2 of 2)." in timed.text and "ms" in timed.html
    assert "Inception-v3 (1 of 1)" in lab.view(TIMES, settings(cost=lab.SECONDS, source=PUBLIC_WEIGHTS), None).text
    assert "no network fits" in lab.view(TIMES, settings(budget=5), None).text


def test_every_handle_changes_the_lab_and_start_again_undoes_it():
    shown = lab.pareto_lab(TIMES)
    start, before = (shown.output.value, shown.words.value), shown.settings
    changes = {
        "cost": lab.ACTIVATIONS,
        "error": lab.TOP5,
        "source": PUBLIC_WEIGHTS,
        "scale": lab.EVEN,
        "tolerance": 2,
        "budget": 60,
    }
    changes |= {row.name: False for row in rows() if row.top1 is not None} | {"relatives": True}
    for key, value in changes.items():
        assert getattr(shown.controls[key], "tooltips", None) or shown.controls[key].tooltip
        shown.set(**{key: value})
        assert (shown.output.value, shown.words.value) != start and shown.trouble == "", key
        shown.set(**before)
        assert (shown.output.value, shown.words.value) == start, key
    assert set(shown.controls) == set(changes) | {"googlenet", "xception_65", "xception_71"}
    shown.set(**{row.name: False for row in rows()})
    assert "Switch one on" in shown.trouble
    shown.reset_button.click()
    assert shown.trouble == "" and shown.output.value == start[0]


def test_presets_can_be_chosen_and_views_are_pure():
    shown = lab.pareto_lab(TIMES)
    for name in shown.presets:
        shown.set(tolerance=3, budget=50)
        shown.preset.set_state({"index": shown.preset.options.index(name)})
        assert shown.preset.value == name and shown.trouble == ""
    chosen, pinned = settings(), settings(cost=lab.PARAMETERS)
    kept = copy.deepcopy((chosen, pinned))
    assert lab.view(TIMES, chosen, pinned) == lab.view(TIMES, chosen, pinned) and (chosen, pinned) == kept
    assert lab.SECONDS not in lab.pareto_lab().controls["cost"].options


# Times


def test_networks_are_timed_at_their_own_size(monkeypatch):
    keys = [("googlenet", "paper"), ("inception_resnet_v2", "released")]
    assert [speeds._images(name, "full", 1, torch.device("cpu")).shape[-1] for name, _ in keys] == [224, 299]
    times = speeds.forward_times(keys, size="mini", batch_size=2, rounds=2, show=False)
    assert list(times) == keys and all(len(timing.seconds) == 2 and timing.median > 0 for timing in times.values())
    steps = speeds.step_times(["inception_v3", "xception"], side=96, rounds=1, batch_size=2, show=False)
    assert list(steps) == ["inception_v3", "xception"] and all(timing.median > 0 for timing in steps.values())


def test_full_times_are_kept(monkeypatch):
    asked = []
    monkeypatch.setattr(speeds, "_kept", {})
    monkeypatch.setattr(
        speeds, "forward_times", lambda keys, **_: asked.append(list(keys)) or {key: Timing((1.0,)) for key in keys}
    )
    speeds.full_times(["a", "b"])
    assert list(speeds.full_times(["b"])) == ["b"] and asked == [["a", "b"]]
    speeds.full_times(["a", "c"])
    assert asked == [["a", "b"], ["a", "c"]]


def test_rounds_are_compared_in_pairs():
    assert speeds.slower_in(Timing((1.0, 5.0, 2.0)), Timing((0.5, 6.0, 1.0))) == (2, 3)


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [((2.0,) * 5, True), ((2.0, 2.0, 0.9, 2.0, 2.0), True), ((2.0, 0.9, 0.9, 2.0, 2.0), False), ((2.0, 0.9), False)],
)
def test_one_disturbed_round_of_five_changes_no_verdict(seconds, verdict):
    assert speeds.is_slower(Timing(seconds), Timing((1.0,) * len(seconds))) is verdict


@pytest.mark.parametrize(
    ("seconds", "found"),
    [((0.5, 0.6, 0.7), True), ((1.5, 1.6, 1.7), False), ((0.9, 1.0, 1.2), None), ((0.5, 1.0, 1.5), None)],
)
def test_the_quickest_is_told_where_the_rounds_tell_it(seconds, found):
    times = {
        ("a", "paper"): Timing(seconds),
        ("b", "paper"): Timing((1.0, 1.1, 1.2)),
        ("c", "paper"): Timing((2.0,) * 3),
    }
    assert speeds.quickest(times, ("a", "paper")) == (found, ("b", "paper"))


def test_what_the_text_says_of_googlenets_error():
    (left_out,) = (row for row in rows() if row.top1 is None)
    known = entry("googlenet")
    assert left_out.name == "googlenet" and known.later_top1_error == 29 and "says 29 %, beside a top-5" in TEXT
    assert left_out.macs == min(row.macs for row in rows()) and "It needs the fewest multiply-adds of all" in TEXT
    own = [each for each in NETWORKS if each.error_source]
    assert (
        len(own) == 8 and len({each.paper for each in own}) == 5 and {each.year for each in own} == {2014, 2015, 2016}
    )


def measured(monkeypatch, seconds):
    monkeypatch.setattr(speeds, "full_times", lambda keys, **_: {key: Timing(seconds[key]) for key in keys})
    monkeypatch.setattr(speeds, "step_times", lambda names, **_: {name: Timing(seconds[name]) for name in names})
    return [claim.measure() for claim in paper.CLAIMS]


@pytest.mark.parametrize(
    ("xception", "verdict"), [((1.1, 1.12), "holds"), ((2.0, 2.0), "holds in part"), ((1.1, 0.9), "does not hold")]
)
def test_claims_about_time_follow_the_rounds(monkeypatch, xception, verdict):
    seconds = {paper.V4: (1.0, 1.0), paper.RESNET: (0.5, 0.9), paper.RELEASED: (0.9, 1.1)}
    first, second = measured(monkeypatch, seconds | {"inception_v3": (1.0, 1.0), "xception": xception})
    assert second.verdict == verdict
    assert (
        first.verdict == "holds in part" and "longer in 2 of 2 rounds" in first.measured and "1 of 2" in first.measured
    )
    assert "149 convolutions against 132 and 244" in first.why
    seconds = {key: (1.0, 1.0) for key in seconds} | {"inception_v3": (1.0, 1.0), "xception": xception}
    assert measured(monkeypatch, seconds)[0].verdict == "does not hold"


# Weights and photographs


def test_without_the_file_random_weights_go_through_the_public_format(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert looking.file_on_this_machine("googlenet") is None
    seeing = looking.looker("googlenet")
    assert not seeing.is_published and "means nothing" in seeing.sentence and not seeing.net.training
    found = seeing.probabilities(photograph("flower", 60))
    assert found.shape == (1000,) and found.sum().item() == pytest.approx(1, abs=1e-4)
    assert [value for _, value in looking.top(found)] == sorted(found.tolist(), reverse=True)[:5]
    assert "Random weights" in figures.seen_by(seeing, photograph("flower", 60)).alternative
    assert "noise" in figures.first_filters(seeing, photograph("flower", 60)).alternative
    (tmp_path / "weights").mkdir()
    file = tmp_path / "weights" / CHECKPOINTS["googlenet"].url.rsplit("/", 1)[1]
    file.touch()
    assert looking.file_on_this_machine("googlenet") == file
    with pytest.raises(ValueError, match="no published weights of 'inception_v2'"):
        looking.looker("inception_v2")


def test_the_file_on_this_machine_is_taken(monkeypatch):
    asked = []
    monkeypatch.setattr(looking, "file_on_this_machine", lambda name: Path("there"))
    monkeypatch.setattr(looking, "create", lambda name, **options: asked.append((name, options)) or nn.Identity())
    seeing = looking.looker("xception")
    assert asked == [("xception", {"variant": "released", "pretrained": True})] and seeing.is_published
    assert seeing.sentence == "xception with the weights that timm published."


def test_classes_have_names_where_torchvision_is(monkeypatch):
    names = ModuleType("torchvision.models._meta")
    names._IMAGENET_CATEGORIES = ["tench", *["other"] * 999]
    for module in ("torchvision", "torchvision.models"):
        monkeypatch.setitem(sys.modules, module, ModuleType(module))
    monkeypatch.setitem(sys.modules, "torchvision.models._meta", names)
    assert looking.class_names()[0] == "tench"
    monkeypatch.setitem(sys.modules, "torchvision.models._meta", None)
    assert looking.class_names()[985] == "class 985"


# Tuning


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return tuning.write_digits(tmp_path_factory.mktemp("digits"))


def test_the_folders_hold_all_digits_once(folders):
    old, new = folders
    digits = load("digits")
    assert len(list(old.glob("*/*.png"))) + len(list(new.glob("*/*/*.png"))) == len(digits.train) + len(digits.test)
    data = load(new)
    assert data.classes == ("7", "8", "9") and len(data.train) == 3 * tuning.FEW
    assert load(old).classes == tuple("0123456") and "ten training images each" in TEXT
    assert "30 images to learn 3 classes from" in repr(
        figures.folder_picture(data.train.images, data.train.labels, data.classes)
    )


def test_tuning_changes_what_each_way_says(folders):
    trained = create(tuning.NETWORK, size="mini", num_classes=7)
    before = copy.deepcopy(trained.state_dict())
    short = Recipe(epochs=1, batch_size=10, optimizer="adamw", learning_rate=0.01)
    runs = tuning.tune(trained, folders[1], seeds=(0,), recipe=short, show=False)
    assert list(runs) == [tuning.SCRATCH, tuning.WHOLE, tuning.FROZEN]
    assert all(torch.equal(before[name], value) for name, value in trained.state_dict().items())
    frozen, whole = (runs[name][0].net for name in (tuning.FROZEN, tuning.WHOLE))
    own = frozen.net.state_dict()
    same = [name for name in before if own[name].shape == before[name].shape and torch.equal(own[name], before[name])]
    assert {name for name in before if name not in same} == {"classifier.weight", "classifier.bias"}
    assert any(
        not torch.equal(before[name], value)
        for name, value in whole.state_dict().items()
        if name.endswith("conv.weight")
    )
    shares = tuning.trained_share(runs)
    assert shares[tuning.WHOLE] == shares[tuning.SCRATCH] == 1 > 0.05 > shares[tuning.FROZEN] > 0
    assert "shortest steps: " in figures.tuning_picture(runs, tuning.seconds_a_step(runs)).alternative


# The race, several processes, the book


def test_a_short_race():
    runs = race.race(
        ("googlenet", "xception"), seeds=(0, 1), recipe=Recipe(epochs=1, batch_size=32), limit=64, show=False
    )
    assert {name: [run.seed for run in each] for name, each in runs.items()} == {
        "googlenet": [0, 1],
        "xception": [0, 1],
    }
    assert "points apart" in figures.race_picture(runs).alternative


def test_a_change_in_the_last_digits_grows_in_one_process():
    assert "by some ten-millionths at the start end apart by a per cent or more of their way" in " ".join(TEXT.split())
    recipe = replace(named_recipe(several.RECIPE), epochs=several.EPOCHS, batch_size=several.BATCH)
    data = load("digits", limit=several.IMAGES)

    def end(seed: int | None):
        def build():
            net = create(several.NETWORK, size="mini", num_classes=10, in_channels=1)
            if seed is not None:
                draws = torch.Generator().manual_seed(seed)
                with torch.no_grad():
                    for each in net.parameters():
                        each.mul_(1 + 3e-7 * torch.randn(each.shape, generator=draws))
            return net

        return several._weights(fit(build, data, recipe, seed=0, device="cpu", show=False).net.state_dict())

    with seeded(0):
        start = several._weights(create(several.NETWORK, size="mini", num_classes=10, in_channels=1).state_dict())
    alone = end(None)
    apart = [((end(seed) - alone).norm() / (alone - start).norm()).item() for seed in (0, 1, 2)]
    assert 0.005 < max(apart) < 0.5


def test_the_command_that_is_shown_is_the_one_that_runs(monkeypatch):
    words = several.command(2)
    assert words[:4] == ["torchrun", "--nproc_per_node=2", "-m", "lessons"] and several.IMAGES % several.BATCH == 0
    with pytest.raises(RuntimeError, match="torchrun failed"):
        several._run(["torchrun", "--nproc_per_node=1", "--no-python", "false"], show=False)


def finding(verdict):
    return lambda: Finding("1", verdict, "why")


def test_the_book_counts_and_filters(monkeypatch):
    def claim(number, text, verdict):
        return Claim(number, text, "here", "2", finding(verdict))

    claims = {
        1: ("googlenet", "T", claim(1, "few parameters", "holds")),
        2: ("xception", "T", claim(2, "few steps", "holds in part")),
        3: ("xception", "T", claim(3, "no Parameters", "does not hold")),
    }
    monkeypatch.setattr(book.ledger, "claims", lambda: claims)
    found = book.open_book(show=False)
    assert dict(found.counts) == {"holds": 1, "holds in part": 1, "does not hold": 1}

    def numbers(**filters):
        return [claim.number for claim, _ in found.of(**filters).entries]

    assert numbers() == [1, 2, 3] and numbers(verdict="holds") == [1] and numbers(verdict="holds in part") == [2]
    assert numbers(slug="xception") == [2, 3] and numbers(word="parameters") == [1, 3]
    assert (
        "1 of 3 claims hold" in found.picture.alternative
        and "08 Xception: 0 holds, 1 holds in part" in found.picture.alternative
    )
    with pytest.raises(ValueError, match="verdict is 'perhaps'"):
        found.of("perhaps")
    with pytest.raises(ValueError, match="slug is 'vgg'"):
        found.of(slug="vgg")


# Pictures


def test_pictures_say_their_point():
    assert "Inception-ResNet-v2 errs least (19.9 %)" in figures.side_by_side().alternative
    assert "Inception-ResNet-v2 errs least (19.6 %)" in figures.side_by_side(PUBLIC_WEIGHTS).alternative
    shown = figures.scatter(points(), BY_MACS, x="multiply-adds", y="error, %")
    assert "4 of 7 are on the front; Inception-v2, Inception-v4, Inception-ResNet-v1 are not" in shown.alternative
    times = figures.speeds_picture(TIMES, 4, "a CPU", "full").alternative
    assert (
        "GoogLeNet, with the fewest multiply-adds, is the quickest" in times and "GoogLeNet 20 images a second" in times
    )
    level = TIMES | {("bn_inception", "paper"): Timing((0.12, 0.25, 0.18))}
    assert (
        "GoogLeNet, with the fewest multiply-adds, and BN-Inception are about as quick"
        in figures.speeds_picture(level, 4, "a CPU", "full").alternative
    ), "the middle halves of their rounds overlap"
    own = [(figures.COLORS[each.name], figures.MARKERS[each.name]) for each in NETWORKS]
    assert len({color for color, _ in own}) == len({marker for _, marker in own}) == len(NETWORKS)
    assert len(set(figures.MARKERS.values())) == len(NETWORKS) + len(RELATIVES)


@pytest.mark.parametrize("relatives", [False, True])
def test_no_name_lies_on_another_in_the_pareto_lab(relatives):
    """Nor on a point: with the family alone, and with its relatives."""
    settings = lab.pareto_lab().settings | {"relatives": relatives}
    picture = lab.view({}, settings, None).html
    names = [row.title for row in lab.rows_of(settings)]
    found = re.findall(r'<text x="([-.\d]+)" y="([-.\d]+)" text-anchor="middle">([^<]+)</text>', picture)
    rooms = [
        (
            float(x) - lab.LETTER * len(name) / 2,
            float(y) - lab.LINE + 2,
            float(x) + lab.LETTER * len(name) / 2,
            float(y) + 2,
        )
        for x, y, name in found
        if name in names
    ]
    dots = re.findall(r'<circle [^>]*cx="([.\d]+)" cy="([.\d]+)"', picture)
    assert len(rooms) == len(dots) == len(names) - 1  # one has no top-1 error
    rooms += [(float(x) - 6, float(y) - 6, float(x) + 6, float(y) + 6) for x, y in dots]
    for place, one in enumerate(rooms[: len(dots)]):
        for other in rooms[place + 1 :]:
            assert not (one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]), (
                one,
                other,
            )


def test_what_the_text_says_of_a_flower_shown_to_networks_that_know_none():
    """Neither is undecided between its ten classes, and for each some other size changes what it says, or how surely."""
    for name in ("multi_scale", "label_smoothing"):
        network, said = trained(name), []
        assert "flower" not in network.classes
        for side in (32, 64, 128):
            image = torch.tensor(photograph("flower", side)).permute(2, 0, 1)[None]
            with torch.no_grad():
                share, number = network.net(network.normalise(image)).softmax(dim=1)[0].max(dim=0)
            said.append((network.classes[number], share.item()))
        assert min(share for _, share in said) > 0.2
        shares = [share for _, share in said]
        assert len({each for each, _ in said}) > 1 or max(shares) - min(shares) > 0.1
