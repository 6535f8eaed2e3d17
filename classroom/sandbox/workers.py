"""Mark many submissions at once, with a few workers (`classroom.sandbox.submission`) that each have torch loaded.

    with Workers(2) as workers:
        for number, outcomes in workers.mark(jobs):
            ...

What a job does to its worker, such as ending it, costs that job alone.
"""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from classroom.sandbox.channel import Channel, Disconnected, Message
from classroom.sandbox.jobs import Job, Outcome
from utils.system.places import CHECKOUT


class Worker:
    """One process that marks one job after the other. It gets none of this process's environment variables."""

    def __init__(self) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="grading-")
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: Channel | None = None

    def _started(self) -> Channel:
        if self.process and self.process.poll() is None and self.channel:
            return self.channel
        end, other = socket.socketpair()
        self.channel = Channel(end)
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "classroom.sandbox.submission"],
            stdin=other.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.home.name,
            env=kept
            | {
                "HOME": self.home.name,
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
        return self.channel

    def mark(self, job: Job) -> list[Outcome]:
        """What came of each cell. A job that ends the worker is marked as stopped, and the worker starts anew."""
        channel = self._started()
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
