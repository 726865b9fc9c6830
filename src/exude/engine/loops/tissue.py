"""What happens at places and in cells of a tissue, one step at a time: reactions, deposits, pools, behaviour.

Reactions of a place: an explicit method of third order where a few steps of it suffice, else the two-stage Rosenbrock
method (L-stable, as for calcium); both in as many steps as their error estimates ask for. Both keep every linear balance of the
declared reactions to rounding.
"""

import math

LEAST_SHARE = 1e-9  # a place's step is never cut finer than this share of the tissue's
MOST_EXPLICIT = 24  # explicit steps that cost less than implicit ones of the same error
WORK_ROWS = 8  # scratch of one place: y, new, f, f2, k1, k2, order, and one to spare


@leaf
def worst(change, y, new, relative, absolute):
    """Largest error of a step in units of what is allowed."""
    error = 0.0
    for q in range(N_REACTING):
        allowed = absolute[q] + relative * max(abs(y[q]), abs(new[q]))
        error = max(error, abs(change[q]) / allowed)
    return error


@leaf
def rosenbrock(p, g, d, y, dt, relative, absolute, work, j):
    """Advance the reactions of one place by dt in steps chosen from the error; False where they cannot be followed."""
    new, f, f2, k1, k2, order = work[1], work[2], work[3], work[4], work[5], work[6]
    done, step = 0.0, dt
    while done < dt:
        step = min(step, dt - done)
        react(p, g, d, y, f)
        gh = ROS_GAMMA * step
        fill_jacobian(p, g, d, y, j)
        for a in range(N_REACTING):
            for b in range(N_REACTING):
                j[a, b] = -gh * j[a, b]
            j[a, a] += 1.0
            k1[a] = f[a]
        if not factorise(j, order):
            return False
        substitute(j, order, k1)
        for a in range(N_REACTING):
            new[a] = y[a] + step * k1[a]
        for a in range(N_FIELDS - N_REACTING):
            new[N_REACTING + a] = y[N_REACTING + a]
        react(p, g, d, new, f2)
        for a in range(N_REACTING):
            k2[a] = f2[a] - 2.0 * k1[a]
        substitute(j, order, k2)
        for a in range(N_REACTING):
            f[a] = 0.5 * step * (k1[a] + k2[a])
            new[a] += f[a]
        error = worst(f, y, new, relative, absolute)
        least = True
        for a in range(N_REACTING):
            least = least and new[a] >= -absolute[a]
        small = step <= LEAST_SHARE * dt
        if (error <= 1.0 and least) or small:
            if not error < math.inf:
                return False
            for a in range(N_REACTING):
                y[a] = new[a]
            done += step
            step *= min(4.0, 0.9 / math.sqrt(error + 1e-12))
        else:
            step *= 0.25 if not least else max(0.1, 0.9 / math.sqrt(error + 1e-12))
    return True


@leaf
def explicit(p, g, d, y, dt, relative, absolute, work):
    """Advance the reactions of one place by dt explicitly; 1 done, 0 nothing happens there, -1 that would take too long.

    Bogacki and Shampine's third order with its embedded second; y is changed only where it is done.
    """
    new, f, f2, f3, f4, at = work[1], work[2], work[3], work[4], work[5], work[6]
    react(p, g, d, y, f)
    still = True
    for a in range(N_REACTING):
        still = still and f[a] == 0.0
    if still:
        return 0
    for a in range(N_FIELDS):
        at[a] = y[a]
        new[a] = y[a]
    done, step = 0.0, dt
    for _ in range(MOST_EXPLICIT):
        for a in range(N_REACTING):
            new[a] = at[a] + 0.5 * step * f[a]
        react(p, g, d, new, f2)
        for a in range(N_REACTING):
            new[a] = at[a] + 0.75 * step * f2[a]
        react(p, g, d, new, f3)
        for a in range(N_REACTING):
            new[a] = at[a] + step * (2.0 * f[a] + 3.0 * f2[a] + 4.0 * f3[a]) * (1.0 / 9.0)
        react(p, g, d, new, f4)
        least = True
        for a in range(N_REACTING):
            f2[a] = step * (-5.0 * f[a] + 6.0 * f2[a] + 8.0 * f3[a] - 9.0 * f4[a]) * (1.0 / 72.0)
            least = least and new[a] >= -absolute[a]
        error = worst(f2, at, new, relative, absolute)
        if error <= 1.0 and least:
            done += step
            for a in range(N_REACTING):
                at[a], f[a] = new[a], f4[a]
            if done >= dt:
                for a in range(N_REACTING):
                    y[a] = at[a]
                return 1
        elif not error < math.inf:
            return -1
        step = min(
            dt - done,
            step * (min(4.0, 0.9 / math.sqrt(error + 1e-12)) if error < 1.0 else max(0.2, 0.8 / math.sqrt(error))),
        )
    return -1


@kernel
def react_rows(first, last, p, g, fields, deposits, dt, relative, absolute, work, j):
    """Reactions of the places in rows first..last-1 (a row is all x of one y and z); returns (stiff places, failed)."""
    ny, nx = fields.shape[2], fields.shape[3]
    y, d = work[0], work[WORK_ROWS - 1]
    stiff, failed = 0, 0
    for row in range(first, last):
        a, b = row // ny, row % ny
        for c in range(nx):
            for q in range(N_FIELDS):
                y[q] = fields[q, a, b, c]
            for q in range(N_DEPOSITS):
                d[q] = deposits[q, a, b, c]
            how = explicit(p, g, d, y, dt, relative, absolute, work)
            if how < 0:
                stiff += 1
                if not rosenbrock(p, g, d, y, dt, relative, absolute, work, j):
                    failed += 1
            if how != 0:
                for q in range(N_REACTING):
                    fields[q, a, b, c] = y[q]
    return stiff, failed


@kernel
def mobility_rows(first, last, p, g, fields, deposits, out, work):
    """Diffusion coefficient (um2/s) of each moving field at the places in rows first..last-1."""
    ny, nx = fields.shape[2], fields.shape[3]
    y, d = work[0], work[WORK_ROWS - 1]
    for row in range(first, last):
        a, b = row // ny, row % ny
        for c in range(nx):
            for q in range(N_FIELDS):
                y[q] = fields[q, a, b, c]
            for q in range(N_DEPOSITS):
                d[q] = deposits[q, a, b, c]
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
            for q in range(N_FIELDS):
                y[q] = fields[q, a, b, c]
            for q in range(out.shape[0]):
                y[N_REACTING + q] = max(y[N_REACTING + q], floor[q])
            for q in range(N_DEPOSITS):
                d[q] = deposits[q, a, b, c]
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
