"""`Recipe(compile=True)`: a step is one graph, and its losses are those of a step that is not compiled."""

import shutil
from dataclasses import replace

import pytest
import torch

from networks.catalog import create, names
from tests.utils.tiny import TinyNet, tiny_data
from utils.data.sets import load
from utils.train.engine import loss_of
from utils.train.loop import fit
from utils.train.recipe import Recipe

FEW = ("googlenet", "inception_resnet_v2", "xception")  # with every change; the others once a week
RECIPE = Recipe(epochs=1, batch_size=16, learning_rate=0.01)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FEW else [pytest.mark.whole]) for name in names()]
)
def test_a_mini_networks_loss_is_one_graph(name):
    """`fullgraph` stops at whatever would break it: a branch on a value, a print, code that cannot be followed."""
    torch.compiler.reset()
    net = create(name, size="mini", num_classes=10).train()
    images, labels = torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
    whole = torch.compile(
        lambda images, labels: loss_of(net, images, labels, RECIPE)[0], backend="eager", fullgraph=True
    )
    torch.manual_seed(0)
    want = loss_of(net, images, labels, RECIPE)[0]
    torch.manual_seed(0)
    assert torch.allclose(whole(images, labels), want)


def test_a_blank_in_torchs_path_is_told_before_the_run(monkeypatch):
    monkeypatch.setattr(torch, "__file__", "/a folder/torch/__init__.py")
    data = load("scales", limit=64)
    with pytest.raises(ValueError, match=r"blank in its path \(/a folder/torch\).*leave compile out"):
        fit(lambda: create("googlenet", size="mini"), data, replace(RECIPE, compile=True), show=False, device="cpu")


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler, and there is no g++ here")
@pytest.mark.skipif(" " in torch.__file__, reason="inductor links nothing where torch's path has a blank")
@pytest.mark.parametrize(
    ("build", "data"),
    [
        pytest.param(TinyNet, tiny_data, id="tiny"),
        pytest.param(
            lambda: create("googlenet", size="mini", num_classes=10),
            lambda: load("scales", limit=64),
            marks=pytest.mark.whole,  # its C++ takes two minutes of a core to compile
            id="googlenet",
        ),
    ],
)
def test_losses_of_a_compiled_run_are_those_of_one_that_is_not(build, data):
    runs = [
        fit(
            build,
            data(),
            replace(RECIPE, compile=compiled, dropout=0.0),
            seed=0,
            show=False,
            device="cpu",
        )
        for compiled in (False, True)
    ]
    plain, compiled = (run.history[0] for run in runs)
    assert compiled.train_loss == pytest.approx(plain.train_loss, rel=1e-4)
    assert compiled.test_loss == pytest.approx(plain.test_loss, rel=1e-3)
