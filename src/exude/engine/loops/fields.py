"""Sweeps of the implicit step along x, y and z, eight lines side by side.

A field is one flat array: rows are padded to whole vectors of 8 doubles, planes to whole groups of eight rows, and what
is padded stays 0. Along x, tiles of eight by eight are turned in registers. Vectors are written as instructions, because
Numba keeps none in a register from row to row. No result depends on the width of a machine's vectors or on threads.
"""

WIDTH = 8  # doubles in a vector, lines in a group; narrower machines split a vector
TILE = WIDTH * WIDTH
VECTORS = 4  # carried side by side: enough independent chains to hide the latency of *, + and /
TURNED = 4  # groups of eight rows under way along x
PAIR = 2  # the same two where coefficients vary: with what is kept beside the field, four outgrow the first cache
FAR = 1e30  # stands for infinity before the first voxel


def compiler():
    """What writes instructions; imported here because a built file keeps no import lines of its loops."""
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    return ir, types, cgutils, intrinsic


IR, TYPES, CGUTILS, INTRINSIC = compiler()
LANES = IR.VectorType(IR.DoubleType(), WIDTH)
SINGLES = IR.VectorType(IR.FloatType(), WIDTH)
PLACES = IR.VectorType(IR.IntType(32), WIDTH)
ASK = IR.FunctionType(IR.VoidType(), [IR.IntType(8).as_pointer(), *[IR.IntType(32)] * 3])
FUSED = IR.FunctionType(LANES, [LANES] * 3), "llvm.fma.v8f64"
NOTHING = IR.Constant(LANES, IR.Undefined)


def instructions(write):
    """The function of compiled code whose instructions `write(make, *arguments)` writes; arrays come as addresses."""

    def typed(typing, *kinds):
        def build(context, builder, signature, args):
            data = [None if kind is TYPES.none else arg for kind, arg in zip(signature.args, args)]
            for i, kind in enumerate(signature.args):
                if isinstance(kind, TYPES.Array):
                    data[i] = context.make_array(kind)(context, builder, args[i]).data
            write(Maker(builder), *data)
            return context.get_dummy_value()

        return TYPES.void(*kinds), build

    typed.__name__ = typed.__qualname__ = write.__name__
    typed.__wrapped__ = write  # its arguments are those of `write`
    return INTRINSIC(typed)


class Maker:
    """Writes loads, stores, sums and loops of vectors into the function being built."""

    def __init__(self, builder):
        self.builder = builder
        self.add, self.times = builder.fadd, builder.fmul
        self.wide = lambda singles: builder.fpext(singles, LANES)

    def fused(self, a, b, c):  # a b + c rounded once, on every machine
        return self.builder.call(CGUTILS.get_or_insert_function(self.builder.module, *FUSED), [a, b, c])

    def place(self, base, *steps):
        """base + step + ..., a step being a whole number or a pair to be multiplied."""
        for step in steps:
            if isinstance(step, tuple):
                step = self.builder.mul(self.whole(step[0]), self.whole(step[1]))
            base = self.builder.add(self.whole(base), self.whole(step))
        return base

    def whole(self, number):
        return IR.Constant(IR.IntType(64), number) if isinstance(number, int) else number

    def load(self, base, index, kind=LANES):
        at = self.builder.bitcast(self.builder.gep(base, [self.whole(index)]), kind.as_pointer())
        return self.builder.load(at, align=4 if kind is SINGLES else 8)

    def store(self, value, base, index):
        at = self.builder.bitcast(self.builder.gep(base, [self.whole(index)]), LANES.as_pointer())
        self.builder.store(value, at, align=8)

    def soon(self, base, index):  # ask for a cache line, for the second cache (the first is full); any address will do
        ask = CGUTILS.get_or_insert_function(self.builder.module, ASK, "llvm.prefetch.p0")
        at = self.builder.bitcast(self.builder.gep(base, [self.whole(index)]), ASK.args[0])
        self.builder.call(ask, [at, *(IR.Constant(IR.IntType(32), x) for x in (0, 2, 1))])

    def same(self, number):  # a literal or a register, in every lane
        if isinstance(number, float):
            return IR.Constant(LANES, [number] * WIDTH)
        first = self.builder.insert_element(NOTHING, number, IR.Constant(IR.IntType(32), 0))
        return self.builder.shuffle_vector(first, NOTHING, IR.Constant(PLACES, [0] * WIDTH))

    def spread(self, base, index):
        return self.same(self.builder.load(self.builder.gep(base, [self.whole(index)])))

    def slots(self, values):  # registers that live through a loop
        return [CGUTILS.alloca_once_value(self.builder, value) for value in values]

    def keep(self, values, slots):
        for value, slot in zip(values, slots):
            self.builder.store(value, slot)

    def kept(self, slots):
        return [self.builder.load(slot) for slot in slots]

    def turned(self, rows):  # eight vectors with rows and columns exchanged: three rounds of pairs
        for d in (1, 2, 4):
            low = IR.Constant(PLACES, [e if not e & d else WIDTH + (e ^ d) for e in range(WIDTH)])
            high = IR.Constant(PLACES, [e | d if not e & d else WIDTH + e for e in range(WIDTH)])
            for i in range(WIDTH):
                if not i & d:
                    pair = rows[i], rows[i | d]
                    rows[i], rows[i | d] = (self.builder.shuffle_vector(*pair, order) for order in (low, high))
        return rows

    def tile(self, base, at, stride, kind=LANES):
        for r in range(WIDTH):  # the rows of the next round; caches do not foresee so many streams
            self.soon(base, self.place(at, (stride, WIDTH * TURNED + r)))
        return self.turned([self.load(base, self.place(at, (stride, r)), kind) for r in range(WIDTH)])

    def put_tile(self, columns, base, at, stride):
        for r, row in enumerate(self.turned(columns)):
            self.store(row, base, self.place(at, (stride, r)))


def line_solver(vectors):
    """Solves 8 * vectors lines side by side, in place, `stride` doubles from element to element.

    y_m = u_m + p_(m-1) y_(m-1) upwards, then u_m = s_m y_m + p_m u_(m+1) downwards.
    """

    def solve(make, field, at, stride, count, p, s):
        carried, below = make.slots([make.same(0.0)] * vectors), make.slots([make.same(0.0)])
        with CGUTILS.for_range(make.builder, count) as loop:
            (factor,) = make.kept(below)
            for v, slot in enumerate(carried):
                place = make.place(at, (loop.index, stride), WIDTH * v)
                value = make.add(make.load(field, place), make.times(factor, *make.kept([slot])))
                make.store(value, field, place)
                make.soon(field, make.place(place, WIDTH * vectors))
                make.keep([value], [slot])
            make.keep([make.spread(p, loop.index)], below)
        make.keep([make.same(0.0)] * vectors, carried)
        with CGUTILS.for_range(make.builder, count) as loop:
            m = make.builder.sub(make.place(count, -1), loop.index)
            couple, scale = make.spread(p, m), make.spread(s, m)
            for v, slot in enumerate(carried):
                place = make.place(at, (m, stride), WIDTH * v)
                value = make.add(make.times(scale, make.load(field, place)), make.times(couple, *make.kept([slot])))
                make.store(value, field, place)
                make.keep([value], [slot])

    return instructions(solve)


@instructions
def tile_up(make, field, at, stride, scratch, slot, p, first):
    """Eight rows by eight columns from `at` of the field, turned and eliminated upwards, into the scratch."""
    value = make.load(scratch, make.place(slot, -WIDTH))
    for c, column in enumerate(make.tile(field, at, stride)):
        value = make.add(column, make.times(make.spread(p, make.place(first, c - 1)), value))
        make.store(value, scratch, make.place(slot, c * WIDTH))


@instructions
def tile_down(make, field, at, stride, scratch, slot, p, s, first):
    """The way back: substitution downwards from the scratch, turned again, into the field."""
    value = make.load(scratch, make.place(slot, TILE))
    columns = [None] * WIDTH
    for c in range(WIDTH - 1, -1, -1):
        y = make.load(scratch, make.place(slot, c * WIDTH))
        push = make.times(make.spread(p, make.place(first, c)), value)
        value = columns[c] = make.add(make.times(make.spread(s, make.place(first, c)), y), push)
    make.store(value, scratch, slot)
    make.put_tile(columns, field, at, stride)


class Local:
    """One step of the elimination with a resistance r = 1 / D per voxel, factors made on the way: no array of them.

    R = (r_(m-1) + r_m) h^2 / 2 dt, p = 1 / (1 + g R), y_m = u_m + p y_(m-1), g_m = c_m + p g_(m-1), and back
    u_(m-1) = p (R y_(m-1) + u_m). The matrix's columns add up to c_m, so that amounts balance whatever the rounding of r.
    """

    def __init__(self, make, numbers):
        # h^2 / 2 dt; 1 + dt decay / n; dt / n; r before the first and after the last voxel
        numbers = [make.same(make.builder.extract_value(numbers, i)) for i in range(5)]
        self.make, (self.half, self.base, self.share, self.before, self.after) = make, numbers

    def between(self, state, here):  # p and R y: what the way back needs of the voxel before
        make, (before, g, y), one = self.make, state, self.make.same(1.0)
        resistance = make.times(make.add(before, here), self.half)
        return make.builder.fdiv(one, make.fused(g, resistance, one)), make.times(resistance, y)

    def column(self, loss):
        return self.base if loss is None else self.make.fused(self.make.wide(loss), self.share, self.base)


def local_solver(vectors):
    """As `line_solver`, with resistance r (and loss rate, or None) per voxel, laid out as the field.

    From both ends to the middle and back: two chains of divisions per line, so that few lines, which the first cache
    holds, fill the wait. On the way back the field holds R y and the scratch p.
    """

    def solve(make, field, at, stride, count, r, loss, numbers, scratch):
        local, build, zero, size = Local(make, numbers), make.builder, make.whole(0), WIDTH * vectors
        last, one = make.place(count, -1), make.whole(1)
        half, odd = build.lshr(last, one), build.and_(last, one)  # odd: one voxel more below
        middle, top = make.place(half, odd), make.place(at, (last, stride))
        ends = [[end, make.same(FAR), make.same(0.0)] for end in (local.before, local.after)]
        lower, upper = ([make.slots(end) for _ in range(vectors)] for end in ends)  # r, g and y, later u, by vector
        below = at, stride, zero, size, lower  # where field and scratch begin, and numbers from voxel to voxel
        above = top, build.neg(stride), make.place(0, (last, size)), -size, upper

        def spots(side, m, v):  # of voxel m, counted from the side's end, in field and scratch
            return make.place(side[0], (m, side[1]), WIDTH * v), make.place(side[2], (m, side[3]), WIDTH * v)

        def found(place):
            for read in (field, r) if loss is None else (field, r, loss):
                make.soon(read, make.place(place, size))
            rate = None if loss is None else make.load(loss, place, SINGLES)
            return make.wide(make.load(r, place, SINGLES)), local.column(rate), make.load(field, place)

        def passed(side, m, v, here, c, u):  # c and u with what the voxel before passes on
            state, (place, slot) = make.kept(side[-1][v]), spots(side, make.place(m, -1), v)
            p, push = local.between(state, here)
            with build.if_then(build.icmp_signed("!=", m, zero)):
                make.store(push, field, place)
                make.store(p, scratch, slot)
            return make.fused(p, state[1], c), make.fused(p, state[2], u)

        def forth(m, *sides):
            for v, side in [(v, side) for v in range(vectors) for side in sides]:
                here, c, u = found(spots(side, m, v)[0])
                make.keep([here, *passed(side, m, v, here, c, u)], side[-1][v])

        def back(*ways):
            for v, (side, m) in [(v, way) for v in range(vectors) for way in ways]:
                (place, slot), kept = spots(side, m, v), side[-1][v][2:]
                u = make.times(make.load(scratch, slot), make.add(make.load(field, place), *make.kept(kept)))
                make.store(u, field, place)
                make.keep([u], kept)

        with CGUTILS.for_range(build, half) as loop:
            forth(loop.index, below, above)
        with CGUTILS.for_range(build, odd):
            forth(half, below)
        for v in range(vectors):
            place = spots(below, middle, v)[0]
            here, c, u = found(place)
            c, u = passed(below, middle, v, here, c, u)
            c, u = passed(above, half, v, here, c, u)
            u = build.fdiv(u, c)
            make.store(u, field, place)
            make.keep([u, u], [below[-1][v][2], above[-1][v][2]])
        with CGUTILS.for_range(build, make.place(half, 1), start=make.whole(1)) as loop:
            back((below, build.sub(middle, loop.index)), (above, build.sub(half, loop.index)))
        with CGUTILS.for_range(build, odd):
            back((below, zero))

    return instructions(solve)


def local_up(groups):
    """As `tile_up`, of groups side by side, `span` apart in the scratch: R y and p, and `state` r, g, y between tiles."""

    def up(make, field, at, stride, r, loss, numbers, scratch, slot, state, span):
        local, places = Local(make, numbers), [make.place(at, (stride, WIDTH * j)) for j in range(groups)]
        heres = [make.tile(r, place, stride, SINGLES) for place in places]
        rates = [[None] * WIDTH if loss is None else make.tile(loss, place, stride, SINGLES) for place in places]
        values = [make.tile(field, place, stride) for place in places]
        kept = [[make.place(state, (span, j), WIDTH * i) for i in range(3)] for j in range(groups)]
        states = [[make.load(scratch, place) for place in places] for places in kept]
        for m in range(WIDTH):
            for j, (_before, g, y) in enumerate(states):
                here, to = make.wide(heres[j][m]), make.place(slot, (span, j), 2 * WIDTH * (m - 1))
                p, push = local.between(states[j], here)
                make.store(push, scratch, to)  # of the voxel before
                make.store(p, scratch, make.place(to, WIDTH))
                states[j] = [here, make.fused(p, g, local.column(rates[j][m])), make.fused(p, y, values[j][m])]
        for value, place in [two for j in range(groups) for two in zip(states[j], kept[j])]:
            make.store(value, scratch, place)

    return instructions(up)


@instructions
def local_down(make, field, at, stride, scratch, slot, state):
    """As `tile_down`, from R y and p of the scratch."""
    columns = [make.load(scratch, state)]
    for c in range(WIDTH - 1, -1, -1):
        push, p = (make.load(scratch, make.place(slot, 2 * WIDTH * c + i)) for i in (0, WIDTH))
        columns.insert(0, make.times(p, make.add(push, columns[0])))
    make.store(columns[0], scratch, state)
    make.put_tile(columns[:WIDTH], field, at, stride)


solve_wide, solve_one = line_solver(VECTORS), line_solver(1)
local_wide, local_one, local_up_pair, local_up_one = *map(local_solver, (PAIR, 1)), *map(local_up, (PAIR, 1))


@whole
def rows(field, at, row, groups, tiles, p, s, scratch):
    """Sweep `groups` groups of eight rows along x; p and s begin after one vector of zeros."""
    span = (tiles + 2) * TILE
    for t in range(tiles):
        for g in range(groups):
            tile_up(field, at + (g * row + t) * WIDTH, row, scratch, g * span + (t + 1) * TILE, p, (t + 1) * WIDTH)
    for t in range(tiles - 1, -1, -1):
        for g in range(groups):
            tile_down(field, at + (g * row + t) * WIDTH, row, scratch, g * span + (t + 1) * TILE, p, s, (t + 1) * WIDTH)


@whole
def columns(field, at, width, stride, count, p, s):
    """Sweep `width` columns (whole vectors) side by side along y or z."""
    end = at + width - width % (VECTORS * WIDTH)
    for i in range(at, end, VECTORS * WIDTH):
        solve_wide(field, i, stride, count, p, s)
    for i in range(end, at + width, WIDTH):
        solve_one(field, i, stride, count, p, s)


@whole
def local_rows(field, at, row, groups, tiles, r, loss, numbers, scratch):
    """`rows` with resistance per voxel, and loss where it is given; at most `PAIR` groups."""
    span, state = 2 * (tiles + 1) * TILE, 2 * tiles * TILE + 2 * WIDTH
    for g in range(groups):  # endless g holds a value given beyond an end, endless r is a wall
        for i in range(g * span + state, g * span + state + WIDTH):
            scratch[i], scratch[i + WIDTH], scratch[i + 2 * WIDTH] = numbers[3], FAR, 0.0
    for t in range(tiles):
        place, slot = at + t * WIDTH, 2 * t * TILE + 2 * WIDTH
        if groups == PAIR:
            local_up_pair(field, place, row, r, loss, numbers, scratch, slot, state, span)
        else:
            local_up_one(field, place, row, r, loss, numbers, scratch, slot, state, span)
    for g in range(groups):  # R y and p of the last voxel, and nothing carried down
        for i in range(g * span + state, g * span + state + WIDTH):
            resistance, to = (scratch[i] + numbers[4]) * numbers[0], i - 2 * WIDTH
            scratch[i], scratch[to] = 0.0, resistance * scratch[i + 2 * WIDTH]
            scratch[to + WIDTH] = 1.0 / (1.0 + scratch[i + WIDTH] * resistance)
    for t in range(tiles - 1, -1, -1):
        for g in range(groups):
            slot = g * span + 2 * t * TILE + 2 * WIDTH
            local_down(field, at + (g * row + t) * WIDTH, row, scratch, slot, g * span + state)


@whole
def local_columns(field, at, width, stride, count, r, loss, numbers, scratch):
    """`columns` with resistance per voxel, and loss where it is given."""
    end = at + width - width % (PAIR * WIDTH)
    for i in range(at, end, PAIR * WIDTH):
        local_wide(field, i, stride, count, r, loss, numbers, scratch)
    for i in range(end, at + width, WIDTH):
        local_one(field, i, stride, count, r, loss, numbers, scratch)


@kernel
def planes(field, layout, first, last, axes, x, y, scratch):
    """Sweeps of planes first..last-1 along x, along y, or both (axes 1, 2, 3)."""
    _nz, ny, nx, row, plane = layout
    tiles, groups, parts = -(-nx // WIDTH), -(-ny // WIDTH), -(-ny // (WIDTH * TURNED))
    for k in range(first, last):
        for q in range(parts if axes & 1 else 0):
            g = groups * q // parts
            rows(field, k * plane + g * WIDTH * row, row, groups * (q + 1) // parts - g, tiles, x[0], x[1], scratch)
        if axes & 2:
            columns(field, k * plane, tiles * WIDTH, row, ny, y[0], y[1])


@kernel
def pillars(field, layout, first, last, z):
    """z sweep of the rows y = first..last-1."""
    nz, _ny, nx, row, plane = layout
    for j in range(first, last):
        columns(field, j * row, -(-nx // WIDTH) * WIDTH, plane, nz, z[0], z[1])


@kernel
def local_planes(field, layout, first, last, axes, r, loss, numbers, scratch):
    """`planes` with resistance per voxel."""
    _nz, ny, nx, row, plane = layout
    tiles, groups = -(-nx // WIDTH), -(-ny // WIDTH)
    for k in range(first, last):
        for g in range(0, groups if axes & 1 else 0, PAIR):
            at = k * plane + g * WIDTH * row
            local_rows(field, at, row, min(PAIR, groups - g), tiles, r, loss, numbers[0], scratch)
        if axes & 2:
            local_columns(field, k * plane, tiles * WIDTH, row, ny, r, loss, numbers[1], scratch)


@kernel
def local_pillars(field, layout, first, last, r, loss, numbers, scratch):
    """`pillars` with resistance per voxel."""
    nz, _ny, nx, row, plane = layout
    for j in range(first, last):
        local_columns(field, j * row, -(-nx // WIDTH) * WIDTH, plane, nz, r, loss, numbers[2], scratch)
