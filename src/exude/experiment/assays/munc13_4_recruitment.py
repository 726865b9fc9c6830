"""Munc13-4 on membranes, seen by fluorescence."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.result import Run
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import moment, named, sampled


@dataclass(frozen=True)
class Munc13Recruitment(AbstractCultureAssay):
    """Copies of Munc13-4 on membranes over time, their fold and their rise over rest.

    fold(t) = recruited(t) / recruited(rest); rise(t) = recruited(t) - recruited(rest).
    rest: time of the resting reading, in s since the start of the run (0: before any stimulus).
    Valid when: fluorescence is proportional to copies; mutant and wild type are equally bright.
    """

    _: KW_ONLY
    rest: float = 0.0
    purpose: ClassVar[int] = 17
    reads: ClassVar[str] = "recruited"

    @property
    def noise(self) -> Lognormal:
        """Of each reading on its own."""
        return Lognormal(self.numbers["fluorescence_cv"], self.numbers["recruitment_floor"])

    def signal(self, run: Run) -> xr.DataArray:
        """Copies on membranes, (cell, time)."""
        moment(run, self.rest)
        return named(run.data["recruited"].copy(), "Munc13-4 copies per cell", "Munc13-4 on membranes")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Adds `fold` and `rise`, (..., time)."""
        seen = readings["recruited"]
        rest = sampled(seen, np.array([self.rest])).isel(time=0, drop=True)
        fold = (seen / rest).where(rest > 0)
        return readings.assign(
            fold=named(fold, "1", "Munc13-4 on membranes over rest"),
            rise=named(seen - rest, "Munc13-4 copies per cell", "Munc13-4 that came to membranes since rest"),
        )
