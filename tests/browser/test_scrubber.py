"""Scrubbing through a training, on a page without a kernel: one slider moves all, by mouse and by keyboard, in a frame."""

import pytest

from labs.scrubber import scrubber
from tests.browser.learner import CHROMIUM
from tests.browser.static import CONTRAST, SMALLEST, one_browser, static_page  # noqa: F401
from tests.labs.test_scrubber import watched

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.usefixtures("one_browser"),
]
# What each picture shows: where its points and bars stand, its pixels, its numbers.
SHOWN = """() => {
  const all = query => [...document.querySelectorAll(query)];
  return {
    curves: all('.scrub-plot .scrub-dot').map(each => each.style.left + each.style.top).join(),
    bars: all('.scrub-bars').map(each => each.getAttribute('d')).join(),
    sizes: all('.scrub-track .scrub-dot').map(each => each.style.left).join(),
    numbers: all('.scrub-table .scrub-value').map(each => each.textContent).join(),
    clouds: all('.scrub-points').map(each => each.getAttribute('d')).join(),
    filters: all('canvas').map(each => each.toDataURL()).join(),
    words: document.querySelector('.scrub-words').textContent,
    slider: document.querySelector('input').value,
  };
}"""
# Every kept step, one a frame.
THROUGH = """async () => {
  const slider = document.querySelector('input');
  for (let at = Number(slider.max); at >= 0; at--) {
    slider.value = at;
    slider.dispatchEvent(new Event('input'));
    await new Promise(requestAnimationFrame);
  }
}"""


@pytest.fixture(scope="module")
def kept():
    return watched()


def number(value):
    """As the page writes it, for numbers above 0 and below 100."""
    if value >= 0.001:
        return f"{value:.3g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}·10⁻{'⁰¹²³⁴⁵⁶⁷⁸⁹'[-int(power)]}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_slider_moves_every_picture(tmp_path, kept, scheme):
    with static_page(tmp_path, scrubber(kept).live_html(), scheme=scheme, width=1280, still=True) as page:
        (run,) = scrubber(kept).data["runs"]
        last = len(run["steps"]) - 1
        slider, words = page.get_by_role("slider"), page.locator(".scrub-words")

        def says(at):
            layers = run["layers"]
            assert words.inner_text() == (
                f"Step {run['steps'][at]} of 24, epoch {run['steps'][at] / 4:g}. "
                f"Accuracy {100 * run['accuracy'][at]:.3g} %, loss {number(run['loss'][at])}, "
                f"spread {number(run['spread'][at])}; size {number(layers[0]['size'][at])} (conv) to "
                f"{number(layers[-1]['size'][at])} (logits)."
            )
            assert slider.get_attribute("aria-valuetext") == words.inner_text()
            cells = page.locator("tbody tr").nth(1).locator(".scrub-value").all_inner_texts()
            assert cells[:2] == [number(layers[1][key][at]) for key in ("size", "gradient")]

        says(last)
        before = page.evaluate(SHOWN)
        slider.focus()
        page.keyboard.press("Home")
        says(0)
        assert page.locator(".touch-heard").inner_text() == words.inner_text()
        after = page.evaluate(SHOWN)
        assert [name for name in before if before[name] == after[name]] == []

        # By the mouse, on a curve: the line comes to where it points, and follows it.
        room = page.locator(".scrub-plot").first.bounding_box()
        for at in (3, 6):
            page.mouse.move(room["x"] + 8 + (room["width"] - 16) * at / last, room["y"] + 30)
            page.mouse.down()
            says(at)
        page.mouse.up()
        page.get_by_role("button", name="one kept step forward").click()
        says(7)
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("document.querySelector('.touch input').value >= 8")
        page.get_by_role("button", name="Stop").click()

        assert page.evaluate(SMALLEST) >= 10
        ratio, text = page.evaluate(CONTRAST)
        assert ratio >= 4.5, text


def test_a_move_takes_less_than_a_frame(tmp_path, kept):
    """Script, layout and painting, in the page's own time on a processor: others are at work on this machine."""
    both = scrubber({"a": kept, "b": kept})
    with static_page(tmp_path, both.live_html(), still=True) as page:
        browser = page.context.new_cdp_session(page)
        browser.send("Performance.enable", {"timeDomain": "threadTicks"})

        def busy():
            metrics = browser.send("Performance.getMetrics")["metrics"]
            return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

        page.evaluate(THROUGH)
        before = busy()
        page.evaluate(THROUGH)
        assert 0 < (busy() - before) / len(both.data["steps"]) < 0.016


@pytest.mark.parametrize("width", [500, 900, 1600])
def test_nothing_hangs_over_the_edge_of_its_box(tmp_path, kept, width):
    """In a notebook the box is all the room there is, and what hangs over is scrolled."""
    both = scrubber({"whole": kept, "stopped": watched(seed=1, stop=10)})
    both.data["steps"] = [100 * step for step in both.data["steps"]]  # so that the last one's number is wide
    with static_page(tmp_path, both.live_html(), width=width) as page:
        assert page.locator(".touch").evaluate("box => box.scrollWidth <= box.clientWidth")


@pytest.mark.parametrize("width", [900, 1600])
def test_two_trainings_fit_the_page(tmp_path, kept, width):
    both = scrubber({"whole": kept, "stopped": watched(seed=1, stop=10)})
    with static_page(tmp_path, both.live_html(), width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        words = page.locator(".scrub-words").inner_text()
        assert "stopped (kept up to step 9): accuracy" in words and "whole: accuracy" in words
        assert page.locator("canvas").count() == 12 and page.locator(".scrub-cloud").count() == 2
