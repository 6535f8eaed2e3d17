"""Training: one loop for every network, every data set and every recipe of the course.

    run = fit(net, data, Recipe(epochs=10, learning_rate=0.05), seed=0)
    run.accuracy                # test accuracy after the last epoch
    run.save("runs/first.json")
    compare({"3 x 3": [run, ...], "inception": [...]})

The parts: `utils.recipe` (settings), `utils.runs` (the record, and comparing records), `utils.watch` (what is seen).
"""

import contextlib
import hashlib
import inspect
import math
import time
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.augment import augment
from utils.code import code_of
from utils.data import Data, Split
from utils.recipe import Recipe
from utils.runs import Epoch, Run, Score, compare, describe_commit, describe_machine, describe_versions, now
from utils.watch import Watch, watch

__all__ = ["Diverged", "Epoch", "Recipe", "Run", "Score", "compare", "evaluate", "fit", "planned_key", "seeded"]

CHECK_EVERY = 20  # steps between two looks at whether the loss is still a number


def fit(
    net: nn.Module | Callable[[], nn.Module],
    data: Data,
    recipe: Recipe,
    *,
    seed: int = 0,
    device: str | torch.device | None = None,
    show: bool = True,
    on_step: Callable[[Run, float], None] | None = None,
    name: str | None = None,
) -> Run:
    """Train a network and return the record of the run; the trained network is `run.net`, in evaluation mode.

    The seed decides the order of the images, their augmentation, and dropout. Where `net` is a function that builds the
    network (`fit(lambda: Net(10), ...)`), it decides the first weights too. On a CPU the same seed gives the same run,
    bit for bit; a GPU may add up in another order, and then the last digits differ.

    Stop it (the stop button, Ctrl-C) and you get the run so far, with `completed` False.

    Args:
        net: a network, which is trained in place, or a function without arguments that builds one.
        data: training and test images; from `utils.data.load`.
        recipe: how to train.
        seed: a whole number.
        device: "cpu", "cuda", "mps"; the best that the machine has, where nothing is said.
        show: a progress bar and a live curve. With False nothing is shown or printed.
        on_step: called after each step with the run so far and the part of it that is done, 0 to 1. A KeyboardInterrupt
            raised in it stops the run as the stop button does.
        name: what to call the network in the record; its class where nothing is said.

    Raises:
        ValueError: the network, the data and the recipe do not fit together; said before training starts.
        Diverged: the loss is no longer a finite number.
    """
    net, run, device = _prepare(net, data, recipe, seed=seed, device=device, name=name)
    net, data = net.to(device), data.to(device)
    images, labels = data.train.images, data.train.labels
    steps = len(labels) // recipe.batch_size  # images left over by the last full batch come in another epoch
    optimizer = _optimizer(net, recipe)
    draws = torch.Generator().manual_seed(seed)
    with seeded(seed), watch(run, steps=steps, show=show, on_step=on_step) as view, _kept(run, view):
        for epoch in range(recipe.epochs):
            net.train()
            began, losses, correct = time.perf_counter(), [], 0
            order = torch.randperm(len(labels), generator=draws)[: steps * recipe.batch_size].to(device)
            for step, batch in enumerate(order.split(recipe.batch_size)):
                learning_rate = recipe.learning_rate_at(epoch + step / steps)
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate

                pictures = data.normalise(augment(images[batch], recipe, draws, mean=data.mean))
                loss, logits = loss_of(net, pictures, labels[batch], recipe)
                optimizer.zero_grad()
                loss.backward()
                if recipe.clip is not None:
                    nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
                optimizer.step()

                losses.append(loss.detach())
                correct += (logits.argmax(dim=1) == labels[batch]).sum()
                if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
                    _stop_if_diverged(run, losses)
                view.step(epoch, step, losses[-1])

            train = Score(accuracy=int(correct) / len(order), loss=torch.stack(losses).mean().item())
            trained_seconds = time.perf_counter() - began
            test = evaluate(net, data, "test", on_batch=view.test)
            _stop_if_diverged(run, losses, test)
            run.add_epoch(
                learning_rate=learning_rate,
                train=train,
                test=test,
                seconds=time.perf_counter() - began,
                images_per_second=len(order) / trained_seconds,
            )
            view.epoch()
    return run


def planned_key(net: nn.Module | Callable[[], nn.Module], data: Data, recipe: Recipe, seed: int = 0) -> str:
    """The key of the run that `fit` would make of these: what to look for before training, with `utils.runs.find`."""
    return _prepare(net, data, recipe, seed=seed, device="cpu", name=None)[1].key


@torch.no_grad()
def evaluate(
    net: nn.Module,
    data: Data,
    split: str = "test",
    *,
    batch_size: int = 250,
    on_batch: Callable[[], None] | None = None,
) -> Score:
    """Accuracy and plain cross-entropy on "test" or "train", in evaluation mode; the network's mode is put back.

    Raises:
        ValueError: another split, or a batch size that is not a whole number, 1 or more.
    """
    if split not in ("test", "train"):
        raise ValueError(f'split is {split!r}; it can be "test" or "train".')
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}; it must be a whole number, 1 or more.")
    chosen = getattr(data, split)
    device = next(net.parameters()).device
    training, correct, total = net.training, 0, 0.0
    net.eval()
    try:
        for images, labels in zip(chosen.images.split(batch_size), chosen.labels.split(batch_size), strict=True):
            logits, labels = net(data.normalise(images.to(device))), labels.to(device)
            correct += (logits.argmax(dim=1) == labels).sum()
            total += F.cross_entropy(logits, labels, reduction="sum")
            if on_batch is not None:
                on_batch()
    finally:
        net.train(training)
    return Score(accuracy=int(correct) / len(chosen.labels), loss=float(total) / len(chosen.labels))


# --- one step ---------------------------------------------------------------------------------------------------------


def loss_of(net: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """(what a step makes smaller, the main logits): cross-entropy, and each auxiliary classifier's times its weight."""
    smoothing = recipe.label_smoothing
    if not recipe.aux_weight:
        logits = net(images)
        return F.cross_entropy(logits, labels, label_smoothing=smoothing), logits
    outputs = net(images, with_aux=True)
    loss = F.cross_entropy(outputs.logits, labels, label_smoothing=smoothing)
    for logits in outputs.aux:
        loss = loss + recipe.aux_weight * F.cross_entropy(logits, labels, label_smoothing=smoothing)
    return loss, outputs.logits


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer. Weight decay is for weights: biases and norms have one dimension, and are left alone."""
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate, momentum, eps = recipe.learning_rate, recipe.momentum, recipe.epsilon
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=(momentum, 0.999), eps=eps)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=(momentum, 0.999), eps=eps)
    if recipe.optimizer == "rmsprop":  # decay 0.9: the Inception papers'
        return torch.optim.RMSprop(groups, lr=rate, alpha=0.9, eps=eps, momentum=momentum)
    return torch.optim.SGD(groups, lr=rate, momentum=momentum)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch draws its random numbers from this seed; afterwards it goes on as if nothing had been drawn.

    with seeded(0):
        net = Net()
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


# --- how a run can end ------------------------------------------------------------------------------------------------


class Diverged(RuntimeError):
    """The loss is no longer a finite number. `run` is the run so far: its history holds the epochs before."""

    def __init__(self, message: str, run: Run):
        super().__init__(message)
        self.run = run


def _stop_if_diverged(run: Run, losses: list[Tensor], test: Score | None = None) -> None:
    """Look at the losses of this epoch's steps so far, and at the test loss where there is one already."""
    finite = torch.stack(losses).isfinite()
    if not finite.all():
        step = int(finite.int().argmin())
        found = f"The loss is {losses[step].item()} in epoch {len(run.history) + 1}, step {step + 1}."
    elif test is not None and not math.isfinite(test.loss):
        found = f"The test loss is {test.loss} after epoch {len(run.history) + 1}, step {len(losses)}."
    else:
        return
    recipe = run.recipe
    advice = "Try a tenth of that" + (", or clip=1.0." if recipe.clip is None else ".")
    raise Diverged(
        f"{found} The recipe's learning_rate, {recipe.learning_rate:g} with {recipe.optimizer}, is probably too high. "
        f"{advice} The run so far, {_finished(run)}, is the `run` of this exception.",
        run,
    )


@contextlib.contextmanager
def _kept(run: Run, view: Watch) -> Iterator[None]:
    """Times the run, and keeps it when it is interrupted: the loop ends, and what follows it goes on."""
    began = time.perf_counter()
    try:
        yield
    except KeyboardInterrupt:
        if len(run.history) < run.recipe.epochs:
            view.sentence = (
                f"Stopped in epoch {len(run.history) + 1} of {run.recipe.epochs}. The run so far is kept, "
                f"{_finished(run)}, and the network has the weights of this moment."
            )
    finally:
        run.seconds = round(time.perf_counter() - began, 3)
        run.completed = len(run.history) == run.recipe.epochs
        run.net.eval()


def _finished(run: Run) -> str:
    count = len(run.history)
    return "without a finished epoch" if not count else f"with {count} finished epoch{'s' if count > 1 else ''}"


# --- before the first step --------------------------------------------------------------------------------------------


def _prepare(
    net: nn.Module | Callable[[], nn.Module],
    data: Data,
    recipe: Recipe,
    *,
    seed: int,
    device: str | torch.device | None,
    name: str | None,
) -> tuple[nn.Module, Run, torch.device]:
    """The network, the run's record (all of it but what training will add), and the device to train on."""
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe is {recipe!r}; it must be a Recipe: fit(net, data, Recipe(epochs=10), seed=0).")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}; it must be a whole number, 0 or more.")
    _require_data(data, recipe)
    device = _device(device)
    given = isinstance(net, nn.Module)
    if not given:
        net = _build(net, seed)
    _require_fit(net, data, recipe)
    network = {
        "name": name or type(net).__name__,
        "class": f"{type(net).__module__}.{type(net).__qualname__}",
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "structure": _digest(repr(net).encode()),
        "initial_weights": _digest(*map(_bytes, net.state_dict().values())) if given else "drawn from the seed",
    }
    content = (data.train.images, data.train.labels, data.test.images, data.test.labels)
    described = {
        "name": data.name,
        "source": data.source,
        "train": len(data.train.labels),
        "test": len(data.test.labels),
        "classes": list(data.classes),
        "image_shape": list(data.image_shape),
        "content": _digest(*map(_bytes, content)),
    }
    commit, modified = describe_commit()
    run = Run(
        network=network,
        recipe=recipe,
        seed=seed,
        data=described,
        machine=describe_machine(device),
        versions=describe_versions(),
        commit=commit,
        modified=modified,
        date=now(),
        code=code_of(net),
        net=net,
    )
    return net, run, device


def _device(device: str | torch.device | None) -> torch.device:
    """The device asked for, or the best that there is."""
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, TypeError) as problem:
        raise ValueError(f"device is {str(device)!r}, and this machine cannot use it: {problem}") from None
    return found


def _build(factory: Callable[[], nn.Module], seed: int) -> nn.Module:
    if not callable(factory):
        raise ValueError(f"net is {factory!r}; it must be an nn.Module, or a function that builds one.")
    with seeded(seed):
        net = factory()
    if not isinstance(net, nn.Module):
        raise ValueError(f"net was called to build the network, and returned {net!r}, which is not an nn.Module.")
    return net


def _require_data(data: Data, recipe: Recipe) -> None:
    for part in ("train", "test"):
        split: Split | None = getattr(data, part, None)
        if split is None:
            raise ValueError(f"data is {data!r}; it must be a data set from utils.data.load, with train and test.")
        if len(split.labels) == 0 or len(split.images) != len(split.labels):
            raise ValueError(
                f"data.{part} has {len(split.images)} images and {len(split.labels)} labels; "
                "there must be as many of the one as of the other, and at least one."
            )
        low, high = int(split.labels.min()), int(split.labels.max())
        if low < 0 or high >= len(data.classes):
            raise ValueError(
                f"data.{part} has labels from {low} to {high}, and there are {len(data.classes)} classes: "
                f"labels go from 0 to {len(data.classes) - 1}."
            )
    if recipe.batch_size > len(data.train.labels):
        raise ValueError(
            f"batch_size is {recipe.batch_size}, and there are only {len(data.train.labels)} training images. "
            "Make it smaller."
        )


def _require_fit(net: nn.Module, data: Data, recipe: Recipe) -> None:
    """Show the network two images, and say in words what does not fit."""
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError(f"{type(net).__name__} has no parameter to train.")
    if any(parameter.is_meta for parameter in net.parameters()):
        raise ValueError(f'{type(net).__name__} is on the "meta" device: it has no weights. Build it on the CPU.')
    if recipe.aux_weight and "with_aux" not in inspect.signature(net.forward).parameters:
        raise ValueError(
            f"aux_weight is {recipe.aux_weight}, and {type(net).__name__} has no auxiliary classifiers. Set it to 0."
        )
    channels = data.image_shape[0]
    first = next((layer for layer in net.modules() if isinstance(layer, nn.Conv2d)), None)
    if first is not None and first.in_channels != channels:
        raise ValueError(
            f"The first convolution of {type(net).__name__} takes {first.in_channels} channels, and the images of "
            f"{data.name!r} have {channels}. Build the network with in_channels={channels}."
        )
    logits, aux = _try(net, data, with_aux=bool(recipe.aux_weight))
    if recipe.aux_weight and not aux:
        raise ValueError(
            f"aux_weight is {recipe.aux_weight}, and {type(net).__name__} was built without auxiliary classifiers. "
            "Build it with aux_heads=True, or set aux_weight to 0."
        )
    wanted = (2, len(data.classes))
    for logits_of, found in (("", logits), *(("auxiliary ", head) for head in aux)):
        if not isinstance(found, Tensor) or tuple(found.shape) != wanted:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"For 2 images {type(net).__name__} returned {logits_of}logits {shape}, and {wanted} was expected: "
                f"{data.name!r} has {len(data.classes)} classes. Build the network with num_classes={wanted[1]}."
            )


@torch.no_grad()
def _try(net: nn.Module, data: Data, *, with_aux: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
    """(logits, auxiliary logits) for two training images, in evaluation mode, with the mode put back."""
    device, training = next(net.parameters()).device, net.training
    images = data.normalise(data.train.images[:1].to(device).repeat(2, 1, 1, 1))
    net.eval()
    try:
        if not with_aux:
            return net(images), ()
        outputs = net(images, with_aux=True)
        return outputs.logits, tuple(outputs.aux)
    except (RuntimeError, IndexError, TypeError) as problem:
        size = " x ".join(map(str, data.image_shape))
        raise ValueError(f"{type(net).__name__} cannot take an image of {data.name!r} ({size}): {problem}") from problem
    finally:
        net.train(training)


def _bytes(tensor: Tensor) -> bytes:
    tensor = tensor.detach().cpu().contiguous()
    return f"{tensor.dtype}{tuple(tensor.shape)}".encode() + tensor.flatten().view(torch.uint8).numpy().tobytes()


def _digest(*parts: bytes) -> str:
    """A short hash of some bytes."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()[:16]
