"""The shared layers and blocks, in numbers."""

import pytest
import torch
from torch import fx, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from networks import layers
from networks.base import Scale, smallest_input
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths, Widths
from networks.inception_resnet_v1 import InceptionResNetC, ResidualWidths
from networks.inception_v2 import Fork, InceptionB
from networks.layers import Branches, ConvBNAct, ConvReLU, HalvingMaxPool, SeparableConv, average_pool, chain
from networks.xception import XceptionBlock
from utils.cost.table import profile


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 7), (7, 8), (147, 74), (1, 2)])
def test_halving_pool_pads_as_tensorflow_does(height, width):
    x = torch.randn(2, 3, height, width)
    pads = []
    for side in (width, height):  # what "SAME" means there: the surplus of an odd total goes to the far end
        total = max((-(-side // 2) - 1) * 2 + 3 - side, 0)
        pads += [total // 2, total - total // 2]
    expected = F.max_pool2d(F.pad(x, pads, value=-torch.inf), 3, stride=2)
    torch.testing.assert_close(HalvingMaxPool()(x), expected)


@pytest.mark.parametrize("side", [27, 28])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_reductions_join_grids_of_one_size(side, padding):
    widths = ReductionWidths(single=(4, 6), stacked=(4, 5, 7))
    out = ReductionA(8, widths, padding=padding)(torch.randn(1, 8, side, side))
    expected = -(-side // 2) if padding == "same" else (side - 3) // 2 + 1
    assert out.shape == (1, widths.out_channels(8), expected, expected)


def test_average_pool_counts_the_padding_or_not():
    ones = torch.ones(1, 1, 3, 3)
    torch.testing.assert_close(average_pool()(ones), ones)
    corner = average_pool(count_include_pad=True)(ones)[0, 0, 0, 0]
    assert corner == pytest.approx(4 / 9)


def test_chain_gives_stride_and_padding_to_its_last_convolution():
    branch = chain(3, (4, 1), (5, (1, 7)), (6, 3), stride=2, padding="valid")
    assert [layer.conv.stride for layer in branch] == [(1, 1), (1, 1), (2, 2)]
    assert [layer.conv.padding for layer in branch] == [(0, 0), (0, 3), (0, 0)]
    assert [layer.conv.out_channels for layer in branch] == [4, 5, 6]
    assert isinstance(chain(3, (4, 1), conv=ConvReLU)[0], ConvReLU)


def test_branches_are_joined_in_the_order_of_their_names():
    widths = Widths(pointwise=2, single=(2, 3), stacked=(2, 2, 4), pool=5)
    block = InceptionA(6, widths).eval()
    x = torch.randn(1, 6, 9, 9)
    views = [block.pointwise(x), block.single(x), block.stacked(x), block.pool(x)]
    torch.testing.assert_close(block(x), torch.cat(views, dim=1))
    assert [view.shape[1] for view in views] == [2, 3, 4, 5]
    assert isinstance(Fork(3, 4), Branches)


def test_factorised_kernels_alternate():
    widths = Widths(pointwise=2, single=(2, 2, 2), stacked=(2, 2, 2, 2, 2), pool=2)
    block = InceptionB(4, widths)
    kernels = [layer.conv.kernel_size for layer in (*block.single, *block.stacked)]
    assert kernels == [(1, 1), (1, 7), (7, 1), (1, 1), (7, 1), (1, 7), (7, 1), (1, 7)]


@pytest.mark.parametrize("activation", [True, False])
def test_residual_block_adds_a_scaled_residual(activation):
    widths = ResidualWidths(pointwise=2, single=(2, 3, 4))
    block = InceptionResNetC(5, widths, scale=0.3, activation=activation).eval()
    x = torch.randn(2, 5, 8, 8)
    residual = block.up(torch.cat([block.pointwise(x), block.single(x)], dim=1))
    expected = x + 0.3 * residual
    torch.testing.assert_close(block(x), expected.relu() if activation else expected)


def test_separable_convolution_is_two_convolutions():
    layer = SeparableConv(3, 5, depth_multiplier=8, kernel_size=7, stride=2)
    assert [tuple(parameter.shape) for parameter in layer.parameters()] == [(24, 1, 7, 7), (5, 24, 1, 1)]
    x = torch.randn(1, 3, 12, 12)
    weights = layer.depthwise.weight.view(3, 8, 7, 7)
    by_channel = [F.conv2d(x[:, c : c + 1], weights[c].unsqueeze(1), stride=2, padding=3) for c in range(3)]
    torch.testing.assert_close(layer(x), layer.pointwise(torch.cat(by_channel, dim=1)))


def test_xception_block_leaves_its_input_alone():
    block = XceptionBlock(4, (4, 4, 4)).eval()
    x = torch.randn(1, 4, 5, 5)
    before = x.clone()
    torch.testing.assert_close(block(x) - block.body(x), before, atol=1e-5, rtol=0)
    torch.testing.assert_close(x, before)
    assert isinstance(block.skip, nn.Identity)


def test_bias_and_epsilon_for_public_weights():
    layer = ConvBNAct(3, 4, kernel_size=1, bias=True, eps=1e-5)
    assert layer.conv.bias is not None
    assert layer.norm.eps == 1e-5
    assert ConvBNAct(3, 4, kernel_size=1).conv.bias is None


def test_scale_rounds_to_multiples_of_eight():
    assert [Scale(width=width).channels(64) for width in (0.01, 0.5, 1.0, 1.06, 1.07, 2)] == [8, 32, 64, 64, 72, 128]
    mini = Scale(size="mini")
    assert [mini.channels(width) for width in (16, 64, 120, 384, 728)] == [8, 8, 16, 40, 72]
    assert [mini.repeats(count) for count in (1, 2, 20)] == [1, 2, 2]
    assert [mini.stride(halving) for halving in (1, 2, 3, 4, 5)] == [1, 1, 2, 2, 2]
    assert Scale().widths(Widths(64, (48, 64), (64, 96, 96), 32)) == Widths(64, (48, 64), (64, 96, 96), 32)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(1, 1, 3, stride=2),
        nn.Conv2d(1, 1, 7, stride=2, padding=3),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        nn.MaxPool2d(2, stride=2, ceil_mode=True),
        nn.AvgPool2d(5, stride=3),
        HalvingMaxPool(),
    ],
    ids=str,
)
@pytest.mark.parametrize("output", [1, 2, 5])
def test_smallest_input_is_exact_for_one_layer(layer, output):
    def out(side: int) -> int:
        try:
            return layer(torch.zeros(1, 1, side, side)).shape[-1]
        except RuntimeError:
            return 0

    assert smallest_input(layer, output) == next(side for side in range(1, 40) if out(side) >= output)


# --- A 1 x 1 as one matrix product ---------------------------------------------------------------------------------------

WIDE = 768, 192  # 2 ** 17 weights and more
NEVER = dict.fromkeys(layers.ONE_PRODUCT_PLACES, 0)


def wide_grid(count: int = 8, side: int = 6) -> torch.Tensor:
    return torch.randn(count, WIDE[0], side, side).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "make", [ConvBNAct, ConvReLU, lambda *widths, kernel_size: SeparableConv(*widths)], ids=["BN", "ReLU", "separable"]
)
def test_one_product_gives_what_the_convolution_gives(make, monkeypatch):
    layer = make(*WIDE, kernel_size=1)
    results = []
    for places in (layers.ONE_PRODUCT_PLACES, NEVER):
        monkeypatch.setattr(layers, "ONE_PRODUCT_PLACES", places)
        torch.manual_seed(0)
        x = wide_grid().requires_grad_()
        y = layer(x)
        assert y.is_contiguous(memory_format=torch.channels_last)
        results.append([y, *torch.autograd.grad(y.square().mean(), [x, *layer.parameters()])])
    for ours, torchs in zip(*results, strict=True):
        assert (ours - torchs).abs().max() <= 1e-6 * torchs.abs().max()


def test_a_residual_block_too(monkeypatch):
    block = InceptionResNetC(2080, ResidualWidths(pointwise=192, single=(192, 224, 256))).eval()
    x = torch.randn(4, 2080, 4, 4).contiguous(memory_format=torch.channels_last)
    assert layers.is_faster_as_one_product(block.up, torch.cat([branch(x) for branch in block.branches()], dim=1))
    ours = block(x)
    monkeypatch.setattr(layers, "ONE_PRODUCT_PLACES", NEVER)
    torch.testing.assert_close(ours, block(x), rtol=1e-6, atol=1e-6)


def watched(layer: nn.Module) -> nn.Module:
    layer.register_forward_pre_hook(lambda *_: None)
    return layer


def changed(**options) -> nn.Conv2d:
    return nn.Conv2d(*WIDE, **{"kernel_size": 1} | options)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        pytest.param(changed(), wide_grid().contiguous(), id="channels first"),
        pytest.param(changed(), wide_grid(1), id="one image"),
        pytest.param(changed(), wide_grid(8, side=17), id="a large grid"),
        pytest.param(changed(), wide_grid(16), id="16 images, 576 places"),
        pytest.param(changed(), wide_grid().double(), id="float64"),
        pytest.param(changed(), wide_grid().to("meta"), id="meta"),
        pytest.param(changed(), wide_grid()[0], id="an image"),
        pytest.param(changed(), wide_grid()[:, ::2], id="every second channel"),
        pytest.param(nn.Conv2d(768, 32, 1), wide_grid(), id="few weights"),
        pytest.param(changed(stride=2), wide_grid(), id="stride"),
        pytest.param(changed(padding=1), wide_grid(), id="padding"),
        pytest.param(changed(groups=2), wide_grid(), id="groups"),
        pytest.param(changed(kernel_size=(1, 3)), wide_grid(), id="1 x 3"),
        pytest.param(nn.BatchNorm2d(768), wide_grid(), id="another layer"),
        pytest.param(nn.utils.parametrizations.weight_norm(changed()), wide_grid(), id="weight_norm"),
        pytest.param(watched(changed()), wide_grid(), id="a hook"),
    ],
)
def test_one_product_is_for_plain_convolutions_that_gain_by_it(layer, x):
    assert layers.is_faster_as_one_product(changed(), wide_grid())
    assert not layers.is_faster_as_one_product(layer, x)


def on(threads: int, holds) -> bool:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return holds()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("threads", "count", "side", "gains"),
    [
        *[(1, 2, 2, True), (1, 15, 11, True), (1, 15, 12, False)],  # torch multiplies image by image
        *[(1, 16, 5, True), (1, 100, 2, True), (1, 16, 6, False)],  # oneDNN does it
        *[(2, 2, 14, True), (2, 8, 7, True), (2, 8, 8, False), (2, 1, 2, False), (3, 8, 2, False)],
    ],
)
def test_one_product_is_for_few_places(threads, count, side, gains):
    assert on(threads, lambda: layers.is_faster_as_one_product(changed(), wide_grid(count, side))) is gains


def test_one_product_is_not_for_autocast_or_hooks():
    conv, x = changed(), wide_grid()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not layers.is_faster_as_one_product(conv, x)
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    assert not layers.is_faster_as_one_product(conv, x)
    handle.remove()
    assert layers.is_faster_as_one_product(conv, x)


def test_who_takes_a_network_down_sees_the_convolution():
    layer, x = ConvBNAct(*WIDE, kernel_size=1).to(memory_format=torch.channels_last).eval(), wide_grid()
    assert layers.is_faster_as_one_product(layer.conv, x)
    graph = fx.symbolic_trace(layer).graph
    assert [node.target for node in graph.nodes if node.op == "call_module"] == ["conv", "norm", "activation"]
    exported = torch.export.export(layer, (x,)).graph
    kinds = [str(node.target) for node in exported.nodes]
    assert any("conv2d" in kind for kind in kinds) and not any("linear" in kind for kind in kinds)
    kinds = str(torch.jit.trace(layer, x).inlined_graph)
    assert "aten::_convolution" in kinds and "aten::linear" not in kinds
    seen = []
    layer.conv.register_forward_hook(lambda *_: seen.append("conv"))
    layer(x)
    assert seen == ["conv"]


def test_one_product_costs_what_the_convolution_costs():
    layer, x = ConvBNAct(*WIDE, kernel_size=1).eval(), wide_grid()
    for images in (x, x.contiguous()):
        with FlopCounterMode(display=False) as counter:
            layer(images)
        assert counter.get_total_flops() == 2 * 8 * 6 * 6 * 768 * 192
    assert profile(layer, (768, 6, 6)).macs == 6 * 6 * 768 * 192
    assert repr(layer.conv) == "Conv2d(768, 192, kernel_size=(1, 1), stride=(1, 1), bias=False)"


# --- A ReLU in place ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [ConvBNAct, ConvReLU])
@pytest.mark.parametrize("training", [True, False])
def test_a_relu_in_place_changes_no_number(make, training, monkeypatch):
    layer = make(6, 8, kernel_size=3).train(training)
    x = torch.randn(4, 6, 7, 7, requires_grad=True)
    kept, results = x.detach().clone(), []
    for overwrites in (layers.may_overwrite, lambda *_: False):
        monkeypatch.setattr(layers, "may_overwrite", overwrites)
        y = layer(x)
        results.append([y, *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])])
    assert all(torch.equal(ours, torchs) for ours, torchs in zip(*results, strict=True)) and torch.equal(x, kept)


@pytest.mark.parametrize(("make", "before"), [(ConvBNAct, "norm"), (ConvReLU, "conv")])
def test_who_looks_at_a_layer_sees_what_it_puts_out(make, before):
    layer, x = make(6, 8, kernel_size=3), torch.randn(4, 6, 7, 7)
    assert layers.may_overwrite(layer.activation, getattr(layer, before), x)
    seen = []
    getattr(layer, before).register_forward_hook(lambda _module, _given, out: seen.append(out))
    layer(x)
    assert (seen[0] < 0).any()
    handle = nn.modules.module.register_module_forward_hook(lambda _module, _given, out: seen.append(out))
    make(6, 8, kernel_size=3)(x)
    handle.remove()
    assert any((out < 0).any() for out in seen[1:])


def test_what_comes_in_is_never_written_into():
    x = torch.randn(2, 6, 5, 5)
    kept = x.clone()
    for given in (
        layers.Layers(nn.ReLU()),
        layers.Layers(nn.Identity(), nn.ReLU()),
        layers.Layers(nn.Dropout(), nn.ReLU()),
    ):
        given.eval()(x)
        assert torch.equal(x, kept)
    folded = ConvReLU(6, 6, kernel_size=1)
    folded.conv = nn.Identity()
    assert torch.equal(folded(x), x.relu()) and torch.equal(x, kept)


def test_a_relu_is_not_in_place_behind_one_product():
    """There it would have to find its way through a view, forward and back."""
    layer, x = ConvReLU(*WIDE, kernel_size=1), wide_grid()
    y = layers.convolve(layer.conv, x)
    assert y._base is not None and not layers.may_overwrite(layer.activation, layer.conv, y)


def test_a_watched_relu_is_called():
    layer, x, seen = ConvBNAct(6, 8, kernel_size=3), torch.randn(4, 6, 7, 7), []
    layer.activation.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    layer(x)
    assert (seen[0] < 0).any()
