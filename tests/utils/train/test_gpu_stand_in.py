"""A whole training step of every mini network on a stand-in for a GPU: torch's device `meta`, every operation watched.

A tensor that is made on the wrong device meets one of `meta` there and stops the step, and a value that Python wants to
know (`.item()`, a branch, `.cpu()`), for which a GPU would have to be waited for, is not there to be known.
"""

import contextlib
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from course.paper_recipes import RECIPES
from networks.catalog import create, names
from utils.data.sets import load
from utils.train.engine import Training
from utils.train.prepare import prepare
from utils.train.recipe import Recipe

META = torch.device("meta")
STEPS = 3
# What a step draws on the CPU, so that the same seed gives the same images on every device, and then hands over.
EVERYTHING = Recipe(
    epochs=1,
    batch_size=4,
    optimizer="sgd",
    averaging=0.9,
    clip=1.0,
    label_smoothing=0.1,
    flip=True,
    shift=2,
    cutout=4,
    crop=(0.5, 1.0),
    random_interpolation=True,
)


class Watched(TorchDispatchMode):
    """Notes what goes from the CPU to the device, and what waits for the device."""

    def __init__(self):
        super().__init__()
        self.handed_over = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        devices = {each.device.type for each in args if isinstance(each, torch.Tensor)}
        if isinstance(result, torch.Tensor) and result.device.type == "meta" and devices == {"cpu"}:
            self.handed_over[func._overloadpacket.__name__] += 1
        return result


@pytest.fixture(autouse=True)
def no_autocast(monkeypatch):
    """Mixed precision has no stand-in: steps are in float32."""
    monkeypatch.setattr(torch, "autocast", lambda device, *, dtype, enabled: contextlib.nullcontext())


def training_of(build, recipe, data):
    run, _ = prepare(build, data, recipe, seed=0, device="cpu", name=None)
    return Training(run, data, META)


@pytest.fixture(scope="module")
def data():
    return load("scales", limit=4 * STEPS)


def stepped(build, recipe, data):
    """What three steps hand over, after the first one, which makes what stays."""
    training = training_of(build, recipe, data)
    training.take_step()
    with Watched() as watched:
        for _ in range(STEPS - 1):
            training.take_step()
    assert training.step == STEPS and all(loss.device == META for loss in training.losses)
    assert {each.device.type for each in training.net.parameters()} == {"meta"}
    return watched.handed_over


@pytest.mark.parametrize("name", names())
def test_a_step_of_every_mini_network(name, data):
    """Nothing is handed over but the images' order, where nothing is drawn."""
    handed_over = stepped(lambda: create(name, size="mini", num_classes=10), Recipe(epochs=1, batch_size=4), data)
    assert sum(handed_over.values()) == 0, handed_over


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_a_step_with_everything_a_recipe_can_do(optimizer, data):
    recipe = replace(EVERYTHING, optimizer=optimizer, epsilon_inside=optimizer == "rmsprop")
    handed_over = stepped(lambda: create("googlenet", size="mini", num_classes=10), recipe, data)
    assert set(handed_over) <= {"_to_copy"}  # draws, and nothing that would be made anew on the device


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_step_of_every_recipe(name, data):
    recipe = replace(RECIPES[name].recipe, batch_size=4, precision="float32")
    aux = bool(recipe.aux_weight)
    stepped(lambda: create("googlenet", size="mini", num_classes=10, aux_heads=aux), recipe, data)


class Asks(nn.Module):
    """A network that wants to know a value in the middle of its step."""

    def __init__(self, ask):
        super().__init__()
        self.dense, self.ask = nn.Linear(3 * 32 * 32, 10), ask

    def forward(self, images):
        logits = self.dense(images.flatten(1))
        return logits + self.ask(logits)


@pytest.mark.parametrize(
    "ask",
    [
        lambda logits: logits.mean().item(),
        lambda logits: 1 if logits.mean() > 0 else 2,
        lambda logits: logits.detach().cpu().numpy().mean(),
        lambda logits: torch.ones(10) * logits,
        lambda logits: torch.tensor([1.0]) + logits.new_zeros(1, device="cpu"),
        lambda logits: float(logits[0, 0]),
    ],
)
def test_what_would_wait_or_be_on_the_wrong_device_is_found(ask, data, monkeypatch):
    """The network passes on a CPU."""
    monkeypatch.setattr("utils.train.prepare.code_of", lambda net: {})
    Asks(lambda logits: ask(logits)).forward(torch.zeros(4, 3, 32, 32))
    with pytest.raises((RuntimeError, NotImplementedError)):
        stepped(lambda: Asks(ask), Recipe(epochs=1, batch_size=4), data)
