"""Bonds of cells: texts and their leaves, killing, binding and search against closed forms, ways, same bits, refusals.

Statistical checks are held to LEAST of tests/compare.py each (5e-8): together they fail by chance less than once in a
million runs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy import stats

from compare import LEAST, LIMIT
from exude.cascade import TISSUE
from exude.catalog import read
from exude.derive.bonds import Pair, check_bonds
from exude.derive.space import Space
from exude.engine import build
from exude.engine.bonds import FREE, Bonds, Mates, Met
from exude.engine.layout import Floats
from exude.engine.walk import Walk, start_walk, wander
from exude.errors import DeclarationError, ProtocolError
from exude.model import Bond, Cascade, Chapter, Definition, Level, Pool

HOUR, MINUTE = 3600.0, 60.0
OWN_UNITS = {
    "k_on": "1/min", "k_off": "1/h", "k_hit": "1/h", "close": "um", "stretch": "um", "most": "", "half": "",
}  # fmt: skip
VALUES = {
    "k_on": 1 / MINUTE, "k_off": 0.5 / HOUR, "k_hit": 1.242 / HOUR, "close": 1.0, "stretch": 2.0, "most": 0.9, "half": 1.0,
}  # fmt: skip
"""As in the chapter on immunity, inside units; without PD-L1 (pool `ligand`) the texts below hit at k_hit."""
LETHAL, REPAIR, DYING = 3, 0.02 / MINUTE, 2.0 / HOUR
KINDS = ("tumour", "t_cell", "normal")
TUMOUR, T_CELL, NORMAL = range(3)
KILLING = Bond(
    "killing", "t_cell", ("tumour",), on="k_on * target_shown", off="k_off", touch="close", tether="stretch",
    sets={"bound": "1", "felt": "restraint"}, hits={"hits": "k_hit * grip * (1 - restraint)"},
    definitions=(
        Definition("covered", "target_covering * target_shown"),
        Definition("restraint", "most * covered"),
    ),
)  # fmt: skip


def still(symbol: str) -> Pool:
    return Pool(symbol, "dimensionless", gain="0", loss="0")


@cache
def space() -> Space:
    """The declared tissue and what a bond needs: kinds, levels, pools, and a definition that both cells have."""
    (tumour,) = TISSUE.behaviours
    chapter = Chapter(
        "killing",
        levels=(Level("shown"), Level("grip")),
        definitions=(Definition("covering", "hill(ligand, half, 1)"), Definition("far", "k_escape * oxygen", "uM/s")),
        pools=tuple(map(still, ("bound", "felt", "hits", "ligand"))),
        behaviours=tuple(replace(tumour, kind=kind) for kind in KINDS[1:]),
    )
    units = {name: number.unit for name, number in read.parameters().items()}
    return Space(Cascade((*TISSUE.chapters, chapter)), units | OWN_UNITS)


@cache
def pair() -> Pair:
    return Pair(space(), KILLING)


def built(values: dict[str, float], threads: int = 1, seed: int = 1) -> Bonds:
    given = VALUES | values
    return Bonds(pair(), np.array([given[name] for name in pair().parameters]), KINDS, seed=seed, threads=threads)


def bonds(**values: float) -> Bonds:
    return built(values)


def column(symbol: str) -> int:
    return space().pools.index(symbol)


def mates(kind: Any, position: Any, radius: float = 5.0) -> Mates:
    """Free cells at rest, ids in the order of rows."""
    kind = np.asarray(kind, np.int64)
    n = len(kind)
    place = np.array(position, float).reshape(n, 3)
    return Mates(
        np.arange(n), kind, np.zeros(n, np.int64), np.full(n, radius), place, np.zeros((n, 3)),
        np.zeros((n, len(space().pools))), np.full(n, FREE),
    )  # fmt: skip


def couples(n: int, seekers: int = 1) -> Mates:
    """n targets far apart, each with so many seekers of its own in touch; seekers come first."""
    place = np.zeros((n, 3))
    place[:, 0] = 100.0 * np.arange(n)
    where = np.concatenate([place + np.array([0.0, 0.0, 8.0])] * seekers + [place])
    return mates([T_CELL] * n * seekers + [TUMOUR] * n, where)


def levels(**values: float) -> Floats:
    """A table of one founder."""
    table = np.ones((1, len(space().known.levels)))
    for name, value in values.items():
        table[0, space().known.levels.index(name)] = value
    return table


# --- texts ------------------------------------------------------------------------------------------------------------


def test_leaves_read_the_right_cell() -> None:
    """Leaves against the texts read by hand; with the two cells exchanged they give another result."""
    built = build.bond(pair())
    binding, held = built.binding, built.held

    @njit(error_model="numpy")
    def both(p, g, s, h, r):  # type: ignore[no-untyped-def]
        return binding(p, g, s, h, r), held(p, g, s, h, r)

    rng = np.random.default_rng(1)
    names = space().known.levels, space().pools
    p = rng.uniform(0.1, 2.0, len(pair().parameters))
    g, h = rng.uniform(0.1, 2.0, (2, len(names[0])))
    s, r = rng.uniform(0.1, 2.0, (2, len(names[1])))
    at = dict(zip(pair().parameters, p, strict=True))
    shown, ligand = h[names[0].index("shown")], r[column("ligand")]
    restraint = at["most"] * ligand / (at["half"] + ligand) * shown
    hit = at["k_hit"] * g[names[0].index("grip")] * (1.0 - restraint)
    expected = (at["k_on"] * shown, at["k_off"], 1.0, restraint, hit)
    assert np.allclose(np.concatenate(both(p, g, s, h, r)), expected, rtol=1e-14)
    assert not np.allclose(np.concatenate(both(p, h, r, g, s)), expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"on": "k_on * target_show"}, "did you mean 'target_shown'"),
        ({"on": "close * target_shown"}, "on of killing"),
        ({"off": "k_of"}, "did you mean 'k_off'"),
        ({"off": "k_off * calcium / calcium"}, "It reads calcium"),
        ({"off": "k_off * target_far / far"}, "It reads oxygen, target_oxygen"),
        ({"touch": "close * grip"}, "It reads grip"),
        ({"tether": "k_on"}, "tether of killing"),
        ({"sets": {"felt": "k_on"}}, "felt set by killing"),
        ({"sets": {"fell": "1"}}, "did you mean 'felt'"),
        ({"hits": {"hits": "1"}}, "hits on hits by killing"),
        ({"hits": {"hit": "k_hit"}}, "did you mean 'hits'"),
        ({"seeker": "tcell"}, "did you mean 't_cell'"),
        ({"targets": ("t_cell",)}, "other than its seeker"),
        ({"targets": ()}, "other than its seeker"),
        ({"definitions": (Definition("grip", "1"),)}, "one declaration of each symbol"),
        ({"definitions": KILLING.definitions[::-1]}, "restraint reads 'covered'"),
        ({"definitions": (Definition("covered", "k_on"), KILLING.definitions[1])}, "covered = k_on"),
    ],
)
def test_a_wrong_bond_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    pair().check()
    with pytest.raises(DeclarationError, match=says):
        Pair(space(), replace(KILLING, **change)).check()


def test_a_kind_seeks_in_one_bond_only() -> None:
    other = Pair(space(), replace(KILLING, name="other", seeker="normal"))
    check_bonds((pair(), other))
    with pytest.raises(DeclarationError, match="one bond of each kind"):
        check_bonds((pair(), other, Pair(space(), replace(KILLING, name="again"))))


# --- killing and binding ----------------------------------------------------------------------------------------------


def first_passage(hit: float) -> float:
    """Mean time (s) to death: hits at `hit`, all forgotten at REPAIR before the last, then DYING."""
    rates = np.zeros((LETHAL, LETHAL))
    for k in range(LETHAL):
        rates[k, k] -= hit
        if k + 1 < LETHAL:
            rates[k, k + 1] += hit
        if k:
            rates[k, k] -= REPAIR
            rates[k, 0] += REPAIR
    return float(np.linalg.solve(-rates, np.ones(LETHAL))[0]) + 1.0 / DYING


def lives_under(killers: int, n: int, dt: float, **values: float) -> Floats:
    """Lives (s) of targets under so many bound killers each; repair and dying are drawn here, about the hits."""
    cells = couples(n, killers)
    rng, chain = np.random.default_rng(killers), bonds(k_on=1e6, k_off=0.0, **values)
    hits, died = cells.pools[killers * n :, column("hits")], np.full(n, np.inf)
    for step in range(int(100 * HOUR / dt)):
        for half in range(2):
            hits[(hits < LETHAL) & (rng.random(n) < -math.expm1(-REPAIR * dt / 2))] = 0.0
            if not half:
                chain.advance(cells, levels(), dt, turn=step)
        dead = (hits >= LETHAL) & (died == np.inf) & (rng.random(n) < -math.expm1(-DYING * dt))
        died[dead] = (step + 0.5) * dt
        if np.isfinite(died).all():
            break
    return died


@pytest.mark.parametrize("killers", [1, 2])
def test_killing_takes_as_long_as_its_chain_of_hits(killers: int) -> None:
    """Mean first passage; 5.98 h under one. Steps of 120 s as in a tissue; a quarter more hits would be seen."""
    expected = first_passage(killers * VALUES["k_hit"])
    if killers == 1:
        assert abs(expected - 5.98 * HOUR) < 0.03 * HOUR
    found = lives_under(killers, 1000, 120.0)
    spread = found.std() / math.sqrt(len(found))
    assert abs(found.mean() - expected) < LIMIT * spread
    wrong = lives_under(killers, 1000, 120.0, k_hit=1.25 * VALUES["k_hit"])
    assert abs(wrong.mean() - expected) > LIMIT * spread


def test_hits_are_poisson() -> None:
    cells = couples(4000)
    chain = bonds(k_on=1e6, k_off=0.0, k_hit=0.05)
    met = [chain.advance(cells, levels(), 30.0, turn=k) for k in range(3)]
    hits = cells.pools[4000:, column("hits")]
    assert sum(m.hits for m in met) == hits.sum()
    index = len(hits) * hits.var() / hits.mean()
    assert LEAST < stats.chi2.sf(index, len(hits) - 1) < 1.0 - LEAST
    assert abs(hits.mean() - 4.5) < LIMIT * math.sqrt(4.5 / len(hits))


def shares(dt: float, **values: float) -> Floats:
    """Share of 12,000 s for which each of 500 seekers is bound, after ten steps to forget the start."""
    n, steps = 500, int(12_000 / dt)
    cells, chain = couples(n), bonds(**values)
    total = np.zeros(n)
    for step in range(steps + 10):
        chain.advance(cells, levels(), dt, turn=step)
        assert np.all((cells.partner[:n] == FREE) | (cells.partner[:n] == n + np.arange(n)))
        total += cells.pools[:n, column("bound")] if step >= 10 else 0.0
    return np.asarray(total / steps)


@pytest.mark.parametrize("dt", [10.0, 60.0, 120.0])
def test_binding_comes_to_its_equilibrium_whatever_the_step(dt: float) -> None:
    """on / (on + off) for on = 1/min and off = 1/2 min: at 120 s it binds twice in a step. 20 % less on is seen."""
    rates = {"k_on": 1 / MINUTE, "k_off": 0.5 / MINUTE}
    found = shares(dt, **rates)
    spread = found.std() / math.sqrt(len(found))
    assert abs(found.mean() - 2 / 3) < LIMIT * spread + 1e-3  # of five bonds in one step
    wrong = shares(dt, **rates | {"k_on": 0.8 / MINUTE})
    assert abs(wrong.mean() - 2 / 3) > LIMIT * spread


def test_hits_come_of_the_time_bound() -> None:
    """Hits over k_hit x the time bound in steps of which a share is bound: 1 to Poisson error; 3 % more are seen."""
    cells, chain, bound, hits = couples(2000), bonds(k_on=1 / 60.0, k_off=1 / 60.0, k_hit=0.1), 0.0, 0.0
    for step in range(10):
        hits += chain.advance(cells, levels(), 120.0, turn=step).hits
        bound += 120.0 * float(cells.pools[:, column("bound")].sum())
    assert abs(hits - 0.1 * bound) < LIMIT * math.sqrt(0.1 * bound) < 0.03 * hits


def test_the_first_bound_is_drawn_by_its_rate() -> None:
    """Two targets in touch, of which one is bound three times as readily; binding in time is one exponential."""
    n = 4000
    cells = couples(n)
    both = np.concatenate([cells.position[n:], cells.position[n:] + np.array([0.0, 5.0, 8.0])])
    cells = mates([T_CELL] * n + [TUMOUR] * 2 * n, np.concatenate([cells.position[:n], both]))
    cells.founder[n : 2 * n] = 1
    table = np.concatenate([levels(shown=1.0), levels(shown=3.0)])
    bonds(k_off=0.0).advance(cells, table, 30.0, turn=0)
    readily = int(np.sum((cells.partner[:n] >= n) & (cells.partner[:n] < 2 * n)))
    bound = int(np.sum(cells.partner[:n] != FREE))
    assert stats.binomtest(bound, n, -math.expm1(-4 * 0.5)).pvalue > LEAST
    assert stats.binomtest(readily, bound, 0.75).pvalue > LEAST
    assert stats.binomtest(readily, bound, 0.7).pvalue < LEAST
    begun = 1.0 - cells.pools[:n, column("bound")][cells.partner[:n] != FREE]
    assert stats.kstest(-np.expm1(-2.0 * begun) / -math.expm1(-2.0), "uniform").pvalue > LEAST


# --- search -----------------------------------------------------------------------------------------------------------


def outside(rng: np.random.Generator, n: int, reach: float, side: float) -> Floats:
    """Places evenly in a cube about 0, none within reach of its middle."""
    found = np.empty((0, 3))
    while len(found) < n:
        more = rng.uniform(-side / 2, side / 2, (2 * n, 3))
        found = np.concatenate([found, more[np.einsum("ij,ij->i", more, more) > reach * reach]])
    return np.asarray(found[:n])


def search_rate(speed: float, persistence: float, side: float, dt: float, steps: int, swept: bool = True) -> float:
    """Meetings per second of free seekers with the targets of a cubic lattice, touch being 12 um (error 2 to 4 %)."""
    n, reach, chain = 1000, 12.0, bonds(k_on=1e9, k_off=0.0, close=2.0)
    cells = mates([T_CELL] * n + [TUMOUR], np.zeros((n + 1, 3)))
    rng = np.random.default_rng(1)
    here, free, met = cells.position[:n], 0.0, 0
    here[:] = outside(rng, n, reach, side)
    one = np.ones(n)
    walk = Walk(np.zeros((n, 3)), speed * one, persistence * one, np.zeros((n, 3)), one, cells.ids[:n].copy())
    start_walk(walk, seed=1)
    for step in range(steps):
        way = wander(walk, dt, seed=1, step=step)
        here += way
        here -= side * np.round((here - way / 2) / side)  # the nearest target of the lattice
        cells.way[:n] = way if swept else 0.0
        chain.advance(cells, levels(), dt, turn=step)
        found = cells.partner[:n] != FREE
        met += int(found.sum())
        free += dt * (n - float(cells.pools[:n, column("bound")].sum() if swept else 0.0))
        here[found] = outside(rng, int(found.sum()), reach, side)
        cells.partner[:n] = FREE
    return met / free


@pytest.mark.parametrize("dt", [15.0, 120.0])
def test_fast_seekers_meet_what_lies_on_their_way(dt: float) -> None:
    """Ballistic limit: pi R^2 <v> n with <v> = S (8 / 3 pi)^(1/2) of Gaussian headings; persistence 80 R.

    Touch looked at once per step would find 7 % less at 120 s.
    """
    speed, side = 5.0 / MINUTE, 100.0
    expected = math.pi * 12.0**2 * speed * math.sqrt(8.0 / (3.0 * math.pi)) / side**3
    given = speed, 960.0 / speed, side, dt, int(60_000 / dt)
    assert abs(search_rate(*given) / expected - 1.0) < 0.05
    if dt == 120.0:
        assert search_rate(*given, swept=False) / expected < 0.97


def test_slow_seekers_find_by_diffusion() -> None:
    """Diffusive limit: 4 pi D R n, D = S^2 P / 3, among targets of a lattice of side L: divided by 1 - 2.8373 R/L, and
    by 1 + 1.46 (D P)^(1/2) / R for the last free flight (Milne's length).
    """
    d, persistence, side = 1.0, 0.1, 84.0
    ratio = 12.0 / side
    expected = (
        4.0 * math.pi * d * ratio / side**2 / (1.0 - 2.8373 * ratio) / (1.0 + 1.46 * math.sqrt(persistence) / 12.0)
    )
    found = search_rate(math.sqrt(3.0 * d / persistence), persistence, side, 0.3, 6000)
    assert abs(found / expected - 1.0) < 0.1


# --- ways, breaking, books --------------------------------------------------------------------------------------------


def one_step(cells: Mates, dt: float = 60.0, **values: float) -> Met:
    return bonds(**values).advance(cells, levels(), dt, turn=0)


def test_a_target_on_the_way_is_met_and_held_where_it_was_met() -> None:
    """A seeker that goes 60 um across a target binds where it comes within touch, 11 um from its middle."""
    cells = mates([T_CELL, TUMOUR, NORMAL], [[30.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-15.0, 0.0, 0.0]])
    cells.way[0, 0] = 60.0
    met = one_step(cells, k_on=1e9, k_off=0.0)
    assert cells.partner.tolist() == [1, FREE, FREE]
    assert np.allclose(cells.position + met.back, [[-11.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-15.0, 0.0, 0.0]], atol=1e-5)
    assert np.isclose(cells.pools[0, column("bound")], 41 / 60, atol=1e-6)
    passed = mates([T_CELL, TUMOUR], [[30.0, 11.1, 0.0], [0.0, 0.0, 0.0]])
    passed.way[0, 0] = 60.0
    assert not one_step(passed, k_on=1e9, k_off=0.0).back.any()
    assert passed.partner[0] == FREE


def bound_pair(apart: float, gone: float = 0.0) -> Mates:
    """A seeker that holds a target `apart` um from middle to middle, of which it came `gone` um in the step."""
    cells = mates([T_CELL, TUMOUR], [[apart, 0.0, 0.0], [0.0, 0.0, 0.0]])
    cells.way[0, 0] = gone
    cells.partner[0] = 1
    return cells


@pytest.mark.parametrize(
    ("apart", "gone", "held"), [(12.9, 2.0, 1.0), (14.0, 2.0, 0.5), (30.0, 0.0, 0.0), (30.0, 15.0, 0.0)]
)
def test_a_bond_breaks_where_it_is_stretched_beyond_its_tether(apart: float, gone: float, held: float) -> None:
    """Touch and tether end 13 um from middle to middle; one that was out of reach at the start is lost at once."""
    cells = bound_pair(apart, gone)
    one_step(cells, k_on=0.0, k_off=0.0)
    assert np.isclose(cells.pools[0, column("bound")], held, atol=1e-12)
    assert cells.partner[0] == (1 if held == 1.0 else FREE)


def test_a_target_that_died_or_changed_is_let_go() -> None:
    for change in ("gone", "changed"):
        cells = bound_pair(10.0)
        if change == "gone":
            cells.ids[1] = 7
        else:
            cells.kind[1] = NORMAL
        cells.pools[0, column("bound")] = 1.0
        one_step(cells, k_on=0.0, k_off=0.0)
        assert cells.partner[0] == FREE
        assert cells.pools[0, column("bound")] == 0.0


def test_a_bound_seeker_goes_with_its_target() -> None:
    cells = mates([T_CELL, TUMOUR, T_CELL], [[12.0, 0.0, 0.0], [0.0, 0.0, 0.0], [50.0, 0.0, 0.0]])
    cells.partner[0] = 1
    way = np.array([[9.0, 9.0, 9.0], [0.5, 1.0, 0.0], [3.0, 0.0, 0.0]])
    bonds().follow(cells, way)
    assert np.allclose(way, [[-1.5, 1.0, 0.0], [0.5, 1.0, 0.0], [3.0, 0.0, 0.0]])
    after = cells.position + way
    assert np.isclose(np.linalg.norm(after[0] - after[1]), 10.0)  # surfaces touch


def crowd(n: int) -> Mates:
    """Seekers, targets and others mixed at random, all moving."""
    rng = np.random.default_rng(3)
    cells = mates(rng.choice(3, n, p=(0.4, 0.5, 0.1)), rng.uniform(0.0, 18.0 * n ** (1 / 3), (n, 3)))
    cells.way[:] = rng.normal(0.0, 4.0, (n, 3))
    cells.radius[:] = rng.uniform(3.0, 7.0, n)
    return cells


def first_met(cells: Mates, i: int, close: float) -> int:
    """Id of the target that seeker i is first in touch with on its way; every target is looked at, at 2000 times."""
    of = np.flatnonzero(cells.kind == TUMOUR)
    end = cells.position[of] - cells.position[i]
    way, reach = cells.way[of] - cells.way[i], cells.radius[of] + cells.radius[i] + close
    maybe = np.linalg.norm(end, axis=1) < reach + np.linalg.norm(way, axis=1)
    left = np.linspace(1.0, 0.0, 2001)[:, None, None]
    touch = np.linalg.norm(end[maybe] - left * way[maybe], axis=2) <= reach[maybe]
    if not touch.any():
        return FREE
    return int(cells.ids[of[maybe][np.argmax(touch[np.argmax(touch.any(axis=1))])]])


def test_seekers_meet_whom_they_must() -> None:
    """Against a look at every pair: all meet the same, but where two meet at the start or one is barely touched."""
    cells = crowd(1500)
    bonds(k_on=1e9, k_off=0.0).advance(cells, levels(), 60.0, turn=0)
    seekers = np.flatnonzero(cells.kind == T_CELL)
    late = seekers[cells.pools[seekers, column("bound")] < 0.999]
    expected = np.array([first_met(cells, i, VALUES["close"]) for i in late])
    assert len(late) > 300 and (expected != FREE).sum() > 100
    assert np.mean(cells.partner[late] == expected) > 0.98
    early = np.setdiff1d(seekers, late)
    apart = np.linalg.norm(
        (cells.position - cells.way)[early] - (cells.position - cells.way)[cells.partner[early]], axis=1
    )
    assert np.all(apart < cells.radius[early] + cells.radius[cells.partner[early]] + VALUES["close"] + 0.1)


def test_a_fast_target_is_met_though_it_ends_far_away() -> None:
    """Cubes are small beside its way: the first target only spreads them."""
    cells = mates([T_CELL, TUMOUR, TUMOUR], [[0.0, 0.0, 0.0], [-400.0, -400.0, -400.0], [200.0, 0.0, 0.0]])
    cells.way[2, 0] = 400.0
    bonds(k_on=1e9, k_off=0.0).advance(cells, levels(), 60.0, turn=0)
    assert cells.partner.tolist() == [2, FREE, FREE]


def run(cells: Mates, threads: int = 1, seed: int = 1) -> dict[int, list[float]]:
    """By id: partner, pools and place after some steps."""
    cells = Mates._make(a.copy() for a in cells)
    chain = built({"k_on": 1 / 20.0, "k_off": 1 / 60.0, "k_hit": 0.1}, threads, seed)
    for step in range(4):
        met = chain.advance(cells, levels(), 60.0, turn=step)
        cells.position[:] += met.back
    return {
        int(i): [float(p), *pools, *place]
        for i, p, pools, place in zip(cells.ids, cells.partner, cells.pools, cells.position, strict=True)
    }


def test_the_same_bits_for_any_threads_and_order() -> None:
    """9,000 cells, two slabs of seekers. Another seed gives other bits, so there is something to see."""
    cells = crowd(9000)
    found = run(cells)
    assert sum(row[0] != FREE for row in found.values()) > 1000
    assert found == run(cells, threads=2) == run(cells, threads=3)
    order = np.random.default_rng(5).permutation(9000)
    assert found == run(Mates._make(np.ascontiguousarray(a[order]) for a in cells))
    assert found != run(cells, seed=2)


def test_books_of_a_crowd_balance() -> None:
    """A seeker holds one living target in reach or nobody; others hold nobody; every hit is on a target's account."""
    cells = crowd(2000)
    chain, hits, back = bonds(k_on=1 / 20.0, k_off=1 / 60.0, k_hit=0.1), 0.0, 0.0
    for step in range(5):
        met = chain.advance(cells, levels(), 60.0, turn=step)
        cells.position[:] += met.back
        cells.way[:] = 0.0
        hits, back = hits + met.hits, back + float(np.abs(met.back).sum())
        bound = cells.partner != FREE
        assert np.all(cells.kind[bound] == T_CELL)
        assert np.all(cells.kind[cells.partner[bound]] == TUMOUR)  # ids are rows here
        apart = np.linalg.norm(cells.position - cells.position[cells.partner], axis=1)[bound]
        reach = (cells.radius + cells.radius[cells.partner])[bound] + VALUES["close"] + VALUES["stretch"]
        assert np.all(apart <= reach + 1e-9)
        share = cells.pools[:, column("bound")]
        assert np.all((share >= 0.0) & (share <= 1.0))
        assert not share[cells.kind != T_CELL].any()
    assert bound.sum() > 100 and back > 0.0
    on_targets = cells.pools[cells.kind == TUMOUR, column("hits")].sum()
    assert hits == on_targets == cells.pools[:, column("hits")].sum() > 100


def test_one_cell_or_none() -> None:
    for n in (0, 1):
        cells = mates([T_CELL] * n, np.zeros((n, 3)))
        assert bonds().advance(cells, levels(), 1.0, turn=0).hits == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": np.array([1, 3])}, "kind from 1 to 3"),
        ({"founder": np.array([0, 1])}, "founder from 0 to 1"),
        ({"way": np.zeros((1, 3))}, "way: float64 of shape"),
        ({"way": np.full((2, 3), np.nan)}, "way of cell 0"),
        ({"radius": np.array([1.0, np.inf])}, "radius of cell 1"),
        ({"pools": np.zeros((2, 1))}, "pools: float64 of shape"),
        ({"ids": np.array([0, -1])}, "id -1"),
        ({"partner": np.array([0.0, 0.0])}, "partner: float64"),
    ],
)
def test_wrong_cells_are_refused(change: dict[str, Any], says: str) -> None:
    cells = bound_pair(10.0)
    one_step(cells)
    with pytest.raises(ProtocolError, match=says):
        bonds().advance(cells._replace(**change), levels(), 1.0, turn=0)


def test_what_is_no_step_rate_or_length_is_refused() -> None:
    cells = bound_pair(10.0)
    with pytest.raises(ProtocolError, match="a step > 0 s"):
        bonds().advance(cells, levels(), 0.0, turn=0)
    for values in ({"k_off": -1.0}, {"k_hit": math.nan}):
        with pytest.raises(ProtocolError, match="bond killing of cell 0"):
            one_step(bound_pair(10.0), **values)
    with pytest.raises(ProtocolError, match="bond killing of cell 0"):
        one_step(mates([T_CELL, TUMOUR], [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]]), k_on=-1.0)
    with pytest.raises(ProtocolError, match="touch"):
        bonds(close=-1.0)
    with pytest.raises(ProtocolError, match="kinds with 't_cell'"):
        Bonds(pair(), np.ones(len(pair().parameters)), ("tumour",))
