"""nbgrader's own pages in a real JupyterLab: a teacher marks by a click, and the course's marking answers."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import nbformat
import pytest

from classroom import course_folder, marking
from classroom.notebooks import new_cell
from tests.browser.learner import CHECKOUT, CHROMIUM, browser_page
from tests.classroom.hostile import ANSWERS, ATTACHMENTS, RUN
from tests.classroom.submissions import answers_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]
SLUG = "inception_module"
PAGE = "http://127.0.0.1:{port}"


@contextmanager
def opened(course, home, port):
    """`classroom open`, until it answers."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    own |= {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    log = home / "log.txt"
    words = [
        "classroom",
        "open",
        "--folder",
        str(course),
        "--no-browser",
        f"--port={port}",
        "--IdentityProvider.token=word",
    ]
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "lessons", *words],
            env=own, cwd=CHECKOUT, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        for _ in range(600):
            if f"127.0.0.1:{port}" in log.read_text():
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield PAGE.format(port=port)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def released(course):
    course_folder.init(course, slugs=[SLUG])
    course_folder.release(course, SLUG)
    return nbformat.read(course / "release" / SLUG / f"{SLUG}.ipynb", as_version=4)


def answer(made, answers):
    for cell in made.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    return made


def hand_in(course, student, made):
    place = course / "submitted" / student / SLUG
    place.mkdir(parents=True)
    nbformat.write(made, place / f"{SLUG}.ipynb")


def page_of(course, address, student):
    """The formgrader's page of a submission."""
    with course_folder.gradebook(course) as book:
        return f"{address}/formgrader/submissions/{book.find_submission_notebook(SLUG, SLUG, student).id}/"


def seconds(page, address, words):
    """How long it takes until a page shows these words."""
    start = time.monotonic()
    page.goto(address, wait_until="domcontentloaded")
    page.get_by_text(words).first.wait_for()
    return time.monotonic() - start


def harm(page):
    """What a student's script did in a page, when everything in it has been pointed at and clicked."""
    page.evaluate("""() => {
        const leaves = event => event.target.closest('a[href^="http"], a[href^="mailto"]') && event.preventDefault();
        document.addEventListener('click', leaves, true);  // a plain link may lead elsewhere, and this page is to stay
        for (const each of document.querySelectorAll('#notebook-container *'))
            for (const kind of ['mouseover', 'mouseenter', 'focus', 'click', 'toggle'])
                each.dispatchEvent(new MouseEvent(kind, {bubbles: kind !== 'toggle', cancelable: true}));
    }""")
    page.wait_for_timeout(500)
    frames = [frame.url for frame in page.frames[1:]]
    return [page.evaluate("window.harm ?? 0"), page.title() == "harm", frames]


def test_nothing_that_a_student_wrote_runs_in_the_teachers_pages(tmp_path):
    """Nor in the feedback. And a cell of 200,000 lines is a page in two seconds."""
    course = tmp_path / "class"
    made = released(course)
    student = answer(made, answers_of(SLUG))
    student.cells += [new_cell("markdown", source, attachments=ATTACHMENTS) for source in ANSWERS.values()]
    student.cells.append(
        new_cell(
            "code",
            f"from IPython.display import HTML, display\nprint('<script>{RUN}</script>')\ndisplay(HTML('<script>{RUN}</script>'))\nraise ValueError('<img src=x onerror=window.harm=1>')",
        )
    )
    student.metadata.update(title=f"</title><script>{RUN}</script>", language_info={"name": f"<script>{RUN}</script>"})
    for cell in student.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "trade":
            cell.source, cell.attachments = "\n\n".join(ANSWERS.values()), ATTACHMENTS
            cell.metadata.nbgrader.points = f"<script>{RUN}</script>"
        cell.metadata.update(tags=[f'"><script>{RUN}</script>'], name=f"<script>{RUN}</script>")
    hand_in(course, "amara", student)
    beside = course / "submitted" / "amara" / SLUG / "evil.html"
    beside.write_text(f"<script>{RUN}</script>")
    original = (beside.parent / f"{SLUG}.ipynb").read_bytes()
    long = "\n".join(f"x{number} = {number}" for number in range(200_000))
    endless = answer(nbformat.from_dict(made), {"trade": long})
    endless.cells = [*endless.cells[:12], new_cell("code", long), new_cell("markdown", long)]
    hand_in(course, "bruno", endless)
    marking.autograde(course, SLUG)
    marking.feedback(course, SLUG)
    assert (beside.parent / f"{SLUG}.ipynb").read_bytes() == original and beside.exists()
    with opened(course, tmp_path, 8972) as address, browser_page(width=1500) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/formgrader/manage_assignments?token=word")
        mine = page_of(course, address, "amara")
        page.goto(mine)
        page.locator(".nbgrader_cell").first.wait_for()
        assert page.get_by_text("My answer").count() >= 1
        assert harm(page) == [0, False, []]
        assert page.request.get(mine + "evil.html").status == 404
        page.goto((course / "feedback" / "amara" / SLUG / f"{SLUG}.html").as_uri())
        page.locator(".nbgrader_cell").first.wait_for()
        assert harm(page) == [0, False, []]
        assert not [url for url in asked if "example.org" in url]
        # A cell of 200,000 lines is a page of an ordinary size. How many seconds that is depends on the machine.
        ordinary = len(page.request.get(mine).body())
        endless = page_of(course, address, "bruno")
        page.goto(endless)
        page.get_by_text("further lines are not shown here").first.wait_for()
        assert len(page.request.get(endless).body()) < 2 * ordinary
        # The same page of what was not cleaned: this is what the assertions above would see.
        path = course / "autograded" / "amara" / SLUG / f"{SLUG}.ipynb"
        path.chmod(0o644)
        shown = nbformat.read(path, as_version=4)
        shown.cells.append(nbformat.v4.new_markdown_cell(ANSWERS["script"] + ANSWERS["event of a picture"]))
        nbformat.write(shown, path)
        page.goto(mine)
        page.wait_for_function("window.harm === 1")


def test_a_teacher_marks_in_the_formgrader(tmp_path):
    course = tmp_path / "class"
    answers = answers_of(SLUG) | {"largest_reduction": "def largest_reduction(*case):\n    return 7"}
    hand_in(course, "amara", answer(released(course), answers))
    with opened(course, tmp_path, 8971) as address, browser_page(width=1500) as page:
        page.goto(f"{address}/lab?token=word")
        page.locator(".lm-MenuBar-itemLabel").get_by_text("Nbgrader", exact=True).click()
        page.locator(".lm-Menu-itemLabel").get_by_text("Formgrader", exact=True).click()
        pages = page.frame_locator("iframe").first
        pages.get_by_role("link", name=SLUG).wait_for()
        assert pages.get_by_text("could not be created").count() == 0, "the exchange is there"
        pages.get_by_role("link", name="1", exact=True).click()
        pages.get_by_text("needs autograding").wait_for()
        pages.locator("td.autograde a").first.click()
        pages.get_by_text("Successfully autograded").first.wait_for()
        pages.get_by_role("button", name="OK").first.click()
        pages.get_by_text("8 / 12").wait_for()
    assert marking.points(course, SLUG, "amara")["largest_reduction"] == 0
