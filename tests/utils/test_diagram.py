"""Diagrams show what is in the module: boxes, arrows, shapes and costs are compared with the live network."""

import base64
import itertools
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from torch import nn

from networks.googlenet import InceptionModule, Widths
from utils.cost.table import profile, short
from utils.cost.trace import trace
from utils.diagram import COLUMN, LEGIBLE, at_one_scale, diagram_of, draw

WIDTHS = Widths(pointwise=64, three_reduce=96, three=128, five_reduce=16, five=32, pool=32)


def boxes(diagram):
    """The text lines of each box of the drawn picture."""
    root = ET.fromstring(diagram.svg)
    name = "{http://www.w3.org/2000/svg}"
    groups = [group for group in root.iter(f"{name}g") if group.get("class") == "node"]
    texts = [[text.text for text in group.iter(f"{name}text")] for group in groups]
    return [lines for lines in texts if lines]  # where arrows part inside a frame there is a point without words


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
    assert opened.count("5×5 conv, 2") == 1 and opened.count("concat") == 1
    assert "3 … 5 (×3), each" in draw(net, (3, 16, 16), depth=2).svg


def test_repeats_say_what_is_repeated():
    class Pair(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 4, 1))

    (_, separable, _) = boxes(draw(nn.Sequential(Pair(), Pair(), Pair()), (4, 8, 8)))
    assert separable[0] == "3×3 separable conv, 4 (×3)"
    # A plain Sequential is no box: each of its layers is drawn as often as it is there.
    plain = nn.Sequential(*(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)) for _ in range(3)))
    titles = [lines[0] for lines in boxes(draw(plain, (4, 8, 8)))]
    assert titles == ["input", *["3×3 conv, 4", "1×1 conv, 4"] * 3, "output"]


def test_a_block_that_differs_in_its_factor_or_activation_is_no_repeat():
    class Residual(nn.Module):
        def __init__(self, factor, activation):
            super().__init__()
            self.first, self.second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1)
            self.factor, self.activation = factor, activation

        def forward(self, x):
            return self.activation(x + self.factor * self.second(self.first(x)))

    def overview(*blocks):
        return [lines[0] for lines in boxes(draw(nn.Sequential(*blocks), (4, 6, 6)))][1:-1]

    equal, other = Residual(0.1, nn.ReLU()), Residual(0.2, nn.ReLU())
    linear = Residual(0.1, nn.Identity())
    assert overview(equal, Residual(0.1, nn.ReLU()), other) == ["0 … 1 (×2)", "Residual"]
    assert overview(equal, linear) == ["Residual", "Residual"]
    assert "× 0.2" in draw(other, (4, 6, 6)).svg


def test_titles_of_repeats_name_what_differs():
    from utils.cost.trace import Call, Trace
    from utils.diagram import _run_title

    def title(*names):
        calls = [Call(number, None, nn.Identity(), name) for number, name in enumerate(names)]
        return _run_title(Trace(nn.Identity(), (1, 1, 1), calls, [], {}), list(range(len(names))))

    assert title("inception_a_0", "inception_a_1") == "inception_a_0 … 1 (×2)"
    assert title("mixed_6c", "mixed_6d", "mixed_6e") == "mixed_6c … 6e (×3)"
    assert title("block5", "block6") == "block5 … 6 (×2)"
    assert title("block9", "block10") == "block9 … 10 (×2)"
    assert title("body.left", "body.right") == "left … right (×2)"


class Tail(nn.Module):
    """Two convolutions of one grid, joined: the end of a branch of "Rethinking", figure 7."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(2, 2, (1, 3), padding=(0, 1))
        self.tall = nn.Conv2d(2, 2, (3, 1), padding=(1, 0))

    def forward(self, x):
        return torch.cat([self.wide(x), self.tall(x)], 1)


class Forked(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(6, 2, 1)
        self.short = nn.Sequential(nn.Conv2d(6, 2, 1), nn.Conv2d(2, 2, 3, padding=1))
        self.long = nn.Sequential(nn.Conv2d(6, 2, 1), nn.Conv2d(2, 2, 5, padding=2), Tail())
        self.pool = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(6, 6, 1))

    def forward(self, x):
        return torch.cat([self.one(x), self.short(x), self.long(x), self.pool(x)], 1)


def test_a_fork_at_the_end_of_a_branch_is_drawn_open():
    for net, shape, depth in ((Forked(), (6, 8, 8), 1), (nn.Sequential(nn.Conv2d(3, 6, 1), Forked()), (3, 8, 8), 2)):
        titles = [lines[0] for lines in boxes(draw(net, shape, depth=depth))]
        assert "1×3 conv, 2" in titles and "3×1 conv, 2" in titles
        assert "Tail" not in str(titles)


@pytest.mark.parametrize(("direction", "axis"), [("TB", "x"), ("LR", "y")])
def test_branches_keep_their_order_inside_of_a_frame(direction, axis):
    net = nn.Sequential(nn.Conv2d(3, 6, 1), Forked(), nn.Conv2d(14, 6, 1), Forked())
    root = ET.fromstring(draw(net, (3, 8, 8), depth=2, direction=direction).svg)
    name = "{http://www.w3.org/2000/svg}"
    places = {}
    for group in root.iter(f"{name}g"):
        if group.get("class") == "node" and (text := group.find(f"{name}text")) is not None:
            places.setdefault(text.text, []).append(float(text.get(axis)))
    for third, fifth, pool in zip(
        *(places[key] for key in ("3×3 conv, 2", "5×5 conv, 2", "avg pool 3×3")), strict=True
    ):
        assert third < fifth < pool


def test_a_separable_convolution_is_one_box():
    def separable(*between):
        layers = nn.Conv2d(4, 4, 3, padding=1, groups=4), *between, nn.Conv2d(4, 8, 1), nn.BatchNorm2d(8), nn.ReLU()
        return Whole(*layers)

    class Whole(nn.Sequential):
        pass

    def titles(module):
        return boxes(draw(nn.Sequential(module), (4, 8, 8)))[1][:2]

    assert titles(separable()) == ["3×3 separable conv, 8", "BN + ReLU"]
    assert titles(separable(nn.BatchNorm2d(4))) == ["3×3 separable conv, 8", "BN between + BN + ReLU"]


def test_nothing_is_written_to_standard_error(tmp_path):
    program = (
        "import os, sys\n"
        "from torch import nn\n"
        "from utils.diagram import _without_font_warnings, draw\n"
        "draw(nn.Conv2d(3, 4, 3), (3, 8, 8)).svg\n"
        "with _without_font_warnings():\n"
        "    os.write(2, b'Fontconfig warning: an element\\nanother line\\n')\n"
        "    print('from Python', file=sys.stderr)\n"
        "print('after', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["another line", "from Python", "after"]


def test_an_error_below_the_first_drawing_is_not_hidden():
    program = (
        "import os\n"
        "from utils.diagram import _lay_out, _without_font_warnings\n"
        "try:\n"
        "    with _without_font_warnings():\n"
        "        raise ZeroDivisionError('here')\n"
        "except ZeroDivisionError:\n"
        "    os.write(2, b'seen')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "seen"


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
    assert "3×3 conv, 4" in repr(diagram)


def test_diagrams_beside_each_other_are_at_one_scale_and_stay_legible():
    small, large = draw(nn.Conv2d(3, 4, 3), (3, 8, 8)), draw(InceptionModule(8, Widths(4, 4, 4, 4, 4, 4)), (8, 8, 8))
    parts, least = at_one_scale([small, large])
    shares, fulls = ([float(re.search(rf"--{name}:([\d.]+)", part)[1]) for part in parts] for name in ("share", "full"))
    assert shares[1] == 100 and shares[0] == pytest.approx(100 * small.width / large.width, rel=1e-3)
    assert fulls == [round(small.width), round(large.width)] and least >= 0.84 * large.width
    smallest = min(float(size) for size in re.findall(r'font-size="([\d.]+)"', large.svg))
    assert smallest * 4 / 3 * LEGIBLE >= 10  # pixels


def test_what_is_too_wide_for_a_page_is_drawn_in_narrow_boxes():
    """Six boxes in a row, each with a line more: so all of them are seen, with small letters of 10 pixels."""
    few = Side(4)
    many = Side(6)
    assert "·" in "".join(itertools.chain(*boxes(draw(few, (256, 17, 17)))))
    wide, narrow = trace(many, (256, 17, 17)), draw(many, (256, 17, 17))
    assert LEGIBLE * narrow.width <= COLUMN
    assert ["1×1 conv, 256", "65.8 k params", "18.9 M MACs"] in boxes(narrow)
    assert repr(narrow) == repr(diagram_of(wide, is_narrow=True)), "in words it is the same"
    assert "65.8 k params · 18.9 M MACs" in repr(narrow)


class Side(nn.Module):
    """As many 1×1 as are asked for, side by side."""

    def __init__(self, count):
        super().__init__()
        self.parts = nn.ModuleList(nn.Conv2d(256, 256, 1) for _ in range(count))

    def forward(self, x):
        return torch.cat([part(x) for part in self.parts], dim=1)


def test_a_diagram_is_an_image_wherever_it_is_shown():
    """A notebook that is not trusted, GitHub and a printer have an image; what is SVG in HTML is taken away there."""
    diagram = draw(nn.Conv2d(3, 4, 3), (3, 8, 8))
    shown, _ = DisplayFormatter().format(diagram)
    assert shown["image/svg+xml"].startswith("<svg") and "<svg" not in shown["text/html"]
    (image,) = re.findall(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,([^"]+)"', shown["text/html"])
    assert image[0].startswith("Conv2d on 3×8×8. From an input")
    assert "3×3 conv, 4" in "".join(ET.fromstring(base64.b64decode(image[1])).itertext())


@pytest.mark.parametrize(("name", "value"), [("depth", 0), ("depth", 1.5), ("direction", "up")])
def test_bad_arguments_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} is"):
        draw(nn.Conv2d(3, 4, 3), (3, 8, 8), **{name: value})


def test_the_lines_of_a_box_are_anchored_at_its_middle():
    root = ET.fromstring(draw(InceptionModule(192, WIDTHS), (192, 28, 28)).svg)
    name = "{http://www.w3.org/2000/svg}"
    for group in root.iter(f"{name}g"):
        if group.get("class") == "node":
            outline = group.find(f"{name}path").get("d")
            across = [float(pair.split(",")[0]) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", outline)]
            for line in group.iter(f"{name}text"):
                assert line.get("text-anchor") == "middle"
                assert float(line.get("x")) == pytest.approx((min(across) + max(across)) / 2, abs=0.01)


# --- many of the same -------------------------------------------------------------------------------------------------


class Wide(nn.Module):
    """Equal branches side by side."""

    def __init__(self, count, join, deep=1):
        super().__init__()
        branches = [[nn.Conv2d(4, 4, 3, padding=1) for _ in range(deep)] for _ in range(count)]
        self.branches, self.join = nn.ModuleList(nn.Sequential(*layers) for layers in branches), join

    def forward(self, x):
        return self.join([branch(x) for branch in self.branches])


class Loop(nn.Module):
    """The same layers over and over, then another."""

    def __init__(self, step, passes=100):
        super().__init__()
        self.conv, self.last, self.step, self.passes = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 2, 1), step, passes

    def forward(self, x):
        for _ in range(self.passes):
            x = self.step(self.conv, x)
        return self.last(x)


MANY = {
    "side by side": (Wide(200, lambda outs: torch.cat(outs, 1)), ["3×3 conv, 4 (×200)", "concat"]),
    "side by side, deep": (Wide(200, lambda outs: torch.cat(outs, 1), 2), ["3×3 conv, 4 (×200)"] * 2 + ["concat"]),
    "summed": (Wide(200, sum), ["3×3 conv, 4 (×200)", "sum"]),
    "in turn": (Loop(lambda conv, x: conv(x)), ["3×3 conv, 4 (×100)", "1×1 conv, 2"]),
    "in turn, activated": (Loop(lambda conv, x: conv(x).relu()), ["3×3 conv, 4 (×100)", "1×1 conv, 2"]),
    "residual": (Loop(lambda conv, x: x + conv(x)), ["3×3 conv, 4 (×100)", "sum (×100)", "1×1 conv, 2"]),
    "few side by side": (Wide(4, lambda outs: torch.cat(outs, 1)), ["3×3 conv, 4"] * 4 + ["concat"]),
    "few in turn": (Loop(lambda conv, x: conv(x), 3), ["3×3 conv, 4"] * 3 + ["1×1 conv, 2"]),
}


@pytest.mark.parametrize("name", MANY)
def test_many_equal_boxes_are_drawn_once(name):
    net, titles = MANY[name]
    picture = draw(net, (4, 8, 8))
    found = re.findall(r"<b>(.*?)</b>", picture.source)
    assert [title for title in found if title not in ("input", "output")] == titles
    table = profile(net, (4, 8, 8))
    if "few" not in name and len(set(titles)) == len(titles):
        weights = short(table.parameters if "turn" not in name and name != "residual" else 148)
        assert f"{weights} params" in picture.source
    assert len(picture.svg) < 12_000


def test_a_branch_that_differs_is_drawn_by_itself():
    net = Wide(20, lambda outs: torch.cat(outs, 1))
    net.branches[10] = nn.Sequential(nn.Conv2d(4, 4, 1))
    titles = re.findall(r"<b>(.*?)</b>", draw(net, (4, 8, 8)).source)
    assert titles == ["3×3 conv, 4 (×10)", "1×1 conv, 4", "3×3 conv, 4 (×9)", "concat"]


def test_what_is_read_in_the_middle_is_not_folded_away():
    class Taps(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            outs = []
            for _ in range(20):
                x = self.conv(x)
                outs.append(x)
            return outs[4] + outs[19]

    titles = re.findall(r"<b>(.*?)</b>", draw(Taps(), (4, 8, 8)).source)
    assert titles == ["3×3 conv, 4"] * 5 + ["3×3 conv, 4 (×15)", "sum"]  # the fifth is read by the sum too


@pytest.mark.parametrize("is_narrow", [False, True])
def test_the_lines_of_a_box_stand_apart_and_in_it(is_narrow):
    """The letters of 11 and 9 points need as much, whatever font the reader has."""
    module = InceptionModule(192, Widths(64, 96, 128, 16, 32, 32))
    svg = diagram_of(trace(module, (192, 28, 28)), is_narrow=is_narrow).svg
    boxes = re.findall(r'<g id="[^"]+" class="node">.*?</g>', svg, flags=re.DOTALL)
    assert len(boxes) == 10
    for box in boxes:
        lines = [float(y) for y in re.findall(r'<text[^>]* y="([-\d.]+)"', box)]
        edges = [float(y) for y in re.findall(r"[-\d.]+,([-\d.]+)", re.search(r' d="([^"]+)"', box)[1])]
        assert all(round(below - above, 2) >= 11 for above, below in itertools.pairwise(lines))
        assert min(edges) + 9 < lines[0] and lines[-1] < max(edges) - 3
