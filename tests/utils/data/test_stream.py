"""Streams: the same data as in memory, each image once, mixed, shared without overlap, and never all in memory."""

import io
import itertools
import json
import socket
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from tests.utils.tiny import TinyNet
from utils.data.stream import stream, streamed
from utils.system.places import CHECKOUT
from utils.train.loop import evaluate, fit, logits_of
from utils.train.recipe import Recipe

SHAPE = (3, 6, 6)


def png(value: int, size: tuple[int, int] = (6, 6)) -> bytes:
    """An image all of whose pixels tell its number: (value // 256, value % 256, 0)."""
    pixels = np.empty((*size, 3), dtype=np.uint8)
    pixels[:] = (value // 256, value % 256, 0)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=0)
    return file.getvalue()


def numbers(images: torch.Tensor) -> list[int]:
    assert images.dtype == torch.uint8
    return (images[:, 0, 0, 0].int() * 256 + images[:, 1, 0, 0]).tolist()


def joined(lists) -> list[int]:
    return list(itertools.chain.from_iterable(lists))


def write(path: Path, values: range, *, names=("even", "odd"), row_group_size: int = 16) -> Path:
    """A file of images that tell their number, labelled even or odd."""
    described = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}} if names else {}
    table = pyarrow.table(
        {"image": [{"bytes": png(value), "path": None} for value in values], "label": [value % 2 for value in values]}
    ).replace_schema_metadata({"huggingface": json.dumps(described)} if names else None)
    parquet.write_table(table, path, row_group_size=row_group_size)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Four training files of 40 images, 0 to 159, and 30 test images."""
    folder = tmp_path_factory.mktemp("numbers")
    for part in range(4):
        write(folder / f"train-{part}.parquet", range(40 * part, 40 * part + 40))
    write(folder / "test-0.parquet", range(1000, 1030))
    return folder


@pytest.fixture(scope="module")
def train(folder):
    return stream(str(folder / "train-*.parquet"), image_shape=SHAPE, buffer=50)


def epoch(images, seed: int = 0, batch_size: int = 16, **options) -> list[int]:
    order = images.order(torch.Generator().manual_seed(seed))
    found = []
    for pictures, labels in images.batches(order, batch_size, **options):
        assert labels.tolist() == [number % 2 for number in numbers(pictures)]
        assert pictures.shape[1:] == SHAPE
        found += numbers(pictures)
    return found


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_it_says_what_it_holds(train):
    assert len(train) == 160
    assert train.classes == ("even", "odd")
    assert train.columns == ("image", "label")


def test_every_image_comes_once_an_epoch_in_the_seeds_order(train):
    first = epoch(train, seed=1)
    assert sorted(first) == list(range(160))
    assert epoch(train, seed=1) == first
    assert epoch(train, seed=2) != first


def test_images_are_mixed_within_and_between_files(train):
    found = epoch(train)
    assert len({number // 40 for number in found[:50]}) > 1
    places = [abs(found[i + 1] - found[i]) == 1 for i in range(159)]
    assert sum(places) < 16
    order = [number // 40 for number in epoch(train, seed=5)]
    assert order[0] != order[-1] or order[0] != 0


def test_what_the_last_full_batch_leaves_over_stays_out(train):
    found = epoch(train, batch_size=50)
    assert len(found) == len(set(found)) == 150


def test_going_on_in_the_middle_of_an_epoch(train):
    assert epoch(train, seed=3, start=4) == epoch(train, seed=3)[4 * 16 :]
    assert epoch(train, seed=3, start=10) == []


def test_in_order_is_as_in_the_files(train):
    parts = [numbers(images) for images, _ in train.in_order(48)]
    assert [len(part) for part in parts] == [48, 48, 48, 16]
    assert joined(parts) == list(range(160))


@pytest.mark.parametrize("processes", [2, 4])
def test_files_are_dealt_out_to_processes(train, processes):
    shares = [epoch(train, seed=4, share=(rank, processes)) for rank in range(processes)]
    assert sorted(joined(shares)) == list(range(160))
    assert {len(share) for share in shares} == {160 // processes}
    files = [{number // 40 for number in share} for share in shares]
    assert sum(map(len, files)) == 4  # no file is read twice


def test_where_files_cannot_be_dealt_out_evenly_the_batches_are_shared(folder):
    three = stream([folder / f"train-{part}.parquet" for part in range(3)], image_shape=SHAPE, buffer=30)
    whole = epoch(three, seed=4, batch_size=24)
    shares = [epoch(three, seed=4, batch_size=24, share=(rank, 2)) for rank in range(2)]
    assert [len(share) for share in shares] == [60, 60]
    for first in range(0, 120, 24):  # the same batches as one process has
        half = slice(first // 2, first // 2 + 12)
        assert sorted(shares[0][half] + shares[1][half]) == sorted(whole[first : first + 24])


def test_decoded_images_are_the_files_images_or_scaled(folder, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    parquet.write_table(pyarrow.table({"picture": [file.getvalue()], "kind": [0]}), tmp_path / "one.parquet")
    options = {"classes": ["only"], "columns": ("picture", "kind")}
    exact = stream(tmp_path / "one.parquet", image_shape=(3, 9, 9), **options)
    ((images, _),) = exact.in_order(1)
    assert np.array_equal(images[0].permute(1, 2, 0), noise)
    ((images, _),) = stream(tmp_path / "one.parquet", image_shape=(3, 5, 5), **options).in_order(1)
    assert images.shape == (1, 3, 5, 5)
    with pytest.raises(ValueError, match=r"An image is 9 x 9, and image_shape is \(3, 5, 6\)"):
        list(stream(tmp_path / "one.parquet", image_shape=(3, 5, 6), **options).in_order(1))


def test_nothing_goes_over_the_network(train, monkeypatch):
    def connect(*_):
        raise AssertionError("A stream of local files opened a connection.")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    assert len(epoch(train)) == 160


def test_file_names_are_no_patterns(tmp_path):
    (tmp_path / "a[1]*").mkdir()
    write(tmp_path / "a[1]*" / "b{2}?.parquet", range(8))
    images = stream(tmp_path / "a[1]*" / "b{2}?.parquet", image_shape=SHAPE)
    assert sorted(epoch(images, batch_size=8)) == list(range(8))


def test_the_content_tells_streams_apart(train, folder, tmp_path):
    (digest,) = train.content()
    assert torch.equal(digest, stream(str(folder / "train-*.parquet"), image_shape=SHAPE).content()[0])
    other = stream(write(tmp_path / "other.parquet", range(1, 41)), image_shape=SHAPE)
    assert not torch.equal(digest, other.content()[0])


# --- as a data set ----------------------------------------------------------------------------------------------------


def test_a_streamed_data_set(folder):
    data = streamed(str(folder / "train-*.parquet"), folder / "test-0.parquet", image_shape=SHAPE, test_limit=20)
    assert data.image_shape == SHAPE
    assert data.classes == ("even", "odd")
    assert numbers(data.test.images) == list(range(1000, 1020))
    assert data.test.labels.tolist() == [0, 1] * 10
    assert data.mean == pytest.approx((0, 79.5 / 255, 0))
    assert data.to("cpu").train.files == data.train.files


def test_memory_and_stream_give_the_same_training_interface(folder):
    data = streamed(str(folder / "train-*.parquet"), folder / "test-0.parquet", image_shape=SHAPE)
    order = data.test.order(torch.Generator().manual_seed(0))
    batches = list(data.test.batches(order, 8))
    assert len(batches) == 3
    assert sorted(joined(numbers(images) for images, _ in batches)) == sorted(numbers(data.test.images[order[:24]]))
    later = list(data.test.batches(order, 8, start=2))
    assert torch.equal(later[0][0], batches[2][0])
    halves = [list(data.test.batches(order, 8, share=(rank, 2)))[1] for rank in range(2)]
    assert sorted(numbers(torch.cat([half[0] for half in halves]))) == sorted(numbers(batches[1][0]))
    assert joined(numbers(images) for images, _ in data.test.in_order(7)) == list(range(1000, 1030))


def test_flips_that_take_turns_need_images_in_memory(folder):
    data = streamed(str(folder / "train-*.parquet"), folder / "test-0.parquet", image_shape=SHAPE)
    with pytest.raises(ValueError, match="which does not know one from the other"):
        fit(partial(TinyNet, in_channels=3, num_classes=2), data, Recipe(epochs=1, batch_size=32, flip="alternated"))


def test_fit_trains_from_a_stream_and_goes_on_in_the_middle_of_it(folder, tmp_path):
    data = streamed(str(folder / "train-*.parquet"), folder / "test-0.parquet", image_shape=SHAPE)
    recipe = Recipe(epochs=2, batch_size=32, learning_rate=0.05, flip=True)

    def net():
        return TinyNet(in_channels=3, num_classes=2)

    whole = fit(net, data, recipe, seed=1, show=False)
    assert whole.history[1].train_loss < whole.history[0].train_loss
    assert whole.data["train"] == 160
    score = evaluate(whole.net, data, "train", batch_size=50)
    assert score.accuracy * 160 == pytest.approx(round(score.accuracy * 160))
    assert len(logits_of(whole.net, data, "train")) == 160

    def stop_in_the_second_epoch(run, done):
        if done > 0.75:
            raise KeyboardInterrupt

    file = tmp_path / "run.checkpoint"
    stopped = fit(net, data, recipe, seed=1, show=False, checkpoint=file, on_step=stop_in_the_second_epoch)
    assert not stopped.completed
    went_on = fit(net, data, recipe, seed=1, show=False, checkpoint=file, resume=True)
    assert went_on.completed
    assert went_on.key == whole.key
    for one, other in zip(went_on.net.state_dict().values(), whole.net.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(ValueError, match="batch_size is 161, and there are only 160 training images"):
        fit(net, data, Recipe(batch_size=161), show=False)


# --- what is wrong is said --------------------------------------------------------------------------------------------


def test_files_that_are_not_there_or_not_parquet(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none-\*"):
        stream(str(tmp_path / "none-*.parquet"), image_shape=SHAPE)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(write(tmp_path / "whole.parquet", range(40)).read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"cut.parquet is cut off, altered, or not a Parquet file"):
        stream(cut, image_shape=SHAPE)


def test_columns_and_classes_that_are_missing(tmp_path):
    bare = write(tmp_path / "bare.parquet", range(4), names=None)
    with pytest.raises(ValueError, match="does not name its classes"):
        stream(bare, image_shape=SHAPE)
    with pytest.raises(ValueError, match="has the columns image, label; image and kind are needed"):
        stream(bare, image_shape=SHAPE, classes=["a", "b"], columns=("image", "kind"))
    parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), tmp_path / "odd.parquet")
    with pytest.raises(ValueError, match="0 columns that could be images and 2 that could be labels"):
        stream(tmp_path / "odd.parquet", image_shape=SHAPE, classes=["a", "b"])
    with pytest.raises(ValueError, match="image_shape is"):
        stream(bare, image_shape=(1, 6, 6), classes=["a", "b"])


def test_rows_that_are_wrong(tmp_path, train):
    table = pyarrow.table({"image": [png(0), b"no image"], "label": [0, 1]})
    parquet.write_table(table, tmp_path / "broken.parquet")
    with pytest.raises(ValueError, match=r"An image in .*broken.parquet cannot be read"):
        list(stream(tmp_path / "broken.parquet", image_shape=SHAPE, classes=["a", "b"]).in_order(2))
    with pytest.raises(ValueError, match=r"Row 1 of .*broken.parquet has an image and the label 1"):
        list(stream(tmp_path / "broken.parquet", image_shape=SHAPE, classes=["a"]).in_order(2))
    with pytest.raises(ValueError, match="batch_size is 15, for process 0 of 2"):
        epoch(train, batch_size=15, share=(0, 2))


# --- memory -----------------------------------------------------------------------------------------------------------


def test_an_epoch_takes_a_small_part_of_the_datas_memory(tmp_path):
    """Three files of 100 MB, one of them a single row group, are read with well under 100 MB more than at rest."""
    size = 224
    pictures = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    encoded = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG", compress_level=0)
        encoded.append(file.getvalue())
    table = pyarrow.table({"image": [encoded[i % 4] for i in range(660)], "label": [i % 2 for i in range(660)]})
    for part, rows in enumerate([100, 100, 660]):
        parquet.write_table(
            table, tmp_path / f"{part}.parquet", compression="none", use_dictionary=False, row_group_size=rows
        )
    total = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert total > 290e6
    script = """
        import resource, sys, torch
        import datasets
        from utils.data.stream import stream
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        images = stream(sys.argv[1], image_shape=(3, 224, 224), classes=["a", "b"], buffer=64)
        order = images.order(torch.Generator().manual_seed(0))
        seen, rest = 0, peak()
        for pictures, labels in images.batches(order, 16):
            seen += len(labels)
        print(seen, rest, peak())
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "*.parquet")],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    seen, rest, peak = map(int, answer.stdout.split())
    assert seen == 1968
    assert peak - rest < 100e6, f"{(peak - rest) / 1e6:.0f} MB for {total / 1e6:.0f} MB of data"
