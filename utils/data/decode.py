"""Image files into arrays, many at a time."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, TypeVar

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 200  # images a thread takes at a time


def read_image(file: str | os.PathLike[str] | BinaryIO, *, image_size: int | None = None) -> np.ndarray:
    """One image file as colour: uint8 (3, H, W), upright, whatever its format and mode.

    Args:
        file: a path or an open file.
        image_size: scale the shorter side to this and cut out the middle: (3, image_size, image_size).

    Raises:
        OSError: it is not an image, or it is cut off.
    """
    try:
        with Image.open(file) as image:
            picture = ImageOps.exif_transpose(image)
            if picture.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip and not scale
                picture = Image.fromarray((np.asarray(picture).clip(0, 65535) // 256).astype(np.uint8))
            picture = picture.convert("RGB")
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow's other words for a broken file
        raise OSError(str(error)) from error
    if image_size is not None:
        picture = ImageOps.fit(picture, (image_size, image_size), method=Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def class_names(schema: Any, label: str) -> tuple[str, ...]:
    """The names that a Parquet file's schema has for the classes in a column of labels; none where it does not say."""
    described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    return tuple(described.get("info", {}).get("features", {}).get(label, {}).get("names", ()))


def in_threads(work: Callable[[Item], Result], items: Sequence[Item], *, label: str) -> Iterator[Result]:
    """`work` of every item, in order, on all cores, with a progress bar where it takes more than half a second."""
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    with (
        tqdm(total=len(items), desc=label, unit=" images", delay=0.5, leave=False) as bar,
        ThreadPoolExecutor(max_workers=os.cpu_count()) as pool,
    ):
        try:
            for results in pool.map(lambda chunk: [work(item) for item in chunk], chunks):
                yield from results
                bar.update(len(results))
        finally:  # an error, or the stop button: what has not begun is not begun any more
            pool.shutdown(wait=False, cancel_futures=True)
