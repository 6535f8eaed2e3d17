"""The types: none is missing or wrong where the configuration is strict, and elsewhere never more than before."""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import is_left_out

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("lessons", "labs", "classroom", "course", "networks", "utils")
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]


@pytest.fixture(scope="module")
def errors() -> list[str]:
    """What mypy finds, a line each: by the flags of a package that has its own, else by --strict."""
    command = [sys.executable, "-m", "mypy", "--strict", "--hide-error-context", "--no-error-summary"]
    answer = subprocess.run([*command, *PACKAGES], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode in (0, 1) and not answer.stderr, answer.stdout[-2000:] + answer.stderr
    return [line for line in answer.stdout.splitlines() if re.search(r":\d+: error: ", line)]


def is_strict(line: str) -> bool:
    """Is this error in a module that the configuration holds to be typed throughout?"""
    module = line.partition(".py:")[0].replace("/", ".").removesuffix(".__init__")
    patterns = (
        pattern
        for block in CONFIGURATION["mypy"]["overrides"]
        if block.get("disallow_untyped_defs")
        for pattern in ([block["module"]] if isinstance(block["module"], str) else block["module"])
    )
    return any(fnmatch(module, pattern) or module == pattern.removesuffix(".*") for pattern in patterns)


@pytest.mark.types
def test_what_is_typed_stays_typed(errors):
    assert [line for line in errors if is_strict(line)] == []


@pytest.mark.types
def test_the_rest_only_gains_types(errors):
    rest = [line for line in errors if not is_strict(line)]
    count, most = len(rest), CONFIGURATION["course"]["untyped"]
    by_file = "\n".join(
        f"{number:5} {name}" for name, number in Counter(each.split(":")[0] for each in rest).most_common()
    )
    assert count <= most, f"{count} errors of types, and there were {most}:\n{by_file}"
    assert count == most, f"Write untyped = {count} under [tool.course] in pyproject.toml: there were {most}."


def test_every_error_that_is_ignored_has_its_reason():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                _, ignored, rest = line.partition("# type: ignore")
                assert not ignored or re.match(r"\[[\w-]+\]  # \w+", rest), f"{path}: {line.strip()}"


def test_make_check_finds_the_types_as_well():
    """`--quick` leaves out what takes long, but for these."""

    def is_left(*marks: str) -> bool:
        fixtures = SimpleNamespace(name2fixturedefs={})
        item = SimpleNamespace(nodeid="", get_closest_marker=lambda name: name in marks or None, _fixtureinfo=fixtures)
        return is_left_out(item, SimpleNamespace(quick=True, whole=False), {}, set())

    assert is_left("slow") and not is_left("slow", "types") and not is_left()
    for test in (test_what_is_typed_stays_typed, test_the_rest_only_gains_types):
        assert [mark.name for mark in test.pytestmark] == ["types"]
