"""The course's web pages: what runs again and what does not, what a page shows, and that nothing in it is asked elsewhere."""

import io
import re
import zipfile

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from course import experiments, syllabus
from course.build import feedback_of
from course.site import book, conf, executing, facts, sources, teachers
from course.site.executing import Page, PageError
from networks import catalog
from tests.browser.learner import CHROMIUM, browser_page
from tests.browser.reading import faults, readings
from utils.page.html import embedded
from utils.show import touch

SCALES = "from utils.data.scales import CLASSES\nlen(CLASSES)"


def made_png(size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "PNG")
    return file.getvalue()


def page(code: str, text: str = "Words.") -> Page:
    cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell(code)]
    return Page("some/page", nbformat.v4.new_notebook(cells=cells))


# --- executing ---


def test_a_page_runs_once_and_a_changed_sentence_runs_nothing(tmp_path):
    said: list[str] = []
    first = page("print(6 * 7)")
    executing.execute([first], tmp_path, say=said.append)
    assert first.code[0].outputs[0].text == "42\n" and any("some/page" in line for line in said)
    said.clear()
    again = page("print(6 * 7)", text="Other words.")
    executing.execute([again], tmp_path, say=said.append)
    assert again.code[0].outputs == first.code[0].outputs and said == []
    changed = page("print(6 * 8)")
    executing.execute([changed], tmp_path, say=said.append)
    assert changed.code[0].outputs[0].text == "48\n" and len(list(tmp_path.iterdir())) == 1


def test_what_a_page_imports_is_part_of_its_key(monkeypatch, tmp_path):
    rests_on = executing._rests_on([SCALES])
    assert {"utils/data/scales.py", "utils/data/__init__.py"} <= rests_on
    assert "labs/network_map.js" in executing._rests_on(["from labs.network_map import network_map"])
    assert not any(name.startswith("lessons/") for name in rests_on)
    before = page(SCALES).key
    assert page(SCALES, text="Other words.").key == before
    copy = tmp_path / "utils" / "data"
    copy.mkdir(parents=True)
    for name in rests_on:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((executing.CHECKOUT / name).read_bytes())
    monkeypatch.setattr(executing, "CHECKOUT", tmp_path)
    assert page(SCALES).key == before
    (copy / "scales.py").write_text((copy / "scales.py").read_text() + "\nMORE = 1\n")
    assert page(SCALES).key != before


def test_a_page_that_stops_is_named_and_what_ran_before_is_kept(tmp_path):
    good, bad = page("1 + 1"), Page("some/other", page("1 / 0").notebook)
    with pytest.raises(PageError, match=r"some/other stopped: (?s:.*)ZeroDivisionError"):
        executing.execute([good, bad], tmp_path, jobs=1, say=lambda _words: None)
    assert [path.name.startswith("some.page-") for path in tmp_path.iterdir()] == [True]


def test_a_page_says_nothing_of_the_place_that_it_was_built_in(tmp_path):
    shown = page("from utils.system.places import CHECKOUT\nprint(CHECKOUT / 'runs')")
    executing.execute([shown], tmp_path, say=lambda _words: None)
    assert shown.code[0].outputs[0].text == "runs\n"


def test_a_page_shows_its_still_forms_and_no_widget(tmp_path):
    code = "from lessons.start_here.checks import predict, truth\npredict('guess', 'How many?', choices=['1', '2'])"
    asked = page(code)
    executing.execute([asked], tmp_path, say=lambda _words: None)
    (output,) = asked.code[0].outputs
    assert set(output.data) == {"text/plain", "text/html"}
    html = output.data["text/html"]
    assert html.count('type="radio"') == 2 and 'data-name="start_here.guess"' in html and "<style" not in html


# --- what is on the pages ---


@pytest.mark.parametrize("lesson", syllabus.LESSONS, ids=lambda lesson: lesson.slug)
def test_a_lessons_page_shows_the_stub_and_folds_the_solution(lesson):
    cells = sources._lesson(lesson).notebook.cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for entry in feedback_of(lesson).exercises.values():
        if entry.difficulty != "worked":
            assert f"Exercise {entry.number}, {entry.title}: write this part." in text
    folded = [cell for cell in cells if cell.metadata.get("mystnb")]
    assert all("hide-input" in cell.metadata["tags"] and "NotImplementedError" not in cell.source for cell in folded)
    opened = [cell.source for cell in cells if cell.cell_type == "code" and not cell.metadata["tags"]]
    assert not any("NotImplementedError" in source for source in opened)


@pytest.mark.parametrize("lesson", syllabus.LESSONS, ids=lambda lesson: lesson.slug)
def test_a_folded_question_is_html_where_it_is_written(lesson):
    text = (lesson.folder / "lesson.md").read_text(encoding="utf-8")
    assert [words for words in re.findall(r"<summary>(.*?)</summary>", text) if re.search(r"[`*$]|\]\(", words)] == []


def test_a_figure_says_how_large_it_is():
    shown = page("")
    figure = embedded(made_png((200, 50)), "A figure")
    small = embedded(made_png((20, 20)), "One of many", width=10)
    shown.code[0].outputs = [nbformat.v4.new_output("display_data", data={"text/html": figure + small})]
    sources.size_figures(shown)
    html = shown.code[0].outputs[0].data["text/html"]
    assert html.startswith('<img class="course-figure-png" width="200" height="50" alt="A figure"')
    assert html.endswith(small)


@pytest.mark.parametrize("lesson", syllabus.LESSONS, ids=lambda lesson: lesson.slug)
def test_an_instructors_page_has_aims_timing_slips_and_questions(lesson):
    text = teachers.instructor(lesson)
    entries = feedback_of(lesson).exercises.values()
    assert all(
        f"| {entry.number} | {entry.title} | {entry.difficulty} | {entry.minutes} |" in text for entry in entries
    )
    aims, slips, asked = (
        text.split(f"## {head}")[1].split("\n## ")[0] for head in ("Aims", "Usual slips", "What to ask")
    )
    assert aims.count("\n- ") >= 3 and slips.count("\n- ") >= 3 and asked.count("**") >= 6


def test_a_slide_has_no_tables_below_its_figure():
    figure = '<img class="course-figure-png" width="20" height="20" alt="A figure">'
    shown = {"text/html": f'<div class="course">{figure}<table class="course-table"></table><p>Words.</p></div>'}
    assert teachers._picture(shown) == f'<div class="course">{figure}</div>'


def test_an_experiments_page_puts_two_sets_side_by_side_where_both_are_recorded():
    for name in ("grid_reduction", "ensemble"):
        both = experiments.experiment(name).on_both().rows
        said = "\n".join(cell.source for cell in sources._experiment(name).notebook.cells)
        assert bool(both) == ("on_both()" in said) == ("arm by arm" in said)


def test_a_networks_page_has_the_claims_of_its_paper_or_those_that_name_it():
    every = facts.claims()
    for name, paper in (("googlenet", "Going deeper"), ("resnet_50", "Deep residual")):
        assert facts.numbers_of(name)
        assert all(every[number][1].startswith(paper) for number in facts.numbers_of(name))
    assert all("AlexNet" in every[number][2].text for number in facts.numbers_of("alexnet"))
    assert facts.numbers_of("xception_71") == ()
    said = [cell.source for cell in sources._network(catalog.entry("xception_71")).notebook.cells]
    assert not any("claims" in source for source in said)


@pytest.mark.parametrize("page", ["lessons/index.md", "networks/index.md", "experiments/index.md", "api/index.md"])
def test_contents_say_what_each_page_is_about(page):
    text = dict(sources.written())[page]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| [")]
    pages = [line for line in text.splitlines() if re.fullmatch(r"[\w.]+", line)]
    assert len(rows) == len(pages) >= 5 and all(len(row[-1]) > 10 for row in rows)


def test_a_docstring_keeps_its_lists_and_what_it_returns():
    none: list[str] = []
    conf._docstring(None, "", "", None, None, none)
    assert none == [""]
    lines = ["A rule:", "", "- one thing", "  goes on;", "- another.", "", "Returns:", "    What was placed."]
    conf._docstring(None, "", "", None, None, lines)
    assert lines == [
        "A rule:", "", "- one thing", "  goes on;", "- another.", "", "**Returns**", "", "What was placed.", ""
    ]  # fmt: skip


def test_a_slide_has_words_in_place_of_links():
    assert teachers._html("As in [lesson 07](07_residual_scaling.ipynb), `x`") == "As in lesson 07, <code>x</code>"


def test_the_glossary_names_the_first_lesson_that_uses_a_word():
    text = dict(sources.written())["glossary.md"]
    entries = re.findall(r"^\S.*\n    .*$", text.split("```{glossary}")[1], flags=re.MULTILINE)
    assert len(entries) > 30 and all(re.search(r"\[Lesson \d\d\]\(lessons/\w+\.ipynb\)$", entry) for entry in entries)
    with pytest.raises(ValueError, match="No lesson uses 'flux capacitor'"):
        sources._with_lessons("flux capacitor\n    A thing.")


def test_links_of_a_guide_lead_into_the_repository_or_are_words(tmp_path):
    path = sources.CHECKOUT / "docs" / "teaching.md"
    assert "](../README.md)" not in sources._guide(path, "")
    assert "https://example.org/course/blob/main/README.md" in sources._guide(path, "https://example.org/course")


# --- the whole ---


RUN = ("index", "lessons/02_googlenet", "networks/googlenet", "ledger")
WHOLE, SHORT = (
    "whole_ledger()",
    'whole_ledger(["inception_module", "xception"])',
)  # others' claims take long to measure
GONE = "lessons/12_taken_away.html"
LONG, END = "claims_of(", "def halvings"  # what is left out, and where a lesson stops


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site with a page of each kind run, a lesson in part; other pages' code is not. Without kernels: they take long to start."""
    work = tmp_path_factory.mktemp("work")
    patch = pytest.MonkeyPatch()
    patch.setenv("COURSE_WORK", str(work))
    patch.setenv("COURSE_PAGE", "1")
    patch.setattr(executing, "execute", run_here)
    (work / "site" / "html" / "lessons").mkdir(parents=True)
    (work / "site" / "html" / GONE).write_text("a page of an earlier build")
    try:
        yield book.build(work / "site", jobs=2, say=lambda _words: None).parent
    finally:
        patch.undo()
        InteractiveShell.clear_instance()


def run_here(pages, *_given, **_more):
    for page in pages:
        touch._written.clear()  # what a front's code is kept by: a kernel is a page's own
        shell = InteractiveShell.instance()
        for cell in page.code if page.path in RUN else ():
            if cell.source.startswith(END):
                break
            if LONG in cell.source:
                continue
            with capture_output() as captured:
                done = shell.run_cell(cell.source.replace(WHOLE, SHORT))
            done.raise_error()
            shown = [each.data for each in captured.outputs]
            if done.result is not None and not hasattr(done.result, "_ipython_display_"):  # which was captured
                shown.append(shell.display_formatter.format(done.result)[0])
            texts = [{kind: form for kind, form in data.items() if kind.startswith("text/")} for data in shown]
            cell.outputs = [nbformat.v4.new_output("display_data", data=data) for data in texts]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_complete(site):
    assert len(list((site / "lessons").glob("[01]*.html"))) == len(syllabus.LESSONS)
    assert len(list((site / "networks").glob("*.html"))) == len(sources.NETWORKS) + len(sources.RELATIVES) + 1
    assert not (site / GONE).exists()
    slides = {path.stem for path in (site / "slides").glob("*.html")}
    assert slides == {lesson.slug for lesson in syllabus.LESSONS}
    with zipfile.ZipFile(site / "_static" / "notebooks.zip") as archive:
        assert len(archive.namelist()) == len(syllabus.LESSONS)
    assert "data-touch" in (site / "index.html").read_text()
    for page in ("index", "lessons/02_googlenet", "slides/googlenet"):  # a browser asks a server for one, named or not
        assert "_static/icon.svg" in (site / f"{page}.html").read_text()
    assert "<math" in (site / "lessons" / "03_batch_norm.html").read_text()
    search = (site / "searchindex.js").read_text()
    assert "bottleneck" in search


@pytest.mark.slow
def test_no_link_of_the_site_is_dead_and_none_asks_another_host(site):
    assert list(book.dead_links(site)) == []
    for path in [*site.rglob("*.css"), *site.rglob("*.js")]:
        found = re.findall(r"(?:url\(|import\(|fetch\()\s*[\"']?https?://[^\"')]+", path.read_text(errors="replace"))
        assert not found, f"{path.name} asks for {found}"


@pytest.fixture
def reader(site):
    """A browser that opens pages of the site from their files; nothing else may be asked for, nor anything go wrong."""
    asked, said = [], []
    with browser_page() as page:
        page.set_default_timeout(20_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        yield page
    assert said == []
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:", "blob:"))] == []


KINDS = (
    "index", "install", "ledger", "glossary", "search", "slides", "lessons/index", "lessons/02_googlenet", "networks/googlenet",
    "experiments/grid_reduction", "guides/teaching", "instructors/googlenet", "api/utils.cost", "slides/googlenet",
)  # fmt: skip
ON_A_PHONE = ("index", "ledger", "lessons/02_googlenet", "networks/googlenet", "slides/googlenet")
NO_BROWSER = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@pytest.mark.slow
@pytest.mark.browser
@NO_BROWSER
@pytest.mark.parametrize(("scheme", "width", "names"), [("light", 1280, KINDS), ("dark", 390, ON_A_PHONE)])
def test_everybody_can_read_a_page_of_each_kind(site, reader, scheme, width, names):
    reader.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    reader.set_viewport_size({"width": width, "height": 900})
    for name in names:
        reader.goto((site / f"{name}.html").as_uri())
        reader.wait_for_load_state()
        assert faults(reader) == [], name
        assert reader.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is scrolled sideways"
        assert [word for word in readings(reader, ".bd-article, .slides") if word[0] < 4.5 or word[1] < 10] == [], name


@pytest.mark.slow
@pytest.mark.browser
@NO_BROWSER
def test_predictions_and_filters_work_on_the_pages(site, reader):
    reader.goto((site / "lessons" / "02_googlenet.html").as_uri())
    reader.get_by_label("modules 3a and 3b").check()
    reader.reload()
    assert reader.get_by_label("modules 3a and 3b").is_checked()
    reader.goto((site / "ledger.html").as_uri())
    every = reader.locator("table.course-filtered tbody tr:visible").count()
    reader.get_by_label("Paper").select_option("Xception")
    assert 0 < reader.locator("table.course-filtered tbody tr:visible").count() < every
    reader.set_viewport_size({"width": 390, "height": 800})
    verdict = reader.locator("table.course-filtered tbody tr:visible td[data-head='does it hold?']").first
    box = verdict.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390, (
        "a claim is a card on a phone: its verdict lies beyond no edge"
    )


def test_a_dead_link_and_a_foreign_request_are_found(tmp_path):
    (tmp_path / "other.html").write_text('<p id="here">')
    (tmp_path / "page.html").write_text(
        '<a href="other.html#here">a</a><a href="other.html#gone">b</a><a href="gone.html">c</a>'
        '<a href="https://example.org">d</a><img src="https://example.org/x.png"><img src="data:image/png;base64,AA">'
    )
    assert list(book.dead_links(tmp_path)) == [
        "page.html: other.html#gone leads to a place that is not on that page",
        "page.html: a leads to gone.html, which is not there",
        "page.html: img asks another host for https://example.org/x.png",
    ]
