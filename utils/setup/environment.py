"""The course's Python environment: `.venv` in the checkout, made once, brought up to date when its inputs change.

`bootstrap.py` calls `main` before anything is installed, so this module uses the standard library only. What goes wrong
on the way (no disk, no network, no venv module) is told in one sentence that says what to do.
"""

import argparse
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from utils.system.files import write_whole
from utils.system.gpu import has_nvidia_driver
from utils.system.places import CHECKOUT

INPUTS = ("pyproject.toml", "constraints.txt", "bootstrap.py", "utils/setup/environment.py")
GIGABYTE = 10**9
# Measured: 2.3 GB installed with the CPU build of PyTorch. The rest is what pip unpacks and caches on the way.
DISK_CPU = 4 * GIGABYTE
# On Linux the package index's PyTorch brings NVIDIA's CUDA libraries.
DISK_CUDA = 12 * GIGABYTE
CPU_BUILD = "make lab TORCH_INDEX=ADDRESS, with the address of the CPU index from pytorch.org/get-started"

NO_NETWORK = (
    "NewConnectionError",
    "ConnectTimeoutError",
    "ConnectionResetError",
    "ReadTimeoutError",
    "ProxyError",
    "Failed to establish a new connection",
    "Failed to resolve",
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname provided",
    "getaddrinfo failed",
    "Network is unreachable",
    "No route to host",
    "Remote end closed connection",
    "Read timed out",
)
NO_DISK = ("No space left on device", "[Errno 28]", "Disk quota exceeded", "[Errno 122]")


class SetupError(Exception):
    """The environment cannot be made; the message is a sentence for the learner."""


# What there is, and whether it will do


def fingerprint(checkout: Path) -> str:
    """A digest of the files that say what the environment holds."""
    content = hashlib.sha256()
    for name in INPUTS:
        content.update(name.encode() + b"\0" + (checkout / name).read_bytes() + b"\0")
    return content.hexdigest()


def python_of(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def version_of(python: Path) -> str | None:
    """ "3.11" for an interpreter that runs, else None."""
    try:
        answer = subprocess.run(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True
        )
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def read_state(venv: Path) -> dict | None:
    """What the last set-up wrote of itself; None where there was none, or where its file cannot be read."""
    try:
        state = json.loads((venv / "setup.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def write_state(venv: Path, /, **state: object) -> None:
    write_whole(venv / "setup.json", json.dumps(state, indent=1) + "\n")


def is_ready(checkout: Path, python: str | None = None) -> bool:
    """Whether the environment is whole, of this checkout, and made from the inputs as they are now.

    python: "3.12", where the learner asked for that version; None accepts the version it was made with.
    """
    venv = checkout / ".venv"
    state = read_state(venv)
    return (
        state is not None
        and state.get("finished") is True
        and state.get("inputs") == fingerprint(checkout)
        and state.get("checkout") == str(checkout)
        and python in (None, state.get("python"))
        and version_of(python_of(venv)) == state.get("python")
    )


def must_be_rebuilt(checkout: Path, python: str | None = None) -> bool:
    """Whether an environment that the course made cannot be mended by installing on top of it.

    That is so after an installation that was cut off half-way, with another Python, or where its Python is gone.
    """
    venv = checkout / ".venv"
    state = read_state(venv)
    if state is None:
        return False
    return (
        state.get("installing") is True
        or python not in (None, state.get("python"))
        or version_of(python_of(venv)) != state.get("python")
    )


# What has to be there before it starts


def check_venv_module(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raises SetupError where this Python came without the modules that make environments, as Debian's does."""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return
    raise SetupError(
        f"This Python ({sys.executable}) cannot make environments: its venv and ensurepip modules are not installed. "
        f"On Debian and Ubuntu: sudo apt install python{version[0]}.{version[1]}-venv. Then run the same command again."
    )


def disk_needed(torch_index: str) -> int:
    """Bytes that a first set-up needs on the disk of the checkout."""
    return DISK_CUDA if sys.platform == "linux" and not torch_index else DISK_CPU


def check_disk(checkout: Path, torch_index: str) -> None:
    """Raises SetupError where the first set-up would not fit."""
    needed, free = disk_needed(torch_index), shutil.disk_usage(checkout).free
    # The CPU build may be what the package index has: only what is too little for both is refused.
    if free < DISK_CPU:
        raise SetupError(no_disk_sentence(checkout, torch_index))
    if free < needed:
        print(
            f"Note: {free / GIGABYTE:.0f} GB are free here. PyTorch with CUDA can need up to "
            f"{needed / GIGABYTE:.0f} GB; without an NVIDIA GPU, the CPU build needs much less: {CPU_BUILD}"
        )


def no_disk_sentence(checkout: Path, torch_index: str) -> str:
    free = shutil.disk_usage(checkout).free / GIGABYTE
    sentence = (
        f"There is too little room on the disk of {checkout}: {free:.1f} GB are free, and the set-up needs about "
        f"{DISK_CPU / GIGABYTE:.0f} GB"
    )
    if disk_needed(torch_index) == DISK_CUDA:
        sentence += f" (up to {DISK_CUDA / GIGABYTE:.0f} GB where PyTorch comes with CUDA; the CPU build is smaller)"
    return sentence + ". Make room, or move the checkout to another disk, and run the same command again."


def explain(output: str, checkout: Path, torch_index: str = "") -> str:
    """One sentence for what pip said when it failed."""
    log = "pip's whole log is in .venv/setup.log."
    if any(sign in output for sign in NO_DISK):
        return no_disk_sentence(checkout, torch_index)
    if "CERTIFICATE_VERIFY_FAILED" in output or "SSLCertVerificationError" in output:
        return (
            "The package index's certificate was not accepted, as happens behind a proxy that reads along. Point pip "
            f"at the proxy's certificate (pip config set global.cert FILE) and run the same command again; {log}"
        )
    if any(sign in output for sign in NO_NETWORK):
        return (
            "The packages could not be downloaded because the network did not answer. Connect to it (behind a proxy, "
            f"set HTTPS_PROXY) and run the same command again; what is already downloaded is kept. {log}"
        )
    missing = re.search(r"No matching distribution found for (\S+)", output)
    if missing:
        return (
            f"The package index has no {missing[1]} for this machine with Python {sys.version_info[0]}."
            f"{sys.version_info[1]}. Try another Python from 3.11 on: make lab PYTHON=python3.12; {log}"
        )
    errors = [line for line in output.splitlines() if line.lower().startswith("error")]
    return f"pip could not install the packages ({errors[-1] if errors else 'it gave no reason'}); {log}"


# The work, and what is shown of it


class Progress:
    """One line that says which step runs, for how long, and what it does: rewritten in a terminal, sparing in a log."""

    def __init__(self, title: str):
        self.title = title
        self.started = time.monotonic()
        self.doing = ""
        self.last_line = self.started
        self.terminal = sys.stdout.isatty()
        if not self.terminal:
            print(f"{title} ...", flush=True)

    def tick(self, doing: str | None = None) -> None:
        changed = doing is not None and doing != self.doing
        self.doing = self.doing if doing is None else doing
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{f'{self.title} · {self.elapsed} · {self.doing}'[:width]}", end="", flush=True)
        elif time.monotonic() - self.last_line > 15 or (changed and " GB" in self.doing):
            self.last_line = time.monotonic()
            print(f"    {self.elapsed} {self.doing}", flush=True)

    def done(self, word: str = "done") -> None:
        print(f"\r\033[K{self.title} · {word} in {self.elapsed}" if self.terminal else f"    {word} in {self.elapsed}")

    @property
    def elapsed(self) -> str:
        seconds = int(time.monotonic() - self.started)
        return f"{seconds // 60}:{seconds % 60:02d}"


def summary(line: str) -> str | None:
    """What a line of pip's output means to someone who waits; None where it adds nothing."""
    line = line.strip()
    if match := re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line):
        return f"looking at {match[1]}"
    if match := re.match(r"Downloading .*?([\w.]+)-\d\S* (\(.*\))", line):
        return f"downloading {match[1]} {match[2]}"
    if line.startswith("Installing collected packages"):
        return f"installing {line.count(',') + 1} packages"
    if "Retrying (" in line:
        return "the network does not answer, trying again"
    return None


def run(command: list, progress: Progress, checkout: Path, venv: Path, state: dict) -> str:
    """Runs a command to its end and shows its progress; returns its output, raises CalledProcessError when it fails."""
    variables = os.environ | {"PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH"):
        variables.pop(name, None)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        cwd=checkout,
        env=variables,
    )
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    output = []
    try:
        while True:
            try:
                line = lines.get(timeout=1)
            except queue.Empty:
                progress.tick()
                continue
            if line is None:
                break
            output.append(line)
            if line.startswith("Installing collected packages"):
                # From here on, a cut leaves packages half unpacked: the next set-up has to know.
                write_state(venv, **state, installing=True)
            progress.tick(summary(line))
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if code:
        raise subprocess.CalledProcessError(code, command, output="".join(output))
    return "".join(output)


def pinned(checkout: Path, name: str) -> str:
    """The line of constraints.txt for a package, such as `torch==2.13.0`."""
    for line in (checkout / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.partition("==")[0].strip().lower() == name:
            return line.strip()
    raise SetupError(f"constraints.txt names no version of {name}; bring it back with git checkout constraints.txt.")


def steps(checkout: Path, torch_index: str = "") -> list[tuple[str, list]]:
    """What pip is asked for, in order: title and command."""
    venv = checkout / ".venv"
    pip = [python_of(venv), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    pip += ["--log", venv / "setup.log", "-c", "constraints.txt"]
    index = ["--extra-index-url", torch_index] if torch_index else []
    # Without build isolation the second start needs no network, even when pyproject.toml has changed.
    return [
        ("[2/3] PyTorch", [*pip, *index, pinned(checkout, "setuptools"), pinned(checkout, "torch")]),
        ("[3/3] JupyterLab and the course's packages", [*pip, "--no-build-isolation", "-e", ".[test]"]),
    ]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds off a second set-up in the same checkout until the first has ended."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is at work in this checkout; waiting for it.", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass  # A disk without locks.
        yield
    finally:
        os.close(handle)


def empty(folder: Path) -> None:
    """Removes what a folder holds and leaves the folder, which may be a link to another disk."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def make_venv(checkout: Path, torch_index: str, python: str | None) -> None:
    """Step one: an environment with pip in it, at `.venv`."""
    venv = checkout / ".venv"
    if must_be_rebuilt(checkout, python):
        cut_off = read_state(venv).get("installing")
        print(f"The environment in .venv {'was cut off half-way' if cut_off else 'is for another Python'}: made anew.")
        empty(venv)
    if venv.is_dir() and any(venv.iterdir()) and read_state(venv) is None:
        adopt(venv)
        return
    state = read_state(venv) if venv.is_dir() else None
    if state is not None:
        if state.get("checkout") != str(checkout):
            relocate(venv, state.get("checkout"), str(checkout))
        return
    check_venv_module()
    check_disk(checkout, torch_index)
    venv.mkdir(exist_ok=True)
    state = description(checkout)
    write_state(venv, **state, installing=True)
    progress = Progress("[1/3] Python environment in .venv")
    try:
        run([sys.executable, "-m", "venv", venv], progress, checkout, venv, state)
    except subprocess.CalledProcessError as error:
        if any(sign in error.output for sign in NO_DISK):
            raise SetupError(no_disk_sentence(checkout, torch_index)) from None
        lines = error.output.strip().splitlines() or ["it gave no reason"]
        raise SetupError(f"The environment in .venv could not be made: {lines[-1]}") from None
    write_state(venv, **state, venv=True)
    progress.done()


def relocate(venv: Path, old: str, new: str) -> None:
    """Writes the new place into the scripts of an environment whose checkout was moved; downloads nothing."""
    for script in [venv / "pyvenv.cfg", *python_of(venv).parent.iterdir()]:
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if content.startswith(b"#!") or script.suffix == ".cfg" or script.name.lower().startswith("activate"):
            script.write_bytes(content.replace(f"{old}/.venv".encode(), f"{new}/.venv".encode()))


def adopt(venv: Path) -> None:
    """Accepts an environment that something else made, if it can hold the course; else says so and leaves it alone."""
    version = version_of(python_of(venv))
    pip = version and subprocess.run([python_of(venv), "-m", "pip", "--version"], capture_output=True).returncode == 0
    if not pip or tuple(int(part) for part in version.split(".")) < (3, 11):
        raise SetupError(
            "There is a .venv here that the course did not make and cannot use (it needs Python 3.11 or later, and "
            "pip). Rename or delete the folder .venv and run the same command again."
        )


def description(checkout: Path, python: str | None = None) -> dict:
    return {
        "checkout": str(checkout),
        "python": python or f"{sys.version_info[0]}.{sys.version_info[1]}",
    }


def set_up(checkout: Path, torch_index: str = "", python: str | None = None) -> None:
    """Makes the environment or brings it up to date.

    torch_index: the address of a further package index for PyTorch, such as that of its builds without CUDA.
    python: "3.12", where the learner asked for that version of Python.

    Raises:
        SetupError: it cannot be done; the message says why and what to do.
    """
    venv = checkout / ".venv"
    started = time.monotonic()
    if (read_state(venv) or {}).get("finished"):
        print("The course's packages have changed: bringing the environment up to date.", flush=True)
    else:
        print("Setting up the course's environment. This takes some minutes, once.", flush=True)
    make_venv(checkout, torch_index, python)
    has_torch = any([*venv.glob("lib/python*/site-packages/torch"), *venv.glob("Lib/site-packages/torch")])
    if sys.platform == "linux" and not has_torch and not torch_index and not has_nvidia_driver():
        print(f"Note: no NVIDIA GPU was found here. PyTorch's CPU build is much smaller: {CPU_BUILD}", flush=True)
    state = description(checkout, version_of(python_of(venv))) | {"venv": True}
    inputs = fingerprint(checkout)
    write_state(venv, **state)
    for title, command in steps(checkout, torch_index):
        progress = Progress(title)
        try:
            run(command, progress, checkout, venv, state)
        except subprocess.CalledProcessError as error:
            progress.done("stopped")
            raise SetupError(explain(error.output, checkout, torch_index)) from None
        write_state(venv, **state)
        progress.done()
    write_state(venv, **state, inputs=inputs, finished=True)
    print(f"The environment is ready ({time.monotonic() - started:.0f} s).", flush=True)


def main(arguments: list[str] | None = None, checkout: Path = CHECKOUT) -> int:
    """The command line of bootstrap.py: 0 when the environment is ready, 1 with a sentence when it cannot be."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description="Makes the course's Python environment, .venv.")
    parser.add_argument("--torch-index", default="", help="a further index for PyTorch, such as that of its CPU builds")
    parser.add_argument("--this-python", action="store_true", help="use this Python, also if .venv has another version")
    options = parser.parse_args(arguments)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}" if options.this_python else None
    try:
        if is_ready(checkout, python):
            return 0
        with locked(checkout):
            if not is_ready(checkout, python):
                set_up(checkout, options.torch_index, python)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command takes it up again.", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            print(f"\n{no_disk_sentence(checkout, options.torch_index)}", file=sys.stderr)
        else:
            print(f"\nThe set-up could not go on: {error}. The folder must be one you can write in.", file=sys.stderr)
        return 1
    return 0
