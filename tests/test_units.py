"""Units: exact factors, refusals that say what to write instead."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exude import units
from exude.errors import UnitError


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("uM", 1.0), ("nM", 1e-3), ("mM", 1e3), ("M", 1e6), ("min", 60.0), ("1/min", 1 / 60), ("h", 3600.0),
        ("um", 1.0), ("nm", 1e-3), ("1/uM/s", 1.0), ("item", 1.0), ("item/h", 1 / 3600), ("", 1.0), ("um**2/s", 1.0),
        ("1/item/min", 1 / 60), ("dimensionless", 1.0), ("µM", 1.0),
    ],
)  # fmt: skip
def test_internal_units_are_seconds_micromolar_micrometres_items(unit: str, factor: float) -> None:
    assert units.factor_to_internal(unit) == pytest.approx(factor, rel=1e-13)
    if unit in ("uM", "um", "item", "1/uM/s"):
        assert units.factor_to_internal(unit) == factor


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_a_quantity_is_the_same_in_any_unit(value: float) -> None:
    """Reading in nM or uM gives one concentration."""
    micro = units.quantity(f"{value!r} uM", "uM", what="dose")
    nano = units.quantity(f"{value * 1000!r} nM", "uM", what="dose")
    assert micro == pytest.approx(value, rel=1e-12)
    assert nano == pytest.approx(micro, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "unit 'uM'"), (5, "unit 'uM'"), (5.0, "unit 'uM'"), ("5 min", "unit 'uM'"), ("5 um", "unit 'uM'"),
        ("-1 uM", ">= 0"), ("nan uM", "finite"), ("inf uM", "finite"), ("-inf uM", "finite"), ("1e999 uM", "finite"),
        ("a lot", "a number with a unit"), ("", "a number with a unit"), ("uM", "a number with a unit"),
        ("5 furlongs_per_bowl", "a unit such as"), (float("nan"), "finite"), (True, "a number with a unit"),
        (None, "a number with a unit"),
    ],
)  # fmt: skip
def test_bad_quantities_are_refused_with_the_fix(text: object, expected: str) -> None:
    with pytest.raises(UnitError) as caught:
        units.quantity(text, "uM", what="dose of ionomycin")
    message = str(caught.value)
    assert "got" in message and "expected" in message and expected in message
    assert "Write" in message


def test_a_bare_number_is_fine_where_no_unit_is_due() -> None:
    assert units.quantity(3, "", what="fold") == 3.0
    assert units.quantity("3", "", what="fold") == 3.0
    assert units.quantity("-3", "", what="charge", signed=True) == -3.0


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text gets through as NaN, and none raises anything but UnitError."""
    try:
        value = units.quantity(text, "s", what="duration")
    except UnitError:
        return
    assert math.isfinite(value) and value >= 0


@pytest.mark.parametrize(("value", "said"), [(90, "1.5 min"), (7200, "2 h"), (5, "5 s"), (-3600, "-1 h"), (0, "0 s")])
def test_seconds_are_said_in_a_person_s_unit(value: float, said: str) -> None:
    assert units.say_seconds(value) == said
