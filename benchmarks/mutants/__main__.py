"""How sharp the checks are: `make mutants`, or `python -m benchmarks.mutants --help`."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from benchmarks.mutants import report
from benchmarks.mutants.operators import OPERATORS
from benchmarks.mutants.rewritings import REWRITINGS
from benchmarks.mutants.trials import Outcome, Trial, plan, prepare_worker, sampled, tried
from course.syllabus import LESSONS
from utils.system.files import write_whole

PROCESSES = 2
EVERY = 50  # outcomes, the files are brought up to date


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what was asked for; 1 comes back where something went wrong that `kept` does not list."""
    given = _parser().parse_args(arguments)
    trials = plan(given.lesson, given.operator, given.only)
    if given.sample is not None:
        trials = sampled(trials, given.sample, given.seed)
    keys = {trial.key for trial in trials}
    kept = json.loads(given.resume.read_text(encoding="utf-8")) if given.resume else []
    outcomes = [outcome for outcome in map(Outcome.from_data, kept) if outcome.trial.key in keys]
    done = {outcome.trial.key for outcome in outcomes}
    try:
        for outcome in _outcomes([trial for trial in trials if trial.key not in done], given.processes):
            outcomes.append(outcome)
            if len(outcomes) % EVERY == 0:
                _keep(given, outcomes)
    except KeyboardInterrupt:
        print(f"\nStopped after {len(outcomes):,} of {len(trials):,} trials; these are they.", file=sys.stderr)
    order = {trial.key: number for number, trial in enumerate(trials)}
    outcomes.sort(key=lambda each: order[each.trial.key])
    _keep(given, outcomes)
    if given.docs:
        write_whole(given.docs, _document(outcomes, len(trials)))
    print(report.wrong_ones(outcomes))
    if given.unnamed:
        print(report.unnamed(outcomes))
    print(f"\n{report.tables(outcomes)}\n\n{report.summary(outcomes)}")
    return int(any(report.is_wrong(each) and each.trial.key not in report.KEPT for each in outcomes))


def _keep(given: argparse.Namespace, outcomes: Sequence[Outcome]) -> None:
    if given.list:
        write_whole(given.list, report.wrong_ones(outcomes) + "\n")
    if given.json:
        write_whole(given.json, json.dumps([each.as_data() for each in outcomes], indent=1, ensure_ascii=False) + "\n")


def _outcomes(trials: Sequence[Trial], processes: int) -> Iterator[Outcome]:
    """What comes of each trial, as it comes, with a line that says how far it is."""
    began, wrong = time.monotonic(), 0
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=prepare_worker) as pool:
        waiting = [pool.submit(tried, trial) for trial in trials]
        try:
            for number, future in enumerate(as_completed(waiting), start=1):
                outcome = future.result()
                wrong += report.is_wrong(outcome)
                yield outcome
                left = (time.monotonic() - began) / number * (len(trials) - number)
                if sys.stderr.isatty() or number % 100 == 0 or number == len(trials):
                    end = "\r" if sys.stderr.isatty() and number < len(trials) else "\n"
                    text = f"{number:,} of {len(trials):,} tried, {wrong:,} went wrong, about {left / 60:.0f} min to go"
                    print(f"{text:<78}", end=end, file=sys.stderr, flush=True)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _document(outcomes: Sequence[Outcome], planned: int) -> str:
    """The page in docs/, with the day and the commit."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return (
        "# How sharp the checks are\n\n"
        f"Written by `make mutants` on {date.today():%-d %B %Y}, at commit {commit}. `benchmarks/mutants` says what is tried.\n\n"
        f"{len(outcomes):,} of {planned:,} trials were made. {report.summary(outcomes)}\n\n{report.tables(outcomes)}\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument(
        "--lesson",
        action="append",
        choices=[each.slug for each in LESSONS],
        help="only this lesson; may be given again",
    )
    parser.add_argument("--operator", action="append", choices=[*OPERATORS, *REWRITINGS], metavar="NAME",
                        help=f"only this slip or rewriting; may be given again: {', '.join([*OPERATORS, *REWRITINGS])}")  # fmt: skip
    parser.add_argument("--only", choices=["exercises", "assignments"])
    parser.add_argument("--sample", type=int, metavar="N", help="only so many, chosen by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome there")
    parser.add_argument(
        "--list", type=Path, metavar="FILE", help="keep the list of what went wrong there, while it runs"
    )
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the tables there")
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="go on from what --json has kept there; only with the checks as they were",
    )
    parser.add_argument("--unnamed", action="store_true", help="list the refusals that do not name the slip, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
