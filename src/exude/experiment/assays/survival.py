"""Survival: when animals or patients are lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import DataError, refuse
from exude.experiment.assays.cohort_readings import ANIMALS, AbstractCohortAssay, drawn, per_animal
from exude.experiment.assays.measures import SAME_TIME
from exude.experiment.assays.reading import named, number, pick
from exude.experiment.cohort import CohortRun, survival

END = ("s", "time at which it is lost, or taken out alive")
DIED = ("1", "1 where it is lost to its tumour, 0 where it is taken out alive")
HALF = 1 / 2
"""Deaths and survivors that are added to those seen (Jeffreys): none seen does not mean none can."""


@dataclass(frozen=True)
class Survival(AbstractCohortAssay):
    """When animals are lost to their tumour; some are taken out for other reasons (`lost_otherwise`, a rate).

    Likelihood: in recorded interval j, d_j of n_j members at risk are lost, and the chance of it is
    Beta(d_j + 1 / (2 J), n_j - d_j + 1/2), J intervals, half a death in all; animals that share it are integrated over
    it. Valid when: being taken out says nothing of when an animal would have been lost; members are still at risk as
    long as animals are followed (of 150 members that die at 0.17 a day few are, and 0.1 is hardly told from it).
    """

    purpose: ClassVar[int] = 50

    def observable(self, run: CohortRun) -> xr.Dataset:
        """`alive`, `low`, `high` (time,) by Kaplan and Meier with 95 % bands; in s the `median` and its `earliest`, `latest`.

        Those are the times at which share and band are first at a half; infinite where that is beyond the run.
        """
        table = survival(run)
        halves = {"median": "alive", "earliest": "low", "latest": "high"}
        medians = {
            name: number(_first(table[of].values <= HALF, table.time.values), "s", f"{name} of median survival")
            for name, of in halves.items()
        }
        return xr.Dataset({name: named(table[name], "1", "share alive") for name in halves.values()} | medians)

    def measure(self, run: CohortRun, *, replicates: int = ANIMALS, seed: int = 1) -> xr.Dataset:
        """`end` in s and `died` of `replicates` members, (replicate,); times are recorded ones."""
        rng = generator(seed, self.purpose)
        rows = drawn(run, replicates, rng)
        times, end, died = run.data["time"].values, run.data["end"].values[rows], run.data["died"].values[rows]
        out = rng.standard_exponential(replicates) / self.numbers["lost_otherwise"]
        out = times[np.searchsorted(times, np.minimum(out, times[-1]))]
        return xr.Dataset(
            {
                "end": per_animal(np.minimum(end, out), END),
                "died": per_animal(np.where(out < end, 0, died).astype(np.float64), DIED),
            }
        )

    def log_likelihood(self, run: CohortRun, data: xr.Dataset) -> float:
        """Log probability of `end` (s) and `died` (1, or 0 for one taken out alive), (replicate,), together."""
        end, died = (np.atleast_1d(np.asarray(pick(data, name).values, np.float64)) for name in ("end", "died"))
        times = run.data["time"].values
        if end.shape != died.shape or not np.isin(died, (0, 1)).all():
            raise refuse(DataError, died.tolist(), "`died` of 0 or 1 for each `end`", "Give one for each animal.")
        if not ((end >= 0) & (end <= times[-1] + SAME_TIME)).all():
            expected = f"ends from 0 to {times[-1]:g} s, the end of the cohort"
            raise refuse(DataError, end.tolist(), expected, "Run a longer cohort, or end the data there.")
        risk, lost = at_risk(times, end, died)
        members, losses = at_risk(times, run.data["end"].values, run.data["died"].values)
        few = losses + HALF / len(losses)
        rest = members - losses + HALF
        return float(np.sum(special.betaln(few + lost, rest + risk - lost) - special.betaln(few, rest)))


def _first(there: NDArray[np.bool_], times: Floats) -> float:
    return float(times[there.argmax()]) if there.any() else math.inf


def at_risk(times: Floats, end: Floats, died: NDArray[Any]) -> tuple[Floats, Floats]:
    """In each interval between `times`, the first with its start: how many are followed through it or lost in it, and how many are lost.

    One taken out alive within an interval counts for those before it.
    """
    first = np.concatenate([[-math.inf], times[1:-1]])
    last = times[1:]
    at = end[:, np.newaxis]
    lost = (died[:, np.newaxis] == 1) & (at > first) & (at <= last + SAME_TIME * (last == times[-1]))
    through = np.where(died[:, np.newaxis] == 1, at > last, at >= last - SAME_TIME)
    return (lost | through).sum(axis=0).astype(np.float64), lost.sum(axis=0).astype(np.float64)
