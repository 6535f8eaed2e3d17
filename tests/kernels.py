"""Kernels of notebooks that begin with PyTorch imported: one process imports it, and divides itself for each.

A new process takes three seconds to import what a lesson's kernel needs, and the tests start some forty. `forked_kernels` puts a
kernelspec with the name of Jupyter's own before it. What that starts is this file as a script, which imports nothing large: it
hands its streams, folder and variables to the process that has imported everything, and stays for the kernel: signals go on to
it, and where one of the two ends so does the other. Only packages are imported before, nothing of the course, which a kernel
takes from where it stands.
"""

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ADDRESS = "TESTS_KERNELS"  # the variable with the socket's path
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IMPORTED = (
    "ipykernel.ipkernel",
    "ipywidgets",
    "matplotlib.backends.backend_agg",
    "pyarrow.parquet",
    "sklearn.datasets",
    "torch._dynamo",
)


@contextmanager
def forked_kernels() -> Iterator[None]:
    """While this holds, kernels that are started from this process, or from one below it, are divided from one."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="kernels-") as folder:
        spec = Path(folder, "kernels", "python3", "kernel.json")
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, "-I", "-S", __file__, "-f", "{connection_file}"]
        spec.write_text(
            json.dumps(
                {
                    "argv": argv,
                    "display_name": "Python 3 (ipykernel)",
                    "language": "python",
                    "metadata": {"debugger": True},
                }
            )
        )
        os.environ |= {"JUPYTER_PATH": folder, ADDRESS: str(Path(folder, "socket"))}
        env = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # as in a kernel
        with subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, env=env, start_new_session=True
        ) as server:
            yield
            server.stdin.close()
        del os.environ["JUPYTER_PATH"], os.environ[ADDRESS]


def asked() -> int:
    """As the kernelspec's command: have a kernel made with these arguments, and stay until it ends; gives its exit status."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(os.environ[ADDRESS])
        wanted = json.dumps({"argv": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ)}).encode()
        socket.send_fds(line, [len(wanted).to_bytes(8, "big")], [0, 1, 2])
        line.sendall(wanted)
        for number in FORWARDED:
            signal.signal(number, lambda number, _frame: line.sendall(bytes([number])))
        ended = line.recv(4)
    status = int.from_bytes(ended, "big", signed=True) if ended else 1
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def served() -> bool:
    """Divide this process for each kernel that is asked for, until the tests end. Whether this is a kernel's process now."""
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(os.environ[ADDRESS])
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        lines: dict[int, socket.socket] = {}  # by the kernel's process
        while True:
            for key, _ in selector.select():
                if key.fd == 0:  # it closes when the tests end
                    for process in lines:
                        kill(process, signal.SIGKILL)
                    return False
                if key.fileobj is listener:
                    gc.set_threshold(10_000, 10, 10)
                    for name in IMPORTED:
                        importlib.import_module(name)
                    gc.freeze()  # else a kernel would search all of this for circles, and copy it so
                    line, _ = listener.accept()
                    head, streams, _, _ = socket.recv_fds(line, 8, 3)
                    wanted = json.loads(line.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
                    if not (process := os.fork()):
                        for each in [*lines.values(), line]:
                            each.close()
                        become(wanted, streams)
                        return True
                    with suppress(PermissionError):
                        os.setpgid(process, process)
                    for stream in streams:
                        os.close(stream)
                    lines[process] = line
                    selector.register(line, selectors.EVENT_READ, process)
                    selector.register(os.pidfd_open(process), selectors.EVENT_READ, process)
                elif isinstance(key.fileobj, int):  # a kernel ended
                    selector.unregister(key.fileobj)
                    os.close(key.fileobj)
                    status = os.waitstatus_to_exitcode(os.waitpid(key.data, 0)[1])
                    with lines.pop(key.data) as line, suppress(KeyError, OSError):
                        selector.unregister(line)
                        line.sendall(status.to_bytes(4, "big", signed=True))
                elif key.data in lines:  # signals for a kernel; nothing, where who asked for it was killed
                    numbers = key.fileobj.recv(16)
                    if not numbers:
                        selector.unregister(key.fileobj)
                    for number in numbers or [signal.SIGKILL]:
                        kill(key.data, number)


def kill(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, number)


def become(wanted: dict, streams: list[int]) -> None:
    """Stand as the process that asked for a kernel: its arguments, folder, variables and streams, a group of its own."""
    os.setpgid(0, 0)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    sys.argv = wanted["argv"]
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(asked())
    del sys.path[0]  # this folder
    if served():
        from ipykernel import kernelapp

        kernelapp.launch_new_instance()
