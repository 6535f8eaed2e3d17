"""What a newcomer types first: the Makefile, the command line, the conda environment, and what CI runs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
MAKE = shutil.which("make")
# Names that differ on conda-forge.
ON_PYPI = {
    "huggingface_hub": "huggingface-hub",
    "pytorch": "torch",
    "python-graphviz": "graphviz",
    "matplotlib-base": "matplotlib",
    "playwright-python": "playwright",
}


def make(*words: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run([MAKE, *words], cwd=ROOT, env=environment | variables, capture_output=True, text=True)


def interpreter(folder: Path, name: str, version: tuple[int, int]) -> None:
    """A program called `name` that answers as a Python of that version would."""
    path = folder / name
    path.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -c ]; then [ "{version[0]}{version[1]:02d}" -ge 311 ]; exit; fi\n'
        f'echo "{name} {version[0]}.{version[1]} runs $*"\n'
    )
    path.chmod(0o755)


@pytest.fixture
def only(tmp_path):
    """A PATH with a shell and nothing else, to put interpreters in."""
    (tmp_path / "sh").symlink_to(shutil.which("sh"))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        (["lab"], "-m lessons lab"),
        (["lab", "ROOT=."], '-m lessons lab --root "."'),
        (["lab", "ARGS=--port=9000"], "-m lessons lab  --port=9000"),
        (["test"], "-m pytest -n auto"),
        (["test", "ARGS=-x tests/utils"], "-m pytest -n auto -x tests/utils"),
        (["check"], "-m ruff check ."),
        (["check"], "-m ruff format --check ."),
        (["check"], "lint-imports"),
        (["check"], "-m pytest -n auto --quick"),
        (["whole"], "--whole -m whole"),
        (["lessons"], "-m lessons build"),
        (["bench", "ARGS=profile"], "benchmarks/bench.py profile"),
        (["lint"], "-m ruff format --check ."),
    ],
)
def test_make_sets_up_and_then_runs(words, runs):
    answer = make("-n", *words)
    assert answer.returncode == 0
    assert "bootstrap.py" in answer.stdout
    assert runs in answer.stdout
    assert answer.stdout.index("bootstrap.py") < answer.stdout.index(runs)


def test_make_alone_lists_the_commands():
    answer = make()
    for command in ("lab", "test", "check", "whole", "lessons", "lint", "bench", "setup"):
        assert f"make {command}" in answer.stdout


def test_make_takes_the_first_python_that_is_new_enough(only):
    interpreter(only, "python3.13", (3, 10))
    interpreter(only, "python3", (3, 14))
    assert make("setup", PATH=str(only)).stdout.startswith("python3 3.14 runs bootstrap.py")
    interpreter(only, "python3.12", (3, 12))
    assert make("setup", PATH=str(only)).stdout.startswith("python3.12 3.12 runs bootstrap.py")


def test_make_takes_the_python_that_is_named(only):
    interpreter(only, "python3", (3, 14))
    interpreter(only, "mine", (3, 12))
    answer = make("setup", f"PYTHON={only / 'mine'}", PATH=str(only))
    assert answer.stdout.startswith("mine 3.12 runs bootstrap.py --this-python")


def test_make_hands_an_old_python_to_bootstrap_which_says_so(only):
    interpreter(only, "python3", (3, 9))
    assert make("setup", PATH=str(only)).stdout.startswith("python3 3.9 runs bootstrap.py")


def test_make_without_any_python_says_what_to_install(only):
    answer = make("setup", PATH=str(only))
    assert answer.returncode != 0
    assert "Python 3.11 or later" in answer.stderr
    answer = make("setup", "PYTHON=python3.99", PATH=str(only))
    assert "python3.99 was not found" in answer.stderr


def requirements(lines: list[str]) -> dict[str, str]:
    parsed = [Requirement(line) for line in lines]
    return {requirement.name: str(requirement.specifier) for requirement in parsed}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def wanted(extra: str) -> list[str]:
    """The requirements of the course with an extra, and with those that it includes."""
    lines = list(project()["project"]["dependencies"])
    for line in project()["project"]["optional-dependencies"][extra]:
        inner = re.fullmatch(r"inception-course\[(.*)\]", line)
        lines += [more for name in inner[1].split(",") for more in wanted(name)] if inner else [line]
    return lines


def test_conda_users_get_the_same_packages():
    description = yaml.safe_load((ROOT / "environment.yml").read_text())
    lines = [line for line in description["dependencies"] if isinstance(line, str)]
    (pip,) = [line["pip"] for line in description["dependencies"] if isinstance(line, dict)]
    there = requirements(lines + [line for line in pip if not line.startswith("-e")])
    there = {ON_PYPI.get(name, name): ranges for name, ranges in there.items()}
    assert there.pop("pip") == ""
    assert there.pop("python") == project()["project"]["requires-python"]
    assert there == requirements(wanted("test") + project()["build-system"]["requires"])
    assert "-e ." in pip
    assert description["channels"] == ["conda-forge"]


def lock() -> list[dict]:
    return tomllib.loads((ROOT / "pylock.toml").read_text())["packages"]


def test_the_lock_holds_every_package_within_its_range():
    there = {package["name"]: package["version"] for package in lock()}
    for line in wanted("test") + project()["build-system"]["requires"]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(there[requirement.name]), line


def test_the_lock_names_public_addresses_and_every_file_s_hash():
    for package in lock():
        for file in [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]:
            assert file["url"].startswith("https://files.pythonhosted.org/"), file["url"]
            assert re.fullmatch(r"[0-9a-f]{64}", file["hashes"]["sha256"])


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(
    ("platform", "machine", "tags"),
    [
        ("linux", "x86_64", r"manylinux\w*_x86_64|any"),
        ("linux", "aarch64", r"manylinux\w*_aarch64|any"),
        ("darwin", "arm64", r"macosx_\w*(arm64|universal2)|any"),
        ("win32", "AMD64", r"win_amd64|any"),
    ],
)
def test_the_lock_has_a_wheel_of_each_package_for_each_system(python, platform, machine, tags):
    nt = platform == "win32"
    here = {
        "python_version": python,
        "python_full_version": f"{python}.7",
        "sys_platform": platform,
        "os_name": "nt" if nt else "posix",
    }
    here |= {
        "platform_machine": machine,
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform],
    }
    here |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    interpreter = python.replace(".", "")
    chosen: dict[str, list[str]] = {}
    for package in lock():
        if Marker(package["marker"]).evaluate(here):
            assert package["name"] not in chosen, f"{package['name']} twice"
            chosen[package["name"]] = [file["url"].rsplit("/")[-1] for file in package["wheels"]]
    missing = [
        name
        for name, files in chosen.items()
        if not any(
            re.search(rf"-(cp{interpreter}|(cp|py)3\w*|py2\.py3)-(cp{interpreter}|abi3|none)-.*({tags})", file)
            for file in files
        )
    ]
    assert missing == []
    assert "torch" in chosen and ("nvidia-cublas" in chosen) == (platform == "linux")


def test_ci_runs_make_test_and_hands_on_its_status(tmp_path):
    checkout, programs = tmp_path / "checkout", tmp_path / "programs"
    (checkout / ".ci").mkdir(parents=True)
    programs.mkdir()
    (tmp_path / "shared" / "data").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", checkout / ".ci" / "run")
    for name, script in {"make": 'echo "make $* with $COURSE_DATA in $PWD"; exit 3', "chromium": "exit 0"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    answer = subprocess.run(
        [checkout / ".ci" / "run"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 3
    assert answer.stdout.strip() == f"make test with {tmp_path / 'shared' / 'data'} in {checkout}"


def test_help_lists_the_commands_without_loading_torch():
    code = "import sys, lessons.__main__; print('torch' in sys.modules, 'jupyterlab' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["False", "False"]
    answer = subprocess.run([sys.executable, "-m", "lessons", "--help"], cwd=ROOT, capture_output=True, text=True)
    for command in ("list", "lab", "workspace", "doctor"):
        assert command in answer.stdout


def commands(text: str) -> list[str]:
    """The commands that a text gives a reader, without the comments behind them."""
    found = re.findall(r"(?:make [a-z]+|python -m lessons [^`\n]*|python bootstrap\.py [a-z]+)", text)
    return sorted({line.split("  #")[0].split("   ")[0].strip() for line in found})


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/site/install.md"])
def test_every_command_of_a_text_is_one_that_the_program_takes(name):
    from lessons.__main__ import app

    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    program = typer.main.get_command(app)
    given = commands((ROOT / name).read_text(encoding="utf-8"))
    assert given
    for line in given:
        words = line.split()
        if words[0] == "make":
            assert words[1] in targets, line
        elif words[1] == "bootstrap.py":
            assert words[2] in ("lab", "test"), line
        else:
            program.commands[words[3]].make_context(words[3], words[4:])  # parsed, and refused where it is not taken
