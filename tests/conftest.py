"""What all tests share, which of them run, and in which order.

`tests/durations.txt` holds the seconds of each test that takes more than one. Those that it lists begin first, the longest at
the head, so that no worker is left with a long one at the end; `--quick` leaves them out. `--keep-durations` writes the file.
"""

import functools
import gc
import os
import re
import signal
import sys
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

# Two threads of tensors this small do little but wait for each other, and all processes of tests have the same processors.
# It stands before PyTorch is imported; kernels, servers and commands that a test starts inherit it.
os.environ.setdefault("OMP_NUM_THREADS", os.environ.get("TESTS_THREADS", "1"))

import pytest
import torch
from ipywidgets import CallbackDispatcher

from tests.browser.learner import server
from tests.kernels import forked_kernels
from utils.system.places import CHECKOUT
from utils.system.quick_start import search_less

search_less()

# Hundreds of processes would compile the course anew, a second each, where the environment keeps Python from writing bytecode.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Where the tests were started with `nohup` this signal is ignored, and so it would be in all that they start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

DURATIONS = Path(__file__).with_name("durations.txt")
QUICK = 1.0  # seconds
LONG = 5.0  # a test that takes longer is a unit of its own
OF_A_MODULE = re.compile(r'^@pytest\.fixture\(.*scope="module"|usefixtures\("one_browser"\)', re.MULTILINE)


def pytest_addoption(parser):
    parser.addoption(
        "--whole", action="store_true", help="run what is left for once a week as well: whole notebooks, whole tables"
    )
    parser.addoption("--quick", action="store_true", help="only the tests that take less than a second, and the types")
    parser.addoption("--keep-durations", action="store_true", help=f"write {DURATIONS.name} after a run of everything")


def pytest_configure(config):
    """Kernels of all workers are divided from one process, where a system has what that takes (Linux)."""
    if hasattr(os, "pidfd_open") and not hasattr(config, "workerinput"):
        stack = ExitStack()
        stack.enter_context(forked_kernels())
        config.add_cleanup(stack.close)


def kept_durations() -> dict[str, float]:
    """The seconds of each test that takes more than one, by its id."""
    lines = DURATIONS.read_text(encoding="utf-8").splitlines() if DURATIONS.exists() else []
    pairs = (line.split(maxsplit=1) for line in lines if not line.startswith("#"))
    return {name: float(seconds) for seconds, name in pairs}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config) -> int:
    """Two more processes than cores, but for the quick ones: browsers, servers and other processes are waited for in many a test."""
    return (os.cpu_count() or 1) + (0 if config.option.quick else 2)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Choose by the options, and put long units of tests first."""
    seconds = kept_durations()
    dear = {fixture for item in items if item.nodeid in seconds for fixture in fixtures_of_a_module(item)}
    left = [item for item in items if is_left_out(item, config.option, seconds, dear)]
    config.hook.pytest_deselected(items=left)
    units, gone = {}, set(left)
    for item in items:
        if item not in gone:
            units.setdefault(unit_of(item.nodeid, seconds), []).append(item)
    longest_first = sorted(units.values(), key=lambda unit: -sum(seconds.get(item.nodeid, 0) for item in unit))
    items[:] = chain.from_iterable(longest_first)


def pytest_collection_finish():
    """A tenth of the tests' time went to the search for circles among a million objects that stay: packages and tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def is_left_out(item, option, seconds: dict[str, float], dear: set[object]) -> bool:
    """Whether a test does not run now. `dear`: what is made once for a module, by a test that takes long for it."""
    if item.get_closest_marker("whole") and not option.whole:
        return True
    if not option.quick or item.get_closest_marker("types"):
        return False
    is_slow = item.nodeid in seconds or item.get_closest_marker("slow") is not None
    return is_slow or not dear.isdisjoint(fixtures_of_a_module(item))


def fixtures_of_a_module(item) -> set[object]:
    fixtures = chain.from_iterable(item._fixtureinfo.name2fixturedefs.values())
    return {fixture for fixture in fixtures if fixture.scope in ("class", "module", "package")}


def unit_of(test: str, seconds: dict[str, float]) -> str:
    """What runs on one worker, one after the other: a file, but for the long tests of one in which none shares a fixture.

    A fixture of a module would be made anew by every worker that gets a test of it, and again where others came between.
    """
    file = test.split("::")[0]
    return test if seconds.get(test, 0) > LONG and not shares(file) else file


@functools.cache
def shares(file: str) -> bool:
    """Whether a file of tests has a fixture that is made once for it: its own, one of a conftest.py beside it, or `one_browser`."""
    places = (CHECKOUT / file, (CHECKOUT / file).with_name("conftest.py"))
    return any(OF_A_MODULE.search(place.read_text(encoding="utf-8")) for place in places if place.exists())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Units of tests, in their order, each whole to the next worker that is free."""
    from xdist.scheduler import LoadScopeScheduling

    seconds = kept_durations()

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid, seconds)

    config.option.loadscopereorder = False
    return Units(config, log)


def pytest_terminal_summary(terminalreporter, config):
    """Keep the durations, or name the tests that are slower than the kept ones let `--quick` believe."""
    took = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration"):
                took[report.nodeid] = took.get(report.nodeid, 0) + report.duration
    long = {name: seconds for name, seconds in took.items() if seconds > QUICK}
    if config.option.keep_durations:
        lines = [f"{seconds:6.1f} {name}" for name, seconds in sorted(long.items(), key=lambda pair: -pair[1])]
        head = "# Seconds of the tests that take more than one: make test ARGS=--keep-durations"
        DURATIONS.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    elif config.option.quick and (new := {name: long[name] for name in long.keys() - kept_durations().keys()}):
        terminalreporter.section("slower than a second; list them in tests/durations.txt")
        for name, seconds in sorted(new.items(), key=lambda pair: -pair[1]):
            terminalreporter.write_line(f"{seconds:6.1f} {name}")


@pytest.fixture(autouse=True, scope="session")
def processor():
    """The tests as on another processor, where the environment asks for it: what a training gives differs there.

    TESTS_ONEDNN=off     convolutions and matrix products without oneDNN
    TESTS_THREADS=2      threads (else one)
    TESTS_NUDGE=1        every first weight times 1 + 1e-6 or 1 - 1e-6, drawn with this seed

    PyTorch itself reads ATEN_CPU_CAPABILITY=default and ONEDNN_MAX_CPU_ISA=SSE41: older instructions.
    """
    torch.set_num_threads(int(os.environ.get("TESTS_THREADS", "1")))
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("TESTS_ONEDNN") == "off":
            patch.setattr(torch.backends.mkldnn, "enabled", False)
        if seed := os.environ.get("TESTS_NUDGE"):
            draws = torch.Generator().manual_seed(int(seed))
            for name in ("uniform_", "normal_", "trunc_normal_"):
                if hasattr(torch.Tensor, name):
                    patch.setattr(torch.Tensor, name, nudged(getattr(torch.Tensor, name), draws))
        yield


def nudged(fill, draws):
    """The same method, which leaves parameters with another last digit."""

    def method(tensor, *args, **kwargs):
        fill(tensor, *args, **kwargs)
        if isinstance(tensor, torch.nn.Parameter) and tensor.is_floating_point():
            signs = torch.randint(2, tensor.shape, generator=draws) * 2 - 1
            with torch.no_grad():
                tensor.mul_(1 + 1e-6 * signs)
        return tensor

    return method


@pytest.fixture(autouse=True, scope="session")
def can_be_interrupted():
    """A shell that starts the tests in the background has them ignore the interrupts that some of them are about."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def callbacks_raise(monkeypatch):
    """What a callback of a button raises fails the test; outside of a notebook ipywidgets only logs it."""

    def call(dispatcher, *args, **kwargs):
        for callback in dispatcher.callbacks:
            callback(*args, **kwargs)

    monkeypatch.setattr(CallbackDispatcher, "__call__", call)


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory):
    """A JupyterLab for the tests of labs: its address, and the folder of notebooks, where each test puts its own."""
    work = tmp_path_factory.mktemp("labs") / "work"
    with server(work) as address:
        yield address, work / "notebooks"
