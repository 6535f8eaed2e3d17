"""The tests' own kernels, which are divided from one process, end as others do."""

import os
import signal
import time
from contextlib import contextmanager

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from tests.kernels import ADDRESS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ADDRESS not in os.environ, reason="processes are not divided here"),
]


@contextmanager
def kernel():
    """A kernel's manager, and what runs a line in it and gives what it printed."""
    manager, client = start_new_kernel(kernel_name="python3")

    def run(line: str) -> str:
        said: list[str] = []
        client.execute_interactive(
            line, timeout=60, output_hook=lambda message: said.append(message["content"].get("text", ""))
        )
        return "".join(said)

    try:
        yield manager, run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def until(holds) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_kernel_has_torch_and_stands_where_it_was_started(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEN", "yes")
    with kernel() as (_, run):
        assert run("import os, sys; print('torch' in sys.modules, 'networks' in sys.modules, os.environ['SEEN'])") == (
            "True False yes\n"
        )
        assert run("print(os.getcwd())").strip() == str(tmp_path)


def test_its_end_is_told_to_who_asked_for_it():
    with kernel() as (manager, run):
        asked = psutil.Process(manager.provisioner.process.pid)
        forked = int(run("import os; print(os.getpid())"))
        assert forked != asked.pid
        os.kill(forked, signal.SIGTERM)
        until(lambda: manager.provisioner.process.poll() is not None)
        assert manager.provisioner.process.returncode == -signal.SIGTERM


def test_it_ends_with_who_asked_for_it():
    with kernel() as (manager, run):
        forked = int(run("import os; print(os.getpid())"))
        os.kill(manager.provisioner.process.pid, signal.SIGKILL)
        until(lambda: not psutil.pid_exists(forked))
