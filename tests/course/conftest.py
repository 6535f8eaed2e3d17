"""What the tests of the course's commands share."""

import pytest
import torch


@pytest.fixture
def own_work(tmp_path, monkeypatch):
    """A learner's folder of its own, and one thread."""
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
