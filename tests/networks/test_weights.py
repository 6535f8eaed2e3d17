"""Public weights: every published key has its place, and with the same weights come the same outputs."""

import dataclasses
import os

import pytest
import torch
from torch import Tensor, nn

from networks.base import Network, initialise
from networks.catalog import NETWORKS, RELATIVES, create, load_weights
from networks.weights import TABLES, _table, as_published
from tests.networks import released_names
from tests.networks.released_names import expand

PUBLISHED = [
    ("googlenet", "torchvision", released_names.TORCHVISION_GOOGLENET),
    ("inception_v3", "torchvision", released_names.TORCHVISION_INCEPTION_V3),
    ("inception_v3", "timm", released_names.TORCHVISION_INCEPTION_V3),  # timm's names are torchvision's
    ("inception_v4", "timm", released_names.TIMM_INCEPTION_V4),
    ("inception_resnet_v2", "timm", released_names.TIMM_INCEPTION_RESNET_V2),
    ("xception", "timm", released_names.TIMM_LEGACY_XCEPTION),
    ("xception_65", "timm", released_names.TIMM_XCEPTION65),
    ("xception_71", "timm", released_names.TIMM_XCEPTION71),
    ("alexnet", "torchvision", released_names.TORCHVISION_ALEXNET),
    ("vgg_16", "torchvision", released_names.TORCHVISION_VGG16),
    ("resnet_50", "torchvision", released_names.TORCHVISION_RESNET50),
]
PUBLISHED_IDS = [f"{name}-{source}" for name, source, _ in PUBLISHED]
TOLERANCE = 1e-4  # of the logits' spread


RANGES = {"weight": (0.5, 1.5), "bias": (-0.3, 0.3), "running_mean": (-0.3, 0.3), "running_var": (0.5, 1.5)}


def stirred(net: nn.Module) -> nn.Module:
    """The network with statistics and affine parameters of its normalisation that change its outputs."""
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for name, (low, high) in RANGES.items():
                getattr(module, name).data.uniform_(low, high, generator=generator)
    return net.eval()


def distance(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, in parts of the logits' spread."""
    assert theirs.std() > 1e-3, "the logits hardly differ: the comparison would say nothing"
    return float((ours - theirs).abs().max() / (theirs.max() - theirs.min()))


def values(keys: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Another number in each of the tensors, so that a swapped pair shows."""
    return {key: torch.full(shape, 1 + number / 1000) for number, (key, shape) in enumerate(keys.items())}


# --- Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "source", "keys"), PUBLISHED, ids=PUBLISHED_IDS)
def test_every_published_key_has_its_place(name, source, keys):
    has_heads = name in ("googlenet", "inception_v3")
    given = values(expand(keys))
    net = create(name, variant="released", aux_heads=has_heads)
    loaded = load_weights(net, given, source)
    assert loaded.complete
    assert len(loaded.placed) == len(given) == len(set(loaded.placed))
    assert not loaded.skipped
    assert not loaded.ones
    ours = net.state_dict()
    table = _table(net, source)
    for key, value in given.items():
        assert torch.equal(ours[table[key]], value.to(ours[table[key]].dtype)), key


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_heads_that_the_network_does_not_have_are_left_out(name):
    given = values(dict(expand(next(keys for each, _, keys in PUBLISHED if each == name))))
    loaded = load_weights(create(name, variant="released"), given, "torchvision")
    assert loaded.complete
    assert loaded.skipped
    assert all(key.startswith(("aux", "AuxLogits")) for key in loaded.skipped)
    assert len(loaded.placed) + len(loaded.skipped) == len(given)


# --- Faces ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def faces() -> dict[str, Tensor]:
    """facenet-pytorch's keys, with numbers that give its embedding a size of about 1."""
    generator = torch.Generator().manual_seed(1)
    given = values(expand(released_names.FACENET_INCEPTION_RESNET_V1))
    given["last_linear.weight"] = torch.randn(512, 1792, generator=generator) / 1792**0.5
    for name, (low, high) in RANGES.items():
        given[f"last_bn.{name}"] = torch.empty(512).uniform_(low, high, generator=generator)
    return given


def face_network(**options) -> Network:
    return create("inception_resnet_v1", **{"variant": "released", "num_classes": 512} | options)


def test_every_key_of_facenet_has_its_place(faces):
    net = face_network()
    loaded = load_weights(net, faces, "facenet")
    assert loaded.complete
    assert loaded.skipped == ("logits.weight", "logits.bias")
    ends = [key for key in faces if key.startswith("last_")]
    assert len(loaded.placed) == len(set(loaded.placed)) == len(faces) - len(ends) - 2 + 2
    ours, table = net.state_dict(), _table(net, "facenet")
    for key, value in faces.items():
        if not key.startswith(("last_", "logits")):
            assert torch.equal(ours[table[key]], value.to(ours[table[key]].dtype)), key


def test_facenet_s_embedding_is_the_classifier(faces):
    """`last_linear`, then `last_bn` in evaluation, by torch's own layers."""
    net = face_network()
    load_weights(net, faces, "facenet")
    linear, norm = nn.Linear(1792, 512, bias=False), nn.BatchNorm1d(512, eps=0.001)
    linear.weight.data = faces["last_linear.weight"]
    norm.load_state_dict({key.removeprefix("last_bn."): faces[key] for key in faces if key.startswith("last_bn.")})
    x = torch.randn(5, 1792)
    with torch.no_grad():
        torch.testing.assert_close(net.classifier(x), norm.eval()(linear(x)), rtol=1e-5, atol=1e-5)


def test_without_a_place_for_the_embedding_the_trunk_is_loaded(faces):
    net = face_network(num_classes=10)
    with pytest.raises(
        ValueError, match="end in an embedding of 512 numbers, the network 10: build it with num_classes=512"
    ):
        load_weights(net, faces, "facenet")
    loaded = load_weights(net, faces, strict=False)
    assert {line.split()[0] for line in loaded.mismatched} == {"classifier.weight", "classifier.bias"}
    assert torch.equal(net.get_submodule("inception_resnet_c_5.up").weight, faces["block8.conv2d.weight"])
    with pytest.raises(ValueError, match="has a sixth C block: that is variant='released'"):
        load_weights(create("inception_resnet_v1", num_classes=512), faces)
    with pytest.raises(ValueError, match='source is "facenet"'):
        as_published(net, "facenet")


def test_equals_facenet():
    """The trunk to the bit, the embedding to rounding; on the faces' grid and on the paper's."""
    theirs = pytest.importorskip("facenet_pytorch.models.inception_resnet_v1", exc_type=(ImportError, RuntimeError))
    torch.manual_seed(1)
    theirs = theirs.InceptionResnetV1()
    stirred(theirs)
    net = face_network().eval()
    assert load_weights(net, theirs.state_dict()).complete
    for side in (160, 299):
        images, trunk = torch.randn(2, 3, side, side), []
        theirs.block8.register_forward_hook(lambda _module, _inputs, output, trunk=trunk: trunk.append(output))
        with torch.no_grad():
            expected = theirs(images)
            assert torch.equal(net.features(images)["inception_resnet_c_5"], trunk[0])
            assert distance(nn.functional.normalize(net(images), dim=1), expected) < 1e-6


# --- Complaints -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def googlenet_keys() -> dict[str, tuple[int, ...]]:
    return {key: shape for key, shape in expand(released_names.TORCHVISION_GOOGLENET).items() if key[:3] != "aux"}


def googlenet(**options) -> Network:
    return create("googlenet", variant="released", **options)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize("under", [None, "state_dict", "model", "model_state_dict"])
def test_what_a_training_has_saved_is_read(googlenet_keys, prefix, under):
    given = {f"{prefix}{key}": value for key, value in values(googlenet_keys).items()}
    if under is not None:
        given = {under: given, "optimizer": {"state": {}}, "epoch": 90, "best_acc1": torch.tensor(69.8)}
    net, plain = googlenet(), googlenet()
    assert load_weights(net, given, "torchvision").complete
    load_weights(plain, values(googlenet_keys), "torchvision")
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in net.state_dict().items())


def test_what_has_no_place_in_it_is_named_as_it_was_given(googlenet_keys):
    given = {f"module.{key}": value for key, value in values(googlenet_keys).items()}
    given["module.more.weight"] = torch.ones(2)
    assert load_weights(googlenet(), given, "torchvision", strict=False).unplaced == ("module.more.weight",)


def test_what_is_missing_unknown_or_of_another_shape_is_named_and_nothing_changes(googlenet_keys):
    given = values(googlenet_keys)
    given["inception9z.branch1.conv.weight"] = torch.ones(2)
    del given["inception4a.branch2.1.bn.running_var"]
    given["conv3.conv.weight"] = torch.ones(192, 64, 5, 5)
    net = googlenet()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(ValueError) as error:
        load_weights(net, given, "torchvision")
    for words in (
        "nothing was changed",
        "No place for (1): inception9z.branch1.conv.weight",
        "Nothing given for (1): inception_4a.three.1.norm.running_var",
        "conv2.conv.weight is (192, 64, 3, 3) here, and (192, 64, 5, 5) in the weights",
    ):
        assert words in str(error.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())

    loaded = load_weights(net, given, "torchvision", strict=False)
    assert loaded.unplaced == ("inception9z.branch1.conv.weight",)
    assert loaded.unfilled == ("inception_4a.three.1.norm.running_var",)
    assert len(loaded.mismatched) == 1
    assert torch.equal(net.classifier.bias, given["fc.bias"])
    assert torch.equal(net.conv2.conv.weight, before["conv2.conv.weight"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.placed = ()


def test_another_number_of_classes_is_explained_and_the_rest_can_be_loaded(googlenet_keys):
    given = values(googlenet_keys)
    net = googlenet(num_classes=10)
    with pytest.raises(
        ValueError, match="The weights have 1000 classes, the network 10: build it with num_classes=1000"
    ):
        load_weights(net, given, "torchvision")
    classifier = net.classifier.weight.clone()
    loaded = load_weights(net, given, "torchvision", strict=False)
    assert torch.equal(net.classifier.weight, classifier)
    assert torch.equal(net.conv1.conv.weight, given["conv1.conv.weight"])
    assert [line.split()[0] for line in loaded.mismatched] == ["classifier.weight", "classifier.bias"]


def test_another_number_of_channels_is_explained(googlenet_keys):
    with pytest.raises(ValueError, match="built for images of 1 channels, the weights for 3"):
        load_weights(googlenet(in_channels=1), values(googlenet_keys), "torchvision")


def test_heads_without_weights_are_explained(googlenet_keys):
    with pytest.raises(ValueError, match="The weights have no auxiliary heads: build the network with aux_heads=False"):
        load_weights(googlenet(aux_heads=True), values(googlenet_keys), "torchvision")


def test_names_of_another_source_are_explained():
    given = values(expand(released_names.TIMM_INCEPTION_V4))
    with pytest.raises(ValueError, match="None of the names is one of torchvision's"):
        load_weights(googlenet(), given, "torchvision")


def mini() -> Network:
    torch.manual_seed(0)
    return create("googlenet", size="mini", num_classes=5)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (lambda tensor: tensor.to_sparse(), "torch.sparse_coo"),
        (lambda tensor: tensor.to("meta"), "on meta"),
        (lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8), "torch.qint8"),
        (lambda tensor: torch.nested.nested_tensor([tensor]), "nested|no tensor"),
        (lambda tensor: torch.tensor(1.0), r"is \(5,.*\) here, and \(\) in the weights"),
    ],
    ids=["sparse", "meta", "quantised", "nested", "a number"],
)
@pytest.mark.parametrize("name", ["classifier.weight", "classifier.bias"])
def test_a_tensor_that_cannot_be_copied_changes_nothing(name, kind, words):
    net, given = mini(), stirred(mini()).state_dict()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    given[name] = kind(given[name])
    with pytest.raises(ValueError, match=words):
        load_weights(net, given)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_a_network_that_cannot_be_changed_is_named():
    with torch.inference_mode():
        net = mini()
    with pytest.raises(ValueError, match=r"made under torch.inference_mode"):
        load_weights(net, mini().state_dict())


@pytest.mark.parametrize("given", [{}, {"a": torch.ones(2)}])
def test_weights_of_which_nothing_fits_are_refused_whatever_is_asked_for(given):
    with pytest.raises(ValueError, match="do not fit GoogLeNet; nothing was changed"):
        load_weights(mini(), given, "course", strict=False)


def test_another_width_is_not_explained_by_what_agrees():
    """Not "has 5 classes, the network 5", and no word of channels that are the same."""
    other = create("googlenet", size="mini", width=0.5, num_classes=5).state_dict()
    with pytest.raises(ValueError, match="one's of another width") as refused:
        load_weights(mini(), other)
    assert "classes" not in str(refused.value) and "channels" not in str(refused.value)


def test_what_was_loaded_is_said_in_a_line():
    loaded = load_weights(mini(), mini().state_dict())
    assert repr(loaded) == f"Loaded({len(loaded.placed)} placed)"
    classifier = {key: value for key, value in mini().state_dict().items() if not key.startswith("classifier")}
    assert repr(load_weights(mini(), classifier, strict=False)).endswith(
        " placed; 2 unfilled (classifier.weight, classifier.bias))"
    )


def test_the_background_of_1001_classes_is_left_out():
    given = values(expand(released_names.TIMM_INCEPTION_V4))
    given["last_linear.weight"] = torch.randn(1001, 1536)
    given["last_linear.bias"] = torch.randn(1001)
    net = create("inception_v4")
    loaded = load_weights(net, given, "timm")
    assert loaded.background_dropped
    assert torch.equal(net.classifier.weight, given["last_linear.weight"][1:])
    assert torch.equal(net.classifier.bias, given["last_linear.bias"][1:])


@pytest.mark.parametrize(
    ("name", "options", "source", "words"),
    [
        ("googlenet", {"variant": "released"}, "caffe", "source is 'caffe'; it can be 'timm', 'torchvision', 'keras'"),
        ("googlenet", {"variant": "released"}, "timm", "timm has no weights for GoogLeNet; torchvision has"),
        ("inception_v2", {}, "timm", "nor has any other source here. There are public weights for GoogLeNet, Inc"),
        ("inception_v3", {"variant": "paper"}, "timm", "counts the padding in its average pools: that is variant='rel"),
        ("inception_v3", {"variant": "released"}, "keras", "leaves the padding out of its average pools"),
        ("xception", {"variant": "paper"}, "timm", "epsilon 1e-5"),
        ("xception", {"variant": "released"}, "keras", "epsilon 1e-3"),
        ("alexnet", {}, "torchvision", "one tower, without response normalisation: that is variant='released'"),
        ("resnet_50", {}, "torchvision", "in the 3 x 3 of a block: that is variant='released'"),
        ("mobilenet_v1", {}, "keras", "ReLUs that stop at 6, and pads at the far end: that is variant='released'"),
        ("network_in_network", {}, "torchvision", "nor has any other source here"),
        ("googlenet", {"variant": "released", "size": "mini"}, "torchvision", "Public weights are for the full size"),
        ("googlenet", {"variant": "released", "width": 0.5}, "torchvision", "width=0.5"),
    ],
)
def test_a_network_that_the_weights_are_not_for(name, options, source, words):
    with pytest.raises(ValueError) as error:
        load_weights(create(name, **options), {}, source)
    assert words in str(error.value)


def test_a_network_on_meta_has_no_room():
    with torch.device("meta"):
        net = googlenet()
    with pytest.raises(ValueError, match="meta"):
        load_weights(net, {}, "torchvision")


def test_a_list_is_no_state_dict():
    with pytest.raises(ValueError, match="must map names to tensors"):
        load_weights(googlenet(), [1, 2], "torchvision")


# --- Equal outputs: Keras ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    os.environ["KERAS_BACKEND"] = "torch"
    os.environ["KERAS_HOME"] = str(tmp_path_factory.mktemp("keras"))
    return pytest.importorskip("keras")


KERAS = [("inception_v3", "paper", "InceptionV3"), ("inception_resnet_v2", "released", "InceptionResNetV2")]
KERAS += [("xception", "paper", "Xception"), ("mobilenet_v1", "released", "MobileNet")]
KERAS += [("resnet_50", "paper", "ResNet50")]


@pytest.mark.parametrize(("name", "variant", "keras_name"), KERAS, ids=[row[0] for row in KERAS])
def test_equals_keras(keras, name, variant, keras_name):
    """On the paper's grid, and on one whose sides are even where the paper's are odd."""
    keras.utils.set_random_seed(1)
    images = keras.Input((None, None, 3))
    theirs = getattr(keras.applications, keras_name)(
        weights=None, classifier_activation=None, input_tensor=images, classes=100
    )
    stir(theirs)
    net = create(name, variant=variant, num_classes=100).eval()
    loaded = load_weights(net, theirs.weights, "keras")
    assert loaded.complete
    biases = sum(weight.path.endswith("_conv/bias") for weight in theirs.weights) if name == "resnet_50" else 0
    assert len(loaded.placed) == len(theirs.weights) - biases
    assert bool(loaded.ones) == name.startswith("inception")
    for side in (299, 128):
        images = torch.randn(1, 3, side, side)
        with torch.no_grad():
            assert distance(net(images), theirs(images.permute(0, 2, 3, 1), training=False)) < TOLERANCE


def test_vgg_equals_keras(keras):
    """Its dense layers fit one grid."""
    theirs = keras.applications.VGG16(weights=None, classifier_activation=None, classes=100)
    stir(theirs)
    net = create("vgg_16", num_classes=100).eval()
    assert load_weights(net, theirs.weights).complete
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert distance(net(images), theirs(images.permute(0, 2, 3, 1), training=False)) < TOLERANCE


def stir(theirs) -> None:
    """Statistics, biases and affine parameters that change what comes out."""
    ranges = {"gamma": (0.5, 1.5), "beta": (-0.3, 0.3), "moving_mean": (-0.3, 0.3), "moving_variance": (0.5, 1.5)}
    ranges["bias"] = (-0.3, 0.3)
    for weight in theirs.weights:
        if weight.path.split("/")[-1] in ranges:
            low, high = ranges[weight.path.split("/")[-1]]
            weight.assign(torch.empty(tuple(weight.shape)).uniform_(low, high))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_paths_and_arrays_in_a_mapping(keras):
    theirs = keras.applications.Xception(weights=None, classifier_activation=None, input_shape=(71, 71, 3), classes=7)
    stir(theirs)
    arrays = {f"xception/{weight.path}:0": weight.numpy() for weight in theirs.weights}
    net = create("xception", num_classes=7).eval()
    assert load_weights(net, arrays, "keras").complete
    images = torch.randn(1, 3, 71, 71)
    with torch.no_grad():
        assert distance(net(images), theirs(images.permute(0, 2, 3, 1), training=False)) < TOLERANCE


# --- Equal outputs: timm and torchvision, where they import -----------------------------------------------------------

TIMM = {
    "inception_v3": "inception_v3",
    "inception_v4": "inception_v4",
    "inception_resnet_v2": "inception_resnet_v2",
    "xception": "legacy_xception",
    "xception_65": "xception65",
    "xception_71": "xception71",
}


@pytest.mark.parametrize("name", TIMM)
def test_equals_timm(name):
    timm = pytest.importorskip("timm", exc_type=ImportError)
    theirs = timm.create_model(TIMM[name])
    initialise(theirs)
    stirred(theirs)
    net = create(name, variant="released").eval()
    assert load_weights(net, theirs.state_dict(), "timm").complete
    images = torch.randn(1, 3, 299, 299)
    with torch.no_grad():
        assert distance(net(images), theirs(images)) < TOLERANCE


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_equals_torchvision(name):
    models = pytest.importorskip("torchvision.models", exc_type=(ImportError, RuntimeError))
    theirs = getattr(models, name)(weights=None, aux_logits=True, init_weights=False)
    initialise(theirs)
    stirred(theirs)
    net = create(name, variant="released", aux_heads=True).eval()
    assert load_weights(net, theirs.state_dict(), "torchvision").complete
    images = torch.randn(1, 3, 299, 299)
    grids = {}
    heads = {"googlenet": {"inception4a": "aux1", "inception4d": "aux2"}, "inception_v3": {"Mixed_6e": "AuxLogits"}}
    for stage in heads[name]:
        theirs.get_submodule(stage).register_forward_hook(
            lambda _module, _inputs, output, stage=stage: grids.__setitem__(stage, output)
        )
    with torch.no_grad():
        logits, aux = net(images, with_aux=True)
        assert distance(logits, theirs(images)) < TOLERANCE
        for (stage, head), ours in zip(heads[name].items(), aux, strict=True):
            assert distance(ours, theirs.get_submodule(head)(grids[stage])) < TOLERANCE


@pytest.mark.parametrize(("name", "theirs"), [("alexnet", "alexnet"), ("vgg_16", "vgg16"), ("resnet_50", "resnet50")])
def test_relatives_equal_torchvision(name, theirs):
    """On the paper's grid, and on one that is no multiple of it."""
    models = pytest.importorskip("torchvision.models", exc_type=(ImportError, RuntimeError))
    torch.manual_seed(1)
    theirs = getattr(models, theirs)(weights=None)
    stirred(theirs)
    with torch.no_grad():
        next(module for module in reversed(list(theirs.modules())) if isinstance(module, nn.Linear)).weight.mul_(10)
    net = create(name, variant="released").eval()
    assert load_weights(net, theirs.state_dict(), "torchvision").complete
    for side in (224, 171):
        images = torch.randn(1, 3, side, side)
        with torch.no_grad():
            assert distance(net(images), theirs(images)) < TOLERANCE


def test_the_tables_are_for_networks_that_exist():
    assert set(TABLES) <= {entry.class_name for entry in (*NETWORKS, *RELATIVES)}


@pytest.mark.parametrize(("name", "source", "keys"), PUBLISHED[:1] + PUBLISHED[5:6], ids=["googlenet", "xception"])
def test_weights_go_out_under_the_published_names_and_come_back(name, source, keys):
    net, other = (create(name, variant="released") for _ in range(2))
    given = as_published(net, source)
    assert set(given) <= set(expand(keys))
    assert load_weights(other, given, source).complete
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(net.parameters(), other.parameters(), strict=True))
    with pytest.raises(ValueError, match='source is "keras"'):
        as_published(net, "keras")
