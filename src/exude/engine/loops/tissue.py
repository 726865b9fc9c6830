"""What happens at places and in cells of a tissue, one step at a time: reactions, deposits, pools, behaviour."""


@leaf
def gather(fields, deposits, a, b, c, y, d):
    """What there is at one place: its fields, and what cells deposit there."""
    for q in range(N_FIELDS):
        y[q] = fields[q, a, b, c]
    for q in range(N_DEPOSITS):
        d[q] = deposits[q, a, b, c]


@kernel
def mobility_rows(first, last, p, g, fields, deposits, out, work):
    """Diffusion coefficient (um2/s) of each moving field at the places in rows first..last-1."""
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
def fast_rows(first, last, p, g, fields, deposits, floor, out, work):
    """Loss rate (1/s) of each fast field at the places in rows first..last-1."""
    ny, nx = fields.shape[2], fields.shape[3]
    y, d = work[0], work[WORK_ROWS - 1]
    for row in range(first, last):
        a, b = row // ny, row % ny
        for c in range(nx):
            gather(fields, deposits, a, b, c, y, d)
            for q in range(out.shape[0]):
                y[N_REACTING + q] = max(y[N_REACTING + q], floor[q])
            found = fast_loss(p, g, d, y)
            for q in range(out.shape[0]):
                out[q, a, b, c] = found[q]


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
