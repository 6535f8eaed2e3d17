"""The block lab with all of its handles in a real JupyterLab: each is moved once, and what is shown is counted anew here."""

import re

import pytest
import torch
from playwright.sync_api import expect

from labs.block_lab import HEADINGS
from tests.browser.learner import CHROMIUM, WAIT, Learner, browser_page, until
from utils.cost.table import profile
from utils.diagram import draw

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]

CELL = 'block_lab("xception")'
PRESET = "Inception-v3 mixed_7b"  # its branches are reduced and end in forks: most handles have an effect
ELSEWHERE = {  # where the others have one
    "has_narrow": "Inception-ResNet-v2 reduction B", "narrow_reduce": "Inception-ResNet-v2 reduction B",
    "narrow": "Inception-ResNet-v2 reduction B", "three_between_1": "Inception-ResNet-v2 B",
    "five_between_2": "Inception-v4 B", "five_between_3": "Inception-v4 B", "three_form": "Inception-v3 mixed_6b",
    "five_form": "Inception-v3 mixed_6b", "three_window": "Inception-v3 mixed_6b", "five_window": "Inception-v3 mixed_6b",
    "padding": "Inception-v3 mixed_6a", "inside": "Xception middle flow", "relu": "Xception middle flow",
    "groups": "Inception-v3 mixed_6b", "scale": "Inception-ResNet-v2 B", "sum_relu": "Inception-ResNet-v2 B",
    "join": "Inception-ResNet-v2 B", "halving": "Inception-v3 mixed_6b",
}  # fmt: skip


@pytest.fixture
def learner(lab_server):
    address, _ = lab_server
    with browser_page(width=1500, height=1100) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        learner = Learner(page)
        learner.enter(address)
        yield learner


def test_every_handle_of_the_block_lab(learner):
    learner.open("08_xception.ipynb")
    learner.run("progress()")
    learner.run(CELL)
    lab = BlockLabPage(learner)
    assert lab.is_right()
    lab.choose(PRESET)
    lab.root.get_by_role("button", name="Pin as A", exact=True).click()
    expect(lab.root.locator(".course-cost")).to_have_count(2)
    for heading, names in HEADINGS.items():
        lab.open(heading)
        for place, name in enumerate(names):
            lab.choose(ELSEWHERE.get(name, PRESET))
            before = lab.code()
            lab.move(heading, place)
            lab.answers(before)
            assert lab.is_right(), name
    copy_and_paste(learner, lab)
    lab.root.get_by_role("button", name="Time it", exact=True).click()
    lab.root.locator(".course-timing").get_by_text("B against A").wait_for()
    assert learner.tracebacks() == [] and learner.stray() == [] and learner.broken() == []


def copy_and_paste(learner, lab):
    lab.choose("Xception block3")
    lab.open("As Python: copy it, or paste code back")
    lab.root.get_by_role("button", name="Copy as Python").click()
    lab.root.get_by_text("Copied.", exact=True).wait_for()
    copied = learner.page.evaluate("navigator.clipboard.readText()")
    assert copied == lab.code()
    lab.choose(PRESET)
    use = lab.root.get_by_role("button", name="Show this code", exact=True)
    lab.field.fill("AnyBlock(192, three=2 ** 6)")
    use.click()
    lab.root.locator(".course-code-trouble").get_by_text("what is given for three is no plain value").wait_for()
    lab.field.fill(copied)
    use.click()
    expect(lab.root.locator(".course-code-trouble")).to_have_count(0)
    expect(lab.preset).to_have_value("Xception block3")
    assert lab.code() == copied and lab.is_right()


class BlockLabPage:
    """The block lab on the page."""

    def __init__(self, learner: Learner):
        self.page = learner.page
        self.root = learner.output(CELL).locator(".course-lab")
        self.root.wait_for()
        self.preset = self.root.locator("select").first
        self.field = self.root.locator(".course-code textarea")

    def code(self) -> str:
        return self.field.input_value()

    def choose(self, preset: str) -> None:
        if self.preset.input_value() != preset:
            before = self.code()
            self.preset.select_option(preset)
            self.answers(before)

    def answers(self, code: str) -> None:
        """Wait until the lab shows another design than that of this code, and all of it."""
        until(
            self.page,
            "([lab, code]) => lab.querySelector('.course-code textarea').value !== code",
            arg=[self.root.element_handle(), code],
            timeout=WAIT,
        )
        assert self.root.locator(".course-trouble").count() == 0

    def heading(self, heading: str):
        return self.root.locator("button.course-section").filter(has_text=heading)

    def open(self, heading: str) -> None:
        """Open a group with the keyboard, if it is closed."""
        button = self.heading(heading)
        if "mod-active" not in button.get_attribute("class"):
            button.press("Enter")
        expect(button).to_have_class(re.compile("mod-active"))

    def move(self, heading: str, place: int) -> None:
        """Move one handle of an open group, with the keyboard where it is one for it."""
        box = self.heading(heading).locator("xpath=following-sibling::*[1]/*").nth(place)
        if box.locator(".noUi-handle").count():
            box.locator(".noUi-handle").press("ArrowLeft" if "one a channel" in box.inner_text() else "ArrowRight")
        elif box.locator("input[type=checkbox]").count():
            box.locator("input[type=checkbox]").press("Space")
        elif box.locator("select").count():
            menu = box.locator("select")
            count = menu.locator("option").count()
            menu.select_option(index=(menu.evaluate("menu => menu.selectedIndex") + 1) % count)
        else:
            box.locator("button:not(.mod-active)").click()

    def is_right(self) -> bool:
        """Do the numbers and the picture on the page fit the Python that stands there?"""
        space = {}
        with torch.device("meta"):
            exec(self.code().replace("profile(block, ", "shape = ("), space)
        block, shape = space["block"], space["shape"]
        table, drawn = profile(block, shape), draw(block, shape)
        shown = self.root.locator(".course-cost").last
        numbers = tuple(
            int(shown.get_attribute(f"data-{what}")) for what in ("parameters", "macs", "activations", "channels")
        )
        label = self.root.locator(".course-picture svg").last.get_attribute("aria-label")
        assert numbers == (table.parameters, table.macs, table.activations, table.rows[-1].shape[0])
        assert label == f"{drawn.title}. {drawn.alternative}"
        return True
