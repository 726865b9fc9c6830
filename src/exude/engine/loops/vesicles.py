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
CARGO = 4  # place in `known` where cargo begins
BIRTH, MOVE, GROW, MERGE, RELEASE = 0, 1, 2, 3, 4  # as `exude.derive.leaves` numbers them; degradation is 5
FREE, NAMES = 0, 1  # places in a cell's book: free slots, next name
N_OWN_TOTALS = 9  # totals before those of emissions, as `exude.engine.layout` lists them
UNREAD = (-1, 0, 0, 0, -1, 0, 0, 0)  # stands for a vesicle that changes stage and is not read


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
def late_share(m, gap):
    """Lag, at the segment's start, of one patch that arrives `gap` after it: share inside at rest, not yet reached."""
    total = m[0] + m[1]
    return m[0] / total * math.exp(total * gap) if m[0] > 0.0 else 0.0


@njit(nogil=True, error_model="numpy")
def bear(v, slot, name, t, m, gap):
    """A newborn vesicle in a free slot."""
    v.growth[slot] = 0
    v.weight[slot, 0], v.weight[slot, 1] = m[2], 0.0
    v.lag[slot, 0], v.lag[slot, 1] = m[2] * late_share(m, gap), 0.0
    v.known[slot, :] = 0
    v.born[slot] = t
    v.name[slot] = name


@njit(nogil=True, error_model="numpy")
def grow(v, slot, steps, m, gap):
    """A Rab11 vesicle brings its patches."""
    v.growth[slot] += steps
    v.weight[slot, 1] += m[3]
    v.lag[slot, 1] += m[3] * late_share(m, gap)


@njit(nogil=True, error_model="numpy")
def unite(v, keep, slot):
    """Two vesicles become one, the older's birth kept; everything carried is a sum."""
    v.growth[keep] += v.growth[slot]
    v.born[keep] = min(v.born[keep], v.born[slot])
    for q in range(2):
        v.weight[keep, q] += v.weight[slot, q]
        v.lag[keep, q] += v.lag[slot, q]
    for q in range(8):
        v.known[keep, q] += v.known[slot, q]


@njit(nogil=True, error_model="numpy")
def read_vesicle(rng, v, slot, skin, gap):
    """Draw a vesicle's patches: inside, outside, cargo inside, cargo outside, each for birth and growth patches."""
    m, stay, join, was_read = skin
    decay = math.exp(-(m[0] + m[1]) * gap)
    now_stay, now_join = (flip(stay, m, gap), flip(join, m, gap)) if was_read else (0.0, 0.0)
    rng, in_b, out_b, c_b, d_b = read_patches(rng, v, slot, 0, m, decay, now_stay, now_join, was_read)
    rng, in_g, out_g, c_g, d_g = read_patches(rng, v, slot, 1, m, decay, now_stay, now_join, was_read)
    return rng, (in_b, out_b, in_g, out_g, c_b, d_b, c_g, d_g)


@njit(nogil=True, error_model="numpy")
def note(log, t, cell, v, slot, what, seen, diameter):
    """Write one row of a table; False where it is full. `seen` is what `read_vesicle` drew."""
    row = log.used[0]
    if row >= log.capacity:
        return False
    write_row(log, row, t, cell, v, slot, what, seen[0] + seen[2], seen[4] + seen[6], seen[1] + seen[3], diameter)
    log.used[0] = row + 1
    return True


@njit(nogil=True, error_model="numpy")
def run_events(i, rng, carry, t, stop, n, p, g, w, s, skin, t_base, v, total, book, events, log_moves):
    """Events until `stop` under constant calcium; returns (reason, stream, what is left of the exponential, counts)."""
    m = skin[0]
    k = couple(p, g, w, s, n)
    while True:
        # 1. when, and which kind
        a = total_rate(k, n)
        if a <= 0.0 or t + carry / a >= stop:
            return DONE, rng, carry - a * (stop - t), n
        t += carry / a
        rng, u = uniform(rng)
        carry = -math.log(u)
        rng, u = uniform(rng)
        event, within = choose(u * a, k, n)
        if event < 0:
            continue
        what, source, target = KIND[event], SOURCE[event], TARGET[event]
        if what == BIRTH:
            # 2. a birth
            if book[FREE] == 0:
                return POOL_FULL, rng, carry, n
            book[FREE] -= 1
            slot = v.free[book[FREE]]
            bear(v, slot, book[NAMES], t, m, t - t_base)
            book[NAMES] += 1
            v.members[target, n[target]] = slot
            total[0] += 1
        else:
            # 3. which vesicle, and whether it accepts
            place = min(int(within), n[source] - 1)
            if what == MERGE:
                place = min(int(within / (n[source] - 1)), n[source] - 1)
            slot = v.members[source, place]
            allowed = gate(event, p, g, w, v.growth[slot])
            if allowed < 1.0:
                rng, u = uniform(rng)
                if u >= allowed:
                    continue
            # 4. what it does
            if what == GROW:
                grow(v, slot, GROWTH[event], m, t - t_base)
                total[1] += 1
                continue
            if what == MERGE:
                rng, u = uniform(rng)
                other = int(u * (n[source] - 1))
                if other >= place:
                    other += 1
                unite(v, v.members[source, other], slot)
                total[2] += 1
            elif what == MOVE:
                v.members[target, n[target]] = slot
                if log_moves and not note(events, t, i, v, slot, event, UNREAD, m[6]):
                    return LOG_FULL, rng, carry, n
            else:
                rng, seen = read_vesicle(rng, v, slot, skin, t - t_base)
                column = 3 if what == RELEASE else 6
                total[column] += 1
                total[column + 1] += seen[0] + seen[2]
                total[column + 2] += seen[4] + seen[6]
                if events.capacity > 0 and not note(events, t, i, v, slot, event, seen, m[6]):
                    return LOG_FULL, rng, carry, n
            # 5. its place is filled by the last one
            v.members[source, place] = v.members[source, n[source] - 1]
            if what >= MERGE:
                v.free[book[FREE]] = slot
                book[FREE] += 1
        n = moved(event, n)
        if TOUCHES[event]:
            k = couple(p, g, w, s, n)


@njit(nogil=True, error_model="numpy")
def look(i, rng, t, v, n, skin, gap, reads):
    """Read every vesicle and keep what was drawn; returns (reason, stream)."""
    for q in range(N_STAGES):
        for j in range(n[q]):
            slot = v.members[q, j]
            rng, seen = read_vesicle(rng, v, slot, skin, gap)
            if not note(reads, t, i, v, slot, q, seen, skin[0][6]):
                return LOG_FULL, rng
            v.weight[slot, :] = 0.0
            v.lag[slot, :] = 0.0
            for place in range(8):
                v.known[slot, place] = seen[place]
    return DONE, rng


@njit(nogil=True, error_model="numpy")
def record(out, i, row, n, total, x, found):
    """Write counts, totals, traces and read-outs of one output time."""
    for q in range(N_STAGES):
        out.count[i, row, q] = n[q]
    out.total[i, row] = total
    out.trace[i, row] = x
    for q in range(out.readout.shape[2]):
        out.readout[i, row, q] = found[q]


@njit(nogil=True, error_model="numpy")
def run_cell(i, p, time, numerics, base, state, out, events, reads, v):
    """Run one cell through the timeline; the cell's state is written back only when it is done."""
    # 1. unpack the cell
    load(state, i, v)
    n = stage_tuple(state.count, i)
    rng, t, carry, step = state.rng[i], state.time[i], state.carry[i], state.step[i]
    t_base, stay, join = state.t_base[i], state.stay[i, 0], state.stay[i, 1]
    was_read = state.was_read[i]
    x, hazard, total = state.x[i].copy(), state.hazard[i].copy(), state.total[i].copy()
    new, mid, work = np.empty(N_TRACES), np.empty(N_TRACES), np.empty((3, max(N_TRACES, 2), N_TRACES))
    book = np.array([state.n_free[i], state.next_name[i]])
    used_before = events.used[0], reads.used[0]
    g = np.empty(base.shape[1])
    segment, w, m = -1, prepare(p, base[i]), membrane_tuple(state.membrane, i)
    reason = DONE
    for interval in range(time.first[0], time.first[1]):
        # 2. levels of this segment
        if time.segment[interval] != segment:
            segment = time.segment[interval]
            g[:] = base[i] * time.multiply[segment] + time.add[segment]
            w = prepare(p, g)
            fresh = membrane(p, g, w)
            if time.starts[interval]:
                gap = t - t_base
                rebase(v, n, m, fresh, math.exp(-(m[0] + m[1]) * gap))
                stay, join = flip(stay, m, gap), flip(join, m, gap)
                t_base = t
                step = numerics.first
            m = fresh
        end = time.end[interval]
        skin = (m, stay, join, was_read)
        # 3. calcium steps, and events within each
        while t < end and reason == DONE:
            advance, step = calcium_step(p, g, w, x, time, numerics, t, step, end - t, new, work)
            stop = t + advance if t + advance < end else end
            if end - stop < numerics.smallest:
                stop = end
            for q in range(N_TRACES):
                mid[q] = 0.5 * (x[q] + new[q])
            for q in range(N_EMISSIONS):
                hazard[q] += emit(p, g, w, mid)[q] * (stop - t)
            s = refresh(p, g, w, mid)
            reason, rng, carry, n = run_events(
                i, rng, carry, t, stop, n, p, g, w, s, skin, t_base, v, total, book, events, time.log_moves
            )
            t = stop
            x[:] = new
        # 4. what is written at the interval's end
        if (m[0] + m[1]) * (t - t_base) > REBASE:
            gap = t - t_base
            rebase(v, n, m, m, math.exp(-(m[0] + m[1]) * gap))
            stay, join = flip(stay, m, gap), flip(join, m, gap)
            t_base = t
        if time.output[interval] >= 0:
            for q in range(N_EMISSIONS):
                rng, shed = poisson(rng, hazard[q])
                hazard[q] = 0.0
                total[N_OWN_TOTALS + q] += shed
            record(out, i, time.output[interval], n, total, x, read_outs(p, g, w, x))
        if time.snapshot[interval] and reason == DONE:
            reason, rng = look(i, rng, t, v, n, (m, stay, join, was_read), t - t_base, reads)
            was_read, stay, join, t_base = True, 1.0, 0.0, t
        if reason != DONE:
            events.used[0], reads.used[0] = used_before
            return reason
    # 5. write the cell back
    store(state, i, v, n)
    state.n_free[i], state.next_name[i], state.rng[i] = book[FREE], book[NAMES], rng
    state.time[i], state.carry[i], state.step[i] = t, carry, step
    state.t_base[i], state.stay[i, 0], state.stay[i, 1] = t_base, stay, join
    state.was_read[i] = was_read
    for q in range(len(m)):
        state.membrane[i, q] = m[q]
    state.x[i], state.hazard[i], state.total[i] = x, hazard, total
    return DONE


@njit(nogil=True, error_model="numpy", cache=True)
def run_cells(first, last, p, time, numerics, base, state, out, events, reads, v):
    """Run cells first..last; returns (next cell to run, reason). A full buffer is a reason, never a truncation."""
    for i in range(first, last):
        reason = run_cell(i, p, time, numerics, base, state, out, events, reads, v)
        if reason != DONE:
            return i, reason
    return last, DONE
