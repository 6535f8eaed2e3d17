"""Recipes: what they accept, and the learning rates of their schedules."""

import math
from dataclasses import FrozenInstanceError, replace

import pytest

from utils.train.recipe import Recipe


def test_a_recipe_is_a_value():
    recipe = Recipe(epochs=3, learning_rate=0.05)
    assert recipe == Recipe(epochs=3, learning_rate=0.05)
    assert replace(recipe, epochs=4) == Recipe(epochs=4, learning_rate=0.05)
    with pytest.raises(FrozenInstanceError):
        recipe.epochs = 5


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("epochs", 0, "whole number, 1 or more"),
        ("epochs", 2.0, "whole number"),
        ("epochs", True, "whole number"),
        ("batch_size", -1, "whole number, 1 or more"),
        ("decay_every", 0, "whole number, 1 or more"),
        ("shift", -1, "0 or more"),
        ("optimizer", "sdg", '"sgd", "adam", "adamw", "rmsprop"'),
        ("schedule", "onecycle", '"constant", "cosine", "exponential", "one_cycle"'),
        ("learning_rate", 0, "above 0"),
        ("learning_rate", math.nan, "above 0"),
        ("learning_rate", "0.1", "above 0"),
        ("epsilon", 0.0, "above 0"),
        ("weight_decay", -1e-4, "0 or more"),
        ("aux_weight", math.inf, "0 or more"),
        ("momentum", 1.0, "from 0 to 1"),
        ("label_smoothing", -0.1, "from 0 to 1"),
        ("decay", 1.5, "1 at most"),
        ("clip", 0, "or None"),
        ("flip", 1, 'True or False, or "alternated"'),
        ("flip", "alternate", 'True or False, or "alternated"'),
        ("optimizer", ["sgd"], "one of"),
        ("rms_decay", 1.0, "from 0 to 1"),
        ("epsilon_inside", 1, "True or False"),
        ("averaging", 0.0, "above 0 and below 1, or None"),
        ("averaging", 1, "above 0 and below 1, or None"),
        ("dropout", 1.0, "without the 1, or None"),
        ("dropout", "0.5", "without the 1, or None"),
        ("warm_up", -1, "0 or more"),
        ("warm_up", 10, "fewer than the recipe's"),
        ("crop", 0.5, "(lowest, highest)"),
        ("crop", (0.0, 1.0), "above 0"),
        ("crop", (0.5, 1.5), "1 at most"),
        ("crop", (0.9, 0.1), "(lowest, highest)"),
        ("aspect", None, "two numbers"),
        ("aspect", (4 / 3, 3 / 4), "(lowest, highest)"),
        ("color", 1.5, "from 0 to 1"),
        ("cutout", -8, "0 or more"),
        ("random_interpolation", None, "True or False"),
        ("precision", "float16", '"float32", "bfloat16"'),
        ("channels_last", "yes", "True or False"),
        ("compile", 0, "True or False"),
    ],
)
def test_a_setting_that_cannot_be_is_named(field, value, allowed):
    with pytest.raises(ValueError) as caught:
        Recipe(**{field: value})
    assert str(caught.value).startswith(f"{field} is {value!r}; it must be ")
    assert allowed in str(caught.value)


def rates(recipe: Recipe, *positions: float) -> list[float]:
    return [recipe.learning_rate_at(position) for position in positions]


def test_constant():
    assert rates(Recipe(epochs=3, learning_rate=0.2), 0, 0.5, 2.99) == [0.2, 0.2, 0.2]


def test_exponential_is_googlenets_staircase():
    recipe = Recipe(epochs=20, learning_rate=1.0, schedule="exponential", decay=0.96, decay_every=8)
    assert rates(recipe, 0, 7.99, 8, 15.5, 16) == pytest.approx([1, 1, 0.96, 0.96, 0.9216])


def test_cosine_falls_from_the_learning_rate_to_zero():
    recipe = Recipe(epochs=6, learning_rate=0.4, schedule="cosine")
    assert rates(recipe, 0, 2, 3, 4, 6) == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.0], abs=1e-12)


def test_one_cycle_rises_then_falls():
    recipe = Recipe(epochs=10, learning_rate=0.5, schedule="one_cycle")
    # 0.02 is a 25th; half-way up it is (0.02 + 0.5) / 2; 6.5 lies half-way between the top at 3 and the end at 10.
    assert rates(recipe, 0, 1.5, 3, 6.5, 10) == pytest.approx([0.02, 0.26, 0.5, 0.25, 0.0], abs=1e-12)


def test_a_warm_up_rises_to_where_the_schedule_begins():
    recipe = Recipe(epochs=10, learning_rate=0.5, schedule="cosine", warm_up=2)
    # From a 25th at 0; half-way up at 1; then the cosine takes the eight epochs from 2 to 10.
    assert rates(recipe, 0, 1, 2, 6, 10) == pytest.approx([0.02, 0.26, 0.5, 0.25, 0.0], abs=1e-12)
    staircase = Recipe(epochs=20, learning_rate=1.0, schedule="exponential", decay=0.5, decay_every=4, warm_up=0.5)
    assert rates(staircase, 0, 0.25, 0.5, 4.4, 4.5, 8.5) == pytest.approx([0.04, 0.52, 1, 1, 0.5, 0.25])
    cycle = Recipe(epochs=11, learning_rate=0.5, schedule="one_cycle", warm_up=1)
    assert rates(cycle, 0, 1, 4, 7.5, 11) == pytest.approx([0.0008, 0.02, 0.5, 0.25, 0.0], abs=1e-12)
