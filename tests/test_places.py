"""Places of a tissue: reactions against another solver, balances, the well-mixed limit, fields at rest."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numba import njit
from scipy.integrate import solve_ivp

from exude.engine import build, grid
from exude.engine.places import LEAST_SEEN, NOTHING, Places
from exude.engine.setup import Setup
from exude.errors import DataError
from exude.experiment.matrix import Film, Gel
from exude.experiment.tissue import Tissue, space

N = 13
DT, RELATIVE = 60.0, 1e-3
BALANCES = (
    ("exosomes", "bound_exosomes", "exosomes_taken", "exosomes_lost"),
    ("exosomal_mt1", "bound_mt1", "mt1_gone"),
    ("collagen", "fragments"),
)
SPREAD = 20.0
"""Errors of steps add up, and one step's may grow on the way to the next: this many times a step's tolerance."""


@cache
def film() -> Setup:
    """Numbers of a film of gelatin: the stiffest of the declared situations."""
    return Tissue(matrix=Film(), size=("80 um", "80 um"), step="60 s").plan().setup


@cache
def gel() -> Setup:
    return Tissue(matrix=Gel(), size=("80 um", "80 um"), step="60 s").plan().setup


@cache
def wrapped():
    """Rates of one place, called from Python."""
    m = build.tissue(space())
    constants, react, fill = m.place_constants, m.react, m.fill_jacobian

    @njit(error_model="numpy")
    def slopes(p, g, d, y, out):
        react(constants(p, g), d, y, out)

    @njit(error_model="numpy")
    def jacobian(p, g, d, y, out):
        fill(constants(p, g), d, y, out)

    return slopes, jacobian


def made(base: Setup, shape: tuple[int, int, int], *, h: float = 10.0, supply: bool = False, **changes) -> Places:
    """Places at rest on a grid of this shape; all reactions of their place alone unless `supply` (tests/test_supply.py)."""
    setup = replace(base, grid=grid.Grid(shape, h), **{"relative": RELATIVE} | changes)
    return Places(setup, grid.new_fields(setup.grid, len(setup.space.fields)), supply=supply)


def scatter(places: Places, seed: int, decades: float) -> None:
    """Random states: each field over some decades below a likely value, deposits in a third of the places."""
    rng = np.random.default_rng(seed)
    s = places.setup
    typical = dict(zip(s.space.fields, [1e-3, 1e-1, 1e-6, 1e-4, 1.0, 1.0, 1e-3, 2.0, 2.0, 1e-4, 5e-3, 1e-4, 1e-5, 200.0], strict=True))  # fmt: skip
    for q, name in enumerate(s.space.fields):
        places.fields[q][...] = typical[name] * 10.0 ** rng.uniform(-decades, 0.0, s.grid.shape)
    for q, most in enumerate((5e-4, 5e-2, 1e-6, 1e-6)):
        there = rng.uniform(size=s.grid.shape) < 1 / 3
        places.deposits[q][...] = np.where(there, most * rng.uniform(size=s.grid.shape), 0.0)


def exact(places: Places, at: tuple[int, int, int], dt: float) -> np.ndarray:
    """The same place by scipy, far finer."""
    s = places.setup
    slopes, jacobian = wrapped()
    here, d = places.fields[(slice(None), *at)].copy(), places.deposits[(slice(None), *at)].copy()

    def f(_, y):
        out = np.empty(N)
        slopes(s.parameters, s.dish, d, np.concatenate([y, here[N:]]), out)
        return out

    def j(_, y):
        out = np.empty((N, N))
        jacobian(s.parameters, s.dish, d, np.concatenate([y, here[N:]]), out)
        return out

    floor = 1e-9 * np.abs(places.fields[:N]).max(axis=(1, 2, 3)) + 1e-18
    return solve_ivp(f, (0.0, dt), here[:N], method="BDF", jac=j, rtol=1e-8, atol=floor).y[:, -1]


def allowed(places: Places) -> np.ndarray:
    return RELATIVE * LEAST_SEEN * np.abs(places.fields[:N]).max(axis=(1, 2, 3)) + NOTHING


def error(found: np.ndarray, expected: np.ndarray, floor: np.ndarray) -> float:
    """Largest error in units of one step's tolerance."""
    return float((np.abs(found - expected) / (floor + RELATIVE * np.abs(expected))).max())


@pytest.mark.parametrize("situation", ["film", "gel"])
@pytest.mark.parametrize("decades", [1.0, 4.0])
def test_reactions_against_another_solver(situation, decades):
    places = made({"film": film, "gel": gel}[situation](), (1, 6, 11))
    scatter(places, 3, decades)
    floor = allowed(places)
    sites = [(0, b, c) for b in (0, 2, 5) for c in (0, 4, 10)]
    expected = [exact(places, at, DT) for at in sites]
    before = [places.fields[(slice(0, N), *at)].copy() for at in sites]
    places.react(places.setup.dish)
    found = [places.fields[(slice(0, N), *at)] for at in sites]
    assert max(error(f, e, floor) for f, e in zip(found, expected, strict=True)) < SPREAD
    assert min(error(b, e, floor) for b, e in zip(before, expected, strict=True)) > SPREAD  # a step left out is seen


def test_stiff_places_are_followed():
    """Cutting 10^4 times faster than a step."""
    base = film()
    names = base.space.parameters
    fast = base.parameters.copy()
    fast[names.index("kcat_mt1")] *= 1e3
    places = made(base, (1, 4, 9), parameters=fast)
    scatter(places, 5, 2.0)
    floor, at = allowed(places), (0, 2, 8)
    expected = exact(places, at, DT)
    places.react(base.dish)
    assert error(places.fields[(slice(0, N), *at)], expected, floor) < SPREAD
    assert (places.fields[:N].min(axis=(1, 2, 3)) >= -1.01 * floor).all()


@pytest.mark.parametrize("seed", range(3))
def test_balances_hold_to_rounding_and_values_stay_above_zero(seed):
    places = made(film(), (1, 20, 21))
    scatter(places, seed, 4.0)
    where = {name: q for q, name in enumerate(places.setup.space.fields)}
    floor = allowed(places)
    sums = [sum(places.fields[where[n]] for n in names) for names in BALANCES]
    for _ in range(10):
        places.react(places.setup.dish)
    for names, before in zip(BALANCES, sums, strict=True):
        after = sum(places.fields[where[n]] for n in names)
        assert np.abs(after - before).max() <= 1e-12 * np.abs(before).max()
        leak = after * (1.0 - 3e-12)  # a planted leak of three in 10^12 is seen
        assert np.abs(leak - before).max() > 1e-12 * np.abs(before).max()
    assert (places.fields[:N].min(axis=(1, 2, 3)) >= -1.01 * floor).all()


def test_places_where_nothing_happens_keep_their_bits():
    places = made(gel(), (1, 5, 9))
    places.fields[places.setup.space.fields.index("collagen")][...] = 8.0
    before = places.fields.copy()
    places.react(places.setup.dish)
    assert np.array_equal(places.fields, before)


def test_same_bits_for_any_threads_and_for_a_place_among_others():
    results = []
    for threads in (1, 2, 3):
        places = made(film(), (3, 50, 61), threads=threads)
        scatter(places, 9, 3.0)
        places.react(places.setup.dish)
        places.refresh(places.setup.dish)
        places.diffuse()
        results.append(places.fields.copy())
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_a_number_that_is_none_is_refused():
    places = made(film(), (1, 5, 9))
    scatter(places, 1, 1.0)
    places.fields[7, 0, 2, 3] = np.inf
    with pytest.raises(DataError, match="reactions that cannot be followed"):
        places.react(places.setup.dish)


def test_well_mixed_limit_is_the_ode():
    """The same everywhere and moving fast: twenty steps of the tissue are the ODE of one place."""
    places = made(film(), (1, 6, 9))
    scatter(places, 2, 1.0)
    for array in (places.fields, places.deposits):
        array[...] = array[:, :1, 2:3, 3:4].copy()
    floor, expected = allowed(places), exact(places, (0, 0, 0), 20 * DT)
    for _ in range(20):
        places.react(places.setup.dish)
        places.refresh(places.setup.dish)
        places.diffuse()
    spread = np.ptp(places.fields[:N], axis=(1, 2, 3)) / np.abs(places.fields[:N]).max(axis=(1, 2, 3))
    assert spread.max() < 1e-11
    assert error(places.fields[(slice(0, N), 0, 3, 4)], expected, floor) < SPREAD


def test_place_dependent_diffusion_is_taken_up_at_refresh():
    places = made(gel(), (1, 4, 16))
    where = {name: q for q, name in enumerate(places.setup.space.fields)}
    exosomes, collagen = places.fields[where["exosomes"]], places.fields[where["collagen"]]
    exosomes[0, :, 8] = 1.0

    def reach() -> float:
        start = exosomes.copy()
        places.diffuse()
        gone = float(start[0, :, 8].sum() - exosomes[0, :, 8].sum())
        exosomes[...] = start
        return gone

    places.refresh(places.setup.dish)
    free = reach()
    collagen[...] = 1e3  # dense matrix: nothing changes before the next look at mobilities
    assert reach() == free
    places.refresh(places.setup.dish)
    assert reach() < 0.5 * free


def ball(n: int, h: float, radius: float) -> np.ndarray:
    x = h * (np.arange(n) + 0.5) - h * n / 2
    z, y, x = np.meshgrid(x, x, x, indexing="ij")
    return x**2 + y**2 + z**2 < radius**2


def test_oxygen_at_rest_around_a_ball_of_consumers():
    """Uptake that does not saturate (first order): inside sinh(kr)/r, outside 1 - c/r; lattice error below 3 %."""
    base = gel()
    names = list(base.space.parameters)
    numbers = base.parameters.copy()
    half, n, h, radius = 1e9, 40, 10.0, 80.0
    numbers[names.index("half_oxygen")] = half
    edge, speed = 200.0, 2000.0
    places = made(base, (n, n, n), h=h, parameters=numbers, edge={"oxygen": edge}, fast_speed={"oxygen": speed})
    oxygen = places.fields[N]
    oxygen[...] = edge
    cells = places.deposits[base.space.deposits.index("cells")]
    inside = ball(n, h, radius)
    cells[...] = np.where(inside, 2e-4, 0.0)
    rate = numbers[names.index("respiration")] * 2e-4 / half
    want = 2.0  # 1/s: a decay length of 32 um, shorter than the ball
    numbers[names.index("respiration")] *= want / rate
    places.settle(base.dish)
    # residual: what diffuses in is what is consumed, voxel by voxel away from the faces
    inner = (slice(1, -1),) * 3
    flow = sum(np.roll(oxygen, s, a) for a in range(3) for s in (-1, 1)) - 6.0 * oxygen
    taken = np.where(inside, want, 0.0) * oxygen / (1.0 + oxygen / half)
    assert np.abs(speed / h**2 * flow - taken)[inner].max() < 1e-3 * taken.max()
    # the ball alone in endless medium has its level far away from the far field of this box
    k = np.sqrt(want / speed)
    volume = float(inside.sum()) * h**3
    true = (3.0 * volume / (4.0 * np.pi)) ** (1 / 3)
    out = oxygen[n // 2, n // 2, -6:].mean()
    middle = oxygen[n // 2 - 1 : n // 2 + 1, n // 2 - 1 : n // 2 + 1, n // 2 - 1 : n // 2 + 1].mean()
    surface = np.sinh(k * true) / (k * true)
    assert out > middle
    coordinates = h * (np.arange(n) + 0.5) - h * n / 2
    x, y, z = np.meshgrid(coordinates, coordinates, coordinates, indexing="ij")
    r = np.sqrt(x**2 + y**2 + z**2)
    shell = inside & (r > 0.6 * true) & (r < 0.8 * true)
    profile = np.sinh(k * r[shell]) / (k * r[shell])
    ratio = oxygen[shell] / middle / profile
    assert abs(float(np.median(ratio)) - 1.0) < 0.03
    assert surface > 1.5  # so that the profile is a profile


def twin(places: Places, bursts: list[np.ndarray], dt: float, pieces: int) -> np.ndarray:
    """All fields by plain dense steps far below every time scale: forward Euler of reactions and fluxes together."""
    s = places.setup
    state, d = places.fields.copy(), places.deposits
    slopes, _ = wrapped()
    moving = [s.space.fields.index(name) for name in s.space.moving]
    ny, nx = s.grid.shape[1:]
    speed = {q: _speeds(places, q) for q in moving}
    tiny, out = dt / pieces, np.empty(N)
    for burst in bursts:
        state += burst
        for _ in range(pieces):
            change = np.zeros_like(state)
            for b in range(ny):
                for c in range(nx):
                    slopes(s.parameters, s.dish, d[:, 0, b, c].copy(), state[:, 0, b, c].copy(), out)
                    change[:N, 0, b, c] = out
            for q in moving:
                for axis in (0, 1):
                    flow = np.diff(state[q, 0], axis=axis) * speed[q] / s.grid.h**2
                    low = [slice(None), slice(None)]
                    high = [slice(None), slice(None)]
                    low[axis], high[axis] = slice(None, -1), slice(1, None)
                    change[q, 0][tuple(low)] += flow
                    change[q, 0][tuple(high)] -= flow
            state += tiny * change
    return state


def _speeds(places: Places, q: int) -> float:
    """Diffusion coefficient of a field in even matrix."""
    speed = places._speeds[places.setup.space.fields[q]]
    assert np.ndim(speed) == 0
    return float(speed)


@pytest.mark.parametrize("supply", [False, True])
def test_the_whole_surroundings_against_a_plain_twin(supply):
    """Splitting error against plain tiny steps; of first order in the step: halved, the error halves."""
    base = gel()
    errors = []
    for dt in (4.0, 2.0, 1.0):
        places = made(base, (1, 4, 5), h=20.0, dt=dt, relative=1e-6, supply=supply)
        where = {name: q for q, name in enumerate(base.space.fields)}
        places.fields[where["collagen"]][...] = 8.0
        places.fields[where["pro_mmp2"]][...] = 5e-3
        places.deposits[0][0, 1, 2] = 3e-4
        places.deposits[1][0, 1, 2], places.deposits[2][0, 1, 2] = 3e-4, 1e-2
        places.deposits[3][0, 1, 2] = 1e-7
        burst = np.zeros(places.fields.shape)
        burst[where["exosomes"], 0, 1, 2], burst[where["exosomal_mt1"], 0, 1, 2] = 1e-3, 1e-6
        places.refresh(base.dish)
        expected = twin(places, [burst, burst], 60.0, 1200)
        for _ in range(2):
            places.fields[...] += burst
            for _ in range(round(60.0 / dt)):
                places.react(base.dish)
                places.diffuse()
                places.supply(base.dish)
        most = np.abs(expected[:N]).max(axis=(1, 2, 3))
        seen = most > 0.0
        off = np.abs(places.fields[:N] - expected[:N]).max(axis=(1, 2, 3))[seen] / most[seen]
        errors.append(off.max())
    assert errors[-1] < 0.15
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert (orders > 0.7).all(), (errors, orders)
    assert (orders < 1.4).all(), (errors, orders)
