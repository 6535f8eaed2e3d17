"""Before the first step: does everything fit together, and the record of the run that is about to be made."""

import contextlib
import hashlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from utils.data.dataset import Data, Split
from utils.system.modes import same_modes
from utils.system.packages import require
from utils.train.provenance import code_of
from utils.train.recipe import ALTERNATED, Recipe
from utils.train.runs import Run, describe_commit, describe_machine, describe_versions, now


def prepare(
    net: nn.Module | Callable[[], nn.Module],
    data: Data,
    recipe: Recipe,
    *,
    seed: int,
    device: str | torch.device | None,
    name: str | None,
) -> tuple[Run, torch.device]:
    """The record of the run, all of it but what training will add, with its network; and the device to train on.

    Nothing of a network that is given is changed here.

    Raises:
        ValueError: the network, the data and the recipe do not fit together.
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe is {recipe!r}; it must be a Recipe: fit(net, data, Recipe(epochs=10), seed=0).")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"seed is {seed!r}; it must be a whole number from 0 to {2**63 - 1:,}.")
    _require_data(data, recipe)
    device = _device(device)
    _require_compiler(recipe, device)
    if recipe.color:
        require("kornia", f"Changing colours, as this recipe does (color={recipe.color:g}),")
    given = isinstance(net, nn.Module)
    net = net if isinstance(net, nn.Module) else _build(net, seed)
    _require_fit(net, data, recipe)
    network = {
        "name": name or type(net).__name__,
        "class": f"{type(net).__module__}.{type(net).__qualname__}",
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "structure": _digest(repr(net).encode()),
        "initial_weights": _digest(*map(_bytes, net.state_dict().values())) if given else "drawn from the seed",
    }
    if numbers := _numbers(net):
        network["numbers"] = _digest(repr(numbers).encode())
    described = {
        "name": data.name,
        "source": data.source,
        "train": len(data.train),
        "test": len(data.test),
        "classes": list(data.classes),
        "image_shape": list(data.image_shape),
        "content": _digest(*map(_bytes, (*data.train.content(), *data.test.content()))),
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
    return run, device


def _require_compiler(recipe: Recipe, device: torch.device) -> None:
    """torch.compile hands a C++ compiler the paths of torch's own files, and does not quote a blank in them (2.13)."""
    if recipe.compile and device.type == "cpu" and " " in torch.__file__:
        raise ValueError(
            f"compile is True, and torch lies in a folder with a blank in its path ({Path(torch.__file__).parent}): what it "
            "compiles for the CPU cannot be linked there. Move the course to a path without one, or leave compile out."
        )


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch draws its random numbers from this seed; afterwards it goes on as if nothing had been drawn.

    with seeded(0):
        net = Net()
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def last_dropout(net: nn.Module) -> nn.Dropout | None:
    """The dropout before the classifier: the network's last one, auxiliary classifiers (`aux...`) left aside."""
    found = None
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Dropout) and not any(part.startswith("aux") for part in name.split(".")):
            found = layer
    return found


def _numbers(net: nn.Module) -> list[tuple[str, str, object]]:
    """Numbers and words that modules keep as attributes, such as a residual's scale: a network's text need not show them."""
    return [
        (name, attribute, value)
        for name, module in net.named_modules()
        if not type(module).__module__.startswith("torch.")
        for attribute, value in sorted(vars(module).items())
        if not attribute.startswith("_") and attribute != "training" and isinstance(value, bool | int | float | str)
    ]


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
    if found.type == "meta":
        raise ValueError("device is 'meta', where tensors have no numbers: nothing can be trained there.")
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
        split = getattr(data, part, None)
        if split is None:
            raise ValueError(f"data is {data!r}; it must be a data set from utils.data.sets.load, with train and test.")
        if not isinstance(split, Split):  # a stream looks at its labels when it reads them
            continue
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
    if recipe.flip == ALTERNATED and not isinstance(data.train, Split):
        raise ValueError(
            f'flip is "{ALTERNATED}", and the training images of {data.name!r} are read as a stream, which does not know '
            "one from the other. Set it to True: what is mirrored is drawn then."
        )
    if recipe.batch_size > len(data.train):
        raise ValueError(
            f"batch_size is {recipe.batch_size}, and there are only {len(data.train)} training images. Make it smaller."
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
    if recipe.dropout is not None and last_dropout(net) is None:
        raise ValueError(
            f"dropout is {recipe.dropout}, and {type(net).__name__} has no nn.Dropout before its classifier. Leave it out."
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
    """(logits, auxiliary logits) for two images, in evaluation mode, with the modes put back."""
    images = data.normalise(data.test.images[:1].to(next(net.parameters()).device).repeat(2, 1, 1, 1))
    try:
        with same_modes(net):
            net.eval()
            if not with_aux:
                return net(images), ()
            outputs = net(images, with_aux=True)
            return outputs.logits, tuple(outputs.aux)
    except (RuntimeError, IndexError, TypeError) as problem:
        size = " x ".join(map(str, data.image_shape))
        raise ValueError(f"{type(net).__name__} cannot take an image of {data.name!r} ({size}): {problem}") from problem


def _bytes(tensor: Tensor) -> bytes:
    tensor = tensor.detach().cpu().contiguous()
    return f"{tensor.dtype}{tuple(tensor.shape)}".encode() + tensor.flatten().view(torch.uint8).numpy().tobytes()


def _digest(*parts: bytes) -> str:
    """A short hash of some bytes."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()[:16]
