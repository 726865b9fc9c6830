"""The vesicle-resolved event loop: every MVB an individual, exact in time for calcium held constant in each step.

Direct method (Gillespie 1977) over the kinds of events, the vesicle drawn by the remainder of the same number; a gate
on the vesicle's own growth count accepts or refuses (thinning). A unit exponential is carried across calcium steps
and outputs, so nothing is redrawn at a border. ILVs and cargo follow the law of the sum of independent patches and
are drawn when a vesicle is read.

Per vesicle: `weight[0]`, `weight[1]` mean patches brought at birth and by growth since the last read; `lag[0]`,
`lag[1]` what is missing to their stationary share inside, at the segment's start; `known` the integers of the last
read (inside and outside, birth and growth patches, then their cargo).
"""

import math

import numpy as np
from numba import njit

DONE, POOL_FULL, LOG_FULL = 0, 1, 2
REBASE = 50.0  # exp(50) still leaves 250 decades: the lag is rebased long before it can overflow
IN_BIRTH, OUT_BIRTH, IN_GROWTH, OUT_GROWTH, CARGO = 0, 1, 2, 3, 4


@njit(nogil=True, error_model="numpy")
def read_patches(rng, v, slot, kind, m, decay, stay, join, use_known):
    """Draw patches of one kind inside and outside, and the cargo of each side."""
    share = m[0] / (m[0] + m[1]) if m[0] > 0.0 else 0.0
    mean_in = max(0.0, share * v.weight[slot, kind] - v.lag[slot, kind] * decay)
    rng, inside = poisson(rng, mean_in)
    rng, outside = poisson(rng, max(0.0, v.weight[slot, kind] - mean_in))
    rng, cargo_in = poisson(rng, inside * m[4 + kind])
    rng, cargo_out = poisson(rng, outside * m[4 + kind])
    if use_known:
        for side, p in ((0, stay), (1, join)):
            old = v.known[slot, 2 * kind + side]
            cargo = v.known[slot, CARGO + 2 * kind + side]
            rng, now = binomial(rng, old, p)
            rng, cargo_now = binomial(rng, cargo, now / old if old > 0 else 0.0)
            inside += now
            outside += old - now
            cargo_in += cargo_now
            cargo_out += cargo - cargo_now
    return rng, inside, outside, cargo_in, cargo_out


@njit(nogil=True, error_model="numpy")
def rebase(v, n, m_old, m_new, decay):
    """Move the reference time of every vesicle's lag to now, under the old rates, for the new ones."""
    old = m_old[0] / (m_old[0] + m_old[1]) if m_old[0] > 0.0 else 0.0
    new = m_new[0] / (m_new[0] + m_new[1]) if m_new[0] > 0.0 else 0.0
    for s in range(N_STAGES):
        for j in range(n[s]):
            slot = v.members[s, j]
            for kind in range(2):
                inside = old * v.weight[slot, kind] - v.lag[slot, kind] * decay
                v.lag[slot, kind] = new * v.weight[slot, kind] - inside


@njit(nogil=True, error_model="numpy")
def flip(stay, m, elapsed):
    """Chance that a patch is inside after `elapsed`, from the chance at its start."""
    total = m[0] + m[1]
    if total <= 0.0:
        return stay
    share = m[0] / total
    return share + (stay - share) * math.exp(-total * elapsed)


@njit(nogil=True, error_model="numpy")
def write_row(log, row, t, cell, v, slot, what, ilv, cargo, patches, diameter):
    log.time[row] = t
    log.cell[row] = cell
    log.vesicle[row] = v.name[slot]
    log.what[row] = what
    log.ilv[row] = ilv
    log.cargo[row] = cargo
    log.growth[row] = v.growth[slot]
    log.age[row] = t - v.born[slot]
    log.diameter[row] = diameter * math.sqrt(max(patches, 1))


@njit(nogil=True, error_model="numpy")
def load(state, i, v):
    for s in range(N_STAGES):
        for j in range(state.count[i, s]):
            v.members[s, j] = state.members[i, s, j]
    v.growth[:] = state.growth[i]
    v.weight[:] = state.weight[i]
    v.lag[:] = state.lag[i]
    v.known[:] = state.known[i]
    v.born[:] = state.born[i]
    v.name[:] = state.name[i]
    v.free[:] = state.free[i]


@njit(nogil=True, error_model="numpy")
def store(state, i, v, n):
    for s in range(N_STAGES):
        state.count[i, s] = n[s]
        for j in range(n[s]):
            state.members[i, s, j] = v.members[s, j]
    state.growth[i] = v.growth
    state.weight[i] = v.weight
    state.lag[i] = v.lag
    state.known[i] = v.known
    state.born[i] = v.born
    state.name[i] = v.name
    state.free[i] = v.free


@njit(nogil=True, error_model="numpy")
def run_cell(i, p, time, numerics, base, state, out, events, reads, v):
    """Run one cell through the timeline; the cell's state is written back only when it is done."""
    # 1. unpack the cell
    load(state, i, v)
    n = stage_tuple(state.count, i)
    free, names, rng = state.n_free[i], state.next_name[i], state.rng[i]
    t, carry, step = state.time[i], state.carry[i], state.step[i]
    t_base, stay, join = state.t_base[i], state.stay[i, 0], state.stay[i, 1]
    was_read = state.was_read[i]
    x, new, work = state.x[i].copy(), np.empty(N_TRACES), np.empty((3, max(N_TRACES, 2), N_TRACES))
    mid, hazard = np.empty(N_TRACES), state.hazard[i].copy()
    total = state.total[i].copy()
    e_row, r_row = events.used[0], reads.used[0]
    g = np.empty(base.shape[1])
    segment, w, m = -1, prepare(p, base[i]), membrane_tuple(state.membrane, i)
    for interval in range(time.first[0], time.first[1]):
        # 2. levels of this segment
        if time.segment[interval] != segment:
            segment = time.segment[interval]
            for q in range(g.shape[0]):
                g[q] = base[i, q] * time.multiply[segment, q] + time.add[segment, q]
            w = prepare(p, g)
            fresh = membrane(p, g, w)
            if time.starts[interval]:
                gap = t - t_base
                rebase(v, n, m, fresh, math.exp(-(m[0] + m[1]) * gap))
                stay, join = flip(stay, m, gap), flip(join, m, gap)
                t_base = t
                step = numerics.first
            m = fresh
        turnover = m[0] + m[1]
        end = time.end[interval]
        # 3. calcium steps, and events within each
        while t < end:
            advance, step = calcium_step(p, g, w, x, time, numerics, t, step, end - t, new, work)
            stop = t + advance if t + advance < end else end
            if end - stop < numerics.smallest:
                stop = end
            for q in range(N_TRACES):
                mid[q] = 0.5 * (x[q] + new[q])
            for q in range(N_EMISSIONS):
                hazard[q] += emit(p, g, w, mid)[q] * (stop - t)
            s = refresh(p, g, w, mid)
            k = couple(p, g, w, s, n)
            while True:
                a = total_rate(k, n)
                if a <= 0.0 or t + carry / a >= stop:
                    carry -= a * (stop - t)
                    t = stop
                    break
                t += carry / a
                rng, u = uniform(rng)
                carry = -math.log(u)
                rng, u = uniform(rng)
                event, within = choose(u * a, k, n)
                if event < 0:
                    continue
                # 4. one event
                what, source = KIND[event], SOURCE[event]
                if what == 0:
                    if free == 0:
                        return POOL_FULL
                    free -= 1
                    slot = v.free[free]
                    v.members[TARGET[event], n[TARGET[event]]] = slot
                    v.growth[slot] = 0
                    v.weight[slot, 0], v.weight[slot, 1] = m[2], 0.0
                    v.lag[slot, 0] = m[0] / turnover * m[2] * math.exp(turnover * (t - t_base)) if m[0] > 0.0 else 0.0
                    v.lag[slot, 1] = 0.0
                    v.known[slot, :] = 0
                    v.born[slot] = t
                    v.name[slot] = names
                    names += 1
                    n = moved(event, n)
                    total[0] += 1
                    if TOUCHES[event]:
                        k = couple(p, g, w, s, n)
                    continue
                place = min(int(within), n[source] - 1)
                if what == 3:
                    place = min(int(within / (n[source] - 1)), n[source] - 1)
                slot = v.members[source, place]
                allowed = gate(event, p, g, w, v.growth[slot])
                if allowed < 1.0:
                    rng, u = uniform(rng)
                    if u >= allowed:
                        continue
                if what == 2:
                    v.growth[slot] += GROWTH[event]
                    v.weight[slot, 1] += m[3]
                    if m[0] > 0.0:
                        v.lag[slot, 1] += m[0] / turnover * m[3] * math.exp(turnover * (t - t_base))
                    total[1] += 1
                    continue
                if what == 3:
                    rng, u = uniform(rng)
                    other = int(u * (n[source] - 1))
                    if other >= place:
                        other += 1
                    keep = v.members[source, other]
                    v.growth[keep] += v.growth[slot]
                    v.born[keep] = min(v.born[keep], v.born[slot])
                    for q in range(2):
                        v.weight[keep, q] += v.weight[slot, q]
                        v.lag[keep, q] += v.lag[slot, q]
                    for q in range(8):
                        v.known[keep, q] += v.known[slot, q]
                    total[2] += 1
                if what >= 4:
                    gap = t - t_base
                    decay = math.exp(-turnover * gap)
                    now_stay, now_join = (flip(stay, m, gap), flip(join, m, gap)) if was_read else (0.0, 0.0)
                    rng, in_b, out_b, c_b, _ = read_patches(rng, v, slot, 0, m, decay, now_stay, now_join, was_read)
                    rng, in_g, out_g, c_g, _ = read_patches(rng, v, slot, 1, m, decay, now_stay, now_join, was_read)
                    column = 3 if what == 4 else 6
                    total[column] += 1
                    total[column + 1] += in_b + in_g
                    total[column + 2] += c_b + c_g
                    if events.capacity > 0:
                        if e_row >= events.capacity:
                            return LOG_FULL
                        write_row(events, e_row, t, i, v, slot, event, in_b + in_g, c_b + c_g, out_b + out_g, m[6])
                        e_row += 1
                elif what == 1:
                    v.members[TARGET[event], n[TARGET[event]]] = slot
                    if events.capacity > 0 and time.log_moves:
                        if e_row >= events.capacity:
                            return LOG_FULL
                        write_row(events, e_row, t, i, v, slot, event, -1, -1, 0, m[6])
                        e_row += 1
                v.members[source, place] = v.members[source, n[source] - 1]
                if what >= 3:
                    v.free[free] = slot
                    free += 1
                n = moved(event, n)
                if TOUCHES[event]:
                    k = couple(p, g, w, s, n)
            x[:] = new
        # 5. outputs at the interval's end
        if turnover * (t - t_base) > REBASE:
            gap = t - t_base
            rebase(v, n, m, m, math.exp(-turnover * gap))
            stay, join = flip(stay, m, gap), flip(join, m, gap)
            t_base = t
        row = time.output[interval]
        if row >= 0:
            for q in range(N_EMISSIONS):
                rng, shed = poisson(rng, hazard[q])
                hazard[q] = 0.0
                total[9 + q] += shed
            for q in range(N_STAGES):
                out.count[i, row, q] = n[q]
            for q in range(total.shape[0]):
                out.total[i, row, q] = total[q]
            for q in range(N_TRACES):
                out.trace[i, row, q] = x[q]
            found = read_outs(p, g, w, x)
            for q in range(out.readout.shape[2]):
                out.readout[i, row, q] = found[q]
        if time.snapshot[interval]:
            gap = t - t_base
            decay = math.exp(-turnover * gap)
            now_stay, now_join = flip(stay, m, gap), flip(join, m, gap)
            for q in range(N_STAGES):
                for j in range(n[q]):
                    if r_row >= reads.capacity:
                        return LOG_FULL
                    slot = v.members[q, j]
                    rng, in_b, out_b, c_b, d_b = read_patches(rng, v, slot, 0, m, decay, now_stay, now_join, was_read)
                    rng, in_g, out_g, c_g, d_g = read_patches(rng, v, slot, 1, m, decay, now_stay, now_join, was_read)
                    write_row(reads, r_row, t, i, v, slot, q, in_b + in_g, c_b + c_g, out_b + out_g, m[6])
                    r_row += 1
                    v.weight[slot, :] = 0.0
                    v.lag[slot, :] = 0.0
                    v.known[slot, 0], v.known[slot, 1], v.known[slot, 2], v.known[slot, 3] = in_b, out_b, in_g, out_g
                    v.known[slot, 4], v.known[slot, 5], v.known[slot, 6], v.known[slot, 7] = c_b, d_b, c_g, d_g
            was_read, stay, join, t_base = True, 1.0, 0.0, t
    # 6. write the cell back
    store(state, i, v, n)
    state.n_free[i], state.next_name[i], state.rng[i] = free, names, rng
    state.time[i], state.carry[i], state.step[i] = t, carry, step
    state.t_base[i], state.stay[i, 0], state.stay[i, 1] = t_base, stay, join
    state.was_read[i] = was_read
    for q in range(7):
        state.membrane[i, q] = m[q]
    state.x[i] = x
    state.hazard[i] = hazard
    state.total[i] = total
    events.used[0], reads.used[0] = e_row, r_row
    return DONE


@njit(nogil=True, error_model="numpy", cache=True)
def run_cells(first, last, p, time, numerics, base, state, out, events, reads, v):
    """Run cells first..last; returns (next cell to run, reason). A full buffer is a reason, never a truncation."""
    for i in range(first, last):
        reason = run_cell(i, p, time, numerics, base, state, out, events, reads, v)
        if reason != DONE:
            return i, reason
    return last, DONE
