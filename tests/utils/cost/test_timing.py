"""Timing: every module is measured as often as asked, in turns, and left as it was."""

import time

import pytest
import torch
from torch import nn

from utils.cost.table import profile
from utils.cost.timing import Timing, in_turns, machine, time_layers, timed


class Sleeper(nn.Module):
    """Waits, and notes who ran when."""

    def __init__(self, name: str, seconds: float, diary: list):
        super().__init__()
        self.name, self.seconds, self.diary = name, seconds, diary

    def forward(self, x):
        self.diary.append((self.name, self.training, torch.is_grad_enabled(), tuple(x.shape), torch.get_num_threads()))
        time.sleep(self.seconds)
        return x


def test_modules_run_in_turns_in_evaluation_mode_and_the_slower_one_takes_longer():
    diary, threads = [], torch.get_num_threads()
    modules = {"fast": Sleeper("fast", 0.001, diary), "slow": Sleeper("slow", 0.01, diary)}
    modules["slow"].eval()
    times = timed(modules, (3, 4, 5), batch_size=2, rounds=3, threads=1)
    assert [name for name, *_ in diary] == ["fast", "slow"] * 5  # two rounds to warm up
    assert {tuple(rest) for _, *rest in diary} == {(False, False, (2, 3, 4, 5), 1)}
    assert all(len(timing.seconds) == 3 for timing in times.values())
    assert times["slow"].median >= 0.01 > times["fast"].middle_half[0] >= 0.001
    assert modules["fast"].training and not modules["slow"].training
    assert torch.get_num_threads() == threads


def test_a_module_that_fails_leaves_everything_as_it_was():
    threads = torch.get_num_threads()
    module = nn.Conv2d(2, 2, 3)
    with pytest.raises(RuntimeError):
        timed({"wrong": module}, (3, 8, 8), threads=1)
    assert module.training and torch.get_num_threads() == threads


def test_the_middle_half():
    timing = Timing(tuple(float(second) for second in range(9)))
    assert timing.median == 4 and timing.middle_half == (2, 6)


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"rounds": 0}, {"rounds": 2.5}, {"threads": 0}, {"batch_size": True}]
)
def test_numbers_that_cannot_be_are_named(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} is {value!r}; it must be a whole number"):
        timed({"one": nn.Identity()}, (1, 2, 2), **wrong)


def test_no_module_is_named():
    with pytest.raises(ValueError, match="modules is empty"):
        timed({}, (1, 2, 2))


def test_the_machine_in_words():
    assert machine(threads=1) == "a CPU with 1 thread"
    assert machine(threads=4) == "a CPU with 4 threads"
    assert machine().startswith("a CPU with ")


def test_functions_are_timed_in_turns_and_told_of():
    diary, told = [], []
    jobs = {name: (lambda name=name: diary.append(name)) for name in ("first", "second")}
    times = in_turns(jobs, rounds=2, warm_up=1, on_run=told.append)
    assert diary == told == ["first", "second"] * 3
    assert {name: len(timing.seconds) for name, timing in times.items()} == {"first": 2, "second": 2}


class Beside(nn.Module):
    """Two layers side by side, one of which waits, and two operations of its own."""

    def __init__(self, diary: list):
        super().__init__()
        self.conv, self.slow, self.norm = nn.Conv2d(3, 3, 1), Sleeper("slow", 0.01, diary), nn.BatchNorm2d(3)

    def forward(self, x):
        return self.norm(torch.cat([self.conv(x), torch.relu(self.conv(self.slow(x)))])[:1])


def test_every_layer_is_timed_as_a_row_of_the_cost_table():
    net, threads = Beside([]), torch.get_num_threads()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first, second = time_layers((net, (3, 9, 9)), (nn.Conv2d(3, 4, 3), (3, 9, 9)), seconds=0, rounds=(3, 8), threads=1)
    rows = profile(net, (3, 9, 9)).rows
    assert [row.kind for row in rows] == ["conv", "conv", "activation", "concat", "norm"]
    assert len(first) == len(rows) and len(second) == 1
    assert all(len(timing.seconds) == 3 and timing.median > 0 for timing in (*first, *second))
    assert net.training and torch.get_num_threads() == threads
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_each_layer_has_its_own_time():
    """The second has a hundred times the work of the others; all of them together are within what it took to time them."""
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 64, 7, padding=3), nn.Conv2d(64, 4, 1))
    began = time.perf_counter()
    (layers,) = time_layers((net, (3, 64, 64)), seconds=0, rounds=(9, 9))
    whole = time.perf_counter() - began
    assert [len(timing.seconds) for timing in layers] == [9] * 3
    assert 0 < sum(sum(timing.seconds) for timing in layers) < whole
    assert min(layers[1].seconds) > max(min(layers[place].seconds) for place in (0, 2)) > 0


class Undecided(nn.Module):
    """Takes another way the second time."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.runs = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), 0

    def forward(self, x):
        self.runs += 1
        return self.first(x) if self.runs < 2 else self.second(x)


def test_what_cannot_be_timed_layer_by_layer_says_why():
    with pytest.raises(ValueError, match="Conv2d has no weights to compute with"):
        time_layers((nn.Conv2d(3, 4, 1, device="meta"), (3, 4, 4)))
    with pytest.raises(ValueError, match="Undecided runs otherwise on an image than without numbers"):
        time_layers((Undecided(), (3, 4, 4)))
    with pytest.raises(ValueError, match="cannot take an image"):
        time_layers((nn.Conv2d(3, 4, 1), (5, 4, 4)))


def test_parts_that_do_not_train_do_not_train_afterwards():
    """A frozen normalisation in a network that trains."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    net[1].eval()
    timed({"net": net}, (3, 8, 8), rounds=1)
    assert [part.training for part in net.modules()] == [True, True, False]
