"""The compound-Poisson law of release: ILVs and cargo of all vesicles that left, by generating functions.

Vesicles leave as points of a Poisson process; each carries a mark, its ILVs. So the exosomes of a cell have the
generating function exp(R(s) - R(1)), R(s) the expected sum of s^ILV over vesicles released. A patch that came at time u
is inside at t with a chance q(u, t) of its own, and patches come in Poisson numbers; so along a vesicle's youth
E[s^ILV] is a product over its patches, and R follows from a linear system in growth count and time.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from proof.law import GRID, STEP, gate, opened_on_grid
from proof.models import LATER, LENGTH, SLOWED, Floats, Setting

Complex = NDArray[np.complex128]
COARSE = 0.25
"""Minutes of one Runge-Kutta step in the time of a vesicle's youth; times of leaving lie two steps apart."""
GROWN = 24
"""Growth counts followed here; one vesicle in 1e6 has more."""
JUMPS = (0.0, 20.0, 40.0, LENGTH)


def inside(setting: Setting, came: Floats, now: Floats) -> Floats:
    """Chance that a patch which came at one time is inside at another; budding is slowed from `LATER` on."""
    bud, back = setting.values["bud"], setting.values["back"]
    slow = bud * SLOWED
    early = np.clip(np.minimum(now, LATER) - came, 0.0, None)
    late = np.clip(now - np.maximum(came, LATER), 0.0, None)
    q = bud / (bud + back) * -np.expm1(-(bud + back) * early)
    rest = slow / (slow + back)
    return np.where(now >= came, rest + (q - rest) * np.exp(-(slow + back) * late), 0.0)


def releases(setting: Setting, birth: Complex, growth: Complex) -> tuple[Complex, Complex]:
    """Expected sums of (birth ** patches of birth) * (growth ** patches of growth), over vesicles released and lost.

    birth, growth: what each ILV counts for, (point,): s for ILVs, exp(c (s - 1)) for Poisson cargo of mean c.
    Returns (released by the end, degraded by the end), (point,).
    """
    r = setting.values
    leaves = np.arange(0.0, LENGTH + COARSE, 2 * COARSE)
    g = np.arange(GROWN, dtype=float)
    ripens = r["kr"] * gate(setting, g)
    to_docked = _ways_on(setting, leaves)
    a = np.zeros((len(leaves), len(birth), GROWN), complex)
    through = np.zeros((len(leaves), len(birth)), complex)  # ripened, and to fuse at the time of leaving

    def slope(v: float, a: Complex, first: int) -> Complex:
        q = inside(setting, np.full(len(leaves) - first, v), leaves[first:])[:, None]
        d = -(r["kg"] + ripens + r["kl"]) * a
        d[:, :, 0] += r["kb"] * np.exp(r["patches_at_birth"] * q * (birth - 1))
        d[:, :, 1:] += (r["kg"] * np.exp(r["patches_per_growth"] * q * (growth - 1)))[..., None] * a[:, :, :-1]
        return d

    def flux(place: int, a: Complex, first: int) -> Complex:
        return to_docked[first:, place, None] * (a @ ripens)

    for i in range(round(LENGTH / COARSE)):
        v, first = i * COARSE, i // 2 + 1  # vesicles that leave after this step
        now = a[first:]
        k1 = slope(v, now, first)
        k2 = slope(v + COARSE / 2, now + COARSE / 2 * k1, first)
        k3 = slope(v + COARSE / 2, now + COARSE / 2 * k2, first)
        k4 = slope(v + COARSE, now + COARSE * k3, first)
        new = now + COARSE / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        half = (now + new) / 2 + COARSE / 8 * (k1 - k4)  # Hermite's value in the middle
        through[first:] += (
            COARSE / 6 * (flux(2 * i, now, first) + 4 * flux(2 * i + 1, half, first) + flux(2 * i + 2, new, first))
        )
        a[first:] = new
    lost = r["kl"] * a.sum(axis=2)
    lost[0] = 0.0
    return r["kf"] * _over(leaves, through, opened_on_grid(setting)), _over(leaves, lost, np.ones((len(GRID) - 1, 3)))


def _ways_on(setting: Setting, leaves: Floats) -> Floats:
    """(leaving, half step): chance to be docked at the time of leaving, for a vesicle that becomes ripe then."""
    r, opened = setting.values, opened_on_grid(setting)
    fine = np.empty((len(GRID), 2, 2))  # from GRID[i] to the end of a span, built backwards per time of leaving
    steps = np.array([_step(r, *row) for row in opened])
    every, half = round(2 * COARSE / STEP), COARSE / 2
    out = np.zeros((len(leaves), round(2 * LENGTH / COARSE) + 1))
    at = np.arange(out.shape[1]) * half
    for j in range(1, len(leaves)):
        last = j * every
        fine[last] = np.eye(2)
        for i in range(last - 1, -1, -1):
            fine[i] = fine[i + 1] @ steps[i]
        known = at <= leaves[j] + 1e-9
        out[j, known] = np.interp(at[known], GRID[: last + 1], fine[: last + 1, 1, 0])
    return out


def _step(r: dict[str, float], first: float, middle: float, last: float) -> Floats:
    """One step of (ripe, docked) by the classical Runge-Kutta method."""

    def a(open_: float) -> Floats:
        return np.array([[-r["kd"], r["ku"]], [r["kd"], -r["ku"] - r["kf"] * open_]])

    k1 = a(first)
    k2 = a(middle) @ (np.eye(2) + STEP / 2 * k1)
    k3 = a(middle) @ (np.eye(2) + STEP / 2 * k2)
    k4 = a(last) @ (np.eye(2) + STEP * k3)
    return np.eye(2) + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _over(leaves: Floats, rate: Complex, weight: Floats) -> Complex:
    """Integral of weight(t) rate(t); the rate is smooth between jumps, the weight as rough as the curve."""
    total = np.zeros(rate.shape[1], complex)
    for a, b in pairwise(JUMPS):
        chosen = (leaves >= a) & (leaves <= b)
        spline = CubicSpline(leaves[chosen], rate[chosen])
        steps = slice(round(a / STEP), round(b / STEP))
        t = GRID[steps]
        for shift, share, column in ((0.0, 1.0, 0), (STEP / 2, 4.0, 1), (STEP, 1.0, 2)):
            total += STEP / 6 * share * (weight[steps, column, None] * spline(t + shift)).sum(axis=0)
    return total


def distribution(values: Complex, size: int) -> Floats:
    """Probabilities 0..size-1 from a generating function at exp(2 pi i k / size), k = 0..size//2."""
    return np.fft.hfft(values, size) / size


def circle(size: int) -> Complex:
    """Points at which `distribution` wants the function; its conjugate-even half."""
    return np.exp(2j * np.pi * np.arange(size // 2 + 1) / size)
