"""Work on slabs of many rows, on threads: pieces have a fixed size, so that no result depends on how many threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

SLAB = 4096
"""Rows per task of a thread; whole blocks of eight cells (engine/agents.py)."""


def each(work: Callable[[int], Any], count: int, threads: int) -> list[Any]:
    """Work on pieces 0..count-1, on threads where there are several; the results in order."""
    if threads == 1 or count < 2:
        return [work(piece) for piece in range(count)]
    return list(_pool(threads).map(work, range(count)))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for work: starting them anew would cost more than a step of 10,000 cells."""
    return ThreadPoolExecutor(threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork


def slabs(n: int) -> int:
    """How many slabs n rows make."""
    return -(-n // SLAB)


def rows_of(slab: int, n: int) -> tuple[int, int]:
    """First row of a slab, and the row after its last, of n."""
    return slab * SLAB, min((slab + 1) * SLAB, n)
