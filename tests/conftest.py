"""What all tests share."""

import os
import signal

import pytest
import torch
from ipywidgets import CallbackDispatcher

from tests.browser.learner import server


@pytest.fixture(autouse=True, scope="session")
def processor():
    """The tests as on another processor, where the environment asks for it: what a training gives differs there.

    TESTS_ONEDNN=off     convolutions and matrix products without oneDNN
    TESTS_THREADS=2      threads (else one: two threads of tensors this small do little but wait for each other, and
                         there are two processes of tests)
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
