"""Bonds between cells: who touches whom on its way, binds, hits and lets go, step by step.

Law of a step of dt, cells going straight, rates held as they are at its start:

- a free seeker binds each target at `on` while their surfaces are at most `touch` apart, wherever on the way that is
  (a swept sphere): the first of the pairs' exponentials. It then goes with its target from where it bound;
- a bound one lets go at `off`, and loses a target that died, is of another kind now, or came further than `tether`;
- while bound it hits at its rates: Poisson numbers of rate x time bound, added to the target's pools in order of ids;
- its pools in `sets` become their texts times the share of the step for which it was bound: their sum over steps is the
  exact time bound whatever dt, so what accrues by them is off by the shift of one step only. A text that multiplies
  two of them counts the few steps in which a bond begins or ends too low.

Exact in law for cells that go straight and rates that stay, up to STAYS bonds of a seeker in one step; thereafter it
stays free until the next. What a walk of 5 um/min and 3 min does within a step is lost: against steps of 3 s, seekers
that bind at once find 1, 3 and 5 % too few at 30, 60 and 120 s (touch looked at once per step: 1, 5 and 10 %).

Lengths in um, times in s. The same bits for any number of threads and any order of cells.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.derive.bonds import Pair
from exude.engine import build, streams
from exude.engine.cells import check_array, check_ids
from exude.engine.layout import Floats, Ints
from exude.engine.neighbours import sorted_into_bins
from exude.engine.slabs import each, rows_of, slabs
from exude.engine.streams import Purpose
from exude.errors import ProtocolError, refuse

FREE = -1
"""Partner of a seeker without one."""
STAYS = 4
"""Bonds that one seeker can have in one step."""
CUBE = 10.0
"""How much wider (um) than a target two cubes of space are: a seeker then looks into a few rows of them."""


class Mates(NamedTuple):
    """What bonds read of cells, one row each, after they have moved.

    ids (n,) unique; kind (n,); founder (n,) row of the table of levels; radius (n,) um; position (n, 3) um and the
    `way` (n, 3) um that led there in the step. Changed in place: pools (n, pool); partner (n,) id of the target, or FREE.
    """

    ids: Ints
    kind: Ints
    founder: Ints
    radius: Floats
    position: Floats
    way: Floats
    pools: Floats
    partner: Ints


class Met(NamedTuple):
    """What a step of bonds did: back (n, 3) um, to be added to positions; hits of all seekers together."""

    back: Floats
    hits: float


class Bonds:
    """One declared bond in a tissue. Holds no state: a run goes on from saved cells alone.

    `parameters`: values of `pair.parameters`; `kinds`: names of kinds in the order of their numbers. Raises
    ProtocolError for a touch or tether that is no length, DeclarationError for a wrong bond.
    """

    def __init__(
        self, pair: Pair, parameters: Floats, kinds: tuple[str, ...], *, seed: int = 0, threads: int = 1
    ) -> None:
        check_array("parameters", parameters, (len(pair.parameters),))
        self._loops = build.bond(pair)
        self.pair, self.seed, self.threads = pair, seed, threads
        self.touch, self.tether = self._loops.reaches(parameters)
        for name, length in {"touch": self.touch, "tether": self.tether}.items():
            if not 0.0 <= length < math.inf:
                raise refuse(ProtocolError, f"{name} {length}", "a length >= 0 um", "Mend the bond's parameters.")
        for kind in (pair.bond.seeker, *pair.bond.targets):
            if kind not in kinds:
                raise refuse(
                    ProtocolError, kinds, f"kinds with {kind!r}", "Name all kinds in the order of their numbers."
                )
        self.seeker = kinds.index(pair.bond.seeker)
        self._is_target = np.array([kind in pair.bond.targets for kind in kinds])
        self._parameters = parameters

    def advance(self, cells: Mates, table: Floats, dt: float, *, turn: int) -> Met:
        """Bonds of all seekers over the step of dt (s) that has just moved the cells; table (founder, level).

        `turn` is the number of the step, times the number of bonds, plus the bond's own: each draws numbers of its own.
        Raises ProtocolError for arrays that fit no cells, and for rates that are none.
        """
        self._check(cells, table, dt)
        rows = _rows(cells.ids)
        who, held = self._seekers(cells, rows), _held(cells.partner, rows)
        m, n_sets, n_hits = len(who), len(self.pair.bond.sets), len(self.pair.bond.hits)
        stays = _Stays(
            np.empty((m, STAYS), np.int64), np.empty((m, n_sets)), np.empty((m, STAYS, n_hits)), np.empty((m, 3))
        )
        law = _Law(self._parameters, table, self._is_target, self.touch, self.tether, dt)
        around = self._around(cells)
        key = np.array([streams.key(self.seed, Purpose.BOND, turn)])

        def work(slab: int) -> int:
            return int(self._loops.meet(*rows_of(slab, m), who, law, cells, around, held, key, stays))

        failed = max(each(work, slabs(m), self.threads), default=FREE)
        if failed != FREE:
            said = f"a rate of bond {self.pair.bond.name} of cell {cells.ids[failed]} that is negative or no number"
            raise refuse(ProtocolError, said, "rates >= 0", "Mend the bond's texts or the pools they read.")
        hits = self._loops.strike(stays, cells.pools)
        back = np.zeros_like(cells.position)
        back[who] = stays.back
        return Met(back, float(hits))

    def follow(self, cells: Mates, way: Floats) -> None:
        """Before cells move: bound seekers go their target's way instead of their own, and close the gap to it.

        way (n, 3) um, in place. Their headings are left alone: free again, they go on as they went before.
        """
        check_array("way", way, cells.position.shape)
        rows = _rows(cells.ids)
        self._loops.follow(self._seekers(cells, rows), _held(cells.partner, rows), cells, way)

    def _seekers(self, cells: Mates, rows: Ints) -> Ints:
        """Rows of seekers in the order of their ids."""
        in_order = rows[rows >= 0]
        return np.asarray(in_order[cells.kind[in_order] == self.seeker])

    def _around(self, cells: Mates) -> _Around:
        """Targets by cubes of space."""
        row = np.flatnonzero(self._is_target[cells.kind])
        place, way, radius = cells.position[row], cells.way[row], cells.radius[row]
        bins = sorted_into_bins(np.column_stack((place, radius + CUBE / 2)), build.plain("agents"))
        member = bins.member[: len(row)]
        wide = float(radius.max(initial=0.0)) + self.touch + _longest(way)
        line = np.column_stack((place - way, way, radius))[member]
        return _Around(bins.low, bins.per_um, bins.shape, bins.start, row[member], line, wide)

    def _check(self, cells: Mates, table: Floats, dt: float) -> None:
        if not 0.0 < dt < math.inf:
            raise refuse(ProtocolError, dt, "a step > 0 s", "Give the time to bind.")
        n, space = len(cells.ids), self.pair.space
        whole = {"ids", "kind", "founder", "partner"}
        shapes = {"position": (n, 3), "way": (n, 3), "pools": (n, len(space.pools))}
        for name, array in zip(Mates._fields, cells, strict=True):
            check_array(name, array, shapes.get(name, (n,)), np.int64 if name in whole else np.float64)
        check_ids(cells.ids)
        for name in ("position", "way", "radius"):
            good = np.isfinite(getattr(cells, name))
            if not good.all():
                row = int(np.argmin(good.reshape(n, -1).all(axis=1)))
                got = f"{name} of cell {cells.ids[row]} (row {row})"
                raise refuse(ProtocolError, got, "finite numbers, um", "Take a shorter step, or correct the start.")
        check_array("table", table, (len(table), len(space.known.levels)))
        for name, array, most in (
            ("kind", cells.kind, len(self._is_target)), ("founder", cells.founder, len(table)),
        ):  # fmt: skip
            if n and not 0 <= int(array.min()) <= int(array.max()) < most:
                got = f"{name} from {array.min()} to {array.max()}"
                raise refuse(ProtocolError, got, f"numbers from 0 to {most - 1}", "Correct the cells' arrays.")


class _Law(NamedTuple):
    """What a bond is to its kernel."""

    p: Floats
    table: Floats
    is_target: NDArray[np.bool_]
    touch: float
    tether: float
    dt: float


class _Around(NamedTuple):
    """Targets by cubes of space (engine/agents.py): those of cube b are start[b] to start[b + 1] - 1.

    row (target,) of each; line (target, 7): place at the start of the step, way and radius, um. `wide`: how far from
    its way (um) a seeker may touch where a target is at the end of the step, its own radius aside.
    """

    low: Floats
    per_um: Floats
    shape: Ints
    start: NDArray[np.int32]
    row: Ints
    line: Floats
    wide: float


class _Stays(NamedTuple):
    """Bonds of a step by seeker: target (m, stay) row or FREE; sets (m, pool); hits (m, stay, pool); back (m, 3) um."""

    target: Ints
    sets: Floats
    hits: Floats
    back: Floats


def _rows(ids: Ints) -> Ints:
    """Row of each id, -1 for one that no cell has."""
    rows = np.full(int(ids.max(initial=-1)) + 1, -1)
    rows[ids] = np.arange(len(ids))
    return rows


def _longest(way: Floats) -> float:
    return math.sqrt(float(np.einsum("ij,ij->i", way, way).max(initial=0.0)))


def _held(partner: Ints, rows: Ints) -> Ints:
    """Row of each cell's partner, FREE where it has none or it is gone."""
    there = (partner >= 0) & (partner < len(rows))
    return np.where(there, rows[np.where(there, partner, 0)], FREE) if len(rows) else partner.copy()
