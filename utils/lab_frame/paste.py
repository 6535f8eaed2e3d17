"""Python that somebody pastes, read as plain values. Nothing of it is ever run."""

import ast
from dataclasses import dataclass, field

LONGEST = 20_000  # characters


@dataclass(frozen=True)
class Call:
    """A call with plain values: the name that is called, its literal arguments, and its keywords by name.

    An argument that is the name of something else (`block` in `profile(block, (192, 28, 28))`) is left out.
    """

    name: str
    arguments: tuple[object, ...] = ()
    keywords: dict[str, object] = field(default_factory=dict)
    line: int = 1


def calls_in(text: str) -> tuple[Call, ...]:
    """The calls that stand in a text of Python, one after another; each may be assigned to a name.

    Imports and comments are passed over. Everything else is refused: there is no way to compute anything in it.

    Raises:
        ValueError: it is no Python, there is no call in it, or something other than plain values is handed to one.
    """
    if len(text) > LONGEST:
        raise ValueError(f"This text has {len(text):,} characters; code for a lab has at most {LONGEST:,}.")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ValueError(f"Line {error.lineno or 1} is no Python: {error.msg}.") from None
    except (ValueError, RecursionError, MemoryError):
        raise ValueError("This text is no Python that can be read.") from None
    found = []
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        value = statement.value if isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) else None
        if not isinstance(value, ast.Call):
            raise ValueError(
                f"Line {statement.lineno} is no call with plain values, and nothing else is read here. "
                "Paste what a lab has shown as its Python."
            )
        found.append(_call(value))
    if not found:
        raise ValueError("There is no code here. Paste what a lab has shown as its Python.")
    return tuple(found)


def _call(node: ast.Call) -> Call:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    keywords: dict[str, object] = {}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in keywords:
            given = "**" if keyword.arg is None else f"{keyword.arg} twice"
            raise ValueError(f"Line {node.lineno} has {given}; name each value once.")
        keywords[keyword.arg] = _literal(keyword.value, keyword.arg)
    arguments = tuple(_literal(value, name) for value in node.args if not isinstance(value, ast.Name))
    return Call(name, arguments, keywords, node.lineno)


def _literal(node: ast.expr, name: str) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise ValueError(
            f"Line {node.lineno}: what is given for {name} is no plain value (a number, a text, True, False, or a "
            "tuple of those), and nothing is computed here."
        ) from None
