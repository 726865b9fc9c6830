"""Long steps of crowded cells against short ones of another method, the method's own polynomial, walls, bad input."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from exude.engine import relax as module
from exude.engine.agents import Box, Cells, Mechanics
from exude.engine.relax import FEWEST, MOST, Scheme, piece_for, relax, scheme
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


def test_who_neither_pushes_nor_pulls_goes_straight_and_changes_no_bit_of_the_others() -> None:
    few, n = crowd(), 200
    rng, one = np.random.default_rng(6), np.ones(100)
    ghosts = Cells(
        rng.uniform(-35.0, 35.0, (100, 3)), 5 * one, 1.25 * one, 0 * one, 0 * one, np.zeros(100, np.int64),
        np.arange(n, n + 100),
    )  # fmt: skip
    order = rng.permutation(n + 100)
    both = Cells._make(np.concatenate(column)[order] for column in zip(few, ghosts, strict=True))
    start, way = both.position.copy(), np.concatenate([way_of(n), rng.normal(0.0, 4.0, (100, 3))])[order]
    there = moved(both, way, 120.0)
    real = both.ids < n
    alone = Cells._make(column[real] for column in both)
    assert np.array_equal(there[real], moved(alone, way[real], 120.0))
    assert np.abs(there - start - way)[~real].max() < 1e-11
    pushing = both._replace(repulsion=np.where(real, both.repulsion, 1e-6))
    assert not np.array_equal(moved(pushing, way, 120.0)[real], there[real])  # planted fault


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


def test_pieces_and_stages_follow_the_speed_and_the_rate() -> None:
    cells = crowd()
    rate, none = float(Mechanics(BOX, ALIKE).rates(cells).max()), np.zeros_like(cells.position)
    assert piece_for(cells, none, rate, 1e-6) == (1e-6, FEWEST)
    length, stages = piece_for(cells, none, rate, 120.0)
    assert length == 120.0 and FEWEST < stages <= MOST
    assert scheme(stages - 1).reach < length * rate <= scheme(stages).reach
    length, stages = piece_for(cells, none, 100.0 * rate, 120.0)
    assert stages == MOST and 120.0 / length == math.ceil(120.0 * 100.0 * rate / scheme(MOST).reach)
    far = none.copy()
    far[3] = [3.0, 4.0, 0.0]
    assert piece_for(cells, far, rate, 5.0)[0] == 5.0 / 16  # a fifth of 8 um is 1.6, 25 um are to go
    small = cells._replace(radius=np.where(np.arange(200) == 3, 4.0, 8.0))
    assert piece_for(small, far, rate, 5.0)[0] == 5.0 / 32
    assert piece_for(small, far[::-1].copy(), rate, 5.0)[0] == 5.0 / 16  # small cells that stay do not count
    assert piece_for(Cells(*(a[:0] for a in cells)), none[:0], 0.0, 1.0) == (1.0, FEWEST)


def growing(seed: int) -> Cells:
    """A ball of packed cells, one in ten just divided: daughters lie in each other."""
    rng, n = np.random.default_rng(seed), 400
    cells = crowd(n, 88.0)
    for row in rng.choice(n // 2, n // 10, replace=False):
        half, radius = rng.normal(0, 1, 3), 0.5 ** (1 / 3) * 9.0
        half *= 0.5 * radius / np.linalg.norm(half)
        cells.position[n // 2 + row] = cells.position[row] - half
        cells.position[row] += half
        cells.radius[[row, n // 2 + row]] = radius
    cells.repulsion[:], cells.adhesion[:] = 0.67, 0.07
    return cells


def test_errors_of_a_growing_crowd_are_small_and_follow_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 s: places are right to 1 % of a radius, root mean square, and the worst to 10 %."""
    cells = growing(1)
    way = 1.5 * way_of(400)
    true, errors = fine(cells, way, 300.0, 6000), []
    for share in (module.SHARE, 4.0 * module.SHARE):
        monkeypatch.setattr(module, "SHARE", share)
        errors.append(np.linalg.norm(moved(cells, way, 300.0) - true, axis=1))
    typical = [float(np.sqrt(np.mean(error**2))) for error in errors]
    assert typical[0] < 0.01 * 8.0 and errors[0].max() < 0.1 * 8.0
    assert typical[1] > 0.01 * 8.0  # planted fault: pieces four times as long


def test_a_rate_taken_too_low_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the bound of the fastest rate is a tenth of what it is."""
    cells, honest = growing(1), Mechanics.rates
    way = 1.5 * way_of(400)
    true = fine(cells, way, 300.0, 6000)
    monkeypatch.setattr(Mechanics, "rates", lambda self, cells: honest(self, cells) / 10.0)
    assert np.linalg.norm(moved(cells, way, 300.0) - true, axis=1).max() > 0.15 * 8.0


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
