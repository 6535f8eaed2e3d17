"""What code that is not trusted can see and use, with bubblewrap and without."""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from classroom.sandbox import isolation, jail

SECRET = isolation.CHECKOUT / "lessons" / "inception_module" / "assignment.md"
LIMITS = isolation.Limits()
NO_FILE = ("PermissionError", "FileNotFoundError", "NotADirectoryError")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the isolation tried here is Linux's")
needs_jail = pytest.mark.skipif(bool(why := isolation.why_no_jail()), reason=f"no jail here: {why}")


@pytest.fixture(params=["bubblewrap", "Landlock"])
def way(request, monkeypatch):
    """How processes are confined: both ways are tried, each where the system has it."""
    if request.param == "bubblewrap" and why:
        pytest.skip(f"no jail here: {why}")
    if request.param == "Landlock":
        monkeypatch.setattr(isolation, "jail_works", lambda: False)
        if not without_jail().files:
            pytest.skip("no Landlock here")
    return request.param


@functools.cache
def without_jail():
    return isolation.in_force.__wrapped__()


def confined(code, limits=LIMITS):
    """What code says in a process like a student's, as JSON."""

    def serve(end):
        scope = {"json": json}
        try:
            exec(code, scope)
            said = scope["said"]
        except BaseException as error:
            said = type(error).__name__
        end.sendall(json.dumps(said).encode())

    sandbox = isolation.Sandbox(serve, limits)
    try:
        sandbox.end.settimeout(20)
        return json.loads(sandbox.end.recv(65536))
    finally:
        sandbox.kill()


def used(code, limits):
    """What is said of a process that goes over a limit; "" where it is let be for five seconds."""

    def serve(end):
        exec(code, {})
        end.recv(1)

    sandbox = isolation.Sandbox(serve, limits)
    try:
        until = time.monotonic() + 5
        while time.monotonic() < until:
            if said := sandbox.exceeded():
                return said
            time.sleep(0.05)
        return ""
    finally:
        sandbox.kill()


def test_the_report_of_what_is_in_force_is_true(way):
    found = isolation.in_force.__wrapped__()
    assert found.jail is (way == "bubblewrap")
    assert (confined(f"said = open({str(SECRET)!r}).read()") in NO_FILE) is found.files
    parts = (found.files, found.attributes, found.sockets, found.network, found.processes)
    assert ("NOT cut off" in found.sentence) is not all(parts)
    if way == "bubblewrap":
        assert all(parts)
    else:
        assert (
            "NOT cut off here: their times, permissions and attributes and sockets that have a path" in found.sentence
        )
        assert "With bubblewrap" in found.sentence


def test_the_environment_is_empty(way, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "1")
    names = confined("import os; said = sorted(os.environ)")
    assert "SECRET_OF_THE_TEACHER" not in names and "HOME" in names


def test_files_beyond_python_and_the_course_cannot_be_read_written_or_run(way, tmp_path):
    (tmp_path / "marks.csv").write_text("secret")
    new = tmp_path / "new"
    assert confined(f"said = open({str(tmp_path / 'marks.csv')!r}).read()") in NO_FILE
    assert confined(f"said = open({str(new)!r}, 'w').write('x')") in NO_FILE and not new.exists()
    assert confined(f"import os; said = os.listdir({str(tmp_path)!r})") in NO_FILE
    assert confined(f"import os; said = os.listdir({str(isolation.CHECKOUT / 'tests')!r})") in NO_FILE
    assert confined("import os; said = sorted(os.listdir('/etc'))") in (*NO_FILE, ["ld.so.cache", "localtime"])
    assert confined("import subprocess; said = subprocess.run(['/bin/ls']).returncode") in NO_FILE
    assert confined("open('own.txt', 'w').write('x'); said = open('own.txt').read()") == "x"
    assert confined("import os; said = os.path.exists('own.txt')") is False, "another's file is seen"
    imports = "import networks.googlenet, torchinfo, sklearn.datasets, IPython.core.logger, wave; said = 'imports work'"
    anew = "import sys\nfor name in [*sys.modules]:\n    if name.startswith(('IPython', 'networks')): del sys.modules[name]\n"
    assert confined(anew + imports) == "imports work"
    for name in ("environ", "maps"):
        assert confined(f"said = open('/proc/{os.getpid()}/{name}', 'rb').read().hex()") in NO_FILE


def test_there_is_no_network(way):
    if way == "Landlock" and not without_jail().network:
        pytest.skip("no network namespace here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"import socket; said = bool(socket.create_connection(('127.0.0.1', {port}), 2))"
        assert confined(connect) in ("PermissionError", "OSError", "ConnectionRefusedError")
    assert confined("import socket; said = socket.getaddrinfo('example.org', 80)") == "gaierror"


def test_other_processes_cannot_be_reached(way):
    if way == "Landlock" and not without_jail().processes:
        pytest.skip("no process namespace here")
    assert confined(f"import os; said = os.kill({os.getpid()}, 0)") in ("ProcessLookupError", "PermissionError")


def test_a_way_that_a_system_does_not_offer_is_not_taken_for_one(monkeypatch):
    bare = isolation.Isolation(*[False] * 7)
    assert "NOT cut off here: your files" in bare.sentence and "memory is not limited here" in bare.sentence
    monkeypatch.setattr(jail.shutil, "which", lambda name: None if name == "bwrap" else shutil.which(name))
    jail._command.cache_clear()
    try:
        assert "not installed" in isolation.why_no_jail.__wrapped__()
    finally:
        jail._command.cache_clear()


def test_a_bubblewrap_that_is_not_allowed_its_work_is_not_used(monkeypatch, tmp_path):
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(jail, "_command", lambda: [str(refusing)])
    assert "uid map: Permission denied" in isolation.why_no_jail.__wrapped__()


def test_without_namespaces_and_landlock_the_limits_and_the_environment_still_hold(monkeypatch):
    monkeypatch.setattr(isolation, "jail_works", lambda: False)
    monkeypatch.setattr(isolation, "_unshare_namespaces", set)
    monkeypatch.setattr(isolation, "_apply_landlock", lambda folder: False)
    assert confined("import os; said = 'PATH' in os.environ and len(os.environ) < 12")
    assert confined("said = len(bytearray(2**36))") == "MemoryError"


@needs_jail
def test_in_the_jail_times_permissions_and_attributes_of_files_stay_as_they_are(tmp_path):
    (tmp_path / "marks.csv").write_text("secret")
    before = (tmp_path / "marks.csv").stat()
    for call in ("chmod({}, 0o777)", "utime({}, (0, 0))", "setxattr({}, 'user.x', b'1')", "chown({}, 1, 1)"):
        for path in (tmp_path / "marks.csv", isolation.__file__, json.__file__, "/cat"):
            assert confined(f"import os; os.{call.format(repr(str(path)))}; said = 'done'") in (*NO_FILE, "OSError")
    null = Path(os.devnull).stat()
    assert confined("import os; os.chmod('/dev/null', 0); os.utime('/dev/null', (0, 0)); said = 'its own'") == "its own"
    assert Path(os.devnull).stat() == null
    assert confined("open('/dev/null', 'w').write('x'); said = 'written'") == "written"
    assert confined("said = open('/dev/null').read()") == ""
    after = (tmp_path / "marks.csv").stat()
    assert (after.st_mode, after.st_mtime, after.st_ctime) == (before.st_mode, before.st_mtime, before.st_ctime)


@needs_jail
def test_in_the_jail_sockets_that_have_a_path_cannot_be_reached(tmp_path):
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as unnamed:
        server.bind(str(tmp_path / "door"))
        server.listen()
        unnamed.bind(f"\0door-{os.getpid()}")
        unnamed.listen()
        for path in (str(tmp_path / "door"), f"\0door-{os.getpid()}"):
            assert confined(f"import socket; said = socket.socket(socket.AF_UNIX).connect({path!r})") in (
                *NO_FILE,
                "ConnectionRefusedError",
            )


@needs_jail
def test_in_the_jail_there_are_no_rights_left_and_none_to_be_had():
    new_namespace = "import ctypes; said = ctypes.CDLL(None, use_errno=True).unshare({})"
    for flag in ("0x00020000", "0x40000000"):  # mounts, network
        assert confined(new_namespace.format(flag)) == -1
    mount = "import ctypes; said = ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None)"
    assert confined(mount) == -1
    assert confined("import os; said = sorted(os.listdir('/proc'))") in NO_FILE
    assert confined("import os; os.mkdir('/new'); said = 'made'") == "OSError"


@needs_jail
def test_in_the_jail_all_files_together_have_a_limit():
    fill = "\nwritten = 0\ntry:\n    for number in range(100):\n        written += open(str(number), 'wb').write(bytes(2**20))\nexcept OSError:\n    pass\nsaid = written"
    assert confined(fill, isolation.Limits(disk=20 * 2**20)) <= 20 * 2**20


@needs_jail
def test_the_jail_and_all_that_is_in_it_end_with_the_process_that_made_it(tmp_path):
    mark = f"alive-{os.getpid()}-{time.monotonic_ns()}"
    code = (
        f"import sys; sys.path.insert(0, {str(isolation.CHECKOUT)!r})\n"
        "import os, signal, time\nfrom classroom.sandbox import isolation\n"
        "sandbox = isolation.Sandbox(lambda end: (os.fork(), end.sendall(b'.'), time.sleep(60)) and 0)\n"
        "sandbox.end.recv(1); print(sandbox.process, sandbox.jail.first, sandbox.jail.keeper.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    said = subprocess.run([sys.executable, "-c", code, mark], capture_output=True, text=True, check=False)
    numbers = [int(word) for word in said.stdout.split()]
    assert len(numbers) == 3, said.stderr
    until = time.monotonic() + 10
    while time.monotonic() < until and any(Path(f"/proc/{number}").exists() for number in numbers):
        time.sleep(0.1)
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _read(path)]
    assert not left and not any(_is_alive(number) for number in numbers)


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_limits_hold_for_all_processes_together(way):
    fill = "import os\nhold = bytearray(os.urandom(2**20)) * 150\n"
    limits = isolation.Limits(memory=400 * 2**20, processes=20)
    assert used(fill, limits) == ""
    assert "more memory than" in used("import os\nos.fork(); os.fork()\n" + fill, limits)
    few = isolation.Limits(processes=5, memory=64 * 2**30)
    forks = "import os\nfor _ in range(3): os.fork()\n"
    if os.geteuid() == 0:  # the kernel counts no processes of root
        assert "more than 5 processes" in used(forks, few)
    else:
        assert (
            confined(
                "import os\nfor _ in range(9):\n    if not os.fork(): __import__('time').sleep(9)\nsaid = 'all'", few
            )
            == "BlockingIOError"
        )


def test_files_in_a_folder_are_counted_where_there_is_no_jail(monkeypatch):
    monkeypatch.setattr(isolation, "jail_works", lambda: False)
    limits = isolation.Limits(disk=10 * 2**20)
    write = "import os\nfor number in range({}): open(str(number), 'wb').write(os.urandom({}))\n"
    assert used(write.format(2, 2**20), limits) == ""
    assert "more than 10 MB" in used(write.format(20, 2**20), limits)
    assert "more than 10 MB" in used(write.format(11_000, 1), limits)
