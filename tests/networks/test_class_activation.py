"""Class activation maps: mean and bias are the logit for every network of the family, and other ends are refused in words."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from networks import create, names
from networks.class_activation import class_activation_map, end_of
from networks.small import SmallNet


@pytest.mark.parametrize("name", names())
def test_mean_and_bias_are_the_logit(name):
    torch.manual_seed(0)
    net = create(name, size="mini", num_classes=7).double()
    nn.init.normal_(net.classifier.bias)
    images, classes = torch.randn(1, 3, 48, 40).double().expand(3, -1, -1, -1), torch.tensor([0, 3, 6])
    maps = class_activation_map(net, images, classes)
    assert net.training  # and it ran in evaluation mode, without dropout
    with torch.no_grad():
        last = list(net.eval().features(images[:1]).values())[-1]
        logits = net.classifier(last.mean(dim=(2, 3)))[0]
    assert maps.shape == (3, *last.shape[2:]) and maps[0].numel() > 1
    torch.testing.assert_close(maps.mean(dim=(1, 2)) + net.classifier.bias[classes], logits[classes])
    torch.testing.assert_close(maps, torch.einsum("chw,kc->khw", last[0], net.classifier.weight[classes]))


class Written(nn.Module):
    """The same end in other words."""

    def __init__(self, how="mean"):
        super().__init__()
        self.conv, self.first, self.classifier = nn.Conv2d(3, 8, 3), nn.Linear(8, 8), nn.Linear(8, 5)
        self.drop, self.how = nn.Dropout(), how

    def forward(self, images):
        x = self.conv(images).relu_()
        mean = {
            "mean": lambda: x.mean((-1, -2)),
            "pool": lambda: F.avg_pool2d(x, x.shape[-1]).flatten(1),
            "flat": lambda: x.flatten(2).sum(2) / x[0, 0].numel(),
            "max": lambda: x.amax((2, 3)),
            "corner": lambda: x[:, :, 0, 0],
            "two layers": lambda: self.first(x.mean((2, 3))),
        }.get(self.how, lambda: x.mean((2, 3)))()
        logits = self.classifier(self.drop(mean))
        return {"softmax": logits.softmax(1), "tuple": (logits, logits)}.get(self.how, logits)


@pytest.mark.parametrize("how", ["mean", "pool", "flat"])
def test_however_the_mean_is_written(how):
    net = Written(how)
    images = torch.randn(3, 3, 9, 9)
    maps, logits = class_activation_map(net, images), net.eval()(images)
    torch.testing.assert_close(maps.mean((1, 2)) + net.classifier.bias[logits.argmax(1)], logits.amax(1))
    torch.testing.assert_close(class_activation_map(net, images, 4).mean((1, 2)) + net.classifier.bias[4], logits[:, 4])
    assert not net._forward_hooks and not net.conv._forward_hooks


def test_the_small_networks_of_the_experiments_have_one():
    data = SimpleNamespace(image_shape=(1, 32, 32), classes=range(10))
    net = SmallNet(data, nn.Conv2d(16, 24, 3), out_channels=24)
    assert end_of(net, torch.randn(1, 1, 32, 32)).grid.shape == (1, 24, 14, 14)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (Written("max"), "is not the mean of a grid"),
        (Written("corner"), "is not the mean of a grid"),
        (Written("two layers"), "is not the mean of a grid"),
        (Written("softmax"), "does not give the logits themselves"),
        (Written("tuple"), "no linear layer gives its logits"),
        (nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), "no linear layer"),
        (nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(245, 5)), "is not the mean of a grid"),
        (
            nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(5, 4)),
            "is not the mean of a grid",
        ),
    ],
)
def test_another_end_is_refused_in_words(net, words):
    with pytest.raises(ValueError, match=rf"has no class activation map: .*{words}.*global average pooling"):
        class_activation_map(net, torch.randn(2, 3, 9, 9))
    assert net.training and not any(part._forward_hooks for part in net.modules())


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (5, "this network has classes 0 to 4"),
        (-1, "this network has classes 0 to 4"),
        (1.5, "must be a class's number"),
        (True, "must be a class's number"),
        (torch.tensor([0, 1]), "2 classes for 3 images"),
        (torch.zeros(3, 5), "must be a class's number"),
    ],
)
def test_classes_that_there_are_not(classes, words):
    with pytest.raises(ValueError, match=words):
        class_activation_map(Written(), torch.randn(3, 3, 9, 9), classes)
