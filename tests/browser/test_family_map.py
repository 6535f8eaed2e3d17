"""The map of the family, on a page without a kernel: pointing, walking, opening, and that nothing lies on anything else."""

import pytest

from labs.family_map import family_map
from networks.catalog import names
from tests.browser.learner import CHROMIUM
from tests.browser.reading import faults, readings
from tests.browser.static import one_browser, static_page  # noqa: F401
from utils.page.html import Html, tag

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.usefixtures("one_browser"),
]
# What lies on what in a picture: words on words, and words on circles and lines (the points of their outlines, every two pixels).
CROSSED = """svg => {
  const boxes = [...svg.querySelectorAll('text')].map(each => [each.textContent, each.getBoundingClientRect()]), found = [];
  const within = (box, x, y) => x > box.left && x < box.right && y > box.top && y < box.bottom;
  boxes.forEach(([words, box], at) => {
    for (const [others, other] of boxes.slice(at + 1)) {
      if (box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom) found.push([words, others]);
    }
    const frame = svg.getBoundingClientRect();
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) found.push([words, 'the edge']);
  });
  for (const line of svg.querySelectorAll('path, polygon, polyline, circle')) {
    const matrix = line.getScreenCTM(), length = line.getTotalLength();
    for (let at = 0; at <= length; at += 2) {
      const point = line.getPointAtLength(at).matrixTransform(matrix);
      for (const [words, box] of boxes) if (within(box, point.x, point.y)) found.push([words, line.outerHTML.slice(0, 60)]);
    }
  }
  return found.slice(0, 5);
}"""
# In the middle of each column or row, every few pixels: the network that a pointer is on there.
UNDER = """svg => [...svg.querySelectorAll('.family-one')].map(one => {
  const {left, top, width, height} = one.querySelector('.family-hit').getBoundingClientRect(), isUpright = height > width, found = new Set();
  for (let at = 3; at < Math.max(width, height) - 3; at += 5) {
    const [x, y] = isUpright ? [left + 4, top + at] : [left + at, top + 4];
    found.add(document.elementFromPoint(x, y)?.closest('.family-one')?.dataset.name);
  }
  return [one.dataset.name, [...found]];
})"""
FOCUSED = "document.activeElement.dataset.name"


@pytest.fixture(scope="module")
def piece():
    return family_map(progress=True)


def test_pointing_walking_and_opening(tmp_path, piece):
    with static_page(tmp_path, piece.live_html(), scheme="dark", still=True) as page:
        told = page.locator(".family-told")
        for each in piece.data["networks"]:
            page.locator(f'[data-name="{each["name"]}"] .family-mark').hover()
            said = told.inner_text()
            assert all(
                words in said for words in (each["title"], each["when"], each["lesson"], *each["facts"].values())
            )
            assert page.get_by_role("link", name=each["words"], exact=True).get_attribute("href") == each["href"]
        # The line of descent of the last one that is pointed at.
        page.locator('[data-name="inception_resnet_v1"] .family-mark').hover()
        assert page.locator(".family-line").count() == 4

        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) == "inception_resnet_v1"  # one stop for the whole map
        for key, name in (("ArrowRight", "inception_resnet_v2"), ("Home", names()[0]), ("ArrowUp", names()[0]),
                          ("ArrowDown", names()[1]), ("End", names()[-1]), ("ArrowLeft", names()[-2])):  # fmt: skip
            page.keyboard.press(key)
            assert page.evaluate(FOCUSED) == name
        assert "Xception-65" in told.inner_text()

        page.evaluate("""() => { window.opened = []; addEventListener('click', event => {
          event.preventDefault(); opened.push(event.target.closest('a').getAttribute('href')); }); }""")
        page.keyboard.press("Enter")
        page.locator('[data-name="inception_v4"] .family-mark').click()
        assert page.evaluate("opened") == ["08_xception.ipynb", "06_inception_v4.ipynb"]
        # A finger points with its first touch.
        for _ in range(2):
            page.dispatch_event('[data-name="googlenet"]', "pointerdown", {"pointerType": "touch"})
            page.dispatch_event('[data-name="googlenet"]', "click")
            assert "GoogLeNet" in told.inner_text()
        assert page.evaluate("opened")[2:] == ["02_googlenet.ipynb"]
        assert faults(page, ".touch") == []


@pytest.mark.parametrize(("width", "form"), [(1280, "wide"), (600, "tall")])
def test_between_its_mark_and_its_words_a_network_is_pointed_at_as_well(tmp_path, piece, width, form):
    with static_page(tmp_path, piece.live_html(), width=width, still=True) as page:
        page.set_viewport_size({"width": width, "height": 1200})
        picture = page.locator(f"svg.family-{form}")
        picture.wait_for()
        assert picture.evaluate(UNDER) == [[each["name"], [each["name"]]] for each in piece.data["networks"]]


def test_nothing_lies_on_words_and_they_can_be_read(tmp_path, piece):
    """In every width, light and dark, and in the still."""
    with static_page(tmp_path, piece.live_html(), tag("div", Html(piece.still())), width=1600, still=True) as page:
        assert page.locator("body > div:last-child > svg").evaluate(CROSSED) == []
        for width, form in ((1600, "wide"), (1280, "wide"), (900, "wide"), (800, "wide"), (700, "tall"), (390, "tall")):
            page.set_viewport_size({"width": width, "height": 900})
            picture = page.locator(f"svg.family-{form}")
            picture.wait_for()
            assert picture.evaluate(CROSSED) == [], width
            assert picture.evaluate("each => each.getBoundingClientRect().right <= innerWidth"), width
        for scheme, width in (("light", 390), ("dark", 390), ("dark", 800), ("light", 800)):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.locator("svg.family-wide" if width > 780 else "svg.family-tall").wait_for()
            read = readings(page, ".touch")
            assert read[0][0] >= 4.5, (scheme, width, read[0])
            assert min(size for _, size, _ in read) >= 10, (scheme, width)
