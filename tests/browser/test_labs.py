"""The labs in a real JupyterLab: every handle of each, and what the page shows is what the plain functions say.

The block lab and the network lab have files of their own.
"""

import re
from collections.abc import Callable

import ipywidgets
import nbformat
import pytest
from playwright.sync_api import expect

from lessons.batch_norm.lab import bn_lab
from lessons.factorization.lab import factor_lab
from lessons.factorization.lab import unit_lab as unit_lab_04
from lessons.family.lab import pareto_lab
from lessons.googlenet.lab import crop_lab
from lessons.inception_module.lab import unit_lab
from lessons.inception_v4.lab import stage_lab
from lessons.label_smoothing.lab import smoothing_lab
from lessons.residual_scaling.lab import scale_lab
from lessons.start_here.lab import window_lab
from lessons.xception.lab import groups_lab
from lessons.xception.roofline import Limits
from tests.browser.learner import CHROMIUM, WAIT, Learner, browser_page, until
from utils.lab_frame.frame import Lab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]

LIMITS = Limits(peak=50e9, memory=10e9, cache=40e9, where="a machine")
LABS: dict[str, tuple[Callable[[], Lab], str]] = {  # how it is made here, and in a cell
    "window": (window_lab, "from lessons.start_here.lab import window_lab\nwindow_lab()"),
    "unit": (unit_lab, "from lessons.inception_module.lab import unit_lab\nunit_lab()"),
    "crop": (crop_lab, "from lessons.googlenet.lab import crop_lab\ncrop_lab()"),
    "bn": (bn_lab, "from lessons.batch_norm.lab import bn_lab\nbn_lab()"),
    "factor": (factor_lab, "from lessons.factorization.lab import factor_lab\nfactor_lab()"),
    "unit 04": (unit_lab_04, "from lessons.factorization.lab import unit_lab as behind_v3\nbehind_v3()"),
    "smoothing": (smoothing_lab, "from lessons.label_smoothing.lab import smoothing_lab\nsmoothing_lab()"),
    "stage": (stage_lab, "from lessons.inception_v4.lab import stage_lab\nstage_lab()"),
    "scale": (scale_lab, "from lessons.residual_scaling.lab import scale_lab\nscale_lab()"),
    "groups": (
        lambda: groups_lab(LIMITS),
        "from lessons.xception.lab import groups_lab\n"
        f"from lessons.xception.roofline import Limits\ngroups_lab({LIMITS!r})",
    ),
    "pareto": (pareto_lab, "from lessons.family.lab import pareto_lab\npareto_lab()"),
}
BROKEN = (
    "import ipywidgets\nfrom utils.lab_frame.frame import Lab, View\n"
    "def wrong(settings, pinned):\n"
    '    return View("fine", f"<svg>{1 / (2 - settings[\'size\'])}</svg>")\n'
    'Lab("Wrong?", {"size": ipywidgets.IntSlider(min=0, max=4, description="size", tooltip="how large")}, wrong)'
)
SAME = """([shown, html]) => {
    const made = document.createElement('div');
    made.innerHTML = html;
    return shown.innerHTML === made.innerHTML;
}"""


class LabPage:
    """A lab on the page beside the same lab here, whose handles move in step."""

    def __init__(self, learner: Learner, name: str):
        make, cell = LABS[name]
        start = cell.splitlines()[0]
        self.page = learner.page
        learner.cell(start).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.here = make()  # where a lab trains networks, it does so in both processes at once
        learner.wait_for_run()
        self.root = learner.output(start).locator(".course-lab")
        self.root.wait_for()
        self.root.scroll_into_view_if_needed()
        self.agrees("at the start")

    def agrees(self, when: str) -> None:
        """Wait until words and picture are those of the plain functions."""
        for part in ("words", "output"):
            expected = getattr(self.here, part).value
            kind = re.search('class="(course-[a-z]+)"', expected)[1]
            shown = self.root.locator(f".widget-html-content:has(> .{kind})")
            try:
                shown.wait_for()
                until(self.page, SAME, arg=[shown.element_handle(), expected], timeout=15_000)
            except Exception as error:
                raise AssertionError(f"{when}: the page shows {shown.inner_text()!r}, not {expected!r}") from error

    def find(self, control: ipywidgets.Widget):
        """What a learner takes hold of, found by its label."""
        name = control.description
        if isinstance(control, ipywidgets.ToggleButtons):
            return self.root.get_by_role("button", name=str(control._options_labels[0]), exact=True)
        if isinstance(control, ipywidgets.Checkbox):
            return self.root.get_by_role("checkbox", name=name, exact=True)
        if isinstance(control, ipywidgets.Dropdown):
            return self.root.get_by_label(name, exact=True)
        row = self.root.locator(".widget-hslider").filter(has=self.page.get_by_text(name, exact=True))
        return row.get_by_role("slider")

    def says(self, control: ipywidgets.Widget) -> str:
        """The tooltip of what is under the pointer in the middle of the handle."""
        found = self.find(control)
        found.scroll_into_view_if_needed()
        return found.evaluate(
            """handle => {
                const box = (handle.closest('.widget-checkbox label')?.lastElementChild ?? handle).getBoundingClientRect();
                const under = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                return under.closest('[title]').title;
            }"""
        )

    def move(self, name: str) -> None:
        """Move a handle by one place, with the keyboard where it takes one, and the one here as well."""
        control = self.here.controls[name]
        found = self.find(control)
        if control.disabled:
            expect(found).to_be_disabled() if not isinstance(control, SLIDERS) else expect(found).to_have_attribute(
                "disabled", "true"
            )
            return
        tips = getattr(control, "tooltips", None)
        assert self.says(control) == (tips[0] if tips else control.tooltip), name
        if isinstance(control, ipywidgets.Checkbox):
            found.press("Space")
            control.value = not control.value
        elif isinstance(control, ipywidgets.ToggleButtons):
            place = (control.index + 1) % len(control.options)
            self.root.get_by_role("button", name=str(control._options_labels[place]), exact=True).press("Enter")
            control.index = place
        elif isinstance(control, ipywidgets.Dropdown):
            place = (control.index + 1) % len(control.options)
            found.select_option(index=place)
            control.index = place
        elif isinstance(control, ipywidgets.SelectionSlider):
            onward = control.index + 1 < len(control.options)
            found.press("ArrowRight" if onward else "ArrowLeft")
            control.index += 1 if onward else -1
        else:
            onward = control.value + control.step <= control.max
            found.press("ArrowRight" if onward else "ArrowLeft")
            control.value += control.step if onward else -control.step
        self.agrees(name)

    def click(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def pin(self) -> None:
        self.click("Pin as A")
        self.here.pin()
        self.agrees("pinned")

    def start_again(self) -> None:
        self.click("Start again")
        self.here.reset()
        self.agrees("started again")


SLIDERS = (ipywidgets.IntSlider, ipywidgets.FloatSlider, ipywidgets.SelectionSlider)


@pytest.fixture(scope="module")
def learner(lab_server):
    address, folder = lab_server
    cells = [nbformat.v4.new_code_cell(cell) for _, cell in LABS.values()] + [nbformat.v4.new_code_cell(BROKEN)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "all_labs.ipynb")
    with browser_page(width=1300, height=1000) as page:
        learner = Learner(page)
        learner.enter(address)
        learner.open("all_labs.ipynb")
        yield learner


@pytest.mark.parametrize("name", LABS)
def test_every_handle(learner, name):
    lab = LabPage(learner, name)
    assert cut(lab) == []
    for handle in lab.here.controls:
        lab.move(handle)
        if lab.here.trouble:
            lab.start_again()
    lab.pin()
    lab.move(next(iter(lab.here.controls)))
    has_alternatives(lab)
    if lab.here.presets:
        preset = list(lab.here.presets)[-1]
        lab.root.get_by_label("Preset", exact=True).select_option(preset)
        lab.here.preset.value = preset
        lab.agrees(preset)
    lab.start_again()
    for also in ALSO.get(name, ()):
        also(lab)
    assert learner.tracebacks() == [] and learner.stray() == [] and learner.broken() == []


def cut(lab: LabPage) -> list[str]:
    """What stands beside a slider and is wider than its place."""
    places = lab.root.locator(".widget-readout")
    return places.evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
    )


def has_alternatives(lab: LabPage) -> None:
    """Each picture is told in words as well, A's as well as B's; a lab without pictures shows a table."""
    pictures = lab.root.locator(".course-picture").locator("svg:not(svg svg), img")
    words = [picture.get_attribute("aria-label") or picture.get_attribute("alt") for picture in pictures.all()]
    assert all(words) and (words or lab.root.locator(".course-picture table").count())


def click_a_unit(lab: LabPage) -> None:
    unit = lab.root.get_by_role("button", name="The unit 0 % down and 83 % across", exact=True)
    unit.focus()
    unit.press("Enter")
    lab.here.set(row=0, column=83)
    lab.agrees("a unit")
    expect(lab.root.locator(".course-chosen")).to_have_count(1)
    expect(unit).to_have_class(re.compile("course-chosen"))
    lab.start_again()


def play(lab: LabPage) -> None:
    lab.page.evaluate(
        """lab => {
            window.steps = [];
            const words = () => lab.querySelector('.course-words');
            new MutationObserver(() => window.steps.push(Number(words().textContent.match(/after (\\d+) steps/)[1])))
                .observe(words().parentElement.parentElement, {childList: true, subtree: true});
        }""",
        lab.root.element_handle(),
    )
    lab.click("Play")
    lab.root.get_by_role("button", name="Stop", exact=True).wait_for()
    lab.root.get_by_role("button", name="Play", exact=True).wait_for()
    lab.agrees("played to the end")
    shown = lab.page.evaluate("window.steps")
    assert list(dict.fromkeys(shown)) == list(range(0, 101, 10))


def time_it(lab: LabPage) -> None:
    lab.click("Time it")
    lab.root.locator(".course-timing").get_by_text(re.compile(r"One image on .* rounds\. [\d.]+ ms")).wait_for()


def drag(lab: LabPage) -> None:
    """Many moves of the mouse, more than can be answered: the last value is what is shown."""
    control = next(each for each in lab.here.controls.values() if isinstance(each, ipywidgets.IntSlider))
    row = lab.root.locator(".widget-hslider").filter(has=lab.page.get_by_text(control.description, exact=True))
    row.scroll_into_view_if_needed()
    track, grip, mouse = (
        row.locator(".noUi-base").bounding_box(),
        row.get_by_role("slider").bounding_box(),
        lab.page.mouse,
    )
    high = grip["y"] + grip["height"] / 2
    mouse.move(grip["x"] + grip["width"] / 2, high)
    mouse.down()
    for step in range(100):
        mouse.move(track["x"] + track["width"] * (0.1 + 0.008 * step), high)
    mouse.up()
    lab.page.wait_for_timeout(100)
    value = int(row.locator(".widget-readout").inner_text())
    assert value > control.value or control.value == control.max
    control.value = value
    lab.agrees("dragged")
    lab.start_again()


ALSO = {"unit": (click_a_unit, drag), "bn": (play,), "factor": (time_it,), "crop": (drag,), "window": (drag,)}


def test_a_mistake_in_a_lab_is_seen(learner):
    learner.run("import ipywidgets")
    lab = learner.output("import ipywidgets").locator(".course-lab")
    slider = lab.get_by_role("slider")
    slider.press("ArrowRight")
    lab.get_by_text("1.0", exact=True).wait_for(state="attached")
    slider.press("ArrowRight")
    trouble = lab.locator(".course-trouble")
    trouble.wait_for(timeout=WAIT)
    assert trouble.inner_text() == "This lab has a mistake. ZeroDivisionError: division by zero."
    assert lab.locator("svg").text_content() == "1.0"
