"""Helpers every loop calls: functions of the rate grammar, random draws, one step of the cell-wide equations.

Built as source together with the leaves of one cascade; see `exude.engine.build`.
"""

import math

import numpy as np
from numba import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
TO_UNIT = 2.0**-53
POISSON_CHUNK = 16.0  # one inversion per 16 expected items: exp(-16) is far from underflow
ROS_GAMMA = 1.0 - math.sqrt(0.5)  # makes the two-stage Rosenbrock method of order 2 L-stable


@njit(nogil=True, error_model="numpy", inline="always")
def square(x):
    return x * x


@njit(nogil=True, error_model="numpy")
def hill(x, k, n):
    """x^n / (k^n + x^n), 0 at x <= 0."""
    if x <= 0.0:
        return 0.0
    if n == 1.0:
        return x / (k + x)
    if n == 2.0:
        return x * x / (k * k + x * x)
    return 1.0 / (1.0 + (k / x) ** n)


@njit(nogil=True, error_model="numpy")
def fall(x, k, n):
    return 1.0 - hill(x, k, n)


@njit(nogil=True, error_model="numpy")
def mix(x, w):
    return 1.0 - w + w * x


@njit(nogil=True, error_model="numpy")
def saturate(x, k):
    return x * (1.0 + k) / (x + k)


@njit(nogil=True, error_model="numpy")
def ratio(a, b):
    return a / b if b != 0.0 else 0.0


@njit(nogil=True, error_model="numpy")
def exp(x):
    return math.exp(x)


@njit(nogil=True, error_model="numpy")
def log(x):
    return math.log(x)


@njit(nogil=True, error_model="numpy")
def sqrt(x):
    return math.sqrt(x)


@njit(nogil=True, error_model="numpy")
def uniform(rng):
    """Next state of a cell's stream and a number in (0, 1): SplitMix64 (Steele, Lea, Flood 2014)."""
    rng = rng + GOLDEN
    z = rng
    z = (z ^ (z >> np.uint64(30))) * MIX_1
    z = (z ^ (z >> np.uint64(27))) * MIX_2
    z = z ^ (z >> np.uint64(31))
    return rng, (np.float64(z >> np.uint64(11)) + 0.5) * TO_UNIT


@njit(nogil=True, error_model="numpy")
def poisson(rng, mean):
    """A Poisson number, exact: inversion in chunks of bounded mean."""
    count = 0
    while mean > 0.0:
        part = min(mean, POISSON_CHUNK)
        mean -= part
        rng, u = uniform(rng)
        p = math.exp(-part)
        k = 0
        while u > p and p > 0.0:
            u -= p
            k += 1
            p *= part / k
        count += k
    return rng, count


@njit(nogil=True, error_model="numpy")
def binomial(rng, n, p):
    """A binomial number, one trial at a time: exact, and n is a vesicle's patches (tens)."""
    count = 0
    for _ in range(n):
        rng, u = uniform(rng)
        if u < p:
            count += 1
    return rng, count


@njit(nogil=True, error_model="numpy")
def solve(a, b):
    """Solve a x = b in place by Gaussian elimination with row exchange; a is small and is destroyed."""
    n = b.shape[0]
    for i in range(n):
        top = i
        for r in range(i + 1, n):
            if abs(a[r, i]) > abs(a[top, i]):
                top = r
        if top != i:
            for c in range(n):
                a[i, c], a[top, c] = a[top, c], a[i, c]
            b[i], b[top] = b[top], b[i]
        for r in range(i + 1, n):
            f = a[r, i] / a[i, i]
            if f != 0.0:
                for c in range(i, n):
                    a[r, c] -= f * a[i, c]
                b[r] -= f * b[i]
    for i in range(n - 1, -1, -1):
        for c in range(i + 1, n):
            b[i] -= a[i, c] * b[c]
        b[i] /= a[i, i]


@njit(nogil=True, error_model="numpy")
def trace_step(p, g, w, x, numerics, step, limit, new, work):
    """Advance the cell-wide equations by at most `limit`; returns (time advanced, proposal for the next step).

    Two-stage Rosenbrock method with an embedded first-order result; a step is accepted when its error estimate is
    within tolerance and calcium has moved by no more than a set share, because vesicle rates are held constant in it.
    """
    a, k1, k2 = work[0], work[1, 0], work[1, 1]
    step = min(step, limit)
    while True:
        gh = ROS_GAMMA * step
        jac, f = jacobian(p, g, w, x), slopes(p, g, w, x)
        for i in range(N_TRACES):
            for c in range(N_TRACES):
                a[i, c] = -gh * jac[i * N_TRACES + c]
            a[i, i] += 1.0
            k1[i] = f[i]
        for i in range(N_TRACES):
            for c in range(N_TRACES):
                work[2, i, c] = a[i, c]
        solve(a, k1)
        for i in range(N_TRACES):
            new[i] = x[i] + step * k1[i]
        f = slopes(p, g, w, new)
        for i in range(N_TRACES):
            k2[i] = f[i] - 2.0 * k1[i]
            for c in range(N_TRACES):
                a[i, c] = work[2, i, c]
        solve(a, k2)
        error = 0.0
        for i in range(N_TRACES):
            difference = 0.5 * step * (k1[i] + k2[i])
            new[i] += difference
            scale = numerics.absolute[i] + numerics.relative * abs(x[i])
            error = max(error, abs(difference) / scale)
        moved_share = abs(new[0] - x[0]) / (x[0] + numerics.absolute[0])
        stretch = min(numerics.grow, 0.9 / math.sqrt(error + 1e-12), numerics.change / (moved_share + 1e-12))
        good = error <= 1.0 and moved_share <= 1.5 * numerics.change and new[0] >= 0.0
        if good or step < numerics.smallest:
            if not good and not new[0] >= 0.0:
                new[0] = 0.0
            return step, max(step * stretch, numerics.smallest)
        step *= min(0.5, max(0.1, stretch))


@njit(nogil=True, error_model="numpy")
def given_calcium(times, values, t):
    """A measured curve at time t, straight between its points, held at its ends."""
    i = np.searchsorted(times, t, side="right")
    if i == 0:
        return values[0], times[0]
    if i == times.shape[0]:
        return values[-1], math.inf
    share = (t - times[i - 1]) / (times[i] - times[i - 1])
    return values[i - 1] + share * (values[i] - values[i - 1]), times[i]


@njit(nogil=True, error_model="numpy")
def calcium_step(p, g, w, x, time, numerics, t, step, limit, new, work):
    """Advance calcium by its equations or along the given curve; returns (time advanced, next proposal)."""
    if time.given_at.shape[0] == 0:
        return trace_step(p, g, w, x, numerics, step, limit, new, work)
    here, knot = given_calcium(time.given_at, time.given, t)
    x[0] = here
    advance = min(limit, knot - t)
    there, _ = given_calcium(time.given_at, time.given, t + advance)
    allowed = numerics.change * (min(here, there) + numerics.absolute[0])
    if abs(there - here) > allowed:
        advance *= allowed / abs(there - here)
        there, _ = given_calcium(time.given_at, time.given, t + advance)
    for i in range(N_TRACES):
        new[i] = x[i]
    new[0] = there
    return advance, step
