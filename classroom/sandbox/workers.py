"""Mark many submissions at once, with a few workers (`classroom.sandbox.submission`) that each have torch loaded.

    with Workers(2) as workers:
        for number, outcomes in workers.mark(jobs):
            ...

What a job does to its worker, such as ending it, costs that job alone.
"""

import contextlib
import functools
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from classroom.sandbox.channel import Channel, Disconnected, Message, ResponseTimeout
from classroom.sandbox.isolation import GIGABYTE, Limits
from classroom.sandbox.jobs import Job, Outcome
from utils.system.places import CHECKOUT

START = 180  # seconds that a worker may take to load torch


class WorkerFailed(RuntimeError):
    """No submission can be marked here; the message says why."""


class Worker:
    """One process that marks one job after the other. It gets none of this process's environment variables."""

    def __init__(self) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: Channel | None = None

    def _started(self, limits: Limits) -> Channel:
        if self.process and self.process.poll() is None and self.channel:
            return self.channel
        end, other = socket.socketpair()
        self.channel = Channel(end)
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
        group = control_group(limits.memory, limits.processes)
        if group:  # what systemd is asked through
            kept |= {
                name: os.environ[name] for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS") if name in os.environ
            }
        log = Path(self.home.name) / "log.txt"
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                [*group, sys.executable, "-m", "classroom.sandbox.submission"],
                stdin=other.fileno(),
                stdout=said,
                stderr=said,
                cwd=self.home.name,
                env=kept
                | {
                    "HOME": self.home.name,
                    "TMPDIR": self.home.name,
                    "PYTHONPATH": str(CHECKOUT),
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                    "MKL_NUM_THREADS": "1",
                    "CUDA_VISIBLE_DEVICES": "",
                    "MPLBACKEND": "Agg",
                    "LANG": "C.UTF-8",
                },
                start_new_session=True,
            )
        other.close()
        try:
            self.channel.receive(START)
        except (Disconnected, ResponseTimeout) as error:
            self.stop()
            reason = log.read_text(errors="replace").strip().splitlines()[-5:] or ["It said nothing."]
            raise WorkerFailed("\n".join(["The process that marks submissions does not start:", *reason])) from error
        return self.channel

    def mark(self, job: Job) -> list[Outcome]:
        """What came of each cell. A job that ends the worker is marked as stopped, and the worker starts anew.

        Raises:
            WorkerFailed: no worker starts.
        """
        channel = self._started(job.limits)
        answer: Message = {}
        try:
            channel.send(asdict(job))
            answer, _ = channel.receive()
        except Disconnected:
            self.stop()
        if "outcomes" in answer:
            return [Outcome(**each) for each in answer["outcomes"]]
        stopped = "Marking this notebook took too long or too much memory, and was stopped."
        return [Outcome(error=("TimeoutError", stopped, [])) for _ in job.cells]

    def stop(self) -> None:
        if self.process is None:
            return
        if self.channel:
            self.channel.end.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


def control_group(memory: int, processes: int) -> list[str]:
    """The command that starts a worker in a control group of its own, which the kernel limits, where systemd makes one; else none.

    Args:
        memory: bytes of a submission. The worker, the tests' process and the student's have it each.
        processes: of a submission.
    """
    command = [
        *_systemd(), "-p", f"MemoryMax={GIGABYTE + 3 * memory}", "-p", "MemorySwapMax=0", "-p", f"TasksMax={16 * processes}", "--",
    ]  # fmt: skip
    return command if _systemd() else []


@functools.cache
def _systemd() -> list[str]:
    """How systemd is asked for a control group; empty where it makes none. Tried out."""
    program = shutil.which("systemd-run") if sys.platform == "linux" else None
    if program is None:
        return []
    command = [program, "--scope", "--quiet", "--collect", *([] if os.geteuid() == 0 else ["--user"])]
    try:
        tried = subprocess.run(
            [*command, "-p", "MemoryMax=1G", "--", "true"], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return command if tried.returncode == 0 else []


class Workers:
    """A number of workers, and the jobs shared among them."""

    def __init__(self, count: int = 2):
        self.workers = [Worker() for _ in range(count)]

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.stop()

    def mark(self, jobs: Sequence[Job]) -> Iterator[tuple[int, list[Outcome]]]:
        """Each job's position and outcomes, in the order in which they are ready."""
        waiting: queue.SimpleQueue[tuple[int, Job]] = queue.SimpleQueue()
        ready: queue.SimpleQueue[tuple[int, list[Outcome] | BaseException]] = queue.SimpleQueue()
        for entry in enumerate(jobs):
            waiting.put(entry)

        def work(worker: Worker) -> None:
            while True:
                try:
                    number, job = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    ready.put((number, worker.mark(job)))
                except BaseException as error:
                    ready.put((number, error))

        threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in self.workers[: len(jobs)]]
        for thread in threads:
            thread.start()
        for _ in jobs:
            number, outcomes = ready.get()
            if isinstance(outcomes, BaseException):
                raise outcomes
            yield number, outcomes
