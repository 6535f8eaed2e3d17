"""How much memory a student takes on a shared server: `python benchmarks/memory.py inception_module label_smoothing`.

A real JupyterLab with nbgrader's pages, and real kernels that run lessons' notebooks from top to bottom, one after the other,
while what they occupy is read five times a second. A companion kernel that has loaded the course's code stands by, so that
what programs share (PyTorch's libraries, most of it) is counted as shared, as it is in a class.
"""

import argparse
import math
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbclient
import nbformat
import psutil
from jupyter_client.manager import KernelManager

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from course.syllabus import LESSONS, lesson  # noqa: E402

MEGABYTE, GIGABYTE = 2**20, 2**30
# What the system, the hub and its proxy are left with: more than they took in tests, for what else a machine does.
RESERVED = 2 * GIGABYTE
KERNEL = os.environ | {"OMP_NUM_THREADS": "2"}


@dataclass
class Memory:
    """Bytes of a process and its children: resident, its share of what is shared, and its own alone."""

    resident: int = 0
    proportional: int = 0
    own: int = 0

    def at_least(self, other: "Memory") -> "Memory":
        return Memory(*(max(pair) for pair in zip(vars(self).values(), vars(other).values(), strict=True)))


def measure(number: int) -> Memory:
    """What a process and its children occupy now."""
    found = Memory()
    try:
        root = psutil.Process(number)
        for process in [root, *root.children(recursive=True)]:
            full = process.memory_full_info()
            found.resident += full.rss
            found.proportional += full.pss
            found.own += full.uss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass  # it ended in between
    return found


class Watch:
    """The most that a process and its children occupied while this was open."""

    def __init__(self, number: int):
        self.number, self.peak = number, Memory()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._end.wait(0.2):
            self.peak = self.peak.at_least(measure(self.number))

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def of_lesson(slug: str, seconds: float) -> tuple[Memory, str]:
    """The peak of the kernel that runs a lesson's notebook as a learner opens it, and which of its cells it ran.

    seconds: after these the cell that runs is interrupted, and no other begun.
    """
    notebook = nbformat.read(CHECKOUT / "notebooks" / lesson(slug).notebook, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", allow_errors=True, interrupt_on_timeout=True
    )
    began = time.monotonic()
    done = 0
    with client.setup_kernel(env=KERNEL), Watch(client.km.provisioner.pid) as watch:
        for number, cell in enumerate(notebook.cells):
            if time.monotonic() - began > seconds:
                break
            client.timeout = int(min(seconds - (time.monotonic() - began) + 1, 600))
            client.execute_cell(cell, number)
            done += 1
    return watch.peak, f"{done} of {len(notebook.cells)}"


def of_server() -> Memory:
    """A JupyterLab with nbgrader's pages that nobody works with yet."""
    with tempfile.TemporaryDirectory() as home:
        own = {f"JUPYTER_{name}_DIR": f"{home}/{name.lower()}" for name in ("CONFIG", "DATA", "RUNTIME")}
        options = ["--no-browser", "--allow-root", "--port=0", f"--ServerApp.root_dir={home}"]
        words = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(words, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while not list(Path(home, "runtime").glob("jpserver-*.json")) and time.monotonic() < deadline:
                time.sleep(0.2)
            time.sleep(3)
            return measure(server.pid)
        finally:
            server.terminate()
            server.wait()


def fit(machine: int, shared: int, student: int) -> int:
    """How many students fit on a machine with so many bytes of memory."""
    return max((machine - RESERVED - shared) // student, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="lessons by name; all of them where none is named")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop a lesson after these")
    options = parser.parse_args()
    slugs = options.lessons or [entry.slug for entry in LESSONS]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"{psutil.virtual_memory().total / GIGABYTE:.0f} GiB, Python {platform.python_version()}\n")
    companion = KernelManager(kernel_name="python3")
    companion.start_kernel(env=KERNEL)
    client = companion.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        client.execute_interactive("import torch, matplotlib.pyplot, ipywidgets\nimport networks.catalog", timeout=120)
        alone = measure(companion.provisioner.pid)
        server = of_server()
        print(f"{'MB':<24}{'resident':>10}{'own':>8}{'cells run':>12}")
        print(f"{'JupyterLab':<24}{server.resident / MEGABYTE:>10.0f}{server.own / MEGABYTE:>8.0f}", flush=True)
        worst = Memory()
        for slug in slugs:
            peak, cells = of_lesson(slug, options.seconds)
            worst = worst.at_least(peak)
            print(f"{slug:<24}{peak.resident / MEGABYTE:>10.0f}{peak.own / MEGABYTE:>8.0f}{cells:>12}", flush=True)
    finally:
        client.stop_channels()
        companion.shutdown_kernel(now=True)
    shared = max(worst.resident - worst.own, alone.resident - alone.own)
    print(
        f"\nShared by all: {shared / MEGABYTE:.0f} MB. Left for the system and the hub: {RESERVED / GIGABYTE:.0f} GiB.\n"
    )
    print(f"{'a student with':<28}{'MB':>6}" + "".join(f"{size:>5} GiB" for size in (8, 16, 64)))
    for name, kernels in (("one notebook at its peak", 1), ("two notebooks at their peak", 2)):
        student = server.own + kernels * worst.own
        counts = "".join(f"{fit(size * GIGABYTE, shared, student):>9}" for size in (8, 16, 64))
        print(f"{name:<28}{student / MEGABYTE:>6.0f}{counts}")


if __name__ == "__main__":
    main()
