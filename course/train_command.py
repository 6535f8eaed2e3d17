"""Training from the command line: one network by one recipe, or a whole experiment."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course.experiments import Result, experiment, lesson_of, names
from course.paper_recipes import recipe as named_recipe
from networks.catalog import create
from utils.data.dataset import Data
from utils.data.sets import NAMES, load
from utils.data.stream import streamed
from utils.system.places import work_folder
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
    say: Callable[[str], None] = print,
) -> Run:
    """Train a network of the catalogue by a named recipe; `python -m lessons train --help` has the arguments.

    Started by torchrun, several processes train it together, each its part of a batch.

    Raises:
        ValueError: a name that does not exist, or things that do not fit together; the message says what is allowed.
    """
    if not is_first():  # of several processes, one speaks and writes
        say, out = (lambda text: None), None
    given: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "compile": compile or None}
    chosen = replace(named_recipe(recipe), **{name: value for name, value in given.items() if value is not None})
    images = _images(data, test_data, limit=limit, image_size=image_size)
    build = partial(
        create,
        name,
        size=size,
        variant=variant,
        width=width,
        num_classes=len(images.classes),
        in_channels=images.image_shape[0],
    )
    heads = False
    if chosen.aux_weight:
        try:
            build(aux_heads=True)
            heads = True
        except ValueError:
            build()  # says what is wrong, if it is not the heads
            say(f"{name} has no auxiliary heads: the recipe's aux_weight, {chosen.aux_weight:g}, is left out.")
            chosen = replace(chosen, aux_weight=0.0)
    if chosen.dropout is not None and not any(isinstance(layer, nn.Dropout) for layer in build().modules()):
        say(f"{name} has no dropout: the recipe's, {chosen.dropout:g}, is left out.")
        chosen = replace(chosen, dropout=None)
    run = fit(
        partial(build, aux_heads=heads),
        images,
        chosen,
        seed=seed,
        device=device,
        name=f"{name}, {size}",
        checkpoint=checkpoint,
        resume=resume,
    )
    say(repr(run))
    if run.history and run.history[-1].averaged_accuracy is not None:
        say(f"With averaged weights: test accuracy {run.history[-1].averaged_accuracy:.2%}.")
    if out is not None:
        run.save(out)
        weights = out.with_suffix(".pt")
        trained = run.averaged or run.net
        assert trained is not None  # a run that was just made has its network
        torch.save(trained.state_dict(), weights)
        say(f"The run is in {out}, its weights in {weights}.")
    return run


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
        return "recorded: nothing yet"
    runs = [run for of_arm in result.runs.values() for run in of_arm]
    images = runs[0].data["train"]
    told = (
        f"recorded: {len(runs)} runs of {result.form.recipe.epochs} epochs on {images:,} images of {result.form.data}, "
        f"{sum(run.seconds for run in runs) / 3600:.1f} hours"
    )
    comparison = result.compare()
    if comparison is None or not comparison.differences:
        return f"{told}; one arm, nothing to compare"
    quantity = result.experiment.quantity
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
) -> None:
    """Run an experiment, or show its recorded runs, and say what follows.

    Each run is kept as it ends, so that an experiment that was interrupted goes on where it stood.

    Raises:
        ValueError: no such experiment or form, or nothing recorded.
    """
    entry = experiment(name)
    if recorded:
        result = entry.recorded(form)
        if result is None:
            raise ValueError(
                f"Nothing is recorded of {name} in its {form} form. Run it: python -m lessons experiment {name}"
            )
    else:
        keep = entry.folder(form) if record else work_folder() / "runs" / name / form
        if again:
            for path in keep.glob("*.json"):
                path.unlink()
        kept = len(list(keep.glob("*.json")))
        if kept:
            say(f"{kept} runs are kept in {keep}; those of the same settings and code are not repeated (--again does).")
        result = entry.run(form, seeds=None if seeds is None else range(seeds), keep=keep)
    say(str(result))
    if picture is not None:
        result.picture.save(picture)
        say(f"The picture is in {picture}.")


def _images(data: str, test_data: str | None, *, limit: int | None, image_size: int | None) -> Data:
    """A data set by its name, from a folder, or streamed from Parquet files."""
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
