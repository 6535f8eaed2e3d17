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


def scales(n: int, *, seed: int, part: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n images of a part (0 for training, 1 for testing): uint8 (n, 3, 32, 32), and labels, int64 (n,)."""
    blocks = [_block(_Draws(seed, part, number)) for number in range(-(-n // BLOCK))]
    images = np.concatenate([images for images, _ in blocks])[:n]
    labels = np.concatenate([labels for _, labels in blocks])[:n]
    return images, labels


def _block(draws: _Draws) -> tuple[np.ndarray, np.ndarray]:
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
