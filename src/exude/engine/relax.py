"""Long steps of crowded cells: a stabilised Runge-Kutta-Chebyshev method.

Cells that touch relax within seconds while they walk for minutes. An explicit method of few stages must follow the
former; this one spends s stages of forces on a step that is stable up to 0.65 (s^2 - 1) over the fastest rate (Sommeijer,
Shampine and Verwer 1997, doi:10.1016/S0377-0427(97)00219-7), second order in time. Same bits for any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.engine import build
from exude.engine.agents import Forces, Mechanics
from exude.engine.body import dot
from exude.engine.cells import Cells, check_array
from exude.engine.layout import Floats, Ints
from exude.engine.slabs import each, rows_of, slabs
from exude.errors import ProtocolError, refuse

DAMPING = 2.0 / 13.0
"""The textbook's: each oscillating mode shrinks by at least 5 % in a step."""
FEWEST, MOST = 2, 12
"""Stages; of more, rounding and the change of forces within a step begin to count."""

SHARE = 0.2
"""Of its radius, how far a cell may go in a piece at the speed it has at its start."""
STIFFER = 1.1
"""The fastest rate is bounded at the start; cells that are pushed together may become this much stiffer on the way."""


class Scheme(NamedTuple):
    """Shares of the stages of one step: `first` of the step's length; then (start, last, older, now, at the start)."""

    reach: float
    first: float
    later: tuple[tuple[float, float, float, float, float], ...]


@cache
def scheme(stages: int) -> Scheme:
    """Coefficients of Runge, Kutta and Chebyshev's method from T_j, T'_j and T''_j at 1 + DAMPING / s^2."""
    at = 1.0 + DAMPING / stages**2
    t, d, dd = [1.0, at], [0.0, 1.0], [0.0, 0.0]
    for _ in range(2, stages + 1):
        t.append(2.0 * at * t[-1] - t[-2])
        d.append(2.0 * t[-2] + 2.0 * at * d[-1] - d[-2])
        dd.append(4.0 * d[-2] + 2.0 * at * dd[-1] - dd[-2])
    step = d[-1] / dd[-1]
    b = [dd[j] / d[j] ** 2 if j > 1 else dd[2] / d[2] ** 2 for j in range(stages + 1)]
    later = []
    for j in range(2, stages + 1):
        last, older, now = 2.0 * b[j] * at / b[j - 1], -b[j] / b[j - 2], 2.0 * b[j] * step / b[j - 1]
        later.append((1.0 - last - older, last, older, now, -(1.0 - b[j - 1] * t[j - 1]) * now))
    return Scheme((1.0 + at) / step, b[1] * step, tuple(later))


def piece_for(cells: Cells, drive: Floats, rate: float, left: float) -> tuple[float, int]:
    """(length, stages) of the next piece of what is `left` (s): no cell goes further than SHARE of its radius at its
    speed `drive` (n, 3), um/s, and `rate`, the fastest (1/s), is within the method's reach.
    """
    if not len(drive):
        return left, FEWEST
    feels = _feels(cells)  # others go straight whatever the length
    speed = float(np.sqrt(dot(drive, drive) / (cells.radius * cells.radius)).max(initial=0.0, where=feels))
    pieces = max(1, math.ceil(left * max(speed / SHARE, rate / scheme(MOST).reach)))
    length = left / pieces
    stages = next(s for s in range(FEWEST, MOST + 1) if length * rate <= scheme(s).reach or s == MOST)
    return length, stages


def relax(mechanics: Mechanics, cells: Cells, way: Floats, heading: Floats, dt: float) -> Floats:
    """Move cells by what they do to each other and by their own `way` (n, 3), um, for dt (s), in place.

    x' = sum of the pair forces (engine/agents.py) + way / dt. A wall holds a cell and turns its `heading`. Returns the
    pressure on each cell at the start (n,). Raises ProtocolError for a `way` or place that is no number.
    Valid while `way` is small against the room a cell has: forces see it only stage by stage.
    """
    n = len(cells.position)
    if not 0.0 < dt < math.inf:
        raise refuse(ProtocolError, dt, "a step > 0 s", "Give the time to move.")
    for name, array in {"position": cells.position, "way": way, "heading": heading}.items():
        check_array(name, array, (n, 3))
    for what, given in {"way": way, "position": cells.position}.items():
        if not np.isfinite(given).all():
            row = int(np.argmin(np.isfinite(given).all(axis=1)))
            said = f"a {what} {given[row]} of cell {cells.ids[row]} (row {row})"
            raise refuse(ProtocolError, said, "finite um", "Mend it.")
    crowd = _Crowd(mechanics, cells)
    found = crowd.forces(cells.position)
    pressure = found.pressure.copy()
    rate = STIFFER * crowd.fastest()
    walkers, left = _Walkers(crowd, cells, way / dt, heading), dt
    while True:
        drive = found.velocity + walkers.speed
        crowd.expect(np.sqrt(dot(drive, drive)))
        length, stages = piece_for(cells, drive, rate, left)
        walkers.step(found.velocity, scheme(stages), length)
        if length == left:
            return pressure
        left -= length
        found = crowd.forces(cells.position)


def _feels(cells: Cells) -> NDArray[np.bool_]:
    """Which cells push or pull, (n,)."""
    return cells.repulsion + cells.adhesion > 0.0


class _Crowd:
    """Those of the cells that push or pull: the others add exactly 0 to every force, and stand in no list."""

    def __init__(self, mechanics: Mechanics, cells: Cells) -> None:
        feels, n = _feels(cells), len(cells.position)
        self.mechanics, self.cells = mechanics, cells
        self.rows: slice | Ints = slice(None)
        self._all = Forces(np.zeros((n, 3)), np.zeros(n))
        if not feels.all():
            self.rows = np.flatnonzero(feels)
            self.cells = Cells._make(column[self.rows] for column in cells)

    def forces(self, position: Floats) -> Forces:
        """On all cells at these places (n, 3); overwritten by the next call."""
        if isinstance(self.rows, slice):
            return self.mechanics.forces(self.cells._replace(position=position))
        self.cells.position[...] = position[self.rows]
        found = self.mechanics.forces(self.cells)
        for whole, part in zip(self._all, found, strict=True):
            whole[self.rows] = part
        return self._all

    def fastest(self) -> float:
        """A bound of the greatest rate (1/s) at which a cell's place relaxes where `forces` last found them."""
        return float(self.mechanics.rates(self.cells).max(initial=0.0))

    def expect(self, way: Floats) -> None:
        """How far (n,), um, each cell may go soon (`Mechanics.expect`)."""
        self.mechanics.expect(way[self.rows])


class _Walkers:
    """Cells on their way: speed (n, 3) of their own, um/s, and room for three stages."""

    def __init__(self, crowd: _Crowd, cells: Cells, speed: Floats, heading: Floats) -> None:
        self.crowd, self.cells, self.speed, self.heading = crowd, cells, speed, heading
        self.older, self.now, self.drive = (np.empty_like(speed) for _ in range(3))

    def step(self, velocity: Floats, shares: Scheme, dt: float) -> None:
        """One step from the velocities found where cells stand."""
        kernels, cells, older, now = build.plain("relax"), self.cells, self.older, self.now
        self._work(kernels.first_stage, shares.first * dt, (cells.position, now), self.drive, velocity, self.speed)
        older[...] = cells.position
        for a, b, c, d, e in shares.later:
            velocity = self.crowd.forces(now).velocity
            mix = (a, b, c, d * dt, e * dt)
            self._work(kernels.stage, mix, (cells.position, now, older), self.drive, velocity, self.speed)
            older, now = now, older
        self._work(kernels.land, cells.position, now, self.heading)

    def _work(self, kernel: Callable[..., None], *given: Any) -> None:
        n, mechanics = len(self.speed), self.crowd.mechanics
        each(lambda slab: kernel(*rows_of(slab, n), *given, mechanics.box), slabs(n), mechanics.threads)
