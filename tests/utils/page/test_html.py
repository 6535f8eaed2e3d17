import base64
from xml.etree import ElementTree

import pytest

from utils.page import html, svg


def test_plain_text_is_escaped_and_html_is_not():
    made = html.tag("p", "1 < 2 & ", html.bold("<3>"), title='say "x"', data_what=None)
    assert made == '<p title="say &quot;x&quot;">1 &lt; 2 &amp; <b>&lt;3&gt;</b></p>'
    assert html.tag("img", alt="a<b") == '<img alt="a&lt;b"/>'
    assert html.with_code("`a < b`\n<c>") == "<code>a &lt; b</code><br>&lt;c&gt;"


@pytest.mark.parametrize(("value", "written"), [(2.0, "2"), (0.126, "0.13"), (0.0, "0"), (3, "3"), (-1.5, "-1.5")])
def test_numbers_are_short(value, written):
    assert html.tag("rect", x=value) == f'<rect x="{written}"></rect>'


def test_a_table_names_its_columns_and_rows():
    rows = [("a<b", 1, html.shaded("half", 0.5, "#123456")), ("c", 2, html.bold("d"))]
    made = html.table(rows, head=("what", "n", "share"), caption="All", align="lr", row_heads=True, chosen=1)
    root = ElementTree.fromstring(made)
    assert root.find("caption").text == "All"
    assert [(cell.text, cell.get("scope")) for cell in root.iter("th")] == [
        *(("what", "col"), ("n", "col"), ("share", "col")), *(("a<b", "row"), ("c", "row")),
    ]  # fmt: skip
    assert [row.get("class") for row in root.find("tbody")] == [None, "chosen"]
    assert [cell.text for cell in root.iter("td") if cell.get("class") == "r"] == ["1", "2"]
    assert "--share:50.00%" in made and "#123456" in made


def test_an_output_brings_the_style_sheet():
    made = html.output(html.table([("a",)]), "1 < 2")
    assert made.count("<style>") == 1 and made.endswith("1 &lt; 2</div>")
    ElementTree.fromstring(made)


def test_svg_in_an_output_is_an_image_with_its_words():
    inner = svg.picture(svg.text(1, 2, "5 < 6"), words="inner", width=9, height=9)
    outer = svg.picture(inner, svg.line([(0, 0), (1, 1)]), words='a "b" < c', width=20, height=10)
    made = html.output(html.bold("before"), outer, "between", html.tag("svg", aria_hidden="true"), "after")
    body = ElementTree.fromstring(made)
    assert "<svg" not in made and "".join(body.itertext()).endswith("beforebetweenafter")
    first, second = body.iter("img")
    assert (first.get("alt"), second.get("alt")) == ('a "b" < c', "")
    drawn = ElementTree.fromstring(base64.b64decode(first.get("src").split("base64,")[1]))
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg" and "".join(drawn.itertext()) == "5 < 6"
    assert "background:#fff;color:#000" in drawn.get("style")  # it knows nothing of the page's colours


def test_boxes_and_badges():
    box = html.box("wrong", "1 < 2", role="alert", cls="course-trouble")
    assert box == '<div class="course-trouble" role="alert" data-tone="wrong">1 &lt; 2</div>'
    assert 'class="course-right"' in html.box("right", "yes")
    assert html.badge("ok", "ok") == '<span class="course-badge course-badge-ok">ok</span>'
