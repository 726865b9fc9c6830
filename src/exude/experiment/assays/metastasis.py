"""Metastases counted at a second site."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import DataError, ProtocolError, refuse
from exude.experiment.assays.cohort_readings import ANIMALS, AbstractCohortAssay, drawn, per_animal, whole_counts
from exude.experiment.assays.measures import SAME_TIME
from exude.experiment.assays.reading import named, pick
from exude.experiment.assays.spheroid_invasion import log_predictive_count
from exude.experiment.cohort import CohortRun

COUNT = ("colonies", "metastases that are seen")


@dataclass(frozen=True)
class Metastasis(AbstractCohortAssay):
    """Number of colonies at the second site that are large enough to be seen, counted when an animal is opened.

    at: day of opening in s, infinity being the end; an animal lost before is counted when it is lost. Each colony is
    found with probability `metastasis_found`. Likelihood: counts are Poisson about a rate of each animal's own, rates
    follow a gamma; what members say of both is integrated (`log_predictive_count`).
    Valid when: a gamma describes how animals differ; `metastasis_found` is near 1 (members' counts are scaled by it).
    There is one site in these bodies: counts of several organs are added up.
    """

    _: KW_ONLY
    at: float = math.inf
    purpose: ClassVar[int] = 49

    def observable(self, run: CohortRun) -> xr.Dataset:
        """`mean` over members against time, a lost one as it was last (time,), and `metastases` at `at` (member,)."""
        seen = self._held(run)
        mean = xr.DataArray(seen.mean(axis=0), dims="time", coords={"time": run.data["time"]})
        there = xr.DataArray(seen[:, self._index(run)], dims="member", coords={"member": run.data["member"]})
        return xr.Dataset({"metastases": named(there, *COUNT), "mean": named(mean, COUNT[0], "mean over members")})

    def measure(self, run: CohortRun, *, replicates: int = ANIMALS, seed: int = 1) -> xr.Dataset:
        """`metastases` found in `replicates` members, (replicate,)."""
        rng = generator(seed, self.purpose)
        there = self._held(run)[drawn(run, replicates, rng), self._index(run)]
        found = rng.binomial(there.astype(np.int64), self.numbers["metastasis_found"])
        return xr.Dataset({"metastases": per_animal(found.astype(np.float64), COUNT)})

    def log_likelihood(self, run: CohortRun, data: xr.Dataset) -> float:
        """Log probability of `metastases` (replicate,), whole counts; NaN is skipped."""
        if run.data.sizes["member"] < 2:
            raise refuse(DataError, "one member", "two or more, to tell how they differ", "Run a larger cohort.")
        counts = whole_counts(np.atleast_1d(np.asarray(pick(data, "metastases").values, np.float64)))
        known = self._held(run)[:, self._index(run)] * self.numbers["metastasis_found"]
        return float(log_predictive_count(counts, known).sum())

    def _held(self, run: CohortRun) -> Floats:
        """Colonies seen in each member, (member, time); after its end as many as at its end."""
        seen = run.data["metastases"].transpose("member", "time").values
        last = np.sum(~np.isnan(seen), axis=1) - 1
        return np.asarray(np.take_along_axis(seen, np.minimum(np.arange(seen.shape[1]), last[:, np.newaxis]), axis=1))

    def _index(self, run: CohortRun) -> int:
        times = run.data["time"].values
        near = len(times) - 1 if self.at == math.inf else int(np.argmin(np.abs(times - self.at)))
        if self.at != math.inf and not abs(times[near] - self.at) <= SAME_TIME:
            expected = f"a recorded time from 0 to {times[-1]:g} s"
            raise refuse(ProtocolError, self.at, expected, "Give whole days in s, such as 21 * 86400.")
        return near
