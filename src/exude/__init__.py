"""exude: how a cancer cell releases exosomes, from calcium through Munc13-4 and multivesicular bodies."""

from exude.engine.result import Run
from exude.errors import ExudeError
from exude.experiment.perturbations import (
    CalciumTrace, DominantNegative, Drug, External, KnockDown, KnockOut, Overexpress, Permeabilised, Rescue, Stimulus,
)  # fmt: skip
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import Settings, simulate

load = Run.load

__all__ = [
    "CalciumTrace", "DominantNegative", "Drug", "External", "ExudeError", "KnockDown", "KnockOut", "Numbers",
    "Overexpress", "Permeabilised", "Rescue", "Run", "Settings", "Stimulus", "load", "simulate",
]  # fmt: skip
