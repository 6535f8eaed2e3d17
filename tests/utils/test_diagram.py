"""Diagrams show what is in the module: boxes, arrows, shapes and costs are compared with the live network."""

import re
import xml.etree.ElementTree as ET

import pytest
import torch
from torch import nn

from lessons.inception_module.blocks import InceptionModule, Widths
from utils.diagram import draw

WIDTHS = Widths(pointwise=64, three_reduce=96, three=128, five_reduce=16, five=32, pool=32)


def boxes(diagram):
    """The text lines of each box of the drawn picture."""
    root = ET.fromstring(diagram.svg)
    name = "{http://www.w3.org/2000/svg}"
    groups = [group for group in root.iter(f"{name}g") if group.get("class") == "node"]
    return [[text.text for text in group.iter(f"{name}text")] for group in groups]


def arrows(diagram):
    root = ET.fromstring(diagram.svg)
    return [g for g in root.iter("{http://www.w3.org/2000/svg}g") if g.get("class") == "edge"]


def test_a_module_is_drawn_as_the_papers_figure():
    diagram = draw(InceptionModule(192, WIDTHS), (192, 28, 28))
    titles = [lines[0] for lines in boxes(diagram)]
    assert sorted(titles) == sorted(
        ["input", "1×1 conv, 64", "1×1 conv, 96", "3×3 conv, 128", "1×1 conv, 16", "5×5 conv, 32", "max pool 3×3",
         "1×1 conv, 32", "concat", "output"]
    )  # fmt: skip
    assert len(arrows(diagram)) == 4 + 3 + 4 + 1
    assert ["3×3 conv, 128", "ReLU", "111 k params · 86.7 M MACs"] in boxes(diagram)
    assert "96×28×28" in diagram.svg and "256×28×28" in diagram.svg


def test_branches_stand_side_by_side():
    picture = draw(InceptionModule(192, WIDTHS), (192, 28, 28)).svg
    place = {}
    for x, y, text in re.findall(r'<text [^>]*x="([-\d.]+)" y="([-\d.]+)"[^>]*>([^<]+)', picture):
        place.setdefault(text, (float(x), float(y)))
    assert place["3×3 conv, 128"][1] == place["5×5 conv, 32"][1] == place["1×1 conv, 32"][1]
    order = [place[name][0] for name in ("1×1 conv, 64", "3×3 conv, 128", "5×5 conv, 32", "1×1 conv, 32")]
    assert order == sorted(order)


def test_depth_opens_modules_and_equal_neighbours_share_a_box():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        *(InceptionModule(8, Widths(2, 2, 2, 2, 2, 2)) for _ in range(3)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    )
    overview = boxes(draw(net, (3, 16, 16)))
    assert [lines[0] for lines in overview] == [
        "input", "3×3 conv, 8", "3 … 5 (×3)", "avg pool, global", "dense, 3", "output",
    ]  # fmt: skip
    assert overview[1][1] == "BN + ReLU"
    opened = [lines[0] for lines in boxes(draw(net, (3, 16, 16), depth=2))]
    assert opened.count("5×5 conv, 2") == 3 and opened.count("concat") == 3


def test_it_is_the_same_however_the_learner_writes_it():
    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(4, 6, 1)
            self.b = nn.Conv2d(4, 2, 3, padding=1)

        def forward(self, x):
            return torch.cat([torch.relu(self.a(x)), nn.functional.relu(self.b(x))], 1)

    titles = [lines[:2] for lines in boxes(draw(Mine(), (4, 5, 5)))]
    assert ["1×1 conv, 6", "ReLU"] in titles and ["3×3 conv, 2", "ReLU"] in titles


def test_residual_sums_are_drawn():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            return torch.relu(x + 0.1 * self.branch(x))

    diagram = draw(Residual(), (4, 6, 6))
    assert ["sum", "ReLU"] in boxes(diagram) and len(arrows(diagram)) == 5


def test_saving(tmp_path):
    diagram = draw(nn.Conv2d(3, 4, 3), (3, 8, 8))
    assert diagram.save(tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg")
    assert diagram.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"saved as .svg, .png, .pdf; 'a.jpg' ends in '.jpg'"):
        diagram.save(tmp_path / "a.jpg")


def test_text_alternative_is_in_the_picture():
    diagram = draw(nn.Conv2d(3, 4, 3), (3, 8, 8))
    assert (
        ET.fromstring(diagram.svg).get("aria-label").startswith("Conv2d on 3×8×8. From an input of 3×8×8: 3×3 conv, 4")
    )
    assert "3×3 conv, 4" in repr(diagram) and "<svg" in diagram._repr_html_()


@pytest.mark.parametrize(("name", "value"), [("depth", 0), ("depth", 1.5), ("direction", "up")])
def test_bad_arguments_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} is"):
        draw(nn.Conv2d(3, 4, 3), (3, 8, 8), **{name: value})
