import hashlib
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from utils.data import cifar10
from utils.data.dataset import Data
from utils.data.sets import load, show

SCALES_BYTES = "34f2d3b76ad6877bfa8cc680701ce628e095416211ebcaafd4960eaa999f5c2e"
REAL_DATA = os.environ.get("COURSE_DATA")


def digest(data: Data) -> str:
    arrays = (data.train.images, data.train.labels, data.test.images, data.test.labels)
    return hashlib.sha256(b"".join(array.numpy().tobytes() for array in arrays)).hexdigest()


def picture(*, size: tuple[int, int] = (32, 32), mode: str = "RGB", value: int = 0) -> Image.Image:
    return Image.new("L", size, value % 256).convert(mode)


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, format=form)
    return file.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two classes with ten images each."""
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            picture(value=10 * number).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def write_parquet(path: Path, images: list[bytes | None], labels: list[int], **options: bool) -> None:
    table = pyarrow.table(
        {"img": [{"bytes": image, "path": None} for image in images], "label": labels},
        schema=pyarrow.schema(
            [("img", pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])), ("label", "int64")]
        ),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, **options)


@pytest.fixture
def course_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A COURSE_DATA with a CIFAR-10 of 40 training and 10 test images, and an empty cache folder."""
    for split, count in (("train", 40), ("test", 10)):
        images = [encoded(picture(value=number), "JPEG") for number in range(count)]
        write_parquet(
            tmp_path / "data" / "cifar10" / f"{split}-00000-of-00001.parquet",
            images,
            [number % 10 for number in range(count)],
            write_page_checksum=True,
        )
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


def train_file(course_data: Path) -> Path:
    return course_data / "cifar10" / "train-00000-of-00001.parquet"


# --- Every data set ---------------------------------------------------------------------------------------------------


def test_a_data_set_is_tensors_of_documented_types_and_shapes():
    data = load("digits")
    assert data.train.images.dtype == torch.uint8
    assert data.train.labels.dtype == torch.int64
    assert data.image_shape == (1, 8, 8)
    assert len(data.train) == len(data.train.images) == len(data.train.labels)
    assert data.train.images.is_contiguous()


def test_normalised_training_images_have_mean_zero_and_deviation_one_in_every_channel():
    data = load("scales", limit=1000)
    images = data.normalise(data.train.images)
    assert images.dtype == torch.float32
    assert images.shape == data.train.images.shape
    assert images.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert images.std(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_a_channel_without_contrast_normalises_to_zero(photos: Path):
    for path in photos.rglob("*.png"):
        picture(value=7).save(path)
    data = load(photos)
    assert data.normalise(data.train.images).abs().max() < 1e-6


def test_to_keeps_everything_and_moves_both_splits():
    data = load("digits", limit=50)
    moved = data.to("meta")
    assert moved.train.images.device.type == moved.test.labels.device.type == "meta"
    assert (moved.classes, moved.mean, moved.image_shape) == (data.classes, data.mean, data.image_shape)


@pytest.mark.parametrize("name", ["scales", "digits"])
def test_a_limit_keeps_the_first_training_images_and_test_images_in_proportion(name: str):
    whole, part = load(name), load(name, limit=150)
    assert len(part.train) == 150
    assert len(part.test) == round(150 * len(whole.test) / len(whole.train))
    assert torch.equal(part.train.images, whole.train.images[:150])
    assert torch.equal(part.test.labels, whole.test.labels[: len(part.test)])


def test_a_limit_beyond_the_data_set_keeps_all_of_it():
    assert len(load("digits", limit=10**6).train) == 1438


def test_the_sheet_has_a_row_a_class_and_says_what_it_shows():
    data = load("scales", limit=300)
    sheet = show(data, per_class=4)
    assert sheet.png.startswith(b"\x89PNG")
    for name in data.classes:
        assert name in sheet.alternative
    assert "alt=" in sheet._repr_html_()


def test_importing_reads_no_data_and_loads_no_reader():
    code = (
        "import sys, utils.data.sets; print({'datasets', 'pyarrow', 'sklearn', 'huggingface_hub'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- Arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cifar100", "", "Scales", 3, None])
def test_an_unknown_name_lists_the_known_ones_and_says_that_a_folder_works(name):
    with pytest.raises(ValueError, match=r"There is no data set .*scales, digits, cifar10.*folder.*works too"):
        load(name)


@pytest.mark.parametrize("path", ["no/such/folder", "./photos", Path("photos")])
def test_a_path_that_does_not_exist_is_named(path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder .*(folder|photos).*Check the path"):
        load(path)


def test_a_file_is_not_a_data_set(tmp_path: Path):
    (tmp_path / "cat.png").write_bytes(encoded(picture()))
    with pytest.raises(ValueError, match=r"cat\.png is a file, and a data set is a folder"):
        load(tmp_path / "cat.png")


@pytest.mark.parametrize("argument", ["limit", "image_size"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "8", True])
def test_a_limit_or_a_size_that_is_not_a_whole_number_from_one_is_named(argument: str, value):
    with pytest.raises(ValueError, match=rf"{argument} is .*whole number, 1 or more"):
        load("digits", **{argument: value})


@pytest.mark.parametrize("seed", [-1, 0.5, None, True])
def test_a_seed_that_is_not_a_whole_number_from_zero_is_named(seed):
    with pytest.raises(ValueError, match=r"seed is .*whole number, 0 or more"):
        load("digits", seed=seed)


def test_an_image_size_is_for_folders():
    with pytest.raises(ValueError, match=r"image_size is 16, and 'digits' has one size.*Leave image_size out"):
        load("digits", image_size=16)


# --- scales -----------------------------------------------------------------------------------------------------------


def test_scales_is_the_same_to_the_last_byte_on_every_machine():
    assert digest(load("scales", limit=500)) == SCALES_BYTES


def test_scales_takes_less_than_five_seconds():
    began = time.process_time()  # of one core, however busy the others are
    load("scales")
    assert time.process_time() - began < 5


def test_scales_has_ten_classes_equally_often():
    data = load("scales")
    assert (len(data.train), len(data.test), data.image_shape) == (6000, 2000, (3, 32, 32))
    assert len(set(data.classes)) == 10
    assert data.train.labels.bincount().tolist() == [600] * 10
    assert data.test.labels.bincount().tolist() == [200] * 10


def test_another_seed_makes_other_images_and_no_test_image_is_a_training_image():
    first, second = load("scales", limit=500), load("scales", seed=1, limit=500)
    assert not torch.equal(first.train.images, second.train.images)
    train = {image.numpy().tobytes() for image in first.train.images}
    assert not train & {image.numpy().tobytes() for image in first.test.images}


# --- digits -----------------------------------------------------------------------------------------------------------


def test_digits_are_split_four_to_one_in_every_class():
    data = load("digits", seed=5)
    assert (len(data.train), len(data.test)) == (1438, 359)
    train, test = data.train.labels.bincount(), data.test.labels.bincount()
    assert (test / (train + test)).tolist() == pytest.approx([0.2] * 10, abs=0.01)
    assert (data.train.images.min(), data.train.images.max()) == (0, 255)
    assert not torch.equal(data.test.images, load("digits", seed=6).test.images)


# --- A folder of images -----------------------------------------------------------------------------------------------


def test_a_folder_is_split_four_to_one_in_every_class_by_the_seed(photos: Path):
    data = load(str(photos))
    assert (data.name, data.classes, data.image_shape) == ("photos", ("cat", "dog"), (3, 32, 32))
    assert data.train.labels.bincount().tolist() == [8, 8]
    assert data.test.labels.bincount().tolist() == [2, 2]
    assert torch.equal(data.train.images, load(photos).train.images)
    assert not torch.equal(data.train.images, load(photos, seed=1).train.images)
    assert str(photos.parent) not in data.source


def test_train_and_test_folders_are_honoured(photos: Path, tmp_path: Path):
    for split in ("train", "test"):
        (tmp_path / "both" / split).mkdir(parents=True)
        for name in ("cat", "dog"):
            (tmp_path / "both" / split / name).mkdir()
            for number in range(3 if split == "train" else 1):
                picture(value=100).save(tmp_path / "both" / split / name / f"{number}.png")
    data = load(tmp_path / "both")
    assert (len(data.train), len(data.test), data.classes) == (6, 2, ("cat", "dog"))

    (tmp_path / "both" / "test" / "dog").rename(tmp_path / "both" / "test" / "dogs")
    with pytest.raises(ValueError, match=r"dog has no counterpart in .*test"):
        load(tmp_path / "both")


def test_a_limit_on_a_folder_keeps_all_classes_and_does_not_open_the_rest(photos: Path):
    part = load(photos, limit=8)
    assert (len(part.train), len(part.test)) == (8, 2)
    assert set(part.train.labels.tolist()) == {0, 1}
    assert torch.equal(part.train.images, load(photos).train.images[:8])


def test_hidden_files_are_ignored(photos: Path):
    (photos / ".DS_Store").write_bytes(b"x")
    (photos / "README.txt").write_text("not in a class folder")
    (photos / "cat" / ".hidden").write_bytes(b"x")
    (photos / "cat" / "Thumbs.db").write_bytes(b"x")
    (photos / ".git").mkdir()
    assert load(photos).classes == ("cat", "dog")


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "LA", "I;16"])
def test_every_mode_becomes_colour(photos: Path, mode: str):
    image = Image.fromarray(np.full((32, 32), 204 * 256, np.uint16)) if mode == "I;16" else picture(value=204)
    form = "TIFF" if mode == "CMYK" else "PNG"
    if mode != "I;16":
        image = image.convert(mode)
    for path in photos.rglob("*.png"):
        path.write_bytes(encoded(image, form))
    data = load(photos)
    assert data.image_shape == (3, 32, 32)
    if mode != "1":
        assert (data.train.images.float() - 204).abs().max() < 2


def test_a_photo_taken_sideways_is_turned_upright(photos: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to see it upright
    for path in photos.rglob("*.png"):
        picture(size=(40, 30)).save(path.with_suffix(".jpg"), exif=exif)
        path.unlink()
    picture(size=(30, 40)).save(photos / "cat" / "upright.png")
    assert load(photos).image_shape == (3, 40, 30)


def test_mixed_sizes_name_two_files_and_image_size_makes_them_one(photos: Path):
    picture(size=(50, 40)).save(photos / "dog" / "wide.png")
    with pytest.raises(ValueError, match=r"several sizes: .*\.png is .* and .*\.png is .*pass image_size") as caught:
        load(photos)
    assert "wide.png is 50 x 40" in str(caught.value)
    assert load(photos, image_size=16).image_shape == (3, 16, 16)


def test_image_size_cuts_out_the_middle_and_does_not_squash(photos: Path):
    image = picture(size=(96, 32), value=0)
    image.paste((255, 255, 255), (32, 0, 64, 32))
    for path in photos.rglob("*.png"):
        image.save(path)
    assert load(photos, image_size=32).train.images.min() == 255


def test_a_class_folder_without_images_is_named(photos: Path):
    (photos / "empty").mkdir()
    with pytest.raises(ValueError, match=r"class folder .*empty holds no images"):
        load(photos)


@pytest.mark.parametrize("image_size", [None, 32])
@pytest.mark.parametrize("content", [b"", b"no image", encoded(Image.effect_noise((64, 64), 50))[:800]])
def test_a_file_that_is_not_an_image_is_named(photos: Path, content: bytes, image_size: int | None):
    (photos / "cat" / "3.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"cat.3\.png is not an image that can be read.*replace the file or move it"):
        load(photos, image_size=image_size)


def test_fewer_than_two_classes_is_an_error(photos: Path):
    for path in (photos / "dog").iterdir():
        path.unlink()
    (photos / "dog").rmdir()
    with pytest.raises(ValueError, match=r"photos holds one class folder, cat; .*takes two or more"):
        load(photos)
    with pytest.raises(ValueError, match=r"cat holds no class folder"):
        load(photos / "cat")


def test_too_few_images_to_split_names_the_class(photos: Path):
    (photos / "bird").mkdir()
    picture().save(photos / "bird" / "only.png")
    with pytest.raises(ValueError, match=r"class folder .*bird holds one image, too few to split"):
        load(photos)


# --- CIFAR-10 ---------------------------------------------------------------------------------------------------------


def test_cifar10_from_files_says_that_they_are_jpeg(course_data: Path):
    data = load("cifar10")
    assert (len(data.train), len(data.test), data.image_shape) == (40, 10, (3, 32, 32))
    assert data.classes[0] == "airplane"
    assert "CIFAR-10 (JPEG)" in data.source
    assert str(course_data) not in data.source
    assert data.train.images[5].float().mean().item() == pytest.approx(5, abs=1)


def test_files_with_lossless_images_are_not_called_jpeg(course_data: Path):
    write_parquet(train_file(course_data), [encoded(picture())] * 10, list(range(10)))
    assert "JPEG" not in load("cifar10").source


def test_a_relative_course_data_is_found_from_the_projects_root_too(course_data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("utils.system.places.CHECKOUT", course_data.parent)
    monkeypatch.setenv("COURSE_DATA", "data")
    monkeypatch.chdir("/")
    assert len(load("cifar10").train) == 40


def test_decoded_images_are_kept_for_the_next_time(course_data: Path, monkeypatch: pytest.MonkeyPatch):
    first = load("cifar10")
    monkeypatch.setattr(cifar10, "read_image", lambda *_: pytest.fail("decoded again"))
    again, part = load("cifar10"), load("cifar10", limit=20)
    assert digest(again) == digest(first)
    assert again.source == first.source
    assert torch.equal(part.train.images, first.train.images[:20])
    assert sorted(path.name for path in course_data.rglob("*") if path.is_file()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]


def test_a_limit_decodes_no_more_than_it_keeps(course_data: Path, monkeypatch: pytest.MonkeyPatch):
    decoded, read_image = [], cifar10.read_image
    monkeypatch.setattr(cifar10, "read_image", lambda file: decoded.append(1) or read_image(file))
    data = load("cifar10", limit=8)
    assert (len(data.train), len(data.test), len(decoded)) == (8, 2, 10)
    assert not (course_data.parent / "cache").exists()
    assert torch.equal(load("cifar10").train.images[:8], data.train.images)


@pytest.mark.parametrize("damage", ["cut", "altered", "nothing"])
def test_a_broken_cache_is_thrown_away_with_a_word(course_data: Path, damage: str, capsys: pytest.CaptureFixture):
    first = load("cifar10")
    (cache,) = (course_data.parent / "cache").glob("*.npz")
    content = bytearray(cache.read_bytes())
    content[2000] ^= 255
    cache.write_bytes({"cut": content[:5000], "altered": content, "nothing": b""}[damage])
    capsys.readouterr()
    assert digest(load("cifar10")) == digest(first)
    printed = capsys.readouterr().out
    assert str(cache) in printed
    assert "broken" in printed
    load("cifar10")
    assert "broken" not in capsys.readouterr().out


def test_other_files_are_not_taken_for_the_cached_ones(course_data: Path):
    load("cifar10")
    write_parquet(train_file(course_data), [encoded(picture(value=9))] * 10, list(range(10)))
    assert len(load("cifar10").train) == 10


def test_a_cache_that_cannot_be_written_is_said_and_no_reason_to_stop(
    course_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    (course_data.parent / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_CACHE", str(course_data.parent / "file"))
    assert len(load("cifar10").train) == 40
    assert "cannot be written" in capsys.readouterr().out


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_cut_off_parquet_file_is_named(course_data: Path, keep: float):
    content = train_file(course_data).read_bytes()
    train_file(course_data).write_bytes(content[: int(keep if keep >= 1 else keep * len(content))])
    with pytest.raises(ValueError, match=r"train-00000-of-00001\.parquet is cut off, altered.*download it again"):
        load("cifar10")


def test_an_altered_parquet_file_is_named(course_data: Path):
    content = bytearray(train_file(course_data).read_bytes())
    content[200:260] = bytes(60)
    train_file(course_data).write_bytes(content)
    with pytest.raises(ValueError, match=r"train-00000-of-00001\.parquet is cut off, altered"):
        load("cifar10")


@pytest.mark.parametrize("content", [b"no image", None, encoded(Image.effect_noise((32, 32), 90), "JPEG")[:500]])
def test_an_image_in_a_parquet_file_that_cannot_be_read_is_named_with_its_row(course_data: Path, content):
    write_parquet(train_file(course_data), [encoded(picture()), content], [0, 1])
    with pytest.raises(ValueError, match=r"train-00000.*the image in row 1 cannot be read"):
        load("cifar10")


def test_images_labels_columns_and_classes_that_are_not_cifar10s_are_named(course_data: Path):
    path = train_file(course_data)
    write_parquet(path, [encoded(picture(size=(28, 30)))], [0])
    with pytest.raises(ValueError, match=r"train-00000.*row 0 is 28 x 30"):
        load("cifar10")
    write_parquet(path, [encoded(picture())], [10])
    with pytest.raises(ValueError, match=r"train-00000.*row 0 has the label 10"):
        load("cifar10")
    parquet.write_table(pyarrow.table({"image": [1], "label": [1]}), path)
    with pytest.raises(ValueError, match=r"train-00000.*columns image, label"):
        load("cifar10")
    features = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    schema = pyarrow.schema([("img", "int64"), ("label", "int64")], metadata={"huggingface": json.dumps(features)})
    parquet.write_table(pyarrow.table({"img": [1], "label": [1]}, schema=schema), path)
    with pytest.raises(ValueError, match=r"train-00000.*classes are cat, dog"):
        load("cifar10")


def test_a_missing_split_is_named(course_data: Path):
    train_file(course_data).unlink()
    with pytest.raises(FileNotFoundError, match=r"cifar10 holds no train-\*\.parquet.*Copy the train file there"):
        load("cifar10")


def test_a_missing_part_of_a_split_is_named(course_data: Path):
    train_file(course_data).rename(train_file(course_data).with_name("train-00000-of-00002.parquet"))
    with pytest.raises(FileNotFoundError, match=r"holds 1 of the 2 files of train"):
        load("cifar10")


def test_a_course_data_without_cifar10_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"COURSE_DATA is .*no folder .*cifar10.*or unset COURSE_DATA"):
        load("cifar10")


class Hub:
    """Stands in for the hub: `files` is the folder that a download gives, `online` whether there is a network."""

    endpoint = "https://hub.example"

    def __init__(self, files: Path, *, online: bool):
        self.files, self.online, self.events = files, online, []

    def dataset_info(self, name: str, **_options: object):
        if not self.online:
            raise ConnectionError("no route to host")
        self.events.append(f"asked for {name}")
        parts = [type("File", (), {"rfilename": f"plain_text/{split}.parquet", "size": 72_000_000}) for split in "ab"]
        other = type("File", (), {"rfilename": "README.md", "size": 5})
        return type("Info", (), {"siblings": [*parts, other]})

    def snapshot(self, name: str, *, local_files_only: bool = False, **_options: object) -> str:
        if local_files_only:
            raise FileNotFoundError("not in the cache")
        self.events.append(f"downloaded {name}")
        return str(self.files)


@pytest.fixture
def hub(course_data: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.delenv("COURSE_DATA")
    (course_data / "cifar10").rename(course_data / "plain_text")
    hub = Hub(course_data, online=True)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub.snapshot)
    return hub


def test_a_download_is_announced_with_its_size_before_it_begins(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    printed, snapshot = [], hub.snapshot

    def watched(name: str, **options: object) -> str:
        printed.append(capsys.readouterr().out)
        return snapshot(name, **options)

    monkeypatch.setattr("huggingface_hub.snapshot_download", watched)
    assert len(load("cifar10").train) == 40
    assert hub.events == ["asked for uoft-cs/cifar10", "downloaded uoft-cs/cifar10"]
    assert "uoft-cs/cifar10: 2 files, 144 MB" in printed[-1]


def test_without_a_network_the_error_says_to_set_course_data(hub: Hub):
    hub.online = False
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded.*no route to host.*set COURSE_DATA"):
        load("cifar10")


@pytest.mark.skipif(not REAL_DATA, reason="skipped: real CIFAR-10 needs COURSE_DATA")
def test_the_real_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    data = load("cifar10", limit=1000)
    assert (len(data.train), len(data.test), data.image_shape) == (1000, 200, (3, 32, 32))
    assert data.classes == cifar10.CLASSES
    assert data.train.labels.bincount().min() > 50
    assert data.mean == pytest.approx((0.491, 0.482, 0.447), abs=0.02)
