"""Every network of the course by name: what it is, and `create` to build it.

`NETWORKS` is the Inception family, which the lessons teach: what goes through "all networks" goes through these. `RELATIVES`
are what its papers compare with. `create` and `entry` know both.
"""

from dataclasses import dataclass
from functools import partial
from importlib import import_module

from networks.base import Network, Options
from networks.pretrained import fill
from networks.weights import SOURCES, Loaded, load_weights

__all__ = [
    "NETWORKS",
    "RELATIVES",
    "SOURCES",
    "Entry",
    "Loaded",
    "create",
    "entry",
    "load_weights",
    "names",
    "relatives",
]


@dataclass(frozen=True)
class Entry:
    """A network: where it comes from and what its paper says of it. The class itself says how it is built."""

    name: str
    title: str
    paper: str
    arxiv: str  # its number there; empty where it is not there
    year: int
    lesson: str  # the slug of the lesson that teaches it
    module: str  # where its class is
    class_name: str
    grew_from: tuple[str, ...]  # the networks that it builds on, for a family tree
    new: str  # what it brought, in a few words
    input_size: int = 299  # the side of the images that the paper uses
    top1_error: float | None = None  # per cent, ImageNet validation, one network, one crop; None where not printed
    top5_error: float | None = None
    error_source: str = ""
    later_top1_error: float | None = None  # where its own paper prints no top-1 error: what a later paper says it is
    later_source: str = ""
    address: str = ""  # of a paper that is not on arXiv

    @property
    def link(self) -> tuple[str, str]:
        """Where its paper is to be read, in words and as an address."""
        return (
            ("the paper", self.address)
            if self.address
            else (f"arXiv {self.arxiv}", f"https://arxiv.org/abs/{self.arxiv}")
        )

    @property
    def network(self) -> type[Network]:
        """The class of the network."""
        found: type[Network] = getattr(import_module(self.module), self.class_name)
        return found

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that `create` takes."""
        return self.network.VARIANTS

    @property
    def released_differs(self) -> bool:
        """Whether variant="released" is another network than variant="paper"."""
        return self.network.RELEASED_DIFFERS

    @property
    def aux_heads(self) -> int:
        """How many auxiliary heads it can have."""
        return len(self.network.AUX_AFTER)


# What several networks of one paper have in common.
RETHINKING = partial(
    Entry,
    paper="Rethinking the Inception architecture for computer vision",
    arxiv="1512.00567",
    year=2015,
    lesson="factorization",
)
V4 = partial(
    Entry,
    paper="Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    arxiv="1602.07261",
    year=2016,
)
DEEPLAB = partial(
    Entry,
    paper="Encoder-decoder with atrous separable convolution for semantic image segmentation",
    arxiv="1802.02611",
    year=2018,
    lesson="xception",
    module="networks.deeplab_xception",
)

NETWORKS = (
    Entry(
        name="googlenet",
        title="GoogLeNet (Inception-v1)",
        paper="Going deeper with convolutions",
        arxiv="1409.4842",
        year=2014,
        lesson="googlenet",
        module="networks.googlenet",
        class_name="GoogLeNet",
        input_size=224,
        grew_from=(),
        new="the Inception module",
        top5_error=10.07,
        error_source="arXiv 1409.4842, Table 3, one model, one crop",
        later_top1_error=29.0,
        later_source="arXiv 1512.00567, Table 3, which says one crop, with a top-5 of 9.2 % that arXiv 1409.4842 has for ten",
    ),
    Entry(
        name="bn_inception",
        title="BN-Inception",
        paper="Batch normalization: accelerating deep network training by reducing internal covariate shift",
        arxiv="1502.03167",
        year=2015,
        lesson="batch_norm",
        module="networks.bn_inception",
        class_name="BNInception",
        input_size=224,
        grew_from=("googlenet",),
        new="batch normalisation; two 3×3 for each 5×5",
        top1_error=25.2,
        top5_error=7.82,
        error_source="arXiv 1502.03167, figure 4, BN-Inception single crop",
    ),
    RETHINKING(
        name="inception_v2",
        title="Inception-v2",
        module="networks.inception_v2",
        class_name="InceptionV2",
        grew_from=("bn_inception",),
        new="factorised convolutions; parallel reductions",
        top1_error=23.4,
        error_source="arXiv 1512.00567, Table 3, row Inception-v2",
    ),
    RETHINKING(
        name="inception_v3",
        title="Inception-v3",
        module="networks.inception_v3",
        class_name="InceptionV3",
        grew_from=("inception_v2",),
        new="label smoothing, RMSProp, a normalised auxiliary head",
        top1_error=21.2,
        top5_error=5.6,
        error_source="arXiv 1512.00567, Table 3, last row (+ BN-auxiliary)",
    ),
    V4(
        name="inception_v4",
        title="Inception-v4",
        lesson="inception_v4",
        module="networks.inception_v4",
        class_name="InceptionV4",
        grew_from=("inception_v3",),
        new="a forked stem; uniform modules, more of them",
        top1_error=20.0,
        top5_error=5.0,
        error_source="arXiv 1602.07261, Table 2, single crop",
    ),
    V4(
        name="inception_resnet_v1",
        title="Inception-ResNet-v1",
        lesson="residual_scaling",
        module="networks.inception_resnet_v1",
        class_name="InceptionResNetV1",
        grew_from=("inception_v3",),
        new="residual connections, scaled down",
        top1_error=21.3,
        top5_error=5.5,
        error_source="arXiv 1602.07261, Table 2, single crop",
    ),
    V4(
        name="inception_resnet_v2",
        title="Inception-ResNet-v2",
        lesson="residual_scaling",
        module="networks.inception_resnet_v2",
        class_name="InceptionResNetV2",
        grew_from=("inception_v4", "inception_resnet_v1"),
        new="wider residual blocks behind the forked stem",
        top1_error=19.9,
        top5_error=4.9,
        error_source="arXiv 1602.07261, Table 2, single crop",
    ),
    Entry(
        name="xception",
        title="Xception",
        paper="Xception: deep learning with depthwise separable convolutions",
        arxiv="1610.02357",
        year=2016,
        lesson="xception",
        module="networks.xception",
        class_name="Xception",
        grew_from=("inception_v3",),
        new="depthwise separable convolutions throughout",
        top1_error=21.0,
        top5_error=5.5,
        error_source="arXiv 1610.02357, Table 1 (accuracies 0.790 and 0.945)",
    ),
    DEEPLAB(
        name="xception_65",
        title="Xception-65",
        class_name="Xception65",
        grew_from=("xception",),
        new="strides in place of pools; twice the middle flow",
    ),
    DEEPLAB(
        name="xception_71",
        title="Xception-71",
        class_name="Xception71",
        grew_from=("xception_65",),
        new="two blocks more in the entry flow",
    ),
)

# What the family's papers, and the lessons, compare with.
RELATIVES = (
    Entry(
        name="alexnet",
        title="AlexNet",
        paper="ImageNet classification with deep convolutional neural networks",
        arxiv="",
        address="https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
        year=2012,
        lesson="start_here",
        module="networks.alexnet",
        class_name="AlexNet",
        input_size=224,
        grew_from=(),
        new="depth, ReLUs and dropout on ImageNet, on two GPUs",
        top1_error=42.8,
        error_source="arXiv 1704.04861, Table 9 (accuracy 57.2)",
    ),
    Entry(
        name="network_in_network",
        title="Network in Network",
        paper="Network in network",
        arxiv="1312.4400",
        year=2013,
        lesson="inception_module",
        module="networks.network_in_network",
        class_name="NetworkInNetwork",
        input_size=224,
        grew_from=("alexnet",),
        new="1×1 convolutions; an average over the grid in place of dense layers",
        top1_error=40.64,
        error_source="its authors' Caffe model of ImageNet (accuracy 59.36)",
    ),
    Entry(
        name="vgg_16",
        title="VGG-16",
        paper="Very deep convolutional networks for large-scale image recognition",
        arxiv="1409.1556",
        year=2014,
        lesson="factorization",
        module="networks.vgg",
        class_name="VGG16",
        input_size=224,
        grew_from=("alexnet",),
        new="nothing but 3×3, one on the other",
        top1_error=28.5,
        top5_error=9.9,
        error_source="arXiv 1610.02357, Table 1 (accuracies 0.715 and 0.901)",
    ),
    Entry(
        name="resnet_50",
        title="ResNet-50",
        paper="Deep residual learning for image recognition",
        arxiv="1512.03385",
        year=2015,
        lesson="residual_scaling",
        module="networks.resnet",
        class_name="ResNet50",
        input_size=224,
        grew_from=("vgg_16",),
        new="residual connections",
        top1_error=24.7,
        top5_error=7.8,
        error_source="its authors' list of their models, one crop",
    ),
    Entry(
        name="mobilenet_v1",
        title="MobileNet",
        paper="MobileNets: efficient convolutional neural networks for mobile vision applications",
        arxiv="1704.04861",
        year=2017,
        lesson="xception",
        module="networks.mobilenet",
        class_name="MobileNetV1",
        input_size=224,
        grew_from=("vgg_16",),
        new="nothing but separable convolutions, for telephones",
        top1_error=29.4,
        error_source="arXiv 1704.04861, Table 8 (accuracy 70.6)",
    ),
)

_BY_NAME = {entry.name: entry for entry in (*NETWORKS, *RELATIVES)}


def names() -> tuple[str, ...]:
    """The names of the Inception family, in the order of the course."""
    return tuple(each.name for each in NETWORKS)


def relatives() -> tuple[str, ...]:
    """The names of the networks that the family is compared with, in the order of their years."""
    return tuple(each.name for each in RELATIVES)


def entry(name: str) -> Entry:
    """What the catalog knows of a network.

    Raises:
        ValueError: there is no network of that name; the message lists those there are.
    """
    if not isinstance(name, str) or name not in _BY_NAME:
        raise ValueError(
            f"There is no network {name!r}. The networks are: {', '.join(names())}; and their relatives "
            f"{', '.join(relatives())}."
        )
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
    pretrained: bool = False,
) -> Network:
    """Build a network, with fresh weights or with the published ones.

    Args:
        name: one of `names()` or of `relatives()`.
        variant: "paper" as the paper's tables and figures give it, "released" as the network whose weights are public.
        num_classes: number of logits.
        in_channels: channels of the images, 3 for colour.
        size: "full" as in the paper, "mini" for images of 32 x 32 (`networks.base.Scale` is the rule).
        width: a factor for every width.
        aux_heads: add the auxiliary heads, where the network has them.
        pretrained: load the weights that torchvision or timm published for ImageNet's 1000 classes, after downloading
            them once. `net.preprocessing` then says, and does, what they expect of images.

    Raises:
        ValueError: a name, variant, size or number that does not exist or fit; the message lists what is allowed. With
            `pretrained`, no published weights for such a network, or a file that is cut off or altered.
        FileNotFoundError: the published weights are not on this machine, and cannot be reached.
    """
    network = entry(name).network
    if not isinstance(aux_heads, bool):
        raise ValueError(f"aux_heads is {aux_heads!r}; it must be True or False.")
    options = Options(
        variant=variant,
        num_classes=num_classes,
        in_channels=in_channels,
        size=size,
        width=width,
        aux_heads=aux_heads,
    )
    net = network(options)
    return fill(name, net) if pretrained else net
