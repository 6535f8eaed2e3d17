"""A corpus of odd images: each kind of pixel and of transparency gives what a viewer shows."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from utils.data.decode import read_image
from utils.data.sets import load

SIDE = 8
RED, WHITE, GREY = (255, 0, 0), (255, 255, 255), (128, 128, 128)
PINK = (255, 127, 127)  # half of red over white


def plain(mode, color):
    return Image.new(mode, (SIDE, SIDE), color)


def grey(kind, value):
    return Image.fromarray(np.full((SIDE, SIDE), value, kind))


def palette(hidden):
    """A picture with a palette: all pixels are of colour 1, which is red."""
    image = plain("P", 1)
    image.putpalette([0, 255, 0, 255, 0, 0, 0, 0, 255])
    image.info["transparency"] = hidden
    return image


def png16(channels, values):
    """A PNG with 16 bits a channel, which Pillow cannot write: grey and alpha, colour, or colour and alpha."""
    kind = {2: 4, 3: 2, 4: 6}[channels]
    line = b"\0" + struct.pack(f">{channels}H", *values) * SIDE

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", SIDE, SIDE, 16, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(line * SIDE)) + chunk(b"IEND", b"")
    )


def unsigned(value):
    """A TIFF of 32-bit integers without a sign, which Pillow reads and cannot write."""
    tags = {256: SIDE, 257: SIDE, 258: 32, 259: 1, 262: 1, 273: 134, 277: 1, 278: SIDE, 279: 4 * SIDE * SIDE, 339: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, each) for tag, each in tags.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + struct.pack("<I", value) * SIDE * SIDE


# name of the file: (image, or the file's bytes; how to save it; the colour that is seen)
CORPUS = {
    # one, eight and fewer bits
    "one-black.png": (plain("1", 0), {}, (0, 0, 0)),
    "one-white.tif": (plain("1", 1), {}, WHITE),
    "grey.png": (plain("L", 128), {}, GREY),
    "grey.gif": (plain("L", 128), {}, GREY),
    "grey.jpg": (plain("L", 128), {"quality": 100}, GREY),
    "colour.png": (plain("RGB", RED), {}, RED),
    "colour.bmp": (plain("RGB", RED), {}, RED),
    "colour.ppm": (plain("RGB", RED), {}, RED),
    "colour.webp": (plain("RGB", RED), {"lossless": True}, RED),
    "palette.png": (palette(None), {}, RED),
    "inks.tif": (plain("CMYK", (0, 255, 255, 0)), {}, RED),
    "inks.jpg": (plain("CMYK", (0, 255, 255, 0)), {"quality": 100, "subsampling": 0}, RED),
    "video.jpg": (plain("RGB", RED).convert("YCbCr"), {"quality": 100, "subsampling": 0}, RED),
    # transparency, over white
    "alpha-none.png": (plain("RGBA", (*RED, 0)), {}, WHITE),
    "alpha-half.png": (plain("RGBA", (*RED, 128)), {}, PINK),
    "alpha-full.png": (plain("RGBA", (*RED, 255)), {}, RED),
    "alpha-none.webp": (plain("RGBA", (*RED, 0)), {"lossless": True, "exact": True}, WHITE),
    "alpha-none.tif": (plain("RGBA", (*RED, 0)), {}, WHITE),
    "alpha-none.tga": (plain("RGBA", (*RED, 0)), {}, WHITE),
    "alpha-none.ico": (plain("RGBA", (*RED, 0)), {}, WHITE),
    "grey-alpha-none.png": (plain("LA", (0, 0)), {}, WHITE),
    "grey-alpha-half.png": (plain("LA", (0, 128)), {}, (127, 127, 127)),
    "grey-alpha-none.tif": (plain("LA", (0, 0)), {}, WHITE),
    "palette-hidden.png": (palette(1), {"transparency": 1}, WHITE),
    "palette-half.png": (palette(bytes([255, 128, 255])), {"transparency": bytes([255, 128, 255])}, PINK),
    "palette-other-hidden.png": (palette(0), {"transparency": 0}, RED),
    "palette-hidden.gif": (palette(1), {"transparency": 1}, WHITE),
    "one-hidden.png": (plain("1", 0), {"transparency": 0}, WHITE),
    "grey-hidden.png": (plain("L", 10), {"transparency": 10}, WHITE),
    "grey-other-hidden.png": (plain("L", 10), {"transparency": 11}, (10, 10, 10)),
    "colour-hidden.png": (plain("RGB", RED), {"transparency": RED}, WHITE),
    "colour-other-hidden.png": (plain("RGB", RED), {"transparency": (254, 0, 0)}, RED),
    "deep-hidden.png": (grey(np.uint16, 700), {"transparency": 700}, WHITE),
    # more than eight bits
    "deep.png": (grey(np.uint16, 32896), {}, GREY),
    "deep.tif": (grey(np.uint16, 32896), {}, GREY),
    "deep-colour.png": (png16(3, (65535, 0, 0)), {}, RED),
    "deep-colour-alpha.png": (png16(4, (65535, 0, 0, 0)), {}, WHITE),
    "deep-grey-alpha.png": (png16(2, (0, 0)), {}, WHITE),
    "float.tif": (grey(np.float32, 128 / 255), {}, GREY),
    "float-black.tif": (grey(np.float32, 0), {}, (0, 0, 0)),
    "float-overshoot.tif": (grey(np.float32, 1.0005), {}, WHITE),
    "float-255.tif": (grey(np.float32, 128), {}, GREY),
    "float-65535.tif": (grey(np.float32, 32896), {}, GREY),
    "whole-32.tif": (grey(np.int32, 2**30), {}, GREY),
    "whole-24.tif": (grey(np.int32, 2**23), {}, GREY),
    "whole-32-unsigned.tif": (unsigned(2**31), {}, GREY),
}


def write(path, name):
    image, options, _ = CORPUS[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image) if isinstance(image, bytes) else image.save(path, **options)
    return path


@pytest.mark.parametrize("name", CORPUS)
def test_each_is_what_a_viewer_shows(tmp_path, name):
    image = read_image(write(tmp_path / name, name))
    assert image.shape == (3, SIDE, SIDE) and image.dtype == np.uint8
    seen = CORPUS[name][2]
    if name.endswith(".jpg"):
        assert np.abs(image.astype(int) - np.array(seen)[:, None, None]).max() <= 3
    else:
        assert (image == np.array(seen)[:, None, None]).all(), image[:, 0, 0]


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) * 1000),
        Image.fromarray(np.arange(SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE) / 64),
        Image.linear_gradient("L").resize((SIDE, SIDE)),
        plain("RGBA", (1, 2, 3, 4)),
        palette(1),
    ],
    ids=lambda image: image.mode,
)
def test_each_is_upright(tmp_path, image):
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera lay on its side
    path = tmp_path / "image.tif"
    image = image.resize((SIDE, SIDE // 2))
    image.save(path, exif=turned)
    assert read_image(path).shape == (3, SIDE, SIDE // 2)
    image.save(tmp_path / "upright.tif")
    assert (read_image(path) == np.rot90(read_image(tmp_path / "upright.tif"), -1, axes=(1, 2))).all()
    for number in range(4):
        place = tmp_path / "classes" / str(number % 2) / f"{number}.tif"
        place.parent.mkdir(parents=True, exist_ok=True)
        image.resize((SIDE // 2, SIDE)).save(place) if number else place.write_bytes(path.read_bytes())
    assert load(tmp_path / "classes").image_shape == (3, SIDE, SIDE // 2)


def test_together_in_a_folder_too(tmp_path):
    """All of more than eight bits in one folder share their range, whatever else lies beside them."""
    shallow = [name for name in CORPUS if not name.startswith(("deep.", "deep-hidden", "float", "whole"))]
    for number, name in enumerate(shallow):
        write(tmp_path / f"class-{number % 2}" / name, name)
    data = load(tmp_path, limit=None)
    assert len(data.train.images) + len(data.test.images) == len(shallow) > 30


# --- the range of a folder --------------------------------------------------------------------------------------------


def folder_of(tmp_path, kind, tops, suffix):
    """Two classes; each image goes from 0 to its top, evenly."""
    for number, top in enumerate(tops):
        path = tmp_path / ("light" if number % 2 else "dark") / f"{number}{suffix}"
        path.parent.mkdir(exist_ok=True)
        ramp = np.linspace(0, top, SIDE * SIDE).astype(kind).reshape(SIDE, SIDE)
        Image.fromarray(ramp).save(path)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "suffix", "white", "words"),
    [
        (np.uint16, ".png", 4095, "whole numbers of more than 8 bits"),  # 12 bits in 16
        (np.uint16, ".tif", 1023, "whole numbers of more than 8 bits"),
        (np.uint16, ".png", 65535, "whole numbers of more than 8 bits"),
        (np.uint16, ".png", 255, "whole numbers of more than 8 bits"),
        (np.int32, ".tif", 255, "whole numbers of more than 8 bits"),
        (np.int32, ".tif", 65535, "whole numbers of more than 8 bits"),
        (np.int32, ".tif", 2**31 - 1, "whole numbers of more than 8 bits"),
        (np.float32, ".tif", 1, "floats"),
        (np.float32, ".tif", 255, "floats"),
    ],
)
def test_what_is_white_follows_from_all_images_and_is_told(tmp_path, capsys, kind, suffix, white, words):
    folder = folder_of(tmp_path, kind, [white, white / 8, white * 0.7, white, white, white / 2], suffix)
    data = load(folder)
    images = np.concatenate([data.train.images.numpy(), data.test.images.numpy()])
    tops = sorted(int(image.max()) for image in images)
    expected = sorted(255 * share for share in (1, 1 / 8, 0.7, 1, 1, 1 / 2))
    assert np.abs(np.array(tops) - expected).max() <= 1.5  # a dark image stays dark
    assert f"Images with {words}, up to {white:g}: 6; {white:g} is taken for white." in capsys.readouterr().out


def test_images_of_eight_bits_cost_no_word(tmp_path, capsys):
    for number in range(4):
        path = tmp_path / f"class-{number % 2}" / f"{number}.png"
        write(path, "colour.png")
    load(tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "image", "said"),
    [
        ("hdr.tif", grey(np.float32, 3.5), "floats up to 3.5"),
        ("negative.tif", grey(np.float32, -0.5), "its pixels go from -0.5 to -0.5"),
        ("nothing.tif", grey(np.float32, np.nan), "its pixels go from nan"),
        ("negative-whole.tif", grey(np.int32, -7), "its pixels go from -7 to -7"),
        ("colour-of-12-bits.png", png16(3, (4095, 100, 0)), "nothing is in the upper 4"),
    ],
)
def test_what_has_no_range_is_refused_by_its_name(tmp_path, name, image, said):
    for number in range(4):
        write(tmp_path / f"class-{number % 2}" / f"{number}.png", "colour.png")
    path = tmp_path / "class-0" / name
    path.write_bytes(image) if isinstance(image, bytes) else image.save(path)
    with pytest.raises(ValueError, match="is not an image that can be read") as caught:
        load(tmp_path)
    assert str(path) in str(caught.value) and said in str(caught.value)


# --- folders ----------------------------------------------------------------------------------------------------------


def split_folder(root, *splits):
    for split in splits:
        for number in range(6):
            write(root / split / f"class-{number % 2}" / f"{number}.png", "colour.png")
    return root


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_the_test_images_may_be_called_otherwise(tmp_path, capsys, name):
    data = load(split_folder(tmp_path, "train", name))
    assert data.classes == ("class-0", "class-1") and (len(data.train), len(data.test)) == (6, 6)
    assert capsys.readouterr().out == f"{tmp_path}: train for training, {name} for testing.\n"


def test_train_and_test_alone_need_no_word(tmp_path, capsys):
    load(split_folder(tmp_path, "train", "test"))
    assert capsys.readouterr().out == ""


def test_of_three_splits_one_is_not_used_and_that_is_told(tmp_path, capsys):
    split_folder(tmp_path, "train", "test", "val")
    (tmp_path / "test" / "class-0" / "more.png").write_bytes((tmp_path / "test" / "class-0" / "0.png").read_bytes())
    assert len(load(tmp_path).test) == 7
    assert capsys.readouterr().out == f"{tmp_path}: train for training, test for testing; val is not used.\n"


def test_a_class_that_one_split_lacks_is_named_in_it(tmp_path):
    split_folder(tmp_path, "train", "val")
    write(tmp_path / "val" / "more" / "x.png", "colour.png")
    with pytest.raises(ValueError, match="has no counterpart in") as caught:
        load(tmp_path)
    assert str(tmp_path / "val" / "more") in str(caught.value) and str(tmp_path / "train") in str(caught.value)


def link(path: Path, to: str) -> None:
    try:
        path.symlink_to(to)
    except OSError:
        pytest.skip("no links here")


def test_links_that_lead_nowhere_and_folders_within_are_counted_and_told(tmp_path, capsys):
    for number in range(6):
        write(tmp_path / f"class-{number % 2}" / f"{number}.png", "colour.png")
    link(tmp_path / "class-0" / "gone.png", "/nowhere/gone.png")
    link(tmp_path / "class-1" / "gone.png", "/nowhere/gone.png")
    link(tmp_path / "class-2", "/nowhere")
    link(tmp_path / "class-1" / "whole.png", "1.png")
    write(tmp_path / "class-1" / "more" / "x.png", "colour.png")
    data = load(tmp_path)
    assert len(data.train) + len(data.test) == 7  # the link that leads somewhere counts
    told = capsys.readouterr().out
    assert f"{tmp_path}: 3 links that lead nowhere left out ({tmp_path / 'class-2'}, ...)." in told
    assert f"{tmp_path}: 1 folder within a class folder left out ({tmp_path / 'class-1' / 'more'})." in told


def test_files_and_folders_that_lie_beside_are_told(tmp_path, capsys):
    split_folder(tmp_path, "train", "test", "dev")
    for name in ("1.png", "2.png"):
        write(tmp_path / "train" / name, "colour.png")
    load(tmp_path)
    told = capsys.readouterr().out
    assert f"{tmp_path}: train for training, test for testing; dev is not used." in told
    first = tmp_path / "train" / "1.png"
    assert f"{tmp_path / 'train'}: 2 files beside the class folders left out ({first}, ...)." in told


def test_images_to_train_with_alone_are_no_data_set(tmp_path):
    with pytest.raises(ValueError, match="holds train, and nothing to test with: put a folder test or val") as refused:
        load(split_folder(tmp_path, "train"))
    assert f"or name {tmp_path / 'train'} itself" in str(refused.value)
    assert load(tmp_path / "train").classes == ("class-0", "class-1")


def test_what_is_no_image_is_told_without_python_s_words(tmp_path):
    split_folder(tmp_path, "train", "test")
    (tmp_path / "train" / "class-0" / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"notes.txt is not an image .*of no format that Pillow knows") as refused:
        load(tmp_path)
    assert "<_io" not in str(refused.value)


# --- Imagenette -------------------------------------------------------------------------------------------------------


@pytest.fixture
def imagenette_folder(tmp_path, monkeypatch):
    """A small folder in Imagenette's layout: photographs of several sizes, JPEG, in colour and grey."""
    from utils.data.imagenette import FOLDER, NAMES

    draw = np.random.default_rng(0)
    root = tmp_path / FOLDER
    for split, count in (("train", 4), ("val", 2)):
        for label, name in enumerate(NAMES):
            for number in range(count):
                path = root / split / name / f"{name}_{number}.JPEG"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = draw.integers(0, 256, (40 + number, 50, 3), dtype=np.uint8) // 2 + 12 * label
                Image.fromarray(pixels).convert("L" if number == 1 else "RGB").save(path)
    (root / "noisy_imagenette.csv").write_text("path,noisy_labels_0\n")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    return root


def test_imagenette_is_read_from_where_the_data_lie(imagenette_folder, capsys):
    data = load("imagenette", image_size=32)
    assert data.name == "imagenette" and data.image_shape == (3, 32, 32)
    assert (len(data.train), len(data.test)) == (40, 20)
    assert data.classes[:3] == ("tench", "English springer", "cassette player") and len(data.classes) == 10
    assert "Imagenette" in data.source and capsys.readouterr().out == ""
    assert load("imagenette", limit=4).image_shape == (3, 224, 224)


def test_a_mini_network_trains_on_it(imagenette_folder, tmp_path):
    from typer.testing import CliRunner

    from lessons.__main__ import app
    from utils.train.runs import Run

    small = ["--width", "0.25", "--epochs", "1", "--batch-size", "20"]
    words = [
        "train",
        "googlenet",
        "--data",
        "imagenette",
        "--image-size",
        "32",
        *small,
        "--out",
        str(tmp_path / "run.json"),
    ]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    record = Run.load(tmp_path / "run.json")
    assert record.data["name"] == "imagenette" and record.data["train"] == 40 and "tench" in record.data["classes"]


def test_imagenette_that_is_not_there_is_said(tmp_path, monkeypatch):
    from utils.data import download

    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"there is no .*imagenette2-320 with train and val in it"):
        load("imagenette")
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))

    def refuse(*words, **options):
        raise ConnectionRefusedError("no network")

    monkeypatch.setattr(download, "urlopen", refuse)
    with pytest.raises(
        FileNotFoundError, match=r"imagenette2-320.tgz is not on this machine, and https://s3.* cannot be"
    ):
        load("imagenette")


def test_imagenette_is_downloaded_once_and_unpacked_whole(imagenette_folder, tmp_path, monkeypatch, capsys):
    """The archive comes from a file here, in place of its address."""
    import hashlib
    import tarfile

    from utils.data import imagenette

    archive = tmp_path / "published" / "imagenette2-320.tgz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as file:
        file.add(imagenette_folder, imagenette_folder.name)
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(imagenette, "URL", archive.as_uri())
    monkeypatch.setattr(imagenette, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    assert len(load("imagenette", image_size=32).train) == 40
    said = capsys.readouterr().out
    assert f"Downloading {archive.as_uri()}" in said and "Unpacking" in said
    archive.unlink()
    assert len(load("imagenette", image_size=32).train) == 40
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["imagenette2-320"]
