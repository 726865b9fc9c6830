"""Exosomes of single cells caught on antibody-coated glass."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import stats

from exude.engine.result import Run
from exude.engine.streams import generator
from exude.errors import DataError, refuse
from exude.experiment.assays.base import AbstractAssay
from exude.experiment.assays.medium import held_share
from exude.experiment.assays.noise import covariance
from exude.experiment.assays.reading import (
    HOUR,
    WHOLE,
    Window,
    cell_numbers,
    gained,
    named,
    number,
    pick,
    span,
    split,
)  # fmt: skip


@dataclass(frozen=True)
class SingleCellCapture(AbstractAssay):
    """Exosomes per cell and hour that leave the cell and are caught, with the background of the glass.

    expected count = (1 - held) * released + capture_background * mean over cells of (1 - held) * released;
    a count draws what is set free exosome by exosome (binomial) and adds Poisson background.
    window: time on the glass, in s.
    Valid when: everything set free is caught. Likelihood: the mean rate of a culture is normal with the variance
    between the run's cells over the number of cells; a negative binomial would be wrong in shape, since exosomes come
    in bursts of whole MVBs, while the mean of some twenty cells or more is near normal.
    """

    _: KW_ONLY
    window: Window = WHOLE
    purpose: ClassVar[int] = 12

    def observable(self, run: Run) -> xr.Dataset:
        """`count` (cell,) in exosomes, `cell_rate` (cell,) and their mean `rate`, in exosomes per cell and hour."""
        free = gained(run, "exosomes", self.window) * (1 - held_share(run, self.numbers))
        count = free + self.numbers["capture_background"] * free.mean("cell")
        rate = count / self._hours(run)
        return xr.Dataset(
            {
                "count": named(count, "exosomes", "exosomes counted at each cell"),
                "cell_rate": named(rate, "exosomes per cell per hour", "rate of each cell"),
                "rate": named(rate.mean("cell"), "exosomes per cell per hour", "mean rate of the cells"),
            }
        )

    def measure(self, run: Run, *, replicates: int = 3, seed: int = 1) -> xr.Dataset:
        """`count` and `culture` (cell,) for single cells; `rate` and `rate_se` (replicate,) for cultures."""
        rng = generator(seed, self.purpose)
        cultures = split(run, replicates, rng)
        counts = [self._counts(culture, rng) for culture in cultures]
        rates = [count / self._hours(run) for count in counts]
        errors = [rate.std(ddof=1) / np.sqrt(len(rate)) if len(rate) > 1 else np.nan for rate in rates]
        where = np.repeat(np.arange(len(counts)), [len(count) for count in counts])
        unit = "exosomes per cell per hour"
        return xr.Dataset(
            {
                "count": named(xr.DataArray(np.concatenate(counts), dims="cell"), "exosomes", "count at each cell"),
                "culture": named(xr.DataArray(where, dims="cell"), "1", "culture of each cell"),
                "rate": named(xr.DataArray([r.mean() for r in rates], dims="replicate"), unit, "mean rate"),
                "rate_se": named(xr.DataArray(errors, dims="replicate"), unit, "standard error of the mean rate"),
                "cells": cell_numbers(cultures),
                "interval": number(self._hours(run) * HOUR, "s", "time on the glass"),
            },
            coords={"cell": np.concatenate([culture.data["cell"].values for culture in cultures])},
        )

    def log_likelihood(self, run: Run, data: xr.Dataset) -> float:
        """Log density of the mean rates `rate` (replicate,) of cultures of `cells` (replicate,) cells."""
        rate, cells = pick(data, "rate"), pick(data, "cells")
        expected = self.observable(run)
        each = expected["cell_rate"].values[:, None]
        # What is set free exosome by exosome and the background scatter too: at most as a Poisson number does.
        counting = float(expected["rate"]) / self._hours(run)
        total = 0.0
        for seen, n in np.broadcast(np.atleast_1d(rate.values), np.atleast_1d(cells.values)):
            variance = covariance(each, n)[0, 0] + self._scatter(run, counting) / n
            if not variance > 0:
                fix = "Lengthen the window or simulate more cells."
                raise refuse(DataError, "no exosome in any cell", "a run whose counts vary", fix)
            total += float(stats.norm.logpdf(seen, float(expected["rate"]), np.sqrt(variance)))
        return total

    def _scatter(self, run: Run, counting: float) -> float:
        """Variance of one cell's rate that capture itself adds, as a share of a Poisson number's."""
        held = float(held_share(run, self.numbers).mean())
        background = self.numbers["capture_background"]
        return counting * (held + background) / (1 + background)

    def _counts(self, culture: Run, rng: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        exosomes = np.rint(gained(culture, "exosomes", self.window).values).astype(np.int64)
        held = held_share(culture, self.numbers).values
        background = self.numbers["capture_background"] * float(((1 - held) * exosomes).mean())
        return rng.binomial(exosomes, 1 - held) + rng.poisson(background, len(exosomes))

    def _hours(self, run: Run) -> float:
        start, stop = span(run, self.window)
        return (stop - start) / HOUR
