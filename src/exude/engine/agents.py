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
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.engine import build
from exude.engine.cells import Box, Cells, check_array, check_box, check_cells, check_shapes
from exude.engine.layout import Floats, Ints
from exude.engine.slabs import SLAB, each, rows_of, slabs
from exude.errors import ProtocolError, refuse

__all__ = ["Box", "Cells", "Forces", "Mechanics", "overlaps", "spatial_order"]

LANES = 8
"""Cells of a block, as in the kernel."""
SLAB_BLOCKS = SLAB // LANES
"""Blocks per task of a thread."""
NOWHERE = 1e9
"""Where cells stand that fill up blocks and lists, um; as far again on the other side of 0, a list's."""
FIRST_FOUND = 256
FIRST_ROWS = 24
MORE = 1.5
BINS_PER_REACH = 2.0
"""Bins are half as wide as the widest reach of a pair."""
MOST_BINS = 2**21
"""Along an edge: three times 21 bits make a number."""
SPREAD = (
    (32, 0x1F00000000FFFF), (16, 0x1F0000FF0000FF), (8, 0x100F00F00F00F00F), (4, 0x10C30C30C30C30C3),
    (2, 0x1249249249249249),
)  # fmt: skip
"""Shifts and masks that spread 21 bits over 63."""
NARROWEST_BIN = 1e-6
"""um"""
BINS_PER_CELL = 8
FEWEST_BINS = 4096
SKIN_SHARE = (0.002, 0.5)
"""Thinnest and widest skin, as shares of the widest reach of a pair."""
BUILD_PER_SKIN = 50.0
"""What building a list costs, over what each um of skin adds to a step (um); measured, benchmarks/agents.py."""


class Forces(NamedTuple):
    """What cells do to each other: velocity (n, 3) um/s; pressure (n,), the sum of max(0, 1 - d/R)^2 over neighbours;
    stiffness (n,) 1/s, a bound of the rate at which the cell's place relaxes: Gershgorin's bound
    4 sum_j [rep/R (1 - d/R) + adh/A (1 - d/A)] of the pair forces' derivatives along the line of centres. Valid when no two
    cells are nearer than a third of their reach (the forces across the line are then smaller).
    """

    velocity: Floats
    pressure: Floats
    stiffness: Floats


class Bins(NamedTuple):
    """Cells by cubes of space: members of bin b are member[start[b]:start[b + 1]].

    low (3,) corner, um; per_um (1,) bins per um; widest (1,) longest reach, um; shape (3,); where (n,) each cell's bin.
    """

    low: Floats
    per_um: Floats
    widest: Floats
    shape: Ints
    start: NDArray[np.int32]
    member: NDArray[np.int32]
    where: NDArray[np.int32]


@dataclass
class SlabList:
    """Neighbours of the cells of one slab: start (blocks + 1,) rows, index (rows x 8,) cells."""

    start: NDArray[np.int32]
    index: NDArray[np.int32]


def spatial_order(position: Floats, ids: Ints, box: Box, width: float) -> Ints:
    """The order of cells along a Z-curve (Morton 1966) through bins of `width` um, and within a bin by id.

    Deterministic whatever the order they come in; apply it to every array of cells: `array[order]`. Fastest where
    a bin holds about one cell (a radius wide): eight cells in a row then make a cube of two by two by two.
    """
    if not 0.0 < width < math.inf:
        raise refuse(ProtocolError, width, "a width of bins > 0 um", "Use the radius of a cell.")
    place = np.floor((position - box.lower) / width)
    if len(place) and not 0.0 <= place.min() <= place.max() < MOST_BINS:
        expected = f"cells in the box, fewer than {MOST_BINS} bins along an edge"
        raise refuse(ProtocolError, f"bins {place.min():g} to {place.max():g}", expected, "Use wider bins.")
    x, y, z = (_spread(place[:, axis].astype(np.uint64)) for axis in range(3))
    return np.lexsort((ids, x | y << np.uint64(1) | z << np.uint64(2)))


def _spread(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bit b of a number below 2^21 goes to bit 3b."""
    for shift, mask in SPREAD:
        x = (x | (x << np.uint64(shift))) & np.uint64(mask)
    return x


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
        self._traits, self._out = np.empty((0, 4)), np.empty((0, 5))
        self._slack, self._lasted = -1.0, 0

    def forces(self, cells: Cells) -> Forces:
        """Velocities, pressures and stiffnesses; the arrays are overwritten by the next call.

        Two cells at the very same place part in a direction that follows from their ids. Raises ProtocolError where a
        position, radius, strength or kind cannot be, naming the cell.
        """
        n = len(cells.position)
        check_shapes(cells)
        if n != len(self._reference):
            self._allocate(n)
        late, alike = self._pack(cells)
        if late or not self._lists:
            self._build(cells)
        self._lasted += 1
        traits = None if alike else self._pack_traits(cells)
        same = self._same(cells) if n else (1.0, 0.0, 0.0, 0.0)
        planar, packed, table, ids, out = self.box.planar, self._packed, self._affinity, cells.ids, self._out

        def work(slab: int) -> None:
            own = self._lists[slab]
            self._kernels.forces(
                slab * SLAB_BLOCKS, planar, own.start, own.index, packed, traits, table, same, ids, out
            )

        each(work, len(self._lists), self.threads)
        return Forces(out[:n, :3], out[:n, 3], out[:n, 4])

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
        rows = [row[row < len(self._reference)] for own in self._lists for row in _lane_lists(own)]
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
        self._reference = np.full((n, 4), np.inf)
        self._packed, self._out = _standing_by(rows), np.zeros((rows, 5))
        self._traits, self._lists = np.empty((0, 4)), []
        self._lasted = 0  # a list given up for a new cell says nothing about the skin

    def _pack(self, cells: Cells) -> tuple[bool, bool]:
        slack = self._slack if self._lists else -1.0
        found = each(
            lambda s: self._kernels.pack(
                *rows_of(s, len(cells.position)), cells, self._reference, slack, len(self._affinity), self._packed
            ),
            slabs(len(cells.position)),
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
        n, widest = len(cells.position), 0.0
        reach = np.maximum(1.0, cells.stretch) * cells.radius
        self._reference[:, :3], self._reference[:, 3] = cells.position, reach
        if n:
            widest = 2.0 * float(reach.max())
            if self._lasted:
                self.skin = math.sqrt(BUILD_PER_SKIN * self.skin / self._lasted)
            self.skin = min(max(self.skin, SKIN_SHARE[0] * widest), SKIN_SHARE[1] * widest)
        self._slack, self._lasted, self.builds = 0.5 * self.skin * (1.0 - 1e-9), 0, self.builds + 1
        bins = _bins(self._reference, self.skin, self._kernels)
        count = slabs(n)
        if len(self._lists) != count:
            self._lists = [_new_list(s, len(self._out)) for s in range(count)]
        each(lambda s: self._fill(s, bins), count, self.threads)

    def _fill(self, slab: int, bins: Bins) -> None:
        own, found, block = self._lists[slab], np.empty(FIRST_FOUND, np.int32), 0
        rank = np.empty_like(found)
        blocks, nobody, n = len(own.start) - 1, len(self._packed) - 1, len(self._reference)
        while True:
            at = np.array([slab * SLAB_BLOCKS, block])
            block = self._kernels.find_neighbours(
                at, n, self._reference, self.skin, bins, nobody, own.start, own.index, found, rank
            )
            if block == blocks:
                return
            found, rank = np.empty(2 * len(found), np.int32), np.empty(2 * len(rank), np.int32)
            if len(own.index) < LANES * (int(own.start[block]) + len(found)):
                longer = np.empty(int(MORE * len(own.index)) + LANES * len(found), np.int32)
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
    bins = _bins(line, 0.0, kernels)

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


def _new_list(slab: int, rows: int) -> SlabList:
    blocks = min(SLAB_BLOCKS, rows // LANES - slab * SLAB_BLOCKS)
    return SlabList(np.zeros(blocks + 1, np.int32), np.empty(FIRST_ROWS * LANES * blocks, np.int32))


def _lane_lists(own: SlabList) -> list[NDArray[np.int32]]:
    rows = own.index[: LANES * int(own.start[-1])].reshape(-1, LANES)
    blocks = range(len(own.start) - 1)
    return [rows[own.start[b] : own.start[b + 1], lane] for b in blocks for lane in range(LANES)]


def _bins(line: Floats, skin: float, kernels: Any) -> Bins:
    """Cells (place and reach in a line) sorted into cubes, never many more cubes than cells."""
    n = len(line)
    low, widest = (line[:, :3].min(axis=0), float(line[:, 3].max())) if n else (np.zeros(3), 1.0)
    size = line[:, :3].max(axis=0) - low if n else np.zeros(3)
    width = max((2.0 * widest + skin) / BINS_PER_REACH, NARROWEST_BIN)
    while True:
        shape = np.floor(size / width).astype(np.int64) + 1
        count = math.prod(int(s) for s in shape)
        if count <= BINS_PER_CELL * n + FEWEST_BINS:
            break
        width *= 1.25
    scales = np.array([1.0 / width]), np.array([widest])
    bins = Bins(low, *scales, shape, np.empty(count + 1, np.int32), np.empty(n, np.int32), np.empty(n, np.int32))
    kernels.fill_bins(n, line, bins)
    return bins
