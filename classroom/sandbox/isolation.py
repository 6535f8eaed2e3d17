"""`Sandbox(serve)` runs code that is not trusted: without the teacher's files, environment, network and other processes.

What a system offers differs, so what is in force is found out and said (`in_force`). On Linux: a Landlock rule set for
files, own namespaces for network and processes where the system allows them, and limits on memory, files and time. Elsewhere:
the limits that there are, an empty environment and a folder of its own.
"""

import contextlib
import ctypes
import functools
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from utils.system.places import CHECKOUT, PACKAGES

GIGABYTE = 2**30
# From the kernel's headers (linux/landlock.h, linux/sched.h, linux/prctl.h).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights about files a version of Landlock knows
_NEW_NAMESPACES = {"user": 0x10000000, "network": 0x40000000, "messages": 0x08000000, "processes": 0x20000000}
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_NO_NEW_PRIVS = 1, 4, 38


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes:
        memory: bytes beyond what Python and torch take by themselves.
        file: bytes of the largest file that it may write.
        processor: seconds of computing.
        processes: how many processes and threads, where they can be counted apart from the teacher's.
    """

    memory: int = 2 * GIGABYTE
    file: int = 100 * 2**20
    processor: int = 150
    processes: int = 64


@dataclass(frozen=True)
class Isolation:
    """What is in force for a student's process on this system."""

    files: bool
    network: bool
    processes: bool
    memory: bool

    @property
    def sentence(self) -> str:
        """For the teacher."""
        has = {
            "your files": self.files, "the network": self.network, "your other processes": self.processes,
        }  # fmt: skip
        kept = [name for name, is_kept in has.items() if is_kept] + ["your environment variables"]
        open_to = [name for name, is_kept in has.items() if not is_kept]
        text = f"Students' code runs in a process of its own, cut off from {_list(kept)}"
        text += f"; memory {'and time are' if self.memory else 'is not limited here, time is'} limited."
        if open_to:
            text += (
                f" NOT cut off here: {_list(open_to)}. Grade on a machine or in a container where that does no harm."
            )
        return text


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


class Sandbox:
    """A forked process behind a pipe that runs `serve(end)` confined. `kill` ends it and all that it started.

    Fork from a process that has read nothing secret: what is in memory comes along.
    """

    def __init__(self, serve: Callable[[socket.socket], None], limits: Limits = Limits()):
        self.folder = tempfile.TemporaryDirectory(prefix="student-")
        self.end, other = socket.socketpair()
        parent = os.getpid()

        def enter() -> None:
            self.end.close()
            _enter_sandbox(serve, other, Path(self.folder.name), limits, parent)

        self.process = fork(enter)
        other.close()

    def kill(self) -> None:
        for kill in (os.killpg, os.kill):
            try:
                kill(self.process, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.process, 0)
        self.end.close()
        self.folder.cleanup()


def fork(run: Callable[[], int | None]) -> int:
    """The number of a forked process that does nothing but run: its exit status is what comes back, or 1 after an error."""
    process = os.fork()
    if not process:
        status = 1
        try:
            status = run() or 0
        finally:
            os._exit(status)
    return process


def forbid_ptrace() -> None:
    """Forbid other processes of the same user to read or change this one's memory (Linux)."""
    if sys.platform == "linux":
        _libc().prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """End when the process that started this one ends (Linux)."""
    if sys.platform == "linux":
        _libc().prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() not in (parent, 0):
            os._exit(1)


@functools.cache
def in_force() -> Isolation:
    """What this system offers: tried out in a process that is confined as a student's is."""

    def report(end: socket.socket) -> None:
        found = [
            not _can_read(CHECKOUT / "README.md"),
            not _can_connect(),
            _cannot_signal_outside(),
            _memory_is_limited(),
        ]
        end.sendall(struct.pack("4?", *found))

    sandbox = Sandbox(report)
    try:
        sandbox.end.settimeout(30)
        content = sandbox.end.recv(4)
        return Isolation(*struct.unpack("4?", content)) if len(content) == 4 else Isolation(False, False, False, False)
    finally:
        sandbox.kill()


def _can_read(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def _can_connect() -> bool:
    """Is there a way out: an address beyond this machine to which packets would go, or the machine's own servers?"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: nothing is sent
            return True
        except OSError:
            pass
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", 0))
            probe.connect(("127.0.0.1", 9))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return True


def _cannot_signal_outside() -> bool:
    """Can it signal no process but its own?"""
    try:
        os.kill(_OUTSIDE[0], 0)
    except (ProcessLookupError, PermissionError):
        return True
    return False


def _memory_is_limited() -> bool:
    try:
        bytearray(16 * GIGABYTE)
    except MemoryError:
        return True
    return False


_OUTSIDE = [os.getpid()]


def _enter_sandbox(
    serve: Callable[[socket.socket], None], end: socket.socket, folder: Path, limits: Limits, parent: int
) -> None:
    _OUTSIDE[0] = parent
    os.setsid()
    die_with_parent(parent)
    signal.setitimer(signal.ITIMER_REAL, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    own = end.fileno()
    os.closerange(3, own)
    os.closerange(own + 1, 4096)
    os.environ.clear()
    os.environ.update(
        HOME=str(folder), TMPDIR=str(folder), PATH="/usr/bin:/bin", LANG="C.UTF-8", OMP_NUM_THREADS="1",
        CUDA_VISIBLE_DEVICES="", MPLBACKEND="Agg", PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    tempfile.tempdir = str(folder)
    os.chdir(folder)
    namespaces = _unshare_namespaces() if sys.platform == "linux" else set()
    if "processes" not in namespaces:
        _confined(serve, end, folder, limits, namespaces)
        return
    outer = os.getpid()

    def first() -> None:
        die_with_parent(outer)
        _confined(serve, end, folder, limits, namespaces)

    inner = fork(first)  # the first process of the new namespace: all others end with it
    end.close()
    os.waitpid(inner, 0)


def _confined(
    serve: Callable[[socket.socket], None], end: socket.socket, folder: Path, limits: Limits, namespaces: set[str]
) -> None:
    _set_rlimits(limits, namespaces)
    if sys.platform == "linux":
        _libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _apply_landlock(folder)
    serve(end)


def limit_memory(more: int) -> None:
    """Let this process take so many bytes more than it has, and no more than that (where the system counts them)."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_size() + more, hard))


def _size() -> int:
    """Bytes of address space that this process takes."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _set_rlimits(limits: Limits, namespaces: set[str]) -> None:
    wanted = {
        resource.RLIMIT_AS: _size() + limits.memory,
        resource.RLIMIT_FSIZE: limits.file,
        resource.RLIMIT_CPU: limits.processor,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
    }
    if "user" in namespaces:  # only then are the teacher's own processes not counted
        wanted[resource.RLIMIT_NPROC] = limits.processes
    for kind, most in wanted.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):
            continue  # not on this system; `in_force` says so
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _unshare_namespaces() -> set[str]:
    """Leave the system's network, message queues and list of processes for own, empty ones, as far as allowed."""
    user, group = os.geteuid(), os.getegid()
    rest = [name for name in _NEW_NAMESPACES if name != "user"]
    every = functools.reduce(lambda flags, name: flags | _NEW_NAMESPACES[name], rest, 0)
    if _libc().unshare(every | _NEW_NAMESPACES["user"]) == 0:
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        except OSError:
            pass  # an unmapped user is one who may do even less
        return {"user", *rest}
    return {name for name in rest if _libc().unshare(_NEW_NAMESPACES[name]) == 0}


def readable_paths() -> list[Path]:
    """Files and folders that Python, torch and the course's own code need. No assignment and no test is among them."""
    places = {sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), "/usr", "/lib", "/lib64", "/bin"}
    places |= {"/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom", "/dev/random", "/dev/zero"}
    places |= {entry for entry in sys.path if "site-packages" in entry or "dist-packages" in entry}
    found = [Path(place) for place in places if os.path.exists(place) and not CHECKOUT.is_relative_to(place)]
    for package in PACKAGES:
        found += (CHECKOUT / package).rglob("*.py")
        found += (CHECKOUT / package).rglob("__pycache__")
    return found


def listable_paths() -> list[Path]:
    """Folders whose list of files may be read, for Python's import."""
    packages = [CHECKOUT / package for package in PACKAGES]
    return packages + [path for package in packages for path in package.rglob("*") if path.is_dir()]


def _apply_landlock(folder: Path) -> None:
    """Allow reading Python and the course's code and writing in `folder`; no other file, no program, no TCP (Landlock)."""
    libc = _libc()
    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    rights = (1 << _RIGHTS.get(version, 16)) - 1
    attributes = [rights]
    if version >= 4:
        attributes.append(3)  # binding and connecting TCP sockets
    if version >= 6:
        attributes.append(3)  # abstract sockets and signals beyond this process and its children
    packed = struct.pack(f"{len(attributes)}Q", *attributes)
    ruleset = libc.syscall(_CREATE_RULESET, packed, len(packed), 0)
    if ruleset < 0:
        return
    rules = [(path, _READ_FILE | (_READ_DIR if path.is_dir() else 0)) for path in readable_paths()]
    rules += [(path, _READ_DIR) for path in listable_paths()]
    rules += [(folder, rights & ~_EXECUTE), (Path("/dev/null"), _READ_FILE | _WRITE_FILE)]
    for path, allowed in rules:
        try:
            number = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", allowed, number), 0)
        os.close(number)
    libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
