"""The measures along the gradient, on functions where the answers are known, and without a trace left in the network."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lessons.batch_norm.landscape import Landscape, covariate_shift, landscape


class Point(nn.Module):
    """A network that puts out its weights, whatever comes in: the loss is a function of the weights alone."""

    def __init__(self, start):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start, dtype=torch.float64))

    def forward(self, _images):
        return self.weight


def quadratic(curvature):
    """0.5 sum c_i w_i^2: the gradient is c w, the Hessian has c on its diagonal."""
    return lambda weight, _labels: 0.5 * (torch.tensor(curvature, dtype=torch.float64) * weight**2).sum()


NOTHING = torch.zeros(1), torch.zeros(1)


def test_on_a_round_quadratic_every_figure_is_known():
    # L = 1.5 |w|^2, g = 3 w: after a step t the weights are (1 - 3 t) w, so the loss shrinks by (1 - 3 t)^2, the
    # gradient changes by 3 t |g|, and that over t |g| is the curvature.
    net = Point([3.0, 4.0])
    found = landscape(net, *NOTHING, step_sizes=(0.1, 0.5, 1.0), loss=quadratic([3.0, 3.0]))
    start = 1.5 * 25
    assert found.loss_low == pytest.approx(start * 0.5**2)
    assert found.loss_high == pytest.approx(start * 2**2)
    assert found.gradient_change_low == pytest.approx(3 * 0.1 * 15)
    assert found.gradient_change_high == pytest.approx(3 * 1.0 * 15)
    assert found.smoothness == pytest.approx(3)


def test_on_a_long_valley_the_smoothness_is_between_the_curvatures():
    steep, flat = 10.0, 1.0
    net = Point([1.0, 2.0])
    gradient = torch.tensor([steep * 1, flat * 2])
    found = landscape(net, *NOTHING, step_sizes=(0.01, 0.3), loss=quadratic([steep, flat]))
    expected = torch.tensor([steep * gradient[0], flat * gradient[1]]).norm() / gradient.norm()
    assert found.smoothness == pytest.approx(expected.item())
    assert flat < found.smoothness < steep


def test_where_the_loss_is_linear_nothing_changes():
    found = landscape(Point([1.0, 2.0]), *NOTHING, step_sizes=(1, 2), loss=lambda weight, _: weight.sum())
    assert found == Landscape(3 - 4, 3 - 2, 0, 0, 0)


def test_a_step_beyond_all_numbers_shows_as_such():
    def explode(weight, _labels):
        return torch.exp(weight * weight).sum()

    found = landscape(Point([5.0]), *NOTHING, step_sizes=(1e-13, 10.0), loss=explode)
    assert math.isinf(found.loss_high) and math.isfinite(found.loss_low)
    assert not math.isfinite(found.smoothness)


class Product(nn.Module):
    """One weight after another: w2 w1 x."""

    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = nn.Linear(1, 1, bias=False).double(), nn.Linear(1, 1, bias=False).double()
        with torch.no_grad():
            self.first.weight.fill_(first)
            self.second.weight.fill_(second)

    def forward(self, images):
        return self.second(self.first(images))


def test_covariate_shift_of_a_product_is_known():
    # L = w2 w1 x: dL/dw2 = w1 x, dL/dw1 = w2 x. One step on w1 alone changes dL/dw2 by - rate * w2 x * x.
    net, images = Product(2.0, 5.0), torch.tensor([[3.0]], dtype=torch.float64)
    distance, cosine = covariate_shift(
        net, images, images, learning_rate=0.1, layer="second", loss=lambda out, _labels: out.sum()
    )
    assert distance == pytest.approx(0.1 * 5 * 3 * 3)
    assert cosine == pytest.approx(1)
    _, cosine = covariate_shift(
        net, images, images, learning_rate=1.0, layer="second", loss=lambda out, _labels: out.sum()
    )
    assert cosine == pytest.approx(-1)  # w1 becomes 2 - 15: the gradient of w2 turns round


def network():
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 10),
    )  # fmt: skip
    net[5].eval()  # as somebody fine-tunes: one normalisation frozen
    return net


def test_the_network_is_left_as_it_was():
    net = network()
    images, labels = torch.randn(8, 3, 9, 9), torch.randint(10, (8,))
    cross_entropy(net(images), labels).backward()
    state, modes = copy.deepcopy(net.state_dict()), [module.training for module in net.modules()]
    gradients = [parameter.grad.clone() for parameter in net.parameters()]
    random_numbers = torch.get_rng_state()

    first = landscape(net, images, labels, step_sizes=(0.1, 1.0))
    shift = covariate_shift(net, images, labels, learning_rate=0.1, layer="4")
    assert first == landscape(net, images, labels, step_sizes=(0.1, 1.0)), "dropout draws the same every time"
    assert shift == covariate_shift(net, images, labels, learning_rate=0.1, layer="4")

    assert torch.equal(torch.get_rng_state(), random_numbers)
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    for parameter, before in zip(net.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, before) and parameter.requires_grad and parameter.is_leaf
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_it_agrees_with_steps_made_by_hand():
    net = network().train()
    net[3] = nn.Identity()
    images, labels = torch.randn(8, 3, 9, 9), torch.randint(10, (8,))

    def gradient(other):
        other.zero_grad()
        value = cross_entropy(other(images), labels)
        value.backward()
        return value.item(), {name: parameter.grad.clone() for name, parameter in other.named_parameters()}

    def flat(slopes):
        return torch.cat([slope.flatten() for slope in slopes.values()])

    _, here = gradient(copy.deepcopy(net))
    stepped = copy.deepcopy(net)
    with torch.no_grad():
        for name, parameter in stepped.named_parameters():
            parameter -= 0.5 * here[name]
    loss_there, there = gradient(stepped)
    found = landscape(net, images, labels, step_sizes=(0.5,))
    change = (flat(there) - flat(here)).norm().item()
    assert found.loss_low == found.loss_high == pytest.approx(loss_there, rel=1e-5)
    assert found.gradient_change_low == found.gradient_change_high == pytest.approx(change, rel=1e-4)
    assert found.smoothness == pytest.approx(change / (0.5 * flat(here).norm().item()), rel=1e-4)

    stepped = copy.deepcopy(net)
    with torch.no_grad():
        for name, parameter in stepped.named_parameters():
            if name.split(".")[0] in ("0", "1"):  # what runs before the second convolution
                parameter -= 0.5 * here[name]
    _, there = gradient(stepped)
    old, new = (
        flat({n: s for n, s in here.items() if n[0] == "4"}),
        flat({n: s for n, s in there.items() if n[0] == "4"}),
    )
    distance, cosine = covariate_shift(net, images, labels, learning_rate=0.5, layer="4")
    assert distance == pytest.approx((new - old).norm().item(), rel=1e-4)
    assert cosine == pytest.approx(torch.cosine_similarity(old, new, dim=0).item(), rel=1e-4)


@pytest.mark.parametrize("sizes", [(), (0.1, 0.0), (0.1, -1.0), (math.nan,)])
def test_step_sizes_that_cannot_be(sizes):
    with pytest.raises(ValueError, match=r"step_sizes is .* one or more numbers above zero"):
        landscape(Point([1.0]), *NOTHING, step_sizes=sizes, loss=quadratic([1.0]))


def test_layers_that_cannot_be():
    net, batch = network(), (torch.randn(4, 3, 9, 9), torch.randint(10, (4,)))
    with pytest.raises(ValueError, match=r"layer is 'five'; it must be one with parameters, such as 0, 1, 4, 5, 9"):
        covariate_shift(net, *batch, learning_rate=0.1, layer="five")
    with pytest.raises(ValueError, match="no layer with parameters runs before it"):
        covariate_shift(net, *batch, learning_rate=0.1, layer="0")
    with pytest.raises(ValueError, match="learning_rate is 0; it must be a number above zero"):
        covariate_shift(net, *batch, learning_rate=0, layer="4")
    with pytest.raises(ValueError, match="no parameter that is trained"):
        landscape(nn.ReLU(), *batch, step_sizes=(0.1,))
