"""What does each kind of block make of the same budget?

Eight designs of one shape, `lessons.design.PRESETS`: each is as wide as the project's budget of parameters and multiply-adds
allows. Everything else is the same. The recipe is the project's too, so that a learner's own design can be held against them.
"""

from dataclasses import replace

from lessons.design import PRESETS
from utils.experiment import Arm, Experiment, Form
from utils.train import Recipe

RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01)
FULL_RECIPE = replace(RECIPE, epochs=20, batch_size=128, flip=True, shift=4)

EXPERIMENT = Experiment(
    name="small_family",
    question="What does each kind of block make of the same budget?",
    equal="the shape (1, 2 and 1 blocks on three grids), the budget, the recipe, the images and their order",
    arms={name: Arm(build=design.build) for name, design in PRESETS.items()},
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2)),
    full=Form(data="cifar10", recipe=FULL_RECIPE, seeds=(0, 1, 2, 3, 4)),
    limits="One shape and one recipe for all of them: a kind of block that needs others may do better with those.",
)
