"""The exact law of the coupled common problem: its master equation, solved once and kept in `coupled.csv`.

    python benchmarks/coupled.py        # rewrites coupled.csv; about five minutes

I is Poisson and so are its departures to M, at rate kmat E[I](t) (a linear stage fed by a Poisson stream, from empty).
So (M, D, P) is a Markov chain of its own with a known inflow. Its probabilities u0, and with them u1 = E[X; state] and
u2 = E[X^2; state], are followed over all states with D + P <= sites and M <= MOST_MATURE by an explicit method for stiff
problems (Runge-Kutta-Chebyshev).
"""

from __future__ import annotations

import csv
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
from numba import njit

import common
from common import Floats, Problem, Truth

FILE = Path(__file__).parent / "coupled.csv"
SOLVED = (common.COUPLED_60, common.COUPLED_30, common.COUPLED_RESTING)
MOST_MATURE = 90
"""M is held to this many; the probability of reaching it, printed, is the error of the cut."""
STEPS, STAGES = 40, 6
"""Steps per 10 min and stages of each: within the stability limit of the fastest states (about 70 per min)."""


@njit(fastmath=True, cache=True)
def slopes(u, du, rates, fuse, inflow, sites):
    """d(u0, u1, u2)/dt of every state (c, m + 1, d + 1, p + 1); a rim of zeros saves the inner loop its questions."""
    _, _, _, kdock, kund, kprime, kunp, klys = rates
    last = u.shape[1] - 3
    for c in range(3):
        for m in range(last + 1):
            rises = 0.0 if m == last else 1.0  # what would raise M beyond the last one stays
            for d in range(sites + 1):
                here, old, new = u[c, m + 1, d + 1], u[c, m, d + 1], du[c, m + 1, d + 1]
                undocked, lost, docked = u[c, m, d + 2], u[c, m + 2, d + 1], u[c, m + 2, d]
                primed, deprimed = u[c, m + 1, d + 2], u[c, m + 1, d]
                for p in range(1, sites + 2 - d):
                    free = sites - d - p + 1
                    out = rises * (inflow + kund * d) + klys * m + kprime * d + (kunp + fuse) * (p - 1)
                    out += kdock / sites * m * free
                    v = inflow * old[p] + kund * (d + 1) * undocked[p] + klys * (m + 1) * lost[p] - out * here[p]
                    v += kdock / sites * (m + 1) * (free + 1) * docked[p]
                    v += kprime * (d + 1) * primed[p - 1] + kunp * p * deprimed[p + 1] + fuse * p * here[p + 1]
                    new[p] = v
                if c > 0:
                    low, lower = u[c - 1, m + 1, d + 1], u[0, m + 1, d + 1]
                    for p in range(1, sites + 2 - d):
                        new[p] += fuse * p * (low[p + 1] + (low[p + 1] + lower[p + 1] if c > 1 else 0.0))


@njit(cache=True)
def inflow_at(t, kb, kmat, kli):
    """Departures of I to M, items per min."""
    return kmat * kb / (kmat + kli) * (1.0 - math.exp(-(kmat + kli) * t))


@njit(cache=True)
def advance(u, t, step, steps, table, rates, fuse, sites):
    """Runge-Kutta-Chebyshev steps from time t; `table` holds mu, nu, mu~, gamma~ and c of each stage."""
    kb, kmat, kli = rates[:3]
    f0, f, y0 = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    older, old = np.zeros_like(u), np.zeros_like(u)
    for _ in range(steps):
        y0[:] = u
        slopes(y0, f0, rates, fuse, inflow_at(t, kb, kmat, kli), sites)
        older, old = y0.copy(), y0 + step * table[1, 2] * f0
        for j in range(2, table.shape[0]):
            slopes(old, f, rates, fuse, inflow_at(t + step * table[j - 1, 4], kb, kmat, kli), sites)
            combine(older, old, y0, f, f0, table[j], step)
            older, old = old, older
        u[:] = old
        t += step


@njit(fastmath=True, cache=True)
def combine(older, old, y0, f, f0, row, step):
    """The next stage, written over the one before the last."""
    mu, nu, mu_f, gamma = row[0], row[1], row[2] * step, row[3] * step
    a, b, c, d, e = older.reshape(-1), old.reshape(-1), y0.reshape(-1), f.reshape(-1), f0.reshape(-1)
    for i in range(a.shape[0]):
        a[i] = (1.0 - mu - nu) * c[i] + mu * b[i] + nu * a[i] + mu_f * d[i] + gamma * e[i]


def chebyshev(stages: int) -> Floats:
    """Coefficients of the second-order Runge-Kutta-Chebyshev method, real stability limit about 0.65 stages^2.

    The damped scheme of van der Houwen and Sommeijer from Chebyshev polynomials T_j at w0 = 1 + (2/13) / stages^2; the
    tests hold its answer against classical Runge-Kutta.
    """
    w0 = 1 + 2 / 13 / stages**2
    polynomials = [np.polynomial.Chebyshev.basis(j) for j in range(stages + 1)]
    t, t1, t2 = (np.array([p.deriv(k)(w0) if k else p(w0) for p in polynomials]) for k in range(3))
    w1 = t1[-1] / t2[-1]
    b, c = np.ones(stages + 1), np.zeros(stages + 1)
    b[2:] = t2[2:] / t1[2:] ** 2
    b[0] = b[1] = b[2]
    c[2:] = w1 * t2[2:] / t1[2:]
    c[1] = b[1] * w1
    table = np.zeros((stages + 1, 5))
    table[:, 4] = c
    table[1, 2] = b[1] * w1
    for j in range(2, stages + 1):
        factor = 2 * b[j] / b[j - 1]
        table[j, :4] = factor * w0, -b[j] / b[j - 2], factor * w1, -(1 - b[j - 1] * t[j - 1]) * factor * w1
    return table


def immature(t: Floats) -> Floats:
    """E[I] at t min."""
    loss = common.RATES["kmat"] + common.RATES["kli"]
    return common.RATES["kb"] / loss * -np.expm1(-loss * t)


def moments(u: Floats, t: float) -> Floats:
    """(5, 3): mean, variance, fourth central moment of I, M, D, P, X. That of X is a normal count's, 3 v^2 + v."""
    mean = float(immature(np.array(t)))
    rows = [(mean, mean, mean + 3 * mean**2)]
    for axis in range(3):
        p = u[0].sum(axis=tuple({0, 1, 2} - {axis}))[1:-1]
        k = np.arange(len(p))
        mean = float(p @ k)
        rows.append((mean, float(p @ (k - mean) ** 2), float(p @ (k - mean) ** 4)))
    mean = float(u[1].sum())
    variance = float(u[2].sum()) - mean**2
    rows.append((mean, variance, 3 * variance**2 + variance))
    return np.array(rows)


def solve(problem: Problem, most: int = MOST_MATURE, steps: int = STEPS, until: float = np.inf) -> tuple[Floats, float]:
    """Moments (time, 5, 3) at the output times until `until` min, and the largest probability of M at its cut."""
    rates = tuple(common.RATES[name] for name in ("kb", "kmat", "kli", "kdock", "kund", "kprime", "kunp", "klys"))
    table = chebyshev(STAGES)
    sites = problem.sites
    u = np.zeros((3, most + 3, sites + 3, sites + 3))
    u[0, 1, 1, 1] = 1.0
    rows, cut = [moments(u, 0.0)], 0.0
    for piece in common.pieces(problem):
        fuse = common.RATES["kf"] * common.activation(piece.calcium)
        times = piece.times[piece.times <= until]
        for begin, end in pairwise(times):
            advance(u, begin, (end - begin) / steps, steps, table, rates, fuse, sites)
            rows.append(moments(u, float(end)))
            cut = max(cut, float(u[0, -2].sum()))
    return np.array(rows), cut


def truth(problem: Problem) -> Truth:
    """The kept law of a coupled form."""
    with FILE.open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["problem"] == problem.name]
    table = np.array([[float(row[k]) for k in ("mean", "variance", "fourth")] for row in rows])
    return Truth(*np.moveaxis(table.reshape(len(common.TIMES), len(common.SPECIES), 3), 2, 0))


def main() -> None:
    with FILE.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["problem", "time_min", "species", "mean", "variance", "fourth"])
        for problem in SOLVED:
            table, cut = solve(problem)
            print(f"{problem.name}: probability of {MOST_MATURE} mature MVBs at most {cut:.1e}", flush=True)
            assert math.isfinite(table.sum())
            for time, row in zip(common.TIMES, table, strict=True):
                for species, values in zip(common.SPECIES, row, strict=True):
                    writer.writerow([problem.name, f"{time:g}", species, *(f"{v:.8g}" for v in values)])


if __name__ == "__main__":
    main()
