"""A race in a real JupyterLab: it goes on beside running cells, is seen live, and a click on Stop stops it at once."""

import re

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.learner import CHROMIUM, Learner, browser_page
from tests.browser.test_training import progress, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
CELLS = (
    "from torch import nn\n"
    "from labs.race.runner import race\n"
    "class Mine(nn.Sequential):\n"
    "    def __init__(self, data, channels):\n"
    "        super().__init__(nn.Conv2d(data.image_shape[0], channels, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))\n"
    "        self(data.normalise(data.test.images[:1]))",
    'panel = race({"narrow": lambda data: Mine(data, 2), "wide": lambda data: Mine(data, 16)}, data="digits", seeds=5, '
    "minutes=0.5)\n"
    "panel",
    "before = panel.race\nprint(before.state, 6 * 7)",
    "import time\nwhile before.is_on:\n    time.sleep(0.02)  # a cell that is busy\nprint(time.time())",
    'print("ended", before.state, before._process.returncode is not None, panel.race is None)',
)

# When the button is pressed, and when the page says that the race is stopped.
WATCH = """() => {
    document.addEventListener('click', () => { window.clicked = Date.now(); }, {capture: true, once: true});
    const watch = new MutationObserver(() => {
        if (document.querySelector('.course-statement').textContent.startsWith('Stopped.')) {
            window.answered = Date.now();
            watch.disconnect();
        }
    });
    watch.observe(document.body, {childList: true, subtree: true});
}"""


@pytest.fixture
def learner(lab_server):
    address, folder = lab_server
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "race.ipynb")
    with browser_page(width=1300, height=1000) as page:
        learner = Learner(page)
        learner.enter(address)
        learner.open("race.ipynb")
        yield learner
        learner.leave()


def test_a_race_beside_running_cells(learner):
    learner.run("class Mine")
    learner.run("panel = race")
    output = learner.output("panel = race")
    start, stop = (output.get_by_role("button", name=name) for name in ("Race", "Stop"))
    statement = output.get_by_role("status")
    assert "Press Race" in statement.inner_text() and stop.is_disabled()
    assert output.get_by_role("img", name=re.compile("^Loss and test accuracy by epoch")).count() == 2

    start.click()
    output.get_by_text(re.compile(r"(narrow|wide), seed \d · epoch \d+ of \d+ · loss [\d.]+ · 0:\d\d left")).wait_for()
    assert start.is_disabled() and "The race is on: narrow against wide, 5 runs each" in statement.inner_text()

    learner.run("before = panel.race")  # the notebook stays usable
    expect(learner.output("before = panel.race")).to_have_text("running 42")
    output = learner.output("panel = race")
    drawn, passed, place = lines(output), progress(output), box(output)
    wait_until(lambda: lines(output) > drawn, "the picture does not grow")
    wait_until(lambda: progress(output) > passed, "the bar does not go on")
    assert box(output) == place  # and nothing jumps
    wait_until(lambda: progress(output) > 42, "it does not go on", seconds=90)  # two seeds of both are whole

    learner.cell("import time").locator(".cm-content").click()
    learner.page.keyboard.press("Shift+Enter")
    learner.page.get_by_text("Python 3 (ipykernel) | Busy").wait_for()
    output = learner.output("panel = race")
    stop.scroll_into_view_if_needed()
    learner.page.evaluate(WATCH)
    stop.click()
    output.get_by_text(re.compile(r"Stopped\. Of 5 seeds, [234] came to the end\.")).wait_for()
    learner.wait_for_run()
    clicked, answered = (learner.page.evaluate(f"window.{name}") / 1000 for name in ("clicked", "answered"))
    expect(learner.output("import time")).to_contain_text(".")
    ended = float(learner.output("import time").inner_text())
    print(
        f"after the click, the race ended in {ended - clicked:.2f} s and the page said so in {answered - clicked:.2f} s"
    )
    assert 0 <= ended - clicked < 1 and answered - clicked < 2
    output = learner.output("panel = race")
    assert re.search(r"wide ends [\d.]+ points (above|below) narrow \(95 % interval", statement.inner_text())
    assert output.get_by_role("row").count() == 3 and stop.is_disabled() and start.is_enabled()

    start.click()
    statement.get_by_text("The race is on").wait_for()
    learner.run("before = panel.race")
    learner.run("panel = race")  # again: the first panel's race ends
    learner.run('print("ended"')
    expect(learner.output('print("ended"')).to_have_text("ended over True True")
    assert learner.tracebacks() == [] and learner.stray() == [] and learner.broken() == []


def lines(output) -> int:
    """How many points the picture's lines have."""
    return sum(len(line.get_attribute("points").split()) for line in output.locator("polyline").all())


def box(output) -> dict:
    """Where the picture is; its frame stays when it is replaced."""
    return output.locator(".widget-html").last.bounding_box()
