"""What all tests share."""

import signal

import pytest
import torch
from ipywidgets import CallbackDispatcher

from tests.browser.learner import server


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Two threads of tensors this small do little but wait for each other, and there are two processes of tests."""
    torch.set_num_threads(1)


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
