from xml.etree import ElementTree

import pytest

from utils.page import html


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


def test_boxes_and_badges():
    box = html.box("wrong", "1 < 2", role="alert", cls="course-trouble")
    assert box == '<div class="course-trouble" role="alert" data-tone="wrong">1 &lt; 2</div>'
    assert 'class="course-right"' in html.box("right", "yes")
    assert html.badge("ok", "ok") == '<span class="course-badge course-badge-ok">ok</span>'
