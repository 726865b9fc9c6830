"""Drugs in a body: closed forms, superposition, steady state, cuts, reach, refusals. No draws, so no false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exude.engine import kinetics
from exude.engine.kinetics import CENTRE, DEPOT, Doses, Kinetics
from exude.engine.layout import Floats
from exude.errors import DataError, ProtocolError, UnitError, UnknownName
from exude.experiment.dosing import Schedule, free_plasma, left_of, plasma, seen_by, with_kinetics
from exude.experiment.protocol import Numbers

HOUR, DAY = 3600.0, 86400.0


def rates(ka: float, ke: float, out: float = 0.0, back: float = 0.0) -> Kinetics:
    return Kinetics(*(np.array([rate]) for rate in (ka, ke, out, back)))


def doses(times: list[float], amount: float, into: int) -> Doses:
    return Doses(np.array(times), np.full((1, len(times)), amount), into)


def centre(k: Kinetics, d: Doses, times: Floats) -> Floats:
    return np.asarray(kinetics.follow(k, d, times)[0, :, CENTRE])


def test_one_compartment_and_bateman() -> None:
    t, ka, ke = np.linspace(0, 40, 81), 1.7, 0.3
    bolus = centre(rates(ka, ke), doses([0.0], 5.0, CENTRE), t)
    np.testing.assert_allclose(bolus, 5 * np.exp(-ke * t), rtol=1e-11)
    oral = centre(rates(ka, ke), doses([0.0], 5.0, DEPOT), t)
    np.testing.assert_allclose(oral[1:], (5 * ka / (ka - ke) * (np.exp(-ke * t) - np.exp(-ka * t)))[1:], rtol=1e-10)
    same = centre(rates(ke, ke), doses([0.0], 5.0, DEPOT), t)  # Bateman's formula divides by 0 here
    np.testing.assert_allclose(same, 5 * ke * t * np.exp(-ke * t), rtol=1e-10)


def test_two_compartments() -> None:
    t, ke, out, back = np.linspace(0, 30, 61), 0.4, 0.7, 0.2
    total, product = ke + out + back, ke * back
    fast, slow = (total + np.array([1, -1]) * math.sqrt(total**2 - 4 * product)) / 2
    expected = ((fast - back) * np.exp(-fast * t) + (back - slow) * np.exp(-slow * t)) / (fast - slow)
    np.testing.assert_allclose(centre(rates(1.0, ke, out, back), doses([0.0], 1.0, CENTRE), t), expected, rtol=1e-10)


def test_atezolizumab_ends_with_27_days() -> None:
    """Clearance, two volumes and the half-life of the label were turned into four rates; here is the way back."""
    late = plasma(Schedule("anti-PD-L1", "1200 mg"), duration="400 days", every="1 day", host="patient").free[0].values
    assert math.log(2) / math.log(late[-2] / late[-1]) == pytest.approx(27.0, abs=0.05)
    assert late[0] == pytest.approx(1.2 / 150e3 / 3.28 * 1e6, rel=1e-6)  # 1,200 mg in 3.28 l, uM


def test_doses_add_up_and_steady_state_is_the_geometric_sum() -> None:
    t, ke, tau = np.arange(0, 400.0), 0.05, 12.0
    many = centre(rates(1.0, ke), doses([tau * i for i in range(34)], 1.0, CENTRE), t)
    singles = sum(centre(rates(1.0, ke), doses([tau * i], 1.0, CENTRE), t) for i in range(34))
    np.testing.assert_allclose(many, singles, rtol=1e-11)
    assert many[384] == pytest.approx(1 / (1 - math.exp(-ke * tau)), rel=1e-8)


def test_cut_in_two_is_the_whole() -> None:
    """Asking for more times in between changes nothing: exp(A (s + t)) = exp(A s) exp(A t)."""
    k, d = rates(900.0, 0.3, 0.6, 0.1), doses([0.0, 7.0, 14.0], 2.0, DEPOT)
    few, fine = np.array([0.0, 10.0, 20.0]), np.linspace(0, 20, 201)
    np.testing.assert_allclose(centre(k, d, fine)[[0, 100, 200]], centre(k, d, few), rtol=1e-11)


def test_nothing_is_made() -> None:
    amounts = kinetics.follow(rates(5.0, 0.0, 0.6, 0.1), doses([0.0, 7.0], 2.0, DEPOT), np.linspace(0, 500, 40))
    assert amounts.min() >= 0
    np.testing.assert_allclose(amounts[0, 1:].sum(1), 4.0, rtol=1e-11)


def test_dose_units_are_texts() -> None:
    """5 mg/kg of a mouse of 25 g is 125 ug; of a drug of 300 g/mol that is 0.4167 umol."""
    alike = ("5 mg/kg", "125 ug", "0.125 mg", "416.6666666666667 nmol", "16.666666666666668 umol/kg")
    found = [plasma(Schedule("bexin", dose), duration="2 h").free.values for dose in alike]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-12)


def test_schedules_of_one_drug_add_up_and_zero_is_nothing() -> None:
    a, b = (
        Schedule("bexin", "5 mg/kg"),
        Schedule("bexin", "3 mg/kg", route="mouth", at="2 h", every="4 h", until="11 h"),
    )
    both = plasma(a, b, duration="1 day").free
    np.testing.assert_allclose(both, plasma(a, duration="1 day").free + plasma(b, duration="1 day").free, rtol=1e-12)
    assert b.times(DAY).tolist() == [2 * HOUR, 6 * HOUR, 10 * HOUR]
    assert not plasma(Schedule("bexin", "0 mg")).free.values.any()


def test_reach() -> None:
    """For the tumour alone: nothing elsewhere; targeted: more there, less elsewhere; the level left follows Hill."""
    sets, t = [Numbers.default()], np.array([0.0, HOUR])
    for reach, there, elsewhere in (("body", 1.0, 1.0), ("tumour", 1.0, 0.0), ("targeted", 2.0, 0.1)):
        found = free_plasma([Schedule("bexin", "5 mg/kg", reach=reach)], t, duration=DAY, host="mouse", sets=sets)
        free = found["bexin", reach]
        for where, share in (("tumour", there), ("elsewhere", elsewhere)):
            left = left_of("UNC13D", seen_by(found, where, sets), (1, 2))
            np.testing.assert_allclose(left, 1 / (1 + share * free / 5.0), rtol=1e-12)  # K 5 uM, slope 1
            assert np.array_equal(left_of("RAB27A", seen_by(found, where, sets), (1, 2)), np.ones((1, 2)))


def test_every_drug_with_kinetics_can_be_given() -> None:
    assert len(with_kinetics()) >= 6
    for drug in with_kinetics():
        free = plasma(Schedule(drug, "1 mg/kg", route="mouth"), duration="2 days").free
        assert float(free.max()) > 0 and bool(np.isfinite(free).all())


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"drug": "bexxin"}, UnknownName, "did you mean 'bexin"),
        ({"drug": "ionomycin"}, ProtocolError, "kinetics"),
        ({"dose": "-5 mg/kg"}, UnitError, ">= 0"),
        ({"dose": "5 uM"}, UnitError, "a mass or an amount"),
        ({"dose": "5"}, UnitError, "a mass or an amount"),
        ({"dose": "five mg"}, UnitError, "a number with a unit"),
        ({"dose": "nan mg/kg"}, UnitError, "finite"),
        ({"route": "nose"}, ProtocolError, "route"),
        ({"reach": "tumor"}, ProtocolError, "did you mean 'tumour'"),
        ({"every": "0 h"}, ProtocolError, "above 0"),
        ({"at": "5 h", "until": "1 h"}, ProtocolError, "`until` after"),
    ],
)
def test_a_wrong_schedule_is_refused(wrong: dict[str, str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Schedule(**{"drug": "bexin", "dose": "5 mg/kg", **wrong})


@pytest.mark.parametrize(
    "schedule", [Schedule("bexin", "1 mg", at="3 days"), Schedule("bexin", "1 mg", every="1 h", until="3 days")]
)
def test_a_schedule_past_the_end_is_refused(schedule: Schedule) -> None:
    with pytest.raises(ProtocolError, match="after the end of the run"):
        plasma(schedule, duration="2 days")


def test_negative_elimination_is_refused() -> None:
    with pytest.raises(DataError, match="elimination"):
        kinetics.follow(rates(1.0, -0.1), doses([0.0], 1.0, CENTRE), np.array([0.0, 1.0]))
    with pytest.raises(UnitError, match="bexin_elimination"):
        Numbers.default().but(bexin_elimination=-1e-5)


def test_an_unknown_host_is_refused() -> None:
    with pytest.raises(ProtocolError, match="did you mean 'mouse'"):
        plasma(Schedule("bexin", "1 mg"), host="mous")
