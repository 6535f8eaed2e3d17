"""Augmentation: drawn as documented, the same again from the same generator, each image as if it were alone."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from tests.utils.tiny import TinyNet, tiny_data
from utils.data.photo import photograph
from utils.train.augment import INTERPOLATIONS, augment, crop_boxes, resize_boxes
from utils.train.loop import fit
from utils.train.recipe import Recipe

AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
TORCHS = {"bilinear": "bilinear", "area": "area", "nearest": "nearest-exact", "cubic": "bicubic"}
EVERYTHING = Recipe(flip=True, shift=2, crop=AREA, random_interpolation=True, color=0.5, cutout=3)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(n: int, size: int) -> torch.Tensor:
    """uint8 (n, 3, size, size), all the same."""
    picture = torch.from_numpy(photograph("china", size).copy()).permute(2, 0, 1)
    return picture.expand(n, 3, size, size).contiguous()


# --- nothing, and everything ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [torch.rand(3, 1, 4, 4), torch.ones(3, 1, 4, 4, dtype=torch.uint8)])
def test_without_augmentation_the_images_are_the_images(images):
    generator = draws()
    before = generator.get_state()
    assert augment(images, Recipe(), generator) is images
    assert torch.equal(generator.get_state(), before)


def test_the_same_generator_gives_the_same_batch():
    images = photos(40, 32)
    kept = images.clone()
    first, second = augment(images, EVERYTHING, draws(1)), augment(images, EVERYTHING, draws(1))
    assert torch.equal(first, second)
    assert not torch.equal(first, augment(images, EVERYTHING, draws(2)))
    assert len({picture.numpy().tobytes() for picture in first}) == 40  # each image has its own draws
    assert torch.equal(images, kept)


def test_whatever_comes_out_is_normalised_alike():
    data = tiny_data()
    images = data.train.images
    moved = replace(EVERYTHING, crop=None, color=0.0, cutout=0)
    before = data.normalise(augment(images, moved, draws()))
    assert torch.equal(before, augment(data.normalise(images), moved, draws()))  # flips and shifts move pixels only
    assert augment(images, moved, draws()).dtype == torch.uint8
    changed = augment(images, EVERYTHING, draws(), mean=data.mean)
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    torch.testing.assert_close(changed, augment(images.float() / 255, EVERYTHING, draws(), mean=data.mean))
    black = data.normalise(torch.zeros(1, 2, 6, 6))
    assert torch.equal(black, data.normalise(torch.zeros(1, 2, 6, 6, dtype=torch.uint8)))
    assert data.normalise(changed).min() >= black.min()


def test_training_goes_through_all_of_it():
    recipe = replace(EVERYTHING, epochs=1, batch_size=16, shift=1)
    first, second = (fit(TinyNet, tiny_data(), recipe, show=False) for _ in range(2))
    assert first.history == second.history
    plain = fit(TinyNet, tiny_data(), Recipe(epochs=1, batch_size=16), show=False)
    assert first.history != plain.history


# --- flips and shifts -------------------------------------------------------------------------------------------------


def test_flip_mirrors_about_half_of_the_images():
    images = torch.arange(400 * 12.0).view(400, 1, 3, 4)
    out = augment(images, Recipe(flip=True), torch.Generator().manual_seed(0))
    mirrored = [torch.equal(after, before.flip(-1)) for before, after in zip(images, out, strict=True)]
    kept = [torch.equal(after, before) for before, after in zip(images, out, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 160 < sum(mirrored) < 240


def test_flip_mirrors_those_that_it_is_told():
    images = torch.arange(4 * 12.0).view(4, 1, 3, 4)
    mirrored = torch.tensor([True, False, False, True])
    generator, other = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    out = augment(images, Recipe(flip="alternated"), generator, mirrored=mirrored)
    for number, is_mirrored in enumerate(mirrored):
        assert torch.equal(out[number], images[number].flip(-1) if is_mirrored else images[number])
    augment(images, Recipe(flip=True), other)
    assert torch.equal(generator.get_state(), other.get_state()), "what is drawn afterwards is the same"
    own = augment(images[1::2], Recipe(flip="alternated"), generator, share=(1, 2), mirrored=mirrored)
    assert torch.equal(own, out[1::2])


def test_alternated_flips_show_each_image_both_ways_in_two_epochs():
    """What the network saw, image by image: mirrored in every other epoch, half of them in the first one."""

    class Seeing(TinyNet):
        def forward(self, images):
            if self.training:
                seen.append(images)
            return super().forward(images)

    seen, data = [], tiny_data()
    fit(Seeing, data, Recipe(epochs=4, batch_size=16, flip="alternated"), show=False)
    steps = len(data.train) // 16
    seen = torch.cat(seen[-4 * steps :]).view(4, steps * 16, -1)  # before, the network is tried on two images
    images = data.normalise(data.train.images)
    plain, turned = images.flatten(1), images.flip(-1).flatten(1)
    ways = []
    for epoch in seen:
        distance = [torch.cdist(epoch, known, compute_mode="donot_use_mm_for_euclid_dist") for known in (plain, turned)]
        nearest = torch.stack([each.min(dim=1).values for each in distance])
        number = torch.where(nearest[0] < nearest[1], distance[0].argmin(dim=1), distance[1].argmin(dim=1))
        assert nearest.min(dim=0).values.max() == 0
        ways.append(dict(zip(number.tolist(), (nearest[1] < nearest[0]).tolist(), strict=True)))
    for before, after in pairwise(ways):
        both = before.keys() & after.keys()  # an epoch leaves over what no full batch holds
        assert len(both) > 8 and all(before[number] != after[number] for number in both)
    share = sum(ways[0].values()) / len(ways[0])
    assert 0.2 < share < 0.8


def test_shift_moves_each_image_by_itself_and_repeats_its_edge():
    images = torch.rand(200, 2, 5, 6)
    out = augment(images, Recipe(shift=2), torch.Generator().manual_seed(0))
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    moves = []
    for index in range(len(images)):
        moves += [
            (2 - top, 2 - left)
            for top in range(5)
            for left in range(5)
            if torch.equal(out[index], padded[index, :, top : top + 5, left : left + 6])
        ]
    assert len(moves) == 200
    assert set(moves) == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


# --- crops ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(500, 500), (400, 500), (600, 400)])
def test_areas_are_even_and_aspects_within_their_range(height, width):
    boxes = crop_boxes(20_000, height, width, AREA, ASPECT, draws())
    left, top, right, bottom = boxes.unbind(1)
    assert left.min() >= 0
    assert top.min() >= 0
    assert right.max() <= width
    assert bottom.max() <= height
    box_width, box_height = (right - left).double(), (bottom - top).double()
    share, aspect = box_width * box_height / (height * width), box_width / box_height
    # Ten equal parts of the range hold a tenth each: 2,000 of 20,000, give or take 42 (one standard deviation). The
    # largest 3:4 box of a 600 x 400 image is 533 x 400, a share of 0.89, and stands for all that would be larger.
    counts = torch.histc(share, bins=10, min=AREA[0], max=AREA[1] + 1e-9)
    whole, largest = (10, 1.0) if ASPECT[0] <= width / height <= ASPECT[1] else (8, 533 / 600)
    assert share.max() == pytest.approx(largest, abs=1e-3)
    assert ((counts[:whole] - 2_000).abs() < 170).all(), counts
    assert share.min() > 0.078
    assert aspect.min() > 0.99 * ASPECT[0]
    assert aspect.max() < 1.01 * ASPECT[1]
    # Small boxes fit at every aspect ratio: as many below 1 as above, and the logarithm is even.
    small = aspect[share < 0.4].log()
    counts = torch.histc(small, bins=6, min=math.log(ASPECT[0]), max=math.log(ASPECT[1]))
    assert ((counts / len(small) - 1 / 6).abs() < 0.025).all(), counts
    # The place is even over what is possible.
    room = (width - box_width) > 50
    assert abs((left[room] / (width - box_width)[room]).mean() - 0.5) < 0.01
    room = (height - box_height) > 50
    assert abs((top[room] / (height - box_height)[room]).mean() - 0.5) < 0.01


def test_boxes_of_an_image_too_long_for_the_aspect_are_the_largest_that_fit():
    boxes = crop_boxes(50, 100, 500, (1.0, 1.0), ASPECT, draws())
    assert set((boxes[:, 2] - boxes[:, 0]).tolist()) == {133}
    assert set((boxes[:, 3] - boxes[:, 1]).tolist()) == {100}
    assert len(set(boxes[:, 0].tolist())) > 20


def test_the_whole_area_of_a_square_image_is_the_image():
    boxes = crop_boxes(30, 32, 32, (1.0, 1.0), ASPECT, draws())
    assert boxes.tolist() == [[0, 0, 32, 32]] * 30


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("size", [None, (12, 45)])
def test_a_batch_of_boxes_is_each_box_alone_by_torchs_own_resize(interpolation, size):
    images = torch.rand(30, 3, 24, 33, generator=draws())
    boxes = crop_boxes(30, 24, 33, (0.02, 1.0), (0.5, 2.0), draws(1))
    out = resize_boxes(images, boxes, size=size, interpolation=interpolation)
    for image, (left, top, right, bottom), found in zip(images, boxes.tolist(), out, strict=True):
        alone = functional.interpolate(
            image[None, :, top:bottom, left:right], size=size or (24, 33), mode=TORCHS[interpolation]
        )
        # A place near pixel 33 is known to 4e-6 of a pixel in float32, in torch and here.
        torch.testing.assert_close(found, alone[0].clamp(0, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_the_whole_image_at_its_own_size_is_the_image(interpolation):
    images = torch.rand(2, 3, 9, 7)
    boxes = torch.tensor([[0, 0, 7, 9]] * 2)
    torch.testing.assert_close(resize_boxes(images, boxes, interpolation=interpolation), images, atol=1e-6, rtol=0)


def test_an_unknown_interpolation_is_said():
    with pytest.raises(
        ValueError, match="interpolation is 'lanczos'; it must be one of bilinear, area, nearest, cubic"
    ):
        resize_boxes(torch.rand(1, 1, 4, 4), torch.tensor([[0, 0, 4, 4]]), interpolation="lanczos")


def test_each_interpolation_is_used_for_about_a_quarter():
    n = 2_000
    images = torch.rand(1, 1, 16, 16, generator=draws()).expand(n, 1, 16, 16)
    recipe = Recipe(crop=(0.1, 0.5), random_interpolation=True)
    out = augment(images, recipe, draws(3))
    boxes = crop_boxes(n, 16, 16, recipe.crop, recipe.aspect, draws(3))  # what augment draws first
    resized = torch.stack([resize_boxes(images, boxes, interpolation=each) for each in INTERPOLATIONS])
    same = (resized - out).abs().amax((2, 3, 4)) < 1e-5  # (4, n)
    assert same.any(0).all()
    alone = same[:, same.sum(0) == 1]  # an 8 x 8 box is the same by nearest and by area
    assert alone.shape[1] > 0.95 * n
    assert ((alone.float().mean(1) - 1 / 4).abs() < 0.04).all(), alone.sum(1)


def test_without_random_interpolation_crops_are_bilinear():
    images = torch.rand(8, 3, 16, 16)
    boxes = crop_boxes(8, 16, 16, AREA, ASPECT, draws())
    assert torch.equal(augment(images, Recipe(crop=AREA), draws()), resize_boxes(images, boxes))


# --- colours ----------------------------------------------------------------------------------------------------------


def brightness(image, factor):
    return (image * factor).clamp(0, 1)


def contrast(image, factor):
    mean = (0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]).mean()
    return (factor * image + (1 - factor) * mean).clamp(0, 1)


def saturation(image, factor):
    grey = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    return (factor * image + (1 - factor) * grey).clamp(0, 1)


def test_each_image_gets_the_three_changes_in_an_order_of_its_own():
    images = torch.rand(300, 3, 6, 5, generator=draws(5))
    out = augment(images, Recipe(color=0.5), draws(7))
    again = draws(7)
    order = torch.rand(300, 3, generator=again).argsort(dim=1)
    factors = 0.5 + torch.rand(3, 300, generator=again)
    changes = (brightness, contrast, saturation)
    for index, image in enumerate(images):
        for number in order[index].tolist():
            image = changes[number](image, factors[number, index])
        torch.testing.assert_close(out[index], image, atol=1e-5, rtol=0)
    assert len({tuple(row) for row in order.tolist()}) == 6


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_the_strength_is_the_reach_of_the_factors(strength):
    """A pair of flat grey images of the same draws: contrast and saturation leave them alone, brightness does not."""
    images = torch.full((4_000, 3, 2, 2), 0.4)
    factors = augment(images, Recipe(color=strength), draws())[:, 0, 0, 0] / 0.4
    assert factors.min() >= 1 - strength - 1e-5
    assert factors.max() <= 1 + strength + 1e-5
    counts = torch.histc(factors, bins=8, min=1 - strength, max=1 + strength)
    assert ((counts / 4_000 - 1 / 8).abs() < 0.025).all(), counts


@pytest.mark.parametrize("channels", [1, 2])
def test_colours_of_images_without_three_channels(channels):
    out = augment(torch.rand(9, channels, 4, 4), Recipe(color=0.4), draws())
    assert out.shape == (9, channels, 4, 4)
    assert 0 <= out.min() <= out.max() <= 1


# --- cut-out ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [3, 4])
def test_a_square_is_cut_out_around_any_pixel_and_filled_with_the_mean(side):
    images, mean = torch.ones(3_000, 2, 9, 7), (0.25, 0.5)
    out = augment(images, Recipe(cutout=side), draws(), mean=mean)
    gone = out[:, 0] != 1
    assert torch.equal(out[:, 0], torch.where(gone, mean[0], 1.0))
    assert torch.equal(out[:, 1], torch.where(gone, mean[1], 1.0))
    sizes = {(int(each.any(1).sum()), int(each.any(0).sum())) for each in gone}
    assert max(sizes) == (side, side)
    for each in gone:  # a rectangle, and whole unless it touches the edge
        rows, columns = each.any(1).nonzero()[:, 0], each.any(0).nonzero()[:, 0]
        assert each.sum() == len(rows) * len(columns)
        assert len(rows) == side or rows[0] == 0 or rows[-1] == 8
        assert len(columns) == side or columns[0] == 0 or columns[-1] == 6
    middle = gone[:, 4, 3].float().mean()  # any of side x side centres of 9 x 7 hides the middle
    assert abs(middle - side**2 / 63) < 0.03


def test_the_mean_is_nought_after_normalising():
    data = tiny_data()
    out = data.normalise(augment(data.train.images, Recipe(cutout=20), draws(), mean=data.mean))
    assert ((out == 0).flatten(1).float().mean(1) > 0.5).all()


# --- many processes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [EVERYTHING, replace(EVERYTHING, random_interpolation=False), Recipe(shift=3)])
def test_a_share_of_a_batch_is_changed_as_in_the_whole_batch(recipe):
    images = torch.rand(12, 3, 10, 8)
    whole, generator = augment(images, recipe, draws(), mean=0.4), draws()
    for rank in range(3):
        generator.manual_seed(0)
        torch.testing.assert_close(
            augment(images[rank::3], recipe, generator, mean=0.4, share=(rank, 3)), whole[rank::3], rtol=0, atol=1e-6
        )
    after = draws()
    augment(images, recipe, after)
    assert torch.equal(generator.get_state(), after.get_state())  # and the next batch's draws are the same too
