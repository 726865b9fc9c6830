"""Cells of several kinds in one crowd against all pairs: forces, rates, who touches whom, and what a list costs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from exude.engine.agents import Box, Cells, Mechanics, spatial_order
from exude.engine.body import VOLUME_BORN, radius_of
from exude.errors import ProtocolError

Floats = NDArray[np.float64]
BOX = Box(np.full(3, -400.0), np.full(3, 400.0))
MEAN = np.array([9.0, 4.0, 6.0])
"""Radius of each kind at its mean volume, um: tumour cells, T cells, others."""
TABLE = np.array([[1.0, 0.5, 0.0], [0.2, 2.0, 0.7], [0.3, 1.5, 0.1]])


def crowd(n: int = 600, seed: int = 1, side: float = 110.0) -> Cells:
    """Three kinds at random in a cube, each cell somewhere in its cycle, strengths of its kind; ids in no order."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    of_kind = {"stretch": [1.25, 1.1, 1.4], "repulsion": [0.6, 0.2, 0.4], "adhesion": [0.07, 0.02, 0.05]}
    stretch, repulsion, adhesion = (np.array(values)[kind] for values in of_kind.values())
    place, ids = rng.uniform(-side / 2, side / 2, (n, 3)), rng.permutation(n)
    cells = Cells(place, radius_of(MEAN[kind], rng.uniform(0, 1, n)), stretch, repulsion, adhesion, kind, ids)
    order = spatial_order(place, ids, BOX, 10.0)
    return Cells._make(np.ascontiguousarray(array[order]) for array in cells)


def apart(c: Cells) -> tuple[Floats, Floats]:
    """Differences of places, and distances, of all pairs; nobody is near itself."""
    difference = c.position[:, None] - c.position[None]
    d = np.sqrt((difference**2).sum(axis=2))
    np.fill_diagonal(d, np.inf)
    return difference, d


def pushes(c: Cells, table: Floats) -> tuple[Floats, Floats]:
    """PhysiCell's velocities, pair by pair, and the derivative of each pair's along its line."""
    difference, d = apart(c)
    touch, far = (x[:, None] + x[None] for x in (c.radius, c.stretch * c.radius))
    pair = c.kind[:, None], c.kind[None]
    repulsion = np.sqrt(c.repulsion[:, None] * c.repulsion[None])
    adhesion = np.sqrt(c.adhesion[:, None] * table[pair] * c.adhesion[None] * table[pair[::-1]])
    near, held = np.maximum(1 - d / touch, 0), np.maximum(1 - d / far, 0)
    speed = repulsion * near**2 - adhesion * held**2
    return ((speed / d)[:, :, None] * difference).sum(axis=1), 2 * (repulsion * near / touch - adhesion * held / far)


def differs(found: Floats, expected: Floats) -> float:
    return float(np.abs(found - expected).max())


def test_forces_of_three_kinds_are_the_twins() -> None:
    cells = crowd()
    found = Mechanics(BOX, TABLE).forces(cells).velocity.copy()
    assert differs(found, pushes(cells, TABLE)[0]) < 1e-12
    for fault in (np.ones((3, 3)), np.roll(TABLE, 1, axis=0), TABLE[[1, 0, 2]][:, [1, 0, 2]]):
        assert differs(Mechanics(BOX, fault).forces(cells).velocity, found) > 1e-3  # planted: another table
    wrong = cells._replace(radius=np.full(600, cells.radius.mean()))
    assert differs(Mechanics(BOX, TABLE).forces(wrong).velocity, found) > 1e-3  # planted: one radius for all
    # PhysiCell's law takes a_ij a_ji: there is no wrong way round
    np.testing.assert_array_equal(Mechanics(BOX, TABLE.T).forces(cells).velocity, found)


def test_each_kind_has_its_own_radius() -> None:
    kind, progress = np.array([0, 1, 1, 2]), np.array([0.0, 0.0, 1.0, 1 / VOLUME_BORN - 1])
    found = radius_of(MEAN[kind], progress)
    np.testing.assert_allclose(found[0] ** 3, VOLUME_BORN * 9.0**3, rtol=1e-14)
    np.testing.assert_allclose(found[2] ** 3, 2 * found[1] ** 3, rtol=1e-14)
    np.testing.assert_allclose(found[3], 6.0, rtol=1e-14)
    np.testing.assert_array_equal(radius_of(np.full(4, 9.0), progress), radius_of(9.0, progress))


def fastest(c: Cells, table: Floats) -> float:
    """The fastest rate at which the crowd relaxes: of -dv/dx, from differences of forces."""
    m, n, step = Mechanics(BOX, table), len(c.ids), 1e-6
    columns = []
    for column in range(3 * n):
        ends = []
        for sign in (-1.0, 1.0):
            moved = c._replace(position=c.position.copy())
            moved.position.ravel()[column] += sign * step
            ends.append(m.forces(moved).velocity.ravel().copy())
        columns.append((ends[0] - ends[1]) / (2 * step))
    return float(np.linalg.eigvalsh((np.array(columns) + np.array(columns).T) / 2)[-1])


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("alike", [False, True])
def test_rates_bound_the_fastest_and_not_by_far(seed: int, alike: bool) -> None:
    cells = crowd(90, seed, side=65.0)
    if alike:
        one = np.ones(90)
        cells = cells._replace(stretch=1.25 * one, repulsion=0.6 * one, adhesion=0.07 * one, kind=0 * cells.kind)
    bound, true = float(Mechanics(BOX, TABLE).rates(cells).max()), fastest(cells, TABLE)
    assert true <= bound * (1 + 1e-6)
    assert bound < 2.0 * true
    along = np.maximum(pushes(cells, TABLE)[1], 0)
    assert 2 * along.sum(axis=1).max() > 1.3 * bound  # the sum over neighbours bounds it, too, and is no use


def test_rates_are_one_pairs_own() -> None:
    """Of two cells: twice the derivative along their line; at one place, that in any direction."""
    place, two = np.array([[0.0, 0, 0], [3.0, 4.0, 0]]), np.ones(2)
    pair = Cells(place, 5.0 * two, 1.25 * two, 0.6 * two, 0.07 * two, np.zeros(2, np.int64), np.arange(2))
    slope = 2 * (0.6 * 0.5 / 10 - 0.07 * 0.6 / 12.5)
    np.testing.assert_allclose(Mechanics(BOX, TABLE).rates(pair), 2 * slope, rtol=1e-12)
    pair.position[1] = 0.0
    at_once = 2 * (0.6 / 10 - 0.07 / 12.5)
    np.testing.assert_allclose(Mechanics(BOX, TABLE).rates(pair), 2 * at_once, rtol=1e-5)


# --- who touches whom ---------------------------------------------------------------------------------------------


def pairs(c: Cells, margin: float, of: set[int], to: set[int]) -> list[tuple[int, int]]:
    """All pairs by brute force: by row, then by id."""
    near = apart(c)[1] <= c.radius[:, None] + c.radius[None] + margin
    near &= np.isin(c.kind, list(of))[:, None] & np.isin(c.kind, list(to))[None]
    rows, columns = np.nonzero(near)
    return sorted(zip(rows.tolist(), columns.tolist(), strict=True), key=lambda pair: (pair[0], c.ids[pair[1]]))


def listed(found: tuple[NDArray[np.int64], NDArray[np.int32]]) -> list[tuple[int, int]]:
    start, index = found
    rows = np.repeat(np.arange(len(start) - 1), np.diff(start))
    return list(zip(rows.tolist(), index.tolist(), strict=True))


@pytest.mark.parametrize("margin", [-2.0, 0.0, 1.5, 12.0])
@pytest.mark.parametrize(("of", "to"), [({1}, {0}), ({0, 2}, {1, 2}), ({0, 1, 2}, {0, 1, 2}), (set(), {1})])
def test_who_touches_whom_is_found(margin: float, of: set[int], to: set[int]) -> None:
    cells, m = crowd(), Mechanics(BOX, TABLE)
    rng = np.random.default_rng(3)
    for _ in range(6):
        expected = pairs(cells, margin, of, to)
        assert listed(m.touching(cells, margin, of=of, to=to)) == expected
        assert bool(expected) == bool(of)
        m.forces(cells)
        cells.position[:] += rng.normal(0, 0.5, cells.position.shape)
    everyone = set(range(3))
    assert listed(m.touching(cells, margin)) == pairs(cells, margin, everyone, everyone)


def test_a_list_that_does_not_reach_so_far_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the list in hand is taken as it is, whatever the margin."""
    cells, m, everyone = crowd(), Mechanics(BOX, TABLE), {0, 1, 2}
    m.forces(cells)
    monkeypatch.setattr(Mechanics, "_pack", lambda self, cells: (False, False))
    assert len(listed(m.touching(cells, 12.0))) < len(pairs(cells, 12.0, everyone, everyone))


def test_touching_and_rates_have_the_same_bits_for_threads_and_lists() -> None:
    cells = crowd(9000, side=270.0)
    first, used = Mechanics(BOX, TABLE), Mechanics(BOX, TABLE, threads=3, skin=7.0)
    used.touching(cells, 9.0)
    for one, other in zip(first.touching(cells, 1.0, of=[1]), used.touching(cells, 1.0, of=[1]), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first.rates(cells), used.rates(cells))


def test_what_cannot_be_chosen_is_refused() -> None:
    cells, m = crowd(20), Mechanics(BOX, TABLE)
    with pytest.raises(ProtocolError, match="kind from 0 to 2"):
        m.touching(cells, 1.0, to=[3])
    with pytest.raises(ProtocolError, match="margin"):
        m.touching(cells, np.nan)
    none = Cells._make(array[:0] for array in cells)
    start, index = Mechanics(BOX, TABLE).touching(none, 1.0)
    assert start.tolist() == [0] and not index.size


# --- what a list costs --------------------------------------------------------------------------------------------


def carried(hint: bool) -> tuple[int, float, Floats]:
    """Lists built in 40 moves of a crowd whose T cells run and whose others stay; list length; the last velocities."""
    cells, m, rng = crowd(3000, side=190.0), Mechanics(BOX, TABLE), np.random.default_rng(7)
    way = np.where(cells.kind == 1, 0.6, 0.02)
    step, length = rng.normal(0, 1, (3000, 3)) * way[:, None] / np.sqrt(3), []
    for _ in range(40):
        if hint:
            m.expect(way)
        last = m.forces(cells).velocity.copy()
        length.append(len(m.neighbours()[1]) / 3000)
        cells.position[:] += step
    return m.builds, float(np.mean(length)), last


def test_those_who_stay_do_not_pay_for_those_who_run() -> None:
    (even_builds, even_length, even), (builds, length, own) = carried(False), carried(True)
    assert builds * length < 0.8 * even_builds * even_length, (even_builds, even_length, builds, length)
    np.testing.assert_array_equal(own, even)


def test_who_does_not_push_does_not_press() -> None:
    """Two cells that overlap: pressed where both push, neither moved nor pressed where one crawls over the other."""
    position, radius, none = np.array([[50.0, 50.0, 50.0], [58.0, 50.0, 50.0]]), np.array([8.0, 5.0]), np.zeros(2)
    for push, pressed in ((40.0, True), (0.0, False)):
        cells = Cells(
            position, radius, np.full(2, 1.25), np.array([40.0, push]), none, np.array([0, 1]), np.arange(2, dtype=np.int64)
        )  # fmt: skip
        found = Mechanics(Box(np.zeros(3), np.full(3, 100.0), False), np.ones((2, 2))).forces(cells)
        assert bool((found.pressure > 0.0).all()) is pressed and bool(found.velocity.any()) is pressed
