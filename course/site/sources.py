"""The pages: lessons, networks, experiments, the ledger and the guides, as the notebooks and Markdown that Sphinx reads."""

import ast
import re
import struct
from base64 import b64decode
from collections.abc import Iterator, Mapping
from html import escape
from importlib import import_module
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from course import experiments, syllabus
from course.build import solved, student
from course.links import configured, links
from course.site import facts, teachers
from course.site.executing import Page
from networks.catalog import NETWORKS, RELATIVES, Entry
from utils.system.places import CHECKOUT

TEXT = CHECKOUT / "docs" / "site"  # the pages that are written by hand
CODE = "```{code-cell}"
GUIDES = ("teaching", "hub", "architecture", "networks", "outputs")
_FIGURE = re.compile(r'<img (?=alt="[^"]*" src="data:image/png;base64,([\w+/]{32}))')  # so much holds its size
FOLDED = {"mystnb": {"code_prompt_show": "Show a solution", "code_prompt_hide": "Hide the solution"}}


def executed() -> list[Page]:
    """Every page that has code."""
    lessons = [_lesson(lesson) for lesson in syllabus.LESSONS]
    networks = [_network(entry) for entry in (*NETWORKS, *RELATIVES)]
    trials = [_experiment(name) for name in experiments.names()]
    return [*_with_code(), *lessons, *networks, *trials, _ledger()]


def _with_code() -> list[Page]:
    """The pages that are written by hand and have code."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(TEXT.glob("*.md"))}
    read = {name: jupytext.reads(text, fmt="md:myst").cells for name, text in texts.items() if CODE in text}
    return [Page(name, _notebook(cells)) for name, cells in read.items()]


# --- lessons ----------------------------------------------------------------------------------------------------------


def _lesson(lesson: syllabus.Lesson) -> Page:
    """A lesson with its solutions run; what a learner gets stands open, the solution behind it folded."""
    cells: list[NotebookNode] = []
    for stub, solution in zip(student(lesson).cells, solved(lesson).cells, strict=True):
        if stub.cell_type == "markdown":
            cells.append(nbformat.v4.new_markdown_cell(_with_pictures(stub)))
        elif "setup" in stub.metadata.get("tags", ()):
            cells += [_code(solution.source, "hide-input", "remove-output"), _markdown(_open_it(lesson))]
        elif stub.source != solution.source:
            cells += [_markdown(f"```python\n{stub.source}\n```"), _code(solution.source, "hide-input", **FOLDED)]
        elif _is_question(stub.source):
            cells.append(_code(solution.source, "remove-input"))
        else:
            cells.append(_code(solution.source))
    return Page(f"lessons/{lesson.notebook.removesuffix('.ipynb')}", _notebook(cells))


def size_figures(page: Page) -> None:
    """Say of each figure of a page how large it is: nothing moves as it loads, and `course.js` knows how narrow it may become."""

    def sized(found: re.Match[str]) -> str:
        width, height = struct.unpack(">II", b64decode(found[1])[16:])
        return f'<img class="course-figure-png" width="{width}" height="{height}" '

    for cell in page.code:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "text/html" in data:
                data["text/html"] = _FIGURE.sub(sized, data["text/html"])


def _with_pictures(cell: NotebookNode) -> str:
    """A cell's text with the pictures attached to it in their addresses: the site's reader knows no attachments."""
    source: str = cell.source
    for name, forms in cell.get("attachments", {}).items():
        source = source.replace(f"attachment:{name}", f"data:image/png;base64,{forms['image/png']}")
    return source


def _is_question(source: str) -> bool:
    """Whether a cell only asks for a prediction: the page shows the question, and not that it is code."""
    body = ast.parse(source).body
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "predict"


def _open_it(lesson: syllabus.Lesson) -> str:
    """Where to read this page is not enough: how the lesson is opened with a kernel."""
    file = f"_static/notebooks/{lesson.notebook}"
    buttons = "".join(f'<a href="{escape(url)}">{name.capitalize()}</a>' for name, url in links(lesson).items())
    return (
        '<div class="course-open" id="open"><p>You read the executed lesson; labs are shown as they stand at the start. To work in it, '
        f'<a href="../{file}" download>download the notebook</a> or <a href="../install.html">install the course</a>'
        f"{', or open it:' if buttons else '.'}</p>"
        f"{f'<p class=course-buttons>{buttons}</p>' if buttons else ''}</div>"
    )


# --- networks ---------------------------------------------------------------------------------------------------------


def _network(entry: Entry) -> Page:
    """A network: facts, map, cost table, source, and what its paper claims."""
    lesson = syllabus.lesson(entry.lesson)
    shape = f"(3, {entry.input_size}, {entry.input_size})"
    module = entry.module.replace(".", "/")
    variants = ("paper", "released") if entry.released_differs else ("paper",)
    cells = [
        _markdown(f"# {entry.title}\n\nLesson: [{lesson.number:02d} {lesson.title}](../lessons/{lesson.notebook})"),
        _code(f"from course.site.facts import network\nnetwork({entry.name!r})", "remove-input"),
        _markdown(
            "## The map\n\nPoint at a stage for its row of the cost table; click it, or press Enter, to open it into its branches. "
            "Drag and zoom; Escape closes."
        ),
        _code(f"from labs.network_map import network_map\nnetwork_map({entry.name!r})", "remove-input"),
        _markdown("## What it costs\n\nStage by stage, counted when this page was built."),
        _code("from course.site.facts import stages", "remove-input"),
        *(_code(f"stages({entry.name!r}, {variant!r})", "remove-input") for variant in variants),
        _markdown("Layer by layer, in Python:"),
        _code(
            "from networks import create\nfrom utils.cost import profile\n\n"
            f"net = create({entry.name!r})\ntable = profile(net, {shape})\ntable.parameters, table.macs"
        ),
        _markdown("## As the course reads it"),
        _code(f"from course.site.facts import reading\nreading({entry.name!r})", "remove-input"),
        *_claims(entry),
        _markdown(f"## Source\n\n```{{literalinclude}} /_source/{module}.py\n:language: python\n```"),
    ]
    return Page(f"networks/{entry.name}", _notebook(cells))


def _claims(entry: Entry) -> list[NotebookNode]:
    """What the ledger has about a network: a section, or nothing."""
    if not facts.numbers_of(entry.name):
        return []
    text = "## The paper against the measurement\n\nThe claims about it that counting or timing can decide, measured when this page was built."
    return [
        _markdown(text),
        _code(f"from course.site.facts import claims_of\nclaims_of({entry.name!r})", "remove-input"),
    ]


def _networks() -> str:
    """The contents: the family, and what it is compared with."""
    head = ("network", "year", "what it brought")
    family, others = (
        {entry.name: (f"[{entry.title}]({entry.name}.ipynb)", str(entry.year), entry.new) for entry in entries}
        for entries in (NETWORKS, RELATIVES)
    )
    relatives = _contents("Relatives", others, head).replace("# ", "## ", 1)
    return f"{_contents('The networks', family, head)}\n{relatives}"


# --- experiments and the ledger ---------------------------------------------------------------------------------------


def _title(name: str) -> str:
    """An experiment's name in words."""
    return name.replace("_", " ").capitalize()


def _experiment(name: str) -> Page:
    entry = experiments.experiment(name)
    lesson = syllabus.lesson(experiments.lesson_of(name))
    cells = [
        _markdown(
            f"# {_title(name)}\n\n{entry.question}\n\n"
            f"Lesson: [{lesson.number:02d} {lesson.title}](../lessons/{lesson.notebook})"
        ),
        _code(f"from course.site.facts import record\nrecord({name!r})", "remove-input"),
    ]
    if entry.on_both().rows:
        cells += [
            _markdown("On the course's own images and on photographs, arm by arm:"),
            _code(f"from course.experiments import experiment\nexperiment({name!r}).on_both()", "remove-input"),
        ]
    cells.append(_markdown(f"To repeat it: `python -m lessons experiment {name}`."))
    return Page(f"experiments/{name}", _notebook(cells))


def _ledger() -> Page:
    cells = [
        _markdown(
            "# The ledger\n\nWhat the papers claim and counting or timing can decide, each claim measured when this page was built."
        ),
        _code("from course.site.facts import whole_ledger\nwhole_ledger()", "remove-input"),
    ]
    return Page("ledger", _notebook(cells))


# --- text -------------------------------------------------------------------------------------------------------------


def written() -> Iterator[tuple[str, str]]:
    """The pages without code: their paths in the site and their Markdown."""
    for path in sorted(TEXT.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if CODE in text:
            continue
        yield path.name, _with_lessons(text) if path.stem == "glossary" else text
    for name in GUIDES:
        yield f"guides/{name}.md", _guide(CHECKOUT / "docs" / f"{name}.md", configured("repository"))
    yield "lessons/index.md", _lessons()
    yield "networks/index.md", _networks()
    asked = {
        name: (f"[{_title(name)}]({name}.ipynb)", experiments.experiment(name).question) for name in experiments.names()
    }
    yield "experiments/index.md", _contents("The experiments", asked, ("experiment", "what it asks"))
    for lesson in syllabus.LESSONS:
        yield f"instructors/{lesson.slug}.md", teachers.instructor(lesson)
    slugs = {lesson.slug: () for lesson in syllabus.LESSONS}
    yield "instructors/index.md", _contents("For the instructor, lesson by lesson", slugs)
    links_ = "\n".join(
        f'- <a href="slides/{lesson.slug}.html">{lesson.number:02d} {lesson.title}</a>' for lesson in syllabus.LESSONS
    )
    yield (
        "slides.md",
        f"# Slides\n\nOne screen each; the arrow keys go through them, printing gives a page each.\n\n{links_}\n",
    )
    for title, modules in API.items():
        yield f"api/{title}.md", _reference(title, modules)
    about = {title: (f"[`{title}`]({title}.md)", _first_words(title)) for title in API}
    yield "api/index.md", _contents("Reference", about, ("package", "what is in it"))


def _with_lessons(glossary: str) -> str:
    """The glossary with the first lesson that uses each word, as a link."""
    texts = {lesson: (lesson.folder / "lesson.md").read_text(encoding="utf-8").lower() for lesson in syllabus.LESSONS}

    def linked(found: re.Match[str]) -> str:
        word = re.compile(rf"\b{re.escape(found[1].split(',')[0].lower())}")
        first = next((lesson for lesson, text in texts.items() if word.search(text)), None)
        if first is None:
            raise ValueError(f"No lesson uses {found[1]!r}, which the glossary explains.")
        return f"{found[0]} [Lesson {first.number:02d}](lessons/{first.notebook})"

    return re.sub(r"^(\S.*)\n    .*$", linked, glossary, flags=re.MULTILINE)


API = {
    "networks": ("networks.catalog", "networks.base", "networks.layers"),
    "utils.cost": ("utils.cost.table",),
    "utils.diagram": ("utils.diagram",),
    "utils.data": ("utils.data.sets", "utils.data.dataset"),
    "utils.train": ("utils.train.loop", "utils.train.recipe", "utils.train.runs"),
}


def _lessons() -> str:
    """The contents of the lessons, each with its question, its paper and its time."""
    rows = {}
    for lesson in syllabus.LESSONS:
        question = teachers.question((lesson.folder / "lesson.md").read_text(encoding="utf-8"))
        about = f"{question}<br><small>{' · '.join(filter(None, (lesson.paper, f'about {lesson.minutes} minutes')))}</small>"
        rows[lesson.notebook.removesuffix(".ipynb")] = (
            f"[{lesson.number:02d} {lesson.title}]({lesson.notebook})",
            about,
        )
    return _contents("The lessons", rows, ("lesson", "what it asks"))


def _reference(title: str, modules: tuple[str, ...]) -> str:
    """The page of a package: what is imported from it, and its modules from their docstrings."""
    public = getattr(import_module(title), "__all__", ())
    use = f"```python\nfrom {title} import {', '.join(sorted(public))}\n```\n\n" if public else ""
    parts = (
        (f"## `{module}`\n\n" if len(modules) > 1 else "") + f"```{{eval-rst}}\n.. automodule:: {module}\n```\n"
        for module in modules
    )
    return f"# `{title}`\n\n{use}" + "\n".join(parts)


def _first_words(module: str) -> str:
    """What a package says of itself first."""
    return (import_module(module).__doc__ or "").split("\n\n")[0].strip().replace("\n", " ")


def _contents(title: str, entries: Mapping[str, tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    """A page of contents: a list of pages, or, with a head, a table with a row for each of them."""
    table = "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *entries.values()) if head)
    hidden, pages = (":hidden:\n" if head else ""), "\n".join(entries)
    return f"# {title}\n\n{table}\n```{{toctree}}\n:maxdepth: 1\n{hidden}\n{pages}\n```\n"


def _guide(path: Path, repository: str) -> str:
    """A guide of docs/; its links to files of the project lead into the repository, where one is known."""

    def link(found: re.Match[str]) -> str:
        words, target = found[1], found[2]
        name = target.split("#")[0]
        if target.startswith(("http", "#", "mailto:")) or (Path(name).stem in GUIDES and name.endswith(".md")):
            return found[0]
        if Path(name).suffix in (".png", ".svg"):
            return f"![{words}](/_pictures/{name})" if found[0].startswith("!") else found[0]
        file = (path.parent / name).resolve().relative_to(CHECKOUT).as_posix()
        return f"[{words}]({repository}/blob/main/{file})" if repository else words

    return re.sub(r"!?\[([^\]]*)\]\(([^)\s]+)\)", link, path.read_text(encoding="utf-8"))


def _markdown(text: str) -> NotebookNode:
    cell: NotebookNode = nbformat.v4.new_markdown_cell(text)
    return cell


def _code(source: str, *tags: str, **metadata: object) -> NotebookNode:
    cell: NotebookNode = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags), **metadata})
    return cell


def _notebook(cells: list[NotebookNode]) -> NotebookNode:
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:03d}"
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook: NotebookNode = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    return notebook
