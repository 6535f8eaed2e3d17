"""`profile` against counts by hand, on modules of every kind; the page says what is counted now."""

import pytest
import torch

from benchmarks import counts
from benchmarks.counts import CASES, COUNTERS, DOCS, counted
from utils.cost import profile


@pytest.mark.parametrize("name", CASES)
def test_profile_counts_as_by_hand(name):
    case = CASES[name]
    assert profile(case.build().eval(), torch.randn(case.shape)).macs == case.macs


def test_more_images_are_counted_as_one():
    for name in ("convolution", "LSTM", "attention, module", "linear on a series"):
        case = CASES[name]
        assert profile(case.build().eval(), torch.randn(3, *case.shape[1:])).macs == case.macs


def test_a_lazy_module_is_told_to_run_first():
    for net, words in (
        (torch.nn.LazyConv2d(4, 3), "^This module is lazy"),
        (torch.nn.Sequential(torch.nn.Identity(), torch.nn.LazyLinear(3)), "^1 in Sequential is lazy.*net\\(images\\)"),
    ):
        with pytest.raises(ValueError, match=words):
            profile(net, (3, 8, 8))


def test_the_page_says_what_is_counted():
    lines = [line.split(" | ") for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]
    rows = {name.removeprefix("| "): cells for name, *cells in lines}
    assert list(rows) == list(CASES)
    for name, (by_hand, by_profile, *_) in rows.items():
        assert by_hand == by_profile == f"{CASES[name].macs:,}", name
    right = dict.fromkeys(COUNTERS, 0)
    for cells in rows.values():
        for by, cell in zip(COUNTERS, cells[1:], strict=True):
            right[by] += not cell.startswith("*")
    said = f"Right: {', '.join(f'{by} {count}' for by, count in right.items())}."
    assert said in DOCS.read_text(encoding="utf-8")


def test_a_counter_that_cannot_count_says_why():
    def refuses(module, x):
        raise ZeroDivisionError

    def is_missing(module, x):
        import no_such_counter  # noqa: F401

    case = CASES["linear"]
    assert counted(refuses, case) == "ZeroDivisionError" and counted(is_missing, case) == "not here"
    row = dict.fromkeys(COUNTERS, 80) | {"torch": 79, "torchinfo": "TypeError"}
    page = counts.table({"linear": row})
    assert "| linear | 80 | 80 | *79* | 80 | *TypeError* |" in page and "profile 1, torch 0, fvcore 1" in page
