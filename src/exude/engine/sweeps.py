"""Coefficients of the implicit sweeps, and the sweeps on threads: constant coefficients, or a resistance per voxel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exude.engine import build
from exude.engine.grid import LINE, WIDTH, Grid, flat, no, padded
from exude.engine.layout import Floats
from exude.engine.slabs import each
from exude.errors import ProtocolError, refuse

Singles = NDArray[np.float32]
FACES = ("x-", "x+", "y-", "y+", "z-", "z+")
"""The box's faces, as `fixed` names them."""
FAR = 1e30
"""Resistance (s/um2) of what lets nothing through; a diffusion coefficient below its inverse counts as 0."""
GROUPS, PAIR = 4, 2
"""Groups of eight rows under way, and vectors where coefficients vary; sizes of scratch as in loops/fields.py."""
XY, Z = 3, 4
"""Sweeps along x (1) and y (2) of a plane together; along z."""


@dataclass(frozen=True)
class Constant:
    """Coefficients that are the same everywhere, and the factors of each direction, (p, s) by voxel of a line."""

    grid: Grid
    diffusion: float
    couple: float
    """dt D / h2."""
    factors: tuple[Floats, ...]

    def leak(self, face: tuple[Any, ...]) -> float:
        """Coefficient between an outermost voxel and a value held at the face: twice that between voxels."""
        return 2.0 * self.couple

    def sweep(self, field: Floats, axes: int, threads: int) -> None:
        """Sweep along x (1), y (2), both (3) or z (4)."""
        loops, layout, line = build.plain("fields"), tuple(self.grid.layout), flat(field, self.grid)
        if axes == Z:
            shared(lambda a, b: loops.pillars(line, layout, a, b, self.factors[2]), self.grid.shape[1], threads)
            return
        x, y = self.factors[:2]
        work = lambda a, b: loops.planes(line, layout, a, b, axes, x, y, _scratch(self.grid))  # noqa: E731
        shared(work, self.grid.shape[0], threads)


@dataclass(frozen=True)
class Local:
    """A resistance 1 / D (s/um2) and perhaps a loss rate (1/s) per voxel, padded as a field, and scalars by direction."""

    grid: Grid
    resistance: Singles
    loss: Singles | None
    numbers: tuple[tuple[float, ...], ...]
    """h2 / 2 dt; 1 + dt decay / n; dt / n; resistance beyond the lower and beyond the upper face."""

    def leak(self, face: tuple[Any, ...]) -> Floats:
        """Coefficient between each outermost voxel and a value held at the face."""
        found: Floats = 1.0 / (self.resistance[face].astype(np.float64) * self.numbers[0][0])
        return found

    def sweep(self, field: Floats, axes: int, threads: int) -> None:
        """Sweep along x (1), y (2), both (3) or z (4)."""
        loops, layout, line = build.plain("fields"), tuple(self.grid.layout), flat(field, self.grid)
        loss = None if self.loss is None else flat(self.loss, self.grid)
        given = flat(self.resistance, self.grid), loss, self.numbers
        if axes == Z:
            work: Callable[[int, int], None] = lambda a, b: loops.local_pillars(  # noqa: E731
                line, layout, a, b, *given, _scratch(self.grid)
            )
            shared(work, self.grid.shape[1], threads)
            return
        shared(
            lambda a, b: loops.local_planes(line, layout, a, b, axes, *given, _scratch(self.grid)),
            self.grid.shape[0],
            threads,
        )


def constant(grid: Grid, diffusion: float, decay: float, dt: float, fixed: Mapping[str, float]) -> Constant:
    """Factors of BioFVM's tridiagonal systems, one per direction (p_m couples voxel m to m + 1, s_m scales)."""
    couple, fade = dt * diffusion / grid.h**2, dt * decay / grid.dimensions
    factors = []
    for axis, n in enumerate(reversed(grid.shape)):
        pivot = np.full(n, 1.0 + 2.0 * couple + fade)
        for end, face in ((0, FACES[2 * axis]), (n - 1, FACES[2 * axis + 1])):
            pivot[end] += couple if face in fixed else -couple
        for m in range(1, n):
            pivot[m] -= couple * couple / pivot[m - 1]
        ahead = WIDTH if axis == 0 else 0  # along x a tile looks one vector back
        made = np.zeros((2, ahead + -(-n // WIDTH) * WIDTH))
        made[0, ahead : ahead + n - 1] = couple / pivot[:-1]
        made[1, ahead : ahead + n] = 1.0 / pivot
        factors.append(made)
    return Constant(grid, diffusion, couple, tuple(factors))


def local(
    grid: Grid, coefficients: tuple[Any, Floats | None], decay: float, dt: float, fixed: Mapping[str, float]
) -> Local:
    """The same from coefficients per voxel, (diffusion, loss), kept as singles."""
    diffusion, loss = coefficients
    share = dt / grid.dimensions
    resistance = padded(grid, np.float32, 0.0 if FACES[1] in fixed else FAR)
    resistance[...] = resistances(diffusion, grid.shape)
    kept = None
    if loss is not None:
        kept = padded(grid, np.float32)
        kept[...] = loss
    ends = [tuple(0.0 if face in fixed else FAR for face in FACES[2 * axis : 2 * axis + 2]) for axis in range(3)]
    first = (grid.h**2 / (2.0 * dt), 1.0 + share * decay, share)
    return Local(grid, resistance, kept, tuple((*first, *end) for end in ends))


def resistances(diffusion: float | Floats, shape: tuple[int, int, int]) -> Singles:
    """1 / D by voxel, kept to 24 bits."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.broadcast_to(np.minimum(1.0 / np.asarray(diffusion, np.float64), FAR).astype(np.float32), shape)


def _scratch(grid: Grid) -> Floats:
    """What a thread needs beside the field, on whole cache lines: groups of rows by all columns, or vectors by a line."""
    tiles = -(-grid.shape[2] // WIDTH)
    size = max(GROUPS * (tiles + 2) * WIDTH * WIDTH, PAIR * WIDTH * max(grid.shape))
    room = np.zeros(size + WIDTH)
    skip = -room.ctypes.data % LINE // room.itemsize
    return room[skip : skip + size]


def shared(work: Callable[[int, int], None], n: int, threads: int) -> None:
    """Do work(first, last) for 0..n-1 in equal parts on threads; every part writes only what is its own."""
    threads = min(threads, n)
    if threads <= 1:
        work(0, n)
        return
    cuts = [n * t // threads for t in range(threads + 1)]
    each(lambda part: work(cuts[part], cuts[part + 1]), threads, threads)


def number(x: object) -> bool:
    """Whether something is one finite number."""
    return isinstance(x, (int, float, np.integer, np.floating)) and math.isfinite(x)


def outermost(face: str) -> tuple[Any, ...]:
    """The voxels along a face, as a place in a field (nz, ny, nx)."""
    axis = 2 - FACES.index(face) // 2
    return tuple((0 if face[1] == "-" else -1) if a == axis else slice(None) for a in range(3))


def faces_of(grid: Grid, fixed: Mapping[str, float]) -> dict[str, float]:
    """The values held at faces, checked, in the order of `FACES`."""
    known = FACES[: 2 * grid.dimensions]
    for face, value in fixed.items():
        if face not in known:
            raise refuse(ProtocolError, face, f"one of {', '.join(known)}", "A single layer has no z faces.", known)
        if not number(value) or value < 0:
            raise no((face, value), "a finite value of at least 0", "Give the field's value at the face.")
    return {face: float(fixed[face]) for face in FACES if face in fixed}


def check(given: Any, shape: tuple[int, int, int], expected: str) -> None:
    """Refuse rates of a wrong shape, negative or not finite, naming the first bad voxel."""
    values = np.asarray(given, np.float64)
    if values.ndim and values.shape != shape:
        raise no(values.shape, f"{expected} = {shape}", "Give one value per voxel.")
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        place = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), values.shape))
        raise no(float(values[place]), expected, f"Look at voxel {place} (z, y, x)." if place else "Correct it.")
