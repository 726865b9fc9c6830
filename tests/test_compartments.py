"""Compartments: chains against closed forms, cells kept to the unit, means of whole stocks, cuts, threads, refusals.

False alarms: every z is held below 4.5 (7e-6 each, some 40 of them: 3e-4 for the file).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from exude.cascade.body import NODE, PATIENT, SPREAD
from exude.catalog import read
from exude.derive.compartments import Compartments
from exude.engine import colonies, compartments, streams
from exude.engine.colonies import Growth
from exude.engine.layout import Floats
from exude.errors import DataError, DeclarationError
from exude.model import DEAD, Body, Flow, Stock

Z = 4.5
NONE = dict.fromkeys(("arrive", "grow", "on", "over", "back", "die", "end", "boost"), 0.0)
UNITS = {**dict.fromkeys(NONE, "1/s"), "arrive": "item/s", "half": "item", "many": "item"}
FLOWS = (
    Flow("arrival", "", "a", "arrive"), Flow("growth", "a", "a", "grow + boost * a / half", grows=True),
    Flow("on", "a", "b", "on"), Flow("over", "b", "c", "over"), Flow("back", "b", "a", "back"),
    Flow("death", "a", DEAD, "die"), Flow("end", "b", DEAD, "end"),
)  # fmt: skip
CHAIN = {"on": 2.0, "over": 0.4, "back": 0.1, "end": 0.1}
GROWTH = {"grow": 0.1, "die": 0.4, "on": 0.1}
MANY = 1000.0


def small(*flows: Flow, stocks: tuple[Stock, ...] = (), whole: bool = True) -> Compartments:
    """A body of a, b, c with start `many` in a, in whole numbers or not."""
    own = tuple(Stock(name, "dish", "item", whole=whole, start="many" if name == "a" else "0") for name in "abc")
    return Compartments(Body("small", stocks or own, flows or FLOWS), UNITS)


@cache
def everything(whole: bool = True) -> Compartments:
    """The one body of these tests, compiled once; a rate of 0 switches a flow off."""
    return small(whole=whole)


def given(rates: dict[str, float], count: int) -> Floats:
    row = [{**NONE, "half": 5.0, "many": MANY, **rates}[name] for name in everything().parameters]
    return np.tile(np.array(row), (count, 1))


def go(rates: dict[str, float], times: Any, count: int = 1, whole: bool = True, **asked: Any) -> compartments.Course:
    known = everything(whole)
    return compartments.run(
        known, given(rates, count), np.asarray(times, float), levels=np.zeros((count, 0)), **asked
    )  # fmt: skip


def expm(matrix: Floats) -> Floats:
    """e^matrix of a small matrix, by scaling and Taylor's series."""
    steps = 2 ** max(0, math.ceil(math.log2(np.abs(matrix).sum() + 1)) + 3)
    out, term = np.eye(len(matrix)), np.eye(len(matrix))
    for k in range(1, 20):
        term = term @ matrix / steps / k
        out = out + term
    return np.linalg.matrix_power(out, steps)


def law(t: float) -> Floats:
    """What a thousand of a are expected to be after t: a, b, c, dead."""
    f, s, o = CHAIN["on"], CHAIN["back"], CHAIN["over"]
    q = np.array([[-f, f, 0, 0], [s, -s - o - s, o, s], [0, 0, 0, 0], [0, 0, 0, 0]])
    return np.asarray(MANY * expm(q * t)[0])


def test_a_linear_chain_follows_its_closed_form() -> None:
    times = np.array([0.0, 0.3, 1.0, 4.0, 20.0])
    found = go(CHAIN, times, whole=False)
    for n, t in enumerate(times):
        np.testing.assert_allclose(found.amounts[0, n], law(t)[:3], rtol=1e-6, atol=1e-6)


def test_the_law_of_whole_stocks_is_exact_in_one_step() -> None:
    """Means and variances of one long step, in which an item moves many times: multinomial with exp(Q t)."""
    bodies, t = 4000, 4.0
    found = go(CHAIN, [0.0, t], bodies)
    ended = np.column_stack([found.amounts[:, 1], found.lost[:, 1]])
    p = law(t) / MANY
    variance = MANY * p * (1 - p)
    assert np.all(np.abs(ended.mean(0) - law(t)) < Z * np.sqrt(variance / bodies))
    assert np.all(np.abs(ended.var(0) / variance - 1) < Z * math.sqrt(2 / bodies) * 1.1)


@pytest.mark.parametrize("n, p", [(7, 0.3), (1000, 0.002), (1000, 0.4), (1000, 0.985), (10**12, 3e-12), (10**9, 1e-6)])
def test_choices_are_binomial(n: int, p: float) -> None:
    """One exit with chance p in a second, of n items, 4,000 times; the chance of no exit too where it is not rare."""
    bodies = 4000
    lost = go({"die": -math.log1p(-p), "many": float(n)}, [0.0, 1.0], bodies).lost[:, 1]
    variance = n * p * (1 - p)
    fourth = 3 + (1 - 6 * p * (1 - p)) / variance
    assert abs(lost.mean() - n * p) < Z * math.sqrt(variance / bodies)
    assert abs(lost.var() / variance - 1) < Z * math.sqrt((fourth - 1) / bodies)
    none = (1 - p) ** n if n < 10**8 else math.exp(-n * p)
    assert abs(np.mean(lost == 0) - none) < Z * math.sqrt(none * (1 - none) / bodies) + 1e-9


@pytest.mark.parametrize("n, gain", [(1, 1.5), (40, 0.2), (10**6, 1.0)])
def test_growth_is_yules(n: int, gain: float) -> None:
    bodies = 4000
    found = go({"grow": gain, "many": float(n)}, [0.0, 1.0], bodies).of("a")[:, 1]
    mean, variance = n * math.exp(gain), n * math.exp(gain) * (math.exp(gain) - 1)
    q = math.exp(-gain)
    excess = (6 + q * q / (1 - q)) / n
    assert abs(found.mean() - mean) < Z * math.sqrt(variance / bodies)
    assert abs(found.var() / variance - 1) < Z * math.sqrt((2 + excess) / bodies)


def test_cells_are_kept_to_the_unit() -> None:
    """What came and grew is what is there and what died, at every time, in the whole body."""
    inflow = np.zeros((20, 6, 3))
    inflow[:, :, 0] = np.arange(6) * 17
    found = go(GROWTH, np.linspace(0, 12, 7), 20, inflow=inflow, longest=0.7)
    here = found.amounts.sum(2)
    assert np.array_equal(MANY + found.gained, here + found.lost)
    assert found.lost[:, -1].min() > 0 and (found.gained[:, -1] > inflow.sum((1, 2))).all()


def test_entries_come_evenly_over_the_interval() -> None:
    """Of n that came in [0, h] and leave at k, n (1 - e^-kh) / (kh) are still there."""
    n, h, k, bodies = 500.0, 3.0, 0.4, 2000
    inflow = np.zeros((bodies, 1, 3))
    inflow[:, 0, 0] = n
    for longest in (math.inf, 0.9):
        found = go({"die": k, "many": 0.0}, [0.0, h], bodies, inflow=inflow, longest=longest).of("a")[:, 1]
        p = (1 - math.exp(-k * h)) / (k * h)
        assert abs(found.mean() - n * p) < Z * math.sqrt(n * p * (1 - p) / bodies)


def test_the_mean_of_whole_stocks_is_the_equation() -> None:
    """Growth, exits, Poisson arrivals from outside: 3,000 bodies against the equations."""
    rates = {"arrive": 3.0, "grow": 0.1, "on": 0.4, "end": 2.0}
    times, bodies = np.array([0.0, 2.0, 10.0]), 3000
    drawn = go(rates, times, bodies, longest=0.1)
    means = go(rates, times, expected=True)
    for n in (1, 2):
        for drew, mean in (
            (drawn.amounts, means.amounts[0]),
            (drawn.lost, means.lost[0]),
            (drawn.gained, means.gained[0]),
        ):
            sample = drew[:, n]
            error = sample.std(0, ddof=1) / math.sqrt(bodies) + 1e-3 * np.abs(mean[n])  # halves of growth: 1e-3
            assert np.all(np.abs(sample.mean(0) - mean[n]) < Z * error + 1e-9)


def test_a_run_cut_in_two_is_the_whole_run() -> None:
    times = np.array([0.0, 1.0, 2.5, 4.0, 9.0])
    full = go(GROWTH, times, 9)
    first = go(GROWTH, times[:3], 9)
    second = go(GROWTH, times[2:], 9, begin=first.state)
    assert np.array_equal(full.amounts[:, 2:], second.amounts)
    again = go(GROWTH, times[2:], 9, begin=first.state)
    assert np.array_equal(second.amounts, again.amounts)


def test_threads_and_company_change_no_bit() -> None:
    times = np.linspace(0, 5, 6)
    one = go(GROWTH, times, 40)
    assert np.array_equal(one.amounts, go(GROWTH, times, 40, threads=3).amounts)
    alone = go(GROWTH, times, 1, numbers=np.array([33]))
    assert np.array_equal(one.amounts[33], alone.amounts[0])
    assert not np.array_equal(one.amounts, go(GROWTH, times, 40, seed=2).amounts)


def test_a_body_that_cannot_be_followed_is_marked_and_the_others_run() -> None:
    known = everything(whole=False)
    rows = given(NONE, 3)
    rows[1, known.parameters.index("boost")] = 2.0  # a doubles ever faster and is infinite before the first second
    found = compartments.run(known, rows, np.array([0.0, 1.0, 5.0]), levels=np.zeros((3, 0)))
    assert found.failed.tolist() == [-1, 0, -1]
    assert np.isnan(found.amounts[1, 1:]).all() and np.isfinite(found.amounts[[0, 2]]).all()


@pytest.mark.parametrize("body", [SPREAD, NODE, PATIENT], ids=lambda body: body.name)
def test_declared_bodies_have_units(body: Body) -> None:
    Compartments(body, {name: p.unit for name, p in read.parameters().items()}).check()


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        (Flow("x", "a", "b", "arrive"), "dimension of 1/s"),
        (Flow("x", "", "a", "back"), "dimension of \\(item\\)/s"),
        (Flow("x", "a", "d", "back"), "a stock of small"),
        (Flow("x", "a", "b", "bak"), "did you mean 'back'"),
        (Flow("x", "a", "b", "back", grows=True), "`grows`"),
        (Flow("x", "a", "a", "back"), "`grows`"),
        (Flow("x", "", DEAD, "back"), "begins or ends in a stock"),
    ],
)
def test_a_wrong_declaration_is_refused(flow: Flow, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        small(flow).check()


def test_whole_and_other_stocks_do_not_mix() -> None:
    stocks = (Stock("a", "dish", "item", whole=True), Stock("b", "dish", "item"))
    with pytest.raises(DeclarationError, match="both whole or both not"):
        small(Flow("x", "a", "b", "back"), stocks=stocks).check()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"times": [0.0, 0.0]}, "rising times"), ({"longest": 0.0}, "longest step"),
        ({"inflow": np.full((1, 1, 3), 0.5)}, "whole numbers"), ({"inflow": np.full((1, 1, 3), -1.0)}, ">= 0"),
        ({"inflow": np.zeros((1, 2, 3))}, "the shape"), ({"rates": {"on": math.nan}}, "finite"),
    ],
)  # fmt: skip
def test_wrong_arrays_are_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        go(**{"rates": CHAIN, "times": [0.0, 1.0], **asked})


def test_colonies_grow_each_from_its_own_birth() -> None:
    """The same uniform numbers by hand; exponential growth, and the logistic against its equation."""
    times, k = np.array([0.0, 10.0, 20.0, 60.0]), 0.2
    births = np.array([[2.0, 1.0, 0.0]])
    found = colonies.follow(births, times, Growth(np.array([k]), np.array([math.inf]), np.array([1e3])))
    u = drawn(streams.stretches(1, streams.Purpose.COLONY, np.array([0]))[0], 3)
    at = np.array([10 * u[0], 10 * u[1], 10 + 10 * u[2]])
    sizes = np.exp(k * (times[:, np.newaxis] - at)) * (at < times[:, np.newaxis])
    np.testing.assert_allclose(found.cells[0], sizes.sum(1), rtol=1e-12)
    np.testing.assert_allclose(found.largest[0], sizes.max(1), rtol=1e-12)
    assert found.number[0].tolist() == [0, 2, 3, 3] and found.seen[0].tolist() == (sizes >= 1e3).sum(1).tolist()


def test_the_quarter_power_logistic_solves_its_equation() -> None:
    times, k, most = np.linspace(0, 400, 4001), 0.1, 1e6
    born = np.zeros((1, 4000))
    born[0, 0] = 1
    n = colonies.follow(born, times, Growth(np.array([k]), np.array([most]), np.array([1.0]))).cells[0]
    slope = (n[3:] - n[1:-2]) / (times[3:] - times[1:-2])
    np.testing.assert_allclose(slope, k * n[2:-1] * (1 - (n[2:-1] / most) ** 0.25), rtol=1e-4, atol=1e-3)
    assert n[-1] == pytest.approx(most, rel=0.02) and n[1] == pytest.approx(1, abs=0.02)


def test_many_colonies_are_groups_of_the_same_mean() -> None:
    """10,000 births in an interval, in 64 strata of time: the mean of e^(k t) over the interval."""
    found = colonies.follow(
        np.array([[1e4]]), np.array([0.0, 5.0]), Growth(np.array([0.4]), np.array([math.inf]), np.array([2.0]))
    )  # fmt: skip
    assert found.cells[0, 1] / 1e4 == pytest.approx((math.exp(2) - 1) / 2, rel=6e-3)  # 4.5 standard deviations
    assert found.seen[0, 1] / 1e4 == pytest.approx(1 - math.log(2) / 2, abs=1 / 64)


def drawn(state: np.uint64, count: int) -> list[float]:
    """The first uniform numbers of a stream (SplitMix64), written anew."""
    found, at, mask = [], int(state), 2**64 - 1
    for _ in range(count):
        at = (at + 0x9E3779B97F4A7C15) & mask
        z = ((at ^ (at >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        found.append((((z ^ (z >> 31)) >> 12) + 0.5) * 2.0**-52)
    return found
