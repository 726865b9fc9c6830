"""Cells in space: spheres that push and pull; arrays in, arrays out.

Forces are PhysiCell's (Ghaffarizadeh et al. 2018, doi:10.1371/journal.pcbi.1005991). For cells i, j at distance d, with
R = r_i + r_j and A = q_i r_i + q_j r_j (q: relative maximum adhesion distance), the velocity of i away from j is

    v = sqrt(rep_i rep_j) max(0, 1 - d/R)^2 - sqrt(adh_i a_ij adh_j a_ji) max(0, 1 - d/A)^2

and cells move without inertia, x' = sum of v, plus a walk (engine/walk.py). Lengths in um, times in s, strengths and
speeds in um/s. Rows of all arrays are cells, best kept in `spatial_order`: speed, not the result, depends on it.

A result has the same bits for any number of threads, and does not depend on when lists of neighbours were built: a run
that goes on from saved arrays needs nothing of a `Mechanics`.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.engine import build
from exude.engine.cells import Box, Cells, check_array, check_box, check_cells, check_shapes
from exude.engine.layout import Floats, Ints
from exude.engine.neighbours import (
    LANES,
    SLAB_BLOCKS,
    Bins,
    SlabList,
    lane_lists,
    new_list,
    sorted_into_bins,
    spatial_order,
)
from exude.engine.slabs import each, rows_of, slabs
from exude.errors import ProtocolError, refuse

__all__ = ["Box", "Cells", "Forces", "Mechanics", "overlaps", "spatial_order"]

NOWHERE = 1e9
"""Where cells stand that fill up blocks and lists, um; as far again on the other side of 0, a list's."""
FIRST_FOUND = 256
MORE = 1.5
SKIN_SHARE = (0.002, 0.5)
"""Thinnest and widest skin, as shares of the widest reach of a pair."""
EVEN = 0.6
"""What all cells have of skin alike, over the mean of what each has for the way it is expected to go; measured."""
BUILD_PER_SKIN = 50.0
"""What building a list costs, over what each um of skin adds to a step (um); measured, benchmarks/agents.py."""


class Forces(NamedTuple):
    """What cells do to each other: velocity (n, 3) um/s; pressure (n,), sum of max(0, 1 - d/R)^2 over those that push."""

    velocity: Floats
    pressure: Floats


class Mechanics:
    """Forces between cells and their steps; keeps lists of neighbours from step to step.

    affinity (kinds, kinds): adhesion affinity of the row's kind for the column's, 1 where nothing is known. A list is
    built anew once a cell has come further (or grown) than half its skin, which is checked before every use: cells may
    be moved, sorted, added or removed by anyone between steps. Holds no state that a result depends on.
    """

    def __init__(self, box: Box, affinity: Floats, *, skin: float = 1.0, threads: int = 1) -> None:
        check_box(box)
        if affinity.ndim != 2 or affinity.shape[0] != affinity.shape[1] or not np.all(affinity >= 0.0):
            raise refuse(
                ProtocolError, affinity.shape, "a square table of affinities >= 0", "Give one row and column per kind."
            )
        if not 0.0 < skin < math.inf:
            raise refuse(ProtocolError, skin, "a skin > 0 um", "Use 1.0; it adapts itself.")
        self.box, self.skin, self.threads, self.builds = box, skin, threads, 0
        self._kernels = build.plain("agents")
        self._affinity = np.ascontiguousarray(np.sqrt(affinity * affinity.T))
        self._lists: list[SlabList] = []
        self._reference, self._packed = np.empty((0, 4)), np.empty((0, 4))
        self._traits, self._out = np.empty((0, 4)), np.empty((0, 4))
        self._way, self._lasted, self._margin = np.empty(0), 0, 0.0

    def forces(self, cells: Cells) -> Forces:
        """Velocities and pressures; the arrays are overwritten by the next call.

        Two cells at the very same place part in a direction that follows from their ids. Raises ProtocolError where a
        position, radius, strength or kind cannot be, naming the cell.
        """
        traits, same = self._ready(cells)
        planar, packed, table, ids, out = self.box.planar, self._packed, self._affinity, cells.ids, self._out

        def work(slab: int) -> None:
            own = self._lists[slab]
            self._kernels.forces(
                slab * SLAB_BLOCKS, planar, own.start, own.index, packed, traits, table, same, ids, out
            )

        each(work, len(self._lists), self.threads)
        n = len(cells.position)
        return Forces(out[:n, :3], out[:n, 3])

    def rates(self, cells: Cells) -> Floats:
        """A bound of the rate (n,), 1/s, at which each cell's place relaxes; the greatest bounds that of all cells.

        Forces are x' = -K x near x with K = sum over pairs of (a - b)(a - b)^T, which is at most twice its diagonal
        blocks D_i = sum_j [k e e^T + t (1 - e e^T)]: e is the line of centres, k = 2 rep/R (1 - d/R) - 2 adh/A (1 - d/A)
        and t = -v/d (each where > 0) what restores a cell along it and across. Errors as in `forces`.
        """
        traits, same = self._ready(cells)
        found = np.empty(len(self._out))

        def work(slab: int) -> None:
            own = self._lists[slab]
            self._kernels.rates(
                slab * SLAB_BLOCKS, own.start, own.index, self._packed, traits, self._affinity, same, found
            )

        each(work, len(self._lists), self.threads)
        return found[: len(cells.position)]

    def touching(
        self, cells: Cells, margin: float, *, of: Collection[int] | None = None, to: Collection[int] | None = None
    ) -> tuple[Ints, NDArray[np.int32]]:
        """Who is near whom, d <= r_i + r_j + margin (um), as (start (n + 1,), index).

        Cell i of a kind in `of` has the cells index[start[i]:start[i + 1]] of kinds in `to`, in ascending order of their
        ids; None: all kinds. Lists in hand are used where they reach so far. Errors as in `forces`; ProtocolError for a
        margin that is no number and an unknown kind.
        """
        if not math.isfinite(margin):
            raise refuse(ProtocolError, margin, "a finite margin, um", "Give how far beyond contact counts.")
        chosen = self._chosen(of), self._chosen(to)
        self._margin = margin  # lists reach so far from now on: what is asked once is asked in every step
        self._ready(cells)
        start = np.zeros(len(cells.position) + 1, np.int64)

        def pass_over(index: NDArray[np.int32] | None) -> None:
            def work(slab: int) -> None:
                own, base = self._lists[slab], slab * SLAB_BLOCKS
                self._kernels.touching(
                    base, own.start, own.index, self._packed, cells.kind, cells.ids, chosen, margin, start, index
                )

            each(work, len(self._lists), self.threads)

        pass_over(None)
        np.cumsum(start, out=start)
        index = np.empty(int(start[-1]), np.int32)
        pass_over(index)
        return start, index

    def _chosen(self, kinds: Collection[int] | None) -> NDArray[np.bool_]:
        count = len(self._affinity)
        for kind in kinds or ():
            if not 0 <= kind < count:
                raise refuse(
                    ProtocolError, f"kind {kind}", f"a kind from 0 to {count - 1}", "Choose one of the table's."
                )
        return np.array([kinds is None or kind in kinds for kind in range(count)])

    def expect(self, way: Floats) -> None:
        """How far (n,), um, each cell may go soon: a new list gives skin to those who need it. Changes no result."""
        self._way = way

    def _ready(self, cells: Cells) -> tuple[Floats | None, tuple[float, float, float, float]]:
        """Lines of memory and lists for cells as they stand; traits where cells differ, what is alike where not."""
        n = len(cells.position)
        check_shapes(cells)
        if n != len(self._reference):
            self._allocate(n)
        late, alike = self._pack(cells)
        if late or not self._lists:
            self._build(cells)
        self._lasted += 1
        return None if alike else self._pack_traits(cells), self._same(cells) if n else (1.0, 0.0, 0.0, 0.0)

    def move(
        self,
        cells: Cells,
        previous: Floats,
        dt: float,
        *,
        displacement: Floats | None = None,
        heading: Floats | None = None,
        before: float | None = None,
    ) -> None:
        """Move cells by the forces last found, in place: Adams and Bashforth's second order, plus a displacement.

        x += dt (1.5 v - 0.5 v_old) + displacement; previous (n, 3) um/s holds v_old and then v (0 before the first
        step, as in PhysiCell). `before` is the length of the step before (s), where it was another one. A wall
        reflects the cell, its v_old and its `heading`.
        """
        if not 0.0 < dt < math.inf:
            raise refuse(ProtocolError, dt, "a step > 0 s", "Give the time to move.")
        n = len(self._reference)
        given = {"position": cells.position, "previous": previous, "displacement": displacement, "heading": heading}
        for name, array in given.items():
            if array is not None:
                check_array(name, array, (n, 3))
        bend = 0.5 * dt if before is None else 0.5 * dt * dt / before
        span = (dt + bend, -bend)
        stuck = each(
            lambda s: self._kernels.move(
                *rows_of(s, n), span, cells.position, previous, self._out, displacement, heading, self.box
            ),
            slabs(n),
            self.threads,
        )
        for slab, at in enumerate(stuck):
            if at < rows_of(slab, n)[1]:
                raise refuse(
                    ProtocolError,
                    f"a step to nowhere of cell {cells.ids[at]} (row {at})",
                    "finite velocities and displacements",
                    "Take a shorter step.",
                )

    def step(
        self,
        cells: Cells,
        previous: Floats,
        dt: float,
        *,
        displacement: Floats | None = None,
        heading: Floats | None = None,
        before: float | None = None,
    ) -> Forces:
        """Forces, then `move`; returns the forces before the step."""
        found = self.forces(cells)
        self.move(cells, previous, dt, displacement=displacement, heading=heading, before=before)
        return found

    def neighbours(self) -> tuple[Ints, NDArray[np.int32]]:
        """The lists last used, skin included, as (start (n + 1,), index): cell i has index[start[i]:start[i + 1]]."""
        rows = [row[row < len(self._reference)] for own in self._lists for row in lane_lists(own)]
        rows = rows[: len(self._reference)]
        start = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
        return start, np.concatenate(rows) if rows else np.empty(0, np.int32)

    @property
    def bytes(self) -> int:
        """Memory held, lists included."""
        own = (self._reference, self._packed, self._traits, self._out)
        return sum(a.nbytes for a in own) + sum(s.start.nbytes + s.index.nbytes for s in self._lists)

    # --- lists of neighbours --------------------------------------------------------------------------------------

    def _allocate(self, n: int) -> None:
        rows = -(-n // LANES) * LANES
        self._reference = np.zeros((n, 4))
        self._packed, self._out = _standing_by(rows), np.zeros((rows, 4))
        self._traits, self._lists = np.empty((0, 4)), []
        self._lasted = 0  # a list given up for a new cell says nothing about the skin

    def _pack(self, cells: Cells) -> tuple[bool, bool]:
        n, kinds, margin = len(cells.position), len(self._affinity), self._margin
        found = each(
            lambda s: self._kernels.pack(*rows_of(s, n), cells, self._reference, margin, kinds, self._packed),
            slabs(n),
            self.threads,
        )
        return any(late for late, _ in found), all(alike for _, alike in found)

    def _pack_traits(self, cells: Cells) -> Floats:
        if len(self._traits) != len(self._packed):
            self._traits = np.zeros(self._packed.shape)
            self._traits[:, 0] = 1.0
        each(
            lambda s: self._kernels.pack_traits(*rows_of(s, len(cells.position)), cells, self._traits),
            slabs(len(cells.position)),
            self.threads,
        )
        return self._traits

    def _same(self, cells: Cells) -> tuple[float, float, float, float]:
        """The first cell's stretch, roots of strengths, own affinity: everybody's where all are alike."""
        kind = int(cells.kind[0])
        roots = math.sqrt(cells.repulsion[0]), math.sqrt(cells.adhesion[0])
        return float(cells.stretch[0]), *roots, float(self._affinity[kind, kind])

    def _build(self, cells: Cells) -> None:
        """New lists. The bits of a force do not depend on the skin, so it may follow what it costs."""
        check_cells(cells, self.box, len(self._affinity), self._kernels, self.threads)
        n = len(cells.position)
        if n:
            reach = np.maximum(np.maximum(1.0, cells.stretch) * cells.radius, cells.radius + 0.5 * self._margin)
            widest = 2.0 * float(reach.max())
            if self._lasted:
                self.skin = math.sqrt(BUILD_PER_SKIN * self.skin / self._lasted)
            self.skin = min(max(self.skin, SKIN_SHARE[0] * widest), SKIN_SHARE[1] * widest)
            self._reference[:, :3], self._reference[:, 3] = cells.position, reach + self._skins(n, widest)
        self._lasted, self.builds = 0, self.builds + 1
        bins = sorted_into_bins(self._reference, self._kernels)
        count = slabs(n)
        if len(self._lists) != count:
            self._lists = [new_list(s, len(self._out)) for s in range(count)]
        each(lambda s: self._fill(s, bins), count, self.threads)

    def _skins(self, n: int, widest: float) -> Floats | float:
        """Each cell's own half of a skin, um: all the same, or by how far it is expected to go."""
        if len(self._way) != n or not 0.0 < (mean := float(self._way.mean())) < math.inf:
            return 0.5 * self.skin
        share = (self._way / mean + EVEN) / (1.0 + EVEN)
        return np.clip(0.5 * self.skin * share, 0.5 * SKIN_SHARE[0] * widest, 0.5 * SKIN_SHARE[1] * widest)

    def _fill(self, slab: int, bins: Bins) -> None:
        own, found, block = self._lists[slab], np.empty((2, FIRST_FOUND), np.int32), 0
        blocks, nobody, n = len(own.start) - 1, len(self._packed) - 1, len(self._reference)
        while True:
            at = np.array([slab * SLAB_BLOCKS, block])
            block = self._kernels.find_neighbours(
                at, n, self._reference, bins, nobody, own.start, own.index, found[0], found[1]
            )
            if block == blocks:
                return
            room = 2 * found.shape[1]
            found = np.empty((2, room), np.int32)
            if len(own.index) < LANES * (int(own.start[block]) + room):
                longer = np.empty(int(MORE * len(own.index)) + LANES * room, np.int32)
                longer[: len(own.index)] = own.index
                own.index = longer


def overlaps(cells: Cells, box: Box, *, share: float = 0.5, threads: int = 1) -> int:
    """The number of pairs of cells closer than `share` of the sum of their radii."""
    check_shapes(cells)
    kernels, n = build.plain("agents"), len(cells.position)
    check_cells(cells, box, int(cells.kind.max()) + 1 if n else 1, kernels, threads)
    if n == 0:
        return 0
    line = np.column_stack((cells.position, share * cells.radius))
    bins = sorted_into_bins(line, kernels)

    def work(slab: int) -> int:
        room, found = FIRST_FOUND, -1
        while found < 0:
            found = kernels.count_close(*rows_of(slab, n), line, bins, np.empty(room, np.int32))
            room *= 2
        return int(found)

    return int(sum(each(work, slabs(n), threads)))


def _standing_by(rows: int) -> Floats:
    """Lines for cells, all far away; the last one is nobody's, on the other side: it meets no cell at one place."""
    packed = np.full((rows + 1, 4), NOWHERE)
    packed[-1, :3], packed[:, 3] = -NOWHERE, 1.0
    return packed
