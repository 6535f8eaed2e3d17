"""Image files into arrays, many at a time."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np

from utils.system.packages import needed

if TYPE_CHECKING:
    from PIL import Image

Item = TypeVar("Item")
Result = TypeVar("Result")
File = str | os.PathLike[str] | BinaryIO

CHUNK = 200  # images a thread takes at a time
DEPTHS = (8, 10, 12, 14, 16, 24, 31, 32)  # bits that cameras and scanners give a pixel
OVERSHOOT = 1e-3  # by which a float image that was scaled may go beyond 0 and 1
BROKEN = (OSError, SyntaxError, ValueError)  # Pillow's words for a broken file


def read_image(
    file: File, *, image_size: int | None = None, whites: Mapping[str, float] = MappingProxyType({})
) -> np.ndarray:
    """One image file as colour: uint8 (3, H, W), upright, whatever its format and mode, and what is transparent over white.

    Args:
        file: a path or an open file.
        image_size: scale the shorter side to this and cut out the middle: (3, image_size, image_size).
        whites: for pixels of more than 8 bits, the value that is white, by their kind (`highest`, `white_of`). Where nothing is
            said: the highest of 16 bits, and for floats and 32-bit integers the end of the least usual range that holds this image.

    Raises:
        OSError: it is not an image, or it is cut off, or its pixels have no range that is known.
        Missing: Pillow is not installed.
    """
    with needed("Reading images"):
        from PIL import Image, ImageOps

    try:
        with opened(file) as readable, Image.open(readable) as image:
            image.load()  # before it is turned: Pillow turns TIFFs itself while it reads them
            if is_deep(image):
                picture = ImageOps.exif_transpose(_shallow(image, whites))
            else:
                picture = _over_white(ImageOps.exif_transpose(image))
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise OSError(str(error)) from error
    if image_size is not None:
        picture = ImageOps.fit(picture, (image_size, image_size), method=Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


@contextmanager
def opened(file: File) -> Iterator[BinaryIO]:
    """The file, open: by its path Pillow maps a TIFF into memory, and one that is turned comes out scrambled."""
    if isinstance(file, str | os.PathLike):
        with open(file, "rb") as readable:
            yield readable
    else:
        yield file


def is_deep(image: "Image.Image") -> bool:
    """Has a pixel more than the 8 bits a channel that the others have: 16 or 32, or floats?"""
    return image.mode.startswith(("I", "F"))


def highest(file: File) -> tuple[str, float] | None:
    """(kind of the pixels, highest value) of an image of more than 8 bits a channel; of any other the head alone is read: None.

    The kinds are "float", "whole" and "upper", of which Pillow keeps the upper 8 of 16 bits a channel alone.

    Raises:
        OSError: as `read_image`.
    """
    with needed("Reading images"):
        from PIL import Image

    try:
        with opened(file) as readable, Image.open(readable) as image:
            if is_deep(image):
                values = _values(image)
                return "float" if values.dtype.kind == "f" else "whole", float(values.max())
            if ";16" in _stored(image):
                return "upper", float(np.asarray(image.convert("RGB")).max())
            return None
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise OSError(str(error)) from error


def white_of(kind: str, value: float) -> float:
    """The value that is white in images of which this is the highest: the end of the least usual range that holds it.

    Raises:
        OSError: there is no such range, or what is stored in it cannot be read.
    """
    if kind == "whole":
        return float(next(2**bits - 1 for bits in DEPTHS if value < 2**bits))
    if kind == "upper":
        if 0 < value < 16:
            raise OSError(
                "its channels have 16 bits, and nothing is in the upper 4: it is a picture of 12 bits or fewer, and only the "
                "upper 8 of 16 can be read. Save it with 8 bits a channel"
            )
        return 255.0
    if value <= 1 + OVERSHOOT:
        return 1.0
    ends = [end for end in (255.0, 65535.0) if end / 16 <= value <= end]
    if not ends:
        raise OSError(f"it holds floats up to {value:g}, and those of an image go from 0 to 1 (or 255, or 65535)")
    return ends[0]


def _stored(image: "Image.Image") -> str:
    """How the file stores a pixel, in Pillow's words: "RGB;16B"; empty where it does not say."""
    tiles = getattr(image, "tile", None) or [("", None, 0, "")]
    how = tiles[0][3]
    return str(how[0] if isinstance(how, tuple) and how else how)


def _values(image: "Image.Image") -> np.ndarray:
    """The pixels (H, W) of an image of more than 8 bits.

    Raises:
        OSError: some are negative, or no numbers.
    """
    values = np.asarray(image)
    if values.dtype == np.int32 and _is_unsigned(image):
        values = values.view(np.uint32)
    if not np.isfinite(values).all() or values.min() < (-OVERSHOOT if values.dtype.kind == "f" else 0):
        raise OSError(f"its pixels go from {values.min():g} to {values.max():g}, and those of an image from 0 up")
    return values


def _is_unsigned(image: "Image.Image") -> bool:
    """Does a TIFF say that its 32-bit integers have no sign? (Its tag SampleFormat, of which 1 is the default.)"""
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(339, (1,)) in ((1,), 1)


def _shallow(image: "Image.Image", whites: Mapping[str, float]) -> "Image.Image":
    """An image of more than 8 bits with 8, grey; the value that is transparent becomes white."""
    from PIL import Image

    values = _values(image)
    kind = "float" if values.dtype.kind == "f" else "whole"
    white = whites.get(kind)
    if white is None:  # a lone 16-bit image may be dark; 32 bits and floats say nothing of their range
        white = 65535.0 if kind == "whole" and values.max() < 2**16 else white_of(kind, float(values.max()))
    grey = np.rint(values.clip(0, white) * (255 / white)).astype(np.uint8)
    hidden = image.info.get("transparency")
    if isinstance(hidden, int):
        grey[values == hidden] = 255
    shallow = Image.fromarray(grey).convert("RGB")
    shallow.getexif().update(image.getexif())
    return shallow


def _over_white(image: "Image.Image") -> "Image.Image":
    """The image in colour, laid over white where it is transparent, however it stores that."""
    from PIL import Image

    if image.mode in ("La", "RGBa"):  # its colours are already weakened by its transparency
        image = image.convert(image.mode.upper())
    hidden = image.info.get("transparency")
    if "A" not in image.mode and hidden is None:
        return image.convert("RGB")
    if isinstance(hidden, tuple) and max(hidden) > 255:  # of 16 bits, of which Pillow keeps the upper 8
        image.info["transparency"] = tuple(value >> 8 for value in hidden)
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def class_names(schema: Any, label: str) -> tuple[str, ...]:
    """The names that a Parquet file's schema has for the classes in a column of labels; none where it does not say."""
    described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    return tuple(described.get("info", {}).get("features", {}).get(label, {}).get("names", ()))


def in_threads(work: Callable[[Item], Result], items: Sequence[Item], *, label: str) -> Iterator[Result]:
    """`work` of every item, in order, on all cores, with a progress bar where it takes more than half a second."""
    from utils.system.bars import tqdm

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
