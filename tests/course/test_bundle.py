"""A bundle: runs in one file, from the machine that made them into the course."""

import zipfile

import pytest

from course import bundle
from course.bundle import Bundle, unpack
from course.experiments import experiment
from utils.system.places import RUNS
from utils.train.runs import Run

NAME = "groups/short/arm1_seed0.json"
TEXT = (RUNS / NAME).read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "RUNS", tmp_path / "runs")
    return tmp_path


def packed(place, **texts):
    found = Bundle(place / "gpu.zip")
    found.write()
    for name, text in texts.items():
        found.add(name, text)
    return found.path


def test_a_run_comes_out_as_it_went_in(place):
    said = []
    (path,) = unpack(packed(place, **{NAME: TEXT}), say=said.append)
    assert path == place / "runs" / NAME and path.read_text(encoding="utf-8") == TEXT and said == []
    assert Run.load(path).network["name"] == next(iter(experiment("groups").arms))


def test_an_empty_bundle_is_one(place):
    assert unpack(packed(place)) == []


def test_what_a_bundle_holds_stays_in_it_and_another_file_is_none(place):
    path = packed(place, **{NAME: TEXT})
    again = Bundle(path)
    again.add("groups/short/arm2_seed0.json", (RUNS / "groups/short/arm2_seed0.json").read_text(encoding="utf-8"))
    assert len(unpack(path)) == 2
    path.write_text("mine")
    with pytest.raises(ValueError, match="no bundle"):
        Bundle(path)
    assert path.read_text() == "mine"


def test_what_is_there_stays(place):
    path = packed(place, **{NAME: TEXT})
    unpack(path)
    (place / "runs" / NAME).write_text("mine", encoding="utf-8")
    said = []
    assert unpack(path, say=said.append) == [] and said == [f"{NAME} is there already and stays as it is."]
    assert (place / "runs" / NAME).read_text(encoding="utf-8") == "mine"


def test_a_run_by_other_code_stays_out(place, monkeypatch):
    monkeypatch.setattr(Run, "changed_code", ["networks/layers.py"])
    said = []
    assert unpack(packed(place, **{NAME: TEXT}), say=said.append) == []
    assert said == [f"{NAME} was made by other code than this (networks/layers.py changed) and stays out."]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("groups/short/arm2_seed0.json", TEXT),
        ("groups/short/arm1_seed1.json", TEXT),
        ("groups/shrt/arm1_seed0.json", TEXT),
        ("grups/short/arm1_seed0.json", TEXT),
        ("residual/short/arm1_seed0.json", TEXT),
        ("groups/short/../../../arm1_seed0.json", TEXT),
        ("../short/arm1_seed0.json", TEXT),
        ("/groups/short/arm1_seed0.json", TEXT),
        ("arm1_seed0.json", TEXT),
        (NAME, TEXT[:-200]),
        (NAME, TEXT.replace('"seed": 0', '"seed": 1')),
        (NAME, TEXT.replace('"completed": true', '"completed": false')),
        (NAME, "[]"),
        (NAME, ""),
    ],
)
def test_what_is_no_run_of_the_course_is_named_and_nothing_is_written(place, name, text):
    path = packed(
        place, **{"groups/short/arm1_seed2.json": (RUNS / "groups/short/arm1_seed2.json").read_text(), name: text}
    )
    with pytest.raises(ValueError, match=r"Nothing was unpacked"):
        unpack(path)
    assert not (place / "runs").exists() and [each.name for each in place.iterdir()] == ["gpu.zip"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x00" * 1000])
def test_what_is_no_bundle_is_refused(place, content):
    path = place / "gpu.zip"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cut off, altered, or no bundle"):
        unpack(path)


def test_a_cut_off_bundle_is_refused(place):
    path = packed(place, **{NAME: TEXT})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"cut off, altered"):
        unpack(path)


def test_a_bomb_is_refused(place):
    path = place / "gpu.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, "0" * 5_000_000)
    with pytest.raises(ValueError, match=r"too large for a run"):
        unpack(path)


def test_there_is_no_such_file(place):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*record --bundle FILE"):
        unpack(place / "gone.zip")


def test_a_place_that_cannot_be_written_is_found_before_anything_is_trained(place):
    (place / "gpu.zip").write_text("a file, and no folder", encoding="utf-8")
    with pytest.raises(OSError, match=r"gpu\.zip"):
        Bundle(place / "gpu.zip" / "inner.zip").write()
