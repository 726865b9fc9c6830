"""Calipers: the volume of the tumour against time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import DataError, refuse
from exude.experiment.assays.cohort_readings import ANIMALS, AbstractCohortAssay, drawn, per_animal
from exude.experiment.assays.measures import log_predictive, matched_times
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import named, pick
from exude.experiment.cohort import CohortRun
from exude.units import factor_to_internal

VOLUME = ("mm3", "volume of the tumour")
FEWEST = 3
"""Members alive that tell how members differ."""


@dataclass(frozen=True)
class TumourGrowth(AbstractCohortAssay):
    """Volume of the tumour against time, by calipers, until an animal is lost.

    V = 4 r^3 N for N packed cells (the body's `volume`), times lognormal noise of mean 1 (`caliper_cv`); below
    `caliper_floor` the least that can be felt is read. Likelihood of an animal's course: Student's t of the logarithms
    about the members that live as long, with how they differ and the noise.
    Valid when: logarithms of volumes of members differ nearly normally; readings of one animal err independently.
    """

    purpose: ClassVar[int] = 48

    def observable(self, run: CohortRun) -> xr.Dataset:
        """`volume` of each member (member, time) and its `median` over living members (time,), mm3."""
        volume = self.volume(run)
        there = np.isfinite(volume.values).any(axis=0)
        middle = np.full(volume.sizes["time"], np.nan)
        middle[there] = np.nanmedian(volume.values[:, there], axis=0)
        median = xr.DataArray(middle, dims="time", coords={"time": volume["time"]})
        return xr.Dataset({"volume": volume, "median": named(median, VOLUME[0], "median of living members")})

    def volume(self, run: CohortRun) -> xr.DataArray:
        """Volume of each member's tumour, (member, time), mm3; NaN after its end."""
        one = 2 * 2 * self.numbers["cell_radius"] ** 2 * self.numbers["cell_radius"] / factor_to_internal("mm**3")
        return named(run.data["primary"] * one, *VOLUME)

    def measure(self, run: CohortRun, *, replicates: int = ANIMALS, seed: int = 1) -> xr.Dataset:
        """`volume` of `replicates` members, each read at all recorded times while it lives, (replicate, time), mm3."""
        rng = generator(seed, self.purpose)
        seen = self.noise.draw(rng, self.volume(run).isel(member=drawn(run, replicates, rng)))
        return xr.Dataset({"volume": per_animal(seen.values, VOLUME, run.data["time"])})

    def log_likelihood(self, run: CohortRun, data: xr.Dataset) -> float:
        """Log density of `volume` (replicate, time) in mm3; NaN is skipped, times are among the recorded ones."""
        seen = pick(data, "volume")
        table = seen if "replicate" in seen.dims else seen.expand_dims("replicate")
        at = matched_times(run.data["time"].values, seen)
        known = self.volume(run).values[:, at]
        return sum(self._animal(row, known) for row in table.transpose("replicate", "time").values)

    def _animal(self, row: Floats, known: Floats) -> float:
        there = ~np.isnan(row)
        if not there.any():
            return 0.0
        if (row[there] < 0).any() or np.isinf(row[there]).any():
            raise refuse(DataError, row[there].tolist(), "finite volumes of 0 or more", "Give volumes in mm3.")
        alive = ~np.isnan(known[:, np.flatnonzero(there)[-1]])
        if alive.sum() < FEWEST:
            expected = f"{FEWEST} members or more that live as long as the animal"
            raise refuse(DataError, f"{alive.sum()} members", expected, "Run a cohort of more members.")
        floor, variance = self.noise.floor, float(np.log1p(self.numbers["caliper_cv"] ** 2))
        logs = np.log(np.maximum(known[alive][:, there], floor))
        read = np.log(np.maximum(row[there], floor))
        noise = variance * np.eye(int(there.sum()))
        return log_predictive(read + variance / 2, logs, noise) - float(read.sum())

    @property
    def noise(self) -> Lognormal:
        """The error of calipers, in mm3."""
        return Lognormal(self.numbers["caliper_cv"], self.numbers["caliper_floor"] / factor_to_internal("mm**3"))
