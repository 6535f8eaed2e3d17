"""What the text says of trainings, as on another processor.

Other instructions add in another order. Last digits differ, a training makes more of them, and in the end an accuracy is
another one. So the tests that hold the text against a training run twice: here as they are, and with the plainest code
that PyTorch has. They are chosen so that the second time takes less than a minute of one core. What passes in both is not a matter of digits. `tests/conftest.py` says how to try others by hand.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
def test_what_the_text_says_of_trainings_holds_with_other_instructions():
    files = sorted(path for path in HERE.glob("lessons/test_*.py") if "@pytest.mark.trains" in path.read_text("utf-8"))
    assert len(files) > 2
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    command = [sys.executable, "-m", "pytest", "-m", "trains", "-n0", "-p", "no:cacheprovider", "--tb=short", *files]
    done = subprocess.run(command, cwd=HERE.parent, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
