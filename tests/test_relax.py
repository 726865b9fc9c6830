"""Long steps of crowded cells against short ones of another method, the method's own polynomial, walls, bad input."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from exude.engine import relax as module
from exude.engine.agents import Box, Cells, Mechanics
from exude.engine.relax import FEWEST, MOST, Scheme, pieces_for, relax, scheme
from exude.errors import ProtocolError

Floats = NDArray[np.float64]
BOX = Box(np.full(3, -100.0), np.full(3, 100.0))
ALIKE = np.ones((1, 1))


def crowd(n: int = 200, side: float = 70.0) -> Cells:
    """Cells packed as in a spheroid, after a while of pushing."""
    rng, one = np.random.default_rng(4), np.ones(n)
    cells = Cells(
        rng.uniform(-side / 2, side / 2, (n, 3)), 8 * one, 1.25 * one, 0.17 * one, 0.07 * one,
        np.zeros(n, np.int64), np.arange(n),
    )  # fmt: skip
    for _ in range(20):
        relax(Mechanics(BOX, ALIKE), cells, *still(n), 120.0)
    return cells


def still(n: int) -> tuple[Floats, Floats]:
    return np.zeros((n, 3)), np.zeros((n, 3))


def way_of(n: int) -> Floats:
    return np.random.default_rng(5).normal(0.0, 0.6, (n, 3))


def fine(cells: Cells, way: Floats, dt: float, steps: int) -> Floats:
    """Many short steps of Adams and Bashforth's method."""
    position, previous, m = cells.position.copy(), np.zeros_like(way), Mechanics(BOX, ALIKE)
    moved = cells._replace(position=position)
    for _ in range(steps):
        m.step(moved, previous, dt / steps, displacement=way / steps)
    return position


def moved(cells: Cells, way: Floats, dt: float, pieces: int = 1, threads: int = 1) -> Floats:
    now, m = cells._replace(position=cells.position.copy()), Mechanics(BOX, ALIKE, threads=threads)
    for _ in range(pieces):
        relax(m, now, way / pieces, np.zeros_like(way), dt / pieces)
    return now.position


def growth(shares: Scheme, z: float) -> float:
    """What one step of length 1 makes of x' = z x, x = 1."""
    older, now = 1.0, 1.0 + shares.first * z
    for a, b, c, d, e in shares.later:
        older, now = now, a + b * now + c * older + d * z * now + e * z
    return now


@pytest.mark.parametrize("stages", range(FEWEST, MOST + 1))
def test_a_step_is_of_second_order_and_stable_as_far_as_it_says(stages: int) -> None:
    shares = scheme(stages)
    errors = [abs(growth(shares, z) - np.exp(z)) for z in (-0.08, -0.04, -0.02)]
    assert all(7.0 < a / b < 9.0 for a, b in pairwise(errors)), errors
    assert shares.reach > 0.65 * (stages**2 - 1)
    assert all(abs(growth(shares, -z)) <= 1.0 + 1e-12 for z in np.linspace(0.0, shares.reach, 2001))
    assert abs(growth(shares, -2.0 * shares.reach)) > 1.0
    wrong = shares._replace(later=tuple((a, b, c, d, 0.99 * e) for a, b, c, d, e in shares.later))
    off = [abs(growth(wrong, z) - np.exp(z)) for z in (-0.08, -0.04, -0.02)]
    assert stages == FEWEST or not all(7.0 < a / b < 9.0 for a, b in pairwise(off))  # planted fault


def test_one_long_step_comes_to_where_many_short_ones_do() -> None:
    cells = crowd()
    way = way_of(200)
    true = fine(cells, way, 120.0, 4000)
    assert np.abs(moved(cells, way, 120.0) - true).max() < 0.01 * 8.0
    errors = [float(np.sqrt(np.mean((moved(cells, way, 120.0, pieces) - true) ** 2))) for pieces in (1, 4, 16)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2] and errors[2] < 1e-3, errors
    assert np.abs(moved(cells, np.zeros_like(way), 120.0) - true).max() > 0.1  # the way matters
    assert np.abs(cells.position + way - true).max() > 0.1  # so do the forces


def test_a_wrong_share_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: what drove at the start is forgotten in every later stage."""
    cells, way = crowd(), way_of(200)
    true = fine(cells, way, 120.0, 4000)
    honest = scheme

    def forgetful(stages: int) -> Scheme:
        shares = honest(stages)
        return shares._replace(later=tuple((*five[:4], 0.0) for five in shares.later))

    monkeypatch.setattr(module, "scheme", forgetful)
    assert np.abs(moved(cells, way, 120.0) - true).max() > 0.02 * 8.0


def test_same_bits_for_threads_and_whatever_lists_were_kept() -> None:
    n = 10_000
    rng, one = np.random.default_rng(1), np.ones(n)
    cells = Cells(
        rng.uniform(-99, 99, (n, 3)), 5 * one, 1.25 * one, 0.2 * one, 0.05 * one, np.zeros(n, np.int64), np.arange(n)
    )
    way = way_of(n)
    assert moved(cells, way, 60.0).tobytes() == moved(cells, way, 60.0, threads=3).tobytes()
    used = Mechanics(BOX, ALIKE, skin=4.0)
    now = cells._replace(position=cells.position.copy())
    used.forces(now)
    relax(used, now, way, np.zeros_like(way), 60.0)
    assert now.position.tobytes() == moved(cells, way, 60.0).tobytes()


def test_stages_and_steps_follow_the_way_and_the_rate() -> None:
    cells = crowd()
    found = Mechanics(BOX, ALIKE).forces(cells)
    none = np.zeros_like(cells.position)
    assert pieces_for(cells, found, none, 1e-6) == (1, FEWEST)
    steps, stages = pieces_for(cells, found, none, 120.0)
    assert 120.0 / steps * found.stiffness.max() <= scheme(stages).reach and FEWEST < stages <= MOST
    far = none.copy()
    far[3] = [29.9, 39.9, 0.0]
    assert pieces_for(cells, found, far, 1e-9)[0] == 16  # at most two fifths of 8 um each
    assert pieces_for(Cells(*(a[:0] for a in cells)), found, none[:0], 1.0) == (1, FEWEST)


@pytest.mark.parametrize("planar", [False, True])
def test_walls_hold_cells_and_turn_them(planar: bool) -> None:
    box = Box(np.zeros(3), np.array([50.0, 50.0, 50.0]), planar=planar)
    one = np.ones(2)
    place = np.array([[1.0, 25.0, 5.0], [49.0, 25.0, 5.0]])
    cells = Cells(place, 8 * one, one, one, one, np.zeros(2, np.int64), np.arange(2))
    heading, way = np.array([[-1.0, 0.5, -1.0], [1.0, 0.0, 0.0]]), np.array([[-3.0, 1.0, 0.0], [0.5, 0.0, 0.0]])
    relax(Mechanics(box, ALIKE), cells, way, heading, 60.0)
    np.testing.assert_allclose(place, [[0.0, 26.0, 5.0], [49.5, 25.0, 5.0]])
    np.testing.assert_array_equal(heading, [[1.0, 0.5, -1.0], [1.0, 0.0, 0.0]])


def test_what_cannot_be_moved_is_named() -> None:
    cells = crowd(20)
    m, way, heading = Mechanics(BOX, ALIKE), *still(20)
    way[7, 1] = np.nan
    with pytest.raises(ProtocolError, match="cell 7"):
        relax(m, cells, way, heading, 60.0)
    with pytest.raises(ProtocolError, match="step > 0"):
        relax(m, cells, *still(20), 0.0)
    with pytest.raises(ProtocolError, match="way"):
        relax(m, cells, np.zeros((19, 3)), heading, 1.0)
    cells.position[3, 0] = np.inf
    with pytest.raises(ProtocolError, match="cell 3"):
        relax(m, cells, *still(20), 60.0)
