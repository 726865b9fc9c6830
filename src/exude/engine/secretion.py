"""What cells in a tissue release, window by window: every MVB an individual, or drawn about the mean field.

A window is the time between two recorded points of the job's timeline. Cells release by themselves (calcium and
levels are their own), so a window is run ahead of the tissue and its fusions are dealt out at their own times.
Divisions and deaths take effect between windows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from exude.engine import build, layout, streams, vesicles
from exude.engine.job import Job
from exude.engine.layout import TOTALS, Floats, Ints, State, Timeline
from exude.engine.slabs import each
from exude.engine.streams import Purpose


class Bursts(NamedTuple):
    """Fusions of one window, in the order of cells and times."""

    time: Floats  # s
    cell: Ints  # place among the cells
    ilv: Ints  # exosomes set free
    cargo: Ints  # cargo molecules on them


CHUNK = 256
"""Cells per task: what Python does for a task is then a small part of it."""
GONE, STAYS, GIVES = range(3)
"""What becomes of a cell, as the kernel has it: it dies, stays as it is, or shares with a daughter."""
COIN_SHIFT = np.uint64(20)
"""A daughter has 2^20 coins, one for each of her mother's MVBs."""
NOTHING = Bursts(np.zeros(0), *(np.zeros(0, np.int64) for _ in range(3)))


class AbstractSecretion(Protocol):
    """How cells of a tissue release."""

    def advance(self, window: int, threads: int, levels: Floats | None = None) -> Bursts:
        """Run all cells through one window; `levels` (cell, level) are theirs from now on, where they change."""

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


def _begun_anew(line: Timeline) -> Timeline:
    """A window before which levels may have changed: its membranes and steps begin as at a new segment."""
    starts = line.starts.copy()
    starts[line.first[0]] = 1
    return line._replace(starts=starts)


@dataclass
class Vesicles:
    """Every MVB of every cell an individual: the kernel of the single cell, its states kept between windows."""

    job: Job
    ids: Ints
    """(cell,) one random stream each."""
    levels: Floats
    """(cell, level)"""
    chunks: list[State]
    """States in chunks of up to `CHUNK` cells, in the order of the cells."""
    traces: Floats
    counts: Ints

    @staticmethod
    def begin(job: Job, ids: Ints, levels: Floats) -> Vesicles:
        """Empty cells before the first window (window 0 ends the burn-in)."""
        symbols = job.symbols
        begin, chunks = float(job.timeline.begin[0]), []
        for a in range(0, len(ids), CHUNK):
            own = streams.cell_streams(job.seed, ids[a : a + CHUNK])
            chunks.append(layout.new_state(symbols, job.starts, own, begin))
        traces = np.tile(job.starts, (len(ids), 1))
        return Vesicles(job, ids, levels, chunks, traces, np.zeros((len(ids), len(symbols.counts)), np.int64))

    def advance(self, window: int, threads: int, levels: Floats | None = None) -> Bursts:
        """Run all cells through one window; the bits do not depend on threads."""
        line = window_of(self.job.timeline, window)
        if levels is not None:
            self.levels, line = levels, _begun_anew(line)
        job = replace(self.job, timeline=line)
        firsts = self._firsts()

        def run(k: int) -> Bursts:
            first, last = firsts[k : k + 2]
            self.chunks[k], rows = vesicles.fusions_of(job, self.levels[first:last], self.chunks[k])
            used = int(rows.used[0])
            cell, ilv, cargo = (column[:used].astype(np.int64) for column in (rows.cell, rows.ilv, rows.cargo))
            return Bursts(rows.time[:used], cell + first, ilv, cargo)

        found = [NOTHING, *each(run, len(self.chunks), threads)]
        if self.chunks:
            self.traces = np.concatenate([c.x for c in self.chunks])
            self.counts = np.concatenate([c.count for c in self.chunks])
        return Bursts._make(np.concatenate(column) for column in zip(*found, strict=True))

    def keep(self, rows: Ints, born: Ints, founder: Ints, table: Floats) -> None:
        """Cells die, stay or are born of others: a newborn takes each of its mother's MVBs with chance one half.

        Those that stay come first, in the order they have; then those that are born, in the order of their mothers,
        who all stay and have one daughter each. Chunks in which nobody dies or divides are not touched.
        """
        if not self.chunks:  # all have died: nobody is left to be born of
            return
        stay, mothers, names = rows[born < 0], rows[born >= 0], born[born >= 0]
        assert (np.diff(mothers) > 0).all(), "mothers in the order of their rows, one daughter each"
        firsts = self._firsts()
        fate = np.full(firsts[-1], GONE)
        fate[stay], fate[mothers] = STAYS, GIVES
        left, young = self._divided(fate, firsts, _coins(self.job.seed, names))
        own = streams.cell_streams(self.job.seed, names)
        young.stream[:], young.rng[:], young.carry[:] = own, own, layout.UNDRAWN
        young.total[:, : len(TOTALS)] = 0
        self.chunks = _filled(left, young)
        self.ids = np.concatenate([self.ids[stay], names])
        self.levels = table[founder]
        self.traces, self.counts = self.traces[rows], self.counts[rows]
        self.counts = np.concatenate([c.count for c in self.chunks]) if self.chunks else self.counts

    def _divided(self, fate: Ints, firsts: Ints, coins: NDArray[np.uint64]) -> tuple[list[State], State]:
        """Chunks without the dead and without what daughters took, and the daughters."""
        mothers = np.flatnonzero(fate == GIVES)
        ends = np.searchsorted(mothers, firsts)
        most = int(self.counts[mothers].sum())
        young = layout.room_for(self.chunks[0], len(mothers), most, read=len(self.chunks[0].known) > 0)
        divide, left, cell, row = build.plain("division").divide, [], 0, 0
        for k, chunk in enumerate(self.chunks):
            own = fate[firsts[k] : firsts[k + 1]]
            if (own != STAYS).any():
                rows, cell, row = divide(chunk, own, coins[ends[k] : ends[k + 1]], young, cell, row)
                chunk = _those(chunk, own != GONE, rows)
            left.append(chunk)
        return left, _those(young, np.ones(len(mothers), np.bool_), row)

    def _firsts(self) -> Ints:
        """Number of each chunk's first cell, and of all cells."""
        return np.cumsum([0, *(len(c.time) for c in self.chunks)])


def _coins(seed: int, daughters: Ints) -> NDArray[np.uint64]:
    """Where the streams of daughters' coins begin."""
    with np.errstate(over="ignore"):
        return streams.key(seed, Purpose.COINS) + (daughters.astype(np.uint64) << COIN_SHIFT) * streams.GOLDEN


def _those(chunk: State, which: NDArray[np.bool_], rows: int) -> State:
    """Some cells of a chunk, and its first rows of MVBs, which are theirs."""
    some = not which.all()
    return State._make(
        array[:rows] if name in layout.OF_VESICLES else array[which] if some else array
        for name, array in chunk._asdict().items()
    )


def _filled(chunks: list[State], young: State) -> list[State]:
    """Chunks and what is born, in chunks again: neighbours that fit into one are joined, and empty ones go."""
    room = CHUNK - len(chunks[-1].time)
    cuts = [0, *range(room, len(young.time), CHUNK), len(young.time)]
    groups: list[list[State]] = []
    for chunk in [*chunks, *(_slice(young, a, b) for a, b in pairwise(cuts))]:
        if not len(chunk.time):
            continue
        if groups and sum(len(part.time) for part in groups[-1]) + len(chunk.time) <= CHUNK:
            groups[-1].append(chunk)
        else:
            groups.append([chunk])
    return [
        group[0] if len(group) == 1 else State._make(map(np.concatenate, zip(*group, strict=True))) for group in groups
    ]


def _slice(chunk: State, first: int, last: int) -> State:
    """Cells first..last of a chunk, in arrays of their own."""
    a, b = int(chunk.count[:first].sum()), int(chunk.count[:last].sum())
    return State._make(
        array[slice(a, b) if name in layout.OF_VESICLES else slice(first, last)].copy()
        for name, array in chunk._asdict().items()
    )
