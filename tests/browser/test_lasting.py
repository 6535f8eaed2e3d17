"""What a cell shows is there for ever: without a kernel, after its restart, not trusted, exported, and on paper.

`docs/outputs.md` has the table of what was opened where.
"""

import re
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.browser.learner import CHROMIUM, WAIT, Learner, browser_page, server, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]

CELLS = {
    "number": 'from lessons.start_here.checks import predict\npredict("digits", "How many digits?", unit="per cent")',
    "choice": 'predict("which", "Which of them?", choices=["the first", "the second"])',
    "window": "from lessons.start_here.lab import window_lab\nwindow_lab()",
    "block": "from labs.block_lab import block_lab\nblock_lab()",
    "diagram": "from lessons.start_here.first_network import FirstNetwork\nfrom utils.diagram import draw\n"
    "draw(FirstNetwork(), (1, 8, 8))",
    "table": "from utils.cost import profile\nprofile(FirstNetwork(), (1, 8, 8))",
    "picture": "from lessons.start_here.figures import first_filters\nfirst_filters(FirstNetwork())",
    "ledger": "from lessons.inception_v4.paper import CLAIMS\nfrom course.ledger import ledger\nledger(CLAIMS[:2])",
}
WORDS = {  # some of what each shows
    "number": "How many digits?",
    "choice": "the second",
    "window": "grid 9×9, window 3×3",
    "block": "A still picture of this lab",
    "table": "FirstNetwork on 1×8×8",
    "ledger": "the paper",
}
PICTURES = ("window", "block", "diagram", "picture")
OPENED = 10


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """The work folder of a learner who ran all cells, moved a handle, answered, and saved.

    From then on autosave comes each second. While cells run, saves that overlap on a busy machine make JupyterLab ask.
    """
    work = tmp_path_factory.mktemp("lasting") / "work"
    with server(work) as address, browser_page() as page:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.values()])
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        nbformat.write(notebook, work / "notebooks" / "lasting.ipynb")
        learner = Learner(page)
        learner.enter(address)
        learner.open("lasting.ipynb")
        learner.run_all(240_000)
        assert learner.tracebacks() == [] and learner.broken() == []
        assert not any(still.is_visible() for still in page.locator(".course-still").all())
        window = learner.output("window_lab()").locator(".course-lab")
        window.locator(".widget-hslider").first.get_by_role("slider").press("ArrowRight")
        choice = learner.output('predict("which"').locator(".course-predict")
        choice.get_by_label("the second").check()
        choice.get_by_role("button").click()
        path = work / "notebooks" / "lasting.ipynb"
        for words in (WORDS["window"], "You predict the second."):  # the still forms follow, and are saved
            until(
                page,
                "words => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON())"
                ".includes(words)",
                arg=words,
            )
        learner.menu("File", "Save Notebook")
        until(page, "() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
        kernel_goes(learner)
    assert "widgets" not in nbformat.read(path, 4).metadata
    settings = work / ".jupyter/config/lab/user-settings/@jupyterlab/docmanager-extension/plugin.jupyterlab-settings"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('{"autosaveInterval": 1}')
    return work


def kernel_goes(learner: Learner) -> None:
    """After a restart, each widget says in its place that its kernel is gone, and the still picture comes back."""
    learner.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    for start, name in (("window_lab()", "window"), ('predict("which"', "choice")):
        output = learner.output(start)
        expect(output.locator(".course-still")).to_be_visible(timeout=WAIT)
        expect(output.locator(".course-still")).to_contain_text(WORDS[name])
        expect(output.get_by_role("button")).to_have_count(0)
        said = output.locator(".course-live").evaluate("live => getComputedStyle(live, '::before').content")
        assert "The kernel that answered here is gone" in said


def all_is_there(outputs) -> None:
    """Words and pictures of every cell, and nothing that could not be shown."""
    for name, output in outputs.items():
        if name in WORDS:
            expect(output).to_contain_text(WORDS[name])
        if name in PICTURES:
            image = output.locator("img").first
            expect(image).to_be_visible()
            assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100, name
            assert len(image.get_attribute("alt")) > 20
        soup = re.search(r"Error displaying|Cannot display|conv, 16\s+BN|Loading widget", output.inner_text())
        assert soup is None, soup


def without_a_kernel(learner: Learner) -> None:
    learner.page.evaluate(
        "async () => { await window.jupyterapp.commands.execute('docmanager:open', {path: 'notebooks/lasting.ipynb',"
        " kernelPreference: {shouldStart: false, canStart: false, autoStartDefault: false}}); }"
    )
    until(learner.page, "() => window.jupyterapp.shell.currentWidget?.context?.isReady")


def test_opened_again_and_again_without_a_kernel_it_stays_as_it_was(saved):
    path = saved / "notebooks" / "lasting.ipynb"
    before, at = path.read_bytes(), path.stat().st_mtime_ns
    with server(saved) as address, browser_page() as page:
        learner = Learner(page)
        learner.enter(address)
        for number in range(OPENED):
            without_a_kernel(learner)
            if number in (0, OPENED - 1):
                for name, cell in CELLS.items():
                    all_is_there({name: learner.output(cell.splitlines()[-1])})
            page.wait_for_timeout(1500)  # an autosave
            assert not page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty")
            page.evaluate("() => { window.jupyterapp.shell.currentWidget.close(); }")
        assert page.evaluate("() => [...window.jupyterapp.serviceManager.sessions.running()].length") == 0
        assert path.read_bytes() == before and path.stat().st_mtime_ns == at
        learner.open("lasting.ipynb")  # with a kernel: a new one, which knows none of the widgets
        page.wait_for_timeout(3500)
        all_is_there({"window": learner.output("window_lab()")})
        learner.menu("File", "Save Notebook")
        page.wait_for_timeout(1500)
        assert path.read_bytes() == before
        learner.leave()


def test_what_is_not_trusted_shows_the_same(saved):
    notebook = nbformat.read(saved / "notebooks" / "lasting.ipynb", 4)
    notebook.metadata["sender"] = "somebody else"
    nbformat.write(notebook, saved / "notebooks" / "sent.ipynb")
    with server(saved) as address, browser_page() as page:
        learner = Learner(page)
        learner.enter(address)
        learner.open("sent.ipynb")
        assert not page.evaluate(
            "() => [...window.jupyterapp.shell.currentWidget.content.model.cells].some(cell => cell.trusted)"
        )
        for name, cell in CELLS.items():
            all_is_there({name: learner.output(cell.splitlines()[-1])})
        learner.leave()


@pytest.mark.parametrize("state", ["no state", "state of widgets"])
def test_an_export_offline_and_on_paper(saved, tmp_path, state):
    notebook = nbformat.read(saved / "notebooks" / "lasting.ipynb", 4)
    if state == "state of widgets":  # as another JupyterLab may save it: the exporter then believes in the widgets
        live = [
            output["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
            for cell in notebook.cells
            for output in cell.outputs
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
        ]
        state = {model: {"model_name": "VBoxModel", "state": {}} for model in live}
        notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    page_file = tmp_path / "lasting.html"
    page_file.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    with browser_page() as page:
        page.context.set_offline(True)
        page.goto(page_file.as_uri(), wait_until="domcontentloaded")
        cells = page.locator(".jp-CodeCell")
        shown = {name: cells.nth(number).locator(".jp-Cell-outputWrapper") for number, name in enumerate(CELLS)}
        all_is_there(shown)
        page.emulate_media(media="print", color_scheme="dark")
        all_is_there(shown)
        ground = shown["window"].locator(".course").evaluate("part => getComputedStyle(part).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
