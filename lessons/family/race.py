"""A short race of the mini networks on handwritten digits: who learns quickly, not who is best."""

from collections.abc import Sequence
from functools import partial

from lessons.family.rows import NAMES
from networks.catalog import create, entry
from utils.data.sets import load
from utils.show.display import Live, passing_bar
from utils.train.loop import fit
from utils.train.recipe import Recipe
from utils.train.runs import Run
from utils.train.watch import in_notebook

RECIPE = Recipe(epochs=3, batch_size=64, optimizer="adamw", learning_rate=0.01, schedule="one_cycle", weight_decay=0.01)


def race(
    names: Sequence[str] = NAMES,
    *,
    seeds: Sequence[int] = (0, 1),
    recipe: Recipe = RECIPE,
    limit: int | None = None,
    show: bool = True,
) -> dict[str, list[Run]]:
    """Train the mini networks by one recipe on scikit-learn's digits; stopped, it gives the whole runs so far.

    Args:
        names: of the catalog.
        limit: only so many training images.
    """
    from lessons.family.figures import race_picture

    data = load("digits", limit=limit)
    runs: dict[str, list[Run]] = {}
    options = {"bar_format": "{l_bar}{bar}| {elapsed}, {remaining} left", "disable": not show}
    with Live() as live, passing_bar(total=len(names) * len(seeds) * recipe.epochs, **options) as bar:
        for seed in seeds:
            for name in names:
                title, start = entry(name).title, bar.n
                bar.set_description(f"{title}, seed {seed}")
                build = partial(create, name, size="mini", num_classes=len(data.classes), in_channels=1)
                on_step = lambda _run, done, start=start: bar.update(start + done * recipe.epochs - bar.n)  # noqa: E731
                run = fit(build, data, recipe, seed=seed, show=False, on_step=on_step, name=title)
                if not run.completed:
                    return runs
                runs.setdefault(name, []).append(run)
                if show and in_notebook():
                    live.show(race_picture(runs))
    return runs
