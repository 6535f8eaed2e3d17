"""All claims of all papers in one ledger: measured now, counted, and shown by what came of them."""

from collections import Counter
from dataclasses import dataclass

from course import ledger
from course.ledger import VERDICTS, Claim, Finding, Ledger
from course.syllabus import lesson
from utils.show import colors
from utils.show.display import passing_bar
from utils.show.plot import Picture, label, panels

_COLORS = {"holds": colors.GREEN, "holds in part": colors.YELLOW, "does not hold": colors.VERMILION}


@dataclass(frozen=True)
class Book:
    """Every claim with the lesson that it belongs to and its finding."""

    entries: tuple[tuple[str, Claim, Finding], ...]

    @property
    def counts(self) -> Counter:
        """How many claims have each verdict."""
        return Counter(finding.verdict for _, _, finding in self.entries)

    def of(self, verdict: str = "", slug: str = "", word: str = "") -> Ledger:
        """The claims with this verdict, of this lesson, with this word in them; an empty text leaves a filter open.

        Raises:
            ValueError: a verdict or a lesson that does not exist.
        """
        if verdict and verdict not in VERDICTS:
            raise ValueError(f"verdict is {verdict!r}; it can be {', '.join(VERDICTS)}.")
        lessons = dict.fromkeys(each for each, _, _ in self.entries)
        if slug and slug not in lessons:
            raise ValueError(f"slug is {slug!r}; it can be {', '.join(lessons)}.")
        return Ledger(
            tuple(
                (claim, finding)
                for each, claim, finding in self.entries
                if finding.verdict == (verdict or finding.verdict)
                and each == (slug or each)
                and word.lower() in f"{claim.text} {claim.where} {finding.why}".lower()
            )
        )

    @property
    def picture(self) -> Picture:
        """How many claims of each lesson hold, hold in part, and do not hold."""
        by_lesson: dict[str, Counter] = {}
        for slug, _, finding in self.entries:
            by_lesson.setdefault(slug, Counter())[finding.verdict] += 1
        total = len(self.entries)
        title = f"{self.counts['holds']} of {total} claims hold as printed; counted and measured just now"
        figure, (axis,) = panels(1, title, width=8, height=0.9 + 0.34 * len(by_lesson))
        names, words = [], []
        for place, (slug, counts) in enumerate(by_lesson.items()):
            left = 0
            for verdict in VERDICTS:
                axis.barh(
                    -place, counts[verdict], left=left, color=_COLORS[verdict], label="" if place else verdict,
                    edgecolor="white",
                )  # fmt: skip
                if counts[verdict]:
                    ink = "white" if verdict != "holds in part" else "black"
                    axis.annotate(
                        str(counts[verdict]), (left + counts[verdict] / 2, -place), ha="center", va="center", fontsize=8.5, color=ink
                    )  # fmt: skip
                left += counts[verdict]
            names.append(f"{lesson(slug).number:02d} {lesson(slug).title}")
            words.append(f"{names[-1]}: {', '.join(f'{counts[verdict]} {verdict}' for verdict in VERDICTS)}")
        axis.set_yticks([-place for place in range(len(names))], names)
        label(axis, x="claims in the lesson's ledger")
        axis.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
        return Picture(figure, f"Bars. {title}. {'; '.join(words)}.")


def open_book(*, show: bool = True) -> Book:
    """Measure every claim of every lesson now."""
    claims = ledger.claims()
    found = []
    with passing_bar(total=len(claims), desc="measuring", disable=not show) as bar:
        for slug, _, claim in claims.values():
            bar.set_description(f"claim {claim.number}")
            found.append((slug, claim, claim.measure()))
            bar.update()
    return Book(tuple(sorted(found, key=lambda each: (lesson(each[0]).number, each[1].number))))
