"""A photograph through a network: the maps are the network's, cells see what they say they see, and what is refused."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from labs.photo_maps import MOST, SHOWN, photo_maps, square, stages_of
from networks import create
from networks.googlenet import InceptionModule, NaiveInceptionModule, Widths
from networks.pretrained import Preprocessing
from utils.data.photo import photograph
from utils.show.touch import Touch


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return create("googlenet").eval()


@pytest.fixture(scope="module")
def piece(net):
    return photo_maps(net, "inception_3a")


def small(name="googlenet", **options):
    torch.manual_seed(0)
    return create(name, size="mini", num_classes=10, **options)


def image_of(pixels):
    image = torch.tensor(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    return (image - image.mean()) / image.std()


def opened(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def stage_of(piece: Touch, name: str) -> dict:
    return next(stage for stage in piece.data["stages"] if stage["name"] == name)


def test_the_maps_are_what_hooks_see(net, piece):
    seen = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out[0]))
        for name, module in net.named_modules()
    ]
    with torch.no_grad():
        logits = net(image_of(photograph("flower", 224)))[0]
    for hook in hooks:
        hook.remove()
    features = [
        name for name in seen if "." not in name and name and name not in ("global_pool", "dropout", "classifier")
    ]
    assert [stage["name"] for stage in piece.data["stages"]] == features  # every stage can be chosen
    for stage in piece.data["stages"]:
        first = 0
        for strip in stage["strips"]:
            maps = seen[f"{stage['name']}.{strip['name']}" if stage["join"] else stage["name"]]
            spread = maps.flatten(1).std(dim=1)
            count = len(strip["shown"])
            assert (
                1 <= count <= SHOWN and strip["shown"] == spread.argsort(descending=True)[:count].sort().values.tolist()
            )
            low, high = (maps.flatten(1).aminmax(dim=1)[side][strip["shown"]].view(-1, 1, 1) for side in (0, 1))
            expected = ((maps[strip["shown"]] - low) / (high - low).clamp(min=1e-12)).numpy()
            shown = opened(strip["sprite"]) / 255
            assert np.abs(shown - np.concatenate(list(expected), axis=1)).max() < 0.003
            assert strip["first"] == first
            first += strip["channels"]
        assert first == len(seen[stage["name"]])
    end = piece.data["end"]
    assert [each["logit"] for each in end["classes"]] == pytest.approx(logits.topk(5).values.tolist(), rel=1e-3)
    for each in end["classes"]:
        assert np.mean(each["map"]) + each["bias"] == pytest.approx(each["logit"], rel=1e-3, abs=1e-4)
        assert each["adds"] == sorted(each["adds"], reverse=True) and opened(each["sprite"]).shape == (7, 7 * SHOWN)


@pytest.mark.parametrize("name", ["googlenet", "inception_v4", "xception"])
def test_a_cell_sees_its_frame_and_nothing_else(name):
    """In double precision: what lies outside of the frame changes nothing, each of its edges does, in corners and within."""
    net = small(name).double().eval()
    side = 64
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.forward = torch.nn.functional.softplus  # so that every pixel counts
        if isinstance(module, nn.MaxPool2d):
            module.forward = lambda x, pool=module: nn.functional.avg_pool2d(
                x, pool.kernel_size, pool.stride, pool.padding if type(pool) is nn.MaxPool2d else tuple(length % 2 for length in x.shape[2:]), ceil_mode=True
            )  # fmt: skip
    piece = photo_maps(small(name), size=side)
    pixels = image_of(photograph("flower", side)).double().requires_grad_()
    seen = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, path=path: seen.__setitem__(path, out))
        for path, module in net.named_modules()
    ]
    net(pixels)
    for hook in hooks:
        hook.remove()
    stages = [piece.data["stages"][at] for at in (0, len(piece.data["stages"]) // 3)]
    for stage in stages:
        for strip in [strip for strip in stage["strips"] if strip["name"] not in ("in", "sum")][-3:]:
            out = seen[f"{stage['name']}.{strip['name']}" if stage["join"] else stage["name"]]
            for cell in ((0, 0), (strip["grid"][0] // 2, strip["grid"][1] // 3), (strip["grid"][0] - 1, 0)):
                (gradient,) = torch.autograd.grad(out[0, :, cell[0], cell[1]].sum(), pixels, retain_graph=True)
                for axis, reached in enumerate((gradient.abs().sum((0, 1, 3)), gradient.abs().sum((0, 1, 2)))):
                    first = strip["start"][axis] + cell[axis] * strip["step"][axis]
                    inside = reached.nonzero().flatten().tolist()
                    expected = max(first, 0), min(first + strip["field"][axis], side) - 1
                    assert (inside[0], inside[-1]) == expected, (stage["name"], strip["name"], cell, axis)


def test_stages_are_taken_apart_as_they_are_put_together():
    assert [stage["join"] for stage in photo_maps(small("xception"), size=32).data["stages"]] == [
        "steps", "sum", "sum", "sum", "sum", "sum", "sum", "steps",
    ]  # fmt: skip
    one = photo_maps(InceptionModule(3, Widths(4, 3, 5, 2, 6, 2)), size=40)
    assert one.state["stage"] == "InceptionModule" and one.data["end"] is None
    assert [strip["channels"] for strip in one.data["stages"][0]["strips"]] == [4, 5, 6, 2]
    naive = photo_maps(NaiveInceptionModule(3, pointwise=2, three=2, five=2), size=40)
    assert naive.data["stages"][0]["strips"][-1]["layers"] == "3×3 max pool"
    layer = photo_maps(nn.Conv2d(3, 6, 3), size=40)
    assert (layer.data["stages"][0]["strips"][0]["layers"], layer.data["stages"][0]["grid"]) == ("3×3 conv", [38, 38])
    plain = photo_maps(nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2)), size=40)
    assert [stage["name"] for stage in plain.data["stages"]] == ["0", "1", "2"]
    assert plain.data["stages"][0]["strips"][0]["sprite"] != plain.data["stages"][1]["strips"][0]["sprite"]


def test_depthwise_channels_before_and_behind_their_window():
    piece = photo_maps(small("xception"), size=32, stages=["block3.body.1.conv"])
    before, window, mixed = piece.data["stages"][0]["strips"]
    assert before["shown"] == window["shown"] and "depthwise" in window["layers"] and mixed["layers"] == "1×1 conv"
    assert before["field"][0] + 2 * before["step"][0] == window["field"][0] == mixed["field"][0]


def test_grey_images_and_a_data_sets_own_preparation():
    pixels = torch.arange(32 * 32, dtype=torch.uint8).reshape(1, 32, 32)
    asked = []
    piece = photo_maps(
        small("bn_inception", in_channels=1), photo=pixels, weights="weights of nobody", classes=tuple("abcdefghij"),
        prepare=lambda images: asked.append(images) or images.float() / 255,
    )  # fmt: skip
    assert torch.equal(asked[0][0], pixels) and piece.data["size"] == 32 and piece.data["trained"]
    assert "weights of nobody" in repr(piece) and "nothing yet" not in repr(piece)
    assert {each["name"] for each in piece.data["end"]["classes"]} <= set("abcdefghij")


def test_published_weights_bring_their_preprocessing():
    net = small()
    net.preprocessing = Preprocessing(input_size=48, resize=64)
    assert photo_maps(net).data["size"] == 48


def test_it_can_begin_with_the_classes():
    piece = photo_maps(small(), "classes", size=32)
    assert piece.state == {"stage": "classes", "row": 2, "column": 2, "map": 0, "class": 0}
    assert "what one cell of 5b sees" in piece.still()
    with pytest.raises(ValueError, match="There is no stage 'classes'"):
        photo_maps(nn.Conv2d(3, 6, 3), "classes", size=32)


def test_a_network_in_training_is_left_as_it_was():
    net = small("bn_inception")
    net.conv1.eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    piece = photo_maps(net, size=32)
    assert net.training and not net.conv1.training and not any(module._forward_hooks for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert "nobody has trained it: its maps mean nothing yet" in repr(piece) and "mean nothing yet" in piece.still()


def test_another_end_is_told(piece):
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    assert "has no class activation map" in photo_maps(other, size=16).data["end"]["none"]


# --- how much, and where ---------------------------------------------------------------------------------------------------


def test_what_is_sent_is_small(piece):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    net = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(40)))
    loud = photo_maps(net, photo=noise, size=299)  # nothing of it can be packed
    assert len(json.dumps(piece.data)) < MOST and 300_000 < len(json.dumps(loud.data)) < MOST


def test_the_still_and_the_page(piece):
    still = piece.still()
    assert still.count("<image") == 2 + 5 and "three: 1×1 conv → 3×3 conv, 128 channels, sees 43×43" in still
    assert still.count("fill-opacity") == 49
    html = piece.live_html()
    assert "http" not in html.replace("http://www.w3.org/", "")


# --- photographs -----------------------------------------------------------------------------------------------------------


def file_of(tmp_path: Path, image: Image.Image, name: str = "mine.png", **options) -> Path:
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_any_photograph_becomes_a_square(tmp_path):
    gray = Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20))
    for image in (
        gray,
        gray.convert("P"),
        gray.convert("1"),
        gray.convert("RGB").convert("CMYK"),
        Image.new("RGB", (1, 1), "red"),
    ):
        name = "mine.jpg" if image.mode == "CMYK" else "mine.png"
        assert square(file_of(tmp_path, image, name), 24).shape == (24, 24, 3)
    deep = Image.fromarray((np.arange(400).reshape(20, 20) * 160).astype(np.uint16))
    assert np.ptp(square(file_of(tmp_path, deep), 20)) == 255  # 16 bits are not cut off
    clear = Image.new("RGBA", (9, 9), (0, 0, 0, 0))
    assert (square(str(file_of(tmp_path, clear)), 9) == 255).all()  # nothing is white, not black
    wide = Image.new("RGB", (90, 30), "red")
    wide.paste("blue", (30, 0, 60, 30))
    assert (square(file_of(tmp_path, wide), 10) == (0, 0, 255)).all()
    turned = Image.new("RGB", (8, 8), "red")
    turned.paste("blue", (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 3
    assert square(file_of(tmp_path, turned, "turned.png", exif=exif), 8)[0, 0].tolist() == [255, 0, 0]
    assert (square(np.full((5, 5), 7, dtype=np.uint8), 5) == 7).all()
    assert (
        photo_maps(small(), photo=np.full((40, 40, 3), 9, dtype=np.uint8)).data["size"] == 40
    )  # one colour has no deviation


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.jpg", r"There is no file .*none\.jpg"),
        (lambda folder: folder, "cannot be read as an image"),
        (lambda folder: written(folder, b"not an image"), "cannot be read as an image.*JPEG"),
        (lambda folder: written(folder, b""), "cannot be read as an image"),
        (lambda folder: written(folder, png_of(60, 60)[:300]), "cannot be read as an image.*whole"),
        (lambda folder: written(folder, png_of(20_000, 6_000, mode="1")), "20,000 × 6,000 pixels.*Make it smaller"),
        (lambda folder: np.zeros((4, 4, 3)), "it must hold bytes"),
        (lambda folder: np.zeros((4, 4, 7), dtype=np.uint8), "it must hold bytes"),
        (lambda folder: np.zeros((0, 4), dtype=np.uint8), "it must hold bytes"),
        (lambda folder: torch.zeros(1, 3, 4, 4, dtype=torch.uint8), "must be one image"),
    ],
)
def test_what_is_no_photograph_is_refused_in_words(tmp_path, make, words):
    with pytest.raises(ValueError, match=words):
        square(make(tmp_path), 8)


def png_of(width: int, height: int, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.effect_noise((width, height), 90).save(file, "png") if mode == "RGB" else Image.new(
        mode, (width, height)
    ).save(file, "png")
    return file.getvalue()


def written(folder: Path, content: bytes) -> Path:
    (folder / "mine.png").write_bytes(content)
    return folder / "mine.png"


def test_the_front_ends_photograph_is_answered():
    piece = photo_maps(small(), size=32)
    address = f"data:image/png;base64,{base64.b64encode(png_of(50, 40)).decode()}"
    widget, said = piece.widget, []
    widget.send = said.append
    widget._handle_custom_msg({"photo": address}, [])
    assert widget.data["photo"] != piece.data["photo"] and widget.data["end"]["classes"] and not said
    kept = widget.data
    for message in ({"photo": "data:image/png;base64,AAAA"}, {"photo": "http://elsewhere"}, {"photo": 3}, "nothing"):
        widget._handle_custom_msg(message, [])
        assert "cannot be read as an image" in said.pop()["refused"] and widget.data is kept


@pytest.mark.parametrize(
    ("module", "options", "words"),
    [
        ("inception_9z", {}, "There is no stage 'inception_9z' in it. There are: conv1, norm1"),
        (None, {"stages": ["stem"]}, "There is no module 'stem' in the network. Its children are: conv1"),
        (None, {"size": 4}, "needs at least"),
    ],
)
def test_what_cannot_be_is_refused(module, options, words):
    with pytest.raises(ValueError, match=words):
        photo_maps(small(), module, **{"size": 32} | options)


def test_what_puts_out_no_maps_is_refused():
    with pytest.raises(ValueError, match="No stage of Sequential puts out maps"):
        stages_of(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), torch.zeros(1, 3, 2, 2))
