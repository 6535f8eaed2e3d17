"""nbgrader's own pages in a real JupyterLab: a teacher marks by a click, and the course's marking answers."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import nbformat
import pytest

from classroom import course_folder
from tests.browser.learner import CHECKOUT, CHROMIUM, browser_page
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
            env=own | {"OMP_NUM_THREADS": "1"}, cwd=CHECKOUT, stdout=out, stderr=out, start_new_session=True,
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


def test_a_teacher_marks_in_the_formgrader(tmp_path):
    course = tmp_path / "class"
    course_folder.init(course, slugs=[SLUG])
    course_folder.release(course, SLUG)
    made = nbformat.read(course / "release" / SLUG / f"{SLUG}.ipynb", as_version=4)
    answers = answers_of(SLUG) | {"largest_reduction": "def largest_reduction(*case):\n    return 7"}
    for cell in made.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    place = course / "submitted" / "amara" / SLUG
    place.mkdir(parents=True)
    nbformat.write(made, place / f"{SLUG}.ipynb")
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
    assert course_folder.points(course, SLUG, "amara")["largest_reduction"] == 0
