"""Fields that react as fast as they move: one implicit step of reactions and diffusion together.

(u - u0) / dt = div(D grad u) + R(u), backward Euler. Unlike reactions and diffusion in turn it knows what a place is
brought while it uses things up, and unlike one direction after the other it is right next to a point that does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from exude.engine import build
from exude.engine.grid import Grid, new_fields, total
from exude.engine.layout import Floats, Ints
from exude.engine.setup import Setup, faces
from exude.engine.steady import Rest
from exude.errors import DataError, ExudeError, refuse

COARSEST = 4
"""Voxels along the longest side of the coarsest grid."""
ERROR = 1e-6
"""Residual of one solution, relative to what stands on the right."""
ERROR_DEEP = 3e-2
"""The same in an open box of three dimensions, where faces bring most: over what was there and what is made."""
MOST_ROUNDS = 200
"""Rounds of a solution after which something is wrong; about ten are usual."""
AGREED = 0.1
"""How far reactions of a place, with what neighbours exchange, may be from the solutions, over a field's largest value.
They are linear about these, so what is left is about the square of it; docs/tissue.md says what it comes to."""
MOST_TURNS = 200
"""Turns within which fields must agree; one is usual, more where invadopodia have just come."""

Rows = Callable[[Callable[[int, int], Any]], list[Any]]


class Around(NamedTuple):
    """What reactions of places read: parameters, levels of the dish, all fields, all deposits."""

    parameters: Floats
    dish: Floats
    fields: Floats
    deposits: Floats


class Ways(NamedTuple):
    """How places exchange: speeds (supplied field, z, y, x), um2/s; 1 / h2, 1/um2."""

    speeds: Floats
    over: float


Solve = Callable[[Floats, int, float | Floats], None]


class Supply:
    """Steps of the supplied fields; keeps no state between steps but room to work in.

    Same bits for any number of threads. In a box with closed faces balances of the reactions and the sum of a field that
    only moves are kept to rounding, whatever `ERROR` and `AGREED`; in an open one there is one turn of each step. One
    layer has a solver of its own (loops/supply.py), quick where it is small.
    """

    def __init__(self, setup: Setup) -> None:
        space = setup.space
        self.setup = setup
        self._loops, self._dt = build.tissue(space.divided), setup.steps_per_supply * setup.dt
        held = [faces(setup, name) for name in space.supplied]
        self._closed = all(h is None for h in held)
        self._solve = self._in_layer() if setup.planar else self._in_depth(held)
        first = space.fields.index(space.supplied[0])
        self._mine = slice(first, first + len(space.supplied))
        self._loss, self._source = new_fields(setup.grid, 2)
        self._found = new_fields(setup.grid, len(space.supplied))

    def step(self, around: Around, speeds: Sequence[float | Floats], rows: Rows) -> int:
        """Advance the supplied fields in their place; returns the turns it took.

        speeds: of each supplied field, um2/s, a number or (nz, ny, nx). rows: does work(first, last) for all rows of
        places. A turn: each field solved with the others held and its own reactions linear; then reactions of each place
        together, with what neighbours exchange in these solutions. Raises DataError for numbers that cannot be followed.
        """
        mine = around.fields[self._mine]
        before = mine.copy()
        for turn in range(MOST_TURNS):
            for q, speed in enumerate(speeds):
                self._line(around, q, before, rows)
                self._solve(mine[q], q, speed)
            if not self._closed:
                return 1
            if self._close(around, before, speeds, rows) <= AGREED:
                mine[...] = self._found
                return turn + 1
        raise _lost(f"{MOST_TURNS} turns that do not agree")

    def _line(self, around: Around, q: int, before: Floats, rows: Rows) -> None:
        """What a field loses and gains at each place, linear about what it is."""
        given = (*around, q, before[q], self._dt, self._loss, self._source)
        rows(lambda first, last: self._loops.supply_rows(first, last, *given))

    def _close(self, around: Around, before: Floats, speeds: Sequence[float | Floats], rows: Rows) -> float:
        """Reactions of each place with what neighbours exchange; how far that is from the solutions."""
        s, mine, found = self.setup, around.fields[self._mine], self._found
        n = len(mine)
        ways = Ways(np.stack([np.broadcast_to(v, s.grid.shape) for v in speeds]), 1.0 / s.grid.h**2)
        failed = rows(
            lambda a, b: self._loops.close_rows(a, b, *around, ways, before, self._dt, found, np.empty((n, n)))
        )
        if sum(failed):
            raise _lost("a singular step of the reactions")
        most = np.max(mine, axis=(1, 2, 3))
        return float(np.max(np.max(np.abs(found - mine), axis=(1, 2, 3)) / np.where(most > 0.0, most, 1.0)))

    def _in_layer(self) -> Solve:
        """Of one layer: the whole solution in one kernel."""
        solver, grid = build.plain("supply"), self.setup.grid
        levels, places = levels_of(grid)
        room = np.zeros((solver.N_ROOMS, places))

        def solve(field: Floats, q: int, speed: float | Floats) -> None:
            wide = np.ascontiguousarray(np.broadcast_to(speed, grid.shape))
            rounds = solver.solve_layer(
                field, self._loss, self._source, wide, 1.0 / grid.h**2, 1.0 / self._dt, ERROR, MOST_ROUNDS, levels, room
            )
            if rounds < 0:
                raise _lost(f"{MOST_ROUNDS} rounds without a solution")

        return solve

    def _in_depth(self, held: Sequence[Mapping[str, float] | None]) -> Solve:
        """Of three dimensions: what is at rest when all that was there is given and taken within the step."""
        known: list[tuple[float | Floats, Mapping[str, float] | None, Rest]] = []

        def rest_of(q: int, speed: float | Floats) -> Rest:
            """Fields of one speed and one value at the faces share what is made for them: it takes much room."""
            for its, edge, rest in known:
                if edge == held[q] and np.array_equal(its, speed):
                    return rest
            known.append((speed, held[q], Rest(self.setup.grid, speed, fixed=held[q])))
            del known[: -len(held)]  # of speeds that are no more
            return known[-1][2]

        def solve(field: Floats, q: int, speed: float | Floats) -> None:
            rest, source = rest_of(q, speed), self._source
            whole = 0.0 if held[q] is None else total((source + rest.pushed) ** 2)
            error = ERROR_DEEP * math.sqrt(total(source**2) / whole) if whole > 0.0 else ERROR
            rest.settle(field, 1.0 / self._dt, source=source, loss=self._loss, error=error, threads=self.setup.threads)
            np.maximum(field, 0.0, out=field)  # within its error it may lie below

        return solve


def levels_of(layer: Grid) -> tuple[Ints, int]:
    """(level, 3): where each grid begins in the scratch, and its places along y and x, the finest first; room for all."""
    found, begin = [], 0
    _, ny, nx = layer.shape
    while True:
        found.append((begin, ny, nx))
        begin += (ny + 2) * (nx + 2)
        if max(ny, nx) <= COARSEST:
            return np.array(found, np.int64), begin
        ny, nx = -(-ny // 2), -(-nx // 2)


def _lost(got: str) -> ExudeError:
    fix = "Take a shorter step (`step`), or look for a number that is far off."
    return refuse(DataError, got, "supplied fields that can be followed", fix)
