"""What came of many trials: tables by lesson and by operator, and lists of what went wrong."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from benchmarks.mutants.kept import KEPT
from benchmarks.mutants.trials import Outcome

WRONG = ("survived", "refused", "broken", "too long")


def is_wrong(outcome: Outcome) -> bool:
    """Is it a fault of a check, or of the benchmark?"""
    return outcome.verdict in WRONG


def tables(outcomes: Sequence[Outcome]) -> str:
    """Both tables, as Markdown."""
    mutants = [each for each in outcomes if each.trial.kind == "mutant"]
    rewritten = [each for each in outcomes if each.trial.kind == "rewriting"]
    parts = []
    if mutants:
        parts += [_of_mutants("lesson", mutants, lambda each: each.trial.slug)]
        parts += [_of_mutants("operator", mutants, lambda each: each.trial.operator)]
    if rewritten:
        parts += [_of_rewritings("lesson", rewritten, lambda each: each.trial.slug)]
        parts += [_of_rewritings("rewriting", rewritten, lambda each: each.trial.operator)]
    return "\n\n".join(parts)


def summary(outcomes: Sequence[Outcome]) -> str:
    """One paragraph."""
    count = Counter(each.verdict for each in outcomes)
    judged = count["killed"] + count["survived"]
    nameable = [each for each in outcomes if each.named is not None]
    parts = []
    if judged:
        parts.append(
            f"{judged:,} wrong answers: {count['killed']:,} refused, {count['survived']:,} passed "
            f"({count['survived'] / judged:.1%}). Of {len(nameable):,} refusals that could name the slip "
            f"{sum(map(bool, (each.named for each in nameable))) / max(len(nameable), 1):.0%} do. {count['equivalent']:,} more were no "
            "slips: they behave as the solution does."
        )
    right = count["accepted"] + count["refused"]
    if right:
        parts.append(f"{right:,} right answers: {count['accepted']:,} accepted, {count['refused']:,} refused.")
    for verdict, words in (
        ("broken", "rewritings changed the behaviour"),
        ("too long", "trials took too long"),
        ("no answer", "did not run at all"),
    ):
        if count[verdict]:
            parts.append(f"{count[verdict]:,} {words}.")
    return " ".join(parts)


def wrong_ones(outcomes: Sequence[Outcome]) -> str:
    """Every survivor, wrong refusal and broken rewriting, with what was changed and what was said."""
    blocks = []
    for each in sorted(filter(is_wrong, outcomes), key=lambda each: (each.verdict, each.trial.key)):
        reason = KEPT.get(each.trial.key)
        said = each.sentence if each.verdict == "refused" else f"differs: {each.difference}"
        lines = "\n".join(f"    {line}" for line in each.trial.lines.splitlines())
        known = f"\n    (known: {reason})" if reason else ""
        blocks.append(
            f"{each.verdict.upper()}  {each.trial.slug}.{each.trial.exercise}  {each.trial.operator}\n{lines}\n    {said}{known}"
        )
    return "\n\n".join(blocks)


def unnamed(outcomes: Sequence[Outcome]) -> str:
    """Refusals that do not name the slip."""
    blocks = []
    for each in sorted((each for each in outcomes if each.named is False), key=lambda each: each.trial.key):
        lines = "\n".join(f"    {line}" for line in each.trial.lines.splitlines())
        blocks.append(
            f"UNNAMED  {each.trial.slug}.{each.trial.exercise}  {each.trial.operator}\n{lines}\n    {each.sentence}"
        )
    return "\n\n".join(blocks)


def _grouped(outcomes: Sequence[Outcome], by: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    groups = defaultdict(list)
    for each in outcomes:
        groups[by(each)].append(each)
    return {**groups, "all": list(outcomes)}


def _of_mutants(title: str, outcomes: Sequence[Outcome], by: Callable[[Outcome], str]) -> str:
    rows = []
    for name, group in _grouped(outcomes, by).items():
        count = Counter(each.verdict for each in group)
        names = [each.named for each in group if each.named is not None]
        share = f"{sum(names) / len(names):.0%}" if names else ""
        rows.append(
            (name, len(group) - count["no answer"], count["equivalent"], count["killed"], count["survived"], share)
        )
    return _markdown((title, "mutants", "equivalent", "refused", "passed", "named"), rows)


def _of_rewritings(title: str, outcomes: Sequence[Outcome], by: Callable[[Outcome], str]) -> str:
    rows = []
    for name, group in _grouped(outcomes, by).items():
        count = Counter(each.verdict for each in group)
        rows.append((name, len(group), count["accepted"], count["refused"], count["broken"]))
    return _markdown((title, "rewritings", "accepted", "refused", "broken"), rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    texts = [[f"{each:,}" if isinstance(each, int) else str(each) for each in row] for row in (head, *rows)]
    sizes = [max(len(row[at]) for row in texts) for at in range(len(head))]
    lines = [
        "| " + " | ".join(each.ljust(size) if at == 0 else each.rjust(size) for at, (each, size) in enumerate(zip(row, sizes, strict=True))) + " |"
        for row in texts
    ]  # fmt: skip
    rule = (
        "|" + "|".join("-" * (size + 2) if at == 0 else "-" * (size + 1) + ":" for at, size in enumerate(sizes)) + "|"
    )
    return "\n".join([lines[0], rule, *lines[1:]])
