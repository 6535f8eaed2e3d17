"""The weights as training leaves them, or their moving average? (section 4 of "Inception-v4", section 8 of "Rethinking")

Both arms train alike; the second is tested with the average of its weights.
"""

from functools import partial

from course.experiments import Arm, Experiment, Form, photographs
from lessons.residual_scaling.experiments.residual import net
from utils.train.comparison import Quantity
from utils.train.loop import Recipe, Run

DECAY = 0.99


def tested(run: Run) -> float:
    """Test accuracy in per cent: with the averaged weights where the recipe has them."""
    last = run.history[-1]
    return 100 * (last.test_accuracy if run.recipe.averaging is None else last.averaged_accuracy)


RECIPE = Recipe(
    epochs=5, batch_size=32, learning_rate=0.05, momentum=0.9, schedule="exponential", decay=0.94, decay_every=2
)

EXPERIMENT = Experiment(
    name="averaged_weights",
    question="The weights as training leaves them, or their moving average?",
    equal="everything but the weights that are tested",
    arms={
        "raw": Arm(build=partial(net, is_residual=True)),
        "averaged": Arm(build=partial(net, is_residual=True), changes={"averaging": DECAY}),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=3000),
    full=photographs(RECIPE, batch_size=32),
    paired=True,
    matters=1.5,
    limits="With a schedule that ends near zero the two may lie closer together: that was not tried here.",
    quantity=Quantity("test accuracy with these weights", "%", tested, points="points"),
)
