"""The course's Python environment: `.venv` in the checkout, made once, brought up to date when its inputs change.

`bootstrap.py` calls `main` before anything is installed, so this module uses the standard library only. `pylock.toml` says which
packages there are, for every system, each with its hashes; uv installs them where it is there, else pip. PyTorch's build is chosen
by the machine. What goes wrong on the way (no disk, no network, no venv module) is told in one sentence that says what to do.
"""

import argparse
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from utils.system.files import write_whole
from utils.system.gpu import has_nvidia_driver
from utils.system.places import CHECKOUT
from utils.system.web import reachable

INPUTS = ("pyproject.toml", "pylock.toml", "bootstrap.py", "utils/setup/environment.py")
# What `python bootstrap.py lab` and `test` run once the environment is ready; the Makefile has the same.
COMMANDS: dict[str, list[str]] = {
    "setup": [],
    "lab": ["-m", "lessons", "lab"],
    "test": ["-m", "pytest", "-n", "auto"],
}
NO_TESTS = (
    "This is the students' copy of the course: its tests are in the whole course, which your teacher has. "
    "Learning needs only: python bootstrap.py lab"
)
PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off")
GIGABYTE = 10**9
# Measured: 2.3 GB installed with the CPU build of PyTorch. The rest is what is unpacked and cached on the way.
DISK_CPU = 4 * GIGABYTE
# On Linux the package index's PyTorch brings NVIDIA's CUDA libraries.
DISK_CUDA = 12 * GIGABYTE
# PyTorch's own indexes, for what the package index does not have: its CPU build on Linux, its CUDA build on Windows.
CPU_BUILD = "https://download.pytorch.org/whl/cpu"
CUDA_BUILD = "https://download.pytorch.org/whl/cu130"
# PyTorch, and what only its CUDA build needs.
TORCH = re.compile(r"torch$|triton$|cuda-|nvidia-")

# What pip and uv say, in the words of several systems.
NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ConnectionReset|ReadTimeout|ProxyError|Failed to (establish|resolve)|name resolution|Name or service"
    r"|nodename nor servname|getaddrinfo failed|Network is unreachable|No route to host|closed connection|[Tt]imed out|error sending request"
)
NO_DISK = re.compile(r"No space left on device|\[Errno 28\]|Disk quota exceeded|\[Errno 122\]")
NO_CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|invalid peer certificate")


State = dict[str, Any]  # what a set-up writes of itself
Command = list[str | Path]


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
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        answer = subprocess.run([python, "-c", code], capture_output=True, text=True)
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def read_state(venv: Path) -> State | None:
    """What the last set-up wrote of itself; None where there was none, or where its file cannot be read."""
    try:
        state = json.loads((venv / "setup.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def write_state(venv: Path, /, **state: object) -> None:
    write_whole(venv / "setup.json", json.dumps(state, indent=1) + "\n")


def is_ready(checkout: Path, **wanted: str) -> bool:
    """Whether the environment is whole, of this checkout, and made from the inputs as they are now.

    wanted: what the learner asked for, such as python="3.12" or torch="cuda".
    """
    state = read_state(checkout / ".venv")
    return (
        state is not None
        and state.get("finished") is True
        and state.get("inputs") == fingerprint(checkout)
        and state.get("checkout") == str(checkout)
        and not must_be_rebuilt(checkout, **wanted)
    )


def must_be_rebuilt(checkout: Path, **wanted: str) -> bool:
    """Whether an environment that the course made cannot be mended by installing on top of it.

    That is so after an installation that was cut off half-way, with another Python or PyTorch, or where its Python is gone.
    """
    venv = checkout / ".venv"
    state = read_state(venv)
    if state is None:
        return False
    return (
        state.get("installing") is True
        or any(state.get(name, choice) != choice for name, choice in wanted.items())
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


def torch_index(torch: str) -> str:
    """The index that PyTorch comes from: an address, or an empty text for the package index, whose PyTorch is in the lock file.

    torch: "cpu", "cuda", an address, or an empty text where the machine decides.
    """
    if "://" in torch:
        return torch
    if sys.platform == "linux":  # where the package index has the CUDA build
        return CPU_BUILD if torch == "cpu" or not (torch or has_nvidia_driver()) else ""
    return CUDA_BUILD if torch == "cuda" and sys.platform == "win32" else ""


def disk_needed(torch: str) -> int:
    """Bytes that a first set-up needs on the disk of the checkout."""
    return DISK_CUDA if torch == "cuda" or (sys.platform == "linux" and not torch_index(torch)) else DISK_CPU


def check_disk(checkout: Path, torch: str) -> None:
    """Raises SetupError where the first set-up would not fit, and says so where it may not."""
    free, needed = shutil.disk_usage(checkout).free, disk_needed(torch)
    if free < DISK_CPU:
        raise SetupError(no_disk_sentence(checkout, torch))
    if free < needed:
        print(
            f"Note: {free / GIGABYTE:.0f} GB are free here. PyTorch with CUDA can need up to {needed / GIGABYTE:.0f} GB; "
            "its CPU build needs much less: make lab TORCH=cpu"
        )


def no_disk_sentence(checkout: Path, torch: str) -> str:
    free, most = shutil.disk_usage(checkout).free / GIGABYTE, disk_needed(torch) / GIGABYTE
    cuda = f" (up to {most:.0f} GB where PyTorch comes with CUDA)" if most > DISK_CPU / GIGABYTE else ""
    return (
        f"There is too little room on the disk of {checkout}: {free:.1f} GB are free, and the set-up needs about "
        f"{DISK_CPU / GIGABYTE:.0f} GB{cuda}. Make room, or move the checkout to another disk, and run the same command again."
    )


def explain(output: str, checkout: Path, torch: str = "") -> str:
    """One sentence for what pip said when it failed."""
    log = "The whole log is in .venv/setup.log."
    if NO_DISK.search(output):
        return no_disk_sentence(checkout, torch)
    if NO_CERTIFICATE.search(output):
        return (
            "The package index's certificate was not accepted, as happens behind a proxy that reads along. Point pip "
            f"at the proxy's certificate (pip config set global.cert FILE) and run the same command again; {log}"
        )
    if NO_NETWORK.search(output):
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
    if match := re.match(r"Downloading (?:.*?/)?([\w.]+?)(?:-\d\S*)? (\(.*\))", line):
        return f"downloading {match[1]} {match[2]}"
    if line.startswith("Installing collected packages"):
        return f"installing {line.count(',') + 1} packages"
    if match := re.match(r"(?:Resolved|Prepared) (\d+ packages?)", line):  # uv's words
        return f"installing {match[1]}"
    if "Retrying (" in line:
        return "the network does not answer, trying again"
    return None


def run(command: Command, progress: Progress, checkout: Path, venv: Path, state: State) -> str:
    """Runs a command to its end and shows its progress; returns its output, raises CalledProcessError when it fails."""
    variables = os.environ | {"PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH"):
        variables.pop(name, None)
    output, log = "", venv / "setup.log"
    with log.open("wb") as written, log.open("rb") as read:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT, cwd=checkout, env=variables
        )
        try:
            ended = False
            while not ended:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
                ended = process.returncode is not None
                new = read.read().decode("utf-8", errors="replace")
                output += new
                if re.search("^(Installing collected packages|Resolved )", new, re.M):
                    # From here on, a cut leaves packages half unpacked: the next set-up has to know.
                    write_state(venv, **state, installing=True)
                progress.tick(next(filter(None, map(summary, reversed(new.splitlines()))), None))
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output=output)
    return output


def lock_lines(checkout: Path) -> tuple[list[str], list[str]]:
    """pylock.toml as lines that pip and uv read: PyTorch with what its CUDA build needs, and everything else.

    The lines have no addresses: the packages come from the index that pip is set up for, and must have the lock's hashes.
    """
    torch: list[str] = []
    others: list[str] = []
    for package in tomllib.loads((checkout / "pylock.toml").read_text(encoding="utf-8"))["packages"]:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        hashes = " ".join(f"--hash=sha256:{file['hashes']['sha256']}" for file in files)
        line = f"{package['name']}=={package['version']} ; {package['marker']} {hashes}"
        (torch if TORCH.match(package["name"]) else others).append(line)
    return torch, others


def steps(checkout: Path, index: str | None = "") -> list[tuple[str, list[Command]]]:
    """What is to be installed, in order: a title, and commands of which one that works is enough.

    index: where PyTorch comes from. "": the lock file's; None: the package index, whatever build it has.
    """
    venv = checkout / ".venv"
    pip: Command = [python_of(venv), *PIP]
    uv = shutil.which("uv")
    tools: list[Command] = [[uv, "pip", "install", "--python", python_of(venv)], pip] if uv else [pip]
    torch, others = lock_lines(checkout)
    locked: list[list[Command]] = []
    for name, lines in (("torch", torch), ("others", others)):
        file = venv / f"lock-{name}.txt"
        file.write_text("\n".join(lines), encoding="utf-8")
        locked.append([[*tool, "--no-deps", "-r", file] for tool in tools])
    version = next(line.split()[0] for line in torch if line.startswith("torch=="))
    elsewhere: list[Command] = [[*pip, "--index-url", index, version], [*pip, version]] if index else [[*pip, version]]
    # Without build isolation the second start needs no network, even when pyproject.toml has changed.
    itself: list[Command] = [[*pip, "--no-deps", "--no-build-isolation", "-e", "."]]
    return [
        ("[2/3] JupyterLab and the course's packages", locked[1]),
        ("[3/3] PyTorch", locked[0] if index == "" else elsewhere),
        ("The course itself", itself),
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


def make_venv(checkout: Path, torch: str, /, **wanted: str) -> None:
    """Step one: an environment with pip in it, at `.venv`."""
    venv = checkout / ".venv"
    if must_be_rebuilt(checkout, **wanted):
        cut_off = (read_state(venv) or {}).get("installing")
        why = "was cut off half-way" if cut_off else "is for another Python or PyTorch"
        print(f"The environment in .venv {why}: made anew.")
        empty(venv)
    if venv.is_dir() and any(venv.iterdir()) and read_state(venv) is None:
        adopt(venv)
        return
    state = read_state(venv) if venv.is_dir() else None
    if state is not None:
        if state.get("checkout") != str(checkout):
            relocate(venv, str(state.get("checkout")), str(checkout))
        return
    check_venv_module()
    check_disk(checkout, torch)
    venv.mkdir(exist_ok=True)
    state = description(checkout)
    write_state(venv, **state, installing=True)
    progress = Progress("[1/3] Python environment in .venv")
    try:
        run([sys.executable, "-m", "venv", venv], progress, checkout, venv, state)
    except subprocess.CalledProcessError as error:
        if NO_DISK.search(error.output):
            raise SetupError(no_disk_sentence(checkout, torch)) from None
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
    if not (version and pip) or tuple(int(part) for part in version.split(".")) < (3, 11):
        raise SetupError(
            "There is a .venv here that the course did not make and cannot use (it needs Python 3.11 or later, and "
            "pip). Rename or delete the folder .venv and run the same command again."
        )


def description(checkout: Path, python: str | None = None) -> State:
    return {"checkout": str(checkout), "python": python or f"{sys.version_info[0]}.{sys.version_info[1]}"}


def source_of_torch(torch: str) -> str | None:
    """`torch_index`, told where the machine decided, and None where that index does not answer."""
    index = torch_index(torch)
    if index == CPU_BUILD and not torch:
        print(
            "No NVIDIA GPU was found, so PyTorch comes in its CPU build, which is much smaller. Else: make lab TORCH=cuda"
        )
    if index and not reachable(index):
        print(f"{index} does not answer: PyTorch comes from the package index, in the build that it has.", flush=True)
        return None
    return index


def set_up(checkout: Path, **wanted: str) -> None:
    """Makes the environment or brings it up to date.

    wanted: what the learner asked for: torch="cpu", "cuda" or an index's address; python="3.12".

    Raises:
        SetupError: it cannot be done; the message says why and what to do.
    """
    venv = checkout / ".venv"
    started = time.monotonic()
    before = read_state(venv) or {}
    torch = wanted.get("torch") or str(before.get("torch", ""))
    if before.get("finished"):
        print("The course's packages have changed: bringing the environment up to date.", flush=True)
    else:
        print("Setting up the course's environment. This takes some minutes, once.", flush=True)
    make_venv(checkout, torch, **wanted)
    has_torch = any([*venv.glob("lib/python*/site-packages/torch"), *venv.glob("Lib/site-packages/torch")])
    state = description(checkout, version_of(python_of(venv))) | {"venv": True, "torch": torch}
    inputs = fingerprint(checkout)
    write_state(venv, **state)
    for title, commands in steps(checkout, torch_index(torch) if has_torch else source_of_torch(torch)):
        progress = Progress(title)
        for command in commands:
            try:
                run(command, progress, checkout, venv, state)
                break
            except subprocess.CalledProcessError as error:
                if command is commands[-1]:
                    progress.done("stopped")
                    raise SetupError(explain(error.output, checkout, torch)) from None
                progress.tick("that did not work, trying another way")
        write_state(venv, **state)
        progress.done()
    write_state(venv, **state, inputs=inputs, finished=True)
    print(f"The environment is ready ({time.monotonic() - started:.0f} s).", flush=True)


def main(arguments: list[str] | None = None, checkout: Path = CHECKOUT) -> int:
    """The command line of bootstrap.py: sets up, then runs `lab` or `test` where that is asked for.

    Returns that command's exit status; 0 when the environment is ready, 1 with a sentence when it cannot be.
    """
    parser = argparse.ArgumentParser("bootstrap.py", description="Makes the environment, .venv.", allow_abbrev=False)
    parser.add_argument("--torch", default="", help="PyTorch's build: cpu, cuda, or an index's address")
    parser.add_argument("--this-python", action="store_true", help="use this Python, also if .venv has another version")
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="setup", help="what to do then")
    options, rest = parser.parse_known_args(arguments)
    if options.torch not in ("", "cpu", "cuda") and "://" not in options.torch:
        parser.error(f"--torch takes cpu, cuda or the address of an index, not {options.torch}")
    if rest and options.command == "setup":
        parser.error(f"unknown: {' '.join(rest)}")
    if options.command == "test" and not (checkout / "tests").is_dir():
        print(NO_TESTS, file=sys.stderr)
        return 1
    wanted = {"torch": options.torch} if options.torch else {}
    if options.this_python:
        wanted["python"] = f"{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        if not is_ready(checkout, **wanted):
            with locked(checkout):
                if not is_ready(checkout, **wanted):
                    set_up(checkout, **wanted)
        if options.command == "setup":
            return 0
        variables = os.environ | ({"OMP_NUM_THREADS": "1"} if options.command == "test" else {})
        command: Command = [python_of(checkout / ".venv"), *COMMANDS[options.command], *rest]
        return subprocess.run(command, cwd=checkout, env=variables).returncode
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command takes it up again.", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            print(f"\n{no_disk_sentence(checkout, options.torch)}", file=sys.stderr)
        else:
            print(f"\nThe set-up could not go on: {error}. The folder must be one you can write in.", file=sys.stderr)
        return 1
