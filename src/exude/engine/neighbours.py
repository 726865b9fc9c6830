"""Where cells are looked for: a spatial order, cubes of space, and lists of neighbours as the loops read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.engine.cells import Box
from exude.engine.layout import Floats, Ints
from exude.engine.slabs import SLAB
from exude.errors import ProtocolError, refuse

LANES = 8
"""Cells of a block, as in the kernel."""
SLAB_BLOCKS = SLAB // LANES
"""Blocks per task of a thread."""
FIRST_ROWS = 24
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


class Bins(NamedTuple):
    """Cells by cubes of space: members of bin b are member[start[b]:start[b + 1]].

    low (3,) corner, um; per_um (1,) bins per um; widest (1,) longest reach, um; shape (3,); where (n,) each cell's bin;
    line (4, n + 8) place and reach of the members, in their order; it and `member` are read by eights beyond the end.
    """

    low: Floats
    per_um: Floats
    widest: Floats
    shape: Ints
    start: NDArray[np.int32]
    member: NDArray[np.int32]
    where: NDArray[np.int32]
    line: Floats


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


def new_list(slab: int, rows: int) -> SlabList:
    """An empty list of the cells of one slab, of `rows` lines of memory in all."""
    blocks = min(SLAB_BLOCKS, rows // LANES - slab * SLAB_BLOCKS)
    return SlabList(np.zeros(blocks + 1, np.int32), np.empty(FIRST_ROWS * LANES * blocks, np.int32))


def lane_lists(own: SlabList) -> list[NDArray[np.int32]]:
    """Each cell's own neighbours, and nobody where its list is filled up."""
    rows = own.index[: LANES * int(own.start[-1])].reshape(-1, LANES)
    blocks = range(len(own.start) - 1)
    return [rows[own.start[b] : own.start[b + 1], lane] for b in blocks for lane in range(LANES)]


def sorted_into_bins(line: Floats, kernels: Any) -> Bins:
    """Cells (place and reach in a line) sorted into cubes, never many more cubes than cells."""
    n = len(line)
    low, widest = (line[:, :3].min(axis=0), float(line[:, 3].max())) if n else (np.zeros(3), 1.0)
    size = line[:, :3].max(axis=0) - low if n else np.zeros(3)
    width = max(2.0 * widest / BINS_PER_REACH, NARROWEST_BIN)
    while True:
        shape = np.floor(size / width).astype(np.int64) + 1
        count = math.prod(int(s) for s in shape)
        if count <= BINS_PER_CELL * n + FEWEST_BINS:
            break
        width *= 1.25
    scales = np.array([1.0 / width]), np.array([widest])
    start, member, where = np.empty(count + 1, np.int32), np.zeros(n + LANES, np.int32), np.empty(n, np.int32)
    bins = Bins(low, *scales, shape, start, member, where, np.zeros((4, n + LANES)))
    kernels.fill_bins(n, line, bins)
    return bins
