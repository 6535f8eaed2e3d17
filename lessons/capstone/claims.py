"""The learner's own claims, beside what their run and the recorded family say."""

from dataclasses import dataclass

from course.experiments import Result
from course.leaderboard import margin
from networks.design import BUDGET, Design
from utils.page.html import bold, output, table
from utils.train.runs import Run


@dataclass(frozen=True)
class Row:
    """One claim, what was measured, and the verdict."""

    claim: str
    measured: str
    verdict: str


@dataclass(frozen=True)
class OwnLedger:
    """Claims that a design makes by being handed in. It shows itself as a table."""

    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        return "\n".join(f"{row.claim}\n    {row.measured}: {row.verdict}" for row in self.rows)

    def _repr_html_(self) -> str:
        rows = ((row.claim, row.measured, bold(row.verdict)) for row in self.rows)
        return output(table(rows, head=("claim", "measured", "verdict"), caption="Your design's claims"))


def own_ledger(design: Design, run: Run, recorded: Result) -> OwnLedger:
    """The budget, learning at all, and the distance from each of the recorded family."""
    table = design.table()
    excess = BUDGET.excess(table)
    rows = [
        Row(
            f"It takes at most {BUDGET.parameters:,} parameters and {BUDGET.macs:,} multiply-adds.",
            f"{table.parameters:,} and {table.macs:,}",
            "does not hold" if excess else "holds",
        )
    ]
    if run.accuracy is None:
        return OwnLedger((*rows, Row("It learns.", "no epoch has ended", "not measured")))
    score, reach = 100 * run.accuracy, 100 * margin(run.accuracy, run.data["test"])
    chance = 100 / len(run.data["classes"])
    rows.append(
        Row(
            f"It is better than guessing, {chance:.0f} %.",
            f"{score:.1f} % ± {reach:.1f}",
            "holds" if score - reach > chance else "does not hold",
        )
    )
    for arm, scores in recorded.percentages.items():
        mean = sum(scores) / len(scores)
        # One run beside a few: where it lies outside of all theirs by more than its own margin, and no further.
        if score - reach > max(scores):
            verdict = "holds for this run"
        elif score + reach < min(scores):
            verdict = "does not hold for this run"
        else:
            verdict = "one run cannot tell"
        measured = f"{score:.1f} % ± {reach:.1f}, against {mean:.1f} % ({min(scores):.1f} to {max(scores):.1f})"
        rows.append(Row(f"It is better than the design of {arm}.", measured, verdict))
    return OwnLedger(tuple(rows))
