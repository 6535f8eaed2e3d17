"""The first cell of a notebook that was opened alone: what it does on Colab, on Kaggle, elsewhere, and on an installed course."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from utils.setup import alone


@pytest.fixture
def elsewhere(monkeypatch):
    """A machine that has torch and nothing else of the course; gives the commands that are run there."""
    commands = []
    monkeypatch.delenv("COURSE_WORK", raising=False)
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    monkeypatch.setattr(alone, "version_of", {"torch": "2.12.1+cu130"}.get)
    monkeypatch.setattr(alone, "device", lambda: "on the CPU")
    monkeypatch.setattr(alone.shutil, "which", lambda program: None)

    def run(command, **options):
        constraints = command[command.index("--constraint") + 1]
        commands.append([*command, Path(constraints).read_text()])
        return subprocess.CompletedProcess(command, 0, stdout="")

    monkeypatch.setattr(alone.subprocess, "run", run)
    yield commands
    os.environ.pop("COURSE_WORK", None)


@pytest.fixture
def colab(monkeypatch):
    """Colab's own package, with a Drive that is turned down unless a test says otherwise; gives what was called."""
    called = []

    def mount(folder):
        called.append(("mount", folder))
        raise ValueError("mount failed")

    package = ModuleType("google.colab")
    package.output = SimpleNamespace(enable_custom_widget_manager=lambda: called.append("widgets"))
    package.drive = SimpleNamespace(mount=mount)
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", package)
    return called, package


def test_on_an_installed_course_it_does_nothing(monkeypatch, capsys):
    monkeypatch.setattr(alone.subprocess, "run", lambda *words, **options: pytest.fail("something was run"))
    before = dict(os.environ)
    alone.prepare()
    assert dict(os.environ) == before
    assert capsys.readouterr() == ("", "")


def test_alone_it_installs_what_is_missing_and_leaves_torch(elsewhere, capsys):
    alone.prepare()
    (command,) = elsewhere
    assert command[1:4] == ["-m", "pip", "install"]
    assert command[-1] == "torch==2.12.1+cu130\n"
    assert command[-3:-1] == ["--editable", str(alone.CHECKOUT)]
    for name in ("ipywidgets", "anywidget", "jupytext", "pygraphviz", "scikit-learn"):
        assert any(alone.name_of(word) == name for word in command[7:-3] if word[0].isalpha())
    assert not any(word.startswith(("jupyterlab", "inception-course")) for word in command)
    said = capsys.readouterr().out
    assert "Installing what it needs" in said and "PyTorch 2.12.1+cu130 stays as it is" in said
    assert str(alone.CHECKOUT / "work") in said and "as long as this machine's files do" in said
    assert f"The other lessons are in {alone.NOTEBOOKS}." in said, "a link to the next one leads nowhere from here"
    assert "COURSE_WORK" not in os.environ


def test_a_torch_that_is_too_old_is_told_and_nothing_is_installed(elsewhere, monkeypatch):
    monkeypatch.setattr(alone, "version_of", {"torch": "2.9.0"}.get)
    with pytest.raises(RuntimeError, match=r"PyTorch 2\.9\.0 is here, and the course needs 2\.11 or later"):
        alone.prepare()
    assert elsewhere == []


def test_a_python_that_is_too_old_is_told(tmp_path):
    """Python 3.10, which has no tomllib, can have a PyTorch that is new enough."""
    code = "import sys; sys.modules['tomllib'] = None; sys.version_info = (3, 10, 13)\n"
    code += "from utils.setup.alone import prepare\nprepare()"
    done = subprocess.run([sys.executable, "-c", code], cwd=alone.CHECKOUT, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].startswith(
        "RuntimeError: This kernel is Python 3.10, and the course needs 3.11 or later."
    )


def test_where_uv_is_there_it_installs(elsewhere, monkeypatch):
    """Several times as fast as pip, and Colab has it; an environment that uv made has no pip."""
    monkeypatch.setattr(alone.shutil, "which", {"uv": "/usr/bin/uv"}.get)
    alone.prepare()
    (command,) = elsewhere
    assert command[:5] == ["/usr/bin/uv", "pip", "install", "--python", sys.executable]
    assert command[-3:] == ["--editable", str(alone.CHECKOUT), "torch==2.12.1+cu130\n"]


def test_what_uv_cannot_do_pip_does(elsewhere, monkeypatch):
    monkeypatch.setattr(alone.shutil, "which", {"uv": "/usr/bin/uv"}.get)
    run = alone.subprocess.run

    def uv_fails(command, **options):
        done = run(command, **options)
        return subprocess.CompletedProcess(command, 2, stdout="error: no") if command[0] == "/usr/bin/uv" else done

    monkeypatch.setattr(alone.subprocess, "run", uv_fails)
    alone.prepare()
    assert [command[:3] for command in elsewhere] == [["/usr/bin/uv", "pip", "install"], [sys.executable, "-m", "pip"]]


def test_a_page_that_cannot_have_the_labs_yet_is_to_be_loaded_again(elsewhere, monkeypatch, capsys):
    """A front end takes up widgets' own code when its page is loaded; without it, a lab is a still picture."""
    alone.prepare()
    assert "Reload this page once" in capsys.readouterr().out
    monkeypatch.setattr(alone, "version_of", {"torch": "2.12.1", "ipywidgets": "8.1.5", "anywidget": "0.9.16"}.get)
    alone.prepare()
    assert "Reload" not in capsys.readouterr().out


def test_what_pip_could_not_do_is_told(elsewhere, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stdout="ERROR: no address associated with hostname")
    monkeypatch.setattr(alone.subprocess, "run", lambda *words, **options: failed)
    with pytest.raises(RuntimeError, match=r"Settings, Internet(.|\n)*no address associated"):
        alone.prepare()


def test_on_kaggle_progress_goes_where_files_are_kept(elsewhere, monkeypatch, capsys):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    alone.prepare()
    assert os.environ["COURSE_WORK"].startswith("/kaggle/working/")
    said = capsys.readouterr().out
    assert f"kept in {os.environ['COURSE_WORK']}: it lasts." in said
    assert "other lessons" not in said, "Kaggle opens no notebook from the machine's files"


def test_on_colab_the_labs_work_and_a_drive_that_is_turned_down_is_told(elsewhere, colab, capsys):
    called, _ = colab
    alone.prepare()
    assert called == ["widgets", ("mount", "/content/drive")]
    said = capsys.readouterr().out
    assert "Reload" not in said, "Colab fetches their code by itself"
    assert "your progress is gone when Colab ends this machine" in said
    assert len(elsewhere) == 1 and "COURSE_WORK" not in os.environ


def test_on_colab_progress_goes_into_the_drive(elsewhere, colab, capsys):
    called, package = colab
    package.drive.mount = lambda folder: called.append(("mount", folder))
    alone.prepare()
    assert called == ["widgets", ("mount", "/content/drive")]
    assert os.environ["COURSE_WORK"] == "/content/drive/MyDrive/inception-course"


def test_a_work_folder_that_is_set_stays(elsewhere, monkeypatch):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    monkeypatch.setenv("COURSE_WORK", "/somewhere")
    alone.prepare()
    assert os.environ["COURSE_WORK"] == "/somewhere"


def test_on_binder_it_says_that_nothing_is_kept(monkeypatch, capsys):
    monkeypatch.setenv("BINDER_LAUNCH_HOST", "https://mybinder.org/")
    alone.prepare()
    assert "keeps no files" in capsys.readouterr().out
