"""Data sets: made here, bundled with scikit-learn, read from Parquet files, or a folder of the learner's own images.

    data = load("scales")
    data.train.images    # uint8, (N, C, H, W), 0 to 255
    data.train.labels    # int64, (N,), 0 to len(data.classes) - 1
    data.normalise(data.train.images[:128])    # float32, (128, C, H, W), each channel centred and scaled

A data set is tensors, whole: `data.to("cuda")` puts it on a GPU, and a batch is an index.
Nothing is read, made or downloaded when this module is imported.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from utils.data.cifar10 import CLASSES as CIFAR10_CLASSES
from utils.data.cifar10 import cifar10
from utils.data.dataset import Data, Split, channel_statistics
from utils.data.image_folder import image_folder
from utils.data.imagenette import NAMES as IMAGENETTE_NAMES
from utils.data.imagenette import SIZE as IMAGENETTE_SIZE
from utils.data.imagenette import imagenette
from utils.data.scales import CLASSES as SCALES_CLASSES
from utils.data.scales import TEST, TRAIN, scales
from utils.data.splits import limited, require_whole, stratified
from utils.system.packages import needed

if TYPE_CHECKING:
    from utils.show.plot import Picture


NAMES = ("scales", "digits", "cifar10", "imagenette")
OF_ONE_SIZE = ("scales", "digits", "cifar10")


def load(name: str | Path, *, seed: int = 0, limit: int | None = None, image_size: int | None = None) -> Data:
    """A data set by its name, or from a folder of images.

    | name | images | from |
    | --- | --- | --- |
    | "scales" | 6,000 + 2,000 of 3 x 32 x 32, ten classes | made here from the seed |
    | "digits" | 1,438 + 359 of 1 x 8 x 8, ten classes | scikit-learn, split by the seed |
    | "cifar10" | 50,000 + 10,000 of 3 x 32 x 32, ten classes | `$COURSE_DATA/cifar10`, or the Hugging Face hub |
    | "imagenette" | 9,469 + 3,925 of 3 x 224 x 224, ten classes | `$COURSE_DATA/imagenette2-320`, or where it is published |
    | a folder | 3 x H x W, one sub-folder a class | `train` and `test` (or `val`) in it, or split four to one by the seed |

    Args:
        name: one of the four names, or the path of a folder.
        seed: makes "scales", and divides and orders what comes undivided. CIFAR-10 is the same for every seed.
        limit: keep the first so many training images, and test images in proportion; the others are not decoded.
        image_size: for a folder, and for "imagenette": scale every image's shorter side to this and cut out the middle,
            (3, S, S).

    Raises:
        ValueError: an unknown name, a bad argument, or files that do not make a data set; the message names them.
        FileNotFoundError: there is no such path, or no CIFAR-10 or Imagenette on this machine and no network.
    """
    require_whole("seed", seed, lowest=0)
    if limit is not None:
        require_whole("limit", limit, lowest=1)
    if image_size is not None:
        require_whole("image_size", image_size, lowest=1)
        if name in OF_ONE_SIZE:
            raise ValueError(f"image_size is {image_size}, and {name!r} has one size of its own. Leave image_size out.")
    if name == "scales":
        return _scales(seed=seed, limit=limit)
    if name == "digits":
        return _digits(seed=seed, limit=limit)
    if name == "cifar10":
        return _cifar10(limit=limit)
    if name == "imagenette":
        return _imagenette(seed=seed, limit=limit, image_size=image_size)
    return _image_folder(_existing_folder(name), seed=seed, limit=limit, image_size=image_size)


def show(data: Data, *, per_class: int = 8) -> "Picture":
    """A contact sheet: the first training images of every class, one row a class.

    Raises:
        ValueError: per_class is not a whole number, 1 or more, or the training images stream.
    """
    from utils.show.plot import Picture, panels

    require_whole("per_class", per_class, lowest=1)
    if not isinstance(data.train, Split):
        raise ValueError(f"The training images of {data.name!r} stream: there are none in memory to show.")
    channels, height, width = data.image_shape
    sheet = np.full((len(data.classes) * (height + 1) - 1, per_class * (width + 1) - 1, 3), 255, dtype=np.uint8)
    for row in range(len(data.classes)):
        members = (data.train.labels == row).nonzero()[:per_class, 0]
        for column, image in enumerate(data.train.images[members].cpu().permute(0, 2, 3, 1).numpy()):
            top, left = row * (height + 1), column * (width + 1)
            sheet[top : top + height, left : left + width] = image  # one channel spreads over three

    size = f"{height} × {width} pixels, " + ("grey" if channels == 1 else "colour")
    title = f"{data.name}: {len(data.classes)} classes, {len(data.train):,} training images of {size}"
    row_height = max(0.25, 0.62 * height / width)
    figure, axes = panels(1, title, width=1.6 + 0.62 * per_class, height=0.6 + row_height * len(data.classes))
    axes[0].imshow(sheet, interpolation="nearest")
    axes[0].set_yticks([row * (height + 1) + (height - 1) / 2 for row in range(len(data.classes))], data.classes)
    axes[0].set_xticks([])
    axes[0].tick_params(length=0)
    axes[0].spines[:].set_visible(False)
    words = f"{title}. One row of up to {per_class} images for each class: {', '.join(data.classes)}. {data.source}"
    return Picture(figure, f"A sheet of small pictures. {words}")


# --- The data sets ----------------------------------------------------------------------------------------------------


def _scales(*, seed: int, limit: int | None) -> Data:
    n_train, n_test = limited(limit, train=TRAIN, test=TEST)
    return _data(
        name="scales",
        train=scales(n_train, seed=seed, part=0),
        test=scales(n_test, seed=seed, part=1),
        classes=SCALES_CLASSES,
        source=f"Scales, made by the course from seed {seed}: five shapes, 5 to 28 pixels wide, in two textures.",
    )


def _digits(*, seed: int, limit: int | None) -> Data:
    with needed("The data set digits"):
        from sklearn.datasets import load_digits

    bundle = load_digits()
    images = ((bundle.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)[:, None]  # 0 to 16 becomes 0 to 255
    labels = bundle.target.astype(np.int64)
    train, test = stratified(labels, seed=seed)
    n_train, n_test = limited(limit, train=len(train), test=len(test))
    train, test = train[:n_train], test[:n_test]
    return _data(
        name="digits",
        train=(images[train], labels[train]),
        test=(images[test], labels[test]),
        classes=tuple(str(digit) for digit in range(10)),
        source="Handwritten digits of the UCI repository, as scikit-learn brings them, split four to one.",
    )


def _cifar10(*, limit: int | None) -> Data:
    arrays = cifar10(limit=limit)
    name = "CIFAR-10 (JPEG)" if arrays.jpeg else "CIFAR-10"
    return _data(
        name="cifar10",
        train=(arrays.train_images, arrays.train_labels),
        test=(arrays.test_images, arrays.test_labels),
        classes=CIFAR10_CLASSES,
        source=f"{name}: small photographs in ten classes (Krizhevsky, 2009), read from Parquet files.",
    )


def _image_folder(folder: Path, *, seed: int, limit: int | None, image_size: int | None) -> Data:
    found = image_folder(folder, seed=seed, limit=limit, image_size=image_size)
    for note in found.notes:
        print(note, flush=True)
    return _data(
        name=folder.resolve().name,
        train=found.train,
        test=found.test,
        classes=found.classes,
        source=f"Images from the folder {folder.resolve().name}, one sub-folder a class.",
    )


def _imagenette(*, seed: int, limit: int | None, image_size: int | None) -> Data:
    size = image_size or IMAGENETTE_SIZE
    found = image_folder(imagenette(), seed=seed, limit=limit, image_size=size)
    return _data(
        name="imagenette",
        train=found.train,
        test=found.test,
        classes=tuple(IMAGENETTE_NAMES.get(each, each) for each in found.classes),
        source=f"Imagenette, photographs of ten classes of ImageNet (Howard, 2019), cut to {size} x {size} pixels.",
    )


def _existing_folder(name: str | Path) -> Path:
    """The folder of that path."""
    known = f"The names are {', '.join(NAMES)}; a folder with one sub-folder of images a class works too, by its path."
    if not isinstance(name, str | Path) or not str(name).strip():
        raise ValueError(f"There is no data set {name!r}. {known}")
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise ValueError(f"{path} is a file, and a data set is a folder. {known}")
    if isinstance(name, Path) or name.startswith((".", "~")) or any(mark in name for mark in "/\\"):
        raise FileNotFoundError(f"There is no folder {name} (looked for {path.absolute()}). Check the path. {known}")
    raise ValueError(f"There is no data set {name!r}, and no folder of that name here. {known}")


def _data(
    *,
    name: str,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    classes: tuple[str, ...],
    source: str,
) -> Data:
    """The data set from (images, labels), with the training images' mean and deviation, computed here once."""
    mean, std = channel_statistics(train[0])
    return Data(
        name=name,
        train=Split(*map(torch.from_numpy, train)),
        test=Split(*map(torch.from_numpy, test)),
        classes=classes,
        source=source,
        mean=mean,
        std=std,
    )
