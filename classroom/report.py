"""What a teacher is told: a `Row` for each student, and `table(rows)` for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Row:
    """One student in the report: points by test, the sum that the tests gave, and what a teacher should know."""

    student: str
    points: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    is_new: bool = False
    name: str = ""  # as the class's list has it

    @property
    def who(self) -> str:
        return f"{self.student} ({self.name})" if self.name else self.student

    @property
    def total(self) -> float:
        return sum(self.points.values())


@dataclass
class Collected:
    """What became of a download.

    Attributes:
        rows: the students of whom something was taken in, with remarks.
        questions: what could not be given to one student, and what to do.
        notes: what holds for all of them.
        files: how many files there were.
        taken: how many of them are in the class now.
        left: each of the others, with the reason.
    """

    rows: list[Row] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)

    @property
    def files(self) -> int:
        return self.taken + len(self.left)

    @property
    def sentence(self) -> str:
        """The count: files, and students."""
        asked = f", {len(self.questions)} asked about" if self.questions else ""
        return f"{self.files} files, {self.taken} taken in; {len(self.rows)} handed in{asked}."

    def __str__(self) -> str:
        """The account, for a terminal: what is asked, what was odd, and every file that was not taken in."""
        lines = [f"{row.who}: {remark}" for row in self.rows for remark in row.remarks]
        if self.left:
            lines.append(f"Not taken in ({len(self.left)} of {self.files} files):")
            lines += [f"  {path}: {reason}" for path, reason in self.left]
        if self.questions:
            lines.append("Whose is it? Nothing of these is taken in until you say:")
            lines += [f"  {question}" for question in self.questions]
        return "\n".join([*lines, *self.notes])


def table(rows: Sequence[Row]) -> str:
    """The report for a terminal: a line for each student, and remarks below it."""
    names = list(dict.fromkeys(name for row in rows for name in row.points))
    width = max([len(row.student) for row in rows] + [7])
    last = ["name"] if any(row.name for row in rows) else []
    lines = ["  ".join([f"{'student':<{width}}", *names, "by tests", *last])]
    for row in rows:
        cells = [f"{row.points.get(name, 0):>{len(name)}g}" if row.points else f"{'-':>{len(name)}}" for name in names]
        total = f"{row.total:>8g}" if row.points else f"{'-':>8}"
        lines.append("  ".join([f"{row.student:<{width}}", *cells, total, *([row.name] if row.name else [])]))
        lines += [f"{'':<{width}}    {remark}" for remark in row.remarks]
    return "\n".join(lines)
