"""Scrubbing through a training: what is shown is what was kept, one training or two, and what is refused."""

import re
from dataclasses import replace

import pytest

from labs.scrubber import scrubber
from tests.utils.tiny import TinyNet, tiny_data
from utils.data.dataset import Split
from utils.train.loop import Recipe, fit
from utils.train.snapshots import Snapshots


def watched(*, epochs=6, seed=0, layers=None, stop=None):
    """What was kept of a tiny training on images of one channel, stopped after so many steps."""
    data = tiny_data()
    splits = {name: Split(getattr(data, name).images[:, :1], getattr(data, name).labels) for name in ("train", "test")}
    data = replace(data, **splits, mean=data.mean[:1], std=data.std[:1])
    kept = Snapshots(data, build=lambda: TinyNet(in_channels=1), layers=layers or {"conv": "0", "ReLU": "2"})

    def on_step(run, part):
        kept(run, part)
        if stop is not None and part * 4 * epochs >= stop:
            raise KeyboardInterrupt

    recipe = Recipe(epochs=epochs, batch_size=16, learning_rate=0.1)
    fit(kept.build, data, recipe, seed=seed, show=False, on_step=on_step, device="cpu")
    return kept


@pytest.fixture(scope="module")
def kept():
    return watched()


def test_a_training_as_watched_or_as_recorded(kept):
    piece, again = scrubber(kept), scrubber(kept.record())
    assert piece.data == again.data and piece.words == again.words
    (run,) = piece.data["runs"]
    assert {name: run[name] for name in kept.record()} == kept.record()
    assert piece.state == {"at": len(run["steps"]) - 1}
    assert f"accuracy {run['accuracy'][0]:.3g} to {run['accuracy'][-1]:.3g}" in piece.words
    assert f"ReLU {run['layers'][1]['size'][0]:.3g} to {run['layers'][1]['size'][-1]:.3g}" in piece.words


def test_two_trainings_of_which_one_ended_before(kept):
    piece = scrubber({"whole": kept, "stopped": watched(seed=1, stop=10)})
    whole, stopped = piece.data["runs"]
    assert piece.data["steps"] == whole["steps"] and stopped["steps"][-1] == 9
    assert "Kept up to step 9." in piece.words and whole["color"] != stopped["color"]


def test_the_still_and_the_page(kept):
    for piece, clouds in ((scrubber(kept), 3), (scrubber({"one": kept, "other": kept}), 6)):
        still = piece.still()
        assert still.count("step ") - still.count("step (") == clouds and still.count("<image") == clouds
        assert min(map(float, re.findall(r'font-size="([\d.]+)"', still))) >= 10
        assert f"step 24: spread {kept.record()['spread'][-1]:.3g}" in still
    html = scrubber(kept).live_html()
    assert len(html) < 200_000 and "http" not in html.replace("http://www.w3.org/", "")


def test_what_cannot_be_is_refused(kept):
    with pytest.raises(ValueError, match="There are 3 trainings; one or two"):
        scrubber({"a": kept, "b": kept, "c": kept})
    for other in (watched(epochs=5), watched(layers={"conv": "0", "norm": "1"})):
        with pytest.raises(ValueError, match="'a' and 'b' do not have the same kept steps and the same layers"):
            scrubber({"a": kept, "b": other})
