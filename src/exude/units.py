"""Units: what a user types becomes seconds, micromolar, micrometres and items; nothing else goes further in."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import pint

from exude.errors import UnitError, refuse

INTERNAL = {
    "[time]": "s",
    "[substance]": "zeptomole",
    "[length]": "um",
    "[item]": "item",
    "[mass]": "g",
    "[current]": "ampere",
    "[temperature]": "kelvin",
}
"""The unit of each base dimension inside; a zeptomole per cubic micrometre is exactly one micromolar."""

_QUANTITY = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf)\s*(.*)$", re.IGNORECASE)


@cache
def registry() -> pint.UnitRegistry[Any]:
    """The one unit registry: pint's own, and `item` for things that are counted (vesicles, molecules, cells)."""
    ureg: pint.UnitRegistry[Any] = pint.UnitRegistry()
    ureg.define("item = [item] = items = molecules = exosomes = vesicles = cells")
    return ureg


@cache
def factor_to_internal(unit: str) -> float:
    """Factor from `unit` to the internal unit of its dimension.

    Raises UnitError for a unit nobody knows.
    """
    quantity = registry().Quantity(1.0, parse_unit(unit))
    target = registry().Unit("")
    for dimension, power in quantity.dimensionality.items():
        target = target * registry().Unit(INTERNAL[str(dimension)]) ** power
    return float(f"{quantity.to(target).magnitude:.15g}")  # 1 uM is 1, not 0.9999999999999999


@cache
def parse_unit(unit: str) -> Any:
    """The pint unit of a text, or a UnitError that says what is wrong with it."""
    try:
        return registry().Unit("" if unit in ("", "1", "-", "dimensionless") else unit.replace("µ", "u"))
    except Exception as problem:
        raise refuse(UnitError, unit, "a unit such as 'uM', 'min', '1/s', 'um'", "Write the unit in full.") from problem


@cache
def dimension(unit: str) -> Any:
    """Dimensionality of a unit text, for checks."""
    return (1 * parse_unit(unit)).dimensionality


def split_quantity(text: str | float | int, *, what: str) -> tuple[float, str]:
    """Number and unit of '0.04 1/min'; a bare number has the unit ''. Any finite number, negative ones too."""
    example = f"Write for example {what} = '0.04 1/min'."
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        value, unit = float(text), ""
    else:
        match = _QUANTITY.match(str(text))
        if match is None:
            raise refuse(UnitError, text, f"a number with a unit for {what}", example)
        value, unit = float(match.group(1)), match.group(2).strip()
    if not math.isfinite(value):
        raise refuse(UnitError, text, f"a finite number for {what}", example)
    parse_unit(unit)
    return value, unit


def quantity(text: str | float | int, unit: str, *, what: str, signed: bool = False) -> float:
    """Read '5 uM' as a number in `unit`.

    `what` names the thing in the error ('dose of ionomycin'). A bare number is refused unless `unit` is
    dimensionless, and so are NaN, infinities and, unless `signed`, negative values.
    """
    example = f"Write for example {what} = '1 {unit}'." if unit else f"Write for example {what} = 1."
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        value, given = float(text), ""
    else:
        match = _QUANTITY.match(str(text))
        if match is None:
            raise refuse(UnitError, text, f"a number with a unit for {what}", example)
        value, given = float(match.group(1)), match.group(2).strip()
    if not math.isfinite(value):
        raise refuse(UnitError, text, f"a finite number for {what}", example)
    if value < 0 and not signed:
        raise refuse(UnitError, text, f"a number >= 0 for {what}", example)
    if dimension(given) != dimension(unit):
        word = f"unit {unit!r} (or one that converts to it)" if unit else "no unit"
        raise refuse(UnitError, text, f"{word} for {what}", example)
    return float(registry().Quantity(value, parse_unit(given)).to(parse_unit(unit)).magnitude)


def seconds(text: str | float, *, what: str) -> float:
    """Read a time such as '30 min' as seconds."""
    return quantity(text, "s", what=what)


def say_seconds(value: float) -> str:
    """Seconds in the unit a person would choose: 90 -> '1.5 min'."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if abs(value) >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g} s"
