"""One step of the bonds of seekers: whom each meets on its way, when it binds and lets go, how often it hits.

Within a step cells go straight, and rates are what they are at its start. Times are shares of the step. Every number
drawn follows from the key of the step and the ids of the two cells: the bits depend on neither order nor threads.
"""

import math

import numpy as np

CELL_SHIFT = np.uint64(36)  # draws in the stretch of one cell, as in engine/streams.py
STAY_SHIFT = np.uint64(28)  # ids: a draw for each target and stay
OWN_DRAWS = np.uint64(1 << 35)  # where a seeker's own draws begin: letting go and hits
OWN_SHIFT = np.uint64(30)  # draws of one stay
NOBODY = -1
NEVER = 2.0  # a share of the step that does not come
SURE = 1e-6  # of a cube: more than rounding


@leaf
def between(cells, i, j, at):
    """From cell i to cell j when a share of the step is over, um."""
    back = 1.0 - at
    x = cells.position[j, 0] - cells.position[i, 0] - back * (cells.way[j, 0] - cells.way[i, 0])
    y = cells.position[j, 1] - cells.position[i, 1] - back * (cells.way[j, 1] - cells.way[i, 1])
    z = cells.position[j, 2] - cells.position[i, 2] - back * (cells.way[j, 2] - cells.way[i, 2])
    return x, y, z


@leaf
def within(x, y, z, u, v, w, reach):
    """Shares of the step between which |(x, y, z) + share (u, v, w)| <= reach: (NEVER, 0) where there are none."""
    a, b, c = u * u + v * v + w * w, x * u + y * v + z * w, x * x + y * y + z * z - reach * reach
    if c > 0.0 and (b >= 0.0 or b * b < a * c):  # out of reach at the start, and going away or past
        return NEVER, 0.0
    if a == 0.0:
        return 0.0, 1.0
    root = math.sqrt(max(0.0, b * b - a * c))
    begin, end = max(0.0, (-b - root) / a), min(1.0, (-b + root) / a)
    return (begin, end) if begin < end else (NEVER, 0.0)


@leaf
def together(cells, i, j, reach):
    """When in the step two cells on straight ways come and cease to be within `reach` (see `within`)."""
    x, y, z = between(cells, i, j, 0.0)
    u = cells.way[j, 0] - cells.way[i, 0]
    v = cells.way[j, 1] - cells.way[i, 1]
    w = cells.way[j, 2] - cells.way[i, 2]
    return within(x, y, z, u, v, w, reach)


@leaf
def wrong(rate):
    return not 0.0 <= rate < math.inf


@leaf
def cubes(lower, upper, low, per_um, count):
    """First cube and the one after the last that lie between two places along an axis."""
    first = min(max((lower - low) * per_um - SURE, 0.0), count - 1.0)
    last = min(max((upper - low) * per_um + SURE, 0.0), count - 1.0)
    return np.int64(first), np.int64(last) + 1


@leaf
def swept(i, cells, around):
    """Cubes that may hold targets of cell i on its way, by axis: first and the one after the last."""
    wide, low, per_um, shape = cells.radius[i] + around.wide, around.low, around.per_um[0], around.shape
    x, y, z = cells.position[i, 0], cells.position[i, 1], cells.position[i, 2]
    u, v, w = cells.way[i, 0], cells.way[i, 1], cells.way[i, 2]
    left, right = cubes(min(x, x - u) - wide, max(x, x - u) + wide, low[0], per_um, shape[0])
    front, back = cubes(min(y, y - v) - wide, max(y, y - v) + wide, low[1], per_um, shape[1])
    under, over = cubes(min(z, z - w) - wide, max(z, z - w) + wide, low[2], per_um, shape[2])
    return left, right, front, back, under, over


@leaf
def binding_with(i, j, begin, end, draw, law, cells, rng):
    """When free seeker i would bind target j if it touched no other, or NEVER; whether the rate is one."""
    g, h = law.table[cells.founder[i]], law.table[cells.founder[j]]
    on = binding(law.p, g, cells.pools[i], h, cells.pools[j])[0]
    if not on > 0.0:
        return NEVER, not wrong(on)
    _, u = uniform(rng + (draw + np.uint64(cells.ids[j])) * GOLDEN)
    at = begin - log(u) / (on * law.dt)
    return (at if at < end else NEVER), not wrong(on)


@leaf
def first_binding(i, now, stay, law, cells, around, rng):
    """(row of the target that free seeker i binds first after `now`, when; whether all rates are rates).

    Each pair draws an exponential for its time in touch. The first of them has the law of their sum, and who is first
    does not depend on the order of pairs.
    """
    found, when, good = NOBODY, NEVER, True
    nx, ny, draw = around.shape[0], around.shape[1], np.uint64(stay) << STAY_SHIFT
    left, right, front, back, under, over = swept(i, cells, around)
    u, v, w, line = cells.way[i, 0], cells.way[i, 1], cells.way[i, 2], around.line
    x, y, z = cells.position[i, 0] - u, cells.position[i, 1] - v, cells.position[i, 2] - w
    own = cells.radius[i] + law.touch
    for c in range(under, over):
        for b in range(front, back):
            row = (c * ny + b) * nx
            for k in range(around.start[row + left], around.start[row + right]):
                begin, end = within(
                    line[k, 0] - x, line[k, 1] - y, line[k, 2] - z,
                    line[k, 3] - u, line[k, 4] - v, line[k, 5] - w, line[k, 6] + own,
                )  # fmt: skip
                if max(begin, now) >= end:
                    continue
                j = around.row[k]
                at, right_rate = binding_with(i, j, max(begin, now), end, draw, law, cells, rng)
                good &= right_rate
                if at < when or (at == when and found != NOBODY and cells.ids[j] < cells.ids[found]):
                    found, when = j, at
    return found, when, good


@leaf
def stay_with(i, j, begin, until, m, stay, law, cells, stays, rng):
    """Stay of seeker i (the m-th) with j from `begin` to `until` at most; (its end, whether rates are rates)."""
    rates = held(law.p, law.table[cells.founder[i]], cells.pools[i], law.table[cells.founder[j]], cells.pools[j])
    good, end = not wrong(rates[0]), until
    rng = rng + (OWN_DRAWS + (np.uint64(stay) << OWN_SHIFT)) * GOLDEN
    rng, u = uniform(rng)
    if rates[0] > 0.0:
        end = min(until, begin - log(u) / (rates[0] * law.dt))
    share = min(end, 1.0) - begin
    stays.target[m, stay] = j
    for q in range(N_SETS):
        stays.sets[m, q] += share * rates[1 + q]
    for q in range(N_HITS):
        rate = rates[1 + N_SETS + q]
        good &= not wrong(rate)
        rng, stays.hits[m, stay, q] = poisson(rng, rate * share * law.dt)
    return end, good


@kernel
def reaches(p):
    """(how far surfaces may be apart that touch, how much further a bond stretches), um."""
    return distances(p)


@leaf
def turn_back(i, j, at, cells, back):
    """The way back of cell i to where it was against cell j when a share of the step was over, um."""
    x, y, z = between(cells, i, j, at)
    back[0] = cells.position[j, 0] - x - cells.position[i, 0]
    back[1] = cells.position[j, 1] - y - cells.position[i, 1]
    back[2] = cells.position[j, 2] - z - cells.position[i, 2]


@kernel
def meet(first, last, who, law, cells, around, held_row, key, stays):
    """One step of the seekers in rows who[first..last-1]; returns one whose rates are no rates, or NOBODY.

    `held_row` (cell,): row of the target each seeker holds at the start, or NOBODY. Writes partners, seekers' pools,
    `stays` (row of the target and hits of each stay of the step) and, in stays.back (seeker, 3), the way back of who
    bound on its way and stays bound: it goes no further than to where it bound, and from there with its target.
    """
    failed = NOBODY
    for m in range(first, last):
        i, now, bound = who[m], 0.0, NOBODY
        rng = key[0] + (np.uint64(cells.ids[i]) << CELL_SHIFT) * GOLDEN
        stays.target[m, :], stays.sets[m, :], stays.back[m, :] = NOBODY, 0.0, 0.0
        for stay in range(stays.target.shape[1]):
            j = held_row[i] if stay == 0 else NOBODY
            old = j != NOBODY and law.is_target[cells.kind[j]]
            if old:  # 1. who holds a target holds it until it lets go or the bond is stretched too far
                begin, end = together(cells, i, j, cells.radius[i] + cells.radius[j] + law.touch + law.tether)
                until = 0.0 if begin > 0.0 else end if end < 1.0 else NEVER
            else:  # 2. who is free binds the first it can; what it binds then, it does not lose on the way
                j, now, good = first_binding(i, now, stay, law, cells, around, rng)
                until, failed = NEVER, (failed if good else i)
                if j == NOBODY:
                    break
            end, good = stay_with(i, j, now, until, m, stay, law, cells, stays, rng)
            failed = failed if good else i
            if end >= 1.0:  # 3. bound at the end of the step
                bound = j
                if not old:
                    turn_back(i, j, now, cells, stays.back[m])
                break
            now = end
        cells.partner[i] = NOBODY if bound == NOBODY else cells.ids[bound]
        for q in range(N_SETS):
            cells.pools[i, SETS[q]] = stays.sets[m, q]
    return failed


@kernel
def strike(stays, pools):
    """Hits of all stays reach the targets' pools, in the order of seekers; returns how many there were."""
    total = 0.0
    for m in range(stays.target.shape[0]):
        for stay in range(stays.target.shape[1]):
            j = stays.target[m, stay]
            if j == NOBODY:
                break
            for q in range(N_HITS):
                pools[j, HITS[q]] += stays.hits[m, stay, q]
                total += stays.hits[m, stay, q]
    return total


@kernel
def follow(who, held_row, cells, way):
    """Ways of bound seekers become those of their targets, and the gap between their surfaces closes."""
    for m in range(who.shape[0]):
        i, j = who[m], held_row[who[m]]
        if j == NOBODY:
            continue
        x = cells.position[j, 0] - cells.position[i, 0]
        y = cells.position[j, 1] - cells.position[i, 1]
        z = cells.position[j, 2] - cells.position[i, 2]
        far = math.sqrt(x * x + y * y + z * z)
        gap = max(0.0, far - cells.radius[i] - cells.radius[j])
        pull = gap / far if far > 0.0 else 0.0
        way[i, 0] = way[j, 0] + pull * x
        way[i, 1] = way[j, 1] + pull * y
        way[i, 2] = way[j, 2] + pull * z
