"""The family's relatives against themselves written once more, plainly, from their papers' tables; and what is printed of them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from networks import measure
from networks.base import Network
from networks.catalog import create, entry, relatives
from tests.networks.test_weights import stirred


class Numbers:
    """A network's parameters and statistics, handed out in the order in which its layers stand."""

    def __init__(self, net: Network):
        self.left = [
            (name, value) for name, value in net.state_dict(keep_vars=True).items() if "num_batches" not in name
        ]

    def take(self, count: int) -> list[Tensor]:
        taken, self.left = self.left[:count], self.left[count:]
        return [value for _, value in taken]

    def conv(self, x: Tensor, **options) -> Tensor:
        return F.conv2d(x, *self.take(2), **options)

    def conv_norm(self, x: Tensor, *, eps: float, **options) -> Tensor:
        (weight,) = self.take(1)
        scale, shift, mean, variance = self.take(4)
        x = F.conv2d(x, weight, **options)
        return F.batch_norm(x, mean, variance, scale, shift, eps=eps)

    def dense(self, x: Tensor) -> Tensor:
        return F.linear(x, *self.take(2))


def caffe_norm(x: Tensor, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75) -> Tensor:
    """Section 3.3 of AlexNet's paper, channel by channel."""
    channels = x.shape[1]
    near = [x[:, max(0, i - n // 2) : min(channels - 1, i + n // 2) + 1] for i in range(channels)]
    sums = torch.stack([each.square().sum(1) for each in near], dim=1)
    return x / (k + alpha * sums) ** beta


def two_towers(numbers: Numbers, x: Tensor) -> Tensor:
    """Figure 2 of AlexNet's paper, each tower by itself where the other is not seen."""

    def apart(x: Tensor, padding: int) -> Tensor:
        weight, bias = numbers.take(2)
        halves = zip(x.chunk(2, 1), weight.chunk(2), bias.chunk(2), strict=True)
        return torch.cat([F.conv2d(*half, padding=padding) for half in halves], dim=1).relu()

    x = F.max_pool2d(caffe_norm(numbers.conv(x, stride=4, padding=2).relu()), 3, 2)
    x = F.max_pool2d(caffe_norm(apart(x, 2)), 3, 2)
    x = numbers.conv(x, padding=1).relu()
    x = F.max_pool2d(apart(apart(x, 1), 1), 3, 2)
    x = numbers.dense(x.flatten(1)).relu()
    return numbers.dense(numbers.dense(x).relu())


def one_tower(numbers: Numbers, x: Tensor) -> Tensor:
    x = F.max_pool2d(numbers.conv(x, stride=4, padding=2).relu(), 3, 2)
    x = F.max_pool2d(numbers.conv(x, padding=2).relu(), 3, 2)
    for _ in range(3):
        x = numbers.conv(x, padding=1).relu()
    x = numbers.dense(F.max_pool2d(x, 3, 2).flatten(1)).relu()
    return numbers.dense(numbers.dense(x).relu())


def caffe_pool(x: Tensor) -> Tensor:
    """3 x 3 with stride 2; where the last window hangs over the edge, what is there counts."""
    side = x.shape[-1]
    outs = -(-(side - 3) // 2) + 1
    beyond = 2 * (outs - 1) + 3 - side
    return F.max_pool2d(F.pad(x, (0, beyond, 0, beyond), value=-torch.inf), 3, 2)


def mixing(numbers: Numbers, x: Tensor) -> Tensor:
    """The authors' Caffe model of ImageNet."""
    for number, (stride, padding) in enumerate(((4, 0), (1, 2), (1, 1), (1, 1))):
        x = numbers.conv(x, stride=stride, padding=padding).relu()
        x = numbers.conv(numbers.conv(x).relu()).relu()
        if number < 3:
            x = caffe_pool(x)
    return x.mean((2, 3))


def threes(numbers: Numbers, x: Tensor) -> Tensor:
    """Column D of VGG's table 1."""
    for convs in (2, 2, 3, 3, 3):
        for _ in range(convs):
            x = numbers.conv(x, padding=1).relu()
        x = F.max_pool2d(x, 2)
    x = numbers.dense(x.flatten(1)).relu()
    return numbers.dense(numbers.dense(x).relu())


def residual(numbers: Numbers, x: Tensor, *, strides: Callable[[int], tuple[int, int]]) -> Tensor:
    """Table 1 of ResNet's paper, column "50-layer"."""
    x = numbers.conv_norm(x, eps=1e-5, stride=2, padding=3).relu()
    x = F.max_pool2d(x, 3, 2, padding=1)
    for number, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride = 2 if number and not block else 1
            first, second = strides(stride)
            y = numbers.conv_norm(x, eps=1e-5, stride=first).relu()
            y = numbers.conv_norm(y, eps=1e-5, stride=second, padding=1).relu()
            y = numbers.conv_norm(y, eps=1e-5)
            x = (y + (x if block else numbers.conv_norm(x, eps=1e-5, stride=stride))).relu()
    return numbers.dense(x.mean((2, 3)))


def separable(numbers: Numbers, x: Tensor, *, as_keras: bool) -> Tensor:
    """Table 1 of MobileNet's paper; with Keras's zeros, and its ReLU that stops at 6."""
    act = F.relu6 if as_keras else F.relu

    def three(x: Tensor, stride: int, groups: int = 1) -> Tensor:
        if as_keras and stride == 2:
            return act(numbers.conv_norm(F.pad(x, (0, 1, 0, 1)), eps=1e-3, stride=2, groups=groups))
        return act(numbers.conv_norm(x, eps=1e-3, stride=stride, padding=1, groups=groups))

    x = three(x, 2)
    for stride in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1):
        x = three(x, stride, groups=x.shape[1])
        x = act(numbers.conv_norm(x, eps=1e-3))
    return numbers.dense(x.mean((2, 3)))


PLAIN = {
    ("alexnet", "paper"): two_towers,
    ("alexnet", "released"): one_tower,
    ("network_in_network", "paper"): mixing,
    ("vgg_16", "paper"): threes,
    ("resnet_50", "paper"): lambda numbers, x: residual(numbers, x, strides=lambda stride: (stride, 1)),
    ("resnet_50", "released"): lambda numbers, x: residual(numbers, x, strides=lambda stride: (1, stride)),
    ("mobilenet_v1", "paper"): lambda numbers, x: separable(numbers, x, as_keras=False),
    ("mobilenet_v1", "released"): lambda numbers, x: separable(numbers, x, as_keras=True),
}


def test_every_relative_and_variant_is_written_once_more():
    assert list(PLAIN) == [
        (name, variant) for name in relatives() for variant in ("paper", "released")[: 1 + entry(name).released_differs]
    ]


@pytest.mark.parametrize(("name", "variant"), PLAIN)
def test_logits_and_every_gradient_are_those_of_the_papers_table(name, variant):
    """An eighth of the widths, in float64: with so many ReLUs and maxima, float32 would choose others at a tie."""
    torch.manual_seed(0)
    net = stirred(create(name, variant=variant, width=0.125, num_classes=10).double())
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and module.bias is not None:
                module.bias.uniform_(-0.1, 0.1)
            if isinstance(module, torch.nn.Linear):
                module.weight.mul_(10)  # logits of more than rounding
    images = torch.randn(2, 3, 224, 224, dtype=torch.float64, requires_grad=True)
    numbers = Numbers(net)
    ours, plain = net(images), PLAIN[name, variant](numbers, images)
    assert numbers.left == []
    assert plain.std() > 1e-3
    torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-9)
    values = [images, *net.parameters()]
    for found, wanted in zip(
        *(torch.autograd.grad(each.square().sum(), values) for each in (ours, plain)), strict=True
    ):
        assert wanted.abs().max() > 0
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-9 * wanted.abs().max().item())


def test_alexnets_towers_see_each_other_in_the_third_convolution_and_in_the_dense_layers_only():
    """A change in one half of the channels reaches the other half only there."""
    net = create("alexnet", width=0.25, num_classes=4).eval()
    for name, crosses in (("conv2", False), ("conv3", True), ("conv4", False), ("conv5", False)):
        layer = net.get_submodule(name)
        x = torch.randn(1, layer.conv.in_channels, 9, 9)
        changed = x.clone()
        changed[:, : x.shape[1] // 2] += 1
        before, after = layer(x), layer(changed)
        half = before.shape[1] // 2
        assert torch.equal(before[:, half:], after[:, half:]) != crosses, name


# What is printed of each, with its source; `within` is the last digit that is printed, or what the words "about" leave open.
PRINTED = [
    ("alexnet", "paper", "parameters", 60e6, 1e6, 'AlexNet, abstract: "60 million parameters"'),
    ("alexnet", "paper", "activations", 650_000, 10_000, 'AlexNet, abstract: "650,000 neurons"'),
    ("alexnet", "paper", "parameters", 60e6, 1e6, "MobileNets, Table 9"),
    ("alexnet", "paper", "macs", 720e6, 5e6, "MobileNets, Table 9"),
    ("alexnet", "released", "parameters", 61_100_840, 0, "torchvision 0.29.1, AlexNet_Weights"),
    ("alexnet", "released", "macs", 0.714e9, 0.0005e9, "torchvision 0.29.1, AlexNet_Weights"),
    ("vgg_16", "paper", "parameters", 138e6, 0.5e6, "VGG, Table 2, column D"),
    ("vgg_16", "paper", "parameters", 138_357_544, 0, "torchvision 0.29.1, VGG16_Weights"),
    ("vgg_16", "paper", "macs", 15.47e9, 0.005e9, "torchvision 0.29.1, VGG16_Weights"),
    ("vgg_16", "paper", "macs", 15_300e6, 200e6, "MobileNets, Table 8: the convolutions come to 15,347 million"),
    ("resnet_50", "paper", "macs", 3.8e9, 0.1e9, "ResNet, Table 1, whose FLOPs are multiply-adds"),
    ("resnet_50", "released", "parameters", 25_557_032, 0, "torchvision 0.29.1, ResNet50_Weights"),
    ("resnet_50", "released", "macs", 4.089e9, 0.0005e9, "torchvision 0.29.1, ResNet50_Weights"),
    ("mobilenet_v1", "paper", "macs", 569e6, 0.5e6, "MobileNets, Table 4"),
    ("mobilenet_v1", "paper", "parameters", 4.2e6, 0.05e6, "MobileNets, Table 4"),
]


@pytest.mark.parametrize(("name", "variant", "what", "printed", "within", "source"), PRINTED)
def test_what_is_printed_is_what_is_counted(name, variant, what, printed, within, source):
    counted = getattr(measure.cost(name, variant), what)
    assert abs(counted - printed) <= within, f"{source}: {printed:,.0f}, here {counted:,}"


def test_network_in_networks_weights_take_29_megabytes():
    """The authors say so of their file: megabytes of 2 ** 20, four bytes a number."""
    assert round(4 * measure.cost("network_in_network").parameters / 2**20) == 29


@pytest.mark.parametrize(
    ("width", "parameters", "macs"), [(0.75, 2.6e6, 325e6), (0.5, 1.3e6, 149e6), (0.25, 0.5e6, 41e6)]
)
def test_mobilenets_width_multiplier_is_width(width, parameters, macs):
    """Table 6 of its paper."""
    table = measure.cost("mobilenet_v1", width=width)
    assert abs(table.parameters - parameters) <= 0.06e6
    assert abs(table.macs - macs) <= 0.5e6
