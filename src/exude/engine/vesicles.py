"""Run cells vesicle by vesicle: chunks of cells on threads, the same bits for any number of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from exude.engine import build, layout, lives, streams
from exude.engine.job import LOG_FULL, POOL_FULL, Block, Job
from exude.engine.layout import Floats, Ints, Output, Rows, State

CHUNK = 64
"""Cells per task: small enough to keep all threads busy on a few hundred cells."""
FUSIONS = 4
"""Room for fusions of each cell at first, of which it has about one in 20 min; it is doubled where it is full."""


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
    base = job.levels(cells)
    if state is None:
        first = streams.cell_streams(job.seed, cells)
        state = layout.new_state(job.symbols, job.starts, first, float(job.timeline.begin[0]))
    output = layout.new_output(job.symbols, len(cells), job.rows)
    events = layout.new_rows(64 * len(cells) if job.log_events else 0)
    reads = layout.new_rows(layout.FIRST_SLOTS * len(cells) if job.timeline.snapshot.any() else 0)
    state, events, reads = _through(job, base, state, output, (events, reads))
    return Block(cells, base, output, events, reads, state)


def fusions_of(job: Job, levels: Floats, state: State) -> tuple[State, Rows]:
    """Run cells that feel their own vesicles from `state` on; returns what they then are, and their fusions alone.

    levels (cell, level). Nothing is recorded but a row for each fusion, without what its membrane held (its `diameter`
    is that of a vesicle without patches outside).
    """
    output, rows = layout.new_output(job.symbols, len(levels), 0), layout.new_rows(FUSIONS * len(levels))
    state, rows, _ = _through(job, levels, state, output, (rows, layout.new_rows(0)), only_fusions=True)
    return state, rows


def _through(
    job: Job, levels: Floats, before: State, output: Output, tables: tuple[Rows, Rows], *, only_fusions: bool = False
) -> tuple[State, Rows, Rows]:
    """Take cells through the timeline; returns their state then, and the tables of events and reads."""
    kernel = build.module(job.symbols, "vesicles").run_cells
    (events, reads), cells, slots = tables, len(levels), layout.FIRST_SLOTS
    after = layout.room_for(before, cells, cells * slots, read=bool(reads.capacity or len(before.known)))
    scratch = layout.new_scratch(before, slots, levels.shape[1], only_fusions=only_fusions)
    at = 0
    while at < cells:
        at, reason = kernel(
            at, cells, job.parameters, job.timeline, job.numerics, levels, before, after, output, events, reads, scratch
        )
        if reason == POOL_FULL:
            slots *= 2
            after = layout.with_rows(after, cells * slots, int(after.count[:at].sum()))
            scratch = layout.new_scratch(before, slots, levels.shape[1], only_fusions=only_fusions)
        elif reason == LOG_FULL:
            events = layout.more_rows(events) if events.capacity else events
            reads = layout.more_rows(reads) if reads.capacity else reads
    used = int(after.count.sum())
    return layout.with_rows(after, used, used), events, reads


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
