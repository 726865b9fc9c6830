"""A cell-free strip that cells close."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import ndimage

from exude.engine.streams import generator
from exude.errors import ProtocolError, refuse
from exude.experiment.arrange import Wound
from exude.experiment.assays.measures import (
    AbstractTissueAssay,
    Dishes,
    Mask,
    Snapshot,
    TissueReading,
    all_of,
    closed_gaps,
    log_predictive,
    matched_times,
    outline,
    replicates,
    same_times,
    several,
)  # fmt: skip
from exude.experiment.assays.reading import HOUR, named, number, pick
from exude.experiment.matrix import Plastic
from exude.experiment.tissue import Tissue

PIXEL = 1.0
"""Side of the pixels in which outlines are read, um."""
LARGEST = 0.1
"""Free regions smaller than this share of the largest are no part of the wound."""


@dataclass(frozen=True)
class WoundClosure(AbstractTissueAssay):
    """Share of the strip that is closed: 1 - free area now / free area at the start, within the strip of the start.

    Free is what lies outside the cells' outlines once gaps narrower than twice `outline_gap` are filled; the strip is
    the large free region of the first picture. speed = loss of free area up to half closure (or the end) per time,
    over the length of both edges.
    Valid when: the tissue is one layer. Likelihood: `closed` at all times of one dish together after the first, with
    the error of outlines and the spread between dishes.
    """

    _: KW_ONLY
    half: float = 0.5
    """Share closed up to which the speed is read: later edges meet."""
    purpose: ClassVar[int] = 44

    def standard(self) -> Tissue:
        """A strip of 200 um in a confluent layer on plastic for 24 h."""
        return Tissue(
            matrix=Plastic(), cells=Wound("200 um"), size=("600 um", "300 um"), voxel="10 um", duration="24 h",
            every="2 h",
        )  # fmt: skip

    def observable(self, dish: TissueReading) -> xr.Dataset:
        """`closed` (time,), a share; `speed` of one edge in um/h; `width` (time,) of the free strip, um."""
        strip = self.strip(dish)
        free = np.array([(strip & ~self.covered(now, dish)).sum() for now in dish], float)
        closed = xr.DataArray(1 - free / free[0], dims="time", coords={"time": dish.times})
        long = dish.grid.size[1]
        width = closed.copy(data=free * PIXEL**2 / long)
        return xr.Dataset(
            {
                "closed": named(closed, "1", "share of the wound closed"),
                "width": named(width, "um", "mean width of the wound"),
                "speed": number(self._speed(closed.values, width.values, dish.times), "um/h", "speed of one edge"),
            }
        )

    def measure(self, dishes: Dishes, *, seed: int = 1) -> xr.Dataset:
        """Noisy `closed` of each dish, (replicate, time); the first picture is the reference and reads 0."""
        rng = generator(seed, self.purpose)
        found = all_of(dishes)
        same_times(found)
        tables = [self.observable(dish) for dish in found]
        seen = []
        for table in tables:
            noise = self.numbers["wound_noise"] * rng.standard_normal(table.sizes["time"])
            noise[0] = 0.0
            seen.append(table["closed"].values + noise)
        return replicates(seen, tables[0]["closed"]).to_dataset(name="closed")

    def log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log density of `closed` (replicate, time); the first picture is not scored."""
        found = several(dishes)
        known = same_times(found)
        seen = pick(data, "closed")
        at = matched_times(known, seen)
        kept = at > 0
        courses = np.array([self.observable(dish)["closed"].values for dish in found])[:, at[kept]]
        noise = self.numbers["wound_noise"] ** 2 * np.eye(int(kept.sum()))
        table = seen if "replicate" in seen.dims else seen.expand_dims("replicate")
        return sum(log_predictive(row, courses, noise) for row in table.transpose("replicate", "time").values[:, kept])

    def covered(self, snapshot: Snapshot, dish: TissueReading) -> Mask:
        """Where the layer is, (y, x) in pixels of 1 um."""
        return closed_gaps(outline(snapshot, dish.grid, PIXEL), self.numbers["outline_gap"] / PIXEL)

    def strip(self, dish: TissueReading) -> Mask:
        """The wound of the first picture, (y, x); ProtocolError where there is none."""
        if dish.grid.shape[0] != 1:
            raise refuse(ProtocolError, "a tissue of many layers", "one layer", "Give the box two lengths.")
        regions, n = ndimage.label(~self.covered(dish.load(0), dish))
        if not n:
            raise refuse(ProtocolError, "a layer without a gap", "a wound", "Use Tissue(cells=Wound('200 um'), ...).")
        size = np.bincount(regions.ravel())[1:]
        return np.isin(regions, 1 + np.flatnonzero(size >= LARGEST * size.max()))

    def _speed(self, closed: np.ndarray, width: np.ndarray, times: np.ndarray) -> float:
        """Loss of width per hour up to half closure, shared by two edges."""
        reached = np.flatnonzero(closed >= self.half)
        last = int(reached[0]) if len(reached) else len(times) - 1
        return float((width[0] - width[last]) / 2 / (times[last] - times[0]) * HOUR) if last else 0.0
