"""The data set "scales": coloured pictures in which the class lies in a shape and in its texture, at every size.

Same seed, same bytes, on every machine: PCG64's raw bits are specified, and all that follows is arithmetic on whole
numbers. Images come in blocks, each from random numbers of its own, so that the first images of a set are the same
however many are made.
"""

import numpy as np

SHAPES = ("disk", "square", "triangle", "cross", "ring")
TEXTURES = ("rows", "columns")
CLASSES = tuple(f"{shape}, {texture}" for shape in SHAPES for texture in TEXTURES)
SIDE = 32  # pixels
SMALLEST, LARGEST = 5, 28  # pixels across a shape
TRAIN, TEST = 6_000, 2_000  # images

# Steps of brightness, of 255, in each colour channel by itself; the lowest and the highest.
GROUND = (72, 183)  # around the shape
CONTRAST = (16, 48)  # between the ground and the shape's mean, lighter or darker
DEPTH = (16, 40)  # of the stripes, above and below the shape's mean
NOISE = 24  # on every pixel: the sum of two draws, each from -NOISE to NOISE

BLOCK = 500  # images that share a stream of random numbers


class _Draws:
    """Whole random numbers that a key decides."""

    def __init__(self, *key: int):
        self._bits = np.random.PCG64(key)

    def below(self, n: int | np.ndarray, *shape: int) -> np.ndarray:
        """Numbers from 0 to n - 1, int64; n is one number, or an array of numbers of that shape."""
        bits: np.ndarray = self._bits.random_raw(int(np.prod(shape))).reshape(shape) >> np.uint64(32)
        return ((bits * np.asarray(n, dtype=np.uint64)) >> np.uint64(32)).astype(np.int64)

    def between(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Numbers from low to high, both included, int64."""
        return low + self.below(high - low + 1, *shape)

    def signed(self, size: tuple[int, int], *shape: int) -> np.ndarray:
        """Numbers from size[0] to size[1], above or below zero."""
        drawn: np.ndarray = self.between(*size, *shape) * (2 * self.below(2, *shape) - 1)
        return drawn

    def bytes(self, *shape: int) -> np.ndarray:
        """Numbers from 0 to 255, uint8: eight from each draw, where one a draw would take long."""
        count = int(np.prod(shape))
        bits = self._bits.random_raw(-(-count // 8)).astype("<u8")  # the lowest byte first, on any machine
        return bits.view(np.uint8)[:count].reshape(shape)

    def order(self, n: int) -> np.ndarray:
        """0 to n - 1, shuffled."""
        return np.argsort(self._bits.random_raw(n), kind="stable")


def scales(n: int, *, seed: int, part: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n images of a part (0 for training, 1 for testing): uint8 (n, 3, 32, 32), and labels, int64 (n,)."""
    blocks = [_block(_Draws(seed, part, number)) for number in range(-(-n // BLOCK))]
    images = np.concatenate([images for images, _ in blocks])[:n]
    labels = np.concatenate([labels for _, labels in blocks])[:n]
    return images, labels


def _block(draws: _Draws) -> tuple[np.ndarray, np.ndarray]:
    """BLOCK images, uint8 (BLOCK, 3, 32, 32), and their labels, int64 (BLOCK,); every class equally often."""
    labels = draws.order(BLOCK) % len(CLASSES)
    shape, texture = labels // len(TEXTURES), labels % len(TEXTURES)

    # Places count half pixels, so that a shape of any width has its centre on a whole number.
    radius = draws.between(SMALLEST, LARGEST, BLOCK)
    centre_x = radius + draws.below(2 * (SIDE - radius) + 1, BLOCK)
    centre_y = radius + draws.below(2 * (SIDE - radius) + 1, BLOCK)
    inside = _inside(shape, radius=radius, centre_x=centre_x, centre_y=centre_y)

    grid = np.arange(SIDE)
    rows, columns = np.broadcast_arrays(2 * (grid[:, None] % 2) - 1, 2 * (grid[None, :] % 2) - 1)
    stripes = np.stack([rows, columns])[texture]  # (BLOCK, 32, 32), -1 or 1

    ground = draws.between(*GROUND, BLOCK, 3, 1, 1)
    contrast = draws.signed(CONTRAST, BLOCK, 3, 1, 1)
    depth = draws.signed(DEPTH, BLOCK, 3, 1, 1)
    pixels = ground + inside[:, None] * (contrast + depth * stripes[:, None])
    for _ in range(2):
        pixels += (draws.bytes(BLOCK, 3, SIDE, SIDE).astype(np.int64) - 128) * NOISE // 128
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


def _inside(shape: np.ndarray, *, radius: np.ndarray, centre_x: np.ndarray, centre_y: np.ndarray) -> np.ndarray:
    """Which pixels lie in each image's shape: bool (BLOCK, 32, 32)."""
    pixel = 2 * np.arange(SIDE) + 1
    x = (pixel[None, :] - centre_x[:, None])[:, None, :]  # (BLOCK, 1, 32)
    y = (pixel[None, :] - centre_y[:, None])[:, :, None]  # (BLOCK, 32, 1)
    r = radius[:, None, None]
    far, near = np.maximum(abs(x), abs(y)), np.minimum(abs(x), abs(y))
    square_distance = x * x + y * y
    masks = {
        "disk": square_distance <= r * r,
        "square": far <= r,
        "triangle": (2 * abs(x) <= y + r) & (y <= r),
        "cross": (3 * near <= r) & (far <= r),
        "ring": (square_distance <= r * r) & (4 * square_distance >= r * r),
    }
    every = np.stack([masks[name] for name in SHAPES])
    chosen: np.ndarray = every[shape, np.arange(len(shape))]
    return chosen
