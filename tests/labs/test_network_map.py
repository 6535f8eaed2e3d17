"""The map of a network: every layer of the cost table once, in its place; its still; what it refuses."""

import pytest
import torch
from torch import nn

from labs.network_map import MEASURES, Place, network_map, plan
from networks import create, entry, names, relatives
from utils.cost import profile

NAMED = [(name, variant) for name in (*names(), *relatives()) for variant in entry(name).variants]


def leaves(series):
    """The places of a series that open into nothing, in its order."""
    for part in series:
        if isinstance(part, Place):
            yield from leaves(part.parts) if part.parts else [part]
        else:
            for lane in part:
                yield from leaves(lane)


def outline(series):
    """A series in short: `path` or `path(what is in it)`, and `[lane | lane]`."""
    words = []
    for part in series:
        if isinstance(part, Place):
            inside = f"({outline(part.parts)})" if part.parts else ""
            words.append(part.path.rpartition(".")[2] + inside)
        else:
            words.append("[" + " | ".join(outline(lane) for lane in part) + "]")
    return " ".join(words)


@pytest.mark.parametrize(("name", "variant"), NAMED)
def test_every_layer_of_the_cost_table_stands_in_one_place(name, variant):
    with torch.device("meta"):
        module = create(name, variant=variant)
    shape = (3, entry(name).input_size, entry(name).input_size)
    table, series = plan(module, shape)
    assert table == profile(module, shape)
    everywhere = [row for leaf in leaves(series) for row in leaf.rows]
    assert sorted(map(repr, everywhere)) == sorted(map(repr, table.rows))

    def whole(part):
        inside = [row for leaf in leaves(part.parts) for row in leaf.rows] if part.parts else part.rows
        assert sorted(map(repr, part.rows)) == sorted(map(repr, inside)), part.path
        for leaf in part.parts:
            for each in [leaf] if isinstance(leaf, Place) else [place for lane in leaf for place in lane]:
                if isinstance(each, Place):
                    whole(each)

    for part in series:
        whole(part)


@pytest.mark.parametrize(("name", "variant"), NAMED)
def test_the_front_end_gets_what_profile_counts(name, variant):
    (network,) = network_map(name, variant=variant).data["networks"]
    with torch.device("meta"):
        table = profile(create(name, variant=variant), network["input"])
    stages = network["series"]
    for measure in MEASURES:
        assert network[measure] == getattr(table, measure)
        assert sum(stage[measure] for stage in stages) == getattr(table, measure)
    by_stage = table.by_stage()
    assert {stage["path"] for stage in stages} <= set(by_stage)
    for stage in stages:
        if stage["parts"]:
            assert stage["macs"] == by_stage[stage["path"]].macs
            assert stage["parameters"] == by_stage[stage["path"]].parameters


def drawn(module, shape=(8, 9, 9)):
    return outline(plan(module, shape)[1])


def test_branches_lie_side_by_side():
    with torch.device("meta"):
        googlenet, residual, xception = (create(name) for name in ("googlenet", "inception_resnet_v2", "xception"))
    assert drawn(googlenet.inception_3a, (192, 28, 28)) == "[pointwise | three(0 1) | five(0 1) | pool(0 1)] concat"
    shown = drawn(residual.inception_resnet_b_0, (1152, 17, 17))
    assert shown == "[[pointwise | single(0 1 2)] concat up | ] sum"  # with the shortcut
    assert (
        drawn(xception.block2, (64, 147, 147)) == "[body(0(depthwise pointwise) 2(depthwise pointwise) 3) | skip] sum"
    )


class Crossed(nn.Module):
    """Neither in a row nor side by side: the first result goes two ways, and one of them meets the second."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv2d(8, 8, 1) for _ in range(4))

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        return self.c(a) + self.d(a + b)


class Reshaped(nn.Module):
    """A reshape between two layers is no layer."""

    def __init__(self):
        super().__init__()
        self.pool, self.dense = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 3)

    def forward(self, x):
        return self.dense(self.pool(x).flatten(1))


class Twice(nn.Module):
    """One layer, used twice in a row."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        return self.conv(self.conv(x))


class TwoInputs(nn.Module):
    """The second input goes past the layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

    def forward(self, first, second):
        return torch.cat([self.conv(first), second.flatten(1).view_as(second)], dim=1)


def test_modules_of_ones_own():
    assert outline(plan(TwoInputs(), [(8, 9, 9), (8, 9, 9)])[1]) == "[conv | ] concat"
    crossed = drawn(Crossed())
    assert {*"abcd", "sum"} <= set(crossed.replace("[", " ").replace("]", " ").split())
    assert drawn(Reshaped()) == "pool dense"
    assert drawn(Twice()) == "conv conv"
    assert drawn(nn.Conv2d(8, 8, 3)) == "Conv2d"
    assert drawn(nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))) == "1"
    piece = network_map(Crossed(), image_shape=(8, 9, 9))
    assert "Crossed" in piece.still() and piece.data["networks"][0]["macs"] == 4 * 8 * 8 * 81


def test_the_still_shows_every_stage():
    piece = network_map("inception_v3", "inception_v4")
    stages = sum(len(network["series"]) for network in piece.data["networks"])
    still = piece.still()
    assert still.count("<polygon") == stages
    for words in ("inception_v3: 23.8 M parameters · 5.71 G multiply-adds", "inception_v4", "35×35", "17×17", "8×8"):
        assert f">{words}" in still
    assert "inception_v3 on 3×299×299: 23.8 M parameters" in repr(piece)


def test_the_text_of_its_classes_comes_along():
    sources = network_map("googlenet", "inception_resnet_v2").data["sources"]
    assert sources["InceptionModule"]["module"] == "networks.googlenet"
    for source in sources.values():
        first = source["text"].splitlines()[0]
        assert first.startswith("class ")
    assert "Sequential" not in sources


def test_the_page_asks_for_nothing():
    html = network_map("xception").live_html()
    assert "http" not in html.replace("http://www.w3.org/", "") and "url(" not in html


def test_a_variant_says_which_it_is():
    networks = [
        network_map("googlenet", variant=variant).data["networks"][0]["name"] for variant in ("paper", "released")
    ]
    assert networks == ["googlenet", "googlenet, released"]


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        ((), {}, ValueError, "one network or two, and 0"),
        (("googlenet",) * 3, {}, ValueError, "and 3 are given"),
        (("resnet",), {}, ValueError, "There is no network 'resnet'"),
        (("googlenet",), {"variant": "timm"}, ValueError, "variant"),
        ((nn.Conv2d(3, 4, 1),), {}, ValueError, "image_shape is missing"),
        ((3,), {}, TypeError, "this is int"),
        ((nn.Conv2d(3, 4, 1),), {"image_shape": (8, 9, 9)}, ValueError, "cannot take an image"),
    ],
)
def test_what_cannot_be_is_refused(given, options, error, words):
    with pytest.raises(error, match=words):
        network_map(*given, **options)
