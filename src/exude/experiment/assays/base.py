"""What every assay is: an observable, a noisy measurement, and the log-likelihood of measured data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.result import Run
from exude.engine.streams import generator
from exude.experiment.assays.noise import Lognormal, covariance
from exude.experiment.assays.reading import cell_numbers, matched, named, pick, rows, split
from exude.experiment.protocol import Numbers


@dataclass(frozen=True)
class AbstractAssay(ABC):
    """One instrument: what it would read, how it errs, and how likely a reading is.

    numbers: values of the assay's parameters, internal units.
    """

    numbers: Numbers = field(default_factory=Numbers.default)
    purpose: ClassVar[int]
    """Number of this assay's own random stream."""

    @abstractmethod
    def observable(self, run: Run) -> xr.Dataset:
        """What the instrument would read without its noise; named dimensions, units on every variable."""

    @abstractmethod
    def measure(self, run: Run, *, replicates: int = 3, seed: int = 1) -> xr.Dataset:
        """Noisy readings of `replicates` cultures, into which the cells of the run are split at random."""

    @abstractmethod
    def log_likelihood(self, run: Run, data: xr.Dataset) -> float:
        """Log probability (density) of `data`, named as `measure` names them, given the run's prediction."""


@dataclass(frozen=True)
class AbstractCultureAssay(AbstractAssay):
    """An assay that reads one culture as a whole, with multiplicative noise on each reading.

    reading = mean over cells of `signal`, times lognormal noise of mean 1.

    Valid when: the culture is large enough for the mean over its cells to be nearly normal. The likelihood counts the
    instrument's noise, the sampling of the cells of a culture (where `data` has `cells`; a culture without that
    number is taken as very large) and the finite number of cells of the run; readings of one culture share its cells
    and are correlated accordingly.
    """

    reads: ClassVar[str]
    """Name of the variable that is read."""

    @abstractmethod
    def signal(self, run: Run) -> xr.DataArray:
        """Contribution of each cell, (cell, ...), whose mean over cells is the reading without noise."""

    @abstractmethod
    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """The readings and what is computed from them."""

    @property
    @abstractmethod
    def noise(self) -> Lognormal:
        """The instrument's noise."""

    def observable(self, run: Run) -> xr.Dataset:
        """What the instrument would read without its noise; named dimensions, units on every variable."""
        return self.derived(_mean(self.signal(run)).to_dataset(name=self.reads))

    def measure(self, run: Run, *, replicates: int = 3, seed: int = 1) -> xr.Dataset:
        """Noisy readings of `replicates` cultures, into which the cells of the run are split at random."""
        rng = generator(seed, self.purpose)
        cultures = split(run, replicates, rng)
        seen = [self.noise.draw(rng, _mean(self.signal(culture))) for culture in cultures]
        data = rows(seen, cultures).to_dataset(name=self.reads)
        return self.derived(data.assign(cells=cell_numbers(cultures)))

    def log_likelihood(self, run: Run, data: xr.Dataset) -> float:
        """Log probability density of the readings in `data` (named as `measure` names them), (replicate, ...)."""
        seen = pick(data, self.reads)
        signal = matched(self.signal(run), seen)
        dims = [dim for dim in signal.dims if dim != "cell"]
        each = signal.transpose("cell", *dims).values.reshape(signal.sizes["cell"], -1)
        cv = self.noise.spread(signal.isel(cell=0)).transpose(*dims).values.ravel()
        table = seen if "replicate" in seen.dims else seen.expand_dims("replicate")
        values = table.transpose("replicate", *dims).values.reshape(table.sizes["replicate"], -1)
        cells = data["cells"].values if "cells" in data else np.full(len(values), np.inf)
        return float(
            sum(
                self.noise.log_density(row, each.mean(axis=0), cv, covariance(each, n))
                for row, n in zip(values, np.atleast_1d(cells), strict=True)
            )
        )


def _mean(signal: xr.DataArray) -> xr.DataArray:
    return named(signal.mean("cell"), signal.attrs["units"], signal.attrs["long_name"])
