"""What an inhibitor of Munc13-4 in a mouse does to single cells: by dose, to tumour cells, normal cells and T cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exude.cascade import ALL, DEFAULT_HYPOTHESIS
from exude.derive.evaluate import evaluate
from exude.engine.layout import Floats
from exude.experiment.cohort import DAY, FINE
from exude.experiment.dosing import REACHES, Schedule, free_plasma, left_of, seen_by
from exude.experiment.expect import expect
from exude.experiment.perturbations import KnockDown
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import Settings
from exude.experiment.study.cultures import LINE, Read
from exude.experiment.study.effort import Effort
from exude.units import seconds

DOSES = (300, 1000, 3000, 10000)
"""mg of bexin per kg and day, far beyond what anyone would give: its kinetics are assumed, and most of it is bound."""
A_DAY = 6
"""Doses a day: it is gone within hours."""
STEADY = 20
"""Day over which cells are read: what is given has settled."""
NORMAL_LINE = "MCF-10A"
LEFT = tuple(i / 8 for i in (0, 1 / 4, 1 / 2, 1, 2, 3, 4, 6, 8))
"""Munc13-4 left, of what a line has, at which rates are worked out; straight between them."""
SPAN = "12 h"
DISH = "cells under bexin"


def bexin(dose: float, reach: str = "body") -> Schedule:
    """A dose (mg/kg and day) by mouth, in A_DAY parts."""
    return Schedule("bexin", f"{dose / A_DAY:g} mg/kg", route="mouth", every=f"{24 // A_DAY} h", reach=reach)


@dataclass(frozen=True)
class DoseDish:
    """Cells of a treated mouse by the mean field; curves over no dose and DOSES, 'what, reach' -> share of untreated.

    `fusions` and `exosomes` of the tumour line and `normal` (exosomes of NORMAL_LINE), `granules` (their release by
    T cells): means over a day, of rates and not rates at the mean concentration.
    """

    name: str = DISH
    hypothesis: str = DEFAULT_HYPOTHESIS
    scored: bool = True

    def read(self, numbers: Numbers, effort: Effort, *, seed: int) -> Read:
        """Work it out; neither effort nor seed matters, for nothing is drawn."""
        tumour, normal = (_rates(line, numbers) for line in (LINE, NORMAL_LINE))
        curves: dict[str, Floats] = {}
        for reach in REACHES:
            seen = {where: [_munc13_4(dose, reach, where, numbers) for dose in DOSES] for where in WHERE}
            inside, outside = (seen[where] for where in WHERE)
            curves[f"fusions, {reach}"] = _course(inside, tumour["fusions"])
            curves[f"exosomes, {reach}"] = _course(inside, tumour["exosomes"])
            curves[f"normal, {reach}"] = _course(outside, normal["exosomes"])
            left = np.asarray(LEFT)
            killing = [evaluate(ALL, "granules", numbers.values | {"UNC13D": share}) for share in left]
            curves[f"granules, {reach}"] = _course(outside, np.array(killing))
        return Read({}, curves)


WHERE = ("tumour", "elsewhere")


def _munc13_4(dose: float, reach: str, where: str, numbers: Numbers) -> Floats:
    """Share of Munc13-4 that a dose leaves, at times of one day."""
    looks = STEADY * DAY + (np.arange(4 * FINE) + 1 / 2) * DAY / (4 * FINE)
    end = (STEADY + 1) * DAY
    found = free_plasma([bexin(dose, reach)], looks, duration=end, host="mouse", sets=[numbers])
    return np.asarray(left_of("UNC13D", seen_by(found, where, [numbers]), (1, len(looks)))[0])


def _rates(line: str, numbers: Numbers) -> dict[str, Floats]:
    """Mean rates (1/s) of a line at rest, at each of LEFT of Munc13-4."""
    settings = Settings(numbers=numbers)
    made = [expect(line, KnockDown("UNC13D", to=share), duration=SPAN, settings=settings) for share in LEFT]
    span = seconds(SPAN, what="duration")
    return {what: np.array([float(run[what][-1]) for run in made]) / span for what in ("fusions", "exosomes")}


def _course(left: Sequence[Floats], rates: Floats) -> Floats:
    """Mean rate over that without drug, at no dose and each dose; NaN where nothing is released."""
    base = float(np.interp(1.0, LEFT, rates))
    found = [1.0, *(float(np.interp(share, LEFT, rates).mean()) / base if base else np.nan for share in left)]
    return np.array(found)
