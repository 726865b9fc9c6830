"""Cells that walk of their own: persistent random walks, random directions, spots on a cell.

Every number drawn follows from a key, the cell's id and the step: the bits depend on neither order nor threads.
"""

import math

import numpy as np

CELL_SHIFT = np.uint64(36)  # draws in the stretch of one cell, as in engine/streams.py
STEP_SHIFT = np.uint64(3)  # draws of a cell in one step: 6 are needed
HALF_PI = 1.5707963267948966
TANH_SERIES_BELOW = 0.1


@kernel
def directions(key, ids, planar, out):
    """One random direction per id."""
    for i in range(ids.shape[0]):
        rng = key + (np.uint64(ids[i]) << CELL_SHIFT) * GOLDEN
        out[i, 0], out[i, 1], out[i, 2] = point_in_ball(rng, planar)


@inlined
def half_angle(x):
    """(tanh x, x - tanh x) for x > 0; the difference by its series where it is small."""
    if x < TANH_SERIES_BELOW:
        s = x * x
        # x^3/3 - 2x^5/15 + 17x^7/315 - 62x^9/2835 + 1382x^11/155925 - 21844x^13/6081075 + 929569x^15/638512875
        tail = 62.0 / 2835.0 - s * (1382.0 / 155925.0 - s * (21844.0 / 6081075.0 - s * (929569.0 / 638512875.0)))
        rest = x * s * (1.0 / 3.0 - s * (2.0 / 15.0 - s * (17.0 / 315.0 - s * tail)))
        return x - rest, rest
    e = exp(-2.0 * x)
    t = (1.0 - e) / (1.0 + e)
    return t, x - t


@leaf
def quarter_wave(u):
    """(cos, sin) of 2 pi u, from + and * alone; to 1e-16. Turns by quarters to [-pi/4, pi/4], then Taylor series."""
    quarters = (4.0 * u + ROUNDER) - ROUNDER
    x = (4.0 * u - quarters) * HALF_PI
    s = x * x
    sin_high = 1.0 / 362880.0 - s * (1.0 / 39916800.0 - s * (1.0 / 6227020800.0 - s * (1.0 / 1307674368000.0)))
    sin = x * (1.0 - s * (1.0 / 6.0 - s * (1.0 / 120.0 - s * (1.0 / 5040.0 - s * sin_high))))
    cos_high = 1.0 / 40320.0 - s * (1.0 / 3628800.0 - s * (1.0 / 479001600.0 - s * (1.0 / 87178291200.0)))
    cos = 1.0 - s * (0.5 - s * (1.0 / 24.0 - s * (1.0 / 720.0 - s * cos_high)))
    q = np.int64(quarters)
    odd = (q & 1) == 1
    c, d = (sin, cos) if odd else (cos, sin)
    return (-c if ((q + 1) & 2) == 2 else c), (-d if (q & 2) == 2 else d)


@kernel
def spots(first, last, planar, key, cells, box, out):
    """Places (cell, spot, 3) on the surface of cells first..last-1, or within the circles they stand on."""
    count = out.shape[1]
    for i in range(first, last):
        rng = key + (np.uint64(cells.ids[i]) << CELL_SHIFT) * GOLDEN
        for k in range(count):
            rng, u = uniform(rng)
            rng, v = uniform(rng)
            cos, sin = quarter_wave(v)
            z = 0.0 if planar else 2.0 * u - 1.0
            far = cells.radius[i] * (math.sqrt(u) if planar else math.sqrt(1.0 - z * z))
            out[i, k, 0] = min(max(cells.position[i, 0] + far * cos, box.lower[0]), box.upper[0])
            out[i, k, 1] = min(max(cells.position[i, 1] + far * sin, box.lower[1]), box.upper[1])
            out[i, k, 2] = min(max(cells.position[i, 2] + cells.radius[i] * z, box.lower[2]), box.upper[2])


@leaf
def normal_pairs(key, ids, offset, one, two):
    """Two normal numbers per cell (Box and Muller 1958): the loop becomes vector instructions."""
    for i in range(ids.shape[0]):
        rng = key + ((np.uint64(ids[i]) << CELL_SHIFT) + offset) * GOLDEN
        rng, u = uniform(rng)
        rng, v = uniform(rng)
        size = math.sqrt(-2.0 * log(u))
        c, s = quarter_wave(v)
        one[i], two[i] = size * c, size * s


@kernel
def walks_wrong(first, last, motion):
    """Whether one of the cells cannot walk."""
    wrong = False
    for i in range(first, last):
        s, p, free = motion.speed[i], motion.persistence[i], motion.freedom[i]
        wrong |= not (0.0 <= s < math.inf and 0.0 < p < math.inf and 0.0 <= free <= 1.0)
        for axis in range(3):
            wrong |= not (math.isfinite(motion.heading[i, axis]) and math.isfinite(motion.drift[i, axis]))
    return wrong


@kernel
def walk(first, last, planar, step, motion, dt, normals, out):
    """Advance the walk of cells first..last-1 by dt, whatever its length, exactly in law.

    Ornstein-Uhlenbeck per axis, rate 1/P and standing deviation s: with x = dt / 2P, T = tanh x and normal a, b
      v' = v (1 - T)/(1 + T) + 2 s sqrt(T)/(1 + T) a
      dx = P [2T/(1 + T) v + 2 s T sqrt(T)/(1 + T) a + 2 s sqrt(x - T) b]
    the same as the usual form in e^(-dt/P), without its cancellation at small dt. The displacement is scaled by the
    cell's freedom, the heading is not: a cell that is held keeps its direction.
    """
    axes = 2 if planar else 3
    ids = motion.ids[first:last]
    for axis in range(axes):
        offset = (np.uint64(step) << STEP_SHIFT) + UP(2 * axis)
        normal_pairs(motion.key[0], ids, offset, normals[2 * axis], normals[2 * axis + 1])
    for i in range(first, last):
        p, here = motion.persistence[i], i - first
        t, rest = half_angle(0.5 * dt / p)
        s = motion.speed[i] / math.sqrt(np.float64(axes))
        whole_t, root = 1.0 / (1.0 + t), math.sqrt(t)
        keep_share, turn = (1.0 - t) * whole_t, 2.0 * s * root * whole_t
        go, go_turn, spread = p * 2.0 * t * whole_t, p * t * turn, 2.0 * s * p * math.sqrt(rest)
        free = motion.freedom[i]
        for axis in range(axes):
            v, a, b = motion.heading[i, axis], normals[2 * axis, here], normals[2 * axis + 1, here]
            out[i, axis] = free * ((go * v + (go_turn * a + spread * b)) + dt * motion.drift[i, axis])
            motion.heading[i, axis] = keep_share * v + turn * a
        if planar:
            out[i, 2] = 0.0


@kernel
def standing(first, last, planar, motion, normals):
    """Headings of cells that have walked for long."""
    axes = 2 if planar else 3
    ids = motion.ids[first:last]
    for axis in range(axes):
        normal_pairs(motion.key[0], ids, UP(2 * axis), normals[2 * axis], normals[2 * axis + 1])
    for i in range(first, last):
        s = motion.speed[i] / math.sqrt(np.float64(axes))
        for axis in range(axes):
            motion.heading[i, axis] = s * normals[2 * axis, i - first]
        if planar:
            motion.heading[i, 2] = 0.0
