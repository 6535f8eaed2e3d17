"""Sphinx's configuration for the course's pages. `course.site.book` calls Sphinx with it."""

import re
import sys
import tomllib
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

from utils.system.places import CHECKOUT

sys.path.insert(0, str(CHECKOUT))

project = "The Inception course"
author = "the course's authors"
copyright = "code: Apache 2.0; text and pictures: CC BY 4.0"
release = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc"]
nb_execution_mode = "off"  # the pages have their outputs already
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_render_markdown_format = "myst"
nb_mime_priority_overrides = [
    ("html", "text/html", 0),
    ("html", "image/svg+xml", 10),
    ("html", "image/png", 20),
    ("html", "text/plain", 90),
]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline", "attrs_block"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["myst.header"]  # a lesson's sections may begin below its title's level

exclude_patterns = ["_static", "_pictures", "_source"]

highlight_language = "none"  # a text without a language is what a terminal shows
html_context = {"default_mode": "auto"}
html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "static/icon.svg"
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]  # when the page is read: it works on what stands there
html_show_sourcelink = False
html_domain_indices = False  # the index has its words
html_copy_source = False
html_theme_options = {
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "navigation_with_keys": False,
    "navbar_persistent": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
nitpicky = True

default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
add_module_names = False


def _mathml(self: Any, node: nodes.Element, *, display: str) -> None:
    """A formula as MathML, which browsers show by themselves: no script, and a screen reader reads it."""
    self.body.append(convert(node.astext(), display=display))
    raise nodes.SkipNode


def _docstring(_app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """The course's docstrings are plain text: what is indented, or stands in lines of its own, is kept as it is.

    `Args:`, `Attributes:` and `Raises:` with their entries become headed lists; a list stays one.
    """
    text, made = "\n".join(lines), []
    for part in re.split(r"\n\s*\n", text):
        rows = part.splitlines()
        head = re.fullmatch(r"(Args|Attributes|Raises|Returns):", rows[0].strip()) if rows else None
        if head:
            made += [f"**{head[1]}**", ""]
            if head[1] == "Returns":  # which names nothing
                made += [*(_escaped(row.strip()) for row in rows[1:]), ""]
                continue
            for row in rows[1:]:
                indent = len(row) - len(row.lstrip())
                entry = re.match(r"\s*([\w`, *]+):\s+(.*)", row) if indent <= 4 else None
                if entry:
                    made.append(f"- ``{entry[1].strip('` ')}``: {_escaped(entry[2])}")
                else:
                    made.append(f"  {_escaped(row.strip())}")
            made.append("")
        elif rows and rows[0].startswith("- ") and all(row.startswith(("- ", "  ")) for row in rows):
            made += [*(f"{row[:2]}{_escaped(row[2:])}" for row in rows), ""]
        elif any(row.startswith((" ", "|", "- ")) for row in rows):
            made += ["::", "", *(f"    {row}" for row in rows), ""]
        else:
            made += [*map(_escaped, rows), ""]
    lines[:] = made


def _escaped(row: str) -> str:
    """Plain text with `code` in it as reStructuredText."""
    pieces = re.split(r"(`[^`]+`)", row)
    return "".join(f"`{piece}`" if piece.startswith("`") else re.sub(r"([*_\\|])", r"\\\1", piece) for piece in pieces)


def setup(app: Sphinx) -> dict[str, bool]:
    """MathML for formulas, and the course's docstrings."""
    inline = (lambda self, node: _mathml(self, node, display="inline"), None)
    block = (lambda self, node: _mathml(self, node, display="block"), None)
    app.add_node(nodes.math, override=True, html=inline)
    app.add_node(nodes.math_block, override=True, html=block)
    app.connect("autodoc-process-docstring", _docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
