"""The papers' claims beside what the course's own networks measure: `python -m lessons ledger`."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from course import syllabus
from utils.page import html

VERDICTS = ("holds", "holds in part", "does not hold")


_MARKS = {"holds": "✔", "holds in part": "◐", "does not hold": "✘"}


@dataclass(frozen=True)
class Finding:
    """What was measured, whether the claim holds, and why or under which reading.

    Raises:
        ValueError: the verdict is not one of `VERDICTS`.
    """

    measured: str
    verdict: str
    why: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict is {self.verdict!r}; it can be {', '.join(VERDICTS)}.")


@dataclass(frozen=True)
class Claim:
    """One claim of a paper: its number in the course's list, what it says, where, the printed value, how to measure.

    `paper` is named where it is another one than its lesson's: that of a relative.
    """

    number: int
    text: str
    where: str
    printed: str
    measure: Callable[[], Finding]
    paper: str = ""

    @property
    def place(self) -> str:
        """Where it stands, as the lesson shows it."""
        return f"{self.paper.split(':')[0]}, {self.where}" if self.paper else self.where


@dataclass(frozen=True)
class Ledger:
    """Claims with their findings, measured when the ledger is made; it shows itself as a table."""

    entries: tuple[tuple[Claim, Finding], ...]

    def __repr__(self) -> str:
        return "\n\n".join(
            f"{_MARKS[finding.verdict]} {claim.number}. {claim.text} ({claim.place})\n"
            f"   paper: {claim.printed}\n   here:  {finding.measured}\n   {finding.verdict}: {finding.why}".rstrip(": ")
            for claim, finding in self.entries
        )

    def _repr_html_(self) -> str:
        rows = (
            (
                str(claim.number),
                html.text(claim.text, html.BREAK, html.tag("small", claim.place)),
                claim.printed,
                finding.measured,
                html.text(
                    html.tag("b", f"{_MARKS[finding.verdict]} {finding.verdict}", cls="course-whole"),
                    *((html.BREAK, finding.why) if finding.why else ()),
                ),
            )
            for claim, finding in self.entries
        )
        head = ("#", "claim", "the paper says", "measured here", "does it hold?")
        caption = "The paper against the measurement, which was made when this cell ran"
        return html.output(html.table(rows, head=head, caption=caption, align="r", cls="top course-ledger"))


def ledger(claims: Sequence[Claim]) -> Ledger:
    """Measure every claim now."""
    return Ledger(tuple((claim, claim.measure()) for claim in claims))


# The lessons that have claims, in the order of the course.
LESSONS = tuple(lesson.slug for lesson in syllabus.LESSONS if (lesson.folder / "paper.py").exists())


COLUMNS = 100


def claims() -> dict[int, tuple[str, str, Claim]]:
    """Every claim by its number, in their order: (lesson, title of its paper, claim)."""
    found = []
    for slug in LESSONS:
        paper = import_module(f"lessons.{slug}.paper")
        title = getattr(paper, "TITLE", "Going deeper with convolutions")
        found += [(slug, claim.paper or title, claim) for claim in paper.CLAIMS]
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
