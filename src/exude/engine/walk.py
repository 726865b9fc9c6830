"""Cells that walk and divide: persistent random walks, random directions, spots on cells, places of daughters.

Lengths in um, times in s, speeds in um/s. Random numbers follow from (seed, id) and, for a walk, the step: the same
bits for any number of threads and any order of the cells.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.engine import build, streams
from exude.engine.cells import Box, check_array, check_ids
from exude.engine.layout import Floats, Ints
from exude.engine.slabs import each, rows_of, slabs
from exude.engine.streams import Purpose
from exude.errors import ProtocolError, refuse

HALVED = 0.5 ** (1.0 / 3.0)
"""Radius of a sphere of half the volume."""


class Walk(NamedTuple):
    """What the walk reads of cells: heading (n, 3) um/s, changed in place; speed (n,) um/s, root of the mean of v.v;
    persistence (n,) s; drift (n, 3) um/s; freedom (n,) 0..1, by which all motion of its own is scaled; ids (n,).
    """

    heading: Floats
    speed: Floats
    persistence: Floats
    drift: Floats
    freedom: Floats
    ids: Ints


def wander(walk: Walk, dt: float, *, seed: int, step: int, planar: bool = False, threads: int = 1) -> Floats:
    """Advance persistent random walks by dt (s), exactly in law for any dt; returns displacements (n, 3), um.

    Ornstein-Uhlenbeck headings: <v.v> = S^2, <v(0).v(t)> = S^2 e^(-t/P), mean square displacement
    2 S^2 P (t - P (1 - e^(-t/P))) over all dimensions together. A drift adds dt times itself; `freedom` scales both.
    Random numbers follow from (seed, id, step) alone: give each step its own number, 0 <= step < 2^33.
    """
    _check_walk(walk, dt, step)
    kernels, out = build.plain("walk"), np.empty_like(walk.heading)
    motion = _Motion(*walk, key=np.array([streams.key(seed, Purpose.WALK)]))

    def work(slab: int) -> None:
        first, last = rows_of(slab, len(out))
        kernels.walk(first, last, planar, step, motion, dt, np.empty((6, last - first)), out)

    each(work, slabs(len(out)), threads)
    return out


def start_walk(walk: Walk, *, seed: int, planar: bool = False) -> None:
    """Headings of cells that have walked for long, from (seed, id), in place."""
    _check_walk(walk, 1.0, 0)
    n = len(walk.heading)
    motion = _Motion(*walk, key=np.array([streams.key(seed, Purpose.STAND)]))
    build.plain("walk").standing(0, n, planar, motion, np.empty((6, n)))


def directions(ids: Ints, *, seed: int, planar: bool = False) -> Floats:
    """One random unit vector (n, 3) per id, uniform on the sphere, or on the circle where planar."""
    check_ids(ids)
    out = np.empty((len(ids), 3))
    build.plain("walk").directions(streams.key(seed, Purpose.DIVIDE), ids, planar, out)
    return out


class Spheres(NamedTuple):
    """Cells as spheres: ids (n,), position (n, 3) and radius (n,), um."""

    ids: Ints
    position: Floats
    radius: Floats


def spots(cells: Spheres, count: int, box: Box, *, seed: int, turn: int) -> Floats:
    """Random places (n, count, 3), um, uniform on each cell's surface, or where planar on the circle it stands on.

    They follow from (seed, turn, id); what lies beyond the box is moved to its wall.
    """
    n = len(cells.ids)
    check_ids(cells.ids)
    check_array("position", cells.position, (n, 3))
    check_array("radius", cells.radius, (n,))
    out = np.empty((n, count, 3))
    build.plain("walk").spots(0, n, box.planar, streams.key(seed, Purpose.SPOT, turn), cells, box, out)
    return out


def divide(
    position: Floats, radius: Floats, ids: Ints, box: Box, *, seed: int, apart: float = 0.5
) -> tuple[Floats, Floats, Floats]:
    """Daughters of dividing cells: (places of one (n, 3), places of the other (n, 3), radius of each (n,)), um.

    Volume is kept, r' = r / 2^(1/3), and the centre of both, away from walls; the daughters lie `apart` mother radii to
    either side of it in a direction from (seed, id). Give the ids of the new daughters: a mother may divide again.
    """
    offset = (apart * radius)[:, None] * directions(ids, seed=seed, planar=box.planar)
    low, high = (box.lower, box.upper)
    places = [np.clip(position + side * offset, low, high) for side in (1.0, -1.0)]
    if box.planar:
        for place in places:
            place[:, 2] = position[:, 2]
    return places[0], places[1], HALVED * radius


class _Motion(NamedTuple):
    """A `Walk` and the key of its random numbers, as the kernel takes it."""

    heading: Floats
    speed: Floats
    persistence: Floats
    drift: Floats
    freedom: Floats
    ids: Ints
    key: NDArray[np.uint64]


def _check_walk(walk: Walk, dt: float, step: int) -> None:
    if not 0.0 < dt < math.inf:
        raise refuse(ProtocolError, dt, "a step > 0 s", "Give the time to walk.")
    if not 0 <= step < 2**33:
        raise refuse(ProtocolError, step, "a number of the step from 0 to 2^33 - 1", "Count steps from 0.")
    n = len(walk.heading)
    for name, array in zip(Walk._fields, walk, strict=True):
        shape = (n, 3) if name in ("heading", "drift") else (n,)
        check_array(name, array, shape, np.int64 if name == "ids" else np.float64)
    check_ids(walk.ids)
    if not build.plain("walk").walks_wrong(0, n, walk):
        return
    good = {
        "heading": np.isfinite(walk.heading).all(axis=1),
        "speed": (walk.speed >= 0.0) & (walk.speed < np.inf),
        "persistence": (walk.persistence > 0.0) & (walk.persistence < np.inf),
        "drift": np.isfinite(walk.drift).all(axis=1),
        "freedom": (walk.freedom >= 0.0) & (walk.freedom <= 1.0),
    }
    for name, right in good.items():
        if not right.all():
            row = int(np.argmin(right))
            said = f"{name} {getattr(walk, name)[row]} of cell {walk.ids[row]} (row {row})"
            wanted = "finite numbers: speed >= 0, persistence > 0, freedom from 0 to 1"
            raise refuse(ProtocolError, said, wanted, "A cell at rest has speed 0.")
