"""The trainings of the lessons in a short form: fewer seeds, epochs, steps and images, and otherwise what they are.

`tests.lessons.run.run(..., short=True)` calls `shorten` in the notebook's kernel, before its first cell. What is cheap stays
whole: the first network on digits (lesson 00). `--whole` runs everything as it is.
"""

from dataclasses import replace

LONG_CLAIMS = {1, 30, 44, 53, 60, 63, 71}


def shorten() -> None:
    """Put short forms in the place of the trainings that take long. The cells that call them need not know."""
    from course import leaderboard, ledger
    from course.experiments import Experiment
    from lessons.batch_norm import companions, doubt, drift
    from lessons.family import race, speeds, tuning
    from lessons.label_smoothing import small
    from lessons.residual_scaling import tiny

    run = Experiment._run

    def short_run(entry, name, form, *, seeds, **options):
        seeds = tuple(form.seeds if seeds is None else seeds)[:2]
        recipe = replace(form.recipe, epochs=min(form.recipe.epochs, 2), batch_size=min(form.recipe.batch_size, 32))
        return run(entry, name, replace(form, recipe=recipe, limit=64), seeds=seeds, **options)

    Experiment._run = short_run

    rules = leaderboard.RULES["short"]
    rules = leaderboard.RULES["short"] = replace(rules, recipe=replace(rules.recipe, epochs=2), limit=256)
    leaderboard.train.__defaults__ = (rules,)

    companions.accuracy_in.__wrapped__.__kwdefaults__["images"] = 128

    study = doubt.study
    doubt.study = lambda seeds: study(seeds[:2])

    raced = race.race
    recipe = replace(race.RECIPE, epochs=1)
    race.race = lambda names, **options: raced(names, **options | {"limit": 100, "recipe": recipe})

    tuning.PRETRAINING = replace(tuning.PRETRAINING, epochs=1)
    tune = tuning.tune
    recipe = replace(tuning.TUNING, epochs=2)
    tuning.tune = lambda *given, seeds: tune(*given, seeds=seeds[:2], recipe=recipe)

    full_times = speeds.full_times
    speeds.full_times = lambda keys, **options: full_times(keys, **options | {"rounds": 1})

    claims = ledger.claims  # those that take seconds each are measured by tests/course/test_ledger.py
    ledger.claims = lambda: {number: entry for number, entry in claims().items() if number not in LONG_CLAIMS}

    tiny.STEPS = 10
    small.STEPS = 50
    drift.follow.__kwdefaults__["steps"] = 200
