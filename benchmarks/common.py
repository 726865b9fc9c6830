"""The common problem: a vesicle life cycle that every stochastic simulator can express, and its exact answer.

    => I: kb   I => M: kmat I   I => : kli I   M => : klys M   M => D: kdock M [max(0, sites - D - P)/sites]
    D => M: kund D   D => P: kprime D   P => D: kunp P   P => X: kf fCa P       fCa = Ca^n / (K^n + Ca^n)

in items and minutes, from empty, 1,440 min, 145 output points; the bracket stands in the coupled form only. Calcium is
0.1 uM, but 1.0 uM from 600 to 720 min. Every reaction of the independent form is first order: the mean is a matrix
exponential per piece of constant calcium, and every count is Poisson. All numbers are assumed: they define a problem,
not a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import simpson
from scipy.linalg import expm
from scipy.special import ndtri

from exude.model import BORN, DEGRADED, RELEASED, Cascade, Chapter, Definition, LifeCycle, Trace, Transition

Floats = NDArray[np.float64]

NUMBERS = {
    "kb": "1.0 item/min", "kmat": "0.04 1/min", "kli": "0.002 1/min", "klys": "0.025 1/min", "kdock": "0.1 1/min",
    "kund": "0.2 1/min", "kprime": "0.1 1/min", "kunp": "0.1 1/min", "kf": "0.3 1/min", "K": "0.6 uM", "n": "4",
}  # fmt: skip
"""Parameters of the problem with their units; all assumed."""
RATES = {name: float(text.split()[0]) for name, text in NUMBERS.items()}
"""The same per minute, in items and uM."""
SPECIES = ("I", "M", "D", "P", "X")
STAGES = ("immature", "mature", "docked", "primed")
"""I, M, D, P in words; X is what was released."""
TIMES = np.arange(0.0, 1441.0, 10.0)
"""Output times, min."""
STEPPED = ((0.0, 0.1), (600.0, 1.0), (720.0, 0.1))
CONSTANT = ((0.0, 0.1),)
"""Calcium: (from when on, min; uM)."""


@dataclass(frozen=True)
class Problem:
    """One form of the common problem."""

    name: str
    calcium: tuple[tuple[float, float], ...] = STEPPED
    sites: int = 0
    """Docking sites that all vesicles of a cell share; 0: no limit."""


INDEPENDENT = Problem("independent")
RESTING = Problem("independent, constant calcium", CONSTANT)
COUPLED_60 = Problem("coupled, 60 sites", sites=60)
COUPLED_30 = Problem("coupled, 30 sites", sites=30)
COUPLED_RESTING = Problem("coupled, 60 sites, constant calcium", CONSTANT, 60)
PROBLEMS = (INDEPENDENT, RESTING, COUPLED_60, COUPLED_30, COUPLED_RESTING)


@dataclass(frozen=True)
class Piece:
    """A span of constant calcium with the output times in it (min); the last one is the next piece's first."""

    begin: float
    end: float
    calcium: float

    @property
    def times(self) -> Floats:
        """Output times from `begin` to `end`, both included."""
        return TIMES[self.rows]

    @property
    def rows(self) -> slice:
        """Places of these output times."""
        first, last = np.searchsorted(TIMES, [self.begin, self.end])
        return slice(int(first), int(last) + 1)


def pieces(problem: Problem) -> list[Piece]:
    """The spans of constant calcium, in order."""
    borders = [*(begin for begin, _ in problem.calcium), float(TIMES[-1])]
    return [Piece(a, b, calcium) for (a, calcium), b in zip(problem.calcium, borders[1:], strict=True)]


def activation(calcium: float, rates: dict[str, float] = RATES) -> float:
    """fCa at a calcium concentration (uM)."""
    return float(calcium ** rates["n"] / (rates["K"] ** rates["n"] + calcium ** rates["n"]))


def declaration(problem: Problem) -> Cascade:
    """The problem in exude's own words: names and rate texts, no numbers."""
    room = " * max(0, sites - n_docked - n_primed) / sites" if problem.sites else ""
    immature, mature, docked, primed = STAGES
    transitions = (
        Transition("birth", BORN, immature, "kb"),
        Transition("maturation", immature, mature, "kmat"),
        Transition("loss of immature", immature, DEGRADED, "kli"),
        Transition("loss of mature", mature, DEGRADED, "klys"),
        Transition("docking", mature, docked, f"kdock{room}"),
        Transition("undocking", docked, mature, "kund"),
        Transition("priming", docked, primed, "kprime"),
        Transition("depriming", primed, docked, "kunp"),
        Transition("fusion", primed, RELEASED, "kf * fCa"),
    )
    chapter = Chapter(
        name="common problem",
        traces=(Trace("calcium", "uM"),),
        definitions=(Definition("fCa", "hill(calcium, K, n)"),),
        life_cycle=LifeCycle("MVB", STAGES, transitions),
    )
    return Cascade((chapter,))


def numbers(problem: Problem) -> dict[str, str]:
    """Parameters with their units, as a user types them."""
    return NUMBERS | ({"sites": f"{problem.sites} item"} if problem.sites else {})


# --- the exact answer of the independent form ---------------------------------------------------------------------


def generator(calcium: float, rates: dict[str, float] = RATES) -> Floats:
    """A (7, 7) with d(I, M, D, P, X, events, 1)/dt = A (I, M, D, P, X, events, 1), per minute.

    Exact for the mean of the independent form; row 5 adds up every event, so that cost can be given per event.
    """
    r, fuse = rates, rates["kf"] * activation(calcium, rates)
    i, m, d, p, x, events, one = range(7)
    flows = [
        (one, i, r["kb"]), (i, m, r["kmat"]), (i, None, r["kli"]), (m, None, r["klys"]), (m, d, r["kdock"]),
        (d, m, r["kund"]), (d, p, r["kprime"]), (p, d, r["kunp"]), (p, x, fuse),
    ]  # fmt: skip
    a = np.zeros((7, 7))
    for source, target, rate in flows:
        a[events, source] += rate
        if source != one:
            a[source, source] -= rate
        if target is not None:
            a[target, source] += rate
    return a


def _solve(problem: Problem, rates: dict[str, float]) -> Floats:
    """(time, 7): the expected counts, events so far, and 1."""
    if problem.sites:
        raise ValueError("a matrix exponential is exact without shared docking sites only; see `benchmarks/coupled.py`")
    y = np.array([0.0] * 6 + [1.0])
    rows = [y]
    for piece in pieces(problem):
        a = generator(piece.calcium, rates)
        step = expm(a * (TIMES[1] - TIMES[0]))
        for _ in piece.times[1:]:
            rows.append(step @ rows[-1])
    return np.array(rows)


def exact_mean(problem: Problem, rates: dict[str, float] = RATES) -> Floats:
    """Expected count of each species at each output time, (145, 5). The variance of a cell's count equals it."""
    return _solve(problem, rates)[:, :5]


def exact_events(problem: Problem) -> float:
    """Expected number of events of one cell of the independent form in 1,440 min."""
    return float(_solve(problem, RATES)[-1, 5])


def events(problem: Problem, mean: Floats) -> float:
    """Expected number of events of one cell of either form, from its expected counts (145, 5).

    Births, departures and arrivals balance: kb T + X + D at the end, and the integral of (kmat + kli) I + klys M +
    2 (kund + kprime) D, by Simpson's rule within each piece (against the exact 17,857: 1 too few).
    """
    r = RATES
    flow = (r["kmat"] + r["kli"]) * mean[:, 0] + r["klys"] * mean[:, 1] + 2 * (r["kund"] + r["kprime"]) * mean[:, 2]
    passed = sum(float(simpson(flow[piece.rows], x=piece.times)) for piece in pieces(problem))
    return r["kb"] * float(TIMES[-1]) + float(mean[-1, 4] + mean[-1, 2]) + passed


# --- checks with a stated false-alarm rate ------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """A simulator's counts against the truth: largest |z| of means and of variances, and the limit it was held to."""

    mean: float
    variance: float
    limit: float
    where: str

    @property
    def right(self) -> bool:
        """Whether no difference is larger than chance makes it once in `1 / FALSE_ALARM` tables."""
        return self.mean <= self.limit and self.variance <= self.limit


FALSE_ALARM = 1e-3
"""Chance that one right simulator is called wrong."""
FEWEST = 500.0
"""Expected items, over all cells of a run, from which on a z is near normal; below it a count is not compared."""


@dataclass(frozen=True)
class Truth:
    """Mean, variance and fourth central moment of a cell's counts, each (145, 5); `cells` where it was simulated."""

    mean: Floats
    variance: Floats
    fourth: Floats
    cells: float = np.inf


def poisson_truth(problem: Problem) -> Truth:
    """The exact law of the independent form."""
    mean = exact_mean(problem)
    return Truth(mean, mean, mean + 3 * mean**2)


def judge(counts: NDArray[np.floating], truth: Truth) -> Verdict:
    """Counts (cell, 145, 5) against the truth: z of every mean and variance, Bonferroni over all of them.

    Standard errors come from the truth's moments (and, where the truth is itself a sample, from its number of cells),
    so a simulator with the wrong spread cannot widen its own limits. Valid for hundreds of cells or more.
    """
    cells = counts.shape[0]
    seen = truth.mean * cells >= FEWEST
    if not seen.any():
        raise ValueError(f"{cells} cells are too few to check: no species has {FEWEST:g} items in them together")
    size = 1 / cells + 1 / truth.cells
    mean = counts.mean(axis=0) - truth.mean
    variance = counts.var(axis=0, ddof=1) - truth.variance
    z_mean = np.abs(mean[seen]) / np.sqrt(truth.variance[seen] * size)
    z_variance = np.abs(variance[seen]) / np.sqrt((truth.fourth - truth.variance**2)[seen] * size)
    limit = float(-ndtri(FALSE_ALARM / (4 * seen.sum())))
    worst = np.argwhere(seen)[int(np.argmax(np.maximum(z_mean, z_variance)))]
    where = f"{SPECIES[worst[1]]} at {TIMES[worst[0]]:g} min"
    return Verdict(float(z_mean.max()), float(z_variance.max()), limit, where)
