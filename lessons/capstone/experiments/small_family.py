"""What does each kind of block make of the same budget?

Eight designs of one shape, `networks.design.PRESETS`: each is as wide as the project's budget of parameters and multiply-adds
allows. Everything else is the same. The recipe is the project's too, so that a learner's own design can be held against them.
"""

from course.experiments import Arm, Experiment, Form
from course.leaderboard import RULES
from networks.design import PRESETS

EXPERIMENT = Experiment(
    name="small_family",
    question="What does each kind of block make of the same budget?",
    equal="the shape (1, 2 and 1 blocks on three grids), the budget, the recipe, the images and their order",
    arms={name: Arm(build=design.build) for name, design in PRESETS.items()},
    short=Form(data=RULES["short"].data, recipe=RULES["short"].recipe, seeds=(0, 1, 2)),
    full=Form(data=RULES["full"].data, recipe=RULES["full"].recipe, seeds=(0, 1, 2, 3, 4)),
    matters=1.5,
    limits="One shape and one recipe for all of them: a kind of block that needs others may do better with those.",
)
