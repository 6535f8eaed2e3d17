"""Hashes of code: what changes them, and which files they are of."""

import os
import subprocess
import sys

import pytest
import torch

from tests.utils.tiny import TinyNet
from utils.system.places import CHECKOUT
from utils.train.provenance import changed, code_of, meaning

SOURCE = """
def mean(values, count):
    total = sum(values)
    if count == 0:
        raise ValueError(f"count is {count}")
    return f"{total / count:.2f}", [], None
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    total", '    """The mean."""\n    total'),
        ("    total = sum(values)", "    # Add up.\n\n    total = sum(\n        values,\n    )"),
        ('f"count is {count}"', '"There is nothing to take the mean of."'),
        ("\ndef", '\n"""A module."""\n\ndef'),
    ],
)
def test_rewording_changes_nothing(old, new):
    assert old in SOURCE
    assert meaning(SOURCE.replace(old, new)) == meaning(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("count == 0", "count <= 0"),
        ("count == 0", "count == 0.0"),
        ("ValueError", "TypeError"),
        (".2f", ".3f"),
        ("[]", "[[]]"),
        ("None", "total"),
        ("values, count", "count, values"),
        ("sum(values)", "sum(values, 0)"),
    ],
)
def test_another_meaning_is_another_hash(old, new):
    assert old in SOURCE
    assert meaning(SOURCE.replace(old, new)) != meaning(SOURCE)


def test_other_versions_of_python_agree():
    """The hash of every file of the engine, by each other Python that is at hand."""
    files = sorted((CHECKOUT / "utils").glob("*.py"))
    ours = [meaning(path.read_text(encoding="utf-8")) for path in files]
    script = (
        "import sys, types, pathlib; torch = types.ModuleType('torch'); torch.nn = types.ModuleType('torch.nn')\n"
        "torch.nn.Module = object; sys.modules['torch'] = torch; sys.modules['torch.nn'] = torch.nn\n"
        "from utils.train.provenance import meaning\n"
        "print([meaning(pathlib.Path(path).read_text(encoding='utf-8')) for path in sys.argv[1:]])"
    )
    pythons = [f"python3.{minor}" for minor in (11, 12, 13, 14) if starts(f"python3.{minor}")]
    if not pythons:
        pytest.skip("no Python of a known version is on the path")
    for python in pythons:
        command = [python, "-c", script, *map(str, files)]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == str(ours), f"{python}: {done.stderr}"


def starts(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", "pass"], capture_output=True, timeout=60).returncode == 0
    except FileNotFoundError:
        return False


def test_a_networks_files_are_its_classes_and_what_they_import_of_the_lessons():
    from networks.catalog import create

    with torch.device("meta"):
        code = code_of(create("inception_v3"))
    assert {"networks/inception_v3.py", "networks/inception_v2.py", "networks/layers.py"} <= set(code)
    assert {"networks/base.py", "utils/train/engine.py", "utils/train/recipe.py"} <= set(code)
    assert not {name for name in code if "xception" in name or "checks" in name or os.path.isabs(name)}
    assert changed(code) == []
    name = "networks/layers.py"
    assert changed(code | {name: "0" * 16}) == [name]
    assert changed(code | {"lessons/no_more.py": "0" * 16}) == ["lessons/no_more.py"]


def test_a_class_from_elsewhere_has_no_file_in_the_course():
    assert all(name.startswith("utils/") for name in code_of(TinyNet()))
    assert code_of(TinyNet()) == code_of(torch.nn.Linear(1, 1))


def test_reading_the_code_imports_nothing():
    script = "import sys, torch; from utils.train.provenance import code_of; code_of(torch.nn.Linear(1, 1)); print([m for m in sys.modules if m.startswith('lessons')])"
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr
