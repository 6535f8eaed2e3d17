"""Networks made ready for a CPU: the same logits, from fewer layers."""

import copy
import operator

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from networks.catalog import create
from networks.inference import PackedConv, frozen
from tests.networks.test_anywhere import EACH, original, pictures


@EACH
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_logits_are_the_networks(name, variant, memory):
    """For images like those it was made with, and for others."""
    net = copy.deepcopy(original(name, variant)).to(memory_format=memory)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    fast = frozen(net, pictures(4).contiguous(memory_format=memory))
    kinds = {type(module) for module in fast.modules()}
    assert PackedConv in kinds and not kinds & {nn.Conv2d, nn.BatchNorm2d}
    if name.startswith("inception_resnet"):
        assert not fast.graph.find_nodes(op="call_function", target=operator.mul), "a scale is left"
    for count, side in ((4, 32), (1, 32), (3, 48)):
        images = pictures(count, side).contiguous(memory_format=memory)
        with torch.no_grad():
            expected, found = net(images), fast(images)
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
        assert not fast(images).requires_grad
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_a_relu_that_others_do_not_wait_for_is_done_with_its_convolution():
    net = original("xception")
    fast = frozen(net, pictures())
    stays = sum(isinstance(module, nn.ReLU) for module in fast.modules())
    with_relu = sum(getattr(module, "activation", "") == "relu" for module in fast.modules())
    assert with_relu > 0 and stays + with_relu == sum(isinstance(module, nn.ReLU) for module in net.modules())


def test_what_cannot_be_frozen_is_told(monkeypatch):
    net = copy.deepcopy(original("inception_v3"))
    with pytest.raises(ValueError, match="images has 1 channels"):
        frozen(net, torch.zeros(2, 1, 32, 32))
    with pytest.raises(ValueError, match=r"in training mode.*Call net.eval\(\) first"):
        frozen(net.train(), pictures())
    net.eval()
    with pytest.raises(ValueError, match=r"is torch.float64 on cpu; what is frozen runs on a CPU in torch.float32"):
        frozen(copy.deepcopy(net).double(), pictures())
    with torch.device("meta"), pytest.raises(ValueError, match="on meta"):
        frozen(create("inception_v3", size="mini").eval(), pictures())
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no oneDNN"):
        frozen(net, pictures())


def hooked(conv, _norm):
    conv.register_forward_hook(lambda _module, _inputs, output: 2 * output)


def pruned(conv, _norm):
    prune.random_unstructured(conv, "weight", 0.5)


def weight_normed(conv, _norm):
    nn.utils.parametrizations.weight_norm(conv)


def in_training(_conv, norm):
    norm.train()


def without_statistics(_conv, norm):
    norm.running_mean = norm.running_var = None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (hooked, "has forward hooks"),
        (pruned, r"prune.remove\(layer"),
        (weight_normed, "remove_parametrizations"),
        (in_training, r"in training mode.*Call net.eval\(\) first"),
        (without_statistics, "keeps no running statistics"),
    ],
)
def test_what_folding_would_leave_out_is_told(change, words):
    net = copy.deepcopy(original("bn_inception"))
    conv, norm = (
        next(each for each in net.modules() if isinstance(each, kind)) for kind in (nn.Conv2d, nn.BatchNorm2d)
    )
    change(conv, norm)
    with pytest.raises(ValueError, match=words):
        frozen(net, pictures())


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (pictures().double(), "torch.float64"),
        (
            pictures().to(torch.uint8),
            r"images are torch.uint8 \(2, 3, 32, 32\) on cpu; .* takes torch.float32 \(N, 3, H, W\)",
        ),
        (pictures()[:, :1], r"\(2, 1, 32, 32\)"),
        (pictures()[0], r"\(3, 32, 32\)"),
        ([1, 2], r"images are \[1, 2\]"),
    ],
)
def test_a_frozen_network_says_what_images_it_takes(images, words):
    fast = frozen(original("bn_inception"), pictures())
    with pytest.raises(ValueError, match=words):
        fast(images)


def test_a_frozen_network_gives_no_auxiliary_logits():
    fast = frozen(original("googlenet"), pictures())
    with pytest.raises(ValueError, match="gives its logits alone"):
        fast(pictures(), with_aux=True)
    assert fast(images=pictures()).shape == (2, 10)
