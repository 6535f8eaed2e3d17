"""Training in a real JupyterLab: the bar and the curves move, and a click on Stop stops and keeps the run."""

import re
import time

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.learner import CHROMIUM, Learner, browser_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
CELLS = (
    "from lessons.inception_module.experiments.multi_scale import several_scales\n"
    "from utils.data.sets import load\n"
    "from utils.train.loop import Recipe, fit\n"
    'data = load("scales")',
    "run = fit(lambda: several_scales(data), data, Recipe(epochs=100, batch_size=64, learning_rate=0.05))",
    "print(run.completed, run.net.training, run.net(data.normalise(data.test.images[:2])).shape)",
)


@pytest.fixture
def learner(lab_server):
    address, folder = lab_server
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "training.ipynb")
    with browser_page(width=1500, height=1000) as page:
        learner = Learner(page)
        learner.enter(address)
        learner.open("training.ipynb")
        yield learner
        learner.leave()


def test_a_click_on_stop(learner):
    page = learner.page
    learner.run("data = load")
    learner.cell("run = fit").locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    output = learner.output("run = fit")
    stop = output.get_by_role("button", name="Stop")
    stop.wait_for(state="visible")

    output.get_by_text(re.compile(r"epoch 1 of 100 · .*images/s · .* left · loss .* learning rate .* GB")).wait_for()
    before, pictures = progress(output), sources(output)
    place = output.locator("img").first.bounding_box()
    output.get_by_text("Test loss goes from").wait_for(state="attached")  # the first epoch is done
    wait_until(lambda: sources(output)[0] != pictures[0], "the curve of the loss does not move")
    assert progress(output) > before
    assert output.locator("img").first.bounding_box() == place  # and nothing else does

    clicked = time.perf_counter()
    stop.click()
    output.get_by_text(re.compile(r"Stopped in epoch \d+ of 100. The run so far is kept")).wait_for()
    assert time.perf_counter() - clicked < 2  # the click, the answer and the looking together
    learner.wait_for_run()
    assert stop.count() == 0 and output.locator("img").count() == 3
    learner.run("print(run.completed")
    expect(learner.output("print(run.completed")).to_contain_text("False False torch.Size([2, 10])")
    assert learner.tracebacks() == [] and learner.stray() == [] and learner.broken() == []


def progress(output) -> float:
    """How far the bar is, in per cent of its width."""
    return float(re.search(r"width: ([\d.]+)%", output.locator(".progress-bar").get_attribute("style"))[1])


def sources(output) -> list[str]:
    return [image.get_attribute("src") for image in output.locator("img").all()]


def wait_until(holds, problem: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, problem
        time.sleep(0.2)
