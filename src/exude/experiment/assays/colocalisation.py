"""Share of MVBs at which Rab11 is seen."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import stats

from exude.engine.result import Run
from exude.engine.streams import generator
from exude.errors import DataError, ProtocolError, refuse
from exude.experiment.assays.base import AbstractAssay
from exude.experiment.assays.noise import covariance
from exude.experiment.assays.reading import cell_numbers, gained, moment, named, number, pick, sampled, split


@dataclass(frozen=True)
class Colocalisation(AbstractAssay):
    """Manders-like share of CD63 MVBs that overlap Rab11.

    arriving = immature / all * (1 - exp(-x)), x = rab11_dwell * growths per immature MVB and second, over the last
    rab11_lookback before `at`; share = arriving + (1 - arriving) * colocalisation_chance.
    at: time of the reading in s; infinity is the end of the run.
    Valid when: arrivals at an immature MVB are a Poisson stream of steady rate over the lookback; every MVB shows
    CD63. Likelihood: overlapping MVBs are beta-binomial, the extra variance being that between cells.
    """

    _: KW_ONLY
    at: float = math.inf
    purpose: ClassVar[int] = 20

    def observable(self, run: Run) -> xr.Dataset:
        """`share` of MVBs that overlap Rab11 and `arriving`, the part that is not chance."""
        arriving = float(self._arriving(run).mean())
        return xr.Dataset(
            {
                "share": number(self._with_chance(arriving), "1", "share of MVBs that overlap Rab11"),
                "arriving": number(arriving, "1", "share of MVBs at which a Rab11 vesicle arrives"),
            }
        )

    def measure(self, run: Run, *, replicates: int = 3, seed: int = 1) -> xr.Dataset:
        """`overlapping` of `mvbs` MVBs counted in `cells` cells, and their `share`, each (replicate,)."""
        rng = generator(seed, self.purpose)
        cultures = split(run, replicates, rng)
        mvbs = np.array([self._counted(culture) for culture in cultures])
        expected = np.array([self._with_chance(float(self._arriving(culture).mean())) for culture in cultures])
        seen = rng.binomial(mvbs, np.where(mvbs > 0, expected, 0))
        share = np.divide(seen, mvbs, out=np.full(len(mvbs), math.nan), where=mvbs > 0)
        return xr.Dataset(
            {
                "overlapping": named(xr.DataArray(seen, dims="replicate"), "MVBs", "MVBs that overlap Rab11"),
                "mvbs": named(xr.DataArray(mvbs, dims="replicate"), "MVBs", "MVBs counted"),
                "share": named(xr.DataArray(share, dims="replicate"), "1", "share of MVBs that overlap Rab11"),
                "cells": cell_numbers(cultures),
            }
        )

    def log_likelihood(self, run: Run, data: xr.Dataset) -> float:
        """Log probability of `overlapping` of `mvbs` MVBs in `cells` cells, each (replicate,)."""
        each = self._arriving(run).values[:, None] * (1 - self.numbers["colocalisation_chance"])
        share = self._with_chance(float(self._arriving(run).mean()))
        columns = [np.atleast_1d(pick(data, name).values) for name in ("overlapping", "mvbs", "cells")]
        total = 0.0
        for seen, mvbs, n in zip(*np.broadcast_arrays(*columns), strict=True):
            if seen > mvbs:
                raise refuse(
                    DataError, f"{seen} of {mvbs}", "no more overlapping MVBs than MVBs", "Correct the counts."
                )
            between = covariance(each, n)[0, 0] / (share * (1 - share))
            if 0 < between < 1:
                a = share * (1 - between) / between
                b = (1 - share) * (1 - between) / between
                total += float(stats.betabinom.logpmf(seen, mvbs, a, b))
            else:
                total += float(stats.binom.logpmf(seen, mvbs, share))
        return total

    def _with_chance(self, arriving: float) -> float:
        return arriving + (1 - arriving) * self.numbers["colocalisation_chance"]

    def _counted(self, run: Run) -> int:
        at = moment(run, self.at)
        return int(run.data["stage_count"].sel(time=at, method="nearest").sum())

    def _arriving(self, run: Run) -> xr.DataArray:
        """Share of MVBs at which Rab11 arrives, shared out over cells to first order, (cell,)."""
        stop = moment(run, self.at)
        start = max(float(run.data["time"][0]), stop - self.numbers["rab11_lookback"])
        if stop <= start:
            raise refuse(ProtocolError, self.at, "a time after the start of the run", "Read later.")
        counts = sampled(run.data["stage_count"], np.array([start, stop])).mean("time") * (stop - start)
        growing, present = counts.sel(stage="immature", drop=True), counts.sum("stage")
        grown = gained(run, "growths", (start, stop)) * self.numbers["rab11_dwell"]
        g, i, a = (float(part.mean()) for part in (grown, growing, present))
        if i <= 0:
            return xr.zeros_like(grown)
        none = math.exp(-g / i)
        # First-order share of each cell in i / a * (1 - exp(-g / i)); the three terms sum to 0 over all cells.
        shift = none * grown + (1 - none - none * g / i) * growing - i / a * (1 - none) * present
        return i / a * (1 - none) + shift / a
