"""CIFAR-10 from Parquet files, on this machine or from the Hugging Face hub, as arrays."""

import hashlib
import io
import os
import re
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from utils.data.decode import class_names, in_threads, read_image
from utils.data.splits import limited
from utils.system.files import whole_file
from utils.system.packages import needed
from utils.system.places import cache_folder, data_folder

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
HUB = "uoft-cs/cifar10"
HUB_FILES = "plain_text/*.parquet"


@dataclass(frozen=True, eq=False)
class Arrays:
    """CIFAR-10 decoded: images uint8 (N, 3, 32, 32), labels int64 (N,), and whether the files hold JPEG."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    jpeg: np.ndarray  # bool ()

    def first(self, limit: int | None) -> "Arrays":
        """The first `limit` training images, and test images in proportion."""
        n_train, n_test = limited(limit, train=len(self.train_labels), test=len(self.test_labels))
        return Arrays(
            train_images=self.train_images[:n_train],
            train_labels=self.train_labels[:n_train],
            test_images=self.test_images[:n_test],
            test_labels=self.test_labels[:n_test],
            jpeg=self.jpeg,
        )


def cifar10(*, limit: int | None) -> Arrays:
    """CIFAR-10 from `$COURSE_DATA/cifar10`, or from the hub where COURSE_DATA is not set.

    The first whole load decodes 60,000 images and keeps the arrays in the cache folder (see `cache_folder`); later ones
    read them there. With a limit, no more images are decoded than are asked for.

    Raises:
        FileNotFoundError: no such files, or neither COURSE_DATA nor a network.
        ValueError: a file that is cut off or altered; the message names it.
    """
    base = data_folder()
    files = _hub_files() if base is None else _local_files(base)
    cache = cache_folder() / f"cifar10-{_digest(files['train'] + files['test'])}.npz"
    cached = _read_cache(cache)
    if cached is not None:
        return cached.first(limit)

    counts = {split: sum(_rows(path) for path in paths) for split, paths in files.items()}
    n_train, n_test = limited(limit, **counts)
    train_images, train_labels, jpeg = _read_split(files["train"], n_train, label="Decoding CIFAR-10, training")
    test_images, test_labels, _ = _read_split(files["test"], n_test, label="Decoding CIFAR-10, test")
    arrays = Arrays(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        jpeg=np.array(jpeg),
    )
    if (n_train, n_test) == (counts["train"], counts["test"]):
        _write_cache(cache, arrays)
    return arrays


# --- Where the files are ----------------------------------------------------------------------------------------------


def _local_files(base: Path) -> dict[str, list[Path]]:
    """The Parquet files under $COURSE_DATA, as `data_folder` says."""
    folder = base / "cifar10"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"COURSE_DATA is {os.environ['COURSE_DATA']!r}, and there is no folder {folder}. Put CIFAR-10's Parquet "
            "files there (train-*.parquet and test-*.parquet), or unset COURSE_DATA to download them."
        )
    return {split: _shards(folder, split) for split in ("train", "test")}


def _shards(folder: Path, split: str) -> list[Path]:
    """The files of one split, in order; all of them, as their names count them ("-00000-of-00002")."""
    paths = sorted(folder.glob(f"{split}-*.parquet"))
    if not paths:
        raise FileNotFoundError(
            f"{folder} holds no {split}-*.parquet, and CIFAR-10 needs train-*.parquet and test-*.parquet. "
            f"Copy the {split} file there, or unset COURSE_DATA to download both."
        )
    counted = re.search(r"-of-(\d+)\.parquet$", paths[0].name)
    if counted and len(paths) != int(counted[1]):
        raise FileNotFoundError(
            f"{folder} holds {len(paths)} of the {int(counted[1])} files of {split} ({paths[0].name}, ...). "
            "Copy the missing ones there."
        )
    return paths


def _hub_files() -> dict[str, list[Path]]:
    """The Parquet files from the hub's cache on this machine, or downloaded into it, after saying so."""
    with needed("CIFAR-10 from the Hugging Face hub"):
        from huggingface_hub import HfApi, constants, snapshot_download

    def snapshot(*, local_files_only: bool = False) -> dict[str, list[Path]]:
        found = snapshot_download(HUB, repo_type="dataset", allow_patterns=HUB_FILES, local_files_only=local_files_only)
        root = Path(found)
        return {split: _shards(root / Path(HUB_FILES).parent, split) for split in ("train", "test")}

    with suppress(FileNotFoundError):  # the hub's LocalEntryNotFoundError is one, and so is a download cut short
        return snapshot(local_files_only=True)
    try:
        hub = HfApi()
        found = hub.dataset_info(HUB, files_metadata=True, timeout=10).siblings
        sizes = [file.size or 0 for file in found or () if fnmatch(file.rfilename, HUB_FILES)]
        print(
            f"CIFAR-10 comes from {hub.endpoint}/datasets/{HUB}: {len(sizes)} files, {sum(sizes) / 1e6:.0f} MB, "
            f"downloaded now and kept in {constants.HF_HUB_CACHE}.",
            flush=True,
        )
        return snapshot()
    except Exception as error:  # the hub's client raises its HTTP library's errors, which differ between versions
        raise FileNotFoundError(
            f"CIFAR-10 is not on this machine, and {HUB} could not be downloaded from the Hugging Face hub "
            f"({type(error).__name__}: {error}). Connect to a network, or set COURSE_DATA to a folder that has "
            "cifar10/train-*.parquet and cifar10/test-*.parquet in it. Without either, use the data set scales."
        ) from error


# --- Reading them -----------------------------------------------------------------------------------------------------


def _broken(path: Path, what: object) -> ValueError:
    return ValueError(
        f"{path} is cut off, altered, or not CIFAR-10 ({what}). Copy or download it again; it needs the columns "
        "`img` with `bytes` in it, 32 x 32 images, and `label`, 0 to 9."
    )


def _rows(path: Path) -> int:
    """How many images a file holds, after looking at its columns and its classes' order."""
    with needed("Reading Parquet files"):
        import pyarrow
        from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, int(file.metadata.num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise _broken(path, error) from error
    if not {"img", "label"} <= set(schema.names) or not rows:
        raise _broken(path, f"it has {rows} rows and the columns {', '.join(schema.names) or 'none'}")
    names = class_names(schema, "label")
    if names not in ((), CLASSES):
        raise _broken(path, f"its classes are {', '.join(names)}")
    return rows


def _read_split(paths: list[Path], n: int, *, label: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """The first n images, uint8 (n, 3, 32, 32), their labels, int64 (n,), and whether the first one is a JPEG."""
    rows: list[tuple[Path, int, bytes, int]] = []
    for path in paths:
        if len(rows) < n:
            rows += _read_rows(path, n - len(rows))

    def read(row: tuple[Path, int, bytes, int]) -> np.ndarray:
        path, number, encoded, category = row
        if category not in range(len(CLASSES)):
            raise _broken(path, f"row {number} has the label {category!r}")
        try:
            image = read_image(io.BytesIO(encoded))
        except (OSError, TypeError) as error:
            raise _broken(path, f"the image in row {number} cannot be read: {error}") from error
        if image.shape != (3, 32, 32):
            raise _broken(path, f"the image in row {number} is {image.shape[2]} x {image.shape[1]}")
        return image

    images = np.empty((n, 3, 32, 32), dtype=np.uint8)
    for i, image in enumerate(in_threads(read, rows, label=label)):
        images[i] = image
    labels = np.array([category for _, _, _, category in rows], dtype=np.int64)
    return images, labels, rows[0][2].startswith(b"\xff\xd8")


def _read_rows(path: Path, n: int) -> list[tuple[Path, int, bytes, int]]:
    """(path, row, encoded image, label) of a file's first n rows, or of all where it has fewer."""
    with needed("Reading Parquet files"):
        import pyarrow
        from pyarrow import parquet

    rows: list[tuple[Path, int, bytes, int]] = []
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=1000, columns=["img", "label"]):
                images, labels = batch.column("img").to_pylist(), batch.column("label").to_pylist()
                for image, category in zip(images, labels, strict=True):
                    rows.append((path, len(rows), image["bytes"], category))
                if len(rows) >= n:
                    break
    except (pyarrow.ArrowException, OSError, KeyError, TypeError) as error:
        raise _broken(path, error) from error
    return rows[:n]


# --- Keeping what was decoded -----------------------------------------------------------------------------------------


def _digest(paths: list[Path]) -> str:
    """A name for the contents of the files, in order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _read_cache(path: Path) -> Arrays | None:
    """What was decoded before, or None: not there, or broken, and then it is deleted with a word."""
    try:
        with np.load(path, allow_pickle=False) as file:  # a zip file: every array is checked against its checksum
            return Arrays(**{name: file[name] for name in Arrays.__dataclass_fields__})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        print(f"The cached images in {path} are broken ({error}); they are deleted and decoded again.", flush=True)
        with suppress(OSError):
            path.unlink()
        return None


def _write_cache(path: Path, arrays: Arrays) -> None:
    """Keep the arrays, whole or not at all. A cache that cannot be written is said, and no reason to stop."""
    try:
        with whole_file(path) as file:
            np.savez(file, **vars(arrays))
        print(f"Decoded images: kept in {path} ({path.stat().st_size / 1e6:.0f} MB) for the next time.", flush=True)
    except OSError as error:
        print(f"Decoded images: not kept, {path.parent} cannot be written ({error}).", flush=True)
