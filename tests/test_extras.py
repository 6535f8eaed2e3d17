"""What an installation without extras can do: networks, costs, training. The packages of the extras are kept from being imported."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from utils.system.places import CHECKOUT

ALONE = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["dependencies"]
PROGRAM = '''
import json, runpy, sys

class Others:
    """Finds what the finder in its place finds, but for the blocked modules."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in BLOCKED else self.finder.find_spec(name, path, target)

BLOCKED = set(json.loads(sys.argv.pop(1)))
sys.meta_path = [Others(finder) for finder in sys.meta_path]
exec(sys.stdin.read())
'''


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(lines: list[str]) -> set[str]:
    """The distributions that requirements bring with them."""
    found: set[str] = set()
    waiting = [Requirement(line) for line in lines]
    while waiting:
        requirement = waiting.pop()
        name = normal(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            waiting += map(Requirement, importlib.metadata.requires(name) or ())
        except importlib.metadata.PackageNotFoundError:
            continue  # CUDA's, where the CPU build is
        found.add(name)
    return found


def modules_of_the_extras() -> list[str]:
    """Every module that is installed here and would not be without extras."""
    alone = needed(ALONE) | {"inception-course", "setuptools"}
    return [
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if not {normal(name) for name in distributions} & alone and not module.startswith("_")
    ]


def run(code: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", PROGRAM, json.dumps(modules_of_the_extras())]
    return subprocess.run(words, input=code, capture_output=True, text=True, cwd=CHECKOUT)


def command(*words: str) -> str:
    return f"sys.argv = {['lessons', *words]!r}; runpy.run_module('lessons', run_name='__main__', alter_sys=True)"


def test_the_extras_are_kept_out():
    blocked = modules_of_the_extras()
    assert {
        "matplotlib",
        "ipywidgets",
        "IPython",
        "graphviz",
        "pyarrow",
        "sklearn",
        "kornia",
        "accelerate",
        "nbgrader",
    } <= set(blocked)
    assert not {"torch", "numpy", "PIL", "tqdm", "typer"} & set(blocked)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "from networks import create; from utils.cost import profile; print(profile(create('inception_v3'), (3, 299, 299)))",
        "import utils.train, networks.weights, networks.measure, utils.data",
        command("networks"),
        command("recipes"),
        command("list"),
        command("train", "googlenet", "--data", "scales", "--limit", "100", "--epochs", "1", "--device", "cpu"),
    ],
)
def test_without_extras_there_are_networks_costs_and_training(code):
    done = run(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [("build",), ("train", "googlenet", "--data", "digits")], ids=" ".join)
def test_what_needs_an_extra_says_so(words):
    done = run(command(*words))
    assert done.returncode == 1
    assert "is not installed" in done.stderr and ".[lab]" in done.stderr and "Traceback" not in done.stderr
