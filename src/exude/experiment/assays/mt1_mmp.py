"""MT1-MMP at MVBs and on exosomes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import xarray as xr

from exude.engine.result import Run
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import WHOLE, Window, gained, named, per_cell, ratio, snapshot, span

PLACES = ["mvb", "exosome"]


@dataclass(frozen=True)
class Mt1Mmp(AbstractCultureAssay):
    """MT1-MMP molecules per MVB at the window's stop, and per exosome released within the window.

    mvb = MT1-MMP on all ILVs inside / MVBs; exosome = MT1-MMP on released exosomes / exosomes.
    Valid when: MT1-MMP on the limiting membrane goes with that on ILVs. NaN where there is no MVB or no exosome.
    """

    _: KW_ONLY
    window: Window = WHOLE
    purpose: ClassVar[int] = 16
    reads: ClassVar[str] = "mt1_mmp"

    @property
    def noise(self) -> Lognormal:
        """Fluorescence at MVBs, a blot on exosomes."""
        cv = [self.numbers["fluorescence_cv"], self.numbers["blot_cv"]]
        return Lognormal(xr.DataArray(cv, dims="place", coords={"place": PLACES}), self.numbers["mt1_mmp_floor"])

    def signal(self, run: Run) -> xr.DataArray:
        """Molecules per particle, shared out over cells (see `ratio`), (cell, place)."""
        stop = span(run, self.window)[1]
        there = snapshot(run, stop)
        cells = there["cell"].values
        inside = per_cell(run, cells, there["mt1_mmp"].values)
        mvbs = per_cell(run, cells, (there["ilv"] * 0 + 1).values)
        cargo, exosomes = (gained(run, what, self.window) for what in ("exosomal_cargo", "exosomes"))
        parts = [ratio(inside, mvbs), ratio(cargo, exosomes)]
        both = xr.concat(parts, dim="place", combine_attrs="drop").assign_coords(place=PLACES)
        return named(both.transpose("cell", "place"), "MT1-MMP molecules per particle", "MT1-MMP per MVB or exosome")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Nothing is added."""
        return readings
