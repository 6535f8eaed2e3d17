"""All claims of all lessons, measured now: `python -m lessons ledger`."""

import textwrap
from collections.abc import Iterator, Sequence
from importlib import import_module

from lessons import syllabus
from utils.ledger import Claim, Finding

# The lessons that have claims, in the order of the course.
LESSONS = tuple(lesson.slug for lesson in syllabus.LESSONS if (lesson.folder / "paper.py").exists())
COLUMNS = 100


def claims() -> dict[int, tuple[str, str, Claim]]:
    """Every claim by its number, in their order: (lesson, title of its paper, claim)."""
    found = []
    for slug in LESSONS:
        paper = import_module(f"lessons.{slug}.paper")
        title = getattr(paper, "TITLE", "Going deeper with convolutions")
        found += [(slug, title, claim) for claim in paper.CLAIMS]
    return {entry[2].number: entry for entry in sorted(found, key=lambda entry: entry[2].number)}


def chosen(names: Sequence[str]) -> list[tuple[str, str, Claim]]:
    """The claims of these numbers and lessons, in numeric order; all of them for no names.

    Raises:
        ValueError: there is no claim or lesson of that name; the message lists those there are.
    """
    every = claims()
    numbers = set()
    for name in names:
        if name.isdigit() and int(name) in every:
            numbers.add(int(name))
        elif name in LESSONS:
            numbers |= {number for number, (slug, _, _) in every.items() if slug == name}
        else:
            raise ValueError(
                f"There is no claim or lesson {name!r}. The claims are {', '.join(map(str, every))}; "
                f"the lessons are {', '.join(LESSONS)}."
            )
    return [entry for number, entry in every.items() if number in numbers or not names]


def entry_text(slug: str, title: str, claim: Claim, finding: Finding) -> str:
    """One claim and what was found, for a terminal."""
    lines = textwrap.wrap(f"{claim.number}. {claim.text}", COLUMNS, subsequent_indent="    ")
    source = f"    {title.split(':')[0]}, {claim.where} (lesson {slug})"
    lines += textwrap.wrap(source, COLUMNS, subsequent_indent="    ")
    for word, text in (("paper", claim.printed), ("here", finding.measured), (finding.verdict, finding.why)):
        lead = f"    {word + ':':<6} "
        lines += textwrap.wrap(lead + text, COLUMNS, subsequent_indent=" " * 11, break_long_words=False)
    return "\n".join(lines)


def measured(names: Sequence[str] = ()) -> Iterator[tuple[str, str, Claim, Finding]]:
    """The chosen claims one after another, each measured when it is asked for."""
    for slug, title, claim in chosen(names):
        yield slug, title, claim, claim.measure()
