"""Cells in space as rows of arrays, and the small geometry of a cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exude.engine import numbers as exact
from exude.engine import streams
from exude.engine.grid import Grid
from exude.engine.layout import Floats, Ints
from exude.engine.streams import Purpose

LN2 = 0.6931471805599453
VOLUME_BORN = LN2
"""Volume of a newborn cell over the mean: in a growing culture cells are 1/ln 2 - 1 of their way on average."""
SHORTEST_CYCLE = 0.2
"""No cell's cycle is shorter than this share of the mean."""
FINEST = 0.2
"""Voxels finer than this share of a radius are not told apart in a body."""

ALIKE = 1e-6
"""Logarithm of a ratio below which the logarithmic mean of two numbers is their mean, to 1e-13."""


@dataclass(frozen=True)
class Shape:
    """Numbers of cells in space that no rate text reads."""

    radius: float
    """Of a cell of mean volume, um."""
    reach: float
    """Farthest distance at which cells hold on, over the sum of radii."""
    spots: int
    """Invadopodia of a cell."""
    spot_life: float
    """How long an invadopodium stays where it is, s."""
    cycle_spread: float
    """Standard deviation of the length of the cell cycle, share of its mean."""


STAYS, DIES, LEAVES = -1, -2, -3
"""Fates of a cell; another number is the kind that it becomes."""


class Body(NamedTuple):
    """Cells in space, one row each, in spatial order."""

    ids: Ints
    kind: Ints
    founder: Ints  # row of the table of levels: kind x founders + founder
    position: Floats  # (cell, 3) um
    heading: Floats  # (cell, 3) um/s, of the walk
    radius: Floats  # um
    progress: Floats  # through the cell cycle; a cell of 1 divides
    pace: Floats  # of the cycle, 1 on average
    life: Floats  # what is left of a unit exponential
    pressure: Floats  # of neighbours, in the step before
    clocks: Floats  # (cell, event) what is left of a unit exponential
    partner: Ints  # id of the cell that it is bound to, or bonds.FREE
    fate: Ints  # what it becomes when the window ends: STAYS, DIES, LEAVES or a kind
    pools: Floats  # (cell, pool)


def radius_of(mean: float | Floats, progress: Floats) -> Floats:
    """Radius (n,), um, of cells on their way through the cycle: the volume doubles from birth to division.

    V = ln 2 (1 + progress) V_mean. mean: radius at the mean volume, um, of all cells or (n,) of each; progress (n,).
    """
    volume = VOLUME_BORN * (1.0 + np.minimum(progress, 1.0))
    return np.asarray(mean * exact.exp(exact.log(volume) / 3.0))


def pace_of(ids: Ints, seed: int, spread: float) -> Floats:
    """How fast each cell goes through its cycle, 1 on average over the time it takes."""
    z = exact.normal(streams.uniforms(seed, Purpose.CYCLE, ids, 1))[:, 0]
    return np.asarray(1.0 / np.maximum(1.0 + spread * z, SHORTEST_CYCLE))


def life_of(ids: Ints, seed: int) -> Floats:
    """A unit exponential for each cell: it dies when its summed risk reaches it."""
    return -exact.log(streams.uniforms(seed, Purpose.LIFE, ids, 1)[:, 0])


def clocks_of(ids: Ints, seed: int, events: int, turn: int = 0) -> Floats:
    """(cell, event) unit exponentials: an event happens when its summed rate has reached one."""
    return -exact.log(streams.uniforms(seed, Purpose.EVENT, ids, max(1, events), turn=turn)[:, :events])


def pattern(fineness: float, planar: bool) -> Floats:
    """Points (n, 3) evenly in a unit cell, as many as voxels of `fineness` radii can tell apart."""
    per = max(1, math.floor(1.0 / max(fineness, FINEST)))
    along = (2.0 * np.arange(per) + 1.0) / per - 1.0
    up = np.zeros(1) if planar else along
    points = np.stack(np.meshgrid(along, along, up, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(points[dot(points, points) <= 1.0])


def dot(a: Floats, b: Floats) -> Floats:
    """Inner products of rows of three, in one fixed order."""
    return np.asarray(a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2])


def voxels(position: Floats, grid: Grid) -> tuple[Ints, Ints, Ints]:
    """(z, y, x) of the voxel each place lies in."""
    at = np.floor((position - np.array(grid.origin)) / grid.h).astype(np.int64)
    nz, ny, nx = grid.shape
    return tuple(np.clip(at[:, 2 - a], 0, n - 1) for a, n in enumerate((nz, ny, nx)))


def turned(way: Floats, along: Floats, guidance: Floats, dimensions: int) -> Floats:
    """Steps (cell, 3) turned towards fibres `along` (unit vectors, or 0 where there are none) by a share `guidance`.

    The mean square of a random step stays what it was (Ray 2017).
    """
    share = np.where(dot(along, along) > 0.0, guidance, 0.0)[:, None]
    ahead = dot(way, along)[:, None] * along * np.sqrt(dimensions)
    return np.asarray(np.sqrt(1.0 - share) * way + (1.0 - np.sqrt(1.0 - share)) * ahead)


def log_mean(before: Floats, after: Floats) -> Floats:
    """What cells meet, on average over a step, of something used up there in proportion to itself; 0 from or to nothing.

    (a - b) / ln(a / b): exosomes come in bursts before and after they react, and most are gone in between. (cell,) each.
    """
    a, b = np.maximum(before, 0.0), np.maximum(after, 0.0)
    there = (a > 0.0) & (b > 0.0)
    fall = exact.log(np.divide(a, b, out=np.ones_like(a), where=there))
    mean = np.divide(a - b, fall, out=(a + b) / 2.0, where=np.abs(fall) > ALIKE)
    return np.where(there, mean, 0.0)
