"""Calcium of the reference cell against the literature's ranges, and bounded in every line at every dose."""

import numpy as np
import pytest

import exude
from exude.catalog import read
from exude.units import factor_to_internal

SETTINGS = exude.Settings(alike=True, every="2 s", snapshots=(), events=False, burn_in="3 h", threads=1)
LINE = "MDA-MB-231"


def trace(*what, line=LINE, duration="10 min", name="calcium"):
    return exude.simulate(line, *what, duration=duration, cells=1, settings=SETTINGS).data[name].values[0]


def within(name: str, value: float) -> bool:
    """Whether a value lies in the spread of a literature quantity (two standard deviations of a mean with one)."""
    q = read.literature()[name]
    unit, s = factor_to_internal(q.unit), q.spread
    low, high = (s.low, s.high) if s.kind == "range" else (q.value - 2 * s.sd, q.value + 2 * s.sd)
    return low * unit <= value <= high * unit


def test_rest_lies_in_the_literatures_range():
    low, high = (read.literature()[f"resting_calcium_mcf7_{w}_external"] for w in ("low", "high"))
    assert low.value * factor_to_internal(low.unit) <= trace()[0] <= high.value * factor_to_internal(high.unit)
    assert within("er_calcium_hek293", trace(name="er_calcium")[0])


def test_agonists_make_a_transient_and_histamine_is_over_in_three_minutes():
    (peak,) = [name for name in read.literature() if name.startswith("atp") and "peak" in name]
    assert within(peak, trace(exude.Stimulus("ATP", "20 uM")).max())
    histamine = trace(exude.Stimulus("histamine", "100 uM"))
    assert histamine.max() > 2 * histamine[0]
    assert histamine[90] < 1.1 * histamine[0]


def test_store_operated_blockers_lower_the_plateau_of_ionomycin_and_leave_its_peak():
    free = trace(exude.Stimulus("ionomycin", "1 uM"))
    blocked = trace(exude.Drug("SKF-96365", "20 uM"), exude.Stimulus("ionomycin", "1 uM"))
    assert blocked[-1] < 0.9 * free[-1]
    assert blocked.max() > 0.9 * free.max()


def test_without_outside_calcium_the_peak_stays_and_the_plateau_goes():
    free = trace(exude.Stimulus("ionomycin", "5 uM"))
    none = trace(exude.Stimulus("ionomycin", "5 uM"), exude.External("0 mM"))
    assert none.max() > 0.5 * free.max()
    assert none[-1] < none[0] < free[-1]


def test_bapta_leaves_rest_and_slows_the_rise():
    bapta = exude.Drug("BAPTA-AM", "10 uM")
    assert trace(bapta)[-1] == pytest.approx(trace()[-1], rel=0.02)
    free, held = (trace(*w, exude.Stimulus("ionomycin", "5 uM", at="2 min")) for w in ((), (bapta,)))
    assert held.max() < 0.7 * free.max()
    assert held.argmax() > free.argmax()


@pytest.mark.parametrize("line", sorted(read.lines()))
@pytest.mark.parametrize("dose", ["0.3 uM", "5 uM", "100 uM"])
def test_ionomycin_empties_the_store_and_calcium_stays_bounded(line, dose):
    run = exude.simulate(line, exude.Stimulus("ionomycin", dose), duration="30 min", cells=1, settings=SETTINGS).data
    calcium, store = run["calcium"].values[0], run["er_calcium"].values[0]
    assert np.isfinite(calcium).all() and calcium.max() < 3.0  # uM
    assert abs(calcium[-1] - calcium[-60]) < 0.02 * calcium[-1]  # a plateau, not a climb
    assert store[-1] < 0.9 * store[0]


def test_a_torn_membrane_reseals():
    torn = trace(exude.Stimulus("streptolysin O", "400 ng/ml", until="2 min"), duration="40 min")
    assert torn.max() > 10.0
    assert torn[-1] < 0.3
