"""What the course's pages do without a kernel: predictions that stay, truths that open, a ledger that is filtered, slides."""

import pytest

from course.site import book, teachers
from course.site.facts import whole_ledger
from course.syllabus import lesson
from tests.browser.learner import CHROMIUM, browser_page
from tests.browser.static import one_browser, static_page  # noqa: F401
from utils.feedback.exercises import Feedback

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.usefixtures("one_browser"),
]
STATIC = book.HERE / "static"
SCRIPT = f"<script>{(STATIC / 'course.js').read_text(encoding='utf-8')}</script>"


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A question with choices and one for a number, as the site shows them, with their truths."""
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("COURSE_PAGE", "1")
    feedback = Feedback("start_here", tmp_path / "lesson.md")
    which = feedback.predict("which", "Which branch?", choices=["1×1", "3×3"])
    many = feedback.predict("many", "How many?", unit="channels")
    truths = which.compare("3×3", "It reads nine values."), many.compare(1088, within=0.1)
    return [which.page(), many.page(), *(truth._repr_html_() for truth in truths)]


def test_a_prediction_is_kept_and_stands_beside_its_truth(tmp_path, asked):
    with static_page(tmp_path, *asked, SCRIPT) as page:
        truth = page.locator("details.course-truth").first
        assert not truth.locator("b").is_visible()
        page.get_by_label("3×3").check()
        assert "You predict 3×3" in page.locator("form").first.inner_text()
        page.reload()
        assert page.get_by_label("3×3").is_checked(), "kept in the browser"
        truth.locator("summary").click()
        truth.get_by_text("You predicted 3×3.").wait_for()
        assert "It reads nine values." in truth.inner_text()
        assert truth.get_attribute("data-right") == "true"


@pytest.mark.parametrize(("written", "right"), [("1,088", "true"), ("1000", "true"), ("900", "false"), ("many", None)])
def test_a_number_is_right_within_what_the_lesson_says(tmp_path, asked, written, right):
    with static_page(tmp_path, *asked, SCRIPT) as page:
        field = page.get_by_label("Your guess:")
        field.fill(written)
        field.press("Tab")
        said = page.locator("form output").nth(1).inner_text()
        assert said == "Write a number." if right is None else f"You predict {written}" in said
        truth = page.locator("details.course-truth").nth(1)
        truth.locator("summary").click()
        # The browser tells the page of the opening after the click.
        truth.get_by_text("You made no prediction" if right is None else "You predicted").wait_for()
        assert truth.get_attribute("data-right") == right


def test_enter_in_a_field_does_not_leave_the_page(tmp_path, asked):
    with static_page(tmp_path, *asked, SCRIPT) as page:
        field = page.get_by_label("Your guess:")
        field.fill("12")
        field.press("Enter")
        assert "You predict 12" in page.locator("form output").nth(1).inner_text()
        assert "?" not in page.url


def test_the_ledger_is_filtered_by_paper_verdict_and_words(tmp_path):
    ledger = whole_ledger(["inception_module", "xception"])
    with static_page(tmp_path, ledger._repr_html_(), SCRIPT) as page:
        rows = page.locator("table.course-filtered tbody tr")
        every = rows.count()

        def seen():
            return [row for row in rows.all() if row.is_visible()]

        page.get_by_label("Paper").select_option("Xception")
        assert 0 < len(seen()) < every and all("Xception" in row.inner_text() for row in seen())
        assert f"{len(seen())} of {every} shown" in page.locator(".course-filters").inner_text()
        page.get_by_label("Paper").select_option("all")
        page.get_by_label("Verdict").select_option("holds in part")
        assert seen() and all("holds in part" in row.inner_text() for row in seen())
        page.get_by_label("Verdict").select_option("all")
        page.get_by_label("Words").fill("no such words at all")
        assert seen() == []


def test_a_dark_page_is_light_on_paper(tmp_path):
    with static_page(tmp_path, "<script>document.documentElement.dataset.theme = 'dark'</script>", SCRIPT) as page:
        theme = "document.documentElement.dataset.theme"
        page.emulate_media(media="print")
        page.wait_for_function(f"{theme} === 'light'")
        page.emulate_media(media="screen")
        page.wait_for_function(f"{theme} === 'dark'")


def test_a_labs_still_picture_keeps_its_letters_on_a_phone(tmp_path):
    drawn = "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='512' height='9'/>"
    sheet = f"<style>img{{max-width:100%}}{(STATIC / 'course.css').read_text(encoding='utf-8')}</style>"
    shown = f'<div class="bd-article"><div class="cell_output"><div class="course"><div class="course-picture"><img alt="" src="{drawn}"></div></div></div></div>'
    with static_page(tmp_path, sheet, shown, SCRIPT, width=390) as page:
        page.wait_for_function("document.querySelector('img').clientWidth > 470")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, "it is scrolled in its frame"
        assert page.evaluate("document.querySelector('.course').tabIndex") == 0, "with the keyboard too"


def test_the_arrow_keys_go_through_slides(tmp_path):
    from course.build import solved

    deck = teachers.slides(lesson("googlenet"), solved(lesson("googlenet")))
    (tmp_path / "slides").mkdir()
    (tmp_path / "_static").mkdir()
    for name in ("slides.css", "slides.js", "course.css"):
        (tmp_path / "_static" / name).write_bytes((STATIC / name).read_bytes())
    file = tmp_path / "slides" / "googlenet.html"
    file.write_text(deck, encoding="utf-8")
    with browser_page(width=1280) as page:
        page.goto(file.as_uri())
        height = page.evaluate("document.querySelector('main').clientHeight")

        def place():
            page.wait_for_timeout(300)
            return round(page.evaluate("document.querySelector('main').scrollTop") / height)

        assert place() == 0
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert place() == 2
        page.keyboard.press("ArrowLeft")
        assert place() == 1
