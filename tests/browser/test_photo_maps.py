"""A photograph through a network, on a page without a kernel and in JupyterLab: pointing, choosing, taking one's own."""

import base64
import io

import pytest
import torch
from PIL import Image

from labs.photo_maps import photo_maps
from networks import create
from tests.browser.learner import CHROMIUM
from tests.browser.static import CONTRAST, SMALLEST, one_browser, static_page  # noqa: F401
from utils.show.touch import code_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.usefixtures("one_browser"),
]


@pytest.fixture(scope="module")
def piece():
    torch.manual_seed(0)
    return photo_maps(create("googlenet"), "inception_3a")


@pytest.mark.parametrize(("scheme", "width"), [("light", 900), ("dark", 1280)])
def test_pointing_choosing_and_the_class_map(tmp_path, piece, scheme, width):
    with static_page(tmp_path, piece.live_html(), scheme=scheme, width=width, still=True) as page:
        words, stages = page.locator(".photo-words"), {stage["name"]: stage for stage in piece.data["stages"]}
        five = stages["inception_3a"]["strips"][2]
        strip = page.locator(".photo-strip").nth(2).locator(".photo-map")
        assert strip.count() == 8
        strip.nth(1).hover(position={"x": 2 * 20 + 1, "y": 2 * 5 + 1})  # two pixels a cell
        channel = five["shown"][1]
        assert words.inner_text() == (
            f"Channel {64 + 128 + channel + 1} of the stack is channel {channel + 1} of 32 of the branch five. "
            "Its cell in row 6, column 21 of 28×28 sees 59×59 pixels."
        )
        frame = page.locator(".photo-now")
        expected = [five["start"][1] + 20 * five["step"][1], five["start"][0] + 5 * five["step"][0], 59, 59]
        assert [float(frame.get_attribute(key)) for key in ("x", "y", "width", "height")] == expected
        assert page.locator(".photo-mark").count() == 4 * 8 + 1

        page.locator(".photo-stack").hover(position={"x": 470, "y": 10})
        assert "of the branch pool" in words.inner_text()
        slider = page.get_by_role("slider")
        assert slider.get_attribute("aria-valuetext") == words.inner_text()

        page.locator(".photo-maps").focus()
        for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft", "PageUp"):
            page.keyboard.press(key)
        assert "row 1, column 20" in words.inner_text() and "% of them padding" in words.inner_text()
        assert page.locator(".touch-heard").inner_text() == words.inner_text()
        slider.focus()
        page.keyboard.press("Home")
        assert words.inner_text().startswith(
            f"Channel {stages['inception_3a']['strips'][0]['shown'][0] + 1} of the stack"
        )
        readable(page)

        page.get_by_role("radio", name="5b").focus()
        page.keyboard.press("Enter")
        assert "of 7×7 sees" in words.inner_text() and page.locator(".photo-branch").count() == 4
        page.keyboard.press("ArrowRight")  # to the classes
        end = piece.data["end"]
        assert page.locator(".photo-cam rect").count() == 49 and page.get_by_role("radio", checked=True).count() == 2
        shares = page.locator(".photo-share")
        assert shares.count() == 8
        page.locator(".photo-maps").focus()
        page.keyboard.press("PageDown")
        page.keyboard.press("ArrowDown")
        second = end["classes"][1]
        assert f"{second['name']}" in words.inner_text() and second["name"] in page.locator(".photo-sum").inner_text()
        logit = page.locator(".photo-sum b").nth(2).inner_text().replace("\u2212", "-")
        assert float(logit) == pytest.approx(second["logit"], rel=6e-3)
        page.locator(".photo-photo").hover(position={"x": 32 + 3, "y": 32 + 32 * 6 + 3})
        assert words.inner_text().startswith("The cell in row 7, column 1 of 7×7 holds")
        page.get_by_role("radio", name=end["classes"][3]["name"]).click()
        assert end["classes"][3]["name"] in words.inner_text()
        assert "mean nothing yet" in page.locator(".touch-help").inner_text()
        assert page.locator(".photo-file").count() == 0  # nobody would answer
        readable(page)
        page.set_viewport_size({"width": 620, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def readable(page):
    assert page.evaluate(SMALLEST) >= 10
    ratio, text = page.evaluate(CONTRAST)
    assert ratio >= 4.5, text
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


LIVE = """async ([code, traits]) => {
  const {default: front} = await import(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
  const heard = {}, tell = (event, ...told) => (heard[event] ?? []).forEach(hear => hear(...told));
  front.render({el: document.body.appendChild(document.createElement('div')), model: {
    get: key => traits[key],
    set: (key, value) => { traits[key] = value; },
    on: (event, hear) => (heard[event] ??= []).push(hear),
    off: () => {},
    save_changes: () => {},
    send: async message => {
      const answer = await window.kernel(message);
      if (answer.refused) return tell('msg:custom', answer);
      traits.data = answer;
      tell('change:data');
    },
  }});
}"""


def test_a_photograph_of_ones_own(tmp_path):
    """The front end beside a kernel: it makes the file small, sends it nowhere else, and shows what is answered."""
    torch.manual_seed(0)
    piece, asked = photo_maps(create("googlenet", size="mini", num_classes=10), size=48), []

    def kernel(message):
        asked.append(message)
        try:
            return piece.answer(message)
        except ValueError as error:
            return {"refused": str(error)}

    file = io.BytesIO()
    Image.new("RGBA", (1500, 900), (255, 0, 0, 255)).save(file, "png")
    red = {"name": "red.png", "mimeType": "image/png", "buffer": file.getvalue()}
    with static_page(tmp_path, width=900) as page:
        page.expose_function("kernel", kernel)
        page.evaluate(LIVE, [code_of(piece.front), {"data": piece.data, "state": piece.state}])
        shown, said = page.locator(".photo-photo image"), page.locator(".photo-said")
        before = shown.get_attribute("href")
        page.get_by_label("Take a photograph of your own").set_input_files([red])
        page.wait_for_function(
            "before => document.querySelector('.photo-photo image').getAttribute('href') !== before", arg=before
        )
        sent = Image.open(io.BytesIO(base64.b64decode(asked[0]["photo"].partition(",")[2])))
        assert (
            sent.size == (640, 640)
            and said.inner_text() == ""
            and page.get_by_role("radio", name="3a", checked=True).count()
        )
        after = shown.get_attribute("href")
        page.get_by_label("Take a photograph of your own").set_input_files(
            [red | {"name": "notes.txt", "buffer": b"no image"}]
        )
        page.wait_for_selector(".photo-refused")
        assert said.inner_text() == "notes.txt cannot be read as an image. Take a photograph as JPEG, PNG or WebP."
        assert len(asked) == 1 and shown.get_attribute("href") == after
