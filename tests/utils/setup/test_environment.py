"""The set-up of `.venv`: when it runs, what it asks pip for, and what it says when it cannot go on."""

import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import bootstrap
from utils.setup import environment

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def checkout(tmp_path):
    """A folder with the files that the environment is made from, and an environment that says it is ready."""
    for name in environment.INPUTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((environment.CHECKOUT / name).read_bytes())
    interpreter = environment.python_of(tmp_path / ".venv")
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(sys.executable)
    finish(tmp_path)
    (tmp_path / "tests").mkdir()
    return tmp_path


def finish(checkout: Path, /, **changes) -> None:
    state = environment.description(checkout) | {"venv": True, "finished": True}
    environment.write_state(checkout / ".venv", **(state | {"inputs": environment.fingerprint(checkout)} | changes))


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No test asks the network, or depends on whether uv is installed here."""
    monkeypatch.setattr(environment, "reachable", lambda address: True)
    which = environment.shutil.which
    monkeypatch.setattr(environment.shutil, "which", lambda name: None if name == "uv" else which(name))


def fake_pip(monkeypatch, outputs: list[str | BaseException]) -> list[list[str]]:
    """Puts the given outputs in place of the commands that set_up runs; returns the list that they are noted in."""
    commands = []

    def run(command, progress, checkout, venv, state):
        commands.append([str(word) for word in command])
        result = outputs.pop(0) if outputs else ""
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(environment, "run", run)
    return commands


def failed(output: str) -> subprocess.CalledProcessError:
    return subprocess.CalledProcessError(1, ["pip"], output=output)


# When it runs


def test_a_finished_environment_is_ready_at_once(checkout, monkeypatch, capsys):
    commands = fake_pip(monkeypatch, [])
    assert environment.main([], checkout) == 0
    assert commands == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", environment.INPUTS)
def test_a_changed_input_makes_it_due(checkout, name):
    (checkout / name).write_text((checkout / name).read_text() + "\n# changed\n")
    assert not environment.is_ready(checkout)
    assert not environment.must_be_rebuilt(checkout)


@pytest.mark.parametrize("state", [{"finished": False}, {"installing": True}, {"python": "3.4"}])
def test_a_state_that_is_not_finished_and_right_makes_it_due(checkout, state):
    if "installing" in state:
        state["finished"] = False
    finish(checkout, **state)
    assert not environment.is_ready(checkout)
    assert environment.must_be_rebuilt(checkout) == (state != {"finished": False})


def test_another_python_is_taken_only_when_asked_for(checkout):
    assert environment.is_ready(checkout)
    assert environment.is_ready(checkout, python=VERSION)
    assert not environment.is_ready(checkout, python="3.99")
    assert environment.must_be_rebuilt(checkout, python="3.99")


def test_a_python_that_is_gone_makes_it_due(checkout):
    interpreter = environment.python_of(checkout / ".venv")
    interpreter.unlink()
    interpreter.symlink_to(checkout / "python-that-was-removed")
    assert not environment.is_ready(checkout)
    assert environment.must_be_rebuilt(checkout)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_broken_state_file_is_no_state(checkout, content):
    (checkout / ".venv" / "setup.json").write_text(content)
    assert environment.read_state(checkout / ".venv") is None
    assert not environment.is_ready(checkout)


# What it does


def test_an_update_installs_on_top_and_ends_ready(checkout, monkeypatch):
    (checkout / "pyproject.toml").write_text((checkout / "pyproject.toml").read_text() + "\n")
    commands = fake_pip(monkeypatch, [])
    assert environment.main([], checkout) == 0
    others, torch, course = commands
    assert others[-2:] == ["-r", str(checkout / ".venv" / "lock-others.txt")] and "--no-deps" in others
    assert "torch" in torch[-1]
    assert course[-2:] == ["-e", "."]
    assert environment.is_ready(checkout)


def test_the_lock_s_lines_have_hashes_and_no_addresses(checkout):
    torch, others = environment.lock_lines(checkout)
    assert any(line.startswith("torch==") for line in torch) and any(line.startswith("nvidia-") for line in torch)
    assert any(line.startswith("torchinfo==") for line in others)
    for line in torch + others:
        Requirement(line.partition(" --hash")[0])
        assert " --hash=sha256:" in line and "://" not in line


@pytest.mark.parametrize(
    ("system", "driver", "asked", "index"),
    [
        ("linux", False, "", environment.CPU_BUILD),
        ("linux", True, "", ""),
        ("linux", True, "cpu", environment.CPU_BUILD),
        ("linux", False, "cuda", ""),
        ("darwin", False, "", ""),
        ("darwin", False, "cpu", ""),
        ("win32", True, "", ""),
        ("win32", True, "cuda", environment.CUDA_BUILD),
        ("linux", False, "https://an.index/cpu", "https://an.index/cpu"),
    ],
)
def test_the_machine_decides_on_the_build_of_torch_unless_it_is_named(monkeypatch, system, driver, asked, index):
    monkeypatch.setattr(environment.sys, "platform", system)
    monkeypatch.setattr(environment, "has_nvidia_driver", lambda: driver)
    assert environment.torch_index(asked) == index


def test_a_build_that_is_no_choice_is_refused(checkout, capsys):
    with pytest.raises(SystemExit):
        environment.main(["--torch=gpu"], checkout)
    assert "cpu, cuda or the address of an index" in capsys.readouterr().err


@pytest.mark.parametrize("answers", [True, False])
def test_without_a_gpu_the_cpu_build_comes_by_itself_and_is_told(checkout, monkeypatch, capsys, answers):
    finish(checkout, finished=False)
    monkeypatch.setattr(environment.sys, "platform", "linux")
    monkeypatch.setattr(environment, "has_nvidia_driver", lambda: False)
    monkeypatch.setattr(environment, "reachable", lambda address: answers)
    commands = fake_pip(monkeypatch, [])
    assert environment.main([], checkout) == 0
    said = capsys.readouterr().out
    assert "CPU build" in said and "make lab TORCH=cuda" in said
    torch = commands[1]
    assert torch[-1].startswith("torch==")
    assert (environment.CPU_BUILD in torch) == answers
    assert ("does not answer" in said) == (not answers)


def test_another_build_of_torch_makes_the_environment_anew(checkout, monkeypatch, capsys):
    finish(checkout, torch="cpu")
    commands = fake_pip(monkeypatch, [])
    assert environment.main(["--torch=cpu"], checkout) == 0
    assert environment.main([], checkout) == 0
    assert commands == []
    assert environment.must_be_rebuilt(checkout, torch="cuda")
    assert not environment.must_be_rebuilt(checkout, torch="cpu")


def test_where_the_cpu_build_s_index_fails_the_package_index_is_asked(checkout, monkeypatch):
    finish(checkout, finished=False)
    monkeypatch.setattr(environment.sys, "platform", "linux")
    monkeypatch.setattr(environment, "has_nvidia_driver", lambda: False)
    commands = fake_pip(monkeypatch, ["", failed("ERROR: no such version")])
    assert environment.main([], checkout) == 0
    assert environment.CPU_BUILD in commands[1] and "--index-url" not in commands[2]
    assert commands[1][-1] == commands[2][-1] and commands[2][-1].startswith("torch==")


@pytest.mark.parametrize("words", [[], ["--torch=cpu"], ["--torch=cuda", "--this-python"]])
def test_a_first_set_up_makes_the_environment_and_installs_three_times(checkout, monkeypatch, words):
    venv = checkout / ".venv"
    environment.empty(venv)
    commands = []

    def run(command, progress, checkout, venv, state):
        commands.append([str(word) for word in command])
        if "venv" in commands[-1]:
            environment.python_of(venv).parent.mkdir(parents=True)
            environment.python_of(venv).symlink_to(sys.executable)
        return ""

    monkeypatch.setattr(environment, "run", run)
    assert environment.main(words, checkout) == 0
    assert [command[2] for command in commands] == ["venv", "pip", "pip", "pip"]
    assert environment.is_ready(checkout)
    assert environment.main(words, checkout) == 0 and len(commands) == 4


def test_pip_takes_over_where_uv_fails(checkout, monkeypatch):
    (checkout / "pyproject.toml").write_text((checkout / "pyproject.toml").read_text() + "\n")
    monkeypatch.setattr(environment.shutil, "which", lambda name: "/bin/uv" if name == "uv" else None)
    commands = fake_pip(monkeypatch, [failed("error: no index"), "", "", ""])
    assert environment.main([], checkout) == 0
    assert commands[0][:3] == ["/bin/uv", "pip", "install"] and commands[1][1:4] == ["-m", "pip", "install"]
    assert commands[0][-3:] == commands[1][-3:]


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        (["lab", "--port=9000"], "-m lessons lab --port=9000"),
        (["test", "-k", "a or b", "tests"], "-m pytest -n auto -k a or b tests"),
    ],
)
def test_without_make_the_two_commands_are_the_same(checkout, monkeypatch, words, runs):
    started = []
    monkeypatch.setattr(
        environment.subprocess,
        "run",
        lambda command, **options: started.append(command) or subprocess.CompletedProcess(command, 3),
    )
    monkeypatch.setattr(environment, "version_of", lambda python: VERSION)
    assert environment.main(words, checkout) == 3
    (command,) = started
    assert command[0] == environment.python_of(checkout / ".venv")
    assert " ".join(command[1:]) == runs
    assert " ".join(environment.COMMANDS[words[0]]) in (environment.CHECKOUT / "Makefile").read_text()


def test_where_there_are_no_tests_nothing_is_set_up_for_them(checkout, monkeypatch, capsys):
    (checkout / "tests").rmdir()
    commands = fake_pip(monkeypatch, [])
    assert environment.main(["test"], checkout) == 1 and commands == []
    assert "students' copy" in capsys.readouterr().err


def test_an_installation_that_was_cut_off_is_made_anew(checkout, monkeypatch):
    finish(checkout, finished=False, installing=True)
    remains = checkout / ".venv" / "lib" / "half-unpacked"
    remains.mkdir(parents=True)
    commands = fake_pip(monkeypatch, [KeyboardInterrupt()])
    assert environment.main([], checkout) == 130
    assert commands[0][1:3] == ["-m", "venv"]
    assert not remains.exists()
    assert environment.must_be_rebuilt(checkout)


def test_a_step_that_was_cut_off_before_installing_is_taken_up_again(checkout, monkeypatch, capsys):
    (checkout / "pyproject.toml").write_text((checkout / "pyproject.toml").read_text() + "\n")
    fake_pip(monkeypatch, ["", KeyboardInterrupt()])
    assert environment.main([], checkout) == 130
    assert "same command" in capsys.readouterr().err
    assert not environment.is_ready(checkout)
    assert not environment.must_be_rebuilt(checkout)
    commands = fake_pip(monkeypatch, [])
    assert environment.main([], checkout) == 0
    assert len(commands) == 3


def test_a_moved_checkout_keeps_its_packages(checkout, monkeypatch):
    old = "/somewhere/else"
    finish(checkout, checkout=old)
    script = environment.python_of(checkout / ".venv").with_name("nbgrader")
    script.write_text(f"#!{old}/.venv/bin/python\nprint('{old}')\n")
    commands = fake_pip(monkeypatch, [])
    assert not environment.is_ready(checkout)
    assert environment.main([], checkout) == 0
    assert script.read_text().startswith(f"#!{checkout}/.venv/bin/python\n")
    assert len(commands) == 3, "the course itself is installed anew, at its new place"
    assert environment.is_ready(checkout)


def test_run_notes_when_packages_are_being_unpacked(checkout, capsys):
    venv, state = checkout / ".venv", environment.description(checkout)
    script = "print('Collecting torch'); print('Installing collected packages: a, b'); raise SystemExit(3)"
    with pytest.raises(subprocess.CalledProcessError) as error:
        environment.run([sys.executable, "-c", script], environment.Progress("[1/1] Trial"), checkout, venv, state)
    assert "Collecting torch" in error.value.output
    assert environment.read_state(venv)["installing"] is True
    assert environment.must_be_rebuilt(checkout)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Collecting torch==2.13.0", "looking at torch"),
        ("  Downloading https://index/torch-2.13.0-cp313-manylinux.whl (190.1 MB)", "downloading torch (190.1 MB)"),
        ("Downloading torch (502.2MiB)", "downloading torch (502.2MiB)"),
        ("Installing collected packages: mpmath, sympy, torch", "installing 3 packages"),
        ("Prepared 180 packages in 20.31s", "installing 180 packages"),
        (
            "WARNING: Retrying (Retry(total=4)) after a broken connection",
            "the network does not answer, trying again",
        ),
        ("  Preparing metadata (pyproject.toml): started", None),
    ],
)
def test_the_output_is_summarised(line, words):
    assert environment.summary(line) == words


# What it says when it cannot go on


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(<...>: Failed to "
            "establish a new connection: [Errno -3] Temporary failure in name resolution')'\n"
            "ERROR: Could not find a version that satisfies the requirement torch==2.13.0\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "network did not answer",
        ),
        (
            "error: Failed to fetch\n  cause: error sending request for url (https://an.index/)",
            "network did not answer",
        ),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "too little room"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no torch==2.13.0 for this machine"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))", "certificate"),
        ("something\nERROR: Cannot uninstall x\n", "Cannot uninstall x"),
        ("", "gave no reason"),
    ],
)
def test_pip_s_failure_becomes_a_sentence(checkout, monkeypatch, capsys, output, words):
    finish(checkout, finished=False)
    fake_pip(monkeypatch, [failed(output)])
    assert environment.main([], checkout) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert "same command" in said or ".venv/setup.log" in said


def test_too_little_disk_is_said_before_anything_is_made(checkout, monkeypatch, capsys):
    environment.empty(checkout / ".venv")
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: Usage(10**11, 10**11 - 10**9, 10**9))
    commands = fake_pip(monkeypatch, [])
    assert environment.main([], checkout) == 1
    said = capsys.readouterr().err
    assert "1.0 GB are free" in said and "4 GB" in said
    assert commands == []


def test_a_python_without_venv_is_told_the_package(checkout, monkeypatch, capsys):
    environment.empty(checkout / ".venv")
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    assert environment.main([], checkout) == 1
    assert f"apt install python{VERSION}-venv" in capsys.readouterr().err


def test_a_disk_that_fills_up_on_the_way(checkout, monkeypatch, capsys):
    finish(checkout, finished=False)
    fake_pip(monkeypatch, [OSError(28, "No space left on device")])
    assert environment.main([], checkout) == 1
    assert "too little room" in capsys.readouterr().err


def test_an_environment_of_someone_else_is_not_removed(checkout, monkeypatch, capsys):
    (checkout / ".venv" / "setup.json").unlink()
    monkeypatch.setattr(environment, "version_of", lambda python: None)
    assert environment.main([], checkout) == 1
    assert "Rename or delete the folder .venv" in capsys.readouterr().err
    assert environment.python_of(checkout / ".venv").is_symlink()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(checkout, capsys):
    finish(checkout, finished=False)
    (checkout / ".venv").chmod(0o500)
    assert environment.main([], checkout) == 1
    assert "can write in" in capsys.readouterr().err


# bootstrap.py, which any Python has to be able to read


def test_an_old_python_is_told_what_is_needed():
    said = bootstrap.complaint((3, 9, 2, "final", 0), "/usr/bin/python3")
    assert "3.11 or later" in said and "/usr/bin/python3 is Python 3.9.2" in said and "PYTHON=" in said
    assert bootstrap.complaint((2, 7, 18, "final", 0), "python")
    assert not bootstrap.complaint((3, 11, 0), "python3")
    assert not bootstrap.complaint((3, 14, 1), "python3")


def test_bootstrap_stays_within_what_an_old_python_can_read():
    source = Path(bootstrap.__file__).read_bytes()
    source.decode("ascii")
    for word in (b'f"', b"print ", b" -> ", b":=", b"async "):
        assert word not in source


def test_state_is_a_small_text_file(checkout):
    state = json.loads((checkout / ".venv" / "setup.json").read_text())
    assert state["python"] == VERSION
