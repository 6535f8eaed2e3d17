"""Every control of what a notebook shows, by the keyboard alone in a real JupyterLab, whose own keys are kept away from it."""

import pytest

from tests.browser.learner import CHROMIUM
from tests.browser.test_access import shown_in_jupyterlab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]

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
def controls(lab_server):
    with shown_in_jupyterlab(lab_server, "controls.ipynb", CONTROLS, 120_000) as learner:
        yield learner


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
    page.get_by_text("You predict the second. It will").wait_for()
    focused(guess)
    page.keyboard.type("12")
    assert guess.input_value() == "12"
    page.keyboard.press("Enter")
    page.get_by_text("You predict 12 per cent. It will").wait_for()  # the still form, out of sight beside it, says less
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
