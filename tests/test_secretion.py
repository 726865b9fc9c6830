"""Release of a tissue's cells, window by window: the single cell's own bits, MVBs shared at division, the mean field beside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import exude
from exude.engine import mean_secretion, secretion
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
    mothers, names = np.array([3, 68, 66, 148]), np.arange(1000, 1004)
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
    """No slot is used twice, and every slot is either used or free."""
    for chunk in cells.chunks:
        slots = chunk.growth.shape[1]
        for row in range(len(chunk.time)):
            used = [s for q, n in enumerate(chunk.count[row]) for s in chunk.members[row, q, :n]]
            free = list(chunk.free[row, : chunk.n_free[row]])
            if sorted(used + free) != list(range(slots)):
                return False
    return True


def test_a_slot_given_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: the mother keeps what the daughter took."""
    monkeypatch.setattr(secretion, "_retain", lambda *_: None)
    cells = begun(planned(), CELLS)
    cells.advance(0, 1)
    before = cells.counts.copy()
    rows = np.append(np.arange(CELLS), 4)
    cells.keep(rows, np.append(np.full(CELLS, -1), 500), rows, cells.levels)
    assert not np.array_equal(cells.counts[4] + cells.counts[-1], before[4])


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
        drawn = mean_secretion.poisson(u, np.full(len(u), mean))
        assert np.array_equal(drawn, stats.poisson.ppf(u, mean).astype(int))
