"""The traces ahead of the mean field: stiff equations by collocation, or a given curve, both as polynomial pieces.

Traces can be stiff: calcium follows its channels and pumps within 0.1 to 2 s, while its store, its pump's activation
and its receptor drift for minutes to hours. So a piece is one step of the five-stage Radau IIA collocation method
(order 9; Hairer and Wanner, Solving Ordinary Differential Equations II), and its polynomial gives the traces at every
time within it.
"""

import math

import numpy as np

NODES = (0.05710419611451768, 0.2768430136381238, 0.5835904323689168, 0.8602401356562195, 1.0)
"""Radau IIA, five stages: zeros of P5(2c - 1) - P4(2c - 1) for Legendre polynomials P."""
N_NODES = 5
SIZE = N_NODES * N_TRACES
FILTER = 0.159  # about the real eigenvalue of WEIGHTS: damps the error estimate of stiff parts as the method does
DENSE = 0.03  # largest |integral of prod(s - c) from 0| over [0, 1], as a share of |prod(c)|: defect to error
NEWTON, CONVERGED = 10, 1e-2
AT_REST = 1e-12
SAFETY, SHRINK, STRETCH = 0.9, 0.2, 8.0
FIRST_MOVE = 0.01  # a first step moves nothing by more than this share
LEAST_STEP = 1e-13  # of the time: a smaller step cannot be told from none


def _collocation():
    """(integrals, weights): integral of Lagrange polynomial j from 0 to s is the sum over q of integrals[j, q] s^(q+1)."""
    integrals = np.zeros((N_NODES, N_NODES))
    for j, own in enumerate(NODES):
        basis = [1.0]
        for other in NODES[:j] + NODES[j + 1 :]:
            shifted, kept = [0.0, *basis], [*basis, 0.0]
            basis = [(a - other * b) / (own - other) for a, b in zip(shifted, kept)]
        integrals[j] = [value / (q + 1) for q, value in enumerate(basis)]
    weights = np.array([[sum(part[q] * c ** (q + 1) for q in range(N_NODES)) for part in integrals] for c in NODES])
    return integrals, weights


INTEGRALS, WEIGHTS = _collocation()


@whole
def shifted_jacobian(jac, h, a):
    """1 - h (weights x jacobian), the matrix of Newton's steps."""
    for i in range(N_NODES):
        for r in range(N_TRACES):
            for j in range(N_NODES):
                for c in range(N_TRACES):
                    a[i * N_TRACES + r, j * N_TRACES + c] = -h * WEIGHTS[i, j] * jac[r * N_TRACES + c]
            a[i * N_TRACES + r, i * N_TRACES + r] += 1.0


@whole
def collocate(p, g, w, h, x, size, relative, k, stiff):
    """Slopes k at the nodes of a step h from x, by Newton's method; False where it does not converge."""
    a, order, b, at = stiff
    b_before = math.inf
    k[:] = 0.0
    for _ in range(NEWTON):
        for i in range(N_NODES):
            for r in range(N_TRACES):
                at[r] = x[r]
                for j in range(N_NODES):
                    at[r] += h * WEIGHTS[i, j] * k[j, r]
            f = slopes(p, g, w, at)
            for r in range(N_TRACES):
                b[i * N_TRACES + r] = f[r] - k[i, r]
        substitute(a, order, b)
        change = 0.0
        for i in range(N_NODES):
            for r in range(N_TRACES):
                k[i, r] += b[i * N_TRACES + r]
                moved_by = h * abs(b[i * N_TRACES + r]) / (relative * size[r])
                if not moved_by <= change:
                    change = moved_by if moved_by == moved_by else math.inf  # not a number counts as infinite
        if change <= CONVERGED:
            return True
        if not change < b_before:
            return False
        b_before = change
    return False


@whole
def trace_error(h, f, jac, k, size, relative, a, order, b):
    """Error of a step's polynomial, as a multiple of the tolerance, from its defect at the step's start."""
    for r in range(N_TRACES):
        b[r] = f[r]
        for j in range(N_NODES):
            b[r] -= INTEGRALS[j, 0] * k[j, r]
        for c in range(N_TRACES):
            a[r, c] = -FILTER * h * jac[r * N_TRACES + c]
        a[r, r] += 1.0
    if not factorise(a, order):
        return math.inf
    substitute(a, order, b)
    worst = 0.0
    for r in range(N_TRACES):
        error = DENSE * h * abs(b[r]) / (relative * size[r])
        if not error <= worst:
            worst = error if error == error else math.inf  # not a number counts as infinite
    return worst


@whole
def trace_piece(p, g, w, x, t, stop, step, plan, piece, stiff):
    """One step of the traces from x at t, at most to `stop`; returns (end, next step, at rest), and x moves on.

    `piece` holds the polynomial in (time - t) / span, lowest power first. A step of 0 asks for a first guess. The
    traces are at rest where a step right to `stop` moves none of them by more than 1e-12 of its size.
    """
    a, order, b, at, small, k, size = stiff
    jac, f = jacobian(p, g, w, x), slopes(p, g, w, x)
    fastest = 0.0
    for r in range(N_TRACES):
        size[r] = abs(x[r]) + plan.floor[r]
        fastest = max(fastest, abs(f[r]) / size[r])
    if step <= 0.0:
        step = FIRST_MOVE / fastest if fastest > 0.0 else stop - t
    while True:
        last = t + step >= stop
        h = stop - t if last else step
        if h <= LEAST_STEP * (1.0 + abs(t)):
            return math.nan, 0.0, False
        shifted_jacobian(jac, h, a)
        if not (factorise(a, order) and collocate(p, g, w, h, x, size, plan.relative_traces, k, (a, order, b, at))):
            step = SHRINK * h
            continue
        error = trace_error(h, f, jac, k, size, plan.relative_traces, small, order, b)
        stretch = (
            min(STRETCH, max(SHRINK, SAFETY * (error + 1e-12) ** (-1.0 / (N_NODES + 1.0)))) if error >= 0.0 else SHRINK
        )
        if error <= 1.0:
            break
        step = h * min(stretch, SAFETY)
    rest = last
    for r in range(N_TRACES):
        piece[0, r] = x[r]
        moved_by = 0.0
        for q in range(N_NODES):
            piece[q + 1, r] = 0.0
            for j in range(N_NODES):
                piece[q + 1, r] += h * INTEGRALS[j, q] * k[j, r]
        for i in range(N_NODES):
            at[r] = 0.0
            for j in range(N_NODES):
                at[r] += h * WEIGHTS[i, j] * k[j, r]
            moved_by = max(moved_by, abs(at[r]))
        x[r] += at[r]
        rest = rest and moved_by <= AT_REST * size[r]
    return (stop if last else t + h), max(step, h * stretch) if last else h * stretch, rest


@whole
def curve_at(time, t):
    """The given curve at t: (value, slope, time of the next point); after a jump at t, where there is one."""
    at, values = time.given_at, time.given
    i = np.searchsorted(at, t, side="right")
    if i == 0:
        return values[0], 0.0, at[0]
    if i == at.shape[0]:
        return values[-1], 0.0, math.inf
    slope = (values[i] - values[i - 1]) / (at[i] - at[i - 1])
    return values[i - 1] + slope * (t - at[i - 1]), slope, at[i]


@whole
def curve_piece(time, x, t, stop, piece):
    """The given curve from t to its next point, at most to `stop`; returns (end, whether it is level); x moves on."""
    value, slope, knot = curve_at(time, t)
    end = min(stop, knot)
    piece[:] = 0.0
    piece[0] = x
    piece[0, 0] = value
    piece[1, 0] = slope * (end - t)
    x[0] = value + piece[1, 0]
    return end, slope == 0.0


@whole
def traces_at(piece, share, x):
    """The traces at a share of a piece."""
    for r in range(N_TRACES):
        value = piece[N_NODES, r]
        for q in range(N_NODES - 1, -1, -1):
            value = value * share + piece[q, r]
        x[r] = value
