"""Every network of the course by name: what it is, and `create` to build it."""

from dataclasses import dataclass, field
from importlib import import_module

from lessons.network import Network

VARIANTS = ("paper", "released")


@dataclass(frozen=True)
class Entry:
    """A network: where it comes from and what its paper says of it. The class itself says how it is built."""

    name: str
    title: str
    paper: str
    arxiv: str
    year: int
    lesson: str  # the slug of the lesson that teaches it
    module: str  # where its class is
    class_name: str
    input_size: int  # the side of the images that the paper uses
    grew_from: tuple[str, ...]  # the networks that it builds on, for a family tree
    new: str  # what it brought, in a few words
    released_differs: bool  # whether variant="released" is another network than "paper"
    aux_heads: bool  # whether it can have auxiliary heads
    top1_error: float | None = None  # per cent, ImageNet validation, one network, one crop; None where not printed
    top5_error: float | None = None
    error_source: str = ""
    variants: tuple[str, ...] = field(default=VARIANTS)

    @property
    def network(self) -> type[Network]:
        """The class of the network."""
        return getattr(import_module(self.module), self.class_name)


GOING_DEEPER = "Going deeper with convolutions"
BATCH_NORM = "Batch normalization: accelerating deep network training by reducing internal covariate shift"
RETHINKING = "Rethinking the Inception architecture for computer vision"
V4 = "Inception-v4, Inception-ResNet and the impact of residual connections on learning"
XCEPTION = "Xception: deep learning with depthwise separable convolutions"
DEEPLAB = "Encoder-decoder with atrous separable convolution for semantic image segmentation"

NETWORKS = (
    Entry(
        name="googlenet",
        title="GoogLeNet (Inception-v1)",
        paper=GOING_DEEPER,
        arxiv="1409.4842",
        year=2014,
        lesson="googlenet",
        module="lessons.googlenet.network",
        class_name="GoogLeNet",
        input_size=224,
        grew_from=(),
        new="the Inception module",
        released_differs=True,
        aux_heads=True,
        top5_error=10.07,
        error_source="arXiv 1409.4842, table 3, one model, one crop",
    ),
)

_BY_NAME = {entry.name: entry for entry in NETWORKS}


def names() -> tuple[str, ...]:
    """The names that `create` knows, in the order of the course."""
    return tuple(_BY_NAME)


def entry(name: str) -> Entry:
    """What the catalog knows of a network.

    Raises:
        ValueError: there is no network of that name; the message lists those there are.
    """
    if name not in _BY_NAME:
        raise ValueError(f"There is no network {name!r}. The networks are: {', '.join(names())}.")
    return _BY_NAME[name]


def create(
    name: str,
    *,
    variant: str = "paper",
    num_classes: int = 1000,
    in_channels: int = 3,
    size: str = "full",
    width: float = 1.0,
    aux_heads: bool = False,
) -> Network:
    """Build a network, with fresh weights.

    Args:
        name: one of `names()`.
        variant: "paper" as the paper's tables and figures give it, "released" as the network whose weights are public.
        num_classes: number of logits.
        in_channels: channels of the images, 3 for colour.
        size: "full" as in the paper, "mini" for images of 32 x 32 (`lessons.network.Scale` is the rule).
        width: a factor for every width.
        aux_heads: add the auxiliary heads, where the network has them.

    Raises:
        ValueError: a name, variant, size or number that does not exist or fit; the message lists what is allowed.
    """
    return entry(name).network(
        variant=variant,
        num_classes=num_classes,
        in_channels=in_channels,
        size=size,
        width=width,
        aux_heads=aux_heads,
    )
