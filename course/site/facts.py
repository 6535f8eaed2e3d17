"""What only the pages show: the whole ledger to filter, a network's facts, an experiment's record."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from course.experiments import experiment
from course.ledger import VERDICTS, claims, measured
from course.syllabus import lesson
from networks import measure
from networks.catalog import entry
from utils.cost.table import field_text, shape_text
from utils.page import html
from utils.show.colors import BLUE


@dataclass(frozen=True)
class Shown:
    """A piece of a page."""

    html: html.Html

    def _repr_html_(self) -> str:
        return html.output(self.html)

    def __repr__(self) -> str:
        return "Open this page in a browser."


def whole_ledger(names: Sequence[str] = ()) -> Shown:
    """Every claim of every paper with its finding, measured now; the page filters it by its paper and its verdict.

    Args:
        names: only the claims of these numbers and lessons.
    """
    rows = []
    for slug, title, claim, finding in measured(names):
        rows.append(
            (
                str(claim.number),
                html.text(title.split(":")[0]),
                html.text(claim.text, html.BREAK, html.tag("small", claim.where)),
                claim.printed,
                finding.measured,
                html.text(html.tag("b", finding.verdict, cls="course-whole"), html.BREAK, finding.why),
                html.tag("a", "lesson", href=f"lessons/{lesson(slug).notebook.removesuffix('.ipynb')}.html"),
            )
        )
    head = ("#", "paper", "claim", "the paper says", "measured here", "does it hold?", "where")
    counts = ", ".join(f"{verdict} {sum(f'>{verdict}<' in row[5] for row in rows)}" for verdict in VERDICTS)
    caption = f"{len(rows)} claims: {counts}"
    return Shown(html.table(rows, head=head, caption=caption, align="r", cls="top course-ledger course-filtered"))


def claim(number: int) -> Shown:
    """One claim of the ledger, and what was measured now."""
    _, title, said, finding = next(measured([str(number)]))
    rows = [
        ("the paper says", html.text(html.bold(said.printed), f": {said.text}")),
        ("measured here", html.bold(finding.measured)),
        ("does it hold?", html.text(html.bold(finding.verdict), f": {finding.why}")),
        ("where", f"{title}, {said.where}"),
    ]
    return Shown(html.table(rows, row_heads=True, cls="top"))


def network(name: str) -> Shown:
    """What the catalog knows of a network, its variants counted now."""
    known = entry(name)
    words, address = known.link
    link = html.tag("a", words, href=address)
    counts = {}
    for variant in known.variants if known.released_differs else known.variants[:1]:
        counts[variant] = f"{measure.cost(name, variant).parameters:,}"
    same = "" if known.released_differs else " (the released network is the same)"
    rows = [
        ("paper", html.text(f"{known.paper} ({known.year}), ", link)),
        ("what it brought", known.new),
        ("grew from", ", ".join(entry(each).title for each in known.grew_from) or "–"),
        ("images", f"{known.input_size} × {known.input_size}"),
        *((f"parameters, {variant}", f"{count}{same}") for variant, count in counts.items()),
    ]
    errors = [
        f"{kind} {error} %"
        for kind, error in (("top-1", known.top1_error), ("top-5", known.top5_error))
        if error is not None
    ]
    if errors:
        rows.append(("error on ImageNet, as printed", f"{', '.join(errors)} ({known.error_source})"))
    return Shown(html.table(rows, row_heads=True, cls="top"))


def stages(name: str, variant: str) -> Shown:
    """What each stage of a network costs, counted now: output, parameters, multiply-adds with their share as a bar."""
    known = entry(name)
    table = measure.cost(name, variant)
    last = {row.name.split(".")[0]: row for row in table.rows}
    rows = []
    for stage, cost in table.by_stage().items():
        share = cost.macs / table.macs
        macs = html.shaded(f"{cost.macs:,}", share, BLUE, cls="r")
        field = field_text(last[stage].receptive_field)
        rows.append((stage, shape_text(last[stage].shape), f"{cost.parameters:,}", macs, f"{100 * share:.1f} %", field))
    head = ("stage", "output", "parameters", "multiply-adds", "share", "receptive field")
    caption = html.bold(f"{known.title}, {variant}: {table.parameters:,} parameters, {table.macs:,} multiply-adds")
    return Shown(html.table(rows, head=head, caption=caption, align="llrrrl", row_heads=True))


def reading(name: str) -> Shown:
    """How the course read the paper, and where the released network differs: what the network's class says of itself."""
    said = inspect.getdoc(entry(name).network) or ""
    paragraphs = [part.replace("\n", " ") for part in said.split("\n\n") if not part.startswith("Raises:")]
    return Shown(html.text(*(html.tag("p", html.with_code(part)) for part in paragraphs)))


def numbers_of(name: str) -> tuple[int, ...]:
    """The ledger's claims of the paper that brought a network; where it has none of them, those that name the network."""
    known, every = entry(name), claims()
    paper = known.paper.split(":")[0].lower()
    own = tuple(number for number, (_, title, _) in every.items() if title.split(":")[0].lower() == paper)
    return own or tuple(number for number, (_, _, said) in every.items() if known.title in said.text)


def claims_of(name: str) -> Shown:
    """The claims of the ledger about a network, see `numbers_of`, each measured now."""
    rows = [
        (
            str(said.number),
            html.text(said.text, html.BREAK, html.tag("small", said.where)),
            said.printed,
            finding.measured,
            html.text(html.tag("b", finding.verdict, cls="course-whole"), html.BREAK, finding.why),
        )
        for _, _, said, finding in measured([str(number) for number in numbers_of(name)])
    ]
    head = ("#", "claim", "the paper says", "measured here", "does it hold?")
    return Shown(html.table(rows, head=head, align="r", cls="top course-ledger"))


def record(name: str) -> object:
    """The recorded runs of an experiment: the longest form of which enough are there; its plan where none are."""
    found = experiment(name).recorded()
    return experiment(name) if found is None else found
