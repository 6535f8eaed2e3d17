"""Running a page's code cells, with a cache: a page runs again only when its code, or code it rests on, has changed.

What the cache knows a page by is a hash of its code cells, of every file of the course that these import, directly or
not, of the recorded runs where these are shown, and of torch's version. A changed sentence in a lesson's text runs nothing.
"""

import ast
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import nbclient
import nbformat
from nbformat import NotebookNode

from utils.page.html import SHEET
from utils.system.files import write_whole
from utils.system.places import CHECKOUT, PACKAGES, RUNS

_COLOR = re.compile(r"\x1b\[[\d;]*m")
EXPERIMENTS = "course/experiments.py"  # what shows recorded runs rests on it
TIMEOUT = 900  # seconds for one cell


class PageError(RuntimeError):
    """A page's code stopped; the message says which page and what it said."""


@dataclass(frozen=True)
class Page:
    """A page with code: where it lies in the site, without an ending, and its notebook."""

    path: str
    notebook: NotebookNode

    @property
    def code(self) -> list[NotebookNode]:
        """Its code cells."""
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @property
    def key(self) -> str:
        """A hash of all that its outputs depend on."""
        sources = [cell.source for cell in self.code]
        digest = hashlib.sha256(json.dumps([sources, version("torch"), sys.version_info[:2]]).encode())
        rests_on = _rests_on(sources)
        for file in sorted(rests_on):
            digest.update(file.encode() + (CHECKOUT / file).read_bytes())
        if EXPERIMENTS in rests_on:
            digest.update(_recorded())
        return digest.hexdigest()[:24]


def execute(pages: Sequence[Page], kept: Path, *, jobs: int = 2, say: Callable[[str], object] = print) -> None:
    """Put its outputs into every page: those in the cache, or new ones.

    Each page is kept as soon as it has run: after an interruption the next call goes on from there.

    Raises:
        PageError: a cell ends in an error.
    """
    kept.mkdir(parents=True, exist_ok=True)
    waiting = [page for page in pages if page.code and not _restore(page, kept)]
    if not waiting:
        return
    say(f"{len(waiting)} of {len(pages)} pages run; {jobs} at a time.")
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(_run, page, kept): page for page in waiting}
        try:
            for number, done in enumerate(as_completed(running), start=1):
                say(f"  {number} of {len(waiting)}: {running[done].path}, {done.result():.0f} s")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _run(page: Page, folder: Path) -> float:
    key, began = page.key, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="page-") as work:
        client = nbclient.NotebookClient(
            page.notebook, timeout=TIMEOUT, kernel_name="python3", store_widget_state=False, resources={},
            extra_arguments=["--log-level=ERROR"],  # its warnings of how it is spoken to are nobody's
        )  # fmt: skip
        settings = {
            "COURSE_PAGE": "1",
            "COURSE_WORK": work,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))),
        }
        try:
            client.execute(env=os.environ | settings, cwd=work)
        except nbclient.exceptions.CellExecutionError as error:
            raise PageError(f"{page.path} stopped: {_COLOR.sub('', str(error))}") from None
    for cell in page.code:
        cell.outputs = list(_plain(cell.outputs))
    outputs = nbformat.v4.new_notebook(cells=page.code)
    write_whole(folder / f"{_name(page)}-{key}.ipynb", nbformat.writes(outputs).encode())
    for old in folder.glob(f"{_name(page)}-*.ipynb"):
        if old.stem != f"{_name(page)}-{key}":
            old.unlink()
    return time.monotonic() - began


def _restore(page: Page, folder: Path) -> bool:
    path = folder / f"{_name(page)}-{page.key}.ipynb"
    if not path.exists():
        return False
    for cell, kept in zip(page.code, nbformat.read(path, as_version=4).cells, strict=True):
        cell.outputs, cell.execution_count = kept.outputs, kept.execution_count
    return True


def _name(page: Page) -> str:
    return page.path.replace("/", ".")


def _plain(outputs: Sequence[NotebookNode]) -> Iterator[NotebookNode]:
    """The outputs that a page shows: without the style sheet, which the site has once, without what is empty, and
    without the place of the course on the machine that built it.
    """
    here = f"{CHECKOUT}/"
    for output in outputs:
        data = output.get("data")
        if data is None:
            if output.output_type == "stream" and output.name == "stderr":
                continue  # progress bars of whoever watches
            output.text = output.text.replace(here, "")
            yield output
            continue
        data.pop("application/vnd.jupyter.widget-view+json", None)
        if "text/html" in data:
            data["text/html"] = data["text/html"].replace(SHEET, "").replace(here, "")
        if any(str(value).strip() for value in data.values()):
            yield output


def _rests_on(sources: Sequence[str]) -> set[str]:
    """The course's files that code imports, and those that they import, by their paths from the root."""
    found: set[str] = set()
    waiting = [name for source in sources for name in _imported(source)]
    while waiting:
        module = waiting.pop()
        for path in (
            CHECKOUT / (module.replace(".", "/") + ".py"),
            CHECKOUT / module.replace(".", "/") / "__init__.py",
        ):
            name = path.relative_to(CHECKOUT).as_posix()
            if path.is_file() and name not in found:
                found.add(name)
                waiting += _imported(path.read_text(encoding="utf-8"))
                beside = (each for ending in ("js", "css") for each in path.parent.glob(f"{path.stem}*.{ending}"))
                found |= {each.relative_to(CHECKOUT).as_posix() for each in beside}
    return found


@cache
def _recorded() -> bytes:
    """A hash of all recorded runs."""
    runs = sorted(RUNS.rglob("*.json"))
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in runs)).digest()


@cache  # many pages rest on the same files
def _imported(source: str) -> frozenset[str]:
    """The course's modules that a source names in its imports, wherever they stand, and the packages that they lie in."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a cell with a magic
        return frozenset()
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            modules = [f"{node.module}.{each.name}" for each in node.names]
        elif isinstance(node, ast.Import):
            modules = [each.name for each in node.names if each.name.split(".")[0] in PACKAGES]
        else:
            continue
        for module in modules:
            found |= {module.rsplit(".", up)[0] for up in range(module.count(".") + 1)}
    return frozenset(found)
