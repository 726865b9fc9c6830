"""Exosomes taken up by recipients, by flow cytometry of labelled ones."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import ProtocolError, refuse
from exude.experiment.arrange import Mixture
from exude.experiment.assays.measures import AbstractTissueAssay, Dishes, TissueReading, all_of, kind_number, replicates
from exude.experiment.assays.noise import Lognormal, covariance
from exude.experiment.assays.reading import named, number, pick
from exude.experiment.matrix import Plastic
from exude.experiment.tissue import Tissue


@dataclass(frozen=True)
class ExosomeUptake(AbstractTissueAssay):
    """Labelled exosomes in each cell of a kind that were taken up so far; division shares them between daughters.

    kind: the recipients that are gated on. at: time of the reading in s; infinity is the end of the run. Likelihood: mean
    over cells times lognormal noise of mean 1; the sampling of cells counts, cells taken as independent.
    Valid when: the label is not lost within the time of the assay.
    """

    _: KW_ONLY
    kind: str = "fibroblast"
    at: float = math.inf
    purpose: ClassVar[int] = 47

    def standard(self) -> Tissue:
        """60 tumour cells among 60 fibroblasts and 60 normal epithelial cells on plastic for a day."""
        return Tissue(
            matrix=Plastic(), cells=Mixture({"tumour": 60, "fibroblast": 60, "normal": 60}), size=("420 um", "420 um"),
            voxel="20 um", duration="24 h", every="2 h",
        )  # fmt: skip

    def observable(self, dish: TissueReading) -> xr.Dataset:
        """`course` (time,), the mean, and `taken` (cell,), `mean` at the time of the reading."""
        last = dish.index(self.at)
        means = [float(self._taken(dish, i).mean()) for i in range(last + 1)]
        course = xr.DataArray(means, dims="time", coords={"time": dish.times[: last + 1]})
        course["time"].attrs.update(units="s", long_name="time")
        said = f"exosomes taken up per {self.kind} cell"
        taken = xr.DataArray(self._taken(dish, last), dims="cell")
        return xr.Dataset(
            {
                "course": named(course, "exosomes", said),
                "taken": named(taken, "exosomes", said),
                "mean": number(means[-1], "exosomes", said),
                "cells": number(taken.size, "cells", f"{self.kind} cells"),
            }
        )

    def measure(self, dishes: Dishes, *, seed: int = 1) -> xr.Dataset:
        """Noisy `mean` and `cells` of each dish, (replicate,)."""
        rng = generator(seed, self.purpose)
        tables = [self.observable(dish) for dish in all_of(dishes)]
        read = [float(self.noise.draw(rng, table["mean"])) for table in tables]
        cells = [int(table["cells"]) for table in tables]
        return xr.Dataset({"mean": replicates(read, tables[0]["mean"]), "cells": replicates(cells, tables[0]["cells"])})

    def log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log density of `mean` (replicate,); `cells` (replicate,) in each, taken as very many if missing."""
        each = np.concatenate([self.observable(dish)["taken"].values for dish in all_of(dishes)])[:, None]
        seen = np.atleast_1d(pick(data, "mean").values)
        cells = np.broadcast_to(data["cells"].values, seen.shape) if "cells" in data else np.full(len(seen), np.inf)
        cv = np.array([self.numbers["uptake_cv"]])
        return sum(
            self.noise.log_density(np.array([mean]), each.mean(axis=0), cv, covariance(each, n))
            for mean, n in zip(seen, cells, strict=True)
            if not math.isnan(mean)
        )

    @property
    def noise(self) -> Lognormal:
        """Labelling, gating and the cytometer."""
        return Lognormal(self.numbers["uptake_cv"], self.numbers["uptake_floor"])

    def _taken(self, dish: TissueReading, index: int) -> Floats:
        now = dish.load(index).cells
        mine = now["exosomes_in"][now["kind"] == kind_number(dish, self.kind)] if "exosomes_in" in now else np.zeros(0)
        if not len(mine):
            raise refuse(
                ProtocolError,
                f"a dish without {self.kind} cells",
                "recipients",
                "Use Mixture({'fibroblast': 60, ...}).",
            )
        return np.asarray(mine)
