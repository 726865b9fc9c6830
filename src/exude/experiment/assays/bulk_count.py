"""Exosomes counted in the medium of a bulk culture."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import xarray as xr

from exude.engine.result import Run
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.medium import final, in_medium
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import HOUR, WHOLE, Window, named, span


@dataclass(frozen=True)
class BulkCount(AbstractCultureAssay):
    """Exosomes per cell and hour: exosomes in the medium at the window's stop * bulk_recovery / its length.

    window: fresh medium at its start, harvest at its stop, in s.
    Valid when: one proportional factor joins bulk counts to single-cell capture (recovery, capture and surface share
    together; no experiment parts them).
    """

    _: KW_ONLY
    window: Window = WHOLE
    purpose: ClassVar[int] = 13
    reads: ClassVar[str] = "rate"

    @property
    def noise(self) -> Lognormal:
        """That of a particle count."""
        return Lognormal(self.numbers["nta_count_cv"], self.numbers["bulk_floor"] * HOUR)

    def signal(self, run: Run) -> xr.DataArray:
        """Exosomes counted per cell and hour, (cell,)."""
        start, stop = span(run, self.window)
        counted = self.numbers["bulk_recovery"] * final(in_medium(run, self.numbers, self.window))
        return named(counted / ((stop - start) / HOUR), "exosomes per cell per hour", "exosomes counted in bulk medium")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Nothing is added."""
        return readings
