"""The papers' claims beside what the course's own networks measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

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

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict is {self.verdict!r}; it can be {', '.join(VERDICTS)}.")


@dataclass(frozen=True)
class Claim:
    """One claim of a paper: its number in the course's list, what it says, where, the printed value, how to measure."""

    number: int
    text: str
    where: str
    printed: str
    measure: Callable[[], Finding]


@dataclass(frozen=True)
class Ledger:
    """Claims with their findings, measured when the ledger is made; it shows itself as a table."""

    entries: tuple[tuple[Claim, Finding], ...]

    def __repr__(self) -> str:
        return "\n\n".join(
            f"{_MARKS[finding.verdict]} {claim.number}. {claim.text} ({claim.where})\n"
            f"   paper: {claim.printed}\n   here:  {finding.measured}\n   {finding.verdict}: {finding.why}".rstrip(": ")
            for claim, finding in self.entries
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{claim.number}</td>"
            f'<td style="text-align:left">{escape(claim.text)}<br/><small>{escape(claim.where)}</small></td>'
            f'<td style="text-align:left">{escape(claim.printed)}</td>'
            f'<td style="text-align:left">{escape(finding.measured)}</td>'
            f'<td style="text-align:left"><b style="white-space:nowrap">{_MARKS[finding.verdict]} {finding.verdict}</b>'
            f"{'<br/>' if finding.why else ''}{escape(finding.why)}</td></tr>"
            for claim, finding in self.entries
        )
        head = "".join(
            f'<th scope="col" style="text-align:left">{title}</th>'
            for title in ("#", "claim", "the paper says", "measured here", "does it hold?")
        )
        return (
            '<table class="course-ledger"><caption style="text-align:left">The paper against the measurement, '
            f"which was made when this cell ran</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )


def ledger(claims: Sequence[Claim]) -> Ledger:
    """Measure every claim now."""
    return Ledger(tuple((claim, claim.measure()) for claim in claims))
