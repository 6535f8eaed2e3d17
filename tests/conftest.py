"""What all tests share."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Two threads of tensors this small do little but wait for each other, and there are two processes of tests."""
    torch.set_num_threads(1)
