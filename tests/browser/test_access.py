"""What a notebook shows in a real JupyterLab, for those who do not see or do not touch it: axe-core's rules, light and dark,
and every control by the keyboard alone, with JupyterLab's own keys kept away from it."""

import nbformat
import pytest

from tests.browser.learner import CHROMIUM, WAIT, Learner, browser_page
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


def opened(learner: Learner, folder, name: str, cells) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / name)
    learner.open(name)


@pytest.fixture(scope="module")
def shown(lab_server):
    address, folder = lab_server
    with browser_page(width=1280, height=1000) as page:
        learner = Learner(page)
        learner.enter(address)
        opened(learner, folder, "kinds.ipynb", KINDS)
        learner.run_all(300_000)
        assert learner.tracebacks() == [] and learner.broken() == []
        # JupyterLab leaves cells out of sight unpainted, and axe-core passes over what is not painted.
        page.add_style_tag(content=".jp-Cell { content-visibility: visible !important; }")
        page.wait_for_timeout(3500)
        yield learner
        learner.leave()


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


# One of each kind of control, in a lab, a prediction, a training and a race.
CONTROLS = (
    "import ipywidgets as w\nfrom utils.lab_frame.frame import Lab, View, buttons, choice, share, slider, stops\n"
    "def view(settings, pinned):\n"
    "    return View(str(settings), str(settings), code='f()')\n"
    "handles = {'whole': slider(3, 0, 9, 'whole', 'whole'), 'share': share(0.5, 'share', 'share'),\n"
    "    'stops': stops('b', 'abc', 'stops', 'stops'), 'choice': choice('b', 'abc', 'choice', 'choice'),\n"
    "    'ticked': w.Checkbox(description='ticked', tooltip='ticked'), 'way': buttons({'this': '', 'that': ''}, width=60, tooltip='way')}\n"
    "Lab('Which?', handles, view, presets={'one': {'whole': 1}, 'two': {'whole': 2}}, groups={'Open': ['whole'], 'Closed': ['share']})",
    "from lessons.googlenet.checks import predict\n"
    'predict("which", "Which of them?", choices=["the first", "the second", "the third"])',
    'predict("digits", "How many digits?", unit="per cent")',
    "from lessons.inception_module.lab import unit_lab\nunit_lab()",
    "1 + 1",
)
STATE = """() => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  return {
    cells: notebook.model.sharedModel.toJSON().cells.map(cell => [cell.id, cell.cell_type, cell.execution_count, cell.source]),
    at: notebook.activeCellIndex, chosen: notebook.widgets.map(each => notebook.isSelected(each)),
    dialogs: document.querySelectorAll('.jp-Dialog').length,
    outputs: document.querySelectorAll('.jp-mod-outputsScrolled, .jp-Cell:has(.jp-Placeholder)').length,
  };
}"""
# What JupyterLab does in command mode with each: cut, delete, add above and below, change the kind, undo, copy, paste, merge,
# choose, interrupt, restart, fold outputs, save.
KEYS = (
    "x",
    "d",
    "d",
    "a",
    "b",
    "m",
    "y",
    "r",
    "1",
    "z",
    "c",
    "v",
    "Shift+M",
    "j",
    "k",
    "o",
    "i",
    "i",
    "0",
    "0",
    "s",
    "l",
)
ARROWS = ("ArrowDown", "ArrowUp", "ArrowRight", "ArrowLeft", "Home", "End")


@pytest.fixture
def controls(shown, lab_server):
    """In the browser of the other notebook, in a page of its own."""
    address, folder = lab_server
    page = shown.page.context.browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(WAIT)
    learner = Learner(page)
    learner.enter(address)
    opened(learner, folder, "controls.ipynb", CONTROLS)
    learner.run_all(120_000)
    assert learner.tracebacks() == [] and learner.broken() == []
    yield learner
    page.close()


def test_every_control_from_the_keyboard_alone(controls):
    page = controls.page
    page.locator(".course-lab").first.scroll_into_view_if_needed()
    lab = page.locator(".course-lab").first
    row = lambda name: lab.locator(".widget-hslider").filter(has=page.get_by_text(name, exact=True))  # noqa: E731
    first, third = (page.get_by_label(f"the {which}") for which in ("first", "third"))
    guess = page.get_by_placeholder("a number")
    page.wait_for_timeout(3500)  # the views of all handles are made

    def focused(control) -> dict:
        """The notebook, with the focus on a control: the cell that it is in is the active one."""
        control.focus()
        return page.evaluate(STATE)

    def keeps(control, keys) -> None:
        """Keys on a control do nothing to the notebook, and leave the focus there."""
        before = focused(control)
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(100)
        assert page.evaluate(STATE) == before, (str(control), keys)

    def obeys(control, key: str, then: str) -> None:
        before = focused(control)
        page.keyboard.press(key)
        lab.locator(".course-words").get_by_text(then).wait_for(timeout=10_000)
        assert page.evaluate(STATE) == before, (str(control), key)

    grip = row("whole").get_by_role("slider")
    obeys(grip, "ArrowRight", "'whole': 4")
    obeys(grip, "ArrowUp", "'whole': 5")
    obeys(grip, "ArrowLeft", "'whole': 4")
    obeys(grip, "Home", "'whole': 0")
    keeps(grip, KEYS)
    readout = row("whole").locator(".widget-readout")
    focused(readout)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("7")
    obeys(readout, "Enter", "'whole': 7")
    obeys(row("stops").get_by_role("slider"), "ArrowRight", "'stops': 'c'")
    tick = lab.get_by_role("checkbox")
    obeys(tick, "Space", "'ticked': True")
    keeps(tick, (*KEYS, *ARROWS))
    menu = lab.get_by_label("choice", exact=True)
    obeys(menu, "ArrowDown", "'choice': 'c'")
    obeys(menu, "ArrowUp", "'choice': 'b'")
    obeys(menu, "a", "'choice': 'a'")
    keeps(menu, KEYS[:2])
    that = lab.get_by_role("button", name="that", exact=True)
    obeys(that, "Enter", "'way': 'that'")
    obeys(lab.get_by_role("button", name="this", exact=True), "Space", "'way': 'this'")
    keeps(that, (*KEYS, *ARROWS))
    section = lab.get_by_role("button", name="Closed")
    section.press("Enter")
    obeys(row("share").get_by_role("slider"), "ArrowRight", "'share': 0.55")
    keeps(section, KEYS)
    pin = lab.get_by_role("button", name="Pin as A")
    keeps(pin, (*KEYS, *ARROWS, "Enter", "Space"))
    lab.get_by_role("button", name="As Python").press("Enter")
    keeps(lab.locator("textarea"), (*KEYS, *ARROWS, "Enter"))
    keeps(lab.locator(".course-copy"), KEYS)

    before = focused(first)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert third.is_checked()
    page.keyboard.press("ArrowUp")
    assert page.get_by_label("the second").is_checked() and page.evaluate(STATE) == before
    keeps(first, KEYS)
    page.get_by_role("button", name="Keep my prediction").first.press("Enter")
    page.get_by_text("You predict").first.wait_for()
    focused(guess)
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    page.get_by_text("You predict 12 per cent").wait_for()
    keeps(guess, (*KEYS, *ARROWS))

    unit = page.get_by_role("button", name="The unit 0 % down and 0 % across", exact=True)
    focused(unit)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.title") == "The unit 17 % down and 17 % across"
    keeps(unit, (*KEYS, *ARROWS))
    # What belongs to the notebook stays its own: Shift and Enter run its cell.
    before = focused(unit)
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(f"before => ({STATE})().at !== before", arg=before["at"])
