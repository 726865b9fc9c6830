"""Cells in space against a brute-force twin, exact laws of the walk, and symmetries.

A statistical test compares second moments of Gaussian numbers with their exact values; its limit is set so that one
right engine is called wrong once in 1e6 runs of the whole table it belongs to.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

from exude.engine import agents, build
from exude.engine.agents import Box, Cells, Mechanics
from exude.engine.walk import Walk, directions, divide, start_walk, wander
from exude.errors import ProtocolError

Floats = NDArray[np.float64]
ALARM = 1e-6
BOX = Box(np.full(3, -500.0), np.full(3, 500.0))
FLAT = Box(np.array([-500.0, -500.0, 0.0]), np.array([500.0, 500.0, 10.0]), planar=True)
KINDS = np.array([[1.0, 0.5], [0.2, 2.0]])
ALIKE = np.ones((1, 1))


def crowd(n: int, seed: int, *, mixed: bool = True, flat: bool = False, side: float = 80.0) -> Cells:
    """Cells at random in a cube, many of them overlapping, in spatial order."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-side / 2, side / 2, (n, 3))
    if flat:
        place[:, 2] = 5.0
    one = np.ones(n)
    spread = (lambda low, high: rng.uniform(low, high, n)) if mixed else (lambda low, high: (low + high) / 2 * one)
    kind = rng.integers(0, 2, n) if mixed else np.zeros(n, np.int64)
    cells = Cells(place, spread(5, 10), spread(0.9, 1.5), spread(0.1, 0.3), spread(0, 0.1), kind, np.arange(n))
    order = agents.spatial_order(place, cells.ids, FLAT if flat else BOX, 20.0)
    return taken(cells, order)


def taken(cells: Cells, order: NDArray[np.int64]) -> Cells:
    return Cells(*(np.ascontiguousarray(array[order]) for array in cells))


def copy(cells: Cells) -> Cells:
    return Cells(*(array.copy() for array in cells))


def twin(c: Cells, affinity: Floats) -> tuple[Floats, Floats]:
    """Velocities and pressures by PhysiCell's formulas over all pairs; no two cells at one place."""
    apart = c.position[:, None] - c.position[None]
    d = np.maximum(np.sqrt((apart**2).sum(axis=2)), 1e-5)
    touch, far = (np.maximum(x[:, None] + x[None], 1e-5) for x in (c.radius, c.stretch * c.radius))
    squeezed = np.where(d < touch, 1 - d / touch, 0) ** 2
    np.fill_diagonal(squeezed, 0)
    one_way = c.adhesion[:, None] * affinity[c.kind][:, c.kind]
    push = np.sqrt(c.repulsion[:, None] * c.repulsion[None]) * squeezed
    pull = np.sqrt(one_way * one_way.T) * np.where(d < far, 1 - d / far, 0) ** 2
    return (((push - pull) / d)[:, :, None] * apart).sum(axis=1), squeezed.sum(axis=1)


def found(m: Mechanics, cells: Cells) -> Floats:
    return m.forces(cells).velocity.copy()


# --- forces -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 300])
def test_forces_are_the_twins(n: int, mixed: bool, flat: bool) -> None:
    cells, affinity = crowd(n, n, mixed=mixed, flat=flat), KINDS if mixed else ALIKE
    forces = Mechanics(FLAT if flat else BOX, affinity).forces(cells)
    velocity, pressure = twin(cells, affinity)
    np.testing.assert_allclose(forces.velocity, velocity, rtol=0, atol=1e-12)
    np.testing.assert_allclose(forces.pressure, pressure, rtol=1e-12, atol=1e-13)


def worst_on_the_way(m: Mechanics, cells: Cells) -> float:
    """Largest difference from the twin while cells move, grow, and one is carried elsewhere by hand."""
    previous, rng, worst = np.zeros_like(cells.position), np.random.default_rng(5), 0.0
    for step in range(60):
        worst = max(worst, float(np.abs(m.forces(cells).velocity - twin(cells, KINDS)[0]).max()))
        m.move(cells, previous, 1.0, displacement=rng.normal(0, 0.3, cells.position.shape))
        cells.radius[:20] *= 1.005
        if step == 30:
            cells.position[7] = cells.position[100] + 1.0
    return worst


def test_lists_hold_while_cells_move_and_grow() -> None:
    m = Mechanics(BOX, KINDS)
    assert worst_on_the_way(m, crowd(300, 3)) < 1e-12
    assert 2 < m.builds < 55


def test_a_list_not_rebuilt_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the check says that no cell has moved."""
    honest = Mechanics._pack
    monkeypatch.setattr(Mechanics, "_pack", lambda self, cells: (False, honest(self, cells)[1]))
    assert worst_on_the_way(Mechanics(BOX, KINDS), crowd(300, 3)) > 1e-6


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_move_along_any_axis_rebuilds(axis: int) -> None:
    cells, m = crowd(2, 1, mixed=False), Mechanics(BOX, ALIKE)
    cells.position[:] = 0.0
    cells.position[1, axis] = 30.0
    assert not m.forces(cells).velocity.any()
    cells.position[1, axis] = 8.0
    assert found(m, cells)[1, axis] > 0
    np.testing.assert_allclose(found(m, cells), twin(cells, ALIKE)[0], atol=1e-13)


def test_growth_alone_rebuilds() -> None:
    cells = crowd(2, 1, mixed=False)
    cells.position[:] = [[0, 0, 0], [30, 0, 0]]
    m = Mechanics(BOX, ALIKE)
    assert not m.forces(cells).velocity.any()
    cells.radius[0] = 30.0
    np.testing.assert_allclose(found(m, cells), twin(cells, ALIKE)[0], atol=1e-13)
    assert found(m, cells)[0, 0] < 0


def test_every_action_has_its_reaction() -> None:
    cells = crowd(300, 4)
    assert np.abs(found(Mechanics(BOX, KINDS), cells).sum(axis=0)).max() < 1e-12
    lame = cells._replace(repulsion=np.where(np.arange(300) == 3, 0.0, cells.repulsion))
    one_sided = found(Mechanics(BOX, KINDS), cells)
    one_sided[3] = found(Mechanics(BOX, KINDS), lame)[3]
    assert np.abs(one_sided.sum(axis=0)).max() > 1e-4  # planted fault: one cell does not push back


def test_kinds_without_affinity_do_not_attract() -> None:
    cells = crowd(2, 1)._replace(kind=np.array([0, 1]), adhesion=np.full(2, 0.1), stretch=np.full(2, 2.0))
    cells.position[:] = [[0, 0, 0], [25, 0, 0]]
    assert found(Mechanics(BOX, np.ones((2, 2))), cells)[0, 0] > 0
    assert not found(Mechanics(BOX, np.eye(2)), cells).any()


def test_the_path_for_equal_cells_has_the_same_bits() -> None:
    cells = crowd(300, 6, mixed=False)
    alike = found(Mechanics(BOX, KINDS), cells)
    more = Cells(*(np.concatenate((a, a[-1:])) for a in cells))
    more.position[-1], more.ids[-1], more.adhesion[-1] = 400.0, 9999, 0.77
    np.testing.assert_array_equal(found(Mechanics(BOX, KINDS), more)[:300], alike)


@pytest.mark.parametrize("mixed", [False, True])
def test_cells_without_reach_of_adhesion_only_push(mixed: bool) -> None:
    cells = crowd(60, 2, mixed=mixed)
    cells.stretch[:] = 0.0
    velocity = found(Mechanics(BOX, KINDS), cells)
    np.testing.assert_allclose(velocity, twin(cells._replace(adhesion=np.zeros(60)), KINDS)[0], atol=1e-13)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
def test_cells_at_one_place_part(planar: bool, mixed: bool) -> None:
    cells = crowd(40, 2, mixed=mixed, flat=planar)
    cells.position[10:13] = cells.position[10]
    m = Mechanics(FLAT if planar else BOX, KINDS)
    first, before = found(m, cells), np.zeros_like(cells.position)
    assert np.isfinite(first).all() and np.abs(first.sum(axis=0)).max() < 1e-12
    assert (np.abs(first[10:13]).max(axis=1) > 0.01).all()
    m.step(cells, before, 1.0)
    assert len(np.unique(cells.position[10:13], axis=0)) == 3
    assert not planar or (cells.position[:, 2] == 5.0).all()


def test_rotated_and_shifted_cells_move_alike() -> None:
    cells, turn = crowd(200, 8), np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    other = cells._replace(position=np.ascontiguousarray(cells.position @ turn.T + [50.0, -20.0, 7.0]))
    np.testing.assert_allclose(
        found(Mechanics(BOX, KINDS), other), found(Mechanics(BOX, KINDS), cells) @ turn.T, atol=1e-12
    )


def test_two_dimensions_are_one_layer_of_three() -> None:
    flat, thick = crowd(200, 9, flat=True), crowd(200, 9, flat=True)
    runs = [(Mechanics(FLAT, KINDS), flat), (Mechanics(BOX, KINDS), thick)]
    for m, cells in runs:
        previous = np.zeros_like(cells.position)
        for _ in range(30):
            m.step(cells, previous, 2.0)
    np.testing.assert_array_equal(flat.position, thick.position)
    assert (flat.position[:, 2] == 5.0).all()


# --- order, threads, resuming -------------------------------------------------------------------------------------


def walker(cells: Cells, **change: float) -> Walk:
    n, one = len(cells.ids), np.ones(len(cells.ids))
    value = {"speed": 0.02, "persistence": 300.0, "freedom": 0.8} | change
    columns = (value["speed"] * one, value["persistence"] * one)
    return Walk(np.zeros((n, 3)), *columns, np.full((n, 3), 1e-3), value["freedom"] * one, cells.ids)


def travelled(cells: Cells, threads: int, fresh_every: int = 10**9) -> Floats:
    """Places after 12 steps, with a new engine every so many."""
    cells, walk, previous = copy(cells), walker(cells), np.zeros_like(cells.position)
    start_walk(walk, seed=1)
    for step in range(12):
        if step % fresh_every == 0:
            m = Mechanics(BOX, KINDS, threads=threads)
        way = wander(walk, 20.0, seed=1, step=step, threads=threads)
        m.step(cells, previous, 20.0, displacement=way, heading=walk.heading)
    return cells.position


def test_threads_order_and_resuming_do_not_change_a_bit() -> None:
    cells = crowd(9000, 11, side=260.0)
    once = travelled(cells, 1)
    for threads in (2, 3):
        np.testing.assert_array_equal(travelled(cells, threads), once)
    np.testing.assert_array_equal(travelled(cells, 1, fresh_every=1), once)
    np.testing.assert_array_equal(travelled(cells, 1, fresh_every=5), once)
    shuffled = taken(cells, np.random.default_rng(0).permutation(9000))
    again = taken(shuffled, agents.spatial_order(shuffled.position, shuffled.ids, BOX, 20.0))
    np.testing.assert_array_equal(travelled(again, 2), once)
    assert (travelled(shuffled, 1) != once).any()  # the order is what the bits depend on


def test_spatial_order_is_morton_of_bins_then_id() -> None:
    cells = crowd(500, 1)
    order = agents.spatial_order(cells.position, cells.ids, BOX, 25.0)
    assert sorted(order) == list(range(500))
    keys = []
    for i in order:
        bins = [f"{int((x + 500) // 25):021b}" for x in cells.position[i, ::-1]]
        keys.append((int("".join(z + y + x for z, y, x in zip(*bins, strict=True)), 2), int(cells.ids[i])))
    assert all(a < b for a, b in pairwise(keys))
    assert len({key for key, _ in keys}) < 500  # some share a bin


def test_a_million_cells_fit() -> None:
    """At most 500 bytes per cell in all; checked on 20,000 at confluence (about 16 neighbours)."""
    cells = crowd(20_000, 1, mixed=True, side=20_000 ** (1 / 3) * 13.0)
    m = Mechanics(BOX, KINDS)
    m.forces(cells)
    own = sum(a.nbytes for a in cells) + sum(a.nbytes for a in walker(cells)) + cells.position.nbytes
    assert len(m.neighbours()[1]) > 12 * 20_000
    assert (m.bytes + own) / 20_000 < 500


# --- the walk -----------------------------------------------------------------------------------------------------


def moments(speed: float, persistence: float, t: float, axes: int) -> dict[str, float]:
    """Exact second moments per axis of (v0, v, x) after t, for a walk long under way."""
    var, e = speed**2 / axes, math.exp(-t / persistence)
    drag = persistence * -math.expm1(-t / persistence)
    return {
        "v0 v0": var, "v v": var, "v0 v": var * e, "v0 x": var * drag, "v x": var * drag,
        "x x": 2 * var * persistence * (t - drag),
    }  # fmt: skip


def worst_z(ratio: float, steps: int, axes: int, fault: str = "") -> float:
    """Largest |z| of the second moments after `steps` steps of ratio x P each."""
    n, p, speed, dt = 20_000, 40.0, 0.5, ratio * 40.0
    one, planar = np.ones(n), axes == 2
    walk = Walk(np.zeros((n, 3)), speed * one, p * one, np.zeros((n, 3)), one, np.arange(n))
    start_walk(walk, seed=3, planar=planar)
    v0, x = walk.heading.copy(), np.zeros((n, 3))
    for step in range(steps):
        before = walk.heading.copy()
        way = wander(walk, dt, seed=3, step=0 if fault == "stuck" else step, planar=planar)
        x += 0.5 * dt * (before + walk.heading) if fault == "trapezium" else way
    if planar:
        assert not x[:, 2].any() and not walk.heading[:, 2].any()
    values = {"v0": v0[:, :axes], "v": walk.heading[:, :axes], "x": x[:, :axes]}
    exact = moments(speed, p, steps * dt, axes)
    worst = 0.0
    for name, expected in exact.items():
        a, b = name.split()
        # variance of a product of two centred Gaussians: <aa><bb> + <ab>^2
        variance = exact[f"{a} {a}"] * exact[f"{b} {b}"] + expected**2
        worst = max(worst, abs((values[a] * values[b]).mean() - expected) / math.sqrt(variance / (n * axes)))
    return worst


RATIOS = (0.01, 0.1, 0.19, 0.21, 1.0, 10.0)
LIMIT = float(-ndtri(ALARM / (2 * 6 * 2 * 2 * len(RATIOS))))


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("ratio", RATIOS)
def test_walk_has_its_exact_law_at_any_step(ratio: float, steps: int, axes: int) -> None:
    assert worst_z(ratio, steps, axes) < LIMIT


@pytest.mark.parametrize(("fault", "ratio"), [("trapezium", 1.0), ("stuck", 0.1)])
def test_a_wrong_walk_is_seen(fault: str, ratio: float) -> None:
    """Planted faults: a displacement from the mean of two headings; the same random numbers in every step."""
    assert worst_z(ratio, 4, 3, fault) > LIMIT


def test_walk_goes_over_into_the_limits_without_a_jump() -> None:
    """Noise of the displacement at tiny steps (x ~ dt^3), and the same law either side of the change of series."""
    n, one = 50_000, np.ones(50_000)
    spread = []
    for ratio in (1e-6, 1e-3):
        walk = Walk(np.zeros((n, 3)), one, one, np.zeros((n, 3)), one, np.arange(n))
        x = wander(walk, ratio, seed=1, step=0)
        z = x / math.sqrt(2 / 9 * ratio**3)  # variance per axis S^2/3 (2/3) t^3 at start from rest
        spread.append((z**2).mean() - 1)
    limit = float(-ndtri(ALARM / 4)) * math.sqrt(2 / (3 * n))
    assert all(abs(s) < limit + 1e-3 for s in spread)


def test_random_numbers_of_cells_and_steps_are_independent() -> None:
    n, one = 50_000, np.ones(50_000)
    noise = []
    for step in (0, 1, 2**32):
        walk = Walk(np.zeros((n, 3)), one, one, np.zeros((n, 3)), one, np.arange(n))
        wander(walk, 50.0, seed=1, step=step)
        noise.append(walk.heading * math.sqrt(3))
    pairs = [(noise[0], noise[1]), (noise[1], noise[2]), (noise[0][1:], noise[0][:-1])]
    pairs += [(noise[0], np.roll(noise[0], 1, axis=1))]
    limit = float(-ndtri(ALARM / (2 * len(pairs))))
    for a, b in pairs:
        assert abs((a * b).mean()) * math.sqrt(a.size) < limit


def test_normal_numbers_have_normal_tails() -> None:
    """Shares beyond 1 to 4 standard deviations of 1.2 million numbers."""
    n, shares = (
        400_000,
        {1.0: 0.31731050786291415, 2.0: 0.04550026389635842, 3.0: 0.0026997960632601866, 4.0: 6.334248366623993e-05},
    )
    walk = Walk(np.zeros((n, 3)), np.ones(n), np.ones(n), np.zeros((n, 3)), np.ones(n), np.arange(n))
    start_walk(walk, seed=8)
    z = np.abs(walk.heading.ravel() * math.sqrt(3))
    limit = float(-ndtri(ALARM / (2 * len(shares))))
    for sigma, share in shares.items():
        assert abs((z > sigma).sum() - share * z.size) < limit * math.sqrt(share * z.size)


def test_drift_and_freedom() -> None:
    n, one = 3, np.ones(3)
    still = Walk(
        np.zeros((n, 3)), 0 * one, one, np.tile([1.0, -2.0, 3.0], (n, 1)), np.array([0.0, 0.5, 1.0]), np.arange(n)
    )
    np.testing.assert_allclose(wander(still, 2.0, seed=1, step=0), np.outer([0, 0.5, 1], [2, -4, 6]), atol=1e-15)
    free, held = (Walk(np.zeros((n, 3)), one, one, np.zeros((n, 3)), f * one, np.arange(n)) for f in (1.0, 0.25))
    a, b = (wander(walk, 2.0, seed=1, step=0) for walk in (free, held))
    np.testing.assert_allclose(0.25 * a, b, rtol=1e-15)
    np.testing.assert_array_equal(free.heading, held.heading)


# --- steps, walls, division ---------------------------------------------------------------------------------------


def test_walls_reflect_and_hold() -> None:
    cells = crowd(3, 1, mixed=False)
    cells.position[:] = [[499, 0, 0], [-499, -499, 0], [0, 0, 300]]
    way = np.array([[3.0, 1, 0], [-2.0, -5, 0], [0, 0, 1e9]])
    heading, previous, m = way.copy(), np.zeros((3, 3)), Mechanics(BOX, ALIKE)
    m.step(cells, previous, 1.0, displacement=way, heading=heading)
    np.testing.assert_allclose(cells.position, [[498, 1, 0], [-499, -496, 0], [0, 0, -500]])
    np.testing.assert_array_equal(heading, [[-3, 1, 0], [2, 5, 0], [0, 0, -1e9]])


def test_cells_never_leave_the_box() -> None:
    box = Box(np.array([-20.0, -15.0, -12.0]), np.array([20.0, 15.0, 12.0]))
    cells = crowd(60, 3, side=24.0)
    walk, previous, m = walker(cells, speed=5.0, persistence=5.0), np.zeros((60, 3)), Mechanics(box, KINDS)
    for step in range(200):
        way = wander(walk, 3.0, seed=2, step=step)
        m.step(cells, previous, 3.0, displacement=way, heading=walk.heading)
        assert (cells.position >= box.lower).all() and (cells.position <= box.upper).all()


def relaxed(cells: Cells, steps: int, dt: float) -> Floats:
    cells, previous, m = copy(cells), np.zeros_like(cells.position), Mechanics(BOX, KINDS)
    previous[:] = found(m, cells)
    for _ in range(steps):
        m.step(cells, previous, dt / steps)
    return cells.position


def test_steps_of_changing_length_keep_the_second_order() -> None:
    """Error against a fine solution falls fourfold with half the step, steps of two lengths in turn."""
    cells = crowd(30, 12, side=35.0)
    fine, errors = relaxed(cells, 4096, 16.0), []
    for steps in (64, 128, 256):
        now, previous, m, before = copy(cells), np.zeros_like(cells.position), Mechanics(BOX, KINDS), None
        previous[:] = found(m, now)
        for step in range(steps):
            dt = 16.0 / steps * (0.5 if step % 2 else 1.5)
            m.step(now, previous, dt, before=before)
            before = dt
        errors.append(np.abs(now.position - fine).max())
    assert all(3.0 < a / b < 5.5 for a, b in pairwise(errors)), errors


def test_division_keeps_volume_and_centre_and_has_no_direction() -> None:
    n = 20_000
    place, radius = np.tile([1.0, 2.0, 3.0], (n, 1)), np.linspace(4, 9, n)
    one, other, small = divide(place, radius, np.arange(n), BOX, seed=4)
    np.testing.assert_allclose(2 * small**3, radius**3, rtol=1e-14)
    np.testing.assert_allclose((one + other) / 2, place, atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(one - other, axis=1), radius, rtol=1e-12)
    way = directions(np.arange(n), seed=4)
    # <u> = 0 with variance 1/3, <u u> = 1/3 with variance 4/45 on the diagonal, <u v> = 0 with variance 1/15
    limit = float(-ndtri(ALARM / (2 * 9))) / math.sqrt(n)
    assert np.abs(way.mean(axis=0)).max() < limit * math.sqrt(1 / 3)
    second = way.T @ way / n - np.eye(3) / 3
    assert np.abs(np.diag(second)).max() < limit * math.sqrt(4 / 45)
    assert np.abs(second - np.diag(np.diag(second))).max() < limit * math.sqrt(1 / 15)
    assert (divide(place[:5], radius[:5], np.arange(5, 10), BOX, seed=4)[0] != one[:5]).any()
    flat, _, _ = divide(place, radius, np.arange(n), FLAT, seed=4)
    assert (flat[:, 2] == 3.0).all()


def test_overlaps_are_counted() -> None:
    cells = crowd(400, 5)
    d = np.linalg.norm(cells.position[:, None] - cells.position[None], axis=2)
    touch = cells.radius[:, None] + cells.radius[None]
    for share in (0.3, 0.5, 1.0):
        assert agents.overlaps(cells, BOX, share=share) == int((np.triu(d < share * touch, 1)).sum()) > 0
    heap = crowd(5000, 5, side=1e-3)
    assert agents.overlaps(heap, BOX) == 5000 * 4999 // 2


def test_thousands_at_one_place_have_lists_too() -> None:
    cells = crowd(700, 5, side=5.0)
    np.testing.assert_allclose(found(Mechanics(BOX, KINDS), cells), twin(cells, KINDS)[0], atol=1e-10)


def test_no_cells_at_all() -> None:
    none = taken(crowd(3, 1), np.array([], np.int64))
    m = Mechanics(BOX, KINDS)
    assert m.step(none, np.zeros((0, 3)), 1.0).velocity.shape == (0, 3)
    assert agents.overlaps(none, BOX) == 0 and m.neighbours()[1].size == 0


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("position", np.nan, "finite"), ("position", 501.0, "in the box"), ("radius", -1.0, "radius > 0"),
        ("radius", np.nan, "radius > 0"), ("repulsion", -1.0, ">= 0"), ("adhesion", np.inf, ">= 0"),
        ("stretch", np.nan, ">= 0"), ("kind", 2, "kind from 0 to 1"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_named(field: str, value: float, says: str) -> None:
    cells = crowd(50, 1)
    cells.ids[17] = 4711
    getattr(cells, field)[17] = value
    with pytest.raises(ProtocolError, match=rf"(?s)cell 4711 \(row 17\).*{says}"):
        Mechanics(BOX, KINDS).forces(cells)


def test_a_cell_that_goes_wrong_on_the_way_is_named() -> None:
    cells, m, way = crowd(50, 1), Mechanics(BOX, KINDS), np.zeros((50, 3))
    way[17, 1] = np.nan
    with pytest.raises(ProtocolError, match=r"cell \d+ \(row 17\)"):
        m.step(cells, np.zeros((50, 3)), 1.0, displacement=way)
    cells = crowd(50, 1)
    m.forces(cells)
    cells.position[17] = np.nan
    with pytest.raises(ProtocolError, match=r"row 17"):
        m.forces(cells)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"speed": -1.0}, "speed"), ({"persistence": 0.0}, "persistence"), ({"persistence": math.inf}, "persistence"),
        ({"freedom": 1.5}, "freedom"), ({"speed": math.nan}, "speed"),
    ],
)  # fmt: skip
def test_a_wrong_walk_is_refused(change: dict[str, float], says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        wander(walker(crowd(5, 1), **change), 1.0, seed=1, step=0)


def test_other_refusals() -> None:
    cells = crowd(5, 1)
    with pytest.raises(ProtocolError, match="shape"):
        Mechanics(BOX, KINDS).forces(cells._replace(radius=np.ones(4)))
    with pytest.raises(ProtocolError, match="contiguous"):
        Mechanics(BOX, KINDS).forces(cells._replace(kind=cells.kind.astype(np.int32)))
    m = Mechanics(BOX, KINDS)
    with pytest.raises(ProtocolError, match="previous"):
        m.step(cells, np.zeros((4, 3)), 1.0)
    with pytest.raises(ProtocolError, match="displacement"):
        m.step(cells, np.zeros((5, 3)), 1.0, displacement=np.zeros((5, 2)))
    cells.kind[2] = 5  # after the list was built
    with pytest.raises(ProtocolError, match=r"kind 5 of cell \d+ \(row 2\)"):
        m.forces(cells)
    cells.kind[2] = 0
    with pytest.raises(ProtocolError, match="ids from 0"):
        Mechanics(BOX, KINDS).forces(cells._replace(ids=cells.ids - 1))
    with pytest.raises(ProtocolError, match="square table"):
        Mechanics(BOX, np.ones((1, 2)))
    with pytest.raises(ProtocolError, match="lower <= upper"):
        Mechanics(Box(BOX.upper, BOX.lower), KINDS)
    for dt in (0.0, -1.0, math.nan):
        with pytest.raises(ProtocolError, match="step > 0"):
            wander(walker(cells), dt, seed=1, step=0)
        with pytest.raises(ProtocolError, match="step > 0"):
            Mechanics(BOX, KINDS).step(cells, np.zeros((5, 3)), dt)
    with pytest.raises(ProtocolError, match="width"):
        agents.spatial_order(cells.position, cells.ids, BOX, 0.0)


def test_pyphysicell_moves_cells_to_the_same_places() -> None:
    """1e-10 um after 100 steps, with and without a walk."""
    pytest.importorskip("pyphysicell")
    import agents as bench

    box, cells = bench.ball(600)
    for walking in (False, True):
        assert bench.agreement(box, cells, 100, walking) < bench.AGREE


def test_forces_become_vector_instructions() -> None:
    """The kernel's inner loop is four or eight cells wide wherever the machine has gathers (AVX2 or later)."""
    kernel = build.plain("agents").forces
    Mechanics(BOX, ALIKE).forces(crowd(5, 1, mixed=False))
    fresh = njit(nogil=True, error_model="numpy")(kernel.py_func)  # a cached one shows no text
    fresh.compile(kernel.signatures[0])
    text = "".join(fresh.inspect_asm().values())
    if "ymm" not in text and "zmm" not in text:
        pytest.skip("no wide registers on this machine")
    assert "vsqrtpd" in text
