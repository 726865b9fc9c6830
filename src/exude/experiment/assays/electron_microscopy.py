"""Diameters of single exosomes in the electron microscope, fusion by fusion."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import stats

from exude.engine.layout import Floats
from exude.engine.result import Run
from exude.engine.streams import generator
from exude.experiment.assays.base import AbstractAssay
from exude.experiment.assays.reading import WHOLE, Window, cell_numbers, fusions, named, number, pick, split


@dataclass(frozen=True)
class ElectronMicroscopy(AbstractAssay):
    """Diameter of every exosome released in a window, lognormal with the catalogue's mean and spread.

    ln d ~ Normal(ln(mean) - s^2 / 2, s^2), s^2 = ln(1 + cv^2).
    window: (start, stop) in s.
    Valid when: an exosome's diameter does not depend on its MVB, and the microscope adds no error of its own.
    """

    _: KW_ONLY
    window: Window = WHOLE
    purpose: ClassVar[int] = 23

    def observable(self, run: Run) -> xr.Dataset:
        """`mean_diameter` and `sd` in um, `exosomes` per fusion (event,)."""
        table = fusions(run, self.window)
        mean = self.numbers["exosome_diameter"]
        return xr.Dataset(
            {
                "mean_diameter": number(mean, "um", "mean diameter of an exosome"),
                "sd": number(mean * self.numbers["exosome_size_cv"], "um", "standard deviation of diameters"),
                "exosomes": named(table["ilv"].drop_attrs(), "exosomes", "exosomes of each fusion"),
            }
        )

    def measure(self, run: Run, *, replicates: int = 3, seed: int = 1) -> xr.Dataset:
        """`diameter`, `fusion` and `culture` (exosome,) of every exosome released; `exosomes`, `cells` (replicate,)."""
        rng = generator(seed, self.purpose)
        cultures = split(run, replicates, rng)
        counts = [fusions(culture, self.window)["ilv"].values for culture in cultures]
        released = np.array([int(c.sum()) for c in counts])
        center, s = self._law()
        diameter = np.exp(center + s * rng.standard_normal(int(released.sum())))
        fusion = np.concatenate([np.repeat(np.arange(len(c)), c) for c in counts])
        where = np.repeat(np.arange(len(counts)), released)
        return xr.Dataset(
            {
                "diameter": named(xr.DataArray(diameter, dims="exosome"), "um", "diameter of each exosome"),
                "fusion": named(xr.DataArray(fusion, dims="exosome"), "1", "fusion of its culture that released it"),
                "culture": named(xr.DataArray(where, dims="exosome"), "1", "culture of each exosome"),
                "exosomes": named(xr.DataArray(released, dims="replicate"), "exosomes", "exosomes seen"),
                "cells": cell_numbers(cultures),
            }
        )

    def log_likelihood(self, run: Run, data: xr.Dataset) -> float:
        """Log density of the diameters in `data` (um), each on its own."""
        center, s = self._law()
        seen: Floats = np.atleast_1d(pick(data, "diameter").values)
        return float(stats.lognorm.logpdf(seen, s, scale=math.exp(center)).sum())

    def _law(self) -> tuple[float, float]:
        variance = math.log1p(self.numbers["exosome_size_cv"] ** 2)
        return math.log(self.numbers["exosome_diameter"]) - variance / 2, math.sqrt(variance)
