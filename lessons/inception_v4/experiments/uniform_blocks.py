"""Modules that are all alike, or tuned one by one, at equal cost ("Inception-v4", section 3.1)

The paper says that v3's modules carried choices of older software with them, and makes all modules of a grid alike. Here: three
modules of figure 6 with widths that grow as in v3, against three alike, with the same multiply-adds (within 1 %).
"""

from functools import partial

from course.experiments import Arm, Experiment, Form, photographs
from networks.bn_inception import ReductionA, ReductionWidths, Widths
from networks.inception_v2 import InceptionB
from networks.small import STEM, SmallNet
from utils.data.dataset import Data
from utils.train.loop import Recipe


def module(inner: int, out: int) -> Widths:
    """The widths of a module whose 7 x 7 branches have `inner` channels inside, and which puts out 4 `out`."""
    return Widths(pointwise=out, single=(inner, inner, out), stacked=(inner, inner, inner, inner, out), pool=out)


VARIED = (module(8, 16), module(12, 16), module(15, 16))
UNIFORM = (module(12, 16), module(12, 16), module(12, 16))
HALVING = ReductionWidths(single=(24,), stacked=(12, 16, 16))


def net(data: Data, *, rows: tuple[Widths, ...]) -> SmallNet:
    """A reduction to 8 x 8 and the modules."""
    stages, channels = [ReductionA(STEM, HALVING, padding="same")], HALVING.out_channels(STEM)
    for widths in rows:
        stages.append(InceptionB(channels, widths))
        channels = widths.out_channels
    return SmallNet(data, *stages, out_channels=channels)


RECIPE = Recipe(epochs=4, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01)

EXPERIMENT = Experiment(
    name="uniform_blocks",
    question="Modules all alike, or widths that grow from one to the next, at equal cost?",
    equal="the number of modules, what each puts out, the multiply-adds (within 1 %), the recipe, the images and their order",
    arms={
        "alike": Arm(build=partial(net, rows=UNIFORM)),
        "growing": Arm(build=partial(net, rows=VARIED)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=4000),
    full=photographs(RECIPE),
    matters=1.5,
    limits="The paper does not make this comparison: its v4 is also larger than v3.",
)
