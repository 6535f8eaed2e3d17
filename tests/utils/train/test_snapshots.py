"""What is kept of a training step by step: it is the live network's, it changes nothing, it is small, it outlives a stop."""

import base64
import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.utils.tiny import TinyNet, tiny_data
from utils.data.dataset import Split
from utils.train.loop import Recipe, fit
from utils.train.prepare import seeded
from utils.train.snapshots import BINS, IMAGES, LAYERS, MOST_BYTES, Snapshots, load, spread, steps_to_keep

RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=0.1)  # 8 steps an epoch


def grey(data):
    """The same data with one channel, so that first filters can be looked at."""
    splits = {name: Split(getattr(data, name).images[:, :1], getattr(data, name).labels) for name in ("train", "test")}
    return replace(data, **splits, mean=data.mean[:1], std=data.std[:1])


@pytest.fixture(scope="module")
def data():
    return grey(tiny_data())


def build():
    return TinyNet(in_channels=1, dropout=0.3)


def numbers(text, *shape):
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(shape).astype(float)


@pytest.fixture(scope="module")
def watched(data):
    """(what was kept, the record, the weights after each step by the step's number)"""
    kept = Snapshots(data, build=build, layers={"conv": "0", "ReLU": "2"})
    with seeded(0):
        weights = {0: build().state_dict()}

    def on_step(run, part):
        kept(run, part)
        weights[len(weights)] = copy.deepcopy(run.net.state_dict())

    fit(build, data, RECIPE, seed=0, show=False, on_step=on_step, device="cpu")
    return kept, kept.record(), weights


def test_what_is_kept_is_the_live_networks(data, watched):
    kept, record, weights = watched
    assert record["steps"] == steps_to_keep(8, 3) and record["steps"][-1] == 24 == record["total"]
    images, labels = data.normalise(data.test.images), data.test.labels
    points = numbers(record["cloud"]["points"], len(record["steps"]), len(labels), 2)
    filters = numbers(record["filters"]["values"], len(record["steps"]), 6, 1, 3, 3)
    reach, side = record["filters"]["reach"], record["cloud"]["side"]
    for place, step in enumerate(record["steps"]):
        net = build()
        net.load_state_dict(weights[step])
        net[5].eval()
        conv = net[0](images)
        normalised = net[1](conv)
        relu = torch.relu(normalised)
        relu.retain_grad()
        features = net[4](net[3](relu))
        logits = net[6](features)
        F.cross_entropy(logits, labels, reduction="sum").backward()
        assert record["loss"][place] == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-3)
        assert record["accuracy"][place] == pytest.approx((logits.argmax(1) == labels).float().mean().item(), rel=1e-3)
        assert record["spread"][place] == pytest.approx(spread(features, labels), rel=1e-3)
        assert torch.allclose(kept.looks[place].features, features, atol=1e-5)
        for layer, output in zip(record["layers"], (conv, relu, logits), strict=True):
            assert layer["size"][place] == pytest.approx(output.square().mean().sqrt().item(), rel=1e-3)
            assert layer["zeros"][place] == pytest.approx((output == 0).float().mean().item(), rel=1e-3)
            own = output.detach().flatten()[output.detach().flatten() != 0].clamp(layer["low"], layer["high"])
            counts = torch.histc(own, BINS, layer["low"], layer["high"])
            shown = numbers(layer["histogram"], len(record["steps"]), BINS)[place]
            assert (
                np.abs(shown - (counts / counts.max() * 255).numpy()).max() <= 255 * 2 / counts.max()
            )  # an edge's value
        assert record["layers"][1]["gradient"][place] == pytest.approx(
            relu.grad.square().mean().sqrt().item(), rel=1e-3
        )
        expected = net[0].weight.detach().clamp(-reach, reach)
        assert np.abs((filters[place] - 128) / 127 * reach - expected.numpy()).max() < reach / 200
        apart = torch.pdist(torch.tensor(points[place]) / 255 * side)
        assert (
            apart <= torch.pdist(features.double()) + 0.02 * side
        ).all()  # a projection brings nothing farther apart


def test_points_lie_on_the_directions_in_which_the_last_features_vary_most(watched):
    kept, record, _ = watched
    last = kept.looks[-1].features
    _, strengths, axes = torch.pca_lowrank(last, q=8, niter=8)
    expected = (last - last.mean(dim=0)) @ axes[:, :2]
    found = torch.tensor(numbers(record["cloud"]["points"], -1, len(last), 2)[-1]) / 255 * record["cloud"]["side"]
    for axis in (0, 1):
        assert abs(np.corrcoef(found[:, axis], expected[:, axis])[0, 1]) > 0.999
    share = strengths[:2].square().sum() / (last - last.mean(dim=0)).square().sum()
    assert record["cloud"]["explained"] == pytest.approx(share.item(), rel=1e-3)


def test_a_training_that_is_watched_is_the_same_to_the_last_bit(data):
    runs = [
        fit(build, data, RECIPE, seed=3, show=False, on_step=on_step, device="cpu")
        for on_step in (None, Snapshots(data, build=build))
    ]
    for plain, watched in zip(*(run.net.state_dict().values() for run in runs), strict=True):
        assert torch.equal(plain, watched)
    assert [epoch.test_loss for epoch in runs[0].history] == [epoch.test_loss for epoch in runs[1].history]


def test_a_look_leaves_the_network_and_the_draws_alone(data):
    net = build()
    net[5].eval()
    net[0].weight.grad = torch.ones_like(net[0].weight)
    before, draws = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    Snapshots(data).look(net, 0)
    assert all(torch.equal(*pair) for pair in zip(before.values(), net.state_dict().values(), strict=True))
    assert torch.equal(draws, torch.get_rng_state())
    assert net.training and net[1].training and not net[5].training
    assert torch.equal(net[0].weight.grad, torch.ones_like(net[0].weight)) and not net[0]._forward_hooks


def test_a_run_that_is_stopped_keeps_what_it_had(data, watched):
    kept = Snapshots(data, build=build)

    def stopping(run, part):
        kept(run, part)
        if part >= 0.5:
            raise KeyboardInterrupt

    run = fit(build, data, RECIPE, seed=0, show=False, on_step=stopping, device="cpu")
    record = kept.record()
    assert not run.completed and record["total"] == 24
    assert record["steps"] == [step for step in steps_to_keep(8, 3) if step <= 12]
    assert record["loss"] == watched[1]["loss"][: len(record["steps"])]


def test_the_largest_record_is_under_the_bound():
    count, layers = 500, LAYERS + 4
    images = torch.randint(0, 255, (count, 3, 12, 12), generator=torch.Generator().manual_seed(0)).byte()
    split = Split(images, torch.arange(count) % 10)
    data = replace(tiny_data(), train=split, test=split, classes=tuple("abcdefghij"), mean=(0.5,) * 3, std=(0.3,) * 3)
    parts = [nn.Conv2d(3 if not number else 8, 8, 7, padding=3) for number in range(layers)]
    net = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    kept = Snapshots(data)
    kept.look(net, 0)
    steps = steps_to_keep(10**6, 100)
    kept.looks *= len(steps)
    record = kept.record()
    assert len(record["layers"]) == LAYERS + 1 and record["images"] == IMAGES
    assert [layer["name"] for layer in record["layers"]][:: LAYERS - 1] == ["layer 0", f"layer {layers - 1}"]
    assert len(json.dumps(record, separators=(",", ":"))) <= MOST_BYTES
    assert len(steps) < 45


@pytest.mark.parametrize(("epoch", "epochs"), [(1, 1), (1, 3), (2, 1), (22, 15), (22, 4), (40, 1), (390, 100), (7, 19)])
def test_steps_are_dense_at_first_and_then_equally_far_apart(epoch, epochs):
    steps = steps_to_keep(epoch, epochs)
    assert steps[0] == 0 and steps[-1] == epoch * epochs and steps == sorted(set(steps)) and len(steps) <= 45
    apart = np.diff(steps)
    assert (np.diff(apart[: len(apart) // 2]) >= -2).all() and apart.max() - np.median(apart[-5:]) <= 1
    if epoch * epochs >= 8:
        assert steps[:4] == [0, 1, 2, 4]


def test_numbers_that_are_lost_are_none_and_dead_channels_are_counted(data):
    kept = Snapshots(data, layers={"ReLU": "2"})
    net = build()
    kept.look(net, 0)
    with torch.no_grad():
        net[1].bias[:2] = -100
    kept.look(net, 1)
    with torch.no_grad():
        net[0].weight.fill_(torch.nan)
    kept.look(net, 2)
    record = kept.record()
    json.dumps(record, allow_nan=False)
    assert record["layers"][0]["dead"] == [0, 2, 0] and record["layers"][0]["size"][2] is None
    assert record["loss"][2] is None and record["spread"][2] is None and record["cloud"]["explained"] > 0


def test_a_cloud_that_collapses_is_a_point_in_the_frame_of_what_it_was(data):
    kept, net = Snapshots(data), build()
    for step, factor in enumerate((1.0, 1e-4, 1e-4, 1e-4, 0.0)):
        with torch.no_grad():
            net[1].weight.fill_(factor)
        kept.look(net, step)
    record = kept.record()
    points = numbers(record["cloud"]["points"], 5, len(data.test), 2)
    widths = np.ptp(points, axis=1).max(axis=1)
    assert widths[0] > 200 and (widths[1:] <= 1).all() and points[0].min() >= 0 and points[0].max() <= 255
    assert record["spread"][-1] is None and record["cloud"]["explained"] > 0, (
        "on the plane of the last that tells apart"
    )


def test_beside_the_run_in_a_file(tmp_path, watched):
    kept, record, _ = watched
    kept.save(tmp_path / "first.steps.json")
    assert load(tmp_path / "first.steps.json") == json.loads(json.dumps(record))
    for text in ("{", "[]", '{"steps": 3}', '{"loss": []}'):
        (tmp_path / "damaged.json").write_text(text)
        with pytest.raises(ValueError, match="holds no snapshots of a training"):
            load(tmp_path / "damaged.json")


def test_what_cannot_be_is_refused(data):
    with pytest.raises(ValueError, match="There are 17 layers; at most 16"):
        Snapshots(data, layers={str(number): "0" for number in range(17)})
    with pytest.raises(ValueError, match=r"There is no part 'stem' in TinyNet\. There are: 0, 1, 2"):
        Snapshots(data, layers={"first": "stem"}).look(build(), 0)
    with pytest.raises(ValueError, match="Nothing was kept yet"):
        Snapshots(data).record()
