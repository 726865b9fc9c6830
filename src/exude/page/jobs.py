"""Long work of the page: each job in a process of its own, a few at a time, with progress and a way to stop it."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from exude.errors import ExudeError, Interrupted, ProtocolError

AT_ONCE = 2
"""Jobs that run side by side; others wait their turn."""
MOST_WAITING = 40
KEPT_SECONDS = 3600.0
GRACE_SECONDS = 3.0
"""Between asking a job to stop, as Ctrl-C does, and ending its process."""

Report = Callable[..., None]
"""report(done, total, label='')"""
Work = Callable[[Mapping[str, Any], Path, Report], Any]
"""What a job does with its request and its folder; the value it returns must be plain data (JSON)."""

OWN_FAULT = "exude met an error of its own; the terminal in which it runs shows it. Please report it with this link."


@dataclass
class Job:
    """One job: where it stands, and what came out."""

    id: str
    folder: Path
    state: str = "waiting"
    """waiting, running, done, failed, stopped"""
    done: int = 0
    total: int = 0
    label: str = ""
    result: Any = None
    error: str = ""
    ended: float = 0.0
    process: BaseProcess | None = field(default=None, repr=False)
    stop: threading.Event = field(default_factory=threading.Event, repr=False)

    def shown(self) -> dict[str, Any]:
        """What the page is told."""
        names = ("id", "state", "done", "total", "label", "result", "error")
        return {name: getattr(self, name) for name in names}

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "failed", "stopped")


class Jobs:
    """All jobs of one server. Ids cannot be guessed; what ended is forgotten, with its folder, after an hour."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._turn = threading.Semaphore(AT_ONCE)
        self._folder = tempfile.TemporaryDirectory(prefix="exude-jobs-", ignore_cleanup_errors=True)
        ways = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
        if "forkserver" in ways:  # modules are read once, by the process that the jobs are forked from
            self._context.set_forkserver_preload(["exude.page.tissue_work", "exude.page.study_work"])

    def start(self, work: Work, request: Mapping[str, Any]) -> Job:
        """Begin a job, or let it wait; ProtocolError where too many wait already."""
        with self._lock:
            self._forget()
            waiting = sum(not job.over for job in self._jobs.values())
            if waiting >= MOST_WAITING:
                raise ProtocolError(f"{waiting} jobs are under way already. Wait for one to end, or cancel one.")
            key = secrets.token_hex(12)
            folder = Path(self._folder.name) / key
            folder.mkdir()
            job = self._jobs[key] = Job(key, folder)
        threading.Thread(target=self._run, args=(job, work, dict(request)), daemon=True).start()
        return job

    def warm(self) -> None:
        """Start the process that jobs are forked from, so that the first job need not wait for its imports."""
        first = self._context.Process(target=_nothing, daemon=True)
        first.start()
        first.join()

    def find(self, key: str) -> Job:
        """A job by its id; ProtocolError where there is none."""
        with self._lock:
            job = self._jobs.get(key)
        if job is None:
            raise ProtocolError(
                f"got job {key[:40]!r}; expected one that was started less than an hour ago. Start it again."
            )
        return job

    def cancel(self, key: str) -> Job:
        """Ask a job to stop; it is over a moment later."""
        job = self.find(key)
        job.stop.set()
        return job

    def close(self) -> None:
        """Stop every job and forget its files."""
        for job in list(self._jobs.values()):
            job.stop.set()
            if job.process is not None and job.process.is_alive():
                job.process.terminate()
        self._folder.cleanup()

    def _run(self, job: Job, work: Work, request: Mapping[str, Any]) -> None:
        with self._turn:
            if job.stop.is_set():
                self._end(job, "stopped")
                return
            ours, theirs = self._context.Pipe(duplex=False)
            job.process = self._context.Process(
                target=_in_process, args=(work, request, str(job.folder), theirs), daemon=True
            )
            job.state = "running"
            job.process.start()
            theirs.close()
            self._follow(job, ours)
            job.process.join()

    def _follow(self, job: Job, pipe: Connection) -> None:
        """Take what the process says until it ends or is stopped."""
        asked_at = 0.0
        while True:
            if job.stop.is_set() and job.process is not None:
                asked_at = asked_at or _interrupt(job.process)
                if time.monotonic() - asked_at > GRACE_SECONDS:
                    job.process.terminate()
            try:
                if not pipe.poll(0.1):
                    continue
                kind, value = pipe.recv()  # from our own process, through a pipe nobody else holds
            except (EOFError, OSError):
                self._end(
                    job, "stopped" if job.stop.is_set() else "failed", error="" if job.stop.is_set() else OWN_FAULT
                )
                return
            if kind == "progress":
                job.done, job.total, job.label = value
                continue
            self._end(job, kind, **({"result": value} if kind == "done" else {"error": value}))
            return

    def _end(self, job: Job, state: str, *, result: Any = None, error: str = "") -> None:
        job.result, job.error, job.ended, job.state = result, error, time.monotonic(), state

    def _forget(self) -> None:
        now = time.monotonic()
        for key in [k for k, job in self._jobs.items() if job.over and now - job.ended > KEPT_SECONDS]:
            shutil.rmtree(self._jobs.pop(key).folder, ignore_errors=True)


def _nothing() -> None:
    """What the first process does."""


def _interrupt(process: BaseProcess) -> float:
    """Ask as Ctrl-C would, where the system can; returns when."""
    if hasattr(signal, "SIGINT") and os.name == "posix" and process.pid is not None:
        os.kill(process.pid, signal.SIGINT)
    else:
        process.terminate()
    return time.monotonic()


def _in_process(work: Work, request: Mapping[str, Any], folder: str, pipe: Connection) -> None:
    """The body of a job's process: tells of progress, and at last of what came out."""

    def report(done: int, total: int, label: str = "") -> None:
        pipe.send(("progress", (int(done), int(total), str(label))))

    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server's Ctrl-C handling is not ours
    try:
        pipe.send(("done", work(request, Path(folder), report)))
    except (Interrupted, KeyboardInterrupt):
        pipe.send(("stopped", ""))
    except ExudeError as problem:
        pipe.send(("failed", " ".join(str(problem).split())))
    except BaseException:
        traceback.print_exc()
        pipe.send(("failed", OWN_FAULT))
