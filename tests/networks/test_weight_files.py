"""Files of weights: Keras's three kinds and torch's, told by what is in them; and what is refused, in words.

Without Keras, files are made in its layout with h5py; where it is installed, by Keras itself.
"""

import io
import re
import shutil
import struct
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from networks import weight_files
from networks.base import Network
from networks.catalog import create, load_weights
from networks.inference import frozen
from networks.weights import _in_keras_order, _table, as_published
from tests.networks.released_names import KERAS_INCEPTION_V3
from tests.networks.test_weights import KERAS, keras, stir  # noqa: F401
from tests.test_headless import absent

h5py = pytest.importorskip("h5py")

Layers = list[tuple[str, str, list[tuple[str, np.ndarray]]]]  # Keras's class, the layer's name, its weights
ORDER = ("depthwise_kernel", "pointwise_kernel", "kernel", "gamma", "beta", "moving_mean", "moving_variance", "bias")
CLASSES = {"conv": "conv2d", "depthwise": "depthwise_conv2d", "dense": "dense", "norm": "batch_normalization"}


def mobilenet(**options) -> Network:
    return create("mobilenet_v1", variant="released", num_classes=options.pop("num_classes", 7), **options)


@pytest.fixture(scope="module")
def published() -> Network:
    """A network in which every number is another."""
    net = mobilenet()
    generator = torch.Generator().manual_seed(1)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(-1, 1, generator=generator)
    return net


def in_keras_layout(key: str, tensor: Tensor) -> np.ndarray:
    """One of our tensors as Keras lays it out."""
    if key == "conv_preds/kernel":
        tensor = tensor[:, :, None, None]
    if tensor.ndim == 4:
        tensor = tensor.permute(2, 3, 0, 1) if key.startswith("conv_dw") else tensor.permute(2, 3, 1, 0)
    return (tensor.t() if tensor.ndim == 2 else tensor).numpy()


def layers_of(net: Network) -> Layers:
    """A network's layers as Keras has them, in its order."""
    found: dict[str, list[tuple[str, np.ndarray]]] = {}
    ours = net.state_dict()
    for key, name in _table(net, "keras").items():
        if name in ours:
            layer, weight = key.split("/")
            found.setdefault(layer, []).append((weight, in_keras_layout(key, ours[name])))
    layers: Layers = []
    for name, weights in found.items():
        weights.sort(key=lambda weight: ORDER.index(weight[0]))
        kind = "norm" if len(weights) == 4 else "depthwise" if name.startswith("conv_dw") else "conv"
        layers.append((CLASSES[kind], name.replace("#", "_"), weights))
    return layers


def write_keras_3(target: Path | io.BytesIO, layers: Layers, *, names: bool = True, under: str = "layers") -> None:
    """`model.save_weights("x.weights.h5")`; without names, as Keras 3.0 to 3.5 wrote it."""
    seen: Counter[str] = Counter()
    with h5py.File(target, "w") as file:
        for kind, name, weights in layers:
            group = file.create_group(f"{under}/{kind}_{seen[kind]}" if seen[kind] else f"{under}/{kind}")
            seen[kind] += 1
            values = group.create_group("vars")
            if names:
                values.attrs["name"] = name
            for place, (_, array) in enumerate(weights):
                values[str(place)] = array
        file.create_group("layers/dropout/seed_generator/vars")["0"] = np.zeros(2, dtype=np.uint32)
        file.create_group("optimizer/vars")["0"] = np.zeros(3)
        file.create_group("vars").attrs["name"] = "mobilenet_1.00_224"


def write_keras(path: Path, layers: Layers, **options) -> None:
    """`model.save("x.keras")`."""
    inside = io.BytesIO()
    write_keras_3(inside, layers, **options)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", inside.getvalue())


def write_keras_2(path: Path, layers: Layers, *, whole: bool = False, cut: bool = False) -> None:
    """The HDF5 of Keras 1 and 2: of the weights alone, or of a whole network; `cut`: long lists of names in pieces."""
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        names = [name.encode() for _, name, _ in layers] + [b"dropout"]
        half = len(names) // 2
        pieces = {"layer_names0": names[:half], "layer_names1": names[half:]} if cut else {"layer_names": names}
        for key, piece in pieces.items():
            group.attrs[key] = np.asarray(piece)
        group.create_group("dropout").attrs["weight_names"] = np.asarray([])
        for _, name, weights in layers:
            layer = group.create_group(name)
            layer.attrs["weight_names"] = np.asarray([f"{name}/{weight}:0".encode() for weight, _ in weights])
            for weight, array in weights:
                layer[f"{name}/{weight}:0"] = array


WRITERS = {
    "x.keras": write_keras,
    "x.weights.h5": write_keras_3,
    "nameless.keras": lambda path, layers: write_keras(path, layers, names=False),
    "nameless.weights.h5": lambda path, layers: write_keras_3(path, layers, names=False),
    "nested.weights.h5": lambda path, layers: write_keras_3(path, layers, under="layers/functional/layers"),
    "of 2.13.keras": lambda path, layers: write_keras(path, layers, under="_layer_checkpoint_dependencies"),
    "x.h5": write_keras_2,
    "whole.h5": lambda path, layers: write_keras_2(path, layers, whole=True),
    "cut.h5": lambda path, layers: write_keras_2(path, layers, cut=True),
}


def assert_same(net: Network, other: Network, *, but: tuple[str, ...] = ()) -> None:
    ours, theirs = net.state_dict(), other.state_dict()
    for name, tensor in ours.items():
        if not name.startswith(but) or not but:
            assert name.endswith("num_batches_tracked") or torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_keras_file_is_read(published, tmp_path, name):
    WRITERS[name](tmp_path / name, layers_of(published))
    net = mobilenet()
    loaded = load_weights(net, tmp_path / name)
    assert loaded.complete and not loaded.unplaced
    assert_same(net, published)


def test_what_is_in_a_file_counts_and_not_its_name(published, tmp_path):
    for name in ("x.keras", "x.h5"):
        WRITERS[name](tmp_path / "weights.bin", layers_of(published))
        net = mobilenet()
        assert load_weights(net, str(tmp_path / "weights.bin"), "keras").complete
        assert_same(net, published)


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_other_numbers_than_float32(published, tmp_path, dtype):
    path = tmp_path / "x.weights.h5"
    layers = [
        (kind, name, [(weight, as_stored(array, dtype)) for weight, array in weights])
        for kind, name, weights in layers_of(published)
    ]
    write_keras_3(path, layers)
    if dtype == "bfloat16":
        with h5py.File(path, "a") as file:
            for layer in file["layers"].values():
                for values in layer["vars"].values() if "vars" in layer else ():
                    values.attrs["dtype"] = dtype
    net = mobilenet()
    assert load_weights(net, path).complete
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(parameter, published.get_parameter(name).to(getattr(torch, dtype)).float())


def as_stored(array: np.ndarray, dtype: str) -> np.ndarray:
    """Keras writes bfloat16, which numpy has not, as two bytes without a meaning."""
    tensor = torch.from_numpy(np.array(array)).to(getattr(torch, dtype))
    return tensor.view(torch.int16).numpy().view("|V2") if dtype == "bfloat16" else tensor.numpy()


def test_names_of_keras_1_are_told_by_their_order(published, tmp_path):
    """Keras 1 called a layer convolution2d_7 and its weights convolution2d_7_W."""
    layers = [
        (kind, f"{kind}_old_{place}", [(f"w{number}", array) for number, (_, array) in enumerate(weights)])
        for place, (kind, _, weights) in enumerate(layers_of(published))
    ]
    write_keras_2(tmp_path / "old.h5", layers)
    net = mobilenet()
    assert load_weights(net, tmp_path / "old.h5").complete
    assert_same(net, published)


def test_the_order_of_inception_v3_is_keras_s():
    """Where no name is kept, the order is all there is; Keras's follows the distance from the output."""
    net = create("inception_v3", num_classes=5)
    table = _table(net, "keras")
    place = {ours.rpartition(".")[0]: theirs.rpartition("/")[0] for theirs, ours in table.items()}
    named = [place[each] for each in _in_keras_order(net) if each in place]
    for kind in ("conv2d", "batch_normalization"):
        expected = [f"{kind}#{number}" for number in KERAS_INCEPTION_V3.split()]
        assert [each for each in named if each.startswith(kind)] == expected


# --- Heads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.keras", "nameless.weights.h5", "x.h5"])
def test_a_network_without_its_top(published, tmp_path, name):
    WRITERS[name](tmp_path / name, [layer for layer in layers_of(published) if layer[1] != "conv_preds"])
    net = mobilenet(num_classes=3)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(ValueError, match=r"no classifier \(as Keras's with include_top=False\).*strict=False"):
        load_weights(net, tmp_path / name)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    loaded = load_weights(net, tmp_path / name, strict=False)
    assert loaded.unfilled == ("classifier.weight", "classifier.bias")
    assert_same(net, published, but=("classifier",))


@pytest.mark.parametrize("name", ["x.keras", "nested.weights.h5", "x.h5"])
def test_a_head_of_ones_own_is_the_classifier(published, tmp_path, name):
    """Keras's network without its top, and a dense layer on it: how a network is trained for other classes."""
    head = [("kernel", np.random.rand(1024, 3).astype("float32")), ("bias", np.random.rand(3).astype("float32"))]
    layers = [layer for layer in layers_of(published) if layer[1] != "conv_preds"] + [("dense", "mine", head)]
    WRITERS[name](tmp_path / name, layers)
    net = mobilenet(num_classes=3)
    assert load_weights(net, tmp_path / name).complete
    assert np.array_equal(net.classifier.weight.detach().numpy(), head[0][1].T)
    assert np.array_equal(net.classifier.bias.detach().numpy(), head[1][1])


def write_around(path: Path, layers: Layers, around: dict[str, list[np.ndarray]], *, names: bool) -> None:
    """A network within another, as Keras 3 writes it, which has layers of its own beside it."""
    write_keras_3(path, layers, names=names, under="layers/functional/layers")
    with h5py.File(path, "a") as file:
        for name, weights in around.items():
            values = file.create_group(f"layers/{name}/vars")
            if names:
                values.attrs["name"] = name
            for place, array in enumerate(weights):
                values[str(place)] = array


IN_FRONT = {"conv2d": [np.ones((1, 1, 1, 3))], "batch_normalization": [np.ones(3)] * 4}


def test_layers_around_a_network_within_another_do_not_shift_its_numbers(tmp_path):
    """A convolution in front takes the first number that Keras gives, and a dense layer behind is the classifier."""
    source, net = (create("xception", num_classes=7) for _ in range(2))
    numbered = re.compile("(conv2d|batch_normalization)_([0-9]+)")
    layers = [
        (kind, numbered.sub(lambda found: f"{found[1]}_{int(found[2]) + 1}", name), weights)
        for kind, name, weights in layers_of(source)
        if name != "predictions"
    ]
    head = [source.classifier.weight.detach().T.numpy(), source.classifier.bias.detach().numpy()]
    write_around(tmp_path / "x.weights.h5", layers, IN_FRONT | {"dense": head}, names=True)
    with pytest.raises(ValueError, match=r"No place for \(5\): .*conv2d/kernel"):
        load_weights(net, tmp_path / "x.weights.h5")
    loaded = load_weights(net, tmp_path / "x.weights.h5", strict=False)
    assert not loaded.unfilled and not loaded.mismatched and len(loaded.unplaced) == 5
    assert_same(net, source)


def test_nor_do_they_its_order_where_names_are_not_kept(published, tmp_path):
    write_around(tmp_path / "x.weights.h5", layers_of(published), IN_FRONT, names=False)
    net = mobilenet()
    loaded = load_weights(net, tmp_path / "x.weights.h5", strict=False)
    assert not loaded.unfilled and not loaded.mismatched and len(loaded.unplaced) == 5
    assert_same(net, published)


def test_another_number_of_classes_says_which_file(published, tmp_path):
    write_keras(tmp_path / "x.keras", layers_of(published))
    with pytest.raises(ValueError) as error:
        load_weights(mobilenet(num_classes=10), tmp_path / "x.keras")
    for words in ("x.keras, a Keras network called 'mobilenet_1.00_224'", "have 7 classes, the network 10"):
        assert words in str(error.value)


def test_a_shape_that_differs_is_named(published, tmp_path):
    layers = layers_of(published)
    kind, name, weights = layers[0]
    layers[0] = (kind, name, [(weights[0][0], weights[0][1][:, :, :, :16])])
    write_keras_3(tmp_path / "x.weights.h5", layers)
    with pytest.raises(ValueError, match=re.escape("conv1.1.conv.weight is (32, 3, 3, 3) here, and (16, 3, 3, 3) in")):
        load_weights(mobilenet(), tmp_path / "x.weights.h5")


@pytest.mark.parametrize("name", ["x.keras", "nameless.weights.h5", "x.h5"])
def test_the_file_of_another_network(published, tmp_path, name):
    WRITERS[name](tmp_path / name, layers_of(published))
    net = create("xception", num_classes=7)
    before = net.block1.conv1.conv.weight.clone()
    with pytest.raises(ValueError) as error:
        load_weights(net, tmp_path / name)
    assert f"These weights do not fit Xception; nothing was changed.\nThey are from {tmp_path / name}" in str(
        error.value
    )
    assert "No place for" in str(error.value) and "Nothing given for" in str(error.value)
    assert torch.equal(before, net.block1.conv1.conv.weight)


def test_a_network_that_keras_does_not_have(published, tmp_path):
    write_keras(tmp_path / "x.keras", layers_of(published))
    with pytest.raises(ValueError, match="keras has no weights for GoogLeNet; torchvision has"):
        load_weights(create("googlenet", variant="released"), tmp_path / "x.keras")
    with pytest.raises(ValueError, match=r"its source is 'keras', and source is 'timm'. Leave it out"):
        load_weights(mobilenet(), tmp_path / "x.keras", "timm")
    with pytest.raises(ValueError, match="Public weights are for the full size"):
        load_weights(mobilenet(size="mini"), tmp_path / "x.keras")


# --- Damaged and hostile files ----------------------------------------------------------------------------------------


@pytest.fixture
def good(published, tmp_path) -> Path:
    write_keras_3(tmp_path / "good.weights.h5", layers_of(published))
    return tmp_path / "good.weights.h5"


def refused(path: Path, words: str, kind: type[Exception] = ValueError) -> None:
    net = mobilenet()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(kind) as error:
        load_weights(net, path)
    assert words in str(error.value) and path.name in str(error.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_a_place_where_no_file_is(tmp_path):
    refused(tmp_path / "none.keras", "There is no file", FileNotFoundError)
    refused(tmp_path, "is a folder. Give a file: a Keras file", FileNotFoundError)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b'{"shards": 3}', b"x" * 100])
def test_what_is_no_file_of_weights(tmp_path, content):
    (tmp_path / "x.keras").write_bytes(content)
    refused(tmp_path / "x.keras", "holds no weights that are read here; it begins")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["x.keras", "x.weights.h5", "x.h5"])
def test_a_file_that_is_cut_off(published, tmp_path, name, part):
    WRITERS[name](tmp_path / "whole", layers_of(published))
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * part)])
    refused(tmp_path / name, "is a damaged zip" if name == "x.keras" else "is damaged")


def test_a_zip_in_which_a_byte_is_another(published, tmp_path):
    write_keras(tmp_path / "x.keras", layers_of(published))
    content = bytearray((tmp_path / "x.keras").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "x.keras").write_bytes(content)
    refused(tmp_path / "x.keras", "is a damaged zip (Bad CRC-32")


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    refused(tmp_path / "x.keras", "is a zip without model.weights.h5, and none of torch's")


def test_names_that_lead_out_of_a_zip_are_never_unpacked(published, tmp_path):
    inside = io.BytesIO()
    write_keras_3(inside, layers_of(published))
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "x.keras", "w") as archive:
        for name in ("../../out.txt", f"{tmp_path}/absolute.txt", "../model.weights.h5"):
            archive.writestr(name, "out")
        archive.writestr("model.weights.h5", inside.getvalue())
    net = mobilenet()
    assert load_weights(net, folder / "x.keras").complete
    assert {path.name for path in tmp_path.rglob("*")} == {"a", "b", "x.keras"}
    with zipfile.ZipFile(folder / "y.keras", "w") as archive:
        archive.writestr("../model.weights.h5", inside.getvalue())
    refused(folder / "y.keras", "is a zip without model.weights.h5")


def test_a_zip_that_would_fill_the_memory(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "x.keras", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("model.weights.h5", "w", force_zip64=True) as member,
    ):
        for _ in range(400):
            member.write(bytes(1 << 20))
    assert (tmp_path / "x.keras").stat().st_size < 4e6
    refused(tmp_path / "x.keras", "model.weights.h5 claims 0.419 GB, and this network's weights take at most")


def test_a_zip_that_lies_about_its_size(tmp_path):
    """No more is read than it says that there is, and the sum at the end does not agree."""
    with zipfile.ZipFile(tmp_path / "x.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(1 << 24))
    content = (tmp_path / "x.keras").read_bytes()
    (tmp_path / "x.keras").write_bytes(content.replace(struct.pack("<I", 1 << 24), struct.pack("<I", 64)))
    refused(tmp_path / "x.keras", "is a damaged zip (Bad CRC-32")


@pytest.mark.parametrize("chunks", [True, (1 << 20, 64)])
def test_numbers_that_are_not_there(good, chunks):
    """A dataset can claim any size, and hold nothing."""
    with h5py.File(good, "a") as file:
        del file["layers/conv2d/vars/0"]
        shape = (1 << 40,) if chunks is True else (8, 8)
        file.create_dataset("layers/conv2d/vars/0", shape, "f8", chunks=chunks, maxshape=(None,) * len(shape))
    refused(good, "and this network's take at most")


def link_elsewhere(file, other):
    file["layers/conv2d/vars/0"] = h5py.ExternalLink(str(other), "secret")


def link_within(file, other):
    file["layers/conv2d/vars/0"] = h5py.SoftLink("/layers/conv2d_1/vars/0")


def group_elsewhere(file, other):
    del file["layers/conv2d_1"]
    file["layers/conv2d_1"] = h5py.ExternalLink(str(other), "/")


def layers_elsewhere(file, other):
    del file["layers"]
    file["layers"] = h5py.ExternalLink(str(other), "/")


def raw_numbers_elsewhere(file, other):
    file.create_dataset("layers/conv2d/vars/0", (3, 3, 3, 32), "f4", external=[(str(other), 0, 3456)])


def virtual_numbers(file, other):
    layout = h5py.VirtualLayout((3, 3, 3, 32), "f4")
    layout[:] = h5py.VirtualSource(str(other), "secret", (3, 3, 3, 32), "f4")
    file.create_virtual_dataset("layers/conv2d/vars/0", layout)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (link_elsewhere, "/layers/conv2d/vars/0 points elsewhere"),
        (link_within, "/layers/conv2d/vars/0 points elsewhere"),
        (group_elsewhere, "/layers/conv2d_1 points elsewhere"),
        (layers_elsewhere, "//layers points elsewhere"),
        (raw_numbers_elsewhere, "/layers/conv2d/vars/0 lies in another file"),
        (virtual_numbers, "/layers/conv2d/vars/0 lies in another file"),
    ],
)
def test_no_other_file_is_read(good, tmp_path, change, words):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.full((3, 3, 3, 32), 3, dtype="float32")
    with h5py.File(good, "a") as file:
        del file["layers/conv2d/vars/0"]
        change(file, tmp_path / "other.h5")
    refused(good, words)


@pytest.mark.parametrize("name", ["/conv1/kernel:0", "../conv1/kernel:0", "", "none/kernel:0"])
def test_lists_of_names_that_lead_elsewhere(published, tmp_path, name):
    write_keras_2(tmp_path / "x.h5", layers_of(published))
    with h5py.File(tmp_path / "x.h5", "a") as file:
        file["conv1"].attrs["weight_names"] = np.asarray([name.encode()])
    refused(tmp_path / "x.h5", "points elsewhere")


def test_a_group_that_holds_itself(good, monkeypatch):
    monkeypatch.setattr(weight_files, "MOST_LAYERS", 500)
    with h5py.File(good, "a") as file:
        for number in range(20):
            file[f"layers/conv2d/layers/again_{number}"] = file["/layers/conv2d"]
    refused(good, "more than 500 layers, or a group that holds itself")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.asarray([b"text"]), "holds |S4, and weights are numbers"),
        (np.asarray([1j]), "holds complex128, and weights are numbers"),
        (h5py.Empty("f4"), "holds no numbers"),
    ],
)
def test_what_is_no_number(good, value, words):
    with h5py.File(good, "a") as file:
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars/0"] = value
    refused(good, words)


def test_groups_where_numbers_should_be(good):
    with h5py.File(good, "a") as file:
        file["layers/conv2d/vars"].create_group("1")
    refused(good, "/layers/conv2d/vars/1 holds no numbers")


def test_hdf5_of_something_else(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["numbers"] = np.zeros(3)
    refused(tmp_path / "x.h5", "is HDF5 and holds no Keras network")


def test_without_h5py_it_is_named(good, monkeypatch):
    for loaded in [name for name in sys.modules if name.partition(".")[0] == "h5py"]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [absent("h5py"), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match=r"A Keras file needs h5py, which is not .*: pip install h5py"):
        load_weights(mobilenet(), good)


# --- torch's and safetensors' -----------------------------------------------------------------------------------------


def googlenet() -> Network:
    return create("googlenet", variant="released")


@pytest.fixture(scope="module")
def as_torchvision() -> dict[str, Tensor]:
    ours = googlenet().state_dict()
    return {theirs: ours[name] for theirs, name in _table(googlenet(), "torchvision").items() if name in ours}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("source", [None, "torchvision"])
def test_a_file_of_torchs(as_torchvision, tmp_path, source, zipped):
    path = tmp_path / "x.keras"
    torch.save({"state_dict": as_torchvision}, path, _use_new_zipfile_serialization=zipped)
    net = googlenet()
    assert load_weights(net, path, source).complete
    assert torch.equal(net.conv1.conv.weight, as_torchvision["conv1.conv.weight"])


def test_a_file_of_safetensors(as_torchvision, tmp_path):
    pytest.importorskip("safetensors")
    from safetensors.torch import save_file

    save_file(as_torchvision, tmp_path / "x.bin")
    net = googlenet()
    assert load_weights(net, tmp_path / "x.bin").complete
    assert torch.equal(net.conv1.conv.weight, as_torchvision["conv1.conv.weight"])
    content = (tmp_path / "x.bin").read_bytes()
    (tmp_path / "cut.bin").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cut.bin is damaged"):
        load_weights(net, tmp_path / "cut.bin")


def test_whose_names_they_are_is_seen_from_a_mapping_too(as_torchvision):
    assert load_weights(googlenet(), as_torchvision).complete


def test_code_in_a_pickle_is_not_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return shutil.rmtree, (str(tmp_path / "precious"),)

    (tmp_path / "precious").mkdir()
    torch.save({"state_dict": Harm()}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"x.pth cannot be read as weights"):
        load_weights(googlenet(), tmp_path / "x.pth")
    assert (tmp_path / "precious").is_dir()


def test_a_whole_network_and_a_number_are_no_state_dict(tmp_path):
    torch.save(torch.nn.Linear(2, 3), tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"of a whole network, save net.state_dict\(\)"):
        load_weights(googlenet(), tmp_path / "x.pth")
    torch.save([1, 2], tmp_path / "y.pth")
    with pytest.raises(ValueError, match=r"y.pth holds a list; it must hold"):
        load_weights(googlenet(), tmp_path / "y.pth")


@pytest.mark.parametrize(
    "kept",
    [
        lambda weights: weights,
        lambda weights: {f"module.{name}": each for name, each in weights.items()},
        lambda weights: {"state_dict": weights, "epoch": 3, "optimizer": {}},
    ],
)
@pytest.mark.parametrize("size", ["full", "mini"])
def test_a_file_of_the_networks_own(tmp_path, kept, size):
    first, second = (create("googlenet", size=size, num_classes=10) for _ in range(2))
    torch.save(kept(first.state_dict()), tmp_path / "x.pth")
    assert load_weights(torch.compile(second, backend="eager"), tmp_path / "x.pth").complete
    assert all(torch.equal(each, second.state_dict()[name]) for name, each in first.state_dict().items())
    with pytest.raises(ValueError, match=r"(?s)do not fit GoogLeNet; nothing was changed.*Other shapes"):
        load_weights(create("googlenet", size=size, width=0.5, num_classes=10), tmp_path / "x.pth")


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (None, TypeError, "state_dict is a NoneType; it must be the path"),
        (3, TypeError, "state_dict is a int; it must be the path"),
        ({"classifier.weight": "text"}, ValueError, "classifier.weight holds 'text', which is no tensor"),
        ({"classifier.weight": None}, ValueError, "classifier.weight holds None, which is no tensor"),
        ({3: torch.zeros(1)}, ValueError, "has the key 3; its keys must be names"),
        ({"classifier.weight": torch.zeros(10, 1024, dtype=torch.complex64)}, ValueError, "holds complex numbers"),
    ],
)
def test_what_holds_no_weights_is_told_before_anything_changes(given, kind, said):
    net = create("googlenet", num_classes=10)
    before = {name: each.clone() for name, each in net.state_dict().items()}
    if isinstance(given, dict) and "classifier.weight" in given:
        given = net.state_dict() | given
    with pytest.raises(kind, match=said):
        load_weights(net, given)
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())


def test_a_network_that_is_not_the_courses():
    with pytest.raises(TypeError, match="net is a Linear; it must be a network of the course"):
        load_weights(torch.nn.Linear(3, 3), {})
    with pytest.raises(ValueError, match="net is a Linear; it must be a network of the course"):
        frozen(torch.nn.Linear(3, 3).eval(), torch.zeros(1, 3))


def test_another_networks_classifier_is_no_fit():
    theirs = as_published(create("xception", variant="released"), "timm")
    with pytest.raises(ValueError, match="do not fit InceptionV3; nothing was changed"):
        load_weights(create("inception_v3", variant="released"), theirs, "timm", strict=False)


def test_a_classifier_of_another_name_is_not_said_to_be_missing():
    net = create("xception", variant="released")
    theirs = as_published(net, "timm")
    net.classifier = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(2048, 1000))
    with pytest.raises(ValueError, match=r"No place for \(2\): fc") as told:
        load_weights(net, theirs)
    assert "have no classifier" not in str(told.value)


# --- Keras's own ------------------------------------------------------------------------------------------------------


def without_names(path: Path, to: Path) -> Path:
    """A `.weights.h5` as Keras 3.0 to 3.5 wrote it."""
    shutil.copy(path, to)
    with h5py.File(to, "a") as file:
        file.visititems(lambda _, each: each.attrs.pop("name", None) and None)
    return to


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(("name", "variant", "keras_name"), KERAS, ids=[row[0] for row in KERAS])
def test_keras_s_own_files(keras, tmp_path, name, variant, keras_name):  # noqa: F811
    images = keras.Input((None, None, 3))
    theirs = getattr(keras.applications, keras_name)(
        weights=None, classifier_activation=None, input_tensor=images, classes=5
    )
    stir(theirs)
    expected = create(name, variant=variant, num_classes=5)
    load_weights(expected, theirs.weights, "keras")
    theirs.save_weights(tmp_path / "x.weights.h5")
    for path in (tmp_path / "x.keras", tmp_path / "x.h5"):
        theirs.save(path)
    without_names(tmp_path / "x.weights.h5", tmp_path / "nameless.weights.h5")
    for path in sorted(tmp_path.iterdir()):
        net = create(name, variant=variant, num_classes=5)
        assert load_weights(net, path).complete
        assert_same(net, expected)
        path.unlink()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("inside", [True, False])
def test_a_network_of_keras_that_was_trained_for_other_classes(keras, tmp_path, inside):  # noqa: F811
    """Keras's network in another, or its layers with a head of one's own, after a step of training."""
    base = keras.applications.MobileNet(weights=None, input_shape=(32, 32, 3), include_top=False, pooling="avg")
    images = keras.Input((32, 32, 3))
    x = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(images)) if inside else base.output
    theirs = keras.Model(images if inside else base.input, keras.layers.Dense(3)(keras.layers.Dropout(0.1)(x)))
    theirs.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    theirs.fit(np.random.rand(4, 32, 32, 3).astype("float32") * 255, np.array([0, 1, 2, 0]), verbose=0)
    theirs.save(tmp_path / "x.keras")
    theirs.save_weights(tmp_path / "x.weights.h5")
    given = torch.rand(2, 32, 32, 3) * 255
    with torch.no_grad():
        expected = theirs(given, training=False)
    for path in (tmp_path / "x.keras", tmp_path / "x.weights.h5"):
        net = mobilenet(num_classes=3).eval()
        assert load_weights(net, path).complete
        with torch.no_grad():
            found = net((given / 127.5 - 1 if inside else given).permute(0, 3, 1, 2))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_what_a_layer_of_keras_may_hold():
    """A layer of no kind of ours keeps its weights by their places, and is told as what has no place."""
    layer = weight_files._layer("normalization", "norm", [np.zeros(3), np.zeros(3), np.zeros(())], depthwise=False)
    assert layer.kind == "other" and set(layer.arrays) == {"0", "1", "2"}
