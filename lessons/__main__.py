"""The command line of the course: `python -m lessons --help`."""

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


if __name__ == "__main__":
    app()
