"""What exosomes carry into the medium: marks, MT1-MMP, PD-L1, an oncogene's product."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import xarray as xr

from exude.engine.result import Run
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.medium import final, in_medium
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import WHOLE, Window, gained, named, ratio

GENES = {"CD63": "CD63", "CD9": "CD9", "ALIX": "PDCD6IP", "PD-L1": "CD274"}
"""Cargo -> gene whose level scales it; the oncogene scales with nothing the model has."""


@dataclass(frozen=True)
class ExosomeCargo(AbstractCultureAssay):
    """Molecules of each cargo on the exosomes in the medium of a window, per cell (ELISA on purified exosomes).

    cargo = exosomes in medium * copies per exosome * level; MT1-MMP is counted vesicle by vesicle:
    exosomes in medium * (MT1-MMP released / exosomes released).
    window: fresh medium at its start, harvest at its stop, in s.
    Valid when: copies per exosome are those of the catalogue (most are assumed); loss takes all exosomes alike.
    """

    _: KW_ONLY
    window: Window = WHOLE
    purpose: ClassVar[int] = 22
    reads: ClassVar[str] = "cargo"

    @property
    def noise(self) -> Lognormal:
        """An immunoassay, taken to err as a blot does."""
        return Lognormal(self.numbers["blot_cv"], self.numbers["blot_floor"])

    def signal(self, run: Run) -> xr.DataArray:
        """Molecules, (cell, kind)."""
        medium = final(in_medium(run, self.numbers, self.window))
        level = run.data["level"]
        parts = {
            name: medium
            * self.numbers[f"{name.lower().replace('-', '_')}_per_exosome"]
            * level.sel(symbol=gene, drop=True)
            for name, gene in GENES.items()
        }
        each = ratio(gained(run, "exosomal_cargo", self.window), gained(run, "exosomes", self.window))
        parts["MT1-MMP"] = medium * each.mean()
        parts["oncogene"] = medium * self.numbers["oncogene_per_exosome"]
        stacked = xr.concat(list(parts.values()), dim="kind").assign_coords(kind=list(parts))
        return named(stacked.transpose("cell", "kind"), "molecules per cell", "cargo on exosomes in the medium")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Adds `share`: each cargo over CD63, (..., kind)."""
        cargo = readings["cargo"]
        over = cargo / cargo.sel(kind="CD63", drop=True)
        return readings.assign(share=named(over, "1", "molecules per molecule of CD63"))
