"""The map of a network: every layer of the cost table once, in its place; its still; what it refuses."""

import re

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
    assert sources["networks.googlenet.InceptionModule"]["module"] == "networks.googlenet"
    for name, source in sources.items():
        first = source["text"].splitlines()[0]
        assert first.startswith(f"class {name.rpartition('.')[2]}")
    assert not any("Sequential" in name for name in sources)


def test_two_classes_of_one_name_keep_their_texts():
    data = network_map("inception_v3", "inception_v4").data
    own = [{place["own"] for place in every(network["series"])} for network in data["networks"]]
    assert "networks.inception_v2.Stem" in own[0] and "networks.inception_v4.Stem" in own[1]
    assert (own[0] | own[1]) - {""} - {"torch.nn.modules.container.Sequential"} <= set(data["sources"])


def every(series):
    """All places of a series as the front end gets it, those inside of others too."""
    for part in series:
        if "lanes" in part:
            for lane in part["lanes"]:
                yield from every(lane)
        else:
            yield part
            yield from every(part["parts"])


@pytest.mark.parametrize(("name", "variant"), NAMED)
def test_every_place_has_lines_that_make_or_call_it(name, variant):
    data = network_map(name, variant=variant).data
    for place in every(data["networks"][0]["series"]):
        lines = [data["sources"][of]["text"].splitlines()[line] for of, some in place["said"] for line in some]
        assert lines, place["path"]
        assert all(line.strip() and not line.strip().startswith(("#", "def ", "class ", '"')) for line in lines), lines
        own = place["path"].split(".")[0]
        if place["path"] == own:  # a stage is made, and called
            assert any("self." in line for line in lines)
            assert any(re.search(r"\bx = |logits\b.* = |x, ", line) for line in lines), (own, lines)


@pytest.mark.parametrize(
    ("network", "path", "made_and_called"),
    [
        (
            "googlenet",
            "inception_4a",
            ["self.add_module(name, InceptionModule(", "x = after_4a = self.inception_4a(x)"],
        ),
        ("googlenet", "norm1", ["self.norm1 = local_response_norm()", "x = self.norm1(self.pool1(x))"]),
        ("googlenet", "inception_3a.concat", ["return torch.cat(["]),
        (
            "bn_inception",
            "inception_3c",
            ["module = ReductionA(", "self.add_module(name, module)", "x = self.inception_3c(x)"],
        ),
        (
            "inception_v3",
            "mixed_5c",
            ["block = InceptionA(", 'self.add_module(f"mixed_5{letter}"', "for block in self.blocks(", "x = block(x)"],
        ),
        ("inception_v3", "stem.pool_3a", ["self.add_module(row.name, halving_pool("]),
        ("inception_v3", "stem.conv_1a", ["conv = ConvBNAct(", "self.add_module(row.name, conv)"]),
        ("inception_resnet_v2", "inception_resnet_b_7.up", ["self.up = nn.Conv2d(", "residual = convolve(self.up"]),
        ("xception", "block14.0", ["layers.append(SeparableConvBN("]),
    ],
)
def test_the_lines_are_those_that_make_and_call_it(network, path, made_and_called):
    data = network_map(network).data
    (place,) = (each for each in every(data["networks"][0]["series"]) if each["path"] == path)
    lines = [data["sources"][of]["text"].splitlines()[line].strip() for of, some in place["said"] for line in some]
    assert len(lines) == len(made_and_called)
    for line, begins in zip(lines, made_and_called, strict=True):
        assert line.startswith(begins), lines


def test_a_local_response_normalisation_is_called_so_and_stands_by_itself():
    for network in ("googlenet", "alexnet"):
        places = {place["path"]: place for place in every(network_map(network).data["networks"][0]["series"])}
        assert {places[name]["title"] for name in ("norm1", "norm2")} == {"local response normalisation (LRN)"}
        assert not any("scale" in place["title"] for place in places.values())


@pytest.mark.parametrize("name", ["googlenet", "inception_resnet_v1", "xception"])
def test_the_time_of_every_layer_is_measured_when_it_is_asked_for(name):
    net = create(name, size="mini", num_classes=10)
    piece = network_map(net, image_shape=(3, 32, 32))
    assert "time" not in piece.data["networks"][0] and piece.data["timed"] == ""
    given = piece.answer({"measure": "time"})
    (network,) = given["networks"]
    places = list(every(network["series"]))
    assert all(place["time"] > 0 for place in places if place["macs"])
    assert network["time"] == pytest.approx(sum(place["time"] for place in places if not place["parts"]))
    assert given["timed"].startswith("One image on a CPU with 1 thread, the median of ")
    assert given["measures"]["time"] == "measured time"
    untimed = [{key: value for key, value in place.items() if key not in ("time", "parts")} for place in places]
    before = [
        {key: value for key, value in place.items() if key != "parts"}
        for place in every(piece.data["networks"][0]["series"])
    ]
    assert untimed == before
    assert net.training and not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_a_network_is_timed_with_weights_and_one_on_meta_is_not():
    with torch.device("meta"):
        module = create("googlenet", size="mini")
    with pytest.raises(ValueError, match="GoogLeNet has no weights to compute with"):
        network_map(module, image_shape=(3, 32, 32)).answer({})
    net = nn.Sequential(nn.Conv2d(3, 4, 1))
    piece = network_map(net, image_shape=(3, 8, 8))
    net.append(nn.Conv2d(4, 4, 1))
    with pytest.raises(ValueError, match="changed since it was drawn"):
        piece.answer({})


def test_a_page_is_given_its_times_when_it_is_made(monkeypatch):
    monkeypatch.setenv("COURSE_PAGE", "1")
    net = create("googlenet", size="mini", num_classes=10)
    assert network_map(net, image_shape=(3, 32, 32)).data["networks"][0]["time"] > 0
    with torch.device("meta"):
        module = create("googlenet", size="mini")
    assert "time" not in network_map(module, image_shape=(3, 32, 32)).data["networks"][0]


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


@pytest.mark.parametrize("name", [*names(), *relatives()])
def test_no_name_in_a_still_touches_another(name):
    written = [
        (float(x), float(y), "start" in rest, text)
        for x, y, rest, text in re.findall(
            r'<text x="([-\d.]+)" y="([-\d.]+)"([^>]*)>([^<]*)</text>', network_map(name).still()
        )
    ]
    assert len(written) > 4
    for place, (x, y, _, text) in enumerate(written):
        for other_x, other_y, is_heading, other in written[:place]:
            room = 3 * (
                len(text) + (2 * len(other) if is_heading else len(other))
            )  # half of each, at 6 pixels a letter
            assert abs(y - other_y) >= 10 or abs(x - other_x) > room, (text, other)
