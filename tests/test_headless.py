"""Without a notebook's packages: networks, training, experiments, recordings and benchmarks need torch and numpy alone."""

import os
import subprocess
import sys
import sysconfig
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from utils.data.photo import photograph
from utils.system import packages
from utils.system.packages import Missing, needed, require

ROOT = Path(__file__).resolve().parent.parent
# All that the course can use and the command line does not need, by the names that are imported.
OPTIONAL = (
    *("accelerate", "anywidget", "cloudpickle", "datasets", "graphviz", "huggingface_hub", "IPython", "ipykernel"),
    *("ipywidgets", "jupyter_client", "jupyterlab", "jupytext", "kornia", "matplotlib", "nbclient", "nbformat"),
    *("nbgrader", "nh3", "pandas", "PIL", "psutil", "pyarrow", "pygraphviz", "scipy", "sklearn", "torchinfo", "tqdm"),
    *("torchvision", "timm", "keras", "traitlets", "bs4", "playwright"),
)


def packages_but(names, folder):
    """A folder of all installed packages but those: what it lacks is not there, whoever looks for it."""
    folder.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name.partition(".")[0] not in names:
            (folder / entry.name).symlink_to(entry)
    return folder


def bare_python(places, *words, code=None, **variables):
    """Python with these folders of packages alone, on some code or on the command line."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))} | variables
    environment.pop("COURSE_DATA", None)
    command = [sys.executable, "-S", *(("-c", code) if code else ("-m", "lessons")), *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Runs Python where none of them is installed."""
    folder = tmp_path_factory.mktemp("bare")
    places = [packages_but(OPTIONAL, folder / "packages"), ROOT]
    run = partial(bare_python, places, COURSE_WORK=str(folder / "work"))
    return SimpleNamespace(folder=folder, run=run)


@pytest.mark.slow
def test_the_networks_bring_nothing_along():
    """What is loaded with `networks` is torch, numpy and Python's own: it is as quick as torch."""
    code = (
        "import torch, numpy, sys; before = set(sys.modules); import networks; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(loaded.stdout.split()) == {"networks", "utils"}


@pytest.mark.slow
def test_all_that_works_without(bare):
    """One process, for it takes seconds to load torch: all of it by the command line's own functions."""
    code = f"""
from pathlib import Path
from typer.testing import CliRunner
from lessons.__main__ import app
from dataclasses import replace
from course import experiments, recording, train_command
from course.experiments import names, experiment
from utils.train.recipe import Recipe

def run(*words):
    answer = CliRunner().invoke(app, [str(word) for word in words])
    assert answer.exit_code == 0, (words, answer.output, answer.exception)
    return answer.output

out = Path({str(bare.folder)!r}) / "run.json"
small = ("--limit", 64, "--epochs", 1, "--batch-size", 32)
run("list")
run("recipes")
run("networks", "--size", "mini")
run("train", "googlenet", "--width", 0.25, *small, "--out", out, "--checkpoint", out.with_suffix(".checkpoint"))
assert out.exists() and out.with_suffix(".pt").exists()
for name in names():
    experiment(name)
assert "growing ends" in run("experiment", "uniform_blocks", "--recorded")

entry = experiment("uniform_blocks")
tiny = replace(entry.short, recipe=Recipe(epochs=1, batch_size=32), limit=64, seeds=(0,))
small = replace(entry, short=tiny, full=replace(tiny, data="scales"))
train_command.experiment = recording.experiment = lambda name: small
assert "growing ends" in run("experiment", "uniform_blocks")

class Said(list):
    send = list.append

experiments.RUNS = Path({str(bare.folder)!r}) / "runs"
task = recording.Task("uniform_blocks", next(iter(entry.arms)), 0)
recording._train(task, Said(), threads=1, device="cpu", commit=None)
assert task.path.exists()

from networks import create
from utils.cost import profile
assert profile(create("googlenet"), (3, 224, 224)).macs
import importlib.util
spec = importlib.util.spec_from_file_location("bench", "benchmarks/bench.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)
bench.print_machine()
import sys
print(*(set({OPTIONAL!r}) & set(sys.modules)))
"""
    done = bare.run(code=code)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "googlenet", "--data", "digits"), "The data set digits needs scikit-learn"),
        (
            ("train", "googlenet", "--data", "x.parquet", "--test-data", "x.parquet"),
            "Reading Parquet files needs pyarrow",
        ),
        (("train", "googlenet", "--data", "FOLDER"), "Reading images needs pillow"),
        (("train", "googlenet", "--recipe", "googlenet", "--limit", "64", "--batch-size", "32"), "needs kornia"),
        (("experiment", "groups", "--recorded", "--picture", "x.png"), "A picture needs matplotlib"),
        (("build",), "needs jupytext"),
    ],
)
def test_what_is_missing_is_named_when_it_is_needed(bare, words, said):
    (bare.folder / "x.parquet").write_bytes(b"")
    for name in ("cats/a.png", "cats/b.png", "dogs/c.png", "dogs/d.png"):
        path = bare.folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    places = {"x.parquet": bare.folder / "x.parquet", "FOLDER": bare.folder / "images", "x.png": bare.folder / "x.png"}
    done = bare.run(*(places.get(word, word) for word in words))
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stderr and "pip install" in done.stderr and "Traceback" not in done.stderr


def test_the_command_line_says_that_it_needs_typer(tmp_path):
    done = bare_python([packages_but({"typer"}, tmp_path / "packages"), ROOT], "list")
    assert done.returncode == 1 and done.stderr == (
        "The command line needs typer, which is not installed here. Install it: pip install typer\n"
    )


# --- the sentences ----------------------------------------------------------------------------------------------------


def absent(name):
    def find_spec(self, module, path=None, target=None):
        if module.partition(".")[0] == name:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    return type("Absent", (), {"find_spec": find_spec})()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (
            "sklearn.datasets",
            "A thing needs scikit-learn, which is not installed here. Install it: pip install scikit-learn",
        ),
        ("PIL", "A thing needs pillow, which is not installed here. Install it: pip install pillow"),
        ("something", "A thing needs something, which is not installed here. Install it: pip install something"),
    ],
)
def test_a_package_is_called_as_it_is_installed(monkeypatch, module, words):
    for loaded in [name for name in sys.modules if name.partition(".")[0] == module.partition(".")[0]]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [absent(module.partition(".")[0]), *sys.meta_path])
    with pytest.raises(Missing) as caught:
        require(module, "A thing")
    assert str(caught.value) == words and caught.value.name == module.partition(".")[0]
    with pytest.raises(Missing) as again, needed("Another"):  # the first word counts
        raise caught.value
    assert str(again.value) == words


def test_a_module_of_the_courses_own_is_no_package_to_install():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'utils\.no_more'"), needed("A thing"):
        import utils.no_more  # noqa: F401
    assert packages.sentence(ModuleNotFoundError("No module named 'utils.no_more'", name="utils.no_more")) is None


def test_photographs_are_there_where_all_is_installed():
    assert photograph("flower", 32).shape == (32, 32, 3)
