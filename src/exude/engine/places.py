"""Places of a tissue: reactions, fields that move, fields at rest with what takes them up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from exude.engine import build, fields
from exude.engine.grid import new_fields
from exude.engine.layout import Floats
from exude.engine.setup import Setup, even, faces
from exude.engine.slabs import each
from exude.engine.steady import Rest
from exude.engine.supply import Around, Supply
from exude.errors import DataError, refuse

SLAB = 32768
"""Places per task: fixed, so that no result depends on threads."""
LEAST_SEEN = 1e-5
"""Share of a field's largest value below which its error counts no longer in proportion."""
NOTHING = 1e-12
"""uM, or items per um3: an error of so little is none."""
WORK_ROWS, WORK_WIDTH = 8, 64
"""Scratch of one place, as loops/tissue.py uses it."""
FAST_ROUNDS = 1
"""Rounds in which a fast field and its uptake are made to agree, once they have been."""
FAST_ERROR = 1e-5
"""Residual of a fast field, relative to what its edge and sources bring."""
LEAST = 1e-30
"""uM of a fast field below which its loss is that at LEAST: rates are divided by it."""
FAST_FLOOR = 1e-6
"""Share of its value at the edge below which a fast field's uptake no longer saturates less."""


class Places:
    """Fields (field, z, y, x) per volume, and what cells deposit there (deposit, z, y, x).

    supply: whether supplied fields react and move together, in `supply`, and `react` and `diffuse` leave them as they
    are; without it all reactions are of their place alone.
    """

    def __init__(self, setup: Setup, held: Floats, *, supply: bool = True) -> None:
        self.setup, self.fields = setup, held
        self.deposits = new_fields(setup.grid, max(1, len(setup.space.deposits)))
        self._supply = Supply(setup) if supply and setup.space.supplied else None
        self._loops = build.tissue(setup.space)
        self._reactions = self._loops if self._supply is None else build.tissue(setup.space.divided)
        self._movers: dict[str, fields.Diffuser] = {}
        self._speeds: dict[str, float | Floats] = {}
        self._rest = {
            name: Rest(setup.grid, speed, fixed=faces(setup, name)) for name, speed in setup.fast_speed.items()
        }

    def react(self, dish: Floats) -> None:
        """Reactions of all places for one step, under the levels of the dish."""
        s = self.setup
        n = self._reactions.N_REACTING
        absolute = s.relative * LEAST_SEEN * self._greatest() + NOTHING

        def work(first: int, last: int) -> int:
            scratch, jacobian = np.zeros((WORK_ROWS, WORK_WIDTH)), np.zeros((n, n))
            _, failed = self._reactions.react_rows(
                first, last, s.parameters, dish, self.fields, self.deposits, s.dt, s.relative, absolute,
                np.zeros(self._reactions.LANE_ROOM), scratch, jacobian,
            )  # fmt: skip
            return int(failed)

        if sum(self._rows(work)):
            raise refuse(
                DataError, "reactions that cannot be followed", "finite fields",
                "Take a shorter step (`step`), or look for a number that is far off.",
            )  # fmt: skip

    def _greatest(self) -> Floats:
        """Greatest magnitude of each field that `react` follows, (field,)."""

        def work(first: int, last: int) -> Floats:
            out = np.zeros(self._reactions.N_REACTING)
            self._reactions.greatest_rows(first, last, self.fields, out, np.zeros(self._reactions.LANES))
            return out

        return np.asarray(np.max(self._rows(work), axis=0))

    def diffuse(self) -> None:
        """Fields that move do so for one step."""
        s = self.setup
        for name, mover in self._movers.items():
            mover.step(self.fields[s.space.fields.index(name)], threads=s.threads)

    def supply(self, dish: Floats) -> None:
        """Supplied fields react and move for as many steps as are between two such."""
        if self._supply is not None:
            speeds = [self._speeds[name] for name in self.setup.space.supplied]
            self._supply.step(Around(self.setup.parameters, dish, self.fields, self.deposits), speeds, self._rows)

    def refresh(self, dish: Floats) -> None:
        """Mobilities of moving fields, and fast fields at rest, for the steps to come."""
        s = self.setup
        moving = s.space.moving
        out = self._mobilities(dish, len(moving))
        for q, name in enumerate(moving):
            speed = even(out[q])
            if self._supply is None or name not in s.space.supplied:
                self._prepare(name, speed)
            self._speeds[name] = speed
        if s.fast_speed:
            self.settle(dish)

    def arriving(self, dish: Floats) -> Floats:
        """Cells that come in per um3 and second, (arrival, z, y, x)."""
        s = self.setup
        return self._mobilities(dish, len(s.space.moving) + len(s.space.cascade.arrivals))[len(s.space.moving) :]

    def _mobilities(self, dish: Floats, number: int) -> Floats:
        """The first so many of: mobilities of moving fields, who comes in; (what, z, y, x)."""
        s = self.setup
        out = new_fields(s.grid, max(1, number))
        self._rows(
            lambda first, last: self._loops.mobility_rows(
                first, last, s.parameters, dish, self.fields, self.deposits, out, np.zeros((WORK_ROWS, WORK_WIDTH))
            )
        )
        return out

    def _prepare(self, name: str, speed: float | Floats) -> None:
        """What moves a field, for this diffusion coefficient."""
        s, known = self.setup, self._movers.get(name)
        if known is None:
            self._movers[name] = fields.Diffuser(s.grid, speed, 0.0, s.dt, fixed=faces(s, name))
        elif not np.array_equal(speed, self._speeds[name]):
            known.update(speed)

    def settle(self, dish: Floats, *, rounds: int = FAST_ROUNDS) -> None:
        """Fast fields at rest with what takes them up, in rounds because uptake depends on them, from where they are."""
        s = self.setup
        names = s.space.fields[s.space.reacting :]
        floor = np.array([max(FAST_FLOOR * s.edge.get(name, 0.0), LEAST) for name in names])
        loss, source = (new_fields(s.grid, max(1, len(names))) for _ in range(2))
        for _ in range(rounds):
            self._rows(
                lambda first, last: self._loops.fast_rows(
                    first, last, s.parameters, dish, self.fields, self.deposits, floor, loss, source,
                    np.zeros((WORK_ROWS, WORK_WIDTH)),
                )
            )  # fmt: skip
            for q in range(len(names)):
                if names[q] in self._rest:
                    self._steady(q, names[q], loss[q], source[q])

    def _steady(self, q: int, name: str, loss: Floats, source: Floats) -> None:
        s = self.setup
        field = self.fields[s.space.reacting + q]
        self._rest[name].settle(field, loss=loss, source=source, error=FAST_ERROR, threads=s.threads)
        np.maximum(field, 0.0, out=field)  # within its error it may lie below

    def _rows(self, work: Callable[[int, int], Any]) -> list[Any]:
        """Do work on all rows of places, in slabs on threads."""
        nz, ny, nx = self.setup.grid.shape
        per = max(1, SLAB // nx)
        cuts = [(a, min(a + per, nz * ny)) for a in range(0, nz * ny, per)]
        return each(lambda piece: work(*cuts[piece]), len(cuts), self.setup.threads)


def first_alike(q: int, amounts: Floats, spots: list[bool]) -> int:
    """The first deposit with the very amounts of number q, at the same points: what it spreads need not be spread again."""
    same = (k for k in range(q) if spots[k] == spots[q] and np.array_equal(amounts[:, k], amounts[:, q]))
    return next(same, q)
