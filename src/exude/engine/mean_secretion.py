"""Release about the mean field: for tissues too large to keep every MVB.

Cells of one group have the same levels. A group's expected fusions per window come from its mean field, once and for
all; each cell draws a Poisson number about them, at even times in the window, and the size of each burst (exosomes,
cargo) from fusions of a sample of cells of its kind that is run vesicle by vesicle beside the tissue: the law of bursts
is theirs.
What is left out: that fusions of one cell are a little more even than Poisson where docking sites fill up, that the
burst sizes of a cell go together, and that a cell has fewer MVBs just after it divided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exude.engine import meanfield, streams
from exude.engine import numbers as exact
from exude.engine.job import Job
from exude.engine.layout import TOTALS, Floats, Ints
from exude.engine.secretion import Bursts, Vesicles
from exude.engine.streams import Purpose

GROUPS = 64
"""Most groups of cells with levels of their own."""
SAMPLE = 256
"""Cells of each kind run vesicle by vesicle for the sizes of bursts."""
SAMPLE_IDS = 2**27
"""Ids of the sample begin here, beyond those of the tissue's cells."""
FEWEST = 200
"""Bursts to draw sizes from; where a window of the sample has fewer, those of windows before are taken too."""
MOST = exact.MOST
"""Fusions of one cell in one window."""


@dataclass
class MeanSecretion:
    """Fusions drawn about the mean field."""

    seed: int
    ids: Ints
    group: Ints
    """(cell,) kind x groups of a kind + group."""
    expected: Floats
    """(group, window) fusions per cell."""
    course: tuple[Floats, Floats]
    """Traces (group, window, trace) and stage counts (group, window, stage) at the end of each window."""
    sample: Vesicles
    bags: list[tuple[Ints, Ints]]
    """By kind: exosomes and cargo of the sample's latest fusions."""
    window: int = 0

    @staticmethod
    def begin(job: Job, ids: Ints, table: Floats, group: Ints, founders: int) -> MeanSecretion:
        """The mean field of every row of `table` over the whole run, and a sample of each kind's rows before burn-in.

        table (row, level): `founders` rows of the first kind, as many of the next. Raises what a bad job does.
        """
        own = len(job.symbols.levels)
        narrow = job.timeline._replace(multiply=job.timeline.multiply[:, :own], add=job.timeline.add[:, :own])
        found = meanfield.run_many(
            job.symbols, np.tile(job.parameters, (len(table), 1)), narrow, job.numerics, table[:, :own], job.starts
        )
        fusions = found.output.total[:, :, TOTALS.index("fusions")]
        expected = np.diff(fusions, axis=1, prepend=0.0)
        kind, member = np.divmod(np.arange(SAMPLE * (len(table) // founders), dtype=np.int64), SAMPLE)
        names = SAMPLE_IDS + SAMPLE * kind + member
        sample = Vesicles.begin(job, names, table[kind * founders + member % founders])
        none = np.zeros(0, np.int64)
        course = (found.output.trace, found.output.count)
        bags = [(none, none)] * (len(table) // founders)
        return MeanSecretion(job.seed, ids, group, expected, course, sample, bags)

    def advance(self, window: int, threads: int, levels: Floats | None = None) -> Bursts:
        """Draw one window's fusions of all cells; the bits do not depend on threads.

        Levels of single cells are left out: what changes in the course of a run must not be a level that release reads.
        """
        self.window = window
        seen = self.sample.advance(window, threads)
        for k in range(len(self.bags)):
            mine = seen.cell // SAMPLE == k
            self._fill(k, seen.ilv[mine], seen.cargo[mine])
        if window == 0:
            none = np.zeros(0, np.int64)
            return Bursts(np.zeros(0), none, none, none)
        number = exact.poisson(
            streams.uniforms(self.seed, Purpose.NUMBER, self.ids, 1, turn=window)[:, 0], self._mean()
        )
        held = np.array([len(bag[0]) for bag in self.bags])[self._kind()]
        return self._draw(window, np.where(held > 0, number, 0))  # none has fused in the sample: no size is known

    def keep(self, rows: Ints, born: Ints, founder: Ints, table: Floats) -> None:
        """Cells die, stay or are born of others, of whose group they are."""
        self.ids = np.where(born >= 0, born, self.ids[rows])
        self.group = founder

    @property
    def traces(self) -> Floats:
        """(cell, trace) at the end of the last window."""
        return np.asarray(self.course[0][self.group, self.window])

    @property
    def counts(self) -> Floats:
        """(cell, stage), expected, at the end of the last window."""
        return np.asarray(self.course[1][self.group, self.window])

    def _mean(self) -> Floats:
        return np.asarray(self.expected[self.group, self.window])

    def _kind(self) -> Ints:
        """(cell,) number of its kind."""
        return np.asarray(self.group // (len(self.expected) // len(self.bags)))

    def _fill(self, kind: int, ilv: Ints, cargo: Ints) -> None:
        """Add the window's bursts to the kind's bag; older ones stay while there are few."""
        few = max(0, FEWEST - len(ilv))
        old = [column[max(0, len(column) - few) :] for column in self.bags[kind]]
        self.bags[kind] = (np.concatenate([old[0], ilv]), np.concatenate([old[1], cargo]))

    def _draw(self, window: int, number: Ints) -> Bursts:
        """Times and sizes of the drawn fusions, in the order of cells and times."""
        cell, draws = [np.zeros(0, np.int64)], [np.zeros((0, 2))]
        for turn in range(int(number.max(initial=0))):
            cell.append(np.flatnonzero(number > turn))
            again = MOST * window + turn
            draws.append(streams.uniforms(self.seed, Purpose.SIZE, self.ids[cell[-1]], 2, turn=again))
        (begin, end), whole, both = self._span(window), np.concatenate(cell), np.concatenate(draws)
        time = begin + both[:, 0] * (end - begin)
        order = np.lexsort((time, whole))
        sizes = np.array([len(bag[0]) for bag in self.bags])
        kind = self._kind()[whole]
        which = np.cumsum([0, *sizes])[kind] + (both[:, 1] * sizes[kind]).astype(np.int64)
        ilv, cargo = (np.concatenate(column)[which][order] for column in zip(*self.bags, strict=True))
        return Bursts(time[order], whole[order], ilv, cargo)

    def _span(self, window: int) -> tuple[float, float]:
        line = self.sample.job.timeline
        ends = [float(line.end[np.flatnonzero(line.output == w)[0]]) for w in (window - 1, window)]
        return ends[0], ends[1]
