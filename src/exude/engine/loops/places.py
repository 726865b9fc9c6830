"""Reactions of the places of a tissue for one step.

An explicit method of third order where a few steps of it suffice, else an L-stable Rosenbrock
method of third order, both in as many steps as their error estimates ask for. Neighbours in a row go side by side in
vector lanes and share their steps; the factors of an implicit step are unrolled leaves without exchange of rows. Lanes
whose steps become too many are followed place by place, with exchange of rows. Every linear balance of the declared
reactions is kept to rounding, whatever the step.
"""

import math

import numpy as np

LANES = 8  # places side by side, neighbours in a row; fixed, so that no result depends on threads
UP = np.uint64  # of an index that cannot be negative: no check whether to count from the end
GAMMA = 0.5  # of the Rosenbrock method of order 3 with embedded order 2, L-stable (Sandu 1997, RODAS3)
LAST = 8.0 / 3.0  # its one coefficient that is no small number
SAFE, SLOWEST, FASTEST = 0.9, 0.1, 4.0  # a step's length over the one before: margin, least, most
MOST_EXPLICIT = 12  # explicit steps that cost less than the implicit ones of the same error
FIRST_IMPLICIT = 2.0  # length of the first implicit step over the explicit one that was too short
MOST_STEPS = 100  # of a group of lanes; what needs more is followed place by place
MOST_ALONE = 100_000  # steps of one place; what needs more cannot be followed
LEAST_SHARE = 1e-9  # a place's step is never cut finer than this share of the tissue's
SMALL_ERROR = 1e-6  # errors below this share of what is allowed are all as good

# Rows of the lanes' scratch, LANES numbers each: fields, deposits, fields after the step, slopes at its start,
# stages, right-hand side (and solution), error, sum of errors, room above the least value, factors.
NOW = 0
AROUND = NOW + N_FIELDS * LANES
NEW = AROUND + N_DEPOSITS * LANES
START = NEW + N_FIELDS * LANES
FIRST = START + N_REACTING * LANES
MIXED = FIRST + N_REACTING * LANES
RIGHT = MIXED + N_REACTING * LANES
ERROR = RIGHT + N_REACTING * LANES
FACTORS = ERROR + 3 * LANES
LANE_ROOM = FACTORS + N_FACTORS * LANES
ALL = N_REACTING * LANES
WORK_ROWS = 8  # scratch of one place: y, new, f, k1, k2, order, two to spare


@leaf
def react_lanes(c, w):
    for lane in range(LANES):
        react_at(c, w, lane)


@leaf
def factor_lanes(c, w, share):
    for lane in range(LANES):
        factor_at(c, w, lane, share)


@leaf
def solve_lanes(w):
    for lane in range(LANES):
        solve_at(w, lane)


@leaf
def lane_errors(w, at, relative, absolute):
    """Largest error (rows from `at`) in units of what is allowed, and whether no value falls too far below 0."""
    for lane in range(LANES):
        w[UP(ERROR + lane)], w[UP(ERROR + LANES + lane)], w[UP(ERROR + 2 * LANES + lane)] = 0.0, 0.0, 0.0
    for q in range(N_REACTING):
        floor, row = absolute[q], UP(q * LANES)
        for lane in range(LANES):
            new, now = w[row + UP(NEW + lane)], w[row + UP(NOW + lane)]
            error = abs(w[row + UP(at + lane)]) / (floor + relative * max(abs(new), abs(now)))
            w[UP(ERROR + lane)] = max(w[UP(ERROR + lane)], error)
            w[UP(ERROR + LANES + lane)] += error
            w[UP(ERROR + 2 * LANES + lane)] = min(w[UP(ERROR + 2 * LANES + lane)], new - (min(now, 0.0) - floor))
    most, total, least = 0.0, 0.0, 0.0
    for lane in range(LANES):
        most, total = max(most, w[UP(ERROR + lane)]), total + w[UP(ERROR + LANES + lane)]
        least = min(least, w[UP(ERROR + 2 * LANES + lane)])
    return most if total < math.inf else math.inf, least >= 0.0


@leaf
def lane_step(c, w, step):
    """One step of the method from NOW (slopes in START) to NEW; RIGHT is then its error."""
    share = GAMMA * step
    factor_lanes(c, w, share)
    for i in range(ALL):
        w[UP(RIGHT + i)] = share * w[UP(START + i)]
    solve_lanes(w)
    for i in range(ALL):
        first = w[UP(RIGHT + i)]
        w[UP(FIRST + i)] = first
        w[UP(NEW + i)] = w[UP(NOW + i)] + 2.0 * first
        w[UP(RIGHT + i)] = share * w[UP(START + i)] + GAMMA * 4.0 * first
    solve_lanes(w)
    for i in range(ALL):
        w[UP(MIXED + i)] = GAMMA * (w[UP(FIRST + i)] - w[UP(RIGHT + i)])
    react_lanes(c, w)
    for i in range(ALL):
        w[UP(RIGHT + i)] = share * w[UP(RIGHT + i)] + w[UP(MIXED + i)]
    solve_lanes(w)
    for i in range(ALL):
        third = w[UP(RIGHT + i)]
        w[UP(NEW + i)] += third
        w[UP(MIXED + i)] -= GAMMA * LAST * third
    react_lanes(c, w)
    for i in range(ALL):
        w[UP(RIGHT + i)] = share * w[UP(RIGHT + i)] + w[UP(MIXED + i)]
    solve_lanes(w)
    for i in range(ALL):
        w[UP(NEW + i)] += w[UP(RIGHT + i)]


@leaf
def next_step(step, error, good, left):
    """Length of the step after one of this error; the rest is shared out evenly, so that no stump is left."""
    stretch = SAFE * exp(-log(max(error, SMALL_ERROR)) * (1.0 / 3.0))
    step *= min(FASTEST, max(SLOWEST, stretch)) if good or error > 1.0 else 0.25
    return left / math.ceil(left / step)


@leaf
def middle_step(c, w, step):
    """A step of the midpoint's method from NOW (slopes in START) to NEW; RIGHT are the slopes half way."""
    for i in range(ALL):
        w[UP(NEW + i)] = w[UP(NOW + i)] + 0.5 * step * w[UP(START + i)]
    react_lanes(c, w)
    for i in range(ALL):
        w[UP(NEW + i)] = w[UP(NOW + i)] + step * w[UP(RIGHT + i)]


@leaf
def middle_enough(w, step, relative, absolute):
    """Whether even Euler's method, which differs by what the slopes change in half a step, would be near enough."""
    for lane in range(LANES):
        w[UP(ERROR + lane)] = 0.0
    for q in range(N_REACTING):
        floor, row = absolute[q], UP(q * LANES)
        for lane in range(LANES):
            new, now = w[row + UP(NEW + lane)], w[row + UP(NOW + lane)]
            error = step * abs(w[row + UP(RIGHT + lane)] - w[row + UP(START + lane)])
            over = error - (floor + relative * max(abs(new), abs(now)))
            w[UP(ERROR + lane)] = max(w[UP(ERROR + lane)], max(over, (min(now, 0.0) - floor) - new))
    over, total = 0.0, 0.0
    for lane in range(LANES):
        over = max(over, w[UP(ERROR + lane)])
        total += w[UP(ERROR + lane)]
    return over <= 0.0 and total < math.inf


@leaf
def explicit_step(c, w, step):
    """A step of Bogacki and Shampine's method (order 3, embedded order 2) after `middle_step`, whose slopes it shares.

    From NOW to NEW; RIGHT are the slopes there, MIXED is its error; START and the rows between are as before.
    """
    for i in range(ALL):
        second = w[UP(RIGHT + i)]
        w[UP(FIRST + i)] = 2.0 * w[UP(START + i)] + 3.0 * second
        w[UP(MIXED + i)] = 6.0 * second - 5.0 * w[UP(START + i)]
        w[UP(NEW + i)] = w[UP(NOW + i)] + 0.75 * step * second
    react_lanes(c, w)
    for i in range(ALL):
        third = w[UP(RIGHT + i)]
        w[UP(MIXED + i)] += 8.0 * third
        w[UP(NEW + i)] = w[UP(NOW + i)] + step * (1.0 / 9.0) * (w[UP(FIRST + i)] + 4.0 * third)
    react_lanes(c, w)
    for i in range(ALL):
        w[UP(MIXED + i)] = step * (1.0 / 72.0) * (w[UP(MIXED + i)] - 9.0 * w[UP(RIGHT + i)])


@leaf
def still(w):
    """Whether nothing happens at any of the lanes."""
    for lane in range(LANES):
        w[UP(ERROR + lane)] = 0.0
    for q in range(N_REACTING):
        for lane in range(LANES):
            slope = abs(w[UP(q * LANES) + UP(START + lane)])
            w[UP(ERROR + lane)] = w[UP(ERROR + lane)] + slope
    moved = 0.0
    for lane in range(LANES):
        moved += w[UP(ERROR + lane)]
    return moved == 0.0


@leaf
def follow_lanes(c, w, dt, relative, absolute):
    """Advance the reactions of the lanes by dt; 1 done, 0 nothing happens there, -1 where they cannot be followed.

    Explicit steps while few of them are left to do, implicit ones from there on.
    """
    for i in range(N_FIELDS * LANES):
        w[UP(NEW + i)] = w[UP(NOW + i)]
    react_lanes(c, w)
    for i in range(ALL):
        w[UP(START + i)] = w[UP(RIGHT + i)]
    if still(w):
        return 0
    left, step, implicit = dt, dt, False
    for _ in range(MOST_STEPS):
        if implicit:
            lane_step(c, w, step)
            error, high = lane_errors(w, RIGHT, relative, absolute)
        else:
            middle_step(c, w, step)
            if step == left and middle_enough(w, step, relative, absolute):
                return 1
            explicit_step(c, w, step)
            error, high = lane_errors(w, MIXED, relative, absolute)
        finite = error < math.inf
        if implicit and not finite:
            return -1
        if error <= 1.0 and high:
            left -= step
            if not left > LEAST_SHARE * dt:
                return 1
            if implicit:
                react_lanes(c, w)
            for i in range(ALL):
                w[UP(NOW + i)] = w[UP(NEW + i)]
                w[UP(START + i)] = w[UP(RIGHT + i)]
        if not finite:
            implicit = True
            continue
        step = next_step(step, error, high, left)
        if not implicit and left > MOST_EXPLICIT * step:
            implicit, step = True, left / math.ceil(left / (FIRST_IMPLICIT * step))
    return -1


@leaf
def worst(change, y, new, relative, absolute):
    """Largest error of a step in units of what is allowed, and whether no value is too far below 0."""
    error, high = 0.0, True
    for q in range(N_REACTING):
        allowed = absolute[q] + relative * max(abs(y[q]), abs(new[q]))
        share = abs(change[q]) / allowed
        error = share if not share <= error else error
        high = high and new[q] >= min(y[q], 0.0) - absolute[q]
    return error, high


@leaf
def place_step(c, d, y, step, work, j):
    """`lane_step` of one place, with exchange of rows; the error is in work[4]. False where it cannot be done."""
    new, f, k1, k2, order = work[1], work[2], work[3], work[4], work[5]
    share = GAMMA * step
    fill_jacobian(c, d, y, j)
    for a in range(N_REACTING):
        for b in range(N_REACTING):
            j[a, b] *= -share
        j[a, a] += 1.0
    if not factorise(j, order):
        return False
    react(c, d, y, f)
    for a in range(N_REACTING):
        k1[a] = share * f[a]
    substitute(j, order, k1)
    for a in range(N_REACTING):
        k2[a] = share * f[a] + GAMMA * 4.0 * k1[a]
        new[a] = y[a] + 2.0 * k1[a]
    substitute(j, order, k2)
    for a in range(N_REACTING):
        k1[a] = GAMMA * (k1[a] - k2[a])
    react(c, d, new, f)
    for a in range(N_REACTING):
        k2[a] = share * f[a] + k1[a]
    substitute(j, order, k2)
    for a in range(N_REACTING):
        new[a] += k2[a]
        k1[a] -= GAMMA * LAST * k2[a]
    react(c, d, new, f)
    for a in range(N_REACTING):
        k2[a] = share * f[a] + k1[a]
    substitute(j, order, k2)
    for a in range(N_REACTING):
        new[a] += k2[a]
    return True


@leaf
def follow_place(c, d, y, dt, relative, absolute, work, j):
    """Advance the reactions of one place by dt in steps chosen from the error; False where they cannot be followed."""
    new, change = work[1], work[4]
    for a in range(N_FIELDS):
        new[a] = y[a]
    left, step = dt, dt
    for _ in range(MOST_ALONE):
        if not place_step(c, d, y, step, work, j):
            return False
        error, high = worst(change, y, new, relative, absolute)
        if not error < math.inf:
            return False
        good = error <= 1.0 and high
        if good or step <= LEAST_SHARE * dt:
            left -= step
            for a in range(N_REACTING):
                y[a] = new[a]
            if not left > LEAST_SHARE * dt:
                return True
        step = max(next_step(step, error, high, left), LEAST_SHARE * dt)
    return False


@leaf
def load_lanes(fields, deposits, at, w):
    """Fields and deposits of LANES places from `at` = (z, y, x); beyond the row's end its last place again."""
    a, b, c = at
    nx = fields.shape[3]
    if c + LANES <= nx:
        for q in range(N_FIELDS):
            for lane in range(LANES):
                w[UP(NOW + q * LANES + lane)] = fields[q, a, b, UP(c + lane)]
        for q in range(N_DEPOSITS):
            for lane in range(LANES):
                w[UP(AROUND + q * LANES + lane)] = deposits[q, a, b, UP(c + lane)]
        return
    for q in range(N_FIELDS):
        for lane in range(LANES):
            w[UP(NOW + q * LANES + lane)] = fields[q, a, b, min(c + lane, nx - 1)]
    for q in range(N_DEPOSITS):
        for lane in range(LANES):
            w[UP(AROUND + q * LANES + lane)] = deposits[q, a, b, min(c + lane, nx - 1)]


@leaf
def one_by_one(k, fields, deposits, at, count, dt, relative, absolute, work, j):
    """Follow `count` places from `at` each by itself; how many could not be followed."""
    a, b, first = at
    y, d, failed = work[0], work[WORK_ROWS - 1], 0
    for c in range(first, first + count):
        for q in range(N_FIELDS):
            y[q] = fields[q, a, b, c]
        for q in range(N_DEPOSITS):
            d[q] = deposits[q, a, b, c]
        if not follow_place(k, d, y, dt, relative, absolute, work, j):
            failed += 1
        for q in range(N_REACTING):
            fields[q, a, b, c] = y[q]
    return failed


@kernel
def greatest_rows(first, last, fields, out, w):
    """Greatest magnitude of each reacting field at the places in rows first..last-1."""
    ny, nx = fields.shape[2], fields.shape[3]
    for q in range(N_REACTING):
        for lane in range(LANES):
            w[UP(lane)] = 0.0
        most = 0.0
        for row in range(first, last):
            a, b = row // ny, row % ny
            for c in range(nx // LANES):
                for lane in range(LANES):
                    w[UP(lane)] = max(w[UP(lane)], abs(fields[q, UP(a), UP(b), UP(c * LANES + lane)]))
            for c in range(nx // LANES * LANES, nx):
                most = max(most, abs(fields[q, a, b, c]))
        for lane in range(LANES):
            most = max(most, w[UP(lane)])
        out[q] = most


@kernel
def react_rows(first, last, p, g, fields, deposits, dt, relative, absolute, w, work, j):
    """Reactions of the places in rows first..last-1 (a row is all x of one y and z).

    Returns (places followed by themselves, places that could not be followed).
    """
    ny, nx = fields.shape[2], fields.shape[3]
    k = place_constants(p, g)
    alone, failed = 0, 0
    for row in range(first, last):
        a, b = row // ny, row % ny
        for c in range(0, nx, LANES):
            count = min(LANES, nx - c)
            load_lanes(fields, deposits, (a, b, c), w)
            how = follow_lanes(k, w, dt, relative, absolute)
            if how > 0:
                for q in range(N_REACTING):
                    for lane in range(count):
                        fields[q, a, b, c + lane] = w[UP(NEW + q * LANES + lane)]
            elif how < 0:
                alone += count
                failed += one_by_one(k, fields, deposits, (a, b, c), count, dt, relative, absolute, work, j)
    return alone, failed
