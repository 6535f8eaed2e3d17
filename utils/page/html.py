"""HTML of everything that the course shows. Plain text is escaped here; what is HTML already says so by its type, `Html`.

How it looks is said by class names, in `utils.page.sheet`.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape, unescape

from utils.page.sheet import CSS


class Html(str):
    """Text that is HTML already, and is not escaped again."""


SHEET = Html(f"<style>{CSS}</style>")
BREAK = Html("<br/>")
_EMPTY = {"img", "br", "input"}  # elements that hold nothing


def text(*inside: object) -> Html:
    """Several things one behind the other: plain ones are escaped, `Html` stays as it is."""
    return Html("".join(part if isinstance(part, Html) else escape(str(part), quote=False) for part in inside))


def tag(name: str, /, *inside: object, cls: str = "", **attributes: object) -> Html:
    """An element. `stroke_width=2` is written stroke-width="2"; an attribute that is None is left out.

    Numbers are written to two digits behind the point, which is finer than a pixel.
    """
    given = {"class": cls or None, **attributes}
    written = "".join(
        f' {key.replace("_", "-")}="{escape(number(value) if isinstance(value, float) else str(value))}"'
        for key, value in given.items()
        if value is not None
    )
    return Html(f"<{name}{written}/>" if name in _EMPTY else f"<{name}{written}>{text(*inside)}</{name}>")


def number(value: float) -> str:
    """A number as short as two digits behind the point allow."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def output(*inside: object) -> Html:
    """All that a notebook is to show as one output: the style sheet, and what follows its rules."""
    return tag("div", SHEET, lasting(text(*inside)), cls="course")


_SVG = re.compile(r"<svg\b[^>]*>|</svg>")


def lasting(shown: str) -> Html:
    """The same HTML with each SVG picture as an image whose data address holds it.

    SVG that stands in HTML is taken away wherever HTML is cleaned (a notebook that is not trusted, GitHub), and its
    words are left as a heap. An image stays. It has a ground of its own, as the colours of the page do not reach it.
    """
    parts, at, depth, start = [], 0, 0, 0
    for mark in _SVG.finditer(shown):
        if mark[0] != "</svg>":
            if depth == 0:
                parts.append(shown[at : mark.start()])
                start = mark.start()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                at = mark.end()
                parts.append(drawn(shown[start:at]))
    return Html("".join(parts) + shown[at:])


def drawn(picture: str) -> Html:
    """An SVG picture as an image on white paper; its label becomes the text alternative."""
    opening = picture[: picture.index(">") + 1]
    label = re.search(r' aria-label="([^"]*)"', opening)
    own = "" if " xmlns=" in opening else ' xmlns="http://www.w3.org/2000/svg"'
    look = ' font-family="sans-serif" style="background:#fff;color:#000"'
    whole = f"{opening[:-1]}{own}{look}>{picture[len(opening) :]}"
    address = f"data:image/svg+xml;base64,{base64.b64encode(whole.encode()).decode()}"
    return tag("img", alt=unescape(label[1]) if label else "", src=address)


def bold(words: object) -> Html:
    """Words in bold."""
    return tag("b", words)


def embedded(png: bytes, alternative: str, **attributes: object) -> Html:
    """A PNG picture with its text alternative; all of it stands in the page."""
    address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return tag("img", **attributes, alt=alternative, src=address)


def with_code(words: str) -> Html:
    """Plain text whose `code` stands in backticks."""
    return Html(re.sub(r"`([^`]+)`", r"<code>\1</code>", text(words)).replace("\n", "<br>"))


def box(tone: str, *inside: object, role: str = "status", cls: str = "") -> Html:
    """A box with a coloured edge; its tone is one of `utils.page.sheet.TONES`, its class `cls` or else that of the tone."""
    return tag("div", *inside, role=role, cls=cls or f"course-{tone}", data_tone=tone)


def badge(words: object, kind: str = "", **attributes: object) -> Html:
    """Words in a small frame; with a kind of `utils.page.sheet.BADGES`, on its colour."""
    return tag("span", words, cls=f"course-badge course-badge-{kind}" if kind else "course-badge", **attributes)


def side_by_side(*parts: object, least: int = 0) -> Html:
    """Parts in a row that breaks where it is too long; where `least` says how many pixels one needs, they share its width."""
    divided = (tag("div", part) for part in parts)
    if least:
        return tag("div", *divided, cls="course-row grow", style=f"--least:{least}px")
    return tag("div", *divided, cls="course-row")


def panels(*pictures: object, least: int, most: int) -> Html:
    """Pictures of one width, together `most` pixels wide; below each other where one would be narrower than `least`."""
    return tag("div", *pictures, cls="course-panels", style=f"--least:{least}px;--most:{most}px")


def on_paper(picture: Html, words: str, *, full: float, share: float, least: float) -> Html:
    """A picture on white paper of its own width: `share` of the room, at most `full` pixels; below `least` of that it is scrolled."""
    sizes = f"--share:{100 * share:.4g}%;--full:{full:.0f}px;--least:{least * full:.0f}px"
    return tag("div", picture, cls="course-paper course-drawn", style=sizes, tabindex=0, role="group", aria_label=words)


def scrolled(wide: object, words: str) -> Html:
    """What may be wider than the page, in a box that is scrolled, from the keyboard as well; `words` say what it is."""
    return tag("div", wide, cls="course-scrolled", tabindex=0, role="group", aria_label=words)


# --- tables -----------------------------------------------------------------------------------------------------------


class Cell(Html):
    """A finished cell of a table."""


def shaded(words: object, share: float, color: str, *, cls: str = "") -> Cell:
    """A table's cell whose ground is a bar: `share` of its width, from 0 to 1, in a light or dark form of the colour."""
    return Cell(tag("td", words, cls=f"share {cls}".strip(), style=f"--share:{100 * share:.2f}%;--tone:{color}"))


def table(
    rows: Iterable[Sequence[object]],
    *,
    head: Sequence[object] = (),
    caption: object = "",
    align: str = "",
    row_heads: bool = False,
    cls: str = "",
    chosen: int | None = None,
    **attributes: object,
) -> Html:
    """A table.

    Args:
        rows: the cells of each row: plain text, `Html`, or a finished `Cell`.
        head: the columns' titles.
        caption: what the table shows.
        align: a letter a column, "l", "r" or "c"; "l" where there is none.
        row_heads: the first cell of each row names it.
        cls: further class names.
        chosen: the row, counted from 0, that is marked.
        attributes: of the table.
    """
    sides = [{"l": ""}.get(side, side) for side in align]

    def cells(row: Sequence[object], heads: int, scope: str) -> Html:
        made = []
        for place, cell in enumerate(row):
            if not isinstance(cell, Cell):
                side = sides[place] if place < len(sides) else ""
                kind = {"scope": scope} if place < heads else {}
                cell = tag("th" if kind else "td", cell, cls=side, **kind)
            made.append(cell)
        return text(*made)

    lines = enumerate(cells(row, int(row_heads), "row") for row in rows)
    body = (tag("tr", line, cls="chosen" if place == chosen else "") for place, line in lines)
    top = tag("thead", tag("tr", cells(head, len(head), "col"))) if head else ""
    named = tag("caption", caption) if caption else ""
    return tag("table", named, top, tag("tbody", *body), cls=f"course-table {cls}".strip(), **attributes)


def bars(entries: Iterable[tuple[object, float, str, object]], caption: str) -> Html:
    """A bar for each (name, share from 0 to 1, colour, figure beside it)."""
    rows = ((name, Cell(tag("td", bar(share, color), cls="track")), figure) for name, share, color, figure in entries)
    return table(rows, caption=bold(caption), row_heads=True, cls="wide")


def bar(share: float, color: str) -> Html:
    """A bar as long as a share, from 0 to 1, of what it lies in."""
    return tag("span", cls="course-bar", style=f"--share:{100 * share:.2f}%;--tone:{color}")


def spark(share: float, color: str) -> Html:
    """A small bar in a line of text."""
    return tag("span", cls="course-spark", style=f"--part:{share:.3f};--tone:{color}")
