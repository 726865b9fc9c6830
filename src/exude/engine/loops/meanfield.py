"""The mean field of the same leaves: expected stage counts, patches and cargo, one stage resolved by growth count.

State y, in this order: for each growth count 0..R-1 of the resolved stage the expected number, the mean birth patches,
the mean birth patches inside and the mean growth patches inside; then for each other stage number, birth patches,
growth patches, birth patches inside, growth patches inside; then the cumulative totals. Vesicles of the resolved stage
whose growth count reaches R - 1 stay there: their number is returned so that R can be judged.
Exact for given cell-wide rates except mergers and rates that read counts, which see expected counts (closures).
"""

import numpy as np
from numba import njit

ITEMS, BIRTH_W, GROWTH_W, BIRTH_IN, GROWTH_IN = 0, 1, 2, 3, 4
N_TOTALS = 9
SAFETY, SHRINK, STRETCH = 0.9, 0.2, 5.0


@njit(nogil=True, error_model="numpy")
def expected_counts(y, n, top):
    """Expected number in each stage."""
    for s in range(N_STAGES):
        n[s] = 0.0
        for j in range(top if s == RESOLVED else 1):
            n[s] += y[s, j, ITEMS]


@njit(nogil=True, error_model="numpy")
def move(y, dy, s, j, to, to_j, rate, fields):
    """Flow of a vesicle's expected contents at `rate` per vesicle from (s, j) to (to, to_j); `to` < 0 leaves."""
    for f in range(fields):
        flow = rate * y[s, j, f]
        dy[s, j, f] -= flow
        if to >= 0:
            dy[to, to_j, f] += flow


@njit(nogil=True, error_model="numpy")
def field_slopes(y, totals, dy, dtotals, p, g, w, k, m, top):
    """dy/dt and d totals/dt for rates k held constant but for the counts already in them."""
    dy[:] = 0.0
    dtotals[:] = 0.0
    for s in range(N_STAGES):
        for j in range(top if s == RESOLVED else 1):
            for f in range(2):
                dy[s, j, BIRTH_IN + f] += m[0] * (y[s, j, BIRTH_W + f] - y[s, j, BIRTH_IN + f])
                dy[s, j, BIRTH_IN + f] -= m[1] * y[s, j, BIRTH_IN + f]
    for e in range(N_EVENTS):
        what, s, to = KIND[e], SOURCE[e], TARGET[e]
        if what == 0:
            dy[to, 0, ITEMS] += k[e]
            dy[to, 0, BIRTH_W] += k[e] * m[2]
            dtotals[0] += k[e]
        elif what == 2:
            for j in range(top):
                up = min(j + GROWTH[e], top - 1)
                move(y, dy, s, j, s, up, k[e], 5)
                dy[s, up, GROWTH_W] += k[e] * m[3] * y[s, j, ITEMS]
                dtotals[1] += k[e] * y[s, j, ITEMS]
        elif what == 3:
            merge(y, dy, dtotals, s, k[e], top)
        else:
            for j in range(top if s == RESOLVED else 1):
                rate = k[e] * gate(e, p, g, w, j)
                move(y, dy, s, j, to, 0, rate, 5)
                if what >= 4:
                    column = 3 if what == 4 else 6
                    dtotals[column] += rate * y[s, j, ITEMS]
                    dtotals[column + 1] += rate * (y[s, j, BIRTH_IN] + y[s, j, GROWTH_IN])
                    dtotals[column + 2] += rate * (m[4] * y[s, j, BIRTH_IN] + m[5] * y[s, j, GROWTH_IN])


@njit(nogil=True, error_model="numpy")
def merge(y, dy, dtotals, s, k, top):
    """Mergers within the resolved stage, pairs taken as independent (closure)."""
    number = 0.0
    last = 0
    for j in range(top):
        number += y[s, j, ITEMS]
        if y[s, j, ITEMS] > 0.0:
            last = j
    for j in range(last + 1):
        move(y, dy, s, j, -1, 0, 2.0 * k * number, 5)
    for a in range(last + 1):
        for b in range(last + 1):
            to = min(a + b, top - 1)
            dy[s, to, ITEMS] += k * y[s, a, ITEMS] * y[s, b, ITEMS]
            for f in range(1, 5):
                dy[s, to, f] += k * (y[s, a, f] * y[s, b, ITEMS] + y[s, a, ITEMS] * y[s, b, f])
    dtotals[2] += k * number * number


@njit(nogil=True, error_model="numpy")
def slopes_at(y, totals, dy, dtotals, n, p, g, w, s, m, top):
    expected_counts(y, n, top)
    field_slopes(y, totals, dy, dtotals, p, g, w, couple(p, g, w, s, stage_tuple(n.reshape(1, N_STAGES), 0)), m, top)


@njit(nogil=True, error_model="numpy")
def advance_field(y, totals, span, step, p, g, w, s, m, tolerance, top, d1, d2, d3, d4, e1, e2, e3, e4, y2, n):
    """Bogacki-Shampine 3(2) over `span` with rates' calcium part held; returns the next step."""
    done = 0.0
    while done < span:
        last = done + step >= span
        h = span - done if last else step
        slopes_at(y, totals, d1, e1, n, p, g, w, s, m, top)
        y2[:] = y + h / 2.0 * d1
        slopes_at(y2, totals, d2, e2, n, p, g, w, s, m, top)
        y2[:] = y + 3.0 * h / 4.0 * d2
        slopes_at(y2, totals, d3, e3, n, p, g, w, s, m, top)
        y2[:] = y + h / 9.0 * (2.0 * d1 + 3.0 * d2 + 4.0 * d3)
        slopes_at(y2, totals, d4, e4, n, p, g, w, s, m, top)
        worst = 0.0
        for a in range(y.shape[0]):
            for j in range(top if a == RESOLVED else 1):
                for f in range(5):
                    error = h * abs(-5.0 * d1[a, j, f] / 72 + d2[a, j, f] / 12 + d3[a, j, f] / 9 - d4[a, j, f] / 8)
                    worst = max(worst, error / (tolerance * (1.0 + abs(y2[a, j, f]))))
        if worst <= 1.0:
            y[:] = y2
            totals += h / 9.0 * (2.0 * e1 + 3.0 * e2 + 4.0 * e3)
            done = span if last else done + h
        stretch = min(STRETCH, max(SHRINK, SAFETY * (worst + 1e-12) ** (-1.0 / 3.0)))
        if not last or worst > 1.0 or stretch < 1.0:
            step = h * stretch
    return step


@njit(nogil=True, error_model="numpy", cache=True)
def run_field(p, time, numerics, base, x, y, totals, hazard, out):
    """Mean field of one cell with levels `base` along the timeline; x, y, totals and hazard are updated in place."""
    top = y.shape[1]
    shape = y.shape
    d1, d2, d3, d4, y2 = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    e1, e2, e3, e4 = np.empty(N_TOTALS), np.empty(N_TOTALS), np.empty(N_TOTALS), np.empty(N_TOTALS)
    n, new, mid = np.empty(N_STAGES), np.empty(N_TRACES), np.empty(N_TRACES)
    work = np.empty((3, max(N_TRACES, 2), N_TRACES))
    g = np.empty(base.shape[0])
    segment, w, m = -1, prepare(p, base), membrane(p, base, prepare(p, base))
    t, step, field_step = time.begin[0], numerics.first, numerics.first
    for interval in range(time.first[0], time.first[1]):
        if time.segment[interval] != segment:
            segment = time.segment[interval]
            for q in range(g.shape[0]):
                g[q] = base[q] * time.multiply[segment, q] + time.add[segment, q]
            w = prepare(p, g)
            m = membrane(p, g, w)
            step = numerics.first
        end = time.end[interval]
        while t < end:
            span, step = calcium_step(p, g, w, x, time, numerics, t, step, end - t, new, work)
            if end - (t + span) < numerics.smallest:
                span = end - t
            for q in range(N_TRACES):
                mid[q] = 0.5 * (x[q] + new[q])
            for q in range(N_EMISSIONS):
                hazard[q] += emit(p, g, w, mid)[q] * span
            s = refresh(p, g, w, mid)
            field_step = advance_field(
                y, totals, span, field_step, p, g, w, s, m, numerics.field, top, d1, d2, d3, d4, e1, e2, e3, e4, y2, n
            )
            x[:] = new
            t = end if span == end - t else t + span
        row = time.output[interval]
        if row >= 0:
            expected_counts(y, n, top)
            out.count[0, row, :] = n
            for q in range(N_TOTALS):
                out.total[0, row, q] = totals[q]
            for q in range(N_EMISSIONS):
                out.total[0, row, N_TOTALS + q] = hazard[q]
            out.trace[0, row, :] = x
            found = read_outs(p, g, w, x)
            for q in range(out.readout.shape[2]):
                out.readout[0, row, q] = found[q]
