"""Cells in space: who is near whom, what they do to each other, and how that moves them.

Eight cells side by side make a block, and each of the eight sums up its own neighbours one after the other. The eight
sums are one vector instruction wherever the machine has it, and each of them is the same chain of additions wherever
it has not: the bits depend on the order of the cells alone. Neighbours come in ascending order, and one out of reach
adds exactly 0, so the bits do not depend either on when the list of neighbours was built.
"""

import math

import numpy as np

LANES = 8  # cells of a block; the loops over lanes below count to it
NEAREST = 1e-5  # um, PhysiCell's shortest distance
SURE = 1.0 + 1e-12  # a pair at the very edge is in the list whichever way its distance was rounded
FINE, NOT_FINITE, OUTSIDE, BAD_RADIUS, BAD_STRENGTH, BAD_KIND = 0, 1, 2, 3, 4, 5


def _local_lanes():
    """Small arrays in the kernel's own frame: what is stored there cannot change what is read elsewhere.

    Numba says of no two arrays that they do not overlap, so a loop that reads here and there (gathers) and stores is
    never vectorised; with its sums in such an array it is.
    """
    from llvmlite import ir
    from numba import carray, types
    from numba.core import cgutils
    from numba.extending import intrinsic

    def lanes_of(kind, bits):
        @intrinsic
        def lanes(typing_context):
            def generate(context, builder, signature, arguments):
                return cgutils.alloca_once(builder, bits, size=ir.Constant(ir.IntType(64), LANES))

            return types.CPointer(kind)(), generate

        return lanes

    return lanes_of(types.float64, ir.DoubleType()), lanes_of(types.int64, ir.IntType(64)), carray


float_lanes, int_lanes, carray = _local_lanes()


@inlined
def lane_values():
    return carray(float_lanes(), (LANES,))


@inlined
def lane_counts():
    return carray(int_lanes(), (LANES,))


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
def pack(first, last, cells, reference, slack, kinds, packed):
    """Copy place and radius of each cell into one line of memory.

    Returns (whether a cell has come further than `slack` since the list was built, what it grew included; whether all
    cells attract and repel alike). What cannot be (a position that is no number, a kind that is none) counts as far, too.
    """
    late, alike = False, True
    for i in range(first, last):
        x, y, z, r = cells.position[i, 0], cells.position[i, 1], cells.position[i, 2], cells.radius[i]
        packed[i, 0], packed[i, 1], packed[i, 2], packed[i, 3] = x, y, z, r
        dx, dy, dz = x - reference[i, 0], y - reference[i, 1], z - reference[i, 2]
        grown = max(1.0, cells.stretch[i]) * r - reference[i, 3]
        late |= not math.sqrt(dx * dx + dy * dy + dz * dz) + grown <= slack
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
def bin_along(x, low, per_um, count):
    """The bin along one axis in which x lies; the outermost bins take what lies beyond them."""
    return min(max(np.int64((x - low) * per_um), 0), count - 1)


@kernel
def fill_bins(n, line, bins):
    """Sort cells into bins; the members of a bin stand in ascending order."""
    low, per_um, shape, start, member, where = bins.low, bins.per_um[0], bins.shape, bins.start, bins.member, bins.where
    start[:] = 0
    for i in range(n):
        bx = bin_along(line[i, 0], low[0], per_um, shape[0])
        by = bin_along(line[i, 1], low[1], per_um, shape[1])
        bz = bin_along(line[i, 2], low[2], per_um, shape[2])
        where[i] = (bz * shape[1] + by) * shape[0] + bx
        start[where[i] + 1] += 1
    for b in range(start.shape[0] - 1):
        start[b + 1] += start[b]
    for i in range(n):
        member[start[where[i]]] = i
        start[where[i]] += 1
    for b in range(start.shape[0] - 1, 0, -1):
        start[b] = start[b - 1]
    start[0] = 0


@leaf
def near_one(i, line, skin, bins, found):
    """Cells within reach and skin of cell i, in the order of the bins; -1 where `found` is too short.

    A line is a cell's place and reach.
    """
    x, y, z, own = line[UP(i), UP(0)], line[UP(i), UP(1)], line[UP(i), UP(2)], line[UP(i), UP(3)] + skin
    low, per_um, shape, start, member = bins.low, bins.per_um[0], bins.shape, bins.start, bins.member
    nx, ny, nz, far = shape[0], shape[1], shape[2], (own + bins.widest[0]) * SURE
    left, right = bin_along(x - far, low[0], per_um, nx), bin_along(x + far, low[0], per_um, nx) + 1
    front, back = bin_along(y - far, low[1], per_um, ny), bin_along(y + far, low[1], per_um, ny) + 1
    under, over = bin_along(z - far, low[2], per_um, nz), bin_along(z + far, low[2], per_um, nz) + 1
    n, room = np.int64(0), np.int64(found.shape[0])
    for k in range(under, over):
        for j in range(front, back):
            row = (k * ny + j) * nx
            begin, end = np.int64(start[UP(row + left)]), np.int64(start[UP(row + right)])
            if n + (end - begin) > room:
                return np.int64(-1)
            for m in range(begin, end):
                other = member[UP(m)]
                dx, dy, dz = x - line[UP(other), UP(0)], y - line[UP(other), UP(1)], z - line[UP(other), UP(2)]
                limit = (own + line[UP(other), UP(3)]) * SURE
                found[UP(n)] = other
                n += np.int64((dx * dx + dy * dy + dz * dz < limit * limit) & (other != i))
    return n


@leaf
def ranks(found, n, rank):
    """How many of n different numbers are smaller than each: quicker than sorting, since it is vector instructions."""
    for a in range(n):
        rank[UP(a)] = 0
    for b in range(n):
        pivot = found[UP(b)]
        for a in range(n):
            rank[UP(a)] += np.int32(pivot < found[UP(a)])


@kernel
def find_neighbours(at, n, line, skin, bins, nobody, start, index, found, rank):
    """Lists of one slab from block `at[1]` on; row k of a block holds the k-th neighbour of each of its lanes.

    Returns the block it came to: below the number of blocks where `index` or `found` is full.
    """
    base, count = at[0], start.shape[0] - 1
    length = lane_counts()
    for block in range(at[1], count):
        # 1. each lane's neighbours, put in ascending order
        first, rows = np.int64(start[UP(block)]), np.int64(0)
        for lane in range(LANES):
            i = (base + block) * LANES + lane
            near = near_one(i, line, skin, bins, found) if i < n else np.int64(0)
            if near < 0 or (first + near) * LANES > index.shape[0]:
                return block
            ranks(found, near, rank)
            for m in range(near):
                index[UP((first + rank[UP(m)]) * LANES + lane)] = found[UP(m)]
            length[lane] = near
            rows = max(rows, near)
        # 2. the shorter lists are filled up with a cell far away
        for lane in range(LANES):
            for k in range(length[lane], rows):
                index[UP((first + k) * LANES + lane)] = nobody
        start[UP(block + 1)] = first + rows
    return count


@kernel
def count_close(first, last, line, bins, found):
    """Pairs (i, j), first <= i < last, j > i, closer than the sum of their reaches; -1 where `found` is too short."""
    pairs = 0
    for i in range(first, last):
        n = near_one(i, line, 0.0, bins, found)
        if n < 0:
            return -1
        for m in range(n):
            j = found[m]
            dx, dy, dz = line[i, 0] - line[j, 0], line[i, 1] - line[j, 1], line[i, 2] - line[j, 2]
            pairs += j > i and math.sqrt(dx * dx + dy * dy + dz * dz) < line[i, 3] + line[j, 3]
    return pairs


@leaf
def apart(a, b, planar):
    """The direction in which two cells at one point part, seen from cell a: from their ids, opposite for the other."""
    rng = np.uint64(min(a, b)) * MIX_1 + np.uint64(max(a, b)) * MIX_2
    x, y, z = point_in_ball(rng, planar)
    sign = 1.0 if a < b else -1.0
    return sign * x, sign * y, sign * z


@leaf
def part(i, lane, planar, first, last, index, packed, traits, affinity, alike, ids, out):
    """Add what drives cell i out of others at its very place, where the line between centres has no direction."""
    stretch, push, pull, own_affinity = alike
    for row in range(first, last):
        j = UP(index[UP(row * LANES + lane)])
        dx, dy, dz = packed[i, 0] - packed[j, 0], packed[i, 1] - packed[j, 1], packed[i, 2] - packed[j, 2]
        if dx * dx + dy * dy + dz * dz > 0.0:
            continue
        touch = packed[i, 3] + packed[j, 3]
        if traits is None:
            far = max(stretch * packed[i, 3] + stretch * packed[j, 3], NEAREST)
            repulsion, adhesion = push * push, pull * pull * own_affinity
        else:
            far = max(traits[i, 0] + traits[j, 0], NEAREST)
            repulsion = traits[i, 1] * traits[j, 1]
            adhesion = traits[i, 2] * traits[j, 2] * affinity[np.int64(traits[i, 3]), np.int64(traits[j, 3])]
        squeezed, stretched = max(1.0 - NEAREST / touch, 0.0), max(1.0 - NEAREST / far, 0.0)
        f = repulsion * squeezed * squeezed - adhesion * stretched * stretched
        ux, uy, uz = apart(ids[i], ids[j], planar)
        out[i, 0] += f * ux
        out[i, 1] += f * uy
        out[i, 2] += f * uz


@kernel
def forces(base, planar, start, index, packed, traits, affinity, alike, ids, out):
    """Velocities, pressures and stiffnesses of the cells of one slab; `traits` is None where all cells are alike.

    Columns of `out`: vx, vy, vz, sum of (1 - d/R)^2, bound of the fastest rate.
    """
    ax, ay, az = lane_values(), lane_values(), lane_values()
    press, stiff, least = lane_values(), lane_values(), lane_values()
    x, y, z, radius = lane_values(), lane_values(), lane_values(), lane_values()
    reach, push, pull, kind = lane_values(), lane_values(), lane_values(), lane_values()
    stretch, root_repulsion, root_adhesion, own_affinity = alike
    kinds, table = affinity.shape[1], affinity.ravel()
    for block in range(start.shape[0] - 1):
        # 1. the cells of the block
        for lane in range(LANES):
            i = UP((base + block) * LANES + lane)
            ax[lane], ay[lane], az[lane], press[lane], stiff[lane], least[lane] = 0.0, 0.0, 0.0, 0.0, 0.0, 1.0
            x[lane], y[lane], z[lane], radius[lane] = packed[i, 0], packed[i, 1], packed[i, 2], packed[i, 3]
            if traits is None:
                reach[lane], push[lane], pull[lane] = stretch * radius[lane], root_repulsion, root_adhesion
            else:
                reach[lane], push[lane], pull[lane], kind[lane] = traits[i, 0], traits[i, 1], traits[i, 2], traits[i, 3]
        # 2. row by row their neighbours; no branch, so that the loop becomes vector instructions
        for row in range(start[UP(block)], start[UP(block + 1)]):
            for lane in range(LANES):
                j = UP(index[UP(row * LANES + lane)])
                dx, dy, dz = x[lane] - packed[j, 0], y[lane] - packed[j, 1], z[lane] - packed[j, 2]
                other = packed[j, 3]
                if traits is None:
                    far = max(reach[lane] + stretch * other, NEAREST)
                    repulsion, adhesion = push[lane] * root_repulsion, pull[lane] * root_adhesion * own_affinity
                else:
                    far = max(reach[lane] + traits[j, 0], NEAREST)
                    which = np.int64(kind[lane]) * kinds + np.int64(traits[j, 3])
                    repulsion = push[lane] * traits[j, 1]
                    adhesion = pull[lane] * traits[j, 2] * table[UP(which)]
                square = dx * dx + dy * dy + dz * dz
                d = max(math.sqrt(square), NEAREST)
                touch = radius[lane] + other
                # one division for three: 1/R, 1/A and 1/d
                all_three = 1.0 / (touch * far * d)
                per_touch, per_far, per_d = all_three * far * d, all_three * touch * d, all_three * (touch * far)
                squeezed, stretched = max(1.0 - d * per_touch, 0.0), max(1.0 - d * per_far, 0.0)
                square_r, square_a = squeezed * squeezed, stretched * stretched
                press[lane] += square_r
                stiff[lane] += repulsion * squeezed * per_touch + adhesion * stretched * per_far
                least[lane] = min(least[lane], square)
                f = (repulsion * square_r - adhesion * square_a) * per_d
                ax[lane] += f * dx
                ay[lane] += f * dy
                az[lane] += f * dz
        # 3. out
        for lane in range(LANES):
            i = UP((base + block) * LANES + lane)
            out[i, 0], out[i, 1], out[i, 2] = ax[lane], ay[lane], 0.0 if planar else az[lane]
            out[i, 3], out[i, 4] = press[lane], 4.0 * stiff[lane]
            if least[lane] == 0.0:
                begin, end = start[block], start[block + 1]
                part(i, lane, planar, begin, end, index, packed, traits, affinity, alike, ids, out)


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
