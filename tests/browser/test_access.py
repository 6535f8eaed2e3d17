"""What a notebook shows in a real JupyterLab, for those who do not see it: axe-core's rules, light and dark, and 200 per cent."""

from collections.abc import Iterator
from contextlib import contextmanager

import nbformat
import pytest

from tests.browser.learner import CHROMIUM, Learner, browser_page
from tests.browser.reading import READ, faults
from tests.browser.test_labs import LABS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook :is(.jp-OutputArea-output, .jp-MarkdownOutput)"
WORDS = f"() => ({READ})('{SHOWN}').filter(([contrast, size]) => size > 0 && (contrast < 4.5 || size < 10))"

# One of each kind of output.
KINDS = (
    "import torch\nfrom torch import nn\nfrom lessons.start_here.checks import check, hint, predict, progress, solution, truth, use\n"
    "progress()",
    'predict("digits", "How many digits?", unit="per cent")',
    'predict("which", "Which of them?", choices=["the first", "the second"])',
    'truth("which", "the second", "Because.")',
    "check.image_numbers(lambda channels, height, width: channels + height * width)",
    "check.image_numbers(lambda channels, height, width: channels * height * width)",
    'hint("0.2")',
    'solution("0.2")',
    "from utils.setup.doctor import examine\nexamine()",
    "from course.progress import overview\noverview()",
    "from lessons.start_here.first_network import FirstNetwork\nfrom utils.diagram import draw\n"
    "draw(FirstNetwork(), (1, 8, 8), depth=2)",
    "from utils.cost import profile\nprofile(FirstNetwork(), (1, 8, 8))",
    "from torchinfo import summary\nsummary(FirstNetwork(), (1, 1, 8, 8), verbose=0)",
    "from lessons.start_here.figures import first_filters\nfirst_filters(FirstNetwork())",
    "from lessons.inception_v4.paper import CLAIMS\nfrom course.ledger import ledger\nledger(CLAIMS)",
    "from utils.train import Recipe, fit\nfrom utils.train.watch import NotebookWatch\nfrom utils.train.snapshots import Snapshots\n"
    "from utils.data import load\n"
    'digits = load("digits")\nkept = Snapshots(digits, build=FirstNetwork)\n'
    "run = fit(FirstNetwork, digits, Recipe(epochs=1, learning_rate=0.05), seed=0, on_step=kept)",
    "watch = NotebookWatch(run, 4)\nwatch.__enter__()\nwatch._say(['epoch 1 of 2'])\n"
    "watch.button.widget.layout.visibility = 'visible'",
    "from labs.race.runner import race\nrace({'narrow': lambda data: FirstNetwork(), 'wide': lambda data: FirstNetwork()}, data='digits')",
    "from labs.family_map import family_map\nfamily_map()",
    "from labs.scrubber import scrubber\nscrubber(kept)",
    "from labs.window import sliding_window\nsliding_window()",
    "from labs.network_map import network_map\nnetwork_map('googlenet')",
    "from labs.photo_maps import photo_maps\nphoto_maps(nn.Sequential(nn.Conv2d(3, 8, 3)), photo='china', size=112)",
    "from labs.network_lab import network_lab\nnetwork_lab()",
    "from labs.block_lab import block_lab\nblock_lab('xception')",
    *(cell for _, cell in LABS.values()),
)


@contextmanager
def shown_in_jupyterlab(lab_server, name: str, cells, timeout: float) -> Iterator[Learner]:
    """A notebook of these cells, each of which has run, in the JupyterLab of the tests."""
    address, folder = lab_server
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / name)
    with browser_page(width=1280, height=1000) as page:
        learner = Learner(page)
        learner.enter(address)
        learner.open(name)
        learner.run_all(timeout)
        assert learner.tracebacks() == [] and learner.broken() == []
        yield learner
        learner.leave()


@pytest.fixture(scope="module")
def shown(lab_server):
    with shown_in_jupyterlab(lab_server, "kinds.ipynb", KINDS, 300_000) as learner:
        learner.page.wait_for_timeout(3500)
        yield learner


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_in_what_a_notebook_shows(shown, theme):
    shown.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", f"JupyterLab {theme}"
    )
    shown.page.wait_for_timeout(1000)
    assert faults(shown.page, SHOWN) == []
    assert shown.page.evaluate(WORDS) == []


# Labs whose words reach into their picture, and those whose picture is not within the first half of the page.
CROWDED = """() => [...document.querySelectorAll('.course-lab')].flatMap(lab => {
  lab.querySelector('.course-body').scrollIntoView();
  const [words, picture, side] = ['.course-words', '.course-picture', '.course-side'].map(each => lab.querySelector(each).getBoundingClientRect());
  const name = lab.querySelector('b')?.textContent;
  return [
    ...words.bottom > picture.top + 1 ? [`${name} words ${words.bottom} on the picture ${picture.top}`] : [],
    ...picture.top > innerHeight || picture.top > side.top ? [`${name} has its picture below its handles`] : [],
  ];
})"""


def test_at_200_per_cent_the_picture_stays_beside_the_handles(shown):
    """1280 by 900 pixels, of which 640 by 450 are left."""
    shown.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    shown.page.set_viewport_size({"width": 640, "height": 450})
    shown.page.wait_for_timeout(1000)
    assert shown.page.locator(".course-lab").count() >= len(LABS)
    assert shown.page.evaluate(CROWDED) == []
