"""Mirrored images: drawn anew in each epoch, or in turns, so that two epochs hold each image both ways?

The alternating flip of Jordan's "94 % on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv 2404.00498, section 3.6): where flips are
drawn, half of the images of an epoch are seen the same way round as in the epoch before. Runs of the same seed see the images in the
same order and moved alike; without flips, the orders of later epochs are others.
"""

from dataclasses import replace

from course.experiments import Arm, Experiment, Form, photographs
from lessons.capstone.experiments.fast_training import RECIPE, FastNet
from utils.train.recipe import ALTERNATED

EXPERIMENT = Experiment(
    name="alternated_flips",
    question="Images mirrored at random, in turns, or not at all: what does it change?",
    equal="the network, the first weights, the recipe but for its flips, the images",
    arms={
        "flips drawn": Arm(build=FastNet, changes={"flip": True}),
        "flips in turns": Arm(build=FastNet, changes={"flip": ALTERNATED}),
        "no flips": Arm(build=FastNet, changes={"flip": False}),
    },
    short=Form(data="scales", recipe=RECIPE, seeds=(0, 1, 2), limit=2000),
    full=photographs(RECIPE, batch_size=64),
    others={
        "fifth": Form(data="cifar10", recipe=replace(RECIPE, epochs=10, shift=4), seeds=(0, 1, 2), limit=10_000),
    },
    paired=True,
    matters=1.5,
    limits="Ten epochs are few: what flips bring to longer trainings, these runs do not say.",
)
