"""Cells that make their way through a slab of matrix to its lower side."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import stats

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import DataError, ProtocolError, refuse
from exude.experiment.arrange import Gel, Layer
from exude.experiment.assays.measures import (
    AbstractTissueAssay,
    Dishes,
    TissueReading,
    all_of,
    replicates,
)  # fmt: skip
from exude.experiment.assays.reading import named, number, pick
from exude.experiment.tissue import Tissue

NO_COUNT = 0.5
"""Cells added to either side before a share is taken (Jeffreys): none seen does not mean none can."""


@dataclass(frozen=True)
class Transwell(AbstractTissueAssay):
    """Share of cells that have come through: their lower edge within `reach` cell radii of the lower face.

    A cell that was there once is counted for good (it holds on to the filter). Stained cells below are found with
    probability `transwell_seen`. at: time of the count in s; infinity is the end of the run.
    Valid when: recorded times are closer than a cell takes to turn back; cells pass independently. Likelihood: count
    below of `cells`, beta-binomial: the share that passes is known from a finite number of simulated cells.
    """

    _: KW_ONLY
    at: float = math.inf
    reach: float = 1.0
    purpose: ClassVar[int] = 43

    def standard(self) -> Tissue:
        """30 cells on a slab of collagen 60 um thick for 24 h."""
        return Tissue(
            matrix=Gel(), cells=Layer(30), size=("200 um", "200 um", "80 um"), voxel="10 um", duration="24 h",
            every="2 h",
        )  # fmt: skip

    def observable(self, dish: TissueReading) -> xr.Dataset:
        """`course` (time,), the share through, and `share`, `through`, `cells` at the time of the count."""
        last = dish.index(self.at)
        through, cells = self._counts(dish, last)
        course = xr.DataArray(through / np.maximum(cells, 1), dims="time", coords={"time": dish.times[: last + 1]})
        return xr.Dataset(
            {
                "course": named(course, "1", "share of cells that have come through"),
                "share": number(float(course[-1]), "1", "share of cells that have come through"),
                "through": number(int(through[-1]), "cells", "cells that have come through"),
                "cells": number(int(cells[-1]), "cells", "cells in the insert"),
            }
        )

    def measure(self, dishes: Dishes, *, seed: int = 1) -> xr.Dataset:
        """`through`, counted below, of `cells`, and their `share`, of each insert, (replicate,)."""
        rng = generator(seed, self.purpose)
        tables = [self.observable(dish) for dish in all_of(dishes)]
        counted = [int(rng.binomial(int(table["through"]), self.numbers["transwell_seen"])) for table in tables]
        cells = [int(table["cells"]) for table in tables]
        shares = [k / n if n else math.nan for k, n in zip(counted, cells, strict=True)]
        first = tables[0]
        return xr.Dataset(
            {
                "through": replicates(counted, first["through"]),
                "cells": replicates(cells, first["cells"]),
                "share": replicates(shares, first["share"]),
            }
        )

    def log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log probability of `through` of `cells` (replicate,), given all dishes together."""
        tables = [self.observable(dish) for dish in all_of(dishes)]
        passed, there = (sum(int(table[name]) for table in tables) for name in ("through", "cells"))
        a, b = self._shape(passed + NO_COUNT, there - passed + NO_COUNT)
        seen, cells = np.broadcast_arrays(np.atleast_1d(pick(data, "through")), np.atleast_1d(pick(data, "cells")))
        if not ((seen >= 0) & (seen <= cells)).all() or (seen % 1 != 0).any() or (cells % 1 != 0).any():
            raise refuse(DataError, seen.tolist(), f"whole counts up to {cells.tolist()}", "Give counts, not shares.")
        return float(stats.betabinom.logpmf(seen, cells, a, b).sum())

    def _shape(self, a: float, b: float) -> tuple[float, float]:
        """Beta of the share that is found: mean and variance of `transwell_seen` times a beta share."""
        found = self.numbers["transwell_seen"]
        mean = found * a / (a + b)
        variance = found**2 * a * b / ((a + b) ** 2 * (a + b + 1))
        size = mean * (1 - mean) / variance - 1
        return mean * size, (1 - mean) * size

    def passed(self, dish: TissueReading, last: int) -> list[set[int]]:
        """Ids of the cells that have come through by each time up to number `last`, dead ones among them."""
        if dish.grid.shape[0] == 1:
            raise refuse(ProtocolError, "a tissue one layer thick", "a slab", "Give the box three lengths.")
        floor = dish.grid.origin[2]
        found: list[set[int]] = []
        for i in range(last + 1):
            now = dish.load(i).cells
            low = now["position"][:, 2] - now["radius"] - floor
            there = set(now["id"][low <= self.reach * now["radius"]].tolist())
            found.append(there | (found[-1] if found else set()))
        return found

    def _counts(self, dish: TissueReading, last: int) -> tuple[Floats, Floats]:
        """Cells through, and cells, at each time up to `last`."""
        through, cells = [], []
        for i, known in enumerate(self.passed(dish, last)):
            ids = dish.load(i).cells["id"]
            through.append(sum(int(one) in known for one in ids))
            cells.append(len(ids))
        return np.array(through, float), np.array(cells, float)
