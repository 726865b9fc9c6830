"""Luciferase on exosomes, read in the medium over time."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import xarray as xr

from exude.engine.result import Run
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.medium import in_medium
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import WHOLE, Window, named


@dataclass(frozen=True)
class Luciferase(AbstractCultureAssay):
    """Luminescence of medium that gathers from the window's start, in the light of one exosome.

    luminescence = exosomes in the medium / (1 - luminescence_debris): exosomes and unprotected debris together.
    window: fresh medium at its start, last reading at its stop, in s.
    Valid when: each exosome carries the same light; debris goes with release (a constant share of the raw reading).
    """

    _: KW_ONLY
    window: Window = WHOLE
    purpose: ClassVar[int] = 15
    reads: ClassVar[str] = "luminescence"

    @property
    def noise(self) -> Lognormal:
        """Of each reading on its own, with the plate's background as floor."""
        return Lognormal(self.numbers["luminescence_cv"], self.numbers["luminescence_floor"])

    def signal(self, run: Run) -> xr.DataArray:
        """Raw luminescence, (cell, time)."""
        raw = in_medium(run, self.numbers, self.window) / (1 - self.numbers["luminescence_debris"])
        return named(raw, "exosome equivalents per cell", "raw luminescence of the medium")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Adds `protected`: the reading less the share of debris, (..., time)."""
        inside = readings["luminescence"] * (1 - self.numbers["luminescence_debris"])
        unit = "exosome equivalents per cell"
        return readings.assign(protected=named(inside, unit, "luminescence protected inside exosomes"))
