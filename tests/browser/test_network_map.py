"""The map of a network, on a page without a kernel: pointing, opening, finding, zooming, dragging; by mouse and by keyboard."""

import re
import statistics

import pytest

from labs.network_map import network_map
from networks import create
from tests.browser.learner import CHROMIUM
from tests.browser.static import CONTRAST, SMALLEST, one_browser, static_page  # noqa: F401
from tests.browser.test_photo_maps import LIVE
from utils.cost import profile
from utils.show.touch import code_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.usefixtures("one_browser"),
]
OPEN_ALL = """() => { for (let level = 0; level < 6; level++) {
  for (const group of document.querySelectorAll('.map-opens[aria-expanded=false]')) {
    group.focus();
    group.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));
  }
} }"""
RECORD = """() => { window.frames_ = []; let last = performance.now();
  const tick = () => { const now = performance.now(); frames_.push(now - last); last = now; window.ticking = requestAnimationFrame(tick); };
  window.ticking = requestAnimationFrame(tick);
}"""
FRAMES = "() => { cancelAnimationFrame(ticking); return frames_.slice(2); }"


def block(page, name):
    return page.locator(f'.map-world [role=treeitem][data-id="{name}"]')


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pointing_opening_and_finding(tmp_path, scheme):
    table = profile(create("googlenet"), (3, 224, 224))
    with static_page(tmp_path, network_map("googlenet").live_html(), scheme=scheme, still=True) as page:
        facts, code = page.locator(".map-facts"), page.locator(".map-code")
        stages = page.get_by_role("treeitem")
        assert stages.count() == len(network_map("googlenet").data["networks"][0]["series"])

        # Every stage shows its own row of the cost table.
        for stage in ("conv2", "inception_3a", "inception_5b", "classifier"):
            block(page, stage).hover()
            facts.get_by_role("heading", name=stage, exact=True).wait_for()
            cost = table.by_stage()[stage]
            assert f"{cost.macs:,}" in facts.inner_text() and f"{cost.parameters:,}" in facts.inner_text()
            assert f"{100 * cost.macs / table.macs:.1f} %" in facts.inner_text()
            assert block(page, stage).get_attribute("class").endswith("map-pointed")

        # A whole module marks the lines that make and call it, and shows its class below them.
        block(page, "inception_4e").hover()
        facts.get_by_role("heading", name="inception_4e").wait_for()
        marked = code.locator("mark").all_inner_texts()
        assert [line.split("(")[0].strip() for line in marked] == ["self.add_module", "x = self.inception_4e"]
        assert "def forward" in code.locator("pre").last.inner_text()
        block(page, "norm2").hover()
        facts.get_by_role("heading", name="norm2").wait_for()
        assert "local response normalisation (LRN)" in facts.inner_text() and "scale" not in facts.inner_text()
        assert "norm2, local response normalisation (LRN), 192×56×56" in block(page, "norm2").get_attribute(
            "aria-label"
        )
        assert page.get_by_role("radio", name="measured time").count() == 0  # nobody would answer

        # A click opens a module into its branches, and a branch into its layers; its lines of the source are marked.
        block(page, "inception_3a").click()
        assert page.get_by_role("treeitem").count() == stages.count()
        block(page, "inception_3a.five").hover()
        facts.get_by_role("heading", name="inception_3a.five").wait_for()
        assert "self.five = nn.Sequential(" in code.locator("mark").first.inner_text()
        block(page, "inception_3a.five").click()
        block(page, "inception_3a.five.1").hover()
        five = next(row for row in table.rows if row.name == "inception_3a.five.1.conv")
        facts.get_by_role("heading", name="inception_3a.five.1").wait_for()
        assert f"{five.macs:,}" in facts.inner_text() and "5×5 conv" in facts.inner_text()

        # Colour by another measure.
        page.get_by_role("radio", name="parameters").click()
        assert "of the parameters" in page.locator(".map-legend").inner_text()
        most = max(table.by_stage().values(), key=lambda cost: cost.parameters)
        assert f"{100 * most.parameters / table.parameters:.1f} %" in page.locator(".map-legend").inner_text()

        assert page.evaluate(SMALLEST) >= 10
        ratio, text = page.evaluate(CONTRAST)
        assert ratio >= 4.5, text

        # Found by its name, inside of what was closed.
        search = page.get_by_role("searchbox")
        search.fill("4d.three")
        assert page.locator(".map-count").inner_text().startswith("3 found")
        block(page, "conv1").hover()  # where the mouse is left
        facts.get_by_role("heading", name="conv1").wait_for()
        search.press("Enter")
        assert block(page, "inception_4d.three").is_visible()
        facts.get_by_role("heading", name="inception_4d.three", exact=True).wait_for()
        found = []
        for typed in ("3×3", "3x3", "3*3"):
            search.fill(typed)
            found.append(page.locator(".map-count").inner_text())
        assert len(set(found)) == 1 and "found" in found[0], found
        search.fill("nothing like it")
        assert page.locator(".map-count").inner_text() == "none is called so"


def test_from_the_keyboard_alone(tmp_path):
    with static_page(tmp_path, network_map("inception_v3", "inception_v4").live_html(), still=True) as page:
        here = "document.activeElement.dataset.id"
        page.locator(".map-count").evaluate("each => each.previousElementSibling.focus()")
        page.keyboard.press("Tab")
        assert page.evaluate(here) == "2:stem"  # the dearest
        label = "document.activeElement.getAttribute('aria-label')"
        assert "384×35×35" in page.evaluate(label) and "of its network's multiply-adds" in page.evaluate(label)
        page.keyboard.press("ArrowRight")
        assert page.evaluate(here) == "2:inception_a_0"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
        assert "open: " in page.locator(".touch-heard").inner_text()
        page.keyboard.press("ArrowRight")
        first = page.evaluate(here)
        assert first.startswith("2:inception_a_0.")
        page.keyboard.press("ArrowDown")
        assert page.evaluate(here).startswith("2:inception_a_0.") and page.evaluate(here) != first
        page.keyboard.press("Escape")
        assert page.evaluate(here) == "2:inception_a_0"
        assert page.locator(".map-facts h3").inner_text() == "inception_a_0", "what is said is of what is left"
        assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "false"
        page.keyboard.press("ArrowUp")
        assert page.evaluate(here).startswith("1:")
        page.keyboard.press("End")
        assert page.evaluate(here) == "2:classifier"
        page.keyboard.press("Home")
        for _ in range(8):
            page.keyboard.press("+")
        moved = "document.querySelector('.map-world').style.transform"
        before = page.evaluate(moved)
        page.keyboard.press("Shift+ArrowRight")
        assert page.evaluate(moved) != before
        page.keyboard.press("0")
        assert page.evaluate(moved) == "translate(0px, 0px)"
        # All that can be reached shows that it is.
        assert (
            page.evaluate("getComputedStyle(document.activeElement.querySelector('.map-block')).strokeWidth") == "3px"
        )


@pytest.mark.parametrize("stage", ["conv1", "inception_4c", "classifier"])
def test_zooming_with_the_keys_keeps_the_chosen_block_in_sight(tmp_path, stage):
    with static_page(tmp_path, network_map("googlenet").live_html(), still=True) as page:
        page.locator(f'[data-id$="{stage}"]').first.focus()
        sight = """() => {
            const block = document.activeElement.querySelector('.map-block').getBoundingClientRect();
            const map = document.querySelector('.map-surface').getBoundingClientRect();
            return [document.activeElement.dataset.id, block.left >= map.left - 1 && block.right <= map.right + 1];
        }"""
        for key in [*"+++++++++", *"---", *"++++++", *"-----------------"]:
            page.keyboard.press(key)
            if key == "+":  # zoomed in so far that one block fills the map, its middle is seen
                where, is_whole = page.evaluate(sight)
                wide = page.evaluate("document.activeElement.querySelector('.map-block').getBoundingClientRect().width")
                assert where == stage and (is_whole or wide > 900), (key, where)
            else:
                assert page.evaluate(sight) == [stage, True], key


def test_the_keys_are_followed_where_the_mouse_was_left(tmp_path):
    with static_page(tmp_path, network_map("googlenet").live_html(), still=True) as page:
        said = page.locator(".map-facts h3")
        page.locator('[data-id$="conv2"]').first.hover()
        said.get_by_text("conv2").wait_for()
        page.locator('[data-id$="inception_4d"]').first.focus()
        page.keyboard.press("ArrowRight")
        said.get_by_text("inception_4e").wait_for()
        page.keyboard.press("Enter")  # the blocks move, the mouse does not
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(500)
        assert said.inner_text() == "inception_4e.pointwise"
        page.locator('[data-id$="inception_3a"]').first.hover()
        said.get_by_text("inception_3a").wait_for()


@pytest.mark.parametrize("module", ["inception_3b", "inception_4d"])
def test_down_goes_from_branch_to_branch(tmp_path, module):
    with static_page(tmp_path, network_map("googlenet").live_html(), still=True) as page:
        page.locator(f'[data-id$="{module}"]').first.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
        seen = [page.evaluate("document.activeElement.dataset.id")]
        for _ in range(3):
            page.keyboard.press("ArrowDown")
            seen.append(page.evaluate("document.activeElement.dataset.id"))
        assert [each.split(".")[1] for each in seen] == ["pointwise", "three", "five", "pool"], seen


WORDS = """() => [...document.querySelectorAll('.map-label')].filter(each => each.textContent).map(each => {
  const {left, right, top, bottom} = each.getBoundingClientRect();
  return {words: each.textContent, level: Number(each.closest('g').getAttribute('aria-level')), left, right, top: top + 2, bottom: bottom - 2};
})"""


def apart(words):
    """No two words lie over each other."""
    for number, one in enumerate(words):
        for other in words[:number]:
            is_aside = one["right"] <= other["left"] + 0.5 or other["right"] <= one["left"] + 0.5
            assert is_aside or one["bottom"] <= other["top"] or other["bottom"] <= one["top"], (one, other)


@pytest.mark.parametrize("width", [1280, 900])
@pytest.mark.parametrize(
    "networks", [("googlenet",), ("vgg_16", "googlenet"), ("inception_v3", "inception_v4"), ("resnet_50",)]
)
def test_names_stand_at_their_blocks_and_apart(tmp_path, networks, width):
    with static_page(tmp_path, network_map(*networks).live_html(), width=width, still=True) as page:
        page.locator(".map-block").first.wait_for()
        words = page.evaluate(WORDS)
        apart(words)
        if networks == ("googlenet",) and width == 1280:
            stem = {"conv1", "pool1", "norm1", "conv2_reduce", "conv2", "norm2", "pool2"}
            assert stem <= {each["words"] for each in words}
        assert page.evaluate(SMALLEST) >= 10
        # What has no room for its name says it where it is pointed at, and where the keyboard stands.
        nameless = page.evaluate(
            "[...document.querySelectorAll('.map-world [role=treeitem]')].filter(each => !each.querySelector('text').textContent)"
            ".map(each => each.dataset.id)"
        )
        for name in nameless[:3]:
            page.locator(f'[data-id="{name}"]').first.focus()
            assert page.locator(".map-over").text_content() == name.rpartition(":")[2]


@pytest.mark.parametrize(("networks", "width"), [(("inception_v3", "inception_v4"), 1280), (("googlenet",), 900)])
def test_all_shows_all_of_it(tmp_path, networks, width):
    inside = (
        "() => { const {left, right} = document.querySelector('.map-surface').getBoundingClientRect();"
        " return [...document.querySelectorAll('.map-block, .map-frame')].filter(each => each.closest('.map-world')).filter(each => {"
        " const box = each.getBoundingClientRect(); return box.left < left - 1 || box.right > right + 1; }).length; }"
    )
    with static_page(tmp_path, network_map(*networks).live_html(), width=width, still=True) as page:
        page.locator(".map-opens").first.wait_for()
        page.evaluate(OPEN_ALL)
        assert page.evaluate(inside) > 0  # names are legible, and not all of it is in view
        page.get_by_role("button", name="show all of it").click()
        assert page.evaluate(inside) == 0
        assert page.locator(".map-strip").evaluate("each => each.style.visibility") == "hidden"
        words = page.evaluate(WORDS)
        apart(words)
        assert page.evaluate(SMALLEST) >= 10
        page.get_by_role("button", name="zoom in").click()
        page.locator(".map-surface [role=treeitem]").last.focus()
        page.keyboard.press("0")
        assert page.evaluate(inside) == 0
        page.set_viewport_size({"width": width - 150, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate(inside) == 0
        page.locator(".map-opens").first.focus()
        page.keyboard.press("Enter")  # where something is closed or opened, names are legible again
        assert page.evaluate(inside) > 0


def test_two_networks_say_whose_share_a_colour_is(tmp_path):
    with static_page(tmp_path, network_map("vgg_16", "googlenet").live_html(), still=True) as page:
        assert "of each network's own multiply-adds" in page.locator(".map-legend").inner_text()
        assert "of its network's multiply-adds" in block(page, "2:conv2").get_attribute("aria-label")
    with static_page(tmp_path, network_map("googlenet").live_html(), still=True) as page:
        assert "of the multiply-adds" in page.locator(".map-legend").inner_text()


def test_the_time_is_measured_where_it_is_asked_for(tmp_path):
    """The front end beside a kernel, and one that cannot measure."""
    net = create("googlenet", size="mini", num_classes=10)
    piece, asked = network_map(net, image_shape=(3, 32, 32)), []
    answers = [lambda: {"refused": "It cannot be timed."}, lambda: piece.answer({}), lambda: piece.answer({})]

    def kernel(message):
        asked.append(message)
        return answers[len(asked) - 1]()

    with static_page(tmp_path, still=True) as page:
        page.expose_function("kernel", kernel)
        page.evaluate(LIVE, [code_of(piece.front), {"data": piece.data, "state": piece.state}])
        chosen, status = page.get_by_role("radio", checked=True), page.locator(".map-legend [role=status]")
        time = page.get_by_role("radio", name="measured time")
        time.click()
        status.get_by_text("It cannot be timed.").wait_for()
        assert chosen.inner_text() == "multiply-adds"
        time.click()
        status.get_by_text("One image on a CPU with 1 thread").wait_for()
        assert (
            chosen.inner_text() == "measured time"
            and "of the measured time" in page.locator(".map-legend").inner_text()
        )
        shares = [
            float(re.search(r"([\d.]+) % of the measured time", each.get_attribute("aria-label"))[1])
            for each in page.get_by_role("treeitem").all()
        ]
        assert sum(shares) == pytest.approx(100, abs=2)
        assert re.search(r"measured time\s+[\d.]+ ms", page.locator(".map-facts").inner_text())
        assert re.search(r"GoogLeNet  [\d.]+ m?s · ", page.locator(".map-title").text_content())
        page.get_by_role("button", name="measure again").click()
        status.get_by_text("One image").wait_for()
        assert [message["measure"] for message in asked] == ["time"] * 3
        page.get_by_role("radio", name="parameters").click()
        assert "of the parameters" in page.locator(".map-legend").inner_text() and status.inner_text() == ""


def test_a_page_with_times_offers_them(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PAGE", "1")
    net = create("googlenet", size="mini", num_classes=10)
    with static_page(tmp_path, network_map(net, image_shape=(3, 32, 32)).live_html(), still=True) as page:
        page.get_by_role("radio", name="measured time").click()
        assert "of the measured time" in page.locator(".map-legend").inner_text()
        assert page.get_by_role("button", name="measure again").count() == 0


def test_it_fits_a_narrow_page(tmp_path):
    with static_page(tmp_path, network_map("inception_resnet_v2").live_html(), width=700) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.querySelector('.map-strip').style.visibility") == "hidden"


@pytest.mark.parametrize("width", [480, 340])
def test_the_totals_are_whole_on_a_narrow_page(tmp_path, width):
    made = network_map("inception_v3", "inception_resnet_v2")
    with static_page(tmp_path, made.live_html(), width=width, still=True) as page:
        page.locator(".map-title").first.wait_for()
        ends, words = page.evaluate(
            "() => { const all = [...document.querySelectorAll('.map-title')]; return [all.map(each => each.getBoundingClientRect().right),"
            " all.map(each => each.textContent)]; }"
        )
        edge = page.locator(".map-surface").bounding_box()
        assert max(ends) <= edge["x"] + edge["width"] and all("activations" in each for each in words)
        title, names = page.locator(".map-title").first, page.locator(".map-label").all()
        lowest = title.bounding_box()["y"] + title.bounding_box()["height"]
        assert min(each.bounding_box()["y"] for each in names if each.text_content()) >= lowest - 1


def test_two_pieces_on_one_page_are_apart(tmp_path):
    pieces = network_map("googlenet"), network_map("googlenet")
    with static_page(tmp_path, pieces[0].live_html(), pieces[1].live_html(with_code=False), still=True) as page:
        assert page.locator(".touch").count() == 2 and page.locator(".touch-still").count() == 0
        first, second = page.locator(".touch").nth(0), page.locator(".touch").nth(1)
        first.locator('[data-id="inception_3a"]').click()
        assert first.locator('[data-id="inception_3a.three"]').count() == 1
        assert second.locator('[data-id="inception_3a.three"]').count() == 0
        assert page.evaluate("[...document.querySelectorAll('[id]')].length") == 0


def test_dragging_shows_sixty_pictures_a_second(tmp_path):
    """The worst network, with every module open and five times as wide as the page, in the best of three drags."""
    with static_page(tmp_path, network_map("xception_71").live_html(), width=1200) as page:
        page.locator(".map-opens").first.wait_for()
        page.evaluate(OPEN_ALL)
        assert page.locator(".map-opens[aria-expanded=false]").count() == 0
        for _ in range(4):
            page.get_by_role("button", name="zoom in").click()
        page.wait_for_timeout(500)
        page.locator(".map-surface").scroll_into_view_if_needed()
        assert page.evaluate("new DOMMatrix(document.querySelector('.map-world').style.transform).e") < -3 * 800
        y = max(page.locator(".map-surface").bounding_box()["y"], 0) + 30
        middles = []
        for _ in range(3):
            before = page.evaluate("document.querySelector('.map-world').style.transform")
            page.mouse.move(100, y)
            page.mouse.down()
            page.evaluate(RECORD)
            page.mouse.move(900, y, steps=60)  # from the end backwards
            middles.append(statistics.median(page.evaluate(FRAMES)))
            page.mouse.up()
            assert page.evaluate("document.querySelector('.map-world').style.transform") != before
        assert min(middles) <= 17.5, f"milliseconds a picture: {middles}"
