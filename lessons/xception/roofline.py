"""The roofline of this machine: how fast it computes, how fast it moves bytes, and where layers lie under the two.

A layer that does I multiply-adds for each byte that it moves can do at most min(peak, bandwidth × I) multiply-adds a second
(Williams, Waterman and Patterson, "Roofline", Communications of the ACM, 2009). Their paper counts floating-point
operations; one multiply-add is two of them, in the peak and in I alike.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from lessons.factorization.savings import THREADS, fastest_of_groups, percent
from networks import measure
from networks.catalog import create
from networks.layers import SeparableConv
from utils.cost import units
from utils.cost.timing import Timing, machine, timed
from utils.cost.trace import Trace, trace

FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class Work:
    """Multiply-adds of some layers, and the bytes that they have to move at least."""

    macs: int
    bytes: int

    @property
    def intensity(self) -> float:
        """Multiply-adds for each byte: the operational intensity."""
        return self.macs / self.bytes


def works_of(
    module: nn.Module, image_shape: Sequence[int], *, batch_size: int = 1, bytes_each: int = FLOAT32
) -> tuple[Work, ...]:
    """The work of each of a module's convolutions and dense layers on a batch of images, in the order of execution.

    Each of them reads its input and its weights once and writes its output once: the least that can be, where nothing
    stays in a cache from one layer to the next. Normalisation and activations are left out, as if done on the way.

    Raises:
        ValueError: a shape that cannot be, as for `utils.cost.table.profile`.
    """
    return works_in(trace(module, image_shape), batch_size=batch_size, bytes_each=bytes_each)


def works_in(record: Trace, *, batch_size: int = 1, bytes_each: int = FLOAT32) -> tuple[Work, ...]:
    """`works_of` a module that is traced already."""
    found = []
    for operation in record.operations:
        if not operation.macs:
            continue
        values = sum(_size(shape[1:]) for shape in operation.input_shapes[:1]) + _size(operation.shape[1:])
        weights = sum(record.parameters[name] for name in operation.weights)
        found.append(Work(batch_size * operation.macs, bytes_each * (batch_size * values + weights)))
    return tuple(found)


def work_of(module: nn.Module, image_shape: Sequence[int], *, batch_size: int = 1) -> Work:
    """The work of a whole module: the sum over its layers."""
    works = works_of(module, image_shape, batch_size=batch_size)
    return Work(sum(work.macs for work in works), sum(work.bytes for work in works))


def _size(shape: Sequence[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def roofline_of(
    in_channels: int, out_channels: int, kernel_size: int, groups: int, grid: int, peak: float, bandwidth: float
) -> tuple[float, float]:
    """(intensity, attainable multiply-adds a second) of one convolution in float32 that keeps a square grid, no bias.

    `peak` is in multiply-adds a second, `bandwidth` in bytes a second.
    """
    weights = out_channels * (in_channels // groups) * kernel_size**2
    values = grid**2 * (in_channels + out_channels) + weights
    intensity = grid**2 * weights / (FLOAT32 * values)
    return intensity, min(peak, bandwidth * intensity)


@dataclass(frozen=True)
class Limits:
    """What a machine can do, as measured.

    Attributes:
        peak: multiply-adds a second, of a product of two large matrices.
        memory: bytes a second, read and written, of a copy that is too large for the caches.
        cache: the same of a copy that fits into them.
        where: the machine in words.
    """

    peak: float
    memory: float
    cache: float
    where: str

    @property
    def ridge(self) -> float:
        """The intensity from which on arithmetic is the limit, not memory."""
        return self.peak / self.memory

    def attainable(self, intensity: float, *, from_cache: bool = False) -> float:
        """Multiply-adds a second that this machine can do at most, with its bytes from memory or from a cache."""
        return min(self.peak, (self.cache if from_cache else self.memory) * intensity)

    def least_seconds(self, work: Work) -> float:
        """The time that one layer's work takes at least: for its arithmetic or for its bytes, whichever takes longer."""
        return max(work.macs / self.peak, work.bytes / self.memory)

    def __str__(self) -> str:
        return (
            f"Measured on {self.where}: {units.count(self.peak) / 1e9:.3g} billion {units.words()} a second; "
            f"{self.memory / 1e9:.3g} billion bytes a second from memory, {self.cache / 1e9:.3g} from a cache. "
            f"Below {units.count(self.ridge):.2g} {units.words()} a byte, memory is the limit."
        )


class _Product(nn.Module):
    """One product of two square matrices: (1, 1, n, n) -> the same."""

    def forward(self, x: Tensor) -> Tensor:
        return x[0, 0] @ x[0, 0]


class _Copy(nn.Module):
    """A copy into a place that is there already: (1, C, H, W) -> the same."""

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.register_buffer("place", torch.zeros(1, *shape))

    def forward(self, x: Tensor) -> Tensor:
        return self.place.copy_(x)


# Side of the matrices, and shapes of what is copied: 64 MiB and 256 KiB on a CPU, 512 MiB and 8 MiB on a GPU.
_SIZES = {"cpu": (512, (16, 1024, 1024), (1, 256, 256)), "cuda": (8192, (128, 1024, 1024), (2, 1024, 1024))}


def measure_limits(*, device: str | torch.device = "cpu", rounds: int = 12, threads: int | None = THREADS) -> Limits:
    """Measure a machine: of so many rounds the fastest counts, as whatever else the machine does can only add time.

    On a CPU with one thread that takes about a second.
    """
    side, large, small = _SIZES["cuda" if torch.device(device).type == "cuda" else "cpu"]

    def fastest(module: nn.Module, shape: tuple[int, int, int], rounds: int) -> float:
        times = timed({"it": module}, shape, batch_size=1, rounds=rounds, device=device, threads=threads)
        return min(times["it"].seconds)

    with _whole_precision():
        product = fastest(_Product(), (1, side, side), 8 * rounds)
        far, near = (
            2 * FLOAT32 * _size(shape) / fastest(_Copy(shape), shape, count)
            for shape, count in ((large, rounds), (small, 25 * rounds))
        )
    return Limits(peak=side**3 / product, memory=far, cache=near, where=machine(device, threads))


@contextmanager
def _whole_precision() -> Iterator[None]:
    """float32 as float32: on a GPU, torch's convolutions would else round to TF32 and be faster than the peak."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@dataclass(frozen=True)
class Layer:
    """A kind of layer to measure: its name, the shape of one image, and how to build it."""

    name: str
    image_shape: tuple[int, int, int]
    build: Callable[[], nn.Module]


def _conv(in_channels: int, out_channels: int, kernel_size: int, **options: int) -> Callable[[], nn.Module]:
    return partial(nn.Conv2d, in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False, **options)


MIDDLE = (728, 19, 19)  # what a convolution of the middle flow sees
ENTRY = (128, 74, 74)  # what the first of block3 sees

DENSE, SEPARABLE, POINTWISE = "dense 3×3", "separable 3×3", "1×1"
LAYERS = (
    Layer("7×7 stem", (3, 224, 224), _conv(3, 64, 7, stride=2)),
    Layer(POINTWISE, MIDDLE, _conv(728, 728, 1)),
    Layer(DENSE, MIDDLE, _conv(728, 728, 3)),
    Layer("depthwise 3×3", MIDDLE, _conv(728, 728, 3, groups=728)),
    Layer(SEPARABLE, MIDDLE, partial(SeparableConv, 728, 728)),
    Layer("depthwise 3×3, 74 grid", ENTRY, _conv(128, 128, 3, groups=128)),
)


@dataclass(frozen=True)
class Place:
    """Where a layer lies under the roofline: its work, and the seconds that it took."""

    name: str
    work: Work
    seconds: float

    @property
    def speed(self) -> float:
        """Multiply-adds a second."""
        return self.work.macs / self.seconds


def places(
    layers: Sequence[Layer] = LAYERS,
    *,
    batch_size: int = 1,
    rounds: int = 10,
    device: str | torch.device = "cpu",
    threads: int | None = THREADS,
) -> Iterator[Place]:
    """Time layers, those on equal images in turns, and give them one after another; the fastest of the rounds counts."""
    for shape in dict.fromkeys(layer.image_shape for layer in layers):
        alike = [layer for layer in layers if layer.image_shape == shape]
        modules = {layer.name: layer.build() for layer in alike}
        with _whole_precision():
            times = timed(modules, shape, batch_size=batch_size, rounds=rounds, device=device, threads=threads)
        for layer in alike:
            (best,) = fastest_of_groups(times[layer.name].seconds, 1)
            yield Place(layer.name, work_of(modules[layer.name], shape, batch_size=batch_size), best)


def in_words(found: Sequence[Place], limits: Limits) -> str:
    """What the roofline allows each layer, and what the clock says."""
    lines = [f"Measured on {limits.where}, speeds in billion {units.words()} a second:"]
    for place in found:
        intensity = place.work.intensity
        roofs = [units.count(limits.attainable(intensity, from_cache=near)) / 1e9 for near in (False, True)]
        roof = f"at most {roofs[0]:.3g}" + (
            f" from memory and {roofs[1]:.3g} from a cache" if roofs[1] > roofs[0] else ""
        )
        lines.append(
            f"{place.name}: {units.count(intensity):.3g} {units.words()} a byte, so {roof}; it does {units.count(place.speed) / 1e9:.3g}, "
            f"{percent(place.speed / limits.peak)} of the peak, in {1e3 * place.seconds:.3g} ms."
        )
    return "\n".join(lines)


def doubt(found: Sequence[Place]) -> str:
    """A sentence where the dense layer is so slow, beside the 1 x 1, that something else must have run meanwhile; else nothing.

    Both are products of large matrices. A long run is interrupted by other programs more often than a short one.
    """
    speeds = {place.name: place.speed for place in found}
    share = speeds[DENSE] / speeds[POINTWISE]
    if share >= 0.5:
        return ""
    return (
        f"But the {DENSE} was only {percent(share)} as fast as the {POINTWISE}, multiply-add for multiply-add: probably another program took its "
        "time. Time the layers again when the machine is quiet."
    )


def time_networks(
    names: Mapping[str, str], *, rounds: int = 3, device: str | torch.device = "cpu", threads: int | None = THREADS
) -> dict[str, Timing]:
    """Time networks of the catalog on one image of their papers' size, in turns, by the titles that they are given.

    Args:
        names: the network's name in the catalog by the title under which its time comes back.
        rounds, device, threads: as for `utils.cost.timing.timed`.

    Raises:
        ValueError: the networks are for images of different sizes.
    """
    shapes = {measure.image_shape(name) for name in names.values()}
    if len(shapes) != 1:
        raise ValueError(f"The networks take images of {len(shapes)} sizes; compare those that take the same.")
    networks = {title: create(name) for title, name in names.items()}
    with _whole_precision():
        return timed(networks, *shapes, batch_size=1, rounds=rounds, device=device, threads=threads)
