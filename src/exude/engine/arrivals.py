"""Cells that come into a tissue from outside: how many, where, and as what."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from exude.engine import numbers as exact
from exude.engine import streams
from exude.engine.body import LN2, STAYS, Body, clocks_of, life_of, pace_of, radius_of
from exude.engine.bonds import FREE
from exude.engine.layout import Floats, Ints
from exude.engine.setup import Setup
from exude.engine.streams import Purpose


class Comers(NamedTuple):
    """Cells that come in: the kind of each, and the voxel (z, y, x) it enters."""

    kind: Ints
    voxel: Ints  # (cell, 3)


def comers(rates: Floats, setup: Setup, window: int) -> Comers:
    """Who comes in one window, (arrival, z, y, x) rates in cells per um3 and second: a Poisson number at each place."""
    kinds, voxels = [np.zeros(0, np.int64)], [np.zeros((0, 3), np.int64)]
    declared = setup.space.cascade.arrivals
    over = setup.grid.volume / setup.thin * setup.dt * setup.steps_per_window
    for k, arrival in enumerate(declared):
        mean = np.ascontiguousarray(rates[k]).ravel() * over
        draws = streams.uniforms(
            setup.seed, Purpose.ARRIVE, np.arange(len(mean)), 1, turn=window * len(declared) + k
        )[:, 0]  # fmt: skip
        where = np.repeat(np.arange(len(mean)), exact.poisson(draws, mean))
        voxels.append(np.stack(np.unravel_index(where, rates[k].shape), axis=-1))
        kinds.append(np.full(len(where), setup.space.kinds.index(arrival.kind)))
    return Comers(np.concatenate(kinds), np.concatenate(voxels))


def entered(body: Body, found: Comers, setup: Setup, founders: int, next_id: int) -> Body:
    """The cells with those that came in behind them: anywhere in their voxel and in their cycle, at rest, bound to none.

    Their ids begin at `next_id`, and each has the levels of the founder with its number.
    """
    n = len(found.kind)
    if not n:
        return body
    ids = next_id + np.arange(n)
    draws = streams.uniforms(setup.seed, Purpose.ENTER, ids, 4)
    position = np.array(setup.grid.origin) + setup.grid.h * (found.voxel[:, ::-1] + draws[:, :3])
    if setup.planar:
        position[:, 2] = (setup.box.lower[2] + setup.box.upper[2]) / 2
    progress = -exact.log(1.0 - draws[:, 3] / 2) / LN2
    new = Body(
        ids=ids, kind=found.kind, founder=found.kind * founders + ids % founders, position=position,
        heading=np.zeros((n, 3)), radius=radius_of(setup.kinds.radius[found.kind], progress), progress=progress,
        pace=pace_of(ids, setup.seed, setup.shape.cycle_spread), life=life_of(ids, setup.seed), pressure=np.zeros(n),
        clocks=clocks_of(ids, setup.seed, body.clocks.shape[1]), partner=np.full(n, FREE), fate=np.full(n, STAYS),
        pools=np.zeros((n, body.pools.shape[1])),
    )  # fmt: skip
    return Body._make(np.concatenate(pair) for pair in zip(body, new, strict=True))
