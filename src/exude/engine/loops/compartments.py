"""Stocks of bodies over time: whole ones by exact competing exits, the others by an ordinary equation."""

import math

import numpy as np

LOST_ITEMS, GAINED_ITEMS = N_STOCKS, N_STOCKS + 1  # what whole stocks lost for good, and what came from outside or grew
WIDTH = N_STOCKS + 2
FEW_EXPECTED = 10.0  # a binomial number of a larger mean is drawn by rejection
NEAR_ZERO = 1e-3
SHORT = 0.5  # transitions per item in the step whose series is summed; longer ones are squared from it
TERMS = 18  # 0.5^18 / 18! is below rounding
STALLED = 1e-13  # a step of the equations below this share of its span is no step
MOST_STEPS = 1_000_000  # of the equations in one span
CORRECTIONS = (
    0.08106146679532726, 0.04134069595540929, 0.02767792568499834, 0.02079067210376509, 0.01664469118982119,
    0.01387612882307075, 0.01189670994589177, 0.01041126526197209, 0.009255462182712733, 0.008330563433362871,
)  # fmt: skip

# Dormand and Prince 1980, order 5(4); the last stage is the first of the next step.
A21 = 1.0 / 5.0
A31, A32 = 3.0 / 40.0, 9.0 / 40.0
A41, A42, A43 = 44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0
A51, A52, A53, A54 = 19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0
A61, A62, A63, A64, A65 = 9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0
B1, B3, B4, B5, B6 = 35.0 / 384.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0
E1, E3, E4, E5, E6, E7 = (
    71.0 / 57600.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0,
)  # fmt: skip


@leaf
def correction(k):
    """ln k! minus Stirling's (k + 1/2) ln(k + 1) - (k + 1) + ln(2 pi) / 2."""
    if k < 10.0:
        return CORRECTIONS[np.int64(k)]
    r = 1.0 / (k + 1.0)
    return (1.0 / 12.0 - (1.0 / 360.0 - r * r / 1260.0) * r * r) * r


@leaf
def log_without(p):
    """ln(1 - p), exact for small p too."""
    if p > NEAR_ZERO:
        return log(1.0 - p)
    return -p * (1.0 + p * (1.0 / 2.0 + p * (1.0 / 3.0 + p * (1.0 / 4.0 + p * (1.0 / 5.0 + p * (1.0 / 6.0))))))


@leaf
def few_of(rng, n, p):
    """A binomial number of small mean by inversion."""
    rng, u = uniform(rng)
    odds, share, k = p / (1.0 - p), exp(n * log_without(p)), 0.0
    while u > share and k < n and k < MOST_FEW:
        u -= share
        k += 1.0
        share *= odds * (n - k + 1.0) / k
    return rng, k


@leaf
def many_of(rng, n, p):
    """A binomial number of mean >= 10, p <= 1/2, by transformed rejection with squeeze (Hormann 1993, BTRS)."""
    spread = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha, surely = (2.83 + 5.1 / b) * spread, 0.92 - 4.2 / b
    odds, m = p / (1.0 - p), math.floor((n + 1.0) * p)
    top = (m + 0.5) * log((m + 1.0) / (odds * (n - m + 1.0))) + correction(m) + correction(n - m)
    while True:
        rng, u = uniform(rng)
        rng, v = uniform(rng)
        u -= 0.5
        us = 0.5 - abs(u)
        k = np.float64(math.floor((2.0 * a / us + b) * u + n * p + 0.5))
        if us >= 0.07 and v <= surely:
            return rng, k
        if k < 0.0 or k > n:
            continue
        here = (n + 1.0) * log((n - m + 1.0) / (n - k + 1.0)) + (k + 0.5) * log(odds * (n - k + 1.0) / (k + 1.0))
        if log(v * alpha / (a / (us * us) + b)) <= top + here - correction(k) - correction(n - k):
            return rng, k


@leaf
def chosen(rng, n, p):
    """How many of n items are chosen, each with chance p: a binomial number, exact, n whole and below 2^53."""
    if not (n > 0.0 and p > 0.0):
        return rng, 0.0
    if p >= 1.0:
        return rng, n
    less = min(p, 1.0 - p)
    if n * less < FEW_EXPECTED:
        rng, k = few_of(rng, n, less)
    else:
        rng, k = many_of(rng, n, less)
    return rng, (k if p <= 0.5 else n - k)


@leaf
def gamma(rng, shape):
    """A gamma number of shape >= 1 and scale 1 (Marsaglia and Tsang 2000)."""
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        rng, u = uniform(rng)
        z = normal_quantile(u)
        v = 1.0 + c * z
        rng, u = uniform(rng)
        if v <= 0.0:
            continue
        v = v * v * v
        if log(u) < 0.5 * z * z + d - d * v + d * log(v):
            return rng, d * v


@leaf
def multiplied(rng, n, gain):
    """How many n items have added that each divide at a rate, `gain` being rate times time: Yule's law, exact."""
    if not (n > 0.0 and gain > 0.0):
        return rng, 0.0
    more = gain * (1.0 + 0.5 * gain) if gain < 1e-5 else exp(gain) - 1.0
    rng, mean = gamma(rng, n)
    rng, k = poisson(rng, mean * more)
    return rng, np.float64(k)


@leaf
def slopes_of(p, g, y, inflow, moving, out):
    """d y / dt of the stocks that move by their equation; `inflow` per second."""
    r = flow_rates(p, g, y)
    for s in range(WIDTH):
        out[s] = 0.0
    for s in range(N_STOCKS):
        if moving[s] > 0:
            out[s] = inflow[s]
            if moving[s] > 1:
                out[GAINED_ITEMS] += inflow[s]
    for f in range(N_FLOWS):
        a, b = SOURCE[f], TARGET[f]
        amount = r[f] * (y[a] if a >= 0 else 1.0)
        if GROWS[f] == 0 and a >= 0 and moving[a] > 0:
            out[a] -= amount
        if b >= 0 and moving[b] > 0:
            out[b] += amount
        if b >= 0 and moving[b] > 1 and (a < 0 or GROWS[f] == 1):
            out[GAINED_ITEMS] += amount
        if b < 0 and moving[a] > 1:
            out[LOST_ITEMS] += amount


@leaf
def advance(p, g, y, inflow, moving, span, step, allowed, k, new):
    """The equations over a span in steps held to an error; returns (went well, proposal for the next step)."""
    if moving[N_STOCKS] == 0 or span <= 0.0:
        return True, step
    k1, k2, k3, k4, k5, k6, k7 = k
    done, taken = 0.0, 0
    slopes_of(p, g, y, inflow, moving, k1)
    while done < span:
        h = min(step, span - done)
        for s in range(WIDTH):
            new[s] = y[s] + h * (A21 * k1[s])
        slopes_of(p, g, new, inflow, moving, k2)
        for s in range(WIDTH):
            new[s] = y[s] + h * (A31 * k1[s] + A32 * k2[s])
        slopes_of(p, g, new, inflow, moving, k3)
        for s in range(WIDTH):
            new[s] = y[s] + h * (A41 * k1[s] + A42 * k2[s] + A43 * k3[s])
        slopes_of(p, g, new, inflow, moving, k4)
        for s in range(WIDTH):
            new[s] = y[s] + h * (A51 * k1[s] + A52 * k2[s] + A53 * k3[s] + A54 * k4[s])
        slopes_of(p, g, new, inflow, moving, k5)
        for s in range(WIDTH):
            new[s] = y[s] + h * (A61 * k1[s] + A62 * k2[s] + A63 * k3[s] + A64 * k4[s] + A65 * k5[s])
        slopes_of(p, g, new, inflow, moving, k6)
        for s in range(WIDTH):
            new[s] = y[s] + h * (B1 * k1[s] + B3 * k3[s] + B4 * k4[s] + B5 * k5[s] + B6 * k6[s])
        slopes_of(p, g, new, inflow, moving, k7)
        error = 0.0
        for s in range(N_STOCKS):
            e = h * abs(E1 * k1[s] + E3 * k3[s] + E4 * k4[s] + E5 * k5[s] + E6 * k6[s] + E7 * k7[s])
            size = allowed[0] * max(abs(y[s]), abs(new[s])) + allowed[1]
            error = max(error, e / size) if e == e else math.inf
        taken += 1
        if error <= 1.0:
            done = span if h == span - done else done + h
            for s in range(WIDTH):
                y[s] = new[s]
                k1[s] = k7[s]
        # a cut last step says little about the next one: it may only shorten it
        stretch = 5.0 if error < 1e-4 else max(0.2, 0.9 * power(error, -0.2))
        if h == step or error > 1.0:
            step = h * min(stretch, 5.0)
        if not step > STALLED * span or taken > MOST_STEPS:
            return False, step
    return True, step


@leaf
def product(a, b, size, out):
    """out = a b; most items go one way, so most of a is 0."""
    for i in range(size):
        for j in range(size):
            out[i, j] = 0.0
        for c in range(size):
            share = a[i, c]
            if share != 0.0:
                for j in range(size):
                    out[i, j] += share * b[c, j]


@leaf
def passages(jump, leaving, size, h, stay, mean, power_of, work):
    """What becomes of items in a time h: `stay` = exp(Q h), `mean` = the integral of exp(Q s) over s from 0 to h.

    Q = jump - diag(leaving). Sums of numbers >= 0 only (uniformisation), then h doubled: [P, M] -> [P P, M + P M].
    """
    fastest = 0.0
    for i in range(size):
        fastest = max(fastest, leaving[i])
    doublings = 0
    while fastest * h > SHORT:
        h *= 0.5
        doublings += 1
    a = fastest * h
    for i in range(size):
        for j in range(size):
            stay[i, j], mean[i, j] = 0.0, 0.0
            power_of[i, j] = 1.0 if i == j else 0.0
            jump[i, j] = jump[i, j] / fastest if fastest > 0.0 else 0.0
        jump[i, i] += (fastest - leaving[i]) / fastest if fastest > 0.0 else 1.0
    weight = exp(-a)
    for k in range(TERMS):
        tail, term = 0.0, weight
        for later in range(k + 1, TERMS + 2):
            term *= a / later
            tail += term
        over = tail / fastest if fastest > 0.0 else (h if k == 0 else 0.0)
        for i in range(size):
            for j in range(size):
                stay[i, j] += weight * power_of[i, j]
                mean[i, j] += over * power_of[i, j]
        if weight < 1e-20:
            break
        product(power_of, jump, size, work)
        for i in range(size):
            for j in range(size):
                power_of[i, j] = work[i, j]
        weight *= a / (k + 1)
    for _ in range(doublings):
        product(stay, mean, size, work)
        for i in range(size):
            for j in range(size):
                mean[i, j] += work[i, j]
        product(stay, stay, size, work)
        for i in range(size):
            for j in range(size):
                stay[i, j] = work[i, j]


@leaf
def deal(rng, n, i, size, chance, scale, new, y):
    """Share n items of stock i out to where they are in the end, by chances `scale` times row i; the rest is lost."""
    left, share = n, 1.0
    for j in range(size):
        if j != i and left > 0.0:
            p = scale * chance[i, j]
            rng, k = chosen(rng, left, p / share if share > p else 1.0)
            new[j] += k
            left -= k
            share -= p
    rng, k = chosen(rng, left, scale * chance[i, i] / share if share > 0.0 else 1.0)
    new[i] += k
    y[LOST_ITEMS] += left - k
    return rng


@leaf
def multiply(rng, r, y, whole, half):
    """Growth of whole stocks over half a step."""
    for f in range(N_FLOWS):
        a = SOURCE[f]
        if GROWS[f] == 1 and whole[a] >= 0:
            rng, k = multiplied(rng, y[a], r[f] * half)
            y[a] += k
            y[GAINED_ITEMS] += k
    return rng


@leaf
def change_whole(rng, r, y, whole, size, arrived, h, matrices, rows):
    """One step of the whole stocks under rates r: growth, exits and arrivals, growth. Exact but for that order."""
    jump, stay, mean, power_of, work = matrices
    leaving, new = rows
    for i in range(size):
        leaving[i], new[i] = 0.0, 0.0
        for j in range(size):
            jump[i, j] = 0.0
    for f in range(N_FLOWS):
        a, b = SOURCE[f], TARGET[f]
        if a < 0 and whole[b] >= 0:
            rng, k = poisson(rng, r[f] * h)
            arrived[b] += np.float64(k)
        elif a >= 0 and whole[a] >= 0 and GROWS[f] == 0:
            leaving[whole[a]] += r[f]
            if b >= 0:
                jump[whole[a], whole[b]] += r[f]
    rng = multiply(rng, r, y, whole, 0.5 * h)
    passages(jump, leaving, size, h, stay, mean, power_of, work)
    for s in range(N_STOCKS):
        i = whole[s]
        if i < 0:
            continue
        y[GAINED_ITEMS] += arrived[s]
        if leaving[i] == 0.0:
            new[i] += y[s] + arrived[s]
        else:
            rng = deal(rng, y[s], i, size, stay, 1.0, new, y)
            rng = deal(rng, arrived[s], i, size, mean, 1.0 / h, new, y)
    for s in range(N_STOCKS):
        if whole[s] >= 0:
            y[s] = new[whole[s]]
    return multiply(rng, r, y, whole, 0.5 * h)


@kernel
def begin_bodies(parameters, levels, whole, y):
    """What each body begins with; whole stocks with the nearest whole number."""
    for b in range(y.shape[0]):
        starts = stock_starts(parameters[b], levels[b, 0])
        for s in range(N_STOCKS):
            y[b, s] = math.floor(starts[s] + 0.5) if whole[s] >= 0 else starts[s]


@kernel
def run_bodies(first, last, parameters, levels, plan, state, amounts, failed):
    """Bodies first..last-1 along the times; amounts (body, time, stock, and items lost and gained).

    A body whose equations cannot be followed is marked in `failed` with its interval, and the next one is run.
    """
    times, inflow, whole, moving, size, longest, allowed = plan
    y_all, rng_all, step_all = state
    k = (
        np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH),
        np.empty(WIDTH),
    )  # fmt: skip
    new, arrived, coming, rate_in = np.empty(WIDTH), np.zeros(N_STOCKS), np.zeros(N_STOCKS), np.zeros(N_STOCKS)
    m = max(size, 1)
    matrices = (np.empty((m, m)), np.empty((m, m)), np.empty((m, m)), np.empty((m, m)), np.empty((m, m)))
    rows = (np.empty(m), np.empty(m))
    for b in range(first, last):
        p, y, rng, step = parameters[b], y_all[b], rng_all[b], step_all[b]
        amounts[b, 0] = y
        for n in range(times.shape[0] - 1):
            g = levels[b, min(n, levels.shape[1] - 1)]
            span = times[n + 1] - times[n]
            parts = max(1, math.ceil(span / longest - 1e-9))
            h = span / parts
            for s in range(N_STOCKS):
                coming[s] = inflow[b, n, s] if whole[s] >= 0 else 0.0
                rate_in[s] = 0.0 if whole[s] >= 0 else inflow[b, n, s] / span
            well = True
            for part in range(parts):
                for s in range(N_STOCKS):
                    rng, arrived[s] = chosen(rng, coming[s], 1.0 / (parts - part))
                    coming[s] -= arrived[s]
                if size == 0:
                    well, step = advance(p, g, y, rate_in, moving, h, step, allowed, k, new)
                else:
                    well, step = advance(p, g, y, rate_in, moving, 0.5 * h, step, allowed, k, new)
                    rng = change_whole(rng, flow_rates(p, g, y), y, whole, size, arrived, h, matrices, rows)
                    again, step = advance(p, g, y, rate_in, moving, 0.5 * h, step, allowed, k, new)
                    well = well and again
                for s in range(WIDTH):
                    well = well and abs(y[s]) < math.inf
                if not well:
                    break
            if not well:
                failed[b] = n
                break
            amounts[b, n + 1] = y
        rng_all[b], step_all[b] = rng, step
