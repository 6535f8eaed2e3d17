"""What moved, and the recorded runs from before it did."""

import json
from dataclasses import replace
from importlib import import_module

import pytest

from utils.system.places import CHECKOUT, RUNS
from utils.train.moved import CLASSES, FILES
from utils.train.provenance import changed
from utils.train.runs import Run

MOVED = "2026-11-28"  # what was recorded on an earlier day, was recorded before the move
EVERY = {path: Run.load(path) for path in sorted(RUNS.glob("*/*/*.json"))}
RECORDED = {path: run for path, run in EVERY.items() if run.date < MOVED}


def test_every_recorded_run_is_as_valid_as_before_the_move():
    # Of 243, multi_scale's twelve on 10,000 photographs gave way to its full form, ensemble's six to pairs,
    # auxiliary_heads' ten to runs whose shares are compared, and scale_width's and warm_up's 21 to more seeds.
    assert len(RECORDED) == 194
    for path, run in RECORDED.items():
        assert run.changed_code == [], path


def test_every_run_recorded_since_is_valid():
    for path in EVERY.keys() - RECORDED.keys():
        assert EVERY[path].changed_code == [], path


def test_what_moved_is_there():
    for old, moved in FILES.items():
        assert all((CHECKOUT / place).is_file() for place in moved.now), old
    for old, new in CLASSES.items():
        module, _, name = new.rpartition(".")
        assert getattr(import_module(module), name).__qualname__ == name, old


def test_every_class_of_a_recorded_run_is_found_by_its_present_name():
    """A run of today gets the key of a run from before the move."""
    present = {old: new for old, new in CLASSES.items()}
    for path, kept in RECORDED.items():
        written = json.loads(path.read_text(encoding="utf-8"))
        name = written["network"]["class"]
        run = replace(kept, network=written["network"] | {"class": present.get(name, name)})
        assert run.key == written["key"]


@pytest.mark.parametrize("old", sorted(FILES))
def test_a_moved_file_that_changes_is_told_by_the_name_that_the_run_knows(old, monkeypatch):
    moved = FILES[old]
    assert all(changed({old: known}) == [] for known in (moved.meaning, *moved.also))
    monkeypatch.setitem(FILES, old, replace(moved, now=dict.fromkeys(moved.now, "0" * 16)))
    assert changed({old: moved.meaning}) == [old]
