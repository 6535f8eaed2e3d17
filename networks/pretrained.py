"""The published weights: where each file is, how to know it is whole, and how its network wants its images."""

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor
from torch.nn import functional as F

from networks.base import Network
from networks.weights import load_weights
from utils.data.download import fetch
from utils.system.places import cache_folder


@dataclass(frozen=True)
class Preprocessing:
    """What is done to photographs before a network sees them; the record is the function that does it.

        net = create("inception_v3", variant="released", pretrained=True).eval()
        logits = net(net.preprocessing(images))  # images: uint8 (N, 3, height, width), 0 to 255

    The shorter side is resized to `resize`, a square of `input_size` is cut from the middle, and each colour becomes
    (value / 255 - mean) / std. As the libraries that published the weights evaluate them; a photograph scaled down
    comes out within one level of 255 of Pillow's result.
    """

    input_size: int
    resize: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)  # Google's networks: from -1 to 1
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    interpolation: str = "bicubic"

    @property
    def crop_fraction(self) -> float:
        """The part of the shorter side that is seen."""
        return self.input_size / self.resize

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 (N, 3, height, width) -> float32 (N, 3, input_size, input_size).

        Raises:
            ValueError: not such a tensor.
        """
        if not isinstance(images, Tensor) or images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
            given = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
            raise ValueError(
                f"images is {given}; preprocessing takes colour images as a uint8 tensor (N, 3, height, width), "
                "0 to 255. For one image, write images[None]."
            )
        height, width = images.shape[-2:]
        scale = self.resize / min(height, width)
        # the longer side is rounded down, as Pillow's users do
        size = [self.resize if side == min(height, width) else int(side * scale) for side in (height, width)]
        x = images.float()
        if size != [height, width]:
            x = F.interpolate(x, size, mode=self.interpolation, antialias=True, align_corners=False)
            x = x.round().clamp(0, 255)
        top, left = (round((side - self.input_size) / 2) for side in size)
        x = x[:, :, top : top + self.input_size, left : left + self.input_size] / 255
        mean, std = (x.new_tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (x - mean) / std


@dataclass(frozen=True)
class Checkpoint:
    """One published file of weights for 1000 classes of ImageNet.

    `sha256` is the beginning of its checksum, which its publisher put into its name.
    """

    source: str  # whose names are in it
    url: str
    sha256: str
    preprocessing: Preprocessing
    aux_heads: str = "none"  # in the file: "none", "trained" or "untrained"


TORCHVISION = "https://download.pytorch.org/models"
TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download"


def resized(input_size: int, crop_fraction: float) -> Preprocessing:
    """timm's way to say it: the part of the shorter side that is seen."""
    return Preprocessing(input_size=input_size, resize=math.floor(input_size / crop_fraction))


# torchvision's two were converted from Google's, and it maps its images to -1 to 1 inside the network; here that is
# part of the preprocessing.
CHECKPOINTS = {
    "googlenet": Checkpoint(
        source="torchvision",
        url=f"{TORCHVISION}/googlenet-1378be20.pth",
        sha256="1378be20",
        preprocessing=Preprocessing(input_size=224, resize=256, interpolation="bilinear"),
        aux_heads="untrained",
    ),
    "inception_v3": Checkpoint(
        source="torchvision",
        url=f"{TORCHVISION}/inception_v3_google-0cc3c7bd.pth",
        sha256="0cc3c7bd",
        preprocessing=Preprocessing(input_size=299, resize=342, interpolation="bilinear"),
        aux_heads="trained",
    ),
    "inception_v4": Checkpoint(
        source="timm",
        url=f"{TIMM}/v0.1-cadene/inceptionv4-8e4777a0.pth",
        sha256="8e4777a0",
        preprocessing=resized(299, 0.875),
    ),
    "inception_resnet_v2": Checkpoint(
        source="timm",
        url=f"{TIMM}/v0.1-weights/inception_resnet_v2-940b1cd6.pth",
        sha256="940b1cd6",
        preprocessing=resized(299, 0.8975),
    ),
    "xception": Checkpoint(
        source="timm",
        url=f"{TIMM}/v0.1-cadene/xception-43020ad28.pth",
        sha256="43020ad28",
        preprocessing=resized(299, 0.8975),
    ),
    "xception_65": Checkpoint(
        source="timm",
        url=f"{TIMM}/v0.1-weights/tf_xception_65-c9ae96e8.pth",
        sha256="c9ae96e8",
        preprocessing=resized(299, 0.903),
    ),
    "xception_71": Checkpoint(
        source="timm",
        url=f"{TIMM}/v0.1-weights/tf_xception_71-8eec7df1.pth",
        sha256="8eec7df1",
        preprocessing=resized(299, 0.903),
    ),
}


def weights_folder() -> Path:
    """Where downloaded weights are kept: `weights` in the course's cache."""
    return cache_folder() / "weights"


def require_published(name: str, net: Network) -> None:
    """Raise a ValueError that says why there are no published weights for this network, where there are none."""
    if name not in CHECKPOINTS:
        raise ValueError(
            f"The course downloads no weights for {name!r}; it does for {', '.join(CHECKPOINTS)}. A file that you have is read by "
            "networks.weights.load_weights: docs/networks.md says of which networks, and from whom."
        )
    if net.variant != "released" and net.RELEASED_DIFFERS:
        raise ValueError(f'The published weights of {name!r} belong to variant="released"; this is {net.variant!r}.')
    if net.scale.mini or net.scale.width != 1:
        raise ValueError(
            f'Published weights are for size="full" and width=1.0; this is size={net.scale.size!r}, '
            f"width={net.scale.width}."
        )
    classes = net.classifier.out_features
    if classes != 1000:
        raise ValueError(
            f"The published weights of {name!r} have 1000 classes, and num_classes is {classes}. Create the network "
            f"with num_classes=1000, then give it a new classifier: "
            f"net.classifier = torch.nn.Linear({net.classifier.in_features}, {classes})."
        )
    if net.in_channels != 3:
        raise ValueError(f"The published weights of {name!r} are for 3 channels, and in_channels is {net.in_channels}.")
    if net.aux_heads and CHECKPOINTS[name].aux_heads == "none":
        raise ValueError(f"The published weights of {name!r} have no auxiliary heads; leave aux_heads at False.")


def fill(name: str, net: Network) -> Network:
    """Put the published weights into a network, and beside them the preprocessing that they expect.

    The file is looked for in the course's cache and in torch's, and downloaded where it is in neither.

    Raises:
        ValueError: there are no weights for such a network; a file that is cut off or altered.
        FileNotFoundError: the file is not on this machine, and cannot be reached.
    """
    require_published(name, net)
    checkpoint = CHECKPOINTS[name]
    torch_cache = Path(torch.hub.get_dir()) / "checkpoints"
    path = fetch(checkpoint.url, sha256=checkpoint.sha256, folder=weights_folder(), also=[torch_cache])
    try:
        state_dict = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as weights ({error}). Delete it, and try again.") from error
    load_weights(net, state_dict, checkpoint.source)
    if net.aux_heads and checkpoint.aux_heads == "untrained":
        warnings.warn(
            f"The auxiliary heads in the published weights of {name!r} were never trained: their logits mean nothing "
            "until you train them.",
            stacklevel=3,
        )
    net.preprocessing = checkpoint.preprocessing
    return net
