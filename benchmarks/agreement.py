"""Does an experiment come to the same verdict live as recorded? `python -m benchmarks.agreement`

    python -m benchmarks.agreement                              the table of what has been tried
    python -m benchmarks.agreement --hours 2                    try on, the quickest experiments first; then the table
    python -m benchmarks.agreement separable_activation --hours 0.5 --way "oneDNN off"

Tried is what a lesson trains in front of the learner with several seeds: those arms, and as many seeds, as its cells say. All
other experiments are shown recorded there. Ten groups of seeds have none in common, nor with the recorded runs, and each is
run in four ways. The last three stand for other processors: what differs there is what differs between machines. A group
agrees where an arm has the verdict of the recorded short form, and where that is "differs", in the same direction. What was
tried is kept in `agreement.json` beside this file, each group as it ends; one that other code made is tried anew.
"""

import argparse
import ast
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import jupytext
import torch
from torch import nn

from course.experiments import Experiment, Result, experiment, names
from course.syllabus import LESSONS
from utils.cost.timing import on_threads
from utils.data.dataset import Data
from utils.system.files import write_whole
from utils.train.comparison import Difference
from utils.train.provenance import changed

KEPT = Path(__file__).with_name("agreement.json")
GROUPS = 10
NUDGE = 1e-6  # of a weight: its last digit


@contextmanager
def _without_onednn() -> Iterator[None]:
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before


def nudged(build: Callable[[Data], nn.Module], data: Data) -> nn.Module:
    """The network, each of whose first weights is another one in its last digit."""
    net = build(data)
    draws = torch.Generator().manual_seed(sum(parameter.numel() for parameter in net.parameters()))
    with torch.no_grad():
        for parameter in net.parameters():
            signs = torch.randint(2, parameter.shape, generator=draws) * 2 - 1
            parameter.mul_(1 + NUDGE * signs)
    return net


def with_nudges(entry: Experiment) -> Experiment:
    """The same experiment with other last digits in all first weights."""
    arms = {name: replace(arm, build=partial(nudged, arm.build)) for name, arm in entry.arms.items()}
    build = entry.short.build
    short = entry.short if build is None else replace(entry.short, build=partial(nudged, build))
    return replace(entry, arms=arms, short=short)


WAYS = {  # how else the same is computed, and what is changed for it
    "as it is": partial(on_threads, 1),
    "oneDNN off": _without_onednn,
    "two threads": partial(on_threads, 2),
    "nudged": partial(on_threads, 1),
}


@dataclass(frozen=True)
class Live:
    """What a lesson trains of an experiment in front of the learner."""

    arms: tuple[str, ...]
    seeds: int  # how many of each arm


@cache
def live() -> dict[str, Live]:
    """What the lessons train with several seeds, by experiment: their calls of `run`, in the short form."""
    found = {}
    for lesson in LESSONS:
        text = (lesson.folder / "lesson.md").read_text(encoding="utf-8")
        for name, given in calls_of_run(text):
            entry = experiment(name)
            trained = Live(tuple(given.get("arms", entry.arms)), len(given.get("seeds", entry.short.seeds)))
            if trained.seeds > 1 and len(trained.arms) > 1:
                found[name] = trained
    return found


def calls_of_run(text: str) -> Iterator[tuple[str, dict[str, Sequence]]]:
    """The calls `experiment("name").run(...)` of a lesson, or of a variable that holds it: the name, and what is handed over."""
    variables = {}
    for cell in jupytext.reads(text, fmt="md:myst").cells:
        if cell.cell_type != "code":
            continue
        nodes = list(ast.walk(ast.parse(cell.source)))
        for node in nodes:
            if isinstance(node, ast.Assign) and (name := _experiment_of(node.value, variables)):
                variables[node.targets[0].id] = name
        calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        for call in calls:
            if call.func.attr == "run" and (name := _experiment_of(call.func.value, variables)):
                yield name, {given.arg: ast.literal_eval(given.value) for given in call.keywords}


def _experiment_of(node: ast.expr, variables: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return variables.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "experiment":
        return ast.literal_eval(node.args[0])
    return None


@dataclass
class Group:
    """One live run of an experiment's short form, with seeds of its own."""

    experiment: str
    way: str
    arms: list[str]
    seeds: list[int]
    verdicts: dict[str, str] = field(default_factory=dict)  # by arm
    means: dict[str, float] = field(default_factory=dict)  # the differences, in the quantity's unit
    seconds: float = 0.0
    source: str = ""  # when and on what machine, by which commit
    torch: str = ""
    code: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, tuple[str, ...], tuple[int, ...]]:
        return self.experiment, self.way, tuple(self.arms), tuple(self.seeds)


def planned(name: str, ways: Sequence[str] = tuple(WAYS)) -> list[Group]:
    """The groups of an experiment: as many seeds in each as its lesson trains, none of them recorded; none where it trains none."""
    if name not in live():
        return []
    trained, recorded = live()[name], experiment(name).recorded("short")
    used = {run.seed for runs in recorded.runs.values() for run in runs} if recorded else set()
    size, first = trained.seeds, max(used, default=-1) + 1
    return [
        Group(name, way, list(trained.arms), list(range(first + number * size, first + (number + 1) * size)))
        for way in ways
        for number in range(GROUPS)
    ]


def tried(group: Group, *, entry: Experiment | None = None) -> Group:
    """The group with its verdicts.

    Raises:
        ValueError: there is no such experiment or way.
        KeyboardInterrupt: it was stopped before all of its runs were whole.
    """
    entry = entry or experiment(group.experiment)
    if group.way not in WAYS:
        raise ValueError(f"way is {group.way!r}; there are: {', '.join(WAYS)}.")
    entry = with_nudges(entry) if group.way == "nudged" else entry
    began = time.monotonic()
    with WAYS[group.way]():
        result = entry.run(arms=group.arms, seeds=group.seeds, show=False)
    if any(len(runs) < len(group.seeds) for runs in result.runs.values()):
        raise KeyboardInterrupt
    run = next(iter(result.runs.values()))[0]
    differences = _differences(result)
    return replace(
        group,
        verdicts={arm: each.verdict for arm, each in differences.items()},
        means={arm: round(each.mean, 4) for arm, each in differences.items()},
        seconds=round(time.monotonic() - began, 1),
        source=result.source,
        torch=run.versions["torch"],
        code=run.code,
    )


def _differences(result: Result) -> dict[str, Difference]:
    comparison = result.compare()
    return {each.name: each for each in comparison.differences} if comparison else {}


def kept(file: Path = KEPT) -> list[Group]:
    """What was tried by the code as it is now."""
    if not file.exists():
        return []
    found = [Group(**each) for each in json.loads(file.read_text(encoding="utf-8"))]
    return [group for group in found if changed(group.code) == []]


def keep(groups: Sequence[Group], file: Path = KEPT) -> None:
    """Write the groups, whole, in an order of their own."""
    order = {way: number for number, way in enumerate(WAYS)}
    data = [asdict(group) for group in sorted(groups, key=lambda each: (each.experiment, order[each.way], each.seeds))]
    write_whole(file, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def agrees(verdict: str, mean: float, recorded: Difference) -> bool:
    """The recorded verdict, and where that is "differs", in the same direction."""
    return verdict == recorded.verdict and (verdict != "differs" or mean * recorded.mean > 0)


def rows(groups: Sequence[Group]) -> list[list[str]]:
    """For each experiment and arm: what is recorded, and in how many groups the live form says so, way by way."""
    table = []
    for name in names():
        entry = experiment(name)
        short, shown = entry.recorded("short"), entry.recorded()
        if short is None or shown is None:
            continue
        runs = [run for of_arm in shown.runs.values() for run in of_arm]
        about = [name, entry.question, f"{shown.form_name}, {shown.form.data}", str(len(runs))]
        about.append(f"{sum(run.seconds for run in runs) / 3600:.1f}")
        longest, trained = _differences(shown), live().get(name)
        for arm, recorded in _differences(short).items():
            cells = [
                _count(arm, recorded, [each for each in groups if each.experiment == name and each.way == way])
                for way in WAYS
            ]
            told = longest[arm].verdict if arm in longest else ""
            seeds = f"{trained.seeds} seeds" if trained and arm in trained.arms else "recorded"
            table.append([*about, arm, told, recorded.verdict, seeds, *cells])
            about = [""] * len(about)
    return table


def _count(arm: str, recorded: Difference, groups: Sequence[Group]) -> str:
    groups = [group for group in groups if arm in group.verdicts]
    if not groups:
        return "–"
    same = sum(agrees(group.verdicts[arm], group.means[arm], recorded) for group in groups)
    left_open = sum(group.verdicts[arm] == "open" != recorded.verdict for group in groups)
    return f"{same} of {len(groups)}" + (f" ({left_open} open)" if left_open else "")


HEAD = (
    "experiment",
    "question",
    "recorded",
    "runs",
    "hours",
    "arm",
    "verdict",
    "of the short form",
    "in the lesson",
    *WAYS,
)


def table(groups: Sequence[Group]) -> str:
    """The table in Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *rows(groups)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cost(name: str) -> float:
    """Seconds of a group, by what its recorded runs took."""
    recorded, trained = experiment(name).recorded("short"), live().get(name)
    if recorded is None or trained is None:
        return float("inf")
    every = [run.seconds for arm in trained.arms for run in recorded.runs[arm]]
    return sum(every) / len(every) * trained.seeds * len(trained.arms)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try on for the time that was asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="experiments; where none is named, all that a lesson trains")
    parser.add_argument(
        "--hours", type=float, default=0.0, help="try on for so long; no group is begun that would not end"
    )
    parser.add_argument("--way", choices=WAYS, action="append", help="only in this way; may be given several times")
    given = parser.parse_args(arguments)
    for name in given.names:
        try:
            experiment(name)
        except ValueError as problem:
            parser.error(str(problem))
    until = time.monotonic() + 3600 * given.hours
    wanted = {each.key for name in live() for each in planned(name)}
    groups = [group for group in kept() if group.key in wanted]  # the lessons may train other arms now
    done = {group.key for group in groups}
    chosen = sorted(given.names or names(), key=_cost)
    plan = [each for way in given.way or WAYS for name in chosen for each in planned(name, [way])]
    try:
        for group in plan:
            if group.key in done or time.monotonic() + _cost(group.experiment) > until:
                continue
            groups.append(tried(group))
            keep(groups)
            print(
                f"{group.experiment}, {group.way}, seeds {group.seeds[0]} to {group.seeds[-1]}: {groups[-1].verdicts}",
                file=sys.stderr,
            )
    except KeyboardInterrupt:
        print("Stopped; what was whole is kept.", file=sys.stderr)
    print(table(groups))
    return 0


if __name__ == "__main__":
    sys.exit(main())
