"""The papers' training recipes by name, as settings that a learner can read; and a fast one of today.

Epochs are set for CIFAR-10 and the like: none of the papers' counts of steps fits images of 32 x 32. What a paper leaves open is
chosen here, and `chosen` says so.
"""

from dataclasses import dataclass, replace

from utils.train.recipe import Recipe


@dataclass(frozen=True)
class NamedRecipe:
    """A recipe, where it stands, and what of it is the course's choice."""

    recipe: Recipe
    source: str
    chosen: str


_GOOGLENET = Recipe(
    epochs=60,
    batch_size=128,
    optimizer="sgd",
    momentum=0.9,
    learning_rate=0.05,
    schedule="exponential",
    decay=0.96,
    decay_every=8,
    aux_weight=0.3,
    dropout=0.4,
    averaging=0.999,
    crop=(0.08, 1.0),
    aspect=(3 / 4, 4 / 3),
    random_interpolation=True,
    color=0.4,
    flip=True,
)
_BN = Recipe(
    epochs=40,
    batch_size=32,
    optimizer="sgd",
    momentum=0.9,
    learning_rate=0.0015,
    schedule="exponential",
    decay=0.96,
    decay_every=6,
    crop=(0.08, 1.0),
    flip=True,
)
_V3 = Recipe(
    epochs=100,
    batch_size=32,
    optimizer="rmsprop",
    rms_decay=0.9,
    epsilon=1.0,
    epsilon_inside=True,
    momentum=0.9,
    learning_rate=0.045,
    schedule="exponential",
    decay=0.94,
    decay_every=2,
    clip=2.0,
    label_smoothing=0.1,
    aux_weight=0.4,
    dropout=0.2,
    weight_decay=4e-5,
    averaging=0.9999,
    flip=True,
    shift=4,
)


RECIPES: dict[str, NamedRecipe] = {
    "googlenet": NamedRecipe(
        _GOOGLENET,
        '"Going deeper with convolutions" (arXiv 1409.4842), section 6: momentum 0.9, 4 % less every 8 epochs, averaged '
        "weights; auxiliary weight 0.3 and dropout 0.4 from section 5; crops of 8 to 100 % of the area, aspect 3/4 to 4/3, "
        "photometric changes, random interpolation",
        "learning rate, batch size, epochs, decay of the average and strength of the colour changes",
    ),
    "bn_inception": NamedRecipe(
        _BN,
        '"Batch Normalization" (arXiv 1502.03167), section 4.2: learning rate 0.0015, batches of 32, momentum',
        "the momentum's value, the decay of the learning rate, epochs, crops as in GoogLeNet's recipe",
    ),
    "bn_x5": NamedRecipe(
        replace(_BN, learning_rate=0.0075, decay_every=1),
        "the same, section 4.2.1: five times the learning rate, decayed six times as fast",
        "as bn_inception",
    ),
    "bn_x30": NamedRecipe(
        replace(_BN, learning_rate=0.045, decay_every=1),
        "the same, section 4.2.1: thirty times the learning rate, decayed six times as fast",
        "as bn_inception",
    ),
    "inception_v3": NamedRecipe(
        _V3,
        '"Rethinking the Inception architecture" (arXiv 1512.00567), section 8: RMSProp with decay 0.9 and epsilon 1.0 inside '
        "of the root as in TensorFlow, learning rate 0.045 times 0.94 every 2 epochs, clipping at 2.0, batches of 32, 100 epochs, "
        "averaged weights; label smoothing 0.1 from section 7",
        "momentum 0.9, auxiliary weight 0.4, dropout 0.2 and weight decay 4e-5 are those of the authors' public code; the decay "
        "of the average and the augmentation are the course's",
    ),
    "inception_v4": NamedRecipe(
        replace(_V3, label_smoothing=0.0, aux_weight=0.0, clip=None),
        '"Inception-v4, Inception-ResNet ..." (arXiv 1602.07261), section 4: RMSProp with decay 0.9 and epsilon 1.0, learning '
        "rate 0.045 times 0.94 every 2 epochs, averaged weights; dropout keeps 0.8",
        "as inception_v3; the text does not mention label smoothing",
    ),
    "xception": NamedRecipe(
        Recipe(
            epochs=60,
            batch_size=64,
            optimizer="sgd",
            momentum=0.9,
            learning_rate=0.045,
            schedule="exponential",
            decay=0.94,
            decay_every=2,
            weight_decay=1e-5,
            dropout=0.5,
            averaging=0.999,
            flip=True,
            shift=4,
        ),
        '"Xception" (arXiv 1610.02357), section 4.3: momentum 0.9, learning rate 0.045 times 0.94 every 2 epochs, weight decay '
        "1e-5, dropout 0.5, averaged weights",
        "batch size, epochs, decay of the average, augmentation",
    ),
    "fast": NamedRecipe(
        Recipe(
            epochs=30,
            batch_size=512,
            optimizer="adamw",
            momentum=0.9,
            learning_rate=0.01,
            schedule="one_cycle",
            weight_decay=0.05,
            label_smoothing=0.1,
            flip=True,
            shift=4,
            cutout=8,
            precision="bfloat16",
        ),
        "no paper of the family: AdamW with one cycle of the learning rate, as is usual today",
        "all of it, for a network of some 200,000 parameters on CIFAR-10",
    ),
    "quick": NamedRecipe(
        Recipe(epochs=5, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01),
        "no paper of the family: what the lessons' experiments use on a CPU",
        "all of it",
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name!r}. There are: {', '.join(RECIPES)}.")
    return RECIPES[name].recipe
