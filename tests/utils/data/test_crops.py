"""Test-time crops: GoogLeNet's 144, counted, inside the image, equal to slices by hand, and averaged."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from utils.data.crops import crops_1, crops_2, crops_10, crops_48, crops_144, ensemble, predict, take

LANDSCAPE, PORTRAIT, SQUARE = (300, 400), (500, 320), (256, 256)


class Looker(nn.Module):
    """Tells classes by mean colours of the two halves, and remembers how much it was shown, and how."""

    def __init__(self, seed: int = 0):
        super().__init__()
        torch.manual_seed(seed)
        self.linear = nn.Linear(6, 5)
        self.dropout = nn.Dropout(0.5)
        self.shown = []

    def forward(self, images):
        self.shown.append(len(images))
        left, right = images.chunk(2, dim=-1)
        return self.dropout(self.linear(torch.cat([left.mean((2, 3)), right.mean((2, 3))], dim=1)))


@pytest.mark.parametrize("image", [LANDSCAPE, PORTRAIT, SQUARE, (33, 32)])
def test_the_papers_144_looks(image):
    crops = crops_144(*image)
    assert len(crops) == len({(c.scale, c.square, c.place, c.mirrored) for c in crops}) == 144
    assert {c.scale for c in crops} == {256, 288, 320, 352}
    assert {c.square for c in crops} == set(
        ("left", "centre", "right") if image[1] >= image[0] else ("top", "centre", "bottom")
    )
    assert len({c.place for c in crops}) == 6
    for crop in crops:
        assert min(crop.resized) == crop.scale
        assert crop.resized[0] / crop.resized[1] == pytest.approx(image[0] / image[1], rel=0.01)
        left, top, side = crop.window
        assert 0 <= left <= left + side <= crop.resized[1]
        assert 0 <= top <= top + side <= crop.resized[0]
        assert side == (crop.scale if crop.place == "whole" else 224)
        left, top, right, bottom = crop.box
        assert 0 <= left < right <= image[1]
        assert 0 <= top < bottom <= image[0]


def test_boxes_by_hand():
    """A 300 x 400 image at the scale of 256 is 256 x 341: the right square begins at 85, its crops at 85 and 117."""
    boxes = {(c.square, c.place): (c.window, c.box) for c in crops_144(*LANDSCAPE) if c.scale == 256}
    assert {c.resized for c in crops_144(*LANDSCAPE)} == {(256, 341), (288, 384), (320, 427), (352, 469)}
    assert boxes["left", "whole"] == ((0, 0, 256), (0, 0, pytest.approx(256 * 400 / 341), 300))
    assert boxes["centre", "whole"][0] == (42, 0, 256)
    assert boxes["right", "top left"][0] == (85, 0, 224)
    assert boxes["right", "bottom right"][0] == (117, 32, 224)
    assert boxes["right", "bottom right"][1] == pytest.approx((117 * 400 / 341, 37.5, 400, 300))
    assert boxes["left", "centre"][0] == (16, 16, 224)
    portrait = {(c.square, c.place): c.window for c in crops_144(*PORTRAIT) if c.scale == 256}
    assert portrait["top", "top left"] == (0, 0, 224)
    assert portrait["bottom", "bottom left"] == (0, 400 - 224, 224)


def test_the_smaller_sets():
    ten, one, two = crops_10(*LANDSCAPE), crops_1(*LANDSCAPE), crops_2(*LANDSCAPE)
    assert len(ten) == 10
    assert {(c.scale, c.square) for c in ten} == {(256, "centre")}
    assert [(c.place, c.mirrored) for c in one] == [("centre", False)]
    assert set(one) < set(ten) < set(crops_144(*LANDSCAPE))
    assert [(c.place, c.mirrored) for c in two] == [("whole", False), ("whole", True)]
    image = torch.rand(3, 32, 32)
    assert torch.equal(take(image, crops_2(32, 32, size=32)), torch.stack([image, image.flip(-1)]))


def test_small_images_get_scales_in_proportion():
    crops = crops_48(32, 32)
    assert len(crops) == len(set(crops)) == 48
    assert {c.scale for c in crops} == {37, 41, 46, 50}
    assert take(torch.rand(2, 3, 32, 32), crops).shape == (2, 48, 3, 32, 32)


def test_looks_are_slices_of_the_resized_image():
    image = torch.rand(3, *LANDSCAPE)
    crops = crops_144(*LANDSCAPE)
    looks = take(image, crops)
    assert looks.shape == (144, 3, 224, 224)
    resized = functional.interpolate(image[None], (288, 384), mode="bilinear", antialias=True)[0]
    found = {(c.square, c.place, c.mirrored): look for c, look in zip(crops, looks, strict=True) if c.scale == 288}
    assert torch.equal(found["centre", "centre", False], resized[:, 32:256, 80:304])
    assert torch.equal(found["left", "top right", False], resized[:, :224, 64:288])
    assert torch.equal(found["right", "bottom left", True], resized[:, 64:, 96:320].flip(-1))
    whole = functional.interpolate(resized[None, :, :, 48:336], (224, 224), mode="bilinear", antialias=True)[0]
    assert torch.equal(found["centre", "whole", False], whole)
    assert torch.equal(found["centre", "whole", True], whole.flip(-1))


def test_a_centre_crop_at_the_images_own_scale_is_a_slice_of_the_image():
    image = torch.rand(3, 256, 300)
    assert torch.equal(take(image, crops_1(256, 300)), image[None, :, 16:240, 38:262])


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_probabilities_are_averaged_over_the_looks(batch_size):
    net, images = Looker().train(), torch.rand(5, 3, 40, 50)
    crops = crops_144(40, 50, size=32)
    found = predict(net, images, crops, batch_size=batch_size)
    assert net.training
    assert max(net.shown) <= batch_size
    net.eval()
    for image, probabilities in zip(images, found, strict=True):
        by_hand = torch.zeros(5)
        for look in take(image, crops):
            by_hand += torch.softmax(net(look[None])[0].detach(), dim=0) / 144
        torch.testing.assert_close(probabilities, by_hand)
    assert not found.requires_grad


def test_a_single_look_is_the_networks_own_softmax():
    net, images = Looker().eval(), torch.rand(4, 3, 32, 32)
    whole = crops_2(32, 32, size=32)[:1]
    torch.testing.assert_close(predict(net, images, whole), net(images).detach().softmax(dim=1))
    assert not net.training


def test_the_three_squares_of_a_square_image_are_one():
    net, images = Looker(), torch.rand(3, 3, 32, 32)
    all_of_them, distinct = crops_144(32, 32, size=32), crops_48(32, 32, size=32)
    torch.testing.assert_close(predict(net, images, all_of_them), predict(net, images, distinct))


def test_an_ensemble_is_the_mean_of_its_members():
    nets, images, crops = [Looker(seed) for seed in range(3)], torch.rand(4, 3, 48, 40), crops_10(48, 40, size=32)
    by_hand = sum(predict(net, images, crops) for net in nets) / 3
    torch.testing.assert_close(ensemble(nets, images, crops), by_hand)
    torch.testing.assert_close(ensemble(iter(nets), images, crops).sum(1), torch.ones(4))
    assert not torch.allclose(by_hand, predict(nets[0], images, crops))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: crops_144(0, 5), "height is 0; it must be a whole number, 1 or more"),
        (lambda: crops_10(5, 5, size=2.5), "size is 2.5"),
        (lambda: take(torch.rand(3, 30, 40), crops_1(40, 30)), "The images are 30 x 40, and .* of 40 x 30"),
        (lambda: take(torch.rand(3, 9, 9), []), "There are no crops"),
        (lambda: take(torch.rand(3, 9, 9), crops_1(9, 9) + crops_1(9, 9, size=5)), "several sizes, 5, 224"),
        (lambda: take(torch.zeros(3, 9, 9, dtype=torch.uint8), crops_1(9, 9)), "images are torch.uint8"),
        (lambda: predict(Looker(), torch.rand(0, 3, 9, 9), crops_1(9, 9)), "no images"),
        (lambda: predict(Looker(), torch.rand(2, 3, 9, 9), crops_1(9, 9), batch_size=0), "batch_size is 0"),
        (lambda: ensemble([], torch.rand(2, 3, 9, 9), crops_1(9, 9)), "There are no networks"),
    ],
)
def test_what_cannot_be_is_said(call, said):
    with pytest.raises(ValueError, match=said):
        call()
