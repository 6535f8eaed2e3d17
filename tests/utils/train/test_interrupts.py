"""Interrupts of several processes: held until all hear of them, and heard once."""

import os
import signal

import pytest

from utils.train import interrupts
from utils.train.interrupts import Interrupts
from utils.train.processes import Team


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def team(monkeypatch):
    """One of two processes, of which the other has not been interrupted."""
    monkeypatch.setattr(Team, "any", lambda self, flag: flag)
    return Team(size=2, device="cpu")


def test_an_interrupt_between_two_steps_waits_for_the_next_one(team):
    done = []
    with Interrupts(team) as held, pytest.raises(KeyboardInterrupt):
        for step in range(3):
            if step == 1:
                interrupt()
            with held.held():
                done.append(step)
    assert done == [0, 1]


def test_what_the_launcher_passes_on_is_no_second_interrupt(team, monkeypatch):
    with Interrupts(team) as held:
        with pytest.raises(KeyboardInterrupt), held.held():
            interrupt()
            interrupt()
        interrupt()  # while the run is put in order
    interrupt()  # and after it
    monkeypatch.setattr(interrupts, "ECHO", 0.0)
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_later_interrupt_does_not_wait(team, monkeypatch):
    monkeypatch.setattr(interrupts, "ECHO", 0.0)
    reached = []
    with Interrupts(team) as held, pytest.raises(KeyboardInterrupt), held.held():
        interrupt()
        reached.append("after the first")
        interrupt()
        reached.append("after the second")
    assert reached == ["after the first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_process_of_the_team_stops_all(team, monkeypatch):
    monkeypatch.setattr(Team, "any", lambda self, flag: True)  # another one was interrupted
    with Interrupts(team) as held, pytest.raises(KeyboardInterrupt), held.held():
        pass
