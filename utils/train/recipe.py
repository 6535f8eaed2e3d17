"""How a network is trained: everything about a run that is neither the network nor the data."""

import math
from dataclasses import dataclass

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop")
SCHEDULES = ("constant", "cosine", "exponential", "one_cycle")
PRECISIONS = ("float32", "bfloat16")
ALTERNATED = "alternated"
RISE = 0.3  # the share of a one-cycle schedule in which the learning rate rises
START = 1 / 25  # where it starts, as a share of what it rises to; the same for a warm-up


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of one training run.

    A recipe is a value: two with the same settings are equal, and `dataclasses.replace(recipe, epochs=3)` is a new one.

    Raises:
        ValueError: a setting that cannot be; the message names it, what was given and what is allowed.
    """

    epochs: int = 10  # passes over the training images
    batch_size: int = 128  # images a step

    optimizer: str = "sgd"  # one of OPTIMIZERS
    learning_rate: float = 0.1  # the highest that the schedule reaches
    momentum: float = 0.9  # share of the last step kept in the next one; Adam's first beta
    epsilon: float = 1e-8  # added to the root of the mean square in Adam and RMSProp; Google's RMSProp has 1.0
    epsilon_inside: bool = False  # RMSProp as in TensorFlow and so in the papers: see utils.train.optim.RMSPropTF
    rms_decay: float = 0.9  # RMSProp: share of the mean square kept at each step
    weight_decay: float = 0.0  # on the weights of convolutions and linear layers, not on biases and norms

    schedule: str = "constant"  # one of SCHEDULES
    decay: float = 0.96  # exponential: what the learning rate is multiplied by ...
    decay_every: int = 8  # ... each time so many epochs have passed
    warm_up: float = 0.0  # epochs in which the learning rate rises in a straight line to where the schedule begins

    label_smoothing: float = 0.0  # share of the target that is spread evenly over all classes
    aux_weight: float = 0.0  # weight of each auxiliary classifier's loss beside the main one's
    clip: float | None = None  # the gradient, all parameters taken together, is scaled down to this length
    dropout: float | None = None  # probability of the dropout before the classifier; None leaves the network's own
    averaging: float | None = None  # decay of a moving average of the weights, evaluated beside them; None: no average

    # Mirror half of the training images, left to right: drawn anew in each epoch, or with ALTERNATED each image in every
    # other epoch, so that two epochs hold each image both ways (arXiv 2404.00498, section 3.6).
    flip: bool | str = False
    shift: int = 0  # move each training image by up to so many pixels, in both directions
    crop: tuple[float, float] | None = (
        None  # cut out a random part: its lowest and highest share of the image's area ...
    )
    aspect: tuple[float, float] = (3 / 4, 4 / 3)  # ... and its lowest and highest width for its height
    random_interpolation: bool = False  # each crop comes back to the image's size by a method of its own
    color: float = 0.0  # strength of random changes of brightness, contrast and saturation, 0 to 1
    cutout: int = 0  # side of a square that is blanked in each training image, in pixels

    precision: str = "float32"  # one of PRECISIONS; bfloat16: where torch's autocast finds it safe
    channels_last: bool = True  # pixels before channels in memory: the same numbers, and faster convolutions
    compile: bool = False  # torch.compile the network: pays in long runs on a GPU, costs a minute at the beginning

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "decay_every"):
            self._require(name, _is_whole(getattr(self, name), lowest=1), "a whole number, 1 or more")
        for name in ("shift", "cutout"):
            self._require(name, _is_whole(getattr(self, name), lowest=0), "a whole number of pixels, 0 or more")
        for name, names in {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "precision": PRECISIONS}.items():
            self._require(name, getattr(self, name) in names, _one_of(names))
        for name in ("learning_rate", "epsilon"):
            value = getattr(self, name)
            self._require(name, _is_number(value) and value > 0, "a number above 0")
        for name in ("weight_decay", "aux_weight"):
            value = getattr(self, name)
            self._require(name, _is_number(value) and value >= 0, "a number, 0 or more")
        for name in ("momentum", "label_smoothing", "rms_decay"):
            value = getattr(self, name)
            self._require(name, _is_number(value) and 0 <= value < 1, "a number from 0 to 1, without the 1")
        self._require("decay", _is_number(self.decay) and 0 < self.decay <= 1, "a number above 0, 1 at most")
        self._require(
            "clip", self.clip is None or (_is_number(self.clip) and self.clip > 0), "a number above 0, or None"
        )
        average, dropout = self.averaging, self.dropout
        allowed = "a number above 0 and below 1, or None"
        self._require("averaging", average is None or (_is_number(average) and 0 < average < 1), allowed)
        allowed = "a number from 0 to 1, without the 1, or None"
        self._require("dropout", dropout is None or (_is_number(dropout) and 0 <= dropout < 1), allowed)
        allowed = "a number of epochs, 0 or more, and fewer than the recipe's"
        self._require("warm_up", _is_number(self.warm_up) and 0 <= self.warm_up < self.epochs, allowed)
        self._require("color", _is_number(self.color) and 0 <= self.color <= 1, "a number from 0 to 1")
        allowed = "None, or two shares of the area, (lowest, highest), above 0 and 1 at most"
        self._require("crop", self.crop is None or (_is_range(self.crop) and self.crop[1] <= 1), allowed)
        self._require("aspect", _is_range(self.aspect), "two numbers above 0, (lowest, highest)")
        flips = isinstance(self.flip, bool) or self.flip == ALTERNATED
        self._require("flip", flips, f'True or False, or "{ALTERNATED}"')
        for name in ("epsilon_inside", "random_interpolation", "channels_last", "compile"):
            self._require(name, isinstance(getattr(self, name), bool), "True or False")

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise ValueError(f"{name} is {getattr(self, name)!r}; it must be {allowed}.")

    def learning_rate_at(self, epoch: float) -> float:
        """The learning rate after so many epochs; 2.5 is half-way through the third.

        constant: the same throughout. exponential: a staircase, `decay` times lower each `decay_every` epochs.
        cosine: half a cosine wave, from the learning rate down to 0. one_cycle: a straight line up from a 25th of it
        over the first 30 % of the run, then half a cosine wave down to 0. Where there is a warm-up, the learning rate
        rises from a 25th of the schedule's first one to it, and the schedule takes the epochs that are left.
        """
        if epoch < self.warm_up:
            return self._scheduled(0.0) * (START + (1 - START) * epoch / self.warm_up)
        return self._scheduled(epoch - self.warm_up)

    def _scheduled(self, epoch: float) -> float:
        """The learning rate so many epochs after the warm-up."""
        done = epoch / (self.epochs - self.warm_up)
        if self.schedule == "exponential":
            return self.learning_rate * float(self.decay ** (epoch // self.decay_every))
        if self.schedule == "cosine":
            return self.learning_rate * _half_wave(done)
        if self.schedule == "one_cycle":
            if done < RISE:
                return self.learning_rate * (START + (1 - START) * done / RISE)
            return self.learning_rate * _half_wave((done - RISE) / (1 - RISE))
        return self.learning_rate


def _half_wave(done: float) -> float:
    """1 at the beginning, 0 at the end, half a cosine wave between."""
    return (1 + math.cos(math.pi * done)) / 2


def _one_of(names: tuple[str, ...]) -> str:
    return "one of " + ", ".join(f'"{name}"' for name in names)


def _is_range(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value)) and 0 < value[0] <= value[1]


def _is_whole(value: object, *, lowest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= lowest


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
