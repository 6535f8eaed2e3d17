"""The quick way to trace a network against the thorough one, and when it is left."""

import inspect
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks.catalog import NETWORKS, RELATIVES, create, entry
from utils.cost import trace as module_under_test
from utils.cost.trace import Trace, _NotQuick, _trace_quickly, _trace_thoroughly, trace

THOROUGH = ("alexnet", "vgg_16")  # the ReLUs of their dense layers are no grids, which the quick way leaves
CASES = [
    (each.name, variant, size, heads)
    for each in (*NETWORKS, *RELATIVES)
    for variant in each.variants[: 1 + each.released_differs]
    for size in ("full", "mini")
    for heads in (False, True)
    if each.name not in THOROUGH and (each.aux_heads or not heads)
]


def side_of(name: str, size: str) -> int:
    return 32 if size == "mini" else entry(name).input_size


def assert_equal(quick: Trace, thorough: Trace) -> None:
    assert quick.operations == thorough.operations
    assert [vars(call) for call in quick.calls] == [vars(call) for call in thorough.calls]
    assert quick.parameters == thorough.parameters
    assert list(quick.parameters) == list(thorough.parameters)
    assert quick.unread == thorough.unread
    assert quick.image_shape == thorough.image_shape


@pytest.mark.parametrize("name", THOROUGH)
def test_a_network_that_the_quick_way_leaves_is_traced_thoroughly(name):
    with torch.device("meta"):
        net = create(name, size="mini")
    with pytest.raises(_NotQuick):
        _trace_quickly(net, (3, 32, 32))
    assert_equal(trace(net, (3, 32, 32)), _trace_thoroughly(net, (3, 32, 32)))


@pytest.mark.parametrize(("name", "variant", "size", "heads"), CASES)
def test_both_ways_agree_on_every_network(name, variant, size, heads):
    with torch.device("meta"):
        net = create(name, variant=variant, size=size, aux_heads=heads)
    shape = (3, side_of(name, size), side_of(name, size))
    assert_equal(_trace_quickly(net, shape), _trace_thoroughly(net, shape))


def layers(*modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 6, 3), *modules)


SMALL = {
    "bias": layers(nn.Conv2d(6, 4, 1, bias=True)),
    "no bias": layers(nn.Conv2d(6, 4, 1, bias=False)),
    "grouped, dilated, strided": layers(nn.Conv2d(6, 8, (3, 2), stride=(2, 1), padding=(2, 0), dilation=2, groups=2)),
    "normalisation without parameters": layers(nn.BatchNorm2d(6, affine=False)),
    "normalisation in place": layers(nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.ReLU()),
    "pools": layers(nn.MaxPool2d(3, 2), nn.MaxPool2d(2, ceil_mode=True), nn.AvgPool2d(3, 1, 1)),
    "pools that round up": layers(nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2, 2, ceil_mode=True)),
    "dilated pool": layers(nn.MaxPool2d(3, 1, 1, dilation=2)),
    "other activations": layers(nn.GELU(), nn.Sigmoid()),
    "response normalisation": layers(nn.LocalResponseNorm(5)),
    "global pool": layers(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(6, 5), nn.Identity()),
    "upsampled": layers(nn.Upsample(scale_factor=2), nn.ZeroPad2d(1)),
}


@pytest.mark.parametrize("net", SMALL.values(), ids=SMALL)
def test_both_ways_agree_on_each_layer(net):
    assert_equal(_trace_quickly(net, (3, 23, 18)), _trace_thoroughly(net, (3, 23, 18)))


class Shared(nn.Module):
    """One convolution called twice, sums, products and concatenations between."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.dense = nn.Linear(6, 6, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        once = self.conv(x)
        twice = self.conv(once)
        sums = torch.cat([once + 0.5 * twice, F.relu(twice) * once], dim=1)
        tall = torch.cat([sums, sums], dim=2) + sums.mean((2, 3), keepdim=True)
        return self.dense(tall.mean((2, 3)))


def test_both_ways_agree_on_what_stands_between_layers():
    net = Shared()
    assert_equal(_trace_quickly(net, (3, 9, 9)), _trace_thoroughly(net, (3, 9, 9)))


class OwnParameter(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.gain = nn.Parameter(torch.ones(1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * self.gain


class ReadsWeight(nn.Module):
    """Uses a child's weight without calling the child."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.conv.weight - self.conv.weight.mean())


NOT_QUICK = {
    "a parameter of its own": OwnParameter(),
    "transposed": nn.ConvTranspose2d(3, 4, 2),
    "padding in words": nn.Conv2d(3, 4, 3, padding="same"),
    "reflected": nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
    "group norm": nn.Sequential(nn.Conv2d(3, 4, 1), nn.GroupNorm(2, 4)),
}


@pytest.mark.parametrize("net", NOT_QUICK.values(), ids=NOT_QUICK)
def test_other_networks_take_the_thorough_way(net):
    with pytest.raises(_NotQuick):
        _trace_quickly(net, (3, 8, 8))
    assert_equal(trace(net, (3, 8, 8)), _trace_thoroughly(net, (3, 8, 8)))


def test_a_childs_weight_used_elsewhere_is_still_traced():
    net = ReadsWeight()
    found, expected = trace(net, (3, 8, 8)), _trace_thoroughly(net, (3, 8, 8))
    assert found.operations[-1].macs == expected.operations[-1].macs == 3 * 4 * 64
    assert found.unread == expected.unread


@pytest.mark.parametrize("net", [SMALL["normalisation in place"], layers(nn.Conv2d(7, 1, 1))], ids=["works", "fails"])
def test_the_module_is_afterwards_as_it_was(net):
    net.train()
    net[1].eval()

    def own_forward(x: Tensor) -> Tensor:
        return type(net[0]).forward(net[0], x)

    net[0].forward = own_forward
    weights = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    try:
        trace(net, (3, 9, 9))
    except ValueError as error:
        assert "cannot take an image of 3 x 9 x 9" in str(error)
    assert net[0].__dict__.pop("forward") is own_forward
    assert all("forward" not in child.__dict__ for child in net.modules())
    assert net.training
    assert net[0].training
    assert not net[1].training
    assert all(torch.equal(weights[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in net.modules())


def test_a_network_of_the_family_takes_the_quick_way(monkeypatch):
    monkeypatch.setattr(module_under_test, "_trace_thoroughly", lambda *_: pytest.fail("the thorough way was taken"))
    net = create("inception_resnet_v2", size="mini")
    assert trace(net, (3, 32, 32)).operations


def test_a_module_with_two_names_is_afterwards_as_it_was():
    net = nn.ModuleDict({"one": nn.Conv2d(2, 2, 1), "two": nn.Conv2d(3, 2, 1)})
    net["again"] = net["one"]

    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = net

        def forward(self, x):
            return self.parts["two"](self.parts["again"](x))

    module = Fails()
    weights = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(ValueError, match="cannot take an image"):
        trace(module, (2, 5, 5))
    assert all(torch.equal(weights[name], tensor) for name, tensor in module.state_dict().items())


class Filled(nn.Module):
    """Two windows whose results are written into the halves of a buffer, and a third that reads it."""

    def __init__(self, make):
        super().__init__()
        self.three, self.five, self.last = nn.Conv2d(2, 3, 3, 1, 1), nn.Conv2d(2, 3, 5, 1, 2), nn.Conv2d(6, 2, 3)
        self.make = make

    def forward(self, x):
        out = self.make(x)
        out[:, :3] = self.three(x)
        out[:, 3:] = self.five(x)
        return self.last(out)


@pytest.mark.parametrize(
    "make", [lambda x: x.new_empty(1, 6, 9, 9), lambda x: torch.zeros(1, 6, 9, 9, device=x.device)]
)
def test_what_is_written_into_a_part_is_read_with_the_whole(make):
    record = trace(Filled(make), (2, 9, 9))
    convolutions = [operation for operation in record.operations if operation.name == "convolution"]
    seen, waiting = set(), [convolutions[2].index]
    while waiting:
        seen.add(place := waiting.pop())
        waiting += record.operations[place].reads if place >= 0 else ()
    assert {convolutions[0].index, convolutions[1].index} <= seen
    assert convolutions[2].receptive_field.size == (7, 7)


class Looped(nn.Module):
    """A layer in a list that is run through, and an operation of its own."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 1), nn.ReLU()])

    def forward(self, x):
        y = [layer(x) for layer in self.layers]  # called here
        return torch.cat(y)  # and joined here


def test_the_lines_of_calls_are_noted_where_they_are_asked_for():
    lines = inspect.getsource(sys.modules[__name__]).splitlines()
    for record in (
        trace(Looped(), (3, 4, 4), with_lines=True),
        _trace_thoroughly(Looped(), (3, 4, 4), with_lines=True),
    ):
        assert record.calls[0].lines == ()
        for call in record.calls[1:]:
            assert {lines[number - 1].partition("# ")[2] for _, number in call.lines} == {"called here"}
        (joined,) = (operation for operation in record.operations if operation.name == "cat")
        own = [
            number for code, number in joined.lines if code.co_filename == __file__
        ]  # torch's own code may lie between
        assert [lines[number - 1].partition("# ")[2] for number in own] == ["and joined here"]
    plain = trace(Looped(), (3, 4, 4))
    assert not any(each.lines for each in (*plain.calls, *plain.operations))
