"""Files that are always whole."""

import inspect
import sys

import pytest

from utils.system.files import whole_file, write_whole


def interrupted_at(call: int):
    """A trace that interrupts when so many functions of Python have been called; it says how many there were."""
    calls = 0

    def trace(frame, event, argument):
        nonlocal calls
        if frame.f_code.co_flags & inspect.CO_GENERATOR:  # an error thrown into one arrives before an interrupt does
            return None
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return None

    return trace, lambda: calls


@pytest.mark.parametrize("breaks", [False, True])
def test_wherever_an_interrupt_comes_nothing_is_left_beside(tmp_path, breaks):
    """Also one that comes while an error, or an interrupt before it, is on its way out."""
    path = tmp_path / "run.json"
    write_whole(path, "old")
    call = counted = 0
    while call <= counted:
        call += 1
        trace, count = interrupted_at(call)
        try:
            with whole_file(path) as file:
                file.write(b"new")
                sys.settrace(trace)
                if breaks:
                    raise ValueError
        except (KeyboardInterrupt, ValueError):
            pass
        finally:
            sys.settrace(None)
        counted = max(counted, count())
        assert [each.name for each in tmp_path.iterdir()] == ["run.json"], call
        assert path.read_bytes() in (b"old", b"new")
    assert call > 1
