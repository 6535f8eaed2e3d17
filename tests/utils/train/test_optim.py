"""What moves the weights: RMSProp with its epsilon inside and outside of the root, weight decay, the average."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.utils.tiny import TinyNet, tiny_data
from utils.train.loop import fit
from utils.train.optim import RMSPropTF, WeightAverage, optimizer_of
from utils.train.recipe import Recipe

RECIPE = Recipe(optimizer="rmsprop", learning_rate=0.05, momentum=0.8, rms_decay=0.7, epsilon=1.0)


def rmsprop(weight: float, gradients: list[float], *, decay: float, inside: bool) -> list[float]:
    """The weight after each step, from the formulas, one number at a time in float64."""
    rate, momentum, keep, eps = RECIPE.learning_rate, RECIPE.momentum, RECIPE.rms_decay, RECIPE.epsilon
    square, buffer, weights = 1.0 if inside else 0.0, 0.0, []
    for gradient in gradients:
        gradient += decay * weight
        square = keep * square + (1 - keep) * gradient**2
        if inside:
            buffer = momentum * buffer + rate * gradient / math.sqrt(square + eps)
            weight -= buffer
        else:
            buffer = momentum * buffer + gradient / (math.sqrt(square) + eps)
            weight -= rate * buffer
        weights.append(weight)
    return weights


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_rmsprop_step_by_step(inside, decay):
    gradients = [0.5, -2.0, 0.01, 0.0, 3.0, 0.3]
    net = nn.Linear(1, 1).double()
    with torch.no_grad():
        net.weight.fill_(0.4)
        net.bias.fill_(-0.2)
    optimizer = optimizer_of(net, replace(RECIPE, epsilon_inside=inside, weight_decay=decay))
    found = []
    for gradient in gradients:
        net.weight.grad = torch.full((1, 1), gradient, dtype=torch.float64)
        net.bias.grad = torch.full((1,), gradient, dtype=torch.float64)
        optimizer.step()
        found.append((net.weight.item(), net.bias.item()))
    expected = zip(
        rmsprop(0.4, gradients, decay=decay, inside=inside),
        rmsprop(-0.2, gradients, decay=0.0, inside=inside),  # no decay on a bias
        strict=True,
    )
    for weights, wanted in zip(found, expected, strict=True):
        assert weights == pytest.approx(wanted, rel=1e-12)


def test_inside_and_outside_are_far_apart_with_the_papers_epsilon():
    """What the docstring says of the first step: a gradient of 0.01 is divided by about 1.4, or by about 1.003."""
    moved = {}
    for inside in (True, False):
        weight = nn.Parameter(torch.zeros(2, 1, dtype=torch.float64))
        holder = nn.ParameterList([weight])
        recipe = replace(RECIPE, learning_rate=1.0, rms_decay=0.9, epsilon_inside=inside)
        optimizer = optimizer_of(holder, recipe)
        weight.grad = torch.full_like(weight, 0.01)
        optimizer.step()
        moved[inside] = 0.01 / -weight[0].item()
    assert moved == {True: pytest.approx(1.378, abs=1e-3), False: pytest.approx(1.003, abs=1e-3)}


def test_rmsprop_takes_a_closure_and_skips_what_has_no_gradient():
    used, unused = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    optimizer = RMSPropTF([used, unused], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = used.square().sum()
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(5)]
    assert losses == sorted(losses, reverse=True) and losses[0] == 4.0
    assert torch.equal(unused, torch.ones(2, 2))
    assert len(optimizer.state) == 1


def test_rmsprops_state_goes_on_in_another_optimizer():
    def weights(steps: int, changed_at: int) -> torch.Tensor:
        weight = nn.Parameter(torch.linspace(-1, 1, 6).view(2, 3))
        optimizer = RMSPropTF([weight], lr=0.1, momentum=0.9, eps=1.0)
        for step in range(steps):
            if step == changed_at:
                state, optimizer = optimizer.state_dict(), RMSPropTF([weight], lr=0.3)
                optimizer.load_state_dict(state)
            weight.grad = weight.detach().sin()
            optimizer.step()
        return weight.detach()

    assert torch.equal(weights(6, changed_at=3), weights(6, changed_at=-1))


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
def test_decay_moves_weights_and_leaves_biases_and_norms(name):
    net = TinyNet()
    nn.init.ones_(net[0].bias)
    before = {name: value.clone() for name, value in net.named_parameters()}
    optimizer = optimizer_of(net, Recipe(optimizer=name, learning_rate=0.1, weight_decay=0.5))
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    moved = {name for name, value in net.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {"0.weight", "6.weight"}


# --- the average ------------------------------------------------------------------------------------------------------


def test_the_average_follows_with_a_decay_that_warms_up():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).double()
    average = WeightAverage(net, 0.5)
    weight, mean = net[0].weight, net[1].running_mean
    expected = expected_mean = None
    for t in range(12):
        with torch.no_grad():
            weight.copy_(torch.randn(2, 3))
            mean.copy_(torch.randn(2))
            net[1].num_batches_tracked += 1
        decay = min(0.5, (1 + t) / (10 + t))
        expected = weight.clone() if t == 0 else decay * expected + (1 - decay) * weight
        expected_mean = mean.clone() if t == 0 else decay * expected_mean + (1 - decay) * mean
        average.update_parameters(net)
        torch.testing.assert_close(average.module[0].weight.detach(), expected.detach())
        torch.testing.assert_close(average.module[1].running_mean, expected_mean)
    assert average.decay_after(8) == 0.5 == average.decay_after(1000)
    assert average.module[1].num_batches_tracked == 12


def test_a_run_with_an_average_tests_both(monkeypatch):
    used = []
    update = WeightAverage.update_parameters

    def spy(self, net):
        update(self, net)
        used.append({name: value.clone() for name, value in net.state_dict().items()})

    monkeypatch.setattr(WeightAverage, "update_parameters", spy)
    data, recipe = tiny_data(), Recipe(epochs=3, batch_size=16, learning_rate=0.05, averaging=0.8)
    run = fit(TinyNet, data, recipe, show=False)
    assert len(used) == 12  # after every step
    expected = used[0]["0.weight"]
    for t, weights in enumerate(used[1:], start=1):
        decay = min(0.8, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * weights["0.weight"]
    torch.testing.assert_close(run.averaged[0].weight, expected)
    assert not torch.equal(run.net[0].weight, run.averaged[0].weight)
    assert not run.averaged.training and not run.averaged[0].weight.requires_grad

    plain = fit(TinyNet, data, replace(recipe, averaging=None), show=False)
    assert plain.averaged is None and plain.column("averaged_accuracy") == [None] * 3
    assert torch.equal(plain.net[0].weight, run.net[0].weight)  # looking at an average changes nothing
    assert plain.column("test_loss") == run.column("test_loss") != run.column("averaged_loss")
    assert all(0 <= accuracy <= 1 for accuracy in run.column("averaged_accuracy"))
