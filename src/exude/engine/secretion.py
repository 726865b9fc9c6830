"""What cells in a tissue release, window by window: every MVB an individual, or drawn about the mean field.

A window is the time between two recorded points of the job's timeline. Cells release by themselves (calcium and
levels are their own), so a window is run ahead of the tissue and its fusions are dealt out at their own times.
Divisions and deaths take effect between windows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from exude.derive.leaves import KIND_RELEASE, kind
from exude.engine import layout, streams, vesicles
from exude.engine.job import Block, Job
from exude.engine.layout import TOTALS, Floats, Ints, State, Timeline
from exude.engine.slabs import each
from exude.engine.streams import Purpose


class Bursts(NamedTuple):
    """Fusions of one window, in the order of cells and times."""

    time: Floats  # s
    cell: Ints  # place among the cells
    ilv: Ints  # exosomes set free
    cargo: Ints  # cargo molecules on them


SLOTS = 96
"""MVBs a cell has room for at first: three times the mean; a chunk in which one has more is given twice as much."""
NOTHING = Bursts(np.zeros(0), *(np.zeros(0, np.int64) for _ in range(3)))


class AbstractSecretion(Protocol):
    """How cells of a tissue release."""

    def advance(self, window: int, threads: int) -> Bursts:
        """Run all cells through one window."""

    def keep(self, rows: Ints, born: Ints, founder: Ints, table: Floats) -> None:
        """The cells that are there from now on: each from the row of a former cell; `born` >= 0 is a new cell's id."""

    @property
    def traces(self) -> Floats:
        """(cell, trace) at the end of the last window."""

    @property
    def counts(self) -> NDArray[Any]:
        """(cell, stage) at the end of the last window."""


def window_of(timeline: Timeline, window: int) -> Timeline:
    """The part of a timeline that ends at recorded point `window`, recorded as its only point."""
    ends = np.flatnonzero(timeline.output == window)
    before = np.flatnonzero(timeline.output == window - 1)
    first = int(before[0]) + 1 if window > 0 else 0
    output = np.full_like(timeline.output, -1)
    output[ends] = 0
    return timeline._replace(first=np.array([first, int(ends[0]) + 1]), output=output)


@dataclass
class Vesicles:
    """Every MVB of every cell an individual: the kernel of the single cell, its states kept between windows."""

    job: Job
    ids: Ints
    """(cell,) one random stream each."""
    levels: Floats
    """(cell, level)"""
    chunks: list[State]
    """States in chunks of up to `vesicles.CHUNK` cells, in the order of the cells."""
    traces: Floats
    counts: Ints

    @staticmethod
    def begin(job: Job, ids: Ints, levels: Floats) -> Vesicles:
        """Empty cells before the first window (window 0 ends the burn-in)."""
        symbols = job.symbols
        begin, chunks = float(job.timeline.begin[0]), []
        for a in range(0, len(ids), vesicles.CHUNK):
            own = streams.cell_streams(job.seed, ids[a : a + vesicles.CHUNK])
            chunks.append(layout.new_state(symbols, job.starts, own, begin, SLOTS))
        traces = np.tile(job.starts, (len(ids), 1))
        return Vesicles(job, ids, levels, chunks, traces, np.zeros((len(ids), len(symbols.counts)), np.int64))

    def advance(self, window: int, threads: int) -> Bursts:
        """Run all cells through one window; the bits do not depend on threads."""
        job = replace(self.job, timeline=window_of(self.job.timeline, window), rows=1)
        firsts = np.cumsum([0, *(len(c.time) for c in self.chunks)])

        released = [i for i, t in enumerate(job.symbols.cascade.life_cycle.transitions) if kind(t) == KIND_RELEASE]

        def run(k: int) -> Bursts:
            """The chunk's own fusions: its rows of all events are much more, and are let go of at once."""
            base = self.levels[firsts[k] : firsts[k + 1]]
            own = replace(job, levels=lambda _: base)
            block = vesicles.run_chunk(own, self.ids[firsts[k] : firsts[k + 1]], self.chunks[k])
            self.chunks[k] = block.state
            return _bursts(block, released, int(firsts[k]))

        found = [NOTHING, *each(run, len(self.chunks), threads)]
        if self.chunks:
            self.traces = np.concatenate([c.x for c in self.chunks])
            self.counts = np.concatenate([c.count for c in self.chunks])
        return Bursts._make(np.concatenate(column) for column in zip(*found, strict=True))

    def keep(self, rows: Ints, born: Ints, founder: Ints, table: Floats) -> None:
        """Cells die, stay or are born of others: a newborn takes each of its mother's MVBs with chance one half.

        Those that stay come first, in the order they have. Chunks in which nobody dies are not touched.
        """
        stay, mothers, names = rows[born < 0], rows[born >= 0], born[born >= 0]
        firsts = np.cumsum([0, *(len(c.time) for c in self.chunks)])
        young = [self._daughter(int(m), firsts, name) for m, name in zip(mothers, names, strict=True)]
        alive = np.zeros(firsts[-1], np.bool_)
        alive[stay] = True
        kept = [_those(c, alive[a:b]) for c, a, b in zip(self.chunks, firsts, firsts[1:], strict=False)]
        self.chunks = _grown([c for c in kept if len(c.time)], young)
        self.ids = np.concatenate([self.ids[stay], names])
        self.levels = table[founder]
        self.traces, self.counts = self.traces[rows], self.counts[rows]
        self.counts = np.concatenate([c.count for c in self.chunks]) if self.chunks else self.counts

    def _daughter(self, mother: int, firsts: NDArray[np.int64], name: int) -> State:
        """A new cell of its own name, as one row, with half of the mother's MVBs, which she loses."""
        k = int(np.searchsorted(firsts, mother, side="right")) - 1
        own, at = self.chunks[k], mother - int(firsts[k])
        state = State._make(array[at : at + 1].copy() for array in own)
        moves = (
            streams.uniforms(self.job.seed, Purpose.COINS, np.array([name]), state.growth.shape[1])[0] < 1 / 2
        )  # by slot
        _retain(state, 0, moves)
        _retain(own, at, ~moves)
        state.stream[0] = state.rng[0] = streams.cell_streams(self.job.seed, np.array([name]))[0]
        state.carry[0] = layout.UNDRAWN
        state.total[0, : len(TOTALS)] = 0
        return state


def _those(chunk: State, which: NDArray[np.bool_]) -> State:
    """Some cells of a chunk; the chunk itself where it is all of them."""
    return chunk if which.all() else State._make(array[which] for array in chunk)


def _grown(chunks: list[State], young: list[State]) -> list[State]:
    """Chunks with single cells added at their end, each chunk of no more than `vesicles.CHUNK`."""
    while young:
        room = vesicles.CHUNK - len(chunks[-1].time) if chunks else 0
        more, young = (young[:room], young[room:]) if room > 0 else (young[: vesicles.CHUNK], young[vesicles.CHUNK :])
        parts = _even_slots([*([chunks.pop()] if room > 0 else []), *more])
        chunks.append(State._make(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return chunks


def _even_slots(chunks: list[State]) -> list[State]:
    """The same cells, all with as much room."""
    most = max(c.growth.shape[1] for c in chunks)
    even = []
    for chunk in chunks:
        while chunk.growth.shape[1] < most:
            chunk = layout.more_slots(chunk)
        even.append(chunk)
    return even


def _bursts(block: Block, released: list[int], first: int) -> Bursts:
    """The fusions with the plasma membrane in a block's event rows; its cells are numbered from `first`."""
    rows, used = block.events, int(block.events.used[0])
    mine = np.flatnonzero(np.isin(rows.what[:used], released))
    cell, ilv, cargo = (column[mine].astype(np.int64) for column in (rows.cell, rows.ilv, rows.cargo))
    return Bursts(rows.time[mine], cell + first, ilv, cargo)


def _retain(state: State, row: int, stays: NDArray[np.bool_]) -> None:
    """Keep of one cell's vesicles those in slots that stay; the others' slots become free."""
    for stage in range(state.count.shape[1]):
        held = state.members[row, stage, : state.count[row, stage]]
        left = held[stays[held]]
        state.members[row, stage, : len(left)] = left
        state.count[row, stage] = len(left)
    used = np.concatenate([state.members[row, s, : state.count[row, s]] for s in range(state.count.shape[1])])
    free = np.setdiff1d(np.arange(state.growth.shape[1]), used)[::-1]
    state.free[row, : len(free)] = free
    state.n_free[row] = len(free)
