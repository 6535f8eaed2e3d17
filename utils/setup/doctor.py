"""What this machine has and lacks for the course, in words.

`python -m lessons doctor` on the command line, `examine()` in a notebook.
"""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import wrap

from utils.page import html
from utils.system.gpu import has_nvidia_driver
from utils.system.places import CHECKOUT, data_folder
from utils.system.web import reachable

GIGABYTE = 10**9

PYTHON_NEEDED = (3, 11)
DISK_WANTED = 2 * GIGABYTE
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    `status` is "ok", "note" (the course works, but know this) or "missing" (some of it will not work).
    """

    name: str
    status: str
    found: str
    meaning: str


@dataclass(frozen=True, repr=False)
class Report:
    """The findings, as a table in a terminal (`str`) and in a notebook."""

    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        missing = [finding.name for finding in self.findings if finding.status == "missing"]
        if missing:
            return f"Missing: {', '.join(missing)}. What to do stands beside each."
        return "Everything the course needs is here."

    def __str__(self) -> str:
        indent = " " * 24
        lines = []
        for finding in self.findings:
            lines.append(f"{finding.name:<14}{finding.status:<10}{finding.found}")
            lines += [indent + line for line in wrap(finding.meaning, width=88)]
        return "\n".join([*lines, "", self.summary])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = (
            (
                finding.name,
                html.badge(finding.status, finding.status),
                html.text(
                    finding.found, html.BREAK, html.tag("span", html.with_code(finding.meaning), cls="course-quiet")
                ),
            )
            for finding in self.findings
        )
        caption = html.bold(f"This machine: {self.summary}")
        return html.output(
            html.table(rows, head=("What", "Status", "Found"), caption=caption, row_heads=True, cls="top")
        )


def examine() -> Report:
    """Looks at everything that the course uses; takes a few seconds, downloads nothing and changes nothing."""
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("Python", python),
        ("PyTorch", pytorch),
        ("Device", device),
        ("Diagrams", diagrams),
        ("Data: scales", scales),
        ("Data: digits", digits),
        ("Data: cifar10", cifar10),
        (
            "JupyterLab",
            partial(
                package_finding, "JupyterLab", "The lessons open in it.", "Something else shows the notebooks here."
            ),
        ),
        ("Widgets", widgets),
        (
            "nbgrader",
            partial(
                package_finding,
                "nbgrader",
                "For teachers: assignments are released and graded with it.",
                "No lesson needs it: teachers release and grade assignments with it.",
            ),
        ),
        ("Disk", disk),
    )
    findings = []
    for name, look in looks:
        try:
            findings.append(look())
        except Exception as error:  # A broken installation can fail in any way; the other findings still count.
            words = f"{type(error).__name__}: {error}"
            findings.append(Finding(name, "missing", words, "It is installed but does not work. " + remedy()))
    return Report(tuple(findings))


def is_own() -> bool:
    """Is this Python the one in the environment that `make setup` made?"""
    return Path(sys.prefix).resolve() == (CHECKOUT / ".venv").resolve()


def remedy(package: str = "") -> str:
    """What to do about a package that is not there, or not whole: in the environment that the course made, or in another."""
    if is_own():
        return "Run `make setup`; if that does not help, delete the folder .venv and run it again."
    if not package:
        return "Begin a new session, and run the notebook's first cell again."
    return f"Run `%pip install {package}` in a cell of its own, and restart the kernel."


def installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def package_finding(name: str, meaning: str, elsewhere: str) -> Finding:
    """Whether a package is installed, whose name is that of the finding in small letters.

    elsewhere: what it means that it is not, in an environment that the course did not make.
    """
    package = name.lower()
    version = installed(package)
    if version:
        return Finding(name, "ok", f"{package} {version}", meaning)
    if is_own():
        return Finding(name, "missing", f"{package} is not installed", remedy(package))
    return Finding(name, "note", f"{package} is not installed", elsewhere)


def python() -> Finding:
    said, found = partial(Finding, "Python"), f"Python {platform.python_version()} ({sys.prefix})"
    if sys.version_info[:2] < PYTHON_NEEDED:
        advice = "The course needs 3.11 or later: install it and run `make lab PYTHON=python3.11`."
        return said("missing", found, advice)
    return said("ok", found, "New enough: the course needs 3.11 or later.")


def pytorch() -> Finding:
    if installed("torch") is None:
        return Finding("PyTorch", "missing", "torch is not installed", remedy("torch"))
    import torch

    return Finding("PyTorch", "ok", f"torch {torch.__version__}", "The networks are written and trained with it.")


def device() -> Finding:
    """Where training will run: a CUDA GPU, Apple's, or the CPU."""
    import torch

    said = partial(Finding, "Device")
    threads = torch.get_num_threads()
    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        found = ", ".join(f"{card.name} with {card.total_memory / 2**30:.0f} GiB" for card in cards)
        return said("ok", f"CUDA GPU: {found}", "Runs use it; the long recorded runs can be repeated here.")
    if torch.backends.mps.is_available():
        return said("ok", f"Apple GPU (mps), {threads} CPU threads", "Runs can use it.")
    cpu = f"CPU, {threads} {'thread' if threads == 1 else 'threads'}"
    if has_nvidia_driver():
        why = (
            f"this PyTorch was built without CUDA.{' Run `make setup TORCH=cuda`.' if is_own() else ''}"
            if torch.version.cuda is None
            else f"PyTorch (CUDA {torch.version.cuda}) could not use it. A newer NVIDIA driver is the usual remedy."
        )
        return said("note", cpu, f"There is an NVIDIA GPU, but {why}")
    return said("ok", cpu, "No GPU is needed: every lesson trains small networks on the CPU in a minute or so.")


def diagrams() -> Finding:
    """Whether Graphviz lays out a graph inside this process."""
    said = partial(Finding, "Diagrams")
    if importlib.util.find_spec("pygraphviz") is None:
        return said("missing", "pygraphviz is not installed", f"Networks cannot be drawn. {remedy('pygraphviz')}")
    from utils.diagram import Diagram

    if "</svg>" not in Diagram("A graph", ("digraph { input -> output }",), "Two boxes").svg:
        return said("missing", "pygraphviz drew nothing", f"Networks cannot be drawn. {remedy('pygraphviz')}")
    return said("ok", f"pygraphviz {installed('pygraphviz')}", "Networks are drawn without further programs.")


def scales() -> Finding:
    meaning = "The lessons train on it: small images, made in seconds from a seed."
    return Finding("Data: scales", "ok", "made by the course", meaning)


def digits() -> Finding:
    if importlib.util.find_spec("sklearn") is None:
        return Finding("Data: digits", "missing", "scikit-learn is not installed", remedy("scikit-learn"))
    meaning = "1,797 real handwritten digits for the first run."
    return Finding("Data: digits", "ok", "comes with scikit-learn", meaning)


def cifar10() -> Finding:
    """Whether CIFAR-10 is at hand: in $COURSE_DATA, or from the Hugging Face hub."""
    said = partial(Finding, "Data: cifar10")
    optional = "No lesson needs it: it is for repeating the recorded runs on real photographs."
    place = data_folder()
    if place is not None:
        folder = place / "cifar10"
        files = sorted(folder.glob("*.parquet"))
        broken = [file.name for file in files if not is_whole_parquet(file)]
        if broken:
            return said("missing", f"cut off: {', '.join(broken)} in {folder}", "Copy the named files anew, whole.")
        if files:
            size = sum(file.stat().st_size for file in files) / 10**6
            return said("ok", f"{len(files)} files, {size:.0f} MB, in {folder}", "Real photographs, at hand.")
        return said(
            "note",
            f"COURSE_DATA is set, and {folder} holds no .parquet file",
            f"Put the files there, or unset COURSE_DATA to load them from the hub. {optional}",
        )
    cache = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser() / "hub"
    if any(cache.glob("datasets--*cifar10/snapshots/*")):
        return said("ok", f"downloaded before, in {cache}", "Real photographs, at hand.")
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0") or not reachable(HUB):
        return said(
            "note",
            "not here, and the Hugging Face hub does not answer",
            f"Connect to the network, or set COURSE_DATA to a folder with cifar10/*.parquet in it. {optional}",
        )
    meaning = f"The first load downloads about 140 MB, and says so. {optional}"
    return said("ok", "can be loaded from the Hugging Face hub", meaning)


def is_whole_parquet(path: Path) -> bool:
    """Whether a Parquet file has its four marking bytes at both ends; a cut-off one lacks the last."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(-4, os.SEEK_END)
            return start == file.read(4) == b"PAR1"
    except OSError:
        return False


def widgets() -> Finding:
    missing = [package for package in ("ipywidgets", "jupyterlab_widgets") if installed(package) is None]
    if missing:
        found = f"{' and '.join(missing)} not installed"
        return Finding("Widgets", "missing", found, f"The labs show as still pictures. {remedy('ipywidgets')}")
    found = f"ipywidgets {installed('ipywidgets')}"
    return Finding("Widgets", "ok", found, "The labs' controls answer in the browser.")


def disk() -> Finding:
    free = shutil.disk_usage(CHECKOUT).free
    found = f"{free / GIGABYTE:.1f} GB free"
    if free < DISK_WANTED:
        return Finding("Disk", "note", found, "Runs, notebooks and data take up to 2 GB: make some room.")
    return Finding("Disk", "ok", found, "Enough for the lessons, their runs and CIFAR-10.")
