"""Training from the command line: one network by one recipe, or a whole experiment."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course import leaderboard
from course.experiments import Result, experiment, lesson_of, names
from course.outputs import Output, checkpoints_told, require_own, rescue
from course.paper_recipes import recipe as named_recipe
from networks.catalog import create
from utils.data.dataset import Data
from utils.data.sets import NAMES, load
from utils.data.stream import streamed
from utils.system.files import require_place
from utils.system.packages import require
from utils.system.places import RUNS, work_folder
from utils.train.interrupts import Ending
from utils.train.loop import fit
from utils.train.processes import is_first
from utils.train.runs import Run

FOLDER_SIZE = 224  # side to which a folder's images are cut, where nothing is said


def train(
    name: str,
    *,
    data: str,
    test_data: str | None = None,
    recipe: str,
    size: str,
    variant: str,
    width: float,
    seed: int,
    epochs: int | None = None,
    batch_size: int | None = None,
    limit: int | None = None,
    image_size: int | None = None,
    device: str | None = None,
    compile: bool = False,
    out: Path | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Train a network of the catalogue by a named recipe; `python -m lessons train --help` has the arguments.

    Started by torchrun, several processes train it together, each its part of a batch.

    Returns:
        The command's exit status: 0; 1 where the run could not be written where it was wanted; as a shell has it for a
        process that a signal ended, where one stopped it (130 for Ctrl-C, 143 for SIGTERM).

    Raises:
        ValueError: a name that does not exist, or things that do not fit together; the message says what is allowed.
        OSError: a file that is there already, or that cannot be written; said before anything is trained.
        utils.train.loop.Diverged, utils.train.loop.OutOfMemory: it went wrong; a note of the error says where the record is.
    """
    if not is_first():  # of several processes, one speaks and writes
        say, out = (lambda text: None), None
    if resume and checkpoint is None:
        raise ValueError("--resume goes on from a checkpoint, and none is named. Add --checkpoint FILE.")
    if resume and checkpoint is not None and not checkpoint.exists():
        say(f"{checkpoint} is not there yet: training begins at its first step.")
    given: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "compile": compile or None}
    chosen = replace(named_recipe(recipe), **{name: value for name, value in given.items() if value is not None})
    with contextlib.ExitStack() as within:
        place = None if out is None else Output(out, overwrite=overwrite, checkpoint=checkpoint if resume else None)
        if checkpoint is not None and is_first():
            beside = () if place is None else place.files
            require_own(checkpoint, resume=resume, overwrite=overwrite, beside=beside)
        if place is not None:
            within.enter_context(place.reserved())
        within.enter_context(checkpoints_told(say))
        ending = within.enter_context(Ending())
        images = _images(data, test_data, limit=limit, image_size=image_size)
        arguments: dict[str, Any] = {"size": size, "variant": variant, "width": width}
        arguments |= {"num_classes": len(images.classes), "in_channels": images.image_shape[0]}
        build = partial(create, name, **arguments)
        with torch.device("meta"):
            plain = build()  # says what is wrong, where something is
            try:
                net = build(aux_heads=True) if chosen.aux_weight else plain
            except ValueError:
                say(f"{name} has no auxiliary heads: the recipe's aux_weight, {chosen.aux_weight:g}, is left out.")
                net, chosen = plain, replace(chosen, aux_weight=0.0)
        if chosen.dropout is not None and not any(isinstance(layer, nn.Dropout) for layer in plain.modules()):
            say(f"{name} has no dropout: the recipe's, {chosen.dropout:g}, is left out.")
            chosen = replace(chosen, dropout=None)
        if place is not None:
            place.require_room(net)
        fitted = partial(
            fit,
            partial(build, aux_heads=net is not plain),
            images,
            chosen,
            seed=seed,
            device=device,
            name=f"{name}, {size}",
            checkpoint=checkpoint,
            resume=resume,
        )

        def finish(run: Run) -> None:
            """What it takes to use the weights: how to build the network, and how its images were normalised."""
            run.network["create"] = {"name": name, **arguments, "aux_heads": net is not plain}
            run.data |= {"mean": list(images.mean), "std": list(images.std)}

        return kept(fitted, place, ending, name=f"{name}-{size}-seed{seed}", say=say, finish=finish)


def train_design(
    file: Path,
    *,
    form: str,
    seed: int,
    device: str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Train a design by the project's rules; `python -m lessons train-design --help` has the arguments.

    Returns and raises what `train` does; out is the record alone.
    """
    rules = leaderboard.rules_of(form)
    design = leaderboard.read_design(file)
    with contextlib.ExitStack() as within:
        place = None if out is None else Output(out, with_weights=False, overwrite=overwrite)
        if place is not None:
            within.enter_context(place.reserved())
        ending = within.enter_context(Ending())
        fitted = partial(leaderboard.train, design, rules, seed=seed, name=file.stem, device=device)
        finish = partial(leaderboard.note_design, design=design)
        return kept(fitted, place, ending, name=f"{file.stem}-seed{seed}", say=say, finish=finish)


def kept(
    fitted: Callable[..., Run],
    place: Output | None,
    ending: Ending,
    *,
    name: str,
    say: Callable[[str], None],
    finish: Callable[[Run], None] = lambda run: None,
) -> int:
    """Train, and write the run, however it ends; the command's exit status, as `train` gives it.

    Args:
        fitted: trains; called with `on_step`.
        place: where the run goes; None where nobody wants it, and then only the record of one that went wrong is written.
        ending: what signals do.
        name: of a record for which no place is named.
        say: gets what is to be said of it.
        finish: what else belongs into the record.
    """
    under_way: Run | None = None

    def seen(run: Run, done: float) -> None:
        nonlocal under_way
        under_way = run

    try:
        run = fitted(on_step=seen)
        ending.keep()
    except KeyboardInterrupt:
        ending.keep()
        if under_way is None:
            say("Stopped before the first step: there is nothing to keep.")
            raise
        run = under_way
    except Exception as problem:
        ending.keep()
        if under_way is not None and is_first():
            finish(under_way)
            sentence = rescue(under_way, name) if place is None else place.keep(under_way, sound=False)[0]
            problem.add_note(sentence)
        raise
    finish(run)
    say(repr(run))
    if run.history and run.history[-1].averaged_accuracy is not None:
        say(f"With averaged weights: test accuracy {run.history[-1].averaged_accuracy:.2%}.")
    sentence, at_its_place = ("", True) if place is None else place.keep(run)
    if sentence:
        say(sentence)
    if not run.completed:
        return ending.status
    return 0 if at_its_place else 1


def overview_of_experiments() -> str:
    """Every experiment with its lesson, its question, its arms, and what its recorded runs say."""
    lines = []
    for name in names():
        entry = experiment(name)
        lines += [f"{name}  ({lesson_of(name)})", f"  {entry.question}", f"  arms: {'; '.join(entry.arms)}"]
        lines.append(f"  {verdict_text(entry.recorded())}")
    return "\n".join(lines)


def verdict_text(result: Result | None) -> str:
    """What was recorded of an experiment and what it decides, in a line."""
    if result is None:
        return "recorded: nothing yet" if RUNS.is_dir() else "recorded: in the course's repository, and not installed"
    runs = [run for of_arm in result.runs.values() for run in of_arm]
    images = runs[0].data["train"]
    told = (
        f"recorded: {len(runs)} runs of {result.form.recipe.epochs} epochs on {images:,} images of {result.form.data}, "
        f"{sum(run.seconds for run in runs) / 3600:.1f} hours"
    )
    comparison = result.compare()
    if comparison is None or not comparison.differences:
        return f"{told}; one arm, nothing to compare"
    quantity = result.quantity
    found = [
        f"{each.name} {each.mean:+.{quantity.digits}f} {quantity.points or quantity.unit}".strip()
        + f": {each.verdict}"
        + (f" within {quantity.difference(each.matters)}" if each.verdict == "equal" and each.matters else "")
        + (f" ({each.needed} runs an arm)" if each.verdict == "open" and each.needed else "")
        for each in comparison.differences
    ]
    return f"{told}; against {comparison.arms[0].name}: {'; '.join(found)}"


def run_experiment(
    name: str,
    *,
    form: str,
    seeds: int | None = None,
    record: bool = False,
    again: bool = False,
    recorded: bool = False,
    picture: Path | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Run an experiment, or show its recorded runs, and say what follows; the command's exit status, as `train` gives it.

    Each run is kept as it ends, so that an experiment that was interrupted goes on where it stood.

    Raises:
        ValueError: no such experiment or form, or nothing recorded.
        OSError: a file cannot be written; said before anything is trained.
    """
    entry = experiment(name)
    if seeds is not None and seeds < 1:
        raise ValueError(f"seeds is {seeds}; it must be 1 or more: so many runs an arm.")
    if picture is not None:
        require_place(picture)
        for package in ("matplotlib.figure", "scipy.stats"):
            require(package, "A picture")
        from matplotlib.backend_bases import FigureCanvasBase  # here: training needs no matplotlib

        forms = FigureCanvasBase.filetypes
        if picture.suffix.removeprefix(".").lower() not in forms:
            raise ValueError(
                f"picture is {picture}; its name can end in {', '.join(f'.{form}' for form in sorted(forms))}."
            )
    stopped = False
    with checkpoints_told(say), Ending() as ending:
        if recorded:
            result = entry.recorded(form)
            if result is None:
                where = "" if RUNS.is_dir() else "The course's recorded runs are in its repository, and not installed. "
                raise ValueError(
                    f"{where}Nothing is recorded here of {name} in its {form} form. Run it: python -m lessons experiment {name}"
                )
        else:
            keep = entry.folder(form) if record else work_folder() / "runs" / name / form
            kept = len(list(keep.glob("*.json")))
            if kept and not again:
                say(
                    f"{kept} runs are kept in {keep}; those of the same settings and code are not repeated (--again does)."
                )
            result = entry.run(form, seeds=None if seeds is None else range(seeds), keep=keep, again=again)
            stopped = any(len(runs) < len(result.form.seeds) for runs in result.runs.values())
        say(str(result))
        if picture is not None:
            result.picture.save(picture)
            say(f"The picture is in {picture}.")
        if stopped:
            say("Stopped. The same command goes on where it was.")
            return ending.status
    return 0


def _images(data: str, test_data: str | None, *, limit: int | None, image_size: int | None) -> Data:
    """A data set by its name, from a folder, or streamed from Parquet files."""
    if test_data is not None and not data.endswith(".parquet"):
        raise ValueError(
            f"test_data is {test_data!r}, and only images that stream from .parquet files have theirs apart: {data!r} has its own. "
            "Leave --test-data out."
        )
    if data in NAMES:
        return load(data, limit=limit, image_size=image_size)
    side = image_size or FOLDER_SIZE
    if not data.endswith(".parquet"):
        return load(data, limit=limit, image_size=side)
    if test_data is None:
        raise ValueError(
            f"The training images stream from {data}, and no test images are named. Add --test-data FILES.parquet."
        )
    if limit is not None:
        raise ValueError(f"limit is {limit}, and images that stream are all taken. Leave it out, or name fewer files.")
    return streamed(data, test_data, image_shape=(3, side, side))
