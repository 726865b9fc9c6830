"""What each kind of transition does to the expected contents of its stages; `exude.derive.flows` writes the calls.

State y, flat: for each stage its fields, each over the stage's growth classes; the resolved stage first, the others in
declared order; then the total growth count of the last class of the resolved stage; then cumulative totals and
emissions. Classes 0..R-2 of the resolved stage hold one growth count each, its last class every count from R-1 on;
other stages have one class. Fields: items, birth patches, growth patches, both of them inside.
Slopes go into row `row` of ks. What empties every class of the resolved stage is gathered in `out` and taken at once.
"""

import numpy as np

ITEMS, BIRTH_W, GROWTH_W, BIRTH_IN, GROWTH_IN, GROWTH_COUNT = 0, 1, 2, 3, 4, 5
N_TOTALS = 9
U = np.uintp  # an unsigned index needs no test for a negative one, which would cost more than the sum itself


@whole
def total_of(y, at, width):
    """Sum of `width` values from `at` on, in four partial sums: the same bits on every machine, and fast."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = width - width % 4
    for j in range(0, whole, 4):
        a += y[U(at + j)]
        b += y[U(at + j + 1)]
        c += y[U(at + j + 2)]
        d += y[U(at + j + 3)]
    for j in range(whole, width):
        a += y[U(at + j)]
    return (a + b) + (c + d)


@whole
def born(ks, row, rate, m, at, width, totals_at):
    """New vesicles with their birth patches, in class 0."""
    ks[row, U(at)] += rate
    ks[row, U(totals_at)] += rate
    if N_FIELDS > 1:
        ks[row, U(at + BIRTH_W * width)] += rate * m[2]


@whole
def leave_one(y, ks, row, rate, at, flow):
    """Vesicles leave a stage of one class with all they hold."""
    for f in range(N_FIELDS):
        flow[f] = rate * y[U(at + f)]
        ks[row, U(at + f)] -= flow[f]


@whole
def leave(rate, sums, flow, out, width):
    """Vesicles leave the resolved stage; `out` gathers the rates at which its classes empty."""
    for f in range(N_FIELDS):
        flow[f] = rate * sums[f]
    for j in range(width):
        out[U(j)] += rate


@whole
def gated_leave(y, ks, row, e, rate, p, g, w, allowed, flow, out, width, growth_at):
    """The same through a gate: at the growth count itself, in the last class at the mean one."""
    last = y[U(width - 1)]
    mean = max(width - 1.0, y[U(growth_at)] / last) if last > 0.0 else width - 1.0
    allowed[e, width - 1] = gate(e, p, g, w, mean)
    for f in range(N_FIELDS):
        flow[f] = 0.0
    for j in range(width):
        here = rate * allowed[e, U(j)]
        out[U(j)] += here
        for f in range(N_FIELDS):
            flow[f] += here * y[U(f * width + j)]


@whole
def arrive(ks, row, flow, at, width):
    """What left one stage comes to another; back in the resolved stage a vesicle counts as a new one (closure)."""
    for f in range(N_FIELDS):
        ks[row, U(at + f * width)] += flow[f]


@whole
def leave_cell(ks, row, flow, m, column):
    """What left by fusion with the plasma membrane or a lysosome: vesicles, patches inside and cargo on them."""
    ks[row, U(column)] += flow[ITEMS]
    if N_FIELDS > 1:
        ks[row, U(column + 1)] += flow[BIRTH_IN] + flow[GROWTH_IN]
        ks[row, U(column + 2)] += m[4] * flow[BIRTH_IN] + m[5] * flow[GROWTH_IN]


@whole
def take_up_one(ks, row, rate, m, at, number):
    """Rab11 vesicles fuse with those of a stage whose growth count is not resolved: only their patches are kept."""
    if N_FIELDS > 1:
        ks[row, U(at + GROWTH_W)] += rate * m[3] * number


@whole
def take_up(y, ks, row, rate, by, m, width, growth_at, out):
    """Rab11 vesicles fuse with those of the resolved stage: growth count + `by`, and the patches they bring."""
    top = width - 1
    first = max(0, top - by)
    for j in range(top):
        out[U(j)] += rate
    for f in range(N_FIELDS):
        at = f * width
        for j in range(first):
            ks[row, U(at + by + j)] += rate * y[U(at + j)]
        for j in range(first, top):
            ks[row, U(at + top)] += rate * y[U(at + j)]
    for j in range(first, top):
        ks[row, U(growth_at)] += rate * (j + by) * y[U(j)]
    ks[row, U(growth_at)] += rate * by * y[U(top)]
    if N_FIELDS > 1:
        at = GROWTH_W * width
        for j in range(first):
            ks[row, U(at + by + j)] += rate * m[3] * y[U(j)]
        for j in range(first, width):
            ks[row, U(at + top)] += rate * m[3] * y[U(j)]


@whole
def merge_one(ks, row, rate, at, number):
    """Two vesicles of a stage of one class become one."""
    ks[row, U(at)] -= rate * number * number


@whole
def merge(y, ks, row, rate, width, growth_at, number, out, tail):
    """Mergers within the resolved stage, pairs taken as independent (closure): `tail[j]` have a count of at least j."""
    top = width - 1
    tail[width] = 0.0
    for j in range(top, -1, -1):
        tail[U(j)] = tail[U(j + 1)] + y[U(j)]
        out[U(j)] += 2.0 * rate * number
    pairs_below(y, ks, row, rate, width)
    for f in range(N_FIELDS):
        lumped = 0.0
        for j in range(width):
            lumped += y[U(f * width + j)] * tail[U(top - j)]
        ks[row, U(f * width + top)] += (rate if f == ITEMS else 2.0 * rate) * lumped
    lumped = y[U(growth_at)] * number
    for j in range(top):
        lumped += j * y[U(j)] * tail[U(top - j)]
    ks[row, U(growth_at)] += 2.0 * rate * lumped


@whole
def pairs_below(y, ks, row, rate, width):
    """Mergers whose growth counts add up to less than the last class, count by count; all fields in one pass."""
    for j in range(width - 1):
        a, b, c, d, e = 0.0, 0.0, 0.0, 0.0, 0.0
        if N_FIELDS > 1:
            for one in range(j + 1):
                partners = y[U(j - one)]
                a += partners * y[U(one)]
                b += partners * y[U(width + one)]
                c += partners * y[U(2 * width + one)]
                d += partners * y[U(3 * width + one)]
                e += partners * y[U(4 * width + one)]
            ks[row, U(width + j)] += 2.0 * rate * b
            ks[row, U(2 * width + j)] += 2.0 * rate * c
            ks[row, U(3 * width + j)] += 2.0 * rate * d
            ks[row, U(4 * width + j)] += 2.0 * rate * e
        else:
            for one in range(j + 1):
                a += y[U(j - one)] * y[U(one)]
        ks[row, U(j)] += rate * a


@whole
def bud_inward(y, ks, row, m, patches, inside, size):
    """Patches bud inward and fuse back."""
    for j in range(size):
        ks[row, U(inside + j)] += m[0] * (y[U(patches + j)] - y[U(inside + j)]) - m[1] * y[U(inside + j)]
