"""Release about the mean field: for tissues too large to keep every MVB.

Cells of one group have the same levels. A group's expected fusions per window come from its mean field, once and for
all; each cell draws a Poisson number about them, at even times in the window, and the size of each burst (exosomes,
cargo) from fusions of a sample of cells that is run vesicle by vesicle beside the tissue: the law of bursts is theirs.
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
"""Cells run vesicle by vesicle for the sizes of bursts."""
SAMPLE_IDS = 2**27
"""Ids of the sample begin here, beyond those of the tissue's cells."""
FEWEST = 200
"""Bursts to draw sizes from; where a window of the sample has fewer, those of windows before are taken too."""
MOST = 64
"""Fusions of one cell in one window; beyond it lies less than 1e-30 of a Poisson number of mean 10."""


@dataclass
class MeanSecretion:
    """Fusions drawn about the mean field."""

    seed: int
    ids: Ints
    group: Ints
    expected: Floats
    """(group, window) fusions per cell."""
    course: tuple[Floats, Floats]
    """Traces (group, window, trace) and stage counts (group, window, stage) at the end of each window."""
    sample: Vesicles
    bag: tuple[Ints, Ints]
    """Exosomes and cargo of the sample's latest fusions."""
    window: int = 0

    @staticmethod
    def begin(job: Job, ids: Ints, table: Floats, group: Ints, founders: int) -> MeanSecretion:
        """The mean field of every row of `table` over the whole run, and a sample of its first `founders` before burn-in."""
        own = len(job.symbols.levels)
        narrow = job.timeline._replace(multiply=job.timeline.multiply[:, :own], add=job.timeline.add[:, :own])
        found = meanfield.run_many(
            job.symbols, np.tile(job.parameters, (len(table), 1)), narrow, job.numerics, table[:, :own], job.starts
        )
        fusions = found.output.total[:, :, TOTALS.index("fusions")]
        expected = np.diff(fusions, axis=1, prepend=0.0)
        names = SAMPLE_IDS + np.arange(SAMPLE, dtype=np.int64)
        sample = Vesicles.begin(job, names, table[np.arange(SAMPLE) % founders])
        none = np.zeros(0, np.int64)
        course = (found.output.trace, found.output.count)
        return MeanSecretion(job.seed, ids, group, expected, course, sample, (none, none))

    def advance(self, window: int, threads: int) -> Bursts:
        """Draw one window's fusions of all cells; the bits do not depend on threads."""
        self.window = window
        seen = self.sample.advance(window, threads)
        self._fill(seen.ilv, seen.cargo)
        if window == 0:
            none = np.zeros(0, np.int64)
            return Bursts(np.zeros(0), none, none, none)
        if not len(self.bag[0]):  # nothing has fused in the whole sample so far: nothing is known of sizes
            number = np.zeros(len(self.ids), np.int64)
            return self._draw(window, number)
        number = poisson(streams.uniforms(self.seed, Purpose.NUMBER, self.ids, 1, turn=window)[:, 0], self._mean())
        return self._draw(window, number)

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

    def _fill(self, ilv: Ints, cargo: Ints) -> None:
        """Add the window's bursts to the bag; older ones stay while there are few."""
        enough = len(ilv) >= FEWEST
        old = (np.zeros(0, np.int64),) * 2 if enough else tuple(column[-FEWEST + len(ilv) :] for column in self.bag)
        self.bag = (np.concatenate([old[0], ilv]), np.concatenate([old[1], cargo]))

    def _draw(self, window: int, number: Ints) -> Bursts:
        """Times and sizes of the drawn fusions, in the order of cells and times."""
        cell, draws = [np.zeros(0, np.int64)], [np.zeros((0, 2))]
        for turn in range(int(number.max(initial=0))):
            cell.append(np.flatnonzero(number > turn))
            again = MOST * window + turn
            draws.append(streams.uniforms(self.seed, Purpose.SIZE, self.ids[cell[-1]], 2, turn=again))
        (begin, end), whole, both = self._span(window), np.concatenate(cell), np.concatenate(draws)
        time = begin + both[:, 0] * (end - begin)
        which = (both[:, 1] * len(self.bag[0])).astype(np.int64)
        order = np.lexsort((time, whole))
        return Bursts(time[order], whole[order], self.bag[0][which][order], self.bag[1][which][order])

    def _span(self, window: int) -> tuple[float, float]:
        line = self.sample.job.timeline
        ends = [float(line.end[np.flatnonzero(line.output == w)[0]]) for w in (window - 1, window)]
        return ends[0], ends[1]


def poisson(uniform: Floats, mean: Floats) -> Ints:
    """Poisson numbers by inversion, one uniform number each."""
    share = exact.exp(-mean)
    left, count = uniform - share, np.zeros(len(mean), np.int64)
    for k in range(1, MOST):
        more = left > 0.0
        if not more.any():
            break
        count += more
        share = share * mean / k
        left = np.where(more, left - share, left)
    return count
