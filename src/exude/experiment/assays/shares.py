"""Assays that count how many of how many cells something has happened to."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import stats

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import DataError, refuse
from exude.experiment.assays.measures import AbstractTissueAssay, Dishes, TissueReading, all_of, replicates
from exude.experiment.assays.reading import named, number, pick

NO_COUNT = 0.5
"""Cells added to either side before a share is taken (Jeffreys): none seen does not mean none can."""


@dataclass(frozen=True)
class AbstractShareAssay(AbstractTissueAssay):
    """A share of cells at a time, counted: each that counts is found with probability `found`.

    at: time of the count in s; infinity is the end of the run. Likelihood: count of `cells`, beta-binomial: the share
    is known from a finite number of simulated cells. Valid when: cells are independent of each other.
    """

    _: KW_ONLY
    at: float = math.inf
    counted: ClassVar[str]
    """Name of the count."""
    says: ClassVar[str]
    """What those cells have done, in words."""
    among: ClassVar[str]
    """Of which cells, in words."""

    @abstractmethod
    def counts(self, dish: TissueReading, last: int) -> tuple[Floats, Floats]:
        """Cells that count, and cells, at each recorded time up to number `last`."""

    @property
    def found(self) -> float:
        """Probability that a cell that counts is found."""
        return 1.0

    def observable(self, dish: TissueReading) -> xr.Dataset:
        """`course` (time,), the share, and `share`, the count and `cells` at the time of the count."""
        last = dish.index(self.at)
        some, cells = self.counts(dish, last)
        course = xr.DataArray(some / np.maximum(cells, 1), dims="time", coords={"time": dish.times[: last + 1]})
        course["time"].attrs.update(units="s", long_name="time")
        what = f"share of {self.among} that {self.says}"
        return xr.Dataset(
            {
                "course": named(course, "1", what),
                "share": number(float(course[-1]), "1", what),
                self.counted: number(int(some[-1]), "cells", f"{self.among} that {self.says}"),
                "cells": number(int(cells[-1]), "cells", self.among),
            }
        )

    def measure(self, dishes: Dishes, *, seed: int = 1) -> xr.Dataset:
        """The count, `cells`, and their `share`, of each dish, (replicate,)."""
        rng = generator(seed, self.purpose)
        tables = [self.observable(dish) for dish in all_of(dishes)]
        counted = [int(rng.binomial(int(table[self.counted]), self.found)) for table in tables]
        cells = [int(table["cells"]) for table in tables]
        shares = [k / n if n else math.nan for k, n in zip(counted, cells, strict=True)]
        first = tables[0]
        return xr.Dataset(
            {
                self.counted: replicates(counted, first[self.counted]),
                "cells": replicates(cells, first["cells"]),
                "share": replicates(shares, first["share"]),
            }
        )

    def log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log probability of the count of `cells` (replicate,), given all dishes together."""
        tables = [self.observable(dish) for dish in all_of(dishes)]
        some, there = (sum(int(table[name]) for table in tables) for name in (self.counted, "cells"))
        a, b = self._shape(some + NO_COUNT, there - some + NO_COUNT)
        seen, cells = np.broadcast_arrays(np.atleast_1d(pick(data, self.counted)), np.atleast_1d(pick(data, "cells")))
        if not ((seen >= 0) & (seen <= cells)).all() or (seen % 1 != 0).any() or (cells % 1 != 0).any():
            raise refuse(DataError, seen.tolist(), f"whole counts up to {cells.tolist()}", "Give counts, not shares.")
        return float(stats.betabinom.logpmf(seen, cells, a, b).sum())

    def _shape(self, a: float, b: float) -> tuple[float, float]:
        """Beta of the share that is found: mean and variance of `found` times a beta share."""
        found = self.found
        mean = found * a / (a + b)
        variance = found**2 * a * b / ((a + b) ** 2 * (a + b + 1))
        size = mean * (1 - mean) / variance - 1
        return mean * size, (1 - mean) * size
