"""Figures show what they are given, and say it in words."""

import ast
import io

import numpy as np
import pytest
from PIL import Image

from course.ledger import Claim, Finding, ledger
from lessons.inception_module.paper import TABLE_1, naive, reduced, stack
from utils.data.photo import photograph
from utils.show import colors, plot
from utils.show.display import Live
from utils.system.places import CHECKOUT

PICTURES = {
    "bars": lambda: plot.bars_by_branch({"naive": naive(TABLE_1["3a"]), "reduced": reduced(TABLE_1["3a"])}, "A title"),
    "growth": lambda: plot.growth({"naive": stack(3, is_naive=True), "reduced": stack(3, is_naive=False)}, "A title"),
    "fields": lambda: plot.fields_on_photo(photograph("flower", 96), {"three": (41, 43)}, (5, 90), "A title"),
    "arms": lambda: plot.arms({"one": [50.0, 60.0], "two": [70.0]}, "A title", chance=10),
    "images": lambda: plot.image_row({"a": np.zeros((4, 4)), "b": np.zeros((4, 4, 3), dtype=np.uint8)}, "A title"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_a_title_and_words(name):
    picture = PICTURES[name]()
    image = Image.open(io.BytesIO(picture.png))
    assert image.width > 200 and np.asarray(image).std() > 0
    assert picture.figure._suptitle.get_text() == "A title"
    assert "A title" in picture.alternative and 'alt="' in picture._repr_html_() and "picture" in repr(picture)
    for axis in picture.figure.axes:
        if axis.lines or (axis.patches and not axis.images):
            assert axis.get_xlabel(), "an axis has no name"


def test_bars_are_as_long_as_their_numbers():
    tables = {"naive": naive(TABLE_1["3a"]), "reduced": reduced(TABLE_1["3a"])}
    figure = plot.bars_by_branch(tables, "t").figure
    lengths = sorted(patch.get_width() for patch in figure.axes[1].patches)
    assert lengths == sorted(cost.macs for table in tables.values() for cost in table.by_branch().values())


def test_the_mean_and_its_interval_are_drawn():
    figure = plot.arms({"one": [50.0, 60.0, 70.0]}, "t").figure
    (band,) = figure.axes[0].patches
    half = 4.302653 * 10 / 3**0.5  # Student's t for two degrees of freedom
    assert band.get_x() == pytest.approx(60 - half, abs=1e-3) and band.get_width() == pytest.approx(2 * half, abs=1e-3)
    assert figure.axes[0].lines[0].get_xdata()[0] == 60


def test_a_single_run_of_an_arm_has_a_dot_alone_and_a_band_is_seen_whole():
    axis = plot.arms({"one": [50.0], "two": [70.0]}, "t").figure.axes[0]
    assert axis.get_xlabel() == "test accuracy, % (a dot: the one run)" and not axis.patches and not axis.lines
    axis = plot.arms({"one": [50.0, 60.0], "two": [70.0]}, "t").figure.axes[0]
    assert "band: 95 % interval of the mean" in axis.get_xlabel()
    axis = plot.arms({"one": [77.7, 78.6, 78.7], "two": [78.2, 78.5, 78.7]}, "t").figure.axes[0]
    left = min(band.get_x() for band in axis.patches)
    assert axis.get_xlim()[0] < left - 0.05, "the widest band does not begin at the frame"


def test_an_interval_that_is_known_is_drawn_and_equal_runs_are_seen_each():
    figure = plot.arms({"one": [100.0, 0.0, 100.0, 100.0]}, "t", unit="runs, %", intervals={"one": (19.4, 99.4)}).figure
    (band,) = figure.axes[0].patches
    assert band.get_x() == pytest.approx(19.4) and band.get_width() == pytest.approx(80)
    dots = figure.axes[0].collections[0].get_offsets().tolist()
    assert len({tuple(dot) for dot in dots}) == 4 and all(abs(height) <= 0.25 for _, height in dots)


def test_colours_of_text_boxes_are_light():
    assert colors.tint(colors.BLUE, 0) == "#FFFFFF" and colors.tint(colors.BLUE, 1) == colors.BLUE
    assert colors.branch_color("three") == colors.THREE and colors.branch_color("unheard of", 1) == colors.ARMS[1]


def test_photographs():
    assert photograph("china").shape == (427, 640, 3) and photograph("flower", 64).shape == (64, 64, 3)
    with pytest.raises(ValueError, match=r"no photograph 'cat'\. There are: flower, china"):
        photograph("cat")
    with pytest.raises(ValueError, match="size is 0"):
        photograph("china", 0)


def test_a_ledger_measures_when_it_is_made():
    calls = []

    def measure():
        calls.append(1)
        return Finding("12 < 13", "does not hold", "counted")

    table = ledger([Claim(7, "Twelve is more.", "section 1", "12 > 13", measure)])
    assert calls == [1] and "✘ 7. Twelve is more. (section 1)" in repr(table) and "counted" in repr(table)
    assert "12 &lt; 13" in table._repr_html_() and "✘ does not hold" in table._repr_html_()
    with pytest.raises(ValueError, match="verdict is 'maybe'"):
        Finding("x", "maybe")


def test_a_live_place_shows_the_last_thing(capsys):
    live = Live()
    live.show(PICTURES["arms"]())
    live.show(PICTURES["images"]())
    assert "Dots in rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "is_seen"),
    [(((50.0, 60.0), (70.0,)), True), (((73.0, 73.5), (76.1, 76.4)), False), (((10.0, 10.0), (74.0,)), True)],
)
def test_guessing_is_marked_where_it_leaves_room_for_the_runs(values, is_seen):
    picture = plot.arms(dict(zip(("one", "two"), values, strict=True)), "A title", chance=10)
    (axis,) = picture.figure.axes
    least, most = axis.get_xlim()
    assert bool(least < 10) is is_seen is any("guessing" in text.get_text() for text in axis.texts)
    assert least < min(map(min, values)) and most > max(map(max, values))


def test_no_letters_are_too_small_to_read():
    """A picture may be 9.5 inches wide; in the 812 pixels of a page that leaves 10 for letters of 8.5 points."""
    sizes: dict[str, float] = {}
    for path in [*CHECKOUT.glob("utils/**/*.py"), *CHECKOUT.glob("lessons/*/*.py"), *CHECKOUT.glob("labs/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named: list[tuple[object, object]] = []
            if isinstance(node, ast.Call):
                named = [(each.arg, each.value) for each in node.keywords]
            elif isinstance(node, ast.Dict):
                named = [(getattr(key, "value", None), each) for key, each in zip(node.keys, node.values, strict=True)]
            for name, each in named:
                size = getattr(each, "value", None)
                if name in ("fontsize", "labelsize", "title_fontsize") and isinstance(size, int | float):
                    sizes[f"{path.relative_to(CHECKOUT)}:{each.lineno}"] = size
    assert len(sizes) > 50 and [place for place, size in sizes.items() if size < 8.5] == []
