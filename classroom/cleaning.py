"""What the teacher's pages show of a submission: nothing in it runs, and nothing in it is endless.

nbgrader's formgrader and the feedback pages put what a student wrote into a page with the teacher's rights. `Clean`, the last
step of the marking, leaves text, plain HTML and pictures in what they show. The student's own file in `submitted/` stays as it is.

An answer in Markdown is made HTML here, cleaned by `nh3`, and written so that no Markdown is left in it for a page to read
another way. Code and outputs are text, which the pages escape themselves.
"""

import base64
import binascii
import html
from typing import Any

import nh3
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Integer

from classroom.notebooks import grade_id

TAGS = {
    *(
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "details",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
    ),
    *(
        "img",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
    ),
    *("tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
}
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # SVG can hold a script
LARGEST_PICTURE = 2 * 2**20  # bytes, as base64
# Where Markdown, or what a page makes of formulas, sees signs of its own, the page's reader gets the letter as HTML.
_AS_LETTERS = {ord(sign): f"&#{ord(sign)};" for sign in "\n\r\t!#$()*+-[\\]^_`{|}~:@"}


def cleaned(text: str, attachments: dict[str, Any] | None = None) -> str:
    """An answer in Markdown, as one line of HTML in which nothing runs and no address is fetched.

    Args:
        attachments: the cell's pictures by name, each by its type, in base64.
    """
    pictures = {
        name: {kind: data for kind, data in kinds.items() if kind in PICTURES and _is_picture(data)}
        for name, kinds in (attachments or {}).items()
        if isinstance(kinds, dict)
    }
    renderer = IPythonRenderer(
        escape=False, exclude_anchor_links=True, attachments={name: kinds for name, kinds in pictures.items() if kinds}
    )
    try:
        page = MarkdownWithMath(renderer=renderer).render(text)
    except (
        InvalidNotebook,
        RecursionError,
        ValueError,
        TypeError,
        AttributeError,
    ):  # what Markdown cannot make sense of
        page = f"<pre>{html.escape(text)}</pre>"
    return f"<div>{_safe(page).translate(_AS_LETTERS)}</div>"


def _safe(page: str) -> str:
    return nh3.clean(
        page,
        tags=TAGS,
        clean_content_tags={
            "script",
            "style",
            "svg",
            "math",
            "iframe",
            "object",
            "template",
            "noscript",
            "textarea",
            "title",
        },
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """The value of an attribute; None where it has to go."""
    address = value.strip().lower()
    if attribute == "href":
        return value if address.startswith(("http://", "https://", "mailto:", "#")) else None
    if attribute == "src":
        kinds = tuple(f"data:{kind};base64," for kind in PICTURES)
        return value if address.startswith(kinds) and _is_picture(value.partition(",")[2]) else None
    if attribute in ("width", "height", "colspan", "rowspan", "start"):
        return value if value.isdecimal() and len(value) < 5 else None
    return value


def _is_picture(data: object) -> bool:
    if not isinstance(data, str) or len(data) > LARGEST_PICTURE:
        return False
    try:
        base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


class Clean(NbGraderPreprocessor):
    """The last step of the marking: what the formgrader and the feedback pages show of a submission."""

    code_lines = Integer(1000, help="Lines of a code cell that are shown.").tag(config=True)
    cell_characters = Integer(50_000, help="Characters of a cell or an output that are shown.").tag(config=True)
    answer_characters = Integer(20_000, help="Characters of an answer in Markdown that are shown.").tag(config=True)
    added_cells = Integer(200, help="Cells that the student added and that are shown.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        added = 0
        cells = []
        for cell in nb.cells:
            if not grade_id(cell):
                added += 1
                if added > self.added_cells:
                    continue
            cells.append(self.shown(cell))
        if added > self.added_cells:
            cells[-1:] = [
                cells[-1],
                _note(f"{added - self.added_cells} further cells that the student added are not shown."),
            ]
        nb.cells = cells
        return nb, resources

    def shown(self, cell: NotebookNode) -> NotebookNode:
        """A cell as the pages may show it."""
        data = cell.metadata.get("nbgrader", {})
        is_own = not grade_id(cell) or bool(data.get("solution"))
        if cell.cell_type == "code":
            if is_own:
                cell.source = self.cut(cell.source, self.cell_characters, self.code_lines, "# ")
            cell.outputs = [self.output(output) for output in cell.outputs if output.output_type in ("stream", "error")]
        elif is_own:
            text = self.cut(cell.source, self.answer_characters, self.code_lines, "")
            cell.source = cleaned(text, cell.get("attachments"))
        cell.pop("attachments", None)
        return cell

    def output(self, output: NotebookNode) -> NotebookNode:
        if output.output_type == "stream":
            output.text = self.cut(output.text, self.cell_characters, self.code_lines, "")
            return output
        output.evalue = self.cut(output.evalue, self.cell_characters, self.code_lines, "")
        output.traceback = self.cut("\n".join(output.traceback), self.cell_characters, self.code_lines, "").split("\n")
        return output

    def cut(self, text: str, characters: int, lines: int, sign: str) -> str:
        """The beginning of a text, with a word about the rest where there is one."""
        short = "\n".join(text[:characters].split("\n")[:lines])
        if len(short) == len(text):
            return text
        rest = text[len(short) :]
        more = f"{rest.count(chr(10)) + 1} further lines" if "\n" in rest else f"{len(rest)} further characters"
        return f"{short}\n\n{sign}[{more} are not shown here; the whole file is in submitted/.]"


def _note(text: str) -> NotebookNode:
    from classroom.notebooks import new_cell

    return new_cell("markdown", cleaned(text))
