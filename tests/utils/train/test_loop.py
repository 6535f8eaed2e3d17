"""The training loop: repeatable, right in every step, kept when stopped, clear when something does not fit."""

import os
import re
from collections import namedtuple
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from networks.catalog import create
from tests.utils.tiny import TinyNet, tiny_data, tiny_split
from utils.data.dataset import Split
from utils.data.sets import load
from utils.system.places import CHECKOUT
from utils.train.loop import (
    Diverged,
    OutOfMemory,
    Recipe,
    Run,
    evaluate,
    fit,
    logits_of,
    loss_of,
    planned_key,
    seeded,
)

RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.1)
Outputs = namedtuple("Outputs", ["logits", "aux"])


@pytest.fixture(scope="module")
def data():
    return tiny_data()


class TwoHeads(nn.Module):
    """A network with two auxiliary classifiers."""

    def __init__(self, heads: int = 2):
        super().__init__()
        self.main = nn.Linear(72, 4)
        self.heads = nn.ModuleList(nn.Linear(72, 4) for _ in range(heads))

    def forward(self, images, *, with_aux=False):
        logits = self.main(images.flatten(1))
        return Outputs(logits, tuple(head(images.flatten(1)) for head in self.heads)) if with_aux else logits


# --- repeatable -------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_run(data):
    recipe = replace(RECIPE, flip=True, shift=1)
    first, second = (fit(TinyNet, data, recipe, seed=3, show=False) for _ in range(2))
    assert first.history == second.history
    assert first.key == second.key
    for one, other in zip(first.net.state_dict().values(), second.net.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_another_seed_gives_another_run(data):
    first, second = (fit(TinyNet, data, RECIPE, seed=seed, show=False) for seed in (0, 1))
    assert first.history != second.history
    assert first.key != second.key


def test_the_seed_covers_order_and_dropout_of_a_network_that_is_given(data):
    def run(seed: int) -> Run:
        with seeded(7):
            net = TinyNet(dropout=0.5)
        return fit(net, data, RECIPE, seed=seed, show=False)

    assert run(0).history == run(0).history
    assert run(0).history != run(1).history


def test_building_under_the_seed_is_the_same_by_hand(data):
    with seeded(5):
        net = TinyNet()
    by_hand = fit(net, data, RECIPE, seed=5, show=False)
    built = fit(lambda: TinyNet(), data, RECIPE, seed=5, show=False)
    assert by_hand.history == built.history
    assert by_hand.net is net
    assert built.network["initial_weights"] == "drawn from the seed"
    assert by_hand.network["initial_weights"] != fit(net, data, RECIPE, seed=5, show=False).network["initial_weights"]


def test_showing_changes_nothing(data):
    shown, quiet = (fit(TinyNet, data, RECIPE, show=show) for show in (True, False))
    assert shown.history == quiet.history


def test_the_callers_random_numbers_go_on_undisturbed(data):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    fit(TinyNet, data, RECIPE, show=False)
    assert torch.equal(torch.rand(3), expected)


# --- right ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(epochs=8, batch_size=16, learning_rate=0.2, schedule="one_cycle", weight_decay=1e-4),
        Recipe(epochs=8, batch_size=16, optimizer="adam", learning_rate=0.02, schedule="cosine"),
        Recipe(epochs=8, batch_size=16, optimizer="adamw", learning_rate=0.02, label_smoothing=0.1),
        Recipe(epochs=8, batch_size=16, optimizer="rmsprop", learning_rate=0.05, epsilon=1.0, clip=2.0),
    ],
    ids=lambda recipe: recipe.optimizer,
)
def test_it_learns(data, recipe):
    run = fit(TinyNet, data, recipe, show=False)
    assert run.accuracy > 0.9
    assert run.completed
    assert run.history[-1].train_loss < run.history[0].train_loss
    assert not run.net.training


def test_one_step_is_torchs_own_step(data):
    """One full batch: the weights after it are those of the optimizer, written out by hand."""
    recipe = Recipe(epochs=1, batch_size=64, learning_rate=0.3, momentum=0.5, weight_decay=0.01)
    with seeded(0):
        net, twin = TwoHeads(), TwoHeads()
    twin.load_state_dict(net.state_dict())
    fit(net, data, recipe, show=False)

    loss = functional.cross_entropy(twin(data.normalise(data.train.images)), data.train.labels)
    loss.backward()
    weight, bias = twin.main.weight, twin.main.bias
    torch.testing.assert_close(net.main.weight, weight - 0.3 * (weight.grad + 0.01 * weight))
    torch.testing.assert_close(net.main.bias, bias - 0.3 * bias.grad)  # no decay on a bias


def test_the_learning_rate_of_every_step_is_the_schedules(data, monkeypatch):
    used = []
    step = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD,
        "step",
        lambda self, *args: (used.append([g["lr"] for g in self.param_groups]), step(self, *args))[1],
    )
    run = fit(TinyNet, data, Recipe(epochs=2, batch_size=16, learning_rate=0.4, schedule="cosine"), show=False)
    # 4 steps an epoch, 8 in all: half a cosine wave at 0, 1/8, ... 7/8.
    expected = [0.4, 0.384776, 0.341421, 0.276537, 0.2, 0.123463, 0.058579, 0.015224]
    assert [rates[0] for rates in used] == pytest.approx(expected, abs=1e-6)
    assert all(rates[0] == rates[1] for rates in used)
    assert run.column("learning_rate") == pytest.approx([expected[3], expected[7]], abs=1e-6)


def test_every_image_is_seen_once_an_epoch_in_a_new_order(data):
    seen = []

    class Spy(TinyNet):
        def forward(self, images):
            if self.training:
                seen.extend(images[:, 0, 0, 0].tolist())
            return super().forward(images)

    fit(Spy, data, replace(RECIPE, epochs=2), show=False)
    first, second = seen[:64], seen[64:]
    assert sorted(first) == sorted(second) == sorted(data.normalise(data.train.images)[:, 0, 0, 0].tolist())
    assert first != second


def test_label_smoothing_is_torchs(data):
    net, images, labels = TinyNet(dropout=0.0), data.normalise(data.train.images), data.train.labels
    loss, logits = loss_of(net, images, labels, Recipe(label_smoothing=0.1))
    target = functional.one_hot(labels, 4) * 0.9 + 0.1 / 4
    by_hand = -(target * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(loss, by_hand)


def test_auxiliary_losses_are_added_with_their_weight(data):
    net, images, labels = TwoHeads(), data.normalise(data.train.images), data.train.labels
    loss, logits = loss_of(net, images, labels, Recipe(aux_weight=0.3))
    main, first, second = (functional.cross_entropy(head(images.flatten(1)), labels) for head in (net.main, *net.heads))
    torch.testing.assert_close(loss, main + 0.3 * first + 0.3 * second)
    torch.testing.assert_close(logits, net(images))


def test_auxiliary_heads_learn_only_with_a_weight(data):
    for weight in (0.0, 0.3):
        with seeded(0):
            net = TwoHeads()
        before = net.heads[0].weight.clone()
        fit(net, data, replace(RECIPE, aux_weight=weight), show=False)
        assert torch.equal(net.heads[0].weight, before) == (weight == 0.0)


def test_clipping_limits_the_step(data):
    moved = {}
    for clip in (None, 1e-3):
        with seeded(0):
            net = TinyNet()
        before = nn.utils.parameters_to_vector(net.parameters()).clone()
        recipe = Recipe(epochs=1, batch_size=64, learning_rate=1.0, momentum=0.0, clip=clip)
        fit(net, data, recipe, show=False)
        moved[clip] = (nn.utils.parameters_to_vector(net.parameters()) - before).norm().item()
    assert moved[1e-3] == pytest.approx(1e-3, rel=1e-2)
    assert moved[None] > 0.1


def test_frozen_parameters_stay(data):
    net = TinyNet()
    net[0].weight.requires_grad_(False)
    before = net[0].weight.clone()
    fit(net, data, RECIPE, show=False)
    assert torch.equal(net[0].weight, before)


def test_dropout_is_set_on_the_last_one_outside_of_auxiliary_heads(data):
    used = set()

    class Net(TinyNet):
        def __init__(self):
            super().__init__(dropout=0.1)
            self.append(nn.Identity())
            self.aux1 = nn.Sequential(nn.Dropout(0.7))

        def forward(self, images):
            used.add((self.training, self[5].p, self.aux1[0].p))
            for layer in list(self)[:8]:
                images = layer(images)
            return images

    run = fit(Net, data, replace(RECIPE, epochs=1, dropout=0.4), show=False)
    assert {(main, aux) for training, main, aux in used if training} == {(0.4, 0.7)}
    assert run.net[5].p == 0.1  # the network that was given is as it was
    with pytest.raises(ValueError, match=r"dropout is 0.4, and TwoHeads has no nn\.Dropout"):
        fit(TwoHeads, data, replace(RECIPE, dropout=0.4), show=False)


def test_channels_last_trains_the_same_network_and_gives_the_layout_back(data):
    layouts = []

    class Spy(TinyNet):
        def forward(self, images):
            layouts.append(self[0].weight.is_contiguous())
            return super().forward(images)

    last, first = (fit(Spy, data, replace(RECIPE, channels_last=on), show=False) for on in (True, False))
    assert layouts.count(False) > 10 < layouts.count(True)
    assert last.net[0].weight.is_contiguous() and first.net[0].weight.is_contiguous()
    torch.testing.assert_close(last.net.state_dict(), first.net.state_dict(), rtol=1e-4, atol=1e-5)
    assert last.column("test_accuracy") == first.column("test_accuracy")
    net = TinyNet().to(memory_format=torch.channels_last)
    fit(net, data, replace(RECIPE, epochs=1), show=False)
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_bfloat16_trains_and_keeps_weights_and_scores_in_float32(data):
    kinds = set()

    class Spy(TinyNet):
        def forward(self, images):
            logits = super().forward(images)
            kinds.add((self.training, logits.dtype))
            return logits

    run = fit(Spy, data, Recipe(epochs=8, batch_size=16, learning_rate=0.2, precision="bfloat16"), show=False)
    assert (True, torch.bfloat16) in kinds
    assert {kind for training, kind in kinds if not training} == {torch.float32}
    assert {parameter.dtype for parameter in run.net.parameters()} == {torch.float32}
    assert run.accuracy > 0.9
    assert run.accuracy == evaluate(run.net, data).accuracy


def test_compile_compiles_the_network_that_is_trained(data, monkeypatch):
    calls = []

    def compile(net):
        def called(*words, **options):
            calls.append(net)
            return net(*words, **options)

        return called

    monkeypatch.setattr(torch, "compile", compile)
    monkeypatch.setattr(torch, "__file__", "/torch/__init__.py")  # a blank in its path would be refused first
    recipe = replace(RECIPE, epochs=1)
    plain = fit(TinyNet, data, recipe, show=False)
    assert not calls
    compiled = fit(TinyNet, data, replace(recipe, compile=True), show=False)
    assert calls == [compiled.net] * 4
    assert plain.history == compiled.history


def test_on_the_cpu_the_runs_memory_is_not_known(data):
    assert fit(TinyNet, data, replace(RECIPE, epochs=1), show=False).memory is None


# --- evaluation -------------------------------------------------------------------------------------------------------


def test_evaluate_counts_over_batches_and_puts_the_mode_back(data):
    net = TinyNet().train()
    score = evaluate(net, data, batch_size=7)
    assert net.training
    logits = net.eval()(data.normalise(data.test.images))
    assert score.accuracy == pytest.approx((logits.argmax(1) == data.test.labels).float().mean().item())
    assert score.loss == pytest.approx(functional.cross_entropy(logits, data.test.labels).item(), rel=1e-5)
    assert evaluate(net, data, "train") != score
    assert not net.training
    with pytest.raises(ValueError, match='split is \'valid\'; it can be "test" or "train"'):
        evaluate(net, data, "valid")
    with pytest.raises(ValueError, match="batch_size is 0"):
        evaluate(net, data, batch_size=0)


def test_logits_come_in_the_order_of_the_images(data):
    net = TinyNet().train()
    logits = logits_of(net, data, batch_size=7)
    assert net.training and not logits.requires_grad
    torch.testing.assert_close(logits, net.eval()(data.normalise(data.test.images)).detach())
    assert logits_of(net, data, "train").shape == (64, 4)
    with pytest.raises(ValueError, match="split is 'all'"):
        logits_of(net, data, "all")


# --- stopping ---------------------------------------------------------------------------------------------------------


def stop_at(done: float):
    """What to give as on_step, to press the stop button when so much of the run is done."""

    def on_step(run, so_far):
        if so_far >= done:
            raise KeyboardInterrupt

    return on_step


def test_stopping_keeps_the_run_so_far(data):
    run = fit(TinyNet, data, RECIPE, show=False, on_step=stop_at(0.75))
    whole = fit(TinyNet, data, RECIPE, show=False)
    assert not run.completed
    assert run.history == whole.history[:2]
    assert "stopped in epoch 3 of 3" in repr(run)
    assert not run.net.training
    assert run.seconds > 0


def test_stopping_in_the_first_epoch(data, tmp_path):
    run = fit(TinyNet, data, RECIPE, show=False, on_step=stop_at(0))
    assert run.history == []
    assert run.accuracy is None
    assert Run.load(run.save(tmp_path / "run.json")) == run


def test_stopping_while_testing(data, monkeypatch):
    class Slow(TinyNet):
        def forward(self, images):
            if not self.training and len(images) > 2:
                raise KeyboardInterrupt
            return super().forward(images)

    run = fit(Slow, data, RECIPE, show=False)
    assert run.history == []
    assert not run.completed


def test_nothing_is_printed_without_show(data, capfd):
    fit(TinyNet, data, RECIPE, show=False)
    fit(TinyNet, data, RECIPE, show=False, on_step=stop_at(0.5))
    assert capfd.readouterr() == ("", "")


def test_on_step_sees_every_step(data):
    seen = []
    fit(TinyNet, data, RECIPE, show=False, on_step=lambda run, done: seen.append((len(run.history), done)))
    assert seen == [(step // 4, pytest.approx((step + 1) / 12)) for step in range(12)]


def test_a_loss_that_is_no_number_stops_with_a_sentence(data):
    class Breaks(TinyNet):
        steps = 0

        def forward(self, images):
            self.steps += self.training
            return super().forward(images) * (float("nan") if self.steps > 6 else 1)

    with pytest.raises(Diverged) as caught:
        fit(Breaks, data, RECIPE, show=False)
    said = str(caught.value)
    assert "The loss is nan in epoch 2, step 3." in said
    assert "learning_rate, 0.1 with sgd" in said
    assert "clip=1.0" in said
    assert len(caught.value.run.history) == 1
    assert not caught.value.run.completed


def test_a_test_loss_that_is_no_number_stops_too(data):
    class Breaks(TinyNet):
        def forward(self, images):
            return super().forward(images) * (1 if self.training or len(images) == 2 else float("inf"))

    with pytest.raises(Diverged, match="The test loss is nan after epoch 1, step 4"):
        fit(Breaks, data, RECIPE, show=False)


def test_a_learning_rate_that_is_far_too_high_diverges(data):
    with pytest.raises(Diverged, match="1e\\+30"):
        fit(
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(72, 9), nn.Linear(9, 4)),
            data,
            replace(RECIPE, learning_rate=1e30),
            show=False,
        )


class FitsUpTo(TinyNet):
    """A network whose memory holds so many images; it is too small from the second epoch on."""

    def __init__(self, size: int, error: Exception):
        super().__init__()
        self.size, self.error, self.steps, self.tried = size, error, 0, []

    def forward(self, images):
        if self.training:
            self.steps += 1
            if self.steps > 4:
                self.tried.append(len(images))
                if len(images) > self.size:
                    raise self.error
        return super().forward(images)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError(),
    ],
)
def test_when_memory_runs_out_it_says_what_fits(data, error):
    net = FitsUpTo(5, error)
    with pytest.raises(OutOfMemory) as caught:
        fit(net, data, RECIPE, show=False)
    said = str(caught.value)
    assert "does not hold a step with batch_size 16" in said
    assert (str(error) or "MemoryError") in said
    assert "A batch of 4 fits" in said and "set batch_size=4" in said
    assert caught.value.fits == 4
    assert len(caught.value.run.history) == 1 and not caught.value.run.completed
    assert net.tried == [16, 8, 4]
    assert caught.value.__context__ is None  # the error would keep the tensors of the step
    assert all(parameter.grad is None for parameter in net.parameters())
    whole = fit(FitsUpTo(64, error), data, replace(RECIPE, epochs=1), show=False, device="cpu")
    assert torch.isfinite(whole.net[1].running_mean).all()


def test_trying_what_fits_changes_nothing_of_the_network(data):
    net, before = FitsUpTo(4, MemoryError("not enough memory")), {}

    def keep(run, done):
        before.update({name: value.clone() for name, value in run.net.state_dict().items()})

    with pytest.raises(OutOfMemory):
        fit(net, data, RECIPE, show=False, on_step=keep)
    assert net.tried == [16, 8, 4]  # the last one went through batch norm, forward and backward
    assert before["1.num_batches_tracked"] == 4
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_when_nothing_fits_it_says_so(data):
    with pytest.raises(OutOfMemory, match="No smaller batch fits either") as caught:
        fit(FitsUpTo(0, MemoryError("not enough memory")), data, RECIPE, show=False)
    assert caught.value.fits is None


def test_another_error_of_the_network_is_left_as_it_is(data):
    with pytest.raises(RuntimeError, match="the layer broke") as caught:
        fit(FitsUpTo(0, RuntimeError("the layer broke")), data, RECIPE, show=False)
    assert not isinstance(caught.value, OutOfMemory)


# --- the record -------------------------------------------------------------------------------------------------------


def test_the_record_says_what_where_and_how(data, tmp_path):
    run = fit(TinyNet, data, RECIPE, seed=4, show=False, name="tiny")
    assert run.network["name"] == "tiny"
    assert run.network["class"] == "tests.utils.tiny.TinyNet"
    assert run.network["parameters"] == sum(parameter.numel() for parameter in TinyNet().parameters())
    assert run.data["train"] == 64
    assert run.data["image_shape"] == [2, 6, 6]
    assert run.machine["device"] in ("cpu", "cuda", "mps")
    assert run.versions["torch"] == torch.__version__
    assert run.date.endswith("+00:00")
    assert sum(run.column("seconds")) <= run.seconds + 0.01
    path = run.save(tmp_path / "run.json")
    assert Run.load(path) == run
    assert Run.load(path).save(tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_the_key_knows_the_network_and_the_data(data):
    keys = {fit(lambda: TinyNet(dropout=p), data, replace(RECIPE, epochs=1), show=False).key for p in (0.1, 0.2)}  # noqa: B023
    other = replace(data, train=tiny_split(64, seed=9))
    keys.add(fit(TinyNet, other, replace(RECIPE, epochs=1), show=False).key)
    assert len(keys) == 3


def test_the_key_is_known_before_training(data):
    recipe = replace(RECIPE, epochs=1, dropout=0.3)
    planned = planned_key(TinyNet, data, recipe, seed=2)
    assert planned == fit(TinyNet, data, recipe, seed=2, show=False).key
    net = TinyNet()
    assert planned_key(net, data, recipe) == fit(net, data, recipe, show=False).key != planned


# --- what does not fit ------------------------------------------------------------------------------------------------


def empty(split: Split) -> Split:
    return Split(images=split.images[:0], labels=split.labels[:0])


@pytest.mark.parametrize(
    ("net", "changes", "said"),
    [
        (lambda: TinyNet(num_classes=5), {}, r"returned logits \(2, 5\), and \(2, 4\).*num_classes=4"),
        (lambda: TinyNet(in_channels=3), {}, "takes 3 channels.*'halves' have 2.*in_channels=2"),
        (lambda: nn.Linear(5, 4), {}, r"Linear cannot take an image of 'halves' \(2 x 6 x 6\)"),
        (lambda: nn.Sequential(nn.Flatten()), {}, "no parameter to train"),
        (lambda: "net", {}, "returned 'net', which is not an nn.Module"),
        (lambda: TinyNet().to("meta"), {}, '"meta"'),
        (lambda: TwoHeads(heads=0), {"recipe": replace(RECIPE, aux_weight=0.3)}, "aux_heads=True"),
        (TinyNet, {"recipe": replace(RECIPE, aux_weight=0.3)}, "aux_weight is 0.3, and TinyNet has no auxiliary"),
        (TinyNet, {"recipe": replace(RECIPE, batch_size=65)}, "batch_size is 65.*only 64"),
        (TinyNet, {"recipe": {"epochs": 3}}, "must be a Recipe"),
        (TinyNet, {"seed": -1}, "seed is -1"),
        (TinyNet, {"seed": "0"}, "seed is '0'"),
        (TinyNet, {"device": "cuda:99"}, "device is 'cuda:99', and this machine cannot use it"),
        (TinyNet, {"device": "gpu"}, "device is 'gpu'"),
        (TinyNet, {"data": "digits"}, "utils.data.sets.load"),
        (TinyNet, {"data": replace(tiny_data(), test=empty(tiny_data().test))}, "data.test has 0 images"),
        (TinyNet, {"data": replace(tiny_data(), classes=("a", "b"))}, "labels from 0 to 3, and there are 2 classes"),
    ],
)
def test_what_does_not_fit_is_said_before_training(net, changes, said):
    arguments = {"data": tiny_data(), "recipe": RECIPE, "show": False} | changes
    with pytest.raises(ValueError, match=said):
        fit(net, **arguments)


def test_a_net_that_is_no_network():
    with pytest.raises(ValueError, match=r"net is 3; it must be an nn.Module"):
        fit(3, tiny_data(), RECIPE)


# --- real photographs -------------------------------------------------------------------------------------------------


@pytest.mark.skipif("COURSE_DATA" not in os.environ, reason="COURSE_DATA does not say where CIFAR-10 lies")
def test_one_short_epoch_of_cifar10():
    from utils.data.sets import load

    photographs = load("cifar10", limit=500)
    run = fit(
        lambda: TinyNet3(),
        photographs,
        Recipe(epochs=1, batch_size=50, learning_rate=0.02, flip=True, shift=4),
        show=False,
    )
    assert run.completed
    assert run.data["train"] == 500
    assert run.history[0].train_loss < 3


class TinyNet3(nn.Sequential):
    """A small network for colour images of any size and ten classes."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.append(nn.Linear(128, 10))


def test_a_number_that_a_networks_text_does_not_show_makes_another_key(data):
    class Scaled(TinyNet):
        scale = 1.0

        def forward(self, images):
            return super().forward(images) * self.scale

    def built(scale):
        net = Scaled()
        net.scale = scale
        return net

    keys = {planned_key(lambda scale=scale: built(scale), data, RECIPE) for scale in (0.1, 1.0, 0.1)}
    assert len(keys) == 2


def test_a_frozen_trunk_stays_as_the_guide_says():
    """The guide's lines on fine-tuning: without them `fit` lets frozen normalisations gather statistics."""
    text = (CHECKOUT / "docs" / "networks.md").read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "class Still" in block)
    data = load("digits", limit=64)
    for told in (False, True):
        net = create("bn_inception", size="mini", width=0.25, num_classes=5, in_channels=1)
        net.requires_grad_(False)
        net.classifier = nn.Linear(net.classifier.in_features, len(data.classes))
        if told:
            exec(code, {"net": net, "nn": nn})
        before = {name: each.clone() for name, each in net.state_dict().items() if not name.startswith("classifier")}
        fit(net, data, Recipe(epochs=1, batch_size=32, learning_rate=0.01), seed=0, show=False, device="cpu")
        after = net.state_dict()
        assert all(torch.equal(each, after[name]) for name, each in before.items()) is told
    with pytest.raises(torch.fx.proxy.TraceError):
        torch.fx.symbolic_trace(net)
    for layer in net.modules():  # as the guide says, when the training has ended
        if isinstance(layer, nn.BatchNorm2d):
            layer.__class__ = nn.BatchNorm2d
    torch.fx.symbolic_trace(net)


def test_looking_for_a_key_leaves_the_modes_as_they_are(data):
    net = TinyNet().train()
    part = next(each for each in net.modules() if each is not net)
    part.eval()
    before = [each.training for each in net.modules()]
    planned_key(net, data, RECIPE)
    assert [each.training for each in net.modules()] == before and False in before


@pytest.mark.parametrize(
    ("changes", "words"), [({"seed": 2**64}, "from 0 to 9,223,372,036,854,775,807"), ({"device": "meta"}, "no numbers")]
)
def test_a_seed_or_device_that_cannot_be_is_named(data, changes, words):
    with pytest.raises(ValueError, match=words):
        fit(TinyNet, data, RECIPE, **{"seed": 0, "show": False} | changes)


def test_an_interrupt_that_leaves_gradients_off_costs_no_later_training(data):
    """One that comes while `torch.no_grad` ends, where torch has yet to switch them on again."""

    def stop(run, done):
        torch.set_grad_enabled(False)
        raise KeyboardInterrupt

    try:
        assert not fit(TinyNet, data, RECIPE, seed=0, show=False, on_step=stop).completed
        assert torch.is_grad_enabled()
        torch.set_grad_enabled(False)
        assert fit(TinyNet, data, RECIPE, seed=0, show=False).completed
    finally:
        torch.set_grad_enabled(True)
