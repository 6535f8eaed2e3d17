"""The network lab in a real JupyterLab: every handle by hand, the budget's bars, A beside B, code copied and pasted back."""

import nbformat
import pytest

from networks.design import PRESETS, Design
from tests.browser.learner import CHROMIUM, Learner, browser_page
from tests.browser.test_training import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
CELL = "from labs.network_lab import network_lab\nnetwork_lab()"
OTHER = Design(
    stages=(("xception", 2, 24), ("bn_inception", 1, 32)), reductions=("v4",), stem="separable", dropout=0.25
)


@pytest.fixture
def lab(lab_server):
    address, folder = lab_server
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "network_lab.ipynb")
    with browser_page(width=1300, height=1000) as page:
        learner = Learner(page)
        learner.enter(address)
        learner.open("network_lab.ipynb")
        learner.run("from labs.network_lab")
        yield learner.output("from labs.network_lab").locator(".course-lab")


def shown(lab, name="now"):
    found = lab.locator(f'.course-cost[data-design="{name}"]')
    return int(found.get_attribute("data-parameters")), int(found.get_attribute("data-macs"))


def cost(design):
    table = design.table()
    return table.parameters, table.macs


def test_the_network_lab(lab):
    assert shown(lab) == cost(PRESETS["GoogLeNet"])
    assert "within the budget" in lab.locator(".course-words").inner_text()

    # Every handle can be seen, is named and changes something, from the keyboard too.
    for n in range(1, 5):
        lab.locator(".course-section", has_text=f"Stage {n}").click()
    lab.get_by_text("4: scale", exact=True).wait_for()
    seen = set(lab.locator(".widget-label").all_inner_texts())
    expected = {"stem", "stem width", "dropout", *(f"{n} to {n + 1}" for n in (1, 2, 3))}
    assert expected | {f"{n}: {what}" for n in range(1, 5) for what in ("block", "blocks", "width", "scale")} <= seen

    width = lab.locator(".widget-slider", has_text="3: width").get_by_role("slider")
    width.focus()
    width.press("ArrowRight")
    bar = lab.locator('.course-budget[data-what="parameters"]')
    wait_until(lambda: bar.get_attribute("data-over") == "true", "the bar does not turn")
    assert "over by 1,174" in bar.inner_text() and "over the budget" in lab.locator(".course-words").inner_text()

    lab.get_by_role("button", name="Pin as A").click()
    lab.locator('.course-cost[data-design="A"]').wait_for()
    lab.get_by_label("Preset").select_option("Xception")
    wait_until(lambda: shown(lab, "B") == cost(PRESETS["Xception"]), "B is not the preset")
    assert lab.locator(".course-picture svg").count() == 2
    assert "B against A" in lab.locator(".course-words").inner_text()

    lab.locator(".course-section", has_text="As Python").click()
    code = lab.locator(".course-code textarea")
    assert code.input_value() == PRESETS["Xception"].code
    code.fill(OTHER.code)
    lab.get_by_role("button", name="Show this code").click()
    wait_until(lambda: shown(lab, "B") == cost(OTHER), "the pasted design is not shown")
    code.fill("import os")
    lab.get_by_role("button", name="Show this code").click()
    lab.locator(".course-code-trouble").wait_for()
    assert shown(lab, "B") == cost(OTHER)

    lab.locator(".course-section", has_text="Race").click()
    lab.locator("button.mod-primary", has_text="Race").wait_for()
    lab.get_by_role("button", name="Start again").click()
    wait_until(lambda: lab.locator('.course-cost[data-design="now"]').count() == 1, "A is still pinned")
    assert shown(lab) == cost(PRESETS["GoogLeNet"])
