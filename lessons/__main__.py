"""The command line of the course: `python -m lessons --help`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

try:
    import typer
except ModuleNotFoundError:
    raise SystemExit(
        "The command line needs typer, which is not installed here. Install it: pip install typer"
    ) from None

from utils.system.quick_start import search_less

search_less()
app = typer.Typer(help="The Inception course without a browser.", no_args_is_help=True, pretty_exceptions_enable=False)


@contextmanager
def _told(*kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds, and ValueErrors, end the command with their sentence."""
    try:
        yield
    except (ValueError, *kinds) as error:
        said = str(error)
        if isinstance(error, OSError) and error.filename is not None and error.strerror:
            said = f"{error.filename}: {error.strerror}."  # without the system's number
        typer.echo("\n".join([said, *getattr(error, "__notes__", ())]), err=True)
        raise typer.Exit(1) from None


@app.callback()
def main() -> None:
    """The Inception course without a browser."""


@app.command("list")
def list_lessons() -> None:
    """The lessons in their order."""
    from course.syllabus import LESSONS

    for entry in LESSONS:
        typer.echo(f"{entry.number:02d}  {entry.slug:<20} {entry.minutes:>3} min  {entry.title}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    root: str = typer.Option("", help="Open this folder instead of the learner's own; `.` is the whole checkout."),
    browser: bool = typer.Option(True, help="Open a browser where there is one; the address is printed anyway."),
) -> None:
    """Open the course in JupyterLab. Further options, such as --port=9000, go to JupyterLab."""
    from course.syllabus import LESSONS
    from utils.setup import jupyter
    from utils.system.places import work_folder

    work = work_folder()
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
    from course import workspace
    from utils.system.places import work_folder

    try:
        changes = workspace.update()
    except OSError as error:
        typer.echo(f"Your folder {work_folder()} cannot be written: {error}.", err=True)
        raise typer.Exit(1) from None
    for change in changes:
        if change.sentence:
            typer.echo(change.sentence)
    made = sum(change.kind == "made" for change in changes)
    if made:
        typer.echo(f"{made} {'notebook is' if made == 1 else 'notebooks are'} new in {work_folder() / 'notebooks'}.")


@app.command()
def build(
    slugs: Annotated[
        list[str] | None, typer.Argument(help="Lessons to build; all of them where none is named.")
    ] = None,
) -> None:
    """Write the learners' notebooks from the lessons' sources."""
    from course import build as builder
    from course.syllabus import LESSONS, lesson

    with _told(OSError):
        chosen = [lesson(slug) for slug in slugs] if slugs else LESSONS
        for built in builder.build(chosen):
            typer.echo(built.sentence)


@app.command()
def site(
    into: Annotated[
        Path, typer.Option(help="The folder that the pages are put into; what is there is replaced.")
    ] = Path("site"),
    jobs: Annotated[int, typer.Option(min=1, help="How many pages run at a time.")] = 2,
) -> None:
    """Build the course's web pages: every lesson executed, networks, experiments, the ledger, guides, reference."""
    from course.site import book

    with _told(RuntimeError, OSError):
        typer.echo(f"Open {book.build(into.absolute(), jobs=jobs, say=typer.echo)} in a browser.")


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
    from classroom import assignments
    from course.syllabus import lesson

    with _told(RuntimeError):
        chosen = [lesson(slug) for slug in slugs] if slugs else assignments.with_assignment()
        for path in assignments.release(chosen, folder):
            typer.echo(f"{path} is ready for the students.")
    typer.echo(
        f"What they hand in goes to {folder / 'submitted'}; then, in {folder}: nbgrader autograde --assignment NAME"
    )


@app.command("student-copy")
def student_copy(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or an earlier copy.")],
) -> None:
    """Make what a class gets: the course without the assignments' sources, solutions and hidden tests."""
    from classroom import student_copy

    with _told(OSError):
        count = student_copy.make(folder)
    typer.echo(
        f"{count} files are in {folder}: give it to your students. Assignments' solutions and tests are not in it."
    )


classroom = typer.Typer(
    help="A class with nbgrader: from the release of an assignment to the marks.", no_args_is_help=True
)
app.add_typer(classroom, name="classroom")
_Slug = Annotated[str, typer.Argument(help="An assignment: inception_module, googlenet, ...")]
_Class = Annotated[Path, typer.Option("--folder", help="The class's folder.")]
_Exchange = Annotated[bool, typer.Option("--exchange", help="Also through nbgrader's exchange, on a shared server.")]


@classroom.command("init")
def classroom_init(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or a class that lacks something.")],
    seed: Annotated[
        str, typer.Option(help="A word for this class and year; the assignments' numbers follow from it.")
    ] = "",
    lessons: Annotated[
        list[str] | None, typer.Option("--lesson", help="Only these lessons; can be given again.")
    ] = None,
    exchange: Annotated[
        Path | None,
        typer.Option(envvar="COURSE_EXCHANGE", help="nbgrader's exchange, on a server that students share."),
    ] = None,
    course: Annotated[str, typer.Option(envvar="COURSE_ID", help="The class's name in the exchange.")] = "inception",
) -> None:
    """Make a class: nbgrader's configuration and the sources of the assignments."""
    from classroom import course_folder

    with _told(RuntimeError, OSError):
        for path in course_folder.init(folder, seed=seed, slugs=lessons or (), exchange=exchange, course=course):
            typer.echo(f"{path} is written: with solutions, for you alone.")
        for sentence in course_folder.newer_texts(folder):
            typer.echo(sentence)
    typer.echo(f"Next, in {folder}: python -m lessons classroom release NAME")


@classroom.command("release")
def classroom_release(slug: _Slug, folder: _Class = Path("."), exchange: _Exchange = False) -> None:
    """Make the students' version of an assignment."""
    from classroom import course_folder

    with _told(RuntimeError, OSError):
        path = course_folder.release(folder, slug, exchange=exchange)
        for sentence in course_folder.newer_texts(folder, [slug]):
            typer.echo(sentence)
        due = course_folder.due_sentences(folder, slug)
    typer.echo(f"{path} is ready: give it to your students. Solutions and hidden tests are not in it.")
    typer.echo("\n".join(due))


_From = Annotated[Path | None, typer.Option("--from", help="The folder or zip that your learning platform gave you.")]
_Who = Annotated[
    Path | None,
    typer.Option(help="Moodle's grading worksheet of the assignment, which tells apart students of one name."),
]


@classroom.command("collect")
def classroom_collect(slug: _Slug, source: _From = None, who: _Who = None, folder: _Class = Path(".")) -> None:
    """Bring in what students handed in; without --from, from nbgrader's exchange."""
    from classroom import course_folder

    with _told(RuntimeError, OSError):
        found = course_folder.collect(folder, slug, source, who=who)
    typer.echo(f"{found}\n{found.sentence}".strip())
    typer.echo(f"Next: python -m lessons classroom autograde {slug}")


@classroom.command("autograde")
def classroom_autograde(
    slug: _Slug,
    source: _From = None,
    who: _Who = None,
    exchange: Annotated[bool, typer.Option("--exchange", help="Collect from nbgrader's exchange first.")] = False,
    folder: _Class = Path("."),
    student: Annotated[list[str] | None, typer.Option(help="Only this student; can be given again.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Mark anew what is marked already.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Submissions at a time.")] = 2,
) -> None:
    """Mark what was handed in; with --from or --exchange, collect it first. Stopped and started again, it goes on where it was."""
    from classroom import course_folder, marking, similarity
    from classroom.report import table

    with _told(RuntimeError, OSError):
        found = course_folder.collect(folder, slug, source, who=who) if source is not None or exchange else None
        if found is not None:
            typer.echo(f"{found}\n{found.sentence}".strip())
        rows = marking.autograde(folder, slug, students=student or (), again=again, workers=workers, say=typer.echo)
        typer.echo("\n" + table(rows))
        alike = len(similarity.pairs(folder, slug)) if any(row.points for row in rows) else 0
    typer.echo(f"\nThis table is in {folder / 'reports' / f'{slug}.txt'}. Free answers wait for you in the formgrader.")
    if alike:
        typer.echo(f"Pairs of answers that are alike: {alike}. To see them: python -m lessons classroom similar {slug}")
    if found is not None and found.questions:
        typer.echo(f"Submissions that are not marked, since it is asked above whose they are: {len(found.questions)}.")


@classroom.command("feedback")
def classroom_feedback(
    slug: _Slug,
    folder: _Class = Path("."),
    exchange: _Exchange = False,
    to: Annotated[Path | None, typer.Option("--export", help="Also write all marks here, as `export` does.")] = None,
    system: Annotated[str, typer.Option("--for", help="For --export: moodle, canvas or blackboard.")] = "",
) -> None:
    """A page for each student: their work, the points, and what the tests said."""
    from classroom import export, marking

    with _told(RuntimeError, OSError):
        pages = marking.feedback(folder, slug, exchange=exchange)
        without = marking.without_page(folder, slug)
        unread = export.read(folder).unread.get(slug, 0)
        newer = marking.waiting(folder, slug)
    typer.echo(f"Pages, one folder for each student, are in {folder / 'feedback'}. Students: {len(pages)}.")
    if newer:
        typer.echo(
            f"What {', '.join(newer)} handed in since is not marked yet: python -m lessons classroom autograde {slug}"
        )
    if unread:
        typer.echo(
            f"Students whose free answers have no points yet, so that these pages say 0 for them: {unread}. Read them in the formgrader, and "
            "call this again."
        )
    if without:
        typer.echo(
            f"No page for {', '.join(without)}: what they handed in could not be marked, and "
            f"{folder / 'reports' / f'{slug}.txt'} says why. Tell them yourself."
        )
    if to is not None:
        classroom_export(folder, to, system)


@classroom.command("export")
def classroom_export(
    folder: _Class = Path("."),
    to: Annotated[Path, typer.Option(help="The table's file.")] = Path("export.csv"),
    system: Annotated[
        str, typer.Option("--for", help="In the columns that this course system imports: moodle, canvas or blackboard.")
    ] = "",
) -> None:
    """All marks as a table (CSV)."""
    from classroom import export

    with _told(RuntimeError, OSError):
        if not system:
            typer.echo(f"The marks are in {export.everything(folder, to)}.")
            return
        exported = export.export(folder, to, system)
    typer.echo(f"The marks are in {to}, for {system}. Students: {len(exported.students)}.")
    for name, most in exported.most.items():
        unread = f"; {exported.unread[name]} still wait for points by hand" if exported.unread[name] else ""
        typer.echo(f"{name}: {most:g} points can be had{unread}.")


@classroom.command("open", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def classroom_open(context: typer.Context, folder: _Class = Path(".")) -> None:
    """Open the class in JupyterLab, with nbgrader's pages. Further options, such as --port=9000, go to JupyterLab."""
    from classroom import course_folder

    with _told(RuntimeError, OSError):
        if sentence := course_folder.outdated(folder):
            typer.echo(sentence, err=True)
        course_folder.open_in_jupyter(folder, context.args)


@classroom.command("similar")
def classroom_similar(
    slug: _Slug,
    folder: _Class = Path("."),
    least: Annotated[float, typer.Option(min=0, max=1, help="How alike, from 0 to 1.")] = 0.9,
) -> None:
    """Pairs of submissions that are alike beyond what the assignment gave: a list to look at, not a verdict."""
    from classroom import similarity

    with _told(RuntimeError, OSError):
        typer.echo(similarity.report(folder, slug, least=least))


@app.command()
def ledger(
    names: Annotated[
        list[str] | None, typer.Argument(help="Claims by number, or lessons by name; all of them where none is named.")
    ] = None,
) -> None:
    """The papers' claims beside what the course's networks measure now."""
    from collections import Counter

    from course import ledger as entries

    with _told():
        total = len(entries.chosen(names or ()))
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
    relatives: Annotated[
        bool, typer.Option("--relatives", help="Also AlexNet, VGG-16 and others that the family is compared with.")
    ] = False,
) -> None:
    """The family's table: parameters, multiply-adds, activations, depth and the papers' errors."""
    from networks import catalog, measure

    typer.echo("Counting every network, without weights ...", err=True)
    with _told():
        typer.echo(measure.side_by_side((*catalog.names(), *(catalog.relatives() if relatives else ())), size))


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="A network: googlenet, bn_inception, inception_v2, ...")],
    data: Annotated[
        str,
        typer.Option(
            help='scales, digits, cifar10, imagenette, a folder of images, or Parquet files to stream ("train-*.parquet").'
        ),
    ] = "scales",
    test_data: Annotated[
        str, typer.Option(help="The test images' Parquet files, where the training images stream.")
    ] = "",
    recipe: Annotated[str, typer.Option(help="A recipe by name; `python -m lessons recipes` lists them.")] = "quick",
    size: Annotated[str, typer.Option(help="mini: for images of 32 × 32; full: as in the papers.")] = "mini",
    variant: Annotated[str, typer.Option(help="paper or released.")] = "paper",
    width: Annotated[float, typer.Option(help="Multiplies every width of the network.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Decides first weights, order, augmentation and dropout.")] = 0,
    epochs: Annotated[int, typer.Option(help="Passes over the images in place of the recipe's; 0 keeps those.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Images a step in place of the recipe's; 0 keeps those.")] = 0,
    limit: Annotated[int, typer.Option(help="Only so many training images; 0 takes all.")] = 0,
    image_size: Annotated[
        int,
        typer.Option(
            help="Side to which the images of a folder, of imagenette or of Parquet files are cut; 0 for 224."
        ),
    ] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps; the best there is where nothing is said.")] = "",
    compile: Annotated[bool, typer.Option(help="torch.compile the network: pays in long runs on a GPU.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The run's file: run.json puts its weights into run.pt, beside it.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Keep here, at any moment, all that is needed to go on.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint, where there is one.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of these names that are there already.")
    ] = False,
) -> None:
    """Train a network on a data set by a recipe; Ctrl-C, SIGTERM and SIGHUP keep what there is."""
    from course import train_command

    with _told(RuntimeError, OSError):
        status = train_command.train(
            name,
            data=data,
            test_data=test_data or None,
            recipe=recipe,
            size=size,
            variant=variant,
            width=width,
            seed=seed,
            epochs=epochs or None,
            batch_size=batch_size or None,
            limit=limit or None,
            image_size=image_size or None,
            device=device or None,
            compile=compile,
            out=out,
            checkpoint=checkpoint,
            resume=resume,
            overwrite=overwrite,
            say=typer.echo,
        )
    raise typer.Exit(status)


@app.command()
def recipes() -> None:
    """The training recipes: the papers' and two of today, with their sources."""
    from dataclasses import fields
    from textwrap import fill

    from course.paper_recipes import RECIPES
    from utils.train.recipe import Recipe

    usual = Recipe()
    for name, entry in RECIPES.items():
        settings = [
            f"{item.name}={getattr(entry.recipe, item.name)!r}"
            for item in fields(Recipe)
            if getattr(entry.recipe, item.name) != getattr(usual, item.name) or item.name in ("epochs", "batch_size")
        ]
        typer.echo(name)
        for text in (", ".join(settings), f"From {entry.source}.", f"Chosen here: {entry.chosen}."):
            typer.echo(fill(text, 100, initial_indent="  ", subsequent_indent="    "))
        typer.echo()


@app.command("experiment")
def run_experiment(
    name: Annotated[str, typer.Argument(help="An experiment; none lists them all.")] = "",
    full: Annotated[bool, typer.Option("--full", help="The long form, on CIFAR-10; best on a GPU.")] = False,
    form: Annotated[str, typer.Option(help="A form by name, where an experiment has more than short and full.")] = "",
    seeds: Annotated[int, typer.Option(help="So many seeds, from 0 up; 0 takes the form's own.")] = 0,
    record: Annotated[bool, typer.Option("--record", help="Keep the runs among the course's recorded ones.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Train anew what is kept from earlier.")] = False,
    recorded: Annotated[bool, typer.Option("--recorded", help="Train nothing: show the recorded runs.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Write the picture here: .png, .svg or .pdf.")] = None,
) -> None:
    """Run one of the course's experiments: networks that differ in one thing, several seeds, and what follows from it."""
    from course import train_command

    with _told(RuntimeError, OSError):
        if not name:
            typer.echo(train_command.overview_of_experiments())
            return
        status = train_command.run_experiment(
            name,
            form=form or ("full" if full else "short"),
            seeds=seeds or None,
            record=record,
            again=again,
            recorded=recorded,
            picture=picture,
            say=typer.echo,
        )
    raise typer.Exit(status)


@app.command()
def record(
    names: Annotated[
        list[str] | None, typer.Argument(help="Experiments; all of them, the most wanted first, where none is named.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0, help="Stop after so long; what was begun is kept.")] = 2.5,
    minutes: Annotated[float, typer.Option(min=0, help="In place of hours.")] = 0.0,
    processes: Annotated[int, typer.Option(min=1, help="Runs at a time.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each run.")] = 1,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps; the best there is where nothing is said.")] = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Also where the code is not what a commit holds.")] = False,
    bundle: Annotated[
        Path | None, typer.Option(help="Write the new runs into this one file as well, whole after each of them.")
    ] = None,
    commit: Annotated[
        str, typer.Option(help="Of which commit these files are a copy, where they are no git checkout.")
    ] = "",
    unpack: Annotated[
        Path | None, typer.Option(help="Train nothing: put the runs of such a file among the recorded ones.")
    ] = None,
) -> None:
    """Record the experiments' runs on CIFAR-10, the most wanted first; goes on where it was stopped."""
    from functools import partial

    from course import recording
    from course.bundle import unpack as unpacked
    from utils.train.interrupts import Ending

    if unpack is not None:
        with _told(OSError):
            files = unpacked(unpack, say=typer.echo)
        typer.echo(f"Runs put among the recorded ones: {len(files)}.")
        return
    with _told(RuntimeError, OSError), Ending() as ending:
        runs = recording.record(
            hours=minutes / 60 or hours,
            processes=processes,
            threads=threads,
            device=device or None,
            only=tuple(names or ()),
            bundle=bundle,
            commit=commit or None,
            anyway=anyway,
            say=partial(print, flush=True),
        )
    typer.echo(f"{len(runs)} runs became whole.")
    if ending.number is not None:
        raise typer.Exit(ending.status)


@app.command()
def weights(
    name: Annotated[
        str, typer.Argument(help="The experiment whose trained network it is; none lists those there are.")
    ] = "",
    out: Annotated[Path, typer.Option(help="The file for the weights.")] = Path("weights.pt"),
) -> None:
    """Train one of the networks that come with the course trained again, on all of CIFAR-10, and write its weights."""
    from course.trained import SOURCES, train_again, trained
    from utils.train.interrupts import Ending

    with _told(OSError), Ending() as ending:
        if not name:
            for each in SOURCES:
                typer.echo(f"{each}: {trained(each).sentence}")
            return
        run = train_again(name, out, say=typer.echo)
    if not run.completed:
        typer.echo("Stopped; the same command goes on from its checkpoint.", err=True)
        raise typer.Exit(ending.status)
    was = trained(name).run.accuracy
    typer.echo(f"{out}: right on {run.accuracy:.1%} of the test images; the recorded run was on {was:.1%}.")


@app.command("train-design")
def train_design(
    file: Annotated[Path, typer.Argument(help="A text file with a design, as the network lab shows it as Python.")],
    form: Annotated[str, typer.Option(help="short: on scales; full: on CIFAR-10, best on a GPU.")] = "short",
    seed: Annotated[int, typer.Option(min=0, help="Decides first weights and the order of the images.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps; the best there is where nothing is said.")] = "",
    out: Annotated[Path | None, typer.Option(help="The run's file (JSON), to hand in.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file of that name.")] = False,
) -> None:
    """Train a design of your own by the project's rules; the file is read, and never run."""
    from course import train_command

    with _told(RuntimeError, OSError):
        status = train_command.train_design(
            file, form=form, seed=seed, device=device or None, out=out, overwrite=overwrite, say=typer.echo
        )
    raise typer.Exit(status)


@app.command()
def leaderboard(
    folder: Annotated[
        Path, typer.Argument(help="The folder with the class's run files: STUDENT.json or STUDENT/*.json.")
    ],
    form: Annotated[str, typer.Option(help="short: on scales; full: on CIFAR-10.")] = "short",
    verify: Annotated[
        int, typer.Option(min=0, help="Train the best so many again, with the same seeds, and compare.")
    ] = 0,
    html: Annotated[Path | None, typer.Option(help="Write the board here as a page.")] = None,
    to: Annotated[Path | None, typer.Option("--csv", help="Write the board here as a table (CSV).")] = None,
) -> None:
    """The class leader board of the project, from run files; each is checked, and what is wrong is refused with its reason."""
    from course import leaderboard as boards
    from utils.system.files import require_place, write_whole

    with _told(RuntimeError, OSError):
        for place in filter(None, (html, to)):
            require_place(place)
        board = boards.board_of(folder, boards.rules_of(form))
        if verify:
            board = boards.verify(board, verify)
        for path, text in ((html, board.html), (to, board.csv)):
            if path is not None:
                write_whole(path, text)
        typer.echo(str(board))


@app.command()
def doctor() -> None:
    """Say what this machine has and lacks for the course."""
    from utils.setup.doctor import examine

    typer.echo(str(examine()))


def run() -> None:
    """The command line; a package that is missing ends it with what to install."""
    from utils.system.packages import sentence

    try:
        app()
    except ModuleNotFoundError as missing:
        if (words := sentence(missing)) is None:
            raise
        raise SystemExit(
            f"{words}. The course alone has its networks, their costs and training on images that it makes itself; python -m pip "
            "install -e '.[train]' adds photographs and several processes, '.[lab]' the lessons, '.[classroom]' assignments."
        ) from None


if __name__ == "__main__":
    run()
