"""Who is near whom: cells sorted into cubes of space, lists of neighbours, and what reads eight of them at once."""

import math

import numpy as np

LANES = 8  # cells of a block; the loops over lanes count to it
SURE = 1.0 + 1e-12  # a pair at the very edge is in the list whichever way its distance was rounded


def _local_lanes():
    """Small arrays in the kernel's own frame, how eight lines of memory come into four of them, eight distances at once.

    Numba says of no two arrays that they do not overlap, so a loop that reads here and there (gathers) and stores is
    never vectorised; with its sums in such an array it is. A line is read whole and turned by shuffles: four gathers
    of the processor would take several times as long.
    """
    from llvmlite import ir
    from numba import carray, types
    from numba.core import cgutils
    from numba.extending import intrinsic

    word, real = ir.IntType(64), ir.DoubleType()

    def lanes_of(kind, bits):
        @intrinsic
        def lanes(typing_context):
            def generate(context, builder, signature, arguments):
                return cgutils.alloca_once(builder, bits, size=ir.Constant(word, LANES))

            return types.CPointer(kind)(), generate

        return lanes

    def turned(builder, lines):
        """Four lines of four numbers: first numbers, second numbers and so on."""

        def mixed(a, b, order):
            return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order))

        even = [mixed(lines[k], lines[k + 1], [0, 4, 2, 6]) for k in (0, 2)]
        odd = [mixed(lines[k], lines[k + 1], [1, 5, 3, 7]) for k in (0, 2)]
        return [mixed(*pair, order) for order in ([0, 1, 4, 5], [2, 3, 6, 7]) for pair in (even, odd)]

    @intrinsic
    def read_lines(typing_context, lines, index, at, first, second, third, fourth):
        """Line `index[at + lane]` of `lines` (n, 4), C-contiguous, into each lane of four arrays."""

        def generate(context, builder, signature, arguments):
            def start_of(k):
                return context.make_array(signature.args[k])(context, builder, arguments[k]).data

            base, rows = start_of(0), builder.gep(start_of(1), [arguments[2]])
            four = ir.VectorType(real, 4)
            for half in range(0, LANES, 4):
                found = []
                for lane in range(half, half + 4):
                    row = builder.zext(builder.load(builder.gep(rows, [ir.Constant(word, lane)])), word)
                    place = builder.gep(base, [builder.mul(row, ir.Constant(word, 4))])
                    found.append(builder.load(builder.bitcast(place, four.as_pointer()), align=8))
                for k, column in enumerate(turned(builder, found)):
                    to = builder.gep(start_of(3 + k), [ir.Constant(word, half)])
                    builder.store(column, builder.bitcast(to, four.as_pointer()), align=8)
            return context.get_dummy_value()

        return types.void(lines, index, types.uint64, first, second, third, fourth), generate

    @intrinsic
    def near_bits(typing_context, columns, at, x, y, z, reach):
        """Bit k is set where sphere `at + k` of `columns` (4, n) is nearer to x, y, z than its reach and `reach`."""

        def generate(context, builder, signature, arguments):
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            row = builder.extract_value(array.strides, 0)
            eight = ir.VectorType(real, LANES)
            here = builder.ptrtoint(builder.gep(array.data, [arguments[1]]), word)

            def column(k):
                start = builder.add(here, builder.mul(row, ir.Constant(word, k)))
                return builder.load(builder.inttoptr(start, eight.as_pointer()), align=8)

            def everywhere(number):
                one = builder.insert_element(ir.Constant(eight, ir.Undefined), number, ir.Constant(word, 0))
                return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

            apart = [builder.fsub(everywhere(arguments[2 + k]), column(k)) for k in range(3)]
            squares = [builder.fmul(d, d) for d in apart]
            both = builder.fadd(everywhere(arguments[5]), column(3))
            square = builder.fadd(builder.fadd(squares[0], squares[1]), squares[2])
            near = builder.fcmp_ordered("<", square, builder.fmul(both, both))
            return builder.zext(builder.bitcast(near, ir.IntType(LANES)), word)

        number = types.float64
        return types.int64(columns, types.uint64, number, number, number, number), generate

    return lanes_of(types.float64, real), lanes_of(types.int64, word), carray, read_lines, near_bits


float_lanes, int_lanes, carray, read_lines, near_bits = _local_lanes()


@inlined
def lane_values():
    return carray(float_lanes(), (LANES,))


@inlined
def lane_counts():
    return carray(int_lanes(), (LANES,))


@leaf
def bin_along(x, low, per_um, count):
    """The bin along one axis in which x lies; the outermost bins take what lies beyond them."""
    return min(max(np.int64((x - low) * per_um), 0), count - 1)


@kernel
def fill_bins(n, line, bins):
    """Sort cells into bins, their lines beside them; the members of a bin stand in ascending order."""
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
        at = start[where[i]]
        member[at] = i
        for k in range(4):
            bins.line[k, at] = line[i, k]
        start[where[i]] += 1
    for b in range(start.shape[0] - 1, 0, -1):
        start[b] = start[b - 1]
    start[0] = 0


@leaf
def near_one(i, line, bins, found):
    """Cells within reach of cell i, in the order of the bins; -1 where `found` is too short. A line is place and reach.

    Along x bins lie side by side in memory, so there is one run of cells for each y and z, looked at by eights.
    """
    x, y, z, own = line[UP(i), UP(0)], line[UP(i), UP(1)], line[UP(i), UP(2)], line[UP(i), UP(3)]
    low, per_um, start, member = bins.low, bins.per_um[0], bins.start, bins.member
    nx, ny, nz, far = bins.shape[0], bins.shape[1], bins.shape[2], (own + bins.widest[0]) * SURE
    left, right = bin_along(x - far, low[0], per_um, nx), bin_along(x + far, low[0], per_um, nx) + 1
    front, back = bin_along(y - far, low[1], per_um, ny), bin_along(y + far, low[1], per_um, ny) + 1
    under, over = bin_along(z - far, low[2], per_um, nz), bin_along(z + far, low[2], per_um, nz) + 1
    n, room = np.int64(0), np.int64(found.shape[0])
    for k in range(under, over):
        for j in range(front, back):
            row = (k * ny + j) * nx
            begin, end = np.int64(start[UP(row + left)]), np.int64(start[UP(row + right)])
            if n + (end - begin) + LANES > room:
                return np.int64(-1)
            for m in range(begin, end, LANES):
                bits = near_bits(bins.line, UP(m), x, y, z, own) & ((np.int64(1) << min(end - m, LANES)) - 1)
                for lane in range(LANES):  # no branch: who is not near is overwritten by the next
                    other = member[UP(m + lane)]
                    found[UP(n)] = other
                    n += ((bits >> lane) & 1) & np.int64(other != i)
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
def find_neighbours(at, n, line, bins, nobody, start, index, found, rank):
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
            near = near_one(i, line, bins, found) if i < n else np.int64(0)
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
        n = near_one(i, line, bins, found)
        if n < 0:
            return -1
        for m in range(n):
            j = found[m]
            dx, dy, dz = line[i, 0] - line[j, 0], line[i, 1] - line[j, 1], line[i, 2] - line[j, 2]
            pairs += j > i and math.sqrt(dx * dx + dy * dy + dz * dz) < line[i, 3] + line[j, 3]
    return pairs


@kernel
def touching(base, start, index, packed, kind, ids, chosen, margin, first, found):
    """Cells of kinds to[kind] no further than `margin` beyond contact from each cell of kinds of[kind], by their ids.

    Without `found`, counts those of cell i into first[i + 1]; with it, cell i's begin at found[first[i]].
    """
    of, to = chosen
    n = kind.shape[0]
    for i in range(base * LANES, min((base + start.shape[0] - 1) * LANES, n)):
        block, lane, count = i // LANES - base, i % LANES, 0
        for row in range(start[block], start[block + 1]):
            j = index[row * LANES + lane]
            if j >= n or not (of[kind[i]] and to[kind[j]]):
                continue
            dx, dy, dz = packed[i, 0] - packed[j, 0], packed[i, 1] - packed[j, 1], packed[i, 2] - packed[j, 2]
            if not math.sqrt(dx * dx + dy * dy + dz * dz) <= packed[i, 3] + packed[j, 3] + margin:
                continue
            if found is not None:
                at = first[i] + count
                while at > first[i] and ids[found[at - 1]] > ids[j]:
                    found[at] = found[at - 1]
                    at -= 1
                found[at] = j
            count += 1
        if found is None:
            first[i + 1] = count
