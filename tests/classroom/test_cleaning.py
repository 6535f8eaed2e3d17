"""What students wrote, as the teacher's pages and the feedback show it. tests/browser/test_classroom.py tries it in Chromium."""

import re
import time

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath, markdown2html_mistune

from classroom.cleaning import PICTURES, Clean, cleaned
from classroom.notebooks import grader_data, new_cell, new_notebook
from tests.classroom.hostile import ANSWERS, ATTACHMENTS, PICTURE

DANGEROUS = re.compile(
    r"<\s*(script|iframe|object|embed|form|input|button|textarea|svg|math|style|link|meta|base|video|audio|frame|applet|noscript)"
    r"|<[^>]*\s(on\w+|style|class|id|name|srcdoc|action|formaction|ping|background|xlink:href)\s*="
    r"|<[^>]*(javascript|vbscript):|<[^>]*data:(?!image/(png|jpeg|gif|webp);base64,)|<img[^>]*src=\"(?!data:image)",
    re.IGNORECASE,
)


def shown(source, attachments=None):
    """An answer as a page has it: cleaned, and then made HTML by whoever shows Markdown."""
    return markdown2html_mistune(cleaned(source, attachments))


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_of_an_answer_runs_or_reaches_outside(name):
    page = shown(ANSWERS[name], ATTACHMENTS)
    assert not DANGEROUS.search(page), DANGEROUS.search(page)
    assert cleaned(ANSWERS[name], ATTACHMENTS).count("\n") == 0


def test_the_search_for_danger_finds_it():
    """What the test above would say to pages that are not cleaned."""
    as_it_is = MarkdownWithMath(renderer=IPythonRenderer(escape=False, attachments=ATTACHMENTS))
    found = {name for name, source in ANSWERS.items() if DANGEROUS.search(as_it_is.render(source))}
    assert len(found) >= 0.8 * len(ANSWERS), set(ANSWERS) - found


@pytest.mark.parametrize(
    ("source", "words"),
    {
        "**Two** 3 x 3 need *less* than `5 x 5`": ("<strong>Two</strong>", "<em>less</em>", "<code>5 x 5</code>"),
        "- one\n- two\n\n1. three": ("<li>one</li>", "<ol>"),
        "$a_1 < b_2$ and $$c$$": ("&#36;a&#95;1 &lt; b&#95;2&#36;", "&#36;&#36;c&#36;&#36;"),
        "| a | b |\n|---|---|\n| 1 | 2 |": ("<table>", "<td>1</td>"),
        "```python\nif a < b: pass\n```": ("<pre>", "&lt;"),
        "[paper](https://arxiv.org/abs/1409.4842)": ('href="https&#58;//arxiv.org/abs/1409.4842"', "noopener"),
        "H<sub>2</sub>O &amp; x < y > z": ("<sub>2</sub>", "&amp;", "&lt;"),
        "line one\n\nline two": ("<p>line one</p>", "<p>line two</p>"),
        "`<script>` is a tag": ("<code>&lt;script&gt;</code>",),
        "![a picture](attachment:a.png)": (f'src="data&#58;image/png;base64,{PICTURE.replace("+", "&#43;")}"',),
    }.items(),
)
def test_an_honest_answer_reads_as_it_was_written(source, words):
    page = shown(source, ATTACHMENTS)
    for word in words:
        assert word in page, page


def test_only_pictures_of_plain_kinds_are_shown():
    for kind in ("image/svg+xml", "text/html", "image/x", 'image/png" onerror="x'):
        assert "src" not in shown("![p](attachment:a)", {"a": {kind: PICTURE}})
    for kind in PICTURES:
        assert f"data&#58;{kind.replace('-', '&#45;')}" in shown("![p](attachment:a)", {"a": {kind: PICTURE}})
    for data in ("no base64!", "<svg>", "A" * 3_000_001, 3, None):
        assert "src" not in shown("![p](attachment:a)", {"a": {"image/png": data}})
    assert "src" not in shown("![p](attachment:a) ![q](attachment:b)", {"a": "text", "b": None})


def pathological():
    yield from (
        sign * 20_000 for sign in ("[", "*a ", "> ", "[a](", "`a", "<a ", "<!--", "$a", "- ", "![", "_a", "<", "&", "|")
    )
    yield from (sign * 5_000 for sign in ("<div>", "<b><i>", "\\begin{a}", "a|b\n-|-\n", "[a]: b\n", "```\n", "~~a"))
    yield "\n".join(" " * depth + "- a" for depth in range(200))


def test_an_answer_made_to_take_long_does_not():
    clean = Clean()
    start = time.monotonic()
    for source in pathological():
        cell = new_cell(
            "markdown", source, metadata={"nbgrader": grader_data("trade", grade=True, solution=True, points=2)}
        )
        markdown2html_mistune(clean.shown(cell).source)
    assert time.monotonic() - start < 20


# Whole notebooks


def released(cells):
    return Clean().preprocess(new_notebook(cells), {})[0]


def test_what_is_long_is_cut_with_a_word_that_says_so():
    long = "\n".join(f"x{number} = {number}" for number in range(200_000))
    own = {"nbgrader": grader_data("repaired", solution=True)}
    code, words, added, output = released(
        [
            new_cell("code", long, metadata=own),
            new_cell("markdown", long),
            new_cell("code", "y" * 1_000_000),
            new_cell("code", "z", outputs=[nbformat.v4.new_output("stream", text=long), nbformat.v4.new_output("error", ename="E", evalue="v" * 200_000, traceback=["t" * 200_000] * 9)]),
        ]
    ).cells  # fmt: skip
    assert code.source.startswith("x0 = 0\nx1 = 1\n") and len(code.source) < 60_000
    assert re.search(
        r"\n# \[19\d,\d{3}|\n# \[19\d{4} further lines are not shown here; the whole file is in submitted/", code.source
    )
    compile(code.source, "cell", "exec")
    assert "further lines are not shown here" in markdown2html_mistune(words.source)
    assert added.source.endswith("# [950000 further characters are not shown here; the whole file is in submitted/.]")
    for text in (output.outputs[0].text, output.outputs[1].evalue, "\n".join(output.outputs[1].traceback)):
        assert len(text) < 60_000 and "not shown here" in text


def test_the_teachers_cells_are_left_as_they_are():
    text = "x = 1\n" * 5000
    test = new_cell("code", text, metadata={"nbgrader": grader_data("test_a", grade=True, locked=True, points=1)})
    given = new_cell(
        "markdown", "<div class='x'>*given*</div>", metadata={"nbgrader": grader_data("given_0", locked=True)}
    )
    assert [cell.source for cell in released([test, given]).cells] == [text, "<div class='x'>*given*</div>"]


def test_of_very_many_cells_the_assignments_own_are_shown():
    own = new_cell("code", "1", metadata={"nbgrader": grader_data("trade", solution=True)})
    cells = released([*(new_cell("code", str(number)) for number in range(5000)), own]).cells
    assert len(cells) == 202 and any(cell.source == "1" and cell.metadata for cell in cells)
    assert "4800 further cells" in cells[-1].source


def test_of_outputs_only_text_is_left():
    kinds = (
        "text/html",
        "image/svg+xml",
        "application/javascript",
        "text/latex",
        "text/markdown",
        "application/vnd.jupyter.widget-view+json",
    )
    data = {kind: "<script>document.title='run'</script>" for kind in kinds}
    outputs = [
        nbformat.v4.new_output("display_data", data),
        nbformat.v4.new_output("execute_result", data),
        nbformat.v4.new_output("stream", text="<script>document.title='run'</script>\x1b[31m<b>red</b>"),
        nbformat.v4.new_output("error", ename="<script>1</script>", evalue="<img src=x onerror=alert(1)>", traceback=["<script>1</script>"]),
    ]  # fmt: skip
    made = released([new_cell("code", "1", outputs=outputs)])
    assert [output.output_type for output in made.cells[0].outputs] == ["stream", "error"]
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(made)
    assert "<script>document" not in page and "<script>1" not in page and "<img src=x" not in page


def test_a_cell_of_200_000_lines_is_a_page_in_two_seconds():
    long = "\n".join(f"x{number} = {number}" for number in range(200_000))
    made = released([new_cell("code", long), new_cell("markdown", long)])
    start = time.process_time()
    HTMLExporter().from_notebook_node(made)
    assert time.process_time() - start < 2
