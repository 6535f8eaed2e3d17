"""Training images that do not fit into memory: read from Parquet files while they are used, a buffer at a time.

    data = streamed("train-*.parquet", "test-*.parquet", image_shape=(3, 64, 64))     # a Data, whose `train` streams
    run = fit(net, data, Recipe(...))

`datasets` reads the files, row by row and no faster than needed; images stay encoded until their batch comes up. The
order of the files is drawn anew for each epoch, and a buffer of images, from which the next one is drawn, mixes what
stands near each other. Files should hold their images in mixed order: a buffer cannot undo a sorting by class.
"""

import glob
import hashlib
import io
import json
import random
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from utils.data.dataset import Data, Split, channel_statistics
from utils.data.decode import class_names, read_image
from utils.data.splits import require_whole
from utils.system.packages import needed

BUFFER = 4096  # encoded images that wait for their turn
READ = 256  # rows that are taken out of a file at a time
CHUNK = 16  # images that a thread decodes at a time
AHEAD = 2  # batches that are decoded while the one before is used
SAMPLE = 2048  # images of which the mean and deviation are taken

Row = tuple[bytes, int]  # an encoded image and its label
Batch = tuple[Tensor, Tensor]  # images uint8 (N, C, H, W), labels int64 (N,)


@dataclass(frozen=True, eq=False)
class Stream:
    """Images and their classes in Parquet files; what `Split` is in memory. Made by `stream`."""

    files: tuple[Path, ...]
    rows: tuple[int, ...]  # images in each file
    columns: tuple[str, str]  # of the images and of the labels
    image_shape: tuple[int, int, int]  # (3, H, W)
    classes: tuple[str, ...]
    buffer: int
    device: str | torch.device = "cpu"  # on which batches arrive

    def __len__(self) -> int:
        return sum(self.rows)

    def to(self, device: str | torch.device) -> "Stream":
        """The same images, whose batches arrive on another device."""
        return replace(self, device=device)

    def order(self, generator: torch.Generator) -> Tensor:
        """What decides the order of one epoch, drawn from the generator: int64 (1,)."""
        return torch.randint(2**62, (1,), generator=generator)

    def batches(
        self, order: Tensor, batch_size: int, *, start: int = 0, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """An epoch's full batches, from number `start` on; images left over by the last one are not read.

        With `share` = (rank, processes) each process gets its part of every batch, batch_size / processes images, and
        no image goes to two of them. Where the files can be dealt out evenly (as many to each process, and equally
        long ones), a process reads its own files only. Else each reads all, and decodes its own images only.

        Args:
            order: from `order`, the same for all processes.
            batch_size: images a step, of all processes together.
            start: batches that were seen before; they are read past and not decoded.
            share: which process of how many.

        Raises:
            ValueError: a batch size that the processes cannot share, or, when it is read, a row that is no image of this
                shape or no label of these classes.
        """
        rank, processes = share
        require_whole("batch_size", batch_size, lowest=1)
        if batch_size % processes or not 0 <= rank < processes:
            raise ValueError(
                f"batch_size is {batch_size}, for process {rank} of {processes} (counted from 0); "
                "it must be a multiple of the number of processes."
            )
        size, steps = batch_size // processes, len(self) // batch_size
        draws = random.Random(int(order[0]))
        files = list(range(len(self.files)))
        draws.shuffle(files)
        dealt = len(files) % processes == 0 and len(set(self.rows)) == 1
        if dealt:
            files = files[rank::processes]
        rows = _mixed(self._read(files), self.buffer, draws)
        if not dealt:
            rows = islice(rows, rank, None, processes)
        return self._decoded(islice(rows, start * size, steps * size), size)

    def in_order(self, batch_size: int) -> Generator[Batch, None, None]:
        """All images as they stand in the files, each once; the last batch may be smaller."""
        require_whole("batch_size", batch_size, lowest=1)
        return self._decoded(self._read(range(len(self.files))), batch_size)

    def content(self) -> tuple[Tensor, ...]:
        """What tells these images from others, without reading them: a hash of the files' footers, uint8 (32,)."""
        from pyarrow import parquet

        total = hashlib.sha256()
        for path in self.files:
            footer = parquet.read_metadata(path).to_dict()
            total.update(json.dumps(footer, sort_keys=True, default=str).encode())
        return (torch.tensor(list(total.digest()), dtype=torch.uint8),)

    def _read(self, files: Iterable[int]) -> Iterator[Row]:
        """The rows of these files, one after the other, their images still encoded."""
        with needed("Streaming Parquet files"):
            import pyarrow
            from datasets import IterableDataset  # load_dataset tells the hub what is loaded
            from pyarrow.dataset import ParquetFragmentScanOptions

        image, label = self.columns
        for path in (self.files[number] for number in files):
            table = IterableDataset.from_parquet(
                glob.escape(str(path)),
                columns=list(self.columns),
                batch_size=READ,
                # Without these a whole row group is in memory at once, however large.
                fragment_scan_options=ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False),
            )
            number = 0
            try:
                for part in table.with_format("arrow").iter(READ):
                    encoded = part.column(image).combine_chunks()
                    if pyarrow.types.is_struct(encoded.type):
                        encoded = encoded.field("bytes")
                    for row in zip(encoded.to_pylist(), part.column(label).to_pylist(), strict=True):
                        if row[0] is None or row[1] not in range(len(self.classes)):
                            raise ValueError(
                                f"Row {number} of {path} has {'no image' if row[0] is None else 'an image'} and the "
                                f"label {row[1]!r}; it must be one from 0 to {len(self.classes) - 1}."
                            )
                        yield row
                        number += 1
            except (pyarrow.ArrowException, OSError) as error:
                raise _broken(path, error) from error

    def _decoded(self, rows: Iterator[Row], size: int) -> Generator[Batch, None, None]:
        """Batches of `size` images on the device, decoded by threads while those before are used."""
        pool = ThreadPoolExecutor()
        waiting: deque[tuple[list[Future[np.ndarray]], Tensor]] = deque()
        try:
            with closing(_groups(rows, size)) as groups:
                while True:
                    for group in islice(groups, AHEAD + 1 - len(waiting)):
                        chunks = [group[first : first + CHUNK] for first in range(0, len(group), CHUNK)]
                        labels = torch.tensor([label for _, label in group])
                        waiting.append(([pool.submit(self._decode, chunk) for chunk in chunks], labels))
                    if not waiting:
                        return
                    decoded, labels = waiting.popleft()
                    images = torch.from_numpy(np.concatenate([chunk.result() for chunk in decoded]))
                    yield self._arrived(images), self._arrived(labels)
        finally:  # an error, or the stop button: what has not begun is not begun any more
            pool.shutdown(wait=False, cancel_futures=True)

    def _arrived(self, tensor: Tensor) -> Tensor:
        if torch.device(self.device).type == "cuda":  # pinned memory is copied while the GPU computes
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def _decode(self, rows: Sequence[Row]) -> np.ndarray:
        """uint8 (N, 3, H, W); larger or smaller square images are scaled and cut, as in a folder of images."""
        _, height, width = self.image_shape
        images = np.empty((len(rows), *self.image_shape), dtype=np.uint8)
        for slot, (encoded, _) in zip(images, rows, strict=True):
            try:
                image = read_image(io.BytesIO(encoded), image_size=height if height == width else None)
            except OSError as error:
                raise ValueError(
                    f"An image in {self.files[0]}{' and others' if len(self.files) > 1 else ''} cannot be read ({error})."
                ) from error
            if image.shape != self.image_shape:
                raise ValueError(
                    f"An image is {image.shape[1]} x {image.shape[2]}, and image_shape is {self.image_shape}. "
                    "Only to squares are images scaled and cut: give a square image_shape."
                )
            slot[:] = image
        return images


def stream(
    files: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    image_shape: tuple[int, int, int],
    classes: Sequence[str] | None = None,
    columns: tuple[str, str] | None = None,
    buffer: int = BUFFER,
) -> Stream:
    """Parquet files of images as a stream. Their footers are read, and nothing else.

    Args:
        files: a path, a pattern such as "data/train-*.parquet", or several of them.
        image_shape: (3, height, width) of the images that come out.
        classes: names of the classes; those that the files record, where nothing is said.
        columns: names of the image column (encoded files, as `bytes` in a struct or bare) and of the label column
            (whole numbers). The only such columns, where nothing is said.
        buffer: encoded images that wait for their turn: more are mixed better and take more memory.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not Parquet, no such columns, or no names of classes; the message names the file.
    """
    require_whole("buffer", buffer, lowest=1)
    if len(image_shape) != 3 or image_shape[0] != 3:
        raise ValueError(f"image_shape is {image_shape}; it must be (3, height, width): streamed images are in colour.")
    paths = _found(files)
    with needed("Reading Parquet files"):
        from pyarrow import ArrowException, parquet

    rows: list[int] = []
    wanted = None if columns is None else (columns[0], columns[1])
    for path in paths:
        try:
            with parquet.ParquetFile(path) as file:
                schema, count = file.schema_arrow, file.metadata.num_rows
        except (ArrowException, OSError) as error:
            raise _broken(path, error) from error
        wanted = wanted or _columns(schema, path)
        if not set(wanted) <= set(schema.names):
            raise ValueError(f"{path} has the columns {', '.join(schema.names)}; {' and '.join(wanted)} are needed.")
        classes = classes or class_names(schema, wanted[1])
        rows.append(count)
    if wanted is None or not classes:
        raise ValueError(f'{paths[0]} does not name its classes. Pass them: classes=("cat", "dog").')
    if not sum(rows):
        raise ValueError(f"{paths[0]} holds no images.")
    return Stream(
        files=tuple(paths),
        rows=tuple(rows),
        columns=wanted,
        image_shape=image_shape,
        classes=tuple(classes),
        buffer=buffer,
    )


def streamed(
    train: str | PathLike[str] | Sequence[str | PathLike[str]],
    test: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    image_shape: tuple[int, int, int],
    classes: Sequence[str] | None = None,
    columns: tuple[str, str] | None = None,
    buffer: int = BUFFER,
    test_limit: int = 10_000,
    name: str | None = None,
) -> Data:
    """A data set whose training images stream, while the first `test_limit` test images are held in memory.

    Mean and deviation are those of the first 2,048 training images. The other arguments and the errors are `stream`'s.
    """
    require_whole("test_limit", test_limit, lowest=1)
    made = partial(stream, image_shape=image_shape, columns=columns, buffer=buffer)
    training = made(train, classes=classes)
    testing = made(test, classes=training.classes)
    mean, std = channel_statistics(_first(training, SAMPLE)[0].numpy())
    images, labels = _first(testing, test_limit)
    return Data(
        name=name or training.files[0].parent.name,
        train=training,
        test=Split(images=images, labels=labels),
        classes=training.classes,
        source=f"Images streamed from {len(training.files)} Parquet file{'s' if len(training.files) > 1 else ''}.",
        mean=mean,
        std=std,
    )


# --- the parts --------------------------------------------------------------------------------------------------------


def _first(images: Stream, n: int) -> Batch:
    """The first n images, or all where there are fewer."""
    with closing(images.in_order(min(256, n))) as batches:
        parts = list(islice(batches, -(-n // min(256, n))))
    return torch.cat([part for part, _ in parts])[:n], torch.cat([part for _, part in parts])[:n]


def _mixed(rows: Iterator[Row], buffer: int, draws: random.Random) -> Iterator[Row]:
    """The rows in another order: each comes out of a buffer at random, when the buffer is full or nothing comes in."""
    held = list(islice(rows, buffer))
    for row in rows:
        chosen = draws.randrange(buffer)
        yield held[chosen]
        held[chosen] = row
    draws.shuffle(held)
    yield from held


def _groups(rows: Iterator[Row], size: int) -> Generator[list[Row], None, None]:
    while group := list(islice(rows, size)):
        yield group


def _found(files: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[Path]:
    """The files that paths and patterns name, in the order of their names."""
    if isinstance(files, str | PathLike):
        files = [files]
    paths = []
    for pattern in (str(Path(each).expanduser()) for each in files):
        found = [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern, recursive=True))
        if not found:
            raise FileNotFoundError(f"There is no file {pattern} (looked in {Path.cwd()}). Check the path.")
        paths += [Path(each).resolve() for each in found]
    return paths


def _columns(schema: Any, path: Path) -> tuple[str, str]:
    """The column that holds encoded images and the one that holds labels, where there is one of each."""
    from pyarrow import types

    def holds_images(kind: Any) -> bool:
        if types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0 and holds_images(kind.field("bytes").type)
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    images = [field.name for field in schema if holds_images(field.type)]
    labels = [field.name for field in schema if types.is_integer(field.type)]
    if len(images) != 1 or len(labels) != 1:
        raise ValueError(
            f"{path} has {len(images)} columns that could be images and {len(labels)} that could be labels, of "
            f'{", ".join(schema.names)}. Name one of each: columns=("image", "label").'
        )
    return images[0], labels[0]


def _broken(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is cut off, altered, or not a Parquet file ({error}). Copy or download it again.")
