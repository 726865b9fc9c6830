"""Whether a model's rates make sense as numbers: none negative, every gate between 0 and 1, at any calcium."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from exude.derive.evaluate import reader
from exude.derive.symbols import GATE_MARK, Symbols
from exude.errors import DeclarationError, refuse

CALCIUM_GRID = (0, *np.logspace(-3, 3, 25).tolist())
"""Calcium (uM) at which rates are looked at: from none to far beyond any cell."""
COUNTS = (0, 1, 10, 1000)
"""Stage counts at which rates are looked at, all stages alike."""
GROWTHS = (0, 1, 10, 1000)


def rates(symbols: Symbols, parameters: Mapping[str, float], levels: Mapping[str, float]) -> None:
    """Refuse a rate that is negative or no number, and a gate outside [0, 1], naming it, its value and where.

    Looked at on a grid of calcium and counts with all other traces at 1: a check, not a proof.
    """
    cascade = symbols.cascade
    paced = [(t.name, t.rate) for t in cascade.life_cycle.transitions] + [(e.name, e.rate) for e in cascade.emissions]
    for calcium in CALCIUM_GRID if symbols.traces else (0,):
        for count in COUNTS:
            known = {**parameters, **levels, **dict.fromkeys(symbols.counts, count)}
            known |= dict.fromkeys(symbols.traces, 1.0) | ({symbols.traces[0]: calcium} if symbols.traces else {})
            where = f"at calcium {calcium:.3g} uM" + (f" with {count:g} vesicles in each stage" if count else "")
            value = reader(cascade, known)
            for name, rate in paced:
                _refuse_outside(f"rate of {name}", rate, value, math.inf, where)
    for t in cascade.life_cycle.transitions:
        for growth in GROWTHS if t.gate else ():
            value = reader(cascade, {**parameters, **levels, GATE_MARK: growth})
            _refuse_outside(f"gate of {t.name}", t.gate, value, 1.0, f"at growth {growth:g}")


def _refuse_outside(what: str, text: str, read: Callable[[str], float], most: float, where: str) -> None:
    try:
        value = float(read(text))
    except (ZeroDivisionError, OverflowError, ValueError):
        value = math.nan
    if not 0 <= value <= most:
        expected = "a number >= 0" if most == math.inf else "a number from 0 to 1"
        raise refuse(
            DeclarationError,
            f"{what} = {text} -> {value:.4g} {where}",
            expected,
            "Bound the text, for example by max(0, ...), or change a parameter.",
        )
