"""Looking at an image many times: test-time crops and ensembles, as in "Going deeper with convolutions", section 7.

    crops = crops_144(height, width)                    # where to look: 4 scales x 3 squares x 6 places x 2 mirrors
    take(photograph, crops)                             # what is seen: (144, 3, 224, 224)
    predict(net, photographs, crops)                    # the softmax, averaged over the crops
    ensemble([net, ...], photographs, crops)            # ... and over networks

Each set of crops is a list of records, for images of one height and width. `images` are float, and normalised as the
network wants them: resizing and cropping come out the same before it and after.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.data.splits import require_whole

SCALES = (256, 288, 320, 352)  # lengths of the shorter side, for crops of 224
PAPERS_SIZE = 224
CORNERS = ("top left", "top right", "bottom left", "bottom right")
PLACES = (*CORNERS, "centre", "whole")


@dataclass(frozen=True, kw_only=True)
class Crop:
    """One look at an image of `image` = (height, width) pixels: part of a square of the resized image.

    The image is resized to `resized` = (height, width), whose shorter side is `scale`. Of that the look takes `window` =
    (left, top, side), brought to `size` x `size` pixels where it is larger, and mirrored left to right if it says so.
    """

    image: tuple[int, int]
    scale: int
    square: str  # "left", "centre" or "right"; of a portrait "top", "centre" or "bottom"
    place: str  # one of PLACES: where in the square; "whole" is all of it
    mirrored: bool
    size: int
    resized: tuple[int, int]
    window: tuple[int, int, int]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in the original image's pixels."""
        left, top, side = self.window
        down, across = self.image[0] / self.resized[0], self.image[1] / self.resized[1]
        return left * across, top * down, (left + side) * across, (top + side) * down


def crops_144(height: int, width: int, *, size: int = PAPERS_SIZE) -> list[Crop]:
    """Section 7's looks: 4 scales x 3 squares x (4 corners, centre, whole) x (as it is, mirrored), in this order.

    For another size than 224 the scales go along with it: 293 to 402 (for 256 to 352) where the size is 256.

    Raises:
        ValueError: a height, width or size that is not a whole number of pixels, 1 or more.
    """
    return _crops(height, width, size=size, scales=SCALES, squares=(0, 1, 2), places=PLACES, mirrors=(False, True))


def crops_48(height: int, width: int, *, size: int = 32) -> list[Crop]:
    """The 144 looks without those at the left and right squares; of a square image all three squares are the same."""
    return _crops(height, width, size=size, scales=SCALES, squares=(1,), places=PLACES, mirrors=(False, True))


def crops_10(height: int, width: int, *, size: int = PAPERS_SIZE) -> list[Crop]:
    """The corners and the centre of the smallest scale's central square, and their mirrored versions."""
    places = (*CORNERS, "centre")
    return _crops(height, width, size=size, scales=SCALES[:1], squares=(1,), places=places, mirrors=(False, True))


def crops_1(height: int, width: int, *, size: int = PAPERS_SIZE) -> list[Crop]:
    """The centre of the smallest scale's central square."""
    return _crops(height, width, size=size, scales=SCALES[:1], squares=(1,), places=("centre",), mirrors=(False,))


def crops_2(height: int, width: int, *, size: int = PAPERS_SIZE) -> list[Crop]:
    """The central square, and its mirrored version: of an image of size x size pixels, the image itself."""
    return _crops(
        height, width, size=size, scales=(PAPERS_SIZE,), squares=(1,), places=("whole",), mirrors=(False, True)
    )


def take(images: Tensor, crops: Sequence[Crop]) -> Tensor:
    """What the crops show: (C, H, W) -> (K, C, size, size), and (N, C, H, W) -> (N, K, C, size, size).

    Images are resized once for each scale, bilinearly and with smoothing where they become smaller.

    Args:
        images: float, one image or several of one height and width.
        crops: for images of that height and width, all of one `size`.

    Raises:
        ValueError: images that are not float or of another height and width, no crops, or crops of several sizes.
    """
    if images.ndim == 3:
        return take(images[None], crops)[0]
    _require(images, crops)
    return torch.stack(list(_looks(images, crops)), dim=1)


@torch.no_grad()
def predict(net: nn.Module, images: Tensor, crops: Sequence[Crop], *, batch_size: int = 64) -> Tensor:
    """Class probabilities, averaged over the crops: (N, C, H, W) -> float32 (N, classes), on the network's device.

    The network is in evaluation mode, and its mode is put back. It never sees more than `batch_size` crops at a time.

    Raises:
        ValueError: as `take`; a batch size that is not a whole number, 1 or more.
    """
    _require(images, crops)
    require_whole("batch_size", batch_size, lowest=1)
    device, training = next(net.parameters()).device, net.training
    net.eval()
    try:
        return torch.cat([_averaged(net, part.to(device), crops, batch_size) for part in images.split(batch_size)])
    finally:
        net.train(training)


def ensemble(nets: Iterable[nn.Module], images: Tensor, crops: Sequence[Crop], *, batch_size: int = 64) -> Tensor:
    """Class probabilities, averaged over networks and crops: (N, C, H, W) -> float32 (N, classes).

    Raises:
        ValueError: as `predict`; no networks.
    """
    total, count = None, 0
    for net in nets:
        probabilities = predict(net, images, crops, batch_size=batch_size)
        total = probabilities if total is None else total + probabilities.to(total.device)
        count += 1
    if total is None:
        raise ValueError("There are no networks to average over. Pass one or more.")
    return total / count


# --- the parts --------------------------------------------------------------------------------------------------------


def _crops(
    height: int,
    width: int,
    *,
    size: int,
    scales: Sequence[int],
    squares: Sequence[int],
    places: Sequence[str],
    mirrors: Sequence[bool],
) -> list[Crop]:
    """All combinations. Scales are for crops of 224 and are converted; squares are 0 to 2 along the longer side."""
    for name, value in (("height", height), ("width", width), ("size", size)):
        require_whole(name, value, lowest=1)
    names = ("left", "centre", "right") if width >= height else ("top", "centre", "bottom")
    crops = []
    for scale in (round(scale * size / PAPERS_SIZE) for scale in scales):
        shorter = min(height, width)
        resized = (round(height * scale / shorter), round(width * scale / shorter))
        room = max(resized) - scale
        for square in squares:
            along = (0, room // 2, room)[square]
            left, top = (along, 0) if width >= height else (0, along)
            for place in places:
                right, down, side = _within(place, scale, size)
                for mirrored in mirrors:
                    crops.append(
                        Crop(
                            image=(height, width),
                            scale=scale,
                            square=names[square],
                            place=place,
                            mirrored=mirrored,
                            size=size,
                            resized=resized,
                            window=(left + right, top + down, side),
                        )
                    )
    return crops


def _within(place: str, side: int, size: int) -> tuple[int, int, int]:
    """(left, top, side) of a place in a square of that side."""
    room = side - size
    if place == "whole":
        return 0, 0, side
    if place == "centre":
        return room // 2, room // 2, size
    return room * place.endswith("right"), room * place.startswith("bottom"), size


def _resize(images: Tensor, shape: tuple[int, int]) -> Tensor:
    if tuple(images.shape[-2:]) == shape:
        return images
    return F.interpolate(images, shape, mode="bilinear", antialias=True)


def _looks(images: Tensor, crops: Iterable[Crop]) -> Iterator[Tensor]:
    """What each crop shows of each image, (N, C, size, size). An image is resized anew only where the scale changes."""
    shape, resized = None, images
    for crop in crops:
        if crop.resized != shape:
            shape, resized = crop.resized, _resize(images, crop.resized)
        left, top, side = crop.window
        look = _resize(resized[..., top : top + side, left : left + side], (crop.size, crop.size))
        yield look.flip(-1) if crop.mirrored else look


def _averaged(net: nn.Module, images: Tensor, crops: Sequence[Crop], batch_size: int) -> Tensor:
    """The softmax of no more than `batch_size` images, averaged over the crops, taken a few crops at a time."""
    looks = _looks(images, crops)
    total = 0.0
    while group := list(itertools.islice(looks, max(1, batch_size // len(images)))):
        probabilities = net(torch.cat(group)).float().softmax(dim=1)
        total = total + probabilities.view(len(group), len(images), -1).sum(dim=0)
    return total / len(crops)


def _require(images: Tensor, crops: Sequence[Crop]) -> None:
    if not crops:
        raise ValueError("There are no crops. Make some: crops_144(height, width).")
    if not len(images):
        raise ValueError("There are no images to look at.")
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(
            f"images are {images.dtype} {tuple(images.shape)}; they must be float, (N, C, H, W): "
            "data.normalise(images) makes them so."
        )
    image = tuple(images.shape[-2:])
    other = next((crop.image for crop in crops if crop.image != image), None)
    if other is not None:
        raise ValueError(
            f"The images are {image[0]} x {image[1]}, and there are crops of an image of {other[0]} x {other[1]}. "
            f"Make them for these: crops_144({image[0]}, {image[1]})."
        )
    sizes = sorted({crop.size for crop in crops})
    if len(sizes) > 1:
        raise ValueError(f"The crops are of several sizes, {', '.join(map(str, sizes))}. Take one size at a time.")
