"""Public weights for the networks of the course: whose name for a parameter is which of ours.

Each `names_...` function is one table, from the names of a public implementation to the course's, read beside both
networks. `load_weights` follows it, and reports whatever it cannot place.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from networks.base import Network
from networks.layers import ConvBNAct

Names = dict[str, str]  # their name of a module, or of a parameter, to ours
SOURCES = ("timm", "torchvision", "keras")
WRAPPED_IN = (
    "state_dict",
    "model",
    "model_state_dict",
)  # where a training's file has the weights, beside its optimizer


@dataclass(frozen=True)
class Loaded:
    """What `load_weights` did.

    Attributes:
        placed: names of our parameters and statistics that now hold the given values.
        ones: our normalisation weights that the source does not have (Keras trains Inception without them); now 1.
        skipped: given keys that belong to auxiliary heads, and this network was built without them.
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

    @property
    def complete(self) -> bool:
        """Whether everything given has its place, and everything of ours is filled."""
        return not (self.unplaced or self.unfilled or self.mismatched)


def load_weights(
    net: Network, state_dict: Mapping[str, Any] | Sequence[Any], source: str, *, strict: bool = True
) -> Loaded:
    """Copy public weights into a network of the course.

    Args:
        net: a network of full size, of the variant that the source's weights belong to (`VARIANT_OF` says which).
        state_dict: for "timm" and "torchvision" the `state_dict()` of their network, or what `torch.load` reads from
            one of their files. What a training has saved is read too: names that begin with "module." or "_orig_mod.", and
            weights that lie under "state_dict" or "model" in it. For "keras" a Keras network's `.weights`, or a mapping from the paths of its weights
            ("conv2d_3/kernel") to arrays. Keras numbers its convolutions through a whole session; only their order
            counts.
        source: whose names and layouts these are: "timm", "torchvision" or "keras".
        strict: raise where anything has no place, is missing or has another shape, and change nothing. With False,
            load what fits and say what did not in the result: so a network with another number of classes gets all
            but its classifier.

    Returns:
        What was placed, and what was not.

    Raises:
        ValueError: a source that has no weights for this network; the wrong variant or size; with `strict`, weights
            that do not fit.
    """
    table = _table(net, source)
    given, original = _tidy(state_dict, source)
    ours = net.state_dict(keep_vars=True)
    placed: dict[str, Tensor] = {}
    skipped: list[str] = []
    unplaced: list[str] = []
    mismatched: dict[str, str] = {}
    background_dropped = False
    for key, value in given.items():
        name = table.get(key)
        if name is None:
            unplaced.append(original[key])
            continue
        if name not in ours:
            (skipped if name.startswith("aux") else unplaced).append(original[key])
            continue
        tensor = _in_our_layout(key, value, ours[name].ndim) if source == "keras" else torch.as_tensor(value)
        # Google's 1001 classes: the first stands for none of the 1000.
        if "classifier" in name and len(tensor) == 1001 and len(ours[name]) == 1000:
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
    if strict and not loaded.complete:
        raise ValueError(_complaint(net, source, loaded))
    with torch.no_grad():
        for name, tensor in placed.items():
            ours[name].copy_(tensor)
        for name in ones:
            ours[name].fill_(1)
    return loaded


def as_published(net: Network, source: str) -> dict[str, Tensor]:
    """A network's weights under the names and in the form of "timm" or "torchvision": what `load_weights` reads back.

    Raises:
        ValueError: the source has no such network, or is "keras", whose layouts differ.
    """
    if source == "keras":
        raise ValueError(
            'source is "keras", whose weights are laid out in another way; it can be "timm" or "torchvision".'
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
    reduction_b = (
        numbered(".branch0.", ".single.", 2)
        | numbered(".branch1.", ".narrow.", 2)
        | numbered(".branch2.", ".stacked.", 3)
    )
    layers |= under("mixed_7a", "reduction_b", reduction_b)
    layers["conv2d_7b"] = "conv_7b"

    block_a = {
        ".branch0": ".pointwise",
        **numbered(".branch1.", ".single.", 2),
        **numbered(".branch2.", ".stacked.", 3),
    }
    block_b_or_c = {".branch0": ".pointwise", **numbered(".branch1.", ".single.", 3)}
    blocks = [(f"repeat.{number}", f"inception_resnet_a_{number}", block_a) for number in range(10)]
    blocks += [(f"repeat_1.{number}", f"inception_resnet_b_{number}", block_b_or_c) for number in range(20)]
    blocks += [(f"repeat_2.{number}", f"inception_resnet_c_{number}", block_b_or_c) for number in range(9)]
    blocks += [("block8", "inception_resnet_c_9", block_b_or_c)]
    for theirs, ours, block in blocks:
        layers |= under(theirs, ours, block)
    up = {f"{theirs}.conv2d": f"{ours}.up" for theirs, ours, _ in blocks}
    return conv_and_norm(layers) | up | {"classif": "classifier"}


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
    "InceptionResNetV2": {
        "timm": lambda net: names_inception_resnet_v2_timm(),
        "keras": names_inception_resnet_v2_keras,
    },
    "Xception": {"timm": lambda net: names_xception_timm(), "keras": lambda net: names_xception_keras()},
    "Xception65": {"timm": lambda net: names_aligned_xception_timm(entry=3)},
    "Xception71": {"timm": lambda net: names_aligned_xception_timm(entry=5)},
    "AlexNet": {"torchvision": lambda net: names_alexnet_torchvision()},
    "VGG16": {"torchvision": lambda net: names_vgg_torchvision()},
    "ResNet50": {"torchvision": lambda net: names_resnet_torchvision()},
    "MobileNetV1": {"keras": lambda net: names_mobilenet_keras()},
}

# The variant whose forward is that of the source, where it matters, and what would go wrong with the other one.
VARIANT_OF = {
    ("GoogLeNet", "torchvision"): ("released", "has batch normalisation, and 3 x 3 for 5 x 5"),
    ("InceptionV3", "timm"): ("released", "counts the padding in its average pools"),
    ("InceptionV3", "torchvision"): ("released", "counts the padding in its average pools"),
    ("InceptionV3", "keras"): ("paper", "leaves the padding out of its average pools"),
    ("InceptionResNetV2", "timm"): ("released", "has the stem of Inception-v3, and 10, 20 and 10 blocks"),
    ("InceptionResNetV2", "keras"): ("released", "has the stem of Inception-v3, and 10, 20 and 10 blocks"),
    ("Xception", "timm"): ("released", "pads its pools at both ends, and has epsilon 1e-5"),
    ("Xception", "keras"): ("paper", "pads its pools as TensorFlow does, and has epsilon 1e-3"),
    ("AlexNet", "torchvision"): ("released", "is one tower, without response normalisation"),
    ("ResNet50", "torchvision"): ("released", "halves the grid in the 3 x 3 of a block"),
    ("MobileNetV1", "keras"): ("released", "has ReLUs that stop at 6, and pads at the far end"),
}

_PARAMETERS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _table(net: Network, source: str) -> Names:
    """Their name of every parameter to ours, or a ValueError that says which weights this network can take."""
    if source not in SOURCES:
        raise ValueError(f"source is {source!r}; it can be {', '.join(map(repr, SOURCES))}.")
    kind = type(net).__name__
    tables = TABLES.get(kind, {})
    if not tables:
        raise ValueError(
            f"{source} has no weights for {kind}, nor has any other source here. There are public weights for "
            f"{', '.join(TABLES)}."
        )
    if source not in tables:
        have = "has" if len(tables) == 1 else "have"
        raise ValueError(f"{source} has no weights for {kind}; {' and '.join(tables)} {have}.")
    if net.scale.mini or net.scale.width != 1:
        raise ValueError(
            f"Public weights are for the full size; this {kind} has size={net.scale.size!r} and "
            f"width={net.scale.width}. Build it with size='full' and width=1.0."
        )
    variant, why = VARIANT_OF.get((kind, source), (net.variant, ""))
    if net.variant != variant and net.RELEASED_DIFFERS:
        raise ValueError(
            f"The network of {source} {why}: that is variant={variant!r}, and this {kind} is variant={net.variant!r}. "
            f"Build it with variant={variant!r}."
        )
    if any(parameter.is_meta for parameter in net.parameters()):
        raise ValueError(f"This {kind} is on the device meta, where there is no room for weights. Build it on the CPU.")
    names = tables[source](net)
    if source == "keras":
        return names
    return {f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in names.items() for kind in _PARAMETERS}


# --- What is given ----------------------------------------------------------------------------------------------------


def _tidy(state_dict: Mapping[str, Any] | Sequence[Any], source: str) -> tuple[dict[str, object], dict[str, str]]:
    """The given values by the names of our tables, and each name as it was given."""
    if not isinstance(state_dict, Mapping):
        if source != "keras":
            raise ValueError(
                f"state_dict is a {type(state_dict).__name__}; it must map names to tensors, as net.state_dict() does."
            )
        state_dict = {weight.path: weight for weight in state_dict}
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


def _in_our_layout(key: str, value: object, dimensions: int) -> Tensor:
    """A Keras array as torch lays it out: (height, width, in, out) to (out, in, height, width), dense ones transposed.

    `dimensions` are those of ours: a 1 x 1 convolution there may be a dense layer here.
    """
    value = getattr(value, "value", value)  # a Keras variable's: a torch tensor where Keras runs on torch
    if hasattr(value, "numpy") and not isinstance(value, Tensor):
        value = value.numpy()
    tensor = torch.as_tensor(value).detach()
    if key.endswith("/depthwise_kernel") or (key.startswith("conv_dw_") and key.endswith("/kernel")):
        return tensor.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1)  # of (height, width, in, multiplier)
    if key.endswith("kernel"):
        tensor = tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor.t()
        return tensor.flatten(1) if dimensions == 2 else tensor
    return tensor


def _without_scale(net: Network, given: Mapping[str, object], table: Names) -> list[str]:
    """Our normalisation weights for which Keras has a shift and no scale."""
    return [
        table[f"{layer}/gamma"]
        for layer in (key.removesuffix("/beta") for key in given if key.endswith("/beta"))
        if f"{layer}/gamma" in table and f"{layer}/gamma" not in given
    ]


# --- Complaints -------------------------------------------------------------------------------------------------------


def _complaint(net: Network, source: str, loaded: Loaded) -> str:
    """What does not fit, the likely reason first, and what to do."""
    lines = [f"These weights do not fit {type(net).__name__}; nothing was changed."]
    classes = [line for line in loaded.mismatched if line.startswith("classifier.weight ")]
    first = next(name for name, parameter in net.named_parameters() if parameter.ndim == 4)
    channels = [line for line in loaded.mismatched if line.startswith(f"{first} ")]
    if classes:
        given = re.findall(r"\((\d+),", classes[0])[-1]
        lines.append(
            f"The weights have {given} classes, the network {net.classifier.out_features}: build it with "
            f"num_classes={given}, and put a new classifier in place of the old one afterwards "
            f"(net.classifier = torch.nn.Linear({net.classifier.in_features}, ...)); or load all but the classifier with "
            "strict=False."
        )
    if channels:
        lines.append(f"The network was built for images of {net.in_channels} channels, the weights for 3.")
    if loaded.unfilled and all(name.startswith("aux") for name in loaded.unfilled):
        lines.append("The weights have no auxiliary heads: build the network with aux_heads=False.")
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
