"""Between windows of the secretion: cells become another kind, divide, die and leave."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from exude.derive.space import Space
from exude.engine import agents
from exude.engine.body import DIES, LEAVES, STAYS, Body, clocks_of, life_of, pace_of, radius_of
from exude.engine.bonds import FREE
from exude.engine.layout import Floats, Ints
from exude.engine.setup import Setup
from exude.engine.walk import divide
from exude.model import DEAD, LEFT


class Renewed(NamedTuple):
    """Cells as they are from now on, in spatial order, and how many were born, died and went into the blood.

    kept: (former row, new id or -1, row of the table of levels) of each cell that secretes, in the order of ids, as
    `AbstractSecretion.keep` wants them; None where nothing changed.
    """

    body: Body
    kept: tuple[Ints, Ints, Ints] | None
    born: int
    died: Ints  # (kind,)
    left: Ints  # (kind,)


def renew(body: Body, setup: Setup, founders: int, next_id: int, secreting: Ints) -> Renewed:
    """What has come of cells by the end of a window; new ids begin at `next_id`.

    secreting: rows of the cells that secrete, in the order of their ids, in which the secretion keeps them.
    """
    changed = _change(body, founders)
    dead = (body.life <= 0.0) | (body.fate == DIES)
    gone = dead | (body.fate == LEAVES)
    parents = np.flatnonzero((body.progress >= 1.0) & ~gone)
    parents = parents[np.argsort(body.ids[parents], kind="stable")]
    kept = np.flatnonzero(~gone)
    rows = np.concatenate([kept, parents])
    fresh = Body._make(array[rows] for array in body)
    born = np.full(len(rows), -1, np.int64)
    if len(parents):
        other = slice(len(kept), len(rows))
        born[other] = next_id + np.arange(len(parents))
        _split(fresh, np.searchsorted(kept, parents), other, born[other], setup)
    told = None
    if changed or len(parents) or gone.any():
        rank = np.full(len(body.ids), -1, np.int64)
        rank[secreting] = np.arange(len(secreting))
        order = np.argsort(fresh.ids, kind="stable")
        order = order[setup.kinds.secretes[fresh.kind[order]]]
        told = rank[rows][order], born[order], fresh.founder[order]
    place = agents.spatial_order(fresh.position, fresh.ids, setup.box, 2.0 * setup.shape.reach * setup.shape.radius)
    sorted_body = Body._make(array[place] for array in fresh)
    died, left = (np.bincount(body.kind[who], minlength=len(setup.space.kinds)) for who in (dead, gone & ~dead))
    return Renewed(sorted_body, told, len(parents), died, left)


def fate_of(space: Space, becomes: str) -> int:
    """The number of what an event makes of a cell."""
    fates = {"": STAYS, DEAD: DIES, LEFT: LEAVES} | {kind: q for q, kind in enumerate(space.kinds)}
    return fates[becomes]


def _change(body: Body, founders: int) -> bool:
    """Give cells that became another kind its levels; whether there were any."""
    rows = np.flatnonzero(body.fate >= 0)
    body.kind[rows] = body.fate[rows]
    body.founder[rows] = body.kind[rows] * founders + body.founder[rows] % founders
    body.fate[rows] = STAYS
    return bool(len(rows))


def _split(fresh: Body, first: Ints, other: slice, names: Ints, setup: Setup) -> None:
    """Two daughters in each mother's place: the first row goes on under her name, the other is new and free."""
    fresh.ids[other] = names
    one, two, _ = divide(fresh.position[first], fresh.radius[first], names, setup.box, seed=setup.seed)
    fresh.position[first], fresh.position[other] = one, two
    fresh.pace[other] = pace_of(names, setup.seed, setup.shape.cycle_spread)
    fresh.life[other] = life_of(names, setup.seed)
    fresh.partner[other] = FREE
    fresh.clocks[other] = clocks_of(names, setup.seed, fresh.clocks.shape[1])
    left = _left_to_each(setup.space)
    for rows in (first, other):
        fresh.progress[rows] = 0.0
        fresh.pools[rows] *= left
        fresh.radius[rows] = radius_of(setup.kinds.radius[fresh.kind[rows]], fresh.progress[rows])


def _left_to_each(space: Space) -> Floats:
    """What a daughter has of each pool of her mother: half of an amount, all of a share."""
    return np.where([p.unit == "" for p in space.cascade.pools], 1.0, 0.5)
