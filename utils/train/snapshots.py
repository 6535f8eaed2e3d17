"""What a network is like at some steps of its training: small snapshots, for a picture that goes through them.

    kept = Snapshots(digits, build=FirstNetwork)
    run = fit(FirstNetwork, digits, recipe, seed=0, on_step=kept)
    kept.save("runs/first.steps.json")  # beside the run's record; `load` reads it

A snapshot looks at some test images and changes nothing: a training with it is the same to the last bit. What is kept of a
run is small, at most `MOST_BYTES` as JSON: pictures have 8 bits a value, the rest are a few numbers a layer.
"""

import base64
import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.data.dataset import Data
from utils.system.files import write_whole
from utils.system.modes import restored
from utils.train.prepare import seeded
from utils.train.runs import Run

MOST_BYTES = 160_000  # of the record of a run
EVENLY = 20  # snapshots over the whole run; before the first of them they are denser
IMAGES, LAYERS, BINS = 360, 16, 41  # the most images, the most layers, and a histogram's bars
FILTERS = (16, 8)  # how many of them: of up to 36 weights each, and of more
FILTER_BYTES = 1000  # the most weights of all filters
VALUES = 8192  # of a layer's output, from which its histogram is counted


def steps_to_keep(epoch: int, epochs: int) -> list[int]:
    """After which steps a training of so many epochs, of so many steps each, is looked at: the first and the last are in it.

    0, 1, 2, 4, 8 and so on, then at equal distances: equal parts of an epoch, or whole epochs.
    """
    total = epoch * epochs
    apart = total / EVENLY
    apart = math.ceil(apart / epoch) * epoch if apart >= epoch else epoch / math.floor(epoch / max(apart, 1))
    steps = {0, total} | {round(apart * number) for number in range(1, int(total / apart) + 1)}
    return sorted(steps | {2**power for power in range(20) if 2**power < min(apart, total)})


@dataclass(frozen=True, eq=False)
class _Look:
    """A network after a step; tensors are on the CPU."""

    step: int
    loss: float
    accuracy: float  # 0 to 1
    filters: Tensor | None  # (n, C, h, w)
    features: Tensor  # (N, F): what comes into the classifier
    values: list[Tensor]  # some of what each layer puts out, VALUES numbers or fewer
    sizes: list[float]  # by layer: root of the mean square of what it puts out
    gradients: list[float]  # the same of the gradient of the images' summed loss there
    zeros: list[float]  # share of the values that are zero
    dead: list[int]  # channels that are zero everywhere on every image
    channels: list[int]


class Snapshots:
    """Looks at a network while it trains, and keeps little of what it sees. `fit` takes it as `on_step`.

    All of it is from one pass as in training: normalised by the images' own statistics, and without dropout. Running
    statistics lag behind weights that change fast; a run's own accuracy, which is tested with them, may differ a little.

    Args:
        data: what the network is trained on. Up to IMAGES test images, taken evenly, are looked at.
        build: what builds the network that `fit` trains: then there is a snapshot from before the first step.
        layers: their names in the picture, and which parts of the network they are; at most LAYERS. The network's children
            that have weights, where nothing is said. The logits come last in any case.

    Raises:
        ValueError: too many layers.
    """

    def __init__(
        self,
        data: Data,
        *,
        build: Callable[[], nn.Module] | None = None,
        layers: Mapping[str, str] | None = None,
    ):
        if layers is not None and len(layers) > LAYERS:
            raise ValueError(f"There are {len(layers)} layers; at most {LAYERS} can be looked at.")
        self.build, self.layers = build, layers
        count = min(IMAGES, len(data.test))
        chosen = torch.arange(count) * len(data.test) // count
        images, labels = data.test.images.cpu()[chosen], data.test.labels.cpu()[chosen]
        self.images, self.labels, self.classes = data.normalise(images), labels, data.classes
        self.looks: list[_Look] = []
        self.epoch: int | None = None  # steps
        self.total: int | None = None  # steps of the whole run
        self._planned: set[int] = set()
        self._train = len(data.train)

    def __call__(self, run: Run, part: float) -> None:
        """A step of this run is done, and this part of the run: what `fit` calls."""
        if self.total is None:
            self.epoch = self._train // run.recipe.batch_size
            self.total = self.epoch * run.recipe.epochs
            self._planned = set(steps_to_keep(self.epoch, run.recipe.epochs))
            if self.build is not None and round(part * self.total) == 1:
                with seeded(run.seed):
                    first = self.build()
                self.look(first, 0)
        step = round(part * self.total)
        if step in self._planned and run.net is not None:
            self.look(run.net, step)

    def look(self, net: nn.Module, step: int) -> None:
        """Keep what the network is like after this step; it is left as it was.

        Raises:
            ValueError: one of the layers is no part of it.
        """
        device = next(net.parameters()).device
        images, labels = self.images.to(device), self.labels.to(device)
        modules = dict(net.named_modules())
        layers = dict(self.layers) if self.layers is not None else _layers_of(net)
        for path in layers.values():
            if path not in modules:
                named = ", ".join(name for name in modules if name)
                raise ValueError(f"There is no part {path!r} in {type(net).__name__}. There are: {named}.")
        classifier = [module for module in modules.values() if isinstance(module, nn.Linear)][-1]
        outputs: dict[str, Tensor] = {}
        features: list[Tensor] = []

        def keep(name: str) -> Callable[..., None]:
            return lambda _module, _inputs, output: outputs.update({name: output})

        hooks = [modules[path].register_forward_hook(keep(name)) for name, path in layers.items()]
        hooks.append(classifier.register_forward_pre_hook(lambda _module, inputs: features.append(inputs[0].detach())))
        with _untouched(net), torch.enable_grad():
            try:
                logits = net(images)
            finally:
                for hook in hooks:
                    hook.remove()
            outputs["logits"] = logits
            loss = F.cross_entropy(logits, labels, reduction="sum")
            gradients = torch.autograd.grad(loss, list(outputs.values()), allow_unused=True)
        shown = [output.detach() for output in outputs.values()]
        self.looks.append(
            _Look(
                step=step,
                loss=F.cross_entropy(logits.detach(), labels).item(),
                accuracy=(logits.argmax(dim=1) == labels).float().mean().item(),
                filters=_filters_of(net, self.images.shape[1:]),
                features=features[0].flatten(1).cpu(),
                values=[_some_of(each) for each in shown],
                sizes=[size(each) for each in shown],
                gradients=[0.0 if each is None else size(each) for each in gradients],
                zeros=[(each == 0).float().mean().item() for each in shown],
                dead=[int((each.abs().transpose(0, 1).flatten(1).amax(dim=1) == 0).sum()) for each in shown],
                channels=[each.shape[1] for each in shown],
            )
        )
        self._names = list(outputs)

    def record(self) -> dict[str, Any]:
        """What was kept so far, as JSON; bytes are written in base64. A number that is not finite is None.

        `steps`, `loss`, `accuracy` and `spread` have an entry for each snapshot, and so have a layer's lists. `filters` are
        (snapshots, n, C, h, w), 128 for 0; `points` (snapshots, images, 2), 0 to 255 over a square of side `side`: the
        features, on the two directions in which those of the last snapshot that tells images apart vary most, `explained` of
        their variance.

        Raises:
            ValueError: nothing was kept yet.
        """
        if not self.looks:
            raise ValueError("Nothing was kept yet: give this to fit as on_step, or call look(net, step).")
        looks = self.looks
        layers = []
        for number, name in enumerate(self._names):
            low, high, bars = _histograms([look.values[number] for look in looks])
            layers.append(
                {
                    "name": name,
                    "channels": looks[0].channels[number],
                    "size": [_number(look.sizes[number]) for look in looks],
                    "gradient": [_number(look.gradients[number]) for look in looks],
                    "zeros": [_number(look.zeros[number]) for look in looks],
                    "dead": [look.dead[number] for look in looks],
                    "low": low,
                    "high": high,
                    "histogram": _written(bars),
                }
            )
        return {
            "steps": [look.step for look in looks],
            "total": self.total if self.total is not None else looks[-1].step,
            "epoch": self.epoch,
            "images": len(self.labels),
            "classes": list(self.classes),
            "labels": _written(self.labels.byte().numpy()),
            "loss": [_number(look.loss) for look in looks],
            "accuracy": [_number(look.accuracy) for look in looks],
            "spread": [_number(spread(look.features, self.labels)) for look in looks],
            "layers": layers,
            "filters": _packed_filters([look.filters for look in looks if look.filters is not None]),
            "cloud": _cloud([look.features for look in looks]),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was kept into a file of JSON, whole or not at all."""
        write_whole(Path(path), json.dumps(self.record(), allow_nan=False, separators=(",", ":")).encode())


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `Snapshots.save` has written.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no record of snapshots, or it is damaged.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        return {**record, "steps": [int(step) for step in record["steps"]]}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} holds no snapshots of a training: {error!r}. Make it anew with Snapshots.save."
        ) from error


def size(values: Tensor) -> float:
    """The root of the mean square."""
    return values.float().square().mean().sqrt().item()


def spread(features: Tensor, labels: Tensor) -> float:
    """Mean squared distance of features (N, F) to their class's mean, over that between two classes' means."""
    groups = [features[labels == name] for name in labels.unique()]
    means = torch.stack([group.mean(dim=0) for group in groups])
    within = [(group - mean).square().sum(dim=1).mean() for group, mean in zip(groups, means, strict=True)]
    return (torch.stack(within).mean() / torch.pdist(means).square().mean()).item()


# --- looking ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _untouched(net: nn.Module) -> Iterator[None]:
    """Within, the network is in training mode, without dropout; then its modes, its buffers and torch's draws are as before."""
    device = next(net.parameters()).device
    with restored(net), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for module in net.modules():
            module.training = not isinstance(module, nn.modules.dropout._DropoutNd)
        yield


def _layers_of(net: nn.Module) -> dict[str, str]:
    """The children that have weights, but the classifier; where there is but one, its own. LAYERS at most, taken evenly."""
    prefix, children = "", {"": net}
    while len(children) == 1:
        (name, only), *_ = children.items()
        prefix += f"{name}." if name else ""
        children = {name: child for name, child in only.named_children() if next(child.parameters(), None) is not None}
    names = list(children)
    if names and isinstance(children[names[-1]], nn.Linear):
        names.pop()
    count = min(len(names), LAYERS)
    chosen = [names[round(at * (len(names) - 1) / max(count - 1, 1))] for at in range(count)]
    return {(f"layer {name}" if name.isdigit() else name): prefix + name for name in chosen}


def _filters_of(net: nn.Module, image_shape: torch.Size) -> Tensor | None:
    """The first filters, (n, C, h, w), where they can be looked at: of a convolution, or of a dense layer that takes images."""
    first = next((module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)), None)
    if first is None:
        return None
    weight = first.weight.detach()
    if isinstance(first, nn.Linear):
        if first.in_features != image_shape.numel():
            return None
        weight = weight.unflatten(1, image_shape)
    if weight.shape[1] not in (1, 3) or weight[0].numel() > FILTER_BYTES:
        return None
    weights = weight[0].numel()
    return weight[: min(FILTERS[weights > 36], FILTER_BYTES // weights)].float().cpu().clone()


def _some_of(values: Tensor) -> Tensor:
    """VALUES of a tensor's numbers, always from the same places; all where it has fewer."""
    flat = values.flatten()
    if len(flat) > VALUES:
        draws = torch.Generator().manual_seed(0)
        flat = flat[torch.randint(len(flat), (VALUES,), generator=draws).to(flat.device)]
    return flat.float().cpu().clone()


# --- keeping ----------------------------------------------------------------------------------------------------------


def _number(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _written(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=np.uint8).tobytes()).decode()


def _range(parts: list[Tensor], *, farther: float = math.inf) -> tuple[float, float]:
    """From where to where most numbers of each part go, but not so many times farther than in half of the parts."""
    parts = [part[part.isfinite()] for part in parts]
    ends = [torch.quantile(part, torch.tensor([0.005, 0.995])) for part in parts if len(part)]
    if not ends:
        return 0.0, 1.0
    lows, highs = torch.stack(ends).double().T
    half = torch.stack([-lows, highs]).amax(dim=0).median().item()
    reach = farther * half if half > 0 else math.inf
    low, high = max(lows.min().item(), -reach), min(highs.max().item(), reach)
    low, high = (float(f"{end:.4g}") for end in (low, high))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _histograms(parts: list[Tensor]) -> tuple[float, float, np.ndarray[Any, Any]]:
    """Left and right end of all histograms, and (snapshots, BINS) as bytes: of numbers that are not 0, each histogram's most is 255.

    What lies beyond an end is counted in its last bar.
    """
    parts = [part[part.isfinite() & (part != 0)] for part in parts]
    low, high = _range(parts, farther=20)
    counts = torch.stack([torch.histc(part.clamp(low, high), BINS, low, high) for part in parts])
    return low, high, (counts / counts.amax(dim=1, keepdim=True).clamp(min=1) * 255).round().numpy()


def _packed_filters(filters: list[Tensor]) -> dict[str, Any] | None:
    """All snapshots' filters on one scale, from -reach to reach, which one weight in a hundred exceeds."""
    if not filters:
        return None
    stack = torch.stack(filters).nan_to_num(0, 0, 0)
    reach = torch.quantile(stack.abs().flatten(), 0.99).item() or 1.0
    return {
        "shape": list(stack.shape[1:]),
        "reach": _number(reach),
        "values": _written((128 + stack / reach * 127).round().clamp(1, 255).numpy()),
    }


def _cloud(features: list[Tensor]) -> dict[str, Any]:
    """Features (N, F) of all snapshots on the plane in which those of the last one vary most that tells images apart."""
    sound = [each for each in features if each.isfinite().all() and (each != each[0]).any()]
    last = sound[-1] if sound else torch.zeros_like(features[-1])
    middle = last.mean(dim=0)
    _, strengths, axes = torch.linalg.svd(last - middle, full_matrices=False)
    strengths, axes = F.pad(strengths, (0, 2)), F.pad(axes, (0, 0, 0, 2))
    axes = axes[:2] * axes[:2].gather(1, axes[:2].abs().argmax(dim=1, keepdim=True)).sign()
    points = [(each - middle) @ axes.T for each in features]  # N, 2
    (left, right), (bottom, top) = (_range([each[:, side] for each in points]) for side in (0, 1))
    side = 1.08 * max(right - left, top - bottom)
    corner = torch.tensor([(left + right - side) / 2, (bottom + top - side) / 2])
    bytes_ = ((torch.stack(points).nan_to_num(0, 0, 0) - corner) / side * 255).round().clamp(0, 255)
    total = strengths.square().sum().item()
    return {
        "dimensions": last.shape[1],
        "explained": _number(strengths[:2].square().sum().item() / total if total else 0.0),
        "side": _number(side),
        "points": _written(bytes_.numpy()),
    }
