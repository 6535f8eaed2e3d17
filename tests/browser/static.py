"""A page from a file, without a kernel and without a network, for the tests of what is touched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.learner import browser_page, chromium
from tests.browser.reading import READ

HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title><body>'
SMALLEST = f"() => Math.min(...({READ})('.touch').map(([_contrast, size]) => size))"
CONTRAST = f"() => {{ const [contrast, _size, words] = ({READ})('.touch')[0]; return [contrast, words]; }}"


@pytest.fixture(scope="module")
def one_browser() -> Iterator[None]:
    """For a module of tests that all look at such pages: each has a page of its own in one browser."""
    with chromium():
        yield


@contextmanager
def static_page(folder: Path, *pieces: str, scheme: str = "light", width: int = 1280, still: bool = False) -> Iterator:
    """A page with these pieces, in headless Chromium; at the end nothing may have gone wrong or been asked for.

    Args:
        folder: where its file is put.
        pieces: HTML, one below the other.
        scheme: "light" or "dark".
        width: of the window, in pixels.
        still: the reader wants nothing to move.
    """
    file = folder / "page.html"
    file.write_text(HEAD + "".join(pieces), encoding="utf-8")
    with browser_page(width=width) as page:
        page.set_default_timeout(20_000)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce" if still else "no-preference")
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        yield page
        assert said == []
        assert {url for url in asked if not url.startswith(("blob:", "data:"))} == {file.as_uri()}
