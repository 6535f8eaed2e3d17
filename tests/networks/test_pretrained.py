"""create(..., pretrained=True): the file, the network and its preprocessing, with weights made for the test."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from networks import pretrained
from networks.catalog import create, names
from networks.pretrained import CHECKPOINTS, Preprocessing
from networks.weights import _table


@pytest.fixture(autouse=True)
def no_download(monkeypatch, tmp_path):
    """No test looks into the user's folders, or reaches the web."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    nowhere = {
        name: dataclasses.replace(checkpoint, url=f"file://{tmp_path}/{checkpoint.url.rsplit('/', 1)[1]}")
        for name, checkpoint in CHECKPOINTS.items()
    }
    monkeypatch.setattr(pretrained, "CHECKPOINTS", nowhere)


def publish(monkeypatch, path, *, name="googlenet", alter=None):
    """Put the weights of a fresh network at `path` under the names of its source, and the address into the table."""
    net = create(name, variant="released", aux_heads=name in ("googlenet", "inception_v3"))
    checkpoint = CHECKPOINTS[name]
    ours = net.state_dict()
    state_dict = {theirs: ours[name] for theirs, name in _table(net, checkpoint.source).items() if name in ours}
    if alter:
        alter(state_dict)
    torch.save(state_dict, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = dataclasses.replace(checkpoint, url=path.as_uri(), sha256=digest[:8])
    monkeypatch.setitem(pretrained.CHECKPOINTS, name, entry)
    return net.eval()


def test_published_weights_come_with_their_preprocessing(monkeypatch, tmp_path, capsys):
    published = publish(monkeypatch, tmp_path / "googlenet-test.pth")
    net = create("googlenet", variant="released", pretrained=True).eval()
    assert "googlenet-test.pth" in capsys.readouterr().out
    assert (tmp_path / "cache" / "weights" / "googlenet-test.pth").is_file()
    photographs = torch.randint(0, 256, (2, 3, 300, 280), dtype=torch.uint8)
    images = net.preprocessing(photographs)
    assert images.shape == (2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(net(images), published(images))
    assert net.preprocessing == CHECKPOINTS["googlenet"].preprocessing
    assert create("googlenet", variant="released").preprocessing is None


def test_heads_that_were_never_trained_are_said(monkeypatch, tmp_path):
    publish(monkeypatch, tmp_path / "googlenet-test.pth")
    with pytest.warns(UserWarning, match="auxiliary heads .* were never trained"):
        create("googlenet", variant="released", pretrained=True, aux_heads=True)


def test_torchs_own_cache_is_shared(monkeypatch, tmp_path, capsys):
    publish(monkeypatch, tmp_path / "googlenet-test.pth")
    there = tmp_path / "hub" / "checkpoints"
    there.mkdir(parents=True)
    (tmp_path / "googlenet-test.pth").rename(there / "googlenet-test.pth")
    create("googlenet", variant="released", pretrained=True)
    assert capsys.readouterr().out == ""


def test_a_file_for_another_network(monkeypatch, tmp_path):
    publish(monkeypatch, tmp_path / "googlenet-test.pth", alter=lambda given: given.pop("conv2.conv.weight"))
    with pytest.raises(ValueError, match=r"Nothing given for .*: conv2_reduce.conv.weight"):
        create("googlenet", variant="released", pretrained=True)


def test_a_file_that_is_no_weights(monkeypatch, tmp_path):
    path = tmp_path / "googlenet-test.pth"
    publish(monkeypatch, path)
    path.write_bytes(b"<html>not found</html>")
    entry = pretrained.CHECKPOINTS["googlenet"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(pretrained.CHECKPOINTS, "googlenet", dataclasses.replace(entry, sha256=digest[:8]))
    with pytest.raises(ValueError, match="cannot be read as weights"):
        create("googlenet", variant="released", pretrained=True)


def test_an_altered_file(monkeypatch, tmp_path):
    path = tmp_path / "googlenet-test.pth"
    publish(monkeypatch, path)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="is not the file that was published"):
        create("googlenet", variant="released", pretrained=True)


def test_no_network():
    with pytest.raises(
        FileNotFoundError, match=r"inceptionv4-8e4777a0.pth is not on this machine, and .* cannot be rea"
    ):
        create("inception_v4", pretrained=True)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (
            "bn_inception",
            {"variant": "released"},
            "downloads no weights for 'bn_inception'; it does for googlenet, inc",
        ),
        ("inception_v2", {}, "downloads no weights for 'inception_v2'"),
        ("inception_v3", {"variant": "paper"}, "belong to variant=\"released\"; this is 'paper'"),
        ("xception", {"variant": "released", "num_classes": 10}, "have 1000 classes, and num_classes is 10"),
        ("xception", {"variant": "released", "in_channels": 1}, "are for 3 channels, and in_channels is 1"),
        ("xception", {"variant": "released", "size": "mini"}, 'are for size="full"'),
        ("inception_v4", {"aux_heads": True}, "have no auxiliary heads; leave aux_heads at False"),
    ],
)
def test_networks_without_published_weights(name, options, words):
    with pytest.raises(ValueError) as error:
        create(name, pretrained=True, **options)
    assert words in str(error.value)


def test_every_file_is_a_networks_and_names_its_checksum():
    assert set(CHECKPOINTS) < set(names())
    for checkpoint in CHECKPOINTS.values():
        assert checkpoint.url.endswith(f"-{checkpoint.sha256}.pth")
        assert checkpoint.preprocessing.input_size in (224, 299)


# --- Preprocessing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["googlenet", "inception_v4"])
@pytest.mark.parametrize(("height", "width"), [(600, 500), (401, 799)])
def test_preprocessing_is_pillows(name, height, width):
    """Smooth pictures, as photographs are; within one level of 255."""
    preprocessing = CHECKPOINTS[name].preprocessing
    y, x = np.mgrid[0:height, 0:width] / 50
    picture = np.stack([np.sin(x) + np.cos(y), np.sin(x * y / 9), np.cos(x + y)])
    picture = ((picture / np.abs(picture).max() + 1) * 127.5).astype(np.uint8)
    resample = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}[preprocessing.interpolation]
    image = Image.fromarray(picture.transpose(1, 2, 0))
    scale = preprocessing.resize / min(height, width)
    image = image.resize(
        [preprocessing.resize if s == min(height, width) else int(s * scale) for s in image.size], resample
    )
    left, top = (round((side - preprocessing.input_size) / 2) for side in image.size)
    image = image.crop((left, top, left + preprocessing.input_size, top + preprocessing.input_size))
    expected = (torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 - 0.5) / 0.5
    ours = preprocessing(torch.from_numpy(picture)[None])[0]
    assert ours.shape == expected.shape
    assert (ours - expected).abs().max() <= 1.01 * 2 / 255


def test_preprocessing_normalises():
    preprocessing = Preprocessing(input_size=8, resize=8, mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 2.0))
    white = preprocessing(torch.full((1, 3, 8, 8), 255, dtype=torch.uint8))
    assert white[0, :, 0, 0].tolist() == [1, 1, 0]
    assert Preprocessing(input_size=224, resize=256).crop_fraction == 0.875


@pytest.mark.parametrize(
    "images", [torch.zeros(1, 3, 9, 9), torch.zeros(3, 9, 9, dtype=torch.uint8), torch.zeros(1, 1, 9, 9).byte(), None]
)
def test_preprocessing_says_what_it_takes(images):
    with pytest.raises(ValueError, match=r"takes colour images as a uint8 tensor \(N, 3, height, width\)"):
        Preprocessing(input_size=8, resize=8)(images)
