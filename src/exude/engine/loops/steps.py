"""A cell's steps of constant rates, laid out once for all its lives (see `lives.py`, with which this is built)."""

import math


@leaf
def add_step(table, begin, end, k):
    """One step of constant rates; False where the table is full."""
    step = table.n[0]
    if step >= table.begin.shape[0]:
        return False
    table.begin[step], table.end[step], table.look[step] = begin, end, False
    for stage in range(N_STAGES):
        here = (step * N_STAGES + stage) * N_WAYS
        total = 0.0
        for q in range(N_LEADING[stage]):
            total += k[OUT[stage, q]]
            table.ways[here + SHARE + q] = total
        table.ways[here + OUT_RATE] = total
        table.ways[here + MEAN] = 1.0 / total if total > 0.0 else math.inf
        for q in range(N_OUT):
            used = q < N_LEADING[stage] - 1 and total > 0.0
            table.ways[here + SHARE + q] = table.ways[here + SHARE + q] / total if used else math.inf
    total = 0.0
    for q in range(N_BIRTHS):
        total += k[BIRTH_EVENT[q]]
        table.birth_until[step, q] = total
    table.birth[step] = total
    for q in range(N_BIRTHS):
        table.birth_until[step, q] = table.birth_until[step, q] / total if total > 0.0 else math.inf
    table.n[0] = step + 1
    return True


@whole
def lay_out(i, p, time, numerics, base, state, out, table, v):
    """The cell's steps, and what is recorded of its traces; x, hazard, emitted and the stream of emissions move on."""
    x, new, mid, work, g, hazard = v.x, v.new, v.mid, v.work, v.levels, v.hazard
    x[:], hazard[:] = state.x[i], state.hazard[i]
    rng, t, step, still = state.emission_stream[i], state.time[i], state.step[i], -math.inf
    segment, w, row = -1, prepare(p, base[i]), 0
    shed = emit(p, base[i], w, x)
    table.n[0] = 0
    for interval in range(time.first[0], time.first[1]):
        if time.segment[interval] != segment:
            segment, still = time.segment[interval], -math.inf
            g[:] = base[i] * time.multiply[segment] + time.add[segment]
            w = prepare(p, g)
            if time.starts[interval]:
                step = numerics.first
        end = time.end[interval]
        if table.n[0] == 0:  # a step of no length, so that there is one to begin in however short the timeline
            k = couple(p, g, w, refresh(p, g, w, x), stage_tuple(v.nobody, 0))
            add_step(table, t, t, k)
        while t < end:
            stop = min(end, still)
            if t >= still:
                advance, step, still = calcium_step(p, g, w, x, time, numerics, t, step, end - t, new, work)
                stop = min(end, still) if still > t else min(end, t + advance)
                if end - stop < numerics.smallest:
                    stop = end
                for q in range(N_TRACES):
                    mid[q] = 0.5 * (x[q] + new[q])
                shed = emit(p, g, w, mid)
                k = couple(p, g, w, refresh(p, g, w, mid), stage_tuple(v.nobody, 0))
                if not add_step(table, t, stop, k):
                    return TABLE_FULL, rng, t, step
                x[:] = new
            table.end[table.n[0] - 1] = stop
            for q in range(N_EMISSIONS):
                hazard[q] += shed[q] * (stop - t)
            t = stop
        if time.output[interval] >= 0:
            out.trace[i, time.output[interval]] = x
            found = read_outs(p, g, w, x)
            for q in range(out.readout.shape[2]):
                out.readout[i, time.output[interval], q] = found[q]
            for q in range(N_EMISSIONS):
                rng, particles = poisson(rng, hazard[q])
                hazard[q] = 0.0
                v.shed[row, q] += particles
            row += 1
        if time.snapshot[interval] > 0:
            table.look[table.n[0] - 1], still = True, -math.inf
    return DONE, rng, t, step
