"""A tumour in a host: its volume against time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import ProtocolError, refuse
from exude.experiment.arrange import Among, Spheroid
from exude.experiment.assays.measures import (
    AbstractTissueAssay,
    Dishes,
    TissueReading,
    all_of,
    kind_number,
    log_predictive,
    matched_times,
    replicates,
    same_times,
    several,
)  # fmt: skip
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import named, pick
from exude.experiment.bed import Capillaries, Host
from exude.experiment.tissue import Tissue

CUBIC_MM = 1e-9
"""mm3 in a um3."""


@dataclass(frozen=True)
class TumourInHost(AbstractTissueAssay):
    """Volume of a tumour among a host's vessels and T cells, at every recorded time.

    volume = pieces x sum over tumour and transformed cells of 4/3 pi r^3, mm3. Read from outside with the
    multiplicative noise `caliper_cv` (assumed); below `caliper_floor` a caliper feels nothing and reads the floor.
    Likelihood: log volumes of one host at all times together, with the noise and the spread between hosts (Student's t).
    Valid when: cells are packed, so that between them is little; the piece of tissue is like the rest of the tumour.
    """

    purpose: ClassVar[int] = 47

    def standard(self) -> Tissue:
        """A tumour of 150 cells and 15 T cells in a mouse for two days."""
        return Tissue(
            cells=Among(Spheroid(150), {"t_cell": 15}), size=("240 um", "240 um", "240 um"), voxel="20 um",
            duration="48 h", every="6 h", vessels=Capillaries(), host=Host(),
        )  # fmt: skip

    def observable(self, dish: TissueReading) -> xr.Dataset:
        """`volume` (mm3) and `cells` of the tumour, and `t_cells` in it, each (time,)."""
        pieces = _pieces(dish)
        mine = [kind_number(dish, kind) for kind in ("tumour", "transformed")]
        guests = kind_number(dish, "t_cell")
        volumes, cells, t_cells = [], [], []
        for now in dish:
            tumour = np.isin(now.cells["kind"], mine)
            volumes.append(pieces * CUBIC_MM * 4 / 3 * math.pi * float(np.sum(now.cells["radius"][tumour] ** 3)))
            cells.append(pieces * int(tumour.sum()))
            t_cells.append(pieces * int((now.cells["kind"] == guests).sum()))
        times = {"time": ("time", dish.times, {"units": "s", "long_name": "time"})}
        made = {
            "volume": (volumes, "mm3", "volume of the tumour"),
            "cells": (cells, "cells", "cells of the tumour"),
            "t_cells": (t_cells, "cells", "T cells in the tumour"),
        }
        return xr.Dataset(
            {
                k: named(xr.DataArray(np.array(v, float), dims="time", coords=times), *about)
                for k, (v, *about) in made.items()
            }
        )

    def measure(self, dishes: Dishes, *, seed: int = 1) -> xr.Dataset:
        """Noisy `volume` of each host, (replicate, time)."""
        rng = generator(seed, self.purpose)
        tables = [self.observable(dish)["volume"] for dish in all_of(dishes)]
        same_times(all_of(dishes))
        return xr.Dataset({"volume": replicates([self._noise.draw(rng, table) for table in tables], tables[0])})

    def log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log probability density of `volume` (replicate, time), given two hosts or more that predict it.

        Volumes at or below the floor say only that the tumour was too small to feel and are left out.
        """
        found = several(dishes)
        seen = pick(data, "volume")
        at = matched_times(same_times(found), seen)
        predicted = np.array([self.observable(dish)["volume"].values[at] for dish in found])
        floor, noise = self._noise.floor, self._noise.cv
        expected = np.log(np.maximum(predicted, floor))
        variance = math.log1p(float(noise) ** 2)
        rows = np.atleast_2d(seen.transpose(..., "time").values)
        return float(sum(self._row(row, expected - variance / 2, variance) for row in rows))

    def _row(self, row: Floats, expected: Floats, variance: float) -> float:
        felt = row > self._noise.floor
        logs = np.where(felt, np.log(np.where(felt, row, 1)), math.nan)
        change = float(np.sum(logs[felt]))  # density of the volume, not of its logarithm
        return log_predictive(logs, expected, variance * np.eye(len(row))) - change

    @property
    def _noise(self) -> Lognormal:
        return Lognormal(self.numbers["caliper_cv"], self.numbers["caliper_floor"] * CUBIC_MM)


def _pieces(dish: TissueReading) -> int:
    """How many such pieces the tumour has."""
    found = dish.made.get("pieces", 0)
    if not found:
        raise refuse(
            ProtocolError, "a tissue without a body around it", "a tumour in a host", "Use Tissue(host=Host(), vessels=Capillaries(), ...)."
        )  # fmt: skip
    return int(found)
