"""Sweeps of the implicit step along x, y and z, eight lines side by side.

A field is one flat array: rows are padded to whole vectors of 8 doubles, planes to whole groups of eight rows, and what
is padded stays 0. Along x, tiles of eight by eight are turned in registers. Vectors are written as instructions, because
Numba keeps none in a register from row to row. No result depends on the width of a machine's vectors or on threads.
"""

import numpy as np

WIDTH = 8  # doubles in a vector, lines in a group; narrower machines split a vector
TILE = WIDTH * WIDTH
VECTORS = 4  # carried side by side: enough independent chains to hide the latency of *, + and /
TURNED = 4  # groups of eight rows under way along x
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

    R = (r_(m-1) + r_m) h^2 / 2 dt, p = 1 / (1 + g R), s = R p, y_m = u_m + p y_(m-1), g_m = c_m + p g_(m-1).
    (1 - p_m) / s_m = g_m: the matrix's columns add up to c_m, so that amounts balance whatever the rounding of r.
    """

    def __init__(self, make, numbers):
        # h^2 / 2 dt; 1 + dt decay / n; dt / n; r before the first and after the last voxel
        numbers = [make.same(make.builder.extract_value(numbers, i)) for i in range(5)]
        self.make, (self.half, self.base, self.share, self.before, self.after) = make, numbers

    def start(self):
        """r, g and y before the first voxel: endless g holds a fixed value, endless r is a wall."""
        return [self.before, self.make.same(FAR), self.make.same(0.0)]

    def between(self, before, after, g):
        make, one = self.make, self.make.same(1.0)
        resistance = make.times(make.add(before, after), self.half)
        p = make.builder.fdiv(one, make.add(one, make.times(g, resistance)))
        return p, make.times(resistance, p)

    def advanced(self, p, g, y, u, loss):
        add, times = self.make.add, self.make.times
        c = self.base if loss is None else add(self.base, times(self.make.wide(loss), self.share))
        return add(c, times(p, g)), add(u, times(p, y))


def local_solver(vectors, up, down):
    """As `line_solver`, with resistance r (and loss rate, or None) per voxel, laid out as the field.

    Up at `at` (p to `slot` of the scratch), down at `behind` (p from `kept`), or both: one divides, the other loads.
    """

    def solve(make, field, at, slot, behind, kept, stride, count, r, loss, numbers, scratch):
        local, first, last = Local(make, numbers), make.whole(0), make.place(count, -1)
        states = [make.slots(local.start()) for _ in range(vectors if up else 0)]
        tops = [make.place(behind, (last, stride), WIDTH * v) for v in range(vectors if down else 0)]
        values = [make.slots([make.load(field, top)]) for top in tops]

        def forth(m):
            for v, state in enumerate(states):
                place = make.place(at, (m, stride), WIDTH * v)
                before, g, y = make.kept(state)
                here = make.wide(make.load(r, place, SINGLES))
                p, s = local.between(before, here, g)
                if m is not first:  # what belongs to the voxel before is known only now
                    make.store(make.times(s, y), field, make.builder.sub(place, stride))
                    make.store(p, scratch, make.place(slot, WIDTH * v, (m, WIDTH * vectors)))
                for read in (field, r) if loss is None else (field, r, loss):
                    make.soon(read, make.place(place, WIDTH * vectors))
                rate = None if loss is None else make.load(loss, place, SINGLES)
                make.keep([here, *local.advanced(p, g, y, make.load(field, place), rate)], state)

        def back(m):
            for v, value in enumerate(values):
                place = make.place(behind, (make.place(m, -1), stride), WIDTH * v)
                p = make.load(scratch, make.place(kept, WIDTH * v, (m, WIDTH * vectors)))
                make.keep([make.add(make.load(field, place), make.times(p, *make.kept(value)))], value)
                make.store(*make.kept(value), field, place)

        forth(first)
        with CGUTILS.for_range(make.builder, count, start=make.whole(1)) as loop:
            forth(loop.index)
            back(make.builder.sub(count, loop.index))
        for v, state in enumerate(states):
            before, g, y = make.kept(state)
            value = make.times(local.between(before, local.after, g)[1], y)
            make.store(value, field, make.place(at, (last, stride), WIDTH * v))

    return instructions(solve)


def local_up(groups):
    """As `tile_up`, of groups side by side; the scratch keeps s y and p, `state` r, g, y from tile to tile."""

    def up(make, field, at, stride, r, loss, numbers, scratch, slot, span, state, begin):
        local, places = Local(make, numbers), [make.place(at, (stride, WIDTH * j)) for j in range(groups)]
        heres = [make.tile(r, place, stride, SINGLES) for place in places]
        rates = [[None] * WIDTH if loss is None else make.tile(loss, place, stride, SINGLES) for place in places]
        values = [make.tile(field, place, stride) for place in places]
        states = [[make.load(state, make.place(begin, WIDTH * (3 * j + i))) for i in range(3)] for j in range(groups)]
        for c in range(WIDTH):
            for j, (before, g, y) in enumerate(states):
                here, to = make.wide(heres[j][c]), make.place(slot, (span, j), 2 * WIDTH * (c - 1))
                p, s = local.between(before, here, g)
                make.store(make.times(s, y), scratch, to)  # of the voxel before
                make.store(p, scratch, make.place(to, WIDTH))
                states[j] = [here, *local.advanced(p, g, y, values[j][c], rates[j][c])]
        for j in range(groups):
            for i, value in enumerate(states[j]):
                make.store(value, state, make.place(begin, WIDTH * (3 * j + i)))

    return instructions(up)


@instructions
def local_end(make, numbers, scratch, slot, state, begin):
    """After a line: s y of the last voxel, p = 0, and nothing carried down."""
    local = Local(make, numbers)
    before, g, y = (make.load(state, make.place(begin, WIDTH * i)) for i in range(3))
    make.store(make.times(local.between(before, local.after, g)[1], y), scratch, slot)
    make.store(make.same(0.0), scratch, make.place(slot, WIDTH))
    make.store(make.same(0.0), state, begin)


@instructions
def local_down(make, field, at, stride, scratch, slot, state, begin):
    """As `tile_down`, from s y and p of the scratch."""
    value = make.load(state, begin)
    columns = [None] * WIDTH
    for c in range(WIDTH - 1, -1, -1):
        p = make.load(scratch, make.place(slot, 2 * WIDTH * c + WIDTH))
        value = columns[c] = make.add(make.load(scratch, make.place(slot, 2 * WIDTH * c)), make.times(p, value))
    make.store(value, state, begin)
    make.put_tile(columns, field, at, stride)


solve_wide, solve_one = line_solver(VECTORS), line_solver(1)
wide_up, wide_both, wide_down = (local_solver(VECTORS, *way) for way in ((True, False), (True, True), (False, True)))
one_up, one_down = local_solver(1, True, False), local_solver(1, False, True)
local_up_all, local_up_one = local_up(TURNED), local_up(1)


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
    """`rows` with resistance per voxel, and loss where it is given."""
    span, some = 2 * (tiles + 1) * TILE, TURNED if groups == TURNED else 1
    state = np.repeat(np.array([numbers[3], FAR, 0.0] * TURNED), WIDTH)
    for t in range(tiles):
        for g in range(0, groups, some):
            place, slot, begin = at + (g * row + t) * WIDTH, g * span + 2 * TILE * t + 2 * WIDTH, 3 * WIDTH * g
            if some == TURNED:
                local_up_all(field, place, row, r, loss, numbers, scratch, slot, span, state, begin)
            else:
                local_up_one(field, place, row, r, loss, numbers, scratch, slot, span, state, begin)
    for g in range(groups):
        local_end(numbers, scratch, g * span + 2 * TILE * tiles, state, 3 * WIDTH * g)
    for t in range(tiles - 1, -1, -1):
        for g in range(groups):
            slot = g * span + 2 * TILE * t + 2 * WIDTH
            local_down(field, at + (g * row + t) * WIDTH, row, scratch, slot, state, 3 * WIDTH * g)


@whole
def local_columns(field, at, width, stride, count, r, loss, numbers, scratch):
    """`columns` with resistance per voxel, and loss where it is given: down one block while up the next."""
    step, end = VECTORS * WIDTH, at + width - width % (VECTORS * WIDTH)
    slot, kept = 0, step * count
    for i in range(at, end, step):
        if i == at:
            wide_up(field, i, slot, 0, 0, stride, count, r, loss, numbers, scratch)
        else:
            wide_both(field, i, slot, i - step, kept, stride, count, r, loss, numbers, scratch)
        slot, kept = kept, slot
    if end > at:
        wide_down(field, 0, 0, end - step, kept, stride, count, r, loss, numbers, scratch)
    for i in range(end, at + width, WIDTH):
        one_up(field, i, 0, 0, 0, stride, count, r, loss, numbers, scratch)
        one_down(field, 0, 0, i, 0, stride, count, r, loss, numbers, scratch)


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
        for g in range(0, groups if axes & 1 else 0, TURNED):
            at = k * plane + g * WIDTH * row
            local_rows(field, at, row, min(TURNED, groups - g), tiles, r, loss, numbers[0], scratch)
        if axes & 2:
            local_columns(field, k * plane, tiles * WIDTH, row, ny, r, loss, numbers[1], scratch)


@kernel
def local_pillars(field, layout, first, last, r, loss, numbers, scratch):
    """`pillars` with resistance per voxel."""
    nz, _ny, nx, row, plane = layout
    for j in range(first, last):
        local_columns(field, j * row, -(-nx // WIDTH) * WIDTH, plane, nz, r, loss, numbers[2], scratch)
