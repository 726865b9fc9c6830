"""Diameters of MVBs under the light microscope."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import stats

from exude.engine.result import Run
from exude.engine.streams import generator
from exude.experiment.assays.base import AbstractAssay
from exude.experiment.assays.noise import covariance
from exude.experiment.assays.reading import cell_numbers, moment, named, per_cell, pick, ratio, snapshot, split


@dataclass(frozen=True)
class MvbDiameter(AbstractAssay):
    """Apparent diameter of each MVB at one time: sqrt(diameter^2 + resolution^2), in um.

    at: time of the reading in s; infinity is the end of the run. cd63_only: only MVBs that hold an ILV, which is where
    CD63 is.
    Valid when: the image of an MVB is its outline blurred by the microscope. Likelihood: the mean diameter of a
    culture is normal; MVBs of one cell are not taken as independent.
    """

    _: KW_ONLY
    at: float = math.inf
    cd63_only: bool = False
    purpose: ClassVar[int] = 19

    def observable(self, run: Run) -> xr.Dataset:
        """`diameter` and `cell` (mvb,) and `mean_diameter`, in um; `mvbs`, their number."""
        rows = self._rows(run)
        diameter = self._apparent(rows)
        cell = xr.DataArray(rows["cell"].values, dims="mvb")
        return xr.Dataset(
            {
                "diameter": named(diameter, "um", "apparent diameter of each MVB"),
                "cell": named(cell, "1", "number of the cell"),
                "mean_diameter": named(diameter.mean("mvb"), "um", "mean apparent diameter"),
                "mvbs": named(cell.count("mvb"), "MVBs", "MVBs read"),
            }
        )

    def measure(self, run: Run, *, replicates: int = 3, seed: int = 1) -> xr.Dataset:
        """`diameter` and `culture` (mvb,); `mean_diameter`, `mvbs` and `cells` (replicate,)."""
        rng = generator(seed, self.purpose)
        cultures = split(run, replicates, rng)
        true = [self._apparent(self._rows(culture)).values for culture in cultures]
        seen = [d + self.numbers["microscope_noise"] * rng.standard_normal(len(d)) for d in true]
        mvbs = np.array([len(d) for d in seen])
        means = [float(d.mean()) if len(d) else math.nan for d in seen]
        where = np.repeat(np.arange(len(seen)), mvbs)
        return xr.Dataset(
            {
                "diameter": named(xr.DataArray(np.concatenate(seen), dims="mvb"), "um", "diameter of each MVB"),
                "culture": named(xr.DataArray(where, dims="mvb"), "1", "culture of each MVB"),
                "mean_diameter": named(xr.DataArray(means, dims="replicate"), "um", "mean diameter"),
                "mvbs": named(xr.DataArray(mvbs, dims="replicate"), "MVBs", "MVBs read"),
                "cells": cell_numbers(cultures),
            }
        )

    def log_likelihood(self, run: Run, data: xr.Dataset) -> float:
        """Log density of `mean_diameter` (replicate,) over `mvbs` MVBs in `cells` cells; NaN means are skipped."""
        rows = self._rows(run)
        cells, diameter = rows["cell"].values, self._apparent(rows).values
        each = ratio(per_cell(run, cells, diameter), per_cell(run, cells, np.ones_like(diameter))).values[:, None]
        columns = [np.atleast_1d(pick(data, name).values) for name in ("mean_diameter", "mvbs", "cells")]
        total = 0.0
        for seen, mvbs, n in zip(*np.broadcast_arrays(*columns), strict=True):
            if not math.isnan(seen):
                variance = covariance(each, n)[0, 0] + self.numbers["microscope_noise"] ** 2 / mvbs
                total += float(stats.norm.logpdf(seen, each.mean(), math.sqrt(variance)))
        return total

    def _rows(self, run: Run) -> xr.Dataset:
        """MVBs that are read."""
        there = snapshot(run, moment(run, self.at))
        return there.isel(vesicle=there["ilv"].values > 0) if self.cd63_only else there

    def _apparent(self, rows: xr.Dataset) -> xr.DataArray:
        blurred = np.hypot(rows["diameter"].values, self.numbers["microscope_resolution"])
        return xr.DataArray(blurred, dims="mvb")
