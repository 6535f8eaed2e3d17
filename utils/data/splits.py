"""Drawing and dividing images by a seed: the same choice on every machine."""

import numpy as np


def require_whole(name: str, value: int, *, lowest: int) -> None:
    """Raise a ValueError that names the argument, unless it is a whole number, `lowest` or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < lowest:
        raise ValueError(f"{name} is {value!r}; it must be a whole number, {lowest} or more.")


def shuffled(n: int, *, seed: int) -> np.ndarray:
    """The numbers 0 to n - 1 in an order that the seed decides: int64 (n,)."""
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def stratified(labels: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a training and a test set, shuffled: a fifth of every class, at least one image, is for testing."""
    order = shuffled(len(labels), seed=seed)
    in_test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        in_test[members[: max(1, round(len(members) / 5))]] = True
    return order[~in_test[order]], order[in_test[order]]


def limited(limit: int | None, *, train: int, test: int) -> tuple[int, int]:
    """How many training and test images a limit on the training images leaves: the test images in proportion."""
    if limit is None or limit >= train:
        return train, test
    return limit, max(1, round(limit * test / train))
