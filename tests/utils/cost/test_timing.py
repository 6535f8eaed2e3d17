"""Timing: every module is measured as often as asked, in turns, and left as it was."""

import time

import pytest
import torch
from torch import nn

from utils.cost.timing import Timing, in_turns, machine, timed


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
