"""The benchmark's arithmetic; what it measures is not tested here."""

import importlib.util
from argparse import Namespace
from pathlib import Path

import pytest
import torch

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "bench.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("card", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA GeForce RTX 4090", None),
        ("Tesla T4", None),
    ],
)
def test_a_card_is_known_by_its_name_or_not_at_all(bench, card, peak):
    assert bench.peak_of(card) == peak


def test_the_share_of_the_peak(bench, monkeypatch):
    assert bench.share_of_peak(torch.device("cpu"), 10**9, 100.0) == "only on a GPU"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA A100-SXM4-80GB")
    # 52 million million multiply-adds a second in forward, three times that with backward, two operations each.
    assert bench.share_of_peak(torch.device("cuda"), 26 * 10**9, 2000.0) == "100.0%"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla T4")
    assert bench.share_of_peak(torch.device("cuda"), 10**9, 2.0) == "peak of Tesla T4 not known"


@pytest.mark.parametrize("table", ["profile", "full", "train"])
def test_what_is_not_installed_leaves_a_column_empty(bench, monkeypatch, capsys, table):
    """And the others are measured."""
    monkeypatch.setattr(bench, "importable", lambda library: False)
    monkeypatch.setattr(bench, "STEPS", 2)
    monkeypatch.setattr(bench, "memory_in_own_process", lambda *words, **options: 100.0)
    monkeypatch.setattr(bench, "runner", lambda *words, **options: lambda: None)
    tiny = bench.create
    monkeypatch.setattr(bench, "create", lambda name, **options: tiny(name, **options | {"size": "mini"}))
    getattr(bench, f"table_{table}")(Namespace(networks=["inception_v3"], batch=2, side=32, repeats=1))
    said = capsys.readouterr().out
    (row,) = [line for line in said.splitlines() if "inception_v3" in line and ("training" in line or table != "full")]
    assert "not installed" in row and any(character.isdigit() for character in row.replace("inception_v3", ""))


def test_processor_time_is_taken_in_turns(bench):
    calls = []
    took = bench.processor_time({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert calls == ["a", "b"] * 3
    assert [len(seconds) for seconds in took.values()] == [2, 2]


def test_the_share_of_the_peak_and_what_the_time_goes_to(bench, monkeypatch, capsys):
    net = bench.create("bn_inception", size="mini", num_classes=5)
    monkeypatch.setattr(bench, "built", lambda *words: (net, 32))
    bench.table_peak(Namespace(networks=["bn_inception"], batch=2, repeats=1))
    head, _, training, inference = capsys.readouterr().out.strip().splitlines()[1:]
    assert head.split()[-7:] == [*bench.KINDS, "rest"]
    shares = [[int(cell.removesuffix("%")) for cell in row.split()[4:]] for row in (training, inference)]
    for reached, *spent in shares:
        assert 0 < reached < 100 and min(spent) >= 0 and sum(spent) == pytest.approx(100, abs=4)  # each is rounded
    update = 1 + list(bench.KINDS).index("update")
    assert shares[0][update] > 0 == shares[1][update]
    assert shares[1][1 + list(bench.KINDS).index("products")] == max(shares[1][1:])
