"""What the networks of the family share: their options, the rule that scales them, the check of their input, their first
weights."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, fx, nn
from torch.jit._trace import is_tracing

from networks.layers import pair, require_positive

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")

SIZES = ("full", "mini")


@dataclass(frozen=True)
class Scale:
    """How far a network is from its paper's size. This is the rule behind `size` and `width`, for all networks.

    size="full" is the paper's table. size="mini" is made from the same table, for images of 32 x 32:

    - widths: a tenth of the table's;
    - repeats: where the table has a block several times in a row, at most two of them;
    - grid: the first two of the five halvings are left out (a convolution there has stride 1, a pool is dropped), so
      that the first Inception modules see 16 x 16 and the last 4 x 4. A 7 x 7 first layer becomes 3 x 3;
    - padding: "same" everywhere, so that no border of a small image is lost.

    `width` multiplies the widths of either size. Every width is rounded to a multiple of 8, and is at least 8 (the
    papers' own widths all are such multiples, so that `width=1.0` leaves them as they are).
    """

    size: str = "full"
    width: float = 1.0

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"size is {self.size!r}; it can be {' or '.join(map(repr, SIZES))}.")
        is_number = isinstance(self.width, int | float) and not isinstance(self.width, bool)
        if not is_number or not 0 < self.width < math.inf:
            raise ValueError(f"width is {self.width!r}; it must be a number above zero, such as 0.5, 1.0 or 2.")

    @property
    def mini(self) -> bool:
        return self.size == "mini"

    def channels(self, width: int) -> int:
        """A width of the paper's table at this scale."""
        scaled = width * self.width / (10 if self.mini else 1)
        return max(8, 8 * math.floor(scaled / 8 + 0.5))

    def widths(self, record: Record) -> Record:
        """A record of widths (each field a width, or a tuple of widths), at this scale."""
        scaled = {}
        for field in fields(record):
            value = getattr(record, field.name)
            scaled[field.name] = tuple(map(self.channels, value)) if isinstance(value, tuple) else self.channels(value)
        return replace(record, **scaled)

    def repeats(self, count: int) -> int:
        """How often a block is repeated that the paper's table repeats `count` times."""
        return min(count, 2) if self.mini else count

    def stride(self, halving: int) -> int:
        """Stride of the paper's first, second, ... fifth halving of the grid."""
        return 1 if self.mini and halving <= 2 else 2

    def padding(self, padding: str) -> str:
        """The padding to use where the paper has this one."""
        return "same" if self.mini else padding

    def first_kernel(self, kernel_size: int) -> int:
        """The kernel of the first layer."""
        return 3 if self.mini else kernel_size


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a network is built: the one thing that its class is given. `networks.create` takes the same by their names.

    Attributes:
        variant: "paper" as the paper's tables and figures give it, "released" as the network whose weights are public.
        num_classes: number of logits.
        in_channels: channels of the images, 3 for colour.
        size: "full" as in the paper, "mini" for images of 32 x 32; `Scale` is the rule.
        width: a factor for every width.
        aux_heads: add the auxiliary heads, where the network has them.

    Raises:
        ValueError: `num_classes` or `in_channels` is not a whole number above zero; a size or width that does not exist.
            Which variants there are, and whether there are heads, the network says.
    """

    variant: str = "paper"
    num_classes: int = 1000
    in_channels: int = 3
    size: str = "full"
    width: float = 1.0
    aux_heads: bool = False

    def __post_init__(self) -> None:
        _ = self.scale  # raises where there is no such scale
        require_positive(num_classes=self.num_classes, in_channels=self.in_channels)

    @property
    def scale(self) -> Scale:
        """How far the network is from its paper's size."""
        return Scale(size=self.size, width=self.width)


PAPER = Options()  # the network as its paper has it, for 1000 classes


class Network(nn.Module):
    """What every network does beside its own figure: it checks the images that come in, and shows what its stages make.

    A subclass adds its stages as direct children, in the order in which `forward` runs them, then calls `finish`.
    It names in `AUX_AFTER` the stages behind which an auxiliary head can sit; the heads are `aux1`, `aux2`, ...
    `RELEASED_DIFFERS` says whether variant="released" is another network than variant="paper".

    `forward` asks `with_aux is True`, so that `torch.fx`, which hands in something that is neither True nor False, traces
    the way to the logits; `concrete_args={"with_aux": True}` traces the other.

    Raises:
        ValueError: a variant that does not exist; auxiliary heads asked of a network that has none.
    """

    VARIANTS: tuple[str, ...] = ("paper", "released")
    RELEASED_DIFFERS = True
    AUX_AFTER: tuple[str, ...] = ()
    preprocessing: Callable[[Tensor], Tensor] | None = (
        None  # with published weights: a `networks.pretrained.Preprocessing`
    )
    classifier: nn.Linear

    def __init__(self, options: Options):
        super().__init__()
        if options.variant not in self.VARIANTS:
            allowed = " or ".join(map(repr, self.VARIANTS))
            raise ValueError(f"variant is {options.variant!r}; for {type(self).__name__} it can be {allowed}.")
        if options.aux_heads and not self.AUX_AFTER:
            raise ValueError(f"{type(self).__name__} has no auxiliary heads; leave aux_heads at False.")
        self.scale = options.scale
        self.variant = options.variant
        self.in_channels = options.in_channels
        self.aux_heads = options.aux_heads

    if TYPE_CHECKING:  # torch has it that an attribute may be a tensor; a network's are its stages

        def __getattr__(self, name: str) -> nn.Module: ...

    def finish(self) -> None:
        """Give the parameters their first values and work out the smallest image that fits: the end of __init__."""
        initialise(self)
        self.minimum_size = self.smallest_image(with_aux=False)
        self.minimum_size_with_aux = self.smallest_image(with_aux=True)

    def smallest_image(self, *, with_aux: bool, norms_need: int = 1) -> int:
        """The side of the smallest square image that fits; `norms_need` is as in `smallest_input`."""
        trunk = {name: stage for name, stage in self.named_children() if not name.startswith("aux")}
        paths = [list(trunk.values())]
        if with_aux and self.aux_heads:
            for number, tap in enumerate(self.aux_taps(), start=1):
                before = list(trunk.values())[: list(trunk).index(tap) + 1]
                paths.append([*before, self.get_submodule(f"aux{number}")])
        return max(smallest_input(path, norms_need=norms_need) for path in paths)

    def aux_taps(self) -> tuple[str, ...]:
        """The children whose outputs the auxiliary heads see; a repeated block of AUX_AFTER means its last one."""
        names = [name for name, _ in self.named_children()]
        return tuple([name for name in names if name.startswith(tap)][-1] for tap in self.AUX_AFTER)

    def blocks(self, prefix: str) -> Iterator[nn.Module]:
        """The children whose names begin so, in order: the repetitions of one block."""
        return (child for name, child in self.named_children() if name.startswith(prefix))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """What each stage puts out, by the stage's name, in the order of the network: (N, C, H, W) each.

        The stages are the direct children before the global pool, without auxiliary heads. The last is what a class
        activation map weighs; those in which the grid halves are what a detector stands on.

        Raises:
            ValueError: images that do not fit.
        """
        self.check(images, with_aux=False)
        found, x = {}, images
        for name, stage in self.named_children():
            if name == "global_pool":
                break
            if not name.startswith("aux"):
                x = found[name] = stage(x)
        return found

    def __prepare_scriptable__(self) -> fx.GraphModule:
        """What `torch.jit.script` compiles: the graph of the logits, since TorchScript has no argument by keyword only."""
        traced = fx.symbolic_trace(self)
        for unused in traced.graph.find_nodes(op="placeholder", target="with_aux"):
            traced.graph.erase_node(unused)
        traced.recompile()
        return traced

    def check(self, images: Tensor, *, with_aux: bool) -> None:
        """Raise a ValueError in words where the images do not fit the network.

        A tracer's stand-ins, which have no shape yet, are let through.
        """
        if isinstance(images, fx.Proxy) or is_tracing():
            return
        if not isinstance(with_aux, bool):
            raise ValueError(f"with_aux is {with_aux!r}; it must be True or False.")
        if not isinstance(images, Tensor):
            raise ValueError(f"images is a {type(images).__name__}; it must be a torch tensor of shape (N, C, H, W).")
        if images.ndim != 4:
            hint = " For one image, write images[None]." if images.ndim == 3 else ""
            raise ValueError(
                f"images has {images.ndim} dimensions, {tuple(images.shape)}; "
                f"it must have four: (number of images, channels, height, width).{hint}"
            )
        channels, height, width = images.shape[1:]
        if channels != self.in_channels:
            raise ValueError(
                f"images has {channels} channels, and this network was built for {self.in_channels}. "
                f"Build it with in_channels={channels}, or change the images."
            )
        if not images.is_floating_point():
            raise ValueError(f"images holds {images.dtype}; it must hold floating-point numbers: images.float() / 255.")
        weights = next(self.parameters(), images).dtype  # a replica of DataParallel has none
        if images.dtype != weights and not torch.is_autocast_enabled(images.device.type):
            raise ValueError(
                f"images holds {images.dtype}, and the weights of this network {weights}. "
                f"Convert the images, images.to({weights}), or the network, net.to({images.dtype})."
            )
        smallest = self.minimum_size_with_aux if with_aux and self.aux_heads else self.minimum_size
        if min(height, width) < smallest:
            heads = " and its auxiliary heads" if smallest != self.minimum_size else ""
            mini = "" if self.scale.mini else ' For small images there is size="mini".'
            raise ValueError(
                f"images are {height} x {width}; {type(self).__name__}{heads} needs at least {smallest} x {smallest}. "
                f"Resize them.{mini}"
            )
        if self.training and len(images) == 1:
            smallest = self.smallest_image(with_aux=with_aux, norms_need=2)
            if max(height, width) < smallest:
                raise ValueError(
                    f"images holds one image of {height} x {width}, of which a normalisation in {type(self).__name__} "
                    "would see a single value a channel: in training it needs several. Use batches of two images or "
                    f"more, images of {smallest} x {smallest} or more, or net.eval()."
                )


def initialise(network: nn.Module) -> None:
    """First values: Kaiming's for what a ReLU follows, small ones for what ends in logits, biases zero.

    The papers are silent, or name no numbers. A convolution's weights come from a normal distribution of variance
    2 / fan-in, so that a layer and its ReLU keep the size of what passes through; a dense layer's from one of standard
    deviation 0.01, so that the first predictions are nearly uniform; normalisation starts with weight 1 and bias 0.
    On the device "meta" there are no values to set.
    """
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.Linear) or module.weight.is_meta:
            continue
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        else:
            nn.init.normal_(module.weight, std=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def smallest_input(module: nn.Module | list[nn.Module], output: int = 1, *, norms_need: int = 1) -> int:
    """The smallest side of a square grid from which a module, or several one after another, make one of `output`.

    No normalisation in training mode then sees a side of less than `norms_need`.

    Read from the end to the start: a convolution or pool of kernel k, stride s and padding p needs
    (output - 1) s + k - 2p. The children of a Sequential follow each other; those of any other block lie side by side,
    and the greediest counts.
    """
    if isinstance(module, list | nn.Sequential):
        for layer in reversed(list(module)):
            output = smallest_input(layer, output, norms_need=norms_need)
        return output
    if isinstance(module, nn.BatchNorm2d) and module.training:
        return max(output, norms_need)
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return 1
    if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        assert not isinstance(module.padding, str)  # all layers of the family give it in numbers
        sides = zip(pair(module.kernel_size), pair(module.stride), pair(module.padding), strict=True)
        if module.__dict__.get("ceil_mode"):  # the last window may hang over the edge, if it starts before it
            return max(max(k - s + 1 + (output - 1) * s - 2 * p, 1) for k, s, p in sides)
        return max(max((output - 1) * s + k - 2 * p, 1) for k, s, p in sides)
    return max([output, *(smallest_input(child, output, norms_need=norms_need) for child in module.children())])
