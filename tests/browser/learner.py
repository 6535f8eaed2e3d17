"""A learner at a real JupyterLab in headless Chromium, for tests and benchmarks: opens lessons, runs cells, clicks."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from utils.system.places import CHECKOUT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT = 90_000  # milliseconds; a busy machine with two cores starts a kernel slowly
BROKEN = ("Click to show javascript error", "Error displaying widget", "Error creating widget", "Loading widget...")
FOREIGN = (  # what JupyterLab itself says on the console in a clean start
    "favicon",
    "net::ERR_ABORTED",
    "net::ERR_UNKNOWN_URL_SCHEME",  # a picture that is attached to a cell, before JupyterLab has found it there
)


@contextmanager
def server(work: Path) -> Iterator[str]:
    """`python -m lessons lab` on a new learner's folder; gives its address with the token.

    It has a folder of its own for temporary files: races elsewhere on this machine are not waited for.
    """
    temporary = tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True)
    variables = {
        name: value for name, value in os.environ.items() if name == "JUPYTER_PATH" or not name.startswith("JUPYTER")
    }
    process = subprocess.Popen(
        # The last option makes the open notebook's model readable from the page, for `Learner.cells`.
        [sys.executable, "-m", "lessons", "lab", "--no-browser", "--LabApp.expose_app_in_browser=True"],
        env=variables
        | {
            "COURSE_WORK": str(work),
            "IPYTHONDIR": str(work / "ipython"),
            "HF_HUB_OFFLINE": "1",
            "TMPDIR": temporary.name,
        },
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    try:
        while not (address := re.search(r"http\S+/lab/tree/\S+\?token=\w+", said)):
            line = process.stdout.readline()
            assert line, f"JupyterLab ended: {said}"
            said += line
        yield address[0]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        temporary.cleanup()


@contextmanager
def chromium() -> Iterator[None]:
    """Headless Chromium, started once for all pages that `browser_page` opens until it ends.

    For the tests of a module: while it runs, this thread has an event loop, and nothing else may start one.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, _started(playwright) as browser:
        _running.append(browser)
        try:
            yield
        finally:
            _running.remove(browser)


_running: list = []  # browsers of `chromium`


@contextmanager
def _started(playwright):
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    )
    yield browser
    browser.close()


@contextmanager
def browser_page(*, width: int = 1280, height: int = 900):
    """A page of headless Chromium, which knows of no other page: in a browser of its own, or in that of `chromium`."""
    with ExitStack() as stack:
        if not _running:
            stack.enter_context(chromium())
        from playwright.sync_api import expect

        page = _running[-1].new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(WAIT)
        expect.set_options(timeout=WAIT)
        try:
            yield page
        finally:
            page.close()


def until(page, holds: str, arg: object = None, timeout: float = WAIT) -> None:
    """Wait for what a script says, asked ten times a second: many of these read a whole notebook."""
    page.wait_for_function(holds, arg=arg, timeout=timeout, polling=100)


class Learner:
    """What a learner does at the page, and what they see there."""

    def __init__(self, page):
        self.page = page
        self.troubles: list[str] = []  # errors on the browser's console
        page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def enter(self, address: str) -> None:
        """Come in without a document, and go to the notebooks in the file browser."""
        self.page.goto(re.sub(r"/lab/tree/[^?]*", "/lab", address) + "&reset")
        self.in_file_browser("notebooks").dblclick()
        self.in_file_browser("00_start_here.ipynb").wait_for()

    def leave(self) -> None:
        """Shut down all kernels, so that a server which serves further tests has none of this one's."""
        self.page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")

    def in_file_browser(self, name: str):
        """An entry of the file browser."""
        return self.page.locator(".jp-DirListing-itemText").get_by_text(name, exact=True)

    def open(self, name: str) -> None:
        """Open a notebook by a double click in the file browser, and wait for its kernel."""
        self.in_file_browser(name).dblclick()
        until(
            self.page,
            "name => { const front = window.jupyterapp.shell.currentWidget;"
            " return front?.context?.path.endsWith(name) && front.context.isReady; }",
            arg=name,
        )
        self.wait_until_idle()

    def wait_until_idle(self, timeout: float = WAIT) -> None:
        """Until the kernel of the notebook in front has nothing to do."""
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=timeout)

    def menu(self, *names: str) -> None:
        """Choose an entry of the menus."""
        menu, entry = names
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(menu, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()

    def run_all(self, timeout: float) -> None:
        """ "Run All Cells", to the end."""
        self.menu("Run", "Run All Cells")
        self.wait_for_run(timeout)

    def wait_for_run(self, timeout: float = WAIT) -> None:
        """Until no cell waits or runs."""
        until(
            self.page,
            "() => !document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)').textContent.includes('[*]')",
            timeout=timeout,
        )
        self.wait_until_idle(timeout)

    def index_of(self, start: str) -> int:
        """The number of the cell whose source has a line that starts so."""
        indices = [
            number
            for number, cell in enumerate(self.cells())
            if any(line.startswith(start) for line in cell["source"].splitlines())
        ]
        assert len(indices) == 1, f"{start!r} starts a line in cells {indices}"
        return indices[0]

    def cells(self) -> list[dict]:
        """The notebook in front as JupyterLab holds it: type, source and outputs of each cell."""
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells.map(cell => "
            "({...cell, source: Array.isArray(cell.source) ? cell.source.join('') : cell.source}))"
        )

    def cell(self, start: str):
        """The cell whose source has a line that starts so, in view."""
        number = self.index_of(start)
        self.page.evaluate(
            """async number => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = number;
                await notebook.scrollToItem(number, 'start');
            }""",
            number,
        )
        found = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell.jp-mod-active")
        found.wait_for()
        found.scroll_into_view_if_needed()
        return found

    def output(self, start: str):
        """The output area of that cell."""
        return self.cell(start).locator(".jp-Cell-outputWrapper")

    def write(self, start: str, source: str) -> None:
        """Replace the text of a cell, as by selecting all of it and typing."""
        cell = self.cell(start)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(source)

    def run(self, start: str, timeout: float = WAIT) -> None:
        """Click into a cell and press Shift and Enter, and wait for its result."""
        number = self.index_of(start)
        self.cell(start).locator(".cm-content").click()
        count = self.cells()[number]["execution_count"]
        self.page.keyboard.press("Shift+Enter")
        until(
            self.page,
            "([number, count]) => { const now = window.jupyterapp.shell.currentWidget.content.model.cells.get(number)"
            ".executionCount; return now !== null && now !== count; }",
            arg=[number, count],
            timeout=timeout,
        )
        self.wait_for_run(timeout)

    def tracebacks(self) -> list[str]:
        """The errors that cells ended in, each with its cell's number."""
        return [
            f"cell {number}: {output['ename']}: {output['evalue']}"
            for number, cell in enumerate(self.cells())
            for output in cell.get("outputs", ())
            if output["output_type"] == "error"
        ]

    def stray(self) -> list[str]:
        """What cells wrote to stderr."""
        return [
            f"cell {number}: {output['text']}"
            for number, cell in enumerate(self.cells())
            for output in cell.get("outputs", ())
            if output["output_type"] == "stream" and output["name"] == "stderr"
        ]

    def layouts(self, seconds: float) -> int:
        """How often the browser lays the page out while nobody touches it."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Performance.enable")

        def count() -> int:
            return next(
                int(each["value"])
                for each in session.send("Performance.getMetrics")["metrics"]
                if each["name"] == "LayoutCount"
            )

        before = count()
        self.page.wait_for_timeout(1000 * seconds)
        after = count()
        session.detach()
        return after - before

    def broken(self) -> list[str]:
        """Signs on the page that a widget or a script did not work."""
        text = self.page.locator("body").inner_text()
        own = [said for said in self.troubles if not any(word in said for word in FOREIGN)]
        return [word for word in BROKEN if word in text] + own
