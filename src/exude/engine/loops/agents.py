"""Cells in space: who is near whom, what they do to each other, and how that moves them.

Eight cells side by side make a block, and each of the eight sums up its own neighbours one after the other. The eight
sums are one vector instruction wherever the machine has it, and each of them is the same chain of additions wherever
it has not: the bits depend on the order of the cells alone. Neighbours come in ascending order, and one out of reach
adds exactly 0, so the bits do not depend either on when the list of neighbours was built.
"""

import math

import numpy as np

NEAREST = 1e-5  # um, PhysiCell's shortest distance
FINE, NOT_FINITE, OUTSIDE, BAD_RADIUS, BAD_STRENGTH, BAD_KIND = 0, 1, 2, 3, 4, 5


@kernel
def first_wrong(first, last, cells, lower, upper, kinds):
    """The first cell that cannot be, and why."""
    for i in range(first, last):
        for axis in range(3):
            if not math.isfinite(cells.position[i, axis]):
                return i, NOT_FINITE
        for axis in range(3):
            if not lower[axis] <= cells.position[i, axis] <= upper[axis]:
                return i, OUTSIDE
        if not 0.0 < cells.radius[i] < math.inf:
            return i, BAD_RADIUS
        if not (
            0.0 <= cells.stretch[i] < math.inf
            and 0.0 <= cells.repulsion[i] < math.inf
            and 0.0 <= cells.adhesion[i] < math.inf
        ):
            return i, BAD_STRENGTH
        if not 0 <= cells.kind[i] < kinds:
            return i, BAD_KIND
    return last, FINE


@kernel
def pack(first, last, cells, reference, margin, kinds, packed):
    """Copy place and radius of each cell into one line of memory.

    Returns (whether a cell, with the reach it has now, has come out of the ball that the list was built for; whether
    all cells attract and repel alike). Beyond its radius a cell reaches half of `margin` at least. What cannot be (a
    position that is no number, a kind that is none) counts as out, too.
    """
    late, alike = False, True
    for i in range(first, last):
        x, y, z, r = cells.position[i, 0], cells.position[i, 1], cells.position[i, 2], cells.radius[i]
        packed[i, 0], packed[i, 1], packed[i, 2], packed[i, 3] = x, y, z, r
        dx, dy, dz = x - reference[i, 0], y - reference[i, 1], z - reference[i, 2]
        reach = max(max(1.0, cells.stretch[i]) * r, r + 0.5 * margin)
        late |= not (math.sqrt(dx * dx + dy * dy + dz * dz) + reach) * SURE <= reference[i, 3]
        late |= not (r > 0.0 and 0 <= cells.kind[i] < kinds)
        alike &= (
            cells.stretch[i] == cells.stretch[0]
            and cells.repulsion[i] == cells.repulsion[0]
            and cells.adhesion[i] == cells.adhesion[0]
            and cells.kind[i] == cells.kind[0]
        )
    return late, alike


@kernel
def pack_traits(first, last, cells, traits):
    """What is a cell's own in a pair: adhesion reach, roots of its strengths, its kind."""
    for i in range(first, last):
        traits[i, 0] = cells.stretch[i] * cells.radius[i]
        traits[i, 1], traits[i, 2] = math.sqrt(cells.repulsion[i]), math.sqrt(cells.adhesion[i])
        traits[i, 3] = cells.kind[i]


@leaf
def apart(a, b, planar):
    """The direction in which two cells at one point part, seen from cell a: from their ids, opposite for the other."""
    rng = np.uint64(min(a, b)) * MIX_1 + np.uint64(max(a, b)) * MIX_2
    x, y, z = point_in_ball(rng, planar)
    sign = 1.0 if a < b else -1.0
    return sign * x, sign * y, sign * z


@inlined
def like_pair(alike, radius, other):
    """(how far two cells hold on, um; how they push and pull, um/s) where all cells are alike but for their radius."""
    stretch, push, pull, affinity = alike
    return max(stretch * radius + stretch * other, NEAREST), push * push, pull * pull * affinity


@inlined
def pair(mine, its, affinity):
    """The same of two cells with an adhesion reach and roots of strengths of their own."""
    return max(mine[0] + its[0], NEAREST), mine[1] * its[1], mine[2] * its[2] * affinity


@leaf
def part(i, lane, planar, first, last, index, packed, traits, affinity, alike, ids, out):
    """Add what drives cell i out of others at its very place, where the line between centres has no direction."""
    for row in range(first, last):
        j = UP(index[UP(row * LANES + lane)])
        dx, dy, dz = packed[i, 0] - packed[j, 0], packed[i, 1] - packed[j, 1], packed[i, 2] - packed[j, 2]
        if dx * dx + dy * dy + dz * dz > 0.0:
            continue
        touch = packed[i, 3] + packed[j, 3]
        if traits is None:
            far, repulsion, adhesion = like_pair(alike, packed[i, 3], packed[j, 3])
        else:
            mine, its = (traits[i, 0], traits[i, 1], traits[i, 2]), (traits[j, 0], traits[j, 1], traits[j, 2])
            far, repulsion, adhesion = pair(mine, its, affinity[np.int64(traits[i, 3]), np.int64(traits[j, 3])])
        squeezed, stretched = max(1.0 - NEAREST / touch, 0.0), max(1.0 - NEAREST / far, 0.0)
        f = repulsion * squeezed * squeezed - adhesion * stretched * stretched
        ux, uy, uz = apart(ids[i], ids[j], planar)
        out[i, 0] += f * ux
        out[i, 1] += f * uy
        out[i, 2] += f * uz


@kernel
def forces(base, planar, start, index, packed, traits, affinity, alike, ids, out):
    """Velocities and pressures of the cells of one slab; `traits` is None where all cells are alike.

    Columns of `out`: vx, vy, vz, sum of (1 - d/R)^2 over those that push.
    """
    ax, ay, az, press, least = lane_values(), lane_values(), lane_values(), lane_values(), lane_values()
    x, y, z, radius = lane_values(), lane_values(), lane_values(), lane_values()
    reach, push, pull, kind = lane_values(), lane_values(), lane_values(), lane_values()
    jx, jy, jz, other = lane_values(), lane_values(), lane_values(), lane_values()
    reach_j, push_j, pull_j, kind_j = lane_values(), lane_values(), lane_values(), lane_values()
    kinds, table = affinity.shape[1], affinity.ravel()
    for block in range(start.shape[0] - 1):
        # 1. the cells of the block
        for lane in range(LANES):
            i = UP((base + block) * LANES + lane)
            ax[lane], ay[lane], az[lane], press[lane], least[lane] = 0.0, 0.0, 0.0, 0.0, 1.0
            x[lane], y[lane], z[lane], radius[lane] = packed[i, 0], packed[i, 1], packed[i, 2], packed[i, 3]
            if traits is not None:
                reach[lane], push[lane], pull[lane], kind[lane] = traits[i, 0], traits[i, 1], traits[i, 2], traits[i, 3]
        # 2. row by row their neighbours; no branch, so that the loop becomes vector instructions
        for row in range(start[UP(block)], start[UP(block + 1)]):
            read_lines(packed, index, UP(row * LANES), jx, jy, jz, other)
            if traits is not None:
                read_lines(traits, index, UP(row * LANES), reach_j, push_j, pull_j, kind_j)
            for lane in range(LANES):
                if traits is None:
                    far, repulsion, adhesion = like_pair(alike, radius[lane], other[lane])
                else:
                    which = np.int64(kind[lane]) * kinds + np.int64(kind_j[lane])
                    mine, its = (reach[lane], push[lane], pull[lane]), (reach_j[lane], push_j[lane], pull_j[lane])
                    far, repulsion, adhesion = pair(mine, its, table[UP(which)])
                dx, dy, dz = x[lane] - jx[lane], y[lane] - jy[lane], z[lane] - jz[lane]
                square = dx * dx + dy * dy + dz * dz
                d = max(math.sqrt(square), NEAREST)
                touch = radius[lane] + other[lane]
                # one division for three: 1/R, 1/A and 1/d
                all_three = 1.0 / (touch * far * d)
                per_touch, per_far, per_d = all_three * far * d, all_three * touch * d, all_three * (touch * far)
                squeezed, stretched = max(1.0 - d * per_touch, 0.0), max(1.0 - d * per_far, 0.0)
                square_r, square_a = squeezed * squeezed, stretched * stretched
                press[lane] += square_r if repulsion > 0.0 else 0.0  # who is crawled over is not pressed
                least[lane] = min(least[lane], square)
                f = (repulsion * square_r - adhesion * square_a) * per_d
                ax[lane] += f * dx
                ay[lane] += f * dy
                az[lane] += f * dz
        # 3. out
        for lane in range(LANES):
            i = UP((base + block) * LANES + lane)
            out[i, 0], out[i, 1], out[i, 2] = ax[lane], ay[lane], 0.0 if planar else az[lane]
            out[i, 3] = press[lane]
            if least[lane] == 0.0:
                begin, end = start[block], start[block + 1]
                part(i, lane, planar, begin, end, index, packed, traits, affinity, alike, ids, out)


@kernel
def rates(base, start, index, packed, traits, affinity, alike, out):
    """A bound of the rate at which each cell's place relaxes: twice the largest eigenvalue of its stiffness D.

    D = sum over pairs of across + (along - across) e e^T. With the mean m of its three eigenvalues and their variance
    s^2, the largest is at most m + sqrt(2) s (Wolkowicz and Styan 1980).
    """
    xx, yy, zz, xy, xz, yz = lane_values(), lane_values(), lane_values(), lane_values(), lane_values(), lane_values()
    x, y, z, radius = lane_values(), lane_values(), lane_values(), lane_values()
    reach, push, pull, kind = lane_values(), lane_values(), lane_values(), lane_values()
    jx, jy, jz, other = lane_values(), lane_values(), lane_values(), lane_values()
    reach_j, push_j, pull_j, kind_j = lane_values(), lane_values(), lane_values(), lane_values()
    kinds, table = affinity.shape[1], affinity.ravel()
    for block in range(start.shape[0] - 1):
        for lane in range(LANES):
            i = UP((base + block) * LANES + lane)
            xx[lane], yy[lane], zz[lane], xy[lane], xz[lane], yz[lane] = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            x[lane], y[lane], z[lane], radius[lane] = packed[i, 0], packed[i, 1], packed[i, 2], packed[i, 3]
            if traits is not None:
                reach[lane], push[lane], pull[lane], kind[lane] = traits[i, 0], traits[i, 1], traits[i, 2], traits[i, 3]
        for row in range(start[UP(block)], start[UP(block + 1)]):
            read_lines(packed, index, UP(row * LANES), jx, jy, jz, other)
            if traits is not None:
                read_lines(traits, index, UP(row * LANES), reach_j, push_j, pull_j, kind_j)
            for lane in range(LANES):
                if traits is None:
                    far, repulsion, adhesion = like_pair(alike, radius[lane], other[lane])
                else:
                    which = np.int64(kind[lane]) * kinds + np.int64(kind_j[lane])
                    mine, its = (reach[lane], push[lane], pull[lane]), (reach_j[lane], push_j[lane], pull_j[lane])
                    far, repulsion, adhesion = pair(mine, its, table[UP(which)])
                dx, dy, dz = x[lane] - jx[lane], y[lane] - jy[lane], z[lane] - jz[lane]
                square = dx * dx + dy * dy + dz * dz
                d, touch = max(math.sqrt(square), NEAREST), radius[lane] + other[lane]
                per_touch, per_far, per_d = 1.0 / touch, 1.0 / far, 1.0 / d
                squeezed, stretched = max(1.0 - d * per_touch, 0.0), max(1.0 - d * per_far, 0.0)
                along = max(2.0 * (repulsion * squeezed * per_touch - adhesion * stretched * per_far), 0.0)
                across = max((adhesion * stretched * stretched - repulsion * squeezed * squeezed) * per_d, 0.0)
                across = across if square > 0.0 else along  # no line between centres: any direction
                more = (along - across) * per_d * per_d
                xx[lane] += across + more * dx * dx
                yy[lane] += across + more * dy * dy
                zz[lane] += across + more * dz * dz
                xy[lane] += more * dx * dy
                xz[lane] += more * dx * dz
                yz[lane] += more * dy * dz
        for lane in range(LANES):
            mean = (xx[lane] + yy[lane] + zz[lane]) / 3.0
            a, b, c = xx[lane] - mean, yy[lane] - mean, zz[lane] - mean
            beside = xy[lane] * xy[lane] + xz[lane] * xz[lane] + yz[lane] * yz[lane]
            spread = (a * a + b * b + c * c + 2.0 * beside) / 3.0
            out[UP((base + block) * LANES + lane)] = 2.0 * (mean + math.sqrt(2.0 * spread))


@kernel
def move(first, last, span, position, previous, out, displacement, heading, box):
    """One Adams-Bashforth step and the walk on top of it; a wall turns back a cell and its headings.

    dx = (dt + h) v - h v_old + displacement with h = dt^2 / (2 dt_old). Returns the first cell whose new place is no
    number, `last` where there is none.
    """
    ahead, behind = span
    axes = 2 if box.planar else 3
    for i in range(first, last):
        for axis in range(axes):
            low, high = box.lower[axis], box.upper[axis]
            v = out[i, axis]
            to = position[i, axis] + (ahead * v + behind * previous[i, axis])
            if displacement is not None:
                to += displacement[i, axis]
            previous[i, axis] = v
            if not low <= to <= high:
                if not math.isfinite(to):
                    return i
                to = 2.0 * low - to if to < low else 2.0 * high - to
                to = min(max(to, low), high)
                previous[i, axis] = -v
                if heading is not None:
                    heading[i, axis] = -heading[i, axis]
            position[i, axis] = to
    return last
