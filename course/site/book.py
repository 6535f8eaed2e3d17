"""From the course to `site/`: pages are run, where the cache has them not, and handed to Sphinx."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Set
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat

from course.site import executing, sources, teachers
from course.syllabus import LESSONS
from utils.page.sheet import CSS, DARK, LIGHT, declarations
from utils.system.files import write_whole
from utils.system.packages import needed
from utils.system.places import CHECKOUT, NOTEBOOKS, work_folder

HERE = Path(__file__).parent
GENERATED = ("genindex", "py-modindex", "search")  # Sphinx's own pages


def build(into: Path, *, jobs: int = 2, say: Callable[[str], object] = print) -> Path:
    """Build the site into a folder, which is replaced when all of it is there; gives the path of its first page.

    What ran, and what Sphinx read, is kept in `work/site`: a changed sentence is built in seconds.

    Raises:
        PageError: a page's code ends in an error.
        Missing: Sphinx is not installed.
        RuntimeError: Sphinx found something wrong, or a link leads nowhere; what was found stands in the message.
    """
    with needed("The site"):
        from sphinx.application import Sphinx
        from sphinx.errors import SphinxError
    kept = work_folder() / "site"
    source, made = kept / "source", kept / "html"
    every = sources.executed()
    executing.execute(every, kept / "cache", jobs=jobs, say=say)
    _write_source(source, kept / "extra", every)
    say("Sphinx writes the pages.")
    warnings = kept / "warnings.txt"
    with warnings.open("w+", encoding="utf-8") as stream:
        try:
            app = Sphinx(
                str(source),
                str(HERE),
                str(made),
                str(kept / "doctrees"),
                "html",
                status=None,
                warning=stream,
                parallel=jobs,
                confoverrides={"html_static_path": [str(source / "_static")], "html_extra_path": [str(kept / "extra")]},
            )
            app.build()
        except SphinxError as error:
            raise RuntimeError(str(error)) from None
        stream.seek(0)
        if said := stream.read().strip():
            for folder in (kept / "doctrees", made):  # Sphinx says it only when it reads a page
                shutil.rmtree(folder, ignore_errors=True)
            raise RuntimeError(f"The pages have mistakes; site/ stays as it was:\n{said}")
    _remove_gone(made, {*app.env.all_docs, *GENERATED}, extra=kept / "extra")
    if dead := "\n".join(dead_links(made)):
        raise RuntimeError(f"Links lead nowhere; {into} stays as it was:\n{dead}")
    _replace(made, into)
    return into / "index.html"


def _remove_gone(made: Path, pages: Set[str], *, extra: Path) -> None:
    """Take away the pages whose source is no longer there: Sphinx leaves what an earlier build wrote."""
    for path in made.rglob("*.html"):
        name = path.relative_to(made)
        if name.parts[0] != "_static" and name.with_suffix("").as_posix() not in pages and not (extra / name).exists():
            path.unlink()


def dead_links(folder: Path) -> Iterator[str]:
    """What the pages of a folder ask for and is not in it, or would be asked of another host without the reader's click."""
    pages = {path: _Addresses(path) for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts}
    for path, page in pages.items():
        for tag, address in page.addresses:
            parts = urlsplit(address)
            if parts.scheme in ("data", "blob", "mailto"):
                continue
            if parts.scheme or parts.netloc:
                if tag != "a":
                    yield f"{path.relative_to(folder)}: {tag} asks another host for {address}"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                yield f"{path.relative_to(folder)}: {tag} leads to {address}, which is not there"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
                yield f"{path.relative_to(folder)}: {address} leads to a place that is not on that page"


class _Addresses(HTMLParser):
    """The addresses that a page names, each with the element that does, and the places in it that have a name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: list[tuple[str, str]] = []
        self.places = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [(tag, value) for name, value in attrs if name in ("href", "src") and value]
        self.places |= {value for name, value in attrs if name in ("id", "name") and value}


def _write_source(folder: Path, extra: Path, every: list[executing.Page]) -> None:
    """What Sphinx reads, and what it only copies."""
    for page in every:
        sources.size_figures(page)
    lessons = {entry.notebook.removesuffix(".ipynb"): entry for entry in LESSONS}
    files: dict[str, bytes] = {f"{page.path}.ipynb": nbformat.writes(page.notebook).encode() for page in every}
    files |= {name: text.encode() for name, text in sources.written()}
    for place in ("networks", "docs"):
        for path in sorted((CHECKOUT / place).rglob("*")):
            if place == "networks" and path.suffix == ".py":
                files[f"_source/{path.relative_to(CHECKOUT).as_posix()}"] = path.read_bytes()
            elif path.suffix in (".png", ".svg") and place == "docs":
                files[f"_pictures/{path.relative_to(CHECKOUT / place).as_posix()}"] = path.read_bytes()
    for path in sorted((HERE / "static").iterdir()):
        files[f"_static/{path.name}"] = path.read_bytes()
    files["_static/course.css"] = (_sheet() + (HERE / "static" / "course.css").read_text(encoding="utf-8")).encode()
    notebooks = sorted(NOTEBOOKS.glob("*.ipynb"))
    files |= {f"_static/notebooks/{path.name}": path.read_bytes() for path in notebooks}
    files["_static/notebooks.zip"] = _zip(notebooks)
    decks = {
        f"slides/{lesson.slug}.html": teachers.slides(lesson, page.notebook).encode()
        for page in every
        if page.path.startswith("lessons/") and (lesson := lessons[page.path.removeprefix("lessons/")])
    }
    _write(folder, files)
    _write(extra, decks)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Make a folder hold these files and no others; one that is as it was is left alone."""
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()


def _sheet() -> str:
    """The course's style sheet, following the theme that the reader chose for the site."""
    themes = {"light": LIGHT, "dark": DARK}
    return CSS + "".join(f"html[data-theme={name}]{{{declarations(values)}}}\n" for name, values in themes.items())


def _zip(notebooks: list[Path]) -> bytes:
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in notebooks:
                entry = zipfile.ZipInfo(f"notebooks/{path.name}", (2020, 1, 1, 0, 0, 0))  # the same bytes each time
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
        file.seek(0)
        return file.read()


def _replace(made: Path, into: Path) -> None:
    """Copy what was made beside `into`, and put it in its place."""
    into.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{into.name}-", dir=into.parent))
    shutil.copytree(made, beside / "new", ignore=shutil.ignore_patterns(".buildinfo*", "objects.inv"))
    if into.exists():
        into.rename(beside / "old")
    (beside / "new").rename(into)
    shutil.rmtree(beside, ignore_errors=True)
