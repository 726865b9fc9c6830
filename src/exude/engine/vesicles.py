"""Run cells vesicle by vesicle: chunks of cells on threads, the same bits for any number of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from exude.engine import build, layout, lives, streams
from exude.engine.job import LOG_FULL, POOL_FULL, Block, Job
from exude.engine.layout import Ints, State

CHUNK = 64
"""Cells per task: small enough to keep all threads busy on a few hundred cells."""


def run(job: Job, cells: int, *, threads: int, done: Callable[[Block], None], first: int = 0) -> None:
    """Run cells first..cells-1 in chunks; `done` gets each block, in the order of the cells, in the calling thread.

    Ctrl-C stops after the chunks under way; blocks already handed over are whole.
    """
    build.module(job.symbols, _loop(job))
    chunks = [np.arange(a, min(a + CHUNK, cells), dtype=np.int64) for a in range(first, cells, CHUNK)]
    for block in _ordered(job, chunks, threads):
        done(block)


def _loop(job: Job) -> str:
    return "lives" if job.symbols.independent else "vesicles"


def run_chunk(job: Job, cells: Ints, state: Any = None) -> Block:
    """Run the numbered cells through the timeline, from `state` where given (that of an earlier block)."""
    return lives.run_chunk(job, cells, state) if job.symbols.independent else _run_coupled(job, cells, state)


def _run_coupled(job: Job, cells: Ints, state: State | None) -> Block:
    kernel = build.module(job.symbols, "vesicles").run_cells
    base = job.levels(cells)
    if state is None:
        begin = float(job.timeline.begin[0])
        first = streams.cell_streams(job.seed, cells)
        state = layout.new_state(job.symbols, job.starts, first, begin, layout.FIRST_SLOTS)
    output = layout.new_output(job.symbols, len(cells), job.rows)
    events = layout.new_rows(64 * len(cells) if job.log_events else 0)
    reads = layout.new_rows(layout.FIRST_SLOTS * len(cells) if job.timeline.snapshot.any() else 0)
    scratch = layout.new_scratch(state, base.shape[1])
    at = 0
    while at < len(cells):
        at, reason = kernel(
            at, len(cells), job.parameters, job.timeline, job.numerics, base, state, output, events, reads, scratch
        )
        if reason == POOL_FULL:
            state = layout.more_slots(state)
            scratch = layout.new_scratch(state, base.shape[1])
        elif reason == LOG_FULL:
            events = layout.more_rows(events) if job.log_events else events
            reads = layout.more_rows(reads) if reads.capacity else reads
    return Block(cells, base, output, events, reads, state)


def _ordered(job: Job, chunks: list[Ints], threads: int) -> Iterator[Block]:
    """Blocks in the order of the chunks, at most a few chunks ahead of the reader."""
    if threads == 1:
        yield from (run_chunk(job, chunk) for chunk in chunks)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: dict[int, Future[Block]] = {}
        todo = iter(enumerate(chunks))
        try:
            for turn in range(len(chunks)):
                while len(waiting) < 2 * threads and (item := next(todo, None)) is not None:
                    waiting[item[0]] = pool.submit(run_chunk, job, item[1])
                wait([waiting[turn]], return_when=FIRST_COMPLETED)
                yield waiting.pop(turn).result()
        finally:
            for future in waiting.values():
                future.cancel()
