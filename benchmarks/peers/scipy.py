"""SciPy's integrators for the mean field, segment by segment, the slopes as a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

import common
from common import Floats, Problem
from peers import FieldPeer, Solver

RELATIVE, ABSOLUTE = 1e-6, 1e-9
Segment = Callable[[Floats, Floats, Floats], Floats]
"""(matrix, start, times) -> states (time, 7)."""


def _solver(problem: Problem, segment: Segment) -> Solver:
    def one(rates: dict[str, float]) -> Floats:
        y = np.array([0.0] * 6 + [1.0])
        rows = [y[None, :]]
        for piece in common.pieces(problem):
            found = segment(common.generator(piece.calcium, rates), rows[-1][-1], piece.times)
            rows.append(found[1:])
        return np.concatenate(rows)[:, :5]

    def solve(sets: Sequence[Mapping[str, float]]) -> Floats:
        return np.array([one(common.RATES | dict(values)) for values in sets])

    return solve


def odeint(problem: Problem) -> Solver:
    """LSODA through odeint."""
    from scipy.integrate import odeint

    def segment(a: Floats, start: Floats, times: Floats) -> Floats:
        return np.asarray(odeint(lambda y, t: a @ y, start, times, rtol=RELATIVE, atol=ABSOLUTE))

    return _solver(problem, segment)


def solve_ivp(problem: Problem) -> Solver:
    """LSODA through solve_ivp."""
    from scipy.integrate import solve_ivp

    def segment(a: Floats, start: Floats, times: Floats) -> Floats:
        made = solve_ivp(lambda t, y: a @ y, times[[0, -1]], start, "LSODA", t_eval=times, rtol=RELATIVE, atol=ABSOLUTE)
        return np.asarray(made.y.T)

    return _solver(problem, segment)


def exponential(problem: Problem) -> Solver:
    """A matrix exponential per piece of constant calcium: exact, and possible for first-order networks only."""
    return lambda sets: np.array([common.exact_mean(problem, common.RATES | dict(values)) for values in sets])


FIELDS = (
    FieldPeer("SciPy expm", "scipy", "matrix exponential per segment", exponential),
    FieldPeer("SciPy odeint", "scipy", "LSODA, three segments", odeint),
    FieldPeer("SciPy solve_ivp", "scipy", "LSODA, three segments", solve_ivp),
)
