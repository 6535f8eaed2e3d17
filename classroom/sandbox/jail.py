"""`Jail(disk)` is an empty room that bubblewrap builds (Linux): Python's libraries and the course's code to read, a small `/tmp`.

Nothing else is mounted: no home, no class, no assignment, no `/proc`, no socket, no program. Every namespace is its own. A
process that has torch loaded is forked and enters (`enter`), which takes milliseconds where a new one would load torch again.
"""

import atexit
import ctypes
import functools
import json
import os
import select
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from utils.system.places import CHECKOUT, PACKAGES

# From the kernel's headers (linux/sched.h, linux/prctl.h, linux/capability.h).
_USER, _MOUNT, _PROCESSES, _NETWORK, _MESSAGES, _NAME, _CONTROL_GROUP = (
    0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000,
)  # fmt: skip
_ALL = _USER | _MOUNT | _PROCESSES | _NETWORK | _MESSAGES | _NAME | _CONTROL_GROUP
_DROP_FROM_BOUNDING_SET, _SET_NO_NEW_PRIVS = 24, 38
_CAPABILITIES_VERSION = 0x20080522
NULL = ".null"  # in `/tmp`, the file that stands for `/dev/null`
_PROMPT = 10  # seconds in which a jail is built


class NoJail(RuntimeError):
    """bubblewrap is not here, or may not do its work; the message says why."""


class Jail:
    """One room. It stands until `close`, or until the process that made it ends; whoever is in it ends with it.

    Args:
        disk: bytes that its `/tmp` holds.

    Raises:
        NoJail: it cannot be built.
    """

    def __init__(self, disk: int):
        read_end, write_end = os.pipe()
        try:
            # `cat` keeps the room: what it gives back says that all is mounted, and it ends when this process does.
            self.keeper = subprocess.Popen(
                [*_command(), "--info-fd", str(write_end), "--size", str(disk), *_mounts(), "/cat"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                pass_fds=[write_end], bufsize=0, env={},
            )  # fmt: skip
        except OSError as error:
            os.close(read_end)
            raise NoJail(f"bubblewrap does not start: {error}") from error
        finally:
            os.close(write_end)
        assert self.keeper.stdin and self.keeper.stdout and self.keeper.stderr
        try:
            self.keeper.stdin.write(b".")
            is_there, *_ = select.select([self.keeper.stdout], [], [], _PROMPT)
            if not is_there or self.keeper.stdout.read(1) != b".":
                raise NoJail(self._complaint())
            self.first: int = json.loads(os.read(read_end, 65536))["child-pid"]
            self.number = os.pidfd_open(self.first)
        except (OSError, ValueError, KeyError) as error:
            raise NoJail(self._complaint() or str(error)) from error
        finally:
            os.close(read_end)

    def _complaint(self) -> str:
        self.keeper.kill()
        _, said = self.keeper.communicate()
        return f"bubblewrap says: {said.decode(errors='replace').strip()[-500:]}"

    def enter(self) -> None:
        """Bring this process in, without any right beyond those of its user. What it forks is inside; it is itself between.

        Raises:
            OSError: the kernel does not let it in.
        """
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(self.number, _ALL):
            raise OSError(ctypes.get_errno(), "setns")
        for capability in range(64):
            libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)
        header, none = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()
        if libc.capset(header, none) or libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "capset")
        os.chdir("/tmp")
        Path(NULL).touch()

    def close(self) -> None:
        self.keeper.kill()
        self.keeper.communicate()
        if hasattr(self, "number"):
            os.close(self.number)
            del self.number


@functools.cache
def _command() -> list[str]:
    """bubblewrap, and what it cuts off.

    Raises:
        NoJail: it is not installed.
    """
    program = shutil.which("bwrap") if sys.platform == "linux" else None
    if program is None or not hasattr(os, "pidfd_open"):
        raise NoJail("bubblewrap (`bwrap`) is not installed." if sys.platform == "linux" else "bubblewrap is Linux's.")
    said = subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
    inner = ["--disable-userns"] if "--disable-userns" in said else []
    return [
        program,
        "--unshare-user",
        "--unshare-all",
        *inner,
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]


@functools.cache
def _mounts() -> list[str]:
    """What there is in the room, in the order in which it is mounted. The size of `/tmp` stands before it."""
    keeper = shutil.which("cat") or "/bin/cat"
    mounts = ["--tmpfs", "/tmp", "--ro-bind", os.path.realpath(keeper), "/cat"]
    # No device: root's could be changed from inside. What is written to `/dev/null` goes to a file of the room's own.
    mounts += ["--dir", "/dev", "--symlink", f"/tmp/{NULL}", "/dev/null"]
    places = {path for place in libraries() for path in (place, place.resolve())}
    bound: list[Path] = []
    for path in sorted({*places, CHECKOUT}):  # what lies in another comes behind it
        if path == CHECKOUT:
            mounts += ["--ro-bind", str(_code()), str(path)]
        elif path.is_symlink() and path.parent == Path("/"):  # `/lib`, which lies in `/usr`
            mounts += ["--symlink", os.readlink(path), str(path)]
        elif not any(path.is_relative_to(other) for other in bound):
            bound.append(path)
            mounts += ["--ro-bind", str(path.resolve()), str(path)]
    return [*mounts, "--remount-ro", "/", "--chdir", "/tmp"]


def libraries() -> list[Path]:
    """Folders and files of libraries that Python and torch need. No program is among them, and nothing of the course's."""
    places = {
        Path(prefix) / name
        for prefix in ("/", "/usr", "/usr/local", sys.prefix, sys.base_prefix)
        for name in ("lib", "lib64")
    }
    places |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    places |= {Path(entry) for entry in sys.path if "site-packages" in entry or "dist-packages" in entry}
    places |= {Path("/etc/ld.so.cache"), Path("/etc/localtime"), Path("/usr/share/zoneinfo")}
    return sorted(place for place in places if place.exists() and not CHECKOUT.is_relative_to(place))


@functools.cache
def _code() -> Path:
    """A copy of the course's Python files and of nothing else, made once for all rooms."""
    folder = Path(tempfile.mkdtemp(prefix="course-code-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for package in PACKAGES:
        for path in (CHECKOUT / package).rglob("*.py*"):
            if path.suffix in (".py", ".pyc"):
                copy = folder / path.relative_to(CHECKOUT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)
    for place in libraries():  # of an environment that lies in the checkout: room for mounting it
        if place.is_relative_to(CHECKOUT) and place.is_dir():
            (folder / place.relative_to(CHECKOUT)).mkdir(parents=True, exist_ok=True)
    return folder
