"""Augmentation: training images changed at random, a whole batch at once, on the device that they are on.

    pictures = data.normalise(augment(images, recipe, generator, mean=data.mean))

Each image has draws of its own. They come from a generator on the CPU, so that the same generator gives the same pictures
on every device. What a recipe leaves off draws nothing.

The crops, the choice of interpolation and the changes of colour are those of "Going deeper with convolutions", section 6:
parts of 8 to 100 % of the image's area with an aspect ratio from 3/4 to 4/3, and photometric distortions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from utils.train.recipe import Recipe

INTERPOLATIONS = ("bilinear", "area", "nearest", "cubic")
Share = tuple[int, int]  # (rank, processes)


def augment(
    images: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    *,
    mean: float | Sequence[float] = 0.0,
    share: Share = (0, 1),
    mirrored: Tensor | None = None,
) -> Tensor:
    """The recipe's random changes, drawn anew for every image: crop, flip, shift, colour, cut-out, in this order.

    Changes of colour are changes of light, so they come before the images are normalised.

    Args:
        images: (N, C, H, W), uint8 from 0 to 255 or float from 0 to 1. Flips and shifts take any other numbers too.
        recipe: crop, aspect, random_interpolation, flip, shift, color and cutout are read.
        generator: on the CPU; what is drawn advances it.
        mean: what a cut-out square is filled with, one number or one a channel, on the scale from 0 to 1: `data.mean`.
        share: (rank, processes) where the images are one process's part of a batch, its images number rank, rank +
            processes and so on. They are changed as they would be in the whole batch.
        mirrored: bool, one for each image of the whole batch: which of them a recipe that flips mirrors, in place of
            those that are drawn. The generator advances all the same.

    Returns:
        (N, C, H, W): the images themselves where everything is off, uint8 after flips and shifts of uint8, else float
        from 0 to 1. `data.normalise` takes all of these.
    """
    if (recipe.crop or recipe.color or recipe.cutout) and not images.is_floating_point():
        images = images.float() / 255
    if recipe.crop:
        images = _crop(images, recipe.crop, recipe, generator, share)
    if recipe.flip:
        drawn = torch.rand(len(images) * share[1], generator=generator) < 0.5
        mirrored = _own(drawn if mirrored is None else mirrored, share).to(images.device)
        images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
    if recipe.shift:
        images = _shift(images, recipe.shift, generator, share)
    if recipe.color:
        images = _change_colors(images, recipe.color, generator, share)
    if recipe.cutout:
        images = _cut_out(images, recipe.cutout, generator, mean, share)
    return images


def _own(drawn: Tensor, share: Share, dim: int = 0) -> Tensor:
    """Of what was drawn for each image of the whole batch, what is this process's."""
    rank, processes = share
    return drawn[(slice(None),) * dim + (slice(rank, None, processes),)]


# --- crops ------------------------------------------------------------------------------------------------------------


def crop_boxes(
    n: int,
    height: int,
    width: int,
    area: tuple[float, float],
    aspect: tuple[float, float],
    generator: torch.Generator,
) -> Tensor:
    """Random parts of an image: (left, top, right, bottom) in whole pixels, int64 (n, 4), right and bottom excluded.

    The share of the area is even over `area`. The aspect ratio, width over height, has a logarithm that is even over
    that part of `aspect` at which a box of the area fits in: as often 4:3 as 3:4, and a share near 1 of a square image
    is nearly square. In an image so long that none fits, the box is the largest of the nearest aspect ratio. The place
    is even over all that are possible. Areas and aspect ratios are exact up to whole pixels.
    """
    share, shape, across, down = torch.rand(4, n, generator=generator, dtype=torch.float64)
    pixels = (area[0] + (area[1] - area[0]) * share) * height * width
    narrowest = (pixels / height**2).clamp(*aspect).log()
    widest = (width**2 / pixels).clamp(*aspect).log()
    ratio = (narrowest + (widest - narrowest) * shape).exp()
    box_width, box_height = (pixels * ratio).sqrt(), (pixels / ratio).sqrt()
    fits = torch.minimum(width / box_width, height / box_height).clamp(max=1)
    box_width = (box_width * fits).round().clamp(1, width)
    box_height = (box_height * fits).round().clamp(1, height)
    left = (across * (width - box_width + 1)).floor()
    top = (down * (height - box_height + 1)).floor()
    return torch.stack([left, top, left + box_width, top + box_height], dim=1).long()


def resize_boxes(
    images: Tensor, boxes: Tensor, *, size: tuple[int, int] | None = None, interpolation: str = "bilinear"
) -> Tensor:
    """One box cut out of each image and resized: (N, C, H, W), (N, 4) -> (N, C, *size), float.

    The boxes differ in size, so that they cannot be one slice. But a resize is a matrix for the rows times the image times
    a matrix for the columns, and these matrices stack. The result is that of `torch.nn.functional.interpolate` for each
    box alone, with its "bilinear", "area", "nearest-exact" and "bicubic".

    Args:
        images: float; values from 0 to 1 where the interpolation is cubic, which is cut off at 0 and 1 (it overshoots).
        boxes: (left, top, right, bottom) in whole pixels, from `crop_boxes`.
        size: (height, width) of the result; that of the images where nothing is said.
        interpolation: one of INTERPOLATIONS.

    Raises:
        ValueError: another interpolation.
    """
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation is {interpolation!r}; it must be one of {', '.join(INTERPOLATIONS)}.")
    height, width = images.shape[-2:]
    out_height, out_width = size or (height, width)
    left, top, right, bottom = boxes.to(images.device).unbind(1)
    rows = _weights(top, bottom, length=height, out=out_height, interpolation=interpolation).to(images.dtype)
    columns = _weights(left, right, length=width, out=out_width, interpolation=interpolation).to(images.dtype)
    resized = rows[:, None] @ images @ columns[:, None].mT
    return resized.clamp(0, 1) if interpolation == "cubic" else resized


def _weights(start: Tensor, end: Tensor, *, length: int, out: int, interpolation: str) -> Tensor:
    """What each output pixel takes of each input pixel along one axis: (N,), (N,) -> (N, out, length); rows sum to 1."""
    size = (end - start)[:, None, None]  # of the box
    target = torch.arange(out, device=start.device)[None, :, None]
    source = torch.arange(length, device=start.device)[None, None, :] - start[:, None, None]  # counted from the box
    if interpolation == "area":  # the mean of all pixels that the output pixel touches
        first, last = target * size // out, -(-(target + 1) * size // out)
        return ((source >= first) & (source < last)) / (last - first)
    if interpolation == "nearest":
        return (source == (2 * target + 1) * size // (2 * out)).float()
    place = (target + 0.5) * size / out - 0.5  # centres of pixels lie on centres
    if interpolation == "bilinear":
        place = torch.minimum(place.clamp(min=0), size - 1)
        return (1 - (source - place).abs()).clamp(min=0) * ((source >= 0) & (source < size))
    nearest = place.floor()
    weights = torch.zeros((), device=start.device)
    for tap in (-1, 0, 1, 2):
        taken = torch.minimum((nearest + tap).clamp(min=0), size - 1)  # the box's edge goes on beyond it
        weights = weights + _cubic((place - nearest - tap).abs()) * (source == taken)
    return weights


def _cubic(distance: Tensor) -> Tensor:
    """Keys's kernel with a = -0.75, as in torch and OpenCV, at a distance from 0 to 2."""
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
    return torch.where(distance <= 1, near, far)


def _crop(
    images: Tensor, area: tuple[float, float], recipe: Recipe, generator: torch.Generator, share: Share
) -> Tensor:
    """A random part of each image, back at the image's size."""
    n, (height, width) = len(images) * share[1], images.shape[-2:]
    boxes = _own(crop_boxes(n, height, width, area, recipe.aspect, generator), share)
    if not recipe.random_interpolation:
        return resize_boxes(images, boxes)
    method = _own(torch.randint(len(INTERPOLATIONS), (n,), generator=generator), share)
    cropped = torch.empty_like(images)
    for number, interpolation in enumerate(INTERPOLATIONS):
        chosen = _indices(method == number, images.device)
        cropped[chosen] = resize_boxes(images[chosen], boxes[method == number], interpolation=interpolation)
    return cropped


def _indices(mask: Tensor, device: torch.device) -> Tensor:
    """Which images a mask on the CPU names, on their device. A mask on a GPU would make it wait to count them."""
    return mask.nonzero()[:, 0].to(device, non_blocking=True)


# --- shifts, colours, cut-outs ----------------------------------------------------------------------------------------


def _shift(images: Tensor, reach: int, generator: torch.Generator, share: Share) -> Tensor:
    """Each image moved by its own -reach to reach pixels down and right; its edge is repeated where it has left."""
    n, channels, height, width = images.shape
    drawn = torch.randint(-reach, reach + 1, (2, n * share[1], 1), generator=generator)
    down, right = _own(drawn, share, dim=1).to(images.device)
    rows = (torch.arange(height, device=images.device) - down).clamp(0, height - 1)  # (N, H): row to copy from
    columns = (torch.arange(width, device=images.device) - right).clamp(0, width - 1)  # (N, W)
    images = images.gather(2, rows[:, None, :, None].expand(n, channels, height, width))
    return images.gather(3, columns[:, None, None, :].expand(n, channels, height, width))


def _change_colors(images: Tensor, strength: float, generator: torch.Generator, share: Share) -> Tensor:
    """Brightness, contrast and saturation, in an order of each image's own, each times 1 - strength to 1 + strength.

    At a strength of 0.5 these are the changes of Howard's "Some improvements on deep convolutional neural network based
    image classification" (2013), which GoogLeNet's paper names. Saturation is left out without three channels.
    """
    from kornia.enhance import (
        adjust_brightness_accumulative,
        adjust_contrast_with_mean_subtraction,
        adjust_saturation_with_gray_subtraction,
    )

    n, channels = len(images) * share[1], images.shape[1]
    changes = [adjust_brightness_accumulative, adjust_contrast_with_mean_subtraction]
    if channels == 3:
        changes.append(adjust_saturation_with_gray_subtraction)
    order = _own(torch.rand(n, len(changes), generator=generator).argsort(dim=1), share)
    factors = 1 + strength * (2 * _own(torch.rand(len(changes), n, generator=generator), share, dim=1) - 1)
    images = images.clone()
    for place in range(len(changes)):
        for number, change in enumerate(changes):
            now = order[:, place] == number
            chosen = _indices(now, images.device)
            images[chosen] = change(images[chosen], factors[number, now].to(images.device))
    return images


def _cut_out(
    images: Tensor, side: int, generator: torch.Generator, mean: float | Sequence[float], share: Share
) -> Tensor:
    """A square filled with the mean, around a pixel drawn evenly from the image; what lies beyond the edge is lost.

    From DeVries and Taylor, "Improved regularization of convolutional neural networks with Cutout" (2017).
    """
    n, (height, width) = len(images) * share[1], images.shape[-2:]
    drawn = _own(torch.rand(2, n, 1, generator=generator), share, dim=1)
    row, column = (drawn * torch.tensor([height, width]).view(2, 1, 1)).long()
    top, left = (row - side // 2).to(images.device), (column - side // 2).to(images.device)
    rows, columns = (torch.arange(length, device=images.device) for length in (height, width))
    in_rows = (rows >= top) & (rows < top + side)  # (N, H)
    in_columns = (columns >= left) & (columns < left + side)  # (N, W)
    fill = torch.tensor(mean, dtype=images.dtype).to(images.device).view(-1, 1, 1)
    return torch.where((in_rows[:, :, None] & in_columns[:, None, :])[:, None], fill, images)
