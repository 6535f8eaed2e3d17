"""How a network is trained: everything about a run that is neither the network nor the data."""

import math
from dataclasses import dataclass

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop")
SCHEDULES = ("constant", "cosine", "exponential", "one_cycle")
RISE = 0.3  # the share of a one-cycle schedule in which the learning rate rises
START = 1 / 25  # where it starts, as a share of the highest learning rate


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
    weight_decay: float = 0.0  # on the weights of convolutions and linear layers, not on biases and norms

    schedule: str = "constant"  # one of SCHEDULES
    decay: float = 0.96  # exponential: what the learning rate is multiplied by ...
    decay_every: int = 8  # ... each time so many epochs have passed

    label_smoothing: float = 0.0  # share of the target that is spread evenly over all classes
    aux_weight: float = 0.0  # weight of each auxiliary classifier's loss beside the main one's
    clip: float | None = None  # the gradient, all parameters taken together, is scaled down to this length

    flip: bool = False  # mirror half of the training images, left to right
    shift: int = 0  # move each training image by up to so many pixels, in both directions

    def __post_init__(self):
        for name in ("epochs", "batch_size", "decay_every"):
            self._require(name, _is_whole(getattr(self, name), lowest=1), "a whole number, 1 or more")
        self._require("shift", _is_whole(self.shift, lowest=0), "a whole number of pixels, 0 or more")
        self._require("optimizer", self.optimizer in OPTIMIZERS, _one_of(OPTIMIZERS))
        self._require("schedule", self.schedule in SCHEDULES, _one_of(SCHEDULES))
        for name in ("learning_rate", "epsilon"):
            value = getattr(self, name)
            self._require(name, _is_number(value) and value > 0, "a number above 0")
        for name in ("weight_decay", "aux_weight"):
            value = getattr(self, name)
            self._require(name, _is_number(value) and value >= 0, "a number, 0 or more")
        for name in ("momentum", "label_smoothing"):
            value = getattr(self, name)
            self._require(name, _is_number(value) and 0 <= value < 1, "a number from 0 to 1, without the 1")
        self._require("decay", _is_number(self.decay) and 0 < self.decay <= 1, "a number above 0, 1 at most")
        self._require(
            "clip", self.clip is None or (_is_number(self.clip) and self.clip > 0), "a number above 0, or None"
        )
        self._require("flip", isinstance(self.flip, bool), "True or False")

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise ValueError(f"{name} is {getattr(self, name)!r}; it must be {allowed}.")

    def learning_rate_at(self, epoch: float) -> float:
        """The learning rate after so many epochs; 2.5 is half-way through the third.

        constant: the same throughout. exponential: a staircase, `decay` times lower each `decay_every` epochs.
        cosine: half a cosine wave, from the learning rate down to 0. one_cycle: a straight line up from a 25th of it
        over the first 30 % of the run, then half a cosine wave down to 0.
        """
        done = epoch / self.epochs
        if self.schedule == "exponential":
            return self.learning_rate * self.decay ** (epoch // self.decay_every)
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


def _is_whole(value: object, *, lowest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= lowest


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
