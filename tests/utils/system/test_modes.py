"""What runs inside leaves torch as it was."""

import torch

from utils.system.modes import as_torch_starts


def test_what_is_left_otherwise_is_told_and_put_back():
    with as_torch_starts() as left:
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
    assert ["switches gradients off" in left[0], "torch.float64" in left[1], len(left)] == [True, True, 2]


def test_random_numbers_that_were_seeded_go_on_as_before():
    torch.manual_seed(1)
    with torch.random.fork_rng(devices=[]):
        wanted = torch.rand(2)
    with as_torch_starts() as left:
        torch.manual_seed(2)
    assert len(left) == 1 and "seeds" in left[0]
    assert torch.equal(torch.rand(2), wanted)


def test_what_only_draws_is_left_alone():
    with as_torch_starts() as left:
        torch.rand(2)
    assert not left
