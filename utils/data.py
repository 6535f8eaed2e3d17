"""Data sets: made here, bundled with scikit-learn, read from Parquet files, or a folder of the learner's own images.

    data = load("scales")
    data.train.images    # uint8, (N, C, H, W), 0 to 255
    data.train.labels    # int64, (N,), 0 to len(data.classes) - 1
    data.normalise(data.train.images[:128])    # float32, each channel with mean 0 and deviation 1 over the training set

A data set is tensors, whole, and small enough to lie on the training device; `data.to("cuda")` puts it there.
Nothing is read, made or downloaded when this module is imported.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

NAMES = ("scales", "digits", "cifar10")


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their classes, in the same order: `images` uint8 (N, C, H, W), `labels` int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: str | torch.device) -> "Split":
        """The same split on another device."""
        return Split(images=self.images.to(device), labels=self.labels.to(device))

    def subset(self, n: int, *, seed: int = 0) -> "Split":
        """`n` images drawn without replacement: the same ones for the same seed.

        Raises:
            ValueError: n is not between 1 and the number of images.
        """
        _require_whole("n", n, lowest=1)
        if n > len(self):
            raise ValueError(f"n is {n}, and the split has {len(self)} images. Ask for {len(self)} or fewer.")
        chosen = torch.from_numpy(_shuffled(len(self), seed)[:n]).to(self.labels.device)
        return Split(images=self.images[chosen], labels=self.labels[chosen])


@dataclass(frozen=True, eq=False)
class Data:
    """A data set: a training and a test split of images of one size.

    `mean` and `std` are the training set's, one number a channel, with pixels counted from 0 to 1.
    `source` says in one sentence what the images are and where they come from.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    source: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every image."""
        return tuple(self.train.images.shape[1:])

    def to(self, device: str | torch.device) -> "Data":
        """The same data set with both splits on another device."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 (N, C, H, W) -> float32 (N, C, H, W), by the training set's mean and deviation; any device."""
        mean = torch.tensor(self.mean, device=images.device).view(-1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(-1, 1, 1)
        return (images.float() / 255 - mean) / std


def load(name: str, *, seed: int = 0, limit: int | None = None) -> Data:
    """A data set by its name.

    Args:
        name: "scales" (32 x 32 colour, ten classes, made here from the seed) or
            "digits" (8 x 8 grey, real handwriting, split 80 to 20 by the seed).
        seed: makes "scales", and splits what comes without a split.
        limit: keep this many training images, the first ones, and test images in proportion.
    """
    _require_whole("seed", seed, lowest=0)
    if limit is not None:
        _require_whole("limit", limit, lowest=1)
    if name == "scales":
        return _scales(seed=seed, limit=limit)
    if name == "digits":
        return _digits(seed=seed, limit=limit)
    raise ValueError(f"There is no data set {name!r}. There are {', '.join(NAMES)}.")


def _data(*, name: str, train: Split, test: Split, classes: tuple[str, ...], source: str) -> Data:
    """The data set with the training set's mean and deviation, computed here once."""
    mean, std = _channel_statistics(train.images)
    return Data(name=name, train=train, test=test, classes=classes, source=source, mean=mean, std=std)


def _channel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, pixels counted from 0 to 1. A constant channel's deviation is 1."""
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in images.numpy().swapaxes(0, 1):
        counts = np.bincount(channel.ravel(), minlength=256)
        mean = float(counts @ values / counts.sum())
        variance = float(counts @ (values - mean) ** 2 / counts.sum())
        means.append(mean)
        deviations.append(variance**0.5 or 1.0)
    return tuple(means), tuple(deviations)


def _require_whole(name: str, value: int, *, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < lowest:
        raise ValueError(f"{name} is {value!r}; it must be a whole number, {lowest} or more.")


def _shuffled(n: int, seed: int) -> np.ndarray:
    """The numbers 0 to n - 1 in an order that depends on the seed alone."""
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def _proportionate(limit: int | None, *, train: int, test: int) -> tuple[int, int]:
    """How many training and test images a limit keeps."""
    if limit is None or limit >= train:
        return train, test
    return limit, max(1, round(limit * test / train))


# --- scales -----------------------------------------------------------------------------------------------------------

SHAPES = ("disk", "square", "triangle", "cross", "ring")
TEXTURES = ("rows", "columns")
SIDE = 32  # pixels
SMALLEST, LARGEST = 5, 28  # pixels across a shape
SCALES_TRAIN, SCALES_TEST = 6_000, 2_000
NOISE = 16  # half the spread of each of the two draws that make up the noise
BLOCK = 500  # images drawn from one stream of random numbers; a limit draws whole blocks and cuts the last


class _Draws:
    """Whole random numbers, the same on every machine: PCG64's raw 64 bits and integer arithmetic, nothing else."""

    def __init__(self, *key: int):
        self._bits = np.random.PCG64(key)

    def below(self, n: int, *shape: int) -> np.ndarray:
        """Numbers from 0 to n - 1, int64."""
        high = self._bits.random_raw(int(np.prod(shape))) >> np.uint64(32)
        return ((high * np.uint64(n)) >> np.uint64(32)).astype(np.int64).reshape(shape)

    def between(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Numbers from low to high, both included, int64."""
        return low + self.below(high - low + 1, *shape)

    def bytes(self, *shape: int) -> np.ndarray:
        """Numbers from 0 to 255, uint8."""
        count = int(np.prod(shape))
        raw = self._bits.random_raw(-(-count // 8)).astype("<u8")
        return raw.view(np.uint8)[:count].reshape(shape)

    def order(self, n: int) -> np.ndarray:
        """0 to n - 1, shuffled."""
        return np.argsort(self._bits.random_raw(n), kind="stable")


def _scales(*, seed: int, limit: int | None) -> Data:
    train, test = _proportionate(limit, train=SCALES_TRAIN, test=SCALES_TEST)
    return _data(
        name="scales",
        train=_scales_split(train, key=(seed, 0)),
        test=_scales_split(test, key=(seed, 1)),
        classes=tuple(f"{shape} of {texture}" for shape in SHAPES for texture in TEXTURES),
        source=f"scales, made by the course from seed {seed}: five shapes, 5 to 28 pixels wide, in two textures.",
    )


def _scales_split(n: int, *, key: tuple[int, int]) -> Split:
    blocks = [_scales_block(_Draws(*key, block)) for block in range(-(-n // BLOCK))]
    images = np.concatenate([images for images, _ in blocks])[:n]
    labels = np.concatenate([labels for _, labels in blocks])[:n]
    return Split(images=torch.from_numpy(images), labels=torch.from_numpy(labels))


def _scales_block(draws: _Draws) -> tuple[np.ndarray, np.ndarray]:
    """BLOCK images, uint8 (BLOCK, 3, 32, 32), and their labels, int64 (BLOCK,); every class equally often."""
    labels = draws.order(BLOCK) % (len(SHAPES) * len(TEXTURES))
    shape, texture = labels // len(TEXTURES), labels % len(TEXTURES)

    # Lengths count half pixels, so that centres of pixels and of shapes are whole numbers.
    radius = draws.between(SMALLEST, LARGEST, BLOCK)
    free = 2 * (SIDE - radius) + 1
    centre_x = radius + draws.below(1 << 31, BLOCK) * free // (1 << 31)
    centre_y = radius + draws.below(1 << 31, BLOCK) * free // (1 << 31)
    inside = _inside(shape, radius=radius, centre_x=centre_x, centre_y=centre_y)

    grid = np.arange(SIDE)
    stripes = np.stack(np.broadcast_arrays(grid[:, None] % 2, grid[None, :] % 2)) * 2 - 1  # (2, 32, 32): rows, columns
    ripple = stripes[texture] * (draws.below(2, BLOCK) * 2 - 1)[:, None, None]  # (BLOCK, 32, 32): -1 or 1

    ground = draws.between(72, 183, BLOCK, 3, 1, 1)
    contrast = draws.between(16, 48, BLOCK, 3, 1, 1) * (draws.below(2, BLOCK, 3, 1, 1) * 2 - 1)
    depth = draws.between(16, 40, BLOCK, 3, 1, 1) * (draws.below(2, BLOCK, 3, 1, 1) * 2 - 1)
    pixels = ground + inside[:, None] * (contrast + depth * ripple[:, None])
    for _ in range(2):
        pixels = pixels + (draws.bytes(BLOCK, 3, SIDE, SIDE).astype(np.int64) - 128) * NOISE // 128
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


def _inside(shape: np.ndarray, *, radius: np.ndarray, centre_x: np.ndarray, centre_y: np.ndarray) -> np.ndarray:
    """Which pixels lie in each image's shape: bool (BLOCK, 32, 32)."""
    pixel = 2 * np.arange(SIDE) + 1
    x = (pixel[None, :] - centre_x[:, None])[:, None, :]  # (BLOCK, 1, 32)
    y = (pixel[None, :] - centre_y[:, None])[:, :, None]  # (BLOCK, 32, 1)
    r = radius[:, None, None]
    far, near = np.maximum(abs(x), abs(y)), np.minimum(abs(x), abs(y))
    square_distance = x * x + y * y
    masks = np.stack(
        [
            square_distance <= r * r,
            far <= r,
            (2 * abs(x) <= y + r) & (y <= r),
            (3 * near <= r) & (far <= r),
            (square_distance <= r * r) & (4 * square_distance >= r * r),
        ]
    )
    return masks[shape, np.arange(len(shape))]


# --- digits -----------------------------------------------------------------------------------------------------------


def _digits(*, seed: int, limit: int | None) -> Data:
    from sklearn.datasets import load_digits

    bundle = load_digits()
    images = ((bundle.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)[:, None]  # 0 to 16 becomes 0 to 255
    labels = bundle.target.astype(np.int64)
    train, test = _stratified_split(labels, seed=seed)
    n_train, n_test = _proportionate(limit, train=len(train), test=len(test))
    return _data(
        name="digits",
        train=Split(torch.from_numpy(images[train[:n_train]]), torch.from_numpy(labels[train[:n_train]])),
        test=Split(torch.from_numpy(images[test[:n_test]]), torch.from_numpy(labels[test[:n_test]])),
        classes=tuple(str(digit) for digit in range(10)),
        source="Handwritten digits, 8 x 8, from the UCI repository, as bundled with scikit-learn.",
    )


def _stratified_split(labels: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a training and a test set: a fifth of every class, at least one image, goes to the test set."""
    order = _shuffled(len(labels), seed)
    in_test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        in_test[members[: max(1, round(len(members) / 5))]] = True
    return order[~in_test[order]], order[in_test[order]]
