"""A tissue, step by step: what cells release, what happens to it outside, what cells then do.

One step of `dt`: fusions set exosomes free where they happen; cells deposit what they are; places react; fields move;
fast fields come to rest; cells read where they are, walk, push, grow. Cells divide and die between windows of the
secretion. Everything drawn follows from (seed, id of the cell, number of the step).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exude.derive.space import OF_BEHAVIOUR
from exude.engine import agents, build, grid, streams
from exude.engine.accounts import accounts
from exude.engine.body import (
    DIES,
    LEAVES,
    LN2,
    STAYS,
    Body,
    clocks_of,
    dot,
    log_mean,
    pattern,
    radius_of,
    turned,
    voxels,
)  # fmt: skip
from exude.engine.bonds import FREE, Bonds, Mates
from exude.engine.exchange import Exchange
from exude.engine.layout import Floats, Ints
from exude.engine.levels import Levels
from exude.engine.places import Places, first_alike
from exude.engine.relax import relax
from exude.engine.renewal import fate_of, renew
from exude.engine.secretion import AbstractSecretion, Bursts
from exude.engine.setup import Setup
from exude.engine.slabs import each, rows_of, slabs
from exude.engine.streams import Purpose
from exude.engine.walk import Spheres, Walk, spots, start_walk, wander

MOST_BURSTS = 64
"""Fusions of one cell in one step that are told apart when their spots are drawn."""
FIRST_ROUNDS = 8
"""Rounds in which fast fields are brought to rest before the first step."""
GONE = "gone"
"""Kind, for bonds, of cells that are dead or left but are taken out only when the window ends."""
STILL = 1e-12
"""um/s of drift that is none; a cell drifts no faster than it walks."""
REST = 1e9
"""Time (s) after which pools are at rest."""
SPEED, PERSISTENCE, PASSAGE, GUIDANCE, DIVISION, DEATH, REPULSION, ADHESION = range(len(OF_BEHAVIOUR))


@dataclass
class Tissue:
    """A tissue on its way; `advance` takes it further."""

    setup: Setup
    body: Body
    table: Floats
    """(founder, level)"""
    places: Places
    secretion: AbstractSecretion
    step: int = 0
    next_id: int = 0
    freed: Floats | None = None
    """What fusions set free so far, by release (amounts)."""
    born: int = 0
    died: int = 0
    fusions: int = 0
    left: int = 0
    """Cells that went into the blood."""
    came: int = 0
    """Cells that came out of it."""
    happened: Ints | None = None
    """How often each event has happened."""
    exchange: Exchange = None  # type: ignore[assignment]
    """With the body around; made anew unless given."""

    def __post_init__(self) -> None:
        s = self.setup
        self.exchange = self.exchange or Exchange(s)
        self._loops = build.tissue(s.space)
        self._mechanics = agents.Mechanics(s.box, np.ones((len(s.space.kinds),) * 2), threads=s.threads)
        self._waiting: Bursts | None = None
        self._at = 0
        self._pattern = pattern(s.grid.h / s.shape.radius, s.planar)
        self._held: tuple[Floats, Floats] | None = None
        self._meeting: dict[int, Floats] = {}
        self._known = Levels(s, self.table)
        if self.freed is None:
            self.freed = np.zeros(len(s.space.cascade.releases))
        if self.happened is None:
            self.happened = np.zeros(len(s.space.cascade.events), np.int64)
        kinds = (*s.space.kinds, GONE)
        self._bonds = [Bonds(pair, own, kinds, seed=s.seed, threads=s.threads) for pair, own in s.bonds]
        self._becomes = np.array([fate_of(s.space, e.becomes) for e in s.space.cascade.events], np.int64)

    def advance(self) -> None:
        """One step of dt."""
        s = self.setup
        if self.step % s.steps_per_window == 0:
            self._open_window()
        table, dish = self._levels()
        self._release(table, self.time + s.dt / 2)  # half before and half after what they meet: second order in dt
        self._deposit(table)
        before = self._met()
        self.places.react(dish)
        after = self._met()
        self._meeting = {q: log_mean(before[q], after[q]) for q in before}
        self._release(table, self.time + s.dt)
        if self.step % s.steps_per_refresh == 0:
            self.places.refresh(dish)
        self.places.diffuse()
        if (self.step + 1) % s.steps_per_supply == 0:
            self.places.supply(dish)
        self._move(self._behaviour(table), table)
        self.step += 1

    def _levels(self) -> tuple[Floats, Floats]:
        """Levels of cells and of the dish now."""
        return self._known.now(self.time)

    @property
    def founders(self) -> int:
        """Rows of the table of levels for one kind of cell."""
        return len(self.table) // len(self.setup.space.kinds)

    @property
    def time(self) -> float:
        """s since the start."""
        return self.step * self.setup.dt

    def settle_in(self) -> None:
        """Before the first step: what cells are at rest there, and fast fields at rest with them."""
        table, dish = self._levels()
        for q in range(len(self.setup.space.pools)):
            self.body.pools[:, q] = 0.0
        self._deposit(table)
        self._behaviour(table, dt=REST)
        self._deposit(table)
        if self.setup.fast_speed:
            self.places.settle(dish, rounds=FIRST_ROUNDS)

    def series(self) -> dict[str, float]:
        """Numbers of the whole tissue now, and of the body around it."""
        assert self.freed is not None and self.happened is not None
        counted = {name: getattr(self, name) for name in ("born", "died", "fusions")}
        if self.setup.space.cascade.arrivals:
            counted |= {"came": self.came, "left": self.left}
        own = accounts(self.setup, self.body, self.places, counted, self.freed, self.happened)
        return own | self.exchange.series()

    def _open_window(self) -> None:
        """Divisions and deaths of the window before; then all cells are run through the next one."""
        s = self.setup
        window = self.step // s.steps_per_window + 1
        if self.step:
            self._renew()
        rows, levels = self._secreting(), self._known.look(self.body, self.places.fields)
        found = self.secretion.advance(window, s.threads, None if levels is None else levels[rows])
        self._held = None
        order = np.argsort(found.time, kind="stable")
        self._waiting = Bursts._make(column[order] for column in found._replace(cell=rows[found.cell]))
        self._at = 0

    def _release(self, table: Floats, until: float) -> None:
        """Set free what fuses up to then, each at a spot of its cell."""
        s, waiting = self.setup, self._waiting
        assert waiting is not None and self.freed is not None
        end = int(np.searchsorted(waiting.time, until, side="right"))
        mine = slice(self._at, end)
        self._at = end
        if mine.start == mine.stop:
            return
        who = waiting.cell[mine]
        amounts = np.empty((len(who), len(self.freed)))
        traces, counts = self._within()
        self._loops.free_amounts(
            s.parameters, who, waiting.ilv[mine], waiting.cargo[mine], table, self._known.rows(self.body), traces, counts,
            self.body.pools, amounts,
        )  # fmt: skip
        places = self._spots(who)[np.arange(len(who)), self._which_spot(who)]
        for q in np.flatnonzero(amounts.any(axis=0)):
            field = s.space.fields.index(s.space.cascade.releases[q].field)
            grid.deposit(self.places.fields[field], places, amounts[:, q] * s.thin, s.grid)
            self.freed[q] += float(np.sum(amounts[:, q]))
        self.fusions += len(who)

    def _which_spot(self, who: Ints) -> Ints:
        """The spot of each fusion: of a cell's fusions in one step, each has a draw of its own."""
        order = np.argsort(who, kind="stable")
        turn = np.empty(len(who), np.int64)
        sorted_who = who[order]
        first = np.searchsorted(sorted_who, sorted_who, side="left")
        turn[order] = (np.arange(len(who)) - first) % MOST_BURSTS
        draws = streams.uniforms(self.setup.seed, Purpose.BURST, self.body.ids[who], MOST_BURSTS, turn=self.step)
        return (draws[np.arange(len(who)), turn] * self.setup.shape.spots).astype(np.int64)

    def _within(self) -> tuple[Floats, Floats]:
        """Traces and stage counts of the cells, in the order of the body: the same within a window."""
        if self._held is None:
            mine, n = self._secreting(), len(self.body.ids)
            traces, counts = np.tile(self.setup.kinds.rest, (n, 1)), np.zeros((n, self.secretion.counts.shape[1]))
            traces[mine], counts[mine] = self.secretion.traces, self.secretion.counts
            self._held = traces, counts
        return self._held

    def _secreting(self) -> Ints:
        """Rows of the cells that secrete, in the order of their ids, in which the secretion keeps them."""
        rows = np.flatnonzero(self.setup.kinds.secretes[self.body.kind])
        return rows[np.argsort(self.body.ids[rows], kind="stable")]

    def _spots(self, who: Ints | slice) -> Floats:
        """(cell, spot, 3) places of invadopodia of some cells; each keeps its place on the cell for a while."""
        s, body = self.setup, self.body
        epoch = int(self.time // s.shape.spot_life)
        cells = Spheres(body.ids[who], body.position[who], body.radius[who])
        return spots(cells, s.shape.spots, s.box, seed=s.seed, turn=epoch)

    def _bodies(self, who: slice) -> Floats:
        """(cell, point, 3) points that stand for the bodies of some cells."""
        s, body = self.setup, self.body
        points = body.position[who][:, None, :] + body.radius[who][:, None, None] * self._pattern
        return np.clip(points, s.box.lower, s.box.upper)

    def _deposit(self, table: Floats) -> None:
        """What cells are to the places they stand in."""
        s, body = self.setup, self.body
        (traces, counts), rows = self._within(), self._known.rows(body)
        amounts = np.empty((len(body.ids), len(s.space.deposits)))
        self._loops.deposit_amounts(s.parameters, table, rows, traces, counts, body.pools, amounts)
        self.places.deposits[:] = 0.0
        n = len(body.ids)
        declared, spots = s.space.cascade.deposits, [d.invadopodia for d in s.space.cascade.deposits]
        twin = [first_alike(q, amounts, spots) for q in range(len(declared))]
        ways = {spot: self._spots if spot else self._bodies for spot in set(spots)}
        for slab in range(slabs(n)):  # in the order of cells, a few at a time: points take much room
            who = slice(*rows_of(slab, n))
            at = {kind: points(who) for kind, points in ways.items()}
            for q, d in enumerate(declared):
                if twin[q] < q:
                    continue
                points = at[d.invadopodia]
                shared = np.repeat(amounts[who, q] * (s.thin / points.shape[1]), points.shape[1])
                grid.deposit(self.places.deposits[q], points.reshape(-1, 3), shared, s.grid)
        for q, first in enumerate(twin):
            if first < q:
                self.places.deposits[q] = self.places.deposits[first]

    def _behaviour(self, table: Floats, dt: float = 0.0) -> Floats:
        """What each cell does where it is, (cell, what); its pools move on by dt, a step unless another is given."""
        s, body = self.setup, self.body
        n = len(body.ids)
        out = np.empty((n, len(OF_BEHAVIOUR) + len(s.space.fields)))
        (traces, counts), rows = self._within(), self._known.rows(body)
        fired = np.zeros((n, len(s.space.cascade.events)), np.bool_)
        met = self._meeting if dt == 0.0 else {}
        read = [q for q, name in enumerate(s.space.fields) if name in s.space.read_by_cells and q not in met]
        felt = [q for q, name in enumerate(s.space.deposits) if name in s.space.read_by_cells]

        def work(first: int, last: int) -> None:
            here = np.zeros((last - first, len(s.space.fields)))
            around = np.zeros((last - first, len(s.space.deposits) + 1))
            around[:, -1] = body.pressure[first:last]
            place = body.position[first:last]
            here[:, read] = grid.samples(self.places.fields, read, place, s.grid).T
            around[:, felt] = grid.samples(self.places.deposits, felt, place, s.grid).T
            for q, values in met.items():
                here[:, q] = values[first:last]
            self._loops.act(
                first, last, body.kind, s.parameters, table, rows, traces, counts, body.pools, here, around,
                dt or s.dt, out,
            )  # fmt: skip
            if dt == 0.0 and fired.shape[1]:
                self._loops.occur(
                    first, last, body.kind, s.parameters, table, rows, traces, counts, body.pools, here, around,
                    s.dt, body.clocks, fired,
                )  # fmt: skip

        self._cells(work)
        self._note(fired)
        return out

    def _met(self) -> dict[int, Floats]:
        """What fusions set free and cells read, where each cell is, (cell,) by number of its field."""
        s = self.setup
        freed = {release.field for release in s.space.cascade.releases} & s.space.read_by_cells
        numbers = [q for q, name in enumerate(s.space.fields) if name in freed]
        return dict(zip(numbers, grid.samples(self.places.fields, numbers, self.body.position, s.grid), strict=True))

    def _note(self, fired: NDArray[np.bool_]) -> None:
        """Count events, wind their clocks up again, and note what cells become; the first thing in a window holds.

        What a cell would become after that, before the window ends, does not happen and is not counted.
        """
        body = self.body
        rows = np.unique(np.nonzero(fired)[0])
        if not len(rows):
            return
        assert self.happened is not None
        fresh = clocks_of(body.ids[rows], self.setup.seed, fired.shape[1], turn=self.step + 1)
        body.clocks[rows] = np.where(fired[rows], fresh, body.clocks[rows])
        for e, becomes in enumerate(self._becomes):
            mine = rows[fired[rows, e]]
            if becomes != STAYS:
                mine = mine[body.fate[mine] == STAYS]
                body.fate[mine] = becomes
            self.happened[e] += len(mine)

    def _move(self, found: Floats, table: Floats) -> None:
        """Walk, drift, push and hold on; then the cell cycle and the wish to live run on."""
        s, body = self.setup, self.body
        drift = np.zeros_like(body.position)
        strength = found[:, len(OF_BEHAVIOUR) :]
        for q in np.flatnonzero(strength.any(axis=0)):
            drift += strength[:, q, None] * grid.gradient(self.places.fields[q], body.position, s.grid)
        if s.planar:
            drift[:, 2] = 0.0
        drift *= np.minimum(1.0, found[:, SPEED] / np.maximum(np.sqrt(dot(drift, drift)), STILL))[:, None]
        freedom = np.clip(found[:, PASSAGE], 0.0, 1.0)
        walk = Walk(
            body.heading, found[:, SPEED].copy(), found[:, PERSISTENCE].copy(), drift, freedom, body.ids
        )  # fmt: skip
        if self.step == 0:
            start_walk(walk, seed=s.seed, planar=s.planar)
        way = wander(walk, s.dt, seed=s.seed, step=self.step, planar=s.planar, threads=s.threads)
        if s.fibres is not None:
            along = s.fibres[voxels(body.position, s.grid)]
            way[:] = turned(way, along, found[:, GUIDANCE], s.grid.dimensions)
        self._bind(way, found, table)
        body.progress[:] += body.pace * found[:, DIVISION] * (s.dt / LN2)
        body.life[:] -= found[:, DEATH] * s.dt
        body.radius[:] = radius_of(s.kinds.radius[body.kind], body.progress)

    def _bind(self, way: Floats, found: Floats, table: Floats) -> None:
        """Push, with bound cells at their partners' sides; then new bonds, hits, and bonds that end."""
        s, body = self.setup, self.body
        if not self._bonds:
            self._push(way, found)
            return
        gone = (body.life <= 0.0) | (body.fate == DIES) | (body.fate == LEAVES)
        kind = np.where(gone, len(s.space.kinds), body.kind)
        body.partner[gone] = FREE
        mates = Mates(
            body.ids, kind, self._known.rows(body), body.radius, body.position, way, body.pools, body.partner
        )  # fmt: skip
        for bond in self._bonds:
            bond.follow(mates, way)
        before = body.position.copy()
        self._push(way, found)
        moved = mates._replace(way=body.position - before)
        for k, bond in enumerate(self._bonds):
            met = bond.advance(moved, table, s.dt, turn=self.step * len(self._bonds) + k)
            body.position[:] = np.clip(body.position + met.back, s.box.lower, s.box.upper)
            sets = [s.space.pools.index(pool) for pool in bond.pair.bond.sets]
            body.pools[np.ix_(gone & (body.kind == bond.seeker), sets)] = 0.0

    def _push(self, way: Floats, found: Floats) -> None:
        s, body = self.setup, self.body
        n = len(body.ids)
        cells = agents.Cells(
            body.position, body.radius, np.full(n, s.shape.reach), found[:, REPULSION].copy(),
            found[:, ADHESION].copy(), body.kind, body.ids,
        )  # fmt: skip
        body.pressure[:] = relax(self._mechanics, cells, way, body.heading, s.dt)

    def _cells(self, work: Callable[[int, int], None]) -> None:
        n = len(self.body.ids)
        each(lambda slab: work(*rows_of(slab, n)), slabs(n), self.setup.threads)

    def _renew(self) -> None:
        """Cells come in, become another kind, divide, die and leave; the secretion and the body around follow."""
        s, secreting = self.setup, self._secreting()
        window = self.step // s.steps_per_window
        names = self.founders, self.next_id
        body = self.exchange.entered(self.body, self.places, self._levels()[1], window, names)
        came = len(body.ids) - len(self.body.ids)
        found = renew(body, s, self.founders, self.next_id + came, secreting)
        if found.kept is not None:
            self.secretion.keep(*found.kept, self.table)
        self.exchange.hand_over(found, self.places, self.time - s.dt * s.steps_per_window, self.time)
        self.body = found.body
        self.next_id += came + found.born
        self.came += came
        self.born += found.born
        self.died += int(found.died.sum())
        self.left += int(found.left.sum())
