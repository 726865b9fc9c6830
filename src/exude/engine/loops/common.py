"""Helpers every loop calls: functions of the rate grammar, random draws, one step of the cell-wide equations.

Built as source together with the leaves of one cascade; see `exude.engine.build`.
"""

import math

import numpy as np
from numba import njit

# Only a kernel is called from Python: wrappers of the others would take a quarter of the time to compile.
UNWRAPPED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
# A leaf borrows its arrays: without Numba's reference counting, which cost more than all the arithmetic.
leaf = njit(nogil=True, error_model="numpy", _nrt=False, **UNWRAPPED)
inlined = njit(nogil=True, error_model="numpy", _nrt=False, inline="always", **UNWRAPPED)
whole = njit(nogil=True, error_model="numpy", **UNWRAPPED)  # may copy and slice arrays
kernel = njit(nogil=True, error_model="numpy", cache=True)

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
TO_UNIT = 2.0**-52
MOST_FEW = 99  # a Poisson number of mean 10 exceeds it once in 1e60: what is left is rounding of the sum
INVERSE = np.concatenate((np.zeros(1), 1.0 / np.arange(1.0, MOST_FEW + 1.0)))
HALF_LOG_2PI = 0.9189385332046728
ROS_GAMMA = 1.0 - math.sqrt(0.5)  # makes the two-stage Rosenbrock method of order 2 L-stable
INV_LN2 = 1.4426950408889634
LN2_HI = 6.93147180369123816490e-01  # ln 2 with its last 32 bits zero, so that k * LN2_HI is exact
LN2_LO = 1.90821492927058770002e-10
ROUNDER = 6755399441055744.0  # 1.5 * 2^52: adding and subtracting it rounds to a whole number
MANTISSA = np.int64(0x000FFFFFFFFFFFFF)
ONE_BITS = np.int64(0x3FF0000000000000)
ROOT_HALF_BITS = np.int64(0x3FE6A09E667F3BCD)  # sqrt(1/2)


@leaf
def exp(x):
    """e^x to about one unit in the last place, from + and * alone: libraries differ in the last bit, IEEE does not.

    x = k ln 2 + r with |r| <= ln 2 / 2; Taylor series of degree 13 in r.
    """
    if not x < 709.0:
        return x if x != x else math.inf
    if x < -708.0:
        return 0.0
    k = (x * INV_LN2 + ROUNDER) - ROUNDER
    r = (x - k * LN2_HI) - k * LN2_LO
    r2 = r * r
    r4 = r2 * r2
    low = (1.0 + r) + r2 * (0.5 + r * (1.0 / 6.0))
    mid = (1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5040.0))
    high = (1.0 / 40320.0 + r * (1.0 / 362880.0)) + r2 * (1.0 / 3628800.0 + r * (1.0 / 39916800.0))
    top = 1.0 / 479001600.0 + r * (1.0 / 6227020800.0)
    power_of_two = np.int64((np.int64(k) + np.int64(1023)) << np.int64(52)).view(np.float64)
    return (low + r4 * (mid + r4 * (high + r4 * top))) * power_of_two


@leaf
def log(x):
    """Natural logarithm of a normal x > 0, from +, * and / alone (see `exp`).

    x = 2^k m with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m - 1) / (m + 1), by its series to s^21.
    """
    if not x > 0.0:
        return -math.inf if x == 0.0 else math.nan
    if x == math.inf:
        return x
    bits = np.float64(x).view(np.int64) + (ONE_BITS - ROOT_HALF_BITS)
    k = np.float64((bits >> np.int64(52)) - np.int64(1023))
    f = np.int64((bits & MANTISSA) + ROOT_HALF_BITS).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    low = (2.0 / 3.0 + z * (2.0 / 5.0)) + z2 * (2.0 / 7.0 + z * (2.0 / 9.0))
    high = (2.0 / 11.0 + z * (2.0 / 13.0)) + z2 * (2.0 / 15.0 + z * (2.0 / 17.0))
    top = 2.0 / 19.0 + z * (2.0 / 21.0)
    half = 0.5 * f * f
    series = s * (half + z * (low + z4 * (high + z4 * top)))
    return k * LN2_HI - ((half - (series + k * LN2_LO)) - f)


@leaf
def power(x, y):
    """x^y for x >= 0 (see `exp`); the small whole exponents of most Hill curves by multiplication."""
    if y == 2.0:
        return x * x
    if y == 3.0:
        return x * x * x
    if y == 4.0:
        return (x * x) * (x * x)
    if x == 0.0:
        return 1.0 if y == 0.0 else 0.0 if y > 0.0 else math.inf
    return exp(y * log(x))


@leaf
def square(x):
    return x * x


@leaf
def hill(x, k, n):
    """x^n / (k^n + x^n), 0 at x <= 0."""
    if x <= 0.0:
        return 0.0
    if n == 1.0:
        return x / (k + x)
    if n == 2.0:
        return x * x / (k * k + x * x)
    return 1.0 / (1.0 + power(k / x, n))


@leaf
def fall(x, k, n):
    return 1.0 - hill(x, k, n)


@leaf
def mix(x, w):
    return 1.0 - w + w * x


@leaf
def saturate(x, k):
    return x * (1.0 + k) / (x + k)


@leaf
def ratio(a, b):
    return a / b if b != 0.0 else 0.0


@leaf
def sqrt(x):
    return math.sqrt(x)


@leaf
def uniform(rng):
    """Next state of a stream and a number in (0, 1), neither end included: SplitMix64 (Steele, Lea, Flood 2014)."""
    rng = rng + GOLDEN
    z = rng
    z = (z ^ (z >> np.uint64(30))) * MIX_1
    z = (z ^ (z >> np.uint64(27))) * MIX_2
    z = z ^ (z >> np.uint64(31))
    return rng, (np.float64(np.int64(z >> np.uint64(12))) + 0.5) * TO_UNIT


@leaf
def log_factorial(k):
    """ln k! by Stirling's series; its error at k >= 9 is below 1e-13."""
    n = k + 1.0
    r = 1.0 / n
    r2 = r * r
    tail = r * (1.0 / 12.0 - r2 * (1.0 / 360.0 - r2 * (1.0 / 1260.0 - r2 * (1.0 / 1680.0))))
    return (n - 0.5) * log(n) - n + HALF_LOG_2PI + tail


@leaf
def few(rng, mean):
    """A Poisson number of small mean by inversion."""
    rng, u = uniform(rng)
    p = exp(-mean)
    k = 0
    while u > p and k < MOST_FEW:
        u -= p
        k += 1
        p *= mean * INVERSE[k]
    return rng, k


@leaf
def many(rng, mean):
    """A Poisson number of mean >= 10 by transformed rejection with squeeze (Hormann 1993, PTRS)."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    surely = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        rng, u = uniform(rng)
        rng, v = uniform(rng)
        u -= 0.5
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= surely:
            return rng, np.int64(k)
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        if log(v * inverse_alpha / (a / (us * us) + b)) <= k * log(mean) - mean - log_factorial(k):
            return rng, np.int64(k)


@leaf
def poisson(rng, mean):
    """A Poisson number, exact."""
    if mean >= 10.0:
        return many(rng, mean)
    return few(rng, mean) if mean > 0.0 else (rng, 0)


@leaf
def binomial(rng, n, p):
    """A binomial number, one trial at a time: exact, and n is a vesicle's patches (tens)."""
    count = 0
    for _ in range(n):
        rng, u = uniform(rng)
        if u < p:
            count += 1
    return rng, count


@leaf
def factorise(a, order):
    """LU factors of a in its place with row exchange; False where a is singular or not finite."""
    n = a.shape[0]
    for i in range(n):
        top = i
        for r in range(i + 1, n):
            if abs(a[r, i]) > abs(a[top, i]):
                top = r
        order[i] = top
        if top != i:
            for c in range(n):
                a[i, c], a[top, c] = a[top, c], a[i, c]
        if not abs(a[i, i]) > 0.0:
            return False
        for r in range(i + 1, n):
            if a[r, i] != 0.0:
                f = a[r, i] / a[i, i]
                a[r, i] = f
                for c in range(i + 1, n):
                    a[r, c] -= f * a[i, c]
    return True


@leaf
def substitute(a, order, b):
    """Solve with the factors, b in its place."""
    n = a.shape[0]
    for i in range(n):
        top = np.int64(order[i])
        if top != i:
            b[i], b[top] = b[top], b[i]
    for i in range(1, n):
        f = b[i]
        for c in range(i):
            f -= a[i, c] * b[c]
        b[i] = f
    for i in range(n - 1, -1, -1):
        f = b[i]
        for c in range(i + 1, n):
            f -= a[i, c] * b[c]
        b[i] = f / a[i, i]


@leaf
def at_rest(x, f, numerics):
    """Whether no trace would move by more than a set share in a whole run."""
    for i in range(N_TRACES):
        if abs(f[i]) * numerics.horizon > numerics.still * (abs(x[i]) + numerics.absolute[i]):
            return False
    return True


@leaf
def trace_step(p, g, w, x, numerics, step, limit, new, work):
    """Advance the cell-wide equations by at most `limit`; returns (time advanced, proposal for the next step).

    Two-stage Rosenbrock method with an embedded first-order result; a step is accepted when its error estimate is
    within tolerance and calcium has moved by no more than a set share, because vesicle rates are held constant in it.
    """
    a, k1, k2, order = work[0], work[1, 0], work[1, 1], work[2, 0]
    step = min(step, limit)
    jac, slope = jacobian(p, g, w, x), slopes(p, g, w, x)
    while True:
        gh = ROS_GAMMA * step
        for i in range(N_TRACES):
            for c in range(N_TRACES):
                a[i, c] = -gh * jac[i * N_TRACES + c]
            a[i, i] += 1.0
            k1[i] = slope[i]
        factorise(a, order)
        substitute(a, order, k1)
        for i in range(N_TRACES):
            new[i] = x[i] + step * k1[i]
        f = slopes(p, g, w, new)
        for i in range(N_TRACES):
            k2[i] = f[i] - 2.0 * k1[i]
        substitute(a, order, k2)
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


@leaf
def given_calcium(times, values, t):
    """A given curve just after time t: value, slope (straight between points, held at its ends), and the next knot."""
    i = np.searchsorted(times, t, side="right")
    if i == 0:
        return values[0], 0.0, times[0]
    if i == times.shape[0]:
        return values[-1], 0.0, math.inf
    slope = (values[i] - values[i - 1]) / (times[i] - times[i - 1])
    return values[i - 1] + slope * (t - times[i - 1]), slope, times[i]


@leaf
def calcium_step(p, g, w, x, time, numerics, t, step, limit, new, work):
    """Advance calcium by its equations or along the given curve from time t.

    Returns (time advanced, next proposal, until when calcium keeps still). Where it keeps still, `new` is `x` and the
    time advanced may be stretched to that time without another look.
    """
    for i in range(N_TRACES):
        new[i] = x[i]
    if time.given_at.shape[0] == 0:
        if at_rest(x, slopes(p, g, w, x), numerics):
            return limit, step, math.inf
        advance, step = trace_step(p, g, w, x, numerics, step, limit, new, work)
        return advance, step, t
    here, slope, knot = given_calcium(time.given_at, time.given, t)
    x[0] = here
    if slope == 0.0:
        new[0] = here
        return min(limit, knot - t), step, knot
    advance = min(limit, knot - t)
    allowed = numerics.change * (min(here, here + slope * advance) + numerics.absolute[0])
    if abs(slope) * advance > allowed:
        advance = min(advance, max(allowed / abs(slope), numerics.smallest))
    new[0] = here + slope * advance
    return advance, step, t
