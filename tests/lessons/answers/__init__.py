"""Answers to the lessons' exercises that a check must accept or refuse, each refusal with the words it must contain.

They are what learners write: other names, other ways, and the slips that each exercise invites. One module a lesson: its
`ANSWERS` by the check's name, and in `SCOPE` what a learner's cell finds imported, besides torch and nn.
"""

import importlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Answers:
    right: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]  # (code, words of the sentence)


def of_lesson(slug: str) -> tuple[dict[str, Answers], dict[str, object]]:
    """(the kept answers by the check's name, what the learner's cells find imported)."""
    kept = importlib.import_module(f"tests.lessons.answers.{slug}")
    return kept.ANSWERS, getattr(kept, "SCOPE", {})


def module(init: str, forward: str, head: str = "in_channels, widths") -> str:
    """A module's code from the lines of its __init__ and its forward; `head` names what __init__ takes."""

    def indented(lines: str) -> str:
        return "\n".join("        " + line for line in lines.strip().splitlines())

    return (
        f"class Answer(nn.Module):\n    def __init__(self, {head}):\n        super().__init__()\n{indented(init)}\n"
        f"    def forward(self, x):\n{indented(forward)}\n"
    )


def function(name: str, body: str) -> str:
    """A function of one expression."""
    return f"Answer = lambda {name}: {body}\n"
