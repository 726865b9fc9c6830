"""A field at rest with its sources and sinks: conjugate gradients on ever coarser grids, from the last solution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from exude.engine import build, sweeps
from exude.engine.grid import Grid, check_shape, flat, is_padded, new_field, no
from exude.engine.layout import Floats
from exude.errors import ProtocolError, refuse

MOST_ROUNDS = 1_000
"""Rounds after which something is wrong; ten to thirty are usual."""
COARSEST, LAST_ROUNDS = 4, 8
"""Voxels along the longest side of the coarsest grid, and Jacobi rounds on it."""
DAMPING = 0.85
"""Share of a Jacobi round that is taken."""


def steady(
    grid: Grid,
    diffusion: float | Floats,
    decay: float,
    field: Floats,
    *,
    source: Floats | None = None,
    loss: Floats | None = None,
    fixed: Mapping[str, float] | None = None,
    error: float = 1e-8,
    threads: int = 1,
) -> int:
    """Bring a field (nz, ny, nx) to rest, in its place and from where it stands; returns the rounds it took.

    div(D grad u) - (decay + loss) u + source = 0, faces as in `Diffuser`; `source`: amount per um3 and s. Until the
    residual's norm is below `error` times that of source and held values.
    Sums in one fixed order: same bits for any number of threads. Raises ProtocolError where nothing decays, is lost
    or held at a face (then no single rest exists), and for bad input.
    """
    return Rest(grid, diffusion, fixed=fixed).settle(
        field, decay, source=source, loss=loss, error=error, threads=threads
    )  # fmt: skip


class Rest:
    """What brings fields of one grid, diffusion and set of held faces to rest, again and again (`steady`).

    pushed: what held faces bring in, amount per um3 and s, (nz, ny, nx).
    """

    def __init__(self, grid: Grid, diffusion: float | Floats, *, fixed: Mapping[str, float] | None = None) -> None:
        sweeps.check(diffusion, grid.shape, "diffusion coefficients of at least 0 um2/s, a number or (nz, ny, nx)")
        self.grid, self._held = grid, sweeps.faces_of(grid, fixed or {})
        leak, self.pushed = _edges(grid, diffusion, self._held)
        self._levels = _levels(grid, _conductances(grid, diffusion), leak)

    def settle(
        self,
        field: Floats,
        decay: float = 0.0,
        *,
        source: Floats | None = None,
        loss: Floats | None = None,
        error: float = 1e-8,
        threads: int = 1,
    ) -> int:
        """As `steady`, from where the field stands; returns the rounds it took."""
        grid = self.grid
        if not sweeps.number(decay) or decay < 0:
            raise no(decay, "a decay rate of at least 0 1/s", "Give what appears as `source`.")
        if loss is not None:
            sweeps.check(loss, grid.shape, "loss rates of at least 0 1/s, (nz, ny, nx)")
        check_shape(field, grid.shape)
        if not self._held and decay == 0 and (loss is None or not np.any(loss)):
            expected = "decay, loss or a fixed face"
            raise refuse(ProtocolError, "nothing that takes the field away", expected, "Use `Diffuser` instead.")
        base, pushed = np.full(grid.shape, float(decay)), self.pushed.copy()
        if loss is not None:
            base += loss
        if source is not None:
            pushed += source
        idle = self._levels[0].through + base == 0.0  # nothing reaches these voxels and nothing leaves: they stay
        base[idle], pushed[idle] = 1.0, field[idle]
        for level in self._levels:
            _view(level.grid, level.diagonal)[...] = level.through + base
            base = _halved(base)
        room = field if is_padded(field, grid) else new_field(grid)
        room[...] = field
        whole = new_field(grid)
        whole[...] = pushed
        rounds = _solve(self._levels, flat(room, grid), flat(whole, grid), error, threads)
        field[...] = room
        return rounds


class Level(NamedTuple):
    """One grid of the preconditioner: its operator, and room for residual, correction and product (flat)."""

    grid: Grid
    faces: Floats
    """Conductance to the next voxel along x, y, z, 1/s, (3, flat)."""
    through: Floats
    """What leaves each voxel by its faces, 1/s, (nz, ny, nx)."""
    diagonal: Floats
    residual: Floats
    better: Floats
    product: Floats
    sums: Floats


def _conductances(grid: Grid, diffusion: Any) -> Floats:
    """2 / h2 (1 / D + 1 / D') to the next voxel along x, y, z, 1/s, (3, flat)."""
    resistance = _resistance(grid, diffusion)
    faces = np.zeros((3, grid.layout.nz * grid.layout.plane))
    for direction in range(grid.dimensions):
        lower, upper = _sides(direction)
        apart = resistance[lower] + resistance[upper]
        _view(grid, faces[direction])[lower] = np.where(apart < sweeps.FAR * grid.h**2, 2.0 / apart, 0.0)
    return faces


def _edges(grid: Grid, diffusion: Any, held: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Exchange with held faces (1/s), and what these push in, (nz, ny, nx)."""
    leak, pushed = np.zeros(grid.shape), np.zeros(grid.shape)
    resistance = _resistance(grid, diffusion)
    for face, value in held.items():
        place = sweeps.outermost(face)
        through = 2.0 / resistance[place]
        leak[place] += through
        pushed[place] += through * value
    return leak, pushed


def _resistance(grid: Grid, diffusion: Any) -> Floats:
    with np.errstate(divide="ignore", over="ignore"):
        resistance = np.minimum(1.0 / np.broadcast_to(np.asarray(diffusion, np.float64), grid.shape), sweeps.FAR)
    return np.asarray(resistance * grid.h**2)


def _sides(direction: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All voxels but the last, and all but the first, along x, y or z."""
    return tuple(slice(None, -1) if a == 2 - direction else slice(None) for a in range(3)), tuple(
        slice(1, None) if a == 2 - direction else slice(None) for a in range(3)
    )


def _view(grid: Grid, line: Floats) -> Floats:
    nz, ny, nx, row, plane = grid.layout
    return np.lib.stride_tricks.as_strided(line, (nz, ny, nx), (8 * plane, 8 * row, 8))


def _through(grid: Grid, faces: Floats, leak: Floats) -> Floats:
    through = leak.copy()
    for direction in range(grid.dimensions):
        lower, upper = _sides(direction)
        between = _view(grid, faces[direction])[lower]
        through[lower] += between
        through[upper] += between
    return through


def _halved(values: Floats) -> Floats:
    """Sums over two by two by two voxels."""
    for axis in range(3):
        whole = values[(slice(None),) * axis + (slice(None, None, 2),)].copy()
        rest = values[(slice(None),) * axis + (slice(1, None, 2),)]
        whole[(slice(None),) * axis + (slice(rest.shape[axis]),)] += rest
        values = whole
    return values


def _levels(grid: Grid, faces: Floats, leak: Floats) -> list[Level]:
    """The grid and ever coarser ones: sums over eight voxels, halved where a flux crosses twice the distance."""
    diagonal, residual, better, product = (flat(new_field(grid), grid) for _ in range(4))
    through, sums = _through(grid, faces, leak), np.zeros(grid.shape[0])
    level = Level(grid, faces, through, diagonal, residual, better, product, sums)
    if max(grid.shape) <= COARSEST:
        return [level]
    nz, ny, nx = (-(-n // 2) for n in grid.shape)
    coarse = Grid((nz, ny, nx), 2.0 * grid.h)
    crossing = np.zeros((3, coarse.layout.nz * coarse.layout.plane))
    for direction in range(grid.dimensions):
        whole = _view(grid, faces[direction]).copy()
        within = tuple(slice(None, None, 2) if a == 2 - direction else slice(None) for a in range(3))
        whole[within] = 0.0  # between two voxels of one pair
        _view(coarse, crossing[direction])[...] = 0.5 * _halved(whole)
    return [level, *_levels(coarse, crossing, 0.5 * _halved(leak))]


def _operate(level: Level, u: Floats, threads: int) -> float:
    """product = A u; returns u . A u."""
    given = (u, level.faces, level.diagonal, level.product, tuple(level.grid.layout))
    kernel = build.plain("points").apply_operator
    sweeps.shared(lambda a, b: kernel(*given, a, b, level.sums), level.grid.shape[0], threads)
    return math.fsum(level.sums)


def _smooth(level: Level, threads: int) -> float:
    """One damped Jacobi round on the correction; returns residual . correction."""
    given = (level.better, level.residual, level.product, level.diagonal, DAMPING, tuple(level.grid.layout))
    kernel = build.plain("points").smooth
    sweeps.shared(lambda a, b: kernel(*given, a, b, level.sums), level.grid.shape[0], threads)
    return math.fsum(level.sums)


def _improve(levels: list[Level], threads: int) -> float:
    """One symmetric V-cycle: the first level's correction from its residual; returns their product."""
    loops, level = build.plain("points"), levels[0]
    level.better[...] = 0.0
    level.product[...] = 0.0
    _smooth(level, threads)
    if len(levels) == 1:
        for _ in range(LAST_ROUNDS):
            _operate(level, level.better, threads)
            _smooth(level, threads)
        return math.fsum(level.sums)
    _operate(level, level.better, threads)
    coarse, fine = levels[1], tuple(level.grid.layout)
    its = tuple(coarse.grid.layout)
    given = (level.residual, level.product, fine, coarse.residual, its)
    sweeps.shared(lambda a, b: loops.gather(*given, a, b), coarse.grid.shape[0], threads)
    _improve(levels[1:], threads)
    sweeps.shared(
        lambda a, b: loops.scatter(coarse.better, its, level.better, fine, a, b), level.grid.shape[0], threads
    )
    _operate(level, level.better, threads)
    return _smooth(level, threads)


def _solve(levels: list[Level], field: Floats, pushed: Floats, error: float, threads: int) -> int:
    """Conjugate gradients, preconditioned by one V-cycle; the field's own array takes the solution."""
    loops, level = build.plain("points"), levels[0]
    layout, nz = tuple(level.grid.layout), level.grid.shape[0]
    search = np.zeros_like(field)

    def advance(alpha: float) -> float:
        given = (field, level.residual, search, level.product, alpha, layout)
        sweeps.shared(lambda a, b: loops.advance_solution(*given, a, b, level.sums), nz, threads)
        return math.fsum(level.sums)

    def turn(beta: float) -> None:
        given = (search, level.better, beta, layout)
        sweeps.shared(lambda a, b: loops.turn_search(*given, a, b), nz, threads)

    level.residual[...] = pushed
    scale = advance(0.0)
    if scale == 0.0:  # nothing brings anything in: at rest there is nothing, and no residual to be small against
        field[...] = 0.0
        return 0
    _operate(level, field, threads)
    level.residual[...] -= level.product
    left, before = advance(0.0), 0.0
    goal = error**2 * scale
    for rounds in range(MOST_ROUNDS):
        if left <= goal:
            return rounds
        gain = _improve(levels, threads)
        turn(gain / before if before > 0.0 else 0.0)
        left = advance(gain / _operate(level, search, threads))
        before = gain
    raise no(f"{MOST_ROUNDS} rounds", f"a residual below {error:g}", "Raise `error`, or check the coefficients.")
