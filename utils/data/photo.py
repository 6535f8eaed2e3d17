"""The two real photographs that scikit-learn brings along, for looking at what networks see in them."""

import numpy as np

from utils.system.packages import needed

NAMES = ("flower", "china")


def photograph(name: str, size: int | None = None) -> np.ndarray:
    """A photograph as uint8 (H, W, 3): "flower" (a dahlia) or "china" (a pagoda at a lake).

    With `size`, the largest square around the subject, scaled to size x size pixels.

    The photographs are Creative Commons works that scikit-learn distributes;
    `sklearn.datasets.load_sample_images().DESCR` says more of them.

    Raises:
        ValueError: another name, or a size that is not a whole number above zero.
    """
    with needed("A photograph"):
        from PIL import Image
        from sklearn.datasets import load_sample_image

    if name not in NAMES:
        raise ValueError(f"There is no photograph {name!r}. There are: {', '.join(NAMES)}.")
    image: np.ndarray = load_sample_image(f"{name}.jpg")
    if size is None:
        return image
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"size is {size!r}; it must be a whole number of pixels, 1 or more.")
    left = {"flower": 95, "china": 0}[name]
    square = Image.fromarray(image).crop((left, 0, left + image.shape[0], image.shape[0]))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))
