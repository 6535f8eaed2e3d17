"""Public weights for the networks of the course: whose name for a parameter is which of ours.

Each `names_...` function is one table, from the names of a public implementation to the course's, read beside both
networks. `load_weights` follows it, and reports whatever it cannot place. What lies in a file, `networks.weight_files` says.
"""

import operator
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from networks.base import Network
from networks.layers import ConvBNAct
from networks.weight_files import KerasFile, KerasLayer, read_weights
from utils.system.modes import inside_of

Names = dict[str, str]  # their name of a module, or of a parameter, to ours
SOURCES = ("timm", "torchvision", "keras", "facenet")
OWN = "course"  # the names that a network of the course has itself: its `state_dict()`, or what a training has saved of it
WRAPPED_IN = (
    "state_dict",
    "model",
    "model_state_dict",
)  # where a training's file has the weights, beside its optimizer


@dataclass(frozen=True, repr=False)
class Loaded:
    """What `load_weights` did.

    Attributes:
        placed: names of our parameters and statistics that now hold the given values.
        ones: our normalisation weights that the source does not have (Keras trains Inception without them); now 1.
        skipped: given keys that belong to auxiliary heads, and this network was built without them; or to what no
            network here has (`NOT_HERE`).
        unplaced: given keys that have no place in the network.
        unfilled: our names for which nothing was given; they are as they were.
        mismatched: our names for which a tensor of another shape was given, in words; they are as they were.
        background_dropped: whether the first of 1001 classes, the background of Google's code, was left out.
    """

    placed: tuple[str, ...]
    ones: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    unfilled: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    background_dropped: bool = False

    def __repr__(self) -> str:
        """How many of each, and the first names of those that have not found their place."""
        parts = [f"{len(self.placed)} placed"]
        for name in ("ones", "skipped", "unplaced", "unfilled", "mismatched"):
            if found := getattr(self, name):
                more = ", ..." if len(found) > 3 else ""
                parts.append(f"{len(found)} {name} ({', '.join(found[:3])}{more})")
        return f"Loaded({'; '.join(parts)}{'; background dropped' if self.background_dropped else ''})"

    @property
    def complete(self) -> bool:
        """Whether everything given has its place, and everything of ours is filled."""
        return not (self.unplaced or self.unfilled or self.mismatched)


def load_weights(
    net: Network,
    state_dict: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any],
    source: str | None = None,
    *,
    strict: bool = True,
) -> Loaded:
    """Copy public weights, or the course's own, into a network of the course.

    Args:
        net: for public weights a network of full size, of the variant that the source's weights belong to (`VARIANT_OF` says
            which); for weights of its own any.
        state_dict: the path of a file of any of them, of whatever name: what lies in it says which kind it is. Or, for
            "timm", "torchvision" and "facenet" the `state_dict()` of their network, or what `torch.load` reads from
            one of their files. The network's own weights are read as well: `net.state_dict()`, and the files of `train`. What a training has saved is read too: names that begin with "module." or "_orig_mod.", and
            weights that lie under "state_dict" or "model" in it. For "keras" a Keras network's `.weights`, or a mapping from the paths of its weights
            ("conv2d_3/kernel") to arrays. Keras numbers its convolutions through a whole session; only their order
            counts.
        source: whose names and layouts these are: "timm", "torchvision", "keras" or "facenet" (the package
            facenet-pytorch). None: whose they are is seen from them.
        strict: raise where anything has no place, is missing or has another shape, and change nothing. With False,
            load what fits and say what did not in the result: so a network with another number of classes gets all
            but its classifier. Where nothing fits, or only the classifier, they are another network's, and refused all the same.

    Returns:
        What was placed, and what was not.

    Raises:
        TypeError: another network than the course's, or no path, mapping or sequence.
        ValueError: a source that has no weights for this network; the wrong variant or size; with `strict`, weights
            that do not fit; a file that holds no weights, is damaged, claims far more than the network takes, or points to
            other files.
        FileNotFoundError: there is no such file.
        ModuleNotFoundError: the package that reads such a file (h5py, safetensors) is not installed.
    """
    inside, title = inside_of(net), ""
    if not isinstance(inside, Network):
        raise TypeError(f"net is a {type(net).__name__}; it must be a network of the course, as `create` makes it.")
    net = inside
    if not isinstance(state_dict, str | os.PathLike | Mapping | Sequence):
        raise TypeError(
            f"state_dict is a {type(state_dict).__name__}; it must be the path of a file, a mapping from names to tensors, as "
            "net.state_dict() gives it, or a Keras network's `.weights`."
        )
    if isinstance(state_dict, str | os.PathLike):
        title = os.fspath(state_dict)
        state_dict = read_weights(Path(state_dict), most=_room(net))
        if isinstance(state_dict, KerasFile):
            title += f", a Keras network called {state_dict.title!r}" if state_dict.title else ", a Keras network"
    source = _source_of(net, state_dict, source, title)
    table = _table(net, source)
    given, original = _tidy(net, state_dict, source, table)
    if source == "keras" and type(net).__name__ == "ResNet50":
        given = _without_biases(given, table)
    ours = net.state_dict(keep_vars=True)
    if any(tensor.is_inference() for tensor in ours.values()):
        raise ValueError(
            "The network was made under torch.inference_mode, and such tensors cannot be changed: create it outside."
        )
    placed: dict[str, Tensor] = {}
    skipped: list[str] = []
    unplaced: list[str] = []
    mismatched: dict[str, str] = {}
    background_dropped = False
    for key, value in given.items():
        name = table.get(key)
        if name is None:
            (skipped if key.startswith(NOT_HERE.get(source, ())) else unplaced).append(original[key])
            continue
        if name not in ours:
            (skipped if name.startswith("aux") else unplaced).append(original[key])
            continue
        tensor = _in_our_layout(key, value, ours[name].ndim) if source == "keras" else _as_tensor(value, original[key])
        # Google's 1001 classes: the first stands for none of the 1000.
        if "classifier" in name and tensor.shape[:1] == (1001,) and len(ours[name]) == 1000:
            tensor, background_dropped = tensor[1:], True
        if tensor.shape != ours[name].shape:
            shapes = f"{tuple(ours[name].shape)} here, and {tuple(tensor.shape)} in the weights"
            mismatched[name] = f"{name} is {shapes}"
        else:
            placed[name] = tensor
    ones = _without_scale(net, given, table) if source == "keras" else []
    dealt_with = {*placed, *ones, *mismatched}
    unfilled = [name for name in ours if name not in dealt_with and not name.endswith("num_batches_tracked")]
    loaded = Loaded(
        placed=tuple(placed),
        ones=tuple(ones),
        skipped=tuple(skipped),
        unplaced=tuple(unplaced),
        unfilled=tuple(unfilled),
        mismatched=tuple(mismatched.values()),
        background_dropped=background_dropped,
    )
    of_another = all(name.startswith("classifier.") for name in loaded.placed)
    if (strict and not loaded.complete) or of_another:
        raise ValueError(_complaint(net, source, loaded, title))
    with torch.no_grad():
        for name, tensor in placed.items():
            ours[name].copy_(tensor)
        for name in ones:
            ours[name].fill_(1)
    return loaded


def as_published(net: Network, source: str) -> dict[str, Tensor]:
    """A network's weights under the names and in the form of "timm" or "torchvision": what `load_weights` reads back.

    Raises:
        ValueError: the source has no such network, or is "keras", whose layouts differ, or "facenet", whose end does.
    """
    if source in ("keras", "facenet"):
        raise ValueError(
            f'source is "{source}", whose weights are laid out in another way; it can be "timm" or "torchvision".'
        )
    ours = net.state_dict()
    return {theirs: ours[name] for theirs, name in _table(net, source).items() if name in ours}


# --- The parts of a name ----------------------------------------------------------------------------------------------


def under(theirs: str, ours: str, table: Names) -> Names:
    """The table of a module's inside, with the module's own name put before each of its names."""
    return {theirs + inner: ours + our_inner for inner, our_inner in table.items()}


def numbered(theirs: str, ours: str, count: int, *, first: int = 0) -> Names:
    """theirs with the numbers from `first` on, to ours with those from 0 on."""
    return {f"{theirs}{first + number}": f"{ours}{number}" for number in range(count)}


def conv_and_norm(table: Names) -> Names:
    """From a table of layers to one of what is in them: "conv" and "bn" there, "conv" and "norm" here."""
    inside: Names = {}
    for theirs, ours in table.items():
        inside |= {f"{theirs}.conv": f"{ours}.conv", f"{theirs}.bn": f"{ours}.norm"}
    return inside


# --- torchvision ------------------------------------------------------------------------------------------------------


def names_googlenet_torchvision() -> Names:
    """torchvision.models.googlenet.

    aux1 is behind 4a and aux2 behind 4d, in the weights as here. torchvision's forward long returned them the other way
    about (until pull request 8743, 2024); the names never changed.
    """
    module = {
        ".branch1": ".pointwise",
        **numbered(".branch2.", ".three.", 2),
        **numbered(".branch3.", ".five.", 2),
        ".branch4.1": ".pool.1",
    }
    layers = {"conv1": "conv1", "conv2": "conv2_reduce", "conv3": "conv2"}
    for place in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        layers |= under(f"inception{place}", f"inception_{place}", module)
    layers |= {"aux1.conv": "aux1.conv", "aux2.conv": "aux2.conv"}
    dense = {".fc1": ".dense", ".fc2": ".classifier"}
    heads = under("aux1", "aux1", dense) | under("aux2", "aux2", dense)
    return conv_and_norm(layers) | heads | {"fc": "classifier"}


def names_inception_v3() -> Names:
    """torchvision.models.inception_v3, and timm's inception_v3, which has the same names."""
    pointwise_and_pool = {".branch1x1": ".pointwise", ".branch_pool": ".pool.1"}
    stacked = numbered(".branch3x3dbl_", ".stacked.", 3, first=1)
    figure_5 = pointwise_and_pool | numbered(".branch5x5_", ".single.", 2, first=1) | stacked
    to_17 = {".branch3x3": ".single.0"} | stacked
    figure_6 = (
        pointwise_and_pool
        | numbered(".branch7x7_", ".single.", 3, first=1)
        | numbered(".branch7x7dbl_", ".stacked.", 5, first=1)
    )
    to_8 = numbered(".branch3x3_", ".single.", 2, first=1) | numbered(".branch7x7x3_", ".stacked.", 4, first=1)
    figure_7 = pointwise_and_pool | {
        ".branch3x3_1": ".single.0",
        ".branch3x3_2a": ".single.1.wide",
        ".branch3x3_2b": ".single.1.tall",
        **numbered(".branch3x3dbl_", ".stacked.", 2, first=1),
        ".branch3x3dbl_3a": ".stacked.2.wide",
        ".branch3x3dbl_3b": ".stacked.2.tall",
    }
    modules = {
        **dict.fromkeys(("5b", "5c", "5d"), figure_5),
        "6a": to_17,
        **dict.fromkeys(("6b", "6c", "6d", "6e"), figure_6),
        "7a": to_8,
        **dict.fromkeys(("7b", "7c"), figure_7),
    }
    stem = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")
    layers = {f"Conv2d_{place}": f"stem.conv_{place[:2]}" for place in stem}
    for place, module in modules.items():
        layers |= under(f"Mixed_{place}", f"mixed_{place}", module)
    layers |= {"AuxLogits.conv0": "aux1.reduce", "AuxLogits.conv1": "aux1.conv"}
    return conv_and_norm(layers) | {"AuxLogits.fc": "aux1.classifier", "fc": "classifier"}


def names_alexnet_torchvision() -> Names:
    """torchvision.models.alexnet."""
    convs = {f"features.{place}": f"conv{number}.conv" for number, place in enumerate((0, 3, 6, 8, 10), start=1)}
    return convs | {"classifier.1": "dense1.dense", "classifier.4": "dense2.dense", "classifier.6": "classifier"}


def names_vgg_torchvision() -> Names:
    """torchvision.models.vgg16: `features` is a list of convolutions, ReLUs and pools."""
    table: Names = {}
    place = 0
    for block, convs in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(convs):
            table[f"features.{place}"] = f"block{block}.{number}.conv"
            place += 2
        place += 1
    return table | {"classifier.0": "dense1.dense", "classifier.3": "dense2.dense", "classifier.6": "classifier"}


def names_resnet_torchvision() -> Names:
    """torchvision.models.resnet50: its layer1 to layer4 are the paper's conv2 to conv5."""
    table: Names = {"conv1": "conv1.conv", "bn1": "conv1.norm", "fc": "classifier"}
    for row, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            theirs, ours = f"layer{row}.{block}", f"conv{row + 1}_{block + 1}"
            for number in (1, 2, 3):
                layer = f"{ours}.body.{number - 1}"
                table |= {f"{theirs}.conv{number}": f"{layer}.conv", f"{theirs}.bn{number}": f"{layer}.norm"}
            if block == 0:
                table |= {f"{theirs}.downsample.0": f"{ours}.skip.conv", f"{theirs}.downsample.1": f"{ours}.skip.norm"}
    return table


# --- timm -------------------------------------------------------------------------------------------------------------

# Figure 4 of "Inception-v4", as timm's v4 and Inception-ResNet-v2 name its layers.
_INCEPTION_A_TIMM = {
    ".branch0": ".pointwise",
    **numbered(".branch1.", ".single.", 2),
    **numbered(".branch2.", ".stacked.", 3),
    ".branch3.1": ".pool.1",
}
_REDUCTION_A_TIMM = {".branch0": ".single.0", **numbered(".branch1.", ".stacked.", 3)}
_REDUCTION_B_TIMM = (
    numbered(".branch0.", ".single.", 2) | numbered(".branch1.", ".narrow.", 2) | numbered(".branch2.", ".stacked.", 3)
)


def residual_blocks(*blocks: tuple[str, str]) -> Names:
    """Blocks of an Inception-ResNet, each by their name and ours, as timm and facenet-pytorch name their layers."""
    names: Names = {}
    for theirs, ours in blocks:
        branches = {".branch0": ".pointwise"} | numbered(".branch1.", ".single.", 3)
        if "resnet_a" in ours:
            branches = {".branch0": ".pointwise"} | numbered(".branch1.", ".single.", 2)
            branches |= numbered(".branch2.", ".stacked.", 3)
        names |= conv_and_norm(under(theirs, ours, branches)) | {f"{theirs}.conv2d": f"{ours}.up"}
    return names


def names_inception_v4_timm() -> Names:
    """timm's inception_v4: `features` is a list, from the first convolution to the last module."""
    layers = {
        "features.0": "stem.conv_1",
        "features.1": "stem.conv_2",
        "features.2": "stem.conv_3",
        "features.3.conv": "stem.fork_1.conv",
        **numbered("features.4.branch0.", "stem.fork_2.short.", 2),
        **numbered("features.4.branch1.", "stem.fork_2.long.", 4),
        "features.5.conv": "stem.fork_3.conv",
    }
    inception_b = {
        ".branch0": ".pointwise",
        **numbered(".branch1.", ".single.", 3),
        **numbered(".branch2.", ".stacked.", 5),
        ".branch3.1": ".pool.1",
    }
    reduction_b = numbered(".branch0.", ".single.", 2) | numbered(".branch1.", ".stacked.", 4)
    inception_c = {
        ".branch0": ".pointwise",
        ".branch1_0": ".single.0",
        ".branch1_1a": ".single.1.wide",
        ".branch1_1b": ".single.1.tall",
        **numbered(".branch2_", ".stacked.", 3),
        ".branch2_3a": ".stacked.3.wide",
        ".branch2_3b": ".stacked.3.tall",
        ".branch3.1": ".pool.1",
    }
    modules = [(f"inception_a_{number}", _INCEPTION_A_TIMM) for number in range(4)]
    modules += [("reduction_a", _REDUCTION_A_TIMM)]
    modules += [(f"inception_b_{number}", inception_b) for number in range(7)]
    modules += [("reduction_b", reduction_b)]
    modules += [(f"inception_c_{number}", inception_c) for number in range(3)]
    for position, (name, module) in enumerate(modules, start=6):
        layers |= under(f"features.{position}", name, module)
    return conv_and_norm(layers) | {"last_linear": "classifier"}


def names_inception_resnet_v2_timm() -> Names:
    """timm's inception_resnet_v2: `repeat`, `repeat_1` and `repeat_2` are the A, B and C blocks, `block8` the last C."""
    layers = {f"conv2d_{place}": f"stem.conv_{place}" for place in ("1a", "2a", "2b", "3b", "4a")}
    layers |= under("mixed_5b", "mixed_5b", _INCEPTION_A_TIMM)
    layers |= under("mixed_6a", "reduction_a", _REDUCTION_A_TIMM)
    layers |= under("mixed_7a", "reduction_b", _REDUCTION_B_TIMM)
    layers["conv2d_7b"] = "conv_7b"
    blocks = residual_blocks(
        *((f"repeat.{number}", f"inception_resnet_a_{number}") for number in range(10)),
        *((f"repeat_1.{number}", f"inception_resnet_b_{number}") for number in range(20)),
        *((f"repeat_2.{number}", f"inception_resnet_c_{number}") for number in range(9)),
        ("block8", "inception_resnet_c_9"),
    )
    return conv_and_norm(layers) | blocks | {"classif": "classifier"}


def names_xception_timm() -> Names:
    """timm's legacy_xception: its block1 to block12 are the paper's block2 to block13."""

    def separable(theirs: str, norm: str, layer: str) -> Names:
        inside = {".conv1": ".conv.depthwise", ".pointwise": ".conv.pointwise"}
        return under(theirs, layer, inside) | {norm: f"{layer}.norm"}

    modules: Names = {}
    for number in (1, 2):
        modules |= {f"conv{number}": f"block1.conv{number}.conv", f"bn{number}": f"block1.conv{number}.norm"}
    for number in range(1, 13):
        theirs, ours = f"block{number}", f"block{number + 1}"
        opening_relu = number > 1  # it takes the first place in both lists
        for position in range(3 if 4 <= number <= 11 else 2):
            # There a separable convolution, its normalisation and a ReLU have a place each; here the first two share one.
            place = 3 * position + opening_relu
            layer = f"{ours}.body.{2 * position + opening_relu}"
            modules |= separable(f"{theirs}.rep.{place}", f"{theirs}.rep.{place + 1}", layer)
        if number in (1, 2, 3, 12):
            modules |= {f"{theirs}.skip": f"{ours}.skip.conv", f"{theirs}.skipbn": f"{ours}.skip.norm"}
    for number, layer in ((3, "block14.0"), (4, "block14.1")):
        modules |= separable(f"conv{number}", f"bn{number}", layer)
    return modules | {"fc": "classifier"}


def names_aligned_xception_timm(*, entry: int) -> Names:
    """timm's xception65 (three blocks in the entry flow) and xception71 (five): `blocks` is a list of all flows."""
    modules = conv_and_norm({"stem.0": "conv1", "stem.1": "conv2"})
    blocks = [f"entry_{number}" for number in range(entry)] + [f"middle_{number}" for number in range(16)]
    blocks += ["exit_0", "exit_1"]
    for position, ours in enumerate(blocks):
        theirs = f"blocks.{position}"
        for number in range(3):
            # A block of ours lists its ReLUs, too: ReLU, convolution, ReLU, ... The last stack, exit_1, has none to list.
            layer = f"exit_1.{number}" if ours == "exit_1" else f"{ours}.body.{2 * number + 1}"
            inside = {
                ".conv_dw": ".conv.depthwise",
                ".bn_dw": ".conv.between.0",
                ".conv_pw": ".conv.pointwise",
                ".bn_pw": ".norm",
            }
            modules |= under(f"{theirs}.stack.conv{number + 1}", layer, inside)
        if ours.startswith(("entry", "exit_0")):
            modules |= conv_and_norm({f"{theirs}.shortcut": f"{ours}.skip"})
    return modules | {"head.fc": "classifier"}


# --- facenet-pytorch --------------------------------------------------------------------------------------------------

EMBEDDING = "embedding"  # its `last_linear` and `last_bn` as one dense layer
FACENET_EPS = 1e-3  # of `last_bn`
NOT_HERE = {"facenet": ("logits.",)}  # a dense layer from the embedding to the people that it was trained on


def names_inception_resnet_v1_facenet() -> Names:
    """facenet_pytorch.InceptionResnetV1: `repeat_1` to `repeat_3` are the A, B and C blocks, `block8` the last C."""
    layers = {f"conv2d_{place}": f"stem.conv_{place}" for place in ("1a", "2a", "2b", "3b", "4a", "4b")}
    layers |= under("mixed_6a", "reduction_a", _REDUCTION_A_TIMM)
    layers |= under("mixed_7a", "reduction_b", _REDUCTION_B_TIMM)
    blocks = residual_blocks(
        *((f"repeat_1.{number}", f"inception_resnet_a_{number}") for number in range(5)),
        *((f"repeat_2.{number}", f"inception_resnet_b_{number}") for number in range(10)),
        *((f"repeat_3.{number}", f"inception_resnet_c_{number}") for number in range(5)),
        ("block8", "inception_resnet_c_5"),
    )
    return conv_and_norm(layers) | blocks | {EMBEDDING: "classifier"}


def _with_embedding(given: Mapping[str, Any]) -> dict[str, Any]:
    """`last_linear`, which has no bias, and the normalisation behind it as the one dense layer that they are in evaluation."""
    parts = ["last_linear.weight", *(f"last_bn.{kind}" for kind in ("weight", "bias", "running_mean", "running_var"))]
    if not all(isinstance(given.get(part), Tensor) for part in parts):
        return dict(given)
    weight, scale, shift, mean, variance = (given[part].double() for part in parts)
    scale = scale / (variance + FACENET_EPS).sqrt()
    rest = {key: value for key, value in given.items() if not key.startswith(("last_linear.", "last_bn."))}
    embedding = {"weight": scale[:, None] * weight, "bias": shift - scale * mean}
    return rest | {f"{EMBEDDING}.{kind}": value.float() for kind, value in embedding.items()}


# --- Keras ------------------------------------------------------------------------------------------------------------
# Here the tables name each weight, since a separable convolution is one layer there and two here. "conv2d#3" is the
# fourth of the convolutions that Keras numbers by itself, whatever number the session gave it.


def conv(theirs: str, ours: str) -> Names:
    """A convolution, or a dense layer."""
    return {f"{theirs}/kernel": f"{ours}.weight", f"{theirs}/bias": f"{ours}.bias"}


def norm(theirs: str, ours: str) -> Names:
    """A batch normalisation."""
    return {
        f"{theirs}/gamma": f"{ours}.weight",
        f"{theirs}/beta": f"{ours}.bias",
        f"{theirs}/moving_mean": f"{ours}.running_mean",
        f"{theirs}/moving_variance": f"{ours}.running_var",
    }


def in_order_keras(net: Network) -> Names:
    """The convolutions that Keras only numbers, each with a normalisation of the same number.

    Keras's code makes them in the order in which ours stand in the network: module by module, in each the branches of
    the figure from left to right, in each branch from the input on. Only the last of Inception-ResNet-v2 has a name.
    """
    layers = [name for name, module in net.named_modules() if isinstance(module, ConvBNAct)]
    layers = [name for name in layers if not name.startswith("aux") and name != "conv_7b"]
    names: Names = {}
    for number, ours in enumerate(layers):
        names |= conv(f"conv2d#{number}", f"{ours}.conv") | norm(f"batch_normalization#{number}", f"{ours}.norm")
    return names


def names_inception_v3_keras(net: Network) -> Names:
    """keras.applications.InceptionV3."""
    return in_order_keras(net) | conv("predictions", "classifier")


def names_inception_resnet_v2_keras(net: Network) -> Names:
    """keras.applications.InceptionResNetV2: only the 1 x 1 at each block's end has a name, and counts from 1."""
    names = in_order_keras(net)
    for theirs, ours, count in (("block35", "a", 10), ("block17", "b", 20), ("block8", "c", 10)):
        for number in range(count):
            names |= conv(f"{theirs}_{number + 1}_conv", f"inception_resnet_{ours}_{number}.up")
    names |= conv("conv_7b", "conv_7b.conv") | norm("conv_7b_bn", "conv_7b.norm")
    return names | conv("predictions", "classifier")


def names_xception_keras() -> Names:
    """keras.applications.Xception: the blocks have the paper's numbers; only the convolutions of the skips are numbered."""
    names: Names = {}
    for number in (1, 2):
        names |= conv(f"block1_conv{number}", f"block1.conv{number}.conv")
        names |= norm(f"block1_conv{number}_bn", f"block1.conv{number}.norm")
    layers = {"block14_sepconv1": "block14.0", "block14_sepconv2": "block14.1"}
    for block in range(2, 14):
        opening_relu = block > 2
        for position in range(3 if 5 <= block <= 12 else 2):
            layers[f"block{block}_sepconv{position + 1}"] = f"block{block}.body.{2 * position + opening_relu}"
    for theirs, ours in layers.items():
        names |= {
            f"{theirs}/depthwise_kernel": f"{ours}.conv.depthwise.weight",
            f"{theirs}/pointwise_kernel": f"{ours}.conv.pointwise.weight",
        }
        names |= norm(f"{theirs}_bn", f"{ours}.norm")
    for number, block in enumerate((2, 3, 4, 13)):
        names |= conv(f"conv2d#{number}", f"block{block}.skip.conv")
        names |= norm(f"batch_normalization#{number}", f"block{block}.skip.norm")
    return names | conv("predictions", "classifier")


def names_mobilenet_keras() -> Names:
    """keras.applications.MobileNet. Its classifier is a 1 x 1 convolution of the one place that is left, here a dense layer."""
    names = conv("conv1", "conv1.1.conv") | norm("conv1_bn", "conv1.1.norm")
    for number in range(1, 14):
        for theirs, ours in (("dw", "depthwise"), ("pw", "pointwise")):
            layer = f"separable_{number}.{ours}"
            names |= conv(f"conv_{theirs}_{number}", f"{layer}.conv") | norm(
                f"conv_{theirs}_{number}_bn", f"{layer}.norm"
            )
    return names | conv("conv_preds", "classifier")


def names_vgg_keras() -> Names:
    """keras.applications.VGG16."""
    names: Names = {}
    for block, convs in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(convs):
            names |= conv(f"block{block}_conv{number + 1}", f"block{block}.{number}.conv")
    return names | conv("fc1", "dense1.dense") | conv("fc2", "dense2.dense") | conv("predictions", "classifier")


def names_resnet_keras() -> Names:
    """keras.applications.ResNet50, "v1"; the biases of its convolutions are in the means (`_without_biases`)."""
    layers = {"conv1": "conv1"}
    for row, blocks in enumerate((3, 4, 6, 3), start=2):
        for block in range(1, blocks + 1):
            theirs, ours = f"conv{row}_block{block}", f"conv{row}_{block}"
            layers |= {f"{theirs}_0": f"{ours}.skip"} if block == 1 else {}
            layers |= numbered(f"{theirs}_", f"{ours}.body.", 3, first=1)
    names: Names = {}
    for theirs, ours in layers.items():
        names |= {f"{theirs}_conv/kernel": f"{ours}.conv.weight"} | norm(f"{theirs}_bn", f"{ours}.norm")
    return names | conv("predictions", "classifier")


def _without_biases(given: Mapping[str, object], table: Names) -> dict[str, object]:
    """Keras's ResNet as one without biases: what a bias adds the normalisation behind it takes off, with the mean.

    Its epsilon is 1.001e-5 and ours 1e-5: the rest is in the variance.
    """
    left = dict(given)
    for key in given:
        layer = key.removesuffix("_conv/bias")
        mean, variance = f"{layer}_bn/moving_mean", f"{layer}_bn/moving_variance"
        if layer != key and mean in table and {mean, variance} <= given.keys():
            left[mean] = _as_tensor(given[mean], mean) - _as_tensor(left.pop(key), key)
            left[variance] = _as_tensor(given[variance], variance) + 1e-8
    return left


# --- Which network has which ------------------------------------------------------------------------------------------

# By the class of the network, then by source.
TABLES: dict[str, dict[str, Callable[[Network], Names]]] = {
    "GoogLeNet": {"torchvision": lambda net: names_googlenet_torchvision()},
    "InceptionV3": {
        "timm": lambda net: names_inception_v3(),
        "torchvision": lambda net: names_inception_v3(),
        "keras": names_inception_v3_keras,
    },
    "InceptionV4": {"timm": lambda net: names_inception_v4_timm()},
    "InceptionResNetV1": {"facenet": lambda net: names_inception_resnet_v1_facenet()},
    "InceptionResNetV2": {
        "timm": lambda net: names_inception_resnet_v2_timm(),
        "keras": names_inception_resnet_v2_keras,
    },
    "Xception": {"timm": lambda net: names_xception_timm(), "keras": lambda net: names_xception_keras()},
    "Xception65": {"timm": lambda net: names_aligned_xception_timm(entry=3)},
    "Xception71": {"timm": lambda net: names_aligned_xception_timm(entry=5)},
    "AlexNet": {"torchvision": lambda net: names_alexnet_torchvision()},
    "VGG16": {"torchvision": lambda net: names_vgg_torchvision(), "keras": lambda net: names_vgg_keras()},
    "ResNet50": {"torchvision": lambda net: names_resnet_torchvision(), "keras": lambda net: names_resnet_keras()},
    "MobileNetV1": {"keras": lambda net: names_mobilenet_keras()},
}

# The variant whose forward is that of the source, where it matters, and what would go wrong with the other one.
VARIANT_OF = {
    ("GoogLeNet", "torchvision"): ("released", "has batch normalisation, and 3 x 3 for 5 x 5"),
    ("InceptionV3", "timm"): ("released", "counts the padding in its average pools"),
    ("InceptionV3", "torchvision"): ("released", "counts the padding in its average pools"),
    ("InceptionV3", "keras"): ("paper", "leaves the padding out of its average pools"),
    ("InceptionResNetV1", "facenet"): ("released", "has a sixth C block"),
    ("InceptionResNetV2", "timm"): ("released", "has the stem of Inception-v3, and 10, 20 and 10 blocks"),
    ("InceptionResNetV2", "keras"): ("released", "has the stem of Inception-v3, and 10, 20 and 10 blocks"),
    ("Xception", "timm"): ("released", "pads its pools at both ends, and has epsilon 1e-5"),
    ("Xception", "keras"): ("paper", "pads its pools as TensorFlow does, and has epsilon 1e-3"),
    ("AlexNet", "torchvision"): ("released", "is one tower, without response normalisation"),
    ("ResNet50", "torchvision"): ("released", "halves the grid in the 3 x 3 of a block"),
    ("ResNet50", "keras"): ("paper", "halves the grid in the first 1 x 1 of a block"),
    ("MobileNetV1", "keras"): ("released", "has ReLUs that stop at 6, and pads at the far end"),
}

_PARAMETERS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _table(net: Network, source: str) -> Names:
    """Their name of every parameter to ours, or a ValueError that says which weights this network can take."""
    kind = type(net).__name__
    if any(parameter.is_meta for parameter in net.parameters()):
        raise ValueError(f"This {kind} is on the device meta, where there is no room for weights. Build it on the CPU.")
    if source == OWN:
        return {name: name for name in net.state_dict()}
    if source not in SOURCES:
        raise ValueError(f"source is {source!r}; it can be {', '.join(map(repr, SOURCES))}.")
    tables = TABLES.get(kind, {})
    if not tables:
        raise ValueError(
            f"{source} has no weights for {kind}, nor has any other source here. There are public weights for "
            f"{', '.join(TABLES)}."
        )
    if source not in tables:
        have = "has" if len(tables) == 1 else "have"
        raise ValueError(f"{source} has no weights for {kind}; {' and '.join(tables)} {have}.")
    _require_full_size(net)
    variant, why = VARIANT_OF.get((kind, source), (net.variant, ""))
    if net.variant != variant and net.RELEASED_DIFFERS:
        raise ValueError(
            f"The network of {source} {why}: that is variant={variant!r}, and this {kind} is variant={net.variant!r}. "
            f"Build it with variant={variant!r}."
        )
    names = tables[source](net)
    if source == "keras":
        return names
    return {f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in names.items() for kind in _PARAMETERS}


def _require_full_size(net: Network) -> None:
    if net.scale.mini or net.scale.width != 1:
        raise ValueError(
            f"Public weights are for the full size; this {type(net).__name__} has size={net.scale.size!r} and "
            f"width={net.scale.width}. Build it with size='full' and width=1.0."
        )


# --- What is given ----------------------------------------------------------------------------------------------------


def _room(net: Network) -> int:
    """Bytes that a file of a network's weights may take: float64, an optimizer's two numbers a weight, another head."""
    return 8 * sum(4 * parameter.numel() for parameter in net.parameters()) + 2**28


def _source_of(net: Network, given: object, source: str | None, title: str) -> str:
    """Whose weights these are: the source that was named, else the one most of whose names are among them."""
    if isinstance(given, KerasFile):
        if source not in (None, "keras"):
            raise ValueError(f"{title}: its source is 'keras', and source is {source!r}. Leave it out.")
        return "keras"
    if source is not None:
        return source
    if (
        isinstance(given, Mapping)
        and (other := next((name for name in given if not isinstance(name, str)), None)) is not None
    ):
        raise ValueError(f"state_dict has the key {other!r}; its keys must be names.")
    if not isinstance(given, Mapping) or any("/" in name for name in given):
        return "keras"
    names, ours = set(_unwrapped(given)[0]), set(net.state_dict())
    if names and 2 * len(names & ours) > len(ours):
        return OWN
    modules = {name.rpartition(".")[0] for name in names}
    tables = TABLES.get(type(net).__name__, {})
    found = {each: len(modules & set(table(net))) for each, table in tables.items()}
    return max(found, key=lambda each: found[each], default=SOURCES[0])  # of which it is told that it has none


def _tidy(
    net: Network, state_dict: Mapping[str, Any] | Sequence[Any] | KerasFile, source: str, table: Names
) -> tuple[dict[str, object], dict[str, str]]:
    """The given values by the names of our tables, and each name as it was given."""
    if isinstance(state_dict, KerasFile):
        return _of_keras_file(net, state_dict, table)
    if not isinstance(state_dict, Mapping):
        if source != "keras":
            raise ValueError(
                f"state_dict is a {type(state_dict).__name__}; it must map names to tensors, as net.state_dict() does."
            )
        state_dict = {weight.path: weight for weight in state_dict}
    if source == "facenet":
        given, names = _unwrapped(state_dict)
        given = _with_embedding(given)
        return given, {key: names.get(key, f"last_linear and last_bn ({key})") for key in given}
    if source != "keras":
        return _unwrapped(state_dict)
    short = {key: "/".join(key.removesuffix(":0").split("/")[-2:]) for key in state_dict}
    renamed = _ranked(short.values())
    return (
        {renamed[short[key]]: value for key, value in state_dict.items()},
        {renamed[short[key]]: key for key in state_dict},
    )


def _unwrapped(saved: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, str]]:
    """The weights in what a training has saved by their own names, and each name as it was given.

    A training's file has them under "state_dict" or "model", beside its optimizer; DistributedDataParallel and torch.compile put
    a word before each name.
    """
    under = next((name for name in WRAPPED_IN if isinstance(saved.get(name), Mapping)), None)
    if under is not None:
        saved = saved[under]
    names = {key: key for key in saved}
    for prefix in ("module.", "_orig_mod.", "module."):  # either may be around the other
        if names and all(name.startswith(prefix) for name in names.values()):
            names = {key: name.removeprefix(prefix) for key, name in names.items()}
    return {names[key]: value for key, value in saved.items()}, {name: key for key, name in names.items()}


def _ranked(keys: Iterable[str]) -> dict[str, str]:
    """ "conv2d_297/kernel" to "conv2d#0/kernel" where 297 is the lowest of the numbers that Keras gave."""
    automatic = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?/(.+)")
    keys = list(keys)
    matches = {key: match for key in keys if (match := automatic.fullmatch(key))}
    numbers: dict[str, set[int]] = {}
    for match in matches.values():
        numbers.setdefault(match[1], set()).add(int(match[2] or 0))
    rank = {kind: {number: place for place, number in enumerate(sorted(found))} for kind, found in numbers.items()}
    renamed = {key: f"{match[1]}#{rank[match[1]][int(match[2] or 0)]}/{match[3]}" for key, match in matches.items()}
    return {key: renamed.get(key, key) for key in keys}


def _of_keras_file(net: Network, file: KerasFile, table: Names) -> tuple[dict[str, object], dict[str, str]]:
    """The weights of a Keras file by the names of our table, and each as the file names it.

    By the layers' names where the file keeps them and they are ours. Else by their order, kind by kind: Keras keeps
    the layers of each class in the order of the network, and Keras 3.0 to 3.5 no name beside it; Keras 1 had other names.
    """
    inside = _innermost(file.layers)
    named = {f"{layer.name}/{kind}": layer for layer in inside for kind in layer.arrays}
    keys = _ranked(named)
    all_named = sum(len(layer.arrays) for layer in inside) == len(named)  # no name missing, and none twice
    if all_named and 2 * len(table.keys() & set(keys.values())) > len(table):
        theirs = {id(layer): keys[key].rpartition("/")[0] for key, layer in named.items()}
        head = {key.rpartition("/")[0] for key, ours in table.items() if ours.startswith("classifier.")}
        known = {key.rpartition("/")[0] for key in table}
        others = [layer for layer in file.layers if layer.kind == "dense" and theirs.get(id(layer)) not in known]
        if len(others) == 1 and not head & set(theirs.values()):  # a head of one's own on Keras's network
            theirs[id(others[0])] = min(head)
    else:
        outside = [layer for layer in file.layers if layer.kind == "dense" and layer not in inside]
        theirs = _by_order(net, [*inside, *outside], table)
    given: dict[str, object] = {}
    original: dict[str, str] = {}
    for layer in file.layers:
        for kind, array in layer.arrays.items():
            key = f"{theirs.get(id(layer), layer.label)}/{kind}"
            given[key] = array
            original[key] = f"{layer.name or layer.label}/{kind}"
    return given, original


def _innermost(layers: list[KerasLayer]) -> list[KerasLayer]:
    """The layers of the network that most of them are in, where it lies within another: what stands around it has its own numbers."""
    around = [layer.label.rpartition("/")[0] for layer in layers]
    most = max(around, key=around.count, default="")
    return [layer for layer, place in zip(layers, around, strict=True) if place == most]


def _by_order(net: Network, layers: list[KerasLayer], table: Names) -> dict[int, str]:
    """Which layer of our table each of a Keras file's is, by kind and order; none where their numbers differ."""
    places = {name: place for place, name in enumerate(_in_keras_order(net))}
    wanted: dict[str, list[tuple[int, str]]] = {}
    seen: set[str] = set()
    for key, ours in table.items():
        layer, kind = key.rsplit("/", 1)
        if layer in seen or kind == "bias":
            continue
        seen.add(layer)
        module = net.get_submodule(ours.rpartition(".")[0])
        place = (places[ours.rpartition(".")[0]], layer)
        wanted.setdefault(_kind_in_keras(layer, kind, module), []).append(place)
    found = Counter(layer.kind for layer in layers)
    top = {
        _kind_in_keras(key.rpartition("/")[0], "kernel", net.classifier)
        for key in table
        if table[key] == "classifier.weight"
    }
    if any(found[kind] not in (len(each), len(each) - (kind in top)) for kind, each in wanted.items()):
        return {}
    matched: dict[int, str] = {}
    for kind, each in wanted.items():
        matched |= {
            id(layer): name
            for layer, (_, name) in zip((one for one in layers if one.kind == kind), sorted(each), strict=False)
        }
    return matched


def _kind_in_keras(layer: str, weight: str, module: nn.Module) -> str:
    """The kind of a layer of our table, as `networks.weight_files` calls it."""
    if weight == "gamma":
        return "norm"
    if weight == "depthwise_kernel":
        return "separable"
    if isinstance(module, nn.Linear):
        return "conv" if layer.startswith("conv") else "dense"  # MobileNet's classifier is a 1 x 1 there
    return "depthwise" if isinstance(module, nn.Conv2d) and module.groups > 1 else "conv"


def _in_keras_order(net: Network) -> list[str]:
    """The layers of a network as Keras lists its own: the farthest from the output first.

    Of those as far, the one first that is met on the way back from the output, through the inputs of each layer from left
    to right (`keras.src.ops.function.map_graph`).
    """
    graph = fx.symbolic_trace(net).graph
    distance: dict[fx.Node, int] = {}
    for node in reversed(graph.nodes):
        distance[node] = max((distance[user] + 1 for user in node.users), default=0)
    met: dict[fx.Node, None] = {}
    waiting = list(graph.find_nodes(op="output"))
    while waiting:
        node = waiting.pop()
        if node not in met:
            met[node] = None
            inputs = node.all_input_nodes
            waiting += inputs if node.target is operator.add else reversed(inputs)  # Keras's ResNet adds the skip first
    ordered = sorted(met, key=lambda node: -distance[node])  # stable: those as far stay as they were met
    return [str(node.target) for node in ordered if node.op == "call_module"]


def _as_tensor(value: object, name: str) -> Tensor:
    """An array, or a Keras variable."""
    held = getattr(value, "value", value)  # a Keras variable's: a torch tensor where Keras runs on torch
    if hasattr(held, "numpy") and not isinstance(held, Tensor):
        held = held.numpy()
    try:
        tensor = torch.as_tensor(held).detach()
    except (TypeError, RuntimeError, ValueError) as problem:
        raise ValueError(f"{name} holds {value!r:.60}, which is no tensor. Nothing was changed.") from problem
    if tensor.is_complex():
        raise ValueError(f"{name} holds complex numbers ({tensor.dtype}); weights are real. Nothing was changed.")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested or tensor.is_meta:
        what = f"{tensor.dtype}, {'nested' if tensor.is_nested else tensor.layout}, on {tensor.device}"
        raise ValueError(
            f"{name} holds a tensor that is no plain one ({what}); make it dense, with numbers. Nothing was changed."
        )
    return tensor


def _in_our_layout(key: str, value: object, dimensions: int) -> Tensor:
    """A Keras array as torch lays it out: (height, width, in, out) to (out, in, height, width), dense ones transposed.

    `dimensions` are those of ours: a 1 x 1 convolution there may be a dense layer here.
    """
    tensor = _as_tensor(value, key)
    if key == "fc1/kernel":  # of VGG: Keras lays the grid out with its channels last
        tensor = tensor.unflatten(0, (7, 7, -1)).permute(2, 0, 1, 3).flatten(0, 2)
    if key.endswith("/depthwise_kernel") or (key.startswith("conv_dw_") and key.endswith("/kernel")):
        return tensor.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1)  # of (height, width, in, multiplier)
    if key.endswith("kernel"):
        tensor = tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T if tensor.ndim == 2 else tensor
        return tensor.flatten(1) if dimensions == 2 and tensor.ndim == 4 else tensor
    return tensor


def _without_scale(net: Network, given: Mapping[str, object], table: Names) -> list[str]:
    """Our normalisation weights for which Keras has a shift and no scale."""
    return [
        table[f"{layer}/gamma"]
        for layer in (key.removesuffix("/beta") for key in given if key.endswith("/beta"))
        if f"{layer}/gamma" in table and f"{layer}/gamma" not in given
    ]


# --- Complaints -------------------------------------------------------------------------------------------------------


def _given_alone(name: str, place: int, loaded: Loaded) -> int | None:
    """What a parameter's shape has there in the weights, where it differs from ours in this place alone."""
    for line in loaded.mismatched:
        if line.startswith(f"{name} is "):
            here, there = (
                [int(size) for size in re.findall(r"\d+", part)] for part in line.removeprefix(name).split("here")
            )
            others = [each for each in range(len(here)) if each != place]
            if len(here) == len(there) and all(here[each] == there[each] for each in others):
                return there[place]
    return None


def _complaint(net: Network, source: str, loaded: Loaded, title: str = "") -> str:
    """What does not fit, the likely reason first, and what to do. `title` is the file's, if they are from one."""
    lines = [f"These weights do not fit {type(net).__name__}; nothing was changed."]
    if title:
        lines.append(f"They are from {title}.")
    first = next(name for name, parameter in net.named_parameters() if parameter.ndim == 4)
    given = _given_alone("classifier.weight", 0, loaded)
    channels = _given_alone(first, 1, loaded)
    if given is not None:
        end = f"end in an embedding of {given} numbers" if source == "facenet" else f"have {given} classes"
        lines.append(
            f"The weights {end}, the network {net.classifier.out_features}: build it with "
            f"num_classes={given}, and put a new classifier in place of the old one afterwards "
            f"(net.classifier = torch.nn.Linear({net.classifier.in_features}, ...)); or load all but the classifier with "
            "strict=False."
        )
    if channels is not None:
        lines.append(f"The network was built for images of {net.in_channels} channels, the weights for {channels}.")
    if loaded.mismatched and given is None and channels is None:
        lines.append("Are they another network's, or one's of another width?")
    if loaded.unfilled and all(name.startswith("aux") for name in loaded.unfilled):
        lines.append("The weights have no auxiliary heads: build the network with aux_heads=False.")
    no_head = bool(loaded.unfilled) and all(name.startswith("classifier.") for name in loaded.unfilled)
    if no_head and not loaded.unplaced:
        lines.append(
            "The weights have no classifier (as Keras's with include_top=False): load the rest with strict=False."
        )
    if loaded.unplaced and not loaded.placed:
        lines.append(f"None of the names is one of {source}'s; are they from another source, or another network?")
    for label, names in (
        ("Other shapes", loaded.mismatched),
        ("No place for", loaded.unplaced),
        ("Nothing given for", loaded.unfilled),
    ):
        if names:
            more = f", and {len(names) - 5} more" if len(names) > 5 else ""
            lines.append(f"{label} ({len(names)}): {'; '.join(names[:5])}{more}.")
    return "\n".join(lines)
