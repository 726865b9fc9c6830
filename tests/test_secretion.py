"""Release of a tissue's cells, window by window: the single cell's own bits, MVBs shared at division, the mean field beside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import exude
from exude.engine import build, mean_secretion, numbers, secretion
from exude.engine.layout import Ints, State
from exude.engine.secretion import Vesicles
from exude.experiment.simulate import Plan, Settings, plan

CELLS, WINDOWS = 70, 13
SETTINGS = Settings(every="10 min", snapshots=(), threads=1, burn_in="6 h")
Z = 5.0
"""Limit of |z|: a right program fails one of these comparisons with a chance of 6e-7."""


def planned(cells: int = CELLS, **changes: object) -> Plan:
    settings = Settings(**{**SETTINGS.__dict__, **changes})
    return plan("MDA-MB-231", (exude.Stimulus("ionomycin", "5 uM", at="45 min"),), "2 h", cells, 3, settings)


def begun(made: Plan, cells: int = CELLS) -> Vesicles:
    ids = np.arange(cells, dtype=np.int64)
    return Vesicles.begin(made.job, ids, made.job.levels(ids))


@pytest.mark.parametrize("threads", [1, 3])
def test_windows_are_the_single_cells_own_run(threads: int) -> None:
    made = planned()
    cells = begun(made)
    found = [cells.advance(window, threads) for window in range(WINDOWS)][1:]
    whole = exude.simulate(
        "MDA-MB-231", *made.what, duration="2 h", cells=CELLS, seed=3, settings=SETTINGS,
    )  # fmt: skip
    gained = whole.data[["fusions", "exosomes", "exosomal_cargo"]].diff("time")
    assert [len(b.time) for b in found] == gained.fusions.sum("cell").values.tolist()
    assert [b.ilv.sum() for b in found] == gained.exosomes.sum("cell").values.tolist()
    assert [b.cargo.sum() for b in found] == gained.exosomal_cargo.sum("cell").values.tolist()
    assert np.array_equal(cells.counts, whole.data.stage_count.isel(time=-1).values)
    assert all(((b.time > 600.0 * k) & (b.time <= 600.0 * (k + 1))).all() for k, b in enumerate(found))


def test_division_shares_mvbs_and_leaves_others_alone() -> None:
    cells = begun(planned(150), 150)
    for window in range(3):
        cells.advance(window, 1)
    before = cells.counts.copy()
    alive = np.setdiff1d(np.arange(150), [5, 70, 71, 149])
    mothers, names = np.array([3, 66, 68, 148]), np.arange(1000, 1004)
    rows = np.concatenate([alive, mothers])
    cells.keep(rows, np.concatenate([np.full(len(alive), -1), names]), rows, cells.levels)
    at = {int(name): row for row, name in enumerate(cells.ids)}
    for mother, name in zip(mothers, names, strict=True):
        shared = cells.counts[at[int(mother)]] + cells.counts[at[int(name)]]
        assert np.array_equal(shared, before[mother])
        assert 0 < cells.counts[at[int(name)]].sum() < before[mother].sum()
    others = [row for row in alive if row not in mothers]
    assert all(np.array_equal(cells.counts[at[int(row)]], before[row]) for row in others)
    assert _sound(cells)
    cells.advance(3, 2)
    assert _sound(cells)


def _sound(cells: Vesicles) -> bool:
    """Every MVB has its row, all of a cell are different ones, and none is younger than its cell's next."""
    for chunk in cells.chunks:
        ends = np.cumsum(chunk.count.sum(axis=1))
        names = np.split(chunk.name, ends)
        if len(names.pop()) or any(
            len(array) != ends[-1] for array in (chunk.growth, chunk.weight, chunk.lag, chunk.born)
        ):
            return False
        for own, following in zip(names, chunk.next_name, strict=True):
            if len(np.unique(own)) < len(own) or (own >= following).any():
                return False
    return True


def _held(cells: Vesicles) -> dict[int, set[tuple[int, float]]]:
    """Each cell's MVBs by name and birth."""
    found: dict[int, set[tuple[int, float]]] = {}
    for chunk in cells.chunks:
        ends = np.cumsum(chunk.count.sum(axis=1))[:-1]
        for names, born in zip(np.split(chunk.name, ends), np.split(chunk.born, ends), strict=True):
            found[int(cells.ids[len(found)])] = set(zip(names.tolist(), born.tolist(), strict=True))
    return found


def test_each_mvb_goes_to_one_daughter_by_a_fair_coin() -> None:
    """Half of all cells divide, a tenth die: nothing is lost or doubled, and the share taken is one half (|z| < 5)."""
    cells = begun(planned(300), 300)
    cells.advance(0, 1)
    before = _held(cells)
    alive, mothers = np.flatnonzero(np.arange(300) % 10), np.arange(1, 300, 2)
    rows = np.concatenate([alive, mothers])
    cells.keep(rows, np.concatenate([np.full(len(alive), -1), 1000 + mothers]), rows, cells.levels)
    after, taken, most = _held(cells), 0, 0
    assert _sound(cells) and len(cells.chunks) == 2
    for mother in mothers.tolist():
        mine, hers = after[mother], after[1000 + mother]
        assert mine | hers == before[mother] and not mine & hers
        taken, most = taken + len(hers), most + len(before[mother])
    assert all(after[i] == before[i] for i in alive.tolist() if i % 2 == 0)
    assert abs(taken - most / 2) < Z * np.sqrt(most) / 2


def test_an_mvb_kept_by_both_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: the mother keeps what the daughter took."""
    right = build.plain("division").divide

    def wrong(held: State, fate: Ints, *rest: object) -> tuple[int, int, int]:
        whole = State._make(array.copy() for array in held)
        _, cell, row = right(held, fate, *rest)
        for name, array in whole._asdict().items():
            getattr(held, name)[...] = array
        return len(held.name), cell, row

    monkeypatch.setattr(build.plain("division"), "divide", wrong)
    cells = begun(planned(), CELLS)
    cells.advance(0, 1)
    before = cells.counts.copy()
    rows = np.append(np.arange(CELLS), 4)
    cells.keep(rows, np.append(np.full(CELLS, -1), 500), rows, cells.levels)
    assert not np.array_equal(cells.counts[4] + cells.counts[-1], before[4])


def test_chunks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Births and deaths included."""
    found = []
    for chunk in (256, 1, 7, 64):
        monkeypatch.setattr(secretion, "CHUNK", chunk)
        cells = begun(planned())
        cells.advance(0, 1)
        rows = np.concatenate([np.arange(3, CELLS), [5, 40]])
        cells.keep(rows, np.append(np.full(CELLS - 3, -1), [100, 101]), rows, cells.levels)
        bursts = cells.advance(1, 2)
        found.append([*bursts, cells.traces, cells.counts])
        assert len(found[0][0]) and all(map(np.array_equal, found[0], found[-1]))


def test_mean_field_and_vesicles_agree() -> None:
    """Alike cells: fusions and exosomes per cell over two hours with a stimulus, in the mean."""
    many = 800
    made = planned(many, alike=True)
    ids = np.arange(many, dtype=np.int64)
    table = made.job.levels(ids[:1])
    sums = {}
    for name, cells in (
        ("vesicles", Vesicles.begin(made.job, ids, np.repeat(table, many, axis=0))),
        ("mean field", mean_secretion.MeanSecretion.begin(made.job, ids, table, np.zeros(many, np.int64), 1)),
    ):
        total = np.zeros((many, 2))
        for window in range(WINDOWS):
            bursts = cells.advance(window, 1)
            if window:
                np.add.at(total, bursts.cell, np.stack([np.ones_like(bursts.ilv), bursts.ilv], axis=1))
        sums[name] = total
    one, other = sums["vesicles"], sums["mean field"]
    gap = (one.mean(axis=0) - other.mean(axis=0)) / one.mean(axis=0)
    own = (one.var(axis=0) + other.var(axis=0)) / many
    sampled = one[:, 1].var() / mean_secretion.SAMPLE  # sizes of bursts come from so many cells
    limit = (
        Z * np.sqrt(own + np.array([0.0, sampled])) / one.mean(axis=0) + 0.01
    )  # and the closure's per cent (docs/closures.md)
    assert (abs(gap) < limit).all(), (gap, limit)
    spread = other[:, 0].var() / other[:, 0].mean()
    assert 0.7 < spread < 1.3  # Poisson; the kernel is a little more even


def test_poisson_numbers_have_their_law() -> None:
    u = (np.arange(100_000) + 0.5) / 100_000
    for mean in (0.05, 1.0, 9.0):
        drawn = numbers.poisson(u, np.full(len(u), mean))
        assert np.array_equal(drawn, stats.poisson.ppf(u, mean).astype(int))
