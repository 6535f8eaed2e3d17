"""Against unstable residual training: a warm-up, or scaled residuals? ("Inception-v4, Inception-ResNet", section 3.3)

He and others (arXiv 1512.03385) begin very deep networks with a low learning rate. The paper found that this did not help its
wide ones, and that scaling did.
"""

from functools import partial

from course.experiments import Arm, Experiment, Form, photographs
from lessons.residual_scaling.experiments.scale_width import RECIPE, WIDE, figures, net
from utils.train.comparison import ACCURACY, measured

EXPERIMENT = Experiment(
    name="warm_up",
    question="Against unstable residual training: a warm-up, or scaled residuals?",
    equal="the wide residual network but for its scale, the rate that is reached, the images and their order",
    arms={
        "scale 1": Arm(build=partial(net, channels=WIDE, scale=1.0)),
        "scale 1, warm-up": Arm(build=partial(net, channels=WIDE, scale=1.0), changes={"warm_up": 1.0}),
        "scale 0.1": Arm(build=partial(net, channels=WIDE, scale=0.1)),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=1000),
    full=photographs(RECIPE),
    paired=True,
    quantity=measured("dead", "dead channels", "%", points="points"),
    matters=5.0,
    limits="Training here is a few hundred steps long; the paper's broke after tens of thousands.",
    more=(ACCURACY,),
    measure=figures,
)
