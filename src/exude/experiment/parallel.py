"""Independent work in several processes, results in order; Ctrl-C stops all of them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_processes(work: Callable[[T], R], tasks: Sequence[T], workers: int) -> Iterator[R]:
    """`work(task)` for every task, in the order of the tasks; in this process where `workers` is 1.

    Processes and not threads: between kernel calls a small culture is Python work, which threads would queue for.
    """
    if workers == 1 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    pool = ProcessPoolExecutor(min(workers, len(tasks)), initializer=_leave_interrupts_to_the_parent)
    try:
        chunk = max(1, min(8, len(tasks) // (4 * workers)))
        yield from pool.map(work, tasks, chunksize=chunk)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
