"""`Sandbox(serve)` runs code that is not trusted: without the teacher's files, environment, network and other processes.

Where bubblewrap can build a room (`classroom.sandbox.jail`), the process is in one. Elsewhere on Linux: a Landlock rule set for files, and own
namespaces for network and processes where the system allows them. Elsewhere: the limits that there are, an empty environment and
a folder of its own. What is in force is tried out and said (`in_force`).
"""

import contextlib
import ctypes
import functools
import gc
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from classroom.sandbox.jail import Jail, NoJail, libraries
from utils.system.places import CHECKOUT, PACKAGES

GIGABYTE = 2**30
# From the kernel's headers (linux/landlock.h, linux/sched.h, linux/prctl.h).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights about files a version of Landlock knows
_NEW_NAMESPACES = {"user": 0x10000000, "network": 0x40000000, "messages": 0x08000000, "processes": 0x20000000}
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 4, 36, 38
_MOST_FILES = 10_000  # of a submission, where they have to be counted


@dataclass(frozen=True)
class Limits:
    """What one submission may use, all its processes together.

    Attributes:
        memory: bytes beyond what Python and torch take by themselves.
        disk: bytes of all its files.
        processor: seconds of computing, of each process.
        processes: how many.
    """

    memory: int = 2 * GIGABYTE
    disk: int = 100 * 2**20
    processor: int = 150
    processes: int = 64


@dataclass(frozen=True)
class Isolation:
    """What code that is not trusted is cut off from on this system."""

    jail: bool
    files: bool
    attributes: bool
    sockets: bool
    network: bool
    processes: bool
    memory: bool

    @property
    def sentence(self) -> str:
        """For the teacher."""
        has = {
            "your files": self.files,
            "their times, permissions and attributes": self.attributes,
            "sockets that have a path": self.sockets,
            "the network": self.network,
            "your other processes": self.processes,
        }
        kept = [name for name, is_kept in has.items() if is_kept] + ["your environment variables"]
        open_to = [name for name, is_kept in has.items() if not is_kept]
        text = "Students' code and the tests run in processes of their own"
        text += f"{', each in a room that bubblewrap builds' if self.jail else ''}, cut off from {_list(kept)}"
        text += f"; memory {'and time are' if self.memory else 'is not limited here, time is'} limited."
        if open_to:
            text += (
                f" NOT cut off here: {_list(open_to)}. Grade on a machine or in a container where that does no harm."
            )
        if open_to and sys.platform == "linux" and not self.jail:
            text += " With bubblewrap (the package `bubblewrap` of most systems) more would be."
        return text


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


class Sandbox:
    """A forked process behind a pipe that runs `serve(end)` confined. `kill` ends it and all that it started.

    Fork from a process that has read nothing secret: what is in memory comes along.

    Args:
        keep: numbers of open files that it keeps; all others are closed.
    """

    def __init__(
        self, serve: Callable[[socket.socket], int | None], limits: Limits = Limits(), *, keep: Sequence[int] = ()
    ):
        self.limits = limits
        self.jail = Jail(limits.disk) if jail_works() else None
        self.folder = tempfile.TemporaryDirectory(prefix="student-")
        self.end, other = socket.socketpair()
        self.usual = _own_memory()
        parent = os.getpid()

        def enter() -> int | None:
            self.end.close()
            return _enter_sandbox(serve, other, self.jail, Path(self.folder.name), limits, parent, keep)

        self.process = fork(enter)
        other.close()

    def exceeded(self) -> str:
        """Which limit all its processes together have gone over, as a sentence; "" where they have not.

        A forked process counts with all the memory that it shares with the one it comes from.
        """
        memory, count = 0, 0
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                memory += _own_memory(process)
                count += process.status() != psutil.STATUS_ZOMBIE
        if count > self.limits.processes:
            return f"Your code started more than {self.limits.processes} processes, and was stopped."
        if memory - min(count, 2) * self.usual > self.limits.memory:  # it begins as two copies of the one that forked
            return f"Your code used more memory than the {self.limits.memory / GIGABYTE:g} GB that there are, and was stopped."
        if self.jail is None and _disk_use(self.folder.name, self.limits.disk) > self.limits.disk:
            return f"Your code wrote more than {self.limits.disk / 2**20:g} MB to files, and was stopped."
        return ""

    def _processes(self) -> list[psutil.Process]:
        found = []
        for number in (self.process, *([self.jail.first] if self.jail else [])):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(number)
                found += [process, *process.children(recursive=True)]
        return found

    def kill(self) -> int:
        """End it; its exit status comes back, negative for a signal."""
        if self.jail is not None:
            self.jail.close()
        for kill in (os.killpg, os.kill):
            try:
                kill(self.process, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        self.end.close()
        return self._status()

    def wait(self) -> int:
        """Its exit status, once it has ended by itself."""
        status = self._status()
        if self.jail is not None:
            self.jail.close()
        self.end.close()
        return status

    def _status(self) -> int:
        status = -signal.SIGKILL
        with contextlib.suppress(ChildProcessError):
            status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        self.folder.cleanup()
        return status


def fork(run: Callable[[], int | None]) -> int:
    """The number of a forked process that does nothing but run: its exit status is what comes back, or 1 after an error."""
    process = os.fork()
    if not process:
        status = 1
        gc.freeze()  # what was there is neither searched nor copied at each collection
        try:
            status = run() or 0
        finally:
            os._exit(status)
    return process


def forbid_ptrace() -> None:
    """Forbid other processes of the same user to read or change this one's memory (Linux)."""
    if sys.platform == "linux":
        _libc().prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def adopt() -> None:
    """Become the parent of all that is left behind by what this process starts, so that it is counted and ended (Linux)."""
    if sys.platform == "linux":
        _libc().prctl(_SET_SUBREAPER, 1, 0, 0, 0)


def end_all_below() -> None:
    """End every process that this one has started, and what those have."""
    while children := psutil.Process().children(recursive=True):
        for process in children:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def die_with_parent(parent: int) -> None:
    """End when the process that started this one ends (Linux)."""
    if sys.platform == "linux":
        _libc().prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() not in (parent, 0):
            os._exit(1)


@functools.cache
def jail_works() -> bool:
    """Can bubblewrap build a room here, and a process enter it? Tried out."""
    return not why_no_jail()


@functools.cache
def why_no_jail() -> str:
    """The reason why there is no jail here; "" where there is one."""
    try:
        jail = Jail(2**20)
    except NoJail as error:
        return str(error)

    def enter() -> int:
        jail.enter()
        return 0 if not CHECKOUT.joinpath("README.md").exists() else 2

    try:
        status = os.waitstatus_to_exitcode(os.waitpid(fork(enter), 0)[1])
    finally:
        jail.close()
    return {0: "", 2: "The course's files are seen from inside."}.get(status, "The kernel lets no process in.")


@functools.cache
def in_force() -> Isolation:
    """What this system offers: tried out in a process that is confined as a student's is."""
    with (
        tempfile.TemporaryDirectory() as place,
        socket.socket(socket.AF_UNIX) as server,
        socket.create_server(("127.0.0.1", 0)) as other_server,
    ):
        outside = Path(place) / "socket"
        server.bind(str(outside))
        server.listen()
        (Path(place) / "file").touch()
        address = other_server.getsockname()

        def report(end: socket.socket) -> None:
            found = [
                not _can_read(CHECKOUT / "README.md"),
                not _can_touch(Path(place) / "file"),
                not _can_call(outside),
                not _can_connect(address),
                _cannot_signal_outside(),
                _memory_is_limited(),
            ]
            end.sendall(bytes(found))

        sandbox = Sandbox(report)
        try:
            sandbox.end.settimeout(30)
            content = sandbox.end.recv(len(fields(Isolation)))
        except OSError:
            content = b""
        finally:
            sandbox.kill()
    found = [bool(each) for each in content]
    found += [False] * (len(fields(Isolation)) - 1 - len(found))
    return Isolation(jail_works(), *found)


def _can_read(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def _can_touch(path: Path) -> bool:
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def _can_call(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _can_connect(server: tuple[str, int]) -> bool:
    """Is there a way out: an address beyond this machine to which packets would go, or a server on this machine?"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: nothing is sent
            return True
        except OSError:
            pass
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(server)
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
    serve: Callable[[socket.socket], int | None],
    end: socket.socket,
    jail: Jail | None,
    folder: Path,
    limits: Limits,
    parent: int,
    keep: Sequence[int],
) -> int | None:
    _OUTSIDE[0] = parent
    os.setsid()
    signal.setitimer(signal.ITIMER_REAL, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    size = _size()
    namespaces: set[str] = set()
    if jail is not None:
        jail.enter()
        folder = Path("/tmp")
    elif sys.platform == "linux":
        namespaces = _unshare_namespaces()
    die_with_parent(parent)
    start = 3
    for number in sorted({end.fileno(), *keep}):
        os.closerange(start, number)
        start = number + 1
    os.closerange(start, 4096)
    os.environ.clear()
    os.environ.update(
        HOME=str(folder), TMPDIR=str(folder), PATH="/usr/bin:/bin", LANG="C.UTF-8", OMP_NUM_THREADS="1",
        CUDA_VISIBLE_DEVICES="", MPLBACKEND="Agg", PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    tempfile.tempdir = str(folder)
    os.chdir(folder)

    def confined() -> int | None:
        _set_rlimits(limits, size, own_user=jail is not None or "user" in namespaces)
        if jail is None and sys.platform == "linux":
            _libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            _apply_landlock(folder)
        return serve(end)

    if jail is None and "processes" not in namespaces:
        return confined()
    outer = os.getpid()

    def first() -> int | None:
        die_with_parent(outer)
        return confined()

    inner = fork(first)  # in the new namespace of processes, as all that it starts
    end.close()
    for number in keep:
        os.close(number)
    return abs(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))


_SIZE = [0]  # bytes of address space when this process was confined: inside, there is no `/proc` to ask


def limit_memory(more: int) -> None:
    """Let this process take so many bytes more than it has, and no more than that (where the system counts them)."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, ((_size() or _SIZE[0]) + more, hard))


def _size() -> int:
    """Bytes of address space that this process takes; 0 where that cannot be said."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _own_memory(process: psutil.Process | None = None) -> int:
    """Bytes that a process has and no file backs."""
    info = (process or psutil.Process()).memory_info()
    return int(info.rss - getattr(info, "shared", 0))


def _disk_use(folder: str, most: int) -> int:
    """Bytes of the files below a folder, counted until they are more than `most`; very many files are too many bytes."""
    total = count = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            count += 1
            if total > most or count > _MOST_FILES:
                return most + 1
    return total


def _set_rlimits(limits: Limits, size: int, *, own_user: bool) -> None:
    _SIZE[0] = size
    wanted = {
        resource.RLIMIT_AS: size + limits.memory,
        resource.RLIMIT_FSIZE: limits.disk,
        resource.RLIMIT_CPU: limits.processor,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
    }
    if own_user:  # only then are the teacher's own processes not counted
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


def _readable_paths() -> list[Path]:
    """Files and folders that Python, torch and the course's own code need. No assignment and no test is among them."""
    devices = [Path("/dev") / name for name in ("null", "urandom", "random", "zero")]
    found = [*libraries(), *(path for path in devices if path.exists())]
    for package in PACKAGES:
        found += (CHECKOUT / package).rglob("*.py")
        found += (CHECKOUT / package).rglob("__pycache__")
    return found


def _listable_paths() -> list[Path]:
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
    rules = [(path, _READ_FILE | (_READ_DIR if path.is_dir() else 0)) for path in _readable_paths()]
    rules += [(path, _READ_DIR) for path in _listable_paths()]
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
