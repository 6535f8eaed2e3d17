"""Do separable convolutions need residual connections? ("Xception", section 4.6 and figure 9)"""

from functools import partial

from course.experiments import Arm, Experiment, Form, photographs
from lessons.xception.experiments.separable_activation import RECIPE, net

BLOCKS = 8

EXPERIMENT = Experiment(
    name="separable_residual",
    question="Do separable convolutions need residual connections?",
    equal="layers, widths, multiply-adds, the recipe, the images and their order",
    arms={
        "residual": Arm(build=partial(net, is_residual=True, blocks=BLOCKS)),
        "not residual": Arm(build=partial(net, is_residual=False, blocks=BLOCKS)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=3000),
    full=photographs(RECIPE),
    matters=1.5,
    limits="The paper's network without residual connections was trained by the recipe of the one with them, as here.",
)
