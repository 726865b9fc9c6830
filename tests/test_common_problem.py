"""The common problem: its law, and exude against another program on it. exude against the law: rows of `proof`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import common
import coupled
import exude
from common import Floats, Problem
from compare import Sample, assert_same, assert_told_apart
from peers import ours, scipy

CELLS = 1000
LATE = replace(common.INDEPENDENT, calcium=((0.0, 0.1), (600.0, 1.0), (730.0, 0.1)))
"""A planted fault: calcium falls 10 min late."""


@cache
def counts(problem: Problem) -> Floats:
    return ours.simulate(problem, CELLS, 3)


def test_exact_mean_is_what_an_integrator_finds() -> None:
    exact = common.exact_mean(common.INDEPENDENT)
    (found,) = scipy.solve_ivp(common.INDEPENDENT)([{}])
    assert np.abs(found - exact).max() < 1e-3
    assert exact[-1, :4].sum() == pytest.approx(99.5, abs=0.1)


def test_events_per_cell() -> None:
    """The formula that serves the coupled form too, against the exact count of the independent one."""
    exact = common.exact_events(common.INDEPENDENT)
    assert exact == pytest.approx(17857.39, abs=0.01)
    assert common.events(common.INDEPENDENT, common.exact_mean(common.INDEPENDENT)) == pytest.approx(exact, rel=2e-4)


def test_public_interface_gives_the_same_bits() -> None:
    """`exude.simulate_model`, as a user types it, against the counts that the proof judges."""
    problem = common.INDEPENDENT
    calcium = [("0 min", "0.1 uM"), ("600 min", "0.1 uM"), ("600 min", "1 uM"), ("720 min", "1 uM"), ("720 min", 0.1)]
    run = exude.simulate_model(
        common.declaration(problem), common.numbers(problem), calcium=calcium, duration="1440 min", every="10 min",
        cells=100, seed=3, threads=2,
    )  # fmt: skip
    np.testing.assert_array_equal(run.data["fusions"].values, counts(problem)[:100, :, 4])


def test_judge_of_the_benchmarks_sees_planted_faults() -> None:
    found, law = counts(common.INDEPENDENT), common.poisson_truth(common.INDEPENDENT)
    assert common.judge(found, law).right
    assert not common.judge(found, common.poisson_truth(LATE)).right
    assert not common.judge(found, coupled.truth(common.COUPLED_60)).right
    twice = common.judge(2 * found[:, :, :] - law.mean, law)  # the mean is right, the variance is not
    assert twice.mean < 2 * twice.limit < twice.variance


def test_first_events_are_drawn() -> None:
    """A first event that always comes at the same time leaves the mean and narrows the spread of the first counts."""
    made, cells = ours.job(common.INDEPENDENT, 3), 20_000
    first = made.timeline._replace(first=np.array([0, 2]))
    found = ours.run_job(replace(made, timeline=first), cells)[:, 1, 0]
    exact = common.exact_mean(common.INDEPENDENT)[1, 0]
    error = np.sqrt((exact + 2 * exact**2) / cells)
    assert abs(found.var() - exact) < 5 * error < 0.1 * exact


def test_a_jump_of_calcium_is_sharp() -> None:
    """At 600 min nothing has happened yet, at 610 it has."""
    before, after = (counts(common.INDEPENDENT)[:, row, 4].mean() for row in (60, 61))
    assert before < 3 and after > 20


def test_mean_field_is_exact() -> None:
    """Every reaction is first order: the mean field is no closure here."""
    (found,) = ours.mean_field(common.INDEPENDENT)([{}])
    exact = common.exact_mean(common.INDEPENDENT)
    assert np.abs(found - exact).max() < 1e-5 * exact.max()


# --- the master equation behind `coupled.csv` ----------------------------------------------------------------------


def test_master_equation_against_classical_runge_kutta() -> None:
    """A system small enough for an independent integrator: two sites, at most eight mature vesicles."""
    from scipy.integrate import solve_ivp

    problem = Problem("small", common.CONSTANT, sites=2)
    rates = tuple(common.RATES[k] for k in ("kb", "kmat", "kli", "kdock", "kund", "kprime", "kunp", "klys"))
    shape = (3, 11, 5, 5)
    fuse = common.RATES["kf"] * common.activation(0.1)

    def slopes(t: float, y: Floats) -> Floats:
        du = np.zeros(shape)
        coupled.slopes(y.reshape(shape), du, rates, fuse, common.RATES["kmat"] * float(coupled.immature(t)), 2)
        return du.ravel()

    start = np.zeros(shape)
    start[0, 1, 1, 1] = 1.0
    made = solve_ivp(slopes, (0.0, 60.0), start.ravel(), t_eval=[30.0, 60.0], rtol=1e-9, atol=1e-12)
    found, _ = coupled.solve(problem, most=8, until=60.0)
    for column, row in ((0, 3), (1, 6)):
        expected = coupled.moments(made.y[:, column].reshape(shape), 10.0 * row)
        np.testing.assert_allclose(found[row], expected, rtol=5e-4, atol=1e-6)


@pytest.mark.proof
def test_kept_law_is_what_the_master_equation_gives() -> None:
    table, cut = coupled.solve(common.COUPLED_30)
    kept = coupled.truth(common.COUPLED_30)
    assert cut < 1e-9
    np.testing.assert_allclose(kept.mean, table[..., 0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(kept.variance, table[..., 1], rtol=1e-6, atol=1e-9)


def test_kept_law_is_whole() -> None:
    for problem in coupled.SOLVED:
        kept = coupled.truth(problem)
        assert kept.mean.shape == (145, 5)
        np.testing.assert_allclose(kept.mean[:, 0], common.exact_mean(common.INDEPENDENT)[:, 0], rtol=1e-6)
        assert (kept.mean[:, 2] + kept.mean[:, 3] <= problem.sites).all()


# --- the same problem in another program ---------------------------------------------------------------------------

ROWS = (1, 20, 60, 62, 66, 72, 100, 144)
OTHER_CELLS = 300


def sample(found: Floats) -> Sample:
    """Counts at a few times, one value per cell; released ones from the stimulus on, before which few cells have any."""
    return {
        f"{species} at {common.TIMES[row]:g} min": found[:, row, i]
        for i, species in enumerate(common.SPECIES)
        for row in ROWS
        if found[:, row, i].mean() > 1
    }


def both(first: Floats, second: Floats) -> tuple[Sample, Sample]:
    a, b = sample(first), sample(second)
    return {k: a[k] for k in a if k in b}, {k: b[k] for k in b if k in a}


PAIRS = (("M at 620 min", "D at 620 min"), ("D at 620 min", "P at 620 min"), ("P at 620 min", "X at 660 min"))


@pytest.mark.parametrize("problem", [common.INDEPENDENT, common.COUPLED_60], ids=lambda p: p.name)
@pytest.mark.parametrize("module, package", [("bioscrape", "bioscrape"), ("copasi", "basico"), ("rebop", "rebop")])
def test_another_program_says_the_same(problem: Problem, module: str, package: str) -> None:
    """Means, variances and covariances of two simulators that share no line of code."""
    pytest.importorskip(package)
    if module == "copasi":
        pytest.importorskip("antimony")
    from importlib import import_module

    theirs = import_module(f"peers.{module}").PEERS[0].build(problem)(OTHER_CELLS, 5)
    assert_same(*both(counts(problem), theirs), PAIRS)
    wrong = common.COUPLED_30 if problem.sites else common.RESTING
    assert_told_apart(*both(counts(wrong), theirs), PAIRS)
