"""The mean field of the same leaves: expected stage counts, patches and cargo, one stage resolved by growth count.

Traces read no count, so they run ahead of the fields, piece by piece (see `traces`). The fields (state: see `flows`)
follow by the explicit pair of Dormand and Prince, order 5(4), with rates at each stage's own calcium. Borders of
segments, outputs and pieces are step ends.
"""

import math

import numpy as np

NO_ERROR_YET = 1e-4

# Dormand and Prince 1980, order 5(4): rows 1..6 give the stages after the first, the last of them the result itself.
DP = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
WHEN = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


@whole
def field_slopes(y, ks, row, p, g, w, m, allowed, s, shed, plan, n, sums, flow, out, tail):
    """dy/dt, into row `row` of ks, for given cell-wide rates s and emissions."""
    width, growth_at, own = plan.growth_states, plan.growth_at, 0
    # 1. expected counts, and the rates they give
    if RESOLVED >= 0:
        own = N_FIELDS * width
        for f in range(N_FIELDS):
            sums[f] = total_of(y, f * width, width)
        for j in range(width):
            out[U(j)] = 0.0
    at = own
    for q in range(N_STAGES):
        if q == RESOLVED:
            n[q] = sums[ITEMS]
        else:
            n[q] = y[U(at)]
            at += N_FIELDS
    k = couple(p, g, w, s, n)
    for q in range(y.shape[0]):
        ks[row, q] = 0.0
    # 2. what happens to vesicles
    flows(y, ks, row, p, g, w, m, allowed, k, n, sums, flow, out, tail, width, growth_at)
    # 3. what leaves each class of the resolved stage, budding, emissions
    if RESOLVED >= 0:
        for f in range(N_FIELDS):
            for j in range(width):
                ks[row, U(f * width + j)] -= out[U(j)] * y[U(f * width + j)]
        ks[row, U(growth_at)] -= out[width - 1] * y[U(growth_at)]
    if N_FIELDS > 1:
        if RESOLVED >= 0:
            bud_inward(y, ks, row, m, BIRTH_W * width, BIRTH_IN * width, 2 * width)
        for at in range(own, growth_at, N_FIELDS):
            bud_inward(y, ks, row, m, at + BIRTH_W, at + BIRTH_IN, 2)
    if N_EMISSIONS > 0:
        for q in range(N_EMISSIONS):
            ks[row, U(growth_at + 1 + N_TOTALS + q)] = shed[q]


@whole
def stage_state(stage, h, y, ks, new):
    """y at one stage of a step, from the slopes of the stages before it; a loop each, so that each is vectorised."""
    size = y.shape[0]
    if stage == 1:
        for q in range(size):
            new[q] = y[q] + h * (DP[0][0] * ks[0, q])
    elif stage == 2:
        for q in range(size):
            new[q] = y[q] + h * (DP[1][0] * ks[0, q] + DP[1][1] * ks[1, q])
    elif stage == 3:
        for q in range(size):
            new[q] = y[q] + h * (DP[2][0] * ks[0, q] + DP[2][1] * ks[1, q] + DP[2][2] * ks[2, q])
    elif stage == 4:
        for q in range(size):
            early = DP[3][0] * ks[0, q] + DP[3][1] * ks[1, q]
            new[q] = y[q] + h * (early + DP[3][2] * ks[2, q] + DP[3][3] * ks[3, q])
    elif stage == 5:
        for q in range(size):
            early = DP[4][0] * ks[0, q] + DP[4][1] * ks[1, q] + DP[4][2] * ks[2, q]
            new[q] = y[q] + h * (early + DP[4][3] * ks[3, q] + DP[4][4] * ks[4, q])
    else:
        for q in range(size):
            early = DP[5][0] * ks[0, q] + DP[5][2] * ks[2, q]
            new[q] = y[q] + h * (early + DP[5][3] * ks[3, q] + DP[5][4] * ks[4, q] + DP[5][5] * ks[5, q])


@whole
def field_step(
    t, h, y, new, ks, held, p, g, w, m, allowed, s, shed, plan, n, sums, flow, out, tail, begin, span, piece, x
):  # fmt: skip
    """One step of y; `ks[0]` holds the slopes at its start. Returns its error as a multiple of the tolerance."""
    for stage in range(1, 7):
        stage_state(stage, h, y, ks, new)
        if not held:
            traces_at(piece, (t + WHEN[stage] * h - begin) / span, x)
            s, shed = refresh(p, g, w, x), emit(p, g, w, x)
        field_slopes(new, ks, stage, p, g, w, m, allowed, s, shed, plan, n, sums, flow, out, tail)
    worst = 0.0
    for q in range(y.shape[0]):
        error = ERROR[0] * ks[0, q] + ERROR[2] * ks[2, q] + ERROR[3] * ks[3, q]
        error += ERROR[4] * ks[4, q] + ERROR[5] * ks[5, q] + ERROR[6] * ks[6, q]
        error = h * abs(error) / (plan.absolute + plan.relative * max(abs(y[q]), abs(new[q])))
        if not error <= worst:
            worst = error if error == error else math.inf  # not a number counts as infinite
    return worst


@whole
def next_step(h, error, error_before):
    """Size of the next step: proportional-integral control (Gustafsson) after a good step, plain after a bad one."""
    if error <= 1.0:
        return h * min(STRETCH, max(SHRINK, SAFETY * (error + 1e-10) ** -0.14 * error_before**0.08))
    return h * max(SHRINK, SAFETY * error**-0.2) if error < math.inf else h * SHRINK


@whole
def first_field_step(y, ks):
    """A first step in which nothing moves by more than a set share of itself or of one item."""
    fastest = 0.0
    for q in range(y.shape[0]):
        fastest = max(fastest, abs(ks[0, q]) / (1.0 + abs(y[q])))
    return FIRST_MOVE / fastest if fastest > 0.0 else math.inf


@whole
def gates(p, g, w, plan, allowed):
    """What the growth count allows, for each gated event and class; the last class is filled in with its mean."""
    for e in range(N_EVENTS):
        if plan.gated[e]:
            for j in range(plan.growth_states):
                allowed[e, j] = gate(e, p, g, w, float(j))


@whole
def put(values, places):
    """Write a tuple into an array; the test lets a model have none, which has no element to index."""
    if len(values) > 0:
        for q in range(len(values)):
            places[q] = values[q]


@whole
def write_output(i, row, y, x, p, g, w, plan, out, states):
    """Expected counts, totals, traces and read-outs of one output time, and the whole state where there is room."""
    for s in range(N_STAGES):
        width = plan.growth_states if s == RESOLVED else 1
        out.count[i, row, s] = total_of(y, plan.place[s], width)
        if states.shape[0] > 0:
            for f in range(N_FIELDS):
                for j in range(width):
                    states[i, row, s, j, f] = y[plan.place[s] + f * width + j]
            if s == RESOLVED:
                states[i, row, s, width - 1, GROWTH_COUNT] = y[plan.growth_at]
    out.total[i, row, :] = y[plan.growth_at + 1 :]
    out.trace[i, row, :] = x
    put(read_outs(p, g, w, x), out.readout[i, row])


@whole
def run_set(
    i, p, time, base, x, plan, out, states, y, new, ks, allowed, n, sums, flow, leaving, tail, piece, at, stiff
):
    """Mean field of one parameter set from an empty cell; returns (time reached, whether it got to the end)."""
    # 1. an empty cell
    g = base * time.multiply[0] + time.add[0]
    w, given = prepare(p, g), time.given_at.shape[0] > 0
    m = membrane(p, g, w)
    s, shed = refresh(p, g, w, x), emit(p, g, w, x)
    y[:] = 0.0
    piece[:] = 0.0
    piece[0] = x
    t = time.begin[0]
    segment, border, begin, piece_end, trace_step, held = -1, t, t, t, 0.0, False
    step, error_before, jump = 0.0, NO_ERROR_YET, True
    for interval in range(time.first[0], time.first[1]):
        # 2. levels of this segment, and where it ends
        if time.segment[interval] != segment:
            segment = time.segment[interval]
            g[:] = base * time.multiply[segment] + time.add[segment]
            w = prepare(p, g)
            m = membrane(p, g, w)
            gates(p, g, w, plan, allowed)
            for later in range(interval, time.first[1]):
                if time.segment[later] == segment:
                    border = time.end[later]
            piece_end, trace_step, jump = t, 0.0, True
        end = time.end[interval]
        while t < end:
            # 3. the traces run ahead
            if t >= piece_end:
                begin, before = t, x[0]
                if given:
                    piece_end, held = curve_piece(time, x, t, border, piece)
                    jump = jump or abs(piece[0, 0] - before) > AT_REST * (abs(before) + plan.floor[0])
                else:
                    piece_end, trace_step, held = trace_piece(p, g, w, x, t, border, trace_step, plan, piece, stiff)
                    if not piece_end > t:
                        return t, False
                traces_at(piece, 0.0, at)
                s, shed = refresh(p, g, w, at), emit(p, g, w, at)
            if jump:
                field_slopes(y, ks, 0, p, g, w, m, allowed, s, shed, plan, n, sums, flow, leaving, tail)
                step, error_before, jump = first_field_step(y, ks), NO_ERROR_YET, False
            # 4. the fields follow, in equal steps to the next border
            stop = min(end, piece_end)
            parts = math.ceil((stop - t) / min(step, stop - t))
            h = (stop - t) / parts
            error = field_step(
                t, h, y, new, ks, held, p, g, w, m, allowed, s, shed, plan, n, sums, flow, leaving, tail,
                begin, piece_end - begin, piece, at,
            )  # fmt: skip
            proposed = next_step(h, error, error_before)
            if error <= 1.0:
                t = stop if parts == 1 else t + h
                y[:] = new
                ks[0] = ks[6]
                step, error_before = max(proposed, step if parts == 1 else 0.0), max(error, NO_ERROR_YET)
            else:
                step = proposed
                if step <= LEAST_STEP * (1.0 + abs(t)):
                    return t, False
        # 5. what is written at the interval's end
        if time.output[interval] >= 0:
            traces_at(piece, (t - begin) / (piece_end - begin) if piece_end > begin else 0.0, at)
            if given:
                at[0] = curve_at(time, t)[0]
            write_output(i, time.output[interval], y, at, p, g, w, plan, out, states)
    return t, True


@kernel
def run_sets(first, last, parameters, time, base, starts, plan, out, states):
    """Mean field of parameter sets first..last; returns (set, time) where one could not be followed, or (-1, 0)."""
    width = plan.growth_states
    length = plan.growth_at + 1 + N_TOTALS + N_EMISSIONS
    y, new, ks = np.empty(length), np.empty(length), np.empty((7, length))
    allowed, n, leaving = np.ones((N_EVENTS, width)), np.zeros(N_STAGES), np.zeros(width)
    sums, flow, tail = np.zeros(N_FIELDS), np.zeros(N_FIELDS), np.zeros(width + 1)
    piece, x, at = np.zeros((N_NODES + 1, N_TRACES)), np.empty(N_TRACES), np.empty(N_TRACES)
    stiff = (
        np.empty((SIZE, SIZE)), np.empty(SIZE, np.int64), np.empty(SIZE), np.empty(N_TRACES),
        np.empty((N_TRACES, N_TRACES)), np.empty((N_NODES, N_TRACES)), np.empty(N_TRACES),
    )  # fmt: skip
    for i in range(first, last):
        x[:] = starts[i]
        t, done = run_set(
            i, parameters[i], time, base[i], x, plan, out, states,
            y, new, ks, allowed, n, sums, flow, leaving, tail, piece, at, stiff,
        )  # fmt: skip
        if not done:
            return i, t
    return -1, 0.0
