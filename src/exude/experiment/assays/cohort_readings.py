"""A cohort as an assay reads it: animals, each seen until it is lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.layout import Floats, Ints
from exude.errors import DataError, ProtocolError, refuse
from exude.experiment.assays.reading import REPLICATE, named
from exude.experiment.cohort import CohortRun
from exude.experiment.protocol import Numbers

ANIMALS = 8
"""Animals of a group, usually."""


@dataclass(frozen=True)
class AbstractCohortAssay(ABC):
    """One instrument that reads bodies with a tumour: what it would read, how it errs, how likely a reading is.

    Members of a cohort stand for the animals (or patients) of one arm; arms are cohorts of their own.
    numbers: values of the assay's parameters, internal units.
    """

    numbers: Numbers = field(default_factory=Numbers.default)
    purpose: ClassVar[int]
    """Number of this assay's own random stream."""

    @abstractmethod
    def observable(self, run: CohortRun) -> xr.Dataset:
        """What the instrument would read of all members without its noise; units on every variable."""

    @abstractmethod
    def measure(self, run: CohortRun, *, replicates: int = ANIMALS, seed: int = 1) -> xr.Dataset:
        """Noisy readings of `replicates` members drawn at random, (replicate, ...)."""

    @abstractmethod
    def log_likelihood(self, run: CohortRun, data: xr.Dataset) -> float:
        """Log probability (density) of `data`, named as `measure` names them, given a cohort that predicts it."""


def drawn(run: CohortRun, animals: int, rng: np.random.Generator) -> Ints:
    """Numbers of rows of `animals` members, none twice; ProtocolError where there are not so many."""
    members = run.data.sizes["member"]
    if not 1 <= animals <= members:
        raise refuse(ProtocolError, animals, f"from 1 to {members} animals", "Run a cohort of more members.")
    return np.sort(rng.permutation(members)[:animals])


def per_animal(values: Floats, what: tuple[str, str], time: xr.DataArray | None = None) -> xr.DataArray:
    """Readings (replicate,) or (replicate, time) with unit and name."""
    dims = ("replicate",) if time is None else ("replicate", "time")
    coords = {"replicate": ("replicate", np.arange(len(values)), REPLICATE)}
    table = xr.DataArray(np.asarray(values), dims=dims, coords=coords if time is None else {**coords, "time": time})
    return named(table, *what)


def whole_counts(values: Floats) -> Floats:
    """The numbers that are there, which must be whole counts; DataError otherwise."""
    there = values[~np.isnan(values)]
    if ((there < 0) | (there % 1 != 0)).any():
        raise refuse(DataError, there.tolist(), "whole counts of 0 or more", "Give counts, not means.")
    return np.asarray(there)
