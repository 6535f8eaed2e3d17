"""The doctor: every finding says what it means, in text and in HTML, and a broken part hides none of the others."""

import io
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from utils.setup import doctor


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr(doctor, "reachable", lambda address: False)
    monkeypatch.delenv("COURSE_DATA", raising=False)


def test_this_machine_has_what_the_tests_need(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    report = doctor.examine()
    status = {finding.name: finding.status for finding in report.findings}
    assert list(status) == [
        "Python",
        "PyTorch",
        "Device",
        "Diagrams",
        "Data: scales",
        "Data: digits",
        "Data: cifar10",
        "JupyterLab",
        "Widgets",
        "nbgrader",
        "Disk",
    ]
    assert "missing" not in status.values()
    assert status["Data: cifar10"] == "note"
    assert all(finding.found and finding.meaning.endswith(".") for finding in report.findings)


def test_both_forms_say_every_finding():
    report = doctor.Report(
        (
            doctor.Finding("Python", "ok", "Python 3.13.1", "New enough."),
            doctor.Finding("Diagrams", "missing", "no <pygraphviz>", "Run `make setup`."),
        )
    )
    html = report._repr_html_()
    ElementTree.fromstring(html.replace("<br>", "<br/>"))
    assert "no &lt;pygraphviz&gt;" in html
    assert "<caption" in html
    for text in (str(report), html):
        for word in ("Python 3.13.1", "ok", "missing", "Missing: Diagrams."):
            assert word in text
    assert "Run `make setup`." in str(report) and "Run <code>make setup</code>." in html
    assert all(len(line) <= 120 for line in str(doctor.examine()).splitlines())


def test_a_package_that_is_not_there_says_what_to_do(monkeypatch):
    monkeypatch.setattr(doctor, "installed", lambda package: None)
    monkeypatch.setattr(doctor.sys, "prefix", str(doctor.CHECKOUT / ".venv"))
    findings = {finding.name: finding for finding in doctor.examine().findings}
    for name in ("PyTorch", "JupyterLab", "Widgets", "nbgrader"):
        assert findings[name].status == "missing"
        assert "make setup" in findings[name].meaning


def test_an_environment_that_the_course_did_not_make_needs_no_make(monkeypatch, tmp_path):
    """A notebook alone, as on Colab: no `make` there, and what only teachers need, or what shows notebooks, is not missing."""
    monkeypatch.setattr(doctor, "installed", lambda package: None)
    monkeypatch.setattr(doctor.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(doctor, "has_nvidia_driver", lambda: True)
    findings = {finding.name: finding for finding in doctor.examine().findings}
    assert {name for name, finding in findings.items() if finding.status == "missing"} == {"PyTorch", "Widgets"}
    assert findings["nbgrader"].status == findings["JupyterLab"].status == "note"
    for finding in findings.values():
        assert "make setup" not in finding.meaning and ".venv" not in finding.meaning, finding
    assert "pip install torch" in findings["PyTorch"].meaning


def test_a_broken_package_hides_none_of_the_others(monkeypatch):
    def broken():
        raise ImportError("libcgraph.so: cannot open shared object file")

    monkeypatch.setattr(doctor, "diagrams", broken)
    report = doctor.examine()
    finding = next(finding for finding in report.findings if finding.name == "Diagrams")
    assert finding.status == "missing" and "libcgraph.so" in finding.found
    assert report.findings[-1].name == "Disk"


def test_cifar10_under_course_data(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert doctor.cifar10().status == "note"
    folder = tmp_path / "cifar10"
    folder.mkdir()
    (folder / "train.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    assert doctor.cifar10().status == "ok"
    (folder / "test.parquet").write_bytes(b"PAR1" + bytes(50))
    finding = doctor.cifar10()
    assert finding.status == "missing" and "test.parquet" in finding.found
    (folder / "test.parquet").write_bytes(b"")
    assert "test.parquet" in doctor.cifar10().found


def test_cifar10_from_the_hub(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "reachable", lambda address: True)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert "hub" in doctor.cifar10().found and doctor.cifar10().status == "ok"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert doctor.cifar10().status == "note"
    (tmp_path / "hub" / "datasets--uoft-cs--cifar10" / "snapshots" / "0b2714").mkdir(parents=True)
    assert doctor.cifar10().status == "ok"


def test_a_gpu_that_pytorch_cannot_use_is_explained(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(doctor, "has_nvidia_driver", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", None)
    finding = doctor.device()
    assert finding.status == "note" and "built without CUDA" in finding.meaning
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "driver" in doctor.device().meaning


def test_nearly_no_disk_is_a_note(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10**9}))
    assert doctor.disk().status == "note"


def test_the_network_is_asked_for_a_short_time_only(monkeypatch):
    import time
    import urllib.request

    monkeypatch.undo()
    monkeypatch.setattr(urllib.request, "urlopen", lambda *words, **more: time.sleep(5) or io.BytesIO())
    started = time.monotonic()
    assert not doctor.reachable("https://example.org", seconds=0.2)
    assert time.monotonic() - started < 2


def test_it_writes_nothing_to_standard_error():
    """What the font library says at its first use in a process stood red above the table."""
    program = "from utils.setup.doctor import examine\nprint(examine().findings[3])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=doctor.CHECKOUT, capture_output=True, text=True, check=True
    )
    assert "pygraphviz" in done.stdout and "Fontconfig" not in done.stderr
