"""The map of the family: its numbers are the catalog's, everything stands where it says, and each lesson is there."""

import json
import math

import pytest

from course.build import feedback_of
from course.syllabus import lesson
from labs.family_map import KEY, LATER, family_map
from networks import measure
from networks.catalog import NETWORKS, entry
from utils.cost import units
from utils.cost.table import short
from utils.show.colors import FIVE, GREY, POINTWISE, POOL, THREE
from utils.system.places import NOTEBOOKS


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))
    return tmp_path


@pytest.fixture
def piece(work):
    return family_map(progress=False)


def test_each_network_is_there_once_with_the_catalogs_numbers(piece):
    shown = {each["name"]: each for each in piece.data["networks"]}
    assert list(shown) == [each.name for each in NETWORKS] and len(piece.data["networks"]) == len(NETWORKS)
    for name, each in shown.items():
        known, cost = entry(name), measure.cost(name)
        top1 = known.top1_error or known.later_top1_error
        assert (each["top1"], each["from"], each["paper"]) == (top1, list(known.grew_from), known.arxiv)
        assert each["when"].endswith(str(known.year)) and each["parameters"] == cost.parameters
        said = each["words"]
        for words in (known.new, short(cost.parameters), short(cost.macs), f"{known.input_size}×{known.input_size}"):
            assert words in said
        assert known.error_source in said and f"{known.top5_error or ''}" in said
        assert ("no printed top-1" in said) == (top1 is None)
        is_later = top1 is not None and known.top1_error is None
        assert (each["error"].endswith(LATER), known.later_source in said) == (
            is_later,
            is_later or not known.later_source,
        )
        assert said in piece.words


def test_every_link_leads_to_a_lesson_that_is_there(piece):
    for each in piece.data["networks"]:
        assert (NOTEBOOKS / each["href"]).is_file() and each["href"] == lesson(entry(each["name"]).lesson).notebook


def test_on_a_page_of_the_site_the_links_lead_to_pages_and_nothing_is_said_of_progress(monkeypatch):
    monkeypatch.setenv("COURSE_PAGE", "1")
    page = family_map(folder="lessons/")
    assert page.data["networks"][0]["href"] == "lessons/02_googlenet.html"
    assert not page.data["hasProgress"] and "passed" not in page.words
    assert {each["filled"] for each in page.data["networks"]} == {1}


@pytest.mark.parametrize("form", ["wide", "tall"])
def test_marks_stand_by_time_and_error_and_are_as_large_as_their_parameters(piece, form):
    layout, networks = piece.data["layouts"][form], piece.data["networks"]
    time, height = (0, 1) if form == "wide" else (1, 0)
    better = -1 if form == "wide" else 1  # the way that is up, or right
    marks = [layout["marks"][each["name"]] for each in networks]
    assert [mark[time] for mark in marks] == sorted({mark[time] for mark in marks})
    ranked = sorted((each["top1"], better * mark[height]) for each, mark in zip(networks, marks, strict=True) if each["top1"])  # fmt: skip
    assert [place for _, place in ranked] == sorted((place for _, place in ranked), reverse=True)
    worst, best = ranked[-1], ranked[0]
    scale = (best[1] - worst[1]) / (worst[0] - best[0])
    assert all(place == pytest.approx(best[1] - scale * (error - best[0])) for error, place in ranked)
    least = min(better * line[height] for line in layout["lines"] if line[4] == "tick")  # the line of the largest error
    for each, mark in zip(networks, marks, strict=True):
        assert (better * mark[height] < least - scale / 2) == (each["top1"] is None)
    areas = [mark[2] ** 2 / each["parameters"] for each, mark in zip(networks, marks, strict=True)]
    assert max(areas) == pytest.approx(min(areas))
    assert all(
        math.dist(one[:2], other[:2]) > one[2] + other[2] + 8 for one in marks for other in marks if one is not other
    )
    arrows = {(arrow["from"], arrow["to"]) for arrow in layout["arrows"]}
    assert arrows == {(parent, each.name) for each in NETWORKS for parent in each.grew_from}


def test_the_small_pictures_are_the_modules(piece):
    """GoogLeNet's and an Inception-ResNet's, layer by layer."""
    networks = {each["name"]: each for each in piece.data["networks"]}
    googlenet = networks["googlenet"]
    assert googlenet["module"] == "InceptionModule"
    columns = {}
    for x, y, _, _, color in sorted(googlenet["boxes"], key=lambda box: (box[0], box[1])):
        columns.setdefault(x, []).append((y, color))
    assert [[color for _, color in column] for column in columns.values()] == [
        [POINTWISE], [POINTWISE, THREE], [POINTWISE, FIVE], [POOL, POINTWISE],
    ]  # fmt: skip
    assert [color for *_, color in networks["inception_resnet_v1"]["boxes"]].count(GREY) == 1  # one shortcut
    for each in networks.values():
        assert {color for *_, color in each["boxes"]} <= {*KEY.values(), GREY}
        assert all(min(x, y) >= 0 and max(x + w, y + h) <= 1.001 for x, y, w, h, _ in each["boxes"])


def test_a_network_fills_as_its_lesson_is_passed(work):
    exercises = list(feedback_of(lesson("googlenet")).exercises)
    before = {each["name"]: each for each in family_map().data["networks"]}
    assert {each["filled"] for each in before.values()} == {0}
    assert f"0 of {len(exercises)} exercises passed" in before["googlenet"]["words"]
    passed = {"googlenet": {"passed": dict.fromkeys(exercises[:3], "now")}}
    (work / "progress.json").write_text(json.dumps({"lessons": passed}))
    after = {each["name"]: each for each in family_map().data["networks"]}
    assert after["googlenet"]["filled"] == 3 / len(exercises) and after["bn_inception"]["filled"] == 0
    assert f"3 of {len(exercises)} exercises passed" in after["googlenet"]["words"]


def test_costs_turn_with_the_unit():
    macs = measure.cost("googlenet").macs
    units.use("flops")
    turned = family_map()
    assert f"{short(2 * macs)} FLOPs" in turned.data["networks"][0]["words"]
    assert turned.data["unit"] == "FLOPs" and "multiply-adds" not in json.dumps(turned.data)


def test_the_still_says_every_name_and_number(piece):
    still = piece.still()
    assert still.startswith("<svg xmlns=") and 'fill="#fff"' in still
    for each in piece.data["networks"]:
        assert f">{each['short']}<" in still
