"""Files of weights: of which kind one is, by what it holds, and what lies in it.

Torch's (`torch.save`), safetensors', and Keras's three: `.keras`, a zip with the weights as HDF5 in it; `.weights.h5`; and
the HDF5 of Keras 1 and 2, in which the weights of `keras.applications` are published. Nothing in a file is run, nothing is
unpacked onto the disk, and no other file is read, whatever this one says.
"""

import io
import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from utils.system.packages import needed

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
PICKLE = b"\x80"
IN_KERAS = "model.weights.h5"  # of a `.keras` file
LAYERS = ("layers", "_layer_checkpoint_dependencies")  # the second as Keras 2.13 wrote `.keras`
MOST_LAYERS = 10_000
KINDS = "a Keras file (.keras, .weights.h5 or .h5), one that torch.save wrote (.pth, .pt), or one of safetensors (.safetensors)"


class BadFile(ValueError):
    """A file that holds no weights, is damaged, or asks for what a file of weights has no use for."""


@dataclass(frozen=True)
class KerasLayer:
    """One layer of a Keras file that has weights.

    Attributes:
        label: where it lies in the file, for a message.
        name: its name in the network; empty where the file does not keep it (Keras 3.0 to 3.5).
        kind: "conv", "depthwise", "separable", "dense", "norm"; "other" for what no network here has.
        arrays: its weights by Keras's names of them, in Keras's layouts.
    """

    label: str
    name: str
    kind: str
    arrays: dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class KerasFile:
    """A Keras file: its layers, each kind in the order of the network, and what the network was called, if it says so."""

    layers: list[KerasLayer] = field(default_factory=list)
    title: str = ""


def read_weights(path: Path, *, most: int) -> Mapping[str, Any] | KerasFile:
    """What a file holds.

    Args:
        path: where it is.
        most: bytes that its weights may take. A file can claim any size and hold next to nothing.

    Raises:
        FileNotFoundError: it is not there, or is a folder.
        BadFile: it is none of the kinds, is damaged, claims more than `most`, or points to other files.
        ModuleNotFoundError: the package that reads such files is not installed; the message says which.
    """
    if path.is_dir():
        raise FileNotFoundError(
            f"{path} is a folder. Give a file: {KINDS}; a Keras network saved as a folder has {IN_KERAS} in it."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(HDF5):
        return _keras(path, path, most=most)
    if head.startswith(ZIP):
        inside = _in_zip(path, most=most)
        return _torch(path) if inside is None else _keras(path, io.BytesIO(inside), most=most)
    if head[8:9] == b"{":  # behind the length of the header, which may begin with any byte
        with needed("A .safetensors file"):
            from safetensors import SafetensorError
            from safetensors.torch import load_file
        try:
            tensors: Mapping[str, Any] = load_file(path)
        except SafetensorError as error:
            raise BadFile(f"{path} is damaged ({error}). Copy or download it again.") from error
        return tensors
    if head.startswith(PICKLE):
        return _torch(path)
    raise BadFile(f"{path} holds no weights that are read here; it begins {head[:8]!r}. It can be {KINDS}.")


def _torch(path: Path) -> Mapping[str, Any]:
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError, KeyError, AttributeError) as error:
        # torch's own words advise to run whatever is in the file
        raise BadFile(
            f"{path} cannot be read as weights: it is damaged, or holds more than tensors and plain values, which could be "
            "code. It must be what torch.save made of a state_dict(), or of a dict that holds one; of a whole network, save "
            "net.state_dict()."
        ) from error
    if not isinstance(saved, Mapping):
        raise BadFile(
            f"{path} holds a {type(saved).__name__}; it must hold what net.state_dict() gives, from names to tensors."
        )
    return saved


def _in_zip(path: Path, *, most: int) -> bytes | None:
    """The HDF5 in a `.keras` file; None for a zip of torch's."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if IN_KERAS not in names:
                if any(name.endswith("data.pkl") for name in names):
                    return None
                raise BadFile(f"{path} is a zip without {IN_KERAS}, and none of torch's; it can be {KINDS}.")
            size = archive.getinfo(IN_KERAS).file_size
            if size > most:
                raise BadFile(f"{path}: {IN_KERAS} claims {_size(size)}, and this network's weights {_most(most)}.")
            return archive.read(IN_KERAS)  # no more than its size, and checked by its sum
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise BadFile(f"{path} is a damaged zip ({error}). Copy, download or save it again.") from error


# --- HDF5 -------------------------------------------------------------------------------------------------------------


def _keras(path: Path, source: Path | io.BytesIO, *, most: int) -> KerasFile:
    with needed("A Keras file"):
        import h5py
    try:
        with h5py.File(source, "r") as file:
            return _Reader(path, h5py, most).read(file)
    except BadFile:
        raise
    except (
        OSError,
        RuntimeError,
        KeyError,
        ValueError,
        TypeError,
    ) as error:  # h5py's, for whatever is not as it should
        raise BadFile(f"{path} is damaged ({error}). Copy, download or save it again.") from error


class _Reader:
    """Reads one HDF5 file, and counts what it claims."""

    def __init__(self, path: Path, h5py: Any, most: int):
        self.path, self.h5py, self.most = path, h5py, most
        self.claimed = 0

    def read(self, file: Any) -> KerasFile:
        if any(name in file for name in LAYERS):
            return KerasFile(list(self.of_keras_3(file)), title=self.name_of(file))
        group = self.child(file, "model_weights") if "model_weights" in file else file
        if "layer_names" in group.attrs or "layer_names0" in group.attrs:
            return KerasFile(list(self.of_keras_2(group)))
        raise BadFile(
            f"{self.path} is HDF5 and holds no Keras network: neither layers/ nor layer_names. "
            'Save one with model.save("x.keras") or model.save_weights("x.weights.h5").'
        )

    def of_keras_3(self, file: Any) -> Iterator[KerasLayer]:
        """layers/<class>_<number>/vars/<place>; of a network in a network, layers/.../layers/... ."""
        waiting, seen = [("", file)], 0
        while waiting:
            label, group = waiting.pop(0)
            seen += 1
            if seen + len(waiting) > MOST_LAYERS:
                raise BadFile(f"{self.path} has more than {MOST_LAYERS:,} layers, or a group that holds itself.")
            if label and "vars" in group:
                values = self.child(group, "vars")
                arrays = [self.array(values, key) for key in sorted(values, key=_number)]
                if arrays:
                    layer_class = re.sub(r"_\d+$", "", label.rpartition("/")[2])
                    yield _layer(label, self.name_of(group), arrays, depthwise=layer_class == "depthwise_conv2d")
            for inner in LAYERS:
                if inner in group:
                    layers = self.child(group, inner)
                    waiting += [(f"{label}/{key}".lstrip("/"), self.child(layers, key)) for key in _in_order(layers)]

    def of_keras_2(self, group: Any) -> Iterator[KerasLayer]:
        """<layer>/<weight>, both in the order of two lists of names."""
        for name in self.names(group, "layer_names"):
            layer = self.child(group, name)
            arrays = []
            for weight in self.names(layer, "weight_names"):
                *groups, last = weight.split("/")
                place = layer
                for each in groups:
                    place = self.child(place, each)
                arrays.append(self.array(place, last))
            if arrays:
                one_each = arrays[0].ndim == 4 and arrays[0].shape[-1] == 1
                yield _layer(name, name, arrays, depthwise=len(arrays) == 1 and one_each)

    def names(self, group: Any, key: str) -> list[str]:
        """A list of names, which Keras cuts into several attributes where it is long."""
        if key in group.attrs:
            parts = [group.attrs[key]]
        else:
            parts = []
            while f"{key}{len(parts)}" in group.attrs:
                parts.append(group.attrs[f"{key}{len(parts)}"])
        return [
            each.decode("utf-8") if isinstance(each, bytes) else str(each) for part in parts for each in np.ravel(part)
        ]

    def name_of(self, group: Any) -> str:
        """The name of the layer or network whose group this is; empty where the file does not keep it."""
        name = self.child(group, "vars").attrs.get("name", "") if "vars" in group else ""
        return name if isinstance(name, str) else ""

    def link(self, group: Any, key: str) -> Any:
        """What lies there in this file, and in no other."""
        if not key or not isinstance(group.get(key, getlink=True), self.h5py.HardLink):
            raise BadFile(
                f"{self.path}: {group.name}/{key} points elsewhere, which Keras never writes, and is not followed. "
                "Do not trust this file."
            )
        return group[key]

    def child(self, group: Any, key: str) -> Any:
        found = self.link(group, key)
        if not isinstance(found, self.h5py.Group):
            raise BadFile(f"{self.path} is damaged: {found.name} is no group.")
        return found

    def array(self, group: Any, key: str) -> np.ndarray[Any, Any]:
        """The values of one weight, once its size and kind are seen."""
        found = self.link(group, key)
        if not isinstance(found, self.h5py.Dataset) or found.shape is None:
            raise BadFile(f"{self.path} is damaged: {group.name}/{key} holds no numbers.")
        if found.external or found.is_virtual:
            raise BadFile(f"{self.path}: {found.name} lies in another file, which is not read. Do not trust this file.")
        bfloat16 = found.dtype.str == "|V2" and found.attrs.get("dtype") == "bfloat16"  # numpy has no such type
        if found.dtype.kind not in "fiu" and not bfloat16:
            raise BadFile(
                f"{self.path}: {found.name} holds {found.dtype}, and weights are numbers. Save them in float32."
            )
        sides = (found.shape, found.chunks or ())  # a chunk is read whole
        self.claimed += max(math.prod(side) for side in sides) * found.dtype.itemsize
        if self.claimed > self.most:
            raise BadFile(f"{self.path} claims {_size(self.claimed)} and more, and this network's {_most(self.most)}.")
        values = np.asarray(found[()])
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32) if bfloat16 else values


def _in_order(layers: Any) -> list[str]:
    """Keras numbers the layers of each class by themselves: conv2d, conv2d_1, ... conv2d_10."""
    matches = {key: re.fullmatch(r"(.*?)(?:_(\d+))?", key, re.S) for key in layers}
    return sorted(layers, key=lambda key: ((match := matches[key]) and (match[1], int(match[2] or 0))) or (key, 0))


def _number(key: str) -> int:
    if not key.isdecimal():
        raise BadFile(f"A variable is called {key!r}, where Keras has a number: the file is damaged.")
    return int(key)


def _layer(label: str, name: str, arrays: list[np.ndarray[Any, Any]], *, depthwise: bool) -> KerasLayer:
    """A layer whose weights have their names: Keras keeps only their order."""
    match [array.ndim for array in arrays]:
        case [1, 1, 1, 1]:
            kind, names = "norm", ("gamma", "beta", "moving_mean", "moving_variance")
        case [1, 1, 1]:
            kind, names = "norm", ("beta", "moving_mean", "moving_variance")  # scale=False, as in Keras's Inceptions
        case [4, 4] | [4, 4, 1]:
            kind, names = "separable", ("depthwise_kernel", "pointwise_kernel", "bias")
        case [4] | [4, 1]:
            kind, names = "depthwise" if depthwise else "conv", ("kernel", "bias")
        case [2] | [2, 1]:
            kind, names = "dense", ("kernel", "bias")
        case _:
            kind, names = "other", tuple(map(str, range(len(arrays))))
    return KerasLayer(label, name, kind, dict(zip(names, arrays, strict=False)))


def _size(count: int) -> str:
    return f"{count / 1e9:.3g} GB"


def _most(count: int) -> str:
    return f"take at most {_size(count)}, with room for an optimizer's: it is another network's file, or was made to fill a memory"
