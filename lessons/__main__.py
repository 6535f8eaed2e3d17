"""The command line of the course: `python -m lessons --help`."""

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The Inception course without a browser.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """The Inception course without a browser."""


@app.command("list")
def list_lessons() -> None:
    """The lessons in their order."""
    from lessons.syllabus import LESSONS

    for entry in LESSONS:
        typer.echo(f"{entry.number:02d}  {entry.slug:<20} {entry.minutes:>3} min  {entry.title}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    root: str = typer.Option("", help="Open this folder instead of the learner's own; `.` is the whole checkout."),
    browser: bool = typer.Option(True, help="Open a browser where there is one; the address is printed anyway."),
) -> None:
    """Open the course in JupyterLab. Further options, such as --port=9000, go to JupyterLab."""
    from lessons import workspace
    from lessons.syllabus import LESSONS
    from utils import jupyter

    work = workspace.folder()
    bring_up_to_date()
    os.environ["COURSE_WORK"] = str(work)
    if root:
        # A layout of its own: the learner's tabs are paths in another folder.
        jupyter.start(Path(root).resolve(), work / ".jupyter-root", browser=browser, extra=context.args)
    else:
        document = f"notebooks/{LESSONS[0].notebook}"
        jupyter.start(work, work / ".jupyter", document, browser=browser, extra=context.args)


@app.command("workspace")
def bring_up_to_date() -> None:
    """Bring your own notebooks up to date with the course; what you have edited is kept."""
    from lessons import workspace

    try:
        changes = workspace.update()
    except OSError as error:
        typer.echo(f"Your folder {workspace.folder()} cannot be written: {error}.", err=True)
        raise typer.Exit(1) from None
    for change in changes:
        if change.sentence:
            typer.echo(change.sentence)
    made = sum(change.kind == "made" for change in changes)
    if made:
        typer.echo(
            f"{made} {'notebook is' if made == 1 else 'notebooks are'} new in {workspace.folder() / 'notebooks'}."
        )


@app.command()
def build(
    slugs: Annotated[
        list[str] | None, typer.Argument(help="Lessons to build; all of them where none is named.")
    ] = None,
) -> None:
    """Write the learners' notebooks from the lessons' sources."""
    from lessons import build as builder
    from lessons.syllabus import LESSONS, lesson

    try:
        chosen = [lesson(slug) for slug in slugs] if slugs else LESSONS
        for built in builder.build(chosen):
            typer.echo(built.sentence)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def assign(
    slugs: Annotated[
        list[str] | None, typer.Argument(help="Lessons; all that have an assignment, where none is named.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="The nbgrader course folder; it is made where there is none.")] = Path(
        "class"
    ),
) -> None:
    """Make the students' versions of assignments in an nbgrader course folder."""
    from lessons import assign as assignments
    from lessons.syllabus import lesson

    try:
        chosen = [lesson(slug) for slug in slugs] if slugs else assignments.with_assignment()
        for path in assignments.release(chosen, folder):
            typer.echo(f"{path} is ready for the students.")
    except (ValueError, assignments.AssignError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(
        f"What they hand in goes to {folder / 'submitted'}; then, in {folder}: nbgrader autograde --assignment NAME"
    )


@app.command()
def ledger(
    names: Annotated[
        list[str] | None, typer.Argument(help="Claims by number, or lessons by name; all of them where none is named.")
    ] = None,
) -> None:
    """The papers' claims beside what the course's networks measure now."""
    from collections import Counter

    from lessons import ledger as entries

    try:
        total = len(entries.chosen(names or ()))
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(
        f"Measuring {total} {'claim' if total == 1 else 'claims'} on the networks, without weights ...", err=True
    )
    verdicts = Counter()
    for slug, title, claim, finding in entries.measured(names or ()):
        typer.echo(entries.entry_text(slug, title, claim, finding) + "\n")
        verdicts[finding.verdict] += 1
    typer.echo(f"{total} measured: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) + ".")


@app.command()
def networks(
    size: Annotated[str, typer.Option(help="full: as in the papers; mini: for images of 32 × 32.")] = "full",
) -> None:
    """The family's table: parameters, multiply-adds, activations, depth and the papers' errors."""
    from lessons import measure

    typer.echo("Counting every network, without weights ...", err=True)
    try:
        typer.echo(measure.family(size))
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def doctor() -> None:
    """Say what this machine has and lacks for the course."""
    from utils.doctor import examine

    typer.echo(str(examine()))


if __name__ == "__main__":
    app()
