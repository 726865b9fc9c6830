"""The vesicle-resolved event loop: every MVB an individual, exact in time for calcium held constant in each step.

Direct method (Gillespie 1977) over the kinds of events, the vesicle drawn uniformly from its stage; a gate on the
vesicle's own growth count accepts or refuses (thinning). A unit exponential is carried across calcium steps and
outputs, so nothing is redrawn at a border. ILVs and cargo follow the law of the sum of independent patches and are
drawn when a vesicle is read. What an event does is one unrolled leaf, `happen`; it calls the helpers here.

Per vesicle: `weight[0]`, `weight[1]` mean patches brought at birth and by growth since the last read; `lag[0]`,
`lag[1]` what is missing to their stationary share inside, at the segment's start; `known` the integers of the last
read (inside and outside, birth and growth patches, then their cargo).
"""

import math

import numpy as np

DONE, POOL_FULL, LOG_FULL = 0, 1, 2
REBASE = 50.0  # exp(50) still leaves 250 decades: the lag is rebased long before it can overflow
CARGO = 4  # place in `known` where cargo begins
FREE, NAMES, ONLY_FUSIONS = 0, 1, 2  # places in a cell's book: free slots, next name, whether only fusions get a row
FUSIONS = 3  # total where fusions begin
N_OWN_TOTALS = 9  # totals before those of emissions, as `exude.engine.layout` lists them
SIDE, SIDE_SHIFT = np.uint64(1 << 35), np.uint64(12)  # half of a cell's stretch, 4096 draws for each leaving vesicle
UNREAD = (-1, 0, 0, 0, -1, 0, 0, 0)  # stands for a vesicle that changes stage and is not read


@leaf
def mean_inside(v, slot, kind, skin, gap):
    """Mean number of patches of one kind inside, of those that came since the last read."""
    m = skin[0]
    share = m[0] / (m[0] + m[1]) if m[0] > 0.0 else 0.0
    return max(0.0, share * v.weight[slot, kind] - v.lag[slot, kind] * exp(-(m[0] + m[1]) * gap))


@leaf
def draw_inside(rng, v, slot, kind, skin, gap):
    """Draw patches of one kind inside and their cargo; of those known from a read also what is now outside."""
    m, stay, join, was_read = skin
    rng, patches = poisson(rng, mean_inside(v, slot, kind, skin, gap))
    rng, cargo = poisson(rng, patches * m[4 + kind])
    patches_out, cargo_out = 0, 0
    if was_read:
        for place, p in ((0, flip(stay, m, gap)), (1, flip(join, m, gap))):
            known = v.known[slot, 2 * kind + place]
            known_cargo = v.known[slot, CARGO + 2 * kind + place]
            rng, now = binomial(rng, known, p)
            rng, cargo_now = binomial(rng, known_cargo, now / known if known > 0 else 0.0)
            patches += now
            cargo += cargo_now
            patches_out += known - now
            cargo_out += known_cargo - cargo_now
    return rng, patches, cargo, patches_out, cargo_out


@leaf
def draw_outside(rng, v, slot, kind, skin, gap):
    """Draw patches of one kind in the limiting membrane, of those that came since the last read, and their cargo."""
    rng, patches = poisson(rng, max(0.0, v.weight[slot, kind] - mean_inside(v, slot, kind, skin, gap)))
    rng, cargo = poisson(rng, patches * skin[0][4 + kind])
    return rng, patches, cargo


@leaf
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


@leaf
def flip(stay, m, elapsed):
    """Chance that a patch is inside after `elapsed`, from the chance at its start."""
    total = m[0] + m[1]
    if total <= 0.0:
        return stay
    share = m[0] / total
    return share + (stay - share) * exp(-total * elapsed)


@leaf
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


@leaf
def late_share(m, gap):
    """Lag, at the segment's start, of one patch that arrives `gap` after it: share inside at rest, not yet reached."""
    total = m[0] + m[1]
    return m[0] / total * exp(total * gap) if m[0] > 0.0 else 0.0


@inlined
def bear(v, stage, place, t, skin, gap, total, book):
    """A newborn vesicle takes a free slot; False where there is none."""
    if book[FREE] == 0:
        return False
    book[FREE] -= 1
    slot = v.free[book[FREE]]
    v.members[stage, place] = slot
    v.born[slot] = t
    v.name[slot] = book[NAMES]
    book[NAMES] += 1
    total[0] += 1
    v.growth[slot] = 0
    if HAS_MEMBRANE:
        m = skin[0]
        v.weight[slot, 0], v.weight[slot, 1] = m[2], 0.0
        v.lag[slot, 0], v.lag[slot, 1] = m[2] * late_share(m, gap), 0.0
        if skin[3]:
            v.known[slot, :] = 0
    return True


@inlined
def grow(v, slot, steps, skin, gap, total):
    """A Rab11 vesicle brings its patches."""
    total[1] += 1
    v.growth[slot] += steps
    if HAS_MEMBRANE:
        m = skin[0]
        v.weight[slot, 1] += m[3]
        v.lag[slot, 1] += m[3] * late_share(m, gap)


@leaf
def unite(rng, v, stage, place, n, total, book):
    """A vesicle merges with another of its stage, any of them alike; the older's birth is kept, the rest is a sum."""
    rng, u = uniform(rng)
    other = min(int(u * (n - 1)), n - 2)
    if other >= place:
        other += 1
    keep, slot = v.members[stage, other], v.members[stage, place]
    total[2] += 1
    v.free[book[FREE]] = slot
    book[FREE] += 1
    v.growth[keep] += v.growth[slot]
    v.born[keep] = min(v.born[keep], v.born[slot])
    for q in range(2):
        v.weight[keep, q] += v.weight[slot, q]
        v.lag[keep, q] += v.lag[slot, q]
    for q in range(8):
        v.known[keep, q] += v.known[slot, q]
    return rng


@leaf
def read_inside(rng, v, slot, skin, gap):
    """Draw what a vesicle holds inside; returns (stream, what is seen of birth and growth patches)."""
    rng, in_b, c_b, out_b, d_b = draw_inside(rng, v, slot, 0, skin, gap)
    rng, in_g, c_g, out_g, d_g = draw_inside(rng, v, slot, 1, skin, gap)
    return rng, (in_b, out_b, in_g, out_g, c_b, d_b, c_g, d_g)


@leaf
def read_outside(rng, v, slot, skin, gap, seen):
    """Add what a vesicle's limiting membrane holds to what was seen inside."""
    in_b, out_b, in_g, out_g, c_b, d_b, c_g, d_g = seen
    rng, more_b, cargo_b = draw_outside(rng, v, slot, 0, skin, gap)
    rng, more_g, cargo_g = draw_outside(rng, v, slot, 1, skin, gap)
    return rng, (in_b, out_b + more_b, in_g, out_g + more_g, c_b, d_b + cargo_b, c_g, d_g + cargo_g)


@leaf
def note(log, t, cell, v, slot, what, seen, diameter):
    """Write one row of a table; False where it is full. `seen` is what reading the vesicle drew."""
    row = log.used[0]
    if row >= log.capacity:
        return False
    write_row(log, row, t, cell, v, slot, what, seen[0] + seen[2], seen[4] + seen[6], seen[1] + seen[3], diameter)
    log.used[0] = row + 1
    return True


@leaf
def leave(rng, v, slot, i, t, event, column, skin, gap, total, book, events):
    """A vesicle is read as it leaves the cell; returns (whether its row found room, stream).

    What its limiting membrane held is drawn only for a row, from a stretch of its own, so that the cell's course does
    not depend on whether rows are kept. Where only fusions get rows, nobody reads what the membrane held.
    """
    bare = book[ONLY_FUSIONS] != 0
    rows, seen = events.capacity > 0 and (not bare or column == FUSIONS), UNREAD
    if HAS_MEMBRANE:
        rng, seen = read_inside(rng, v, slot, skin, gap)
        total[column + 1] += seen[0] + seen[2]
        total[column + 2] += seen[4] + seen[6]
        if rows and not bare:
            side = v.stream[0] + GOLDEN * (SIDE + (np.uint64(total[3] + total[6]) << SIDE_SHIFT))
            _, seen = read_outside(side, v, slot, skin, gap, seen)
    total[column] += 1
    v.free[book[FREE]] = slot
    book[FREE] += 1
    return not rows or note(events, t, i, v, slot, event, seen, skin[0][6]), rng


@leaf
def run_events(i, rng, carry, t, stop, n, p, g, w, s, skin, t_base, v, total, book, events, log_moves):
    """Events until `stop` under constant calcium; returns (reason, stream, what is left of the exponential, counts)."""
    k = couple(p, g, w, s, n)
    while True:
        edge = edges(k, n)
        a = edge[N_EDGES - 1]
        if carry >= a * (stop - t):
            return DONE, rng, carry - a * (stop - t), n
        t += carry / a
        rng, u = uniform(rng)
        carry = -log(u)
        rng, u = uniform(rng)
        rng, q = uniform(rng)
        reason, rng, n, touched = happen(
            u * a, q, edge, rng, t, n, k, p, g, w, skin, t - t_base, v, total, book, events, i, log_moves
        )
        if reason != DONE:
            return reason, rng, carry, n
        if touched:
            k = couple(p, g, w, s, n)


@leaf
def look(i, rng, t, v, n, skin, gap, reads):
    """Read every vesicle and keep what was drawn; returns (reason, stream)."""
    for q in range(N_STAGES):
        for j in range(n[q]):
            slot = v.members[q, j]
            seen = UNREAD
            if HAS_MEMBRANE:
                rng, seen = read_inside(rng, v, slot, skin, gap)
                rng, seen = read_outside(rng, v, slot, skin, gap, seen)
            if not note(reads, t, i, v, slot, q, seen, skin[0][6]):
                return LOG_FULL, rng
            if HAS_MEMBRANE:
                v.weight[slot, :] = 0.0
                v.lag[slot, :] = 0.0
                for place in range(8):
                    v.known[slot, place] = seen[place]
    return DONE, rng


@whole
def record(out, i, row, n, total, x, found):
    """Write counts, totals, traces and read-outs of one output time."""
    for q in range(N_STAGES):
        out.count[i, row, q] = n[q]
    out.total[i, row] = total
    out.trace[i, row] = x
    for q in range(out.readout.shape[2]):
        out.readout[i, row, q] = found[q]


@whole
def run_cell(i, rows, p, time, numerics, base, before, after, out, events, reads, v):
    """Run one cell through the timeline, from one state into the next; `rows`: where its vesicles begin in either."""
    # 1. unpack the cell
    if not load(before, i, rows[0], v):
        return POOL_FULL
    n = stage_tuple(before.count, i)
    rng, t, carry, step = before.rng[i], before.time[i], before.carry[i], before.step[i]
    t_base, stay, join = before.t_base[i], before.stay[i, 0], before.stay[i, 1]
    was_read = before.was_read[i]
    x, hazard, total, new, mid, work, book, g = v.x, v.hazard, v.total, v.new, v.mid, v.work, v.book, v.levels
    used_before = events.used[0], reads.used[0]
    segment, m, reason, still, renewed = -1, membrane_tuple(before.membrane, i), DONE, -math.inf, True
    if carry < 0.0:
        rng, u = uniform(rng)
        carry = -log(u)
    for interval in range(time.first[0], time.first[1]):
        # 2. levels of this segment
        if time.segment[interval] != segment:
            segment = time.segment[interval]
            for q in range(g.shape[0]):
                g[q] = base[i, q] * time.multiply[segment, q] + time.add[segment, q]
            w, renewed = prepare(p, g), True
            fresh = membrane(p, g, w)
            if time.starts[interval]:
                gap = t - t_base
                rebase(v, n, m, fresh, exp(-(m[0] + m[1]) * gap))
                stay, join = flip(stay, m, gap), flip(join, m, gap)
                t_base = t
                step = numerics.first
            m, still = fresh, -math.inf
        end = time.end[interval]
        skin = (m, stay, join, was_read)
        # 3. calcium steps, and events within each; while calcium keeps still there is nothing to renew
        while t < end and reason == DONE:
            stop = min(end, still)
            if t >= still:
                advance, step, still = calcium_step(p, g, w, x, time, numerics, t, step, end - t, new, work)
                stop = min(end, still) if still > t else min(end, t + advance)
                if end - stop < numerics.smallest:
                    stop = end
                for q in range(N_TRACES):
                    mid[q] = 0.5 * (x[q] + new[q])
                s, shed = refresh(p, g, w, mid), emit(p, g, w, mid)
                x[:], renewed = new, True
            for q in range(N_EMISSIONS):
                hazard[q] += shed[q] * (stop - t)
            reason, rng, carry, n = run_events(
                i, rng, carry, t, stop, n, p, g, w, s, skin, t_base, v, total, book, events, time.log_moves
            )
            t = stop
        # 4. what is written at the interval's end
        if (m[0] + m[1]) * (t - t_base) > REBASE:
            gap = t - t_base
            rebase(v, n, m, m, exp(-(m[0] + m[1]) * gap))
            stay, join = flip(stay, m, gap), flip(join, m, gap)
            t_base = t
        if time.output[interval] >= 0:
            for q in range(N_EMISSIONS):
                rng, particles = poisson(rng, hazard[q])
                hazard[q] = 0.0
                total[N_OWN_TOTALS + q] += particles
            if out.count.shape[1] > 0:
                if renewed:
                    found, renewed = read_outs(p, g, w, x), False
                record(out, i, time.output[interval], n, total, x, found)
        if time.snapshot[interval] and reason == DONE:
            reason, rng = look(i, rng, t, v, n, (m, stay, join, was_read), t - t_base, reads)
            was_read, stay, join, t_base = True, 1.0, 0.0, t
        if reason != DONE:
            break
    # 5. write the cell down
    after.was_read[i] = was_read
    if reason == DONE and not store(v, n, after, i, rows[1]):
        reason = POOL_FULL
    if reason != DONE:
        events.used[0], reads.used[0] = used_before
        return reason
    after.rng[i], after.time[i], after.carry[i], after.step[i] = rng, t, carry, step
    after.t_base[i], after.stay[i, 0], after.stay[i, 1] = t_base, stay, join
    for q in range(len(m)):
        after.membrane[i, q] = m[q]
    return DONE


@kernel
def run_cells(first, last, p, time, numerics, base, before, after, out, events, reads, v):
    """Run cells first..last from one state into the next; returns (next cell to run, reason).

    A full buffer is a reason, never a truncation: the cell starts again from `before`, which is only read.
    """
    old, new = 0, 0
    for i in range(first):
        old += sum_of(stage_tuple(before.count, i))
        new += sum_of(stage_tuple(after.count, i))
    for i in range(first, last):
        reason = run_cell(i, (old, new), p, time, numerics, base, before, after, out, events, reads, v)
        if reason != DONE:
            return i, reason
        old += sum_of(stage_tuple(before.count, i))
        new += sum_of(stage_tuple(after.count, i))
    return last, DONE
