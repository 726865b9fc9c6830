"""Units: what a user types becomes seconds, micromolar, micrometres and items; nothing else goes further in."""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
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
_UNIT = re.compile(r"(?:[A-Za-z0-9_%°Å*/^() +¹²³⁻·-]|(?<=\d)\.(?=\d))*")
_POWER = re.compile(r"(?:\*\*|\^)[\s(]*([-+]?[\d.]+(?:[eE][-+]?\d+)?)")
_TOWER = re.compile(r"(?<![A-Za-z0-9_])[\d.]+(?:[eE][-+]?\d+)?[)\s]*(?:\*\*|\^)")
"""A number raised to a power: no unit has one, and pint would work out all digits of 9**9**9**9."""
LONGEST = 100
"""Letters of a unit."""
MOST_POWER = 16
"""Largest exponent in a unit."""
SHOWN = 80
"""Letters of a text that an error repeats."""
KEPT = 4096
"""Unit texts that are remembered."""


@cache
def registry() -> pint.UnitRegistry[Any]:
    """The one unit registry: pint's own, and `item` for things that are counted (vesicles, molecules, cells)."""
    ureg: pint.UnitRegistry[Any] = pint.UnitRegistry()
    ureg.define("item = [item] = items = molecules = exosomes = vesicles = cells")
    return ureg


@lru_cache(maxsize=KEPT)
def factor_to_internal(unit: str) -> float:
    """Factor from `unit` to the internal unit of its dimension.

    Raises UnitError for a unit nobody knows, and for one that does not begin at zero or is no plain multiple.
    """
    parsed = parse_unit(unit)
    target = registry().Unit("")
    for dimension, power in parsed.dimensionality.items():
        target = target * registry().Unit(INTERNAL[str(dimension)]) ** power
    factor = float(registry().Quantity(1.0, parsed).to(target).magnitude)
    return float(f"{factor:.15g}")  # 1 uM is 1, not 0.9999999999999999


@lru_cache(maxsize=KEPT)
def parse_unit(unit: str) -> Any:
    """The pint unit of a text, or a UnitError that says what is wrong with it."""
    try:
        plain = "" if unit in ("", "1", "-", "dimensionless") else unit.strip().replace("µ", "u").replace("μ", "u")
        steep = any(abs(float(power)) > MOST_POWER for power in _POWER.findall(plain))
        if steep or len(plain) > LONGEST or not _UNIT.fullmatch(plain) or _TOWER.search(plain):
            raise ValueError("no unit")
        found = registry().Unit(plain)
        odd = set(map(str, found.dimensionality)) - set(INTERNAL)
        _refuse_scale(unit, found)
    except UnitError:
        raise
    except Exception as problem:
        raise refuse(
            UnitError, _short(unit), "a unit such as 'uM', 'min', '1/s', 'um'", "Write the unit in full."
        ) from problem
    if odd:
        expected = f"a unit made of {', '.join(d.strip('[]') for d in INTERNAL)}, not of {sorted(odd)[0].strip('[]')}"
        raise refuse(UnitError, _short(unit), expected, "Write for example 'uM', 'min', '1/s', 'um'.")
    return found


def _refuse_scale(unit: str, found: Any) -> None:
    """Degrees Celsius and decibels have no factor: their zero is elsewhere, or they are logarithms."""
    known = registry()._units
    if any(name in known and not known[name].is_multiplicative for name in found._units):
        expected = "a unit that is a multiple of others, none with a zero of its own or on a logarithmic scale"
        raise refuse(UnitError, _short(unit), expected, "Write for example kelvin for degC.")
    if not 0 < float(registry().Quantity(1.0, found).to_base_units().magnitude) < math.inf:
        raise ValueError("a factor beyond any number")


@lru_cache(maxsize=KEPT)
def dimension(unit: str) -> Any:
    """Dimensionality of a unit text, for checks."""
    return (1 * parse_unit(unit)).dimensionality


def split_quantity(text: str | float | int, *, what: str) -> tuple[float, str]:
    """Number and unit of '0.04 1/min'; a bare number has the unit ''. Any finite number, negative ones too."""
    value, unit = _split(text, what, f"Write for example {what} = '0.04 1/min'.", f"a number with a unit for {what}")
    _named(unit, what)
    return value, unit


def quantity(text: str | float | int, unit: str, *, what: str, signed: bool = False) -> float:
    """Read '5 uM' as a number in `unit`.

    `what` names the thing in the error ('dose of ionomycin'). A bare number is refused unless `unit` is
    dimensionless, and so are NaN, infinities and, unless `signed`, negative values.
    """
    example = f"Write for example {what} = '1 {unit}'." if unit else f"Write for example {what} = 1."
    value, given = _split(text, what, example, f"a number with a unit for {what}")
    if value < 0 and not signed:
        raise refuse(UnitError, _short(text), f"a number >= 0 for {what}", example)
    if _named(given, what) != dimension(unit):
        word = f"unit {unit!r} (or one that converts to it)" if unit else "no unit"
        raise refuse(UnitError, _short(text), f"{word} for {what}", example)
    converted = float(registry().Quantity(value, parse_unit(given)).to(parse_unit(unit)).magnitude)
    if not math.isfinite(converted):
        raise refuse(UnitError, _short(text), f"a finite number for {what}", example)
    return converted


def _split(text: str | float | int, what: str, example: str, expected: str) -> tuple[float, str]:
    """A finite number and what stands behind it."""
    try:
        if isinstance(text, (int, float)) and not isinstance(text, bool):
            value, unit = float(text), ""
        else:
            match = _QUANTITY.match(str(text))
            if match is None:
                raise refuse(UnitError, _short(text), expected, example)
            value, unit = float(match.group(1)), match.group(2).strip()
    except OverflowError:  # a whole number of hundreds of digits
        value, unit = math.inf, ""
    if not math.isfinite(value):
        raise refuse(UnitError, _short(text), f"a finite number for {what}", example)
    return value, unit


def _named(unit: str, what: str) -> Any:
    """Dimension of a unit that was given for something, which the error names."""
    try:
        return dimension(unit)
    except UnitError as problem:
        raise UnitError(f"{what}: {problem}") from problem


def _short(text: object) -> object:
    """What was typed, cut where it would fill the screen."""
    if isinstance(text, int) and abs(text) > 10**SHOWN:
        return f"a whole number of more than {SHOWN} digits"
    return f"{text[:SHOWN]}..." if isinstance(text, str) and len(text) > SHOWN else text


def seconds(text: str | float, *, what: str) -> float:
    """Read a time such as '30 min' as seconds."""
    return quantity(text, "s", what=what)


def say_seconds(value: float) -> str:
    """Seconds in the unit a person would choose: 90 -> '1.5 min'."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if abs(value) >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g} s"
