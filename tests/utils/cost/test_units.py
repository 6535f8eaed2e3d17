"""One switch turns every table, diagram, chart and lab between multiply-adds and FLOPs, and back."""

import html
import inspect
import json
import re
from base64 import b64decode
from functools import partial

import pytest
import torch
from torch import nn

from labs.block_lab import block_lab
from labs.network_lab import network_lab
from labs.network_map import network_map
from labs.window import sliding_window
from lessons.batch_norm import figures as figures_03
from lessons.capstone import figures as figures_10
from lessons.factorization import figures as figures_04
from lessons.factorization.lab import factor_lab
from lessons.family import figures as figures_09
from lessons.family.lab import pareto_lab
from lessons.googlenet import figures as figures_02
from lessons.googlenet.lab import crop_lab
from lessons.inception_v4 import figures as figures_06
from lessons.inception_v4.lab import stage_lab
from lessons.residual_scaling import figures as figures_07
from lessons.start_here import figures as figures_00
from lessons.xception import figures as figures_08
from lessons.xception.lab import groups_lab
from lessons.xception.roofline import Limits, Place, Work, in_words
from networks import measure
from networks.design import PRESETS
from utils.cost import profile, units
from utils.diagram import draw
from utils.show import plot
from utils.show.touch import Touch

LIMITS = Limits(peak=50e9, memory=10e9, cache=40e9, where="a machine")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))
    return tmp_path


def test_macs_are_the_default_and_the_choice_is_kept_with_the_progress(work, capsys):
    assert (units.words(), units.letters(), units.count(7)) == ("multiply-adds", "MACs", 7)
    (work / "progress.json").write_text('{"lessons": {"a": {}}}')
    units.use("flops")
    assert "FLOPs from here on" in capsys.readouterr().out
    assert (units.words(), units.letters(), units.count(7)) == ("FLOPs", "FLOPs", 14)
    assert json.loads((work / "progress.json").read_text()) == {"lessons": {"a": {}}, "unit": "flops"}
    units.use("macs")
    assert units.count(7) == 7


def test_another_unit_and_a_broken_file(work):
    with pytest.raises(ValueError, match="'ops'; it can be 'macs' or 'flops'"):
        units.use("ops")
    (work / "progress.json").write_text('{"unit": ["flops"]}')
    assert units.letters() == "MACs"
    (work / "progress.json").write_text("{")
    assert units.letters() == "MACs"


def conv() -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1))


def shown(thing: object) -> str:
    """All words that are seen of a thing: text, HTML, and what its pictures hold."""
    words = repr(thing)
    if hasattr(thing, "alternative"):
        words += thing.alternative
    if isinstance(thing, plot.Picture):
        texts = thing.figure.findobj(match=lambda artist: hasattr(artist, "get_text"))
        return words + " ".join(text.get_text() for text in texts)
    if isinstance(thing, Touch):
        return words + json.dumps(thing.data) + thing.picture
    made = thing._forms()["html"] if hasattr(thing, "_forms") else thing._repr_html_()
    for address in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", made):
        made += b64decode(address).decode()
    made = re.sub(r"<style>.*?</style>|base64,[^\"]+|data-[a-z]+=\"[^\"]*\"", "", made, flags=re.DOTALL)
    return html.unescape(words + made)


PLACES = {
    "table": lambda: profile(conv(), (3, 8, 8)),
    "diagram": lambda: draw(conv(), (3, 8, 8)),
    "bars by branch": lambda: plot.bars_by_branch({"A": profile(conv(), (3, 8, 8))}, "Bars"),
    "growth": lambda: plot.growth({"A": [profile(conv(), (3, 8, 8))]}, "Lines"),
    "block lab": lambda: moved(block_lab("xception")),
    "network lab": lambda: moved(network_lab()),
    "factor lab": lambda: moved(factor_lab()),
    "crop lab": crop_lab,
    "stage lab": lambda: moved(stage_lab()),
    "groups lab": lambda: moved(groups_lab(LIMITS)),
    "pareto lab": pareto_lab,
    "network map": lambda: network_map("googlenet"),
    "sliding window": sliding_window,
    "family tree": figures_00.family_tree,
    "stages of GoogLeNet": lambda: figures_02.cost_by_stage(measure.cost("googlenet")),
    "GoogLeNet and BN-Inception": figures_03.two_networks,
    "width and depth": figures_04.width_and_depth,
    "reductions": figures_04.three_reductions,
    "v3 and v4": figures_06.stage_costs,
    "grids": figures_07.costs_by_grid,
    "Xception and v3": figures_08.beside_inception_v3,
    "roofline": lambda: figures_08.roofline(LIMITS, [Place("1×1", Work(1e9, 1e8), 0.1)]),
    "the family": figures_09.side_by_side,
    "budget": figures_10.designs_under_budget,
    "a design": lambda: figures_10.where_it_goes(PRESETS["GoogLeNet"]),
}


def moved(lab):
    """A lab with a design pinned and another beside it."""
    lab.pin()
    lab.preset.value = list(lab.presets)[-1] if lab.presets else lab.preset.value
    return lab


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_every_place_turns(name):
    make = PLACES[name]
    first = shown(make())
    assert "FLOP" not in first and re.search(r"MACs|ultiply-adds", first)
    units.use("flops")
    turned = shown(make())
    assert "FLOPs" in turned
    assert not re.search(r"MACs|multiply-adds(?! are)", turned), turned[
        max(0, re.search(r"MACs|multiply-adds", turned).start() - 80) :
    ][:160]
    units.use("macs")
    assert shown(make()) == first


def test_a_count_of_flops_is_twice_that_of_macs():
    table, picture = (
        partial(profile, conv(), (3, 8, 8)),
        partial(plot.growth, {"A": [profile(conv(), (3, 8, 8))]}, "Lines"),
    )
    macs = table().macs
    assert macs == 64 * (3 * 8 * 9 + 8 * 4)
    assert f"{macs:,} MACs" in repr(table())
    units.use("flops")
    assert f"{2 * macs:,} FLOPs" in repr(table()) and f"{macs:,}" not in repr(table())
    assert table().macs == macs, "the field itself stays what its name says"
    assert f"{2 * macs:,}" in picture().alternative


def test_a_roofline_in_words_turns():
    place = Place("1×1", Work(1e9, 1e8), 0.1)
    assert "10 multiply-adds a byte" in in_words([place], LIMITS) and "does 10," in in_words([place], LIMITS)
    units.use("flops")
    said = in_words([place], LIMITS)
    assert "20 FLOPs a byte" in said and "does 20," in said and "at most 100" in said


def test_what_is_kept_of_drawings_is_kept_for_each_unit():
    made = []

    @units.cached(maxsize=4)
    def drawn(value: int) -> str:
        """Words."""
        made.append(value)
        return f"{units.count(value)} {units.letters()}"

    assert (drawn(2), drawn(2), drawn.__doc__) == ("2 MACs", "2 MACs", "Words.")
    units.use("flops")
    assert (drawn(2), made) == ("4 FLOPs", [2, 2]) and "value" in inspect.signature(drawn).parameters
