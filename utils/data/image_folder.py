"""A folder of images, one sub-folder a class, as arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from utils.data.decode import in_threads, read_image
from utils.data.splits import limited, shuffled, stratified

Labelled = list[tuple[Path, int]]

LAYOUT = "The layout is one sub-folder of images a class, or `train` and `test` with such sub-folders in each."
LEFT_BY_THE_SYSTEM = {"Thumbs.db", "desktop.ini", "__MACOSX"}


def image_folder(
    folder: Path, *, seed: int, limit: int | None, image_size: int | None
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray], tuple[str, ...]]:
    """(images, labels) for training, the same for testing, and the names of the classes, in alphabetical order.

    Images are uint8 (N, 3, H, W), labels int64 (N,). Where the folder holds both `train` and `test`, those are the two
    splits; else a fifth of every class, drawn by the seed, is for testing. Both come shuffled by the seed.

    Raises:
        ValueError: fewer than two classes; a class without images, or with too few to split; a file that is not an
            image; images of several sizes where `image_size` is not given. The message names the folder or file.
    """
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        train, classes = _find(folder / "train")
        test, in_test = _find(folder / "test")
        if classes != in_test:
            odd = sorted(set(classes) ^ set(in_test))[0]
            where, lacks = ("train", "test") if odd in classes else ("test", "train")
            raise ValueError(
                f"The class folder {folder / where / odd} has no counterpart in {folder / lacks}. "
                "Both splits must have the same class folders: add it or take it away."
            )
        train = [train[i] for i in shuffled(len(train), seed=seed)]
        test = [test[i] for i in shuffled(len(test), seed=seed)]
    else:
        files, classes = _find(folder)
        labels = np.array([label for _, label in files])
        for label, count in enumerate(np.bincount(labels)):
            if count < 2:
                raise ValueError(
                    f"The class folder {folder / classes[label]} holds one image, too few to split into training "
                    "and test: two are the least, and hundreds are useful. Add images, or take the folder away."
                )
        train, test = ([files[i] for i in indices] for indices in stratified(labels, seed=seed))

    n_train, n_test = limited(limit, train=len(train), test=len(test))
    train, test = train[:n_train], test[:n_test]
    if image_size is None:
        _require_one_size(train + test)
    return _decode(train, image_size), _decode(test, image_size), classes


def _find(folder: Path) -> tuple[Labelled, tuple[str, ...]]:
    """The files of every class folder with the number of their class, and the classes' names."""
    classes = [entry for entry in _visible(folder) if entry.is_dir()]
    if len(classes) < 2:
        found = f"one class folder, {classes[0].name}" if classes else "no class folder"
        raise ValueError(f"{folder} holds {found}; to tell classes apart takes two or more. {LAYOUT}")
    files: Labelled = []
    for label, entry in enumerate(classes):
        members = [(path, label) for path in _visible(entry) if path.is_file()]
        if not members:
            raise ValueError(f"The class folder {entry} holds no images. Put some in, or take it away. {LAYOUT}")
        files += members
    return files, tuple(entry.name for entry in classes)


def _visible(folder: Path) -> list[Path]:
    """What lies in a folder, by name, without what the operating system hides there."""
    return sorted(
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name not in LEFT_BY_THE_SYSTEM
    )


def _not_an_image(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path} is not an image that can be read, or it is cut off ({error}). "
        "A class folder holds image files and nothing else (JPEG, PNG, WebP, ...): replace the file or move it away."
    )


def _require_one_size(files: Labelled) -> None:
    """Raise a ValueError that names two images of different sizes, if there are any; only headers are read."""

    def size(file: tuple[Path, int]) -> tuple[int, int]:
        try:
            with Image.open(file[0]) as image:
                width, height = image.size
                turned = image.getexif().get(0x0112, 1) >= 5  # the camera lay on its side
                return (height, width) if turned else (width, height)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise _not_an_image(file[0], error) from error

    sizes = list(in_threads(size, files, label="Looking at sizes"))
    for (path, _), (width, height) in zip(files, sizes, strict=True):
        if (width, height) != sizes[0]:
            raise ValueError(
                f"The images have several sizes: {files[0][0]} is {sizes[0][0]} x {sizes[0][1]} and {path} is "
                f"{width} x {height}. A network takes one size: pass image_size, for example image_size=32, "
                "and every image is scaled and cut to a square of that many pixels."
            )


def _decode(files: Sequence[tuple[Path, int]], image_size: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 (N, 3, H, W), and labels, int64 (N,)."""

    def read(file: tuple[Path, int]) -> np.ndarray:
        try:
            return read_image(file[0], image_size=image_size)
        except OSError as error:
            raise _not_an_image(file[0], error) from error

    images = np.stack(list(in_threads(read, files, label="Reading images")))
    return images, np.array([label for _, label in files], dtype=np.int64)
