"""The window that slides, on a page without a kernel: its numbers against torch's, mouse, keyboard, light and dark."""

from dataclasses import replace

import nbformat
import pytest

from labs.window import data, results, sliding_window
from tests.browser.learner import CHROMIUM, Learner, browser_page
from tests.browser.static import CONTRAST, SMALLEST, one_browser, static_page  # noqa: F401
from tests.labs.test_window import SETTINGS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.usefixtures("one_browser"),
]
COMPUTED = """async ([data, settings]) => {
  const code = document.querySelector('script[data-front]').textContent;
  const {compute} = await import(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
  return settings.map(state => {
    const {grids, passes} = compute(data, state);
    return passes.map(pass => grids[pass.target].values);
  });
}"""


def test_the_front_end_computes_what_torch_computes(tmp_path):
    with static_page(tmp_path, sliding_window().live_html()) as page:
        computed = page.evaluate(COMPUTED, [data(), SETTINGS])
    for state, grids in zip(SETTINGS, computed, strict=True):
        expected = results(state)
        assert len(grids) == len(expected)
        for ours, theirs in zip(grids, expected, strict=True):
            assert [len(ours), len(ours[0])] == list(theirs.shape), state
            assert all(
                value == pytest.approx(other, abs=1e-12)
                for row, line in zip(ours, theirs.tolist(), strict=True)
                for value, other in zip(row, line, strict=True)
            ), state


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_by_mouse_and_by_keyboard(tmp_path, scheme):
    two = sliding_window().live_html() + sliding_window("separable").live_html(with_code=False)
    with static_page(tmp_path, two, scheme=scheme, still=True) as page:
        lab = page.locator(".touch").first
        words, slider = lab.locator(".window-words"), lab.get_by_role("slider")
        assert page.locator(".touch").count() == 2 and page.locator(".touch-still").count() == 0

        # Every place of the result, pointed at: the sum is torch's.
        (expected,) = results({"mode": "convolution", "kernel": 3, "stride": 1, "padding": 1})
        cells = lab.locator(".window-one:not(.window-padding)")
        for place in (0, 9, 36, 63):
            cells.nth(64 + place).hover()
            value = f"{expected.flatten()[place]:g}".replace("-", "−")
            assert lab.locator("output").inner_text() == value
            assert f"row {place // 8 + 1}, column {place % 8 + 1}: 9 products, sum {value}" in words.inner_text()
            assert slider.input_value() == str(place)
        cells.nth(0).hover()  # a corner of the input
        assert words.inner_text() == "This cell is read from 4 places: the framed ones."
        assert lab.locator(".window-reader").count() == 4

        # From the keyboard alone.
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "k × k"
        page.keyboard.press("ArrowLeft")
        assert lab.get_by_role("radio", name="average pool").get_attribute("aria-checked") == "true"
        page.keyboard.press("ArrowRight")
        stage = lab.locator(".window-stage")
        stage.focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert "row 2, column 2" in words.inner_text() and "row 2, column 2" in lab.locator(".touch-heard").inner_text()
        page.keyboard.press("End")
        assert slider.input_value() == "63" and lab.get_by_role("button", name="one cell forward").is_disabled()
        assert "row 8, column 8" in slider.get_attribute("aria-valuetext")
        page.keyboard.press("Home")
        page.keyboard.press("Space")
        page.wait_for_function("document.querySelector('.touch input').value >= 2")
        page.keyboard.press("Space")
        here = slider.input_value()
        page.wait_for_timeout(600)
        assert slider.input_value() == here

        for mode in ("1 × k, then k × 1", "depthwise, then pointwise", "max pool", "k × k"):
            lab.get_by_role("radio", name=mode, exact=True).click()
            assert page.evaluate(SMALLEST) >= 10
            ratio, text = page.evaluate(CONTRAST)
            assert ratio >= 4.5, text


def test_what_is_never_read_is_said(tmp_path):
    with static_page(tmp_path, sliding_window("max", kernel=3, stride=3, padding=0).live_html()) as page:
        assert page.locator(".window-never").count() == 8 + 8 - 1 + 13
        page.locator(".window-never").first.hover()
        assert page.locator(".window-words").inner_text() == "This cell is never read."


COSTS = {
    "convolution": ("9 {} a cell, 8×8 cells: 576 {}.", "18 {} a cell, 8×8 cells: 1,152 {}."),
    "factorised": ("3 {} a cell in each pass: 384 in all. One 3×3 window takes 9 a cell, 576 in all.",
                   "6 {} a cell in each pass: 768 in all. One 3×3 window takes 18 a cell, 1,152 in all."),
    "separable": ("Depthwise 27 and pointwise 6 {} a place: 825 in all. Full 3×3 windows over all channels take 54 a place, 1,350 in all.",
                  "Depthwise 54 and pointwise 12 {} a place: 1,650 in all. Full 3×3 windows over all channels take 108 a place, 2,700 in all."),
}  # fmt: skip


@pytest.mark.parametrize("mode", COSTS)
def test_what_it_costs_in_either_unit(tmp_path, mode):
    piece = sliding_window(mode)
    for words, (unit, each) in zip(COSTS[mode], (("multiply-adds", 1), ("FLOPs", 2)), strict=True):
        shown = replace(piece, data=piece.data | {"unit": {"words": unit, "each": each}})
        with static_page(tmp_path, shown.live_html()) as page:
            assert page.locator(".window-cost").inner_text().startswith(words.replace("{}", unit))


def test_it_fits_a_narrow_page(tmp_path):
    with static_page(tmp_path, sliding_window().live_html(), width=700) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


CELLS = (
    "from labs.window import sliding_window\npiece = sliding_window()\npiece",
    "from labs.network_map import network_map\nnetwork_map('googlenet')",
    "from labs.family_map import family_map\nfamily_map()",
    "assert piece.widget.state['at'] == 9, piece.widget.state",
)


def test_in_a_notebook_the_hand_reaches_the_kernel(lab_server):
    address, folder = lab_server
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "touch.ipynb")
    with browser_page(width=1300, height=1000) as page:
        learner = Learner(page)
        learner.enter(address)
        learner.open("touch.ipynb")
        for cell in CELLS[:3]:
            learner.run(cell.splitlines()[0])
        lab = learner.output("from labs.window").locator(".touch.window")
        lab.locator(".window-one:not(.window-padding)").nth(64 + 9).hover()
        assert "row 2, column 2" in lab.locator(".window-words").inner_text()
        # A slider is moved by the browser itself, unless JupyterLab takes the arrow: it would go to another heading.
        lab = learner.output("from labs.window").locator(".touch.window")
        slider = lab.locator("input[type=range]")
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert "row 2, column 3" in lab.locator(".window-words").inner_text()
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(500)
        learner.run("assert piece")
        module = learner.output("from labs.network_map").locator(".touch.map")
        module.locator('[data-id="inception_3a"]').click()
        module.locator('[data-id="inception_3a.three"]').wait_for()
        # JupyterLab's own shortcuts keep away: Enter would edit the cell, arrows would choose another, "0 0" ends the kernel.
        module.locator('[data-id="inception_3b"]').focus()
        for key in ("ArrowRight", "ArrowLeft", "Enter", "0", "0"):
            page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.id") == "inception_3b"
        assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
        assert learner.tracebacks() == [] and learner.broken() == []
        # A network of the family opens its lesson beside this notebook, which stays open.
        learner.output("from labs.family_map").locator('[data-name="googlenet"]').focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget?.context?.path.endsWith('/02_googlenet.ipynb')"
        )
        tabs = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tabLabel").all_inner_texts()
        assert {"touch.ipynb", "02_googlenet.ipynb"} <= set(tabs)
        learner.leave()
