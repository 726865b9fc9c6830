"""What happens at places and in cells of a tissue, one step at a time: reactions, deposits, pools, behaviour."""

FIRST_FAST = N_FIELDS - N_FAST
FIRST_SUPPLIED = FIRST_FAST - N_SUPPLIED


@leaf
def gather(fields, deposits, a, b, c, y, d):
    """What there is at one place: its fields, and what cells deposit there."""
    for q in range(N_FIELDS):
        y[q] = fields[q, a, b, c]
    for q in range(N_DEPOSITS):
        d[q] = deposits[q, a, b, c]


@kernel
def mobility_rows(first, last, p, g, fields, deposits, out, work):
    """Diffusion coefficient (um2/s) of each moving field, then who comes in (item/um3/s), at rows first..last-1."""
    ny, nx = fields.shape[2], fields.shape[3]
    y, d = work[0], work[WORK_ROWS - 1]
    for row in range(first, last):
        a, b = row // ny, row % ny
        for c in range(nx):
            gather(fields, deposits, a, b, c, y, d)
            found = mobilities(p, g, d, y)
            for q in range(out.shape[0]):
                out[q, a, b, c] = found[q]


@kernel
def fast_rows(first, last, p, g, fields, deposits, floor, out, source, work):
    """Loss rate (1/s) and source (amount per um3 and s) of each fast field at the places in rows first..last-1."""
    ny, nx = fields.shape[2], fields.shape[3]
    y, d = work[0], work[WORK_ROWS - 1]
    for row in range(first, last):
        a, b = row // ny, row % ny
        for c in range(nx):
            gather(fields, deposits, a, b, c, y, d)
            for q in range(out.shape[0]):
                y[FIRST_FAST + q] = max(y[FIRST_FAST + q], floor[q])
            found, added = fast_loss(p, g, d, y), fast_source(p, g, d, y)
            for q in range(out.shape[0]):
                out[q, a, b, c] = found[q]
                source[q, a, b, c] = added[q]


@kernel
def deposit_amounts(p, table, row, traces, counts, pools, out):
    """What each cell deposits (amounts, not densities)."""
    for i in range(row.shape[0]):
        found = deposits_of(p, table[row[i]], traces[i], counts[i], pools[i])
        for q in range(N_DEPOSITS):
            out[i, q] = found[q]


@kernel
def free_amounts(p, who, ilv, cargo, table, row, traces, counts, pools, out):
    """What each fusion sets free, (fusion, release), and what it adds to its cell's pools."""
    for e in range(who.shape[0]):
        i = who[e]
        found = freed(p, table[row[i]], traces[i], counts[i], pools[i], float(ilv[e]), float(cargo[e]))
        for q in range(N_RELEASES):
            out[e, q] = found[q]
        for q in range(N_POOLS):
            pools[i, q] += found[N_RELEASES + q]


@kernel
def act(first, last, kind, p, table, row, traces, counts, pools, here, around, dt, out):
    """Behaviour of cells first..last-1 from what they are and where; their pools move on by dt.

    A pool's equation is linear while its terms are held: it is followed exactly. `here` and `around` hold the fields
    and deposits at these cells only.
    """
    for i in range(first, last):
        g, x, n, s = table[row[i]], traces[i], counts[i], pools[i]
        y, d = here[i - first], around[i - first]
        found = behave(kind[i], p, g, x, n, s, y, d)
        for q in range(out.shape[1]):
            out[i, q] = found[q]
        terms = pool_terms(p, g, x, n, s, y, d)
        for q in range(N_POOLS):
            gain, loss = terms[2 * q], terms[2 * q + 1]
            if loss > 0.0:
                left = exp(-loss * dt)
                s[q] = gain / loss + (s[q] - gain / loss) * left
            else:
                s[q] += gain * dt


@kernel
def occur(first, last, kind, p, table, row, traces, counts, pools, here, around, dt, clocks, fired):
    """Events of cells first..last-1 within dt: each uses up its clock, a unit exponential; a clock used up fires.

    What an event sets is set at once, in the order of the declaration; `fired` (cell, event) says which did.
    """
    for i in range(first, last):
        g, x, n, s = table[row[i]], traces[i], counts[i], pools[i]
        y, d = here[i - first], around[i - first]
        rates = hazards(kind[i], p, g, x, n, s, y, d)
        for e in range(N_EVENTS):
            clocks[i, e] -= rates[e] * dt
            fired[i, e] = clocks[i, e] <= 0.0
            if fired[i, e]:
                after = pools_after(e, p, g, x, n, s, y, d)
                for q in range(N_POOLS):
                    s[q] = after[q]


@kernel
def supply_rows(first, last, p, g, fields, deposits, q, before, dt, loss, source):
    """One supplied field after a step, the others held, linear about where it is: (1/dt + loss) u = source + exchange.

    `before` (z, y, x): the field before the step. The line touches what reactions add, unless it would then draw more
    than there is: then it goes through nothing at 0. So loss and source are never negative.
    """
    ny, nx = fields.shape[2], fields.shape[3]
    k = place_constants(p, g)
    y, d, per = np.empty(N_FIELDS), np.empty(N_DEPOSITS), 1.0 / dt
    for row in range(first, last):
        a, b = row // ny, row % ny
        for c in range(nx):
            gather(fields, deposits, a, b, c, y, d)
            gain, slope = supply_line(q, k, d, y)
            here = y[FIRST_SUPPLIED + q]
            rate = max(-slope, 0.0)
            made = gain + rate * here
            if made < 0.0:
                rate, made = (-gain / here if here > 0.0 else 0.0), 0.0
            loss[a, b, c] = rate
            source[a, b, c] = made + before[a, b, c] * per


@leaf
def flow(field, speed, over, a, b):
    """What place a gains from place b per second, a number or none; the other gains as much less."""
    mine, other = speed[a], speed[b]
    wide = 2.0 * over * (mine * other) / (mine + other) if mine > 0.0 and other > 0.0 else 0.0
    return wide * (field[b] - field[a])


@leaf
def exchange(field, speed, over, z, y, x):
    """What a place gains from its neighbours per second; each pair's share is the same on both sides."""
    nz, ny, nx = field.shape
    found = 0.0
    if x > 0:
        found += flow(field, speed, over, (z, y, x), (z, y, x - 1))
    if x + 1 < nx:
        found += flow(field, speed, over, (z, y, x), (z, y, x + 1))
    if y > 0:
        found += flow(field, speed, over, (z, y, x), (z, y - 1, x))
    if y + 1 < ny:
        found += flow(field, speed, over, (z, y, x), (z, y + 1, x))
    if z > 0:
        found += flow(field, speed, over, (z, y, x), (z - 1, y, x))
    if z + 1 < nz:
        found += flow(field, speed, over, (z, y, x), (z + 1, y, x))
    return found


@kernel
def close_rows(first, last, p, g, fields, deposits, ways, before, dt, found, j):
    """Supplied fields after a step, in `found`: exchange as fields are now, reactions implicit about them.

    What neighbours exchange cancels, and a step linear about any point keeps the reactions' balances: both to
    rounding, whatever was left to solve. Returns how far it is from what fields are, over each field's largest value,
    and from those below 0, at most; and the places that had no solution.
    """
    ny, nx = fields.shape[2], fields.shape[3]
    k = place_constants(p, g)
    y, d = np.empty(N_FIELDS), np.empty(N_DEPOSITS)
    out, order = np.empty(N_SUPPLIED), np.empty(N_SUPPLIED)
    failed = 0
    for row in range(first, last):
        a, b = row // ny, row % ny
        for c in range(nx):
            gather(fields, deposits, a, b, c, y, d)
            supply(k, d, y, out, j)
            for q in range(N_SUPPLIED):
                moved = exchange(fields[FIRST_SUPPLIED + q], ways.speeds[q], ways.over, a, b, c)
                out[q] = before[q, a, b, c] + dt * (out[q] + moved) - y[FIRST_SUPPLIED + q]
                for r in range(N_SUPPLIED):
                    j[q, r] *= -dt
                j[q, q] += 1.0
            if not factorise(j, order):
                failed += 1
                continue
            substitute(j, order, out)
            for q in range(N_SUPPLIED):
                found[q, a, b, c] = y[FIRST_SUPPLIED + q] + out[q]
    return failed
