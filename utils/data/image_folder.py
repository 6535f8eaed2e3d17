"""A folder of images, one sub-folder a class, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.data.decode import highest, in_threads, opened, read_image, white_of
from utils.data.splits import limited, shuffled, stratified
from utils.system.packages import needed

Labelled = list[tuple[Path, int]]
Arrays = tuple[np.ndarray, np.ndarray]  # images and labels

TEST = (
    "test",
    "val",
    "valid",
    "validation",
)  # what the folder of the test images may be called; the first there is is taken
LAYOUT = (
    "The layout is one sub-folder of images a class, or `train` and `test` (or `val`) with such sub-folders in each."
)
LEFT_BY_THE_SYSTEM = {"Thumbs.db", "desktop.ini", "__MACOSX"}


@dataclass(frozen=True, eq=False)
class Found:
    """What a folder holds: images uint8 (N, 3, H, W), labels int64 (N,), and what is to be said of it."""

    train: Arrays
    test: Arrays
    classes: tuple[str, ...]  # in alphabetical order
    notes: tuple[str, ...]  # sentences: which folders are used, what was left out, what is white


def image_folder(folder: Path, *, seed: int, limit: int | None, image_size: int | None) -> Found:
    """The images of a folder, read and divided.

    Where the folder holds `train` and one of `test`, `val`, `valid` and `validation`, those are the two splits; else a fifth of
    every class, drawn by the seed, is for testing. Both come shuffled by the seed.

    Raises:
        ValueError: fewer than two classes; a class without images, or with too few to split; a file that is not an
            image; images of several sizes where `image_size` is not given. The message names the folder or file.
    """
    notes: list[str] = []
    splits = {entry.name.lower(): entry for entry in _visible(folder) if entry.is_dir()}
    tests = [splits[name] for name in TEST if name in splits]
    if "train" in splits and tests:
        notes.append(
            _used(splits["train"], tests[0], [each for each in splits.values() if each.name.lower() != "train"])
        )
        train, classes = _find(splits["train"], notes)
        test, in_test = _find(tests[0], notes)
        if classes != in_test:
            odd = sorted(set(classes) ^ set(in_test))[0]
            where, lacks = (splits["train"], tests[0]) if odd in classes else (tests[0], splits["train"])
            raise ValueError(
                f"The class folder {where / odd} has no counterpart in {lacks}. "
                "Both splits must have the same class folders: add it or take it away."
            )
        train = [train[i] for i in shuffled(len(train), seed=seed)]
        test = [test[i] for i in shuffled(len(test), seed=seed)]
    else:
        if list(splits) == ["train"]:
            raise ValueError(
                f"{folder} holds {splits['train'].name}, and nothing to test with: put a folder {' or '.join(TEST)} beside it, or name "
                f"{splits['train']} itself, of which a fifth is then for testing."
            )
        files, classes = _find(folder, notes)
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
    whites = _whites(train + test, notes)
    return Found(
        _decode(train, image_size, whites), _decode(test, image_size, whites), classes, tuple(filter(None, notes))
    )


def _used(train: Path, test: Path, others: list[Path]) -> str:
    """Which folders are used, where that is not what one would think; else nothing. `others`: all but the one for training."""
    unused = [path.name for path in others if path != test]
    if not unused and test.name == "test":
        return ""
    words = f"; {' and '.join(unused)} {'is' if len(unused) == 1 else 'are'} not used" if unused else ""
    return f"{train.parent}: {train.name} for training, {test.name} for testing{words}."


def _find(folder: Path, notes: list[str]) -> tuple[Labelled, tuple[str, ...]]:
    """The files of every class folder with the number of their class, and the classes' names; a note of what was left out."""
    entries = _visible(folder)
    classes = [entry for entry in entries if entry.is_dir()]
    if len(classes) < 2:
        found = f"one class folder, {classes[0].name}" if classes else "no class folder"
        raise ValueError(f"{folder} holds {found}; to tell classes apart takes two or more. {LAYOUT}")
    dangling, nested = [entry for entry in entries if _is_dangling(entry)], []
    beside = [entry for entry in entries if entry.is_file()]
    files: Labelled = []
    for label, entry in enumerate(classes):
        within = _visible(entry)
        members = [(path, label) for path in within if path.is_file()]
        if not members:
            raise ValueError(f"The class folder {entry} holds no images. Put some in, or take it away. {LAYOUT}")
        files += members
        dangling += [path for path in within if _is_dangling(path)]
        nested += [path for path in within if path.is_dir()]
    for paths, one, several in (
        (dangling, "link that leads nowhere", "links that lead nowhere"),
        (nested, "folder within a class folder", "folders within class folders"),
        (beside, "file beside the class folders", "files beside the class folders"),
    ):
        if paths:
            more = ", ..." if len(paths) > 1 else ""
            notes.append(f"{folder}: {len(paths)} {one if len(paths) == 1 else several} left out ({paths[0]}{more}).")
    return files, tuple(entry.name for entry in classes)


def _is_dangling(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _visible(folder: Path) -> list[Path]:
    """What lies in a folder, by name, without what the operating system hides there."""
    return sorted(
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name not in LEFT_BY_THE_SYSTEM
    )


def _not_an_image(path: Path, error: Exception) -> ValueError:
    why = "it is of no format that Pillow knows" if "cannot identify image file" in str(error) else error
    return ValueError(
        f"{path} is not an image that can be read, or it is cut off ({why}). "
        "A class folder holds image files and nothing else (JPEG, PNG, WebP, ...): replace the file or move it away."
    )


def _require_one_size(files: Labelled) -> None:
    """Raise a ValueError that names two images of different sizes, if there are any; only headers are read."""
    with needed("Reading images"):
        from PIL import Image

    def size(file: tuple[Path, int]) -> tuple[int, int]:
        try:
            with opened(file[0]) as readable, Image.open(readable) as image:
                if image.format == "TIFF":  # which Pillow may turn while it reads it
                    image.load()
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


def _whites(files: Labelled, notes: list[str]) -> dict[str, float]:
    """What is white in the images of more than 8 bits, by the kind of their pixels, with a note of it.

    One image alone may be dark: the range is that of all of them.
    """

    def top(file: tuple[Path, int]) -> tuple[str, float] | None:
        try:
            return highest(file[0])
        except OSError as error:
            raise _not_an_image(file[0], error) from error

    found: dict[str, list[tuple[float, Path]]] = {}
    for kind_and_value, (path, _) in zip(in_threads(top, files, label="Looking at pixels"), files, strict=True):
        if kind_and_value is not None:
            found.setdefault(kind_and_value[0], []).append((kind_and_value[1], path))
    whites = {}
    for kind, tops in found.items():
        value, path = max(tops)
        try:
            whites[kind] = white_of(kind, value)
        except OSError as error:
            raise _not_an_image(path, error) from error
        if kind != "upper":
            words = "floats" if kind == "float" else "whole numbers of more than 8 bits"
            notes.append(f"Images with {words}, up to {value:g}: {len(tops)}; {whites[kind]:g} is taken for white.")
    return whites


def _decode(files: Sequence[tuple[Path, int]], image_size: int | None, whites: dict[str, float]) -> Arrays:
    """Images, uint8 (N, 3, H, W), and labels, int64 (N,)."""

    def read(file: tuple[Path, int]) -> np.ndarray:
        try:
            return read_image(file[0], image_size=image_size, whites=whites)
        except OSError as error:
            raise _not_an_image(file[0], error) from error

    images = np.stack(list(in_threads(read, files, label="Reading images")))
    return images, np.array([label for _, label in files], dtype=np.int64)
